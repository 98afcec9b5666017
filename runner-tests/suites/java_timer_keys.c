/* SPDX-License-Identifier: Apache-2.0 */
/* Java's ParDoTest: keys, options, lateness of timers; elements that bundles keep. */
#include "java.h"

enum { TIMER };
static const beam_timer_spec event_timer[] = { [TIMER] = { "foo", BEAM_EVENT_TIME } };

static beam_status set_at_1(beam_ctx *c, beam_value in)
{
    (void)in;
    return beam_timer_set(c, TIMER, 1);
}

/* -- the key is itself a KV ---------------------------------------------------------- */
#define PAIR BEAM_KV(BEAM_STRING, BEAM_STRING)
static beam_status emit_key_of_key(beam_ctx *c, const beam_timer *timer)
{
    return beam_emit(c, beam_key(timer->key));
}
static const beam_dofn key_of_key_fn = { .name = "java.key_of_key_on_timer",
                                         .in = BEAM_KV(PAIR, BEAM_INT64),
                                         .out = BEAM_STRING,
                                         .timers = BEAM_TABLE(event_timer),
                                         .process = set_at_1,
                                         .on_timer = emit_key_of_key };
static void generic_key(beam_pipeline *p)
{
    const beam_value key[] = { beam_string(beam_span_of("1")),
                               beam_string(beam_span_of("2")) };
    const beam_value pairs[][2] = { { beam_kv(key), beam_int64(37) },
                                    { beam_kv(key), beam_int64(3) } };
    const beam_value in[] = { beam_kv(pairs[0]), beam_kv(pairs[1]) };
    beam_pcoll *out = beam_par_do(beam_create(p, "In", BEAM_KV(PAIR, BEAM_INT64), in, 2),
                                  "Timer", &key_of_key_fn);
    beam_assert_that(out, "Out", .lines = "1");
}

static beam_status nothing_on_timer(beam_ctx *c, const beam_timer *timer)
{
    (void)c, (void)timer;
    return BEAM_OK;
}
static const beam_dofn without_kv_fn = { .name = "java.timer_without_kv",
                                         .in = BEAM_STRING,
                                         .timers = BEAM_TABLE(event_timer),
                                         .process = set_at_1,
                                         .on_timer = nothing_on_timer };
static void without_kv(beam_pipeline *p)
{
    beam_par_do(STRINGS(p, "In", "1"), "Timer", &without_kv_fn);
}

/* -- options are there when a timer fires -------------------------------------------- */
static beam_status set_at_end(beam_ctx *c, beam_value in)
{
    (void)in;
    return beam_timer_set(c, TIMER, beam_window_max_timestamp(beam_element_window(c)));
}
static beam_status emit_option(beam_ctx *c, const beam_timer *timer)
{
    (void)timer;
    return beam_emit(c, beam_string(beam_config(c)));
}
static const beam_dofn option_fn = { .name = "java.option_on_timer",
                                     .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                     .out = BEAM_STRING,
                                     .timers = BEAM_TABLE(event_timer),
                                     .process = set_at_end,
                                     .on_timer = emit_option };
static void option_on_timer(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(STRING_INTS(p, "In", { "0", 0 }), "Timer", &option_fn,
                                  .config = beam_span_of("not fake anymore"));
    beam_assert_that(out, "Out", .lines = "not fake anymore");
}

/* -- after the window's end, but not after its lateness ------------------------------ */
static beam_status set_in_10_seconds(beam_ctx *c, beam_value in)
{
    (void)in;
    BEAM_TRY(beam_timer_set(c, TIMER, beam_timestamp(c) + beam_seconds(10)));
    return beam_emit(c, beam_int64(3));
}
static beam_status emit_42(beam_ctx *c, const beam_timer *timer)
{
    (void)timer;
    return beam_emit(c, beam_int64(42));
}
static const beam_dofn late_timer_fn = { .name = "java.timer_in_lateness",
                                         .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                         .out = BEAM_INT64,
                                         .timers = BEAM_TABLE(event_timer),
                                         .process = set_in_10_seconds,
                                         .on_timer = emit_42 };
static void within_lateness(beam_pipeline *p)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream",
                                                  BEAM_KV(BEAM_STRING, BEAM_INT64));
    beam_test_stream_watermark(ts, beam_seconds(5));
    add_pair(ts, "hello", 37, beam_seconds(5));
    beam_test_stream_watermark(ts, beam_minutes(1));
    beam_pcoll *in = beam_window_into(beam_test_stream_end(ts), "Windows",
                                      beam_fixed(beam_seconds(10)),
                                      .allowed_lateness = beam_seconds(10));
    beam_assert_that(beam_par_do(in, "Timer", &late_timer_fn), "Out",
                     .lines = "3 @5000\n42 @15000", .show = BEAM_SHOW_TIMESTAMP);
}

/* -- elements that are emitted when their bundle ends -------------------------------- */
enum { BUNDLES = 200 };
typedef struct buffer {
    size_t n;
    beam_millis at[BUNDLES];
} buffer;
static beam_status keep(beam_ctx *c, beam_value in)
{
    (void)in;
    buffer *b = beam_self(c);
    if (b->n == BUNDLES)
        return beam_fail(c, BEAM_EUSER, "a bundle of more than %d", BUNDLES);
    b->at[b->n++] = beam_timestamp(c);
    return BEAM_OK;
}
static beam_status give_out(beam_ctx *c)
{
    buffer *b = beam_self(c);
    const beam_window global = { BEAM_MIN_TIMESTAMP,
                                 BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP + 1,
                                 { NULL, 0 } };
    for (size_t i = 0; i < b->n; i++)
        BEAM_TRY(beam_emit_windowed(c, -1, beam_int64(b->at[i]), b->at[i], &global));
    b->n = 0;
    return BEAM_OK;
}
static const beam_dofn buffer_fn = { .name = "java.buffer_of_bundle",
                                     .in = BEAM_INT64,
                                     .out = BEAM_INT64,
                                     .self_size = sizeof(buffer),
                                     .process = keep,
                                     .finish_bundle = give_out };

/* One, two, three ... elements, each lot before the watermark passes it: none is late. */
static void watermark_mid_bundle(beam_pipeline *p)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_INT64);
    beam_timestamped lot[BUNDLES];
    beam_test_stream_watermark(ts, 0);
    for (int i = 0; i < BUNDLES; i++) {
        for (int k = 0; k <= i; k++) lot[k] = (beam_timestamped){ beam_int64(k), i };
        beam_test_stream_add_all(ts, lot, (size_t)i + 1);
        beam_test_stream_watermark(ts, i + 1);
    }
    beam_pcoll *out = beam_par_do(beam_test_stream_end(ts), "Buffer", &buffer_fn);
    out = beam_window_into(out, "Millis", beam_fixed(1));
    out = beam_combine_globally(out, "Count", &beam_count);
    out = beam_window_into(out, "Global", beam_global(),
                           .trigger = BEAM_AFTER_END_OF_WINDOW(NULL, NULL));
    beam_assert_that(beam_combine_globally(out, "Sum", &beam_sum_int64), "Out",
                     .lines = "20100");
}

#define T "UsesTimersInParDo"
static const suite_test tests[] = {
    TEST("ParDoTest.testKeyInOnTimerWithGenericKey", T ",UsesKeyInParDo", generic_key,
         .needs = NEEDS_TIMERS),
    TEST("ParDoTest.testKeyInOnTimerWithoutKV", T ",UsesKeyInParDo", without_kv,
         .needs = NEEDS_TIMERS, .fails = "KV"),
    TEST("ParDoTest.testPipelineOptionsParameterOnTimer", T, option_on_timer,
         .needs = NEEDS_TIMERS),
    TEST("ParDoTest.testEventTimeTimerSetWithinAllowedLateness", T ",UsesTestStream",
         within_lateness, .needs = NEEDS_TIMERS | NEEDS_TEST_STREAM),
    TEST("ParDoTest.testWatermarkUpdateMidBundle",
         "UsesUnboundedPCollections,UsesTestStream", watermark_mid_bundle,
         .needs = NEEDS_TEST_STREAM),
};
SUITE_TABLE(java_timer_keys, "java", tests);
