/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads of metrics: reading, adding up, writing; what is broken is refused. */
#include "proto/metric_value.h"

#include <check.h>
#include <stdlib.h>

#include "beam_urns.h"

#define BYTES(...)                                                \
    ((beam_span){ (const char *)(const uint8_t[]){ __VA_ARGS__ }, \
                  sizeof((const uint8_t[]){ __VA_ARGS__ }) })

static bm_arena arena;

static void setup(void)
{
    bm_arena_init(&arena, 0);
}

static void teardown(void)
{
    bm_arena_free(&arena);
}

static bm_metric_value read_as(const char *type, beam_span payload)
{
    bm_metric_value v;
    ck_assert_int_eq(bm_metric_read(&arena, type, payload, &v), BEAM_OK);
    return v;
}

/* The sum of two payloads is the third. */
static void expect_sum(const char *type, beam_span a, beam_span b, beam_span sum)
{
    bm_metric_value x = read_as(type, a), y = read_as(type, b);
    ck_assert_int_eq(bm_metric_add(&arena, &x, &y), BEAM_OK);
    bm_writer out = { 0 };
    bm_metric_write(&arena, &x, &out);
    ck_assert_uint_eq(out.len, sum.len);
    ck_assert_mem_eq(out.data, sum.ptr, sum.len);
    bm_writer_free(&out);
}

START_TEST(sums)
{
    expect_sum(BEAM_URN_METRICS_SUM_INT64, BYTES(5), BYTES(7), BYTES(12));
    expect_sum(BEAM_URN_METRICS_SUM_DOUBLE, BYTES(0x3f, 0xe0, 0, 0, 0, 0, 0, 0),
               BYTES(0x3f, 0xe0, 0, 0, 0, 0, 0, 0), BYTES(0x3f, 0xf0, 0, 0, 0, 0, 0, 0));
    expect_sum(BEAM_URN_METRICS_DISTRIBUTION_INT64, BYTES(2, 9, 4, 5), BYTES(1, 3, 3, 3),
               BYTES(3, 12, 3, 5));
    expect_sum(BEAM_URN_METRICS_DISTRIBUTION_INT64, BYTES(0), BYTES(1, 3, 3, 3),
               BYTES(1, 3, 3, 3));
    /* one of 0.5, and two of which 1 is the largest */
    expect_sum(BEAM_URN_METRICS_DISTRIBUTION_DOUBLE,
               BYTES(1, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0, 0x3f,
                     0xe0, 0, 0, 0, 0, 0, 0),
               BYTES(2, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0, 0x3f,
                     0xf0, 0, 0, 0, 0, 0, 0),
               BYTES(3, 0x40, 0, 0, 0, 0, 0, 0, 0, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0, 0x3f,
                     0xf0, 0, 0, 0, 0, 0, 0));
    expect_sum(BEAM_URN_METRICS_LATEST_DOUBLE, BYTES(9, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0),
               BYTES(8, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0),
               BYTES(9, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0));
    expect_sum(BEAM_URN_METRICS_LATEST_INT64, BYTES(9, 1), BYTES(8, 2), BYTES(9, 1));
    expect_sum(BEAM_URN_METRICS_LATEST_INT64, BYTES(8, 2), BYTES(9, 1), BYTES(9, 1));
}
END_TEST

START_TEST(string_sets)
{
    expect_sum(BEAM_URN_METRICS_SET_STRING, BYTES(0, 0, 0, 2, 1, 'a', 1, 'b'),
               BYTES(0, 0, 0, 2, 1, 'b', 1, 'c'),
               BYTES(0, 0, 0, 3, 1, 'a', 1, 'b', 1, 'c'));
}
END_TEST

START_TEST(largest_and_smallest)
{
    expect_sum(BEAM_URN_METRICS_TOP_N_INT64, BYTES(0, 0, 0, 2, 9, 4),
               BYTES(0, 0, 0, 2, 7, 1), BYTES(0, 0, 0, 4, 9, 7, 4, 1));
    expect_sum(BEAM_URN_METRICS_BOTTOM_N_INT64, BYTES(0, 0, 0, 2, 4, 9),
               BYTES(0, 0, 0, 1, 1), BYTES(0, 0, 0, 3, 1, 4, 9));
    expect_sum(BEAM_URN_METRICS_TOP_N_DOUBLE,
               BYTES(0, 0, 0, 1, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0),
               BYTES(0, 0, 0, 1, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0),
               BYTES(0, 0, 0, 2, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0x3f, 0xe0, 0, 0, 0, 0, 0,
                     0));
    /* 10 are kept, or as many as there are already */
    expect_sum(BEAM_URN_METRICS_BOTTOM_N_INT64,
               BYTES(0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9), BYTES(0, 0, 0, 3, 0, 4, 8),
               BYTES(0, 0, 0, 10, 0, 1, 2, 3, 4, 4, 5, 6, 7, 8));
    expect_sum(BEAM_URN_METRICS_BOTTOM_N_INT64, BYTES(0, 0, 0, 2, 0, 3),
               BYTES(0, 0, 0, 11, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
               BYTES(0, 0, 0, 11, 0, 1, 2, 3, 3, 4, 5, 6, 7, 8, 9));
}
END_TEST

START_TEST(bounded_tries)
{
    /* bound 3, root { children { "a", {} } }; the singleton form of b/c */
    beam_span a = BYTES(8, 3, 0x12, 7, 0x12, 5, 0x0a, 1, 'a', 0x12, 0);
    beam_span bc = BYTES(8, 3, 0x1a, 1, 'b', 0x1a, 1, 'c');
    beam_span both = BYTES(8, 3, 0x12, 23, 0x12, 5, 0x0a, 1, 'a', 0x12, 0, 0x12, 14, 0x0a, 1,
                           'b', 0x12, 9, 0x12, 7, 0x0a, 1, 'c', 0x12, 2, 8, 1);
    bm_metric_value x = read_as(BEAM_URN_METRICS_BOUNDED_TRIE, a);
    bm_metric_value y = read_as(BEAM_URN_METRICS_BOUNDED_TRIE, bc);
    bm_trie_add(&y.trie, (beam_span[]){ { "b", 1 }, { "c", 1 } }, 2, true);
    ck_assert_int_eq(bm_metric_add(&arena, &x, &y), BEAM_OK);
    bm_writer out = { 0 };
    bm_metric_write(&arena, &x, &out);
    ck_assert_uint_eq(out.len, both.len);
    ck_assert_mem_eq(out.data, both.ptr, both.len);
    bm_writer_free(&out);
}
END_TEST

START_TEST(histograms)
{
    /* count 3; exponential, 4 buckets, scale 0; counts 1, 2 */
    beam_span a = BYTES(8, 3, 0x12, 6, 0x12, 4, 8, 4, 0x10, 0, 0x1a, 2, 1, 2);
    beam_span sum = BYTES(8, 6, 0x12, 6, 0x12, 4, 8, 4, 0x10, 0, 0x1a, 4, 2, 4, 0, 0);
    expect_sum(BEAM_URN_METRICS_HISTOGRAM_INT64, a, a, sum);
    bm_metric_value v = read_as(BEAM_URN_METRICS_HISTOGRAM_INT64, a);
    ck_assert_double_eq(bm_histogram_bound(&v.histogram, 0), 0);
    ck_assert_double_eq(bm_histogram_bound(&v.histogram, 2), 4);
    ck_assert_double_eq(bm_histogram_quantile(&v.histogram, 0.2), 2);
    ck_assert_double_eq(bm_histogram_quantile(&v.histogram, 0.5), 4);
    /* other buckets do not add up */
    bm_metric_value w = read_as(BEAM_URN_METRICS_HISTOGRAM_INT64,
                                BYTES(8, 1, 0x12, 6, 0x12, 4, 8, 5, 0x10, 0, 0x1a, 1, 1));
    ck_assert_int_eq(bm_metric_add(&arena, &v, &w), BEAM_EINVAL);
}
END_TEST

START_TEST(what_is_broken_is_refused)
{
    static const struct {
        const char *type;
        uint8_t bytes[24];
        size_t n;
    } cases[] = {
        { BEAM_URN_METRICS_SUM_INT64, { 0x80 }, 1 },
        { BEAM_URN_METRICS_SUM_DOUBLE, { 0 }, 7 },
        { BEAM_URN_METRICS_DISTRIBUTION_INT64, { 1, 2, 3 }, 3 },
        { BEAM_URN_METRICS_SET_STRING, { 0xff, 0xff, 0xff, 0xff, 1 }, 5 },
        { BEAM_URN_METRICS_TOP_N_INT64, { 0xff, 0xff, 0xff, 0xff, 1 }, 5 },
        { BEAM_URN_METRICS_TOP_N_DOUBLE, { 0, 0, 0, 1, 0x3f }, 5 },
        { BEAM_URN_METRICS_BOUNDED_TRIE, { 0x12, 9 }, 2 },
        /* more counts than buckets; no buckets at all; 2^31 of them */
        { BEAM_URN_METRICS_HISTOGRAM_INT64,
          { 0x12, 6, 0x12, 4, 8, 1, 0x10, 0, 0x1a, 2, 1, 1 },
          12 },
        { BEAM_URN_METRICS_HISTOGRAM_INT64, { 8, 1 }, 2 },
        { BEAM_URN_METRICS_HISTOGRAM_INT64,
          { 0x12, 10, 0x12, 8, 8, 0xff, 0xff, 0xff, 0xff, 7, 0x10, 0 },
          12 },
    };
    for (size_t i = 0; i < BEAM_COUNT(cases); i++) {
        bm_metric_value v;
        beam_span payload = { (const char *)cases[i].bytes, cases[i].n };
        ck_assert_msg(bm_metric_read(&arena, cases[i].type, payload, &v) != BEAM_OK,
                      "case %zu", i);
    }
    bm_metric_value v;
    ck_assert_int_eq(bm_metric_read(&arena, "beam:metrics:new:v1", BYTES(1), &v),
                     BEAM_EUNSUPPORTED);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("metric_value");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, sums);
    tcase_add_test(tests, string_sets);
    tcase_add_test(tests, bounded_tries);
    tcase_add_test(tests, largest_and_smallest);
    tcase_add_test(tests, histograms);
    tcase_add_test(tests, what_is_broken_is_refused);
    Suite *suite = suite_create("proto/metric_value");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
