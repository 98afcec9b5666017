/* SPDX-License-Identifier: Apache-2.0 */
/* Splittable DoFns in a pipeline: what they must have, boundedness, PeriodicImpulse. */
#include "beam/splittable.h"

#include <stdio.h>

#include "graph_test.h"

static beam_value initial(beam_ctx *c, beam_value in)
{
    (void)c;
    return in;
}
static int64_t estimate(beam_ctx *c, beam_value in)
{
    (void)c, (void)in;
    return 0;
}
static beam_millis mark(beam_ctx *c, beam_value in, beam_value restriction)
{
    (void)c, (void)in, (void)restriction;
    return 0;
}

static const beam_output_spec extra[] = { { "extra", BEAM_INT64 } };

/* A DoFn over words with this beam_sdf; it must outlive the pipeline. */
static beam_dofn over(const beam_sdf *sdf)
{
    return (beam_dofn){ .name = "test.read",
                        .in = BEAM_STRING,
                        .out = BEAM_STRING,
                        .outputs = BEAM_TABLE(extra),
                        .process = test_process,
                        .sdf = sdf };
}

static const beam_sdf bounded = { .tracker = &beam_offset_tracker, .initial = initial };
static const beam_sdf unbounded = { .tracker = &beam_growable_offset_tracker,
                                    .initial = initial,
                                    .estimate_end = estimate,
                                    .watermark = BEAM_WATERMARK_MANUAL,
                                    .initial_watermark = mark,
                                    .unbounded = true };

START_TEST(boundedness)
{
    beam_dofn fn = over(&bounded), endless = over(&unbounded);
    beam_pcoll *in = words();
    beam_pcoll *out = beam_par_do(in, "Bounded", &fn);
    ck_assert(out->bounded);
    out = beam_par_do(beam_par_do(out, "Endless", &endless), "Bounded again", &fn);
    ck_assert(!out->bounded);
    ck_assert(!beam_output(out, 0)->bounded);
    ck_assert_int_eq(bm_graph_check(p), BEAM_OK);
    ck_assert(in->bounded);
    ck_assert(!out->bounded);
}
END_TEST

START_TEST(an_unbounded_source_needs_windows_to_be_grouped)
{
    beam_dofn endless = over(&unbounded);
    endless.out = BEAM_KV(BEAM_STRING, BEAM_INT64);
    beam_group_by_key(beam_par_do(words(), "Endless", &endless), "Group");
    ck_assert_ptr_nonnull(beam_pipeline_error(p));
    ck_assert_ptr_nonnull(strstr(beam_pipeline_error(p)->message, "is unbounded"));
}
END_TEST

/* -- mistakes --------------------------------------------------------------------------- */
static void refuse_dofn(const beam_dofn *fn, const char *problem)
{
    beam_pipeline_free(p);
    p = beam_pipeline_new();
    beam_par_do(words(), "Read", fn);
    char message[300];
    snprintf(message, sizeof message, "Read: %s", problem);
    expect_error(BEAM_EINVAL, message);
}

static void refuse(beam_sdf sdf, const char *problem)
{
    beam_dofn fn = over(&sdf);
    char message[250];
    snprintf(message, sizeof message, "the .sdf of DoFn 'test.read' %s", problem);
    refuse_dofn(&fn, message);
}

START_TEST(what_is_missing_is_said)
{
    beam_sdf sdf = { .initial = initial };
    refuse(sdf, "has no .tracker: use beam_offset_tracker, say");
    beam_tracker tracker = beam_offset_tracker;
    sdf.tracker = &tracker;
    tracker.start = NULL;
    refuse(sdf, "has a tracker without .start");
    tracker = beam_offset_tracker;
    tracker.claim = NULL;
    refuse(sdf, "has a tracker without .claim");
    tracker = beam_offset_tracker;
    tracker.check_done = NULL;
    refuse(sdf, "has a tracker without .check_done");
    tracker = beam_offset_tracker;
    tracker.position = NULL;
    refuse(sdf, "has a tracker without .position: say what is claimed");
    tracker = beam_offset_tracker;
    tracker.restriction = NULL;
    refuse(sdf, "has no .restriction, and its tracker says none either");
    sdf = bounded;
    sdf.initial = NULL;
    refuse(sdf, "has no .initial: say which restriction an element has");
    sdf = bounded;
    sdf.restriction = BEAM_STRING;
    refuse(sdf, "has a .restriction that is not its tracker's: leave it away");
    sdf = unbounded;
    sdf.estimate_end = NULL;
    refuse(sdf, "has no .estimate_end, which beam_growable_offset_tracker asks");
    sdf = bounded;
    sdf.initial_watermark = mark;
    refuse(sdf, "has .initial_watermark, but no .watermark: say of which kind it is");
}
END_TEST

START_TEST(what_does_not_go_together_is_said)
{
    beam_dofn fn = over(&bounded);
    fn.process = NULL;
    fn.map = test_map;
    refuse_dofn(&fn, "DoFn 'test.read' is splittable, and has no .process");
    static const beam_state_spec states[] = { BEAM_VALUE_STATE("seen", BEAM_INT64) };
    fn = over(&bounded);
    fn.states.at = states;
    fn.states.n = 1;
    refuse_dofn(
        &fn, "DoFn 'test.read' is splittable, so it cannot have state: put that into a "
             "step after it");
    static const beam_timer_spec timers[] = { { "later", BEAM_EVENT_TIME } };
    fn = over(&bounded);
    fn.timers.at = timers;
    fn.timers.n = 1;
    refuse_dofn(&fn,
                "DoFn 'test.read' is splittable, so it cannot have timers: give the rest "
                "of the restriction back with beam_resume_later()");
}
END_TEST

START_TEST(a_restriction_has_a_coder)
{
    beam_sdf sdf = bounded;
    beam_tracker tracker = beam_offset_tracker;
    tracker.restriction = NULL;
    sdf.tracker = &tracker;
    sdf.restriction = BEAM_ANY;
    beam_dofn fn = over(&sdf);
    beam_par_do(words(), "Read", &fn);
    expect_error(BEAM_ETYPE,
                 "Read: the restriction of DoFn 'test.read' is a type with ANY in "
                 "it, but must be known here");
}
END_TEST

/* -- two on one collection ---------------------------------------------------------------- */
START_TEST(each_has_an_input_of_its_own)
{
    beam_dofn fn = over(&bounded);
    beam_pcoll *in = words();
    beam_pcoll *first = beam_par_do(in, "First", &fn);
    beam_pcoll *second = beam_par_do(in, "Second", &fn);
    ck_assert_ptr_eq(first->producer->inputs[0], in);
    ck_assert_ptr_ne(second->producer->inputs[0], in);
    ck_assert_ptr_nonnull(beam_output(second, 0)->producer);
    expect_no_error();
    expect_print(CREATED(
        "Words",
        "STRING") "First: ParDo 'test.read' (Words) -> STRING, 'extra': INT64\n"
                  "Second: composite (Words) -> STRING, INT64\n"
                  "  Input: Flatten (Words) -> STRING\n"
                  "  Process: ParDo 'test.read' (Second/Input) -> STRING, 'extra': INT64\n");
}
END_TEST

/* -- PeriodicImpulse ------------------------------------------------------------------------ */
START_TEST(periodic_impulse)
{
    beam_pcoll *ticks = beam_periodic_impulse(p, "Ticks", 0, BEAM_MAX_TIMESTAMP, 1000);
    expect_type(ticks, "INT64");
    ck_assert(!ticks->bounded);
    expect_print("Ticks: composite -> INT64 unbounded\n"
                 "  Impulse: Impulse -> BYTES\n"
                 "  Tick: ParDo 'beam.periodic_impulse' (Ticks/Impulse) -> INT64 "
                 "unbounded\n");
}
END_TEST

START_TEST(bad_periods)
{
    beam_periodic_impulse(p, "Ticks", 0, 10, 0);
    expect_error(BEAM_EINVAL, "Ticks: its period must be at least 1 ms");
    beam_pipeline_free(p);
    p = beam_pipeline_new();
    beam_periodic_impulse(p, "Ticks", 10, 0, 1);
    expect_error(BEAM_EINVAL, "Ticks: its end is before its start");
    beam_pipeline_free(p);
    p = beam_pipeline_new();
    beam_periodic_impulse(p, "Ticks", 0, INT64_MAX, 1);
    expect_error(BEAM_EINVAL, "Ticks: its start or end is no timestamp");
}
END_TEST

RUN("graph/splittable", boundedness, an_unbounded_source_needs_windows_to_be_grouped,
    what_is_missing_is_said, what_does_not_go_together_is_said, a_restriction_has_a_coder,
    each_has_an_input_of_its_own, periodic_impulse, bad_periods)
