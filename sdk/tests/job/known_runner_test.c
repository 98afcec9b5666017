/* SPDX-License-Identifier: Apache-2.0 */
/* Which runner it is, and the refusal of what it lacks. */
#include "job/known_runner.h"

#include <check.h>
#include <stdlib.h>

#include "beam/splittable.h"
#include "beam/testing.h"
#include "model/beam_job_api.pb-c.h"
#include "proto/model.h"

static bm_arena arena;
static beam_pipeline *p;
static beam_error err;

static void setup(void)
{
    bm_arena_init(&arena, 0);
    p = beam_pipeline_new();
    err = (beam_error){ 0 };
}

static void teardown(void)
{
    beam_pipeline_free(p);
    bm_arena_free(&arena);
}

static const bm_job_mode batch, streaming = { .streaming = true },
                               checkpoints = { .streaming = true, .checkpoints = true };

static bm_known_runner with_option(const char *name, const bm_job_mode *mode)
{
    Pb__PipelineOptionDescriptor option = PB__PIPELINE_OPTION_DESCRIPTOR__INIT;
    Pb__PipelineOptionDescriptor *options[] = { &option };
    Pb__DescribePipelineOptionsResponse m = PB__DESCRIBE_PIPELINE_OPTIONS_RESPONSE__INIT;
    option.name = bm_pb_text(name);
    m.options = options;
    m.n_options = name ? 1 : 0;
    return bm_runner_of_options(bm_pb_pack(&arena, &m.base), mode);
}

START_TEST(runners_by_their_options)
{
    ck_assert_int_eq(with_option("flink_master", &batch), BM_FLINK_BATCH);
    ck_assert_int_eq(with_option("flink_master", &streaming), BM_FLINK_STREAMING);
    ck_assert_int_eq(with_option("flink_master", &checkpoints), BM_FLINK_CHECKPOINTS);
    ck_assert_int_eq(with_option("spark_master", &batch), BM_UNKNOWN_RUNNER);
    ck_assert_int_eq(with_option(NULL, &batch), BM_PRISM);
    ck_assert_int_eq(bm_runner_of_options((beam_span){ "\x0a\x7f", 2 }, &batch),
                     BM_UNKNOWN_RUNNER);
}
END_TEST

static beam_status process(beam_ctx *c, beam_value in)
{
    (void)c, (void)in;
    return BEAM_OK;
}
static const beam_dofn acknowledge_fn = { .name = "test.acknowledge",
                                          .in = BEAM_BYTES,
                                          .flags = BEAM_FINALIZES,
                                          .process = process };

static beam_value whole(beam_ctx *c, beam_value in)
{
    (void)in;
    return beam_offsets(c, 0, 1);
}
static const beam_sdf unbounded_sdf = { .tracker = &beam_offset_tracker,
                                        .initial = whole,
                                        .unbounded = true };
static const beam_dofn unbounded_fn = { .name = "test.unbounded",
                                        .in = BEAM_BYTES,
                                        .sdf = &unbounded_sdf,
                                        .process = process };

static beam_status assign(beam_ctx *c, beam_value element, beam_millis timestamp)
{
    (void)c, (void)element, (void)timestamp;
    return BEAM_OK;
}
static beam_status merge(beam_ctx *c, const beam_window *windows, size_t n)
{
    (void)c, (void)windows, (void)n;
    return BEAM_OK;
}
static const beam_custom_windows merging = { .name = "test.merging",
                                             .assign = assign,
                                             .merge = merge };
static const beam_custom_windows with_bytes = { .name = "test.with_bytes",
                                                .assign = assign,
                                                .custom_windows = true };
static const beam_custom_windows assigning = { .name = "test.assigning", .assign = assign };

static void expect(bm_known_runner runner, const char *message)
{
    ck_assert_ptr_null(beam_pipeline_error(p));
    ck_assert_int_eq(bm_runner_check(runner, p, &err), *message ? BEAM_EUNSUPPORTED : BEAM_OK);
    ck_assert_str_eq(err.message, message);
    err = (beam_error){ 0 };
}

/* Which runners refuse the pipeline: "BSCPL", a letter each, '-' for one that does not. */
static void expect_refusals(const char *by)
{
    static const bm_known_runner runners[] = { BM_FLINK_BATCH, BM_FLINK_STREAMING,
                                               BM_FLINK_CHECKPOINTS, BM_PRISM, BM_LOCAL };
    char refused[] = "BSCPL";
    ck_assert_ptr_null(beam_pipeline_error(p));
    for (size_t i = 0; i < BEAM_COUNT(runners); i++)
        if (bm_runner_check(runners[i], p, &err) == BEAM_OK) refused[i] = '-';
    ck_assert_str_eq(refused, by);
    ck_assert_int_eq(bm_runner_check(BM_UNKNOWN_RUNNER, p, &err), BEAM_OK);
}

START_TEST(what_is_lacking_is_refused)
{
    beam_scope_begin(p, "Ack");
    beam_par_do(beam_impulse(p, "Impulse"), "Write", &acknowledge_fn);
    beam_scope_end(p);
    expect_refusals("BS---");
    expect(BM_FLINK_BATCH,
           "Ack/Write: Flink in batch mode cannot run bundle finalization; it runs on Flink in "
           "streaming mode with checkpoints (--streaming --checkpointing_interval=MS), Prism, "
           "the local runner (--runner=local)");
}
END_TEST

START_TEST(other_streams_without_checkpoints)
{
    beam_par_do(beam_impulse(p, "Impulse"), "Read", &unbounded_fn);
    expect_refusals("B----");
    expect(BM_FLINK_BATCH,
           "Read: Flink in batch mode cannot run an unbounded splittable DoFn; it runs on Flink "
           "in streaming mode (--streaming), Prism, the local runner (--runner=local)");
}
END_TEST

static void add_test_stream(const char *name, bool sets_clock)
{
    beam_test_stream *stream = beam_test_stream_begin(p, name, BEAM_STRING);
    beam_test_stream_watermark(stream, 7);
    if (sets_clock) beam_test_stream_processing_time(stream, 7);
    beam_test_stream_end(stream);
}

START_TEST(test_streams)
{
    add_test_stream("One", false);
    expect_refusals("B----");
    add_test_stream("Two", false);
    expect_refusals("BSCPL");
    expect(BM_PRISM, "Two/Events: Prism cannot run a second TestStream (nor does any other that this "
                     "SDK knows)");
}
END_TEST

START_TEST(test_streams_that_set_the_clock)
{
    add_test_stream("One", true);
    expect_refusals("BSC--");
    expect(BM_FLINK_STREAMING,
           "One/Events: Flink in streaming mode (--streaming) cannot run a TestStream that sets the "
           "processing-time clock; it runs on Prism, the local runner (--runner=local)");
}
END_TEST

START_TEST(windows)
{
    beam_window_into(beam_impulse(p, "Impulse"), "Window", beam_custom(&merging));
    expect_refusals("BSCP-");
    expect(BM_PRISM, "Window: Prism cannot run a merging WindowFn of the program; it runs on "
                     "the local runner (--runner=local)");
}
END_TEST

START_TEST(windows_with_bytes)
{
    beam_window_into(beam_impulse(p, "Impulse"), "Window", beam_custom(&with_bytes));
    expect_refusals("BSCP-");
}
END_TEST

START_TEST(windows_that_only_assign)
{
    beam_window_into(beam_impulse(p, "Impulse"), "Window", beam_custom(&assigning));
    expect_refusals("-----");
}
END_TEST

/* A grouping's output has the continuation of its trigger, which is no wish of the program. */
START_TEST(triggers)
{
    static const beam_trigger synchronized = {
        .kind = BEAM_TRIGGER_AFTER_SYNCHRONIZED_PROCESSING_TIME
    };
    const beam_type *pair = BEAM_KV(BEAM_STRING, BEAM_STRING);
    beam_pcoll *in = beam_window_into(beam_create(p, "In", pair, NULL, 0), "After",
                                      beam_global(), .allowed_lateness = 1,
                                      .trigger = BEAM_REPEAT(BEAM_AFTER_PROCESSING_TIME(5)));
    beam_pcoll *grouped = beam_group_by_key(in, "Group");
    expect_refusals("-----");
    beam_window_into(grouped, "Synchronized", beam_global(), .allowed_lateness = 1,
                     .trigger = BEAM_REPEAT(&synchronized));
    expect_refusals("---P-");
    expect(BM_PRISM, "Synchronized: Prism cannot run a trigger on synchronized processing time; "
                     "it runs on Flink in batch mode, Flink in streaming mode (--streaming), "
                     "the local runner (--runner=local)");
}
END_TEST

/* What Java casts to OnceTrigger: early and late firings, without their Repeat, and what ends
 * an 'or finally'. */
START_TEST(triggers_in_triggers)
{
    const struct {
        const beam_trigger *trigger;
        const char *refusals;
    } cases[] = {
        { BEAM_AFTER_END_OF_WINDOW(BEAM_REPEAT(BEAM_AFTER_COUNT(2)), BEAM_AFTER_COUNT(1)),
          "-----" },
        { BEAM_OR_FINALLY(BEAM_ALWAYS, BEAM_AFTER_END_OF_WINDOW(NULL, NULL)), "-----" },
        { BEAM_AFTER_ANY(BEAM_ALWAYS, BEAM_AFTER_COUNT(2)), "-----" },
        { BEAM_AFTER_END_OF_WINDOW(BEAM_ALWAYS, NULL), "BSC--" },
        { BEAM_AFTER_END_OF_WINDOW(NULL, BEAM_OR_FINALLY(BEAM_ALWAYS, BEAM_NEVER)), "BSC--" },
        { BEAM_OR_FINALLY(BEAM_AFTER_COUNT(1), BEAM_REPEAT(BEAM_AFTER_COUNT(2))), "BSC--" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        teardown();
        setup();
        beam_window_into(beam_impulse(p, "Impulse"), "Window", beam_fixed(1000),
                         .allowed_lateness = 1, .trigger = cases[i].trigger);
        expect_refusals(cases[i].refusals);
    }
}
END_TEST

static void note(void *self, const bm_log_entry *entry)
{
    *(char **)self = bm_format(&arena, "%s%s\n", *(char **)self, entry->message);
}

/* A trigger that ends is not refused: the program has said that it knows. */
START_TEST(triggers_that_end)
{
    char *said = "";
    const bm_log log = { .write = note, .self = &said, .minimum = BEAM_LOG_WARN };
    beam_pipeline_experiment(p, "allow_unsafe_triggers");
    beam_pcoll *pairs = beam_create(p, "In", BEAM_KV(BEAM_STRING, BEAM_STRING), NULL, 0);
    beam_group_by_key(pairs, "Whole");
    beam_group_by_key(beam_window_into(pairs, "Two", beam_global(),
                                       .trigger = BEAM_AFTER_COUNT(2)), "Group");
    expect_refusals("-----");
    bm_runner_warn(BM_FLINK_BATCH, p, &log);
    bm_runner_warn(BM_LOCAL, p, &log);
    bm_runner_warn(BM_UNKNOWN_RUNNER, p, &log);
    ck_assert_str_eq(said, "");
    bm_runner_warn(BM_PRISM, p, &log);
    ck_assert_str_eq(said,
                     "Group: Prism gives what comes after the trigger's last firing in a pane of "
                     "its own at the end of the window, where other runners drop it\n");
}
END_TEST

START_TEST(other_sdks)
{
    beam_pcoll *out[1];
    beam_external(p, "Other",
                  &(beam_external_opts){ .urn = "beam:test:other:v1",
                                         .inputs = { beam_impulse(p, "Impulse") },
                                         .output_tags = { "out" },
                                         .output_types = { BEAM_STRING } },
                  out);
    expect_refusals("----L");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("known_runner");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, runners_by_their_options);
    tcase_add_test(tests, what_is_lacking_is_refused);
    tcase_add_test(tests, other_streams_without_checkpoints);
    tcase_add_test(tests, test_streams);
    tcase_add_test(tests, test_streams_that_set_the_clock);
    tcase_add_test(tests, windows);
    tcase_add_test(tests, windows_with_bytes);
    tcase_add_test(tests, windows_that_only_assign);
    tcase_add_test(tests, triggers);
    tcase_add_test(tests, triggers_in_triggers);
    tcase_add_test(tests, triggers_that_end);
    tcase_add_test(tests, other_sdks);
    Suite *suite = suite_create("job/known_runner");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
