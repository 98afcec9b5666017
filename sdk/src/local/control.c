/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions to the worker and its answers. An instruction about a bundle has the bundle's
 * id behind its own: "split-7:bundle-3". Runner's thread. */
#include "local/local_impl.h"

static void send(bm_local *l, bm_arena *arena, Pb__InstructionRequest *request)
{
    bm_local_stream *control = l->live[BM_LOCAL_CONTROL];
    if (control)
        bm_stream_write(control->stream, bm_local_message(BM_PB_PACK(arena, request)));
}

static char *new_id(bm_local *l, bm_arena *arena, const char *what, const char *bundle)
{
    return bm_format(arena, "%s-%llu:%s", what, (unsigned long long)++l->n_instructions,
                     bundle);
}

/* -- requests ------------------------------------------------------------------------------- */
void bm_local_send_process_bundle(bm_local *l, bm_bundle *b, Pb__Elements *elements)
{
    Pb__ProcessBundleRequest process = PB__PROCESS_BUNDLE_REQUEST__INIT;
    Pb__InstructionRequest request = PB__INSTRUCTION_REQUEST__INIT;
    process.process_bundle_descriptor_id = bm_pb_text(b->stage->descriptor_id);
    process.elements = elements;
    bm_local_add_cache_tokens(l, b, &process);
    request.instruction_id = bm_pb_text(b->id);
    request.request_case = PB__INSTRUCTION_REQUEST__REQUEST_PROCESS_BUNDLE;
    request.process_bundle = &process;
    send(l, &b->arena, &request);
}

void bm_local_send_progress(bm_local *l, const bm_bundle *b)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    Pb__ProcessBundleProgressRequest progress = PB__PROCESS_BUNDLE_PROGRESS_REQUEST__INIT;
    Pb__InstructionRequest request = PB__INSTRUCTION_REQUEST__INIT;
    progress.instruction_id = bm_pb_text(b->id);
    request.instruction_id = new_id(l, &arena, "progress", b->id);
    request.request_case = PB__INSTRUCTION_REQUEST__REQUEST_PROCESS_BUNDLE_PROGRESS;
    request.process_bundle_progress = &progress;
    send(l, &arena, &request);
    bm_arena_free(&arena);
}

void bm_local_send_split(bm_local *l, const bm_bundle *b)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    Pb__ProcessBundleSplitRequest__DesiredSplit desired =
        PB__PROCESS_BUNDLE_SPLIT_REQUEST__DESIRED_SPLIT__INIT;
    desired.fraction_of_remainder = l->faults.split_fraction;
    desired.estimated_input_elements = (int64_t)b->n_primary;
    Pb__ProcessBundleSplitRequest__DesiredSplitsEntry entry =
        PB__PROCESS_BUNDLE_SPLIT_REQUEST__DESIRED_SPLITS_ENTRY__INIT;
    entry.key = bm_pb_text(b->stage->source_id);
    entry.value = &desired;
    Pb__ProcessBundleSplitRequest__DesiredSplitsEntry *entries[] = { &entry };
    Pb__ProcessBundleSplitRequest split = PB__PROCESS_BUNDLE_SPLIT_REQUEST__INIT;
    split.instruction_id = bm_pb_text(b->id);
    split.n_desired_splits = 1;
    split.desired_splits = entries;
    Pb__InstructionRequest request = PB__INSTRUCTION_REQUEST__INIT;
    request.instruction_id = new_id(l, &arena, "split", b->id);
    request.request_case = PB__INSTRUCTION_REQUEST__REQUEST_PROCESS_BUNDLE_SPLIT;
    request.process_bundle_split = &split;
    send(l, &arena, &request);
    bm_arena_free(&arena);
}

void bm_local_send_finalize(bm_local *l, const char *bundle_id)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    Pb__FinalizeBundleRequest finalize = PB__FINALIZE_BUNDLE_REQUEST__INIT;
    finalize.instruction_id = bm_pb_text(bundle_id);
    Pb__InstructionRequest request = PB__INSTRUCTION_REQUEST__INIT;
    request.instruction_id = new_id(l, &arena, "finalize", bundle_id);
    request.request_case = PB__INSTRUCTION_REQUEST__REQUEST_FINALIZE_BUNDLE;
    request.finalize_bundle = &finalize;
    l->n_awaited++;
    send(l, &arena, &request);
    bm_arena_free(&arena);
}

void bm_local_ask_short_ids(bm_local *l, char **ids, size_t n)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    Pb__MonitoringInfosMetadataRequest infos =
        PB__MONITORING_INFOS_METADATA_REQUEST__INIT;
    infos.monitoring_info_id = ids;
    infos.n_monitoring_info_id = n;
    Pb__InstructionRequest request = PB__INSTRUCTION_REQUEST__INIT;
    request.instruction_id = new_id(l, &arena, "metrics", "");
    request.request_case = PB__INSTRUCTION_REQUEST__REQUEST_MONITORING_INFOS;
    request.monitoring_infos = &infos;
    l->n_awaited++;
    send(l, &arena, &request);
    bm_arena_free(&arena);
}

/* -- answers ----------------------------------------------------------------------------------- */
static beam_status take_split(bm_local *l, bm_bundle *b,
                              const Pb__ProcessBundleSplitResponse *pb)
{
    if (!pb->n_channel_splits && !pb->n_residual_roots) return BEAM_OK;
    l->result->n_splits++;
    for (size_t i = 0; i < pb->n_channel_splits; i++) {
        int64_t first = pb->channel_splits[i]->first_residual_element;
        int64_t last = pb->channel_splits[i]->last_primary_element;
        if (strcmp(pb->channel_splits[i]->transform_id, b->stage->source_id)) continue;
        if (first < 0 || first <= last || (size_t)first > b->n_primary)
            return bm_error(l->err, BEAM_ERPC,
                            "%s: the worker split %s at element %lld of %zu",
                            b->stage->name, b->id, (long long)first, b->n_primary);
        b->n_primary = (size_t)first;
    }
    return bm_local_residuals_add(l, b, &b->residuals, pb->residual_roots,
                                  pb->n_residual_roots);
}

static beam_status take_process_bundle(bm_local *l, bm_bundle *b, bm_arena *arena,
                                       beam_span message)
{
    (void)arena;
    b->parsed = (Pb__InstructionResponse *)
        bm_pb_unpack(&b->arena, &pb__instruction_response__descriptor,
                     bm_span_copy(&b->arena, message), BM_PB_MAX_DEPTH);
    if (!*b->parsed->error &&
        b->parsed->response_case != PB__INSTRUCTION_RESPONSE__RESPONSE_PROCESS_BUNDLE)
        return bm_error(l->err, BEAM_ERPC,
                        "%s: the worker's answer to %s is none of a bundle",
                        b->stage->name, b->id);
    if (!*b->parsed->error && b->parsed->process_bundle->elements)
        BEAM_TRY(bm_local_take_embedded(l, b->parsed->process_bundle->elements));
    return bm_local_bundle_settle(l, b);
}

static beam_status take_finalize(bm_local *l, const Pb__InstructionResponse *pb)
{
    l->n_awaited--;
    if (*pb->error)
        bm_log_write(&l->opts->log, BEAM_LOG_WARN, "a bundle cannot be finalized: %s",
                     pb->error);
    return BEAM_OK;
}

static beam_status take(bm_local *l, bm_arena *arena, const Pb__InstructionResponse *pb,
                        beam_span message)
{
    const char *colon = strchr(pb->instruction_id, ':');
    bm_bundle *b = bm_local_bundle_find(l, colon ? colon + 1 : pb->instruction_id);
    if (!colon) return b ? take_process_bundle(l, b, arena, message) : BEAM_OK;
    if (b && !strncmp(pb->instruction_id, "progress-", 9)) b->awaits_progress = false;
    if (b && !strncmp(pb->instruction_id, "split-", 6)) b->awaits_split = false;
    switch (pb->response_case) {
    case PB__INSTRUCTION_RESPONSE__RESPONSE_PROCESS_BUNDLE_SPLIT:
        return b ? take_split(l, b, pb->process_bundle_split) : BEAM_OK;
    case PB__INSTRUCTION_RESPONSE__RESPONSE_MONITORING_INFOS:
        l->n_awaited--;
        bm_local_learn_short_ids(l, pb->monitoring_infos);
        return BEAM_OK;
    default: break;
    }
    if (!strncmp(pb->instruction_id, "finalize-", 9)) return take_finalize(l, pb);
    if (!strncmp(pb->instruction_id, "metrics-", 8)) l->n_awaited--;
    return BEAM_OK;
}

beam_status bm_local_take_response(bm_local *l, beam_span message)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    const Pb__InstructionResponse *pb = (const Pb__InstructionResponse *)
        bm_pb_unpack(&arena, &pb__instruction_response__descriptor, message,
                     BM_PB_MAX_DEPTH);
    beam_status status =
        pb ? take(l, &arena, pb, message)
           : bm_error(l->err, BEAM_ERPC,
                      "the worker sent what is not an InstructionResponse");
    bm_arena_free(&arena);
    return status;
}
