/* SPDX-License-Identifier: Apache-2.0 */
/* Following a job to its end. */
#include "program/watch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "job/log_tail.h"
#include "job/metrics.h"
#include "program/summary.h"

enum {
    TICK_MS = 200,
    METRICS_EVERY_MS = 2000,
    LAST_WORDS_MS = 1000,
    TOLD_AGAIN_MS = 60000
};

typedef struct state {
    const bm_watch *w;
    bm_arena arena; /* of one event */
    bm_arena long_lived;
    FILE *log; /* everything that the runner says; may be NULL */
    const char *log_path;
    const char *cause; /* the runner's last error, NULL: none */
    const char *lost;  /* why the job is out of sight, NULL: it is not */
    int64_t start_ms, end_ms, metrics_ms;
    char counters[300];
    bm_log_tail runner_log;
    char told[500];  /* of it, last */
    int64_t told_ms; /* then */
    bool cancel_sent, timed_out;
} state;

typedef struct local_counter {
    const char *name;
    int64_t sum;
} local_counter;

typedef struct local_counters {
    bm_arena *arena;
    local_counter at[16];
    size_t n;
} local_counters;

static const bm_log *log_of(const state *s)
{
    return &s->w->session->log;
}

static void open_log(state *s)
{
    s->log = bm_session_log_path(s->w->session, &s->long_lived, "job", &s->log_path, NULL)
                 ? NULL
                 : fopen(s->log_path, "ae");
}

/* -- the status line ------------------------------------------------------------------------ */
/* Adds to the sum of that name; names beyond what fits are left out. */
static void collect_counter(void *self, const char *name, int64_t sum)
{
    local_counters *all = self;
    size_t i = 0;
    while (i < all->n && strcmp(all->at[i].name, name)) i++;
    if (i == BEAM_COUNT(all->at)) return;
    if (i == all->n) all->at[all->n++] = (local_counter){ bm_strdup(all->arena, name), 0 };
    all->at[i].sum += sum;
}

/* Flink's job service tells metrics only when the job has ended; workers in this process
 * are asked meanwhile. */
static void show_local_counters(state *s)
{
    local_counters all = { .arena = &s->arena };
    size_t at = 0, size = sizeof s->counters;
    bm_loopback_counters(s->w->loopback, collect_counter, &all);
    for (size_t i = 0; i < all.n && at < size; i++)
        at += (size_t)snprintf(s->counters + at, size - at, "%s%s=%" PRId64, at ? " " : "",
                               all.at[i].name, all.at[i].sum);
}

static void refresh_counters(state *s)
{
    beam_span response;
    if (bm_monotonic_ms() < s->metrics_ms) return;
    s->metrics_ms = bm_monotonic_ms() + METRICS_EVERY_MS;
    s->counters[0] = '\0';
    if (!bm_job_get_metrics(s->w->job, &s->arena, &response, NULL))
        bm_metrics_summary(bm_metrics_parse(&s->arena, response), s->counters,
                           sizeof s->counters);
    if (!s->counters[0]) show_local_counters(s);
}

static void show_status(state *s)
{
    if (!s->w->console->terminal) return;
    bm_job_state job_state = bm_job_last_state(s->w->job);
    if (job_state == BM_JOB_RUNNING) refresh_counters(s);
    int64_t seconds = (bm_monotonic_ms() - s->start_ms) / 1000;
    char text[512];
    snprintf(text, sizeof text, "%s %02" PRId64 ":%02" PRId64 ":%02" PRId64 "  %s",
             job_state == BM_JOB_UNSPECIFIED ? "SUBMITTED" : bm_job_state_text(job_state),
             seconds / 3600, seconds / 60 % 60, seconds % 60, s->counters);
    bm_console_status(s->w->console, text);
}

/* -- events ------------------------------------------------------------------------------------ */
static void handle_message(state *s, const bm_job_event *event)
{
    if (s->log)
        fprintf(s->log, "%s %s\n", bm_severity_text(event->severity), event->text);
    if (event->severity >= BEAM_LOG_ERROR)
        s->cause = bm_job_root_cause(&s->long_lived, event->text);
    else if (event->severity >= BEAM_LOG_DEBUG)
        bm_log_write(log_of(s), event->severity, "%s",
                     bm_job_root_cause(&s->arena, event->text));
}

static void handle(state *s, const bm_job_event *event)
{
    switch (event->kind) {
    case BM_EVENT_NONE: break;
    case BM_EVENT_MESSAGE: handle_message(s, event); break;
    case BM_EVENT_LOST: s->lost = bm_strdup(&s->long_lived, event->text); break;
    case BM_EVENT_STATE:
        if (bm_job_state_is_final(event->state))
            s->end_ms = bm_monotonic_ms();
        else if (event->state != BM_JOB_UNSPECIFIED && event->state != BM_JOB_STOPPED)
            bm_log_write(log_of(s), BEAM_LOG_INFO, "the job is %s",
                         bm_job_state_text(event->state));
        break;
    }
}

static void cancel(state *s)
{
    beam_error err;
    s->cancel_sent = true;
    if (bm_job_cancel(s->w->job, &err))
        bm_log_write(log_of(s), BEAM_LOG_ERROR, "the job cannot be cancelled: %s",
                     err.message);
}

static void check_wishes(state *s)
{
    if (s->cancel_sent) return;
    int64_t limit_s = s->w->standard->wait_timeout_s;
    if (limit_s && bm_monotonic_ms() - s->start_ms > limit_s * 1000) {
        s->timed_out = true;
        bm_log_write(log_of(s), BEAM_LOG_ERROR,
                     "the job has not ended within %" PRId64
                     " s (--wait_timeout_s): cancelling it",
                     limit_s);
    }
    if (s->timed_out || atomic_load(&s->w->session->cancelled)) cancel(s);
}

static void check_job_server(state *s)
{
    const bm_service *server = s->w->job_server;
    if (!server->child || !bm_child_wait(server->child, 0)) return;
    beam_error err;
    bm_service_epitaph(server, &err);
    s->lost = bm_strdup(&s->long_lived, err.message);
}

/* Flink's job service waits three minutes for the data of a worker whose first bundle has failed
 * already. */
static void tell_failed_bundles(state *s)
{
    char text[sizeof s->told];
    while (bm_log_tail_failure(&s->runner_log, text, sizeof text)) {
        int64_t now = bm_monotonic_ms();
        if (!strcmp(text, s->told) && now - s->told_ms < TOLD_AGAIN_MS) continue;
        snprintf(s->told, sizeof s->told, "%s", text);
        s->told_ms = now;
        bm_log_write(
            log_of(s), BEAM_LOG_WARN,
            "a bundle of a Java worker failed: %s; the runner may notice it only "
            "after three minutes",
            text);
    }
}

/* Until the job has ended, or nobody can tell. A final state comes before or after the
 * messages that explain it, so a moment is given to those. */
static void follow(state *s)
{
    for (;;) {
        bm_arena_reset(&s->arena);
        bm_job_event event = bm_job_next(s->w->job, s->end_ms ? 20 : TICK_MS, &s->arena);
        handle(s, &event);
        if (s->lost) return;
        if (s->end_ms) {
            bool failed = bm_job_last_state(s->w->job) == BM_JOB_FAILED;
            bool explained = !failed || s->cause;
            if (event.kind == BM_EVENT_NONE &&
                (explained || bm_monotonic_ms() - s->end_ms > LAST_WORDS_MS))
                return;
            continue;
        }
        check_wishes(s);
        check_job_server(s);
        if (s->lost) return;
        tell_failed_bundles(s);
        show_status(s);
    }
}

/* -- the end -------------------------------------------------------------------------------------- */
static beam_status show_metrics(state *s)
{
    const bm_standard *standard = s->w->standard;
    beam_span response;
    beam_error err;
    if (!bm_job_get_metrics(s->w->job, &s->arena, &response, &err))
        return bm_show_metrics(standard, log_of(s), &s->arena, response);
    if (!standard->metrics_json) return BEAM_OK;
    bm_log_write(log_of(s), BEAM_LOG_ERROR, "there are no metrics for %s: %s",
                 standard->metrics_json, err.message);
    return BEAM_EIO;
}

static void tell_failure(state *s, const char *what, const char *why)
{
    const bm_service *server = s->w->job_server;
    bm_log_write(log_of(s), BEAM_LOG_ERROR, "%s%s%s", what, why ? ": " : "",
                 why ? why : "");
    char end[500] = "";
    if (server->log_path) bm_log_end_of_worker(server->log_path, end, sizeof end);
    if (server->log_path && !*end && why && strstr(why, "SettableFuture"))
        bm_log_failed_bundle(server->log_path, end, sizeof end);
    if (!*end && why && strstr(why, "call already cancelled")) /* what Flink says of that */
        snprintf(end, sizeof end, "A worker ended, or lost its connection, while Flink spoke to "
                                  "it; the task managers' logs say more.");
    if (*end) bm_log_write(log_of(s), BEAM_LOG_ERROR, "%s", end);
    if (s->log)
        bm_log_write(log_of(s), BEAM_LOG_INFO, "all that the runner said: %s",
                     s->log_path);
    if (server->log_path)
        bm_log_write(log_of(s), BEAM_LOG_INFO, "the runner's own log: %s",
                     server->log_path);
}

/* What Beam's job service leaves running on a cluster when it is told to cancel, or dies. */
static void cancel_on_cluster(const state *s)
{
    beam_error err;
    if (!s->w->jobs_before->master || !(s->cancel_sent || s->lost)) return;
    if (bm_flink_jobs_cancel_new(s->w->jobs_before, s->w->job_name, &err))
        bm_log_write(log_of(s), BEAM_LOG_ERROR, "the job may still run: %s", err.message);
}

static int conclude(state *s)
{
    bm_job_state end = bm_job_last_state(s->w->job);
    double seconds = (double)((s->end_ms ? s->end_ms : bm_monotonic_ms()) - s->start_ms) /
                     1000;
    bm_console_status(s->w->console, "");
    if (s->lost) {
        tell_failure(s, "the job is out of sight", s->lost);
        return BM_EXIT_FAILED;
    }
    if (s->timed_out) return BM_EXIT_FAILED;
    if (s->cancel_sent || end == BM_JOB_CANCELLED) {
        bm_log_write(log_of(s), BEAM_LOG_NOTICE, "the job is %s after %.1f s",
                     bm_job_state_text(end), seconds);
        return end == BM_JOB_DONE ? BM_EXIT_DONE : BM_EXIT_CANCELLED;
    }
    if (end == BM_JOB_FAILED) {
        tell_failure(s, "the job failed", s->cause);
        return BM_EXIT_FAILED;
    }
    bm_log_write(log_of(s), BEAM_LOG_NOTICE, "the job is %s after %.1f s",
                 bm_job_state_text(end), seconds);
    return BM_EXIT_DONE;
}

int bm_watch_job(const bm_watch *watch)
{
    state s = { .w = watch, .start_ms = bm_monotonic_ms() };
    bm_arena_init(&s.arena, 0);
    bm_arena_init(&s.long_lived, 0);
    open_log(&s);
    bm_log_tail_open(&s.runner_log, watch->job_server->log_path);
    bm_log_write(log_of(&s), BEAM_LOG_INFO, "submitted %s", bm_job_id(watch->job));
    follow(&s);
    cancel_on_cluster(&s);
    int status = conclude(&s);
    if (!s.lost && show_metrics(&s) && status == BM_EXIT_DONE) status = BM_EXIT_FAILED;
    if (s.log) fclose(s.log);
    bm_log_tail_close(&s.runner_log);
    bm_arena_free(&s.arena);
    bm_arena_free(&s.long_lived);
    return status;
}
