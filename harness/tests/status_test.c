/* SPDX-License-Identifier: Apache-2.0 */
/* What the worker says of itself, and of user code that is stuck. */
#include <stdio.h>
#include <sysexits.h>

#include "base/clock.h"
#include "test_bundle.h"
#include "test_fns.h"

static const test_bundle gated = { .fn = "test.gate",
                                   .in = "string_utf8",
                                   .out = "string_utf8" };

static void start_gated(fake_runner *r)
{
    test_add_descriptor(r, "gated", &gated);
    fake_connect(r, &test_opts);
    bm_writer w = { 0 };
    test_put_text(&w, "a");
    fake_process_bundle(r, "b1", "gated");
    fake_send_data(r, "b1", "source", bm_written(&w), true);
    bm_writer_free(&w);
}

static void expect_part(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part) != NULL, "no '%s' in %s", part, text);
}

START_TEST(stat_01_a_page_about_the_worker)
{
    fake_runner *r = fake_runner_new();
    fake_offer_status(r);
    start_gated(r);
    ck_assert_str_eq(fake_await_stream(r, FAKE_STATUS), "worker-1");
    test_await_at_gate(1);
    bm_sleep_ms(500); /* more than two samples */
    const char *page = fake_ask_status(r, "s1");
    expect_part(page, "worker worker-1");
    expect_part(page, "VmRSS:");
    expect_part(page, "state: 0 of 104857600 bytes");
    expect_part(page, "instruction b1: running for ");
    expect_part(page, "in transform 'fn', with the same element for ");
    expect_part(page, " bundle-");
    test_open_gate();
    fake_expect_ok(r, "b1");
    expect_part(fake_ask_status(r, "s2"), "0 running");
    fake_runner_free(r);
}
END_TEST

START_TEST(stat_01_the_cache_is_as_large_as_told)
{
    fake_runner *r = fake_runner_new();
    fake_offer_status(r);
    fake_add_option(r, "max_cache_memory_usage_mb", 3);
    start_gated(r);
    test_open_gate();
    fake_expect_ok(r, "b1");
    expect_part(fake_ask_status(r, "s1"), "state: 0 of 3145728 bytes");
    fake_runner_free(r);
}
END_TEST

static int count_part(const char *text, const char *part)
{
    int n = 0;
    while ((text = strstr(text, part))) n++, text++;
    return n;
}

START_TEST(stat_01_any_number_of_requests_at_once)
{
    enum { REQUESTS = 2000, MOST_THREADS = 20 }; /* one that ends overlaps with the next */
    fake_runner *r = fake_runner_new();
    fake_offer_status(r);
    start_gated(r);
    fake_await_stream(r, FAKE_STATUS);
    char id[20];
    for (int i = 0; i < REQUESTS; i++) {
        snprintf(id, sizeof id, "s%d", i);
        fake_request_status(r, id);
    }
    for (int i = 0; i < REQUESTS; i++) {
        snprintf(id, sizeof id, "s%d", i);
        const char *page = fake_await_status(r, id);
        ck_assert_int_ge(count_part(page, " bundle-"), 1);
        ck_assert_int_le(count_part(page, " bundle-"), MOST_THREADS);
    }
    test_open_gate();
    fake_expect_ok(r, "b1");
    fake_runner_free(r);
}
END_TEST

START_TEST(stat_01_bytes_that_are_no_request_are_logged)
{
    fake_runner *r = fake_runner_new();
    fake_offer_status(r);
    start_gated(r);
    fake_await_stream(r, FAKE_STATUS);
    fake_send_bytes(r, FAKE_STATUS, beam_span_of("\x0a\xff"));
    fake_await_log(r, "status in 2 bytes that are no request");
    expect_part(fake_ask_status(r, "s1"), "worker worker-1");
    test_open_gate();
    fake_expect_ok(r, "b1");
    fake_runner_free(r);
}
END_TEST

START_TEST(stat_01_a_status_stream_that_ends_is_no_harm)
{
    fake_runner *r = fake_runner_new();
    fake_offer_status(r);
    start_gated(r);
    fake_drop_stream(r, FAKE_STATUS);
    test_open_gate();
    fake_expect_ok(r, "b1");
    fake_runner_free(r);
}
END_TEST

START_TEST(stat_02_user_code_that_is_stuck_is_told_once)
{
    fake_runner *r = fake_runner_new();
    fake_add_experiment(r, "lull_ms=300");
    start_gated(r);
    fake_log log = fake_await_log(r, "User code of transform 'fn' has run for");
    ck_assert_int_eq(log.severity, BEAM_LOG_WARN);
    ck_assert_str_eq(log.instruction_id, "b1");
    ck_assert_str_eq(log.transform_id, "fn");
    size_t n = fake_logs(r);
    bm_sleep_ms(700);
    ck_assert_uint_eq(fake_logs(r), n);
    test_open_gate();
    fake_expect_ok(r, "b1");
    fake_runner_free(r);
}
END_TEST

START_TEST(stat_02_a_bundle_that_waits_for_data_is_not_stuck)
{
    fake_runner *r = fake_runner_new();
    fake_add_experiment(r, "lull_ms=100");
    test_add_descriptor(r, "gated", &gated);
    fake_connect(r, &test_opts);
    fake_process_bundle(r, "b1", "gated");
    fake_await_stream(r, FAKE_DATA);
    bm_sleep_ms(800);
    ck_assert_uint_eq(fake_logs(r), 0);
    fake_runner_free(r);
}
END_TEST

/* Ends the process. */
START_TEST(stat_03_an_element_that_takes_too_long_ends_the_worker)
{
    fake_runner *r = fake_runner_new();
    fake_add_option(r, "element_processing_timeout_minutes", 0.005);
    start_gated(r);
    fake_await_log(r, "The worker ends: transform 'fn'");
    bm_sleep_ms(FAKE_PATIENCE_MS);
}
END_TEST

/* Ends the process: neither the runner nor the program that hosts the worker could. */
START_TEST(stat_03_user_code_that_never_returns_does_not_keep_the_process)
{
    fake_runner *r = fake_runner_new();
    fake_add_experiment(r, "end_grace_ms=300");
    start_gated(r);
    test_await_at_gate(1);
    fake_runner_free(r);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("status");
    TCase *tcase = tcase_create("status");
    tcase_set_timeout(tcase, 150);
    tcase_add_test(tcase, stat_01_a_page_about_the_worker);
    tcase_add_test(tcase, stat_01_the_cache_is_as_large_as_told);
    tcase_add_test(tcase, stat_01_any_number_of_requests_at_once);
    tcase_add_test(tcase, stat_01_bytes_that_are_no_request_are_logged);
    tcase_add_test(tcase, stat_01_a_status_stream_that_ends_is_no_harm);
    tcase_add_test(tcase, stat_02_user_code_that_is_stuck_is_told_once);
    tcase_add_test(tcase, stat_02_a_bundle_that_waits_for_data_is_not_stuck);
    tcase_add_exit_test(tcase, stat_03_an_element_that_takes_too_long_ends_the_worker,
                        EX_SOFTWARE);
    tcase_add_exit_test(tcase, stat_03_user_code_that_never_returns_does_not_keep_the_process,
                        EX_SOFTWARE);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
