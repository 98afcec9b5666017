/* SPDX-License-Identifier: Apache-2.0 */
/* The order of values. Any thread. */
#include "coders/coder_impl.h"

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

static int compare_spans(beam_span a, beam_span b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.ptr, b.ptr, n) : 0;
    return order ? order : COMPARE(a.len, b.len);
}

/* A double's bits as an integer of the same order: -0.0 before 0.0, NaN at the ends. */
static int64_t order_of(double number)
{
    int64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits < 0 ? bits ^ INT64_MAX : bits;
}

static int compare_items(const beam_value *a, size_t na, const beam_value *b, size_t nb)
{
    for (size_t i = 0; i < na && i < nb; i++) {
        int order = bm_value_compare(a[i], b[i]);
        if (order) return order;
    }
    return COMPARE(na, nb);
}

static int compare_iterables(beam_value a, beam_value b)
{
    if (a.as.iter == b.as.iter) return 0;
    beam_iter *ia = beam_as_iter(a), *ib = beam_as_iter(b);
    for (;;) {
        beam_value va, vb;
        bool more_a = beam_next(ia, &va), more_b = beam_next(ib, &vb);
        if (!more_a || !more_b) return COMPARE(more_a, more_b);
        int order = bm_value_compare(va, vb);
        if (order) return order;
    }
}

static int compare_windows(const beam_window *a, const beam_window *b)
{
    if (a->end != b->end) return COMPARE(a->end, b->end);
    if (a->start != b->start) return COMPARE(a->start, b->start);
    return compare_spans(a->custom, b->custom);
}

static int compare_elements(const bm_element *a, const bm_element *b)
{
    if (a->timestamp != b->timestamp) return COMPARE(a->timestamp, b->timestamp);
    return bm_value_compare(a->value, b->value);
}

int bm_value_compare(beam_value a, beam_value b)
{
    if (a.kind != b.kind) return COMPARE(a.kind, b.kind);
    switch (a.kind) {
    case BEAM_KIND_BYTES:
    case BEAM_KIND_STRING: return compare_spans(a.as.span, b.as.span);
    case BEAM_KIND_BOOL: return COMPARE(a.as.boolean, b.as.boolean);
    case BEAM_KIND_INT64: return COMPARE(a.as.int64, b.as.int64);
    case BEAM_KIND_DOUBLE: return COMPARE(order_of(a.as.number), order_of(b.as.number));
    case BEAM_KIND_KV:
    case BEAM_KIND_SHARDED_KEY: return compare_items(a.as.kv, 2, b.as.kv, 2);
    case BEAM_KIND_ROW:
    case BEAM_KIND_LIST:
    case BEAM_KIND_MAP:
        return compare_items(a.as.list.at, a.as.list.n, b.as.list.at, b.as.list.n);
    case BEAM_KIND_ITERABLE: return compare_iterables(a, b);
    case BEAM_KIND_WINDOW: return compare_windows(a.as.ptr, b.as.ptr);
    case BEAM_KIND_WINDOWED: return compare_elements(a.as.ptr, b.as.ptr);
    case BEAM_KIND_STRUCT:
    case BEAM_KIND_TIMER: return COMPARE((uintptr_t)a.as.ptr, (uintptr_t)b.as.ptr);
    default: return 0;
    }
}
