/* SPDX-License-Identifier: Apache-2.0 */
/* The standard flags: what they exclude and need, and what becomes of them as options. */
#include "program/standard.h"

#include <check.h>
#include <stdlib.h>

static bm_arena arena;
static bm_flags flags;
static bm_standard standard;
static beam_error err;

static void setup(void)
{
    bm_arena_init(&arena, 0);
    bm_flags_init(&flags, &arena);
    standard = (bm_standard){ 0 };
    ck_assert_int_eq(bm_standard_add(&flags, &standard, &err), BEAM_OK);
}

static void teardown(void)
{
    bm_flags_free(&flags);
    bm_arena_free(&arena);
}

enum { MAX_ARGS = 8 };

static beam_status parse(const char *const args[MAX_ARGS])
{
    char *argv[MAX_ARGS + 1] = { (char *)"program" };
    int argc = 1;
    for (; argc <= MAX_ARGS && args[argc - 1]; argc++)
        argv[argc] = (char *)(uintptr_t)args[argc - 1];
    BEAM_TRY(bm_flags_parse(&flags, argc, argv, &err));
    return bm_standard_check(&flags, &standard, &err);
}
#define PARSE(...) parse((const char *const[MAX_ARGS]){ __VA_ARGS__ })

START_TEST(defaults)
{
    ck_assert_int_eq(PARSE(NULL), BEAM_OK);
    ck_assert_int_eq(bm_standard_runner(&standard), BM_RUNNER_FLINK);
    ck_assert_int_eq(bm_standard_environment(&standard), BM_LOOPBACK);
    ck_assert_int_eq(standard.severity, BEAM_LOG_INFO);
    ck_assert_int_eq(standard.parallelism, 0);
}
END_TEST

START_TEST(runners_by_the_names_of_other_sdks)
{
    ck_assert_int_eq(PARSE("--runner=PrismRunner", "--job_endpoint=localhost:8073"),
                     BEAM_OK);
    ck_assert_int_eq(bm_standard_runner(&standard), BM_RUNNER_PORTABLE);
    ck_assert_int_eq(PARSE("--runner=FlinkRunner", "--flink_master=[local]"), BEAM_OK);
    ck_assert_int_eq(bm_standard_runner(&standard), BM_RUNNER_FLINK);
}
END_TEST

static const struct {
    const char *args[MAX_ARGS], *message;
} mistakes[] = {
    { { "--runner=spark" },
      "--runner must be flink, portable, prism, local, check, print or dot, not 'spark'" },
    { { "--runner=portable" },
      "--runner=portable needs the address of its job service: --job_endpoint=host:port" },
    { { "--job_endpoint=localhost" },
      "--job_endpoint must be host:port, not 'localhost'" },
    { { "--job_endpoint=:80" }, "--job_endpoint must be host:port, not ':80'" },
    { { "--job_endpoint=a:99999" }, "--job_endpoint must be host:port, not 'a:99999'" },
    { { "--flink_master=http://x" }, "--flink_master must be host:port, not 'http://x'" },
    { { "--parallelism=-1" }, "--parallelism must be at least 1, not -1" },
    { { "--parallelism=0" }, "--parallelism must be at least 1, not 0" },
    { { "--parallelism=2147483648" },
      "--parallelism must be at most 2147483647, not 2147483648" },
    { { "--checkpointing_interval=0" },
      "--checkpointing_interval must be at least 10, not 0" },
    { { "--max_bundle_size=0" }, "--max_bundle_size must be at least 1, not 0" },
    { { "--max_bundle_time_mills=0" }, "--max_bundle_time_mills must be at least 1, not 0" },
    { { "--shutdown_sources_after_idle_ms=-2" },
      "--shutdown_sources_after_idle_ms must be at least -1, not -2" },
    { { "--sdk_worker_parallelism=-1" },
      "--sdk_worker_parallelism must be at least 0, not -1" },
    { { "--wait_timeout_s=-1" }, "--wait_timeout_s must be at least 0, not -1" },
    { { "--wait_timeout_s=9223372036854775807" },
      "--wait_timeout_s must be at most 1000000000, not 9223372036854775807" },
    { { "--checkpointing_interval=5" },
      "--checkpointing_interval must be at least 10, not 5" },
    { { "--environment_type=CLOUD" },
      "--environment_type must be LOOPBACK, PROCESS, EXTERNAL or DOCKER, not 'CLOUD'" },
    { { "--environment_type=EXTERNAL" },
      "--environment_type=EXTERNAL needs the address of a worker pool: "
      "--environment_config=host:port" },
    { { "--environment_type=docker" },
      "--environment_type=DOCKER needs the name of an image whose entry point is this "
      "program: --environment_config=IMAGE" },
    { { "--environment_type=DOCKER", "--environment_config=" },
      "--environment_type=DOCKER needs the name of an image whose entry point is this "
      "program: --environment_config=IMAGE" },
    { { "--java_environment_type=PROCESS" },
      "--java_environment_type must be PROCESS, EXTERNAL or DOCKER, and needs "
      "--java_environment_config" },
    { { "--log_level=LOUD" },
      "--log_level must be TRACE, DEBUG, INFO, NOTICE, WARN, ERROR or CRITICAL, not 'LOUD'" },
    { { "--no_wait" },
      "--no_wait cannot go with --environment_type=LOOPBACK: the DoFns would end with this process" },
    { { "--no_wait", "--runner=local" },
      "--no_wait cannot go with --runner=local: the job is in this process" },
    { { "--no_wait", "--environment_type=PROCESS" },
      "--no_wait needs a job service that stays: --job_endpoint=host:port" },
    { { "--no_wait", "--metrics_json=x" },
      "--no_wait cannot go with --metrics_json: there are no metrics before the job has "
      "ended" },
    { { "--worker" }, "a worker needs --id" },
    { { "--worker", "--id=1" },
      "a worker needs --control_endpoint or --provision_endpoint" },
    { { "--provision_endpoint=localhost:1" }, "a worker needs --id" },
    { { "--resource_hints=min_ram=4GB", "--resource_hints=cpu_count=two" },
      "--resource_hints: cpu_count must be a whole number from 1 on, not 'two'" },
    { { "--resource_hints=ram=4GB" },
      "--resource_hints: 'ram=4GB' is no resource hint: there are min_ram, cpu_count, "
      "accelerator and max_active_bundles_per_worker, each as NAME=VALUE" },
    { { "--worker_pool_port=70000" }, "--worker_pool_port must be at most 65535, not 70000" },
    { { "--paralelism=3" },
      "there is no flag --paralelism; did you mean --parallelism?" },
};

START_TEST(wrong_command_lines)
{
    ck_assert_int_eq(parse(mistakes[_i].args), BEAM_EUSAGE);
    ck_assert_str_eq(err.message, mistakes[_i].message);
}
END_TEST

static void check_options(const char *expected, const char *const *experiments, size_t n)
{
    json_t *options = bm_standard_options(&flags, "job", experiments, n);
    char *text = json_dumps(options, JSON_COMPACT | JSON_SORT_KEYS);
    ck_assert_str_eq(text, expected);
    free(text);
    json_decref(options);
}

/* They go with the environment, not with the options. */
START_TEST(resource_hints)
{
    ck_assert_int_eq(PARSE("--resource_hints=min_ram=4GB", "--resource_hints=cpu_count=2",
                           "--resource_hints=accelerator=type:a;count:1"),
                     BEAM_OK);
    ck_assert_uint_eq(standard.resource_hints.n, 3);
    check_options("{\"job_name\":\"job\"}", NULL, 0);
}
END_TEST

/* Zeros that mean something. */
START_TEST(zeros_that_are_fine)
{
    ck_assert_int_eq(PARSE("--wait_timeout_s=0", "--sdk_worker_parallelism=0",
                           "--shutdown_sources_after_idle_ms=0", "--worker_pool_port=0"),
                     BEAM_OK);
}
END_TEST

START_TEST(container_contract)
{
    ck_assert_int_eq(PARSE("--id=4-1", "--provision_endpoint=localhost:4000"), BEAM_OK);
    ck_assert_str_eq(standard.id, "4-1");
}
END_TEST

START_TEST(options_are_what_was_given)
{
    ck_assert_int_eq(PARSE("--streaming", "--parallelism=3", "--object_reuse=true",
                           "--environment_type=LOOPBACK", "--runner=flink"),
                     BEAM_OK);
    check_options(
        "{\"job_name\":\"job\",\"object_reuse\":true,\"parallelism\":3,\"streaming\":true}",
        NULL, 0);
}
END_TEST

START_TEST(experiments_of_flags_and_pipeline)
{
    static const char *const of_pipeline[] = { "use_deprecated_read", "b" };
    ck_assert_int_eq(PARSE("--experiments=a,b"), BEAM_OK);
    check_options(
        "{\"experiments\":[\"a\",\"b\",\"use_deprecated_read\"],\"job_name\":\"job\"}",
        of_pipeline, 2);
    json_t *options = bm_standard_options(&flags, "job", of_pipeline, 1);
    ck_assert(bm_has_experiment(options, "use_deprecated_read"));
    ck_assert(!bm_has_experiment(options, "c"));
    json_decref(options);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("standard");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, defaults);
    tcase_add_test(tests, runners_by_the_names_of_other_sdks);
    tcase_add_loop_test(tests, wrong_command_lines, 0, (int)BEAM_COUNT(mistakes));
    tcase_add_test(tests, zeros_that_are_fine);
    tcase_add_test(tests, container_contract);
    tcase_add_test(tests, resource_hints);
    tcase_add_test(tests, options_are_what_was_given);
    tcase_add_test(tests, experiments_of_flags_and_pipeline);
    Suite *suite = suite_create("program/standard");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
