/* SPDX-License-Identifier: Apache-2.0 */
/* fake_runner_impl.h - what the files of the fake runner share. */
#ifndef FAKE_RUNNER_IMPL_H
#define FAKE_RUNNER_IMPL_H

#include <pthread.h>
#include <time.h>

#include "base/writer.h"
#include "fake_runner.h"
#include "rpc/rpc.h"

/* Lists are newest first; everything in them is in the runner's arena. */
typedef struct fake_stream {
    struct fake_stream *next;
    fake_runner *runner;
    fake_service service;
    bm_stream *stream;
    const char *worker_id, *name; /* name: data_stream_id, or "" */
    bool left, ended; /* left: we have ended it */
} fake_stream;

typedef struct fake_descriptor {
    struct fake_descriptor *next;
    const char *id;
    beam_span bytes;
    size_t n_fetches;
} fake_descriptor;

typedef struct fake_response {
    struct fake_response *next;
    const char *id;
    beam_span bytes;
} fake_response;

typedef struct fake_sink {
    struct fake_sink *next;
    const char *bundle, *sink, *stream; /* stream: name of the last that carried it */
    bm_writer data;
    size_t n_entries, n_last, n_embedded;
} fake_sink;

typedef struct fake_page {
    struct fake_page *next;
    beam_span bytes;
} fake_page;

typedef struct fake_cell {
    struct fake_cell *next;
    beam_span key;
    fake_page *pages, **last_page;
    const char *error;
} fake_cell;

typedef struct fake_request_record {
    struct fake_request_record *next;
    fake_state_request request;
} fake_request_record;

typedef struct fake_answer {
    struct fake_answer *next;
    bm_message *message;
} fake_answer;

typedef struct fake_log_record {
    struct fake_log_record *next;
    fake_log log;
} fake_log_record;

struct fake_runner {
    bm_rpc *rpc;
    bm_server *server;
    beam_harness *worker;
    char url[64];
    upb_Arena *upb; /* of the thread that made the runner */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bm_arena arena;
    fake_stream *streams;
    size_t n_streams[FAKE_SERVICES];
    fake_descriptor *descriptors, *capabilities, *experiments, *siblings;
    struct fake_option {
        struct fake_option *next;
        const char *name;
        double value;
    } *options;
    bool offers_status, holds_descriptors;
    struct fake_call {
        struct fake_call *next;
        bm_incoming *call;
    } *held_calls;
    fake_response *responses, *pages; /* pages: of the status service */
    fake_sink *sinks;
    fake_cell *cells;
    fake_request_record *requests;
    size_t n_requests;
    fake_answer *held;
    size_t n_held, hold;
    fake_log_record *logs;
    size_t n_logs;
};

void fake_lock(fake_runner *r);
void fake_unlock(fake_runner *r); /* wakes who waits */
struct timespec fake_deadline(void);
/* Waits for a change; after the deadline the test fails: "`what` `which` did not come". */
void fake_wait(fake_runner *r, const struct timespec *until, const char *what,
               const char *which);
fake_stream *fake_open_stream(fake_runner *r, fake_service service);
fake_stream *fake_open_named(fake_runner *r, fake_service service, const char *name);

static inline beam_span fake_span(upb_StringView view)
{
    return (beam_span){ view.data, view.size };
}

/* With the lock, on the rpc thread; upb is freed afterwards. */
void fake_on_control(fake_stream *stream, beam_span bytes, upb_Arena *upb);
void fake_on_data(fake_stream *stream, beam_span bytes, upb_Arena *upb);
void fake_on_state(fake_stream *stream, beam_span bytes, upb_Arena *upb);
void fake_on_status(fake_stream *stream, beam_span bytes, upb_Arena *upb);
void fake_on_logging(fake_stream *stream, beam_span bytes, upb_Arena *upb);
/* `stream` NULL: embedded in a response. */
void fake_take_elements(fake_runner *r, const pb_Elements *elements, const char *stream);

#endif
