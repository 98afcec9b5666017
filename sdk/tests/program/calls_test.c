/* SPDX-License-Identifier: Apache-2.0 */
/* DoFns with .rpc, against a gRPC server in this process: in the DoFn tester and on the local
 * runner. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "beam/beam.h"
#include "beam/testing.h"

/* -- the service ---------------------------------------------------------------------------- */
static beam_rpc_server *server;
static char address[64];
static beam_error err;
static atomic_int unavailable; /* so many calls are refused */
static atomic_int calls;
static _Atomic int64_t came_at[1000]; /* ms, by call */

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static beam_status fail_call(beam_error *e, beam_status status, const char *text)
{
    e->status = status;
    snprintf(e->message, sizeof e->message, "%s", text);
    return status;
}

/* "word" -> "WORD"; "bad" is refused for good. */
static beam_status shout(void *self, beam_span request, beam_writer *out, beam_error *e)
{
    (void)self;
    int i = atomic_fetch_add(&calls, 1);
    if (i < 1000) came_at[i] = now_ms();
    if (atomic_fetch_sub(&unavailable, 1) > 0) return fail_call(e, BEAM_ERPC, "come back later");
    if (beam_span_equal(request, beam_span_of("bad")))
        return fail_call(e, BEAM_EINVAL, "nobody says that");
    for (size_t k = 0; k < request.len; k++)
        beam_write_raw(out, &(char){ (char)(request.ptr[k] & ~0x20) }, 1);
    return BEAM_OK;
}

static const beam_rpc_method methods[] = { { "/p.P/Shout", shout } };

static void serve(const char *where)
{
    server = beam_rpc_serve(where, methods, BEAM_COUNT(methods), NULL, &err);
    ck_assert_msg(server != NULL, "%s", err.message);
    snprintf(address, sizeof address, "localhost:%d", beam_rpc_server_port(server));
}

static void setup(void)
{
    atomic_store(&unavailable, 0);
    atomic_store(&calls, 0);
    serve("localhost:0");
}

static void teardown(void)
{
    beam_rpc_server_stop(server);
}

/* -- the DoFns ------------------------------------------------------------------------------ */
/* "" is not asked about, "worse" fails before it is. */
static beam_span request(beam_ctx *c, beam_value in)
{
    beam_span word = beam_as_span(in);
    beam_counter_add(c, "requests", 1);
    if (!word.len) {
        beam_emit(c, beam_string(beam_span_of("nothing")));
        return (beam_span){ NULL, 0 };
    }
    if (beam_span_equal(word, beam_span_of("worse"))) beam_fail(c, BEAM_EUSER, "worse");
    return beam_format(c, BEAM_SPAN_FMT, BEAM_SPAN_ARG(word));
}

static beam_status response(beam_ctx *c, beam_value in, beam_span answer)
{
    BEAM_TRY(beam_emit(c, beam_string(beam_format(c, BEAM_SPAN_FMT "=" BEAM_SPAN_FMT,
                                                  BEAM_SPAN_ARG(beam_as_span(in)),
                                                  BEAM_SPAN_ARG(answer)))));
    beam_counter_add(c, "answers", 1);
    if (beam_span_equal(answer, beam_span_of("LATE"))) return beam_fail(c, BEAM_EUSER, "too late");
    return BEAM_OK;
}

#define DOFN(id, ...)                                                              \
    static const beam_rpc_fn id##_rpc = { .method = "/p.P/Shout", .request = request, \
                                          .response = response, __VA_ARGS__ };     \
    static const beam_dofn id##_fn = { .name = "test." #id, .in = BEAM_STRING,     \
                                       .out = BEAM_STRING, .rpc = &id##_rpc }
DOFN(shout, .max_in_flight = 0);
DOFN(four, .max_in_flight = 4);
DOFN(one, .max_in_flight = 1);
DOFN(ordered, .max_in_flight = 50, .in_order = true);
DOFN(quick, .timeout_ms = 100, .retries = -1);
DOFN(only_once, .retries = -1);
DOFN(stubborn, .timeout_ms = 20000, .retries = 4);
DOFN(cached, .cache_entries = 10);
DOFN(measured, .max_per_second = 100);
DOFN(measured_cached, .max_per_second = 20, .cache_entries = 10, .in_order = true);

static beam_status end(beam_ctx *c)
{
    beam_window window = { BEAM_MIN_TIMESTAMP, BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP + 1, { NULL, 0 } };
    return beam_emit_windowed(c, -1, beam_string(beam_span_of("end")), 5, &window);
}
static const beam_dofn windowed_fn = {
    .name = "test.windowed",
    .in = BEAM_STRING,
    .out = BEAM_STRING,
    .flags = BEAM_OBSERVES_WINDOW,
    .rpc = &shout_rpc,
};
static const beam_dofn ending_fn = {
    .name = "test.ending",
    .in = BEAM_STRING,
    .out = BEAM_STRING,
    .rpc = &shout_rpc,
    .finish_bundle = end,
};

/* -- one DoFn ------------------------------------------------------------------------------- */
static void add(beam_dofn_tester *t, const char *word, beam_millis at)
{
    beam_tester_add(t, beam_string(beam_span_of(word)), at);
}

static void run(beam_dofn_tester *t)
{
    ck_assert_msg(beam_tester_run(t) == BEAM_OK, "%s", beam_tester_error(t));
}

static void fails_with(beam_dofn_tester *t, const char *part, const char *other)
{
    ck_assert_int_ne(beam_tester_run(t), BEAM_OK);
    const char *text = beam_tester_error(t);
    ck_assert_msg(strstr(text, part) && strstr(text, other), "%s", text);
}

START_TEST(elements_keep_what_they_have)
{
    beam_dofn_tester *t =
        beam_dofn_tester_new(&windowed_fn, .target = address, .windows = beam_fixed(10));
    const beam_pane pane = { .is_first = true, .timing = BEAM_PANE_LATE, .index = 3,
                             .on_time_index = 2 };
    for (int i = 0; i < 600; i++)
        beam_tester_add_pane(t, beam_string(beam_span_of("ab")), i, pane);
    run(t);
    ck_assert_uint_eq(beam_tester_count(t, -1), 600);
    bool seen[600] = { false };
    for (size_t i = 0; i < 600; i++) {
        beam_tested one = beam_tester_at(t, -1, i);
        ck_assert(beam_span_equal(beam_as_span(one.value), beam_span_of("ab=AB")));
        ck_assert(!seen[one.timestamp]);
        seen[one.timestamp] = true;
        ck_assert_int_eq(one.window.start, one.timestamp - one.timestamp % 10);
        ck_assert_int_eq(one.pane.index, 3);
        ck_assert_int_eq(one.pane.timing, BEAM_PANE_LATE);
    }
    beam_dofn_tester_free(t);
}
END_TEST

/* drain DRAINING, traceparent "tp", tracestate "ts", value_kind DELETE, and a field that is not
 * known yet. */
static const beam_span metadata = { "\x08\x02\x12\x02tp\x1a\x02ts\x20\x04\x7a\x01z", 15 };

static beam_span ask_said(beam_ctx *c, beam_value in)
{
    ck_assert(beam_element_metadata(c).is_draining);
    return beam_as_span(in);
}
static beam_status tell_said(beam_ctx *c, beam_value in, beam_span answer)
{
    (void)in, (void)answer;
    beam_metadata m = beam_element_metadata(c);
    return beam_emit(c, beam_string(
                            beam_format(c, "%d " BEAM_SPAN_FMT " " BEAM_SPAN_FMT " %d",
                                        m.is_draining, BEAM_SPAN_ARG(m.traceparent),
                                        BEAM_SPAN_ARG(m.tracestate), m.value_kind)));
}
static const beam_rpc_fn said_rpc = { .method = "/p.P/Shout",
                                      .request = ask_said,
                                      .response = tell_said };
static const beam_dofn said_fn = {
    .name = "test.said", .in = BEAM_STRING, .out = BEAM_STRING, .rpc = &said_rpc
};

/* Also over a call that is made again, and while others wait. */
START_TEST(elements_keep_their_metadata)
{
    atomic_store(&unavailable, 1);
    beam_dofn_tester *t = beam_dofn_tester_new(&said_fn, .target = address);
    char bytes[15];
    memcpy(bytes, metadata.ptr, sizeof bytes);
    const beam_pane pane = { .timing = BEAM_PANE_LATE,
                             .index = 3,
                             .metadata = { bytes, 15 } };
    for (int i = 0; i < 3; i++)
        beam_tester_add_pane(t, beam_string(beam_span_of("a")), 7, pane);
    memset(bytes, 0, sizeof bytes); /* what was added is a copy */
    run(t);
    ck_assert_str_eq(beam_tester_lines(t, -1),
                     "1 tp ts 4 @7\n1 tp ts 4 @7\n1 tp ts 4 @7\n");
    for (size_t i = 0; i < 3; i++) {
        const beam_tested out = beam_tester_at(t, -1, i);
        ck_assert(beam_span_equal(out.pane.metadata, metadata));
        ck_assert_int_eq(out.pane.index, 3);
    }
    beam_dofn_tester_free(t);
}
END_TEST

START_TEST(in_order)
{
    beam_dofn_tester *t = beam_dofn_tester_new(&ordered_fn, .target = address);
    beam_rpc_server_delay(server, 3);
    for (int bundle = 0; bundle < 2; bundle++) {
        atomic_store(&unavailable, 3); /* the first three are answered last */
        for (int i = 0; i < 200; i++) add(t, "a", i);
        run(t);
        ck_assert_uint_eq(beam_tester_count(t, -1), 200);
        for (int i = 0; i < 200; i++)
            ck_assert_int_eq(beam_tester_at(t, -1, (size_t)i).timestamp, i);
        beam_tester_clear(t);
    }
    beam_dofn_tester_free(t);
}
END_TEST

START_TEST(no_call_and_the_end)
{
    beam_dofn_tester *t = beam_dofn_tester_new(&ending_fn, .target = address);
    add(t, "", 1);
    add(t, "a", 2);
    run(t);
    ck_assert_str_eq(beam_tester_lines(t, -1), "nothing @1\na=A @2\nend @5\n");
    ck_assert_int_eq(atomic_load(&calls), 1);
    run(t); /* an empty bundle */
    beam_dofn_tester_free(t);
}
END_TEST

START_TEST(so_many_and_no_more)
{
    const struct {
        const beam_dofn *fn;
        int most;
    } cases[] = { { &four_fn, 4 }, { &one_fn, 1 } };
    beam_rpc_server_delay(server, 40);
    for (size_t k = 0; k < BEAM_COUNT(cases); k++) {
        atomic_store(&calls, 0);
        beam_dofn_tester *t = beam_dofn_tester_new(cases[k].fn, .target = address);
        for (int i = 0; i < 12; i++) add(t, "a", i);
        run(t);
        ck_assert_uint_eq(beam_tester_count(t, -1), 12);
        for (int i = cases[k].most; i < 12; i++)
            ck_assert_int_ge(came_at[i] - came_at[i - cases[k].most], 35);
        beam_dofn_tester_free(t);
    }
}
END_TEST

START_TEST(a_call_that_fails)
{
    beam_dofn_tester *t = beam_dofn_tester_new(&shout_fn, .target = address);
    for (int i = 0; i < 100; i++) add(t, i == 50 ? "bad" : "a", i);
    fails_with(t, "failed on element \"bad\"", "/p.P/Shout at localhost:");
    ck_assert_ptr_nonnull(strstr(beam_tester_error(t), "nobody says that"));
    add(t, "a", 1);
    run(t); /* a new instance */
    ck_assert_str_eq(beam_tester_lines(t, -1), "a=A @1\n");
    beam_dofn_tester_free(t);
}
END_TEST

START_TEST(failing_with_calls_pending)
{
    beam_rpc_server_delay(server, 60000);
    beam_dofn_tester *t = beam_dofn_tester_new(&stubborn_fn, .target = address);
    for (int i = 0; i < 100; i++) add(t, i == 99 ? "worse" : "a", i);
    int64_t before = now_ms();
    fails_with(t, "failed on element \"worse\"", "worse");
    beam_dofn_tester_free(t);
    ck_assert_int_lt(now_ms() - before, 10000);
}
END_TEST

START_TEST(not_answered_in_time)
{
    beam_rpc_server_delay(server, 60000);
    beam_dofn_tester *t = beam_dofn_tester_new(&quick_fn, .target = address);
    add(t, "a", 1);
    fails_with(t, "/p.P/Shout at localhost:", "DEADLINE_EXCEEDED");
    beam_dofn_tester_free(t);
}
END_TEST

START_TEST(tried_again)
{
    atomic_store(&unavailable, 30);
    beam_dofn_tester *t = beam_dofn_tester_new(&shout_fn, .target = address);
    for (int i = 0; i < 20; i++) add(t, "a", i);
    run(t);
    ck_assert_uint_eq(beam_tester_count(t, -1), 20);
    ck_assert_int_eq(atomic_load(&calls), 50);
    ck_assert_int_eq(beam_tester_counter(t, "requests"), 20); /* asked for once */
    atomic_store(&unavailable, 1000);
    beam_tester_clear(t);
    beam_dofn_tester_free(t);

    t = beam_dofn_tester_new(&stubborn_fn, .target = address);
    add(t, "a", 1);
    fails_with(t, "come back later", "given up after 5 tries");
    beam_dofn_tester_free(t);
}
END_TEST

START_TEST(the_same_is_asked_once)
{
    beam_dofn_tester *t = beam_dofn_tester_new(&cached_fn, .target = address);
    beam_rpc_server_delay(server, 20);
    for (int bundle = 0; bundle < 2; bundle++) {
        atomic_store(&unavailable, 1);
        for (int i = 0; i < 100; i++) add(t, i % 2 ? "a" : "b", i);
        run(t);
    }
    ck_assert_uint_eq(beam_tester_count(t, -1), 200);
    ck_assert_int_eq(atomic_load(&calls), 3); /* one was made again */
    beam_dofn_tester_free(t);
}
END_TEST

/* By 100 a second, from a moment that was not before `start_ms`. */
static void expect_turns(int n, int64_t start_ms)
{
    for (int i = 0; i < n; i++) ck_assert_int_ge(came_at[i] - start_ms, 10 * i - 20);
}

/* 100 a second, of which each takes 300 ms: no wait for one another. */
START_TEST(so_many_a_second)
{
    enum { N = 40 };
    beam_dofn_tester *t = beam_dofn_tester_new(&measured_fn, .target = address);
    beam_rpc_server_delay(server, 300);
    atomic_store(&unavailable, 10); /* tries count */
    int64_t before = now_ms();
    for (int i = 0; i < N; i++) add(t, "a", i);
    run(t);
    ck_assert_uint_eq(beam_tester_count(t, -1), N);
    ck_assert_int_eq(atomic_load(&calls), N + 10);
    expect_turns(N + 10, before);
    ck_assert_int_lt(now_ms() - before, 4000);
    beam_dofn_tester_free(t);
}
END_TEST

START_TEST(kept_answers_are_not_measured)
{
    beam_dofn_tester *t = beam_dofn_tester_new(&measured_cached_fn, .target = address);
    int64_t before = now_ms();
    for (int i = 0; i < 900; i++) add(t, i % 3 == 0 ? "a" : i % 3 == 1 ? "b" : "", i);
    run(t);
    ck_assert_uint_eq(beam_tester_count(t, -1), 900);
    ck_assert_int_eq(atomic_load(&calls), 2);
    ck_assert_int_lt(now_ms() - before, 3000);
    beam_dofn_tester_free(t);
}
END_TEST

START_TEST(the_bundles_of_a_worker_share_the_limit)
{
    enum { N = 80 };
    static beam_value words[N];
    for (int i = 0; i < N; i++) words[i] = beam_string(beam_span_of("a"));
    beam_pipeline *p = beam_pipeline_new();
    beam_pcoll *in = beam_reshuffle(beam_create(p, "Words", BEAM_STRING, words, N),
                                    "Spread");
    beam_par_do(in, "Ask", &measured_fn, .target = address);
    int64_t before = now_ms();
    beam_status status = beam_test_run(p, .local = true, .err = &err, .bundle_size = 10,
                                       .parallelism = 4);
    ck_assert_msg(status == BEAM_OK, "%s", err.message);
    ck_assert_int_eq(atomic_load(&calls), N);
    expect_turns(N, before);
    beam_pipeline_free(p);
}
END_TEST

/* Whatever the number of calls and bundles: why, and where. */
START_TEST(that_calls_are_made_again_is_told_once)
{
    FILE *told = tmpfile();
    ck_assert_int_ge(dup2(fileno(told), STDERR_FILENO), 0);
    beam_dofn_tester *t = beam_dofn_tester_new(&shout_fn, .target = address);
    for (int bundle = 0; bundle < 3; bundle++) {
        atomic_store(&unavailable, 30);
        for (int i = 0; i < 20; i++) add(t, "a", i);
        run(t);
    }
    beam_dofn_tester_free(t);
    char text[4000] = "";
    rewind(told);
    size_t n = fread(text, 1, sizeof text - 1, told);
    text[n] = '\0';
    const char *first = strstr(text, "makes calls again: /p.P/Shout at localhost:");
    ck_assert_msg(first && strstr(text, "(DoFn 'test.shout')") &&
                      strstr(text, "come back later"),
                  "%s", text);
    ck_assert_ptr_null(strstr(first + 1, "makes calls again"));
    fclose(told);
}
END_TEST

static void *back_soon(void *where)
{
    nanosleep(&(struct timespec){ .tv_nsec = 500000000 }, NULL);
    serve(where);
    return NULL;
}

START_TEST(down_and_back)
{
    beam_dofn_tester *t = beam_dofn_tester_new(&shout_fn, .target = address);
    add(t, "a", 1);
    run(t);
    beam_rpc_server_stop(server);
    pthread_t thread;
    pthread_create(&thread, NULL, back_soon, address);
    for (int i = 0; i < 50; i++) add(t, "b", i);
    run(t);
    ck_assert_uint_eq(beam_tester_count(t, -1), 51);
    pthread_join(thread, NULL);
    beam_dofn_tester_free(t);
}
END_TEST

START_TEST(nobody_there)
{
    beam_dofn_tester *t = beam_dofn_tester_new(&only_once_fn, .target = "localhost:1");
    add(t, "a", 1);
    fails_with(t, "/p.P/Shout at localhost:1", "UNAVAILABLE");
    beam_dofn_tester_free(t);
}
END_TEST

/* -- pipelines ------------------------------------------------------------------------------ */
static beam_value failure_line(beam_ctx *c, beam_value row)
{
    return beam_string(beam_format(c, BEAM_SPAN_FMT " %d",
                                   BEAM_SPAN_ARG(beam_as_span(beam_list_at(row, 3))),
                                   (int)beam_as_int64(beam_list_at(row, 6))));
}
static const beam_dofn line_fn = { .name = "test.line", .in = BEAM_FAILURE,
                                   .out = BEAM_STRING, .map = failure_line };

START_TEST(errors_as_data)
{
    static const char *const words[] = { "a", "bad", "", "late", "worse", "b" };
    beam_pipeline *p = beam_pipeline_new();
    beam_pcoll *in = beam_create_strings(p, "Words", words, BEAM_COUNT(words)), *bad;
    beam_pcoll *good = beam_par_do(in, "Ask", &shout_fn, .target = address, .failures = &bad,
                                   .attempts = 3);
    beam_assert_that(good, "Good", .lines = "a=A\nb=B\nnothing");
    beam_assert_that(beam_map(bad, "Line", &line_fn), "Bad",
                     .lines = "\"bad\" 3\n\"late\" 3\n\"worse\" 3");
    beam_status status = beam_test_run(p, .local = true, .err = &err);
    ck_assert_msg(status == BEAM_OK, "%s", err.message);
    ck_assert_int_eq(beam_test_counter(p, "Ask", "requests"), 12);
    ck_assert_int_eq(beam_test_counter(p, "Ask", "answers"), 5);
    beam_pipeline_free(p);
}
END_TEST

START_TEST(many_bundles)
{
    enum { N = 5000 };
    static beam_value words[N];
    for (int i = 0; i < N; i++) words[i] = beam_string(beam_span_of("a"));
    beam_pipeline *p = beam_pipeline_new();
    beam_pcoll *in = beam_reshuffle(beam_create(p, "Words", BEAM_STRING, words, N), "Spread");
    beam_pcoll *out = beam_par_do(in, "Ask", &shout_fn, .target = address);
    beam_assert_that(beam_count_per_element(out, "Count"), "Counts",
                     .lines = "a=A: 5000");
    beam_status status =
        beam_test_run(p, .local = true, .err = &err, .bundle_size = 300, .parallelism = 4);
    ck_assert_msg(status == BEAM_OK, "%s", err.message);
    beam_pipeline_free(p);
}
END_TEST

/* Retries too; in the metrics of the job, under the step. */
START_TEST(calls_are_counted)
{
    static const char *const words[] = { "a", "bad", "c" };
    atomic_store(&unavailable, 2);
    beam_pipeline *p = beam_pipeline_new();
    beam_pcoll *bad, *in = beam_create_strings(p, "Words", words, BEAM_COUNT(words));
    beam_par_do(in, "Ask", &shout_fn, .target = address, .failures = &bad);
    beam_status status = beam_test_run(p, .local = true, .err = &err);
    ck_assert_msg(status == BEAM_OK, "%s", err.message);
    ck_assert_int_eq(beam_test_counter(p, "Ask", "Shout: ok"), 2);
    ck_assert_int_eq(beam_test_counter(p, "Ask", "Shout: unavailable"), 2);
    ck_assert_int_eq(beam_test_counter(p, "Ask", "Shout: invalid_argument"), 1);
    beam_pipeline_free(p);
}
END_TEST

START_TEST(a_job_fails_with_the_services_name)
{
    static const char *const words[] = { "a", "bad" };
    beam_pipeline *p = beam_pipeline_new();
    beam_par_do(beam_create_strings(p, "Words", words, 2), "Ask", &shout_fn, .target = address);
    ck_assert_int_ne(beam_test_run(p, .local = true, .err = &err), BEAM_OK);
    ck_assert_msg(strstr(err.message, "/p.P/Shout at localhost:") &&
                      strstr(err.message, "nobody says that"), "%s", err.message);
    beam_pipeline_free(p);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        elements_keep_what_they_have,
        elements_keep_their_metadata,
        in_order,
        no_call_and_the_end,
        so_many_and_no_more,
        a_call_that_fails,
        failing_with_calls_pending,
        not_answered_in_time,
        tried_again,
        the_same_is_asked_once,
        so_many_a_second,
        kept_answers_are_not_measured,
        the_bundles_of_a_worker_share_the_limit,
        that_calls_are_made_again_is_told_once,
        down_and_back,
        nobody_there,
        errors_as_data,
        many_bundles,
        calls_are_counted,
        a_job_fails_with_the_services_name,
    };
    TCase *tcase = tcase_create("calls");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    for (size_t i = 0; i < BEAM_COUNT(tests); i++) tcase_add_test(tcase, tests[i]);
    Suite *suite = suite_create("calls");
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
