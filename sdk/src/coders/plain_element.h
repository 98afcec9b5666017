/* SPDX-License-Identifier: Apache-2.0 */
/* coders/plain_element.h - encoding and decoding what most elements are, inline and with one
 * look at the room there is: strings, bytes and numbers, alone or as a pair, in the global
 * window or in one interval, and of no firing; decoding: in those of the element before.
 * Any thread. */
#ifndef BM_PLAIN_ELEMENT_H
#define BM_PLAIN_ELEMENT_H

#include "base/reader.h"
#include "base/writer.h"
#include "coders/element.h"

/* What is known of a windowed coder beforehand. */
typedef struct bm_plain_coder {
    bm_coder_kind window;
    int n;             /* values: 1, or 2 for a KV; 0: the coder is of other things */
    beam_kind kind[2]; /* of them */
} bm_plain_coder;
bm_plain_coder bm_plain_coder_of(const bm_coder *windowed);

enum { BM_PLAIN_HEADER_MAX = 8 + 4 + 8 + BM_VARINT_MAX + 1 };

static inline size_t bm_plain_room(const beam_value *v)
{
    return BM_VARINT_MAX + (v->kind == BEAM_KIND_INT64 ? 0 : v->as.span.len);
}

static inline __attribute__((always_inline)) uint8_t *bm_put_plain(uint8_t *at,
                                                                   const beam_value *v)
{
    if (v->kind == BEAM_KIND_INT64) return bm_put_varint(at, (uint64_t)v->as.int64);
    at = bm_put_varint(at, v->as.span.len);
    bm_copy_short(at, v->as.span.ptr, v->as.span.len);
    return at + v->as.span.len;
}

static inline uint8_t *bm_put_timestamp(uint8_t *at, beam_millis t)
{
    uint64_t raw = __builtin_bswap64((uint64_t)t ^ (uint64_t)1 << 63);
    memcpy(at, &raw, sizeof raw);
    return at + sizeof raw;
}

/* Appends the value, or with another one the pair of them, as one element; false, and nothing
 * is: it is not that plain, or there may not be enough room. */
static inline __attribute__((always_inline)) bool
bm_plain_element_put(const bm_plain_coder *coder, const beam_value *value,
                     const beam_value *other, const bm_element *like, bm_writer *out)
{
    static const uint8_t one_window[] = { 0, 0, 0, 1, 0x0f }; /* and the pane of no firing */
    bool is_global = like->windows == &bm_global_windows;
    if (coder->n != (other ? 2 : 1) || like->pane != &bm_no_firing
        || value->kind != coder->kind[0] || (other && other->kind != coder->kind[1])
        || coder->window != (is_global ? BM_CODER_GLOBAL_WINDOW : BM_CODER_INTERVAL_WINDOW)
        || like->windows->n != 1)
        return false;
    size_t room = BM_PLAIN_HEADER_MAX + bm_plain_room(value);
    if (other) room += bm_plain_room(other);
    if (out->cap - out->len < room) return false;
    uint8_t *start = out->data + out->len;
    uint8_t *at = bm_put_timestamp(start, like->timestamp);
    if (is_global) {
        memcpy(at, one_window, 5);
        at += 5;
    } else {
        const beam_window *w = &like->windows->at[0];
        memcpy(at, one_window, 4);
        at = bm_put_timestamp(at + 4, w->end);
        at = bm_put_varint(at, (uint64_t)w->end - (uint64_t)w->start);
        *at++ = one_window[4];
    }
    at = bm_put_plain(at, value);
    if (other) at = bm_put_plain(at, other);
    out->len += (size_t)(at - start);
    return true;
}

/* -- decoding ------------------------------------------------------------------------------ */
/* Reads the timestamp, windows and pane of the next element; where its value begins. NULL:
 * its header is not this one, or not one that can be compared in words. */
static inline __attribute__((always_inline)) const uint8_t *
bm_header_end(const bm_header *header, const bm_reader *in, bm_element *out)
{
    const uint8_t *at = in->at;
    if (bm_left(in) < 8 + sizeof header->words
        || ((bm_load_word(at + 8) ^ header->words[0]) & header->masks[0]))
        return NULL;
    if (header->n_words != 1
        && (!header->n_words
            || ((bm_load_word(at + 16) ^ header->words[1]) & header->masks[1])
            || ((bm_load_word(at + 24) ^ header->words[2]) & header->masks[2])))
        return NULL;
    out->timestamp = (beam_millis)(__builtin_bswap64(bm_load_word(at)) ^ (uint64_t)1 << 63);
    out->windows = header->windows;
    out->pane = header->pane;
    return at + 8 + header->bytes.len;
}

/* Reads the value at `at`; what comes after it. NULL: the bytes end too early, or it is a
 * number or a length that takes long to read. */
static inline __attribute__((always_inline)) const uint8_t *
bm_plain_end(beam_kind kind, const uint8_t *at, const uint8_t *end, beam_value *out)
{
    uint64_t n;
    at = bm_get_varint(at, end, &n);
    if (!at) return NULL;
    out->kind = kind;
    if (kind == BEAM_KIND_INT64) {
        out->as.int64 = (int64_t)n;
        return at;
    }
    if ((size_t)(end - at) < n) return NULL;
    out->as.span = (beam_span){ (const char *)at, (size_t)n };
    return at + n;
}

/* Takes the next element off, if it is that plain; of a pair `pair` becomes the values. false:
 * nothing was taken, and it must be decoded by bm_element_decode(), which also tells errors. */
static inline __attribute__((always_inline)) bool
bm_plain_element_take(const bm_plain_coder *coder, const bm_header *header, bm_reader *in,
                      beam_value pair[2], bm_element *out)
{
    if (!coder->n) return false;
    const uint8_t *at = bm_header_end(header, in, out);
    if (!at) return false;
    if (coder->n == 1) {
        at = bm_plain_end(coder->kind[0], at, in->end, &out->value);
    } else {
        out->value.kind = BEAM_KIND_KV;
        out->value.as.kv = pair;
        at = bm_plain_end(coder->kind[0], at, in->end, &pair[0]);
        if (at) at = bm_plain_end(coder->kind[1], at, in->end, &pair[1]);
    }
    if (!at) return false;
    in->at = at;
    return true;
}

#endif
