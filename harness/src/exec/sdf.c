/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a splittable DoFn share: their elements, sizes, construction. On the
 * bundle thread, but for what sdf.h says a split needs too. */
#include "exec/sdf.h"

#include <math.h>

#include "base/error.h"

/* -- elements ----------------------------------------------------------------------------- */
static beam_status bad_element(bm_node *node, const bm_element *in, const char *shape)
{
    return bm_fail_on(node, BEAM_ETYPE, in, "it is not the %s that a part of a splittable "
                      "DoFn reads", shape);
}

static bool read_pair(beam_value v, bm_pair *out)
{
    if (v.kind != BEAM_KIND_KV) return false;
    beam_value restriction = beam_val(v);
    if (restriction.kind != BEAM_KIND_KV || beam_val(restriction).kind != BEAM_KIND_INT64)
        return false;
    *out = (bm_pair){ beam_key(v), beam_key(restriction),
                      beam_as_int64(beam_val(restriction)) };
    return true;
}

beam_status bm_read_pair(bm_node *node, const bm_element *in, bm_pair *out)
{
    if (read_pair(in->value, out)) return BEAM_OK;
    return bad_element(node, in, "KV<element, KV<restriction, watermark>>");
}

beam_status bm_read_sized(bm_node *node, const bm_element *in, bm_pair *out)
{
    if (in->value.kind == BEAM_KIND_KV && read_pair(beam_key(in->value), out)) return BEAM_OK;
    return bad_element(node, in, "KV<KV<element, KV<restriction, watermark>>, size>");
}

beam_value bm_pair_value(bm_sized_pair *room, const bm_pair *pair)
{
    room->restriction[0] = pair->restriction;
    room->restriction[1] = beam_int64(pair->watermark);
    room->pair[0] = pair->element;
    room->pair[1] = beam_kv(room->restriction);
    return beam_kv(room->pair);
}

beam_value bm_sized_value(bm_sized_pair *room, const bm_pair *pair, double size)
{
    room->sized[0] = bm_pair_value(room, pair);
    room->sized[1] = beam_double(size);
    return beam_kv(room->sized);
}

/* -- restrictions -------------------------------------------------------------------------- */
const beam_type *bm_restriction_type(const beam_sdf *sdf)
{
    return sdf->tracker->restriction ? sdf->tracker->restriction : sdf->restriction;
}

bool bm_is_restriction(beam_ctx *c, beam_value v, const char *who)
{
    const beam_type *type = bm_restriction_type(c->sdf);
    if (v.kind == type->kind || type->kind == BEAM_KIND_ANY) return true;
    if (type->kind == BEAM_KIND_NULLABLE
        && (v.kind == BEAM_KIND_NONE || v.kind == type->arg[0]->kind))
        return true;
    bm_arena texts;
    bm_arena_init(&texts, 0);
    beam_fail(c, BEAM_ETYPE, "%s gave a restriction that is %s", who,
              bm_value_type_text(&texts, v));
    bm_arena_free(&texts);
    return false;
}

/* By the progress of a tracker that nothing was claimed from. */
static double tracked_size(beam_ctx *c, beam_value restriction)
{
    const beam_tracker *tracker = c->sdf->tracker;
    if (!tracker->progress) return 1;
    void *self = bm_calloc(c->arena, tracker->size);
    if (tracker->start(c, self, restriction) != BEAM_OK) return NAN;
    beam_progress progress = tracker->progress(c, self);
    return progress.remaining;
}

double bm_restriction_size(beam_ctx *c, beam_value restriction)
{
    const beam_sdf *sdf = c->sdf;
    double size = sdf->size ? sdf->size(c, *c->sdf_element, restriction)
                            : tracked_size(c, restriction);
    if (size >= 0 && size < INFINITY) return size;
    beam_fail(c, BEAM_EINVAL, "the size of a restriction is %g: it must be 0 or more", size);
    return NAN;
}

/* -- construction --------------------------------------------------------------------------- */
beam_status bm_sdf_make(bm_plan *plan, const bm_transform *t, const bm_node_ops *ops,
                        size_t size, bm_par_do **out, beam_error *err)
{
    BEAM_TRY(bm_par_do_make(plan, t, ops, size, out, err));
    const beam_dofn *fn = (*out)->fn;
    if (!fn->sdf || !fn->process)
        return bm_error(err, BEAM_EINVAL, "Transform '%s' is a part of a splittable DoFn, but "
                        "DoFn '%s' of this program has no .sdf and .process", t->name,
                        fn->name);
    (*out)->ctx.sdf = fn->sdf;
    return BEAM_OK;
}

void bm_sdf_set_output(bm_par_do *p, const bm_transform *t)
{
    p->ctx.n_outputs = 1;
    p->ctx.outputs = BM_NEW_ARRAY(&p->node.plan->arena, bm_output, 1);
    bm_output_init(&p->ctx.outputs[0], "main", bm_only_output(t));
}

static beam_status process_each_window(bm_node *node, const bm_element *in)
{
    bm_par_do *p = (bm_par_do *)node;
    for (size_t i = 0; i < in->windows->n; i++) {
        bm_one_window one;
        bm_element in_window = *in;
        in_window.windows = bm_one_window_set(&one, &in->windows->at[i]);
        BEAM_TRY(p->process_one(node, &in_window));
    }
    return BEAM_OK;
}

void bm_sdf_set_process(bm_par_do *p, bm_process each)
{
    p->process_one = each;
    p->node.process = p->ctx.observes_window ? process_each_window : each;
}

/* -- callbacks --------------------------------------------------------------------------------- */
bm_call bm_call_begin(bm_par_do *p, const bm_element *in, const beam_value *element)
{
    bm_call call = { bm_scratch_mark(&p->node.plan->scratch), bm_enter(&p->node) };
    p->ctx.element = in;
    p->ctx.sdf_element = element;
    return call;
}

beam_status bm_call_end(bm_par_do *p, bm_call call, beam_status status)
{
    status = bm_callback_ended(&p->ctx, status);
    p->ctx.element = NULL;
    p->ctx.sdf_element = NULL;
    bm_leave(&p->node, call.outer);
    bm_rewind(&p->node.plan->scratch, call.scratch);
    return status;
}
