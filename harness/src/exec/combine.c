/* SPDX-License-Identifier: Apache-2.0 */
/* The components of a combine that look at one element at a time: merge_accumulators,
 * extract_outputs, convert_to_accumulators and combine_grouped_values. Bundle thread. */
#include "exec/combine.h"

#include "base/error.h"

/* -- the function ------------------------------------------------------------------------ */
void bm_combiner_create(bm_combiner *c, void *acc)
{
    memset(acc, 0, c->fn->acc_size);
    if (c->fn->create) c->fn->create(&c->ctx, acc);
}

beam_value bm_combiner_save(bm_combiner *c, const void *acc)
{
    if (c->fn->save) return c->fn->save(&c->ctx, acc);
    if (c->fn->acc->kind == BEAM_KIND_DOUBLE) {
        double number;
        memcpy(&number, acc, sizeof number);
        return beam_double(number);
    }
    int64_t number;
    memcpy(&number, acc, sizeof number);
    return beam_int64(number);
}

beam_status bm_combiner_load(bm_combiner *c, void *acc, beam_value saved)
{
    bm_combiner_create(c, acc);
    if (c->fn->load) {
        c->fn->load(&c->ctx, acc, saved);
    } else if (saved.kind == BEAM_KIND_DOUBLE || saved.kind == BEAM_KIND_INT64) {
        memcpy(acc, &saved.as, 8);
    } else {
        return beam_fail(&c->ctx, BEAM_ETYPE, "the accumulator is not a number");
    }
    return c->node.plan->error.status;
}

bm_combine_call bm_combiner_begin(bm_combiner *c, const bm_element *element)
{
    bm_combine_call call = { bm_arena_mark(&c->node.plan->scratch),
                             bm_arena_mark(&c->accumulators), bm_enter(&c->node) };
    c->ctx.element = element;
    return call;
}

beam_status bm_combiner_end(bm_combiner *c, bm_combine_call call, beam_status status)
{
    status = bm_callback_ended(&c->ctx, status);
    c->ctx.element = NULL;
    bm_leave(&c->node, call.outer);
    bm_rewind(&c->node.plan->scratch, call.scratch);
    bm_rewind(&c->accumulators, call.accumulators);
    return status;
}

/* -- elements: KV<K, something> in, KV<K, something else> out ----------------------------- */
static beam_status emit(bm_combiner *c, const bm_element *element, beam_value value)
{
    if (bm_failed(c->node.plan)) return c->node.plan->error.status;
    const beam_value pair[2] = { beam_key(element->value), value };
    bm_element combined = *element;
    combined.value = beam_kv(pair);
    return c->out ? bm_send(c->out, &combined) : BEAM_OK;
}

static beam_status extract(bm_combiner *c, const bm_element *element)
{
    return emit(c, element, c->fn->extract(&c->ctx, c->acc));
}

static beam_status merge_process(bm_node *node, const bm_element *element)
{
    bm_combiner *c = (bm_combiner *)node;
    bm_combine_call call = bm_combiner_begin(c, element);
    bm_arena *scratch = &node->plan->scratch;
    void *other = bm_alloc(scratch, c->fn->acc_size);
    beam_iter *iter = beam_as_iter(beam_val(element->value));
    bm_combiner_create(c, c->acc);
    beam_status status = BEAM_OK;
    bool first = true;
    for (beam_value saved; status == BEAM_OK && beam_next(iter, &saved); first = false) {
        bm_mark mark = bm_arena_mark(scratch);
        status = bm_combiner_load(c, first ? c->acc : other, saved);
        if (status == BEAM_OK && !first) c->fn->merge(&c->ctx, c->acc, other);
        bm_rewind(scratch, mark);
    }
    if (status == BEAM_OK) status = emit(c, element, bm_combiner_save(c, c->acc));
    return bm_combiner_end(c, call, status);
}

static beam_status extract_process(bm_node *node, const bm_element *element)
{
    bm_combiner *c = (bm_combiner *)node;
    bm_combine_call call = bm_combiner_begin(c, element);
    beam_status status = bm_combiner_load(c, c->acc, beam_val(element->value));
    if (status == BEAM_OK) status = extract(c, element);
    return bm_combiner_end(c, call, status);
}

static beam_status convert_process(bm_node *node, const bm_element *element)
{
    bm_combiner *c = (bm_combiner *)node;
    bm_combine_call call = bm_combiner_begin(c, element);
    bm_combiner_create(c, c->acc);
    c->fn->add(&c->ctx, c->acc, beam_val(element->value));
    beam_status status = emit(c, element, bm_combiner_save(c, c->acc));
    return bm_combiner_end(c, call, status);
}

static beam_status grouped_process(bm_node *node, const bm_element *element)
{
    bm_combiner *c = (bm_combiner *)node;
    bm_combine_call call = bm_combiner_begin(c, element);
    bm_arena *scratch = &node->plan->scratch;
    beam_iter *iter = beam_as_iter(beam_val(element->value));
    bm_combiner_create(c, c->acc);
    for (beam_value in; !bm_failed(node->plan) && beam_next(iter, &in);) {
        bm_mark mark = bm_arena_mark(scratch);
        c->fn->add(&c->ctx, c->acc, in);
        bm_rewind(scratch, mark);
    }
    return bm_combiner_end(c, call, extract(c, element));
}

/* -- construction ---------------------------------------------------------------------------- */
static beam_status find_fn(bm_combiner *c, const bm_plan *plan, const bm_transform *t,
                           beam_error *err)
{
    c->fn = bm_registry_combine(plan->registry, t->fn.name);
    if (c->fn) return BEAM_OK;
    bm_arena texts;
    bm_arena_init(&texts, 0);
    beam_status status = bm_error(
        err, BEAM_EINVAL, "Transform '%s' needs CombineFn '" BEAM_SPAN_FMT "', which this "
        "program does not have; add it to the program's table of CombineFns. It has: %s",
        t->name, BEAM_SPAN_ARG(t->fn.name),
        bm_registry_names(&plan->registry->combines, &texts));
    bm_arena_free(&texts);
    return status;
}

static beam_status check_fn(const beam_combine *fn, beam_error *err)
{
    const char *problem =
        !fn->add || !fn->merge || !fn->extract ? "needs add, merge and extract"
        : !fn->save != !fn->load               ? "needs both of save and load, or neither"
        : !fn->save && (fn->acc_size < 8 || !fn->acc
                        || (fn->acc->kind != BEAM_KIND_INT64
                            && fn->acc->kind != BEAM_KIND_DOUBLE))
            ? "needs save and load, since its accumulator is not one INT64 or DOUBLE"
            : NULL;
    return problem ? bm_error(err, BEAM_EINVAL, "CombineFn '%s' %s", fn->name, problem)
                   : BEAM_OK;
}

/* Of the V in KV<K, V> or KV<K, ITERABLE<V>>. */
static const bm_coder *value_coder(const bm_coder *coder)
{
    while (coder && coder->kind == BM_CODER_LENGTH_PREFIX) coder = coder->arg[0];
    const bm_coder *value = coder && coder->kind == BM_CODER_KV ? coder->arg[1] : NULL;
    bool is_iterable = value && (value->kind == BM_CODER_ITERABLE
                                 || value->kind == BM_CODER_STATE_BACKED_ITERABLE);
    return is_iterable ? value->arg[0] : value;
}

beam_status bm_combiner_make(bm_plan *plan, const bm_transform *t, const bm_node_ops *ops,
                             size_t size, bm_combiner **out, beam_error *err)
{
    BEAM_TRY(bm_need_fn(t, BM_URN_COMBINE_FN, err));
    if (t->n_inputs != 1)
        return bm_error(err, BEAM_EINVAL, "Transform '%s' has %zu inputs, not one", t->name,
                        t->n_inputs);
    bm_combiner *c = bm_node_make(plan, t, ops, size);
    BEAM_TRY(find_fn(c, plan, t, err));
    BEAM_TRY(check_fn(c->fn, err));
    const bm_pcoll *in = t->inputs[0].pcoll;
    c->out = bm_only_output(t);
    c->acc = bm_calloc(&plan->arena, c->fn->acc_size);
    bm_arena_init(&c->accumulators, 0);
    c->node.what = bm_format(&plan->arena, "CombineFn '%s'", c->fn->name);
    c->node.name_space = c->fn->name;
    c->node.phase = BM_TIME_PROCESS;
    c->node.ctx = &c->ctx;
    c->ctx = (beam_ctx){
        .node = &c->node,
        .arena = &plan->scratch,
        .config = bm_span_copy(&plan->arena, t->fn.config),
        .input_coder = in->coder,
        .accumulators = &c->accumulators,
        .value_coder = value_coder(in->coder),
    };
    *out = c;
    return BEAM_OK;
}

void bm_combiner_free(bm_node *node)
{
    bm_arena_free(&((bm_combiner *)node)->accumulators);
}

static beam_status make(bm_plan *plan, const bm_transform *t, const bm_node_ops *ops,
                        bm_node **out, beam_error *err)
{
    bm_combiner *c;
    BEAM_TRY(bm_combiner_make(plan, t, ops, sizeof *c, &c, err));
    *out = &c->node;
    return BEAM_OK;
}

#define COMBINE_COMPONENT(name)                                                            \
    beam_status bm_combine_##name##_new(bm_plan *plan, const bm_transform *t,              \
                                        bm_node **out, beam_error *err)                    \
    {                                                                                      \
        static const bm_node_ops ops = { .process = name##_process,                        \
                                         .free = bm_combiner_free };                       \
        return make(plan, t, &ops, out, err);                                              \
    }

COMBINE_COMPONENT(merge)
COMBINE_COMPONENT(extract)
COMBINE_COMPONENT(convert)
COMBINE_COMPONENT(grouped)
