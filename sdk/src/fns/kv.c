/* SPDX-License-Identifier: Apache-2.0 */
/* Built-in DoFns that take KVs and iterables apart or make them. Bundle thread. */
#include "fns/builtin.h"

#define KV_OF_ANY BEAM_KV(BEAM_ANY, BEAM_ANY)

static beam_value same(beam_ctx *c, beam_value in)
{
    (void)c;
    return in;
}

static beam_value key_of(beam_ctx *c, beam_value in)
{
    (void)c;
    return beam_key(in);
}

static beam_value value_of(beam_ctx *c, beam_value in)
{
    (void)c;
    return beam_val(in);
}

static beam_status swap(beam_ctx *c, beam_value in)
{
    return beam_emit_kv(c, beam_val(in), beam_key(in));
}

static beam_status pair_with_one(beam_ctx *c, beam_value in)
{
    return beam_emit_kv(c, in, beam_int64(1));
}

static beam_status pair_with_void(beam_ctx *c, beam_value in)
{
    return beam_emit_kv(c, beam_bytes(beam_span_of("")), in);
}

static beam_status explode(beam_ctx *c, beam_value in)
{
    beam_iter *it = beam_as_iter(in);
    for (beam_value v; beam_next(it, &v);) BEAM_TRY(beam_emit(c, v));
    return BEAM_OK;
}

const beam_dofn bm_explode_fn = { .name = "beam.explode",
                                  .in = BEAM_ITERABLE(BEAM_ANY),
                                  .out = BEAM_ANY,
                                  .process = explode };
const beam_dofn bm_pass_fn = {
    .name = "beam.pass", .in = BEAM_ANY, .out = BEAM_ANY, .map = same
};
const beam_dofn bm_keys_fn = {
    .name = "beam.keys", .in = KV_OF_ANY, .out = BEAM_ANY, .map = key_of
};
const beam_dofn bm_values_fn = {
    .name = "beam.values", .in = KV_OF_ANY, .out = BEAM_ANY, .map = value_of
};
const beam_dofn bm_swap_fn = {
    .name = "beam.swap", .in = KV_OF_ANY, .out = KV_OF_ANY, .process = swap
};
const beam_dofn bm_pair_with_one_fn = { .name = "beam.pair_with_one",
                                        .in = BEAM_ANY,
                                        .out = BEAM_KV(BEAM_ANY, BEAM_INT64),
                                        .process = pair_with_one };
const beam_dofn bm_pair_with_void_fn = { .name = "beam.pair_with_void",
                                         .in = BEAM_ANY,
                                         .out = BEAM_KV(BEAM_BYTES, BEAM_ANY),
                                         .process = pair_with_void };
