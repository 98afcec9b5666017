/* SPDX-License-Identifier: Apache-2.0 */
/* beam:coder:iterable:v1 and :state_backed_iterable:v1, decoded while they are iterated.
 * An iterator belongs to one thread.
 *
 * On the wire: a 32-bit count and that many items; or -1 and batches, each a varint count
 * and that many items, up to a batch of 0, or of -1 when a state token follows: the items
 * then go on in the pages of a state, a stream of bytes that may cut items anywhere. */
#include "coders/coder_impl.h"

enum { MAX_BATCH = 127 }; /* its count takes one byte */

typedef struct paging {
    const bm_pager *pager;
    beam_span state_token;
    bm_writer page;    /* what is left of the page before, and the page */
    size_t at;         /* read up to here */
    size_t n_pages;    /* read since the start */
    bm_writer next[2]; /* continuation tokens, used in turn */
    bool is_last;
} paging;

typedef struct encoded_iter {
    beam_iter base;
    const bm_coder *item;
    bm_reader start, in; /* in memory: after the first count, and where next() goes on */
    uint64_t left;       /* in the batch */
    bool in_batches;
    bool needs_scratch;
    paging *pages; /* NULL: there is no state token */
    bool in_pages; /* the items in memory have been read */
    bm_decoding decoding;
    bm_arena scratch; /* of the last item */
} encoded_iter;

beam_iter *beam_as_iter(beam_value v)
{
    if (v.kind != BEAM_KIND_ITERABLE || !v.as.iter) return NULL;
    v.as.iter->ops->rewind(v.as.iter);
    return v.as.iter;
}

bool beam_next(beam_iter *iter, beam_value *out)
{
    return iter && iter->failed == BEAM_OK && iter->ops->next(iter, out);
}

/* -- items in an array ---------------------------------------------------------------- */
typedef struct array_iter {
    beam_iter base;
    const beam_value *values;
    size_t n, at;
} array_iter;

static bool array_next(beam_iter *iter, beam_value *out)
{
    array_iter *self = (array_iter *)iter;
    if (self->at == self->n) return false;
    *out = self->values[self->at++];
    return true;
}

static void array_rewind(beam_iter *iter)
{
    ((array_iter *)iter)->at = 0;
}

beam_iter *bm_iter_of_values(bm_arena *arena, const beam_value *values, size_t n)
{
    static const bm_iter_ops ops = { array_next, array_rewind };
    array_iter *iter = bm_alloc(arena, sizeof *iter);
    *iter = (array_iter){ { &ops, (int64_t)n, BEAM_OK }, values, n, 0 };
    return &iter->base;
}

/* -- encoded items ---------------------------------------------------------------------- */
static bool fail(encoded_iter *self, beam_status status)
{
    self->base.failed = status;
    beam_status *also = self->decoding.failed;
    if (also && *also == BEAM_OK) *also = status;
    return false;
}

static beam_status decode_item(encoded_iter *self, bm_reader *in, beam_value *out)
{
    if (self->needs_scratch) bm_arena_reset(&self->scratch);
    return bm_decode_inline(self->item, true, in, &self->decoding, out);
}

static beam_status read_page(paging *pages)
{
    bm_writer *page = &pages->page;
    page->len -= pages->at;
    if (page->len) memmove(page->data, page->data + pages->at, page->len);
    pages->at = 0;
    const bm_writer *token = &pages->next[pages->n_pages & 1];
    bm_writer *next = &pages->next[~pages->n_pages & 1];
    beam_span continuation = { NULL, 0 };
    if (pages->n_pages) continuation = bm_written(token);
    next->len = 0;
    BEAM_TRY(pages->pager->page(pages->pager->self, pages->state_token, continuation,
                                page, next));
    pages->n_pages++;
    pages->is_last = next->len == 0;
    return BEAM_OK;
}

/* A try per page that is needed to get the item whole. */
static bool next_in_pages(encoded_iter *self, beam_value *out)
{
    paging *pages = self->pages;
    if (!pages->pager) return fail(self, BEAM_ESTATE);
    for (;;) {
        bm_reader in = bm_reader_of(bm_written(&pages->page));
        if (in.at) in.at += pages->at;
        beam_status status = bm_left(&in) ? decode_item(self, &in, out) : BEAM_ESHORT;
        if (status == BEAM_OK) {
            size_t at = (size_t)(in.at - pages->page.data);
            if (at == pages->at) return fail(self, BEAM_ECODER); /* would never end */
            pages->at = at;
            return true;
        }
        if (status != BEAM_ESHORT) return fail(self, status);
        if (pages->is_last)
            return pages->at == pages->page.len ? false : fail(self, BEAM_ECODER);
        status = read_page(pages);
        if (status != BEAM_OK) return fail(self, status);
    }
}

/* Reads the count of the next batch; false when no more items are in memory. */
static bool next_batch(encoded_iter *self)
{
    if (!self->in_batches) return false;
    beam_status status = bm_read_varint(&self->in, &self->left);
    if (status != BEAM_OK) return fail(self, BEAM_ECODER);
    if (self->left == UINT64_MAX) {
        self->in_pages = true;
        self->left = 0;
    }
    if (!self->left) self->in_batches = false;
    return self->left;
}

static bool encoded_next(beam_iter *iter, beam_value *out)
{
    encoded_iter *self = (encoded_iter *)iter;
    if (!self->left && !next_batch(self))
        return self->in_pages && next_in_pages(self, out);
    self->left--;
    beam_status status = decode_item(self, &self->in, out);
    return status == BEAM_OK || fail(self, status);
}

static void encoded_rewind(beam_iter *iter)
{
    encoded_iter *self = (encoded_iter *)iter;
    paging *pages = self->pages;
    self->in = self->start;
    self->in_batches = iter->known_size < 0;
    self->left = self->in_batches ? 0 : (uint64_t)iter->known_size;
    self->in_pages = false;
    if (!pages) return;
    pages->at = 0;
    if (pages->n_pages == 1 && pages->is_last) return; /* it is all still here */
    pages->page.len = 0;
    pages->n_pages = 0;
    pages->is_last = false;
}

static const bm_iter_ops encoded_ops = { encoded_next, encoded_rewind };

/* -- from bytes ------------------------------------------------------------------------- */
static beam_status skip_items(const bm_coder *item, uint64_t n, bm_reader *in)
{
    if (item->is_empty) return n > BM_MAX_EMPTY_ITEMS ? BEAM_ECODER : BEAM_OK;
    if (item->fixed_size > 1 || item->kind == BM_CODER_BYTE) {
        if (n > bm_left(in) / item->fixed_size) return BEAM_ESHORT;
        if (item->kind == BM_CODER_DOUBLE || item->kind == BM_CODER_BYTE) {
            in->at += n * item->fixed_size;
            return BEAM_OK;
        }
    }
    for (uint64_t i = 0; i < n; i++) {
        const uint8_t *before = in->at;
        BEAM_TRY(bm_skip_value(item, true, in));
        if (in->at == before && i >= BM_MAX_EMPTY_ITEMS) return BEAM_ECODER;
    }
    return BEAM_OK;
}

/* What an encoded iterable is made of. */
typedef struct layout {
    int64_t known_size;
    bm_reader items; /* from after the first count to the end */
    bool has_token;
    beam_span state_token;
} layout;

static beam_status skip_batches(const bm_coder *item, bm_reader *in, layout *out)
{
    for (uint64_t total = 0;;) {
        uint64_t n;
        BEAM_TRY(bm_read_varint(in, &n));
        out->has_token = n == UINT64_MAX;
        if (out->has_token) return bm_read_prefixed(in, &out->state_token);
        if (!n) return BEAM_OK;
        if (item->is_empty && (total += n) > BM_MAX_EMPTY_ITEMS) return BEAM_ECODER;
        BEAM_TRY(skip_items(item, n, in));
    }
}

static beam_status find_end(const bm_coder *item, bm_reader *in, layout *out)
{
    uint32_t count;
    BEAM_TRY(bm_read_be32(in, &count));
    out->has_token = false;
    out->items.at = in->at;
    if (count <= INT32_MAX) {
        out->known_size = count;
        BEAM_TRY(skip_items(item, count, in));
    } else {
        if (count != UINT32_MAX) return BEAM_ECODER;
        out->known_size = -1;
        BEAM_TRY(skip_batches(item, in, out));
    }
    out->items.end = in->at;
    return BEAM_OK;
}

beam_status bm_iterable_skip(const bm_coder *coder, bm_reader *in)
{
    layout ignored;
    return find_end(coder->arg[0], in, &ignored);
}

beam_status bm_list_skip(const bm_coder *item, bm_reader *in)
{
    layout found;
    BEAM_TRY(find_end(item, in, &found));
    return found.has_token ? BEAM_ECODER : BEAM_OK;
}

static void release(void *object)
{
    encoded_iter *self = object;
    bm_arena_free(&self->scratch);
    if (!self->pages) return;
    bm_writer_free(&self->pages->page);
    bm_writer_free(&self->pages->next[0]);
    bm_writer_free(&self->pages->next[1]);
}

/* Numbers and spans are decoded without any memory. */
static bool allocates(const bm_coder *item)
{
    switch (item->kind) {
    case BM_CODER_LENGTH_PREFIX:
        return item->arg[0]->kind != BM_CODER_OPAQUE && allocates(item->arg[0]);
    case BM_CODER_NULLABLE: return allocates(item->arg[0]);
    case BM_CODER_BYTES:
    case BM_CODER_STRING:
    case BM_CODER_BOOL:
    case BM_CODER_VARINT:
    case BM_CODER_DOUBLE: return false;
    default: return true;
    }
}

beam_status bm_iterable_decode(const bm_coder *coder, bm_reader *in,
                               const bm_decoding *decoding, beam_value *out)
{
    layout found;
    BEAM_TRY(find_end(coder->arg[0], in, &found));
    encoded_iter *self = bm_alloc(decoding->arena, sizeof *self);
    *self = (encoded_iter){ .base = { &encoded_ops, found.known_size, BEAM_OK },
                            .item = coder->arg[0],
                            .start = found.items,
                            .decoding = *decoding,
                            .needs_scratch = allocates(coder->arg[0]) };
    self->decoding.arena = &self->scratch;
    bm_arena_init(&self->scratch, 1024);
    if (found.has_token) {
        self->pages = BM_NEW(decoding->arena, paging);
        self->pages->pager = decoding->pager;
        self->pages->state_token = found.state_token;
    }
    if (self->pages || self->needs_scratch)
        bm_arena_defer(decoding->arena, release, self);
    encoded_rewind(&self->base);
    out->kind = BEAM_KIND_ITERABLE;
    out->as.iter = &self->base;
    return BEAM_OK;
}

/* -- to bytes --------------------------------------------------------------------------- */
static beam_status encode_list(const bm_coder *item, const beam_value *at, size_t n,
                               bm_writer *out)
{
    if (n > INT32_MAX) return BEAM_EUNSUPPORTED;
    bm_write_be32(out, (uint32_t)n);
    for (size_t i = 0; i < n; i++) BEAM_TRY(bm_encode_inline(item, true, &at[i], out));
    return BEAM_OK;
}

static beam_status encode_counted(const bm_coder *item, beam_iter *iter, bm_writer *out)
{
    int64_t n = 0;
    bm_write_be32(out, (uint32_t)iter->known_size);
    for (beam_value v; beam_next(iter, &v); n++)
        BEAM_TRY(bm_encode_inline(item, true, &v, out));
    if (iter->failed == BEAM_OK && n != iter->known_size) return BEAM_ESTATE;
    return iter->failed;
}

static beam_status encode_batches(const bm_coder *item, beam_iter *iter, bm_writer *out)
{
    bm_write_be32(out, UINT32_MAX);
    uint8_t n = 0;
    size_t count_at = 0;
    for (beam_value v; beam_next(iter, &v);) {
        if (n == 0) {
            count_at = out->len;
            bm_write_u8(out, 0);
        }
        BEAM_TRY(bm_encode_inline(item, true, &v, out));
        out->data[count_at] = ++n;
        if (n == MAX_BATCH) n = 0;
    }
    bm_write_u8(out, 0);
    return iter->failed;
}

/* Passing a group on does not take decoding it. */
static bool encode_again(const bm_coder *item, const beam_iter *iter, bm_writer *out)
{
    const encoded_iter *self = (const encoded_iter *)iter;
    if (iter->ops != &encoded_ops || self->item != item || self->pages) return false;
    beam_span bytes = bm_rest(&self->start);
    bm_write_be32(out, iter->known_size < 0 ? UINT32_MAX : (uint32_t)iter->known_size);
    bm_write_bytes(out, bytes.ptr, bytes.len);
    return true;
}

beam_status bm_iterable_encode(const bm_coder *coder, const beam_value *value,
                               bm_writer *out)
{
    const bm_coder *item = coder->arg[0];
    if (value->kind == BEAM_KIND_LIST)
        return encode_list(item, value->as.list.at, value->as.list.n, out);
    if (value->kind != BEAM_KIND_ITERABLE) return BEAM_ETYPE;
    beam_iter *iter = beam_as_iter(*value);
    if (!iter) return BEAM_ETYPE;
    if (encode_again(item, iter, out)) return BEAM_OK;
    if (iter->known_size >= 0 && iter->known_size <= INT32_MAX)
        return encode_counted(item, iter, out);
    return encode_batches(item, iter, out);
}
