/* SPDX-License-Identifier: Apache-2.0 */
/* Windows of one key that become one. Windows that are active are kept apart from those
 * whose trigger has finished: what has been given out for good does not merge, and a closed
 * window only drops what is put into just that window. One thread at a time. */
#include "base/error.h"
#include "coders/element.h"
#include "local/group_impl.h"

static bool sorts(const bm_grouping *g)
{
    return g->windowing->merging == BM_MERGE_SESSIONS;
}

/* -- lists: sessions by their start, others as they come ------------------------------ */
/* The first whose start is `start` or later. */
static size_t lower_bound(const bm_window_list *list, beam_millis start)
{
    size_t low = 0, high = list->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->at[middle]->window.start < start)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t place_of(const bm_grouping *g, const bm_window_list *list,
                       const beam_window *window)
{
    return sorts(g) ? lower_bound(list, window->start) : list->n;
}

/* Its index, or list->n. */
static size_t find(const bm_grouping *g, const bm_window_list *list,
                   const beam_window *window)
{
    size_t i = sorts(g) ? lower_bound(list, window->start) : 0;
    while (i < list->n && !bm_window_equal(&list->at[i]->window, window)) {
        i++;
        if (sorts(g) && i < list->n && list->at[i]->window.start > window->start)
            return list->n;
    }
    return i;
}

static bool is_in(const bm_grouping *g, const bm_window_list *list,
                  const beam_window *window)
{
    return find(g, list, window) < list->n;
}

static bm_group_window *add_active(bm_grouping *g, bm_group_key *key,
                                   const beam_window *window)
{
    bm_group_window *w = bm_group_window_new(g, key, window);
    bm_window_list_insert(&key->active, place_of(g, &key->active, window), w);
    return w;
}

void bm_group_unlist(bm_grouping *g, bm_group_window *w)
{
    bm_window_list *list = w->closed ? &w->key->closed : &w->key->active;
    size_t i = find(g, list, &w->window);
    while (i < list->n && list->at[i] != w) i++;
    if (i < list->n) bm_window_list_remove(list, i);
}

void bm_group_close_merging(bm_grouping *g, bm_group_window *w)
{
    bm_group_key *key = w->key;
    w->closed = false;
    bm_group_unlist(g, w);
    w->closed = true;
    bm_window_list_insert(&key->closed, place_of(g, &key->closed, &w->window), w);
}

/* -- windows become one --------------------------------------------------------------- */
static void merge_triggers(bm_grouping *g, bm_group_window *into,
                           bm_group_window *const from[], size_t n, bool is_same)
{
    if (g->is_default) return;
    bm_trigger_state **states = BM_NEW_ARRAY(&g->call, bm_trigger_state *, n);
    size_t size = g->tree.n * sizeof(bm_trigger_state);
    for (size_t i = 0; i < n; i++) states[i] = from[i]->trigger->states;
    /* its own are overwritten while they are read */
    bm_trigger_state *own = bm_alloc(&g->call, size);
    memcpy(own, into->trigger->states, size);
    for (size_t i = 0; i < n; i++)
        if (states[i] == into->trigger->states) states[i] = own;
    if (!is_same) memset(into->trigger->states, 0, size);
    bm_trigger_view view = bm_group_view(g, into);
    bm_trigger_on_merge(&view, states, n);
    bm_group_set_clocks(g, into);
}

static void merge_holds(bm_grouping *g, bm_group_window *into,
                        bm_group_window *const from[], size_t n)
{
    bool holds = false;
    beam_millis earliest = INT64_MAX, latest = INT64_MIN;
    for (size_t i = 0; i < n; i++) {
        beam_millis hold = from[i]->element_hold;
        if (hold == INT64_MAX) continue;
        holds = true;
        if (hold < earliest) earliest = hold;
        if (hold > latest) latest = hold;
    }
    into->element_hold = into->extra_hold = INT64_MAX;
    if (holds)
        bm_group_hold(g, into,
                      g->windowing->timestamp_combiner == BEAM_AT_LATEST ? latest
                                                                         : earliest);
    bm_group_hold_for_late(g, into);
}

/* A window that is new begins with pane 0, whatever the merged ones have given out. */
static void merge_panes(bm_group_window *into, bm_group_window *const from[], size_t n,
                        bool is_same)
{
    for (size_t i = 0; i < n; i++)
        if (from[i] != into) into->n_new += from[i]->n_new;
    if (is_same) return;
    into->next_index = into->next_on_time_index = 0;
    into->has_fired = false;
}

/* In the order of from[], whichever of them `into` is. */
static void merge_values(bm_group_window *into, bm_group_window *const from[], size_t n)
{
    bm_values all = { 0 };
    for (size_t i = 0; i < n; i++) bm_values_move(&all, &from[i]->values);
    into->values = all;
}

/* Makes one of from[], which are active, the only one, with another window. */
static void merge(bm_grouping *g, bm_group_window *const from[], size_t n,
                  const beam_window *window)
{
    bm_group_window *into = from[0];
    bool is_same = false;
    for (size_t i = 0; i < n && !is_same; i++) {
        is_same = bm_window_equal(&from[i]->window, window);
        if (is_same) into = from[i];
    }
    if (is_same && n == 1) return;
    bm_window_list *active = &into->key->active;
    merge_values(into, from, n);
    merge_panes(into, from, n, is_same);
    bm_group_unlist(g, into);
    bm_group_window_rename(g, into, window);
    bm_window_list_insert(active, place_of(g, active, window), into);
    merge_triggers(g, into, from, n, is_same);
    merge_holds(g, into, from, n);
    for (size_t i = 0; i < n; i++)
        if (from[i] != into) bm_group_window_forget(g, from[i]);
}

/* -- sessions ------------------------------------------------------------------------- */
/* The active ones that overlap the window: they are apart, so they end as they start. */
static size_t overlapping(const bm_window_list *active, const beam_window *window,
                          size_t *n)
{
    size_t first = lower_bound(active, window->start);
    if (first && active->at[first - 1]->window.end > window->start) first--;
    size_t end = first;
    while (end < active->n && active->at[end]->window.start < window->end) end++;
    *n = end - first;
    return first;
}

static void merge_session(bm_grouping *g, bm_group_key *key, const beam_window *window)
{
    size_t n;
    size_t first = overlapping(&key->active, window, &n);
    if (!n) {
        if (!is_in(g, &key->closed, window)) add_active(g, key, window);
        return;
    }
    bm_group_window **from = key->active.at + first;
    beam_window all = *window;
    if (from[0]->window.start < all.start) all.start = from[0]->window.start;
    if (from[n - 1]->window.end > all.end) all.end = from[n - 1]->window.end;
    if (n == 1 && bm_window_equal(&from[0]->window, &all)) return;
    bm_group_window **copy = BM_NEW_ARRAY(&g->call, bm_group_window *, n);
    memcpy(copy, from, n * sizeof *copy);
    merge(g, copy, n, &all);
}

static beam_status merge_sessions(bm_grouping *g, bm_group_key *key,
                                  const beam_window *windows, size_t n,
                                  bm_group_window **targets, beam_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (windows[i].end <= windows[i].start)
            return bm_error(err, BEAM_EINVAL,
                            "a session from %lld to %lld is empty: it must end after it "
                            "starts",
                            (long long)windows[i].start, (long long)windows[i].end);
        merge_session(g, key, &windows[i]);
    }
    for (size_t i = 0; i < n; i++) {
        size_t n_found;
        size_t found = overlapping(&key->active, &windows[i], &n_found);
        targets[i] = n_found ? key->active.at[found] : NULL;
    }
    return BEAM_OK;
}

/* -- other window functions ----------------------------------------------------------- */
typedef struct candidates {
    beam_window *at; /* first those of key->active, in its order */
    bool *is_merged;
    const beam_window **into; /* what a merged one becomes a part of */
    size_t n;
} candidates;

static size_t find_candidate(const candidates *all, const beam_window *window)
{
    size_t i = 0;
    while (i < all->n && !bm_window_equal(&all->at[i], window)) i++;
    return i;
}

static candidates list_candidates(bm_grouping *g, const bm_group_key *key,
                                  const beam_window *windows, size_t n)
{
    size_t cap = key->active.n + n;
    candidates all = {
        .at = BM_NEW_ARRAY(&g->call, beam_window, cap),
        .is_merged = BM_NEW_ARRAY(&g->call, bool, cap),
        .into = BM_NEW_ARRAY(&g->call, const beam_window *, cap),
    };
    for (size_t i = 0; i < key->active.n; i++) {
        all.at[all.n] = key->active.at[i]->window;
        beam_span *custom = &all.at[all.n++].custom; /* outlives the window */
        if (custom->ptr) *custom = bm_span_copy(&g->call, *custom);
    }
    for (size_t i = 0; i < n; i++)
        if (find_candidate(&all, &windows[i]) == all.n) all.at[all.n++] = windows[i];
    return all;
}

/* Notes one merge. */
static beam_status note(candidates *all, size_t n_active, const bm_window_merge *merged,
                        beam_error *err)
{
    bool has_into = false;
    for (size_t i = 0; i < merged->n; i++) {
        size_t at = find_candidate(all, &merged->from[i]);
        if (at == all->n)
            return bm_error(err, BEAM_EINVAL,
                            "the WindowFn merges a window that is not there: it may only "
                            "merge those it is given");
        if (all->is_merged[at])
            return bm_error(err, BEAM_EINVAL,
                            "the WindowFn merges a window into two others: each may "
                            "become a part of one");
        all->is_merged[at] = true;
        all->into[at] = &merged->into;
        has_into = has_into || bm_window_equal(&merged->from[i], &merged->into);
    }
    size_t into = find_candidate(all, &merged->into);
    if (!has_into && into < n_active)
        return bm_error(err, BEAM_EINVAL,
                        "the WindowFn merges windows into another that is not one of "
                        "them: mention it among those that merge");
    return BEAM_OK;
}

static void apply(bm_grouping *g, bm_group_key *key, const bm_window_merge *merged)
{
    bm_group_window **from = BM_NEW_ARRAY(&g->call, bm_group_window *, merged->n + 1);
    size_t n = 0;
    for (size_t i = 0; i < merged->n; i++) {
        size_t at = find(g, &key->active, &merged->from[i]);
        if (at < key->active.n) from[n++] = key->active.at[at];
    }
    if (n) merge(g, from, n, &merged->into);
}

/* Two merges may not have the same result, nor one that is active already. */
static bool is_result_twice(const bm_window_merge *merges, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            if (bm_window_equal(&merges[i].into, &merges[j].into)) return true;
    return false;
}

static beam_status ask(bm_grouping *g, bm_group_key *key, candidates *all,
                       beam_error *err)
{
    const bm_group_windowing *windowing = g->windowing;
    const bm_window_merge *merges = NULL;
    size_t n = 0, n_active = key->active.n;
    BEAM_TRY(windowing->merge_windows(windowing->merge_user, all->at, all->n, &g->call,
                                      &merges, &n, err));
    if (is_result_twice(merges, n))
        return bm_error(err, BEAM_EINVAL,
                        "the WindowFn merges two sets of windows into the same window: "
                        "they are one set");
    for (size_t i = 0; i < n; i++) BEAM_TRY(note(all, n_active, &merges[i], err));
    for (size_t i = 0; i < n; i++) apply(g, key, &merges[i]);
    return BEAM_OK;
}

static beam_status merge_custom(bm_grouping *g, bm_group_key *key,
                                const beam_window *windows, size_t n,
                                bm_group_window **targets, beam_error *err)
{
    candidates all = list_candidates(g, key, windows, n);
    if (all.n > key->active.n) BEAM_TRY(ask(g, key, &all, err));
    for (size_t i = 0; i < n; i++) {
        size_t at = find_candidate(&all, &windows[i]);
        const beam_window *window = all.into[at] ? all.into[at] : &windows[i];
        size_t found = find(g, &key->active, window);
        if (found < key->active.n)
            targets[i] = key->active.at[found];
        else
            targets[i] = is_in(g, &key->closed, window) ? NULL
                                                        : add_active(g, key, window);
    }
    return BEAM_OK;
}

beam_status bm_group_merge(bm_grouping *g, bm_group_key *key, const beam_window *windows,
                           size_t n, bm_group_window **targets, beam_error *err)
{
    return sorts(g) ? merge_sessions(g, key, windows, n, targets, err)
                    : merge_custom(g, key, windows, n, targets, err);
}
