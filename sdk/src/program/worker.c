/* SPDX-License-Identifier: Apache-2.0 */
/* --worker, and the container contract (--id --provision_endpoint): this process is one
 * worker. The main thread waits; the harness has threads of its own. */
#include <stdatomic.h>
#include <unistd.h>

#include "beam/harness.h"
#include "program/modes.h"
#include "program/signals.h"
#include "start.h"

/* Signals are watched before the harness starts its threads. */
typedef struct served {
    beam_harness *_Atomic harness; /* NULL: not yet */
} served;

static void on_signal(void *self)
{
    served *s = self;
    beam_harness *harness = atomic_load(&s->harness);
    if (!harness) _exit(BM_EXIT_DONE);
    beam_harness_stop(harness);
}

static void on_crash(void *self, int signal, int thread, const char *trace)
{
    served *s = self;
    beam_harness *harness = atomic_load(&s->harness);
    if (harness) bm_harness_tell_crash(harness, signal, thread, trace);
}

static beam_status serve(const beam_harness_opts *opts, beam_error *err)
{
    served s = { NULL };
    bm_signals *signals;
    beam_harness *harness;
    const bm_signal_handler handler = { on_signal, on_crash, &s };
    BEAM_TRY(bm_signals_start(&handler, BM_EXIT_CANCELLED, &signals, err));
    beam_status status = beam_harness_start(opts, &harness, err);
    if (!status) {
        atomic_store(&s.harness, harness);
        status = beam_harness_wait(harness, err);
    }
    bm_signals_free(signals);
    if (atomic_load(&s.harness)) beam_harness_free(harness);
    return status;
}

int bm_run_worker(const bm_invocation *in)
{
    const bm_standard *s = in->standard;
    const beam_harness_opts opts = {
        .functions = bm_program_functions(in->program),
        .id = s->id,
        .control_endpoint = s->control_endpoint,
        .logging_endpoint = s->logging_endpoint,
        .provision_endpoint = s->provision_endpoint,
        .artifact_endpoint = s->artifact_endpoint,
        .semi_persist_dir = s->semi_persist_dir,
        .log_level = s->severity,
    };
    beam_error err;
    return serve(&opts, &err) ? bm_report(in, &err) : BM_EXIT_DONE;
}
