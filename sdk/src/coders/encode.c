/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding: the switch over coder kinds, and the simple kinds. Any thread. */
#include "coders/coder_impl.h"

beam_status bm_encode_kv(const bm_coder *coder, bool nested, const beam_value *value,
                         bm_writer *out)
{
    return bm_encode_pair(coder, nested, value, out);
}

static beam_status encode_sharded_key(const bm_coder *coder, const beam_value *value,
                                      bm_writer *out)
{
    const beam_value *pair = value->as.kv;
    if (pair[0].kind != BEAM_KIND_BYTES) return BEAM_ETYPE;
    bm_write_prefixed(out, pair[0].as.span);
    return bm_encode_inline(coder->arg[0], true, &pair[1], out);
}

static beam_status encode_nullable(const bm_coder *coder, bool nested,
                                   const beam_value *value, bm_writer *out)
{
    bm_write_u8(out, value->kind != BEAM_KIND_NONE);
    if (value->kind == BEAM_KIND_NONE) return BEAM_OK;
    return bm_encode_inline(coder->arg[0], nested, value, out);
}

/* Writes the value behind room for a one-byte length, and moves it when that was too
 * little: most values are short, and no second buffer is needed. */
static beam_status encode_length_prefix(const bm_coder *coder, const beam_value *value,
                                        bm_writer *out)
{
    const bm_coder *inner = coder->arg[0];
    if (value->kind == BEAM_KIND_BYTES &&
        (inner->kind == BM_CODER_BYTES || inner->kind == BM_CODER_OPAQUE)) {
        bm_write_prefixed(out, value->as.span);
        return BEAM_OK;
    }
    bm_write_u8(out, 0);
    size_t start = out->len;
    BEAM_TRY(bm_encode_inline(inner, false, value, out));
    size_t n = out->len - start;
    size_t prefix = bm_varint_size(n);
    if (prefix > 1) {
        uint8_t *end = bm_reserve(out, prefix - 1);
        uint8_t *from = end - n;
        memmove(from + prefix - 1, from, n);
    }
    out->len = start - 1;
    bm_write_varint(out, n);
    out->len += n;
    return BEAM_OK;
}

beam_status bm_encode_value(const bm_coder *coder, bool nested, const beam_value *value,
                            bm_writer *out)
{
    switch (coder->kind) {
    case BM_CODER_BYTES:
    case BM_CODER_STRING:
    case BM_CODER_VARINT:
    case BM_CODER_KV: return bm_encode_inline(coder, nested, value, out);
    case BM_CODER_BOOL:
        if (value->kind != BEAM_KIND_BOOL) return BEAM_ETYPE;
        bm_write_u8(out, value->as.boolean);
        return BEAM_OK;
    case BM_CODER_DOUBLE:
        if (value->kind != BEAM_KIND_DOUBLE) return BEAM_ETYPE;
        beam_write_double(out, value->as.number);
        return BEAM_OK;
    case BM_CODER_ITERABLE:
    case BM_CODER_STATE_BACKED_ITERABLE: return bm_iterable_encode(coder, value, out);
    case BM_CODER_LENGTH_PREFIX: return encode_length_prefix(coder, value, out);
    case BM_CODER_NULLABLE: return encode_nullable(coder, nested, value, out);
    case BM_CODER_INTERVAL_WINDOW:
    case BM_CODER_GLOBAL_WINDOW:
    case BM_CODER_CUSTOM_WINDOW:
        if (value->kind != BEAM_KIND_WINDOW) return BEAM_ETYPE;
        return bm_window_encode(coder, value->as.ptr, out);
    case BM_CODER_WINDOWED_VALUE:
    case BM_CODER_PARAM_WINDOWED_VALUE:
        if (value->kind != BEAM_KIND_WINDOWED) return BEAM_ETYPE;
        return bm_windowed_encode(coder, nested, value->as.ptr, out);
    case BM_CODER_TIMER:
        if (value->kind != BEAM_KIND_TIMER) return BEAM_ETYPE;
        return bm_timer_encode(coder, value->as.ptr, out);
    case BM_CODER_SHARDED_KEY:
        if (value->kind != BEAM_KIND_SHARDED_KEY) return BEAM_ETYPE;
        return encode_sharded_key(coder, value, out);
    case BM_CODER_ROW: return bm_row_encode(coder, value, out);
    case BM_CODER_STRUCT:
        if (value->kind != BEAM_KIND_STRUCT) return BEAM_ETYPE;
        coder->struct_coder->encode(value->as.ptr, out);
        return BEAM_OK;
    case BM_CODER_OPAQUE: return BEAM_EUNSUPPORTED;
    default: return bm_field_encode(coder, value, out);
    }
}

beam_status bm_encode(const bm_coder *coder, bool nested, beam_value value,
                      bm_writer *out)
{
    size_t start = out->len;
    beam_status status = bm_encode_inline(coder, nested, &value, out);
    if (status != BEAM_OK) out->len = start;
    return status;
}
