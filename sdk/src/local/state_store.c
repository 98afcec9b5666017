/* SPDX-License-Identifier: Apache-2.0 */
/* User state of a stage's keys. A key is in one bundle at a time, so that a cell is changed
 * in place and remembers what it was until the bundle has succeeded. Runner's thread. */
#include "local/local_impl.h"

typedef enum cell_kind { BAG, MULTIMAP_VALUES, ORDERED_LIST } cell_kind;

/* Values of a bag, of a key of a multimap, or KV<sort key, value> of an ordered list. */
typedef struct bm_cell {
    struct bm_cell *next_touched;
    bool is_touched;
    bool was_replaced; /* `before` is what it was, else its first n_before bytes are */
    size_t n_before;
    bm_writer data, before;
    beam_span map_key; /* of a multimap */
    cell_kind kind;
} bm_cell;

/* What a request is about, whatever its kind of key. */
typedef struct address {
    cell_kind kind;
    bool all_keys, with_values; /* of a multimap */
    const char *transform, *state;
    beam_span window, key, map_key;
    int64_t from, to; /* ordered list */
} address;

static bool read_address(const Pb__StateKey *pb, address *a)
{
    *a = (address){ .from = INT64_MIN, .to = INT64_MAX };
#define FROM(field, kind_)                         \
    do {                                           \
        a->kind = (kind_);                         \
        a->transform = pb->field->transform_id;    \
        a->state = pb->field->user_state_id;       \
        a->window = bm_pb_span(pb->field->window); \
        a->key = bm_pb_span(pb->field->key);       \
    } while (0)
    switch (pb->type_case) {
    case PB__STATE_KEY__TYPE_BAG_USER_STATE: FROM(bag_user_state, BAG); return true;
    case PB__STATE_KEY__TYPE_MULTIMAP_USER_STATE:
        FROM(multimap_user_state, MULTIMAP_VALUES);
        a->map_key = bm_pb_span(pb->multimap_user_state->map_key);
        return true;
    case PB__STATE_KEY__TYPE_MULTIMAP_KEYS_USER_STATE:
        FROM(multimap_keys_user_state, MULTIMAP_VALUES);
        a->all_keys = true;
        return true;
    case PB__STATE_KEY__TYPE_MULTIMAP_ENTRIES_USER_STATE:
        FROM(multimap_entries_user_state, MULTIMAP_VALUES);
        a->all_keys = a->with_values = true;
        return true;
    case PB__STATE_KEY__TYPE_ORDERED_LIST_USER_STATE:
        FROM(ordered_list_user_state, ORDERED_LIST);
        if (pb->ordered_list_user_state->range) {
            a->from = pb->ordered_list_user_state->range->start;
            a->to = pb->ordered_list_user_state->range->end;
        }
        return true;
    default: return false;
    }
#undef FROM
}

/* -- cells ---------------------------------------------------------------------------------- */
/* What the cells of one state in one window have in common in their names. */
static void write_name(const address *a, bm_writer *out)
{
    out->len = 0;
    bm_write_u8(out, (uint8_t)a->kind);
    bm_write_prefixed(out, beam_span_of(a->transform));
    bm_write_prefixed(out, beam_span_of(a->state));
    bm_write_prefixed(out, a->window);
}

static bm_cell *find_cell(bm_stage *stage, bm_user_key *key, const address *a, bool make)
{
    bm_writer name = { 0 };
    write_name(a, &name);
    bm_write_bytes(&name, a->map_key.ptr, a->map_key.len);
    bm_cell *cell = bm_map_get(&key->cells, bm_written(&name));
    if (!cell && make) {
        cell = BM_NEW(&stage->key_arena, bm_cell);
        cell->kind = a->kind;
        cell->map_key = bm_span_copy(&stage->key_arena, a->map_key);
        bm_map_put_copy(&key->cells, bm_written(&name), cell);
    }
    bm_writer_free(&name);
    return cell;
}

/* -- changes that can be taken back ---------------------------------------------------------- */
static void touch(bm_bundle *bundle, bm_cell *cell)
{
    if (cell->is_touched) return;
    cell->is_touched = true;
    cell->was_replaced = false;
    cell->n_before = cell->data.len;
    cell->next_touched = bundle->touched;
    bundle->touched = cell;
}

/* Its bytes are the caller's to replace; what they were is kept. */
static void touch_all(bm_bundle *bundle, bm_cell *cell)
{
    touch(bundle, cell);
    if (cell->was_replaced) return;
    cell->was_replaced = true;
    bm_write_bytes(&cell->before, cell->data.data, cell->n_before);
}

void bm_local_state_commit(bm_bundle *bundle)
{
    for (bm_cell *c = bundle->touched; c; c = c->next_touched) {
        bm_writer_free(&c->before);
        c->is_touched = false;
        if (!c->data.len) bm_writer_free(&c->data);
    }
    bundle->touched = NULL;
}

void bm_local_state_roll_back(bm_bundle *bundle)
{
    for (bm_cell *c = bundle->touched; c; c = c->next_touched) {
        c->is_touched = false;
        if (!c->was_replaced) {
            c->data.len = c->n_before;
            continue;
        }
        bm_writer_free(&c->data);
        c->data = c->before;
        c->before = (bm_writer){ 0 };
    }
    bundle->touched = NULL;
}

/* -- ordered lists: entries in order, of equal sort keys in order of arrival ------------------ */
static beam_status read_entry(bm_reader *in, int64_t *sort_key, beam_span *bytes)
{
    const uint8_t *start = in->at;
    uint64_t raw;
    beam_span value;
    BEAM_TRY(bm_read_varint(in, &raw));
    BEAM_TRY(bm_read_prefixed(in, &value));
    *sort_key = (int64_t)raw;
    *bytes = (beam_span){ (const char *)start, (size_t)(in->at - start) };
    return BEAM_OK;
}

/* Those in [from, to), or all others. */
static beam_span pick(beam_span list, int64_t from, int64_t to, bool inside,
                      bm_writer *out)
{
    bm_reader in = bm_reader_of(list);
    int64_t sort_key;
    beam_span entry;
    while (bm_left(&in) && !read_entry(&in, &sort_key, &entry))
        if ((sort_key >= from && sort_key < to) == inside)
            bm_write_bytes(out, entry.ptr, entry.len);
    return bm_written(out);
}

typedef struct list_entry {
    int64_t sort_key;
    beam_span bytes;
} list_entry;

static int by_sort_key(const void *a, const void *b)
{
    const list_entry *l = a, *r = b;
    if (l->sort_key != r->sort_key) return l->sort_key < r->sort_key ? -1 : 1;
    return l->bytes.ptr < r->bytes.ptr ? -1 : 1; /* as they came */
}

/* What is appended, in order; malloc'd. */
static beam_status sort_entries(beam_span data, list_entry **out, size_t *n)
{
    size_t cap = 0;
    *out = NULL;
    *n = 0;
    for (bm_reader in = bm_reader_of(data); bm_left(&in); ++*n) {
        if (*n == cap) {
            cap = cap ? 2 * cap : 16;
            *out = bm_xrealloc(*out, bm_times(cap, sizeof **out));
        }
        list_entry *entry = &(*out)[*n];
        BEAM_TRY(read_entry(&in, &entry->sort_key, &entry->bytes));
    }
    if (*n) qsort(*out, *n, sizeof **out, by_sort_key);
    return BEAM_OK;
}

static beam_status insert_all(bm_writer *list, beam_span data)
{
    list_entry *new;
    size_t n, next = 0;
    bm_writer merged = { 0 };
    beam_status status = sort_entries(data, &new, &n);
    bm_reader in = bm_reader_of(bm_written(list));
    int64_t old;
    beam_span bytes;
    while (!status && bm_left(&in) && !read_entry(&in, &old, &bytes)) {
        for (; next < n && new[next].sort_key < old; next++)
            bm_write_bytes(&merged, new[next].bytes.ptr, new[next].bytes.len);
        bm_write_bytes(&merged, bytes.ptr, bytes.len);
    }
    for (; !status && next < n; next++)
        bm_write_bytes(&merged, new[next].bytes.ptr, new[next].bytes.len);
    free(new);
    if (status) {
        bm_writer_free(&merged);
        return status;
    }
    bm_writer_free(list);
    *list = merged;
    return BEAM_OK;
}

/* -- requests ------------------------------------------------------------------------------------- */
static bool is_of(const address *a, const bm_map_entry *entry, beam_span name)
{
    const bm_cell *cell = entry->value;
    return cell->kind == a->kind && entry->key.len >= name.len &&
           !memcmp(entry->key.ptr, name.ptr, name.len);
}

static uint32_t count_values(const bm_local *l, const bm_stage *stage, const address *a,
                             beam_span data);

static beam_span get_all_keys(const bm_local *l, const bm_stage *stage,
                              const bm_user_key *key, const address *a, bm_arena *arena)
{
    bm_writer name = { 0 }, out = { 0 };
    write_name(a, &name);
    BM_MAP_EACH(&key->cells, e)
    {
        const bm_cell *cell = e->value;
        if (!is_of(a, e, bm_written(&name)) || !cell->data.len) continue;
        bm_write_bytes(&out, cell->map_key.ptr, cell->map_key.len);
        if (!a->with_values) continue;
        bm_write_be32(&out, count_values(l, stage, a, bm_written(&cell->data)));
        bm_write_bytes(&out, cell->data.data, cell->data.len);
    }
    beam_span bytes = bm_span_copy(arena, bm_written(&out));
    bm_writer_free(&name);
    bm_writer_free(&out);
    return bytes;
}

/* The values' coder is in the state's spec. */
static uint32_t count_values(const bm_local *l, const bm_stage *stage, const address *a,
                             beam_span data)
{
    const Pb__ParDoPayload *p = stage->leaves[0]->par_do;
    const char *id = "";
    for (size_t i = 0; p && i < p->n_state_specs; i++) {
        const Pb__StateSpec *spec = p->state_specs[i]->value;
        if (strcmp(p->state_specs[i]->key, a->state)) continue;
        if (spec->spec_case == PB__STATE_SPEC__SPEC_MAP_SPEC)
            id = spec->map_spec->value_coder_id;
        else if (spec->spec_case == PB__STATE_SPEC__SPEC_MULTIMAP_SPEC)
            id = spec->multimap_spec->value_coder_id;
    }
    const bm_coder *coder;
    if (bm_coder_set_get((bm_coder_set *)(uintptr_t)&l->coder_set, id, &coder, NULL))
        return 1;
    bm_reader in = bm_reader_of(data);
    uint32_t n = 0;
    while (bm_left(&in) && !bm_skip(coder, true, &in)) n++;
    return n;
}

static beam_span get(bm_local *l, bm_stage *stage, bm_user_key *key, const address *a,
                     bm_arena *arena)
{
    if (a->all_keys) return get_all_keys(l, stage, key, a, arena);
    const bm_cell *cell = find_cell(stage, key, a, false);
    if (!cell) return (beam_span){ NULL, 0 };
    if (a->kind != ORDERED_LIST) return bm_written(&cell->data);
    bm_writer out = { 0 };
    beam_span bytes = bm_span_copy(arena, pick(bm_written(&cell->data), a->from, a->to,
                                               true, &out));
    bm_writer_free(&out);
    return bytes;
}

static beam_status append(bm_bundle *bundle, bm_user_key *key, const address *a,
                          beam_span data)
{
    bm_cell *cell = find_cell(bundle->stage, key, a, true);
    if (a->kind != ORDERED_LIST) {
        touch(bundle, cell);
        bm_write_bytes(&cell->data, data.ptr, data.len);
        return BEAM_OK;
    }
    touch_all(bundle, cell);
    return insert_all(&cell->data, data);
}

static void clear_cell(bm_bundle *bundle, bm_cell *cell, const address *a)
{
    touch_all(bundle, cell);
    if (a->kind != ORDERED_LIST) {
        cell->data.len = 0;
        return;
    }
    bm_writer rest = { 0 };
    pick(bm_written(&cell->data), a->from, a->to, false, &rest);
    bm_writer_free(&cell->data);
    cell->data = rest;
}

static void clear(bm_bundle *bundle, bm_user_key *key, const address *a)
{
    if (!a->all_keys) {
        bm_cell *cell = find_cell(bundle->stage, key, a, false);
        if (cell) clear_cell(bundle, cell, a);
        return;
    }
    bm_writer name = { 0 };
    write_name(a, &name);
    BM_MAP_EACH(&key->cells, e)
    if (is_of(a, e, bm_written(&name))) clear_cell(bundle, e->value, a);
    bm_writer_free(&name);
}

static bool has_state(const bm_stage *stage, const address *a)
{
    const bm_leaf *root = stage->leaves[0];
    if (!stage->is_keyed || strcmp(root->id, a->transform)) return false;
    for (size_t i = 0; i < root->par_do->n_state_specs; i++)
        if (!strcmp(root->par_do->state_specs[i]->key, a->state)) return true;
    return false;
}

beam_status bm_local_state_serve(bm_local *l, bm_bundle *bundle,
                                 const Pb__StateRequest *request, bm_arena *arena,
                                 beam_span *data, const char **error)
{
    address a;
    *error = NULL;
    *data = (beam_span){ NULL, 0 };
    if (!read_address(request->state_key, &a) || !has_state(bundle->stage, &a)) {
        *error = "the bundle has no such state";
        return BEAM_OK;
    }
    bm_user_key *key = bm_map_get(&bundle->stage->keys, a.key);
    if (!key || !key->is_busy) {
        *error = "the bundle does not have the key whose state is asked for";
        return BEAM_OK;
    }
    switch (request->request_case) {
    case PB__STATE_REQUEST__REQUEST_GET:
        *data = get(l, bundle->stage, key, &a, arena);
        break;
    case PB__STATE_REQUEST__REQUEST_APPEND:
        if (a.all_keys)
            *error = "all keys of a multimap can be read and cleared, not appended to";
        else if (append(bundle, key, &a, bm_pb_span(request->append->data)))
            *error = "what is appended to the ordered list cannot be read";
        break;
    case PB__STATE_REQUEST__REQUEST_CLEAR: clear(bundle, key, &a); break;
    default: *error = "the request is neither get, append nor clear";
    }
    return BEAM_OK;
}

void bm_local_state_forget(bm_user_key *key, beam_span windows)
{
    enum { COUNT_SIZE = 4 };
    BM_MAP_EACH(&key->cells, e)
    {
        bm_cell *cell = e->value;
        bm_reader name = bm_reader_of(e->key);
        beam_span part, window;
        uint8_t kind;
        if (bm_read_u8(&name, &kind) || bm_read_prefixed(&name, &part) ||
            bm_read_prefixed(&name, &part) || bm_read_prefixed(&name, &window))
            continue;
        /* What follows the window in a timer is of no interest. */
        if (windows.len >= COUNT_SIZE + window.len &&
            !memcmp(windows.ptr + COUNT_SIZE, window.ptr, window.len))
            bm_writer_free(&cell->data);
    }
}

void bm_local_state_free(bm_stage *stage)
{
    BM_MAP_EACH(&stage->keys, k)
    {
        bm_user_key *key = k->value;
        BM_MAP_EACH(&key->cells, c)
        {
            bm_cell *cell = c->value;
            bm_writer_free(&cell->data);
            bm_writer_free(&cell->before);
        }
    }
}
