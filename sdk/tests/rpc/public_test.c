/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "../base/run_tests.h"
#include "beam/rpc.h"

static beam_rpc_server *server;
static beam_rpc_channel *channel;
static char address[64];
static beam_error err;

static beam_status twice(void *self, beam_span request, beam_writer *response,
                         beam_error *e)
{
    (void)self, (void)e;
    beam_write_raw(response, request.ptr, request.len);
    beam_write_raw(response, request.ptr, request.len);
    return BEAM_OK;
}

static beam_status fail_it(void *self, beam_span request, beam_writer *response,
                           beam_error *e)
{
    (void)request, (void)response;
    e->status = BEAM_EINVAL;
    snprintf(e->message, sizeof e->message, "%s", (const char *)self);
    return BEAM_EINVAL;
}

static const beam_rpc_method methods[] = { { "/p.P/Twice", twice },
                                           { "/p.P/Fail", fail_it } };

static void setup(void)
{
    static char self[] = "not today";
    server = beam_rpc_serve("localhost:0", methods, BEAM_COUNT(methods), self, &err);
    ck_assert_ptr_nonnull(server);
    snprintf(address, sizeof address, "localhost:%d", beam_rpc_server_port(server));
    channel = beam_rpc_open(address);
}

static void teardown(void)
{
    beam_rpc_close(channel);
    beam_rpc_server_stop(server);
}

START_TEST(calls_one_after_the_other)
{
    beam_span response;
    ck_assert_int_eq(beam_rpc_call(channel, "/p.P/Twice", beam_span_of("ab"), 0,
                                   &response, &err),
                     BEAM_OK);
    ck_assert(beam_span_equal(response, beam_span_of("abab")));
    ck_assert_int_eq(beam_rpc_call(channel, "/p.P/Twice", beam_span_of(""), 0, &response,
                                   &err),
                     BEAM_OK);
    ck_assert_uint_eq(response.len, 0);
    ck_assert_int_eq(beam_rpc_call(channel, "/p.P/Fail", beam_span_of("a"), 0, &response,
                                   &err),
                     BEAM_ERPC);
    ck_assert_ptr_nonnull(strstr(err.message, "not today"));
    ck_assert_ptr_nonnull(strstr(err.message, address));
    ck_assert_int_eq(beam_rpc_call(channel, "/p.P/None", beam_span_of("a"), 0, &response,
                                   NULL),
                     BEAM_EUNSUPPORTED);
}
END_TEST

START_TEST(calls_side_by_side)
{
    static char tags[300];
    for (int i = 0; i < 300; i++)
        beam_rpc_start(channel, i % 3 ? "/p.P/Twice" : "/p.P/Fail", beam_span_of("xyz"),
                       5000, &tags[i]);
    ck_assert_uint_eq(beam_rpc_pending(channel), 300);
    beam_rpc_result result;
    int ok = 0, failed = 0;
    while (beam_rpc_next(channel, &result)) {
        size_t i = (size_t)((char *)result.tag - tags);
        ck_assert_uint_lt(i, 300);
        if (result.error.status == BEAM_OK) {
            ck_assert_uint_ne(i % 3, 0);
            ck_assert(beam_span_equal(result.response, beam_span_of("xyzxyz")));
            ok++;
        } else {
            failed++;
        }
    }
    ck_assert_int_eq(ok, 200);
    ck_assert_int_eq(failed, 100);
}
END_TEST

START_TEST(closing_with_calls_pending)
{
    for (int i = 0; i < 50; i++)
        beam_rpc_start(channel, "/p.P/Twice", beam_span_of("xyz"), 0, NULL);
    beam_rpc_close(channel);
    channel = NULL;
    beam_rpc_close(NULL);
    beam_rpc_server_stop(NULL);
}
END_TEST

START_TEST(one_among_many)
{
    static int tags[20];
    for (int i = 0; i < 20; i++)
        beam_rpc_start(channel, "/p.P/Twice", beam_span_of("x"), 5000, &tags[i]);
    beam_span response;
    ck_assert_int_eq(beam_rpc_call(channel, "/p.P/Twice", beam_span_of("one"), 5000, &response,
                                   &err),
                     BEAM_OK);
    ck_assert(beam_span_equal(response, beam_span_of("oneone")));
    ck_assert_uint_eq(beam_rpc_pending(channel), 20);
    beam_rpc_result result;
    while (beam_rpc_next(channel, &result)) {
        ck_assert(beam_span_equal(result.response, beam_span_of("xx")));
        ++*(int *)result.tag;
    }
    for (int i = 0; i < 20; i++) ck_assert_int_eq(tags[i], 1);
}
END_TEST

START_TEST(a_large_answer)
{
    static char bytes[1 << 20];
    memset(bytes, 'x', sizeof bytes);
    beam_span response;
    ck_assert_int_eq(beam_rpc_call(channel, "/p.P/Twice", (beam_span){ bytes, sizeof bytes },
                                   60000, &response, &err),
                     BEAM_OK);
    ck_assert_uint_eq(response.len, 2 * sizeof bytes);
    ck_assert_mem_eq(response.ptr + sizeof bytes, bytes, sizeof bytes);
}
END_TEST

START_TEST(a_slow_service)
{
    beam_rpc_server_delay(server, 2000);
    beam_rpc_result result;
    ck_assert(!beam_rpc_poll(channel, 0, &result));
    beam_rpc_start(channel, "/p.P/Twice", beam_span_of("a"), 0, NULL);
    ck_assert(!beam_rpc_poll(channel, 0, &result));
    beam_rpc_start(channel, "/p.P/Twice", beam_span_of("a"), 20, &result);
    ck_assert(beam_rpc_next(channel, &result));
    ck_assert_ptr_eq(result.tag, &result);
    ck_assert_int_eq(result.error.status, BEAM_ETIMEOUT);
    ck_assert(result.transient);
    ck_assert(beam_rpc_poll(channel, 60000, &result));
    ck_assert(beam_span_equal(result.response, beam_span_of("aa")));
    beam_rpc_start(channel, "/p.P/Twice", beam_span_of("a"), 0, NULL); /* pending at the end */
}
END_TEST

START_TEST(a_taken_port)
{
    ck_assert_ptr_null(beam_rpc_serve(address, methods, 1, NULL, &err));
    ck_assert_ptr_nonnull(strstr(err.message, address));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("public");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, calls_one_after_the_other);
    tcase_add_test(tcase, calls_side_by_side);
    tcase_add_test(tcase, one_among_many);
    tcase_add_test(tcase, a_large_answer);
    tcase_add_test(tcase, a_slow_service);
    tcase_add_test(tcase, closing_with_calls_pending);
    tcase_add_test(tcase, a_taken_port);
    return run_case("rpc/public", tcase);
}
