/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing over an array of entries. Any thread, one at a time per map. */
#include "base/map.h"

void bm_map_init(bm_map *map, bm_arena *arena)
{
    *map = (bm_map){ .arena = arena };
}

uint64_t bm_hash(const void *bytes, size_t n)
{
    return bm_hash_inline(bytes, n);
}

static bm_map_entry *find(const bm_map *map, beam_span key, uint64_t hash)
{
    if (!map->n_slots) return NULL;
    size_t mask = map->n_slots - 1;
    for (size_t i = hash & mask; map->slots[i]; i = (i + 1) & mask) {
        bm_map_entry *entry = &map->entries[map->slots[i] - 1];
        if (entry->hash == hash && beam_span_equal(entry->key, key)) return entry;
    }
    return NULL;
}

static void link_entry(bm_map *map, size_t index)
{
    size_t mask = map->n_slots - 1;
    size_t i = map->entries[index].hash & mask;
    while (map->slots[i]) i = (i + 1) & mask;
    map->slots[i] = (uint32_t)(index + 1);
}

static void grow(bm_map *map)
{
    size_t cap = map->cap ? map->cap * 2 : 8;
    bm_map_entry *entries = BM_NEW_ARRAY(map->arena, bm_map_entry, cap);
    if (map->n) memcpy(entries, map->entries, map->n * sizeof *entries);
    map->entries = entries;
    map->cap = cap;
    map->n_slots = cap * 2;
    map->slots = BM_NEW_ARRAY(map->arena, uint32_t, map->n_slots);
    for (size_t i = 0; i < map->n; i++) link_entry(map, i);
}

void *bm_map_get(const bm_map *map, beam_span key)
{
    bm_map_entry *entry = find(map, key, bm_hash(key.ptr, key.len));
    return entry ? entry->value : NULL;
}

void **bm_map_slot(bm_map *map, beam_span key, bool *is_new)
{
    uint64_t hash = bm_hash(key.ptr, key.len);
    bm_map_entry *entry = find(map, key, hash);
    *is_new = !entry;
    if (!entry) {
        if (map->n == map->cap) grow(map);
        entry = &map->entries[map->n];
        *entry = (bm_map_entry){ key, NULL, hash };
        link_entry(map, map->n++);
    }
    return &entry->value;
}

void bm_map_put(bm_map *map, beam_span key, void *value)
{
    bool is_new;
    *bm_map_slot(map, key, &is_new) = value;
}

void bm_map_put_copy(bm_map *map, beam_span key, void *value)
{
    bool is_new;
    void **slot = bm_map_slot(map, key, &is_new);
    *slot = value;
    if (is_new) map->entries[map->n - 1].key = bm_span_copy(map->arena, key);
}
