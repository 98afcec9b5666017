/* SPDX-License-Identifier: Apache-2.0 */
/* The beam_state functions of beam/dofn.h. Bundle thread. */
#include <stdio.h>

#include "exec/user_state.h"

#define KIND(kind) (1u << BEAM_STATE_##kind)
#define EVERY_KIND (~0u)

static const char *kind_text(beam_state_kind kind)
{
    static const char *const texts[] = { "?",   "VALUE", "BAG",      "COMBINING",
                                         "SET", "MAP",   "MULTIMAP", "ORDERED_LIST" };
    return kind < BEAM_COUNT(texts) ? texts[kind] : texts[0];
}

/* -- refusing ----------------------------------------------------------------------------- */
static void refuse(beam_ctx *c, int state, const char *call)
{
    const bm_user_state *s = c->state;
    size_t declared = s ? s->n_declared : 0;
    if (state < 0 || (size_t)state >= declared) {
        beam_fail(c, BEAM_ESTATE, "%s() of state %d: the DoFn declares %zu in .states", call,
                  state, declared);
        return;
    }
    const beam_state_spec *spec = s->slots[state].spec;
    if (!c->element)
        beam_fail(c, BEAM_ESTATE, "%s() of state '%s': there is no key here; state is for "
                  "process, on_timer and on_window_expiration", call, spec->tag);
    else
        beam_fail(c, BEAM_ESTATE, "%s() does not go with state '%s', which is of kind %s", call,
                  spec->tag, kind_text(spec->kind));
}

/* A state of the callback's key and window. */
typedef struct place {
    const bm_state_slot *slot;
    bm_row *row; /* NULL: the bundle has failed */
} place;

static __attribute__((noinline, cold)) place cannot_use(beam_ctx *c, int state,
                                                        const char *call)
{
    if (!bm_failed(c->node->plan)) refuse(c, state, call);
    return (place){ NULL, NULL };
}

static __attribute__((noinline)) place with_row(bm_user_state *s, const bm_state_slot *slot)
{
    return (place){ slot, bm_user_state_row(s) };
}

/* Inline, and what only a callback's first use has to do is behind a call: it is most of what
 * a use costs. */
static inline __attribute__((always_inline)) place use(beam_ctx *c, int state, unsigned kinds,
                                                       const char *call)
{
    bm_user_state *s = c->state;
    if (BM_UNLIKELY(!s || state < 0 || (size_t)state >= s->n_declared || !c->element
                    || !(kinds & 1u << s->slots[state].kind) || bm_failed(c->node->plan)))
        return cannot_use(c, state, call);
    const bm_state_slot *slot = &s->slots[state];
    return s->row ? (place){ slot, s->row } : with_row(s, slot);
}
#define USE(kinds) use(c, state, (kinds), __func__)

/* The same for a change, which may have to be undone. */
static __attribute__((noinline)) place save(beam_ctx *c, place at)
{
    if (at.row && bm_state_save(c->state, at.slot, at.row) != BEAM_OK) at.row = NULL;
    return at;
}
static inline __attribute__((always_inline)) place use_to_change(beam_ctx *c, int state,
                                                                 unsigned kinds,
                                                                 const char *call)
{
    place at = use(c, state, kinds, call);
    return BM_UNLIKELY(c->state && c->state->attempting) ? save(c, at) : at;
}
#define USE_TO_CHANGE(kinds) use_to_change(c, state, (kinds), __func__)

static beam_status failure(const beam_ctx *c)
{
    return c->node->plan->error.status;
}

/* -- every kind ------------------------------------------------------------------------------ */
beam_status beam_state_clear(beam_ctx *c, int state)
{
    place at = USE_TO_CHANGE(EVERY_KIND);
    return at.row ? at.slot->ops->clear(c->state, at.slot, at.row) : failure(c);
}

bool beam_state_is_empty(beam_ctx *c, int state)
{
    place at = USE(EVERY_KIND);
    return !at.row || at.slot->ops->is_empty(c->state, at.slot, at.row);
}

beam_status beam_state_add(beam_ctx *c, int state, beam_value v)
{
    place at = USE_TO_CHANGE(KIND(BAG) | KIND(COMBINING) | KIND(SET));
    if (!at.row) return failure(c);
    switch (at.slot->kind) {
    case BEAM_STATE_BAG: return bm_bag_add(c->state, at.slot, at.row, &v);
    case BEAM_STATE_SET: return bm_set_add(c->state, at.slot, at.row, v);
    default: return bm_acc_add(c->state, at.slot, at.row, v);
    }
}

beam_iter *beam_state_iter(beam_ctx *c, int state)
{
    place at = USE(KIND(BAG) | KIND(SET) | KIND(MAP) | KIND(MULTIMAP) | KIND(ORDERED_LIST));
    if (!at.row) return NULL;
    switch (at.slot->kind) {
    case BEAM_STATE_BAG: return bm_bag_iter(c->state, at.slot, at.row);
    case BEAM_STATE_SET: return bm_map_iter(c->state, at.slot, at.row, true);
    case BEAM_STATE_ORDERED_LIST:
        return bm_list_range(c->state, at.slot, at.row, INT64_MIN, INT64_MAX);
    default: return bm_map_iter(c->state, at.slot, at.row, false);
    }
}

/* -- VALUE and COMBINING ----------------------------------------------------------------------- */
beam_value beam_state_read(beam_ctx *c, int state)
{
    place at = USE(KIND(VALUE) | KIND(COMBINING));
    if (!at.row) return beam_null();
    return at.slot->kind == BEAM_STATE_VALUE ? bm_value_read(c->state, at.slot, at.row)
                                                   : bm_acc_read(c->state, at.slot, at.row);
}

beam_status beam_state_write(beam_ctx *c, int state, beam_value v)
{
    place at = USE_TO_CHANGE(KIND(VALUE));
    return at.row ? bm_value_write(c->state, at.slot, at.row, &v) : failure(c);
}

/* -- SET, MAP and MULTIMAP ------------------------------------------------------------------------ */
bool beam_state_contains(beam_ctx *c, int state, beam_value key)
{
    place at = USE(KIND(SET) | KIND(MAP) | KIND(MULTIMAP));
    return at.row && bm_map_contains(c->state, at.slot, at.row, key);
}

beam_value beam_state_get(beam_ctx *c, int state, beam_value key)
{
    place at = USE(KIND(MAP));
    return at.row ? bm_map_get_value(c->state, at.slot, at.row, key) : beam_null();
}

beam_iter *beam_state_lookup(beam_ctx *c, int state, beam_value key)
{
    place at = USE(KIND(MULTIMAP));
    return at.row ? bm_multimap_lookup(c->state, at.slot, at.row, key) : NULL;
}

beam_iter *beam_state_keys(beam_ctx *c, int state)
{
    place at = USE(KIND(MAP) | KIND(MULTIMAP));
    return at.row ? bm_map_iter(c->state, at.slot, at.row, true) : NULL;
}

beam_status beam_state_put(beam_ctx *c, int state, beam_value key, beam_value v)
{
    place at = USE_TO_CHANGE(KIND(MAP) | KIND(MULTIMAP));
    return at.row ? bm_map_put_value(c->state, at.slot, at.row, key, v) : failure(c);
}

beam_status beam_state_remove(beam_ctx *c, int state, beam_value key)
{
    place at = USE_TO_CHANGE(KIND(SET) | KIND(MAP) | KIND(MULTIMAP));
    return at.row ? bm_map_remove(c->state, at.slot, at.row, key) : failure(c);
}

/* -- ORDERED_LIST ------------------------------------------------------------------------------------ */
beam_status beam_state_insert(beam_ctx *c, int state, beam_millis at_time, beam_value v)
{
    place at = USE_TO_CHANGE(KIND(ORDERED_LIST));
    if (at.row && at_time == INT64_MAX)
        return beam_fail(c, BEAM_EINVAL, "%s() of state '%s': time %lld is in no range [from, to)",
                         __func__, at.slot->spec->tag, (long long)at_time);
    return at.row ? bm_list_insert(c->state, at.slot, at.row, at_time, v) : failure(c);
}

beam_iter *beam_state_range(beam_ctx *c, int state, beam_millis from, beam_millis to)
{
    place at = USE(KIND(ORDERED_LIST));
    return at.row ? bm_list_range(c->state, at.slot, at.row, from, to) : NULL;
}

beam_status beam_state_clear_range(beam_ctx *c, int state, beam_millis from, beam_millis to)
{
    place at = USE_TO_CHANGE(KIND(ORDERED_LIST));
    return at.row ? bm_list_clear_range(c->state, at.slot, at.row, from, to) : failure(c);
}
