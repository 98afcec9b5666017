/* SPDX-License-Identifier: Apache-2.0 */
/* The hash map, against what it must hold. */
#include "base/map.h"

#include "run_tests.h"

enum { N = 5000 };

static beam_span key_of(bm_arena *arena, int i)
{
    return beam_span_of(bm_format(arena, "key %d", i));
}

START_TEST(many_keys)
{
    static int values[N];
    bm_arena arena;
    bm_arena_init(&arena, 0);
    bm_map map;
    bm_map_init(&map, &arena);
    ck_assert_ptr_null(bm_map_get(&map, beam_span_of("x")));
    for (int i = 0; i < N; i++) bm_map_put(&map, key_of(&arena, i), &values[i]);
    ck_assert_uint_eq(map.n, N);
    for (int i = 0; i < N; i++)
        ck_assert_ptr_eq(bm_map_get(&map, key_of(&arena, i)), &values[i]);
    ck_assert_ptr_null(bm_map_get(&map, key_of(&arena, N)));
    int i = 0;
    BM_MAP_EACH(&map, entry) ck_assert_ptr_eq(entry->value, &values[i++]);
    ck_assert_int_eq(i, N);
    bm_arena_free(&arena);
}
END_TEST

START_TEST(keys_are_bytes)
{
    int a, b, c;
    bm_arena arena;
    bm_arena_init(&arena, 0);
    bm_map map;
    bm_map_init(&map, &arena);
    bm_map_put(&map, (beam_span){ "\0", 1 }, &a);
    bm_map_put(&map, (beam_span){ "\0\0", 2 }, &b);
    bm_map_put(&map, (beam_span){ NULL, 0 }, &c);
    ck_assert_ptr_eq(bm_map_get(&map, (beam_span){ "\0", 1 }), &a);
    ck_assert_ptr_eq(bm_map_get(&map, (beam_span){ "\0\0", 2 }), &b);
    ck_assert_ptr_eq(bm_map_get(&map, (beam_span){ "", 0 }), &c);
    bm_arena_free(&arena);
}
END_TEST

START_TEST(replacing_and_copied_keys)
{
    int a, b;
    char key[] = "key";
    bm_arena arena;
    bm_arena_init(&arena, 0);
    bm_map map;
    bm_map_init(&map, &arena);
    bm_map_put_copy(&map, beam_span_of(key), &a);
    bm_map_put_copy(&map, beam_span_of(key), &b);
    key[0] = 'x';
    ck_assert_uint_eq(map.n, 1);
    ck_assert_ptr_eq(bm_map_get(&map, beam_span_of("key")), &b);
    bool is_new;
    *bm_map_slot(&map, beam_span_of("key"), &is_new) = &a;
    ck_assert(!is_new);
    ck_assert_ptr_eq(bm_map_get(&map, beam_span_of("key")), &a);
    ck_assert_ptr_null(*bm_map_slot(&map, beam_span_of("new"), &is_new));
    ck_assert(is_new);
    bm_arena_free(&arena);
}
END_TEST

START_TEST(hashes_spread)
{
    /* keys that differ in one bit must not fall into few of 256 classes */
    int used[256] = { 0 }, n = 0;
    for (unsigned i = 0; i < 4096; i++) {
        unsigned char key[12] = { (unsigned char)i, 0, 0, 0, (unsigned char)(i >> 8) };
        uint64_t hash = bm_hash(key, sizeof key);
        n += !used[hash & 255]++;
    }
    ck_assert_int_eq(n, 256);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { many_keys, keys_are_bytes, replacing_and_copied_keys,
                                   hashes_spread };
    return RUN_TESTS("map", tests);
}
