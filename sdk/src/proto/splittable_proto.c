/* SPDX-License-Identifier: Apache-2.0 */
/* proto/splittable_proto.c - what a ParDoPayload says of a splittable DoFn and of bundle
 * finalization. One thread. */
#include "beam/splittable.h"

#include "beam_urns.h"
#include "proto/builder.h"

/* Beam's Java runners name the coder of KV<element, restriction> after the element's alone, so
 * that two splittable DoFns with one input coder and different restrictions get in each
 * other's way. The input then gets its coder under an id of its own. */
static void separate_input_coder(bm_builder *b, const bm_step *step, const char *restriction)
{
    bm_pb_pcoll *in = b->built[step->inputs[0]->id].pb;
    const char *wanted = in->coder_id, *id = wanted;
    for (int i = 2;; i++) {
        bool is_new;
        void **slot = bm_map_slot(&b->splittable_coders, beam_span_of(id), &is_new);
        if (is_new) *slot = bm_pb_text(restriction);
        if (!strcmp(*slot, restriction)) break;
        id = bm_format(b->arena, "%s (splittable %d)", wanted, i);
    }
    in->coder_id = bm_pb_text(id);
    if (!bm_map_get(&b->coders.by_id, beam_span_of(id)))
        bm_add_coder(b, id, bm_map_get(&b->coders.by_id, beam_span_of(wanted)));
}

/* What travels is KV<restriction, state of the watermark>, as in other SDKs. */
static beam_status set_restriction(bm_builder *b, const bm_step *step, bm_pb_par_do *payload)
{
    const beam_type *restriction = bm_sdf_restriction(step->dofn->sdf);
    beam_type *pair = BM_NEW(b->arena, beam_type);
    *pair = (beam_type){ BEAM_KIND_KV, { restriction, BEAM_INT64 }, NULL, NULL };
    const char *coder;
    BEAM_TRY(bm_coder_id(b, pair, step->unique_name, &coder));
    payload->restriction_coder_id = bm_pb_text(coder);
    bm_add_requirement(b, BEAM_URN_REQUIREMENT_PARDO_SPLITTABLE_DOFN);
    separate_input_coder(b, step, coder);
    return BEAM_OK;
}

beam_status bm_add_splitting(bm_builder *b, const bm_step *step, bm_pb_par_do *payload)
{
    if (step->dofn->flags & BEAM_FINALIZES) {
        payload->requests_finalization = true;
        bm_add_requirement(b, BEAM_URN_REQUIREMENT_PARDO_FINALIZATION);
    }
    return step->dofn->sdf ? set_restriction(b, step, payload) : BEAM_OK;
}
