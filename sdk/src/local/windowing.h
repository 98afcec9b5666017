/* SPDX-License-Identifier: Apache-2.0 */
/* local/windowing.h - what a GroupByKey does with windows: a WindowingStrategy of
 * beam_runner_api.proto in plain structs. All of it is borrowed and constant. */
#ifndef BM_LOCAL_WINDOWING_H
#define BM_LOCAL_WINDOWING_H

#include "base/arena.h"
#include "beam/dofn.h"
#include "beam/pipeline.h"

/* TimestampTransform: t + delay, or if period is not 0, up to the next `offset` plus a
 * multiple of `period`. */
typedef struct bm_time_transform {
    beam_millis delay;
    beam_millis period, offset;
} bm_time_transform;

typedef struct bm_trigger_spec bm_trigger_spec;
struct bm_trigger_spec {
    beam_trigger_kind kind;
    /* AFTER_END_OF_WINDOW: {early, late}, each may be NULL, and n_args is 2 or 0;
     * REPEAT: {what}; OR_FINALLY: {main, finally}; AFTER_ALL, _ANY, _EACH: one or more. */
    const bm_trigger_spec *const *args;
    size_t n_args;
    int64_t count;                       /* ELEMENT_COUNT: 1 or more */
    const bm_time_transform *transforms; /* AFTER_PROCESSING_TIME: applied in this order */
    size_t n_transforms;
};

/* `n` windows out of those that were asked for become `into`. */
typedef struct bm_window_merge {
    const beam_window *from;
    size_t n;
    beam_window into;
} bm_window_merge;

/* Which of these windows of one key merge (WindowFn.mergeWindows): every set of windows that
 * become one, in *merges, allocated in `arena`. Windows that stay as they are need not be
 * mentioned. No window is in two sets. */
typedef beam_status bm_merge_windows(void *user, const beam_window *windows, size_t n,
                                     bm_arena *arena, const bm_window_merge **merges,
                                     size_t *n_merges, beam_error *err);

typedef enum bm_merging {
    BM_MERGE_NEVER,
    BM_MERGE_SESSIONS, /* windows that overlap become one */
    BM_MERGE_CUSTOM    /* asks merge_windows */
} bm_merging;

typedef struct bm_group_windowing {
    bm_merging merging; /* only for MergeStatus NEEDS_MERGE */
    bm_merge_windows *merge_windows;
    void *merge_user;
    const bm_trigger_spec *trigger; /* NULL: default */
    beam_accumulation accumulation; /* RETRACTING is refused */
    beam_millis allowed_lateness;
    beam_timestamp_combiner timestamp_combiner;
    beam_closing closing;
    beam_on_time on_time;
} bm_group_windowing;

#endif
