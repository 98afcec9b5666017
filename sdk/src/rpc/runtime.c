/* SPDX-License-Identifier: Apache-2.0 */
/* The completion queue and who empties it. Events are handled by one thread at a time, the *rpc
 * thread*: the one that has that place. Of the two threads here one has it, mostly the first. It
 * leaves it for a job that it is lent to, takes it again for as long as the job waits, and comes
 * back to it afterwards, so that nobody need be woken for a short job. The other stands by: it
 * takes the place when that is left for some milliseconds, or is wanted by others. All jobs run
 * on the first, which the second gives the place for the next one: malloc keeps free memory for
 * each thread, and what two threads keep of a job is twice as much.
 *
 * gRPC counts its users itself, so several runtimes in one process are fine, but they slow each
 * other down: of the threads that wait, one polls for all and hands over what is not its own. */
#include <assert.h>
#include <errno.h>
#include <grpc/support/time.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"
#include "rpc/internal.h"

enum {
    MOST_SOON = 16,   /* calls that wait to be made soon */
    SOON_EVENTS = 16, /* events handled before they are made anyway */
    TICK_MS = 2,      /* the thread that stands by looks at the place so often, */
    IDLE_TICKS = 5,   /* but not when the place was not left for so long; */
    TRIM_MS = 10000,  /* after this, free memory goes back to the system */
    LOOK_MS = 2,      /* jobs may hide others for so long */
    DOZE_US = 50,     /* twice that, as the system counts */
};

typedef struct task {
    void (*fn)(void *arg);
    void *arg;
} task;

/* A thread that stands by. Guarded by the runtime's lock. */
typedef struct stand_in {
    pthread_cond_t wanted;
    bool sleeps; /* it does not look until told */
    bool trims;  /* nor while it gives back memory */
} stand_in;

struct bm_rpc {
    grpc_completion_queue *queue;
    pthread_t first, second; /* the threads */
    atomic_uint n_claims;

    /* Changed with the lock, read by threads that look for themselves. 0, which glibc gives no
     * thread: nobody. */
    _Atomic pthread_t server; /* who has the place */
    _Atomic pthread_t lent;   /* who has left it for a job and may take it again */

    pthread_mutex_t lock; /* guards the next ones */
    stand_in as_first, as_second;
    bool has_second;
    bool is_away;          /* the first is at a job, or comes back from it */
    unsigned long n_turns; /* how often the place was left */
    bool hands_over;       /* who stands by is to take the place as soon as it is free, */
    bool to_first;         /* but only the first may */
    bool over;

    /* Of who has the place: */
    task soon[MOST_SOON];
    size_t n_soon, n_made; /* of these; none is made twice when one of them settles the rest */
    unsigned n_events;     /* since the first of them came */
    bool is_drained;       /* there was no event at the last look */
    task job;              /* that waits for the thread; fn NULL: none */
    int64_t looked_ms;     /* for others beside it */
};

grpc_completion_queue *bm_rpc_queue(bm_rpc *rpc)
{
    return rpc->queue;
}

/* -- events: whoever has the place ---------------------------------------------------- */

void bm_rpc_settle(bm_rpc *rpc)
{
    while (rpc->n_made < rpc->n_soon) {
        size_t i = rpc->n_made++;
        rpc->soon[i].fn(rpc->soon[i].arg);
    }
    rpc->n_soon = rpc->n_made = 0;
    rpc->n_events = 0;
}

void bm_rpc_soon(bm_rpc *rpc, void (*fn)(void *arg), void *arg)
{
    if (rpc->n_soon == MOST_SOON) bm_rpc_settle(rpc);
    rpc->soon[rpc->n_soon++] = (task){ fn, arg };
}

/* The next event. While something is to be done soon, or a job waits: only one that is there,
 * and a few at most, then GRPC_QUEUE_TIMEOUT. */
static grpc_event next_event(bm_rpc *rpc, gpr_timespec until)
{
    grpc_event event = { .type = GRPC_QUEUE_TIMEOUT };
    rpc->is_drained = false;
    if (!rpc->n_soon && !rpc->job.fn)
        return grpc_completion_queue_next(rpc->queue, until, NULL);
    if (rpc->n_events++ >= SOON_EVENTS) return event;
    event = grpc_completion_queue_next(rpc->queue, gpr_time_0(GPR_CLOCK_MONOTONIC), NULL);
    rpc->is_drained = event.type == GRPC_QUEUE_TIMEOUT;
    return event;
}

static void handle(const grpc_event *event)
{
    bm_tag *tag = event->tag;
    atomic_load_explicit(&tag->started, memory_order_acquire);
    bool failed = tag->failed;
    tag->failed = false;
    tag->run(tag->self, event->success && !failed);
}

/* -- the place ---------------------------------------------------------------------------- */

static bool is_self(const _Atomic pthread_t *thread)
{
    pthread_t one = atomic_load_explicit(thread, memory_order_relaxed);
    return one && pthread_equal(one, pthread_self());
}

static bool is_nobody(const _Atomic pthread_t *thread)
{
    return !atomic_load_explicit(thread, memory_order_relaxed);
}

static void assign(_Atomic pthread_t *thread, pthread_t to)
{
    atomic_store_explicit(thread, to, memory_order_relaxed);
}

bool bm_rpc_on_thread(const bm_rpc *rpc)
{
    return is_self(&rpc->server);
}

static bool is_claimed(const bm_rpc *rpc)
{
    return atomic_load_explicit(&rpc->n_claims, memory_order_relaxed);
}

/* With the lock. */
static void take_place(bm_rpc *rpc)
{
    rpc->hands_over = rpc->to_first = false;
    assign(&rpc->server, pthread_self());
}

/* With the lock. */
static void leave_place(bm_rpc *rpc, stand_in *other)
{
    assign(&rpc->server, 0);
    rpc->n_turns++;
    if (rpc->hands_over || other->sleeps) pthread_cond_signal(&other->wanted);
}

/* Waits for a tick, or to be told, when nothing happened for `n_idle` of them. With the lock. */
static void await_tick(bm_rpc *rpc, stand_in *self, unsigned n_idle)
{
    struct timespec until = bm_after_ms(n_idle < IDLE_TICKS ? TICK_MS : TRIM_MS);
    self->sleeps = n_idle >= IDLE_TICKS;
    if (n_idle == IDLE_TICKS + 1 && !is_claimed(rpc) && !rpc->is_away) {
        self->trims = true;
        pthread_mutex_unlock(&rpc->lock);
        malloc_trim(0);
        pthread_mutex_lock(&rpc->lock);
        self->trims = false;
    } else if (n_idle <= IDLE_TICKS) {
        pthread_cond_timedwait(&self->wanted, &rpc->lock, &until);
    } else {
        pthread_cond_wait(&self->wanted, &rpc->lock);
    }
    self->sleeps = false;
}

/* Takes the place when it is wanted, or was free at two looks without having been taken in
 * between. False: the runtime ends. */
static bool stand_by(bm_rpc *rpc, bool is_first)
{
    stand_in *self = is_first ? &rpc->as_first : &rpc->as_second;
    pthread_mutex_lock(&rpc->lock);
    if (is_first) rpc->is_away = false;
    unsigned long seen = rpc->n_turns;
    unsigned n_idle = 0;
    bool was_free = false;
    while (!rpc->over) {
        bool is_free = is_nobody(&rpc->server) && (is_first || !rpc->to_first);
        bool is_same = seen == rpc->n_turns;
        if (is_free && (rpc->hands_over || (was_free && is_same))) break;
        n_idle = is_same ? n_idle + 1 : 0;
        was_free = is_free;
        seen = rpc->n_turns;
        await_tick(rpc, self, n_idle);
    }
    bool over = rpc->over;
    if (!over) {
        assign(&rpc->lent, 0);
        take_place(rpc);
    }
    pthread_mutex_unlock(&rpc->lock);
    return !over;
}

/* False: the second thread has taken the place meanwhile. */
static bool run_job(bm_rpc *rpc)
{
    if (is_claimed(rpc)) bm_rpc_settle(rpc); /* others need not wait for the second thread */
    task job = rpc->job;
    rpc->job.fn = NULL;
    rpc->n_events = 0;
    pthread_mutex_lock(&rpc->lock);
    rpc->hands_over = is_claimed(rpc);
    rpc->is_away = true;
    assign(&rpc->lent, pthread_self());
    leave_place(rpc, &rpc->as_second);
    pthread_mutex_unlock(&rpc->lock);
    job.fn(job.arg);
    pthread_mutex_lock(&rpc->lock);
    /* Otherwise the second has it, and does not give it to one that is away. */
    bool is_free = is_nobody(&rpc->server);
    if (is_free) {
        rpc->is_away = false;
        assign(&rpc->lent, 0);
        take_place(rpc);
    }
    pthread_mutex_unlock(&rpc->lock);
    return is_free;
}

static void give_to_first(bm_rpc *rpc)
{
    pthread_mutex_lock(&rpc->lock);
    rpc->hands_over = rpc->to_first = true;
    leave_place(rpc, &rpc->as_first);
    pthread_mutex_unlock(&rpc->lock);
}

/* A job goes before the next reads of streams, which are writes to gRPC. Now and then not: what
 * has come meanwhile may be jobs that are better done beside this one. */
static bool looks_first(bm_rpc *rpc)
{
    int64_t now_ms = bm_monotonic_ms();
    if (!rpc->n_soon || now_ms - rpc->looked_ms < LOOK_MS) return false;
    rpc->looked_ms = now_ms;
    bm_rpc_settle(rpc);
    return true;
}

static void end_both(bm_rpc *rpc)
{
    assert(!rpc->job.fn);
    bm_rpc_settle(rpc);
    pthread_mutex_lock(&rpc->lock);
    rpc->over = true;
    pthread_cond_signal(&rpc->as_first.wanted);
    pthread_cond_signal(&rpc->as_second.wanted);
    pthread_mutex_unlock(&rpc->lock);
}

static void run(bm_rpc *rpc, bool is_first)
{
    while (stand_by(rpc, is_first)) {
        bool has_place = true;
        while (has_place) {
            grpc_event event = next_event(rpc, gpr_inf_future(GPR_CLOCK_MONOTONIC));
            if (event.type == GRPC_OP_COMPLETE) {
                handle(&event);
            } else if (event.type == GRPC_QUEUE_SHUTDOWN) {
                end_both(rpc);
                return;
            } else if (!rpc->job.fn) {
                bm_rpc_settle(rpc);
            } else if (!is_first) {
                give_to_first(rpc);
                has_place = false;
            } else if (!looks_first(rpc)) {
                has_place = run_job(rpc);
            }
        }
    }
}

static void *run_first(void *self)
{
    run(self, true);
    return NULL;
}

static void *run_second(void *self)
{
    run(self, false);
    return NULL;
}

/* -- lending ----------------------------------------------------------------------------- */

/* True if the first thread is here, the second would take the place, were it left for long, and
 * neither is busy with the memory. */
static bool can_lend(bm_rpc *rpc)
{
    if (is_claimed(rpc)) return false;
    pthread_mutex_lock(&rpc->lock);
    if (!rpc->has_second)
        rpc->has_second = !bm_thread_start(&rpc->second, "beam-rpc-2", run_second, rpc);
    bool can = rpc->has_second && !rpc->is_away && !rpc->as_first.trims && !rpc->as_second.trims;
    pthread_mutex_unlock(&rpc->lock);
    return can;
}

bool bm_rpc_lend(bm_rpc *rpc, void (*job)(void *arg), void *arg)
{
    if (rpc->job.fn || !can_lend(rpc)) return false;
    rpc->job = (task){ job, arg };
    return true;
}

void bm_rpc_claim(bm_rpc *rpc)
{
    atomic_fetch_add_explicit(&rpc->n_claims, 1, memory_order_relaxed);
    pthread_mutex_lock(&rpc->lock);
    if (!is_nobody(&rpc->lent)) rpc->hands_over = true;
    pthread_mutex_unlock(&rpc->lock);
}

void bm_rpc_unclaim(bm_rpc *rpc)
{
    atomic_fetch_sub_explicit(&rpc->n_claims, 1, memory_order_relaxed);
}

/* Takes the place for the lent thread, if it still may. */
static bool take_again(bm_rpc *rpc)
{
    assert(!is_self(&rpc->server)); /* a callback must not wait */
    if (!is_self(&rpc->lent)) return false;
    pthread_mutex_lock(&rpc->lock);
    bool is_ours = is_self(&rpc->lent) && !rpc->hands_over;
    if (is_ours) take_place(rpc);
    else if (is_self(&rpc->lent)) assign(&rpc->lent, 0);
    pthread_mutex_unlock(&rpc->lock);
    return is_ours;
}

/* Handles an event, or what was to be done soon; false on threads that are not lent, or no
 * longer. */
static bool serve(bm_rpc *rpc, gpr_timespec until, bool many)
{
    if (!take_again(rpc)) return false;
    if (many && rpc->is_drained) nanosleep(&(struct timespec){ 0, DOZE_US * 1000 }, NULL);
    grpc_event event = next_event(rpc, until);
    assert(event.type != GRPC_QUEUE_SHUTDOWN); /* jobs end before */
    if (event.type == GRPC_OP_COMPLETE) handle(&event);
    if (event.type != GRPC_OP_COMPLETE || rpc->hands_over) bm_rpc_settle(rpc);
    pthread_mutex_lock(&rpc->lock);
    leave_place(rpc, &rpc->as_second);
    pthread_mutex_unlock(&rpc->lock);
    return true;
}

bool bm_rpc_serve(bm_rpc *rpc, bool many)
{
    return serve(rpc, gpr_inf_future(GPR_CLOCK_MONOTONIC), many);
}

static bool is_past(const struct timespec *at)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > at->tv_sec || (now.tv_sec == at->tv_sec && now.tv_nsec >= at->tv_nsec);
}

int bm_rpc_wait(bm_rpc *rpc, pthread_cond_t *cond, pthread_mutex_t *lock,
                const struct timespec *until, bool many)
{
    if (!rpc || !is_self(&rpc->lent))
        return until ? pthread_cond_timedwait(cond, lock, until) : pthread_cond_wait(cond, lock);
    gpr_timespec end = gpr_inf_future(GPR_CLOCK_MONOTONIC);
    if (until)
        end = (gpr_timespec){ until->tv_sec, (int32_t)until->tv_nsec, GPR_CLOCK_MONOTONIC };
    pthread_mutex_unlock(lock);
    bool served = serve(rpc, end, many);
    pthread_mutex_lock(lock);
    return served && until && is_past(until) ? ETIMEDOUT : 0;
}

/* -- life ----------------------------------------------------------------------------------- */

bm_rpc *bm_rpc_new(void)
{
    bm_grpc_start();
    bm_rpc *rpc = bm_xcalloc(1, sizeof *rpc);
    rpc->queue = grpc_completion_queue_create_for_next(NULL);
    pthread_mutex_init(&rpc->lock, NULL);
    bm_cond_init(&rpc->as_first.wanted);
    bm_cond_init(&rpc->as_second.wanted);
    rpc->hands_over = true; /* to the first */
    if (bm_thread_start(&rpc->first, "beam-rpc", run_first, rpc)) {
        fputs("beam: cannot start the rpc thread\n", stderr);
        abort();
    }
    return rpc;
}

void bm_rpc_free(bm_rpc *rpc)
{
    if (!rpc) return;
    grpc_completion_queue_shutdown(rpc->queue);
    pthread_join(rpc->first, NULL);
    if (rpc->has_second) pthread_join(rpc->second, NULL);
    grpc_completion_queue_destroy(rpc->queue);
    grpc_shutdown();
    pthread_cond_destroy(&rpc->as_first.wanted);
    pthread_cond_destroy(&rpc->as_second.wanted);
    pthread_mutex_destroy(&rpc->lock);
    free(rpc);
}
