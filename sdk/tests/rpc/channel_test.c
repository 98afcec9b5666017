/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../base/run_tests.h"
#include "peer.h"

static test_peer server;
static bm_rpc *rpc;
static bm_channel *channel;
static bm_arena arena;
static beam_error err;

static void setup(void)
{
    peer_start(&server);
    rpc = bm_rpc_new();
    channel = bm_channel_new(rpc, server.address, "worker-7");
    bm_arena_init(&arena, 0);
    err = (beam_error){ .status = BEAM_OK };
}

static void teardown(void)
{
    bm_channel_free(channel);
    bm_rpc_free(rpc);
    peer_stop(&server);
    bm_arena_free(&arena);
}

static beam_status ask(const char *method, const char *request, int timeout_ms,
                       beam_span *out)
{
    return bm_call(channel, method, beam_span_of(request), timeout_ms, &arena, out, &err);
}

static long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

START_TEST(a_call_returns_the_response)
{
    beam_span response;
    for (int i = 0; i < 100; i++) {
        ck_assert_msg(ask("/t.T/Upper", "hello", 0, &response) == BEAM_OK, "%s",
                      err.message);
        ck_assert(beam_span_equal(response, beam_span_of("HELLO")));
    }
    ck_assert_int_eq(ask("/t.T/Upper", "", 0, &response), BEAM_OK);
    ck_assert_uint_eq(response.len, 0);
}
END_TEST

START_TEST(large_messages_pass)
{
    size_t size = 9 << 20;
    char *request = calloc(1, size);
    memset(request, 'x', size);
    beam_span response;
    ck_assert_int_eq(bm_call(channel, "/t.T/Upper", (beam_span){ request, size }, 0,
                             &arena, &response, &err),
                     BEAM_OK);
    ck_assert_uint_eq(response.len, size);
    ck_assert_int_eq(response.ptr[size - 1], 'X');
    free(request);
}
END_TEST

START_TEST(the_worker_id_is_sent)
{
    beam_span response;
    ck_assert_int_eq(ask("/t.T/Whoami", "", 0, &response), BEAM_OK);
    ck_assert(beam_span_equal(response, beam_span_of("worker-7")));
    bm_channel *anonymous = bm_channel_new(rpc, server.address, NULL);
    ck_assert_int_eq(bm_call(anonymous, "/t.T/Whoami", beam_span_of(""), 0, &arena,
                             &response, &err),
                     BEAM_OK);
    ck_assert(beam_span_equal(response, beam_span_of("nobody")));
    bm_channel_free(anonymous);
}
END_TEST

START_TEST(failures_say_who_and_why)
{
    beam_span response;
    ck_assert_int_eq(ask("/t.T/Fail", "x", 0, &response), BEAM_ERPC);
    ck_assert_ptr_nonnull(strstr(err.message, server.address));
    ck_assert_ptr_nonnull(strstr(err.message, "/t.T/Fail"));
    ck_assert_ptr_nonnull(strstr(err.message, "no such word"));
    ck_assert_ptr_nonnull(strstr(err.message, "INVALID_ARGUMENT"));
    ck_assert_int_eq(ask("/t.T/Missing", "x", 0, &response), BEAM_EUNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.message, "/t.T/Missing"));
    ck_assert_int_eq(bm_call(channel, "/t.T/Fail", beam_span_of("x"), 0, &arena,
                             &response, NULL),
                     BEAM_ERPC);
}
END_TEST

START_TEST(a_deadline_passes)
{
    beam_span response;
    long began = now_ms();
    ck_assert_int_eq(ask("/t.T/Later", "x", 2000, &response), BEAM_ETIMEOUT);
    ck_assert_int_ge(now_ms() - began, 1990);
    /* The answer then goes nowhere, without harm. */
    bm_incoming *call = peer_wait_later(&server);
    ck_assert_str_eq(bm_incoming_method(call), "/t.T/Later");
    bm_incoming_reply(call, numbered(0, 8));
}
END_TEST

START_TEST(an_unanswered_call_survives_the_server)
{
    beam_span response;
    ck_assert_int_eq(ask("/t.T/Later", "x", 2000, &response), BEAM_ETIMEOUT);
    bm_incoming *call = peer_wait_later(&server);
    peer_stop(&server);
    bm_incoming_fail(call, BEAM_EIO, "too late");
    peer_start(&server);
}
END_TEST

START_TEST(nobody_there_fails_fast)
{
    const char *address = nowhere_address();
    bm_channel *nowhere = bm_channel_new(rpc, address, NULL);
    beam_span response;
    ck_assert_int_eq(bm_call(nowhere, "/t.T/Upper", beam_span_of("x"), 0, &arena,
                             &response, &err),
                     BEAM_ERPC);
    ck_assert_ptr_nonnull(strstr(err.message, address));
    ck_assert_ptr_nonnull(strstr(err.message, "UNAVAILABLE"));
    bm_channel_free(nowhere);
}
END_TEST

START_TEST(waiting_for_a_connection)
{
    ck_assert_int_eq(bm_channel_wait(channel, 10000, &err), BEAM_OK);
    const char *address = nowhere_address();
    bm_channel *nowhere = bm_channel_new(rpc, address, NULL);
    long began = now_ms();
    ck_assert_int_eq(bm_channel_wait(nowhere, 300, &err), BEAM_ETIMEOUT);
    ck_assert_int_ge(now_ms() - began, 290);
    ck_assert_ptr_nonnull(strstr(err.message, address));
    bm_channel_free(nowhere);
}
END_TEST

START_TEST(a_server_that_starts_late_is_found)
{
    char address[64];
    snprintf(address, sizeof address, "%s", server.address);
    peer_stop(&server);
    beam_span response;
    ck_assert_int_eq(ask("/t.T/Upper", "x", 0, &response), BEAM_ERPC);
    peer_start(&server);
    bm_channel_free(channel);
    channel = bm_channel_new(rpc, server.address, NULL);
    ck_assert_int_eq(bm_channel_wait(channel, 10000, &err), BEAM_OK);
    ck_assert_int_eq(ask("/t.T/Upper", "x", 0, &response), BEAM_OK);
}
END_TEST

/* A listener that speaks HTTP/1: somebody gave the wrong port. */
static void *http1(void *arg)
{
    int listener = *(int *)arg, fd = accept(listener, NULL, NULL);
    char request[256];
    ssize_t ignored = read(fd, request, sizeof request);
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    ignored = write(fd, answer, sizeof answer - 1);
    (void)ignored;
    usleep(200000);
    close(fd);
    return NULL;
}

START_TEST(an_http1_server_is_reported)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in any = { .sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof any;
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&any, sizeof any), 0);
    listen(listener, 1);
    getsockname(listener, (struct sockaddr *)&any, &length);
    pthread_t thread;
    pthread_create(&thread, NULL, http1, &listener);
    char address[64];
    snprintf(address, sizeof address, "127.0.0.1:%d", ntohs(any.sin_port));
    bm_channel *wrong = bm_channel_new(rpc, address, NULL);
    beam_span response;
    ck_assert_int_eq(bm_call(wrong, "/t.T/Upper", beam_span_of("x"), 5000, &arena,
                             &response, &err),
                     BEAM_ERPC);
    ck_assert_ptr_nonnull(strstr(err.message, address));
    bm_channel_free(wrong);
    pthread_join(thread, NULL);
    close(listener);
}
END_TEST

/* -- many at once ------------------------------------------------------------------ */

typedef struct outcomes {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int ok, failed;
} outcomes;

static void count(void *self, beam_status status, const char *error_text,
                  bm_message *response)
{
    outcomes *tally = self;
    ck_assert((status == BEAM_OK) == (response != NULL));
    ck_assert((status == BEAM_OK) == (error_text == NULL));
    pthread_mutex_lock(&tally->lock);
    if (status == BEAM_OK)
        tally->ok++;
    else
        tally->failed++;
    pthread_cond_signal(&tally->changed);
    pthread_mutex_unlock(&tally->lock);
}

START_TEST(thousand_calls_at_once)
{
    outcomes tally = { .lock = PTHREAD_MUTEX_INITIALIZER,
                       .changed = PTHREAD_COND_INITIALIZER };
    for (int i = 0; i < 1000; i++)
        bm_call_async(channel, "/t.T/Upper", numbered(0, 100), 0, count, &tally);
    pthread_mutex_lock(&tally.lock);
    while (tally.ok + tally.failed < 1000) pthread_cond_wait(&tally.changed, &tally.lock);
    pthread_mutex_unlock(&tally.lock);
    ck_assert_int_eq(tally.failed, 0);
}
END_TEST

START_TEST(freeing_a_channel_ends_its_calls)
{
    outcomes tally = { .lock = PTHREAD_MUTEX_INITIALIZER,
                       .changed = PTHREAD_COND_INITIALIZER };
    bm_call_async(channel, "/t.T/Later", numbered(0, 100), 0, count, &tally);
    bm_incoming *call = peer_wait_later(&server);
    bm_channel_free(channel);
    channel = NULL;
    ck_assert_int_eq(tally.failed, 1);
    bm_incoming_reply(call, numbered(0, 8));
}
END_TEST

static void *call_often(void *unused)
{
    (void)unused;
    bm_arena mine;
    bm_arena_init(&mine, 0);
    for (int i = 0; i < 200; i++) {
        beam_span response;
        beam_error error;
        ck_assert_int_eq(bm_call(channel, "/t.T/Upper", beam_span_of("abc"), 10000, &mine,
                                 &response, &error),
                         BEAM_OK);
        ck_assert(beam_span_equal(response, beam_span_of("ABC")));
        bm_arena_reset(&mine);
    }
    bm_arena_free(&mine);
    return NULL;
}

START_TEST(threads_share_a_channel)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, call_often, NULL);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("channel");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_call_returns_the_response);
    tcase_add_test(tcase, large_messages_pass);
    tcase_add_test(tcase, the_worker_id_is_sent);
    tcase_add_test(tcase, failures_say_who_and_why);
    tcase_add_test(tcase, a_deadline_passes);
    tcase_add_test(tcase, an_unanswered_call_survives_the_server);
    tcase_add_test(tcase, nobody_there_fails_fast);
    tcase_add_test(tcase, waiting_for_a_connection);
    tcase_add_test(tcase, a_server_that_starts_late_is_found);
    tcase_add_test(tcase, an_http1_server_is_reported);
    tcase_add_test(tcase, thousand_calls_at_once);
    tcase_add_test(tcase, freeing_a_channel_ends_its_calls);
    tcase_add_test(tcase, threads_share_a_channel);
    return run_case("rpc/channel", tcase);
}
