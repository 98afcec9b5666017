/* SPDX-License-Identifier: Apache-2.0 */
/* beam:transform:sdf_split_and_size_restrictions:v1: the parts that a runner distributes.
 * Bundle thread. */
#include "exec/sdf.h"

/* Where beam_emit_restriction() goes. */
typedef struct bm_parts {
    const bm_element *in;
    const bm_pair *pair;
} bm_parts;

static beam_status emit_part(beam_ctx *c, beam_value restriction)
{
    if (!bm_is_restriction(c, restriction, "split()")) return BEAM_ETYPE;
    double size = bm_restriction_size(c, restriction);
    if (bm_failed(c->node->plan)) return c->node->plan->error.status;
    bm_pair part = *c->parts->pair;
    part.restriction = restriction;
    bm_sized_pair room;
    bm_element out = *c->parts->in;
    out.value = bm_sized_value(&room, &part, size);
    return bm_emit(c, 0, &out);
}

beam_status beam_emit_restriction(beam_ctx *c, beam_value restriction)
{
    if (c->parts) return emit_part(c, restriction);
    return beam_fail(c, BEAM_ESTATE, "beam_emit_restriction() is for the split callback of a "
                     "splittable DoFn");
}

static beam_status split_one(bm_node *node, const bm_element *in)
{
    bm_par_do *p = (bm_par_do *)node;
    beam_ctx *c = &p->ctx;
    bm_pair pair;
    BEAM_TRY(bm_read_pair(node, in, &pair));
    bm_call call = bm_call_begin(p, in, &pair.element);
    c->parts = &(bm_parts){ in, &pair };
    beam_status status = c->sdf->split ? c->sdf->split(c, pair.element, pair.restriction)
                                       : emit_part(c, pair.restriction);
    c->parts = NULL;
    return bm_call_end(p, call, status);
}

static const bm_node_ops ops = { .setup = bm_par_do_setup, .teardown = bm_par_do_teardown };

beam_status bm_sdf_split_new(bm_plan *plan, const bm_transform *t, bm_node **out,
                             beam_error *err)
{
    bm_par_do *p;
    BEAM_TRY(bm_sdf_make(plan, t, &ops, sizeof *p, &p, err));
    bm_sdf_set_output(p, t);
    bm_sdf_set_process(p, split_one);
    *out = &p->node;
    return BEAM_OK;
}
