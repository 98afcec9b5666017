/* SPDX-License-Identifier: Apache-2.0 */
#include "fns/fn_spec.h"
#include "proto_test.h"

static bm_arena arena;
static beam_pipeline *p;

static void set_up(void)
{
    bm_arena_init(&arena, 0);
    p = beam_pipeline_new();
}

static void tear_down(void)
{
    beam_pipeline_free(p);
    bm_arena_free(&arena);
}

/* The strategy of a window_into with these options, from the pipeline proto. */
static bm_pb_windowing *strategy(const beam_window_opts *opts)
{
    beam_window_into_with(beam_impulse(p, "Impulse"), "Window", opts);
    const bm_pb_pipeline *m = proto_of(p, NULL, &arena);
    return windowing_of(m, pcoll_of(m, "Window.out")->windowing_strategy_id);
}

static bm_pb_trigger *trigger_of(const beam_trigger *trigger)
{
    return strategy(&(beam_window_opts){ .fn = beam_fixed(1000), .trigger = trigger })
        ->trigger;
}

START_TEST(global_by_default)
{
    const bm_pb_windowing *w = strategy(&(beam_window_opts){ .fn = beam_global() });
    ck_assert_str_eq(w->window_fn->urn, "beam:window_fn:global_windows:v1");
    ck_assert_int_eq(w->merge_status, PB__MERGE_STATUS__ENUM__NON_MERGING);
    ck_assert_int_eq(w->trigger->trigger_case, PB__TRIGGER__TRIGGER_DEFAULT);
    ck_assert_int_eq(w->accumulation_mode, PB__ACCUMULATION_MODE__ENUM__DISCARDING);
    ck_assert_int_eq(w->output_time, PB__OUTPUT_TIME__ENUM__END_OF_WINDOW);
    ck_assert_int_eq(w->closing_behavior, PB__CLOSING_BEHAVIOR__ENUM__EMIT_IF_NONEMPTY);
    ck_assert_int_eq(w->on_time_behavior, PB__ON_TIME_BEHAVIOR__ENUM__FIRE_ALWAYS);
    ck_assert(w->assigns_to_one_window);
    ck_assert_str_eq(w->environment_id, "c");
    ck_assert_str_eq(w->window_coder_id, "global_window");
}
END_TEST

START_TEST(fixed_with_everything_set)
{
    const bm_pb_windowing *w = strategy(&(beam_window_opts){
        .fn = { .kind = BEAM_WINDOW_FIXED, .size = 1500, .offset = 250 },
        .accumulation = BEAM_ACCUMULATING,
        .allowed_lateness = 30000,
        .timestamp_combiner = BEAM_AT_LATEST,
        .closing = BEAM_CLOSE_ALWAYS,
        .on_time = BEAM_ON_TIME_IF_NONEMPTY,
    });
    const bm_pb_fixed_windows *fn = (const bm_pb_fixed_windows *)bm_pb_unpack(
        &arena, &pb__fixed_windows_payload__descriptor, bm_pb_span(w->window_fn->payload),
        9);
    ck_assert_str_eq(w->window_fn->urn, "beam:window_fn:fixed_windows:v1");
    ck_assert_int_eq(fn->size->seconds, 1);
    ck_assert_int_eq(fn->size->nanos, 500000000);
    ck_assert_int_eq(fn->offset->seconds, 0);
    ck_assert_int_eq(fn->offset->nanos, 250000000);
    ck_assert_int_eq(w->accumulation_mode, PB__ACCUMULATION_MODE__ENUM__ACCUMULATING);
    ck_assert_int_eq(w->output_time, PB__OUTPUT_TIME__ENUM__LATEST_IN_PANE);
    ck_assert_int_eq(w->closing_behavior, PB__CLOSING_BEHAVIOR__ENUM__EMIT_ALWAYS);
    ck_assert_int_eq(w->on_time_behavior, PB__ON_TIME_BEHAVIOR__ENUM__FIRE_IF_NONEMPTY);
    ck_assert_int_eq(w->allowed_lateness, 30000);
    ck_assert_str_eq(w->window_coder_id, "interval_window");
}
END_TEST

START_TEST(sliding_windows)
{
    const bm_pb_windowing *w = strategy(
        &(beam_window_opts){ .fn = beam_sliding(60000, 5000) });
    const bm_pb_sliding_windows *fn = (const bm_pb_sliding_windows *)bm_pb_unpack(
        &arena, &pb__sliding_windows_payload__descriptor,
        bm_pb_span(w->window_fn->payload), 9);
    ck_assert_int_eq(fn->size->seconds, 60);
    ck_assert_int_eq(fn->period->seconds, 5);
    ck_assert(!w->assigns_to_one_window);
}
END_TEST

START_TEST(sessions_merge)
{
    beam_pcoll *in = beam_par_do(
        beam_impulse(p, "Impulse"), "Key",
        &(beam_dofn){ .name = "test.key",
                       .in = BEAM_BYTES,
                       .out = BEAM_KV(BEAM_BYTES, BEAM_BYTES),
                       .process = (beam_status(*)(beam_ctx *, beam_value))beam_emit });
    beam_group_by_key(beam_window_into(in, "Sessions", beam_sessions(2500)), "Group");
    const bm_pb_pipeline *m = proto_of(p, NULL, &arena);
    const bm_pb_windowing *before = windowing_of(
        m, pcoll_of(m, "Sessions.out")->windowing_strategy_id);
    const bm_pb_windowing *after = windowing_of(
        m, pcoll_of(m, "Group.out")->windowing_strategy_id);
    const bm_pb_session_windows *fn = (const bm_pb_session_windows *)bm_pb_unpack(
        &arena, &pb__session_windows_payload__descriptor,
        bm_pb_span(before->window_fn->payload), 9);
    ck_assert_int_eq(fn->gap_size->seconds, 2);
    ck_assert_int_eq(before->merge_status, PB__MERGE_STATUS__ENUM__NEEDS_MERGE);
    ck_assert_int_eq(after->merge_status, PB__MERGE_STATUS__ENUM__ALREADY_MERGED);
}
END_TEST

START_TEST(equal_strategies_are_one)
{
    beam_pcoll *in = beam_impulse(p, "Impulse");
    beam_pcoll *a = beam_window_into(in, "A", beam_fixed(1000));
    beam_window_into(in, "B", beam_fixed(1000));
    beam_window_into(a, "C", beam_fixed(1000), .allowed_lateness = 1);
    const bm_pb_pipeline *m = proto_of(p, NULL, &arena);
    ck_assert_uint_eq(m->components->n_windowing_strategies, 3);
    ck_assert_str_eq(pcoll_of(m, "A.out")->windowing_strategy_id,
                     pcoll_of(m, "B.out")->windowing_strategy_id);
    ck_assert_str_eq(pcoll_of(m, "C.out")->windowing_strategy_id,
                     "fixed windows 1000 ms (2)");
}
END_TEST

START_TEST(end_of_window_with_early_and_late)
{
    const bm_pb_trigger *t = trigger_of(BEAM_AFTER_END_OF_WINDOW(
        BEAM_REPEAT(BEAM_AFTER_PROCESSING_TIME(5000)), BEAM_REPEAT(BEAM_AFTER_COUNT(1))));
    ck_assert_int_eq(t->trigger_case, PB__TRIGGER__TRIGGER_AFTER_END_OF_WINDOW);
    /* They repeat by themselves. */
    const bm_pb_trigger *early = t->after_end_of_window->early_firings;
    ck_assert_int_eq(early->trigger_case, PB__TRIGGER__TRIGGER_AFTER_PROCESSING_TIME);
    const bm_pb_trigger_time *time = early->after_processing_time;
    ck_assert_uint_eq(time->n_timestamp_transforms, 1);
    ck_assert_int_eq(time->timestamp_transforms[0]->delay->delay_millis, 5000);
    const bm_pb_trigger *late = t->after_end_of_window->late_firings;
    ck_assert_int_eq(late->element_count->element_count, 1);
}
END_TEST

START_TEST(processing_time_is_aligned)
{
    static const beam_trigger aligned = { .kind = BEAM_TRIGGER_AFTER_PROCESSING_TIME,
                                          .delay = 10,
                                          .align_period = 60000,
                                          .align_offset = 7 };
    const bm_pb_trigger_time *time =
        trigger_of(BEAM_REPEAT(&aligned))->repeat->subtrigger->after_processing_time;
    ck_assert_uint_eq(time->n_timestamp_transforms, 2);
    ck_assert_int_eq(time->timestamp_transforms[1]->align_to->period, 60000);
    ck_assert_int_eq(time->timestamp_transforms[1]->align_to->offset, 7);
}
END_TEST

START_TEST(every_other_trigger)
{
    static const beam_trigger sync = {
        .kind = BEAM_TRIGGER_AFTER_SYNCHRONIZED_PROCESSING_TIME
    };
    static const beam_trigger by_default = { .kind = BEAM_TRIGGER_DEFAULT };
    const bm_pb_trigger *t = trigger_of(BEAM_AFTER_EACH(
        BEAM_AFTER_ALL(BEAM_AFTER_COUNT(2), &sync),
        BEAM_AFTER_ANY(BEAM_NEVER, BEAM_AFTER_COUNT(9)),
        BEAM_OR_FINALLY(BEAM_REPEAT(BEAM_ALWAYS), BEAM_AFTER_COUNT(4)), &by_default));
    ck_assert_int_eq(t->trigger_case, PB__TRIGGER__TRIGGER_AFTER_EACH);
    ck_assert_uint_eq(t->after_each->n_subtriggers, 4);
    bm_pb_trigger *const *sub = t->after_each->subtriggers;
    ck_assert_int_eq(sub[0]->trigger_case, PB__TRIGGER__TRIGGER_AFTER_ALL);
    ck_assert_int_eq(sub[0]->after_all->subtriggers[1]->trigger_case,
                     PB__TRIGGER__TRIGGER_AFTER_SYNCHRONIZED_PROCESSING_TIME);
    ck_assert_int_eq(sub[1]->trigger_case, PB__TRIGGER__TRIGGER_AFTER_ANY);
    ck_assert_int_eq(sub[1]->after_any->subtriggers[0]->trigger_case,
                     PB__TRIGGER__TRIGGER_NEVER);
    ck_assert_int_eq(sub[2]->trigger_case, PB__TRIGGER__TRIGGER_OR_FINALLY);
    ck_assert_int_eq(sub[2]->or_finally->main->repeat->subtrigger->trigger_case,
                     PB__TRIGGER__TRIGGER_ALWAYS);
    ck_assert_int_eq(sub[2]->or_finally->finally->element_count->element_count, 4);
    ck_assert_int_eq(sub[3]->trigger_case, PB__TRIGGER__TRIGGER_DEFAULT);
}
END_TEST

static beam_status assign(beam_ctx *c, beam_value element, beam_millis t)
{
    (void)c, (void)element, (void)t;
    return BEAM_OK;
}
static beam_status merge(beam_ctx *c, const beam_window *windows, size_t n)
{
    (void)c, (void)windows, (void)n;
    return BEAM_OK;
}

static void expect_fn(const bm_pb_function_spec *pb, const char *name)
{
    bm_fn_spec spec;
    ck_assert_str_eq(pb->urn, "beam:window_fn:c:v1");
    ck_assert_int_eq(bm_fn_spec_decode(bm_pb_span(pb->payload), &spec, NULL), BEAM_OK);
    ck_assert(beam_span_equal(spec.name, beam_span_of(name)));
    ck_assert(beam_span_equal(spec.config, beam_span_of("config")));
}

static beam_window_opts custom(const beam_custom_windows *windows)
{
    beam_window_opts opts = { .fn = beam_custom(windows) };
    opts.fn.config = beam_span_of("config");
    return opts;
}

START_TEST(another_stands_in_for_windows_that_only_lie_in_time)
{
    static const beam_custom_windows days = { .name = "test.days", .assign = assign };
    const beam_window_opts opts = custom(&days);
    const bm_pb_windowing *w = strategy(&opts);
    ck_assert_str_eq(w->window_fn->urn, "beam:window_fn:fixed_windows:v1");
    ck_assert_int_eq(w->merge_status, PB__MERGE_STATUS__ENUM__NON_MERGING);
    ck_assert(!w->assigns_to_one_window);
    ck_assert_str_eq(w->window_coder_id, "interval_window");
    const bm_pb_pipeline *m = proto_of(p, NULL, &arena);
    const bm_pb_window_into *into = (const bm_pb_window_into *)bm_pb_unpack(
        &arena, &pb__window_into_payload__descriptor,
        bm_pb_span(transform_of(m, "Window")->spec->payload), 100);
    expect_fn(into->window_fn, "test.days");
}
END_TEST

START_TEST(others_are_shown_as_they_are)
{
    static const beam_custom_windows visits = { .name = "test.visits", .assign = assign,
                                                .merge = merge };
    static const beam_custom_windows named = { .name = "test.named", .assign = assign,
                                               .custom_windows = true };
    const beam_window_opts merging = custom(&visits), with_bytes = custom(&named);
    const bm_pb_windowing *w = strategy(&merging);
    expect_fn(w->window_fn, "test.visits");
    ck_assert_int_eq(w->merge_status, PB__MERGE_STATUS__ENUM__NEEDS_MERGE);
    ck_assert_str_eq(w->window_coder_id, "interval_window");

    beam_window_into_with(beam_impulse(p, "Impulse 2"), "Named", &with_bytes);
    const bm_pb_pipeline *m = proto_of(p, NULL, &arena);
    w = windowing_of(m, pcoll_of(m, "Named.out")->windowing_strategy_id);
    expect_fn(w->window_fn, "test.named");
    const bm_pb_coder *coder = coder_of(m, w->window_coder_id);
    ck_assert_str_eq(coder->spec->urn, "beam:coder:custom_window:v1");
    ck_assert_str_eq(coder_of(m, coder->component_coder_ids[0])->spec->urn,
                     BM_URN_WINDOW_CODER);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("windowing_proto");
    TCase *tests = tcase_create("windowing_proto");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, global_by_default);
    tcase_add_test(tests, fixed_with_everything_set);
    tcase_add_test(tests, sliding_windows);
    tcase_add_test(tests, sessions_merge);
    tcase_add_test(tests, another_stands_in_for_windows_that_only_lie_in_time);
    tcase_add_test(tests, others_are_shown_as_they_are);
    tcase_add_test(tests, equal_strategies_are_one);
    tcase_add_test(tests, end_of_window_with_early_and_late);
    tcase_add_test(tests, processing_time_is_aligned);
    tcase_add_test(tests, every_other_trigger);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
