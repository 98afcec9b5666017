/* SPDX-License-Identifier: Apache-2.0 */
/* A job service that takes one pipeline and says that it runs until it is told otherwise.
 * The messages are so few and small that they are read and written here by hand; the field
 * numbers are those of beam_job_api.proto. on_... and open_...: rpc thread. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/error.h"
#include "base/reader.h"
#include "fnbench.h"

enum { RUNNING = 2, DONE = 3 }; /* JobState.Enum */
enum { PATIENCE_S = 120 };

struct job_server {
    bm_rpc *rpc;
    bm_server *server;
    char url[64];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bm_arena arena;
    beam_span pipeline, options;
    bool prepared, submitted, done;
    struct {
        bm_stream *stream;
        bool of_messages; /* GetMessageStream, else GetStateStream */
    } streams[16];
    size_t n_streams;
};

/* -- messages --------------------------------------------------------------------------------- */
static void put_bytes(bm_writer *out, unsigned field, beam_span bytes)
{
    bm_write_varint(out, field << 3 | 2);
    bm_write_prefixed(out, bytes);
}

static void put_text(bm_writer *out, unsigned field, const char *text)
{
    put_bytes(out, field, beam_span_of(text));
}

static void put_number(bm_writer *out, unsigned field, uint64_t number)
{
    bm_write_varint(out, field << 3);
    bm_write_varint(out, number);
}

/* The last bytes field of that number; empty if there is none. */
static beam_span get_bytes(beam_span message, unsigned field)
{
    bm_reader in = bm_reader_of(message);
    beam_span found = { "", 0 }, bytes;
    uint64_t tag, number;
    while (bm_left(&in) && !bm_read_varint(&in, &tag)) {
        if ((tag & 7) == 2) {
            if (bm_read_prefixed(&in, &bytes)) break;
            if (tag >> 3 == field) found = bytes;
        } else if ((tag & 7) || bm_read_varint(&in, &number)) {
            break;
        }
    }
    return found;
}

static bm_message *message_of(bm_writer *bytes)
{
    size_t n;
    uint8_t *data = bm_writer_take(bytes, &n);
    bm_message *message = bm_message_new();
    bm_message_add(message, bm_slice_take(data, n));
    return message;
}

static void put_event(bm_writer *out, bool done)
{
    bm_writer time_stamp = { 0 };
    put_number(&time_stamp, 1, (uint64_t)time(NULL));
    put_number(out, 1, done ? DONE : RUNNING);
    put_bytes(out, 2, bm_written(&time_stamp));
    bm_writer_free(&time_stamp);
}

/* A JobStateEvent, or a JobMessagesResponse with one. */
static bm_message *event(bool in_messages, bool done)
{
    bm_writer state = { 0 };
    put_event(&state, done);
    if (!in_messages) return message_of(&state);
    bm_writer response = { 0 };
    put_bytes(&response, 2, bm_written(&state));
    bm_writer_free(&state);
    return message_of(&response);
}

/* -- calls ---------------------------------------------------------------------------------------- */
static void on_prepare(void *self, bm_incoming *call, bm_message *request)
{
    job_server *j = self;
    pthread_mutex_lock(&j->lock);
    beam_span bytes = bm_span_copy(&j->arena, bm_message_flat(request, &j->arena));
    j->pipeline = get_bytes(bytes, 1);
    j->options = get_bytes(bytes, 2);
    j->prepared = true;
    pthread_mutex_unlock(&j->lock);
    bm_writer api = { 0 }, response = { 0 };
    put_text(&api, 1, j->url);
    put_text(&response, 1, "preparation-1");
    put_bytes(&response, 2, bm_written(&api));
    put_text(&response, 3, "token-1");
    bm_writer_free(&api);
    bm_incoming_reply(call, message_of(&response));
}

static void on_run(void *self, bm_incoming *call, bm_message *request)
{
    (void)request;
    job_server *j = self;
    pthread_mutex_lock(&j->lock);
    bool taken = j->prepared && !j->submitted;
    j->submitted = j->prepared;
    pthread_cond_broadcast(&j->changed);
    pthread_mutex_unlock(&j->lock);
    if (!taken) {
        bm_incoming_fail(call, BEAM_EINVAL, "the benchmark takes one job");
        return;
    }
    bm_writer response = { 0 };
    put_text(&response, 1, "job-1");
    bm_incoming_reply(call, message_of(&response));
}

static void on_state(void *self, bm_incoming *call, bm_message *request)
{
    (void)request;
    job_server *j = self;
    pthread_mutex_lock(&j->lock);
    bool done = j->done;
    pthread_mutex_unlock(&j->lock);
    bm_incoming_reply(call, event(false, done));
}

static void on_empty(void *self, bm_incoming *call, bm_message *request)
{
    (void)self, (void)request;
    bm_incoming_reply(call, bm_message_new());
}

static void on_metrics(void *self, bm_incoming *call, bm_message *request)
{
    (void)self, (void)request;
    bm_writer response = { 0 };
    put_text(&response, 1, "");
    bm_incoming_reply(call, message_of(&response));
}

static void on_nothing(void *self, bm_stream *stream, bm_message *message)
{
    (void)self, (void)stream;
    bm_message_free(message);
}

static void on_end(void *self, bm_stream *stream, beam_status status, const char *text)
{
    (void)self, (void)stream, (void)status, (void)text;
}

static bool open_events(void *self, bm_stream *stream, bool of_messages,
                        const bm_stream_handler **handler, void **handler_self)
{
    static const bm_stream_handler events = { on_nothing, NULL, on_end };
    job_server *j = self;
    *handler = &events;
    *handler_self = j;
    pthread_mutex_lock(&j->lock);
    bool room = j->n_streams < BEAM_COUNT(j->streams);
    if (room) {
        j->streams[j->n_streams].stream = stream;
        j->streams[j->n_streams++].of_messages = of_messages;
    }
    pthread_mutex_unlock(&j->lock);
    if (room) bm_stream_write(stream, event(of_messages, false));
    return room;
}

static bool open_states(void *self, const bm_incoming *call, bm_stream *stream,
                        const bm_stream_handler **handler, void **handler_self)
{
    (void)call;
    return open_events(self, stream, false, handler, handler_self);
}

static bool open_messages(void *self, const bm_incoming *call, bm_stream *stream,
                          const bm_stream_handler **handler, void **handler_self)
{
    (void)call;
    return open_events(self, stream, true, handler, handler_self);
}

/* ReverseArtifactRetrievalService: asks for nothing, a LOOPBACK worker has its code. */
static void on_token(void *self, bm_stream *stream, bm_message *message)
{
    (void)self;
    bm_message_free(message);
    bm_stream_finish(stream, BEAM_OK, NULL);
}

static bool open_staging(void *self, const bm_incoming *call, bm_stream *stream,
                         const bm_stream_handler **handler, void **handler_self)
{
    static const bm_stream_handler staging = { on_token, NULL, on_end };
    (void)call;
    job_server *j = self;
    pthread_mutex_lock(&j->lock);
    bool room = j->n_streams < BEAM_COUNT(j->streams);
    if (room) j->streams[j->n_streams++].stream = stream;
    pthread_mutex_unlock(&j->lock);
    *handler = &staging;
    *handler_self = j;
    return room;
}

#define JOB "/org.apache.beam.model.job_management.v1.JobService/"
#define STAGING "/org.apache.beam.model.job_management.v1.ArtifactStagingService/"
static const bm_method methods[] = {
    { .name = JOB "Prepare", .on_unary = on_prepare },
    { .name = JOB "Run", .on_unary = on_run },
    { .name = JOB "GetState", .on_unary = on_state },
    { .name = JOB "Cancel", .on_unary = on_empty },
    { .name = JOB "GetJobMetrics", .on_unary = on_metrics },
    { .name = JOB "DescribePipelineOptions", .on_unary = on_empty },
    { .name = JOB "GetStateStream", .on_stream = open_states },
    { .name = JOB "GetMessageStream", .on_stream = open_messages },
    { .name = STAGING "ReverseArtifactRetrievalService", .on_stream = open_staging },
};

/* -- life --------------------------------------------------------------------------------------------- */
job_server *job_server_new(void)
{
    job_server *j = bm_xcalloc(1, sizeof *j);
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->changed, NULL);
    bm_arena_init(&j->arena, 0);
    j->rpc = bm_rpc_new();
    beam_error err;
    j->server = bm_server_new(j->rpc, "localhost:0", methods, BEAM_COUNT(methods), j, &err);
    if (!j->server) fatal("%s", err.message);
    snprintf(j->url, sizeof j->url, "localhost:%d", bm_server_port(j->server));
    return j;
}

const char *job_server_url(const job_server *j)
{
    return j->url;
}

bool job_server_await(job_server *j, bool (*over)(void *self), void *self,
                      beam_span *pipeline, beam_span *options)
{
    bool submitted = false;
    for (int i = 0; i < PATIENCE_S * 10 && !submitted && !over(self); i++) {
        nanosleep(&(struct timespec){ 0, 100000000 }, NULL);
        pthread_mutex_lock(&j->lock);
        submitted = j->submitted;
        *pipeline = j->pipeline;
        *options = j->options;
        pthread_mutex_unlock(&j->lock);
    }
    return submitted;
}

void job_server_finish(job_server *j)
{
    pthread_mutex_lock(&j->lock);
    j->done = true;
    size_t n = j->n_streams;
    pthread_mutex_unlock(&j->lock);
    for (size_t i = 0; i < n; i++) {
        bm_stream_write(j->streams[i].stream, event(j->streams[i].of_messages, true));
        bm_stream_finish(j->streams[i].stream, BEAM_OK, NULL);
    }
}

void job_server_free(job_server *j)
{
    bm_server_free(j->server);
    for (size_t i = 0; i < j->n_streams; i++) bm_stream_free(j->streams[i].stream);
    bm_rpc_free(j->rpc);
    bm_arena_free(&j->arena);
    pthread_cond_destroy(&j->changed);
    pthread_mutex_destroy(&j->lock);
    free(j);
}
