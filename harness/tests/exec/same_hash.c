/* SPDX-License-Identifier: Apache-2.0 */
/* See same_hash.h. */
#include "same_hash.h"

#include <check.h>
#include <ctype.h>
#include <stdio.h>

#include "base/map.h"

enum { WORD = 8, MOST_TRIES = 10000000 };

/* What bm_hash_inline() keeps of the first of two words. */
static uint64_t after_first(const char *key)
{
    const uint64_t prime = 0x9e3779b97f4a7c15u;
    uint64_t word;
    memcpy(&word, key, WORD);
    __uint128_t wide = (__uint128_t)(word ^ SAME_HASH_BYTES * prime) * prime;
    return (uint64_t)wide ^ (uint64_t)(wide >> 64);
}

static bool is_readable(const char *word)
{
    for (size_t i = 0; i < WORD; i++)
        if (!isgraph((unsigned char)word[i]) || strchr("\"\\", word[i])) return false;
    return true;
}

/* The second word undoes what another first one makes of the hash. */
void same_hash_keys(char (*keys)[SAME_HASH_BYTES + 1], size_t n)
{
    char key[SAME_HASH_BYTES + 1] = "00000000samehash";
    uint64_t second;
    memcpy(&second, key + WORD, WORD);
    const uint64_t sum = second ^ after_first(key), hash = bm_hash(key, SAME_HASH_BYTES);
    size_t found = 0;
    for (int i = 0; found < n && i < MOST_TRIES; i++) {
        snprintf(key, sizeof key, "%08d", i);
        second = sum ^ after_first(key);
        memcpy(key + WORD, &second, WORD);
        if (is_readable(key + WORD)) memcpy(keys[found++], key, sizeof key);
    }
    ck_assert_uint_eq(found, n);
    for (size_t i = 0; i < n; i++) ck_assert(bm_hash(keys[i], SAME_HASH_BYTES) == hash);
}
