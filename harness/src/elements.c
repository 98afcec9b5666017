/* SPDX-License-Identifier: Apache-2.0 */
/* Elements over slices. The rpc thread reads, bundle threads write. */
#include "elements.h"

#include <stdlib.h>

/* A slice of its own costs more than copying this much. */
enum { COPY_UP_TO = 2048 };

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

/* Field numbers of Elements, Elements.Data and Elements.Timers. */
enum { ELEMENTS_DATA = 1, ELEMENTS_TIMERS = 2 };
enum { ENTRY_INSTRUCTION = 1, ENTRY_TRANSFORM = 2 };
enum { DATA_DATA = 3, DATA_IS_LAST = 4 };
enum { TIMERS_FAMILY = 3, TIMERS_TIMERS = 4, TIMERS_IS_LAST = 5 };

void bm_elements_reader_init(bm_elements_reader *r)
{
    *r = (bm_elements_reader){ 0 };
    bm_arena_init(&r->scratch, 512);
}

void bm_elements_reader_free(bm_elements_reader *r)
{
    bm_arena_free(&r->scratch);
    free(r->pieces);
}

void bm_elements_reader_message(bm_elements_reader *r, const bm_message *message)
{
    r->message = message;
    r->next_slice = 0;
    r->slice = NULL;
    r->at = r->end = NULL;
    r->left = bm_message_size(message);
}

void bm_elements_reader_bytes(bm_elements_reader *r, beam_span bytes)
{
    r->message = NULL;
    r->slice = NULL;
    r->at = bytes.ptr;
    r->end = bytes.ptr ? bytes.ptr + bytes.len : NULL;
    r->left = bytes.len;
}

/* Makes at < end; only called while bytes are left. */
static void next_slice(bm_elements_reader *r)
{
    while (r->at == r->end) {
        r->slice = bm_message_slice(r->message, r->next_slice++);
        beam_span bytes = bm_slice_span(r->slice);
        r->at = bytes.ptr;
        r->end = bytes.ptr + bytes.len;
    }
}

/* `floor` in what follows: r->left at the end of the enclosing message. */
static beam_status read_varint(bm_elements_reader *r, size_t floor, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (r->left == floor) return BEAM_ECODER;
        if (r->at == r->end) next_slice(r);
        uint8_t byte = (uint8_t)*r->at++;
        r->left--;
        if (shift < 64) value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = value;
            return BEAM_OK;
        }
    }
    return BEAM_ECODER;
}

static beam_status read_length(bm_elements_reader *r, size_t floor, size_t *out)
{
    uint64_t n;
    BEAM_TRY(read_varint(r, floor, &n));
    if (n > r->left - floor) return BEAM_ECODER;
    *out = (size_t)n;
    return BEAM_OK;
}

/* Takes as much of the next n bytes as the current slice has. n > 0. */
static beam_span take(bm_elements_reader *r, size_t n)
{
    if (r->at == r->end) next_slice(r);
    size_t here = (size_t)(r->end - r->at);
    beam_span run = { r->at, here < n ? here : n };
    r->at += run.len;
    r->left -= run.len;
    return run;
}

static void skip(bm_elements_reader *r, size_t n)
{
    while (n) n -= take(r, n).len;
}

static beam_status read_string(bm_elements_reader *r, size_t floor, beam_span *out)
{
    size_t n;
    BEAM_TRY(read_length(r, floor, &n));
    *out = (beam_span){ "", 0 };
    if (!n) return BEAM_OK;
    *out = take(r, n);
    if (out->len == n) return BEAM_OK;
    char *joined = bm_alloc(&r->scratch, n);
    memcpy(joined, out->ptr, out->len);
    for (size_t have = out->len; have < n;) {
        beam_span more = take(r, n - have);
        memcpy(joined + have, more.ptr, more.len);
        have += more.len;
    }
    *out = (beam_span){ joined, n };
    return BEAM_OK;
}

static beam_status read_payload(bm_elements_reader *r, size_t floor)
{
    size_t n;
    BEAM_TRY(read_length(r, floor, &n));
    r->n_pieces = 0; /* a field that comes twice: the last one counts */
    while (n) {
        if (r->n_pieces == r->cap_pieces) {
            r->cap_pieces = r->cap_pieces ? r->cap_pieces * 2 : 8;
            r->pieces = bm_xrealloc(r->pieces, bm_times(r->cap_pieces, sizeof(bm_piece)));
        }
        beam_span run = take(r, n);
        r->pieces[r->n_pieces++] = (bm_piece){ r->slice, run };
        n -= run.len;
    }
    return BEAM_OK;
}

static beam_status skip_field(bm_elements_reader *r, size_t floor, uint64_t wire_type)
{
    uint64_t ignored;
    size_t n;
    switch (wire_type) {
    case WIRE_VARINT: return read_varint(r, floor, &ignored);
    case WIRE_FIXED64: n = 8; break;
    case WIRE_FIXED32: n = 4; break;
    case WIRE_BYTES: BEAM_TRY(read_length(r, floor, &n)); break;
    default: return BEAM_ECODER;
    }
    if (n > r->left - floor) return BEAM_ECODER;
    skip(r, n);
    return BEAM_OK;
}

static beam_status read_entry(bm_elements_reader *r, size_t floor, bool timers, bm_entry *out)
{
    const uint64_t payload = timers ? TIMERS_TIMERS : DATA_DATA;
    const uint64_t is_last = timers ? TIMERS_IS_LAST : DATA_IS_LAST;
    while (r->left > floor) {
        uint64_t tag, flag;
        BEAM_TRY(read_varint(r, floor, &tag));
        uint64_t field = tag >> 3, wire_type = tag & 7;
        if (wire_type == WIRE_BYTES && field == ENTRY_INSTRUCTION) {
            BEAM_TRY(read_string(r, floor, &out->instruction_id));
        } else if (wire_type == WIRE_BYTES && field == ENTRY_TRANSFORM) {
            BEAM_TRY(read_string(r, floor, &out->transform_id));
        } else if (wire_type == WIRE_BYTES && timers && field == TIMERS_FAMILY) {
            BEAM_TRY(read_string(r, floor, &out->timer_family_id));
        } else if (wire_type == WIRE_BYTES && field == payload) {
            BEAM_TRY(read_payload(r, floor));
        } else if (wire_type == WIRE_VARINT && field == is_last) {
            BEAM_TRY(read_varint(r, floor, &flag));
            out->is_last = flag != 0;
        } else {
            BEAM_TRY(skip_field(r, floor, wire_type));
        }
    }
    return BEAM_OK;
}

beam_status bm_elements_next(bm_elements_reader *r, bm_entry *out)
{
    bm_arena_reset(&r->scratch);
    while (r->left) {
        uint64_t tag;
        BEAM_TRY(read_varint(r, 0, &tag));
        bool timers = tag == (ELEMENTS_TIMERS << 3 | WIRE_BYTES);
        if (!timers && tag != (ELEMENTS_DATA << 3 | WIRE_BYTES)) {
            BEAM_TRY(skip_field(r, 0, tag & 7));
            continue;
        }
        size_t n;
        BEAM_TRY(read_length(r, 0, &n));
        *out = (bm_entry){ .timer_family_id = { timers ? "" : NULL, 0 } };
        r->n_pieces = 0;
        BEAM_TRY(read_entry(r, r->left - n, timers, out));
        out->pieces = r->pieces;
        out->n_pieces = r->n_pieces;
        return BEAM_OK;
    }
    return BEAM_ESHORT;
}

/* -- writing ------------------------------------------------------------------ */

static void cut_head(bm_gather *gather)
{
    if (!gather->message) gather->message = bm_message_new();
    if (!gather->head.len) return;
    size_t n;
    uint8_t *bytes = bm_writer_take(&gather->head, &n);
    bm_message_add(gather->message, bm_slice_take(bytes, n));
}

void bm_gather_slice(bm_gather *gather, bm_slice *slice)
{
    beam_span bytes = bm_slice_span(slice);
    if (bytes.len <= COPY_UP_TO) {
        bm_write_bytes(&gather->head, bytes.ptr, bytes.len);
        bm_slice_unref(slice);
        return;
    }
    cut_head(gather);
    bm_message_add(gather->message, slice);
}

bm_message *bm_gather_take(bm_gather *gather)
{
    cut_head(gather);
    bm_message *message = gather->message;
    bm_writer_free(&gather->head);
    gather->message = NULL;
    return message;
}

static size_t string_size(beam_span s)
{
    return s.len ? 1 + bm_varint_size(s.len) + s.len : 0;
}

static size_t body_size(const bm_address *of, size_t payload, bool is_last)
{
    return string_size(of->instruction_id) + string_size(of->transform_id) +
           string_size(of->timer_family_id) +
           (payload ? 1 + bm_varint_size(payload) + payload : 0) + (is_last ? 2 : 0);
}

size_t bm_entry_size(const bm_address *of, size_t payload, bool is_last)
{
    size_t body = body_size(of, payload, is_last);
    return 1 + bm_varint_size(body) + body;
}

static void write_tag(bm_writer *out, int field, int wire_type)
{
    bm_write_u8(out, (uint8_t)(field << 3 | wire_type));
}

static void write_string(bm_writer *out, int field, beam_span s)
{
    if (!s.len) return;
    write_tag(out, field, WIRE_BYTES);
    bm_write_prefixed(out, s);
}

void bm_entry_write(bm_writer *out, const bm_address *of, size_t payload, bool is_last)
{
    bool timers = of->timer_family_id.ptr != NULL;
    write_tag(out, timers ? ELEMENTS_TIMERS : ELEMENTS_DATA, WIRE_BYTES);
    bm_write_varint(out, body_size(of, payload, is_last));
    write_string(out, ENTRY_INSTRUCTION, of->instruction_id);
    write_string(out, ENTRY_TRANSFORM, of->transform_id);
    write_string(out, TIMERS_FAMILY, of->timer_family_id);
    if (is_last) { /* before the payload, which comes last so that it can follow */
        write_tag(out, timers ? TIMERS_IS_LAST : DATA_IS_LAST, WIRE_VARINT);
        bm_write_u8(out, 1);
    }
    if (payload) {
        write_tag(out, timers ? TIMERS_TIMERS : DATA_DATA, WIRE_BYTES);
        bm_write_varint(out, payload);
    }
}
