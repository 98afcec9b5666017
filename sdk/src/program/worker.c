/* SPDX-License-Identifier: Apache-2.0 */
/* --worker, and the container contract (--id --provision_endpoint): this process is one
 * worker. The main thread waits; the harness has threads of its own. */
#include "beam/harness.h"
#include "program/modes.h"
#include "program/signals.h"

static void on_signal(void *self)
{
    beam_harness_stop(*(beam_harness **)self);
}

static int serve(const beam_harness_opts *opts, beam_harness **harness, beam_error *err)
{
    beam_status status = beam_harness_start(opts, harness, err);
    if (status) return status;
    bm_signals *signals = NULL;
    status = bm_signals_start(on_signal, harness, BM_EXIT_CANCELLED, &signals, err);
    if (!status) status = beam_harness_wait(*harness, err);
    bm_signals_free(signals);
    beam_harness_free(*harness);
    return status;
}

int bm_run_worker(const bm_invocation *in)
{
    const bm_standard *s = in->standard;
    const beam_harness_opts opts = {
        .dofns = in->program->dofns.at,
        .n_dofns = in->program->dofns.n,
        .combines = in->program->combines.at,
        .n_combines = in->program->combines.n,
        .id = s->id,
        .control_endpoint = s->control_endpoint,
        .logging_endpoint = s->logging_endpoint,
        .provision_endpoint = s->provision_endpoint,
        .artifact_endpoint = s->artifact_endpoint,
        .semi_persist_dir = s->semi_persist_dir,
        .log_level = s->severity,
    };
    beam_error err;
    beam_harness *harness = NULL;
    return serve(&opts, &harness, &err) ? bm_report(in, &err) : BM_EXIT_DONE;
}
