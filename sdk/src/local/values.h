/* SPDX-License-Identifier: Apache-2.0 */
/* local/values.h - a growing chain of encoded values. One thread at a time. */
#ifndef BM_LOCAL_VALUES_H
#define BM_LOCAL_VALUES_H

#include "base/arena.h"

/* Encoded values, back to back and whole: a chain of chunks is the body of an iterable. */
typedef struct bm_value_chunk bm_value_chunk;
struct bm_value_chunk {
    const bm_value_chunk *next;
    size_t n_values, n_bytes;
    const char *bytes;
};

typedef struct bm_values {
    bm_value_chunk *first, *last;
    size_t n, n_bytes;
} bm_values; /* zeroed: empty */

void bm_values_add(bm_values *values, beam_span value);
/* Moves all of `from` behind `to`. */
void bm_values_move(bm_values *to, bm_values *from);
void bm_values_free(bm_values *values); /* leaves it empty */

#endif
