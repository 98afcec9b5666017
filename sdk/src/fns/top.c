/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in CombineFn behind beam_top_per_key(): a heap of the best n values with the
 * worst of them at its root. Bundle thread. */
#include "fns/builtin.h"
#include "fns/ctx.h"

typedef struct top_acc {
    beam_value *items; /* heap: no item is better than its children */
    size_t n, cap;
    size_t limit;
    int64_t sign; /* 1: larger is better, -1: smaller */
} top_acc;

static bool is_better(const top_acc *top, beam_value a, beam_value b)
{
    return bm_value_compare(a, b) * top->sign > 0;
}

static void start(beam_ctx *c, void *acc)
{
    top_acc *top = acc;
    bm_reader in = bm_reader_of(beam_config(c));
    uint64_t limit, order;
    *top = (top_acc){ .sign = 1 };
    if (bm_read_varint(&in, &limit) != BEAM_OK ||
        bm_read_varint(&in, &order) != BEAM_OK) {
        beam_fail(c, BEAM_ECODER, "the configuration of the top values is damaged");
        return;
    }
    top->limit = (size_t)limit;
    if (order) top->sign = -1;
}

/* -- the heap ------------------------------------------------------------------------- */
static void exchange(beam_value *a, beam_value *b)
{
    beam_value kept = *a;
    *a = *b;
    *b = kept;
}

static void sift_up(top_acc *top, size_t i)
{
    while (i) {
        size_t parent = (i - 1) / 2;
        if (!is_better(top, top->items[parent], top->items[i])) return;
        exchange(&top->items[parent], &top->items[i]);
        i = parent;
    }
}

static void sift_down(top_acc *top, size_t i)
{
    for (;;) {
        size_t worst = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < top->n; child++)
            if (is_better(top, top->items[worst], top->items[child])) worst = child;
        if (worst == i) return;
        exchange(&top->items[worst], &top->items[i]);
        i = worst;
    }
}

static void make_room(beam_ctx *c, top_acc *top)
{
    if (top->n < top->cap) return;
    size_t cap = top->cap ? top->cap * 2 : 8;
    if (cap > top->limit) cap = top->limit;
    beam_value *grown = beam_acc_alloc(c, cap * sizeof *grown);
    if (top->n) memcpy(grown, top->items, top->n * sizeof *grown);
    top->items = grown;
    top->cap = cap;
}

/* Is there a place for it? */
static bool is_wanted(const top_acc *top, beam_value v)
{
    return top->n < top->limit || (top->n && is_better(top, v, top->items[0]));
}

/* The value is wanted and lives as long as the accumulator. */
static void put(beam_ctx *c, top_acc *top, beam_value v)
{
    if (top->n < top->limit) {
        make_room(c, top);
        top->items[top->n++] = v;
        sift_up(top, top->n - 1);
        return;
    }
    top->items[0] = v;
    sift_down(top, 0);
}

/* -- callbacks ------------------------------------------------------------------------ */
static void add(beam_ctx *c, void *acc, beam_value in)
{
    if (is_wanted(acc, in)) put(c, acc, beam_acc_copy(c, in));
}

static void merge(beam_ctx *c, void *acc, const void *other)
{
    const top_acc *more = other;
    for (size_t i = 0; i < more->n; i++)
        if (is_wanted(acc, more->items[i])) put(c, acc, more->items[i]);
}

static beam_value as_iterable(beam_ctx *c, const beam_value *items, size_t n)
{
    beam_value v = { BEAM_KIND_ITERABLE, { false } };
    v.as.iter = bm_iter_of_values(bm_ctx_arena(c), items, n);
    return v;
}

/* Best first: the worst is taken from the heap and put behind it, again and again. */
static beam_value extract(beam_ctx *c, const void *acc)
{
    top_acc rest = *(const top_acc *)acc;
    size_t n = rest.n;
    beam_value *sorted = beam_alloc(c, n * sizeof *sorted);
    if (n) memcpy(sorted, rest.items, n * sizeof *sorted);
    rest.items = sorted;
    while (rest.n > 1) {
        exchange(&sorted[0], &sorted[--rest.n]);
        sift_down(&rest, 0);
    }
    return as_iterable(c, sorted, n);
}

static beam_value save(beam_ctx *c, const void *acc)
{
    const top_acc *top = acc;
    return as_iterable(c, top->items, top->n);
}

static void load(beam_ctx *c, void *acc, beam_value saved)
{
    start(c, acc);
    beam_iter *it = beam_as_iter(saved);
    for (beam_value v; beam_next(it, &v);) add(c, acc, v);
}

const beam_combine bm_top_combine = { .name = "beam.top",
                                      .in = BEAM_ANY,
                                      .acc = BEAM_ITERABLE(BEAM_ANY),
                                      .out = BEAM_ITERABLE(BEAM_ANY),
                                      .acc_size = sizeof(top_acc),
                                      .create = start,
                                      .add = add,
                                      .merge = merge,
                                      .extract = extract,
                                      .save = save,
                                      .load = load };
