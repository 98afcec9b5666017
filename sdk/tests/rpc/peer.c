/* SPDX-License-Identifier: Apache-2.0 */
#include "peer.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/error.h"

static struct timespec in_20_s(void)
{
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += 20;
    return at;
}

/* -- seen -------------------------------------------------------------------- */

void seen_init(seen_log *seen)
{
    *seen = (struct seen_log){ .messages = 0 };
    pthread_mutex_init(&seen->lock, NULL);
    pthread_cond_init(&seen->changed, NULL);
}

void seen_destroy(seen_log *seen)
{
    pthread_cond_destroy(&seen->changed);
    pthread_mutex_destroy(&seen->lock);
}

static uint64_t number_of(const bm_message *message)
{
    uint64_t number = UINT64_MAX;
    bm_arena arena;
    bm_arena_init(&arena, 0);
    beam_span bytes = bm_message_flat(message, &arena);
    if (bytes.len >= sizeof number) memcpy(&number, bytes.ptr, sizeof number);
    bm_arena_free(&arena);
    return number;
}

static void on_message(void *self, bm_stream *stream, bm_message *message)
{
    seen_log *seen = self;
    size_t size = bm_message_size(message);
    uint64_t number = number_of(message);
    bm_message_free(message);
    pthread_mutex_lock(&seen->lock);
    if (seen->pause_each) bm_stream_pause(stream);
    if (size >= 8 && number != seen->messages) seen->out_of_order++;
    seen->messages++;
    seen->bytes += size;
    pthread_cond_broadcast(&seen->changed);
    pthread_mutex_unlock(&seen->lock);
}

static void on_half_close(void *self, bm_stream *stream)
{
    (void)stream;
    seen_log *seen = self;
    pthread_mutex_lock(&seen->lock);
    seen->half_closes++;
    pthread_cond_broadcast(&seen->changed);
    pthread_mutex_unlock(&seen->lock);
}

static void on_end(void *self, bm_stream *stream, beam_status status, const char *text)
{
    (void)stream;
    seen_log *seen = self;
    pthread_mutex_lock(&seen->lock);
    seen->ends++;
    seen->status = status;
    snprintf(seen->text, sizeof seen->text, "%s", text);
    pthread_cond_broadcast(&seen->changed);
    pthread_mutex_unlock(&seen->lock);
}

const bm_stream_handler seen_handler = { on_message, on_half_close, on_end };

void seen_wait_messages(seen_log *seen, size_t n)
{
    struct timespec until = in_20_s();
    pthread_mutex_lock(&seen->lock);
    while (seen->messages < n && !seen->ends)
        if (pthread_cond_timedwait(&seen->changed, &seen->lock, &until)) break;
    size_t messages = seen->messages;
    pthread_mutex_unlock(&seen->lock);
    ck_assert_uint_ge(messages, n);
}

void seen_wait_end(seen_log *seen)
{
    struct timespec until = in_20_s();
    pthread_mutex_lock(&seen->lock);
    while (!seen->ends)
        if (pthread_cond_timedwait(&seen->changed, &seen->lock, &until)) break;
    size_t ends = seen->ends;
    pthread_mutex_unlock(&seen->lock);
    ck_assert_uint_eq(ends, 1);
}

size_t seen_half_closes(seen_log *seen)
{
    struct timespec until = in_20_s();
    pthread_mutex_lock(&seen->lock);
    while (!seen->half_closes && !pthread_cond_timedwait(&seen->changed, &seen->lock, &until))
        continue;
    size_t n = seen->half_closes;
    pthread_mutex_unlock(&seen->lock);
    return n;
}

size_t seen_messages(seen_log *seen)
{
    pthread_mutex_lock(&seen->lock);
    size_t messages = seen->messages;
    pthread_mutex_unlock(&seen->lock);
    return messages;
}

bm_message *numbered(uint64_t number, size_t size)
{
    char *bytes = calloc(1, size ? size : 1);
    if (size >= sizeof number) memcpy(bytes, &number, sizeof number);
    bm_message *message = bm_message_new();
    bm_message_add(message, bm_slice_take(bytes, size));
    return message;
}

const char *nowhere_address(void)
{
    static char address[64];
    /* Bound but not listening: connections are refused, and nobody else gets the port. */
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT };
    socklen_t length = sizeof any;
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&any, sizeof any), 0);
    getsockname(fd, (struct sockaddr *)&any, &length);
    snprintf(address, sizeof address, "localhost:%d", ntohs(any.sin6_port));
    return address;
}

/* -- methods -------------------------------------------------------------------- */

static void stream_opened(test_peer *peer)
{
    pthread_mutex_lock(&peer->lock);
    peer->open++;
    pthread_mutex_unlock(&peer->lock);
}

/* The end of streams that nobody watches: frees them, on the rpc thread. */
static void end_and_free(void *self, bm_stream *stream, beam_status status,
                         const char *text)
{
    (void)status, (void)text;
    test_peer *peer = self;
    bm_stream_free(stream);
    pthread_mutex_lock(&peer->lock);
    peer->open--;
    pthread_mutex_unlock(&peer->lock);
}

static void echo(void *self, bm_stream *stream, bm_message *message)
{
    (void)self;
    bm_stream_write(stream, message);
}

static void drop(void *self, bm_stream *stream, bm_message *message)
{
    (void)self, (void)stream;
    bm_message_free(message);
}

static void finish(void *self, bm_stream *stream)
{
    (void)self;
    bm_stream_finish(stream, BEAM_OK, NULL);
}

static const bm_stream_handler echo_handler = { echo, finish, end_and_free };
static const bm_stream_handler drop_handler = { drop, NULL, end_and_free };

static bool open_echo(void *self, const bm_incoming *call, bm_stream *stream,
                      const bm_stream_handler **handler, void **handler_self)
{
    (void)call, (void)stream;
    stream_opened(self);
    *handler = &echo_handler;
    *handler_self = self;
    return true;
}

static bool open_count(void *self, const bm_incoming *call, bm_stream *stream,
                       const bm_stream_handler **handler, void **handler_self)
{
    stream_opened(self);
    *handler = &drop_handler;
    *handler_self = self;
    uint64_t count = strtoull(bm_incoming_metadata(call, "count"), NULL, 10);
    size_t size = strtoull(bm_incoming_metadata(call, "size"), NULL, 10);
    for (uint64_t i = 0; i < count; i++) bm_stream_write(stream, numbered(i, size));
    bm_stream_finish(stream, BEAM_OK, NULL);
    return true;
}

static bool open_sink(void *self, const bm_incoming *call, bm_stream *stream,
                      const bm_stream_handler **handler, void **handler_self)
{
    (void)call;
    test_peer *peer = self;
    *handler = &seen_handler;
    *handler_self = &peer->sink_seen;
    pthread_mutex_lock(&peer->lock);
    peer->sink = stream;
    pthread_cond_broadcast(&peer->changed);
    pthread_mutex_unlock(&peer->lock);
    return true;
}

static bool refuse(void *self, const bm_incoming *call, bm_stream *stream,
                   const bm_stream_handler **handler, void **handler_self)
{
    (void)self, (void)call, (void)stream, (void)handler, (void)handler_self;
    return false;
}

static bool open_broken(void *self, const bm_incoming *call, bm_stream *stream,
                        const bm_stream_handler **handler, void **handler_self)
{
    (void)call;
    stream_opened(self);
    *handler = &drop_handler;
    *handler_self = self;
    bm_stream_write(stream, numbered(0, 8));
    bm_stream_finish(stream, BEAM_EINVAL, "this stream is \"broken\"\n");
    return true;
}

static void upper(void *self, bm_incoming *call, bm_message *request)
{
    (void)self;
    bm_arena arena;
    bm_arena_init(&arena, 0);
    beam_span in = bm_message_flat(request, &arena);
    char *out = malloc(in.len + 1);
    for (size_t i = 0; i < in.len; i++) out[i] = (char)toupper(in.ptr[i]);
    bm_message *response = bm_message_new();
    bm_message_add(response, bm_slice_take(out, in.len));
    bm_arena_free(&arena);
    bm_incoming_reply(call, response);
}

static void fail_it(void *self, bm_incoming *call, bm_message *request)
{
    (void)self, (void)request;
    bm_incoming_fail(call, BEAM_EINVAL, "no such word");
}

static void later(void *self, bm_incoming *call, bm_message *request)
{
    (void)request;
    test_peer *peer = self;
    pthread_mutex_lock(&peer->lock);
    peer->later = call;
    pthread_cond_broadcast(&peer->changed);
    pthread_mutex_unlock(&peer->lock);
}

static void whoami(void *self, bm_incoming *call, bm_message *request)
{
    (void)self, (void)request;
    const char *id = bm_incoming_metadata(call, "worker_id");
    bm_message *response = bm_message_new();
    bm_message_add(response, bm_slice_copy(beam_span_of(id ? id : "nobody")));
    bm_incoming_reply(call, response);
}

static const bm_method methods[] = {
    { .name = "/t.T/Echo", .on_stream = open_echo },
    { .name = "/t.T/Count", .on_stream = open_count },
    { .name = "/t.T/Sink", .on_stream = open_sink },
    { .name = "/t.T/Refuse", .on_stream = refuse },
    { .name = "/t.T/Broken", .on_stream = open_broken },
    { .name = "/t.T/Upper", .on_unary = upper },
    { .name = "/t.T/Fail", .on_unary = fail_it },
    { .name = "/t.T/Later", .on_unary = later },
    { .name = "/t.T/Whoami", .on_unary = whoami },
};

/* -- start and stop --------------------------------------------------------------- */

void peer_start(test_peer *peer)
{
    *peer = (struct test_peer){ .rpc = bm_rpc_new() };
    pthread_mutex_init(&peer->lock, NULL);
    pthread_cond_init(&peer->changed, NULL);
    seen_init(&peer->sink_seen);
    beam_error err = { .status = BEAM_OK };
    peer->server = bm_server_new(peer->rpc, "localhost:0", methods, BEAM_COUNT(methods),
                                 peer, &err);
    ck_assert_msg(peer->server != NULL, "%s", err.message);
    snprintf(peer->address, sizeof peer->address, "localhost:%d",
             bm_server_port(peer->server));
}

void peer_stop(test_peer *peer)
{
    bm_server_free(peer->server);
    bm_stream_free(peer->sink);
    ck_assert_uint_eq(peer->open, 0);
    bm_rpc_free(peer->rpc);
    seen_destroy(&peer->sink_seen);
    pthread_cond_destroy(&peer->changed);
    pthread_mutex_destroy(&peer->lock);
}

bm_stream *peer_wait_sink(test_peer *peer)
{
    struct timespec until = in_20_s();
    pthread_mutex_lock(&peer->lock);
    while (!peer->sink && !pthread_cond_timedwait(&peer->changed, &peer->lock, &until))
        continue;
    bm_stream *stream = peer->sink;
    pthread_mutex_unlock(&peer->lock);
    ck_assert_ptr_nonnull(stream);
    return stream;
}

bm_incoming *peer_wait_later(test_peer *peer)
{
    struct timespec until = in_20_s();
    pthread_mutex_lock(&peer->lock);
    while (!peer->later && !pthread_cond_timedwait(&peer->changed, &peer->lock, &until))
        continue;
    bm_incoming *call = peer->later;
    pthread_mutex_unlock(&peer->lock);
    ck_assert_ptr_nonnull(call);
    return call;
}
