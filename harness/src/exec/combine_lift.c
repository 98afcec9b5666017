/* SPDX-License-Identifier: Apache-2.0 */
/* beam:transform:combine_per_key_precombine:v1: elements are added up before the shuffle,
 * in a table by key and window whose memory is bounded. Bundle thread.
 *
 * When the table is full, all of it is emitted and forgotten: accumulators share an arena,
 * and emitting a frequent key once more per tableful costs next to nothing. */
#include <stdlib.h>

#include "base/error.h"
#include "exec/combine.h"
#include "exec/key_bytes.h"

enum {
    CACHE_BYTES = 8 << 20,
    KEPT_BYTES = 2 << 20,
    BLOCK_BYTES = 1 << 16,
    FIRST_SLOTS = 256,
    MOST_KEPT_SLOTS = 1 << 15
};

typedef struct entry {
    struct entry *next; /* in order of making, which is that of output */
    uint64_t hash;
    const beam_window *window; /* neighbours mostly share one */
    beam_millis timestamp;
    beam_span key; /* what tells the key from others: see key_bytes() */
    _Alignas(16) char acc[];
} entry;

typedef struct lift {
    bm_combiner c;
    const bm_coder *key_coder;
    beam_kind key_kind;
    bm_output_time output_time;
    bm_writer key; /* scratch */
    entry *first, **last;
    const beam_window *window; /* of the last entry; NULL: there is none */
    entry **slots;             /* a power of two of them, at most half used */
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

static void link_entry(lift *l, entry *e)
{
    size_t mask = l->n_slots - 1;
    size_t i = e->hash & mask;
    while (l->slots[i]) i = (i + 1) & mask;
    l->slots[i] = e;
}

static void grow_table(lift *l)
{
    free(l->slots);
    l->n_slots = l->n_slots ? l->n_slots * 2 : FIRST_SLOTS;
    l->slots = bm_xcalloc(l->n_slots, sizeof *l->slots);
    for (entry *e = l->first; e; e = e->next) link_entry(l, e);
}

/* A copy that lives as long as the entries. */
static const beam_window *keep_window(lift *l, const beam_window *window)
{
    if (window == &bm_global_windows.at[0]) return window;
    if (l->window && bm_window_equal(l->window, window)) return l->window;
    bm_arena *arena = &l->c.accumulators;
    beam_window *copy = BM_NEW(arena, beam_window);
    *copy = *window;
    if (window->custom.ptr) copy->custom = bm_span_copy(arena, window->custom);
    l->bytes += sizeof *copy + window->custom.len;
    return l->window = copy;
}

static __attribute__((noinline)) entry *add_entry(lift *l, beam_span key,
                                                  const beam_window *window,
                                                  uint64_t hash)
{
    if (l->n * 2 >= l->n_slots) grow_table(l);
    bm_arena *arena = &l->c.accumulators;
    entry *e = bm_alloc(arena, sizeof *e + l->c.fn->acc_size);
    *e = (entry){ .hash = hash, .key = bm_span_copy(arena, key) };
    e->window = keep_window(l, window);
    e->timestamp = window->end - 1;
    *l->last = e;
    l->last = &e->next;
    link_entry(l, e);
    l->n++;
    l->bytes += sizeof *e + l->c.fn->acc_size + key.len + 64;
    bm_combiner_create(&l->c, e->acc);
    return e;
}

/* Seldom false: their hashes are the same. */
static __attribute__((noinline)) bool is_entry(const entry *e, beam_span key,
                                               const beam_window *window)
{
    return bm_key_equal(e->key, key) && bm_window_equal(e->window, window);
}

/* NULL: there is none. */
static inline entry *find(const lift *l, beam_span key, const beam_window *window,
                          uint64_t hash)
{
    if (!l->n_slots) return NULL;
    size_t mask = l->n_slots - 1;
    for (size_t i = hash & mask; l->slots[i]; i = (i + 1) & mask) {
        entry *e = l->slots[i];
        if (e->hash == hash && is_entry(e, key, window)) return e;
    }
    return NULL;
}

/* Empties the table; large ones are given back. */
static void forget(lift *l)
{
    if (l->n_slots > MOST_KEPT_SLOTS) {
        free(l->slots);
        l->slots = NULL;
        l->n_slots = 0;
    } else if (l->n) {
        memset(l->slots, 0, l->n_slots * sizeof *l->slots);
    }
    if (l->bytes + l->c.ctx.accumulator_bytes > KEPT_BYTES)
        bm_arena_free(&l->c.accumulators);
    else
        bm_arena_reset(&l->c.accumulators);
    l->first = NULL;
    l->last = &l->first;
    l->window = NULL;
    l->n = l->bytes = l->c.ctx.accumulator_bytes = 0;
}

/* -- elements ------------------------------------------------------------------------------ */
static beam_status emit(lift *l, const entry *e)
{
    bm_plan *plan = l->c.node.plan;
    bm_mark mark = bm_scratch_mark(&plan->scratch);
    beam_value pair[2];
    beam_status status = key_value(l, e->key, &pair[0]);
    if (status == BEAM_OK) {
        pair[1] = bm_combiner_save(&l->c, e->acc);
        status = bm_element_ended(&l->c.ctx, l->c.node.plan, BEAM_OK);
    }
    if (status == BEAM_OK && l->c.out) {
        bm_one_window one;
        bm_element combined = { beam_kv(pair), e->timestamp,
                                bm_one_window_set(&one, e->window), &bm_no_firing };
        if (bm_window_equal(e->window, &bm_global_windows.at[0]))
            combined.windows = &bm_global_windows;
        status = bm_send(l->c.out, &combined);
    }
    bm_rewind(&plan->scratch, mark);
    return status;
}

static __attribute__((noinline)) beam_status emit_all(lift *l)
{
    const bm_element *element = l->c.ctx.element;
    l->c.ctx.element = NULL;
    beam_status status = BEAM_OK;
    for (const entry *e = l->first; e && status == BEAM_OK; e = e->next)
        status = emit(l, e);
    l->c.ctx.element = element;
    forget(l);
    return status;
}

static inline void combine_timestamp(lift *l, entry *e, beam_millis timestamp,
                                     bool is_new)
{
    if (l->output_time == BM_AT_END_OF_WINDOW) return;
    bool takes = l->output_time == BM_AT_LATEST ? timestamp > e->timestamp
                                                : timestamp < e->timestamp;
    if (is_new || takes) e->timestamp = timestamp;
}

static inline beam_status add(lift *l, beam_span key, const beam_window *window,
                              const bm_element *element)
{
    uint64_t hash = bm_key_hash(key, window);
    entry *e = find(l, key, window, hash);
    bool is_new = !e;
    if (is_new) e = add_entry(l, key, window, hash);
    combine_timestamp(l, e, element->timestamp, is_new);
    l->c.fn->add(&l->c.ctx, e->acc, element->value.as.kv[1]);
    return bm_element_ended(&l->c.ctx, l->c.node.plan, BEAM_OK);
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
    if (BM_UNLIKELY(l->bytes + l->c.ctx.accumulator_bytes > CACHE_BYTES) &&
        status == BEAM_OK)
        status = emit_all(l);
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
    beam_status status = emit_all(l);
    bm_leave(node, outer);
    return status;
}

static void lift_free(bm_node *node)
{
    lift *l = (lift *)node;
    free(l->slots);
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
    l->last = &l->first;
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
    l->output_time = in->output_time;
    *out = &c->node;
    return BEAM_OK;
}
