/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as data: an element that fails becomes a row of the failures output, and what it
 * had emitted is dropped. Bundle thread.
 *
 * What the DoFn emits goes to gates, nodes that keep copies until the element has succeeded.
 * So the failures of steps downstream, which run when the gates open, are not caught here.
 * What it does to state and timers is undone. What splittable DoFns emit goes with what they
 * claim, and that stands: their gates keep nothing, and only tell whose failure it is. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "beam/pipeline.h"
#include "exec/timers.h"

typedef struct gate {
    bm_node node;
    bm_pcoll inside; /* what the DoFn sends to; the gate is its only consumer */
    bm_node *consumer;
    bm_pcoll *real;
    struct bm_catch *owner;
} gate;

typedef struct kept {
    bm_element element;
    bm_pcoll *to;
} kept;

struct bm_catch {
    bm_par_do *par_do;
    bm_process process;
    const bm_coder *coder; /* of elements as rows have them */
    unsigned attempts;
    bm_pcoll *failures; /* NULL: nobody reads it */
    bm_arena arena;     /* of the element's copies */
    kept *kept;
    size_t n, cap;
    bool processing; /* an element */
    bool passes_on;  /* gates keep nothing */
    bool failed_below; /* a step downstream, by a gate that keeps nothing */
};

/* -- keeping what is emitted ---------------------------------------------------------------- */
static beam_status copy_value(const bm_pcoll *pcoll, bm_arena *arena, beam_value value,
                              beam_value *out)
{
    beam_status status = bm_value_copy(arena, value, out);
    if (status != BEAM_EUNSUPPORTED) return status;
    return bm_value_copy_as(pcoll->coder, arena, value, out); /* a struct in it */
}

static beam_status keep(bm_node *node, const bm_element *element)
{
    gate *g = (gate *)node;
    struct bm_catch *c = g->owner;
    if (c->passes_on || !c->processing) { /* or of start or finish_bundle */
        beam_status status = bm_send(g->real, element);
        c->failed_below |= status != BEAM_OK;
        return status;
    }
    if (c->n == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 16;
        c->kept = bm_xrealloc(c->kept, bm_times(c->cap, sizeof *c->kept));
    }
    bm_element around = *element;
    around.value = beam_null();
    kept *copy = &c->kept[c->n];
    beam_status status = bm_element_copy(&c->arena, &around, &copy->element);
    if (status == BEAM_OK)
        status = copy_value(g->real, &c->arena, element->value, &copy->element.value);
    if (status != BEAM_OK)
        return bm_fail(&c->par_do->node, status, "failed", "a value could not be copied");
    copy->to = g->real;
    c->n++;
    return BEAM_OK;
}

static beam_status open_gates(struct bm_catch *c)
{
    for (size_t i = 0; i < c->n; i++) BEAM_TRY(bm_send(c->kept[i].to, &c->kept[i].element));
    return BEAM_OK;
}

static void drop_kept(struct bm_catch *c)
{
    c->n = 0;
    bm_arena_reset(&c->arena);
}

/* -- the row of a failed element ---------------------------------------------------------------- */
static beam_value enclosing(bm_arena *arena, const char *name)
{
    size_t n = bm_name_depth(name);
    beam_value *names = BM_NEW_ARRAY(arena, beam_value, n);
    for (size_t i = 0; i < n; i++) names[i] = beam_string(bm_name_of_scope(name, i));
    return beam_list(names, n);
}

/* What failed, when it was not the element itself. */
static const char *why(const bm_plan *plan, bm_arena *arena, const char *timer)
{
    return timer ? bm_format(arena, "timer '%s': %s", timer, plan->reason)
                 : bm_strdup(arena, plan->reason);
}

void bm_catch_add_detail(struct bm_catch *c, const char *detail)
{
    bm_plan *plan = c->par_do->node.plan;
    size_t len = strlen(plan->reason);
    snprintf(plan->reason + len, sizeof plan->reason - len, "; %s", detail);
}

/* `timer` NULL: it is an element. Otherwise the element is a key without a value, and the key
 * stands for it. */
static beam_status send_failure(struct bm_catch *c, const bm_element *element, const char *timer,
                                unsigned attempts)
{
    const bm_node *node = &c->par_do->node;
    bm_plan *plan = node->plan;
    bm_arena *arena = &plan->scratch;
    bm_mark mark = bm_scratch_mark(arena);
    bm_writer bytes = { 0 };
    beam_value what = timer ? beam_key(element->value) : element->value;
    const bm_coder *coder = timer ? c->par_do->ctx.state->key_coder : c->coder;
    if (bm_encode(coder, false, what, &bytes) != BEAM_OK) bytes.len = 0;
    beam_value row[] = {
        beam_string(beam_span_of(node->name)),
        enclosing(arena, node->name),
        beam_bytes(bm_written(&bytes)),
        beam_string(beam_span_of(bm_value_text(arena, what, 500))),
        beam_string(beam_span_of(why(plan, arena, timer))),
        beam_int64(plan->error.status),
        beam_int64(attempts),
    };
    plan->error = (beam_error){ 0 };
    bm_element failed = *element;
    failed.value = beam_row(row, BEAM_COUNT(row));
    beam_status status = c->failures ? bm_send(c->failures, &failed) : BEAM_OK;
    bm_writer_free(&bytes);
    bm_rewind(arena, mark);
    return status;
}

/* Did the element fail, and not what it was read from or goes to? */
static bool is_its_fault(const struct bm_catch *c)
{
    const bm_plan *plan = c->par_do->node.plan;
    return bm_failed(plan) && !plan->lost_runner && plan->read_failed == BEAM_OK &&
           !c->failed_below;
}

static void begin_attempt(struct bm_catch *c)
{
    const beam_ctx *ctx = &c->par_do->ctx;
    c->processing = true;
    c->failed_below = false;
    if (ctx->state) bm_user_state_attempt(ctx->state);
    if (ctx->timers) bm_timers_attempt(ctx->timers);
}

static void keep_changes(struct bm_catch *c)
{
    const beam_ctx *ctx = &c->par_do->ctx;
    if (ctx->state) bm_user_state_keep(ctx->state);
    if (ctx->timers) bm_timers_keep(ctx->timers);
}

/* Leaves the failure as it was, unless undoing fails too. */
static beam_status undo_changes(struct bm_catch *c)
{
    const beam_ctx *ctx = &c->par_do->ctx;
    bm_plan *plan = c->par_do->node.plan;
    if (ctx->timers) bm_timers_undo(ctx->timers);
    if (!ctx->state) return BEAM_OK;
    const beam_error failed = plan->error;
    plan->error = (beam_error){ 0 };
    BEAM_TRY(bm_user_state_undo(ctx->state));
    plan->error = failed;
    return BEAM_OK;
}

static beam_status try_once(struct bm_catch *c, const bm_element *element, const char *timer,
                            unsigned attempt, bm_attempt run, void *self, bool *again)
{
    bm_plan *plan = c->par_do->node.plan;
    begin_attempt(c);
    beam_status status = run(self, element);
    c->processing = false;
    *again = false;
    if (!bm_failed(plan)) {
        keep_changes(c);
        status = open_gates(c);
    } else if (is_its_fault(c)) {
        status = undo_changes(c);
        *again = status == BEAM_OK && attempt < c->attempts;
        if (*again) plan->error = (beam_error){ 0 };
        else if (status == BEAM_OK) status = send_failure(c, element, timer, attempt);
    }
    drop_kept(c);
    return status;
}

typedef struct processing {
    bm_node *node;
    bm_process process;
} processing;

static beam_status run_process(void *self, const bm_element *element)
{
    const processing *p = self;
    return p->process(p->node, element);
}

beam_status bm_catch_try(struct bm_catch *c, const bm_element *element, unsigned attempt,
                         bm_process process, bool *again)
{
    processing p = { &c->par_do->node, process };
    return try_once(c, element, NULL, attempt, run_process, &p, again);
}

beam_status bm_catch_all(struct bm_catch *c, const bm_element *element, const char *timer,
                         bm_attempt run, void *self)
{
    beam_status status;
    bool again;
    unsigned attempt = 1;
    do status = try_once(c, element, timer, attempt++, run, self, &again);
    while (again);
    return status;
}

static beam_status process_caught(bm_node *node, const bm_element *element)
{
    struct bm_catch *c = ((bm_par_do *)node)->caught;
    processing p = { node, c->process };
    return bm_catch_all(c, element, NULL, run_process, &p);
}

beam_status bm_catch_failed(struct bm_catch *c, const bm_element *element, beam_status status)
{
    return is_its_fault(c) ? send_failure(c, element, NULL, 1) : status;
}

/* -- construction ------------------------------------------------------------------------------- */
static bm_pcoll *gate_before(struct bm_catch *c, bm_pcoll *real)
{
    bm_node *node = &c->par_do->node;
    gate *g = BM_NEW(&node->plan->arena, gate);
    g->node.process = keep;
    g->node.plan = node->plan;
    g->node.id = node->id;
    g->node.name = node->name;
    g->real = real;
    g->owner = c;
    g->consumer = &g->node;
    g->inside.id = real->id;
    g->inside.coder = real->coder;
    g->inside.producer = node;
    g->inside.consumers = &g->consumer;
    g->inside.n_consumers = 1;
    g->inside.next_sample = INT64_MAX;
    return &g->inside;
}

static struct bm_catch *new_catch(bm_par_do *p, const bm_transform *t, const bm_coder *coder,
                                  unsigned attempts)
{
    struct bm_catch *c = p->caught = BM_NEW(&p->node.plan->arena, struct bm_catch);
    c->par_do = p;
    c->coder = coder;
    c->attempts = attempts;
    bm_arena_init(&c->arena, 0);
    for (size_t i = 0; i < t->n_outputs; i++)
        if (strcmp(t->outputs[i].tag, BM_FAILURES_TAG) == 0) c->failures = t->outputs[i].pcoll;
    return c;
}

static void close_gates(struct bm_catch *c)
{
    beam_ctx *ctx = &c->par_do->ctx;
    for (size_t i = 0; i < ctx->n_outputs; i++) {
        bm_output *output = &ctx->outputs[i];
        if (output->pcoll) output->pcoll = gate_before(c, output->pcoll);
    }
}

void bm_sdf_catch(bm_par_do *p, const bm_transform *t, const bm_coder *element_coder)
{
    struct bm_catch *c = new_catch(p, t, element_coder, 1);
    c->passes_on = true;
    close_gates(c);
}

void bm_par_do_catch(bm_par_do *p, const bm_transform *t, unsigned attempts)
{
    struct bm_catch *c = new_catch(p, t, p->ctx.input_coder, attempts);
    close_gates(c);
    if (bm_makes_calls(p->fn)) return; /* calls.c does what follows */
    bm_process *process = p->ctx.state ? &p->process_keyed : &p->node.process;
    c->process = *process;
    *process = process_caught;
    if (p->ctx.state) bm_user_state_can_undo(p->ctx.state);
}

void bm_catch_free(struct bm_catch *caught)
{
    if (!caught) return;
    bm_arena_free(&caught->arena);
    free(caught->kept);
}
