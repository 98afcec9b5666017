/* SPDX-License-Identifier: Apache-2.0 */
/* The control stream: one function per kind of instruction. All on the rpc thread, so none
 * of them blocks; bundles go to threads of their own. */
#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"
#include "pb.h"
#include "worker.h"

void bm_respond(beam_harness *worker, pb_InstructionResponse *response, upb_Arena *pb)
{
    size_t n;
    const char *bytes = pb_InstructionResponse_serialize(response, pb, &n);
    bm_stream_write(worker->control, bm_pb_message(bytes, n));
}

void bm_order_fail(const bm_order *order, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    char *copy = upb_Arena_Malloc(order->pb, len + 1);
    memcpy(copy, text, len + 1);
    bm_utf8_mend(copy);
    pb_InstructionResponse_set_error(order->response,
                                     upb_StringView_FromDataAndSize(copy, len));
}

void bm_order_respond(const bm_order *order)
{
    bm_respond(order->worker, order->response, order->pb);
}

void bm_order_free(bm_order *order)
{
    bm_message_free(order->message);
    upb_Arena_Free(order->pb); /* the order is in it */
}

static void register_descriptors(const bm_order *in)
{
    size_t n;
    const pb_ProcessBundleDescriptor *const *list = pb_RegisterRequest_process_bundle_descriptor(
        pb_InstructionRequest_register(in->request), &n);
    for (size_t i = 0; i < n; i++) {
        size_t size;
        const char *bytes = pb_ProcessBundleDescriptor_serialize(list[i], in->pb, &size);
        bm_plans_register(&in->worker->plans, bm_span_of_pb(pb_ProcessBundleDescriptor_id(list[i])),
                          (beam_span){ bytes, size });
    }
    pb_InstructionResponse_mutable_register(in->response, in->pb);
}

static void monitoring_infos(const bm_order *in)
{
    bm_monitor_metadata(&in->worker->short_ids,
                        pb_InstructionRequest_monitoring_infos(in->request),
                        pb_InstructionResponse_mutable_monitoring_infos(in->response, in->pb),
                        in->pb);
}

static void dispatch(bm_order *in)
{
    switch (pb_InstructionRequest_request_case(in->request)) {
    case pb_InstructionRequest_request_process_bundle: bm_bundle_start(in); return;
    case pb_InstructionRequest_request_process_bundle_progress: bm_live_progress(in); return;
    case pb_InstructionRequest_request_process_bundle_split: bm_live_split(in); return;
    case pb_InstructionRequest_request_finalize_bundle: bm_live_finalize(in); return;
    case pb_InstructionRequest_request_register: register_descriptors(in); break;
    case pb_InstructionRequest_request_monitoring_infos: monitoring_infos(in); break;
    case pb_InstructionRequest_request_harness_monitoring_infos: bm_inspect_metrics(in); break;
    case pb_InstructionRequest_request_sample_data: bm_inspect_samples(in); break;
    default: bm_order_fail(in, "This worker does not know that kind of instruction."); break;
    }
    bm_order_respond(in);
    bm_order_free(in);
}

static bm_order *new_order(beam_harness *worker, const pb_InstructionRequest *request,
                           upb_Arena *pb, bm_message *message)
{
    bm_order *order = upb_Arena_Malloc(pb, sizeof *order);
    *order = (bm_order){ .worker = worker, .request = request, .pb = pb, .message = message };
    order->id = bm_span_of_pb(pb_InstructionRequest_instruction_id(request));
    order->response = pb_InstructionResponse_new(pb);
    pb_InstructionResponse_set_instruction_id(order->response, bm_pb_span(order->id));
    return order;
}

/* Whoever opens the stream holds the lock until worker->control is set. */
static void await_control(beam_harness *worker)
{
    if (worker->control_is_set) return;
    pthread_mutex_lock(&worker->lock);
    worker->control_is_set = true;
    pthread_mutex_unlock(&worker->lock);
}

static void on_message(void *self, bm_stream *stream, bm_message *message)
{
    (void)stream;
    beam_harness *worker = self;
    await_control(worker);
    upb_Arena *pb = bm_pb_arena_new();
    bm_arena flat;
    bm_arena_init(&flat, 0);
    beam_span bytes = bm_message_flat(message, &flat);
    /* Strings point into the message, which lives as long as the request; one that had to be
     * joined is parsed with copies. */
    int options = bm_message_slices(message) == 1 ? kUpb_DecodeOption_AliasString : 0;
    const pb_InstructionRequest *request =
        pb_InstructionRequest_parse_ex(bytes.ptr, bytes.len, NULL, options, pb);
    if (request) {
        dispatch(new_order(worker, request, pb, message));
    } else {
        bm_log_at(&worker->log, BEAM_LOG_ERROR, NULL,
                  "The runner sent %zu bytes that are no instruction.", bytes.len);
        upb_Arena_Free(pb);
        bm_message_free(message);
    }
    bm_arena_free(&flat);
}

static void on_end(void *self, bm_stream *stream, beam_status status, const char *text)
{
    (void)stream;
    beam_harness *worker = self;
    pthread_mutex_lock(&worker->lock);
    worker->control_ended = true;
    if (status != BEAM_OK)
        bm_error(&worker->outcome, status, "The control stream to %s broke: %s.",
                 worker->boot.control_endpoint, text && *text ? text : beam_status_text(status));
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
}

const bm_stream_handler bm_control_handler = { on_message, NULL, on_end };
