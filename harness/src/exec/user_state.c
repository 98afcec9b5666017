/* SPDX-License-Identifier: Apache-2.0 */
/* User state: rows by key and window, and what goes to and comes from the runner. Bundle
 * thread. */
#include "exec/timers.h"

#include <stdio.h>

#include "base/error.h"
#include "exec/key_bytes.h"
#include "exec/state_cache.h"

enum {
    MOST_BYTES = 32 << 20,  /* of rows: then they are written back between callbacks */
    CACHED_BYTES = 1 << 16, /* of one state of a key, across bundles */
    KEPT_BYTES = 1 << 20,   /* of memory for the next rows */
    COMPACT_ONE_IN = 32,
    FIRST_SLOTS = 64
};

/* -- to and from the runner ---------------------------------------------------------------- */
beam_status bm_state_failed(bm_user_state *s, const bm_state_slot *slot, beam_status status,
                            const char *doing, const char *why)
{
    char text[128];
    s->node->plan->lost_runner = true;
    snprintf(text, sizeof text, "%s state '%s'", doing, slot->spec->tag);
    return bm_fail(s->node, status, text, "%s", why);
}

bm_state_key bm_state_key_of(const bm_user_state *s, const bm_state_slot *slot, const bm_row *row,
                             bm_state_kind kind)
{
    return (bm_state_key){ .kind = kind,
                           .transform_id = s->node->id,
                           .id = slot->info->id,
                           .window = row->window,
                           .key = row->key };
}

/* The page after `next`; the first one when that is empty. */
static beam_status read_page(bm_user_state *s, const bm_state_slot *slot,
                             const bm_state_key *key, bm_writer *out, bm_writer *next)
{
    const bm_bundle_io *io = s->node->plan->io;
    bm_writer token = *next;
    *next = (bm_writer){ 0 };
    beam_error err = { 0 };
    beam_status status = io->state_get(io->self, key, bm_written(&token), out, next, &err);
    bm_writer_free(&token);
    if (status == BEAM_OK) return BEAM_OK;
    return bm_state_failed(s, slot, status, "could not read", err.message);
}

static beam_status read_on(bm_user_state *s, const bm_state_slot *slot, const bm_state_key *key,
                           size_t most, bm_writer *out, bm_writer *next)
{
    while (next->len && out->len < most) BEAM_TRY(read_page(s, slot, key, out, next));
    return BEAM_OK;
}

beam_status bm_state_read_key(bm_user_state *s, const bm_state_slot *slot,
                              const bm_state_key *key, size_t most, bm_writer *out,
                              bm_writer *next)
{
    if (s->runner_has_none) return BEAM_OK;
    next->len = 0;
    BEAM_TRY(read_page(s, slot, key, out, next));
    return read_on(s, slot, key, most, out, next);
}

/* -- across bundles: what the runner's token says is still so ------------------------------- */
static bool read_cache(const bm_user_state *s, const bm_state_key *key, bm_writer *out)
{
    bm_state_cache *cache = s->node->plan->io->state_cache;
    bm_cached *known = s->token.len ? bm_state_cache_get(cache, key, s->token) : NULL;
    if (known) bm_write_bytes(out, known->bytes.ptr, known->bytes.len);
    bm_cached_unref(known);
    return known;
}

/* Only what is whole, and not so large that copying it costs more than it saves. */
static void write_cache(const bm_user_state *s, const bm_state_key *key, beam_span all)
{
    bm_state_cache *cache = s->node->plan->io->state_cache;
    if (all.len <= CACHED_BYTES)
        bm_state_cache_put(cache, key, s->token, all);
    else
        bm_state_cache_remove(cache, key, s->token);
}

static void change_cache(const bm_user_state *s, const bm_state_key *key, bool clear,
                         beam_span append)
{
    if (!s->token.len) return;
    bm_writer all = { 0 };
    if (clear || read_cache(s, key, &all)) {
        bm_write_bytes(&all, append.ptr, append.len);
        write_cache(s, key, bm_written(&all));
    }
    bm_writer_free(&all);
}

static beam_span token_of(const bm_bundle_io *io)
{
    for (size_t i = 0; io->state_cache && i < io->n_cache_tokens; i++)
        if (!io->cache_tokens[i].transform_id) return io->cache_tokens[i].token;
    return (beam_span){ NULL, 0 };
}

/* -- bags ------------------------------------------------------------------------------------ */
bool bm_state_is_cached(const bm_user_state *s, const bm_state_slot *slot, const bm_row *row)
{
    if (!s->token.len) return false;
    bm_state_key key = bm_state_key_of(s, slot, row, BM_STATE_BAG_USER_STATE);
    bm_cached *known =
        bm_state_cache_get(s->node->plan->io->state_cache, &key, s->token);
    bm_cached_unref(known);
    return known;
}

beam_status bm_state_read(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                          size_t most, bm_writer *out, bm_writer *next)
{
    if (s->runner_has_none) return BEAM_OK;
    bm_state_key key = bm_state_key_of(s, slot, row, BM_STATE_BAG_USER_STATE);
    s->slots[slot->index].rows_read++;
    if (read_cache(s, &key, out)) return BEAM_OK;
    bm_state_ahead(s, slot, row);
    if (row->cells[slot->index].asked)
        BEAM_TRY(bm_state_take(s, slot, row, out, next));
    else
        BEAM_TRY(read_page(s, slot, &key, out, next));
    s->pages_read++;
    s->bytes_read += out->len;
    BEAM_TRY(read_on(s, slot, &key, most, out, next));
    if (s->token.len && !next->len) write_cache(s, &key, bm_written(out));
    return BEAM_OK;
}

beam_status bm_state_write_key(bm_user_state *s, const bm_state_slot *slot,
                               const bm_state_key *key, bool clear, beam_span append)
{
    const bm_bundle_io *io = s->node->plan->io;
    if (io->only_bundle_for_keys && !s->spilling) return BEAM_OK;
    beam_error err = { 0 };
    beam_status status = BEAM_OK;
    if (clear) status = io->state_clear(io->self, key, &err);
    if (status == BEAM_OK && append.len)
        status = io->state_append(io->self, key, append, &err);
    if (status == BEAM_OK) return BEAM_OK;
    return bm_state_failed(s, slot, status, "could not write", err.message);
}

beam_status bm_state_write(bm_user_state *s, const bm_state_slot *slot, const bm_row *row,
                           bool clear, beam_span append)
{
    if (s->node->plan->io->only_bundle_for_keys && !s->spilling) return BEAM_OK;
    bm_state_key key = bm_state_key_of(s, slot, row, BM_STATE_BAG_USER_STATE);
    change_cache(s, &key, clear, append);
    return bm_state_write_key(s, slot, &key, clear, append);
}

/* -- values and bytes ------------------------------------------------------------------------ */
beam_status bm_state_encode(bm_user_state *s, const bm_state_slot *slot, const bm_coder *coder,
                            beam_value value, beam_span *out)
{
    s->encoded.len = 0;
    beam_status status = bm_encode(coder, true, value, &s->encoded);
    *out = bm_written(&s->encoded);
    if (BM_LIKELY(status == BEAM_OK)) return BEAM_OK;
    bm_arena texts;
    bm_arena_init(&texts, 0);
    beam_fail(s->ctx, status, "state '%s' takes %s, not %s, value %s", slot->spec->tag,
              bm_coder_text(&texts, coder), bm_value_type_text(&texts, value),
              bm_value_text(&texts, value, 100));
    bm_arena_free(&texts);
    return status;
}

beam_value bm_state_decode(bm_user_state *s, const bm_state_slot *slot, const bm_coder *coder,
                           beam_span bytes)
{
    beam_value v;
    bm_decoding decoding = s->node->plan->decoding;
    decoding.arena = s->ctx->arena;
    bytes = bm_span_copy(s->ctx->arena, bytes); /* to which the value may point */
    bm_reader in = bm_reader_of(bytes);
    beam_status status = bm_decode_with(coder, true, &in, &decoding, &v);
    if (BM_LIKELY(status == BEAM_OK)) return v;
    bm_state_failed(s, slot, status, "could not read", "its bytes are not what its coder says");
    return beam_null();
}

void bm_chunks_grow(bm_user_state *s, bm_chunks *chunks, size_t n)
{
    size_t cap = chunks->last ? chunks->last->cap * 2 : 112;
    if (cap > 1 << 16) cap = 1 << 16;
    if (cap < n) cap = n;
    bm_chunk *made = bm_alloc(&s->arena, sizeof *made + cap);
    *made = (bm_chunk){ .cap = cap };
    s->bytes += sizeof *made + cap;
    *(chunks->last ? &chunks->last->next : &chunks->first) = made;
    chunks->last = made;
}

bool bm_state_compacts(bm_user_state *s)
{
    s->random = s->random * 6364136223846793005u + 1442695040888963407u;
    return (s->random >> 33) % COMPACT_ONE_IN == 0;
}

/* -- rows --------------------------------------------------------------------------------------- */
static beam_status encode_window(bm_user_state *s, const beam_window *window)
{
    if (s->has_window && bm_window_equal(window, &s->window)) return BEAM_OK;
    s->window_bytes.len = 0;
    s->window = *window;
    beam_status status = bm_window_encode(s->window_coder, window, &s->window_bytes);
    s->has_window = status == BEAM_OK && !window->custom.ptr;
    return status;
}

/* Key and window as bytes, in s->key. */
static beam_status encode_row(bm_user_state *s, const bm_element *element, size_t *key_len)
{
    s->key.len = 0;
    BEAM_TRY(bm_encode(s->key_coder, true, element->value.as.kv[0], &s->key));
    *key_len = s->key.len;
    BEAM_TRY(encode_window(s, &element->windows->at[0]));
    bm_write_bytes(&s->key, s->window_bytes.data, s->window_bytes.len);
    return BEAM_OK;
}

static void link_row(bm_user_state *s, bm_row *row)
{
    size_t mask = s->n_slots - 1;
    size_t i = row->hash & mask;
    while (s->table[i]) i = (i + 1) & mask;
    s->table[i] = row;
}

static void grow_table(bm_user_state *s)
{
    s->n_slots = s->n_slots ? s->n_slots * 2 : FIRST_SLOTS;
    s->table = BM_NEW_ARRAY(&s->arena, bm_row *, s->n_slots);
    s->bytes += s->n_slots * sizeof *s->table;
    for (bm_row *row = s->first; row; row = row->next) link_row(s, row);
}

/* NULL: its key or window cannot be encoded. */
static __attribute__((noinline)) bm_row *add_row(bm_user_state *s, const bm_element *element,
                                                 beam_span id, uint64_t hash)
{
    size_t key_len;
    bm_writer id_bytes = { 0 }; /* id may be in s->key */
    bm_write_bytes(&id_bytes, id.ptr, id.len);
    bm_row *row = NULL;
    if (encode_row(s, element, &key_len) == BEAM_OK) {
        if (s->n_rows * 2 >= s->n_slots) grow_table(s);
        size_t size = sizeof(bm_row) + s->n * sizeof(bm_state_cell);
        row = bm_calloc(&s->arena, size);
        beam_span both = bm_span_copy(&s->arena, bm_written(&s->key));
        row->hash = hash;
        row->id = bm_span_copy(&s->arena, bm_written(&id_bytes));
        row->its_window = element->windows->at[0];
        if (row->its_window.custom.ptr)
            row->its_window.custom = bm_span_copy(&s->arena, row->its_window.custom);
        row->key = (beam_span){ both.ptr, key_len };
        row->window = (beam_span){ both.ptr + key_len, both.len - key_len };
        for (size_t i = 0; i < s->n; i++) {
            row->cells[i].known = s->runner_has_none;
            row->cells[i].stored = !s->runner_has_none;
        }
        s->bytes += size + id.len + both.len;
        *s->end = row;
        s->end = &row->next;
        s->n_rows++;
        link_row(s, row);
    }
    bm_writer_free(&id_bytes);
    return row;
}

static inline bool is_of(const bm_row *row, beam_span id, const beam_window *window)
{
    return bm_key_equal(row->id, id) && bm_window_equal(&row->its_window, window);
}

static beam_status flush_row(bm_user_state *s, bm_row *row)
{
    for (size_t i = 0; i < s->n; i++)
        if (row->cells[i].changed) BEAM_TRY(s->slots[i].ops->flush(s, &s->slots[i], row));
    return BEAM_OK;
}

static void forget(bm_user_state *s)
{
    bm_arena_shrink(&s->arena, KEPT_BYTES);
    bm_arena_shrink(&s->accumulators, KEPT_BYTES);
    bm_writer_shrink(&s->key, KEPT_BYTES);
    bm_writer_shrink(&s->encoded, KEPT_BYTES);
    s->first = s->row = NULL;
    s->end = &s->first;
    s->table = NULL;
    s->n_slots = s->n_rows = s->bytes = s->n_asked = 0;
    if (s->source) bm_source_peek_again(s->source);
}

beam_status bm_user_state_finish(bm_user_state *s)
{
    s->writing_back = true;
    bm_state_drop_asked(s);
    for (bm_row *row = s->first; row; row = row->next) BEAM_TRY(flush_row(s, row));
    s->writing_back = false;
    forget(s);
    return BEAM_OK;
}

/* Makes room, while no callback looks at a row. */
static beam_status spill(bm_user_state *s)
{
    s->spilling = true;
    s->runner_has_none = false;
    beam_status status = bm_user_state_finish(s);
    s->spilling = false;
    return status;
}

/* The first row with that hash, which nearly always is the one. */
static inline bm_row *with_hash(const bm_user_state *s, uint64_t hash)
{
    size_t mask = s->n_slots - 1;
    for (size_t i = hash & mask; s->table && s->table[i]; i = (i + 1) & mask)
        if (s->table[i]->hash == hash) return s->table[i];
    return NULL;
}

static __attribute__((noinline)) bm_row *find_or_add(bm_user_state *s,
                                                     const bm_element *element, beam_span id,
                                                     uint64_t hash)
{
    size_t mask = s->n_slots - 1;
    for (size_t i = hash & mask; s->table && s->table[i]; i = (i + 1) & mask) {
        bm_row *row = s->table[i];
        if (row->hash == hash && is_of(row, id, &element->windows->at[0])) return row;
    }
    return add_row(s, element, id, hash);
}

static inline __attribute__((always_inline)) bm_row *row_of(bm_user_state *s,
                                                            const bm_element *element)
{
    const beam_value *key = &element->value.as.kv[0];
    const beam_window *window = &element->windows->at[0];
    beam_span id;
    if (BM_UNLIKELY(!bm_plain_key(s->key_kind, key, &id))) {
        s->key.len = 0;
        if (bm_encode(s->key_coder, true, *key, &s->key) != BEAM_OK) return NULL;
        id = bm_written(&s->key);
    }
    uint64_t hash = bm_key_hash(id, window);
    bm_row *row = with_hash(s, hash);
    return BM_LIKELY(row && is_of(row, id, window)) ? row : find_or_add(s, element, id, hash);
}

bm_row *bm_user_state_row_of(bm_user_state *s, const bm_element *element)
{
    return row_of(s, element);
}

/* row: of the callback, which no other has used; NULL: it cannot be encoded. */
static __attribute__((noinline)) bm_row *visit(bm_user_state *s, bm_row *row)
{
    if (!row) {
        beam_fail(s->ctx, BEAM_ECODER, "the key or window of the element cannot be encoded");
        return NULL;
    }
    s->row = row;
    row->visited = true;
    s->rows_visited++;
    bool in_process = !s->ctx->callback;
    if (in_process && s->ctx->timers && bm_timers_expire(s->ctx->timers) != BEAM_OK)
        return NULL;
    return row;
}

bm_row *bm_user_state_row(bm_user_state *s)
{
    if (s->row) return s->row;
    if (BM_UNLIKELY(s->bytes > MOST_BYTES) && spill(s) != BEAM_OK) return NULL;
    bm_row *row = row_of(s, s->ctx->element);
    if (BM_UNLIKELY(!row || !row->visited)) return visit(s, row);
    return s->row = row;
}

/* -- life ------------------------------------------------------------------------------------------ */
static const bm_state_info *find_info(const bm_transform *t, const char *tag)
{
    for (size_t i = 0; i < t->n_states; i++)
        if (strcmp(t->states[i].id, tag) == 0) return &t->states[i];
    return NULL;
}

static beam_kind scalar_of(const bm_coder *coder)
{
    return coder->kind == BM_CODER_VARINT   ? BEAM_KIND_INT64
           : coder->kind == BM_CODER_DOUBLE ? BEAM_KIND_DOUBLE
           : coder->kind == BM_CODER_BOOL   ? BEAM_KIND_BOOL
                                            : BEAM_KIND_ANY;
}

static bool allocates(const bm_coder *coder)
{
    return scalar_of(coder) == BEAM_KIND_ANY && coder->kind != BM_CODER_BYTES
           && coder->kind != BM_CODER_STRING;
}

static const bm_state_ops *ops_of(beam_state_kind kind)
{
    switch (kind) {
    case BEAM_STATE_VALUE: return &bm_value_ops;
    case BEAM_STATE_BAG: return &bm_bag_ops;
    case BEAM_STATE_COMBINING: return &bm_acc_ops;
    case BEAM_STATE_SET:
    case BEAM_STATE_MAP:
    case BEAM_STATE_MULTIMAP: return &bm_map_ops;
    case BEAM_STATE_ORDERED_LIST: return &bm_list_ops;
    default: return NULL;
    }
}

static const bm_coder *part(const bm_coder *coder, bm_coder_kind kind, int i)
{
    while (coder && coder->kind == BM_CODER_LENGTH_PREFIX) coder = coder->arg[0];
    return coder && coder->kind == kind ? coder->arg[i] : NULL;
}

/* The coders of a state's keys and values, from what the payload says of it; see
 * proto/par_do_proto.c for the logs of changes. False: they are of other kinds. */
static bool take_coders(bm_state_slot *slot)
{
    const bm_state_info *info = slot->info;
    slot->coder = info->coder;
    slot->map_key_coder = info->key_coder;
    switch (slot->kind) {
    case BEAM_STATE_SET:
    case BEAM_STATE_MAP:
    case BEAM_STATE_MULTIMAP:
        if (info->protocol == BM_PROTOCOL_MULTIMAP) return slot->map_key_coder && slot->coder;
        if (info->protocol != BM_PROTOCOL_BAG) return false;
        slot->map_key_coder = part(info->coder, BM_CODER_KV, 0);
        slot->coder = part(info->coder, BM_CODER_KV, 1);
        if (slot->kind == BEAM_STATE_SET) {
            bool is_log = slot->coder && slot->coder->kind == BM_CODER_BOOL;
            slot->coder = NULL;
            return is_log;
        }
        slot->coder = part(slot->coder, BM_CODER_NULLABLE, 0);
        return slot->map_key_coder && slot->coder;
    case BEAM_STATE_ORDERED_LIST:
        if (info->protocol == BM_PROTOCOL_ORDERED_LIST) return slot->coder;
        slot->coder = part(part(part(info->coder, BM_CODER_KV, 1), BM_CODER_KV, 1),
                           BM_CODER_NULLABLE, 0);
        return info->protocol == BM_PROTOCOL_BAG && slot->coder;
    default: return info->protocol == BM_PROTOCOL_BAG && slot->coder;
    }
}

static beam_status init_slot(bm_user_state *s, const bm_transform *t, size_t i,
                             const beam_state_spec *spec, beam_error *err)
{
    bm_state_slot *slot = &s->slots[i];
    *slot = (bm_state_slot){ .spec = spec,
                       .kind = spec->kind,
                       .info = find_info(t, spec->tag),
                       .index = i,
                       .ops = ops_of(spec->kind) };
    const char *problem =
        !slot->info  ? "the pipeline does not have it; was it made by another version of the "
                       "program?"
        : !slot->ops ? "its kind is not supported"
        : !take_coders(slot) ? "the pipeline has it with another protocol or coder than this "
                               "program; was it made by another version of it?"
        : spec->kind == BEAM_STATE_COMBINING && !spec->combine ? "it has no CombineFn"
                                                               : NULL;
    if (problem)
        return bm_error(err, BEAM_EINVAL, "Transform '%s' (DoFn '%s'), state '%s': %s", t->name,
                        s->fn->name, spec->tag, problem);
    slot->scalar = slot->coder ? scalar_of(slot->coder) : BEAM_KIND_ANY;
    slot->allocates = slot->coder && allocates(slot->coder);
    if (!spec->combine) return BEAM_OK;
    bm_arena *arena = &s->node->plan->arena;
    slot->result_coder = bm_coder_of_type(arena, spec->combine->out);
    slot->combine_ctx = (beam_ctx){ .node = s->node,
                                    .value_coder = bm_coder_of_type(arena, spec->combine->in),
                                    .acc_coder = slot->coder,
                                    .config = s->ctx->config,
                                    .arena = &s->node->plan->scratch,
                                    .input_coder = s->ctx->input_coder,
                                    .accumulators = &s->accumulators };
    return BEAM_OK;
}

/* The states of exec/time_sorted.c. */
static beam_status add_sorted(bm_user_state *s, const bm_transform *t, beam_error *err)
{
    static const beam_state_spec elements = { BM_SORTED_STATE, BEAM_STATE_BAG, NULL, NULL, NULL };
    static const beam_state_spec times = { BM_SORTED_TIMES, BEAM_STATE_VALUE, NULL, NULL, NULL };
    BEAM_TRY(init_slot(s, t, s->n, &elements, err));
    BEAM_TRY(init_slot(s, t, s->n + 1, &times, err));
    s->sorted = &s->slots[s->n];
    s->sorted_times = &s->slots[s->n + 1];
    s->n += 2;
    return BEAM_OK;
}

beam_status bm_user_state_new(bm_par_do *p, const bm_transform *t, beam_error *err)
{
    bm_plan *plan = p->node.plan;
    const bm_pcoll *in = p->input->pcoll;
    const bm_coder *coder = in->coder;
    while (coder->kind == BM_CODER_LENGTH_PREFIX) coder = coder->arg[0];
    if (coder->kind != BM_CODER_KV || !in->window_coder)
        return bm_error(err, BEAM_EINVAL, "Transform '%s' (DoFn '%s') has state or timers: its "
                        "input must be of KVs%s, not %s", t->name, p->fn->name,
                        in->window_coder ? "" : " with a known window coder",
                        bm_coder_text(&plan->arena, in->coder));
    bm_user_state *s = p->ctx.state = BM_NEW(&plan->arena, bm_user_state);
    s->node = &p->node;
    s->ctx = &p->ctx;
    s->fn = p->fn;
    s->key_coder = coder->arg[0];
    s->key_kind = bm_plain_key_kind(s->key_coder);
    s->window_coder = in->window_coder;
    s->n = s->n_declared = p->fn->states.n;
    s->slots = BM_NEW_ARRAY(&plan->arena, bm_state_slot, s->n + 2);
    bm_arena_init(&s->arena, 1 << 14);
    bm_arena_init(&s->accumulators, 0);
    forget(s);
    for (size_t i = 0; i < s->n; i++)
        BEAM_TRY(init_slot(s, t, i, &p->fn->states.at[i], err));
    return find_info(t, BM_SORTED_STATE) ? add_sorted(s, t, err) : BEAM_OK;
}

void bm_user_state_start(bm_user_state *s)
{
    bm_node *producer = ((const bm_par_do *)s->node)->input->pcoll->producer;
    s->source = bm_is_source(producer) ? producer : NULL;
    s->writing_back = s->attempting = false;
    forget(s);
    const bm_bundle_io *io = s->node->plan->io;
    s->runner_has_none = io->has_no_state;
    s->token = token_of(io);
}

void bm_user_state_free(bm_user_state *s)
{
    bm_arena_free(&s->arena);
    bm_arena_free(&s->accumulators);
    bm_user_state_free_saved(s);
    bm_writer_free(&s->key);
    bm_writer_free(&s->encoded);
    bm_writer_free(&s->window_bytes);
}
