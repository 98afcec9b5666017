/* SPDX-License-Identifier: Apache-2.0 */
/* What Latest, Distinct and Wait are made of. Bundle thread. */
#include "fns/builtin.h"

#define STAMPED BEAM_KV(BEAM_INT64, BEAM_ANY)

static beam_status stamp(beam_ctx *c, beam_value in)
{
    const beam_value pair[2] = { beam_int64(beam_timestamp(c)), beam_val(in) };
    return beam_emit_kv(c, beam_key(in), beam_kv(pair));
}

/* The first of the stamped values of a key. */
static beam_status unstamp(beam_ctx *c, beam_value in)
{
    beam_value first;
    if (!beam_next(beam_as_iter(beam_val(in)), &first)) return BEAM_OK;
    return beam_emit_kv(c, beam_key(in), beam_val(first));
}

/* A key whose window fires again has been told already. */
static beam_status first_pane(beam_ctx *c, beam_value in)
{
    /* Prism does not say of the only pane of a merged window that it is the first. */
    return beam_element_pane(c).index == 0 ? beam_emit(c, beam_key(in)) : BEAM_OK;
}

/* The runner holds elements back until the side input is complete. */
static beam_status pass(beam_ctx *c, beam_value in)
{
    return beam_emit(c, in);
}

const beam_dofn bm_stamp_fn = { .name = "beam.stamp",
                                .in = BEAM_KV(BEAM_ANY, BEAM_ANY),
                                .out = BEAM_KV(BEAM_ANY, STAMPED),
                                .process = stamp };
const beam_dofn bm_unstamp_fn = { .name = "beam.unstamp",
                                  .in = BEAM_KV(BEAM_ANY, BEAM_ITERABLE(STAMPED)),
                                  .out = BEAM_KV(BEAM_ANY, BEAM_ANY),
                                  .process = unstamp };
const beam_dofn bm_first_pane_fn = { .name = "beam.first_pane",
                                     .in = BEAM_KV(BEAM_ANY, BEAM_INT64),
                                     .out = BEAM_ANY,
                                     .process = first_pane };

static const beam_side_spec signals[] = {
    { "signal", BEAM_SIDE_ITERABLE, BEAM_INT64, NULL, NULL },
};
const beam_dofn bm_wait_fn = { .name = "beam.wait",
                               .in = BEAM_ANY,
                               .out = BEAM_ANY,
                               .process = pass,
                               .sides = BEAM_TABLE(signals) };
