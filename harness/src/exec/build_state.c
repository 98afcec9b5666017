/* SPDX-License-Identifier: Apache-2.0 */
/* ParDoPayload.state_specs and .timer_family_specs -> bm_transform. Any thread, one per
 * plan. */
#include <stdlib.h>

#include "base/error.h"
#include "beam_urns.h"
#include "exec/build.h"

static bm_state_protocol protocol_of(const pb_StateSpec *pb)
{
    static const struct {
        const char *urn;
        bm_state_protocol protocol;
    } known[] = {
        { BEAM_URN_USER_STATE_BAG, BM_PROTOCOL_BAG },
        { BEAM_URN_USER_STATE_MULTIMAP, BM_PROTOCOL_MULTIMAP },
        { BEAM_URN_USER_STATE_ORDERED_LIST, BM_PROTOCOL_ORDERED_LIST },
    };
    const pb_FunctionSpec *spec = pb_StateSpec_protocol(pb);
    if (!spec) return BM_PROTOCOL_OTHER;
    for (size_t i = 0; i < BEAM_COUNT(known); i++)
        if (upb_StringView_IsEqual(pb_FunctionSpec_urn(spec),
                                   upb_StringView_FromString(known[i].urn)))
            return known[i].protocol;
    return BM_PROTOCOL_OTHER;
}

/* The ids of its coders: of the values, and of the keys of a map. */
static void coder_ids(const pb_StateSpec *pb, upb_StringView *value, upb_StringView *key)
{
    *value = *key = (upb_StringView){ NULL, 0 };
    switch (pb_StateSpec_spec_case(pb)) {
    case pb_StateSpec_spec_read_modify_write_spec:
        *value = pb_ReadModifyWriteStateSpec_coder_id(
            pb_StateSpec_read_modify_write_spec(pb));
        break;
    case pb_StateSpec_spec_bag_spec:
        *value = pb_BagStateSpec_element_coder_id(pb_StateSpec_bag_spec(pb));
        break;
    case pb_StateSpec_spec_combining_spec:
        *value = pb_CombiningStateSpec_accumulator_coder_id(pb_StateSpec_combining_spec(pb));
        break;
    case pb_StateSpec_spec_map_spec:
        *value = pb_MapStateSpec_value_coder_id(pb_StateSpec_map_spec(pb));
        *key = pb_MapStateSpec_key_coder_id(pb_StateSpec_map_spec(pb));
        break;
    case pb_StateSpec_spec_multimap_spec:
        *value = pb_MultimapStateSpec_value_coder_id(pb_StateSpec_multimap_spec(pb));
        *key = pb_MultimapStateSpec_key_coder_id(pb_StateSpec_multimap_spec(pb));
        break;
    case pb_StateSpec_spec_set_spec:
        *key = pb_SetStateSpec_element_coder_id(pb_StateSpec_set_spec(pb));
        break;
    case pb_StateSpec_spec_ordered_list_spec:
        *value = pb_OrderedListStateSpec_element_coder_id(pb_StateSpec_ordered_list_spec(pb));
        break;
    default: break;
    }
}

static beam_status read_state(bm_builder *b, const pb_StateSpec *pb, const bm_transform *t,
                              bm_state_info *out)
{
    const char *who = bm_format(&b->plan->arena, "Transform '%s', state '%s'", t->name, out->id);
    out->protocol = protocol_of(pb);
    upb_StringView value, key;
    coder_ids(pb, &value, &key);
    if (value.size) BEAM_TRY(bm_build_coder(b, who, value, &out->coder));
    if (key.size) BEAM_TRY(bm_build_coder(b, who, key, &out->key_coder));
    if (value.size || key.size) return BEAM_OK;
    return bm_error(b->err, BEAM_EINVAL, "%s: its spec names no coder", who);
}

static beam_status read_timer(bm_builder *b, const pb_TimerFamilySpec *pb,
                              const bm_transform *t, bm_timer_info *out)
{
    const char *who =
        bm_format(&b->plan->arena, "Transform '%s', timer '%s'", t->name, out->family);
    int32_t domain = pb_TimerFamilySpec_time_domain(pb);
    out->domain = domain == pb_TimeDomain_EVENT_TIME        ? BEAM_EVENT_TIME
                  : domain == pb_TimeDomain_PROCESSING_TIME ? BEAM_PROCESSING_TIME
                                                            : (beam_time_domain)0;
    if (!out->domain)
        return bm_error(b->err, BEAM_EINVAL, "%s: its time domain, number %d, is not known",
                        who, (int)domain);
    BEAM_TRY(bm_build_coder(b, who, pb_TimerFamilySpec_timer_family_coder_id(pb), &out->coder));
    if (out->coder->kind == BM_CODER_TIMER) return BEAM_OK;
    return bm_error(b->err, BEAM_EINVAL, "%s: its coder is for %s, not for timers", who,
                    bm_coder_text(&b->plan->arena, out->coder));
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const bm_state_info *)a)->id, ((const bm_state_info *)b)->id);
}

static int by_family(const void *a, const void *b)
{
    return strcmp(((const bm_timer_info *)a)->family, ((const bm_timer_info *)b)->family);
}

beam_status bm_build_states(bm_builder *b, const pb_ParDoPayload *pb, bm_transform *t)
{
    bm_arena *arena = &b->plan->arena;
    t->states = BM_NEW_ARRAY(arena, bm_state_info, pb_ParDoPayload_state_specs_size(pb));
    size_t iter = kUpb_Map_Begin;
    for (const pb_ParDoPayload_StateSpecsEntry *e;
         (e = pb_ParDoPayload_state_specs_next(pb, &iter));) {
        bm_state_info *state = &t->states[t->n_states++];
        state->id = bm_pb_text(b, pb_ParDoPayload_StateSpecsEntry_key(e));
        BEAM_TRY(read_state(b, pb_ParDoPayload_StateSpecsEntry_value(e), t, state));
    }
    t->timers = BM_NEW_ARRAY(arena, bm_timer_info, pb_ParDoPayload_timer_family_specs_size(pb));
    iter = kUpb_Map_Begin;
    for (const pb_ParDoPayload_TimerFamilySpecsEntry *e;
         (e = pb_ParDoPayload_timer_family_specs_next(pb, &iter));) {
        bm_timer_info *timer = &t->timers[t->n_timers++];
        timer->family = bm_pb_text(b, pb_ParDoPayload_TimerFamilySpecsEntry_key(e));
        BEAM_TRY(read_timer(b, pb_ParDoPayload_TimerFamilySpecsEntry_value(e), t, timer));
    }
    qsort(t->states, t->n_states, sizeof *t->states, by_id);
    qsort(t->timers, t->n_timers, sizeof *t->timers, by_family);
    upb_StringView family = pb_ParDoPayload_on_window_expiration_timer_family_spec(pb);
    if (family.size) t->expiration_family = bm_pb_text(b, family);
    return BEAM_OK;
}
