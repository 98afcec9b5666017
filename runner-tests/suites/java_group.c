/* SPDX-License-Identifier: Apache-2.0 */
/* Java's GroupByKeyTest, CoGroupByKeyTest and ReshuffleTest. */
#include "java.h"

#include <stdlib.h>
#include <string.h>

#define STRING_INT BEAM_KV(BEAM_STRING, BEAM_INT64)

/* -- GroupByKey ----------------------------------------------------------------------------- */
static void group(beam_pipeline *p)
{
    beam_pcoll *in = STRING_INTS(p, "In", { "k1", 3 }, { "k5", INT64_MAX }, { "k5", INT64_MIN },
                                 { "k2", 66 }, { "k1", 4 }, { "k2", -33 }, { "k3", 0 });
    beam_assert_that(beam_group_by_key(in, "Group"), "Out",
                     .lines = "k1: [3, 4]\nk2: [-33, 66]\nk3: [0]\n"
                              "k5: [-9223372036854775808, 9223372036854775807]");
}

static void group_empty(beam_pipeline *p)
{
    beam_pcoll *none = beam_create(p, "None", STRING_INT, NULL, 0);
    beam_assert_that(beam_group_by_key(none, "Group"), "Out", .empty = true);
}

static void group_windows(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_PAIRS(p, "In", { "k1", 3, 1 }, { "k5", 4, 4 }, { "k5", 5, 12 },
                                 { "k2", 66, 14 }, { "k1", 4, 8 }, { "k2", -33, 4 },
                                 { "k3", 0, 3 });
    in = beam_window_into(in, "Windows", beam_fixed(10));
    beam_assert_that(beam_group_by_key(in, "Group"), "Out",
                     .lines = "[0, 10) k1: [3, 4] @9\n[0, 10) k2: [-33] @9\n"
                              "[0, 10) k3: [0] @9\n[0, 10) k5: [4] @9\n"
                              "[10, 20) k2: [66] @19\n[10, 20) k5: [5] @19",
                     .show = BEAM_SHOW_WINDOW | BEAM_SHOW_TIMESTAMP);
}

static void group_multiple_windows(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_PAIRS(p, "In", { "foo", 1, 1 }, { "foo", 4, 4 }, { "bar", 3, 3 });
    in = beam_window_into(in, "Windows", beam_sliding(5, 3));
    beam_assert_that(beam_group_by_key(in, "Group"), "Out",
                     .lines = "[-3, 2) foo: [1]\n[0, 5) foo: [1, 4]\n[0, 5) bar: [3]\n"
                              "[3, 8) foo: [4]\n[3, 8) bar: [3]",
                     .show = BEAM_SHOW_WINDOW);
}

static void group_merging_windows(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_PAIRS(p, "In", { "foo", 1, 1 }, { "foo", 4, 4 }, { "bar", 3, 3 },
                                 { "foo", 9, 9 });
    in = beam_window_into(in, "Windows", beam_sessions(4));
    beam_assert_that(beam_group_by_key(in, "Group"), "Out",
                     .lines = "[1, 8) foo: [1, 4]\n[9, 13) foo: [9]\n[3, 7) bar: [3]",
                     .show = BEAM_SHOW_WINDOW);
}

static void assert_combined_times(beam_pipeline *p, beam_timestamp_combiner combiner,
                                  const char *lines)
{
    beam_pcoll *in = TIMED_PAIRS(p, "In", { "k", 0, 0 }, { "k", 1, 10 });
    in = beam_window_into(in, "Windows", beam_fixed(beam_minutes(10)),
                          .timestamp_combiner = combiner);
    beam_assert_that(beam_group_by_key(in, "Group"), "Out", .lines = lines,
                     .show = BEAM_SHOW_TIMESTAMP);
}
static void combiner_earliest(beam_pipeline *p)
{
    assert_combined_times(p, BEAM_AT_EARLIEST, "k: [0, 1] @0");
}
static void combiner_latest(beam_pipeline *p)
{
    assert_combined_times(p, BEAM_AT_LATEST, "k: [0, 1] @10");
}

/* Windows, grouped at their latest element's time, then other windows. */
static void rewindow(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_PAIRS(p, "In", { "foo", 1, 1 }, { "foo", 4, 4 }, { "foo", 3, 13 });
    in = beam_window_into(in, "First", beam_fixed(10),
                          .timestamp_combiner = BEAM_AT_LATEST);
    beam_pcoll *sums = beam_combine_per_key(in, "Sum", &beam_sum_int64);
    sums = beam_window_into(sums, "Second", beam_fixed(5));
    beam_assert_that(sums, "Out", .lines = "[0, 5) foo: 5 @4\n[10, 15) foo: 3 @13",
                     .show = BEAM_SHOW_WINDOW | BEAM_SHOW_TIMESTAMP);
}

/* Keys of a type whose equality is that of the encoded bytes. */
typedef struct bad_key {
    int64_t key, noise;
} bad_key;
static void write_bad_key(const void *object, beam_writer *out)
{
    beam_write_int64(out, ((const bad_key *)object)->key);
}
static beam_status read_bad_key(void *object, beam_reader *in)
{
    bad_key *key = object;
    key->noise = (int64_t)(intptr_t)object;
    return beam_read_int64(in, &key->key);
}
static const beam_struct_coder bad_key_coder = { "java.bad_key", sizeof(bad_key), write_bad_key,
                                                 read_bad_key };
static beam_status to_bad_key(beam_ctx *c, beam_value in)
{
    bad_key key = { beam_as_int64(in) % 10, beam_as_int64(in) };
    return beam_emit_kv(c, beam_struct(&key), beam_int64(1));
}
static const beam_dofn to_bad_key_fn = { .name = "java.to_bad_key",
                                         .in = BEAM_INT64,
                                         .out = BEAM_KV(BEAM_STRUCT(&bad_key_coder),
                                                        BEAM_INT64),
                                         .process = to_bad_key };
static beam_status from_bad_key(beam_ctx *c, beam_value in)
{
    const bad_key *key = beam_as_struct(beam_key(in));
    return beam_emit_kv(c, beam_int64(key->key), beam_val(in));
}
static const beam_dofn from_bad_key_fn = { .name = "java.from_bad_key",
                                           .in = BEAM_KV(BEAM_STRUCT(&bad_key_coder),
                                                         BEAM_INT64),
                                           .out = BEAM_KV(BEAM_INT64, BEAM_INT64),
                                           .process = from_bad_key };

static void bad_equals(beam_pipeline *p)
{
    int64_t ints[1000];
    for (int i = 0; i < 1000; i++) ints[i] = i;
    beam_pcoll *in = beam_par_do(create_ints(p, "In", ints, 1000), "Key", &to_bad_key_fn);
    beam_pcoll *sums = beam_combine_per_key(in, "Sum", &beam_sum_int64);
    beam_assert_that(beam_par_do(sums, "Unkey", &from_bad_key_fn), "Out",
                     .lines = "0: 100\n1: 100\n2: 100\n3: 100\n4: 100\n5: 100\n6: 100\n7: 100\n"
                              "8: 100\n9: 100");
}

/* -- large keys ---------------------------------------------------------------------------------- */
/* Two values of a key of so many bytes as `config` says. */
static beam_status large_key(beam_ctx *c, beam_value in)
{
    size_t n = strtoul(beam_cstr(c, beam_config(c)), NULL, 10);
    char *key = beam_alloc(c, n);
    memset(key, 'a', n);
    return beam_emit_kv(c, beam_string((beam_span){ key, n }), in);
}
static const beam_dofn large_key_fn = { .name = "java.large_key",
                                        .in = BEAM_INT64,
                                        .out = STRING_INT,
                                        .process = large_key };
static beam_status key_size(beam_ctx *c, beam_value in)
{
    int64_t sum = 0;
    beam_iter *it = beam_as_iter(beam_val(in));
    for (beam_value v; beam_next(it, &v);) sum += beam_as_int64(v);
    return beam_emit_kv(c, beam_int64((int64_t)beam_as_span(beam_key(in)).len),
                        beam_int64(sum));
}
static const beam_dofn key_size_fn = { .name = "java.key_size",
                                       .in = BEAM_KV(BEAM_STRING, BEAM_ITERABLE(BEAM_INT64)),
                                       .out = BEAM_KV(BEAM_INT64, BEAM_INT64),
                                       .process = key_size };

static void large_keys(beam_pipeline *p, const char *size)
{
    beam_pcoll *in = beam_par_do(INTS(p, "In", 1, 2), "Large", &large_key_fn,
                                 .config = beam_span_of(size));
    beam_pcoll *out = beam_par_do(beam_group_by_key(in, "Group"), "Size", &key_size_fn);
    beam_assert_that(out, "Out", .lines = beam_pipeline_format(p, "%s: 3", size));
}
static void keys_10k(beam_pipeline *p)
{
    large_keys(p, "10240");
}
static void keys_100k(beam_pipeline *p)
{
    large_keys(p, "102400");
}
static void keys_1m(beam_pipeline *p)
{
    large_keys(p, "1048576");
}
static void keys_10m(beam_pipeline *p)
{
    large_keys(p, "10485760");
}

/* -- CoGroupByKey ----------------------------------------------------------------------------------- */
static const char *of_input(beam_ctx *c, beam_value in, int input)
{
    const char *text[16], *swap;
    size_t n = 0;
    beam_iter *it = beam_co_values(in, input);
    for (beam_value v; n < 16 && beam_next(it, &v);) text[n++] = beam_cstr(c, beam_as_span(v));
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            if (strcmp(text[i], text[j]) > 0)
                swap = text[i], text[i] = text[j], text[j] = swap;
    beam_span all = beam_format(c, "%s", "");
    for (size_t i = 0; i < n; i++)
        all = beam_format(c, BEAM_SPAN_FMT "%s%s", BEAM_SPAN_ARG(all), i ? "+" : "", text[i]);
    return beam_cstr(c, all);
}
static beam_status join(beam_ctx *c, beam_value in)
{
    beam_span text = beam_format(c, "%s / %s", of_input(c, in, 0), of_input(c, in, 1));
    return beam_emit_kv(c, beam_key(in), beam_string(text));
}
static const beam_dofn join_fn = { .name = "java.join",
                                   .in = BEAM_KV(BEAM_STRING, BEAM_CO2(BEAM_STRING,
                                                                       BEAM_STRING)),
                                   .out = BEAM_KV(BEAM_STRING, BEAM_STRING),
                                   .process = join };

static beam_pcoll *co_group(beam_pipeline *p, beam_pcoll *a, beam_pcoll *b)
{
    return beam_co_group_by_key(p, "CoGroup", (beam_pcoll *[]){ a, b }, 2);
}

static void co_group_get_only(beam_pipeline *p)
{
    beam_pcoll *a = STRING_PAIRS(p, "A", { "k1", "a1" }, { "k2", "a2" });
    beam_pcoll *b = STRING_PAIRS(p, "B", { "k1", "b1" });
    beam_assert_that(beam_par_do(co_group(p, a, b), "Join", &join_fn), "Out",
                     .lines = "k1: a1 / b1\nk2: a2 / ");
}

static void co_group_several(beam_pipeline *p)
{
    beam_pcoll *a = STRING_PAIRS(p, "A", { "1", "Art" }, { "2", "Bea" }, { "8", "Cy" },
                                 { "10", "Di" });
    beam_pcoll *b = STRING_PAIRS(p, "B", { "2", "blue" }, { "2", "book" }, { "3", "none" },
                                 { "8", "house" }, { "8", "shoes" }, { "8", "shoes" },
                                 { "10", "pens" }, { "10", "disk" });
    beam_assert_that(beam_par_do(co_group(p, a, b), "Join", &join_fn), "Out",
                     .lines = "1: Art / \n2: Bea / blue+book\n3:  / none\n"
                              "8: Cy / house+shoes+shoes\n10: Di / disk+pens");
}

static beam_status at_what_it_says(beam_ctx *c, beam_value in)
{
    /* "x@12" is at 12 */
    const char *at = strchr(beam_cstr(c, beam_as_span(beam_val(in))), '@');
    return beam_emit_at(c, in, strtol(at + 1, NULL, 10));
}
static const beam_dofn at_what_it_says_fn = { .name = "java.at_what_it_says",
                                        .in = BEAM_KV(BEAM_STRING, BEAM_STRING),
                                        .out = BEAM_KV(BEAM_STRING, BEAM_STRING),
                                        .process = at_what_it_says };
static beam_pcoll *in_windows(beam_pcoll *in, const char *name)
{
    beam_scope_begin(beam_pcoll_pipeline(in), name);
    beam_pcoll *timed = beam_par_do(in, "Time", &at_what_it_says_fn);
    timed = beam_window_into(timed, "Windows", beam_fixed(4));
    beam_scope_end(beam_pcoll_pipeline(in));
    return timed;
}

static void co_group_windows(beam_pipeline *p)
{
    beam_pcoll *a = STRING_PAIRS(p, "A", { "1", "click@0" }, { "2", "click@2" },
                                 { "1", "click@6" });
    beam_pcoll *b = STRING_PAIRS(p, "B", { "1", "buy@3" }, { "1", "buy@4" }, { "2", "buy@7" });
    beam_pcoll *grouped = co_group(p, in_windows(a, "TimedA"), in_windows(b, "TimedB"));
    beam_assert_that(beam_par_do(grouped, "Join", &join_fn), "Out",
                     .lines = "[0, 4) 1: click@0 / buy@3\n[0, 4) 2: click@2 / \n"
                              "[4, 8) 1: click@6 / buy@4\n[4, 8) 2:  / buy@7",
                     .show = BEAM_SHOW_WINDOW);
}

/* How many purchases were made by whom has an address, but no name. */
static size_t count(beam_iter *it)
{
    size_t n = 0;
    for (beam_value v; beam_next(it, &v);) n++;
    return n;
}
static beam_status purchases_without_name(beam_ctx *c, beam_value in)
{
    enum { NAMES, ADDRESSES, PURCHASES };
    if (count(beam_co_values(in, NAMES))) return BEAM_OK;
    int64_t purchases = (int64_t)count(beam_co_values(in, PURCHASES));
    beam_iter *it = beam_co_values(in, ADDRESSES);
    for (beam_value address; beam_next(it, &address);)
        BEAM_TRY(beam_emit_kv(c, address, beam_int64(purchases)));
    return BEAM_OK;
}
static const beam_dofn purchases_without_name_fn = {
    .name = "java.purchases_without_name",
    .in = BEAM_KV(BEAM_STRING, BEAM_CO3(BEAM_STRING, BEAM_STRING, BEAM_STRING)),
    .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
    .process = purchases_without_name
};
static void co_group_handle_results(beam_pipeline *p)
{
    beam_pcoll *names = STRING_PAIRS(p, "Names", { "1", "John Smith" }, { "2", "Sally James" },
                                     { "8", "Jeffery Spalding" }, { "20", "Joan Lichtfield" });
    beam_pcoll *addresses =
        STRING_PAIRS(p, "Addresses", { "2", "53 S. 3rd" }, { "10", "383 Jackson Street" },
                     { "20", "3 W. Arizona" }, { "3", "29 School Rd" }, { "8", "6 Watling Rd" });
    beam_pcoll *purchases = STRING_PAIRS(
        p, "Purchases", { "2", "Boat" }, { "1", "Shoes" }, { "3", "Car" }, { "1", "Book" },
        { "10", "Pens" }, { "8", "House" }, { "4", "Suit" }, { "11", "House" },
        { "14", "Shoes" }, { "2", "Suit" }, { "8", "Suit Case" }, { "3", "House" });
    beam_pcoll *grouped = beam_co_group_by_key(
        p, "CoGroup", (beam_pcoll *[]){ names, addresses, purchases }, 3);
    beam_assert_that(beam_par_do(grouped, "Count", &purchases_without_name_fn), "Out",
                     .lines = "29 School Rd: 2\n383 Jackson Street: 1");
}

/* -- Reshuffle --------------------------------------------------------------------------------------- */
static beam_pcoll *six_pairs(beam_pipeline *p)
{
    return TIMED_PAIRS(p, "In", { "k1", 3, 0 }, { "k5", 5, 1 }, { "k5", 6, 2 }, { "k2", 66, 3 },
                       { "k1", 4, 4 }, { "k2", -33, 5 });
}

static void just_reshuffle(beam_pipeline *p)
{
    beam_assert_that(beam_reshuffle(six_pairs(p), "Reshuffle"), "Out",
                     .lines = "k1: 3\nk5: 5\nk5: 6\nk2: 66\nk1: 4\nk2: -33");
}

static void reshuffle_timestamps(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_PAIRS(p, "In", { "foo", 1, BEAM_MIN_TIMESTAMP }, { "foo", 2, 0 },
                                 { "bar", 3, 33 },
                                 { "bar", 4, BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP });
    beam_assert_that(beam_reshuffle(in, "Reshuffle"), "Out",
                     .lines = "foo: 1 @-9223372036854775\nfoo: 2 @0\nbar: 3 @33\n"
                              "bar: 4 @9223371950454775",
                     .show = BEAM_SHOW_TIMESTAMP);
}

/* Panes that are of no trigger, and those of one that fires early, on time and late. */
static void reshuffle_metadata(beam_pipeline *p)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream",
                                                  BEAM_KV(BEAM_STRING, BEAM_INT64));
    beam_test_stream_watermark(ts, 0);
    for (int i = 1; i <= 3; i++) add_pair(ts, "foo", i, 2 + i);
    beam_test_stream_watermark(ts, 10);
    add_pair(ts, "foo", 4, 6);
    beam_pcoll *in = beam_window_into(
        beam_test_stream_end(ts), "Windows", beam_fixed(10), .allowed_lateness = 1000,
        .trigger = BEAM_AFTER_END_OF_WINDOW(BEAM_AFTER_COUNT(2), BEAM_AFTER_COUNT(1)));
    enum { SHOW = BEAM_SHOW_WINDOW | BEAM_SHOW_TIMESTAMP | BEAM_SHOW_PANE };
    beam_assert_that(beam_reshuffle(in, "Plain"), "NoFiring",
                     .lines = "[0, 10) foo: 1 @3 #0 unknown first last\n"
                              "[0, 10) foo: 2 @4 #0 unknown first last\n"
                              "[0, 10) foo: 3 @5 #0 unknown first last\n"
                              "[0, 10) foo: 4 @6 #0 unknown first last",
                     .show = SHOW);
    beam_pcoll *fired = beam_reshuffle(beam_group_by_key(in, "Group"), "Fired");
    beam_assert_that(fired, "Firings",
                     .lines = "[0, 10) foo: [1, 2] @9 #0 early first\n"
                              "[0, 10) foo: [3] @9 #1 on time\n"
                              "[0, 10) foo: [4] @9 #2 late",
                     .show = SHOW);
}

static void assert_reshuffled(beam_pcoll *in, const char *lines)
{
    beam_assert_that(beam_reshuffle(in, "Reshuffle"), "Out", .lines = lines,
                     .show = BEAM_SHOW_WINDOW | BEAM_SHOW_TIMESTAMP);
}
static void reshuffle_fixed(beam_pipeline *p)
{
    assert_reshuffled(beam_window_into(six_pairs(p), "Windows", beam_fixed(4)),
                      "[0, 4) k1: 3 @0\n[0, 4) k5: 5 @1\n[0, 4) k5: 6 @2\n[0, 4) k2: 66 @3\n"
                      "[4, 8) k1: 4 @4\n[4, 8) k2: -33 @5");
}
static void reshuffle_sliding(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_PAIRS(p, "In", { "k1", 3, 0 }, { "k5", 5, 2 });
    assert_reshuffled(beam_window_into(in, "Windows", beam_sliding(4, 2)),
                      "[-2, 2) k1: 3 @0\n[0, 4) k1: 3 @0\n[0, 4) k5: 5 @2\n[2, 6) k5: 5 @2");
}
static void reshuffle_grouped_fixed(beam_pipeline *p)
{
    beam_pcoll *in = beam_window_into(six_pairs(p), "Windows", beam_fixed(4));
    assert_reshuffled(beam_group_by_key(in, "Group"),
                      "[0, 4) k1: [3] @3\n[0, 4) k5: [5, 6] @3\n[0, 4) k2: [66] @3\n"
                      "[4, 8) k1: [4] @7\n[4, 8) k2: [-33] @7");
}
static void reshuffle_grouped_sliding(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_PAIRS(p, "In", { "k1", 3, 0 }, { "k1", 5, 2 });
    in = beam_window_into(in, "Windows", beam_sliding(4, 2));
    assert_reshuffled(beam_group_by_key(in, "Group"),
                      "[-2, 2) k1: [3] @1\n[0, 4) k1: [3, 5] @3\n[2, 6) k1: [5] @5");
}
static void reshuffle_grouped_sessions(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_PAIRS(p, "In", { "k1", 3, 0 }, { "k1", 5, 2 }, { "k2", 7, 9 });
    in = beam_window_into(in, "Windows", beam_sessions(4));
    assert_reshuffled(beam_group_by_key(in, "Group"),
                      "[0, 6) k1: [3, 5] @5\n[9, 13) k2: [7] @12");
}
static void reshuffle_streaming(beam_pipeline *p)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", STRING_INT);
    beam_test_stream_watermark(ts, 0);
    add_pair(ts, "foo", 1, 0);
    add_pair(ts, "foo", 2, 5);
    beam_test_stream_watermark(ts, beam_minutes(10));
    add_pair(ts, "bar", 3, beam_minutes(12));
    beam_pcoll *in = beam_window_into(beam_test_stream_end(ts), "Windows",
                                      beam_fixed(beam_minutes(10)));
    assert_reshuffled(in, "[0, 600000) foo: 1 @0\n[0, 600000) foo: 2 @5\n"
                          "[600000, 1200000) bar: 3 @720000");
}

/* -- the tables --------------------------------------------------------------------------------------- */
#define G(name) "GroupByKeyTest." name
#define R(name) "ReshuffleTest." name
static const suite_test tests[] = {
    TEST(G("testGroupByKey"), "-", group),
    TEST(G("testGroupByKeyEmpty"), "-", group_empty),
    TEST(G("testGroupByKeyAndWindows"), "-", group_windows),
    TEST(G("testGroupByKeyMultipleWindows"), "-", group_multiple_windows),
    TEST(G("testGroupByKeyMergingWindows"), "-", group_merging_windows),
    TEST(G("testTimestampCombinerEarliest"), "-", combiner_earliest),
    TEST(G("testTimestampCombinerLatest"), "-", combiner_latest),
    TEST(G("testRewindowWithTimestampCombiner"), "-", rewindow),
    TEST(G("testGroupByKeyWithBadEqualsHashCode"), "-", bad_equals),
    TEST(G("testLargeKeys10KB"), "LargeKeys.Above10KB", keys_10k),
    TEST(G("testLargeKeys100KB"), "LargeKeys.Above100KB", keys_100k),
    TEST(G("testLargeKeys1MB"), "LargeKeys.Above1MB", keys_1m),
    TEST(G("testLargeKeys10MB"), "LargeKeys.Above10MB", keys_10m, .needs = RUNS_ALONE),
    TEST("CoGroupByKeyTest.testCoGroupByKeyGetOnly", "-", co_group_get_only),
    TEST("CoGroupByKeyTest.testCoGroupByKey", "-", co_group_several),
    TEST("CoGroupByKeyTest.testCoGroupByKeyWithWindowing", "-", co_group_windows),
    TEST("CoGroupByKeyTest.testCoGroupByKeyHandleResults", "-", co_group_handle_results),
    TEST(R("testReshufflePreservesMetadata"), "-", reshuffle_metadata,
         .needs = NEEDS_TEST_STREAM),
    TEST(R("testJustReshuffle"), "-", just_reshuffle),
    TEST(R("testReshufflePreservesTimestamps"), "-", reshuffle_timestamps),
    TEST(R("testReshuffleAfterFixedWindows"), "-", reshuffle_fixed),
    TEST(R("testReshuffleAfterSlidingWindows"), "-", reshuffle_sliding),
    TEST(R("testReshuffleAfterFixedWindowsAndGroupByKey"), "-", reshuffle_grouped_fixed),
    TEST(R("testReshuffleAfterSlidingWindowsAndGroupByKey"), "-", reshuffle_grouped_sliding),
    TEST(R("testReshuffleAfterSessionsAndGroupByKey"), "-", reshuffle_grouped_sessions),
    TEST(R("testReshuffleWithTimestampsStreaming"), "UsesTestStream", reshuffle_streaming,
         .needs = NEEDS_TEST_STREAM),
};
SUITE_TABLE(java_group, "java", tests);
