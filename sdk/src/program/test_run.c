/* SPDX-License-Identifier: Apache-2.0 */
/* beam_test_run(): what is the same for all runners. The caller's thread. */
#include "program/test_run.h"

#include <stdlib.h>

#include "base/error.h"
#include "graph/graph.h"
#include "job/metrics.h"
#include "program/functions.h"
#include "transforms/transforms.h"

/* -- metrics ---------------------------------------------------------------------------- */
static void keep_metrics(bm_test_run *r)
{
    bm_arena *arena = &r->pipeline->arena;
    bm_metrics *metrics = BM_NEW(arena, bm_metrics);
    *metrics = bm_metrics_parse(arena, r->metrics);
    r->pipeline->last_metrics = metrics;
}

static bool is_assertion(const bm_step *step)
{
    return step->dofn == &bm_assert_check_fn || step->dofn == &bm_assert_all_fn;
}

/* A job may succeed because an assertion got nothing to look at. */
static beam_status check_assertions(const beam_pipeline *p, beam_error *err)
{
    for (const bm_step *step = p->first; step; step = step->next)
        if (is_assertion(step) &&
            !beam_test_counter(p, step->unique_name, BM_ASSERTIONS_COUNTER))
            return bm_error(err, BEAM_ESTATE,
                            "%s: the job ended without this assertion having been made",
                            step->parent ? step->parent->unique_name : step->unique_name);
    return BEAM_OK;
}

/* -- the whole -------------------------------------------------------------------------- */
static const char *endpoint_of(const beam_test_opts *opts)
{
    if (opts->local) return NULL;
    const char *endpoint = opts->job_endpoint ? opts->job_endpoint
                                              : getenv("BEAM_TEST_ENDPOINT");
    return endpoint && *endpoint ? endpoint : NULL;
}

static beam_status run_in_session(bm_test_run *r, beam_error *err)
{
    BEAM_TRY(bm_session_init(&r->session, "beam-test", &r->log, err));
    r->session.streaming = r->opts->streaming;
    r->session.host = "localhost";
    beam_status status = r->endpoint ? bm_test_run_job(r, err)
                                     : bm_test_run_locally(r, err);
    keep_metrics(r);
    bm_session_free(&r->session);
    return status ? status : check_assertions(r->pipeline, err);
}

beam_status beam_test_run_with(beam_pipeline *p, const beam_test_opts *opts)
{
    static const beam_test_opts nothing;
    if (!opts) opts = &nothing;
    beam_error unused, *err = opts->err ? opts->err : &unused;
    if (!p) return bm_error(err, BEAM_EINVAL, "the pipeline to test is NULL");
    p->last_metrics = NULL;
    bm_graph_check(p);
    if (p->error.status) {
        *err = p->error;
        return p->error.status;
    }
    bm_test_run r = {
        .opts = opts, .pipeline = p, .log = bm_log_stderr, .endpoint = endpoint_of(opts)
    };
    bm_arena_init(&r.arena, 0);
    r.log.minimum = opts->log_level ? opts->log_level : BEAM_LOG_ERROR;
    r.functions = bm_pipeline_functions(p, &r.arena);
    beam_status status = run_in_session(&r, err);
    bm_arena_free(&r.arena);
    return status;
}
