/* SPDX-License-Identifier: Apache-2.0 */
/* SET, MAP and MULTIMAP states: an index of what the bundle knows by encoded key, over a
 * store at the runner's. Bundle thread.
 *
 * Over a bag (the default), the store is a log of changes: it is read whole when a key that
 * was not written in this bundle is asked for, and written anew without what is obsolete
 * when more than half of it is. Over the multimap protocol, keys are read one by one. */
#include "exec/state_map.h"

enum { SLACK = 32 }; /* obsolete records that are always fine */

static struct bm_map_cell *map_of(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    bm_state_cell *cell = &row->cells[slot->index];
    if (!cell->as.map) {
        cell->as.map = BM_NEW(&s->arena, struct bm_map_cell);
        bm_map_init(&cell->as.map->index, &s->arena);
        s->bytes += sizeof *cell->as.map;
    }
    return cell->as.map;
}

static bool is_multimap(const bm_state_slot *slot)
{
    return slot->kind == BEAM_STATE_MULTIMAP;
}

static bool has_values(const bm_state_slot *slot, const bm_map_item *item)
{
    if (!is_multimap(slot)) return item->exists;
    return item->stored.first || item->added.first;
}

static bm_map_item *find(const struct bm_map_cell *map, beam_span key)
{
    return bm_map_get(&map->index, key);
}

bm_map_item *bm_map_item_of(bm_user_state *s, struct bm_map_cell *map, beam_span key)
{
    bool is_new;
    void **slot = bm_map_slot(&map->index, key, &is_new);
    if (is_new) {
        bm_map_item *item = BM_NEW(&s->arena, bm_map_item);
        item->key = bm_span_copy(&s->arena, key);
        map->index.entries[map->index.n - 1].key = item->key;
        s->bytes += sizeof *item + key.len + 64;
        *slot = item;
    }
    return *slot;
}

/* -- the log over a bag ------------------------------------------------------------------------ */
/* Splits a record into key, does it stand for a value, and value. */
static beam_status read_record(const bm_state_slot *slot, bm_reader *in, beam_span *key,
                               bool *puts, beam_span *value)
{
    const uint8_t *start = in->at;
    BEAM_TRY(bm_skip(slot->map_key_coder, true, in));
    *key = (beam_span){ (const char *)start, (size_t)(in->at - start) };
    BEAM_TRY(beam_read_bool(in, puts));
    start = in->at;
    if (*puts && slot->coder) BEAM_TRY(bm_skip(slot->coder, true, in));
    *value = (beam_span){ (const char *)start, (size_t)(in->at - start) };
    return BEAM_OK;
}

static void replay(bm_user_state *s, const bm_state_slot *slot, bm_map_item *item, bool puts,
                   beam_span value)
{
    if (is_multimap(slot)) {
        if (puts)
            bm_chunks_add(s, &item->stored, value);
        else
            item->stored = (bm_chunks){ NULL, NULL };
        return;
    }
    item->exists = puts;
    item->value = value;
    item->cap = 0;
}

static beam_status replay_log(bm_user_state *s, const bm_state_slot *slot,
                              struct bm_map_cell *map, beam_span log)
{
    bm_reader in = bm_reader_of(log);
    while (bm_left(&in)) {
        beam_span key, value;
        bool puts;
        if (read_record(slot, &in, &key, &puts, &value) != BEAM_OK)
            return bm_state_failed(s, slot, BEAM_ECODER, "could not read",
                                   "its records are not what their coder says");
        bm_map_item *item = bm_map_item_of(s, map, key);
        item->logged = true;
        map->n_logged++;
        if (!item->known) replay(s, slot, item, puts, value);
    }
    return BEAM_OK;
}

static beam_status know_log(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    struct bm_map_cell *map = map_of(s, slot, row);
    bm_state_cell *cell = &row->cells[slot->index];
    bm_writer bytes = { 0 }, next = { 0 };
    beam_status status = bm_state_read(s, slot, row, SIZE_MAX, &bytes, &next);
    if (status == BEAM_OK) {
        beam_span log = bm_span_copy(&s->arena, bm_written(&bytes));
        s->bytes += log.len;
        status = replay_log(s, slot, map, log);
        cell->known = status == BEAM_OK;
        cell->stored = log.len > 0;
    }
    bm_writer_free(&bytes);
    bm_writer_free(&next);
    return status;
}

static void write_record(bm_writer *out, beam_span key, const beam_span *value)
{
    bm_write_bytes(out, key.ptr, key.len);
    bm_write_u8(out, value != NULL);
    if (value) bm_write_bytes(out, value->ptr, value->len);
}

/* Each value of the chunks as a record of its own. */
static beam_status write_values(const bm_state_slot *slot, bm_writer *out, beam_span key,
                                const bm_chunks *values, size_t *n)
{
    for (const bm_chunk *chunk = values->first; chunk; chunk = chunk->next) {
        bm_reader in = { chunk->at, chunk->at + chunk->len, 0 };
        while (bm_left(&in)) {
            const uint8_t *start = in.at;
            BEAM_TRY(bm_skip(slot->coder, true, &in));
            beam_span value = { (const char *)start, (size_t)(in.at - start) };
            if (!value.len) return BEAM_ECODER;
            write_record(out, key, &value);
            ++*n;
        }
    }
    return BEAM_OK;
}

static beam_status write_changes(const bm_state_slot *slot, bool all_known, const bm_map_item *item,
                                 bm_writer *out, size_t *n)
{
    if (is_multimap(slot)) {
        if (item->removed && (item->logged || !all_known)) {
            write_record(out, item->key, NULL);
            ++*n;
        }
        return write_values(slot, out, item->key, &item->added, n);
    }
    if (item->exists)
        write_record(out, item->key, &item->value);
    else if (item->logged || !all_known)
        write_record(out, item->key, NULL);
    ++*n;
    return BEAM_OK;
}

static beam_status write_all(const bm_state_slot *slot, const bm_map_item *item, bm_writer *out,
                             size_t *n)
{
    if (!is_multimap(slot)) {
        if (!item->exists) return BEAM_OK;
        write_record(out, item->key, &item->value);
        ++*n;
        return BEAM_OK;
    }
    BEAM_TRY(write_values(slot, out, item->key, &item->stored, n));
    return write_values(slot, out, item->key, &item->added, n);
}

static beam_status flush_log(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    bm_state_cell *cell = &row->cells[slot->index];
    if (!cell->known && bm_state_compacts(s)) BEAM_TRY(know_log(s, slot, row));
    struct bm_map_cell *map = map_of(s, slot, row);
    bm_writer changes = { 0 }, all = { 0 };
    size_t n_changes = 0, n_all = 0;
    beam_status status = BEAM_OK;
    bool anew = map->cleared;
    BM_MAP_EACH(&map->index, entry)
    {
        const bm_map_item *item = entry->value;
        if (status == BEAM_OK && item->changed && !anew)
            status = write_changes(slot, cell->known, item, &changes, &n_changes);
        if (status == BEAM_OK && cell->known) status = write_all(slot, item, &all, &n_all);
    }
    anew = anew || (cell->known && map->n_logged + n_changes > 2 * n_all + SLACK);
    if (status != BEAM_OK)
        bm_state_failed(s, slot, status, "could not write", "a value has no bytes");
    else
        status = bm_state_write(s, slot, row, anew && cell->stored,
                                bm_written(anew ? &all : &changes));
    if (anew) map->n_logged = n_all;
    bm_writer_free(&changes);
    bm_writer_free(&all);
    return status;
}

/* -- knowing ------------------------------------------------------------------------------------ */
static void append_chunks(bm_chunks *to, const bm_chunks *from)
{
    if (!from->first) return;
    *(to->last ? &to->last->next : &to->first) = from->first;
    to->last = from->last;
}

static bool is_native(const bm_state_slot *slot)
{
    return slot->info->protocol == BM_PROTOCOL_MULTIMAP;
}

static beam_status know_all(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    if (row->cells[slot->index].known) return BEAM_OK;
    return is_native(slot) ? bm_multimap_know_all(s, slot, row, map_of(s, slot, row))
                           : know_log(s, slot, row);
}

/* What is known of the key; NULL: it is not in the map, or the bundle has failed. */
static bm_map_item *know(bm_user_state *s, const bm_state_slot *slot, bm_row *row, beam_span key)
{
    struct bm_map_cell *map = map_of(s, slot, row);
    bm_map_item *item = find(map, key);
    if ((item && item->known) || row->cells[slot->index].known) return item;
    if (is_native(slot)) return bm_multimap_know(s, slot, row, map, key);
    beam_span copy = bm_span_copy(&s->arena, key); /* which may be in s->encoded */
    return know_log(s, slot, row) == BEAM_OK ? find(map, copy) : NULL;
}

/* -- changing -------------------------------------------------------------------------------------- */
static bm_map_item *change(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                           beam_span key)
{
    bm_map_item *item = bm_map_item_of(s, map_of(s, slot, row), key);
    item->changed = row->cells[slot->index].changed = true;
    return item;
}

/* The old value's bytes are used again unless an iterator of this callback may read them. */
static void set_value(bm_user_state *s, struct bm_map_cell *map, bm_map_item *item,
                      beam_span value)
{
    if (item->cap < value.len || map->lent == s->serial) {
        item->cap = value.len + value.len / 4;
        item->value.ptr = bm_alloc(&s->arena, item->cap);
        s->bytes += item->cap;
    }
    bm_copy_short((uint8_t *)(uintptr_t)item->value.ptr, value.ptr, value.len);
    item->value.len = value.len;
}

beam_status bm_map_put_value(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                             beam_value key, beam_value value)
{
    beam_span bytes;
    BEAM_TRY(bm_state_encode(s, slot, slot->map_key_coder, key, &bytes));
    beam_span key_bytes = bm_span_copy(s->ctx->arena, bytes);
    BEAM_TRY(bm_state_encode(s, slot, slot->coder, value, &bytes));
    bm_map_item *item = change(s, slot, row, key_bytes);
    if (is_multimap(slot)) {
        bm_chunks_add(s, &item->added, bytes);
        return BEAM_OK;
    }
    set_value(s, map_of(s, slot, row), item, bytes);
    item->exists = item->known = true;
    return BEAM_OK;
}

beam_status bm_set_add(bm_user_state *s, const bm_state_slot *slot, bm_row *row, beam_value v)
{
    beam_span key;
    BEAM_TRY(bm_state_encode(s, slot, slot->map_key_coder, v, &key));
    struct bm_map_cell *map = map_of(s, slot, row);
    const bm_map_item *there = find(map, key);
    if (there && there->exists && (there->known || row->cells[slot->index].known)) return BEAM_OK;
    bm_map_item *item = change(s, slot, row, key);
    item->exists = item->known = true;
    if (slot->coder) set_value(s, map, item, (beam_span){ "\1", 1 });
    return BEAM_OK;
}

beam_status bm_map_remove(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                          beam_value key)
{
    beam_span bytes;
    BEAM_TRY(bm_state_encode(s, slot, slot->map_key_coder, key, &bytes));
    if (row->cells[slot->index].known && !find(map_of(s, slot, row), bytes)) return BEAM_OK;
    bm_map_item *item = change(s, slot, row, bytes);
    item->exists = false;
    item->known = item->removed = true;
    item->stored = item->added = (bm_chunks){ NULL, NULL };
    return BEAM_OK;
}

static beam_status map_clear(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    bm_state_cell *cell = &row->cells[slot->index];
    struct bm_map_cell *map = map_of(s, slot, row);
    bm_map_init(&map->index, &s->arena);
    map->n_logged = 0;
    map->cleared = cell->known = cell->changed = true;
    return BEAM_OK;
}

static beam_status map_flush(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    return is_native(slot) ? bm_multimap_flush(s, slot, row, map_of(s, slot, row))
                           : flush_log(s, slot, row);
}

/* What is known goes on to be so, and is the runner's now. */
static void settle_item(const bm_state_slot *slot, bool all_known, bm_map_item *item)
{
    item->logged |= item->changed;
    item->changed = item->removed = false;
    if (!is_multimap(slot)) return;
    if (all_known || item->known)
        append_chunks(&item->stored, &item->added);
    else
        item->stored = (bm_chunks){ NULL, NULL };
    item->added = (bm_chunks){ NULL, NULL };
}

static void map_settle(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    bm_state_cell *cell = &row->cells[slot->index];
    if (is_native(slot)) {
        bm_state_forget(s, slot, row);
        return;
    }
    struct bm_map_cell *map = map_of(s, slot, row);
    BM_MAP_EACH(&map->index, entry)
    {
        bm_map_item *item = entry->value;
        map->n_logged += item->changed; /* about as many records */
        settle_item(slot, cell->known, item);
    }
    map->cleared = cell->changed = false;
    cell->stored = true;
}

/* -- reading ------------------------------------------------------------------------------------------ */
static bool any_value(const bm_state_slot *slot, const struct bm_map_cell *map)
{
    BM_MAP_EACH(&map->index, entry)
        if (has_values(slot, entry->value)) return true;
    return false;
}

static bool map_is_empty(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    const struct bm_map_cell *map = map_of(s, slot, row);
    if (any_value(slot, map)) return false;
    return know_all(s, slot, row) != BEAM_OK || !any_value(slot, map);
}

const bm_state_ops bm_map_ops = {
    .is_empty = map_is_empty,
    .clear = map_clear,
    .flush = map_flush,
    .settle = map_settle,
};

bool bm_map_contains(bm_user_state *s, const bm_state_slot *slot, bm_row *row, beam_value key)
{
    beam_span bytes;
    if (bm_state_encode(s, slot, slot->map_key_coder, key, &bytes) != BEAM_OK) return false;
    const bm_map_item *item = find(map_of(s, slot, row), bytes);
    if (item && has_values(slot, item)) return true;
    item = know(s, slot, row, bytes);
    return item && has_values(slot, item);
}

beam_value bm_map_get_value(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                            beam_value key)
{
    beam_span bytes;
    if (bm_state_encode(s, slot, slot->map_key_coder, key, &bytes) != BEAM_OK)
        return beam_null();
    const bm_map_item *item = know(s, slot, row, bytes);
    return item && item->exists ? bm_state_decode(s, slot, slot->coder, item->value)
                                : beam_null();
}

/* -- iterating ------------------------------------------------------------------------------------------- */
typedef struct pairs {
    bm_pair *at;
    size_t n, cap;
} pairs;

static void add_pair(bm_user_state *s, pairs *p, beam_span key, beam_span value)
{
    if (p->n == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 8;
        bm_pair *grown = BM_NEW_ARRAY(s->ctx->arena, bm_pair, cap);
        if (p->n) memcpy(grown, p->at, p->n * sizeof *grown);
        p->at = grown;
        p->cap = cap;
    }
    p->at[p->n++] = (bm_pair){ key, value, 0 };
}

static beam_status add_chunks(bm_user_state *s, const bm_state_slot *slot, pairs *p,
                              beam_span key, const bm_chunks *values)
{
    for (const bm_chunk *chunk = values->first; chunk; chunk = chunk->next) {
        bm_reader in = { chunk->at, chunk->at + chunk->len, 0 };
        while (bm_left(&in)) {
            const uint8_t *start = in.at;
            BEAM_TRY(bm_skip(slot->coder, true, &in));
            add_pair(s, p, key, (beam_span){ (const char *)start, (size_t)(in.at - start) });
        }
    }
    return BEAM_OK;
}

/* The item's pairs; with keys alone, one of them. */
static beam_status add_item(bm_user_state *s, const bm_state_slot *slot, pairs *p,
                            const bm_map_item *item, bool keys_alone)
{
    if (!has_values(slot, item)) return BEAM_OK;
    if (!is_multimap(slot) || keys_alone) {
        add_pair(s, p, item->key, item->value);
        return BEAM_OK;
    }
    BEAM_TRY(add_chunks(s, slot, p, item->key, &item->stored));
    return add_chunks(s, slot, p, item->key, &item->added);
}

static beam_iter *iter_of(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                          bm_pairs_shape shape, beam_status status, const pairs *p)
{
    map_of(s, slot, row)->lent = s->serial;
    if (status != BEAM_OK) {
        bm_state_failed(s, slot, status, "could not read",
                        "its values are not what their coder says");
        return NULL;
    }
    return bm_pairs_iter(s, slot, shape, p->at, p->n);
}

beam_iter *bm_map_iter(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                       bool keys_alone)
{
    if (know_all(s, slot, row) != BEAM_OK) return NULL;
    pairs p = { NULL, 0, 0 };
    beam_status status = BEAM_OK;
    BM_MAP_EACH(&map_of(s, slot, row)->index, entry)
        if (status == BEAM_OK) status = add_item(s, slot, &p, entry->value, keys_alone);
    bm_pairs_shape shape = keys_alone ? BM_PAIRS_KEYS : BM_PAIRS_KVS;
    return iter_of(s, slot, row, shape, status, &p);
}

beam_iter *bm_multimap_lookup(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                              beam_value key)
{
    beam_span bytes;
    if (bm_state_encode(s, slot, slot->map_key_coder, key, &bytes) != BEAM_OK) return NULL;
    const bm_map_item *item = know(s, slot, row, bytes);
    if (bm_failed(s->node->plan)) return NULL;
    pairs p = { NULL, 0, 0 };
    beam_status status = item ? add_item(s, slot, &p, item, false) : BEAM_OK;
    return iter_of(s, slot, row, BM_PAIRS_VALUES, status, &p);
}
