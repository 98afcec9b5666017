/* SPDX-License-Identifier: Apache-2.0 */
/* local/group_impl.h - what the files of the grouping share. One thread at a time. */
#ifndef BM_LOCAL_GROUP_IMPL_H
#define BM_LOCAL_GROUP_IMPL_H

#include "local/calendar.h"
#include "local/group.h"
#include "local/trigger.h"

typedef struct bm_group_key bm_group_key;
typedef struct bm_group_window bm_group_window;

/* The trigger of a window, unless it is the default one. */
typedef struct bm_window_trigger {
    bm_group_window *window;
    bm_calendar_entry clock, synchronized; /* in bm_grouping.clock, .synchronized */
    bm_trigger_state states[];
} bm_window_trigger;

/* One key in one window: an allocation of its own. */
struct bm_group_window {
    bm_group_window *next_in_bucket; /* unless windows merge */
    bm_group_key *key;
    beam_window window; /* .custom is its own copy */
    bm_values values;
    size_t n_new; /* values that came after the last pane */
    /* When what is in the pane will have come out: of elements that were on time, and of
     * what is late or may be an empty last pane; INT64_MAX: none. */
    beam_millis element_hold, extra_hold;
    int64_t next_index, next_on_time_index;
    bool has_fired; /* since it is this window */
    beam_pane_timing last_timing;
    bool closed; /* its trigger has finished: only there to drop what comes */
    bm_calendar_entry timer, hold;
    bm_window_trigger *trigger; /* NULL: default, or closed */
};

typedef struct bm_window_list {
    bm_group_window **at; /* somewhere in memory[cap] */
    size_t n;
    bm_group_window **memory;
    size_t cap;
} bm_window_list; /* zeroed: empty */

struct bm_group_key {
    bm_group_key *next_in_bucket;
    uint64_t hash;
    size_t n_windows;
    bm_group_window *recent;       /* unless windows merge; or NULL */
    bm_window_list active, closed; /* if windows merge; sessions by their start */
    size_t len;
    char bytes[];
};

struct bm_grouping {
    const bm_group_windowing *windowing;
    bm_pane_sink *sink;
    void *sink_user;
    bm_arena arena; /* as long as the grouping */
    bm_arena call;  /* as long as one call */
    bm_trigger_tree tree;
    bool is_default; /* the trigger */

    bm_group_key **keys;       /* by hash */
    bm_group_window **windows; /* by key and window, unless windows merge */
    size_t n_keys, n_key_buckets, n_windows, n_window_buckets;

    beam_millis input_watermark; /* INT64_MAX: no more input */
    beam_millis output_watermark;
    beam_millis now, synchronized;
    bm_calendar timers; /* end of the window, then of its life: due when the input watermark
                         * is past it */
    bm_calendar holds;
    bm_calendar clock, synchronized_clock;
    uint64_t n_dropped_late, n_dropped_closed;
};

/* -- group_table.c: keys and windows by hash --------------------------------------------- */
bm_group_key *bm_group_key_get(bm_grouping *g, beam_span key); /* makes it */
bm_group_window *bm_group_window_find(bm_grouping *g, bm_group_key *key,
                                      const beam_window *window); /* or NULL */
/* A window of the key with its timer; not in a list of the key. */
bm_group_window *bm_group_window_new(bm_grouping *g, bm_group_key *key,
                                     const beam_window *window);
/* Enters a new one for bm_group_window_find. */
void bm_group_window_enter(bm_grouping *g, bm_group_window *w);
/* It becomes another window; not in the hash table. */
void bm_group_window_rename(bm_grouping *g, bm_group_window *w, const beam_window *window);
/* Frees it, and its key if that was the last of its windows. */
void bm_group_window_forget(bm_grouping *g, bm_group_window *w);
void bm_group_key_release(bm_grouping *g, bm_group_key *key); /* if it has no windows */
void bm_group_table_free(bm_grouping *g);

void bm_window_list_insert(bm_window_list *list, size_t at, bm_group_window *w);
void bm_window_list_remove(bm_window_list *list, size_t at);

/* -- group_pane.c: what a window holds and gives out --------------------------------------- */
/* Its last millisecond. */
beam_millis bm_window_last(const beam_window *window);
/* The last millisecond of the input watermark in which it is kept. */
beam_millis bm_window_end_of_life(const bm_grouping *g, const beam_window *window);
static inline bool bm_window_is_expired(const bm_grouping *g, const beam_window *window)
{
    return bm_window_end_of_life(g, window) < g->input_watermark;
}
static inline bool bm_window_is_at_end(const bm_grouping *g, const bm_group_window *w)
{
    return bm_window_last(&w->window) < g->input_watermark;
}
/* Enters its end, or if that has passed, the end of its life. */
void bm_group_set_timer(bm_grouping *g, bm_group_window *w);
/* Holds the output's watermark for an element with this timestamp. */
void bm_group_hold(bm_grouping *g, bm_group_window *w, beam_millis timestamp);
/* Holds it for what cannot be on time any more. */
void bm_group_hold_for_late(bm_grouping *g, bm_group_window *w);
bm_trigger_view bm_group_view(const bm_grouping *g, const bm_group_window *w);
/* Enters when the clocks are to be looked at for it. */
void bm_group_set_clocks(bm_grouping *g, bm_group_window *w);
/* Fires if the trigger says so, and closes the window if it has finished. */
beam_status bm_group_fire_if_due(bm_grouping *g, bm_group_window *w, beam_error *err);
/* The last pane, unless it is closed; then forgets it. */
beam_status bm_group_expire(bm_grouping *g, bm_group_window *w, beam_error *err);

/* -- group_merge.c ------------------------------------------------------------------------ */
/* Merges what the new windows of a key make merge, in bm_grouping.call, and says in
 * targets[] which window each becomes a part of: NULL for one that is closed. */
beam_status bm_group_merge(bm_grouping *g, bm_group_key *key, const beam_window *windows,
                           size_t n, bm_group_window **targets, beam_error *err);
/* Out of the list of those that are active into that of the closed. */
void bm_group_close_merging(bm_grouping *g, bm_group_window *w);
/* Out of the list that it is in. */
void bm_group_unlist(bm_grouping *g, bm_group_window *w);

#endif
