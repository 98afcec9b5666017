/* SPDX-License-Identifier: Apache-2.0 */
/* What a DoFn declares of state and timers: checks, and the types that BEAM_ANY stands for.
 * One thread, as its pipeline. */
#include "graph/build.h"

/* Tags and families of this SDK's own begin so. */
#define OWN_PREFIX "beam."

typedef struct declaration {
    bm_step *step;
    const beam_dofn *fn;
    const char *kind; /* "state" or "timer" */
    const char *name; /* tag or family */
} declaration;

static bool fail(const declaration *d, const char *problem)
{
    bm_step_fail(d->step, BEAM_EINVAL, "DoFn '%s', %s '%s': %s", d->fn->name, d->kind,
                 d->name ? d->name : "(no name)", problem);
    return false;
}

static bool name_is_good(const declaration *d)
{
    if (!d->name || !*d->name) return fail(d, "it has no name: give it one");
    if (!strncmp(d->name, OWN_PREFIX, strlen(OWN_PREFIX)))
        return fail(d, "names that begin with '" OWN_PREFIX "' are the SDK's own: rename it");
    return true;
}

/* -- types ---------------------------------------------------------------------------- */
static const beam_type *whole(const declaration *d, const beam_type *type,
                              const beam_type *instead_of_any, const char *what)
{
    bm_arena *arena = &d->step->pipeline->arena;
    const char *problem = type ? bm_type_problem(type) : "no type";
    if (problem) {
        fail(d, bm_format(arena, "there is %s for its %s", problem, what));
        return NULL;
    }
    const beam_type *copy = bm_type_copy(arena, bm_type_with(arena, type, instead_of_any));
    const char *text = bm_format(arena, "the %s of state '%s'", what, d->name);
    return bm_step_takes_type(d->step, copy, text) ? copy : NULL;
}

static bool is_deterministic(const declaration *d, const beam_type *type, const char *what)
{
    const char *why;
    if (bm_type_is_deterministic(type, &why)) return true;
    return fail(d, bm_format(&d->step->pipeline->arena,
                             "its %s, %s, must have one encoding each, but hold %s", what,
                             bm_type_text(&d->step->pipeline->arena, type), why));
}

static bool has_key(beam_state_kind kind)
{
    return kind == BEAM_STATE_MAP || kind == BEAM_STATE_MULTIMAP;
}

static bool take_state(const declaration *d, const beam_state_spec *spec,
                       const beam_type **type, const beam_type **key)
{
    const beam_type *in = d->step->inputs[0]->type;
    if (spec->kind < BEAM_STATE_VALUE || spec->kind > BEAM_STATE_ORDERED_LIST)
        return fail(d, "its kind is none of beam_state_kind: use BEAM_VALUE_STATE() or the like");
    if (spec->kind == BEAM_STATE_COMBINING) {
        const beam_combine *fn = spec->combine;
        if (!fn || !fn->acc || !fn->in || !fn->add || !fn->merge || !fn->extract)
            return fail(d, "it needs a CombineFn with .in, .acc, .add, .merge and .extract");
        *type = whole(d, fn->acc, in->arg[1], "accumulators");
        return *type;
    }
    *type = whole(d, spec->type, in->arg[1], "values");
    if (!*type) return false;
    if (spec->kind == BEAM_STATE_SET) return is_deterministic(d, *type, "values");
    if (!has_key(spec->kind)) return true;
    *key = whole(d, spec->key, in->arg[0], "keys");
    return *key && is_deterministic(d, *key, "keys");
}

/* -- tables --------------------------------------------------------------------------- */
static bool take_states(bm_step *step, const beam_dofn *fn)
{
    bm_arena *arena = &step->pipeline->arena;
    step->state_types = BM_NEW_ARRAY(arena, const beam_type *, fn->states.n);
    step->state_keys = BM_NEW_ARRAY(arena, const beam_type *, fn->states.n);
    for (size_t i = 0; i < fn->states.n; i++) {
        const beam_state_spec *spec = &fn->states.at[i];
        const declaration d = { step, fn, "state", spec->tag };
        if (!name_is_good(&d)) return false;
        for (size_t k = 0; k < i; k++)
            if (!strcmp(fn->states.at[k].tag, spec->tag))
                return fail(&d, "another state has this tag: rename one of them");
        if (!take_state(&d, spec, &step->state_types[i], &step->state_keys[i])) return false;
    }
    return true;
}

static bool take_timers(bm_step *step, const beam_dofn *fn)
{
    for (size_t i = 0; i < fn->timers.n; i++) {
        const beam_timer_spec *spec = &fn->timers.at[i];
        const declaration d = { step, fn, "timer", spec->family };
        if (!name_is_good(&d)) return false;
        for (size_t k = 0; k < i; k++)
            if (!strcmp(fn->timers.at[k].family, spec->family))
                return fail(&d, "another timer has this name: rename one of them");
        if (spec->domain != BEAM_EVENT_TIME && spec->domain != BEAM_PROCESSING_TIME)
            return fail(&d, "its domain is neither BEAM_EVENT_TIME nor BEAM_PROCESSING_TIME");
    }
    return true;
}

/* What is wrong with the declarations as a whole; NULL: nothing. */
static const char *problem_of(const bm_step *step, const beam_dofn *fn)
{
    const bm_windowing *w = bm_windowing_of(step->inputs[0]);
    const beam_window_fn *windows = &w->opts.fn;
    bool merges = windows->kind == BEAM_WINDOW_SESSIONS
                  || (windows->kind == BEAM_WINDOW_CUSTOM && windows->custom->merge);
    merges = merges && !w->already_merged;
    return fn->states.n && !fn->states.at    ? "counts states but has no .states.at"
           : fn->timers.n && !fn->timers.at  ? "counts timers but has no .timers.at"
           : fn->timers.n && !fn->on_timer   ? "has timers but no .on_timer"
           : fn->on_timer && !fn->timers.n   ? "has .on_timer but no timers: list them in "
                                               ".timers"
           : fn->on_window_expiration && !fn->states.n
               ? "has .on_window_expiration but no state: it would never be called"
           : merges ? "has state or timers, which do not go with windows that merge: group "
                      "by key first, or use other windows"
                    : NULL;
}

static bool keys_are_good(bm_step *step, const beam_dofn *fn)
{
    const beam_pcoll *in = step->inputs[0];
    const char *why;
    bm_arena *arena = &step->pipeline->arena;
    if (in->type->kind != BEAM_KIND_KV)
        bm_step_fail(step, BEAM_ETYPE,
                     "DoFn '%s' has state or timers, which are per key, but '%s' holds %s: "
                     "make KVs of its elements first",
                     fn->name, bm_pcoll_name(in), bm_pcoll_type_text(in));
    else if (!bm_type_is_deterministic(in->type->arg[0], &why))
        bm_step_fail(step, BEAM_ETYPE,
                     "DoFn '%s' has state or timers, which need keys with one encoding each, "
                     "but the keys of '%s', %s, hold %s: use another key",
                     fn->name, bm_pcoll_name(in), bm_type_text(arena, in->type->arg[0]), why);
    else
        return true;
    return false;
}

bool bm_step_takes_state(bm_step *step, const beam_dofn *fn)
{
    bool has_any = fn->states.n || fn->timers.n || fn->on_timer || fn->on_window_expiration;
    if (!has_any && fn->flags & BEAM_TIME_SORTED_INPUT) {
        bm_step_fail(step, BEAM_EINVAL,
                     "DoFn '%s' has BEAM_TIME_SORTED_INPUT but neither state nor timers: the "
                     "order would make no difference",
                     fn->name);
        return false;
    }
    if (!has_any) return true;
    const char *problem = problem_of(step, fn);
    if (problem) bm_step_fail(step, BEAM_EINVAL, "DoFn '%s' %s", fn->name, problem);
    return !problem && keys_are_good(step, fn) && take_states(step, fn) && take_timers(step, fn);
}
