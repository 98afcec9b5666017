/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as data: the outputs of failed elements, the handler of a whole pipeline. */
#include "fns/fn_spec.h"
#include "beam/splittable.h"
#include "graph_test.h"

static const beam_output_spec parse_outputs[] = { { "size", BEAM_INT64 } };
static const beam_dofn parse_fn = { .name = "test.parse",
                                    .in = BEAM_STRING,
                                    .out = BEAM_STRING,
                                    .outputs = BEAM_TABLE(parse_outputs),
                                    .process = test_process };
static const beam_dofn split_fn = { .name = "test.split",
                                    .in = BEAM_STRING,
                                    .partition = test_partition };
static const beam_state_spec states[] = { BEAM_BAG_STATE("all", BEAM_INT64) };
static const beam_dofn stateful_fn = { .name = "test.stateful",
                                       .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                       .states = BEAM_TABLE(states),
                                       .process = test_process };
static beam_value no_restriction(beam_ctx *c, beam_value in)
{
    (void)in;
    return beam_offsets(c, 0, 0);
}
static const beam_sdf sdf = { .tracker = &beam_offset_tracker, .initial = no_restriction };
static const beam_dofn splittable_fn = { .name = "test.splittable",
                                         .in = BEAM_STRING,
                                         .out = BEAM_STRING,
                                         .process = test_process,
                                         .sdf = &sdf };
static const beam_dofn sink_fn = { .name = "test.failures_sink",
                                   .in = BEAM_FAILURE,
                                   .process = test_process };

START_TEST(one_step)
{
    beam_pcoll *bad, *good = beam_par_do(words(), "Parse", &parse_fn, .failures = &bad,
                                         .attempts = 3);
    expect_type(good, "STRING");
    expect_type(beam_output(good, 0), "INT64");
    ck_assert_ptr_eq(bad->producer, good->producer);
    ck_assert_str_eq(bad->tag, BM_FAILURES_TAG);
    ck_assert_uint_eq(good->producer->attempts, 3);
    beam_par_do(bad, "Dead letters", &sink_fn);
    expect_no_error();
}
END_TEST

START_TEST(without_it_nothing_changes)
{
    beam_pcoll *good = beam_par_do(words(), "Parse", &parse_fn);
    ck_assert_uint_eq(good->producer->n_outputs, 2);
    ck_assert_uint_eq(good->producer->attempts, 0);
}
END_TEST

START_TEST(the_whole_pipeline)
{
    beam_pcoll *in = words(), *parts[2], *own;
    beam_failures_begin(p, "Failures");
    beam_pcoll *minutes = beam_window_into(beam_par_do(in, "Parse", &parse_fn), "Minutes",
                                           beam_fixed(60000));
    beam_partition(minutes, "Split", &split_fn, 2, parts);
    beam_par_do(parts[0], "Own", &parse_fn, .failures = &own);
    beam_values(pairs(), "Ours");
    beam_pcoll *all = beam_failures_end(p);
    expect_type(all, bm_type_text(&p->arena, BEAM_FAILURE));
    ck_assert_uint_eq(all->producer->n_inputs, 2);
    ck_assert_int_eq(all->windowing->opts.fn.kind, BEAM_WINDOW_GLOBAL);
    beam_failures_threshold(all, "Threshold", in, 0.01);
    ck_assert_int_eq(bm_graph_check(p), BEAM_OK);
    expect_no_error();
}
END_TEST

START_TEST(a_pipeline_of_which_nothing_can_fail)
{
    beam_failures_begin(p, "Failures");
    beam_pcoll *none = beam_failures_end(p);
    expect_type(none, bm_type_text(&p->arena, BEAM_FAILURE));
}
END_TEST

START_TEST(stateful_dofns)
{
    beam_pcoll *bad;
    beam_par_do(pairs(), "Sum", &stateful_fn, .failures = &bad, .attempts = 3);
    ck_assert_str_eq(bad->tag, BM_FAILURES_TAG);
    expect_no_error();
}
END_TEST

START_TEST(splittable_dofns)
{
    beam_pcoll *bad, *in = words();
    beam_par_do(in, "Once", &splittable_fn, .failures = &bad);
    expect_no_error();
    beam_par_do(in, "Twice", &splittable_fn, .failures = &bad, .attempts = 2);
    expect_error(BEAM_EINVAL,
                 "Twice/Process: DoFn 'test.splittable' is splittable, and what it has claimed and "
                 "emitted for a failed element stands: it cannot have more than one of .attempts");
}
END_TEST

START_TEST(too_many_attempts)
{
    beam_pcoll *bad;
    beam_par_do(words(), "Parse", &parse_fn, .failures = &bad, .attempts = 1001);
    expect_error(BEAM_EINVAL, "Parse: .attempts is 1001: it must be from 0 to 1000");
}
END_TEST

START_TEST(attempts_alone)
{
    beam_par_do(words(), "Parse", &parse_fn, .attempts = 2);
    expect_error(BEAM_EINVAL, "Parse: .attempts is for steps with .failures");
}
END_TEST

START_TEST(nested_handlers)
{
    beam_failures_begin(p, "A");
    beam_failures_begin(p, "B");
    expect_error(BEAM_ESTATE,
                 "beam_failures_begin('B'): 'A' is still open, and they do not nest: call "
                 "beam_failures_end() first");
}
END_TEST

START_TEST(an_end_without_a_beginning)
{
    beam_failures_end(p);
    expect_error(BEAM_ESTATE,
                 "beam_failures_end() without beam_failures_begin() before it");
}
END_TEST

START_TEST(an_open_handler)
{
    words();
    beam_failures_begin(p, "A");
    bm_graph_check(p);
    expect_error(BEAM_ESTATE,
                 "beam_failures_begin('A') is still open: call beam_failures_end()");
}
END_TEST

START_TEST(a_bad_threshold)
{
    beam_pcoll *bad;
    beam_pcoll *in = words();
    beam_par_do(in, "Parse", &parse_fn, .failures = &bad);
    beam_failures_threshold(bad, "Threshold", in, 2);
    expect_error(BEAM_EINVAL,
                 "Threshold: the share of elements that may fail is 2, not from 0 to 1");
}
END_TEST

RUN("failures", one_step, without_it_nothing_changes, the_whole_pipeline,
    a_pipeline_of_which_nothing_can_fail, stateful_dofns, splittable_dofns, too_many_attempts, attempts_alone,
    nested_handlers, an_end_without_a_beginning, an_open_handler, a_bad_threshold)
