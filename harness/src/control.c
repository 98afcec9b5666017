/* SPDX-License-Identifier: Apache-2.0 */
/* The control stream: one function per kind of instruction. All on the rpc thread, so none
 * of them blocks: bundles run afterwards, or on threads of their own. */
#include "pb.h"
#include "worker.h"

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
        dispatch(bm_order_new(worker, request, pb, message));
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
    /* A bundle that waits on the rpc thread sees what comes of its events, not what another
     * thread does; beam_harness_stop() cancels the bundle's streams for that. */
    bm_instructions_close(&worker->instructions, BM_RUNNER_ENDED);
    pthread_mutex_lock(&worker->lock);
    worker->control_ended = true;
    if (status != BEAM_OK)
        bm_error(&worker->outcome, status, "The control stream to %s broke: %s.",
                 worker->boot.control_endpoint, text && *text ? text : beam_status_text(status));
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
}

const bm_stream_handler bm_control_handler = { on_message, NULL, on_end };
