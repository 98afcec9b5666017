/* SPDX-License-Identifier: Apache-2.0 */
/* The Python SDK's tests of metrics. */
#include "go.h"

static beam_status measure(beam_ctx *c, beam_value in)
{
    beam_counter_add(c, "count", beam_as_int64(in));
    beam_distribution_add(c, "distribution", beam_as_int64(in));
    beam_gauge_set(c, "gauge", 10);
    beam_string_set_add(c, "texts", beam_span_of(beam_as_int64(in) % 2 ? "odd" : "even"));
    return beam_emit(c, in);
}
static const beam_dofn measure_fn = { .name = "py.measure",
                                      .in = BEAM_INT64,
                                      .out = BEAM_INT64,
                                      .process = measure };

static void metrics(beam_pipeline *p)
{
    beam_assert_that(beam_par_do(INTS(p, "In", 1, 2, 3), "Measure", &measure_fn), "Out",
                     .lines = "1\n2\n3");
}

static const char *has_counter(beam_pipeline *p, const char *scope)
{
    (void)scope;
    beam_distribution d = beam_test_distribution(p, NULL, "distribution");
    if (beam_test_counter(p, NULL, "count") != 6) return "the counter is not 6";
    if (d.count != 3 || d.sum != 6 || d.min != 1 || d.max != 3)
        return "the distribution is not of 1, 2 and 3";
    return NULL;
}

static const char *has_gauge(beam_pipeline *p, const char *scope)
{
    const char *problem = has_counter(p, scope);
    if (problem) return problem;
    return beam_test_gauge(p, NULL, "gauge") == 10 ? NULL : "the gauge is not 10";
}

/* The number of elements as a DoFn sees it, before and after a shuffle. */
static beam_status pass(beam_ctx *c, beam_value in)
{
    beam_counter_add(c, "elements", 1);
    return beam_emit(c, in);
}
static const beam_dofn pass_fn = {
    .name = "py.pass", .in = BEAM_INT64, .out = BEAM_INT64, .process = pass
};

static void element_count(beam_pipeline *p)
{
    beam_pcoll *in = beam_par_do(INTS(p, "In", 1, 2, 3, 4), "Before", &pass_fn);
    in = beam_par_do(beam_reshuffle(in, "Shuffle"), "After", &pass_fn);
    beam_assert_that(in, "Out", .count = 4);
}

static const char *counted_twice(beam_pipeline *p, const char *scope)
{
    (void)scope;
    return beam_test_counter(p, NULL, "elements") == 8 ? NULL : "not each element was counted";
}

static const suite_test tests[] = {
    TEST("test_metrics", "UsesCounterMetrics,UsesDistributionMetrics,UsesGaugeMetrics", metrics,
         .needs = NEEDS_METRICS | RUNS_ALONE, .check = has_gauge),
    TEST("FnApiRunnerMetricsTest.test_element_count_metrics", "UsesCounterMetrics",
         element_count, .needs = NEEDS_METRICS | RUNS_ALONE, .check = counted_twice),
    TEST("FnApiRunnerMetricsTest.test_non_user_metrics",
         "UsesCounterMetrics,UsesDistributionMetrics", metrics,
         .needs = NEEDS_METRICS | RUNS_ALONE, .check = has_counter),
};
SUITE_TABLE(py_metrics, "python", tests);
