/* SPDX-License-Identifier: Apache-2.0 */
/* coders/plain_element.h - encoding what most elements are, inline and with one look at the
 * room there is: strings, bytes and numbers, alone or as a pair, in the global window or in
 * one interval, and of no firing. Any thread. */
#ifndef BM_PLAIN_ELEMENT_H
#define BM_PLAIN_ELEMENT_H

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

#endif
