/* SPDX-License-Identifier: Apache-2.0 */
/* Taking away a part of the element that process() works on, and how far it is. Any thread,
 * with the lock of the tracking; process() runs meanwhile and waits only when it claims. */
#include "exec/sdf.h"

/* -- the restriction under way ----------------------------------------------------------- */
bool bm_sdf_split_restriction(bm_sdf_process *s, double fraction, beam_value *primary,
                              bool *has_primary, beam_value *residual)
{
    bm_tracking *t = &s->tracking;
    if (t->given_away) return false;
    *has_primary = t->tracker->split != NULL;
    if (!*has_primary) {
        if (t->has_claimed || fraction > 0) return false;
        *residual = t->pair.restriction;
        return t->given_away = true;
    }
    return t->tracker->split(&t->ctx, t->self, fraction, primary, residual)
           && t->error.status == BEAM_OK
           && bm_is_restriction(&t->ctx, *primary, "split() of its tracker")
           && bm_is_restriction(&t->ctx, *residual, "split() of its tracker");
}

/* In units of the tracker, without the windows. */
static beam_progress restriction_progress(bm_tracking *t)
{
    beam_progress progress = { 0, 1 };
    if (t->tracker->progress) progress = t->tracker->progress(&t->ctx, t->self);
    if (!(progress.completed >= 0)) progress.completed = 0;
    if (!(progress.remaining >= 0)) progress.remaining = 0;
    return progress;
}

bool bm_sdf_progress(bm_node *node, beam_progress *out)
{
    bm_tracking *t = &((bm_sdf_process *)node)->tracking;
    bm_owner_lock_take(&t->lock);
    bool is_known = t->under_way;
    if (is_known) {
        beam_progress one = restriction_progress(t);
        double whole = one.completed + one.remaining;
        out->completed = one.completed + (double)t->window * whole;
        out->remaining = one.remaining + (double)(t->end_window - t->window - 1) * whole;
    }
    bm_owner_lock_give(&t->lock);
    return is_known;
}

/* -- roots ------------------------------------------------------------------------------------ */
static beam_status encode(bm_sdf_process *s, const bm_pair *pair, const bm_windows *windows,
                          bm_arena *arena, beam_span *out)
{
    bm_tracking *t = &s->tracking;
    double size = bm_restriction_size(&t->ctx, pair->restriction);
    if (t->error.status != BEAM_OK) return t->error.status;
    bm_sized_pair room;
    const bm_element element = { bm_sized_value(&room, pair, size), t->whole->timestamp,
                                 windows, t->whole->pane };
    bm_writer w = { 0 };
    beam_status status = bm_element_encode(s->root_coder, &element, &w);
    *out = bm_span_copy(arena, bm_written(&w));
    bm_writer_free(&w);
    if (status != BEAM_OK)
        beam_fail(&t->ctx, status, "a restriction that was split off cannot be encoded: %s",
                  beam_status_text(status));
    return status;
}

bool bm_sdf_root(bm_sdf_process *s, beam_value restriction, beam_millis watermark,
                 const bm_windows *windows, bm_arena *arena, bm_root *out)
{
    const bm_tracking *t = &s->tracking;
    bm_pair pair = { t->pair.element, restriction, watermark };
    if (t->sdf->watermark == BEAM_WATERMARK_NONE) pair.watermark = t->pair.watermark;
    *out = (bm_root){
        .transform_id = s->par_do.node.id,
        .input_id = s->par_do.input->tag,
        .n_watermarks = s->n_outputs,
        .is_bounded = !t->sdf->unbounded,
    };
    bm_output_watermark *watermarks = BM_NEW_ARRAY(arena, bm_output_watermark, s->n_outputs);
    for (size_t i = 0; i < s->n_outputs; i++)
        watermarks[i] = (bm_output_watermark){ s->outputs[i], watermark };
    out->watermarks = watermarks;
    return encode(s, &pair, windows, arena, &out->element) == BEAM_OK;
}

/* The roots of one split: at most three of each. */
enum { MOST_ROOTS = 3 };

typedef struct cut {
    bm_sdf_process *s;
    bm_arena *arena;
    bm_split *out;
    bool failed;
} cut;

static void add_root(cut *c, bm_roots *list, beam_value restriction, beam_millis watermark,
                     const bm_windows *windows)
{
    if (!list->at) list->at = BM_NEW_ARRAY(c->arena, bm_root, MOST_ROOTS);
    if (bm_sdf_root(c->s, restriction, watermark, windows, c->arena, &list->at[list->n]))
        list->n++;
    else
        c->failed = true;
}

/* Where an element that has not begun has its watermark. */
static beam_millis initial_watermark(const bm_tracking *t)
{
    return t->sdf->watermark == BEAM_WATERMARK_NONE ? t->whole->timestamp
                                                    : t->pair.watermark;
}

/* The restriction as it came, in windows number `from` up to `to`. */
static void add_windows(cut *c, bm_roots *list, size_t from, size_t to)
{
    if (from >= to) return;
    const bm_tracking *t = &c->s->tracking;
    bm_windows *some =
        bm_alloc(c->arena, sizeof *some + bm_times(to - from, sizeof some->at[0]));
    some->n = to - from;
    memcpy(some->at, &t->whole->windows->at[from], (to - from) * sizeof some->at[0]);
    add_root(c, list, t->pair.restriction, initial_watermark(t), some);
}

/* -- splitting ----------------------------------------------------------------------------------- */
/* Within the restriction under way; later windows go too. */
static bool cut_restriction(cut *c, double fraction)
{
    bm_tracking *t = &c->s->tracking;
    beam_value primary, residual;
    bool has_primary;
    if (!bm_sdf_split_restriction(c->s, fraction, &primary, &has_primary, &residual))
        return false;
    if (has_primary)
        add_root(c, &c->out->primaries, primary, initial_watermark(t), t->windows);
    add_root(c, &c->out->residuals, residual, bm_sdf_watermark(t), t->windows);
    if (!c->s->par_do.ctx.observes_window) return true;
    add_windows(c, &c->out->primaries, 0, t->window);
    add_windows(c, &c->out->residuals, t->window + 1, t->end_window);
    t->end_window = t->window + 1;
    return true;
}

/* Between two windows. */
static bool cut_windows(cut *c, size_t stop)
{
    bm_tracking *t = &c->s->tracking;
    if (stop >= t->end_window) return false;
    add_windows(c, &c->out->primaries, 0, stop);
    add_windows(c, &c->out->residuals, stop, t->end_window);
    t->end_window = stop;
    return true;
}

static bool cut_element(cut *c, double fraction)
{
    bm_tracking *t = &c->s->tracking;
    if (t->end_window - t->window == 1) return cut_restriction(c, fraction);
    beam_progress progress = restriction_progress(t);
    bm_cut at = bm_cut_work((int64_t)t->window, (int64_t)t->end_window,
                            bm_done_part(progress), fraction);
    if (at.inside >= 0 && cut_restriction(c, at.inside)) return true;
    return t->error.status == BEAM_OK && cut_windows(c, (size_t)at.stop);
}

bool bm_sdf_split(bm_node *node, double fraction, bm_arena *arena, bm_split *out)
{
    bm_sdf_process *s = (bm_sdf_process *)node;
    bm_tracking *t = &s->tracking;
    cut c = { .s = s, .arena = arena, .out = out };
    bm_owner_lock_take(&t->lock);
    bool done = t->under_way && t->error.status == BEAM_OK && cut_element(&c, fraction);
    bm_owner_lock_give(&t->lock);
    return done && !c.failed;
}
