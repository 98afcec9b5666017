/* SPDX-License-Identifier: Apache-2.0 */
/* Latest, Distinct, Top, Count globally, Wait.on: types, parts, refusals. */
#include "graph/build.h"
#include "graph_test.h"

START_TEST(types)
{
    expect_type(beam_latest_per_key(pairs(), "Latest of each"), "KV<STRING, INT64>");
    beam_pcoll *c = words();
    expect_type(beam_latest(c, "Latest"), "STRING");
    expect_type(beam_distinct(c, "Distinct"), "STRING");
    expect_type(beam_top(c, "Top", 3, BEAM_SMALLEST), "ITERABLE<STRING>");
    expect_type(beam_count_globally(c, "Count"), "INT64");
    expect_type(beam_wait_on(c, "Wait", c), "STRING");
    expect_no_error();
    ck_assert_int_eq(bm_graph_check(p), BEAM_OK);
}
END_TEST

START_TEST(latest_needs_keys)
{
    beam_latest_per_key(words(), "Latest");
    ck_assert_int_eq(beam_pipeline_error(p)->status, BEAM_ETYPE);
}
END_TEST

START_TEST(distinct_needs_one_encoding)
{
    beam_distinct(input_of(BEAM_ITERABLE(BEAM_STRING)), "Distinct");
    expect_error(BEAM_ETYPE,
                 "Distinct: elements are told apart by their encoding, but those of 'Input', "
                 "ITERABLE<STRING>, hold an iterable, which has more than one encoding");
}
END_TEST

START_TEST(top_needs_order)
{
    beam_top(input_of(BEAM_ITERABLE(BEAM_STRING)), "Top", 1, BEAM_LARGEST);
    expect_error(BEAM_ETYPE,
                 "Top: beam_top() orders INT64, DOUBLE, STRING, BYTES and KVs of these, but the "
                 "values of 'Input' are ITERABLE<STRING>: put what to order by in front, as the "
                 "key of a KV");
}
END_TEST

START_TEST(top_keeps_one_or_more)
{
    beam_top(words(), "Top", 0, BEAM_LARGEST);
    expect_error(BEAM_EINVAL, "Top: beam_top() must keep one value or more");
}
END_TEST

/* -- wait --------------------------------------------------------------------------------- */
START_TEST(the_signal_is_one_number_at_the_end_of_its_window)
{
    beam_pcoll *in = words();
    beam_pcoll *signal = beam_window_into(pairs(), "Early", beam_fixed(1000),
                                          .trigger = BEAM_REPEAT(BEAM_AFTER_COUNT(1)),
                                          .allowed_lateness = 7);
    beam_pcoll *out = beam_wait_on(in, "Wait", signal);
    expect_no_error();
    ck_assert_ptr_eq(out->windowing, in->windowing);
    const bm_step *wait = out->producer;
    ck_assert_str_eq(wait->dofn->name, "beam.wait");
    ck_assert_uint_eq(wait->n_inputs, 2);
    ck_assert_str_eq(wait->input_tags[1], "signal");
    expect_type(wait->inputs[1], "INT64");
    ck_assert_str_eq(bm_windowing_text(&p->arena, wait->inputs[1]->windowing),
                     "fixed windows of 1 s, allowed lateness 7 ms");
    ck_assert_ptr_ne(signal->windowing->opts.trigger, NULL); /* itself is as it was */
}
END_TEST

START_TEST(without_a_signal)
{
    beam_wait_on(words(), "Wait", NULL);
    expect_error(BEAM_EINVAL, "Wait: its signal is NULL: pass a collection that another step "
                              "returned");
}
END_TEST

START_TEST(signals_that_merge)
{
    beam_pcoll *in = words();
    beam_wait_on(in, "Wait", beam_window_into(in, "Sessions", beam_sessions(1)));
    expect_error(BEAM_EINVAL,
                 "Wait: the windows of its signal, 'Sessions', merge, so none belongs to one of "
                 "'Words': put it into other windows with beam_window_into()");
}
END_TEST

START_TEST(signals_that_never_end)
{
    beam_pcoll *in = words(), *signal = input_of(BEAM_STRING);
    signal->bounded = false;
    beam_wait_on(in, "Wait", signal);
    ck_assert_int_eq(beam_pipeline_error(p)->status, BEAM_EINVAL);
    ck_assert_ptr_nonnull(strstr(beam_pipeline_error(p)->message, "'Input' is unbounded"));
}
END_TEST

RUN("latest", types, latest_needs_keys, distinct_needs_one_encoding, top_needs_order,
    top_keeps_one_or_more, the_signal_is_one_number_at_the_end_of_its_window, without_a_signal,
    signals_that_merge, signals_that_never_end)
