/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding: the switch over coder kinds, and the simple kinds. Any thread. */
#include "coders/coder_impl.h"

beam_status bm_decode_kv(const bm_coder *coder, bool nested, bm_reader *in,
                         const bm_decoding *decoding, beam_value *out)
{
    return bm_decode_pair(coder, nested, in, decoding, out);
}

static beam_status decode_sharded_key(const bm_coder *coder, bm_reader *in,
                                      const bm_decoding *decoding, beam_value *out)
{
    beam_value *pair = bm_alloc(decoding->arena, 2 * sizeof *pair);
    out->as.kv = pair;
    pair[0].kind = BEAM_KIND_BYTES;
    BEAM_TRY(bm_read_prefixed(in, &pair[0].as.span));
    return bm_decode_inline(coder->arg[0], true, in, decoding, &pair[1]);
}

static beam_status decode_nullable(const bm_coder *coder, bool nested, bm_reader *in,
                                   const bm_decoding *decoding, beam_value *out)
{
    bool present;
    BEAM_TRY(beam_read_bool(in, &present));
    if (present) return bm_decode_inline(coder->arg[0], nested, in, decoding, out);
    out->kind = BEAM_KIND_NONE;
    return BEAM_OK;
}

static beam_status decode_length_prefix(const bm_coder *coder, bm_reader *in,
                                        const bm_decoding *decoding, beam_value *out)
{
    beam_span bytes;
    BEAM_TRY(bm_read_prefixed(in, &bytes));
    if (coder->arg[0]->kind == BM_CODER_OPAQUE) {
        *out = beam_bytes(bytes);
        return BEAM_OK;
    }
    bm_reader inner = bm_reader_of(bytes);
    beam_status status = bm_decode_inline(coder->arg[0], false, &inner, decoding, out);
    return bm_outer_status(status, &inner);
}

static beam_status decode_struct(const beam_struct_coder *coder, bm_reader *in,
                                 bm_arena *arena, beam_value *out)
{
    void *object = bm_calloc(arena, coder->size);
    *out = beam_struct(object);
    return coder->decode(object, in);
}

static beam_status decode_window(const bm_coder *coder, bm_reader *in, bm_arena *arena,
                                 beam_value *out)
{
    beam_window *window = bm_alloc(arena, sizeof *window);
    out->kind = BEAM_KIND_WINDOW;
    out->as.ptr = window;
    return bm_window_decode(coder, in, arena, window);
}

static beam_status decode_windowed(const bm_coder *coder, bool nested, bm_reader *in,
                                   const bm_decoding *decoding, beam_value *out)
{
    bm_element *element = bm_alloc(decoding->arena, sizeof *element);
    out->kind = BEAM_KIND_WINDOWED;
    out->as.ptr = element;
    return bm_windowed_decode(coder, nested, in, decoding, element);
}

static beam_status decode_timer(const bm_coder *coder, bm_reader *in,
                                const bm_decoding *decoding, beam_value *out)
{
    bm_timer *timer = bm_alloc(decoding->arena, sizeof *timer);
    out->kind = BEAM_KIND_TIMER;
    out->as.ptr = timer;
    return bm_timer_decode_with(coder, in, decoding, timer);
}

beam_status bm_decode_value(const bm_coder *coder, bool nested, bm_reader *in,
                            const bm_decoding *decoding, beam_value *out)
{
    switch (coder->kind) {
    case BM_CODER_BYTES:
    case BM_CODER_STRING:
    case BM_CODER_VARINT:
    case BM_CODER_KV: return bm_decode_inline(coder, nested, in, decoding, out);
    case BM_CODER_BOOL:
        out->kind = BEAM_KIND_BOOL;
        return beam_read_bool(in, &out->as.boolean);
    case BM_CODER_DOUBLE:
        out->kind = BEAM_KIND_DOUBLE;
        return beam_read_double(in, &out->as.number);
    case BM_CODER_ITERABLE:
    case BM_CODER_STATE_BACKED_ITERABLE:
        return bm_iterable_decode(coder, in, decoding, out);
    case BM_CODER_LENGTH_PREFIX: return decode_length_prefix(coder, in, decoding, out);
    case BM_CODER_NULLABLE: return decode_nullable(coder, nested, in, decoding, out);
    case BM_CODER_INTERVAL_WINDOW:
    case BM_CODER_GLOBAL_WINDOW:
    case BM_CODER_CUSTOM_WINDOW: return decode_window(coder, in, decoding->arena, out);
    case BM_CODER_WINDOWED_VALUE:
    case BM_CODER_PARAM_WINDOWED_VALUE:
        return decode_windowed(coder, nested, in, decoding, out);
    case BM_CODER_TIMER: return decode_timer(coder, in, decoding, out);
    case BM_CODER_SHARDED_KEY:
        out->kind = BEAM_KIND_SHARDED_KEY;
        return decode_sharded_key(coder, in, decoding, out);
    case BM_CODER_ROW: return bm_row_decode(coder, nested, in, decoding, out);
    case BM_CODER_STRUCT:
        return decode_struct(coder->struct_coder, in, decoding->arena, out);
    case BM_CODER_OPAQUE: return BEAM_EUNSUPPORTED;
    default: return bm_field_decode(coder, in, decoding, out);
    }
}

beam_status bm_decode_with(const bm_coder *coder, bool nested, bm_reader *in,
                           const bm_decoding *decoding, beam_value *out)
{
    beam_status status = bm_decode_inline(coder, nested, in, decoding, out);
    return nested ? status : bm_outer_status(status, in);
}

beam_status bm_decode(const bm_coder *coder, bool nested, bm_reader *in, bm_arena *arena,
                      beam_value *out)
{
    return bm_decode_with(coder, nested, in, &(bm_decoding){ .arena = arena }, out);
}
