/* SPDX-License-Identifier: Apache-2.0 */
/* See graph_test.h. */
#include "graph_test.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"

beam_pipeline *p;

static void set_up(void)
{
    p = beam_pipeline_new();
}

static void tear_down(void)
{
    beam_pipeline_free(p);
}

void expect_error(beam_status status, const char *message)
{
    const beam_error *error = beam_pipeline_error(p);
    ck_assert_msg(error != NULL, "no error, but expected: %s", message);
    ck_assert_str_eq(error->message, message);
    ck_assert_int_eq(error->status, status);
}

void expect_no_error(void)
{
    const beam_error *error = beam_pipeline_error(p);
    ck_assert_msg(!error, "%s", error ? error->message : "");
}

void expect_print(const char *text)
{
    bm_graph_check(p);
    expect_no_error();
    bm_writer w = { 0 };
    bm_graph_print(p, &w);
    bm_write_u8(&w, 0);
    ck_assert_str_eq((const char *)w.data, text);
    bm_writer_free(&w);
}

void expect_type(const beam_pcoll *c, const char *text)
{
    expect_no_error();
    ck_assert_str_eq(bm_type_text(&p->arena, beam_pcoll_type(c)), text);
}

beam_pcoll *words(void)
{
    return beam_create_strings(p, "Words", NULL, 0);
}

beam_pcoll *pairs(void)
{
    return beam_create(p, "Pairs", BEAM_KV(BEAM_STRING, BEAM_INT64), NULL, 0);
}

beam_pcoll *input_of(const beam_type *type)
{
    return beam_create(p, "Input", type, NULL, 0);
}

beam_status test_process(beam_ctx *c, beam_value in)
{
    return BEAM_OK;
}

beam_value test_map(beam_ctx *c, beam_value in)
{
    return in;
}

bool test_keep(beam_ctx *c, beam_value in)
{
    return true;
}

beam_millis test_timestamp(beam_ctx *c, beam_value in)
{
    return 0;
}

int test_partition(beam_ctx *c, beam_value in, int n)
{
    return 0;
}

int run_cases(const char *name, const TTest *const *tests, size_t n)
{
    Suite *suite = suite_create(name);
    TCase *cases = tcase_create(name);
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_set_timeout(cases, 30);
    for (size_t i = 0; i < n; i++) tcase_add_test(cases, tests[i]);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
