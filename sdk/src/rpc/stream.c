/* SPDX-License-Identifier: Apache-2.0 */
/* Streams, of clients and servers: an ordered queue of writes, and one reader.
 *
 * gRPC allows one write and one read at a time on a call. A batch is chosen and counted in
 * `ops` under the lock but started outside of it; the count keeps the call alive. The
 * functions run on any thread, everything named ..._done on the rpc thread. A write that is
 * done at once is seen to by the writing thread: to wake the rpc thread would cost more. */
#include <stdlib.h>

#include "rpc/internal.h"

/* Messages up to this size are left in gRPC's buffer while more are queued: fewer, larger
 * writes to the socket. */
enum { SMALL = 16 * 1024 };
/* Queued bytes at which what may be written later is written. */
enum { MOST_LATER = 64 * 1024 };

typedef struct queued {
    struct queued *next;
    grpc_byte_buffer *buffer;
    size_t size;
} queued;

struct bm_stream {
    bm_rpc *rpc;
    bool is_server;
    const bm_stream_handler *handler;
    void *self;
    void (*on_gone)(void *server);
    void *server;
    bool reads_on; /* rpc thread only */

    pthread_mutex_t lock; /* guards all that follows, up to the next blank line */
    pthread_cond_t changed;
    grpc_call *call;       /* NULL after the end */
    unsigned ops;          /* batches not yet completed */
    queued *first, **last; /* waiting to be written */
    size_t queued_bytes;   /* of these and of the one being written */
    size_t sending_bytes;  /* of the one being written */
    bool sending;          /* a write or the last batch is under way */
    bool closing, closed;  /* half close or status: wanted, started */
    bool reading, paused, no_more_reads;
    bool over;        /* the call has its final status */
    bool ended;       /* on_end has returned */
    bool free_on_end; /* bm_stream_free was called inside of on_end */

    /* Operands of the batches. */
    bm_tag opened_tag, read_tag, write_tag, close_tag, over_tag, release_tag;
    bm_metadata metadata;
    grpc_metadata_array initial, trailing;
    grpc_byte_buffer *in;
    grpc_status_code code; /* the call's, or the one a server ends it with */
    grpc_slice detail;
    int cancelled;
};

static void stream_free(bm_stream *stream)
{
    while (stream->first) {
        queued *item = stream->first;
        stream->first = item->next;
        grpc_byte_buffer_destroy(item->buffer);
        free(item);
    }
    grpc_metadata_array_destroy(&stream->initial);
    grpc_metadata_array_destroy(&stream->trailing);
    grpc_slice_unref(stream->detail);
    bm_metadata_free(&stream->metadata);
    pthread_cond_destroy(&stream->changed);
    pthread_mutex_destroy(&stream->lock);
    free(stream);
}

/* -- end -------------------------------------------------------------------------- */

static void call_on_end(bm_stream *stream)
{
    if (!stream->handler) return; /* refused before it began */
    bm_rpc_settle(stream->rpc);
    beam_status status = bm_status_from_grpc(stream->code);
    char *text = NULL;
    if (stream->is_server && stream->cancelled)
        status = BEAM_ECANCELLED;
    else if (status != BEAM_OK)
        text = bm_status_message(stream->code, stream->detail);
    const char *said = text ? text : status == BEAM_OK ? "" : "the caller went away";
    stream->handler->on_end(stream->self, stream, status, said);
    free(text);
}

/* rpc thread, after the last batch. The stream may be gone when this returns. */
static void end(bm_stream *stream)
{
    void (*on_gone)(void *) = stream->on_gone;
    void *server = stream->server;
    call_on_end(stream);
    pthread_mutex_lock(&stream->lock);
    bool free_now = stream->free_on_end || !stream->handler;
    /* Not later: a server's connections stay open as long as their calls are held. */
    grpc_call_unref(stream->call);
    stream->call = NULL;
    stream->ended = true;
    pthread_cond_broadcast(&stream->changed);
    pthread_mutex_unlock(&stream->lock);
    if (free_now) stream_free(stream);
    if (on_gone) on_gone(server);
}

/* Called with the lock, which it releases: one batch has completed. */
static void op_done(bm_stream *stream)
{
    bool last = --stream->ops == 0 && stream->over;
    pthread_mutex_unlock(&stream->lock);
    if (last) end(stream);
}

static void over_done(void *self, bool ok)
{
    (void)ok;
    bm_stream *stream = self;
    pthread_mutex_lock(&stream->lock);
    stream->over = true;
    pthread_cond_broadcast(&stream->changed);
    op_done(stream);
}

/* Of the opening batch, and of a writer's hold on the call. */
static void opened_done(void *self, bool ok)
{
    (void)ok; /* a failure also shows in the status */
    bm_stream *stream = self;
    pthread_mutex_lock(&stream->lock);
    op_done(stream);
}

/* -- writing ----------------------------------------------------------------------- */

/* True if the write is done, and write_tag will not run. */
static bool start_write(bm_stream *stream, queued *item, bool more)
{
    grpc_op op = { .op = GRPC_OP_SEND_MESSAGE };
    /* Never on the last one: it might stay in the buffer for ever. */
    if (more && item->size <= SMALL) op.flags = GRPC_WRITE_BUFFER_HINT;
    op.data.send_message.send_message = item->buffer;
    bool ok; /* after a failure the status follows */
    bool done = bm_start_write(stream->rpc, stream->call, &op, &stream->write_tag, &ok);
    grpc_byte_buffer_destroy(item->buffer);
    free(item);
    return done;
}

static void start_close(bm_stream *stream)
{
    grpc_op op = { .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT };
    if (stream->is_server) {
        op.op = GRPC_OP_SEND_STATUS_FROM_SERVER;
        op.data.send_status_from_server.status = stream->code;
        op.data.send_status_from_server.status_details = &stream->detail;
    }
    bm_start_batch(stream->call, &op, 1, &stream->close_tag);
}

/* With the lock. */
static void note_written(bm_stream *stream)
{
    stream->sending = false;
    stream->queued_bytes -= stream->sending_bytes;
    pthread_cond_broadcast(&stream->changed);
}

/* With the lock: takes the next item off the queue, or NULL. */
static queued *take_next(bm_stream *stream)
{
    queued *item = stream->first;
    if (!item) return NULL;
    stream->first = item->next;
    if (!stream->first) stream->last = &stream->first;
    stream->sending_bytes = item->size;
    return item;
}

/* With the lock, which it releases: the writer is done with `n` batches. Once the call is
 * over, the last of them is for the rpc thread to end, which calls on_end. */
static void release(bm_stream *stream, unsigned n)
{
    bool over = stream->over;
    stream->ops -= over ? n - 1 : n;
    pthread_mutex_unlock(&stream->lock);
    if (over) bm_run_on_rpc_thread(stream->call, &stream->release_tag);
}

/* Called with the lock, which it releases: starts what is to be sent next, if anything, and
 * goes on while that is done at once. */
static void send_next(bm_stream *stream)
{
    while (!stream->sending && !stream->over) {
        queued *item = take_next(stream);
        bool close = !item && stream->closing && !stream->closed;
        if (!item && !close) break;
        bool more = stream->first != NULL;
        stream->sending = true;
        stream->closed = stream->closed || close;
        stream->ops += close ? 1 : 2; /* the second: until this thread is done with the call */
        pthread_mutex_unlock(&stream->lock);
        if (close) {
            start_close(stream);
            return;
        }
        bool done = start_write(stream, item, more);
        pthread_mutex_lock(&stream->lock);
        if (done) note_written(stream);
        if (!done || stream->over) {
            release(stream, done ? 2 : 1);
            return;
        }
        stream->ops -= 2;
    }
    pthread_mutex_unlock(&stream->lock);
}

static void write_done(void *self, bool ok)
{
    (void)ok; /* after a failure the status follows */
    bm_stream *stream = self;
    pthread_mutex_lock(&stream->lock);
    note_written(stream);
    send_next(stream);
    pthread_mutex_lock(&stream->lock);
    op_done(stream);
}

static void close_done(void *self, bool ok)
{
    (void)ok;
    bm_stream *stream = self;
    pthread_mutex_lock(&stream->lock);
    stream->sending = false;
    op_done(stream);
}

/* Returns with the lock; false: without it, since the stream has ended. */
static bool enqueue(bm_stream *stream, bm_message *message)
{
    queued *item = bm_xmalloc(sizeof *item);
    *item = (queued){ NULL, bm_message_to_buffer(message), bm_message_size(message) };
    bm_message_free(message);
    pthread_mutex_lock(&stream->lock);
    if (stream->over || stream->closing) {
        pthread_mutex_unlock(&stream->lock);
        grpc_byte_buffer_destroy(item->buffer);
        free(item);
        return false;
    }
    *stream->last = item;
    stream->last = &item->next;
    stream->queued_bytes += item->size;
    return true;
}

bool bm_stream_write(bm_stream *stream, bm_message *message)
{
    if (!enqueue(stream, message)) return false;
    send_next(stream);
    return true;
}

bool bm_stream_write_later(bm_stream *stream, bm_message *message)
{
    if (!enqueue(stream, message)) return false;
    if (stream->queued_bytes > MOST_LATER)
        send_next(stream);
    else
        pthread_mutex_unlock(&stream->lock);
    return true;
}

void bm_stream_flush(bm_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    send_next(stream);
}

size_t bm_stream_queued_bytes(const bm_stream *stream)
{
    bm_stream *locked = (bm_stream *)(uintptr_t)stream;
    pthread_mutex_lock(&locked->lock);
    size_t bytes = stream->queued_bytes;
    pthread_mutex_unlock(&locked->lock);
    return bytes;
}

bool bm_stream_wait_writable(bm_stream *stream, size_t limit)
{
    pthread_mutex_lock(&stream->lock);
    while (!stream->over && stream->queued_bytes > limit)
        bm_rpc_wait(stream->rpc, &stream->changed, &stream->lock, NULL, false);
    bool writable = !stream->over;
    pthread_mutex_unlock(&stream->lock);
    return writable;
}

void bm_stream_half_close(bm_stream *stream)
{
    if (stream->is_server) {
        bm_stream_finish(stream, BEAM_OK, NULL);
        return;
    }
    pthread_mutex_lock(&stream->lock);
    stream->closing = true;
    send_next(stream);
}

void bm_stream_finish(bm_stream *stream, beam_status status, const char *text)
{
    pthread_mutex_lock(&stream->lock);
    if (!stream->closing) {
        stream->closing = true;
        stream->code = bm_status_to_grpc(status);
        stream->detail = bm_status_detail(text);
    }
    send_next(stream);
}

void bm_stream_cancel(bm_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    if (stream->call) grpc_call_cancel(stream->call, NULL);
    pthread_mutex_unlock(&stream->lock);
}

/* -- reading ------------------------------------------------------------------------ */

/* Called with the lock, which it releases. */
static void read_next(bm_stream *stream)
{
    bool start = !stream->reading && !stream->paused && !stream->no_more_reads &&
                 !stream->over && stream->handler;
    if (start) {
        stream->reading = true;
        stream->ops++;
    }
    pthread_mutex_unlock(&stream->lock);
    if (!start) return;
    grpc_op op = { .op = GRPC_OP_RECV_MESSAGE };
    op.data.recv_message.recv_message = &stream->in;
    bm_start_batch(stream->call, &op, 1, &stream->read_tag);
}

static void read_again(void *self)
{
    bm_stream *stream = self;
    pthread_mutex_lock(&stream->lock);
    stream->reading = false;
    read_next(stream);
    pthread_mutex_lock(&stream->lock);
    op_done(stream);
}

static void read_done(void *self, bool ok)
{
    bm_stream *stream = self;
    bm_message *message = NULL;
    if (stream->in) {
        if (ok) message = bm_message_from_buffer(stream->in);
        grpc_byte_buffer_destroy(stream->in);
        stream->in = NULL;
        if (!message) bm_stream_cancel(stream);
    }
    if (message)
        stream->handler->on_message(stream->self, stream, message);
    else if (stream->is_server && stream->handler->on_half_close)
        stream->handler->on_half_close(stream->self, stream);

    pthread_mutex_lock(&stream->lock);
    if (!message) stream->no_more_reads = true;
    pthread_mutex_unlock(&stream->lock);
    /* gRPC answers a wish to read by telling the peer at once of the room that there is again,
     * a write to the socket: whoever waits for this message goes first. */
    if (stream->reads_on) read_again(stream);
    else bm_rpc_soon(stream->rpc, read_again, stream);
}

void bm_stream_read_on(bm_stream *stream)
{
    stream->reads_on = true;
}

void bm_stream_pause(bm_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    stream->paused = true;
    pthread_mutex_unlock(&stream->lock);
}

void bm_stream_resume(bm_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    stream->paused = false;
    read_next(stream);
}

/* -- beginning ------------------------------------------------------------------------- */

static bm_stream *stream_new(bm_rpc *rpc, grpc_call *call)
{
    bm_stream *stream = bm_xcalloc(1, sizeof *stream);
    stream->rpc = rpc;
    stream->call = call;
    stream->last = &stream->first;
    stream->detail = grpc_empty_slice();
    pthread_mutex_init(&stream->lock, NULL);
    pthread_cond_init(&stream->changed, NULL);
    grpc_metadata_array_init(&stream->initial);
    grpc_metadata_array_init(&stream->trailing);
    stream->opened_tag = (bm_tag){ .run = opened_done, .self = stream };
    stream->read_tag = (bm_tag){ .run = read_done, .self = stream };
    stream->write_tag = (bm_tag){ .run = write_done, .self = stream };
    stream->close_tag = (bm_tag){ .run = close_done, .self = stream };
    stream->over_tag = (bm_tag){ .run = over_done, .self = stream };
    stream->release_tag = (bm_tag){ .run = opened_done, .self = stream };
    return stream;
}

bm_stream *bm_stream_open(bm_channel *channel, const char *method,
                          const char *const metadata[], const bm_stream_handler *handler,
                          void *self)
{
    bm_stream *stream = stream_new(bm_channel_rpc(channel),
                                   bm_channel_call(channel, method, 0));
    stream->handler = handler;
    stream->self = self;
    stream->metadata = bm_metadata_new(bm_channel_worker_id(channel), metadata);

    grpc_op over = { .op = GRPC_OP_RECV_STATUS_ON_CLIENT };
    over.data.recv_status_on_client.trailing_metadata = &stream->trailing;
    over.data.recv_status_on_client.status = &stream->code;
    over.data.recv_status_on_client.status_details = &stream->detail;
    grpc_op open[2] = { { .op = GRPC_OP_SEND_INITIAL_METADATA },
                        { .op = GRPC_OP_RECV_INITIAL_METADATA } };
    open[0].data.send_initial_metadata.count = stream->metadata.count;
    open[0].data.send_initial_metadata.metadata = stream->metadata.items;
    open[1].data.recv_initial_metadata.recv_initial_metadata = &stream->initial;
    stream->ops = 3;
    stream->reading = true;
    bm_start_batch(stream->call, open, 2, &stream->opened_tag);
    bm_start_batch(stream->call, &over, 1, &stream->over_tag);
    grpc_op read = { .op = GRPC_OP_RECV_MESSAGE };
    read.data.recv_message.recv_message = &stream->in;
    bm_start_batch(stream->call, &read, 1, &stream->read_tag);
    return stream;
}

bm_stream *bm_stream_accept(bm_rpc *rpc, grpc_call *call, void (*on_gone)(void *server),
                            void *server)
{
    bm_stream *stream = stream_new(rpc, call);
    stream->is_server = true;
    stream->on_gone = on_gone;
    stream->server = server;
    grpc_op open = { .op = GRPC_OP_SEND_INITIAL_METADATA };
    grpc_op over = { .op = GRPC_OP_RECV_CLOSE_ON_SERVER };
    over.data.recv_close_on_server.cancelled = &stream->cancelled;
    stream->ops = 2;
    bm_start_batch(call, &open, 1, &stream->opened_tag);
    bm_start_batch(call, &over, 1, &stream->over_tag);
    return stream;
}

void bm_stream_begin(bm_stream *stream, const bm_stream_handler *handler, void *self)
{
    if (!handler) {
        bm_stream_finish(stream, BEAM_EUNSUPPORTED, "the call was refused");
        return;
    }
    pthread_mutex_lock(&stream->lock);
    stream->handler = handler;
    stream->self = self;
    read_next(stream);
}

void bm_stream_free(bm_stream *stream)
{
    if (!stream) return;
    bm_stream_cancel(stream);
    pthread_mutex_lock(&stream->lock);
    if (bm_rpc_on_thread(stream->rpc) && !stream->ended) {
        stream->free_on_end = true;
        pthread_mutex_unlock(&stream->lock);
        return;
    }
    while (!stream->ended) pthread_cond_wait(&stream->changed, &stream->lock);
    pthread_mutex_unlock(&stream->lock);
    stream_free(stream);
}
