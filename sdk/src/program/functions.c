/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of a pipeline. */
#include "program/functions.h"

#include <string.h>

#include "fns/builtin.h"

typedef struct found {
    bm_arena *arena;
    const void **at;
    size_t n, cap;
} found;

static void add(found *f, const void *function)
{
    if (!function) return;
    for (size_t i = 0; i < f->n; i++)
        if (f->at[i] == function) return;
    if (f->n == f->cap) {
        size_t cap = f->cap ? 2 * f->cap : 16;
        const void **grown = BM_NEW_ARRAY(f->arena, const void *, cap);
        if (f->n) memcpy(grown, f->at, f->n * sizeof *grown);
        f->at = grown;
        f->cap = cap;
    }
    f->at[f->n++] = function;
}

/* Also a copy of one, which a step makes to give it the types of its values. */
static bool is_built_in(const beam_combine *fn)
{
    for (size_t i = 0; i < bm_builtin_combines_count; i++)
        if (bm_builtin_combines[i]->add == fn->add &&
            !strcmp(bm_builtin_combines[i]->name, fn->name))
            return true;
    return false;
}

static void add_step(found *dofns, found *combines, found *window_fns,
                     const bm_step *step)
{
    add(dofns, step->dofn);
    if (step->combine && !is_built_in(step->combine)) add(combines, step->combine);
    if (step->windowing) add(window_fns, step->windowing->opts.fn.custom);
}

beam_functions bm_pipeline_functions(const beam_pipeline *p, bm_arena *arena)
{
    found dofns = { .arena = arena }, combines = dofns, window_fns = dofns;
    for (const bm_step *step = p->first; step; step = step->next)
        add_step(&dofns, &combines, &window_fns, step);
    return (beam_functions){
        .dofns = { (const void *)dofns.at, dofns.n },
        .combines = { (const void *)combines.at, combines.n },
        .window_fns = { (const void *)window_fns.at, window_fns.n },
    };
}
