/* SPDX-License-Identifier: Apache-2.0 */
/* The Go SDK's tests of timers. */
#include <stdlib.h>

#include "go.h"

enum { OFFSET = 5000, TIMER_OUTPUT = 4093, CALLBACK = 0 };

/* -- input: pairs of keys and numbers, for each element that comes ------------------------- */
static beam_status emit_pairs(beam_ctx *c, beam_value in)
{
    char *numbers = beam_cstr(c, beam_config(c));
    long n_keys = strtol(numbers, &numbers, 10), n_values = strtol(numbers, NULL, 10);
    (void)in;
    for (long key = 0; key < n_keys; key++)
        for (long i = 0; i < n_values; i++)
            BEAM_TRY(
                beam_emit_kv(c, beam_string(beam_format(c, "%ld", key)), beam_int64(i)));
    return BEAM_OK;
}
static const beam_dofn emit_pairs_fn = { .name = "go.emit_pairs",
                                         .in = BEAM_ANY,
                                         .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                         .process = emit_pairs };

static beam_pcoll *pairs(beam_pcoll *start, int n_keys, int n_values)
{
    const char *config = beam_pipeline_format(beam_pcoll_pipeline(start), "%d %d", n_keys,
                                              n_values);
    return beam_par_do(start, "Pairs", &emit_pairs_fn, .config = beam_span_of(config));
}

/* One element, of a source that says it might go on. */
static beam_value one_offset(beam_ctx *c, beam_value element)
{
    (void)element;
    return beam_offsets(c, 0, 1);
}
static const beam_sdf tick = { .tracker = &beam_offset_tracker,
                               .initial = one_offset,
                               .unbounded = true };

static beam_status emit_tick(beam_ctx *c, beam_value in)
{
    (void)in;
    for (int64_t i = beam_offset_from(beam_restriction(c)); beam_claim_offset(c, i); i++)
        BEAM_TRY(beam_emit(c, beam_int64(i)));
    return BEAM_OK;
}
static const beam_dofn tick_fn = { .name = "go.tick",
                                   .in = BEAM_BYTES,
                                   .out = BEAM_INT64,
                                   .sdf = &tick,
                                   .process = emit_tick };

static beam_pcoll *unbounded_impulse(beam_pipeline *p)
{
    return beam_par_do(beam_impulse(p, "Impulse"), "Tick", &tick_fn);
}

static beam_test_stream *one_event(beam_pipeline *p)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_BYTES);
    beam_test_stream_add(ts, beam_bytes((beam_span){ "*", 1 }), 123456);
    return ts;
}

/* The lines "KEY: FROM" to "KEY: FROM + n - 1" of each key. */
static const char *lines_of(beam_pipeline *p, int n_keys, int from, int n, int also)
{
    const char *lines = "";
    for (int key = 0; key < n_keys; key++) {
        for (int i = 0; i < n; i++)
            lines = beam_pipeline_format(p, "%s%d: %d\n", lines, key, from + i);
        if (also) lines = beam_pipeline_format(p, "%s%d: %d\n", lines, key, also);
    }
    return lines;
}

/* -- event time: one timer of a key, set again and again ------------------------------------ */
enum { MY_KEY };
static const beam_state_spec key_states[] = { [MY_KEY] = BEAM_VALUE_STATE("MyKey",
                                                                          BEAM_STRING) };
static const beam_timer_spec event_timers[] = { [CALLBACK] = { "Callback",
                                                               BEAM_EVENT_TIME } };

static beam_millis window_end(beam_ctx *c)
{
    return beam_window_max_timestamp(beam_element_window(c));
}

static beam_status set_event_timer(beam_ctx *c, beam_value in)
{
    BEAM_TRY(beam_timer_set(c, CALLBACK, window_end(c)));
    BEAM_TRY(beam_state_write(c, MY_KEY, beam_key(in)));
    return beam_emit_kv(c, beam_key(in),
                        beam_int64(beam_as_int64(beam_val(in)) + OFFSET));
}

static beam_status emit_key_on_timer(beam_ctx *c, const beam_timer *timer)
{
    if (timer->timer != CALLBACK || timer->tag.len)
        return beam_fail(c, BEAM_EUSER, "a timer that was not set");
    beam_value key = beam_state_read(c, MY_KEY);
    if (beam_is_null(key)) return beam_fail(c, BEAM_EUSER, "the key's state is not set");
    return beam_emit_kv(c, key, beam_int64(TIMER_OUTPUT));
}
static const beam_dofn event_time_fn = { .name = "go.event_time",
                                         .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                         .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                         .flags = BEAM_OBSERVES_WINDOW,
                                         .states = BEAM_TABLE(key_states),
                                         .timers = BEAM_TABLE(event_timers),
                                         .process = set_event_timer,
                                         .on_timer = emit_key_on_timer };

static void event_time(beam_pcoll *start)
{
    enum { N_KEYS = 50, N_TIMERS = 15 };
    beam_pipeline *p = beam_pcoll_pipeline(start);
    beam_pcoll *out = beam_par_do(pairs(start, N_KEYS, N_TIMERS), "Timers",
                                  &event_time_fn);
    beam_assert_that(out, "Outputs",
                     .lines = lines_of(p, N_KEYS, OFFSET, N_TIMERS, TIMER_OUTPUT));
}

static void event_time_bounded(beam_pipeline *p)
{
    event_time(beam_impulse(p, "Start"));
}

static void event_time_unbounded(beam_pipeline *p)
{
    event_time(unbounded_impulse(p));
}

static void event_time_test_stream(beam_pipeline *p)
{
    event_time(beam_test_stream_end(one_event(p)));
}

/* -- the event time of what a timer gives ---------------------------------------------------- */
#define OUTPUT_TIMESTAMP ((beam_millis)1234567890000)

static beam_status set_with_output(beam_ctx *c, beam_value in)
{
    (void)in;
    bool none = beam_config(c).len > 0;
    const beam_timer_opts opts = { .has_output_timestamp = !none,
                                   .output_timestamp = OUTPUT_TIMESTAMP,
                                   .no_output_timestamp = none };
    return beam_timer_set_with(c, CALLBACK, window_end(c), &opts);
}

static beam_status emit_on_timer(beam_ctx *c, const beam_timer *timer)
{
    (void)timer;
    return beam_emit(c, beam_int64(TIMER_OUTPUT));
}
static const beam_dofn output_time_fn = { .name = "go.output_time",
                                          .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                          .out = BEAM_INT64,
                                          .flags = BEAM_OBSERVES_WINDOW,
                                          .timers = BEAM_TABLE(event_timers),
                                          .process = set_with_output,
                                          .on_timer = emit_on_timer };

static void output_time(beam_pipeline *p, const char *config, beam_millis at)
{
    beam_pcoll *in = pairs(beam_impulse(p, "Start"), 1, 1);
    beam_pcoll *out = beam_par_do(in, "Timers", &output_time_fn,
                                  .config = beam_span_of(config));
    beam_assert_that(out, "Outputs", .show = BEAM_SHOW_TIMESTAMP,
                     .lines = beam_pipeline_format(p, "%d @%lld", TIMER_OUTPUT,
                                                   (long long)at));
}

static void with_output_timestamp(beam_pipeline *p)
{
    output_time(p, "", OUTPUT_TIMESTAMP);
}

/* Where the Go SDK has the end of time, elements get the time at which the timer fires. */
static void with_no_output_timestamp(beam_pipeline *p)
{
    output_time(p, "none", BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP);
}

/* -- processing time: a timer that sets itself anew ------------------------------------------- */
enum { MY_VALUE, EMISSIONS };
enum { CAP = 5, INITIAL_DELAY_S = 3, RECURRING_DELAY_S = 1, N_CLOCK_KEYS = 40 };
static const beam_state_spec clock_states[] = {
    [MY_VALUE] = BEAM_VALUE_STATE("MyValue", BEAM_INT64),
    [EMISSIONS] = BEAM_VALUE_STATE("Emissions", BEAM_INT64)
};
static const beam_timer_spec clock_timers[] = { [CALLBACK] = { "Callback",
                                                               BEAM_PROCESSING_TIME } };

static beam_status set_clock_timer(beam_ctx *c, beam_value in)
{
    (void)in;
    BEAM_TRY(beam_timer_set(c, CALLBACK, beam_now(c) + beam_seconds(INITIAL_DELAY_S)));
    if (!beam_is_null(beam_state_read(c, MY_VALUE))) return BEAM_OK;
    return beam_state_write(c, MY_VALUE, beam_int64(0));
}

static beam_status go_on(beam_ctx *c, const beam_timer *timer)
{
    beam_value value = beam_state_read(c, MY_VALUE);
    if (beam_is_null(value))
        return beam_fail(c, BEAM_EUSER, "the key's state is not set");
    int64_t n = beam_as_int64(value),
            emitted = beam_as_int64(beam_state_read(c, EMISSIONS));
    BEAM_TRY(beam_emit_kv(c, timer->key, value));
    if (n < CAP - 1) {
        BEAM_TRY(beam_state_write(c, MY_VALUE, beam_int64(n + 1)));
        BEAM_TRY(
            beam_timer_set(c, CALLBACK, beam_now(c) + beam_seconds(RECURRING_DELAY_S)));
    }
    if (emitted == CAP) return beam_fail(c, BEAM_EUSER, "the timer fires too often");
    return beam_state_write(c, EMISSIONS, beam_int64(emitted + 1));
}
static const beam_dofn processing_time_fn = { .name = "go.processing_time",
                                              .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                              .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                              .states = BEAM_TABLE(clock_states),
                                              .timers = BEAM_TABLE(clock_timers),
                                              .process = set_clock_timer,
                                              .on_timer = go_on };

static beam_status ungroup(beam_ctx *c, beam_value in)
{
    beam_iter *it = beam_as_iter(beam_val(in));
    for (beam_value v; beam_next(it, &v);) BEAM_TRY(beam_emit_kv(c, beam_key(in), v));
    return BEAM_OK;
}
static const beam_dofn ungroup_fn = {
    .name = "go.ungroup",
    .in = BEAM_KV(BEAM_STRING, BEAM_ITERABLE(BEAM_INT64)),
    .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
    .process = ungroup,
};

static void processing_time(beam_pcoll *start)
{
    beam_pipeline *p = beam_pcoll_pipeline(start);
    beam_pcoll *timed = beam_par_do(pairs(start, N_CLOCK_KEYS, CAP), "Timers",
                                    &processing_time_fn);
    timed = beam_window_into(timed, "AtTheEnd", beam_global(),
                             .trigger = BEAM_AFTER_END_OF_WINDOW(NULL, NULL));
    beam_pcoll *out = beam_par_do(beam_group_by_key(timed, "Group"), "Ungroup",
                                  &ungroup_fn);
    beam_assert_that(out, "Outputs", .lines = lines_of(p, N_CLOCK_KEYS, 0, CAP, 0));
}

static void processing_time_infinity(beam_pipeline *p)
{
    beam_test_stream *ts = one_event(p);
    beam_test_stream_watermark(ts, BEAM_MAX_TIMESTAMP);
    for (int i = 0; i < 3; i++) beam_test_stream_processing_time(ts, beam_seconds(10));
    beam_test_stream_processing_time(ts, BEAM_MAX_TIMESTAMP / 2);
    processing_time(beam_test_stream_end(ts));
}

static void processing_time_bounded(beam_pipeline *p)
{
    processing_time(beam_impulse(p, "Start"));
}

static void processing_time_unbounded(beam_pipeline *p)
{
    processing_time(unbounded_impulse(p));
}

#define USES_STATE_AND_TIMERS NEEDS_STATE | NEEDS_TIMERS

static const suite_test tests[] = {
    TEST("TestTestStreamTimersEventTime", "UsesTestStream,UsesTimersInParDo",
         event_time_test_stream,
         .needs = NEEDS_TEST_STREAM | NEEDS_UNBOUNDED | USES_STATE_AND_TIMERS),
    TEST("TestTimers_EventTime_Bounded", "UsesTimersInParDo", event_time_bounded,
         .needs = USES_STATE_AND_TIMERS),
    TEST("TestTimers_EventTime_Unbounded", "UsesTimersInParDo,UsesUnboundedPCollections",
         event_time_unbounded,
         .needs = NEEDS_STREAMING | NEEDS_UNBOUNDED | NEEDS_SDF | USES_STATE_AND_TIMERS),
    TEST("TestTimers_EventTime_WithOutputTimestamp", "UsesTimersInParDo",
         with_output_timestamp, .needs = NEEDS_TIMERS),
    TEST("TestTimers_EventTime_WithNoOutputTimestamp", "UsesTimersInParDo",
         with_no_output_timestamp, .needs = NEEDS_TIMERS),
    TEST("TestTimers_ProcessingTime_Infinity", "UsesTestStreamWithProcessingTime",
         processing_time_infinity,
         .needs = NEEDS_TEST_STREAM | NEEDS_UNBOUNDED | NEEDS_PROCESSING_TIME |
                  USES_STATE_AND_TIMERS),
    TEST("TestTimers_ProcessingTime_Bounded", "UsesProcessingTimeTimers",
         processing_time_bounded, .needs = NEEDS_PROCESSING_TIME | USES_STATE_AND_TIMERS),
    TEST("TestTimers_ProcessingTime_Unbounded",
         "UsesProcessingTimeTimers,UsesUnboundedPCollections", processing_time_unbounded,
         .needs = NEEDS_STREAMING | NEEDS_UNBOUNDED | NEEDS_SDF | NEEDS_PROCESSING_TIME |
                  USES_STATE_AND_TIMERS),
};
SUITE_TABLE(go_timers, "go", tests);
