/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, and the windows of each, by hash. One thread at a time. */
#include <stdlib.h>

#include "base/map.h"
#include "coders/element.h"
#include "local/group_impl.h"

enum { FIRST_BUCKETS = 64 };

/* -- keys ----------------------------------------------------------------------------- */
static void grow_keys(bm_grouping *g)
{
    size_t n = g->n_key_buckets ? 2 * g->n_key_buckets : FIRST_BUCKETS;
    bm_group_key **buckets = bm_xcalloc(n, sizeof(bm_group_key *));
    for (size_t i = 0; i < g->n_key_buckets; i++)
        for (bm_group_key *key = g->keys[i], *next; key; key = next) {
            next = key->next_in_bucket;
            key->next_in_bucket = buckets[key->hash & (n - 1)];
            buckets[key->hash & (n - 1)] = key;
        }
    free(g->keys);
    g->keys = buckets;
    g->n_key_buckets = n;
}

bm_group_key *bm_group_key_get(bm_grouping *g, beam_span bytes)
{
    if (g->n_keys >= g->n_key_buckets) grow_keys(g);
    uint64_t hash = bm_hash(bytes.ptr, bytes.len);
    bm_group_key **bucket = &g->keys[hash & (g->n_key_buckets - 1)];
    for (bm_group_key *key = *bucket; key; key = key->next_in_bucket)
        if (key->hash == hash &&
            beam_span_equal((beam_span){ key->bytes, key->len }, bytes))
            return key;
    bm_group_key *key = bm_xmalloc(sizeof *key + bytes.len);
    *key = (bm_group_key){ .next_in_bucket = *bucket, .hash = hash, .len = bytes.len };
    if (bytes.len) memcpy(key->bytes, bytes.ptr, bytes.len);
    *bucket = key;
    g->n_keys++;
    return key;
}

static void free_key(bm_group_key *key)
{
    free(key->active.memory);
    free(key->closed.memory);
    free(key);
}

void bm_group_key_release(bm_grouping *g, bm_group_key *key)
{
    if (key->n_windows) return;
    bm_group_key **at = &g->keys[key->hash & (g->n_key_buckets - 1)];
    while (*at != key) at = &(*at)->next_in_bucket;
    *at = key->next_in_bucket;
    g->n_keys--;
    free_key(key);
}

/* -- windows -------------------------------------------------------------------------- */
static uint64_t hash_of(const bm_group_key *key, const beam_window *window)
{
    uint64_t hash = key->hash ^ (uint64_t)window->end * 0x9e3779b97f4a7c15u ^
                    (uint64_t)window->start * 0xe7037ed1a0b428dbu;
    if (window->custom.ptr) hash ^= bm_hash(window->custom.ptr, window->custom.len);
    return hash ^ hash >> 29;
}

static bm_group_window **bucket_of(bm_grouping *g, const bm_group_key *key,
                                   const beam_window *window)
{
    return &g->windows[hash_of(key, window) & (g->n_window_buckets - 1)];
}

static void grow_windows(bm_grouping *g)
{
    bm_group_window **old = g->windows;
    size_t n_old = g->n_window_buckets;
    g->n_window_buckets = n_old ? 2 * n_old : FIRST_BUCKETS;
    g->windows = bm_xcalloc(g->n_window_buckets, sizeof(bm_group_window *));
    for (size_t i = 0; i < n_old; i++)
        for (bm_group_window *w = old[i], *next; w; w = next) {
            next = w->next_in_bucket;
            bm_group_window **bucket = bucket_of(g, w->key, &w->window);
            w->next_in_bucket = *bucket;
            *bucket = w;
        }
    free(old);
}

bm_group_window *bm_group_window_find(bm_grouping *g, bm_group_key *key,
                                      const beam_window *window)
{
    if (key->recent && bm_window_equal(&key->recent->window, window)) return key->recent;
    if (!key->n_windows) return NULL;
    bm_group_window *w = *bucket_of(g, key, window);
    while (w && !(w->key == key && bm_window_equal(&w->window, window)))
        w = w->next_in_bucket;
    if (w) key->recent = w;
    return w;
}

void bm_group_window_enter(bm_grouping *g, bm_group_window *w)
{
    if (g->n_windows >= g->n_window_buckets) grow_windows(g);
    bm_group_window **bucket = bucket_of(g, w->key, &w->window);
    w->next_in_bucket = *bucket;
    *bucket = w;
    w->key->recent = w;
}

static void leave(bm_grouping *g, bm_group_window *w)
{
    bm_group_window **at = bucket_of(g, w->key, &w->window);
    while (*at != w) at = &(*at)->next_in_bucket;
    *at = w->next_in_bucket;
    if (w->key->recent == w) w->key->recent = NULL;
}

static void set_window(bm_group_window *w, const beam_window *window)
{
    w->window = *window;
    if (!window->custom.ptr) return;
    char *copy = bm_xmalloc(window->custom.len + 1);
    memcpy(copy, window->custom.ptr, window->custom.len);
    w->window.custom.ptr = copy;
}

static void free_custom(beam_span custom)
{
    free((void *)(uintptr_t)custom.ptr);
}

static void start_trigger(bm_grouping *g, bm_group_window *w)
{
    if (g->is_default) return;
    size_t size = sizeof *w->trigger + g->tree.n * sizeof(bm_trigger_state);
    w->trigger = bm_xcalloc(1, size);
    w->trigger->window = w;
}

bm_group_window *bm_group_window_new(bm_grouping *g, bm_group_key *key,
                                     const beam_window *window)
{
    bm_group_window *w = bm_xcalloc(1, sizeof *w);
    w->key = key;
    set_window(w, window);
    w->element_hold = w->extra_hold = INT64_MAX;
    start_trigger(g, w);
    bm_group_set_timer(g, w);
    key->n_windows++;
    g->n_windows++;
    return w;
}

void bm_group_window_rename(bm_grouping *g, bm_group_window *w, const beam_window *window)
{
    beam_span custom = w->window.custom;
    set_window(w, window);
    free_custom(custom);
    bm_group_set_timer(g, w);
}

/* Its memory, where nothing else knows of it any more. */
static void free_window(bm_group_window *w)
{
    bm_values_free(&w->values);
    free_custom(w->window.custom);
    free(w->trigger);
    free(w);
}

void bm_group_window_forget(bm_grouping *g, bm_group_window *w)
{
    bm_group_key *key = w->key;
    bm_calendar_clear(&g->timers, &w->timer);
    bm_calendar_clear(&g->holds, &w->hold);
    if (w->trigger) {
        bm_calendar_clear(&g->clock, &w->trigger->clock);
        bm_calendar_clear(&g->synchronized_clock, &w->trigger->synchronized);
    }
    if (g->windowing->merging == BM_MERGE_NEVER)
        leave(g, w);
    else
        bm_group_unlist(g, w);
    free_window(w);
    g->n_windows--;
    key->n_windows--;
    bm_group_key_release(g, key);
}

static void free_list(bm_window_list *list)
{
    for (size_t i = 0; i < list->n; i++) free_window(list->at[i]);
}

void bm_group_table_free(bm_grouping *g)
{
    for (size_t i = 0; i < g->n_window_buckets; i++)
        for (bm_group_window *w = g->windows[i], *next; w; w = next) {
            next = w->next_in_bucket;
            free_window(w);
        }
    for (size_t i = 0; i < g->n_key_buckets; i++)
        for (bm_group_key *key = g->keys[i], *next; key; key = next) {
            next = key->next_in_bucket;
            free_list(&key->active);
            free_list(&key->closed);
            free_key(key);
        }
    free(g->windows);
    free(g->keys);
}

/* -- lists ---------------------------------------------------------------------------- */
/* Room for one more at the end; what is free at the front is used first. */
static void make_room(bm_window_list *list)
{
    size_t n_before = list->at ? (size_t)(list->at - list->memory) : 0;
    if (n_before + list->n < list->cap) return;
    if (n_before <= list->cap / 2) {
        list->cap = list->cap ? 2 * list->cap : 4;
        list->memory = bm_xrealloc(list->memory,
                                   bm_times(list->cap, sizeof(bm_group_window *)));
        list->at = list->memory + n_before;
        return;
    }
    memmove(list->memory, list->at, list->n * sizeof *list->at);
    list->at = list->memory;
}

void bm_window_list_insert(bm_window_list *list, size_t at, bm_group_window *w)
{
    make_room(list);
    memmove(list->at + at + 1, list->at + at, (list->n - at) * sizeof *list->at);
    list->at[at] = w;
    list->n++;
}

void bm_window_list_remove(bm_window_list *list, size_t at)
{
    list->n--;
    if (at < list->n / 2) { /* sessions end in their order */
        memmove(list->at + 1, list->at, at * sizeof *list->at);
        list->at++;
    } else {
        memmove(list->at + at, list->at + at + 1, (list->n - at) * sizeof *list->at);
    }
}
