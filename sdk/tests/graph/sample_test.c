/* SPDX-License-Identifier: Apache-2.0 */
/* Samples and quantiles: types and refusals. */
#include "graph_test.h"

START_TEST(types)
{
    beam_pcoll *in = pairs(), *texts = words();
    expect_type(beam_sample(texts, "Sample", 3), "ITERABLE<STRING>");
    expect_type(beam_sample_per_key(in, "Sample per key", 3), "KV<STRING, ITERABLE<INT64>>");
    expect_type(beam_any(texts, "Any", 1), "STRING");
    expect_type(beam_quantiles(texts, "Quantiles", 5), "ITERABLE<STRING>");
    expect_type(beam_quantiles_per_key(in, "Quantiles per key", 2),
                "KV<STRING, ITERABLE<INT64>>");
    ck_assert_int_eq(bm_graph_check(p), BEAM_OK);
}
END_TEST

START_TEST(too_few)
{
    beam_quantiles(words(), "Q", 1);
    expect_error(BEAM_EINVAL,
                 "Q: beam_quantiles() was asked for 1 values: it must be from 2 to 100000");
}
END_TEST

START_TEST(none_at_all)
{
    beam_sample(words(), "S", 0);
    expect_error(BEAM_EINVAL,
                 "S: beam_sample() was asked for 0 values: it must be from 1 to 2147483647");
}
END_TEST

START_TEST(no_order)
{
    beam_quantiles(pairs(), "Q", 3);
    expect_error(BEAM_ETYPE,
                 "Q: quantiles are of INT64, DOUBLE, STRING or BYTES, but 'Pairs' holds "
                 "KV<STRING, INT64>: map its elements to what they are to be ordered by");
}
END_TEST

START_TEST(no_keys)
{
    beam_sample_per_key(words(), "S", 3);
    ck_assert_ptr_nonnull(beam_pipeline_error(p));
}
END_TEST

RUN("sample", types, too_few, none_at_all, no_order, no_keys)
