/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <stdio.h>
#include <unistd.h>

#include "../base/run_tests.h"
#include "peer.h"

static bm_rpc *rpc;
static beam_error err;

static void setup(void)
{
    rpc = bm_rpc_new();
    err = (beam_error){ .status = BEAM_OK };
}

static void teardown(void)
{
    bm_rpc_free(rpc);
}

START_TEST(a_taken_port_is_an_error)
{
    bm_server *first = bm_server_new(rpc, "localhost:0", NULL, 0, NULL, &err);
    ck_assert_msg(first != NULL, "%s", err.message);
    char address[64];
    snprintf(address, sizeof address, "localhost:%d", bm_server_port(first));
    ck_assert_ptr_null(bm_server_new(rpc, address, NULL, 0, NULL, &err));
    ck_assert_int_eq(err.status, BEAM_EIO);
    ck_assert_ptr_nonnull(strstr(err.message, address));
    bm_server_free(first);

    /* And is free again afterwards. */
    bm_server *second = bm_server_new(rpc, address, NULL, 0, NULL, &err);
    ck_assert_msg(second != NULL, "%s", err.message);
    bm_server_free(second);
}
END_TEST

/* A program that listens on 127.0.0.1 only: gRPC would take ::1 and be content. */
START_TEST(half_of_localhost_is_not_enough)
{
    int other = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in any = { .sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof any;
    ck_assert_int_eq(bind(other, (struct sockaddr *)&any, sizeof any), 0);
    listen(other, 1);
    getsockname(other, (struct sockaddr *)&any, &length);
    char address[64];
    snprintf(address, sizeof address, "localhost:%d", ntohs(any.sin_port));
    ck_assert_ptr_null(bm_server_new(rpc, address, NULL, 0, NULL, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "in use"));
    close(other);
}
END_TEST

START_TEST(a_strange_address_is_an_error)
{
    static const char *const addresses[] = { "no.such.host.invalid:1", "localhost", "",
                                             "localhost:99999", "8.8.8.8:0" };
    for (size_t i = 0; i < BEAM_COUNT(addresses); i++) {
        bm_server *server = bm_server_new(rpc, addresses[i], NULL, 0, NULL, &err);
        if (server)
            ck_assert_int_gt(bm_server_port(server), 0);
        else
            ck_assert_int_eq(err.status, BEAM_EIO);
        bm_server_free(server);
    }
}
END_TEST

START_TEST(a_unix_socket_works)
{
    char address[64];
    snprintf(address, sizeof address, "unix:/tmp/beam-server-test-%d", (int)getpid());
    static const bm_method none[] = { { .name = "/t.T/None" } };
    bm_server *server = bm_server_new(rpc, address, none, 0, NULL, &err);
    ck_assert_msg(server != NULL, "%s", err.message);
    bm_channel *channel = bm_channel_new(rpc, address, NULL);
    ck_assert_int_eq(bm_channel_wait(channel, 10000, &err), BEAM_OK);
    bm_channel_free(channel);
    bm_server_free(server);
}
END_TEST

START_TEST(metadata_of_the_caller)
{
    test_peer peer;
    peer_start(&peer);
    bm_channel *channel = bm_channel_new(rpc, peer.address, "me");
    const char *metadata[] = { "count", "3", "size", "10", "x-other", "a b", NULL };
    seen_log seen;
    seen_init(&seen);
    bm_stream *stream = bm_stream_open(channel, "/t.T/Count", metadata, &seen_handler,
                                       &seen);
    seen_wait_end(&seen);
    ck_assert_uint_eq(seen.messages, 3);
    ck_assert_uint_eq(seen.bytes, 30);
    bm_stream_free(stream);
    bm_channel_free(channel);
    peer_stop(&peer);
    seen_destroy(&seen);
}
END_TEST

START_TEST(start_and_stop_often)
{
    for (int i = 0; i < 20; i++) {
        test_peer peer;
        peer_start(&peer);
        bm_channel *channel = bm_channel_new(rpc, peer.address, NULL);
        ck_assert_int_eq(bm_channel_wait(channel, 10000, &err), BEAM_OK);
        if (i % 2) bm_channel_free(channel);
        peer_stop(&peer);
        if (i % 2 == 0) bm_channel_free(channel);
    }
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("server");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_taken_port_is_an_error);
    tcase_add_test(tcase, half_of_localhost_is_not_enough);
    tcase_add_test(tcase, a_strange_address_is_an_error);
    tcase_add_test(tcase, a_unix_socket_works);
    tcase_add_test(tcase, metadata_of_the_caller);
    tcase_add_test(tcase, start_and_stop_often);
    return run_case("rpc/server", tcase);
}
