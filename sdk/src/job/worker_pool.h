/* SPDX-License-Identifier: Apache-2.0 */
/* job/worker_pool.h - the service BeamFnExternalWorkerPool: a runner asks it to start and
 * stop workers of an EXTERNAL environment.
 *
 * Threads: requests arrive on the rpc thread and are carried out one after the other on the
 * pool's own thread, which calls the ops. */
#ifndef BM_WORKER_POOL_H
#define BM_WORKER_POOL_H

#include "rpc/rpc.h"

typedef struct bm_worker_request {
    const char *id;
    /* "host:port", or NULL where the runner gave none. */
    const char *control_endpoint, *logging_endpoint, *artifact_endpoint,
        *provision_endpoint;
} bm_worker_request;

typedef struct bm_worker_pool_ops {
    /* May block; a failure is what the runner is told. */
    beam_status (*start)(void *self, const bm_worker_request *request, beam_error *err);
    beam_status (*stop)(void *self, const char *id, beam_error *err);
} bm_worker_pool_ops;

typedef struct bm_worker_pool bm_worker_pool;
/* Listens on host:port; port 0: any. */
bm_worker_pool *bm_worker_pool_new(bm_rpc *rpc, const char *host, int port,
                                   const bm_worker_pool_ops *ops, void *self,
                                   beam_error *err);
const char *bm_worker_pool_address(const bm_worker_pool *pool); /* "host:port" */
/* Stops listening; the workers are left to the owner of the ops. NULL is fine. */
void bm_worker_pool_free(bm_worker_pool *pool);

#endif
