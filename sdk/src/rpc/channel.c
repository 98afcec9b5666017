/* SPDX-License-Identifier: Apache-2.0 */
/* Channels and unary calls. The functions run on any thread, call_done on the rpc thread.
 * A channel's lock guards its list of pending calls. */
#include <grpc/support/alloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/url.h"
#include "rpc/internal.h"
#include "rpc/tls.h"

typedef struct unary unary;

struct bm_channel {
    bm_rpc *rpc;
    grpc_channel *channel;
    char *target, *worker_id;
    pthread_mutex_t lock;
    pthread_cond_t idle;
    unary *pending; /* under lock */
    bool cancelled; /* under lock: calls are cancelled from the start */
};

/* -- channel ------------------------------------------------------------------- */

/* Proxies named by the environment are for the outside world. */
static bool is_local(const char *target)
{
    static const char *const local[] = { "localhost:", "127.", "[::1]:", "unix:" };
    for (size_t i = 0; i < BEAM_COUNT(local); i++)
        if (!strncmp(target, local[i], strlen(local[i]))) return true;
    return false;
}

static grpc_arg integer(const char *key, int value)
{
    return (grpc_arg){ GRPC_ARG_INTEGER, (char *)(uintptr_t)key, { .integer = value } };
}

/* What a peer may send on a stream before it is taken. gRPC would otherwise measure the
 * connection with pings and let the window grow to many MiB, which are then our memory. */
enum { WINDOW_BYTES = 1 << 20 };

grpc_channel *bm_connect(const char *target, bool shared)
{
    beam_error err = { .status = BEAM_OK };
    const char *address = bm_grpcs_address(target);
    grpc_channel_credentials *credentials =
        address ? bm_tls_client(&err) : grpc_insecure_credentials_create();
    if (!credentials)
        return grpc_lame_client_channel_create(target, bm_status_to_grpc(err.status),
                                               err.message);
    grpc_arg args[] = {
        integer(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, -1),
        integer(GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, -1),
        integer(GRPC_ARG_ENABLE_HTTP_PROXY, !is_local(address ? address : target)),
        /* A connection of its own: no other channel's back-off delays it. */
        integer(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, !shared),
        /* gRPC's own, which cost a tenth of a call: beam/rpc.h leaves them to its users. */
        integer(GRPC_ARG_ENABLE_RETRIES, !shared),
        integer(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100),
        integer(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5000),
        integer(GRPC_ARG_HTTP2_BDP_PROBE, 0),
        integer(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, WINDOW_BYTES),
    };
    grpc_channel_args all = { BEAM_COUNT(args), args };
    if (!address) address = target;
    grpc_channel *channel = grpc_channel_create(address, credentials, &all);
    grpc_channel_credentials_release(credentials);
    return channel;
}

bm_channel *bm_channel_new(bm_rpc *rpc, const char *target, const char *worker_id)
{
    bm_channel *channel = bm_xcalloc(1, sizeof *channel);
    channel->rpc = rpc;
    channel->channel = bm_connect(target, false);
    channel->target = bm_xstrdup(target);
    channel->worker_id = bm_xstrdup(worker_id);
    pthread_mutex_init(&channel->lock, NULL);
    pthread_cond_init(&channel->idle, NULL);
    return channel;
}

bm_rpc *bm_channel_rpc(const bm_channel *channel)
{
    return channel->rpc;
}

const char *bm_channel_worker_id(const bm_channel *channel)
{
    return channel->worker_id;
}

grpc_call *bm_channel_call(bm_channel *channel, const char *method, int timeout_ms)
{
    grpc_slice path = grpc_slice_from_copied_string(method);
    grpc_call *call = grpc_channel_create_call(channel->channel, NULL,
                                               GRPC_PROPAGATE_DEFAULTS,
                                               bm_rpc_queue(channel->rpc), path, NULL,
                                               bm_deadline(timeout_ms), NULL);
    grpc_slice_unref(path);
    return call;
}

/* -- metadata --------------------------------------------------------------------- */

bool bm_metadata_is_legal(const char *value)
{
    return grpc_header_nonbin_value_is_legal(
        grpc_slice_from_static_buffer(value, strlen(value)));
}

static void add_pair(bm_metadata *metadata, const char *key, const char *value)
{
    grpc_metadata *item = &metadata->items[metadata->count++];
    item->key = grpc_slice_from_copied_string(key);
    item->value = grpc_slice_from_copied_string(value);
}

bm_metadata bm_metadata_new(const char *worker_id, const char *const pairs[])
{
    size_t count = worker_id != NULL;
    for (size_t i = 0; pairs && pairs[i]; i += 2) count++;
    bm_metadata metadata = { bm_xcalloc(count + 1, sizeof(grpc_metadata)), 0 };
    if (worker_id) add_pair(&metadata, "worker_id", worker_id);
    for (size_t i = 0; pairs && pairs[i]; i += 2)
        add_pair(&metadata, pairs[i], pairs[i + 1]);
    return metadata;
}

void bm_metadata_free(bm_metadata *metadata)
{
    for (size_t i = 0; i < metadata->count; i++) {
        grpc_slice_unref(metadata->items[i].key);
        grpc_slice_unref(metadata->items[i].value);
    }
    free(metadata->items);
}

/* -- unary calls ------------------------------------------------------------------------ */

struct unary {
    bm_tag tag;
    bm_channel *channel;
    unary *next, **link; /* in channel->pending */
    grpc_call *call;
    bm_call_done on_done;
    void *self;
    bm_metadata metadata;
    grpc_byte_buffer *request, *response;
    grpc_metadata_array initial, trailing;
    grpc_status_code code;
    grpc_slice detail;
};

static void call_free(unary *call)
{
    grpc_call_unref(call->call);
    grpc_byte_buffer_destroy(call->request);
    grpc_byte_buffer_destroy(call->response);
    grpc_metadata_array_destroy(&call->initial);
    grpc_metadata_array_destroy(&call->trailing);
    grpc_slice_unref(call->detail);
    bm_metadata_free(&call->metadata);
    free(call);
}

static void link_call(unary *call)
{
    bm_channel *channel = call->channel;
    pthread_mutex_lock(&channel->lock);
    call->next = channel->pending;
    call->link = &channel->pending;
    if (call->next) call->next->link = &call->next;
    channel->pending = call;
    if (channel->cancelled) grpc_call_cancel(call->call, NULL);
    pthread_mutex_unlock(&channel->lock);
}

/* Unlinks and frees; the channel may be gone when this returns. */
static void unlink_call(unary *call)
{
    bm_channel *channel = call->channel;
    pthread_mutex_lock(&channel->lock);
    *call->link = call->next;
    if (call->next) call->next->link = call->link;
    call_free(call);
    if (!channel->pending) pthread_cond_broadcast(&channel->idle);
    pthread_mutex_unlock(&channel->lock);
}

/* rpc thread */
static void call_done(void *self, bool ok)
{
    (void)ok; /* the status tells */
    unary *call = self;
    bm_message *response = NULL;
    if (call->code == GRPC_STATUS_OK && call->response)
        response = bm_message_from_buffer(call->response);
    if (response) {
        call->on_done(call->self, BEAM_OK, NULL, response);
    } else if (call->code == GRPC_STATUS_OK) {
        call->on_done(call->self, BEAM_ERPC, "the peer answered without a message", NULL);
    } else {
        char *text = bm_status_message(call->code, call->detail);
        call->on_done(call->self, bm_status_from_grpc(call->code), text, NULL);
        free(text);
    }
    bm_message_free(response);
    unlink_call(call);
}

void bm_call_async(bm_channel *channel, const char *method, bm_message *request,
                   int timeout_ms, bm_call_done on_done, void *self)
{
    unary *call = bm_xcalloc(1, sizeof *call);
    call->tag = (bm_tag){ .run = call_done, .self = call };
    call->channel = channel;
    call->call = bm_channel_call(channel, method, timeout_ms);
    call->on_done = on_done;
    call->self = self;
    call->metadata = bm_metadata_new(channel->worker_id, NULL);
    call->request = bm_message_to_buffer(request);
    bm_message_free(request);
    call->detail = grpc_empty_slice();
    grpc_metadata_array_init(&call->initial);
    grpc_metadata_array_init(&call->trailing);
    link_call(call);

    grpc_op ops[6] = {
        { .op = GRPC_OP_SEND_INITIAL_METADATA },  { .op = GRPC_OP_SEND_MESSAGE },
        { .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT }, { .op = GRPC_OP_RECV_INITIAL_METADATA },
        { .op = GRPC_OP_RECV_MESSAGE },           { .op = GRPC_OP_RECV_STATUS_ON_CLIENT },
    };
    ops[0].data.send_initial_metadata.count = call->metadata.count;
    ops[0].data.send_initial_metadata.metadata = call->metadata.items;
    ops[1].data.send_message.send_message = call->request;
    ops[3].data.recv_initial_metadata.recv_initial_metadata = &call->initial;
    ops[4].data.recv_message.recv_message = &call->response;
    ops[5].data.recv_status_on_client.trailing_metadata = &call->trailing;
    ops[5].data.recv_status_on_client.status = &call->code;
    ops[5].data.recv_status_on_client.status_details = &call->detail;
    bm_start_batch(call->call, ops, BEAM_COUNT(ops), &call->tag);
}

/* What a blocked caller waits for. */
typedef struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t done_cond;
    bool done, ok;
    bm_channel *channel;
    const char *method;
    bm_arena *arena;
    beam_span *response;
    beam_error *err;
    beam_status status;
} waiter;

static void waiter_init(waiter *w)
{
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->done_cond, NULL);
}

static void waiter_wait(waiter *w, bm_rpc *rpc)
{
    pthread_mutex_lock(&w->lock);
    while (!w->done) bm_rpc_wait(rpc, &w->done_cond, &w->lock, NULL, false);
    pthread_mutex_unlock(&w->lock);
    pthread_cond_destroy(&w->done_cond);
    pthread_mutex_destroy(&w->lock);
}

static void waiter_wake(void *self, bool ok)
{
    waiter *w = self;
    pthread_mutex_lock(&w->lock);
    w->done = true;
    w->ok = ok;
    pthread_cond_signal(&w->done_cond);
    pthread_mutex_unlock(&w->lock);
}

/* rpc thread; the caller is blocked, so its arena and error are ours to use. */
static void blocking_call_done(void *self, beam_status status, const char *error_text,
                               bm_message *response)
{
    waiter *w = self;
    w->status = status;
    if (status == BEAM_OK)
        *w->response = bm_span_copy(w->arena, bm_message_flat(response, w->arena));
    else
        bm_error(w->err, status, "%s at %s: %s", w->method, w->channel->target,
                 error_text);
    waiter_wake(w, true);
}

beam_status bm_call(bm_channel *channel, const char *method, beam_span request,
                    int timeout_ms, bm_arena *arena, beam_span *response, beam_error *err)
{
    if (bm_rpc_on_thread(channel->rpc))
        return bm_error(err, BEAM_ESTATE, "%s: a blocking call on the rpc thread",
                        method);
    waiter w = { .channel = channel,
                 .method = method,
                 .arena = arena,
                 .response = response,
                 .err = err };
    waiter_init(&w);
    bm_message *message = bm_message_new();
    bm_message_add(message, bm_slice_copy(request));
    bm_call_async(channel, method, message, timeout_ms, blocking_call_done, &w);
    waiter_wait(&w, channel->rpc);
    return w.status;
}

/* -- waiting, freeing -------------------------------------------------------------------- */

beam_status bm_channel_wait(bm_channel *channel, int timeout_ms, beam_error *err)
{
    gpr_timespec deadline = bm_deadline(timeout_ms);
    for (;;) {
        grpc_connectivity_state state =
            grpc_channel_check_connectivity_state(channel->channel, 1);
        if (state == GRPC_CHANNEL_READY) return BEAM_OK;
        waiter w = { .channel = channel };
        waiter_init(&w);
        bm_tag tag = { .run = waiter_wake, .self = &w };
        grpc_channel_watch_connectivity_state(channel->channel, state, deadline,
                                              bm_rpc_queue(channel->rpc),
                                              bm_tag_start(&tag));
        waiter_wait(&w, channel->rpc);
        if (!w.ok)
            return bm_error(err, BEAM_ETIMEOUT, "nothing answers at %s (waited %d ms)",
                            channel->target, timeout_ms);
    }
}

void bm_channel_cancel_calls(bm_channel *channel)
{
    pthread_mutex_lock(&channel->lock);
    channel->cancelled = true;
    for (unary *call = channel->pending; call; call = call->next)
        grpc_call_cancel(call->call, NULL);
    pthread_mutex_unlock(&channel->lock);
}

void bm_channel_free(bm_channel *channel)
{
    if (!channel) return;
    bm_channel_cancel_calls(channel);
    pthread_mutex_lock(&channel->lock);
    while (channel->pending) pthread_cond_wait(&channel->idle, &channel->lock);
    pthread_mutex_unlock(&channel->lock);
    grpc_channel_destroy(channel->channel);
    pthread_cond_destroy(&channel->idle);
    pthread_mutex_destroy(&channel->lock);
    free(channel->target);
    free(channel->worker_id);
    free(channel);
}
