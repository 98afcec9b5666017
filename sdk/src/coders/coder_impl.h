/* SPDX-License-Identifier: Apache-2.0 */
/* coders/coder_impl.h - what the files of this directory share: one decode, encode and skip
 * per family of coders, and the scalars inline because most elements are made of them. */
#ifndef BM_CODER_IMPL_H
#define BM_CODER_IMPL_H

#include "coders/element.h"

/* More items than this are not believed when they take no bytes at all. */
#define BM_MAX_EMPTY_ITEMS (1 << 16)

typedef struct bm_row_field {
    const bm_coder *coder;
    size_t index; /* in the row value */
    bool nullable;
} bm_row_field;

typedef struct bm_row_plan {
    size_t n;
    bm_row_field at[]; /* in order of encoding */
} bm_row_plan;

/* Any coder. Unlike the public functions, these leave it to the caller what the end of the
 * bytes means, and leave half-written values in `out`. */
beam_status bm_decode_value(const bm_coder *coder, bool nested, bm_reader *in,
                            const bm_decoding *decoding, beam_value *out);
beam_status bm_encode_value(const bm_coder *coder, bool nested, const beam_value *value,
                            bm_writer *out);
beam_status bm_skip_value(const bm_coder *coder, bool nested, bm_reader *in);

/* As the two above for KVs, which are worth a switch less. */
beam_status bm_decode_kv(const bm_coder *coder, bool nested, bm_reader *in,
                         const bm_decoding *decoding, beam_value *out);
beam_status bm_encode_kv(const bm_coder *coder, bool nested, const beam_value *value,
                         bm_writer *out);

/* The whole of a buffer is one value in the outer context: it must end where they end. */
static inline beam_status bm_outer_status(beam_status status, const bm_reader *in)
{
    if (status == BEAM_ESHORT) return BEAM_ECODER;
    return status == BEAM_OK && bm_left(in) ? BEAM_ECODER : status;
}

/* iterable.c */
beam_status bm_iterable_decode(const bm_coder *coder, bm_reader *in,
                               const bm_decoding *decoding, beam_value *out);
beam_status bm_iterable_encode(const bm_coder *coder, const beam_value *value,
                               bm_writer *out);
beam_status bm_iterable_skip(const bm_coder *coder, bm_reader *in);
/* All of its items are here: none are in the runner's state. */
beam_status bm_list_skip(const bm_coder *item, bm_reader *in);

/* row.c */
const bm_coder *bm_row_coder(bm_arena *arena, const beam_schema *schema, int depth);
beam_status bm_row_decode(const bm_coder *coder, bool nested, bm_reader *in,
                          const bm_decoding *decoding, beam_value *out);
beam_status bm_row_encode(const bm_coder *coder, const beam_value *value, bm_writer *out);
beam_status bm_row_skip(const bm_coder *coder, bool nested, bm_reader *in);

/* field.c: the kinds that occur in rows only */
beam_status bm_field_decode(const bm_coder *coder, bm_reader *in,
                            const bm_decoding *decoding, beam_value *out);
beam_status bm_field_encode(const bm_coder *coder, const beam_value *value,
                            bm_writer *out);
beam_status bm_field_skip(const bm_coder *coder, bm_reader *in);

/* decimal.c: beam:logical_type:decimal:v1 */
beam_status bm_decimal_decode(bm_reader *in, bm_arena *arena, beam_value *out);
beam_status bm_decimal_encode(beam_span text, bm_writer *out);
beam_status bm_decimal_skip(bm_reader *in);

/* window.c */
/* Of a beam_window of this SDK, inside of a custom_window. */
const bm_coder *bm_window_coder(bm_arena *arena);
beam_status bm_window_skip(const bm_coder *window_coder, bm_reader *in);
beam_status bm_windows_decode(const bm_coder *window_coder, bm_reader *in,
                              bm_arena *arena, const bm_windows **out);
beam_status bm_windows_encode(const bm_coder *window_coder, const bm_windows *windows,
                              bm_writer *out);
beam_status bm_windows_skip(const bm_coder *window_coder, bm_reader *in);
const bm_windows *bm_windows_copy(bm_arena *arena, const bm_windows *windows);

/* pane.c: the pane of a firing, PaneInfoCoder elsewhere */
beam_status bm_pane_decode(bm_reader *in, beam_pane *out, bool *has_metadata);
void bm_pane_encode(const beam_pane *pane, bm_writer *out);
/* With the element's metadata; the decoded points into the input. */
beam_status bm_element_pane_decode(bm_reader *in, beam_pane *out);
void bm_element_pane_encode(const beam_pane *pane, bm_writer *out);
const beam_pane *bm_pane_copy(bm_arena *arena, const beam_pane *pane);

/* element.c and timer.c, as values */
beam_status bm_windowed_skip(const bm_coder *coder, bool nested, bm_reader *in);
beam_status bm_windowed_decode(const bm_coder *coder, bool nested, bm_reader *in,
                               const bm_decoding *decoding, bm_element *out);
beam_status bm_windowed_encode(const bm_coder *coder, bool nested,
                               const bm_element *element, bm_writer *out);
/* timestamp, windows, pane; what follows is not looked at */
beam_status bm_windowed_header_decode(const bm_coder *window_coder, bm_reader *in,
                                      bm_arena *arena, bm_element *out);
beam_status bm_timer_decode_with(const bm_coder *coder, bm_reader *in,
                                 const bm_decoding *decoding, bm_timer *out);
beam_status bm_timer_skip(const bm_coder *coder, bm_reader *in);

/* Timestamps are big endian with the sign bit flipped, so that bytes sort like times. */
static inline beam_status bm_read_timestamp(bm_reader *in, beam_millis *out)
{
    uint64_t raw;
    BEAM_TRY(bm_read_be64(in, &raw));
    *out = (beam_millis)(raw ^ (uint64_t)1 << 63);
    return BEAM_OK;
}
static inline void bm_write_timestamp(bm_writer *out, beam_millis t)
{
    bm_write_be64(out, (uint64_t)t ^ (uint64_t)1 << 63);
}

static inline beam_status bm_decode_span(bool nested, bm_reader *in, beam_span *out)
{
    if (nested) return bm_read_prefixed(in, out);
    *out = bm_rest(in);
    in->at = in->end;
    return BEAM_OK;
}

static inline beam_status bm_decode_int64(bm_reader *in, int64_t *out)
{
    uint64_t raw;
    BEAM_TRY(bm_read_varint(in, &raw));
    *out = (int64_t)raw;
    return BEAM_OK;
}

/* These two become part of each caller, though it be called by them: a call per part of an
 * element takes longer than the part. */
static inline __attribute__((always_inline)) beam_status bm_decode_inline(
    const bm_coder *coder, bool nested, bm_reader *in, const bm_decoding *decoding,
    beam_value *out)
{
    switch (coder->kind) {
    case BM_CODER_BYTES:
        out->kind = BEAM_KIND_BYTES;
        return bm_decode_span(nested, in, &out->as.span);
    case BM_CODER_STRING:
        out->kind = BEAM_KIND_STRING;
        return bm_decode_span(nested, in, &out->as.span);
    case BM_CODER_VARINT:
        out->kind = BEAM_KIND_INT64;
        return bm_decode_int64(in, &out->as.int64);
    case BM_CODER_KV: return bm_decode_kv(coder, nested, in, decoding, out);
    default: return bm_decode_value(coder, nested, in, decoding, out);
    }
}

static inline __attribute__((always_inline)) beam_status bm_encode_inline(
    const bm_coder *coder, bool nested, const beam_value *value, bm_writer *out)
{
    switch (coder->kind) {
    case BM_CODER_BYTES:
    case BM_CODER_STRING:
        if (value->kind !=
            (coder->kind == BM_CODER_BYTES ? BEAM_KIND_BYTES : BEAM_KIND_STRING))
            return BEAM_ETYPE;
        if (nested)
            bm_write_prefixed(out, value->as.span);
        else
            bm_write_bytes(out, value->as.span.ptr, value->as.span.len);
        return BEAM_OK;
    case BM_CODER_VARINT:
        if (value->kind != BEAM_KIND_INT64) return BEAM_ETYPE;
        bm_write_varint(out, (uint64_t)value->as.int64);
        return BEAM_OK;
    case BM_CODER_KV: return bm_encode_kv(coder, nested, value, out);
    default: return bm_encode_value(coder, nested, value, out);
    }
}

/* The bodies of bm_decode_kv and bm_encode_kv. */
static inline __attribute__((always_inline)) beam_status bm_decode_pair(
    const bm_coder *coder, bool nested, bm_reader *in, const bm_decoding *decoding,
    beam_value *out)
{
    beam_value *pair = bm_alloc(decoding->arena, 2 * sizeof *pair);
    out->kind = BEAM_KIND_KV;
    out->as.kv = pair;
    BEAM_TRY(bm_decode_inline(coder->arg[0], true, in, decoding, &pair[0]));
    return bm_decode_inline(coder->arg[1], nested, in, decoding, &pair[1]);
}

static inline __attribute__((always_inline)) beam_status bm_encode_pair(
    const bm_coder *coder, bool nested, const beam_value *value, bm_writer *out)
{
    if (value->kind != BEAM_KIND_KV) return BEAM_ETYPE;
    BEAM_TRY(bm_encode_inline(coder->arg[0], true, &value->as.kv[0], out));
    return bm_encode_inline(coder->arg[1], nested, &value->as.kv[1], out);
}

#endif
