/* SPDX-License-Identifier: Apache-2.0 */
/* Java's WindowTest: merging WindowFns of the program. */
#include "java.h"

static beam_window interval(beam_millis start, beam_millis length, const char *custom)
{
    return (beam_window){ start, start + length, beam_span_of(custom) };
}

/* -- a big window takes the small ones that lie in it -------------------------------- */
static beam_status assign_by_size(beam_ctx *c, beam_value element, beam_millis t)
{
    beam_value text = element.kind == BEAM_KIND_KV ? beam_val(element) : element;
    bool big = beam_span_equal(beam_as_span(text), beam_span_of("big"));
    return beam_assign_window(c,
                              interval(t, beam_seconds(big ? 30 : 5), big ? "1" : "0"));
}
static bool contains(beam_window outer, beam_window inner)
{
    return outer.start <= inner.start && inner.end <= outer.end;
}
static beam_status merge_into_big(beam_ctx *c, const beam_window *windows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (windows[i].custom.ptr[0] != '1') continue;
        beam_window *in = beam_alloc(c, n * sizeof *in);
        size_t k = 0;
        for (size_t j = 0; j < n; j++)
            if (contains(windows[i], windows[j])) in[k++] = windows[j];
        BEAM_TRY(beam_merge_windows(c, in, k, windows[i]));
    }
    return BEAM_OK;
}
static const beam_custom_windows big_and_small_fn = { .name = "java.big_and_small",
                                                      .custom_windows = true,
                                                      .assign = assign_by_size,
                                                      .merge = merge_into_big,
                                                      .observes_element = true };

static void assert_merged(beam_pcoll *in)
{
    in = beam_window_into(in, "Windows", beam_custom(&big_and_small_fn));
    beam_assert_that(beam_combine_globally(in, "Count", &beam_count), "Out",
                     .lines = "2\n1");
}
static void merging(beam_pipeline *p)
{
    assert_merged(TIMED_STRINGS(p, "In", { "big", 10000 }, { "small1", 20000 },
                                { "small2", 39000 }));
}
static void merging_keyed(beam_pipeline *p)
{
    static const timed_string in[] = { { "big", 10000 },
                                       { "small1", 20000 },
                                       { "small2", 39000 } };
    beam_value pairs[3][2];
    beam_timestamped elements[3];
    for (int i = 0; i < 3; i++) {
        pairs[i][0] = beam_int64(i);
        pairs[i][1] = beam_string(beam_span_of(in[i].value));
        elements[i] = (beam_timestamped){ beam_kv(pairs[i]), in[i].at };
    }
    assert_merged(
        create_at_times(p, "In", BEAM_KV(BEAM_INT64, BEAM_STRING), elements, 3));
}

/* -- windows of odd seconds merge, and those of even ones ---------------------------- */
static beam_status assign_30_seconds(beam_ctx *c, beam_value element, beam_millis t)
{
    (void)element;
    return beam_assign_window(c, (beam_window){ t, t + beam_seconds(30), { NULL, 0 } });
}
static beam_status merge_parity(beam_ctx *c, const beam_window *windows, size_t n,
                                int parity)
{
    beam_window *in = beam_alloc(c, n * sizeof *in), all = { 0, 0, { NULL, 0 } };
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        if (windows[i].start / 1000 % 2 != parity) continue;
        if (!k || windows[i].start < all.start) all.start = windows[i].start;
        if (!k || windows[i].end > all.end) all.end = windows[i].end;
        in[k++] = windows[i];
    }
    return k > 1 ? beam_merge_windows(c, in, k, all) : BEAM_OK;
}
static beam_status merge_odd_and_even(beam_ctx *c, const beam_window *windows, size_t n)
{
    BEAM_TRY(merge_parity(c, windows, n, 0));
    return merge_parity(c, windows, n, 1);
}
static const beam_custom_windows odd_and_even_fn = { .name = "java.odd_and_even",
                                                     .assign = assign_30_seconds,
                                                     .merge = merge_odd_and_even };

static void merging_intervals(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_PAIRS(p, "In", { "a", 1, 1000 }, { "a", 2, 2000 },
                                 { "a", 3, 3000 }, { "a", 4, 4000 }, { "a", 5, 5000 });
    in = beam_window_into(in, "Windows", beam_custom(&odd_and_even_fn));
    beam_assert_that(beam_group_by_key(in, "Group"), "Out",
                     .lines = "[1000, 35000) a: [1, 3, 5]\n[2000, 34000) a: [2, 4]",
                     .show = BEAM_SHOW_WINDOW);
}

#define MERGING "UsesCustomWindowMerging"
static const suite_test tests[] = {
    TEST("WindowTest.testMergingCustomWindows", MERGING, merging),
    TEST("WindowTest.testMergingCustomWindowsKeyedCollection", MERGING, merging_keyed),
    TEST("WindowTest.testMergingCustomWindowsWithoutCustomWindowTypes", MERGING,
         merging_intervals),
};
SUITE_TABLE(java_merging, "java", tests);
