/* SPDX-License-Identifier: Apache-2.0 */
/* Triggers: checking, copying, showing, and what becomes of them after a GroupByKey. Any
 * thread, as its arena. */
#include "graph/build.h"

enum { MAX_DEPTH = 16, MAX_ARGS = BEAM_COUNT(((beam_trigger *)0)->arg) };

static const char *name_of(beam_trigger_kind kind)
{
    switch (kind) {
    case BEAM_TRIGGER_DEFAULT: return "default";
    case BEAM_TRIGGER_AFTER_END_OF_WINDOW: return "after end of window";
    case BEAM_TRIGGER_AFTER_PROCESSING_TIME: return "after processing time";
    case BEAM_TRIGGER_AFTER_SYNCHRONIZED_PROCESSING_TIME:
        return "after synchronized processing time";
    case BEAM_TRIGGER_ELEMENT_COUNT: return "count";
    case BEAM_TRIGGER_ALWAYS: return "always";
    case BEAM_TRIGGER_NEVER: return "never";
    case BEAM_TRIGGER_REPEAT: return "repeat";
    case BEAM_TRIGGER_OR_FINALLY: return "or finally";
    case BEAM_TRIGGER_AFTER_ALL: return "after all";
    case BEAM_TRIGGER_AFTER_ANY: return "after any";
    case BEAM_TRIGGER_AFTER_EACH: return "after each";
    }
    return NULL;
}

/* How many of arg[] the kind looks at; up to the first NULL for those that take a list. */
static size_t arg_count(const beam_trigger *t)
{
    size_t n = 0;
    switch (t->kind) {
    case BEAM_TRIGGER_AFTER_END_OF_WINDOW:
    case BEAM_TRIGGER_OR_FINALLY: return 2;
    case BEAM_TRIGGER_REPEAT: return 1;
    case BEAM_TRIGGER_AFTER_ALL:
    case BEAM_TRIGGER_AFTER_ANY:
    case BEAM_TRIGGER_AFTER_EACH:
        while (n < MAX_ARGS && t->arg[n]) n++;
        return n;
    default: return 0;
    }
}

/* -- checks --------------------------------------------------------------------------- */
static const char *own_problem(bm_arena *arena, const beam_trigger *t)
{
    const char *name = name_of(t->kind);
    size_t n = arg_count(t);
    switch (t->kind) {
    case BEAM_TRIGGER_ELEMENT_COUNT:
        return t->count >= 1
                   ? NULL
                   : bm_format(arena,
                               "the trigger fires after %lld elements: the count must "
                               "be 1 or more",
                               (long long)t->count);
    case BEAM_TRIGGER_AFTER_PROCESSING_TIME:
        if (t->delay < 0) return "the trigger's delay must not be negative";
        return t->align_period < 0 || t->align_offset < 0
                   ? "the trigger's align_period and align_offset must not be negative"
                   : NULL;
    case BEAM_TRIGGER_REPEAT:
        return t->arg[0] ? NULL : "the trigger 'repeat' has nothing to repeat in arg[0]";
    case BEAM_TRIGGER_OR_FINALLY:
        return t->arg[0] && t->arg[1]
                   ? NULL
                   : "the trigger 'or finally' needs a trigger in arg[0] and one in arg[1]";
    case BEAM_TRIGGER_AFTER_ALL:
    case BEAM_TRIGGER_AFTER_ANY:
    case BEAM_TRIGGER_AFTER_EACH:
        if (!n)
            return bm_format(arena, "the trigger '%s' needs one or more triggers", name);
        for (size_t i = n; i < MAX_ARGS; i++)
            if (t->arg[i])
                return bm_format(
                    arena,
                    "the trigger '%s' has NULL in arg[%zu] before a trigger in "
                    "arg[%zu]",
                    name, n, i);
        return NULL;
    default: return name ? NULL : "the trigger is of no known kind";
    }
}

static const char *problem_at(bm_arena *arena, const beam_trigger *t, int depth)
{
    if (depth > MAX_DEPTH) return "the trigger nests too deep";
    const char *problem = own_problem(arena, t);
    for (size_t i = 0; !problem && i < arg_count(t); i++)
        if (t->arg[i]) problem = problem_at(arena, t->arg[i], depth + 1);
    return problem;
}

const char *bm_trigger_problem(bm_arena *arena, const beam_trigger *trigger)
{
    return problem_at(arena, trigger, 0);
}

/* -- making --------------------------------------------------------------------------- */
const beam_trigger *bm_trigger_copy(bm_arena *arena, const beam_trigger *trigger)
{
    beam_trigger *copy = BM_NEW(arena, beam_trigger);
    *copy = *trigger;
    for (size_t i = 0; i < arg_count(trigger); i++)
        if (trigger->arg[i]) copy->arg[i] = bm_trigger_copy(arena, trigger->arg[i]);
    return copy;
}

static beam_trigger *of_kind(bm_arena *arena, beam_trigger_kind kind,
                             const beam_trigger *arg0)
{
    beam_trigger *t = BM_NEW(arena, beam_trigger);
    t->kind = kind;
    t->arg[0] = arg0;
    return t;
}

const beam_trigger *bm_trigger_continuation(bm_arena *arena, const beam_trigger *trigger)
{
    beam_trigger *t = of_kind(arena, trigger->kind, NULL);
    for (size_t i = 0; i < arg_count(trigger); i++)
        if (trigger->arg[i]) t->arg[i] = bm_trigger_continuation(arena, trigger->arg[i]);
    switch (trigger->kind) {
    case BEAM_TRIGGER_ELEMENT_COUNT: t->count = 1; return t;
    case BEAM_TRIGGER_AFTER_PROCESSING_TIME:
        t->kind = BEAM_TRIGGER_AFTER_SYNCHRONIZED_PROCESSING_TIME;
        return t;
    case BEAM_TRIGGER_AFTER_EACH:
        t->kind = BEAM_TRIGGER_AFTER_ANY;
        return of_kind(arena, BEAM_TRIGGER_REPEAT, t);
    case BEAM_TRIGGER_OR_FINALLY: return of_kind(arena, BEAM_TRIGGER_REPEAT, t);
    default: return t;
    }
}

/* -- questions ------------------------------------------------------------------------ */
bool bm_trigger_may_finish(const beam_trigger *t)
{
    size_t n = arg_count(t), finishing = 0;
    for (size_t i = 0; i < n; i++)
        if (t->arg[i] && bm_trigger_may_finish(t->arg[i])) finishing++;
    switch (t->kind) {
    case BEAM_TRIGGER_DEFAULT:
    case BEAM_TRIGGER_ALWAYS:
    case BEAM_TRIGGER_REPEAT: return false;
    case BEAM_TRIGGER_AFTER_END_OF_WINDOW: return !t->arg[1];
    case BEAM_TRIGGER_OR_FINALLY:
    case BEAM_TRIGGER_AFTER_ANY: return finishing > 0;
    case BEAM_TRIGGER_AFTER_ALL:
    case BEAM_TRIGGER_AFTER_EACH: return finishing == n;
    default: return true;
    }
}

bool bm_trigger_equal(const beam_trigger *a, const beam_trigger *b)
{
    static const beam_trigger default_trigger = { .kind = BEAM_TRIGGER_DEFAULT };
    if (!a) a = &default_trigger;
    if (!b) b = &default_trigger;
    if (a == b) return true;
    if (a->kind != b->kind || a->count != b->count || a->delay != b->delay ||
        a->align_period != b->align_period || a->align_offset != b->align_offset ||
        arg_count(a) != arg_count(b))
        return false;
    for (size_t i = 0; i < arg_count(a); i++) {
        if (!a->arg[i] != !b->arg[i]) return false;
        if (a->arg[i] && !bm_trigger_equal(a->arg[i], b->arg[i])) return false;
    }
    return true;
}

/* -- text ----------------------------------------------------------------------------- */
static const char *args_text(bm_arena *arena, const beam_trigger *t)
{
    const char *text = "";
    for (size_t i = 0; i < arg_count(t); i++)
        text = bm_format(arena, "%s%s%s", text, i ? ", " : "",
                         t->arg[i] ? bm_trigger_text(arena, t->arg[i]) : "-");
    return text;
}

const char *bm_trigger_text(bm_arena *arena, const beam_trigger *t)
{
    const char *name = name_of(t->kind);
    if (t->kind == BEAM_TRIGGER_ELEMENT_COUNT)
        return bm_format(arena, "%s %lld", name, (long long)t->count);
    if (t->kind == BEAM_TRIGGER_AFTER_PROCESSING_TIME)
        return bm_format(arena, "%s %lld ms", name, (long long)t->delay);
    bool is_bare = !arg_count(t) || (t->kind == BEAM_TRIGGER_AFTER_END_OF_WINDOW &&
                                     !t->arg[0] && !t->arg[1]);
    return is_bare ? name : bm_format(arena, "%s(%s)", name, args_text(arena, t));
}
