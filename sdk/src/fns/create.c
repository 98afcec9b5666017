/* SPDX-License-Identifier: Apache-2.0 */
/* Create: encoding its elements while building (the pipeline's thread), and the built-in
 * DoFn that gives them (bundle thread). */
#include "fns/create.h"

#include "fns/builtin.h"
#include "fns/ctx.h"

const bm_coder *bm_coder_settled(bm_arena *arena, const bm_coder *coder)
{
    switch (coder->kind) {
    case BM_CODER_LENGTH_PREFIX: return bm_coder_settled(arena, coder->arg[0]);
    case BM_CODER_STRUCT: /* may read all that it is given */
        return bm_coder_new(arena, BM_CODER_LENGTH_PREFIX, coder, NULL);
    case BM_CODER_KV:
        return bm_coder_new(arena, BM_CODER_KV, bm_coder_settled(arena, coder->arg[0]),
                            bm_coder_settled(arena, coder->arg[1]));
    case BM_CODER_ITERABLE:
    case BM_CODER_NULLABLE:
    case BM_CODER_SHARDED_KEY:
        return bm_coder_new(arena, coder->kind, bm_coder_settled(arena, coder->arg[0]),
                            NULL);
    default: return coder;
    }
}

beam_status bm_create_encode(bm_arena *arena, const beam_type *type,
                             const beam_value *values, size_t n, bm_writer *out,
                             size_t *failed)
{
    const bm_coder *coder = bm_coder_settled(arena, bm_coder_of_type(arena, type));
    bm_write_varint(out, n);
    for (size_t i = 0; i < n; i++) {
        *failed = i;
        BEAM_TRY(bm_encode(coder, true, values[i], out));
    }
    return BEAM_OK;
}

static beam_status emit_next(beam_ctx *c, const bm_coder *coder, bm_reader *in)
{
    bm_arena *arena = bm_ctx_arena(c);
    bm_mark mark = bm_arena_mark(arena);
    beam_value value;
    beam_status status = bm_decode(coder, true, in, arena, &value);
    status = status == BEAM_OK
                 ? beam_emit(c, value)
                 : beam_fail(c, BEAM_ECODER, "the bytes of an element are damaged");
    bm_arena_rewind(arena, mark);
    return status;
}

static beam_status create_process(beam_ctx *c, beam_value impulse)
{
    (void)impulse;
    const bm_coder *coder = bm_ctx_output_coder(c, -1);
    if (!coder) return BEAM_OK; /* nothing reads them */
    coder = bm_coder_settled(bm_ctx_arena(c), coder);
    bm_reader in = bm_reader_of(beam_config(c));
    uint64_t n;
    if (bm_read_varint(&in, &n) != BEAM_OK)
        return beam_fail(c, BEAM_ECODER, "the elements of the Create are missing");
    for (uint64_t i = 0; i < n; i++) BEAM_TRY(emit_next(c, coder, &in));
    return BEAM_OK;
}

const beam_dofn bm_create_fn = {
    .name = "beam.create", .in = BEAM_BYTES, .out = BEAM_ANY, .process = create_process
};

/* -- one element ---------------------------------------------------------------------- */
static beam_status decode_process(beam_ctx *c, beam_value in)
{
    const bm_coder *coder = bm_ctx_output_coder(c, -1);
    if (!coder) return BEAM_OK; /* nothing reads it */
    bm_reader bytes = bm_reader_of(beam_as_span(in));
    return emit_next(c, bm_coder_settled(bm_ctx_arena(c), coder), &bytes);
}

const beam_dofn bm_decode_fn = {
    .name = "beam.decode", .in = BEAM_BYTES, .out = BEAM_ANY, .process = decode_process
};
