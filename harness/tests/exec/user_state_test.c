/* SPDX-License-Identifier: Apache-2.0 */
/* User state: what each kind gives, what goes to the runner, and what is refused. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "exec/state_cache.h"
#include "keyed.h"
#include "same_hash.h"

/* Runs one bundle of one element of key "k" and compares what it emits. */
static void step(keyed *k, const char *commands, const char *expected)
{
    keyed_put(k, "k", commands);
    keyed_run(k);
    expect_keyed(k, expected);
}

static int count(const char *text, const char *part)
{
    int n = 0;
    for (; (text = strstr(text, part)); text += strlen(part)) n++;
    return n;
}

/* Shows the first line that differs. */
static void expect_same(const char *got, const char *expected, const char *how)
{
    size_t at = 0, line = 0;
    for (; got[at] && got[at] == expected[at]; at++)
        if (got[at] == '\n') line = at + 1;
    ck_assert_msg(got[at] == expected[at], "%s: got %.80s..., expected %.80s...", how, got + line,
                  expected + line);
}

START_TEST(a_value_is_read_once_and_written_once)
{
    keyed k;
    keyed_init(&k, false);
    keyed_put(&k, "k", "v? v=5 v?");
    keyed_put(&k, "k", "v=6 v? v0");
    keyed_run(&k);
    expect_keyed(&k, "\"k v? none\" @0\n\"k v? 5\" @0\n\"k v? 6\" @0\n\"k v0 false\" @0\n");
    ck_assert_str_eq(keyed_trace(&k), "get v k\nappend v k\n");
    step(&k, "v? v?", "\"k v? 6\" @0\n\"k v? 6\" @0\n");
    ck_assert_str_eq(keyed_trace(&k), "get v k\n");
    step(&k, "v=7", "");
    ck_assert_str_eq(keyed_trace(&k), "clear v k\nappend v k\n");
    step(&k, "v- v? v0", "\"k v? none\" @0\n\"k v0 true\" @0\n");
    ck_assert_str_eq(keyed_trace(&k), "clear v k\n");
    keyed_free(&k);
}
END_TEST

START_TEST(keys_have_states_of_their_own)
{
    keyed k;
    keyed_init(&k, false);
    keyed_put(&k, "a", "v=1 b+x");
    keyed_put(&k, "b", "v? v=2 b?");
    keyed_put(&k, "a", "v? b?");
    keyed_run(&k);
    expect_keyed(&k, "\"b v? none\" @0\n\"b b? []\" @0\n\"a v? 1\" @0\n\"a b? [x]\" @0\n");
    keyed_put(&k, "b", "v?");
    keyed_put(&k, "a", "v?");
    keyed_run(&k);
    expect_keyed(&k, "\"b v? 2\" @0\n\"a v? 1\" @0\n");
    keyed_free(&k);
}
END_TEST

START_TEST(keys_of_the_same_hash_have_states_of_their_own)
{
    enum { KEYS = 40 }; /* the table grows from 64 slots, half of them used */
    char keys[KEYS][SAME_HASH_BYTES + 1];
    same_hash_keys(keys, KEYS);
    keyed k;
    keyed_init(&k, false);
    bm_arena *arena = &k.f.arena;
    const char *states = "", *timers = "";
    for (int i = 0; i < KEYS; i++) {
        bool clears = i % 2 == 0;
        const char *key = keys[i];
        states = clears ? bm_format(arena, "%s\"%s v? none\" @0\n\"%s b? []\" @0\n",
                                    states, key, key)
                        : bm_format(arena, "%s\"%s v? %d\" @0\n\"%s b? [x%d y]\" @0\n",
                                    states, key, i, key, i);
        timers = clears ? bm_format(arena, "%se %s clear\n", timers, key)
                        : bm_format(arena, "%se %s at %d, hold %d\n", timers, key, i, i);
        keyed_put(&k, key, bm_format(arena, "v=%d b+x%d e=%d", i, i, i));
    }
    for (int i = KEYS; i--;) keyed_put(&k, keys[i], i % 2 ? "b+y" : "v- b- e-");
    for (int i = 0; i < KEYS; i++) keyed_put(&k, keys[i], "v? b?");
    keyed_run(&k);
    expect_same(keyed_output(&k), states, "in the bundle");
    expect_same(keyed_timers(&k), timers, "timers");
    for (int i = 0; i < KEYS; i++) keyed_put(&k, keys[i], "v? b?");
    keyed_run(&k);
    expect_same(keyed_output(&k), states, "in the next bundle");
    keyed_free(&k);
}
END_TEST

/* The hash has the end of a window only. */
START_TEST(windows_of_the_same_end_have_states_of_their_own)
{
    keyed k;
    keyed_init_in_windows(&k, 0);
    const beam_window windows[] = { { 0, 10, { NULL, 0 } }, { 5, 10, { NULL, 0 } } };
    for (int i = 0; i < 4; i++)
        fixture_put_in(&k.f, 0, fixture_kv(&k.f, text_value("k"),
                                           text_value(i == 2 ? "v? v-" : "v? v=1")),
                       7, &windows[i % 2], 1);
    for (int i = 0; i < 2; i++)
        fixture_put_in(&k.f, 0, fixture_kv(&k.f, text_value("k"), text_value("v?")), 7,
                       &windows[i], 1);
    keyed_run(&k);
    expect_keyed(&k, "\"k v? none\" @7 [0, 10)\n\"k v? none\" @7 [5, 10)\n"
                     "\"k v? 1\" @7 [0, 10)\n\"k v? 1\" @7 [5, 10)\n"
                     "\"k v? none\" @7 [0, 10)\n\"k v? 1\" @7 [5, 10)\n");
    keyed_free(&k);
}
END_TEST

START_TEST(adding_to_a_bag_reads_nothing)
{
    keyed k;
    keyed_init(&k, false);
    step(&k, "b+x b+y", "");
    ck_assert_str_eq(keyed_trace(&k), "append b k\n");
    ck_assert(beam_span_equal(keyed_stored(&k, "b", "k"), beam_span_of("\1x\1y")));
    step(&k, "b? b+z b? b0", "\"k b? [x y]\" @0\n\"k b? [x y z]\" @0\n\"k b0 false\" @0\n");
    ck_assert_str_eq(keyed_trace(&k), "get b k\nappend b k\n");
    step(&k, "b- b+w b? ", "\"k b? [w]\" @0\n");
    ck_assert_str_eq(keyed_trace(&k), "clear b k\nappend b k\n");
    step(&k, "b- b0 b?", "\"k b0 true\" @0\n\"k b? []\" @0\n");
    keyed_free(&k);
}
END_TEST

START_TEST(a_combining_state_is_kept_as_one_accumulator)
{
    keyed k;
    keyed_init(&k, false);
    step(&k, "c0 c? c+5 c0", "\"k c0 true\" @0\n\"k c? 0\" @0\n\"k c0 false\" @0\n");
    step(&k, "c+1 c+2", "");
    step(&k, "c? c+4 c?", "\"k c? 8\" @0\n\"k c? 12\" @0\n");
    ck_assert_str_eq(keyed_trace(&k), "get c k\nclear c k\nappend c k\n");
    ck_assert(beam_span_equal(keyed_stored(&k, "c", "k"), beam_span_of("\14")));
    step(&k, "c- c+1 c?", "\"k c? 1\" @0\n");
    keyed_free(&k);
}
END_TEST

/* Every bundle adds an accumulator without reading the others. */
START_TEST(a_combining_state_that_is_never_read_stays_small)
{
    keyed k;
    keyed_init(&k, false);
    for (int i = 0; i < 2000; i++) step(&k, "c+1", "");
    ck_assert_uint_lt(keyed_stored(&k, "c", "k").len, 1000);
    step(&k, "c?", "\"k c? 2000\" @0\n");
    keyed_free(&k);
}
END_TEST

START_TEST(sets)
{
    keyed k;
    keyed_init(&k, _i);
    step(&k, "s0 s+x s+y s+x s? s:x s:z s0",
         "\"k s0 true\" @0\n\"k s? [x y]\" @0\n\"k s:x true\" @0\n\"k s:z false\" @0\n"
         "\"k s0 false\" @0\n");
    step(&k, "s+z s/x", "");
    step(&k, "s? s:x", "\"k s? [y z]\" @0\n\"k s:x false\" @0\n");
    step(&k, "s- s+a s?", "\"k s? [a]\" @0\n");
    step(&k, "s? s/a s? s0", "\"k s? [a]\" @0\n\"k s? []\" @0\n\"k s0 true\" @0\n");
    step(&k, "s0", "\"k s0 true\" @0\n");
    keyed_free(&k);
}
END_TEST

START_TEST(maps)
{
    keyed k;
    keyed_init(&k, _i);
    step(&k, "m0 m=x,1 m=y,2 m=x,3 m? m# m@x m@z",
         "\"k m0 true\" @0\n\"k m? [x:3 y:2]\" @0\n\"k m# [x y]\" @0\n\"k m@x 3\" @0\n"
         "\"k m@z none\" @0\n");
    step(&k, "m/x m=z,9", "");
    step(&k, "m? m:x m:z m@y", "\"k m? [y:2 z:9]\" @0\n\"k m:x false\" @0\n\"k m:z true\" @0\n"
                               "\"k m@y 2\" @0\n");
    step(&k, "m- m=a,1", "");
    step(&k, "m# m0", "\"k m# [a]\" @0\n\"k m0 false\" @0\n");
    keyed_free(&k);
}
END_TEST

START_TEST(multimaps)
{
    keyed k;
    keyed_init(&k, _i);
    step(&k, "u0 u=x,1 u=x,1 u=y,2 u? u@x u# u:y u:z",
         "\"k u0 true\" @0\n\"k u? [x:1 x:1 y:2]\" @0\n\"k u@x [1 1]\" @0\n\"k u# [x y]\" @0\n"
         "\"k u:y true\" @0\n\"k u:z false\" @0\n");
    step(&k, "u=x,3 u@x", "\"k u@x [1 1 3]\" @0\n");
    step(&k, "u/x u=x,4", "");
    step(&k, "u? u/y u#", "\"k u? [x:4 y:2]\" @0\n\"k u# [x]\" @0\n");
    step(&k, "u- u0 u=b,1", "\"k u0 true\" @0\n");
    step(&k, "u?", "\"k u? [b:1]\" @0\n");
    keyed_free(&k);
}
END_TEST

START_TEST(ordered_lists)
{
    keyed k;
    keyed_init(&k, _i);
    step(&k, "l0 l+7,x l+3,y l+7,z l? l@3,7 l@4,100",
         "\"k l0 true\" @0\n\"k l? [3:y 7:x 7:z]\" @0\n\"k l@3,7 [3:y]\" @0\n"
         "\"k l@4,100 [7:x 7:z]\" @0\n");
    step(&k, "l+5,w l/6,8 l+7,v", "");
    step(&k, "l? l@0,4 l@9,2", "\"k l? [3:y 5:w 7:v]\" @0\n\"k l@0,4 [3:y]\" @0\n"
                               "\"k l@9,2 []\" @0\n");
    step(&k, "l@3,6 l+4,q l/5,6 l@3,6 l+-2,n l?",
         "\"k l@3,6 [3:y 5:w]\" @0\n\"k l@3,6 [3:y 4:q]\" @0\n\"k l? [-2:n 3:y 4:q 7:v]\" @0\n");
    step(&k, "l- l+1,a l?", "\"k l? [1:a]\" @0\n");
    step(&k, "l?", "\"k l? [1:a]\" @0\n");
    keyed_free(&k);
}
END_TEST

/* Without compaction the log would have 3000 records. */
START_TEST(logs_of_changes_are_compacted)
{
    keyed k;
    keyed_init(&k, false);
    for (int i = 0; i < 1000; i++) step(&k, "m=x,1 s+x s/x l+1,x l/1,2", "");
    ck_assert_uint_lt(keyed_stored(&k, "m", "k").len, 1000);
    ck_assert_uint_lt(keyed_stored(&k, "s", "k").len, 1000);
    ck_assert_uint_lt(keyed_stored(&k, "l", "k").len, 4000);
    step(&k, "m? s? l?", "\"k m? [x:1]\" @0\n\"k s? []\" @0\n\"k l? []\" @0\n");
    ck_assert_uint_lt(keyed_stored(&k, "m", "k").len, 1000);
    keyed_free(&k);
}
END_TEST

START_TEST(changing_a_map_reads_nothing)
{
    keyed k;
    keyed_init(&k, _i);
    k.gets_fail = true;
    step(&k, "m=x,1 m@x m:x u=x,1 u:x s+x s:x s0 l+1,a",
         "\"k m@x 1\" @0\n\"k m:x true\" @0\n\"k u:x true\" @0\n\"k s:x true\" @0\n"
         "\"k s0 false\" @0\n");
    ck_assert_int_eq(k.n_gets, 0);
    keyed_free(&k);
}
END_TEST

/* -- random commands: any way of cutting them into bundles gives the same ------------------ */
static const char *random_command(bm_arena *arena, unsigned *seed)
{
    static const char *const forms[] = {
        "v?", "v=%d", "v-", "v0", "b?", "b+i%d", "b-", "b0", "c?", "c+%d", "c-", "c0",
        "s?", "s+k%d", "s/k%d", "s:k%d", "s-", "s0", "m?", "m#", "m=k%d,%d", "m/k%d", "m:k%d",
        "m@k%d", "m-", "m0", "u?", "u#", "u=k%d,%d", "u/k%d", "u:k%d", "u@k%d", "u-", "u0",
        "l?", "l+%d,v%d", "l@%d,9", "l/%d,5", "l-", "l0",
        /* changes are more frequent than clears */
        "b+i%d", "c+%d", "s+k%d", "m=k%d,%d", "u=k%d,%d", "l+%d,v%d", "s+k%d", "m=k%d,%d",
    };
    const char *form = forms[(unsigned)rand_r(seed) % BEAM_COUNT(forms)];
    if (strchr("v b c s m u l", form[0]) && strlen(form) == 2 && form[1] == '-' &&
        rand_r(seed) % 4)
        form = "m=k%d,%d";
    return bm_format(arena, form, rand_r(seed) % 6, rand_r(seed) % 100);
}

enum { ALL = 0 };

static const char *random_commands(bm_arena *arena, unsigned *seed)
{
    const char *text = "";
    for (int n = rand_r(seed) % 6; n >= 0; n--)
        text = bm_format(arena, "%s %s", text, random_command(arena, seed));
    return text;
}

/* Carries out the same 200 elements, `most` or fewer in a bundle. With attempts, there are as
 * many more that do something and then fail. */
static const char *random_run(unsigned seed, bool native, int most, size_t page_bytes,
                              unsigned attempts, bm_arena *arena)
{
    keyed k;
    if (attempts) keyed_init_catching(&k, native, attempts);
    else keyed_init(&k, native);
    k.page_bytes = page_bytes;
    unsigned failing = seed + 2;
    k.reads_ahead = most > 1;
    bm_writer all = { 0 };
    unsigned cuts = seed + 1;
    int in_bundle = 0;
    for (int i = 0; i < 200; i++) {
        const char *text = random_commands(arena, &seed);
        keyed_put(&k, rand_r(&seed) % 2 ? "a" : "bb", text);
        for (int n = attempts ? rand_r(&failing) % 3 : 0; n; n--)
            keyed_put(&k, rand_r(&failing) % 2 ? "a" : "bb",
                      bm_format(arena, "%s fail", random_commands(arena, &failing)));
        in_bundle++;
        bool goes_on = most == ALL || (in_bundle < most && rand_r(&cuts) % most);
        if (i < 199 && goes_on) continue;
        k.has_no_state = most == ALL;
        keyed_run(&k);
        const char *output = keyed_output(&k);
        bm_write_bytes(&all, output, strlen(output));
        in_bundle = 0;
    }
    const char *result = bm_cstr(arena, bm_written(&all));
    bm_writer_free(&all);
    keyed_free(&k);
    return result;
}

START_TEST(bundles_do_not_change_the_results)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    unsigned seed = (unsigned)_i * 77 + 5;
    /* All in one, never reading the runner's; one element each; some; in small pages. */
    const char *expected = random_run(seed, false, ALL, 0, 0, &arena);
    ck_assert_uint_gt(strlen(expected), 1000);
    expect_same(random_run(seed, false, 1, 0, 0, &arena), expected, "false, 1, 0");
    expect_same(random_run(seed, false, 20, 0, 0, &arena), expected, "false, 20, 0");
    expect_same(random_run(seed, false, 8, 3, 0, &arena), expected, "false, 8, 3");
    expect_same(random_run(seed, true, 1, 0, 0, &arena), expected, "true, 1, 0");
    expect_same(random_run(seed, true, 20, 3, 0, &arena), expected, "true, 20, 3");
    bm_arena_free(&arena);
}
END_TEST

START_TEST(failed_elements_leave_nothing)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    unsigned seed = (unsigned)_i * 77 + 5;
    const char *expected = random_run(seed, false, ALL, 0, 0, &arena);
    expect_same(random_run(seed, false, ALL, 0, 1, &arena), expected, "false, all, 0");
    expect_same(random_run(seed, false, 1, 0, 1, &arena), expected, "false, 1, 0");
    expect_same(random_run(seed, false, 20, 0, 3, &arena), expected, "false, 20, 0");
    expect_same(random_run(seed, false, 8, 3, 2, &arena), expected, "false, 8, 3");
    expect_same(random_run(seed, true, ALL, 0, 1, &arena), expected, "true, all, 0");
    expect_same(random_run(seed, true, 20, 3, 2, &arena), expected, "true, 20, 3");
    bm_arena_free(&arena);
}
END_TEST

/* What was there before is not taken for nothing, when it is what cannot be kept. */
START_TEST(a_failed_attempt_loses_no_accumulator)
{
    keyed k;
    keyed_init_catching(&k, false, 2);
    step(&k, "c+12", "");
    step(&k, "c? c+1 c+1", "\"k c? 12\" @0\n");
    step(&k, "c?", "\"k c? 14\" @0\n");
    keyed_put(&k, "x", "c+-13");
    keyed_put(&k, "x", "c+1");
    ck_assert_int_eq(keyed_try(&k), BEAM_ETYPE); /* and not without the -13 */
    ck_assert_ptr_nonnull(strstr(k.f.err.message, "state 'c' takes INT64, not STRING"));
    keyed_free(&k);
}
END_TEST

/* Logs are written anew now and then, and not for each element from some time on. */
START_TEST(logs_are_compacted_seldom_where_failures_are_caught)
{
    keyed k;
    keyed_init_catching(&k, false, 1);
    step(&k, "m=x,1 s+x l+1,x", "");
    for (int i = 0; i < 1000; i++) keyed_put(&k, "k", "m? m=x,1 s? s+x s/x l? l+1,x l/1,2");
    keyed_run(&k);
    ck_assert_int_gt(count(keyed_trace(&k), "clear m k"), 5);
    ck_assert_int_lt(count(keyed_trace(&k), "clear m k"), 50);
    ck_assert_int_lt(count(keyed_trace(&k), "clear s k"), 100);
    ck_assert_int_lt(count(keyed_trace(&k), "clear l k"), 100);
    keyed_free(&k);
}
END_TEST

/* -- large states --------------------------------------------------------------------------------- */
static char *long_text(size_t n)
{
    char *text = malloc(n + 3);
    memset(text, 'x', n + 2);
    memcpy(text, "b+", 2);
    text[n + 2] = '\0';
    return text;
}

START_TEST(a_large_bag_is_read_page_by_page)
{
    keyed k;
    keyed_init(&k, false);
    char *add = long_text(100000);
    for (int i = 0; i < 30; i++) {
        memcpy(add + 2, i % 2 ? "odd" : "eve", 3);
        keyed_put(&k, "k", add);
    }
    keyed_run(&k);
    k.page_bytes = 200003;
    keyed_put(&k, "k", "b0");
    keyed_run(&k);
    expect_keyed(&k, "\"k b0 false\" @0\n");
    ck_assert_int_eq(k.n_gets, 6); /* as much as is held, not all 15 pages */
    free(add);
    keyed_free(&k);
}
END_TEST

static size_t heap_bytes(void)
{
    struct mallinfo2 heap = mallinfo2();
    return heap.uordblks + heap.hblkhd;
}

/* What a bundle of one element with a long text leaves in memory. */
static size_t left_behind(keyed *k, char *text)
{
    size_t before = heap_bytes();
    keyed_put(k, "k", text);
    keyed_run(k);
    return heap_bytes() - before;
}

START_TEST(a_large_value_leaves_no_memory_behind)
{
    enum { LARGE = 16 << 20 };
    keyed k;
    keyed_init(&k, false);
    char *add = long_text(LARGE);
    memcpy(add, "!", 1);
    left_behind(&k, add); /* buffers of the test */
    size_t least = left_behind(&k, add);
    memcpy(add, "b", 1);
    strcpy(add + LARGE - 3, " b-");
    ck_assert_uint_lt(left_behind(&k, add), least + LARGE / 2);
    ck_assert_uint_eq(keyed_stored(&k, "b", "k").len, 0);
    free(add);
    keyed_free(&k);
}
END_TEST

/* Rows are written back in the middle of the bundle when they take too much memory. */
START_TEST(much_state_is_written_back_in_between)
{
    keyed k;
    keyed_init(&k, false);
    k.has_no_state = k.only_bundle_for_keys = true;
    char *add = long_text(500000), key[8];
    for (int i = 0; i < 200; i++) {
        snprintf(key, sizeof key, "k%d", i % 100);
        keyed_put(&k, key, add);
        keyed_put(&k, key, i < 100 ? "c+1" : "c+1 c? b0");
    }
    keyed_run(&k);
    ck_assert_int_gt(k.n_writes, 100);
    ck_assert_ptr_nonnull(strstr(keyed_output(&k), "\"k0 c? 2\" @0\n\"k0 b0 false\" @0\n"
                                                   "\"k1 c? 2\" @0\n"));
    ck_assert_ptr_nonnull(strstr(keyed_output(&k), "\"k99 c? 2\" @0\n"));
    free(add);
    keyed_free(&k);
}
END_TEST

/* 300 keys, of which each tenth reads its bag too. */
static void put_300(keyed *k, const char *commands)
{
    for (int i = 0; i < 300; i++)
        keyed_put(k, bm_format(&k->f.arena, "key-%d", i),
                  bm_format(&k->f.arena, "%s%s", commands, i % 10 ? "" : " b?"));
}

START_TEST(state_of_the_next_elements_is_asked_for_ahead)
{
    keyed k;
    keyed_init(&k, false);
    k.reads_ahead = true;
    keyed_put(&k, "a", "v=1 b+x");
    keyed_put(&k, "b", "v=2 b+y");
    keyed_run(&k);
    ck_assert_int_eq(count(keyed_trace(&k), "get"), 0);
    keyed_put(&k, "a", "v? v=3");
    keyed_put(&k, "b", "v?");
    keyed_put(&k, "a", "v? b?");
    keyed_run(&k);
    expect_keyed(&k, "\"a v? 1\" @0\n\"b v? 2\" @0\n\"a v? 3\" @0\n\"a b? [x]\" @0\n");
    /* All values at once; the bag of the key alone whose bag was read. */
    ck_assert_msg(!strncmp(keyed_trace(&k), "get v a\nget v b\nget b a\nclear v a\nappend v a\n",
                           45), "%s", keyed_trace(&k));
    ck_assert_int_eq(k.n_asked, 0);
    keyed_free(&k);
}
END_TEST

START_TEST(looking_ahead_leaves_elements_in_their_windows)
{
    keyed k;
    keyed_init_in_windows(&k, 0);
    k.reads_ahead = true;
    keyed_put_at(&k, "a", "v? v=1", 1);
    keyed_put_at(&k, "a", "v? v=2", 11);
    keyed_run(&k);
    static const beam_millis times[] = { 2, 12, 21, 3, 4, 13 };
    for (size_t i = 0; i < BEAM_COUNT(times); i++) keyed_put_at(&k, "a", "v?", times[i]);
    keyed_run(&k);
    expect_keyed(&k, "\"a v? 1\" @2 [0, 10)\n\"a v? 2\" @12 [10, 20)\n"
                     "\"a v? none\" @21 [20, 30)\n\"a v? 1\" @3 [0, 10)\n"
                     "\"a v? 1\" @4 [0, 10)\n\"a v? 2\" @13 [10, 20)\n");
    keyed_free(&k);
}
END_TEST

START_TEST(what_is_asked_for_ahead_is_bounded_and_given_back)
{
    keyed k;
    keyed_init(&k, false);
    k.reads_ahead = true;
    put_300(&k, "v=1 b+x");
    keyed_run(&k);
    for (int i = 0; i < 3; i++) {
        put_300(&k, "v?");
        keyed_run(&k);
        ck_assert_int_eq(count(keyed_output(&k), "v? 1"), 300);
        ck_assert_int_eq(count(keyed_output(&k), "b? [x]"), 30);
        ck_assert_int_eq(count(keyed_trace(&k), "get v"), 300);
        ck_assert_int_eq(count(keyed_trace(&k), "get b"), 30);
        ck_assert_int_eq(k.n_asked, 0);
    }
    keyed_free(&k);
}
END_TEST

/* A DoFn that read all bags, and reads none any more. */
START_TEST(what_was_asked_for_in_vain_is_let_go)
{
    keyed k;
    keyed_init(&k, false);
    k.reads_ahead = true;
    for (int i = 0; i < 1000; i++)
        keyed_put(&k, bm_format(&k.f.arena, "key-%d", i), "v? b?");
    keyed_run(&k);
    for (int bundle = 0; bundle < 3; bundle++) {
        for (int i = 0; i < 1000; i++)
            keyed_put(&k, bm_format(&k.f.arena, "key-%d", i), "v? b+x");
        keyed_run(&k);
        ck_assert_int_eq(count(keyed_output(&k), "v? none"), 1000);
        ck_assert_int_eq(k.n_asked, 0);
    }
    ck_assert_int_eq(count(keyed_trace(&k), "get b"), 0); /* by now it is known */
    keyed_free(&k);
}
END_TEST

START_TEST(a_read_ahead_that_fails_fails_the_bundle)
{
    keyed k;
    keyed_init(&k, false);
    k.reads_ahead = k.gets_fail = true;
    keyed_put(&k, "a", "v?");
    keyed_put(&k, "b", "v?");
    ck_assert_int_eq(keyed_try(&k), BEAM_ERPC);
    ck_assert_ptr_nonnull(strstr(k.f.err.message, "could not read state 'v'"));
    ck_assert_ptr_nonnull(strstr(k.f.err.message, "the state is gone"));
    keyed_free(&k);
}
END_TEST

/* As long as the token is the same, no state is read twice. */
START_TEST(states_are_cached_across_bundles)
{
    static const char *const commands[] = {
        "v? v=1 b+x c+1 s+x m=x,1 u=x,1 l+1,x", "v? b? c? s? m? u? l?", "v- b+y b- b+z c+1",
        "v? b? c?", "m=y,2 s/x", "m? s?",
    };
    keyed cached, plain;
    keyed_init(&cached, false);
    keyed_init(&plain, false);
    static const bm_cache_token token = { NULL, NULL, { "t", 1 } };
    cached.f.io.cache = bm_state_cache_new(1 << 20);
    cached.f.io.cache_tokens = &token;
    cached.f.io.n_cache_tokens = 1;
    for (size_t i = 0; i < BEAM_COUNT(commands); i++) {
        keyed_put(&plain, "k", commands[i]);
        keyed_run(&plain);
        step(&cached, commands[i], keyed_output(&plain));
        ck_assert_int_le(cached.n_gets, i < 2 ? 7 : 0);
    }
    static const bm_cache_token other = { NULL, NULL, { "u", 1 } };
    cached.f.io.cache_tokens = &other;
    step(&cached, "c?", "\"k c? 2\" @0\n");
    ck_assert_int_eq(cached.n_gets, 1);
    bm_state_cache_free(cached.f.io.cache);
    keyed_free(&cached);
    keyed_free(&plain);
}
END_TEST

START_TEST(nothing_is_read_or_written_that_need_not_be)
{
    keyed k;
    keyed_init(&k, _i);
    k.has_no_state = k.only_bundle_for_keys = true;
    step(&k, "v? v=1 b? b+x c? c+1 s? s+x m? m=x,1 u? u=x,1 l? l+1,x m- m=y,1",
         "\"k v? none\" @0\n\"k b? []\" @0\n\"k c? 0\" @0\n\"k s? []\" @0\n\"k m? []\" @0\n"
         "\"k u? []\" @0\n\"k l? []\" @0\n");
    ck_assert_str_eq(keyed_trace(&k), "");
    keyed_free(&k);
}
END_TEST

/* -- mistakes ---------------------------------------------------------------------------------------- */
static void expect_refusal(const char *commands, beam_status status, const char *message)
{
    keyed k;
    keyed_init(&k, false);
    keyed_put(&k, "k", commands);
    ck_assert_int_eq(keyed_try(&k), status);
    expect_error(&k.f, "Transform 'Scope/b' (DoFn 'test.keyed') failed");
    expect_error(&k.f, message);
    keyed_free(&k);
}

START_TEST(operations_that_do_not_fit_are_refused)
{
    expect_refusal("v+1", BEAM_ESTATE,
                   "beam_state_add() does not go with state 'v', which is of kind VALUE");
    expect_refusal("b=x,1", BEAM_ESTATE,
                   "beam_state_put() does not go with state 'b', which is of kind BAG");
    expect_refusal("s@x", BEAM_ESTATE, "state 's', which is of kind SET");
    expect_refusal("b/x", BEAM_ESTATE, "state 'b', which is of kind BAG");
    expect_refusal("l+9223372036854775807,x", BEAM_EINVAL,
                   "beam_state_insert() of state 'l': time 9223372036854775807 is in no range "
                   "[from, to)");
}
END_TEST

static beam_status wrong_type(beam_ctx *c, beam_value in)
{
    switch (beam_as_span(beam_val(in)).ptr[0]) {
    case '0': return beam_state_write(c, 0, beam_double(1.5));
    case '1': return beam_state_add(c, 1, beam_bool(true));
    case '2': return beam_state_write(c, 2, beam_int64(0));
    default: return beam_state_write(c, -1, beam_int64(0));
    }
}
static beam_status no_key_here(beam_ctx *c)
{
    return beam_state_is_empty(c, 0) ? BEAM_OK : BEAM_OK;
}
static const beam_state_spec two[] = { BEAM_VALUE_STATE("number", BEAM_INT64),
                                       BEAM_COMBINING_STATE("sum", &beam_sum_int64) };
static const beam_dofn wrong_fn = { .name = "test.wrong",
                                    .in = BEAM_KV(BEAM_STRING, BEAM_STRING),
                                    .states = BEAM_TABLE(two),
                                    .process = wrong_type };
static const beam_dofn keyless_fn = { .name = "test.keyless",
                                      .in = BEAM_KV(BEAM_STRING, BEAM_STRING),
                                      .states = BEAM_TABLE(two),
                                      .process = wrong_type,
                                      .finish_bundle = no_key_here };
static const beam_dofn *const wrong_fns[] = { &wrong_fn, &keyless_fn };

static void expect_wrong(const char *fn, const char *value, beam_status status,
                         const char *message)
{
    keyed k = { .native = false };
    keyed_init_fn(&k, wrong_fns, BEAM_COUNT(wrong_fns), fn, two, BEAM_COUNT(two));
    if (value) keyed_put(&k, "k", value);
    ck_assert_int_eq(keyed_try(&k), status);
    ck_assert_str_eq(k.f.err.message, message);
    keyed_free(&k);
}

START_TEST(wrong_types_and_indexes_are_refused)
{
    expect_wrong("test.wrong", "0", BEAM_ETYPE,
                 "Transform 'Scope/b' (DoFn 'test.wrong') failed on element KV{\"k\", \"0\"}: "
                 "state 'number' takes INT64, not DOUBLE, value 1.5");
    expect_wrong("test.wrong", "1", BEAM_ETYPE,
                 "Transform 'Scope/b' (DoFn 'test.wrong') failed on element KV{\"k\", \"1\"}: "
                 "state 'sum' takes INT64, as CombineFn 'beam.sum_int64' does, not BOOL, value "
                 "true");
    expect_wrong("test.wrong", "2", BEAM_ESTATE,
                 "Transform 'Scope/b' (DoFn 'test.wrong') failed on element KV{\"k\", \"2\"}: "
                 "beam_state_write() of state 2: the DoFn declares 2 in .states");
    expect_wrong("test.wrong", "3", BEAM_ESTATE,
                 "Transform 'Scope/b' (DoFn 'test.wrong') failed on element KV{\"k\", \"3\"}: "
                 "beam_state_write() of state -1: the DoFn declares 2 in .states");
    expect_wrong("test.keyless", NULL, BEAM_ESTATE,
                 "Transform 'Scope/b' (DoFn 'test.keyless') failed in finish_bundle: "
                 "beam_state_is_empty() of state 'number': there is no key here; state is for "
                 "process, on_timer and on_window_expiration");
}
END_TEST

START_TEST(a_failed_read_fails_the_bundle)
{
    keyed k;
    keyed_init(&k, false);
    k.gets_fail = true;
    keyed_put(&k, "k", "v?");
    ck_assert_int_eq(keyed_try(&k), BEAM_ERPC);
    ck_assert_str_eq(k.f.err.message, "Transform 'Scope/b' (DoFn 'test.keyed') could not read "
                                      "state 'v': the state is gone");
    keyed_free(&k);
}
END_TEST

START_TEST(broken_bytes_fail_the_bundle)
{
    static const char *const commands[] = { "v?", "b?", "c?", "s?", "m@x", "u@x", "l?" };
    keyed k;
    keyed_init(&k, false);
    const char *command = commands[_i];
    char name[2] = { command[0], '\0' };
    keyed_break(&k, name, "k", (beam_span){ "\xff\xff", 2 });
    keyed_put(&k, "k", command);
    ck_assert_int_ne(keyed_try(&k), BEAM_OK);
    expect_error(&k.f, "could not read state '");
    keyed_free(&k);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_value_is_read_once_and_written_once,
        keys_have_states_of_their_own,
        keys_of_the_same_hash_have_states_of_their_own,
        windows_of_the_same_end_have_states_of_their_own,
        adding_to_a_bag_reads_nothing,
        a_combining_state_is_kept_as_one_accumulator,
        a_combining_state_that_is_never_read_stays_small,
        logs_of_changes_are_compacted,
        a_large_bag_is_read_page_by_page,
        a_large_value_leaves_no_memory_behind,
        much_state_is_written_back_in_between,
        operations_that_do_not_fit_are_refused,
        wrong_types_and_indexes_are_refused,
        a_failed_read_fails_the_bundle,
        states_are_cached_across_bundles,
        state_of_the_next_elements_is_asked_for_ahead,
        looking_ahead_leaves_elements_in_their_windows,
        what_is_asked_for_ahead_is_bounded_and_given_back,
        what_was_asked_for_in_vain_is_let_go,
        a_read_ahead_that_fails_fails_the_bundle,
        a_failed_attempt_loses_no_accumulator,
        logs_are_compacted_seldom_where_failures_are_caught,
    };
    /* With bags alone, and with protocols for maps and lists. */
    const TTest *const both[] = {
        sets, maps, multimaps, ordered_lists, changing_a_map_reads_nothing,
        nothing_is_read_or_written_that_need_not_be,
    };
    int failed = run_tests("exec/user_state", tests, BEAM_COUNT(tests));
    for (size_t i = 0; i < BEAM_COUNT(both); i++)
        failed |= run_loop_test("exec/user_state protocols", both[i], 2);
    failed |= run_loop_test("exec/user_state broken", broken_bytes_fail_the_bundle, 7);
    failed |= run_loop_test("exec/user_state random", bundles_do_not_change_the_results, 40);
    return failed | run_loop_test("exec/user_state failing", failed_elements_leave_nothing, 20);
}
