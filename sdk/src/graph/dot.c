/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline as a Graphviz digraph: a node per step that runs, a cluster per composite,
 * an edge per collection with its type. One thread, as its pipeline. */
#include "graph/build.h"

static void put(bm_writer *out, const char *text)
{
    bm_write_bytes(out, text, strlen(text));
}

/* A quoted string of the dot language. */
static void put_quoted(bm_writer *out, const char *text)
{
    put(out, "\"");
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') put(out, "\\");
        if (*text == '\n')
            put(out, "\\n");
        else
            bm_write_bytes(out, text, 1);
    }
    put(out, "\"");
}

static void indent(bm_writer *out, int depth)
{
    while (depth-- > 0) put(out, "  ");
}

static void put_node(bm_writer *out, const bm_step *step, int depth, bm_arena *scratch)
{
    const char *fn = step->dofn      ? step->dofn->name
                     : step->combine ? step->combine->name
                                     : "";
    const char *window = step->windowing ? bm_windowing_text(scratch, step->windowing)
                                         : "";
    indent(out, depth);
    put(out, bm_format(scratch, "s%d [label=", step->id));
    put_quoted(out, bm_format(scratch, "%s\n%s%s%s%s%s", step->name,
                              bm_step_kind_text(step->kind), *fn ? "\n" : "", fn,
                              *window ? "\n" : "", window));
    put(out, "];\n");
}

static void put_cluster_start(bm_writer *out, const bm_step *step, int depth,
                              bm_arena *scratch)
{
    indent(out, depth);
    put(out, bm_format(scratch, "subgraph cluster_%d {\n", step->id));
    indent(out, depth + 1);
    put(out, "label=");
    put_quoted(out, step->name);
    put(out, ";\n");
}

/* Walks the tree without recursion: scopes may nest as deep as the program likes. */
static void put_tree(const beam_pipeline *p, bm_writer *out, bm_arena *scratch)
{
    const bm_step *open = NULL; /* innermost cluster */
    int depth = 1;
    for (const bm_step *step = p->first; step; step = step->next) {
        bm_arena_reset(scratch);
        for (; open != step->parent; open = open->parent) {
            indent(out, --depth);
            put(out, "}\n");
        }
        if (!step->first_child) {
            put_node(out, step, depth, scratch);
            continue;
        }
        put_cluster_start(out, step, depth++, scratch);
        open = step;
    }
    for (; open; open = open->parent) {
        indent(out, --depth);
        put(out, "}\n");
    }
}

static void put_edge(bm_writer *out, const bm_step *step, const beam_pcoll *c,
                     bm_arena *scratch)
{
    bm_arena_reset(scratch);
    const char *type = bm_type_text(scratch, c->type);
    bool is_main = !strcmp(c->tag, BM_MAIN_TAG);
    put(out, bm_format(scratch, "  s%d -> s%d [label=", c->producer->id, step->id));
    put_quoted(out, is_main ? type : bm_format(scratch, "%s: %s", c->tag, type));
    put(out, "];\n");
}

void bm_graph_dot(const beam_pipeline *p, bm_writer *out)
{
    bm_arena scratch;
    bm_arena_init(&scratch, 0);
    put(out, "digraph pipeline {\n"
             "  node [shape=box, style=rounded];\n");
    put_tree(p, out, &scratch);
    for (const bm_step *step = p->first; step; step = step->next)
        for (size_t i = 0; !step->first_child && i < step->n_inputs; i++)
            put_edge(out, step, step->inputs[i], &scratch);
    put(out, "}\n");
    bm_arena_free(&scratch);
}
