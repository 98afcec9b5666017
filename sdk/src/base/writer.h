/* SPDX-License-Identifier: Apache-2.0 */
/* base/writer.h - a growing buffer of bytes. One thread at a time. Never fails: out of
 * memory ends the process. */
#ifndef BM_WRITER_H
#define BM_WRITER_H

#include <string.h>

#include "beam/coder.h"

struct beam_writer {
    uint8_t *data; /* malloc'd; may be taken over, see bm_writer_take */
    size_t len, cap;
};
typedef struct beam_writer bm_writer;

void bm_writer_free(bm_writer *w); /* leaves it empty and usable */
/* The same if it holds more memory than that. */
void bm_writer_shrink(bm_writer *w, size_t most);
void bm_writer_grow(bm_writer *w, size_t more);
/* The malloc'd bytes become the caller's; the writer is empty again. */
uint8_t *bm_writer_take(bm_writer *w, size_t *len);

static inline beam_span bm_written(const bm_writer *w)
{
    return (beam_span){ (const char *)w->data, w->len };
}
/* Room for n bytes at the end; the caller fills it and adds to w->len. */
static inline uint8_t *bm_reserve(bm_writer *w, size_t n)
{
    if (w->cap - w->len < n) bm_writer_grow(w, n);
    return w->data + w->len;
}
static inline void bm_write_u8(bm_writer *w, uint8_t v)
{
    *bm_reserve(w, 1) = v;
    w->len++;
}
static inline void bm_write_be32(bm_writer *w, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(bm_reserve(w, 4), &v, 4);
    w->len += 4;
}
static inline void bm_write_be64(bm_writer *w, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(bm_reserve(w, 8), &v, 8);
    w->len += 8;
}
enum { BM_SHORT = 64 };
/* memcpy without a call for up to BM_SHORT bytes, in parts that may overlap: most keys and
 * words are that short, and so are whole elements. */
static inline __attribute__((always_inline)) void bm_copy_inline(uint8_t *to,
                                                                 const void *bytes, size_t n)
{
    const uint8_t *from = (const uint8_t *)bytes;
    if (n < 4) {
        if (n > 1) {
            memcpy(to, from, 2);
            memcpy(to + n - 2, from + n - 2, 2);
        } else if (n) {
            *to = *from;
        }
    } else if (n < 8) {
        memcpy(to, from, 4);
        memcpy(to + n - 4, from + n - 4, 4);
    } else if (n <= 16) {
        memcpy(to, from, 8);
        memcpy(to + n - 8, from + n - 8, 8);
    } else {
        memcpy(to, from, 16);
        if (n > 32) {
            memcpy(to + 16, from + 16, 16);
            memcpy(to + n - 32, from + n - 32, 16);
        }
        memcpy(to + n - 16, from + n - 16, 16);
    }
}
enum { BM_WIDE = 16 };
/* The places in the bytes from which BM_WIDE can be read. */
static inline beam_span bm_wide_part(beam_span bytes)
{
    return (beam_span){ bytes.ptr, bytes.len < BM_WIDE ? 0 : bytes.len - BM_WIDE + 1 };
}
/* bm_copy_inline() to where BM_WIDE bytes can be written: what is short and begins in a `wide`
 * part, as texts of the input do, takes no branch by its length, which nobody could foresee. */
static inline __attribute__((always_inline)) void bm_copy_wide(uint8_t *to, const void *bytes,
                                                               size_t n, beam_span wide)
{
    if ((size_t)((uintptr_t)bytes - (uintptr_t)wide.ptr) < wide.len && n <= BM_WIDE)
        memcpy(to, bytes, BM_WIDE);
    else
        bm_copy_inline(to, bytes, n);
}
/* memcpy of what is mostly short. */
static inline void bm_copy_short(uint8_t *to, const void *bytes, size_t n)
{
    if (n > BM_SHORT) memcpy(to, bytes, n);
    else bm_copy_inline(to, bytes, n);
}
static inline void bm_write_bytes(bm_writer *w, const void *bytes, size_t n)
{
    if (!n) return;
    bm_copy_short(bm_reserve(w, n), bytes, n);
    w->len += n;
}
enum { BM_VARINT_MAX = 10 };
/* Writes a varint to where BM_VARINT_MAX bytes are free; the place after it. */
static inline uint8_t *bm_put_varint(uint8_t *at, uint64_t v)
{
    for (; v >= 0x80; v >>= 7) *at++ = (uint8_t)(v | 0x80);
    *at++ = (uint8_t)v;
    return at;
}
static inline void bm_write_varint(bm_writer *w, uint64_t v)
{
    uint8_t *at = bm_reserve(w, BM_VARINT_MAX);
    w->len += (size_t)(bm_put_varint(at, v) - at);
}
static inline __attribute__((always_inline)) void bm_write_prefixed(bm_writer *w,
                                                                    beam_span s)
{
    uint8_t *at = bm_reserve(w, BM_VARINT_MAX + s.len);
    uint8_t *bytes = bm_put_varint(at, s.len);
    bm_copy_short(bytes, s.ptr, s.len);
    w->len += (size_t)(bytes - at) + s.len;
}
static inline size_t bm_varint_size(uint64_t v)
{
    return v ? (size_t)(70 - __builtin_clzll(v)) / 7 : 1;
}

#endif
