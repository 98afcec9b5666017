/* SPDX-License-Identifier: Apache-2.0 */
/* ProcessBundleDescriptor -> plan: collections, transforms in order, nodes. Any thread, one
 * per plan. */
#include "exec/build.h"

#include <stdlib.h>

#include "base/error.h"
#include "model/endpoints.upb.h"

/* -- collections --------------------------------------------------------------------------- */
static bm_output_time output_time(const struct pb_WindowingStrategy *windowing)
{
    switch (pb_WindowingStrategy_output_time(windowing)) {
    case pb_OutputTime_LATEST_IN_PANE: return BM_AT_LATEST;
    case pb_OutputTime_EARLIEST_IN_PANE: return BM_AT_EARLIEST;
    default: return BM_AT_END_OF_WINDOW;
    }
}

/* What cannot be read here is only missed by those who need it. */
static void read_windowing(bm_builder *b, const pb_PCollection *pb, bm_pcoll *out)
{
    struct pb_WindowingStrategy *windowing;
    beam_error ignored, *err = b->err;
    if (!pb_ProcessBundleDescriptor_windowing_strategies_get(
            b->descriptor, pb_PCollection_windowing_strategy_id(pb), &windowing))
        return;
    out->output_time = output_time(windowing);
    beam_millis lateness = pb_WindowingStrategy_allowed_lateness(windowing);
    out->allowed_lateness = lateness > 0 ? lateness : 0;
    b->err = &ignored;
    upb_StringView coder = pb_WindowingStrategy_window_coder_id(windowing);
    if (bm_build_coder(b, out->id, coder, &out->window_coder) != BEAM_OK)
        out->window_coder = NULL;
    const pb_FunctionSpec *fn = pb_WindowingStrategy_window_fn(windowing);
    if (bm_build_window_fn(b, out->id, fn, &out->window_fn) != BEAM_OK)
        out->window_fn = (bm_window_fn){ .kind = BM_WINDOW_FN_OTHER };
    b->err = err;
}

/* Runners give the coder of the values, or that of the windowed values. */
static const bm_coder *without_windows(const bm_coder *coder)
{
    bool is_windowed = coder->kind == BM_CODER_WINDOWED_VALUE
                       || coder->kind == BM_CODER_PARAM_WINDOWED_VALUE;
    return is_windowed ? coder->arg[0] : coder;
}

static beam_status add_pcoll(bm_builder *b, upb_StringView id, const pb_PCollection *pb)
{
    bm_plan *plan = b->plan;
    bm_pcoll *pcoll = BM_NEW(&plan->arena, bm_pcoll);
    pcoll->id = bm_pb_text(b, id);
    pcoll->next_sample = 1;
    pcoll->last_reader = &pcoll->readers;
    const char *who = bm_format(&plan->arena, "PCollection '%s'", pcoll->id);
    BEAM_TRY(bm_build_coder(b, who, pb_PCollection_coder_id(pb), &pcoll->coder));
    pcoll->coder = without_windows(pcoll->coder);
    pcoll->has_iterable = bm_coder_has(pcoll->coder, BM_CODER_ITERABLE)
                          || bm_coder_has(pcoll->coder, BM_CODER_STATE_BACKED_ITERABLE);
    read_windowing(b, pb, pcoll);
    bm_map_put(&b->pcolls, beam_span_of(pcoll->id), pcoll);
    plan->pcolls[plan->n_pcolls++] = pcoll;
    return BEAM_OK;
}

static int by_pcoll_id(const void *a, const void *b)
{
    return strcmp((*(bm_pcoll *const *)a)->id, (*(bm_pcoll *const *)b)->id);
}

static beam_status add_pcolls(bm_builder *b)
{
    bm_plan *plan = b->plan;
    size_t n = pb_ProcessBundleDescriptor_pcollections_size(b->descriptor);
    plan->pcolls = BM_NEW_ARRAY(&plan->arena, bm_pcoll *, n);
    size_t iter = kUpb_Map_Begin;
    for (const pb_ProcessBundleDescriptor_PcollectionsEntry *e;
         (e = pb_ProcessBundleDescriptor_pcollections_next(b->descriptor, &iter));)
        BEAM_TRY(add_pcoll(b, pb_ProcessBundleDescriptor_PcollectionsEntry_key(e),
                           pb_ProcessBundleDescriptor_PcollectionsEntry_value(e)));
    qsort(plan->pcolls, n, sizeof *plan->pcolls, by_pcoll_id);
    return BEAM_OK;
}

/* -- transforms ------------------------------------------------------------------------------ */
static int by_tag(const void *a, const void *b)
{
    return strcmp(((const bm_tagged *)a)->tag, ((const bm_tagged *)b)->tag);
}

static beam_status find_pcoll(bm_builder *b, const bm_transform *t, upb_StringView tag,
                              upb_StringView id, bm_tagged *out)
{
    out->tag = bm_pb_text(b, tag);
    out->pcoll = bm_map_get(&b->pcolls, bm_pb_span(id));
    if (out->pcoll) return BEAM_OK;
    return bm_error(b->err, BEAM_EINVAL,
                    "Transform '%s' (%s) names PCollection '" BEAM_SPAN_FMT
                    "', which the descriptor does not have",
                    t->name, t->urn, (int)id.size, id.data);
}

static beam_status read_inputs(bm_builder *b, const pb_PTransform *pb, bm_transform *t)
{
    t->inputs = BM_NEW_ARRAY(&b->plan->arena, bm_tagged, pb_PTransform_inputs_size(pb));
    size_t iter = kUpb_Map_Begin;
    for (const pb_PTransform_InputsEntry *e; (e = pb_PTransform_inputs_next(pb, &iter));)
        BEAM_TRY(find_pcoll(b, t, pb_PTransform_InputsEntry_key(e),
                            pb_PTransform_InputsEntry_value(e), &t->inputs[t->n_inputs++]));
    qsort(t->inputs, t->n_inputs, sizeof *t->inputs, by_tag);
    return BEAM_OK;
}

static beam_status read_outputs(bm_builder *b, const pb_PTransform *pb, bm_transform *t)
{
    t->outputs = BM_NEW_ARRAY(&b->plan->arena, bm_tagged, pb_PTransform_outputs_size(pb));
    size_t iter = kUpb_Map_Begin;
    for (const pb_PTransform_OutputsEntry *e; (e = pb_PTransform_outputs_next(pb, &iter));)
        BEAM_TRY(find_pcoll(b, t, pb_PTransform_OutputsEntry_key(e),
                            pb_PTransform_OutputsEntry_value(e),
                            &t->outputs[t->n_outputs++]));
    qsort(t->outputs, t->n_outputs, sizeof *t->outputs, by_tag);
    return BEAM_OK;
}

static beam_status read_transform(bm_builder *b, upb_StringView id, const pb_PTransform *pb,
                                  bm_transform *t)
{
    const pb_FunctionSpec *spec = pb_PTransform_spec(pb);
    t->id = bm_pb_text(b, id);
    t->name = bm_pb_text(b, pb_PTransform_unique_name(pb));
    if (!*t->name) t->name = t->id;
    t->urn = spec ? bm_pb_text(b, pb_FunctionSpec_urn(spec)) : "";
    t->fn_urn = "";
    t->endpoint_url = "";
    t->window_fn_urn = "";
    BEAM_TRY(bm_build_payload(b, pb, t));
    BEAM_TRY(read_inputs(b, pb, t));
    BEAM_TRY(bm_build_side_inputs(b, pb, t));
    return read_outputs(b, pb, t);
}

/* Composites are only there to be looked at. */
static bool is_composite(const pb_PTransform *pb)
{
    size_t n;
    pb_PTransform_subtransforms(pb, &n);
    return n > 0;
}

static int by_transform_id(const void *a, const void *b)
{
    return strcmp(((const bm_transform *)a)->id, ((const bm_transform *)b)->id);
}

static beam_status read_transforms(bm_builder *b, bm_transform **out, size_t *n)
{
    size_t most = pb_ProcessBundleDescriptor_transforms_size(b->descriptor);
    *out = BM_NEW_ARRAY(&b->plan->arena, bm_transform, most);
    *n = 0;
    size_t iter = kUpb_Map_Begin;
    for (const pb_ProcessBundleDescriptor_TransformsEntry *e;
         (e = pb_ProcessBundleDescriptor_transforms_next(b->descriptor, &iter));) {
        const pb_PTransform *pb = pb_ProcessBundleDescriptor_TransformsEntry_value(e);
        if (is_composite(pb)) continue;
        BEAM_TRY(read_transform(b, pb_ProcessBundleDescriptor_TransformsEntry_key(e), pb,
                                &(*out)[(*n)++]));
    }
    qsort(*out, *n, sizeof **out, by_transform_id);
    return BEAM_OK;
}

/* -- order ----------------------------------------------------------------------------------- */
/* Notes who reads and writes each collection. */
static void link_transform(bm_builder *b, bm_transform *t)
{
    for (size_t i = 0; i < t->n_inputs; i++) {
        bm_reader_link *link = BM_NEW(&b->plan->arena, bm_reader_link);
        bm_pcoll *in = t->inputs[i].pcoll;
        link->transform = t;
        *in->last_reader = link;
        in->last_reader = &link->next;
        in->n_consumers++;
    }
    for (size_t i = 0; i < t->n_outputs; i++) t->outputs[i].pcoll->n_producers++;
}

/* A transform is ready when all that write its inputs are. */
static void count_waits(bm_transform *t)
{
    for (size_t i = 0; i < t->n_inputs; i++) t->waits_for += t->inputs[i].pcoll->n_producers;
}

static beam_status sort_transforms(bm_builder *b, bm_transform *all, size_t n,
                                   bm_transform **order)
{
    size_t ready = 0;
    for (size_t i = 0; i < n; i++) link_transform(b, &all[i]);
    for (size_t i = 0; i < n; i++) count_waits(&all[i]);
    for (size_t i = 0; i < n; i++)
        if (!all[i].waits_for) order[ready++] = &all[i];
    for (size_t done = 0; done < ready; done++) {
        const bm_transform *t = order[done];
        for (size_t i = 0; i < t->n_outputs; i++)
            for (bm_reader_link *l = t->outputs[i].pcoll->readers; l; l = l->next)
                if (--l->transform->waits_for == 0) order[ready++] = l->transform;
    }
    for (size_t i = 0; ready < n && i < n; i++)
        if (all[i].waits_for)
            return bm_error(b->err, BEAM_EINVAL, "The descriptor has a cycle that goes "
                            "through transform '%s'", all[i].name);
    return BEAM_OK;
}

/* -- nodes ------------------------------------------------------------------------------------ */
static beam_status make_nodes(bm_builder *b, bm_transform **order, size_t n)
{
    bm_plan *plan = b->plan;
    plan->nodes = BM_NEW_ARRAY(&plan->arena, bm_node *, n);
    plan->sources = BM_NEW_ARRAY(&plan->arena, bm_port, n);
    plan->sinks = BM_NEW_ARRAY(&plan->arena, bm_port, n);
    plan->source_nodes = BM_NEW_ARRAY(&plan->arena, bm_node *, n);
    for (size_t i = 0; i < n; i++) {
        bm_transform *t = order[i];
        BEAM_TRY(bm_build_constructor(t->urn)(plan, t, &t->node, b->err));
        plan->nodes[plan->n_nodes++] = t->node;
    }
    return BEAM_OK;
}

static beam_status link_nodes(bm_builder *b, bm_transform **order, size_t n)
{
    bm_plan *plan = b->plan;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < order[i]->n_outputs; k++)
            order[i]->outputs[k].pcoll->producer = order[i]->node;
    for (size_t i = 0; i < plan->n_pcolls; i++) {
        bm_pcoll *p = plan->pcolls[i];
        p->consumers = BM_NEW_ARRAY(&plan->arena, bm_node *, p->n_consumers);
        size_t at = 0;
        for (bm_reader_link *l = p->readers; l; l = l->next) {
            p->consumers[at++] = l->transform->node;
            if (l->transform->node->process) continue;
            return bm_error(b->err, BEAM_EINVAL, "Transform '%s' (%s) cannot have an input",
                            l->transform->name, l->transform->urn);
        }
    }
    return BEAM_OK;
}

static beam_status build(bm_builder *b)
{
    bm_plan *plan = b->plan;
    const struct pb_ApiServiceDescriptor *state =
        pb_ProcessBundleDescriptor_state_api_service_descriptor(b->descriptor);
    if (state) plan->state_url = bm_pb_text(b, pb_ApiServiceDescriptor_url(state));
    const struct pb_ApiServiceDescriptor *timers =
        pb_ProcessBundleDescriptor_timer_api_service_descriptor(b->descriptor);
    if (timers) plan->timer_url = bm_pb_text(b, pb_ApiServiceDescriptor_url(timers));
    bm_build_coders_init(b);
    bm_map_init(&b->pcolls, &plan->arena);
    BEAM_TRY(add_pcolls(b));
    bm_transform *transforms;
    size_t n;
    BEAM_TRY(read_transforms(b, &transforms, &n));
    bm_transform **order = BM_NEW_ARRAY(&plan->arena, bm_transform *, n);
    BEAM_TRY(sort_transforms(b, transforms, n, order));
    BEAM_TRY(make_nodes(b, order, n));
    BEAM_TRY(link_nodes(b, order, n));
    plan->next_index = bm_plan_first_cell_index(plan);
    return BEAM_OK;
}

beam_status bm_plan_new(beam_span descriptor, const bm_registry *registry, const bm_log *log,
                        bm_plan **out, beam_error *err)
{
    upb_Arena *upb = upb_Arena_New();
    bm_builder b = { .plan = bm_plan_make(registry, log), .upb = upb, .err = err };
    b.descriptor = pb_ProcessBundleDescriptor_parse_ex(
        descriptor.ptr, descriptor.len, NULL, kUpb_DecodeOption_AliasString, upb);
    beam_status status =
        b.descriptor ? build(&b)
                     : bm_error(err, BEAM_EINVAL, "The ProcessBundleDescriptor of %zu bytes "
                                "cannot be parsed", descriptor.len);
    upb_Arena_Free(upb);
    *out = status == BEAM_OK ? b.plan : NULL;
    if (status != BEAM_OK) bm_plan_free(b.plan);
    return status;
}
