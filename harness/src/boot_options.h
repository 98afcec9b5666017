/* SPDX-License-Identifier: Apache-2.0 */
/* boot_options.h - pipeline options (ProvisionInfo.pipeline_options) that a worker heeds. */
#ifndef BM_BOOT_OPTIONS_H
#define BM_BOOT_OPTIONS_H

#include "boot.h"

struct google_protobuf_Struct;

/* Sets the fields of *out that options decide; those that are wrong are told on stderr and
 * ignored. NULL: no options. */
void bm_boot_read_options(const struct google_protobuf_Struct *options, bm_arena *arena,
                          bm_boot *out);

#endif
