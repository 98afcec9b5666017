/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of beam/splittable.h that process() calls. Bundle thread. */
#include "exec/sdf.h"

static bm_tracking *tracking_of(beam_ctx *c, const char *what)
{
    if (c->tracking && c->tracking->under_way) return c->tracking;
    beam_fail(c, BEAM_ESTATE, "%s is for process() of a splittable DoFn", what);
    return NULL;
}

beam_value beam_restriction(beam_ctx *c)
{
    const bm_tracking *t = tracking_of(c, "beam_restriction()");
    return t ? t->pair.restriction : beam_null();
}

static bool refuse_position(beam_ctx *c, const bm_tracking *t, beam_value position)
{
    bm_arena texts;
    bm_arena_init(&texts, 0);
    beam_fail(c, BEAM_ETYPE, "a position of tracker '%s' is of another type than what was "
              "claimed: %s", t->tracker->name, bm_value_type_text(&texts, position));
    bm_arena_free(&texts);
    return false;
}

bool beam_claim(beam_ctx *c, beam_value position)
{
    bm_tracking *t = tracking_of(c, "beam_claim()");
    if (!t || bm_failed(c->node->plan)) return false;
    if (BM_UNLIKELY(position.kind != t->position && t->position != BEAM_KIND_ANY))
        return refuse_position(c, t, position);
    if (t->resume) return false;
    bm_owner_enter(&t->lock);
    bool ours = !t->given_away && t->tracker->claim(&t->ctx, t->self, position);
    t->has_claimed = true;
    bool failed = t->error.status != BEAM_OK;
    bm_owner_leave(&t->lock);
    if (BM_LIKELY(!failed)) return ours;
    beam_fail(c, t->error.status, "%s (tracker '%s')", t->error.message, t->tracker->name);
    return false;
}

bool beam_claim_offset(beam_ctx *c, int64_t offset)
{
    return beam_claim(c, beam_int64(offset));
}

beam_status beam_resume_later(beam_ctx *c, int64_t delay_ms)
{
    bm_tracking *t = tracking_of(c, "beam_resume_later()");
    if (!t) return BEAM_ESTATE;
    t->resume = true;
    t->delay_ms = delay_ms > 0 ? delay_ms : 0;
    return BEAM_OK;
}

beam_millis bm_sdf_watermark(bm_tracking *t)
{
    beam_millis at = bm_count_get(&t->watermark);
    if (t->sdf->watermark != BEAM_WATERMARK_WALL_TIME) return at;
    beam_millis now = beam_now(&t->ctx);
    return now > at ? now : at;
}

beam_millis beam_watermark(beam_ctx *c)
{
    bm_tracking *t = tracking_of(c, "beam_watermark()");
    return t ? bm_sdf_watermark(t) : BEAM_MIN_TIMESTAMP;
}

beam_status beam_watermark_set(beam_ctx *c, beam_millis watermark)
{
    bm_tracking *t = tracking_of(c, "beam_watermark_set()");
    if (!t) return BEAM_ESTATE;
    if (t->sdf->watermark != BEAM_WATERMARK_MANUAL)
        return beam_fail(c, BEAM_ESTATE, "beam_watermark_set() needs .watermark = "
                         "BEAM_WATERMARK_MANUAL in the beam_sdf");
    if (watermark < BEAM_MIN_TIMESTAMP || watermark > BEAM_MAX_TIMESTAMP)
        return beam_fail(c, BEAM_EINVAL, "the watermark %lld is no timestamp",
                         (long long)watermark);
    beam_millis before = bm_count_get(&t->watermark);
    if (watermark < before)
        return beam_fail(c, BEAM_EINVAL, "the watermark would go back from %lld to %lld: set "
                         "it to no less than beam_watermark()", (long long)before,
                         (long long)watermark);
    bm_count_set(&t->watermark, watermark);
    return BEAM_OK;
}
