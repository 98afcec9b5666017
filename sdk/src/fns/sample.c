/* SPDX-License-Identifier: Apache-2.0 */
/* The CombineFn of samples: each value gets a random number, and the n smallest of these
 * stay, however the values are split and merged. Bundle thread. */
#include "fns/builtin.h"
#include "fns/ctx.h"
#include "fns/random.h"

typedef struct chosen {
    int64_t number;
    beam_value value;
} chosen;

typedef struct sample_acc {
    chosen *items; /* heap: no number is larger than its parent's */
    size_t n, cap, limit;
    uint64_t random;
} sample_acc;

static void start(beam_ctx *c, void *acc)
{
    uint64_t limit;
    bm_reader in = bm_reader_of(beam_config(c));
    sample_acc *s = acc;
    *s = (sample_acc){ .random = bm_random_seed() };
    if (bm_read_varint(&in, &limit) != BEAM_OK) {
        beam_fail(c, BEAM_ECODER, "the configuration of the sample is damaged");
        return;
    }
    s->limit = (size_t)limit;
}

/* -- the heap ------------------------------------------------------------------------- */
static void exchange(chosen *a, chosen *b)
{
    chosen kept = *a;
    *a = *b;
    *b = kept;
}

static void sift_up(sample_acc *s, size_t i)
{
    for (size_t parent; i; i = parent) {
        parent = (i - 1) / 2;
        if (s->items[parent].number >= s->items[i].number) return;
        exchange(&s->items[parent], &s->items[i]);
    }
}

static void sift_down(sample_acc *s, size_t i)
{
    for (;;) {
        size_t largest = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < s->n; child++)
            if (s->items[child].number > s->items[largest].number) largest = child;
        if (largest == i) return;
        exchange(&s->items[largest], &s->items[i]);
        i = largest;
    }
}

static bool is_wanted(const sample_acc *s, int64_t number)
{
    return s->n < s->limit || (s->n && number < s->items[0].number);
}

static void make_room(beam_ctx *c, sample_acc *s)
{
    if (s->n < s->cap) return;
    size_t cap = s->cap ? s->cap * 2 : 8;
    if (cap > s->limit) cap = s->limit;
    chosen *grown = beam_acc_alloc(c, cap * sizeof *grown);
    if (s->n) memcpy(grown, s->items, s->n * sizeof *grown);
    s->items = grown;
    s->cap = cap;
}

/* The number is wanted; the value lives as long as the accumulator. */
static void put(beam_ctx *c, sample_acc *s, chosen item)
{
    if (s->n < s->limit) {
        make_room(c, s);
        s->items[s->n++] = item;
        sift_up(s, s->n - 1);
        return;
    }
    s->items[0] = item;
    sift_down(s, 0);
}

/* -- callbacks ------------------------------------------------------------------------ */
static void add(beam_ctx *c, void *acc, beam_value in)
{
    sample_acc *s = acc;
    int64_t number = (int64_t)(bm_random_next(&s->random) >> 1);
    if (is_wanted(s, number)) put(c, s, (chosen){ number, beam_acc_copy(c, in) });
}

static void merge(beam_ctx *c, void *acc, const void *other)
{
    const sample_acc *more = other;
    for (size_t i = 0; i < more->n; i++)
        if (is_wanted(acc, more->items[i].number)) put(c, acc, more->items[i]);
}

static beam_value extract(beam_ctx *c, const void *acc)
{
    const sample_acc *s = acc;
    beam_value *values = beam_alloc(c, s->n * sizeof *values);
    for (size_t i = 0; i < s->n; i++) values[i] = s->items[i].value;
    beam_value v = { BEAM_KIND_ITERABLE, { false } };
    v.as.iter = bm_iter_of_values(bm_ctx_arena(c), values, s->n);
    return v;
}

static beam_value save(beam_ctx *c, const void *acc)
{
    const sample_acc *s = acc;
    beam_value *pairs = beam_alloc(c, s->n * sizeof *pairs);
    beam_value *parts = beam_alloc(c, 2 * s->n * sizeof *parts);
    for (size_t i = 0; i < s->n; i++) {
        parts[2 * i] = beam_int64(s->items[i].number);
        parts[2 * i + 1] = s->items[i].value;
        pairs[i] = beam_kv(&parts[2 * i]);
    }
    beam_value v = { BEAM_KIND_ITERABLE, { false } };
    v.as.iter = bm_iter_of_values(bm_ctx_arena(c), pairs, s->n);
    return v;
}

static void load(beam_ctx *c, void *acc, beam_value saved)
{
    start(c, acc);
    sample_acc *s = acc;
    beam_iter *it = beam_as_iter(saved);
    for (beam_value v; beam_next(it, &v);) {
        int64_t number = beam_as_int64(beam_key(v));
        if (is_wanted(s, number))
            put(c, s, (chosen){ number, beam_acc_copy(c, beam_val(v)) });
    }
}

const beam_combine bm_sample_combine = { .name = "beam.sample",
                                         .in = BEAM_ANY,
                                         .acc = BEAM_ITERABLE(BEAM_KV(BEAM_INT64, BEAM_ANY)),
                                         .out = BEAM_ITERABLE(BEAM_ANY),
                                         .acc_size = sizeof(sample_acc),
                                         .create = start,
                                         .add = add,
                                         .merge = merge,
                                         .extract = extract,
                                         .save = save,
                                         .load = load };
