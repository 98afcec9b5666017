/* SPDX-License-Identifier: Apache-2.0 */
/* The CombineFn of approximate quantiles. Bundle thread.
 *
 * Values are kept in levels; one of level i stands for 2^i. A full level of k values is
 * sorted, and every other one moves up: that moves no rank by more than 2^i, and happens
 * N / (k 2^i) times, so that each level adds at most N / k to the error. With k = 32 n and
 * fewer than 32 levels in use the error of a rank stays below N / n. */
#include <stdlib.h>

#include "fns/builtin.h"
#include "fns/ctx.h"

enum {
    MAX_LEVELS = 48,
    LEAST = -1, /* in place of a level when saved */
    GREATEST = -2
};

typedef struct level {
    beam_value *items;
    size_t n, cap;
    bool odd; /* which half moves up next */
} level;

typedef struct quantiles_acc {
    level levels[MAX_LEVELS];
    beam_value least, greatest; /* exact; of nothing: NONE */
    size_t wanted, capacity;
    bool any;
} quantiles_acc;

static void start(beam_ctx *c, void *acc)
{
    uint64_t wanted;
    bm_reader in = bm_reader_of(beam_config(c));
    quantiles_acc *q = acc;
    memset(q, 0, sizeof *q);
    q->least = q->greatest = beam_null();
    if (bm_read_varint(&in, &wanted) != BEAM_OK) {
        beam_fail(c, BEAM_ECODER, "the configuration of the quantiles is damaged");
        return;
    }
    q->wanted = (size_t)wanted;
    q->capacity = 32 * q->wanted;
}

/* -- levels --------------------------------------------------------------------------- */
static int by_value(const void *a, const void *b)
{
    return bm_value_compare(*(const beam_value *)a, *(const beam_value *)b);
}

static void make_room(beam_ctx *c, level *l)
{
    if (l->n < l->cap) return;
    size_t cap = l->cap ? l->cap * 2 : 16;
    beam_value *grown = beam_acc_alloc(c, cap * sizeof *grown);
    if (l->n) memcpy(grown, l->items, l->n * sizeof *grown);
    l->items = grown;
    l->cap = cap;
}

static void put(beam_ctx *c, quantiles_acc *q, size_t i, beam_value v);

/* Every other value moves up, and an odd one that is left over stays. */
static void compact(beam_ctx *c, quantiles_acc *q, size_t i)
{
    level *l = &q->levels[i];
    qsort(l->items, l->n, sizeof *l->items, by_value);
    size_t pairs = l->n / 2, left = l->n % 2, from = l->odd;
    l->odd = !l->odd;
    beam_value kept = left ? l->items[l->n - 1] : beam_null();
    l->n = 0;
    for (size_t k = 0; k < pairs; k++) put(c, q, i + 1, l->items[2 * k + from]);
    if (left) l->items[l->n++] = kept;
}

static void put(beam_ctx *c, quantiles_acc *q, size_t i, beam_value v)
{
    level *l = &q->levels[i];
    make_room(c, l);
    l->items[l->n++] = v;
    if (l->n >= q->capacity && i + 1 < MAX_LEVELS) compact(c, q, i);
}

static void note_least(quantiles_acc *q, beam_value v)
{
    if (!q->any || bm_value_compare(v, q->least) < 0) q->least = v;
}

static void note_greatest(quantiles_acc *q, beam_value v)
{
    if (!q->any || bm_value_compare(v, q->greatest) > 0) q->greatest = v;
}

/* -- callbacks ------------------------------------------------------------------------ */
static void add(beam_ctx *c, void *acc, beam_value in)
{
    quantiles_acc *q = acc;
    beam_value kept = beam_acc_copy(c, in);
    note_least(q, kept);
    note_greatest(q, kept);
    q->any = true;
    put(c, q, 0, kept);
}

static void merge(beam_ctx *c, void *acc, const void *other)
{
    quantiles_acc *q = acc;
    const quantiles_acc *more = other;
    if (!more->any) return;
    note_least(q, more->least);
    note_greatest(q, more->greatest);
    q->any = true;
    for (size_t i = 0; i < MAX_LEVELS; i++)
        for (size_t k = 0; k < more->levels[i].n; k++)
            put(c, q, i, more->levels[i].items[k]);
}

typedef struct weighed {
    beam_value value;
    double weight;
} weighed;

static size_t kept_values(const quantiles_acc *q)
{
    size_t n = 0;
    for (size_t i = 0; i < MAX_LEVELS; i++) n += q->levels[i].n;
    return n;
}

/* All values in order, with their weights; the sum of these in *total. */
static weighed *in_order(beam_ctx *c, const quantiles_acc *q, size_t n, double *total)
{
    weighed *all = beam_alloc(c, n * sizeof *all);
    size_t at = 0;
    *total = 0;
    for (size_t i = 0; i < MAX_LEVELS; i++) {
        double weight = (double)((uint64_t)1 << i);
        for (size_t k = 0; k < q->levels[i].n; k++) {
            all[at++] = (weighed){ q->levels[i].items[k], weight };
            *total += weight;
        }
    }
    qsort(all, n, sizeof *all, by_value); /* a weighed begins with its value */
    return all;
}

static beam_value as_iterable(beam_ctx *c, const beam_value *items, size_t n)
{
    beam_value v = { BEAM_KIND_ITERABLE, { false } };
    v.as.iter = bm_iter_of_values(bm_ctx_arena(c), items, n);
    return v;
}

static beam_value extract(beam_ctx *c, const void *acc)
{
    const quantiles_acc *q = acc;
    size_t n = kept_values(q), wanted = q->any ? q->wanted : 0;
    double total;
    const weighed *all = in_order(c, q, n, &total);
    beam_value *out = beam_alloc(c, wanted * sizeof *out);
    double below = 0; /* weight of what is before `at` */
    size_t at = 0;
    for (size_t i = 0; i < wanted; i++) {
        double rank = (total - 1) * (double)i / (double)(wanted - 1);
        while (at + 1 < n && below + all[at].weight <= rank) below += all[at++].weight;
        out[i] = all[at].value;
    }
    if (wanted) out[0] = q->least;
    if (wanted) out[wanted - 1] = q->greatest;
    return as_iterable(c, out, wanted);
}

/* KV<INT64 level, T> of each value, and of the least and greatest. */
static beam_value save(beam_ctx *c, const void *acc)
{
    const quantiles_acc *q = acc;
    size_t n = q->any ? kept_values(q) + 2 : 0, at = 0;
    beam_value *parts = beam_alloc(c, 2 * n * sizeof *parts);
    beam_value *pairs = beam_alloc(c, n * sizeof *pairs);
    for (size_t i = 0; q->any && i < MAX_LEVELS; i++)
        for (size_t k = 0; k < q->levels[i].n; k++, at++) {
            parts[2 * at] = beam_int64((int64_t)i);
            parts[2 * at + 1] = q->levels[i].items[k];
        }
    if (q->any) {
        parts[2 * at] = beam_int64(LEAST);
        parts[2 * at++ + 1] = q->least;
        parts[2 * at] = beam_int64(GREATEST);
        parts[2 * at++ + 1] = q->greatest;
    }
    for (size_t i = 0; i < n; i++) pairs[i] = beam_kv(&parts[2 * i]);
    return as_iterable(c, pairs, n);
}

static void load(beam_ctx *c, void *acc, beam_value saved)
{
    start(c, acc);
    quantiles_acc *q = acc;
    beam_iter *it = beam_as_iter(saved);
    for (beam_value v; beam_next(it, &v);) {
        int64_t i = beam_as_int64(beam_key(v));
        beam_value kept = beam_acc_copy(c, beam_val(v));
        q->any = true;
        if (i == LEAST) q->least = kept;
        else if (i == GREATEST) q->greatest = kept;
        else if (i >= 0 && i < MAX_LEVELS) put(c, q, (size_t)i, kept);
        else beam_fail(c, BEAM_ECODER, "a saved summary of quantiles is damaged");
    }
}

const beam_combine bm_quantiles_combine = {
    .name = "beam.quantiles",
    .in = BEAM_ANY,
    .acc = BEAM_ITERABLE(BEAM_KV(BEAM_INT64, BEAM_ANY)),
    .out = BEAM_ITERABLE(BEAM_ANY),
    .acc_size = sizeof(quantiles_acc),
    .create = start,
    .add = add,
    .merge = merge,
    .extract = extract,
    .save = save,
    .load = load
};
