/* SPDX-License-Identifier: Apache-2.0 */
/* Watermarks: how far event time is, stage by stage in the order of the data. Runner's
 * thread. */
#include <inttypes.h>
#include <stdio.h>

#include "local/local_impl.h"

static beam_millis least(beam_millis a, beam_millis b)
{
    return a < b ? a : b;
}

/* Watermarks never go back. */
static void raise(beam_millis *watermark, beam_millis to)
{
    if (to > *watermark) *watermark = to;
}

static beam_millis upstream_of(const bm_stage *stage)
{
    beam_millis t = BEAM_MAX_TIMESTAMP;
    for (size_t i = 0; i < stage->n_inputs; i++)
        t = least(t, stage->inputs[i]->watermark);
    return t;
}

static beam_status refresh_worker_stage(bm_local *l, bm_stage *stage)
{
    raise(&stage->input, least(stage->upstream, bm_local_holds_min(&stage->pending)));
    for (bm_side *side = stage->sides; side; side = side->next)
        BEAM_TRY(bm_local_side_advance(l, side));
    BEAM_TRY(bm_local_stage_refresh(l, stage));
    /* A timer fires before its time is over downstream, whatever its hold. */
    if (!stage->n_fired)
        raise(&stage->output,
              least(stage->input, bm_local_holds_min(&stage->timer_holds)));
    return BEAM_OK;
}

static beam_status refresh_group(bm_local *l, bm_stage *stage)
{
    raise(&stage->input, stage->upstream);
    BEAM_TRY(bm_local_group_advance(l, stage));
    raise(&stage->output, bm_grouping_output_watermark(stage->grouping));
    return BEAM_OK;
}

static beam_status refresh_stage(bm_local *l, bm_stage *stage)
{
    if (stage->kind == BM_STAGE_TEST_STREAM) return BEAM_OK; /* says it itself */
    raise(&stage->upstream, upstream_of(stage));
    switch (stage->kind) {
    case BM_STAGE_WORKER: BEAM_TRY(refresh_worker_stage(l, stage)); break;
    case BM_STAGE_GROUP: BEAM_TRY(refresh_group(l, stage)); break;
    default: raise(&stage->input, stage->upstream); raise(&stage->output, stage->input);
    }
    for (size_t i = 0; i < stage->n_outputs; i++)
        raise(&stage->outputs[i]->watermark, stage->output);
    return BEAM_OK;
}

static bool is_quiet(const bm_local *l)
{
    for (size_t i = 0; i < l->n_stages; i++)
        if (bm_local_stage_is_ready(l->stages[i])) return false;
    return !l->n_running;
}

beam_status bm_local_refresh(bm_local *l)
{
    if (is_quiet(l)) l->synchronized = bm_local_now(l);
    for (size_t i = 0; i < l->n_stages; i++) BEAM_TRY(refresh_stage(l, l->stages[i]));
    return BEAM_OK;
}

/* -- what there is to wait for ---------------------------------------------------------- */
static beam_millis next_of(bm_local *l, bm_stage *stage)
{
    (void)l;
    if (stage->kind == BM_STAGE_GROUP)
        return least(bm_grouping_next_processing_time(stage->grouping),
                     bm_grouping_next_synchronized_time(stage->grouping));
    beam_millis next = least(bm_local_stage_next_processing_time(stage),
                             bm_local_timers_next(&stage->processing_timers));
    for (const bm_side *side = stage->sides; side; side = side->next)
        next = least(next, bm_local_side_next_processing_time(side));
    return next;
}

beam_millis bm_local_next_processing_time(bm_local *l)
{
    beam_millis next = INT64_MAX;
    for (size_t i = 0; i < l->n_stages; i++) next = least(next, next_of(l, l->stages[i]));
    return next;
}

bool bm_local_is_done(bm_local *l)
{
    for (size_t i = 0; i < l->n_stages; i++) {
        bm_stage *stage = l->stages[i];
        if (!bm_local_stage_is_idle(stage) || stage->output < BEAM_MAX_TIMESTAMP ||
            bm_local_timers_next(&stage->processing_timers) < INT64_MAX ||
            bm_local_timers_next(&stage->event_timers) < INT64_MAX)
            return false;
    }
    return true;
}

static void add(bm_writer *out, const char *text)
{
    bm_write_bytes(out, text, strlen(text));
}

void bm_local_explain(bm_local *l, bm_writer *out)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    for (size_t i = 0; i < l->n_stages; i++) {
        bm_stage *stage = l->stages[i];
        if (bm_local_stage_is_idle(stage) && stage->output >= BEAM_MAX_TIMESTAMP)
            continue;
        add(out, out->len ? "; " : "");
        add(out,
            bm_format(&arena, "%s is at watermark %" PRId64 " (its input at %" PRId64 ")",
                      stage->name, stage->output, stage->upstream));
        if (stage->blocked.n)
            add(out, bm_format(&arena,
                               " with %zu element%s for side inputs or earlier "
                               "elements",
                               stage->blocked.n,
                               stage->blocked.n == 1 ? " that waits" : "s that wait"));
    }
    bm_arena_free(&arena);
}
