/* SPDX-License-Identifier: Apache-2.0 */
/* Many of everything on the local runner: what grew with their square would not end in the
 * time that the tests have. */
#include "local_fixture.h"

#define PAIR BEAM_KV(BEAM_INT64, BEAM_INT64)
enum { MANY = 100000, STAGES = 300, STEPS = 1000 };

/* KV{0, i}, the last one first in event time. */
static beam_status scatter(beam_ctx *c, beam_value in)
{
    (void)in;
    for (int64_t i = 0; i < MANY; i++) {
        const beam_value kv[] = { beam_int64(0), beam_int64(i) };
        BEAM_TRY(beam_emit_at(c, beam_kv(kv), MANY - i));
    }
    return BEAM_OK;
}
static const beam_dofn scatter_fn = {
    .name = "test.scatter", .in = BEAM_BYTES, .out = PAIR, .process = scatter
};

static beam_pcoll *scattered(void)
{
    return beam_par_do(beam_impulse(p, "Impulse"), "Scatter", &scatter_fn);
}

/* -- input in order of time -------------------------------------------------------------------- */
enum { LAST };
static const beam_state_spec last[] = { [LAST] = BEAM_VALUE_STATE("last", BEAM_INT64) };

static beam_status check_order(beam_ctx *c, beam_value in)
{
    (void)in;
    if (beam_as_int64(beam_state_read(c, LAST)) + 1 == beam_timestamp(c))
        beam_counter_add(c, "in_order", 1);
    return beam_state_write(c, LAST, beam_int64(beam_timestamp(c)));
}
static const beam_dofn check_order_fn = { .name = "test.check_order",
                                          .in = PAIR,
                                          .flags = BEAM_TIME_SORTED_INPUT,
                                          .states = BEAM_TABLE(last),
                                          .process = check_order };

START_TEST(many_elements_are_sorted)
{
    beam_par_do(scattered(), "CheckOrder", &check_order_fn);
    expect_done();
    ck_assert_uint_lt(result.n_bundles, MANY / 100);
    ck_assert_int_eq(counter("in_order"), MANY);
}
END_TEST

/* Each sets the one timer anew, for the last moment of its thousand. */
static const beam_timer_spec thousands[] = { { "thousand", BEAM_EVENT_TIME } };

static beam_status set_timer(beam_ctx *c, beam_value in)
{
    BEAM_TRY(check_order(c, in));
    return beam_timer_set(c, 0, beam_timestamp(c) / 1000 * 1000 + 999);
}

static beam_status check_timer(beam_ctx *c, const beam_timer *timer)
{
    beam_millis latest = beam_as_int64(beam_state_read(c, LAST));
    if (latest == timer->fire_at) beam_counter_add(c, "timers_in_order", 1);
    return BEAM_OK;
}
static const beam_dofn beside_timers_fn = { .name = "test.beside_timers",
                                            .in = PAIR,
                                            .flags = BEAM_TIME_SORTED_INPUT,
                                            .states = BEAM_TABLE(last),
                                            .timers = BEAM_TABLE(thousands),
                                            .process = set_timer,
                                            .on_timer = check_timer };

START_TEST(many_elements_are_sorted_beside_timers)
{
    beam_par_do(scattered(), "BesideTimers", &beside_timers_fn);
    expect_done();
    ck_assert_uint_lt(result.n_bundles, MANY / 100);
    ck_assert_int_eq(counter("in_order"), MANY);
    ck_assert_int_eq(counter("timers_in_order"), MANY / 1000);
}
END_TEST

/* -- an ordered list ----------------------------------------------------------------------------- */
enum { LIST };
static const beam_state_spec lists[] = { [LIST] = BEAM_ORDERED_LIST_STATE("list", BEAM_INT64) };

static beam_status insert(beam_ctx *c, beam_value in)
{
    return beam_state_insert(c, LIST, beam_timestamp(c), beam_val(in));
}

static beam_status tell_order(beam_ctx *c, beam_value key)
{
    (void)key;
    int64_t next = 1;
    beam_iter *all = beam_state_iter(c, LIST);
    for (beam_value v; beam_next(all, &v);)
        if (beam_as_int64(beam_key(v)) == next++) beam_counter_add(c, "in_order", 1);
    return BEAM_OK;
}
static const beam_dofn insert_fn = { .name = "test.insert",
                                     .in = PAIR,
                                     .states = BEAM_TABLE(lists),
                                     .process = insert,
                                     .on_window_expiration = tell_order };

START_TEST(a_list_of_many)
{
    beam_par_do(scattered(), "Insert", &insert_fn);
    expect_done();
    ck_assert_int_eq(counter("in_order"), MANY);
}
END_TEST

/* -- elements that wait for a side input that comes in many bundles ------------------------------- */
static const beam_side_spec table[] = { { "table", BEAM_SIDE_MULTIMAP, PAIR, NULL, NULL } };

static beam_status look_up(beam_ctx *c, beam_value in)
{
    if (beam_as_int64(beam_val(in)) % (MANY / 10)) return BEAM_OK;
    beam_iter *values = beam_side_lookup(c, 0, beam_int64(0));
    for (beam_value v; beam_next(values, &v);) beam_counter_add(c, "found", 1);
    return BEAM_OK;
}
static const beam_dofn look_up_fn = {
    .name = "test.look_up", .in = PAIR, .sides = BEAM_TABLE(table), .process = look_up
};

static beam_status pass(beam_ctx *c, beam_value in)
{
    return beam_emit(c, in);
}
static const beam_dofn pass_fn = {
    .name = "test.pass", .in = PAIR, .out = PAIR, .process = pass
};

START_TEST(many_wait_for_a_side_input)
{
    beam_pcoll *main = scattered();
    beam_pcoll *side = beam_par_do(beam_reshuffle(main, "Shuffle"), "Pass", &pass_fn);
    beam_par_do(main, "LookUp", &look_up_fn, .sides = { side });
    expect_done();
    ck_assert_int_eq(counter("found"), 10 * MANY);
}
END_TEST

/* -- pipelines ------------------------------------------------------------------------------------ */
static beam_status one(beam_ctx *c, beam_value in)
{
    (void)in;
    return beam_emit_kv(c, beam_int64(0), beam_int64(1));
}
static const beam_dofn one_fn = {
    .name = "test.one", .in = BEAM_BYTES, .out = PAIR, .process = one
};

static beam_pcoll *add_steps(size_t n, bool shuffled)
{
    beam_pcoll *at = beam_par_do(beam_impulse(p, "Impulse"), "One", &one_fn);
    for (size_t i = 0; i < n; i++) {
        if (shuffled) at = beam_reshuffle(at, beam_pipeline_format(p, "Shuffle%zu", i));
        at = beam_par_do(at, beam_pipeline_format(p, "Pass%zu", i), &pass_fn);
    }
    return at;
}

START_TEST(many_stages)
{
    beam_par_do(add_steps(STAGES, true), "Collect", &collect_fn);
    expect_done();
    expect_collected("KV{0, 1}");
}
END_TEST

START_TEST(many_steps_of_a_stage)
{
    beam_par_do(add_steps(STEPS, false), "Collect", &collect_fn);
    expect_done();
    expect_collected("KV{0, 1}");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { many_elements_are_sorted,
                                   many_elements_are_sorted_beside_timers, a_list_of_many,
                                   many_wait_for_a_side_input, many_stages,
                                   many_steps_of_a_stage };
    return run_suite("local_growth", tests, BEAM_COUNT(tests));
}
