/* SPDX-License-Identifier: Apache-2.0 */
/* The fake runner's life, its streams, and the control service. on_... functions run on the
 * rpc thread, the rest on the test's. */
#include "fake_runner_impl.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "google/protobuf/struct.upb.h"
#include "model/beam_provision_api.upb.h"
#include "model/endpoints.upb.h"

/* -- waiting ------------------------------------------------------------------------------ */
void fake_lock(fake_runner *r)
{
    pthread_mutex_lock(&r->lock);
}

void fake_unlock(fake_runner *r)
{
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

struct timespec fake_deadline(void)
{
    return bm_after_ms(FAKE_PATIENCE_MS);
}

void fake_wait(fake_runner *r, const struct timespec *until, const char *what,
               const char *which)
{
    if (!pthread_cond_timedwait(&r->changed, &r->lock, until)) return;
    pthread_mutex_unlock(&r->lock);
    ck_abort_msg("%s %s did not come", what, which);
}

/* -- streams ------------------------------------------------------------------------------- */
static const char *const service_names[] = { "control stream", "data stream",
                                             "state stream", "logging stream",
                                             "status stream" };

static void on_message(void *self, bm_stream *stream, bm_message *message)
{
    (void)stream;
    fake_stream *one = self;
    upb_Arena *upb = upb_Arena_New();
    bm_arena arena;
    bm_arena_init(&arena, 0);
    beam_span bytes = bm_message_flat(message, &arena);
    static void (*const handlers[])(fake_stream *, beam_span,
                                    upb_Arena *) = { [FAKE_CONTROL] = fake_on_control,
                                                     [FAKE_DATA] = fake_on_data,
                                                     [FAKE_STATE] = fake_on_state,
                                                     [FAKE_LOGGING] = fake_on_logging,
                                                     [FAKE_STATUS] = fake_on_status };
    fake_lock(one->runner);
    handlers[one->service](one, bytes, upb);
    fake_unlock(one->runner);
    bm_arena_free(&arena);
    upb_Arena_Free(upb);
    bm_message_free(message);
}

/* The worker ends a stream of its own accord: agreed. */
static void on_half_close(void *self, bm_stream *stream)
{
    (void)self;
    bm_stream_finish(stream, BEAM_OK, NULL);
}

static void on_end(void *self, bm_stream *stream, beam_status status, const char *text)
{
    (void)stream, (void)status, (void)text;
    fake_stream *one = self;
    fake_lock(one->runner);
    one->ended = true;
    fake_unlock(one->runner);
}

static const bm_stream_handler stream_handler = { on_message, on_half_close, on_end };

static bool on_stream(fake_runner *r, fake_service service, const bm_incoming *call,
                      bm_stream *stream, const bm_stream_handler **handler, void **self)
{
    fake_lock(r);
    fake_stream *one = BM_NEW(&r->arena, fake_stream);
    const char *worker_id = bm_incoming_metadata(call, "worker_id");
    const char *name = bm_incoming_metadata(call, "data_stream_id");
    one->runner = r;
    one->service = service;
    one->stream = stream;
    one->worker_id = bm_strdup(&r->arena, worker_id ? worker_id : "");
    one->name = bm_strdup(&r->arena, name ? name : "");
    one->next = r->streams;
    r->streams = one;
    r->n_streams[service]++;
    *handler = &stream_handler;
    *self = one;
    fake_unlock(r);
    return true;
}

#define SERVICE(name, service)                                                  \
    static bool name(void *self, const bm_incoming *call, bm_stream *stream,    \
                     const bm_stream_handler **handler, void **handler_self)    \
    {                                                                           \
        return on_stream(self, (service), call, stream, handler, handler_self); \
    }
SERVICE(open_control, FAKE_CONTROL)
SERVICE(open_data, FAKE_DATA)
SERVICE(open_state, FAKE_STATE)
SERVICE(open_logging, FAKE_LOGGING)
SERVICE(open_status, FAKE_STATUS)

/* With the lock: the open stream that was opened last, or NULL. */
static fake_stream *find_stream(fake_runner *r, fake_service service, const char *name)
{
    fake_stream *one = r->streams;
    while (one
           && (one->service != service || one->ended || one->left || strcmp(one->name, name)))
        one = one->next;
    return one;
}

fake_stream *fake_open_named(fake_runner *r, fake_service service, const char *name)
{
    struct timespec until = fake_deadline();
    fake_stream *one;
    fake_lock(r);
    while (!(one = find_stream(r, service, name)))
        fake_wait(r, &until, "the", service_names[service]);
    fake_unlock(r);
    return one;
}

fake_stream *fake_open_stream(fake_runner *r, fake_service service)
{
    return fake_open_named(r, service, "");
}

size_t fake_streams(fake_runner *r, fake_service service)
{
    fake_lock(r);
    size_t n = r->n_streams[service];
    fake_unlock(r);
    return n;
}

size_t fake_streams_of(fake_runner *r, fake_service service, const char *worker_id)
{
    size_t n = 0;
    fake_lock(r);
    for (const fake_stream *one = r->streams; one; one = one->next)
        n += one->service == service && !one->ended && !strcmp(one->worker_id, worker_id);
    fake_unlock(r);
    return n;
}

const char *fake_await_stream(fake_runner *r, fake_service service)
{
    return fake_open_stream(r, service)->worker_id;
}

void fake_await_no_stream(fake_runner *r, fake_service service)
{
    struct timespec until = fake_deadline();
    fake_lock(r);
    for (fake_stream *one = r->streams; one; one = one->next)
        while (one->service == service && !one->ended)
            fake_wait(r, &until, "the end of the", service_names[service]);
    fake_unlock(r);
}

static void leave(fake_runner *r, fake_service service, beam_status status)
{
    fake_stream *one = fake_open_stream(r, service);
    fake_lock(r);
    one->left = true;
    fake_unlock(r);
    bm_stream_finish(one->stream, status, "the runner has gone");
}

void fake_end_stream(fake_runner *r, fake_service service)
{
    leave(r, service, BEAM_OK);
}

void fake_drop_stream(fake_runner *r, fake_service service)
{
    leave(r, service, BEAM_ETIMEOUT); /* travels as UNAVAILABLE */
}

void fake_pause_stream(fake_runner *r, fake_service service)
{
    bm_stream_pause(fake_open_stream(r, service)->stream);
}

void fake_resume_stream(fake_runner *r, fake_service service)
{
    bm_stream_resume(fake_open_stream(r, service)->stream);
}

/* -- unary calls ------------------------------------------------------------------------------ */
static bm_message *message_of(beam_span bytes)
{
    bm_message *message = bm_message_new();
    bm_message_add(message, bm_slice_copy(bytes));
    return message;
}

static void on_get_descriptor(void *self, bm_incoming *call, bm_message *request)
{
    fake_runner *r = self;
    upb_Arena *upb = upb_Arena_New();
    fake_lock(r);
    beam_span bytes = bm_message_flat(request, &r->arena);
    const pb_GetProcessBundleDescriptorRequest *pb =
        pb_GetProcessBundleDescriptorRequest_parse(bytes.ptr, bytes.len, upb);
    beam_span id = fake_span(
        pb_GetProcessBundleDescriptorRequest_process_bundle_descriptor_id(pb));
    fake_descriptor *found = r->descriptors;
    while (found && !beam_span_equal(beam_span_of(found->id), id)) found = found->next;
    if (found) found->n_fetches++;
    bool holds = found && r->holds_descriptors;
    if (holds) {
        struct fake_call *held = BM_NEW(&r->arena, struct fake_call);
        *held = (struct fake_call){ r->held_calls, call };
        r->held_calls = held;
    }
    bm_message *response = found ? message_of(found->bytes) : NULL;
    fake_unlock(r);
    upb_Arena_Free(upb);
    if (holds)
        bm_message_free(response);
    else if (response)
        bm_incoming_reply(call, response);
    else
        bm_incoming_fail(call, BEAM_EINVAL, "no such descriptor");
}

static void put_experiments(const fake_runner *r, pb_ProvisionInfo *info, upb_Arena *upb)
{
    google_protobuf_Value *value = google_protobuf_Value_new(upb);
    google_protobuf_ListValue *list = google_protobuf_Value_mutable_list_value(value, upb);
    for (const fake_descriptor *one = r->experiments; one; one = one->next)
        google_protobuf_Value_set_string_value(
            google_protobuf_ListValue_add_values(list, upb), fake_view(one->id));
    google_protobuf_Struct_fields_set(pb_ProvisionInfo_mutable_pipeline_options(info, upb),
                                      fake_view("beam:option:experiments:v1"), value, upb);
}

static void put_option(const struct fake_option *option, pb_ProvisionInfo *info,
                       upb_Arena *upb)
{
    char name[100];
    snprintf(name, sizeof name, "beam:option:%s:v1", option->name);
    google_protobuf_Value *value = google_protobuf_Value_new(upb);
    google_protobuf_Value_set_number_value(value, option->value);
    char *key = upb_Arena_Malloc(upb, sizeof name);
    google_protobuf_Struct_fields_set(pb_ProvisionInfo_mutable_pipeline_options(info, upb),
                                      fake_view(strcpy(key, name)), value, upb);
}

static void on_provision(void *self, bm_incoming *call, bm_message *request)
{
    (void)request;
    fake_runner *r = self;
    upb_Arena *upb = upb_Arena_New();
    pb_GetProvisionInfoResponse *response = pb_GetProvisionInfoResponse_new(upb);
    pb_ProvisionInfo *info = pb_GetProvisionInfoResponse_mutable_info(response, upb);
    pb_ApiServiceDescriptor_set_url(pb_ProvisionInfo_mutable_control_endpoint(info, upb),
                                    fake_view(r->url));
    pb_ApiServiceDescriptor_set_url(pb_ProvisionInfo_mutable_logging_endpoint(info, upb),
                                    fake_view(r->url));
    fake_lock(r);
    for (fake_descriptor *one = r->capabilities; one; one = one->next)
        pb_ProvisionInfo_add_runner_capabilities(info, fake_view(one->id), upb);
    for (fake_descriptor *one = r->siblings; one; one = one->next)
        pb_ProvisionInfo_add_sibling_worker_ids(info, fake_view(one->id), upb);
    if (r->experiments) put_experiments(r, info, upb);
    for (const struct fake_option *one = r->options; one; one = one->next)
        put_option(one, info, upb);
    if (r->offers_status)
        pb_ApiServiceDescriptor_set_url(pb_ProvisionInfo_mutable_status_endpoint(info, upb),
                                        fake_view(r->url));
    fake_unlock(r);
    beam_span bytes;
    bytes.ptr = pb_GetProvisionInfoResponse_serialize(response, upb, &bytes.len);
    bm_incoming_reply(call, message_of(bytes));
    upb_Arena_Free(upb);
}

#define FN "/org.apache.beam.model.fn_execution.v1."
static const bm_method methods[] = {
    { .name = FN "BeamFnControl/Control", .on_stream = open_control },
    { .name = FN "BeamFnControl/GetProcessBundleDescriptor",
      .on_unary = on_get_descriptor },
    { .name = FN "BeamFnData/Data", .on_stream = open_data },
    { .name = FN "BeamFnState/State", .on_stream = open_state },
    { .name = FN "BeamFnLogging/Logging", .on_stream = open_logging },
    { .name = FN "BeamFnWorkerStatus/WorkerStatus", .on_stream = open_status },
    { .name = FN "ProvisionService/GetProvisionInfo", .on_unary = on_provision },
};

/* -- life ---------------------------------------------------------------------------------------- */
fake_runner *fake_runner_new(void)
{
    fake_runner *r = bm_xcalloc(1, sizeof *r);
    pthread_mutex_init(&r->lock, NULL);
    bm_cond_init(&r->changed);
    bm_arena_init(&r->arena, 0);
    r->upb = upb_Arena_New();
    r->rpc = bm_rpc_new();
    beam_error err = { .status = BEAM_OK };
    r->server = bm_server_new(r->rpc, "localhost:0", methods, BEAM_COUNT(methods), r,
                              &err);
    ck_assert_msg(r->server != NULL, "%s", err.message);
    snprintf(r->url, sizeof r->url, "localhost:%d", bm_server_port(r->server));
    return r;
}

void fake_runner_free(fake_runner *r)
{
    fake_lock(r);
    for (fake_stream *control; (control = find_stream(r, FAKE_CONTROL, ""));) {
        control->left = true;
        fake_unlock(r);
        bm_stream_finish(control->stream, BEAM_OK, NULL);
        fake_lock(r);
    }
    fake_unlock(r);
    beam_harness_free(r->worker);
    for (struct fake_call *one = r->held_calls; one; one = one->next)
        bm_incoming_fail(one->call, BEAM_EINVAL, "held");
    bm_server_free(r->server);
    for (fake_stream *one = r->streams; one; one = one->next) bm_stream_free(one->stream);
    bm_rpc_free(r->rpc);
    for (fake_sink *one = r->sinks; one; one = one->next) bm_writer_free(&one->data);
    for (fake_answer *one = r->held; one; one = one->next) bm_message_free(one->message);
    upb_Arena_Free(r->upb);
    bm_arena_free(&r->arena);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

const char *fake_url(const fake_runner *r)
{
    return r->url;
}

upb_Arena *fake_arena(fake_runner *r)
{
    return r->upb;
}

static void add_text(fake_runner *r, fake_descriptor **list, const char *text)
{
    fake_lock(r);
    fake_descriptor *one = BM_NEW(&r->arena, fake_descriptor);
    one->id = bm_strdup(&r->arena, text);
    one->next = *list;
    *list = one;
    fake_unlock(r);
}

void fake_add_capability(fake_runner *r, const char *urn)
{
    add_text(r, &r->capabilities, urn);
}

void fake_add_sibling(fake_runner *r, const char *worker_id)
{
    add_text(r, &r->siblings, worker_id);
}

void fake_add_experiment(fake_runner *r, const char *text)
{
    add_text(r, &r->experiments, text);
}

void fake_add_option(fake_runner *r, const char *name, double value)
{
    fake_lock(r);
    struct fake_option *one = BM_NEW(&r->arena, struct fake_option);
    one->name = bm_strdup(&r->arena, name);
    one->value = value;
    one->next = r->options;
    r->options = one;
    fake_unlock(r);
}

void fake_offer_status(fake_runner *r)
{
    r->offers_status = true;
}

void fake_connect(fake_runner *r, const beam_harness_opts *opts)
{
    beam_harness_opts all = *opts;
    if (!all.id) all.id = "worker-1";
    all.control_endpoint = all.logging_endpoint = all.provision_endpoint = r->url;
    beam_error err = { .status = BEAM_OK };
    beam_status status = beam_harness_start(&all, &r->worker, &err);
    ck_assert_msg(status == BEAM_OK, "the worker does not start: %s", err.message);
    fake_await_stream(r, FAKE_CONTROL);
}

beam_harness *fake_worker(fake_runner *r)
{
    return r->worker;
}

beam_status fake_wait_worker(fake_runner *r, beam_error *err)
{
    beam_status status = beam_harness_wait(r->worker, err);
    beam_harness_free(r->worker);
    r->worker = NULL;
    return status;
}

/* -- control ----------------------------------------------------------------------------------------- */
void fake_add_descriptor(fake_runner *r, const char *id, beam_span descriptor)
{
    fake_lock(r);
    fake_descriptor *one = BM_NEW(&r->arena, fake_descriptor);
    one->id = bm_strdup(&r->arena, id);
    one->bytes = bm_span_copy(&r->arena, descriptor);
    one->next = r->descriptors;
    r->descriptors = one;
    fake_unlock(r);
}

void fake_hold_descriptors(fake_runner *r)
{
    fake_lock(r);
    r->holds_descriptors = true;
    fake_unlock(r);
}

size_t fake_descriptor_fetches(fake_runner *r, const char *id)
{
    fake_lock(r);
    fake_descriptor *one = r->descriptors;
    while (one && strcmp(one->id, id)) one = one->next;
    size_t n = one ? one->n_fetches : 0;
    fake_unlock(r);
    return n;
}

pb_InstructionRequest *fake_request(fake_runner *r, const char *id)
{
    pb_InstructionRequest *request = pb_InstructionRequest_new(r->upb);
    pb_InstructionRequest_set_instruction_id(request, fake_view(id));
    return request;
}

void fake_send(fake_runner *r, const pb_InstructionRequest *request)
{
    beam_span bytes;
    bytes.ptr = pb_InstructionRequest_serialize(request, r->upb, &bytes.len);
    bm_stream_write(fake_open_stream(r, FAKE_CONTROL)->stream, message_of(bytes));
}

void fake_process_bundle(fake_runner *r, const char *id, const char *descriptor)
{
    pb_InstructionRequest *request = fake_request(r, id);
    pb_ProcessBundleRequest_set_process_bundle_descriptor_id(
        pb_InstructionRequest_mutable_process_bundle(request, r->upb),
        fake_view(descriptor));
    fake_send(r, request);
}

/* By hand: the field is newer than the protos. */
void fake_process_bundle_on(fake_runner *r, const char *stream_id, const char *id,
                            const char *descriptor)
{
    enum { INSTRUCTION_ID = 1 << 3 | 2, PROCESS_BUNDLE = 1001 << 3 | 2,
           DESCRIPTOR_ID = 1 << 3 | 2, DATA_STREAM_ID = 6 << 3 | 2 };
    bm_writer bundle = { 0 }, request = { 0 };
    bm_write_u8(&bundle, DESCRIPTOR_ID);
    bm_write_prefixed(&bundle, beam_span_of(descriptor));
    bm_write_u8(&bundle, DATA_STREAM_ID);
    bm_write_prefixed(&bundle, beam_span_of(stream_id));
    bm_write_u8(&request, INSTRUCTION_ID);
    bm_write_prefixed(&request, beam_span_of(id));
    bm_write_varint(&request, PROCESS_BUNDLE);
    bm_write_prefixed(&request, bm_written(&bundle));
    fake_send_bytes(r, FAKE_CONTROL, bm_written(&request));
    bm_writer_free(&bundle);
    bm_writer_free(&request);
}

void fake_process_bundle_promising(fake_runner *r, const fake_promises *promises,
                                   const char *id, const char *descriptor)
{
    pb_InstructionRequest *request = fake_request(r, id);
    pb_ProcessBundleRequest *bundle =
        pb_InstructionRequest_mutable_process_bundle(request, r->upb);
    pb_ProcessBundleRequest_set_process_bundle_descriptor_id(bundle, fake_view(descriptor));
    pb_ProcessBundleRequest_set_has_no_state(bundle, promises->no_state);
    pb_ProcessBundleRequest_set_only_bundle_for_keys(bundle, promises->only_bundle);
    if (promises->state_token) {
        pb_ProcessBundleRequest_CacheToken *token =
            pb_ProcessBundleRequest_add_cache_tokens(bundle, r->upb);
        pb_ProcessBundleRequest_CacheToken_mutable_user_state(token, r->upb);
        pb_ProcessBundleRequest_CacheToken_set_token(token, fake_view(promises->state_token));
    }
    if (promises->other_token)
        pb_ProcessBundleRequest_CacheToken_set_token(
            pb_ProcessBundleRequest_add_cache_tokens(bundle, r->upb),
            fake_view(promises->other_token));
    if (promises->side_token) {
        pb_ProcessBundleRequest_CacheToken *token =
            pb_ProcessBundleRequest_add_cache_tokens(bundle, r->upb);
        pb_ProcessBundleRequest_CacheToken_SideInput *side =
            pb_ProcessBundleRequest_CacheToken_mutable_side_input(token, r->upb);
        pb_ProcessBundleRequest_CacheToken_SideInput_set_transform_id(side, fake_view("fn"));
        pb_ProcessBundleRequest_CacheToken_SideInput_set_side_input_id(side, fake_view("side"));
        pb_ProcessBundleRequest_CacheToken_set_token(token, fake_view(promises->side_token));
    }
    fake_send(r, request);
}

void fake_finalize(fake_runner *r, const char *id, const char *bundle)
{
    pb_InstructionRequest *request = fake_request(r, id);
    pb_FinalizeBundleRequest_set_instruction_id(
        pb_InstructionRequest_mutable_finalize_bundle(request, r->upb), fake_view(bundle));
    fake_send(r, request);
}

void fake_progress(fake_runner *r, const char *id, const char *bundle)
{
    pb_InstructionRequest *request = fake_request(r, id);
    pb_ProcessBundleProgressRequest_set_instruction_id(
        pb_InstructionRequest_mutable_process_bundle_progress(request, r->upb),
        fake_view(bundle));
    fake_send(r, request);
}

void fake_split(fake_runner *r, const char *id, const char *bundle, const char *source,
                double fraction, int64_t estimated)
{
    pb_InstructionRequest *request = fake_request(r, id);
    pb_ProcessBundleSplitRequest *split =
        pb_InstructionRequest_mutable_process_bundle_split(request, r->upb);
    pb_ProcessBundleSplitRequest_set_instruction_id(split, fake_view(bundle));
    pb_ProcessBundleSplitRequest_DesiredSplit *desired =
        pb_ProcessBundleSplitRequest_DesiredSplit_new(r->upb);
    pb_ProcessBundleSplitRequest_DesiredSplit_set_fraction_of_remainder(desired,
                                                                        fraction);
    pb_ProcessBundleSplitRequest_DesiredSplit_set_estimated_input_elements(desired,
                                                                           estimated);
    pb_ProcessBundleSplitRequest_desired_splits_set(split, fake_view(source), desired,
                                                    r->upb);
    fake_send(r, request);
}

void fake_on_control(fake_stream *stream, beam_span bytes, upb_Arena *upb)
{
    fake_runner *r = stream->runner;
    const pb_InstructionResponse *pb = pb_InstructionResponse_parse(bytes.ptr, bytes.len,
                                                                    upb);
    fake_response *one = BM_NEW(&r->arena, fake_response);
    one->id = pb ? bm_cstr(&r->arena,
                           fake_span(pb_InstructionResponse_instruction_id(pb)))
                 : "(not an InstructionResponse)";
    one->bytes = bm_span_copy(&r->arena, bytes);
    one->next = r->responses;
    r->responses = one;
    if (pb && pb_InstructionResponse_has_process_bundle(pb)) {
        const pb_Elements *embedded = pb_ProcessBundleResponse_elements(
            pb_InstructionResponse_process_bundle(pb));
        if (embedded) fake_take_elements(r, embedded, NULL);
    }
}

/* With the lock. */
static fake_response *find_response(fake_runner *r, const char *id)
{
    fake_response *one = r->responses;
    while (one && strcmp(one->id, id)) one = one->next;
    return one;
}

bool fake_responded(fake_runner *r, const char *id)
{
    fake_lock(r);
    bool found = find_response(r, id) != NULL;
    fake_unlock(r);
    return found;
}

const pb_InstructionResponse *fake_await(fake_runner *r, const char *id)
{
    struct timespec until = fake_deadline();
    fake_response *found;
    fake_lock(r);
    while (!(found = find_response(r, id))) fake_wait(r, &until, "the response to", id);
    fake_unlock(r);
    return pb_InstructionResponse_parse(found->bytes.ptr, found->bytes.len, r->upb);
}

const char *fake_await_error(fake_runner *r, const char *id)
{
    upb_StringView error = pb_InstructionResponse_error(fake_await(r, id));
    fake_lock(r);
    const char *text = bm_cstr(&r->arena, fake_span(error));
    fake_unlock(r);
    return text;
}

/* -- suites ----------------------------------------------------------------------------------------- */
int fake_run_tests(const char *name, const TTest *const *tests, size_t n)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, 150);
    for (size_t i = 0; i < n; i++) tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
