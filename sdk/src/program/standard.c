/* SPDX-License-Identifier: Apache-2.0 */
/* The standard flags: tables, checks, and what becomes of them as pipeline options. */
#include "program/standard.h"

#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/log.h"
#include "base/url.h"
#include "graph/resource_hints.h"
#include "job/java.h"

enum { LONGEST_WAIT_S = 1000000000 }; /* its milliseconds are a number too */

#define TEXT(field, initial, help) BEAM_TEXT_FLAG(bm_standard, field, initial, help)
#define INT(field, initial, help) BEAM_INT_FLAG(bm_standard, field, initial, help)
#define BOOL(field, initial, help) BEAM_BOOL_FLAG(bm_standard, field, initial, help)
#define TEXTS(field, help)                                                \
    {                                                                     \
#field, BM_FLAG_TEXTS, offsetof(bm_standard, field), NULL, (help) \
    }

static const beam_flag running[] = {
    TEXT(runner, "flink",
         "flink, portable, prism, local; check: report mistakes; print, dot: show"),
    TEXT(flink_master, NULL,
         "Flink cluster, host:8081 (default: a Flink is started and stopped)"),
    TEXT(job_endpoint, NULL, "Beam job service, host:port (default: one is started)"),
    TEXT(job_name, NULL, "name of the job (default: the program's name and the time)"),
    BOOL(streaming, "false", "run as a streaming job"),
    INT(parallelism, NULL, "how many parallel instances a step has"),
    INT(checkpointing_interval, NULL, "milliseconds between Flink's checkpoints"),
    INT(max_bundle_size, NULL, "most elements in a bundle (streaming Flink: 10000)"),
    INT(max_bundle_time_mills, NULL,
        "most milliseconds in a bundle (streaming Flink: 200)"),
    INT(shutdown_sources_after_idle_ms, NULL,
        "end bounded streaming sources after so long"),
    INT(sdk_worker_parallelism, NULL, "workers per Flink task manager"),
    TEXT(savepoint_path, NULL, "savepoint to go on from"),
    TEXTS(experiments, "names for the runner; repeatable"),
    TEXTS(resource_hints,
          "what workers are to have: min_ram=4GB, cpu_count=2, accelerator=..., "
          "max_active_bundles_per_worker=1; repeatable"),
    BOOL(no_wait, "false", "leave once the job is submitted"),
    INT(wait_timeout_s, "0", "cancel the job after so many seconds; 0: never"),
    TEXT(metrics_json, NULL, "file to write the metrics to, as JSON"),
};

static const beam_flag environment[] = {
    TEXT(environment_type, "LOOPBACK",
         "LOOPBACK: this process; PROCESS, EXTERNAL, DOCKER"),
    TEXT(
        environment_config, NULL,
        "PROCESS: {\"command\":...,\"env\":{...}} (default: this program); EXTERNAL: host:port "
        "of a worker pool; DOCKER: image"),
    TEXT(loopback_host, "localhost",
         "name or address under which runners reach this process"),
};

static const beam_flag java[] = {
    TEXT(expansion_service, NULL, "host:port (default: Java's is started when needed)"),
    TEXT(java_environment_type, NULL,
         "PROCESS, EXTERNAL or DOCKER (default: started by this process)"),
    TEXT(java_environment_config, NULL, "as --environment_config"),
};

static const beam_flag worker[] = {
    BOOL(worker, "false",
         "be a worker: with --id and --control_endpoint or --provision_endpoint"),
    BOOL(worker_pool, "false", "be a worker pool for --environment_type=EXTERNAL"),
    INT(worker_pool_port, "50000", "the pool's port"),
    TEXT(id, NULL, "the worker's id"),
    TEXT(provision_endpoint, NULL, "host:port that tells the worker the other endpoints"),
    TEXT(control_endpoint, NULL, "host:port"),
    TEXT(logging_endpoint, NULL, "host:port (default: log to stderr)"),
    TEXT(artifact_endpoint, NULL, "host:port"),
    TEXT(semi_persist_dir, NULL, "folder for staged files (default: a temporary one)"),
};

static const beam_flag general[] = {
    TEXT(log_level, "INFO", "TRACE, DEBUG, INFO, NOTICE, WARN, ERROR or CRITICAL"),
    BOOL(help, "false", "show this"),
    BOOL(version, "false", "show the version"),
};

beam_status bm_standard_add(bm_flags *flags, bm_standard *s, beam_error *err)
{
    BEAM_TRY(bm_flags_add(flags, "Running", running, BEAM_COUNT(running), s, err));
    BEAM_TRY(bm_flags_add(flags, "Where the DoFns run", environment,
                          BEAM_COUNT(environment), s, err));
    BEAM_TRY(bm_flags_add(flags, "Transforms of other languages", java, BEAM_COUNT(java),
                          s, err));
    BEAM_TRY(bm_flags_add(flags, "Worker (given by runners)", worker, BEAM_COUNT(worker),
                          s, err));
    return bm_flags_add(flags, "General", general, BEAM_COUNT(general), s, err);
}

/* -- words ---------------------------------------------------------------------------------- */
static const struct {
    const char *word;
    bm_runner runner;
} runners[] = {
    { "flink", BM_RUNNER_FLINK },       { "FlinkRunner", BM_RUNNER_FLINK },
    { "portable", BM_RUNNER_PORTABLE }, { "PortableRunner", BM_RUNNER_PORTABLE },
    { "prism", BM_RUNNER_PORTABLE },    { "PrismRunner", BM_RUNNER_PORTABLE },
    { "local", BM_RUNNER_LOCAL },       { "DirectRunner", BM_RUNNER_LOCAL },
    { "check", BM_RUNNER_CHECK },       { "print", BM_RUNNER_PRINT },
    { "dot", BM_RUNNER_DOT },
};

static const char *const environments[] = { "LOOPBACK", "PROCESS", "EXTERNAL", "DOCKER" };

static int find_runner(const char *word)
{
    for (size_t i = 0; i < BEAM_COUNT(runners); i++)
        if (!strcasecmp(word, runners[i].word)) return (int)runners[i].runner;
    return -1;
}

static int find_environment(const char *word)
{
    for (size_t i = 0; i < BEAM_COUNT(environments); i++)
        if (!strcasecmp(word, environments[i])) return (int)i;
    return -1;
}

bm_runner bm_standard_runner(const bm_standard *s)
{
    return (bm_runner)find_runner(s->runner);
}

bm_environment_type bm_standard_environment(const bm_standard *s)
{
    return (bm_environment_type)find_environment(s->environment_type);
}

/* -- checks ------------------------------------------------------------------------------------- */
/* Without it 0 stands for a flag that is not given. */
static beam_status check_numbers(const bm_flags *flags, const bm_standard *s,
                                 beam_error *err)
{
    const struct {
        const char *name;
        int64_t value, least, most;
    } numbers[] = {
        { "parallelism", s->parallelism, 1, INT32_MAX },
        { "checkpointing_interval", s->checkpointing_interval, 10, INT64_MAX },
        { "max_bundle_size", s->max_bundle_size, 1, INT64_MAX },
        { "max_bundle_time_mills", s->max_bundle_time_mills, 1, INT64_MAX },
        { "shutdown_sources_after_idle_ms", s->shutdown_sources_after_idle_ms, -1, INT64_MAX },
        { "sdk_worker_parallelism", s->sdk_worker_parallelism, 0, INT32_MAX },
        { "wait_timeout_s", s->wait_timeout_s, 0, LONGEST_WAIT_S },
        { "worker_pool_port", s->worker_pool_port, 0, UINT16_MAX },
    };
    for (size_t i = 0; i < BEAM_COUNT(numbers); i++) {
        int64_t value = numbers[i].value;
        if (!bm_flags_was_given(flags, numbers[i].name)) continue;
        bool is_less = value < numbers[i].least;
        if (is_less || value > numbers[i].most)
            return bm_error(err, BEAM_EUSAGE, "--%s must be at %s %lld, not %lld",
                            numbers[i].name, is_less ? "least" : "most",
                            (long long)(is_less ? numbers[i].least : numbers[i].most),
                            (long long)value);
    }
    return BEAM_OK;
}

static beam_status check_address(const char *name, const char *value, beam_error *err)
{
    if (!value) return BEAM_OK;
    const char *colon = strrchr(value, ':');
    size_t digits = colon ? strlen(colon + 1) : 0;
    if (colon && colon > value && digits < 6 && bm_port_read(colon + 1, colon + 1 + digits))
        return BEAM_OK;
    return bm_error(err, BEAM_EUSAGE, "--%s must be host:port, not '%s'", name, value);
}

static beam_status check_addresses(const bm_standard *s, beam_error *err)
{
    BEAM_TRY(check_address("job_endpoint", s->job_endpoint, err));
    if (!bm_flink_is_embedded(s->flink_master))
        BEAM_TRY(check_address("flink_master", s->flink_master, err));
    return check_address("expansion_service", s->expansion_service, err);
}

static beam_status check_environment(const bm_standard *s, beam_error *err)
{
    int type = find_environment(s->environment_type);
    if (type < 0)
        return bm_error(err, BEAM_EUSAGE,
                        "--environment_type must be LOOPBACK, PROCESS, EXTERNAL or "
                        "DOCKER, not '%s'",
                        s->environment_type);
    if (type == BM_EXTERNAL && !s->environment_config)
        return bm_error(err, BEAM_EUSAGE,
                        "--environment_type=EXTERNAL needs the address of a worker "
                        "pool: --environment_config=host:port");
    if (type == BM_EXTERNAL)
        BEAM_TRY(check_address("environment_config", s->environment_config, err));
    if (type == BM_DOCKER && (!s->environment_config || !*s->environment_config))
        return bm_error(err, BEAM_EUSAGE,
                        "--environment_type=DOCKER needs the name of an image whose "
                        "entry point is this program: --environment_config=IMAGE");
    const char *java_type = s->java_environment_type;
    if (java_type &&
        (find_environment(java_type) <= BM_LOOPBACK || !s->java_environment_config))
        return bm_error(err, BEAM_EUSAGE,
                        "--java_environment_type must be PROCESS, EXTERNAL or "
                        "DOCKER, and needs --java_environment_config");
    return BEAM_OK;
}

static beam_status check_hints(const bm_standard *s, beam_error *err)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    bm_resource_hints hints;
    beam_status status = BEAM_OK;
    for (size_t i = 0; i < s->resource_hints.n && status == BEAM_OK; i++)
        status = bm_resource_hint_take(&arena, s->resource_hints.at[i],
                                       "--resource_hints", &hints, err);
    bm_arena_free(&arena);
    if (status == BEAM_OK) return BEAM_OK;
    err->status = BEAM_EUSAGE;
    return BEAM_EUSAGE;
}

static beam_status check_running(const bm_standard *s, beam_error *err)
{
    int runner = find_runner(s->runner);
    if (runner < 0)
        return bm_error(err, BEAM_EUSAGE,
                        "--runner must be flink, portable, prism, local, check, "
                        "print or dot, not '%s'",
                        s->runner);
    if (runner == BM_RUNNER_PORTABLE && !s->job_endpoint)
        return bm_error(err, BEAM_EUSAGE,
                        "--runner=%s needs the address of its job service: "
                        "--job_endpoint=host:port",
                        s->runner);
    if (runner == BM_RUNNER_LOCAL && find_environment(s->environment_type) != BM_LOOPBACK)
        return bm_error(err, BEAM_EUSAGE,
                        "--runner=local runs the DoFns in this process: leave out "
                        "--environment_type");
    if (!s->no_wait) return BEAM_OK;
    if (s->metrics_json)
        return bm_error(err, BEAM_EUSAGE,
                        "--no_wait cannot go with --metrics_json: there are no metrics "
                        "before the job has ended");
    if (runner == BM_RUNNER_LOCAL)
        return bm_error(err, BEAM_EUSAGE,
                        "--no_wait cannot go with --runner=local: the job is in this process");
    if (find_environment(s->environment_type) == BM_LOOPBACK)
        return bm_error(err, BEAM_EUSAGE,
                        "--no_wait cannot go with --environment_type=LOOPBACK: the "
                        "DoFns would end with this process");
    if (!s->job_endpoint)
        return bm_error(err, BEAM_EUSAGE,
                        "--no_wait needs a job service that stays: "
                        "--job_endpoint=host:port");
    return BEAM_OK;
}

beam_status bm_standard_check(const bm_flags *flags, bm_standard *s, beam_error *err)
{
    if (!bm_severity_parse(s->log_level, &s->severity))
        return bm_error(err, BEAM_EUSAGE,
                        "--log_level must be TRACE, DEBUG, INFO, NOTICE, WARN, "
                        "ERROR or CRITICAL, not '%s'",
                        s->log_level);
    BEAM_TRY(check_numbers(flags, s, err));
    BEAM_TRY(check_addresses(s, err));
    BEAM_TRY(check_environment(s, err));
    BEAM_TRY(check_hints(s, err));
    if (!s->worker && !s->provision_endpoint) return check_running(s, err);
    if (!s->id || !*s->id) return bm_error(err, BEAM_EUSAGE, "a worker needs --id");
    if ((!s->control_endpoint || !*s->control_endpoint) &&
        (!s->provision_endpoint || !*s->provision_endpoint))
        return bm_error(err, BEAM_EUSAGE,
                        "a worker needs --control_endpoint or --provision_endpoint");
    return BEAM_OK;
}

/* -- pipeline options ------------------------------------------------------------------------------ */
/* The standard flags that are options of runners. */
static const char *const options[] = {
    "flink_master",
    "streaming",
    "parallelism",
    "checkpointing_interval",
    "max_bundle_size",
    "max_bundle_time_mills",
    "shutdown_sources_after_idle_ms",
    "sdk_worker_parallelism",
    "savepoint_path",
    "experiments",
};

bool bm_has_experiment(const json_t *all, const char *name)
{
    json_t *experiments = json_object_get(all, "experiments");
    for (size_t i = 0; i < json_array_size(experiments); i++) {
        const char *text = json_string_value(json_array_get(experiments, i));
        if (text && !strcmp(text, name)) return true;
    }
    return false;
}

static void add_experiment(json_t *all, const char *name)
{
    if (bm_has_experiment(all, name)) return;
    if (!json_object_get(all, "experiments"))
        json_object_set_new(all, "experiments", json_array());
    json_array_append_new(json_object_get(all, "experiments"), json_string(name));
}

json_t *bm_standard_options(const bm_flags *flags, const char *job_name,
                            const char *const *experiments, size_t n_experiments)
{
    json_t *all = json_deep_copy(flags->unknown);
    for (size_t i = 0; i < BEAM_COUNT(options); i++) {
        json_t *value = json_object_get(flags->given, options[i]);
        if (value) json_object_set_new(all, options[i], json_deep_copy(value));
    }
    for (size_t i = 0; i < n_experiments; i++) add_experiment(all, experiments[i]);
    json_object_set_new(all, "job_name", json_string(job_name));
    return all;
}
