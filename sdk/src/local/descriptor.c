/* SPDX-License-Identifier: Apache-2.0 */
/* A stage as the ProcessBundleDescriptor that the worker asks for. Runner's thread. */
#include "beam_urns.h"
#include "local/local_impl.h"

typedef struct describer {
    bm_local *l;
    bm_list transforms, pcolls;
    bm_map has; /* collections in it */
} describer;

static void add_transform(describer *d, const char *id, bm_pb_transform *pb)
{
    Pb__ProcessBundleDescriptor__TransformsEntry *entry = bm_alloc(&d->l->arena,
                                                                   sizeof *entry);
    pb__process_bundle_descriptor__transforms_entry__init(entry);
    entry->key = bm_pb_text(id);
    entry->value = pb;
    bm_list_add(&d->l->arena, &d->transforms, entry);
}

static void add_pcoll(describer *d, const char *id)
{
    bm_pb_pcoll *pb = bm_local_by_id(&d->l->pcolls, id);
    if (!pb || bm_local_by_id(&d->has, id)) return;
    bm_map_put(&d->has, beam_span_of(id), pb);
    Pb__ProcessBundleDescriptor__PcollectionsEntry *entry = bm_alloc(&d->l->arena,
                                                                     sizeof *entry);
    pb__process_bundle_descriptor__pcollections_entry__init(entry);
    entry->key = bm_pb_text(id);
    entry->value = pb;
    bm_list_add(&d->l->arena, &d->pcolls, entry);
}

static void add_leaf(describer *d, const bm_leaf *leaf)
{
    add_transform(d, leaf->id, leaf->pb);
    for (size_t i = 0; i < leaf->pb->n_inputs; i++)
        add_pcoll(d, leaf->pb->inputs[i]->value);
    for (size_t i = 0; i < leaf->pb->n_outputs; i++)
        add_pcoll(d, leaf->pb->outputs[i]->value);
}

static bm_pb_transform *port(describer *d, const char *id, const char *urn,
                             const bm_coll *coll)
{
    bm_arena *arena = &d->l->arena;
    Pb__RemoteGrpcPort payload = PB__REMOTE_GRPC_PORT__INIT;
    Pb__ApiServiceDescriptor endpoint = PB__API_SERVICE_DESCRIPTOR__INIT;
    endpoint.url = bm_pb_text(d->l->url);
    payload.api_service_descriptor = &endpoint;
    payload.coder_id = bm_pb_text(coll->port_coder);
    bm_pb_transform *pb = bm_pb_transform_new(arena);
    pb->unique_name = bm_pb_text(id);
    pb->spec = bm_pb_spec(arena, urn, BM_PB_PACK(arena, &payload));
    add_pcoll(d, coll->id);
    return pb;
}

static void add_source(describer *d, bm_stage *stage)
{
    bm_arena *arena = &d->l->arena;
    bm_pb_transform *pb = port(d, stage->source_id, BEAM_URN_RUNNER_SOURCE,
                               stage->inputs[0]);
    bm_pb_output_entry *entry = bm_pb_output_entry_new(arena);
    entry->key = bm_pb_text("out");
    entry->value = bm_pb_text(stage->inputs[0]->id);
    bm_list outputs = { 0 };
    bm_list_add(arena, &outputs, entry);
    BM_PB_REPEATED(pb, outputs, &outputs);
    add_transform(d, stage->source_id, pb);
}

static void add_sink(describer *d, const bm_sink *sink)
{
    bm_arena *arena = &d->l->arena;
    bm_pb_transform *pb = port(d, sink->id, BEAM_URN_RUNNER_SINK, sink->coll);
    bm_pb_input_entry *entry = bm_pb_input_entry_new(arena);
    entry->key = bm_pb_text("in");
    entry->value = bm_pb_text(sink->coll->id);
    bm_list inputs = { 0 };
    bm_list_add(arena, &inputs, entry);
    BM_PB_REPEATED(pb, inputs, &inputs);
    add_transform(d, sink->id, pb);
}

static void add_coders(describer *d, Pb__ProcessBundleDescriptor *out)
{
    bm_arena *arena = &d->l->arena;
    bm_list coders = { 0 };
    BM_MAP_EACH(&d->l->coders, e)
    {
        Pb__ProcessBundleDescriptor__CodersEntry *entry = bm_alloc(arena, sizeof *entry);
        pb__process_bundle_descriptor__coders_entry__init(entry);
        entry->key = bm_cstr(arena, e->key);
        entry->value = e->value;
        bm_list_add(arena, &coders, entry);
    }
    BM_PB_REPEATED(out, coders, &coders);
}

static void add_windowings(describer *d, Pb__ProcessBundleDescriptor *out)
{
    bm_arena *arena = &d->l->arena;
    bm_list all = { 0 };
    BM_MAP_EACH(&d->l->windowings, e)
    {
        Pb__ProcessBundleDescriptor__WindowingStrategiesEntry *entry =
            bm_alloc(arena, sizeof *entry);
        pb__process_bundle_descriptor__windowing_strategies_entry__init(entry);
        entry->key = bm_cstr(arena, e->key);
        entry->value = e->value;
        bm_list_add(arena, &all, entry);
    }
    BM_PB_REPEATED(out, windowing_strategies, &all);
}

static void add_environments(describer *d, Pb__ProcessBundleDescriptor *out)
{
    bm_arena *arena = &d->l->arena;
    bm_list all = { 0 };
    BM_MAP_EACH(&d->l->environments, e)
    {
        Pb__ProcessBundleDescriptor__EnvironmentsEntry *entry = bm_alloc(arena,
                                                                         sizeof *entry);
        pb__process_bundle_descriptor__environments_entry__init(entry);
        entry->key = bm_cstr(arena, e->key);
        entry->value = e->value;
        bm_list_add(arena, &all, entry);
    }
    BM_PB_REPEATED(out, environments, &all);
}

beam_status bm_local_describe(bm_local *l, bm_stage *stage)
{
    describer d = { .l = l };
    bm_map_init(&d.has, &l->arena);
    stage->descriptor_id = bm_format(&l->arena, "stage-%zu", stage->index);
    stage->source_id = bm_format(&l->arena, "%s/source", stage->descriptor_id);
    for (size_t i = 0; i < stage->n_leaves; i++) add_leaf(&d, stage->leaves[i]);
    add_source(&d, stage);
    for (size_t i = 0; i < stage->n_sinks; i++) add_sink(&d, &stage->sinks[i]);

    Pb__ProcessBundleDescriptor pb = PB__PROCESS_BUNDLE_DESCRIPTOR__INIT;
    Pb__ApiServiceDescriptor endpoint = PB__API_SERVICE_DESCRIPTOR__INIT;
    endpoint.url = bm_pb_text(l->url);
    pb.id = bm_pb_text(stage->descriptor_id);
    BM_PB_REPEATED(&pb, transforms, &d.transforms);
    BM_PB_REPEATED(&pb, pcollections, &d.pcolls);
    add_coders(&d, &pb);
    add_windowings(&d, &pb);
    add_environments(&d, &pb);
    pb.state_api_service_descriptor = pb.timer_api_service_descriptor = &endpoint;
    stage->descriptor = BM_PB_PACK(&l->arena, &pb);
    bm_map_put(&l->descriptors, beam_span_of(stage->descriptor_id), stage);
    return BEAM_OK;
}
