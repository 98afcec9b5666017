/* SPDX-License-Identifier: Apache-2.0 */
/* beam:transform:sdf_truncate_sized_restrictions:v1: what is still to be done when the
 * pipeline drains. Bundle thread. */
#include "exec/sdf.h"

/* NONE: nothing. */
static beam_value what_remains(beam_ctx *c, const bm_pair *pair)
{
    if (c->sdf->truncate) return c->sdf->truncate(c, pair->element, pair->restriction);
    return c->sdf->unbounded ? beam_null() : pair->restriction;
}

static beam_status truncate_one(bm_node *node, const bm_element *in)
{
    bm_par_do *p = (bm_par_do *)node;
    beam_ctx *c = &p->ctx;
    bm_pair pair;
    BEAM_TRY(bm_read_sized(node, in, &pair));
    bm_call call = bm_call_begin(p, in, &pair.element);
    pair.restriction = what_remains(c, &pair);
    if (bm_failed(node->plan) || beam_is_null(pair.restriction))
        return bm_call_end(p, call, BEAM_OK);
    if (!bm_is_restriction(c, pair.restriction, "truncate()"))
        return bm_call_end(p, call, BEAM_ETYPE);
    double size = bm_restriction_size(c, pair.restriction);
    if (bm_failed(node->plan)) return bm_call_end(p, call, BEAM_EUSER);
    bm_sized_pair room;
    bm_element out = *in;
    out.value = bm_sized_value(&room, &pair, size);
    return bm_call_end(p, call, bm_emit(c, 0, &out));
}

/* One element at a time goes on from here, unless this looks at the windows one by one. */
static bm_node *splitter(bm_node *node)
{
    bm_par_do *p = (bm_par_do *)node;
    return p->ctx.observes_window ? NULL : bm_splitter_of(p->ctx.outputs[0].pcoll);
}

static const bm_node_ops ops = {
    .setup = bm_par_do_setup,
    .teardown = bm_par_do_teardown,
    .splitter = splitter,
};

beam_status bm_sdf_truncate_new(bm_plan *plan, const bm_transform *t, bm_node **out,
                                beam_error *err)
{
    bm_par_do *p;
    BEAM_TRY(bm_sdf_make(plan, t, &ops, sizeof *p, &p, err));
    bm_sdf_set_output(p, t);
    bm_sdf_set_process(p, truncate_one);
    *out = &p->node;
    return BEAM_OK;
}
