/* SPDX-License-Identifier: Apache-2.0 */
/* BeamFnLogging of beam_fn_api.proto. Any thread puts entries into a bounded queue; a thread
 * of the log stream takes them out, in order, and writes them to the runner, or to stderr
 * while there is no runner to write to. That thread batches by itself: what is logged
 * while it writes goes into the next message. The rpc thread only tells it of the end. */
#include "log_stream.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "log_entry.h"
#include "pb.h"

#define METHOD "/org.apache.beam.model.fn_execution.v1.BeamFnLogging/Logging"

enum {
    MAX_ENTRIES = 10000,
    MAX_BYTES = 4 << 20,
    BATCH_ENTRIES = 1000,
    BATCH_BYTES = 256 * 1024,
    CONNECT_MS = 5000, /* an attempt; entries of the first one wait for its outcome */
    POLL_MS = 200,     /* during an attempt, entries are looked after this often */
    FLUSH_MS = 2000,
    RETRY_MIN_MS = 1000,
    RETRY_MAX_MS = 30000
};

typedef struct entries {
    bm_kept_entry *first, **last;
    size_t n, bytes;
} entries;

struct bm_log_stream {
    bm_log log;
    bm_rpc *rpc;
    char *endpoint, *worker_id;
    pthread_t sender;
    bool has_sender;

    pthread_mutex_t lock; /* guards all that follows, up to the next blank line */
    pthread_cond_t changed;
    entries queue;
    size_t dropped; /* since the last report of it */
    bool busy;      /* a batch has been taken off the queue and not been sent */
    bm_stream *stream;
    bool ended;         /* the stream's on_end has come */
    beam_status status; /* when ended */
    char reason[256];
    bool closing, done;
    int64_t close_by; /* when closing: in bm_monotonic_ms */

    /* Sender only. */
    bm_channel *channel; /* without a stream: an attempt to connect */
    int64_t next_change; /* the attempt is given up, or without one: the next begins */
    int64_t up_since;
    int retry_ms;
    bool told;
    bool
        to_stderr; /* false until the first attempt has failed, and while there is a stream */
};

/* -- entries ------------------------------------------------------------------ */

static void entries_init(entries *list)
{
    *list = (entries){ .last = &list->first };
}

static void entries_add(entries *list, bm_kept_entry *e)
{
    *list->last = e;
    list->last = &e->next;
    list->n++;
    list->bytes += e->size;
}

static bm_kept_entry *entries_take(entries *list)
{
    bm_kept_entry *e = list->first;
    list->first = e->next;
    if (!list->first) list->last = &list->first;
    list->n--;
    list->bytes -= e->size;
    e->next = NULL;
    return e;
}

static void entries_free(entries *list)
{
    while (list->first) free(entries_take(list));
}

/* -- the sink ------------------------------------------------------------------ */

static void sink_write(void *self, const bm_log_entry *from)
{
    bm_log_stream *s = self;
    if (from->severity < s->log.minimum) return;
    bm_kept_entry *e = bm_kept_entry_new(from);
    pthread_mutex_lock(&s->lock);
    bool fits = s->queue.n < MAX_ENTRIES && e->size <= MAX_BYTES - s->queue.bytes;
    if (fits) {
        if (!s->queue.first) pthread_cond_broadcast(&s->changed);
        entries_add(&s->queue, e);
    } else {
        s->dropped++;
    }
    pthread_mutex_unlock(&s->lock);
    if (!fits) free(e);
}

/* Takes one batch off the queue; an entry about drops is put where the dropped ones would
 * have been. False: the queue is empty. */
static bool take_batch(bm_log_stream *s, entries *batch)
{
    entries_init(batch);
    pthread_mutex_lock(&s->lock);
    while (s->queue.first && batch->n < BATCH_ENTRIES && batch->bytes < BATCH_BYTES)
        entries_add(batch, entries_take(&s->queue));
    if (s->dropped) {
        char text[96];
        snprintf(text, sizeof text, "%zu log entries were dropped: logging is too fast",
                 s->dropped);
        s->dropped = 0;
        const bm_log_entry entry = { .severity = BEAM_LOG_WARN,
                                     .message = text,
                                     .location = "log_stream.c" };
        entries_add(&s->queue, bm_kept_entry_new(&entry));
    }
    s->busy = batch->first != NULL;
    pthread_mutex_unlock(&s->lock);
    return batch->first;
}

/* -- sending: the sender ---------------------------------------------------------- */

static bm_message *encode_batch(const entries *batch)
{
    upb_Arena *pb = bm_pb_arena_new();
    pb_LogEntry_List *list = pb_LogEntry_List_new(pb);
    for (const bm_kept_entry *e = batch->first; e; e = e->next)
        bm_kept_entry_encode(e, pb_LogEntry_List_add_log_entries(list, pb), pb);
    size_t n;
    char *bytes = pb_LogEntry_List_serialize(list, pb, &n);
    bm_message *message = bm_pb_message(bytes, n);
    upb_Arena_Free(pb);
    return message;
}

static void print_batch(const entries *batch)
{
    for (const bm_kept_entry *e = batch->first; e; e = e->next) bm_kept_entry_print(e);
}

/* To the runner or to stderr. A batch of which it is not known that it was sent goes to
 * both: better twice than not at all. */
static void drain(bm_log_stream *s)
{
    entries batch;
    while (take_batch(s, &batch)) {
        bool sent = s->stream && bm_stream_write(s->stream, encode_batch(&batch)) &&
                    bm_stream_wait_writable(s->stream, 0);
        if (!sent) print_batch(&batch);
        entries_free(&batch);
        if (s->stream && !sent) return; /* the rest when the stream has been put away */
    }
}

/* -- the stream: the sender, but on_... the rpc thread --------------------------------- */

static void on_message(void *self, bm_stream *stream, bm_message *message)
{
    (void)self, (void)stream;
    bm_message_free(message); /* LogControl has no fields */
}

static void on_end(void *self, bm_stream *stream, beam_status status, const char *text)
{
    (void)stream;
    bm_log_stream *s = self;
    pthread_mutex_lock(&s->lock);
    s->ended = true;
    s->status = status;
    snprintf(s->reason, sizeof s->reason, "%s", text ? text : "");
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static const bm_stream_handler handler = { on_message, NULL, on_end };

/* Says where the entries go from now on: once, until a stream has lasted for a while. */
static void tell(bm_log_stream *s, beam_severity severity, const char *reason)
{
    if (s->told || severity < s->log.minimum) return;
    s->told = true;
    bm_log log = bm_log_stderr;
    log.minimum = severity;
    bm_log_write(&log, severity, "no log stream to %s, entries go to stderr: %s",
                 s->endpoint, reason);
}

static void begin_attempt(bm_log_stream *s)
{
    s->channel = bm_channel_new(s->rpc, s->endpoint, s->worker_id);
    s->next_change = bm_monotonic_ms() + CONNECT_MS;
}

/* The connection is gone or did not come: entries go to stderr until the next one. */
static void go_down(bm_log_stream *s)
{
    bm_channel_free(s->channel);
    s->channel = NULL;
    s->to_stderr = true;
    s->next_change = bm_monotonic_ms() + s->retry_ms;
    s->retry_ms = s->retry_ms * 2 < RETRY_MAX_MS ? s->retry_ms * 2 : RETRY_MAX_MS;
}

static void open_stream(bm_log_stream *s)
{
    s->ended = false; /* no stream: nobody else looks */
    bm_stream *stream = bm_stream_open(s->channel, METHOD, NULL, &handler, s);
    pthread_mutex_lock(&s->lock);
    s->stream = stream;
    pthread_mutex_unlock(&s->lock);
    s->up_since = bm_monotonic_ms();
    s->to_stderr = false;
}

static void put_stream_away(bm_log_stream *s)
{
    pthread_mutex_lock(&s->lock);
    bm_stream *stream = s->stream;
    s->stream = NULL;
    pthread_mutex_unlock(&s->lock);
    bm_stream_free(stream);
}

static void lose_stream(bm_log_stream *s)
{
    put_stream_away(s);
    if (bm_monotonic_ms() - s->up_since > RETRY_MAX_MS) {
        s->retry_ms = RETRY_MIN_MS;
        s->told = false;
    }
    if (s->status == BEAM_OK) /* runners that are about to end do so */
        tell(s, BEAM_LOG_DEBUG, "the runner has ended it");
    else
        tell(s, BEAM_LOG_WARN, s->reason);
    go_down(s);
}

static void attempt(bm_log_stream *s)
{
    if (bm_channel_wait(s->channel, POLL_MS, NULL) == BEAM_OK) {
        open_stream(s);
    } else if (bm_monotonic_ms() >= s->next_change) {
        tell(s, BEAM_LOG_WARN, "nothing answers there");
        go_down(s);
    }
}

static struct timespec at_ms(int64_t moment)
{
    int64_t left = moment - bm_monotonic_ms();
    return bm_after_ms(left > 0 ? left : 0);
}

/* Waits for entries, the stream's end, the time of the next attempt, or the close. */
static void wait_for_news(bm_log_stream *s)
{
    struct timespec until = at_ms(s->next_change);
    int rc = 0;
    pthread_mutex_lock(&s->lock);
    while (!s->queue.first && !s->dropped && !s->closing && !(s->stream && s->ended) &&
           !rc)
        rc = s->stream ? pthread_cond_wait(&s->changed, &s->lock)
                       : pthread_cond_timedwait(&s->changed, &s->lock, &until);
    pthread_mutex_unlock(&s->lock);
}

static bool is(bm_log_stream *s, const bool *flag)
{
    pthread_mutex_lock(&s->lock);
    bool set = *flag;
    pthread_mutex_unlock(&s->lock);
    return set;
}

/* One step of: an attempt, then a stream until it ends, then a pause, and so on. */
static void step(bm_log_stream *s)
{
    if (s->stream) {
        wait_for_news(s);
        drain(s);
        if (is(s, &s->ended)) lose_stream(s);
    } else if (s->channel) {
        if (s->to_stderr) drain(s);
        attempt(s);
    } else {
        wait_for_news(s);
        drain(s);
        if (bm_monotonic_ms() >= s->next_change) begin_attempt(s);
    }
}

/* Everything to where it can still go, and the end of the stream awaited, so that the
 * runner has read it all. */
static void finish(bm_log_stream *s)
{
    while (!s->stream && s->channel && !s->to_stderr && bm_monotonic_ms() < s->close_by)
        attempt(s);
    drain(s);
    if (s->stream) {
        bm_stream_half_close(s->stream);
        struct timespec until = at_ms(s->close_by);
        pthread_mutex_lock(&s->lock);
        while (!s->ended && !pthread_cond_timedwait(&s->changed, &s->lock, &until))
            continue;
        pthread_mutex_unlock(&s->lock);
        put_stream_away(s);
    }
    bm_channel_free(s->channel);
    drain(s); /* what the stream did not take, now to stderr */
}

static void *sender_main(void *arg)
{
    bm_log_stream *s = arg;
    pthread_setname_np(pthread_self(), "log-stream");
    begin_attempt(s);
    while (!is(s, &s->closing)) step(s);
    finish(s);
    pthread_mutex_lock(&s->lock);
    s->done = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* -- life --------------------------------------------------------------------------- */

bm_log_stream *bm_log_stream_new(bm_rpc *rpc, const char *endpoint, const char *worker_id,
                                 beam_severity minimum)
{
    bm_log_stream *s = bm_xcalloc(1, sizeof *s);
    s->log = (bm_log){ sink_write, s, minimum };
    s->rpc = rpc;
    s->endpoint = bm_xstrdup(endpoint);
    s->worker_id = bm_xstrdup(worker_id);
    s->retry_ms = RETRY_MIN_MS;
    entries_init(&s->queue);
    pthread_mutex_init(&s->lock, NULL);
    bm_cond_init(&s->changed);
    s->has_sender = !pthread_create(&s->sender, NULL, sender_main, s);
    if (!s->has_sender) { /* no more threads: then without the runner */
        s->log.write = bm_log_stderr.write;
        s->log.self = bm_log_stderr.self;
    }
    return s;
}

const bm_log *bm_log_stream_log(bm_log_stream *stream)
{
    return &stream->log;
}

void bm_log_stream_flush(bm_log_stream *s, int ms)
{
    int64_t until = bm_monotonic_ms() + ms;
    bool left = true;
    while (left && s->has_sender && bm_monotonic_ms() < until) {
        pthread_mutex_lock(&s->lock);
        left = s->queue.first || s->busy;
        pthread_mutex_unlock(&s->lock);
        if (left) bm_sleep_ms(5);
    }
}

static void stop_sender(bm_log_stream *s)
{
    pthread_mutex_lock(&s->lock);
    s->close_by = bm_monotonic_ms() + FLUSH_MS;
    s->closing = true;
    pthread_cond_broadcast(&s->changed);
    struct timespec until = at_ms(s->close_by);
    while (!s->done) {
        if (!pthread_cond_timedwait(&s->changed, &s->lock, &until)) continue;
        if (!s->done && s->stream) bm_stream_cancel(s->stream); /* the runner is stuck */
        until = bm_after_ms(POLL_MS); /* it may have been opened just now */
    }
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->sender, NULL);
}

void bm_log_stream_free(bm_log_stream *stream)
{
    if (!stream) return;
    if (stream->has_sender) stop_sender(stream);
    entries_free(&stream->queue);
    pthread_cond_destroy(&stream->changed);
    pthread_mutex_destroy(&stream->lock);
    free(stream->endpoint);
    free(stream->worker_id);
    free(stream);
}
