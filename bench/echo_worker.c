/* SPDX-License-Identifier: Apache-2.0 */
/* The least that a worker could do: gRPC alone, each message back as the slices it came in.
 * Callbacks on the rpc thread. */
#include "fnbench.h"

enum { QUEUED_BYTES = 1 << 20 }; /* when more waits to be written, reading stops */

typedef struct echo {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool ended;
    bool paused; /* rpc thread, and the thread that resumes */
} echo;

static void on_message(void *self, bm_stream *stream, bm_message *message)
{
    echo *e = self;
    if (!bm_stream_write(stream, message)) return;
    if (bm_stream_queued_bytes(stream) <= QUEUED_BYTES) return;
    pthread_mutex_lock(&e->lock);
    e->paused = true;
    bm_stream_pause(stream);
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->lock);
}

static void on_end(void *self, bm_stream *stream, beam_status status, const char *text)
{
    (void)stream, (void)status, (void)text;
    echo *e = self;
    pthread_mutex_lock(&e->lock);
    e->ended = true;
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->lock);
}

int echo_worker(const char *address)
{
    static const bm_stream_handler handler = { on_message, NULL, on_end };
    echo e = { .ended = false };
    pthread_mutex_init(&e.lock, NULL);
    pthread_cond_init(&e.changed, NULL);
    bm_rpc *rpc = bm_rpc_new();
    bm_channel *channel = bm_channel_new(rpc, address, "echo");
    bm_stream *stream = bm_stream_open(
        channel, "/org.apache.beam.model.fn_execution.v1.BeamFnData/Data", NULL, &handler, &e);
    pthread_mutex_lock(&e.lock);
    while (!e.ended) {
        if (!e.paused) {
            pthread_cond_wait(&e.changed, &e.lock);
            continue;
        }
        pthread_mutex_unlock(&e.lock);
        bm_stream_wait_writable(stream, QUEUED_BYTES / 2);
        pthread_mutex_lock(&e.lock);
        e.paused = false;
        bm_stream_resume(stream);
    }
    pthread_mutex_unlock(&e.lock);
    bm_stream_free(stream);
    bm_channel_free(channel);
    bm_rpc_free(rpc);
    return 0;
}
