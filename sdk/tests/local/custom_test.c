/* SPDX-License-Identifier: Apache-2.0 */
/* Windows of a WindowFn that is not ours: they merge as a callback says, and are told apart
 * by their bytes too. */
#include <stdio.h>
#include <stdlib.h>

#include "script.h"

typedef enum result { BY_NAME, NOTHING, FOREIGN, TWICE, INTO_ANOTHER, SAME_RESULT, FAIL } result;

typedef struct world {
    bm_arena arena;
    const char *panes[16];
    size_t n_panes;
    int n_asked;
    size_t n_last_asked;
    result how;
    beam_millis end; /* of what is merged; 0: the latest end */
    bm_group_windowing windowing;
    bm_grouping *g;
} world;

static beam_window named(const char *name, beam_millis start, beam_millis end)
{
    return (beam_window){ start, end, beam_span_of(name) };
}

static beam_status take(void *user, const bm_fired_pane *pane, beam_error *err)
{
    world *w = user;
    if (beam_span_equal(pane->key, beam_span_of("refused"))) {
        snprintf(err->message, sizeof err->message, "no room");
        return BEAM_EIO;
    }
    const char *values = "";
    for (const bm_value_chunk *c = pane->values; c; c = c->next)
        values = bm_format(&w->arena, "%s%.*s", values, (int)c->n_bytes, c->bytes);
    w->panes[w->n_panes++] = bm_format(&w->arena, "%.*s %.*s [%d,%d) %s @%d %d%s",
                                       (int)pane->key.len, pane->key.ptr,
                                       (int)pane->window.custom.len,
                                       pane->window.custom.ptr, (int)pane->window.start,
                                       (int)pane->window.end, values,
                                       (int)pane->timestamp, (int)pane->info.index,
                                       pane->info.is_last ? " last" : "");
    return BEAM_OK;
}

/* Windows of one name become one. */
static size_t by_name(world *w, const beam_window *windows, size_t n, bm_arena *arena,
                      bm_window_merge *merges)
{
    size_t n_merges = 0;
    bool *done = BM_NEW_ARRAY(arena, bool, n);
    for (size_t i = 0; i < n; i++) {
        beam_window *from = BM_NEW_ARRAY(arena, beam_window, n);
        beam_window into = windows[i];
        size_t n_from = 0;
        for (size_t j = i; j < n; j++) {
            if (done[j] || !beam_span_equal(windows[i].custom, windows[j].custom))
                continue;
            done[j] = true;
            from[n_from++] = windows[j];
            if (windows[j].start < into.start) into.start = windows[j].start;
            if (windows[j].end > into.end) into.end = windows[j].end;
        }
        if (w->end) into.end = w->end;
        if (n_from > 1) merges[n_merges++] = (bm_window_merge){ from, n_from, into };
    }
    return n_merges;
}

static beam_status merge(void *user, const beam_window *windows, size_t n,
                         bm_arena *arena, const bm_window_merge **merges,
                         size_t *n_merges, beam_error *err)
{
    world *w = user;
    bm_window_merge *out = BM_NEW_ARRAY(arena, bm_window_merge, n + 2);
    beam_window *copy = BM_NEW_ARRAY(arena, beam_window, n + 1);
    for (size_t i = 0; i < n; i++) copy[i] = windows[i];
    w->n_asked++;
    w->n_last_asked = n;
    *merges = out;
    *n_merges = 0;
    switch (w->how) {
    case BY_NAME: *n_merges = by_name(w, windows, n, arena, out); break;
    case NOTHING: break;
    case FOREIGN:
        copy[0].end++;
        out[(*n_merges)++] = (bm_window_merge){ copy, 1, windows[0] };
        break;
    case TWICE:
        out[(*n_merges)++] = (bm_window_merge){ copy, 1, windows[0] };
        out[(*n_merges)++] = (bm_window_merge){ copy, 1, named("other", 0, 1) };
        break;
    case INTO_ANOTHER:
        if (n > 1) out[(*n_merges)++] = (bm_window_merge){ copy + n - 1, 1, windows[0] };
        break;
    case SAME_RESULT:
        for (size_t i = 0; i < n; i++)
            out[(*n_merges)++] = (bm_window_merge){ copy + i, 1, named("all", 0, 10) };
        break;
    case FAIL: snprintf(err->message, sizeof err->message, "gone"); return BEAM_ERPC;
    }
    return BEAM_OK;
}

static world *begin(const bm_trigger_spec *trigger)
{
    world *w = bm_xcalloc(1, sizeof *w);
    bm_arena_init(&w->arena, 0);
    w->windowing = (bm_group_windowing){ .merging = BM_MERGE_CUSTOM,
                                         .merge_windows = merge,
                                         .merge_user = w,
                                         .trigger = trigger,
                                         .on_time = BEAM_ON_TIME_IF_NONEMPTY };
    ck_assert_int_eq(bm_grouping_new(&w->windowing, take, w, &w->g, NULL), BEAM_OK);
    return w;
}

static void end(world *w)
{
    bm_grouping_free(w->g);
    bm_arena_free(&w->arena);
    free(w);
}

static beam_status add(world *w, const char *key, const char *value, beam_window window,
                       beam_error *err)
{
    /* what goes in need not live longer than the call */
    char custom[16];
    snprintf(custom, sizeof custom, "%s", window.custom.ptr);
    window.custom.ptr = custom;
    beam_status status = bm_grouping_add(w->g, beam_span_of(key), beam_span_of(value),
                                         window.start, &window, 1, err);
    memset(custom, '?', sizeof custom);
    return status;
}

static void good(world *w, const char *key, const char *value, beam_window window)
{
    ck_assert_int_eq(add(w, key, value, window, NULL), BEAM_OK);
}

START_TEST(merge_by_name)
{
    world *w = begin(NULL);
    good(w, "k", "1", named("a", 0, 10));
    good(w, "k", "2", named("b", 0, 10));
    ck_assert_uint_eq(bm_grouping_get_stats(w->g).n_windows, 2);
    good(w, "k", "3", named("a", 5, 15));
    ck_assert_uint_eq(w->n_last_asked, 3);
    ck_assert_uint_eq(bm_grouping_get_stats(w->g).n_windows, 2);
    good(w, "l", "4", named("a", 3, 12));
    ck_assert_int_eq(bm_grouping_input_watermark(w->g, 10, NULL), BEAM_OK);
    ck_assert_uint_eq(w->n_panes, 1);
    ck_assert_str_eq(w->panes[0], "k b [0,10) 2 @9 0 last");
    ck_assert_int_eq(bm_grouping_input_watermark(w->g, 15, NULL), BEAM_OK);
    ck_assert_uint_eq(w->n_panes, 3);
    ck_assert_str_eq(w->panes[1], "l a [3,12) 4 @11 0 last");
    ck_assert_str_eq(w->panes[2], "k a [0,15) 13 @14 0 last");
    ck_assert_uint_eq(bm_grouping_get_stats(w->g).n_keys, 0);
    end(w);
}
END_TEST

START_TEST(a_known_window_asks_nobody)
{
    world *w = begin(NULL);
    good(w, "k", "1", named("a", 0, 10));
    int n_asked = w->n_asked;
    good(w, "k", "2", named("a", 0, 10));
    ck_assert_int_eq(w->n_asked, n_asked);
    ck_assert_int_eq(bm_grouping_input_watermark(w->g, 10, NULL), BEAM_OK);
    ck_assert_str_eq(w->panes[0], "k a [0,10) 12 @9 0 last");
    end(w);
}
END_TEST

START_TEST(none_merge)
{
    world *w = begin(NULL);
    w->how = NOTHING;
    good(w, "k", "1", named("a", 0, 10));
    good(w, "k", "2", named("a", 5, 15));
    ck_assert_int_eq(bm_grouping_input_watermark(w->g, BEAM_MAX_TIMESTAMP, NULL),
                     BEAM_OK);
    ck_assert_uint_eq(w->n_panes, 2);
    ck_assert_str_eq(w->panes[0], "k a [0,10) 1 @9 0 last");
    ck_assert_str_eq(w->panes[1], "k a [5,15) 2 @14 0 last");
    end(w);
}
END_TEST

/* An element in several windows is once in what they become. */
START_TEST(several_windows)
{
    world *w = begin(NULL);
    beam_window windows[] = { named("a", 0, 10), named("b", 0, 10), named("a", 5, 15) };
    ck_assert_int_eq(bm_grouping_add(w->g, beam_span_of("k"), beam_span_of("1"), 5,
                                     windows, 3, NULL),
                     BEAM_OK);
    good(w, "k", "2", named("a", 12, 22));
    ck_assert_int_eq(bm_grouping_input_watermark(w->g, BEAM_MAX_TIMESTAMP, NULL),
                     BEAM_OK);
    ck_assert_uint_eq(w->n_panes, 2);
    ck_assert_str_eq(w->panes[0], "k b [0,10) 1 @9 0 last");
    ck_assert_str_eq(w->panes[1], "k a [0,22) 12 @21 0 last");
    end(w);
}
END_TEST

START_TEST(merged_into_the_past)
{
    world *w = begin(NULL);
    good(w, "k", "1", named("a", 0, 100));
    ck_assert_int_eq(bm_grouping_input_watermark(w->g, 50, NULL), BEAM_OK);
    w->end = 20;
    good(w, "k", "2", named("a", 10, 90));
    ck_assert_uint_eq(w->n_panes, 1);
    ck_assert_str_eq(w->panes[0], "k a [0,20) 12 @19 0 last");
    ck_assert_uint_eq(bm_grouping_get_stats(w->g).n_keys, 0);
    ck_assert_int_eq(bm_grouping_output_watermark(w->g), 50);
    end(w);
}
END_TEST

START_TEST(triggers_see_the_merge)
{
    static const bm_trigger_spec three = { .kind = BEAM_TRIGGER_ELEMENT_COUNT,
                                           .count = 3 };
    world *w = begin(&three);
    good(w, "k", "1", named("a", 0, 10));
    good(w, "k", "2", named("a", 2, 12));
    good(w, "k", "3", named("a", 4, 14));
    ck_assert_uint_eq(w->n_panes, 1);
    ck_assert_str_eq(w->panes[0], "k a [0,14) 123 @13 0 last");
    good(w, "k", "4", named("a", 0, 14)); /* just that window is closed */
    ck_assert_uint_eq(bm_grouping_get_stats(w->g).n_dropped_closed, 1);
    end(w);
}
END_TEST

static const struct {
    result how;
    beam_status status;
    const char *says;
} mistakes[] = {
    { FOREIGN, BEAM_EINVAL, "not there" },
    { TWICE, BEAM_EINVAL, "two others" },
    { INTO_ANOTHER, BEAM_EINVAL, "mention" },
    { SAME_RESULT, BEAM_EINVAL, "one set" },
    { FAIL, BEAM_ERPC, "gone" },
};

START_TEST(mistakes_of_the_window_fn)
{
    world *w = begin(NULL);
    good(w, "k", "1", named("a", 0, 10));
    w->how = mistakes[_i].how;
    beam_error err = { 0 };
    ck_assert_int_eq(add(w, "k", "2", named("b", 0, 10), &err), mistakes[_i].status);
    ck_assert_msg(strstr(err.message, mistakes[_i].says), "%s", err.message);
    end(w);
}
END_TEST

START_TEST(a_sink_that_fails)
{
    world *w = begin(NULL);
    good(w, "refused", "1", named("a", 0, 10));
    beam_error err = { 0 };
    ck_assert_int_eq(bm_grouping_input_watermark(w->g, 10, &err), BEAM_EIO);
    ck_assert_str_eq(err.message, "no room");
    end(w);
}
END_TEST

int main(void)
{
    return run_scripts("custom", (const script_table[]){
                                     { merge_by_name, 1 },
                                     { a_known_window_asks_nobody, 1 },
                                     { none_merge, 1 },
                                     { several_windows, 1 },
                                     { merged_into_the_past, 1 },
                                     { triggers_see_the_merge, 1 },
                                     { mistakes_of_the_window_fn, BEAM_COUNT(mistakes) },
                                     { a_sink_that_fails, 1 },
                                     { NULL, 0 },
                                 });
}
