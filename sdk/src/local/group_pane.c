/* SPDX-License-Identifier: Apache-2.0 */
/* What a window gives out and when, and how it holds the output's watermark until then.
 * One thread at a time. */
#include <stdlib.h>

#include "local/group_impl.h"

/* -- times ---------------------------------------------------------------------------- */
static beam_millis least(beam_millis a, beam_millis b)
{
    return a < b ? a : b;
}

beam_millis bm_window_last(const beam_window *window)
{
    if (window->end <= BEAM_MIN_TIMESTAMP) return BEAM_MIN_TIMESTAMP;
    return least(window->end - 1, BEAM_MAX_TIMESTAMP);
}

beam_millis bm_window_end_of_life(const bm_grouping *g, const beam_window *window)
{
    beam_millis last = bm_window_last(window), lateness = g->windowing->allowed_lateness;
    if (last <= BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP - lateness) return last + lateness;
    return last > BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP ? last
                                                   : BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP;
}

void bm_group_set_timer(bm_grouping *g, bm_group_window *w)
{
    bm_calendar_set(&g->timers, &w->timer,
                    bm_window_is_at_end(g, w) ? bm_window_end_of_life(g, &w->window)
                                              : bm_window_last(&w->window));
}

/* -- holds ---------------------------------------------------------------------------- */
static void enter_hold(bm_grouping *g, bm_group_window *w)
{
    beam_millis hold = least(w->element_hold, w->extra_hold);
    if (hold == INT64_MAX)
        bm_calendar_clear(&g->holds, &w->hold);
    else
        bm_calendar_set(&g->holds, &w->hold, hold);
}

void bm_group_hold_for_late(bm_grouping *g, bm_group_window *w)
{
    beam_millis end_of_life = bm_window_end_of_life(g, &w->window);
    /* at the largest timestamp there is nothing left to hold */
    if (end_of_life >= g->input_watermark)
        w->extra_hold = least(w->extra_hold, least(end_of_life, BEAM_MAX_TIMESTAMP - 1));
    enter_hold(g, w);
}

static beam_millis combined(const bm_grouping *g, beam_millis a, beam_millis b)
{
    if (a == INT64_MAX) return b;
    bool takes_later = g->windowing->timestamp_combiner == BEAM_AT_LATEST;
    return (a < b) == takes_later ? b : a;
}

void bm_group_hold(bm_grouping *g, bm_group_window *w, beam_millis timestamp)
{
    beam_millis last = bm_window_last(&w->window);
    bool at_end = g->windowing->timestamp_combiner == BEAM_AT_END_OF_WINDOW;
    beam_millis hold = at_end ? last : least(timestamp, last);
    if (hold < g->output_watermark || last < g->input_watermark) {
        bm_group_hold_for_late(g, w);
        return;
    }
    hold = combined(g, w->element_hold, hold);
    if (hold == w->element_hold) return;
    w->element_hold = hold;
    enter_hold(g, w);
}

/* The timestamp of the pane: that of its elements, as they are combined, but for those
 * which came too late to hold anything. */
static beam_millis release_holds(bm_grouping *g, bm_group_window *w, bool is_last)
{
    beam_millis timestamp = least(least(w->element_hold, w->extra_hold),
                                  bm_window_last(&w->window));
    w->element_hold = w->extra_hold = INT64_MAX;
    if (!is_last && g->windowing->closing == BEAM_CLOSE_ALWAYS)
        bm_group_hold_for_late(g, w);
    else
        enter_hold(g, w);
    return timestamp;
}

/* -- panes ---------------------------------------------------------------------------- */
/* Early ones, then at most one that is on time, then late ones. */
static beam_pane_timing next_timing(const bm_grouping *g, const bm_group_window *w)
{
    if (bm_window_last(&w->window) < g->output_watermark) return BEAM_PANE_LATE;
    if (w->has_fired && w->last_timing != BEAM_PANE_EARLY) return BEAM_PANE_LATE;
    return bm_window_is_at_end(g, w) ? BEAM_PANE_ON_TIME : BEAM_PANE_EARLY;
}

static beam_pane next_pane(const bm_grouping *g, const bm_group_window *w, bool is_last)
{
    beam_pane_timing timing = next_timing(g, w);
    return (beam_pane){
        .is_first = w->next_index == 0,
        .is_last = is_last,
        .timing = timing,
        .index = w->next_index,
        .on_time_index = timing == BEAM_PANE_EARLY ? -1 : w->next_on_time_index,
    };
}

static void remember(bm_group_window *w, const beam_pane *pane)
{
    w->has_fired = true;
    w->last_timing = pane->timing;
    w->next_index++;
    if (pane->timing != BEAM_PANE_EARLY) w->next_on_time_index++;
}

static bool is_wanted(const bm_grouping *g, const bm_group_window *w,
                      const beam_pane *pane)
{
    if (w->n_new) return true;
    if (pane->timing == BEAM_PANE_ON_TIME && g->windowing->on_time == BEAM_ON_TIME_ALWAYS)
        return true;
    return pane->is_last && g->windowing->closing == BEAM_CLOSE_ALWAYS;
}

static beam_status give_out(bm_grouping *g, bm_group_window *w, bool is_last,
                            beam_error *err)
{
    beam_millis timestamp = release_holds(g, w, is_last);
    beam_pane info = next_pane(g, w, is_last);
    if (!is_wanted(g, w, &info)) return BEAM_OK;
    remember(w, &info);
    bm_fired_pane pane = {
        .key = { w->key->bytes, w->key->len },
        .window = w->window,
        .timestamp = timestamp,
        .info = info,
        .n_values = w->values.n,
        .n_bytes = w->values.n_bytes,
        .values = w->values.first,
    };
    return g->sink(g->sink_user, &pane, err);
}

/* -- triggers ------------------------------------------------------------------------- */
bm_trigger_view bm_group_view(const bm_grouping *g, const bm_group_window *w)
{
    return (bm_trigger_view){
        .tree = &g->tree,
        .states = w->trigger->states,
        .at_end = bm_window_is_at_end(g, w),
        .now = g->now,
        .synchronized = g->synchronized,
    };
}

static void set_clock(bm_calendar *calendar, bm_calendar_entry *entry, beam_millis time)
{
    if (time == INT64_MAX)
        bm_calendar_clear(calendar, entry);
    else
        bm_calendar_set(calendar, entry, time);
}

void bm_group_set_clocks(bm_grouping *g, bm_group_window *w)
{
    if (!g->tree.uses_clock || !w->trigger) return;
    bm_trigger_view view = bm_group_view(g, w);
    beam_millis now, synchronized;
    bm_trigger_next_times(&view, &now, &synchronized);
    set_clock(&g->clock, &w->trigger->clock, now);
    set_clock(&g->synchronized_clock, &w->trigger->synchronized, synchronized);
}

/* All goes but what says that it is closed. */
static void close_window(bm_grouping *g, bm_group_window *w)
{
    bm_calendar_clear(&g->clock, &w->trigger->clock);
    bm_calendar_clear(&g->synchronized_clock, &w->trigger->synchronized);
    free(w->trigger);
    w->trigger = NULL;
    w->closed = true;
    if (g->windowing->merging != BM_MERGE_NEVER) bm_group_close_merging(g, w);
}

static beam_status fire(bm_grouping *g, bm_group_window *w, bool is_last, beam_error *err)
{
    beam_status status = give_out(g, w, is_last, err);
    w->n_new = 0;
    if (is_last || g->windowing->accumulation == BEAM_DISCARDING)
        bm_values_free(&w->values);
    return status;
}

beam_status bm_group_fire_if_due(bm_grouping *g, bm_group_window *w, beam_error *err)
{
    if (g->is_default)
        return bm_window_is_at_end(g, w) ? fire(g, w, false, err) : BEAM_OK;
    if (w->closed) return BEAM_OK;
    bm_trigger_view view = bm_group_view(g, w);
    bool is_due = bm_trigger_should_fire(&view);
    if (is_due) bm_trigger_on_fire(&view);
    bool has_finished = bm_trigger_is_finished(&view);
    bm_group_set_clocks(g, w);
    if (!is_due) return BEAM_OK;
    beam_status status = fire(g, w, has_finished, err);
    if (has_finished) close_window(g, w);
    return status;
}

beam_status bm_group_expire(bm_grouping *g, bm_group_window *w, beam_error *err)
{
    beam_status status = w->closed ? BEAM_OK : give_out(g, w, true, err);
    bm_group_window_forget(g, w);
    return status;
}
