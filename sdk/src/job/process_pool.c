/* SPDX-License-Identifier: Apache-2.0 */
/* Workers as child processes. No lock: the list is touched by the worker pool's thread, and
 * by the owner once that thread is gone. */
#include "job/process_pool.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "job/child.h"

enum { PATIENCE_MS = 5000 };

typedef struct worker worker;
struct worker {
    worker *next;
    bm_process_pool *pool;
    bm_arena arena;
    const char *id, *log_path;
    bm_child *child;
    atomic_bool spare; /* without an id yet */
};

struct bm_process_pool {
    const bm_log *log;
    const char *what;
    bm_worker_command command;
    void *self;
    worker *first, *spare;
    const char *handover; /* in the spare's arena */
};

bm_process_pool *bm_process_pool_new(const bm_log *log, const char *what,
                                     bm_worker_command command, void *self)
{
    bm_process_pool *pool = bm_xcalloc(1, sizeof *pool);
    *pool =
        (bm_process_pool){ .log = log, .what = what, .command = command, .self = self };
    return pool;
}

/* A runner waits for ever for a worker that is gone, so its end must not pass unnoticed. On
 * the child's thread. */
static void on_end(void *self, bm_child *child, bool asked)
{
    const worker *w = self;
    const char *how = bm_child_end_text(child);
    if (asked || atomic_load(&w->spare) || !strcmp(how, "exit status 0")) return;
    char words[400] = "";
    if (w->log_path) bm_log_last_words(w->log_path, words, sizeof words);
    bm_log_write(w->pool->log, BEAM_LOG_ERROR,
                 "%s %s (pid %d) ended by itself: %s%s%s%s%s", w->pool->what, w->id,
                 bm_child_pid(child), how, *words ? ": " : "", words,
                 w->log_path ? "; its log is " : "", w->log_path ? w->log_path : "");
}

static void free_worker(worker *w)
{
    bm_child_free(w->child);
    bm_arena_free(&w->arena);
    free(w);
}

static worker **find(bm_process_pool *pool, const char *id)
{
    worker **at = &pool->first;
    while (*at && strcmp((*at)->id, id)) at = &(*at)->next;
    return at;
}

static void drop_ended(bm_process_pool *pool)
{
    for (worker **at = &pool->first; *at;) {
        worker *w = *at;
        if (!bm_child_wait(w->child, 0)) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        free_worker(w);
    }
}

static beam_status start_child(worker *w, const bm_worker_request *request,
                               beam_error *err)
{
    const char *const *argv;
    bm_process_pool *pool = w->pool;
    BEAM_TRY(pool->command(pool->self, &w->arena, request, &argv, &w->log_path, err));
    bm_child_opts opts = {
        .argv = argv, .log_path = w->log_path, .on_end = on_end, .self = w
    };
    return bm_child_start(&opts, &w->child, err);
}

/* -- a spare worker ----------------------------------------------------------------------- */
void bm_process_pool_spare(bm_process_pool *pool, const bm_spare_worker *spare)
{
    worker *w = bm_xcalloc(1, sizeof *w);
    bm_arena_init(&w->arena, 0);
    w->pool = pool;
    if (spare->log_path) w->log_path = bm_strdup(&w->arena, spare->log_path);
    atomic_store(&w->spare, true);
    pool->handover = bm_strdup(&w->arena, spare->handover);
    pool->spare = w;
    bm_child_opts opts = {
        .argv = spare->argv, .log_path = w->log_path, .on_end = on_end, .self = w
    };
    if (bm_child_start(&opts, &w->child, NULL)) {
        pool->spare = NULL;
        free_worker(w);
    }
}

/* Written aside and renamed, so that it is there at once or not at all. */
static bool hand_over(const worker *w, const char *path, const bm_worker_request *request)
{
    char draft[PATH_MAX];
    snprintf(draft, sizeof draft, "%s.draft", path);
    FILE *file = fopen(draft, "we");
    if (!file) return false;
    bool good = fprintf(file, "--id=%s\n--provision_endpoint=%s\n", w->id,
                        request->provision_endpoint) > 0;
    return !fclose(file) && good && !rename(draft, path);
}

/* The spare, if it is alive and can take the request; NULL: there is none. */
static worker *take_spare(bm_process_pool *pool, const bm_worker_request *request)
{
    worker *w = pool->spare;
    if (!w || !request->provision_endpoint) return NULL;
    w->id = bm_strdup(&w->arena, request->id);
    atomic_store(&w->spare, false);
    pool->spare = NULL;
    if (!bm_child_wait(w->child, 0) && hand_over(w, pool->handover, request)) return w;
    free_worker(w);
    return NULL;
}

static worker *new_worker(bm_process_pool *pool, const bm_worker_request *request)
{
    worker *w = bm_xcalloc(1, sizeof *w);
    bm_arena_init(&w->arena, 0);
    w->pool = pool;
    w->id = bm_strdup(&w->arena, request->id);
    return w;
}

static beam_status start(void *self, const bm_worker_request *request, beam_error *err)
{
    bm_process_pool *pool = self;
    drop_ended(pool);
    if (*find(pool, request->id))
        return bm_error(err, BEAM_ESTATE, "a %s with id %s runs already", pool->what,
                        request->id);
    worker *w = take_spare(pool, request);
    if (!w) w = new_worker(pool, request);
    beam_status status = w->child ? BEAM_OK : start_child(w, request, err);
    if (status) {
        bm_log_write(pool->log, BEAM_LOG_ERROR, "%s %s cannot be started: %s", pool->what,
                     w->id, err->message);
        free_worker(w);
        return status;
    }
    w->next = pool->first;
    pool->first = w;
    bm_log_write(pool->log, BEAM_LOG_DEBUG, "%s %s started, pid %d", pool->what, w->id,
                 bm_child_pid(w->child));
    return BEAM_OK;
}

static beam_status stop(void *self, const char *id, beam_error *err)
{
    bm_process_pool *pool = self;
    worker **at = find(pool, id), *w = *at;
    (void)err; /* one that is gone is what was asked for */
    if (!w) return BEAM_OK;
    *at = w->next;
    bm_child_stop(w->child, PATIENCE_MS);
    free_worker(w);
    return BEAM_OK;
}

const bm_worker_pool_ops bm_process_pool_ops = { start, stop };

void bm_process_pool_free(bm_process_pool *pool)
{
    if (!pool) return;
    if (pool->spare) {
        bm_child_ask_to_stop(pool->spare->child);
        free_worker(pool->spare);
    }
    for (worker *w = pool->first; w; w = w->next) bm_child_ask_to_stop(w->child);
    while (pool->first) {
        worker *w = pool->first;
        pool->first = w->next;
        free_worker(w);
    }
    free(pool);
}
