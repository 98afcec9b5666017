/* SPDX-License-Identifier: Apache-2.0 */
/* Java's ParDoTest and WithTimestampsTest: outputs and timers that go back in time.
 * beam_emit_at() allows no skew and beam_emit_windowed() any; a timer's output timestamp
 * none. */
#include "java.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST, SECOND };
static const beam_timer_spec clock_timer[] = { [FIRST] = { "clock",
                                                           BEAM_PROCESSING_TIME } };
static const beam_timer_spec two_timers[] = {
    [FIRST] = { "first", BEAM_EVENT_TIME }, [SECOND] = { "second", BEAM_EVENT_TIME }
};

#define STRING_INT BEAM_KV(BEAM_STRING, BEAM_INT64)

static bool is_config(beam_ctx *c, const char *what)
{
    return beam_span_equal(beam_config(c), beam_span_of(what));
}

/* The config says what goes back: "output", "timer", or "any", which is allowed. */
static beam_status go_back(beam_ctx *c, int timer, beam_millis at, beam_millis now,
                           beam_millis skew)
{
    beam_value text = beam_string(beam_config(c));
    const beam_timer_opts opts = { .has_output_timestamp = true,
                                   .output_timestamp = now - skew };
    if (is_config(c, "output")) return beam_emit_at(c, text, now - skew);
    if (is_config(c, "any")) return beam_emit_windowed(c, -1, text, now - skew, NULL);
    BEAM_TRY(beam_timer_set_with(c, timer, at, &opts));
    return beam_emit(c, text);
}
static beam_status nothing_on_timer(beam_ctx *c, const beam_timer *timer)
{
    (void)c, (void)timer;
    return BEAM_OK;
}
static beam_status back_in_process(beam_ctx *c, beam_value in)
{
    return go_back(c, FIRST, 0, beam_timestamp(c), beam_as_int64(beam_val(in)));
}
static const beam_dofn back_in_process_fn = { .name = "java.back_in_process",
                                              .in = STRING_INT,
                                              .out = BEAM_STRING,
                                              .timers = BEAM_TABLE(clock_timer),
                                              .process = back_in_process,
                                              .on_timer = nothing_on_timer };

/* The first timer fires at the element's time, and goes back by 3. */
static beam_status set_first(beam_ctx *c, beam_value in)
{
    (void)in;
    return beam_timer_set(c, FIRST, beam_timestamp(c));
}
static beam_status back_on_timer(beam_ctx *c, const beam_timer *timer)
{
    if (timer->timer == SECOND) return BEAM_OK;
    return go_back(c, SECOND, timer->fire_at, timer->output_timestamp, 3);
}
static const beam_dofn back_on_timer_fn = { .name = "java.back_on_timer",
                                            .in = STRING_INT,
                                            .out = BEAM_STRING,
                                            .timers = BEAM_TABLE(two_timers),
                                            .process = set_first,
                                            .on_timer = back_on_timer };

/* "too early", or why else it failed. */
static beam_value why_refused(beam_ctx *c, beam_value row)
{
    int error = beam_schema_index(&beam_failure_schema, "error");
    const char *text = beam_cstr(c, beam_as_span(beam_list_at(row, (size_t)error)));
    return beam_string(
        beam_span_of(strstr(text, "is before that of") ? "too early" : text));
}
static const beam_dofn why_refused_fn = {
    .name = "java.why_refused", .in = BEAM_FAILURE, .out = BEAM_STRING, .map = why_refused
};

static void assert_refused(beam_pcoll *in, const char *step, const beam_dofn *fn,
                           const char *what)
{
    beam_pipeline *p = beam_pcoll_pipeline(in);
    beam_pcoll *failures;
    beam_scope_begin(p, step);
    beam_pcoll *out = beam_par_do(in, "Back", fn, .config = beam_span_of(what),
                                  .failures = &failures);
    beam_assert_that(out, "Out", .empty = true);
    beam_assert_that(beam_map(failures, "Errors", &why_refused_fn), "Refused",
                     .lines = "too early");
    beam_scope_end(p);
}

static void process_element_skew(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_PAIRS(p, "In", { "2", 1, 1 });
    assert_refused(in, "Output", &back_in_process_fn, "output");
    assert_refused(in, "Timer", &back_in_process_fn, "timer");
    beam_pcoll *far = TIMED_PAIRS(p, "Far", { "2", INT64_C(9000000000000000), 0 });
    beam_assert_that(beam_par_do(in, "Skew", &back_in_process_fn,
                                 .config = beam_span_of("any")),
                     "Skewed", .lines = "any @0", .show = BEAM_SHOW_TIMESTAMP);
    assert_refused(far, "FarOutput", &back_in_process_fn, "output");
}

static void on_timer_skew(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_PAIRS(p, "In", { "0", 0, 0 });
    assert_refused(in, "Output", &back_on_timer_fn, "output");
    assert_refused(in, "Timer", &back_on_timer_fn, "timer");
    beam_assert_that(beam_par_do(in, "Skew", &back_on_timer_fn,
                                 .config = beam_span_of("any")),
                     "Skewed", .lines = "any @-3", .show = BEAM_SHOW_TIMESTAMP);
}

/* -- at the end of a window ---------------------------------------------------------- */
static const beam_state_spec unused[] = { { "ignored", BEAM_STATE_VALUE, BEAM_STRING,
                                            NULL, NULL } };
static beam_status take(beam_ctx *c, beam_value in)
{
    (void)c, (void)in;
    return BEAM_OK;
}
static beam_status back_at_expiration(beam_ctx *c, beam_value key)
{
    (void)key;
    beam_millis now = beam_window_max_timestamp(beam_element_window(c));
    return go_back(c, -1, 0, now, 3);
}
static const beam_dofn back_at_expiration_fn = { .name = "java.back_at_expiration",
                                                 .in = STRING_INT,
                                                 .out = BEAM_STRING,
                                                 .states = BEAM_TABLE(unused),
                                                 .process = take,
                                                 .on_window_expiration =
                                                     back_at_expiration };

static void on_window_skew(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_PAIRS(p, "In", { "key", 0, 0 });
    in = beam_window_into(in, "Windows", beam_fixed(10));
    assert_refused(in, "Output", &back_at_expiration_fn, "output");
    beam_assert_that(beam_par_do(in, "Skew", &back_at_expiration_fn,
                                 .config = beam_span_of("any")),
                     "Skewed", .lines = "any @6", .show = BEAM_SHOW_TIMESTAMP);
}

/* -- WithTimestamps ------------------------------------------------------------------ */
static beam_millis text_as_time(beam_ctx *c, beam_value in)
{
    return strtoll(beam_cstr(c, beam_as_span(in)), NULL, 10);
}
static const beam_dofn text_as_time_fn = { .name = "java.text_as_time",
                                           .in = BEAM_STRING,
                                           .timestamp = text_as_time };
static beam_status second_earlier(beam_ctx *c, beam_value in)
{
    return beam_emit_windowed(c, -1, in, text_as_time(c, in) - 1000, NULL);
}
static const beam_dofn second_earlier_fn = { .name = "java.second_earlier",
                                             .in = BEAM_STRING,
                                             .out = BEAM_STRING,
                                             .process = second_earlier };

static void with_timestamps_backwards(beam_pipeline *p)
{
    beam_pcoll *in = STRINGS(p, "In", "1234", "0", "2147483647", "946684800000");
    in = beam_with_timestamps(in, "First", &text_as_time_fn);
    beam_assert_that(beam_par_do(in, "Skew", &second_earlier_fn), "Out",
                     .lines = "0 @-1000\n1234 @234\n2147483647 @2147482647\n"
                              "946684800000 @946684799000",
                     .show = BEAM_SHOW_TIMESTAMP);
}

static void with_timestamps_without_function(beam_pipeline *p)
{
    beam_with_timestamps(STRINGS(p, "In", "1"), "None", &second_earlier_fn);
}

#define T "UsesTimersInParDo"
static const suite_test tests[] = {
    TEST("ParDoTest.testProcessElementSkew", T ",UsesProcessingTimeTimers",
         process_element_skew, .needs = NEEDS_TIMERS | NEEDS_PROCESSING_TIME),
    TEST("ParDoTest.testOnTimerTimestampSkew", T, on_timer_skew, .needs = NEEDS_TIMERS),
    TEST("ParDoTest.testOnWindowTimestampSkew", "UsesOnWindowExpiration," T,
         on_window_skew, .needs = NEEDS_STATE | NEEDS_TIMERS),
    TEST("WithTimestampsTest."
         "withTimestampsBackwardsInTimeAndWithAllowedTimestampSkewShouldSucceed",
         "-", with_timestamps_backwards),
    TEST("WithTimestampsTest.withTimestampsWithNullFnShouldThrowOnConstruction", "-",
         with_timestamps_without_function, .fails = "timestamp"),
};
SUITE_TABLE(java_skew, "java", tests);
