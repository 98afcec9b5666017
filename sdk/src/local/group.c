/* SPDX-License-Identifier: Apache-2.0 */
/* The grouping: elements and clocks come in here. One thread at a time. */
#include "local/group.h"

#include <stdlib.h>

#include "base/error.h"
#include "local/group_impl.h"

/* -- making --------------------------------------------------------------------------- */
static beam_status check(const bm_group_windowing *w, beam_error *err)
{
    if (w->accumulation == BEAM_RETRACTING)
        return bm_error(err, BEAM_EUNSUPPORTED,
                        "the windowing retracts panes, which this runner cannot: use "
                        "discarding or accumulating mode");
    if (w->accumulation != BEAM_DISCARDING && w->accumulation != BEAM_ACCUMULATING)
        return bm_error(err, BEAM_EINVAL, "the windowing's accumulation mode is unknown");
    if (w->allowed_lateness < 0 || w->allowed_lateness > BEAM_MAX_TIMESTAMP)
        return bm_error(err, BEAM_EINVAL,
                        "the windowing's allowed lateness is negative or too long");
    if (w->merging == BM_MERGE_CUSTOM && !w->merge_windows)
        return bm_error(
            err, BEAM_EINVAL,
            "the windowing merges windows, but nothing is there to merge them");
    return BEAM_OK;
}

beam_status bm_grouping_new(const bm_group_windowing *windowing, bm_pane_sink *sink,
                            void *sink_user, bm_grouping **out, beam_error *err)
{
    *out = NULL;
    BEAM_TRY(check(windowing, err));
    bm_grouping *g = bm_xcalloc(1, sizeof *g);
    g->windowing = windowing;
    g->sink = sink;
    g->sink_user = sink_user;
    g->input_watermark = g->output_watermark = BEAM_MIN_TIMESTAMP;
    g->now = g->synchronized = BEAM_MIN_TIMESTAMP;
    bm_arena_init(&g->arena, 0);
    bm_arena_init(&g->call, 0);
    beam_status status = bm_trigger_tree_make(&g->arena, windowing->trigger,
                                              windowing->merging != BM_MERGE_NEVER,
                                              &g->tree, err);
    if (status != BEAM_OK) {
        bm_grouping_free(g);
        return status;
    }
    g->is_default = bm_trigger_is_default(&g->tree);
    *out = g;
    return BEAM_OK;
}

void bm_grouping_free(bm_grouping *g)
{
    if (!g) return;
    bm_group_table_free(g);
    bm_calendar_free(&g->timers);
    bm_calendar_free(&g->holds);
    bm_calendar_free(&g->clock);
    bm_calendar_free(&g->synchronized_clock);
    bm_arena_free(&g->call);
    bm_arena_free(&g->arena);
    free(g);
}

/* -- elements ------------------------------------------------------------------------- */
static beam_status add_to(bm_grouping *g, bm_group_window *w, beam_span value,
                          beam_millis timestamp, beam_error *err)
{
    if (w->closed) {
        g->n_dropped_closed++;
        return BEAM_OK;
    }
    w->n_new++;
    bm_values_add(&w->values, value);
    bm_group_hold(g, w, timestamp);
    if (!g->is_default) {
        bm_trigger_view view = bm_group_view(g, w);
        bm_trigger_on_element(&view);
    }
    /* only a WindowFn of someone else merges into the past */
    if (bm_window_is_expired(g, &w->window)) return bm_group_expire(g, w, err);
    return bm_group_fire_if_due(g, w, err);
}

static bm_group_window *window_of(bm_grouping *g, bm_group_key *key,
                                  const beam_window *window)
{
    bm_group_window *w = bm_group_window_find(g, key, window);
    if (w) return w;
    w = bm_group_window_new(g, key, window);
    bm_group_window_enter(g, w);
    return w;
}

static bool is_among(bm_group_window *const windows[], size_t n, const bm_group_window *w)
{
    for (size_t i = 0; i < n; i++)
        if (windows[i] == w) return true;
    return false;
}

/* An element whose windows merge is in the result once. */
static beam_status add_merging(bm_grouping *g, bm_group_key *key, beam_span value,
                               beam_millis timestamp, const beam_window *windows,
                               size_t n, beam_error *err)
{
    bm_group_window **targets = BM_NEW_ARRAY(&g->call, bm_group_window *, n);
    BEAM_TRY(bm_group_merge(g, key, windows, n, targets, err));
    for (size_t i = 0; i < n; i++) {
        bm_group_window *w = targets[i];
        if (!w) {
            g->n_dropped_closed++;
            continue;
        }
        if (is_among(targets, i, w)) continue;
        BEAM_TRY(add_to(g, w, value, timestamp, err));
    }
    return BEAM_OK;
}

/* Those that have not expired; the same array if all of them are kept. */
static const beam_window *live_windows(bm_grouping *g, const beam_window *windows,
                                       size_t *n)
{
    size_t n_live = 0;
    for (size_t i = 0; i < *n; i++) n_live += !bm_window_is_expired(g, &windows[i]);
    if (n_live == *n) return windows;
    g->n_dropped_late += *n - n_live;
    beam_window *live = BM_NEW_ARRAY(&g->call, beam_window, n_live);
    size_t n_copied = 0;
    for (size_t i = 0; i < *n; i++)
        if (!bm_window_is_expired(g, &windows[i])) live[n_copied++] = windows[i];
    *n = n_live;
    return live;
}

beam_status bm_grouping_add(bm_grouping *g, beam_span key_bytes, beam_span value,
                            beam_millis timestamp, const beam_window *windows,
                            size_t n_windows, beam_error *err)
{
    bm_arena_reset(&g->call);
    windows = live_windows(g, windows, &n_windows);
    if (!n_windows) return BEAM_OK;
    bm_group_key *key = bm_group_key_get(g, key_bytes);
    if (g->windowing->merging != BM_MERGE_NEVER)
        return add_merging(g, key, value, timestamp, windows, n_windows, err);
    for (size_t i = 0; i < n_windows; i++)
        BEAM_TRY(add_to(g, window_of(g, key, &windows[i]), value, timestamp, err));
    return BEAM_OK;
}

/* -- clocks --------------------------------------------------------------------------- */
static beam_status at_timer(bm_grouping *g, bm_group_window *w, beam_error *err)
{
    if (bm_window_is_expired(g, &w->window)) return bm_group_expire(g, w, err);
    bm_group_set_timer(g, w);
    return bm_group_fire_if_due(g, w, err);
}

beam_status bm_grouping_input_watermark(bm_grouping *g, beam_millis t, beam_error *err)
{
    if (t <= g->input_watermark) return BEAM_OK;
    g->input_watermark = t >= BEAM_MAX_TIMESTAMP ? INT64_MAX : t;
    bm_calendar_entry *due;
    while ((due = bm_calendar_due(&g->timers, g->input_watermark - 1)))
        BEAM_TRY(at_timer(g, BM_ENTERED(due, bm_group_window, timer), err));
    bm_grouping_output_watermark(g);
    return BEAM_OK;
}

beam_status bm_grouping_processing_time(bm_grouping *g, beam_millis now,
                                        beam_millis synchronized, beam_error *err)
{
    if (now > g->now) g->now = now;
    if (synchronized > g->synchronized) g->synchronized = synchronized;
    bm_calendar_entry *due;
    while ((due = bm_calendar_due(&g->clock, g->now)))
        BEAM_TRY(bm_group_fire_if_due(g,
                                      BM_ENTERED(due, bm_window_trigger, clock)->window,
                                      err));
    while ((due = bm_calendar_due(&g->synchronized_clock, g->synchronized)))
        BEAM_TRY(
            bm_group_fire_if_due(g,
                                 BM_ENTERED(due, bm_window_trigger, synchronized)->window,
                                 err));
    return BEAM_OK;
}

/* -- questions ------------------------------------------------------------------------ */
beam_millis bm_grouping_next_event_time(const bm_grouping *g)
{
    beam_millis first = bm_calendar_first_time(&g->timers);
    return first == INT64_MAX            ? INT64_MAX
           : first >= BEAM_MAX_TIMESTAMP ? BEAM_MAX_TIMESTAMP
                                         : first + 1;
}

beam_millis bm_grouping_next_processing_time(const bm_grouping *g)
{
    return bm_calendar_first_time(&g->clock);
}

beam_millis bm_grouping_next_synchronized_time(const bm_grouping *g)
{
    return bm_calendar_first_time(&g->synchronized_clock);
}

beam_millis bm_grouping_output_watermark(bm_grouping *g)
{
    beam_millis hold = bm_calendar_first_time(&g->holds);
    beam_millis now = g->input_watermark < hold ? g->input_watermark : hold;
    if (now > BEAM_MAX_TIMESTAMP) now = BEAM_MAX_TIMESTAMP;
    if (now > g->output_watermark) g->output_watermark = now;
    return g->output_watermark;
}

bm_grouping_stats bm_grouping_get_stats(const bm_grouping *g)
{
    return (bm_grouping_stats){
        .n_dropped_late = g->n_dropped_late,
        .n_dropped_closed = g->n_dropped_closed,
        .n_keys = g->n_keys,
        .n_windows = g->n_windows,
    };
}
