/* SPDX-License-Identifier: Apache-2.0 */
/* Batch pipelines on the local runner: what comes out, failures, retries. */
#include <stdatomic.h>
#include <time.h>

#include "local_fixture.h"

static beam_status split_words(beam_ctx *c, beam_value line)
{
    beam_span text = beam_as_span(line);
    for (size_t at = 0, end; at < text.len; at = end + 1) {
        for (end = at; end < text.len && text.ptr[end] != ' '; end++) {
        }
        beam_value pair[] = { beam_string((beam_span){ text.ptr + at, end - at }),
                              beam_int64(1) };
        beam_counter_add(c, "words", 1);
        BEAM_TRY(beam_emit(c, beam_kv(pair)));
    }
    return BEAM_OK;
}

static const beam_dofn words_fn = { .name = "test.words",
                                    .in = BEAM_STRING,
                                    .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                    .process = split_words };

static beam_status count(beam_ctx *c, beam_value in)
{
    int64_t sum = 0;
    beam_iter *it = beam_as_iter(beam_val(in));
    for (beam_value v; beam_next(it, &v);) sum += beam_as_int64(v);
    return beam_emit_kv(c, beam_key(in), beam_int64(sum));
}

static const beam_dofn count_fn = { .name = "test.count",
                                    .in = BEAM_KV(BEAM_STRING, BEAM_ITERABLE(BEAM_INT64)),
                                    .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                    .process = count };

/* Fails so many times, after it has given something out. */
static atomic_int failures;

static beam_status fail_at_first(beam_ctx *c, beam_value in)
{
    BEAM_TRY(beam_emit(c, in));
    if (atomic_fetch_sub(&failures, 1) <= 0) return BEAM_OK;
    return beam_fail(c, BEAM_EUSER, "not today");
}

static const beam_dofn flaky_fn = {
    .name = "test.flaky", .in = BEAM_STRING, .out = BEAM_STRING, .process = fail_at_first
};

static const char *const lines[] = { "to be or not to be", "that is the question" };
#define COUNTED                                                                     \
    "KV{\"be\", 2} KV{\"is\", 1} KV{\"not\", 1} KV{\"or\", 1} KV{\"question\", 1} " \
    "KV{\"that\", 1} KV{\"the\", 1} KV{\"to\", 2}"

static beam_pcoll *make_lines(void)
{
    return beam_create_strings(p, "Lines", lines, BEAM_COUNT(lines));
}

static void build_count(void)
{
    beam_pcoll *words = beam_par_do(make_lines(), "Words", &words_fn);
    beam_pcoll *grouped = beam_group_by_key(words, "Group");
    beam_par_do(beam_par_do(grouped, "Count", &count_fn), "Collect", &collect_fn);
}

START_TEST(group_by_key)
{
    build_count();
    expect_done();
    expect_collected(COUNTED);
    ck_assert_int_eq(counter("words"), 10);
    ck_assert_uint_gt(result.n_bundles, 1);
}
END_TEST

START_TEST(lifted_combine)
{
    beam_pcoll *words = beam_par_do(make_lines(), "Words", &words_fn);
    beam_par_do(beam_combine_per_key(words, "Sum", &beam_sum_int64), "Collect",
                &collect_fn);
    expect_done();
    expect_collected(COUNTED);
}
END_TEST

START_TEST(small_bundles)
{
    job.opts.max_bundle_elements = 1;
    job.opts.parallelism = 4;
    build_count();
    expect_done();
    expect_collected(COUNTED);
}
END_TEST

/* Elements come bundle by bundle: none of them is old enough to fire before the end. */
START_TEST(trigger_waits_for_the_clock)
{
    job.opts.max_bundle_elements = 1;
    beam_pcoll *words = beam_par_do(make_lines(), "Words", &words_fn);
    beam_pcoll *waiting =
        beam_window_into(words, "Wait", beam_global(),
                         .trigger = BEAM_REPEAT(
                             BEAM_AFTER_PROCESSING_TIME(beam_minutes(10))));
    beam_pcoll *grouped = beam_group_by_key(waiting, "Group");
    beam_par_do(beam_par_do(grouped, "Count", &count_fn), "Collect", &collect_fn);
    expect_done();
    expect_collected(COUNTED);
}
END_TEST

START_TEST(flatten_twice_the_same)
{
    beam_pcoll *words = make_lines();
    beam_pcoll *both[] = { words, words };
    beam_par_do(beam_flatten(p, "Both", both, 2), "Collect", &collect_fn);
    expect_done();
    expect_collected("\"that is the question\" \"that is the question\" "
                     "\"to be or not to be\" \"to be or not to be\"");
}
END_TEST

START_TEST(failure_is_the_workers_own)
{
    atomic_store(&failures, 1);
    beam_par_do(make_lines(), "Flaky", &flaky_fn);
    ck_assert_int_eq(run_local(), BEAM_EUSER);
    ck_assert_msg(strstr(err.message, "not today") && strstr(err.message, "Flaky"), "%s",
                  err.message);
}
END_TEST

START_TEST(retried_bundle_gives_out_once)
{
    atomic_store(&failures, 3);
    job.opts.bundle_retries = 3;
    beam_pcoll *flaky = beam_par_do(make_lines(), "Flaky", &flaky_fn);
    beam_par_do(beam_reshuffle(flaky, "Shuffle"), "Collect", &collect_fn);
    expect_done();
    ck_assert_uint_eq(result.n_retries, 3);
    expect_collected("\"that is the question\" \"to be or not to be\"");
}
END_TEST

START_TEST(external_transforms_are_refused)
{
    beam_kafka_read(p, "Read", .servers = "localhost:9092", .topics = { "t" });
    ck_assert_int_ne(run_local(), BEAM_OK);
    ck_assert_msg(strstr(err.message, "another SDK"), "%s", err.message);
}
END_TEST

/* Wrong pipelines end in a sentence. */
START_TEST(bytes_that_are_no_pipeline)
{
    const bm_local_opts opts = { .log = bm_log_stderr };
    bm_arena arena;
    bm_arena_init(&arena, 0);
    bm_rpc *rpc = bm_rpc_new();
    ck_assert_int_eq(bm_local_run(rpc, beam_span_of("\x0a\xff"), &opts, &arena, &result,
                                  &err),
                     BEAM_EINVAL);
    ck_assert_msg(strstr(err.message, "not a Pipeline"), "%s", err.message);
    bm_rpc_free(rpc);
    bm_arena_free(&arena);
}
END_TEST

static beam_status never_end(beam_ctx *c, beam_value in)
{
    (void)in;
    for (int i = 0; i < 20; i++)
        nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
    beam_counter_add(c, "ends", 1);
    return BEAM_OK;
}

static const beam_dofn slow_fn = { .name = "test.slow",
                                   .in = BEAM_STRING,
                                   .process = never_end };

START_TEST(too_late)
{
    job.opts.timeout_ms = 200;
    beam_par_do(make_lines(), "Slow", &slow_fn);
    ck_assert_int_eq(run_local(), BEAM_ETIMEOUT);
    ck_assert_msg(strstr(err.message, "Slow is at watermark"), "%s", err.message);
}
END_TEST

START_TEST(cancelled)
{
    atomic_bool yes = true;
    job.opts.cancelled = &yes;
    build_count();
    ck_assert_int_eq(run_local(), BEAM_ECANCELLED);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        group_by_key,
        lifted_combine,
        small_bundles,
        trigger_waits_for_the_clock,
        flatten_twice_the_same,
        failure_is_the_workers_own,
        retried_bundle_gives_out_once,
        external_transforms_are_refused,
        cancelled,
        bytes_that_are_no_pipeline,
        too_late,
    };
    return run_suite("local_run", tests, BEAM_COUNT(tests));
}
