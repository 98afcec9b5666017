/* SPDX-License-Identifier: Apache-2.0 */
/* The Python SDK's tests of splittable DoFns and finalization. */
#include "go.h"

/* -- each letter of a text, its positions claimed one by one --------------------------- */
static beam_value whole_text(beam_ctx *c, beam_value element)
{
    return beam_offsets(c, 0, (int64_t)beam_as_span(element).len);
}

static beam_status emit_letters(beam_ctx *c, beam_value in)
{
    beam_span text = beam_as_span(in);
    for (int64_t i = beam_offset_from(beam_restriction(c)); beam_claim_offset(c, i); i++)
        BEAM_TRY(beam_emit(c, beam_string((beam_span){ text.ptr + i, 1 })));
    return BEAM_OK;
}
static const beam_sdf letters_sdf = { .tracker = &beam_offset_tracker, .initial = whole_text };
static const beam_dofn letters_fn = { .name = "py.letters",
                                      .in = BEAM_STRING,
                                      .out = BEAM_STRING,
                                      .process = emit_letters,
                                      .sdf = &letters_sdf };

static beam_pcoll *texts(beam_pipeline *p)
{
    return beam_create_strings(p, "In", (const char *const[]){ "abc", "xy" }, 2);
}

static void sdf(beam_pipeline *p)
{
    beam_assert_that(beam_par_do(texts(p), "Letters", &letters_fn), "Out",
                     .lines = "a\nb\nc\nx\ny");
}

/* Restrictions made by the DoFn itself: one for each letter, of a size of its own. */
static beam_status each_alone(beam_ctx *c, beam_value element, beam_value restriction)
{
    (void)element;
    int64_t to = beam_offset_to(restriction);
    for (int64_t i = beam_offset_from(restriction); i < to; i++)
        BEAM_TRY(beam_emit_restriction(c, beam_offsets(c, i, i + 1)));
    return BEAM_OK;
}

static double its_length(beam_ctx *c, beam_value element, beam_value restriction)
{
    (void)c, (void)element;
    return (double)(beam_offset_to(restriction) - beam_offset_from(restriction));
}
static const beam_sdf provider_sdf = { .tracker = &beam_offset_tracker,
                                       .initial = whole_text,
                                       .split = each_alone,
                                       .size = its_length };
static const beam_dofn provider_fn = { .name = "py.provider",
                                       .in = BEAM_STRING,
                                       .out = BEAM_STRING,
                                       .process = emit_letters,
                                       .sdf = &provider_sdf };

static void restriction_provider(beam_pipeline *p)
{
    beam_assert_that(beam_par_do(texts(p), "Letters", &provider_fn), "Out",
                     .lines = "a\nb\nc\nx\ny");
}

/* Returns before all is claimed, and does not say that it goes on later. */
static beam_status too_few(beam_ctx *c, beam_value in)
{
    (void)in;
    beam_claim_offset(c, beam_offset_from(beam_restriction(c)));
    return BEAM_OK;
}
static const beam_dofn too_few_fn = { .name = "py.too_few",
                                      .in = BEAM_STRING,
                                      .out = BEAM_STRING,
                                      .process = too_few,
                                      .sdf = &letters_sdf };

static void check_done_failed(beam_pipeline *p)
{
    beam_par_do(texts(p), "Few", &too_few_fn);
}

/* -- giving the rest back -------------------------------------------------------------------- */
static beam_status one_at_a_time(beam_ctx *c, beam_value in)
{
    beam_span text = beam_as_span(in);
    int64_t i = beam_offset_from(beam_restriction(c));
    beam_counter_add(c, "calls", 1);
    if (!beam_claim_offset(c, i)) return BEAM_OK;
    BEAM_TRY(beam_emit(c, beam_string((beam_span){ text.ptr + i, 1 })));
    return beam_resume_later(c, 0);
}
static const beam_dofn resume_fn = { .name = "py.resume",
                                     .in = BEAM_STRING,
                                     .out = BEAM_STRING,
                                     .process = one_at_a_time,
                                     .sdf = &letters_sdf };

static void initiated_checkpointing(beam_pipeline *p)
{
    beam_assert_that(beam_par_do(texts(p), "Resume", &resume_fn), "Out",
                     .lines = "a\nb\nc\nx\ny");
}

static const char *was_called_often(beam_pipeline *p, const char *scope)
{
    (void)scope;
    return beam_test_counter(p, NULL, "calls") >= 5 ? NULL : "it was not resumed";
}

/* -- watermarks --------------------------------------------------------------------------------- */
static beam_millis from_zero(beam_ctx *c, beam_value element, beam_value restriction)
{
    (void)c, (void)element, (void)restriction;
    return 0;
}

static beam_status timed_letters(beam_ctx *c, beam_value in)
{
    beam_span text = beam_as_span(in);
    int64_t i = beam_offset_from(beam_restriction(c));
    if (!beam_claim_offset(c, i)) return BEAM_OK;
    BEAM_TRY(beam_emit_at(c, beam_string((beam_span){ text.ptr + i, 1 }), i * 10));
    BEAM_TRY(beam_watermark_set(c, i * 10));
    return beam_resume_later(c, 0);
}
static const beam_sdf manual_sdf = { .tracker = &beam_offset_tracker,
                                     .initial = whole_text,
                                     .watermark = BEAM_WATERMARK_MANUAL,
                                     .initial_watermark = from_zero };
static const beam_dofn manual_fn = { .name = "py.manual",
                                     .in = BEAM_STRING,
                                     .out = BEAM_STRING,
                                     .process = timed_letters,
                                     .sdf = &manual_sdf };

static void watermark_tracking(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(texts(p), "Letters", &manual_fn);
    beam_assert_that(out, "Out", .lines = "a @0\nb @10\nc @20\nx @0\ny @10",
                     .show = BEAM_SHOW_TIMESTAMP);
}

static beam_status observed_letters(beam_ctx *c, beam_value in)
{
    beam_span text = beam_as_span(in);
    for (int64_t i = beam_offset_from(beam_restriction(c)); beam_claim_offset(c, i); i++) {
        BEAM_TRY(beam_emit_at(c, beam_string((beam_span){ text.ptr + i, 1 }), i * 10));
        if (beam_watermark(c) > i * 10)
            return beam_fail(c, BEAM_EUSER, "the watermark is ahead of what was emitted");
    }
    return BEAM_OK;
}
static const beam_sdf observed_sdf = { .tracker = &beam_offset_tracker,
                                       .initial = whole_text,
                                       .watermark = BEAM_WATERMARK_OBSERVED,
                                       .initial_watermark = from_zero };
static const beam_dofn observed_fn = { .name = "py.observed",
                                       .in = BEAM_STRING,
                                       .out = BEAM_STRING,
                                       .process = observed_letters,
                                       .sdf = &observed_sdf };

static void watermark_estimator(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(texts(p), "Letters", &observed_fn);
    beam_assert_that(out, "Out", .lines = "a @0\nb @10\nc @20\nx @0\ny @10",
                     .show = BEAM_SHOW_TIMESTAMP);
}

/* -- sources --------------------------------------------------------------------------------------- */
static beam_value ten(beam_ctx *c, beam_value element)
{
    (void)element;
    return beam_offsets(c, 0, 10);
}

static beam_status count(beam_ctx *c, beam_value in)
{
    (void)in;
    for (int64_t i = beam_offset_from(beam_restriction(c)); beam_claim_offset(c, i); i++)
        BEAM_TRY(beam_emit(c, beam_int64(i)));
    return BEAM_OK;
}
static const beam_sdf count_sdf = { .tracker = &beam_offset_tracker, .initial = ten };
static const beam_dofn count_fn = { .name = "py.count",
                                    .in = BEAM_BYTES,
                                    .out = BEAM_INT64,
                                    .process = count,
                                    .sdf = &count_sdf };

static void synthetic_source(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(beam_impulse(p, "Impulse"), "Count", &count_fn);
    beam_assert_that(out, "Out", .lines = "0\n1\n2\n3\n4\n5\n6\n7\n8\n9");
}

/* Unbounded: a few each time, until all ten are out. */
static beam_status a_few(beam_ctx *c, beam_value in)
{
    (void)in;
    int64_t from = beam_offset_from(beam_restriction(c));
    for (int64_t i = from; beam_claim_offset(c, i); i++) {
        BEAM_TRY(beam_emit_at(c, beam_int64(i), i));
        BEAM_TRY(beam_watermark_set(c, i));
        if (i + 1 == from + 3) return beam_resume_later(c, 1);
    }
    return BEAM_OK;
}
static const beam_sdf unbounded_sdf = { .tracker = &beam_offset_tracker,
                                        .initial = ten,
                                        .watermark = BEAM_WATERMARK_MANUAL,
                                        .initial_watermark = from_zero,
                                        .unbounded = true };
static const beam_dofn unbounded_fn = { .name = "py.unbounded",
                                        .in = BEAM_BYTES,
                                        .out = BEAM_INT64,
                                        .process = a_few,
                                        .sdf = &unbounded_sdf };

static void unbounded_source(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(beam_impulse(p, "Impulse"), "Count", &unbounded_fn);
    out = beam_window_into(out, "Windows", beam_fixed(5));
    beam_assert_that(out, "Out",
                     .lines = "[0, 5) 0\n[0, 5) 1\n[0, 5) 2\n[0, 5) 3\n[0, 5) 4\n[5, 10) 5\n"
                              "[5, 10) 6\n[5, 10) 7\n[5, 10) 8\n[5, 10) 9",
                     .show = BEAM_SHOW_WINDOW);
}

/* -- finalization ------------------------------------------------------------------------------- */
static beam_status finalized(beam_span data)
{
    return data.len == 3 ? BEAM_OK : BEAM_EUSER;
}

static beam_status register_finalizer(beam_ctx *c, beam_value in)
{
    BEAM_TRY(beam_on_finalize(c, 60000, finalized, beam_span_of("abc")));
    return beam_emit(c, in);
}
static const beam_dofn finalizing_fn = { .name = "py.finalizing",
                                         .in = BEAM_STRING,
                                         .out = BEAM_STRING,
                                         .flags = BEAM_FINALIZES,
                                         .process = register_finalizer };

static void register_finalizations(beam_pipeline *p)
{
    beam_assert_that(beam_par_do(texts(p), "Finalize", &finalizing_fn), "Out",
                     .lines = "abc\nxy");
}

static beam_status finalize_and_fail(beam_ctx *c, beam_value in)
{
    (void)in;
    BEAM_TRY(beam_on_finalize(c, 60000, finalized, beam_span_of("abc")));
    return beam_fail(c, BEAM_EUSER, "raise error");
}
static const beam_dofn finalize_and_fail_fn = { .name = "py.finalize_and_fail",
                                                .in = BEAM_STRING,
                                                .flags = BEAM_FINALIZES,
                                                .process = finalize_and_fail };

static void callbacks_with_exception(beam_pipeline *p)
{
    beam_par_do(texts(p), "Finalize", &finalize_and_fail_fn);
}

#define SDF "UsesBoundedSplittableParDo"
static const suite_test tests[] = {
    TEST("test_sdf", SDF, sdf, .needs = NEEDS_SDF),
    TEST("test_sdf_with_dofn_as_restriction_provider", SDF, restriction_provider,
         .needs = NEEDS_SDF),
    TEST("test_sdf_with_check_done_failed", SDF, check_done_failed, .needs = NEEDS_SDF,
         .fails = "py.too_few"),
    TEST("test_sdf_with_sdf_initiated_checkpointing", SDF, initiated_checkpointing,
         .needs = NEEDS_SDF | RUNS_ALONE, .check = was_called_often),
    TEST("test_sdf_with_watermark_tracking", SDF, watermark_tracking, .needs = NEEDS_SDF),
    TEST("test_sdf_with_dofn_as_watermark_estimator", SDF, watermark_estimator,
         .needs = NEEDS_SDF),
    TEST("test_sdf_synthetic_source", SDF, synthetic_source, .needs = NEEDS_SDF),
    TEST("test_unbounded_source_read", "UsesUnboundedSplittableParDo", unbounded_source,
         .needs = NEEDS_SDF | NEEDS_UNBOUNDED | RUNS_ALONE),
    TEST("test_register_finalizations", "UsesBundleFinalizer", register_finalizations,
         .needs = NEEDS_FINALIZATION),
    TEST("test_callbacks_with_exception", "UsesBundleFinalizer", callbacks_with_exception,
         .needs = NEEDS_FINALIZATION, .fails = "raise error"),
};
SUITE_TABLE(py_sdf, "python", tests);
