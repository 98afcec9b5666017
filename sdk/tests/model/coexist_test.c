/* SPDX-License-Identifier: Apache-2.0 */
/* protobuf-c's code, upb's code and libgrpc (with a upb of its own) in one program. */
#include <check.h>
#include <dlfcn.h>
#include <stdlib.h>

#include "beam_urns.h"
#include "model/beam_fn_api.pb-c.h"
#include "model/beam_fn_api.upb.h"
#include "rpc/rpc.h"

START_TEST(upb_writes_what_protobuf_c_reads)
{
    upb_Arena *arena = upb_Arena_New();
    pb_InstructionResponse *response = pb_InstructionResponse_new(arena);
    pb_InstructionResponse_set_instruction_id(response, upb_StringView_FromString("i-1"));
    pb_ProcessBundleResponse *bundle =
        pb_InstructionResponse_mutable_process_bundle(response, arena);
    pb_ProcessBundleResponse_set_requires_finalization(bundle, true);
    pb_ProcessBundleResponse_monitoring_data_set(bundle, upb_StringView_FromString("key"),
                                                 upb_StringView_FromString("value"),
                                                 arena);
    size_t length;
    char *bytes = pb_InstructionResponse_serialize(response, arena, &length);
    ck_assert_ptr_nonnull(bytes);

    Pb__InstructionResponse *read =
        pb__instruction_response__unpack(NULL, length, (const uint8_t *)bytes);
    ck_assert_ptr_nonnull(read);
    ck_assert_str_eq(read->instruction_id, "i-1");
    ck_assert_int_eq(read->response_case,
                     PB__INSTRUCTION_RESPONSE__RESPONSE_PROCESS_BUNDLE);
    ck_assert(read->process_bundle->requires_finalization);
    ck_assert_uint_eq(read->process_bundle->n_monitoring_data, 1);
    ck_assert_str_eq(read->process_bundle->monitoring_data[0]->key, "key");
    pb__instruction_response__free_unpacked(read, NULL);
    upb_Arena_Free(arena);
}
END_TEST

START_TEST(protobuf_c_writes_what_upb_reads)
{
    Pb__ProcessBundleProgressResponse progress =
        PB__PROCESS_BUNDLE_PROGRESS_RESPONSE__INIT;
    progress._consuming_received_data_case =
        PB__PROCESS_BUNDLE_PROGRESS_RESPONSE___CONSUMING_RECEIVED_DATA_CONSUMING_RECEIVED_DATA;
    progress.consuming_received_data = false;
    size_t length = pb__process_bundle_progress_response__get_packed_size(&progress);
    ck_assert_uint_gt(length, 0); /* presence is kept */
    uint8_t *bytes = malloc(length);
    pb__process_bundle_progress_response__pack(&progress, bytes);

    upb_Arena *arena = upb_Arena_New();
    pb_ProcessBundleProgressResponse *read =
        pb_ProcessBundleProgressResponse_parse_ex((const char *)bytes, length, NULL,
                                                  kUpb_DecodeOption_AliasString, arena);
    ck_assert_ptr_nonnull(read);
    ck_assert(pb_ProcessBundleProgressResponse_has_consuming_received_data(read));
    ck_assert(!pb_ProcessBundleProgressResponse_consuming_received_data(read));
    ck_assert_ptr_null(pb_InstructionRequest_parse("\xff\xff\xff", 3, arena));
    upb_Arena_Free(arena);
    free(bytes);
}
END_TEST

/* Were our upb visible, libgrpc could bind to it, or we to libgrpc's. */
START_TEST(our_upb_is_hidden)
{
    void *program = dlopen(NULL, RTLD_NOW);
    void *visible = dlsym(program, "upb_Arena_Init");
    ck_assert_ptr_ne(visible, (void *)(uintptr_t)upb_Arena_Init);
    dlclose(program);
}
END_TEST

static void answer(void *self, bm_incoming *call, bm_message *request)
{
    (void)self;
    bm_arena arena;
    bm_arena_init(&arena, 0);
    beam_span bytes = bm_message_flat(request, &arena);
    upb_Arena *upb = upb_Arena_New();
    pb_LogEntry *entry = pb_LogEntry_parse(bytes.ptr, bytes.len, upb);
    upb_StringView text = pb_LogEntry_message(entry);
    bm_message *response = bm_message_new();
    bm_message_add(response, bm_slice_copy((beam_span){ text.data, text.size }));
    bm_incoming_reply(call, response);
    upb_Arena_Free(upb);
    bm_arena_free(&arena);
}

START_TEST(grpc_works_beside_them)
{
    static const bm_method methods[] = { { .name = "/m.M/Log", .on_unary = answer } };
    bm_rpc *rpc = bm_rpc_new();
    beam_error err;
    bm_server *server = bm_server_new(rpc, "unix:/tmp/beam-model-test", methods, 1, NULL,
                                      &err);
    ck_assert_ptr_nonnull(server);
    bm_channel *channel = bm_channel_new(rpc, "unix:/tmp/beam-model-test", NULL);
    Pb__LogEntry entry = PB__LOG_ENTRY__INIT;
    entry.message = (char[]){ "hello" };
    uint8_t bytes[64];
    size_t length = pb__log_entry__pack(&entry, bytes);
    bm_arena arena;
    bm_arena_init(&arena, 0);
    beam_span response;
    ck_assert_int_eq(bm_call(channel, "/m.M/Log", (beam_span){ (char *)bytes, length }, 0,
                             &arena, &response, &err),
                     BEAM_OK);
    ck_assert(beam_span_equal(response, beam_span_of("hello")));
    bm_arena_free(&arena);
    bm_channel_free(channel);
    bm_server_free(server);
    bm_rpc_free(rpc);
}
END_TEST

START_TEST(urns_are_named_after_themselves)
{
    ck_assert_str_eq(BEAM_URN_CODER_BYTES, "beam:coder:bytes:v1");
    ck_assert_str_eq(BEAM_URN_TRANSFORM_PARDO, "beam:transform:pardo:v1");
    ck_assert_str_eq(BEAM_URN_RUNNER_SOURCE, "beam:runner:source:v1");
    ck_assert_str_eq(BEAM_URN_METRIC_USER_SUM_INT64, "beam:metric:user:sum_int64:v1");
    ck_assert_str_eq(BEAM_URN_METRICS_SUM_INT64, "beam:metrics:sum_int64:v1");
    ck_assert_str_eq(BEAM_URN_PROTOCOL_PROGRESS_REPORTING_V0,
                     "beam:protocol:progress_reporting:v0");
    ck_assert_str_eq(BEAM_CONSTANT_MAX_TIMESTAMP_MILLIS, "9223372036854775");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("coexist");
    tcase_add_test(tcase, upb_writes_what_protobuf_c_reads);
    tcase_add_test(tcase, protobuf_c_writes_what_upb_reads);
    tcase_add_test(tcase, our_upb_is_hidden);
    tcase_add_test(tcase, grpc_works_beside_them);
    tcase_add_test(tcase, urns_are_named_after_themselves);
    Suite *suite = suite_create("model/coexist");
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
