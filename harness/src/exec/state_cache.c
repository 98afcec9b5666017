/* SPDX-License-Identifier: Apache-2.0 */
/* A hash map whose entries are also in a list, the one that was used last in front. Any
 * thread; the lock guards everything but the values, which do not change. */
#include "exec/state_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/writer.h"

enum { FIRST_BUCKETS = 64 };

typedef struct entry {
    struct entry *next_in_bucket;
    struct entry *newer, *older;
    uint64_t hash;
    bm_cached *value;
    size_t key_len;
    char key[];
} entry;

struct bm_state_cache {
    pthread_mutex_t lock;
    entry **buckets; /* a power of two of them */
    size_t n_buckets;
    entry *newest, *oldest;
    bm_writer key; /* scratch: the key that is looked for */
    bm_state_cache_stats stats;
};

/* What an entry takes, malloc's own share estimated. */
static size_t weight(size_t key_len, size_t value_len)
{
    enum { MALLOC_SHARE = 2 * 16 };
    return sizeof(entry) + key_len + sizeof(bm_cached) + value_len + MALLOC_SHARE;
}

/* -- values ------------------------------------------------------------------------------ */
static bm_cached *new_value(beam_span bytes)
{
    bm_cached *value = bm_xmalloc(sizeof *value + bytes.len);
    char *copy = (char *)(value + 1);
    if (bytes.len) memcpy(copy, bytes.ptr, bytes.len);
    value->bytes = (beam_span){ copy, bytes.len };
    atomic_init(&value->refs, 1);
    return value;
}

static bm_cached *ref(bm_cached *value)
{
    atomic_fetch_add_explicit(&value->refs, 1, memory_order_relaxed);
    return value;
}

void bm_cached_unref(bm_cached *value)
{
    if (value && atomic_fetch_sub_explicit(&value->refs, 1, memory_order_acq_rel) == 1)
        free(value);
}

/* -- keys -------------------------------------------------------------------------------- */
static void write_text(bm_writer *w, const char *text)
{
    bm_write_prefixed(w, text ? beam_span_of(text) : (beam_span){ "", 0 });
}

/* The parts of the key, each with its length; with the lock held. */
static beam_span flat_key(bm_state_cache *cache, const bm_state_key *key, beam_span token)
{
    bm_writer *w = &cache->key;
    w->len = 0;
    bm_write_u8(w, (uint8_t)key->kind);
    write_text(w, key->transform_id);
    write_text(w, key->id);
    bm_write_prefixed(w, key->window);
    bm_write_prefixed(w, key->key);
    bm_write_prefixed(w, key->map_key);
    bm_write_be64(w, (uint64_t)key->range_start);
    bm_write_be64(w, (uint64_t)key->range_end);
    bm_write_bytes(w, token.ptr, token.len);
    return bm_written(w);
}

/* -- the two structures: with the lock held -------------------------------------------------- */
static entry **bucket_of(bm_state_cache *cache, uint64_t hash)
{
    return &cache->buckets[hash & (cache->n_buckets - 1)];
}

/* Where the entry is linked, or would be. */
static entry **find(bm_state_cache *cache, beam_span key, uint64_t hash)
{
    entry **at = bucket_of(cache, hash);
    while (*at && ((*at)->hash != hash || (*at)->key_len != key.len
                   || memcmp((*at)->key, key.ptr, key.len) != 0))
        at = &(*at)->next_in_bucket;
    return at;
}

static void grow(bm_state_cache *cache)
{
    entry **old = cache->buckets;
    size_t n_old = cache->n_buckets;
    cache->n_buckets *= 2;
    cache->buckets = bm_xcalloc(cache->n_buckets, sizeof *cache->buckets);
    for (size_t i = 0; i < n_old; i++) {
        for (entry *one = old[i], *next; one; one = next) {
            next = one->next_in_bucket;
            entry **bucket = bucket_of(cache, one->hash);
            one->next_in_bucket = *bucket;
            *bucket = one;
        }
    }
    free(old);
}

static void unlink_age(bm_state_cache *cache, entry *one)
{
    *(one->newer ? &one->newer->older : &cache->newest) = one->older;
    *(one->older ? &one->older->newer : &cache->oldest) = one->newer;
}

static void link_newest(bm_state_cache *cache, entry *one)
{
    one->newer = NULL;
    one->older = cache->newest;
    *(one->older ? &one->older->newer : &cache->oldest) = one;
    cache->newest = one;
}

static void drop(bm_state_cache *cache, entry **at)
{
    entry *one = *at;
    *at = one->next_in_bucket;
    unlink_age(cache, one);
    cache->stats.bytes -= weight(one->key_len, one->value->bytes.len);
    cache->stats.entries--;
    bm_cached_unref(one->value);
    free(one);
}

static void make_room(bm_state_cache *cache, size_t bytes)
{
    while (cache->stats.bytes + bytes > cache->stats.max_bytes) {
        entry *oldest = cache->oldest;
        drop(cache, find(cache, (beam_span){ oldest->key, oldest->key_len }, oldest->hash));
        cache->stats.evictions++;
    }
}

static void add(bm_state_cache *cache, beam_span key, uint64_t hash, beam_span value)
{
    if (cache->stats.entries >= cache->n_buckets) grow(cache);
    entry *one = bm_xmalloc(sizeof *one + key.len);
    one->hash = hash;
    one->key_len = key.len;
    memcpy(one->key, key.ptr, key.len);
    one->value = new_value(value);
    entry **bucket = bucket_of(cache, hash);
    one->next_in_bucket = *bucket;
    *bucket = one;
    link_newest(cache, one);
    cache->stats.bytes += weight(key.len, value.len);
    cache->stats.entries++;
}

/* -- the cache -------------------------------------------------------------------------------- */
bm_state_cache *bm_state_cache_new(size_t max_bytes)
{
    bm_state_cache *cache = bm_xcalloc(1, sizeof *cache);
    pthread_mutex_init(&cache->lock, NULL);
    cache->n_buckets = FIRST_BUCKETS;
    cache->buckets = bm_xcalloc(cache->n_buckets, sizeof *cache->buckets);
    cache->stats.max_bytes = max_bytes;
    return cache;
}

void bm_state_cache_free(bm_state_cache *cache)
{
    if (!cache) return;
    for (entry *one = cache->newest, *older; one; one = older) {
        older = one->older;
        bm_cached_unref(one->value);
        free(one);
    }
    free(cache->buckets);
    bm_writer_free(&cache->key);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

bm_cached *bm_state_cache_get(bm_state_cache *cache, const bm_state_key *key, beam_span token)
{
    pthread_mutex_lock(&cache->lock);
    beam_span flat = flat_key(cache, key, token);
    entry *one = *find(cache, flat, bm_hash(flat.ptr, flat.len));
    bm_cached *value = NULL;
    if (one) {
        unlink_age(cache, one);
        link_newest(cache, one);
        value = ref(one->value);
        cache->stats.hits++;
    } else {
        cache->stats.misses++;
    }
    pthread_mutex_unlock(&cache->lock);
    return value;
}

void bm_state_cache_put(bm_state_cache *cache, const bm_state_key *key, beam_span token,
                        beam_span value)
{
    pthread_mutex_lock(&cache->lock);
    beam_span flat = flat_key(cache, key, token);
    uint64_t hash = bm_hash(flat.ptr, flat.len);
    entry **at = find(cache, flat, hash);
    if (*at) drop(cache, at);
    size_t bytes = weight(flat.len, value.len);
    if (bytes <= cache->stats.max_bytes) {
        make_room(cache, bytes);
        add(cache, flat, hash, value);
    }
    pthread_mutex_unlock(&cache->lock);
}

void bm_state_cache_remove(bm_state_cache *cache, const bm_state_key *key, beam_span token)
{
    pthread_mutex_lock(&cache->lock);
    beam_span flat = flat_key(cache, key, token);
    entry **at = find(cache, flat, bm_hash(flat.ptr, flat.len));
    if (*at) drop(cache, at);
    pthread_mutex_unlock(&cache->lock);
}

/* Keys end in their token. */
static bool is_under(const entry *one, beam_span token)
{
    return one->key_len >= token.len
           && !memcmp(one->key + one->key_len - token.len, token.ptr, token.len);
}

void bm_state_cache_forget(bm_state_cache *cache, beam_span token)
{
    if (!token.len) return;
    pthread_mutex_lock(&cache->lock);
    for (entry *one = cache->newest, *older; one; one = older) {
        older = one->older;
        if (is_under(one, token))
            drop(cache, find(cache, (beam_span){ one->key, one->key_len }, one->hash));
    }
    pthread_mutex_unlock(&cache->lock);
}

bm_state_cache_stats bm_state_cache_look(bm_state_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    bm_state_cache_stats stats = cache->stats;
    pthread_mutex_unlock(&cache->lock);
    return stats;
}
