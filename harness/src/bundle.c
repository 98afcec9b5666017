/* SPDX-License-Identifier: Apache-2.0 */
/* One ProcessBundle instruction: take a plan, connect it to the streams, run it, answer,
 * give the plan back. bm_bundle_start is on the rpc thread, the rest on the bundle thread. */
#include <stdlib.h>

#include "clock.h"
#include "data_out.h"
#include "pb.h"
#include "worker.h"

enum { TELL_EVERY_MS = 10000 };

typedef struct bundle {
    beam_harness *worker;
    bm_instruction *instruction;
    const char *id; /* the instruction's */
    upb_Arena *pb;  /* the request, later the response */
    bm_arena arena;
    beam_span descriptor_id;
    bm_message *message; /* the request's bytes, which `elements` points into */
    const pb_Elements *elements;

    bm_plan_slot *slot;
    size_t n_sources, n_sinks, n_timers; /* of the plan: ports and timer families */
    bm_inlet *inlets;                    /* sources, then timer families */
    bm_outbox outbox;                    /* sinks, then timer families */
    bm_state_session state;
    int64_t unsent_since_ms; /* first input that sinks may still hold output of; 0: none */
} bundle;

/* -- what the engine asks of the world ------------------------------------------ */

/* How long a read may wait until output is older than the time limit; -1: for ever. */
static int patience_ms(const bundle *b)
{
    int limit_ms = b->worker->boot.data_buffer_time_ms;
    if (!limit_ms || !b->unsent_since_ms) return -1;
    int64_t left = b->unsent_since_ms + limit_ms - bm_now_ms();
    return left > 0 ? (int)left : 0;
}

static beam_status io_read(void *self, bm_segment *out, beam_error *err)
{
    bundle *b = self;
    bm_chunk chunk;
    int wait_ms = patience_ms(b);
    beam_status status = BEAM_ETIMEOUT;
    if (wait_ms)
        status = bm_inbox_read(b->instruction->inbox, &b->worker->instructions.lock, wait_ms,
                               &chunk, err);
    *out = (bm_segment){ .source = -1, .idle = status == BEAM_ETIMEOUT };
    if (out->idle) {
        b->unsent_since_ms = 0;
        return BEAM_OK;
    }
    if (status != BEAM_OK || !chunk.input) return status;
    if (b->worker->boot.data_buffer_time_ms && !b->unsent_since_ms)
        b->unsent_since_ms = bm_now_ms();
    int number = chunk.input->inlet;
    if ((size_t)number < b->n_sources)
        out->source = number;
    else
        out->timer_port = number - (int)b->n_sources;
    out->transform_id = chunk.input->transform_id;
    out->timer_family = chunk.input->timer_family;
    out->data = chunk.bytes;
    return BEAM_OK;
}

static beam_status io_write(void *self, int sink, bm_writer *data, bool last, beam_error *err)
{
    bundle *b = self;
    return bm_outbox_write(&b->outbox, (size_t)sink, data, last, err);
}

static beam_status io_write_timers(void *self, int timer_port, bm_writer *data, bool last,
                                   beam_error *err)
{
    bundle *b = self;
    return bm_outbox_write(&b->outbox, b->n_sinks + (size_t)timer_port, data, last, err);
}

static beam_status io_state_get(void *self, const bm_state_key *key, beam_span token,
                                bm_writer *data, bm_writer *next, beam_error *err)
{
    return bm_state_get(&((bundle *)self)->state, key, token, data, next, err);
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

/* -- streams ---------------------------------------------------------------------- */

static beam_status get_link(bundle *b, const char *url, bm_link **out, beam_error *err)
{
    *out = bm_links_get(&b->worker->data, url);
    if (*out) return BEAM_OK;
    return bm_error(err, BEAM_ECANCELLED, "The worker is ending.");
}

/* `family` NULL: a source. */
static beam_status open_inlet(bundle *b, bm_inlet *inlet, const char *transform_id,
                              const char *family, const char *url, beam_error *err)
{
    inlet->transform_id = transform_id;
    inlet->timer_family = family;
    return b->elements ? BEAM_OK : get_link(b, url, &inlet->link, err);
}

/* `family` NULL: a sink. */
static beam_status open_outlet(bundle *b, bm_outlet *outlet, const char *transform_id,
                               const char *family, const char *url, beam_error *err)
{
    outlet->address.instruction_id = beam_span_of(b->id);
    outlet->address.transform_id = beam_span_of(transform_id);
    if (family) outlet->address.timer_family_id = beam_span_of(family);
    return get_link(b, url, &outlet->link, err);
}

static beam_status connect_ports(bundle *b, beam_error *err)
{
    bm_plan *plan = b->slot->plan;
    const bm_port *sources = bm_plan_sources(plan, &b->n_sources);
    const bm_port *sinks = bm_plan_sinks(plan, &b->n_sinks);
    const bm_timer_port *timers = bm_plan_timers(plan, &b->n_timers);
    bm_inlet *inlet = b->inlets =
        BM_NEW_ARRAY(&b->arena, bm_inlet, b->n_sources + b->n_timers);
    b->outbox = (bm_outbox){ .n = b->n_sinks + b->n_timers,
                             .may_embed = b->worker->boot.embeds_elements };
    bm_outlet *outlet = b->outbox.outlets =
        BM_NEW_ARRAY(&b->arena, bm_outlet, b->outbox.n);
    for (const bm_port *port = sources; port < sources + b->n_sources; port++)
        BEAM_TRY(open_inlet(b, inlet++, port->transform_id, NULL, port->endpoint_url, err));
    for (const bm_port *port = sinks; port < sinks + b->n_sinks; port++)
        BEAM_TRY(open_outlet(b, outlet++, port->transform_id, NULL, port->endpoint_url, err));
    for (const bm_timer_port *port = timers; port < timers + b->n_timers; port++) {
        BEAM_TRY(open_inlet(b, inlet++, port->transform_id, port->family, port->endpoint_url,
                            err));
        BEAM_TRY(open_outlet(b, outlet++, port->transform_id, port->family,
                             port->endpoint_url, err));
    }
    return BEAM_OK;
}

static void disconnect_ports(bundle *b)
{
    for (size_t i = 0; i < b->n_sources + b->n_timers; i++)
        bm_link_release(b->inlets[i].link);
    for (size_t i = 0; i < b->outbox.n; i++) bm_link_release(b->outbox.outlets[i].link);
}

static void deliver_entry(bundle *b, bm_entry *entry, beam_span payload)
{
    bm_piece piece = { NULL, payload };
    entry->instruction_id = beam_span_of(b->id);
    entry->pieces = &piece;
    entry->n_pieces = payload.len > 0;
    bm_inbox_put(b->instruction->inbox, NULL, entry);
}

/* ProcessBundleRequest.elements (control_request_elements_embedding): all of the bundle's
 * input, or none of it. */
static void deliver_embedded(bundle *b)
{
    size_t n;
    const pb_Elements_Data *const *data = pb_Elements_data(b->elements, &n);
    pthread_mutex_lock(&b->worker->instructions.lock);
    for (size_t i = 0; i < n; i++) {
        bm_entry entry = {
            .transform_id = bm_span_of_pb(pb_Elements_Data_transform_id(data[i])),
            .is_last = pb_Elements_Data_is_last(data[i]),
        };
        deliver_entry(b, &entry, bm_span_of_pb(pb_Elements_Data_data(data[i])));
    }
    const pb_Elements_Timers *const *timers = pb_Elements_timers(b->elements, &n);
    for (size_t i = 0; i < n; i++) {
        bm_entry entry = {
            .transform_id = bm_span_of_pb(pb_Elements_Timers_transform_id(timers[i])),
            .timer_family_id = bm_span_of_pb(pb_Elements_Timers_timer_family_id(timers[i])),
            .is_last = pb_Elements_Timers_is_last(timers[i]),
        };
        deliver_entry(b, &entry, bm_span_of_pb(pb_Elements_Timers_timers(timers[i])));
    }
    bm_inbox_break(b->instruction->inbox,
                   "the request holds elements, but not the end of all inputs");
    pthread_mutex_unlock(&b->worker->instructions.lock);
}

/* -- running ------------------------------------------------------------------------- */

static void show_plan(bundle *b, bm_plan_slot *slot)
{
    pthread_mutex_lock(&b->worker->instructions.lock);
    b->instruction->plan = slot ? slot->plan : NULL;
    b->instruction->plan_slot = slot;
    pthread_mutex_unlock(&b->worker->instructions.lock);
}

static beam_status run_plan(bundle *b, beam_error *err)
{
    BEAM_TRY(connect_ports(b, err));
    if (b->elements) deliver_embedded(b);
    BEAM_TRY(bm_inbox_bind(b->instruction->inbox, &b->worker->instructions.lock, b->inlets,
                           b->n_sources + b->n_timers, err));
    const bm_bundle_io io = { .self = b,
                              .read = io_read,
                              .write = io_write,
                              .write_timers = io_write_timers,
                              .state_get = io_state_get,
                              .state_append = io_state_append,
                              .state_clear = io_state_clear };
    bm_plan_hand_over_at(b->slot->plan, b->worker->boot.data_buffer_bytes);
    return bm_plan_run(b->slot->plan, b->id, &io, err);
}

/* Flink waits for the worker's data stream before it looks at the answer: a bundle that
 * never had a plan would hang there instead of failing. */
static void open_data_streams(bundle *b)
{
    const char **urls;
    size_t n = bm_plans_data_urls(&b->worker->plans, b->descriptor_id, &b->arena, &urls);
    for (size_t i = 0; i < n; i++) bm_link_release(bm_links_get(&b->worker->data, urls[i]));
}

static beam_status process(bundle *b, pb_InstructionResponse *response, beam_error *err)
{
    beam_harness *worker = b->worker;
    beam_status taken = bm_plans_take(&worker->plans, b->descriptor_id, &b->slot, err);
    if (taken != BEAM_OK) {
        open_data_streams(b);
        return taken;
    }
    show_plan(b, b->slot);
    bm_state_begin(&b->state, &worker->state, bm_plan_state_url(b->slot->plan), b->id);
    beam_status status = run_plan(b, err);
    beam_status written = bm_state_end(&b->state, status == BEAM_OK ? err : NULL);
    if (status == BEAM_OK) status = written;
    disconnect_ports(b);
    if (status != BEAM_OK) return status;
    pb_ProcessBundleResponse *out = pb_InstructionResponse_mutable_process_bundle(response, b->pb);
    bm_outbox_embed(&b->outbox, out, b->pb);
    bm_monitor_bundle(&worker->short_ids, b->slot, out, b->pb);
    return BEAM_OK;
}

/* To the runner's log, and now and then to stderr too: a runner that tries a bundle again and
 * again does not tell the person who waits for it. */
static void tell_failure(beam_harness *worker, const char *id, const char *why)
{
    bm_log_at(&worker->log, BEAM_LOG_ERROR, NULL, "Bundle %s failed: %s", id, why);
    if (!worker->log_stream) return;
    pthread_mutex_lock(&worker->lock);
    bool tell = !worker->told_ms || bm_now_ms() - worker->told_ms > TELL_EVERY_MS;
    unsigned untold = worker->n_untold;
    worker->n_untold = tell ? 0 : untold + 1;
    if (tell) worker->told_ms = bm_now_ms();
    pthread_mutex_unlock(&worker->lock);
    if (tell && untold)
        bm_log_at(&bm_log_stderr, BEAM_LOG_ERROR, NULL, "A bundle failed (as %u before): %s",
                  untold, why);
    else if (tell)
        bm_log_at(&bm_log_stderr, BEAM_LOG_ERROR, NULL, "A bundle failed: %s", why);
}

static void free_bundle(bundle *b)
{
    bm_outbox_free(&b->outbox);
    bm_message_free(b->message);
    upb_Arena_Free(b->pb);
    bm_arena_free(&b->arena);
    free(b);
}

static void run_bundle(void *arg)
{
    bundle *b = arg;
    beam_harness *worker = b->worker;
    beam_error err = { .status = BEAM_OK };
    pb_InstructionResponse *response = pb_InstructionResponse_new(b->pb);
    pb_InstructionResponse_set_instruction_id(response, bm_pb_text(b->id));
    beam_status status = process(b, response, &err);
    if (status != BEAM_OK) {
        if (!err.message[0]) bm_error(&err, status, "%s", beam_status_text(status));
        tell_failure(worker, b->id, err.message);
        pb_InstructionResponse_set_error(response, bm_pb_text(err.message));
    }
    if (b->slot) {
        show_plan(b, NULL);
        bm_plans_give(&worker->plans, b->slot, status != BEAM_OK);
    }
    /* Ended before it is answered: the runner may use what it knows at once. */
    size_t n;
    const char *bytes = pb_InstructionResponse_serialize(response, b->pb, &n);
    bm_message *message = bm_pb_message(bytes, n);
    bm_instructions_end(&worker->instructions, b->instruction,
                        status == BEAM_OK ? NULL : err.message);
    bm_stream_write(worker->control, message);
    free_bundle(b);
}

static void refuse(beam_harness *worker, beam_span id, const char *why, upb_Arena *pb)
{
    pb_InstructionResponse *response = pb_InstructionResponse_new(pb);
    pb_InstructionResponse_set_instruction_id(response, bm_pb_span(id));
    pb_InstructionResponse_set_error(response, bm_pb_text(why));
    bm_respond(worker, response, pb);
}

static void launch(void *arg)
{
    bundle *b = arg;
    if (bm_threads_run(b->worker->threads, run_bundle, b)) return;
    refuse(b->worker, beam_span_of(b->id), "The worker cannot start a thread for the bundle.",
           b->pb);
    bm_instructions_end(&b->worker->instructions, b->instruction, "no thread");
    free_bundle(b);
}

void bm_bundle_start(beam_harness *worker, beam_span id, const pb_ProcessBundleRequest *request,
                     bm_message *message, upb_Arena *pb)
{
    beam_error err;
    bm_instruction *instruction = bm_instructions_begin(&worker->instructions, id, &err);
    if (!instruction) {
        refuse(worker, id, err.message, pb);
        bm_message_free(message);
        upb_Arena_Free(pb);
        return;
    }
    bundle *b = bm_xcalloc(1, sizeof *b);
    bm_arena_init(&b->arena, 0);
    b->worker = worker;
    b->instruction = instruction;
    b->id = bm_cstr(&b->arena, id);
    b->pb = pb;
    b->message = message;
    b->descriptor_id = bm_span_copy(
        &b->arena,
        bm_span_of_pb(pb_ProcessBundleRequest_process_bundle_descriptor_id(request)));
    b->elements = pb_ProcessBundleRequest_elements(request);
    /* Soon: what has come with it for the bundle, its thread need then not wait for. */
    bm_rpc_soon(worker->rpc, launch, b);
}
