/* SPDX-License-Identifier: Apache-2.0 */
/* base/reader.h - the one bounds-checked cursor over bytes. Any thread, one per cursor.
 *
 * BEAM_ESHORT means that the bytes end too early (an element may go on in the next data
 * segment), BEAM_ECODER that they are wrong whatever follows. After a failure the
 * position is unspecified: a caller that wants to retry keeps a copy of the cursor. */
#ifndef BM_READER_H
#define BM_READER_H

#include <string.h>

#include "beam/coder.h"

struct beam_reader {
    const uint8_t *at, *end;
    size_t short_by; /* after BEAM_ESHORT: so many bytes at least are missing; 0: not known */
};
typedef struct beam_reader bm_reader;

static inline bm_reader bm_reader_of(beam_span s)
{
    const uint8_t *at = (const uint8_t *)s.ptr;
    return (bm_reader){ at, at ? at + s.len : at, 0 };
}
static inline size_t bm_left(const bm_reader *r) { return (size_t)(r->end - r->at); }
static inline beam_span bm_rest(const bm_reader *r)
{
    return (beam_span){ (const char *)r->at, bm_left(r) };
}

static inline uint64_t bm_load_word(const void *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* A varint of up to eight bytes, in a few steps; what comes after it. NULL: it is longer, or
 * too near the end to be read like that. */
static inline __attribute__((always_inline)) const uint8_t *
bm_get_varint(const uint8_t *at, const uint8_t *end, uint64_t *out)
{
    if (at < end && *at < 0x80) {
        *out = *at;
        return at + 1;
    }
    if (end - at < 8) return NULL;
    if (at[1] < 0x80) {
        *out = (uint64_t)(at[0] & 0x7f) | (uint64_t)at[1] << 7;
        return at + 2;
    }
    uint64_t word = bm_load_word(at);
    uint64_t last = ~word & 0x8080808080808080; /* bytes that no other follows */
    if (!last) return NULL;
    word &= (last ^ (last - 1)) & 0x7f7f7f7f7f7f7f7f;
    word = (word & 0x007f007f007f007f) | (word & 0x7f007f007f007f00) >> 1;
    word = (word & 0x00003fff00003fff) | (word & 0x3fff00003fff0000) >> 2;
    *out = (word & 0x000000000fffffff) | (word & 0x0fffffff00000000) >> 4;
    return at + (__builtin_ctzll(last) + 1) / 8;
}

beam_status bm_read_varint_slow(bm_reader *r, uint64_t *out);

static inline beam_status bm_read_varint(bm_reader *r, uint64_t *out)
{
    const uint8_t *after = bm_get_varint(r->at, r->end, out);
    if (!after) return bm_read_varint_slow(r, out);
    r->at = after;
    return BEAM_OK;
}
static inline beam_status bm_read_u8(bm_reader *r, uint8_t *out)
{
    if (r->at == r->end) return BEAM_ESHORT;
    *out = *r->at++;
    return BEAM_OK;
}
static inline beam_status bm_read_be32(bm_reader *r, uint32_t *out)
{
    if (bm_left(r) < 4) return BEAM_ESHORT;
    memcpy(out, r->at, 4);
    *out = __builtin_bswap32(*out);
    r->at += 4;
    return BEAM_OK;
}
static inline beam_status bm_read_be64(bm_reader *r, uint64_t *out)
{
    if (bm_left(r) < 8) return BEAM_ESHORT;
    memcpy(out, r->at, 8);
    *out = __builtin_bswap64(*out);
    r->at += 8;
    return BEAM_OK;
}
static inline beam_status bm_short_of(bm_reader *r, size_t n)
{
    r->short_by = n - bm_left(r);
    return BEAM_ESHORT;
}
/* A view of the next n bytes. */
static inline beam_status bm_read_view(bm_reader *r, size_t n, beam_span *out)
{
    if (bm_left(r) < n) return bm_short_of(r, n);
    *out = (beam_span){ (const char *)r->at, n };
    r->at += n;
    return BEAM_OK;
}
/* A varint length and a view of that many bytes. A length over 2 GiB is BEAM_ECODER. */
static inline beam_status bm_read_prefixed(bm_reader *r, beam_span *out)
{
    if (r->at < r->end && *r->at < 0x80) {
        size_t n = *r->at;
        const uint8_t *bytes = r->at + 1;
        if ((size_t)(r->end - bytes) < n) return bm_short_of(r, n + 1);
        *out = (beam_span){ (const char *)bytes, n };
        r->at = bytes + n;
        return BEAM_OK;
    }
    uint64_t n;
    BEAM_TRY(bm_read_varint(r, &n));
    if (n > INT32_MAX) return BEAM_ECODER;
    return bm_read_view(r, (size_t)n, out);
}

#endif
