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

static beam_status pass(beam_ctx *c, beam_value in)
{
    return beam_emit(c, in);
}

static const beam_output_spec split_outputs[] = { { "short", BEAM_STRING },
                                                  { "bad", BEAM_BYTES } };
static const beam_dofn split_fn = { .name = "test.split",
                                    .in = BEAM_STRING,
                                    .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                    .outputs = BEAM_TABLE(split_outputs),
                                    .process = pass };
static const beam_dofn start_fn = {
    .name = "test.start", .in = BEAM_BYTES, .out = BEAM_STRING, .process = pass
};

static void add(beam_ctx *c, void *acc, beam_value in)
{
    (void)c;
    *(int64_t *)acc += beam_as_int64(in);
}
static void merge(beam_ctx *c, void *acc, const void *other)
{
    (void)c;
    *(int64_t *)acc += *(const int64_t *)other;
}
static beam_value extract(beam_ctx *c, const void *acc)
{
    (void)c;
    return beam_int64(*(const int64_t *)acc);
}
static const beam_combine total = { .name = "test.total",
                                    .in = BEAM_INT64,
                                    .acc = BEAM_INT64,
                                    .out = BEAM_INT64,
                                    .acc_size = sizeof(int64_t),
                                    .add = add,
                                    .merge = merge,
                                    .extract = extract };

static beam_value save(beam_ctx *c, const void *acc)
{
    return extract(c, acc);
}
static void load(beam_ctx *c, void *acc, beam_value saved)
{
    add(c, acc, saved);
}
static const beam_combine maybe = { .name = "test.maybe",
                                    .in = BEAM_NULLABLE(BEAM_INT64),
                                    .acc = BEAM_NULLABLE(BEAM_INT64),
                                    .out = BEAM_INT64,
                                    .acc_size = sizeof(int64_t),
                                    .add = add,
                                    .merge = merge,
                                    .save = save,
                                    .load = load,
                                    .extract = extract };

static beam_pcoll *start(void)
{
    return beam_par_do(beam_impulse(p, "Impulse"), "Start", &start_fn);
}

static bm_pb_par_do *par_do_of(const bm_pb_transform *t)
{
    return (bm_pb_par_do *)bm_pb_unpack(&arena, &pb__par_do_payload__descriptor,
                                        bm_pb_span(t->spec->payload), 100);
}

static bm_pb_combine *combine_of(const bm_pb_transform *t)
{
    return (bm_pb_combine *)bm_pb_unpack(&arena, &pb__combine_payload__descriptor,
                                         bm_pb_span(t->spec->payload), 100);
}

static beam_window same(beam_window main)
{
    return main;
}
static const beam_window_mapping same_mapping = { "test.same", same };
static const beam_side_spec sides[] = {
    { "one", BEAM_SIDE_SINGLETON, BEAM_STRING, NULL, NULL },
    { "map", BEAM_SIDE_MAP, BEAM_ANY, NULL, &same_mapping },
};
static const beam_dofn with_sides_fn = { .name = "test.with_sides",
                                         .in = BEAM_STRING,
                                         .out = BEAM_STRING,
                                         .process = pass,
                                         .sides = BEAM_TABLE(sides) };

/* Of a collection. */
#define expect_coder(m, pcoll, id) ck_assert_str_eq(pcoll_of((m), (pcoll))->coder_id, (id))

static const bm_pb_side_input *side_of(const bm_pb_par_do *par_do, const char *tag)
{
    for (size_t i = 0; i < par_do->n_side_inputs; i++)
        if (!strcmp(par_do->side_inputs[i]->key, tag)) return par_do->side_inputs[i]->value;
    ck_abort_msg("no side input %s", tag);
    return NULL;
}

START_TEST(side_inputs_are_inputs_with_a_way_to_read_them)
{
    beam_pcoll *main = start();
    beam_pcoll *fixed = beam_window_into(main, "Fixed", beam_fixed(1000));
    beam_pcoll *kvs = beam_par_do(main, "Split", &split_fn);
    beam_par_do(main, "Sides", &with_sides_fn, .sides = { fixed, kvs });
    bm_pb_pipeline *m = proto_of(p, NULL, &arena);
    check_whole(m);
    const bm_pb_transform *t = transform_of(m, "Sides");
    ck_assert_str_eq(input_of(t, "in"), "Start.out");
    ck_assert_str_eq(input_of(t, "one"), "Fixed.out");
    ck_assert_str_eq(input_of(t, "map"), "Split.out");

    const bm_pb_par_do *par_do = par_do_of(t);
    ck_assert_uint_eq(par_do->n_side_inputs, 2);
    const bm_pb_side_input *one = side_of(par_do, "one"), *map = side_of(par_do, "map");
    ck_assert_str_eq(one->access_pattern->urn, "beam:side_input:iterable:v1");
    ck_assert_str_eq(map->access_pattern->urn, "beam:side_input:multimap:v1");
    ck_assert_str_eq(one->view_fn->urn, BM_URN_VIEW_FN);
    ck_assert_str_eq(one->window_mapping_fn->urn, "beam:window_fn:fixed_windows:v1");
    ck_assert_str_eq(map->window_mapping_fn->urn, BM_URN_WINDOW_MAPPING);
    bm_fn_spec spec;
    beam_span payload = bm_pb_span(map->window_mapping_fn->payload);
    ck_assert_int_eq(bm_fn_spec_decode(payload, &spec, NULL), BEAM_OK);
    ck_assert(beam_span_equal(spec.name, beam_span_of("test.same")));
}
END_TEST

START_TEST(values_that_may_be_null_are_grouped_as_bytes)
{
    beam_group_by_key(beam_create(p, "In", BEAM_KV(BEAM_STRING, BEAM_NULLABLE(BEAM_INT64)), NULL,
                                  0),
                      "Group");
    const bm_pb_pipeline *m = proto_of(p, NULL, &arena);
    check_whole(m);
    expect_coder(m, "Group/Seal.out", "kv<string,sealed<nullable<varint>>>");
    expect_coder(m, "Group/GroupByKey.out", "kv<string,iterable<sealed<nullable<varint>>>>");
    expect_coder(m, "Group/Open.out", "kv<string,iterable<nullable<varint>>>");
}
END_TEST

/* The same in a combine, whether values or accumulators are grouped. */
START_TEST(combines_group_what_may_be_null_as_bytes)
{
    const beam_type *type = BEAM_KV(BEAM_STRING, BEAM_NULLABLE(BEAM_INT64));
    beam_pcoll *in = beam_create(p, "In", type, NULL, 0);
    beam_combine_per_key(in, "Lifted", &beam_count);
    beam_combine_per_key(in, "Maybe", &maybe);
    beam_pcoll *windowed = beam_window_into(in, "Window", beam_fixed(1000),
                                            .trigger = BEAM_REPEAT(BEAM_AFTER_COUNT(3)));
    beam_combine_per_key(windowed, "Count", &beam_count);
    const bm_pb_pipeline *m = proto_of(p, NULL, &arena);
    check_whole(m);
    expect_coder(m, "Lifted/GroupByKey.out", "kv<string,iterable<varint>>");
    expect_coder(m, "Maybe/Precombine.out", "kv<string,sealed<nullable<varint>>>");
    expect_coder(m, "Maybe/GroupByKey.out", "kv<string,iterable<sealed<nullable<varint>>>>");
    expect_coder(m, "Count/Seal.out", "kv<string,sealed<nullable<varint>>>");
    expect_coder(m, "Count/GroupByKey.out", "kv<string,iterable<sealed<nullable<varint>>>>");
    const char *text = text_of(&arena, m);
    ck_contains(text, "\nCount/Seal: pardo:v1 ");
    ck_contains(text, "[Count/Seal] [Count/GroupByKey] [Count/Combine.GroupedValues]\n");
}
END_TEST

START_TEST(steps_have_their_place)
{
    beam_pcoll *words = start();
    beam_scope_begin(p, "Count");
    beam_pcoll *pairs = beam_par_do(words, "Split", &split_fn);
    beam_pcoll *windowed = beam_window_into(pairs, "Window", beam_fixed(1000));
    beam_group_by_key(windowed, "Group");
    beam_scope_end(p);
    beam_pcoll *both[] = { words, beam_output(pairs, 0) };
    beam_flatten(p, "Both", both, 2);

    const char *text = text_of(&arena, proto_of(p, NULL, &arena));
    ck_assert_str_eq(
        text,
        "root Impulse\n"
        "root Start\n"
        "root Count\n"
        "root Both\n"
        "Impulse: impulse:v1 >out=Impulse.out\n"
        "Start: pardo:v1 @c <in=Impulse.out >out=Start.out\n"
        "Count/Split: pardo:v1 @c <in=Start.out >out=Count/Split.out"
        " >short=Count/Split.short >bad=Count/Split.bad\n"
        "Count/Window: window_into:v1 @c <in=Count/Split.out >out=Count/Window.out\n"
        "Count/Group: group_by_key:v1 <in=Count/Window.out >out=Count/Group.out\n"
        "Both: flatten:v1 <0=Start.out <1=Count/Split.short >out=Both.out\n"
        "Count: - <in=Start.out >out=Count/Split.short [Count/Split] [Count/Window]"
        " [Count/Group]\n"
        "Impulse.out = bytes, global window\n"
        "Start.out = string, global window\n"
        "Count/Split.out = kv<string,varint>, global window\n"
        "Count/Split.short = string, global window\n"
        "Count/Split.bad = bytes, global window\n"
        "Count/Window.out = kv<string,varint>, fixed windows 1000 ms\n"
        "Count/Group.out = kv<string,iterable<varint>>, fixed windows 1000 ms\n"
        "Both.out = string, global window\n");
}
END_TEST

START_TEST(par_do_names_its_function)
{
    beam_par_do(start(), "Split", &split_fn, .config = beam_span_of("{1}"),
                .display = { { "limit", "7" } });
    bm_pb_transform *t = transform_of(proto_of(p, NULL, &arena), "Split");
    const bm_pb_par_do *payload = par_do_of(t);
    ck_assert_str_eq(payload->do_fn->urn, BM_URN_DOFN);
    bm_fn_spec spec;
    ck_assert_int_eq(bm_fn_spec_decode(bm_pb_span(payload->do_fn->payload), &spec, NULL),
                     BEAM_OK);
    ck_assert(beam_span_equal(spec.name, beam_span_of("test.split")));
    ck_assert(beam_span_equal(spec.config, beam_span_of("{1}")));

    ck_assert_uint_eq(t->n_display_data, 2);
    ck_assert_str_eq(t->display_data[1]->urn, "beam:display_data:labelled:v1");
    const bm_pb_labelled *labelled = (const bm_pb_labelled *)bm_pb_unpack(
        &arena, &pb__labelled_payload__descriptor,
        bm_pb_span(t->display_data[1]->payload), 9);
    ck_assert_str_eq(labelled->label, "limit");
    ck_assert_str_eq(labelled->string_value, "7");
    ck_assert_str_eq(labelled->namespace_, "test.split");
}
END_TEST

static beam_pcoll *pairs(void)
{
    return beam_par_do(start(), "Split", &split_fn);
}

START_TEST(combine_is_lifted)
{
    beam_combine_per_key(pairs(), "Sum", &total, .config = beam_span_of("c"));
    const bm_pb_pipeline *m = proto_of(p, NULL, &arena);
    ck_contains(
        text_of(&arena, m),
        "\nSum: combine_per_key:v1 @c <in=Split.out >out=Sum.out [Sum/Precombine]"
        " [Sum/GroupByKey] [Sum/Merge] [Sum/Extract]\n"
        "Sum/Precombine: combine_per_key_precombine:v1 @c <in=Split.out"
        " >out=Sum/Precombine.out\n"
        "Sum/GroupByKey: group_by_key:v1 <in=Sum/Precombine.out >out=Sum/GroupByKey.out\n"
        "Sum/Merge: combine_per_key_merge_accumulators:v1 @c <in=Sum/GroupByKey.out"
        " >out=Sum/Merge.out\n"
        "Sum/Extract: combine_per_key_extract_outputs:v1 @c <in=Sum/Merge.out"
        " >out=Sum.out\n");
    expect_coder(m, "Sum/GroupByKey.out", "kv<string,iterable<varint>>");
    const char *const parts[] = { "Sum", "Sum/Precombine", "Sum/Merge", "Sum/Extract" };
    for (size_t i = 0; i < BEAM_COUNT(parts); i++) {
        const bm_pb_combine *payload = combine_of(transform_of(m, parts[i]));
        ck_assert_str_eq(payload->accumulator_coder_id, "varint");
        ck_assert_str_eq(payload->combine_fn->urn, BM_URN_COMBINE_FN);
        bm_fn_spec spec;
        ck_assert_int_eq(
            bm_fn_spec_decode(bm_pb_span(payload->combine_fn->payload), &spec, NULL),
            BEAM_OK);
        ck_assert(beam_span_equal(spec.name, beam_span_of("test.total")));
        ck_assert(beam_span_equal(spec.config, beam_span_of("c")));
    }
}
END_TEST

/* Counting triggers must see every element. */
START_TEST(combine_with_a_counting_trigger_is_not_lifted)
{
    beam_pcoll *in = beam_window_into(pairs(), "Window", beam_fixed(1000),
                                      .trigger = BEAM_REPEAT(BEAM_AFTER_COUNT(3)));
    beam_combine_per_key(in, "Sum", &total);
    const bm_pb_pipeline *m = proto_of(p, NULL, &arena);
    const char *text = text_of(&arena, m);
    ck_contains(text, "[Sum/GroupByKey] [Sum/Combine.GroupedValues]\n");
    ck_contains(text, "\nSum/Combine.GroupedValues: combine_grouped_values:v1 @c"
                      " <in=Sum/GroupByKey.out >out=Sum.out"
                      " [Sum/Combine.GroupedValues/ParDo]\n");
    const bm_pb_transform *inner = transform_of(m, "Sum/Combine.GroupedValues/ParDo");
    ck_assert_str_eq(inner->spec->urn, "beam:transform:pardo:v1");
    ck_assert_str_eq(par_do_of(inner)->do_fn->urn, BM_URN_COMBINE_FN);
    ck_assert_ptr_null(strstr(text, "recombine"));
    expect_coder(m, "Sum/GroupByKey.out", "kv<string,iterable<varint>>");
}
END_TEST

START_TEST(top_has_an_accumulator_of_the_values)
{
    beam_top_per_key(pairs(), "Top", 3, BEAM_LARGEST);
    const bm_pb_pipeline *m = proto_of(p, NULL, &arena);
    ck_contains(text_of(&arena, m), "combine_per_key_precombine:v1");
    ck_contains(text_of(&arena, m), "kv<string,iterable<iterable<varint>>>");
}
END_TEST

START_TEST(globally_and_counts_are_whole)
{
    beam_pcoll *words = start();
    beam_combine_globally(words, "All", &beam_count);
    beam_count_per_element(words, "Each");
    const char *const texts[] = { "a", "b" };
    beam_pcoll *more[] = { words, beam_create_strings(p, "More", texts, 2) };
    beam_reshuffle(beam_flatten(p, "Flatten", more, 2), "Reshuffle");
    const bm_pb_pipeline *m = proto_of(p, NULL, &arena);
    const bm_pb_transform *reshuffle = transform_of(m, "Reshuffle");
    ck_assert_str_eq(reshuffle->spec->urn, "beam:transform:reshuffle:v1");
    ck_assert_uint_eq(reshuffle->n_inputs, 1);
    ck_assert_uint_eq(reshuffle->n_outputs, 1);
    ck_assert_str_eq(reshuffle->environment_id, "");
    ck_assert_str_eq(pcoll_of(m, reshuffle->outputs[0]->value)->windowing_strategy_id,
                     "global window");
}
END_TEST

START_TEST(environment_says_what_the_worker_can_do)
{
    start();
    const bm_pb_pipeline *m = proto_of(p, NULL, &arena);
    const bm_pb_environment *env = environment_of(m, "c");
    ck_assert_str_eq(env->urn, "beam:env:external:v1");
    ck_assert_uint_eq(env->n_capabilities, bm_capabilities_count);
    ck_assert_uint_eq(m->n_requirements, 0);
}
END_TEST

START_TEST(pipeline_that_failed_gives_its_own_error)
{
    beam_group_by_key(start(), "Group");
    ck_contains(failure_of(p, NULL, &arena), "Group");
}
END_TEST

/* The same program twice gives the same bytes: savepoints rely on the ids. */
START_TEST(same_pipeline_same_bytes)
{
    beam_span bytes[2];
    for (int i = 0; i < 2; i++) {
        beam_pipeline_free(p);
        p = beam_pipeline_new();
        beam_combine_per_key(pairs(), "Sum", &total);
        bm_environment env = { .urn = "beam:env:external:v1" };
        ck_assert_int_eq(bm_pipeline_to_proto(p, &env, NULL, &arena, &bytes[i], NULL),
                         BEAM_OK);
    }
    ck_assert(beam_span_equal(bytes[0], bytes[1]));
}
END_TEST

static void expect_hint(const bm_pb_pipeline *m, const char *step, const char *urn,
                        const char *value)
{
    const bm_pb_environment *env = environment_of(m,
                                                  transform_of(m, step)->environment_id);
    for (size_t i = 0; i < env->n_resource_hints; i++)
        if (!strcmp(env->resource_hints[i]->key, urn)) {
            ck_assert(beam_span_equal(bm_pb_span(env->resource_hints[i]->value),
                                      beam_span_of(value)));
            return;
        }
    ck_abort_msg("%s has no hint %s", step, urn);
}

/* Steps with the same hints share an environment, which is as the others but for them. */
START_TEST(environments_by_resource_hints)
{
    static const beam_dofn fn = {
        .name = "test.same", .in = BEAM_STRING, .out = BEAM_STRING, .process = pass
    };
    beam_pipeline_resource_hint(p, "min_ram=4GB");
    beam_pipeline_resource_hint(p, "cpu_count=2");
    beam_pcoll *c = beam_par_do(start(), "Plain", &fn);
    c = beam_par_do(c, "Large", &fn, .resource_hints = { "min_ram=16GB" });
    c = beam_par_do(c, "Large2", &fn, .resource_hints = { "min_ram=16000000000" });
    c = beam_par_do(c, "Small", &fn, .resource_hints = { "min_ram=1GB" });
    beam_par_do(c, "Alone", &fn, .resource_hints = { "max_active_bundles_per_worker=1" });
    const bm_pb_pipeline *m = proto_of(p, NULL, &arena);
    check_whole(m);
    ck_assert_uint_eq(m->components->n_environments, 3);
    const char *const ram = "beam:resources:min_ram_bytes:v1";
    const char *const cpus = "beam:resources:cpu_count:v1";
    expect_hint(m, "Plain", ram, "4000000000");
    expect_hint(m, "Plain", cpus, "2");
    expect_hint(m, "Large", ram, "16000000000");
    expect_hint(m, "Large", cpus, "2");
    expect_hint(m, "Alone", "beam:resources:max_active_bundles_per_worker:v1", "1");
    ck_assert_str_eq(transform_of(m, "Plain")->environment_id, "c");
    ck_assert_str_eq(transform_of(m, "Small")->environment_id, "c");
    ck_assert_str_eq(transform_of(m, "Large2")->environment_id,
                     transform_of(m, "Large")->environment_id);
    const bm_pb_environment *plain = environment_of(m, "c"),
                            *large =
                                environment_of(m,
                                               transform_of(m, "Large")->environment_id);
    ck_assert_str_eq(large->urn, plain->urn);
    ck_assert(beam_span_equal(bm_pb_span(large->payload), bm_pb_span(plain->payload)));
    ck_assert_uint_eq(large->n_capabilities, plain->n_capabilities);
}
END_TEST

START_TEST(ten_thousand_steps)
{
    beam_pcoll *c = start();
    static const beam_dofn fn = {
        .name = "test.same", .in = BEAM_STRING, .out = BEAM_STRING, .process = pass
    };
    for (int i = 0; i < 10000; i++)
        c = beam_par_do(c, bm_format(&arena, "Step %d", i), &fn);
    beam_span bytes;
    bm_environment env = { .urn = "beam:env:external:v1" };
    ck_assert_int_eq(bm_pipeline_to_proto(p, &env, NULL, &arena, &bytes, NULL), BEAM_OK);
    ck_assert_uint_gt(bytes.len, 1000000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("to_proto");
    TCase *tests = tcase_create("to_proto");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, steps_have_their_place);
    tcase_add_test(tests, side_inputs_are_inputs_with_a_way_to_read_them);
    tcase_add_test(tests, values_that_may_be_null_are_grouped_as_bytes);
    tcase_add_test(tests, combines_group_what_may_be_null_as_bytes);
    tcase_add_test(tests, par_do_names_its_function);
    tcase_add_test(tests, combine_is_lifted);
    tcase_add_test(tests, combine_with_a_counting_trigger_is_not_lifted);
    tcase_add_test(tests, top_has_an_accumulator_of_the_values);
    tcase_add_test(tests, globally_and_counts_are_whole);
    tcase_add_test(tests, environment_says_what_the_worker_can_do);
    tcase_add_test(tests, pipeline_that_failed_gives_its_own_error);
    tcase_add_test(tests, same_pipeline_same_bytes);
    tcase_add_test(tests, environments_by_resource_hints);
    tcase_add_test(tests, ten_thousand_steps);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
