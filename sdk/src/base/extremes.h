/* SPDX-License-Identifier: Apache-2.0 */
/* base/extremes.h - the largest or the smallest values of many, the most extreme one first,
 * for metrics (top_n and bottom_n of metrics.proto). One thread at a time. */
#ifndef BM_EXTREMES_H
#define BM_EXTREMES_H

#include "base/arena.h"
#include "base/writer.h"

enum { BM_EXTREMES_KEPT = 10 };

typedef union bm_extreme {
    int64_t whole;
    double real;
} bm_extreme;

typedef struct bm_extremes {
    bool is_double, are_smallest;
    bm_extreme *at;
    size_t n, most;
} bm_extremes;

/* Room for `most`, in `arena`. */
void bm_extremes_init(bm_extremes *e, bm_arena *arena, size_t most);
/* A NaN is left out. */
void bm_extremes_add(bm_extremes *e, bm_extreme value);
/* As iterable<varint> or iterable<double>, the payload of the metric. */
void bm_extremes_write(const bm_extremes *e, bm_writer *out);

#endif
