/* SPDX-License-Identifier: Apache-2.0 */
/* The local runner and the worker that it asks for. The caller's thread. */
#include "program/local_run.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/error.h"
#include "beam_urns.h"
#include "job/known_runner.h"
#include "proto/to_proto.h"
#include "start.h"

/* One at a time. */
typedef struct in_process {
    const bm_local_job *job;
    bm_rpc *rpc;
    beam_harness *worker;
} in_process;

static beam_status start_worker(void *self, const bm_local_worker *wanted,
                                beam_error *err)
{
    in_process *p = self;
    beam_harness_opts opts = {
        .functions = p->job->functions,
        .id = wanted->id,
        .control_endpoint = wanted->control_endpoint,
        .logging_endpoint = wanted->logging_endpoint,
        .provision_endpoint = wanted->provision_endpoint,
        .log_level = p->job->log_level,
        .runner_shares_stderr = true,
    };
    BEAM_TRY(bm_harness_start(&opts, p->rpc, wanted->clock_ahead, &p->worker, err));
    if (p->job->worker) atomic_store(p->job->worker, p->worker);
    return BEAM_OK;
}

static void stop_worker(void *self, const char *id)
{
    in_process *p = self;
    (void)id;
    if (p->job->worker) atomic_store(p->job->worker, NULL);
    beam_harness_free(p->worker);
    p->worker = NULL;
}

static beam_status refuse_to_expand(void *self, const char *address, beam_span request,
                                    bm_arena *arena, beam_span *response, beam_error *err)
{
    (void)self;
    (void)address;
    (void)request;
    (void)arena;
    (void)response;
    return bm_error(
        err, BEAM_EUNSUPPORTED,
        "the local runner runs this program's functions only, no transforms of "
        "other languages: choose another --runner");
}

static beam_status refuse_environment(void *self, const char *address, bm_arena *arena,
                                      bm_environment *env, beam_error *err)
{
    (void)self;
    (void)address;
    (void)arena;
    (void)env;
    return bm_error(err, BEAM_EUNSUPPORTED, "there are no other environments here");
}

beam_status bm_run_locally(bm_rpc *rpc, beam_pipeline *pipeline, const bm_local_job *job,
                           bm_arena *arena, bm_local_result *result, beam_error *err)
{
    const bm_environment environment = { .urn = BEAM_URN_ENV_DEFAULT };
    const bm_expander expander = { NULL, refuse_to_expand, refuse_environment };
    beam_span bytes;
    *result = (bm_local_result){ .n_bundles = 0 };
    BEAM_TRY(bm_runner_check(BM_LOCAL, pipeline, err));
    pipeline->has_multimap_state = pipeline->has_ordered_list_state = true;
    BEAM_TRY(bm_pipeline_to_proto(pipeline, &environment, &expander, arena, &bytes, err));
    in_process p = { .job = job, .rpc = rpc };
    bm_local_opts opts = job->opts;
    opts.self = &p;
    opts.start_worker = start_worker;
    opts.stop_worker = stop_worker;
    return bm_local_run(rpc, bytes, &opts, arena, result, err);
}
