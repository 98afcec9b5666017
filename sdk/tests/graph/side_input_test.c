/* SPDX-License-Identifier: Apache-2.0 */
/* Side inputs of a ParDo: what is declared against what is given. */
#include "graph_test.h"

static const beam_side_spec both[] = {
    { "rates", BEAM_SIDE_MAP, BEAM_KV(BEAM_STRING, BEAM_INT64), NULL, NULL },
    { "all", BEAM_SIDE_ITERABLE, BEAM_ANY, NULL, NULL },
};
static const beam_dofn enrich_fn = { .name = "test.enrich",
                                     .in = BEAM_STRING,
                                     .out = BEAM_STRING,
                                     .process = test_process,
                                     .sides = BEAM_TABLE(both) };

START_TEST(side_inputs_follow_the_main_one)
{
    beam_pcoll *main = words(), *rates = pairs();
    beam_pcoll *c = beam_par_do(main, "Enrich", &enrich_fn, .sides = { rates, main });
    const bm_step *step = c->producer;
    ck_assert_uint_eq(step->n_inputs, 3);
    ck_assert_ptr_eq(step->inputs[0], main);
    ck_assert_ptr_eq(step->inputs[1], rates);
    ck_assert_ptr_eq(step->inputs[2], main);
    ck_assert_str_eq(step->input_tags[1], "rates");
    ck_assert_str_eq(step->input_tags[2], "all");
    expect_type(c, "STRING");
    expect_no_error();
    ck_assert_int_eq(bm_graph_check(p), BEAM_OK);
}
END_TEST

/* Java runners cannot hold a null that they serve as a side input: to them it is bytes. */
START_TEST(nulls_are_sealed)
{
    const beam_side_spec sides[] = {
        { "maybe", BEAM_SIDE_SINGLETON, BEAM_NULLABLE(BEAM_INT64), NULL, NULL },
        { "all", BEAM_SIDE_ITERABLE, BEAM_STRING, NULL, NULL },
    };
    const beam_output_spec outputs[] = { { "extra", BEAM_STRING } };
    const beam_dofn fn = { .name = "test.enrich",
                           .in = BEAM_STRING,
                           .out = BEAM_STRING,
                           .process = test_process,
                           .outputs = BEAM_TABLE(outputs),
                           .sides = BEAM_TABLE(sides) };
    beam_pcoll *main = words(), *nulls = input_of(BEAM_NULLABLE(BEAM_INT64));
    beam_pcoll *out = beam_par_do(main, "Enrich", &fn, .sides = { nulls, main });
    expect_no_error();
    ck_assert_str_eq(out->producer->unique_name, "Enrich/Process");
    const beam_pcoll *side = out->producer->inputs[1];
    ck_assert_str_eq(side->producer->unique_name, "Enrich/Side0");
    ck_assert_ptr_eq(side->producer->inputs[0], nulls);
    ck_assert(side->sealed && !nulls->sealed);
    ck_assert_ptr_eq(out->producer->inputs[2], main);
    expect_type(beam_output(out, 0), "STRING");
    ck_assert_int_eq(bm_graph_check(p), BEAM_OK);
}
END_TEST

START_TEST(one_is_not_given)
{
    beam_pcoll *main = words();
    beam_par_do(main, "Enrich", &enrich_fn, .sides = { pairs() });
    expect_error(BEAM_EINVAL,
                 "Enrich: side input 'all' of DoFn 'test.enrich' is not given: add .sides = { "
                 "[1] = ... } to the beam_par_do()");
}
END_TEST

START_TEST(none_is_given)
{
    beam_par_do(words(), "Enrich", &enrich_fn);
    expect_error(BEAM_EINVAL,
                 "Enrich: side input 'rates' of DoFn 'test.enrich' is not given: add .sides = { "
                 "[0] = ... } to the beam_par_do()");
}
END_TEST

START_TEST(too_many_are_given)
{
    beam_pcoll *main = words(), *rates = pairs();
    beam_par_do(main, "Enrich", &enrich_fn, .sides = { rates, main, [4] = main });
    expect_error(BEAM_EINVAL,
                 "Enrich: .sides[4] is given, but DoFn 'test.enrich' declares 2 side inputs");
}
END_TEST

START_TEST(another_type)
{
    beam_pcoll *main = words();
    beam_par_do(main, "Enrich", &enrich_fn, .sides = { main, main });
    expect_error(BEAM_ETYPE,
                 "Enrich: side input 'rates' of DoFn 'test.enrich' is of KV<STRING, INT64>, but "
                 "'Words' holds STRING");
}
END_TEST

START_TEST(another_pipeline)
{
    beam_pcoll *main = words();
    beam_pipeline *other = beam_pipeline_new();
    beam_pcoll *impulse = beam_impulse(other, "Impulse");
    beam_par_do(main, "Enrich", &enrich_fn, .sides = { impulse, main });
    expect_error(BEAM_EINVAL,
                 "Enrich: its side input 'rates' (of DoFn 'test.enrich'), 'Impulse', is of "
                 "another pipeline: steps can only read collections of their own");
    beam_pipeline_free(other);
}
END_TEST

/* -- maps ------------------------------------------------------------------------------- */
static beam_dofn with_side(const beam_side_spec *spec)
{
    return (beam_dofn){ .name = "test.one", .in = BEAM_STRING, .out = BEAM_STRING,
                        .process = test_process, .sides = { spec, 1 } };
}

START_TEST(maps_are_made_of_kvs)
{
    const beam_side_spec any = { "rates", BEAM_SIDE_MULTIMAP, BEAM_ANY, NULL, NULL };
    const beam_dofn fn = with_side(&any);
    beam_pcoll *main = words();
    beam_par_do(main, "Good", &fn, .sides = { pairs() });
    expect_no_error();
    beam_par_do(main, "Bad", &fn, .sides = { main });
    expect_error(BEAM_ETYPE,
                 "Bad: side input 'rates' of DoFn 'test.one' is a map, which is made of KVs, but "
                 "'Words' holds STRING");
}
END_TEST

START_TEST(keys_of_maps_are_deterministic)
{
    const beam_side_spec any = { "rates", BEAM_SIDE_MAP, BEAM_ANY, NULL, NULL };
    const beam_dofn fn = with_side(&any);
    beam_pcoll *grouped = beam_swap(beam_group_by_key(pairs(), "Group"), "Swap");
    beam_par_do(words(), "Bad", &fn, .sides = { grouped });
    ck_assert_int_eq(beam_pipeline_error(p)->status, BEAM_ETYPE);
    const char *expected = "Bad: side input 'rates' of DoFn 'test.one' is a map, but the keys of "
                           "'Swap' cannot be looked up: ";
    ck_assert_msg(!strncmp(beam_pipeline_error(p)->message, expected, strlen(expected)), "%s",
                  beam_pipeline_error(p)->message);
}
END_TEST

/* -- declarations ------------------------------------------------------------------------- */
static beam_window same(beam_window main)
{
    return main;
}

START_TEST(bad_declarations)
{
    static const beam_value zero = { BEAM_KIND_INT64, { .int64 = 0 } };
    static const beam_window_mapping no_name = { NULL, same }, no_map = { "test.same", NULL };
    static const beam_type kv_of_nothing = { BEAM_KIND_KV, { NULL, NULL }, NULL, NULL };
    static const struct {
        beam_side_spec spec;
        const char *message;
    } cases[] = {
        { { "", BEAM_SIDE_LIST, BEAM_STRING, NULL, NULL },
          "Bad: side input 0 of DoFn 'test.one' has no tag" },
        { { "in", BEAM_SIDE_LIST, BEAM_STRING, NULL, NULL },
          "Bad: side input 'in' of DoFn 'test.one' has the tag of the main input: rename it" },
        { { "x", (beam_side_kind)0, BEAM_STRING, NULL, NULL },
          "Bad: side input 'x' of DoFn 'test.one' has no kind: give it BEAM_SIDE_SINGLETON, "
          "_ITERABLE, _LIST, _MAP or _MULTIMAP" },
        { { "x", BEAM_SIDE_LIST, NULL, NULL, NULL },
          "Bad: side input 'x' of DoFn 'test.one' is declared with no type" },
        { { "x", BEAM_SIDE_LIST, &kv_of_nothing, NULL, NULL },
          "Bad: side input 'x' of DoFn 'test.one' is declared with a type without one of its parts" },
        { { "x", BEAM_SIDE_LIST, BEAM_STRING, &zero, NULL },
          "Bad: side input 'x' of DoFn 'test.one' has an .initial, which only a "
          "BEAM_SIDE_SINGLETON can have" },
        { { "x", BEAM_SIDE_LIST, BEAM_STRING, NULL, &no_name },
          "Bad: side input 'x' of DoFn 'test.one' has a window mapping without a name: give it "
          "one, unique in the program" },
        { { "x", BEAM_SIDE_LIST, BEAM_STRING, NULL, &no_map },
          "Bad: side input 'x' of DoFn 'test.one' has a window mapping without .map" },
    };
    for (size_t i = 0; i < BEAM_COUNT(cases); i++) {
        beam_pipeline *own = beam_pipeline_new();
        const beam_dofn fn = with_side(&cases[i].spec);
        beam_pcoll *main = beam_create_strings(own, "Main", NULL, 0);
        beam_par_do(main, "Bad", &fn, .sides = { main });
        ck_assert_ptr_nonnull(beam_pipeline_error(own));
        ck_assert_str_eq(beam_pipeline_error(own)->message, cases[i].message);
        beam_pipeline_free(own);
    }
}
END_TEST

START_TEST(two_of_a_tag)
{
    static const beam_side_spec twice[] = {
        { "x", BEAM_SIDE_LIST, BEAM_STRING, NULL, NULL },
        { "x", BEAM_SIDE_LIST, BEAM_STRING, NULL, NULL },
    };
    beam_dofn fn = with_side(twice);
    fn.sides.n = 2;
    beam_pcoll *main = words();
    beam_par_do(main, "Bad", &fn, .sides = { main, main });
    expect_error(BEAM_EINVAL, "Bad: side input 'x' of DoFn 'test.one' has the tag of another "
                              "one: rename it");
}
END_TEST

START_TEST(a_partition_has_none)
{
    static const beam_side_spec spec = { "x", BEAM_SIDE_LIST, BEAM_STRING, NULL, NULL };
    beam_dofn fn = { .name = "test.split", .in = BEAM_STRING, .partition = test_partition,
                     .sides = { &spec, 1 } };
    beam_pcoll *out[2];
    beam_partition(words(), "Split", &fn, 2, out);
    expect_error(BEAM_EINVAL,
                 "Split: DoFn 'test.split' has .partition, so it cannot have side inputs");
}
END_TEST

/* -- windows ------------------------------------------------------------------------------ */
static const beam_side_spec list = { "x", BEAM_SIDE_LIST, BEAM_STRING, NULL, NULL };

START_TEST(windows_that_merge_are_refused)
{
    const beam_dofn fn = with_side(&list);
    beam_pcoll *main = words();
    beam_pcoll *side = beam_window_into(main, "Sessions", beam_sessions(1000));
    beam_par_do(main, "Bad", &fn, .sides = { side });
    expect_error(BEAM_EINVAL,
                 "Bad: side input 'x' of DoFn 'test.one' has windows that merge, so none belongs "
                 "to one of the main input: put 'Sessions' into other windows with "
                 "beam_window_into()");
}
END_TEST

START_TEST(what_never_ends_is_refused)
{
    const beam_dofn fn = with_side(&list);
    beam_pcoll *main = words(), *side = input_of(BEAM_STRING);
    beam_pcoll *stream = beam_window_into(side, "Fixed", beam_fixed(1000));
    stream->bounded = false;
    beam_pcoll *out = beam_par_do(main, "Good", &fn, .sides = { stream });
    expect_no_error();
    ck_assert(out->bounded); /* as the main input is */
    side->bounded = false;
    beam_par_do(main, "Bad", &fn, .sides = { side });
    expect_error(BEAM_EINVAL,
                 "Bad: side input 'x' of DoFn 'test.one' would never be complete: 'Input' is "
                 "unbounded and in the global window with the default trigger; put a "
                 "beam_window_into() with windows or a trigger before this step");
}
END_TEST

RUN("side_input", side_inputs_follow_the_main_one, nulls_are_sealed, one_is_not_given,
    none_is_given, too_many_are_given, another_type, another_pipeline, maps_are_made_of_kvs,
    keys_of_maps_are_deterministic, bad_declarations, two_of_a_tag, a_partition_has_none,
    windows_that_merge_are_refused, what_never_ends_is_refused)
