/* SPDX-License-Identifier: Apache-2.0 */
/* Java's MapViewTest: side inputs as maps and multimaps. */
#include "java.h"

enum { SIDE };
static const beam_side_spec multimap[] = {
    [SIDE] = { "side", BEAM_SIDE_MULTIMAP, BEAM_KV(BEAM_STRING, BEAM_INT64), NULL, NULL }
};
static const beam_side_spec map[] = {
    [SIDE] = { "side", BEAM_SIDE_MAP, BEAM_KV(BEAM_STRING, BEAM_INT64), NULL, NULL }
};

/* -- one key: the first letter of the element ----------------------------------------------- */
static beam_value first_letter(beam_value in)
{
    return beam_string((beam_span){ beam_as_span(in).ptr, 1 });
}
static beam_status emit_values_of_letter(beam_ctx *c, beam_value in)
{
    beam_iter *it = beam_side_lookup(c, SIDE, first_letter(in));
    for (beam_value v; beam_next(it, &v);) BEAM_TRY(beam_emit_kv(c, in, v));
    return BEAM_OK;
}
static const beam_dofn emit_values_of_letter_fn = { .name = "java.emit_values_of_letter",
                                                    .in = BEAM_STRING,
                                                    .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                                    .sides = BEAM_TABLE(multimap),
                                                    .process = emit_values_of_letter };
static beam_status emit_value_of_letter(beam_ctx *c, beam_value in)
{
    return beam_emit_kv(c, in, beam_side_get(c, SIDE, first_letter(in)));
}
static const beam_dofn emit_value_of_letter_fn = { .name = "java.emit_value_of_letter",
                                                   .in = BEAM_STRING,
                                                   .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                                   .sides = BEAM_TABLE(map),
                                                   .process = emit_value_of_letter };

/* -- all entries; the element is how many keys there are --------------------------------------- */
static beam_status check_keys(beam_ctx *c, beam_value in)
{
    int64_t n = 0;
    beam_iter *keys = beam_side_keys(c, SIDE);
    for (beam_value v; beam_next(keys, &v);) n++;
    if (n != beam_as_int64(in))
        return beam_fail(c, BEAM_EUSER, "%lld keys, expected %lld", (long long)n,
                         (long long)beam_as_int64(in));
    return BEAM_OK;
}
static beam_status emit_entries(beam_ctx *c, beam_value in)
{
    BEAM_TRY(check_keys(c, in));
    beam_iter *entries = beam_side_iter(c, SIDE);
    for (beam_value v; beam_next(entries, &v);) BEAM_TRY(beam_emit(c, v));
    return BEAM_OK;
}
static const beam_dofn emit_multimap_entries_fn = { .name = "java.emit_multimap_entries",
                                                    .in = BEAM_INT64,
                                                    .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                                    .sides = BEAM_TABLE(multimap),
                                                    .process = emit_entries };
static const beam_dofn emit_map_entries_fn = { .name = "java.emit_map_entries",
                                               .in = BEAM_INT64,
                                               .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                               .sides = BEAM_TABLE(map),
                                               .process = emit_entries };

static beam_status emit_if_empty(beam_ctx *c, beam_value in)
{
    beam_value v;
    BEAM_TRY(check_keys(c, beam_int64(0)));
    if (beam_next(beam_side_iter(c, SIDE), &v))
        return beam_fail(c, BEAM_EUSER, "the side input is not empty");
    return beam_emit(c, in);
}
static const beam_dofn emit_if_empty_multimap_fn = { .name = "java.emit_if_empty_multimap",
                                                     .in = BEAM_INT64,
                                                     .out = BEAM_INT64,
                                                     .sides = BEAM_TABLE(multimap),
                                                     .process = emit_if_empty };
static const beam_dofn emit_if_empty_map_fn = { .name = "java.emit_if_empty_map",
                                                .in = BEAM_INT64,
                                                .out = BEAM_INT64,
                                                .sides = BEAM_TABLE(map),
                                                .process = emit_if_empty };

/* -- the tests ------------------------------------------------------------------------------------- */
static beam_pcoll *fruit(beam_pipeline *p)
{
    return STRINGS(p, "Fruit", "apple", "banana", "blackberry");
}
static beam_pcoll *timed_fruit(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_STRINGS(p, "Fruit", { "apple", 5 }, { "banana", 4 },
                                   { "blackberry", 16 });
    return beam_window_into(in, "Windows", beam_fixed(10));
}
static beam_pcoll *three(beam_pipeline *p)
{
    return STRING_INTS(p, "Three", { "a", 1 }, { "a", 2 }, { "b", 3 });
}
static beam_pcoll *two(beam_pipeline *p)
{
    return STRING_INTS(p, "Two", { "a", 1 }, { "b", 3 });
}
static beam_pcoll *none(beam_pipeline *p)
{
    return beam_create(p, "None", BEAM_KV(BEAM_STRING, BEAM_INT64), NULL, 0);
}
static beam_pcoll *sizes(beam_pipeline *p, int64_t size)
{
    beam_pcoll *in = TIMED_INTS(p, "Sizes", { size, 5 }, { size, 16 });
    return beam_window_into(in, "Windows", beam_fixed(10));
}

static void multimap_side(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(fruit(p), "Emit", &emit_values_of_letter_fn,
                                  .sides = { [SIDE] = three(p) });
    beam_assert_that(out, "Out", .lines = "apple: 1\napple: 2\nbanana: 3\nblackberry: 3");
}

static void multimap_entries(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(INTS(p, "Size", 2), "Emit", &emit_multimap_entries_fn,
                                  .sides = { [SIDE] = three(p) });
    beam_assert_that(out, "Out", .lines = "a: 1\na: 2\nb: 3");
}

static void windowed_multimap(beam_pipeline *p)
{
    beam_pcoll *side = TIMED_PAIRS(p, "Side", { "a", 1, 1 }, { "a", 1, 2 }, { "a", 2, 7 },
                                   { "b", 5, 7 }, { "b", 3, 14 });
    side = beam_window_into(side, "SideWindows", beam_fixed(10));
    beam_pcoll *out = beam_par_do(timed_fruit(p), "Emit", &emit_values_of_letter_fn,
                                  .sides = { [SIDE] = side });
    beam_assert_that(out, "Out",
                     .lines = "apple: 1\napple: 1\napple: 2\nbanana: 5\nblackberry: 3");
}

static void windowed_multimap_entries(beam_pipeline *p)
{
    beam_pcoll *side = TIMED_PAIRS(p, "Side", { "a", 1, 1 }, { "a", 2, 7 }, { "b", 3, 14 });
    side = beam_window_into(side, "SideWindows", beam_fixed(10));
    beam_pcoll *out = beam_par_do(sizes(p, 1), "Emit", &emit_multimap_entries_fn,
                                  .sides = { [SIDE] = side });
    beam_assert_that(out, "Out", .lines = "[0, 10) a: 1\n[0, 10) a: 2\n[10, 20) b: 3",
                     .show = BEAM_SHOW_WINDOW);
}

static void empty_multimap(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(INTS(p, "In", 1), "Emit", &emit_if_empty_multimap_fn,
                                  .sides = { [SIDE] = none(p) });
    beam_assert_that(out, "Out", .lines = "1");
}

static void map_side(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(fruit(p), "Emit", &emit_value_of_letter_fn,
                                  .sides = { [SIDE] = two(p) });
    beam_assert_that(out, "Out", .lines = "apple: 1\nbanana: 3\nblackberry: 3");
}

static void map_entries(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(INTS(p, "Size", 2), "Emit", &emit_map_entries_fn,
                                  .sides = { [SIDE] = two(p) });
    beam_assert_that(out, "Out", .lines = "a: 1\nb: 3");
}

static beam_pcoll *windowed_pairs(beam_pipeline *p)
{
    beam_pcoll *side = TIMED_PAIRS(p, "Side", { "a", 1, 1 }, { "b", 2, 4 }, { "b", 3, 18 });
    return beam_window_into(side, "SideWindows", beam_fixed(10));
}

static void windowed_map(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(timed_fruit(p), "Emit", &emit_value_of_letter_fn,
                                  .sides = { [SIDE] = windowed_pairs(p) });
    beam_assert_that(out, "Out", .lines = "apple: 1\nbanana: 2\nblackberry: 3");
}

static void windowed_map_entries(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_INTS(p, "Sizes", { 2, 5 }, { 1, 16 });
    in = beam_window_into(in, "Windows", beam_fixed(10));
    beam_pcoll *out = beam_par_do(in, "Emit", &emit_map_entries_fn,
                                  .sides = { [SIDE] = windowed_pairs(p) });
    beam_assert_that(out, "Out", .lines = "[0, 10) a: 1\n[0, 10) b: 2\n[10, 20) b: 3",
                     .show = BEAM_SHOW_WINDOW);
}

static void empty_map(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(INTS(p, "In", 1), "Emit", &emit_if_empty_map_fn,
                                  .sides = { [SIDE] = none(p) });
    beam_assert_that(out, "Out", .lines = "1");
}

/* Two values of a key, be they equal, make no map. */
static void map_duplicates(beam_pipeline *p)
{
    beam_pcoll *side = STRING_INTS(p, "Twice", { "a", 1 }, { "a", 1 });
    beam_par_do(fruit(p), "Emit", &emit_value_of_letter_fn, .sides = { [SIDE] = side });
}

static void combined_map(beam_pipeline *p)
{
    beam_pcoll *side = STRING_INTS(p, "Three", { "a", 1 }, { "a", 20 }, { "b", 3 });
    side = beam_combine_per_key(side, "Sum", &beam_sum_int64);
    beam_pcoll *out = beam_par_do(fruit(p), "Emit", &emit_value_of_letter_fn,
                                  .sides = { [SIDE] = side });
    beam_assert_that(out, "Out", .lines = "apple: 21\nbanana: 3\nblackberry: 3");
}

#define M(name) "MapViewTest." name
static const suite_test tests[] = {
    TEST(M("testMultimapSideInput"), "UsesSideInputs", multimap_side),
    TEST(M("testMultimapAsEntrySetSideInput"), "UsesSideInputs", multimap_entries),
    TEST(M("testWindowedMultimapSideInput"), "UsesSideInputs", windowed_multimap),
    TEST(M("testWindowedMultimapAsEntrySetSideInput"), "UsesSideInputs",
         windowed_multimap_entries),
    TEST(M("testEmptyMultimapSideInput"), "UsesSideInputs", empty_multimap),
    TEST(M("testMapSideInput"), "UsesSideInputs", map_side),
    TEST(M("testMapAsEntrySetSideInput"), "UsesSideInputs", map_entries),
    TEST(M("testWindowedMapSideInput"), "UsesSideInputs", windowed_map),
    TEST(M("testWindowedMapAsEntrySetSideInput"), "UsesSideInputs", windowed_map_entries),
    TEST(M("testEmptyMapSideInput"), "UsesSideInputs", empty_map),
    TEST(M("testMapSideInputWithNullValuesCatchesDuplicates"), "UsesSideInputs",
         map_duplicates, .fails = "more than one"),
    TEST(M("testCombinedMapSideInput"), "UsesSideInputs", combined_map),
};
SUITE_TABLE(java_map_view, "java", tests);
