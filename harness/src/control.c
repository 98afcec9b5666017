/* SPDX-License-Identifier: Apache-2.0 */
/* The control stream: one function per kind of instruction. All on the rpc thread, so none
 * of them blocks; bundles go to threads of their own. */
#include <stdarg.h>
#include <stdio.h>

#include "pb.h"
#include "worker.h"

/* One instruction on its way from request to response. */
typedef struct instruction {
    beam_harness *worker;
    beam_span id;
    const pb_InstructionRequest *request;
    pb_InstructionResponse *response;
    upb_Arena *pb;
} instruction;

void bm_respond(beam_harness *worker, pb_InstructionResponse *response, upb_Arena *pb)
{
    size_t n;
    const char *bytes = pb_InstructionResponse_serialize(response, pb, &n);
    bm_stream_write(worker->control, bm_pb_message(bytes, n));
}

static void fail(const instruction *in, const char *format, ...) BEAM_PRINTF(2, 3);
static void fail(const instruction *in, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    char *copy = upb_Arena_Malloc(in->pb, len + 1);
    memcpy(copy, text, len + 1);
    pb_InstructionResponse_set_error(in->response, upb_StringView_FromDataAndSize(copy, len));
}

/* The bundle that a request is about, with the lock held. NULL when there is nothing to say
 * of it: the response is then final (an error for one that failed or is not known, empty
 * for one that has finished or whose request has not come). */
static const bm_instruction *running(const instruction *in, beam_span id)
{
    const bm_instruction *bundle = bm_instructions_find(&in->worker->instructions, id);
    if (!bundle)
        fail(in, "Instruction id '%.*s' is not known.", (int)(id.len < 200 ? id.len : 200),
             id.ptr);
    else if (bundle->state == BM_FAILED)
        fail(in, "%s", bundle->error);
    return bundle && bundle->state == BM_RUNNING && bundle->plan_slot ? bundle : NULL;
}

static void register_descriptors(const instruction *in)
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

static void progress(const instruction *in)
{
    pb_ProcessBundleProgressResponse *out =
        pb_InstructionResponse_mutable_process_bundle_progress(in->response, in->pb);
    bm_instructions *table = &in->worker->instructions;
    pthread_mutex_lock(&table->lock);
    const bm_instruction *bundle = running(
        in, bm_span_of_pb(pb_ProcessBundleProgressRequest_instruction_id(
                pb_InstructionRequest_process_bundle_progress(in->request))));
    if (bundle) {
        bm_monitor_progress(&in->worker->short_ids, bundle->plan_slot, out, in->pb);
        pb_ProcessBundleProgressResponse_set_consuming_received_data(out,
                                                                     bundle->inbox->consuming);
    }
    pthread_mutex_unlock(&table->lock);
}

static void split_source(const instruction *in, bm_plan *plan, const char *transform_id,
                         int source, pb_ProcessBundleSplitResponse *out)
{
    pb_ProcessBundleSplitRequest_DesiredSplit *wanted;
    const pb_ProcessBundleSplitRequest *request =
        pb_InstructionRequest_process_bundle_split(in->request);
    if (!pb_ProcessBundleSplitRequest_desired_splits_get(
            (pb_ProcessBundleSplitRequest *)(uintptr_t)request, bm_pb_text(transform_id), &wanted))
        return;
    size_t n_allowed;
    int64_t const *allowed =
        pb_ProcessBundleSplitRequest_DesiredSplit_allowed_split_points(wanted, &n_allowed);
    const bm_split_wish wish = {
        pb_ProcessBundleSplitRequest_DesiredSplit_fraction_of_remainder(wanted),
        pb_ProcessBundleSplitRequest_DesiredSplit_estimated_input_elements(wanted),
        n_allowed ? allowed : NULL, n_allowed
    };
    bm_split split;
    if (!bm_plan_split(plan, source, &wish, NULL, &split)) return;
    pb_ProcessBundleSplitResponse_ChannelSplit *channel =
        pb_ProcessBundleSplitResponse_add_channel_splits(out, in->pb);
    char *copy = upb_Arena_Malloc(in->pb, strlen(transform_id) + 1);
    strcpy(copy, transform_id);
    pb_ProcessBundleSplitResponse_ChannelSplit_set_transform_id(channel, bm_pb_text(copy));
    pb_ProcessBundleSplitResponse_ChannelSplit_set_last_primary_element(channel,
                                                                        split.last_primary);
    pb_ProcessBundleSplitResponse_ChannelSplit_set_first_residual_element(channel,
                                                                          split.first_residual);
}

static void split(const instruction *in)
{
    pb_ProcessBundleSplitResponse *out =
        pb_InstructionResponse_mutable_process_bundle_split(in->response, in->pb);
    bm_instructions *table = &in->worker->instructions;
    pthread_mutex_lock(&table->lock);
    const bm_instruction *bundle =
        running(in, bm_span_of_pb(pb_ProcessBundleSplitRequest_instruction_id(
                        pb_InstructionRequest_process_bundle_split(in->request))));
    if (bundle) {
        size_t n;
        const bm_port *sources = bm_plan_sources(bundle->plan, &n);
        for (size_t i = 0; i < n; i++)
            split_source(in, bundle->plan, sources[i].transform_id, (int)i, out);
    }
    pthread_mutex_unlock(&table->lock);
}

static void dispatch(instruction *in, bm_message *message)
{
    switch (pb_InstructionRequest_request_case(in->request)) {
    case pb_InstructionRequest_request_process_bundle:
        bm_bundle_start(in->worker, in->id, pb_InstructionRequest_process_bundle(in->request),
                        message, in->pb);
        return;
    case pb_InstructionRequest_request_process_bundle_progress: progress(in); break;
    case pb_InstructionRequest_request_process_bundle_split: split(in); break;
    case pb_InstructionRequest_request_register: register_descriptors(in); break;
    case pb_InstructionRequest_request_monitoring_infos:
        bm_monitor_metadata(&in->worker->short_ids,
                            pb_InstructionRequest_monitoring_infos(in->request),
                            pb_InstructionResponse_mutable_monitoring_infos(in->response, in->pb),
                            in->pb);
        break;
    case pb_InstructionRequest_request_harness_monitoring_infos:
        pb_InstructionResponse_mutable_harness_monitoring_infos(in->response, in->pb);
        break;
    case pb_InstructionRequest_request_finalize_bundle:
        fail(in, "No bundle of this worker waits to be finalized.");
        break;
    default: fail(in, "This worker does not know that kind of instruction."); break;
    }
    bm_respond(in->worker, in->response, in->pb);
    upb_Arena_Free(in->pb);
    bm_message_free(message);
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
    instruction in = { .worker = worker, .pb = pb };
    in.request = pb_InstructionRequest_parse_ex(bytes.ptr, bytes.len, NULL, options, pb);
    if (in.request) {
        in.id = bm_span_of_pb(pb_InstructionRequest_instruction_id(in.request));
        in.response = pb_InstructionResponse_new(pb);
        pb_InstructionResponse_set_instruction_id(in.response, bm_pb_span(in.id));
        dispatch(&in, message);
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
