/* SPDX-License-Identifier: Apache-2.0 */
/* job/known_runner.h - which runner is behind a job service, and what it lacks. */
#ifndef BM_KNOWN_RUNNER_H
#define BM_KNOWN_RUNNER_H

#include "graph/graph.h"
#include "job/session.h"

typedef enum bm_known_runner {
    BM_UNKNOWN_RUNNER,
    BM_FLINK_BATCH,
    BM_FLINK_STREAMING,
    BM_FLINK_CHECKPOINTS, /* streaming, too */
    BM_PRISM,
    BM_LOCAL, /* in this process, see sdk/src/local */
    BM_KNOWN_RUNNERS
} bm_known_runner;

/* How the job is to be run. */
typedef struct bm_job_mode {
    bool streaming, checkpoints;
} bm_job_mode;

/* By what JobService.DescribePipelineOptions answers: Flink's lists its options, Prism's
 * lists none. Blocks for some seconds at most; any thread. */
bm_known_runner bm_job_runner(bm_session *session, const char *job_endpoint,
                              const bm_job_mode *mode);
/* The same from the answer itself. */
bm_known_runner bm_runner_of_options(beam_span response, const bm_job_mode *mode);

/* Refuses a pipeline that needs what the runner lacks, with the step, the reason and the
 * runners that have it: such a job would hang, or fail late and in words of the runner's
 * inner life. An unknown runner is trusted. Any thread. */
beam_status bm_runner_check(bm_known_runner runner, const beam_pipeline *p, beam_error *err);
/* Warns of each step to which the runner gives another meaning than Beam's model does. Any
 * thread. */
void bm_runner_warn(bm_known_runner runner, const beam_pipeline *p, const bm_log *log);
/* "Flink in batch mode" */
const char *bm_runner_text(bm_known_runner runner);

#endif
