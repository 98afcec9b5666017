/* SPDX-License-Identifier: Apache-2.0 */
/* Steps: names, inputs, outputs, composites. One thread, as its pipeline. */
#include "graph/build.h"

const char *bm_step_kind_text(bm_step_kind kind)
{
    switch (kind) {
    case BM_STEP_COMPOSITE: return "composite";
    case BM_STEP_IMPULSE: return "Impulse";
    case BM_STEP_PAR_DO: return "ParDo";
    case BM_STEP_GROUP_BY_KEY: return "GroupByKey";
    case BM_STEP_COMBINE_PER_KEY: return "CombinePerKey";
    case BM_STEP_FLATTEN: return "Flatten";
    case BM_STEP_WINDOW_INTO: return "WindowInto";
    case BM_STEP_RESHUFFLE: return "Reshuffle";
    case BM_STEP_COMBINE_GROUPED_VALUES: return "Combine.GroupedValues";
    case BM_STEP_TEST_STREAM: return "TestStream";
    case BM_STEP_EXTERNAL: return "External";
    }
    return "step";
}

static const char *kind_and_fn(const bm_step *step)
{
    bm_arena *arena = &step->pipeline->arena;
    const char *kind = bm_step_kind_text(step->kind);
    if (step->dofn) return bm_format(arena, "%s of DoFn '%s'", kind, step->dofn->name);
    if (step->combine)
        return bm_format(arena, "%s of CombineFn '%s'", kind, step->combine->name);
    return kind;
}

static bool name_is_good(beam_pipeline *p, bm_step_kind kind, const char *name)
{
    const char *problem = !name            ? "has no name (NULL)"
                          : !*name         ? "has an empty name"
                          : !beam_is_utf8(beam_span_of(name)) ? "has a name that is not UTF-8"
                                           : NULL;
    if (!problem) return true;
    beam_pipeline_fail(
        p, BEAM_EINVAL,
        "a step of kind %s %s%s: give each step a name, unique within its scope",
        bm_step_kind_text(kind), problem,
        p->scope ? bm_format(&p->arena, " in scope '%s'", p->scope->unique_name) : "");
    return false;
}

/* "Scope/Name", or NULL after failing because there is a step of that name. */
static const char *take_name(beam_pipeline *p, bm_step *step)
{
    const bm_step *scope = p->scope;
    const char *unique = scope ? bm_format(&p->arena, "%s/%s", scope->unique_name,
                                           step->name)
                               : step->name;
    bool is_new;
    void **slot = bm_map_slot(&p->unique_names, beam_span_of(unique), &is_new);
    if (is_new) {
        *slot = step;
        return unique;
    }
    beam_pipeline_fail(p, BEAM_EINVAL,
                       "%s: this %s has the name of another step (%s): names are unique "
                       "within a scope, so rename one of them",
                       unique, bm_step_kind_text(step->kind), kind_and_fn(*slot));
    return NULL;
}

static void link_step(beam_pipeline *p, bm_step *step)
{
    step->id = p->n_steps++;
    if (p->last)
        p->last->next = step;
    else
        p->first = step;
    p->last = step;

    bm_step *parent = p->scope;
    step->parent = parent;
    if (!parent) return;
    if (parent->last_child)
        parent->last_child->next_sibling = step;
    else
        parent->first_child = step;
    parent->last_child = step;
}

bm_step *bm_step_new(beam_pipeline *p, bm_step_kind kind, const char *name)
{
    if (!bm_pipeline_is_open(p, name)) return NULL;
    if (!name_is_good(p, kind, name)) return NULL;
    bm_step *step = BM_NEW(&p->arena, bm_step);
    step->pipeline = p;
    step->kind = kind;
    step->name = bm_strdup(&p->arena, name);
    step->unique_name = take_name(p, step);
    if (!step->unique_name) return NULL;
    link_step(p, step);
    return step;
}

/* The array with room for one more; it doubles at each power of two. */
static void *with_room(bm_arena *arena, void *array, size_t n, size_t size)
{
    if (n & (n - 1)) return array;
    void *grown = bm_alloc(arena, bm_times(n ? 2 * n : 1, size));
    if (n) memcpy(grown, array, n * size);
    return grown;
}

void bm_step_input(bm_step *step, const char *tag, beam_pcoll *in)
{
    bm_arena *arena = &step->pipeline->arena;
    step->inputs = with_room(arena, step->inputs, step->n_inputs, sizeof *step->inputs);
    step->input_tags = with_room(arena, step->input_tags, step->n_inputs,
                                 sizeof *step->input_tags);
    step->inputs[step->n_inputs] = in;
    step->input_tags[step->n_inputs++] = tag;
}

static void add_output(bm_step *step, const char *tag, beam_pcoll *c)
{
    bm_arena *arena = &step->pipeline->arena;
    step->outputs = with_room(arena, step->outputs, step->n_outputs,
                              sizeof *step->outputs);
    step->output_tags = with_room(arena, step->output_tags, step->n_outputs,
                                  sizeof *step->output_tags);
    step->outputs[step->n_outputs] = c;
    step->output_tags[step->n_outputs++] = tag;
}

void bm_step_share(bm_step *composite, beam_pcoll *c)
{
    const char *tag = composite->n_outputs ? bm_format(&composite->pipeline->arena,
                                                       "out%zu", composite->n_outputs)
                                           : BM_MAIN_TAG;
    add_output(composite, tag, c);
}

beam_pcoll *bm_step_output(bm_step *step, const char *tag, const beam_type *type,
                           const bm_windowing *windowing, bool bounded)
{
    beam_pipeline *p = step->pipeline;
    beam_pcoll *c = BM_NEW(&p->arena, beam_pcoll);
    *c = (beam_pcoll){ .pipeline = p,
                       .producer = step,
                       .tag = tag,
                       .type = type,
                       .windowing = windowing,
                       .bounded = bounded,
                       .id = p->n_pcolls++ };
    add_output(step, tag, c);
    return c;
}

beam_pcoll *bm_step_main(bm_step *step, const beam_type *type)
{
    const beam_pcoll *in = step->inputs[0];
    return bm_step_output(step, BM_MAIN_TAG, type, in->windowing, in->bounded);
}

beam_pcoll *bm_step_no_output(bm_step *step)
{
    static const beam_type none = { BEAM_KIND_NONE, { NULL, NULL }, NULL, NULL };
    beam_pcoll *c = BM_NEW(&step->pipeline->arena, beam_pcoll);
    *c = *step->pipeline->nil;
    c->producer = step;
    c->tag = BM_MAIN_TAG;
    c->type = &none;
    return c;
}

/* -- reading collections -------------------------------------------------------------- */
bool bm_step_read(bm_step *step, const char *tag, beam_pcoll *in, const char *what)
{
    beam_pipeline *p = step->pipeline;
    if (!in || !in->pipeline) {
        bm_step_fail(step, BEAM_EINVAL,
                     "its %s is NULL: pass a collection that another step returned",
                     what);
    } else if (in->pipeline != p) {
        bm_step_fail(step, BEAM_EINVAL,
                     "its %s, '%s', is of another pipeline: steps can only read "
                     "collections of their own",
                     what, bm_pcoll_name(in));
    } else if (in->type->kind == BEAM_KIND_NONE) {
        bm_step_fail(step, BEAM_EINVAL,
                     "its %s would be the main output of '%s', but that step's DoFn '%s' "
                     "has none (.out is NULL): read another output with beam_output()",
                     what, bm_pcoll_name(in), in->producer->dofn->name);
    }
    if (p->error.status != BEAM_OK) return false;
    bm_step_input(step, tag, in);
    return true;
}

bm_step *bm_step_reading(beam_pcoll *in, bm_step_kind kind, const char *name)
{
    bm_step *step = bm_step_new(beam_pcoll_pipeline(in), kind, name);
    return step && bm_step_read(step, BM_INPUT_TAG, in, "input") ? step : NULL;
}

const bm_step *bm_step_shown(const bm_step *step)
{
    while (step->parent && !step->parent->is_scope) step = step->parent;
    return step;
}

const char *bm_pcoll_name(const beam_pcoll *c)
{
    if (!c->producer) return "(nothing)";
    const bm_step *step = bm_step_shown(c->producer);
    bool is_main = !strcmp(c->tag, BM_MAIN_TAG) || step != c->producer;
    return is_main ? step->unique_name
                   : bm_format(&c->pipeline->arena, "%s.%s", step->unique_name, c->tag);
}

static bool is_part_of(const bm_step *step, const bm_step *composite)
{
    while (step && step != composite) step = step->parent;
    return step != NULL;
}

const char *bm_pcoll_name_for(const bm_step *reader, const beam_pcoll *c)
{
    const bm_step *step = c->producer;
    while (step->parent && !step->parent->is_scope && !is_part_of(reader, step->parent))
        step = step->parent;
    bool is_main = !strcmp(c->tag, BM_MAIN_TAG) || step != c->producer;
    return is_main ? step->unique_name
                   : bm_format(&c->pipeline->arena, "%s.%s", step->unique_name, c->tag);
}

const char *bm_pcoll_type_text(const beam_pcoll *c)
{
    return bm_type_text(&c->pipeline->arena, c->type);
}

/* Where a step's outputs have their windowing from. Inside of a reshuffle that is not the
 * input: it restores what was there before it. */
static const beam_pcoll *windowing_parent(const bm_step *step)
{
    if (step->parent && step->parent->kind == BM_STEP_RESHUFFLE) step = step->parent;
    return step->kind != BM_STEP_EXTERNAL && step->n_inputs ? step->inputs[0] : NULL;
}

const beam_pcoll *bm_windowing_source(const beam_pcoll *c)
{
    while (!c->windowing && c->producer) {
        const beam_pcoll *parent = windowing_parent(c->producer);
        if (!parent) break;
        c = parent;
    }
    return c;
}

const bm_windowing *bm_windowing_of(const beam_pcoll *c)
{
    const bm_windowing *windowing = bm_windowing_source(c)->windowing;
    return windowing ? windowing : &bm_default_windowing;
}

/* -- composites ----------------------------------------------------------------------- */
void bm_step_open(bm_step *composite)
{
    composite->pipeline->scope = composite;
}

beam_pcoll *bm_step_close(bm_step *composite, beam_pcoll *out)
{
    beam_pipeline *p = composite->pipeline;
    p->scope = composite->parent;
    if (p->error.status != BEAM_OK) return p->nil;
    if (out) bm_step_share(composite, out);
    return out;
}
