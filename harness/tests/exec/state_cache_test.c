/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of state: what is found, what is given up, and how much it keeps. */
#include "exec/state_cache.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"

static bm_state_key bag(const char *key)
{
    return (bm_state_key){ .kind = BM_STATE_BAG_USER_STATE,
                           .transform_id = "fn",
                           .id = "pending",
                           .window = beam_span_of("w"),
                           .key = beam_span_of(key) };
}

static void put(bm_state_cache *cache, bm_state_key key, const char *token, const char *value)
{
    bm_state_cache_put(cache, &key, beam_span_of(token), beam_span_of(value));
}

static bool has(bm_state_cache *cache, bm_state_key key, const char *token, const char *value)
{
    bm_cached *found = bm_state_cache_get(cache, &key, beam_span_of(token));
    bool same = found && beam_span_equal(found->bytes, beam_span_of(value));
    bm_cached_unref(found);
    return same;
}

static bool has_none(bm_state_cache *cache, bm_state_key key, const char *token)
{
    bm_cached *found = bm_state_cache_get(cache, &key, beam_span_of(token));
    bm_cached_unref(found);
    return !found;
}

START_TEST(st_14_every_part_of_the_key_counts)
{
    bm_state_cache *cache = bm_state_cache_new(1 << 20);
    bm_state_key other[9];
    for (size_t i = 0; i < BEAM_COUNT(other); i++) other[i] = bag("k");
    other[0].kind = BM_STATE_MULTIMAP_KEYS_USER_STATE;
    other[1].transform_id = "fn2";
    other[2].id = "other";
    other[3].window = beam_span_of("w2");
    other[4].key = beam_span_of("k2");
    other[5].map_key = beam_span_of("m");
    other[6].range_start = 1;
    other[7].range_end = 1;
    other[8].window = beam_span_of("wk"); /* not where one part ends and the next begins */
    other[8].key = beam_span_of("");
    put(cache, bag("k"), "token", "value");
    for (size_t i = 0; i < BEAM_COUNT(other); i++)
        ck_assert(has_none(cache, other[i], "token"));
    ck_assert(has_none(cache, bag("k"), "token2"));
    ck_assert(has(cache, bag("k"), "token", "value"));
    put(cache, other[1], "token", "of fn2");
    ck_assert(has(cache, bag("k"), "token", "value"));
    ck_assert(has(cache, other[1], "token", "of fn2"));
    bm_state_cache_free(cache);
}
END_TEST

START_TEST(st_14_a_put_replaces_and_a_remove_removes)
{
    bm_state_cache *cache = bm_state_cache_new(1 << 20);
    put(cache, bag("k"), "t", "one");
    bm_state_key key = bag("k");
    bm_cached *held = bm_state_cache_get(cache, &key, beam_span_of("t"));
    size_t bytes = bm_state_cache_look(cache).bytes;
    put(cache, bag("k"), "t", "two");
    ck_assert(has(cache, bag("k"), "t", "two"));
    ck_assert(beam_span_equal(held->bytes, beam_span_of("one"))); /* what is held stays */
    ck_assert_uint_eq(bm_state_cache_look(cache).entries, 1);
    ck_assert_uint_eq(bm_state_cache_look(cache).bytes, bytes);
    put(cache, bag("k"), "t", ""); /* known to be empty is not the same as not known */
    ck_assert(has(cache, bag("k"), "t", ""));
    bm_state_cache_remove(cache, &key, beam_span_of("t"));
    bm_state_cache_remove(cache, &key, beam_span_of("t"));
    ck_assert(has_none(cache, bag("k"), "t"));
    ck_assert_uint_eq(bm_state_cache_look(cache).bytes, 0);
    bm_state_cache_free(cache);
    ck_assert(beam_span_equal(held->bytes, beam_span_of("one")));
    bm_cached_unref(held);
}
END_TEST

START_TEST(cp_08_what_is_under_a_token_is_forgotten)
{
    bm_state_cache *cache = bm_state_cache_new(1 << 20);
    char key[20];
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "k%d", i);
        put(cache, bag(key), i % 2 ? "odd" : "even", "value");
    }
    bm_state_cache_forget(cache, beam_span_of("odd"));
    ck_assert_uint_eq(bm_state_cache_look(cache).entries, 50);
    ck_assert(has_none(cache, bag("k1"), "odd"));
    ck_assert(has(cache, bag("k98"), "even", "value"));
    bm_state_cache_forget(cache, (beam_span){ NULL, 0 }); /* no token vouches for nothing */
    ck_assert_uint_eq(bm_state_cache_look(cache).entries, 50);
    bm_state_cache_forget(cache, beam_span_of("even"));
    ck_assert_uint_eq(bm_state_cache_look(cache).bytes, 0);
    bm_state_cache_free(cache);
}
END_TEST

START_TEST(st_14_keeps_its_bound_and_what_was_used_last)
{
    enum { MOST = 100 * 1000, ENTRIES = 1000 };
    bm_state_cache *cache = bm_state_cache_new(MOST);
    char key[20], value[801];
    memset(value, 'v', 800);
    value[800] = '\0';
    put(cache, bag("used"), "t", "always");
    for (int i = 0; i < ENTRIES; i++) {
        snprintf(key, sizeof key, "k%d", i);
        put(cache, bag(key), "t", value);
        ck_assert_uint_le(bm_state_cache_look(cache).bytes, MOST);
        ck_assert(has(cache, bag("used"), "t", "always"));
    }
    bm_state_cache_stats stats = bm_state_cache_look(cache);
    ck_assert_uint_gt(stats.entries, 50);
    ck_assert_uint_eq(stats.evictions, ENTRIES + 1 - stats.entries);
    ck_assert(has(cache, bag("k999"), "t", value));
    ck_assert(has_none(cache, bag("k0"), "t"));
    ck_assert_uint_eq(stats.hits, ENTRIES);
    ck_assert_uint_eq(bm_state_cache_look(cache).misses, 1);
    bm_state_cache_free(cache);
}
END_TEST

START_TEST(st_14_what_does_not_fit_is_not_kept)
{
    bm_state_cache *cache = bm_state_cache_new(1000);
    put(cache, bag("small"), "t", "x");
    put(cache, bag("large"), "t", "x");
    char *large = calloc(1, 1001);
    memset(large, 'x', 1000);
    put(cache, bag("large"), "t", large);
    ck_assert(has_none(cache, bag("large"), "t")); /* nor is the old one, which is wrong now */
    ck_assert(has(cache, bag("small"), "t", "x"));
    bm_state_cache_free(cache);
    cache = bm_state_cache_new(0);
    put(cache, bag("k"), "t", "x");
    ck_assert(has_none(cache, bag("k"), "t"));
    bm_state_cache_free(cache);
    free(large);
}
END_TEST

static void *use(void *cache)
{
    char key[20], value[200] = { 0 };
    for (int i = 0; i < 20000; i++) {
        snprintf(key, sizeof key, "k%d", i % 97);
        snprintf(value, sizeof value, "%s of %0*d", key, i % 150 + 1, 0);
        put(cache, bag(key), "t", value);
        bm_state_key one = bag(key);
        bm_cached *found = bm_state_cache_get(cache, &one, beam_span_of("t"));
        if (found) ck_assert(!strncmp(found->bytes.ptr, key, strlen(key)));
        bm_cached_unref(found);
    }
    return NULL;
}

START_TEST(st_14_many_threads_share_it)
{
    bm_state_cache *cache = bm_state_cache_new(10000);
    pthread_t threads[4];
    for (size_t i = 0; i < BEAM_COUNT(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, use, cache), 0);
    for (size_t i = 0; i < BEAM_COUNT(threads); i++) pthread_join(threads[i], NULL);
    ck_assert_uint_le(bm_state_cache_look(cache).bytes, 10000);
    bm_state_cache_free(cache);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        st_14_every_part_of_the_key_counts,
        st_14_a_put_replaces_and_a_remove_removes,
        cp_08_what_is_under_a_token_is_forgotten,
        st_14_keeps_its_bound_and_what_was_used_last,
        st_14_what_does_not_fit_is_not_kept,
        st_14_many_threads_share_it,
    };
    return run_tests("state_cache", tests, BEAM_COUNT(tests));
}
