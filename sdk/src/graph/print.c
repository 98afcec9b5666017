/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline as indented text, a line per step:
 *     Name: Kind 'function' (inputs) -> TYPE, 'tag': TYPE
 * One thread, as its pipeline. */
#include "graph/build.h"

static void put(bm_writer *out, const char *text)
{
    bm_write_bytes(out, text, strlen(text));
}

static void put_kind(bm_writer *out, const bm_step *step, bm_arena *scratch)
{
    put(out, bm_step_kind_text(step->kind));
    const char *fn = step->dofn      ? step->dofn->name
                     : step->combine ? step->combine->name
                                     : NULL;
    if (fn) put(out, bm_format(scratch, " '%s'", fn));
    if (step->windowing)
        put(out,
            bm_format(scratch, " [%s]", bm_windowing_text(scratch, step->windowing)));
    const beam_external_opts *external = step->external;
    if (external)
        put(out, bm_format(scratch, " '%s'",
                           external->java_class ? external->java_class : external->urn));
}

static void put_inputs(bm_writer *out, const bm_step *step)
{
    for (size_t i = 0; i < step->n_inputs; i++) {
        put(out, i ? ", " : " (");
        put(out, bm_pcoll_name_for(step, step->inputs[i]));
    }
    if (step->n_inputs) put(out, ")");
}

static void put_outputs(bm_writer *out, const bm_step *step, bm_arena *scratch)
{
    for (size_t i = 0; i < step->n_outputs; i++) {
        const beam_pcoll *c = step->outputs[i];
        put(out, i ? ", " : " -> ");
        bool is_main = !strcmp(c->tag, BM_MAIN_TAG) || c->producer != step;
        if (!is_main) put(out, bm_format(scratch, "'%s': ", c->tag));
        put(out, bm_type_text(scratch, c->type));
        if (!c->bounded) put(out, " unbounded");
    }
}

static int depth_of(const bm_step *step)
{
    int depth = 0;
    while ((step = step->parent)) depth++;
    return depth;
}

void bm_graph_print(const beam_pipeline *p, bm_writer *out)
{
    bm_arena scratch;
    bm_arena_init(&scratch, 0);
    for (const bm_step *step = p->first; step; step = step->next) {
        bm_arena_reset(&scratch);
        for (int i = depth_of(step); i > 0; i--) put(out, "  ");
        put(out, step->name);
        put(out, ": ");
        put_kind(out, step, &scratch);
        put_inputs(out, step);
        put_outputs(out, step, &scratch);
        put(out, "\n");
    }
    bm_arena_free(&scratch);
}
