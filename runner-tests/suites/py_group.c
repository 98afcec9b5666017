/* SPDX-License-Identifier: Apache-2.0 */
/* The Python SDK's tests of grouping, windows and combining. */
#include "go.h"

static const string_int pairs[] = { { "a", 1 }, { "a", 2 }, { "b", 3 } };

static void group_by_key(beam_pipeline *p)
{
    beam_pcoll *in = create_string_ints(p, "In", pairs, BEAM_COUNT(pairs));
    beam_assert_that(beam_group_by_key(in, "Group"), "Out", .lines = "a: [1, 2]\nb: [3]");
}

static void group_nothing(beam_pipeline *p)
{
    beam_pcoll *in = create_string_ints(p, "In", pairs, 0);
    beam_assert_that(beam_group_by_key(in, "Group"), "Out", .empty = true);
}

static void reshuffle(beam_pipeline *p)
{
    beam_assert_that(beam_reshuffle(INTS(p, "In", 1, 2, 3), "Shuffle"), "Out",
                     .lines = "1\n2\n3");
}

/* -- windows ---------------------------------------------------------------------------------- */
static beam_millis at_value(beam_ctx *c, beam_value in)
{
    (void)c;
    return beam_as_int64(in);
}
static const beam_dofn at_value_fn = { .name = "py.group.at_value",
                                       .in = BEAM_INT64,
                                       .timestamp = at_value };

static beam_status with_key(beam_ctx *c, beam_value in)
{
    return beam_emit_kv(c, beam_string(beam_span_of("k")), in);
}
static const beam_dofn with_key_fn = { .name = "py.group.with_key",
                                       .in = BEAM_INT64,
                                       .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                       .process = with_key };

static beam_pcoll *timed(beam_pipeline *p, const int64_t *values, size_t n)
{
    beam_pcoll *in = beam_with_timestamps(create_ints(p, "In", values, n), "Time",
                                          &at_value_fn);
    return beam_par_do(in, "Key", &with_key_fn);
}

/* The window [start, start + 10) of each tens, whole numbers apart. */
static beam_status assign_tens(beam_ctx *c, beam_value element, beam_millis timestamp)
{
    (void)element;
    beam_millis start = timestamp / 10 * 10;
    return beam_assign_window(c, (beam_window){ start, start + 10, { NULL, 0 } });
}
static const beam_custom_windows tens = { .name = "py.tens", .assign = assign_tens };

static void reshuffle_after_custom_window(beam_pipeline *p)
{
    beam_pcoll *in = timed(p, (const int64_t[]){ 12, 2, 1 }, 3);
    in = beam_window_into(in, "Tens", beam_custom(&tens));
    in = beam_group_by_key(beam_reshuffle(in, "Shuffle"), "Group");
    beam_assert_that(in, "Out", .lines = "[0, 10) k: [1, 2]\n[10, 20) k: [12]",
                     .show = BEAM_SHOW_WINDOW);
}

static void windowing(beam_pipeline *p)
{
    beam_pcoll *in = timed(p, (const int64_t[]){ 1, 2, 100, 101, 102 }, 5);
    in = beam_group_by_key(beam_window_into(in, "Sessions", beam_sessions(10)), "Group");
    beam_assert_that(in, "Out", .lines = "k: [1, 2]\nk: [100, 101, 102]");
}

static void sliding_windows(beam_pipeline *p)
{
    beam_pcoll *in = timed(p, (const int64_t[]){ 1, 2, 12 }, 3);
    in = beam_group_by_key(beam_window_into(in, "Sliding", beam_sliding(10, 5)), "Group");
    beam_assert_that(in, "Out",
                     .lines = "[-5, 5) k: [1, 2]\n[0, 10) k: [1, 2]\n[5, 15) k: [12]\n"
                              "[10, 20) k: [12]",
                     .show = BEAM_SHOW_WINDOW);
}

/* Of the windows of a key that overlap, one. */
static beam_status assign_three(beam_ctx *c, beam_value element, beam_millis timestamp)
{
    (void)element;
    return beam_assign_window(c, (beam_window){ timestamp, timestamp + 3, { NULL, 0 } });
}
static beam_status merge_overlapping(beam_ctx *c, const beam_window *windows, size_t n)
{
    for (size_t from = 0, to; from < n; from = to) {
        beam_window merged = windows[from];
        for (to = from + 1; to < n && windows[to].start < merged.end; to++)
            if (windows[to].end > merged.end) merged.end = windows[to].end;
        if (to - from > 1) BEAM_TRY(beam_merge_windows(c, windows + from, to - from, merged));
    }
    return BEAM_OK;
}
static const beam_custom_windows threes = { .name = "py.threes",
                                            .assign = assign_three,
                                            .merge = merge_overlapping };

static void custom_merging_window(beam_pipeline *p)
{
    beam_pcoll *in = timed(p, (const int64_t[]){ 1, 2, 4, 100, 101 }, 5);
    in = beam_group_by_key(beam_window_into(in, "Threes", beam_custom(&threes)), "Group");
    beam_assert_that(in, "Out", .lines = "[1, 7) k: [1, 2, 4]\n[100, 104) k: [100, 101]",
                     .show = BEAM_SHOW_WINDOW);
}

/* Windows that are told apart by more than their interval. */
static beam_status assign_parity(beam_ctx *c, beam_value element, beam_millis timestamp)
{
    (void)element;
    beam_span parity = beam_span_of(timestamp % 2 ? "odd" : "even");
    return beam_assign_window(c, (beam_window){ 0, 1000, parity });
}
static const beam_custom_windows parities = { .name = "py.parities",
                                              .custom_windows = true,
                                              .assign = assign_parity };

static void custom_window_type(beam_pipeline *p)
{
    beam_pcoll *in = timed(p, (const int64_t[]){ 1, 2, 3, 4 }, 4);
    in = beam_group_by_key(beam_window_into(in, "Parity", beam_custom(&parities)), "Group");
    beam_assert_that(beam_window_into(in, "Global", beam_global()), "Out",
                     .lines = "k: [1, 3]\nk: [2, 4]");
}

static void first_pane(beam_pipeline *p)
{
    const beam_trigger *trigger = BEAM_REPEAT(BEAM_AFTER_COUNT(1));
    beam_pcoll *in = timed(p, (const int64_t[]){ 1 }, 1);
    in = beam_window_into(in, "Window", beam_global(), .trigger = trigger,
                          .on_time = BEAM_ON_TIME_IF_NONEMPTY);
    beam_assert_that(beam_group_by_key(in, "Group"), "Out", .lines = "k: [1]",
                     .panes = BEAM_PANES_NOT_LATE);
}

/* -- flatten ------------------------------------------------------------------------------- */
static void flatten(beam_pipeline *p)
{
    beam_pcoll *parts[] = { INTS(p, "A", 1, 2), INTS(p, "B", 3), INTS(p, "C", 4, 5) };
    beam_assert_that(beam_flatten(p, "Flatten", parts, 3), "Out", .lines = "1\n2\n3\n4\n5");
}

static void flatten_same(beam_pipeline *p)
{
    beam_pcoll *in = INTS(p, "In", 1, 2), *parts[] = { in, in };
    beam_assert_that(beam_flatten(p, "Flatten", parts, 2), "Out", .lines = "1\n1\n2\n2");
}

static void flatten_and_group(beam_pipeline *p)
{
    beam_pcoll *parts[] = { create_string_ints(p, "A", pairs, 3),
                            create_string_ints(p, "B", pairs, 1) };
    beam_pcoll *all = beam_flatten(p, "Flatten", parts, 2);
    beam_assert_that(all, "All", .lines = "a: 1\na: 1\na: 2\nb: 3");
    beam_assert_that(beam_group_by_key(all, "Group"), "Groups",
                     .lines = "a: [1, 1, 2]\nb: [3]");
}

/* -- combining -------------------------------------------------------------------------------- */
static void combine_per_key(beam_pipeline *p)
{
    beam_pcoll *in = create_string_ints(p, "In", pairs, 3);
    beam_assert_that(beam_combine_per_key(in, "Mean", &beam_mean_int64), "Out",
                     .lines = "a: 1.5\nb: 3");
}

static void windowed_combine(beam_pipeline *p)
{
    beam_pcoll *in = timed(p, (const int64_t[]){ 1, 2, 3, 11 }, 4);
    in = beam_window_into(in, "Ten", beam_fixed(10));
    beam_assert_that(beam_combine_per_key(in, "Mean", &beam_mean_int64), "Out",
                     .lines = "[0, 10) k: 2\n[10, 20) k: 11", .show = BEAM_SHOW_WINDOW);
}

/* Several combines of one collection: a runner may run them as one. */
static void pack_combiners(beam_pipeline *p)
{
    beam_pcoll *in = create_string_ints(p, "In", pairs, 3);
    beam_assert_that(beam_combine_per_key(in, "Min", &beam_min_int64), "Least",
                     .lines = "a: 1\nb: 3");
    beam_assert_that(beam_combine_per_key(in, "Max", &beam_max_int64), "Greatest",
                     .lines = "a: 2\nb: 3");
    beam_assert_that(beam_combine_per_key(in, "Count", &beam_count), "Number",
                     .lines = "a: 2\nb: 1");
}

/* -- a large group: the runner may send its rest by the state API ------------------------- */
enum { MANY = 100000 };
static beam_status many(beam_ctx *c, beam_value in)
{
    (void)in;
    for (int64_t i = 0; i < MANY; i++)
        BEAM_TRY(beam_emit_kv(c, beam_string(beam_span_of("k")), beam_int64(i)));
    return BEAM_OK;
}
static const beam_dofn many_fn = { .name = "py.many",
                                   .in = BEAM_BYTES,
                                   .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                   .process = many };

static beam_status read_twice(beam_ctx *c, beam_value in)
{
    int64_t sums[2] = { 0, 0 };
    for (int round = 0; round < 2; round++) {
        beam_iter *it = beam_as_iter(beam_val(in));
        for (beam_value v; beam_next(it, &v);) sums[round] += beam_as_int64(v);
    }
    if (sums[0] != sums[1]) return beam_fail(c, BEAM_EUSER, "read differently the second time");
    return beam_emit(c, beam_int64(sums[0]));
}
static const beam_dofn read_twice_fn = { .name = "py.read_twice",
                                         .in = BEAM_KV(BEAM_STRING, BEAM_ITERABLE(BEAM_INT64)),
                                         .out = BEAM_INT64,
                                         .process = read_twice };

static void state_backed(beam_pipeline *p)
{
    beam_pcoll *in = beam_par_do(beam_impulse(p, "Impulse"), "Many", &many_fn);
    in = beam_par_do(beam_group_by_key(in, "Group"), "Read", &read_twice_fn);
    beam_value sum = beam_int64((int64_t)MANY * (MANY - 1) / 2);
    beam_assert_that(in, "Sum", .singleton = &sum);
}

static const suite_test tests[] = {
    TEST("test_group_by_key", "-", group_by_key),
    TEST("test_gbk_with_empty_pcoll", "-", group_nothing),
    TEST("test_reshuffle", "-", reshuffle),
    TEST("test_reshuffle_after_custom_window", "-", reshuffle_after_custom_window),
    TEST("test_windowing", "-", windowing),
    TEST("test_sliding_windows", "-", sliding_windows),
    TEST("test_custom_merging_window", "UsesCustomWindowMerging", custom_merging_window,
         .needs = RUNS_ALONE),
    TEST("test_custom_window_type", "-", custom_window_type, .needs = RUNS_ALONE),
    TEST("test_first_pane", "-", first_pane),
    TEST("test_flatten", "-", flatten),
    TEST("test_flatten_same_pcollections", "-", flatten_same),
    TEST("test_flatten_and_gbk", "-", flatten_and_group),
    TEST("test_combine_per_key", "-", combine_per_key),
    TEST("test_windowed_combine_per_key", "-", windowed_combine),
    TEST("test_pack_combiners", "-", pack_combiners),
    TEST("FnApiBasedStateBackedCoderTest.test_gbk_many_values", "-", state_backed),
};
SUITE_TABLE(py_group, "python", tests);
