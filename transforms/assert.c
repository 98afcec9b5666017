/* SPDX-License-Identifier: Apache-2.0 */
/* beam_assert_that(): what the collection holds and what is expected go to one key as text,
 * with a record that is there in any case, so that the comparison is made for nothing too.
 * The first half runs on the thread that builds the pipeline, the DoFns on bundle threads. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "beam/testing.h"
#include "transforms.h"

/* -- which elements are looked at: the config of the steps that read the collection ------ */
typedef struct view {
    int panes, quoted;
    unsigned show;
    bool has_window;
    beam_window window;
} view;

/* Reads what view_config() wrote: numbers, '|', the window's own bytes. */
static view view_of(beam_ctx *c)
{
    beam_span config = beam_config(c);
    view v = { 0 };
    int has_window = 0, n = 0;
    long long start = 0, end = 0;
    sscanf(beam_cstr(c, config), "%d %d %u %d %lld %lld|%n", &v.panes, &v.quoted, &v.show,
           &has_window, &start, &end, &n);
    v.has_window = has_window;
    v.window = (beam_window){ start, end, { config.ptr + n, config.len - (size_t)n } };
    return v;
}

static bool same_window(const beam_window *a, const beam_window *b)
{
    return a->start == b->start && a->end == b->end &&
           beam_span_equal(a->custom, b->custom);
}

/* Is the element looked at? Fails where there may be no such pane. */
static bool is_seen(beam_ctx *c, const view *v)
{
    if (v->has_window) {
        beam_window window = beam_element_window(c);
        if (!same_window(&window, &v->window)) return false;
    }
    beam_pane pane = beam_element_pane(c);
    switch ((beam_panes)v->panes) {
    case BEAM_PANES_ALL: return true;
    case BEAM_PANES_EARLY: return pane.timing == BEAM_PANE_EARLY;
    case BEAM_PANES_ON_TIME: return pane.timing == BEAM_PANE_ON_TIME;
    case BEAM_PANES_LATE: return pane.timing == BEAM_PANE_LATE;
    case BEAM_PANES_NOT_LATE: return pane.timing != BEAM_PANE_LATE;
    case BEAM_PANES_FINAL: return pane.is_last;
    case BEAM_PANES_ONLY: break;
    }
    if (!pane.is_first || !pane.is_last)
        beam_fail(c, BEAM_EUSER, "assertion failed: the window has more than one pane");
    return true;
}

/* -- the element and what is to be seen of it, as text ----------------------------------- */
static const char *window_text(beam_ctx *c, beam_window w)
{
    if (w.end == BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP + 1) return "[global] ";
    return beam_format(c, "[%lld, %lld)" BEAM_SPAN_FMT " ", (long long)w.start,
                       (long long)w.end, BEAM_SPAN_ARG(w.custom))
        .ptr;
}

static const char *pane_text(beam_ctx *c, beam_pane pane)
{
    static const char *const timings[] = { "early", "on time", "late", "unknown" };
    return beam_format(c, " #%lld %s%s%s", (long long)pane.index, timings[pane.timing],
                       pane.is_first ? " first" : "", pane.is_last ? " last" : "")
        .ptr;
}

static beam_span seen_text(beam_ctx *c, const view *v, beam_value in)
{
    beam_span value = beam_text(c, in, v->quoted);
    if (!v->show) return value;
    const char *before = v->show & BEAM_SHOW_WINDOW
                             ? window_text(c, beam_element_window(c))
                             : "";
    const char *at = v->show & BEAM_SHOW_TIMESTAMP
                         ? beam_format(c, " @%lld", (long long)beam_timestamp(c)).ptr
                         : "";
    const char *pane = v->show & BEAM_SHOW_PANE ? pane_text(c, beam_element_pane(c)) : "";
    return beam_format(c, "%s" BEAM_SPAN_FMT "%s%s", before, BEAM_SPAN_ARG(value), at,
                       pane);
}

/* -- records: KV<INT64, BYTES>, a letter and a text -------------------------------------- */
enum { ACTUAL = 'A', EXPECTED = 'E', START = 'S' };

static beam_status emit_record(beam_ctx *c, char letter, beam_span text)
{
    char *record = beam_alloc(c, text.len + 1);
    record[0] = letter;
    if (text.len) memcpy(record + 1, text.ptr, text.len);
    return beam_emit_kv(c, beam_int64(0),
                        beam_bytes((beam_span){ record, text.len + 1 }));
}

static beam_status actual_record(beam_ctx *c, beam_value in)
{
    view v = view_of(c);
    return is_seen(c, &v) ? emit_record(c, ACTUAL, seen_text(c, &v, in)) : BEAM_OK;
}

static beam_status expected_record(beam_ctx *c, beam_value in)
{
    return emit_record(c, EXPECTED, beam_text(c, in, true));
}

/* KV<0, element>, for a matcher. */
static beam_status actual_pair(beam_ctx *c, beam_value in)
{
    view v = view_of(c);
    return is_seen(c, &v) ? beam_emit_kv(c, beam_int64(0), in) : BEAM_OK;
}

#define RECORD BEAM_KV(BEAM_INT64, BEAM_BYTES)

const beam_dofn bm_assert_actual_fn = {
    .name = "beam.assert_actual", .in = BEAM_ANY, .out = RECORD, .process = actual_record
};
const beam_dofn bm_assert_windowed_fn = { .name = "beam.assert_windowed",
                                          .in = BEAM_ANY,
                                          .out = RECORD,
                                          .flags = BEAM_OBSERVES_WINDOW,
                                          .process = actual_record };
const beam_dofn bm_assert_expected_fn = { .name = "beam.assert_expected",
                                          .in = BEAM_ANY,
                                          .out = RECORD,
                                          .process = expected_record };
const beam_dofn bm_assert_pair_fn = { .name = "beam.assert_pair",
                                      .in = BEAM_ANY,
                                      .out = BEAM_KV(BEAM_INT64, BEAM_ANY),
                                      .process = actual_pair };
const beam_dofn bm_assert_windowed_pair_fn = { .name = "beam.assert_windowed_pair",
                                               .in = BEAM_ANY,
                                               .out = BEAM_KV(BEAM_INT64, BEAM_ANY),
                                               .flags = BEAM_OBSERVES_WINDOW,
                                               .process = actual_pair };

/* -- comparing: config "L" and lines, "V" (values come as records), or "N" and a count ---- */
typedef struct list {
    beam_span *at;
    size_t n, cap;
} list;

static void add(beam_ctx *c, list *l, beam_span text)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 16;
        beam_span *grown = beam_alloc(c, cap * sizeof *grown);
        if (l->n) memcpy(grown, l->at, l->n * sizeof *grown);
        l->at = grown;
        l->cap = cap;
    }
    l->at[l->n++] = text;
}

static int compare(beam_span a, beam_span b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.ptr, b.ptr, n) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int by_text(const void *a, const void *b)
{
    return compare(*(const beam_span *)a, *(const beam_span *)b);
}

static void sort(list *l)
{
    if (l->n) qsort(l->at, l->n, sizeof *l->at, by_text);
}

static void add_lines(beam_ctx *c, list *l, beam_span text)
{
    while (text.len) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t n = end ? (size_t)(end - text.ptr) : text.len;
        add(c, l, (beam_span){ text.ptr, n });
        n += end != NULL;
        text.ptr += n;
        text.len -= n;
    }
}

/* What is in one sorted list and not in the other. */
static list without(beam_ctx *c, const list *from, const list *taken)
{
    list left = { NULL, 0, 0 };
    for (size_t i = 0, k = 0; i < from->n; i++) {
        while (k < taken->n && compare(taken->at[k], from->at[i]) < 0) k++;
        if (k < taken->n && compare(taken->at[k], from->at[i]) == 0)
            k++;
        else
            add(c, &left, from->at[i]);
    }
    return left;
}

/* Cut where a character of UTF-8 begins. */
static beam_span cut(beam_span text, size_t longest)
{
    if (text.len <= longest) return text;
    while (longest && (text.ptr[longest] & 0xc0) == 0x80) longest--;
    return (beam_span){ text.ptr, longest };
}

/* "; missing: a, b (and 3 more)": the reason of a failure is not to be too long. Strings in
 * the text of values are quoted already; of lines, blanks at the end are to be seen too. */
static const char *some_of(beam_ctx *c, const char *what, const list *l, bool are_lines)
{
    enum { MOST = 5, LONGEST = 60 };
    if (!l->n) return "";
    beam_span text = beam_format(c, "; %s: ", what);
    for (size_t i = 0; i < l->n && i < MOST; i++) {
        beam_span item = cut(l->at[i], LONGEST);
        bool is_cut = item.len < l->at[i].len;
        if (are_lines) item = beam_text(c, beam_string(item), true);
        text = beam_format(c, "%s%s" BEAM_SPAN_FMT "%s", text.ptr, i ? ", " : "",
                           BEAM_SPAN_ARG(item), is_cut ? "..." : "");
    }
    if (l->n > MOST) text = beam_format(c, "%s (and %zu more)", text.ptr, l->n - MOST);
    return text.ptr;
}

static beam_status differ(beam_ctx *c, list *expected, list *actual, bool are_lines)
{
    sort(expected);
    sort(actual);
    list missing = without(c, expected, actual),
         unexpected = without(c, actual, expected);
    if (!missing.n && !unexpected.n) return BEAM_OK;
    return beam_fail(c, BEAM_EUSER, "assertion failed: %zu element%s, expected %zu%s%s",
                     actual->n, actual->n == 1 ? "" : "s", expected->n,
                     some_of(c, "missing", &missing, are_lines),
                     some_of(c, "unexpected", &unexpected, are_lines));
}

static beam_status check(beam_ctx *c, beam_value in)
{
    beam_span config = beam_config(c);
    list expected = { NULL, 0, 0 }, actual = { NULL, 0, 0 };
    beam_iter *records = beam_as_iter(beam_val(in));
    for (beam_value record; beam_next(records, &record);) {
        beam_span text = beam_as_span(record);
        char *copy = beam_cstr(c, text);
        if (copy[0] == ACTUAL) add(c, &actual, (beam_span){ copy + 1, text.len - 1 });
        if (copy[0] == EXPECTED) add(c, &expected, (beam_span){ copy + 1, text.len - 1 });
    }
    if (config.ptr[0] == 'L')
        add_lines(c, &expected, (beam_span){ config.ptr + 1, config.len - 1 });
    if (config.ptr[0] != 'N') {
        BEAM_TRY(differ(c, &expected, &actual, config.ptr[0] == 'L'));
    } else {
        long long n = strtoll(beam_cstr(c, config) + 1, NULL, 10);
        if ((long long)actual.n != n)
            return beam_fail(c, BEAM_EUSER,
                             "assertion failed: %zu element%s, expected %lld", actual.n,
                             actual.n == 1 ? "" : "s", n);
    }
    beam_counter_add(c, BM_ASSERTIONS_COUNTER, 1);
    return BEAM_OK;
}

const beam_dofn bm_assert_check_fn = { .name = "beam.assert_check",
                                       .in = BEAM_KV(BEAM_INT64,
                                                     BEAM_ITERABLE(BEAM_BYTES)),
                                       .process = check };

/* KV<INT64, {starts, elements}> -> all elements, for a matcher. */
static beam_status all_elements(beam_ctx *c, beam_value in)
{
    beam_value all = { BEAM_KIND_ITERABLE, { false } };
    all.as.iter = beam_co_values(in, 1);
    BEAM_TRY(beam_emit(c, all));
    beam_counter_add(c, BM_ASSERTIONS_COUNTER, 1);
    return BEAM_OK;
}

const beam_dofn bm_assert_all_fn = {
    .name = "beam.assert_all",
    .in = BEAM_KV(BEAM_INT64, BEAM_CO2(BEAM_INT64, BEAM_ANY)),
    .out = BEAM_ITERABLE(BEAM_ANY),
    .process = all_elements,
};

/* -- building ------------------------------------------------------------------------------ */
static int n_expectations(const beam_assert_opts *o)
{
    return (o->values || o->n) + (o->lines != NULL) + o->empty + (o->singleton != NULL) +
           (o->count != 0) + (o->matcher != NULL);
}

static bool is_complete(beam_pipeline *p, const char *name, const beam_assert_opts *o)
{
    const char *problem =
        n_expectations(o) != 1
            ? "says what is expected with exactly one of .values, .lines, .empty, "
              ".singleton, .count and .matcher"
        : o->n && !o->values     ? "has a number of values (.n), but no .values"
        : o->lines && !*o->lines ? "expects no lines: that is .empty = true"
        : o->show && !o->lines   ? "has .show, which is for .lines"
                                 : NULL;
    if (problem) beam_pipeline_fail(p, BEAM_EINVAL, "%s: an assertion %s", name, problem);
    return !problem;
}

/* The config of the steps that read the collection; freed by the caller. */
static beam_span view_config(const beam_assert_opts *o)
{
    static const beam_window none;
    const beam_window *w = o->window ? o->window : &none;
    char numbers[128];
    int n = snprintf(numbers, sizeof numbers, "%d %d %u %d %lld %lld|", (int)o->panes,
                     !o->lines, o->show, o->window != NULL, (long long)w->start,
                     (long long)w->end);
    char *bytes = malloc((size_t)n + w->custom.len);
    if (!bytes) abort();
    memcpy(bytes, numbers, (size_t)n);
    if (w->custom.len) memcpy(bytes + n, w->custom.ptr, w->custom.len);
    return (beam_span){ bytes, (size_t)n + w->custom.len };
}

static bool observes_window(const beam_assert_opts *o)
{
    return o->window || (o->show & BEAM_SHOW_WINDOW);
}

/* One group at the end of all input, bounded or not. */
static beam_pcoll *at_the_end(beam_pcoll *in, const char *name)
{
    return beam_window_into(in, name, beam_global(),
                            .trigger = BEAM_AFTER_END_OF_WINDOW(NULL, NULL));
}

static const char *check_config(beam_pipeline *p, const beam_assert_opts *o)
{
    if (o->lines) return beam_pipeline_format(p, "L%s", o->lines);
    if (o->count) return beam_pipeline_format(p, "N%lld", (long long)o->count);
    return "V";
}

static beam_pcoll *start_record(beam_pipeline *p)
{
    const char start = START;
    const beam_value pair[] = { beam_int64(0), beam_bytes((beam_span){ &start, 1 }) };
    const beam_value record = beam_kv(pair);
    return beam_create(p, "Start", BEAM_KV(BEAM_INT64, BEAM_BYTES), &record, 1);
}

static void compare_records(beam_pcoll *actual, const beam_assert_opts *o, beam_span seen)
{
    beam_pipeline *p = beam_pcoll_pipeline(actual);
    const beam_value *values = o->singleton ? o->singleton : o->values;
    size_t n = o->singleton ? 1 : o->n;
    beam_pcoll *records[3];
    size_t n_records = 0;
    const beam_dofn *reader = observes_window(o) ? &bm_assert_windowed_fn
                                                 : &bm_assert_actual_fn;
    beam_pcoll *read = beam_par_do(actual, "Actual", reader, .config = seen);
    records[n_records++] = at_the_end(read, "ActualAtEnd");
    records[n_records++] = at_the_end(start_record(p), "StartAtEnd");
    if (values) {
        beam_pcoll *expected = beam_create(p, "Values", beam_pcoll_type(actual), values,
                                           n);
        expected = beam_par_do(expected, "Expected", &bm_assert_expected_fn);
        records[n_records++] = at_the_end(expected, "ExpectedAtEnd");
    }
    beam_pcoll *all = beam_flatten(p, "Flatten", records, n_records);
    beam_par_do(beam_group_by_key(all, "Group"), "Check", &bm_assert_check_fn,
                .config = beam_span_of(check_config(p, o)));
}

static void ask_matcher(beam_pcoll *actual, const beam_assert_opts *o, beam_span seen)
{
    beam_pipeline *p = beam_pcoll_pipeline(actual);
    const beam_type *type = beam_pcoll_type(actual);
    const beam_value zeros[] = { beam_int64(0), beam_int64(0) };
    const beam_value zero = beam_kv(zeros);
    const beam_dofn *reader = observes_window(o) ? &bm_assert_windowed_pair_fn
                                                 : &bm_assert_pair_fn;
    beam_pcoll *start = beam_create(p, "Start", BEAM_KV(BEAM_INT64, BEAM_INT64), &zero,
                                    1);
    beam_pcoll *read = beam_par_do(actual, "Actual", reader, .config = seen,
                                   .out = BEAM_KV(BEAM_INT64, type));
    beam_pcoll *inputs[] = { at_the_end(start, "StartAtEnd"),
                             at_the_end(read, "ActualAtEnd") };
    beam_pcoll *grouped = beam_co_group_by_key(p, "Group", inputs, 2);
    beam_pcoll *all = beam_par_do(grouped, "All", &bm_assert_all_fn,
                                  .out = BEAM_ITERABLE(type));
    beam_par_do(all, "Match", o->matcher, .config = o->config);
}

void beam_assert_that_with(beam_pcoll *actual, const char *name,
                           const beam_assert_opts *opts)
{
    static const beam_assert_opts nothing;
    if (!opts) opts = &nothing;
    beam_pipeline *p = beam_pcoll_pipeline(actual);
    if (!is_complete(p, name, opts)) return;
    beam_span seen = view_config(opts);
    beam_scope_begin(p, name);
    if (opts->matcher)
        ask_matcher(actual, opts, seen);
    else
        compare_records(actual, opts, seen);
    beam_scope_end(p);
    free((void *)(uintptr_t)seen.ptr);
}
