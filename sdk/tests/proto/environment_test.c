/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/builder.h"
#include "proto_test.h"

static bm_arena arena;

static void set_up(void)
{
    bm_arena_init(&arena, 0);
}

static void tear_down(void)
{
    bm_arena_free(&arena);
}

START_TEST(external_payload)
{
    const bm_pb_external *m = (const bm_pb_external *)bm_pb_unpack(
        &arena, &pb__external_payload__descriptor,
        bm_external_payload(&arena, "localhost:5555"), 9);
    ck_assert_str_eq(m->endpoint->url, "localhost:5555");
}
END_TEST

START_TEST(docker_payload)
{
    const bm_pb_docker *m = (const bm_pb_docker *)bm_pb_unpack(
        &arena, &pb__docker_payload__descriptor, bm_docker_payload(&arena, "beam-c:1"), 9);
    ck_assert_str_eq(m->container_image, "beam-c:1");
}
END_TEST

START_TEST(process_payload)
{
    static const char *const env[] = { "A", "1", "B", "2" };
    const bm_pb_process *m = (const bm_pb_process *)bm_pb_unpack(
        &arena, &pb__process_payload__descriptor,
        bm_process_payload(&arena, "/bin/worker", env, 2), 9);
    ck_assert_str_eq(m->command, "/bin/worker");
    ck_assert_uint_eq(m->n_env, 2);
    ck_assert_str_eq(m->env[1]->key, "B");
    ck_assert_str_eq(m->env[1]->value, "2");
}
END_TEST

START_TEST(artifacts_and_capabilities)
{
    static const bm_artifact artifact = { "beam:artifact:type:file:v1", { "f", 1 },
                                          "beam:artifact:role:staging_to:v1", { "to", 2 } };
    const bm_environment env = { "beam:env:docker:v1", { "p", 1 }, &artifact, 1 };
    const bm_pb_environment *m = bm_environment_proto(&arena, &env);
    ck_assert_str_eq(m->urn, "beam:env:docker:v1");
    ck_assert_uint_eq(m->n_dependencies, 1);
    ck_assert_str_eq(m->dependencies[0]->role_urn, artifact.role_urn);
    ck_assert(beam_span_equal(bm_pb_span(m->dependencies[0]->role_payload),
                              artifact.role_payload));
    ck_assert_uint_eq(m->n_display_data, 1);
    bool has_row = false;
    for (size_t i = 0; i < m->n_capabilities; i++)
        has_row |= !strcmp(m->capabilities[i], "beam:coder:row:v1");
    ck_assert(has_row);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("environment");
    TCase *tests = tcase_create("environment");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, external_payload);
    tcase_add_test(tests, docker_payload);
    tcase_add_test(tests, process_payload);
    tcase_add_test(tests, artifacts_and_capabilities);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
