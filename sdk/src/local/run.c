/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a run: worker, bundles, clocks, end. The caller's thread. */
#include "local/local_impl.h"

#include "beam_urns.h"

enum {
    PATIENCE_MS = 100,
    STARTUP_MS = 30000,
    LAST_ANSWERS_MS = 5000,
    WORKER_STARTS = 16
};

/* -- the worker ----------------------------------------------------------------------------- */
static beam_status start_worker(bm_local *l)
{
    l->worker = (bm_local_worker){
        .id = bm_format(&l->arena, "worker-%zu", ++l->n_workers),
        .control_endpoint = l->url,
        .logging_endpoint = l->url,
        .provision_endpoint = l->url,
        .clock_ahead = &l->clock_ahead,
    };
    BEAM_TRY(l->opts->start_worker(l->opts->self, &l->worker, l->err));
    l->has_worker = true;
    return BEAM_OK;
}

/* Its control stream ends in order, if it has not ended yet, and then it goes. */
static void stop_worker(bm_local *l)
{
    if (!l->has_worker) return;
    bm_local_stream *control = l->live[BM_LOCAL_CONTROL];
    if (control && !control->has_ended) {
        control->is_leaving = true;
        bm_stream_finish(control->stream, BEAM_OK, NULL);
    }
    l->opts->stop_worker(l->opts->self, l->worker.id);
    l->has_worker = false;
}

static bool needs_worker(const bm_local *l)
{
    for (size_t i = 0; i < l->n_stages; i++)
        if (l->stages[i]->kind == BM_STAGE_WORKER) return true;
    return false;
}

static void drop_unsent(bm_local *l)
{
    for (size_t i = 0; i < l->unsent.n; i++) bm_message_free(l->unsent.at[i]);
    l->unsent.n = 0;
}

/* Bundles that ran on it are tried again on another one, if they may. */
static beam_status replace_worker(bm_local *l, const char *why)
{
    const char *reason = why ? why : "it ended the control stream";
    for (const bm_bundle *b = l->running; b; b = b->next)
        if (b->is_call || b->n_attempts >= (size_t)l->opts->bundle_retries)
            return bm_error(l->err, BEAM_ERPC, "the worker was lost while it ran %s: %s",
                            b->stage->name, reason);
    if (l->n_workers >= WORKER_STARTS)
        return bm_error(l->err, BEAM_ERPC, "worker after worker was lost: %s", reason);
    bm_log_write(&l->opts->log, BEAM_LOG_WARN, "%s was lost and is replaced: %s",
                 l->worker.id, reason);
    while (l->running) {
        bm_bundle *b = l->running;
        bm_local_bundle_unlink(l, b);
        bm_local_bundle_give_back(l, b);
        bm_local_bundle_free(b);
        l->result->n_retries++;
    }
    l->n_awaited = 0;
    bm_map_init(&l->short_ids, &l->arena); /* the next worker gives out its own */
    l->state_epoch++;
    bm_local_release_state(l);
    drop_unsent(l);
    stop_worker(l);
    memset(l->live, 0, sizeof l->live);
    return start_worker(l);
}

/* -- events ------------------------------------------------------------------------------------ */
static void flush_unsent(bm_local *l)
{
    for (size_t i = 0; i < l->unsent.n; i++)
        bm_stream_write(l->live[BM_LOCAL_DATA]->stream, l->unsent.at[i]);
    l->unsent.n = 0;
}

static void on_opened(bm_local *l, bm_local_stream *stream)
{
    stream->next = l->streams;
    l->streams = stream;
    if (strcmp(stream->worker_id, l->worker.id)) return;
    l->live[stream->service] = stream;
    if (stream->service == BM_LOCAL_DATA) flush_unsent(l);
}

static beam_status on_ended(bm_local *l, bm_local_stream *stream, const char *text)
{
    bool was_live = l->live[stream->service] == stream;
    stream->has_ended = true;
    if (was_live) l->live[stream->service] = NULL;
    if (stream->service != BM_LOCAL_CONTROL || stream->is_leaving || !was_live)
        return BEAM_OK;
    return replace_worker(l, text);
}

static beam_status on_message(bm_local *l, bm_local_stream *stream, bm_message *message)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    beam_span bytes = bm_message_flat(message, &arena);
    beam_status status = BEAM_OK;
    if (stream->service == BM_LOCAL_CONTROL)
        status = bm_local_take_response(l, bytes);
    else if (stream->service == BM_LOCAL_DATA)
        status = bm_local_take_elements(l, bytes);
    else if (stream->service == BM_LOCAL_STATE)
        status = bm_local_take_state_request(l, stream, bytes);
    bm_arena_free(&arena);
    return status;
}

static beam_status handle(bm_local *l, bm_local_event *event)
{
    beam_status status = BEAM_OK;
    switch (event->kind) {
    case BM_OPENED: on_opened(l, event->stream); break;
    case BM_MESSAGE: status = on_message(l, event->stream, event->message); break;
    case BM_ENDED: status = on_ended(l, event->stream, event->text); break;
    }
    bm_local_event_free(event);
    return status;
}

/* All that is there, or waits so long for the first. */
beam_status bm_local_handle_events(bm_local *l, int64_t wait_ms)
{
    bm_local_event *event = bm_local_inbox_take(&l->inbox, 0);
    if (!event) {
        bm_local_release_state(l);
        event = bm_local_inbox_take(&l->inbox, bm_local_fault_patience(l, wait_ms));
    }
    for (; event; event = bm_local_inbox_take(&l->inbox, 0)) BEAM_TRY(handle(l, event));
    bm_local_fault_tick(l);
    return BEAM_OK;
}

static beam_status fail_late(bm_local *l)
{
    bm_writer text = { 0 };
    bm_local_explain(l, &text);
    bm_error(l->err, BEAM_ETIMEOUT,
             "the pipeline has not ended within %lld ms: " BEAM_SPAN_FMT,
             (long long)l->opts->timeout_ms, BEAM_SPAN_ARG(bm_written(&text)));
    bm_writer_free(&text);
    return BEAM_ETIMEOUT;
}

static beam_status check_cancelled(bm_local *l)
{
    if (l->opts->cancelled && atomic_load(l->opts->cancelled))
        return bm_error(l->err, BEAM_ECANCELLED, "cancelled");
    if (!l->opts->timeout_ms || bm_local_ticks() < l->began_ms + l->opts->timeout_ms)
        return BEAM_OK;
    return fail_late(l);
}

static beam_status await_worker(bm_local *l)
{
    int64_t patience = l->opts->startup_timeout_ms ? l->opts->startup_timeout_ms
                                                   : STARTUP_MS;
    int64_t until = bm_local_ticks() + patience;
    while (!l->live[BM_LOCAL_CONTROL]) {
        BEAM_TRY(check_cancelled(l));
        if (bm_local_ticks() > until)
            return bm_error(l->err, BEAM_ETIMEOUT,
                            "the worker has not connected within %lld ms",
                            (long long)patience);
        BEAM_TRY(bm_local_handle_events(l, PATIENCE_MS));
    }
    return BEAM_OK;
}

/* -- going on --------------------------------------------------------------------------------------- */
/* An empty element in the global window, at the beginning of time. */
static beam_status emit_impulse(bm_local *l, bm_stage *stage)
{
    bm_writer header = { 0 }, value = { 0 };
    bm_coll *out = stage->outputs[0];
    beam_status status = bm_local_item_header(out, BEAM_MIN_TIMESTAMP,
                                              &bm_global_windows.at[0], &bm_no_firing,
                                              &header);
    bm_write_varint(&value, 0);
    bm_items items = { 0 };
    bm_local_items_add(&items, bm_local_item_new(BEAM_MIN_TIMESTAMP, bm_written(&header),
                                                 bm_written(&value)));
    bm_writer_free(&header);
    bm_writer_free(&value);
    if (!status) return bm_local_deliver(l, out, &items);
    bm_local_items_free(&items);
    return bm_error(l->err, status, "%s: its output is not in the global window",
                    stage->name);
}

/* One that takes the place of another has not connected yet. */
static bool awaits_worker(const bm_local *l)
{
    return l->has_worker && !l->live[BM_LOCAL_CONTROL];
}

static beam_status start_bundles(bm_local *l)
{
    size_t limit = l->opts->parallelism ? l->opts->parallelism : 2;
    if (awaits_worker(l)) return BEAM_OK;
    for (size_t seen = 0; l->n_running < limit && seen < l->n_stages;) {
        bm_stage *stage = l->stages[l->next_stage];
        if (bm_local_stage_is_ready(stage)) {
            seen = 0;
            BEAM_TRY(bm_local_bundle_start(l, stage));
        } else {
            seen++;
        }
        l->next_stage = (l->next_stage + 1) % l->n_stages;
    }
    return BEAM_OK;
}

static bm_stage *waiting_test_stream(const bm_local *l)
{
    for (size_t i = 0; i < l->n_stages; i++)
        if (l->stages[i]->kind == BM_STAGE_TEST_STREAM &&
            bm_local_test_stream_has_more(l->stages[i]))
            return l->stages[i];
    return NULL;
}

static beam_status fail_stuck(bm_local *l)
{
    bm_writer text = { 0 };
    bm_local_explain(l, &text);
    bm_error(l->err, BEAM_ESTATE,
             "the pipeline is stuck, nothing in it can go on: " BEAM_SPAN_FMT,
             BEAM_SPAN_ARG(bm_written(&text)));
    bm_writer_free(&text);
    return BEAM_ESTATE;
}

/* Nothing runs and nothing is ready: what is next? */
static beam_status go_on(bm_local *l, bool *done)
{
    bm_stage *test_stream = waiting_test_stream(l);
    if (test_stream) return bm_local_test_stream_step(l, test_stream);
    *done = bm_local_is_done(l);
    if (*done) return BEAM_OK;
    beam_millis next = bm_local_next_processing_time(l), now = bm_local_now(l);
    if (next == INT64_MAX) return fail_stuck(l);
    if (l->skips_waiting) {
        bm_local_jump(l, next - now);
        return BEAM_OK;
    }
    int64_t wait = next - now;
    return bm_local_handle_events(l, wait < 1             ? 1
                                     : wait > PATIENCE_MS ? PATIENCE_MS
                                                          : wait);
}

static beam_status execute(bm_local *l)
{
    for (size_t i = 0; i < l->n_stages; i++)
        if (l->stages[i]->kind == BM_STAGE_IMPULSE)
            BEAM_TRY(emit_impulse(l, l->stages[i]));
    for (bool done = false; !done;) {
        BEAM_TRY(check_cancelled(l));
        BEAM_TRY(bm_local_handle_events(l, 0));
        BEAM_TRY(bm_local_bundle_settle_all(l));
        BEAM_TRY(bm_local_refresh(l));
        BEAM_TRY(start_bundles(l));
        BEAM_TRY(l->n_running || awaits_worker(l) ? bm_local_handle_events(l, PATIENCE_MS)
                                                  : go_on(l, &done));
    }
    return BEAM_OK;
}

static beam_status await_answers(bm_local *l)
{
    int64_t until = bm_local_ticks() + LAST_ANSWERS_MS;
    while (l->n_awaited && bm_local_ticks() < until)
        BEAM_TRY(bm_local_handle_events(l, PATIENCE_MS));
    return BEAM_OK;
}

/* -- beginning and end --------------------------------------------------------------------------------- */
static beam_status run(bm_local *l, beam_span pipeline)
{
    BEAM_TRY(bm_local_preprocess(l, pipeline));
    BEAM_TRY(bm_local_listen(l));
    BEAM_TRY(bm_local_fuse(l));
    if (needs_worker(l)) {
        BEAM_TRY(start_worker(l));
        BEAM_TRY(await_worker(l));
    }
    BEAM_TRY(execute(l));
    return await_answers(l);
}

static void sum_up(bm_local *l, bm_arena *arena)
{
    l->result->n_bundles = l->n_bundles;
    for (size_t i = 0; i < l->n_stages; i++)
        if (l->stages[i]->grouping)
            l->result->n_dropped_late +=
                bm_grouping_get_stats(l->stages[i]->grouping).n_dropped_late;
    l->result->metrics = bm_local_metrics(l, arena);
}

static void tear_down(bm_local *l)
{
    bm_local_release_state(l);
    drop_unsent(l);
    stop_worker(l);
    while (l->running) {
        bm_bundle *b = l->running;
        bm_local_bundle_unlink(l, b);
        bm_local_state_roll_back(b);
        bm_local_timers_give_back(b);
        bm_local_bundle_free(b);
    }
    if (l->server) bm_server_free(l->server);
    for (bm_local_event *event; (event = bm_local_inbox_take(&l->inbox, 0));) {
        if (event->kind == BM_OPENED) on_opened(l, event->stream);
        bm_local_event_free(event);
    }
    for (bm_local_stream *s = l->streams, *next; s; s = next) {
        next = s->next;
        bm_stream_free(s->stream);
        free(s->worker_id);
        free(s);
    }
    bm_local_inbox_free(&l->inbox);
    for (size_t i = 0; i < l->n_stages; i++) bm_local_stage_free(l->stages[i]);
    bm_arena_free(&l->arena);
}

beam_status bm_local_run(bm_rpc *rpc, beam_span pipeline, const bm_local_opts *opts,
                         bm_arena *arena, bm_local_result *result, beam_error *err)
{
    beam_error own;
    bm_local l = { .opts = opts, .result = result, .err = err ? err : &own, .rpc = rpc };
    *result = (bm_local_result){ .n_bundles = 0 };
    if (opts->faults) l.faults = *opts->faults;
    l.skips_waiting = opts->skip_waiting;
    l.began_ms = bm_local_ticks();
    bm_arena_init(&l.arena, 0);
    bm_map_init(&l.metrics, &l.arena);
    bm_map_init(&l.short_ids, &l.arena);
    bm_local_inbox_init(&l.inbox);
    beam_status status = run(&l, pipeline);
    sum_up(&l, arena);
    tear_down(&l);
    return status;
}
