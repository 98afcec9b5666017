/* SPDX-License-Identifier: Apache-2.0 */
/* The Go SDK's tests of splittable DoFns: self-checkpoints and draining. */
#include "go.h"

/* -- gives the rest back after ten numbers --------------------------------------------------- */
static beam_value ten_numbers(beam_ctx *c, beam_value element)
{
    (void)element;
    return beam_offsets(c, 0, 10);
}

/* Parts of ten, and an empty one at the end. */
static beam_status split_by_ten(beam_ctx *c, beam_value element, beam_value restriction)
{
    int64_t from = beam_offset_from(restriction), to = beam_offset_to(restriction);
    (void)element;
    for (; from + 10 <= to; from += 10)
        BEAM_TRY(beam_emit_restriction(c, beam_offsets(c, from, from + 10)));
    return beam_emit_restriction(c, beam_offsets(c, from, to));
}

static beam_status emit_and_resume(beam_ctx *c, beam_value in)
{
    int64_t n = 0;
    (void)in;
    for (int64_t i = beam_offset_from(beam_restriction(c)); beam_claim_offset(c, i);
         i++) {
        BEAM_TRY(beam_emit(c, beam_int64(i)));
        if (++n == 10) return beam_resume_later(c, 1000);
    }
    return BEAM_OK;
}
static const beam_sdf ten_sdf = { .tracker = &beam_offset_tracker,
                                  .initial = ten_numbers,
                                  .split = split_by_ten };
static const beam_dofn ten_fn = { .name = "go.self_checkpointing",
                                  .in = BEAM_BYTES,
                                  .out = BEAM_INT64,
                                  .sdf = &ten_sdf,
                                  .process = emit_and_resume };

static void checkpointing(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(beam_impulse(p, "Start"), "Numbers", &ten_fn);
    beam_assert_that(out, "Count", .count = 10);
}

/* -- an endless one, which ends when it is drained --------------------------------------------- */
static beam_value endless(beam_ctx *c, beam_value element)
{
    (void)element;
    return beam_offsets(c, 1, INT64_MAX);
}

static beam_value twenty_more(beam_ctx *c, beam_value element, beam_value restriction)
{
    int64_t from = beam_offset_from(restriction);
    (void)element;
    return beam_offsets(c, from, from + 20);
}

static int64_t ten(beam_ctx *c, beam_value element)
{
    (void)c;
    (void)element;
    return 10;
}

static beam_status emit_offsets(beam_ctx *c, beam_value in)
{
    (void)in;
    for (int64_t i = beam_offset_from(beam_restriction(c)); beam_claim_offset(c, i); i++)
        BEAM_TRY(beam_emit(c, beam_int64(i)));
    return BEAM_OK;
}
static const beam_sdf endless_sdf = { .tracker = &beam_growable_offset_tracker,
                                      .initial = endless,
                                      .truncate = twenty_more,
                                      .estimate_end = ten,
                                      .unbounded = true };
static const beam_dofn endless_fn = { .name = "go.truncate",
                                      .in = BEAM_BYTES,
                                      .out = BEAM_INT64,
                                      .sdf = &endless_sdf,
                                      .process = emit_offsets };

static void drain(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(beam_impulse(p, "Start"), "Numbers", &endless_fn);
    beam_assert_that(out, "Count", .count = 20);
}

static const suite_test tests[] = {
    TEST("TestCheckpointing", "UsesBoundedSplittableParDo", checkpointing,
         .needs = NEEDS_SDF),
    TEST("TestDrain", "UsesUnboundedSplittableParDo", drain,
         .needs = NEEDS_SDF | NEEDS_UNBOUNDED | NEEDS_DRAIN),
};
SUITE_TABLE(go_splittable, "go", tests);
