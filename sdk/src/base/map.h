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

uint64_t bm_hash(const void *bytes, size_t n);

#define BM_MAP_EACH(map, entry) \
    for (bm_map_entry *entry = (map)->entries; entry < (map)->entries + (map)->n; entry++)

#endif
