/* SPDX-License-Identifier: Apache-2.0 */
/* rpc/rpc.h - gRPC as the rest of the project sees it. Only this directory includes
 * grpc headers; messages are bytes here, their meaning is the callers'.
 *
 * Threads: a bm_rpc owns the *rpc thread*, which runs every callback named on_... below; who
 * is that may change (bm_rpc_lend()), but callbacks are never run at once, and see what those
 * before them did. Callbacks must not block and must not call the blocking functions. All other
 * functions may be called from any thread. */
#ifndef BM_RPC_H
#define BM_RPC_H

#include <pthread.h>

#include "base/arena.h"
#include "beam/status.h"

/* -- bytes with an owner ------------------------------------------------------------ */
/* A refcounted run of immutable bytes, such as one slice of a received message. */
typedef struct bm_slice bm_slice;
beam_span bm_slice_span(const bm_slice *slice);
bm_slice *bm_slice_ref(bm_slice *slice);
void bm_slice_unref(bm_slice *slice); /* NULL is fine */
/* Takes over malloc'd bytes. */
bm_slice *bm_slice_take(void *malloced, size_t len);
bm_slice *bm_slice_copy(beam_span bytes);

/* A message to send or received: slices in order, joined only if somebody asks. */
typedef struct bm_message bm_message;
bm_message *bm_message_new(void);
void bm_message_free(bm_message *message);
/* Appends; takes over the caller's reference. */
void bm_message_add(bm_message *message, bm_slice *slice);
size_t bm_message_size(const bm_message *message);
size_t bm_message_slices(const bm_message *message);
bm_slice *bm_message_slice(const bm_message *message, size_t i); /* borrowed */
/* The message as one run of bytes: a view when it is one slice, else copied into arena. */
beam_span bm_message_flat(const bm_message *message, bm_arena *arena);

/* -- runtime ---------------------------------------------------------------------------- */
typedef struct bm_rpc bm_rpc;
bm_rpc *bm_rpc_new(void);
/* All channels, streams and servers made from it must have been freed. Joins its threads. */
void bm_rpc_free(bm_rpc *rpc);
/* Calls fn(arg) when the rpc thread has no more events to handle, or after a few of them,
 * in order; certainly before the on_end of a stream. What wakes another thread is best done
 * so: by then the thread finds what has come on other streams, and gRPC's locks free. rpc thread
 * only. */
void bm_rpc_soon(bm_rpc *rpc, void (*fn)(void *arg), void *arg);

/* -- the rpc thread, lent ---------------------------------------------------------------- */
/* Has the rpc thread call job(arg), once the callback that asks has returned and a few of the
 * events that are there have been handled: for a short job no other thread need be woken. What
 * was asked for soon may come after it has begun. The job may do what may be done on any other
 * thread. While it waits by the functions below, in bm_call() or bm_stream_wait_writable(), its
 * thread handles events; when it is without that for some milliseconds, another thread becomes
 * the rpc thread. False: the thread is not to be had, for it is lent or claimed, or there is no
 * other. rpc thread only. */
bool bm_rpc_lend(bm_rpc *rpc, void (*job)(void *arg), void *arg);
/* Other threads wait for events, which are not to wait for a job: until all claims are given
 * up the thread is not lent, and one that is lent gives its place to the other. To claim: rpc
 * thread only. To give up: any thread. */
void bm_rpc_claim(bm_rpc *rpc);
void bm_rpc_unclaim(bm_rpc *rpc);
/* pthread_cond_timedwait() by the monotonic clock, or pthread_cond_wait() when `until` is NULL,
 * for what a callback here or the caller itself brings about: a lent thread handles an event
 * instead, and is not woken by the condition. May return early, as these may. `many`: see
 * bm_rpc_serve(). rpc NULL: as these. Not in a callback. */
int bm_rpc_wait(bm_rpc *rpc, pthread_cond_t *cond, pthread_mutex_t *lock,
                const struct timespec *until, bool many);
/* On a lent thread: waits for an event, handles it and returns true. False: on all others, and
 * when another is the rpc thread by now; then the caller waits by other means. `many`: it waits
 * for more than a few events, which it had better find together, since for gRPC to wait once
 * more is a write each time; so it sleeps a little first. Not in a callback. */
bool bm_rpc_serve(bm_rpc *rpc, bool many);

/* -- client ------------------------------------------------------------------------------ */
typedef struct bm_channel bm_channel;
/* `target` is "host:port" or a "unix:" path, as an ApiServiceDescriptor's url gives it.
 * Connects lazily. `worker_id` (may be NULL) is sent as metadata with every call. */
bm_channel *bm_channel_new(bm_rpc *rpc, const char *target, const char *worker_id);
/* Can it be the value of metadata? Only printable ASCII can; all else is for the caller to
 * refuse. */
bool bm_metadata_is_legal(const char *value);
/* Fails the unary calls that are under way, and later ones. Any thread. */
void bm_channel_cancel_calls(bm_channel *channel);
/* Cancels its pending calls and waits until each has had its on_done; streams must have
 * been freed. Not on the rpc thread. */
void bm_channel_free(bm_channel *channel);
/* Waits until connected; BEAM_ETIMEOUT after timeout_ms. */
beam_status bm_channel_wait(bm_channel *channel, int timeout_ms, beam_error *err);

/* One unary call; blocks. The response is in the arena. timeout_ms 0: none. A failure is
 * BEAM_ERPC (ETIMEOUT when the deadline passed, EUNSUPPORTED for UNIMPLEMENTED) with the
 * peer's message and the address in err. `method` is "/package.Service/Method". */
beam_status bm_call(bm_channel *channel, const char *method, beam_span request, int timeout_ms,
                    bm_arena *arena, beam_span *response, beam_error *err);

/* A unary call that does not block: on_done runs on the rpc thread. */
typedef void (*bm_call_done)(void *self, beam_status status, const char *error_text,
                             bm_message *response /* borrowed; NULL on failure */);
void bm_call_async(bm_channel *channel, const char *method, bm_message *request, int timeout_ms,
                   bm_call_done on_done, void *self);

/* -- streams (both sides) ------------------------------------------------------------------ */
typedef struct bm_stream bm_stream;

typedef struct bm_stream_handler {
    /* A message arrived; it becomes the handler's. The next is read behind what this has asked
     * to be done soon (bm_rpc_soon()), unless the stream is paused. */
    void (*on_message)(void *self, bm_stream *stream, bm_message *message);
    /* The peer sends no more messages (half close); may be NULL. */
    void (*on_half_close)(void *self, bm_stream *stream);
    /* The stream is over; called exactly once, last. status BEAM_OK: ended in order. */
    void (*on_end)(void *self, bm_stream *stream, beam_status status, const char *text);
} bm_stream_handler;

/* Opens a bidirectional (or server-streaming) call. `metadata` is {key, value, ..., NULL} in
 * lower case, may be NULL; the worker_id of the channel is added. `handler` and `self` must
 * outlive on_end. */
bm_stream *bm_stream_open(bm_channel *channel, const char *method, const char *const metadata[],
                          const bm_stream_handler *handler, void *self);
/* From now on the next message is read before what on_message has asked to be done soon. In
 * on_message. */
void bm_stream_read_on(bm_stream *stream);
/* Queues a message, which becomes the stream's; written in order. After the end it is
 * dropped and false is returned. */
bool bm_stream_write(bm_stream *stream, bm_message *message);
/* The same, but it may stay in the queue until the next bm_stream_write() or _flush(): many
 * small messages then go to the socket together. */
bool bm_stream_write_later(bm_stream *stream, bm_message *message);
void bm_stream_flush(bm_stream *stream);
/* Bytes queued and not yet written, for back-pressure. */
size_t bm_stream_queued_bytes(const bm_stream *stream);
/* Blocks while more than `limit` bytes are queued; false when the stream has ended. Not on
 * the rpc thread. */
bool bm_stream_wait_writable(bm_stream *stream, size_t limit);
/* After the queued messages: no more will come from us. */
void bm_stream_half_close(bm_stream *stream);
void bm_stream_cancel(bm_stream *stream);
/* Stops and resumes reading; the peer is held back by HTTP/2 flow control. */
void bm_stream_pause(bm_stream *stream);
void bm_stream_resume(bm_stream *stream);
/* Cancels if still open, waits for on_end to have returned, frees. Not on the rpc thread. */
void bm_stream_free(bm_stream *stream);

/* -- server ------------------------------------------------------------------------------------ */
typedef struct bm_server bm_server;

/* An incoming call, until it is answered. */
typedef struct bm_incoming bm_incoming;
/* Value of a metadata key of the caller, or NULL. */
const char *bm_incoming_metadata(const bm_incoming *call, const char *key);
const char *bm_incoming_method(const bm_incoming *call);
/* For unary: answers, from any thread, exactly once; the call is gone afterwards. */
void bm_incoming_reply(bm_incoming *call, bm_message *response);
/* Fails it, with gRPC status INVALID_ARGUMENT, UNIMPLEMENTED, UNAVAILABLE or INTERNAL made
 * from `status`. */
void bm_incoming_fail(bm_incoming *call, beam_status status, const char *text);

typedef struct bm_method {
    const char *name; /* "/package.Service/Method" */
    /* Unary: on the rpc thread; answers now or later. `request` is borrowed. */
    void (*on_unary)(void *self, bm_incoming *call, bm_message *request);
    /* Streaming: fills in handler and its self for the new stream, which the callee frees
     * after on_end; false refuses the call. */
    bool (*on_stream)(void *self, const bm_incoming *call, bm_stream *stream,
                      const bm_stream_handler **handler, void **handler_self);
} bm_method;

/* Listens on `address` ("localhost:0", "0.0.0.0:50000"). The methods table must outlive the
 * server. Fails when the port is taken. */
bm_server *bm_server_new(bm_rpc *rpc, const char *address, const bm_method *methods,
                         size_t n_methods, void *self, beam_error *err);
int bm_server_port(const bm_server *server);
/* Ends a server's stream in order once the queued messages are written. */
void bm_stream_finish(bm_stream *server_stream, beam_status status, const char *text);
/* Stops listening, cancels calls, waits for their ends. Not on the rpc thread. */
void bm_server_free(bm_server *server);

#endif
