/* SPDX-License-Identifier: Apache-2.0 */
/* Side inputs: the beam_side functions of beam/dofn.h. Bundle thread.
 *
 * A read goes: index -> declaration -> window of the side input that belongs to that of the
 * element -> state key -> what was read under it (side_data.c) -> values. */
#include "exec/side_input.h"

#include "base/error.h"
#include "exec/ctx_impl.h"
#include "exec/side_data.h"
#include "exec/window_call.h"

typedef struct side {
    const beam_side_spec *spec;
    const bm_pcoll *pcoll;
    const bm_coder *key, *value;  /* of KVs */
    beam_span cache_token;        /* in this bundle */
    bm_side_store store;
    const bm_window_fn *window_fn;
    bm_window_call *call; /* of a WindowFn of the program */
    bool refuses_keys_values;
    bool has_window; /* `window` is of `main` */
    beam_window main;
    bm_writer window, encoded_key;
} side;

struct bm_sides {
    bm_node *node;
    side *at;
    size_t n;
};

static const char *kind_name(beam_side_kind kind)
{
    switch (kind) {
    case BEAM_SIDE_SINGLETON: return "SINGLETON";
    case BEAM_SIDE_ITERABLE: return "ITERABLE";
    case BEAM_SIDE_LIST: return "LIST";
    case BEAM_SIDE_MAP: return "MAP";
    case BEAM_SIDE_MULTIMAP: return "MULTIMAP";
    }
    return "nothing";
}

static bool has_keys(const side *s)
{
    return s->spec->kind == BEAM_SIDE_MAP || s->spec->kind == BEAM_SIDE_MULTIMAP;
}

/* -- life ------------------------------------------------------------------------------- */
static const bm_side_input *find_tag(const bm_transform *t, const char *tag)
{
    for (size_t i = 0; i < t->n_sides; i++)
        if (strcmp(t->sides[i].tag, tag) == 0) return &t->sides[i];
    return NULL;
}

static beam_status set_coders(side *s, bm_arena *arena, const bm_transform *t,
                              beam_error *err)
{
    const bm_coder *coder = s->pcoll->coder;
    if (!s->pcoll->window_coder)
        return bm_error(err, BEAM_EUNSUPPORTED, "Transform '%s': the windows of side input "
                        "'%s' have a coder that this worker does not know", t->name,
                        s->spec->tag);
    if (!has_keys(s)) return BEAM_OK;
    if (coder->kind != BM_CODER_KV)
        return bm_error(err, BEAM_EINVAL, "Transform '%s': side input '%s' is a %s, but its "
                        "elements are of %s, not KVs", t->name, s->spec->tag,
                        kind_name(s->spec->kind), bm_coder_text(arena, coder));
    s->key = coder->arg[0];
    s->value = coder->arg[1];
    return BEAM_OK;
}

static beam_status set_side(side *s, bm_node *node, const beam_side_spec *spec,
                            const bm_transform *t, beam_error *err)
{
    const bm_side_input *given = find_tag(t, spec->tag);
    s->spec = spec;
    bm_side_store_init(&s->store, node);
    if (!given)
        return bm_error(err, BEAM_EINVAL, "Transform '%s' (%s) lacks the side input '%s' that "
                        "its DoFn declares; was the pipeline submitted by another version of "
                        "the program?", t->name, node->what, spec->tag);
    s->pcoll = given->pcoll;
    s->window_fn = &given->window_fn;
    if (s->window_fn->kind == BM_WINDOW_FN_CUSTOM)
        s->call = bm_window_call_new(node, s->window_fn);
    if (given->is_multimap != has_keys(s))
        return bm_error(err, BEAM_EINVAL, "Transform '%s' (%s): side input '%s' is a %s, but "
                        "the pipeline has it as %s", t->name, node->what, spec->tag,
                        kind_name(spec->kind), given->is_multimap ? "multimap" : "iterable");
    return set_coders(s, &node->plan->arena, t, err);
}

static void release(void *object)
{
    bm_sides *sides = object;
    for (size_t i = 0; i < sides->n; i++) {
        bm_side_store_free(&sides->at[i].store);
        bm_writer_free(&sides->at[i].window);
        bm_writer_free(&sides->at[i].encoded_key);
    }
}

beam_status bm_sides_new(bm_node *node, const beam_dofn *fn, const bm_transform *t,
                         bm_sides **out, beam_error *err)
{
    bm_arena *arena = &node->plan->arena;
    *out = NULL;
    if (!fn->sides.n) return BEAM_OK;
    bm_sides *sides = BM_NEW(arena, bm_sides);
    sides->node = node;
    sides->at = BM_NEW_ARRAY(arena, side, fn->sides.n);
    bm_arena_defer(arena, release, sides);
    for (size_t i = 0; i < fn->sides.n; i++) {
        sides->n++;
        BEAM_TRY(set_side(&sides->at[i], node, &fn->sides.at[i], t, err));
    }
    *out = sides;
    return BEAM_OK;
}

static beam_span cache_token(const bm_bundle_io *io, const char *transform_id,
                             const char *tag)
{
    for (size_t i = 0; i < io->n_cache_tokens; i++) {
        const bm_cache_token *token = &io->cache_tokens[i];
        if (token->side_input_id && strcmp(token->side_input_id, tag) == 0 &&
            strcmp(token->transform_id, transform_id) == 0)
            return token->token;
    }
    return (beam_span){ NULL, 0 };
}

void bm_sides_start(bm_sides *sides)
{
    for (size_t i = 0; sides && i < sides->n; i++) {
        side *s = &sides->at[i];
        const bm_plan *plan = sides->node->plan;
        bm_side_store_clear(&s->store);
        s->cache_token = cache_token(plan->io, sides->node->id, s->spec->tag);
    }
}

void bm_sides_end(bm_sides *sides)
{
    for (size_t i = 0; sides && i < sides->n; i++) bm_side_store_clear(&sides->at[i].store);
}

void bm_sides_tidy(bm_sides *sides)
{
    for (size_t i = 0; sides && i < sides->n; i++) {
        side *s = &sides->at[i];
        if (s->store.bytes > BM_SIDE_BUDGET && s->spec->kind != BEAM_SIDE_LIST)
            bm_side_store_clear(&s->store);
    }
}

/* -- windows ------------------------------------------------------------------------------ */
static bool map_window(beam_ctx *c, const side *s, beam_window main, beam_window *out)
{
    const bm_window_fn *fn = s->window_fn;
    const char *tag = s->spec->tag;
    if (s->spec->mapping) {
        *out = s->spec->mapping->map(main);
        return true;
    }
    if (fn->kind == BM_WINDOW_FN_GLOBAL) {
        *out = bm_global_windows.at[0];
        return true;
    }
    if (bm_window_is_global(&main)) {
        beam_fail(c, BEAM_EINVAL, "its window is the global one, which has no window of side "
                  "input '%s': put the main input into windows, or give the side input's "
                  "declaration a .mapping", tag);
        return false;
    }
    if (fn->kind == BM_WINDOW_FN_OTHER) {
        beam_fail(c, BEAM_EUNSUPPORTED, "the WindowFn of side input '%s' is not known to this "
                  "worker: give the side input's declaration a .mapping", tag);
        return false;
    }
    beam_millis at = beam_window_max_timestamp(main);
    const bm_windows *windows = s->call
                                    ? bm_window_call_assign(s->call, beam_null(), at, c->arena)
                                    : bm_window_fn_assign(fn, at, c->arena);
    if (!windows) return false;
    if (!windows->n) {
        beam_fail(c, BEAM_EINVAL, "the WindowFn of side input '%s' has no window at the end "
                  "of this element's: give the side input's declaration a .mapping", tag);
        return false;
    }
    *out = *bm_first_window(windows);
    return true;
}

/* Elements mostly share their window with the one before. */
static bool find_window(beam_ctx *c, side *s)
{
    const beam_window *main = &c->element->windows->at[0];
    if (s->has_window && bm_window_equal(&s->main, main)) return true;
    beam_window mapped;
    s->has_window = false;
    if (!map_window(c, s, *main, &mapped)) return false;
    s->window.len = 0;
    beam_status status = bm_window_encode(s->pcoll->window_coder, &mapped, &s->window);
    if (status != BEAM_OK) {
        beam_fail(c, status, "the window mapping of side input '%s' gives a window that is "
                  "not of its WindowFn's kind", s->spec->tag);
        return false;
    }
    s->main = *main;
    s->has_window = !main->custom.ptr;
    return true;
}

/* -- access -------------------------------------------------------------------------------- */
enum {
    SINGLETON = 1 << BEAM_SIDE_SINGLETON,
    LIST = 1 << BEAM_SIDE_LIST,
    MAP = 1 << BEAM_SIDE_MAP,
    MULTIMAP = 1 << BEAM_SIDE_MULTIMAP,
    ANY_KIND = ~0
};

/* The declared side input, ready to be read in the element's window; NULL after failing. */
static side *open_side(beam_ctx *c, int index, int kinds, const char *function)
{
    bm_sides *sides = c->sides;
    size_t n = sides ? sides->n : 0;
    if (bm_failed(c->node->plan)) return NULL;
    if (index < 0 || (size_t)index >= n) {
        beam_fail(c, BEAM_ESTATE, "%s asks for side input %d, but the DoFn declares %zu "
                  "(numbered from 0)", function, index, n);
        return NULL;
    }
    side *s = &sides->at[index];
    if (!c->element) {
        beam_fail(c, BEAM_ESTATE, "%s of side input '%s' needs an element or a timer, whose "
                  "window says what to read, and there is none here", function, s->spec->tag);
        return NULL;
    }
    if (!(kinds & 1 << s->spec->kind)) {
        beam_fail(c, BEAM_ESTATE, "%s does not fit side input '%s', which is declared as %s",
                  function, s->spec->tag, kind_name(s->spec->kind));
        return NULL;
    }
    return find_window(c, s) ? s : NULL;
}

static bm_side_data *data_of(beam_ctx *c, side *s, bm_state_kind kind, beam_span key)
{
    bm_state_key state = { .kind = kind,
                           .transform_id = c->node->id,
                           .id = s->spec->tag,
                           .window = bm_written(&s->window),
                           .key = key };
    return bm_side_store_get(&s->store, &state, s->cache_token);
}

static bm_side_data *all_of(beam_ctx *c, side *s)
{
    return data_of(c, s, BM_STATE_ITERABLE_SIDE_INPUT, (beam_span){ NULL, 0 });
}

static bm_side_data *keys_of(beam_ctx *c, side *s)
{
    return data_of(c, s, BM_STATE_MULTIMAP_KEYS_SIDE_INPUT, (beam_span){ NULL, 0 });
}

/* NULL after failing. */
static bm_side_data *values_of(beam_ctx *c, side *s, beam_value key)
{
    s->encoded_key.len = 0;
    if (bm_encode(s->key, true, key, &s->encoded_key) == BEAM_OK)
        return data_of(c, s, BM_STATE_MULTIMAP_SIDE_INPUT, bm_written(&s->encoded_key));
    beam_fail(c, BEAM_ETYPE, "side input '%s' is asked for a key that is %s, but its keys are "
              "of %s", s->spec->tag, bm_value_type_text(c->arena, key),
              bm_coder_text(c->arena, s->key));
    return NULL;
}

/* -- one value ----------------------------------------------------------------------------- */
/* The only item of the data, or none; decoded once. False after failing. */
static bool only_item(beam_ctx *c, side *s, bm_side_data *data, const bm_coder *coder,
                      const char *of_what)
{
    if (data->is_decoded) return true;
    bm_arena *arena = &s->store.arena;
    beam_iter *iter = bm_side_iter_new(&s->store, data, coder, arena, arena);
    beam_value *value = BM_NEW(arena, beam_value);
    bool found = beam_next(iter, value);
    bool more = found && bm_side_iter_has_more(iter);
    if (bm_failed(c->node->plan)) return false;
    if (more) {
        beam_fail(c, BEAM_EINVAL, "side input '%s' is declared as %s, but it holds more than "
                  "one %s", s->spec->tag, kind_name(s->spec->kind), of_what);
        return false;
    }
    data->items = value;
    data->n_items = found;
    data->is_decoded = true;
    return true;
}

beam_value beam_side(beam_ctx *c, int index)
{
    side *s = open_side(c, index, SINGLETON, "beam_side()");
    if (!s) return beam_null();
    bm_side_data *data = all_of(c, s);
    if (!only_item(c, s, data, s->pcoll->coder, "element in this window")) return beam_null();
    if (data->n_items) return data->items[0];
    if (s->spec->initial) return *s->spec->initial;
    beam_fail(c, BEAM_EINVAL, "side input '%s' is declared as SINGLETON without .initial, but "
              "it holds no element in this window", s->spec->tag);
    return beam_null();
}

beam_value beam_side_get(beam_ctx *c, int index, beam_value key)
{
    side *s = open_side(c, index, MAP, "beam_side_get()");
    bm_side_data *data = s ? values_of(c, s, key) : NULL;
    if (!data || !only_item(c, s, data, s->value, "value for a key")) return beam_null();
    return data->n_items ? data->items[0] : beam_null();
}

/* -- lists --------------------------------------------------------------------------------- */
/* All items, held until the bundle ends; NULL after failing. */
static const bm_side_data *all_items(beam_ctx *c, side *s)
{
    bm_side_data *data = all_of(c, s);
    if (data->is_decoded) return data;
    if (bm_side_data_join(&s->store, data) != BEAM_OK) return NULL;
    bm_arena *arena = &s->store.arena;
    beam_iter *iter = bm_side_iter_new(&s->store, data, s->pcoll->coder, arena, arena);
    size_t cap = 0;
    for (beam_value v; beam_next(iter, &v);) {
        if (data->n_items == cap) {
            cap = cap ? 2 * cap : 16;
            beam_value *grown = BM_NEW_ARRAY(arena, beam_value, cap);
            if (data->n_items) memcpy(grown, data->items, data->n_items * sizeof *grown);
            data->items = grown;
        }
        data->items[data->n_items++] = v;
    }
    if (bm_failed(c->node->plan)) return NULL;
    data->is_decoded = true;
    return data;
}

size_t beam_side_size(beam_ctx *c, int index)
{
    side *s = open_side(c, index, LIST, "beam_side_size()");
    const bm_side_data *data = s ? all_items(c, s) : NULL;
    return data ? data->n_items : 0;
}

beam_value beam_side_at(beam_ctx *c, int index, size_t i)
{
    side *s = open_side(c, index, LIST, "beam_side_at()");
    const bm_side_data *data = s ? all_items(c, s) : NULL;
    return data && i < data->n_items ? data->items[i] : beam_null();
}

/* -- KVs of maps --------------------------------------------------------------------------- */
/* Keys with their values in one answer of the runner, where it gives them: KV<key,
 * ITERABLE<value>>, of which a part at a time is in memory. Otherwise keys, and a lookup for
 * each; lookups that would be too much to keep are not kept. */
typedef struct kv_iter {
    beam_iter base;
    beam_ctx *c;
    side *side;
    beam_iter *outer, *inner; /* inner: of the key; NULL: before the first */
    beam_iter *lookups;       /* the inner one; NULL: values come with their key */
    uint64_t left;            /* values of the key, or of a batch of them */
    bool in_batches;
    bm_arena keys;            /* of the key whose values are read */
    bm_side_data passing;     /* of a lookup that is not kept */
    bm_writer key;
    beam_value pair[2];
} kv_iter;

static bm_side_data *values_passing(kv_iter *self)
{
    side *s = self->side;
    if (s->store.bytes < BM_SIDE_BUDGET / 2) return values_of(self->c, s, self->pair[0]);
    self->key.len = 0;
    bm_encode(s->key, true, self->pair[0], &self->key); /* was decoded with it */
    self->passing.key.key = bm_written(&self->key);
    self->passing.is_full = true;
    return &self->passing;
}

static bool next_key(kv_iter *self)
{
    if (!beam_next(self->outer, &self->pair[0])) return false;
    bm_side_data *values = values_passing(self);
    if (!values) return false;
    bm_side_iter_aim(self->lookups, values);
    self->inner = self->lookups;
    return true;
}

/* The key, and how many values follow it. */
static bool begin_key(kv_iter *self)
{
    const bm_coder *coder = self->side->key;
    beam_value key;
    if (!bm_side_iter_read(self->outer, coder, false, &key)) return false;
    bm_arena_reset(&self->keys);
    beam_status status = bm_value_copy_as(coder, &self->keys, key, &self->pair[0]);
    if (status != BEAM_OK) {
        beam_fail(self->c, status, "a key of side input '%s' cannot be kept",
                  self->side->spec->tag);
        return false;
    }
    if (!bm_side_iter_count(self->outer, true, &self->left)) return false;
    self->in_batches = self->left == UINT32_MAX;
    if (self->in_batches) self->left = 0;
    return true;
}

static bool next_batch(kv_iter *self)
{
    if (!bm_side_iter_count(self->outer, false, &self->left)) return false;
    self->in_batches = self->left > 0;
    if (self->left <= INT64_MAX) return true;
    beam_fail(self->c, BEAM_ECODER, "side input '%s' has values of a key behind a state token, "
              "which are not read here", self->side->spec->tag);
    return false;
}

static bool next_of_both(beam_iter *iter, beam_value *out)
{
    kv_iter *self = (kv_iter *)iter;
    const bm_plan *plan = self->c->node->plan;
    while (!self->left) {
        if (!bm_failed(plan) && (self->in_batches ? next_batch(self) : begin_key(self))) continue;
        iter->failed = plan->error.status;
        return false;
    }
    self->left--;
    if (bm_side_iter_read(self->outer, self->side->value, true, &self->pair[1])) {
        *out = beam_kv(self->pair);
        return true;
    }
    iter->failed = plan->error.status;
    return false;
}

static bool kv_next(beam_iter *iter, beam_value *out)
{
    kv_iter *self = (kv_iter *)iter;
    while (!self->inner || !beam_next(self->inner, &self->pair[1])) {
        const bm_plan *plan = self->c->node->plan;
        self->inner = NULL;
        if (!bm_failed(plan) && next_key(self)) continue;
        iter->failed = plan->error.status;
        return false;
    }
    *out = beam_kv(self->pair);
    return true;
}

static void kv_rewind(beam_iter *iter)
{
    kv_iter *self = (kv_iter *)iter;
    self->outer->ops->rewind(self->outer);
    self->inner = NULL;
    self->left = 0;
    self->in_batches = false;
}

static const bm_iter_ops kv_ops = { kv_next, kv_rewind };
static const bm_iter_ops both_ops = { next_of_both, kv_rewind };

static void release_kv_iter(void *object)
{
    bm_writer_free(&((kv_iter *)object)->key);
    bm_arena_free(&((kv_iter *)object)->keys);
}

/* A runner may refuse at all, or because a key has too many values. */
static bm_side_data *keys_values_of(beam_ctx *c, side *s)
{
    if (s->refuses_keys_values || !c->node->plan->io->serves_keys_values) return NULL;
    bm_side_data *data = data_of(c, s, BM_STATE_MULTIMAP_KEYS_VALUES_SIDE_INPUT,
                                 (beam_span){ NULL, 0 });
    if (bm_side_data_try(&s->store, data) == BEAM_OK) return data;
    s->refuses_keys_values = true;
    return NULL;
}

static beam_iter *iter_of_kvs(beam_ctx *c, side *s)
{
    kv_iter *self = BM_NEW(c->arena, kv_iter);
    *self = (kv_iter){ .base = { &kv_ops, -1, BEAM_OK }, .c = c, .side = s };
    bm_arena_init(&self->keys, 256);
    bm_arena_defer(c->arena, release_kv_iter, self);
    bm_side_data *both = keys_values_of(c, s);
    if (both) {
        self->base.ops = &both_ops;
        self->outer = bm_side_iter_new(&s->store, both, s->key, c->arena, NULL);
        return &self->base;
    }
    beam_span window = bm_span_copy(c->arena, bm_written(&s->window));
    self->passing.key = (bm_state_key){ .kind = BM_STATE_MULTIMAP_SIDE_INPUT,
                                        .transform_id = c->node->id,
                                        .id = s->spec->tag,
                                        .window = window };
    self->outer = bm_side_iter_new(&s->store, keys_of(c, s), s->key, c->arena, NULL);
    self->lookups = bm_side_iter_new(&s->store, &self->passing, s->value, c->arena, NULL);
    return &self->base;
}

/* -- iterators ------------------------------------------------------------------------------ */
beam_iter *beam_side_iter(beam_ctx *c, int index)
{
    side *s = open_side(c, index, ANY_KIND, "beam_side_iter()");
    if (!s) return NULL;
    if (has_keys(s)) return iter_of_kvs(c, s);
    if (s->spec->kind != BEAM_SIDE_LIST)
        return bm_side_iter_new(&s->store, all_of(c, s), s->pcoll->coder, c->arena, NULL);
    const bm_side_data *data = all_items(c, s);
    return data ? bm_iter_of_values(c->arena, data->items, data->n_items) : NULL;
}

beam_iter *beam_side_lookup(beam_ctx *c, int index, beam_value key)
{
    side *s = open_side(c, index, MULTIMAP, "beam_side_lookup()");
    bm_side_data *data = s ? values_of(c, s, key) : NULL;
    return data ? bm_side_iter_new(&s->store, data, s->value, c->arena, NULL) : NULL;
}

beam_iter *beam_side_keys(beam_ctx *c, int index)
{
    side *s = open_side(c, index, MAP | MULTIMAP, "beam_side_keys()");
    return s ? bm_side_iter_new(&s->store, keys_of(c, s), s->key, c->arena, NULL) : NULL;
}
