/* SPDX-License-Identifier: Apache-2.0 */
/* local/local.h - runs a pipeline in this process: a runner that drives a worker over the
 * Fn API, on localhost only.
 *
 * It executes what one environment's worker can do. All state is in memory and gone with the
 * run. bm_local_run() does its work on the thread that calls it; the rpc thread takes in
 * what the worker sends. */
#ifndef BM_LOCAL_H
#define BM_LOCAL_H

#include <stdatomic.h>

#include "base/log.h"
#include "rpc/rpc.h"

/* A worker that is wanted: what StartWorkerRequest says. The strings live during the run. */
typedef struct bm_local_worker {
    const char *id;
    const char *control_endpoint, *logging_endpoint, *provision_endpoint;
    /* By how many ms the runner's processing time is ahead of the machine's clock: what the
     * worker is to take for now. */
    const atomic_llong *clock_ahead;
} bm_local_worker;

/* Ways for the runner to be unkind, all of them within the protocol but for the streams that
 * it drops. */
typedef struct bm_local_faults {
    bool data_before_request;      /* a bundle's elements come before its ProcessBundleRequest */
    bool last_with_data;           /* is_last comes with the last data, not on its own */
    size_t data_bytes;             /* cut data every so many bytes, inside of elements too */
    bool embed_elements;           /* input inside of the ProcessBundleRequest */
    bool no_response_embedding;    /* does not say that output may come in the response */
    bool no_short_ids;             /* metrics with their names */
    bool cache_tokens;             /* state may be cached across bundles */
    size_t state_page_bytes;       /* pages of state; 0: 1 MiB */
    size_t reorder_state;          /* hold back up to so many answers, the latest go first */
    int progress_every_ms;         /* asks running bundles for progress; 0: never */
    int split_every_ms;            /* asks running bundles to split; 0: never */
    double split_fraction;         /* of what remains; 0: at once */
    bool unknown_instructions;     /* asks now and then about bundles that never were */
    bool late_instructions;        /* asks about bundles that have ended, sends them data */
    uint64_t drop_control_after;   /* breaks the stream when so many bundles have begun */
    uint64_t drop_data_after, drop_state_after;
} bm_local_faults;

typedef struct bm_local_opts {
    void *self;
    /* Starts a worker that connects to the endpoints; need not wait for it. */
    beam_status (*start_worker)(void *self, const bm_local_worker *worker, beam_error *err);
    /* Its control stream has ended: returns when the worker has gone. */
    void (*stop_worker)(void *self, const char *id);
    bm_log log;                   /* the worker's entries and the runner's own; any thread */
    const atomic_bool *cancelled; /* looked at now and then; NULL: cannot be cancelled */
    size_t max_bundle_elements;   /* 0: 1000 */
    size_t parallelism;           /* bundles at once; 0: 2 */
    int bundle_retries;           /* how often a bundle that failed is tried again */
    bool drain;                   /* restrictions are truncated before they are processed */
    bool skip_waiting;            /* the processing-time clock jumps to what is due next when
                                     nothing else can happen; always so with a TestStream */
    int64_t timeout_ms;           /* for the whole run; 0: none */
    int startup_timeout_ms;       /* for the worker to connect; 0: 30 s */
    const bm_local_faults *faults; /* NULL: none */
} bm_local_opts;

typedef struct bm_local_result {
    beam_span metrics; /* a GetJobMetricsResponse, in the caller's arena */
    uint64_t n_bundles, n_retries, n_splits;
    uint64_t n_dropped_late; /* elements whose window had expired */
} bm_local_result;

/* Runs RunnerApi.Pipeline to its end. BEAM_OK: done; BEAM_ECANCELLED: by the flag; otherwise
 * err says what failed, for a bundle with the worker's own words. `result` is filled in any
 * case. Not on the rpc thread. */
beam_status bm_local_run(bm_rpc *rpc, beam_span pipeline, const bm_local_opts *opts,
                         bm_arena *arena, bm_local_result *result, beam_error *err);

#endif
