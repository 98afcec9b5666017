/* SPDX-License-Identifier: Apache-2.0 */
/* proto/windowing_proto.c - windowing strategies, window functions and triggers as
 * messages; equal strategies are written once. One thread. */
#include <inttypes.h>

#include "proto/builder.h"

#include "beam_urns.h"
#include "fns/fn_spec.h"

#define TRIGGER_IS(NAME) PB__TRIGGER__TRIGGER_##NAME
#define TRANSFORM_IS(NAME) PB__TIMESTAMP_TRANSFORM__TIMESTAMP_TRANSFORM_##NAME

/* Seconds are rounded down, so that nanos is never negative, before the epoch either. */
static int64_t whole_seconds(beam_millis ms)
{
    return ms / 1000 - (ms % 1000 < 0);
}

static int32_t rest_nanos(beam_millis ms)
{
    return (int32_t)((ms - whole_seconds(ms) * 1000) * 1000000);
}

static bm_pb_duration *duration(bm_arena *arena, beam_millis ms)
{
    bm_pb_duration *d = bm_pb_duration_new(arena);
    d->seconds = whole_seconds(ms);
    d->nanos = rest_nanos(ms);
    return d;
}

static bm_pb_timestamp *timestamp(bm_arena *arena, beam_millis ms)
{
    bm_pb_timestamp *t = bm_pb_timestamp_new(arena);
    t->seconds = whole_seconds(ms);
    t->nanos = rest_nanos(ms);
    return t;
}

static bm_pb_function_spec *custom_proto(bm_arena *arena, const beam_window_fn *fn)
{
    bm_writer w = { 0 };
    bm_fn_spec_encode(&(bm_fn_spec){ .name = beam_span_of(fn->custom->name),
                                      .config = fn->config }, &w);
    bm_pb_function_spec *spec = bm_pb_spec(arena, BM_URN_WINDOW_FN,
                                           bm_span_copy(arena, bm_written(&w)));
    bm_writer_free(&w);
    return spec;
}

beam_status bm_window_fn_proto(bm_builder *b, beam_window_fn fn, const char *who,
                               bm_pb_function_spec **out)
{
    bm_arena *arena = b->arena;
    switch (fn.kind) {
    case BEAM_WINDOW_GLOBAL:
        *out = bm_pb_spec(arena, BEAM_URN_WINDOW_FN_GLOBAL_WINDOWS,
                          (beam_span){ NULL, 0 });
        return BEAM_OK;
    case BEAM_WINDOW_FIXED: {
        if (fn.size <= 0) break;
        bm_pb_fixed_windows *m = bm_pb_fixed_windows_new(arena);
        m->size = duration(arena, fn.size);
        m->offset = timestamp(arena, fn.offset);
        *out = bm_pb_spec(arena, BEAM_URN_WINDOW_FN_FIXED_WINDOWS, BM_PB_PACK(arena, m));
        return BEAM_OK;
    }
    case BEAM_WINDOW_SLIDING: {
        if (fn.size <= 0 || fn.period <= 0) break;
        bm_pb_sliding_windows *m = bm_pb_sliding_windows_new(arena);
        m->size = duration(arena, fn.size);
        m->offset = timestamp(arena, fn.offset);
        m->period = duration(arena, fn.period);
        *out = bm_pb_spec(arena, BEAM_URN_WINDOW_FN_SLIDING_WINDOWS,
                          BM_PB_PACK(arena, m));
        return BEAM_OK;
    }
    case BEAM_WINDOW_SESSIONS: {
        if (fn.gap <= 0) break;
        bm_pb_session_windows *m = bm_pb_session_windows_new(arena);
        m->gap_size = duration(arena, fn.gap);
        *out = bm_pb_spec(arena, BEAM_URN_WINDOW_FN_SESSION_WINDOWS,
                          BM_PB_PACK(arena, m));
        return BEAM_OK;
    }
    case BEAM_WINDOW_CUSTOM:
        *out = custom_proto(arena, &fn);
        return BEAM_OK;
    }
    return bm_error(b->err, BEAM_EINVAL,
                    "%s: the windows' size, period or gap is not positive; give it in "
                    "milliseconds",
                    who);
}

static bm_pb_time_transform *delay_of(bm_arena *arena, beam_millis ms)
{
    bm_pb_time_transform *t = bm_pb_time_transform_new(arena);
    t->timestamp_transform_case = TRANSFORM_IS(DELAY);
    t->delay = bm_pb_time_delay_new(arena);
    t->delay->delay_millis = ms;
    return t;
}

static bm_pb_time_transform *align_of(bm_arena *arena, beam_millis period,
                                      beam_millis offset)
{
    bm_pb_time_transform *t = bm_pb_time_transform_new(arena);
    t->timestamp_transform_case = TRANSFORM_IS(ALIGN_TO);
    t->align_to = bm_pb_time_align_new(arena);
    t->align_to->period = period;
    t->align_to->offset = offset;
    return t;
}

static bm_pb_trigger_time *processing_time(bm_arena *arena, const beam_trigger *trigger)
{
    bm_pb_trigger_time *m = bm_pb_trigger_time_new(arena);
    bm_list transforms = { 0 };
    if (trigger->delay) bm_list_add(arena, &transforms, delay_of(arena, trigger->delay));
    if (trigger->align_period)
        bm_list_add(arena, &transforms,
                    align_of(arena, trigger->align_period, trigger->align_offset));
    BM_PB_REPEATED(m, timestamp_transforms, &transforms);
    return m;
}

static beam_status bad_trigger(bm_builder *b, const char *who, const char *why)
{
    return bm_error(b->err, BEAM_EINVAL, "%s: %s", who, why);
}

static beam_status trigger_proto(bm_builder *b, const beam_trigger *trigger,
                                 const char *who, bm_pb_trigger **out);

/* The arguments up to the first NULL. */
static beam_status subtriggers(bm_builder *b, const beam_trigger *trigger,
                               const char *who, bm_list *out)
{
    for (size_t i = 0; i < BEAM_COUNT(trigger->arg) && trigger->arg[i]; i++) {
        bm_pb_trigger *sub;
        BEAM_TRY(trigger_proto(b, trigger->arg[i], who, &sub));
        bm_list_add(b->arena, out, sub);
    }
    if (!out->n) return bad_trigger(b, who, "a trigger of several triggers has none");
    return BEAM_OK;
}

/* An argument that may be missing, which leaves *out as it is. */
static beam_status argument(bm_builder *b, const beam_trigger *trigger, const char *who,
                            bm_pb_trigger **out)
{
    return trigger ? trigger_proto(b, trigger, who, out) : BEAM_OK;
}

/* Early and late firings repeat by themselves, and Java takes no Repeatedly there. */
static const beam_trigger *firings(const beam_trigger *trigger)
{
    while (trigger && trigger->kind == BEAM_TRIGGER_REPEAT) trigger = trigger->arg[0];
    return trigger;
}

/* What the kinds with several subtriggers have in common. */
#define SET_SEVERAL(m, NAME, field, type)                                                \
    do {                                                                                 \
        bm_list list_ = { 0 };                                                           \
        BEAM_TRY(subtriggers(b, trigger, who, &list_));                                  \
        (m)->trigger_case = TRIGGER_IS(NAME);                                            \
        (m)->field = bm_pb_##type##_new(arena);                                          \
        BM_PB_REPEATED((m)->field, subtriggers, &list_);                                 \
    } while (0)
#define SET_EMPTY(m, NAME, field, type)                                                  \
    do {                                                                                 \
        (m)->trigger_case = TRIGGER_IS(NAME);                                            \
        (m)->field = bm_pb_##type##_new(arena);                                          \
    } while (0)

static beam_status trigger_proto(bm_builder *b, const beam_trigger *trigger,
                                 const char *who, bm_pb_trigger **out)
{
    bm_arena *arena = b->arena;
    bm_pb_trigger *m = *out = bm_pb_trigger_new(arena);
    switch (trigger ? trigger->kind : BEAM_TRIGGER_DEFAULT) {
    case BEAM_TRIGGER_DEFAULT: SET_EMPTY(m, DEFAULT, default_, trigger_default); break;
    case BEAM_TRIGGER_AFTER_END_OF_WINDOW:
        SET_EMPTY(m, AFTER_END_OF_WINDOW, after_end_of_window, trigger_end);
        BEAM_TRY(argument(b, firings(trigger->arg[0]), who,
                          &m->after_end_of_window->early_firings));
        BEAM_TRY(argument(b, firings(trigger->arg[1]), who,
                          &m->after_end_of_window->late_firings));
        break;
    case BEAM_TRIGGER_AFTER_PROCESSING_TIME:
        m->trigger_case = TRIGGER_IS(AFTER_PROCESSING_TIME);
        m->after_processing_time = processing_time(arena, trigger);
        break;
    case BEAM_TRIGGER_AFTER_SYNCHRONIZED_PROCESSING_TIME:
        SET_EMPTY(m, AFTER_SYNCHRONIZED_PROCESSING_TIME,
                  after_synchronized_processing_time, trigger_sync);
        break;
    case BEAM_TRIGGER_ELEMENT_COUNT:
        if (trigger->count < 1 || trigger->count > INT32_MAX)
            return bad_trigger(b, who,
                               "a trigger's element count must be from 1 to 2^31 - 1");
        SET_EMPTY(m, ELEMENT_COUNT, element_count, trigger_count);
        m->element_count->element_count = (int32_t)trigger->count;
        break;
    case BEAM_TRIGGER_ALWAYS: SET_EMPTY(m, ALWAYS, always, trigger_always); break;
    case BEAM_TRIGGER_NEVER: SET_EMPTY(m, NEVER, never, trigger_never); break;
    case BEAM_TRIGGER_REPEAT:
        if (!trigger->arg[0]) return bad_trigger(b, who, "BEAM_REPEAT without a trigger");
        SET_EMPTY(m, REPEAT, repeat, trigger_repeat);
        return trigger_proto(b, trigger->arg[0], who, &m->repeat->subtrigger);
    case BEAM_TRIGGER_OR_FINALLY:
        if (!trigger->arg[0] || !trigger->arg[1])
            return bad_trigger(b, who, "BEAM_OR_FINALLY needs two triggers");
        SET_EMPTY(m, OR_FINALLY, or_finally, trigger_or);
        BEAM_TRY(trigger_proto(b, trigger->arg[0], who, &m->or_finally->main));
        return trigger_proto(b, trigger->arg[1], who, &m->or_finally->finally);
    case BEAM_TRIGGER_AFTER_ALL: SET_SEVERAL(m, AFTER_ALL, after_all, trigger_all); break;
    case BEAM_TRIGGER_AFTER_ANY: SET_SEVERAL(m, AFTER_ANY, after_any, trigger_any); break;
    case BEAM_TRIGGER_AFTER_EACH:
        SET_SEVERAL(m, AFTER_EACH, after_each, trigger_each);
        break;
    default: return bad_trigger(b, who, "a trigger of a kind that does not exist");
    }
    return BEAM_OK;
}

static bool all_allow_lifting(bm_pb_trigger *const *triggers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!bm_trigger_allows_lifting(triggers[i])) return false;
    return true;
}

bool bm_trigger_allows_lifting(const bm_pb_trigger *t)
{
    if (!t) return true;
    switch (t->trigger_case) {
    case TRIGGER_IS(_NOT_SET):
    case TRIGGER_IS(DEFAULT):
    case TRIGGER_IS(ALWAYS):
    case TRIGGER_IS(NEVER):
    case TRIGGER_IS(AFTER_PROCESSING_TIME):
    case TRIGGER_IS(AFTER_SYNCHRONIZED_PROCESSING_TIME): return true;
    case TRIGGER_IS(ELEMENT_COUNT): return t->element_count->element_count <= 1;
    case TRIGGER_IS(AFTER_END_OF_WINDOW):
        return bm_trigger_allows_lifting(t->after_end_of_window->early_firings) &&
               bm_trigger_allows_lifting(t->after_end_of_window->late_firings);
    case TRIGGER_IS(REPEAT): return bm_trigger_allows_lifting(t->repeat->subtrigger);
    case TRIGGER_IS(OR_FINALLY):
        return bm_trigger_allows_lifting(t->or_finally->main) &&
               bm_trigger_allows_lifting(t->or_finally->finally);
    case TRIGGER_IS(AFTER_ALL):
        return all_allow_lifting(t->after_all->subtriggers, t->after_all->n_subtriggers);
    case TRIGGER_IS(AFTER_ANY):
        return all_allow_lifting(t->after_any->subtriggers, t->after_any->n_subtriggers);
    case TRIGGER_IS(AFTER_EACH):
        return all_allow_lifting(t->after_each->subtriggers,
                                 t->after_each->n_subtriggers);
    default: return false;
    }
}

static void set_modes(bm_pb_windowing *w, const beam_window_opts *opts)
{
    static const Pb__AccumulationMode__Enum accumulation[] = {
        [BEAM_DISCARDING] = PB__ACCUMULATION_MODE__ENUM__DISCARDING,
        [BEAM_ACCUMULATING] = PB__ACCUMULATION_MODE__ENUM__ACCUMULATING,
        [BEAM_RETRACTING] = PB__ACCUMULATION_MODE__ENUM__RETRACTING,
    };
    static const Pb__OutputTime__Enum output_time[] = {
        [BEAM_AT_END_OF_WINDOW] = PB__OUTPUT_TIME__ENUM__END_OF_WINDOW,
        [BEAM_AT_LATEST] = PB__OUTPUT_TIME__ENUM__LATEST_IN_PANE,
        [BEAM_AT_EARLIEST] = PB__OUTPUT_TIME__ENUM__EARLIEST_IN_PANE,
    };
    w->accumulation_mode = accumulation[opts->accumulation];
    w->output_time = output_time[opts->timestamp_combiner];
    w->closing_behavior = opts->closing == BEAM_CLOSE_ALWAYS
                              ? PB__CLOSING_BEHAVIOR__ENUM__EMIT_ALWAYS
                              : PB__CLOSING_BEHAVIOR__ENUM__EMIT_IF_NONEMPTY;
    w->on_time_behavior = opts->on_time == BEAM_ON_TIME_IF_NONEMPTY
                              ? PB__ON_TIME_BEHAVIOR__ENUM__FIRE_IF_NONEMPTY
                              : PB__ON_TIME_BEHAVIOR__ENUM__FIRE_ALWAYS;
}

static const char *readable_id(bm_arena *arena, beam_window_fn fn)
{
    switch (fn.kind) {
    case BEAM_WINDOW_FIXED:
        return bm_format(arena, "fixed windows %" PRId64 " ms", fn.size);
    case BEAM_WINDOW_SLIDING:
        return bm_format(arena, "sliding windows %" PRId64 " ms every %" PRId64 " ms",
                         fn.size, fn.period);
    case BEAM_WINDOW_SESSIONS: return bm_format(arena, "sessions %" PRId64 " ms", fn.gap);
    case BEAM_WINDOW_CUSTOM:
        return bm_format(arena, "windows of '%s'", fn.custom->name);
    case BEAM_WINDOW_GLOBAL: break;
    }
    return "global window";
}

static const char *window_coder_id(bm_builder *b, const beam_window_fn *fn)
{
    if (fn->kind == BEAM_WINDOW_GLOBAL)
        return bm_plain_coder_id(b, BEAM_URN_CODER_GLOBAL_WINDOW, "global_window");
    if (fn->kind == BEAM_WINDOW_CUSTOM && fn->custom->custom_windows)
        return bm_custom_window_coder_id(b);
    return bm_plain_coder_id(b, BEAM_URN_CODER_INTERVAL_WINDOW, "interval_window");
}

/* A runner needs of windows that only lie in time and do not merge what it needs of any such:
 * their coder. Many (Flink, Java's expansion services) know no WindowFn but the standard
 * ones, so they are shown one of these; elements get their windows from the worker. */
static beam_window_fn shown_fn(const beam_window_fn *fn)
{
    bool stands_in = fn->kind == BEAM_WINDOW_CUSTOM && !fn->custom->custom_windows &&
                     !fn->custom->merge;
    return stands_in ? beam_fixed(1) : *fn;
}

beam_status bm_windowing_id(bm_builder *b, const bm_windowing *windowing, const char *who,
                            const char **id)
{
    const beam_window_opts *opts = &windowing->opts;
    bm_pb_windowing *w = bm_pb_windowing_new(b->arena);
    BEAM_TRY(bm_window_fn_proto(b, shown_fn(&opts->fn), who, &w->window_fn));
    BEAM_TRY(trigger_proto(b, opts->trigger, who, &w->trigger));
    if (opts->allowed_lateness < 0)
        return bm_error(b->err, BEAM_EINVAL, "%s: allowed_lateness must not be negative",
                        who);
    set_modes(w, opts);
    w->allowed_lateness = opts->allowed_lateness;
    w->merge_status = windowing->already_merged ? PB__MERGE_STATUS__ENUM__ALREADY_MERGED
                      : bm_windows_merge(&opts->fn)
                          ? PB__MERGE_STATUS__ENUM__NEEDS_MERGE
                          : PB__MERGE_STATUS__ENUM__NON_MERGING;
    w->assigns_to_one_window = opts->fn.kind != BEAM_WINDOW_SLIDING &&
                               opts->fn.kind != BEAM_WINDOW_CUSTOM;
    const char *coder = window_coder_id(b, &opts->fn);
    w->window_coder_id = bm_pb_text(coder);
    w->environment_id = bm_pb_text(b->environment_id);

    beam_span packed = BM_PB_PACK(b->arena, w);
    const char *known = bm_map_get(&b->windowing_ids, packed);
    if (known) {
        *id = known;
        return BEAM_OK;
    }
    const char *wanted = readable_id(b->arena, opts->fn);
    *id = wanted;
    for (int i = 2; bm_map_get(&b->windowings.by_id, beam_span_of(*id)); i++)
        *id = bm_format(b->arena, "%s (%d)", wanted, i);
    bm_map_put(&b->windowing_ids, packed, bm_pb_text(*id));
    bm_add_windowing(b, *id, w);
    return BEAM_OK;
}
