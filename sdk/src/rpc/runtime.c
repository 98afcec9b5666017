/* SPDX-License-Identifier: Apache-2.0 */
/* The completion queue and the rpc thread that empties it. gRPC counts its users itself, so
 * several runtimes in one process are fine, but they slow each other down: of the threads
 * that wait, one polls for all and hands over what is not its own. */
#include <grpc/support/time.h>
#include <stdio.h>
#include <stdlib.h>

#include "rpc/internal.h"

enum {
    MOST_SOON = 16,   /* calls that wait to be made soon */
    SOON_EVENTS = 16, /* events handled before they are made anyway */
};

struct bm_rpc {
    grpc_completion_queue *queue;
    pthread_t thread;
    /* rpc thread only: */
    struct {
        void (*fn)(void *arg);
        void *arg;
    } soon[MOST_SOON];
    size_t n_soon, n_made; /* of these; none is made twice when one of them settles the rest */
    unsigned n_events;     /* since the first of them came */
};

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
    rpc->soon[rpc->n_soon].fn = fn;
    rpc->soon[rpc->n_soon++].arg = arg;
}

/* The next event; before it waits for one, what was to be done soon is done. */
static grpc_event next_event(bm_rpc *rpc)
{
    if (rpc->n_soon && rpc->n_events++ < SOON_EVENTS) {
        gpr_timespec now = gpr_time_0(GPR_CLOCK_MONOTONIC);
        grpc_event event = grpc_completion_queue_next(rpc->queue, now, NULL);
        if (event.type != GRPC_QUEUE_TIMEOUT) return event;
    }
    bm_rpc_settle(rpc);
    return grpc_completion_queue_next(rpc->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
}

static void *run(void *self)
{
    bm_rpc *rpc = self;
    for (;;) {
        grpc_event event = next_event(rpc);
        if (event.type == GRPC_QUEUE_SHUTDOWN) break;
        bm_tag *tag = event.tag;
        atomic_load_explicit(&tag->started, memory_order_acquire);
        bool failed = tag->failed;
        tag->failed = false;
        tag->run(tag->self, event.success && !failed);
    }
    bm_rpc_settle(rpc);
    return NULL;
}

/* abseil's SetMutexDeadlockDetectionMode(kIgnore). Debian's abseil is built with its search
 * for deadlocks, which is to end the process at a wrong order of locks; in gRPC, whose order
 * is settled, it only makes each lock dearer: a tenth of what a small bundle takes. Weak:
 * where abseil has another name or is built without, nothing is called. */
void bm_absl_set_deadlock_detection(int mode)
    __asm__("_ZN4absl7debian329SetMutexDeadlockDetectionModeENS0_15OnDeadlockCycleE")
    __attribute__((weak));
enum { ABSL_IGNORE_DEADLOCKS = 0 };

void bm_grpc_start(void)
{
    if (bm_absl_set_deadlock_detection) bm_absl_set_deadlock_detection(ABSL_IGNORE_DEADLOCKS);
    /* The system's resolver, unless the user says otherwise: gRPC's other one, c-ares, leaks
     * and does not know all that the system knows. No call when it is set, so only the first
     * runtime of a process touches the environment. */
    if (!getenv("GRPC_DNS_RESOLVER")) setenv("GRPC_DNS_RESOLVER", "native", 0);
    grpc_init();
}

bm_rpc *bm_rpc_new(void)
{
    bm_grpc_start();
    bm_rpc *rpc = bm_xcalloc(1, sizeof *rpc);
    rpc->queue = grpc_completion_queue_create_for_next(NULL);
    if (pthread_create(&rpc->thread, NULL, run, rpc)) {
        fputs("beam: cannot start the rpc thread\n", stderr);
        abort();
    }
    pthread_setname_np(rpc->thread, "beam-rpc");
    return rpc;
}

void bm_rpc_free(bm_rpc *rpc)
{
    if (!rpc) return;
    grpc_completion_queue_shutdown(rpc->queue);
    pthread_join(rpc->thread, NULL);
    grpc_completion_queue_destroy(rpc->queue);
    grpc_shutdown();
    free(rpc);
}

grpc_completion_queue *bm_rpc_queue(bm_rpc *rpc)
{
    return rpc->queue;
}

bool bm_rpc_on_thread(const bm_rpc *rpc)
{
    return pthread_equal(rpc->thread, pthread_self());
}

void bm_start_ops(grpc_call *call, const grpc_op *ops, size_t n, void *tag)
{
    grpc_call_error error = grpc_call_start_batch(call, ops, n, tag, NULL);
    if (error == GRPC_CALL_OK) return;
    fprintf(stderr, "beam: gRPC refused a batch: %s\n", grpc_call_error_to_string(error));
    abort();
}

void bm_start_batch(grpc_call *call, const grpc_op *ops, size_t n, bm_tag *tag)
{
    bm_start_ops(call, ops, n, bm_tag_start(tag));
}

void bm_run_on_rpc_thread(grpc_call *call, bm_tag *tag)
{
    bm_start_batch(call, NULL, 0, tag);
}

bool bm_start_write(bm_rpc *rpc, grpc_call *call, const grpc_op *op, bm_tag *tag, bool *ok)
{
    if (bm_rpc_on_thread(rpc)) { /* it need not be woken */
        bm_start_batch(call, op, 1, tag);
        return false;
    }
    grpc_completion_queue_thread_local_cache_init(rpc->queue);
    bm_start_batch(call, op, 1, tag);
    void *cached;
    int success;
    if (!grpc_completion_queue_thread_local_cache_flush(rpc->queue, &cached, &success))
        return false;
    *ok = success;
    if (cached == tag) return true;
    /* This thread has done some of gRPC's other work on the way: whose tag it is expects to
     * run on the rpc thread. */
    bm_tag *other = cached;
    atomic_load_explicit(&other->started, memory_order_acquire);
    other->failed = !success;
    bm_run_on_rpc_thread(call, other);
    return false;
}

gpr_timespec bm_deadline(int timeout_ms)
{
    if (timeout_ms <= 0) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                        gpr_time_from_millis(timeout_ms, GPR_TIMESPAN));
}
