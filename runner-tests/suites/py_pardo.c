/* SPDX-License-Identifier: Apache-2.0 */
/* The Python SDK's tests of Create, ParDo, batches in a DoFn, and failures. A test of a
 * language's own means (NumPy, type hints) is made with C's. */
#include "go.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -- create and assertions -------------------------------------------------------------- */
static void assert_that(beam_pipeline *p)
{
    beam_assert_that(beam_create_strings(p, "In", (const char *const[]){ "a", "b" }, 2), "A",
                     .lines = "a\nb");
}

static void assert_that_fails(beam_pipeline *p)
{
    beam_assert_that(beam_create_strings(p, "In", (const char *const[]){ "a", "b" }, 2), "A",
                     .lines = "a");
}

static void create(beam_pipeline *p)
{
    beam_assert_that(beam_create_strings(p, "In", (const char *const[]){ "a", "b" }, 2), "A",
                     .lines = "a\nb");
}

/* A value that is only known in the worker: here it is the step's configuration. */
static beam_status emit_config(beam_ctx *c, beam_value in)
{
    (void)in;
    return beam_emit(c, beam_string(beam_config(c)));
}
static const beam_dofn emit_config_fn = { .name = "py.emit_config",
                                          .in = BEAM_BYTES,
                                          .out = BEAM_STRING,
                                          .process = emit_config };

static void create_value_provider(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(beam_impulse(p, "Impulse"), "Value", &emit_config_fn,
                                  .config = beam_span_of("a"));
    beam_assert_that(out, "A", .lines = "a");
}

/* A file without a name, which goes with the job's process. */
static void read_lines(beam_pipeline *p)
{
    char path[] = "/tmp/beam-suites.XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0 || unlink(path) || write(fd, "a\nb\n\nc", 6) != 6)
        beam_pipeline_fail(p, BEAM_EIO, "no file");
    const char *open_file = beam_pipeline_format(p, "/proc/%d/fd/%d", (int)getpid(), fd);
    beam_assert_that(beam_text_read(p, "Read", open_file), "Lines", .lines = "a\nb\n\nc");
}

static void no_subtransform_composite(beam_pipeline *p)
{
    beam_pcoll *in = INTS(p, "In", 1, 2);
    beam_scope_begin(p, "Composite"); /* which gives its input and holds no step */
    beam_pcoll *out = in;
    beam_scope_end(p);
    beam_assert_that(out, "Out", .lines = "1\n2");
}

/* -- failures --------------------------------------------------------------------------- */
static beam_status always_fail(beam_ctx *c, beam_value in)
{
    (void)in;
    return beam_fail(c, BEAM_EUSER, "x is always wrong here");
}
static const beam_dofn fail_fn = { .name = "py.fail", .in = BEAM_STRING, .process = always_fail };

static void error_names_the_step(beam_pipeline *p)
{
    beam_pcoll *in = beam_create_strings(p, "In", (const char *const[]){ "a" }, 1);
    beam_par_do(in, "StageA", &fail_fn);
}

static void error_has_the_reason(beam_pipeline *p)
{
    error_names_the_step(p);
}

/* -- ParDo --------------------------------------------------------------------------------- */
static beam_status doubled(beam_ctx *c, beam_value in)
{
    beam_span s = beam_as_span(in);
    BEAM_TRY(beam_emit(c, in));
    return beam_emit(c, beam_string(beam_format(c, BEAM_SPAN_FMT BEAM_SPAN_FMT,
                                                BEAM_SPAN_ARG(s), BEAM_SPAN_ARG(s))));
}
static const beam_dofn doubled_fn = { .name = "py.doubled",
                                      .in = BEAM_STRING,
                                      .out = BEAM_STRING,
                                      .process = doubled };

static void pardo(beam_pipeline *p)
{
    beam_pcoll *in = beam_create_strings(p, "In", (const char *const[]){ "a", "bc" }, 2);
    beam_pcoll *out = beam_par_do(beam_par_do(in, "Twice", &doubled_fn), "Again", &doubled_fn);
    beam_assert_that(out, "Out", .lines = "a\naa\naa\naaaa\nbc\nbcbc\nbcbc\nbcbcbcbc");
}

enum { MANY = 20000 };
static beam_status count_up(beam_ctx *c, beam_value in)
{
    (void)in;
    for (int64_t i = 0; i < MANY; i++) BEAM_TRY(beam_emit(c, beam_int64(i)));
    return BEAM_OK;
}
static const beam_dofn count_up_fn = { .name = "py.count_up",
                                       .in = BEAM_BYTES,
                                       .out = BEAM_INT64,
                                       .process = count_up };

static void pardo_large_input(beam_pipeline *p)
{
    beam_pcoll *in = beam_par_do(beam_impulse(p, "Impulse"), "Many", &count_up_fn);
    beam_pcoll *sum = beam_combine_globally(beam_reshuffle(in, "Shuffle"), "Sum",
                                            &beam_sum_int64);
    beam_value expected = beam_int64((int64_t)MANY * (MANY - 1) / 2);
    beam_assert_that(sum, "Sum of all", .singleton = &expected);
}

enum { ODD, EVEN };
static const beam_output_spec parity[] = { [ODD] = { "odd", BEAM_INT64 },
                                           [EVEN] = { "even", BEAM_INT64 } };
static beam_status by_parity(beam_ctx *c, beam_value in)
{
    return beam_emit_to(c, beam_as_int64(in) % 2 ? ODD : EVEN, in);
}
static const beam_dofn by_parity_fn = { .name = "py.by_parity",
                                        .in = BEAM_INT64,
                                        .outputs = BEAM_TABLE(parity),
                                        .process = by_parity };

static void pardo_side_outputs(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(INTS(p, "In", 1, 2, 3, 4), "Parity", &by_parity_fn);
    beam_assert_that(beam_output(out, ODD), "Odd", .lines = "1\n3");
    beam_assert_that(beam_output(out, EVEN), "Even", .lines = "2\n4");
}

static beam_status even_only_too(beam_ctx *c, beam_value in)
{
    if (beam_as_int64(in) % 2 == 0) BEAM_TRY(beam_emit_to(c, EVEN, in));
    else BEAM_TRY(beam_emit_to(c, ODD, in));
    return beam_emit(c, in);
}
static const beam_dofn main_too_fn = { .name = "py.main_too",
                                       .in = BEAM_INT64,
                                       .out = BEAM_INT64,
                                       .outputs = BEAM_TABLE(parity),
                                       .process = even_only_too };

static void pardo_side_and_main_outputs(beam_pipeline *p)
{
    beam_pcoll *all = beam_par_do(INTS(p, "In", 1, 2, 3, 4), "All", &main_too_fn);
    beam_assert_that(all, "Main", .lines = "1\n2\n3\n4");
    beam_assert_that(beam_output(all, ODD), "Odd", .lines = "1\n3");
    beam_assert_that(beam_output(all, EVEN), "Even", .lines = "2\n4");
    /* of one with extra outputs only one is used */
    beam_pcoll *one = beam_par_do(INTS(p, "Again", 1, 2), "One", &main_too_fn);
    beam_assert_that(beam_output(one, EVEN), "Even of one", .lines = "2");
}

static beam_status emit_array(beam_ctx *c, beam_value in)
{
    const int64_t array[] = { 1, 2, 3 };
    for (size_t i = 0; i < BEAM_COUNT(array); i++)
        BEAM_TRY(beam_emit(c, beam_int64(array[i] * beam_as_int64(in))));
    return BEAM_OK;
}
static const beam_dofn emit_array_fn = { .name = "py.emit_array",
                                         .in = BEAM_INT64,
                                         .out = BEAM_INT64,
                                         .process = emit_array };

static void flatmap_array(beam_pipeline *p)
{
    beam_assert_that(beam_par_do(INTS(p, "In", 1, 2), "Array", &emit_array_fn), "Out",
                     .lines = "1\n2\n3\n2\n4\n6");
}

/* -- batches: a DoFn that works on an array of what it has got so far --------------------- */
enum { BATCH = 3 };
typedef struct batch {
    int64_t at[BATCH];
    beam_millis timestamps[BATCH];
    beam_window windows[BATCH];
    size_t n;
} batch;

static beam_status flush(beam_ctx *c, batch *b)
{
    for (size_t i = 0; i < b->n; i++) b->at[i] *= 2; /* of the array as a whole */
    for (size_t i = 0; i < b->n; i++)
        BEAM_TRY(beam_emit_windowed(c, -1, beam_int64(b->at[i]), b->timestamps[i],
                                    &b->windows[i]));
    b->n = 0;
    return BEAM_OK;
}

static beam_status start_batch(beam_ctx *c)
{
    ((batch *)beam_self(c))->n = 0;
    return BEAM_OK;
}

static beam_status add_to_batch(beam_ctx *c, beam_value in)
{
    batch *b = beam_self(c);
    b->at[b->n] = beam_as_int64(in);
    b->timestamps[b->n] = beam_timestamp(c);
    b->windows[b->n++] = beam_element_window(c);
    return b->n == BATCH ? flush(c, b) : BEAM_OK;
}

static beam_status flush_last(beam_ctx *c)
{
    return flush(c, beam_self(c));
}

static const beam_dofn batch_fn = { .name = "py.batch",
                                    .in = BEAM_INT64,
                                    .out = BEAM_INT64,
                                    .flags = BEAM_OBSERVES_WINDOW,
                                    .self_size = sizeof(batch),
                                    .start_bundle = start_batch,
                                    .process = add_to_batch,
                                    .finish_bundle = flush_last };

static beam_value plus_one(beam_ctx *c, beam_value in)
{
    (void)c;
    return beam_int64(beam_as_int64(in) + 1);
}
static const beam_dofn plus_one_fn = { .name = "py.plus_one",
                                       .in = BEAM_INT64,
                                       .out = BEAM_INT64,
                                       .map = plus_one };

static void batch_pardo(beam_pipeline *p)
{
    beam_assert_that(beam_par_do(INTS(p, "In", 1, 2, 3, 4), "Batch", &batch_fn), "Out",
                     .lines = "2\n4\n6\n8");
}

static void batch_pardo_override_type(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(INTS(p, "In", 1, 2, 3), "Batch", &batch_fn,
                                  .out = BEAM_INT64);
    beam_assert_that(out, "Out", .lines = "2\n4\n6");
}

static void batch_pardo_trigger_flush(beam_pipeline *p)
{
    beam_pcoll *in = beam_par_do(beam_impulse(p, "Impulse"), "Many", &count_up_fn);
    beam_pcoll *out = beam_combine_globally(beam_par_do(in, "Batch", &batch_fn), "Sum",
                                            &beam_sum_int64);
    beam_value expected = beam_int64((int64_t)MANY * (MANY - 1));
    beam_assert_that(out, "Out", .singleton = &expected);
}

static void batch_rebatch(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(INTS(p, "In", 1, 2, 3, 4), "Batch", &batch_fn);
    beam_assert_that(beam_par_do(out, "Rebatch", &batch_fn), "Out", .lines = "4\n8\n12\n16");
}

static void batch_fusion_break(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(INTS(p, "In", 1, 2, 3), "Batch", &batch_fn);
    out = beam_par_do(beam_reshuffle(out, "Break"), "Again", &batch_fn);
    beam_assert_that(out, "Out", .lines = "4\n8\n12");
}

static void batch_to_element(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(INTS(p, "In", 1, 2), "Batch", &batch_fn);
    beam_assert_that(beam_map(out, "Element", &plus_one_fn), "Out", .lines = "3\n5");
}

static void element_to_batch(beam_pipeline *p)
{
    beam_pcoll *out = beam_map(INTS(p, "In", 1, 2), "Element", &plus_one_fn);
    beam_assert_that(beam_par_do(out, "Batch", &batch_fn), "Out", .lines = "4\n6");
}

static beam_millis at_value(beam_ctx *c, beam_value in)
{
    (void)c;
    return beam_as_int64(in);
}
static const beam_dofn at_value_fn = { .name = "py.at_value",
                                       .in = BEAM_INT64,
                                       .timestamp = at_value };

static void batch_params(beam_pipeline *p)
{
    beam_pcoll *in = beam_with_timestamps(INTS(p, "In", 5, 15), "Time", &at_value_fn);
    in = beam_window_into(in, "Window", beam_fixed(10));
    beam_assert_that(beam_par_do(in, "Batch", &batch_fn), "Out",
                     .lines = "[0, 10) 10 @5\n[10, 20) 30 @15",
                     .show = BEAM_SHOW_WINDOW | BEAM_SHOW_TIMESTAMP);
}

static void batch_window_param(beam_pipeline *p)
{
    beam_pcoll *in = beam_with_timestamps(INTS(p, "In", 1, 11, 12), "Time", &at_value_fn);
    in = beam_window_into(in, "Window", beam_fixed(10));
    beam_assert_that(beam_par_do(in, "Batch", &batch_fn), "Out",
                     .lines = "[0, 10) 2\n[10, 20) 22\n[10, 20) 24", .show = BEAM_SHOW_WINDOW);
}

static void batch_overlapping_windows(beam_pipeline *p)
{
    beam_pcoll *in = beam_with_timestamps(INTS(p, "In", 6), "Time", &at_value_fn);
    in = beam_window_into(in, "Window", beam_sliding(10, 5));
    beam_assert_that(beam_par_do(in, "Batch", &batch_fn), "Out",
                     .lines = "[0, 10) 12\n[5, 15) 12", .show = BEAM_SHOW_WINDOW);
}

/* -- elements larger than a message may be by default ------------------------------------- */
enum { LARGE = 8 << 20 };
static beam_status large(beam_ctx *c, beam_value in)
{
    char *text = beam_alloc(c, LARGE);
    memset(text, 'a' + (int)beam_as_int64(in), LARGE);
    return beam_emit_kv(c, beam_int64(beam_as_int64(in)),
                        beam_bytes((beam_span){ text, LARGE }));
}
static const beam_dofn large_fn = { .name = "py.large",
                                    .in = BEAM_INT64,
                                    .out = BEAM_KV(BEAM_INT64, BEAM_BYTES),
                                    .process = large };

static beam_status sizes(beam_ctx *c, beam_value in)
{
    int64_t size = 0;
    beam_iter *it = beam_as_iter(beam_val(in));
    for (beam_value v; beam_next(it, &v);) size += (int64_t)beam_as_span(v).len;
    return beam_emit_kv(c, beam_key(in), beam_int64(size));
}
static const beam_dofn sizes_fn = { .name = "py.sizes",
                                    .in = BEAM_KV(BEAM_INT64, BEAM_ITERABLE(BEAM_BYTES)),
                                    .out = BEAM_KV(BEAM_INT64, BEAM_INT64),
                                    .process = sizes };

static void large_elements(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(INTS(p, "In", 0, 1), "Large", &large_fn);
    out = beam_par_do(beam_group_by_key(out, "Group"), "Sizes", &sizes_fn);
    beam_assert_that(out, "Out", .lines = "0: 8388608\n1: 8388608");
}

static const suite_test tests[] = {
    TEST("test_assert_that", "-", assert_that),
    TEST("test_assert_that.fails", "UsesFailureMessage", assert_that_fails,
         .fails = "unexpected"),
    TEST("test_create", "-", create),
    TEST("test_create_value_provider_pipeline_option", "-", create_value_provider),
    TEST("test_read", "-", read_lines),
    TEST("test_no_subtransform_composite", "-", no_subtransform_composite),
    TEST("test_error_message_includes_stage", "UsesFailureMessage", error_names_the_step,
         .fails = "StageA"),
    TEST("test_error_traceback_includes_user_code", "UsesFailureMessage", error_has_the_reason,
         .fails = "x is always wrong here"),
    TEST("test_pardo", "-", pardo),
    TEST("test_pardo_large_input", "-", pardo_large_input),
    TEST("test_pardo_side_outputs", "-", pardo_side_outputs),
    TEST("test_pardo_side_and_main_outputs", "-", pardo_side_and_main_outputs),
    TEST("test_flatmap_numpy_array", "-", flatmap_array),
    TEST("test_batch_pardo", "-", batch_pardo),
    TEST("test_batch_pardo_override_type_inference", "-", batch_pardo_override_type),
    TEST("test_batch_pardo_trigger_flush", "-", batch_pardo_trigger_flush),
    TEST("test_batch_rebatch_pardos", "-", batch_rebatch),
    TEST("test_batch_pardo_fusion_break", "-", batch_fusion_break),
    TEST("test_batch_to_element_pardo", "-", batch_to_element),
    TEST("test_element_to_batch_pardo", "-", element_to_batch),
    TEST("test_batch_pardo_dofn_params", "-", batch_params),
    TEST("test_batch_pardo_window_param", "-", batch_window_param),
    TEST("test_batch_pardo_overlapping_windows", "-", batch_overlapping_windows),
    TEST("test_large_elements", "UsesLargeElements", large_elements),
};
SUITE_TABLE(py_pardo, "python", tests);
