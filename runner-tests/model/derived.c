/* SPDX-License-Identifier: Apache-2.0 */
/* Distinct, Latest, Top, Count globally, Wait.on. */
#include "shared.h"

static const char *const keys[] = { "a", "b", "a", "a", "b" };
static const int64_t seconds[] = { 1, 2, 4, 11, 13 };

static beam_pcoll *timed(beam_pipeline *p)
{
    return create_timed(p, "Timed", keys, seconds, 5);
}

static beam_pcoll *in_windows(beam_pipeline *p)
{
    return beam_window_into(timed(p), "Windows", beam_fixed(beam_seconds(10)));
}

static beam_pcoll *distinct(beam_pipeline *p)
{
    return beam_distinct(beam_keys(timed(p), "Keys"), "Distinct");
}
static beam_pcoll *distinct_in_windows(beam_pipeline *p)
{
    return with_window(beam_distinct(beam_keys(in_windows(p), "Keys"), "Distinct"), "Text");
}
static beam_pcoll *latest_per_key(beam_pipeline *p)
{
    return as_text(beam_latest_per_key(timed(p), "Latest"), "Text");
}
static beam_pcoll *latest(beam_pipeline *p)
{
    return with_window(beam_latest(in_windows(p), "Latest"), "Text");
}
static beam_pcoll *top(beam_pipeline *p)
{
    return as_text(beam_top(beam_values(timed(p), "Values"), "Top", 2, BEAM_LARGEST), "Text");
}
/* Numbers 0 ... 99 of two keys. */
static beam_pcoll *hundred(beam_pipeline *p)
{
    beam_value pair[100][2], items[100];
    for (int i = 0; i < 100; i++) {
        pair[i][0] = beam_string(beam_span_of(i % 10 ? "hot" : "cold"));
        pair[i][1] = beam_int64(i);
        items[i] = beam_kv(pair[i]);
    }
    return beam_create(p, "Hundred", BEAM_KV(BEAM_STRING, BEAM_INT64), items, 100);
}
static beam_pcoll *fanout_sum(beam_pipeline *p)
{
    return as_text(beam_combine_per_key_with_fanout(hundred(p), "Sum", &beam_sum_int64, 4),
                   "Text");
}
static beam_pcoll *fanout_mean(beam_pipeline *p)
{
    return as_text(beam_combine_per_key_with_fanout(hundred(p), "Mean", &beam_mean_int64, 7),
                   "Text");
}
static beam_pcoll *fanout_windows(beam_pipeline *p)
{
    beam_pcoll *sessions = beam_window_into(timed(p), "Sessions", beam_sessions(beam_seconds(5)));
    return with_window(beam_combine_per_key_with_fanout(sessions, "Sum", &beam_sum_int64, 3),
                       "Text");
}
static beam_pcoll *count(beam_pipeline *p)
{
    return with_window(beam_count_globally(in_windows(p), "Count"), "Text");
}
static beam_pcoll *count_nothing(beam_pipeline *p)
{
    return as_text(beam_count_globally(create_ints(p, "Nothing", NULL, 0), "Count"), "Text");
}
static beam_pcoll *wait_on(beam_pipeline *p)
{
    const int64_t ones[] = { 1, 1, 1 };
    return as_text(beam_wait_on(timed(p), "Wait", create_ints(p, "Signal", ones, 3)), "Text");
}
static beam_pcoll *wait_on_nothing(beam_pipeline *p)
{
    return as_text(beam_wait_on(timed(p), "Wait", create_ints(p, "Signal", NULL, 0)), "Text");
}
static beam_pcoll *wait_in_windows(beam_pipeline *p)
{
    beam_pcoll *signal = beam_window_into(create_timed(p, "Signal", keys, seconds, 2), "Twenty",
                                          beam_fixed(beam_seconds(20)));
    return with_window(beam_wait_on(in_windows(p), "Wait", signal), "Text");
}

static const model_test tests[] = {
    { "distinct", distinct, "a\nb\n" },
    { "distinct_in_windows", distinct_in_windows, "[0,10) a\n[0,10) b\n[10,20) a\n[10,20) b\n" },
    { "latest_per_key", latest_per_key, "a: 11\nb: 13\n" },
    { "latest", latest, "[0,10) a: 4\n[10,20) b: 13\n" },
    { "top", top, "[11 13]\n" },
    { "fanout_sum", fanout_sum, "cold: 450\nhot: 4500\n" },
    { "fanout_mean", fanout_mean, "cold: 45\nhot: 50\n" },
    { "fanout_sessions", fanout_windows, "[1,9) a: 5\n[11,16) a: 11\n[13,18) b: 13\n[2,7) b: 2\n" },
    { "count_globally", count, "[0,10) 3\n[10,20) 2\n" },
    { "count_nothing", count_nothing, "0\n" },
    { "wait_on", wait_on, "a: 1\na: 11\na: 4\nb: 13\nb: 2\n" },
    { "wait_on_nothing", wait_on_nothing, "a: 1\na: 11\na: 4\nb: 13\nb: 2\n" },
    { "wait_in_windows", wait_in_windows,
      "[0,10) a: 1\n[0,10) a: 4\n[0,10) b: 2\n[10,20) a: 11\n[10,20) b: 13\n" },
};

const model_suite derived_suite = { tests, BEAM_COUNT(tests), NULL, 0, NULL, 0 };
