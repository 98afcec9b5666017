/* SPDX-License-Identifier: Apache-2.0 */
/* One ProcessBundle instruction: take a plan, connect it to the streams, run it, answer,
 * give the plan back. bm_bundle_start is on the rpc thread, the rest on the bundle thread: the
 * rpc thread, lent, for a bundle that is the only one, otherwise one of its own. */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "bundle_ports.h"
#include "caller.h"
#include "exec/state_cache.h"
#include "pb.h"
#include "roots.h"
#include "unknown.h"
#include "worker.h"

enum { TELL_EVERY_MS = 10000 };

/* ProcessBundleRequest.data_stream_id, which protos before 2.77 do not have. */
enum { FIELD_DATA_STREAM_ID = 6 };

typedef struct bundle {
    beam_harness *worker;
    bm_order *order;
    const pb_ProcessBundleRequest *request;
    bm_instruction *instruction;
    const char *id; /* the instruction's */
    bm_arena arena;

    bm_plan_slot *slot;
    bm_port_needs needs;
    bm_bundle_ports ports;
    bm_state_session state;
    int64_t unsent_since_ms; /* first input that sinks may still hold output of; 0: none */
} bundle;

/* -- what the engine asks of the world ------------------------------------------ */

/* How long a read may wait until output is older than the time limit; -1: for ever. */
static int patience_ms(const bundle *b)
{
    int limit_ms = b->worker->boot.data_buffer_time_ms;
    if (!limit_ms || !b->unsent_since_ms) return -1;
    int64_t left = b->unsent_since_ms + limit_ms - bm_monotonic_ms();
    return left > 0 ? (int)left : 0;
}

static beam_status io_read(void *self, bm_segment *out, beam_error *err)
{
    bundle *b = self;
    bm_chunk chunk;
    int wait_ms = patience_ms(b);
    beam_status status = BEAM_ETIMEOUT;
    if (wait_ms)
        status = bm_inbox_read(b->instruction->inbox, b->worker->rpc,
                               &b->worker->instructions.lock, wait_ms, &chunk, err);
    *out = (bm_segment){ .source = -1, .idle = status == BEAM_ETIMEOUT };
    if (out->idle) {
        b->unsent_since_ms = 0;
        return BEAM_OK;
    }
    if (status != BEAM_OK || !chunk.input) return status;
    if (b->worker->boot.data_buffer_time_ms && !b->unsent_since_ms)
        b->unsent_since_ms = bm_monotonic_ms();
    int number = chunk.input->inlet;
    if ((size_t)number < b->ports.n_sources)
        out->source = number;
    else
        out->timer_port = number - (int)b->ports.n_sources;
    out->transform_id = chunk.input->transform_id;
    out->timer_family = chunk.input->timer_family;
    out->data = chunk.bytes;
    return BEAM_OK;
}

static beam_status io_write(void *self, int sink, bm_writer *data, bool last, beam_error *err)
{
    bundle *b = self;
    return bm_outbox_write(&b->ports.outbox, (size_t)sink, data, last, err);
}

static beam_status io_write_timers(void *self, int timer_port, bm_writer *data, bool last,
                                   beam_error *err)
{
    bundle *b = self;
    return bm_outbox_write(&b->ports.outbox, b->ports.n_sinks + (size_t)timer_port, data, last, err);
}

static beam_status io_state_get(void *self, const bm_state_key *key, beam_span token,
                                bm_writer *data, bm_writer *next, beam_error *err)
{
    return bm_state_get(&((bundle *)self)->state, key, token, data, next, err);
}

static void *io_state_ask(void *self, const bm_state_key *key)
{
    return bm_state_ask(&((bundle *)self)->state, key);
}

static beam_status io_state_take(void *self, void *asked, bm_writer *data, bm_writer *next,
                                 beam_error *err)
{
    return bm_state_take_asked(&((bundle *)self)->state, asked, data, next, err);
}

static beam_status io_state_append(void *self, const bm_state_key *key, beam_span data,
                                   beam_error *err)
{
    return bm_state_append(&((bundle *)self)->state, key, data, err);
}

static beam_status io_state_clear(void *self, const bm_state_key *key, beam_error *err)
{
    return bm_state_clear(&((bundle *)self)->state, key, err);
}

static beam_millis io_now(void *self)
{
    const beam_harness *worker = ((bundle *)self)->worker;
    return bm_wall_ms() + (worker->clock_ahead ? atomic_load(worker->clock_ahead) : 0);
}

static bool io_is_over(void *self)
{
    return atomic_load(&((bundle *)self)->worker->ends);
}

/* -- what the request says ------------------------------------------------------------ */

static beam_span descriptor_id(const bundle *b)
{
    return bm_span_of_pb(pb_ProcessBundleRequest_process_bundle_descriptor_id(b->request));
}

static const char *stream_id(bundle *b)
{
    beam_span id = { "", 0 };
    bm_unknown_bytes((const upb_Message *)b->request, FIELD_DATA_STREAM_ID, &id);
    return bm_cstr(&b->arena, id);
}

/* Those of a kind that is newer than this worker vouch for nothing that it knows of. */
static bm_cache_token *cache_tokens(bundle *b, size_t *n)
{
    size_t n_all;
    const pb_ProcessBundleRequest_CacheToken *const *all =
        pb_ProcessBundleRequest_cache_tokens(b->request, &n_all);
    bm_cache_token *tokens = BM_NEW_ARRAY(&b->arena, bm_cache_token, n_all);
    *n = 0;
    for (size_t i = 0; i < n_all; i++) {
        const pb_ProcessBundleRequest_CacheToken_SideInput *side =
            pb_ProcessBundleRequest_CacheToken_side_input(all[i]);
        if (!side && !pb_ProcessBundleRequest_CacheToken_has_user_state(all[i])) continue;
        bm_cache_token *one = &tokens[(*n)++];
        one->token = bm_span_of_pb(pb_ProcessBundleRequest_CacheToken_token(all[i]));
        if (!side) continue;
        one->transform_id = bm_cstr(
            &b->arena,
            bm_span_of_pb(pb_ProcessBundleRequest_CacheToken_SideInput_transform_id(side)));
        one->side_input_id = bm_cstr(
            &b->arena,
            bm_span_of_pb(pb_ProcessBundleRequest_CacheToken_SideInput_side_input_id(side)));
    }
    return tokens;
}

static void forget_state(bundle *b)
{
    size_t n;
    const bm_cache_token *tokens = cache_tokens(b, &n);
    for (size_t i = 0; i < n; i++)
        if (!tokens[i].transform_id)
            bm_state_cache_forget(b->worker->state_cache, tokens[i].token);
}

/* -- running ------------------------------------------------------------------------- */

static beam_status run_plan(bundle *b, beam_error *err)
{
    BEAM_TRY(bm_ports_connect(&b->ports, &b->needs, &b->arena, err));
    BEAM_TRY(bm_ports_bind(&b->ports, &b->needs, b->instruction->inbox,
                           &b->worker->instructions.lock, err));
    bm_bundle_io io = { .self = b,
                        .read = io_read,
                        .write = io_write,
                        .write_timers = io_write_timers,
                        .state_get = io_state_get,
                        .state_ask = io_state_ask,
                        .state_take = io_state_take,
                        .state_append = io_state_append,
                        .state_clear = io_state_clear,
                        .now = io_now,
                        .is_over = io_is_over,
                        .callers = &bm_callers_all,
                        .services = b->worker->services,
                        .serves_keys_values = b->worker->boot.serves_keys_values,
                        .state_cache = b->worker->state_cache,
                        .sampler = b->worker->sampler,
                        .has_no_state = pb_ProcessBundleRequest_has_no_state(b->request),
                        .only_bundle_for_keys =
                            pb_ProcessBundleRequest_only_bundle_for_keys(b->request) };
    io.cache_tokens = cache_tokens(b, &io.n_cache_tokens);
    bm_plan_hand_over_at(b->slot->plan, b->worker->boot.data_buffer_bytes);
    return bm_plan_run(b->slot->plan, b->id, &io, err);
}

/* Flink waits for the worker's data stream before it looks at the answer: a bundle that
 * never had a plan would hang there instead of failing. */
static void open_data_streams(bundle *b)
{
    const char **urls;
    size_t n =
        bm_plans_data_urls(&b->worker->plans, descriptor_id(b), &b->arena, &urls);
    for (size_t i = 0; i < n; i++)
        bm_link_release(bm_links_get(b->needs.links, urls[i], b->needs.stream_id));
}

/* What is left to do once the runner has the response. */
static void write_result(bundle *b, pb_ProcessBundleResponse *out)
{
    bm_bundle_result result;
    bm_plan_take_result(b->slot->plan, &result);
    upb_Arena *pb = b->order->pb;
    for (size_t i = 0; i < result.residuals.n; i++)
        bm_root_write_delayed(&result.residuals.at[i],
                              pb_ProcessBundleResponse_add_residual_roots(out, pb), pb);
    if (!result.n_finalizers) return;
    pb_ProcessBundleResponse_set_requires_finalization(out, true);
    bm_finalizers_add(&b->worker->finalizers, beam_span_of(b->id), result.finalizers,
                      result.n_finalizers);
}

static beam_status process(bundle *b, beam_error *err)
{
    beam_harness *worker = b->worker;
    if (!bm_metadata_is_legal(b->needs.stream_id))
        return bm_error(err, BEAM_ERPC, "The runner's data_stream_id '%s' is not printable "
                        "ASCII, which gRPC needs it to be.", b->needs.stream_id);
    beam_status taken = bm_plans_take(&worker->plans, descriptor_id(b), &b->slot, err);
    if (taken != BEAM_OK) {
        open_data_streams(b);
        return taken;
    }
    b->needs.plan = b->slot->plan;
    bm_instructions_show(&worker->instructions, b->instruction, b->slot);
    bm_state_begin(&b->state, &worker->state, bm_plan_state_url(b->slot->plan), b->id);
    beam_status status = run_plan(b, err);
    beam_status written = bm_state_end(&b->state, status == BEAM_OK ? err : NULL);
    if (status == BEAM_OK) status = written;
    if (status == BEAM_OK) status = bm_outbox_reached(&b->ports.outbox, err);
    bm_ports_disconnect(&b->ports);
    if (status != BEAM_OK) {
        forget_state(b);
        return status;
    }
    upb_Arena *pb = b->order->pb;
    pb_ProcessBundleResponse *out =
        pb_InstructionResponse_mutable_process_bundle(b->order->response, pb);
    bm_outbox_embed(&b->ports.outbox, out, pb);
    write_result(b, out);
    bm_monitor_bundle(&worker->short_ids, b->slot, out, pb);
    return BEAM_OK;
}

/* To the runner's log, and now and then to stderr too: a runner that tries a bundle again and
 * again does not tell the person who waits for it. */
static void tell_failure(bundle *b, const char *why)
{
    beam_harness *worker = b->worker;
    /* A runner that shares stderr says so itself. */
    bm_log_entry entry = { .severity = worker->runner_shares_stderr ? BEAM_LOG_DEBUG
                                                                    : BEAM_LOG_ERROR,
                           .instruction_id = b->id };
    entry.message = bm_format(&b->arena, "Bundle %s failed: %s", b->id, why);
    if (b->slot)
        entry.transform_id = bm_plan_blame(b->slot->plan, &b->arena, &entry.trace);
    if (!worker->log_stream) entry.trace = NULL; /* people find the name in the text */
    if (worker->log.minimum <= entry.severity)
        worker->log.write(worker->log.self, &entry);
    if (!worker->log_stream || worker->runner_shares_stderr) return;
    pthread_mutex_lock(&worker->lock);
    bool tell = !worker->told_ms || bm_monotonic_ms() - worker->told_ms > TELL_EVERY_MS;
    unsigned untold = worker->n_untold;
    worker->n_untold = tell ? 0 : untold + 1;
    if (tell) worker->told_ms = bm_monotonic_ms();
    pthread_mutex_unlock(&worker->lock);
    if (tell && untold)
        bm_log_at(&bm_log_stderr, BEAM_LOG_ERROR, NULL, "A bundle failed (as %u before): %s",
                  untold, why);
    else if (tell)
        bm_log_at(&bm_log_stderr, BEAM_LOG_ERROR, NULL, "A bundle failed: %s", why);
}

static void free_bundle(bundle *b)
{
    bm_outbox_free(&b->ports.outbox);
    bm_order_free(b->order);
    bm_arena_free(&b->arena);
    free(b);
}

static void run_bundle(void *arg)
{
    bundle *b = arg;
    beam_harness *worker = b->worker;
    beam_error err = { .status = BEAM_OK };
    bm_instructions_run(&worker->instructions, b->instruction, (int)gettid());
    beam_status status = process(b, &err);
    if (status != BEAM_OK) {
        if (!err.message[0]) bm_error(&err, status, "%s", beam_status_text(status));
        bm_utf8_mend(err.message);
        tell_failure(b, err.message);
        pb_InstructionResponse_set_error(b->order->response, bm_pb_text(err.message));
    }
    size_t n; /* serialized while the plan, to which it refers, is ours */
    const char *bytes =
        pb_InstructionResponse_serialize(b->order->response, b->order->pb, &n);
    bm_message *message = bm_pb_message(bytes, n);
    if (b->slot) {
        bm_instructions_show(&worker->instructions, b->instruction, NULL);
        bm_plans_give(&worker->plans, b->slot, status != BEAM_OK);
    }
    /* Ended before it is answered: the runner may use what it knows at once. */
    bm_instructions_end(&worker->instructions, b->instruction,
                        status == BEAM_OK ? NULL : err.message);
    bm_stream_write(worker->control, message);
    free_bundle(b);
}

static void refuse(bm_order *order, const char *why)
{
    bm_order_fail(order, "%s", why);
    bm_order_respond(order);
}

/* On the rpc thread, which is lent to it. */
static void run_here(void *arg)
{
    bundle *b = arg;
    bm_threads *threads = b->worker->threads;
    run_bundle(b);
    bm_threads_let_go(threads);
}

static void run_apart(void *arg)
{
    bundle *b = arg;
    bm_rpc *rpc = b->worker->rpc;
    run_bundle(b);
    bm_rpc_unclaim(rpc);
}

static void launch(void *arg)
{
    bundle *b = arg;
    beam_harness *worker = b->worker;
    if (!bm_threads_run(worker->threads, run_apart, b)) {
        bm_rpc_unclaim(worker->rpc);
        refuse(b->order, "The worker cannot start a thread for the bundle.");
        bm_instructions_end(&worker->instructions, b->instruction, "no thread");
        free_bundle(b);
    }
    bm_threads_let_go(worker->threads);
}

void bm_bundle_start(bm_order *order)
{
    beam_harness *worker = order->worker;
    beam_error err;
    /* First, so that the end of the worker, which lets no bundle begin, then waits for this. */
    bm_threads_hold(worker->threads);
    bm_instruction *instruction =
        bm_instructions_begin(&worker->instructions, order->id, &err);
    if (!instruction) {
        bm_threads_let_go(worker->threads);
        refuse(order, err.message);
        bm_order_free(order);
        return;
    }
    bundle *b = bm_xcalloc(1, sizeof *b);
    bm_arena_init(&b->arena, 0);
    b->worker = worker;
    b->order = order;
    b->request = pb_InstructionRequest_process_bundle(order->request);
    b->instruction = instruction;
    b->id = bm_cstr(&b->arena, order->id);
    b->needs = (bm_port_needs){ .links = &worker->data,
                                .instruction_id = b->id,
                                .stream_id = stream_id(b),
                                .elements = pb_ProcessBundleRequest_elements(b->request),
                                .may_embed = worker->boot.embeds_elements };
    if (bm_rpc_lend(worker->rpc, run_here, b)) return;
    bm_rpc_claim(worker->rpc);
    /* Soon: what has come with it for the bundle, its thread need then not wait for. */
    bm_rpc_soon(worker->rpc, launch, b);
}
