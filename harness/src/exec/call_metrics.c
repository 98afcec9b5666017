/* SPDX-License-Identifier: Apache-2.0 */
/* Cells of a node: one for each method and outcome, and one for the times of each method. All
 * of them are made by the first call that needs them. */
#include "exec/call_metrics.h"

#include "exec/metric_sets.h"

/* Methods, and outcomes of one; what comes after these is "other". */
enum { MOST = 24 };

typedef struct outcome {
    struct outcome *next;
    bm_cell *calls;
} outcome;

typedef struct method {
    struct method *next;
    bm_call_names names;
    bm_cell *ms;
    outcome *outcomes;
    size_t n;
} method;

struct bm_call_metrics {
    bm_node *node;
    const char *service, *resource;
    method *methods;
    size_t n;
};

bm_call_metrics *bm_call_metrics_new(bm_node *node, const char *service,
                                     const char *resource)
{
    bm_call_metrics *m = BM_NEW(&node->plan->arena, bm_call_metrics);
    *m = (bm_call_metrics){ .node = node, .service = service, .resource = resource };
    return m;
}

static bm_cell *new_cell(bm_node *node, bm_cell_kind kind, const char *name,
                         const bm_call_names *names)
{
    bm_plan *plan = node->plan;
    return bm_cells_add_call(&node->cells, kind, name, names, &plan->arena,
                             &plan->next_index);
}

static method *find_method(bm_call_metrics *m, const char *name)
{
    method *at = m->methods;
    while (at && strcmp(at->names.method, name) != 0) at = at->next;
    return at;
}

static method *add_method(bm_call_metrics *m, const char *name)
{
    bm_arena *arena = &m->node->plan->arena;
    method *new = BM_NEW(arena, method);
    new->names = (bm_call_names){ m->service, bm_strdup(arena, name), m->resource };
    new->ms = new_cell(m->node, BM_CELL_CALL_MS, "", &new->names);
    new->next = m->methods;
    m->n++;
    return m->methods = new;
}

static method *method_of(bm_call_metrics *m, const char *name)
{
    method *found = find_method(m, name);
    if (found || m->n < MOST) return found ? found : add_method(m, name);
    found = find_method(m, "other");
    return found ? found : add_method(m, "other");
}

static outcome *find_outcome(const method *of, const char *name)
{
    outcome *at = of->outcomes;
    while (at && strcmp(at->calls->name, name) != 0) at = at->next;
    return at;
}

static outcome *add_outcome(bm_call_metrics *m, method *of, const char *name)
{
    outcome *new = BM_NEW(&m->node->plan->arena, outcome);
    new->calls = new_cell(m->node, BM_CELL_CALLS, name, &of->names);
    new->next = of->outcomes;
    of->n++;
    return of->outcomes = new;
}

static outcome *outcome_of(bm_call_metrics *m, method *of, const char *name)
{
    outcome *found = find_outcome(of, name);
    if (found || of->n < MOST) return found ? found : add_outcome(m, of, name);
    found = find_outcome(of, "other");
    return found ? found : add_outcome(m, of, "other");
}

void bm_call_metrics_add(bm_call_metrics *m, const char *name, const char *result,
                         int64_t ms)
{
    method *of = method_of(m, name);
    bm_metric_set_add_value(of->ms->set, ms);
    bm_count_add(&outcome_of(m, of, result)->calls->value.sum, 1);
}
