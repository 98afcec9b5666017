/* SPDX-License-Identifier: Apache-2.0 */
/* The Python SDK's tests of splits and drains. The local runner splits a running bundle each
 * millisecond at the fraction that a test says; elements take a little longer than that. */
#include "go.h"

#include <time.h>

static void take_time(void)
{
    nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
}

/* -- splits of the channel ----------------------------------------------------------------- */
static beam_status count_bundle(beam_ctx *c)
{
    beam_counter_add(c, "bundles", 1);
    return BEAM_OK;
}

static beam_status slow(beam_ctx *c, beam_value in)
{
    take_time();
    return beam_emit(c, in);
}
static const beam_dofn slow_fn = { .name = "py.slow",
                                   .in = BEAM_INT64,
                                   .out = BEAM_INT64,
                                   .start_bundle = count_bundle,
                                   .process = slow };

enum { N = 30 };
static beam_pcoll *thirty(beam_pipeline *p)
{
    int64_t values[N];
    for (int64_t i = 0; i < N; i++) values[i] = i;
    /* After a shuffle the elements come to the slow step as one bundle. */
    return beam_reshuffle(create_ints(p, "In", values, N), "Shuffle");
}

static void channel(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(thirty(p), "Slow", &slow_fn);
    beam_value sum = beam_int64(N * (N - 1) / 2);
    beam_assert_that(out, "All", .count = N);
    beam_assert_that(beam_combine_globally(out, "Sum", &beam_sum_int64), "Sum of all",
                     .singleton = &sum);
}

static const char *was_split(beam_pipeline *p, const char *scope)
{
    (void)scope;
    return beam_test_counter(p, NULL, "bundles") > 1 ? NULL : "no bundle was split";
}

/* -- splits of an element: (n, k) for each k below n ---------------------------------------- */
static beam_value below(beam_ctx *c, beam_value element)
{
    return beam_offsets(c, 0, beam_as_int64(element));
}

static beam_status enumerate(beam_ctx *c, beam_value in)
{
    beam_counter_add(c, "calls", 1);
    for (int64_t i = beam_offset_from(beam_restriction(c)); beam_claim_offset(c, i); i++) {
        take_time();
        BEAM_TRY(beam_emit_kv(c, in, beam_int64(i)));
    }
    return BEAM_OK;
}
static const beam_sdf below_sdf = { .tracker = &beam_offset_tracker, .initial = below };
static const beam_dofn enumerate_fn = { .name = "py.enumerate",
                                        .in = BEAM_INT64,
                                        .out = BEAM_KV(BEAM_INT64, BEAM_INT64),
                                        .process = enumerate,
                                        .sdf = &below_sdf };

static void elements(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(INTS(p, "In", 1, 2, 20, 3), "Enumerate", &enumerate_fn);
    beam_assert_that(beam_combine_per_key(out, "Sum", &beam_sum_int64), "Sums",
                     .lines = "1: 0\n20: 190\n2: 1\n3: 3");
    beam_assert_that(out, "All", .count = 26);
}

static const char *element_was_split(beam_pipeline *p, const char *scope)
{
    (void)scope;
    return beam_test_counter(p, NULL, "calls") > 4 ? NULL : "no element was split";
}

static const char *nothing_was_split(beam_pipeline *p, const char *scope)
{
    (void)scope;
    return beam_test_counter(p, NULL, "calls") == 4 ? NULL : "an element was split";
}

/* -- drains ---------------------------------------------------------------------------------- */
static beam_status count_some(beam_ctx *c, beam_value in)
{
    (void)in;
    for (int64_t i = beam_offset_from(beam_restriction(c)); beam_claim_offset(c, i); i++) {
        BEAM_TRY(beam_emit(c, beam_int64(i)));
        if (i % 2) return beam_resume_later(c, 0);
    }
    return BEAM_OK;
}
static const beam_dofn resume_fn = { .name = "py.drain.resume",
                                     .in = BEAM_INT64,
                                     .out = BEAM_INT64,
                                     .process = count_some,
                                     .sdf = &below_sdf };

static void drain_checkpointing(beam_pipeline *p)
{
    beam_assert_that(beam_par_do(INTS(p, "In", 5), "Count", &resume_fn), "Out",
                     .lines = "0\n1\n2\n3\n4");
}

static const beam_sdf unbounded_sdf = { .tracker = &beam_offset_tracker,
                                        .initial = below,
                                        .unbounded = true };
static const beam_dofn unbounded_fn = { .name = "py.drain.unbounded",
                                        .in = BEAM_INT64,
                                        .out = BEAM_INT64,
                                        .process = count_some,
                                        .sdf = &unbounded_sdf };

static void drain_unbounded(beam_pipeline *p)
{
    beam_assert_that(beam_par_do(INTS(p, "In", 10), "Count", &unbounded_fn), "Out",
                     .empty = true);
}

static beam_value first_half(beam_ctx *c, beam_value element, beam_value restriction)
{
    (void)element;
    return beam_offsets(c, beam_offset_from(restriction), beam_offset_to(restriction) / 2);
}
static const beam_sdf truncating_sdf = { .tracker = &beam_offset_tracker,
                                         .initial = below,
                                         .truncate = first_half };
static const beam_dofn truncating_fn = { .name = "py.drain.truncating",
                                         .in = BEAM_INT64,
                                         .out = BEAM_INT64,
                                         .process = count_some,
                                         .sdf = &truncating_sdf };

static void drain_truncate(beam_pipeline *p)
{
    beam_assert_that(beam_par_do(INTS(p, "In", 10), "Count", &truncating_fn), "Out",
                     .lines = "0\n1\n2\n3\n4");
}

static const beam_test_faults checkpoint = { .split_every_ms = 1, .split_fraction = 0 };
static const beam_test_faults half = { .split_every_ms = 1, .split_fraction = 0.5 };
static const beam_test_faults crazy = { .split_every_ms = 1,
                                        .split_fraction = 0.137,
                                        .progress_every_ms = 1 };
static const beam_test_faults progress = { .progress_every_ms = 1 };

#define SDF "UsesBoundedSplittableParDo"
#define SPLIT_TEST(name, category, build, fault, checked, more) \
    TEST("FnApiRunnerSplitTest." name, category, build, .faults = (fault), .check = (checked), \
         .needs = NEEDS_SPLITS | (more))
static const suite_test tests[] = {
    SPLIT_TEST("test_checkpoint", "-", channel, &checkpoint, was_split, 0),
    SPLIT_TEST("test_split_half", "-", channel, &half, was_split, 0),
    SPLIT_TEST("test_time_based_split_manager", "-", channel, &crazy, was_split, 0),
    SPLIT_TEST("test_nosplit_sdf", SDF, elements, &progress, nothing_was_split, NEEDS_SDF),
    SPLIT_TEST("test_checkpoint_sdf", SDF, elements, &checkpoint, element_was_split, NEEDS_SDF),
    SPLIT_TEST("test_checkpoint_draining_sdf", SDF, elements, &checkpoint, element_was_split,
               NEEDS_SDF | NEEDS_DRAIN),
    SPLIT_TEST("test_split_half_sdf", SDF, elements, &half, element_was_split, NEEDS_SDF),
    SPLIT_TEST("test_split_half_draining_sdf", SDF, elements, &half, element_was_split,
               NEEDS_SDF | NEEDS_DRAIN),
    SPLIT_TEST("test_split_crazy_sdf", SDF, elements, &crazy, element_was_split, NEEDS_SDF),
    SPLIT_TEST("test_split_crazy_draining_sdf", SDF, elements, &crazy, element_was_split,
               NEEDS_SDF | NEEDS_DRAIN),
    TEST("FnApiRunnerMetricsTest.test_progress_metrics", SDF, elements, .faults = &progress,
         .check = nothing_was_split, .needs = NEEDS_SPLITS | NEEDS_SDF),
    TEST("test_draining_sdf_with_sdf_initiated_checkpointing", SDF, drain_checkpointing,
         .needs = NEEDS_SDF | NEEDS_DRAIN),
    TEST("test_sdf_default_truncate_when_bounded", SDF, drain_checkpointing,
         .needs = NEEDS_SDF | NEEDS_DRAIN),
    TEST("test_sdf_default_truncate_when_unbounded", "UsesUnboundedSplittableParDo",
         drain_unbounded, .needs = NEEDS_SDF | NEEDS_DRAIN | NEEDS_UNBOUNDED),
    TEST("test_sdf_with_truncate", SDF, drain_truncate, .needs = NEEDS_SDF | NEEDS_DRAIN),
};
SUITE_TABLE(py_split, "python", tests);
