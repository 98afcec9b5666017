/* SPDX-License-Identifier: Apache-2.0 */
/* Java's CombineTest, LatestTest, DistinctTest, WaitTest. */
#include "java.h"

#include <string.h>

/* -- a CombineFn that keeps what it has seen: "count: letters in order" ------------------------- */
enum { ROOM = 64 };
typedef struct letters {
    int64_t count;
    char text[ROOM];
} letters;

static void keep(letters *all, beam_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        size_t n = strlen(all->text), at = 0;
        if (n + 1 >= ROOM) return;
        while (at < n && all->text[at] <= text.ptr[i]) at++;
        memmove(all->text + at + 1, all->text + at, n - at + 1);
        all->text[at] = text.ptr[i];
    }
}
static void add_number(beam_ctx *c, void *acc, beam_value in)
{
    letters *all = acc;
    all->count++;
    keep(all, beam_format(c, "%lld", (long long)beam_as_int64(in)));
}
static void merge_letters(beam_ctx *c, void *acc, const void *other)
{
    (void)c;
    const letters *more = other;
    ((letters *)acc)->count += more->count;
    keep(acc, (beam_span){ more->text, strlen(more->text) });
}
/* With `config`, which is the same everywhere the CombineFn runs. */
static beam_value extract_letters(beam_ctx *c, const void *acc)
{
    const letters *all = acc;
    beam_span config = beam_config(c);
    return beam_string(beam_format(c, BEAM_SPAN_FMT "%lld %s", BEAM_SPAN_ARG(config),
                                   (long long)all->count, all->text));
}
static beam_value save_letters(beam_ctx *c, const void *acc)
{
    (void)c;
    return beam_bytes((beam_span){ acc, sizeof(letters) });
}
static void load_letters(beam_ctx *c, void *acc, beam_value saved)
{
    (void)c;
    beam_span bytes = beam_as_span(saved);
    if (bytes.len == sizeof(letters)) memcpy(acc, bytes.ptr, bytes.len);
}
static const beam_combine letters_fn = { .name = "java.letters",
                                         .in = BEAM_INT64,
                                         .acc = BEAM_BYTES,
                                         .out = BEAM_STRING,
                                         .acc_size = sizeof(letters),
                                         .add = add_number,
                                         .merge = merge_letters,
                                         .extract = extract_letters,
                                         .save = save_letters,
                                         .load = load_letters };

#define STRING_INT BEAM_KV(BEAM_STRING, BEAM_INT64)
static beam_pcoll *pairs(beam_pipeline *p)
{
    return STRING_INTS(p, "In", { "a", 1 }, { "a", 1 }, { "a", 4 }, { "b", 1 }, { "b", 13 });
}
static beam_pcoll *no_pairs(beam_pipeline *p)
{
    return beam_create(p, "None", STRING_INT, NULL, 0);
}

/* -- basic ------------------------------------------------------------------------------------- */
static void simple(beam_pipeline *p)
{
    beam_pcoll *in = pairs(p);
    beam_assert_that(beam_combine_per_key(in, "PerKey", &letters_fn), "OfKey",
                     .lines = "a: 3 114\nb: 2 113");
    beam_assert_that(beam_combine_globally(beam_values(in, "Values"), "All", &letters_fn),
                     "OfAll", .lines = "5 111134");
}
static void simple_empty(beam_pipeline *p)
{
    beam_pcoll *in = no_pairs(p);
    beam_assert_that(beam_combine_per_key(in, "PerKey", &letters_fn), "OfKey", .empty = true);
    beam_assert_that(beam_combine_globally(beam_values(in, "Values"), "All", &letters_fn),
                     "OfAll", .lines = "0 ");
}
static void simple_with_context(beam_pipeline *p)
{
    beam_pcoll *in = pairs(p);
    beam_assert_that(beam_combine_per_key(in, "PerKey", &letters_fn,
                                          .config = beam_span_of("20:")),
                     "OfKey", .lines = "a: 20:3 114\nb: 20:2 113");
    beam_assert_that(beam_combine_globally(beam_values(in, "Values"), "All", &letters_fn,
                                           .config = beam_span_of("20:")),
                     "OfAll", .lines = "20:5 111134");
}
static void simple_with_context_empty(beam_pipeline *p)
{
    beam_pcoll *in = no_pairs(p);
    beam_assert_that(beam_combine_per_key(in, "PerKey", &letters_fn,
                                          .config = beam_span_of("0:")),
                     "OfKey", .empty = true);
    beam_assert_that(beam_combine_globally(beam_values(in, "Values"), "All", &letters_fn,
                                           .config = beam_span_of("0:")),
                     "OfAll", .lines = "0:0 ");
}

static beam_pcoll *mean_of(beam_pcoll *in)
{
    return beam_combine_per_key(in, "Mean", &beam_mean_int64);
}
static void basic(beam_pipeline *p)
{
    beam_assert_that(mean_of(pairs(p)), "Out", .lines = "a: 2\nb: 7");
}
static void basic_empty(beam_pipeline *p)
{
    beam_assert_that(mean_of(no_pairs(p)), "Out", .empty = true);
}
static void binary_per_key(beam_pipeline *p)
{
    beam_assert_that(beam_combine_per_key(pairs(p), "Max", &beam_max_int64), "Out",
                     .lines = "a: 4\nb: 13");
}
static void globally(beam_pipeline *p)
{
    beam_pcoll *in = INTS(p, "In", 1, 2, 3, 4);
    beam_assert_that(beam_combine_globally(in, "Sum", &beam_sum_int64), "Out", .lines = "10");
}

/* Sums, of which there is none (a null) for nothing. */
static void accumulating(beam_pipeline *p)
{
    beam_pcoll *in = beam_values(pairs(p), "Values");
    beam_assert_that(beam_combine_globally(in, "Sum", &beam_sum_int64), "Out", .lines = "20");
}
static void accumulating_empty(beam_pipeline *p)
{
    beam_pcoll *in = beam_values(no_pairs(p), "Values");
    beam_assert_that(beam_combine_globally(in, "Sum", &beam_sum_int64), "Out", .lines = "0");
}

/* -- hot keys ------------------------------------------------------------------------------------ */
static void hot_keys(beam_pipeline *p)
{
    beam_pcoll *in = pairs(p);
    beam_assert_that(beam_combine_per_key_with_fanout(in, "Cold", &letters_fn, 1), "OfCold",
                     .lines = "a: 3 114\nb: 2 113");
    beam_assert_that(beam_combine_per_key_with_fanout(in, "Hot", &letters_fn, 5), "OfHot",
                     .lines = "a: 3 114\nb: 2 113");
}
static void hot_keys_accumulating(beam_pipeline *p)
{
    beam_pcoll *in = beam_window_into(pairs(p), "Global", beam_global(),
                                      .accumulation = BEAM_ACCUMULATING);
    beam_assert_that(beam_combine_per_key_with_fanout(in, "Hot", &beam_sum_int64, 4), "Out",
                     .lines = "a: 6\nb: 14");
}

/* -- windows --------------------------------------------------------------------------------------- */
static beam_pcoll *timed_pairs(beam_pipeline *p)
{
    return TIMED_PAIRS(p, "In", { "a", 1, 0 }, { "a", 1, 1 }, { "a", 4, 6 }, { "b", 1, 7 },
                       { "b", 13, 8 });
}
static void assert_windows(beam_pipeline *p, beam_window_fn windows, const char *config,
                           const char *per_key, const char *of_all)
{
    beam_pcoll *in = beam_window_into(timed_pairs(p), "Windows", windows);
    beam_span context = beam_span_of(config);
    beam_assert_that(beam_combine_per_key(in, "PerKey", &letters_fn, .config = context),
                     "OfKey", .lines = per_key, .show = BEAM_SHOW_WINDOW);
    beam_assert_that(beam_combine_globally(beam_values(in, "Values"), "All", &letters_fn,
                                           .config = context),
                     "OfAll", .lines = of_all, .show = BEAM_SHOW_WINDOW);
}
static void fixed(beam_pipeline *p)
{
    assert_windows(p, beam_fixed(2), "",
                   "[0, 2) a: 2 11\n[6, 8) a: 1 4\n[6, 8) b: 1 1\n[8, 10) b: 1 13",
                   "[0, 2) 2 11\n[6, 8) 2 14\n[8, 10) 1 13");
}
static void fixed_with_context(beam_pipeline *p)
{
    assert_windows(p, beam_fixed(2), "c:",
                   "[0, 2) a: c:2 11\n[6, 8) a: c:1 4\n[6, 8) b: c:1 1\n[8, 10) b: c:1 13",
                   "[0, 2) c:2 11\n[6, 8) c:2 14\n[8, 10) c:1 13");
}
#define SLIDING(c) \
    "[-3, 3) a: " c "2 11\n[0, 6) a: " c "2 11\n[3, 9) a: " c "1 4\n[6, 12) a: " c "1 4\n" \
    "[3, 9) b: " c "2 113\n[6, 12) b: " c "2 113"
#define SLIDING_ALL(c) \
    "[-3, 3) " c "2 11\n[0, 6) " c "2 11\n[3, 9) " c "3 1134\n[6, 12) " c "3 1134"
static void sliding(beam_pipeline *p)
{
    assert_windows(p, beam_sliding(6, 3), "", SLIDING(""), SLIDING_ALL(""));
}
static void sliding_with_context(beam_pipeline *p)
{
    assert_windows(p, beam_sliding(6, 3), "c:", SLIDING("c:"), SLIDING_ALL("c:"));
}
static void sessions(beam_pipeline *p)
{
    assert_windows(p, beam_sessions(4), "",
                   "[0, 5) a: 2 11\n[6, 10) a: 1 4\n[7, 12) b: 2 113",
                   "[0, 5) 2 11\n[6, 12) 3 1134");
}
static void sessions_with_context(beam_pipeline *p)
{
    assert_windows(p, beam_sessions(4), "c:",
                   "[0, 5) a: c:2 11\n[6, 10) a: c:1 4\n[7, 12) b: c:2 113",
                   "[0, 5) c:2 11\n[6, 12) c:3 1134");
}
static void windowed_empty(beam_pipeline *p)
{
    beam_pcoll *in = beam_window_into(beam_values(no_pairs(p), "Values"), "Windows",
                                      beam_fixed(1));
    beam_assert_that(beam_combine_globally(in, "Mean", &beam_mean_int64), "Out", .empty = true);
}

/* -- as side inputs --------------------------------------------------------------------------------- */
enum { SIDE };
static const beam_side_spec sides[] = { [SIDE] = { "sum", BEAM_SIDE_SINGLETON, BEAM_INT64, NULL,
                                                   NULL } };
static beam_status emit_side(beam_ctx *c, beam_value in)
{
    (void)in;
    return beam_emit(c, beam_side(c, SIDE));
}
static const beam_dofn emit_side_fn = { .name = "java.emit_combined_side",
                                        .in = BEAM_INT64,
                                        .out = BEAM_INT64,
                                        .sides = BEAM_TABLE(sides),
                                        .process = emit_side };

static void as_view(beam_pipeline *p)
{
    beam_pcoll *none = beam_create(p, "None", BEAM_INT64, NULL, 0);
    beam_pcoll *sum = beam_combine_globally(none, "Sum", &beam_sum_int64);
    beam_pcoll *out = beam_par_do(INTS(p, "In", 1), "Emit", &emit_side_fn,
                                  .sides = { [SIDE] = sum });
    beam_assert_that(out, "Out", .lines = "0");
}
static void windowed_as_view(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_INTS(p, "In", { 0, 0 }, { 1, 2 }, { 2, 12 });
    in = beam_window_into(in, "Windows", beam_fixed(10));
    beam_pcoll *sum = beam_combine_globally(in, "Sum", &beam_sum_int64);
    beam_pcoll *out = beam_par_do(in, "Emit", &emit_side_fn, .sides = { [SIDE] = sum });
    beam_assert_that(out, "Out", .lines = "[0, 10) 1\n[0, 10) 1\n[10, 20) 2",
                     .show = BEAM_SHOW_WINDOW);
}

/* A trigger that fires for each element: the last pane has all. */
static void defaults_and_triggers(beam_pipeline *p)
{
    beam_pcoll *in = beam_window_into(INTS(p, "In", 1, 1), "Fire", beam_global(),
                                      .trigger = BEAM_REPEAT(BEAM_AFTER_COUNT(1)),
                                      .accumulation = BEAM_ACCUMULATING);
    beam_pcoll *sum = beam_combine_globally(in, "Sum", &beam_sum_int64);
    beam_pcoll *none = beam_create(p, "None", BEAM_INT64, NULL, 0);
    none = beam_combine_globally(none, "SumOfNone", &beam_sum_int64);
    beam_assert_that(sum, "Last", .lines = "2", .panes = BEAM_PANES_FINAL);
    beam_assert_that(none, "OfNone", .lines = "0");
}

/* -- Latest and Distinct ---------------------------------------------------------------------------- */
static void latest(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_STRINGS(p, "In", { "foo", 100 }, { "bar", 300 }, { "baz", 200 });
    beam_assert_that(beam_latest(in, "Latest"), "Out", .lines = "bar");
}
static void latest_per_key(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_PAIRS(p, "In", { "A", 1, 100 }, { "B", 2, 300 }, { "A", 3, 200 });
    beam_assert_that(beam_latest_per_key(in, "Latest"), "Out", .lines = "A: 3\nB: 2");
}
static void latest_per_key_empty(beam_pipeline *p)
{
    beam_assert_that(beam_latest_per_key(no_pairs(p), "Latest"), "Out", .empty = true);
}
static void distinct(beam_pipeline *p)
{
    beam_pcoll *in = STRINGS(p, "In", "k1", "k5", "k5", "k2", "k1", "k2", "k3");
    beam_assert_that(beam_distinct(in, "Distinct"), "Out", .lines = "k1\nk5\nk2\nk3");
}
static void distinct_empty(beam_pipeline *p)
{
    beam_pcoll *none = beam_create(p, "None", BEAM_STRING, NULL, 0);
    beam_assert_that(beam_distinct(none, "Distinct"), "Out", .empty = true);
}
static void distinct_windows(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_STRINGS(p, "In", { "k1", 1 }, { "k2", 2 }, { "k3", 3 }, { "k1", 4 },
                                   { "k2", 5 }, { "k3", 36 }, { "k3", 37 });
    in = beam_window_into(in, "Windows", beam_fixed(30));
    beam_assert_that(beam_distinct(in, "Distinct"), "Out",
                     .lines = "[0, 30) k1\n[0, 30) k2\n[0, 30) k3\n[30, 60) k3",
                     .show = BEAM_SHOW_WINDOW);
}

/* -- Wait ---------------------------------------------------------------------------------------------- */
static void wait_bounded(beam_pipeline *p)
{
    beam_pcoll *signal = INTS(p, "Signal", 1, 2, 3);
    beam_pcoll *in = INTS(p, "In", 4, 5);
    beam_assert_that(beam_wait_on(in, "Wait", signal), "Out", .lines = "4\n5");
}
static void wait_windows(beam_pipeline *p)
{
    beam_pcoll *signal = TIMED_INTS(p, "Signal", { 1, 1 }, { 2, 12 });
    signal = beam_window_into(signal, "SignalWindows", beam_fixed(10));
    beam_pcoll *in = TIMED_INTS(p, "In", { 3, 3 }, { 14, 14 }, { 25, 25 });
    in = beam_window_into(in, "Windows", beam_fixed(10));
    beam_assert_that(beam_wait_on(in, "Wait", signal), "Out",
                     .lines = "[0, 10) 3 @3\n[10, 20) 14 @14\n[20, 30) 25 @25",
                     .show = BEAM_SHOW_WINDOW | BEAM_SHOW_TIMESTAMP);
}
static void wait_empty_signal(beam_pipeline *p)
{
    beam_pcoll *signal = beam_create(p, "Signal", BEAM_INT64, NULL, 0);
    beam_assert_that(beam_wait_on(INTS(p, "In", 4, 5), "Wait", signal), "Out",
                     .lines = "4\n5");
}

#define C(name) "CombineTest." name
static const suite_test tests[] = {
    TEST(C("testSimpleCombine"), "-", simple),
    TEST(C("testSimpleCombineEmpty"), "-", simple_empty),
    TEST(C("testSimpleCombineWithContext"), "-", simple_with_context),
    TEST(C("testSimpleCombineWithContextEmpty"), "-", simple_with_context_empty),
    TEST(C("testBasicCombine"), "-", basic),
    TEST(C("testBasicCombineEmpty"), "-", basic_empty),
    TEST(C("testBinaryCombinePerKeyLambda"), "-", binary_per_key),
    TEST(C("testCombineGloballyLambda"), "-", globally),
    TEST(C("testAccumulatingCombine"), "-", accumulating),
    TEST(C("testAccumulatingCombineEmpty"), "-", accumulating_empty),
    TEST(C("testHotKeyCombining"), "-", hot_keys),
    TEST(C("testHotKeyCombiningWithAccumulationMode"), "-", hot_keys_accumulating),
    TEST(C("testFixedWindowsCombine"), "-", fixed),
    TEST(C("testFixedWindowsCombineWithContext"), "-", fixed_with_context),
    TEST(C("testSlidingWindowsCombine"), "-", sliding),
    TEST(C("testSlidingWindowsCombineWithContext"), "-", sliding_with_context),
    TEST(C("testSessionsCombine"), "-", sessions),
    TEST(C("testSessionsCombineWithContext"), "-", sessions_with_context),
    TEST(C("testWindowedCombineEmpty"), "-", windowed_empty),
    TEST(C("testCombineGloballyAsSingletonView"), "UsesSideInputs", as_view),
    TEST(C("testWindowedCombineGloballyAsSingletonView"), "UsesSideInputs", windowed_as_view),
    TEST(C("testGlobalCombineWithDefaultsAndTriggers"), "-", defaults_and_triggers),
    TEST("LatestTest.testGloballyEventTimestamp", "-", latest),
    TEST("LatestTest.testPerKeyEventTimestamp", "-", latest_per_key),
    TEST("LatestTest.testPerKeyEmptyCollection", "-", latest_per_key_empty),
    TEST("DistinctTest.testDistinct", "-", distinct),
    TEST("DistinctTest.testDistinctEmpty", "-", distinct_empty),
    TEST("DistinctTest.testWindowedDistinct", "-", distinct_windows),
    TEST("WaitTest.testWaitBoundedInDefaultWindow", "-", wait_bounded),
    TEST("WaitTest.testWaitWithSameFixedWindows", "-", wait_windows),
    TEST("WaitTest.testWaitWithEmptySignal", "-", wait_empty_signal),
};
SUITE_TABLE(java_combine, "java", tests);
