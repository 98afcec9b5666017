/* SPDX-License-Identifier: Apache-2.0 */
/* The completion queue and the rpc thread that empties it. gRPC counts its users itself, so
 * several runtimes in one process are fine. */
#include <grpc/support/time.h>
#include <stdio.h>
#include <stdlib.h>

#include "rpc/internal.h"

struct bm_rpc {
    grpc_completion_queue *queue;
    pthread_t thread;
};

static void *run(void *self)
{
    bm_rpc *rpc = self;
    for (;;) {
        grpc_event event = grpc_completion_queue_next(rpc->queue,
                                                      gpr_inf_future(GPR_CLOCK_REALTIME),
                                                      NULL);
        if (event.type == GRPC_QUEUE_SHUTDOWN) return NULL;
        bm_tag *tag = event.tag;
        atomic_load_explicit(&tag->started, memory_order_acquire);
        tag->run(tag->self, event.success);
    }
}

bm_rpc *bm_rpc_new(void)
{
    /* The system's resolver, unless the user says otherwise: gRPC's other one, c-ares, leaks
     * and does not know all that the system knows. No call when it is set, so only the first
     * runtime of a process touches the environment. */
    if (!getenv("GRPC_DNS_RESOLVER")) setenv("GRPC_DNS_RESOLVER", "native", 0);
    grpc_init();
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

void bm_start_batch(grpc_call *call, const grpc_op *ops, size_t n, bm_tag *tag)
{
    grpc_call_error error = grpc_call_start_batch(call, ops, n, bm_tag_start(tag), NULL);
    if (error == GRPC_CALL_OK) return;
    fprintf(stderr, "beam: gRPC refused a batch: %s\n", grpc_call_error_to_string(error));
    abort();
}

gpr_timespec bm_deadline(int timeout_ms)
{
    if (timeout_ms <= 0) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                        gpr_time_from_millis(timeout_ms, GPR_TIMESPAN));
}
