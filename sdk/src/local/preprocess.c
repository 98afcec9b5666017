/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline as it is executed: leaves in order of the data, coders as they go over the
 * wire, splittable DoFns expanded. Runner's thread. */
#include "beam_urns.h"
#include "local/local_impl.h"

/* -- tables ----------------------------------------------------------------------------- */
#define PUT_ALL(l, field, map)                                                      \
    do {                                                                            \
        bm_map_init(&(l)->map, &(l)->arena);                                        \
        for (size_t i = 0; i < (l)->components->n_##field; i++)                     \
            if ((l)->components->field[i]->value)                                   \
                bm_map_put(&(l)->map, beam_span_of((l)->components->field[i]->key), \
                           (l)->components->field[i]->value);                       \
    } while (0)

static beam_status unpack(bm_local *l, beam_span bytes)
{
    l->pipeline = (Pb__Pipeline *)bm_pb_unpack(&l->arena, &pb__pipeline__descriptor,
                                               bytes, BM_PB_MAX_DEPTH);
    if (!l->pipeline || !l->pipeline->components)
        return bm_error(l->err, BEAM_EINVAL,
                        "the pipeline's %zu bytes are not a Pipeline", bytes.len);
    l->components = l->pipeline->components;
    PUT_ALL(l, transforms, transforms);
    PUT_ALL(l, pcollections, pcolls);
    PUT_ALL(l, windowing_strategies, windowings);
    PUT_ALL(l, coders, coders);
    PUT_ALL(l, environments, environments);
    return BEAM_OK;
}

/* -- leaves ------------------------------------------------------------------------------- */
/* Composites that are done here as one. */
static bool is_redistribution(const char *urn)
{
    return !strcmp(urn, BEAM_URN_TRANSFORM_RESHUFFLE) ||
           !strcmp(urn, BEAM_URN_TRANSFORM_REDISTRIBUTE_BY_KEY) ||
           !strcmp(urn, BEAM_URN_TRANSFORM_REDISTRIBUTE_ARBITRARILY);
}

static bool runs_here(const char *urn)
{
    return is_redistribution(urn) || !strcmp(urn, BEAM_URN_TRANSFORM_IMPULSE) ||
           !strcmp(urn, BEAM_URN_TRANSFORM_GROUP_BY_KEY) ||
           !strcmp(urn, BEAM_URN_TRANSFORM_FLATTEN) ||
           !strcmp(urn, BEAM_URN_TRANSFORM_TESTSTREAM);
}

static const char *const worker_urns[] = {
    BEAM_URN_TRANSFORM_PARDO,
    BEAM_URN_TRANSFORM_WINDOW_INTO,
    BEAM_URN_TRANSFORM_MAP_WINDOWS,
    BEAM_URN_TRANSFORM_MERGE_WINDOWS,
    BEAM_URN_TRANSFORM_TO_STRING,
    BEAM_URN_TRANSFORM_COMBINE_PER_KEY_PRECOMBINE,
    BEAM_URN_TRANSFORM_COMBINE_PER_KEY_MERGE_ACCUMULATORS,
    BEAM_URN_TRANSFORM_COMBINE_PER_KEY_EXTRACT_OUTPUTS,
    BEAM_URN_TRANSFORM_COMBINE_PER_KEY_CONVERT_TO_ACCUMULATORS,
    BEAM_URN_TRANSFORM_COMBINE_GROUPED_VALUES,
    BEAM_URN_TRANSFORM_SDF_PAIR_WITH_RESTRICTION,
    BEAM_URN_TRANSFORM_SDF_SPLIT_AND_SIZE_RESTRICTIONS,
    BEAM_URN_TRANSFORM_SDF_PROCESS_SIZED_ELEMENT_AND_RESTRICTIONS,
    BEAM_URN_TRANSFORM_SDF_TRUNCATE_SIZED_RESTRICTIONS,
};

static bool runs_in_worker(const char *urn)
{
    for (size_t i = 0; i < BEAM_COUNT(worker_urns); i++)
        if (!strcmp(urn, worker_urns[i])) return true;
    return false;
}

/* Environments that differ in their resource hints are one here. */
static bool is_same_worker(bm_local *l, const char *a, const char *b)
{
    if (!strcmp(a, b)) return true;
    const bm_pb_environment *x = bm_local_by_id(&l->environments, a);
    const bm_pb_environment *y = bm_local_by_id(&l->environments, b);
    return x && y && !strcmp(x->urn, y->urn) &&
           beam_span_equal(bm_pb_span(x->payload), bm_pb_span(y->payload));
}

static beam_status check_environment(bm_local *l, const char *id,
                                     const bm_pb_transform *pb)
{
    if (!l->environment_id) l->environment_id = pb->environment_id;
    if (is_same_worker(l, l->environment_id, pb->environment_id)) return BEAM_OK;
    return bm_error(l->err, BEAM_EUNSUPPORTED,
                    "%s: it runs in environment '%s', which is not this program's; the "
                    "local runner executes one program's functions only",
                    *pb->unique_name ? pb->unique_name : id, pb->environment_id);
}

static const char *first_side_input_free(const bm_pb_transform *pb,
                                         const Pb__ParDoPayload *par_do)
{
    for (size_t i = 0; i < pb->n_inputs; i++) {
        bool is_side = false;
        for (size_t k = 0; par_do && k < par_do->n_side_inputs; k++)
            is_side |= !strcmp(par_do->side_inputs[k]->key, pb->inputs[i]->key);
        if (!is_side) return pb->inputs[i]->value;
    }
    return NULL;
}

/* Combined before the shuffle, elements are too few for triggers that look at each. */
static bool fires_at_end_only(const bm_local *l, const char *pcoll)
{
    const bm_pb_pcoll *in = bm_local_by_id(&l->pcolls, pcoll);
    const bm_pb_windowing *w =
        in ? bm_local_by_id(&l->windowings, in->windowing_strategy_id) : NULL;
    return !w || !w->trigger ||
           w->trigger->trigger_case == PB__TRIGGER__TRIGGER_DEFAULT ||
           w->trigger->trigger_case == PB__TRIGGER__TRIGGER__NOT_SET;
}

static void do_not_lift(bm_local *l, bm_leaf *leaf)
{
    if (strcmp(leaf->urn, BEAM_URN_TRANSFORM_COMBINE_PER_KEY_PRECOMBINE) ||
        fires_at_end_only(l, leaf->main_input))
        return;
    leaf->urn = BEAM_URN_TRANSFORM_COMBINE_PER_KEY_CONVERT_TO_ACCUMULATORS;
    leaf->pb->spec->urn = bm_pb_text(leaf->urn);
}

static bool has_par_do_payload(const char *urn)
{
    return !strcmp(urn, BEAM_URN_TRANSFORM_PARDO);
}

static beam_status read_leaf(bm_local *l, const char *id, bm_pb_transform *pb,
                             bm_leaf **out)
{
    bm_leaf *leaf = BM_NEW(&l->arena, bm_leaf);
    *out = leaf;
    *leaf = (bm_leaf){ .id = id, .urn = pb->spec ? pb->spec->urn : "", .pb = pb };
    if (!runs_here(leaf->urn)) {
        if (!runs_in_worker(leaf->urn))
            return bm_error(l->err, BEAM_EUNSUPPORTED,
                            "%s: the local runner does not know transforms of kind '%s'",
                            pb->unique_name, leaf->urn);
        BEAM_TRY(check_environment(l, id, pb));
    }
    if (has_par_do_payload(leaf->urn)) {
        leaf->par_do = (Pb__ParDoPayload *)bm_pb_unpack(&l->arena,
                                                        &pb__par_do_payload__descriptor,
                                                        bm_pb_span(pb->spec->payload),
                                                        BM_PB_MAX_DEPTH);
        if (!leaf->par_do)
            return bm_error(l->err, BEAM_EINVAL, "%s: its payload is not a ParDoPayload",
                            pb->unique_name);
    }
    leaf->main_input = first_side_input_free(pb, leaf->par_do);
    do_not_lift(l, leaf);
    return BEAM_OK;
}

/* A transform that gives out nothing that it has not got does nothing. */
static bool makes_nothing(const bm_pb_transform *pb)
{
    for (size_t o = 0; o < pb->n_outputs; o++) {
        bool passed_on = false;
        for (size_t i = 0; i < pb->n_inputs; i++)
            passed_on |= !strcmp(pb->inputs[i]->value, pb->outputs[o]->value);
        if (!passed_on) return false;
    }
    return true;
}

static beam_status collect(bm_local *l, const char *id, int depth)
{
    bm_pb_transform *pb = bm_local_by_id(&l->transforms, id);
    if (!pb || depth > BM_PB_MAX_DEPTH)
        return bm_error(l->err, BEAM_EINVAL,
                        pb ? "the transforms are nested too deep at '%s'"
                           : "the pipeline names transform '%s' and does not have it",
                        id);
    const char *urn = pb->spec ? pb->spec->urn : "";
    if (!is_redistribution(urn) && pb->n_subtransforms) {
        for (size_t i = 0; i < pb->n_subtransforms; i++)
            BEAM_TRY(collect(l, pb->subtransforms[i], depth + 1));
        return BEAM_OK;
    }
    if (!runs_here(urn) && !runs_in_worker(urn) && makes_nothing(pb)) return BEAM_OK;
    bm_leaf *leaf;
    BEAM_TRY(read_leaf(l, id, pb, &leaf));
    if (leaf->par_do && *leaf->par_do->restriction_coder_id)
        return bm_local_expand_sdf(l, leaf, &l->leaves);
    bm_list_add(&l->arena, &l->leaves, leaf);
    return BEAM_OK;
}

/* -- coders of what leaves refer to ------------------------------------------------------- */
static beam_status to_wire(bm_local *l, char **id)
{
    const char *wire;
    if (!**id) return BEAM_OK;
    BEAM_TRY(bm_local_wire_coder(l, *id, &wire));
    *id = bm_pb_text(wire);
    return BEAM_OK;
}

static beam_status state_to_wire(bm_local *l, Pb__StateSpec *spec)
{
    switch (spec->spec_case) {
    case PB__STATE_SPEC__SPEC_READ_MODIFY_WRITE_SPEC:
        return to_wire(l, &spec->read_modify_write_spec->coder_id);
    case PB__STATE_SPEC__SPEC_BAG_SPEC:
        return to_wire(l, &spec->bag_spec->element_coder_id);
    case PB__STATE_SPEC__SPEC_COMBINING_SPEC:
        return to_wire(l, &spec->combining_spec->accumulator_coder_id);
    case PB__STATE_SPEC__SPEC_MAP_SPEC:
        BEAM_TRY(to_wire(l, &spec->map_spec->key_coder_id));
        return to_wire(l, &spec->map_spec->value_coder_id);
    case PB__STATE_SPEC__SPEC_SET_SPEC:
        return to_wire(l, &spec->set_spec->element_coder_id);
    case PB__STATE_SPEC__SPEC_ORDERED_LIST_SPEC:
        return to_wire(l, &spec->ordered_list_spec->element_coder_id);
    case PB__STATE_SPEC__SPEC_MULTIMAP_SPEC:
        BEAM_TRY(to_wire(l, &spec->multimap_spec->key_coder_id));
        return to_wire(l, &spec->multimap_spec->value_coder_id);
    default: return BEAM_OK;
    }
}

static beam_status leaf_to_wire(bm_local *l, bm_leaf *leaf)
{
    Pb__ParDoPayload *par_do = leaf->par_do;
    if (!par_do) return BEAM_OK;
    BEAM_TRY(to_wire(l, &par_do->restriction_coder_id));
    for (size_t i = 0; i < par_do->n_state_specs; i++)
        BEAM_TRY(state_to_wire(l, par_do->state_specs[i]->value));
    for (size_t i = 0; i < par_do->n_timer_family_specs; i++)
        BEAM_TRY(
            to_wire(l, &par_do->timer_family_specs[i]->value->timer_family_coder_id));
    leaf->pb->spec = bm_pb_spec(&l->arena, leaf->pb->spec->urn,
                                BM_PB_PACK(&l->arena, par_do));
    return BEAM_OK;
}

/* The inputs of a Flatten are passed on as they are, so that they need its output's coder. */
static void unify_flatten(bm_local *l, const bm_leaf *leaf)
{
    if (strcmp(leaf->urn, BEAM_URN_TRANSFORM_FLATTEN) || !leaf->pb->n_outputs) return;
    const bm_pb_pcoll *out = bm_local_by_id(&l->pcolls, leaf->pb->outputs[0]->value);
    for (size_t i = 0; out && i < leaf->pb->n_inputs; i++) {
        bm_pb_pcoll *in = bm_local_by_id(&l->pcolls, leaf->pb->inputs[i]->value);
        if (in) in->coder_id = out->coder_id;
    }
}

static beam_status all_to_wire(bm_local *l)
{
    for (size_t i = l->leaves.n; i-- > 0;) unify_flatten(l, l->leaves.at[i]);
    for (size_t i = 0; i < l->leaves.n; i++) BEAM_TRY(leaf_to_wire(l, l->leaves.at[i]));
    BM_MAP_EACH(&l->pcolls, e)
    BEAM_TRY(to_wire(l, &((bm_pb_pcoll *)e->value)->coder_id));
    BM_MAP_EACH(&l->windowings, e)
    BEAM_TRY(to_wire(l, &((bm_pb_windowing *)e->value)->window_coder_id));
    return BEAM_OK;
}

/* -- collections ------------------------------------------------------------------------------ */
/* One for all collections of the same coders: each descriptor has all coders. */
static const char *port_coder(bm_local *l, const char *value, const char *window)
{
    const char *parts[] = { value, window };
    const char *name = bm_format(&l->arena, "%s, %s/windowed", value, window);
    const char *known = bm_local_by_id(&l->port_coders, name);
    if (known) return known;
    const char *id = bm_local_add_coder(l, name, "beam:coder:windowed_value:v1", parts, 2);
    bm_map_put(&l->port_coders, beam_span_of(name), (void *)(uintptr_t)id);
    return id;
}

static beam_status make_coll(bm_local *l, const char *id, bm_coll **out)
{
    bm_coll *coll = BM_NEW(&l->arena, bm_coll);
    coll->pb = bm_local_by_id(&l->pcolls, id);
    if (!coll->pb)
        return bm_error(l->err, BEAM_EINVAL,
                        "the pipeline names collection '%s' and does not have it", id);
    coll->id = id;
    coll->watermark = BEAM_MIN_TIMESTAMP;
    coll->last_reader = &coll->readers;
    coll->windowing = bm_local_by_id(&l->windowings, coll->pb->windowing_strategy_id);
    if (!coll->windowing)
        return bm_error(l->err, BEAM_EINVAL,
                        "collection '%s' has windowing strategy '%s', which the pipeline "
                        "does not have",
                        id, coll->pb->windowing_strategy_id);
    const char *window = coll->windowing->window_coder_id;
    BEAM_TRY(bm_coder_set_get(&l->coder_set, coll->pb->coder_id, &coll->value, l->err));
    BEAM_TRY(bm_coder_set_get(&l->coder_set, window, &coll->window, l->err));
    coll->port_coder = port_coder(l, coll->pb->coder_id, window);
    bm_map_put(&l->colls, beam_span_of(id), coll);
    *out = coll;
    return BEAM_OK;
}

beam_status bm_local_coll(bm_local *l, const char *id, bm_coll **out)
{
    *out = bm_local_by_id(&l->colls, id);
    return *out ? BEAM_OK : make_coll(l, id, out);
}

/* -- order ---------------------------------------------------------------------------------------- */
static bool is_ready(const bm_local *l, const bm_leaf *leaf, const bm_map *made)
{
    (void)l;
    for (size_t i = 0; i < leaf->pb->n_inputs; i++)
        if (!bm_local_by_id(made, leaf->pb->inputs[i]->value)) return false;
    return true;
}

static beam_status sort_leaves(bm_local *l)
{
    bm_map made;
    bm_map_init(&made, &l->arena);
    bm_list sorted = { 0 };
    bm_leaf **left = (bm_leaf **)l->leaves.at;
    size_t n_left = l->leaves.n;
    while (n_left) {
        size_t kept = 0;
        for (size_t i = 0; i < n_left; i++) {
            bm_leaf *leaf = left[i];
            if (!is_ready(l, leaf, &made)) {
                left[kept++] = leaf;
                continue;
            }
            bm_list_add(&l->arena, &sorted, leaf);
            for (size_t o = 0; o < leaf->pb->n_outputs; o++)
                bm_map_put(&made, beam_span_of(leaf->pb->outputs[o]->value), leaf);
        }
        if (kept == n_left)
            return bm_error(l->err, BEAM_EINVAL,
                            "%s: its inputs are made by no transform, or by one after it",
                            left[0]->pb->unique_name);
        n_left = kept;
    }
    l->leaves = sorted;
    return BEAM_OK;
}

beam_status bm_local_preprocess(bm_local *l, beam_span pipeline)
{
    BEAM_TRY(unpack(l, pipeline));
    bm_local_coders_init(l);
    bm_map_init(&l->colls, &l->arena);
    bm_map_init(&l->port_coders, &l->arena);
    for (size_t i = 0; i < l->pipeline->n_root_transform_ids; i++)
        BEAM_TRY(collect(l, l->pipeline->root_transform_ids[i], 0));
    BEAM_TRY(all_to_wire(l));
    return sort_leaves(l);
}
