/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of side inputs. Bundle thread. See side_data.h.
 *
 * A page is a stream of bytes that may cut an item anywhere. The first pages of a key are
 * kept as blocks that never move, so that what was decoded from them stays valid; beyond the
 * limit each iterator reads on by itself. */
#include "exec/side_data.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"

/* -- the store -------------------------------------------------------------------------- */
void bm_side_store_init(bm_side_store *store, bm_node *node)
{
    *store = (bm_side_store){ .node = node };
    bm_arena_init(&store->arena, 0);
    bm_map_init(&store->by_key, &store->arena);
}

static void drop_blocks(bm_side_data *data)
{
    if (!data->cached)
        for (size_t i = 0; i < data->n_blocks; i++) free(data->blocks[i].bytes);
    bm_cached_unref(data->cached);
    free(data->blocks);
    bm_writer_free(&data->next);
}

void bm_side_store_clear(bm_side_store *store)
{
    bm_arena_shrink(&store->arena, BM_SIDE_KEPT); /* iterators let go of their memory */
    for (bm_side_data *data = store->made, *next; data; data = next) {
        next = data->next_made;
        drop_blocks(data);
        free(data);
    }
    store->made = NULL;
    store->bytes = 0;
    bm_map_init(&store->by_key, &store->arena);
}

void bm_side_store_free(bm_side_store *store)
{
    bm_side_store_clear(store);
    bm_arena_free(&store->arena);
    bm_writer_free(&store->lookup);
}

static beam_span lookup_key(bm_side_store *store, const bm_state_key *key)
{
    bm_writer *w = &store->lookup;
    w->len = 0;
    bm_write_u8(w, (uint8_t)key->kind);
    bm_write_prefixed(w, beam_span_of(key->id));
    bm_write_prefixed(w, key->window);
    bm_write_prefixed(w, key->key);
    return bm_written(w);
}

/* What the worker still has from an earlier bundle. */
static void take_cached(bm_side_store *store, bm_side_data *data)
{
    bm_state_cache *cache = store->node->plan->io->state_cache;
    if (!cache || !data->token.len) return;
    data->cached = bm_state_cache_get(cache, &data->key, data->token);
    if (!data->cached) return;
    beam_span bytes = data->cached->bytes;
    data->blocks = bm_xcalloc(1, sizeof *data->blocks);
    data->blocks[0] = (bm_side_block){ (uint8_t *)(uintptr_t)bytes.ptr, bytes.len };
    data->n_blocks = data->cap_blocks = 1;
    data->started = data->is_whole = true;
}

bm_side_data *bm_side_store_get(bm_side_store *store, const bm_state_key *key, beam_span token)
{
    beam_span lookup = lookup_key(store, key);
    bm_side_data *data = bm_map_get(&store->by_key, lookup);
    if (data) return data;
    data = bm_xcalloc(1, sizeof *data);
    data->next_made = store->made;
    store->made = data;
    data->key = *key;
    data->key.window = bm_span_copy(&store->arena, key->window);
    data->key.key = bm_span_copy(&store->arena, key->key);
    data->token = token;
    bm_map_put(&store->by_key, bm_span_copy(&store->arena, lookup), data);
    store->bytes += sizeof *data + 2 * lookup.len + 64;
    take_cached(store, data);
    return data;
}

/* -- pages ------------------------------------------------------------------------------- */
static beam_status get_page(const bm_side_store *store, const bm_side_data *data,
                            beam_span token, bm_writer *page, bm_writer *next, beam_error *err)
{
    const bm_bundle_io *io = store->node->plan->io;
    return io->state_get(io->self, &data->key, token, page, next, err);
}

/* The same, and a failure is the bundle's. */
static beam_status need_page(const bm_side_store *store, const bm_side_data *data,
                             beam_span token, bm_writer *page, bm_writer *next)
{
    bm_plan *plan = store->node->plan;
    if (bm_failed(plan)) return plan->error.status;
    beam_error err = { .status = BEAM_OK };
    beam_status status = get_page(store, data, token, page, next, &err);
    if (status == BEAM_OK) return BEAM_OK;
    char doing[96];
    snprintf(doing, sizeof doing, "could not read side input '%.50s'", data->key.id);
    return bm_fail(store->node, status, doing, "%s", err.message);
}

static void keep_block(bm_side_store *store, bm_side_data *data, bm_writer *page)
{
    if (data->n_blocks == data->cap_blocks) {
        data->cap_blocks = data->cap_blocks ? 2 * data->cap_blocks : 2;
        data->blocks = bm_xrealloc(data->blocks,
                                   bm_times(data->cap_blocks, sizeof *data->blocks));
    }
    bm_side_block *block = &data->blocks[data->n_blocks++];
    block->bytes = bm_writer_take(page, &block->n);
    data->bytes += block->n;
    store->bytes += block->n;
}

/* For later bundles. */
static void put_cached(const bm_side_store *store, const bm_side_data *data)
{
    bm_state_cache *cache = store->node->plan->io->state_cache;
    if (!cache || !data->token.len || data->cached) return;
    if (data->n_blocks == 1) {
        beam_span bytes = { (const char *)data->blocks[0].bytes, data->blocks[0].n };
        bm_state_cache_put(cache, &data->key, data->token, bytes);
        return;
    }
    bm_writer all = { 0 };
    for (size_t i = 0; i < data->n_blocks; i++)
        bm_write_bytes(&all, data->blocks[i].bytes, data->blocks[i].n);
    bm_state_cache_put(cache, &data->key, data->token, bm_written(&all));
    bm_writer_free(&all);
}

/* Takes over a page that follows the blocks. */
static void take_page(bm_side_store *store, bm_side_data *data, bm_writer *page,
                      bm_writer *next)
{
    keep_block(store, data, page);
    data->started = true;
    data->is_whole = next->len == 0;
    bm_writer_free(&data->next);
    data->next = *next;
    if (data->is_whole) put_cached(store, data);
}

static beam_status add_page(bm_side_store *store, bm_side_data *data)
{
    bm_writer page = { 0 }, next = { 0 };
    beam_status status = need_page(store, data, bm_written(&data->next), &page, &next);
    if (status == BEAM_OK) {
        take_page(store, data, &page, &next);
        return BEAM_OK;
    }
    bm_writer_free(&page);
    bm_writer_free(&next);
    return status;
}

beam_status bm_side_data_try(bm_side_store *store, bm_side_data *data)
{
    if (data->started) return BEAM_OK;
    bm_writer page = { 0 }, next = { 0 };
    beam_error err = { .status = BEAM_OK };
    beam_status status = get_page(store, data, bm_written(&data->next), &page, &next, &err);
    if (status == BEAM_OK) {
        take_page(store, data, &page, &next);
        return BEAM_OK;
    }
    bm_writer_free(&page);
    bm_writer_free(&next);
    return status;
}

beam_status bm_side_data_join(bm_side_store *store, bm_side_data *data)
{
    while (!data->is_whole) BEAM_TRY(add_page(store, data));
    if (data->n_blocks < 2) return BEAM_OK;
    bm_side_block all = { bm_xmalloc(data->bytes + 1), data->bytes };
    size_t at = 0;
    for (size_t i = 0; i < data->n_blocks; i++) {
        if (data->blocks[i].n) memcpy(all.bytes + at, data->blocks[i].bytes, data->blocks[i].n);
        at += data->blocks[i].n;
        free(data->blocks[i].bytes);
    }
    data->blocks[0] = all;
    data->n_blocks = 1;
    return BEAM_OK;
}

/* The block of that number, read if it can be kept. Not found: there is none, or from here on
 * pages are not kept (is_full). */
static beam_status find_block(bm_side_store *store, bm_side_data *data, size_t i,
                              const bm_side_block **out)
{
    *out = NULL;
    if (i >= data->n_blocks && !data->is_whole) {
        data->is_full = data->is_full || data->bytes > BM_SIDE_KEEP / 2 ||
                        store->bytes > BM_SIDE_BUDGET;
        if (data->is_full) return BEAM_OK;
        BEAM_TRY(add_page(store, data));
    }
    if (i < data->n_blocks) *out = &data->blocks[i];
    return BEAM_OK;
}

/* -- iterators ---------------------------------------------------------------------------- */
typedef struct side_iter {
    beam_iter base;
    bm_side_store *store;
    bm_side_data *data;
    const bm_coder *item;
    bm_reader in; /* what is left of a block, or of `own` */
    size_t block; /* comes next */
    bm_writer own; /* the rest of a page and the one after it */
    bool is_alone; /* pages are its own */
    bool at_end;
    bm_writer token; /* then: of the page that comes next */
    bool keeps_items;
    bm_decoding decoding;
    bm_arena scratch; /* of the last item */
} side_iter;

/* Moves what is left to the front of the iterator's own bytes. */
static void keep_rest(side_iter *self)
{
    bm_writer *own = &self->own;
    const uint8_t *from = self->in.at;
    size_t left = bm_left(&self->in);
    if (left && own->len && self->in.end == own->data + own->len) {
        memmove(own->data, from, left);
        own->len = left;
    } else {
        own->len = 0;
        bm_write_bytes(own, from, left);
    }
}

/* One more page of its own behind what is left. */
static beam_status own_page(side_iter *self)
{
    bm_writer next = { 0 };
    keep_rest(self);
    beam_status status = need_page(self->store, self->data, bm_written(&self->token),
                                   &self->own, &next);
    self->at_end = next.len == 0;
    bm_writer_free(&self->token);
    self->token = next;
    self->in = bm_reader_of(bm_written(&self->own));
    return status;
}

/* From here on pages are not kept. */
static void leave(side_iter *self)
{
    beam_span token = bm_written(&self->data->next);
    self->is_alone = true;
    self->token.len = 0;
    bm_write_bytes(&self->token, token.ptr, token.len);
}

static beam_status shared_block(side_iter *self, const bm_side_block *block)
{
    self->block++;
    if (!bm_left(&self->in)) {
        self->in = bm_reader_of((beam_span){ (const char *)block->bytes, block->n });
        return BEAM_OK;
    }
    keep_rest(self);
    bm_write_bytes(&self->own, block->bytes, block->n);
    self->in = bm_reader_of(bm_written(&self->own));
    return BEAM_OK;
}

/* More bytes behind what is left, or the end. */
static beam_status more_bytes(side_iter *self)
{
    if (!self->is_alone) {
        const bm_side_block *block;
        BEAM_TRY(find_block(self->store, self->data, self->block, &block));
        if (block) return shared_block(self, block);
        if (self->data->is_whole) {
            self->at_end = true;
            return BEAM_OK;
        }
        leave(self);
    }
    return own_page(self);
}

static bool fail_item(side_iter *self, beam_status status)
{
    char doing[96];
    snprintf(doing, sizeof doing, "failed reading side input '%.50s'", self->data->key.id);
    self->base.failed = bm_fail(self->store->node, status, doing,
                                "its elements are not what their coder says (%s)",
                                beam_status_text(status));
    return false;
}

/* After a try that gave `status`: are there more bytes now to try again? */
static bool can_try_again(side_iter *self, beam_status status, bool must)
{
    if (status != BEAM_ESHORT)
        return fail_item(self, status == BEAM_OK ? BEAM_ECODER : status);
    if (self->at_end)
        return must || bm_left(&self->in) ? fail_item(self, BEAM_ECODER) : false;
    self->base.failed = more_bytes(self);
    return self->base.failed == BEAM_OK;
}

bool bm_side_iter_read(beam_iter *iter, const bm_coder *part, bool must, beam_value *out)
{
    side_iter *self = (side_iter *)iter;
    beam_status status;
    if (iter->failed != BEAM_OK) return false;
    if (!self->keeps_items) bm_arena_reset(&self->scratch);
    do {
        bm_reader in = self->in;
        status = must || bm_left(&in)
                     ? bm_decode_with(part, true, &in, &self->decoding, out)
                     : BEAM_ESHORT;
        /* Items of no bytes would never end, unless they are counted. */
        if (status == BEAM_OK && (must || in.at != self->in.at)) {
            self->in = in;
            return true;
        }
    } while (can_try_again(self, status, must));
    return false;
}

bool bm_side_iter_count(beam_iter *iter, bool is_first, uint64_t *out)
{
    side_iter *self = (side_iter *)iter;
    beam_status status;
    if (iter->failed != BEAM_OK) return false;
    do {
        bm_reader in = self->in;
        uint32_t count;
        status = is_first ? bm_read_be32(&in, &count) : bm_read_varint(&in, out);
        if (status == BEAM_OK) {
            self->in = in;
            if (is_first) *out = count;
            return true;
        }
    } while (can_try_again(self, status, true));
    return false;
}

static bool side_next(beam_iter *iter, beam_value *out)
{
    return bm_side_iter_read(iter, ((side_iter *)iter)->item, false, out);
}

static void side_rewind(beam_iter *iter)
{
    side_iter *self = (side_iter *)iter;
    self->in = bm_reader_of((beam_span){ NULL, 0 });
    self->block = 0;
    self->is_alone = self->at_end = false;
}

static const bm_iter_ops side_ops = { side_next, side_rewind };

static void release(void *object)
{
    side_iter *self = object;
    bm_writer_free(&self->own);
    bm_writer_free(&self->token);
    bm_arena_free(&self->scratch);
}

beam_iter *bm_side_iter_new(bm_side_store *store, bm_side_data *data, const bm_coder *item,
                            bm_arena *arena, bm_arena *items)
{
    bm_plan *plan = store->node->plan;
    side_iter *self = BM_NEW(arena, side_iter);
    self->base = (beam_iter){ &side_ops, -1, BEAM_OK };
    self->store = store;
    self->data = data;
    self->item = item;
    self->keeps_items = items != NULL;
    self->decoding = (bm_decoding){ items ? items : &self->scratch, &plan->pager,
                                    &plan->read_failed };
    bm_arena_init(&self->scratch, 1024);
    bm_arena_defer(arena, release, self);
    return &self->base;
}

void bm_side_iter_aim(beam_iter *iter, bm_side_data *data)
{
    ((side_iter *)iter)->data = data;
    side_rewind(iter);
}

/* Beyond the blocks the page is only looked at. */
static bool next_page_has_bytes(side_iter *self)
{
    bm_writer page = { 0 }, next = { 0 };
    beam_status status = BEAM_OK;
    while (status == BEAM_OK && !self->at_end && !page.len) {
        next.len = 0;
        status = need_page(self->store, self->data, bm_written(&self->token), &page, &next);
        self->at_end = next.len == 0;
        self->token.len = 0;
        bm_write_bytes(&self->token, next.data, next.len);
    }
    self->base.failed = status;
    bool has_bytes = page.len > 0;
    bm_writer_free(&page);
    bm_writer_free(&next);
    return status == BEAM_OK && has_bytes;
}

bool bm_side_iter_has_more(beam_iter *iter)
{
    side_iter *self = (side_iter *)iter;
    const bm_side_block *block;
    if (bm_left(&self->in)) return true;
    for (; !self->is_alone && iter->failed == BEAM_OK; self->block++) {
        iter->failed = find_block(self->store, self->data, self->block, &block);
        if (block && block->n) return true;
        if (block) continue;
        if (self->data->is_whole) return false;
        leave(self);
        break;
    }
    return iter->failed == BEAM_OK && next_page_has_bytes(self);
}
