/* SPDX-License-Identifier: Apache-2.0 */
/* DoFns with .rpc or .http: the address travels with the step, and what does not fit is said. */
#include <math.h>
#include <stdio.h>

#include "beam/http.h"
#include "beam/rpc.h"
#include "graph_test.h"

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
static const beam_rpc_fn rpc = { .method = "/p.P/M", .request = request, .response = response };
static const beam_dofn ask_fn = {
    .name = "test.ask", .in = BEAM_STRING, .out = BEAM_STRING, .rpc = &rpc
};

static const beam_state_spec states[] = { BEAM_BAG_STATE("all", BEAM_INT64) };

START_TEST(an_address)
{
    beam_pcoll *bad, *asked = beam_par_do(words(), "Ask", &ask_fn, .target = "localhost:1",
                                          .failures = &bad);
    ck_assert_str_eq(asked->producer->target, "localhost:1");
    expect_type(asked, "STRING");
    expect_no_error();
}
END_TEST

static void refuse(const beam_dofn *fn, const char *target, const char *message)
{
    beam_pipeline_free(p);
    p = beam_pipeline_new();
    beam_pcoll *in = fn->states.n ? pairs() : words();
    beam_par_do(in, "Step", fn, .target = target);
    expect_error(BEAM_EINVAL, message);
}

START_TEST(addresses)
{
    static const char *const good[] = { "a:65535", "[::1]:1", "unix:/s", "dns:///a:1",
                                       "grpcs://a:443" },
                      *const bad[] = { "a:65536", "a:0",   "a:",       ":1",  "a:b",
                                       "a:1 ",    "a:-1",  "[::1]",    "a:+1",
                                       "http://a:1", "https://a:1",
                                       "grpcs://a", "grpcs://:1" };
    beam_pcoll *in = words();
    for (size_t i = 0; i < BEAM_COUNT(good); i++) {
        char name[] = { (char)('A' + (int)i), '\0' };
        beam_par_do(in, name, &ask_fn, .target = good[i]);
    }
    expect_no_error();
    for (size_t i = 0; i < BEAM_COUNT(bad); i++) {
        char message[200];
        snprintf(message, sizeof message,
                 "Step: DoFn 'test.ask' calls a service, and '%s' is no address: give its "
                 "address as .target = \"[grpcs://]host:port\"", bad[i]);
        refuse(&ask_fn, bad[i], message);
    }
}
END_TEST

START_TEST(what_does_not_fit)
{
    refuse(&ask_fn, NULL, "Step: DoFn 'test.ask' calls a service, and none is given: give its "
                          "address as .target = \"[grpcs://]host:port\"");
    refuse(&ask_fn, "localhost", "Step: DoFn 'test.ask' calls a service, and 'localhost' is no "
                                 "address: give its address as .target = \"[grpcs://]host:port\"");
    static const beam_dofn plain_fn = { .name = "test.plain", .in = BEAM_STRING,
                                        .process = test_process };
    refuse(&plain_fn, "localhost:1",
           "Step: .target is given, but DoFn 'test.plain' has neither .rpc nor .http");
    beam_rpc_fn part = rpc;
    beam_dofn fn = ask_fn;
    fn.rpc = &part;
    part.method = "M";
    refuse(&fn, "a:1", "Step: DoFn 'test.ask' has no method in its .rpc: give it as "
                       "\"/package.Service/Method\"");
    part = rpc;
    part.response = NULL;
    refuse(&fn, "a:1", "Step: DoFn 'test.ask' has no .response in its .rpc");
    part = rpc;
    part.max_in_flight = -1;
    refuse(&fn, "a:1", "Step: DoFn 'test.ask' has a negative number in its .rpc");
    part = rpc;
    part.max_in_flight = 100001;
    refuse(&fn, "a:1", "Step: DoFn 'test.ask' has more than 100000 for .max_in_flight or "
                       "10000000 for .cache_entries in its .rpc");
    static const double no_rates[] = { -1, 0.0001, NAN };
    for (size_t i = 0; i < BEAM_COUNT(no_rates); i++) {
        part = rpc;
        part.max_per_second = no_rates[i];
        refuse(&fn, "a:1", "Step: DoFn 'test.ask' has a .max_per_second in its .rpc that is "
                           "neither 0 nor at least 0.001");
    }
    beam_dofn stateful = ask_fn;
    stateful.in = BEAM_KV(BEAM_STRING, BEAM_INT64);
    stateful.states.at = states;
    stateful.states.n = 1;
    refuse(&stateful, "a:1",
           "Step: DoFn 'test.ask' has .rpc and state or timers: elements that wait for an "
           "answer do not have their key's state; put the two into steps of their own");
}
END_TEST

/* -- HTTP ----------------------------------------------------------------------------- */
static beam_http_request http_request(beam_ctx *c, beam_value in)
{
    (void)c;
    return (beam_http_request){ .path = beam_as_span(in) };
}
static beam_status http_response(beam_ctx *c, beam_value in, const beam_http_answer *answer)
{
    (void)c, (void)in, (void)answer;
    return BEAM_OK;
}
static const beam_http_fn http = { .request = http_request, .response = http_response };
static const beam_dofn get_fn = {
    .name = "test.get", .in = BEAM_STRING, .out = BEAM_STRING, .http = &http
};

START_TEST(a_url)
{
    beam_pcoll *got = beam_par_do(words(), "Get", &get_fn, .target = "https://a.example/v1");
    ck_assert_str_eq(got->producer->target, "https://a.example/v1");
    expect_type(got, "STRING");
    expect_no_error();
}
END_TEST

START_TEST(http_that_does_not_fit)
{
    refuse(&get_fn, NULL, "Step: DoFn 'test.get' calls a service, and none is given: give its "
                          "address as .target = \"http[s]://host[:port][/path]\"");
    refuse(&get_fn, "a:1", "Step: DoFn 'test.get' calls a service, and 'a:1' is no address: give "
                           "its address as .target = \"http[s]://host[:port][/path]\"");
    static const char *const secret[] = { "http://me:pass@a", "http://a/?key=pass" };
    for (size_t i = 0; i < 2; i++)
        refuse(&get_fn, secret[i],
               "Step: DoFn 'test.get' is given a .target with a user's name or a query in it: "
               "secrets are for .headers with .env, queries for the .path of requests");
    beam_dofn both = get_fn;
    both.rpc = &rpc;
    refuse(&both, "a:1", "Step: DoFn 'test.get' has more than one callback: set exactly one of "
                         ".process, .map, .keep, .timestamp, .partition, .rpc and .http");
    static const beam_http_header nameless = { .value = "x" };
    beam_http_fn part = http;
    beam_dofn fn = get_fn;
    fn.http = &part;
    part.request = NULL;
    refuse(&fn, "http://a", "Step: DoFn 'test.get' has no .request in its .http");
    part = http;
    part.response = NULL;
    refuse(&fn, "http://a", "Step: DoFn 'test.get' has no .response in its .http");
    part = http;
    part.headers.at = &nameless;
    part.headers.n = 1;
    refuse(&fn, "http://a", "Step: DoFn 'test.get' has a header without a name in its .http");
    part = http;
    part.accept[0] = 200;
    refuse(&fn, "http://a", "Step: DoFn 'test.get' has something else than statuses from 300 to "
                            "599 in .accept of its .http");
    part = http;
    part.max_body = -1;
    refuse(&fn, "http://a", "Step: DoFn 'test.get' has a negative number in its .http");
    part = http;
    part.cache_entries = 10000001;
    refuse(&fn, "http://a", "Step: DoFn 'test.get' has more than 100000 for .max_in_flight or "
                            "10000000 for .cache_entries in its .http");
    part = http;
    part.max_per_second = -0.5;
    refuse(&fn, "http://a", "Step: DoFn 'test.get' has a .max_per_second in its .http that is "
                            "neither 0 nor at least 0.001");
    part = http;
    part.cert_file = "";
    refuse(&fn, "https://a", "Step: DoFn 'test.get' has an empty name of a file in its .http");
    part.cert_file = NULL;
    part.key_file = "key";
    refuse(&fn, "https://a", "Step: DoFn 'test.get' has a key, but no .cert_file in its .http");
    part.key_password_env = "";
    refuse(&fn, "https://a",
           "Step: DoFn 'test.get' has an empty .key_password_env in its .http");
    fn = get_fn;
    fn.in = BEAM_KV(BEAM_STRING, BEAM_INT64);
    fn.states.at = states;
    fn.states.n = 1;
    refuse(&fn, "http://a",
           "Step: DoFn 'test.get' has .http and state or timers: elements that wait for an "
           "answer do not have their key's state; put the two into steps of their own");
}
END_TEST

RUN("calls", an_address, addresses, what_does_not_fit, a_url, http_that_does_not_fit)
