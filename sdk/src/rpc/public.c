/* SPDX-License-Identifier: Apache-2.0 */
/* beam/rpc.h over rpc.h. The functions run on the caller's thread, on_call_done and
 * on_request on the rpc thread; a channel's lock guards its list of finished calls. */
#include "beam/rpc.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/writer.h"
#include "rpc/rpc.h"

typedef struct call {
    beam_rpc_channel *channel;
    struct call *next; /* in the list of finished calls */
    void *tag;
    beam_error error;
    bm_message *response;
    char method[];
} call;

struct beam_rpc_channel {
    bm_rpc *rpc;
    bm_channel *channel;
    char *target;
    bm_arena arena; /* the last response */
    size_t pending; /* caller's thread only */
    pthread_mutex_t lock;
    pthread_cond_t done;
    call *first, **last; /* finished, not taken; under lock */
};

beam_rpc_channel *beam_rpc_open(const char *target)
{
    beam_rpc_channel *c = bm_xcalloc(1, sizeof *c);
    c->rpc = bm_rpc_new();
    c->channel = bm_channel_new(c->rpc, target, NULL);
    bm_arena_init(&c->arena, 0);
    c->target = bm_xmalloc(strlen(target) + 1);
    strcpy(c->target, target);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->done, NULL);
    c->last = &c->first;
    return c;
}

static void call_free(call *finished)
{
    bm_message_free(finished->response);
    free(finished);
}

void beam_rpc_close(beam_rpc_channel *c)
{
    if (!c) return;
    /* Closing the channel ends pending calls, and each of them is handed to on_call_done. */
    bm_channel_free(c->channel);
    beam_rpc_result ignored;
    while (beam_rpc_next(c, &ignored)) continue;
    bm_rpc_free(c->rpc);
    bm_arena_free(&c->arena);
    pthread_cond_destroy(&c->done);
    pthread_mutex_destroy(&c->lock);
    free(c->target);
    free(c);
}

beam_status beam_rpc_call(beam_rpc_channel *c, const char *method, beam_span request,
                          int timeout_ms, beam_span *response, beam_error *err)
{
    bm_arena_reset(&c->arena);
    return bm_call(c->channel, method, request, timeout_ms, &c->arena, response, err);
}

/* rpc thread */
static void on_call_done(void *self, beam_status status, const char *error_text,
                         bm_message *response)
{
    call *finished = self;
    beam_rpc_channel *c = finished->channel;
    finished->error.status = status;
    if (status != BEAM_OK)
        snprintf(finished->error.message, sizeof finished->error.message, "%s at %s: %s",
                 finished->method, c->target, error_text);
    if (response) {
        finished->response = bm_message_new();
        for (size_t i = 0; i < bm_message_slices(response); i++)
            bm_message_add(finished->response, bm_slice_ref(bm_message_slice(response, i)));
    }
    pthread_mutex_lock(&c->lock);
    *c->last = finished;
    c->last = &finished->next;
    pthread_cond_signal(&c->done);
    pthread_mutex_unlock(&c->lock);
}

void beam_rpc_start(beam_rpc_channel *c, const char *method, beam_span request, int timeout_ms,
                    void *tag)
{
    size_t length = strlen(method) + 1;
    call *started = bm_xcalloc(1, sizeof *started + length);
    started->channel = c;
    started->tag = tag;
    memcpy(started->method, method, length);
    bm_message *message = bm_message_new();
    bm_message_add(message, bm_slice_copy(request));
    c->pending++;
    bm_call_async(c->channel, method, message, timeout_ms, on_call_done, started);
}

bool beam_rpc_next(beam_rpc_channel *c, beam_rpc_result *out)
{
    if (!c->pending) return false;
    pthread_mutex_lock(&c->lock);
    while (!c->first) pthread_cond_wait(&c->done, &c->lock);
    call *finished = c->first;
    c->first = finished->next;
    if (!c->first) c->last = &c->first;
    pthread_mutex_unlock(&c->lock);
    c->pending--;
    bm_arena_reset(&c->arena);
    *out = (beam_rpc_result){ .tag = finished->tag, .error = finished->error };
    if (finished->response)
        out->response = bm_span_copy(&c->arena, bm_message_flat(finished->response, &c->arena));
    call_free(finished);
    return true;
}

size_t beam_rpc_pending(const beam_rpc_channel *c)
{
    return c->pending;
}

/* -- server ------------------------------------------------------------------ */

struct beam_rpc_server {
    bm_rpc *rpc;
    bm_server *server;
    const beam_rpc_method *methods;
    size_t n_methods;
    void *self;
    bm_method *table;
};

/* rpc thread */
static void on_request(void *self, bm_incoming *incoming, bm_message *request)
{
    beam_rpc_server *server = self;
    const beam_rpc_method *method = server->methods;
    while (strcmp(method->name, bm_incoming_method(incoming))) method++;
    bm_arena arena;
    bm_arena_init(&arena, 0);
    bm_writer response = { 0 };
    beam_error err = { .status = BEAM_OK };
    beam_status status = method->handle(server->self, bm_message_flat(request, &arena),
                                        &response, &err);
    if (status != BEAM_OK) {
        bm_incoming_fail(incoming, status,
                         err.message[0] ? err.message : beam_status_text(status));
    } else {
        bm_message *message = bm_message_new();
        size_t length;
        uint8_t *bytes = bm_writer_take(&response, &length);
        bm_message_add(message, bm_slice_take(bytes, length));
        bm_incoming_reply(incoming, message);
    }
    bm_writer_free(&response);
    bm_arena_free(&arena);
}

beam_rpc_server *beam_rpc_serve(const char *address, const beam_rpc_method *methods,
                                size_t n_methods, void *self, beam_error *err)
{
    beam_rpc_server *s = bm_xcalloc(1, sizeof *s);
    s->methods = methods;
    s->n_methods = n_methods;
    s->self = self;
    s->table = bm_xcalloc(n_methods, sizeof *s->table);
    for (size_t i = 0; i < n_methods; i++)
        s->table[i] = (bm_method){ .name = methods[i].name, .on_unary = on_request };
    s->rpc = bm_rpc_new();
    s->server = bm_server_new(s->rpc, address, s->table, n_methods, s, err);
    if (s->server) return s;
    beam_rpc_server_stop(s);
    return NULL;
}

int beam_rpc_server_port(const beam_rpc_server *server)
{
    return bm_server_port(server->server);
}

void beam_rpc_server_stop(beam_rpc_server *server)
{
    if (!server) return;
    if (server->server) bm_server_free(server->server);
    bm_rpc_free(server->rpc);
    free(server->table);
    free(server);
}
