/* SPDX-License-Identifier: Apache-2.0 */
/* The last words of a worker whose process is about to end. Some thread that has not crashed;
 * the one that has may hold any lock, so none is waited for without end. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "start.h"
#include "worker.h"

enum { LOCK_MS = 500, FLUSH_MS = 2000 };

/* The bundle that the thread runs; NULL: none. With the lock held. */
static bm_instruction *bundle_of(bm_instructions *table, int thread)
{
    for (size_t i = 0; i < table->n_buckets; i++)
        for (bm_instruction *one = table->buckets[i]; one; one = one->next_in_bucket)
            if (one->state == BM_RUNNING && one->thread == thread) return one;
    return NULL;
}

static bool lock(bm_instructions *table)
{
    int64_t until = bm_monotonic_ms() + LOCK_MS;
    while (pthread_mutex_trylock(&table->lock)) {
        if (bm_monotonic_ms() > until) return false;
        bm_sleep_ms(5);
    }
    return true;
}

static void tell(beam_harness *worker, const char *text, const char *trace,
                 const bm_instruction *bundle, const char *transform)
{
    const bm_log_entry entry = { .severity = BEAM_LOG_CRITICAL,
                                 .message = text,
                                 .instruction_id = bundle ? bundle->id : NULL,
                                 .transform_id = transform,
                                 .trace = trace };
    bm_log_stderr.write(bm_log_stderr.self, &entry);
    if (!worker->log_stream || worker->runner_shares_stderr) return;
    worker->log.write(worker->log.self, &entry);
    bm_log_stream_flush(worker->log_stream, FLUSH_MS);
}

/* Whether the thread is one of this worker. */
static bool tell_of_bundle(beam_harness *worker, const char *what, int thread,
                           const char *trace)
{
    bm_instructions *table = &worker->instructions;
    if (!worker->control || !lock(table)) return false;
    const bm_instruction *bundle = bundle_of(table, thread);
    const char *transform = bundle && bundle->slot
                                ? bm_plan_current_transform(bundle->slot->plan)
                                : NULL;
    pthread_mutex_unlock(&table->lock);
    if (!bundle) return false;
    char text[600];
    snprintf(text, sizeof text, "The worker crashes (%s) in bundle '%.200s'%s%.200s%s.",
             what, bundle->id, transform ? ", in user code of transform '" : "",
             transform ? transform : "", transform ? "'" : "");
    tell(worker, text, trace, bundle, transform);
    return true;
}

bool bm_harness_tell_crash_of_bundle(beam_harness *worker, int signal, int thread,
                                     const char *trace)
{
    const char *what = strsignal(signal);
    if (tell_of_bundle(worker, what, thread, trace)) return true;
    for (size_t i = 0; i < worker->n_siblings; i++)
        if (tell_of_bundle(worker->siblings[i], what, thread, trace)) return true;
    return false;
}

void bm_harness_tell_crash(beam_harness *worker, int signal, int thread,
                           const char *trace)
{
    if (bm_harness_tell_crash_of_bundle(worker, signal, thread, trace)) return;
    char text[200];
    snprintf(text, sizeof text, "The worker crashes (%s), in no bundle.", strsignal(signal));
    tell(worker, text, trace, NULL, NULL);
}
