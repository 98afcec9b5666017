/* SPDX-License-Identifier: Apache-2.0 */
#include "boot.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sha256.h"
#include "beam_urns.h"
#include "google/protobuf/struct.upb.h"
#include "model/beam_artifact_api.upb.h"
#include "model/beam_provision_api.upb.h"
#include "model/beam_runner_api.upb.h"
#include "model/endpoints.upb.h"
#include "pb.h"

#define PROVISION \
    "/org.apache.beam.model.fn_execution.v1.ProvisionService/GetProvisionInfo"
#define RETRIEVAL "/org.apache.beam.model.job_management.v1.ArtifactRetrievalService/"

/* -- a runner: provision and artifacts ------------------------------------------ */

typedef struct runner {
    bm_rpc *rpc;
    bm_server *server;
    char address[64];
    upb_Arena *pb;
    pb_ProvisionInfo *info;   /* what it tells; NULL: broken bytes */
    const char *content;      /* of every artifact */
    const char *breaks;       /* GetArtifact fails, after the content, with this */
    int n_resolved, n_gotten; /* calls */
    char worker_id[64];
    /* Of one test: */
    bm_arena arena;
    bm_boot boot;
    beam_error err;
    char dir[64];
} runner;

static void get_info(void *self, bm_incoming *call, bm_message *request)
{
    (void)request;
    runner *r = self;
    const char *id = bm_incoming_metadata(call, "worker_id");
    snprintf(r->worker_id, sizeof r->worker_id, "%s", id ? id : "");
    if (!r->info) {
        bm_incoming_reply(call, bm_pb_message("\xff\xff", 2));
        return;
    }
    pb_GetProvisionInfoResponse *response = pb_GetProvisionInfoResponse_new(r->pb);
    pb_GetProvisionInfoResponse_set_info(response, r->info);
    size_t n;
    char *bytes = pb_GetProvisionInfoResponse_serialize(response, r->pb, &n);
    bm_incoming_reply(call, bm_pb_message(bytes, n));
}

/* The same artifacts: requests and responses have them in field 1 both. */
static void resolve(void *self, bm_incoming *call, bm_message *request)
{
    runner *r = self;
    r->n_resolved++;
    bm_arena arena;
    bm_arena_init(&arena, 0);
    beam_span bytes = bm_message_flat(request, &arena);
    pb_ResolveArtifactsRequest *asked =
        pb_ResolveArtifactsRequest_parse(bytes.ptr, bytes.len, r->pb);
    pb_ResolveArtifactsResponse *response = pb_ResolveArtifactsResponse_new(r->pb);
    size_t n;
    const pb_ArtifactInformation *const *all = pb_ResolveArtifactsRequest_artifacts(asked,
                                                                                    &n);
    pb_ArtifactInformation **copy =
        pb_ResolveArtifactsResponse_resize_replacements(response, n, r->pb);
    for (size_t i = 0; i < n; i++) copy[i] = (pb_ArtifactInformation *)(uintptr_t)all[i];
    size_t size;
    char *out = pb_ResolveArtifactsResponse_serialize(response, r->pb, &size);
    bm_incoming_reply(call, bm_pb_message(out, size));
    bm_arena_free(&arena);
}

static void send_content(void *self, bm_stream *stream, bm_message *message)
{
    runner *r = self;
    bm_message_free(message);
    r->n_gotten++;
    for (size_t at = 0, left = strlen(r->content); left;) { /* in pieces of 3 bytes */
        size_t n = left < 3 ? left : 3;
        pb_GetArtifactResponse *chunk = pb_GetArtifactResponse_new(r->pb);
        pb_GetArtifactResponse_set_data(chunk,
                                        upb_StringView_FromDataAndSize(r->content + at,
                                                                       n));
        size_t size;
        char *bytes = pb_GetArtifactResponse_serialize(chunk, r->pb, &size);
        bm_stream_write(stream, bm_pb_message(bytes, size));
        at += n;
        left -= n;
    }
    bm_stream_finish(stream, r->breaks ? BEAM_EINVAL : BEAM_OK, r->breaks);
}

static void on_end(void *self, bm_stream *stream, beam_status status, const char *text)
{
    (void)self, (void)status, (void)text;
    bm_stream_free(stream);
}

static const bm_stream_handler handler = { send_content, NULL, on_end };

static bool get_artifact(void *self, const bm_incoming *call, bm_stream *stream,
                         const bm_stream_handler **out, void **out_self)
{
    (void)call, (void)stream;
    *out = &handler;
    *out_self = self;
    return true;
}

static const bm_method methods[] = {
    { PROVISION, get_info, NULL },
    { RETRIEVAL "ResolveArtifacts", resolve, NULL },
    { RETRIEVAL "GetArtifact", NULL, get_artifact },
};

static runner r;

static void setup(void)
{
    r = (runner){ .rpc = bm_rpc_new(),
                  .pb = bm_pb_arena_new(),
                  .content = "staged bytes",
                  .dir = "/tmp/beam-boot-test-XXXXXX" };
    r.server = bm_server_new(r.rpc, "localhost:0", methods, BEAM_COUNT(methods), &r,
                             &r.err);
    ck_assert_msg(r.server, "%s", r.err.message);
    snprintf(r.address, sizeof r.address, "localhost:%d", bm_server_port(r.server));
    r.info = pb_ProvisionInfo_new(r.pb);
    bm_arena_init(&r.arena, 0);
    ck_assert_ptr_nonnull(mkdtemp(r.dir));
}

static void clear_dir(const char *path)
{
    DIR *dir = opendir(path);
    if (!dir) return;
    for (struct dirent *file; (file = readdir(dir));)
        unlinkat(dirfd(dir), file->d_name, 0);
    closedir(dir);
    rmdir(path);
}

static void teardown(void)
{
    char staged[80];
    snprintf(staged, sizeof staged, "%s/staged", r.dir);
    clear_dir(staged);
    clear_dir(r.dir);
    bm_arena_free(&r.arena);
    bm_server_free(r.server);
    bm_rpc_free(r.rpc);
    upb_Arena_Free(r.pb);
}

static void tell_endpoint(void (*set)(pb_ProvisionInfo *, pb_ApiServiceDescriptor *),
                          const char *url)
{
    pb_ApiServiceDescriptor *endpoint = pb_ApiServiceDescriptor_new(r.pb);
    pb_ApiServiceDescriptor_set_url(endpoint, bm_pb_text(url));
    set(r.info, endpoint);
}

static google_protobuf_Value *text_value(const char *text)
{
    google_protobuf_Value *value = google_protobuf_Value_new(r.pb);
    google_protobuf_Value_set_string_value(value, bm_pb_text(text));
    return value;
}

static void tell_option(const char *key, google_protobuf_Value *value)
{
    google_protobuf_Struct *options = pb_ProvisionInfo_mutable_pipeline_options(r.info,
                                                                                r.pb);
    google_protobuf_Struct_fields_set(options, bm_pb_text(key), value, r.pb);
}

/* sha256 NULL: that of "staged bytes". */
static pb_ArtifactInformation *tell_file(const char *role, const char *staged_name,
                                         const char *sha256)
{
    char hex[65];
    bm_sha256 sha;
    bm_sha256_init(&sha);
    bm_sha256_add(&sha, "staged bytes", 12);
    bm_sha256_hex(&sha, hex);
    pb_ArtifactInformation *artifact = pb_ProvisionInfo_add_dependencies(r.info, r.pb);
    pb_ArtifactFilePayload *file = pb_ArtifactFilePayload_new(r.pb);
    pb_ArtifactFilePayload_set_path(file, bm_pb_text("/somewhere/at/the/runner"));
    pb_ArtifactFilePayload_set_sha256(file, bm_pb_text(sha256 ? sha256 : hex));
    pb_ArtifactStagingToRolePayload *to = pb_ArtifactStagingToRolePayload_new(r.pb);
    pb_ArtifactStagingToRolePayload_set_staged_name(to, bm_pb_text(staged_name));
    size_t n;
    char *bytes = pb_ArtifactFilePayload_serialize(file, r.pb, &n);
    pb_ArtifactInformation_set_type_urn(artifact,
                                        bm_pb_text(BEAM_URN_ARTIFACT_TYPE_FILE));
    pb_ArtifactInformation_set_type_payload(artifact,
                                            upb_StringView_FromDataAndSize(bytes, n));
    bytes = pb_ArtifactStagingToRolePayload_serialize(to, r.pb, &n);
    pb_ArtifactInformation_set_role_urn(artifact, bm_pb_text(role));
    pb_ArtifactInformation_set_role_payload(artifact,
                                            upb_StringView_FromDataAndSize(bytes, n));
    return artifact;
}

/* The usual: a container that got an id and a provision address. */
static beam_status boot(void)
{
    beam_harness_opts opts = { .id = "7-1",
                               .provision_endpoint = r.address,
                               .control_endpoint = "here:1",
                               .artifact_endpoint = r.address,
                               .semi_persist_dir = r.dir };
    return bm_boot_run(r.rpc, &opts, &r.arena, &r.boot, &r.err);
}

static void assert_failed(beam_status status, const char *part)
{
    ck_assert_int_ne(status, BEAM_OK);
    ck_assert_int_eq(status, r.err.status);
    ck_assert_msg(strstr(r.err.message, part), "'%s' lacks '%s'", r.err.message, part);
}

static char *read_file(const char *path)
{
    static char text[256];
    FILE *file = fopen(path, "r");
    ck_assert_msg(file, "no %s", path);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static int files_in(const char *path)
{
    int n = 0;
    DIR *dir = opendir(path);
    if (!dir) return -1;
    for (struct dirent *file; (file = readdir(dir));) n += file->d_name[0] != '.';
    closedir(dir);
    return n;
}

/* -- provision ------------------------------------------------------------------------- */

START_TEST(options_alone_are_enough)
{
    beam_harness_opts opts = { .id = "w",
                               .control_endpoint = "a:1",
                               .logging_endpoint = "b:2" };
    ck_assert_int_eq(bm_boot_run(r.rpc, &opts, &r.arena, &r.boot, &r.err), BEAM_OK);
    ck_assert_str_eq(r.boot.control_endpoint, "a:1");
    ck_assert_str_eq(r.boot.logging_endpoint, "b:2");
    ck_assert_ptr_null(r.boot.artifact_endpoint);
    ck_assert_ptr_null(r.boot.status_endpoint);
    ck_assert_ptr_null(r.boot.staged_dir);
    ck_assert_int_eq(r.boot.log_level, BEAM_LOG_INFO);
    ck_assert(!r.boot.embeds_elements && !r.boot.takes_short_ids);
}
END_TEST

START_TEST(the_runner_tells)
{
    tell_endpoint(pb_ProvisionInfo_set_control_endpoint, "c:1");
    tell_endpoint(pb_ProvisionInfo_set_logging_endpoint, "l:1");
    tell_endpoint(pb_ProvisionInfo_set_artifact_endpoint, "a:1");
    tell_endpoint(pb_ProvisionInfo_set_status_endpoint, "s:1");
    pb_ProvisionInfo_add_runner_capabilities(
        r.info, bm_pb_text(BEAM_URN_PROTOCOL_MONITORING_INFO_SHORT_IDS), r.pb);
    beam_harness_opts opts = { .id = "7-1",
                               .provision_endpoint = r.address,
                               .logging_endpoint = "mine:1" };
    ck_assert_int_eq(bm_boot_run(r.rpc, &opts, &r.arena, &r.boot, &r.err), BEAM_OK);
    ck_assert_str_eq(r.worker_id, "7-1");
    ck_assert_str_eq(r.boot.control_endpoint, "c:1");
    ck_assert_str_eq(r.boot.logging_endpoint, "mine:1"); /* the command line wins */
    ck_assert_str_eq(r.boot.artifact_endpoint, "a:1");
    ck_assert_str_eq(r.boot.status_endpoint, "s:1");
    ck_assert(r.boot.takes_short_ids && !r.boot.embeds_elements);
    ck_assert_ptr_null(r.boot.staged_dir);
}
END_TEST

START_TEST(options_of_the_job)
{
    google_protobuf_Value *list = google_protobuf_Value_new(r.pb);
    google_protobuf_ListValue *items = google_protobuf_Value_mutable_list_value(list,
                                                                                r.pb);
    const char *experiments[] = { "beam_fn_api", "data_buffer_size_limit=4096",
                                  "data_buffer_time_limit_ms=250",
                                  "data_buffer_time_limit_ms=soon",
                                  "data_buffer_size_limit=-1" };
    for (size_t i = 0; i < BEAM_COUNT(experiments); i++)
        google_protobuf_Value_set_string_value(google_protobuf_ListValue_add_values(items,
                                                                                    r.pb),
                                               bm_pb_text(experiments[i]));
    tell_option("beam:option:experiments:v1", list);
    tell_option("beam:option:default_sdk_harness_log_level:v1", text_value("WARNING"));
    pb_ProvisionInfo_add_runner_capabilities(
        r.info, bm_pb_text(BEAM_URN_PROTOCOL_CONTROL_RESPONSE_ELEMENTS_EMBEDDING), r.pb);
    ck_assert_int_eq(boot(), BEAM_OK);
    ck_assert_uint_eq(r.boot.data_buffer_bytes, 4096);
    ck_assert_int_eq(r.boot.data_buffer_time_ms, 250);
    ck_assert_int_eq(r.boot.log_level, BEAM_LOG_WARN);
    ck_assert(r.boot.embeds_elements && !r.boot.takes_short_ids);
}
END_TEST

START_TEST(options_in_other_forms)
{
    tell_option("experiments", text_value("a,data_buffer_size_limit=7,b"));
    google_protobuf_Value *number = google_protobuf_Value_new(r.pb);
    google_protobuf_Value_set_number_value(number, 10);
    tell_option("default_sdk_harness_log_level", number);
    beam_harness_opts opts = { .id = "w",
                               .provision_endpoint = r.address,
                               .control_endpoint = "c:1" };
    ck_assert_int_eq(bm_boot_run(r.rpc, &opts, &r.arena, &r.boot, &r.err), BEAM_OK);
    ck_assert_uint_eq(r.boot.data_buffer_bytes, 7);
    ck_assert_int_eq(r.boot.log_level, BEAM_LOG_DEBUG);
    opts.log_level = BEAM_LOG_ERROR;
    ck_assert_int_eq(bm_boot_run(r.rpc, &opts, &r.arena, &r.boot, &r.err), BEAM_OK);
    ck_assert_int_eq(r.boot.log_level, BEAM_LOG_ERROR);
}
END_TEST

START_TEST(no_control_endpoint)
{
    beam_harness_opts opts = { .id = "w", .provision_endpoint = r.address };
    assert_failed(bm_boot_run(r.rpc, &opts, &r.arena, &r.boot, &r.err),
                  "--control_endpoint");
}
END_TEST

START_TEST(broken_provision)
{
    r.info = NULL;
    assert_failed(boot(), r.address);
}
END_TEST

START_TEST(nobody_provisions)
{
    bm_server *other = bm_server_new(r.rpc, "localhost:0", NULL, 0, NULL, &r.err);
    char address[64];
    snprintf(address, sizeof address, "localhost:%d", bm_server_port(other));
    beam_harness_opts opts = { .id = "w", .provision_endpoint = address };
    assert_failed(bm_boot_run(r.rpc, &opts, &r.arena, &r.boot, &r.err), "provision");
    bm_server_free(other);
    assert_failed(bm_boot_run(r.rpc, &opts, &r.arena, &r.boot, &r.err), address);
}
END_TEST

/* -- staged files -------------------------------------------------------------------------- */

START_TEST(a_file_is_staged)
{
    tell_file(BEAM_URN_ARTIFACT_ROLE_STAGING_TO, "data.txt", NULL);
    tell_file(BEAM_URN_ARTIFACT_ROLE_GO_WORKER_BINARY, "other", NULL);
    ck_assert_msg(boot() == BEAM_OK, "%s", r.err.message);
    char path[128];
    snprintf(path, sizeof path, "%s/staged", r.dir);
    ck_assert_str_eq(r.boot.staged_dir, path);
    ck_assert_int_eq(files_in(path), 1);
    snprintf(path, sizeof path, "%s/data.txt", r.boot.staged_dir);
    ck_assert_str_eq(read_file(path), "staged bytes");
    /* A second worker keeps it, and mends one that is wrong. */
    ck_assert_int_eq(boot(), BEAM_OK);
    ck_assert_int_eq(r.n_gotten, 1);
    FILE *file = fopen(path, "w");
    fputs("junk", file);
    fclose(file);
    ck_assert_int_eq(boot(), BEAM_OK);
    ck_assert_int_eq(r.n_gotten, 2);
    ck_assert_str_eq(read_file(path), "staged bytes");
}
END_TEST

START_TEST(nothing_to_stage_asks_nobody)
{
    tell_file("beam:artifact:role:something_else:v1", "x", NULL);
    ck_assert_int_eq(boot(), BEAM_OK);
    ck_assert_int_eq(r.n_resolved, 0);
    ck_assert_ptr_null(r.boot.staged_dir);
}
END_TEST

START_TEST(a_temporary_folder_goes_with_the_arena)
{
    tell_file(BEAM_URN_ARTIFACT_ROLE_STAGING_TO, "data.txt", NULL);
    tell_endpoint(pb_ProvisionInfo_set_artifact_endpoint, r.address);
    beam_harness_opts opts = { .id = "w",
                               .provision_endpoint = r.address,
                               .control_endpoint = "c:1" };
    bm_arena arena;
    bm_arena_init(&arena, 0);
    ck_assert_int_eq(bm_boot_run(r.rpc, &opts, &arena, &r.boot, &r.err), BEAM_OK);
    char dir[256];
    snprintf(dir, sizeof dir, "%s", r.boot.staged_dir);
    ck_assert_int_eq(files_in(dir), 1);
    bm_arena_free(&arena);
    ck_assert_int_eq(files_in(dir), -1);
}
END_TEST

START_TEST(names_stay_in_the_folder)
{
    tell_file(BEAM_URN_ARTIFACT_ROLE_STAGING_TO, "a/../../b", NULL);
    ck_assert_msg(boot() == BEAM_OK, "%s", r.err.message);
    char path[128];
    snprintf(path, sizeof path, "%s/a_.._.._b", r.boot.staged_dir);
    ck_assert_str_eq(read_file(path), "staged bytes");
}
END_TEST

static const char *const bad_names[] = { "", "..", "../x", ".hidden" };

START_TEST(names_that_are_none)
{
    tell_file(BEAM_URN_ARTIFACT_ROLE_STAGING_TO, bad_names[_i], NULL);
    assert_failed(boot(), "name");
    ck_assert_int_eq(r.n_gotten, 0);
}
END_TEST

START_TEST(two_files_of_one_name)
{
    tell_file(BEAM_URN_ARTIFACT_ROLE_STAGING_TO, "a_b", NULL);
    tell_file(BEAM_URN_ARTIFACT_ROLE_STAGING_TO, "a_b", NULL); /* the same file: fine */
    ck_assert_int_eq(boot(), BEAM_OK);
    tell_file(BEAM_URN_ARTIFACT_ROLE_STAGING_TO, "a/b", "00");
    assert_failed(boot(), "two files");
}
END_TEST

START_TEST(a_changed_file_is_refused)
{
    tell_file(BEAM_URN_ARTIFACT_ROLE_STAGING_TO, "data.txt", "0123");
    assert_failed(boot(), "sha256");
    char path[128];
    snprintf(path, sizeof path, "%s/staged", r.dir);
    ck_assert_int_eq(files_in(path), 0); /* and nothing is left of it */
}
END_TEST

START_TEST(a_file_without_hash_or_bytes)
{
    r.content = "";
    tell_file(BEAM_URN_ARTIFACT_ROLE_STAGING_TO, "empty", "");
    ck_assert_msg(boot() == BEAM_OK, "%s", r.err.message);
    char path[128];
    snprintf(path, sizeof path, "%s/empty", r.boot.staged_dir);
    ck_assert_str_eq(read_file(path), "");
}
END_TEST

START_TEST(a_fetch_that_breaks)
{
    r.breaks = "the disk is gone";
    tell_file(BEAM_URN_ARTIFACT_ROLE_STAGING_TO, "data.txt", NULL);
    assert_failed(boot(), "the disk is gone");
    ck_assert_ptr_nonnull(strstr(r.err.message, "data.txt"));
    ck_assert_ptr_nonnull(strstr(r.err.message, r.address));
    ck_assert_ptr_null(r.boot.staged_dir);
}
END_TEST

START_TEST(nowhere_to_fetch_from)
{
    tell_file(BEAM_URN_ARTIFACT_ROLE_STAGING_TO, "data.txt", NULL);
    beam_harness_opts opts = { .id = "w",
                               .provision_endpoint = r.address,
                               .control_endpoint = "c:1" };
    assert_failed(bm_boot_run(r.rpc, &opts, &r.arena, &r.boot, &r.err),
                  "--artifact_endpoint");
}
END_TEST

START_TEST(no_folder_to_stage_to)
{
    tell_file(BEAM_URN_ARTIFACT_ROLE_STAGING_TO, "data.txt", NULL);
    beam_harness_opts opts = { .id = "w",
                               .provision_endpoint = r.address,
                               .control_endpoint = "c:1",
                               .artifact_endpoint = r.address,
                               .semi_persist_dir = "/dev/null/x" };
    assert_failed(bm_boot_run(r.rpc, &opts, &r.arena, &r.boot, &r.err),
                  "--semi_persist_dir");
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("boot");
    tcase_set_timeout(cases, 150);
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, options_alone_are_enough);
    tcase_add_test(cases, the_runner_tells);
    tcase_add_test(cases, options_of_the_job);
    tcase_add_test(cases, options_in_other_forms);
    tcase_add_test(cases, no_control_endpoint);
    tcase_add_test(cases, broken_provision);
    tcase_add_test(cases, nobody_provisions);
    tcase_add_test(cases, a_file_is_staged);
    tcase_add_test(cases, nothing_to_stage_asks_nobody);
    tcase_add_test(cases, a_temporary_folder_goes_with_the_arena);
    tcase_add_test(cases, names_stay_in_the_folder);
    tcase_add_loop_test(cases, names_that_are_none, 0, (int)BEAM_COUNT(bad_names));
    tcase_add_test(cases, two_files_of_one_name);
    tcase_add_test(cases, a_changed_file_is_refused);
    tcase_add_test(cases, a_file_without_hash_or_bytes);
    tcase_add_test(cases, a_fetch_that_breaks);
    tcase_add_test(cases, nowhere_to_fetch_from);
    tcase_add_test(cases, no_folder_to_stage_to);
    Suite *suite = suite_create("boot");
    suite_add_tcase(suite, cases);
    SRunner *srunner = srunner_create(suite);
    srunner_run_all(srunner, CK_ENV);
    int failed = srunner_ntests_failed(srunner);
    srunner_free(srunner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
