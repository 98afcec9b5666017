/* SPDX-License-Identifier: Apache-2.0 */
/* coders/plain_element.h - encoding and decoding what most elements are, inline and with one
 * look at the room there is: strings, bytes and numbers, alone or as a pair, in the global
 * window or in one interval, and of no firing; decoding: in those of the element before.
 * Any thread. */
#ifndef BM_PLAIN_ELEMENT_H
#define BM_PLAIN_ELEMENT_H

#include <stddef.h>

#include "base/reader.h"
#include "base/writer.h"
#include "coders/element.h"

/* One window, the global one, which has no bytes, and bm_no_firing. */
static const uint8_t bm_global_header[] = { 0, 0, 0, 1, BM_NO_FIRING_BYTE };

/* What is known of a windowed coder beforehand. */
typedef struct bm_plain_coder {
    const bm_windows *windows; /* the global window; NULL: one interval */
    int one, pair[2];          /* beam_kind of values, and of the two of a pair; -1, which no
                                  value is of: not plain */
    int n;                     /* plain values of an element: 1 or, in a pair, 2; or 0 */
} bm_plain_coder;
bm_plain_coder bm_plain_coder_of(const bm_coder *windowed);

/* Room for an element but its texts. */
enum { BM_PLAIN_ROOM = 8 + 4 + 8 + BM_VARINT_MAX + 1 + 2 * BM_VARINT_MAX };

static inline size_t bm_plain_text(const beam_value *v)
{
    return v->kind == BEAM_KIND_INT64 ? 0 : v->as.span.len;
}

static inline uint8_t *bm_put_timestamp(uint8_t *at, beam_millis t)
{
    uint64_t raw = __builtin_bswap64((uint64_t)t ^ (uint64_t)1 << 63);
    memcpy(at, &raw, sizeof raw);
    return at + sizeof raw;
}

static inline __attribute__((always_inline)) uint8_t *
bm_put_plain_header(uint8_t *at, const bm_plain_coder *coder, const bm_element *like)
{
    if (like->pane != &bm_no_firing) return NULL;
    at = bm_put_timestamp(at, like->timestamp);
    if (__builtin_expect(like->windows == coder->windows, 1)) {
        memcpy(at, bm_global_header, sizeof bm_global_header);
        return at + sizeof bm_global_header;
    }
    if (coder->windows || like->windows == &bm_global_windows || like->windows->n != 1)
        return NULL;
    const beam_window *w = &like->windows->at[0];
    memcpy(at, bm_global_header, 4); /* one window */
    at = bm_put_timestamp(at + 4, w->end);
    at = bm_put_varint(at, (uint64_t)w->end - (uint64_t)w->start);
    *at++ = BM_NO_FIRING_BYTE;
    return at;
}

static inline __attribute__((always_inline)) uint8_t *
bm_put_plain(uint8_t *at, const beam_value *v, bool is_short, beam_span wide)
{
    if (v->kind == BEAM_KIND_INT64) return bm_put_varint(at, (uint64_t)v->as.int64);
    beam_span text = v->as.span;
    if (is_short && text.len > BM_SHORT) return NULL;
    if (is_short) *at++ = (uint8_t)text.len;
    else at = bm_put_varint(at, text.len);
    if (is_short) bm_copy_wide(at, text.ptr, text.len, wide);
    else bm_copy_short(at, text.ptr, text.len);
    return at + text.len;
}

/* Writes the value, or with another one the pair of them, as an element like another one to
 * where there is room: BM_PLAIN_ROOM and that for its texts, or for BM_SHORT each if they are
 * to be short. The place after it; NULL: it is not that plain, or not short. */
static inline __attribute__((always_inline)) uint8_t *
bm_put_plain_element(uint8_t *at, const bm_plain_coder *coder, const bm_element *like,
                     const beam_value *value, const beam_value *other, bool is_short,
                     beam_span wide)
{
    if ((int)value->kind != (other ? coder->pair[0] : coder->one)) return NULL;
    if (other && (int)other->kind != coder->pair[1]) return NULL;
    at = bm_put_plain_header(at, coder, like);
    if (at) at = bm_put_plain(at, value, is_short, wide);
    return at && other ? bm_put_plain(at, other, is_short, wide) : at;
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

/* Writes what most copies of a value begin with as one piece: a copy right after is read as one
 * too, and would wait until two pieces are in the cache. */
static inline void bm_set_value(beam_value *out, int kind, uint64_t content)
{
    typedef uint64_t two_words __attribute__((vector_size(16)));
    _Static_assert(offsetof(beam_value, as) == 8 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
                   "the kind, and then its content");
    const two_words words = { (uint64_t)kind, content };
    memcpy(out, &words, sizeof words);
}

/* Reads the value at `at`; what comes after it. NULL: the bytes end too early, or it is a
 * number or a length that takes long to read. */
static inline __attribute__((always_inline)) const uint8_t *
bm_plain_end(int kind, const uint8_t *at, const uint8_t *end, beam_value *out)
{
    uint64_t n;
    at = bm_get_varint(at, end, &n);
    if (!at) return NULL;
    if (kind == BEAM_KIND_INT64) {
        out->kind = BEAM_KIND_INT64;
        out->as.int64 = (int64_t)n;
        return at;
    }
    if ((size_t)(end - at) < n) return NULL;
    bm_set_value(out, kind, (uint64_t)(uintptr_t)at);
    out->as.span.len = (size_t)n;
    return at + n;
}

/* Takes the next element off, if it is that plain. Of a pair the two become `pair`, and the value
 * of `out` must be the KV of it already. false: nothing was taken, and it must be decoded by
 * bm_element_decode(), which also tells errors. */
static inline __attribute__((always_inline)) bool
bm_take_plain_element(const bm_plain_coder *coder, const bm_header *header, bm_reader *in,
                      beam_value pair[2], bm_element *out)
{
    if (!coder->n) return false;
    const uint8_t *at = bm_header_end(header, in, out);
    if (!at) return false;
    if (coder->n == 2) {
        at = bm_plain_end(coder->pair[0], at, in->end, &pair[0]);
        if (at) at = bm_plain_end(coder->pair[1], at, in->end, &pair[1]);
    } else {
        at = bm_plain_end(coder->one, at, in->end, &out->value);
    }
    if (!at) return false;
    in->at = at;
    return true;
}

#endif
