/* SPDX-License-Identifier: Apache-2.0 */
/* The server of beam/rpc.h over rpc.h. The functions run on the caller's thread, on_request
 * on the rpc thread; answers that are held back have a thread of their own. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/writer.h"
#include "beam/rpc.h"
#include "rpc/rpc.h"

/* An answer that is held back. */
typedef struct late {
    struct late *next;
    struct timespec due;
    bm_incoming *incoming;
    bm_message *message;
} late;

struct beam_rpc_server {
    bm_rpc *rpc;
    bm_server *server;
    const beam_rpc_method *methods;
    size_t n_methods;
    void *self;
    bm_method *table;
    /* With a delay: a thread that gives the answers. Under lock: */
    pthread_mutex_t lock;
    pthread_cond_t more;
    int delay_ms;
    bool stopping;
    late *first, **last;
    pthread_t thread;
};

/* -- answers that are held back ---------------------------------------------------------------- */
/* False: there is no delay. */
static bool answer_late(beam_rpc_server *s, bm_incoming *incoming, bm_message *message)
{
    pthread_mutex_lock(&s->lock);
    bool is_late = s->delay_ms && !s->stopping;
    if (is_late) {
        late *l = *s->last = bm_xcalloc(1, sizeof *l);
        clock_gettime(CLOCK_REALTIME, &l->due);
        l->due.tv_sec += s->delay_ms / 1000;
        l->due.tv_nsec += s->delay_ms % 1000 * 1000000;
        if (l->due.tv_nsec >= 1000000000) l->due.tv_sec++, l->due.tv_nsec -= 1000000000;
        l->incoming = incoming;
        l->message = message;
        if (s->last == &s->first) pthread_cond_signal(&s->more);
        s->last = &l->next;
    }
    pthread_mutex_unlock(&s->lock);
    return is_late;
}

/* Under lock: waits until the first is due, or the server stops. */
static late *take_due(beam_rpc_server *s)
{
    while (!s->stopping && !s->first) pthread_cond_wait(&s->more, &s->lock);
    while (!s->stopping &&
           pthread_cond_timedwait(&s->more, &s->lock, &s->first->due) == 0)
        continue;
    late *l = s->first;
    if (!l) return NULL;
    s->first = l->next;
    if (!s->first) s->last = &s->first;
    return l;
}

static void *answer_in_time(void *self)
{
    beam_rpc_server *s = self;
    pthread_mutex_lock(&s->lock);
    for (late *l; (l = take_due(s));) {
        pthread_mutex_unlock(&s->lock);
        bm_incoming_reply(l->incoming, l->message);
        free(l);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

void beam_rpc_server_delay(beam_rpc_server *s, int delay_ms)
{
    pthread_mutex_lock(&s->lock);
    bool is_first = !s->delay_ms && delay_ms > 0;
    if (is_first) is_first = !pthread_create(&s->thread, NULL, answer_in_time, s);
    if (is_first || s->delay_ms) s->delay_ms = delay_ms > 0 ? delay_ms : 1;
    pthread_mutex_unlock(&s->lock);
}

/* -- serving ------------------------------------------------------------------------------------ */
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
        if (!answer_late(server, incoming, message)) bm_incoming_reply(incoming, message);
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
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->more, NULL);
    s->last = &s->first;
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
    pthread_mutex_lock(&server->lock);
    server->stopping = true;
    pthread_cond_signal(&server->more);
    pthread_mutex_unlock(&server->lock);
    if (server->delay_ms) pthread_join(server->thread, NULL);
    if (server->server) bm_server_free(server->server);
    bm_rpc_free(server->rpc);
    pthread_cond_destroy(&server->more);
    pthread_mutex_destroy(&server->lock);
    free(server->table);
    free(server);
}
