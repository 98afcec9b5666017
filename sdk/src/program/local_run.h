/* SPDX-License-Identifier: Apache-2.0 */
/* program/local_run.h - a pipeline on the local runner, with its worker in this process. */
#ifndef BM_LOCAL_RUN_H
#define BM_LOCAL_RUN_H

#include "beam/harness.h"
#include "graph/graph.h"
#include "local/local.h"

typedef struct bm_local_job {
    beam_functions functions; /* of the worker */
    beam_severity log_level;
    beam_harness *_Atomic *worker; /* set to the one that runs, if any; may be NULL */
    bm_local_opts opts; /* but for self, start_worker and stop_worker */
} bm_local_job;

/* Runs the built pipeline to its end; as bm_local_run(). External transforms are refused. */
beam_status bm_run_locally(bm_rpc *rpc, beam_pipeline *pipeline, const bm_local_job *job,
                           bm_arena *arena, bm_local_result *result, beam_error *err);

#endif
