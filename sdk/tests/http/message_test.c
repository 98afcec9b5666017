/* SPDX-License-Identifier: Apache-2.0 */
/* http/message: requests as bytes and back, what is no request, headers of an answer. */
#include "http/message.h"

#include <check.h>
#include <stdlib.h>

#include "../base/run_tests.h"

static const beam_http_header headers[] = {
    { "A", "1", NULL }, { "B", NULL, "ENV" }, { "C", "", "" }
};

START_TEST(there_and_back)
{
    beam_http_request r = { .path = beam_span_of("/a?b"), .headers = BEAM_TABLE(headers),
                            .body = { "x\0y", 3 }, .method = "PATCH" };
    ck_assert_ptr_null(bm_http_request_problem(&r));
    size_t n = bm_http_request_size(&r);
    char *bytes = malloc(n); /* so that the sanitizer knows its end */
    bm_http_request_write(&r, bytes);
    bm_http_written w = bm_http_request_read((beam_span){ bytes, n });
    ck_assert_str_eq(w.method, "PATCH");
    ck_assert_str_eq(w.path, "/a?b");
    ck_assert(beam_span_equal(w.body, r.body));
    beam_http_header h;
    for (size_t i = 0; i < BEAM_COUNT(headers); i++) {
        ck_assert(bm_http_next_header(&w.headers, &h));
        ck_assert_str_eq(h.name, headers[i].name);
        ck_assert_str_eq(h.value, headers[i].value ? headers[i].value : "");
        ck_assert_str_eq(h.env, headers[i].env ? headers[i].env : "");
    }
    ck_assert(!bm_http_next_header(&w.headers, &h));
    free(bytes);
}
END_TEST

START_TEST(methods)
{
    const struct {
        beam_http_request request;
        const char *method;
        bool has_body;
    } cases[] = {
        { { .path = { "", 0 } }, "GET", false },
        { { .path = { "", 0 }, .body = { "", 0 } }, "POST", true },
        { { .path = { "", 0 }, .method = "DELETE" }, "DELETE", false },
    };
    for (size_t i = 0; i < BEAM_COUNT(cases); i++) {
        char bytes[100];
        size_t n = bm_http_request_size(&cases[i].request);
        bm_http_request_write(&cases[i].request, bytes);
        bm_http_written w = bm_http_request_read((beam_span){ bytes, n });
        ck_assert_str_eq(w.method, cases[i].method);
        ck_assert_int_eq(w.body.ptr != NULL, cases[i].has_body);
        ck_assert_uint_eq(w.body.len, 0);
    }
}
END_TEST

START_TEST(what_is_none)
{
    beam_http_request r = { .path = beam_span_of("/"), .method = "A B" };
    ck_assert_ptr_nonnull(bm_http_request_problem(&r));
    r.method = "";
    ck_assert_ptr_nonnull(bm_http_request_problem(&r));
    r.method = NULL;
    ck_assert_ptr_null(bm_http_request_problem(&r));
    static const beam_http_header bad[] = { { "X", "a\r\nY: b", NULL },
                                            { "X:", "", NULL },
                                            { "", "", NULL },
                                            { NULL, "", NULL },
                                            { "X\r\nY", "", NULL },
                                            { "X", "\x7f", NULL } };
    for (size_t i = 0; i < BEAM_COUNT(bad); i++) {
        r.headers.at = &bad[i];
        r.headers.n = 1;
        ck_assert_ptr_nonnull(bm_http_request_problem(&r));
    }
    r.headers.n = 0;
    r.path = (beam_span){ "/\0", 2 };
    ck_assert_ptr_nonnull(bm_http_request_problem(&r));
}
END_TEST

static bool has(const beam_http_answer *a, const char *name, const char *value)
{
    beam_span found = beam_http_header_of(a, name);
    return found.ptr && beam_span_equal(found, beam_span_of(value));
}

START_TEST(headers_of_an_answer)
{
    beam_http_answer a = { .headers = beam_span_of("Content-Type: text/x; a=b\r\n"
                                                   "Empty:\r\nTwice:\t1 \r\nTWICE: 2\r\n"
                                                   "no colon\r\nLast: z") };
    ck_assert(has(&a, "content-type", "text/x; a=b"));
    ck_assert(has(&a, "EMPTY", ""));
    ck_assert(has(&a, "Twice", "1"));
    ck_assert(has(&a, "last", "z"));
    ck_assert_ptr_null(beam_http_header_of(&a, "Content").ptr);
    ck_assert_ptr_null(beam_http_header_of(&a, "no colon").ptr);
    a.headers.len = 0;
    ck_assert_ptr_null(beam_http_header_of(&a, "last").ptr);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { there_and_back, methods, what_is_none,
                                   headers_of_an_answer };
    return RUN_TESTS("message", tests);
}
