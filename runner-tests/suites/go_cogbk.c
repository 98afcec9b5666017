/* SPDX-License-Identifier: Apache-2.0 */
/* The Go SDK's tests of GroupByKey, CoGroupByKey and Reshuffle. */
#include "go.h"

static const string_int some_ints[] = { { "a", 1 }, { "a", 2 }, { "a", 3 },
                                        { "b", 4 }, { "b", 5 }, { "c", 6 } };
static const string_int more_ints[] = { { "a", 7 }, { "b", 8 }, { "d", 9 } };
static const string_pair words[] = { { "a", "alpha" },
                                     { "c", "charlie" },
                                     { "d", "delta" } };
static const string_int repeated[] = { { "a", 1 }, { "a", 1 }, { "a", 1 }, { "b", 4 },
                                       { "b", 4 }, { "c", 6 }, { "c", 6 }, { "c", 6 },
                                       { "c", 6 }, { "c", 6 } };

/* KV<STRING, {ints, ints, words}> -> the sum of the numbers and of the words' lengths. */
static beam_status join(beam_ctx *c, beam_value in)
{
    int64_t sum = 0;
    for (int input = 0; input < 3; input++) {
        beam_iter *it = beam_co_values(in, input);
        for (beam_value v; beam_next(it, &v);)
            sum += input < 2 ? beam_as_int64(v) : (int64_t)beam_as_span(v).len;
    }
    return beam_emit_kv(c, beam_key(in), beam_int64(sum));
}
static const beam_dofn join_fn = {
    .name = "go.join",
    .in = BEAM_KV(BEAM_STRING, BEAM_CO3(BEAM_INT64, BEAM_INT64, BEAM_STRING)),
    .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
    .process = join,
};

static void co_gbk(beam_pipeline *p)
{
    beam_pcoll *inputs[] = { create_string_ints(p, "A", some_ints, BEAM_COUNT(some_ints)),
                             create_string_ints(p, "B", more_ints, BEAM_COUNT(more_ints)),
                             create_string_pairs(p, "C", words, BEAM_COUNT(words)) };
    beam_pcoll *grouped = beam_co_group_by_key(p, "Group", inputs, 3);
    beam_assert_that(beam_par_do(grouped, "Join", &join_fn), "Sums",
                     .lines = "a: 18\nb: 17\nc: 13\nd: 14");
}

static beam_status first_value(beam_ctx *c, beam_value in)
{
    beam_value first;
    return beam_next(beam_as_iter(beam_val(in)), &first) ? beam_emit(c, first) : BEAM_OK;
}
static const beam_dofn first_value_fn = {
    .name = "go.first_value",
    .in = BEAM_KV(BEAM_STRING, BEAM_ITERABLE(BEAM_INT64)),
    .out = BEAM_INT64,
    .process = first_value,
};

static void gbk_short_read(beam_pipeline *p)
{
    beam_pcoll *in = create_string_ints(p, "D", repeated, BEAM_COUNT(repeated));
    beam_pcoll *first = beam_par_do(beam_group_by_key(in, "Group"), "First",
                                    &first_value_fn);
    beam_assert_that(first, "OneOfEach", .lines = "1\n4\n6");
}

static void reshuffle(beam_pipeline *p)
{
    beam_pcoll *in = INTS(p, "In", 1, 2, 3, 4, 5, 6, 7, 8, 9);
    beam_assert_that(beam_reshuffle(in, "Reshuffle"), "All",
                     .lines = "1\n2\n3\n4\n5\n6\n7\n8\n9");
}

static void reshuffle_kv(beam_pipeline *p)
{
    beam_pcoll *a = create_string_ints(p, "A", some_ints, BEAM_COUNT(some_ints));
    beam_pcoll *b = create_string_ints(p, "B", more_ints, BEAM_COUNT(more_ints));
    beam_pcoll *c = create_string_pairs(p, "C", words, BEAM_COUNT(words));
    beam_pcoll *inputs[] = { beam_reshuffle(a, "ReshuffleA"), b,
                             beam_reshuffle(c, "ReshuffleC") };
    beam_pcoll *grouped = beam_co_group_by_key(p, "Group", inputs, 3);
    beam_pcoll *joined = beam_par_do(grouped, "Join", &join_fn);
    beam_assert_that(beam_reshuffle(joined, "ReshuffleJoined"), "Sums",
                     .lines = "a: 18\nb: 17\nc: 13\nd: 14");
}

static const suite_test tests[] = {
    TEST("TestCoGBK", "-", co_gbk),
    TEST("TestGBKShortRead", "-", gbk_short_read),
    TEST("TestReshuffle", "-", reshuffle),
    TEST("TestReshuffleKV", "-", reshuffle_kv),
};
SUITE_TABLE(go_cogbk, "go", tests);
