/* SPDX-License-Identifier: Apache-2.0 */
/* State and timers on the local runner: order, holds, the end of windows, late elements. */
#include <stdatomic.h>

#include "base/clock.h"
#include "beam/splittable.h"
#include "beam/testing.h"
#include "local_fixture.h"

enum { SUM };
static const beam_state_spec states[] = { [SUM] = BEAM_VALUE_STATE("sum", BEAM_INT64) };
enum { EVENT, CLOCK };
static const beam_timer_spec timers[] = {
    [EVENT] = { "event", BEAM_EVENT_TIME }, [CLOCK] = { "clock", BEAM_PROCESSING_TIME }
};
#define PAIR BEAM_KV(BEAM_INT64, BEAM_INT64)

/* -- the end of windows ---------------------------------------------------------------------- */
static beam_status add(beam_ctx *c, beam_value in)
{
    int64_t sum = beam_as_int64(beam_state_read(c, SUM)) + beam_as_int64(beam_val(in));
    return beam_state_write(c, SUM, beam_int64(sum));
}

static beam_status tell_sum(beam_ctx *c, beam_value key)
{
    return beam_emit_kv(c, key, beam_state_read(c, SUM));
}

static const beam_dofn expiring_fn = { .name = "test.expiring",
                                       .in = PAIR,
                                       .out = PAIR,
                                       .states = BEAM_TABLE(states),
                                       .process = add,
                                       .on_window_expiration = tell_sum };

/* Never looks at the state. */
static beam_status take(beam_ctx *c, beam_value in)
{
    (void)c, (void)in;
    return BEAM_OK;
}

static beam_status tell_end(beam_ctx *c, beam_value key)
{
    return beam_emit_kv(c, key, beam_int64(beam_element_window(c).end));
}

static const beam_dofn forgetful_fn = { .name = "test.forgetful",
                                        .in = PAIR,
                                        .out = PAIR,
                                        .states = BEAM_TABLE(states),
                                        .process = take,
                                        .on_window_expiration = tell_end };

/* -- the order of timers ---------------------------------------------------------------------- */
static beam_status set_three(beam_ctx *c, beam_value in)
{
    (void)in;
    for (int64_t at = 3000; at > 0; at -= 1000) {
        const beam_timer_opts opts = { .tag = beam_span_of(at == 1000   ? "a"
                                                           : at == 2000 ? "b"
                                                                        : "c") };
        BEAM_TRY(beam_timer_set_with(c, EVENT, at, &opts));
    }
    return BEAM_OK;
}

/* The first one clears the second; each tells how many went before. */
static beam_status count_timers(beam_ctx *c, const beam_timer *timer)
{
    int64_t before = beam_as_int64(beam_state_read(c, SUM));
    BEAM_TRY(beam_state_write(c, SUM, beam_int64(before + 1)));
    if (timer->fire_at == 1000) BEAM_TRY(beam_timer_clear(c, EVENT, beam_span_of("b")));
    return beam_emit_kv(c, beam_int64(timer->fire_at), beam_int64(before));
}

static const beam_dofn ordered_fn = { .name = "test.ordered",
                                      .in = PAIR,
                                      .out = PAIR,
                                      .states = BEAM_TABLE(states),
                                      .timers = BEAM_TABLE(timers),
                                      .process = set_three,
                                      .on_timer = count_timers };

/* -- the clock -------------------------------------------------------------------------------- */
static beam_status in_an_hour(beam_ctx *c, beam_value in)
{
    (void)in;
    return beam_timer_set(c, CLOCK, beam_now(c) + 3600000);
}

static beam_status tell_key(beam_ctx *c, const beam_timer *timer)
{
    return beam_emit_kv(c, timer->key, beam_int64(1));
}

static const beam_dofn patient_fn = { .name = "test.patient",
                                      .in = PAIR,
                                      .out = PAIR,
                                      .states = BEAM_TABLE(states),
                                      .timers = BEAM_TABLE(timers),
                                      .process = in_an_hour,
                                      .on_timer = tell_key };

/* Key 1 comes again each 10 s by the worker's clock, key 2 once after 25 s: what each tells
 * is how often the other has come by then. */
enum { ROUNDS = 5 };
static atomic_int rounds, alarms;

static beam_status set_by_key(beam_ctx *c, beam_value in)
{
    beam_millis in_ms = beam_as_int64(beam_key(in)) == 1 ? 10000 : 25000;
    return beam_timer_set(c, CLOCK, beam_now(c) + in_ms);
}

static beam_status come_again(beam_ctx *c, const beam_timer *timer)
{
    if (beam_as_int64(timer->key) == 2) {
        atomic_fetch_add(&alarms, 1);
        return beam_emit_kv(c, timer->key, beam_int64(atomic_load(&rounds)));
    }
    if (atomic_fetch_add(&rounds, 1) + 1 < ROUNDS)
        return beam_timer_set(c, CLOCK, beam_now(c) + 10000);
    return beam_emit_kv(c, timer->key, beam_int64(atomic_load(&alarms)));
}

static const beam_dofn looping_fn = { .name = "test.looping",
                                      .in = PAIR,
                                      .out = PAIR,
                                      .states = BEAM_TABLE(states),
                                      .timers = BEAM_TABLE(timers),
                                      .process = set_by_key,
                                      .on_timer = come_again };

static void add_pair(beam_test_stream *ts, int64_t key, int64_t value, beam_millis at)
{
    const beam_value pair[] = { beam_int64(key), beam_int64(value) };
    beam_test_stream_add(ts, beam_kv(pair), at);
}

static beam_test_stream *begin(void)
{
    return beam_test_stream_begin(p, "Stream", PAIR);
}

START_TEST(windows_expire)
{
    beam_test_stream *ts = begin();
    add_pair(ts, 1, 10, 0);
    add_pair(ts, 1, 20, 500);
    add_pair(ts, 2, 5, 1500);
    beam_test_stream_watermark(ts, 1500);
    add_pair(ts, 1, 100, 700); /* late, within what is allowed */
    beam_test_stream_watermark(ts, 2000);
    add_pair(ts, 1, 1000, 800); /* too late */
    beam_pcoll *in = beam_window_into(beam_test_stream_end(ts), "Seconds",
                                      beam_fixed(beam_seconds(1)),
                                      .allowed_lateness = 900);
    beam_par_do(beam_par_do(in, "Expiring", &expiring_fn), "Collect", &collect_fn);
    expect_done();
    expect_collected("KV{1, 130} KV{2, 5}");
    ck_assert_uint_eq(result.n_dropped_late, 1);
}
END_TEST

START_TEST(windows_without_state_expire)
{
    beam_test_stream *ts = begin();
    add_pair(ts, 1, 10, 0);
    add_pair(ts, 2, 5, 1500);
    add_pair(ts, 1, 20, 1600);
    beam_pcoll *in = beam_window_into(beam_test_stream_end(ts), "Seconds",
                                      beam_fixed(beam_seconds(1)));
    beam_par_do(beam_par_do(in, "Forgetful", &forgetful_fn), "Collect", &collect_fn);
    expect_done();
    expect_collected("KV{1, 1000} KV{1, 2000} KV{2, 2000}");
}
END_TEST

START_TEST(timers_fire_in_order)
{
    beam_test_stream *ts = begin();
    add_pair(ts, 1, 0, 0);
    beam_par_do(beam_par_do(beam_test_stream_end(ts), "Ordered", &ordered_fn), "Collect",
                &collect_fn);
    expect_done();
    expect_collected("KV{1000, 0} KV{3000, 1}");
}
END_TEST

START_TEST(clock_jumps)
{
    beam_test_stream *ts = begin();
    add_pair(ts, 7, 0, 0);
    beam_par_do(beam_par_do(beam_test_stream_end(ts), "Patient", &patient_fn), "Collect",
                &collect_fn);
    job.opts.timeout_ms = 10000;
    expect_done();
    expect_collected("KV{7, 1}");
}
END_TEST

START_TEST(clock_is_the_tests)
{
    beam_test_stream *ts = begin();
    add_pair(ts, 7, 0, 0);
    beam_test_stream_processing_time(ts, 3600000);
    beam_test_stream_watermark(ts, 5000);
    beam_pcoll *told = beam_par_do(beam_test_stream_end(ts), "Patient", &patient_fn);
    beam_assert_that(told, "Told", .lines = "7: 1 @0", .show = BEAM_SHOW_TIMESTAMP);
    expect_done();
}
END_TEST

/* -- input in order of time, with timers between ------------------------------------------------ */
enum { N_TIMED = 600, EACH_MS = 10, SOON_MS = 5, LATER_MS = 502, N_STEPS = 6 };
static beam_millis told[3 * N_TIMED]; /* of one key */
static size_t n_told;

static beam_status set_or_clear(beam_ctx *c, beam_value in)
{
    int64_t what = beam_as_int64(beam_val(in)) % 3;
    beam_millis at = beam_timestamp(c);
    const beam_timer_opts soon = { .tag = beam_span_of("soon") },
                          later = { .tag = beam_span_of("later") };
    told[n_told++] = at;
    if (what == 0) return beam_timer_set_with(c, EVENT, at + SOON_MS, &soon);
    if (what == 1) return beam_timer_set_with(c, EVENT, at + LATER_MS, &later);
    return beam_timer_clear(c, EVENT, later.tag);
}

static beam_status tell_timer(beam_ctx *c, const beam_timer *timer)
{
    (void)c;
    told[n_told++] = timer->fire_at;
    return BEAM_OK;
}

static const beam_dofn between_fn = { .name = "test.between",
                                      .in = PAIR,
                                      .flags = BEAM_TIME_SORTED_INPUT,
                                      .timers = BEAM_TABLE(timers),
                                      .process = set_or_clear,
                                      .on_timer = tell_timer };

/* What an element of value `what` does in the order of time; no two things are at once. */
static size_t expect_between(beam_millis *expected, const int64_t *values)
{
    size_t n = 0;
    beam_millis soon = INT64_MAX, later = INT64_MAX;
    for (beam_millis at = 0; at < N_TIMED * EACH_MS + LATER_MS + EACH_MS; at++) {
        if (at == soon || at == later) {
            expected[n++] = at;
            *(at == soon ? &soon : &later) = INT64_MAX;
        }
        if (at % EACH_MS || at / EACH_MS >= N_TIMED) continue;
        expected[n++] = at;
        int64_t what = values[at / EACH_MS] % 3;
        if (what == 0) soon = at + SOON_MS;
        if (what == 1) later = at + LATER_MS;
        if (what == 2) later = INT64_MAX;
    }
    return n;
}

/* With the watermark in `steps` steps: an element comes in any of those before its own. */
static void timers_between(int steps)
{
    uint32_t random = 7;
    int64_t values[N_TIMED];
    int comes[N_TIMED];
    for (int i = 0; i < N_TIMED; i++) {
        random = random * 1664525u + 1013904223u;
        values[i] = random >> 20;
        comes[i] = (int)(random >> 8 & 0xff) % (i / (N_TIMED / steps) + 1);
    }
    beam_test_stream *ts = begin();
    for (int step = 0; step < steps; step++) {
        for (int i = N_TIMED - 1; i >= 0; i--)
            if (comes[i] == step) add_pair(ts, 1, values[i], (beam_millis)i * EACH_MS);
        if (step + 1 < steps)
            beam_test_stream_watermark(ts, (step + 1) * (N_TIMED / steps) * EACH_MS);
    }
    beam_par_do(beam_test_stream_end(ts), "Between", &between_fn);
    n_told = 0;
    expect_done();
    beam_millis expected[3 * N_TIMED];
    ck_assert_uint_eq(n_told, expect_between(expected, values));
    for (size_t i = 0; i < n_told; i++) ck_assert_int_eq(told[i], expected[i]);
}

START_TEST(timers_fire_between_sorted_elements)
{
    timers_between(1);
}
END_TEST

START_TEST(timers_of_earlier_bundles_fire_between_sorted_elements)
{
    timers_between(N_STEPS);
}
END_TEST

START_TEST(worker_has_the_runners_clock)
{
    beam_test_stream *ts = begin();
    add_pair(ts, 1, 0, 0);
    add_pair(ts, 2, 0, 0);
    beam_par_do(beam_par_do(beam_test_stream_end(ts), "Looping", &looping_fn), "Collect",
                &collect_fn);
    job.opts.timeout_ms = 10000;
    expect_done();
    expect_collected("KV{1, 1} KV{2, 2}");
}
END_TEST

/* Its elements of the next hour are not waited for. */
START_TEST(clock_jumps_for_sources)
{
    beam_millis now = bm_wall_ms();
    beam_pcoll *ticks = beam_periodic_impulse(p, "Ticks", now + beam_minutes(10),
                                              now + beam_hours(1), beam_minutes(10));
    beam_par_do(ticks, "Collect", &collect_fn);
    job.opts.skip_waiting = true;
    job.opts.timeout_ms = 10000;
    expect_done();
    expect_collected("0 1 2 3 4");
}
END_TEST

/* -- a source whose watermark is the clock -- */
static beam_value two(beam_ctx *c, beam_value element)
{
    (void)element;
    return beam_offsets(c, 0, 2);
}

static beam_status tell_lag(beam_ctx *c, beam_value in)
{
    (void)in;
    int64_t at = beam_offset_from(beam_restriction(c));
    if (!beam_claim_offset(c, at)) return BEAM_OK;
    beam_millis lag = beam_now(c) - beam_watermark(c);
    BEAM_TRY(beam_emit_at(c, beam_int64(lag / beam_minutes(1)), beam_now(c)));
    return beam_resume_later(c, beam_hours(1));
}

static const beam_sdf by_the_clock = { .tracker = &beam_offset_tracker,
                                       .initial = two,
                                       .watermark = BEAM_WATERMARK_WALL_TIME,
                                       .unbounded = true };
static const beam_dofn by_the_clock_fn = { .name = "test.by_the_clock",
                                           .in = BEAM_BYTES,
                                           .out = BEAM_INT64,
                                           .sdf = &by_the_clock,
                                           .process = tell_lag };

START_TEST(wall_time_is_the_runners)
{
    beam_pcoll *lags = beam_par_do(beam_impulse(p, "Impulse"), "Clock", &by_the_clock_fn);
    beam_par_do(lags, "Collect", &collect_fn);
    job.opts.skip_waiting = true;
    job.opts.timeout_ms = 10000;
    expect_done();
    expect_collected("0 0");
}
END_TEST

/* -- side inputs with triggers ------------------------------------------------------------------ */
static const beam_side_spec latest[] = {
    { .tag = "latest", .kind = BEAM_SIDE_SINGLETON, .type = BEAM_INT64 }
};

static beam_status with_latest(beam_ctx *c, beam_value in)
{
    return beam_emit_kv(c, beam_val(in), beam_side(c, 0));
}

static const beam_dofn with_latest_fn = { .name = "test.with_latest",
                                          .in = PAIR,
                                          .out = PAIR,
                                          .sides = BEAM_TABLE(latest),
                                          .process = with_latest };

static beam_status value_if_even_key(beam_ctx *c, beam_value in)
{
    return beam_as_int64(beam_key(in)) % 2 ? BEAM_OK : beam_emit(c, beam_val(in));
}

static beam_status odd_key(beam_ctx *c, beam_value in)
{
    return beam_as_int64(beam_key(in)) % 2 ? beam_emit(c, in) : BEAM_OK;
}

static const beam_dofn even_fn = {
    .name = "test.even", .in = PAIR, .out = BEAM_INT64, .process = value_if_even_key
};
static const beam_dofn odd_fn = {
    .name = "test.odd", .in = PAIR, .out = PAIR, .process = odd_key
};

/* Each element sees the side input's pane that has fired last. */
START_TEST(side_input_is_the_latest_pane)
{
    beam_test_stream *ts = begin();
    add_pair(ts, 1, 100, 0); /* waits for the first pane */
    add_pair(ts, 2, 7, 0);
    add_pair(ts, 1, 101, 0);
    add_pair(ts, 2, 8, 0);
    add_pair(ts, 1, 102, 0);
    const beam_trigger each = { .kind = BEAM_TRIGGER_ELEMENT_COUNT, .count = 1 };
    const beam_trigger repeat = { .kind = BEAM_TRIGGER_REPEAT, .arg = { &each } };
    beam_pcoll *in = beam_test_stream_end(ts);
    beam_pcoll *side = beam_window_into(beam_par_do(in, "Even", &even_fn), "Each",
                                        beam_global(), .trigger = &repeat,
                                        .accumulation = BEAM_DISCARDING);
    beam_pcoll *main = beam_par_do(in, "Odd", &odd_fn);
    beam_par_do(beam_par_do(main, "WithLatest", &with_latest_fn, .sides = { side }),
                "Collect", &collect_fn);
    expect_done();
    expect_collected("KV{100, 7} KV{101, 7} KV{102, 8}");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { windows_expire, windows_without_state_expire,
                                   timers_fire_in_order, clock_jumps, clock_is_the_tests,
                                   timers_fire_between_sorted_elements,
                                   timers_of_earlier_bundles_fire_between_sorted_elements,
                                   worker_has_the_runners_clock, clock_jumps_for_sources,
                                   wall_time_is_the_runners,
                                   side_input_is_the_latest_pane };
    return run_suite("local_state", tests, BEAM_COUNT(tests));
}
