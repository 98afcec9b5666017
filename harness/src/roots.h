/* SPDX-License-Identifier: Apache-2.0 */
/* roots.h - elements to be run again as BundleApplication and DelayedBundleApplication. The
 * messages refer to what the root points to. Any thread. */
#ifndef BM_ROOTS_H
#define BM_ROOTS_H

#include "exec/plan.h"
#include "model/beam_fn_api.upb.h"

void bm_root_write(const bm_root *root, pb_BundleApplication *out, upb_Arena *pb);
void bm_root_write_delayed(const bm_root *root, pb_DelayedBundleApplication *out,
                           upb_Arena *pb);

#endif
