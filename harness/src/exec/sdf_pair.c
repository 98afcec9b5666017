/* SPDX-License-Identifier: Apache-2.0 */
/* beam:transform:sdf_pair_with_restriction:v1: an element with all the work that it is.
 * Bundle thread. */
#include "exec/sdf.h"

static beam_millis initial_watermark(beam_ctx *c, const bm_element *in, beam_value restriction)
{
    if (c->sdf->watermark == BEAM_WATERMARK_NONE) return 0;
    if (!c->sdf->initial_watermark) return in->timestamp;
    beam_millis at = c->sdf->initial_watermark(c, in->value, restriction);
    if (at >= BEAM_MIN_TIMESTAMP && at <= BEAM_MAX_TIMESTAMP) return at;
    beam_fail(c, BEAM_EINVAL, "initial_watermark() returned %lld, which is no timestamp",
              (long long)at);
    return in->timestamp;
}

static beam_status pair_one(bm_node *node, const bm_element *in)
{
    bm_par_do *p = (bm_par_do *)node;
    beam_ctx *c = &p->ctx;
    bm_call call = bm_call_begin(p, in, &in->value);
    bm_pair pair = { .element = in->value, .restriction = c->sdf->initial(c, in->value) };
    if (bm_failed(node->plan) || !bm_is_restriction(c, pair.restriction, "initial()"))
        return bm_call_end(p, call, BEAM_EUSER);
    pair.watermark = initial_watermark(c, in, pair.restriction);
    bm_sized_pair room;
    bm_element out = *in;
    out.value = bm_pair_value(&room, &pair);
    return bm_call_end(p, call, bm_emit(c, 0, &out));
}

static const bm_node_ops ops = { .setup = bm_par_do_setup, .teardown = bm_par_do_teardown };

beam_status bm_sdf_pair_new(bm_plan *plan, const bm_transform *t, bm_node **out,
                            beam_error *err)
{
    bm_par_do *p;
    BEAM_TRY(bm_sdf_make(plan, t, &ops, sizeof *p, &p, err));
    bm_sdf_set_output(p, t);
    bm_sdf_set_process(p, pair_one);
    *out = &p->node;
    return BEAM_OK;
}
