/* SPDX-License-Identifier: Apache-2.0 */
/* The Python SDK's tests of side inputs. */
#include "go.h"

/* -- every main element with every side element, as "main:side" -------------------------- */
enum { SIDE };
static const beam_side_spec any_iterable[] = { [SIDE] = { "side", BEAM_SIDE_ITERABLE, BEAM_ANY,
                                                          NULL, NULL } };

static beam_status cross(beam_ctx *c, beam_value in)
{
    beam_span main_text = beam_text(c, in, false);
    beam_iter *it = beam_side_iter(c, SIDE);
    for (beam_value v; beam_next(it, &v);) {
        beam_span side = beam_text(c, v, false);
        BEAM_TRY(beam_emit(c, beam_string(beam_format(c, BEAM_SPAN_FMT ":" BEAM_SPAN_FMT,
                                                      BEAM_SPAN_ARG(main_text),
                                                      BEAM_SPAN_ARG(side)))));
    }
    return BEAM_OK;
}
static const beam_dofn cross_fn = { .name = "py.cross",
                                    .in = BEAM_ANY,
                                    .out = BEAM_STRING,
                                    .sides = BEAM_TABLE(any_iterable),
                                    .process = cross };

static beam_pcoll *letters(beam_pipeline *p, const char *name)
{
    return beam_create_strings(p, name, (const char *const[]){ "a", "b", "c" }, 3);
}

static void side_inputs(beam_pipeline *p)
{
    beam_pcoll *side = beam_create_strings(p, "Side", (const char *const[]){ "x", "y" }, 2);
    beam_pcoll *out = beam_par_do(letters(p, "Main"), "Cross", &cross_fn,
                                  .sides = { [SIDE] = side });
    beam_assert_that(out, "Out", .lines = "a:x\na:y\nb:x\nb:y\nc:x\nc:y");
}

/* -- one step's output is another's side input ------------------------------------------- */
static beam_status at_least(beam_ctx *c, beam_value in)
{
    int64_t n = 0;
    beam_iter *it = beam_side_iter(c, SIDE);
    for (beam_value v; beam_next(it, &v);) n++;
    return beam_emit(c, beam_int64(n + beam_as_int64(in)));
}
static const beam_dofn at_least_fn = { .name = "py.at_least",
                                       .in = BEAM_INT64,
                                       .out = BEAM_INT64,
                                       .sides = BEAM_TABLE(any_iterable),
                                       .process = at_least };

static void dependencies(beam_pipeline *p)
{
    beam_pcoll *inputs[3];
    for (int i = 0; i < 3; i++) {
        beam_pcoll *in = INTS(p, beam_pipeline_format(p, "In %d", i), i);
        inputs[i] = i ? beam_par_do(in, beam_pipeline_format(p, "Step %d", i), &at_least_fn,
                                    .sides = { [SIDE] = inputs[i - 1] })
                      : in;
    }
    beam_pcoll *all = beam_flatten(p, "Flatten", inputs, 3);
    beam_assert_that(all, "All", .lines = "0\n2\n3");
}

static void sparse_dependencies(beam_pipeline *p)
{
    beam_pcoll *first = INTS(p, "First", 1, 2);
    beam_pcoll *second = beam_par_do(INTS(p, "Second", 10), "Two", &at_least_fn,
                                     .sides = { [SIDE] = first });
    beam_pcoll *third = INTS(p, "Third", 100);
    beam_pcoll *last = beam_par_do(third, "Last", &at_least_fn, .sides = { [SIDE] = second });
    last = beam_par_do(last, "Again", &at_least_fn, .sides = { [SIDE] = first });
    beam_assert_that(last, "Out", .lines = "103");
}

/* -- windows -------------------------------------------------------------------------------- */
static beam_millis at_value(beam_ctx *c, beam_value in)
{
    (void)c;
    return beam_as_int64(in);
}
static const beam_dofn at_value_fn = { .name = "py.side.at_value",
                                       .in = BEAM_INT64,
                                       .timestamp = at_value };

static void windowed(beam_pipeline *p)
{
    beam_pcoll *in = beam_with_timestamps(INTS(p, "In", 1, 2, 3, 11, 12), "Time", &at_value_fn);
    beam_pcoll *main_in = beam_window_into(in, "Ten", beam_fixed(10));
    beam_pcoll *side = beam_window_into(in, "Five", beam_fixed(5), .allowed_lateness = 0);
    /* The side input's window is that of the main window's end, [5, 10) and [15, 20): none. */
    beam_pcoll *none = beam_par_do(main_in, "None", &cross_fn, .sides = { [SIDE] = side });
    beam_assert_that(none, "Nothing", .empty = true);
    beam_pcoll *same = beam_par_do(main_in, "Same", &cross_fn, .sides = { [SIDE] = main_in });
    beam_assert_that(same, "Pairs",
                     .lines = "1:1\n1:2\n1:3\n2:1\n2:2\n2:3\n3:1\n3:2\n3:3\n11:11\n11:12\n12:11\n"
                              "12:12");
}

static void flattened(beam_pipeline *p)
{
    beam_pcoll *parts[] = { INTS(p, "A", 1), INTS(p, "B", 2), INTS(p, "C", 3) };
    beam_pcoll *side = beam_flatten(p, "Side", parts, 3);
    beam_pcoll *out = beam_par_do(INTS(p, "Main", 7), "Cross", &cross_fn,
                                  .sides = { [SIDE] = side });
    beam_assert_that(out, "Out", .lines = "7:1\n7:2\n7:3");
}

static void grouped(beam_pipeline *p)
{
    const string_int pairs[] = { { "a", 1 }, { "b", 2 }, { "a", 3 } };
    beam_pcoll *side = beam_group_by_key(create_string_ints(p, "Pairs", pairs, 3), "Group");
    beam_pcoll *out = beam_par_do(INTS(p, "Main", 7), "Cross", &cross_fn,
                                  .sides = { [SIDE] = side });
    beam_assert_that(out, "Out", .lines = "7:a: [1, 3]\n7:b: [2]");
}

/* -- multimaps -------------------------------------------------------------------------------- */
static const beam_side_spec multimap[] = { [SIDE] = { "side", BEAM_SIDE_MULTIMAP,
                                                      BEAM_KV(BEAM_STRING, BEAM_INT64), NULL,
                                                      NULL } };

static beam_status look_up(beam_ctx *c, beam_value in)
{
    int64_t sum = 0;
    beam_iter *it = beam_side_lookup(c, SIDE, in);
    for (beam_value v; beam_next(it, &v);) sum += beam_as_int64(v);
    return beam_emit_kv(c, in, beam_int64(sum));
}
static const beam_dofn look_up_fn = { .name = "py.look_up",
                                      .in = BEAM_STRING,
                                      .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                      .sides = BEAM_TABLE(multimap),
                                      .process = look_up };

static void multimap_side(beam_pipeline *p)
{
    const string_int pairs[] = { { "a", 1 }, { "b", 2 }, { "a", 3 } };
    beam_pcoll *side = create_string_ints(p, "Side", pairs, 3);
    beam_pcoll *out = beam_par_do(letters(p, "Main"), "Look up", &look_up_fn,
                                  .sides = { [SIDE] = side });
    beam_assert_that(out, "Out", .lines = "a: 4\nb: 2\nc: 0");
}

enum { LEFT, RIGHT };
static const beam_side_spec two_multimaps[] = {
    [LEFT] = { "left", BEAM_SIDE_MULTIMAP, BEAM_KV(BEAM_STRING, BEAM_INT64), NULL, NULL },
    [RIGHT] = { "right", BEAM_SIDE_MULTIMAP, BEAM_KV(BEAM_STRING, BEAM_INT64), NULL, NULL },
};

static int64_t sum_of(beam_ctx *c, int side, beam_value key)
{
    int64_t sum = 0;
    beam_iter *it = beam_side_lookup(c, side, key);
    for (beam_value v; beam_next(it, &v);) sum += beam_as_int64(v);
    return sum;
}

static beam_status look_up_both(beam_ctx *c, beam_value in)
{
    int64_t left = sum_of(c, LEFT, in), right = sum_of(c, RIGHT, in);
    return beam_emit(c, beam_string(beam_format(c, BEAM_SPAN_FMT " %lld %lld",
                                                BEAM_SPAN_ARG(beam_as_span(in)),
                                                (long long)left, (long long)right)));
}
static const beam_dofn look_up_both_fn = { .name = "py.look_up_both",
                                           .in = BEAM_STRING,
                                           .out = BEAM_STRING,
                                           .sides = BEAM_TABLE(two_multimaps),
                                           .process = look_up_both };

static void multimap_multiside(beam_pipeline *p)
{
    const string_int left[] = { { "a", 1 }, { "b", 2 } }, right[] = { { "a", 10 }, { "a", 20 } };
    beam_pcoll *out = beam_par_do(letters(p, "Main"), "Look up", &look_up_both_fn,
                                  .sides = { [LEFT] = create_string_ints(p, "Left", left, 2),
                                             [RIGHT] = create_string_ints(p, "Right", right, 2) });
    beam_assert_that(out, "Out", .lines = "a 1 30\nb 2 0\nc 0 0");
}

/* Keys that are encoded by a coder of their own: KVs. */
static const beam_side_spec by_pair[] = {
    [SIDE] = { "side", BEAM_SIDE_MAP,
               BEAM_KV(BEAM_KV(BEAM_INT64, BEAM_STRING), BEAM_STRING), NULL, NULL }
};

static beam_status look_up_pair(beam_ctx *c, beam_value in)
{
    return beam_emit(c, beam_side_get(c, SIDE, in));
}
static const beam_dofn look_up_pair_fn = { .name = "py.look_up_pair",
                                           .in = BEAM_KV(BEAM_INT64, BEAM_STRING),
                                           .out = BEAM_STRING,
                                           .sides = BEAM_TABLE(by_pair),
                                           .process = look_up_pair };

static void type_coercion(beam_pipeline *p)
{
    const beam_value key[] = { beam_int64(1), beam_string(beam_span_of("a")) };
    const beam_value entry[] = { beam_kv(key), beam_string(beam_span_of("found")) };
    const beam_value keys[] = { beam_kv(key) }, entries[] = { beam_kv(entry) };
    beam_pcoll *side = beam_create(p, "Side", by_pair[SIDE].type, entries, 1);
    beam_pcoll *in = beam_create(p, "Main", look_up_pair_fn.in, keys, 1);
    beam_assert_that(beam_par_do(in, "Look up", &look_up_pair_fn, .sides = { [SIDE] = side }),
                     "Out", .lines = "found");
}

/* -- a side input that comes from the main input ------------------------------------------- */
static void unfusable(beam_pipeline *p)
{
    beam_pcoll *in = INTS(p, "In", 1, 2);
    beam_pcoll *out = beam_par_do(in, "Cross", &cross_fn, .sides = { [SIDE] = in });
    beam_assert_that(out, "Out", .lines = "1:1\n1:2\n2:1\n2:2");
}

static beam_value next(beam_ctx *c, beam_value in)
{
    (void)c;
    return beam_int64(beam_as_int64(in) + 10);
}
static const beam_dofn next_fn = { .name = "py.side.next",
                                   .in = BEAM_INT64,
                                   .out = BEAM_INT64,
                                   .map = next };

static void unfusable_later(beam_pipeline *p)
{
    beam_pcoll *in = INTS(p, "In", 1, 2), *side = beam_map(in, "Next", &next_fn);
    beam_pcoll *out = beam_par_do(in, "Cross", &cross_fn, .sides = { [SIDE] = side });
    beam_assert_that(out, "Out", .lines = "1:11\n1:12\n2:11\n2:12");
}

static const suite_test tests[] = {
    TEST("test_pardo_side_inputs", "UsesSideInputs", side_inputs),
    TEST("test_pardo_side_input_dependencies", "UsesSideInputs", dependencies),
    TEST("test_pardo_side_input_sparse_dependencies", "UsesSideInputs", sparse_dependencies),
    TEST("test_pardo_windowed_side_inputs", "UsesSideInputs", windowed),
    TEST("test_flattened_side_input", "UsesSideInputs", flattened),
    TEST("test_gbk_side_input", "UsesSideInputs", grouped),
    TEST("test_multimap_side_input", "UsesSideInputs", multimap_side),
    TEST("test_multimap_multiside_input", "UsesSideInputs", multimap_multiside),
    TEST("test_multimap_side_input_type_coercion", "UsesSideInputs", type_coercion),
    TEST("test_pardo_unfusable_side_inputs", "UsesSideInputs", unfusable),
    TEST("test_pardo_unfusable_side_inputs_with_separation", "UsesSideInputs", unfusable_later),
};
SUITE_TABLE(py_side, "python", tests);
