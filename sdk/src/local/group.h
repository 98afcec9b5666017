/* SPDX-License-Identifier: Apache-2.0 */
/* local/group.h - one GroupByKey: buffers values by key and window and gives them out in
 * panes, as its triggers say.
 *
 * One thread at a time. What goes in is copied; all that a key and window hold is freed when
 * the watermark passes the window's end and the allowed lateness. Two windows are the same
 * if start, end and `custom` are equal. The caller owns the clocks: it tells how far event
 * time and processing time are, and asks when to call again. */
#ifndef BM_LOCAL_GROUP_H
#define BM_LOCAL_GROUP_H

#include "local/values.h"
#include "local/windowing.h"

/* One output KV<key, values>; lives until the sink returns. */
typedef struct bm_fired_pane {
    beam_span key;
    beam_window window;
    beam_millis timestamp;
    beam_pane info;
    size_t n_values, n_bytes;
    const bm_value_chunk *values; /* in order of arrival, where no windows merged */
} bm_fired_pane;

/* Takes a pane. It must not call the grouping. A failure is what the call that fired the pane
 * returns. */
typedef beam_status bm_pane_sink(void *user, const bm_fired_pane *pane, beam_error *err);

typedef struct bm_grouping bm_grouping;

/* `windowing` is borrowed for the life of the grouping. Fails with BEAM_EINVAL or
 * BEAM_EUNSUPPORTED, naming what it is in the windowing. */
beam_status bm_grouping_new(const bm_group_windowing *windowing, bm_pane_sink *sink,
                            void *sink_user, bm_grouping **out, beam_error *err);
void bm_grouping_free(bm_grouping *g); /* NULL is fine */

/* Adds KV<key, value> in each of the windows. Fires what the triggers say, at once. After a
 * failure of any of these three the grouping may only be freed. */
beam_status bm_grouping_add(bm_grouping *g, beam_span key, beam_span value,
                            beam_millis timestamp, const beam_window *windows,
                            size_t n_windows, beam_error *err);
/* The input watermark is `t`; an earlier one than before changes nothing. BEAM_MAX_TIMESTAMP
 * says that there is no more input: every window ends, is fired and forgotten. */
beam_status bm_grouping_input_watermark(bm_grouping *g, beam_millis t, beam_error *err);
/* The clock shows `now`, and triggers that wait do so from the time told last: to be told
 * before elements are added. All that was taken in upstream up to `synchronized` has arrived
 * (the same as `now` where nothing upstream waits for a clock). */
beam_status bm_grouping_processing_time(bm_grouping *g, beam_millis now,
                                        beam_millis synchronized, beam_error *err);

/* The first time at which there is something to do; INT64_MAX: none. */
beam_millis bm_grouping_next_event_time(const bm_grouping *g);
beam_millis bm_grouping_next_processing_time(const bm_grouping *g);
beam_millis bm_grouping_next_synchronized_time(const bm_grouping *g);

/* How far the output's watermark is: the input watermark or the earliest timestamp of what
 * may yet come out, never less than before. What it has said decides which panes are late. */
beam_millis bm_grouping_output_watermark(bm_grouping *g);

typedef struct bm_grouping_stats {
    uint64_t n_dropped_late;   /* (element, window) pairs whose window had expired */
    uint64_t n_dropped_closed; /* ... whose trigger had finished */
    size_t n_keys, n_windows;  /* that hold something now */
} bm_grouping_stats;
bm_grouping_stats bm_grouping_get_stats(const bm_grouping *g);

#endif
