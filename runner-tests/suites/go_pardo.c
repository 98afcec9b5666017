/* SPDX-License-Identifier: Apache-2.0 */
/* The Go SDK's tests of ParDo. */
#include <stdatomic.h>

#include "go.h"

/* -- several outputs -------------------------------------------------------------------- */
enum { SECOND, THIRD };
static const beam_output_spec emit_3_outputs[] = {
    [SECOND] = { "second", BEAM_INT64 }, [THIRD] = { "third", BEAM_INT64 }
};

static beam_status emit_3(beam_ctx *c, beam_value in)
{
    int64_t n = beam_as_int64(in);
    BEAM_TRY(beam_emit(c, beam_int64(n + 1)));
    BEAM_TRY(beam_emit_to(c, SECOND, beam_int64(n + 2)));
    return beam_emit_to(c, THIRD, beam_int64(n + 3));
}
static const beam_dofn emit_3_fn = { .name = "go.emit_3",
                                     .in = BEAM_INT64,
                                     .out = BEAM_INT64,
                                     .outputs = BEAM_TABLE(emit_3_outputs),
                                     .process = emit_3 };

static void par_do_multi_output(beam_pipeline *p)
{
    beam_pcoll *first = beam_par_do(INTS(p, "In", 1), "Emit3", &emit_3_fn);
    beam_assert_that(first, "First", .lines = "2");
    beam_assert_that(beam_output(first, SECOND), "Second", .lines = "3");
    beam_assert_that(beam_output(first, THIRD), "Third", .lines = "4");
}

/* -- side inputs --------------------------------------------------------------------------- */
enum { NUMBERS };
static const beam_side_spec number_sides[] = {
    [NUMBERS] = { "numbers", BEAM_SIDE_ITERABLE, BEAM_INT64, NULL, NULL }
};

static beam_status sum_side(beam_ctx *c, beam_value in)
{
    int64_t sum = 0;
    beam_iter *it = beam_side_iter(c, NUMBERS);
    (void)in;
    for (beam_value v; beam_next(it, &v);) sum += beam_as_int64(v);
    return beam_emit(c, beam_int64(sum));
}
static const beam_dofn sum_side_fn = { .name = "go.sum_side",
                                       .in = BEAM_BYTES,
                                       .out = BEAM_INT64,
                                       .sides = BEAM_TABLE(number_sides),
                                       .process = sum_side };

static beam_pcoll *one_to_nine(beam_pipeline *p)
{
    return INTS(p, "In", 1, 2, 3, 4, 5, 6, 7, 8, 9);
}

/* The step is in a scope, its side input is not. */
static void par_do_side_input(beam_pipeline *p)
{
    beam_pcoll *side = one_to_nine(p), *start = beam_impulse(p, "Start");
    beam_scope_begin(p, "Subscope");
    beam_pcoll *sum = beam_par_do(start, "Sum", &sum_side_fn,
                                  .sides = { [NUMBERS] = side });
    beam_scope_end(p);
    beam_assert_that(sum, "Out", .lines = "45");
}

static const beam_side_spec kv_sides[] = { [NUMBERS] = { "numbers", BEAM_SIDE_ITERABLE,
                                                         BEAM_KV(BEAM_INT64, BEAM_INT64),
                                                         NULL, NULL } };

static beam_status sum_kv_side(beam_ctx *c, beam_value in)
{
    int64_t sum = 0;
    beam_iter *it = beam_side_iter(c, NUMBERS);
    (void)in;
    for (beam_value v; beam_next(it, &v);)
        sum += beam_as_int64(beam_key(v)) + beam_as_int64(beam_val(v));
    return beam_emit(c, beam_int64(sum));
}
static const beam_dofn sum_kv_side_fn = { .name = "go.sum_kv_side",
                                          .in = BEAM_BYTES,
                                          .out = BEAM_INT64,
                                          .sides = BEAM_TABLE(kv_sides),
                                          .process = sum_kv_side };

static beam_status with_key_zero(beam_ctx *c, beam_value in)
{
    return beam_emit_kv(c, beam_int64(0), in);
}
static const beam_dofn with_key_zero_fn = { .name = "go.with_key_zero",
                                            .in = BEAM_INT64,
                                            .out = BEAM_KV(BEAM_INT64, BEAM_INT64),
                                            .process = with_key_zero };

static void par_do_kv_side_input(beam_pipeline *p)
{
    beam_pcoll *side = beam_par_do(one_to_nine(p), "Key", &with_key_zero_fn);
    beam_pcoll *sum = beam_par_do(beam_impulse(p, "Start"), "Sum", &sum_kv_side_fn,
                                  .sides = { [NUMBERS] = side });
    beam_assert_that(sum, "Out", .lines = "45");
}

/* -- a join of phones with a multimap of addresses ------------------------------------------ */
static const string_pair emails[] = {
    { "amy", "amy@example.com" },   { "james", "james@email.com" },
    { "carl", "carl@example.com" }, { "julia", "julia@example.com" },
    { "carl", "carl@email.com" },   { "james", "james@example.com" },
};
static const string_pair phones[] = { { "amy", "111-222-3333" },
                                      { "james", "222-333-4444" } };

enum { EMAILS };
static const beam_side_spec email_sides[] = {
    [EMAILS] = { "emails", BEAM_SIDE_MULTIMAP, BEAM_KV(BEAM_STRING, BEAM_STRING), NULL,
                 NULL }
};

static beam_status join_emails(beam_ctx *c, beam_value in)
{
    BEAM_TRY(beam_emit(c, in));
    beam_iter *it = beam_side_lookup(c, EMAILS, beam_key(in));
    for (beam_value v; beam_next(it, &v);) BEAM_TRY(beam_emit_kv(c, beam_key(in), v));
    return BEAM_OK;
}
static const beam_dofn join_emails_fn = { .name = "go.join_emails",
                                          .in = BEAM_KV(BEAM_STRING, BEAM_STRING),
                                          .out = BEAM_KV(BEAM_STRING, BEAM_STRING),
                                          .sides = BEAM_TABLE(email_sides),
                                          .process = join_emails };

static void par_do_multi_map_side_input(beam_pipeline *p)
{
    beam_pcoll *side = create_string_pairs(p, "Emails", emails, BEAM_COUNT(emails));
    beam_pcoll *in = create_string_pairs(p, "Phones", phones, BEAM_COUNT(phones));
    beam_pcoll *joined = beam_par_do(in, "Join", &join_emails_fn,
                                     .sides = { [EMAILS] = side });
    beam_assert_that(beam_group_by_key(joined, "Group"), "Joined",
                     .lines =
                         "amy: [111-222-3333, amy@example.com]\n"
                         "james: [222-333-4444, james@email.com, james@example.com]");
}

/* -- options: what the program was given reaches its DoFns as config ------------------------- */
static beam_status emit_options(beam_ctx *c, beam_value in)
{
    (void)in;
    beam_span options = beam_config(c);
    for (size_t at = 0; at < options.len; at += 7)
        BEAM_TRY(beam_emit(c, beam_string((beam_span){ options.ptr + at, 6 })));
    return BEAM_OK;
}
static const beam_dofn emit_options_fn = { .name = "go.emit_options",
                                           .in = BEAM_BYTES,
                                           .out = BEAM_STRING,
                                           .process = emit_options };

static void par_do_pipeline_options(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(beam_impulse(p, "Start"), "Options", &emit_options_fn,
                                  .config = beam_span_of("A: 123,B: 456,C: 789,"));
    beam_assert_that(out, "Out", .lines = "A: 123\nB: 456\nC: 789");
}

/* -- bundle finalization: workers are in this process ----------------------------------------- */
enum { IN_START = 1, IN_PROCESS = 2, IN_FINISH = 4 };
static atomic_int finalized; /* the sum of what was registered and then called */

static beam_status add_to_finalized(beam_span data)
{
    atomic_fetch_add(&finalized, data.ptr[0] - '0');
    return BEAM_OK;
}

/* Registers when the config says so. */
static beam_status finalize(beam_ctx *c, int phase)
{
    const char digit = (char)('0' + phase);
    if (!((beam_config(c).ptr[0] - '0') & phase)) return BEAM_OK;
    return beam_on_finalize(c, 60000, add_to_finalized, (beam_span){ &digit, 1 });
}

static beam_status finalize_start(beam_ctx *c)
{
    return finalize(c, IN_START);
}

static beam_status finalize_process(beam_ctx *c, beam_value in)
{
    (void)in;
    return finalize(c, IN_PROCESS);
}

static beam_status finalize_finish(beam_ctx *c)
{
    return finalize(c, IN_FINISH);
}
static const beam_dofn finalizer_fn = { .name = "go.finalizer",
                                        .in = BEAM_BYTES,
                                        .flags = BEAM_FINALIZES,
                                        .start_bundle = finalize_start,
                                        .process = finalize_process,
                                        .finish_bundle = finalize_finish };

static void par_do_bundle_finalizer(beam_pipeline *p)
{
    atomic_store(&finalized, 0);
    beam_par_do(beam_impulse(p, "A"), "InProcess", &finalizer_fn,
                .config = beam_span_of("2"));
    beam_par_do(beam_impulse(p, "B"), "InFinish", &finalizer_fn,
                .config = beam_span_of("4"));
    beam_par_do(beam_impulse(p, "C"), "InAll", &finalizer_fn,
                .config = beam_span_of("7"));
}

static const char *all_are_finalized(beam_pipeline *p, const char *scope)
{
    enum { EXPECTED = IN_PROCESS + IN_FINISH + (IN_START | IN_PROCESS | IN_FINISH) };
    (void)scope;
    int sum = atomic_load(&finalized);
    return sum == EXPECTED ? NULL
                           : beam_pipeline_format(p, "the callbacks add up to %d, not %d",
                                                  sum, EXPECTED);
}

/* -- memory: an element may take a lot, and gives it back --------------------------------------- */
static beam_status take_memory(beam_ctx *c, beam_value in)
{
    enum { STEP = 16 << 20, STEPS = 8 };
    for (int i = 0; i < STEPS; i++) {
        char *block = beam_alloc(c, STEP);
        for (size_t at = 0; at < STEP; at += 4096) block[at] = (char)i;
    }
    return beam_emit(c, in);
}
static const beam_dofn take_memory_fn = {
    .name = "go.take_memory", .in = BEAM_INT64, .out = BEAM_INT64, .process = take_memory
};

static void oom_par_do(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(INTS(p, "In", 1, 2, 3), "Take", &take_memory_fn);
    beam_assert_that(out, "Out", .lines = "1\n2\n3");
}

static const suite_test tests[] = {
    TEST("TestParDoMultiOutput", "-", par_do_multi_output),
    TEST("TestParDoSideInput", "UsesSideInputs", par_do_side_input),
    TEST("TestParDoKVSideInput", "UsesSideInputs", par_do_kv_side_input),
    TEST("TestParDoMultiMapSideInput", "UsesSideInputs", par_do_multi_map_side_input),
    TEST("TestParDoPipelineOptions", "-", par_do_pipeline_options),
    TEST("TestParDoBundleFinalizer", "UsesBundleFinalizer", par_do_bundle_finalizer,
         .needs = NEEDS_FINALIZATION | RUNS_ALONE, .check = all_are_finalized),
    TEST("TestOomParDo", "-", oom_par_do),
};
SUITE_TABLE(go_pardo, "go", tests);
