/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded tries: paths, cutting of the largest branch, merging. */
#include "base/trie.h"

#include <stdio.h>

#include "run_tests.h"
#include "base/writer.h"

static void write_path(void *self, const beam_span *path, size_t n, bool truncated)
{
    bm_writer *out = self;
    if (out->len) bm_write_u8(out, ' ');
    for (size_t i = 0; i < n; i++) {
        if (i) bm_write_u8(out, '/');
        bm_write_bytes(out, path[i].ptr, path[i].len);
    }
    if (truncated) bm_write_u8(out, '*');
}

static void expect_paths(const bm_trie *trie, const char *paths)
{
    bm_writer out = { 0 };
    bm_trie_each(trie, write_path, &out);
    bm_write_u8(&out, 0);
    ck_assert_str_eq((const char *)out.data, paths);
    bm_writer_free(&out);
}

/* "a/b/c", with "*" at the end: truncated. */
static void add(bm_trie *trie, const char *text)
{
    beam_span path[64];
    size_t n = 0, length = strlen(text);
    bool truncated = length && text[length - 1] == '*';
    if (truncated) length--;
    for (const char *at = text, *end = text + length; at < end;) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        const char *stop = slash ? slash : end;
        path[n++] = (beam_span){ at, (size_t)(stop - at) };
        at = stop + 1;
    }
    bm_trie_add(trie, path, n, truncated);
}

START_TEST(paths_and_prefixes)
{
    bm_arena arena;
    bm_trie trie;
    bm_arena_init(&arena, 0);
    bm_trie_init(&trie, &arena, 10);
    expect_paths(&trie, "");
    add(&trie, "");
    expect_paths(&trie, "");
    add(&trie, "a/b");
    add(&trie, "a/b");
    add(&trie, "a");
    add(&trie, "a/c/d");
    expect_paths(&trie, "a/b a/c/d");
    add(&trie, "a/c*");
    add(&trie, "a/c/e");
    expect_paths(&trie, "a/b a/c*");
    ck_assert_uint_eq(trie.root->leaves, 2);
    bm_arena_free(&arena);
}
END_TEST

START_TEST(the_largest_branch_is_cut)
{
    bm_arena arena;
    bm_trie trie, other;
    bm_arena_init(&arena, 0);
    bm_trie_init(&trie, &arena, 3);
    add(&trie, "x/1");
    add(&trie, "y/1");
    add(&trie, "y/2");
    expect_paths(&trie, "x/1 y/1 y/2");
    add(&trie, "y/3");
    expect_paths(&trie, "x/1 y*");
    bm_trie_init(&other, &arena, 100);
    add(&other, "z/1");
    add(&other, "z/2");
    add(&other, "y/4");
    bm_trie_merge(&trie, &other);
    expect_paths(&trie, "x/1 y* z*");
    add(&trie, "w");
    expect_paths(&trie, "*");
    bm_arena_free(&arena);
}
END_TEST

START_TEST(deep_paths_are_cut)
{
    bm_arena arena;
    bm_trie trie;
    bm_arena_init(&arena, 0);
    bm_trie_init(&trie, &arena, 3);
    add(&trie, "1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1");
    expect_paths(&trie, "1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1*");
    bm_arena_free(&arena);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { paths_and_prefixes, the_largest_branch_is_cut,
                                   deep_paths_are_cut };
    return RUN_TESTS("trie", tests);
}
