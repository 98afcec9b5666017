/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a script, one after the other. */
#include "script.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_PANES = 64, MAX_WINDOWS = 16 };

typedef struct run {
    const script *script;
    bm_grouping *g;
    bm_arena arena;
    const char *panes[MAX_PANES];
    size_t n_panes, n_seen;
} run;

/* -- panes ---------------------------------------------------------------------------- */
static const char *values_text(bm_arena *arena, const bm_fired_pane *pane)
{
    const char *text = "";
    size_t n_values = 0, n_bytes = 0;
    for (const bm_value_chunk *c = pane->values; c; c = c->next) {
        ck_assert_uint_gt(c->n_values, 0);
        text = bm_format(arena, "%s%.*s", text, (int)c->n_bytes, c->bytes);
        n_values += c->n_values;
        n_bytes += c->n_bytes;
    }
    ck_assert_uint_eq(n_values, pane->n_values);
    ck_assert_uint_eq(n_bytes, pane->n_bytes);
    return *text ? text + 1 : "-"; /* each value is ",T" */
}

static const char *pane_text(bm_arena *arena, const bm_fired_pane *pane)
{
    static const char *const timing[] = { "early", "on-time", "late", "unknown" };
    const beam_pane *info = &pane->info;
    return bm_format(arena,
                     "%.*s [%" PRId64 ",%" PRId64 ") %s @%" PRId64 " %s %" PRId64
                     "/%" PRId64 "%s%s",
                     (int)pane->key.len, pane->key.ptr, pane->window.start,
                     pane->window.end, values_text(arena, pane), pane->timestamp,
                     timing[info->timing], info->index, info->on_time_index,
                     info->is_first ? " first" : "", info->is_last ? " last" : "");
}

static beam_status take(void *user, const bm_fired_pane *pane, beam_error *err)
{
    run *r = user;
    (void)err;
    ck_assert_uint_lt(r->n_panes, MAX_PANES);
    r->panes[r->n_panes++] = pane_text(&r->arena, pane);
    return BEAM_OK;
}

/* -- input ---------------------------------------------------------------------------- */
static beam_millis floor_to(beam_millis t, beam_millis step)
{
    beam_millis over = t % step;
    return t - (over < 0 ? over + step : over);
}

static size_t assign(const beam_window_fn *fn, beam_millis t, beam_window *out)
{
    size_t n = 0;
    switch (fn->kind) {
    case BEAM_WINDOW_GLOBAL:
        out[n++] = (beam_window){ BEAM_MIN_TIMESTAMP,
                                  BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP + 1,
                                  { NULL, 0 } };
        break;
    case BEAM_WINDOW_FIXED:
        out[n] = (beam_window){ floor_to(t, fn->size), 0, { NULL, 0 } };
        out[n].end = out[n].start + fn->size;
        n++;
        break;
    case BEAM_WINDOW_SLIDING:
        for (beam_millis start = floor_to(t, fn->period); start > t - fn->size;
             start -= fn->period)
            out[n++] = (beam_window){ start, start + fn->size, { NULL, 0 } };
        break;
    case BEAM_WINDOW_SESSIONS:
        out[n++] = (beam_window){ t, t + fn->gap, { NULL, 0 } };
        break;
    default: ck_abort_msg("no windows of this kind in scripts");
    }
    ck_assert_uint_le(n, MAX_WINDOWS);
    return n;
}

static void add(run *r, const char *key, beam_millis t)
{
    beam_window windows[MAX_WINDOWS];
    size_t n = assign(&r->script->fn, t, windows);
    char value[32];
    snprintf(value, sizeof value, ",%" PRId64, t);
    beam_error err;
    ck_assert_int_eq(bm_grouping_add(r->g, beam_span_of(key), beam_span_of(value), t,
                                     windows, n, &err),
                     BEAM_OK);
}

static beam_millis time_of(const char *word)
{
    if (!word || !strcmp(word, "-")) return INT64_MAX;
    return strcmp(word, "max") ? strtoll(word, NULL, 10) : BEAM_MAX_TIMESTAMP;
}

/* -- lines ---------------------------------------------------------------------------- */
static void differs(const run *r, const char *line, const char *wanted, const char *got)
{
    ck_abort_msg("%s: at \"%s\": wanted \"%s\", got \"%s\"", r->script->name, line,
                 wanted, got);
}

static void expect_numbers(const run *r, const char *line, const beam_millis *got,
                           size_t n)
{
    char words[128];
    snprintf(words, sizeof words, "%s", line);
    strtok(words, " ");
    for (size_t i = 0; i < n; i++) {
        beam_millis wanted = time_of(strtok(NULL, " "));
        if (wanted == got[i]) continue;
        char text[32];
        snprintf(text, sizeof text, "%" PRId64, got[i]);
        differs(r, line, "as it says", text);
    }
}

static void ask(run *r, const char *line)
{
    bm_grouping_stats stats = bm_grouping_get_stats(r->g);
    if (!strncmp(line, "out ", 4))
        expect_numbers(r, line, (beam_millis[]){ bm_grouping_output_watermark(r->g) }, 1);
    else if (!strncmp(line, "next ", 5))
        expect_numbers(r, line,
                       (beam_millis[]){ bm_grouping_next_event_time(r->g),
                                        bm_grouping_next_processing_time(r->g),
                                        bm_grouping_next_synchronized_time(r->g) },
                       3);
    else if (!strncmp(line, "dropped ", 8))
        expect_numbers(r, line,
                       (beam_millis[]){ (beam_millis)stats.n_dropped_late,
                                        (beam_millis)stats.n_dropped_closed },
                       2);
    else if (!strncmp(line, "kept ", 5))
        expect_numbers(r, line,
                       (beam_millis[]){ (beam_millis)stats.n_keys,
                                        (beam_millis)stats.n_windows },
                       2);
    else
        ck_abort_msg("%s: \"%s\" is no line of a script", r->script->name, line);
}

static void do_line(run *r, const char *line)
{
    if (*line == '>') {
        const char *got = r->n_seen < r->n_panes ? r->panes[r->n_seen++] : "no pane";
        if (strcmp(got, line + 2) != 0) differs(r, line, line + 2, got);
        return;
    }
    if (r->n_seen < r->n_panes) differs(r, line, "no more panes", r->panes[r->n_seen]);
    char words[128];
    snprintf(words, sizeof words, "%s", line);
    const char *verb = strtok(words, " ");
    if (!strcmp(verb, "in")) {
        const char *key = strtok(NULL, " ");
        for (const char *t; (t = strtok(NULL, " "));) add(r, key, time_of(t));
    } else if (!strcmp(verb, "wm")) {
        beam_millis t = time_of(strtok(NULL, " "));
        ck_assert_int_eq(bm_grouping_input_watermark(r->g, t, NULL), BEAM_OK);
    } else if (!strcmp(verb, "pt")) {
        beam_millis now = time_of(strtok(NULL, " "));
        const char *synchronized = strtok(NULL, " ");
        ck_assert_int_eq(bm_grouping_processing_time(r->g, now,
                                                     synchronized ? time_of(synchronized)
                                                                  : now,
                                                     NULL),
                         BEAM_OK);
    } else {
        ask(r, line);
    }
}

void run_script(const script *s)
{
    run r = { .script = s };
    bm_arena_init(&r.arena, 0);
    bm_group_windowing with = s->with;
    if (s->fn.kind == BEAM_WINDOW_SESSIONS) with.merging = BM_MERGE_SESSIONS;
    beam_error err = { 0 };
    beam_status status = bm_grouping_new(&with, take, &r, &r.g, &err);
    if (status != BEAM_OK) ck_abort_msg("%s: %s", s->name, err.message);
    ck_assert_int_eq(bm_grouping_processing_time(r.g, 0, 0, NULL), BEAM_OK);
    for (size_t i = 0; i < BEAM_COUNT(s->lines) && s->lines[i]; i++)
        do_line(&r, s->lines[i]);
    if (r.n_seen < r.n_panes) differs(&r, "the end", "no more panes", r.panes[r.n_seen]);
    bm_grouping_free(r.g);
    bm_arena_free(&r.arena);
}

int run_scripts(const char *name, const script_table *tables)
{
    Suite *suite = suite_create(name);
    TCase *tests = tcase_create(name);
    for (; tables->test; tables++)
        tcase_add_loop_test(tests, tables->test, 0, (int)tables->n);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
