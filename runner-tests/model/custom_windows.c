/* SPDX-License-Identifier: Apache-2.0 */
/* WindowFns of the program: intervals by the timestamp or by the element, merging ones, and
 * windows that carry bytes. */
#include "shared.h"

#include <string.h>

static const char *const keys[] = { "a", "b", "a", "a", "b" };
static const int64_t seconds[] = { 1, 2, 4, 11, 13 };

static beam_pcoll *timed(beam_pipeline *p)
{
    return create_timed(p, "Timed", keys, seconds, 5);
}

static beam_window interval(beam_millis start, beam_millis end)
{
    return (beam_window){ start, end, { NULL, 0 } };
}

/* -- by the timestamp: of as many seconds as the config says, and the next one too if it
 * starts within a second -- */
static beam_status assign_overlapping(beam_ctx *c, beam_value element, beam_millis t)
{
    beam_millis size = beam_seconds(beam_config(c).ptr[0] - '0');
    beam_millis start = t - t % size;
    (void)element;
    if (start + size - t <= 1000)
        BEAM_TRY(beam_assign_window(c, interval(start + size, start + 2 * size)));
    return beam_assign_window(c, interval(start, start + size));
}
static const beam_custom_windows overlapping_fn = { .name = "model.overlapping",
                                                    .assign = assign_overlapping };

static beam_window_fn overlapping(void)
{
    beam_window_fn fn = beam_custom(&overlapping_fn);
    fn.config = beam_span_of("5");
    return fn;
}

static beam_pcoll *sums(beam_pipeline *p)
{
    beam_pcoll *windows = beam_window_into(timed(p), "Windows", overlapping());
    return with_window(beam_combine_per_key(windows, "Sum", &beam_sum_int64), "Text");
}

static beam_pcoll *groups(beam_pipeline *p)
{
    beam_pcoll *windows = beam_window_into(timed(p), "Windows", overlapping());
    return with_window(beam_group_by_key(windows, "Group"), "Text");
}

/* -- by the element: a window for each key -- */
static beam_status assign_by_key(beam_ctx *c, beam_value element, beam_millis t)
{
    beam_millis length = beam_seconds(beam_as_span(beam_key(element)).ptr[0] == 'a' ? 10 : 20);
    return beam_assign_window(c, interval(t - t % length, t - t % length + length));
}
static const beam_custom_windows by_key_fn = { .name = "model.by_key", .assign = assign_by_key,
                                               .observes_element = true };

static beam_pcoll *by_element(beam_pipeline *p)
{
    beam_pcoll *windows = beam_window_into(timed(p), "Windows", beam_custom(&by_key_fn));
    return with_window(beam_combine_per_key(windows, "Sum", &beam_sum_int64), "Text");
}

/* -- as side input -- */
static const beam_side_spec around[] = {
    { "around", BEAM_SIDE_ITERABLE, BEAM_KV(BEAM_STRING, BEAM_INT64), NULL, NULL },
};
static beam_value add_up(beam_ctx *c, beam_value in)
{
    int64_t sum = 0;
    beam_iter *iter = beam_side_iter(c, 0);
    for (beam_value v; beam_next(iter, &v);) sum += beam_as_int64(beam_val(v));
    return beam_string(beam_format(c, BEAM_SPAN_FMT "%lld %lld",
                                   BEAM_SPAN_ARG(beam_as_span(beam_key(in))),
                                   (long long)beam_as_int64(beam_val(in)), (long long)sum));
}
static const beam_dofn add_up_fn = { .name = "model.custom_side",
                                     .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                     .out = BEAM_STRING, .map = add_up,
                                     .sides = BEAM_TABLE(around) };

static beam_pcoll *side_input(beam_pipeline *p)
{
    beam_pcoll *main = beam_window_into(timed(p), "Main", beam_fixed(beam_seconds(5)));
    beam_pcoll *side = beam_window_into(create_timed(p, "Side", keys, seconds, 5), "Windows",
                                        overlapping());
    return beam_window_into(beam_par_do(main, "Read", &add_up_fn, .sides = { side }), "Global",
                            beam_global());
}

static const beam_dofn *const dofns[] = { &add_up_fn };

static const model_test tests[] = {
    { "custom_windows_sum", sums,
      "[0,5) a: 5\n[0,5) b: 2\n[10,15) a: 11\n[10,15) b: 13\n[5,10) a: 4\n" },
    { "custom_windows_group", groups,
      "[0,5) a: [1 4]\n[0,5) b: [2]\n[10,15) a: [11]\n[10,15) b: [13]\n[5,10) a: [4]\n" },
    { "custom_windows_by_element", by_element, "[0,10) a: 5\n[0,20) b: 15\n[10,20) a: 11\n" },
    /* Of two windows at the end of the main one, it is the later that was assigned first. */
    { "custom_windows_side_input", side_input, "a1 7\na11 24\na4 7\nb13 24\nb2 7\n" },
};

const model_suite custom_windows_suite = { tests, BEAM_COUNT(tests), dofns, BEAM_COUNT(dofns),
                                           NULL, 0 };

/* -- what few runners run: windows that merge, windows with bytes -- */
static beam_status assign_session(beam_ctx *c, beam_value element, beam_millis t)
{
    (void)element;
    return beam_assign_window(c, interval(t, t + beam_seconds(5)));
}
/* Windows that touch merge, but never to more than ten seconds. */
static beam_status merge_short(beam_ctx *c, const beam_window *windows, size_t n)
{
    for (size_t i = 0, k; i < n; i = k) {
        beam_window into = windows[i];
        for (k = i + 1; k < n && windows[k].start <= into.end &&
                        windows[k].end - into.start <= beam_seconds(10); k++)
            into.end = windows[k].end;
        if (k - i > 1) BEAM_TRY(beam_merge_windows(c, &windows[i], k - i, into));
    }
    return BEAM_OK;
}
static const beam_custom_windows short_sessions_fn = { .name = "model.short_sessions",
                                                       .assign = assign_session,
                                                       .merge = merge_short };

static beam_pcoll *merging(beam_pipeline *p)
{
    beam_pcoll *windows = beam_window_into(timed(p), "Windows", beam_custom(&short_sessions_fn));
    return with_window(beam_combine_per_key(windows, "Sum", &beam_sum_int64), "Text");
}

/* Ten seconds, and apart from each other by whether the number is even. */
static beam_status assign_named(beam_ctx *c, beam_value element, beam_millis t)
{
    beam_window window = interval(t - t % 10000, t - t % 10000 + 10000);
    window.custom = beam_span_of(beam_as_int64(beam_val(element)) % 2 ? "odd" : "even");
    return beam_assign_window(c, window);
}
static const beam_custom_windows named_fn = { .name = "model.named", .assign = assign_named,
                                              .custom_windows = true,
                                              .observes_element = true };

static beam_value show_custom(beam_ctx *c, beam_value in)
{
    beam_window w = beam_element_window(c);
    return beam_string(beam_format(c, "%lld " BEAM_SPAN_FMT " " BEAM_SPAN_FMT ":%lld",
                                   (long long)w.start / 1000, BEAM_SPAN_ARG(w.custom),
                                   BEAM_SPAN_ARG(beam_as_span(beam_key(in))),
                                   (long long)beam_as_int64(beam_val(in))));
}
static const beam_dofn show_custom_fn = { .name = "model.show_custom",
                                          .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                          .out = BEAM_STRING, .map = show_custom,
                                          .flags = BEAM_OBSERVES_WINDOW };

static beam_pcoll *with_bytes(beam_pipeline *p)
{
    beam_pcoll *windows = beam_window_into(timed(p), "Windows", beam_custom(&named_fn));
    beam_pcoll *sum = beam_combine_per_key(windows, "Sum", &beam_sum_int64);
    return beam_window_into(beam_map(sum, "Show", &show_custom_fn), "Global", beam_global());
}

static const beam_dofn *const rare_dofns[] = { &show_custom_fn };
static const model_test rare_tests[] = {
    { "rare_custom_windows_merging", merging, "[1,9) a: 5\n[11,16) a: 11\n[13,18) b: 13\n[2,7) b: 2\n" },
    { "rare_custom_windows_bytes", with_bytes,
      "0 even a:4\n0 even b:2\n0 odd a:1\n10 odd a:11\n10 odd b:13\n" },
};
const model_suite rare_suite = { rare_tests, BEAM_COUNT(rare_tests), rare_dofns,
                                 BEAM_COUNT(rare_dofns), NULL, 0 };

const beam_custom_windows *const model_window_fns[] = { &overlapping_fn, &by_key_fn,
                                                        &short_sessions_fn, &named_fn };
const size_t n_model_window_fns = BEAM_COUNT(model_window_fns);
