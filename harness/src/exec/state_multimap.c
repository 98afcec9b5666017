/* SPDX-License-Identifier: Apache-2.0 */
/* Map states over the multimap protocol: keys of a state are read and written one by one. A
 * SET has the value `true` under each of its members. Bundle thread. */
#include "exec/state_map.h"

static bm_state_key key_of(const bm_user_state *s, const bm_state_slot *slot, const bm_row *row,
                           const bm_map_item *item)
{
    bm_state_key key = bm_state_key_of(s, slot, row, BM_STATE_MULTIMAP_USER_STATE);
    key.map_key = item->key;
    return key;
}

/* Counts in what the runner has under the item's key. */
static beam_status read_item(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                             bm_map_item *item)
{
    bm_writer bytes = { 0 }, next = { 0 };
    bm_state_key key = key_of(s, slot, row, item);
    beam_status status = bm_state_read_key(s, slot, &key, SIZE_MAX, &bytes, &next);
    if (status == BEAM_OK) {
        item->known = true;
        item->logged = bytes.len > 0;
        if (slot->kind == BEAM_STATE_MULTIMAP) {
            if (bytes.len) bm_chunks_add(s, &item->stored, bm_written(&bytes));
        } else if (bytes.len) {
            item->value = bm_span_copy(&s->arena, bm_written(&bytes));
            item->exists = true;
            s->bytes += bytes.len;
        }
    }
    bm_writer_free(&bytes);
    bm_writer_free(&next);
    return status;
}

bm_map_item *bm_multimap_know(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                              struct bm_map_cell *map, beam_span key)
{
    bm_map_item *item = bm_map_item_of(s, map, key);
    if (item->known) return item;
    return read_item(s, slot, row, item) == BEAM_OK ? item : NULL;
}

/* The keys that the runner has, as items. */
static beam_status read_keys(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                             struct bm_map_cell *map)
{
    bm_writer bytes = { 0 }, next = { 0 };
    bm_state_key key = bm_state_key_of(s, slot, row, BM_STATE_MULTIMAP_KEYS_USER_STATE);
    beam_status status = bm_state_read_key(s, slot, &key, SIZE_MAX, &bytes, &next);
    bm_reader in = bm_reader_of(bm_written(&bytes));
    while (status == BEAM_OK && bm_left(&in)) {
        const uint8_t *start = in.at;
        if (bm_skip(slot->map_key_coder, true, &in) != BEAM_OK || in.at == start)
            status = bm_state_failed(s, slot, BEAM_ECODER, "could not read",
                                     "its keys are not what their coder says");
        else
            bm_map_item_of(s, map,
                           (beam_span){ (const char *)start, (size_t)(in.at - start) });
    }
    bm_writer_free(&bytes);
    bm_writer_free(&next);
    return status;
}

beam_status bm_multimap_know_all(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                                 struct bm_map_cell *map)
{
    BEAM_TRY(read_keys(s, slot, row, map));
    BM_MAP_EACH(&map->index, entry)
    {
        bm_map_item *item = entry->value;
        if (!item->known) BEAM_TRY(read_item(s, slot, row, item));
    }
    row->cells[slot->index].known = true;
    return BEAM_OK;
}

static beam_status clear_keys(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    bm_state_key key = bm_state_key_of(s, slot, row, BM_STATE_MULTIMAP_KEYS_USER_STATE);
    return bm_state_write_key(s, slot, &key, true, (beam_span){ NULL, 0 });
}

static beam_status flush_item(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                              const bm_map_item *item, bool nothing_there)
{
    bm_state_key key = key_of(s, slot, row, item);
    if (slot->kind != BEAM_STATE_MULTIMAP)
        return bm_state_write_key(s, slot, &key, !nothing_there,
                                  item->exists ? item->value : (beam_span){ NULL, 0 });
    bm_writer all = { 0 };
    for (const bm_chunk *c = item->added.first; c; c = c->next)
        bm_write_bytes(&all, c->at, c->len);
    beam_status status = bm_state_write_key(s, slot, &key, item->removed && !nothing_there,
                                            bm_written(&all));
    bm_writer_free(&all);
    return status;
}

beam_status bm_multimap_flush(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                              struct bm_map_cell *map)
{
    bool nothing_there = map->cleared || !row->cells[slot->index].stored;
    if (map->cleared && row->cells[slot->index].stored) BEAM_TRY(clear_keys(s, slot, row));
    BM_MAP_EACH(&map->index, entry)
    {
        const bm_map_item *item = entry->value;
        if (item->changed) BEAM_TRY(flush_item(s, slot, row, item, nothing_there));
    }
    return BEAM_OK;
}
