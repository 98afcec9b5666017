/* SPDX-License-Identifier: Apache-2.0 */
/* The StartWorker service; see worker_pool.h for the threads. */
#include "job/worker_pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/error.h"
#include "model/beam_fn_api.pb-c.h"
#include "proto/model.h"

#define SERVICE "/org.apache.beam.model.fn_execution.v1.BeamFnExternalWorkerPool/"

typedef struct task task;
struct task {
    task *next;
    bm_incoming *call;
    bool stops;
    bm_arena arena;
    bm_worker_request request; /* in the arena */
};

struct bm_worker_pool {
    bm_server *server;
    const bm_worker_pool_ops *ops;
    void *self;
    char *address;
    pthread_t thread;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    task *first, **last;
    bool closing;
};

/* -- on the rpc thread -------------------------------------------------------------------- */
static const char *endpoint(const Pb__ApiServiceDescriptor *descriptor)
{
    return descriptor && *descriptor->url ? descriptor->url : NULL;
}

static bool parse_start(task *t, beam_span bytes)
{
    Pb__StartWorkerRequest *r =
        (Pb__StartWorkerRequest *)bm_pb_unpack(&t->arena,
                                               &pb__start_worker_request__descriptor,
                                               bytes, BM_PB_MAX_DEPTH);
    if (!r || !*r->worker_id) return false;
    t->request = (bm_worker_request){ r->worker_id, endpoint(r->control_endpoint),
                                      endpoint(r->logging_endpoint),
                                      endpoint(r->artifact_endpoint),
                                      endpoint(r->provision_endpoint) };
    return true;
}

static bool parse_stop(task *t, beam_span bytes)
{
    Pb__StopWorkerRequest *r =
        (Pb__StopWorkerRequest *)bm_pb_unpack(&t->arena,
                                              &pb__stop_worker_request__descriptor, bytes,
                                              BM_PB_MAX_DEPTH);
    if (!r || !*r->worker_id) return false;
    t->request.id = r->worker_id;
    t->stops = true;
    return true;
}

static void free_task(task *t)
{
    bm_arena_free(&t->arena);
    free(t);
}

static void accept_task(bm_worker_pool *pool, bm_incoming *call, bm_message *message,
                        bool (*parse)(task *, beam_span))
{
    task *t = bm_xcalloc(1, sizeof *t);
    t->call = call;
    bm_arena_init(&t->arena, 1024);
    if (!parse(t, bm_message_flat(message, &t->arena))) {
        bm_incoming_fail(call, BEAM_EINVAL,
                         "the request cannot be read or has no worker_id");
        free_task(t);
        return;
    }
    pthread_mutex_lock(&pool->lock);
    bool closing = pool->closing;
    if (!closing) {
        *pool->last = t;
        pool->last = &t->next;
        pthread_cond_signal(&pool->changed);
    }
    pthread_mutex_unlock(&pool->lock);
    if (!closing) return;
    bm_incoming_fail(call, BEAM_ECANCELLED, "the worker pool is closing");
    free_task(t);
}

static void on_start(void *self, bm_incoming *call, bm_message *request)
{
    accept_task(self, call, request, parse_start);
}

static void on_stop(void *self, bm_incoming *call, bm_message *request)
{
    accept_task(self, call, request, parse_stop);
}

static const bm_method methods[] = {
    { .name = SERVICE "StartWorker", .on_unary = on_start },
    { .name = SERVICE "StopWorker", .on_unary = on_stop },
};

/* -- on the pool's thread -------------------------------------------------------------------- */
/* StartWorkerResponse and StopWorkerResponse are alike: an error text, empty for success. */
static void answer(task *t, const char *error)
{
    Pb__StartWorkerResponse response = PB__START_WORKER_RESPONSE__INIT;
    response.error = bm_pb_text(error);
    bm_message *message = bm_message_new();
    bm_message_add(message, bm_slice_copy(bm_pb_pack(&t->arena, &response.base)));
    bm_incoming_reply(t->call, message);
}

static void carry_out(bm_worker_pool *pool, task *t)
{
    beam_error err = { .status = BEAM_OK };
    beam_status status = t->stops ? pool->ops->stop(pool->self, t->request.id, &err)
                                  : pool->ops->start(pool->self, &t->request, &err);
    answer(t, status ? err.message : "");
}

static void *run(void *self)
{
    bm_worker_pool *pool = self;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (!pool->first && !pool->closing)
            pthread_cond_wait(&pool->changed, &pool->lock);
        task *t = pool->first;
        if (!t) break;
        pool->first = t->next;
        if (!pool->first) pool->last = &pool->first;
        bool closing = pool->closing;
        pthread_mutex_unlock(&pool->lock);
        if (closing)
            answer(t, "the worker pool is closing");
        else
            carry_out(pool, t);
        free_task(t);
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* -- made and freed by the owner ----------------------------------------------------------------- */
static void free_pool(bm_worker_pool *pool)
{
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    free(pool->address);
    free(pool);
}

static char *join_address(const char *host, int port)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    const char *text = bm_format(&arena, strchr(host, ':') ? "[%s]:%d" : "%s:%d", host,
                                 port);
    char *address = bm_xstrdup(text);
    bm_arena_free(&arena);
    return address;
}

bm_worker_pool *bm_worker_pool_new(bm_rpc *rpc, const char *host, int port,
                                   const bm_worker_pool_ops *ops, void *self,
                                   beam_error *err)
{
    bm_worker_pool *pool = bm_xcalloc(1, sizeof *pool);
    pool->ops = ops;
    pool->self = self;
    pool->last = &pool->first;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->changed, NULL);
    char *address = join_address(host, port);
    pool->server = bm_server_new(rpc, address, methods, BEAM_COUNT(methods), pool, err);
    free(address);
    if (!pool->server) {
        free_pool(pool);
        return NULL;
    }
    pool->address = join_address(host, bm_server_port(pool->server));
    int error = pthread_create(&pool->thread, NULL, run, pool);
    if (error) {
        bm_error(err, BEAM_EIO, "cannot start a thread: %s", strerror(error));
        bm_server_free(pool->server);
        free_pool(pool);
        return NULL;
    }
    return pool;
}

const char *bm_worker_pool_address(const bm_worker_pool *pool)
{
    return pool->address;
}

void bm_worker_pool_free(bm_worker_pool *pool)
{
    if (!pool) return;
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_signal(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    pthread_join(pool->thread, NULL);
    bm_server_free(pool->server);
    free_pool(pool);
}
