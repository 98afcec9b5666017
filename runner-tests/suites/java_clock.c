/* SPDX-License-Identifier: Apache-2.0 */
/* Java's GroupByKeyTest, GroupIntoBatchesTest, ParDoTest: the processing-time clock. */
#include "java.h"

#define STRING_INT BEAM_KV(BEAM_STRING, BEAM_INT64)

/* -- triggers ------------------------------------------------------------------------ */
static void add_ints(beam_test_stream *ts, int64_t value, beam_millis at)
{
    beam_test_stream_add(ts, beam_int64(value), at);
}

static void combining_accumulating(beam_pipeline *p)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_INT64);
    beam_test_stream_watermark(ts, 0);
    add_ints(ts, 2, 2);
    add_ints(ts, 5, 5);
    beam_test_stream_watermark(ts, 100);
    beam_test_stream_processing_time(ts, 10);
    beam_pcoll *in =
        beam_window_into(beam_test_stream_end(ts), "Windows", beam_fixed(100),
                         .trigger = BEAM_REPEAT(BEAM_AFTER_PROCESSING_TIME(10)),
                         .timestamp_combiner = BEAM_AT_EARLIEST,
                         .accumulation = BEAM_ACCUMULATING);
    beam_assert_that(beam_combine_globally(in, "Sum", &beam_sum_int64), "Out",
                     .lines = "7");
}

/* Two sums in a row: the second one's trigger follows from the first one's. */
static void assert_early_sums(beam_pcoll *in)
{
    in = beam_window_into(in, "Trigger", beam_global(),
                          .trigger = BEAM_REPEAT(BEAM_AFTER_PROCESSING_TIME(1)),
                          .accumulation = BEAM_ACCUMULATING,
                          .on_time = BEAM_ON_TIME_IF_NONEMPTY);
    in = beam_combine_globally(in, "FirstSum", &beam_sum_int64);
    in = beam_combine_globally(in, "SecondSum", &beam_sum_int64);
    beam_assert_that(in, "Out", .lines = "42", .panes = BEAM_PANES_EARLY);
}
static void continuation_early(beam_pipeline *p)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_INT64);
    beam_test_stream_watermark(ts, 0);
    add_ints(ts, 42, 0);
    beam_test_stream_processing_time(ts, 10);
    beam_test_stream_processing_time(ts, 500);
    assert_early_sums(beam_test_stream_end(ts));
}

/* -- batches: an element waits no longer than five seconds --------------------------- */
static beam_status batch_size(beam_ctx *c, beam_value in)
{
    int64_t n = 0;
    beam_iter *it = beam_as_iter(beam_val(in));
    for (beam_value v; beam_next(it, &v);) n++;
    return beam_emit_kv(c, beam_key(in), beam_int64(n));
}
static const beam_dofn batch_size_fn = { .name = "java.batch_size_of_key",
                                         .in = BEAM_KV(BEAM_STRING,
                                                       BEAM_ITERABLE(BEAM_INT64)),
                                         .out = STRING_INT,
                                         .process = batch_size };

/* How large the batches are, and how many in panes of `panes`. */
static void assert_batches(beam_pcoll *in, int64_t size, beam_panes panes,
                           const char *sizes, const char *counts)
{
    beam_pcoll *out = beam_group_into_batches(in, "Batch", .size = size,
                                              .buffering_ms = beam_seconds(5));
    out = beam_par_do(out, "Size", &batch_size_fn);
    beam_assert_that(out, "Sizes", .lines = sizes, .show = BEAM_SHOW_WINDOW);
    beam_assert_that(beam_combine_per_key(out, "Count", &beam_count), "Counts",
                     .lines = counts, .panes = panes, .show = BEAM_SHOW_WINDOW);
}

static void buffering_fixed(beam_pipeline *p)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", STRING_INT);
    beam_test_stream_watermark(ts, 0);
    for (int i = 0; i < 10; i++) {
        add_pair(ts, "key", i, beam_seconds(i));
        beam_test_stream_processing_time(ts, beam_seconds(2));
    }
    beam_test_stream_watermark(ts, beam_seconds(10));
    beam_pcoll *in = beam_window_into(beam_test_stream_end(ts), "Windows",
                                      beam_fixed(beam_seconds(4)),
                                      .allowed_lateness = 10);
    assert_batches(in, 5, BEAM_PANES_ON_TIME,
                   "[0, 4000) key: 3\n[0, 4000) key: 1\n[4000, 8000) key: 3\n"
                   "[4000, 8000) key: 1\n[8000, 12000) key: 2",
                   "[0, 4000) key: 2\n[4000, 8000) key: 2\n[8000, 12000) key: 1");
}

static void buffering_global(beam_pipeline *p)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", STRING_INT);
    for (int half = 0; half < 2; half++) {
        beam_timestamped five[5];
        beam_value pairs[5][2];
        for (int i = 0; i < 5; i++) {
            pairs[i][0] = beam_string(beam_span_of("key"));
            pairs[i][1] = beam_int64(i);
            five[i] = (beam_timestamped){ beam_kv(pairs[i]), beam_seconds(half * 5 + i) };
        }
        beam_test_stream_add_all(ts, five, 5);
        beam_test_stream_processing_time(ts, beam_seconds(100));
    }
    beam_test_stream_watermark(ts, beam_seconds(10));
    beam_pcoll *in = beam_window_into(beam_test_stream_end(ts), "Trigger", beam_global(),
                                      .trigger = BEAM_REPEAT(BEAM_AFTER_COUNT(2)));
    assert_batches(in, 15, BEAM_PANES_EARLY, "[global] key: 5\n[global] key: 5",
                   "[global] key: 2");
}

/* -- timers -------------------------------------------------------------------------- */
enum { TIMER };
static const beam_timer_spec clock_timer[] = { [TIMER] = { "foo",
                                                           BEAM_PROCESSING_TIME } };
static const beam_timer_spec event_timer[] = { [TIMER] = { "foo", BEAM_EVENT_TIME } };

static beam_status set_of_family(beam_ctx *c, beam_value in)
{
    (void)in;
    const beam_timer_opts opts = { .tag = beam_span_of("timerId1") };
    BEAM_TRY(beam_timer_set_with(c, TIMER, beam_now(c) + 1000, &opts));
    return beam_emit(c, beam_string(beam_span_of("set")));
}
static beam_status emit_tag(beam_ctx *c, const beam_timer *timer)
{
    return beam_emit(c, beam_string(timer->tag));
}
static const beam_dofn family_fn = { .name = "java.clock_timer_family",
                                     .in = STRING_INT,
                                     .out = BEAM_STRING,
                                     .timers = BEAM_TABLE(clock_timer),
                                     .process = set_of_family,
                                     .on_timer = emit_tag };

/* Far beyond the worker's clock, whatever the stream's begins with. */
static const beam_millis very_long = 365 * 100 * INT64_C(86400000);

static void family(beam_pipeline *p)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", STRING_INT);
    add_pair(ts, "hello", 37, 0);
    beam_test_stream_processing_time(ts, very_long);
    beam_pcoll *out = beam_par_do(beam_test_stream_end(ts), "Timer", &family_fn);
    beam_assert_that(out, "Out", .lines = "set\ntimerId1");
}

/* Until it fires, the watermark stays before its output timestamp, 5 ms later. */
static beam_status hold_by_clock(beam_ctx *c, beam_value in)
{
    const beam_timer_opts opts = { .has_output_timestamp = true,
                                   .output_timestamp = beam_timestamp(c) + 5 };
    BEAM_TRY(beam_timer_set_with(c, TIMER, beam_now(c) + beam_seconds(10), &opts));
    return beam_emit(c, in);
}
static beam_status nothing_on_timer(beam_ctx *c, const beam_timer *timer)
{
    (void)c, (void)timer;
    return BEAM_OK;
}
static const beam_dofn hold_by_clock_fn = { .name = "java.hold_by_clock",
                                            .in = STRING_INT,
                                            .out = STRING_INT,
                                            .timers = BEAM_TABLE(clock_timer),
                                            .process = hold_by_clock,
                                            .on_timer = nothing_on_timer };
enum { FIRED };
static const beam_state_spec fired_state[] = { [FIRED] = BEAM_VALUE_STATE("fired",
                                                                          BEAM_BOOL) };
static beam_status set_at_8(beam_ctx *c, beam_value in)
{
    (void)in;
    if (beam_as_bool(beam_state_read(c, FIRED)))
        return beam_fail(c, BEAM_EUSER, "the timer has fired too early");
    return beam_timer_set(c, TIMER, 8);
}
static beam_status keep_fired(beam_ctx *c, const beam_timer *timer)
{
    (void)timer;
    BEAM_TRY(beam_state_write(c, FIRED, beam_bool(true)));
    return beam_emit(c, beam_int64(100));
}
static const beam_dofn held_fn = { .name = "java.held_by_clock",
                                   .in = STRING_INT,
                                   .out = BEAM_INT64,
                                   .states = BEAM_TABLE(fired_state),
                                   .timers = BEAM_TABLE(event_timer),
                                   .process = set_at_8,
                                   .on_timer = keep_fired };

static void output_timestamp(beam_pipeline *p)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", STRING_INT);
    beam_test_stream_watermark(ts, 0);
    add_pair(ts, "key", 1, 0);
    beam_test_stream_watermark(ts, 11);
    add_pair(ts, "key", 1, 0);
    beam_test_stream_processing_time(ts, very_long);
    beam_pcoll *out = beam_par_do(beam_test_stream_end(ts), "First", &hold_by_clock_fn);
    beam_assert_that(beam_par_do(out, "Second", &held_fn), "Out", .lines = "100");
}

#define CLOCK(name, category, build, more)                         \
    TEST(name, category "UsesTestStreamWithProcessingTime", build, \
         .needs = NEEDS_TEST_STREAM | NEEDS_PROCESSING_TIME | (more))
#define T "UsesTimersInParDo,UsesProcessingTimeTimers,"
static const suite_test tests[] = {
    CLOCK("GroupByKeyTest.testCombiningAccumulatingProcessingTime", "",
          combining_accumulating, 0),
    CLOCK("GroupByKeyTest.testAfterProcessingTimeContinuationTriggerEarly", "",
          continuation_early, 0),
    CLOCK("GroupIntoBatchesTest.testBufferingTimerInFixedWindow",
          "UsesTimersInParDo,UsesStatefulParDo,UsesOnWindowExpiration,", buffering_fixed,
          NEEDS_STATE | NEEDS_TIMERS),
    CLOCK("GroupIntoBatchesTest.testBufferingTimerInGlobalWindow",
          "UsesTimersInParDo,UsesStatefulParDo,UsesOnWindowExpiration,", buffering_global,
          NEEDS_STATE | NEEDS_TIMERS),
    CLOCK("ParDoTest.testTimerFamilyProcessingTime", T "UsesTimerMap,", family,
          NEEDS_TIMERS),
    CLOCK("ParDoTest.testOutputTimestampWithProcessingTime",
          T "UsesStatefulParDo,UsesTestStreamWithOutputTimestamp,", output_timestamp,
          NEEDS_STATE | NEEDS_TIMERS),
};
SUITE_TABLE(java_clock, "java", tests);
