/* SPDX-License-Identifier: Apache-2.0 */
/* How to test a DoFn and a pipeline. The DoFn: of each machine's readings above a limit, the
 * first is an alert, and the next only after a minute. docs/testing.md explains it. */
#include <check.h>
#include <stdlib.h>

#include "beam/beam.h"
#include "beam/testing.h"

/* -- what is tested; in a program it would be in a file of its own ------------------------ */
enum { QUIET };
static const beam_state_spec states[] = { [QUIET] = BEAM_VALUE_STATE("quiet",
                                                                     BEAM_BOOL) };
enum { WAKE };
static const beam_timer_spec timers[] = { [WAKE] = { "wake", BEAM_EVENT_TIME } };

static beam_status alert(beam_ctx *c, beam_value reading)
{
    int64_t limit = strtoll(beam_cstr(c, beam_config(c)), NULL, 10);
    if (beam_as_int64(beam_val(reading)) <= limit) return BEAM_OK;
    beam_counter_add(c, "too_high", 1);
    if (beam_as_bool(beam_state_read(c, QUIET))) return BEAM_OK;
    BEAM_TRY(beam_state_write(c, QUIET, beam_bool(true)));
    BEAM_TRY(beam_timer_set(c, WAKE, beam_timestamp(c) + beam_minutes(1)));
    return beam_emit(c, reading);
}

static beam_status wake(beam_ctx *c, const beam_timer *timer)
{
    (void)timer;
    return beam_state_clear(c, QUIET);
}

static const beam_dofn alert_fn = {
    .name = "alerts.alert",
    .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
    .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
    .states = BEAM_TABLE(states),
    .timers = BEAM_TABLE(timers),
    .process = alert,
    .on_timer = wake,
};

static beam_pcoll *count_alerts(beam_pcoll *readings, const char *limit)
{
    beam_pcoll *alerts = beam_par_do(readings, "Alert", &alert_fn,
                                     .config = beam_span_of(limit));
    beam_pcoll *hours = beam_window_into(alerts, "Hours", beam_fixed(beam_hours(1)));
    return beam_combine_per_key(hours, "Count", &beam_count);
}

/* -- the DoFn alone: no runner, and the test moves the clocks -------------------------------- */
static void put(beam_dofn_tester *t, const char *machine, int64_t degrees, beam_millis at)
{
    const beam_value pair[] = { beam_string(beam_span_of(machine)), beam_int64(degrees) };
    beam_tester_add(t, beam_kv(pair), at);
}

START_TEST(one_alert_a_minute)
{
    beam_dofn_tester *t = beam_dofn_tester_new(&alert_fn, .config = beam_span_of("90"));
    put(t, "mill", 80, 0);
    put(t, "mill", 95, 1000);
    put(t, "mill", 99, 2000);
    put(t, "press", 91, 3000);
    ck_assert_msg(beam_tester_run(t) == BEAM_OK, "%s", beam_tester_error(t));
    ck_assert_str_eq(beam_tester_lines(t, -1), "mill: 95 @1000\npress: 91 @3000\n");

    beam_tester_watermark(t, 61000); /* the mill's minute is over, not the press's */
    put(t, "mill", 97, 62000);
    put(t, "press", 97, 62000);
    beam_tester_clear(t);
    beam_tester_run(t);
    ck_assert_str_eq(beam_tester_lines(t, -1), "mill: 97 @62000\n");
    ck_assert_int_eq(beam_tester_counter(t, "too_high"), 5);
    beam_dofn_tester_free(t);
}
END_TEST

/* -- the pipeline: in this process, or where BEAM_TEST_ENDPOINT says ---------------------------- */
START_TEST(alerts_of_an_hour)
{
    beam_pipeline *p = beam_pipeline_new();
    const beam_value hot[] = { beam_string(beam_span_of("mill")), beam_int64(95) };
    beam_test_stream *ts = beam_test_stream_begin(p, "Readings", alert_fn.in);
    beam_test_stream_add(ts, beam_kv(hot), 0);
    beam_test_stream_watermark(ts, beam_minutes(5));
    beam_test_stream_add(ts, beam_kv(hot), beam_minutes(5));
    beam_test_stream_watermark(ts, beam_hours(1));
    beam_test_stream_add(ts, beam_kv(hot), beam_hours(2));

    const beam_window first_hour = { 0, beam_hours(1), { NULL, 0 } };
    beam_pcoll *counts = count_alerts(beam_test_stream_end(ts), "90");
    beam_assert_that(counts, "All", .lines = "mill: 2\nmill: 1");
    beam_assert_that(counts, "FirstHour", .window = &first_hour, .lines = "mill: 2");

    beam_error err;
    beam_status status = beam_test_run(p, .streaming = true, .err = &err);
    ck_assert_msg(status == BEAM_OK, "%s", err.message);
    ck_assert_int_eq(beam_test_counter(p, "Alert", "too_high"), 3);
    beam_pipeline_free(p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("alerts");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, one_alert_a_minute);
    tcase_add_test(tests, alerts_of_an_hour);
    suite_add_tcase(s, tests);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
