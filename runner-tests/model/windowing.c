/* SPDX-License-Identifier: Apache-2.0 */
/* WindowFns, triggers, accumulation, timestamp combiners. */
#include <stdlib.h>

#include "model.h"

static const char *const keys[] = { "a", "b", "a", "a", "b" };
static const int64_t seconds[] = { 1, 2, 4, 11, 13 };

static beam_pcoll *timed(beam_pipeline *p)
{
    return create_timed(p, "Timed", keys, seconds, 5);
}

static beam_status show_time(beam_ctx *c, beam_value in)
{
    return beam_emit(c, beam_string(beam_format(c, BEAM_SPAN_FMT "@%lld",
                                                BEAM_SPAN_ARG(beam_as_span(beam_key(in))),
                                                (long long)beam_timestamp(c))));
}
static const beam_dofn show_time_fn = { .name = "model.show_time",
                                        .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                        .out = BEAM_STRING, .process = show_time };

static beam_status show_pane(beam_ctx *c, beam_value in)
{
    beam_pane pane = beam_element_pane(c);
    /* Batch runners do not say whether a pane was on time. */
    bool in_time = pane.timing == BEAM_PANE_ON_TIME || pane.timing == BEAM_PANE_UNKNOWN;
    return beam_emit(c, beam_string(beam_format(c, BEAM_SPAN_FMT " %s %s",
                                                BEAM_SPAN_ARG(beam_as_span(beam_key(in))),
                                                pane.is_first ? "first" : "later",
                                                in_time ? "on time" : "early or late")));
}
static const beam_dofn show_pane_fn = { .name = "model.show_pane",
                                        .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                        .out = BEAM_STRING, .process = show_pane };

static const beam_dofn *const dofns[] = { &show_time_fn, &show_pane_fn };

static beam_pcoll *sum_in(beam_pcoll *windows)
{
    return with_window(beam_combine_per_key(windows, "Sum", &beam_sum_int64), "Text");
}
static beam_pcoll *fixed(beam_pipeline *p)
{
    return sum_in(beam_window_into(timed(p), "Fixed", beam_fixed(beam_seconds(10))));
}
static beam_pcoll *fixed_grouped(beam_pipeline *p)
{
    beam_pcoll *windows = beam_window_into(timed(p), "Fixed", beam_fixed(beam_seconds(10)));
    return with_window(beam_group_by_key(windows, "Group"), "Text");
}
static beam_pcoll *sliding(beam_pipeline *p)
{
    return sum_in(beam_window_into(timed(p), "Sliding",
                                   beam_sliding(beam_seconds(10), beam_seconds(5))));
}
static beam_pcoll *sessions(beam_pipeline *p)
{
    return sum_in(beam_window_into(timed(p), "Sessions", beam_sessions(beam_seconds(5))));
}
static beam_pcoll *sessions_grouped(beam_pipeline *p)
{
    beam_pcoll *windows =
        beam_window_into(timed(p), "Sessions", beam_sessions(beam_seconds(5)));
    return with_window(beam_group_by_key(windows, "Group"), "Text");
}
static beam_pcoll *latest_timestamp(beam_pipeline *p)
{
    beam_pcoll *windows = beam_window_into(timed(p), "Fixed", beam_fixed(beam_seconds(10)),
                                           .timestamp_combiner = BEAM_AT_LATEST);
    beam_pcoll *sums = beam_combine_per_key(windows, "Sum", &beam_sum_int64);
    return beam_window_into(beam_par_do(sums, "Show", &show_time_fn), "Global", beam_global());
}
static beam_pcoll *end_timestamp(beam_pipeline *p)
{
    beam_pcoll *windows = beam_window_into(timed(p), "Fixed", beam_fixed(beam_seconds(10)));
    beam_pcoll *sums = beam_combine_per_key(windows, "Sum", &beam_sum_int64);
    return beam_window_into(beam_par_do(sums, "Show", &show_time_fn), "Global", beam_global());
}
static beam_pcoll *reshuffled(beam_pipeline *p)
{
    beam_pcoll *windows = beam_window_into(timed(p), "Fixed", beam_fixed(beam_seconds(10)));
    return with_window(beam_reshuffle(windows, "Reshuffle"), "Text");
}
static beam_pcoll *panes(beam_pipeline *p)
{
    beam_pcoll *windows = beam_window_into(timed(p), "Fixed", beam_fixed(beam_seconds(10)));
    beam_pcoll *sums = beam_combine_per_key(windows, "Sum", &beam_sum_int64);
    return beam_window_into(beam_par_do(sums, "Show", &show_pane_fn), "Global", beam_global());
}
/* Whatever the trigger, the panes of a key and window add up to the same. */
static beam_pcoll *total_with(beam_pipeline *p, const beam_trigger *trigger)
{
    beam_pcoll *windows = beam_window_into(timed(p), "Fixed", beam_fixed(beam_seconds(10)),
                                           .trigger = trigger,
                                           .allowed_lateness = beam_seconds(1));
    beam_pcoll *sums = beam_combine_per_key(windows, "Sum", &beam_sum_int64);
    beam_pcoll *global = beam_window_into(sums, "Global", beam_global());
    return as_text(beam_combine_per_key(global, "Total", &beam_sum_int64), "Text");
}
static beam_pcoll *trigger_always(beam_pipeline *p)
{
    return total_with(p, BEAM_ALWAYS);
}
static beam_pcoll *trigger_count(beam_pipeline *p)
{
    return total_with(p, BEAM_REPEAT(BEAM_AFTER_COUNT(1)));
}
static beam_pcoll *trigger_early(beam_pipeline *p)
{
    return total_with(p, BEAM_AFTER_END_OF_WINDOW(BEAM_AFTER_COUNT(2), BEAM_AFTER_COUNT(1)));
}
static beam_pcoll *trigger_early_repeated(beam_pipeline *p)
{
    return total_with(p, BEAM_AFTER_END_OF_WINDOW(BEAM_REPEAT(BEAM_AFTER_COUNT(2)),
                                                  BEAM_REPEAT(BEAM_AFTER_COUNT(1))));
}
static beam_pcoll *trigger_any(beam_pipeline *p)
{
    return total_with(p, BEAM_REPEAT(BEAM_AFTER_ANY(BEAM_AFTER_COUNT(1),
                                                    BEAM_AFTER_PROCESSING_TIME(60000))));
}

static const model_test tests[] = {
    { "FixedWindows", fixed, "[0,10) a: 5\n[0,10) b: 2\n[10,20) a: 11\n[10,20) b: 13\n" },
    { "FixedWindowsGrouped", fixed_grouped,
      "[0,10) a: [1 4]\n[0,10) b: [2]\n[10,20) a: [11]\n[10,20) b: [13]\n" },
    { "SlidingWindows", sliding,
      "[-5,5) a: 5\n[-5,5) b: 2\n[0,10) a: 5\n[0,10) b: 2\n[10,20) a: 11\n[10,20) b: 13\n"
      "[5,15) a: 11\n[5,15) b: 13\n" },
    { "Sessions", sessions, "[1,9) a: 5\n[11,16) a: 11\n[13,18) b: 13\n[2,7) b: 2\n" },
    { "SessionsGrouped", sessions_grouped,
      "[1,9) a: [1 4]\n[11,16) a: [11]\n[13,18) b: [13]\n[2,7) b: [2]\n" },
    { "TimestampLatest", latest_timestamp, "a@11000\na@4000\nb@13000\nb@2000\n" },
    { "TimestampEndOfWindow", end_timestamp, "a@19999\na@9999\nb@19999\nb@9999\n" },
    { "ReshuffleKeepsWindows", reshuffled,
      "[0,10) a: 1\n[0,10) a: 4\n[0,10) b: 2\n[10,20) a: 11\n[10,20) b: 13\n" },
    { "Panes", panes, "a first on time\na first on time\nb first on time\nb first on time\n" },
    { "TriggerAlways", trigger_always, "a: 16\nb: 15\n" },
    { "TriggerElementCount", trigger_count, "a: 16\nb: 15\n" },
    { "TriggerAfterEndOfWindow", trigger_early, "a: 16\nb: 15\n" },
    { "TriggerAfterEndOfWindowRepeated", trigger_early_repeated, "a: 16\nb: 15\n" },
    { "TriggerAfterAny", trigger_any, "a: 16\nb: 15\n" },
};

const model_suite windowing_suite = { tests, BEAM_COUNT(tests), dofns, BEAM_COUNT(dofns),
                                      NULL, 0 };
