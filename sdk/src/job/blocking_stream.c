/* SPDX-License-Identifier: Apache-2.0 */
/* A queue between the rpc thread and one reading thread. */
#include "job/blocking_stream.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/error.h"

enum { MANY_QUEUED = 64, FEW_QUEUED = 8, MAX_UNSENT = 4 << 20 };

typedef struct queued queued;
struct queued {
    queued *next;
    bm_message *message;
};

struct bm_blocking_stream {
    bm_stream *stream;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    queued *first, **last;
    size_t n_queued;
    bool paused, over;
    beam_status status;
    char text[512];
};

static void on_message(void *self, bm_stream *stream, bm_message *message)
{
    bm_blocking_stream *s = self;
    queued *q = bm_xcalloc(1, sizeof *q);
    q->message = message;
    pthread_mutex_lock(&s->lock);
    *s->last = q;
    s->last = &q->next;
    if (++s->n_queued >= MANY_QUEUED && !s->paused) {
        s->paused = true;
        bm_stream_pause(stream);
    }
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void on_end(void *self, bm_stream *stream, beam_status status, const char *text)
{
    bm_blocking_stream *s = self;
    (void)stream;
    pthread_mutex_lock(&s->lock);
    s->over = true;
    s->status = status;
    snprintf(s->text, sizeof s->text, "%s", text ? text : "");
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static const bm_stream_handler handler = { .on_message = on_message, .on_end = on_end };

bm_blocking_stream *bm_blocking_stream_open(bm_channel *channel, const char *method)
{
    bm_blocking_stream *s = bm_xcalloc(1, sizeof *s);
    s->last = &s->first;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &attr);
    pthread_condattr_destroy(&attr);
    s->stream = bm_stream_open(channel, method, NULL, &handler, s);
    return s;
}

bool bm_blocking_stream_send(bm_blocking_stream *s, beam_span bytes)
{
    bm_message *message = bm_message_new();
    bm_message_add(message, bm_slice_copy(bytes));
    return bm_stream_write(s->stream, message) &&
           bm_stream_wait_writable(s->stream, MAX_UNSENT);
}

void bm_blocking_stream_half_close(bm_blocking_stream *s)
{
    bm_stream_half_close(s->stream);
}

static struct timespec deadline(int timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + (int64_t)(timeout_ms % 1000) * 1000000;
    until.tv_sec += timeout_ms / 1000 + ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    return until;
}

static queued *take(bm_blocking_stream *s)
{
    queued *q = s->first;
    if (!q) return NULL;
    s->first = q->next;
    if (!s->first) s->last = &s->first;
    if (--s->n_queued <= FEW_QUEUED && s->paused) {
        s->paused = false;
        bm_stream_resume(s->stream);
    }
    return q;
}

bm_arrival bm_blocking_stream_next(bm_blocking_stream *s, int timeout_ms, bm_arena *arena,
                                   beam_span *message)
{
    struct timespec until = deadline(timeout_ms);
    pthread_mutex_lock(&s->lock);
    while (!s->first && !s->over &&
           pthread_cond_timedwait(&s->changed, &s->lock, &until) != ETIMEDOUT)
        continue;
    queued *q = take(s);
    bool over = s->over;
    pthread_mutex_unlock(&s->lock);
    if (!q) return over ? BM_STREAM_OVER : BM_NOTHING_YET;
    *message = bm_span_copy(arena, bm_message_flat(q->message, arena));
    bm_message_free(q->message);
    free(q);
    return BM_ARRIVED;
}

beam_status bm_blocking_stream_status(bm_blocking_stream *s, beam_error *err)
{
    pthread_mutex_lock(&s->lock);
    beam_status status = s->status;
    if (status) bm_error(err, status, "%s", s->text);
    pthread_mutex_unlock(&s->lock);
    return status;
}

void bm_blocking_stream_free(bm_blocking_stream *s)
{
    if (!s) return;
    bm_stream_free(s->stream);
    for (queued *q; (q = s->first);) {
        s->first = q->next;
        bm_message_free(q->message);
        free(q);
    }
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
