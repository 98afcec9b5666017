/* SPDX-License-Identifier: Apache-2.0 */
/* DoFns with .http, against a server in this process: in the DoFn tester and on the local
 * runner. */
#include <check.h>
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "beam/beam.h"
#include "beam/testing.h"
#include "http_server.h"

static beam_error err;

static void setup(void)
{
    http_server_start(0);
}

static void teardown(void)
{
    http_server_stop();
}

/* -- the DoFns ------------------------------------------------------------------------------ */
/* An element is a path, or a word that is to be shouted; "" is not asked about, "worse" fails
 * before it is. */
static beam_http_request request(beam_ctx *c, beam_value in)
{
    beam_span text = beam_as_span(in);
    beam_counter_add(c, "requests", 1);
    if (!text.len) {
        beam_emit(c, beam_string(beam_span_of("nothing")));
        return (beam_http_request){ 0 };
    }
    if (beam_span_equal(text, beam_span_of("worse"))) beam_fail(c, BEAM_EUSER, "worse");
    if (text.ptr[0] == '/') return (beam_http_request){ .path = text };
    return (beam_http_request){ .path = beam_format(c, "/shout/" BEAM_SPAN_FMT,
                                                    BEAM_SPAN_ARG(beam_http_escape(c, text))) };
}

static beam_http_request slow_request(beam_ctx *c, beam_value in)
{
    nanosleep(&(struct timespec){ 0, 20000000 }, NULL);
    return request(c, in);
}

static beam_status response(beam_ctx *c, beam_value in, const beam_http_answer *answer)
{
    beam_span body = answer->body;
    BEAM_TRY(beam_emit(c, beam_string(
        answer->status != 200
            ? beam_format(c, "%d", answer->status)
            : body.len > 200
                  ? beam_format(c, "%zu bytes", body.len)
                  : beam_format(c, BEAM_SPAN_FMT "=" BEAM_SPAN_FMT,
                                BEAM_SPAN_ARG(beam_as_span(in)), BEAM_SPAN_ARG(body)))));
    beam_counter_add(c, "answers", 1);
    if (beam_span_equal(body, beam_span_of("LATE"))) return beam_fail(c, BEAM_EUSER, "too late");
    return BEAM_OK;
}

#define DOFN(id, ...)                                                                       \
    static const beam_http_fn id##_http = { .request = request, .response = response,       \
                                            __VA_ARGS__ };                                  \
    static const beam_dofn id##_fn = { .name = "test." #id, .in = BEAM_STRING,              \
                                       .out = BEAM_STRING, .http = &id##_http }
DOFN(shout, .max_in_flight = 0);
DOFN(four, .max_in_flight = 4);
DOFN(many, .max_in_flight = 512);
DOFN(ordered, .max_in_flight = 50, .in_order = true);
DOFN(quick, .timeout_ms = 100, .retries = -1);
DOFN(once, .retries = -1);
DOFN(twice, .retries = 1);
DOFN(stubborn, .timeout_ms = 20000, .retries = 4);
DOFN(tolerant, .accept = { 404, 410, 503 });
DOFN(small, .max_body = 10, .retries = -1);
DOFN(following, .max_redirects = 2, .retries = -1);
DOFN(cached, .cache_entries = 2, .max_in_flight = 8);
DOFN(ageing, .cache_entries = 2, .cache_ttl_ms = 100);
DOFN(ordered_cached, .cache_entries = 10, .in_order = true);

static const beam_http_fn trickle_http = { .request = slow_request, .response = response,
                                           .timeout_ms = 400, .retries = -1 };
static const beam_dofn trickle_fn = { .name = "test.trickle", .in = BEAM_STRING,
                                      .out = BEAM_STRING, .http = &trickle_http };
static const beam_dofn windowed_fn = {
    .name = "test.windowed",
    .in = BEAM_STRING,
    .out = BEAM_STRING,
    .flags = BEAM_OBSERVES_WINDOW,
    .http = &shout_http,
};

/* -- one DoFn ------------------------------------------------------------------------------- */
static beam_dofn_tester *t;

static void test(const beam_dofn *fn)
{
    t = beam_dofn_tester_new(fn, .target = http.url);
}

static void add(const char *word, beam_millis at)
{
    beam_tester_add(t, beam_string(beam_span_of(word)), at);
}

static void run(void)
{
    ck_assert_msg(beam_tester_run(t) == BEAM_OK, "%s", beam_tester_error(t));
}

static void gives(const beam_dofn *fn, const char *word, const char *lines)
{
    test(fn);
    add(word, 1);
    run();
    ck_assert_str_eq(beam_tester_lines(t, -1), lines);
    beam_dofn_tester_free(t);
}

static void fails_with(const char *part, const char *other)
{
    ck_assert_int_ne(beam_tester_run(t), BEAM_OK);
    const char *text = beam_tester_error(t);
    ck_assert_msg(strstr(text, part) && strstr(text, other), "%s", text);
    beam_dofn_tester_free(t);
}

static void fails(const beam_dofn *fn, const char *word, const char *part)
{
    test(fn);
    add(word, 1);
    fails_with(part, "failed on element");
}

START_TEST(elements_keep_what_they_have)
{
    ck_assert_ptr_null(dlopen("libcurl.so.4", RTLD_NOW | RTLD_NOLOAD)); /* not before a call */
    t = beam_dofn_tester_new(&windowed_fn, .target = http.url, .windows = beam_fixed(10));
    const beam_pane pane = { .is_first = true, .timing = BEAM_PANE_LATE, .index = 3,
                             .on_time_index = 2 };
    for (int i = 0; i < 600; i++)
        beam_tester_add_pane(t, beam_string(beam_span_of("ab")), i, pane);
    run();
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
    ck_assert_int_eq(http.requests, 600);
    beam_dofn_tester_free(t);
}
END_TEST

START_TEST(in_order)
{
    test(&ordered_fn);
    http.delay_ms = 3;
    http.refusal = "503 Busy";
    for (int bundle = 0; bundle < 2; bundle++) {
        http.refused = 3; /* the first three are answered last */
        for (int i = 0; i < 200; i++) add("a", i);
        run();
        ck_assert_uint_eq(beam_tester_count(t, -1), 200);
        for (int i = 0; i < 200; i++)
            ck_assert_int_eq(beam_tester_at(t, -1, (size_t)i).timestamp, i);
        beam_tester_clear(t);
    }
    beam_dofn_tester_free(t);
}
END_TEST

START_TEST(no_request)
{
    gives(&shout_fn, "", "nothing @1\n");
    ck_assert_int_eq(http.requests, 0);
}
END_TEST

START_TEST(all_at_once)
{
    test(&many_fn);
    http.held_until = 450;
    for (int i = 0; i < 700; i++) add("a", i);
    run();
    ck_assert_uint_eq(beam_tester_count(t, -1), 700);
    ck_assert_int_le(http.most_at_once, 512);
    ck_assert_int_ge(http.most_at_once, 450);
    beam_dofn_tester_free(t);
}
END_TEST

START_TEST(connections_are_kept)
{
    test(&four_fn);
    for (int bundle = 0; bundle < 3; bundle++) {
        for (int i = 0; i < 50; i++) add("a", i);
        run();
    }
    ck_assert_uint_eq(beam_tester_count(t, -1), 150);
    ck_assert_int_le(http.most_at_once, 4);
    ck_assert_int_le(http.connections, 4);
    beam_dofn_tester_free(t);
}
END_TEST

/* -- what is sent --------------------------------------------------------------------------- */
static char sent[4000];

static beam_http_request ask_whole(beam_ctx *c, beam_value in)
{
    static const beam_http_header headers[] = { { .name = "X-Empty" },
                                                { .name = "X-Own", .value = "of this one" } };
    beam_span word = beam_http_escape(c, beam_as_span(in));
    beam_span path = beam_format(c, "/echo/" BEAM_SPAN_FMT "?q=" BEAM_SPAN_FMT,
                                 BEAM_SPAN_ARG(word), BEAM_SPAN_ARG(word));
    return (beam_http_request){ .path = path, .method = "PUT", .headers = BEAM_TABLE(headers),
                                .body = beam_as_span(in) };
}

static beam_http_request ask_path(beam_ctx *c, beam_value in)
{
    (void)c;
    return (beam_http_request){ .path = beam_as_span(in) };
}

static beam_http_request post(beam_ctx *c, beam_value in)
{
    (void)c;
    return (beam_http_request){ .path = beam_as_span(in), .body = beam_span_of("{}") };
}

static beam_http_request head(beam_ctx *c, beam_value in)
{
    (void)c;
    return (beam_http_request){ .path = beam_as_span(in), .method = "HEAD" };
}

static beam_status keep_body(beam_ctx *c, beam_value in, const beam_http_answer *answer)
{
    (void)c, (void)in;
    snprintf(sent, sizeof sent, BEAM_SPAN_FMT, BEAM_SPAN_ARG(answer->body));
    ck_assert_int_eq(answer->status, 200);
    ck_assert(beam_span_equal(beam_http_header_of(answer, "content-TYPE"),
                              beam_span_of("text/plain")));
    ck_assert(beam_span_equal(beam_http_header_of(answer, "X-Two"), beam_span_of("a b")));
    ck_assert_ptr_null(beam_http_header_of(answer, "X").ptr);
    return BEAM_OK;
}

static const beam_http_header secrets[] = { { "Authorization", "Bearer ", "TEST_TOKEN" } };
#define ASKING(id, asks, ...)                                                              \
    static const beam_http_fn id##_http = { .request = asks, .response = keep_body,        \
                                            .retries = -1, __VA_ARGS__ };                  \
    static const beam_dofn id##_fn = { .name = "test." #id, .in = BEAM_STRING, .out = NULL, \
                                       .http = &id##_http }
ASKING(whole, ask_whole, .headers = BEAM_TABLE(secrets));
ASKING(path, ask_path, .headers = BEAM_TABLE(secrets));
ASKING(post, post, .max_redirects = 5);

static void sends(const beam_dofn *fn, const char *element)
{
    sent[0] = '\0';
    test(fn);
    add(element, 1);
    run();
    beam_dofn_tester_free(t);
}

static bool was_sent(const char *part)
{
    return strstr(sent, part);
}

START_TEST(requests)
{
    setenv("TEST_TOKEN", "s3cret", 1);
    sends(&whole_fn, "\xc3\xa4/ b&../%");
    ck_assert(was_sent("PUT /echo/%C3%A4%2F%20b%26..%2F%25?q=%C3%A4%2F%20b%26..%2F%25 HTTP/1.1\r\n"));
    ck_assert(was_sent("\r\nAuthorization: Bearer s3cret\r\n"));
    ck_assert(was_sent("\r\nX-Own: of this one\r\n"));
    ck_assert(was_sent("\r\nX-Empty:\r\n"));
    ck_assert(was_sent("\r\n\r\n\xc3\xa4/ b&../%"));
    ck_assert(!was_sent("Expect:") && !was_sent("Content-Type:"));
    sends(&path_fn, "/echo/../a");
    ck_assert(was_sent("GET /echo/../a HTTP/1.1\r\n"));
    ck_assert(was_sent("\r\nAuthorization: Bearer s3cret\r\n"));
    ck_assert(!was_sent("Content-Length"));
    sends(&post_fn, "/echo/");
    ck_assert(was_sent("POST /echo/ HTTP/1.1\r\n") && was_sent("\r\n\r\n{}"));
}
END_TEST

START_TEST(a_target_with_a_path)
{
    char url[100];
    snprintf(url, sizeof url, "%s/echo//", http.url);
    t = beam_dofn_tester_new(&post_fn, .target = url);
    add("?a=b", 1), run();
    ck_assert(was_sent("POST /echo?a=b HTTP/1.1\r\n"));
    add("/v1?a=b", 1), run();
    ck_assert(was_sent("POST /echo/v1?a=b HTTP/1.1\r\n"));
    beam_dofn_tester_free(t);
}
END_TEST

/* One handle for requests of several kinds. */
static beam_http_request by_turns(beam_ctx *c, beam_value in)
{
    return beam_timestamp(c) % 3 == 0 ? head(c, in)
           : beam_timestamp(c) % 3 == 1 ? post(c, in)
                                        : ask_path(c, in);
}
DOFN(turns, .max_in_flight = 1);

START_TEST(a_handle_is_used_again)
{
    beam_http_fn http_fn = turns_http;
    http_fn.request = by_turns;
    beam_dofn fn = turns_fn;
    fn.http = &http_fn;
    test(&fn);
    for (int i = 0; i < 9; i++) add("/large/5", i);
    run();
    ck_assert_str_eq(beam_tester_lines(t, -1),
                     "/large/5= @0\n/large/5=xxxxx @1\n/large/5=xxxxx @2\n"
                     "/large/5= @3\n/large/5=xxxxx @4\n/large/5=xxxxx @5\n"
                     "/large/5= @6\n/large/5=xxxxx @7\n/large/5=xxxxx @8\n");
    beam_dofn_tester_free(t);
}
END_TEST

START_TEST(requests_that_are_none)
{
    static const char *const paths[] = { "@evil.example/", "/a b", "/a\r\nX: y", "/\xc3\xa4",
                                         "/a#b", "echo" };
    setenv("TEST_TOKEN", "s3cret", 1);
    for (size_t i = 0; i < BEAM_COUNT(paths); i++) fails(&path_fn, paths[i], "percent-encoding");
    ck_assert_int_eq(http.requests, 0);
}
END_TEST

START_TEST(secrets_are_not_shown)
{
    setenv("TEST_TOKEN", "s3cret", 1);
    test(&path_fn);
    add("/none/a?key=hidden", 1);
    ck_assert_int_ne(beam_tester_run(t), BEAM_OK);
    char *reason = strstr(beam_tester_error(t), "GET ");
    ck_assert_msg(reason && strstr(reason, "/none/a: HTTP status 404"), "%s",
                  beam_tester_error(t));
    ck_assert(!strstr(reason, "hidden") && !strstr(reason, "s3cret"));
    beam_dofn_tester_free(t);

    setenv("TEST_TOKEN", "s3cret\nX: y", 1);
    test(&path_fn);
    add("/none/a", 1);
    ck_assert_int_ne(beam_tester_run(t), BEAM_OK);
    ck_assert(strstr(beam_tester_error(t), "TEST_TOKEN"));
    ck_assert(!strstr(beam_tester_error(t), "s3cret"));
    beam_dofn_tester_free(t);

    unsetenv("TEST_TOKEN");
    test(&path_fn);
    add("/none/a", 1);
    fails_with("header 'Authorization' takes the environment variable TEST_TOKEN",
               "which this worker does not have");
    ck_assert_int_eq(http.requests, 1);
}
END_TEST

/* -- failures ------------------------------------------------------------------------------- */
START_TEST(statuses)
{
    fails(&shout_fn, "/none/a", "/none/a: HTTP status 404");
    fails(&shout_fn, "/status/400", "HTTP status 400"); /* whatever its body */
    gives(&tolerant_fn, "/none/a", "404 @1\n");
    ck_assert_int_eq(http.requests, 3);
    http.refusal = "503 Busy";
    http.refused = 1;
    gives(&tolerant_fn, "a", "503 @1\n"); /* an answer: not tried again */
    fails(&once_fn, "/status/501", "HTTP status 501");
}
END_TEST

START_TEST(a_request_that_fails)
{
    test(&shout_fn);
    for (int i = 0; i < 100; i++) add(i == 50 ? "/none/a" : "a", i);
    ck_assert_int_ne(beam_tester_run(t), BEAM_OK);
    ck_assert(strstr(beam_tester_error(t), "failed on element \"/none/a\": GET http://localhost:"));
    add("a", 1);
    run(); /* a new instance */
    ck_assert_str_eq(beam_tester_lines(t, -1), "a=A @1\n");
    beam_dofn_tester_free(t);
}
END_TEST

START_TEST(failing_with_requests_pending)
{
    http.delay_ms = 30000;
    int64_t before = http_now_ms();
    test(&stubborn_fn);
    for (int i = 0; i < 100; i++) add(i == 99 ? "worse" : "a", i);
    fails_with("failed on element \"worse\"", "worse");
    ck_assert_int_lt(http_now_ms() - before, 10000);
}
END_TEST

START_TEST(not_answered_in_time)
{
    http.delay_ms = 30000;
    fails(&quick_fn, "a", "GET http://localhost:");
    int64_t before = http_now_ms();
    test(&quick_fn);
    add("a", 1);
    fails_with("timed out", "/shout/a: ");
    ck_assert_int_lt(http_now_ms() - before, 5000);
}
END_TEST

/* Elements that come slowly: answers are taken meanwhile. */
START_TEST(slow_elements)
{
    test(&trickle_fn);
    for (int i = 0; i < 60; i++) add("a", i);
    run();
    ck_assert_uint_eq(beam_tester_count(t, -1), 60);
    beam_dofn_tester_free(t);
}
END_TEST

START_TEST(tried_again)
{
    http.refusal = "503 Busy";
    http.refused = 30;
    test(&shout_fn);
    for (int i = 0; i < 20; i++) add("a", i);
    run();
    ck_assert_uint_eq(beam_tester_count(t, -1), 20);
    ck_assert_int_eq(http.requests, 50);
    ck_assert_int_eq(beam_tester_counter(t, "requests"), 20); /* asked for once */
    beam_dofn_tester_free(t);
    http.refused = 1000;
    test(&stubborn_fn);
    add("a", 1);
    fails_with("HTTP status 503", "given up after 5 tries");
}
END_TEST

START_TEST(retry_after)
{
    http.refusal = "429 Slowly\r\nRetry-After: 1";
    http.refused = 1;
    gives(&shout_fn, "a", "a=A @1\n");
    ck_assert_int_eq(http.requests, 2);
    ck_assert_int_ge(http.came_at[1] - http.came_at[0], 1000);
    ck_assert_int_lt(http.came_at[1] - http.came_at[0], 3000);
}
END_TEST

START_TEST(connections_that_end)
{
    fails(&twice_fn, "/die/10", "given up after 2 tries");
    ck_assert_int_eq(http.requests, 2);
    fails(&twice_fn, "/drop", "given up after 2 tries");
    fails(&twice_fn, "/cut", "given up after 2 tries");
}
END_TEST

START_TEST(nobody_there)
{
    t = beam_dofn_tester_new(&twice_fn, .target = "http://localhost:1");
    add("a", 1);
    fails_with("GET http://localhost:1/shout/a: ", "given up after 2 tries");
    t = beam_dofn_tester_new(&twice_fn, .target = "http://nobody.invalid");
    for (int i = 0; i < 50; i++) add("a", i);
    fails_with("GET http://nobody.invalid/shout/a: the host has no address",
               "given up after 2 tries");
}
END_TEST

static void *back_soon(void *port)
{
    nanosleep(&(struct timespec){ .tv_nsec = 500000000 }, NULL);
    http_server_start((int)(intptr_t)port);
    return NULL;
}

START_TEST(down_and_back)
{
    http_server_stop();
    pthread_t thread;
    pthread_create(&thread, NULL, back_soon, (void *)(intptr_t)http.port);
    test(&shout_fn);
    for (int i = 0; i < 50; i++) add("b", i);
    run();
    ck_assert_uint_eq(beam_tester_count(t, -1), 50);
    pthread_join(thread, NULL);
    beam_dofn_tester_free(t);
}
END_TEST

START_TEST(bodies)
{
    gives(&small_fn, "/large/10", "/large/10=xxxxxxxxxx @1\n");
    gives(&small_fn, "/chunked/10", "/chunked/10=xxxxxxxxxx @1\n");
    gives(&small_fn, "/large/0", "/large/0= @1\n");
    fails(&small_fn, "/trailer", "HTTP status 200");
    fails(&small_fn, "/large/11", "the answer is longer than .max_body, 10 bytes");
    fails(&small_fn, "/chunked/11", "the answer is longer than .max_body, 10 bytes");
    gives(&small_fn, "/header/60000", "/header/60000= @1\n");
    fails(&small_fn, "/header/90000", "the answer has too many headers");
    fails(&small_fn, "/header/300000", "the answer has too many headers");
    gives(&shout_fn, "/large/1048576", "1048576 bytes @1\n");
    fails(&shout_fn, "/large/1048577", "the answer is longer than .max_body, 1048576 bytes");
}
END_TEST

START_TEST(redirects)
{
    fails(&once_fn, "/moved/302/shout/a", "HTTP status 302, a redirect");
    gives(&following_fn, "/moved/302/shout/a", "/moved/302/shout/a=A @1\n");
    gives(&following_fn, "/moved/302/moved/307/shout/a",
          "/moved/302/moved/307/shout/a=A @1\n");
    fails(&following_fn, "/moved/302/moved/302/moved/302/shout/a", "after .max_redirects");
    fails(&following_fn, "/away", "a redirect to another host");
    sends(&post_fn, "/moved/307/echo/");
    ck_assert(was_sent("POST /echo/ HTTP/1.1\r\n") && was_sent("\r\n\r\n{}"));
    sends(&post_fn, "/seeother");
    ck_assert(was_sent("GET /echo/other HTTP/1.1\r\n") && !was_sent("{}"));
}
END_TEST

/* -- the cache ------------------------------------------------------------------------------ */
START_TEST(the_same_is_asked_once)
{
    http.delay_ms = 20;
    test(&cached_fn);
    for (int i = 0; i < 100; i++) add(i % 2 ? "a" : "b", i);
    run();
    ck_assert_uint_eq(beam_tester_count(t, -1), 100);
    ck_assert_int_eq(http.requests, 2);
    bool seen[100] = { false };
    for (size_t i = 0; i < 100; i++) {
        beam_tested one = beam_tester_at(t, -1, i);
        ck_assert(!seen[one.timestamp]);
        seen[one.timestamp] = true;
        ck_assert(beam_span_equal(beam_as_span(one.value),
                                  beam_span_of(one.timestamp % 2 ? "a=A" : "b=B")));
    }
    beam_tester_clear(t);
    add("c", 1), run(); /* "a" or "b" goes */
    add("a", 2), add("b", 3), run();
    ck_assert_uint_eq(beam_tester_count(t, -1), 3);
    ck_assert_int_ge(http.requests, 4);
    beam_dofn_tester_free(t);
}
END_TEST

START_TEST(answers_age)
{
    test(&ageing_fn);
    add("a", 1), run();
    add("a", 2), run();
    ck_assert_int_eq(http.requests, 1);
    usleep(150000);
    add("a", 3), run();
    ck_assert_int_eq(http.requests, 2);
    beam_dofn_tester_free(t);
}
END_TEST

START_TEST(a_cache_in_order)
{
    http.delay_ms = 5;
    test(&ordered_cached_fn);
    add("a", 0), run();
    for (int i = 1; i < 300; i++) add(i % 3 ? "a" : i % 2 ? "b" : "c", i);
    run();
    ck_assert_uint_eq(beam_tester_count(t, -1), 300);
    for (int i = 0; i < 300; i++) {
        beam_tested one = beam_tester_at(t, -1, (size_t)i);
        ck_assert_int_eq(one.timestamp, i);
        ck_assert(beam_span_equal(beam_as_span(one.value),
                                  beam_span_of(i == 0 || i % 3 ? "a=A" : i % 2 ? "b=B" : "c=C")));
    }
    ck_assert_int_eq(http.requests, 3);
    beam_dofn_tester_free(t);
}
END_TEST

START_TEST(failures_are_not_kept)
{
    http.refusal = "400 No";
    http.refused = 1;
    test(&cached_fn);
    for (int i = 0; i < 5; i++) add("a", i);
    ck_assert_int_ne(beam_tester_run(t), BEAM_OK);
    ck_assert_int_eq(http.requests, 1);
    add("a", 1), run();
    ck_assert_int_eq(http.requests, 2);
    beam_dofn_tester_free(t);
}
END_TEST

/* -- TLS ------------------------------------------------------------------------------------ */
/* A server with a certificate of its own making, by the openssl program; with `options` too. */
static struct tls_server {
    char folder[30], url[100], cert[60], key[60];
    pid_t pid;
    int port;
} tls_server;

static bool make_certificates(void)
{
    char command[2000];
    snprintf(
        command, sizeof command,
        "cd %s && exec >log 2>&1; for n in localhost client; do openssl req -x509 -newkey ec "
        "-pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout $n.key -out $n.pem -days 2 "
        "-subj /CN=$n -addext subjectAltName=DNS:$n || exit 1; done; "
        "cat client.pem client.key >both; "
        "openssl ec -in client.key -aes128 -passout pass:s3cret -out locked.key",
        tls_server.folder);
    return !system(command);
}

static void find_port(void)
{
    char file[100], text[200];
    snprintf(file, sizeof file, "%s/out", tls_server.folder);
    for (int i = 0; i < 100 && !tls_server.port; i++) {
        usleep(50000);
        FILE *out = fopen(file, "r");
        while (out && !tls_server.port && fgets(text, sizeof text, out))
            (void)sscanf(text, "ACCEPT 127.0.0.1:%d", &tls_server.port);
        if (out) fclose(out);
    }
}

static bool start_tls(const char *options)
{
    tls_server = (struct tls_server){ .folder = "/tmp/http_test-XXXXXX" };
    ck_assert_ptr_nonnull(mkdtemp(tls_server.folder));
    if (!make_certificates()) return false;
    tls_server.pid = fork();
    if (!tls_server.pid) {
        char command[1000];
        snprintf(command, sizeof command,
                 "cd %s && exec openssl s_server -accept 127.0.0.1:0 "
                 "-key localhost.key -cert localhost.pem -www %s >out 2>&1 </dev/null",
                 tls_server.folder, options);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(1);
    }
    find_port();
    snprintf(tls_server.url, sizeof tls_server.url, "https://localhost:%d",
             tls_server.port);
    snprintf(tls_server.cert, sizeof tls_server.cert, "%s/localhost.pem",
             tls_server.folder);
    return tls_server.port;
}

static void stop_tls(void)
{
    char command[100];
    if (tls_server.pid) {
        kill(tls_server.pid, SIGTERM);
        waitpid(tls_server.pid, NULL, 0);
    }
    snprintf(command, sizeof command, "rm -r %s", tls_server.folder);
    ck_assert_int_eq(system(command), 0);
}

static beam_http_fn secure_http;
static beam_dofn secure_fn;

static void test_tls(void)
{
    secure_fn = once_fn;
    secure_fn.http = &secure_http;
    t = beam_dofn_tester_new(&secure_fn, .target = tls_server.url);
    add("/", 1);
}

static void succeeds(void)
{
    test_tls();
    run();
    ck_assert_uint_eq(beam_tester_count(t, -1), 1);
    beam_dofn_tester_free(t);
}

START_TEST(tls)
{
    if (start_tls("")) {
        secure_http = once_http;
        test_tls();
        fails_with("certificate", tls_server.url);
        secure_http.ca_file = tls_server.cert;
        succeeds();
        secure_http.ca_file = NULL;
        setenv("SSL_CERT_FILE", tls_server.cert, 1);
        succeeds();
        secure_http.ca_file = "$TEST_CA";
        setenv("TEST_CA", tls_server.cert, 1);
        unsetenv("SSL_CERT_FILE");
        succeeds();
        setenv("TEST_CA", "/nowhere/ca", 1);
        test_tls();
        fails_with("the file '/nowhere/ca' of .ca_file cannot be read", "No such file");
        unsetenv("TEST_CA");
        test_tls();
        fails_with(".ca_file is '$TEST_CA', and this worker has no such variable",
                   "set it to the path of the file");
    }
    stop_tls();
}
END_TEST

/* The server wants to see a certificate, by one authority. */
START_TEST(client_certificates)
{
    char cert[60], key[60], both[60], locked[60];
    if (start_tls("-Verify 1 -verify_return_error -CAfile client.pem")) {
        snprintf(cert, sizeof cert, "%s/client.pem", tls_server.folder);
        snprintf(key, sizeof key, "%s/client.key", tls_server.folder);
        snprintf(both, sizeof both, "%s/both", tls_server.folder);
        snprintf(locked, sizeof locked, "%s/locked.key", tls_server.folder);
        secure_http = once_http;
        secure_http.ca_file = tls_server.cert;
        test_tls();
        fails_with("GET https://localhost:", "alert");
        secure_http.cert_file = cert;
        secure_http.key_file = key;
        succeeds();
        secure_http.cert_file = both;
        secure_http.key_file = NULL;
        succeeds();
        secure_http.cert_file = tls_server.cert; /* another one's */
        secure_http.key_file = key;
        test_tls();
        fails_with("GET https://localhost:", "private key");
        secure_http.cert_file = cert;
        secure_http.key_file = locked;
        secure_http.key_password_env = "TEST_PASSWORD";
        test_tls();
        fails_with("environment variable TEST_PASSWORD",
                   "which this worker does not have");
        setenv("TEST_PASSWORD", "s3cret", 1);
        succeeds();
        setenv("TEST_PASSWORD", "wr0ng", 1);
        test_tls();
        ck_assert_int_ne(beam_tester_run(t), BEAM_OK);
        ck_assert_ptr_nonnull(strstr(beam_tester_error(t), "locked.key"));
        ck_assert_ptr_null(strstr(beam_tester_error(t), "wr0ng"));
        beam_dofn_tester_free(t);
    }
    stop_tls();
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

static void errors_are_data(const beam_dofn *fn)
{
    static const char *const words[] = { "a", "/none/x", "", "late", "worse", "/none/x", "b" };
    beam_pipeline *p = beam_pipeline_new();
    beam_pcoll *in = beam_create_strings(p, "Words", words, BEAM_COUNT(words)), *bad;
    beam_pcoll *good = beam_par_do(in, "Ask", fn, .target = http.url, .failures = &bad,
                                   .attempts = 3);
    beam_assert_that(good, "Good", .lines = "a=A\nb=B\nnothing");
    beam_assert_that(beam_map(bad, "Line", &line_fn), "Bad",
                     .lines = "\"/none/x\" 3\n\"/none/x\" 3\n\"late\" 3\n\"worse\" 3");
    beam_status status = beam_test_run(p, .local = true, .err = &err);
    ck_assert_msg(status == BEAM_OK, "%s", err.message);
    ck_assert_int_eq(beam_test_counter(p, "Ask", "requests"), 15);
    ck_assert_int_eq(beam_test_counter(p, "Ask", "answers"), 5);
    if (!fn->http->cache_entries)
        ck_assert_int_eq(beam_test_counter(p, "Ask", "GET: not_found"), 6);
    beam_pipeline_free(p);
}

START_TEST(errors_as_data)
{
    errors_are_data(&shout_fn);
    errors_are_data(&cached_fn);
    errors_are_data(&ordered_cached_fn);
}
END_TEST

START_TEST(many_bundles)
{
    enum { N = 3000 };
    static beam_value words[N];
    for (int i = 0; i < N; i++) words[i] = beam_string(beam_span_of("a"));
    beam_pipeline *p = beam_pipeline_new();
    beam_pcoll *in = beam_reshuffle(beam_create(p, "Words", BEAM_STRING, words, N), "Spread");
    beam_pcoll *out = beam_par_do(in, "Ask", &shout_fn, .target = http.url);
    beam_assert_that(beam_count_per_element(out, "Count"), "Counts", .lines = "a=A: 3000");
    beam_status status =
        beam_test_run(p, .local = true, .err = &err, .bundle_size = 300, .parallelism = 4);
    ck_assert_msg(status == BEAM_OK, "%s", err.message);
    beam_pipeline_free(p);
}
END_TEST

START_TEST(a_job_fails_with_the_services_name)
{
    static const char *const words[] = { "a", "/none/a" };
    beam_pipeline *p = beam_pipeline_new();
    beam_par_do(beam_create_strings(p, "Words", words, 2), "Ask", &shout_fn, .target = http.url);
    ck_assert_int_ne(beam_test_run(p, .local = true, .err = &err), BEAM_OK);
    ck_assert_msg(strstr(err.message, http.url) && strstr(err.message, "HTTP status 404"), "%s",
                  err.message);
    beam_pipeline_free(p);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        elements_keep_what_they_have,
        in_order,
        no_request,
        all_at_once,
        connections_are_kept,
        requests,
        a_target_with_a_path,
        a_handle_is_used_again,
        requests_that_are_none,
        secrets_are_not_shown,
        statuses,
        a_request_that_fails,
        failing_with_requests_pending,
        not_answered_in_time,
        slow_elements,
        tried_again,
        retry_after,
        connections_that_end,
        nobody_there,
        down_and_back,
        bodies,
        redirects,
        the_same_is_asked_once,
        answers_age,
        a_cache_in_order,
        failures_are_not_kept,
        tls,
        client_certificates,
        errors_as_data,
        many_bundles,
        a_job_fails_with_the_services_name,
    };
    TCase *tcase = tcase_create("http");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    for (size_t i = 0; i < BEAM_COUNT(tests); i++) tcase_add_test(tcase, tests[i]);
    Suite *suite = suite_create("http");
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
