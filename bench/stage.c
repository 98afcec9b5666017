/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts a stage out of a submitted pipeline: the transforms of a name, fused, between a data
 * source and a data sink. Of a combine per key it takes the half before the shuffle. */
#include <stdlib.h>

#include "beam_urns.h"
#include "fnbench.h"
#include "model/endpoints.upb.h"

typedef struct cut {
    upb_Arena *arena;
    pb_Components *components;
    pb_ProcessBundleDescriptor *descriptor;
    const char *match;
} cut;

static upb_StringView text(const char *s)
{
    return upb_StringView_FromString(s);
}

static upb_StringView urn_of(const pb_PTransform *t)
{
    const pb_FunctionSpec *spec = pb_PTransform_spec(t);
    return spec ? pb_FunctionSpec_urn(spec) : text("");
}

/* Does a part of "A/B/C" begin with it? */
static bool name_matches(upb_StringView name, const char *match)
{
    size_t n = strlen(match);
    for (size_t i = 0; i + n <= name.size; i++)
        if ((i == 0 || name.data[i - 1] == '/') && !memcmp(name.data + i, match, n))
            return true;
    return false;
}

static pb_PCollection *pcoll_of(const cut *c, upb_StringView id)
{
    pb_PCollection *pcoll;
    if (!pb_Components_pcollections_get(c->components, id, &pcoll))
        fatal("the pipeline has no collection '%.*s'", (int)id.size, id.data);
    return pcoll;
}

static upb_StringView window_coder_id(const cut *c, const pb_PCollection *pcoll)
{
    pb_WindowingStrategy *strategy;
    if (!pb_Components_windowing_strategies_get(
            c->components, pb_PCollection_windowing_strategy_id(pcoll), &strategy))
        fatal("a collection has no windowing strategy");
    return pb_WindowingStrategy_window_coder_id(strategy);
}

/* The collection of accumulators that the lifted half of a combine makes. */
static upb_StringView add_accumulators(const cut *c, const pb_PTransform *combine,
                                       upb_StringView in_id)
{
    upb_StringView payload = pb_FunctionSpec_payload(pb_PTransform_spec(combine));
    const pb_CombinePayload *parsed =
        pb_CombinePayload_parse(payload.data, payload.size, c->arena);
    const pb_PCollection *in = pcoll_of(c, in_id);
    pb_Coder *kv;
    size_t n = 0;
    upb_StringView const *args = NULL;
    if (pb_Components_coders_get(c->components, pb_PCollection_coder_id(in), &kv))
        args = pb_Coder_component_coder_ids(kv, &n);
    if (!parsed || n != 2) fatal("the input of the combine is not KV");
    upb_StringView pair[2] = { args[0], pb_CombinePayload_accumulator_coder_id(parsed) };
    pb_PCollection *out = pb_PCollection_new(c->arena);
    pb_PCollection_set_unique_name(out, text("bench_accumulators"));
    pb_PCollection_set_coder_id(
        out, new_coder(c->components, "beam:coder:kv:v1", pair, 2, c->arena));
    pb_PCollection_set_is_bounded(out, pb_PCollection_is_bounded(in));
    pb_PCollection_set_windowing_strategy_id(out, pb_PCollection_windowing_strategy_id(in));
    pb_Components_pcollections_set(c->components, text("bench_accumulators"), out, c->arena);
    return text("bench_accumulators");
}

static void lift(const cut *c, pb_PTransform *t)
{
    size_t at = kUpb_Map_Begin;
    const pb_PTransform_InputsEntry *in = pb_PTransform_inputs_next(t, &at);
    at = kUpb_Map_Begin;
    const pb_PTransform_OutputsEntry *out = pb_PTransform_outputs_next(t, &at);
    if (!in || !out) fatal("the combine has no input or no output");
    upb_StringView tag = pb_PTransform_OutputsEntry_key(out);
    upb_StringView acc = add_accumulators(c, t, pb_PTransform_InputsEntry_value(in));
    pb_PTransform_outputs_set(t, tag, acc, c->arena);
    pb_FunctionSpec_set_urn(pb_PTransform_mutable_spec(t, c->arena),
                            text(BEAM_URN_TRANSFORM_COMBINE_PER_KEY_PRECOMBINE));
    pb_PTransform_clear_subtransforms(t);
}

/* Is `id` below a combine that was taken? */
static bool is_inside(const cut *c, upb_StringView id)
{
    size_t at = kUpb_Map_Begin;
    const pb_Components_TransformsEntry *e;
    while ((e = pb_Components_transforms_next(c->components, &at))) {
        const pb_PTransform *t = pb_Components_TransformsEntry_value(e);
        if (!upb_StringView_IsEqual(urn_of(t), text(BEAM_URN_TRANSFORM_COMBINE_PER_KEY)) &&
            !upb_StringView_IsEqual(urn_of(t),
                                    text(BEAM_URN_TRANSFORM_COMBINE_PER_KEY_PRECOMBINE)))
            continue;
        upb_StringView name = pb_PTransform_unique_name(t);
        pb_PTransform *self;
        if (!pb_Components_transforms_get(c->components, id, &self)) return false;
        upb_StringView own = pb_PTransform_unique_name(self);
        if (own.size > name.size && !memcmp(own.data, name.data, name.size) &&
            own.data[name.size] == '/')
            return true;
    }
    return false;
}

static void take_pcolls(const cut *c, const pb_PTransform *t)
{
    size_t at = kUpb_Map_Begin;
    const pb_PTransform_InputsEntry *in;
    while ((in = pb_PTransform_inputs_next(t, &at))) {
        upb_StringView id = pb_PTransform_InputsEntry_value(in);
        pb_ProcessBundleDescriptor_pcollections_set(c->descriptor, id, pcoll_of(c, id),
                                                    c->arena);
    }
    at = kUpb_Map_Begin;
    const pb_PTransform_OutputsEntry *out;
    while ((out = pb_PTransform_outputs_next(t, &at))) {
        upb_StringView id = pb_PTransform_OutputsEntry_value(out);
        pb_ProcessBundleDescriptor_pcollections_set(c->descriptor, id, pcoll_of(c, id),
                                                    c->arena);
    }
}

static size_t take_transforms(const cut *c)
{
    size_t at = kUpb_Map_Begin, n = 0;
    const pb_Components_TransformsEntry *e;
    while ((e = pb_Components_transforms_next(c->components, &at))) {
        upb_StringView id = pb_Components_TransformsEntry_key(e);
        pb_PTransform *t =
            (pb_PTransform *)(uintptr_t)pb_Components_TransformsEntry_value(e);
        if (!name_matches(pb_PTransform_unique_name(t), c->match)) continue;
        size_t n_parts;
        pb_PTransform_subtransforms(t, &n_parts);
        bool combines =
            upb_StringView_IsEqual(urn_of(t), text(BEAM_URN_TRANSFORM_COMBINE_PER_KEY));
        if ((n_parts && !combines) || is_inside(c, id)) continue;
        if (combines) lift(c, t);
        take_pcolls(c, t);
        pb_ProcessBundleDescriptor_transforms_set(c->descriptor, id, t, c->arena);
        n++;
    }
    return n;
}

static bool is_made(const cut *c, upb_StringView pcoll, bool as_input)
{
    size_t at = kUpb_Map_Begin;
    const pb_ProcessBundleDescriptor_TransformsEntry *e;
    while ((e = pb_ProcessBundleDescriptor_transforms_next(c->descriptor, &at))) {
        const pb_PTransform *t = pb_ProcessBundleDescriptor_TransformsEntry_value(e);
        size_t i = kUpb_Map_Begin;
        const pb_PTransform_InputsEntry *in;
        while (as_input && (in = pb_PTransform_inputs_next(t, &i)))
            if (upb_StringView_IsEqual(pb_PTransform_InputsEntry_value(in), pcoll)) return true;
        const pb_PTransform_OutputsEntry *out;
        while (!as_input && (out = pb_PTransform_outputs_next(t, &i)))
            if (upb_StringView_IsEqual(pb_PTransform_OutputsEntry_value(out), pcoll))
                return true;
    }
    return false;
}

static const pb_ParDoPayload *par_do_of(const cut *c, const pb_PTransform *t)
{
    if (!upb_StringView_IsEqual(urn_of(t), text(BEAM_URN_TRANSFORM_PARDO))) return NULL;
    upb_StringView payload = pb_FunctionSpec_payload(pb_PTransform_spec(t));
    return pb_ParDoPayload_parse(payload.data, payload.size, c->arena);
}

/* Is the collection a side input of one of them? Notes who reads it, and as what. */
static bool is_side(const cut *c, upb_StringView pcoll, stage *out)
{
    size_t at = kUpb_Map_Begin;
    const pb_ProcessBundleDescriptor_TransformsEntry *e;
    while ((e = pb_ProcessBundleDescriptor_transforms_next(c->descriptor, &at))) {
        const pb_PTransform *t = pb_ProcessBundleDescriptor_TransformsEntry_value(e);
        const pb_ParDoPayload *par_do = par_do_of(c, t);
        size_t i = kUpb_Map_Begin;
        const pb_PTransform_InputsEntry *in;
        while (par_do && (in = pb_PTransform_inputs_next(t, &i))) {
            pb_SideInput *side;
            upb_StringView tag = pb_PTransform_InputsEntry_key(in);
            if (!upb_StringView_IsEqual(pb_PTransform_InputsEntry_value(in), pcoll) ||
                !pb_ParDoPayload_side_inputs_get(par_do, tag, &side))
                continue;
            upb_StringView id = pb_ProcessBundleDescriptor_TransformsEntry_key(e);
            out->side_transform = strndup(id.data, id.size);
            out->side_tag = strndup(tag.data, tag.size);
            return true;
        }
    }
    return false;
}

/* The only collection that nobody in the stage makes (or reads). */
static upb_StringView open_end(const cut *c, bool inputs, stage *out)
{
    upb_StringView found = text("");
    size_t at = kUpb_Map_Begin;
    const pb_ProcessBundleDescriptor_PcollectionsEntry *e;
    while ((e = pb_ProcessBundleDescriptor_pcollections_next(c->descriptor, &at))) {
        upb_StringView id = pb_ProcessBundleDescriptor_PcollectionsEntry_key(e);
        if (is_made(c, id, !inputs) || (inputs && is_side(c, id, out))) continue;
        if (found.size)
            fatal("%s has several %s", c->match, inputs ? "inputs" : "outputs");
        found = id;
    }
    if (!found.size) fatal("%s has no %s", c->match, inputs ? "input" : "output");
    return found;
}

/* A transform that reads or writes the collection over the data stream. */
static void add_port(const cut *c, const char *name, const char *urn, upb_StringView pcoll_id,
                     bool writes, const char *url, const wire_coder **value,
                     const wire_coder **window)
{
    const pb_PCollection *pcoll = pcoll_of(c, pcoll_id);
    upb_StringView pair[2] = {
        wire_coder_id(c->components, pb_PCollection_coder_id(pcoll), c->arena),
        window_coder_id(c, pcoll)
    };
    *value = wire_coder_of(c->components, pair[0], c->arena);
    *window = wire_coder_of(c->components, pair[1], c->arena);
    if (!*value || !*window) fatal("%s: its windows have a coder that is not known", c->match);
    pb_RemoteGrpcPort *port = pb_RemoteGrpcPort_new(c->arena);
    pb_ApiServiceDescriptor_set_url(
        pb_RemoteGrpcPort_mutable_api_service_descriptor(port, c->arena), text(url));
    pb_RemoteGrpcPort_set_coder_id(
        port, new_coder(c->components, "beam:coder:windowed_value:v1", pair, 2, c->arena));
    size_t n;
    const char *payload = pb_RemoteGrpcPort_serialize(port, c->arena, &n);
    pb_PTransform *t = pb_PTransform_new(c->arena);
    pb_PTransform_set_unique_name(t, text(name));
    pb_FunctionSpec *spec = pb_PTransform_mutable_spec(t, c->arena);
    pb_FunctionSpec_set_urn(spec, text(urn));
    pb_FunctionSpec_set_payload(spec, upb_StringView_FromDataAndSize(payload, n));
    if (writes)
        pb_PTransform_inputs_set(t, text("in"), pcoll_id, c->arena);
    else
        pb_PTransform_outputs_set(t, text("out"), pcoll_id, c->arena);
    pb_ProcessBundleDescriptor_transforms_set(c->descriptor, text(name), t, c->arena);
}

static void copy_tables(const cut *c)
{
    size_t at = kUpb_Map_Begin;
    const pb_Components_CodersEntry *coder;
    while ((coder = pb_Components_coders_next(c->components, &at)))
        pb_ProcessBundleDescriptor_coders_set(
            c->descriptor, pb_Components_CodersEntry_key(coder),
            (pb_Coder *)(uintptr_t)pb_Components_CodersEntry_value(coder), c->arena);
    at = kUpb_Map_Begin;
    const pb_Components_WindowingStrategiesEntry *w;
    while ((w = pb_Components_windowing_strategies_next(c->components, &at)))
        pb_ProcessBundleDescriptor_windowing_strategies_set(
            c->descriptor, pb_Components_WindowingStrategiesEntry_key(w),
            (pb_WindowingStrategy *)(uintptr_t)pb_Components_WindowingStrategiesEntry_value(w),
            c->arena);
    at = kUpb_Map_Begin;
    const pb_Components_EnvironmentsEntry *e;
    while ((e = pb_Components_environments_next(c->components, &at)))
        pb_ProcessBundleDescriptor_environments_set(
            c->descriptor, pb_Components_EnvironmentsEntry_key(e),
            (pb_Environment *)(uintptr_t)pb_Components_EnvironmentsEntry_value(e), c->arena);
}

bool stage_cut(beam_span pipeline, const char *match, const char *data_url,
               const char *state_url, stage *out)
{
    upb_Arena *arena = upb_Arena_New();
    pb_Pipeline *parsed = pb_Pipeline_parse(pipeline.ptr, pipeline.len, arena);
    if (!parsed) fatal("what was submitted is no pipeline");
    cut c = { arena, pb_Pipeline_mutable_components(parsed, arena),
              pb_ProcessBundleDescriptor_new(arena), match };
    if (!take_transforms(&c)) {
        upb_Arena_Free(arena);
        return false;
    }
    *out = (stage){ .arena = arena };
    upb_StringView in = open_end(&c, true, out), end = open_end(&c, false, out);
    const wire_coder *ignored;
    add_port(&c, STAGE_SOURCE, BEAM_URN_RUNNER_SOURCE, in, false, data_url, &out->in, &ignored);
    add_port(&c, STAGE_SINK, BEAM_URN_RUNNER_SINK, end, true, data_url, &out->out,
             &out->out_window);
    copy_tables(&c);
    out->id = malloc(strlen(match) + 8);
    sprintf(out->id, "bench_%s", match);
    pb_ProcessBundleDescriptor_set_id(c.descriptor, text(out->id));
    pb_ApiServiceDescriptor_set_url(
        pb_ProcessBundleDescriptor_mutable_state_api_service_descriptor(c.descriptor, arena),
        text(state_url));
    out->descriptor.ptr =
        pb_ProcessBundleDescriptor_serialize(c.descriptor, arena, &out->descriptor.len);
    return true;
}

void stage_copy(const stage *s, size_t number, stage *out)
{
    *out = *s;
    out->arena = upb_Arena_New();
    out->side_transform = out->side_tag = NULL;
    out->id = malloc(strlen(s->id) + 32);
    sprintf(out->id, "%s-%zu", s->id, number);
    pb_ProcessBundleDescriptor *pb = pb_ProcessBundleDescriptor_parse(s->descriptor.ptr,
                                                                      s->descriptor.len,
                                                                      out->arena);
    pb_ProcessBundleDescriptor_set_id(pb, text(out->id));
    out->descriptor.ptr = pb_ProcessBundleDescriptor_serialize(pb, out->arena,
                                                               &out->descriptor.len);
}

void stage_free(stage *s)
{
    upb_Arena_Free(s->arena);
    free(s->side_transform);
    free(s->side_tag);
    free(s->id);
}

char *pipeline_worker_pool(beam_span pipeline)
{
    upb_Arena *arena = upb_Arena_New();
    const pb_Pipeline *parsed = pb_Pipeline_parse(pipeline.ptr, pipeline.len, arena);
    const pb_Components *components = parsed ? pb_Pipeline_components(parsed) : NULL;
    char *url = NULL;
    size_t at = kUpb_Map_Begin;
    const pb_Components_EnvironmentsEntry *e;
    while (components && !url && (e = pb_Components_environments_next(components, &at))) {
        const pb_Environment *env = pb_Components_EnvironmentsEntry_value(e);
        upb_StringView payload = pb_Environment_payload(env);
        if (!upb_StringView_IsEqual(pb_Environment_urn(env), text("beam:env:external:v1")))
            continue;
        const pb_ExternalPayload *external =
            pb_ExternalPayload_parse(payload.data, payload.size, arena);
        const pb_ApiServiceDescriptor *api =
            external ? pb_ExternalPayload_endpoint(external) : NULL;
        upb_StringView found = api ? pb_ApiServiceDescriptor_url(api) : text("");
        url = malloc(found.size + 1);
        memcpy(url, found.data, found.size);
        url[found.size] = '\0';
    }
    upb_Arena_Free(arena);
    return url;
}
