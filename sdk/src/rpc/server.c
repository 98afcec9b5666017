/* SPDX-License-Identifier: Apache-2.0 */
/* A server: takes calls one after the other, finds their method, hands them over.
 *
 * Functions named ..._done run on the rpc thread, the others on any. The server's lock
 * guards `live`; an incoming call's lock guards its state. */
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/url.h"
#include "rpc/internal.h"
#include "rpc/tls.h"

struct bm_server {
    bm_rpc *rpc;
    grpc_server *server;
    int port;
    const bm_method *methods;
    size_t n_methods;
    void *self;

    pthread_mutex_t lock;
    pthread_cond_t idle;
    size_t live; /* calls, the request for the next call, the shutdown */

    bm_tag request_tag, shutdown_tag;
    grpc_call *call; /* operands of the request for the next call */
    grpc_call_details details;
    grpc_metadata_array metadata;
};

/* A call with its caller's metadata; for unary calls, until answered and over. */
struct bm_incoming {
    bm_server *server;
    const bm_method *method;
    bm_arena arena;
    const char *path;
    const char **pairs; /* key, value, ... */
    size_t n_pairs;

    pthread_mutex_t lock;
    grpc_call *call;
    unsigned ops;  /* batches not yet completed */
    bool over;     /* nobody waits for an answer any more */
    bool answered; /* the handler has no use for this struct any more */

    bm_tag over_tag, read_tag, reply_tag;
    int cancelled;
    grpc_byte_buffer *in, *out;
    grpc_slice detail;
};

/* rpc thread: a call, the request or the shutdown needs the server no more. */
static void server_release(void *self)
{
    bm_server *server = self;
    pthread_mutex_lock(&server->lock);
    if (--server->live == 0) pthread_cond_broadcast(&server->idle);
    pthread_mutex_unlock(&server->lock);
}

static void server_hold(bm_server *server)
{
    pthread_mutex_lock(&server->lock);
    server->live++;
    pthread_mutex_unlock(&server->lock);
}

/* -- incoming calls ---------------------------------------------------------------- */

static const char *cstr(bm_arena *arena, grpc_slice slice)
{
    return bm_cstr(arena, (beam_span){ (const char *)GRPC_SLICE_START_PTR(slice),
                                       GRPC_SLICE_LENGTH(slice) });
}

static bm_incoming *incoming_new(bm_server *server)
{
    bm_incoming *incoming = bm_xcalloc(1, sizeof *incoming);
    incoming->server = server;
    incoming->call = server->call;
    incoming->detail = grpc_empty_slice();
    pthread_mutex_init(&incoming->lock, NULL);
    bm_arena_init(&incoming->arena, 1024);
    incoming->path = cstr(&incoming->arena, server->details.method);
    incoming->n_pairs = 2 * server->metadata.count;
    incoming->pairs = BM_NEW_ARRAY(&incoming->arena, const char *, incoming->n_pairs);
    for (size_t i = 0; i < server->metadata.count; i++) {
        const grpc_metadata *item = &server->metadata.metadata[i];
        incoming->pairs[2 * i] = cstr(&incoming->arena, item->key);
        incoming->pairs[2 * i + 1] = cstr(&incoming->arena, item->value);
    }
    return incoming;
}

static void incoming_free(bm_incoming *incoming)
{
    grpc_byte_buffer_destroy(incoming->out);
    grpc_slice_unref(incoming->detail);
    pthread_mutex_destroy(&incoming->lock);
    bm_arena_free(&incoming->arena);
    free(incoming);
}

const char *bm_incoming_metadata(const bm_incoming *call, const char *key)
{
    for (size_t i = 0; i < call->n_pairs; i += 2)
        if (!strcmp(call->pairs[i], key)) return call->pairs[i + 1];
    return NULL;
}

const char *bm_incoming_method(const bm_incoming *call)
{
    return call->path;
}

/* Called with the lock, which it releases: one batch has completed. */
static void op_done(bm_incoming *incoming)
{
    bool gone = --incoming->ops == 0 && incoming->over;
    bool free_now = gone && incoming->answered;
    pthread_mutex_unlock(&incoming->lock);
    if (!gone) return;
    bm_server *server = incoming->server;
    grpc_call_unref(incoming->call);
    if (free_now) {
        incoming_free(incoming);
    } else {
        /* The handler still has it and will answer: then nothing is sent. */
        pthread_mutex_lock(&incoming->lock);
        incoming->call = NULL;
        free_now = incoming->answered;
        pthread_mutex_unlock(&incoming->lock);
        if (free_now) incoming_free(incoming);
    }
    server_release(server);
}

static void over_done(void *self, bool ok)
{
    (void)ok;
    bm_incoming *incoming = self;
    pthread_mutex_lock(&incoming->lock);
    incoming->over = true;
    op_done(incoming);
}

static void reply_done(void *self, bool ok)
{
    (void)ok; /* the caller may have gone */
    bm_incoming *incoming = self;
    pthread_mutex_lock(&incoming->lock);
    op_done(incoming);
}

/* Takes over response (NULL: a failure) and answers, if somebody still waits. */
static void answer(bm_incoming *incoming, bm_message *response, grpc_status_code code,
                   const char *text)
{
    pthread_mutex_lock(&incoming->lock);
    incoming->answered = true;
    bool send = !incoming->over, free_now = !incoming->call;
    if (send) incoming->ops++;
    pthread_mutex_unlock(&incoming->lock);
    if (send) {
        grpc_op ops[3] = { { .op = GRPC_OP_SEND_INITIAL_METADATA },
                           { .op = GRPC_OP_SEND_STATUS_FROM_SERVER },
                           { .op = GRPC_OP_SEND_MESSAGE } };
        incoming->detail = bm_status_detail(text);
        ops[1].data.send_status_from_server.status = code;
        ops[1].data.send_status_from_server.status_details = &incoming->detail;
        if (response) incoming->out = bm_message_to_buffer(response);
        ops[2].data.send_message.send_message = incoming->out;
        bm_start_batch(incoming->call, ops, response ? 3 : 2, &incoming->reply_tag);
    } else if (free_now) {
        incoming_free(incoming);
    }
    bm_message_free(response);
}

void bm_incoming_reply(bm_incoming *call, bm_message *response)
{
    answer(call, response, GRPC_STATUS_OK, NULL);
}

void bm_incoming_fail(bm_incoming *call, beam_status status, const char *text)
{
    answer(call, NULL, bm_status_to_grpc(status), text);
}

static void unary_read_done(void *self, bool ok)
{
    bm_incoming *incoming = self;
    bm_message *request = NULL;
    if (incoming->in) {
        if (ok) request = bm_message_from_buffer(incoming->in);
        grpc_byte_buffer_destroy(incoming->in);
        incoming->in = NULL;
    }
    if (request)
        incoming->method->on_unary(incoming->server->self, incoming, request);
    else
        answer(incoming, NULL, GRPC_STATUS_INVALID_ARGUMENT, "the call has no message");
    bm_message_free(request);
    pthread_mutex_lock(&incoming->lock);
    op_done(incoming);
}

/* -- taking calls --------------------------------------------------------------------- */

static void begin_unary(bm_incoming *incoming)
{
    incoming->over_tag = (bm_tag){ .run = over_done, .self = incoming };
    incoming->read_tag = (bm_tag){ .run = unary_read_done, .self = incoming };
    incoming->reply_tag = (bm_tag){ .run = reply_done, .self = incoming };
    grpc_op over = { .op = GRPC_OP_RECV_CLOSE_ON_SERVER };
    over.data.recv_close_on_server.cancelled = &incoming->cancelled;
    grpc_op read = { .op = GRPC_OP_RECV_MESSAGE };
    read.data.recv_message.recv_message = &incoming->in;
    incoming->ops = 2;
    bm_start_batch(incoming->call, &over, 1, &incoming->over_tag);
    if (incoming->method) {
        bm_start_batch(incoming->call, &read, 1, &incoming->read_tag);
        return;
    }
    answer(incoming, NULL, GRPC_STATUS_UNIMPLEMENTED,
           bm_format(&incoming->arena, "there is no method %s here", incoming->path));
    pthread_mutex_lock(&incoming->lock);
    op_done(incoming);
}

static void begin_stream(bm_incoming *incoming)
{
    bm_server *server = incoming->server;
    bm_stream *stream = bm_stream_accept(server->rpc, incoming->call, server_release,
                                         server);
    const bm_stream_handler *handler = NULL;
    void *handler_self = NULL;
    if (!incoming->method->on_stream(server->self, incoming, stream, &handler,
                                     &handler_self))
        handler = NULL;
    bm_stream_begin(stream, handler, handler_self);
    incoming_free(incoming);
}

static const bm_method *find_method(const bm_server *server, const char *path)
{
    for (size_t i = 0; i < server->n_methods; i++)
        if (!strcmp(server->methods[i].name, path)) return &server->methods[i];
    return NULL;
}

static void request_call(bm_server *server)
{
    grpc_call_details_init(&server->details);
    grpc_metadata_array_init(&server->metadata);
    grpc_completion_queue *queue = bm_rpc_queue(server->rpc);
    grpc_server_request_call(server->server, &server->call, &server->details,
                             &server->metadata, queue, queue,
                             bm_tag_start(&server->request_tag));
}

static void request_done(void *self, bool ok)
{
    bm_server *server = self;
    bm_incoming *incoming = ok ? incoming_new(server) : NULL;
    grpc_call_details_destroy(&server->details);
    grpc_metadata_array_destroy(&server->metadata);
    if (!ok) { /* shutting down */
        server_release(server);
        return;
    }
    server_hold(server);
    request_call(server);
    incoming->method = find_method(server, incoming->path);
    if (incoming->method && incoming->method->on_stream)
        begin_stream(incoming);
    else
        begin_unary(incoming);
}

/* -- beginning and end ------------------------------------------------------------------- */

/* gRPC is content if it can listen on one of the addresses of "localhost"; callers would
 * then reach one process or the other. So each is tried first. 0 or an errno. */
static int port_taken(const char *address)
{
    const char *colon = strrchr(address, ':');
    if (!strncmp(address, "unix:", 5) || !colon || !strcmp(colon, ":0")) return 0;
    char host[256];
    size_t length = (size_t)(colon - address);
    if (length >= sizeof host) return 0;
    memcpy(host, address, length);
    host[length] = '\0';
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *list;
    if (getaddrinfo(host, colon + 1, &hints, &list))
        return 0; /* gRPC's to complain about */
    int error = 0;
    for (struct addrinfo *a = list; a && !error; a = a->ai_next) {
        int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol),
            on = 1;
        if (fd < 0) continue;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (bind(fd, a->ai_addr, a->ai_addrlen) &&
            (errno == EADDRINUSE || errno == EACCES))
            error = errno;
        close(fd);
    }
    freeaddrinfo(list);
    return error;
}

/* The port; 0 after failing. */
static int listen_on(grpc_server *server, const char *address, beam_error *err)
{
    const char *with_tls = bm_grpcs_address(address);
    grpc_server_credentials *credentials =
        with_tls ? bm_tls_server(err) : grpc_insecure_server_credentials_create();
    if (!credentials) return 0;
    int port =
        grpc_server_add_http2_port(server, with_tls ? with_tls : address, credentials);
    grpc_server_credentials_release(credentials);
    if (port <= 0)
        bm_error(err, BEAM_EIO, "cannot listen on %s: the address is taken or not of this machine",
                 address);
    return port;
}

static grpc_server *create(bm_rpc *rpc)
{
    grpc_arg args[] = {
        { GRPC_ARG_INTEGER,
          (char *)(uintptr_t)GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
          { .integer = -1 } },
        { GRPC_ARG_INTEGER,
          (char *)(uintptr_t)GRPC_ARG_MAX_SEND_MESSAGE_LENGTH,
          { .integer = -1 } },
        { GRPC_ARG_INTEGER,
          (char *)(uintptr_t)GRPC_ARG_ALLOW_REUSEPORT,
          { .integer = 0 } },
    };
    grpc_channel_args all = { BEAM_COUNT(args), args };
    grpc_server *server = grpc_server_create(&all, NULL);
    grpc_server_register_completion_queue(server, bm_rpc_queue(rpc), NULL);
    return server;
}

static void shutdown_done(void *self, bool ok)
{
    (void)ok;
    server_release(self);
}

bm_server *bm_server_new(bm_rpc *rpc, const char *address, const bm_method *methods,
                         size_t n_methods, void *self, beam_error *err)
{
    const char *with_tls = bm_grpcs_address(address);
    int taken = port_taken(with_tls ? with_tls : address);
    if (taken) {
        bm_error(err, BEAM_EIO, "cannot listen on %s: %s", address, strerror(taken));
        return NULL;
    }
    bm_server *server = bm_xcalloc(1, sizeof *server);
    *server = (bm_server){
        .rpc = rpc, .methods = methods, .n_methods = n_methods, .self = self, .live = 1
    };
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->idle, NULL);
    server->request_tag = (bm_tag){ .run = request_done, .self = server };
    server->shutdown_tag = (bm_tag){ .run = shutdown_done, .self = server };
    server->server = create(rpc);
    server->port = listen_on(server->server, address, err);
    grpc_server_start(server->server);
    request_call(server);
    if (server->port > 0) return server;
    bm_server_free(server);
    return NULL;
}

int bm_server_port(const bm_server *server)
{
    return server->port;
}

void bm_server_free(bm_server *server)
{
    if (!server) return;
    server_hold(server);
    grpc_server_shutdown_and_notify(server->server, bm_rpc_queue(server->rpc),
                                    bm_tag_start(&server->shutdown_tag));
    grpc_server_cancel_all_calls(server->server);
    pthread_mutex_lock(&server->lock);
    while (server->live) pthread_cond_wait(&server->idle, &server->lock);
    pthread_mutex_unlock(&server->lock);
    grpc_server_destroy(server->server);
    pthread_cond_destroy(&server->idle);
    pthread_mutex_destroy(&server->lock);
    free(server);
}
