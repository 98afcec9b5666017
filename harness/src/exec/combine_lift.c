/* SPDX-License-Identifier: Apache-2.0 */
/* beam:transform:combine_per_key_precombine:v1: elements are added up before the shuffle,
 * in a table by key and window whose memory is bounded. Bundle thread.
 *
 * Entries lie one behind the other and move when their memory grows; small slots tell where:
 * an add touches little memory. When the table is full, all of it is emitted and forgotten:
 * emitting a frequent key once more per tableful costs next to nothing. */
#include <stdlib.h>

#include "base/error.h"
#include "exec/combine.h"
#include "exec/key_bytes.h"

enum {
    CACHE_BYTES = 8 << 20,
    KEPT_BYTES = 1 << 20, /* of entries, and of the accumulators' own memory */
    BLOCK_BYTES = 1 << 16,
    FIRST_SLOTS = 256,
    MOST_KEPT_SLOTS = 1 << 16,
    UNIT = 16, /* what sizes and places of entries are multiples of */
    PLACES = 1 << 20 /* of entries, in units; a slot's other bits are of the hash */
};
_Static_assert(CACHE_BYTES / UNIT + 1 < PLACES, "an entry begins within CACHE_BYTES");

typedef struct entry {
    uint64_t hash;
    const bm_windows *windows; /* one; neighbours mostly share it */
    beam_millis timestamp;
    size_t key_len;
    _Alignas(UNIT) char acc[]; /* at l->key_at: the key_bytes() */
} entry;

typedef struct lift {
    bm_combiner c;
    const bm_coder *key_coder;
    beam_kind key_kind;
    bm_output_time output_time;
    bm_writer key; /* scratch */
    size_t key_at; /* in entries' `acc` */
    char *entries; /* in order of making, which is that of output */
    size_t used, cap;
    const bm_windows *windows; /* of the last entry; NULL: there is none */
    uint32_t *slots; /* a power of two, at most half used; see slot_of(); 0: free */
    size_t n_slots, n;
    size_t bytes; /* of entries; accumulators' own are in ctx.accumulator_bytes */
} lift;

/* -- the table -------------------------------------------------------------------------- */
static __attribute__((noinline)) beam_status encode_key(lift *l, const beam_value *key,
                                                        beam_span *out)
{
    l->key.len = 0;
    beam_status status = bm_encode(l->key_coder, false, *key, &l->key);
    if (status != BEAM_OK)
        return beam_fail(&l->c.ctx, status, "its key is not of type %s",
                         bm_coder_text(&l->c.node.plan->scratch, l->key_coder));
    *out = bm_written(&l->key);
    return BEAM_OK;
}

static inline beam_status key_bytes(lift *l, const beam_value *key, beam_span *out)
{
    if (BM_LIKELY(bm_plain_key(l->key_kind, key, out))) return BEAM_OK;
    return encode_key(l, key, out);
}

static beam_status key_value(lift *l, beam_span bytes, beam_value *out)
{
    switch (l->key_kind) {
    case BEAM_KIND_STRING: *out = beam_string(bytes); return BEAM_OK;
    case BEAM_KIND_BYTES: *out = beam_bytes(bytes); return BEAM_OK;
    case BEAM_KIND_INT64:
        *out = beam_int64(0);
        memcpy(&out->as.int64, bytes.ptr, sizeof out->as.int64);
        return BEAM_OK;
    default: {
        bm_reader in = bm_reader_of(bytes);
        return bm_decode_with(l->key_coder, false, &in, &l->c.node.plan->decoding, out);
    }
    }
}

static inline entry *entry_at(const lift *l, size_t at)
{
    return (entry *)(l->entries + at);
}

static inline entry *entry_in(const lift *l, uint32_t slot)
{
    return entry_at(l, (size_t)(slot % PLACES - 1) * UNIT);
}

static inline uint32_t slot_of(uint64_t hash, size_t at)
{
    return (uint32_t)(hash >> 32) / PLACES * PLACES + (uint32_t)(at / UNIT + 1);
}

/* Not free, and of another hash: saves a look at the entry. */
static inline bool is_other(uint32_t slot, uint64_t hash)
{
    return slot && slot / PLACES != (uint32_t)(hash >> 32) / PLACES;
}

static inline size_t entry_size(const lift *l, size_t key_len)
{
    return (sizeof(entry) + l->key_at + key_len + UNIT - 1) / UNIT * UNIT;
}

static inline beam_span entry_key(const lift *l, const entry *e)
{
    return (beam_span){ e->acc + l->key_at, e->key_len };
}

static void set_slots(lift *l, size_t n)
{
    free(l->slots);
    l->n_slots = n;
    l->slots = bm_xcalloc(n, sizeof *l->slots);
}

static void link_entry(lift *l, size_t at)
{
    size_t mask = l->n_slots - 1;
    uint64_t hash = entry_at(l, at)->hash;
    size_t i = hash & mask;
    while (l->slots[i]) i = (i + 1) & mask;
    l->slots[i] = slot_of(hash, at);
}

static void grow_table(lift *l)
{
    set_slots(l, l->n_slots * 2);
    for (size_t at = 0; at < l->used; at += entry_size(l, entry_at(l, at)->key_len))
        link_entry(l, at);
}

/* At the end; the bytes are not set. */
static entry *new_entry(lift *l, size_t size)
{
    if (l->cap - l->used < size) {
        l->cap = l->cap ? l->cap * 2 : BLOCK_BYTES;
        if (l->cap - l->used < size) l->cap = l->used + size;
        l->entries = bm_xrealloc(l->entries, l->cap);
    }
    l->used += size;
    return entry_at(l, l->used - size);
}

/* A copy that lives as long as the entries. */
static const bm_windows *keep_window(lift *l, const beam_window *window)
{
    if (bm_window_is_global(window)) return &bm_global_windows;
    if (l->windows && bm_window_equal(&l->windows->at[0], window)) return l->windows;
    bm_arena *arena = &l->c.accumulators;
    bm_one_window *copy = BM_NEW(arena, bm_one_window);
    l->windows = bm_one_window_set(copy, window);
    if (window->custom.ptr) copy->one.at.custom = bm_span_copy(arena, window->custom);
    l->bytes += sizeof *copy + window->custom.len;
    return l->windows;
}

static entry *add_entry(lift *l, beam_span key, const beam_window *window, uint64_t hash,
                        beam_millis timestamp)
{
    if (l->n * 2 >= l->n_slots) grow_table(l);
    const bm_windows *windows = keep_window(l, window);
    size_t size = entry_size(l, key.len);
    entry *e = new_entry(l, size);
    *e = (entry){ hash, windows, timestamp, key.len };
    if (key.len) memcpy(e->acc + l->key_at, key.ptr, key.len);
    link_entry(l, l->used - size);
    l->n++;
    l->bytes += size + 64;
    bm_combiner_create(&l->c, e->acc);
    return e;
}

static inline bool is_entry(const lift *l, const entry *e, beam_span key,
                            const beam_window *window)
{
    return bm_key_equal(entry_key(l, e), key) && bm_window_equal(&e->windows->at[0], window);
}

static __attribute__((noinline)) entry *find_or_add(lift *l, beam_span key,
                                                    const beam_window *window,
                                                    uint64_t hash, beam_millis timestamp)
{
    size_t mask = l->n_slots - 1;
    for (size_t i = hash & mask; l->slots[i]; i = (i + 1) & mask) {
        entry *e = entry_in(l, l->slots[i]);
        if (!is_other(l->slots[i], hash) && is_entry(l, e, key, window)) return e;
    }
    if (l->output_time == BM_AT_END_OF_WINDOW) timestamp = window->end - 1;
    return add_entry(l, key, window, hash, timestamp);
}

/* Valid until the next call. The first slot with these bits of the hash is seldom another's. */
static inline __attribute__((always_inline)) entry *
entry_of(lift *l, beam_span key, const beam_window *window, beam_millis timestamp)
{
    uint64_t hash = bm_key_hash(key, window);
    size_t mask = l->n_slots - 1, i = hash & mask;
    while (is_other(l->slots[i], hash)) i = (i + 1) & mask;
    if (BM_LIKELY(l->slots[i])) {
        entry *e = entry_in(l, l->slots[i]);
        if (BM_LIKELY(is_entry(l, e, key, window))) return e;
    }
    return find_or_add(l, key, window, hash, timestamp);
}

static void forget(lift *l)
{
    if (l->n) memset(l->slots, 0, l->n_slots * sizeof *l->slots);
    bm_arena_reset(&l->c.accumulators);
    l->windows = NULL;
    l->n = l->used = l->bytes = l->c.ctx.accumulator_bytes = 0;
}

/* Of an empty table: gives memory back, but for what the next bundle will likely need. */
static void shrink(lift *l)
{
    bm_arena_shrink(&l->c.accumulators, KEPT_BYTES);
    if (l->n_slots > MOST_KEPT_SLOTS) set_slots(l, FIRST_SLOTS);
    if (l->cap <= KEPT_BYTES) return;
    free(l->entries);
    l->entries = NULL;
    l->cap = 0;
}

/* -- elements ------------------------------------------------------------------------------ */
static beam_status emit(lift *l, const entry *e)
{
    bm_plan *plan = l->c.node.plan;
    bm_mark mark = bm_scratch_mark(&plan->scratch);
    beam_value pair[2];
    beam_status status = key_value(l, entry_key(l, e), &pair[0]);
    if (status == BEAM_OK) {
        pair[1] = bm_combiner_save(&l->c, e->acc);
        status = bm_element_ended(&l->c.ctx, l->c.node.plan, BEAM_OK);
    }
    if (status == BEAM_OK && l->c.out) {
        bm_element combined = { beam_kv(pair), e->timestamp, e->windows, &bm_no_firing };
        status = bm_send(l->c.out, &combined);
    }
    bm_rewind(&plan->scratch, mark);
    return status;
}

/* Nothing after a failure. */
static __attribute__((noinline)) beam_status emit_all(lift *l, beam_status status)
{
    const bm_element *element = l->c.ctx.element;
    l->c.ctx.element = NULL;
    for (size_t at = 0; at < l->used && status == BEAM_OK;) {
        const entry *e = entry_at(l, at);
        status = emit(l, e);
        at += entry_size(l, e->key_len);
    }
    l->c.ctx.element = element;
    forget(l);
    return status;
}

static inline void combine_timestamp(const lift *l, entry *e, beam_millis timestamp)
{
    if (l->output_time == BM_AT_END_OF_WINDOW) return;
    bool takes = l->output_time == BM_AT_LATEST ? timestamp > e->timestamp
                                                : timestamp < e->timestamp;
    if (takes) e->timestamp = timestamp;
}

static inline __attribute__((always_inline)) beam_status
add(lift *l, beam_span key, const beam_window *window, const bm_element *element)
{
    entry *e = entry_of(l, key, window, element->timestamp);
    combine_timestamp(l, e, element->timestamp);
    l->c.fn->add(&l->c.ctx, e->acc, element->value.as.kv[1]);
    beam_status status = bm_element_ended(&l->c.ctx, l->c.node.plan, BEAM_OK);
    bool is_full = l->bytes + l->c.ctx.accumulator_bytes > CACHE_BYTES;
    return BM_UNLIKELY(is_full) ? emit_all(l, status) : status;
}

static __attribute__((noinline)) beam_status add_in_each(lift *l, beam_span key,
                                                         const bm_windows *windows,
                                                         const bm_element *element)
{
    beam_status status = BEAM_OK;
    for (size_t i = 0; i < windows->n && status == BEAM_OK; i++)
        status = add(l, key, &windows->at[i], element);
    return status;
}

static beam_status lift_process(bm_node *node, const bm_element *element)
{
    lift *l = (lift *)node;
    bm_arena *scratch = &node->plan->scratch;
    if (BM_UNLIKELY(element->value.kind != BEAM_KIND_KV))
        return bm_fail_on(node, BEAM_ETYPE, element, "it is not a KV");
    bm_mark mark = bm_scratch_mark(scratch);
    bm_node *outer = bm_enter(node);
    l->c.ctx.element = element;
    beam_span key;
    beam_status status = key_bytes(l, &element->value.as.kv[0], &key);
    const bm_windows *windows = element->windows;
    if (BM_LIKELY(status == BEAM_OK))
        status = windows->n == 1 ? add(l, key, &windows->at[0], element)
                                 : add_in_each(l, key, windows, element);
    l->c.ctx.element = NULL;
    bm_leave(node, outer);
    bm_rewind(scratch, mark);
    return status;
}

static beam_status lift_start(bm_node *node)
{
    forget((lift *)node);
    return BEAM_OK;
}

static beam_status lift_finish(bm_node *node)
{
    lift *l = (lift *)node;
    bm_node *outer = bm_enter(node);
    beam_status status = emit_all(l, BEAM_OK);
    shrink(l);
    bm_leave(node, outer);
    return status;
}

static void lift_free(bm_node *node)
{
    lift *l = (lift *)node;
    free(l->slots);
    free(l->entries);
    bm_writer_free(&l->key);
    bm_combiner_free(node);
}

/* -- construction ---------------------------------------------------------------------------- */
beam_status bm_combine_lift_new(bm_plan *plan, const bm_transform *t, bm_node **out,
                                beam_error *err)
{
    static const bm_node_ops ops = {
        .process = lift_process,
        .start = lift_start,
        .finish = lift_finish,
        .idle = lift_finish, /* what was added up must not wait longer than sinks do */
        .free = lift_free,
    };
    bm_combiner *c;
    BEAM_TRY(bm_combiner_make(plan, t, &ops, sizeof(lift), &c, err));
    lift *l = (lift *)c;
    const bm_pcoll *in = t->inputs[0].pcoll;
    bm_arena_init(&c->accumulators, BLOCK_BYTES);
    if (!in->coder || in->coder->kind != BM_CODER_KV) {
        bm_combiner_free(&c->node);
        return bm_error(err, BEAM_ETYPE,
                        "Transform '%s' combines per key, but its input is "
                        "of type %s, not a KV",
                        t->name, bm_coder_text(&plan->arena, in->coder));
    }
    l->key_coder = in->coder->arg[0];
    l->key_kind = bm_plain_key_kind(l->key_coder);
    l->key_at = (c->fn->acc_size + 7) / 8 * 8;
    l->output_time = in->output_time;
    set_slots(l, FIRST_SLOTS);
    *out = &c->node;
    return BEAM_OK;
}
