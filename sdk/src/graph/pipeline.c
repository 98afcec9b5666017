/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline itself: its memory, its first error, its scopes. One thread. */
#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "graph/build.h"

const bm_windowing bm_default_windowing = { .opts = {
                                                .fn = { .kind = BEAM_WINDOW_GLOBAL } } };

/* Stands for a collection that is not any pipeline's; never written to. */
static const beam_pcoll orphan = { .type = BEAM_ANY };

/* A step whose only input is NULL belongs to no pipeline, and would be lost without a word from
 * the program. It is a failure of the pipeline that the thread builds. */
static _Thread_local beam_pipeline *latest;

beam_pipeline *beam_pipeline_new(void)
{
    beam_pipeline *p = bm_xcalloc(1, sizeof *p);
    bm_arena_init(&p->arena, 16 * 1024);
    bm_map_init(&p->unique_names, &p->arena);
    bm_map_init(&p->claims, &p->arena);
    p->nil = BM_NEW(&p->arena, beam_pcoll);
    *p->nil = (beam_pcoll){
        .pipeline = p, .type = BEAM_ANY, .windowing = &bm_default_windowing, .id = -1
    };
    latest = p;
    return p;
}

void beam_pipeline_free(beam_pipeline *p)
{
    if (!p) return;
    if (latest == p) latest = NULL;
    bm_arena_free(&p->arena);
    free(p);
}

const beam_error *beam_pipeline_error(const beam_pipeline *p)
{
    return p && p->error.status != BEAM_OK ? &p->error : NULL;
}

void beam_pipeline_fail(beam_pipeline *p, beam_status status, const char *format, ...)
{
    if (!p || p->error.status != BEAM_OK) return;
    va_list args;
    va_start(args, format);
    bm_verror(&p->error, status != BEAM_OK ? status : BEAM_EINVAL, format, args);
    va_end(args);
}

void beam_pipeline_experiment(beam_pipeline *p, const char *experiment)
{
    if (!p || !experiment || p->error.status != BEAM_OK) return;
    for (size_t i = 0; i < p->n_experiments; i++)
        if (!strcmp(p->experiments[i], experiment)) return;
    if (p->n_experiments == BEAM_COUNT(p->experiments)) {
        beam_pipeline_fail(p, BEAM_EINVAL,
                           "experiment '%s' is one too many: a pipeline takes %zu",
                           experiment, BEAM_COUNT(p->experiments));
        return;
    }
    p->experiments[p->n_experiments++] = bm_strdup(&p->arena, experiment);
}

void beam_pipeline_resource_hint(beam_pipeline *p, const char *hint)
{
    if (!p || !hint || p->error.status != BEAM_OK) return;
    bm_resource_hint_take(&p->arena, hint, "beam_pipeline_resource_hint()", &p->hints,
                          &p->error);
}

void bm_step_fail(const bm_step *step, beam_status status, const char *format, ...)
{
    beam_pipeline *p = step->pipeline;
    va_list args;
    va_start(args, format);
    char *text = bm_vformat(&p->arena, format, args);
    va_end(args);
    beam_pipeline_fail(p, status, "%s: %s", step->unique_name, text);
}

beam_pipeline *beam_pcoll_pipeline(const beam_pcoll *c)
{
    return c ? c->pipeline : NULL;
}

const beam_type *beam_pcoll_type(const beam_pcoll *c)
{
    return c ? c->type : BEAM_ANY;
}

const char *beam_pipeline_format(beam_pipeline *p, const char *format, ...)
{
    if (!p) return "";
    va_list args;
    va_start(args, format);
    char *text = bm_vformat(&p->arena, format, args);
    va_end(args);
    return text;
}

beam_pcoll *bm_nil(const beam_pipeline *p)
{
    return p ? p->nil : (beam_pcoll *)(uintptr_t)&orphan;
}

beam_pcoll *bm_nil_of(const beam_pcoll *c)
{
    return bm_nil(beam_pcoll_pipeline(c));
}

bool bm_pipeline_is_open(const beam_pipeline *p, const char *step_name)
{
    if (p) return p->error.status == BEAM_OK;
    const char *name = step_name ? step_name : "(no name)";
    if (latest)
        beam_pipeline_fail(latest, BEAM_EINVAL,
                           "%s: its pipeline or input collection is NULL: pass what another "
                           "step has returned", name);
    else
        bm_log_write(&bm_log_stderr, BEAM_LOG_ERROR,
                     "%s: the pipeline or input collection is NULL: this step is in no "
                     "pipeline and will not run", name);
    return false;
}

void beam_scope_begin(beam_pipeline *p, const char *name)
{
    if (!bm_pipeline_is_open(p, name)) return;
    bm_step *scope = bm_step_new(p, BM_STEP_COMPOSITE, name);
    if (!scope) return;
    scope->is_scope = true;
    p->scope = scope;
}

void beam_scope_end(beam_pipeline *p)
{
    if (!bm_pipeline_is_open(p, "beam_scope_end()")) return;
    if (!p->scope) {
        beam_pipeline_fail(p, BEAM_ESTATE,
                           "beam_scope_end() without an open scope: each needs a "
                           "beam_scope_begin() before it");
        return;
    }
    p->scope = p->scope->parent;
}

void beam_scope_claim(beam_pipeline *p, const char *what)
{
    if (!bm_pipeline_is_open(p, "beam_scope_claim()")) return;
    if (!p->scope) {
        beam_pipeline_fail(p, BEAM_ESTATE,
                           "beam_scope_claim() without an open scope: each needs a "
                           "beam_scope_begin() before it");
        return;
    }
    const bm_step *first = bm_map_get(&p->claims, beam_span_of(what));
    if (!first)
        bm_map_put_copy(&p->claims, beam_span_of(what), p->scope);
    else if (first != p->scope)
        bm_step_fail(p->scope, BEAM_EINVAL, "%s is that of '%s' already: choose another",
                     what, first->unique_name);
}
