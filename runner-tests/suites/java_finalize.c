/* SPDX-License-Identifier: Apache-2.0 */
/* Java's ParDoTest and SplittableDoFnTest: bundle finalization. Each test goes on until a
 * callback has come; workers are in the process of the job. */
#include "java.h"

#include "beam/splittable.h"

#include <stdatomic.h>
#include <time.h>

enum { BASIC, WITH_STATE, WITH_SIDE, SDF_BOUNDED, SDF_UNBOUNDED, KINDS };
enum { MAX_ATTEMPTS = 100 };
static atomic_bool finalized[KINDS];

static beam_status keep_finalized(beam_span kind)
{
    atomic_store(&finalized[kind.ptr[0] - '0'], true);
    return BEAM_OK;
}
/* True once a callback of this kind, the step's config, has come; else asks for one, and
 * gives the runner time to make it. */
static bool is_finalized(beam_ctx *c, beam_status *status)
{
    const struct timespec pause = { 0, 100 * 1000 * 1000 };
    beam_span kind = beam_config(c);
    *status = BEAM_OK;
    if (atomic_load(&finalized[kind.ptr[0] - '0'])) return true;
    *status = beam_on_finalize(c, 1000 * MAX_ATTEMPTS, keep_finalized, kind);
    nanosleep(&pause, NULL);
    return false;
}
static beam_status emit_if_finalized(beam_ctx *c, beam_value in)
{
    (void)in;
    beam_status status;
    if (!is_finalized(c, &status)) return status;
    return beam_emit(c, beam_string(beam_span_of("bundle was finalized")));
}

enum { SIDE };
static const beam_state_spec unread_state[] = { { "state", BEAM_STATE_VALUE, BEAM_INT64,
                                                  NULL, NULL } };
static const beam_side_spec text_side[] = { [SIDE] = { "side", BEAM_SIDE_SINGLETON,
                                                       BEAM_STRING, NULL, NULL } };
static beam_status read_side(beam_ctx *c, beam_value in)
{
    if (!beam_as_span(beam_side(c, SIDE)).len)
        return beam_fail(c, BEAM_EUSER, "the side input is not there");
    return emit_if_finalized(c, in);
}
#define FINALIZING(dofn, fn_name, function, ...)                            \
    static const beam_dofn dofn = { .name = (fn_name),                      \
                                    .in = BEAM_KV(BEAM_STRING, BEAM_INT64), \
                                    .out = BEAM_STRING,                     \
                                    .process = (function),                  \
                                    __VA_ARGS__ }
FINALIZING(basic_fn, "java.finalizing", emit_if_finalized, .flags = BEAM_FINALIZES);
FINALIZING(stateful_fn, "java.finalizing_with_state", emit_if_finalized,
           .flags = BEAM_FINALIZES, .states = BEAM_TABLE(unread_state));
FINALIZING(sided_fn, "java.finalizing_with_side", read_side, .flags = BEAM_FINALIZES,
           .sides = BEAM_TABLE(text_side));

static beam_pcoll *stream_of_attempts(beam_pipeline *p)
{
    static const char *const keys[] = {
        "0", "1", "2", "3", "4", "5", "6", "7", "8", "9"
    };
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream",
                                                  BEAM_KV(BEAM_STRING, BEAM_INT64));
    for (int i = 0; i < MAX_ATTEMPTS; i++) {
        add_pair(ts, keys[i % 10], i, i);
        beam_test_stream_watermark(ts, i); /* not all of them in one bundle */
    }
    return beam_test_stream_end(ts);
}
static beam_status expect_some(beam_ctx *c, beam_value in)
{
    beam_value v;
    if (beam_next(beam_as_iter(in), &v)) return BEAM_OK;
    return beam_fail(c, BEAM_EUSER, "no bundle was finalized");
}
static const beam_dofn expect_some_fn = { .name = "java.expect_some",
                                          .in = BEAM_ITERABLE(BEAM_STRING),
                                          .process = expect_some };
static void assert_finalized(beam_pcoll *out)
{
    beam_assert_that(out, "Out", .matcher = &expect_some_fn);
}
static void basic(beam_pipeline *p)
{
    assert_finalized(beam_par_do(stream_of_attempts(p), "Finalize", &basic_fn,
                                 .config = beam_span_of("0")));
}
static void with_state(beam_pipeline *p)
{
    assert_finalized(beam_par_do(stream_of_attempts(p), "Finalize", &stateful_fn,
                                 .config = beam_span_of("1")));
}
static void with_side_inputs(beam_pipeline *p)
{
    beam_pcoll *side = STRINGS(p, "Side", "sideInput value");
    assert_finalized(beam_par_do(stream_of_attempts(p), "Finalize", &sided_fn,
                                 .config = beam_span_of("2"),
                                 .sides = { [SIDE] = side }));
}

/* -- splittable: given back at each attempt, and not to be split --------------------- */
static beam_value not_done(beam_ctx *c, beam_value element)
{
    (void)c, (void)element;
    return beam_bool(false);
}
static beam_status attempt(beam_ctx *c, beam_value in)
{
    beam_status status;
    if (!is_finalized(c, &status)) return status ? status : beam_resume_later(c, 0);
    return beam_claim(c, beam_bool(true)) ? beam_emit(c, in) : BEAM_OK;
}
static const beam_sdf attempts_sdf[] = {
    { .tracker = &beam_unsplittable_tracker, .initial = not_done },
    { .tracker = &beam_unsplittable_tracker, .initial = not_done, .unbounded = true },
};
#define ATTEMPTING(dofn, fn_name, kind)                         \
    static const beam_dofn dofn = { .name = (fn_name),          \
                                    .in = BEAM_STRING,          \
                                    .out = BEAM_STRING,         \
                                    .flags = BEAM_FINALIZES,    \
                                    .sdf = &attempts_sdf[kind], \
                                    .process = attempt }
ATTEMPTING(attempt_bounded_fn, "java.finalizing_sdf_bounded", 0);
ATTEMPTING(attempt_unbounded_fn, "java.finalizing_sdf_unbounded", 1);

static void sdf_bounded(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(STRINGS(p, "In", "foo"), "Attempt", &attempt_bounded_fn,
                                  .config = beam_span_of("3"));
    beam_assert_that(out, "Out", .lines = "foo");
}
static void sdf_unbounded(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(STRINGS(p, "In", "foo"), "Attempt",
                                  &attempt_unbounded_fn, .config = beam_span_of("4"));
    beam_assert_that(out, "Out", .lines = "foo");
}

#define STREAM(name, category, build, more)                                       \
    TEST("ParDoTest." name, category "UsesTestStream,UsesBundleFinalizer", build, \
         .needs = NEEDS_FINALIZATION | NEEDS_TEST_STREAM | (more))
static const suite_test tests[] = {
    STREAM("testBundleFinalization", "", basic, 0),
    STREAM("testBundleFinalizationWithState", "UsesStatefulParDo,", with_state,
           NEEDS_STATE),
    STREAM("testBundleFinalizationWithSideInputs", "UsesSideInputs,", with_side_inputs,
           0),
    TEST("SplittableDoFnTest.testBundleFinalizationOccursOnBoundedSplittableDoFn",
         "UsesBoundedSplittableParDo,UsesBundleFinalizer", sdf_bounded,
         .needs = NEEDS_FINALIZATION | NEEDS_SDF),
    TEST("SplittableDoFnTest.testBundleFinalizationOccursOnUnboundedSplittableDoFn",
         "UsesUnboundedSplittableParDo,UsesBundleFinalizer", sdf_unbounded,
         .needs = NEEDS_FINALIZATION | NEEDS_SDF | NEEDS_UNBOUNDED),
};
SUITE_TABLE(java_finalize, "java", tests);
