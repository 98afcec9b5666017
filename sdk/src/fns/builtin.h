/* SPDX-License-Identifier: Apache-2.0 */
/* fns/builtin.h - the functions that the SDK's own transforms are made of. Their names
 * start with "beam." and every registry holds them. */
#ifndef BM_BUILTIN_H
#define BM_BUILTIN_H

#include "beam/dofn.h"

extern const beam_dofn *const bm_builtin_dofns[];
extern const size_t bm_builtin_dofns_count;
extern const beam_combine *const bm_builtin_combines[];
extern const size_t bm_builtin_combines_count;

#endif
