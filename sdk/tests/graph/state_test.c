/* SPDX-License-Identifier: Apache-2.0 */
/* What DoFns declare of state and timers. */
#include "graph_test.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"

static beam_status test_on_timer(beam_ctx *c, const beam_timer *timer)
{
    return BEAM_OK;
}

static beam_status test_expiration(beam_ctx *c, beam_value key)
{
    return BEAM_OK;
}

static const beam_type pair_type = { BEAM_KIND_KV, { BEAM_STRING, BEAM_INT64 }, NULL, NULL };
#define PAIR (&pair_type)

/* A ParDo of a DoFn with one state over the pairs. */
static void declare(beam_state_spec state)
{
    beam_dofn fn = { .name = "t.fn", .in = PAIR, .process = test_process };
    fn.states.at = &state;
    fn.states.n = 1;
    beam_par_do(pairs(), "Do", &fn);
}

static void declare_timer(beam_timer_spec timer)
{
    beam_dofn fn = { .name = "t.fn", .in = PAIR, .process = test_process,
                     .on_timer = test_on_timer };
    fn.timers.at = &timer;
    fn.timers.n = 1;
    beam_par_do(pairs(), "Do", &fn);
}

static const beam_state_spec any_states[] = {
    BEAM_VALUE_STATE("v", BEAM_ANY),
    BEAM_BAG_STATE("b", BEAM_KV(BEAM_ANY, BEAM_BYTES)),
    BEAM_MAP_STATE("m", BEAM_ANY, BEAM_ANY),
    BEAM_COMBINING_STATE("c", &beam_mean_int64),
};
static const beam_dofn any_fn = { .name = "t.fn", .in = PAIR, .process = test_process,
                              .states = BEAM_TABLE(any_states) };

START_TEST(types_are_made_whole)
{
    const beam_pcoll *made = beam_par_do(pairs(), "Do", &any_fn);
    expect_no_error();
    const bm_step *step = made->producer;
    const char *const expected[] = { "INT64", "KV<INT64, BYTES>", "INT64", NULL };
    for (size_t i = 0; expected[i]; i++)
        ck_assert_str_eq(bm_type_text(&p->arena, step->state_types[i]), expected[i]);
    ck_assert_str_eq(bm_type_text(&p->arena, step->state_keys[2]), "STRING");
    ck_assert(beam_type_equal(step->state_types[3], beam_mean_int64.acc));
}
END_TEST

START_TEST(state_needs_keys)
{
    static const beam_state_spec states[] = { BEAM_VALUE_STATE("v", BEAM_INT64) };
    static const beam_dofn fn = { .name = "t.fn", .in = BEAM_ANY, .process = test_process,
                                  .states = BEAM_TABLE(states) };
    beam_par_do(words(), "Do", &fn);
    expect_error(BEAM_ETYPE, "Do: DoFn 't.fn' has state or timers, which are per key, but "
                             "'Words' holds STRING: make KVs of its elements first");
}
END_TEST

START_TEST(keys_need_one_encoding)
{
    static const beam_state_spec states[] = { BEAM_VALUE_STATE("v", BEAM_INT64) };
    static const beam_dofn fn = { .name = "t.fn", .in = BEAM_ANY, .process = test_process,
                                  .states = BEAM_TABLE(states) };
    beam_par_do(input_of(BEAM_KV(BEAM_ITERABLE(BEAM_INT64), BEAM_INT64)), "Do", &fn);
    expect_error(BEAM_ETYPE,
                 "Do: DoFn 't.fn' has state or timers, which need keys with one encoding each, "
                 "but the keys of 'Input', ITERABLE<INT64>, hold an iterable, which has more "
                 "than one encoding: use another key");
}
END_TEST

START_TEST(tags_are_unique)
{
    static const beam_state_spec states[] = { BEAM_VALUE_STATE("v", BEAM_INT64),
                                              BEAM_BAG_STATE("v", BEAM_INT64) };
    static const beam_dofn fn = { .name = "t.fn", .in = PAIR, .process = test_process,
                                  .states = BEAM_TABLE(states) };
    beam_par_do(pairs(), "Do", &fn);
    expect_error(BEAM_EINVAL, "Do: DoFn 't.fn', state 'v': another state has this tag: rename "
                              "one of them");
}
END_TEST

START_TEST(families_are_unique)
{
    static const beam_timer_spec timers[] = { { "t", BEAM_EVENT_TIME },
                                              { "t", BEAM_PROCESSING_TIME } };
    static const beam_dofn fn = { .name = "t.fn", .in = PAIR, .process = test_process,
                                  .timers = BEAM_TABLE(timers), .on_timer = test_on_timer };
    beam_par_do(pairs(), "Do", &fn);
    expect_error(BEAM_EINVAL, "Do: DoFn 't.fn', timer 't': another timer has this name: rename "
                              "one of them");
}
END_TEST

/* -- one mistake each ------------------------------------------------------------------ */
static const struct mistake {
    beam_state_spec state;
    beam_status status;
    const char *message;
} mistakes[] = {
    { { NULL, BEAM_STATE_VALUE, BEAM_INT64, NULL, NULL }, BEAM_EINVAL,
      "Do: DoFn 't.fn', state '(no name)': it has no name: give it one" },
    { { "beam.x", BEAM_STATE_VALUE, BEAM_INT64, NULL, NULL }, BEAM_EINVAL,
      "Do: DoFn 't.fn', state 'beam.x': names that begin with 'beam.' are the SDK's own: rename "
      "it" },
    { { "x", (beam_state_kind)99, BEAM_INT64, NULL, NULL }, BEAM_EINVAL,
      "Do: DoFn 't.fn', state 'x': its kind is none of beam_state_kind: use BEAM_VALUE_STATE() "
      "or the like" },
    { { "x", BEAM_STATE_BAG, NULL, NULL, NULL }, BEAM_EINVAL,
      "Do: DoFn 't.fn', state 'x': there is no type for its values" },
    { { "x", BEAM_STATE_COMBINING, NULL, NULL, NULL }, BEAM_EINVAL,
      "Do: DoFn 't.fn', state 'x': it needs a CombineFn with .in, .acc, .add, .merge and "
      ".extract" },
    { { "x", BEAM_STATE_SET, BEAM_ITERABLE(BEAM_INT64), NULL, NULL }, BEAM_EINVAL,
      "Do: DoFn 't.fn', state 'x': its values, ITERABLE<INT64>, must have one encoding each, but "
      "hold an iterable, which has more than one encoding" },
    { { "x", BEAM_STATE_MAP, BEAM_INT64, NULL, NULL }, BEAM_EINVAL,
      "Do: DoFn 't.fn', state 'x': there is no type for its keys" },
};

START_TEST(a_mistake_is_told)
{
    for (size_t i = 0; i < BEAM_COUNT(mistakes); i++) {
        beam_pipeline_free(p);
        p = beam_pipeline_new();
        declare(mistakes[i].state);
        expect_error(mistakes[i].status, mistakes[i].message);
    }
}
END_TEST

START_TEST(a_timer_needs_a_domain)
{
    declare_timer((beam_timer_spec){ "t", (beam_time_domain)0 });
    expect_error(BEAM_EINVAL, "Do: DoFn 't.fn', timer 't': its domain is neither "
                              "BEAM_EVENT_TIME nor BEAM_PROCESSING_TIME");
}
END_TEST

START_TEST(timers_need_on_timer)
{
    static const beam_timer_spec timers[] = { { "t", BEAM_EVENT_TIME } };
    static const beam_dofn fn = { .name = "t.fn", .in = PAIR, .process = test_process,
                                  .timers = BEAM_TABLE(timers) };
    beam_par_do(pairs(), "Do", &fn);
    expect_error(BEAM_EINVAL, "Do: DoFn 't.fn' has timers but no .on_timer");
}
END_TEST

START_TEST(on_timer_needs_timers)
{
    static const beam_dofn fn = { .name = "t.fn", .in = PAIR, .process = test_process,
                                  .on_timer = test_on_timer };
    beam_par_do(pairs(), "Do", &fn);
    expect_error(BEAM_EINVAL, "Do: DoFn 't.fn' has .on_timer but no timers: list them in "
                              ".timers");
}
END_TEST

START_TEST(the_end_of_windows_is_for_state)
{
    static const beam_dofn fn = { .name = "t.fn", .in = PAIR, .process = test_process,
                                  .on_window_expiration = test_expiration };
    beam_par_do(pairs(), "Do", &fn);
    expect_error(BEAM_EINVAL, "Do: DoFn 't.fn' has .on_window_expiration but no state: it would "
                              "never be called");
}
END_TEST

START_TEST(sorting_is_for_state)
{
    static const beam_dofn fn = { .name = "t.fn", .in = PAIR, .process = test_process,
                                  .flags = BEAM_TIME_SORTED_INPUT };
    beam_par_do(pairs(), "Do", &fn);
    expect_error(BEAM_EINVAL, "Do: DoFn 't.fn' has BEAM_TIME_SORTED_INPUT but neither state nor "
                              "timers: the order would make no difference");
}
END_TEST

START_TEST(windows_that_merge_have_no_state)
{
    beam_pcoll *sessions = beam_window_into(pairs(), "Sessions", beam_sessions(beam_seconds(5)));
    static const beam_state_spec states[] = { BEAM_VALUE_STATE("v", BEAM_INT64) };
    static const beam_dofn fn = { .name = "t.fn", .in = PAIR, .process = test_process,
                                  .states = BEAM_TABLE(states) };
    beam_par_do(sessions, "Do", &fn);
    expect_error(BEAM_EINVAL, "Do: DoFn 't.fn' has state or timers, which do not go with windows "
                              "that merge: group by key first, or use other windows");
}
END_TEST

RUN("graph/state", types_are_made_whole, state_needs_keys, keys_need_one_encoding,
    tags_are_unique, families_are_unique, a_timer_needs_a_domain, timers_need_on_timer,
    on_timer_needs_timers, the_end_of_windows_is_for_state, sorting_is_for_state,
    windows_that_merge_have_no_state, a_mistake_is_told)
