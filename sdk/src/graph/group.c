/* SPDX-License-Identifier: Apache-2.0 */
/* GroupByKey and Reshuffle. One thread, as its pipeline. */
#include "fns/builtin.h"
#include "graph/build.h"

bool bm_step_needs_keys(bm_step *step, const beam_pcoll *in)
{
    const char *kind = bm_step_kind_text(step->kind), *why;
    if (in->type->kind != BEAM_KIND_KV) {
        bm_step_fail(
            step, BEAM_ETYPE,
            "%s reads KV<K, V>, but '%s' holds %s: make KVs of its elements first", kind,
            bm_pcoll_name(in), bm_pcoll_type_text(in));
        return false;
    }
    if (bm_type_is_deterministic(in->type->arg[0], &why)) return true;
    bm_step_fail(
        step, BEAM_ETYPE,
        "%s needs keys with one encoding each, but the keys of '%s', %s, hold %s: "
        "use another key",
        kind, bm_pcoll_name(in), bm_type_text(&step->pipeline->arena, in->type->arg[0]),
        why);
    return false;
}

bool bm_windowing_may_lose(const bm_windowing *w)
{
    const beam_trigger *trigger = w->opts.trigger;
    if (!trigger || trigger->kind == BEAM_TRIGGER_NEVER) return false;
    if (trigger->kind == BEAM_TRIGGER_AFTER_END_OF_WINDOW && !w->opts.allowed_lateness)
        return false;
    return bm_trigger_may_finish(trigger);
}

/* The program knows what it does: the experiment has the name of Python's option. */
static bool allows_unsafe_triggers(const beam_pipeline *p)
{
    for (size_t i = 0; i < p->n_experiments; i++)
        if (!strcmp(p->experiments[i], "allow_unsafe_triggers")) return true;
    return false;
}

/* What to name in a message: a part of a composite reads what the composite was given. */
static const beam_pcoll *given_to(const bm_step *shown, const bm_step *step,
                                  const beam_pcoll *in)
{
    if (shown == step || !shown->n_inputs) return in;
    for (size_t i = 0; i < shown->n_inputs; i++)
        if (shown->inputs[i]->bounded == in->bounded) return shown->inputs[i];
    return shown->inputs[0];
}

bool bm_step_can_group(const bm_step *step, const beam_pcoll *in)
{
    const bm_windowing *windowing = bm_windowing_of(in);
    const bm_step *shown = bm_step_shown(step);
    const char *name = bm_pcoll_name(given_to(shown, step, in));
    if (!in->bounded && bm_window_is_default_global(in)) {
        bm_step_fail(
            shown, BEAM_EINVAL,
            "'%s' is unbounded and in the global window with the default trigger, "
            "so its groups would never be complete: put a beam_window_into() with "
            "windows or a trigger before this step",
            name);
        return false;
    }
    if (!bm_windowing_may_lose(windowing) || allows_unsafe_triggers(step->pipeline))
        return true;
    bm_step_fail(shown, BEAM_EINVAL,
                 "the trigger of '%s', %s, fires for a last time before its window ends, "
                 "and later elements would be lost: put it in BEAM_REPEAT()",
                 name, bm_trigger_text(&step->pipeline->arena, windowing->opts.trigger));
    return false;
}

/* Flink keeps no null in its lists: to the runner such values are bytes. */
static beam_pcoll *group_sealed(bm_step *step, beam_pcoll *in)
{
    const beam_span none = { NULL, 0 };
    step->kind = BM_STEP_COMPOSITE;
    bm_step_open(step);
    beam_pcoll *sealed = bm_built_in(in, "Seal", &bm_pass_fn, none, in->type);
    if (sealed->producer) sealed->sealed_values = true; /* not of the pipeline's nil */
    beam_pcoll *grouped = beam_group_by_key(sealed, "GroupByKey");
    if (grouped->producer) grouped->sealed_values = true;
    return bm_step_close(step,
                         bm_built_in(grouped, "Open", &bm_pass_fn, none, grouped->type));
}

/* The parts of a combine are made when it is translated (proto/combine_proto.c). */
static bool needs_sealing(const bm_step *step, const beam_pcoll *in)
{
    bool is_part = step->parent && step->parent->kind == BM_STEP_COMBINE_PER_KEY;
    return in->type->arg[1]->kind == BEAM_KIND_NULLABLE && !in->sealed_values && !is_part;
}

beam_pcoll *beam_group_by_key(beam_pcoll *in, const char *name)
{
    bm_step *step = bm_step_reading(in, BM_STEP_GROUP_BY_KEY, name);
    if (!step || !bm_step_needs_keys(step, in) || !bm_step_can_group(step, in))
        return bm_nil_of(in);
    if (needs_sealing(step, in)) return group_sealed(step, in);
    bm_arena *arena = &step->pipeline->arena;
    const beam_type *values = bm_type_iterable(arena, in->type->arg[1]);
    return bm_step_output(step, BM_MAIN_TAG, bm_type_kv(arena, in->type->arg[0], values),
                          bm_windowing_after_grouping(arena, in->windowing), in->bounded);
}

/* -- reshuffle ------------------------------------------------------------------------ */
/* Every element passes at once, and its event time holds the watermark back. */
static beam_pcoll *into_passing_window(beam_pcoll *in)
{
    static const beam_trigger always = { .kind = BEAM_TRIGGER_ALWAYS };
    return beam_window_into(in, "Window", beam_global(), .trigger = &always,
                            .timestamp_combiner = BEAM_AT_EARLIEST);
}

/* The windowing that elements had before, whatever grouping made of it. */
static beam_pcoll *restored(beam_pcoll *grouped, const beam_dofn *fn,
                            const beam_pcoll *before)
{
    beam_pcoll *out = bm_built_in(grouped, "Restore", fn, (beam_span){ NULL, 0 },
                                  before->type);
    if (out->producer) out->windowing = before->windowing;
    return out;
}

beam_pcoll *bm_reshuffle(beam_pcoll *in, const char *name, bool by_key)
{
    bm_step *step = bm_step_reading(in, BM_STEP_RESHUFFLE, name);
    if (!step || (by_key && !bm_step_needs_keys(step, in))) return bm_nil_of(in);
    step->urn = "beam:transform:reshuffle:v1";
    bm_step_open(step);
    bm_arena *arena = &step->pipeline->arena;
    const beam_type *type = in->type;
    const beam_type *key = by_key ? type->arg[0] : BEAM_INT64;
    const beam_type *value = bm_type_kv(arena, BEAM_BYTES, by_key ? type->arg[1] : type);
    beam_pcoll *reified =
        bm_built_in(in, "Reify",
                    by_key ? &bm_reshuffle_by_key_fn : &bm_reshuffle_spread_fn,
                    (beam_span){ NULL, 0 }, bm_type_kv(arena, key, value));
    beam_pcoll *grouped = beam_group_by_key(into_passing_window(reified), "GroupByKey");
    return bm_step_close(step, restored(grouped,
                                        by_key ? &bm_reshuffle_from_key_fn
                                               : &bm_reshuffle_unspread_fn,
                                        in));
}

beam_pcoll *beam_reshuffle(beam_pcoll *in, const char *name)
{
    return bm_reshuffle(in, name, in && in->type->kind == BEAM_KIND_KV);
}
