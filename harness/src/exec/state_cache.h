/* SPDX-License-Identifier: Apache-2.0 */
/* exec/state_cache.h - contents of state that outlive a bundle, under the runner's cache
 * tokens (ProcessBundleRequest.cache_tokens): as long as the token is the same, what is
 * here is what the runner has. One cache a worker, shared by all its plans. Any thread. */
#ifndef BM_STATE_CACHE_H
#define BM_STATE_CACHE_H

#include "exec/plan.h"

/* Immutable bytes, shared by reference. */
typedef struct bm_cached {
    beam_span bytes;
    _Atomic(size_t) refs; /* the cache's and the users' */
} bm_cached;
void bm_cached_unref(bm_cached *value); /* NULL is allowed */

typedef struct bm_state_cache_stats {
    size_t bytes, max_bytes, entries; /* bytes: with keys and upkeep */
    uint64_t hits, misses, evictions;
} bm_state_cache_stats;

/* Keeps at most so many bytes, and gives up what was not used for the longest time.
 * 0: keeps nothing. Memory is taken as it fills. */
bm_state_cache *bm_state_cache_new(size_t max_bytes);
void bm_state_cache_free(bm_state_cache *cache);

/* A reference to what is known of the key under the token; NULL: nothing. */
bm_cached *bm_state_cache_get(bm_state_cache *cache, const bm_state_key *key, beam_span token);
/* Copies `value`, which replaces what was there. One that is larger than the cache is not
 * kept. */
void bm_state_cache_put(bm_state_cache *cache, const bm_state_key *key, beam_span token,
                        beam_span value);
void bm_state_cache_remove(bm_state_cache *cache, const bm_state_key *key, beam_span token);
/* Everything under the token: a bundle has failed, and the runner takes back what it wrote,
 * but not always the token. */
void bm_state_cache_forget(bm_state_cache *cache, beam_span token);
bm_state_cache_stats bm_state_cache_look(bm_state_cache *cache);

#endif
