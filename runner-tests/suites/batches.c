/* SPDX-License-Identifier: Apache-2.0 */
/* Each job runs in a process of its own, which is ended when it hangs: a test can then neither
 * take the others along nor stop them. When a job of several tests fails, each of them runs
 * again alone. */
#include "batches.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_BATCH = 64, MAX_SIDE_BY_SIDE = 8, GRACE_S = 20 };

typedef struct batch {
    chosen_test *tests[MAX_BATCH];
    size_t n;
} batch;

typedef struct job {
    pid_t pid; /* 0: no job here */
    int reason;
    double began;
    batch batch;
} job;

typedef struct queue {
    batch *at;
    size_t n, next;
} queue;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* -- in the process of a job ---------------------------------------------------------------- */
static void build_all(beam_pipeline *p, const batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        beam_scope_begin(p, b->tests[i]->test->name);
        b->tests[i]->test->build(p);
        beam_scope_end(p);
    }
}

static const char *check_all(beam_pipeline *p, const batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        const suite_test *test = b->tests[i]->test;
        if (!test->check) continue;
        const char *problem = test->check(p, beam_pipeline_format(p, "%s/", test->name));
        if (problem) return problem;
    }
    return NULL;
}

/* Why the tests have failed; NULL: they have not. */
static const char *run(beam_pipeline *p, const batch *b, const batch_opts *opts)
{
    unsigned needs = 0;
    for (size_t i = 0; i < b->n; i++) needs |= b->tests[i]->test->needs;
    const char *fails = b->n == 1 ? b->tests[0]->test->fails : NULL;
    build_all(p, b);
    beam_error err;
    bool streams = opts->runner->streaming ||
                   needs & (NEEDS_STREAMING | NEEDS_TEST_STREAM);
    /* Flink finalizes bundles with its checkpoints. */
    bool finalizes = needs & NEEDS_FINALIZATION && opts->runner->what == RUNNER_FLINK;
    beam_status status =
        beam_test_run(p, .job_endpoint = opts->endpoint, .local = !opts->endpoint,
                      .streaming = streams, .timeout_s = opts->timeout_s,
                      .drain = needs & NEEDS_DRAIN,
                      .faults = b->n == 1 ? b->tests[0]->test->faults : NULL,
                      .job_name = b->n == 1 ? b->tests[0]->test->name : "suites",
                      .err = &err,
                      .options = { { "parallelism", "1" },
                                   { finalizes ? "checkpointing_interval" : NULL, "300" },
                                   { "shutdown_sources_after_idle_ms", "3000" } },
                      .log_level = opts->verbose ? BEAM_LOG_INFO : BEAM_LOG_CRITICAL);
    if (fails) {
        if (status == BEAM_OK) return "the job succeeded, but was to fail";
        if (!strstr(err.message, fails))
            return beam_pipeline_format(p, "the failure does not say '%s': %s", fails,
                                        err.message);
    } else if (status != BEAM_OK) {
        return beam_pipeline_format(p, "%s", err.message);
    }
    return check_all(p, b);
}

static void be_job(const batch *b, const batch_opts *opts, int reason)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm((unsigned)opts->timeout_s + GRACE_S);
    beam_pipeline *p = beam_pipeline_new();
    const char *problem = run(p, b, opts);
    if (problem) dprintf(reason, "%s", problem);
    fflush(NULL);
    _exit(problem != NULL);
}

/* -- in the process of all -------------------------------------------------------------------- */
static void start_job(job *j, const batch *b, const batch_opts *opts)
{
    int reason[2];
    if (pipe(reason)) abort();
    fflush(NULL);
    *j = (job){ .began = now(), .batch = *b, .reason = reason[0] };
    j->pid = fork();
    if (j->pid < 0) abort();
    if (j->pid == 0) {
        close(reason[0]);
        be_job(b, opts, reason[1]);
    }
    close(reason[1]);
}

/* What the job's process said, or how it died; NULL: all is well. To be freed. */
static char *why_failed(job *j, int status)
{
    char text[4096];
    ssize_t n = read(j->reason, text, sizeof text - 1);
    close(j->reason);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return NULL;
    if (n > 0) return strndup(text, (size_t)n);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        return strdup("hung, and was ended");
    snprintf(text, sizeof text, "its process died (%s %d)",
             WIFSIGNALED(status) ? "signal" : "status",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return strdup(text);
}

static void report(chosen_test *c, const char *reason, double seconds)
{
    c->result = reason ? FAILED : PASSED;
    c->reason = reason ? strdup(reason) : NULL;
    c->seconds = seconds;
    printf("%s %s %s  %.1f s\n", reason ? "FAIL" : "ok  ", c->suite, c->test->name,
           seconds);
    if (reason) printf("     | %s\n", reason);
    fflush(stdout);
}

static void add(queue *q, const batch *b)
{
    q->at = realloc(q->at, (q->n + 1) * sizeof *q->at);
    if (!q->at) abort();
    q->at[q->n++] = *b;
}

static void finish_job(job *j, int status, queue *q)
{
    char *reason = why_failed(j, status);
    double seconds = now() - j->began;
    j->pid = 0;
    if (reason && j->batch.n > 1) {
        printf("     a job of %zu tests failed (%.200s): each runs alone now\n",
               j->batch.n, reason);
        for (size_t i = 0; i < j->batch.n; i++) {
            batch one = { .tests = { j->batch.tests[i] }, .n = 1 };
            add(q, &one);
        }
    } else {
        for (size_t i = 0; i < j->batch.n; i++)
            report(j->batch.tests[i], reason, seconds);
    }
    free(reason);
}

static bool is_alone(const suite_test *test)
{
    return test->fails || test->needs & (RUNS_ALONE | NEEDS_TEST_STREAM |
                                         NEEDS_STREAMING | NEEDS_DRAIN | NEEDS_SPLITS);
}

static void make_batches(selection *all, size_t size, queue *q)
{
    batch together = { .n = 0 };
    if (size > MAX_BATCH) size = MAX_BATCH;
    for (size_t i = 0; i < all->n; i++) {
        chosen_test *c = &all->at[i];
        if (c->result != NOT_RUN) continue;
        if (is_alone(c->test)) {
            batch one = { .tests = { c }, .n = 1 };
            add(q, &one);
            continue;
        }
        together.tests[together.n++] = c;
        if (together.n < size) continue;
        add(q, &together);
        together.n = 0;
    }
    if (together.n) add(q, &together);
}

static job *job_of(job *jobs, size_t n, pid_t pid)
{
    for (size_t i = 0; i < n; i++)
        if (jobs[i].pid == pid) return &jobs[i];
    return NULL;
}

void run_tests(selection *all, const batch_opts *opts)
{
    queue q = { 0 };
    job jobs[MAX_SIDE_BY_SIDE] = { 0 };
    size_t n_jobs = opts->side_by_side < MAX_SIDE_BY_SIDE ? opts->side_by_side
                                                          : MAX_SIDE_BY_SIDE;
    make_batches(all, opts->batch_size, &q);
    for (size_t running = 0; running || q.next < q.n;) {
        while (running < n_jobs && q.next < q.n) {
            start_job(job_of(jobs, n_jobs, 0), &q.at[q.next++], opts);
            running++;
        }
        int status;
        pid_t pid = waitpid(-1, &status, 0);
        job *ended = pid > 0 ? job_of(jobs, n_jobs, pid) : NULL;
        if (!ended) {
            if (pid < 0 && errno == ECHILD) break;
            continue;
        }
        finish_job(ended, status, &q);
        running--;
    }
    free(q.at);
}
