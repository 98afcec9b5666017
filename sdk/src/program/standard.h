/* SPDX-License-Identifier: Apache-2.0 */
/* program/standard.h - the flags that every program has, by the names that the other SDKs
 * use where they have them. The main thread. */
#ifndef BM_STANDARD_H
#define BM_STANDARD_H

#include "beam/dofn.h"
#include "program/flags.h"

typedef struct bm_standard {
    /* running */
    const char *runner, *flink_master, *job_endpoint, *job_name, *savepoint_path;
    bool streaming, no_wait;
    int64_t parallelism, checkpointing_interval, max_bundle_size, max_bundle_time_mills,
        shutdown_sources_after_idle_ms, sdk_worker_parallelism, wait_timeout_s;
    bm_texts experiments, resource_hints;
    const char *metrics_json;
    /* where DoFns run */
    const char *environment_type, *environment_config, *loopback_host;
    /* Java's transforms */
    const char *expansion_service, *java_environment_type, *java_environment_config;
    /* worker */
    bool worker, worker_pool;
    int64_t worker_pool_port;
    const char *id, *control_endpoint, *logging_endpoint, *artifact_endpoint,
        *provision_endpoint, *semi_persist_dir;
    /* general */
    const char *log_level;
    beam_severity severity; /* log_level, checked */
    bool help, version;
} bm_standard;

/* Adds the tables to `flags`; values go to `standard`. */
beam_status bm_standard_add(bm_flags *flags, bm_standard *standard, beam_error *err);
/* What a table cannot say: flags that exclude or need each other, sets of words. */
beam_status bm_standard_check(const bm_flags *flags, bm_standard *standard,
                              beam_error *err);

typedef enum bm_runner {
    BM_RUNNER_FLINK,    /* a job service that is given or started */
    BM_RUNNER_PORTABLE, /* a job service that is given */
    BM_RUNNER_LOCAL,    /* this process, nothing else */
    BM_RUNNER_CHECK,
    BM_RUNNER_PRINT,
    BM_RUNNER_DOT
} bm_runner;
bm_runner bm_standard_runner(const bm_standard *standard);

typedef enum bm_environment_type {
    BM_LOOPBACK,
    BM_PROCESS,
    BM_EXTERNAL,
    BM_DOCKER
} bm_environment_type;
bm_environment_type bm_standard_environment(const bm_standard *standard);

/* The pipeline options for the runner: the standard flags given that are options of runners,
 * the unknown flags, the experiments of the pipeline and the job's name. Owned by the caller. */
json_t *bm_standard_options(const bm_flags *flags, const char *job_name,
                            const char *const *experiments, size_t n_experiments);
bool bm_has_experiment(const json_t *options, const char *name);

#endif
