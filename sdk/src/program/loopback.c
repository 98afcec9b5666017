/* SPDX-License-Identifier: Apache-2.0 */
/* Workers in this process. The worker pool's thread changes the list, and the owner once that
 * is gone; each worker has a thread that waits for its end. */
#include "program/loopback.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/error.h"
#include "beam/harness.h"
#include "job/worker_pool.h"
#include "program/modes.h"
#include "start.h"

typedef struct local local;
struct local {
    local *next;
    bm_loopback *loopback;
    char *id;
    beam_harness *harness;
    pthread_t thread;
    atomic_bool asked; /* to stop */
};

struct bm_loopback {
    const beam_program *program;
    bm_session *session;
    beam_severity log_level;
    bm_worker_pool *pool;
    pthread_mutex_t lock; /* guards the list; its workers stay while it is held */
    local *first;
};

/* The job would wait for ever for a worker that broke off, so it is said. */
static void *wait_for_end(void *self)
{
    local *l = self;
    beam_error err;
    if (beam_harness_wait(l->harness, &err) && !atomic_load(&l->asked))
        bm_log_write(&l->loopback->session->log, BEAM_LOG_ERROR, "worker %s ended: %s",
                     l->id, err.message);
    return NULL;
}

static local **find(bm_loopback *loopback, const char *id)
{
    local **at = &loopback->first;
    while (*at && strcmp((*at)->id, id)) at = &(*at)->next;
    return at;
}

static void end_local(local *l)
{
    atomic_store(&l->asked, true);
    beam_harness_stop(l->harness);
    pthread_join(l->thread, NULL);
    beam_harness_free(l->harness);
    free(l->id);
    free(l);
}

static beam_status stop(void *self, const char *id, beam_error *err)
{
    bm_loopback *loopback = self;
    (void)err; /* one that is gone is what was asked for */
    pthread_mutex_lock(&loopback->lock);
    local **at = find(loopback, id), *l = *at;
    if (l) *at = l->next;
    pthread_mutex_unlock(&loopback->lock);
    if (l) end_local(l);
    return BEAM_OK;
}

static beam_status start_harness(const bm_loopback *loopback,
                                 const bm_worker_request *request, beam_harness **out,
                                 beam_error *err)
{
    const beam_program *program = loopback->program;
    beam_harness_opts opts = {
        .functions = bm_program_functions(program),
        .id = request->id,
        .control_endpoint = request->control_endpoint,
        .logging_endpoint = request->logging_endpoint,
        .provision_endpoint = request->provision_endpoint,
        .log_level = loopback->log_level,
    };
    return bm_harness_start(&opts, loopback->session->rpc, NULL, out, err);
}

static beam_status start(void *self, const bm_worker_request *request, beam_error *err)
{
    bm_loopback *loopback = self;
    /* A runner that restarts a job may ask for the same id again. */
    BEAM_TRY(stop(loopback, request->id, err));
    local *l = bm_xcalloc(1, sizeof *l);
    l->loopback = loopback;
    beam_status status = start_harness(loopback, request, &l->harness, err);
    if (status) {
        bm_log_write(&loopback->session->log, BEAM_LOG_ERROR,
                     "worker %s cannot be started: %s", request->id, err->message);
        free(l);
        return status;
    }
    l->id = bm_xstrdup(request->id);
    if (pthread_create(&l->thread, NULL, wait_for_end, l)) {
        beam_harness_free(l->harness);
        free(l->id);
        free(l);
        return bm_error(err, BEAM_EIO, "cannot start a thread");
    }
    pthread_mutex_lock(&loopback->lock);
    l->next = loopback->first;
    loopback->first = l;
    pthread_mutex_unlock(&loopback->lock);
    return BEAM_OK;
}

static const bm_worker_pool_ops ops = { start, stop };

beam_status bm_loopback_start(const beam_program *program, bm_session *session,
                              beam_severity log_level, bm_loopback **out, beam_error *err)
{
    bm_loopback *loopback = bm_xcalloc(1, sizeof *loopback);
    *loopback =
        (bm_loopback){ .program = program, .session = session, .log_level = log_level };
    pthread_mutex_init(&loopback->lock, NULL);
    loopback->pool = bm_worker_pool_new(session->rpc, session->host, 0, &ops, loopback,
                                        err);
    *out = loopback->pool ? loopback : NULL;
    if (loopback->pool) return BEAM_OK;
    pthread_mutex_destroy(&loopback->lock);
    free(loopback);
    return BEAM_EIO;
}

void bm_loopback_counters(bm_loopback *loopback,
                          void (*each)(void *self, const char *name, int64_t sum), void *self)
{
    if (!loopback) return;
    pthread_mutex_lock(&loopback->lock);
    for (local *l = loopback->first; l; l = l->next)
        beam_harness_counters(l->harness, each, self);
    pthread_mutex_unlock(&loopback->lock);
}

/* The thread that crashes may hold the lock. */
void bm_loopback_tell_crash(bm_loopback *loopback, int signal, int thread,
                            const char *trace)
{
    if (!loopback || pthread_mutex_trylock(&loopback->lock)) return;
    local *l = loopback->first;
    while (l && !bm_harness_tell_crash_of_bundle(l->harness, signal, thread, trace))
        l = l->next;
    pthread_mutex_unlock(&loopback->lock);
}

const char *bm_loopback_address(const bm_loopback *loopback)
{
    return bm_worker_pool_address(loopback->pool);
}

void bm_loopback_free(bm_loopback *loopback)
{
    if (!loopback) return;
    bm_worker_pool_free(loopback->pool);
    while (loopback->first) {
        local *l = loopback->first;
        loopback->first = l->next;
        end_local(l);
    }
    pthread_mutex_destroy(&loopback->lock);
    free(loopback);
}
