/* SPDX-License-Identifier: Apache-2.0 */
/* Which runner it is, and the refusal of what it lacks. */
#include "job/known_runner.h"

#include <check.h>
#include <stdlib.h>

#include "beam/splittable.h"
#include "model/beam_job_api.pb-c.h"
#include "proto/model.h"

static bm_arena arena;
static beam_pipeline *p;
static beam_error err;

static void setup(void)
{
    bm_arena_init(&arena, 0);
    p = beam_pipeline_new();
    err = (beam_error){ 0 };
}

static void teardown(void)
{
    beam_pipeline_free(p);
    bm_arena_free(&arena);
}

static bm_known_runner with_option(const char *name, bool streaming)
{
    Pb__PipelineOptionDescriptor option = PB__PIPELINE_OPTION_DESCRIPTOR__INIT;
    Pb__PipelineOptionDescriptor *options[] = { &option };
    Pb__DescribePipelineOptionsResponse m = PB__DESCRIBE_PIPELINE_OPTIONS_RESPONSE__INIT;
    option.name = bm_pb_text(name);
    m.options = options;
    m.n_options = name ? 1 : 0;
    return bm_runner_of_options(bm_pb_pack(&arena, &m.base), streaming);
}

START_TEST(runners_by_their_options)
{
    ck_assert_int_eq(with_option("flink_master", false), BM_FLINK_BATCH);
    ck_assert_int_eq(with_option("flink_master", true), BM_FLINK_STREAMING);
    ck_assert_int_eq(with_option("spark_master", false), BM_UNKNOWN_RUNNER);
    ck_assert_int_eq(with_option(NULL, false), BM_PRISM);
    ck_assert_int_eq(bm_runner_of_options((beam_span){ "\x0a\x7f", 2 }, false),
                     BM_UNKNOWN_RUNNER);
}
END_TEST

static beam_status process(beam_ctx *c, beam_value in)
{
    (void)c, (void)in;
    return BEAM_OK;
}
static const beam_dofn acknowledge_fn = { .name = "test.acknowledge",
                                          .in = BEAM_BYTES,
                                          .flags = BEAM_FINALIZES,
                                          .process = process };

static beam_status assign(beam_ctx *c, beam_value element, beam_millis timestamp)
{
    (void)c, (void)element, (void)timestamp;
    return BEAM_OK;
}
static beam_status merge(beam_ctx *c, const beam_window *windows, size_t n)
{
    (void)c, (void)windows, (void)n;
    return BEAM_OK;
}
static const beam_custom_windows merging = { .name = "test.merging",
                                             .assign = assign,
                                             .merge = merge };

static void expect(bm_known_runner runner, const char *message)
{
    ck_assert_int_eq(bm_runner_check(runner, p, &err), *message ? BEAM_EUNSUPPORTED : BEAM_OK);
    ck_assert_str_eq(err.message, message);
}

START_TEST(what_is_lacking_is_refused)
{
    beam_scope_begin(p, "Ack");
    beam_par_do(beam_impulse(p, "Impulse"), "Write", &acknowledge_fn);
    beam_scope_end(p);
    ck_assert_ptr_null(beam_pipeline_error(p));
    expect(BM_FLINK_STREAMING, "");
    expect(BM_PRISM, "");
    expect(BM_UNKNOWN_RUNNER, "");
    expect(BM_FLINK_BATCH,
           "Ack/Write: Flink in batch mode cannot run bundle finalization; it runs on Flink in "
           "streaming mode (--streaming), Prism, the local runner (--runner=local)");
}
END_TEST

START_TEST(windows)
{
    beam_window_into(beam_impulse(p, "Impulse"), "Window", beam_custom(&merging));
    expect(BM_LOCAL, "");
    expect(BM_PRISM, "Window: Prism cannot run a merging WindowFn of the program; it runs on "
                     "the local runner (--runner=local)");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("known_runner");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, runners_by_their_options);
    tcase_add_test(tests, what_is_lacking_is_refused);
    tcase_add_test(tests, windows);
    Suite *suite = suite_create("job/known_runner");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
