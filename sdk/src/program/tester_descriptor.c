/* SPDX-License-Identifier: Apache-2.0 */
/* A descriptor made from the pipeline's proto: the steps as they are there, with ports
 * around them. */
#include "program/tester_descriptor.h"

#include "base/error.h"
#include "beam_urns.h"
#include "model/beam_fn_api.pb-c.h"
#include "proto/model.h"
#include "proto/to_proto.h"

typedef struct describer {
    bm_arena *arena;
    const Pb__Components *from;
    Pb__ProcessBundleDescriptor *to;
    bm_list transforms, pcolls, coders, windowings, environments;
} describer;

/* The entries of both messages are the same: a key and a message. */
#define COPY_ENTRIES(d, field, Entry, entry)                              \
    do {                                                                  \
        for (size_t i = 0; i < (d)->from->n_##field; i++) {               \
            Pb__ProcessBundleDescriptor__##Entry *copy =                  \
                BM_NEW((d)->arena, Pb__ProcessBundleDescriptor__##Entry); \
            pb__process_bundle_descriptor__##entry##__init(copy);         \
            copy->key = (d)->from->field[i]->key;                         \
            copy->value = (d)->from->field[i]->value;                     \
            bm_list_add((d)->arena, &list, copy);                         \
        }                                                                 \
        BM_PB_REPEATED((d)->to, field, &list);                            \
    } while (0)

static void copy_windowings(describer *d)
{
    bm_list list = { 0 };
    COPY_ENTRIES(d, windowing_strategies, WindowingStrategiesEntry,
                 windowing_strategies_entry);
}

static void copy_environments(describer *d)
{
    bm_list list = { 0 };
    COPY_ENTRIES(d, environments, EnvironmentsEntry, environments_entry);
}

static void copy_pcolls(describer *d)
{
    bm_list list = { 0 };
    COPY_ENTRIES(d, pcollections, PcollectionsEntry, pcollections_entry);
}

static void add_coder(describer *d, const char *id, bm_pb_coder *coder)
{
    Pb__ProcessBundleDescriptor__CodersEntry *entry =
        BM_NEW(d->arena, Pb__ProcessBundleDescriptor__CodersEntry);
    pb__process_bundle_descriptor__coders_entry__init(entry);
    entry->key = bm_pb_text(id);
    entry->value = coder;
    bm_list_add(d->arena, &d->coders, entry);
}

static void add_transform(describer *d, const char *id, bm_pb_transform *transform)
{
    Pb__ProcessBundleDescriptor__TransformsEntry *entry =
        BM_NEW(d->arena, Pb__ProcessBundleDescriptor__TransformsEntry);
    pb__process_bundle_descriptor__transforms_entry__init(entry);
    entry->key = bm_pb_text(id);
    entry->value = transform;
    bm_list_add(d->arena, &d->transforms, entry);
}

/* -- ports ------------------------------------------------------------------------------ */
static const bm_pb_pcoll *find_pcoll(const describer *d, const char *id)
{
    for (size_t i = 0; i < d->from->n_pcollections; i++)
        if (!strcmp(d->from->pcollections[i]->key, id))
            return d->from->pcollections[i]->value;
    return NULL;
}

static const char *window_coder(const describer *d, const char *windowing)
{
    for (size_t i = 0; i < d->from->n_windowing_strategies; i++)
        if (!strcmp(d->from->windowing_strategies[i]->key, windowing))
            return d->from->windowing_strategies[i]->value->window_coder_id;
    return "";
}

/* The collection's windowed values. */
static const char *port_coder(describer *d, const char *port, const bm_pb_pcoll *pcoll)
{
    const char *id = bm_format(d->arena, "%s.coder", port);
    bm_pb_coder *coder = bm_pb_coder_new(d->arena);
    coder->spec = bm_pb_spec(d->arena, BEAM_URN_CODER_WINDOWED_VALUE,
                             (beam_span){ NULL, 0 });
    bm_list parts = { 0 };
    bm_list_add(d->arena, &parts, pcoll->coder_id);
    bm_list_add(d->arena, &parts,
                bm_pb_text(window_coder(d, pcoll->windowing_strategy_id)));
    BM_PB_REPEATED(coder, component_coder_ids, &parts);
    add_coder(d, id, coder);
    return id;
}

static bm_pb_transform *port(describer *d, const char *id, const char *urn,
                             const char *pcoll_id)
{
    Pb__RemoteGrpcPort payload = PB__REMOTE_GRPC_PORT__INIT;
    Pb__ApiServiceDescriptor endpoint = PB__API_SERVICE_DESCRIPTOR__INIT;
    endpoint.url = bm_pb_text("tester");
    payload.api_service_descriptor = &endpoint;
    payload.coder_id = bm_pb_text(port_coder(d, id, find_pcoll(d, pcoll_id)));
    bm_pb_transform *m = bm_pb_transform_new(d->arena);
    m->unique_name = bm_pb_text(id);
    m->spec = bm_pb_spec(d->arena, urn, BM_PB_PACK(d->arena, &payload));
    add_transform(d, id, m);
    return m;
}

static const char *pcoll_id(bm_arena *arena, const beam_pcoll *c)
{
    return bm_format(arena, "%s.%s", c->producer->unique_name, c->tag);
}

static void add_source(describer *d, const beam_pcoll *in)
{
    const char *id = pcoll_id(d->arena, in);
    bm_pb_transform *m = port(d, "source", BEAM_URN_RUNNER_SOURCE, id);
    bm_pb_output_entry *entry = bm_pb_output_entry_new(d->arena);
    entry->key = bm_pb_text("out");
    entry->value = bm_pb_text(id);
    bm_list list = { 0 };
    bm_list_add(d->arena, &list, entry);
    BM_PB_REPEATED(m, outputs, &list);
}

static void add_sink(describer *d, size_t i, const beam_pcoll *out)
{
    const char *id = pcoll_id(d->arena, out);
    bm_pb_transform *m = port(d, bm_format(d->arena, "sink%zu", i), BEAM_URN_RUNNER_SINK,
                              id);
    bm_pb_input_entry *entry = bm_pb_input_entry_new(d->arena);
    entry->key = bm_pb_text("in");
    entry->value = bm_pb_text(id);
    bm_list list = { 0 };
    bm_list_add(d->arena, &list, entry);
    BM_PB_REPEATED(m, inputs, &list);
}

/* -- the whole -------------------------------------------------------------------------- */
static void add_steps(describer *d, const char *const *steps, size_t n)
{
    for (size_t i = 0; i < d->from->n_transforms; i++)
        for (size_t k = 0; k < n; k++)
            if (!strcmp(d->from->transforms[i]->key, steps[k]))
                add_transform(d, steps[k], d->from->transforms[i]->value);
}

static beam_status no_expansion(void *self, const char *address, beam_span request,
                                bm_arena *arena, beam_span *response, beam_error *err)
{
    (void)self, (void)address, (void)request, (void)arena, (void)response;
    return bm_error(err, BEAM_EUNSUPPORTED, "there is no expansion here");
}

beam_status bm_tester_descriptor(beam_pipeline *p, const beam_pcoll *in,
                                 const char *const *steps, size_t n_steps,
                                 beam_pcoll *const *outputs, size_t n_outputs,
                                 bm_arena *arena, beam_span *descriptor, beam_error *err)
{
    const bm_environment environment = { .urn = BEAM_URN_ENV_DEFAULT };
    const bm_expander expander = { NULL, no_expansion, NULL };
    beam_span bytes;
    BEAM_TRY(bm_pipeline_to_proto(p, &environment, &expander, arena, &bytes, err));
    const Pb__Pipeline *pipeline = (const Pb__Pipeline *)
        bm_pb_unpack(arena, &pb__pipeline__descriptor, bytes, BM_PB_MAX_DEPTH);
    if (!pipeline) return bm_error(err, BEAM_ECODER, "the pipeline cannot be read");

    Pb__ProcessBundleDescriptor m = PB__PROCESS_BUNDLE_DESCRIPTOR__INIT;
    describer d = { .arena = arena, .from = pipeline->components, .to = &m };
    Pb__ApiServiceDescriptor endpoint = PB__API_SERVICE_DESCRIPTOR__INIT;
    endpoint.url = bm_pb_text("tester");
    m.id = bm_pb_text("tester");
    m.state_api_service_descriptor = m.timer_api_service_descriptor = &endpoint;
    for (size_t i = 0; i < d.from->n_coders; i++)
        add_coder(&d, d.from->coders[i]->key, d.from->coders[i]->value);
    copy_pcolls(&d);
    copy_windowings(&d);
    copy_environments(&d);
    add_source(&d, in);
    add_steps(&d, steps, n_steps);
    for (size_t i = 0; i < n_outputs; i++) add_sink(&d, i, outputs[i]);
    BM_PB_REPEATED(&m, transforms, &d.transforms);
    BM_PB_REPEATED(&m, coders, &d.coders);
    *descriptor = BM_PB_PACK(arena, &m);
    return BEAM_OK;
}
