/* SPDX-License-Identifier: Apache-2.0 */
/* Java's ViewTest: side inputs as singletons, lists and iterables. A side input cannot be
 * changed in C, so tests that try to are left out. */
#include "java.h"

/* -- singletons ----------------------------------------------------------------------------- */
enum { SIDE };
static const beam_side_spec singleton[] = { [SIDE] = { "side", BEAM_SIDE_SINGLETON, BEAM_INT64,
                                                       NULL, NULL } };
static beam_status emit_singleton(beam_ctx *c, beam_value in)
{
    (void)in;
    return beam_emit(c, beam_side(c, SIDE));
}
static const beam_dofn emit_singleton_fn = { .name = "java.emit_singleton",
                                             .in = BEAM_INT64,
                                             .out = BEAM_INT64,
                                             .sides = BEAM_TABLE(singleton),
                                             .process = emit_singleton };

static const beam_value zero = { .kind = BEAM_KIND_INT64, .as = { .int64 = 0 } };
static const beam_side_spec singleton_or_0[] = {
    [SIDE] = { "side", BEAM_SIDE_SINGLETON, BEAM_INT64, &zero, NULL }
};
static const beam_dofn emit_singleton_or_0_fn = { .name = "java.emit_singleton_or_0",
                                                  .in = BEAM_INT64,
                                                  .out = BEAM_INT64,
                                                  .sides = BEAM_TABLE(singleton_or_0),
                                                  .process = emit_singleton };

static void singleton_side(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(INTS(p, "In", 1, 2, 3), "Emit", &emit_singleton_fn,
                                  .sides = { [SIDE] = INTS(p, "Side", 47) });
    beam_assert_that(out, "Out", .lines = "47\n47\n47");
}

/* `main` and `side` at times of their own, both in windows of 10 ms. */
static beam_pcoll *windowed_sides(beam_pipeline *p, const beam_dofn *fn, beam_window_fn windows)
{
    beam_pcoll *side = TIMED_INTS(p, "Side", { 47, 1 }, { 48, 11 });
    beam_pcoll *in = TIMED_INTS(p, "In", { 1, 4 }, { 2, 8 }, { 3, 12 });
    side = beam_window_into(side, "SideWindows", windows);
    in = beam_window_into(in, "Windows", beam_fixed(10));
    return beam_par_do(in, "Emit", fn, .sides = { [SIDE] = side });
}

static void windowed_singleton(beam_pipeline *p)
{
    beam_assert_that(windowed_sides(p, &emit_singleton_fn, beam_fixed(10)), "Out",
                     .lines = "47\n47\n48");
}

/* A window of the side input has no element, and there is no initial value. */
static void windowed_not_present(beam_pipeline *p)
{
    beam_pcoll *side = beam_window_into(TIMED_INTS(p, "Side", { 47, 1 }), "SideWindows",
                                        beam_fixed(10));
    beam_pcoll *in = TIMED_INTS(p, "In", { 1, 4 }, { 2, 8 }, { 3, 12 });
    in = beam_window_into(in, "Windows", beam_fixed(10));
    beam_par_do(in, "Emit", &emit_singleton_fn, .sides = { [SIDE] = side });
}

static void empty_singleton(beam_pipeline *p)
{
    beam_pcoll *none = beam_create(p, "None", BEAM_INT64, NULL, 0);
    beam_par_do(INTS(p, "In", 1, 2, 3), "Emit", &emit_singleton_fn,
                .sides = { [SIDE] = none });
}

static void non_singleton(beam_pipeline *p)
{
    beam_pcoll *ints = INTS(p, "In", 1, 2, 3);
    beam_par_do(ints, "Emit", &emit_singleton_fn, .sides = { [SIDE] = ints });
}

/* The same with panes that are discarded: there are still three elements. */
static void discarding_non_singleton(beam_pipeline *p)
{
    beam_pcoll *ints = INTS(p, "In", 1, 2, 3);
    beam_pcoll *side = beam_window_into(ints, "Discard", beam_global(),
                                        .accumulation = BEAM_DISCARDING);
    beam_par_do(ints, "Emit", &emit_singleton_fn, .sides = { [SIDE] = side });
}

static void fixed_to_fixed(beam_pipeline *p)
{
    beam_pcoll *side = TIMED_INTS(p, "Side", { 2, 1 }, { 3, 11 }, { 4, 13 });
    side = beam_window_into(side, "SideWindows", beam_fixed(10));
    side = beam_combine_globally(side, "Sum", &beam_sum_int64);
    beam_pcoll *in = TIMED_INTS(p, "In", { 1, 4 }, { 2, 8 }, { 3, 12 });
    in = beam_window_into(in, "Windows", beam_fixed(10));
    beam_pcoll *out = beam_par_do(in, "Emit", &emit_singleton_fn, .sides = { [SIDE] = side });
    beam_assert_that(out, "Out", .lines = "2\n2\n7");
}

static void fixed_to_global(beam_pipeline *p)
{
    beam_pcoll *side = TIMED_INTS(p, "Side", { 2, 1 }, { 3, 11 }, { 4, 13 });
    side = beam_combine_globally(side, "Sum", &beam_sum_int64);
    beam_pcoll *in = TIMED_INTS(p, "In", { 1, 4 }, { 2, 8 }, { 3, 12 });
    in = beam_window_into(in, "Windows", beam_fixed(10));
    beam_pcoll *out = beam_par_do(in, "Emit", &emit_singleton_fn, .sides = { [SIDE] = side });
    beam_assert_that(out, "Out", .lines = "9\n9\n9");
}

/* Of the first window the side input has nothing. */
static void fixed_to_fixed_with_default(beam_pipeline *p)
{
    beam_pcoll *side = TIMED_INTS(p, "Side", { 2, 11 }, { 3, 13 });
    side = beam_window_into(side, "SideWindows", beam_fixed(10));
    side = beam_combine_globally(side, "Sum", &beam_sum_int64);
    beam_pcoll *in = TIMED_INTS(p, "In", { 1, 4 }, { 2, 8 }, { 3, 12 });
    in = beam_window_into(in, "Windows", beam_fixed(10));
    beam_pcoll *out = beam_par_do(in, "Emit", &emit_singleton_or_0_fn,
                                  .sides = { [SIDE] = side });
    beam_assert_that(out, "Out", .lines = "0\n0\n5");
}

static const beam_value null_value = { .kind = BEAM_KIND_NONE };
static const beam_side_spec nullable[] = {
    [SIDE] = { "side", BEAM_SIDE_SINGLETON, BEAM_NULLABLE(BEAM_INT64), &null_value, NULL }
};
static beam_status say_null(beam_ctx *c, beam_value in)
{
    beam_value side = beam_side(c, SIDE);
    return beam_emit(c, beam_string(beam_format(c, "%lld %s", (long long)beam_as_int64(in),
                                                beam_is_null(side) ? "null" : "a value")));
}
static const beam_dofn say_null_fn = { .name = "java.say_null",
                                       .in = BEAM_INT64,
                                       .out = BEAM_STRING,
                                       .sides = BEAM_TABLE(nullable),
                                       .process = say_null };

static void null_default(beam_pipeline *p)
{
    const beam_value null = beam_null();
    beam_pcoll *side = beam_create(p, "Null", BEAM_NULLABLE(BEAM_INT64), &null, 1);
    beam_pcoll *none = beam_create(p, "None", BEAM_NULLABLE(BEAM_INT64), NULL, 0);
    beam_pcoll *in = INTS(p, "In", 2);
    beam_pcoll *out = beam_par_do(in, "OfNull", &say_null_fn, .sides = { [SIDE] = side });
    beam_assert_that(out, "Null is an element", .lines = "2 null");
    out = beam_par_do(in, "OfNone", &say_null_fn, .sides = { [SIDE] = none });
    beam_assert_that(out, "Null is the default", .lines = "2 null");
}

/* -- lists -------------------------------------------------------------------------------------- */
static const beam_side_spec list[] = { [SIDE] = { "side", BEAM_SIDE_LIST, BEAM_INT64, NULL,
                                                  NULL } };
static beam_status emit_list(beam_ctx *c, beam_value in)
{
    (void)in;
    if (beam_side_size(c, SIDE) != 4) return beam_fail(c, BEAM_EUSER, "not four elements");
    if (beam_as_int64(beam_side_at(c, SIDE, 0)) != beam_as_int64(beam_side_at(c, SIDE, 0)))
        return beam_fail(c, BEAM_EUSER, "the first element changes");
    beam_iter *it = beam_side_iter(c, SIDE);
    for (beam_value v; beam_next(it, &v);) BEAM_TRY(beam_emit(c, v));
    return BEAM_OK;
}
static const beam_dofn emit_list_fn = { .name = "java.emit_list",
                                        .in = BEAM_INT64,
                                        .out = BEAM_INT64,
                                        .sides = BEAM_TABLE(list),
                                        .process = emit_list };

static void list_side(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(INTS(p, "In", 29, 31), "Emit", &emit_list_fn,
                                  .sides = { [SIDE] = INTS(p, "Side", 11, 13, 17, 23) });
    beam_assert_that(out, "Out", .lines = "11\n13\n17\n23\n11\n13\n17\n23");
}

static beam_status emit_backwards(beam_ctx *c, beam_value in)
{
    (void)in;
    size_t n = beam_side_size(c, SIDE);
    int64_t seen = 0;
    beam_iter *it = beam_side_iter(c, SIDE);
    for (beam_value v; beam_next(it, &v); seen++)
        if (beam_as_int64(v) != beam_as_int64(beam_side_at(c, SIDE, (size_t)seen)))
            return beam_fail(c, BEAM_EUSER, "element %lld is another one when iterated",
                             (long long)seen);
    if (!beam_is_null(beam_side_at(c, SIDE, n)))
        return beam_fail(c, BEAM_EUSER, "there is an element after the last");
    while (n--) BEAM_TRY(beam_emit(c, beam_side_at(c, SIDE, n)));
    return BEAM_OK;
}
static const beam_dofn emit_backwards_fn = { .name = "java.emit_backwards",
                                             .in = BEAM_INT64,
                                             .out = BEAM_INT64,
                                             .sides = BEAM_TABLE(list),
                                             .process = emit_backwards };

static void list_random_access(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(INTS(p, "In", 29, 31), "Emit", &emit_backwards_fn,
                                  .sides = { [SIDE] = INTS(p, "Side", 11, 13, 17, 23) });
    beam_assert_that(out, "Out", .lines = "11\n13\n17\n23\n11\n13\n17\n23");
}

static beam_pcoll *eight_in_two_windows(beam_pipeline *p)
{
    beam_pcoll *side = TIMED_INTS(p, "Side", { 11, 1 }, { 13, 1 }, { 17, 1 }, { 23, 1 },
                                  { 31, 11 }, { 33, 11 }, { 37, 11 }, { 43, 11 });
    return beam_window_into(side, "SideWindows", beam_fixed(10));
}
static beam_pcoll *two_in_two_windows(beam_pipeline *p)
{
    return beam_window_into(TIMED_INTS(p, "In", { 29, 1 }, { 35, 11 }), "Windows",
                            beam_fixed(10));
}

static void windowed_list(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(two_in_two_windows(p), "Emit", &emit_list_fn,
                                  .sides = { [SIDE] = eight_in_two_windows(p) });
    beam_assert_that(out, "Out",
                     .lines = "[0, 10) 11\n[0, 10) 13\n[0, 10) 17\n[0, 10) 23\n"
                              "[10, 20) 31\n[10, 20) 33\n[10, 20) 37\n[10, 20) 43",
                     .show = BEAM_SHOW_WINDOW);
}

static beam_status emit_if_empty(beam_ctx *c, beam_value in)
{
    beam_value v;
    if (beam_next(beam_side_iter(c, SIDE), &v))
        return beam_fail(c, BEAM_EUSER, "the side input is not empty");
    return beam_emit(c, in);
}
static beam_status emit_if_empty_list(beam_ctx *c, beam_value in)
{
    if (beam_side_size(c, SIDE) != 0) return beam_fail(c, BEAM_EUSER, "the size is not 0");
    return emit_if_empty(c, in);
}
static const beam_dofn emit_if_empty_list_fn = { .name = "java.emit_if_empty_list",
                                                 .in = BEAM_INT64,
                                                 .out = BEAM_INT64,
                                                 .sides = BEAM_TABLE(list),
                                                 .process = emit_if_empty_list };

static void empty_list(beam_pipeline *p)
{
    beam_pcoll *none = beam_create(p, "None", BEAM_INT64, NULL, 0);
    beam_pcoll *out = beam_par_do(INTS(p, "In", 1), "Emit", &emit_if_empty_list_fn,
                                  .sides = { [SIDE] = none });
    beam_assert_that(out, "Out", .lines = "1");
}

/* -- iterables --------------------------------------------------------------------------------- */
static const beam_side_spec iterable[] = { [SIDE] = { "side", BEAM_SIDE_ITERABLE, BEAM_INT64,
                                                      NULL, NULL } };
static beam_status emit_iterable(beam_ctx *c, beam_value in)
{
    (void)in;
    beam_iter *it = beam_side_iter(c, SIDE);
    for (beam_value v; beam_next(it, &v);) BEAM_TRY(beam_emit(c, v));
    return BEAM_OK;
}
static const beam_dofn emit_iterable_fn = { .name = "java.emit_iterable",
                                            .in = BEAM_INT64,
                                            .out = BEAM_INT64,
                                            .sides = BEAM_TABLE(iterable),
                                            .process = emit_iterable };
static const beam_dofn emit_if_empty_fn = { .name = "java.emit_if_empty",
                                            .in = BEAM_INT64,
                                            .out = BEAM_INT64,
                                            .sides = BEAM_TABLE(iterable),
                                            .process = emit_if_empty };

static void iterable_side(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(INTS(p, "In", 29, 31), "Emit", &emit_iterable_fn,
                                  .sides = { [SIDE] = INTS(p, "Side", 11, 13, 17, 23) });
    beam_assert_that(out, "Out", .lines = "11\n13\n17\n23\n11\n13\n17\n23");
}

static void windowed_iterable(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(two_in_two_windows(p), "Emit", &emit_iterable_fn,
                                  .sides = { [SIDE] = eight_in_two_windows(p) });
    beam_assert_that(out, "Out",
                     .lines = "[0, 10) 11\n[0, 10) 13\n[0, 10) 17\n[0, 10) 23\n"
                              "[10, 20) 31\n[10, 20) 33\n[10, 20) 37\n[10, 20) 43",
                     .show = BEAM_SHOW_WINDOW);
}

static void empty_iterable(beam_pipeline *p)
{
    beam_pcoll *none = beam_create(p, "None", BEAM_INT64, NULL, 0);
    beam_pcoll *out = beam_par_do(INTS(p, "In", 1), "Emit", &emit_if_empty_fn,
                                  .sides = { [SIDE] = none });
    beam_assert_that(out, "Out", .lines = "1");
}

static const beam_side_spec groups[] = {
    [SIDE] = { "side", BEAM_SIDE_ITERABLE,
               BEAM_KV(BEAM_STRING, BEAM_ITERABLE(BEAM_INT64)), NULL, NULL }
};
static beam_status emit_nested(beam_ctx *c, beam_value in)
{
    (void)in;
    beam_iter *outer = beam_side_iter(c, SIDE);
    for (beam_value group; beam_next(outer, &group);) {
        beam_iter *inner = beam_as_iter(beam_val(group));
        for (beam_value v; beam_next(inner, &v);) BEAM_TRY(beam_emit(c, v));
    }
    return BEAM_OK;
}
static const beam_dofn emit_nested_fn = { .name = "java.emit_nested",
                                          .in = BEAM_INT64,
                                          .out = BEAM_INT64,
                                          .sides = BEAM_TABLE(groups),
                                          .process = emit_nested };

static void nested_iterables(beam_pipeline *p)
{
    beam_pcoll *side = STRING_INTS(p, "Pairs", { "a", 11 }, { "a", 13 }, { "b", 17 },
                                   { "c", 23 });
    side = beam_group_by_key(side, "Group");
    beam_pcoll *out = beam_par_do(INTS(p, "In", 29, 31), "Emit", &emit_nested_fn,
                                  .sides = { [SIDE] = side });
    beam_assert_that(out, "Out", .lines = "11\n13\n17\n23\n11\n13\n17\n23");
}

#define V(name) "ViewTest." name
static const suite_test tests[] = {
    TEST(V("testSingletonSideInput"), "UsesSideInputs", singleton_side),
    TEST(V("testWindowedSingletonSideInput"), "UsesSideInputs", windowed_singleton),
    TEST(V("testWindowedSideInputNotPresent"), "UsesSideInputs", windowed_not_present,
         .fails = "holds no element"),
    TEST(V("testEmptySingletonSideInput"), "UsesSideInputs", empty_singleton,
         .fails = "holds no element"),
    TEST(V("testNonSingletonSideInput"), "UsesSideInputs", non_singleton,
         .fails = "more than one"),
    TEST(V("testDiscardingNonSingletonSideInput"), "UsesSideInputs", discarding_non_singleton,
         .fails = "more than one"),
    TEST(V("testListSideInput"), "UsesSideInputs", list_side),
    TEST(V("testListWithRandomAccessSideInput"), "UsesSideInputs", list_random_access),
    TEST(V("testWindowedListSideInput"), "UsesSideInputs", windowed_list),
    TEST(V("testEmptyListSideInput"), "UsesSideInputs", empty_list),
    TEST(V("testIterableSideInput"), "UsesSideInputs", iterable_side),
    TEST(V("testWindowedIterableSideInput"), "UsesSideInputs", windowed_iterable),
    TEST(V("testEmptyIterableSideInput"), "UsesSideInputs", empty_iterable),
    TEST(V("testWindowedSideInputFixedToFixed"), "UsesSideInputs", fixed_to_fixed),
    TEST(V("testWindowedSideInputFixedToGlobal"), "UsesSideInputs", fixed_to_global),
    TEST(V("testWindowedSideInputFixedToFixedWithDefault"), "UsesSideInputs",
         fixed_to_fixed_with_default),
    TEST(V("testSideInputWithNullDefault"), "UsesSideInputs", null_default),
    TEST(V("testSideInputWithNestedIterables"), "UsesSideInputs", nested_iterables),
};
SUITE_TABLE(java_view, "java", tests);
