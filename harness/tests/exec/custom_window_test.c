/* SPDX-License-Identifier: Apache-2.0 */
/* WindowFns of the program: what they assign and merge, and what they may not. */
#include <stdio.h>

#include "beam_urns.h"
#include "fixture.h"

static beam_window interval(beam_millis start, beam_millis end)
{
    return (beam_window){ start, end, { NULL, 0 } };
}

/* -- assign: what the element's number says ------------------------------------------------- */
static beam_status assign(beam_ctx *c, beam_value element, beam_millis t)
{
    beam_window window = interval(t, t + 10);
    switch (beam_as_int64(element)) {
    case 0: return BEAM_OK; /* none: the element is dropped */
    case 1: return beam_assign_window(c, window);
    case 2:
        BEAM_TRY(beam_assign_window(c, window));
        BEAM_TRY(beam_assign_window(c, interval(t + 5, t + 15)));
        return beam_assign_window(c, window); /* is there already */
    case 3:
        for (int i = 0; i < 9; i++) BEAM_TRY(beam_assign_window(c, interval(i, i + 1)));
        return BEAM_OK;
    case 4: return beam_assign_window(c, interval(t, t));
    case 5: return beam_assign_window(c, interval(BEAM_MIN_TIMESTAMP - 1, t));
    case 6: window.custom = beam_span_of("x"); return beam_assign_window(c, window);
    case 7: return beam_merge_windows(c, &window, 1, window);
    case 8: return beam_emit(c, element);
    case 9: return BEAM_EUSER;
    default: return beam_fail(c, BEAM_EUSER, "config " BEAM_SPAN_FMT, BEAM_SPAN_ARG(beam_config(c)));
    }
}

/* Neighbours whose starts differ by less than 10 merge; the rest as the number of windows
 * says. */
static beam_status merge(beam_ctx *c, const beam_window *windows, size_t n)
{
    const beam_window other = interval(1000, 2000), both[2] = { windows[0], windows[0] };
    switch (n) {
    case 2: return beam_merge_windows(c, &other, 1, other);
    case 3: return beam_merge_windows(c, both, 2, windows[0]);
    case 4: return beam_assign_window(c, windows[0]);
    }
    for (size_t i = 0, k; i < n; i = k) {
        for (k = i + 1; k < n && windows[k].start - windows[i].start < 10;) k++;
        if (k - i == 1) continue;
        BEAM_TRY(beam_merge_windows(c, &windows[i], k - i,
                                    interval(windows[i].start, windows[k - 1].end)));
    }
    return BEAM_OK;
}

static const beam_custom_windows by_number_fn = { .name = "test.by_number", .assign = assign,
                                                  .merge = merge };
static const beam_custom_windows partition_fn = { .name = "test.partition", .assign = assign };

/* Each window carries a text. */
static beam_status assign_named(beam_ctx *c, beam_value element, beam_millis t)
{
    beam_window window = interval(t, t + 10);
    window.custom = beam_span_of(beam_as_int64(element) % 2 ? "odd" : "");
    return beam_assign_window(c, window);
}
static const beam_custom_windows named_fn = { .name = "test.named", .assign = assign_named,
                                              .custom_windows = true };

static const beam_custom_windows *const table[] = { &by_number_fn, &partition_fn, &named_fn };

static void init(fixture *f, const beam_dofn *const *dofns, size_t n)
{
    const beam_functions functions = { .dofns = { dofns, n }, .window_fns = BEAM_TABLE(table) };
    fixture_init_with(f, &functions);
}

static void init_into(fixture *f, const char *name, const char *window)
{
    init(f, NULL, 0);
    fixture_pcoll(f, "p1", "varint");
    fixture_pcoll(f, "p2", "varint");
    fixture_source(f, "a", "p1", "varint", "global_window");
    fixture_transform(f, "b", BEAM_URN_TRANSFORM_WINDOW_INTO,
                      fixture_window_into(f, (test_window_fn){ name, 0, 0, 0 }), "in=p1",
                      "out=p2");
    fixture_sink(f, "c", "p2", "varint", window);
}

static void put(fixture *f, int64_t number, beam_millis t)
{
    fixture_put_in(f, 0, beam_int64(number), t, bm_global_windows.at, 1);
}

START_TEST(any_number_of_windows)
{
    fixture f;
    init_into(&f, "test.by_number", "interval_window");
    fixture_build(&f);
    put(&f, 1, 7);
    put(&f, 0, 8);
    put(&f, 2, 20);
    put(&f, 3, 0);
    fixture_run(&f);
    expect_output(&f, 0,
                  "1 @7 [7, 17)\n2 @20 [20, 30) [25, 35)\n"
                  "3 @0 [0, 1) [1, 2) [2, 3) [3, 4) [4, 5) [5, 6) [6, 7) [7, 8) [8, 9)\n");
    fixture_free(&f);
}
END_TEST

START_TEST(windows_with_bytes)
{
    fixture f;
    init_into(&f, "test.named", "custom_window<c_window>");
    fixture_build(&f);
    put(&f, 1, 0);
    put(&f, 2, 0);
    fixture_run(&f);
    expect_output(&f, 0, "1 @0 [0, 10)odd\n2 @0 [0, 10)\n");
    fixture_free(&f);
}
END_TEST

START_TEST(what_assign_may_not)
{
    static const struct {
        int number;
        const char *message;
    } cases[] = {
        { 4, "beam_assign_window() of WindowFn 'test.by_number': the window's end is not after "
             "its start" },
        { 5, "the window reaches beyond the global one" },
        { 6, "the window has .custom bytes, so the WindowFn needs .custom_windows = true" },
        { 7, "beam_merge_windows() is for .merge of WindowFns" },
        { 8, "beam_emit() is not allowed in this callback" },
        { 9, "Transform 'Scope/b' (WindowFn 'test.by_number') failed in assign: " },
        { 10, "config ten" },
    };
    fixture f;
    init_into(&f, "test.by_number", "interval_window");
    fixture_build(&f);
    put(&f, cases[_i].number, 0);
    ck_assert_int_ne(fixture_run_in(&f, 0), BEAM_OK);
    expect_error(&f, cases[_i].message);
    expect_error(&f, "Transform 'Scope/b' (WindowFn 'test.by_number') failed in assign");
    fixture_free(&f);
}
END_TEST

START_TEST(an_unknown_one)
{
    fixture f;
    init_into(&f, "test.lost", "interval_window");
    ck_assert_int_eq(fixture_try_build(&f), BEAM_EINVAL);
    expect_error(&f, "needs WindowFn 'test.lost', which this program does not have; add it to "
                     "the program's table of WindowFns. It has: test.by_number, "
                     "test.partition, test.named");
    fixture_free(&f);
}
END_TEST

/* -- merge ------------------------------------------------------------------------------------- */
static const char merge_in[] = "kv<bytes,iterable<interval_window>>";
static const char merge_out[] = "kv<bytes,kv<iterable<interval_window>,"
                                "iterable<kv<interval_window,iterable<interval_window>>>>>";

static void init_merge(fixture *f, const char *name)
{
    init(f, NULL, 0);
    fixture_pcoll(f, "p1", merge_in);
    fixture_pcoll(f, "p2", merge_out);
    fixture_source(f, "a", "p1", merge_in, "global_window");
    fixture_transform(f, "b", BEAM_URN_TRANSFORM_MERGE_WINDOWS,
                      fixture_window_fn(f, (test_window_fn){ name, 0, 0, 0 }), "in=p1",
                      "out=p2");
    fixture_sink(f, "c", "p2", merge_out, "global_window");
}

static const beam_window windows[] = { { 25, 35, { NULL, 0 } }, { 0, 10, { NULL, 0 } },
                                       { 5, 20, { NULL, 0 } },  { 50, 60, { NULL, 0 } },
                                       { 20, 30, { NULL, 0 } } };

static void put_windows(fixture *f, size_t n)
{
    beam_value values[BEAM_COUNT(windows)];
    for (size_t i = 0; i < n; i++) {
        values[i] = (beam_value){ BEAM_KIND_WINDOW, { false } };
        values[i].as.ptr = &windows[i];
    }
    fixture_put(f, 0, fixture_kv(f, beam_bytes(beam_span_of("n")), fixture_list(f, values, n)));
}

START_TEST(windows_become_one)
{
    fixture f;
    init_merge(&f, "test.by_number");
    fixture_build(&f);
    put_windows(&f, 5);
    put_windows(&f, 1);
    fixture_run(&f);
    expect_output(&f, 0,
                  "KV{\"n\", KV{[[50, 60)], [KV{[0, 20), [[0, 10), [5, 20)]}, "
                  "KV{[20, 35), [[20, 30), [25, 35)]}]}}\n"
                  "KV{\"n\", KV{[[25, 35)], []}}\n");
    fixture_free(&f);
}
END_TEST

START_TEST(what_merge_may_not)
{
    static const char *const messages[] = {
        "a window in `from` is not one of those to merge, or was merged already",
        "a window in `from` is not one of those to merge, or was merged already",
        "beam_assign_window() is for .assign of WindowFns",
    };
    fixture f;
    init_merge(&f, "test.by_number");
    fixture_build(&f);
    put_windows(&f, (size_t)_i + 2);
    ck_assert_int_ne(fixture_run_in(&f, 0), BEAM_OK);
    expect_error(&f, messages[_i]);
    expect_error(&f, "Transform 'Scope/b' (WindowFn 'test.by_number') failed in merge");
    fixture_free(&f);
}
END_TEST

START_TEST(one_that_does_not_merge)
{
    fixture f;
    init_merge(&f, "test.partition");
    ck_assert_int_eq(fixture_try_build(&f), BEAM_EINVAL);
    expect_error(&f, "Transform 'Scope/b' merges windows, but WindowFn 'test.partition' has no "
                     ".merge");
    fixture_free(&f);
}
END_TEST

/* -- map_windows: at 9, the end of [0, 10), one that looks at no element ------------------------ */
static beam_status assign_two(beam_ctx *c, beam_value element, beam_millis t)
{
    if (!beam_is_null(element)) return BEAM_EUSER;
    BEAM_TRY(beam_assign_window(c, interval(t - 1, t + 20)));
    return beam_assign_window(c, interval(t - 2, t + 1));
}
static const beam_custom_windows two_fn = { .name = "test.two", .assign = assign_two };
static const beam_custom_windows *const two_table[] = { &two_fn };

START_TEST(the_first_window_belongs_to_a_main_one)
{
    fixture f;
    const beam_functions functions = { .window_fns = BEAM_TABLE(two_table) };
    fixture_init_with(&f, &functions);
    fixture_pcoll(&f, "p1", "kv<bytes,interval_window>");
    fixture_pcoll(&f, "p2", "kv<bytes,interval_window>");
    fixture_source(&f, "a", "p1", "kv<bytes,interval_window>", "global_window");
    fixture_transform(&f, "b", BEAM_URN_TRANSFORM_MAP_WINDOWS,
                      fixture_window_fn(&f, (test_window_fn){ "test.two", 0, 0, 0 }), "in=p1",
                      "out=p2");
    fixture_sink(&f, "c", "p2", "kv<bytes,interval_window>", "global_window");
    fixture_build(&f);
    const beam_window main_window = interval(0, 10);
    beam_value value = { BEAM_KIND_WINDOW, { false } };
    value.as.ptr = &main_window;
    fixture_put(&f, 0, fixture_kv(&f, beam_bytes(beam_span_of("n")), value));
    fixture_run(&f);
    expect_output(&f, 0, "KV{\"n\", [7, 10)}\n");
    fixture_free(&f);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        any_number_of_windows, windows_with_bytes,      an_unknown_one,
        windows_become_one,    one_that_does_not_merge, the_first_window_belongs_to_a_main_one,
    };
    int failed = run_tests("exec/custom_window", tests, BEAM_COUNT(tests));
    failed |= run_loop_test("assign", what_assign_may_not, 7);
    failed |= run_loop_test("merge", what_merge_may_not, 3);
    return failed;
}
