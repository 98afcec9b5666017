/* SPDX-License-Identifier: Apache-2.0 */
/* program/watch.h - from submission to the end of a job, as the person sees it: messages,
 * the status line, cancelling, and the summary. The main thread. */
#ifndef BM_WATCH_H
#define BM_WATCH_H

#include "job/flink_jobs.h"
#include "job/java.h"
#include "job/submit.h"
#include "program/console.h"
#include "program/loopback.h"
#include "program/modes.h"

typedef struct bm_watch {
    bm_session *session;
    bm_console *console;
    const bm_standard *standard;
    bm_job *job;
    bm_service *job_server; /* child NULL: not ours */
    bm_loopback *loopback;  /* NULL: the workers are elsewhere */
    const char *job_name;
    const bm_flink_jobs *jobs_before; /* of the cluster; master NULL: there is none */
} bm_watch;

/* Blocks until the job has ended or is lost; the process's exit status. */
int bm_watch_job(const bm_watch *watch);

#endif
