/* SPDX-License-Identifier: Apache-2.0 */
/* The services that the worker calls: control, data, state, logging, provisioning. All here
 * runs on the rpc thread, which hands messages over and answers what needs no state. */
#include "beam_urns.h"
#include "local/local_impl.h"
#include "model/beam_provision_api.pb-c.h"

bm_message *bm_local_message(beam_span bytes)
{
    bm_message *message = bm_message_new();
    bm_message_add(message, bm_slice_copy(bytes));
    return message;
}

/* -- streams -------------------------------------------------------------------------------- */
static void post(bm_local_stream *stream, bm_event_kind kind, bm_message *message,
                 const char *text)
{
    bm_local_event *event = bm_xcalloc(1, sizeof *event);
    *event = (bm_local_event){ .kind = kind, .stream = stream, .message = message };
    event->text = bm_xstrdup(text);
    bm_local_inbox_put(&stream->local->inbox, event);
}

static void on_message(void *self, bm_stream *stream, bm_message *message)
{
    (void)stream;
    post(self, BM_MESSAGE, message, NULL);
}

/* The worker is done with it. */
static void on_half_close(void *self, bm_stream *stream)
{
    (void)self;
    bm_stream_finish(stream, BEAM_OK, NULL);
}

static void on_end(void *self, bm_stream *stream, beam_status status, const char *text)
{
    (void)stream;
    post(self, BM_ENDED, NULL, status ? text : NULL);
}

/* -- logs ------------------------------------------------------------------------------------- */
static beam_severity severity_of(Pb__LogEntry__Severity__Enum severity)
{
    switch (severity) {
    case PB__LOG_ENTRY__SEVERITY__ENUM__TRACE: return BEAM_LOG_TRACE;
    case PB__LOG_ENTRY__SEVERITY__ENUM__DEBUG: return BEAM_LOG_DEBUG;
    case PB__LOG_ENTRY__SEVERITY__ENUM__NOTICE: return BEAM_LOG_NOTICE;
    case PB__LOG_ENTRY__SEVERITY__ENUM__WARN: return BEAM_LOG_WARN;
    case PB__LOG_ENTRY__SEVERITY__ENUM__ERROR: return BEAM_LOG_ERROR;
    case PB__LOG_ENTRY__SEVERITY__ENUM__CRITICAL: return BEAM_LOG_CRITICAL;
    default: return BEAM_LOG_INFO;
    }
}

/* False: of a kind that workers of this SDK do not send. */
static bool read_field(const Google__Protobuf__Struct__FieldsEntry *pb,
                       beam_log_field *out)
{
    const Google__Protobuf__Value *v = pb->value;
    out->name = pb->key;
    switch (v ? v->kind_case : GOOGLE__PROTOBUF__VALUE__KIND__NOT_SET) {
    case GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE:
        out->value = beam_double(v->number_value);
        return true;
    case GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE:
        out->value = beam_string(beam_span_of(v->string_value));
        return true;
    case GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE:
        out->value = beam_bool(v->bool_value);
        return true;
    default: return false;
    }
}

static void pass_on(const bm_log *log, const Pb__LogEntry *pb, bm_arena *arena)
{
    const Google__Protobuf__Struct *data = pb->custom_data;
    size_t n = data ? data->n_fields : 0;
    beam_log_field *fields = BM_NEW_ARRAY(arena, beam_log_field, n);
    bm_log_entry entry = { .severity = severity_of(pb->severity),
                           .message = pb->message,
                           .instruction_id = pb->instruction_id,
                           .transform_id = pb->transform_id,
                           .location = pb->log_location,
                           .fields = fields };
    for (size_t i = 0; i < n; i++)
        if (read_field(data->fields[i], &fields[entry.n_fields])) entry.n_fields++;
    if (entry.severity >= log->minimum) log->write(log->self, &entry);
}

static void on_log(void *self, bm_stream *stream, bm_message *message)
{
    (void)stream;
    bm_local_stream *one = self;
    bm_arena arena;
    bm_arena_init(&arena, 0);
    Pb__LogEntry__List *list =
        (Pb__LogEntry__List *)bm_pb_unpack(&arena, &pb__log_entry__list__descriptor,
                                           bm_message_flat(message, &arena),
                                           BM_PB_MAX_DEPTH);
    for (size_t i = 0; list && i < list->n_log_entries; i++)
        pass_on(&one->local->opts->log, list->log_entries[i], &arena);
    bm_arena_free(&arena);
    bm_message_free(message);
}

static const bm_stream_handler handler = { on_message, on_half_close, on_end };
static const bm_stream_handler log_handler = { on_log, on_half_close, on_end };

static bool open_stream(bm_local *l, bm_local_service service, const bm_incoming *call,
                        bm_stream *stream, const bm_stream_handler **out, void **self)
{
    const char *id = bm_incoming_metadata(call, "worker_id");
    bm_local_stream *one = bm_xcalloc(1, sizeof *one);
    *one = (bm_local_stream){ .local = l, .service = service, .stream = stream };
    one->worker_id = bm_xstrdup(id ? id : "");
    *out = service == BM_LOCAL_LOGGING ? &log_handler : &handler;
    *self = one;
    post(one, BM_OPENED, NULL, NULL);
    return true;
}

static bool open_control(void *self, const bm_incoming *call, bm_stream *stream,
                         const bm_stream_handler **out, void **handler_self)
{
    return open_stream(self, BM_LOCAL_CONTROL, call, stream, out, handler_self);
}

static bool open_data(void *self, const bm_incoming *call, bm_stream *stream,
                      const bm_stream_handler **out, void **handler_self)
{
    return open_stream(self, BM_LOCAL_DATA, call, stream, out, handler_self);
}

static bool open_state(void *self, const bm_incoming *call, bm_stream *stream,
                       const bm_stream_handler **out, void **handler_self)
{
    return open_stream(self, BM_LOCAL_STATE, call, stream, out, handler_self);
}

static bool open_logging(void *self, const bm_incoming *call, bm_stream *stream,
                         const bm_stream_handler **out, void **handler_self)
{
    return open_stream(self, BM_LOCAL_LOGGING, call, stream, out, handler_self);
}

/* -- unary calls ---------------------------------------------------------------------------------- */
static void on_get_descriptor(void *self, bm_incoming *call, bm_message *request)
{
    bm_local *l = self;
    bm_arena arena;
    bm_arena_init(&arena, 0);
    Pb__GetProcessBundleDescriptorRequest *pb = (Pb__GetProcessBundleDescriptorRequest *)
        bm_pb_unpack(&arena, &pb__get_process_bundle_descriptor_request__descriptor,
                     bm_message_flat(request, &arena), BM_PB_MAX_DEPTH);
    const bm_stage *stage =
        pb ? bm_local_by_id(&l->descriptors, pb->process_bundle_descriptor_id) : NULL;
    if (stage)
        bm_incoming_reply(call, bm_local_message(stage->descriptor));
    else
        bm_incoming_fail(call, BEAM_EINVAL, "there is no descriptor of that id");
    bm_arena_free(&arena);
}

static size_t capabilities(const bm_local *l, char **out)
{
    size_t n = 0;
    if (!l->faults.no_short_ids)
        out[n++] = bm_pb_text(BEAM_URN_PROTOCOL_MONITORING_INFO_SHORT_IDS);
    if (!l->faults.no_response_embedding)
        out[n++] = bm_pb_text(BEAM_URN_PROTOCOL_CONTROL_RESPONSE_ELEMENTS_EMBEDDING);
    out[n++] = bm_pb_text(BEAM_URN_PROTOCOL_MULTIMAP_KEYS_VALUES_SIDE_INPUT);
    return n;
}

static void on_provision(void *self, bm_incoming *call, bm_message *request)
{
    (void)request;
    bm_local *l = self;
    bm_arena arena;
    bm_arena_init(&arena, 0);
    char *urns[4];
    Pb__ApiServiceDescriptor endpoint = PB__API_SERVICE_DESCRIPTOR__INIT;
    endpoint.url = bm_pb_text(l->url);
    Google__Protobuf__Struct options = GOOGLE__PROTOBUF__STRUCT__INIT;
    Pb__ProvisionInfo info = PB__PROVISION_INFO__INIT;
    info.pipeline_options = &options;
    info.control_endpoint = info.logging_endpoint = &endpoint;
    info.n_runner_capabilities = capabilities(l, urns);
    info.runner_capabilities = urns;
    Pb__GetProvisionInfoResponse response = PB__GET_PROVISION_INFO_RESPONSE__INIT;
    response.info = &info;
    bm_incoming_reply(call, bm_local_message(BM_PB_PACK(&arena, &response)));
    bm_arena_free(&arena);
}

#define FN "/org.apache.beam.model.fn_execution.v1."
static const bm_method methods[] = {
    { .name = FN "BeamFnControl/Control", .on_stream = open_control },
    { .name = FN "BeamFnControl/GetProcessBundleDescriptor",
      .on_unary = on_get_descriptor },
    { .name = FN "BeamFnData/Data", .on_stream = open_data },
    { .name = FN "BeamFnState/State", .on_stream = open_state },
    { .name = FN "BeamFnLogging/Logging", .on_stream = open_logging },
    { .name = FN "ProvisionService/GetProvisionInfo", .on_unary = on_provision },
};

beam_status bm_local_listen(bm_local *l)
{
    l->server = bm_server_new(l->rpc, "localhost:0", methods, BEAM_COUNT(methods), l,
                              l->err);
    if (!l->server) return BEAM_EIO;
    l->url = bm_format(&l->arena, "localhost:%d", bm_server_port(l->server));
    return BEAM_OK;
}
