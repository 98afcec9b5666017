/* SPDX-License-Identifier: Apache-2.0 */
/* base/map.h - hash map from byte strings to pointers, in an arena. One thread at a time.
 * Keys are borrowed, or copied with bm_map_put_copy. Iteration is in order of insertion. */
#ifndef BM_MAP_H
#define BM_MAP_H

#include "base/arena.h"

typedef struct bm_map_entry {
    beam_span key;
    void *value;
    uint64_t hash;
} bm_map_entry;

typedef struct bm_map {
    bm_arena *arena;
    bm_map_entry *entries; /* in order of insertion */
    size_t n, cap;
    uint32_t *slots; /* index + 1 of an entry, 0: free */
    size_t n_slots;  /* a power of two */
} bm_map;

void bm_map_init(bm_map *map, bm_arena *arena);
void *bm_map_get(const bm_map *map, beam_span key); /* NULL: absent */
/* Sets the value, replacing an earlier one. */
void bm_map_put(bm_map *map, beam_span key, void *value);
void bm_map_put_copy(bm_map *map, beam_span key, void *value);
/* Where the value of `key` is kept; a new one is NULL. Valid until the next put. */
void **bm_map_slot(bm_map *map, beam_span key, bool *is_new);

/* The last n < 8 bytes, with some before them if there are any: whole loads are cheaper. */
static inline uint64_t bm_hash_tail(const void *start, const unsigned char *at, size_t n)
{
    uint64_t word = 0;
    uint32_t first, last;
    if (!n) return 0;
    if (at != start) {
        memcpy(&word, at + n - 8, 8);
        return word;
    }
    if (n < 4)
        return at[0] | (uint64_t)at[n / 2] << 8 | (uint64_t)at[n - 1] << 16;
    memcpy(&first, at, 4);
    memcpy(&last, at + n - 4, 4);
    return first | (uint64_t)last << 32;
}

/* Multiply-and-fold over 8-byte words: quick and well spread for short keys; not meant to
 * withstand an attacker who chooses keys. */
static inline __attribute__((always_inline)) uint64_t bm_hash_inline(const void *bytes,
                                                                     size_t n)
{
    const uint64_t prime = 0x9e3779b97f4a7c15u;
    const unsigned char *at = bytes;
    uint64_t h = n * prime;
    for (; n >= 8; at += 8, n -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        __uint128_t wide = (__uint128_t)(word ^ h) * prime;
        h = (uint64_t)wide ^ (uint64_t)(wide >> 64);
    }
    uint64_t tail = bm_hash_tail(bytes, at, n);
    __uint128_t wide = (__uint128_t)(tail ^ h ^ 0xa0761d6478bd642fu) * 0xe7037ed1a0b428dbu;
    return (uint64_t)wide ^ (uint64_t)(wide >> 64);
}
uint64_t bm_hash(const void *bytes, size_t n);

#define BM_MAP_EACH(map, entry) \
    for (bm_map_entry *entry = (map)->entries; entry < (map)->entries + (map)->n; entry++)

#endif
