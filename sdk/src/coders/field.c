/* SPDX-License-Identifier: Apache-2.0 */
/* What only fields of rows are made of: narrow numbers, collections held in memory, and
 * logical types. Any thread. */
#include "coders/coder_impl.h"

/* -- numbers ------------------------------------------------------------------------------ */
/* A negative one is written as the varint of its 32 bits; some writers sign-extend it. */
static beam_status read_int32(bm_reader *in, int64_t *out)
{
    BEAM_TRY(bm_decode_int64(in, out));
    if (*out > INT32_MAX && *out <= UINT32_MAX) *out = (int32_t)(uint32_t)*out;
    return *out < INT32_MIN || *out > INT32_MAX ? BEAM_ECODER : BEAM_OK;
}

static beam_status read_byte(bm_reader *in, int64_t *out)
{
    uint8_t byte;
    BEAM_TRY(bm_read_u8(in, &byte));
    *out = (int8_t)byte;
    return BEAM_OK;
}

static beam_status read_int16(bm_reader *in, int64_t *out)
{
    beam_span bytes;
    BEAM_TRY(bm_read_view(in, 2, &bytes));
    *out = (int16_t)((uint8_t)bytes.ptr[0] << 8 | (uint8_t)bytes.ptr[1]);
    return BEAM_OK;
}

static beam_status read_float(bm_reader *in, double *out)
{
    uint32_t raw;
    float number;
    BEAM_TRY(bm_read_be32(in, &raw));
    memcpy(&number, &raw, sizeof number);
    *out = (double)number;
    return BEAM_OK;
}

static void write_float(double number, bm_writer *out)
{
    float narrow = (float)number;
    uint32_t raw;
    memcpy(&raw, &narrow, sizeof raw);
    bm_write_be32(out, raw);
}

static beam_status write_integer(bm_coder_kind kind, const beam_value *value,
                                 bm_writer *out)
{
    int64_t max = kind == BM_CODER_BYTE    ? INT8_MAX
                  : kind == BM_CODER_INT16 ? INT16_MAX
                                           : INT32_MAX;
    int64_t n = value->as.int64;
    if (value->kind != BEAM_KIND_INT64 || n > max || n < -max - 1) return BEAM_ETYPE;
    if (kind == BM_CODER_INT32) {
        bm_write_varint(out, (uint32_t)n);
        return BEAM_OK;
    }
    if (kind == BM_CODER_INT16) bm_write_u8(out, (uint8_t)((uint64_t)n >> 8));
    bm_write_u8(out, (uint8_t)n);
    return BEAM_OK;
}

/* -- micros_instant: a row of seconds and the microseconds after them ------------------- */
enum { MICROS_FIELDS = 2, MICROS_PER_SECOND = 1000000 };

static beam_status read_micros(bm_reader *in, int64_t *out)
{
    uint64_t n_fields;
    beam_span nulls;
    int64_t seconds, micros;
    BEAM_TRY(bm_read_varint(in, &n_fields));
    BEAM_TRY(bm_read_prefixed(in, &nulls));
    if (n_fields != MICROS_FIELDS || nulls.len) return BEAM_ECODER;
    BEAM_TRY(bm_decode_int64(in, &seconds));
    BEAM_TRY(bm_decode_int64(in, &micros));
    if (__builtin_mul_overflow(seconds, MICROS_PER_SECOND, out) ||
        __builtin_add_overflow(*out, micros, out))
        return BEAM_ECODER;
    return BEAM_OK;
}

static void write_micros(int64_t instant, bm_writer *out)
{
    int64_t seconds = instant / MICROS_PER_SECOND;
    int64_t micros = instant % MICROS_PER_SECOND;
    if (micros < 0) {
        seconds--;
        micros += MICROS_PER_SECOND;
    }
    bm_write_varint(out, MICROS_FIELDS);
    bm_write_varint(out, 0);
    bm_write_varint(out, (uint64_t)seconds);
    bm_write_varint(out, (uint64_t)micros);
}

/* -- bytes and text of fixed or limited length ----------------------------------------- */
static bool is_text(bm_coder_kind kind)
{
    return kind == BM_CODER_FIXED_CHAR || kind == BM_CODER_VAR_CHAR;
}

/* In bytes, or in characters of UTF-8. */
static size_t length_of(bm_coder_kind kind, beam_span s)
{
    size_t n = s.len;
    if (is_text(kind))
        for (size_t i = 0; i < s.len; i++) n -= (s.ptr[i] & 0xc0) == 0x80;
    return n;
}

static beam_status read_sized(const bm_coder *coder, bm_reader *in, beam_value *out)
{
    out->kind = is_text(coder->kind) ? BEAM_KIND_STRING : BEAM_KIND_BYTES;
    BEAM_TRY(bm_read_prefixed(in, &out->as.span));
    bool fits = !coder->length || length_of(coder->kind, out->as.span) <= coder->length;
    return fits ? BEAM_OK : BEAM_ECODER;
}

/* Fills what is too short for a fixed length up with zeros or spaces. */
static beam_status write_sized(const bm_coder *coder, const beam_value *value,
                               bm_writer *out)
{
    bool text = is_text(coder->kind);
    if (value->kind != (text ? BEAM_KIND_STRING : BEAM_KIND_BYTES)) return BEAM_ETYPE;
    beam_span s = value->as.span;
    size_t n = length_of(coder->kind, s);
    if (coder->length && n > coder->length) return BEAM_ETYPE;
    bool fixed = coder->kind == BM_CODER_FIXED_BYTES ||
                 coder->kind == BM_CODER_FIXED_CHAR;
    size_t more = fixed && coder->length ? coder->length - n : 0;
    bm_write_varint(out, s.len + more);
    bm_write_bytes(out, s.ptr, s.len);
    memset(bm_reserve(out, more), text ? ' ' : 0, more);
    out->len += more;
    return BEAM_OK;
}

/* -- collections ------------------------------------------------------------------------ */
/* Every item takes a byte or more, so there are at most as many as bytes left. */
static beam_status read_count(bm_reader *in, size_t *n)
{
    uint32_t count;
    BEAM_TRY(bm_read_be32(in, &count));
    *n = count;
    if (count > INT32_MAX) return BEAM_ECODER;
    return count > bm_left(in) ? BEAM_ESHORT : BEAM_OK;
}

typedef struct growing_list {
    beam_value *at;
    size_t n, cap;
} growing_list;

static void make_room(growing_list *list, size_t more, bm_arena *arena)
{
    if (list->cap - list->n >= more) return;
    size_t cap = list->cap * 2 > list->n + more ? list->cap * 2 : list->n + more;
    beam_value *at = bm_alloc(arena, bm_times(cap, sizeof *at));
    if (list->n) memcpy(at, list->at, list->n * sizeof *at);
    list->at = at;
    list->cap = cap;
}

static beam_status read_items(const bm_coder *item, size_t n, bm_reader *in,
                              const bm_decoding *decoding, growing_list *list)
{
    if (n > bm_left(in)) return BEAM_ESHORT;
    make_room(list, n, decoding->arena);
    for (size_t i = 0; i < n; i++)
        BEAM_TRY(bm_decode_inline(item, true, in, decoding, &list->at[list->n++]));
    return BEAM_OK;
}

/* As an iterable: a count, or -1 and batches. */
static beam_status read_list(const bm_coder *item, bm_reader *in,
                             const bm_decoding *decoding, beam_value *out)
{
    growing_list list = { NULL, 0, 0 };
    uint32_t count;
    BEAM_TRY(bm_read_be32(in, &count));
    if (count == UINT32_MAX) {
        for (uint64_t n;;) {
            BEAM_TRY(bm_read_varint(in, &n));
            if (n == UINT64_MAX) return BEAM_ECODER;
            if (!n) break;
            BEAM_TRY(read_items(item, n, in, decoding, &list));
        }
    } else {
        if (count > INT32_MAX) return BEAM_ECODER;
        BEAM_TRY(read_items(item, count, in, decoding, &list));
    }
    *out = beam_list(list.at, list.n);
    return BEAM_OK;
}

static beam_status write_list(const bm_coder *item, const beam_value *value,
                              bm_writer *out)
{
    if (value->kind != BEAM_KIND_LIST) return BEAM_ETYPE;
    return bm_iterable_encode(&(bm_coder){ .arg = { item } }, value, out);
}

static beam_status read_map(const bm_coder *coder, bm_reader *in,
                            const bm_decoding *decoding, beam_value *out)
{
    size_t n;
    BEAM_TRY(read_count(in, &n));
    beam_value *items = bm_alloc(decoding->arena, 3 * n * sizeof *items);
    beam_value *pair = items + n;
    *out = beam_map_of(items, n);
    for (size_t i = 0; i < n; i++, pair += 2) {
        items[i] = beam_kv(pair);
        BEAM_TRY(bm_decode_inline(coder->arg[0], true, in, decoding, &pair[0]));
        BEAM_TRY(bm_decode_inline(coder->arg[1], true, in, decoding, &pair[1]));
    }
    return BEAM_OK;
}

static beam_status write_map(const bm_coder *coder, const beam_value *value,
                             bm_writer *out)
{
    if (value->kind != BEAM_KIND_MAP || value->as.list.n > INT32_MAX) return BEAM_ETYPE;
    bm_write_be32(out, (uint32_t)value->as.list.n);
    for (size_t i = 0; i < value->as.list.n; i++) {
        const beam_value *item = &value->as.list.at[i];
        if (item->kind != BEAM_KIND_KV) return BEAM_ETYPE;
        BEAM_TRY(bm_encode_inline(coder->arg[0], true, &item->as.kv[0], out));
        BEAM_TRY(bm_encode_inline(coder->arg[1], true, &item->as.kv[1], out));
    }
    return BEAM_OK;
}

static beam_status skip_map(const bm_coder *coder, bm_reader *in)
{
    size_t n;
    BEAM_TRY(read_count(in, &n));
    for (size_t i = 0; i < n; i++) {
        BEAM_TRY(bm_skip_value(coder->arg[0], true, in));
        BEAM_TRY(bm_skip_value(coder->arg[1], true, in));
    }
    return BEAM_OK;
}

/* -- all of them -------------------------------------------------------------------------- */
beam_status bm_field_decode(const bm_coder *coder, bm_reader *in,
                            const bm_decoding *decoding, beam_value *out)
{
    out->kind = BEAM_KIND_INT64;
    switch (coder->kind) {
    case BM_CODER_BYTE: return read_byte(in, &out->as.int64);
    case BM_CODER_INT16: return read_int16(in, &out->as.int64);
    case BM_CODER_INT32: return read_int32(in, &out->as.int64);
    case BM_CODER_MILLIS_INSTANT: return bm_read_timestamp(in, &out->as.int64);
    case BM_CODER_MICROS_INSTANT: return read_micros(in, &out->as.int64);
    case BM_CODER_FLOAT:
        out->kind = BEAM_KIND_DOUBLE;
        return read_float(in, &out->as.number);
    case BM_CODER_LIST: return read_list(coder->arg[0], in, decoding, out);
    case BM_CODER_MAP: return read_map(coder, in, decoding, out);
    case BM_CODER_DECIMAL: return bm_decimal_decode(in, decoding->arena, out);
    case BM_CODER_FIXED_BYTES:
    case BM_CODER_VAR_BYTES:
    case BM_CODER_FIXED_CHAR:
    case BM_CODER_VAR_CHAR: return read_sized(coder, in, out);
    default: return BEAM_EUNSUPPORTED;
    }
}

beam_status bm_field_encode(const bm_coder *coder, const beam_value *value,
                            bm_writer *out)
{
    switch (coder->kind) {
    case BM_CODER_BYTE:
    case BM_CODER_INT16:
    case BM_CODER_INT32: return write_integer(coder->kind, value, out);
    case BM_CODER_MILLIS_INSTANT:
        if (value->kind != BEAM_KIND_INT64) return BEAM_ETYPE;
        bm_write_timestamp(out, value->as.int64);
        return BEAM_OK;
    case BM_CODER_MICROS_INSTANT:
        if (value->kind != BEAM_KIND_INT64) return BEAM_ETYPE;
        write_micros(value->as.int64, out);
        return BEAM_OK;
    case BM_CODER_FLOAT:
        if (value->kind != BEAM_KIND_DOUBLE) return BEAM_ETYPE;
        write_float(value->as.number, out);
        return BEAM_OK;
    case BM_CODER_LIST: return write_list(coder->arg[0], value, out);
    case BM_CODER_MAP: return write_map(coder, value, out);
    case BM_CODER_DECIMAL:
        if (value->kind != BEAM_KIND_STRING) return BEAM_ETYPE;
        return bm_decimal_encode(value->as.span, out);
    case BM_CODER_FIXED_BYTES:
    case BM_CODER_VAR_BYTES:
    case BM_CODER_FIXED_CHAR:
    case BM_CODER_VAR_CHAR: return write_sized(coder, value, out);
    default: return BEAM_EUNSUPPORTED;
    }
}

beam_status bm_field_skip(const bm_coder *coder, bm_reader *in)
{
    beam_value ignored;
    switch (coder->kind) {
    case BM_CODER_LIST: return bm_list_skip(coder->arg[0], in);
    case BM_CODER_MAP: return skip_map(coder, in);
    case BM_CODER_DECIMAL: return bm_decimal_skip(in);
    default: /* needs no memory */ return bm_field_decode(coder, in, NULL, &ignored);
    }
}
