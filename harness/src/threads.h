/* SPDX-License-Identifier: Apache-2.0 */
/* threads.h - the worker's bundle threads, for jobs beside the one that the rpc thread may be
 * lent to: as many as there are jobs at once (a runner may start any number of bundles and make
 * one wait for another), none when there is nothing to do. A thread that is through with its job
 * waits some seconds for the next one. The last one to end gives memory that is free back to the
 * system, which malloc keeps otherwise. */
#ifndef BM_THREADS_H
#define BM_THREADS_H

#include <stdbool.h>

typedef struct bm_threads bm_threads;
typedef void (*bm_job_fn)(void *arg);

/* idle_ms: how long a thread without a job is kept. */
bm_threads *bm_threads_new(int idle_ms);
/* Runs fn(arg) on an idle thread or a new one; any thread, does not block. When the system
 * gives no more threads, the job waits for one that becomes idle; false when there is none
 * at all (the job is then not run). */
bool bm_threads_run(bm_threads *threads, bm_job_fn fn, void *arg);
/* Between the two, a job is waited for by the functions below that runs on another thread, or
 * that is about to be run here. Any thread. */
void bm_threads_hold(bm_threads *threads);
void bm_threads_let_go(bm_threads *threads);
/* Waits until no job runs, at most so many ms (-1: for ever); false when some still do. Jobs
 * may start further ones. */
bool bm_threads_drain(bm_threads *threads, int ms);
/* Waits until no job runs, ends and joins all threads. */
void bm_threads_free(bm_threads *threads);

#endif
