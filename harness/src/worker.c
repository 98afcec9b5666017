/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's life: boot, streams, threads, and taking it all down in order. Called on the
 * user's thread; the data handlers run on the rpc thread. */
#include "worker.h"

#include <stdlib.h>

#include "base/clock.h"
#include "exec/data_sampler.h"
#include "exec/services.h"
#include "exec/state_cache.h"
#include "start.h"

enum {
    IDLE_THREAD_MS = 10000,
    END_MS = 3000,     /* for bundles that the end of the control stream meets */
    GRACE_MS = 20000   /* then, for user code to return: there is nothing it could do any more */
};

#define CONTROL_METHOD "/org.apache.beam.model.fn_execution.v1.BeamFnControl/Control"
#define DATA_METHOD "/org.apache.beam.model.fn_execution.v1.BeamFnData/Data"

/* -- data streams: rpc thread --------------------------------------------------- */

static void end_data_stream(beam_harness *worker, bm_link *link, const char *why)
{
    bm_log_at(&worker->log, BEAM_LOG_ERROR, NULL, "The runner's data stream from %s %s.",
              link->url, why);
    bm_stream_cancel(link->stream);
}

static void tell_of_drops(beam_harness *worker)
{
    if (worker->has_told_drops) return;
    worker->has_told_drops = true;
    bm_log_at(&worker->log, BEAM_LOG_WARN, NULL, "The runner has sent data for more than %d "
              "bundles before it asked for them. What is too much is dropped, and those "
              "bundles will fail.", BM_MOST_PARKED);
}

static void on_data(void *self, bm_link *link, bm_message *message)
{
    beam_harness *worker = self;
    bm_instructions *table = &worker->instructions;
    bm_entry entry;
    beam_status status;
    bool bounded = true;
    bm_elements_reader_message(&worker->reader, message);
    pthread_mutex_lock(&table->lock);
    while (bounded && (status = bm_elements_next(&worker->reader, &entry)) == BEAM_OK)
        bounded = bm_instructions_deliver(table, link, &entry);
    bool drops = table->n_dropped;
    pthread_mutex_unlock(&table->lock);
    bm_message_free(message);
    if (drops) tell_of_drops(worker);
    if (!bounded)
        end_data_stream(worker, link, "brings data for bundles without end, none of which it "
                        "has asked for");
    else if (status != BEAM_ESHORT)
        end_data_stream(worker, link, "holds bytes that are no Elements");
}

static void on_data_lost(void *self, bm_link *link, const char *reason)
{
    beam_harness *worker = self;
    bm_instructions_link_lost(&worker->instructions, link, reason);
}

static const bm_link_handler data_handler = { NULL, on_data, on_data_lost, NULL };

/* -- start ---------------------------------------------------------------------------- */

static void set_up_log(beam_harness *worker)
{
    worker->log = bm_log_stderr;
    if (worker->boot.logging_endpoint) {
        worker->log_stream = bm_log_stream_new(worker->rpc, worker->boot.logging_endpoint,
                                               worker->id, worker->boot.log_level);
        worker->log = *bm_log_stream_log(worker->log_stream);
    }
    if (worker->boot.log_level) worker->log.minimum = worker->boot.log_level;
}

static void open_streams(beam_harness *worker)
{
    bm_rpc *rpc = worker->rpc;
    bm_instructions_init(&worker->instructions);
    bm_elements_reader_init(&worker->reader);
    bm_links_init(&worker->data, rpc, DATA_METHOD, worker->id, &data_handler, worker);
    bm_state_init(&worker->state, rpc, worker->id);
    bm_finalizers_init(&worker->finalizers);
    bool is_hidden = worker->log_stream && !worker->runner_shares_stderr;
    worker->services = bm_services_new(is_hidden ? &bm_log_stderr : NULL);
    worker->state_cache = bm_state_cache_new(worker->boot.state_cache_bytes);
    if (worker->boot.samples_data) worker->sampler = bm_data_sampler_new();
    bm_short_ids_init(&worker->short_ids, worker->boot.takes_short_ids);
    worker->threads = bm_threads_new(IDLE_THREAD_MS);
    worker->control_channel = bm_channel_new(rpc, worker->boot.control_endpoint, worker->id);
    bm_plans_init(&worker->plans, worker->control_channel, &worker->registry, &worker->log);
    worker->has_watcher = !pthread_create(&worker->watcher, NULL, bm_watch, worker);
    pthread_mutex_lock(&worker->lock); /* the first message may come before this returns */
    worker->control = bm_stream_open(worker->control_channel, CONTROL_METHOD, NULL,
                                     &bm_control_handler, worker);
    pthread_mutex_unlock(&worker->lock);
    if (worker->boot.status_endpoint) bm_status_open(worker);
}

/* `elder` NULL: asks the provision service; else the worker whose sibling it becomes. */
static beam_status start(beam_harness *worker, const beam_harness_opts *opts,
                         const beam_harness *elder, beam_error *err)
{
    BEAM_TRY(bm_registry_init(&worker->registry, &opts->functions, err));
    if (!opts->id || !*opts->id)
        return bm_error(err, BEAM_EUSAGE, "A worker needs an id: --id=...");
    if (!bm_metadata_is_legal(opts->id))
        return bm_error(err, BEAM_EUSAGE, "The worker's id '%s' is not printable ASCII, which "
                        "gRPC needs it to be; runners make it of the job's name, see --job_name.",
                        opts->id);
    worker->id = bm_strdup(&worker->arena, opts->id);
    worker->runner_shares_stderr = opts->runner_shares_stderr;
    if (elder)
        worker->boot = elder->boot; /* the elder is there for longer */
    else
        BEAM_TRY(bm_boot_run(worker->rpc, opts, &worker->arena, &worker->boot, err));
    if (!worker->boot.control_endpoint)
        return bm_error(err, BEAM_EUSAGE,
                        "A worker needs --control_endpoint or --provision_endpoint.");
    set_up_log(worker);
    open_streams(worker);
    return BEAM_OK;
}

static beam_status start_new(const beam_harness_opts *opts, bm_rpc *rpc,
                             const atomic_llong *clock_ahead, const beam_harness *elder,
                             beam_harness **out, beam_error *err)
{
    beam_harness *worker = bm_xcalloc(1, sizeof *worker);
    bm_arena_init(&worker->arena, 0);
    pthread_mutex_init(&worker->lock, NULL);
    bm_cond_init(&worker->changed);
    worker->has_own_rpc = !rpc;
    worker->rpc = rpc ? rpc : bm_rpc_new();
    worker->clock_ahead = clock_ahead;
    beam_status status = start(worker, opts, elder, err);
    *out = status == BEAM_OK ? worker : NULL;
    if (status != BEAM_OK) beam_harness_free(worker);
    return status;
}

/* A runner may give one process the work of several (SIBLING_WORKERS): each id has streams
 * of its own. */
static beam_status start_siblings(beam_harness *worker, const beam_harness_opts *opts,
                                  beam_error *err)
{
    size_t n = worker->boot.n_siblings;
    worker->siblings = BM_NEW_ARRAY(&worker->arena, beam_harness *, n);
    for (size_t i = 0; i < n; i++) {
        beam_harness_opts of_sibling = *opts;
        of_sibling.id = worker->boot.sibling_ids[i];
        BEAM_TRY(start_new(&of_sibling, worker->rpc, worker->clock_ahead, worker,
                           &worker->siblings[i], err));
        worker->n_siblings++;
    }
    return BEAM_OK;
}

beam_status bm_harness_start(const beam_harness_opts *opts, bm_rpc *rpc,
                             const atomic_llong *clock_ahead, beam_harness **out,
                             beam_error *err)
{
    BEAM_TRY(start_new(opts, rpc, clock_ahead, NULL, out, err));
    beam_status status = start_siblings(*out, opts, err);
    if (status == BEAM_OK) return BEAM_OK;
    beam_harness_free(*out);
    *out = NULL;
    return status;
}

beam_status beam_harness_start(const beam_harness_opts *opts, beam_harness **out,
                               beam_error *err)
{
    return bm_harness_start(opts, NULL, NULL, out, err);
}

void beam_harness_counters(beam_harness *worker,
                           void (*each)(void *self, const char *name, int64_t sum), void *self)
{
    bm_each_counter(&worker->short_ids, each, self);
    for (size_t i = 0; i < worker->n_siblings; i++)
        bm_each_counter(&worker->siblings[i]->short_ids, each, self);
}

/* Nothing is to be waited for any more: not data, nor state, nor a descriptor, nor services
 * that DoFns ask. */
static void cancel_streams(beam_harness *worker)
{
    atomic_store(&worker->ends, true);
    bm_channel_cancel_calls(worker->control_channel);
    bm_links_cancel(&worker->data);
    bm_links_cancel(&worker->state.links);
}

/* Bundles that have all their data finish, the others fail; so do those that wait for a runner
 * that has gone without ending its other streams. */
static void end_bundles(beam_harness *worker)
{
    bm_instructions_close(&worker->instructions, BM_RUNNER_ENDED);
    if (bm_threads_drain(worker->threads, END_MS)) return;
    cancel_streams(worker);
    int64_t grace_ms = worker->boot.end_grace_ms ? worker->boot.end_grace_ms : GRACE_MS;
    if (!bm_threads_drain(worker->threads, (int)grace_ms)) bm_end_without_user_code(worker);
    bm_threads_drain(worker->threads, -1);
}

/* -- end --------------------------------------------------------------------------------- */

void beam_harness_stop(beam_harness *worker)
{
    for (size_t i = 0; i < worker->n_siblings; i++) beam_harness_stop(worker->siblings[i]);
    pthread_mutex_lock(&worker->lock);
    worker->stopped = true;
    worker->control_ended = true;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
    /* Also when beam_harness_wait waits for bundles already: nothing is to hold them up. */
    cancel_streams(worker);
}

beam_status beam_harness_wait(beam_harness *worker, beam_error *err)
{
    pthread_mutex_lock(&worker->lock);
    while (!worker->control_ended) pthread_cond_wait(&worker->changed, &worker->lock);
    bool first = !worker->settled;
    worker->settled = true;
    pthread_mutex_unlock(&worker->lock);
    if (first) {
        end_bundles(worker);
        bm_stream_half_close(worker->control);
        bm_links_half_close(&worker->data);
        bm_links_half_close(&worker->state.links);
    }
    for (size_t i = 0; i < worker->n_siblings; i++)
        BEAM_TRY(beam_harness_wait(worker->siblings[i], err));
    pthread_mutex_lock(&worker->lock);
    beam_error outcome = worker->outcome;
    bool stopped = worker->stopped;
    pthread_mutex_unlock(&worker->lock);
    if (outcome.status == BEAM_OK || stopped) return BEAM_OK;
    if (err) *err = outcome;
    return outcome.status;
}

static void close_streams(beam_harness *worker)
{
    beam_harness_stop(worker);
    beam_harness_wait(worker, NULL);
    if (worker->has_watcher) pthread_join(worker->watcher, NULL);
    bm_status_close(worker);
    bm_stream_free(worker->control);
    bm_threads_free(worker->threads);
    bm_links_free(&worker->data);
    bm_state_free(&worker->state);
    bm_finalizers_free(&worker->finalizers);
    bm_plans_free(&worker->plans);
    bm_services_free(worker->services);
    bm_state_cache_free(worker->state_cache);
    bm_data_sampler_free(worker->sampler);
    bm_channel_free(worker->control_channel);
    bm_short_ids_free(&worker->short_ids);
    bm_instructions_free(&worker->instructions);
    bm_elements_reader_free(&worker->reader);
}

void beam_harness_free(beam_harness *worker)
{
    if (!worker) return;
    for (size_t i = 0; i < worker->n_siblings; i++) beam_harness_stop(worker->siblings[i]);
    for (size_t i = 0; i < worker->n_siblings; i++) beam_harness_free(worker->siblings[i]);
    worker->n_siblings = 0;
    if (worker->control) close_streams(worker);
    if (worker->log_stream) bm_log_stream_free(worker->log_stream);
    if (worker->has_own_rpc) bm_rpc_free(worker->rpc);
    bm_registry_free(&worker->registry);
    bm_arena_free(&worker->arena);
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->lock);
    free(worker);
}
