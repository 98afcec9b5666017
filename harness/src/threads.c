/* SPDX-License-Identifier: Apache-2.0 */
/* The bundle threads: a stack of idle ones, so that the last one used, whose caches are
 * warm, is the next one used and the others time out. Any thread. */
#include "threads.h"

#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/thread.h"

typedef struct job {
    struct job *next;
    bm_job_fn fn;
    void *arg;
} job;

typedef struct thread {
    struct thread *next; /* in `idle` or `ended` */
    bm_threads *pool;
    pthread_t id;
    pthread_cond_t wake;
    bm_job_fn fn; /* NULL: nothing to do */
    void *arg;
} thread;

struct bm_threads {
    pthread_mutex_t lock; /* guards everything below and the threads' fn and arg */
    pthread_cond_t changed;
    thread *idle;
    thread *ended; /* left their loop, to be joined */
    thread *spare; /* joined: a late signal may still find them */
    job *first, **last; /* jobs that found no thread */
    size_t n_threads, n_busy;
    size_t n_held; /* see bm_threads_hold() */
    unsigned next_number;
    int idle_ms;
    bool closing;
};

bm_threads *bm_threads_new(int idle_ms)
{
    bm_threads *threads = bm_xcalloc(1, sizeof *threads);
    pthread_mutex_init(&threads->lock, NULL);
    bm_cond_init(&threads->changed);
    threads->last = &threads->first;
    threads->idle_ms = idle_ms;
    return threads;
}

static void unlink_idle(bm_threads *pool, thread *self)
{
    thread **link = &pool->idle;
    while (*link != self) link = &(*link)->next;
    *link = self->next;
}

/* Waits for work; false: none came in time. With the lock held. */
static bool await_job(bm_threads *pool, thread *self)
{
    job *queued = pool->first;
    if (queued) {
        pool->first = queued->next;
        if (!pool->first) pool->last = &pool->first;
        self->fn = queued->fn;
        self->arg = queued->arg;
        free(queued);
        return true;
    }
    pool->n_busy--;
    pthread_cond_broadcast(&pool->changed);
    self->next = pool->idle;
    pool->idle = self;
    struct timespec until = bm_after_ms(pool->idle_ms);
    int rc = 0;
    while (!self->fn && !pool->closing && !rc)
        rc = pthread_cond_timedwait(&self->wake, &pool->lock, &until);
    if (self->fn) return true; /* whoever set it took us off the idle list, made us busy */
    unlink_idle(pool, self);
    return false;
}

static void *thread_main(void *arg)
{
    thread *self = arg;
    bm_threads *pool = self->pool;
    pthread_mutex_lock(&pool->lock);
    do {
        bm_job_fn fn = self->fn;
        void *fn_arg = self->arg;
        self->fn = NULL;
        pthread_mutex_unlock(&pool->lock);
        fn(fn_arg);
        pthread_mutex_lock(&pool->lock);
    } while (await_job(pool, self));
    if (pool->n_threads == 1 && !pool->closing) {
        pthread_mutex_unlock(&pool->lock);
        malloc_trim(0);
        pthread_mutex_lock(&pool->lock);
    }
    pool->n_threads--;
    self->next = pool->ended;
    pool->ended = self;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* The last of the list, or NULL. */
static thread *join_all(thread *list)
{
    thread *last = NULL;
    for (; list; list = list->next) {
        pthread_join(list->id, NULL);
        last = list;
    }
    return last;
}

static void free_all(thread *list)
{
    for (thread *next; list; list = next) {
        next = list->next;
        pthread_cond_destroy(&list->wake);
        free(list);
    }
}

/* With the lock held. */
static thread *new_thread(bm_threads *pool)
{
    thread *new = pool->spare;
    if (new) {
        pool->spare = new->next;
        return new;
    }
    new = bm_xcalloc(1, sizeof *new);
    new->pool = pool;
    bm_cond_init(&new->wake);
    return new;
}

/* With the lock held. */
static bool start_thread(bm_threads *pool, bm_job_fn fn, void *arg)
{
    thread *new = new_thread(pool);
    new->fn = fn;
    new->arg = arg;
    char name[16];
    snprintf(name, sizeof name, "bundle-%u", (pool->next_number + 1) % 100000);
    if (bm_thread_start(&new->id, name, thread_main, new)) {
        new->next = pool->spare;
        pool->spare = new;
        return false;
    }
    pool->next_number++;
    pool->n_threads++;
    pool->n_busy++;
    return true;
}

/* Joins threads that have left their loops, which does not block. */
static void reuse(bm_threads *pool, thread *ended)
{
    thread *last = join_all(ended);
    if (!last) return;
    pthread_mutex_lock(&pool->lock);
    last->next = pool->spare;
    pool->spare = ended;
    pthread_mutex_unlock(&pool->lock);
}

bool bm_threads_run(bm_threads *pool, bm_job_fn fn, void *arg)
{
    pthread_mutex_lock(&pool->lock);
    bool accepted = true;
    thread *ended = pool->ended, *taken = pool->idle;
    pool->ended = NULL;
    if (taken) {
        pool->idle = taken->next;
        pool->n_busy++;
        taken->fn = fn;
        taken->arg = arg;
    } else if (!start_thread(pool, fn, arg)) {
        accepted = pool->n_busy > 0;
        if (accepted) {
            job *queued = bm_xcalloc(1, sizeof *queued);
            queued->fn = fn;
            queued->arg = arg;
            *pool->last = queued;
            pool->last = &queued->next;
        }
    }
    pthread_mutex_unlock(&pool->lock);
    /* Without the lock, which it would wait for. It may have run and ended by now. */
    if (taken) pthread_cond_signal(&taken->wake);
    reuse(pool, ended);
    return accepted;
}

void bm_threads_hold(bm_threads *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->n_held++;
    pthread_mutex_unlock(&pool->lock);
}

void bm_threads_let_go(bm_threads *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->n_held--;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
}

static bool is_drained(const bm_threads *pool)
{
    return !pool->n_busy && !pool->n_held;
}

bool bm_threads_drain(bm_threads *pool, int ms)
{
    struct timespec until = bm_after_ms(ms < 0 ? 0 : ms);
    pthread_mutex_lock(&pool->lock);
    while (!is_drained(pool)) {
        if (ms < 0)
            pthread_cond_wait(&pool->changed, &pool->lock);
        else if (pthread_cond_timedwait(&pool->changed, &pool->lock, &until))
            break;
    }
    bool drained = is_drained(pool);
    pthread_mutex_unlock(&pool->lock);
    return drained;
}

void bm_threads_free(bm_threads *pool)
{
    if (!pool) return;
    pthread_mutex_lock(&pool->lock);
    while (!is_drained(pool)) pthread_cond_wait(&pool->changed, &pool->lock);
    pool->closing = true;
    for (thread *t = pool->idle; t; t = t->next) pthread_cond_signal(&t->wake);
    while (pool->n_threads) pthread_cond_wait(&pool->changed, &pool->lock);
    thread *ended = pool->ended;
    pthread_mutex_unlock(&pool->lock);
    join_all(ended);
    free_all(ended);
    free_all(pool->spare);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
