/* SPDX-License-Identifier: Apache-2.0 */
/* job/process_pool.h - a worker pool whose workers are child processes, one per StartWorker.
 * Called by the worker pool's thread; children end on threads of their own. */
#ifndef BM_PROCESS_POOL_H
#define BM_PROCESS_POOL_H

#include "base/log.h"
#include "job/worker_pool.h"

/* What to run for a request. `log_path` may stay NULL: our stderr. */
typedef beam_status (*bm_worker_command)(void *self, bm_arena *arena,
                                         const bm_worker_request *request,
                                         const char *const **argv, const char **log_path,
                                         beam_error *err);

/* What a spare worker runs, one that gets ready and waits for its request: for a file
 * `handover` with the arguments "--id=" and "--provision_endpoint=", one a line. */
typedef struct bm_spare_worker {
    const char *const *argv;
    const char *log_path, *handover;
} bm_spare_worker;

typedef struct bm_process_pool bm_process_pool;
/* `what` names the workers in messages: "Java worker". The log must outlive the pool. */
bm_process_pool *bm_process_pool_new(const bm_log *log, const char *what,
                                     bm_worker_command command, void *self);
/* Starts a worker for the first request to come. Before the pool is given to
 * bm_worker_pool_new; copied. A spare that ends is not missed. */
void bm_process_pool_spare(bm_process_pool *pool, const bm_spare_worker *spare);
/* For bm_worker_pool_new, with the process pool as self. */
extern const bm_worker_pool_ops bm_process_pool_ops;
/* Stops all children. NULL is fine. */
void bm_process_pool_free(bm_process_pool *pool);

#endif
