/* SPDX-License-Identifier: Apache-2.0 */
/* Log entries on their way to the runner. */
#include <signal.h>
#include <time.h>

#include "start.h"
#include "test_bundle.h"
#include "test_fns.h"

static const test_bundle logging = { .fn = "test.log",
                                     .in = "string_utf8",
                                     .out = "string_utf8" };

static fake_runner *start(beam_severity level)
{
    fake_runner *r = fake_runner_new();
    test_add_descriptor(r, "logging", &logging);
    beam_harness_opts opts = test_opts;
    opts.log_level = level;
    fake_connect(r, &opts);
    return r;
}

static void run(fake_runner *r, const char *bundle, const char *text)
{
    bm_writer w = { 0 };
    test_put_text(&w, text);
    fake_process_bundle(r, bundle, "logging");
    fake_send_data(r, bundle, "source", bm_written(&w), true);
    fake_expect_ok(r, bundle);
    bm_writer_free(&w);
}

START_TEST(entries_tell_where_they_come_from)
{
    fake_runner *r = start(BEAM_LOG_INFO);
    run(r, "b1", "this");
    fake_log entry = fake_await_log(r, "saw this");
    ck_assert_int_eq(entry.severity, pb_LogEntry_Severity_INFO);
    ck_assert_str_eq(entry.instruction_id, "b1");
    ck_assert_str_eq(entry.transform_id, "fn");
    ck_assert_str_ne(entry.thread, "");
    ck_assert_int_le(entry.seconds, time(NULL));
    ck_assert_int_ge(entry.seconds, time(NULL) - 60);
    run(r, "b2", "bad");
    entry = fake_await_log(r, "saw bad");
    ck_assert_int_eq(entry.severity, pb_LogEntry_Severity_ERROR);
    ck_assert_str_eq(entry.instruction_id, "b2");
    fake_runner_free(r);
}
END_TEST

START_TEST(only_what_is_wanted_is_sent)
{
    fake_runner *r = start(BEAM_LOG_WARN);
    run(r, "b1", "this");
    run(r, "b2", "bad");
    fake_await_log(r, "saw bad");
    ck_assert_uint_eq(fake_logs(r), 1);
    fake_runner_free(r);
}
END_TEST

START_TEST(details_are_sent_when_wanted)
{
    fake_runner *r = start(BEAM_LOG_DEBUG);
    run(r, "b1", "this");
    ck_assert_int_eq(fake_await_log(r, "detail of this").severity,
                     pb_LogEntry_Severity_DEBUG);
    fake_runner_free(r);
}
END_TEST

START_TEST(entries_are_sent_before_the_end)
{
    fake_runner *r = start(BEAM_LOG_INFO);
    run(r, "b1", "the last words");
    fake_end_stream(r, FAKE_CONTROL);
    ck_assert_int_eq(fake_wait_worker(r, NULL), BEAM_OK);
    fake_await_no_stream(r, FAKE_LOGGING);
    fake_await_log(r, "the last words");
    fake_runner_free(r);
}
END_TEST

START_TEST(bundles_go_on_without_a_log)
{
    fake_runner *r = start(BEAM_LOG_INFO);
    run(r, "b1", "one");
    fake_await_log(r, "saw one");
    fake_drop_stream(r, FAKE_LOGGING);
    run(r, "b2", "two");
    fake_runner_free(r);
}
END_TEST

START_TEST(the_log_stream_is_opened_again)
{
    fake_runner *r = start(BEAM_LOG_INFO);
    fake_await_stream(r, FAKE_LOGGING);
    fake_drop_stream(r, FAKE_LOGGING);
    fake_await_stream(r, FAKE_LOGGING); /* the next one */
    ck_assert_uint_ge(fake_streams(r, FAKE_LOGGING), 2);
    run(r, "b1", "again");
    fake_await_log(r, "saw again");
    fake_runner_free(r);
}
END_TEST

START_TEST(a_runner_that_does_not_read_holds_up_nothing)
{
    fake_runner *r = start(BEAM_LOG_INFO);
    fake_await_stream(r, FAKE_LOGGING);
    fake_pause_stream(r, FAKE_LOGGING);
    bm_writer w = { 0 };
    for (int i = 0; i < 50000; i++) test_put_text(&w, "a text of some length");
    fake_process_bundle(r, "b1", "logging");
    fake_send_data(r, "b1", "source", bm_written(&w), true);
    fake_expect_ok(r, "b1");
    fake_resume_stream(r, FAKE_LOGGING);
    bm_writer_free(&w);
    fake_runner_free(r);
}
END_TEST

START_TEST(log_01_a_failed_bundle_is_told_with_its_trace)
{
    fake_runner *r = start(BEAM_LOG_INFO);
    static const test_bundle failing = { .fn = "test.fail",
                                         .in = "string_utf8",
                                         .out = "string_utf8" };
    test_add_descriptor(r, "failing", &failing);
    bm_writer w = { 0 };
    test_put_text(&w, "bad");
    fake_process_bundle(r, "b1", "failing");
    fake_send_data(r, "b1", "source", bm_written(&w), true);
    fake_expect_error(r, "b1", "Transform 'fn' (DoFn 'test.fail') failed");
    fake_log log = fake_await_log(r, "Bundle b1 failed: Transform 'fn'");
    ck_assert_int_eq(log.severity, pb_LogEntry_Severity_ERROR);
    ck_assert_str_eq(log.instruction_id, "b1");
    ck_assert_str_eq(log.transform_id, "fn");
    ck_assert_str_eq(log.trace, "fn");
    fake_process_bundle(r, "b2", "unknown");
    log = fake_await_log(r, "Bundle b2 failed: ");
    ck_assert_str_eq(log.transform_id, "");
    ck_assert_str_eq(log.trace, "");
    bm_writer_free(&w);
    fake_runner_free(r);
}
END_TEST

static fake_runner *start_gated(void)
{
    static const test_bundle gated = { .fn = "test.gate",
                                       .in = "string_utf8",
                                       .out = "string_utf8" };
    fake_runner *r = fake_runner_new();
    test_add_descriptor(r, "gated", &gated);
    fake_connect(r, &test_opts);
    bm_writer w = { 0 };
    test_put_text(&w, "a");
    fake_process_bundle(r, "b1", "gated");
    fake_send_data(r, "b1", "source", bm_written(&w), true);
    bm_writer_free(&w);
    return r;
}

/* LOG-03; the process does not end here. */
START_TEST(log_03_a_crash_is_told)
{
    fake_runner *r = start_gated();
    test_await_at_gate(1);
    bm_harness_tell_crash(fake_worker(r), SIGSEGV, test_gate_thread(), "there\nmain\n");
    fake_log log = fake_await_log(r, "The worker crashes");
    ck_assert_str_eq(log.message, "The worker crashes (Segmentation fault) in bundle 'b1', in "
                                  "user code of transform 'fn'.");
    ck_assert_str_eq(log.instruction_id, "b1");
    ck_assert_str_eq(log.transform_id, "fn");
    ck_assert_int_eq(log.severity, pb_LogEntry_Severity_CRITICAL);
    ck_assert_str_eq(log.trace, "there\nmain\n");
    bm_harness_tell_crash(fake_worker(r), SIGABRT, -1, "");
    fake_await_log(r, "(Aborted), in no bundle");
    test_open_gate();
    fake_expect_ok(r, "b1");
    fake_runner_free(r);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        entries_tell_where_they_come_from,
        only_what_is_wanted_is_sent,
        details_are_sent_when_wanted,
        entries_are_sent_before_the_end,
        bundles_go_on_without_a_log,
        the_log_stream_is_opened_again,
        a_runner_that_does_not_read_holds_up_nothing,
        log_01_a_failed_bundle_is_told_with_its_trace,
        log_03_a_crash_is_told,
    };
    return fake_run_tests("log", tests, BEAM_COUNT(tests));
}
