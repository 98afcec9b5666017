/* SPDX-License-Identifier: Apache-2.0 */
/* proto/combine_proto.c - CombinePerKey with the sub-transforms that it stands for.
 *
 * Runners that know combine_per_key (Prism) replace the whole; those that do not (Flink)
 * run the sub-transforms. Elements are combined before the shuffle where the trigger
 * allows it:
 *     Precombine -> GroupByKey -> Merge -> Extract
 * and otherwise after it:
 *     GroupByKey -> Combine.GroupedValues
 * One thread. */
#include "beam_urns.h"
#include "fns/builtin.h"
#include "fns/fn_spec.h"
#include "proto/builder.h"

/* What the parts of one combine share. */
typedef struct combine_parts {
    const char *name;
    const char *in, *out;         /* collection ids */
    const beam_type *key, *value; /* of the input */
    const char *windowing_in, *windowing_out;
    Pb__IsBounded__Enum is_bounded;
    beam_span payload; /* CombinePayload */
    bm_list children;
} combine_parts;

static beam_span spec_payload(bm_arena *arena, const char *name, beam_span config)
{
    bm_writer w = { 0 };
    bm_fn_spec_encode(&(bm_fn_spec){ .name = beam_span_of(name), .config = config }, &w);
    beam_span payload = bm_span_copy(arena, bm_written(&w));
    bm_writer_free(&w);
    return payload;
}

static beam_span fn_payload(bm_arena *arena, const bm_step *step)
{
    return spec_payload(arena, step->combine->name, step->config);
}

static const beam_type *type_of(bm_arena *arena, beam_kind kind, const beam_type *arg0,
                                const beam_type *arg1)
{
    beam_type *type = BM_NEW(arena, beam_type);
    *type = (beam_type){ kind, { arg0, arg1 }, NULL, NULL };
    return type;
}

static beam_status combine_payload(bm_builder *b, const bm_step *step, beam_span *out)
{
    const char *coder;
    BEAM_TRY(bm_coder_id(b, step->acc, step->unique_name, &coder));
    bm_pb_combine *payload = bm_pb_combine_new(b->arena);
    payload->combine_fn = bm_pb_spec(b->arena, BM_URN_COMBINE_FN,
                                     fn_payload(b->arena, step));
    payload->accumulator_coder_id = bm_pb_text(coder);
    *out = BM_PB_PACK(b->arena, payload);
    return BEAM_OK;
}

static void set_display(bm_builder *b, bm_pb_transform *t, const bm_step *step)
{
    bm_list display = { 0 };
    const char *name = step->combine->name;
    bm_list_add(b->arena, &display,
                bm_labelled(b->arena, name, "fn", "Combine Function", name));
    BM_PB_REPEATED(t, display_data, &display);
}

/* One part: KV<key, ...> in, KV<key, ...> out. */
static void add_part(bm_builder *b, combine_parts *parts, const char *name,
                     const char *urn, beam_span payload, const char *in, const char *out)
{
    const char *id = bm_format(b->arena, "%s/%s", parts->name, name);
    bm_pb_transform *t = bm_add_transform(b, id, id);
    bool is_ours = strcmp(urn, BEAM_URN_TRANSFORM_GROUP_BY_KEY) != 0;
    t->spec = bm_pb_spec(b->arena, urn, payload);
    if (is_ours) t->environment_id = bm_pb_text(b->environment_id);
    bm_list inputs = { 0 }, outputs = { 0 };
    bm_add_input(b->arena, t, &inputs, "in", in);
    bm_add_output(b->arena, t, &outputs, "out", out);
    bm_list_add(b->arena, &parts->children, bm_pb_text(id));
}

static void add_group(bm_builder *b, combine_parts *parts, const char *in, const char *out)
{
    add_part(b, parts, "GroupByKey", BEAM_URN_TRANSFORM_GROUP_BY_KEY, (beam_span){ NULL, 0 }, in,
             out);
}

/* Flink groups no values that may be null, unless they are bytes to it. */
static bool is_sealed(const beam_type *value)
{
    return value->kind == BEAM_KIND_NULLABLE
           || (value->kind == BEAM_KIND_ITERABLE && value->arg[0]->kind == BEAM_KIND_NULLABLE);
}

/* A collection between two parts, of KV<key, value>. */
static beam_status add_between(bm_builder *b, const combine_parts *parts,
                               const char *part, const char *windowing_id,
                               const beam_type *value, const char **id)
{
    const char *coder;
    const beam_type *type = type_of(b->arena, BEAM_KIND_KV, parts->key, value);
    BEAM_TRY(is_sealed(value) ? bm_sealed_values_coder_id(b, type, parts->name, &coder)
                              : bm_coder_id(b, type, parts->name, &coder));
    *id = bm_format(b->arena, "%s/%s.out", parts->name, part);
    bm_pb_pcoll *c = bm_add_pcoll(b, *id, *id);
    c->coder_id = bm_pb_text(coder);
    c->windowing_strategy_id = bm_pb_text(windowing_id);
    c->is_bounded = parts->is_bounded;
    return BEAM_OK;
}

static beam_status add_lifted(bm_builder *b, combine_parts *parts, const beam_type *acc)
{
    const char *combined, *grouped, *merged;
    const beam_type *accs = type_of(b->arena, BEAM_KIND_ITERABLE, acc, NULL);
    BEAM_TRY(add_between(b, parts, "Precombine", parts->windowing_in, acc, &combined));
    BEAM_TRY(add_between(b, parts, "GroupByKey", parts->windowing_out, accs, &grouped));
    BEAM_TRY(add_between(b, parts, "Merge", parts->windowing_out, acc, &merged));
    add_part(b, parts, "Precombine", BEAM_URN_TRANSFORM_COMBINE_PER_KEY_PRECOMBINE,
             parts->payload, parts->in, combined);
    add_group(b, parts, combined, grouped);
    add_part(b, parts, "Merge", BEAM_URN_TRANSFORM_COMBINE_PER_KEY_MERGE_ACCUMULATORS,
             parts->payload, grouped, merged);
    add_part(b, parts, "Extract", BEAM_URN_TRANSFORM_COMBINE_PER_KEY_EXTRACT_OUTPUTS,
             parts->payload, merged, parts->out);
    return BEAM_OK;
}

/* Fills a transform that is Combine.GroupedValues. Flink takes none but a ParDo for it,
 * so there is one inside; its function is the combine function, of KV<K, values>. */
static void fill_grouped_values(bm_builder *b, bm_pb_transform *t, const char *id,
                                const bm_step *step, beam_span payload, const char *in,
                                const char *out)
{
    bm_arena *arena = b->arena;
    t->spec = bm_pb_spec(arena, BEAM_URN_TRANSFORM_COMBINE_GROUPED_VALUES, payload);
    t->environment_id = bm_pb_text(b->environment_id);
    bm_list inputs = { 0 }, outputs = { 0 }, children = { 0 };
    bm_add_input(arena, t, &inputs, "in", in);
    bm_add_output(arena, t, &outputs, "out", out);

    const char *child_id = bm_format(arena, "%s/ParDo", id);
    bm_list_add(arena, &children, bm_pb_text(child_id));
    BM_PB_REPEATED(t, subtransforms, &children);
    bm_pb_transform *child = bm_add_transform(b, child_id, child_id);
    bm_pb_par_do *par_do = bm_pb_par_do_new(arena);
    par_do->do_fn = bm_pb_spec(arena, BM_URN_COMBINE_FN, fn_payload(arena, step));
    child->spec = bm_pb_spec(arena, BEAM_URN_TRANSFORM_PARDO, BM_PB_PACK(arena, par_do));
    child->environment_id = bm_pb_text(b->environment_id);
    BM_PB_REPEATED(child, inputs, &inputs);
    BM_PB_REPEATED(child, outputs, &outputs);
}

/* The input by way of a ParDo that changes only its coder. */
static beam_status seal_input(bm_builder *b, combine_parts *parts)
{
    const char *sealed;
    bm_pb_par_do *par_do = bm_pb_par_do_new(b->arena);
    par_do->do_fn = bm_pb_spec(b->arena, BM_URN_DOFN,
                               spec_payload(b->arena, bm_pass_fn.name, (beam_span){ NULL, 0 }));
    BEAM_TRY(add_between(b, parts, "Seal", parts->windowing_in, parts->value, &sealed));
    add_part(b, parts, "Seal", BEAM_URN_TRANSFORM_PARDO, BM_PB_PACK(b->arena, par_do), parts->in,
             sealed);
    parts->in = sealed;
    return BEAM_OK;
}

static beam_status add_unlifted(bm_builder *b, combine_parts *parts, const bm_step *step)
{
    const char *grouped;
    if (is_sealed(parts->value)) BEAM_TRY(seal_input(b, parts));
    const beam_type *values = type_of(b->arena, BEAM_KIND_ITERABLE, parts->value, NULL);
    BEAM_TRY(add_between(b, parts, "GroupByKey", parts->windowing_out, values, &grouped));
    add_group(b, parts, parts->in, grouped);
    const char *id = bm_format(b->arena, "%s/Combine.GroupedValues", parts->name);
    bm_pb_transform *t = bm_add_transform(b, id, id);
    fill_grouped_values(b, t, id, step, parts->payload, grouped, parts->out);
    bm_list_add(b->arena, &parts->children, bm_pb_text(id));
    return BEAM_OK;
}

/* The step's output, which the graph may keep at the last part of it. */
static beam_status build_main_output(bm_builder *b, const bm_step *step,
                                     const bm_built_pcoll **out, const char **tag)
{
    const bm_step *owner = step;
    while (!owner->n_outputs && owner->last_child)
        owner = owner->last_child;
    if (!owner->n_outputs || !step->n_inputs)
        return bm_error(b->err, BEAM_EINVAL,
                        "%s: the combine lacks an input or an output", step->unique_name);
    *tag = owner->outputs[0]->tag;
    return bm_build_output(b, step, owner->outputs[0], out);
}

beam_status bm_add_combine(bm_builder *b, const bm_step *step)
{
    const bm_built_pcoll *in, *out;
    const char *tag;
    BEAM_TRY(build_main_output(b, step, &out, &tag));
    BEAM_TRY(bm_built_input(b, step, 0, &in));
    const beam_type *type = step->inputs[0]->type;
    if (type->kind != BEAM_KIND_KV)
        return bm_error(b->err, BEAM_ETYPE, "%s: combining per key needs KVs, not %s",
                        step->unique_name, bm_type_text(b->arena, type));
    combine_parts parts = {
        .name = step->unique_name,
        .in = in->id,
        .out = out->id,
        .key = type->arg[0],
        .value = type->arg[1],
        .windowing_in = in->pb->windowing_strategy_id,
        .windowing_out = out->pb->windowing_strategy_id,
        .is_bounded = in->pb->is_bounded,
    };
    BEAM_TRY(combine_payload(b, step, &parts.payload));

    bm_pb_transform *t = bm_add_transform(b, step->unique_name, step->unique_name);
    t->spec = bm_pb_spec(b->arena, BEAM_URN_TRANSFORM_COMBINE_PER_KEY, parts.payload);
    t->environment_id = bm_pb_text(b->environment_id);
    set_display(b, t, step);
    bm_list inputs = { 0 }, outputs = { 0 };
    bm_add_input(b->arena, t, &inputs, step->input_tags[0], parts.in);
    bm_add_output(b->arena, t, &outputs, tag, parts.out);

    const bm_pb_windowing *windowing = bm_map_get(&b->windowings.by_id,
                                                  beam_span_of(parts.windowing_in));
    bool lift = !windowing || bm_trigger_allows_lifting(windowing->trigger);
    BEAM_TRY(lift ? add_lifted(b, &parts, step->acc) : add_unlifted(b, &parts, step));
    BM_PB_REPEATED(t, subtransforms, &parts.children);
    return BEAM_OK;
}

beam_status bm_add_grouped_values(bm_builder *b, const bm_step *step)
{
    const bm_built_pcoll *in, *out;
    const char *tag;
    BEAM_TRY(build_main_output(b, step, &out, &tag));
    BEAM_TRY(bm_built_input(b, step, 0, &in));
    const beam_type *type = step->inputs[0]->type;
    const beam_type *values = type->kind == BEAM_KIND_KV ? type->arg[1] : NULL;
    if (!values || values->kind != BEAM_KIND_ITERABLE)
        return bm_error(b->err, BEAM_ETYPE,
                        "%s: combining grouped values needs KVs of iterables, not %s",
                        step->unique_name, bm_type_text(b->arena, type));
    beam_span payload;
    BEAM_TRY(combine_payload(b, step, &payload));
    bm_pb_transform *t = bm_add_transform(b, step->unique_name, step->unique_name);
    set_display(b, t, step);
    fill_grouped_values(b, t, step->unique_name, step, payload, in->id, out->id);
    return BEAM_OK;
}
