/* SPDX-License-Identifier: Apache-2.0 */
/* job/flink_jobs.h - the jobs of a Flink cluster, by its REST API. Blocks; any thread.
 *
 * Beam's job service forgets to cancel a job on a cluster: it cancels its own wait for it.
 * So whoever submits looks at the cluster's jobs before, and cancels what came after. */
#ifndef BM_FLINK_JOBS_H
#define BM_FLINK_JOBS_H

#include "base/arena.h"

/* Ids of the jobs that are not over. Immutable. */
typedef struct bm_flink_jobs {
    const char *master; /* host:port of the REST API */
    const char *const *ids;
    size_t n;
} bm_flink_jobs;

/* The jobs of this name at present. Lives in the arena. */
beam_status bm_flink_jobs_list(const char *master, const char *name, bm_arena *arena,
                               bm_flink_jobs *out, beam_error *err);
/* Cancels the jobs of this name that are not in `before`, and waits until they are over. */
beam_status bm_flink_jobs_cancel_new(const bm_flink_jobs *before, const char *name,
                                     beam_error *err);

#endif
