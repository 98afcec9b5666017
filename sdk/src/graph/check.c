/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline as a whole: last checks, and what composites read and give. One thread. */
#include "graph/build.h"

beam_status bm_graph_settle(beam_pipeline *p)
{
    for (bm_step *step = p->first; step && !beam_pipeline_error(p); step = step->next) {
        if (step->kind == BM_STEP_GROUP_BY_KEY) bm_step_can_group(step, step->inputs[0]);
        if (step->kind == BM_STEP_PAR_DO) bm_sides_can_end(step);
        if (step->kind == BM_STEP_EXTERNAL || step->kind == BM_STEP_IMPULSE ||
            step->first_child)
            continue;
        bool bounded = bm_dofn_is_bounded(step->dofn);
        /* Side inputs make no difference. */
        size_t n = step->kind == BM_STEP_PAR_DO ? 1 : step->n_inputs;
        for (size_t i = 0; i < n; i++)
            bounded = bounded && step->inputs[i]->bounded;
        for (size_t i = 0; i < step->n_outputs; i++) step->outputs[i]->bounded = bounded;
    }
    return p->error.status;
}

bool bm_graph_is_bounded(const beam_pipeline *p)
{
    for (const bm_step *step = p->first; step; step = step->next)
        for (size_t i = 0; i < step->n_outputs; i++)
            if (!step->outputs[i]->bounded) return false;
    return true;
}

/* -- composites without children ------------------------------------------------------ */
static bool is_empty(const bm_step *step)
{
    return step->is_scope && !step->first_child;
}

static void drop_empty_children(bm_step *parent)
{
    bm_step **link = &parent->first_child;
    parent->last_child = NULL;
    for (bm_step *child = *link; child; child = child->next_sibling) {
        if (is_empty(child)) continue;
        *link = child;
        link = &child->next_sibling;
        parent->last_child = child;
    }
    *link = NULL;
}

/* Scopes inside come after the one they are in, so the last ones are looked at first. */
static void drop_empty_scopes(beam_pipeline *p)
{
    bm_step **steps = BM_NEW_ARRAY(&p->arena, bm_step *, (size_t)p->n_steps);
    size_t n = 0;
    for (bm_step *step = p->first; step; step = step->next) steps[n++] = step;
    for (size_t i = n; i-- > 0;)
        if (steps[i]->is_scope) drop_empty_children(steps[i]);

    p->first = p->last = NULL;
    for (size_t i = 0; i < n; i++) {
        if (is_empty(steps[i])) continue;
        if (p->last)
            p->last->next = steps[i];
        else
            p->first = steps[i];
        p->last = steps[i];
    }
    if (p->last) p->last->next = NULL;
}

/* -- what composites read and give ---------------------------------------------------- */
typedef struct port_key {
    int step, pcoll, is_output;
} port_key;

static bool is_within(const bm_step *step, const bm_step *composite)
{
    for (; step; step = step->parent)
        if (step == composite) return true;
    return false;
}

/* Only scopes: the composites made here have their outputs from the start. */
static void add_port(bm_map *known, bm_step *scope, beam_pcoll *c, bool is_output)
{
    port_key key = { scope->id, c->id, is_output };
    bool is_new;
    void **slot = bm_map_slot(known, (beam_span){ (const char *)&key, sizeof key },
                              &is_new);
    if (!is_new) return;
    *slot = c;
    bm_arena *arena = known->arena;
    known->entries[known->n - 1].key =
        bm_span_copy(arena, (beam_span){ (const char *)&key, sizeof key });
    if (is_output) {
        bm_step_share(scope, c);
        return;
    }
    const char *tag = scope->n_inputs ? bm_format(arena, "in%zu", scope->n_inputs)
                                      : BM_INPUT_TAG;
    bm_step_input(scope, tag, c);
}

static void add_ports_of(bm_map *known, bm_step *reader, beam_pcoll *c)
{
    for (bm_step *s = reader->parent; s && !is_within(c->producer, s); s = s->parent)
        if (s->is_scope) add_port(known, s, c, false);
    for (bm_step *s = c->producer->parent; s && !is_within(reader, s); s = s->parent)
        if (s->is_scope) add_port(known, s, c, true);
}

static void find_ports(beam_pipeline *p)
{
    bm_map known;
    bm_map_init(&known, &p->arena);
    for (bm_step *step = p->first; step; step = step->next)
        if (step->is_scope) step->n_inputs = step->n_outputs = 0;
    for (bm_step *step = p->first; step; step = step->next)
        for (size_t i = 0; !step->is_scope && i < step->n_inputs; i++)
            add_ports_of(&known, step, step->inputs[i]);
}

/* All other composites are made at once. */
static const bm_step *open_test_stream(const beam_pipeline *p)
{
    const bm_step *step = p->first;
    while (step && (step->kind != BM_STEP_COMPOSITE || step->is_scope || step->first_child))
        step = step->next;
    return step;
}

beam_status bm_graph_check(beam_pipeline *p)
{
    if (p->error.status != BEAM_OK) return p->error.status;
    if (p->scope) {
        beam_pipeline_fail(p, BEAM_ESTATE,
                           "scope '%s' is still open: call beam_scope_end()",
                           p->scope->unique_name);
        return p->error.status;
    }
    if (p->failures_name) {
        beam_pipeline_fail(p, BEAM_ESTATE,
                           "beam_failures_begin('%s') is still open: call "
                           "beam_failures_end()",
                           p->failures_name);
        return p->error.status;
    }
    const bm_step *stream = open_test_stream(p);
    if (stream) {
        beam_pipeline_fail(p, BEAM_ESTATE,
                           "TestStream '%s' has no end: call beam_test_stream_end()",
                           stream->unique_name);
        return p->error.status;
    }
    BEAM_TRY(bm_graph_settle(p));
    drop_empty_scopes(p);
    if (!p->first)
        beam_pipeline_fail(p, BEAM_EINVAL, "the pipeline has no steps: nothing to run");
    else
        find_ports(p);
    return p->error.status;
}
