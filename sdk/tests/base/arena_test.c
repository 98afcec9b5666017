/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas: alignment, reuse, rewinding, what is released with them. */
#include "base/arena.h"

#include "run_tests.h"

START_TEST(memory_is_aligned_and_apart)
{
    bm_arena arena;
    bm_arena_init(&arena, 256);
    char *last = NULL;
    for (size_t n = 1; n < 1000; n += 7) {
        char *p = bm_alloc(&arena, n);
        ck_assert_uint_eq((uintptr_t)p % 16, 0);
        memset(p, (int)n, n);
        if (last) ck_assert_int_eq(last[0], (char)(n - 7));
        last = p;
    }
    bm_arena_free(&arena);
}
END_TEST

START_TEST(nothing_is_something)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    char *a = bm_alloc(&arena, 0), *b = bm_alloc(&arena, 0), *c = bm_alloc(&arena, 1);
    ck_assert_ptr_nonnull(a);
    ck_assert(b == a + 16 && c == b + 16);
    bm_arena_free(&arena);
}
END_TEST

START_TEST(reset_reuses_memory)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    void *first = bm_alloc(&arena, 100);
    bm_alloc(&arena, 10000);
    void *third = bm_alloc(&arena, 5000);
    for (int i = 0; i < 3; i++) {
        bm_arena_reset(&arena);
        ck_assert_ptr_eq(bm_alloc(&arena, 100), first);
        bm_alloc(&arena, 10000);
        ck_assert_ptr_eq(bm_alloc(&arena, 5000), third);
    }
    bm_arena_free(&arena);
    ck_assert_ptr_nonnull(bm_alloc(&arena, 1)); /* usable again */
    bm_arena_free(&arena);
}
END_TEST

START_TEST(shrinking_keeps_the_first_blocks)
{
    bm_arena arena;
    bm_arena_init(&arena, 1024);
    void *first = bm_alloc(&arena, 1000);
    void *second = bm_alloc(&arena, 1000);
    for (int i = 0; i < 100; i++) memset(bm_alloc(&arena, 1000), i, 1000);
    bm_arena_shrink(&arena, 3000);
    ck_assert_ptr_eq(bm_alloc(&arena, 1000), first);
    ck_assert_ptr_eq(bm_alloc(&arena, 1000), second);
    memset(bm_alloc(&arena, 1000), 1, 1000);
    bm_arena_shrink(&arena, 100); /* less than one block: nothing is kept */
    ck_assert_ptr_null(arena.first);
    ck_assert_ptr_nonnull(bm_alloc(&arena, 16));
    bm_arena_shrink(&arena, 0);
    ck_assert_ptr_null(arena.first);
    bm_arena_free(&arena);
}
END_TEST

START_TEST(rewind_frees_what_came_after)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    bm_mark start = bm_arena_mark(&arena);
    char *kept = bm_strdup(&arena, "kept");
    bm_mark mark = bm_arena_mark(&arena);
    void *p = bm_alloc(&arena, 16);
    bm_alloc(&arena, 100000);
    bm_arena_rewind(&arena, mark);
    ck_assert_ptr_eq(bm_alloc(&arena, 16), p);
    ck_assert_str_eq(kept, "kept");
    bm_arena_rewind(&arena, start);
    ck_assert_ptr_eq(bm_alloc(&arena, 16), kept);
    bm_arena_free(&arena);
}
END_TEST

START_TEST(growing_requests_do_not_add_up)
{
    bm_arena arena;
    bm_arena_init(&arena, 1024);
    size_t total = 0, last = 0;
    for (size_t n = 2048; n < 1 << 20; n += 1024) {
        bm_arena_reset(&arena);
        bm_alloc(&arena, 1024);
        bm_alloc(&arena, n);
        size_t size = (size_t)(arena.end - (arena.at - n));
        if (size != last) total += last = size;
    }
    ck_assert_uint_lt(total, 8 << 20);
    bm_arena_free(&arena);
}
END_TEST

static void count(void *object)
{
    ++*(int *)object;
}

START_TEST(cleanups)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    int early = 0, late = 0;
    bm_arena_defer(&arena, count, &early);
    bm_mark mark = bm_arena_mark(&arena);
    bm_arena_defer(&arena, count, &late);
    bm_arena_defer(&arena, count, &late);
    bm_arena_rewind(&arena, mark);
    ck_assert_int_eq(early, 0);
    ck_assert_int_eq(late, 2);
    bm_arena_rewind(&arena, mark);
    ck_assert_int_eq(late, 2);
    bm_arena_reset(&arena);
    ck_assert_int_eq(early, 1);
    bm_arena_defer(&arena, count, &late);
    bm_arena_free(&arena);
    ck_assert_int_eq(early, 1);
    ck_assert_int_eq(late, 3);
}
END_TEST

START_TEST(strings)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    ck_assert_str_eq(bm_format(&arena, "%d-%s", 5, "x"), "5-x");
    beam_span copy = bm_span_copy(&arena, (beam_span){ "a\0b", 3 });
    ck_assert(beam_span_equal(copy, (beam_span){ "a\0b", 3 }));
    ck_assert_int_eq(copy.ptr[3], 0);
    ck_assert_str_eq(bm_cstr(&arena, (beam_span){ NULL, 0 }), "");
    ck_assert(beam_span_equal(beam_span_of(NULL), beam_span_of("")));
    ck_assert(!beam_span_equal(beam_span_of("a"), beam_span_of("b")));
    int *zeros = BM_NEW_ARRAY(&arena, int, 100);
    for (int i = 0; i < 100; i++) ck_assert_int_eq(zeros[i], 0);
    bm_arena_free(&arena);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { memory_is_aligned_and_apart,
                                   nothing_is_something,
                                   reset_reuses_memory,
                                   shrinking_keeps_the_first_blocks,
                                   rewind_frees_what_came_after,
                                   growing_requests_do_not_add_up,
                                   cleanups,
                                   strings };
    return RUN_TESTS("arena", tests);
}
