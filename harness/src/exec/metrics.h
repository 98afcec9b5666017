/* SPDX-License-Identifier: Apache-2.0 */
/* exec/metrics.h - counters that the bundle thread writes without locks and that any thread
 * may read meanwhile.
 *
 * Each value has one writer, so an increment is a plain load, add and store; the relaxed
 * atomics only keep it from being torn. */
#ifndef BM_METRICS_H
#define BM_METRICS_H

#include <stdatomic.h>

#include "base/arena.h"

typedef _Atomic int64_t bm_count;

static inline int64_t bm_count_get(const bm_count *count)
{
    return atomic_load_explicit(count, memory_order_relaxed);
}
static inline void bm_count_set(bm_count *count, int64_t value)
{
    atomic_store_explicit(count, value, memory_order_relaxed);
}
/* Bundle thread only. Wraps. */
static inline int64_t bm_count_add(bm_count *count, int64_t by)
{
    int64_t sum = (int64_t)((uint64_t)bm_count_get(count) + (uint64_t)by);
    bm_count_set(count, sum);
    return sum;
}

/* Count, sum, least and greatest, read as one by means of a sequence number that is odd
 * while they change. */
typedef struct bm_distribution {
    bm_count sequence, n, sum, min, max;
} bm_distribution;

void bm_distribution_add(bm_distribution *d, int64_t value);
void bm_distribution_reset(bm_distribution *d);
void bm_gauge_set(bm_distribution *d, int64_t value, beam_millis now_ms);
/* The same with doubles, which are held as their bits. */
void bm_count_add_double(bm_count *count, double by);
void bm_distribution_add_double(bm_distribution *d, double value);
void bm_gauge_set_double(bm_distribution *d, double value, beam_millis now_ms);

typedef struct bm_snapshot {
    int64_t n, sum, min, max;
} bm_snapshot;
bm_snapshot bm_distribution_read(const bm_distribution *d); /* any thread */

typedef enum bm_cell_kind {
    BM_CELL_COUNTER,
    BM_CELL_DISTRIBUTION,
    BM_CELL_GAUGE,
    BM_CELL_COUNTER_DOUBLE,
    BM_CELL_DISTRIBUTION_DOUBLE,
    BM_CELL_GAUGE_DOUBLE,
    BM_CELL_CALLS,      /* of a service: `name` is the outcome */
    BM_CELL_STRING_SET, /* this and what follows: see metric_sets.h */
    BM_CELL_BOUNDED_TRIE,
    BM_CELL_HISTOGRAM,
    BM_CELL_TOP_INT64,
    BM_CELL_TOP_DOUBLE,
    BM_CELL_BOTTOM_INT64,
    BM_CELL_BOTTOM_DOUBLE,
    BM_CELL_CALL_MS, /* how long they took, a histogram */
    BM_N_CELL_KINDS
} bm_cell_kind;

/* What is called. */
typedef struct bm_call_names {
    const char *service, *method, *resource;
} bm_call_names;

/* A user's metric, or one of calls. Cells are only ever added to a list, and never freed before the plan. */
typedef struct bm_cell {
    struct bm_cell *next;
    const char *name;
    bm_cell_kind kind;
    uint32_t index;
    bm_distribution value; /* counter: sum; gauge: sum, at the time `max` */
    struct bm_metric_set *set; /* of the kinds that hold more; freed with the cells */
    const bm_call_names *call; /* NULL: a user's */
} bm_cell;

/* The metrics of one transform. */
typedef struct bm_cells {
    _Atomic(bm_cell *) first; /* the newest; readers follow `next` */
    bm_cell *recent[8];       /* by hash of the name's address */
} bm_cells;

/* The cell of a name, made at first use. Bundle thread. */
bm_cell *bm_cells_get(bm_cells *cells, bm_cell_kind kind, const char *name, bm_arena *arena,
                      uint32_t *next_index);
/* A new one of calls, which is never given by name. Bundle thread. */
bm_cell *bm_cells_add_call(bm_cells *cells, bm_cell_kind kind, const char *outcome,
                           const bm_call_names *call, bm_arena *arena,
                           uint32_t *next_index);
void bm_cells_reset(bm_cells *cells);
void bm_cells_free(bm_cells *cells);

#endif
