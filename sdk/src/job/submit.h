/* SPDX-License-Identifier: Apache-2.0 */
/* job/submit.h - a job on a job service: preparing, staging, running, watching and
 * cancelling it. Blocks; one thread per job. */
#ifndef BM_SUBMIT_H
#define BM_SUBMIT_H

#include "job/artifacts.h"
#include "job/session.h"

typedef enum bm_job_state { /* JobState.Enum of beam_job_api.proto */
                            BM_JOB_UNSPECIFIED,
                            BM_JOB_STOPPED,
                            BM_JOB_RUNNING,
                            BM_JOB_DONE,
                            BM_JOB_FAILED,
                            BM_JOB_CANCELLED,
                            BM_JOB_UPDATED,
                            BM_JOB_DRAINING,
                            BM_JOB_DRAINED,
                            BM_JOB_STARTING,
                            BM_JOB_CANCELLING,
                            BM_JOB_UPDATING
} bm_job_state;
const char *bm_job_state_text(bm_job_state state);
bool bm_job_state_is_final(bm_job_state state);

typedef struct bm_submission {
    const char *job_endpoint;
    bool is_ours; /* started by us: not probed */
    const char *name;
    beam_span pipeline; /* RunnerApi.Pipeline */
    beam_span options;  /* google.protobuf.Struct */
    const bm_artifacts *artifacts;
} bm_submission;

typedef struct bm_job bm_job;
/* The session must outlive the job. */
beam_status bm_job_submit(bm_session *session, const bm_submission *submission,
                          bm_job **out, beam_error *err);
/* Says what is wrong at `address`, when it is no job service. */
beam_status bm_job_check_endpoint(bm_rpc *rpc, const char *address, beam_error *err);
const char *bm_job_id(const bm_job *job);
bm_job_state bm_job_last_state(const bm_job *job);

typedef enum bm_job_event_kind {
    BM_EVENT_NONE,  /* nothing within the time given */
    BM_EVENT_STATE, /* another state than the last */
    BM_EVENT_MESSAGE,
    BM_EVENT_LOST /* the job service is gone; `text` says more */
} bm_job_event_kind;

typedef struct bm_job_event {
    bm_job_event_kind kind;
    bm_job_state state;
    beam_severity severity; /* of a message */
    const char *text;       /* in the arena */
} bm_job_event;

/* Waits at most timeout_ms. After a final state there is nothing more to come. */
bm_job_event bm_job_next(bm_job *job, int timeout_ms, bm_arena *arena);
beam_status bm_job_cancel(bm_job *job, beam_error *err);
/* The bytes of GetJobMetricsResponse. */
beam_status bm_job_get_metrics(bm_job *job, bm_arena *arena, beam_span *response,
                               beam_error *err);
void bm_job_free(bm_job *job); /* leaves the job to itself; NULL is fine */

/* The part of a runner's error text that says what happened: without the names of Java's
 * exceptions and, of a stack trace, the root cause only. One line, in the arena. */
const char *bm_job_root_cause(bm_arena *arena, const char *text);

#endif
