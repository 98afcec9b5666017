/* SPDX-License-Identifier: Apache-2.0 */
/* The runner's side of the Fn API for one worker. on_... and open_... run on the rpc thread,
 * the rest on the measuring threads; the lock guards all that changes. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "elements.h"
#include "fnbench.h"
#include "google/protobuf/struct.upb.h"
#include "model/beam_provision_api.upb.h"
#include "model/endpoints.upb.h"

enum { CONTROL, DATA, STATE, LOGGING, ARTIFACT, PROVISION, SERVICES };
static const char *const service_names[] = { "control", "data", "state",
                                             "logging", "artifact", "provision" };
enum { PATIENCE_S = 600, MOST_STREAMS = 64, QUEUED_BYTES = 4 << 20 };

/* A bundle under way; on the stack of the thread that waits for it. */
typedef struct bundle {
    struct bundle *next;
    char id[24];
    const stage *stage;
    bool check, responded, ended;
    bundle_output out;
    bm_writer joined; /* of an entry in several pieces */
} bundle;

typedef struct stage_link {
    struct stage_link *next;
    const stage *stage;
} stage_link;

struct runner {
    runner_opts opts;
    bm_rpc *rpc;
    bm_server *servers[SERVICES];
    char urls[SERVICES][64];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    beam_span options;
    stage_link *stages;
    bm_stream *streams[MOST_STREAMS];
    size_t n_streams;
    bm_stream *control, *data;
    bool gone;
    bundle *bundles;
    unsigned long n_bundles;
    size_t echoed_bytes;
    bm_elements_reader reader; /* rpc thread only */
    state_store *state;
};

uint64_t hash_bytes(const void *bytes, size_t n)
{
    const uint8_t *at = bytes;
    uint64_t hash = 0xcbf29ce484222325u ^ n;
    for (; n >= 8; n -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        hash = (hash ^ word) * 0x9fb21c651e98df25u;
        hash ^= hash >> 35;
    }
    for (; n; n--, at++) hash = (hash ^ *at) * 0x100000001b3u;
    return hash ^ hash >> 29;
}

static bm_message *message_of(const char *bytes, size_t n)
{
    bm_message *message = bm_message_new();
    bm_message_add(message, bm_slice_copy((beam_span){ bytes, n }));
    return message;
}

/* -- outputs: rpc thread, with the lock -------------------------------------------------------- */
static bundle *find_bundle(runner *r, beam_span id)
{
    bundle *b = r->bundles;
    while (b && !beam_span_equal(beam_span_of(b->id), id)) b = b->next;
    return b;
}

/* The last varint of an element: where an accumulator of a sum has its number. */
static int64_t last_varint(const uint8_t *from, const uint8_t *end)
{
    const uint8_t *at = end - 1;
    while (at > from && at[-1] >= 0x80) at--;
    uint64_t value = 0;
    for (unsigned shift = 0; at < end && shift < 64; shift += 7)
        value |= (uint64_t)(*at++ & 0x7f) << shift;
    return (int64_t)value;
}

static void take_elements(bundle *b, beam_span data)
{
    const uint8_t *at = (const uint8_t *)data.ptr, *end = at + data.len;
    b->out.bytes += data.len;
    while (at < end) {
        const uint8_t *value = wire_skip_header(b->stage->out_window, at, end);
        at = value ? wire_skip(b->stage->out, value, end) : NULL;
        if (!at) fatal("output %zu of %s is not what its coder says", b->out.n, b->stage->id);
        if (b->check) {
            b->out.sum += hash_bytes(value, (size_t)(at - value));
            b->out.total += last_varint(value, at);
        }
        b->out.n++;
    }
}

static void take_entry(runner *r, const bm_entry *entry)
{
    bundle *b = find_bundle(r, entry->instruction_id);
    if (!b) return;
    if (!beam_span_equal(entry->transform_id, beam_span_of(STAGE_SINK)))
        fatal("the worker sent data of '%.*s'", (int)entry->transform_id.len,
              entry->transform_id.ptr);
    if (entry->n_pieces == 1) {
        take_elements(b, entry->pieces[0].bytes);
    } else if (entry->n_pieces) {
        b->joined.len = 0;
        for (size_t i = 0; i < entry->n_pieces; i++)
            bm_write_bytes(&b->joined, entry->pieces[i].bytes.ptr, entry->pieces[i].bytes.len);
        take_elements(b, bm_written(&b->joined));
    }
    b->out.messages++;
    /* Old workers end with empty data. */
    if (entry->is_last || !entry->n_pieces) b->ended = true;
}

static void on_data(void *self, bm_stream *stream, bm_message *message)
{
    (void)stream;
    runner *r = self;
    bm_entry entry;
    beam_status status;
    bm_elements_reader_message(&r->reader, message);
    pthread_mutex_lock(&r->lock);
    r->echoed_bytes += bm_message_size(message);
    while ((status = bm_elements_next(&r->reader, &entry)) == BEAM_OK) take_entry(r, &entry);
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    bm_message_free(message);
    if (status != BEAM_ESHORT) fatal("the worker sent data that is no Elements");
}

/* -- the other streams: rpc thread --------------------------------------------------------------- */
static void take_embedded(runner *r, const pb_Elements *elements)
{
    size_t n;
    const pb_Elements_Data *const *at = pb_Elements_data(elements, &n);
    for (size_t i = 0; i < n; i++) {
        upb_StringView id = pb_Elements_Data_instruction_id(at[i]),
                       transform = pb_Elements_Data_transform_id(at[i]),
                       data = pb_Elements_Data_data(at[i]);
        bm_piece piece = { NULL, { data.data, data.size } };
        take_entry(r, &(bm_entry){ .instruction_id = { id.data, id.size },
                                   .transform_id = { transform.data, transform.size },
                                   .pieces = &piece,
                                   .n_pieces = data.size > 0,
                                   .is_last = pb_Elements_Data_is_last(at[i]) });
    }
}

static void on_control(void *self, bm_stream *stream, bm_message *message)
{
    (void)stream;
    runner *r = self;
    bm_arena flat;
    bm_arena_init(&flat, 0);
    upb_Arena *upb = upb_Arena_New();
    beam_span bytes = bm_message_flat(message, &flat);
    const pb_InstructionResponse *response =
        pb_InstructionResponse_parse(bytes.ptr, bytes.len, upb);
    if (!response) fatal("the worker sent a response that cannot be read");
    upb_StringView id = pb_InstructionResponse_instruction_id(response),
                   error = pb_InstructionResponse_error(response);
    if (error.size) fatal("a bundle failed: %.*s", (int)error.size, error.data);
    const pb_ProcessBundleResponse *pb = pb_InstructionResponse_process_bundle(response);
    const pb_Elements *elements = pb ? pb_ProcessBundleResponse_elements(pb) : NULL;
    pthread_mutex_lock(&r->lock);
    if (elements) take_embedded(r, elements);
    bundle *b = find_bundle(r, (beam_span){ id.data, id.size });
    if (b) {
        b->responded = true;
        b->out.response_bytes = bytes.len;
    }
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    upb_Arena_Free(upb);
    bm_arena_free(&flat);
    bm_message_free(message);
}

static void on_state(void *self, bm_stream *stream, bm_message *message)
{
    runner *r = self;
    bm_arena flat;
    bm_arena_init(&flat, 0);
    bm_message *answer = state_answer(r->state, &r->opts.side,
                                      bm_message_flat(message, &flat));
    if (!answer) fatal("the worker sent a state request that cannot be read");
    bm_stream_write(stream, answer);
    bm_arena_free(&flat);
    bm_message_free(message);
}

static void on_logging(void *self, bm_stream *stream, bm_message *message)
{
    (void)stream;
    runner *r = self;
    bm_arena flat;
    bm_arena_init(&flat, 0);
    show_log(bm_message_flat(message, &flat), r->opts.verbose);
    bm_arena_free(&flat);
    bm_message_free(message);
}

static void on_half_close(void *self, bm_stream *stream)
{
    (void)self;
    bm_stream_finish(stream, BEAM_OK, NULL);
}

static void on_end(void *self, bm_stream *stream, beam_status status, const char *text)
{
    (void)status, (void)text;
    runner *r = self;
    pthread_mutex_lock(&r->lock);
    if (stream == r->control) r->gone = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static bool keep_stream(runner *r, bm_stream *stream)
{
    pthread_mutex_lock(&r->lock);
    bool room = r->n_streams < MOST_STREAMS;
    if (room) r->streams[r->n_streams++] = stream;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    return room;
}

#define STREAM(open_name, take, member)                                               \
    static bool open_name(void *self, const bm_incoming *call, bm_stream *stream,     \
                          const bm_stream_handler **handler, void **handler_self)     \
    {                                                                                 \
        static const bm_stream_handler own = { take, on_half_close, on_end };         \
        (void)call;                                                                   \
        runner *r = self;                                                             \
        *handler = &own;                                                              \
        *handler_self = r;                                                            \
        member;                                                                       \
        return keep_stream(r, stream);                                                \
    }
/* Nobody looks at the two before keep_stream() has had the lock. */
STREAM(open_control, on_control, r->control = stream)
STREAM(open_data, on_data, r->data = stream)
STREAM(open_state, on_state, (void)0)
STREAM(open_logging, on_logging, (void)0)

/* -- calls: rpc thread -------------------------------------------------------------------------------- */
static void on_descriptor(void *self, bm_incoming *call, bm_message *request)
{
    runner *r = self;
    upb_Arena *upb = upb_Arena_New();
    bm_arena flat;
    bm_arena_init(&flat, 0);
    beam_span bytes = bm_message_flat(request, &flat);
    const pb_GetProcessBundleDescriptorRequest *pb =
        pb_GetProcessBundleDescriptorRequest_parse(bytes.ptr, bytes.len, upb);
    upb_StringView id =
        pb_GetProcessBundleDescriptorRequest_process_bundle_descriptor_id(pb);
    pthread_mutex_lock(&r->lock);
    const stage_link *at = r->stages;
    while (at && !upb_StringView_IsEqual(upb_StringView_FromString(at->stage->id), id))
        at = at->next;
    pthread_mutex_unlock(&r->lock);
    if (at)
        bm_incoming_reply(call,
                          message_of(at->stage->descriptor.ptr, at->stage->descriptor.len));
    else
        bm_incoming_fail(call, BEAM_EINVAL, "there is no such descriptor");
    bm_arena_free(&flat);
    upb_Arena_Free(upb);
}

static void put_url(pb_ApiServiceDescriptor *api, const char *url)
{
    pb_ApiServiceDescriptor_set_url(api, upb_StringView_FromString(url));
}

static void on_provision(void *self, bm_incoming *call, bm_message *request)
{
    (void)request;
    runner *r = self;
    upb_Arena *upb = upb_Arena_New();
    pb_GetProvisionInfoResponse *response = pb_GetProvisionInfoResponse_new(upb);
    pb_ProvisionInfo *info = pb_GetProvisionInfoResponse_mutable_info(response, upb);
    put_url(pb_ProvisionInfo_mutable_control_endpoint(info, upb), r->urls[CONTROL]);
    put_url(pb_ProvisionInfo_mutable_logging_endpoint(info, upb), r->urls[LOGGING]);
    put_url(pb_ProvisionInfo_mutable_artifact_endpoint(info, upb), r->urls[ARTIFACT]);
    pb_ProvisionInfo_set_retrieval_token(info, upb_StringView_FromString("none"));
    google_protobuf_Struct *options =
        google_protobuf_Struct_parse(r->options.ptr, r->options.len, upb);
    if (!options) options = google_protobuf_Struct_new(upb);
    pb_ProvisionInfo_set_pipeline_options(info, options);
    if (r->opts.embed)
        pb_ProvisionInfo_add_runner_capabilities(
            info,
            upb_StringView_FromString("beam:protocol:control_response_elements_embedding:v1"),
            upb);
    if (r->opts.short_ids)
        pb_ProvisionInfo_add_runner_capabilities(
            info, upb_StringView_FromString("beam:protocol:monitoring_info_short_ids:v1"),
            upb);
    if (r->opts.keys_values)
        pb_ProvisionInfo_add_runner_capabilities(
            info,
            upb_StringView_FromString("beam:protocol:multimap_keys_values_side_input:v1"),
            upb);
    size_t n;
    const char *bytes = pb_GetProvisionInfoResponse_serialize(response, upb, &n);
    bm_incoming_reply(call, message_of(bytes, n));
    upb_Arena_Free(upb);
}

#define FN "/org.apache.beam.model.fn_execution.v1."
static const bm_method methods[] = {
    { .name = FN "BeamFnControl/Control", .on_stream = open_control },
    { .name = FN "BeamFnControl/GetProcessBundleDescriptor", .on_unary = on_descriptor },
    { .name = FN "BeamFnData/Data", .on_stream = open_data },
    { .name = FN "BeamFnState/State", .on_stream = open_state },
    { .name = FN "BeamFnLogging/Logging", .on_stream = open_logging },
    { .name = FN "ProvisionService/GetProvisionInfo", .on_unary = on_provision },
};

/* -- life -------------------------------------------------------------------------------------------------- */
runner *runner_new(const runner_opts *opts)
{
    runner *r = bm_xcalloc(1, sizeof *r);
    r->opts = *opts;
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&r->changed, &attr);
    bm_elements_reader_init(&r->reader);
    r->state = state_store_new();
    r->rpc = bm_rpc_new();
    /* A server for each service, as Java's runners have it. */
    for (int i = 0; i < SERVICES; i++) {
        beam_error err;
        r->servers[i] =
            bm_server_new(r->rpc, "localhost:0", methods, BEAM_COUNT(methods), r, &err);
        if (!r->servers[i]) fatal("%s", err.message);
        snprintf(r->urls[i], sizeof r->urls[i], "localhost:%d",
                 bm_server_port(r->servers[i]));
    }
    return r;
}

void runner_free(runner *r)
{
    for (size_t i = 0; i < r->n_streams; i++) bm_stream_finish(r->streams[i], BEAM_OK, NULL);
    for (int i = 0; i < SERVICES; i++) bm_server_free(r->servers[i]);
    for (size_t i = 0; i < r->n_streams; i++) bm_stream_free(r->streams[i]);
    bm_rpc_free(r->rpc);
    for (stage_link *at = r->stages, *next; at; at = next) {
        next = at->next;
        free(at);
    }
    state_store_free(r->state);
    bm_elements_reader_free(&r->reader);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

const char *runner_url(const runner *r, const char *service)
{
    for (int i = 0; i < SERVICES; i++)
        if (!strcmp(service, service_names[i])) return r->urls[i];
    return "";
}

void runner_set_options(runner *r, beam_span options)
{
    r->options = options;
}

void runner_add_stage(runner *r, const stage *s)
{
    stage_link *link = bm_xcalloc(1, sizeof *link);
    pthread_mutex_lock(&r->lock);
    *link = (stage_link){ r->stages, s };
    r->stages = link;
    pthread_mutex_unlock(&r->lock);
}

/* With the lock. */
static void await(runner *r, const struct timespec *until, const char *what)
{
    if (pthread_cond_timedwait(&r->changed, &r->lock, until))
        fatal("%s did not come in %d s", what, PATIENCE_S);
    if (r->gone) fatal("the worker has ended its control stream");
}

static struct timespec deadline(void)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PATIENCE_S;
    return until;
}

void runner_start_worker(runner *r, const char *worker_pool_url)
{
    upb_Arena *upb = upb_Arena_New();
    pb_StartWorkerRequest *request = pb_StartWorkerRequest_new(upb);
    pb_StartWorkerRequest_set_worker_id(request, upb_StringView_FromString("bench_worker"));
    put_url(pb_StartWorkerRequest_mutable_control_endpoint(request, upb), r->urls[CONTROL]);
    put_url(pb_StartWorkerRequest_mutable_logging_endpoint(request, upb), r->urls[LOGGING]);
    put_url(pb_StartWorkerRequest_mutable_artifact_endpoint(request, upb), r->urls[ARTIFACT]);
    put_url(pb_StartWorkerRequest_mutable_provision_endpoint(request, upb),
            r->urls[PROVISION]);
    beam_span bytes, answer;
    bytes.ptr = pb_StartWorkerRequest_serialize(request, upb, &bytes.len);
    bm_arena arena;
    bm_arena_init(&arena, 0);
    beam_error err = { .status = BEAM_OK };
    bm_channel *channel = bm_channel_new(r->rpc, worker_pool_url, NULL);
    if (bm_channel_wait(channel, PATIENCE_S * 1000, &err)
        || bm_call(channel, FN "BeamFnExternalWorkerPool/StartWorker", bytes,
                   PATIENCE_S * 1000, &arena, &answer, &err))
        fatal("%s", err.message);
    bm_channel_free(channel);
    const pb_StartWorkerResponse *response =
        pb_StartWorkerResponse_parse(answer.ptr, answer.len, upb);
    upb_StringView error = response ? pb_StartWorkerResponse_error(response)
                                    : upb_StringView_FromString("no answer");
    if (error.size) fatal("no worker was started: %.*s", (int)error.size, error.data);
    bm_arena_free(&arena);
    upb_Arena_Free(upb);
    runner_await_worker(r);
}

void runner_await_worker(runner *r)
{
    struct timespec until = deadline();
    pthread_mutex_lock(&r->lock);
    while (!r->control && !r->data) await(r, &until, "the worker");
    pthread_mutex_unlock(&r->lock);
}

/* -- bundles ------------------------------------------------------------------------------------------------ */
static void add_cache_tokens(pb_ProcessBundleRequest *request, const stage *s,
                             upb_Arena *upb)
{
    pb_ProcessBundleRequest_CacheToken *token =
        pb_ProcessBundleRequest_add_cache_tokens(request, upb);
    pb_ProcessBundleRequest_CacheToken_set_token(token,
                                                 upb_StringView_FromString("state"));
    pb_ProcessBundleRequest_CacheToken_mutable_user_state(token, upb);
    if (!s->side_tag) return;
    token = pb_ProcessBundleRequest_add_cache_tokens(request, upb);
    pb_ProcessBundleRequest_CacheToken_set_token(token,
                                                 upb_StringView_FromString("side"));
    pb_ProcessBundleRequest_CacheToken_SideInput *side =
        pb_ProcessBundleRequest_CacheToken_mutable_side_input(token, upb);
    pb_ProcessBundleRequest_CacheToken_SideInput_set_side_input_id(
        side, upb_StringView_FromString(s->side_tag));
    pb_ProcessBundleRequest_CacheToken_SideInput_set_transform_id(
        side, upb_StringView_FromString(s->side_transform));
}

static void ask(runner *r, const bundle *b)
{
    upb_Arena *upb = upb_Arena_New();
    pb_InstructionRequest *request = pb_InstructionRequest_new(upb);
    pb_InstructionRequest_set_instruction_id(request, upb_StringView_FromString(b->id));
    pb_ProcessBundleRequest *process =
        pb_InstructionRequest_mutable_process_bundle(request, upb);
    pb_ProcessBundleRequest_set_process_bundle_descriptor_id(process,
                                                             upb_StringView_FromString(
                                                                 b->stage->id));
    if (r->opts.cache_tokens) add_cache_tokens(process, b->stage, upb);
    size_t n;
    const char *bytes = pb_InstructionRequest_serialize(request, upb, &n);
    bm_stream_write(r->control, message_of(bytes, n));
    upb_Arena_Free(upb);
}

/* An input's end is an entry of its own: some readers drop the data of one that has it. */
static void send_input(const bundle *b, const bundle_input *input, bm_stream *data)
{
    const bm_address of = { .instruction_id = beam_span_of(b->id),
                            .transform_id = beam_span_of(STAGE_SOURCE) };
    for (size_t i = 0; i < input->n_chunks; i++) {
        bm_gather gather = { 0 };
        bm_entry_write(&gather.head, &of, bm_slice_span(input->chunks[i]).len, false);
        bm_gather_slice(&gather, bm_slice_ref(input->chunks[i]));
        if (i + 1 == input->n_chunks) bm_entry_write(&gather.head, &of, 0, true);
        bm_stream_wait_writable(data, QUEUED_BYTES);
        bm_stream_write(data, bm_gather_take(&gather));
    }
}

void runner_process(runner *r, const stage *s, const bundle_input *input, bool check,
                    bundle_output *out)
{
    struct timespec until = deadline();
    bundle b = { .stage = s, .check = check };
    pthread_mutex_lock(&r->lock);
    snprintf(b.id, sizeof b.id, "bundle-%lu", ++r->n_bundles);
    b.next = r->bundles;
    r->bundles = &b;
    pthread_mutex_unlock(&r->lock);
    ask(r, &b);
    pthread_mutex_lock(&r->lock);
    while (!r->data) await(r, &until, "the worker's data stream");
    pthread_mutex_unlock(&r->lock);
    send_input(&b, input, r->data);
    pthread_mutex_lock(&r->lock);
    while (!b.responded || !b.ended)
        await(r, &until, b.responded ? "the end of the output" : "the response");
    bundle **at = &r->bundles;
    while (*at != &b) at = &(*at)->next;
    *at = b.next;
    pthread_mutex_unlock(&r->lock);
    bm_writer_free(&b.joined);
    *out = b.out;
}

size_t runner_state_requests(const runner *r)
{
    return state_requests(r->state);
}

void runner_echo(runner *r, const bundle_input *input, bundle_output *out)
{
    struct timespec until = deadline();
    bundle b = { .id = "echo" };
    pthread_mutex_lock(&r->lock);
    r->echoed_bytes = 0;
    pthread_mutex_unlock(&r->lock);
    send_input(&b, input, r->data);
    pthread_mutex_lock(&r->lock);
    while (r->echoed_bytes < input->bytes) await(r, &until, "the echo");
    pthread_mutex_unlock(&r->lock);
    *out = (bundle_output){ .n = input->n, .bytes = r->echoed_bytes };
}
