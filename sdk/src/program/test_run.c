/* SPDX-License-Identifier: Apache-2.0 */
/* beam_test_run(): a pipeline as a job of its own, with workers in this process. The caller's
 * thread. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "beam/testing.h"
#include "graph/graph.h"
#include "job/expansion.h"
#include "job/metrics.h"
#include "job/options_proto.h"
#include "job/submit.h"
#include "program/environment.h"
#include "program/functions.h"
#include "program/local_run.h"
#include "program/loopback.h"
#include "program/modes.h"
#include "proto/to_proto.h"
#include "transforms/transforms.h"

enum { DEFAULT_TIMEOUT_S = 120, TICK_MS = 100, LAST_WORDS_MS = 1000, CANCEL_MS = 5000 };

typedef struct test_run {
    const beam_test_opts *opts;
    beam_pipeline *pipeline;
    bm_arena arena;
    beam_program program; /* made up of what the pipeline uses */
    bm_log log;
    bm_session session;
    bm_loopback *loopback;
    bm_expansion *expansion;
    bm_job *job;
    const char *cause; /* the runner's last error */
} test_run;

/* -- submitting ------------------------------------------------------------------------- */
static const char *endpoint_of(const beam_test_opts *opts)
{
    const char *endpoint = opts->job_endpoint ? opts->job_endpoint
                                              : getenv("BEAM_TEST_ENDPOINT");
    return endpoint && *endpoint ? endpoint : NULL;
}

static beam_span runner_options(test_run *r, const char *job_name)
{
    json_t *all = json_object(), *experiments = json_array();
    for (size_t i = 0; i < BEAM_COUNT(r->opts->options) && r->opts->options[i][0]; i++)
        json_object_set_new(all, r->opts->options[i][0], json_string(r->opts->options[i][1]));
    for (size_t i = 0; i < r->pipeline->n_experiments; i++)
        json_array_append_new(experiments, json_string(r->pipeline->experiments[i]));
    if (json_array_size(experiments)) json_object_set(all, "experiments", experiments);
    if (r->opts->streaming) json_object_set_new(all, "streaming", json_true());
    json_object_set_new(all, "job_name", json_string(job_name));
    json_decref(experiments);
    beam_span bytes = bm_options_struct(&r->arena, all);
    json_decref(all);
    return bytes;
}

static beam_status submit(test_run *r, beam_error *err)
{
    const char *endpoint = endpoint_of(r->opts);
    BEAM_TRY(bm_loopback_start(&r->program, &r->session, r->log.minimum, &r->loopback, err));
    bm_environment environment;
    BEAM_TRY(bm_environment_parse(&r->arena, "EXTERNAL", bm_loopback_address(r->loopback), "",
                                  &environment, err));
    r->expansion = bm_expansion_new(&r->session, &(bm_expansion_opts){ 0 });
    bm_expander expander;
    bm_expansion_expander(r->expansion, &expander);
    beam_span pipeline;
    BEAM_TRY(bm_pipeline_to_proto(r->pipeline, &environment, &expander, &r->arena, &pipeline,
                                  err));
    BEAM_TRY(bm_job_check_endpoint(endpoint, err));
    const char *name = r->opts->job_name ? r->opts->job_name : "beam-test";
    bm_submission submission = {
        .job_endpoint = endpoint,
        .is_ours = true,
        .name = name,
        .pipeline = pipeline,
        .options = runner_options(r, name),
        .artifacts = bm_expansion_artifacts(r->expansion),
    };
    return bm_job_submit(&r->session, &submission, &r->job, err);
}

/* -- watching --------------------------------------------------------------------------- */
static void hear(test_run *r, const bm_job_event *event)
{
    if (event->kind == BM_EVENT_LOST)
        r->cause = bm_strdup(&r->arena, event->text);
    else if (event->kind == BM_EVENT_MESSAGE && event->severity >= BEAM_LOG_ERROR)
        r->cause = bm_job_root_cause(&r->arena, event->text);
}

/* A final state comes before or after the messages that explain it. */
static void hear_last_words(test_run *r, bm_arena *scratch)
{
    int64_t until = bm_now_ms() + LAST_WORDS_MS;
    while (bm_job_last_state(r->job) == BM_JOB_FAILED && bm_now_ms() < until) {
        bm_arena_reset(scratch);
        bm_job_event event = bm_job_next(r->job, TICK_MS, scratch);
        hear(r, &event);
        if (r->cause && event.kind == BM_EVENT_NONE) return;
    }
}

/* Until the job has ended, or `until`; false when it has not. */
static bool follow(test_run *r, int64_t until, bm_arena *scratch)
{
    while (!bm_job_state_is_final(bm_job_last_state(r->job))) {
        if (bm_now_ms() > until) return false;
        bm_arena_reset(scratch);
        bm_job_event event = bm_job_next(r->job, TICK_MS, scratch);
        hear(r, &event);
        if (event.kind == BM_EVENT_LOST) return true;
    }
    return true;
}

static beam_status await(test_run *r, bm_arena *scratch, beam_error *err)
{
    int64_t limit_s = r->opts->timeout_s ? r->opts->timeout_s : DEFAULT_TIMEOUT_S;
    if (!follow(r, bm_now_ms() + limit_s * 1000, scratch)) {
        bm_job_cancel(r->job, NULL);
        follow(r, bm_now_ms() + CANCEL_MS, scratch);
        return bm_error(err, BEAM_ETIMEOUT, "the job has not ended within %lld s%s%s",
                        (long long)limit_s, r->cause ? "; last error: " : "",
                        r->cause ? r->cause : "");
    }
    hear_last_words(r, scratch);
    bm_job_state end = bm_job_last_state(r->job);
    if (end == BM_JOB_DONE) return BEAM_OK;
    return bm_error(err, BEAM_EUSER, "%s",
                    r->cause ? r->cause
                             : bm_format(&r->arena, "the job is %s", bm_job_state_text(end)));
}

/* -- metrics ---------------------------------------------------------------------------- */
static void keep_metrics(test_run *r, beam_span response)
{
    bm_arena *arena = &r->pipeline->arena;
    bm_metrics *metrics = BM_NEW(arena, bm_metrics);
    *metrics = bm_metrics_parse(arena, response);
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

static const bm_metric *next_metric(const beam_pipeline *p, const bm_metric *after,
                                    bm_metric_kind kind, const char *step, const char *name)
{
    const bm_metrics *all = p ? p->last_metrics : NULL;
    if (!all) return NULL;
    for (const bm_metric *m = after ? after + 1 : all->at; m < all->at + all->n; m++)
        if (m->value.kind == kind && !strcmp(m->name, name) && (!step || !strcmp(m->step, step)))
            return m;
    return NULL;
}

int64_t beam_test_counter(const beam_pipeline *p, const char *step, const char *name)
{
    int64_t sum = 0;
    const bm_metric *m = NULL;
    while ((m = next_metric(p, m, BM_COUNTER, step, name))) sum += m->value.whole;
    return sum;
}

beam_distribution beam_test_distribution(const beam_pipeline *p, const char *step,
                                         const char *name)
{
    beam_distribution all = { 0, 0, 0, 0 };
    const bm_metric *m = NULL;
    while ((m = next_metric(p, m, BM_DISTRIBUTION, step, name))) {
        const bm_metric_value *v = &m->value;
        if (!v->count) continue;
        all.min = !all.count || v->min < all.min ? v->min : all.min;
        all.max = !all.count || v->max > all.max ? v->max : all.max;
        all.sum += v->sum;
        all.count += v->count;
    }
    return all;
}

int64_t beam_test_gauge(const beam_pipeline *p, const char *step, const char *name)
{
    const bm_metric *m = next_metric(p, NULL, BM_GAUGE, step, name);
    return m ? m->value.whole : 0;
}

/* -- the whole -------------------------------------------------------------------------- */
static beam_status run_job(test_run *r, beam_error *err)
{
    BEAM_TRY(submit(r, err));
    bm_arena scratch;
    bm_arena_init(&scratch, 0);
    beam_status status = await(r, &scratch, err);
    bm_arena_free(&scratch);
    beam_span metrics;
    if (!bm_job_get_metrics(r->job, &r->pipeline->arena, &metrics, NULL))
        keep_metrics(r, metrics);
    return status;
}

static beam_status run_locally(test_run *r, beam_error *err)
{
    int64_t limit_s = r->opts->timeout_s ? r->opts->timeout_s : DEFAULT_TIMEOUT_S;
    bm_local_job job = {
        .functions = bm_program_functions(&r->program),
        .log_level = r->log.minimum,
        .opts = { .log = r->log, .timeout_ms = limit_s * 1000 },
    };
    bm_local_result result;
    beam_status status = bm_run_locally(r->session.rpc, r->pipeline, &job,
                                        &r->pipeline->arena, &result, err);
    keep_metrics(r, result.metrics);
    return status;
}

static beam_status run(test_run *r, beam_error *err)
{
    BEAM_TRY(endpoint_of(r->opts) ? run_job(r, err) : run_locally(r, err));
    return check_assertions(r->pipeline, err);
}

static beam_status run_in_session(test_run *r, beam_error *err)
{
    BEAM_TRY(bm_session_init(&r->session, r->program.name, &r->log, err));
    r->session.streaming = r->opts->streaming;
    r->session.host = "localhost";
    beam_status status = run(r, err);
    bm_job_free(r->job);
    bm_loopback_free(r->loopback);
    bm_expansion_free(r->expansion);
    bm_session_free(&r->session);
    return status;
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
    test_run r = { .opts = opts, .pipeline = p, .log = bm_log_stderr };
    bm_arena_init(&r.arena, 0);
    r.log.minimum = opts->log_level ? opts->log_level : BEAM_LOG_ERROR;
    beam_functions functions = bm_pipeline_functions(p, &r.arena);
    r.program = (beam_program){
        .name = "beam-test",
        .dofns = { functions.dofns.at, functions.dofns.n },
        .combines = { functions.combines.at, functions.combines.n },
        .window_fns = { functions.window_fns.at, functions.window_fns.n },
    };
    beam_status status = run_in_session(&r, err);
    bm_arena_free(&r.arena);
    return status;
}
