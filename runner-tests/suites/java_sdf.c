/* SPDX-License-Identifier: Apache-2.0 */
/* Java's SplittableDoFnTest: each test bounded and unbounded. */
#include "java.h"

#include "beam/splittable.h"

#include <string.h>

/* An SDF in both kinds: bounded at [0], unbounded at [1]. */
#define BOTH(table, ...)                                          \
    static const beam_sdf table[] = { { __VA_ARGS__, .unbounded = false }, \
                                      { __VA_ARGS__, .unbounded = true } }

/* -- each index of a string, a resume now and then --------------------------------------------- */
static beam_value whole_length(beam_ctx *c, beam_value element)
{
    return beam_offsets(c, 0, (int64_t)beam_as_span(element).len);
}
static beam_status halves(beam_ctx *c, beam_value element, beam_value restriction)
{
    (void)element;
    int64_t from = beam_offset_from(restriction), to = beam_offset_to(restriction);
    BEAM_TRY(beam_emit_restriction(c, beam_offsets(c, from, (from + to) / 2)));
    return beam_emit_restriction(c, beam_offsets(c, (from + to) / 2, to));
}
static beam_status pair_with_index(beam_ctx *c, beam_value in)
{
    int64_t i = beam_offset_from(beam_restriction(c));
    for (int64_t n = 0; beam_claim_offset(c, i); i++, n++) {
        BEAM_TRY(beam_emit_kv(c, in, beam_int64(i)));
        if (n % 3 == 0) return beam_resume_later(c, 0);
    }
    return BEAM_OK;
}
BOTH(by_index, .tracker = &beam_offset_tracker, .initial = whole_length, .split = halves);
#define PAIRING(dofn, fn_name, kind)                                                        \
    static const beam_dofn dofn = { .name = (fn_name), .in = BEAM_STRING,                    \
                                    .out = BEAM_KV(BEAM_STRING, BEAM_INT64),                 \
                                    .sdf = &by_index[kind], .process = pair_with_index }
PAIRING(pairing_bounded, "java.pair_with_index_bounded", 0);
PAIRING(pairing_unbounded, "java.pair_with_index_unbounded", 1);

static void basic(beam_pipeline *p, const beam_dofn *fn)
{
    beam_pcoll *out = beam_par_do(STRINGS(p, "In", "a", "bb", "ccccc"), "Index", fn);
    beam_assert_that(out, "Out", .lines = "a: 0\nbb: 0\nbb: 1\nccccc: 0\nccccc: 1\nccccc: 2\n"
                                          "ccccc: 3\nccccc: 4");
}
static void basic_bounded(beam_pipeline *p)
{
    basic(p, &pairing_bounded);
}
static void basic_unbounded(beam_pipeline *p)
{
    basic(p, &pairing_unbounded);
}

/* Windows and timestamps of the element stay those of its outputs. */
static void windowed(beam_pipeline *p, const beam_dofn *fn)
{
    beam_pcoll *in = TIMED_STRINGS(p, "In", { "a", 10000 }, { "bb", 11000 });
    in = beam_window_into(in, "Windows", beam_sliding(3000, 1000));
    beam_assert_that(beam_par_do(in, "Index", fn), "Out",
                     .lines = "[8000, 11000) a: 0 @10000\n[9000, 12000) a: 0 @10000\n"
                              "[10000, 13000) a: 0 @10000\n"
                              "[9000, 12000) bb: 0 @11000\n[10000, 13000) bb: 0 @11000\n"
                              "[11000, 14000) bb: 0 @11000\n"
                              "[9000, 12000) bb: 1 @11000\n[10000, 13000) bb: 1 @11000\n"
                              "[11000, 14000) bb: 1 @11000",
                     .show = BEAM_SHOW_WINDOW | BEAM_SHOW_TIMESTAMP);
}
static void windowed_bounded(beam_pipeline *p)
{
    windowed(p, &pairing_bounded);
}
static void windowed_unbounded(beam_pipeline *p)
{
    windowed(p, &pairing_unbounded);
}

/* -- several outputs for a claim: blocks of numbers ------------------------------------------------- */
enum { MAX_INDEX = 98765, CLAIMS_PER_CALL = 3 };
static const int64_t blocks[] = { -1, 0, 12, 123, 1234, 12345, 34567, MAX_INDEX };

static beam_value all_blocks(beam_ctx *c, beam_value element)
{
    (void)element;
    return beam_offsets(c, 0, MAX_INDEX);
}
static size_t block_from(int64_t index)
{
    size_t i = 1;
    while (blocks[i] < index) i++;
    return i;
}
BOTH(by_block, .tracker = &beam_offset_tracker, .initial = all_blocks);

static beam_status emit_blocks(beam_ctx *c, beam_value in)
{
    (void)in;
    size_t i = block_from(beam_offset_from(beam_restriction(c)));
    for (int claims = 1; beam_claim_offset(c, blocks[i]); i++, claims++) {
        for (int64_t n = blocks[i]; n < blocks[i + 1]; n++)
            BEAM_TRY(beam_emit(c, beam_int64(n)));
        if (claims == CLAIMS_PER_CALL) return beam_resume_later(c, 0);
    }
    return BEAM_OK;
}
#define BLOCKS(dofn, fn_name, kind)                                                  \
    static const beam_dofn dofn = { .name = (fn_name), .in = BEAM_STRING,             \
                                    .out = BEAM_INT64, .sdf = &by_block[kind],        \
                                    .process = emit_blocks }
BLOCKS(blocks_bounded, "java.blocks_bounded", 0);
BLOCKS(blocks_unbounded, "java.blocks_unbounded", 1);

static void after_checkpoint(beam_pipeline *p, const beam_dofn *fn)
{
    beam_pcoll *out = beam_par_do(STRINGS(p, "In", "foo"), "Blocks", fn);
    beam_assert_that(out, "Out", .count = MAX_INDEX);
}
static void after_checkpoint_bounded(beam_pipeline *p)
{
    after_checkpoint(p, &blocks_bounded);
}
static void after_checkpoint_unbounded(beam_pipeline *p)
{
    after_checkpoint(p, &blocks_unbounded);
}

/* -- side inputs --------------------------------------------------------------------------------------- */
enum { SIDE };
static const beam_side_spec text_side[] = { [SIDE] = { "side", BEAM_SIDE_SINGLETON, BEAM_STRING,
                                                       NULL, NULL } };
static beam_value one(beam_ctx *c, beam_value element)
{
    (void)element;
    return beam_offsets(c, 0, 1);
}
BOTH(of_one, .tracker = &beam_offset_tracker, .initial = one);

static beam_value side_and_element(beam_ctx *c, beam_value in)
{
    beam_span side = beam_as_span(beam_side(c, SIDE));
    return beam_string(beam_format(c, BEAM_SPAN_FMT ":%lld", BEAM_SPAN_ARG(side),
                                   (long long)beam_as_int64(in)));
}
static beam_status emit_side_and_element(beam_ctx *c, beam_value in)
{
    if (!beam_claim_offset(c, beam_offset_from(beam_restriction(c))))
        return beam_fail(c, BEAM_EUSER, "the only offset cannot be claimed");
    return beam_emit(c, side_and_element(c, in));
}
#define SIDED(dofn, fn_name, kind)                                                     \
    static const beam_dofn dofn = { .name = (fn_name), .in = BEAM_INT64,                \
                                    .out = BEAM_STRING, .sides = BEAM_TABLE(text_side), \
                                    .sdf = &of_one[kind], .process = emit_side_and_element }
SIDED(sided_bounded, "java.sdf_side_bounded", 0);
SIDED(sided_unbounded, "java.sdf_side_unbounded", 1);

static void side_input(beam_pipeline *p, const beam_dofn *fn)
{
    beam_pcoll *out = beam_par_do(INTS(p, "In", 0, 1, 2), "Side", fn,
                                  .sides = { [SIDE] = STRINGS(p, "Foo", "foo") });
    beam_assert_that(out, "Out", .lines = "foo:0\nfoo:1\nfoo:2");
}
static void side_input_bounded(beam_pipeline *p)
{
    side_input(p, &sided_bounded);
}
static void side_input_unbounded(beam_pipeline *p)
{
    side_input(p, &sided_unbounded);
}

static void windowed_side(beam_pipeline *p, const beam_dofn *fn)
{
    beam_pcoll *in = TIMED_INTS(p, "In", { 0, 0 }, { 1, 1 }, { 2, 2 }, { 3, 3 }, { 4, 4 },
                                { 5, 5 }, { 6, 6 }, { 7, 7 });
    beam_pcoll *side = TIMED_STRINGS(p, "SideIn", { "a", 0 }, { "b", 4 });
    in = beam_window_into(in, "Window2", beam_fixed(2));
    side = beam_window_into(side, "Window4", beam_fixed(4));
    beam_pcoll *out = beam_par_do(in, "Side", fn, .sides = { [SIDE] = side });
    beam_assert_that(out, "Out", .lines = "a:0\na:1\na:2\na:3\nb:4\nb:5\nb:6\nb:7");
}
static void windowed_side_bounded(beam_pipeline *p)
{
    windowed_side(p, &sided_bounded);
}
static void windowed_side_unbounded(beam_pipeline *p)
{
    windowed_side(p, &sided_unbounded);
}

/* Blocks of numbers, their keys read from the side input before and after a checkpoint. */
static beam_status emit_keyed_blocks(beam_ctx *c, beam_value in)
{
    size_t i = block_from(beam_offset_from(beam_restriction(c)));
    for (int claims = 1; beam_claim_offset(c, blocks[i]); i++, claims++) {
        for (int64_t n = blocks[i]; n < blocks[i + 1]; n++)
            BEAM_TRY(beam_emit_kv(c, side_and_element(c, in), beam_int64(n)));
        if (claims == CLAIMS_PER_CALL) return beam_resume_later(c, 0);
    }
    return BEAM_OK;
}
#define KEYED_BLOCKS(dofn, fn_name, kind)                                                 \
    static const beam_dofn dofn = { .name = (fn_name), .in = BEAM_INT64,                   \
                                    .out = BEAM_KV(BEAM_STRING, BEAM_INT64),               \
                                    .sides = BEAM_TABLE(text_side), .sdf = &by_block[kind], \
                                    .process = emit_keyed_blocks }
KEYED_BLOCKS(keyed_blocks_bounded, "java.keyed_blocks_bounded", 0);
KEYED_BLOCKS(keyed_blocks_unbounded, "java.keyed_blocks_unbounded", 1);

static void side_with_checkpoints(beam_pipeline *p, const beam_dofn *fn)
{
    beam_pcoll *in = TIMED_INTS(p, "In", { 0, 0 }, { 1, 1 }, { 2, 2 }, { 3, 3 });
    beam_pcoll *side = TIMED_STRINGS(p, "SideIn", { "a", 0 }, { "b", 2 });
    in = beam_window_into(in, "Window1", beam_fixed(1));
    side = beam_window_into(side, "Window2", beam_fixed(2));
    beam_pcoll *out = beam_par_do(in, "Blocks", fn, .sides = { [SIDE] = side });
    out = beam_par_do(beam_group_by_key(out, "Group"), "Sums", &java_sums_fn);
    /* 0 + ... + 98764 */
    beam_assert_that(out, "Out", .lines = "a:0: 98765, 4877213230\na:1: 98765, 4877213230\n"
                                          "b:2: 98765, 4877213230\nb:3: 98765, 4877213230");
}
static void side_with_checkpoints_bounded(beam_pipeline *p)
{
    side_with_checkpoints(p, &keyed_blocks_bounded);
}
static void side_with_checkpoints_unbounded(beam_pipeline *p)
{
    side_with_checkpoints(p, &keyed_blocks_unbounded);
}

/* -- outputs ------------------------------------------------------------------------------------------- */
enum { ADDITIONAL };
static const beam_output_spec additional[] = { [ADDITIONAL] = { "additional", BEAM_STRING } };
static beam_status emit_to_both(beam_ctx *c, beam_value in)
{
    if (!beam_claim_offset(c, beam_offset_from(beam_restriction(c))))
        return beam_fail(c, BEAM_EUSER, "the only offset cannot be claimed");
    long long n = beam_as_int64(in);
    BEAM_TRY(beam_emit(c, beam_string(beam_format(c, "main:%lld", n))));
    return beam_emit_to(c, ADDITIONAL, beam_string(beam_format(c, "additional:%lld", n)));
}
#define ADDING(dofn, fn_name, kind)                                                          \
    static const beam_dofn dofn = { .name = (fn_name), .in = BEAM_INT64,                      \
                                    .out = BEAM_STRING, .outputs = BEAM_TABLE(additional),    \
                                    .sdf = &of_one[kind], .process = emit_to_both }
ADDING(adding_bounded, "java.sdf_outputs_bounded", 0);
ADDING(adding_unbounded, "java.sdf_outputs_unbounded", 1);

static void additional_output(beam_pipeline *p, const beam_dofn *fn)
{
    beam_pcoll *out = beam_par_do(INTS(p, "In", 0, 1, 2), "Outputs", fn);
    beam_assert_that(out, "Main", .lines = "main:0\nmain:1\nmain:2");
    beam_assert_that(beam_output(out, ADDITIONAL), "Additional",
                     .lines = "additional:0\nadditional:1\nadditional:2");
}
static void additional_bounded(beam_pipeline *p)
{
    additional_output(p, &adding_bounded);
}
static void additional_unbounded(beam_pipeline *p)
{
    additional_output(p, &adding_unbounded);
}

/* -- late data ------------------------------------------------------------------------------------------- */
/* The SDF drops nothing itself; the grouping after it drops what is too late. */
static void late_data(beam_pipeline *p)
{
    const beam_millis base = beam_hours(10);
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_STRING);
    beam_test_stream_watermark(ts, base);
    add_string(ts, "aa", base);
    beam_test_stream_watermark(ts, base + beam_seconds(5));
    add_string(ts, "bb", base - beam_hours(1));
    beam_test_stream_processing_time(ts, beam_hours(1));
    beam_pcoll *in = beam_window_into(beam_test_stream_end(ts), "Windows",
                                      beam_fixed(beam_minutes(1)),
                                      .allowed_lateness = beam_minutes(1));
    beam_pcoll *out = beam_par_do(in, "Index", &pairing_unbounded);
    beam_assert_that(out, "AfterSDF", .lines = "aa: 0\naa: 1\nbb: 0\nbb: 1");
    beam_pcoll *keys = beam_keys(beam_group_by_key(out, "Group"), "Keys");
    beam_assert_that(keys, "NotLate", .lines = "aa");
}

/* -- lifecycle ----------------------------------------------------------------------------------------- */
typedef enum phase { NEW, OUTSIDE, INSIDE } phase;
static beam_status go_on(beam_ctx *c, phase before, phase now)
{
    phase *at = beam_self(c);
    if (*at != before) return beam_fail(c, BEAM_EUSER, "phase %d came after %d", now, *at);
    *at = now;
    return BEAM_OK;
}
static beam_status set_up(beam_ctx *c)
{
    return go_on(c, NEW, OUTSIDE);
}
static beam_status enter(beam_ctx *c)
{
    return go_on(c, OUTSIDE, INSIDE);
}
static beam_status process_inside(beam_ctx *c, beam_value in)
{
    BEAM_TRY(go_on(c, INSIDE, INSIDE));
    if (!beam_claim_offset(c, 0)) return beam_fail(c, BEAM_EUSER, "0 cannot be claimed");
    return beam_emit(c, in);
}
static beam_status leave(beam_ctx *c)
{
    return go_on(c, INSIDE, OUTSIDE);
}
#define LIVING(dofn, fn_name, kind)                                                      \
    static const beam_dofn dofn = { .name = (fn_name), .in = BEAM_STRING,                 \
                                    .out = BEAM_STRING, .self_size = sizeof(phase),       \
                                    .sdf = &of_one[kind], .setup = set_up,                \
                                    .start_bundle = enter, .process = process_inside,     \
                                    .finish_bundle = leave }
LIVING(living_bounded, "java.sdf_lifecycle_bounded", 0);
LIVING(living_unbounded, "java.sdf_lifecycle_unbounded", 1);

static void lifecycle(beam_pipeline *p, const beam_dofn *fn)
{
    beam_pcoll *out = beam_par_do(STRINGS(p, "In", "a", "b", "c"), "Living", fn);
    beam_assert_that(out, "Out", .lines = "a\nb\nc");
}
static void lifecycle_bounded(beam_pipeline *p)
{
    lifecycle(p, &living_bounded);
}
static void lifecycle_unbounded(beam_pipeline *p)
{
    lifecycle(p, &living_unbounded);
}

#define S(name) "SplittableDoFnTest." name
#define SDF_BOUNDED "UsesBoundedSplittableParDo"
#define SDF_UNBOUNDED "UsesUnboundedSplittableParDo"
#define UNBOUNDED_NEEDS .needs = NEEDS_SDF | NEEDS_UNBOUNDED
static const suite_test tests[] = {
    TEST(S("testPairWithIndexBasicBounded"), SDF_BOUNDED, basic_bounded, .needs = NEEDS_SDF),
    TEST(S("testPairWithIndexBasicUnbounded"), SDF_UNBOUNDED, basic_unbounded,
         UNBOUNDED_NEEDS),
    TEST(S("testPairWithIndexWindowedTimestampedBounded"), SDF_BOUNDED, windowed_bounded,
         .needs = NEEDS_SDF),
    TEST(S("testPairWithIndexWindowedTimestampedUnbounded"), SDF_UNBOUNDED,
         windowed_unbounded, UNBOUNDED_NEEDS),
    TEST(S("testOutputAfterCheckpointBounded"), SDF_BOUNDED, after_checkpoint_bounded,
         .needs = NEEDS_SDF),
    TEST(S("testOutputAfterCheckpointUnbounded"), SDF_UNBOUNDED, after_checkpoint_unbounded,
         UNBOUNDED_NEEDS),
    TEST(S("testSideInputBounded"), SDF_BOUNDED ",UsesSideInputs", side_input_bounded,
         .needs = NEEDS_SDF),
    TEST(S("testSideInputUnbounded"), SDF_UNBOUNDED ",UsesSideInputs", side_input_unbounded,
         UNBOUNDED_NEEDS),
    TEST(S("testWindowedSideInputBounded"), SDF_BOUNDED ",UsesSideInputs",
         windowed_side_bounded, .needs = NEEDS_SDF),
    TEST(S("testWindowedSideInputUnbounded"), SDF_UNBOUNDED ",UsesSideInputs",
         windowed_side_unbounded, UNBOUNDED_NEEDS),
    TEST(S("testWindowedSideInputWithCheckpointsBounded"), SDF_BOUNDED ",UsesSideInputs",
         side_with_checkpoints_bounded, .needs = NEEDS_SDF),
    TEST(S("testWindowedSideInputWithCheckpointsUnbounded"), SDF_UNBOUNDED ",UsesSideInputs",
         side_with_checkpoints_unbounded, UNBOUNDED_NEEDS),
    TEST(S("testAdditionalOutputBounded"), SDF_BOUNDED, additional_bounded,
         .needs = NEEDS_SDF),
    TEST(S("testAdditionalOutputUnbounded"), SDF_UNBOUNDED, additional_unbounded,
         UNBOUNDED_NEEDS),
    TEST(S("testLateData"), SDF_BOUNDED ",UsesTestStream", late_data,
         .needs = NEEDS_SDF | NEEDS_TEST_STREAM),
    TEST(S("testLifecycleMethodsBounded"), SDF_BOUNDED ",UsesParDoLifecycle",
         lifecycle_bounded, .needs = NEEDS_SDF),
    TEST(S("testLifecycleMethodsUnbounded"), SDF_UNBOUNDED ",UsesParDoLifecycle",
         lifecycle_unbounded, UNBOUNDED_NEEDS),
};
SUITE_TABLE(java_sdf, "java", tests);
