/* SPDX-License-Identifier: Apache-2.0 */
/* worker.h - what the parts of a running worker share. Set up by worker.c before the control
 * stream opens; immutable afterwards but for what has a lock of its own. */
#ifndef BM_WORKER_H
#define BM_WORKER_H

#include <stdatomic.h>

#include "beam/harness.h"
#include "boot.h"
#include "finalizers.h"
#include "instructions.h"
#include "log_stream.h"
#include "monitoring.h"
#include "plans.h"
#include "state.h"
#include "threads.h"

struct beam_harness {
    bm_arena arena; /* options and endpoints */
    bm_registry registry;
    bm_boot boot;
    const char *id;
    bm_rpc *rpc;
    bool has_own_rpc;
    beam_harness **siblings; /* workers of other ids in this process, which it owns */
    size_t n_siblings;
    bm_log_stream *log_stream; /* NULL: to stderr */
    bm_log log;

    bm_channel *control_channel;
    bm_stream *control; /* set with `lock` held */
    bool control_is_set; /* rpc thread only: it has seen `control` */
    bm_links data;
    bm_elements_reader reader; /* rpc thread only */
    bool has_told_drops;       /* rpc thread only: that data is dropped */
    bm_state_client state;
    bm_instructions instructions;
    bm_plans plans;
    bm_finalizers finalizers;
    bm_state_cache *state_cache;
    bm_services *services;
    bm_data_sampler *sampler; /* NULL: not wanted */
    bm_short_ids short_ids;
    bm_threads *threads;
    pthread_t watcher;
    bool has_watcher;
    bm_channel *status_channel; /* NULL: the runner does not ask */
    bm_stream *status;          /* guarded by `lock` */

    atomic_bool ends; /* bundles are not to wait for anything */
    const atomic_llong *clock_ahead; /* of bm_harness_start(); NULL: the machine's clock */

    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t changed;
    bool control_ended;
    beam_error outcome; /* of the control stream */
    bool stopped;       /* beam_harness_stop was called */
    bool settled;       /* beam_harness_wait has done its work */
    bool runner_shares_stderr; /* beam_harness_opts */
    int64_t told_ms;    /* when a failed bundle was last told on stderr; 0: never */
    unsigned n_untold;  /* failed bundles since */
};

#define BM_RUNNER_ENDED "the runner ended the worker"

/* control.c */
extern const bm_stream_handler bm_control_handler; /* self: the worker */

/* order.c: an instruction on its way from request to response. Whoever holds it answers it, on
 * any thread, and frees it. */
typedef struct bm_order {
    beam_harness *worker;
    beam_span id;
    const pb_InstructionRequest *request;
    pb_InstructionResponse *response; /* with the id */
    upb_Arena *pb;       /* all of it lives here ... */
    bm_message *message; /* ... but what the request points to */
} bm_order;
/* Takes the arena and the message over. */
bm_order *bm_order_new(beam_harness *worker, const pb_InstructionRequest *request,
                       upb_Arena *pb, bm_message *message);
/* The response will be an error. */
void bm_order_fail(const bm_order *order, const char *format, ...) BEAM_PRINTF(2, 3);
/* Sends the response. */
void bm_order_respond(const bm_order *order);
void bm_order_free(bm_order *order);

/* watch.c: the main function of the thread that watches running bundles; arg: the worker. */
void *bm_watch(void *arg);
/* Ends the process with EX_SOFTWARE when user code still runs, and says which: at the worker's
 * end, when it had its time to return. */
void bm_end_without_user_code(beam_harness *worker);

/* inspect.c: what the runner asks of the worker itself; fills the response. */
void bm_inspect_samples(const bm_order *order);
void bm_inspect_metrics(const bm_order *order);

/* status.c: answers what the runner asks about the worker (BeamFnWorkerStatus). */
void bm_status_open(beam_harness *worker);
void bm_status_close(beam_harness *worker); /* also when it was not opened */
/* What the worker does, for people to read; malloc'd. Any thread. */
char *bm_status_text(beam_harness *worker);

/* live.c: what the runner asks of running bundles. Rpc thread; they answer now, or on
 * another thread, and take the order over. */
void bm_live_progress(bm_order *order);
void bm_live_split(bm_order *order);
void bm_live_finalize(bm_order *order);

/* bundle.c: has a bundle run, after the callback or beside it; rpc thread. Takes the order
 * over. */
void bm_bundle_start(bm_order *order);

#endif
