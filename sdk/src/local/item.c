/* SPDX-License-Identifier: Apache-2.0 */
/* Elements as the runner keeps them: encoded, with what it has to know of them beside.
 * Runner's thread. */
#include "coders/coder_impl.h"
#include "local/local_impl.h"

enum { TIMESTAMP_SIZE = 8 };

/* -- lists -------------------------------------------------------------------------------- */
void bm_local_items_add(bm_items *list, bm_item *item)
{
    item->next = NULL;
    if (list->last)
        list->last->next = item;
    else
        list->first = item;
    list->last = item;
    list->n++;
}

bm_item *bm_local_items_take(bm_items *list)
{
    bm_item *item = list->first;
    if (!item) return NULL;
    list->first = item->next;
    if (!list->first) list->last = NULL;
    list->n--;
    item->next = NULL;
    return item;
}

void bm_local_items_append(bm_items *list, bm_items *more)
{
    if (!more->first) return;
    if (list->last)
        list->last->next = more->first;
    else
        list->first = more->first;
    list->last = more->last;
    list->n += more->n;
    *more = (bm_items){ 0 };
}

void bm_local_items_prepend(bm_items *list, bm_items *more)
{
    bm_local_items_append(more, list);
    *list = *more;
    *more = (bm_items){ 0 };
}

/* Of equal times those of `a` come first. */
static bm_item *merge(bm_item *a, bm_item *b)
{
    bm_item *first = NULL, **last = &first;
    while (a && b) {
        bm_item **least = a->timestamp <= b->timestamp ? &a : &b;
        *last = *least;
        last = &(*least)->next;
        *least = *last;
    }
    *last = a ? a : b;
    return first;
}

void bm_local_items_sort(bm_items *list)
{
    bm_item *sorted[64] = { NULL }; /* sorted[i]: nothing, or 2^i items */
    for (bm_item *item; (item = bm_local_items_take(list));) {
        size_t i = 0;
        for (; sorted[i]; sorted[i++] = NULL) item = merge(sorted[i], item);
        sorted[i] = item;
    }
    bm_item *all = NULL;
    for (size_t i = 0; i < BEAM_COUNT(sorted); i++) all = merge(sorted[i], all);
    for (bm_item *next; all; all = next) {
        next = all->next;
        bm_local_items_add(list, all);
    }
}

void bm_local_items_free(bm_items *list)
{
    for (bm_item *item; (item = bm_local_items_take(list));) free(item);
}

/* -- one ------------------------------------------------------------------------------------ */
static bm_item *make(beam_millis timestamp, size_t n)
{
    bm_item *item = bm_xmalloc(sizeof *item + n);
    *item = (bm_item){ .timestamp = timestamp,
                       .hold = timestamp,
                       .not_before = BEAM_MIN_TIMESTAMP,
                       .n = n };
    return item;
}

bm_item *bm_local_item_copy(const bm_item *item)
{
    size_t n = sizeof *item + item->n;
    bm_item *copy = memcpy(bm_xmalloc(n), item, n);
    copy->next = NULL;
    return copy;
}

bm_item *bm_local_item_new(beam_millis timestamp, beam_span header, beam_span value)
{
    bm_item *item = make(timestamp, header.len + value.len);
    memcpy(item->bytes, header.ptr, header.len);
    if (value.len) memcpy(item->bytes + header.len, value.ptr, value.len);
    item->value_at = header.len;
    return item;
}

static beam_status skip_pane(bm_reader *in)
{
    beam_pane pane;
    bool has_metadata;
    beam_span metadata;
    BEAM_TRY(bm_pane_decode(in, &pane, &has_metadata));
    return has_metadata ? bm_read_prefixed(in, &metadata) : BEAM_OK;
}

beam_status bm_local_item_read(const bm_coll *coll, bm_reader *in, bm_item **out)
{
    const uint8_t *start = in->at;
    beam_millis timestamp;
    BEAM_TRY(bm_read_timestamp(in, &timestamp));
    BEAM_TRY(bm_windows_skip(coll->window, in));
    BEAM_TRY(skip_pane(in));
    size_t value_at = (size_t)(in->at - start);
    BEAM_TRY(bm_skip(coll->value, true, in));
    bm_item *item = make(timestamp, (size_t)(in->at - start));
    memcpy(item->bytes, start, item->n);
    item->value_at = value_at;
    *out = item;
    return BEAM_OK;
}

beam_status bm_local_item_kv(const bm_coll *coll, beam_span value, beam_span *key,
                             beam_span *val)
{
    if (coll->value->kind != BM_CODER_KV) return BEAM_ETYPE;
    bm_reader in = bm_reader_of(value);
    BEAM_TRY(bm_skip(coll->value->arg[0], true, &in));
    size_t n = (size_t)(in.at - (const uint8_t *)value.ptr);
    *key = (beam_span){ value.ptr, n };
    *val = bm_rest(&in);
    return BEAM_OK;
}

beam_status bm_local_item_windows(const bm_coll *coll, const bm_item *item,
                                  bm_arena *arena, const bm_windows **out)
{
    bm_reader in = bm_reader_of(bm_local_item_span(item));
    in.at += TIMESTAMP_SIZE;
    return bm_windows_decode(coll->window, &in, arena, out);
}

beam_status bm_local_item_header(const bm_coll *coll, beam_millis timestamp,
                                 const beam_window *window, const beam_pane *pane,
                                 bm_writer *out)
{
    bm_write_timestamp(out, timestamp);
    bm_write_be32(out, 1);
    BEAM_TRY(bm_window_encode(coll->window, window, out));
    bm_pane_encode(pane, out);
    return BEAM_OK;
}
