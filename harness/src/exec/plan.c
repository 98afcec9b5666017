/* SPDX-License-Identifier: Apache-2.0 */
/* A plan's life: bundles run through its nodes, upstream first. Bundle thread. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "exec/node.h"

enum { KEPT_BYTES = 1 << 20 }; /* of memory for the next bundle, in each buffer */

/* -- nodes ---------------------------------------------------------------------------- */
void *bm_node_make(bm_plan *plan, const bm_transform *t, const bm_node_ops *ops, size_t size)
{
    bm_node *node = bm_calloc(&plan->arena, size);
    node->process = ops->process;
    node->ops = ops;
    node->plan = plan;
    node->id = t->id;
    node->name = t->name;
    return node;
}

bm_pcoll *bm_only_output(const bm_transform *t)
{
    return t->n_outputs ? t->outputs[0].pcoll : NULL;
}

beam_status bm_need_fn(const bm_transform *t, const char *fn_urn, beam_error *err)
{
    if (t->unsupported)
        return bm_error(err, BEAM_EUNSUPPORTED, "Transform '%s' uses %s, which this worker "
                        "does not support yet", t->name, t->unsupported);
    if (strcmp(t->fn_urn, fn_urn) == 0) return BEAM_OK;
    return bm_error(err, BEAM_EUNSUPPORTED,
                    "Transform '%s' holds a function of kind '%s', but this worker runs '%s'; "
                    "was it sent to the wrong SDK's worker?", t->name, t->fn_urn, fn_urn);
}

beam_status bm_send_to_all(bm_pcoll *pcoll, const bm_element *element)
{
    for (size_t i = 0; i < pcoll->n_consumers; i++) {
        bm_node *next = pcoll->consumers[i];
        BEAM_TRY(next->process(next, element));
    }
    return BEAM_OK;
}

/* -- failing -------------------------------------------------------------------------- */
static beam_status fail(bm_node *node, beam_status status, const char *doing,
                        const char *format, va_list args)
{
    bm_plan *plan = node->plan;
    if (bm_failed(plan)) return plan->error.status;
    char reason[sizeof plan->error.message / 2];
    vsnprintf(reason, sizeof reason, format, args);
    if (status == BEAM_OK) status = BEAM_EUSER;
    snprintf(plan->reason, sizeof plan->reason, "%s", reason);
    plan->culprit = node;
    return bm_error(&plan->error, status, "Transform '%.200s'%s%.150s%s %s: %s", node->name,
                    node->what ? " (" : "", node->what ? node->what : "",
                    node->what ? ")" : "", doing, reason);
}

beam_status bm_fail(bm_node *node, beam_status status, const char *doing, const char *format,
                    ...)
{
    va_list args;
    va_start(args, format);
    status = fail(node, status, doing, format, args);
    va_end(args);
    return status;
}

beam_status bm_fail_on(bm_node *node, beam_status status, const bm_element *element,
                       const char *format, ...)
{
    if (bm_failed(node->plan)) return node->plan->error.status;
    bm_arena texts;
    bm_arena_init(&texts, 0);
    const char *doing = bm_format(&texts, "failed on element %s",
                                  bm_value_text(&texts, element->value, 200));
    va_list args;
    va_start(args, format);
    status = fail(node, status, doing, format, args);
    va_end(args);
    bm_arena_free(&texts);
    bm_sample_failure(node, element);
    return status;
}

/* No transform is to blame. */
static beam_status fail_plan(bm_plan *plan, beam_status status, const char *format, ...)
    BEAM_PRINTF(3, 4);
static beam_status fail_plan(bm_plan *plan, beam_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bm_verror(&plan->error, status, format, args);
    va_end(args);
    plan->culprit = NULL;
    return status;
}

const char *bm_plan_blame(const bm_plan *plan, bm_arena *arena, const char **trace)
{
    const bm_node *node = bm_failed(plan) ? plan->culprit : NULL;
    *trace = NULL;
    if (!node) return NULL;
    *trace = "";
    for (size_t i = 0; i < bm_name_depth(node->name); i++) {
        beam_span scope = bm_name_of_scope(node->name, i);
        *trace = bm_format(arena, "%s%.*s\n", *trace, (int)scope.len, scope.ptr);
    }
    *trace = bm_format(arena, "%s%s", *trace, node->name);
    return node->id;
}

beam_status bm_fail_type(bm_node *node, const bm_pcoll *pcoll, const char *tag,
                         const bm_coder *coder, beam_value value)
{
    if (bm_failed(node->plan)) return node->plan->error.status;
    bm_arena texts;
    bm_arena_init(&texts, 0);
    bm_node *producer = pcoll && pcoll->producer ? pcoll->producer : node;
    beam_status status =
        bm_fail(producer, BEAM_ETYPE, "emitted a value of the wrong type",
                "%s, value %s, to output '%s', which takes %s%s",
                bm_value_type_text(&texts, value), bm_value_text(&texts, value, 100),
                tag ? tag : pcoll ? pcoll->id : "main", bm_coder_text(&texts, coder),
                bm_refused_text(&texts, coder, value));
    bm_arena_free(&texts);
    return status;
}

/* -- state-backed iterables -------------------------------------------------------------- */
/* bm_pager.page: the rest of a GroupByKey's values, from StateKey.Runner. */
static beam_status next_page(void *self, beam_span state_token, beam_span continuation_token,
                             bm_writer *page, bm_writer *next_token)
{
    bm_plan *plan = self;
    if (bm_failed(plan)) return plan->error.status;
    bm_state_key key = { .kind = BM_STATE_RUNNER, .key = state_token };
    beam_error err = { 0 };
    beam_status status = plan->io->state_get(plan->io->self, &key, continuation_token, page,
                                             next_token, &err);
    if (status == BEAM_OK) return BEAM_OK;
    plan->lost_runner = true;
    bm_node *node = atomic_load_explicit(&plan->current, memory_order_relaxed);
    return bm_fail(node ? node : plan->nodes[0], status, "could not read more of an iterable",
                   "%s", err.message);
}

/* -- bundles ---------------------------------------------------------------------------- */
static beam_status set_up(bm_plan *plan)
{
    for (size_t i = 0; i < plan->n_nodes; i++) {
        bm_node *node = plan->nodes[i];
        node->set_up = true; /* teardown comes after a setup that fails, too */
        if (node->ops->setup) BEAM_TRY(node->ops->setup(node));
    }
    return BEAM_OK;
}

static beam_status start(bm_plan *plan)
{
    for (size_t i = 0; i < plan->n_nodes; i++)
        if (plan->nodes[i]->ops->start)
            BEAM_TRY(plan->nodes[i]->ops->start(plan->nodes[i]));
    return BEAM_OK;
}

static void set_splittable(bm_plan *plan, bool splittable)
{
    pthread_mutex_lock(&plan->split_lock);
    plan->splittable = splittable;
    pthread_mutex_unlock(&plan->split_lock);
}

static beam_status read_segment(bm_plan *plan, bm_segment *segment)
{
    beam_error err = { 0 };
    beam_status status = plan->io->read(plan->io->self, segment, &err);
    if (status != BEAM_OK) {
        if (!bm_failed(plan))
            fail_plan(plan, status, "Could not read the bundle's input: %s", err.message);
        return plan->error.status;
    }
    if (segment->timer_family || segment->source < (int)plan->n_sources) return BEAM_OK;
    return fail_plan(plan, BEAM_EINVAL, "Input came for port %d, but there are %zu",
                     segment->source, plan->n_sources);
}

/* Encoded timers, to the node that has declared their family. */
static beam_status timer_segment(bm_plan *plan, const bm_segment *segment)
{
    bool known = segment->timer_port >= 0 && (size_t)segment->timer_port < plan->n_timers;
    bm_node *node = known ? plan->timer_nodes[segment->timer_port] : NULL;
    if (node && node->ops->timers)
        return node->ops->timers(node, segment->timer_port, segment->data);
    return fail_plan(plan, BEAM_EINVAL, "Transform '%s' got timers of family '%s', "
                     "which it does not have", segment->transform_id,
                     segment->timer_family);
}

static beam_status hand_over(bm_plan *plan)
{
    for (size_t i = 0; i < plan->n_nodes; i++)
        if (plan->nodes[i]->ops->idle)
            BEAM_TRY(plan->nodes[i]->ops->idle(plan->nodes[i]));
    return BEAM_OK;
}

static beam_status read_sources(bm_plan *plan)
{
    for (bm_segment segment;;) {
        segment = (bm_segment){ 0 };
        BEAM_TRY(read_segment(plan, &segment));
        if (segment.idle) {
            BEAM_TRY(hand_over(plan));
            continue;
        }
        if (segment.timer_family) {
            BEAM_TRY(timer_segment(plan, &segment));
            continue;
        }
        if (segment.source < 0) break;
        BEAM_TRY(bm_source_segment(plan->source_nodes[segment.source], segment.data));
    }
    for (size_t i = 0; i < plan->n_sources; i++)
        BEAM_TRY(bm_source_end(plan->source_nodes[i]));
    return BEAM_OK;
}

static beam_status finish(bm_plan *plan)
{
    for (size_t i = 0; i < plan->n_nodes; i++)
        if (plan->nodes[i]->ops->finish)
            BEAM_TRY(plan->nodes[i]->ops->finish(plan->nodes[i]));
    return BEAM_OK;
}

static beam_status run(bm_plan *plan)
{
    if (plan->state == BM_PLAN_NEW) BEAM_TRY(set_up(plan));
    plan->state = BM_PLAN_RUNNING;
    BEAM_TRY(start(plan));
    set_splittable(plan, true);
    beam_status status = read_sources(plan);
    set_splittable(plan, false);
    return status == BEAM_OK ? finish(plan) : status;
}

beam_status bm_plan_run(bm_plan *plan, const char *instruction_id, const bm_bundle_io *io,
                        beam_error *err)
{
    if (plan->state == BM_PLAN_BROKEN)
        return bm_error(err, BEAM_ESTATE, "This plan failed in an earlier bundle (%s) and "
                        "cannot run again", plan->error.message);
    plan->io = io;
    plan->instruction_id = instruction_id;
    plan->passing.source = -1;
    bm_plan_reset_metrics(plan);
    bm_results_reset(&plan->results);

    bm_misread_listener outer =
        bm_misread_listen((bm_misread_listener){ bm_tell_misread, plan });
    beam_status status = run(plan);
    bm_misread_listen(outer);
    /* A callback may have ignored the failure of what it called. */
    if (bm_failed(plan)) status = plan->error.status;
    plan->state = status == BEAM_OK ? BM_PLAN_READY : BM_PLAN_BROKEN;
    if (status != BEAM_OK) {
        bm_results_reset(&plan->results);
        bm_error(err, status, "%s", plan->error.message);
    }
    atomic_store_explicit(&plan->current, NULL, memory_order_relaxed);
    bm_arena_shrink(&plan->scratch, KEPT_BYTES);
    bm_arena_shrink(&plan->bundle, KEPT_BYTES);
    bm_writer_shrink(&plan->sizing, KEPT_BYTES);
    return status;
}

/* -- the plan itself ------------------------------------------------------------------------ */
bm_plan *bm_plan_make(const bm_registry *registry, const bm_log *log)
{
    bm_plan *plan = bm_xcalloc(1, sizeof *plan);
    bm_arena_init(&plan->arena, 0);
    bm_arena_init(&plan->scratch, 0);
    bm_arena_init(&plan->bundle, 0);
    bm_results_init(&plan->results);
    plan->registry = registry;
    plan->log = log;
    plan->state_url = plan->timer_url = "";
    plan->passing.source = -1;
    plan->pager = (bm_pager){ plan, next_page };
    plan->decoding = (bm_decoding){ &plan->scratch, &plan->pager, &plan->read_failed };
    pthread_mutex_init(&plan->split_lock, NULL);
    return plan;
}

void bm_plan_free(bm_plan *plan)
{
    if (!plan) return;
    plan->instruction_id = NULL;
    for (size_t i = plan->n_nodes; i-- > 0;) {
        bm_node *node = plan->nodes[i];
        if (node->set_up && node->ops->teardown) node->ops->teardown(node);
    }
    for (size_t i = 0; i < plan->n_nodes; i++) {
        bm_cells_free(&plan->nodes[i]->cells);
        if (plan->nodes[i]->ops->free) plan->nodes[i]->ops->free(plan->nodes[i]);
    }
    pthread_mutex_destroy(&plan->split_lock);
    bm_writer_free(&plan->sizing);
    bm_results_free(&plan->results);
    bm_arena_free(&plan->bundle);
    bm_arena_free(&plan->scratch);
    bm_arena_free(&plan->arena);
    free(plan);
}

const bm_port *bm_plan_sources(const bm_plan *plan, size_t *n)
{
    *n = plan->n_sources;
    return plan->sources;
}

void bm_plan_hand_over_at(bm_plan *plan, size_t bytes)
{
    plan->hand_over_bytes = bytes;
}

const bm_port *bm_plan_sinks(const bm_plan *plan, size_t *n)
{
    *n = plan->n_sinks;
    return plan->sinks;
}

int bm_plan_add_timers(bm_plan *plan, bm_node *node, const char *family)
{
    if (plan->n_timers == plan->cap_timers) {
        size_t cap = plan->cap_timers ? plan->cap_timers * 2 : 4;
        bm_timer_port *timers = BM_NEW_ARRAY(&plan->arena, bm_timer_port, cap);
        bm_node **nodes = BM_NEW_ARRAY(&plan->arena, bm_node *, cap);
        for (size_t i = 0; i < plan->n_timers; i++) {
            timers[i] = plan->timers[i];
            nodes[i] = plan->timer_nodes[i];
        }
        plan->timers = timers;
        plan->timer_nodes = nodes;
        plan->cap_timers = cap;
    }
    plan->timers[plan->n_timers] = (bm_timer_port){ node->id, family, plan->timer_url };
    plan->timer_nodes[plan->n_timers] = node;
    return (int)plan->n_timers++;
}

const bm_timer_port *bm_plan_timers(const bm_plan *plan, size_t *n)
{
    *n = plan->n_timers;
    return plan->timers;
}

const char *bm_plan_state_url(const bm_plan *plan)
{
    return plan->state_url;
}
