/* SPDX-License-Identifier: Apache-2.0 */
/* A WindowingStrategy in plain structs, for the grouping. Runner's thread. */
#include "beam_urns.h"
#include "local/local_impl.h"

enum { MAX_DEPTH = 32 };

typedef struct reader {
    bm_local *l;
    const char *who;
} reader;

static beam_status read_trigger(reader *r, const Pb__Trigger *pb, int depth,
                                const bm_trigger_spec **out);

static beam_status refuse(const reader *r, const char *what)
{
    return bm_error(r->l->err, BEAM_EINVAL, "%s: its trigger %s", r->who, what);
}

static bm_trigger_spec *make(reader *r, beam_trigger_kind kind, size_t n_args)
{
    bm_trigger_spec *spec = BM_NEW(&r->l->arena, bm_trigger_spec);
    spec->kind = kind;
    spec->n_args = n_args;
    spec->args = BM_NEW_ARRAY(&r->l->arena, const bm_trigger_spec *, n_args);
    return spec;
}

static const bm_trigger_spec **arg(bm_trigger_spec *spec, size_t i)
{
    return (const bm_trigger_spec **)(uintptr_t)&spec->args[i];
}

static beam_status read_list(reader *r, beam_trigger_kind kind, Pb__Trigger *const *all,
                             size_t n, int depth, const bm_trigger_spec **out)
{
    bm_trigger_spec *spec = make(r, kind, n);
    for (size_t i = 0; i < n; i++) BEAM_TRY(read_trigger(r, all[i], depth, arg(spec, i)));
    *out = spec;
    return BEAM_OK;
}

static beam_status read_end_of_window(reader *r, const Pb__Trigger__AfterEndOfWindow *pb,
                                      int depth, const bm_trigger_spec **out)
{
    bm_trigger_spec *spec = make(r, BEAM_TRIGGER_AFTER_END_OF_WINDOW, 2);
    if (pb->early_firings)
        BEAM_TRY(read_trigger(r, pb->early_firings, depth, arg(spec, 0)));
    if (pb->late_firings)
        BEAM_TRY(read_trigger(r, pb->late_firings, depth, arg(spec, 1)));
    *out = spec;
    return BEAM_OK;
}

static beam_status read_processing_time(reader *r,
                                        const Pb__Trigger__AfterProcessingTime *pb,
                                        const bm_trigger_spec **out)
{
    bm_trigger_spec *spec = make(r, BEAM_TRIGGER_AFTER_PROCESSING_TIME, 0);
    size_t n = pb->n_timestamp_transforms;
    bm_time_transform *all = BM_NEW_ARRAY(&r->l->arena, bm_time_transform, n);
    for (size_t i = 0; i < n; i++) {
        const Pb__TimestampTransform *t = pb->timestamp_transforms[i];
        if (t->timestamp_transform_case ==
            PB__TIMESTAMP_TRANSFORM__TIMESTAMP_TRANSFORM_ALIGN_TO) {
            all[i].period = t->align_to->period;
            all[i].offset = t->align_to->offset;
        } else if (t->timestamp_transform_case ==
                   PB__TIMESTAMP_TRANSFORM__TIMESTAMP_TRANSFORM_DELAY) {
            all[i].delay = t->delay->delay_millis;
        }
    }
    spec->transforms = all;
    spec->n_transforms = n;
    *out = spec;
    return BEAM_OK;
}

static beam_status read_or_finally(reader *r, const Pb__Trigger__OrFinally *pb, int depth,
                                   const bm_trigger_spec **out)
{
    bm_trigger_spec *spec = make(r, BEAM_TRIGGER_OR_FINALLY, 2);
    if (!pb->main || !pb->finally) return refuse(r, "OrFinally lacks a part");
    BEAM_TRY(read_trigger(r, pb->main, depth, arg(spec, 0)));
    BEAM_TRY(read_trigger(r, pb->finally, depth, arg(spec, 1)));
    *out = spec;
    return BEAM_OK;
}

static beam_status read_repeat(reader *r, const Pb__Trigger__Repeat *pb, int depth,
                               const bm_trigger_spec **out)
{
    bm_trigger_spec *spec = make(r, BEAM_TRIGGER_REPEAT, 1);
    if (!pb->subtrigger) return refuse(r, "Repeat lacks what it repeats");
    BEAM_TRY(read_trigger(r, pb->subtrigger, depth, arg(spec, 0)));
    *out = spec;
    return BEAM_OK;
}

static beam_status read_trigger(reader *r, const Pb__Trigger *pb, int depth,
                                const bm_trigger_spec **out)
{
    if (depth++ > MAX_DEPTH) return refuse(r, "is nested too deep");
    switch (pb->trigger_case) {
    case PB__TRIGGER__TRIGGER_AFTER_ALL:
        return read_list(r, BEAM_TRIGGER_AFTER_ALL, pb->after_all->subtriggers,
                         pb->after_all->n_subtriggers, depth, out);
    case PB__TRIGGER__TRIGGER_AFTER_ANY:
        return read_list(r, BEAM_TRIGGER_AFTER_ANY, pb->after_any->subtriggers,
                         pb->after_any->n_subtriggers, depth, out);
    case PB__TRIGGER__TRIGGER_AFTER_EACH:
        return read_list(r, BEAM_TRIGGER_AFTER_EACH, pb->after_each->subtriggers,
                         pb->after_each->n_subtriggers, depth, out);
    case PB__TRIGGER__TRIGGER_AFTER_END_OF_WINDOW:
        return read_end_of_window(r, pb->after_end_of_window, depth, out);
    case PB__TRIGGER__TRIGGER_AFTER_PROCESSING_TIME:
        return read_processing_time(r, pb->after_processing_time, out);
    case PB__TRIGGER__TRIGGER_AFTER_SYNCHRONIZED_PROCESSING_TIME:
        *out = make(r, BEAM_TRIGGER_AFTER_SYNCHRONIZED_PROCESSING_TIME, 0);
        return BEAM_OK;
    case PB__TRIGGER__TRIGGER_ALWAYS:
        *out = make(r, BEAM_TRIGGER_ALWAYS, 0);
        return BEAM_OK;
    case PB__TRIGGER__TRIGGER_NEVER:
        *out = make(r, BEAM_TRIGGER_NEVER, 0);
        return BEAM_OK;
    case PB__TRIGGER__TRIGGER_DEFAULT: *out = NULL; return BEAM_OK;
    case PB__TRIGGER__TRIGGER_ELEMENT_COUNT: {
        bm_trigger_spec *spec = make(r, BEAM_TRIGGER_ELEMENT_COUNT, 0);
        spec->count = pb->element_count->element_count;
        *out = spec;
        return BEAM_OK;
    }
    case PB__TRIGGER__TRIGGER_OR_FINALLY:
        return read_or_finally(r, pb->or_finally, depth, out);
    case PB__TRIGGER__TRIGGER_REPEAT: return read_repeat(r, pb->repeat, depth, out);
    default: return refuse(r, "is of no kind that is known");
    }
}

/* A default trigger inside of another one. */
static void spell_out_defaults(reader *r, const bm_trigger_spec *spec)
{
    for (size_t i = 0; spec && i < spec->n_args; i++) {
        bool may_lack = spec->kind == BEAM_TRIGGER_AFTER_END_OF_WINDOW;
        if (!spec->args[i] && !may_lack)
            *(const bm_trigger_spec **)(uintptr_t)&spec->args[i] =
                make(r, BEAM_TRIGGER_DEFAULT, 0);
        spell_out_defaults(r, spec->args[i]);
    }
}

static bm_merging merging_of(const bm_pb_windowing *pb)
{
    if (pb->merge_status != PB__MERGE_STATUS__ENUM__NEEDS_MERGE) return BM_MERGE_NEVER;
    return pb->window_fn &&
                   !strcmp(pb->window_fn->urn, BEAM_URN_WINDOW_FN_SESSION_WINDOWS)
               ? BM_MERGE_SESSIONS
               : BM_MERGE_CUSTOM;
}

beam_status bm_local_windowing(bm_local *l, const char *who, const bm_pb_windowing *pb,
                               bm_group_windowing *out)
{
    reader r = { l, who };
    *out = (bm_group_windowing){ .merging = merging_of(pb),
                                 .allowed_lateness = pb->allowed_lateness };
    if (pb->trigger) BEAM_TRY(read_trigger(&r, pb->trigger, 0, &out->trigger));
    spell_out_defaults(&r, out->trigger);
    switch (pb->accumulation_mode) {
    case PB__ACCUMULATION_MODE__ENUM__ACCUMULATING:
        out->accumulation = BEAM_ACCUMULATING;
        break;
    case PB__ACCUMULATION_MODE__ENUM__RETRACTING:
        out->accumulation = BEAM_RETRACTING;
        break;
    default: out->accumulation = BEAM_DISCARDING;
    }
    switch (pb->output_time) {
    case PB__OUTPUT_TIME__ENUM__LATEST_IN_PANE:
        out->timestamp_combiner = BEAM_AT_LATEST;
        break;
    case PB__OUTPUT_TIME__ENUM__EARLIEST_IN_PANE:
        out->timestamp_combiner = BEAM_AT_EARLIEST;
        break;
    default: out->timestamp_combiner = BEAM_AT_END_OF_WINDOW;
    }
    out->closing = pb->closing_behavior == PB__CLOSING_BEHAVIOR__ENUM__EMIT_ALWAYS
                       ? BEAM_CLOSE_ALWAYS
                       : BEAM_CLOSE_IF_NONEMPTY;
    out->on_time = pb->on_time_behavior == PB__ON_TIME_BEHAVIOR__ENUM__FIRE_IF_NONEMPTY
                       ? BEAM_ON_TIME_IF_NONEMPTY
                       : BEAM_ON_TIME_ALWAYS;
    return BEAM_OK;
}
