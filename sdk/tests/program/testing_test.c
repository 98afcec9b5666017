/* SPDX-License-Identifier: Apache-2.0 */
/* Assertions, TestStream and runs of pipelines in tests, on the local runner. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "beam/testing.h"

static beam_pipeline *p;
static beam_error err;

static void setup(void)
{
    p = beam_pipeline_new();
}

static void teardown(void)
{
    beam_pipeline_free(p);
}

static void expect_success(void)
{
    beam_status status = beam_test_run(p, .local = true, .err = &err);
    ck_assert_msg(status == BEAM_OK, "%s", err.message);
}

/* The run fails and says all of the parts, up to the first NULL. */
static void expect_failure(const char *const *parts)
{
    beam_status status = beam_test_run(p, .local = true, .err = &err);
    ck_assert_msg(status != BEAM_OK, "the run did not fail");
    for (; *parts; parts++)
        ck_assert_msg(strstr(err.message, *parts), "no '%s' in: %s", *parts, err.message);
}
#define EXPECT_FAILURE(...) expect_failure((const char *const[]){ __VA_ARGS__, NULL })

static beam_pcoll *ints(const char *name, int64_t n)
{
    beam_value values[100];
    for (int64_t i = 0; i < n; i++) values[i] = beam_int64(i + 1);
    return beam_create(p, name, BEAM_INT64, values, (size_t)n);
}

/* -- assertions ---------------------------------------------------------------------------- */
START_TEST(what_holds)
{
    const beam_value values[] = { beam_int64(3), beam_int64(1), beam_int64(2) };
    const beam_value seven = beam_int64(7);
    beam_assert_that(ints("A", 3), "Values", .values = values, .n = 3);
    beam_assert_that(ints("B", 3), "Lines", .lines = "2\n3\n1\n");
    beam_assert_that(ints("C", 0), "Empty", .empty = true);
    beam_assert_that(ints("D", 100), "Count", .count = 100);
    beam_assert_that(beam_create(p, "E", BEAM_INT64, &seven, 1), "One",
                     .singleton = &seven);
    expect_success();
}
END_TEST

START_TEST(missing_and_unexpected)
{
    beam_scope_begin(p, "Scope");
    beam_assert_that(ints("A", 3), "Values", .lines = "1\n2\n4");
    beam_scope_end(p);
    EXPECT_FAILURE("Scope/Values", "3 elements, expected 3", "missing: \"4\"",
                   "unexpected: \"3\"");
}
END_TEST

START_TEST(how_often_counts)
{
    beam_assert_that(ints("A", 2), "Values", .lines = "1\n1\n2");
    EXPECT_FAILURE("2 elements, expected 3", "missing: \"1\"");
}
END_TEST

START_TEST(nothing_where_something_was_expected)
{
    beam_assert_that(ints("A", 0), "Values", .lines = "1");
    EXPECT_FAILURE("0 elements, expected 1", "missing: \"1\"");
}
END_TEST

START_TEST(something_where_nothing_was_expected)
{
    beam_assert_that(ints("A", 1), "Empty", .empty = true);
    EXPECT_FAILURE("1 element, expected 0", "unexpected: 1");
}
END_TEST

START_TEST(a_wrong_count)
{
    beam_assert_that(ints("A", 3), "Count", .count = 4);
    EXPECT_FAILURE("3 elements, expected 4");
}
END_TEST

START_TEST(a_wrong_count_of_one)
{
    beam_assert_that(ints("A", 1), "Count", .count = 4);
    EXPECT_FAILURE("1 element, expected 4");
}
END_TEST

START_TEST(blanks_and_what_cannot_be_printed_are_seen_in_lines)
{
    const char *const texts[] = { "a ", "b\tc", "say \"d\"" };
    beam_assert_that(beam_create_strings(p, "A", texts, 3), "Values", .lines = "a\nb\tc");
    EXPECT_FAILURE("missing: \"a\", \"b\\x09c\"",
                   "unexpected: \"a \", \"b\\\\x09c\", \"say \\\"d\\\"\"");
}
END_TEST

START_TEST(blanks_are_seen_in_values)
{
    const char *const texts[] = { "a " };
    const beam_value a = beam_string(beam_span_of("a"));
    beam_assert_that(beam_create_strings(p, "A", texts, 1), "Values", .values = &a, .n = 1);
    EXPECT_FAILURE("missing: \"a\"", "unexpected: \"a \"");
}
END_TEST

/* 59 bytes, and a character of two. */
START_TEST(a_long_line_is_cut_at_a_character)
{
    const char *const texts[] = {
        "01234567890123456789012345678901234567890123456789012345678\xc3\xa4\xc3\xa4"
    };
    beam_assert_that(beam_create_strings(p, "A", texts, 1), "Values", .lines = "a");
    EXPECT_FAILURE("012345678\"...");
}
END_TEST

START_TEST(long_differences_are_cut)
{
    beam_assert_that(ints("A", 100), "Empty", .empty = true);
    EXPECT_FAILURE("unexpected: 1, 10, 100, 11, 12 (and 95 more)");
}
END_TEST

START_TEST(two_expectations_are_a_mistake)
{
    beam_assert_that(ints("A", 1), "Both", .empty = true, .count = 1);
    EXPECT_FAILURE("Both: an assertion says what is expected with exactly one of");
}
END_TEST

START_TEST(text_of_values)
{
    const beam_value null_pair[] = { beam_string(beam_span_of("k")), beam_null() };
    const beam_value double_pair[] = { beam_bytes((beam_span){ "\x01z", 2 }),
                                       beam_double(0.1) };
    const beam_value null_kv = beam_kv(null_pair), double_kv = beam_kv(double_pair);
    beam_assert_that(beam_create(p, "A", BEAM_KV(BEAM_STRING, BEAM_NULLABLE(BEAM_INT64)),
                                 &null_kv, 1),
                     "Null", .lines = "k: null");
    const beam_value doubles[] = { beam_double(100), beam_double(1.0 / 3), beam_double(2.5e-7),
                                   beam_double(1e300) };
    beam_assert_that(beam_create(p, "D", BEAM_DOUBLE, doubles, 4), "Doubles",
                     .lines = "100\n0.3333333333333333\n2.5e-07\n1e+300");
    beam_assert_that(beam_create(p, "B", BEAM_KV(BEAM_BYTES, BEAM_DOUBLE), &double_kv, 1),
                     "Double", .lines = "\\x01z: 0.1");
    const char *const texts[] = { "b", "a", "b" };
    beam_pcoll *counts = beam_count_per_element(beam_create_strings(p, "C", texts, 3),
                                                "Counts");
    beam_assert_that(beam_group_by_key(beam_swap(counts, "Swap"), "Group"), "Groups",
                     .lines = "1: [a]\n2: [b]");
    expect_success();
}
END_TEST

/* -- matchers --------------------------------------------------------------------------------- */
static beam_status sums_to_config(beam_ctx *c, beam_value in)
{
    int64_t sum = 0, wanted = strtoll(beam_cstr(c, beam_config(c)), NULL, 10);
    beam_iter *it = beam_as_iter(in);
    for (beam_value v; beam_next(it, &v);) sum += beam_as_int64(v);
    return sum == wanted ? BEAM_OK
                         : beam_fail(c, BEAM_EUSER, "the sum is %lld", (long long)sum);
}
static const beam_dofn sum_matcher = { .name = "test.sum_matcher",
                                       .in = BEAM_ITERABLE(BEAM_INT64),
                                       .process = sums_to_config };

START_TEST(matchers)
{
    beam_assert_that(ints("A", 4), "Ten", .matcher = &sum_matcher,
                     .config = beam_span_of("10"));
    beam_assert_that(ints("B", 0), "Zero", .matcher = &sum_matcher,
                     .config = beam_span_of("0"));
    expect_success();
}
END_TEST

START_TEST(a_matcher_that_does_not_like_it)
{
    beam_assert_that(ints("A", 4), "Ten", .matcher = &sum_matcher,
                     .config = beam_span_of("11"));
    EXPECT_FAILURE("the sum is 10");
}
END_TEST

/* A null among the elements is one too. */
static beam_status counts_nulls(beam_ctx *c, beam_value in)
{
    int64_t nulls = 0, all = 0;
    beam_iter *it = beam_as_iter(in);
    for (beam_value v; beam_next(it, &v); all++) nulls += beam_is_null(v);
    return nulls == 1 && all == 2 ? BEAM_OK
                                  : beam_fail(c, BEAM_EUSER, "%lld of %lld are null",
                                              (long long)nulls, (long long)all);
}
static const beam_dofn null_matcher = { .name = "test.null_matcher",
                                        .in = BEAM_ITERABLE(BEAM_NULLABLE(BEAM_INT64)),
                                        .process = counts_nulls };

START_TEST(nulls)
{
    const beam_value values[] = { beam_int64(1), beam_null() };
    beam_pcoll *in = beam_create(p, "A", BEAM_NULLABLE(BEAM_INT64), values, 2);
    beam_assert_that(in, "Lines", .lines = "1\nnull");
    beam_assert_that(in, "Values", .values = values, .n = 2);
    beam_assert_that(in, "Matcher", .matcher = &null_matcher);
    expect_success();
}
END_TEST

/* -- windows, panes, time ----------------------------------------------------------------------- */
static const beam_window first_ten = { 0, 10, { NULL, 0 } };
static const beam_window next_ten = { 10, 20, { NULL, 0 } };

/* 1 and 2 on time, 3 late; 4 in the next window. */
static beam_pcoll *stream(void)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_INT64);
    beam_test_stream_add(ts, beam_int64(1), 1);
    beam_test_stream_add(ts, beam_int64(2), 2);
    beam_test_stream_watermark(ts, 10);
    beam_test_stream_add(ts, beam_int64(3), 3);
    beam_test_stream_add(ts, beam_int64(4), 14);
    return beam_test_stream_end(ts);
}

static beam_status key_zero(beam_ctx *c, beam_value in)
{
    return beam_emit_kv(c, beam_int64(0), in);
}
static const beam_dofn key_zero_fn = { .name = "test.key_zero",
                                       .in = BEAM_INT64,
                                       .out = BEAM_KV(BEAM_INT64, BEAM_INT64),
                                       .process = key_zero };

static beam_pcoll *groups(void)
{
    beam_pcoll *keyed = beam_par_do(stream(), "Key", &key_zero_fn);
    beam_pcoll *windowed = beam_window_into(
        keyed, "Windows", beam_fixed(10), .allowed_lateness = 100,
        .trigger = BEAM_AFTER_END_OF_WINDOW(NULL, BEAM_REPEAT(BEAM_AFTER_COUNT(1))));
    return beam_group_by_key(windowed, "Group");
}

START_TEST(windows_and_panes)
{
    beam_pcoll *all = groups();
    beam_assert_that(all, "First", .window = &first_ten, .lines = "0: [1, 2]\n0: [3]");
    beam_assert_that(all, "FirstOnTime", .window = &first_ten,
                     .panes = BEAM_PANES_ON_TIME, .lines = "0: [1, 2]");
    beam_assert_that(all, "FirstLate", .window = &first_ten, .panes = BEAM_PANES_LATE,
                     .lines = "0: [3]");
    beam_assert_that(all, "NotLate", .panes = BEAM_PANES_NOT_LATE,
                     .lines = "0: [1, 2]\n0: [4]");
    beam_assert_that(all, "NoEarly", .panes = BEAM_PANES_EARLY, .empty = true);
    beam_assert_that(all, "Next", .window = &next_ten, .lines = "0: [4]");
    beam_assert_that(all, "Shown", .show = BEAM_SHOW_WINDOW | BEAM_SHOW_TIMESTAMP,
                     .lines = "[0, 10) 0: [1, 2] @9\n[0, 10) 0: [3] @9\n"
                              "[10, 20) 0: [4] @19");
    expect_success();
}
END_TEST

START_TEST(more_than_the_only_pane)
{
    beam_assert_that(groups(), "Only", .window = &first_ten, .panes = BEAM_PANES_ONLY,
                     .count = 1);
    EXPECT_FAILURE("the window has more than one pane");
}
END_TEST

START_TEST(a_stream_of_rows)
{
    static const beam_field fields[] = { { .name = "x", .kind = BEAM_FIELD_INT64 } };
    static const beam_schema schema = { "test.row", BEAM_TABLE(fields), NULL };
    const beam_value x = beam_int64(5);
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_ROW(&schema));
    beam_test_stream_add(ts, beam_row(&x, 1), 7);
    beam_assert_that(beam_test_stream_end(ts), "Rows", .lines = "{5} @7",
                     .show = BEAM_SHOW_TIMESTAMP);
    expect_success();
}
END_TEST

START_TEST(mistakes_in_a_stream)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_INT64);
    beam_test_stream_watermark(ts, 10);
    beam_test_stream_watermark(ts, 9);
    beam_test_stream_end(ts);
    EXPECT_FAILURE("Stream", "the watermark cannot go back from 10 to 9");
}
END_TEST

START_TEST(a_stream_ends_once)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_INT64);
    beam_test_stream_end(ts);
    beam_test_stream_end(ts);
    EXPECT_FAILURE("Stream", "the stream has ended");
}
END_TEST

START_TEST(nothing_is_added_to_a_stream_that_has_ended)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_INT64);
    beam_test_stream_end(ts);
    beam_test_stream_add(ts, beam_int64(1), 5);
    EXPECT_FAILURE("Stream", "the stream has ended");
}
END_TEST

START_TEST(a_stream_of_another_type)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_INT64);
    beam_test_stream_add(ts, beam_string(beam_span_of("x")), 0);
    beam_test_stream_end(ts);
    EXPECT_FAILURE("Stream", "\"x\" cannot be encoded as INT64");
}
END_TEST

/* -- runs ------------------------------------------------------------------------------------- */
static beam_status count_them(beam_ctx *c, beam_value in)
{
    beam_counter_add(c, "seen", 1);
    beam_distribution_add(c, "size", beam_as_int64(in));
    beam_gauge_set(c, "last", 42);
    beam_counter_add_double(c, "seen", 0.5);
    beam_distribution_add_double(c, "size", (double)beam_as_int64(in) / 4);
    beam_gauge_set_double(c, "last", 4.5);
    return BEAM_OK;
}
static const beam_dofn counting_fn = { .name = "test.counting",
                                       .in = BEAM_INT64,
                                       .process = count_them };

START_TEST(metrics_of_a_run)
{
    beam_par_do(ints("A", 3), "First", &counting_fn);
    beam_par_do(ints("B", 2), "Second", &counting_fn);
    expect_success();
    ck_assert_int_eq(beam_test_counter(p, NULL, "seen"), 5);
    ck_assert_int_eq(beam_test_counter(p, "Second", "seen"), 2);
    ck_assert_int_eq(beam_test_counter(p, NULL, "unseen"), 0);
    beam_distribution d = beam_test_distribution(p, NULL, "size");
    ck_assert_int_eq(d.count, 5);
    ck_assert_int_eq(d.sum, 9);
    ck_assert_int_eq(d.min, 1);
    ck_assert_int_eq(d.max, 3);
    ck_assert_int_eq(beam_test_gauge(p, "First", "last"), 42);
    ck_assert_double_eq(beam_test_counter_double(p, NULL, "seen"), 2.5);
    ck_assert_double_eq(beam_test_counter_double(p, "Second", "seen"), 1);
    beam_distribution_double real = beam_test_distribution_double(p, NULL, "size");
    ck_assert_int_eq(real.count, 5);
    ck_assert_double_eq(real.sum, 2.25);
    ck_assert_double_eq(real.min, 0.25);
    ck_assert_double_eq(real.max, 0.75);
    ck_assert_double_eq(beam_test_gauge_double(p, "First", "last"), 4.5);
    ck_assert_double_eq(beam_test_gauge_double(p, "First", "none"), 0);
}
END_TEST

/* Its environment is another one; here they are all the same worker's. */
START_TEST(a_step_with_resource_hints)
{
    beam_par_do(ints("A", 3), "First", &counting_fn);
    beam_par_do(ints("B", 2), "Second", &counting_fn,
                .resource_hints = { "min_ram=1GB" });
    expect_success();
    ck_assert_int_eq(beam_test_counter(p, "Second", "seen"), 2);
}
END_TEST

START_TEST(faults_of_the_runner)
{
    const beam_test_faults faults = { .data_before_request = true,
                                      .data_bytes = 3,
                                      .progress_every_ms = 1,
                                      .late_instructions = true };
    beam_assert_that(ints("A", 50), "Count", .count = 50);
    beam_status status = beam_test_run(p, .local = true, .faults = &faults,
                                       .bundle_size = 7, .err = &err);
    ck_assert_msg(status == BEAM_OK, "%s", err.message);
}
END_TEST

static beam_status never_ends(beam_ctx *c, const beam_timer *timer)
{
    (void)timer;
    return beam_timer_set(c, 0, beam_now(c) + 10);
}

static beam_status set_alarm(beam_ctx *c, beam_value in)
{
    (void)in;
    return beam_timer_set(c, 0, beam_now(c) + 10);
}
static const beam_timer_spec alarms[] = { { "alarm", BEAM_PROCESSING_TIME } };
static const beam_dofn endless_fn = { .name = "test.endless",
                                      .in = BEAM_KV(BEAM_INT64, BEAM_INT64),
                                      .timers = BEAM_TABLE(alarms),
                                      .process = set_alarm,
                                      .on_timer = never_ends };

START_TEST(a_run_that_does_not_end)
{
    beam_par_do(beam_par_do(ints("A", 1), "Key", &key_zero_fn), "Endless", &endless_fn);
    beam_status status = beam_test_run(p, .local = true, .real_time = true,
                                       .timeout_s = 1, .err = &err);
    ck_assert_int_eq(status, BEAM_ETIMEOUT);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("program/testing");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, what_holds);
    tcase_add_test(tests, missing_and_unexpected);
    tcase_add_test(tests, how_often_counts);
    tcase_add_test(tests, nothing_where_something_was_expected);
    tcase_add_test(tests, something_where_nothing_was_expected);
    tcase_add_test(tests, a_wrong_count);
    tcase_add_test(tests, a_wrong_count_of_one);
    tcase_add_test(tests, blanks_and_what_cannot_be_printed_are_seen_in_lines);
    tcase_add_test(tests, blanks_are_seen_in_values);
    tcase_add_test(tests, a_long_line_is_cut_at_a_character);
    tcase_add_test(tests, long_differences_are_cut);
    tcase_add_test(tests, two_expectations_are_a_mistake);
    tcase_add_test(tests, text_of_values);
    tcase_add_test(tests, matchers);
    tcase_add_test(tests, a_matcher_that_does_not_like_it);
    tcase_add_test(tests, nulls);
    tcase_add_test(tests, windows_and_panes);
    tcase_add_test(tests, more_than_the_only_pane);
    tcase_add_test(tests, a_stream_of_rows);
    tcase_add_test(tests, mistakes_in_a_stream);
    tcase_add_test(tests, a_stream_ends_once);
    tcase_add_test(tests, nothing_is_added_to_a_stream_that_has_ended);
    tcase_add_test(tests, a_stream_of_another_type);
    tcase_add_test(tests, metrics_of_a_run);
    tcase_add_test(tests, a_step_with_resource_hints);
    tcase_add_test(tests, faults_of_the_runner);
    tcase_add_test(tests, a_run_that_does_not_end);
    suite_add_tcase(s, tests);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
