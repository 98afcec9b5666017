/* SPDX-License-Identifier: Apache-2.0 */
/* All kinds of user metrics, from the DoFn by way of the local runner's sums to the table that
 * is shown in the end. */
#include <check.h>

#include "../base/run_tests.h"
#include "beam/beam.h"
#include "beam/testing.h"
#include "graph/graph.h"
#include "job/metrics.h"

static beam_status measure(beam_ctx *c, beam_value in)
{
    int64_t n = beam_as_int64(in);
    double real = (double)n / 4;
    static const char *const path[] = { "db", "table" };
    beam_counter_add(c, "a", n);
    beam_counter_add_double(c, "b", real);
    beam_distribution_add(c, "c", n);
    beam_distribution_add_double(c, "d", real);
    beam_gauge_set(c, "e", 7);
    beam_gauge_set_double(c, "f", 7.5);
    beam_string_set_add(c, "g", beam_span_of("text"));
    beam_bounded_trie_add(c, "h", path, 2);
    beam_histogram_add(c, "i", n);
    beam_top_n_add(c, "j", n);
    beam_top_n_add_double(c, "k", real);
    beam_bottom_n_add(c, "l", n);
    beam_bottom_n_add_double(c, "m", real);
    return BEAM_OK;
}
static const beam_dofn measure_fn = { .name = "test.measure",
                                      .in = BEAM_INT64,
                                      .process = measure };

START_TEST(every_kind)
{
    enum { N = 12 };
    beam_value numbers[N];
    for (int i = 0; i < N; i++) numbers[i] = beam_int64(i + 1);
    beam_error err;
    beam_pipeline *p = beam_pipeline_new();
    beam_pcoll *in = beam_create(p, "Numbers", BEAM_INT64, numbers, N);
    beam_par_do(beam_reshuffle(in, "Spread"), "M", &measure_fn);
    beam_status status = beam_test_run(p, .local = true, .bundle_size = 5, .err = &err);
    ck_assert_msg(status == BEAM_OK, "%s", err.message);
    bm_writer text = { 0 };
    bm_metrics_print(*(const bm_metrics *)p->last_metrics, &text);
    bm_write_u8(&text, '\0');
    ck_assert_str_eq(
        (const char *)text.data,
        "  M     a       78\n"
        "  M     b       19.5\n"
        "  M     c       12 values, mean 6.5, min 1, max 12\n"
        "  M     d       12 values, mean 1.625, min 0.25, max 3\n"
        "  M     e       7\n"
        "  M     f       7.5\n"
        "  M     g       1 text: text\n"
        "  M     h       db/table\n"
        "  M     i       12 values, half below 8, 99 of 100 below 16\n"
        "  M     j       12, 11, 10, 9, 8, 7, 6, 5, 4, 3\n"
        "  M     k       3, 2.75, 2.5, 2.25, 2, 1.75, 1.5, 1.25, 1, 0.75\n"
        "  M     l       1, 2, 3, 4, 5, 6, 7, 8, 9, 10\n"
        "  M     m       0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.25, 2.5\n");
    bm_writer_free(&text);
    beam_pipeline_free(p);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { every_kind };
    return RUN_TESTS("program/metrics", tests);
}
