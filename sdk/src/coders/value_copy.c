/* SPDX-License-Identifier: Apache-2.0 */
/* Deep copies of values. Any thread, one at a time per arena. */
#include "coders/coder_impl.h"

static beam_status copy_items(bm_arena *arena, const beam_value *from, size_t n,
                              const beam_value **out)
{
    beam_value *items = bm_alloc(arena, bm_times(n, sizeof *items));
    for (size_t i = 0; i < n; i++) BEAM_TRY(bm_value_copy(arena, from[i], &items[i]));
    *out = items;
    return BEAM_OK;
}

/* Reads the iterable through; the copy is one over an array. */
static beam_status copy_iterable(bm_arena *arena, beam_value value, beam_value *out)
{
    beam_iter *iter = beam_as_iter(value);
    if (!iter) return BEAM_ETYPE;
    beam_value *items = NULL;
    size_t n = 0, cap = 0;
    for (beam_value v; beam_next(iter, &v); n++) {
        if (n == cap) {
            cap = cap ? cap * 2 : 8;
            beam_value *grown = bm_alloc(arena, bm_times(cap, sizeof *grown));
            if (n) memcpy(grown, items, n * sizeof *grown);
            items = grown;
        }
        BEAM_TRY(bm_value_copy(arena, v, &items[n]));
    }
    BEAM_TRY(iter->failed);
    *out = value;
    out->as.iter = bm_iter_of_values(arena, items, n);
    return BEAM_OK;
}

static const beam_window *copy_window(bm_arena *arena, const beam_window *window)
{
    beam_window *copy = bm_alloc(arena, sizeof *copy);
    *copy = *window;
    if (window->custom.ptr) copy->custom = bm_span_copy(arena, window->custom);
    return copy;
}

static beam_status copy_element(bm_arena *arena, const bm_element *element,
                                beam_value *out)
{
    bm_element *copy = bm_alloc(arena, sizeof *copy);
    out->as.ptr = copy;
    return bm_element_copy(arena, element, copy);
}

static beam_status copy_timer(bm_arena *arena, const bm_timer *timer, beam_value *out)
{
    bm_timer *copy = bm_alloc(arena, sizeof *copy);
    *copy = *timer;
    copy->tag = bm_span_copy(arena, timer->tag);
    copy->windows = bm_windows_copy(arena, timer->windows);
    copy->pane = bm_pane_copy(arena, timer->pane);
    out->as.ptr = copy;
    return bm_value_copy(arena, timer->key, &copy->key);
}

beam_status bm_value_copy(bm_arena *arena, beam_value value, beam_value *out)
{
    *out = value;
    switch (value.kind) {
    case BEAM_KIND_NONE:
    case BEAM_KIND_BOOL:
    case BEAM_KIND_INT64:
    case BEAM_KIND_DOUBLE: return BEAM_OK;
    case BEAM_KIND_BYTES:
    case BEAM_KIND_STRING:
        out->as.span = bm_span_copy(arena, value.as.span);
        return BEAM_OK;
    case BEAM_KIND_KV:
    case BEAM_KIND_SHARDED_KEY: return copy_items(arena, value.as.kv, 2, &out->as.kv);
    case BEAM_KIND_ROW:
    case BEAM_KIND_LIST:
    case BEAM_KIND_MAP:
        return copy_items(arena, value.as.list.at, value.as.list.n, &out->as.list.at);
    case BEAM_KIND_ITERABLE: return copy_iterable(arena, value, out);
    case BEAM_KIND_WINDOW: out->as.ptr = copy_window(arena, value.as.ptr); return BEAM_OK;
    case BEAM_KIND_WINDOWED: return copy_element(arena, value.as.ptr, out);
    case BEAM_KIND_TIMER: return copy_timer(arena, value.as.ptr, out);
    default: return BEAM_EUNSUPPORTED;
    }
}

/* Whether bm_value_copy does for all values of the coder. */
static bool holds_struct(const bm_coder *coder)
{
    if (coder->kind == BM_CODER_STRUCT) return true;
    for (int i = 0; i < 2; i++)
        if (coder->arg[i] && holds_struct(coder->arg[i])) return true;
    return false;
}

beam_status bm_value_copy_as(const bm_coder *coder, bm_arena *arena, beam_value value,
                             beam_value *out)
{
    if (!holds_struct(coder)) return bm_value_copy(arena, value, out);
    bm_writer bytes = { 0 };
    beam_status status = bm_encode(coder, true, value, &bytes);
    if (status == BEAM_OK) {
        bm_reader in = bm_reader_of(bm_span_copy(arena, bm_written(&bytes)));
        status = bm_decode(coder, true, &in, arena, out);
    }
    bm_writer_free(&bytes);
    return status;
}
