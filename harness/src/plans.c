/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptor cache and the plan pools. Bundle threads; bm_plans_register also on the
 * rpc thread. */
#include "plans.h"

#include <stdlib.h>

#include "base/error.h"
#include "beam_urns.h"
#include "model/beam_fn_api.upb.h"
#include "model/beam_runner_api.upb.h"
#include "model/endpoints.upb.h"
#include "pb.h"

#define GET_DESCRIPTOR \
    "/org.apache.beam.model.fn_execution.v1.BeamFnControl/GetProcessBundleDescriptor"

enum {
    DESCRIPTOR_TIMEOUT_MS = 60000,
    MOST_POOLED = 64 /* plans kept per descriptor; DoFns hold connections and memory */
};

typedef struct bm_descriptor {
    beam_span id, bytes;
    bm_plan_slot *pool; /* under the lock, as n_pooled */
    size_t n_pooled;
} bm_descriptor;

void bm_plans_init(bm_plans *plans, bm_channel *control, const bm_registry *registry,
                   const bm_log *log)
{
    *plans = (bm_plans){ .control = control, .registry = registry, .log = log };
    pthread_mutex_init(&plans->lock, NULL);
    bm_arena_init(&plans->arena, 0);
    bm_map_init(&plans->by_id, &plans->arena);
}

static void free_slot(bm_plan_slot *slot)
{
    bm_plan_free(slot->plan);
    free(slot->short_ids);
    free(slot);
}

void bm_plans_free(bm_plans *plans)
{
    BM_MAP_EACH(&plans->by_id, entry)
    {
        bm_descriptor *descriptor = entry->value;
        for (bm_plan_slot *slot = descriptor->pool, *next; slot; slot = next) {
            next = slot->next;
            free_slot(slot);
        }
    }
    bm_arena_free(&plans->arena);
    pthread_mutex_destroy(&plans->lock);
}

/* With the lock held. The first descriptor of an id stays. */
static bm_descriptor *remember(bm_plans *plans, beam_span id, beam_span bytes)
{
    bm_descriptor *known = bm_map_get(&plans->by_id, id);
    if (known) return known;
    bm_descriptor *descriptor = BM_NEW(&plans->arena, bm_descriptor);
    descriptor->id = bm_span_copy(&plans->arena, id);
    descriptor->bytes = bm_span_copy(&plans->arena, bytes);
    bm_map_put(&plans->by_id, descriptor->id, descriptor);
    return descriptor;
}

void bm_plans_register(bm_plans *plans, beam_span id, beam_span bytes)
{
    pthread_mutex_lock(&plans->lock);
    remember(plans, id, bytes);
    pthread_mutex_unlock(&plans->lock);
}

/* Several bundles may fetch the same descriptor at once; the first answer is kept. */
static beam_status fetch(bm_plans *plans, beam_span id, bm_descriptor **out, beam_error *err)
{
    upb_Arena *pb = bm_pb_arena_new();
    pb_GetProcessBundleDescriptorRequest *request =
        pb_GetProcessBundleDescriptorRequest_new(pb);
    pb_GetProcessBundleDescriptorRequest_set_process_bundle_descriptor_id(request,
                                                                          bm_pb_span(id));
    size_t n;
    const char *bytes = pb_GetProcessBundleDescriptorRequest_serialize(request, pb, &n);
    bm_arena scratch;
    bm_arena_init(&scratch, 0);
    beam_span answer;
    beam_status status = bm_call(plans->control, GET_DESCRIPTOR, (beam_span){ bytes, n },
                                 DESCRIPTOR_TIMEOUT_MS, &scratch, &answer, err);
    if (status == BEAM_OK) {
        pthread_mutex_lock(&plans->lock);
        *out = remember(plans, id, answer);
        pthread_mutex_unlock(&plans->lock);
    }
    bm_arena_free(&scratch);
    upb_Arena_Free(pb);
    return status;
}

beam_status bm_plans_take(bm_plans *plans, beam_span id, bm_plan_slot **out, beam_error *err)
{
    pthread_mutex_lock(&plans->lock);
    bm_descriptor *descriptor = bm_map_get(&plans->by_id, id);
    bm_plan_slot *pooled = descriptor ? descriptor->pool : NULL;
    if (pooled) {
        descriptor->pool = pooled->next;
        descriptor->n_pooled--;
    }
    pthread_mutex_unlock(&plans->lock);
    if (pooled) {
        *out = pooled;
        return BEAM_OK;
    }
    if (!descriptor) BEAM_TRY(fetch(plans, id, &descriptor, err));
    bm_plan *plan;
    BEAM_TRY(bm_plan_new(descriptor->bytes, plans->registry, plans->log, &plan, err));
    bm_plan_slot *slot = bm_xcalloc(1, sizeof *slot);
    slot->descriptor = descriptor;
    slot->plan = plan;
    *out = slot;
    return BEAM_OK;
}

/* The address in a runner source or sink; empty for other transforms. */
static upb_StringView port_url(const pb_PTransform *transform, upb_Arena *pb)
{
    const upb_StringView none = bm_pb_text("");
    const pb_FunctionSpec *spec = pb_PTransform_spec(transform);
    if (!spec) return none;
    upb_StringView urn = pb_FunctionSpec_urn(spec);
    if (!upb_StringView_IsEqual(urn, bm_pb_text(BEAM_URN_RUNNER_SOURCE)) &&
        !upb_StringView_IsEqual(urn, bm_pb_text(BEAM_URN_RUNNER_SINK)))
        return none;
    upb_StringView payload = pb_FunctionSpec_payload(spec);
    const pb_RemoteGrpcPort *port = pb_RemoteGrpcPort_parse(payload.data, payload.size, pb);
    const pb_ApiServiceDescriptor *api =
        port ? pb_RemoteGrpcPort_api_service_descriptor(port) : NULL;
    return api ? pb_ApiServiceDescriptor_url(api) : none;
}

size_t bm_plans_data_urls(bm_plans *plans, beam_span id, bm_arena *arena, const char ***out)
{
    pthread_mutex_lock(&plans->lock);
    const bm_descriptor *descriptor = bm_map_get(&plans->by_id, id);
    beam_span bytes = descriptor ? descriptor->bytes : (beam_span){ "", 0 };
    pthread_mutex_unlock(&plans->lock);
    upb_Arena *pb = bm_pb_arena_new();
    const pb_ProcessBundleDescriptor *parsed =
        pb_ProcessBundleDescriptor_parse(bytes.ptr, bytes.len, pb);
    size_t n = 0, most = parsed ? pb_ProcessBundleDescriptor_transforms_size(parsed) : 0;
    *out = BM_NEW_ARRAY(arena, const char *, most);
    size_t at = kUpb_Map_Begin;
    const pb_ProcessBundleDescriptor_TransformsEntry *entry;
    while (parsed && (entry = pb_ProcessBundleDescriptor_transforms_next(parsed, &at))) {
        const pb_PTransform *transform =
            pb_ProcessBundleDescriptor_TransformsEntry_value(entry);
        upb_StringView url = port_url(transform, pb);
        if (url.size) (*out)[n++] = bm_cstr(arena, bm_span_of_pb(url));
    }
    upb_Arena_Free(pb);
    return n;
}

void bm_plans_give(bm_plans *plans, bm_plan_slot *slot, bool failed)
{
    bm_descriptor *descriptor = slot->descriptor;
    pthread_mutex_lock(&plans->lock);
    bool keep = !failed && descriptor->n_pooled < MOST_POOLED;
    if (keep) {
        slot->next = descriptor->pool;
        descriptor->pool = slot;
        descriptor->n_pooled++;
    }
    pthread_mutex_unlock(&plans->lock);
    if (!keep) free_slot(slot);
}
