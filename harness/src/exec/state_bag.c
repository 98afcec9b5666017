/* SPDX-License-Identifier: Apache-2.0 */
/* BAG states. What is added goes to the runner without being read. What the runner has is
 * held in memory when it is small; a large bag is paged in anew for each iterator. Bundle
 * thread. */
#include "exec/user_state.h"

enum { HELD_BYTES = 1 << 20 };

static beam_status know(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    bm_state_cell *cell = &row->cells[slot->index];
    if (cell->known) return BEAM_OK;
    bm_writer bytes = { 0 }, next = { 0 };
    beam_status status = bm_state_read(s, slot, row, HELD_BYTES, &bytes, &next);
    if (status == BEAM_OK) {
        cell->known = true;
        cell->stored = bytes.len || next.len;
        cell->as.bag.held = bm_span_copy(&s->arena, bm_written(&bytes));
        cell->as.bag.next_token = bm_span_copy(&s->arena, bm_written(&next));
        s->bytes += bytes.len + next.len;
    }
    bm_writer_free(&bytes);
    bm_writer_free(&next);
    return status;
}

beam_status bm_bag_add_any(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                           const beam_value *v)
{
    bm_state_cell *cell = &row->cells[slot->index];
    beam_span bytes;
    BEAM_TRY(bm_state_encode(s, slot, slot->coder, *v, &bytes));
    bm_chunks_add(s, &cell->as.bag.added, bytes);
    cell->changed = true;
    return BEAM_OK;
}

static bool bag_is_empty(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    bm_state_cell *cell = &row->cells[slot->index];
    if (cell->as.bag.added.first && cell->as.bag.added.first->len) return false;
    if (know(s, slot, row) != BEAM_OK) return true;
    return !cell->as.bag.held.len && !cell->as.bag.next_token.len;
}

/* Memory of the chunks is used again unless an iterator of this callback may read it, or the
 * attempt may be undone. */
static beam_status bag_clear(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    bm_state_cell *cell = &row->cells[slot->index];
    bm_bag_cell *bag = &cell->as.bag;
    bm_chunk *again = bag->lent == s->serial || s->attempting ? NULL : bag->added.last;
    if (again) {
        again->len = 0;
        again->next = NULL;
    }
    *bag = (bm_bag_cell){ .added = { again, again }, .lent = bag->lent };
    cell->known = cell->changed = true;
    return BEAM_OK;
}

static beam_status bag_flush(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    const bm_state_cell *cell = &row->cells[slot->index];
    const bm_bag_cell *bag = &cell->as.bag;
    bool clear = cell->stored && cell->known && !bag->held.len && !bag->next_token.len;
    const bm_chunk *chunk = bag->added.first;
    if (!chunk) return bm_state_write(s, slot, row, clear, (beam_span){ NULL, 0 });
    if (!chunk->next)
        return bm_state_write(s, slot, row, clear,
                              (beam_span){ (const char *)chunk->at, chunk->len });
    bm_writer all = { 0 };
    for (; chunk; chunk = chunk->next) bm_write_bytes(&all, chunk->at, chunk->len);
    beam_status status = bm_state_write(s, slot, row, clear, bm_written(&all));
    bm_writer_free(&all);
    return status;
}

/* Bags grow at their end only. */
static beam_status bag_save(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                            bm_saved_state *saved)
{
    (void)s, (void)slot, (void)row;
    const bm_chunk *last = saved->cell.as.bag.added.last;
    saved->len = last ? last->len : 0;
    return BEAM_OK;
}

static beam_status bag_restore(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                               const bm_saved_state *saved)
{
    (void)s;
    bm_chunk *last = row->cells[slot->index].as.bag.added.last;
    if (!last) return BEAM_OK;
    last->len = saved->len;
    last->next = NULL;
    return BEAM_OK;
}

const bm_state_ops bm_bag_ops = {
    .is_empty = bag_is_empty,
    .clear = bag_clear,
    .flush = bag_flush,
    .save = bag_save,
    .restore = bag_restore,
};

/* -- iterators -------------------------------------------------------------------------------- */
/* First what the runner has, then what was added before the iterator was made. */
typedef struct bag_iter {
    beam_iter base;
    bm_user_state *s;
    const bm_state_slot *slot;
    const bm_row *row;
    beam_span held, next_token;
    const bm_chunk *first, *last; /* of what was added */
    size_t last_len;

    beam_iter *paged; /* over all that the runner has, when it is not held; else NULL */
    bm_pager pager;
    bool first_page;
    bool from_runner; /* where next() is */
    bm_reader in;
    const bm_chunk *chunk;
    bm_decoding decoding;
    bm_arena scratch; /* of the last item */
} bag_iter;

/* bm_pager.page: what is held, then pages of the runner. */
static beam_status next_page(void *self, beam_span state_token, beam_span token, bm_writer *page,
                             bm_writer *next)
{
    (void)state_token;
    bag_iter *it = self;
    bm_user_state *s = it->s;
    if (bm_failed(s->node->plan)) return s->node->plan->error.status;
    if (!token.len) {
        bm_write_bytes(page, it->held.ptr, it->held.len);
        bm_write_bytes(next, it->next_token.ptr, it->next_token.len);
        return BEAM_OK;
    }
    const bm_bundle_io *io = s->node->plan->io;
    bm_state_key key = bm_state_key_of(s, it->slot, it->row, BM_STATE_BAG_USER_STATE);
    beam_error err = { 0 };
    beam_status status = io->state_get(io->self, &key, token, page, next, &err);
    if (status == BEAM_OK) return BEAM_OK;
    return bm_state_failed(s, it->slot, status, "could not read", err.message);
}

static bool fail(bag_iter *it, beam_status status)
{
    it->base.failed = status;
    bm_state_failed(it->s, it->slot, status, "could not read",
                    "its items are not what their coder says");
    return false;
}

/* Moves to the bytes that come next; false at the end. */
static bool move_on(bag_iter *it)
{
    const bm_chunk *next = it->from_runner ? it->first : it->chunk == it->last ? NULL
                                                                               : it->chunk->next;
    it->from_runner = false;
    if (!next) return false;
    it->chunk = next;
    size_t len = next == it->last ? it->last_len : next->len;
    it->in = (bm_reader){ next->at, next->at + len, 0 };
    return true;
}

/* Not of the pages, which have an iterator of their own. */
static bool decode_next(bag_iter *it, beam_value *out)
{
    if (it->slot->allocates) bm_arena_reset(&it->scratch);
    const uint8_t *before = it->in.at;
    beam_status status = bm_decode_with(it->slot->coder, true, &it->in, &it->decoding, out);
    if (status == BEAM_OK && it->in.at == before) status = BEAM_ECODER; /* would never end */
    return status == BEAM_OK || fail(it, status);
}

static bool bag_next(beam_iter *iter, beam_value *out)
{
    bag_iter *it = (bag_iter *)iter;
    if (BM_UNLIKELY(it->in.at == it->in.end) && it->from_runner && it->paged) {
        if (beam_next(it->paged, out)) return true;
        if (it->paged->failed != BEAM_OK) return fail(it, it->paged->failed);
    }
    while (BM_UNLIKELY(it->in.at == it->in.end))
        if ((!it->from_runner && !it->chunk) || !move_on(it)) return false;
    if (it->slot->scalar != BEAM_KIND_INT64) return decode_next(it, out);
    out->kind = BEAM_KIND_INT64;
    beam_status status = bm_read_varint(&it->in, (uint64_t *)&out->as.int64);
    return BM_LIKELY(status == BEAM_OK) || fail(it, status);
}

static void bag_rewind(beam_iter *iter)
{
    bag_iter *it = (bag_iter *)iter;
    it->from_runner = true;
    it->chunk = NULL;
    it->in = it->paged ? (bm_reader){ NULL, NULL, 0 } : bm_reader_of(it->held);
    if (it->paged) it->paged->ops->rewind(it->paged);
}

/* An iterable of no items in memory, which goes on in pages. */
static beam_iter *paged_iter(bag_iter *it)
{
    static const char bytes[] = "\xff\xff\xff\xff" "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                                "\x01" "s";
    const bm_coder *coder =
        bm_coder_new(it->s->ctx->arena, BM_CODER_STATE_BACKED_ITERABLE, it->slot->coder, NULL);
    it->pager = (bm_pager){ it, next_page };
    bm_decoding decoding = { .arena = it->s->ctx->arena, .pager = &it->pager };
    bm_reader in = bm_reader_of((beam_span){ bytes, sizeof bytes - 1 });
    beam_value v;
    return bm_decode_with(coder, true, &in, &decoding, &v) == BEAM_OK ? v.as.iter : NULL;
}

static void release(void *object)
{
    bm_arena_free(&((bag_iter *)object)->scratch);
}

beam_iter *bm_bag_iter(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    static const bm_iter_ops ops = { bag_next, bag_rewind };
    if (know(s, slot, row) != BEAM_OK) return NULL;
    bm_bag_cell *bag = &row->cells[slot->index].as.bag;
    bag->lent = s->serial;
    bag_iter *it = BM_NEW(s->ctx->arena, bag_iter);
    *it = (bag_iter){ .base = { &ops, -1, BEAM_OK },
                      .s = s,
                      .slot = slot,
                      .row = row,
                      .held = bag->held,
                      .next_token = bag->next_token,
                      .first = bag->added.first,
                      .last = bag->added.last,
                      .last_len = bag->added.last ? bag->added.last->len : 0,
                      .decoding = s->node->plan->decoding };
    if (slot->allocates) {
        bm_arena_init(&it->scratch, 1024);
        bm_arena_defer(s->ctx->arena, release, it);
        it->decoding.arena = &it->scratch;
    }
    if (it->next_token.len) it->paged = paged_iter(it);
    bag_rewind(&it->base);
    return &it->base;
}
