/* SPDX-License-Identifier: Apache-2.0 */
/* proto/par_do_proto.c - ParDoPayload: the function, and what it declares. One thread.
 *
 * Runners serve state by three protocols, but all of them serve bags, and some (Flink's)
 * nothing else. So unless the runner is known to serve the others, a MAP, SET, MULTIMAP or
 * ORDERED_LIST is declared as the bag of its changes, a log that the worker replays
 * (exec/state_map.c, exec/state_list.c). The worker goes by the protocol that it finds here:
 *     SET<T>              bag of KV<T, BOOL>: is it in the set now
 *     MAP, MULTIMAP<K, V> bag of KV<K, NULLABLE<V>>: put or added; null: removed
 *     ORDERED_LIST<V>     bag of KV<INT64 from, KV<INT64 to, NULLABLE<V>>>: `from` is the
 *                         place of a value; null: what is in [from, to) was removed */
#include "beam_urns.h"
#include "fns/fn_spec.h"
#include "proto/builder.h"

static beam_span fn_payload(bm_arena *arena, const bm_fn_spec *spec)
{
    bm_writer w = { 0 };
    bm_fn_spec_encode(spec, &w);
    beam_span payload = bm_span_copy(arena, bm_written(&w));
    bm_writer_free(&w);
    return payload;
}

static const beam_type *type_of(bm_arena *arena, beam_kind kind, const beam_type *arg0,
                                const beam_type *arg1)
{
    beam_type *type = BM_NEW(arena, beam_type);
    *type = (beam_type){ kind, { arg0, arg1 }, NULL, NULL };
    return type;
}

/* -- state ---------------------------------------------------------------------------- */
static bool is_map(beam_state_kind kind)
{
    return kind == BEAM_STATE_SET || kind == BEAM_STATE_MAP || kind == BEAM_STATE_MULTIMAP;
}

/* The protocol that the runner is to serve the state by. */
static const char *protocol_of(const bm_builder *b, beam_state_kind kind)
{
    if (is_map(kind) && b->pipeline->has_multimap_state) return BEAM_URN_USER_STATE_MULTIMAP;
    if (kind == BEAM_STATE_ORDERED_LIST && b->pipeline->has_ordered_list_state)
        return BEAM_URN_USER_STATE_ORDERED_LIST;
    return BEAM_URN_USER_STATE_BAG;
}

/* A map, or a SET as the map of its members to `true`. */
static beam_status multimap_spec(bm_builder *b, const bm_step *step, size_t i, bm_pb_state *m)
{
    bool is_set = step->dofn->states.at[i].kind == BEAM_STATE_SET;
    const char *key, *value;
    BEAM_TRY(bm_coder_id(b, is_set ? step->state_types[i] : step->state_keys[i],
                         step->unique_name, &key));
    BEAM_TRY(bm_coder_id(b, is_set ? BEAM_BOOL : step->state_types[i], step->unique_name,
                         &value));
    m->spec_case = PB__STATE_SPEC__SPEC_MULTIMAP_SPEC;
    m->multimap_spec = bm_pb_state_multimap_new(b->arena);
    m->multimap_spec->key_coder_id = bm_pb_text(key);
    m->multimap_spec->value_coder_id = bm_pb_text(value);
    return BEAM_OK;
}

static beam_status list_spec(bm_builder *b, const bm_step *step, size_t i, bm_pb_state *m)
{
    const char *coder;
    BEAM_TRY(bm_coder_id(b, step->state_types[i], step->unique_name, &coder));
    m->spec_case = PB__STATE_SPEC__SPEC_ORDERED_LIST_SPEC;
    m->ordered_list_spec = bm_pb_state_list_new(b->arena);
    /* The protocol wants a length before each value (StateAppendRequest). */
    m->ordered_list_spec->element_coder_id = bm_pb_text(bm_prefixed_coder_id(b, coder));
    return BEAM_OK;
}

/* What the bag of changes holds, for the kinds that are kept so. */
static const beam_type *log_type(bm_arena *arena, const bm_step *step, size_t i)
{
    const beam_type *value = step->state_types[i];
    const beam_type *nullable = type_of(arena, BEAM_KIND_NULLABLE, value, NULL);
    switch (step->dofn->states.at[i].kind) {
    case BEAM_STATE_SET: return type_of(arena, BEAM_KIND_KV, value, BEAM_BOOL);
    case BEAM_STATE_MAP:
    case BEAM_STATE_MULTIMAP:
        return type_of(arena, BEAM_KIND_KV, step->state_keys[i], nullable);
    case BEAM_STATE_ORDERED_LIST:
        return type_of(arena, BEAM_KIND_KV, BEAM_INT64,
                       type_of(arena, BEAM_KIND_KV, BEAM_INT64, nullable));
    default: return value;
    }
}

static beam_status state_spec(bm_builder *b, const bm_step *step, size_t i, bm_pb_state **out)
{
    const beam_state_spec *spec = &step->dofn->states.at[i];
    const char *protocol = protocol_of(b, spec->kind), *coder;
    bm_pb_state *m = *out = bm_pb_state_new(b->arena);
    m->protocol = bm_pb_spec(b->arena, protocol, (beam_span){ NULL, 0 });
    if (!strcmp(protocol, BEAM_URN_USER_STATE_MULTIMAP)) return multimap_spec(b, step, i, m);
    if (!strcmp(protocol, BEAM_URN_USER_STATE_ORDERED_LIST)) return list_spec(b, step, i, m);
    BEAM_TRY(bm_coder_id(b, log_type(b->arena, step, i), step->unique_name, &coder));
    if (spec->kind == BEAM_STATE_VALUE) {
        m->spec_case = PB__STATE_SPEC__SPEC_READ_MODIFY_WRITE_SPEC;
        m->read_modify_write_spec = bm_pb_state_value_new(b->arena);
        m->read_modify_write_spec->coder_id = bm_pb_text(coder);
    } else if (spec->kind == BEAM_STATE_COMBINING) {
        m->spec_case = PB__STATE_SPEC__SPEC_COMBINING_SPEC;
        m->combining_spec = bm_pb_state_combining_new(b->arena);
        m->combining_spec->accumulator_coder_id = bm_pb_text(coder);
        const bm_fn_spec combine = { .name = beam_span_of(spec->combine->name),
                                     .config = step->config };
        m->combining_spec->combine_fn = bm_pb_spec(b->arena, BM_URN_COMBINE_FN,
                                                   fn_payload(b->arena, &combine));
    } else {
        m->spec_case = PB__STATE_SPEC__SPEC_BAG_SPEC;
        m->bag_spec = bm_pb_state_bag_new(b->arena);
        m->bag_spec->element_coder_id = bm_pb_text(coder);
    }
    return BEAM_OK;
}

/* The id of the coder of the input's windows. */
static beam_status window_coder(bm_builder *b, const bm_step *step, const char **id)
{
    const bm_built_pcoll *in;
    BEAM_TRY(bm_built_input(b, step, 0, &in));
    const bm_pb_windowing *windowing =
        bm_map_get(&b->windowings.by_id, beam_span_of(in->pb->windowing_strategy_id));
    *id = windowing->window_coder_id;
    return BEAM_OK;
}

static void add_bag(bm_builder *b, bm_list *states, const char *id, const char *coder)
{
    bm_pb_state_entry *entry = bm_pb_state_entry_new(b->arena);
    entry->key = bm_pb_text(id);
    entry->value = bm_pb_state_new(b->arena);
    entry->value->protocol = bm_pb_spec(b->arena, BEAM_URN_USER_STATE_BAG,
                                        (beam_span){ NULL, 0 });
    entry->value->spec_case = PB__STATE_SPEC__SPEC_BAG_SPEC;
    entry->value->bag_spec = bm_pb_state_bag_new(b->arena);
    entry->value->bag_spec->element_coder_id = bm_pb_text(coder);
    bm_list_add(b->arena, states, entry);
}

/* Flink sorts by time in batch mode only, and refuses such a pipeline in streaming mode: so
 * the worker sorts, everywhere, by means of state and timers (exec/time_sorted.c), and no
 * requirement is put on the runner. */
static beam_status add_sorted_states(bm_builder *b, const bm_step *step, bm_list *states)
{
    const beam_type *in = step->inputs[0]->type;
    const beam_type *pair = type_of(b->arena, BEAM_KIND_KV, BEAM_INT64, BEAM_INT64);
    const char *value, *window, *times;
    BEAM_TRY(bm_coder_id(b, in->arg[1], step->unique_name, &value));
    BEAM_TRY(window_coder(b, step, &window));
    BEAM_TRY(bm_coder_id(b, type_of(b->arena, BEAM_KIND_KV, BEAM_INT64, pair),
                         step->unique_name, &times));
    add_bag(b, states, BM_SORTED_STATE, bm_windowed_coder_id(b, value, window));
    add_bag(b, states, BM_SORTED_TIMES, times);
    return BEAM_OK;
}

static beam_status add_states(bm_builder *b, const bm_step *step, bm_pb_par_do *payload)
{
    const beam_dofn *fn = step->dofn;
    bm_list states = { 0 };
    if (fn->flags & BEAM_TIME_SORTED_INPUT) BEAM_TRY(add_sorted_states(b, step, &states));
    for (size_t i = 0; i < fn->states.n; i++) {
        bm_pb_state_entry *entry = bm_pb_state_entry_new(b->arena);
        entry->key = bm_pb_text(fn->states.at[i].tag);
        BEAM_TRY(state_spec(b, step, i, &entry->value));
        bm_list_add(b->arena, &states, entry);
    }
    BM_PB_REPEATED(payload, state_specs, &states);
    return BEAM_OK;
}

/* -- timers --------------------------------------------------------------------------- */
static void add_family(bm_builder *b, bm_list *timers, const char *name, beam_time_domain domain,
                       const char *coder)
{
    bm_pb_timer_entry *entry = bm_pb_timer_entry_new(b->arena);
    entry->key = bm_pb_text(name);
    entry->value = bm_pb_timer_family_new(b->arena);
    entry->value->time_domain = domain == BEAM_EVENT_TIME
                                    ? PB__TIME_DOMAIN__ENUM__EVENT_TIME
                                    : PB__TIME_DOMAIN__ENUM__PROCESSING_TIME;
    entry->value->timer_family_coder_id = bm_pb_text(coder);
    bm_list_add(b->arena, timers, entry);
}

static beam_status timer_coder(bm_builder *b, const bm_step *step, const char **id)
{
    const char *key, *window;
    BEAM_TRY(window_coder(b, step, &window));
    BEAM_TRY(bm_coder_id(b, step->inputs[0]->type->arg[0], step->unique_name, &key));
    *id = bm_timer_coder_id(b, key, window);
    return BEAM_OK;
}

/* The end of windows is a timer family of our own: few runners tell of it, but all have
 * event-time timers (exec/timers.c sets them). */
static beam_status add_timers(bm_builder *b, const bm_step *step, bm_pb_par_do *payload)
{
    const beam_dofn *fn = step->dofn;
    bool is_sorted = fn->flags & BEAM_TIME_SORTED_INPUT;
    if (!fn->timers.n && !fn->on_window_expiration && !is_sorted) return BEAM_OK;
    bm_list timers = { 0 };
    const char *coder;
    BEAM_TRY(timer_coder(b, step, &coder));
    for (size_t i = 0; i < fn->timers.n; i++)
        add_family(b, &timers, fn->timers.at[i].family, fn->timers.at[i].domain, coder);
    if (fn->on_window_expiration)
        add_family(b, &timers, BM_EXPIRATION_FAMILY, BEAM_EVENT_TIME, coder);
    if (is_sorted) add_family(b, &timers, BM_SORTED_FAMILY, BEAM_EVENT_TIME, coder);
    BM_PB_REPEATED(payload, timer_family_specs, &timers);
    return BEAM_OK;
}

/* -- the whole ------------------------------------------------------------------------ */
beam_span bm_plain_par_do_payload(bm_arena *arena, const beam_dofn *fn)
{
    bm_pb_par_do *payload = bm_pb_par_do_new(arena);
    const bm_fn_spec spec = { .name = beam_span_of(fn->name) };
    payload->do_fn = bm_pb_spec(arena, BM_URN_DOFN, fn_payload(arena, &spec));
    return BM_PB_PACK(arena, payload);
}

beam_status bm_par_do_payload(bm_builder *b, const bm_step *step, beam_span *out)
{
    const beam_dofn *fn = step->dofn;
    bm_pb_par_do *payload = bm_pb_par_do_new(b->arena);
    const bm_fn_spec spec = { beam_span_of(fn->name), step->config, step->attempts,
                              beam_span_of(step->target) };
    payload->do_fn = bm_pb_spec(b->arena, BM_URN_DOFN, fn_payload(b->arena, &spec));
    BEAM_TRY(bm_add_side_inputs(b, step, payload));
    BEAM_TRY(bm_add_splitting(b, step, payload));
    BEAM_TRY(add_states(b, step, payload));
    BEAM_TRY(add_timers(b, step, payload));
    if (payload->n_state_specs || payload->n_timer_family_specs)
        bm_add_requirement(b, BEAM_URN_REQUIREMENT_PARDO_STATEFUL);
    if (fn->flags & BEAM_STABLE_INPUT) {
        payload->requires_stable_input = true;
        bm_add_requirement(b, BEAM_URN_REQUIREMENT_PARDO_STABLE_INPUT);
    }
    *out = BM_PB_PACK(b->arena, payload);
    return BEAM_OK;
}
