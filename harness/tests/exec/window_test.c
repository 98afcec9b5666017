/* SPDX-License-Identifier: Apache-2.0 */
/* window_into, map_windows and merge_windows. */
#include "beam_urns.h"
#include "fixture.h"

/* source -> window_into -> sink, of int64. */
static void init_into(fixture *f, test_window_fn fn, const char *out_window)
{
    fixture_init(f, NULL, 0, NULL, 0);
    fixture_pcoll(f, "p1", "varint");
    fixture_pcoll(f, "p2", "varint");
    fixture_source(f, "a", "p1", "varint", "global_window");
    fixture_transform(f, "b", BEAM_URN_TRANSFORM_WINDOW_INTO, fixture_window_into(f, fn),
                      "in=p1", "out=p2");
    fixture_sink(f, "c", "p2", "varint", out_window);
}

static void expect_windows(test_window_fn fn, const char *out_window, const beam_millis *times,
                           size_t n, const char *expected)
{
    fixture f;
    init_into(&f, fn, out_window);
    fixture_build(&f);
    for (size_t i = 0; i < n; i++)
        fixture_put_in(&f, 0, beam_int64((int64_t)i), times[i], bm_global_windows.at, 1);
    fixture_run(&f);
    expect_output(&f, 0, expected);
    fixture_free(&f);
}

START_TEST(fixed_windows)
{
    const beam_millis times[] = { 0, 9999, 10000, -1, 5 };
    expect_windows((test_window_fn){ BEAM_URN_WINDOW_FN_FIXED_WINDOWS, 10000, 0, 0 },
                   "interval_window", times, 5,
                   "0 @0 [0, 10000)\n1 @9999 [0, 10000)\n2 @10000 [10000, 20000)\n"
                   "3 @-1 [-10000, 0)\n4 @5 [0, 10000)\n");
    expect_windows((test_window_fn){ BEAM_URN_WINDOW_FN_FIXED_WINDOWS, 10000, 3000, 0 },
                   "interval_window", times, 3,
                   "0 @0 [-7000, 3000)\n1 @9999 [3000, 13000)\n2 @10000 [3000, 13000)\n");
}
END_TEST

START_TEST(fixed_windows_at_the_ends_of_time)
{
    const beam_millis times[] = { BEAM_MIN_TIMESTAMP, BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP };
    expect_windows((test_window_fn){ BEAM_URN_WINDOW_FN_FIXED_WINDOWS, 10000, 0, 0 },
                   "interval_window", times, 2,
                   "0 [-9223372036860000, -9223372036850000)\n"
                   "1 @9223371950454775 [9223371950450000, 9223371950454776)\n");
}
END_TEST

START_TEST(sliding_windows)
{
    const beam_millis times[] = { 7000, 0 };
    expect_windows((test_window_fn){ BEAM_URN_WINDOW_FN_SLIDING_WINDOWS, 10000, 0, 5000 },
                   "interval_window", times, 2,
                   "0 @7000 [5000, 15000) [0, 10000)\n1 @0 [0, 10000) [-5000, 5000)\n");
    /* Between windows that leave gaps, an element is in none. */
    const beam_millis gaps[] = { 1000, 3000 };
    expect_windows((test_window_fn){ BEAM_URN_WINDOW_FN_SLIDING_WINDOWS, 2000, 0, 5000 },
                   "interval_window", gaps, 2, "0 @1000 [0, 2000)\n");
}
END_TEST

START_TEST(sessions_and_global)
{
    const beam_millis times[] = { 7, 3 };
    expect_windows((test_window_fn){ BEAM_URN_WINDOW_FN_SESSION_WINDOWS, 1000, 0, 0 },
                   "interval_window", times, 2, "0 @7 [7, 1007)\n1 @3 [3, 1003)\n");
    expect_windows((test_window_fn){ BEAM_URN_WINDOW_FN_GLOBAL_WINDOWS, 0, 0, 0 },
                   "global_window", times, 2, "0 @7\n1 @3\n");
}
END_TEST

START_TEST(bad_window_functions_are_refused)
{
    static const struct {
        test_window_fn fn;
        const char *message;
    } cases[] = {
        { { BEAM_URN_WINDOW_FN_FIXED_WINDOWS, 0, 0, 0 }, "the size is not positive" },
        { { BEAM_URN_WINDOW_FN_SLIDING_WINDOWS, 10, 0, 0 }, "the period is not positive" },
        { { BEAM_URN_WINDOW_FN_SLIDING_WINDOWS, 1000000000, 0, 1 },
          "in more than a million windows" },
        { { "beam:window_fn:moon:v1", 10, 0, 0 }, "'beam:window_fn:moon:v1', which this "
                                                  "worker does not know" },
    };
    for (size_t i = 0; i < BEAM_COUNT(cases); i++) {
        fixture f;
        init_into(&f, cases[i].fn, "interval_window");
        ck_assert_int_ne(fixture_try_build(&f), BEAM_OK);
        expect_error(&f, "Transform 'Scope/b'");
        expect_error(&f, cases[i].message);
        fixture_free(&f);
    }
}
END_TEST

/* -- map_windows and merge_windows --------------------------------------------------------- */
static beam_value window_value(const beam_window *w)
{
    beam_value v = { BEAM_KIND_WINDOW, { false } };
    v.as.ptr = w;
    return v;
}

static const beam_window windows[] = { { 0, 10000, { NULL, 0 } },
                                       { 5000, 12000, { NULL, 0 } },
                                       { 12000, 13000, { NULL, 0 } },
                                       { 1000, 2000, { NULL, 0 } },
                                       { 20000, 30000, { NULL, 0 } } };

START_TEST(map_windows_takes_the_window_of_the_last_moment)
{
    static const struct {
        test_window_fn fn;
        const char *window, *expected;
    } cases[] = {
        { { BEAM_URN_WINDOW_FN_FIXED_WINDOWS, 6000, 0, 0 }, "interval_window",
          "KV{\"n\", [6000, 12000)}\n" },
        { { BEAM_URN_WINDOW_FN_SLIDING_WINDOWS, 6000, 0, 2000 }, "interval_window",
          "KV{\"n\", [4000, 10000)}\n" },
        { { BEAM_URN_WINDOW_FN_GLOBAL_WINDOWS, 0, 0, 0 }, "global_window",
          "KV{\"n\", global window}\n" },
    };
    for (size_t i = 0; i < BEAM_COUNT(cases); i++) {
        fixture f;
        fixture_init(&f, NULL, 0, NULL, 0);
        const char *out = bm_format(&f.arena, "kv<bytes,%s>", cases[i].window);
        fixture_pcoll(&f, "p1", "kv<bytes,interval_window>");
        fixture_pcoll(&f, "p2", out);
        fixture_source(&f, "a", "p1", "kv<bytes,interval_window>", "global_window");
        fixture_transform(&f, "b", BEAM_URN_TRANSFORM_MAP_WINDOWS,
                          fixture_window_fn(&f, cases[i].fn), "in=p1", "out=p2");
        fixture_sink(&f, "c", "p2", out, "global_window");
        fixture_build(&f);
        fixture_put(&f, 0, fixture_kv(&f, beam_bytes(beam_span_of("n")),
                                      window_value(&windows[0])));
        fixture_run(&f);
        expect_output(&f, 0, cases[i].expected);
        fixture_free(&f);
    }
}
END_TEST

static const char *const merge_in = "kv<bytes,iterable<interval_window>>";
static const char *const merge_out =
    "kv<bytes,kv<iterable<interval_window>,"
    "iterable<kv<interval_window,iterable<interval_window>>>>>";

START_TEST(sessions_that_overlap_merge)
{
    fixture f;
    fixture_init(&f, NULL, 0, NULL, 0);
    fixture_pcoll(&f, "p1", merge_in);
    fixture_pcoll(&f, "p2", merge_out);
    fixture_source(&f, "a", "p1", merge_in, "global_window");
    test_window_fn fn = { BEAM_URN_WINDOW_FN_SESSION_WINDOWS, 1000, 0, 0 };
    fixture_transform(&f, "b", BEAM_URN_TRANSFORM_MERGE_WINDOWS, fixture_window_fn(&f, fn),
                      "in=p1", "out=p2");
    fixture_sink(&f, "c", "p2", merge_out, "global_window");
    fixture_build(&f);
    beam_value values[BEAM_COUNT(windows)];
    for (size_t i = 0; i < BEAM_COUNT(windows); i++) values[i] = window_value(&windows[i]);
    beam_value nonce = beam_bytes(beam_span_of("n"));
    fixture_put(&f, 0, fixture_kv(&f, nonce, fixture_list(&f, values, 5)));
    fixture_put(&f, 0, fixture_kv(&f, nonce, fixture_list(&f, values, 0)));
    fixture_run(&f);
    expect_output(&f, 0,
                  "KV{\"n\", KV{[[12000, 13000), [20000, 30000)], "
                  "[KV{[0, 12000), [[0, 10000), [1000, 2000), [5000, 12000)]}]}}\n"
                  "KV{\"n\", KV{[], []}}\n");
    fixture_free(&f);
}
END_TEST

START_TEST(only_sessions_merge)
{
    fixture f;
    fixture_init(&f, NULL, 0, NULL, 0);
    fixture_pcoll(&f, "p1", merge_in);
    fixture_pcoll(&f, "p2", merge_out);
    test_window_fn fn = { BEAM_URN_WINDOW_FN_FIXED_WINDOWS, 1000, 0, 0 };
    fixture_transform(&f, "b", BEAM_URN_TRANSFORM_MERGE_WINDOWS, fixture_window_fn(&f, fn),
                      "in=p1", "out=p2");
    ck_assert_int_eq(fixture_try_build(&f), BEAM_EUNSUPPORTED);
    expect_error(&f, "only sessions and WindowFns of the program merge here");
    fixture_free(&f);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        fixed_windows,
        fixed_windows_at_the_ends_of_time,
        sliding_windows,
        sessions_and_global,
        bad_window_functions_are_refused,
        map_windows_takes_the_window_of_the_last_moment,
        sessions_that_overlap_merge,
        only_sessions_merge,
    };
    return run_tests("exec/window", tests, BEAM_COUNT(tests));
}
