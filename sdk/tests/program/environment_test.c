/* SPDX-License-Identifier: Apache-2.0 */
/* --environment_type and --environment_config as environments. */
#include "program/environment.h"

#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "proto/model.h"

static bm_arena arena;
static bm_environment env;
static beam_error err;

static void setup(void)
{
    bm_arena_init(&arena, 0);
}

static void teardown(void)
{
    bm_arena_free(&arena);
}

static beam_status parse(const char *type, const char *config)
{
    return bm_environment_parse(&arena, type, config, "environment_config", &env, &err);
}

static const Pb__ProcessPayload *process_payload(void)
{
    return (const Pb__ProcessPayload *)bm_pb_unpack(&arena,
                                                    &pb__process_payload__descriptor,
                                                    env.payload, BM_PB_MAX_DEPTH);
}

START_TEST(a_process_is_this_binary_by_default)
{
    char self[PATH_MAX];
    ck_assert_int_eq(parse("PROCESS", NULL), BEAM_OK);
    ck_assert_str_eq(env.urn, "beam:env:process:v1");
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n] = '\0';
    ck_assert_str_eq(process_payload()->command, self);
}
END_TEST

START_TEST(a_process_by_json)
{
    ck_assert_int_eq(parse("process", "{\"command\": \"/a b\", \"env\": {\"K\": \"v\"}}"),
                     BEAM_OK);
    const Pb__ProcessPayload *payload = process_payload();
    ck_assert_str_eq(payload->command, "/a b");
    ck_assert_uint_eq(payload->n_env, 1);
    ck_assert_str_eq(payload->env[0]->key, "K");
    ck_assert_str_eq(payload->env[0]->value, "v");
}
END_TEST

START_TEST(a_process_by_path)
{
    ck_assert_int_eq(parse("PROCESS", "/bin/sh"), BEAM_OK);
    ck_assert_str_eq(process_payload()->command, "/bin/sh");
}
END_TEST

static const struct {
    const char *config, *message;
} mistakes[] = {
    { "/no/such/file",
      "--environment_config: /no/such/file cannot be run: No such file or directory" },
    { "{\"command\": ", "--environment_config is no JSON" },
    { "{\"cmd\": \"x\"}", "--environment_config of a PROCESS environment must be" },
    { "{\"command\": \"x\", \"env\": []}",
      "--environment_config of a PROCESS environment must be" },
    { "{\"command\": \"x\", \"env\": {\"A\": 1}}",
      "the value of \"A\" in \"env\" is no text" },
};

START_TEST(wrong_configurations)
{
    ck_assert_int_eq(parse("PROCESS", mistakes[_i].config), BEAM_EUSAGE);
    ck_assert_msg(strstr(err.message, mistakes[_i].message) != NULL, "%s", err.message);
}
END_TEST

START_TEST(external_and_docker)
{
    ck_assert_int_eq(parse("EXTERNAL", "localhost:50000"), BEAM_OK);
    ck_assert_str_eq(env.urn, "beam:env:external:v1");
    ck_assert_ptr_nonnull(
        memmem(env.payload.ptr, env.payload.len, "localhost:50000", 15));
    ck_assert_int_eq(parse("DOCKER", "my/image:1"), BEAM_OK);
    ck_assert_str_eq(env.urn, "beam:env:docker:v1");
    const Pb__DockerPayload *docker = (const Pb__DockerPayload *)
        bm_pb_unpack(&arena, &pb__docker_payload__descriptor, env.payload, 9);
    ck_assert_str_eq(docker->container_image, "my/image:1");
    ck_assert_uint_eq(env.n_artifacts, 0); /* the image holds the program */
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("environment");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_process_is_this_binary_by_default);
    tcase_add_test(tests, a_process_by_json);
    tcase_add_test(tests, a_process_by_path);
    tcase_add_loop_test(tests, wrong_configurations, 0, (int)BEAM_COUNT(mistakes));
    tcase_add_test(tests, external_and_docker);
    Suite *suite = suite_create("program/environment");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
