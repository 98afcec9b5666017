/* SPDX-License-Identifier: Apache-2.0 */
/* ORDERED_LIST states: the changes of the bundle, and when something is read, the items they
 * lead to. Bundle thread.
 *
 * Over a bag (the default), the runner has the changes of earlier bundles, a log that is read
 * whole, and written anew when more than half of it is obsolete. Over the ordered_list
 * protocol, a range is read at a time. */
#include "exec/user_state.h"

#include <stdlib.h>

enum { SLACK = 32 }; /* obsolete records that are always fine */

typedef struct item {
    beam_millis at;
    size_t order; /* of insertion, among those of one time */
    beam_span value;
} item;

/* What becomes of a list by one change. */
typedef struct record {
    beam_millis at, to; /* of a removal: [at, to) */
    bool removes;
    beam_span value;
} record;

struct bm_list_cell {
    bm_chunks changes; /* records of this bundle */
    size_t n_changes;
    bool cleared; /* nothing counts any more of what the runner has */
    /* The items in [from, to): those of the runner with the changes applied. */
    beam_millis from, to;
    item *items;
    size_t n, cap, n_inserted;
    bool is_sorted;
    size_t n_logged; /* records of the log that was read */
};

static struct bm_list_cell *list_of(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    bm_state_cell *cell = &row->cells[slot->index];
    if (!cell->as.list) {
        cell->as.list = BM_NEW(&s->arena, struct bm_list_cell);
        cell->as.list->is_sorted = true;
        s->bytes += sizeof *cell->as.list;
        if (cell->known) {
            cell->as.list->from = INT64_MIN;
            cell->as.list->to = INT64_MAX;
        }
    }
    return cell->as.list;
}

static bool is_native(const bm_state_slot *slot)
{
    return slot->info->protocol == BM_PROTOCOL_ORDERED_LIST;
}

/* -- items ----------------------------------------------------------------------------------- */
static int by_time(const void *a, const void *b)
{
    const item *x = a, *y = b;
    if (x->at != y->at) return x->at < y->at ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

static void sort(struct bm_list_cell *list)
{
    if (!list->is_sorted) qsort(list->items, list->n, sizeof *list->items, by_time);
    list->is_sorted = true;
}

/* The first item at `at` or later. */
static size_t place_of(const struct bm_list_cell *list, beam_millis at)
{
    size_t low = 0, high = list->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->items[middle].at < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void insert(bm_user_state *s, struct bm_list_cell *list, beam_millis at, beam_span value)
{
    if (list->n == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 8;
        item *grown = BM_NEW_ARRAY(&s->arena, item, cap);
        if (list->n) memcpy(grown, list->items, list->n * sizeof *grown);
        s->bytes += cap * sizeof *grown;
        list->items = grown;
        list->cap = cap;
    }
    if (list->n && list->items[list->n - 1].at > at) list->is_sorted = false;
    list->items[list->n++] = (item){ at, list->n_inserted++, value };
}

static void remove_range(struct bm_list_cell *list, beam_millis from, beam_millis to)
{
    sort(list);
    size_t first = place_of(list, from), end = place_of(list, to);
    if (first >= end) return;
    memmove(list->items + first, list->items + end, (list->n - end) * sizeof *list->items);
    list->n -= end - first;
}

static void apply(bm_user_state *s, struct bm_list_cell *list, const record *r)
{
    if (r->removes)
        remove_range(list, r->at, r->to);
    else if (r->at >= list->from && r->at < list->to)
        insert(s, list, r->at, r->value);
}

/* -- records ----------------------------------------------------------------------------------- */
static beam_status read_record(const bm_state_slot *slot, bm_reader *in, record *out)
{
    uint64_t at, to;
    bool has_value;
    BEAM_TRY(bm_read_varint(in, &at));
    BEAM_TRY(bm_read_varint(in, &to));
    BEAM_TRY(beam_read_bool(in, &has_value));
    const uint8_t *start = in->at;
    if (has_value) BEAM_TRY(bm_skip(slot->coder, true, in));
    *out = (record){ (beam_millis)at, (beam_millis)to, !has_value,
                     { (const char *)start, (size_t)(in->at - start) } };
    return BEAM_OK;
}

static void write_record(bm_writer *out, const record *r)
{
    bm_write_varint(out, (uint64_t)r->at);
    bm_write_varint(out, (uint64_t)r->to);
    bm_write_u8(out, !r->removes);
    if (!r->removes) bm_write_bytes(out, r->value.ptr, r->value.len);
}

static beam_status bad_bytes(bm_user_state *s, const bm_state_slot *slot)
{
    return bm_state_failed(s, slot, BEAM_ECODER, "could not read",
                           "its items are not what their coder says");
}

static beam_status apply_changes(bm_user_state *s, const bm_state_slot *slot,
                                 struct bm_list_cell *list)
{
    for (const bm_chunk *chunk = list->changes.first; chunk; chunk = chunk->next) {
        bm_reader in = { chunk->at, chunk->at + chunk->len, 0 };
        for (record r; bm_left(&in);) {
            if (read_record(slot, &in, &r) != BEAM_OK) return bad_bytes(s, slot);
            apply(s, list, &r);
        }
    }
    return BEAM_OK;
}

/* -- knowing ------------------------------------------------------------------------------------- */
static beam_status apply_log(bm_user_state *s, const bm_state_slot *slot,
                             struct bm_list_cell *list, bm_reader in)
{
    for (record r; bm_left(&in); list->n_logged++) {
        if (read_record(slot, &in, &r) != BEAM_OK) return bad_bytes(s, slot);
        apply(s, list, &r);
    }
    return BEAM_OK;
}

/* What the ordered_list protocol gives: time, value, time, value, ... */
static beam_status insert_native(bm_user_state *s, const bm_state_slot *slot,
                                 struct bm_list_cell *list, bm_reader in)
{
    while (bm_left(&in)) {
        uint64_t at;
        beam_status status = bm_read_varint(&in, &at);
        const uint8_t *start = in.at;
        if (status == BEAM_OK) status = bm_skip(slot->coder, true, &in);
        if (status != BEAM_OK) return bad_bytes(s, slot);
        insert(s, list, (beam_millis)at,
               (beam_span){ (const char *)start, (size_t)(in.at - start) });
    }
    return BEAM_OK;
}

static beam_status read_runner(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                               struct bm_list_cell *list, bm_writer *bytes)
{
    bm_writer next = { 0 };
    bm_state_key key = bm_state_key_of(s, slot, row, BM_STATE_ORDERED_LIST_USER_STATE);
    key.range_start = list->from;
    key.range_end = list->to;
    beam_status status = is_native(slot)
                             ? bm_state_read_key(s, slot, &key, SIZE_MAX, bytes, &next)
                             : bm_state_read(s, slot, row, SIZE_MAX, bytes, &next);
    bm_writer_free(&next);
    return status;
}

/* Makes `items` those of [from, to), or of more. */
static beam_status know(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                        beam_millis from, beam_millis to)
{
    struct bm_list_cell *list = list_of(s, slot, row);
    if (from >= list->from && to <= list->to) return BEAM_OK;
    list->from = is_native(slot) ? from : INT64_MIN;
    list->to = is_native(slot) ? to : INT64_MAX;
    list->n = list->n_logged = 0;
    bm_writer bytes = { 0 };
    beam_status status = read_runner(s, slot, row, list, &bytes);
    beam_span held = bm_span_copy(&s->arena, bm_written(&bytes));
    s->bytes += held.len;
    bm_writer_free(&bytes);
    if (status == BEAM_OK)
        status = is_native(slot) ? insert_native(s, slot, list, bm_reader_of(held))
                                 : apply_log(s, slot, list, bm_reader_of(held));
    bool is_all = list->from == INT64_MIN && list->to == INT64_MAX;
    if (is_all) row->cells[slot->index].stored = held.len > 0;
    row->cells[slot->index].known = is_all;
    return status == BEAM_OK ? apply_changes(s, slot, list) : status;
}

/* -- changing --------------------------------------------------------------------------------------- */
/* Keeps the change, and applies it to the items that are known. */
static beam_status change(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                          const record *r)
{
    struct bm_list_cell *list = list_of(s, slot, row);
    s->key.len = 0; /* free while there is a row */
    write_record(&s->key, r);
    bm_chunks_add(s, &list->changes, bm_written(&s->key));
    list->n_changes++;
    row->cells[slot->index].changed = true;
    record kept = *r;
    const bm_chunk *chunk = list->changes.last;
    if (!r->removes)
        kept.value.ptr = (const char *)chunk->at + chunk->len - kept.value.len;
    if (list->from < list->to) apply(s, list, &kept);
    return BEAM_OK;
}

beam_status bm_list_insert(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                           beam_millis at, beam_value v)
{
    beam_span value;
    BEAM_TRY(bm_state_encode(s, slot, slot->coder, v, &value));
    return change(s, slot, row, &(record){ .at = at, .to = at, .value = value });
}

beam_status bm_list_clear_range(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                                beam_millis from, beam_millis to)
{
    if (from >= to) return BEAM_OK;
    return change(s, slot, row, &(record){ .at = from, .to = to, .removes = true });
}

static beam_status list_clear(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    bm_state_cell *cell = &row->cells[slot->index];
    struct bm_list_cell *list = list_of(s, slot, row);
    *list = (struct bm_list_cell){
        .from = INT64_MIN, .to = INT64_MAX, .cleared = true, .is_sorted = true
    };
    cell->known = cell->changed = true;
    return BEAM_OK;
}

/* -- reading ------------------------------------------------------------------------------------------ */
static bool list_is_empty(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    const struct bm_list_cell *list = list_of(s, slot, row);
    return know(s, slot, row, INT64_MIN, INT64_MAX) != BEAM_OK || !list->n;
}

beam_iter *bm_list_range(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                         beam_millis from, beam_millis to)
{
    struct bm_list_cell *list = list_of(s, slot, row);
    if (from < to && know(s, slot, row, from, to) != BEAM_OK) return NULL;
    sort(list);
    size_t first = place_of(list, from), end = from < to ? place_of(list, to) : first;
    bm_pair *pairs = BM_NEW_ARRAY(s->ctx->arena, bm_pair, end - first);
    for (size_t i = first; i < end; i++)
        pairs[i - first] = (bm_pair){ .value = list->items[i].value, .at = list->items[i].at };
    return bm_pairs_iter(s, slot, BM_PAIRS_TIMED, pairs, end - first);
}

/* -- writing back ---------------------------------------------------------------------------------------- */
static beam_status flush_log(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    bm_state_cell *cell = &row->cells[slot->index];
    struct bm_list_cell *list = list_of(s, slot, row);
    if (!cell->known && bm_state_compacts(s))
        BEAM_TRY(know(s, slot, row, INT64_MIN, INT64_MAX));
    bool anew = list->cleared
                || (cell->known && list->n_logged + list->n_changes > 2 * list->n + SLACK);
    bm_writer out = { 0 };
    if (anew) {
        sort(list);
        for (size_t i = 0; i < list->n; i++) {
            const item *it = &list->items[i];
            write_record(&out, &(record){ .at = it->at, .to = it->at, .value = it->value });
        }
    } else {
        for (const bm_chunk *c = list->changes.first; c; c = c->next)
            bm_write_bytes(&out, c->at, c->len);
    }
    beam_status status = bm_state_write(s, slot, row, anew && cell->stored, bm_written(&out));
    if (anew) list->n_logged = list->n;
    bm_writer_free(&out);
    return status;
}

static beam_status clear_native(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                                beam_millis from, beam_millis to)
{
    bm_state_key key = bm_state_key_of(s, slot, row, BM_STATE_ORDERED_LIST_USER_STATE);
    key.range_start = from;
    key.range_end = to;
    return bm_state_write_key(s, slot, &key, true, (beam_span){ NULL, 0 });
}

static beam_status append_native(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                                 bm_writer *out)
{
    bm_state_key key = bm_state_key_of(s, slot, row, BM_STATE_ORDERED_LIST_USER_STATE);
    beam_status status = bm_state_write_key(s, slot, &key, false, bm_written(out));
    out->len = 0;
    return status;
}

/* In the order in which they were made: a removal only concerns what was there before. */
static beam_status flush_native(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    const struct bm_list_cell *list = list_of(s, slot, row);
    bm_writer out = { 0 };
    beam_status status = BEAM_OK;
    if (list->cleared && row->cells[slot->index].stored)
        status = clear_native(s, slot, row, INT64_MIN, INT64_MAX);
    for (const bm_chunk *c = list->changes.first; c; c = c->next) {
        bm_reader in = { c->at, c->at + c->len, 0 };
        for (record r; status == BEAM_OK && bm_left(&in);) {
            status = read_record(slot, &in, &r);
            if (status == BEAM_OK && r.removes) {
                if (out.len) status = append_native(s, slot, row, &out);
                if (status == BEAM_OK) status = clear_native(s, slot, row, r.at, r.to);
            } else if (status == BEAM_OK) {
                bm_write_varint(&out, (uint64_t)r.at);
                bm_write_bytes(&out, r.value.ptr, r.value.len);
            }
        }
    }
    if (status == BEAM_OK && out.len) status = append_native(s, slot, row, &out);
    bm_writer_free(&out);
    return status;
}

static beam_status list_flush(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    return is_native(slot) ? flush_native(s, slot, row) : flush_log(s, slot, row);
}

/* The items are what they are; the changes that led to them are the runner's now. */
static void list_settle(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    bm_state_cell *cell = &row->cells[slot->index];
    struct bm_list_cell *list = list_of(s, slot, row);
    if (is_native(slot)) {
        bm_state_forget(s, slot, row);
        return;
    }
    list->n_logged += list->n_changes;
    list->changes = (bm_chunks){ NULL, NULL };
    list->n_changes = 0;
    list->cleared = cell->changed = false;
    cell->stored = true;
}

const bm_state_ops bm_list_ops = {
    .is_empty = list_is_empty,
    .clear = list_clear,
    .flush = list_flush,
    .settle = list_settle,
};
