/* SPDX-License-Identifier: Apache-2.0 */
/* beam:transform:pardo:v1: runs a DoFn. Bundle thread. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "exec/side_input.h"
#include "exec/timers.h"

/* -- elements --------------------------------------------------------------------------- */
beam_status bm_par_do_process(bm_node *node, const bm_element *element)
{
    bm_par_do *p = (bm_par_do *)node;
    bm_mark mark = bm_scratch_mark(&node->plan->scratch);
    bm_node *outer = bm_enter(node);
    p->ctx.element = element;
    return bm_par_do_after(p, mark, outer, p->fn->process(&p->ctx, element->value));
}

/* The same for what only a source pushes: not from within user code, and the source rewinds the
 * scratch memory when all who read the element have had it. */
static beam_status process_pushed(bm_node *node, const bm_element *element)
{
    bm_par_do *p = (bm_par_do *)node;
    bm_enter(node);
    p->ctx.element = element;
    beam_status status = p->fn->process(&p->ctx, element->value);
    status = bm_element_ended(&p->ctx, node->plan, status);
    p->ctx.element = NULL;
    bm_leave(node, NULL);
    return status;
}

static beam_status process_map(bm_node *node, const bm_element *element)
{
    bm_par_do *p = (bm_par_do *)node;
    bm_mark mark = bm_scratch_mark(&node->plan->scratch);
    bm_node *outer = bm_enter(node);
    p->ctx.element = element;
    bm_element mapped = *element;
    mapped.value = p->fn->map(&p->ctx, element->value);
    return bm_par_do_after(p, mark, outer, bm_emit(&p->ctx, 0, &mapped));
}

static beam_status process_keep(bm_node *node, const bm_element *element)
{
    bm_par_do *p = (bm_par_do *)node;
    bm_mark mark = bm_scratch_mark(&node->plan->scratch);
    bm_node *outer = bm_enter(node);
    p->ctx.element = element;
    bool keep = p->fn->keep(&p->ctx, element->value);
    return bm_par_do_after(p, mark, outer, keep ? bm_emit(&p->ctx, 0, element) : BEAM_OK);
}

static beam_status process_timestamp(bm_node *node, const bm_element *element)
{
    bm_par_do *p = (bm_par_do *)node;
    bm_mark mark = bm_scratch_mark(&node->plan->scratch);
    bm_node *outer = bm_enter(node);
    p->ctx.element = element;
    beam_millis timestamp = p->fn->timestamp(&p->ctx, element->value);
    beam_status status = bm_failed(node->plan)
                             ? BEAM_EUSER
                             : beam_emit_at(&p->ctx, element->value, timestamp);
    return bm_par_do_after(p, mark, outer, status);
}

static beam_status process_partition(bm_node *node, const bm_element *element)
{
    bm_par_do *p = (bm_par_do *)node;
    bm_mark mark = bm_scratch_mark(&node->plan->scratch);
    bm_node *outer = bm_enter(node);
    p->ctx.element = element;
    int n = (int)p->ctx.n_outputs - 1;
    int i = p->fn->partition(&p->ctx, element->value, n);
    beam_status status;
    if (bm_failed(node->plan))
        status = BEAM_EUSER;
    else if (i < 0 || i >= n)
        status = beam_fail(&p->ctx, BEAM_EINVAL,
                           "the partition function returned %d, but there are %d partitions",
                           i, n);
    else
        status = bm_emit(&p->ctx, (size_t)i + 1, element);
    return bm_par_do_after(p, mark, outer, status);
}

/* For DoFns with state or timers. */
static beam_status process_with_state(bm_node *node, const bm_element *element)
{
    bm_par_do *p = (bm_par_do *)node;
    bm_user_state_enter(p->ctx.state);
    return p->process_keyed(node, element);
}

static beam_status keep_sorted(bm_node *node, const bm_element *element)
{
    bm_par_do *p = (bm_par_do *)node;
    bm_user_state_enter(p->ctx.state);
    return bm_sorter_keep(p, element);
}

/* The window is to be over for this key even if its state is not looked at. */
static beam_status process_expiring(bm_node *node, const bm_element *element)
{
    bm_par_do *p = (bm_par_do *)node;
    bm_user_state_enter(p->ctx.state);
    p->ctx.element = element;
    if (!bm_user_state_row(p->ctx.state)) return node->plan->error.status;
    return p->process_keyed(node, element);
}

static __attribute__((noinline)) beam_status process_in_each(bm_par_do *p,
                                                             const bm_element *element)
{
    bm_arena *scratch = &p->node.plan->scratch;
    bm_mark mark = bm_scratch_mark(scratch);
    for (size_t i = 0; i < element->windows->n; i++) {
        bm_one_window one;
        bm_element in_window = *element;
        in_window.windows = bm_one_window_set(&one, &element->windows->at[i]);
        BEAM_TRY(p->process_one(&p->node, &in_window));
        bm_rewind(scratch, mark);
    }
    return BEAM_OK;
}

/* For DoFns that look at the window: one call per window. */
static beam_status process_each_window(bm_node *node, const bm_element *element)
{
    bm_par_do *p = (bm_par_do *)node;
    if (p->ctx.sides) bm_sides_tidy(p->ctx.sides);
    return BM_LIKELY(element->windows->n == 1) ? p->process_one(node, element)
                                               : process_in_each(p, element);
}

/* -- life ---------------------------------------------------------------------------------- */
static void expect_pushed(bm_process *process)
{
    if (*process == bm_par_do_process) *process = process_pushed;
}

beam_status bm_par_do_setup(bm_node *node)
{
    bm_par_do *p = (bm_par_do *)node;
    bool sorts = p->ctx.state && p->ctx.state->sorted;
    if (bm_is_source(p->input->pcoll->producer) && !sorts) {
        expect_pushed(&node->process);
        expect_pushed(&p->process_one);
        expect_pushed(&p->process_keyed);
    }
    if (!p->fn->setup) return BEAM_OK;
    beam_status status;
    p->ctx.may_emit = false;
    BM_CALLBACK(&p->ctx, "setup", &node->plan->arena, BM_TIME_START,
                status = bm_callback_ended(&p->ctx, p->fn->setup(&p->ctx)));
    return status;
}

beam_status bm_par_do_start(bm_node *node)
{
    bm_par_do *p = (bm_par_do *)node;
    p->ctx.may_emit = true;
    p->ctx.sink = p->ctx.latest ? NULL : bm_sink_behind(p->ctx.outputs[0].pcoll);
    bm_sides_start(p->ctx.sides);
    if (p->ctx.state) bm_user_state_start(p->ctx.state);
    if (p->ctx.timers) bm_timers_start(p->ctx.timers);
    if (!p->fn->start_bundle) return BEAM_OK;
    beam_status status;
    BM_CALLBACK(&p->ctx, "start_bundle", &node->plan->bundle, BM_TIME_START,
                status = bm_callback_ended(&p->ctx, p->fn->start_bundle(&p->ctx)));
    return status;
}

beam_status bm_par_do_finish(bm_node *node)
{
    bm_par_do *p = (bm_par_do *)node;
    if (p->calls) BEAM_TRY(bm_calls_settle(p->calls));
    bm_sides_end(p->ctx.sides);
    beam_status status = BEAM_OK;
    if (p->fn->finish_bundle)
        BM_CALLBACK(&p->ctx, "finish_bundle", &node->plan->bundle, BM_TIME_FINISH,
                    status = bm_callback_ended(&p->ctx, p->fn->finish_bundle(&p->ctx)));
    if (status == BEAM_OK && p->ctx.state) status = bm_user_state_finish(p->ctx.state);
    if (status == BEAM_OK && p->ctx.timers) status = bm_timers_finish(p->ctx.timers);
    return status;
}

static beam_status par_do_idle(bm_node *node)
{
    bm_par_do *p = (bm_par_do *)node;
    return p->calls ? bm_calls_settle(p->calls) : BEAM_OK;
}

static beam_status par_do_timers(bm_node *node, int port, beam_span data)
{
    return bm_timers_fire(((bm_par_do *)node)->ctx.timers, port, data);
}

static void par_do_free(bm_node *node)
{
    bm_par_do *p = (bm_par_do *)node;
    if (p->ctx.state) bm_user_state_free(p->ctx.state);
    if (p->ctx.timers) bm_timers_free(p->ctx.timers);
    bm_calls_free(p->calls);
    bm_catch_free(p->caught);
}

void bm_par_do_teardown(bm_node *node)
{
    bm_par_do *p = (bm_par_do *)node;
    p->ctx.may_emit = false;
    p->ctx.element = NULL;
    if (p->fn->teardown)
        BM_CALLBACK(&p->ctx, "teardown", &node->plan->arena, BM_TIME_FINISH,
                    p->fn->teardown(&p->ctx));
}

/* -- construction ----------------------------------------------------------------------------- */
static bm_process process_of(const beam_dofn *fn)
{
    return fn->process     ? bm_par_do_process
           : fn->map       ? process_map
           : fn->keep      ? process_keep
           : fn->timestamp ? process_timestamp
           : fn->partition ? process_partition
           : bm_makes_calls(fn) ? bm_calls_process
                                : NULL;
}

static bm_pcoll *output_tagged(const bm_transform *t, const char *tag)
{
    for (size_t i = 0; i < t->n_outputs; i++)
        if (strcmp(t->outputs[i].tag, tag) == 0) return t->outputs[i].pcoll;
    return NULL;
}

static bool is_extra(const beam_dofn *fn, const char *tag)
{
    for (size_t i = 0; i < fn->outputs.n; i++)
        if (strcmp(fn->outputs.at[i].tag, tag) == 0) return true;
    return false;
}

/* The main output is the one whose tag is not an extra output's; a runner may leave out
 * those that nobody reads. */
void bm_par_do_set_outputs(bm_par_do *p, const bm_transform *t)
{
    bm_arena *arena = &p->node.plan->arena;
    const beam_dofn *fn = p->fn;
    p->ctx.n_outputs = 1 + fn->outputs.n;
    p->ctx.outputs = BM_NEW_ARRAY(arena, bm_output, p->ctx.n_outputs);
    bm_output_init(&p->ctx.outputs[0], "main", NULL);
    for (size_t i = 0; i < t->n_outputs; i++)
        if (!is_extra(fn, t->outputs[i].tag) && strcmp(t->outputs[i].tag, BM_FAILURES_TAG))
            bm_output_init(&p->ctx.outputs[0], "main", t->outputs[i].pcoll);
    p->ctx.outputs[0].undeclared = !fn->out && !fn->keep && !fn->timestamp;
    for (size_t i = 0; i < fn->outputs.n; i++) {
        const char *tag = fn->outputs.at[i].tag;
        bm_output_init(&p->ctx.outputs[i + 1], tag, output_tagged(t, tag));
    }
}

/* Partition's outputs are tagged "0", "1", ...; the config holds how many there are. */
static beam_status set_partitions(bm_par_do *p, const bm_transform *t, beam_error *err)
{
    bm_arena *arena = &p->node.plan->arena;
    size_t n = 0;
    for (size_t i = 0; i < t->n_outputs; i++) {
        if (strcmp(t->outputs[i].tag, BM_FAILURES_TAG) == 0) continue;
        char *end;
        long k = strtol(t->outputs[i].tag, &end, 10);
        if (*end || end == t->outputs[i].tag || k < 0 || k > 1 << 20)
            return bm_error(err, BEAM_EINVAL, "Transform '%s': output '%s' of a partition is "
                            "not a number", t->name, t->outputs[i].tag);
        if ((size_t)k + 1 > n) n = (size_t)k + 1;
    }
    p->ctx.n_outputs = 1 + n;
    p->ctx.outputs = BM_NEW_ARRAY(arena, bm_output, p->ctx.n_outputs);
    for (size_t i = 0; i <= n; i++) {
        const char *tag = i ? bm_format(arena, "%zu", i - 1) : "main";
        bm_output_init(&p->ctx.outputs[i], tag, output_tagged(t, tag));
    }
    return BEAM_OK;
}

static beam_status find_fn(bm_par_do *p, const bm_plan *plan, const bm_transform *t,
                           beam_error *err)
{
    p->fn = bm_registry_dofn(plan->registry, t->fn.name);
    if (p->fn) return BEAM_OK;
    bm_arena texts;
    bm_arena_init(&texts, 0);
    beam_status status = bm_error(
        err, BEAM_EINVAL, "Transform '%s' needs DoFn '" BEAM_SPAN_FMT "', which this program "
        "does not have; add it to the program's table of DoFns. It has: %s",
        t->name, BEAM_SPAN_ARG(t->fn.name), bm_registry_names(&plan->registry->dofns, &texts));
    bm_arena_free(&texts);
    return status;
}

static const bm_node_ops par_do_ops = {
    .setup = bm_par_do_setup,
    .start = bm_par_do_start,
    .finish = bm_par_do_finish,
    .idle = par_do_idle,
    .timers = par_do_timers,
    .teardown = bm_par_do_teardown,
    .free = par_do_free,
};

static beam_status add_state(bm_par_do *p, const bm_transform *t, beam_error *err)
{
    const beam_dofn *fn = p->fn;
    bool has_timers =
        fn->timers.n || fn->on_window_expiration || fn->flags & BEAM_TIME_SORTED_INPUT;
    if (!fn->states.n && !has_timers) return BEAM_OK;
    p->ctx.observes_window = true;
    BEAM_TRY(bm_user_state_new(p, t, err));
    p->process_keyed = p->process_one;
    p->process_one = p->ctx.state->sorted      ? keep_sorted
                     : fn->on_window_expiration ? process_expiring
                                                : process_with_state;
    return has_timers ? bm_timers_new(p, t, err) : BEAM_OK;
}

beam_status bm_par_do_make(bm_plan *plan, const bm_transform *t, const bm_node_ops *ops,
                           size_t size, bm_par_do **out, beam_error *err)
{
    BEAM_TRY(bm_need_fn(t, BM_URN_DOFN, err));
    if (t->n_inputs != 1)
        return bm_error(err, BEAM_EINVAL, "Transform '%s' has %zu inputs, not one", t->name,
                        t->n_inputs);
    bm_par_do *p = *out = bm_node_make(plan, t, ops, size);
    BEAM_TRY(find_fn(p, plan, t, err));
    const beam_dofn *fn = p->fn;
    p->input = &t->inputs[0];
    p->node.what = bm_format(&plan->arena, "DoFn '%s'", fn->name);
    p->node.name_space = fn->name;
    p->node.ctx = &p->ctx;
    p->ctx = (beam_ctx){
        .node = &p->node,
        .arena = &plan->scratch,
        .self = fn->self_size ? bm_calloc(&plan->arena, fn->self_size) : NULL,
        .config = bm_span_copy(&plan->arena, t->fn.config),
        .input_coder = p->input->pcoll->coder,
        .finalizes = fn->flags & BEAM_FINALIZES,
        .observes_window = fn->flags & BEAM_OBSERVES_WINDOW || fn->sides.n,
    };
    p->node.phase = BM_TIME_PROCESS;
    return bm_sides_new(&p->node, fn, t, &p->ctx.sides, err);
}

beam_status bm_par_do_new(bm_plan *plan, const bm_transform *t, bm_node **out,
                          beam_error *err)
{
    /* Runners that know ParDo only run a combine of grouped values as one. */
    if (strcmp(t->fn_urn, BM_URN_COMBINE_FN) == 0)
        return bm_combine_grouped_new(plan, t, out, err);
    bm_par_do *p;
    BEAM_TRY(bm_par_do_make(plan, t, &par_do_ops, sizeof *p, &p, err));
    *out = &p->node;
    p->process_one = process_of(p->fn);
    if (!p->process_one)
        return bm_error(err, BEAM_EINVAL, "DoFn '%s' has no process, map, keep, timestamp, "
                        "partition, rpc or http function", p->fn->name);
    BEAM_TRY(add_state(p, t, err));
    p->node.process = p->ctx.observes_window ? process_each_window : p->process_one;
    if (p->fn->partition) BEAM_TRY(set_partitions(p, t, err));
    else bm_par_do_set_outputs(p, t);
    if (t->fn.attempts) bm_par_do_catch(p, t, t->fn.attempts);
    return bm_makes_calls(p->fn) ? bm_calls_new(p, t, err) : BEAM_OK;
}
