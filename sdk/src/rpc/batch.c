/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC's settings, and starting its batches. Any thread. */
#include <grpc/support/time.h>
#include <stdio.h>
#include <stdlib.h>

#include "rpc/internal.h"

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
    grpc_completion_queue_thread_local_cache_init(bm_rpc_queue(rpc));
    bm_start_batch(call, op, 1, tag);
    void *cached;
    int success;
    if (!grpc_completion_queue_thread_local_cache_flush(bm_rpc_queue(rpc), &cached, &success))
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
