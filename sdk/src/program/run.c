/* SPDX-License-Identifier: Apache-2.0 */
/* The submitter: builds the pipeline, has it expanded, starts what it needs to run, submits
 * and watches it. The main thread. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "fns/registry.h"
#include "graph/graph.h"
#include "job/expansion.h"
#include "job/known_runner.h"
#include "job/options_proto.h"
#include "job/probe.h"
#include "program/defaults.h"
#include "program/environment.h"
#include "program/local_run.h"
#include "program/loopback.h"
#include "program/signals.h"
#include "program/summary.h"
#include "program/watch.h"
#include "proto/to_proto.h"
#include "start.h"

enum { PROBE_MS = 3000 };

typedef struct run {
    const bm_invocation *in;
    beam_pipeline *pipeline;
    bm_registry registry;
    json_t *options;
    const char *job_name;

    bm_console console;
    bm_session session;
    bm_signals *signals;
    bm_loopback *_Atomic loopback;
    beam_harness *_Atomic local_worker;
    bm_expansion *expansion;
    bm_service job_server;
    bm_job *job;
    bm_flink_jobs jobs_before; /* of this name, on the cluster */
} run;

/* -- the pipeline ------------------------------------------------------------------------- */
static const char *default_job_name(bm_arena *arena, const char *program)
{
    char at[32];
    time_t now = time(NULL);
    struct tm parts;
    localtime_r(&now, &parts);
    strftime(at, sizeof at, "%m%d-%H%M%S", &parts);
    return bm_format(arena, "%s-%s", program, at);
}

static beam_status build(run *r, beam_error *err)
{
    const beam_program *program = r->in->program;
    const beam_functions functions = bm_program_functions(program);
    if (!program->build)
        return bm_error(err, BEAM_EINVAL, "the beam_program has no .build, the function that adds "
                        "the steps");
    BEAM_TRY(bm_registry_init(&r->registry, &functions, err));
    r->pipeline = beam_pipeline_new();
    r->pipeline->registry = &r->registry;
    program->build(r->pipeline, r->in->values);
    const bm_texts *hints = &r->in->standard->resource_hints;
    for (size_t i = 0; i < hints->n; i++)
        beam_pipeline_resource_hint(r->pipeline, hints->at[i]);
    bm_graph_check(r->pipeline);
    const beam_error *failure = beam_pipeline_error(r->pipeline);
    if (failure) {
        *err = *failure;
        return failure->status;
    }
    const char *name = r->in->standard->job_name;
    r->job_name = name && *name ? name : default_job_name(r->in->arena, program->name);
    r->options = bm_standard_options(r->in->flags, r->job_name, r->pipeline->experiments,
                                     r->pipeline->n_experiments);
    return BEAM_OK;
}

static int show(const run *r, void (*print)(const beam_pipeline *p, bm_writer *out))
{
    bm_writer text = { 0 };
    print(r->pipeline, &text);
    int status = bm_show(r->in, &text);
    bm_writer_free(&text);
    return status;
}

/* -- what runs beside it ----------------------------------------------------------------------- */
static void on_signal(void *self)
{
    run *r = self;
    atomic_store(&r->session.cancelled, true);
    bm_log_write(&r->session.log, BEAM_LOG_NOTICE,
                 "cancelling; interrupt once more to leave at once");
}

static void on_crash(void *self, int signal, int thread, const char *trace)
{
    run *r = self;
    beam_harness *local = atomic_load(&r->local_worker);
    if (local) bm_harness_tell_crash_of_bundle(local, signal, thread, trace);
    bm_loopback_tell_crash(atomic_load(&r->loopback), signal, thread, trace);
}

static beam_status check_cancelled(run *r, beam_error *err)
{
    return atomic_load(&r->session.cancelled)
               ? bm_error(err, BEAM_ECANCELLED, "cancelled")
               : BEAM_OK;
}

/* Does not wait: the JVM comes up while the pipeline is being expanded. */
static beam_status start_job_server(run *r, beam_error *err)
{
    const bm_standard *s = r->in->standard;
    if (s->job_endpoint)
        return bm_job_check_endpoint(r->session.rpc, s->job_endpoint, err);
    bm_log_write(&r->session.log, BEAM_LOG_INFO, "starting Flink's job service%s",
                 s->flink_master ? "" : " with an embedded Flink");
    bm_java_opts opts = { .flink_master = s->flink_master };
    return bm_job_server_start(&r->session, &opts, &r->job_server, err);
}

static beam_status own_environment(run *r, bm_environment *out, beam_error *err)
{
    const bm_standard *s = r->in->standard;
    if (bm_standard_environment(s) != BM_LOOPBACK)
        return bm_environment_parse(r->in->arena, s->environment_type,
                                    s->environment_config, "environment_config", out,
                                    err);
    bm_loopback *loopback;
    BEAM_TRY(
        bm_loopback_start(r->in->program, &r->session, s->severity, &loopback, err));
    atomic_store(&r->loopback, loopback);
    return bm_environment_parse(r->in->arena, "EXTERNAL",
                                bm_loopback_address(loopback), "", out, err);
}

/* Flink hands on what a splittable Kafka read has given only when more comes, and holds all
 * of a backlog back: its own source is the default where Flink is known to be the runner. */
static bool wants_flinks_source(const run *r)
{
    if (bm_has_experiment(r->options, "use_deprecated_read")) return true;
    return !r->in->standard->job_endpoint &&
           !bm_has_experiment(r->options, "use_sdf_read");
}

static beam_status make_expansion(run *r, beam_error *err)
{
    const bm_standard *s = r->in->standard;
    bm_environment java = { 0 };
    if (s->java_environment_type)
        BEAM_TRY(bm_environment_parse(r->in->arena, s->java_environment_type,
                                      s->java_environment_config,
                                      "java_environment_config", &java, err));
    bm_expansion_opts opts = {
        .default_address = s->expansion_service,
        .use_deprecated_read = wants_flinks_source(r),
        .environment_urn = java.urn,
        .environment_payload = java.payload,
    };
    r->expansion = bm_expansion_new(&r->session, &opts);
    return BEAM_OK;
}

/* -- submitting ------------------------------------------------------------------------------------ */
/* The folder of checkpoints is this run's. */
static beam_status set_defaults(run *r, bm_known_runner runner, beam_error *err)
{
    const bm_standard *s = r->in->standard;
    const bm_job_kind kind = {
        .runner = runner,
        .is_bounded = bm_graph_is_bounded(r->pipeline),
        .checkpoints = s->checkpointing_interval > 0,
        .is_embedded = r->job_server.child && bm_flink_is_embedded(s->flink_master),
    };
    bm_default_options(r->options, &kind);
    if (!bm_wants_checkpoint_files(r->options, &kind)) return BEAM_OK;
    const char *folder;
    BEAM_TRY(bm_session_scratch(&r->session, "checkpoints", &folder, err));
    bm_keep_checkpoints_in(r->options, folder);
    return BEAM_OK;
}

static const char *job_endpoint(const run *r)
{
    return r->job_server.child ? r->job_server.address : r->in->standard->job_endpoint;
}

static beam_status settle_runner(run *r, beam_error *err)
{
    const bm_job_mode mode = {
        .streaming = r->in->standard->streaming || !bm_graph_is_bounded(r->pipeline),
        .checkpoints = r->in->standard->checkpointing_interval > 0,
    };
    bm_known_runner runner = bm_job_runner(&r->session, job_endpoint(r), &mode);
    if (runner == BM_PRISM && bm_standard_environment(r->in->standard) == BM_PROCESS)
        return bm_error(
            err, BEAM_EUNSUPPORTED,
            "Prism does not start PROCESS workers, and the job would wait for "
            "ever: use --environment_type=LOOPBACK, EXTERNAL or DOCKER");
    BEAM_TRY(set_defaults(r, runner, err));
    bm_runner_warn(runner, r->pipeline, &r->session.log);
    return bm_runner_check(runner, r->pipeline, err);
}

static beam_status submit(run *r, beam_span pipeline, beam_error *err)
{
    if (r->job_server.child) BEAM_TRY(bm_service_wait(&r->session, &r->job_server, err));
    BEAM_TRY(check_cancelled(r, err));
    BEAM_TRY(settle_runner(r, err));
    const char *master = r->in->standard->flink_master;
    if (!bm_flink_is_embedded(master))
        BEAM_TRY(
            bm_flink_jobs_list(master, r->job_name, r->in->arena, &r->jobs_before, err));
    bm_submission submission = {
        .job_endpoint = job_endpoint(r),
        .is_ours = true, /* or probed already */
        .name = r->job_name,
        .pipeline = pipeline,
        .options = bm_options_struct(r->in->arena, r->options),
        .artifacts = bm_expansion_artifacts(r->expansion),
    };
    return bm_job_submit(&r->session, &submission, &r->job, err);
}

static bool is_asked_before(const bm_step *step)
{
    for (const bm_step *at = step->pipeline->first; at != step; at = at->next)
        if (at->external && at->external->servers &&
            !strcmp(at->external->servers, step->external->servers))
            return true;
    return false;
}

/* Those who connect know after a minute or more, and tell it in their own words. But they may be
 * where this machine cannot look. */
static void probe_servers(run *r)
{
    for (const bm_step *step = r->pipeline->first; step; step = step->next) {
        const char *why, *servers = step->external ? step->external->servers : NULL;
        if (!servers || is_asked_before(step) ||
            bm_probe_servers(servers, PROBE_MS, r->in->arena, &why))
            continue;
        bm_log_write(
            &r->session.log, BEAM_LOG_WARN,
            "%s: nobody answers at %s (%s), seen from here; the job will fail unless "
            "its workers reach it",
            step->unique_name, servers, why);
    }
}

static beam_status start_job(run *r, beam_error *err)
{
    bm_environment environment;
    bm_expander expander;
    beam_span pipeline;
    BEAM_TRY(start_job_server(r, err));
    probe_servers(r);
    BEAM_TRY(own_environment(r, &environment, err));
    BEAM_TRY(make_expansion(r, err));
    bm_expansion_expander(r->expansion, &expander);
    BEAM_TRY(bm_pipeline_to_proto(r->pipeline, &environment, &expander, r->in->arena,
                                  &pipeline, err));
    if (r->in->standard->no_wait && bm_expansion_has_workers(r->expansion))
        return bm_error(err, BEAM_EUSAGE,
                        "--no_wait cannot go with Java workers of this process: "
                        "give --java_environment_type");
    BEAM_TRY(submit(r, pipeline, err));
    bm_expansion_stop_service(r->expansion);
    return BEAM_OK;
}

static int run_job(run *r)
{
    const bm_standard *s = r->in->standard;
    beam_error err;
    r->session.host = s->loopback_host;
    r->session.streaming = s->streaming;
    if (start_job(r, &err)) return bm_report(r->in, &err);
    if (s->no_wait) {
        bm_log_write(&r->session.log, BEAM_LOG_NOTICE, "job %s is submitted",
                     bm_job_id(r->job));
        return BM_EXIT_DONE;
    }
    bm_watch watch = { .session = &r->session,
                       .console = &r->console,
                       .standard = s,
                       .job = r->job,
                       .job_server = &r->job_server,
                       .loopback = r->loopback,
                       .job_name = r->job_name,
                       .jobs_before = &r->jobs_before };
    return bm_watch_job(&watch);
}

/* -- without a job service --------------------------------------------------------------------------- */
static int run_locally(run *r)
{
    const bm_standard *s = r->in->standard;
    bm_local_job job = {
        .functions = bm_program_functions(r->in->program),
        .log_level = s->severity,
        .worker = &r->local_worker,
        .opts = { .log = r->session.log,
                  .cancelled = &r->session.cancelled,
                  .max_bundle_elements = (size_t)s->max_bundle_size,
                  .parallelism = (size_t)s->parallelism,
                  .timeout_ms = s->wait_timeout_s * 1000 },
    };
    beam_error err;
    bm_local_result result;
    int64_t start_ms = bm_monotonic_ms();
    beam_status status = bm_run_locally(r->session.rpc, r->pipeline, &job, r->in->arena,
                                        &result, &err);
    double seconds = (double)(bm_monotonic_ms() - start_ms) / 1000;
    bm_console_status(&r->console, "");
    if (result.n_dropped_late)
        bm_log_write(&r->session.log, BEAM_LOG_WARN,
                     "%llu element%s dropped: too late for %s",
                     (unsigned long long)result.n_dropped_late,
                     result.n_dropped_late == 1 ? " was" : "s were",
                     result.n_dropped_late == 1 ? "its window" : "their windows");
    if (status && status != BEAM_ECANCELLED)
        bm_log_write(&r->session.log, BEAM_LOG_ERROR, "the job failed: %s", err.message);
    else
        bm_log_write(&r->session.log, BEAM_LOG_NOTICE, "the job is %s after %.1f s",
                     status ? "CANCELLED" : "DONE", seconds);
    beam_status shown = bm_show_metrics(s, &r->session.log, r->in->arena, result.metrics);
    return status == BEAM_ECANCELLED ? BM_EXIT_CANCELLED
           : status || shown         ? BM_EXIT_FAILED
                                     : BM_EXIT_DONE;
}

static void stop_all(run *r)
{
    bm_job_free(r->job);
    bm_loopback_free(r->loopback);
    atomic_store(&r->loopback, NULL);
    bm_expansion_free(r->expansion);
    bm_service_stop(&r->job_server);
}

static int start_session(run *r)
{
    beam_error err;
    bm_console_init(&r->console, r->in->program->name, r->in->standard->severity);
    bm_log log = bm_console_log(&r->console);
    const bm_signal_handler handler = { on_signal, on_crash, r };
    beam_status status = bm_signals_start(&handler, BM_EXIT_CANCELLED, &r->signals, &err);
    if (!status) status = bm_session_init(&r->session, r->in->program->name, &log, &err);
    bool is_local = bm_standard_runner(r->in->standard) == BM_RUNNER_LOCAL;
    int result = status ? bm_report(r->in, &err) : is_local ? run_locally(r) : run_job(r);
    stop_all(r);
    bm_signals_free(r->signals);
    bm_session_free(&r->session);
    bm_console_free(&r->console);
    return result;
}

/* Without a job service nobody but our own worker reads flags that we do not know. */
static beam_status check_unknown_flags(const bm_invocation *in, beam_error *err)
{
    static const char *const of_worker[] = { "default_sdk_harness_log_level",
                                             "element_processing_timeout_minutes",
                                             "max_cache_memory_usage_mb" };
    bm_runner runner = bm_standard_runner(in->standard);
    if (runner == BM_RUNNER_FLINK || runner == BM_RUNNER_PORTABLE) return BEAM_OK;
    const char *name;
    json_t *value;
    json_object_foreach(in->flags->unknown, name, value)
    {
        bool is_known = false;
        for (size_t i = 0; i < BEAM_COUNT(of_worker); i++)
            is_known |= !strcmp(name, of_worker[i]);
        if (!is_known)
            return bm_error(
                err, BEAM_EUSAGE,
                "there is no flag --%s; only job services take flags that the "
                "program does not know, and --runner=%s has none",
                name, in->standard->runner);
    }
    return BEAM_OK;
}

int bm_run_pipeline(const bm_invocation *in)
{
    run r = { .in = in };
    beam_error err;
    int status = BM_EXIT_DONE;
    if (check_unknown_flags(in, &err) || build(&r, &err)) {
        status = bm_report(in, &err);
    } else {
        switch (bm_standard_runner(in->standard)) {
        case BM_RUNNER_CHECK:
            status = bm_show_line(in, bm_format(in->arena,
                                                "%s: the pipeline has no mistake that "
                                                "shows before it runs",
                                                in->program->name));
            break;
        case BM_RUNNER_PRINT: status = show(&r, bm_graph_print); break;
        case BM_RUNNER_DOT: status = show(&r, bm_graph_dot); break;
        default:
            status = bm_metrics_file_check(in->standard, &err) ? bm_report(in, &err)
                                                               : start_session(&r);
            break;
        }
    }
    json_decref(r.options);
    beam_pipeline_free(r.pipeline);
    bm_registry_free(&r.registry);
    return status;
}
