/* SPDX-License-Identifier: Apache-2.0 */
/* Checks a trigger and lays it out as an array of nodes. Any thread, as its arena. */
#include "base/error.h"
#include "local/trigger.h"

enum { MAX_DEPTH = 64 };

static size_t count_nodes(const bm_trigger_spec *spec, int depth)
{
    size_t n = 1;
    if (!spec || depth > MAX_DEPTH) return n;
    for (size_t i = 0; i < spec->n_args; i++) n += count_nodes(spec->args[i], depth + 1);
    return n;
}

static const char *transforms_problem(const bm_trigger_spec *spec)
{
    for (size_t i = 0; i < spec->n_transforms; i++) {
        const bm_time_transform *t = &spec->transforms[i];
        if (t->delay < 0 || t->delay > BEAM_MAX_TIMESTAMP)
            return "the delay of a trigger is negative or over the largest timestamp";
        if (t->period < 0 || t->period > BEAM_MAX_TIMESTAMP)
            return "a trigger is aligned to a period that is negative or too long";
        if (t->period && (t->offset < 0 || t->offset >= t->period))
            return "a trigger is aligned to an offset that is not within its period";
    }
    return NULL;
}

static bool has_null(const bm_trigger_spec *spec)
{
    for (size_t i = 0; i < spec->n_args; i++)
        if (!spec->args[i]) return true;
    return false;
}

static const char *problem_of(const bm_trigger_spec *spec)
{
    bool wrong = false;
    switch (spec->kind) {
    case BEAM_TRIGGER_ELEMENT_COUNT:
        if (spec->count < 1) return "a trigger's element count is less than 1";
        break;
    case BEAM_TRIGGER_AFTER_PROCESSING_TIME: return transforms_problem(spec);
    case BEAM_TRIGGER_AFTER_END_OF_WINDOW:
        return spec->n_args == 0 || spec->n_args == 2
                   ? NULL
                   : "the trigger 'after end of window' has not two subtriggers or none";
    case BEAM_TRIGGER_REPEAT: wrong = spec->n_args != 1; break;
    case BEAM_TRIGGER_OR_FINALLY: wrong = spec->n_args != 2; break;
    case BEAM_TRIGGER_AFTER_ALL:
    case BEAM_TRIGGER_AFTER_ANY:
    case BEAM_TRIGGER_AFTER_EACH: wrong = spec->n_args < 1; break;
    case BEAM_TRIGGER_DEFAULT:
    case BEAM_TRIGGER_AFTER_SYNCHRONIZED_PROCESSING_TIME:
    case BEAM_TRIGGER_ALWAYS:
    case BEAM_TRIGGER_NEVER: break;
    default: return "a trigger is of no known kind";
    }
    return wrong || has_null(spec) ? "a trigger lacks a subtrigger" : NULL;
}

static bool waits(beam_trigger_kind kind)
{
    return kind == BEAM_TRIGGER_AFTER_PROCESSING_TIME ||
           kind == BEAM_TRIGGER_AFTER_SYNCHRONIZED_PROCESSING_TIME;
}

static bm_trigger_node *add_node(bm_trigger_tree *tree, beam_trigger_kind kind)
{
    bm_trigger_node *node = &tree->nodes[tree->n++];
    node->kind = kind;
    node->end = tree->n;
    tree->uses_clock |= waits(kind);
    return node;
}

static const char *add_tree(bm_arena *arena, bm_trigger_tree *tree,
                            const bm_trigger_spec *spec, int depth)
{
    if (depth > MAX_DEPTH) return "the triggers nest too deep";
    const char *problem = problem_of(spec);
    if (problem) return problem;
    bm_trigger_node *node = add_node(tree, spec->kind);
    node->count = spec->count;
    node->n_transforms = spec->n_transforms;
    bm_time_transform *transforms = BM_NEW_ARRAY(arena, bm_time_transform,
                                                 spec->n_transforms);
    for (size_t i = 0; i < spec->n_transforms; i++) transforms[i] = spec->transforms[i];
    node->transforms = transforms;
    bool is_bare = spec->kind == BEAM_TRIGGER_AFTER_END_OF_WINDOW && spec->n_args == 2 &&
                   !spec->args[0] && !spec->args[1];
    for (size_t i = 0; !is_bare && !problem && i < spec->n_args; i++) {
        if (spec->args[i])
            problem = add_tree(arena, tree, spec->args[i], depth + 1);
        else if (i == 0) /* early firings; a late one alone is the second child */
            add_node(tree, BEAM_TRIGGER_NEVER);
    }
    node->end = tree->n;
    return problem;
}

beam_status bm_trigger_tree_make(bm_arena *arena, const bm_trigger_spec *spec,
                                 bool merging, bm_trigger_tree *out, beam_error *err)
{
    static const bm_trigger_spec by_default = { .kind = BEAM_TRIGGER_DEFAULT };
    if (!spec) spec = &by_default;
    *out = (bm_trigger_tree){ .merging = merging };
    out->nodes = BM_NEW_ARRAY(arena, bm_trigger_node, count_nodes(spec, 0));
    const char *problem = add_tree(arena, out, spec, 0);
    return problem ? bm_error(err, BEAM_EINVAL, "%s: correct the windowing", problem)
                   : BEAM_OK;
}
