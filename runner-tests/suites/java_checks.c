/* SPDX-License-Identifier: Apache-2.0 */
/* Java's PAssertTest, MetricsTest, ParDoLifecycleTest and GroupIntoBatchesTest. */
#include "java.h"

#include "beam/splittable.h"

#include <stdlib.h>

/* -- assertions ---------------------------------------------------------------------------------- */
static beam_pcoll *one_to_four(beam_pipeline *p)
{
    return INTS(p, "In", 1, 2, 3, 4);
}
static const beam_value forty_two = { .kind = BEAM_KIND_INT64, .as = { .int64 = 42 } };

static beam_status all_positive(beam_ctx *c, beam_value in)
{
    beam_iter *it = beam_as_iter(in);
    for (beam_value v; beam_next(it, &v);)
        if (beam_as_int64(v) <= 0) return beam_fail(c, BEAM_EUSER, "not all are positive");
    return BEAM_OK;
}
static const beam_dofn all_positive_fn = { .name = "java.all_positive",
                                           .in = BEAM_ITERABLE(BEAM_INT64),
                                           .process = all_positive };

static void predicate(beam_pipeline *p)
{
    beam_assert_that(one_to_four(p), "Positive", .matcher = &all_positive_fn);
}
static void predicate_false(beam_pipeline *p)
{
    beam_assert_that(INTS(p, "In", 1, -2), "Positive", .matcher = &all_positive_fn);
}
static void windowed_predicate(beam_pipeline *p)
{
    const beam_window first = { 0, 10, { NULL, 0 } };
    beam_pcoll *in = TIMED_INTS(p, "In", { 1, 1 }, { 2, 2 }, { -3, 13 });
    in = beam_window_into(in, "Windows", beam_fixed(10));
    beam_assert_that(in, "Positive", .matcher = &all_positive_fn, .window = &first);
}
static void equal(beam_pipeline *p)
{
    beam_assert_that(INTS(p, "In", 42), "Equal", .singleton = &forty_two);
}
static void windowed_equal(beam_pipeline *p)
{
    const beam_window first = { 0, 10, { NULL, 0 } }, second = { 10, 20, { NULL, 0 } };
    const beam_value forty_three = beam_int64(43);
    beam_pcoll *in = TIMED_INTS(p, "In", { 42, 1 }, { 43, 13 });
    in = beam_window_into(in, "Windows", beam_fixed(10));
    beam_assert_that(in, "First", .singleton = &forty_two, .window = &first);
    beam_assert_that(in, "Second", .singleton = &forty_three, .window = &second);
}
static void not_equal(beam_pipeline *p)
{
    beam_assert_that(INTS(p, "In", 44), "Equal", .singleton = &forty_two);
}
static void singleton_of_none(beam_pipeline *p)
{
    beam_assert_that(beam_create(p, "None", BEAM_INT64, NULL, 0), "Equal",
                     .singleton = &forty_two);
}
static void singleton_of_many(beam_pipeline *p)
{
    beam_assert_that(INTS(p, "In", 42, 42), "Equal", .singleton = &forty_two);
}
static void in_any_order(beam_pipeline *p)
{
    beam_assert_that(one_to_four(p), "Contains", .lines = "2\n1\n4\n3");
}
static void in_any_order_false(beam_pipeline *p)
{
    beam_assert_that(one_to_four(p), "Contains", .lines = "2\n1\n4\n3\n7");
}
static void in_window(beam_pipeline *p)
{
    const beam_window first = { 0, 10, { NULL, 0 } };
    beam_pcoll *in = TIMED_INTS(p, "In", { 1, 1 }, { 2, 2 }, { 3, 13 });
    in = beam_window_into(in, "Windows", beam_fixed(10));
    beam_assert_that(in, "Contains", .lines = "2\n1", .window = &first);
}
static void empty(beam_pipeline *p)
{
    beam_assert_that(beam_create(p, "None", BEAM_INT64, NULL, 0), "Empty", .empty = true);
}
static void empty_false(beam_pipeline *p)
{
    beam_assert_that(one_to_four(p), "Empty", .empty = true);
}
static void flattened(beam_pipeline *p)
{
    beam_pcoll *both[] = { one_to_four(p), INTS(p, "More", 5, 6) };
    beam_assert_that(beam_flatten(p, "Both", both, 2), "Contains", .lines = "1\n2\n3\n4\n5\n6");
}

static beam_status not_42(beam_ctx *c, beam_value in)
{
    beam_value v;
    if (!beam_next(beam_as_iter(in), &v)) return beam_fail(c, BEAM_EUSER, "there is no element");
    if (beam_as_int64(v) == 42) return beam_fail(c, BEAM_EUSER, "it is 42");
    return BEAM_OK;
}
static const beam_dofn not_42_fn = { .name = "java.not_42",
                                     .in = BEAM_ITERABLE(BEAM_INT64),
                                     .process = not_42 };
static void is_not_equal(beam_pipeline *p)
{
    beam_assert_that(INTS(p, "In", 43), "NotEqual", .matcher = &not_42_fn);
}
static void in_global_window(beam_pipeline *p)
{
    const beam_window global = { BEAM_MIN_TIMESTAMP, BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP + 1,
                                 { NULL, 0 } };
    beam_assert_that(one_to_four(p), "Contains", .lines = "2\n1\n4\n3", .window = &global);
}
static void flattened_false(beam_pipeline *p)
{
    beam_pcoll *both[] = { one_to_four(p), INTS(p, "More", 5, 6) };
    beam_assert_that(beam_flatten(p, "Both", both, 2), "Contains", .lines = "7");
}

/* All elements are less than the config says. */
static beam_status all_less(beam_ctx *c, beam_value in)
{
    int64_t bound = strtoll(beam_cstr(c, beam_config(c)), NULL, 10);
    beam_iter *it = beam_as_iter(in);
    for (beam_value v; beam_next(it, &v);)
        if (beam_as_int64(v) >= bound)
            return beam_fail(c, BEAM_EUSER, "elements should be less than %lld",
                             (long long)bound);
    return BEAM_OK;
}
static const beam_dofn all_less_fn = { .name = "java.all_less",
                                       .in = BEAM_ITERABLE(BEAM_INT64),
                                       .process = all_less };
/* Of two collections each satisfies a matcher of its own. */
static void each_is_less(beam_pipeline *p, const char *first, const char *second)
{
    beam_assert_that(INTS(p, "First", 1, 2, 3), "FirstLess", .matcher = &all_less_fn,
                     .config = beam_span_of(first));
    beam_assert_that(INTS(p, "Second", 4, 5, 6), "SecondLess", .matcher = &all_less_fn,
                     .config = beam_span_of(second));
}
static void multiple_matchers(beam_pipeline *p)
{
    each_is_less(p, "4", "7");
}
static void multiple_matchers_false(beam_pipeline *p)
{
    each_is_less(p, "0", "0");
}
static void list_is_positive(beam_pipeline *p)
{
    beam_assert_that(INTS(p, "First", 1, 2, 3), "FirstPositive", .matcher = &all_positive_fn);
    beam_assert_that(INTS(p, "Second", 4, 5, 6), "SecondPositive",
                     .matcher = &all_positive_fn);
}

/* -- metrics ---------------------------------------------------------------------------------------- */
enum { SECOND };
static const beam_output_spec second[] = { [SECOND] = { "second", BEAM_INT64 } };
static beam_status count(beam_ctx *c)
{
    beam_counter_add(c, "count", 1);
    return BEAM_OK;
}
static beam_status measure(beam_ctx *c, beam_value in)
{
    beam_counter_add(c, "elements", 1);
    beam_distribution_add(c, "input", beam_as_int64(in));
    beam_gauge_set(c, "gauge", 12);
    beam_string_set_add(c, "side", beam_span_of("gcs"));
    BEAM_TRY(beam_emit(c, in));
    return beam_emit_to(c, SECOND, in);
}
static const beam_dofn measure_fn = { .name = "java.measure",
                                      .in = BEAM_INT64,
                                      .out = BEAM_INT64,
                                      .outputs = BEAM_TABLE(second),
                                      .start_bundle = count,
                                      .process = measure,
                                      .finish_bundle = count };

/* Two steps; the second reads both outputs of the first. */
static void measured(beam_pipeline *p)
{
    beam_pcoll *first = beam_par_do(INTS(p, "In", 5, 8, 13), "MyStep1", &measure_fn);
    beam_pcoll *both[] = { first, beam_output(first, SECOND) };
    beam_pcoll *out = beam_par_do(beam_flatten(p, "Both", both, 2), "MyStep2", &measure_fn);
    beam_assert_that(out, "Out", .lines = "5\n5\n8\n8\n13\n13");
}
static const char *step_of(beam_pipeline *p, const char *scope, const char *step)
{
    return beam_pipeline_format(p, "%s%s", scope, step);
}
static const char *counters(beam_pipeline *p, const char *scope)
{
    if (beam_test_counter(p, step_of(p, scope, "MyStep1"), "elements") != 3)
        return "the first step has not counted 3 elements";
    if (beam_test_counter(p, step_of(p, scope, "MyStep2"), "elements") != 6)
        return "the second step has not counted 6 elements";
    int64_t calls = beam_test_counter(p, step_of(p, scope, "MyStep1"), "count");
    return calls < 2 || calls % 2 ? "bundles do not begin as often as they end" : NULL;
}
static const char *distributions(beam_pipeline *p, const char *scope)
{
    beam_distribution d = beam_test_distribution(p, step_of(p, scope, "MyStep1"), "input");
    if (d.count != 3 || d.sum != 26 || d.min != 5 || d.max != 13)
        return "the first step's distribution is not of 5, 8, 13";
    d = beam_test_distribution(p, step_of(p, scope, "MyStep2"), "input");
    if (d.count != 6 || d.sum != 52 || d.min != 5 || d.max != 13)
        return "the second step's distribution is not of 5, 8, 13, twice";
    return NULL;
}
static const char *gauges(beam_pipeline *p, const char *scope)
{
    if (beam_test_gauge(p, step_of(p, scope, "MyStep1"), "gauge") != 12)
        return "the first step's gauge is not 12";
    if (beam_test_gauge(p, step_of(p, scope, "MyStep2"), "gauge") != 12)
        return "the second step's gauge is not 12";
    return NULL;
}

static const char *all_metrics(beam_pipeline *p, const char *scope)
{
    const char *problem = counters(p, scope);
    if (!problem) problem = distributions(p, scope);
    return problem ? problem : gauges(p, scope);
}

/* -- metrics of a source, also while it is split -- */
static beam_value ten(beam_ctx *c, beam_value element)
{
    (void)element;
    return beam_offsets(c, 0, 10);
}
static beam_status split_and_count(beam_ctx *c, beam_value element, beam_value restriction)
{
    (void)element;
    int64_t from = beam_offset_from(restriction), to = beam_offset_to(restriction);
    beam_counter_add(c, "split", 1);
    BEAM_TRY(beam_emit_restriction(c, beam_offsets(c, from, (from + to) / 2)));
    return beam_emit_restriction(c, beam_offsets(c, (from + to) / 2, to));
}
static beam_status advance_and_count(beam_ctx *c, beam_value in)
{
    (void)in;
    for (int64_t at = beam_offset_from(beam_restriction(c)); beam_claim_offset(c, at); at++) {
        beam_counter_add(c, "advance", 1);
        BEAM_TRY(beam_emit(c, beam_int64(at)));
    }
    return BEAM_OK;
}
static const beam_sdf measured_sdf = { .tracker = &beam_offset_tracker, .initial = ten,
                                       .split = split_and_count };
static const beam_dofn measured_source_fn = { .name = "java.measured_source",
                                              .in = BEAM_BYTES,
                                              .out = BEAM_INT64,
                                              .sdf = &measured_sdf,
                                              .process = advance_and_count };
static void measured_source(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(beam_impulse(p, "Impulse"), "Read", &measured_source_fn);
    beam_assert_that(out, "Out", .count = 10);
}
static const char *source_metrics(beam_pipeline *p, const char *scope)
{
    (void)scope; /* the parts of a source have names of the runner's */
    if (beam_test_counter(p, NULL, "advance") != 10) return "the source has not counted to 10";
    return beam_test_counter(p, NULL, "split") > 0 ? NULL : "the split has not counted";
}

/* -- the order of calls -------------------------------------------------------------------------------- */
typedef enum phase { NEW, SET_UP, STARTED, PROCESSING, FINISHED } phase;
static beam_status go_on(beam_ctx *c, phase before, phase or_before, phase now)
{
    phase *at = beam_self(c);
    if (*at != before && *at != or_before)
        return beam_fail(c, BEAM_EUSER, "phase %d came after %d", now, *at);
    *at = now;
    return BEAM_OK;
}
static beam_status set_up(beam_ctx *c)
{
    return go_on(c, NEW, NEW, SET_UP);
}
static beam_status begin(beam_ctx *c)
{
    return go_on(c, SET_UP, FINISHED, STARTED);
}
static beam_status work(beam_ctx *c, beam_value in)
{
    BEAM_TRY(go_on(c, STARTED, PROCESSING, PROCESSING));
    return beam_emit(c, in);
}
static beam_status end(beam_ctx *c)
{
    return go_on(c, STARTED, PROCESSING, FINISHED);
}
#define CALLS .self_size = sizeof(phase), .setup = set_up, .start_bundle = begin, \
              .process = work, .finish_bundle = end
static const beam_dofn calls_fn = { .name = "java.calls", .in = BEAM_INT64, .out = BEAM_INT64,
                                    CALLS };
static const beam_dofn multi_calls_fn = { .name = "java.multi_calls",
                                          .in = BEAM_INT64,
                                          .out = BEAM_INT64,
                                          .outputs = BEAM_TABLE(second),
                                          CALLS };
enum { COUNT };
static const beam_state_spec states[] = { [COUNT] = BEAM_VALUE_STATE("count", BEAM_INT64) };
static const beam_dofn state_calls_fn = { .name = "java.state_calls",
                                          .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                          .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                          .states = BEAM_TABLE(states),
                                          CALLS };

static void call_sequence(beam_pipeline *p)
{
    beam_assert_that(beam_par_do(one_to_four(p), "Calls", &calls_fn), "Out", .count = 4);
}
static void call_sequence_multi(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(one_to_four(p), "Calls", &multi_calls_fn);
    beam_assert_that(out, "Out", .count = 4);
    beam_assert_that(beam_output(out, SECOND), "Second", .empty = true);
}
static void call_sequence_stateful(beam_pipeline *p)
{
    beam_pcoll *in = STRING_INTS(p, "In", { "a", 1 }, { "b", 2 }, { "a", 3 });
    beam_assert_that(beam_par_do(in, "Calls", &state_calls_fn), "Out", .count = 3);
}

/* Teardown comes after a failure too. The worker runs in the process of the job, which runs
 * alone, so a count of that process tells. */
static int torn_down;
static void tear_down(beam_ctx *c)
{
    (void)c;
    __atomic_add_fetch(&torn_down, 1, __ATOMIC_RELAXED);
}
static beam_status fail_call(beam_ctx *c)
{
    return beam_fail(c, BEAM_EUSER, "failed on purpose");
}
static beam_status fail_element(beam_ctx *c, beam_value in)
{
    (void)in;
    return fail_call(c);
}
static beam_status do_nothing(beam_ctx *c, beam_value in)
{
    (void)c, (void)in;
    return BEAM_OK;
}
static beam_status fail_keyed_element(beam_ctx *c, beam_value in)
{
    return fail_element(c, beam_val(in));
}
#define FAILING_STATEFUL(dofn, fn_name, ...)                                            \
    static const beam_dofn dofn = { .name = (fn_name),                                   \
                                    .in = BEAM_KV(BEAM_STRING, BEAM_INT64),              \
                                    .states = BEAM_TABLE(states),                        \
                                    .teardown = tear_down, __VA_ARGS__ }
#define FAILING(dofn, fn_name, ...)                                                    \
    static const beam_dofn dofn = { .name = (fn_name), .in = BEAM_INT64,                \
                                    .teardown = tear_down, __VA_ARGS__ }
FAILING(fails_in_setup, "java.fails_in_setup", .setup = fail_call, .process = do_nothing);
FAILING(fails_in_start, "java.fails_in_start", .start_bundle = fail_call,
        .process = do_nothing);
FAILING(fails_in_process, "java.fails_in_process", .process = fail_element);
FAILING(fails_in_finish, "java.fails_in_finish", .process = do_nothing,
        .finish_bundle = fail_call);
FAILING_STATEFUL(stateful_fails_in_setup, "java.stateful_fails_in_setup", .setup = fail_call,
                 .process = do_nothing);
FAILING_STATEFUL(stateful_fails_in_start, "java.stateful_fails_in_start",
                 .start_bundle = fail_call, .process = do_nothing);
FAILING_STATEFUL(stateful_fails_in_process, "java.stateful_fails_in_process",
                 .process = fail_keyed_element);
FAILING_STATEFUL(stateful_fails_in_finish, "java.stateful_fails_in_finish",
                 .process = do_nothing, .finish_bundle = fail_call);
static void setup_fails(beam_pipeline *p)
{
    beam_par_do(one_to_four(p), "Fail", &fails_in_setup);
}
static void start_fails(beam_pipeline *p)
{
    beam_par_do(one_to_four(p), "Fail", &fails_in_start);
}
static void process_fails(beam_pipeline *p)
{
    beam_par_do(one_to_four(p), "Fail", &fails_in_process);
}
static void finish_fails(beam_pipeline *p)
{
    beam_par_do(one_to_four(p), "Fail", &fails_in_finish);
}
static void stateful_fails(beam_pipeline *p, const beam_dofn *fn)
{
    beam_par_do(STRING_INTS(p, "In", { "a", 1 }, { "b", 2 }, { "a", 3 }), "Fail", fn);
}
static void stateful_setup_fails(beam_pipeline *p)
{
    stateful_fails(p, &stateful_fails_in_setup);
}
static void stateful_start_fails(beam_pipeline *p)
{
    stateful_fails(p, &stateful_fails_in_start);
}
static void stateful_process_fails(beam_pipeline *p)
{
    stateful_fails(p, &stateful_fails_in_process);
}
static void stateful_finish_fails(beam_pipeline *p)
{
    stateful_fails(p, &stateful_fails_in_finish);
}
static const char *is_torn_down(beam_pipeline *p, const char *scope)
{
    (void)p, (void)scope;
    return __atomic_load_n(&torn_down, __ATOMIC_RELAXED) ? NULL : "nothing was torn down";
}

/* -- batches -------------------------------------------------------------------------------------------- */
static beam_status batch_size(beam_ctx *c, beam_value in)
{
    int64_t n = 0;
    beam_iter *it = beam_as_iter(beam_val(in));
    for (beam_value v; beam_next(it, &v);) n++;
    return beam_emit(c, beam_int64(n));
}
static const beam_dofn batch_size_fn = { .name = "java.batch_size",
                                         .in = BEAM_KV(BEAM_STRING, BEAM_ITERABLE(BEAM_INT64)),
                                         .out = BEAM_INT64,
                                         .process = batch_size };
static beam_pcoll *of_key(beam_pipeline *p, int n)
{
    string_int in[32];
    for (int i = 0; i < n; i++) in[i] = (string_int){ "key", i };
    return create_string_ints(p, "In", in, (size_t)n);
}
static void batch_count(beam_pipeline *p)
{
    beam_pcoll *out = beam_group_into_batches(of_key(p, 10), "Batch", .size = 5);
    beam_assert_that(beam_par_do(out, "Size", &batch_size_fn), "Out", .lines = "5\n5");
}
static void uneven_batches(beam_pipeline *p)
{
    beam_pcoll *out = beam_group_into_batches(of_key(p, 10), "Batch", .size = 3);
    beam_assert_that(beam_par_do(out, "Size", &batch_size_fn), "Out", .lines = "3\n3\n3\n1");
}
static void batch_bytes(beam_pipeline *p)
{
    beam_pcoll *out = beam_group_into_batches(of_key(p, 10), "Batch", .bytes = 5);
    beam_assert_that(beam_par_do(out, "Size", &batch_size_fn), "Out", .lines = "5\n5");
}
static void batch_both(beam_pipeline *p)
{
    beam_pcoll *out = beam_group_into_batches(of_key(p, 8), "Batch", .size = 2, .bytes = 5);
    beam_assert_that(beam_par_do(out, "Size", &batch_size_fn), "Out", .lines = "2\n2\n2\n2");
}
static void batch_streaming(beam_pipeline *p)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream",
                                                  BEAM_KV(BEAM_STRING, BEAM_INT64));
    beam_test_stream_watermark(ts, 0);
    for (int i = 0; i < 5; i++) add_pair(ts, "key", i, beam_seconds(i));
    beam_test_stream_watermark(ts, beam_seconds(60));
    beam_pcoll *in = beam_window_into(beam_test_stream_end(ts), "Windows",
                                      beam_fixed(beam_seconds(6)));
    beam_pcoll *out = beam_group_into_batches(in, "Batch", .size = 2);
    beam_assert_that(beam_par_do(out, "Size", &batch_size_fn), "Out", .lines = "2\n2\n1");
}

/* However the key is sharded: no batch is too large, most are full, nothing is lost. */
enum { MANY = 2000 };
static const beam_dofn sharded_batch_size_fn = {
    .name = "java.sharded_batch_size",
    .in = BEAM_KV(BEAM_KV(BEAM_STRING, BEAM_BYTES), BEAM_ITERABLE(BEAM_INT64)),
    .out = BEAM_INT64,
    .process = batch_size
};
static beam_status expect_full_batches(beam_ctx *c, beam_value in)
{
    size_t n;
    int64_t *sizes = sorted_ints(c, beam_as_iter(in), &n), sum = 0;
    for (size_t i = 0; i < n; i++) sum += sizes[i];
    if (sum != MANY)
        return beam_fail(c, BEAM_EUSER, "batches of %lld elements", (long long)sum);
    if (sizes[n - 1] > 5 || sizes[n / 2] < 5)
        return beam_fail(c, BEAM_EUSER, "batches of %lld elements at most, half of them of %lld",
                         (long long)sizes[n - 1], (long long)sizes[n / 2]);
    return BEAM_OK;
}
static const beam_dofn expect_full_batches_fn = { .name = "java.expect_full_batches",
                                                  .in = BEAM_ITERABLE(BEAM_INT64),
                                                  .process = expect_full_batches };
static void sharded_batches(beam_pipeline *p)
{
    string_int *all = calloc(MANY, sizeof *all);
    for (int i = 0; i < MANY; i++) all[i] = (string_int){ "key", i };
    beam_pcoll *in = create_string_ints(p, "In", all, MANY);
    free(all);
    beam_pcoll *out = beam_group_into_batches(in, "Batch", .size = 5, .sharded = true);
    beam_assert_that(beam_par_do(out, "Size", &sharded_batch_size_fn), "Out",
                     .matcher = &expect_full_batches_fn);
}

#define A(name) "PAssertTest." name
#define L(name) "ParDoLifecycleTest." name
#define B(name) "GroupIntoBatchesTest." name
#define FAILS(name, build, says) TEST(A(name), "UsesFailureMessage", build, .fails = (says))
#define STATEFUL_TORN_DOWN(name, build)                                                 \
    TEST(L(name), "UsesParDoLifecycle,UsesStatefulParDo", build, .needs = NEEDS_STATE,   \
         .fails = "failed on purpose", .check = is_torn_down)
#define ATTEMPTED(name, category, checked) \
    TEST("MetricsTest." name, "UsesAttemptedMetrics," category, measured, \
         .needs = NEEDS_METRICS, .check = checked)
#define TORN_DOWN(name, build) \
    TEST(L(name), "UsesParDoLifecycle", build, .fails = "failed on purpose", \
         .check = is_torn_down)
static const suite_test tests[] = {
    TEST(A("testSerializablePredicate"), "-", predicate),
    FAILS("testPAssertThatListSatisfiesOneMatcherFalse", predicate_false, "not all are positive"),
    TEST(A("testWindowedSerializablePredicate"), "-", windowed_predicate),
    TEST(A("testIsEqualTo"), "-", equal),
    TEST(A("testWindowedIsEqualTo"), "-", windowed_equal),
    FAILS("testPAssertEqualsSingletonFalse", not_equal, "44"),
    FAILS("testPAssertEqualsSingletonFailsForEmptyPCollection", singleton_of_none, "42"),
    FAILS("testPAssertEqualsSingletonFailsForNonSingletonPCollection", singleton_of_many,
          "2 elements"),
    TEST(A("testContainsInAnyOrder"), "-", in_any_order),
    FAILS("testContainsInAnyOrderFalse", in_any_order_false, "missing: \"7\""),
    TEST(A("testWindowedContainsInAnyOrder"), "-", in_window),
    TEST(A("testEmpty"), "-", empty),
    FAILS("testEmptyFalse", empty_false, "unexpected"),
    FAILS("testAssertionSiteIsCapturedWithMessage", in_any_order_false, "Contains"),
    TEST(A("testPAssertThatFlattened"), "-", flattened),
    TEST(A("testNotEqualTo"), "-", is_not_equal),
    TEST(A("testGlobalWindowContainsInAnyOrder"), "-", in_global_window),
    FAILS("testPAssertThatFlattenedFalse", flattened_false, "missing: \"7\""),
    TEST(A("testPAssertThatListSatisfiesOneMatcher"), "-", list_is_positive),
    TEST(A("testPAssertThatListSatisfiesMultipleMatchers"), "-", multiple_matchers),
    FAILS("testPAssertThatListSatisfiesMultipleMatchersFalse", multiple_matchers_false,
          "elements should be less than 0"),
    FAILS("testPAssertEqualsSingletonFalseDefaultReasonString", not_equal, "Equal"),
    FAILS("testEmptyFalseDefaultReasonString", empty_false, "Empty"),
    TEST("MetricsTest.testAllAttemptedMetrics",
         "UsesAttemptedMetrics,UsesCounterMetrics,UsesDistributionMetrics,UsesGaugeMetrics",
         measured, .needs = NEEDS_METRICS, .check = all_metrics),
    TEST("MetricsTest.testBoundedSourceMetricsInSplit",
         "UsesAttemptedMetrics,UsesCounterMetrics", measured_source,
         .needs = NEEDS_METRICS | NEEDS_SDF, .check = source_metrics),
    ATTEMPTED("testAttemptedCounterMetrics", "UsesCounterMetrics", counters),
    ATTEMPTED("testAttemptedDistributionMetrics", "UsesDistributionMetrics", distributions),
    ATTEMPTED("testAttemptedGaugeMetrics", "UsesGaugeMetrics", gauges),
    TEST(L("testFnCallSequence"), "UsesParDoLifecycle", call_sequence),
    TEST(L("testFnCallSequenceMulti"), "UsesParDoLifecycle", call_sequence_multi),
    TEST(L("testFnCallSequenceStateful"), "UsesParDoLifecycle,UsesStatefulParDo",
         call_sequence_stateful, .needs = NEEDS_STATE),
    TORN_DOWN("testTeardownCalledAfterExceptionInSetup", setup_fails),
    TORN_DOWN("testTeardownCalledAfterExceptionInStartBundle", start_fails),
    TORN_DOWN("testTeardownCalledAfterExceptionInProcessElement", process_fails),
    TORN_DOWN("testTeardownCalledAfterExceptionInFinishBundle", finish_fails),
    STATEFUL_TORN_DOWN("testTeardownCalledAfterExceptionInSetupStateful",
                       stateful_setup_fails),
    STATEFUL_TORN_DOWN("testTeardownCalledAfterExceptionInStartBundleStateful",
                       stateful_start_fails),
    STATEFUL_TORN_DOWN("testTeardownCalledAfterExceptionInProcessElementStateful",
                       stateful_process_fails),
    STATEFUL_TORN_DOWN("testTeardownCalledAfterExceptionInFinishBundleStateful",
                       stateful_finish_fails),
    TEST(B("testWithShardedKeyInGlobalWindow"), "-", sharded_batches, .needs = NEEDS_STATE),
    TEST(B("testInGlobalWindowBatchSizeCount"), "-", batch_count, .needs = NEEDS_STATE),
    TEST(B("testWithUnevenBatches"), "-", uneven_batches, .needs = NEEDS_STATE),
    TEST(B("testInGlobalWindowBatchSizeByteSize"), "-", batch_bytes, .needs = NEEDS_STATE),
    TEST(B("testMultipleLimitsAtOnceInGlobalWindowBatchSizeCountAndBatchSizeByteSize"), "-",
         batch_both, .needs = NEEDS_STATE),
    TEST(B("testInStreamingMode"), "UsesTestStream", batch_streaming,
         .needs = NEEDS_STATE | NEEDS_TEST_STREAM),
};
SUITE_TABLE(java_checks, "java", tests);
