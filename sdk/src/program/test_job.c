/* SPDX-License-Identifier: Apache-2.0 */
/* A test's pipeline on a job service, with workers in this process. The caller's thread. */
#include <string.h>

#include "base/error.h"
#include "graph/graph.h"
#include "job/expansion.h"
#include "job/known_runner.h"
#include "job/options_proto.h"
#include "job/submit.h"
#include "program/environment.h"
#include "program/loopback.h"
#include "program/test_run.h"
#include "proto/to_proto.h"

enum { TICK_MS = 100, LAST_WORDS_MS = 1000, CANCEL_MS = 5000 };

typedef struct test_job {
    bm_test_run *run;
    beam_program program; /* made up of what the pipeline uses */
    bm_loopback *loopback;
    bm_expansion *expansion;
    bm_job *job;
    const char *cause; /* the runner's last error */
} test_job;

/* -- submitting ------------------------------------------------------------------------- */
static beam_span runner_options(bm_test_run *r, const char *job_name)
{
    json_t *all = json_object(), *experiments = json_array();
    for (size_t i = 0; i < BEAM_COUNT(r->opts->options) && r->opts->options[i][0]; i++)
        json_object_set_new(all, r->opts->options[i][0],
                            json_string(r->opts->options[i][1]));
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

static bool has_option(const bm_test_run *r, const char *name)
{
    for (size_t i = 0; i < BEAM_COUNT(r->opts->options) && r->opts->options[i][0]; i++)
        if (!strcmp(r->opts->options[i][0], name)) return true;
    return false;
}

static beam_status submit(test_job *j, beam_error *err)
{
    bm_test_run *r = j->run;
    BEAM_TRY(bm_job_check_endpoint(r->session.rpc, r->endpoint, err));
    BEAM_TRY(
        bm_loopback_start(&j->program, &r->session, r->log.minimum, &j->loopback, err));
    bm_environment environment;
    BEAM_TRY(bm_environment_parse(&r->arena, "EXTERNAL", bm_loopback_address(j->loopback),
                                  "", &environment, err));
    j->expansion = bm_expansion_new(&r->session, &(bm_expansion_opts){ 0 });
    bm_expander expander;
    bm_expansion_expander(j->expansion, &expander);
    beam_span pipeline;
    const bm_job_mode mode = {
        .streaming = r->opts->streaming || !bm_graph_is_bounded(r->pipeline),
        .checkpoints = has_option(r, "checkpointing_interval"),
    };
    bm_known_runner runner = bm_job_runner(&r->session, r->endpoint, &mode);
    bm_runner_warn(runner, r->pipeline, &r->session.log);
    BEAM_TRY(bm_runner_check(runner, r->pipeline, err));
    BEAM_TRY(bm_pipeline_to_proto(r->pipeline, &environment, &expander, &r->arena,
                                  &pipeline, err));
    const char *name = r->opts->job_name ? r->opts->job_name : "beam-test";
    bm_submission submission = {
        .job_endpoint = r->endpoint,
        .is_ours = true,
        .name = name,
        .pipeline = pipeline,
        .options = runner_options(r, name),
        .artifacts = bm_expansion_artifacts(j->expansion),
    };
    return bm_job_submit(&r->session, &submission, &j->job, err);
}

/* -- watching --------------------------------------------------------------------------- */
static void hear(test_job *j, const bm_job_event *event)
{
    if (event->kind == BM_EVENT_LOST)
        j->cause = bm_strdup(&j->run->arena, event->text);
    else if (event->kind == BM_EVENT_MESSAGE && event->severity >= BEAM_LOG_ERROR)
        j->cause = bm_job_root_cause(&j->run->arena, event->text);
}

/* A final state comes before or after the messages that explain it. */
static void hear_last_words(test_job *j, bm_arena *scratch)
{
    int64_t until = bm_monotonic_ms() + LAST_WORDS_MS;
    while (bm_job_last_state(j->job) == BM_JOB_FAILED && bm_monotonic_ms() < until) {
        bm_arena_reset(scratch);
        bm_job_event event = bm_job_next(j->job, TICK_MS, scratch);
        hear(j, &event);
        if (j->cause && event.kind == BM_EVENT_NONE) return;
    }
}

/* Until the job has ended, or `until`; false when it has not. */
static bool follow(test_job *j, int64_t until, bm_arena *scratch)
{
    while (!bm_job_state_is_final(bm_job_last_state(j->job))) {
        if (bm_monotonic_ms() > until) return false;
        bm_arena_reset(scratch);
        bm_job_event event = bm_job_next(j->job, TICK_MS, scratch);
        hear(j, &event);
        if (event.kind == BM_EVENT_LOST) return true;
    }
    return true;
}

static beam_status await(test_job *j, bm_arena *scratch, beam_error *err)
{
    int64_t limit_s = bm_test_timeout_s(j->run);
    if (!follow(j, bm_monotonic_ms() + limit_s * 1000, scratch)) {
        bm_job_cancel(j->job, NULL);
        follow(j, bm_monotonic_ms() + CANCEL_MS, scratch);
        return bm_error(err, BEAM_ETIMEOUT, "the job has not ended within %lld s%s%s",
                        (long long)limit_s, j->cause ? "; last error: " : "",
                        j->cause ? j->cause : "");
    }
    hear_last_words(j, scratch);
    bm_job_state end = bm_job_last_state(j->job);
    if (end == BM_JOB_DONE) return BEAM_OK;
    return bm_error(err, BEAM_EUSER, "%s",
                    j->cause ? j->cause
                             : bm_format(&j->run->arena, "the job is %s",
                                         bm_job_state_text(end)));
}

/* -- the whole -------------------------------------------------------------------------- */
static beam_status run(test_job *j, beam_error *err)
{
    BEAM_TRY(submit(j, err));
    bm_arena scratch;
    bm_arena_init(&scratch, 0);
    beam_status status = await(j, &scratch, err);
    bm_arena_free(&scratch);
    bm_job_get_metrics(j->job, &j->run->pipeline->arena, &j->run->metrics, NULL);
    return status;
}

beam_status bm_test_run_job(bm_test_run *r, beam_error *err)
{
    const beam_functions *f = &r->functions;
    test_job j = { .run = r,
                   .program = { .name = "beam-test",
                                .dofns = { f->dofns.at, f->dofns.n },
                                .combines = { f->combines.at, f->combines.n },
                                .window_fns = { f->window_fns.at, f->window_fns.n } } };
    beam_status status = run(&j, err);
    bm_job_free(j.job);
    bm_loopback_free(j.loopback);
    bm_expansion_free(j.expansion);
    return status;
}
