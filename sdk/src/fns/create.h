/* SPDX-License-Identifier: Apache-2.0 */
/* fns/create.h - how the elements of a Create get into its DoFn's config. */
#ifndef BM_CREATE_H
#define BM_CREATE_H

#include "coders/coder.h"

/* Appends the config of "beam.create": the number of elements, then each. On failure
 * *failed is the index of the value that is not of the type. */
beam_status bm_create_encode(bm_arena *arena, const beam_type *type, const beam_value *values,
                             size_t n, bm_writer *out, size_t *failed);

/* A coder without the length prefixes that a runner may have put around parts of it. */
const bm_coder *bm_coder_without_prefixes(bm_arena *arena, const bm_coder *coder);

#endif
