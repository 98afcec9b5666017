/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that watches running bundles: it books execution time on the user code that
 * runs, says so when that takes very long, and ends the worker when it takes longer than the
 * pipeline allows. Sleeps while no bundle runs. bm_end_without_user_code runs on the thread
 * that waits for the worker's end. */
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "worker.h"

enum {
    SAMPLE_MS = 200,
    LULL_MS = 5 * 60 * 1000,
    FLUSH_MS = 2000 /* for log entries of a worker that is about to be ended */
};

/* Notes whether the bundle has got on since it was looked at last. */
static void take_pulse(bm_instruction *one, int64_t now_ms)
{
    bm_plan *plan = one->slot->plan;
    struct bm_pulse pulse = { bm_plan_current_transform(plan), bm_plan_pulse(plan), now_ms,
                              false };
    if (pulse.transform != one->pulse.transform || pulse.count != one->pulse.count)
        one->pulse = pulse;
}

static void tell_lull(beam_harness *worker, const bm_instruction *one, int64_t stuck_ms)
{
    char text[500];
    snprintf(text, sizeof text,
             "User code of transform '%.300s' has run for %lld s without taking or giving an "
             "element.", one->pulse.transform, (long long)stuck_ms / 1000);
    const bm_log_entry entry = { .severity = BEAM_LOG_WARN,
                                 .message = text,
                                 .instruction_id = one->id,
                                 .transform_id = one->pulse.transform };
    worker->log.write(worker->log.self, &entry);
}

/* Nothing else stops user code that is stuck. */
static void end_process(beam_harness *worker, const char *text)
{
    bm_log_at(&bm_log_stderr, BEAM_LOG_CRITICAL, NULL, "%s", text);
    bm_log_at(&worker->log, BEAM_LOG_CRITICAL, NULL, "%s", text);
    if (worker->log_stream) bm_log_stream_flush(worker->log_stream, FLUSH_MS);
    _exit(EX_SOFTWARE);
}

/* The runner starts another worker. */
static void end_worker(beam_harness *worker, const bm_instruction *one, int64_t stuck_ms)
{
    char text[500];
    snprintf(text, sizeof text,
             "The worker ends: transform '%.300s' has been with one element for %lld s, more "
             "than element_processing_timeout_minutes allows.", one->pulse.transform,
             (long long)stuck_ms / 1000);
    end_process(worker, text);
}

void bm_end_without_user_code(beam_harness *worker)
{
    bm_instructions *table = &worker->instructions;
    char text[500] = "";
    pthread_mutex_lock(&table->lock);
    for (size_t i = 0; i < table->n_buckets && !*text; i++)
        for (bm_instruction *one = table->buckets[i]; one; one = one->next_in_bucket) {
            const char *transform = one->slot ? bm_plan_current_transform(one->slot->plan)
                                              : NULL;
            if (transform)
                snprintf(text, sizeof text,
                         "The process ends, since the worker cannot: user code of transform "
                         "'%.300s' has not returned since the runner ended the worker.",
                         transform);
        }
    pthread_mutex_unlock(&table->lock);
    if (*text) end_process(worker, text);
}

static void watch(beam_harness *worker, bm_instruction *one, int64_t now_ms,
                  int64_t elapsed_ms)
{
    bm_plan_sample_time(one->slot->plan, elapsed_ms);
    take_pulse(one, now_ms);
    if (!one->pulse.transform) return;
    int64_t stuck_ms = now_ms - one->pulse.since_ms;
    int64_t lull_ms = worker->boot.lull_ms ? worker->boot.lull_ms : LULL_MS;
    int64_t limit_ms = worker->boot.element_timeout_ms;
    if (limit_ms && stuck_ms >= limit_ms) end_worker(worker, one, stuck_ms);
    if (stuck_ms < lull_ms || one->pulse.told) return;
    one->pulse.told = true;
    tell_lull(worker, one, stuck_ms);
}

static void watch_all(beam_harness *worker, int64_t now_ms, int64_t elapsed_ms)
{
    bm_instructions *table = &worker->instructions;
    for (size_t i = 0; i < table->n_buckets; i++)
        for (bm_instruction *one = table->buckets[i]; one; one = one->next_in_bucket)
            if (one->slot) watch(worker, one, now_ms, elapsed_ms);
}

void *bm_watch(void *arg)
{
    beam_harness *worker = arg;
    bm_instructions *table = &worker->instructions;
    pthread_setname_np(pthread_self(), "watcher");
    pthread_mutex_lock(&table->lock);
    while (!table->closed) {
        int64_t before_ms = bm_monotonic_ms();
        struct timespec until = bm_after_ms(SAMPLE_MS);
        table->watcher_sleeps = !table->n_running;
        if (table->watcher_sleeps)
            pthread_cond_wait(&table->watcher, &table->lock);
        else
            pthread_cond_timedwait(&table->watcher, &table->lock, &until);
        int64_t now_ms = bm_monotonic_ms();
        watch_all(worker, now_ms, now_ms - before_ms);
    }
    pthread_mutex_unlock(&table->lock);
    return NULL;
}
