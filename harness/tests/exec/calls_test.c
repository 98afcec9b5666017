/* SPDX-License-Identifier: Apache-2.0 */
/* DoFns with .rpc and .http, with a caller that is none: which one is taken, and what becomes
 * of elements when the worker ends. The calls themselves: sdk/tests/program. */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "beam/http.h"
#include "beam/rpc.h"
#include "exec/services.h"
#include "fixture.h"

/* -- a caller that answers with its name, or not at all -------------------------------------- */
typedef struct channel {
    const char *name;
    bool answers;
    void *pending[100];
    int64_t until_ms[100]; /* then it has not been answered in time */
    size_t n, n_closed, n_failing; /* so many results are failures */
} channel;
static const char *outcomes[30]; /* of these, from the end */
static channel channels[2]; /* rpc, http */
static int n_told;          /* of the ordered DoFn, whose second answer fails it */
static int tell_takes_ms;

static beam_span ask(const beam_dofn *fn, beam_ctx *c, beam_value in)
{
    (void)fn;
    return beam_format(c, "%lld", (long long)beam_as_int64(in));
}
static beam_status tell(const beam_dofn *fn, beam_ctx *c, beam_value in, beam_span answer)
{
    if (fn->rpc && fn->rpc->in_order) {
        answer = ask(fn, c, in);
        if (++n_told == 2) return beam_fail(c, BEAM_EUSER, "not yet");
    }
    const struct timespec pause = { 0, tell_takes_ms * 1000000L };
    if (tell_takes_ms) nanosleep(&pause, NULL);
    return beam_emit(c, beam_string(answer));
}
static void *open_rpc(const beam_dofn *fn, const char *target, beam_error *err)
{
    (void)fn, (void)err;
    ck_assert_str_eq(target, "test:1");
    return &channels[0];
}
static void *open_http(const beam_dofn *fn, const char *target, beam_error *err)
{
    (void)fn, (void)target, (void)err;
    return &channels[1];
}
static void *open_none(const beam_dofn *fn, const char *target, beam_error *err)
{
    (void)fn, (void)target;
    *err = (beam_error){ BEAM_EINVAL, "no token" };
    return NULL;
}
static void close_channel(void *self)
{
    channel *ch = self;
    ch->n_closed++;
    ch->n = 0;
}
static void start(void *self, beam_span request, int timeout_ms, void *tag)
{
    channel *ch = self;
    (void)request;
    ch->until_ms[ch->n] = bm_monotonic_ms() + timeout_ms;
    ch->pending[ch->n++] = tag;
}
static bool next(void *self, int wait_ms, bm_call_result *out)
{
    channel *ch = self;
    (void)wait_ms;
    if (!ch->answers || !ch->n) return false;
    *out = (bm_call_result){ .tag = ch->pending[--ch->n],
                             .text = beam_span_of(ch->name),
                             .outcome = "ok" };
    if (ch->n_failing) {
        out->outcome = outcomes[--ch->n_failing];
        out->status = BEAM_ERPC;
        out->transient = true;
        out->text = beam_span_of("not now");
    } else if (bm_monotonic_ms() > ch->until_ms[ch->n]) {
        out->outcome = "deadline_exceeded";
        out->status = BEAM_ETIMEOUT;
        out->transient = true;
    }
    return true;
}
static const char *service(const beam_dofn *fn, const char *target, bm_arena *arena)
{
    (void)fn;
    return bm_format(arena, "at %s", target);
}
static const char *method(const beam_dofn *fn, beam_span bytes)
{
    (void)bytes;
    return fn->rpc ? "M" : "GET";
}
#define CALLER(open)                                                 \
    {                                                                \
        ask, tell, open, close_channel, start, next, service, method \
    }
static const bm_caller rpc_caller = CALLER(open_rpc), http_caller = CALLER(open_http),
                       no_caller = CALLER(open_none);
static bm_callers callers;
static bm_services *services;
static bool over;

static bool is_over(void *self)
{
    (void)self;
    return over;
}
static void complete(fixture *f, bm_bundle_io *io)
{
    (void)f;
    io->callers = &callers;
    io->services = services;
    io->is_over = is_over;
}

/* -- DoFns ------------------------------------------------------------------------------------ */
static beam_span request(beam_ctx *c, beam_value in)
{
    (void)c;
    return beam_as_span(in);
}
static beam_status response(beam_ctx *c, beam_value in, beam_span answer)
{
    (void)c, (void)in, (void)answer;
    return BEAM_OK;
}
static beam_http_request http_request(beam_ctx *c, beam_value in)
{
    (void)c, (void)in;
    return (beam_http_request){ 0 };
}
static beam_status http_response(beam_ctx *c, beam_value in, const beam_http_answer *answer)
{
    (void)c, (void)in, (void)answer;
    return BEAM_OK;
}
static const beam_rpc_fn rpc = { .method = "/p.P/M", .request = request, .response = response };
static const beam_http_fn http = { .request = http_request, .response = http_response,
                                   .max_in_flight = 2 };
static const beam_dofn rpc_fn = { .name = "test.rpc", .in = BEAM_INT64, .out = BEAM_STRING,
                                  .rpc = &rpc };
static const beam_dofn http_fn = { .name = "test.http", .in = BEAM_INT64, .out = BEAM_STRING,
                                   .http = &http };
static beam_value text(beam_ctx *c, beam_value row)
{
    (void)c, (void)row;
    return beam_string(beam_span_of("failed"));
}
static const beam_dofn text_fn = { .name = "test.text", .in = BEAM_ANY, .out = BEAM_STRING,
                                   .map = text };
static const beam_rpc_fn ordered = { .method = "/p.P/M", .request = request,
                                     .response = response, .in_order = true };
static const beam_dofn ordered_fn = { .name = "test.ordered", .in = BEAM_INT64,
                                      .out = BEAM_STRING, .rpc = &ordered };
static const beam_http_fn patient = { .request = http_request,
                                      .response = http_response };
static const beam_dofn patient_fn = {
    .name = "test.patient", .in = BEAM_INT64, .out = BEAM_STRING, .http = &patient
};
static const beam_rpc_fn hasty = { .method = "/p.P/M", .request = request,
                                   .response = response, .timeout_ms = 200, .retries = 1 };
static const beam_dofn hasty_fn = { .name = "test.hasty", .in = BEAM_INT64,
                                    .out = BEAM_STRING, .rpc = &hasty };
static const beam_dofn *const fns[] = { &rpc_fn,   &http_fn,    &ordered_fn,
                                        &hasty_fn, &patient_fn, &text_fn };

static void init(fixture *f, const char *fn, unsigned attempts, bool answers)
{
    n_told = tell_takes_ms = 0;
    channels[0] = (channel){ .name = "by rpc", .answers = answers };
    channels[1] = (channel){ .name = "by http", .answers = answers };
    callers = (bm_callers){ &rpc_caller, &http_caller };
    if (!services) services = bm_services_new(NULL);
    over = false;
    fixture_init(f, fns, BEAM_COUNT(fns), NULL, 0);
    fixture_pcoll(f, "p1", "varint");
    fixture_pcoll(f, "p2", "string_utf8");
    fixture_pcoll(f, "bad", "failure");
    fixture_pcoll(f, "text", "string_utf8");
    fixture_source(f, "a", "p1", "varint", "global_window");
    fixture_calling_par_do(f, "b", fn, attempts, "in=p1", "beam.failures=bad out=p2");
    fixture_sink(f, "d", "p2", "string_utf8", "global_window");
    fixture_par_do(f, "e", "test.text", "", "in=bad", "out=text");
    fixture_sink(f, "f", "text", "string_utf8", "global_window");
    fixture_build(f);
    f->io.complete = complete;
    for (int i = 0; i < 5; i++) fixture_put(f, 0, beam_int64(i));
}

START_TEST(by_its_kind)
{
    fixture f;
    init(&f, "test.rpc", 1, true);
    fixture_run(&f);
    expect_output(&f, 0,
                  "\"by rpc\"\n\"by rpc\"\n\"by rpc\"\n\"by rpc\"\n\"by rpc\"\n");
    fixture_free(&f);
    ck_assert_uint_eq(channels[0].n_closed, 1);
    init(&f, "test.http", 1, true);
    fixture_run(&f);
    expect_output(&f, 0,
                  "\"by http\"\n\"by http\"\n\"by http\"\n\"by http\"\n\"by http\"\n");
    fixture_free(&f);
    ck_assert_uint_eq(channels[1].n_closed, 1);
}
END_TEST

/* Both where a full DoFn waits for room (http) and at the end (rpc); no element is to blame. */
START_TEST(the_worker_ends)
{
    static const char *const names[] = { "test.rpc", "test.http" };
    for (size_t i = 0; i < 2; i++) {
        fixture f;
        init(&f, names[i], 1, false);
        over = true;
        ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_ECANCELLED);
        expect_error(&f, i ? "the worker ends, and 2 calls are not answered"
                           : "the worker ends, and 5 calls are not answered");
        expect_output(&f, 1, "");
        fixture_free(&f);
        ck_assert_uint_eq(channels[i].n_closed, 1);
    }
}
END_TEST

/* A mistake in the set-up is not that of an element either. */
START_TEST(no_channel)
{
    fixture f;
    init(&f, "test.http", 1, true);
    callers.http = &no_caller;
    ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_EINVAL);
    expect_error(&f, "no token");
    expect_output(&f, 1, "");
    fixture_free(&f);
    ck_assert_uint_eq(channels[1].n_closed, 0);
}
END_TEST

/* The channel answers the latest first. */
START_TEST(a_second_attempt_keeps_its_place)
{
    fixture f;
    init(&f, "test.ordered", 2, true);
    fixture_run(&f);
    expect_output(&f, 0, "\"0\"\n\"1\"\n\"2\"\n\"3\"\n\"4\"\n");
    expect_output(&f, 1, "");
    ck_assert_int_eq(n_told, 6);
    fixture_free(&f);
}
END_TEST

/* Each try counts, by how it ended. */
START_TEST(tries_are_counted)
{
    fixture f;
    init(&f, "test.rpc", 1, true);
    outcomes[0] = outcomes[1] = "unavailable";
    channels[0].n_failing = 2;
    for (int bundle = 0; bundle < 2; bundle++) {
        fixture_run(&f);
        const char *all = fixture_metrics(&f);
        const char *const count =
            "beam:metric:io:api_request_count:v1 at test:1 M test:1 b ";
        ck_assert_ptr_nonnull(strstr(all, bm_format(&f.arena, "%sok 5\n", count)));
        const char *failed = strstr(all, bm_format(&f.arena, "%sunavailable", count));
        ck_assert_int_eq(failed != NULL, !bundle);
        ck_assert(!failed || strstr(failed, "unavailable 2\n"));
        ck_assert_ptr_nonnull(
            strstr(all, "beam:metric:io:api_request_latencies:v1 at test:1 M "
                        "test:1 b 8 "));
    }
    fixture_free(&f);
}
END_TEST

static int n_seen;
static char seen[300];

static void see(void *self, const bm_log_entry *entry)
{
    (void)self;
    n_seen++;
    snprintf(seen, sizeof seen, "%s", entry->message);
}

/* To those who do not see the runner's log too; once, whatever the number of calls. */
START_TEST(tries_are_told)
{
    static const bm_log people = { .write = see, .minimum = BEAM_LOG_DEBUG };
    bm_services_free(services);
    services = bm_services_new(&people);
    fixture f;
    init(&f, "test.rpc", 1, true);
    for (int bundle = 0; bundle < 2; bundle++) {
        outcomes[0] = outcomes[1] = "unavailable";
        channels[0].n_failing = 2;
        fixture_run(&f);
    }
    fixture_free(&f);
    ck_assert_int_eq(n_seen, 1);
    ck_assert_str_eq(seen,
                     "Transform 'Scope/b' (DoFn 'test.rpc') makes calls again: not now");
}
END_TEST

/* A service may say what it likes. */
START_TEST(so_many_outcomes_and_no_more)
{
    fixture f;
    init(&f, "test.patient", 1, true);
    for (size_t i = 0; i < BEAM_COUNT(outcomes); i++)
        outcomes[i] = bm_format(&f.arena, "%d", (int)i);
    channels[1].n_failing = BEAM_COUNT(outcomes);
    for (int i = 5; i < 30; i++) fixture_put(&f, 0, beam_int64(i)); /* each fails once */
    fixture_run(&f);
    const char *at = fixture_metrics(&f);
    int n = 0;
    ck_assert_ptr_nonnull(
        strstr(at, " other 36\n")); /* 6 failures, and those that are ok */
    for (; (at = strstr(at, "api_request_count")); at++) n++;
    ck_assert_int_eq(n, 25);
    fixture_free(&f);
}
END_TEST

/* While an answer goes on, nobody looks for the others. */
START_TEST(what_follows_is_slower_than_the_service)
{
    fixture f;
    init(&f, "test.hasty", 1, true);
    tell_takes_ms = 300;
    fixture_run(&f);
    expect_output(&f, 0,
                  "\"by rpc\"\n\"by rpc\"\n\"by rpc\"\n\"by rpc\"\n\"by rpc\"\n");
    fixture_free(&f);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { by_its_kind,
                                   the_worker_ends,
                                   no_channel,
                                   a_second_attempt_keeps_its_place,
                                   tries_are_counted,
                                   tries_are_told,
                                   so_many_outcomes_and_no_more,
                                   what_follows_is_slower_than_the_service };
    int failed = run_tests("calls", tests, BEAM_COUNT(tests));
    bm_services_free(services);
    return failed;
}
