/* SPDX-License-Identifier: Apache-2.0 */
/* proto/to_proto.c - walks the graph and writes each step as a PTransform. Steps come
 * before composites, since a composite's inputs and outputs follow from what is in it.
 * One thread. */
#include "beam_urns.h"
#include "proto/builder.h"

/* Has sub-transforms of the graph's making, and nothing else to it. */
static bool is_composite(const bm_step *step)
{
    return step->kind == BM_STEP_COMPOSITE || step->kind == BM_STEP_RESHUFFLE;
}

/* The parts of a combine are made anew (combine_proto.c). */
static bool is_part_of_combine(const bm_step *step)
{
    for (step = step->parent; step; step = step->parent)
        if (step->kind == BM_STEP_COMBINE_PER_KEY) return true;
    return false;
}

/* -- collections -------------------------------------------------------------------- */
beam_status bm_built_input(bm_builder *b, const bm_step *step, size_t i,
                           const bm_built_pcoll **out)
{
    *out = &b->built[step->inputs[i]->id];
    if ((*out)->id) return BEAM_OK;
    return bm_error(b->err, BEAM_EINVAL,
                    "%s: its input %s is made by no step before it; build the pipeline "
                    "in order",
                    step->unique_name, step->input_tags[i]);
}

/* Where the windowing is only known by an expansion, that of the collection it comes
 * from. */
static beam_status windowing_of(bm_builder *b, const bm_step *step, const beam_pcoll *c,
                                const char **id)
{
    if (c->windowing) return bm_windowing_id(b, c->windowing, step->unique_name, id);
    const bm_built_pcoll *source = &b->built[bm_windowing_source(c)->id];
    if (!source->id)
        return bm_windowing_id(b, &bm_default_windowing, step->unique_name, id);
    *id = source->pb->windowing_strategy_id;
    return BEAM_OK;
}

beam_status bm_build_output(bm_builder *b, const bm_step *step, const beam_pcoll *c,
                            const bm_built_pcoll **out)
{
    const char *coder, *windowing;
    if (c->sealed_values)
        BEAM_TRY(bm_sealed_values_coder_id(b, c->type, step->unique_name, &coder));
    else
        BEAM_TRY(bm_coder_id(b, c->type, step->unique_name, &coder));
    BEAM_TRY(windowing_of(b, step, c, &windowing));
    if (c->sealed) coder = bm_sealed_coder_id(b, coder);
    const char *id = bm_format(b->arena, "%s.%s", step->unique_name, c->tag);
    bm_pb_pcoll *pb = bm_add_pcoll(b, id, id);
    pb->coder_id = bm_pb_text(coder);
    pb->windowing_strategy_id = bm_pb_text(windowing);
    pb->is_bounded = c->bounded ? PB__IS_BOUNDED__ENUM__BOUNDED
                                : PB__IS_BOUNDED__ENUM__UNBOUNDED;
    b->built[c->id] = (bm_built_pcoll){ id, pb };
    *out = &b->built[c->id];
    return BEAM_OK;
}

/* -- environments ------------------------------------------------------------------- */
static bm_pb_environment *environment_with(bm_builder *b, const bm_resource_hints *hints)
{
    bm_pb_environment *m = bm_environment_proto(b->arena, b->environment);
    bm_set_resource_hints(b->arena, m, hints);
    return m;
}

const char *bm_environment_of(bm_builder *b, const bm_step *step)
{
    static const bm_resource_hints none;
    if (!memcmp(&step->hints, &none, sizeof none)) return b->environment_id;
    bm_resource_hints hints = bm_resource_hints_merge(&b->pipeline->hints, &step->hints);
    bm_pb_environment *m = environment_with(b, &hints);
    beam_span packed = BM_PB_PACK(b->arena, m);
    const char *id = bm_map_get(&b->own_environments, packed);
    if (id) return id;
    size_t number = b->own_environments.n + 1;
    do {
        id = bm_format(b->arena, "%s%zu", b->environment_id, number++);
    } while (bm_map_get(&b->environments.by_id, beam_span_of(id)));
    bm_add_environment(b, id, m);
    bm_map_put(&b->own_environments, packed, (void *)(uintptr_t)id);
    return id;
}

/* -- steps -------------------------------------------------------------------------- */
static beam_status window_into_payload(bm_builder *b, const bm_step *step, beam_span *out)
{
    bm_pb_window_into *payload = bm_pb_window_into_new(b->arena);
    BEAM_TRY(bm_window_fn_proto(b, step->windowing->opts.fn, step->unique_name,
                                &payload->window_fn));
    *out = BM_PB_PACK(b->arena, payload);
    return BEAM_OK;
}

static void set_display(bm_builder *b, bm_pb_transform *t, const bm_step *step)
{
    bm_list display = { 0 };
    const char *name_space = step->dofn ? step->dofn->name : step->unique_name;
    if (step->dofn)
        bm_list_add(b->arena, &display,
                    bm_labelled(b->arena, name_space, "fn", "Transform Function",
                                step->dofn->name));
    for (size_t i = 0; i < step->n_display; i++) {
        const beam_display *d = &step->display[i];
        if (d->key)
            bm_list_add(b->arena, &display,
                        bm_labelled(b->arena, name_space, d->key, d->key, d->value));
    }
    BM_PB_REPEATED(t, display_data, &display);
}

/* The URN and payload of a primitive. */
static beam_status spec_of(bm_builder *b, const bm_step *step, bm_pb_function_spec **spec,
                           bool *runs_in_worker)
{
    const char *urn = NULL;
    beam_span payload = { NULL, 0 };
    *runs_in_worker = false;
    switch (step->kind) {
    case BM_STEP_IMPULSE: urn = BEAM_URN_TRANSFORM_IMPULSE; break;
    case BM_STEP_GROUP_BY_KEY: urn = BEAM_URN_TRANSFORM_GROUP_BY_KEY; break;
    case BM_STEP_FLATTEN: urn = BEAM_URN_TRANSFORM_FLATTEN; break;
    case BM_STEP_PAR_DO:
        urn = BEAM_URN_TRANSFORM_PARDO;
        BEAM_TRY(bm_par_do_payload(b, step, &payload));
        *runs_in_worker = true;
        break;
    case BM_STEP_WINDOW_INTO:
        urn = BEAM_URN_TRANSFORM_WINDOW_INTO;
        BEAM_TRY(window_into_payload(b, step, &payload));
        *runs_in_worker = true;
        break;
    case BM_STEP_TEST_STREAM:
        urn = BEAM_URN_TRANSFORM_TESTSTREAM;
        BEAM_TRY(bm_test_stream_payload(b, step, &payload));
        break;
    case BM_STEP_COMPOSITE:
    case BM_STEP_RESHUFFLE:
    case BM_STEP_COMBINE_PER_KEY:
    case BM_STEP_COMBINE_GROUPED_VALUES:
    case BM_STEP_EXTERNAL: break;
    }
    if (!urn)
        return bm_error(b->err, BEAM_EINVAL, "%s: a step of a kind that does not exist",
                        step->unique_name);
    *spec = bm_pb_spec(b->arena, urn, payload);
    return BEAM_OK;
}

static beam_status add_primitive(bm_builder *b, const bm_step *step)
{
    bool runs_in_worker;
    bm_pb_function_spec *spec = NULL;
    BEAM_TRY(spec_of(b, step, &spec, &runs_in_worker));
    bm_pb_transform *t = bm_add_transform(b, step->unique_name, step->unique_name);
    t->spec = spec;
    if (runs_in_worker) t->environment_id = bm_pb_text(bm_environment_of(b, step));
    set_display(b, t, step);
    bm_list inputs = { 0 }, outputs = { 0 };
    for (size_t i = 0; i < step->n_inputs; i++) {
        const bm_built_pcoll *in;
        BEAM_TRY(bm_built_input(b, step, i, &in));
        bm_add_input(b->arena, t, &inputs, step->input_tags[i], in->id);
    }
    for (size_t i = 0; i < step->n_outputs; i++) {
        const bm_built_pcoll *out;
        BEAM_TRY(bm_build_output(b, step, step->outputs[i], &out));
        bm_add_output(b->arena, t, &outputs, step->outputs[i]->tag, out->id);
    }
    return BEAM_OK;
}

static beam_status add_step(bm_builder *b, const bm_step *step)
{
    switch (step->kind) {
    case BM_STEP_COMBINE_PER_KEY: return bm_add_combine(b, step);
    case BM_STEP_COMBINE_GROUPED_VALUES: return bm_add_grouped_values(b, step);
    case BM_STEP_EXTERNAL: return bm_add_external(b, step);
    default: return add_primitive(b, step);
    }
}

/* -- composites --------------------------------------------------------------------- */
static void add_composite(bm_builder *b, const bm_step *step)
{
    bm_pb_transform *t = bm_add_transform(b, step->unique_name, step->unique_name);
    const char *urn = step->kind == BM_STEP_RESHUFFLE ? BEAM_URN_TRANSFORM_RESHUFFLE
                                                      : step->urn;
    if (urn) t->spec = bm_pb_spec(b->arena, urn, (beam_span){ NULL, 0 });
    set_display(b, t, step);

    bm_list children = { 0 }, inputs = { 0 }, outputs = { 0 };
    for (const bm_step *child = step->first_child; child; child = child->next_sibling)
        bm_list_add(b->arena, &children, bm_pb_text(child->unique_name));
    BM_PB_REPEATED(t, subtransforms, &children);
    for (size_t i = 0; i < step->n_inputs; i++)
        bm_add_input(b->arena, t, &inputs, step->input_tags[i],
                     b->built[step->inputs[i]->id].id);
    for (size_t i = 0; i < step->n_outputs; i++)
        bm_add_output(b->arena, t, &outputs, step->output_tags[i],
                      b->built[step->outputs[i]->id].id);
}

/* Inputs and outputs of composites must have been made by a step inside or before. */
static beam_status check_composite(bm_builder *b, const bm_step *step)
{
    const bm_built_pcoll *built;
    for (size_t i = 0; i < step->n_inputs; i++)
        BEAM_TRY(bm_built_input(b, step, i, &built));
    for (size_t i = 0; i < step->n_outputs; i++)
        if (!b->built[step->outputs[i]->id].id)
            return bm_error(b->err, BEAM_EINVAL, "%s: no step inside makes its output %s",
                            step->unique_name, step->outputs[i]->tag);
    return BEAM_OK;
}

/* -- the whole ---------------------------------------------------------------------- */
static beam_status add_steps(bm_builder *b)
{
    for (const bm_step *step = b->pipeline->first; step; step = step->next) {
        if (is_composite(step) || is_part_of_combine(step)) continue;
        BEAM_TRY(add_step(b, step));
    }
    for (const bm_step *step = b->pipeline->first; step; step = step->next) {
        if (!is_composite(step) || is_part_of_combine(step)) continue;
        BEAM_TRY(check_composite(b, step));
        add_composite(b, step);
    }
    return BEAM_OK;
}

static beam_span pack_pipeline(bm_builder *b)
{
    bm_pb_pipeline *m = bm_pb_pipeline_new(b->arena);
    m->components = bm_components(b->arena, &b->transforms, &b->pcolls, &b->windowings,
                                  &b->coders, &b->environments);
    bm_list roots = { 0 };
    for (const bm_step *step = b->pipeline->first; step; step = step->next)
        if (!step->parent) bm_list_add(b->arena, &roots, bm_pb_text(step->unique_name));
    BM_PB_REPEATED(m, root_transform_ids, &roots);
    BM_PB_REPEATED(m, requirements, &b->requirements);
    return BM_PB_PACK(b->arena, m);
}

beam_status bm_pipeline_failure(const beam_pipeline *p, beam_error *err)
{
    if (err && err != &p->error) *err = p->error;
    return p->error.status;
}

beam_status bm_pipeline_to_proto(beam_pipeline *p, const bm_environment *environment,
                                 const bm_expander *expander, bm_arena *arena,
                                 beam_span *pipeline_bytes, beam_error *err)
{
    bm_graph_check(p);
    if (p->error.status) return bm_pipeline_failure(p, err);
    bm_builder b;
    bm_builder_init(&b, arena, p, expander, err);
    b.environment_id = "c";
    b.environment = environment;
    bm_pb_environment *own = environment_with(&b, &p->hints);
    bm_map_put(&b.own_environments, BM_PB_PACK(arena, own),
               (void *)(uintptr_t)b.environment_id);
    bm_add_environment(&b, b.environment_id, own);
    BEAM_TRY(add_steps(&b));
    *pipeline_bytes = pack_pipeline(&b);
    return BEAM_OK;
}
