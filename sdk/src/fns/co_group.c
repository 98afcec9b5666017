/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a CoGroupByKey: each value goes through one GroupByKey in a slot of its
 * input, and groups are taken apart by input again. Bundle thread. */
#include "beam/pipeline.h"
#include "fns/builtin.h"
#include "fns/ctx.h"

/* Groups up to this size are sorted by input in memory; larger ones are read again, for
 * each input, while they are iterated. */
enum { MAX_IN_MEMORY = 1024, MAX_INPUTS = 8 };

typedef struct co_config {
    size_t input, n;
} co_config;

static beam_status read_config(beam_ctx *c, co_config *out)
{
    bm_reader in = bm_reader_of(beam_config(c));
    uint64_t input, n;
    if (bm_read_varint(&in, &input) != BEAM_OK || bm_read_varint(&in, &n) != BEAM_OK ||
        n < 2 || n > MAX_INPUTS || input >= n)
        return beam_fail(c, BEAM_ECODER,
                         "the configuration of the CoGroupByKey is damaged");
    *out = (co_config){ (size_t)input, (size_t)n };
    return BEAM_OK;
}

/* KV{slots[0], KV{slots[1], ... slots[n - 1]}}; `pairs` holds the KVs. */
static beam_value nest(const beam_value *slots, size_t n, beam_value pairs[][2])
{
    beam_value value = slots[n - 1];
    for (size_t i = n - 1; i-- > 0;) {
        pairs[i][0] = slots[i];
        pairs[i][1] = value;
        value = beam_kv(pairs[i]);
    }
    return value;
}

static beam_value unnest(beam_value value, size_t i, size_t n)
{
    for (size_t k = 0; k < i; k++) value = beam_val(value);
    return i + 1 < n ? beam_key(value) : value;
}

static beam_status tag(beam_ctx *c, beam_value in)
{
    co_config config;
    BEAM_TRY(read_config(c, &config));
    beam_value slots[MAX_INPUTS] = { { BEAM_KIND_NONE, { false } } };
    beam_value pairs[MAX_INPUTS][2];
    slots[config.input] = beam_val(in);
    beam_value tagged[] = { beam_int64((int64_t)config.input),
                            nest(slots, config.n, pairs) };
    return beam_emit_kv(c, beam_key(in), beam_kv(tagged));
}

/* -- a group as it came --------------------------------------------------------------- */
/* One cursor, used by the iterators of all inputs. */
typedef struct co_group {
    beam_value values;
    beam_iter *iter;
    uint64_t at; /* how many it has read */
    size_t n;    /* inputs */
    const bm_coder *coders[MAX_INPUTS];
} co_group;

static const bm_coder *unprefixed(const bm_coder *coder)
{
    while (coder && coder->kind == BM_CODER_LENGTH_PREFIX) coder = coder->arg[0];
    return coder;
}

static const bm_coder *part(const bm_coder *coder, int i)
{
    coder = unprefixed(coder);
    return coder ? coder->arg[i] : NULL;
}

/* Coders of the slots; false when they are not what this DoFn reads. */
static bool find_coders(beam_ctx *c, co_group *group)
{
    const bm_coder *tagged = part(part(bm_ctx_input_coder(c), 1), 0);
    const bm_coder *slots = part(tagged, 1);
    for (size_t i = 0; i < group->n; i++) {
        group->coders[i] = i + 1 < group->n ? part(slots, 0) : slots;
        slots = part(slots, 1);
        if (!group->coders[i]) return false;
    }
    return true;
}

static bool group_next(co_group *group, size_t *input, beam_value *out)
{
    beam_value item;
    if (!beam_next(group->iter, &item)) return false;
    group->at++;
    *input = (size_t)beam_as_int64(beam_key(item));
    if (*input < group->n) *out = unnest(beam_val(item), *input, group->n);
    return true;
}

static void group_rewind(co_group *group)
{
    group->iter = beam_as_iter(group->values);
    group->at = 0;
}

/* -- large groups: an iterator per input over the shared cursor ----------------------- */
typedef struct co_iter {
    beam_iter base;
    co_group *group;
    size_t input;
    uint64_t at;      /* how much of the group this one has seen */
    bm_arena scratch; /* of the last value: another iterator may move the cursor */
} co_iter;

/* The cursor to where this iterator was. */
static bool seek(co_iter *self)
{
    co_group *group = self->group;
    if (group->at == self->at) return true;
    if (group->at > self->at) group_rewind(group);
    for (beam_value skipped; group->at < self->at; group->at++)
        if (!beam_next(group->iter, &skipped)) return false;
    return true;
}

static bool co_next(beam_iter *iter, beam_value *out)
{
    co_iter *self = (co_iter *)iter;
    co_group *group = self->group;
    if (!seek(self)) return false;
    size_t input;
    beam_value found;
    while (group_next(group, &input, &found)) {
        self->at = group->at;
        if (input != self->input) continue;
        bm_arena_reset(&self->scratch);
        iter->failed = bm_value_copy_as(group->coders[input], &self->scratch, found, out);
        return iter->failed == BEAM_OK;
    }
    self->at = group->at;
    if (group->iter) iter->failed = group->iter->failed;
    return false;
}

static void co_rewind(beam_iter *iter)
{
    ((co_iter *)iter)->at = 0;
}

static void free_scratch(void *arena)
{
    bm_arena_free(arena);
}

static beam_iter *lazy_iter(bm_arena *arena, co_group *group, size_t input)
{
    static const bm_iter_ops ops = { co_next, co_rewind };
    co_iter *iter = BM_NEW(arena, co_iter);
    iter->base = (beam_iter){ &ops, -1, BEAM_OK };
    iter->group = group;
    iter->input = input;
    bm_arena_init(&iter->scratch, 0);
    bm_arena_defer(arena, free_scratch, &iter->scratch);
    return &iter->base;
}

/* -- small groups: an array per input ------------------------------------------------- */
typedef struct value_list {
    beam_value *at;
    size_t n, cap;
} value_list;

static beam_value *add(bm_arena *arena, value_list *list)
{
    if (list->n == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 4;
        beam_value *grown = bm_alloc(arena, cap * sizeof *grown);
        if (list->n) memcpy(grown, list->at, list->n * sizeof *grown);
        list->at = grown;
        list->cap = cap;
    }
    return &list->at[list->n++];
}

/* Sorts the group by input. *fits is false if it goes on after MAX_IN_MEMORY values. */
static beam_status sort(beam_ctx *c, co_group *group, value_list lists[], bool *fits)
{
    bm_arena *arena = bm_ctx_arena(c);
    size_t input;
    beam_value found;
    group_rewind(group);
    while (group->at < MAX_IN_MEMORY && group_next(group, &input, &found)) {
        if (input >= group->n)
            return beam_fail(c, BEAM_ECODER, "a value came out of the shuffle damaged");
        beam_status status = bm_value_copy_as(group->coders[input], arena, found,
                                              add(arena, &lists[input]));
        if (status != BEAM_OK)
            return beam_fail(c, status, "a value of the group cannot be copied");
    }
    *fits = group->at < MAX_IN_MEMORY;
    return group->iter ? group->iter->failed : BEAM_OK;
}

static beam_status untag(beam_ctx *c, beam_value in)
{
    bm_arena *arena = bm_ctx_arena(c);
    co_config config;
    BEAM_TRY(read_config(c, &config));
    co_group *group = BM_NEW(arena, co_group);
    group->values = beam_val(in);
    group->n = config.n;
    if (!find_coders(c, group))
        return beam_fail(c, BEAM_ECODER, "the input has not the coder of a CoGroupByKey");

    bool fits = false;
    value_list lists[MAX_INPUTS] = { { NULL, 0, 0 } };
    BEAM_TRY(sort(c, group, lists, &fits));
    beam_value slots[MAX_INPUTS], pairs[MAX_INPUTS][2];
    for (size_t i = 0; i < config.n; i++) {
        slots[i].kind = BEAM_KIND_ITERABLE;
        slots[i].as.iter = fits ? bm_iter_of_values(arena, lists[i].at, lists[i].n)
                                : lazy_iter(arena, group, i);
    }
    return beam_emit_kv(c, beam_key(in), nest(slots, config.n, pairs));
}

#define SLOTS BEAM_KV(BEAM_INT64, BEAM_ANY)

const beam_dofn bm_co_tag_fn = { .name = "beam.co_tag",
                                 .in = BEAM_KV(BEAM_ANY, BEAM_ANY),
                                 .out = BEAM_KV(BEAM_ANY, SLOTS),
                                 .process = tag };
const beam_dofn bm_co_untag_fn = { .name = "beam.co_untag",
                                   .in = BEAM_KV(BEAM_ANY, BEAM_ITERABLE(SLOTS)),
                                   .out = BEAM_KV(BEAM_ANY, BEAM_ANY),
                                   .process = untag };

/* -- for the program's DoFns ---------------------------------------------------------- */
beam_iter *beam_co_values(beam_value element, int input)
{
    if (input < 0) return NULL;
    beam_value value = beam_val(element);
    for (int i = 0; i < input; i++) value = beam_val(value);
    return beam_as_iter(value.kind == BEAM_KIND_KV ? beam_key(value) : value);
}
