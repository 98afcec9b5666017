/* SPDX-License-Identifier: Apache-2.0 */
/* PeriodicImpulse: a splittable DoFn over the numbers of its elements. Bundle thread. */
#include "fns/periodic.h"

#include "base/reader.h"
#include "beam/splittable.h"
#include "fns/builtin.h"

void bm_periodic_encode(const bm_periodic *periodic, bm_writer *out)
{
    bm_write_be64(out, (uint64_t)periodic->start);
    bm_write_be64(out, (uint64_t)periodic->period);
    bm_write_be64(out, (uint64_t)periodic->n);
}

/* Nothing of it when the config is damaged, which fails the bundle. */
static bm_periodic config_of(beam_ctx *c)
{
    bm_reader in = bm_reader_of(beam_config(c));
    uint64_t start = 0, period = 0, n = 0;
    if (bm_read_be64(&in, &start) != BEAM_OK || bm_read_be64(&in, &period) != BEAM_OK
        || bm_read_be64(&in, &n) != BEAM_OK)
        beam_fail(c, BEAM_ECODER, "the config of the PeriodicImpulse is damaged");
    return (bm_periodic){ (beam_millis)start, (beam_millis)period, (int64_t)n };
}

static beam_millis time_of(const bm_periodic *periodic, int64_t i)
{
    return periodic->start + i * periodic->period;
}

static beam_value all(beam_ctx *c, beam_value impulse)
{
    (void)impulse;
    return beam_offsets(c, 0, config_of(c).n);
}

static beam_millis starts(beam_ctx *c, beam_value impulse, beam_value restriction)
{
    (void)impulse;
    bm_periodic periodic = config_of(c);
    return time_of(&periodic, beam_offset_from(restriction));
}

/* What is due by now: the rest is not work to do yet. */
static double due(beam_ctx *c, beam_value impulse, beam_value restriction)
{
    (void)impulse;
    bm_periodic periodic = config_of(c);
    int64_t from = beam_offset_from(restriction), to = beam_offset_to(restriction);
    beam_millis late = beam_now(c) - time_of(&periodic, from);
    if (late < 0 || periodic.period <= 0) return 0;
    int64_t n = late / periodic.period + 1;
    return (double)(n < to - from ? n : to - from);
}

static beam_status process(beam_ctx *c, beam_value impulse)
{
    (void)impulse;
    bm_periodic periodic = config_of(c);
    for (int64_t i = beam_offset_from(beam_restriction(c));; i++) {
        beam_millis at = time_of(&periodic, i);
        beam_millis wait_ms = at - beam_now(c);
        if (at > beam_watermark(c)) BEAM_TRY(beam_watermark_set(c, at));
        if (wait_ms > 0 && i < periodic.n) return beam_resume_later(c, wait_ms);
        if (!beam_claim_offset(c, i)) return BEAM_OK;
        BEAM_TRY(beam_emit_at(c, beam_int64(i), at));
    }
}

static const beam_sdf sdf = {
    .tracker = &beam_offset_tracker,
    .initial = all,
    .size = due,
    .watermark = BEAM_WATERMARK_MANUAL,
    .initial_watermark = starts,
    .unbounded = true,
};
const beam_dofn bm_periodic_fn = { .name = "beam.periodic_impulse", .in = BEAM_BYTES,
                                   .out = BEAM_INT64, .process = process, .sdf = &sdf };
