/* SPDX-License-Identifier: Apache-2.0 */
/* exec/key_bytes.h - the bytes that tell a key from others, for tables by key and window.
 * Bundle thread. */
#ifndef BM_KEY_BYTES_H
#define BM_KEY_BYTES_H

#include "base/map.h"
#include "base/reader.h"
#include "coders/coder.h"

/* The kind of keys that are their own bytes: strings, bytes and numbers. ANY: those of the
 * coder have to be encoded. */
static inline beam_kind bm_plain_key_kind(const bm_coder *coder)
{
    bool nullable;
    beam_kind kind = bm_coder_value_kind(coder, &nullable);
    bool is_plain = kind == BEAM_KIND_STRING || kind == BEAM_KIND_BYTES ||
                    kind == BEAM_KIND_INT64;
    return is_plain && !nullable ? kind : BEAM_KIND_ANY;
}

/* Of a key whose kind is `kind`, a plain one; false: it is another. They point into *key. */
static inline bool bm_plain_key(beam_kind kind, const beam_value *key, beam_span *out)
{
    if (BM_UNLIKELY(key->kind != kind)) return false;
    if (kind == BEAM_KIND_INT64)
        *out = (beam_span){ (const char *)&key->as.int64, sizeof key->as.int64 };
    else
        *out = bm_value_of(key).as.span;
    return true;
}

static inline uint64_t bm_key_hash(beam_span key, const beam_window *window)
{
    uint64_t hash = bm_hash_inline(key.ptr, key.len);
    if (BM_UNLIKELY(window->custom.ptr != NULL))
        hash ^= bm_hash(window->custom.ptr, window->custom.len);
    hash ^= (uint64_t)window->end * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 32;
}

static inline uint32_t bm_half_word_at(const char *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* Keys of 4 to 16 bytes, which many are, without a call. */
static inline bool bm_key_equal(beam_span a, beam_span b)
{
    size_t n = a.len;
    if (n != b.len) return false;
    if (n < 4 || n > 16) return !n || memcmp(a.ptr, b.ptr, n) == 0;
    if (n < 8)
        return bm_half_word_at(a.ptr) == bm_half_word_at(b.ptr) &&
               bm_half_word_at(a.ptr + n - 4) == bm_half_word_at(b.ptr + n - 4);
    return bm_load_word(a.ptr) == bm_load_word(b.ptr) &&
           bm_load_word(a.ptr + n - 8) == bm_load_word(b.ptr + n - 8);
}

#endif
