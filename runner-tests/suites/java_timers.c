/* SPDX-License-Identifier: Apache-2.0 */
/* Java's ParDoTest: timers. */
#include "java.h"

enum { TIMER, TIMER_2 };
static const beam_timer_spec event_timer[] = { [TIMER] = { "foo", BEAM_EVENT_TIME } };
static const beam_timer_spec two_timers[] = { [TIMER] = { "t1", BEAM_EVENT_TIME },
                                              [TIMER_2] = { "t2", BEAM_EVENT_TIME } };
static const beam_timer_spec clock_timer[] = { [TIMER] = { "foo", BEAM_PROCESSING_TIME } };

#define STRING_INT BEAM_KV(BEAM_STRING, BEAM_INT64)

static beam_status emit_42(beam_ctx *c, const beam_timer *timer)
{
    (void)timer;
    return beam_emit(c, beam_int64(42));
}
static beam_status set_in_a_second(beam_ctx *c, beam_value in)
{
    (void)in;
    beam_millis at = beam_timestamp(c) + beam_seconds(1);
    beam_millis last = beam_window_max_timestamp(beam_element_window(c));
    BEAM_TRY(beam_timer_set(c, TIMER, at < last ? at : last));
    return beam_emit(c, beam_int64(3));
}
static const beam_dofn second_fn = { .name = "java.timer_in_a_second",
                                     .in = STRING_INT,
                                     .out = BEAM_INT64,
                                     .timers = BEAM_TABLE(event_timer),
                                     .process = set_in_a_second,
                                     .on_timer = emit_42 };

static beam_pcoll *hello(beam_pipeline *p)
{
    return STRING_INTS(p, "In", { "hello", 37 });
}
/* One element at `at`, on time; then the watermark goes to the end. */
static beam_pcoll *stream_of_hello(beam_pipeline *p, beam_millis at)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", STRING_INT);
    beam_test_stream_watermark(ts, at);
    add_pair(ts, "hello", 37, at);
    return beam_test_stream_end(ts);
}

static void bounded(beam_pipeline *p)
{
    beam_assert_that(beam_par_do(hello(p), "Timer", &second_fn), "Out", .lines = "3\n42");
}
static void unbounded(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(stream_of_hello(p, 0), "Timer", &second_fn);
    beam_assert_that(out, "Out", .lines = "3\n42");
}

static const beam_dofn grouped_second_fn = { .name = "java.grouped_timer_in_a_second",
                                             .in = BEAM_KV(BEAM_STRING,
                                                           BEAM_ITERABLE(BEAM_INT64)),
                                             .out = BEAM_INT64,
                                             .timers = BEAM_TABLE(event_timer),
                                             .process = set_in_a_second,
                                             .on_timer = emit_42 };

static void gbk_then_timers(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(beam_group_by_key(hello(p), "Group"), "Timer",
                                  &grouped_second_fn);
    beam_assert_that(out, "Out", .lines = "3\n42");
}

/* -- aligned: the next full `config` second after one more millisecond -------------------- */
static beam_millis align(beam_millis t, beam_millis period)
{
    beam_millis rest = t % period;
    if (rest < 0) rest += period;
    return rest ? t + period - rest : t;
}
static beam_status set_aligned(beam_ctx *c, beam_value in)
{
    (void)in;
    beam_millis last = beam_window_max_timestamp(beam_element_window(c));
    beam_millis at = align(beam_timestamp(c) + 1, beam_seconds(1));
    beam_timer_opts opts = { .has_output_timestamp = true,
                             .output_timestamp = beam_timestamp(c) };
    BEAM_TRY(beam_timer_set_with(c, TIMER, at < last ? at : last, &opts));
    return beam_emit(c, beam_int64(3));
}
static beam_status emit_time_fired(beam_ctx *c, const beam_timer *timer)
{
    return beam_emit(c, beam_int64(timer->fire_at));
}
static const beam_dofn aligned_fn = { .name = "java.aligned_timer",
                                      .in = STRING_INT,
                                      .out = BEAM_INT64,
                                      .timers = BEAM_TABLE(event_timer),
                                      .process = set_aligned,
                                      .on_timer = emit_time_fired };

static void align_bounded(beam_pipeline *p)
{
    beam_assert_that(beam_par_do(hello(p), "Timer", &aligned_fn), "Out",
                     .lines = "3\n-9223372036854000");
}
static void align_unbounded(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(stream_of_hello(p, beam_seconds(5)), "Timer", &aligned_fn);
    beam_assert_that(out, "Out", .lines = "3 @5000\n6000 @5000", .show = BEAM_SHOW_TIMESTAMP);
}
/* What is aligned would be after the window's end: it is at the end. */
static void align_after_end(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(stream_of_hello(p, BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP),
                                  "Timer", &aligned_fn);
    beam_assert_that(out, "Out", .lines = "3\n9223371950454775");
}

/* -- windows ---------------------------------------------------------------------------------- */
static beam_status set_in_a_second_only(beam_ctx *c, beam_value in)
{
    (void)in;
    return beam_timer_set(c, TIMER, beam_timestamp(c) + beam_seconds(1));
}
static beam_status emit_key(beam_ctx *c, const beam_timer *timer)
{
    return beam_emit(c, timer->key);
}
static const beam_dofn key_of_timer_fn = { .name = "java.key_of_timer",
                                           .in = STRING_INT,
                                           .out = BEAM_STRING,
                                           .timers = BEAM_TABLE(event_timer),
                                           .process = set_in_a_second_only,
                                           .on_timer = emit_key };

static void original_window(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_PAIRS(p, "In", { "hello", 24, 0 });
    in = beam_window_into(in, "Windows", beam_sliding(beam_minutes(3), beam_minutes(1)));
    beam_assert_that(beam_par_do(in, "Timer", &key_of_timer_fn), "Out",
                     .lines = "[-120000, 60000) hello\n[-60000, 120000) hello\n"
                              "[0, 180000) hello",
                     .show = BEAM_SHOW_WINDOW);
}

static void key_in_on_timer(beam_pipeline *p)
{
    beam_pcoll *in = STRING_INTS(p, "In", { "hello", 1 }, { "bye", 2 }, { "hello", 3 });
    beam_assert_that(beam_par_do(in, "Timer", &key_of_timer_fn), "Out", .lines = "bye\nhello");
}

static beam_status set_at_end(beam_ctx *c, beam_value in)
{
    (void)in;
    beam_window w = beam_element_window(c);
    BEAM_TRY(beam_timer_set(c, TIMER, beam_window_max_timestamp(w)));
    return beam_emit(c, beam_int64(3));
}
static const beam_dofn at_end_fn = { .name = "java.timer_at_end",
                                     .in = STRING_INT,
                                     .out = BEAM_INT64,
                                     .timers = BEAM_TABLE(event_timer),
                                     .process = set_at_end,
                                     .on_timer = emit_42 };

static void absolute(beam_pipeline *p)
{
    beam_assert_that(beam_par_do(hello(p), "Timer", &at_end_fn), "Out", .lines = "3\n42");
}

/* -- loops ------------------------------------------------------------------------------------ */
enum { COUNT };
static const beam_state_spec count_states[] = { [COUNT] = BEAM_VALUE_STATE("count",
                                                                           BEAM_INT64) };
static beam_status begin_loop(beam_ctx *c, beam_value in)
{
    (void)in;
    return beam_timer_set(c, TIMER, beam_timestamp(c) + 1);
}
static beam_status loop(beam_ctx *c, const beam_timer *timer)
{
    int64_t count = beam_as_int64(beam_state_read(c, COUNT));
    if (count == 5) return BEAM_OK;
    BEAM_TRY(beam_emit(c, beam_int64(count)));
    BEAM_TRY(beam_state_write(c, COUNT, beam_int64(count + 1)));
    return beam_timer_set(c, TIMER, timer->fire_at + 1);
}
static const beam_dofn loop_fn = { .name = "java.timer_loop",
                                   .in = STRING_INT,
                                   .out = BEAM_INT64,
                                   .states = BEAM_TABLE(count_states),
                                   .timers = BEAM_TABLE(event_timer),
                                   .process = begin_loop,
                                   .on_timer = loop };

static void timer_loop(beam_pipeline *p)
{
    beam_assert_that(beam_par_do(hello(p), "Loop", &loop_fn), "Out", .lines = "0\n1\n2\n3\n4");
}

/* -- many keys --------------------------------------------------------------------------------- */
static const beam_state_spec key_states[] = { [COUNT] = BEAM_VALUE_STATE("sizzle",
                                                                         BEAM_STRING) };
static beam_status keep_key(beam_ctx *c, beam_value in)
{
    beam_window w = beam_element_window(c);
    BEAM_TRY(beam_timer_set(c, TIMER, beam_window_max_timestamp(w)));
    BEAM_TRY(beam_state_write(c, COUNT, beam_key(in)));
    return beam_emit_kv(c, beam_key(in), beam_int64(beam_as_int64(beam_val(in)) + 5000));
}
static beam_status emit_kept_key(beam_ctx *c, const beam_timer *timer)
{
    (void)timer;
    return beam_emit_kv(c, beam_state_read(c, COUNT), beam_int64(4093));
}
static const beam_dofn many_keys_fn = { .name = "java.timers_of_many_keys",
                                        .in = STRING_INT,
                                        .out = STRING_INT,
                                        .states = BEAM_TABLE(key_states),
                                        .timers = BEAM_TABLE(event_timer),
                                        .process = keep_key,
                                        .on_timer = emit_kept_key };

enum { KEYS = 50, VALUES = 15 };
static void multiple_keys(beam_pipeline *p)
{
    string_int in[KEYS * VALUES];
    beam_value pairs[KEYS * (VALUES + 1)][2], expected[KEYS * (VALUES + 1)];
    size_t n = 0;
    for (int key = 0; key < KEYS; key++) {
        const char *name = beam_pipeline_format(p, "%d", key);
        for (int i = 0; i <= VALUES; i++, n++) {
            /* scattered, so that the elements of a key are far apart */
            if (i < VALUES) in[i * KEYS + key] = (string_int){ name, i };
            pairs[n][0] = beam_string(beam_span_of(name));
            pairs[n][1] = beam_int64(i < VALUES ? i + 5000 : 4093);
            expected[n] = beam_kv(pairs[n]);
        }
    }
    beam_pcoll *out = beam_par_do(create_string_ints(p, "In", in, KEYS * VALUES), "Timers",
                                  &many_keys_fn);
    beam_assert_that(out, "Out", .values = expected, .n = n);
}

/* -- out of bounds ----------------------------------------------------------------------------- */
static beam_status set_too_late(beam_ctx *c, beam_value in)
{
    (void)in;
    beam_window w = beam_element_window(c);
    return beam_timer_set(c, TIMER, beam_window_max_timestamp(w) + 1);
}
static const beam_dofn too_late_fn = { .name = "java.timer_too_late",
                                       .in = STRING_INT,
                                       .out = BEAM_INT64,
                                       .timers = BEAM_TABLE(event_timer),
                                       .process = set_too_late,
                                       .on_timer = emit_42 };
static void out_of_bounds(beam_pipeline *p)
{
    beam_par_do(hello(p), "Timer", &too_late_fn);
}

static beam_status hold_too_late(beam_ctx *c, beam_value in)
{
    (void)in;
    beam_millis end = beam_window_max_timestamp(beam_element_window(c));
    beam_timer_opts opts = { .has_output_timestamp = true, .output_timestamp = end + 1 };
    return beam_timer_set_with(c, TIMER, end, &opts);
}
static const beam_dofn hold_too_late_fn = { .name = "java.timer_holds_too_late",
                                            .in = STRING_INT,
                                            .out = BEAM_INT64,
                                            .timers = BEAM_TABLE(event_timer),
                                            .process = hold_too_late,
                                            .on_timer = emit_42 };
static void out_of_bounds_hold(beam_pipeline *p)
{
    beam_par_do(hello(p), "Timer", &hold_too_late_fn);
}

static beam_status clock_hold_too_late(beam_ctx *c, beam_value in)
{
    (void)in;
    beam_millis end = beam_window_max_timestamp(beam_element_window(c));
    beam_timer_opts opts = { .has_output_timestamp = true, .output_timestamp = end + 1 };
    return beam_timer_set_with(c, TIMER, beam_now(c) + 1000, &opts);
}
static const beam_dofn clock_hold_too_late_fn = { .name = "java.clock_timer_holds_too_late",
                                                  .in = STRING_INT,
                                                  .out = BEAM_INT64,
                                                  .timers = BEAM_TABLE(clock_timer),
                                                  .process = clock_hold_too_late,
                                                  .on_timer = emit_42 };
static void out_of_bounds_clock_hold(beam_pipeline *p)
{
    beam_par_do(hello(p), "Timer", &clock_hold_too_late_fn);
}

/* -- output timestamps ------------------------------------------------------------------------ */
static beam_status set_with_output(beam_ctx *c, beam_value in)
{
    (void)in;
    beam_timer_opts opts = { .has_output_timestamp = true,
                             .output_timestamp = beam_timestamp(c) + 5 };
    return beam_timer_set_with(c, TIMER, beam_timestamp(c) + 10, &opts);
}
static beam_status emit_output_time(beam_ctx *c, const beam_timer *timer)
{
    return beam_emit(c, beam_int64(timer->output_timestamp));
}
static const beam_dofn output_time_fn = { .name = "java.timer_output_time",
                                          .in = STRING_INT,
                                          .out = BEAM_INT64,
                                          .timers = BEAM_TABLE(event_timer),
                                          .process = set_with_output,
                                          .on_timer = emit_output_time };

static void output_timestamp_bounded(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_PAIRS(p, "In", { "hello", 1, 3 });
    beam_assert_that(beam_par_do(in, "Timer", &output_time_fn), "Out", .lines = "8 @8",
                     .show = BEAM_SHOW_TIMESTAMP);
}
static void output_timestamp_unbounded(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(stream_of_hello(p, 3), "Timer", &output_time_fn);
    beam_assert_that(out, "Out", .lines = "8 @8", .show = BEAM_SHOW_TIMESTAMP);
}

static beam_status set_without_output(beam_ctx *c, beam_value in)
{
    (void)in;
    beam_timer_opts opts = { .no_output_timestamp = true };
    BEAM_TRY(beam_timer_set_with(c, TIMER, beam_timestamp(c) + 10, &opts));
    return beam_emit(c, beam_int64(3));
}
static beam_status count_only(beam_ctx *c, const beam_timer *timer)
{
    beam_counter_add(c, "fired", timer->fire_at);
    return BEAM_OK;
}
static const beam_dofn no_output_fn = { .name = "java.timer_without_output",
                                        .in = STRING_INT,
                                        .out = BEAM_INT64,
                                        .timers = BEAM_TABLE(event_timer),
                                        .process = set_without_output,
                                        .on_timer = count_only };

static const char *check_fired(beam_pipeline *p, const char *scope)
{
    const char *step = beam_pipeline_format(p, "%sTimer", scope);
    return beam_test_counter(p, step, "fired") == 13 ? NULL : "the timer has not fired at 13";
}
static void no_output_timestamp_bounded(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_PAIRS(p, "In", { "hello", 1, 3 });
    beam_assert_that(beam_par_do(in, "Timer", &no_output_fn), "Out", .lines = "3");
}
static void no_output_timestamp_streaming(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(stream_of_hello(p, 3), "Timer", &no_output_fn);
    beam_assert_that(out, "Out", .lines = "3");
}

/* The second step's timer at 8 waits for the first's, whose output is at 5. */
static beam_status set_and_go_on(beam_ctx *c, beam_value in)
{
    BEAM_TRY(set_with_output(c, in));
    return beam_emit_kv(c, beam_string(beam_span_of("foo")), beam_int64(100));
}
static beam_status do_nothing(beam_ctx *c, const beam_timer *timer)
{
    (void)c, (void)timer;
    return BEAM_OK;
}
static const beam_dofn holding_fn = { .name = "java.holding_timer",
                                      .in = STRING_INT,
                                      .out = STRING_INT,
                                      .timers = BEAM_TABLE(event_timer),
                                      .process = set_and_go_on,
                                      .on_timer = do_nothing };
static beam_status set_at_8(beam_ctx *c, beam_value in)
{
    (void)in;
    if (beam_as_int64(beam_state_read(c, COUNT)))
        return beam_fail(c, BEAM_EUSER, "the timer has fired too early");
    return beam_timer_set(c, TIMER, beam_timestamp(c) + 8);
}
static beam_status keep_fired(beam_ctx *c, const beam_timer *timer)
{
    (void)timer;
    BEAM_TRY(beam_state_write(c, COUNT, beam_int64(1)));
    return beam_emit(c, beam_int64(100));
}
static const beam_dofn held_fn = { .name = "java.held_timer",
                                   .in = STRING_INT,
                                   .out = BEAM_INT64,
                                   .states = BEAM_TABLE(count_states),
                                   .timers = BEAM_TABLE(event_timer),
                                   .process = set_at_8,
                                   .on_timer = keep_fired };

static void output_timestamp_holds(beam_pipeline *p)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", STRING_INT);
    beam_test_stream_watermark(ts, 0);
    add_pair(ts, "key", 1, 0);
    beam_test_stream_watermark(ts, 9);
    add_pair(ts, "key", 1, 0);
    beam_pcoll *out = beam_par_do(beam_test_stream_end(ts), "Holding", &holding_fn);
    beam_assert_that(beam_par_do(out, "Held", &held_fn), "Out", .lines = "100");
}

/* -- processing time --------------------------------------------------------------------------- */
static beam_status set_by_clock(beam_ctx *c, beam_value in)
{
    (void)in;
    BEAM_TRY(beam_timer_set(c, TIMER, beam_now(c) + 1000));
    return beam_emit(c, beam_int64(3));
}
static const beam_dofn clock_fn = { .name = "java.clock_timer",
                                    .in = STRING_INT,
                                    .out = BEAM_INT64,
                                    .timers = BEAM_TABLE(clock_timer),
                                    .process = set_by_clock,
                                    .on_timer = emit_42 };

static beam_pcoll *clock_stream(beam_pipeline *p, int elements)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", STRING_INT);
    for (int i = 0; i < elements; i++) add_pair(ts, "key", i, 0);
    /* far beyond the worker's clock, whatever the stream's begins with */
    beam_test_stream_processing_time(ts, beam_hours(24) * 365 * 100);
    return beam_test_stream_end(ts);
}
static void clock_simple(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(clock_stream(p, 1), "Timer", &clock_fn);
    beam_assert_that(out, "Out", .lines = "3\n42");
}
static void clock_reset(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(clock_stream(p, 2), "Timer", &clock_fn);
    beam_assert_that(out, "Out", .lines = "3\n3\n42");
}

/* -- set again ----------------------------------------------------------------------------------- */
static void event_reset(beam_pipeline *p)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", STRING_INT);
    beam_test_stream_watermark(ts, 0);
    add_pair(ts, "hello", 1, 0);
    add_pair(ts, "hello", 2, 0);
    beam_pcoll *out = beam_par_do(beam_test_stream_end(ts), "Timer", &second_fn);
    beam_assert_that(out, "Out", .lines = "3\n3\n42");
}

static beam_status set_twice(beam_ctx *c, beam_value in)
{
    (void)in;
    BEAM_TRY(beam_timer_set(c, TIMER, beam_timestamp(c) + beam_minutes(10)));
    return beam_timer_set(c, TIMER, beam_timestamp(c) + beam_minutes(30));
}
static const beam_dofn twice_fn = { .name = "java.timer_set_twice",
                                    .in = STRING_INT,
                                    .out = BEAM_INT64,
                                    .timers = BEAM_TABLE(event_timer),
                                    .process = set_twice,
                                    .on_timer = emit_time_fired };
static void duplicate_setting(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(stream_of_hello(p, 0), "Timer", &twice_fn);
    beam_assert_that(out, "Out", .lines = "1800000");
}

/* -- two timers, each sets the other ------------------------------------------------------------- */
enum { ROUNDS = 100 };
static const beam_millis start = 1500000000000;
static beam_status begin_rounds(beam_ctx *c, beam_value in)
{
    (void)in;
    BEAM_TRY(beam_state_write(c, COUNT, beam_int64(0)));
    BEAM_TRY(beam_timer_set(c, TIMER, start));
    return beam_timer_set(c, TIMER_2, start + ROUNDS + 1); /* set anew by the first */
}
static beam_status next_round(beam_ctx *c, const beam_timer *timer)
{
    int64_t count = beam_as_int64(beam_state_read(c, COUNT));
    if (timer->timer == TIMER) {
        BEAM_TRY(beam_timer_set(c, TIMER_2, timer->fire_at));
    } else if (timer->fire_at < start + ROUNDS) {
        BEAM_TRY(beam_state_write(c, COUNT, beam_int64(count + 1)));
        BEAM_TRY(beam_timer_set(c, TIMER, timer->fire_at + 1));
    } else {
        BEAM_TRY(beam_state_write(c, COUNT, beam_int64(-1)));
    }
    beam_span text = beam_format(c, "%s:%lld:%lld", timer->timer == TIMER ? "t1" : "t2",
                                 (long long)count, (long long)(timer->fire_at - start));
    return beam_emit(c, beam_string(text));
}
static const beam_dofn rounds_fn = { .name = "java.two_timers",
                                     .in = STRING_INT,
                                     .out = BEAM_STRING,
                                     .states = BEAM_TABLE(count_states),
                                     .timers = BEAM_TABLE(two_timers),
                                     .process = begin_rounds,
                                     .on_timer = next_round };

static void assert_rounds(beam_pcoll *in)
{
    beam_pipeline *p = beam_pcoll_pipeline(in);
    beam_value expected[2 * (ROUNDS + 1)];
    for (int i = 0; i < 2 * (ROUNDS + 1); i++)
        expected[i] = beam_string(beam_span_of(
            beam_pipeline_format(p, "t%d:%d:%d", i % 2 + 1, i / 2, i / 2)));
    beam_assert_that(beam_par_do(in, "Rounds", &rounds_fn), "Out", .values = expected,
                     .n = BEAM_COUNT(expected));
}
static void two_timers_bounded(beam_pipeline *p)
{
    assert_rounds(hello(p));
}
static void two_timers_unbounded(beam_pipeline *p)
{
    assert_rounds(stream_of_hello(p, 0));
}

/* -- order: a timer each second gives all elements up to then ------------------------------------- */
enum { BAG, MIN };
static const beam_state_spec flush_states[] = {
    [BAG] = BEAM_BAG_STATE("bag", BEAM_INT64),
    [MIN] = BEAM_VALUE_STATE("min", BEAM_INT64),
};
enum { APPEND, GC };
static const beam_timer_spec flush_timers[] = { [APPEND] = { "append", BEAM_EVENT_TIME },
                                                [GC] = { "gc", BEAM_EVENT_TIME } };
enum { ELEMENTS = 100 };
static beam_status collect(beam_ctx *c, beam_value in)
{
    beam_value min = beam_state_read(c, MIN);
    beam_millis now = beam_timestamp(c);
    if (beam_is_null(min)) BEAM_TRY(beam_timer_set(c, GC, start + (ELEMENTS + 1) * 1000));
    if (beam_is_null(min) || beam_as_int64(min) > now) {
        BEAM_TRY(beam_state_write(c, MIN, beam_int64(now)));
        BEAM_TRY(beam_timer_set(c, APPEND, now));
    }
    return beam_state_add(c, BAG, beam_int64(beam_as_int64(beam_val(in))));
}
static beam_status flush(beam_ctx *c, const beam_timer *timer)
{
    size_t n, due = 0;
    int64_t *all = sorted_ints(c, beam_state_iter(c, BAG), &n);
    while (due < n && start + all[due] * 1000 <= timer->fire_at) due++;
    BEAM_TRY(beam_emit_kv(c, beam_string(beam_span_of(timer->timer == GC ? "gc" : "append")),
                          beam_int64((int64_t)due)));
    if (timer->timer == GC) return beam_state_clear(c, BAG);
    if (due == ELEMENTS) return BEAM_OK;
    return beam_timer_set(c, APPEND, timer->fire_at + 1000);
}
static const beam_dofn flush_fn = { .name = "java.timer_ordering",
                                    .in = STRING_INT,
                                    .out = STRING_INT,
                                    .states = BEAM_TABLE(flush_states),
                                    .timers = BEAM_TABLE(flush_timers),
                                    .process = collect,
                                    .on_timer = flush };

static void assert_in_order(beam_pcoll *in)
{
    beam_value pairs[ELEMENTS + 1][2], expected[ELEMENTS + 1];
    for (int i = 0; i <= ELEMENTS; i++) {
        pairs[i][0] = beam_string(beam_span_of(i < ELEMENTS ? "append" : "gc"));
        pairs[i][1] = beam_int64(i < ELEMENTS ? i + 1 : ELEMENTS);
        expected[i] = beam_kv(pairs[i]);
    }
    beam_assert_that(beam_par_do(in, "Flush", &flush_fn), "Out", .values = expected,
                     .n = ELEMENTS + 1);
}
static void ordering_with_create(beam_pipeline *p)
{
    timed_pair in[ELEMENTS];
    for (int i = 0; i < ELEMENTS; i++) in[i] = (timed_pair){ "dummy", i, start + i * 1000 };
    assert_in_order(create_timed_pairs(p, "In", in, ELEMENTS));
}
static void ordering(beam_pipeline *p)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", STRING_INT);
    beam_test_stream_watermark(ts, 0);
    for (int i = 0; i < ELEMENTS; i++) {
        add_pair(ts, "dummy", i, start + i * 1000);
        if ((i + 1) % 10 == 0) beam_test_stream_watermark(ts, start + (i + 1) * 1000);
    }
    assert_in_order(beam_test_stream_end(ts));
}

/* -- families ------------------------------------------------------------------------------------- */
static beam_status set_tagged(beam_ctx *c, int timer, beam_millis at, const char *tag)
{
    return beam_timer_set_with(c, timer, at, &(beam_timer_opts){ .tag = beam_span_of(tag) });
}
static beam_status set_family(beam_ctx *c, beam_value in)
{
    (void)in;
    BEAM_TRY(set_tagged(c, TIMER, 1, "timer1"));
    BEAM_TRY(set_tagged(c, TIMER, 2, "timer2"));
    return beam_emit(c, beam_string(beam_span_of("process")));
}
static beam_status emit_tag(beam_ctx *c, const beam_timer *timer)
{
    return beam_emit(c, beam_string(beam_format(c, "%d " BEAM_SPAN_FMT " at %lld", timer->timer,
                                                BEAM_SPAN_ARG(timer->tag),
                                                (long long)timer->fire_at)));
}
static const beam_dofn family_fn = { .name = "java.timer_family",
                                     .in = STRING_INT,
                                     .out = BEAM_STRING,
                                     .timers = BEAM_TABLE(event_timer),
                                     .process = set_family,
                                     .on_timer = emit_tag };
static void family_bounded(beam_pipeline *p)
{
    beam_assert_that(beam_par_do(hello(p), "Timers", &family_fn), "Out",
                     .lines = "process\n0 timer1 at 1\n0 timer2 at 2");
}
static void family_unbounded(beam_pipeline *p)
{
    beam_assert_that(beam_par_do(stream_of_hello(p, 0), "Timers", &family_fn), "Out",
                     .lines = "process\n0 timer1 at 1\n0 timer2 at 2");
}

static beam_status set_families(beam_ctx *c, beam_value in)
{
    (void)in;
    BEAM_TRY(set_tagged(c, TIMER, 1, "timer"));
    BEAM_TRY(set_tagged(c, TIMER_2, 2, "timer"));
    return beam_emit(c, beam_string(beam_span_of("process")));
}
static const beam_dofn families_fn = { .name = "java.timer_families",
                                       .in = STRING_INT,
                                       .out = BEAM_STRING,
                                       .timers = BEAM_TABLE(two_timers),
                                       .process = set_families,
                                       .on_timer = emit_tag };
static void families_bounded(beam_pipeline *p)
{
    beam_assert_that(beam_par_do(hello(p), "Timers", &families_fn), "Out",
                     .lines = "process\n0 timer at 1\n1 timer at 2");
}
static void families_unbounded(beam_pipeline *p)
{
    beam_assert_that(beam_par_do(stream_of_hello(p, 0), "Timers", &families_fn), "Out",
                     .lines = "process\n0 timer at 1\n1 timer at 2");
}

static beam_status set_family_and_timer(beam_ctx *c, beam_value in)
{
    (void)in;
    BEAM_TRY(set_tagged(c, TIMER, 1, "timer"));
    BEAM_TRY(beam_timer_set(c, TIMER_2, 2));
    return beam_emit(c, beam_string(beam_span_of("process")));
}
static const beam_dofn family_and_timer_fn = { .name = "java.timer_family_and_timer",
                                               .in = STRING_INT,
                                               .out = BEAM_STRING,
                                               .timers = BEAM_TABLE(two_timers),
                                               .process = set_family_and_timer,
                                               .on_timer = emit_tag };
static void family_and_timer_bounded(beam_pipeline *p)
{
    beam_assert_that(beam_par_do(hello(p), "Timers", &family_and_timer_fn), "Out",
                     .lines = "process\n0 timer at 1\n1  at 2");
}
static void family_and_timer_unbounded(beam_pipeline *p)
{
    beam_assert_that(beam_par_do(stream_of_hello(p, 0), "Timers", &family_and_timer_fn), "Out",
                     .lines = "process\n0 timer at 1\n1  at 2");
}

/* -- the end of windows ------------------------------------------------------------------------------ */
static beam_status add_one(beam_ctx *c, beam_value in)
{
    (void)in;
    int64_t now = beam_as_int64(beam_state_read(c, COUNT));
    BEAM_TRY(beam_emit(c, beam_int64(now)));
    return beam_state_write(c, COUNT, beam_int64(now + 1));
}
static beam_status emit_state(beam_ctx *c, beam_value key)
{
    (void)key;
    return beam_emit(c, beam_state_read(c, COUNT));
}
static const beam_dofn expiration_fn = { .name = "java.on_window_expiration",
                                         .in = STRING_INT,
                                         .out = BEAM_INT64,
                                         .states = BEAM_TABLE(count_states),
                                         .process = add_one,
                                         .on_window_expiration = emit_state };

static void assert_expired(beam_pcoll *in, beam_window_fn windows, const char *lines)
{
    in = beam_window_into(in, "Windows", windows);
    beam_assert_that(beam_par_do(in, "Expire", &expiration_fn), "Out", .lines = lines,
                     .show = BEAM_SHOW_WINDOW);
}
#define EXPIRED_FIXED "[0, 10) 0\n[0, 10) 1\n[10, 20) 0\n[0, 10) 2\n[10, 20) 1"
#define EXPIRED_GLOBAL "[global] 0\n[global] 1\n[global] 2\n[global] 3"
static beam_pcoll *three_in_two_windows(beam_pipeline *p)
{
    return TIMED_PAIRS(p, "In", { "hello", 7, 3 }, { "hello", 42, 6 }, { "hello", 35, 13 });
}
static beam_pcoll *stream_in_two_windows(beam_pipeline *p)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", STRING_INT);
    beam_test_stream_watermark(ts, 0);
    add_pair(ts, "hello", 7, 3);
    add_pair(ts, "hello", 42, 6);
    add_pair(ts, "hello", 35, 13);
    return beam_test_stream_end(ts);
}
static void expiration_bounded(beam_pipeline *p)
{
    assert_expired(three_in_two_windows(p), beam_fixed(10), EXPIRED_FIXED);
}
static void expiration_bounded_global(beam_pipeline *p)
{
    assert_expired(three_in_two_windows(p), beam_global(), EXPIRED_GLOBAL);
}
static void expiration_unbounded(beam_pipeline *p)
{
    assert_expired(stream_in_two_windows(p), beam_fixed(10), EXPIRED_FIXED);
}
static void expiration_unbounded_global(beam_pipeline *p)
{
    assert_expired(stream_in_two_windows(p), beam_global(), EXPIRED_GLOBAL);
}

/* -- the table ------------------------------------------------------------------------------------- */
#define BOUNDED(name, category, build) \
    TEST("ParDoTest." name, category, build, .needs = NEEDS_TIMERS)
#define STREAM(name, category, build)                              \
    TEST("ParDoTest." name, category ",UsesTestStream", build,     \
         .needs = NEEDS_TIMERS | NEEDS_TEST_STREAM)
#define CLOCK(name, category, build)                                              \
    TEST("ParDoTest." name, category ",UsesTestStreamWithProcessingTime", build,  \
         .needs = NEEDS_TIMERS | NEEDS_TEST_STREAM | NEEDS_PROCESSING_TIME)
#define REFUSED(name, build, says) \
    TEST("ParDoTest." name, T, build, .needs = NEEDS_TIMERS, .fails = (says))
#define T "UsesTimersInParDo"
#define STRICT T ",UsesStrictTimerOrdering"
#define EXPIRE "UsesStatefulParDo,UsesOnWindowExpiration"
static const suite_test tests[] = {
    BOUNDED("testEventTimeTimerBounded", T, bounded),
    STREAM("testEventTimeTimerUnbounded", T, unbounded),
    BOUNDED("testGbkFollowedByUserTimers", T, gbk_then_timers),
    BOUNDED("testEventTimeTimerAlignBounded", T, align_bounded),
    STREAM("testEventTimeTimerAlignUnbounded", T, align_unbounded),
    STREAM("testEventTimeTimerAlignAfterGcTimeUnbounded", T, align_after_end),
    BOUNDED("testTimerReceivedInOriginalWindow", T, original_window),
    BOUNDED("testKeyInOnTimer", T ",UsesKeyInParDo", key_in_on_timer),
    BOUNDED("testEventTimeTimerAbsolute", T, absolute),
    BOUNDED("testEventTimeTimerLoop", T ",UsesLoopingTimer", timer_loop),
    BOUNDED("testEventTimeTimerMultipleKeys", T, multiple_keys),
    REFUSED("testOutOfBoundsEventTimeTimer", out_of_bounds, "timer"),
    REFUSED("testOutOfBoundsEventTimeTimerHold", out_of_bounds_hold, "output timestamp"),
    REFUSED("testOutOfBoundsProcessingTimeTimerHold", out_of_bounds_clock_hold,
            "output timestamp"),
    BOUNDED("testOutputTimestampDefaultBounded", T, output_timestamp_bounded),
    STREAM("testOutputTimestampDefaultUnbounded", T, output_timestamp_unbounded),
    TEST("ParDoTest.testNoOutputTimestampDefaultBounded", T, no_output_timestamp_bounded,
         .needs = NEEDS_TIMERS | NEEDS_METRICS, .check = check_fired),
    TEST("ParDoTest.testNoOutputTimestampDefaultStreaming", T ",UsesTestStream",
         no_output_timestamp_streaming,
         .needs = NEEDS_TIMERS | NEEDS_TEST_STREAM | NEEDS_METRICS, .check = check_fired),
    STREAM("testOutputTimestamp", T ",UsesStatefulParDo", output_timestamp_holds),
    CLOCK("testSimpleProcessingTimerTimer", T, clock_simple),
    CLOCK("testProcessingTimeTimerCanBeReset", T, clock_reset),
    STREAM("testEventTimeTimerCanBeReset", T, event_reset),
    STREAM("duplicateTimerSetting", T, duplicate_setting),
    BOUNDED("testTwoTimersSettingEachOtherWithCreateAsInputBounded", STRICT,
            two_timers_bounded),
    STREAM("testTwoTimersSettingEachOtherUnbounded", STRICT, two_timers_unbounded),
    BOUNDED("testEventTimeTimerOrderingWithCreate", STRICT, ordering_with_create),
    STREAM("testEventTimeTimerOrdering", STRICT, ordering),
    BOUNDED("testTimerFamilyEventTimeBounded", T ",UsesTimerMap", family_bounded),
    STREAM("testTimerFamilyEventTimeUnbounded", T ",UsesTimerMap", family_unbounded),
    BOUNDED("testTimerWithMultipleTimerFamilyBounded", T ",UsesTimerMap", families_bounded),
    STREAM("testTimerWithMultipleTimerFamilyUnbounded", T ",UsesTimerMap", families_unbounded),
    BOUNDED("testTimerFamilyAndTimerBounded", T ",UsesTimerMap", family_and_timer_bounded),
    STREAM("testTimerFamilyAndTimerUnbounded", T ",UsesTimerMap", family_and_timer_unbounded),
    BOUNDED("testOnWindowExpirationSimpleBounded", EXPIRE, expiration_bounded),
    BOUNDED("testOnWindowExpirationSimpleBoundedGlobal", EXPIRE, expiration_bounded_global),
    STREAM("testOnWindowExpirationSimpleUnbounded", EXPIRE, expiration_unbounded),
    STREAM("testOnWindowExpirationSimpleUnboundedGlobal", EXPIRE,
           expiration_unbounded_global),
};
SUITE_TABLE(java_timers, "java", tests);
