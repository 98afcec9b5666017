/* SPDX-License-Identifier: Apache-2.0 */
/* What waits to be processed by a stage of the worker, and how bundles are made of it.
 * Runner's thread. */
#include "local/local_impl.h"

static size_t bundle_size(const bm_local *l)
{
    return l->opts->max_bundle_elements ? l->opts->max_bundle_elements : 1000;
}

/* -- keys --------------------------------------------------------------------------------- */
bm_user_key *bm_local_stage_key(bm_stage *stage, beam_span bytes)
{
    bm_user_key *key = bm_map_get(&stage->keys, bytes);
    if (key) return key;
    key = BM_NEW(&stage->key_arena, bm_user_key);
    key->key = bm_span_copy(&stage->key_arena, bytes);
    key->stage = stage;
    bm_map_init(&key->timers, &stage->key_arena);
    bm_map_init(&key->cells, &stage->key_arena);
    bm_map_put(&stage->keys, key->key, key);
    return key;
}

void bm_local_stage_key_ready(bm_stage *stage, bm_user_key *key)
{
    if (key->is_ready || key->is_busy || (!key->waiting.n && !key->due)) return;
    key->is_ready = true;
    key->next_ready = NULL;
    *stage->last_ready = key;
    stage->last_ready = &key->next_ready;
}

static bm_user_key *take_key(bm_stage *stage)
{
    bm_user_key *key = stage->ready;
    stage->ready = key->next_ready;
    if (!stage->ready) stage->last_ready = &stage->ready;
    key->is_ready = false;
    key->is_busy = true;
    return key;
}

void bm_local_stage_release_keys(bm_stage *stage, bm_bundle *bundle)
{
    for (size_t i = 0; i < bundle->n_keys; i++) {
        bundle->keys[i]->is_busy = false;
        bm_local_stage_key_ready(stage, bundle->keys[i]);
    }
    bundle->n_keys = 0;
}

static beam_status queue(bm_local *l, bm_stage *stage, bm_item *item)
{
    if (!stage->is_keyed) {
        bm_local_items_add(&stage->waiting, item);
        return BEAM_OK;
    }
    beam_span bytes, value;
    beam_status status = bm_local_item_kv(stage->inputs[0], bm_local_item_value(item),
                                          &bytes, &value);
    if (status) {
        free(item);
        return bm_error(l->err, status, "%s: the key of an element cannot be read",
                        stage->name);
    }
    bm_user_key *key = bm_local_stage_key(stage, bytes);
    bm_local_items_add(&key->waiting, item);
    bm_local_stage_key_ready(stage, key);
    return bm_local_expiration_watch(l, stage, key, item);
}

/* -- what comes in ------------------------------------------------------------------------------ */
/* Time-sorted input goes on when nothing earlier can come. */
static bool is_in_time(const bm_stage *stage, const bm_item *item)
{
    return !stage->is_time_sorted || item->timestamp < stage->upstream ||
           stage->upstream >= BEAM_MAX_TIMESTAMP;
}

/* Puts it where it belongs now. */
static beam_status sort_in(bm_local *l, bm_stage *stage, bm_item *item)
{
    bool ready = true;
    if (item->not_before > bm_local_now(l)) {
        bm_local_items_add(&stage->delayed, item);
        return BEAM_OK;
    }
    if (stage->sides) BEAM_TRY(bm_local_side_inputs_ready(l, stage, item, &ready));
    if (ready && is_in_time(stage, item)) return queue(l, stage, item);
    bm_local_items_add(&stage->blocked, item);
    return BEAM_OK;
}

beam_status bm_local_stage_add(bm_local *l, bm_stage *stage, bm_items *items)
{
    for (bm_item *item; (item = bm_local_items_take(items));) {
        beam_status status = BEAM_OK;
        if (stage->is_keyed) status = bm_local_drop_late(l, stage, &item);
        if (!item) continue;
        bm_local_holds_add(&stage->pending, item->hold);
        if (!status) status = sort_in(l, stage, item);
        if (!status) continue;
        bm_local_items_free(items);
        return status;
    }
    return BEAM_OK;
}

static beam_status sort_again(bm_local *l, bm_stage *stage, bm_items *list)
{
    bm_items all = *list;
    *list = (bm_items){ 0 };
    for (bm_item *item; (item = bm_local_items_take(&all));) {
        beam_status status = sort_in(l, stage, item);
        if (!status) continue;
        bm_local_items_free(&all);
        return status;
    }
    return BEAM_OK;
}

/* Changes when something that blocked elements wait for may have come. */
static uint64_t conditions(const bm_stage *stage)
{
    uint64_t all = bm_hash(&stage->upstream,
                           stage->is_time_sorted ? sizeof stage->upstream : 0);
    for (const bm_side *side = stage->sides; side; side = side->next) {
        /* Only panes of a trigger make a side input ready before its watermark does. */
        uint64_t version = side->grouping ? side->version : 0;
        const uint64_t next[] = { all, (uint64_t)side->coll->watermark, version };
        all = bm_hash(next, sizeof next);
    }
    return all;
}

static beam_status unblock(bm_local *l, bm_stage *stage)
{
    uint64_t now = conditions(stage);
    if (!stage->blocked.n || now == stage->blocked_by) return BEAM_OK;
    stage->blocked_by = now;
    if (stage->is_time_sorted) bm_local_items_sort(&stage->blocked);
    return sort_again(l, stage, &stage->blocked);
}

beam_status bm_local_stage_refresh(bm_local *l, bm_stage *stage)
{
    if (stage->delayed.n && bm_local_stage_next_processing_time(stage) <= bm_local_now(l))
        BEAM_TRY(sort_again(l, stage, &stage->delayed));
    BEAM_TRY(unblock(l, stage));
    if (stage->is_keyed) bm_local_timers_fire_due(l, stage);
    return BEAM_OK;
}

beam_millis bm_local_stage_next_processing_time(const bm_stage *stage)
{
    beam_millis next = INT64_MAX;
    for (const bm_item *i = stage->delayed.first; i; i = i->next)
        if (i->not_before < next) next = i->not_before;
    return next;
}

bool bm_local_stage_is_ready(const bm_stage *stage)
{
    return stage->waiting.n || stage->ready;
}

bool bm_local_stage_is_idle(const bm_stage *stage)
{
    return !bm_local_stage_is_ready(stage) && !stage->delayed.n && !stage->blocked.n &&
           !stage->n_running;
}

/* -- bundles ---------------------------------------------------------------------------------- */
static void take_keys(bm_local *l, bm_stage *stage, bm_bundle *bundle)
{
    size_t n = 0, limit = bundle_size(l);
    bm_list keys = { 0 };
    while (stage->ready && n < limit) {
        bm_user_key *key = take_key(stage);
        bm_list_add(&bundle->arena, &keys, key);
        if (key->waiting.n) {
            /* Timers of the key come in a bundle after its elements. */
            while (key->waiting.n && n < limit) {
                bm_local_items_add(&bundle->input, bm_local_items_take(&key->waiting));
                n++;
            }
        } else {
            n += bm_local_timers_take(key, bundle);
        }
    }
    bundle->keys = (bm_user_key **)keys.at;
    bundle->n_keys = keys.n;
}

void bm_local_stage_take(bm_local *l, bm_stage *stage, bm_bundle *bundle)
{
    if (stage->is_keyed) {
        take_keys(l, stage, bundle);
        return;
    }
    size_t limit = bundle_size(l);
    while (stage->waiting.n && bundle->input.n < limit)
        bm_local_items_add(&bundle->input, bm_local_items_take(&stage->waiting));
}

void bm_local_stage_free(bm_stage *stage)
{
    bm_local_items_free(&stage->waiting);
    bm_local_items_free(&stage->delayed);
    bm_local_items_free(&stage->blocked);
    bm_local_holds_free(&stage->pending);
    bm_local_holds_free(&stage->timer_holds);
    BM_MAP_EACH(&stage->keys, e)
    bm_local_items_free(&((bm_user_key *)e->value)->waiting);
    bm_local_timers_free(stage);
    bm_local_state_free(stage);
    for (bm_side *side = stage->sides, *next; side; side = next) {
        next = side->next;
        bm_local_side_free(side);
    }
    bm_grouping_free(stage->grouping);
    bm_arena_free(&stage->key_arena);
}
