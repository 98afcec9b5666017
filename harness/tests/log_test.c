/* SPDX-License-Identifier: Apache-2.0 */
/* Log entries on their way to the runner. */
#include <time.h>

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
    };
    return fake_run_tests("log", tests, BEAM_COUNT(tests));
}
