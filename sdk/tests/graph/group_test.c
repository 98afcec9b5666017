/* SPDX-License-Identifier: Apache-2.0 */
/* GroupByKey, Reshuffle, Flatten, CoGroupByKey: types, structure, what is refused. */
#include "graph_test.h"

static beam_pcoll *unbounded(const beam_type *type)
{
    beam_pcoll *out[1];
    beam_external(p, "Read",
                  &(beam_external_opts){
                      .urn = "u", .output_tags = { "o" }, .output_types = { type } },
                  out);
    out[0]->bounded = false;
    return out[0];
}

/* -- GroupByKey ----------------------------------------------------------------------- */
START_TEST(group)
{
    expect_type(beam_group_by_key(pairs(), "Group"), "KV<STRING, ITERABLE<INT64>>");
}
END_TEST

/* Values that may be null are bytes to the runner, between two steps of our own. */
START_TEST(group_nullable)
{
    beam_pcoll *in = input_of(BEAM_KV(BEAM_STRING, BEAM_NULLABLE(BEAM_INT64)));
    beam_pcoll *out = beam_group_by_key(in, "Group");
    expect_type(out, "KV<STRING, ITERABLE<NULLABLE<INT64>>>");
    ck_assert_str_eq(out->producer->unique_name, "Group/Open");
    const beam_pcoll *grouped = out->producer->inputs[0];
    ck_assert_int_eq(grouped->producer->kind, BM_STEP_GROUP_BY_KEY);
    const beam_pcoll *sealed = grouped->producer->inputs[0];
    ck_assert_str_eq(sealed->producer->unique_name, "Group/Seal");
    ck_assert(sealed->sealed_values && grouped->sealed_values);
    ck_assert(!in->sealed_values && !out->sealed_values);
    beam_pipeline_free(p);
    p = beam_pipeline_new();
    beam_group_by_key(unbounded(BEAM_KV(BEAM_STRING, BEAM_NULLABLE(BEAM_INT64))), "Group");
    expect_error(BEAM_EINVAL,
                 "Group: 'Read.o' is unbounded and in the global window with the default trigger, "
                 "so its groups would never be complete: put a beam_window_into() with "
                 "windows or a trigger before this step");
}
END_TEST

START_TEST(group_without_keys)
{
    beam_group_by_key(words(), "Group");
    expect_error(BEAM_ETYPE,
                 "Group: GroupByKey reads KV<K, V>, but 'Words' holds STRING: make "
                 "KVs of its elements first");
}
END_TEST

START_TEST(group_by_iterable)
{
    beam_group_by_key(input_of(BEAM_KV(BEAM_ITERABLE(BEAM_INT64), BEAM_INT64)), "Group");
    expect_error(BEAM_ETYPE,
                 "Group: GroupByKey needs keys with one encoding each, but the keys of "
                 "'Input', ITERABLE<INT64>, hold an iterable, which has more than one "
                 "encoding: use another key");
}
END_TEST

START_TEST(group_nullable_by_iterable)
{
    beam_group_by_key(input_of(BEAM_KV(BEAM_ITERABLE(BEAM_INT64), BEAM_NULLABLE(BEAM_INT64))),
                      "Group");
    expect_error(BEAM_ETYPE,
                 "Group: GroupByKey needs keys with one encoding each, but the keys of "
                 "'Input', ITERABLE<INT64>, hold an iterable, which has more than one "
                 "encoding: use another key");
}
END_TEST

START_TEST(group_by_map)
{
    static const beam_field element = { .kind = BEAM_FIELD_STRING };
    static const beam_field fields[] = {
        { .name = "tags", .kind = BEAM_FIELD_MAP, .key = &element, .of = &element }
    };
    static const beam_schema schema = { "tagged", BEAM_TABLE(fields), NULL };
    beam_group_by_key(input_of(BEAM_KV(BEAM_ROW(&schema), BEAM_INT64)), "Group");
    expect_error(
        BEAM_ETYPE,
        "Group: GroupByKey needs keys with one encoding each, but the keys of "
        "'Input', ROW<tagged>, hold a map, whose order is not fixed: use another key");
}
END_TEST

START_TEST(group_unbounded)
{
    beam_group_by_key(unbounded(BEAM_KV(BEAM_STRING, BEAM_INT64)), "Group");
    expect_error(
        BEAM_EINVAL,
        "Group: 'Read.o' is unbounded and in the global window with the default "
        "trigger, so its groups would never be complete: put a beam_window_into() "
        "with windows or a trigger before this step");
}
END_TEST

START_TEST(unbounded_in_a_combine)
{
    beam_combine_per_key(unbounded(BEAM_KV(BEAM_STRING, BEAM_INT64)), "Sum",
                         &beam_sum_int64);
    expect_error(
        BEAM_EINVAL,
        "Sum: 'Read.o' is unbounded and in the global window with the default "
        "trigger, so its groups would never be complete: put a beam_window_into() "
        "with windows or a trigger before this step");
}
END_TEST

START_TEST(unbounded_after_expansion)
{
    beam_pcoll *in = unbounded(BEAM_KV(BEAM_STRING, BEAM_INT64));
    in->bounded = true;
    beam_pcoll *swapped = beam_swap(in, "Swap");
    beam_scope_begin(p, "Scope");
    beam_count_per_element(swapped, "Count");
    beam_scope_end(p);
    expect_no_error();
    in->bounded = false;
    ck_assert_int_eq(bm_graph_settle(p), BEAM_EINVAL);
    ck_assert(!swapped->bounded);
    expect_error(BEAM_EINVAL,
                 "Scope/Count: 'Swap' is unbounded and in the global window with the "
                 "default trigger, so its groups would never be complete: put a "
                 "beam_window_into() with windows or a trigger before this step");
}
END_TEST

START_TEST(unbounded_in_windows)
{
    beam_pcoll *in = unbounded(BEAM_KV(BEAM_STRING, BEAM_INT64));
    beam_pcoll *minutes = beam_window_into(in, "Minutes", beam_fixed(beam_minutes(1)));
    beam_pcoll *grouped = beam_group_by_key(minutes, "Group");
    beam_pcoll *counted = beam_window_into(in, "Counted", beam_global(),
                                           .trigger = BEAM_REPEAT(BEAM_AFTER_COUNT(1)));
    beam_group_by_key(counted, "Group counted");
    expect_no_error();
    ck_assert(!grouped->bounded);
    ck_assert_int_eq(bm_graph_check(p), BEAM_OK);
}
END_TEST

START_TEST(trigger_that_ends)
{
    beam_pcoll *once =
        beam_window_into(pairs(), "Once", beam_fixed(1000),
                         .trigger = BEAM_AFTER_ANY(BEAM_AFTER_COUNT(5),
                                                   BEAM_AFTER_PROCESSING_TIME(10)));
    beam_group_by_key(once, "Group");
    expect_error(
        BEAM_EINVAL,
        "Group: the trigger of 'Once', after any(count 5, after processing time 10 "
        "ms), fires for a last time before its window ends, and later elements would "
        "be lost: put it in BEAM_REPEAT()");
}
END_TEST

START_TEST(triggers_that_are_safe)
{
    beam_pcoll *c = pairs();
    const beam_trigger *triggers[] = {
        BEAM_NEVER,
        BEAM_ALWAYS,
        BEAM_AFTER_END_OF_WINDOW(NULL, NULL),
        BEAM_AFTER_END_OF_WINDOW(BEAM_AFTER_COUNT(1), BEAM_AFTER_COUNT(1)),
        BEAM_REPEAT(BEAM_AFTER_EACH(BEAM_AFTER_COUNT(1), BEAM_AFTER_COUNT(2))),
        BEAM_AFTER_ALL(BEAM_REPEAT(BEAM_AFTER_COUNT(1)), BEAM_AFTER_COUNT(2)),
    };
    for (size_t i = 0; i < BEAM_COUNT(triggers); i++) {
        beam_pcoll *in = beam_window_into(c, beam_pipeline_format(p, "Window %zu", i),
                                          beam_fixed(1000), .trigger = triggers[i]);
        beam_group_by_key(in, beam_pipeline_format(p, "Group %zu", i));
        expect_no_error();
    }
}
END_TEST

START_TEST(end_of_window_with_lateness_ends)
{
    beam_pcoll *in = beam_window_into(pairs(), "Window", beam_fixed(1000),
                                      .trigger = BEAM_AFTER_END_OF_WINDOW(NULL, NULL),
                                      .allowed_lateness = 1);
    beam_group_by_key(in, "Group");
    expect_error(
        BEAM_EINVAL,
        "Group: the trigger of 'Window', after end of window, fires for a last time "
        "before its window ends, and later elements would be lost: put it in "
        "BEAM_REPEAT()");
}
END_TEST

/* -- Reshuffle ------------------------------------------------------------------------ */
START_TEST(reshuffle_kvs)
{
    beam_pcoll *in = beam_window_into(pairs(), "Sessions", beam_sessions(1000));
    beam_pcoll *out = beam_reshuffle(in, "Reshuffle");
    ck_assert_ptr_eq(out->windowing, in->windowing);
    ck_assert_str_eq(out->producer->parent->urn, "beam:transform:reshuffle:v1");
    expect_print(CREATED(
        "Pairs",
        "KV<STRING, INT64>") "Sessions: WindowInto [sessions with a gap of 1 s] (Pairs) -> KV<STRING, INT64>\n"
                             "Reshuffle: Reshuffle (Sessions) -> KV<STRING, INT64>\n"
                             "  Reify: ParDo 'beam.reshuffle_by_key' (Sessions) -> KV<STRING, KV<BYTES, INT64>>\n"
                             "  Window: WindowInto [global window, trigger always] (Reshuffle/Reify) -> "
                             "KV<STRING, KV<BYTES, INT64>>\n"
                             "  GroupByKey: GroupByKey (Reshuffle/Window) -> "
                             "KV<STRING, ITERABLE<KV<BYTES, INT64>>>\n"
                             "  Restore: ParDo 'beam.reshuffle_from_key' (Reshuffle/GroupByKey) -> "
                             "KV<STRING, INT64>\n");
}
END_TEST

START_TEST(reshuffle_others)
{
    beam_pcoll *out = beam_reshuffle(words(), "Reshuffle");
    expect_type(out, "STRING");
    expect_type(out->producer->parent->first_child->outputs[0],
                "KV<INT64, KV<BYTES, STRING>>");
    ck_assert_ptr_eq(out->windowing, &bm_default_windowing);
}
END_TEST

START_TEST(reshuffle_unbounded)
{
    beam_pcoll *in = unbounded(BEAM_STRING);
    beam_pcoll *out = beam_reshuffle(in, "Reshuffle");
    expect_no_error();
    ck_assert(!out->bounded);
    ck_assert_ptr_null(out->windowing);
    ck_assert_ptr_eq(bm_windowing_source(out), in);
}
END_TEST

START_TEST(reshuffle_by_a_bad_key)
{
    beam_reshuffle(input_of(BEAM_KV(BEAM_ITERABLE(BEAM_INT64), BEAM_INT64)), "Reshuffle");
    expect_error(
        BEAM_ETYPE,
        "Reshuffle: Reshuffle needs keys with one encoding each, but the keys of "
        "'Input', ITERABLE<INT64>, hold an iterable, which has more than one "
        "encoding: use another key");
}
END_TEST

/* -- Flatten -------------------------------------------------------------------------- */
START_TEST(flatten)
{
    beam_pcoll *c = words();
    beam_pcoll *both[] = { c, c };
    beam_pcoll *out = beam_flatten(p, "Flatten", both, 2);
    expect_type(out, "STRING");
    ck_assert(out->bounded);
    ck_assert_str_eq(out->producer->input_tags[1], "1");
}
END_TEST

/* Of what the runner makes, and a worker beside it: Java runners miss the latter's without a
 * worker's step before each input of their own making. */
START_TEST(flatten_of_several_makers)
{
    beam_pcoll *impulse = beam_impulse(p, "Impulse");
    beam_pcoll *made = beam_window_into(impulse, "Made", beam_global());
    beam_pcoll *shuffled = beam_reshuffle(impulse, "Shuffle");
    beam_pcoll *by_runner[] = { shuffled, impulse };
    beam_pcoll *flat = beam_flatten(p, "Alike", by_runner, 2);
    ck_assert_int_eq(flat->producer->kind, BM_STEP_FLATTEN);
    ck_assert_ptr_null(flat->producer->parent);
    beam_pcoll *all[] = { flat, made };
    beam_pcoll *out = beam_flatten(p, "All", all, 2);
    ck_assert_str_eq(out->producer->unique_name, "All/Flatten");
    ck_assert_str_eq(out->producer->inputs[0]->producer->unique_name, "All/Input0");
    ck_assert_ptr_eq(out->producer->inputs[1], made);
    beam_pcoll *by_workers[] = { out, made };
    ck_assert_ptr_null(beam_flatten(p, "Workers", by_workers, 2)->producer->parent);
    ck_assert_ptr_null(beam_pipeline_error(p));
}
END_TEST

START_TEST(flatten_nothing)
{
    beam_flatten(p, "Flatten", NULL, 0);
    expect_error(BEAM_EINVAL,
                 "Flatten: it has no inputs: pass one or more collections, or use "
                 "beam_create() without values for an empty one");
}
END_TEST

START_TEST(flatten_null)
{
    beam_flatten(p, "Flatten", NULL, 2);
    expect_error(BEAM_EINVAL, "Flatten: its array of inputs is NULL");
    beam_pipeline_free(p);
    p = beam_pipeline_new();
    beam_pcoll *both[] = { words(), NULL };
    beam_flatten(p, "Flatten", both, 2);
    expect_error(BEAM_EINVAL,
                 "Flatten: its input 1 is NULL: pass a collection that another "
                 "step returned");
}
END_TEST

START_TEST(flatten_two_types)
{
    beam_pcoll *both[] = { words(), pairs() };
    beam_flatten(p, "Flatten", both, 2);
    expect_error(BEAM_ETYPE,
                 "Flatten: Flatten reads one type, but 'Words' holds STRING and "
                 "'Pairs' holds KV<STRING, INT64>: make them the same before this "
                 "step");
}
END_TEST

START_TEST(flatten_two_windowings)
{
    beam_pcoll *c = words();
    beam_pcoll *both[] = { beam_window_into(c, "A", beam_fixed(1000)),
                           beam_window_into(c, "B", beam_sliding(2000, 500)) };
    beam_flatten(p, "Flatten", both, 2);
    expect_error(BEAM_EINVAL,
                 "Flatten: 'A' is in fixed windows of 1 s, but 'B' is in sliding "
                 "windows of 2 s each 500 ms: give both the same "
                 "beam_window_into() first");
}
END_TEST

START_TEST(flatten_two_triggers)
{
    beam_pcoll *c = words();
    beam_pcoll *both[] = { beam_window_into(c, "A", beam_fixed(1000)),
                           beam_window_into(c, "B", beam_fixed(1000),
                                            .trigger = BEAM_REPEAT(
                                                BEAM_AFTER_COUNT(3))) };
    beam_flatten(p, "Flatten", both, 2);
    expect_error(BEAM_EINVAL,
                 "Flatten: 'A' is in fixed windows of 1 s, but 'B' is in fixed "
                 "windows of 1 s, trigger repeat(count 3): give both the same "
                 "beam_window_into() first");
}
END_TEST

START_TEST(flatten_equal_windowings)
{
    static const beam_trigger the_default = { .kind = BEAM_TRIGGER_DEFAULT };
    beam_pcoll *c = words();
    beam_pcoll *both[] = { beam_window_into(c, "A", beam_fixed(1000)),
                           beam_window_into(c, "B", beam_fixed(1000),
                                            .trigger = &the_default) };
    expect_type(beam_flatten(p, "Flatten", both, 2), "STRING");
}
END_TEST

/* -- CoGroupByKey --------------------------------------------------------------------- */
START_TEST(co_group)
{
    beam_pcoll *inputs[] = { pairs(), input_of(BEAM_KV(BEAM_STRING, BEAM_DOUBLE)) };
    beam_pcoll *out = beam_co_group_by_key(p, "Join", inputs, 2);
    expect_type(out, "KV<STRING, KV<ITERABLE<INT64>, ITERABLE<DOUBLE>>>");
    ck_assert(beam_type_equal(out->type,
                              BEAM_KV(BEAM_STRING, BEAM_CO2(BEAM_INT64, BEAM_DOUBLE))));
    expect_print(CREATED("Pairs", "KV<STRING, INT64>") CREATED(
        "Input",
        "KV<STRING, DOUBLE>") "Join: composite (Pairs, Input) -> "
                              "KV<STRING, KV<ITERABLE<INT64>, ITERABLE<DOUBLE>>>\n"
                              "  Tag0: ParDo 'beam.co_tag' (Pairs) -> "
                              "KV<STRING, KV<INT64, KV<NULLABLE<INT64>, NULLABLE<DOUBLE>>>>\n"
                              "  Tag1: ParDo 'beam.co_tag' (Input) -> "
                              "KV<STRING, KV<INT64, KV<NULLABLE<INT64>, NULLABLE<DOUBLE>>>>\n"
                              "  Flatten: Flatten (Join/Tag0, Join/Tag1) -> "
                              "KV<STRING, KV<INT64, KV<NULLABLE<INT64>, NULLABLE<DOUBLE>>>>\n"
                              "  GroupByKey: GroupByKey (Join/Flatten) -> "
                              "KV<STRING, ITERABLE<KV<INT64, KV<NULLABLE<INT64>, NULLABLE<DOUBLE>>>>>\n"
                              "  Untag: ParDo 'beam.co_untag' (Join/GroupByKey) -> "
                              "KV<STRING, KV<ITERABLE<INT64>, ITERABLE<DOUBLE>>>\n");
}
END_TEST

START_TEST(co_group_three)
{
    beam_pcoll *c = pairs();
    beam_pcoll *inputs[] = { c, c, beam_group_by_key(c, "Group") };
    beam_pcoll *out = beam_co_group_by_key(p, "Join", inputs, 3);
    expect_type(out, "KV<STRING, KV<ITERABLE<INT64>, KV<ITERABLE<INT64>, "
                     "ITERABLE<ITERABLE<INT64>>>>>");
}
END_TEST

/* A slot of a nullable value is no NULLABLE of a NULLABLE, which Java would read otherwise. */
START_TEST(co_group_nullable)
{
    beam_pcoll *c = input_of(BEAM_KV(BEAM_STRING, BEAM_NULLABLE(BEAM_INT64)));
    beam_pcoll *both[] = { c, c };
    expect_type(beam_co_group_by_key(p, "Join", both, 2),
                "KV<STRING, KV<ITERABLE<NULLABLE<INT64>>, ITERABLE<NULLABLE<INT64>>>>");
    expect_print(CREATED("Input", "KV<STRING, NULLABLE<INT64>>")
                 "Join: composite (Input, Input) -> "
                 "KV<STRING, KV<ITERABLE<NULLABLE<INT64>>, ITERABLE<NULLABLE<INT64>>>>\n"
                 "  Tag0: ParDo 'beam.co_tag' (Input) -> "
                 "KV<STRING, KV<INT64, KV<NULLABLE<INT64>, NULLABLE<INT64>>>>\n"
                 "  Tag1: ParDo 'beam.co_tag' (Input) -> "
                 "KV<STRING, KV<INT64, KV<NULLABLE<INT64>, NULLABLE<INT64>>>>\n"
                 "  Flatten: Flatten (Join/Tag0, Join/Tag1) -> "
                 "KV<STRING, KV<INT64, KV<NULLABLE<INT64>, NULLABLE<INT64>>>>\n"
                 "  GroupByKey: GroupByKey (Join/Flatten) -> "
                 "KV<STRING, ITERABLE<KV<INT64, KV<NULLABLE<INT64>, NULLABLE<INT64>>>>>\n"
                 "  Untag: ParDo 'beam.co_untag' (Join/GroupByKey) -> "
                 "KV<STRING, KV<ITERABLE<NULLABLE<INT64>>, ITERABLE<NULLABLE<INT64>>>>\n");
}
END_TEST

START_TEST(co_group_sizes)
{
    beam_pcoll *c = pairs();
    beam_co_group_by_key(p, "Join", &c, 1);
    expect_error(BEAM_EINVAL,
                 "Join: CoGroupByKey takes from 2 to 8 inputs, and there is 1");
    beam_pipeline_free(p);
    p = beam_pipeline_new();
    beam_co_group_by_key(p, "Join", NULL, 9);
    expect_error(BEAM_EINVAL,
                 "Join: CoGroupByKey takes from 2 to 8 inputs, and there are 9");
}
END_TEST

START_TEST(co_group_keys)
{
    beam_pcoll *both[] = { pairs(), input_of(BEAM_KV(BEAM_BYTES, BEAM_INT64)) };
    beam_co_group_by_key(p, "Join", both, 2);
    expect_error(BEAM_ETYPE,
                 "Join: CoGroupByKey needs one key type, but 'Pairs' holds "
                 "KV<STRING, INT64> and 'Input' holds KV<BYTES, INT64>: make the "
                 "keys the same before this step");
    beam_pipeline_free(p);
    p = beam_pipeline_new();
    beam_pcoll *one_without[] = { pairs(), words() };
    beam_co_group_by_key(p, "Join", one_without, 2);
    expect_error(BEAM_ETYPE,
                 "Join: CoGroupByKey reads KV<K, V>, but 'Words' holds STRING: "
                 "make KVs of its elements first");
}
END_TEST

RUN("group", group, group_nullable, group_without_keys, group_by_iterable,
    group_nullable_by_iterable, group_by_map, group_unbounded,
    unbounded_in_a_combine, unbounded_after_expansion, unbounded_in_windows,
    trigger_that_ends, triggers_that_are_safe, end_of_window_with_lateness_ends,
    reshuffle_kvs, reshuffle_others, reshuffle_unbounded, reshuffle_by_a_bad_key, flatten,
    flatten_of_several_makers, flatten_nothing, flatten_null, flatten_two_types, flatten_two_windowings,
    flatten_two_triggers, flatten_equal_windowings, co_group, co_group_three,
    co_group_nullable, co_group_sizes, co_group_keys)
