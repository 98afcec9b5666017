/* SPDX-License-Identifier: Apache-2.0 */
/* ParDoPayload.side_inputs: which inputs of a transform are side inputs. Those are read by
 * way of the State API, so they have no consumers here. Any thread, one per plan. */
#include <stdlib.h>

#include "base/error.h"
#include "beam_urns.h"
#include "exec/build.h"

/* Takes the input of that tag out of the inputs that are pushed. */
static bm_pcoll *take_input(bm_transform *t, const char *tag)
{
    for (size_t i = 0; i < t->n_inputs; i++) {
        if (strcmp(t->inputs[i].tag, tag) != 0) continue;
        bm_pcoll *pcoll = t->inputs[i].pcoll;
        t->n_inputs--;
        memmove(&t->inputs[i], &t->inputs[i + 1], (t->n_inputs - i) * sizeof t->inputs[0]);
        return pcoll;
    }
    return NULL;
}

static beam_status read_pattern(bm_builder *b, const bm_transform *t, bm_side_input *side,
                                const pb_SideInput *pb)
{
    const pb_FunctionSpec *spec = pb_SideInput_access_pattern(pb);
    const char *urn = spec ? bm_pb_text(b, pb_FunctionSpec_urn(spec)) : "";
    side->is_multimap = strcmp(urn, BEAM_URN_SIDE_INPUT_MULTIMAP) == 0;
    if (side->is_multimap || strcmp(urn, BEAM_URN_SIDE_INPUT_ITERABLE) == 0) return BEAM_OK;
    return bm_error(b->err, BEAM_EUNSUPPORTED, "Transform '%s': side input '%s' has the access "
                    "pattern '%s', which this worker does not know", t->name, side->tag, urn);
}

/* The WindowFn that the SDK has named; else that of the collection's windowing, which may only
 * stand in for it. */
static beam_status read_mapping(bm_builder *b, const bm_transform *t, bm_side_input *side,
                                const pb_SideInput *pb)
{
    const char *who = bm_format(&b->plan->arena, "Transform '%s'", t->name);
    BEAM_TRY(bm_build_window_fn(b, who, pb_SideInput_window_mapping_fn(pb), &side->window_fn));
    if (side->window_fn.kind == BM_WINDOW_FN_OTHER) side->window_fn = side->pcoll->window_fn;
    return BEAM_OK;
}

static beam_status add(bm_builder *b, bm_transform *t, const char *tag,
                       const pb_SideInput *pb)
{
    bm_side_input *side = &t->sides[t->n_sides++];
    *side = (bm_side_input){ .tag = tag, .pcoll = take_input(t, tag) };
    if (side->pcoll) {
        BEAM_TRY(read_pattern(b, t, side, pb));
        return read_mapping(b, t, side, pb);
    }
    return bm_error(b->err, BEAM_EINVAL, "Transform '%s' has the side input '%s', but no input "
                    "of that name", t->name, tag);
}

static int by_tag(const void *a, const void *b)
{
    return strcmp(((const bm_side_input *)a)->tag, ((const bm_side_input *)b)->tag);
}

beam_status bm_build_side_inputs(bm_builder *b, const pb_PTransform *pb, bm_transform *t)
{
    if (strcmp(t->fn_urn, BM_URN_DOFN) != 0) return BEAM_OK;
    beam_span payload = bm_pb_span(pb_FunctionSpec_payload(pb_PTransform_spec(pb)));
    const pb_ParDoPayload *par_do = pb_ParDoPayload_parse_ex(
        payload.ptr, payload.len, NULL, kUpb_DecodeOption_AliasString, b->upb);
    size_t n = par_do ? pb_ParDoPayload_side_inputs_size(par_do) : 0;
    if (!n) return BEAM_OK;
    t->sides = BM_NEW_ARRAY(&b->plan->arena, bm_side_input, n);
    size_t iter = kUpb_Map_Begin;
    for (const pb_ParDoPayload_SideInputsEntry *e;
         (e = pb_ParDoPayload_side_inputs_next(par_do, &iter));)
        BEAM_TRY(add(b, t, bm_pb_text(b, pb_ParDoPayload_SideInputsEntry_key(e)),
                     pb_ParDoPayload_SideInputsEntry_value(e)));
    qsort(t->sides, t->n_sides, sizeof *t->sides, by_tag);
    return BEAM_OK;
}
