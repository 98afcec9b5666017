/* SPDX-License-Identifier: Apache-2.0 */
/* program/test_run.h - one run of beam_test_run(). The caller's thread. */
#ifndef BM_TEST_RUN_H
#define BM_TEST_RUN_H

#include "beam/program.h"
#include "beam/testing.h"
#include "job/session.h"

typedef struct bm_test_run {
    const beam_test_opts *opts;
    beam_pipeline *pipeline;
    bm_arena arena;
    beam_functions functions; /* that the pipeline uses */
    bm_log log;
    bm_session session;
    const char *endpoint; /* of the job service */
    beam_span metrics; /* a GetJobMetricsResponse, in the pipeline's arena; empty: none */
} bm_test_run;

/* Each runs the pipeline to its end, or cancels it when its time is over. */
beam_status bm_test_run_job(bm_test_run *r, beam_error *err);
beam_status bm_test_run_locally(bm_test_run *r, beam_error *err);

static inline int64_t bm_test_timeout_s(const bm_test_run *r)
{
    return r->opts->timeout_s ? r->opts->timeout_s : 120;
}

#endif
