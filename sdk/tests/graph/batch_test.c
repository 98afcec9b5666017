/* SPDX-License-Identifier: Apache-2.0 */
/* GroupIntoBatches: types and refusals. */
#include "graph_test.h"

START_TEST(types)
{
    beam_pcoll *in = pairs();
    expect_type(beam_group_into_batches(in, "Batches", .size = 10),
                "KV<STRING, ITERABLE<INT64>>");
    beam_pcoll *sharded = beam_group_into_batches(in, "Sharded", .bytes = 1000,
                                                  .buffering_ms = 50, .sharded = true);
    expect_type(sharded, "KV<KV<STRING, BYTES>, ITERABLE<INT64>>");
    const beam_type **states = sharded->producer->state_types;
    ck_assert_str_eq(bm_type_text(&p->arena, states[0]), "INT64");
    ck_assert_int_eq(bm_graph_check(p), BEAM_OK);
}
END_TEST

START_TEST(no_limit)
{
    beam_group_into_batches(pairs(), "Batches", .buffering_ms = 5);
    expect_error(BEAM_EINVAL, "Batches: beam_group_into_batches() needs .size or .bytes: "
                              "without, a batch has no end");
}
END_TEST

START_TEST(negative_limit)
{
    beam_group_into_batches(pairs(), "Batches", .size = -1);
    expect_error(BEAM_EINVAL,
                 "Batches: a limit of beam_group_into_batches() is negative");
}
END_TEST

START_TEST(no_keys)
{
    beam_group_into_batches(words(), "Batches", .size = 5);
    ck_assert_ptr_nonnull(beam_pipeline_error(p));
}
END_TEST

RUN("batch", types, no_limit, negative_limit, no_keys)
