/* SPDX-License-Identifier: Apache-2.0 */
/* User metrics: payloads, sorting, the table, broken bytes. */
#include "job/metrics.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "beam_urns.h"
#include "model/beam_job_api.pb-c.h"
#include "proto/model.h"

static bm_arena arena;

static void setup(void)
{
    bm_arena_init(&arena, 0);
}

static void teardown(void)
{
    bm_arena_free(&arena);
}

static Pb__MonitoringInfo__LabelsEntry *label(const char *key, const char *value)
{
    Pb__MonitoringInfo__LabelsEntry *entry = BM_NEW(&arena,
                                                    Pb__MonitoringInfo__LabelsEntry);
    pb__monitoring_info__labels_entry__init(entry);
    entry->key = bm_pb_text(key);
    entry->value = bm_pb_text(value);
    return entry;
}

static Pb__MonitoringInfo *info(const char *type, const char *step, const char *name,
                                beam_span payload)
{
    Pb__MonitoringInfo *m = BM_NEW(&arena, Pb__MonitoringInfo);
    pb__monitoring_info__init(m);
    m->urn = bm_pb_text("beam:metric:user:any:v1");
    m->type = bm_pb_text(type);
    m->payload = bm_pb_bytes(payload);
    m->labels = BM_NEW_ARRAY(&arena, Pb__MonitoringInfo__LabelsEntry *, 3);
    m->labels[m->n_labels++] = label("PTRANSFORM", step);
    m->labels[m->n_labels++] = label("NAMESPACE", "fn");
    m->labels[m->n_labels++] = label("NAME", name);
    return m;
}

static bm_metrics parse(Pb__MonitoringInfo **infos, size_t n)
{
    Pb__MetricResults results = PB__METRIC_RESULTS__INIT;
    results.n_attempted = n;
    results.attempted = infos;
    Pb__GetJobMetricsResponse response = PB__GET_JOB_METRICS_RESPONSE__INIT;
    response.metrics = &results;
    return bm_metrics_parse(&arena, bm_pb_pack(&arena, &response.base));
}

#define BYTES(...)                                                \
    ((beam_span){ (const char *)(const uint8_t[]){ __VA_ARGS__ }, \
                  sizeof((const uint8_t[]){ __VA_ARGS__ }) })

START_TEST(kinds_and_order)
{
    Pb__MonitoringInfo *infos[] = {
        info(BEAM_URN_METRICS_LATEST_INT64, "Words", "level", BYTES(0x64, 0x05)),
        info(BEAM_URN_METRICS_SUM_INT64, "Words", "empty", BYTES(0x80, 0x01)),
        info(BEAM_URN_METRICS_DISTRIBUTION_INT64, "Decode", "size", BYTES(2, 10, 3, 7)),
        info(BEAM_URN_METRICS_SUM_DOUBLE, "Decode", "cost",
             BYTES(0x3f, 0xe0, 0, 0, 0, 0, 0, 0)),
        info(BEAM_URN_METRICS_SET_STRING, "Read", "files",
             BYTES(0, 0, 0, 2, 1, 'a', 1, 'b')),
        info(BEAM_URN_METRICS_BOUNDED_TRIE, "Read", "lineage",
             BYTES(8, 3, 0x1a, 1, 'x', 0x1a, 1, 'y')),
        info(BEAM_URN_METRICS_HISTOGRAM_INT64, "Read", "millis",
             BYTES(8, 3, 0x12, 6, 0x12, 4, 8, 4, 0x10, 0, 0x1a, 2, 1, 2)),
        info(BEAM_URN_METRICS_TOP_N_INT64, "Read", "sizes", BYTES(0, 0, 0, 2, 9, 4)),
        info(BEAM_URN_METRICS_BOTTOM_N_DOUBLE, "Read", "costs",
             BYTES(0, 0, 0, 1, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0)),
    };
    bm_metrics metrics = parse(infos, BEAM_COUNT(infos));
    ck_assert_uint_eq(metrics.n, 9);
    bm_writer text = { 0 };
    bm_metrics_print(metrics, &text);
    bm_write_u8(&text, '\0');
    ck_assert_str_eq((const char *)text.data,
                     "  Decode  cost     0.5\n"
                     "  Decode  size     2 values, mean 5, min 3, max 7\n"
                     "  Read    costs    0.5\n"
                     "  Read    files    2 texts: a, b\n"
                     "  Read    lineage  x/y\n"
                     "  Read    millis   3 values, half below 4, 99 of 100 below 4\n"
                     "  Read    sizes    9, 4\n"
                     "  Words   empty    128\n"
                     "  Words   level    5\n");
    bm_writer_free(&text);
}
END_TEST

static Pb__MonitoringInfo *call_info(const char *urn, const char *type,
                                     const char *status, beam_span payload)
{
    Pb__MonitoringInfo *m = info(type, "Ask", "", payload);
    m->urn = bm_pb_text(urn);
    m->labels = BM_NEW_ARRAY(&arena, Pb__MonitoringInfo__LabelsEntry *, 5);
    m->n_labels = 0;
    m->labels[m->n_labels++] = label("SERVICE", "p.P");
    m->labels[m->n_labels++] = label("METHOD", "Shout");
    m->labels[m->n_labels++] = label("RESOURCE", "localhost:1");
    m->labels[m->n_labels++] = label("PTRANSFORM", "Ask");
    if (status) m->labels[m->n_labels++] = label("STATUS", status);
    return m;
}

/* They are shown beside the user's, but are not in the summary. */
START_TEST(calls)
{
    Pb__MonitoringInfo *infos[] = {
        info(BEAM_URN_METRICS_SUM_INT64, "Ask", "words", BYTES(9)),
        call_info(BEAM_URN_METRIC_IO_API_REQUEST_COUNT, BEAM_URN_METRICS_SUM_INT64, "ok",
                  BYTES(7)),
        call_info(BEAM_URN_METRIC_IO_API_REQUEST_COUNT, BEAM_URN_METRICS_SUM_INT64,
                  "unavailable", BYTES(2)),
        call_info(BEAM_URN_METRIC_IO_API_REQUEST_LATENCIES,
                  BEAM_URN_METRICS_HISTOGRAM_INT64, NULL,
                  BYTES(8, 9, 0x12, 6, 0x12, 4, 8, 4, 0x10, 0, 0x1a, 2, 1, 8)),
    };
    bm_metrics metrics = parse(infos, BEAM_COUNT(infos));
    ck_assert_uint_eq(metrics.n, 4);
    ck_assert_str_eq(metrics.at[1].name_space, "p.P");
    bm_writer text = { 0 };
    bm_metrics_print(metrics, &text);
    bm_write_u8(&text, '\0');
    ck_assert_str_eq(
        (const char *)text.data,
        "  Ask   words               9\n"
        "  Ask   Shout: ms           9 values, half below 4, 99 of 100 below 4\n"
        "  Ask   Shout: ok           7\n"
        "  Ask   Shout: unavailable  2\n");
    bm_writer_free(&text);
    char summary[100];
    bm_metrics_summary(metrics, summary, sizeof summary);
    ck_assert_str_eq(summary, "words=9");
}
END_TEST

START_TEST(committed_values_are_the_truth)
{
    Pb__MonitoringInfo *attempted[] = {
        info(BEAM_URN_METRICS_SUM_INT64, "A", "both", BYTES(1)),
        info(BEAM_URN_METRICS_SUM_INT64, "A", "only attempted", BYTES(2)),
    };
    Pb__MonitoringInfo *committed[] = {
        info(BEAM_URN_METRICS_SUM_INT64, "A", "both", BYTES(10)),
        info(BEAM_URN_METRICS_SUM_INT64, "A", "only committed", BYTES(20)),
    };
    Pb__MetricResults results = PB__METRIC_RESULTS__INIT;
    results.n_attempted = results.n_committed = 2;
    results.attempted = attempted;
    results.committed = committed;
    Pb__GetJobMetricsResponse response = PB__GET_JOB_METRICS_RESPONSE__INIT;
    response.metrics = &results;
    bm_metrics metrics = bm_metrics_parse(&arena, bm_pb_pack(&arena, &response.base));
    ck_assert_uint_eq(metrics.n, 3);
    ck_assert_int_eq(metrics.at[0].value.whole, 10);
    ck_assert_int_eq(metrics.at[1].value.whole, 2);
    ck_assert_int_eq(metrics.at[2].value.whole, 20);
}
END_TEST

/* One name, of whole numbers and of doubles: each is its own. */
START_TEST(doubles_are_no_twins)
{
    Pb__MonitoringInfo *committed[] = { info(BEAM_URN_METRICS_SUM_INT64, "A", "n",
                                             BYTES(1)) };
    Pb__MonitoringInfo *attempted[] = {
        info(BEAM_URN_METRICS_SUM_DOUBLE, "A", "n", BYTES(0x3f, 0xe0, 0, 0, 0, 0, 0, 0)),
        info(BEAM_URN_METRICS_SUM_INT64, "A", "n", BYTES(2)),
    };
    Pb__MetricResults results = PB__METRIC_RESULTS__INIT;
    results.n_attempted = 2;
    results.n_committed = 1;
    results.attempted = attempted;
    results.committed = committed;
    Pb__GetJobMetricsResponse response = PB__GET_JOB_METRICS_RESPONSE__INIT;
    response.metrics = &results;
    bm_metrics metrics = bm_metrics_parse(&arena, bm_pb_pack(&arena, &response.base));
    ck_assert_uint_eq(metrics.n, 2);
    ck_assert_int_eq(metrics.at[0].value.whole, 1);
    ck_assert_double_eq(metrics.at[1].value.real, 0.5);
}
END_TEST

START_TEST(negative_numbers)
{
    Pb__MonitoringInfo *infos[] = { info(BEAM_URN_METRICS_SUM_INT64, "S", "n",
                                         BYTES(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                               0xff, 0xff, 0x01)) };
    ck_assert_int_eq(parse(infos, 1).at[0].value.whole, -1);
}
END_TEST

START_TEST(the_summary_adds_up_steps)
{
    Pb__MonitoringInfo *infos[] = {
        info(BEAM_URN_METRICS_SUM_INT64, "A", "bad", BYTES(2)),
        info(BEAM_URN_METRICS_SUM_INT64, "A", "words", BYTES(9)),
        info(BEAM_URN_METRICS_SUM_INT64, "B", "bad", BYTES(3)),
    };
    char text[100];
    bm_metrics_summary(parse(infos, 3), text, sizeof text);
    ck_assert_str_eq(text, "bad=5 words=9");
    bm_metrics_summary(parse(infos, 3), text, 8);
    ck_assert_str_eq(text, "bad=5 w");
}
END_TEST

START_TEST(what_cannot_be_read_is_left_out)
{
    Pb__MonitoringInfo *infos[] = {
        info(BEAM_URN_METRICS_SUM_INT64, "A", "short", BYTES(0x80)),
        info("beam:metrics:unheard_of:v1", "A", "new", BYTES(1)),
        info(BEAM_URN_METRICS_DISTRIBUTION_INT64, "A", "none", BYTES(0)),
        info(BEAM_URN_METRICS_DISTRIBUTION_INT64, "A", "cut", BYTES(2, 10)),
    };
    bm_metrics metrics = parse(infos, BEAM_COUNT(infos));
    ck_assert_uint_eq(metrics.n, 1);
    ck_assert_str_eq(metrics.at[0].name, "none");
    ck_assert_uint_eq(bm_metrics_parse(&arena, BYTES(0x0a, 0x7f)).n, 0);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("metrics");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, kinds_and_order);
    tcase_add_test(tests, calls);
    tcase_add_test(tests, committed_values_are_the_truth);
    tcase_add_test(tests, doubles_are_no_twins);
    tcase_add_test(tests, negative_numbers);
    tcase_add_test(tests, the_summary_adds_up_steps);
    tcase_add_test(tests, what_cannot_be_read_is_left_out);
    Suite *suite = suite_create("job/metrics");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
