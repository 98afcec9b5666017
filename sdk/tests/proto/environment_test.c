/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

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

/* What is promised to runners is shown by a test; a new promise needs a new line here. */
#define HARNESS "/harness/tests/"
static const struct {
    const char *urn, *file, *test;
} shown[] = {
    { "beam:coder:length_prefix:v1", "/sdk/tests/coders/coder_test.c", "length_prefixes" },
    { "beam:transform:sdf_truncate_sized_restrictions:v1", HARNESS "exec/sdf_test.c",
      "draining_keeps_what_is_bounded" },
    { "beam:protocol:progress_reporting:v1", HARNESS "control_test.c",
      "a_running_bundle_tells_its_progress" },
    { "beam:protocol:worker_status:v1", HARNESS "status_test.c",
      "stat_01_a_page_about_the_worker" },
    { "beam:protocol:multi_core_bundle_processing:v1", HARNESS "data_test.c",
      "two_hundred_bundles_at_once" },
    { "beam:protocol:sibling_workers:v1", HARNESS "control_test.c",
      "siblings_share_the_process" },
    { "beam:protocol:harness_monitoring_infos:v1", HARNESS "inspect_test.c",
      "cp_17_metrics_of_the_process" },
    { "beam:protocol:control_request_elements_embedding:v1", HARNESS "data_test.c",
      "elements_in_the_request" },
    { "beam:protocol:state_caching:v1", HARNESS "state_keys_test.c",
      "cp_08_what_a_token_vouches_for_is_not_asked_again" },
    { "beam:protocol:data_sampling:v1", HARNESS "inspect_test.c",
      "samp_01_samples_of_each_pcollection" },
    { "beam:protocol:sdk_consuming_received_data:v1", HARNESS "control_test.c",
      "a_bundle_without_data_is_not_consuming" },
    { "beam:protocol:ordered_list_state:v1", HARNESS "state_keys_test.c",
      "st_10_ordered_lists" },
    { "beam:protocol:element_metadata:v1", HARNESS "data_test.c",
      "dp_11_metadata_goes_on_with_what_is_emitted" },
    { "beam:protocol:multimap_state:v1", HARNESS "state_keys_test.c",
      "st_07_st_09_multimaps" },
    { "beam:protocol:named_data_streams:v1", HARNESS "data_test.c", "cp_11_named_data_streams" },
    { "beam:version:sdk_base:beam-c", "/sdk/tests/proto/environment_test.c",
      "capabilities_are_shown_by_tests" }, /* a name, which promises nothing */
};

static bool file_has(const char *path, const char *text)
{
    static char content[1 << 18];
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "there is no %s", path);
    size_t n = fread(content, 1, sizeof content - 1, file);
    ck_assert(feof(file));
    fclose(file);
    content[n] = '\0';
    return strstr(content, text);
}

static bool is_shown(const char *urn)
{
    for (size_t i = 0; i < BEAM_COUNT(shown); i++)
        if (!strcmp(shown[i].urn, urn))
            return file_has(bm_format(&arena, BEAM_SOURCE_DIR "%s", shown[i].file),
                            bm_format(&arena, "START_TEST(%s)", shown[i].test));
    /* standard_coders_test.c runs every example of every coder. */
    return !strncmp(urn, "beam:coder:", 11) && file_has(BEAM_STANDARD_CODERS_YAML, urn);
}

START_TEST(capabilities_are_shown_by_tests)
{
    size_t n_protocols = 0;
    for (size_t i = 0; i < bm_capabilities_count; i++) {
        ck_assert_msg(is_shown(bm_capabilities[i]), "no test shows %s", bm_capabilities[i]);
        n_protocols += !strncmp(bm_capabilities[i], "beam:protocol:", 14);
    }
    /* StandardProtocols but progress_reporting:v0, and named data streams. */
    ck_assert_uint_eq(n_protocols, 13);
    ck_assert(!is_shown("beam:protocol:nothing:v1"));
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
    tcase_add_test(tests, capabilities_are_shown_by_tests);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
