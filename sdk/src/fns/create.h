/* SPDX-License-Identifier: Apache-2.0 */
/* fns/create.h - how the elements of a Create get into its DoFn's config. */
#ifndef BM_CREATE_H
#define BM_CREATE_H

#include "coders/coder.h"

/* Appends the config of "beam.create": the number of elements, then each. On failure
 * *failed is the index of the value that is not of the type. */
beam_status bm_create_encode(bm_arena *arena, const beam_type *type,
                             const beam_value *values, size_t n, bm_writer *out,
                             size_t *failed);

/* The coder with length prefixes around structs and nothing else: what a runner puts in or
 * leaves out does not matter then. */
const bm_coder *bm_coder_settled(bm_arena *arena, const bm_coder *coder);

#endif
