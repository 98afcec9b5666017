/* SPDX-License-Identifier: Apache-2.0 */
/* The Go SDK's tests of windows, triggers and panes. */
#include "go.h"

/* -- sums of a magic square -------------------------------------------------------------- */
static beam_pcoll *magic_square(beam_pipeline *p)
{
    static const int64_t square[] = { 4, 9, 2, 3, 5, 7, 8, 1, 6 };
    return create_timed(p, "Timed", square, BEAM_COUNT(square));
}

static beam_status sum_group(beam_ctx *c, beam_value in)
{
    int64_t sum = 0;
    beam_iter *it = beam_as_iter(beam_val(in));
    for (beam_value v; beam_next(it, &v);) sum += beam_as_int64(v);
    return beam_emit_kv(c, beam_key(in), beam_int64(sum));
}
static const beam_dofn sum_group_fn = {
    .name = "go.sum_group",
    .in = BEAM_KV(BEAM_STRING, BEAM_ITERABLE(BEAM_INT64)),
    .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
    .flags = BEAM_OBSERVES_WINDOW,
    .process = sum_group,
};

static beam_pcoll *sum_by_group(beam_pcoll *in)
{
    return beam_par_do(beam_group_by_key(in, "Group"), "Sum", &sum_group_fn);
}

static beam_pcoll *sum_by_combine(beam_pcoll *in)
{
    return beam_combine_per_key(in, "Sum", &beam_sum_int64);
}

static void window_sums(beam_pipeline *p, beam_pcoll *(*sum)(beam_pcoll *in))
{
    const beam_millis size = beam_seconds(3);
    const struct {
        const char *name;
        beam_window_fn fn;
        const char *sums;
    } cases[] = {
        { "Fixed", beam_fixed(size), "15\n15\n15" },
        { "SlidingFixed", beam_sliding(size, size), "15\n15\n15" },
        { "Sliding", beam_sliding(3 * size, size), "15\n30\n45\n30\n15" },
        { "Session", beam_sessions(size), "45" },
    };
    beam_pcoll *numbers = magic_square(p);
    for (size_t i = 0; i < BEAM_COUNT(cases); i++) {
        beam_scope_begin(p, cases[i].name);
        beam_pcoll *sums = sum(beam_window_into(numbers, "Windows", cases[i].fn));
        sums = beam_window_into(sums, "Global", beam_global());
        beam_assert_that(beam_values(sums, "Values"), "Sums", .lines = cases[i].sums);
        beam_scope_end(p);
    }
}

static void window_sums_gbk(beam_pipeline *p)
{
    window_sums(p, sum_by_group);
}

static void window_sums_lifted(beam_pipeline *p)
{
    window_sums(p, sum_by_combine);
}

/* -- side inputs in windows ---------------------------------------------------------------- */
enum { NUMBERS };
static const beam_side_spec number_sides[] = {
    [NUMBERS] = { "numbers", BEAM_SIDE_ITERABLE, BEAM_INT64, NULL, NULL }
};

static beam_status add_side(beam_ctx *c, beam_value in)
{
    int64_t sum = beam_as_int64(in);
    beam_iter *it = beam_side_iter(c, NUMBERS);
    for (beam_value v; beam_next(it, &v);) sum += beam_as_int64(v);
    return beam_emit(c, beam_int64(sum));
}
static const beam_dofn add_side_fn = { .name = "go.add_side",
                                       .in = BEAM_INT64,
                                       .out = BEAM_INT64,
                                       .sides = BEAM_TABLE(number_sides),
                                       .process = add_side };

static void windowed_side_inputs(beam_pipeline *p)
{
    static const int64_t values[] = { 1, 2, 3 };
    const beam_millis size = beam_seconds(1);
    const struct {
        const char *name;
        beam_window_fn main, side;
        const char *sums;
    } cases[] = {
        { "FixedGlobal", beam_fixed(size), beam_global(), "7\n8\n9" },
        { "FixedSame", beam_fixed(size), beam_fixed(size), "2\n4\n6" },
        { "FixedBig", beam_fixed(size), beam_fixed(10 * size), "7\n8\n9" },
        { "FixedSliding", beam_fixed(size), beam_sliding(2 * size, size), "2\n5\n8" },
        { "SlidingFixed", beam_sliding(2 * size, size), beam_fixed(size),
          "2\n3\n4\n5\n6\n3" },
    };
    beam_pcoll *numbers =
        beam_values(create_timed(p, "Timed", values, BEAM_COUNT(values)), "Values");
    for (size_t i = 0; i < BEAM_COUNT(cases); i++) {
        beam_scope_begin(p, cases[i].name);
        beam_pcoll *main = beam_window_into(numbers, "Main", cases[i].main);
        beam_pcoll *side = beam_window_into(numbers, "Side", cases[i].side);
        beam_pcoll *sums = beam_par_do(main, "Add", &add_side_fn,
                                       .sides = { [NUMBERS] = side });
        sums = beam_window_into(sums, "Global", beam_global());
        beam_assert_that(sums, "Sums", .lines = cases[i].sums);
        beam_scope_end(p);
    }
}

/* -- triggers ------------------------------------------------------------------------------- */
/* Numbers of one event; 0 ends the list. */
static void add_numbers(beam_test_stream *ts, beam_millis at, const double *numbers)
{
    beam_timestamped elements[8];
    size_t n = 0;
    for (; numbers[n] != 0; n++)
        elements[n] = (beam_timestamped){ beam_double(numbers[n]), at };
    beam_test_stream_add_all(ts, elements, n);
}
#define ADD(ts, at, ...) add_numbers((ts), (at), (const double[]){ __VA_ARGS__, 0 })

/* 1, 2, 3 in the first window; `more` in the next, which are 5 and 8. */
static beam_pcoll *three_numbers(beam_pipeline *p, bool more)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_DOUBLE);
    ADD(ts, 1000, 1, 2, 3);
    beam_test_stream_watermark(ts, 11000);
    if (more) ADD(ts, 12000, 5, 8);
    return beam_test_stream_end(ts);
}

static beam_status pair_with_zero(beam_ctx *c, beam_value in)
{
    return beam_emit_kv(c, beam_int64(0), in);
}
static const beam_dofn pair_with_zero_fn = { .name = "go.pair_with_zero",
                                             .in = BEAM_DOUBLE,
                                             .out = BEAM_KV(BEAM_INT64, BEAM_DOUBLE),
                                             .process = pair_with_zero };

static beam_status sum_pane(beam_ctx *c, beam_value in)
{
    double sum = 0;
    beam_iter *it = beam_as_iter(beam_val(in));
    for (beam_value v; beam_next(it, &v);) sum += beam_as_double(v);
    return beam_emit(c, beam_double(sum));
}
static const beam_dofn sum_pane_fn = {
    .name = "go.sum_pane",
    .in = BEAM_KV(BEAM_INT64, BEAM_ITERABLE(BEAM_DOUBLE)),
    .out = BEAM_DOUBLE,
    .process = sum_pane,
};

/* Sums of the panes, in the global window. As the Go SDK has it, nothing is added up before
 * the trigger sees it, and there are no empty panes on time. */
static beam_pcoll *pane_sums(beam_pcoll *in, beam_window_fn fn,
                             const beam_trigger *trigger)
{
    beam_pipeline *p = beam_pcoll_pipeline(in);
    beam_pipeline_experiment(p, "allow_unsafe_triggers");
    beam_pcoll *windowed = beam_window_into(in, "Windows", fn, .trigger = trigger,
                                            .on_time = BEAM_ON_TIME_IF_NONEMPTY);
    beam_pcoll *keyed = beam_par_do(windowed, "Key", &pair_with_zero_fn);
    beam_pcoll *sums = beam_par_do(beam_group_by_key(keyed, "Group"), "Sum",
                                   &sum_pane_fn);
    return beam_window_into(sums, "Global", beam_global());
}

static beam_window_fn ten_seconds(void)
{
    return beam_fixed(beam_seconds(10));
}

static void trigger_default(beam_pipeline *p)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_DOUBLE);
    ADD(ts, 1000, 1, 2, 3);
    beam_test_stream_watermark(ts, 11000);
    ADD(ts, 12000, 4, 5);
    beam_test_stream_watermark(ts, 13000);
    beam_assert_that(pane_sums(beam_test_stream_end(ts), ten_seconds(), NULL), "Sums",
                     .lines = "6\n9");
}

static void trigger_always(beam_pipeline *p)
{
    beam_pcoll *sums = pane_sums(three_numbers(p, false), ten_seconds(), BEAM_ALWAYS);
    beam_assert_that(sums, "Sums", .lines = "1\n2\n3");
}

/* One pane of two elements at least, and then nothing more in that window. */
static void trigger_element_count(beam_pipeline *p)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_DOUBLE);
    ADD(ts, 1000, 1, 2, 3);
    beam_test_stream_watermark(ts, 2000);
    ADD(ts, 6000, 4, 5);
    beam_test_stream_watermark(ts, 10000);
    ADD(ts, 52000, 10);
    beam_test_stream_watermark(ts, 53000);
    beam_pcoll *sums = pane_sums(beam_test_stream_end(ts), ten_seconds(),
                                 BEAM_AFTER_COUNT(2));
    beam_assert_that(sums, "Panes", .count = 2);
}

static void trigger_after_processing_time(beam_pipeline *p)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_DOUBLE);
    beam_test_stream_processing_time(ts, 100);
    ADD(ts, 1000, 1, 2, 3);
    beam_test_stream_processing_time(ts, 5000);
    ADD(ts, 22000, 4);
    beam_pcoll *sums = pane_sums(beam_test_stream_end(ts), beam_global(),
                                 BEAM_REPEAT(BEAM_AFTER_PROCESSING_TIME(5000)));
    beam_assert_that(sums, "Sums", .lines = "6\n4");
}

static void trigger_repeat(beam_pipeline *p)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_DOUBLE);
    ADD(ts, 1000, 1, 2, 3);
    beam_test_stream_watermark(ts, 2000);
    ADD(ts, 6000, 4, 5, 6);
    beam_test_stream_watermark(ts, 10000);
    beam_pcoll *sums = pane_sums(beam_test_stream_end(ts), beam_global(),
                                 BEAM_REPEAT(BEAM_AFTER_COUNT(2)));
    beam_assert_that(sums, "Panes", .count = 3);
}

static void trigger_after_end_of_window(beam_pipeline *p)
{
    beam_pcoll *sums = pane_sums(three_numbers(p, false), ten_seconds(),
                                 BEAM_AFTER_END_OF_WINDOW(BEAM_AFTER_COUNT(2),
                                                          BEAM_AFTER_COUNT(1)));
    beam_assert_that(sums, "Panes", .count = 2);
}

/* 1, 2, 3, 5, 8 in the first window. */
static beam_pcoll *five_numbers(beam_pipeline *p)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_DOUBLE);
    ADD(ts, 1000, 1, 2, 3, 5, 8);
    beam_test_stream_watermark(ts, 11000);
    return beam_test_stream_end(ts);
}

static void trigger_after_all(beam_pipeline *p)
{
    beam_pcoll *sums =
        pane_sums(five_numbers(p), ten_seconds(),
                  BEAM_REPEAT(BEAM_AFTER_ALL(BEAM_ALWAYS, BEAM_AFTER_COUNT(5))));
    beam_assert_that(sums, "Panes", .count = 1);
}

static void trigger_after_each(beam_pipeline *p)
{
    beam_pcoll *sums =
        pane_sums(five_numbers(p), beam_global(),
                  BEAM_REPEAT(BEAM_AFTER_EACH(BEAM_AFTER_COUNT(3), BEAM_ALWAYS)));
    beam_assert_that(sums, "Panes", .count = 3);
}

static void trigger_after_any(beam_pipeline *p)
{
    beam_pcoll *sums =
        pane_sums(three_numbers(p, true), ten_seconds(),
                  BEAM_REPEAT(BEAM_AFTER_ANY(BEAM_AFTER_COUNT(3), BEAM_ALWAYS)));
    beam_assert_that(sums, "Panes", .count = 5);
}

static void trigger_after_synchronized_processing_time(beam_pipeline *p)
{
    static const beam_trigger synchronized = {
        .kind = BEAM_TRIGGER_AFTER_SYNCHRONIZED_PROCESSING_TIME
    };
    beam_pcoll *sums = pane_sums(three_numbers(p, true), ten_seconds(),
                                 BEAM_REPEAT(&synchronized));
    beam_assert_that(sums, "Panes", .count = 2);
}

static void trigger_never(beam_pipeline *p)
{
    beam_pcoll *sums = pane_sums(three_numbers(p, true), ten_seconds(), BEAM_NEVER);
    beam_assert_that(sums, "Panes", .count = 2);
}

static void trigger_or_finally(beam_pipeline *p)
{
    beam_pcoll *sums = pane_sums(three_numbers(p, true), ten_seconds(),
                                 BEAM_OR_FINALLY(BEAM_ALWAYS, BEAM_AFTER_COUNT(2)));
    beam_assert_that(sums, "Panes", .count = 4);
}

/* -- panes ------------------------------------------------------------------------------------ */
static beam_status emit_timing(beam_ctx *c, beam_value in)
{
    (void)in;
    return beam_emit(c, beam_int64(beam_element_pane(c).timing));
}
static const beam_dofn emit_timing_fn = {
    .name = "go.emit_timing", .in = BEAM_DOUBLE, .out = BEAM_INT64, .process = emit_timing
};

static void panes(beam_pipeline *p)
{
    beam_pcoll *windowed = beam_window_into(three_numbers(p, false), "Windows",
                                            ten_seconds(), .trigger = BEAM_ALWAYS);
    beam_pcoll *timings = beam_par_do(windowed, "Timing", &emit_timing_fn);
    timings = beam_window_into(timings, "Global", beam_global());
    beam_assert_that(timings, "Firings", .count = 3);
}

#define TRIGGER_TEST(name, build) \
    TEST(name, "UsesTestStream", build, .needs = NEEDS_TEST_STREAM | NEEDS_UNBOUNDED)
#define CLOCK_TEST(name, build)                           \
    TEST(name, "UsesTestStreamWithProcessingTime", build, \
         .needs = NEEDS_TEST_STREAM | NEEDS_UNBOUNDED | NEEDS_PROCESSING_TIME)

static const suite_test tests[] = {
    TEST("TestWindowSums_Lifted", "-", window_sums_lifted),
    TEST("TestWindowSums_GBK", "-", window_sums_gbk),
    TEST("TestValidateWindowedSideInputs", "UsesSideInputs", windowed_side_inputs),
    TRIGGER_TEST("TestTriggerDefault", trigger_default),
    TRIGGER_TEST("TestTriggerAlways", trigger_always),
    TRIGGER_TEST("TestTriggerElementCount", trigger_element_count),
    TRIGGER_TEST("TestTriggerRepeat", trigger_repeat),
    TRIGGER_TEST("TestTriggerAfterEndOfWindow", trigger_after_end_of_window),
    TRIGGER_TEST("TestTriggerAfterAll", trigger_after_all),
    TRIGGER_TEST("TestTriggerAfterEach", trigger_after_each),
    TRIGGER_TEST("TestTriggerAfterAny", trigger_after_any),
    CLOCK_TEST("TestTriggerAfterProcessingTime", trigger_after_processing_time),
    TRIGGER_TEST("TestTriggerAfterSynchronizedProcessingTime",
                 trigger_after_synchronized_processing_time),
    TRIGGER_TEST("TestTriggerNever", trigger_never),
    TRIGGER_TEST("TestTriggerOrFinally", trigger_or_finally),
    TRIGGER_TEST("TestPanes", panes),
};
SUITE_TABLE(go_window, "go", tests);
