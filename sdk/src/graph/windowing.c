/* SPDX-License-Identifier: Apache-2.0 */
/* WindowInto, and what becomes of windowing further down. One thread, as its pipeline. */
#include "fns/registry.h"
#include "graph/build.h"

/* -- checks --------------------------------------------------------------------------- */
static const char *fn_problem(const beam_window_fn *fn)
{
    switch (fn->kind) {
    case BEAM_WINDOW_GLOBAL: return NULL;
    case BEAM_WINDOW_FIXED:
        return fn->size < 1 ? "the size of fixed windows must be 1 ms or more"
               : fn->offset < 0 || fn->offset >= fn->size
                   ? "the offset of fixed windows must be from 0 to less than their size"
                   : NULL;
    case BEAM_WINDOW_SLIDING:
        return fn->size < 1     ? "the size of sliding windows must be 1 ms or more"
               : fn->period < 1 ? "the period of sliding windows must be 1 ms or more"
               : fn->offset < 0 || fn->offset >= fn->period
                   ? "the offset of sliding windows must be from 0 to less than their period"
                   : NULL;
    case BEAM_WINDOW_SESSIONS:
        return fn->gap < 1 ? "the gap of session windows must be 1 ms or more" : NULL;
    case BEAM_WINDOW_CUSTOM:
        return !fn->custom           ? "the WindowFn of beam_custom() is NULL"
               : !fn->custom->name   ? "the WindowFn has no name: give it one, unique in "
                                       "the program"
               : !fn->custom->assign ? "the WindowFn has no .assign" : NULL;
    }
    return "the window function is of no known kind: use beam_global(), beam_fixed(), "
           "beam_sliding(), beam_sessions() or beam_custom()";
}

static const char *opts_problem(const beam_window_opts *opts)
{
    const beam_window_fn *fn = &opts->fn;
    if (fn->size > BEAM_MAX_TIMESTAMP || fn->period > BEAM_MAX_TIMESTAMP ||
        fn->gap > BEAM_MAX_TIMESTAMP || opts->allowed_lateness > BEAM_MAX_TIMESTAMP)
        return "a duration is over BEAM_MAX_TIMESTAMP, the longest one there is";
    if (opts->allowed_lateness < 0) return "allowed_lateness must not be negative";
    if ((unsigned)opts->accumulation > BEAM_RETRACTING)
        return "accumulation is no beam_accumulation";
    if ((unsigned)opts->timestamp_combiner > BEAM_AT_EARLIEST)
        return "timestamp_combiner is no beam_timestamp_combiner";
    if ((unsigned)opts->closing > BEAM_CLOSE_ALWAYS) return "closing is no beam_closing";
    if ((unsigned)opts->on_time > BEAM_ON_TIME_IF_NONEMPTY)
        return "on_time is no beam_on_time";
    return fn_problem(fn);
}

static bool is_registered(bm_step *step, const beam_custom_windows *fn)
{
    const bm_registry *registry = step->pipeline->registry;
    const beam_custom_windows *known =
        registry ? bm_registry_window_fn(registry, beam_span_of(fn->name)) : fn;
    if (known == fn) return true;
    if (known)
        bm_step_fail(step, BEAM_EINVAL,
                     "another WindowFn '%s' is in beam_program.window_fns: give each a name "
                     "of its own", fn->name);
    else
        bm_step_fail(step, BEAM_EINVAL,
                     "WindowFn '%s' is not in beam_program.window_fns: add it", fn->name);
    return false;
}

static bool opts_are_good(bm_step *step, const beam_window_opts *opts)
{
    const char *problem = opts_problem(opts);
    if (!problem && opts->trigger)
        problem = bm_trigger_problem(&step->pipeline->arena, opts->trigger);
    if (problem) {
        bm_step_fail(step, BEAM_EINVAL, "%s", problem);
        return false;
    }
    if (opts->fn.kind == BEAM_WINDOW_CUSTOM && !is_registered(step, opts->fn.custom))
        return false;
    if (opts->accumulation != BEAM_RETRACTING) return true;
    bm_step_fail(step, BEAM_EUNSUPPORTED,
                 "no runner supports BEAM_RETRACTING: use BEAM_DISCARDING or "
                 "BEAM_ACCUMULATING");
    return false;
}

beam_pcoll *beam_window_into_with(beam_pcoll *in, const char *name,
                                  const beam_window_opts *opts)
{
    bm_step *step = bm_step_reading(in, BM_STEP_WINDOW_INTO, name);
    if (!step) return bm_nil_of(in);
    if (!opts) {
        bm_step_fail(step, BEAM_EINVAL, "its options are NULL");
        return bm_nil_of(in);
    }
    if (!opts_are_good(step, opts)) return bm_nil_of(in);
    bm_arena *arena = &step->pipeline->arena;
    bm_windowing *windowing = BM_NEW(arena, bm_windowing);
    windowing->opts = *opts;
    windowing->opts.fn.config = bm_span_copy(arena, opts->fn.config);
    if (opts->trigger) windowing->opts.trigger = bm_trigger_copy(arena, opts->trigger);
    step->windowing = windowing;
    return bm_step_output(step, BM_MAIN_TAG, in->type, windowing, in->bounded);
}

bool bm_windows_merge(const beam_window_fn *fn)
{
    return fn->kind == BEAM_WINDOW_SESSIONS ||
           (fn->kind == BEAM_WINDOW_CUSTOM && fn->custom->merge);
}

/* -- further down --------------------------------------------------------------------- */
const bm_windowing *bm_windowing_after_grouping(bm_arena *arena, const bm_windowing *w)
{
    if (!w) return NULL;
    const beam_window_fn *fn = &w->opts.fn;
    bool merges = bm_windows_merge(fn) && !w->already_merged;
    const beam_trigger *trigger = w->opts.trigger
                                      ? bm_trigger_continuation(arena, w->opts.trigger)
                                      : NULL;
    if (!merges &&
        (trigger == w->opts.trigger || bm_trigger_equal(trigger, w->opts.trigger)))
        return w;
    bm_windowing *after = BM_NEW(arena, bm_windowing);
    *after = *w;
    after->opts.trigger = trigger;
    after->already_merged = w->already_merged || merges;
    return after;
}

static bool same_fn(const beam_window_fn *a, const beam_window_fn *b)
{
    if (a->kind != b->kind) return false;
    switch (a->kind) {
    case BEAM_WINDOW_GLOBAL: return true;
    case BEAM_WINDOW_FIXED: return a->size == b->size && a->offset == b->offset;
    case BEAM_WINDOW_SLIDING:
        return a->size == b->size && a->period == b->period && a->offset == b->offset;
    case BEAM_WINDOW_SESSIONS: return a->gap == b->gap;
    case BEAM_WINDOW_CUSTOM:
        return a->custom == b->custom && beam_span_equal(a->config, b->config);
    }
    return false;
}

bool bm_windowing_compatible(const bm_windowing *a, const bm_windowing *b)
{
    return a == b ||
           (same_fn(&a->opts.fn, &b->opts.fn) && a->already_merged == b->already_merged &&
            bm_trigger_equal(a->opts.trigger, b->opts.trigger));
}

bool bm_window_is_default_global(const beam_pcoll *c)
{
    const beam_window_opts *opts = &bm_windowing_of(c)->opts;
    return opts->fn.kind == BEAM_WINDOW_GLOBAL &&
           (!opts->trigger || opts->trigger->kind == BEAM_TRIGGER_DEFAULT);
}

/* -- text ----------------------------------------------------------------------------- */
static const char *duration_text(bm_arena *arena, beam_millis ms)
{
    return ms % 1000 ? bm_format(arena, "%lld ms", (long long)ms)
                     : bm_format(arena, "%lld s", (long long)(ms / 1000));
}

static const char *fn_text(bm_arena *arena, const beam_window_fn *fn)
{
    switch (fn->kind) {
    case BEAM_WINDOW_GLOBAL: return "global window";
    case BEAM_WINDOW_FIXED:
        return bm_format(arena, "fixed windows of %s", duration_text(arena, fn->size));
    case BEAM_WINDOW_SLIDING:
        return bm_format(arena, "sliding windows of %s each %s",
                         duration_text(arena, fn->size),
                         duration_text(arena, fn->period));
    case BEAM_WINDOW_SESSIONS:
        return bm_format(arena, "sessions with a gap of %s",
                         duration_text(arena, fn->gap));
    case BEAM_WINDOW_CUSTOM:
        return bm_format(arena, "windows of '%s'", fn->custom->name);
    }
    return "windows";
}

const char *bm_windowing_text(bm_arena *arena, const bm_windowing *w)
{
    const beam_window_opts *opts = &w->opts;
    const char *offset = opts->fn.offset
                             ? bm_format(arena, " from %s",
                                         duration_text(arena, opts->fn.offset))
                             : "";
    const char *trigger = opts->trigger ? bm_format(arena, ", trigger %s",
                                                    bm_trigger_text(arena, opts->trigger))
                                        : "";
    const char *lateness = opts->allowed_lateness
                               ? bm_format(arena, ", allowed lateness %s",
                                           duration_text(arena, opts->allowed_lateness))
                               : "";
    return bm_format(arena, "%s%s%s%s%s", fn_text(arena, &opts->fn), offset, trigger,
                     lateness,
                     opts->accumulation == BEAM_ACCUMULATING ? ", accumulating" : "");
}
