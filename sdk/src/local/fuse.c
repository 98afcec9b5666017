/* SPDX-License-Identifier: Apache-2.0 */
/* Leaves become stages: what can run in one bundle with the transform that it reads from is
 * fused with it. Runner's thread. */
#include "beam_urns.h"
#include "local/local_impl.h"

static bool has_urn(const bm_leaf *leaf, const char *urn)
{
    return !strcmp(leaf->urn, urn);
}

static bm_stage_kind kind_of(const bm_leaf *leaf)
{
    if (has_urn(leaf, BEAM_URN_TRANSFORM_IMPULSE)) return BM_STAGE_IMPULSE;
    if (has_urn(leaf, BEAM_URN_TRANSFORM_TESTSTREAM)) return BM_STAGE_TEST_STREAM;
    if (has_urn(leaf, BEAM_URN_TRANSFORM_GROUP_BY_KEY)) return BM_STAGE_GROUP;
    if (has_urn(leaf, BEAM_URN_TRANSFORM_FLATTEN) ||
        has_urn(leaf, BEAM_URN_TRANSFORM_RESHUFFLE) ||
        has_urn(leaf, BEAM_URN_TRANSFORM_REDISTRIBUTE_BY_KEY) ||
        has_urn(leaf, BEAM_URN_TRANSFORM_REDISTRIBUTE_ARBITRARILY))
        return BM_STAGE_FORWARD;
    return BM_STAGE_WORKER;
}

static bool processes_restrictions(const bm_leaf *leaf)
{
    return has_urn(leaf, BEAM_URN_TRANSFORM_SDF_PROCESS_SIZED_ELEMENT_AND_RESTRICTIONS);
}

/* What it reads must come to it from the runner. */
static bool begins_stage(const bm_leaf *leaf)
{
    const Pb__ParDoPayload *p = leaf->par_do;
    if (processes_restrictions(leaf)) return true;
    return p && (p->n_side_inputs || p->n_state_specs || p->n_timer_family_specs ||
                 p->requires_time_sorted_input || p->requires_stable_input);
}

/* -- making stages -------------------------------------------------------------------- */
static void read_coll(bm_local *l, bm_coll *coll, bm_stage *stage, bm_side *side)
{
    bm_edge *edge = BM_NEW(&l->arena, bm_edge);
    *edge = (bm_edge){ .stage = stage, .side = side };
    *coll->last_reader = edge;
    coll->last_reader = &edge->next;
}

static beam_status add_input(bm_local *l, bm_stage *stage, const char *id, bm_side *side)
{
    bm_coll *coll;
    BEAM_TRY(bm_local_coll(l, id, &coll));
    if (side)
        side->coll = coll;
    else
        stage->inputs[stage->n_inputs++] = coll;
    read_coll(l, coll, stage, side);
    return BEAM_OK;
}

/* The standard WindowFns are known here too. */
static bool asks_worker(const char *urn)
{
    return strcmp(urn, BEAM_URN_WINDOW_FN_GLOBAL_WINDOWS) &&
           strcmp(urn, BEAM_URN_WINDOW_FN_FIXED_WINDOWS) &&
           strcmp(urn, BEAM_URN_WINDOW_FN_SLIDING_WINDOWS);
}

static beam_status add_sides(bm_local *l, bm_stage *stage, const bm_leaf *leaf)
{
    const Pb__ParDoPayload *p = leaf->par_do;
    for (size_t i = 0; p && i < p->n_side_inputs; i++) {
        const Pb__SideInput *pb = p->side_inputs[i]->value;
        bm_side *side = BM_NEW(&l->arena, bm_side);
        side->transform_id = leaf->id;
        side->tag = p->side_inputs[i]->key;
        side->multimap = pb && pb->access_pattern &&
                         !strcmp(pb->access_pattern->urn, BEAM_URN_SIDE_INPUT_MULTIMAP);
        side->next = stage->sides;
        stage->sides = side;
        bm_arena_init(&side->arena, 0);
        bm_map_init(&side->windows, &side->arena);
        bm_map_init(&side->mapped, &side->arena);
        const char *id = NULL;
        for (size_t k = 0; k < leaf->pb->n_inputs; k++)
            if (!strcmp(leaf->pb->inputs[k]->key, side->tag))
                id = leaf->pb->inputs[k]->value;
        if (!id)
            return bm_error(l->err, BEAM_EINVAL,
                            "%s: side input '%s' is none of its inputs",
                            leaf->pb->unique_name, side->tag);
        BEAM_TRY(add_input(l, stage, id, side));
        BEAM_TRY(bm_local_side_init(l, side));
        const bm_pb_function_spec *mapping = pb->window_mapping_fn;
        if (mapping && asks_worker(mapping->urn))
            BEAM_TRY(
                bm_local_map_call(l,
                                  bm_format(&l->arena, "%s/%s", stage->name, side->tag),
                                  mapping, stage->inputs[0], side->coll, &side->mapping));
    }
    return BEAM_OK;
}

static beam_status add_families(bm_local *l, bm_stage *stage, const bm_leaf *leaf)
{
    const Pb__ParDoPayload *p = leaf->par_do;
    if (!p) return BEAM_OK;
    stage->families = BM_NEW_ARRAY(&l->arena, bm_timer_family, p->n_timer_family_specs);
    for (size_t i = 0; i < p->n_timer_family_specs; i++) {
        const Pb__TimerFamilySpec *pb = p->timer_family_specs[i]->value;
        bm_timer_family *family = &stage->families[stage->n_families++];
        *family = (bm_timer_family){
            .index = i,
            .transform_id = leaf->id,
            .id = p->timer_family_specs[i]->key,
            .processing_time = pb->time_domain == PB__TIME_DOMAIN__ENUM__PROCESSING_TIME,
            .is_expiration = !strcmp(p->timer_family_specs[i]->key,
                                     p->on_window_expiration_timer_family_spec),
        };
        BEAM_TRY(bm_coder_set_get(&l->coder_set, pb->timer_family_coder_id,
                                  &family->coder, l->err));
        if (family->coder->kind != BM_CODER_TIMER)
            return bm_error(l->err, BEAM_EINVAL,
                            "%s: the coder of timer family '%s' is not a timer's",
                            leaf->pb->unique_name, family->id);
    }
    return BEAM_OK;
}

/* The family that the runner sets itself, or one of its own. */
static void choose_expiration(bm_stage *stage)
{
    stage->expiration = (bm_timer_family){ .index = stage->n_families,
                                           .is_expiration = true };
    for (size_t i = 0; i < stage->n_families; i++)
        if (stage->families[i].is_expiration) stage->expiration = stage->families[i];
}

static beam_status check_keyed(bm_local *l, const bm_stage *stage)
{
    if (!stage->is_keyed) return BEAM_OK;
    if (stage->n_inputs == 1 && stage->inputs[0]->value->kind == BM_CODER_KV)
        return BEAM_OK;
    return bm_error(l->err, BEAM_EINVAL,
                    "%s: it has state or timers, which need KVs as input", stage->name);
}

static beam_status begin_stage(bm_local *l, bm_leaf *leaf, bm_stage **out)
{
    bm_stage *stage = BM_NEW(&l->arena, bm_stage);
    const Pb__ParDoPayload *p = leaf->par_do;
    *stage = (bm_stage){ .index = l->n_stages,
                         .kind = kind_of(leaf),
                         .name = *leaf->pb->unique_name ? leaf->pb->unique_name
                                                        : leaf->id,
                         .upstream = BEAM_MIN_TIMESTAMP,
                         .input = BEAM_MIN_TIMESTAMP,
                         .output = BEAM_MIN_TIMESTAMP };
    stage->inputs = BM_NEW_ARRAY(&l->arena, bm_coll *, leaf->pb->n_inputs);
    stage->is_keyed = p && !processes_restrictions(leaf) && !*p->restriction_coder_id &&
                      (p->n_state_specs || p->n_timer_family_specs);
    stage->has_state = stage->is_keyed && p->n_state_specs;
    stage->is_time_sorted = p && p->requires_time_sorted_input;
    bm_arena_init(&stage->key_arena, 0);
    bm_map_init(&stage->keys, &stage->key_arena);
    stage->last_ready = &stage->ready;
    l->stages[l->n_stages++] = stage;
    *out = stage;
    if (stage->kind == BM_STAGE_WORKER) {
        if (!leaf->main_input)
            return bm_error(l->err, BEAM_EINVAL, "%s: it has no input", stage->name);
        BEAM_TRY(add_input(l, stage, leaf->main_input, NULL));
        BEAM_TRY(add_sides(l, stage, leaf));
        if (stage->is_keyed) BEAM_TRY(add_families(l, stage, leaf));
        choose_expiration(stage);
        return check_keyed(l, stage);
    }
    for (size_t i = 0; i < leaf->pb->n_inputs; i++)
        BEAM_TRY(add_input(l, stage, leaf->pb->inputs[i]->value, NULL));
    if (stage->kind == BM_STAGE_GROUP) BEAM_TRY(bm_local_group_init(l, stage));
    if (stage->kind == BM_STAGE_TEST_STREAM)
        BEAM_TRY(bm_local_test_stream_init(l, stage, leaf));
    return BEAM_OK;
}

/* -- fusing ------------------------------------------------------------------------------- */
/* The array with room for one more; it doubles at each power of two. */
static void *with_room(bm_local *l, void *array, size_t n, size_t size)
{
    if (n & (n - 1)) return array;
    void *grown = bm_alloc(&l->arena, bm_times(n ? 2 * n : 1, size));
    if (n) memcpy(grown, array, n * size);
    return grown;
}

static void add_leaf(bm_local *l, bm_stage *stage, bm_leaf *leaf)
{
    stage->leaves = with_room(l, stage->leaves, stage->n_leaves, sizeof *stage->leaves);
    stage->leaves[stage->n_leaves++] = leaf;
}

static beam_status add_outputs(bm_local *l, bm_stage *stage, const bm_leaf *leaf)
{
    for (size_t i = 0; i < leaf->pb->n_outputs; i++) {
        bm_coll *coll;
        BEAM_TRY(bm_local_coll(l, leaf->pb->outputs[i]->value, &coll));
        if (coll->producer)
            return bm_error(l->err, BEAM_EINVAL, "collection '%s' is made twice",
                            coll->id);
        coll->producer = stage;
        stage->outputs = with_room(l, stage->outputs, stage->n_outputs,
                                   sizeof *stage->outputs);
        stage->outputs[stage->n_outputs++] = coll;
    }
    return BEAM_OK;
}

static beam_status place(bm_local *l, bm_leaf *leaf)
{
    const bm_coll *in = bm_local_by_id(&l->colls, leaf->main_input);
    bm_stage *stage = in ? in->producer : NULL;
    bool fuses = kind_of(leaf) == BM_STAGE_WORKER && stage &&
                 stage->kind == BM_STAGE_WORKER && !begins_stage(leaf);
    if (!fuses) BEAM_TRY(begin_stage(l, leaf, &stage));
    add_leaf(l, stage, leaf);
    return add_outputs(l, stage, leaf);
}

static void add_sinks(bm_local *l, bm_stage *stage)
{
    stage->sinks = BM_NEW_ARRAY(&l->arena, bm_sink, stage->n_outputs);
    for (size_t i = 0; i < stage->n_outputs; i++) {
        bm_coll *coll = stage->outputs[i];
        if (!coll->readers) continue;
        stage->sinks[stage->n_sinks++] =
            (bm_sink){ bm_format(&l->arena, "%s/sink", coll->id), coll };
    }
}

beam_status bm_local_fuse(bm_local *l)
{
    l->stages = BM_NEW_ARRAY(&l->arena, bm_stage *, l->leaves.n);
    bm_map_init(&l->descriptors, &l->arena);
    for (size_t i = 0; i < l->leaves.n; i++) BEAM_TRY(place(l, l->leaves.at[i]));
    for (size_t i = 0; i < l->n_stages; i++) {
        bm_stage *stage = l->stages[i];
        if (stage->kind != BM_STAGE_WORKER) continue;
        add_sinks(l, stage);
        BEAM_TRY(bm_local_describe(l, stage));
    }
    return BEAM_OK;
}
