/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../base/run_tests.h"
#include "peer.h"

static test_peer server;
static bm_rpc *rpc;
static bm_channel *channel;
static seen_log client_seen;

static void setup(void)
{
    peer_start(&server);
    rpc = bm_rpc_new();
    channel = bm_channel_new(rpc, server.address, "worker-7");
    seen_init(&client_seen);
}

static void teardown(void)
{
    bm_channel_free(channel);
    bm_rpc_free(rpc);
    peer_stop(&server);
    seen_destroy(&client_seen);
}

static bm_stream *open_stream(const char *method, const char *const metadata[])
{
    return bm_stream_open(channel, method, metadata, &seen_handler, &client_seen);
}

static void check_echo(size_t count, size_t size)
{
    bm_stream *stream = open_stream("/t.T/Echo", NULL);
    for (size_t i = 0; i < count; i++)
        ck_assert(bm_stream_write(stream, numbered(i, size)));
    bm_stream_half_close(stream);
    ck_assert(!bm_stream_write(stream, numbered(0, 8)));
    seen_wait_end(&client_seen);
    ck_assert_msg(client_seen.status == BEAM_OK, "%s", client_seen.text);
    ck_assert_uint_eq(client_seen.messages, count);
    ck_assert_uint_eq(client_seen.bytes, count * size);
    ck_assert_uint_eq(client_seen.out_of_order, 0);
    ck_assert_uint_eq(bm_stream_queued_bytes(stream), 0);
    bm_stream_free(stream);
}

START_TEST(small_messages_both_ways_in_order)
{
    check_echo(10000, 100);
}
END_TEST

START_TEST(empty_messages_are_messages)
{
    check_echo(100, 0);
}
END_TEST

START_TEST(large_messages_pass)
{
    check_echo(3, 5 << 20);
}
END_TEST

START_TEST(a_stream_without_messages_ends_well)
{
    check_echo(0, 0);
}
END_TEST

/* One message at a time: a write that stays in a buffer would never be answered. */
START_TEST(ping_pong_does_not_stall)
{
    bm_stream *stream = open_stream("/t.T/Echo", NULL);
    for (size_t i = 0; i < 500; i++) {
        bm_stream_write(stream, numbered(i, 8));
        seen_wait_messages(&client_seen, i + 1);
    }
    bm_stream_free(stream);
    ck_assert_uint_eq(client_seen.ends, 1);
    ck_assert_int_eq(client_seen.status, BEAM_ECANCELLED);
}
END_TEST

START_TEST(later_means_with_the_next_write)
{
    bm_stream *stream = open_stream("/t.T/Echo", NULL);
    for (size_t i = 0; i < 10; i++) ck_assert(bm_stream_write_later(stream, numbered(i, 8)));
    ck_assert_uint_eq(bm_stream_queued_bytes(stream), 80);
    bm_stream_write(stream, numbered(10, 8));
    seen_wait_messages(&client_seen, 11);
    ck_assert(bm_stream_write_later(stream, numbered(11, 8)));
    bm_stream_flush(stream);
    seen_wait_messages(&client_seen, 12);
    /* Not without end. */
    for (size_t i = 12; i < 32; i++)
        ck_assert(bm_stream_write_later(stream, numbered(i, 10000)));
    seen_wait_messages(&client_seen, 24);
    bm_stream_half_close(stream);
    seen_wait_end(&client_seen);
    ck_assert_uint_eq(client_seen.messages, 32);
    ck_assert_uint_eq(client_seen.out_of_order, 0);
    ck_assert(!bm_stream_write_later(stream, numbered(0, 8)));
    bm_stream_free(stream);
}
END_TEST

START_TEST(the_server_streams)
{
    const char *metadata[] = { "count", "10000", "size", "50", NULL };
    bm_stream *stream = open_stream("/t.T/Count", metadata);
    seen_wait_end(&client_seen);
    ck_assert_int_eq(client_seen.status, BEAM_OK);
    ck_assert_uint_eq(client_seen.messages, 10000);
    ck_assert_uint_eq(client_seen.out_of_order, 0);
    bm_stream_free(stream);
}
END_TEST

START_TEST(half_close_is_seen_and_answered)
{
    bm_stream *stream = open_stream("/t.T/Sink", NULL);
    bm_stream_write(stream, numbered(0, 8));
    bm_stream_half_close(stream);
    bm_stream *sink = peer_wait_sink(&server);
    seen_wait_messages(&server.sink_seen, 1);
    ck_assert_uint_eq(seen_half_closes(&server.sink_seen), 1);
    /* Our side is still open. */
    bm_stream_write(sink, numbered(0, 8));
    seen_wait_messages(&client_seen, 1);
    bm_stream_finish(sink, BEAM_OK, NULL);
    seen_wait_end(&client_seen);
    ck_assert_int_eq(client_seen.status, BEAM_OK);
    seen_wait_end(&server.sink_seen);
    ck_assert_int_eq(server.sink_seen.status, BEAM_OK);
    bm_stream_free(stream);
}
END_TEST

START_TEST(cancel_reaches_the_other_side)
{
    bm_stream *stream = open_stream("/t.T/Sink", NULL);
    peer_wait_sink(&server);
    bm_stream_cancel(stream);
    seen_wait_end(&client_seen);
    ck_assert_int_eq(client_seen.status, BEAM_ECANCELLED);
    seen_wait_end(&server.sink_seen);
    ck_assert_int_eq(server.sink_seen.status, BEAM_ECANCELLED);
    ck_assert(!bm_stream_write(stream, numbered(0, 8)));
    ck_assert(!bm_stream_wait_writable(stream, 0));
    bm_stream_cancel(stream);
    bm_stream_free(stream);
}
END_TEST

START_TEST(a_server_may_cancel)
{
    bm_stream *stream = open_stream("/t.T/Sink", NULL);
    bm_stream_free(peer_wait_sink(&server));
    server.sink = NULL;
    seen_wait_end(&client_seen);
    ck_assert_int_ne(client_seen.status, BEAM_OK);
    bm_stream_free(stream);
}
END_TEST

START_TEST(errors_carry_their_text)
{
    bm_stream *stream = open_stream("/t.T/Broken", NULL);
    seen_wait_end(&client_seen);
    ck_assert_int_eq(client_seen.status, BEAM_ERPC);
    ck_assert_uint_eq(client_seen.messages, 1);
    ck_assert_str_eq(client_seen.text, "this stream is \"broken\"\n (INVALID_ARGUMENT)");
    bm_stream_free(stream);
}
END_TEST

START_TEST(a_call_can_be_refused)
{
    bm_stream *stream = open_stream("/t.T/Refuse", NULL);
    seen_wait_end(&client_seen);
    ck_assert_int_eq(client_seen.status, BEAM_EUNSUPPORTED);
    bm_stream_free(stream);
}
END_TEST

START_TEST(an_unknown_method_is_refused)
{
    bm_stream *stream = open_stream("/t.T/Nothing", NULL);
    seen_wait_end(&client_seen);
    ck_assert_int_eq(client_seen.status, BEAM_EUNSUPPORTED);
    bm_stream_free(stream);
}
END_TEST

START_TEST(nobody_there_ends_the_stream)
{
    const char *address = nowhere_address();
    bm_channel *nowhere = bm_channel_new(rpc, address, NULL);
    bm_stream *stream = bm_stream_open(nowhere, "/t.T/Echo", NULL, &seen_handler,
                                       &client_seen);
    bm_stream_write(stream, numbered(0, 100));
    seen_wait_end(&client_seen);
    ck_assert_int_eq(client_seen.status, BEAM_ERPC);
    bm_stream_free(stream);
    bm_channel_free(nowhere);
}
END_TEST

START_TEST(the_server_goes_away)
{
    bm_stream *stream = open_stream("/t.T/Echo", NULL);
    bm_stream_write(stream, numbered(0, 8));
    seen_wait_messages(&client_seen, 1);
    peer_stop(&server);
    seen_wait_end(&client_seen);
    ck_assert_int_ne(client_seen.status, BEAM_OK);
    ck_assert(!bm_stream_write(stream, numbered(1, 8)));
    bm_stream_free(stream);
    peer_start(&server);
}
END_TEST

/* -- back-pressure ------------------------------------------------------------------- */

START_TEST(a_paused_reader_holds_the_writer_back)
{
    enum { SIZE = 64 * 1024, COUNT = 500 };
    pthread_mutex_lock(&server.sink_seen.lock);
    server.sink_seen.pause_each = true;
    pthread_mutex_unlock(&server.sink_seen.lock);
    bm_stream *stream = open_stream("/t.T/Sink", NULL);
    for (size_t i = 0; i < COUNT; i++) bm_stream_write(stream, numbered(i, SIZE));
    bm_stream *sink = peer_wait_sink(&server);
    seen_wait_messages(&server.sink_seen, 1);
    usleep(300000);
    ck_assert_uint_eq(seen_messages(&server.sink_seen), 1);
    ck_assert_uint_gt(bm_stream_queued_bytes(stream), (size_t)SIZE * COUNT / 2);

    for (size_t i = 1; i < COUNT; i++) {
        bm_stream_resume(sink);
        seen_wait_messages(&server.sink_seen, i + 1);
    }
    ck_assert(bm_stream_wait_writable(stream, 0));
    ck_assert_uint_eq(bm_stream_queued_bytes(stream), 0);
    ck_assert_uint_eq(server.sink_seen.out_of_order, 0);
    bm_stream_free(stream);
}
END_TEST

static void *write_some(void *arg)
{
    bm_stream *stream = arg;
    for (int i = 0; i < 500; i++) {
        bm_stream_wait_writable(stream, 100000);
        bm_stream_write(stream, numbered(0, (size_t)i % 7));
    }
    return NULL;
}

START_TEST(threads_share_a_stream)
{
    bm_stream *stream = open_stream("/t.T/Echo", NULL);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, write_some, stream);
    for (int i = 0; i < 50; i++) {
        bm_stream_pause(stream);
        usleep(500);
        bm_stream_resume(stream);
    }
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    bm_stream_half_close(stream);
    seen_wait_end(&client_seen);
    ck_assert_uint_eq(client_seen.messages, 2000);
    bm_stream_free(stream);
}
END_TEST

/* -- shutting down while all sorts of things are under way ------------------------------ */

START_TEST(free_with_everything_pending)
{
    for (int round = 0; round < 30; round++) {
        bm_stream *stream = open_stream("/t.T/Echo", NULL);
        for (size_t i = 0; i < 200; i++) bm_stream_write(stream, numbered(i, 3000));
        if (round % 3 == 1) seen_wait_messages(&client_seen, 1);
        if (round % 3 == 2) bm_stream_half_close(stream);
        bm_stream_free(stream);
        ck_assert_uint_eq(client_seen.ends, 1);
        seen_destroy(&client_seen);
        seen_init(&client_seen);
    }
}
END_TEST

START_TEST(stop_the_server_with_streams_open)
{
    enum { STREAMS = 20 };
    bm_stream *streams[STREAMS];
    seen_log each[STREAMS];
    for (int i = 0; i < STREAMS; i++) {
        seen_init(&each[i]);
        streams[i] = bm_stream_open(channel, "/t.T/Echo", NULL, &seen_handler, &each[i]);
        for (size_t k = 0; k < 50; k++) bm_stream_write(streams[i], numbered(k, 5000));
    }
    seen_wait_messages(&each[0], 1);
    peer_stop(&server);
    for (int i = 0; i < STREAMS; i++) {
        bm_stream_free(streams[i]);
        ck_assert_uint_eq(each[i].ends, 1);
        seen_destroy(&each[i]);
    }
    peer_start(&server);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("stream");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 90);
    tcase_add_test(tcase, small_messages_both_ways_in_order);
    tcase_add_test(tcase, empty_messages_are_messages);
    tcase_add_test(tcase, large_messages_pass);
    tcase_add_test(tcase, a_stream_without_messages_ends_well);
    tcase_add_test(tcase, ping_pong_does_not_stall);
    tcase_add_test(tcase, later_means_with_the_next_write);
    tcase_add_test(tcase, the_server_streams);
    tcase_add_test(tcase, half_close_is_seen_and_answered);
    tcase_add_test(tcase, cancel_reaches_the_other_side);
    tcase_add_test(tcase, a_server_may_cancel);
    tcase_add_test(tcase, errors_carry_their_text);
    tcase_add_test(tcase, a_call_can_be_refused);
    tcase_add_test(tcase, an_unknown_method_is_refused);
    tcase_add_test(tcase, nobody_there_ends_the_stream);
    tcase_add_test(tcase, the_server_goes_away);
    tcase_add_test(tcase, a_paused_reader_holds_the_writer_back);
    tcase_add_test(tcase, threads_share_a_stream);
    tcase_add_test(tcase, free_with_everything_pending);
    tcase_add_test(tcase, stop_the_server_with_streams_open);
    return run_case("rpc/stream", tcase);
}
