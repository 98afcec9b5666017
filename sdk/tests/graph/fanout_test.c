/* SPDX-License-Identifier: Apache-2.0 */
/* CombinePerKey with fanout: the two steps, their types and windowing. */
#include "fns/fn_spec.h"
#include "graph/build.h"
#include "graph_test.h"

START_TEST(two_combines)
{
    beam_pcoll *out = beam_combine_per_key_with_fanout(pairs(), "Mean", &beam_mean_int64, 3);
    expect_type(out, "KV<STRING, DOUBLE>");
    expect_no_error();
    const bm_step *composite = out->producer;
    while (composite->parent) composite = composite->parent;
    const bm_step *spread = composite->first_child, *parts = spread->next_sibling,
                  *gather = parts->next_sibling, *whole = gather->next_sibling;
    expect_type(spread->outputs[0], "KV<KV<STRING, INT64>, INT64>");
    ck_assert_mem_eq(spread->config.ptr, "\3", 1);
    ck_assert_str_eq(parts->combine->name, "beam.fanout_parts");
    ck_assert(beam_type_equal(parts->acc, beam_mean_int64.acc));
    ck_assert_str_eq(whole->combine->name, "beam.fanout_whole");
    ck_assert(beam_type_equal(whole->acc, beam_mean_int64.acc));
    ck_assert(beam_type_equal(gather->outputs[0]->type->arg[1], beam_mean_int64.acc));
    bm_fn_spec spec;
    ck_assert_int_eq(bm_fn_spec_decode(whole->config, &spec, NULL), BEAM_OK);
    ck_assert(beam_span_equal(spec.name, beam_span_of(beam_mean_int64.name)));
    ck_assert_int_eq(bm_graph_check(p), BEAM_OK);
}
END_TEST

START_TEST(windows_are_merged_and_accumulated_at_last)
{
    beam_pcoll *in = beam_window_into(pairs(), "Sessions", beam_sessions(1000),
                                      .accumulation = BEAM_ACCUMULATING);
    beam_pcoll *out = beam_combine_per_key_with_fanout(in, "Sum", &beam_sum_int64, 3);
    expect_no_error();
    const bm_step *composite = out->producer;
    while (composite->parent) composite = composite->parent;
    const bm_step *spread = composite->first_child;
    const bm_step *gather = spread->next_sibling->next_sibling;
    ck_assert_int_eq(spread->outputs[0]->windowing->opts.accumulation, BEAM_DISCARDING);
    ck_assert_ptr_eq(gather->outputs[0]->windowing, in->windowing);
    ck_assert(out->windowing->already_merged);
}
END_TEST

START_TEST(a_fanout_of_nothing)
{
    beam_combine_per_key_with_fanout(pairs(), "Sum", &beam_sum_int64, 0);
    expect_error(BEAM_EINVAL, "Sum: its fanout is 0: it must be from 1 to 1048576");
}
END_TEST

START_TEST(values_that_do_not_fit)
{
    beam_combine_per_key_with_fanout(pairs(), "Sum", &beam_sum_double, 2);
    expect_error(BEAM_ETYPE,
                 "Sum: CombineFn 'beam.sum_double' reads DOUBLE, but 'Pairs' holds KV<STRING, "
                 "INT64>: make the values DOUBLE, or use another CombineFn");
}
END_TEST

RUN("fanout", two_combines, windows_are_merged_and_accumulated_at_last, a_fanout_of_nothing,
    values_that_do_not_fit)
