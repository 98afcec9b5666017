/* SPDX-License-Identifier: Apache-2.0 */
/* Side inputs: kept encoded by window (and key), given out by state requests, and waited
 * for. Runner's thread. */
#include "beam_urns.h"
#include "local/local_impl.h"

typedef struct side_values {
    uint32_t n;
    bm_writer values;
} side_values;

typedef struct side_window {
    bm_writer all;
    bm_map keys; /* encoded key -> side_values */
    /* What was asked for last of all keys: it is read page by page. */
    bm_writer listing;
    bool is_listed, with_values;
} side_window;

static side_window *window_of(bm_side *side, beam_span window)
{
    side_window *one = bm_map_get(&side->windows, window);
    if (one) return one;
    one = BM_NEW(&side->arena, side_window);
    bm_map_init(&one->keys, &side->arena);
    bm_map_put_copy(&side->windows, window, one);
    return one;
}

static beam_status add_to_key(bm_side *side, side_window *window, beam_span element)
{
    beam_span key, value;
    BEAM_TRY(bm_local_item_kv(side->coll, element, &key, &value));
    side_values *values = bm_map_get(&window->keys, key);
    if (!values) {
        values = BM_NEW(&side->arena, side_values);
        bm_map_put_copy(&window->keys, key, values);
    }
    values->n++;
    bm_write_bytes(&values->values, value.ptr, value.len);
    return BEAM_OK;
}

static beam_status add_value(bm_side *side, side_window *window, beam_span value)
{
    window->is_listed = false;
    bm_write_bytes(&window->all, value.ptr, value.len);
    return side->multimap ? add_to_key(side, window, value) : BEAM_OK;
}

static beam_status find_window(bm_side *side, const beam_window *window,
                               side_window **out)
{
    bm_writer id = { 0 };
    beam_status status = bm_window_encode(side->coll->window, window, &id);
    *out = status ? NULL : window_of(side, bm_written(&id));
    bm_writer_free(&id);
    return status;
}

static beam_status add_to_windows(bm_side *side, beam_span value,
                                  const bm_windows *windows)
{
    for (size_t i = 0; i < windows->n; i++) {
        side_window *window;
        BEAM_TRY(find_window(side, &windows->at[i], &window));
        BEAM_TRY(add_value(side, window, value));
    }
    return BEAM_OK;
}

/* -- panes: with a trigger of its own, a side input is what has fired last -------------------- */
static void forget(side_window *window)
{
    window->all.len = 0;
    window->is_listed = false;
    BM_MAP_EACH(&window->keys, e)
    {
        side_values *values = e->value;
        values->n = 0;
        values->values.len = 0;
    }
}

static beam_status add_chunk(bm_side *side, side_window *window,
                             const bm_value_chunk *chunk)
{
    bm_reader in = bm_reader_of((beam_span){ chunk->bytes, chunk->n_bytes });
    while (bm_left(&in)) {
        const char *start = (const char *)in.at;
        BEAM_TRY(bm_skip(side->coll->value, true, &in));
        beam_span value = { start, (size_t)((const char *)in.at - start) };
        BEAM_TRY(add_value(side, window, value));
    }
    return BEAM_OK;
}

static beam_status on_pane(void *user, const bm_fired_pane *pane, beam_error *err)
{
    bm_side *side = user;
    side_window *window;
    if (!pane->n_values) return BEAM_OK;
    beam_status status = find_window(side, &pane->window, &window);
    if (!status) forget(window);
    for (const bm_value_chunk *c = pane->values; c && !status; c = c->next)
        status = add_chunk(side, window, c);
    side->version++;
    return status ? bm_error(err, status, "side input '%s': a pane cannot be read",
                             side->tag)
                  : BEAM_OK;
}

static bool fires_at_end_only(const bm_pb_windowing *pb)
{
    return !pb->trigger || pb->trigger->trigger_case == PB__TRIGGER__TRIGGER_DEFAULT ||
           pb->trigger->trigger_case == PB__TRIGGER__TRIGGER__NOT_SET;
}

beam_status bm_local_side_init(bm_local *l, bm_side *side)
{
    const bm_pb_windowing *windowing = side->coll->windowing;
    if (fires_at_end_only(windowing)) return BEAM_OK;
    BEAM_TRY(bm_local_windowing(l, side->tag, windowing, &side->windowing));
    side->windowing.merging = BM_MERGE_NEVER;
    return bm_grouping_new(&side->windowing, on_pane, side, &side->grouping, l->err);
}

beam_status bm_local_side_advance(bm_local *l, bm_side *side)
{
    if (!side->grouping) return BEAM_OK;
    BEAM_TRY(bm_grouping_processing_time(side->grouping, bm_local_now(l), l->synchronized,
                                         l->err));
    return bm_grouping_input_watermark(side->grouping, side->coll->watermark, l->err);
}

beam_millis bm_local_side_next_processing_time(const bm_side *side)
{
    if (!side->grouping) return INT64_MAX;
    beam_millis a = bm_grouping_next_processing_time(side->grouping);
    beam_millis b = bm_grouping_next_synchronized_time(side->grouping);
    return a < b ? a : b;
}

/* -- what comes -------------------------------------------------------------------------------- */
static beam_status add_item(bm_local *l, bm_side *side, const bm_item *item,
                            bm_arena *arena)
{
    const bm_windows *windows;
    beam_status status = bm_local_item_windows(side->coll, item, arena, &windows);
    if (!status && side->grouping)
        return bm_grouping_add(side->grouping, (beam_span){ "", 0 },
                               bm_local_item_value(item), item->timestamp, windows->at,
                               windows->n, l->err);
    if (!status) status = add_to_windows(side, bm_local_item_value(item), windows);
    return status ? bm_error(l->err, status, "side input '%s': an element cannot be read",
                             side->tag)
                  : BEAM_OK;
}

beam_status bm_local_side_add(bm_local *l, bm_side *side, bm_items *items)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    beam_status status = BEAM_OK;
    side->version++;
    for (const bm_item *i = items->first; i && !status; i = i->next) {
        status = add_item(l, side, i, &arena);
        bm_arena_reset(&arena);
    }
    bm_arena_free(&arena);
    bm_local_items_free(items);
    return status;
}

/* -- waiting ------------------------------------------------------------------------------ */
static beam_millis millis_of(const Google__Protobuf__Duration *d)
{
    return d ? d->seconds * 1000 + d->nanos / 1000000 : 0;
}

static beam_millis offset_of(const Google__Protobuf__Timestamp *t)
{
    return t ? t->seconds * 1000 + t->nanos / 1000000 : 0;
}

static beam_millis floor_to(beam_millis t, beam_millis period, beam_millis offset)
{
    if (period <= 0) return t;
    beam_millis into = (t - offset) % period;
    return t - (into < 0 ? into + period : into);
}

/* The window of the side input that goes with a main window, as the standard WindowFns map
 * them: the one of the main window's last moment. What another WindowFn maps to is not known
 * here; it is waited for the end of the main window then. */
static beam_window side_window_for(const bm_side *side, const beam_window *main,
                                   bm_arena *arena)
{
    const bm_pb_function_spec *fn = side->coll->windowing->window_fn;
    beam_millis last = main->end - 1;
    if (fn && !strcmp(fn->urn, BEAM_URN_WINDOW_FN_GLOBAL_WINDOWS))
        return bm_global_windows.at[0];
    if (fn && !strcmp(fn->urn, BEAM_URN_WINDOW_FN_FIXED_WINDOWS)) {
        const bm_pb_fixed_windows *pb = (const bm_pb_fixed_windows *)
            bm_pb_unpack(arena, &pb__fixed_windows_payload__descriptor,
                         bm_pb_span(fn->payload), BM_PB_MAX_DEPTH);
        if (pb) {
            beam_millis size = millis_of(pb->size);
            beam_millis start = floor_to(last, size, offset_of(pb->offset));
            return (beam_window){ start, start + size, { NULL, 0 } };
        }
    }
    if (fn && !strcmp(fn->urn, BEAM_URN_WINDOW_FN_SLIDING_WINDOWS)) {
        const bm_pb_sliding_windows *pb = (const bm_pb_sliding_windows *)
            bm_pb_unpack(arena, &pb__sliding_windows_payload__descriptor,
                         bm_pb_span(fn->payload), BM_PB_MAX_DEPTH);
        if (pb) {
            beam_millis start = floor_to(last, millis_of(pb->period),
                                         offset_of(pb->offset));
            return (beam_window){ start, start + millis_of(pb->size), { NULL, 0 } };
        }
    }
    return *main;
}

static bool has_fired(bm_side *side, const beam_window *window)
{
    bm_writer id = { 0 };
    bool found = !bm_window_encode(side->coll->window, window, &id) &&
                 bm_map_get(&side->windows, bm_written(&id));
    bm_writer_free(&id);
    return found;
}

/* Asks the worker once for each window. */
static beam_status map_in_worker(bm_local *l, bm_side *side, const bm_coder *coder,
                                 const beam_window *main, bm_arena *arena,
                                 beam_window *out)
{
    bm_writer id = { 0 };
    beam_status status = bm_window_encode(coder, main, &id);
    beam_window *known = status ? NULL : bm_map_get(&side->mapped, bm_written(&id));
    if (!status && !known) {
        status = bm_local_ask_map(l, side->mapping, main, arena, out);
        if (!status) {
            known = BM_NEW(&side->arena, beam_window);
            *known = *out;
            if (known->custom.ptr)
                known->custom = bm_span_copy(&side->arena, out->custom);
            bm_map_put_copy(&side->mapped, bm_written(&id), known);
        }
    }
    if (known) *out = *known;
    bm_writer_free(&id);
    return status;
}

static beam_status check_ready(bm_local *l, bm_side *side, const bm_coder *coder,
                               const beam_window *main, bm_arena *arena, bool *ready)
{
    beam_millis watermark = side->coll->watermark;
    *ready = true;
    if (watermark >= BEAM_MAX_TIMESTAMP) return BEAM_OK;
    beam_window window;
    if (side->mapping)
        BEAM_TRY(map_in_worker(l, side, coder, main, arena, &window));
    else
        window = side_window_for(side, main, arena);
    *ready = watermark >= window.end || (side->grouping && has_fired(side, &window));
    return BEAM_OK;
}

beam_status bm_local_side_inputs_ready(bm_local *l, const bm_stage *stage,
                                       const bm_item *item, bool *ready)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    const bm_windows *windows;
    beam_status status = bm_local_item_windows(stage->inputs[0], item, &arena, &windows);
    if (status) {
        bm_arena_free(&arena);
        return bm_error(l->err, status, "%s: the windows of an element cannot be read",
                        stage->name);
    }
    *ready = true;
    for (bm_side *side = stage->sides; side && *ready; side = side->next)
        for (size_t i = 0; !status && *ready && i < windows->n; i++)
            status = check_ready(l, side, stage->inputs[0]->window, &windows->at[i],
                                 &arena, ready);
    bm_arena_free(&arena);
    return status;
}

/* -- giving out -------------------------------------------------------------------------------- */
static bm_side *find(bm_stage *stage, const char *transform, const char *tag)
{
    for (bm_side *s = stage->sides; s; s = s->next)
        if (!strcmp(s->transform_id, transform) && !strcmp(s->tag, tag)) return s;
    return NULL;
}

/* KV<K, Iterable<V>> of each key, or the keys alone. */
static beam_span all_keys(side_window *window, bool with_values)
{
    bm_writer *out = &window->listing;
    if (window->is_listed && window->with_values == with_values) return bm_written(out);
    out->len = 0;
    window->is_listed = true;
    window->with_values = with_values;
    BM_MAP_EACH(&window->keys, e)
    {
        const side_values *values = e->value;
        bm_write_bytes(out, e->key.ptr, e->key.len);
        if (!with_values) continue;
        bm_write_be32(out, values->n);
        bm_write_bytes(out, values->values.data, values->values.len);
    }
    return bm_written(out);
}

bool bm_local_side_get(bm_stage *stage, const Pb__StateKey *key, beam_span *out)
{
    const char *transform, *tag;
    beam_span window, of_key = { NULL, 0 };
#define FROM(field)                                                         \
    (transform = key->field->transform_id, tag = key->field->side_input_id, \
     window = bm_pb_span(key->field->window))
    switch (key->type_case) {
    case PB__STATE_KEY__TYPE_ITERABLE_SIDE_INPUT: FROM(iterable_side_input); break;
    case PB__STATE_KEY__TYPE_MULTIMAP_SIDE_INPUT:
        FROM(multimap_side_input);
        of_key = bm_pb_span(key->multimap_side_input->key);
        break;
    case PB__STATE_KEY__TYPE_MULTIMAP_KEYS_SIDE_INPUT:
        FROM(multimap_keys_side_input);
        break;
    case PB__STATE_KEY__TYPE_MULTIMAP_KEYS_VALUES_SIDE_INPUT:
        FROM(multimap_keys_values_side_input);
        break;
    default: return false;
    }
#undef FROM
    bm_side *side = find(stage, transform, tag);
    if (!side) return false;
    *out = (beam_span){ NULL, 0 };
    side_window *found = bm_map_get(&side->windows, window);
    if (!found) return true;
    if (key->type_case == PB__STATE_KEY__TYPE_ITERABLE_SIDE_INPUT) {
        *out = bm_written(&found->all);
    } else if (key->type_case == PB__STATE_KEY__TYPE_MULTIMAP_SIDE_INPUT) {
        const side_values *values = bm_map_get(&found->keys, of_key);
        if (values) *out = bm_written(&values->values);
    } else {
        *out = all_keys(found,
                        key->type_case ==
                            PB__STATE_KEY__TYPE_MULTIMAP_KEYS_VALUES_SIDE_INPUT);
    }
    return true;
}

void bm_local_side_free(bm_side *side)
{
    BM_MAP_EACH(&side->windows, w)
    {
        side_window *window = w->value;
        BM_MAP_EACH(&window->keys, k) bm_writer_free(&((side_values *)k->value)->values);
        bm_writer_free(&window->all);
        bm_writer_free(&window->listing);
    }
    bm_grouping_free(side->grouping);
    bm_arena_free(&side->arena);
}
