/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle: what it was given, what comes back, and what becomes of both in the end. Nothing
 * that a bundle puts out is seen before it has succeeded. Runner's thread. */
#include "local/local_impl.h"

/* -- starting -------------------------------------------------------------------------------- */
static bm_bundle *make(bm_local *l, bm_stage *stage)
{
    bm_bundle *b = bm_xcalloc(1, sizeof *b);
    bm_arena_init(&b->arena, 0);
    b->stage = stage;
    b->outputs = BM_NEW_ARRAY(&b->arena, bm_output, stage->n_sinks);
    b->timer_outputs = BM_NEW_ARRAY(&b->arena, bm_output, stage->n_families);
    b->id = bm_format(&b->arena, "bundle-%llu", (unsigned long long)++l->n_bundles);
    return b;
}

static size_t attempts_of(const bm_bundle *b)
{
    size_t most = 0;
    for (const bm_item *i = b->input.first; i; i = i->next)
        if (i->n_attempts > most) most = i->n_attempts;
    for (const bm_user_timer *t = b->timers; t; t = t->next)
        if (t->n_attempts > most) most = t->n_attempts;
    return most;
}

static void start(bm_local *l, bm_stage *stage, bm_bundle *b)
{
    b->n_attempts = attempts_of(b);
    b->n_primary = b->input.n;
    b->asked_progress_ms = b->asked_split_ms = bm_local_ticks();
    b->next = l->running;
    l->running = b;
    l->n_running++;
    stage->n_running++;
    bm_local_fault_begin(l);
    bm_local_send_bundle(l, b);
}

beam_status bm_local_bundle_start(bm_local *l, bm_stage *stage)
{
    bm_bundle *b = make(l, stage);
    bm_local_stage_take(l, stage, b);
    if (b->input.n || b->timers) {
        start(l, stage, b);
        return BEAM_OK;
    }
    /* Keys with nothing left but state to be forgotten. */
    bm_local_stage_release_keys(stage, b);
    bm_local_bundle_free(b);
    l->n_bundles--;
    return BEAM_OK;
}

bm_bundle *bm_local_bundle_find(bm_local *l, const char *id)
{
    bm_bundle *b = l->running;
    while (b && strcmp(b->id, id)) b = b->next;
    return b;
}

void bm_local_bundle_free(bm_bundle *b)
{
    bm_local_items_free(&b->input);
    bm_local_items_free(&b->residuals);
    for (size_t i = 0; i < b->stage->n_sinks; i++) bm_writer_free(&b->outputs[i].data);
    for (size_t i = 0; i < b->stage->n_families; i++)
        bm_writer_free(&b->timer_outputs[i].data);
    bm_arena_free(&b->arena);
    free(b);
}

void bm_local_bundle_unlink(bm_local *l, bm_bundle *b)
{
    bm_bundle **at = &l->running;
    while (*at != b) at = &(*at)->next;
    *at = b->next;
    l->n_running--;
    b->stage->n_running--;
}

/* -- what comes back ---------------------------------------------------------------------------- */
static void take(bm_output *out, beam_span bytes, bool is_last)
{
    bm_write_bytes(&out->data, bytes.ptr, bytes.len);
    out->has_ended |= is_last;
}

static bool is_text(beam_span span, const char *text)
{
    return beam_span_equal(span, beam_span_of(text));
}

static bm_bundle *find(bm_local *l, beam_span id)
{
    bm_bundle *b = l->running;
    while (b && !is_text(id, b->id)) b = b->next;
    return b;
}

void bm_local_bundle_take_data(bm_local *l, beam_span id, beam_span transform,
                               beam_span data, bool is_last)
{
    bm_bundle *b = find(l, id);
    for (size_t i = 0; b && i < b->stage->n_sinks; i++)
        if (is_text(transform, b->stage->sinks[i].id))
            take(&b->outputs[i], data, is_last);
}

void bm_local_bundle_take_timers(bm_local *l, beam_span id, beam_span transform,
                                 beam_span family, beam_span timers, bool is_last)
{
    bm_bundle *b = find(l, id);
    for (size_t i = 0; b && i < b->stage->n_families; i++) {
        const bm_timer_family *f = &b->stage->families[i];
        if (is_text(transform, f->transform_id) && is_text(family, f->id))
            take(&b->timer_outputs[i], timers, is_last);
    }
}

static bool is_complete(const bm_bundle *b)
{
    for (size_t i = 0; i < b->stage->n_sinks; i++)
        if (!b->outputs[i].has_ended) return false;
    for (size_t i = 0; i < b->stage->n_families; i++)
        if (!b->timer_outputs[i].has_ended) return false;
    return true;
}

/* -- success ------------------------------------------------------------------------------------- */
static beam_status read_output(bm_local *l, const bm_bundle *b, const bm_sink *sink,
                               const bm_output *out, bm_items *items)
{
    bm_reader in = bm_reader_of(bm_written(&out->data));
    while (bm_left(&in)) {
        bm_item *item;
        if (bm_local_item_read(sink->coll, &in, &item)) {
            bm_local_items_free(items);
            return bm_error(l->err, BEAM_ECODER,
                            "%s: what the worker put into collection '%s' cannot be read "
                            "with its coder, at byte %zu of %zu",
                            b->stage->name, sink->coll->id, out->data.len - bm_left(&in),
                            out->data.len);
        }
        bm_local_items_add(items, item);
    }
    return BEAM_OK;
}

static beam_status deliver_outputs(bm_local *l, bm_bundle *b)
{
    for (size_t i = 0; i < b->stage->n_sinks; i++) {
        bm_items items = { 0 };
        BEAM_TRY(read_output(l, b, &b->stage->sinks[i], &b->outputs[i], &items));
        BEAM_TRY(bm_local_deliver(l, b->stage->sinks[i].coll, &items));
    }
    return BEAM_OK;
}

static beam_status apply_timers(bm_local *l, bm_bundle *b)
{
    bm_local_timers_done(b);
    for (size_t i = 0; i < b->stage->n_families; i++)
        BEAM_TRY(bm_local_timers_apply(l, b, &b->stage->families[i],
                                       bm_written(&b->timer_outputs[i].data)));
    for (size_t i = 0; i < b->n_keys; i++) bm_local_timers_go_on_expiring(b->keys[i]);
    return BEAM_OK;
}

/* What is left of the input waits again, before what has come meanwhile. */
static void give_back_input(bm_bundle *b)
{
    bm_stage *stage = b->stage;
    if (!stage->is_keyed) {
        bm_local_items_prepend(&stage->waiting, &b->input);
        return;
    }
    for (size_t k = 0; k < b->n_keys; k++) {
        bm_items mine = { 0 }, others = { 0 };
        for (bm_item *item; (item = bm_local_items_take(&b->input));) {
            beam_span key, value;
            bool is_mine = !bm_local_item_kv(stage->inputs[0], bm_local_item_value(item),
                                             &key, &value) &&
                           beam_span_equal(key, b->keys[k]->key);
            bm_local_items_add(is_mine ? &mine : &others, item);
        }
        b->input = others;
        bm_local_items_prepend(&b->keys[k]->waiting, &mine);
    }
}

/* Elements that were split off were not processed. */
static void release_input(bm_bundle *b)
{
    for (size_t i = 0; i < b->n_primary && b->input.n; i++) {
        bm_item *item = bm_local_items_take(&b->input);
        bm_local_holds_release(&b->stage->pending, item->hold);
        free(item);
    }
    give_back_input(b);
}

static beam_millis earliest_watermark(const Pb__BundleApplication *pb, beam_millis none)
{
    beam_millis least = pb->n_output_watermarks ? BEAM_MAX_TIMESTAMP : none;
    for (size_t i = 0; i < pb->n_output_watermarks; i++) {
        const Google__Protobuf__Timestamp *t = pb->output_watermarks[i]->value;
        beam_millis ms = t ? t->seconds * 1000 + t->nanos / 1000000 : BEAM_MIN_TIMESTAMP;
        if (ms < least) least = ms;
    }
    return least;
}

beam_status bm_local_residuals_add(bm_local *l, bm_bundle *b, bm_items *out,
                                   Pb__DelayedBundleApplication *const *roots, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const Pb__BundleApplication *pb = roots[i]->application;
        const Google__Protobuf__Duration *delay = roots[i]->requested_time_delay;
        bm_item *item;
        bm_reader in = bm_reader_of(pb ? bm_pb_span(pb->element)
                                       : (beam_span){ NULL, 0 });
        if (bm_local_item_read(b->stage->inputs[0], &in, &item))
            return bm_error(l->err, BEAM_ECODER,
                            "%s: a residual that the worker returned cannot be read",
                            b->stage->name);
        item->hold = earliest_watermark(pb, item->timestamp);
        if (delay && (delay->seconds > 0 || delay->nanos > 0))
            item->not_before = bm_local_now(l) + delay->seconds * 1000 +
                               delay->nanos / 1000000;
        bm_local_items_add(out, item);
    }
    return BEAM_OK;
}

static beam_status commit(bm_local *l, bm_bundle *b)
{
    const Pb__ProcessBundleResponse *response = b->parsed->process_bundle;
    bm_local_state_commit(b);
    BEAM_TRY(apply_timers(l, b));
    BEAM_TRY(bm_local_residuals_add(l, b, &b->residuals, response->residual_roots,
                                    response->n_residual_roots));
    release_input(b);
    BEAM_TRY(bm_local_stage_add(l, b->stage, &b->residuals));
    bm_local_stage_release_keys(b->stage, b);
    bm_local_add_metrics(l, response);
    if (response->requires_finalization) bm_local_send_finalize(l, b->id);
    return deliver_outputs(l, b);
}

/* -- failure -------------------------------------------------------------------------------------- */
void bm_local_bundle_give_back(bm_local *l, bm_bundle *b)
{
    bm_stage *stage = b->stage;
    bm_local_state_roll_back(b);
    bm_local_items_free(&b->residuals);
    bm_local_timers_give_back(b);
    for (bm_item *i = b->input.first; i; i = i->next) i->n_attempts++;
    give_back_input(b);
    bm_local_stage_release_keys(stage, b);
    l->state_epoch++;
}

static beam_status fail(bm_local *l, bm_bundle *b)
{
    if (b->n_attempts < (size_t)l->opts->bundle_retries) {
        bm_log_write(&l->opts->log, BEAM_LOG_WARN, "%s: %s failed and is tried again: %s",
                     b->stage->name, b->id, b->parsed->error);
        l->result->n_retries++;
        bm_local_bundle_give_back(l, b);
        return BEAM_OK;
    }
    bm_local_state_roll_back(b);
    /* The worker names the step; a stage has several. */
    return bm_error(l->err, BEAM_EUSER, "%s", b->parsed->error);
}

beam_status bm_local_bundle_settle(bm_local *l, bm_bundle *b)
{
    if (!b->parsed || b->is_call || l->in_call) return BEAM_OK;
    bool failed = *b->parsed->error != '\0';
    if (!failed && !is_complete(b)) return BEAM_OK;
    bm_local_bundle_unlink(l, b);
    beam_status status = failed ? fail(l, b) : commit(l, b);
    bm_local_fault_end(l, b);
    bm_local_bundle_free(b);
    return status;
}

beam_status bm_local_bundle_settle_all(bm_local *l)
{
    for (bm_bundle *b = l->running, *next; b; b = next) {
        next = b->next;
        BEAM_TRY(bm_local_bundle_settle(l, b));
    }
    return BEAM_OK;
}

/* -- questions -------------------------------------------------------------------------------- */
static beam_status await(bm_local *l, bm_bundle *b)
{
    while (!b->parsed || (!*b->parsed->error && !is_complete(b)))
        BEAM_TRY(bm_local_handle_events(l, 100));
    if (!*b->parsed->error) return BEAM_OK;
    return bm_error(l->err, BEAM_EUSER, "%s: %s", b->stage->name, b->parsed->error);
}

beam_status bm_local_bundle_call(bm_local *l, bm_stage *stage, bm_item *item,
                                 bm_arena *arena, beam_span *output)
{
    bm_bundle *b = make(l, stage);
    bm_local_items_add(&b->input, item);
    b->is_call = true;
    start(l, stage, b);
    bool outer = l->in_call;
    l->in_call = true;
    beam_status status = await(l, b);
    l->in_call = outer;
    if (!status) *output = bm_span_copy(arena, bm_written(&b->outputs[0].data));
    bm_local_bundle_unlink(l, b);
    bm_local_bundle_free(b);
    return status;
}
