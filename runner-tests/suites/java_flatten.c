/* SPDX-License-Identifier: Apache-2.0 */
/* Java's FlattenTest. */
#include "java.h"

#define FLATTEN(p, ...)                                           \
    beam_flatten((p), "Flatten", (beam_pcoll *[]){ __VA_ARGS__ }, \
                 BEAM_COUNT(((beam_pcoll *[]){ __VA_ARGS__ })))

static beam_value same(beam_ctx *c, beam_value in)
{
    (void)c;
    return in;
}
static const beam_dofn same_fn = { .name = "java.same",
                                   .in = BEAM_STRING,
                                   .out = BEAM_STRING,
                                   .map = same };

static beam_pcoll *no_strings(beam_pipeline *p, const char *name)
{
    return beam_create(p, name, BEAM_STRING, NULL, 0);
}

static void collections(beam_pipeline *p)
{
    beam_pcoll *out = FLATTEN(p, STRINGS(p, "A", "a", "b"), no_strings(p, "None"),
                              STRINGS(p, "C", "c", "d", "d"));
    beam_assert_that(out, "Out", .lines = "a\nb\nc\nd\nd");
}

static void singleton_list(beam_pipeline *p)
{
    beam_assert_that(FLATTEN(p, STRINGS(p, "A", "a", "b")), "Out", .lines = "a\nb");
}

static void then_par_do(beam_pipeline *p)
{
    beam_pcoll *out = FLATTEN(p, STRINGS(p, "A", "a"), STRINGS(p, "B", "b", "c"));
    beam_assert_that(beam_map(out, "Same", &same_fn), "Out", .lines = "a\nb\nc");
}

static void of_empty(beam_pipeline *p)
{
    beam_assert_that(FLATTEN(p, no_strings(p, "A"), no_strings(p, "B")), "Out", .empty = true);
}

static void of_empty_then_par_do(beam_pipeline *p)
{
    beam_pcoll *out = FLATTEN(p, no_strings(p, "A"), no_strings(p, "B"));
    beam_assert_that(beam_map(out, "Same", &same_fn), "Out", .empty = true);
}

static beam_status emit_up_to(beam_ctx *c, beam_value in)
{
    (void)in;
    for (int64_t i = 0; i < 5; i++) BEAM_TRY(beam_emit(c, beam_int64(i)));
    return BEAM_OK;
}
static const beam_dofn emit_up_to_fn = { .name = "java.emit_up_to_5",
                                         .in = BEAM_BYTES,
                                         .out = BEAM_INT64,
                                         .process = emit_up_to };

static void multiple_copies(beam_pipeline *p)
{
    beam_pcoll *five = beam_par_do(beam_impulse(p, "Impulse"), "Five", &emit_up_to_fn);
    beam_pcoll *ints = INTS(p, "Ten", 5, 6, 7, 8, 9);
    beam_assert_that(FLATTEN(p, five, five, ints), "Out",
                     .lines = "0\n1\n2\n3\n4\n0\n1\n2\n3\n4\n5\n6\n7\n8\n9");
}

/* Inputs that are made in two ways and grouped in different windows before. */
static void multiple_coders(beam_pipeline *p)
{
    beam_pcoll *created = INTS(p, "A", 0, 1, 2);
    beam_pcoll *made = beam_par_do(beam_impulse(p, "Impulse"), "Made", &emit_up_to_fn);
    beam_pcoll *reshuffled = beam_reshuffle(INTS(p, "B", 7, 8), "Reshuffle");
    beam_assert_that(FLATTEN(p, created, made, reshuffled), "Out",
                     .lines = "0\n1\n2\n0\n1\n2\n3\n4\n7\n8");
}

enum { SIDE };
static const beam_side_spec sides[] = { [SIDE] = { "side", BEAM_SIDE_ITERABLE, BEAM_STRING,
                                                   NULL, NULL } };
static beam_status emit_side(beam_ctx *c, beam_value in)
{
    (void)in;
    beam_iter *it = beam_side_iter(c, SIDE);
    for (beam_value v; beam_next(it, &v);) BEAM_TRY(beam_emit(c, v));
    return BEAM_OK;
}
static const beam_dofn emit_side_fn = { .name = "java.emit_flattened_side",
                                        .in = BEAM_INT64,
                                        .out = BEAM_STRING,
                                        .sides = BEAM_TABLE(sides),
                                        .process = emit_side };

static void empty_as_side_input(beam_pipeline *p)
{
    beam_pcoll *side = FLATTEN(p, no_strings(p, "A"), no_strings(p, "B"));
    beam_pcoll *out = beam_par_do(INTS(p, "In", 1), "Emit", &emit_side_fn,
                                  .sides = { [SIDE] = side });
    beam_assert_that(out, "Out", .empty = true);
}

/* -- Flatten.iterables: a DoFn here ---------------------------------------------------------- */
static beam_status emit_items(beam_ctx *c, beam_value in)
{
    beam_iter *it = beam_as_iter(beam_val(in));
    for (beam_value v; beam_next(it, &v);) BEAM_TRY(beam_emit(c, v));
    return BEAM_OK;
}
static const beam_dofn emit_items_fn = { .name = "java.emit_items",
                                         .in = BEAM_KV(BEAM_STRING, BEAM_ITERABLE(BEAM_INT64)),
                                         .out = BEAM_INT64,
                                         .process = emit_items };

static void iterables(beam_pipeline *p)
{
    beam_pcoll *in = STRING_INTS(p, "In", { "a", 1 }, { "a", 2 }, { "b", 3 }, { "b", 3 });
    beam_pcoll *out = beam_par_do(beam_group_by_key(in, "Group"), "Items", &emit_items_fn);
    beam_assert_that(out, "Out", .lines = "1\n2\n3\n3");
}

static void iterables_empty(beam_pipeline *p)
{
    beam_pcoll *in = beam_create(p, "None", BEAM_KV(BEAM_STRING, BEAM_INT64), NULL, 0);
    beam_pcoll *out = beam_par_do(beam_group_by_key(in, "Group"), "Items", &emit_items_fn);
    beam_assert_that(out, "Out", .empty = true);
}

/* -- several consumers ------------------------------------------------------------------------ */
enum { NEGATIVE };
static const beam_output_spec negative[] = { [NEGATIVE] = { "negative", BEAM_INT64 } };
static beam_status by_sign(beam_ctx *c, beam_value in)
{
    if (beam_as_int64(in) < 0) return beam_emit_to(c, NEGATIVE, in);
    return beam_emit(c, in);
}
static const beam_dofn by_sign_fn = { .name = "java.by_sign",
                                      .in = BEAM_INT64,
                                      .out = BEAM_INT64,
                                      .outputs = BEAM_TABLE(negative),
                                      .process = by_sign };

/* Both outputs go into one Flatten, and to consumers of their own. */
static void multiple_consumers(beam_pipeline *p)
{
    beam_pcoll *main = beam_par_do(INTS(p, "In", -2, -1, 0, 1), "Sign", &by_sign_fn);
    beam_pcoll *both = FLATTEN(p, main, beam_output(main, NEGATIVE));
    beam_assert_that(main, "Main", .lines = "0\n1");
    beam_assert_that(beam_output(main, NEGATIVE), "Negative", .lines = "-2\n-1");
    beam_assert_that(both, "Both", .lines = "-2\n-1\n0\n1");
    beam_pcoll *sum = beam_combine_globally(both, "Sum", &beam_sum_int64);
    beam_assert_that(sum, "Sum of both", .lines = "-2");
}

#define F(name) "FlattenTest." name
static const suite_test tests[] = {
    TEST(F("testFlattenPCollections"), "-", collections),
    TEST(F("testFlattenPCollectionsSingletonList"), "-", singleton_list),
    TEST(F("testFlattenPCollectionsThenParDo"), "-", then_par_do),
    TEST(F("testFlattenPCollectionsEmpty"), "-", of_empty),
    TEST(F("testFlattenPCollectionsEmptyThenParDo"), "-", of_empty_then_par_do),
    TEST(F("testFlattenInputMultipleCopies"), "-", multiple_copies),
    TEST(F("testFlattenMultipleCoders"), "FlattenWithHeterogeneousCoders", multiple_coders),
    TEST(F("testEmptyFlattenAsSideInput"), "UsesSideInputs", empty_as_side_input),
    TEST(F("testFlattenIterables"), "-", iterables),
    TEST(F("testFlattenIterablesEmpty"), "-", iterables_empty),
    TEST(F("testFlattenMultiplePCollectionsHavingMultipleConsumers"), "-",
         multiple_consumers),
};
SUITE_TABLE(java_flatten, "java", tests);
