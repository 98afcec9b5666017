/* SPDX-License-Identifier: Apache-2.0 */
/* COMBINING states: a bag of accumulators at the runner's. What is added becomes one more of
 * them without reading the others; a read merges them all into one. A state that is never
 * read is read now and then all the same, or its bag would grow with each bundle. Bundle
 * thread. */
#include "exec/user_state.h"

enum { MANY_STORED = 8 }; /* accumulators: then a read alone is reason to write back one */

/* The function's context, set for the callback under way. */
static beam_ctx *enter(bm_user_state *s, const bm_state_slot *slot)
{
    beam_ctx *c = (beam_ctx *)(uintptr_t)&slot->combine_ctx;
    c->element = s->ctx->element;
    c->callback = s->ctx->callback;
    c->arena = s->ctx->arena;
    c->accumulator_bytes = 0;
    return c;
}

static void *new_acc(bm_user_state *s, const bm_state_slot *slot, beam_ctx *c)
{
    const beam_combine *fn = slot->spec->combine;
    void *acc = bm_calloc(&s->accumulators, fn->acc_size);
    s->bytes += fn->acc_size;
    if (fn->create) fn->create(c, acc);
    return acc;
}

static beam_value save(const bm_state_slot *slot, beam_ctx *c, const void *acc)
{
    const beam_combine *fn = slot->spec->combine;
    if (fn->save) return fn->save(c, acc);
    beam_value v = fn->acc->kind == BEAM_KIND_DOUBLE ? beam_double(0) : beam_int64(0);
    memcpy(&v.as, acc, 8);
    return v;
}

static beam_status load(const bm_state_slot *slot, beam_ctx *c, void *acc, beam_value saved)
{
    const beam_combine *fn = slot->spec->combine;
    if (fn->load)
        fn->load(c, acc, saved);
    else if (saved.kind == BEAM_KIND_DOUBLE || saved.kind == BEAM_KIND_INT64)
        memcpy(acc, &saved.as, 8);
    else
        return beam_fail(c, BEAM_ETYPE, "the accumulator of state '%s' is not a number",
                         slot->spec->tag);
    return c->node->plan->error.status;
}

/* Merges an accumulator of the runner's into the one here. */
static beam_status merge_stored(bm_user_state *s, const bm_state_slot *slot, beam_ctx *c,
                                bm_acc_cell *cell, beam_value saved)
{
    void *other = new_acc(s, slot, c);
    BEAM_TRY(load(slot, c, other, saved));
    cell->n_stored++;
    if (!cell->acc)
        cell->acc = other;
    else
        slot->spec->combine->merge(c, cell->acc, other);
    return c->node->plan->error.status;
}

static beam_status merge_all(bm_user_state *s, const bm_state_slot *slot, bm_acc_cell *cell,
                             beam_span bytes)
{
    beam_ctx *c = enter(s, slot);
    bm_decoding decoding = s->node->plan->decoding;
    decoding.arena = c->arena;
    bm_reader in = bm_reader_of(bytes);
    while (bm_left(&in)) {
        beam_value saved;
        const uint8_t *before = in.at;
        beam_status status = bm_decode_with(slot->coder, true, &in, &decoding, &saved);
        if (status != BEAM_OK || in.at == before)
            return bm_state_failed(s, slot, BEAM_ECODER, "could not read",
                                   "its accumulators are not what their coder says");
        BEAM_TRY(merge_stored(s, slot, c, cell, saved));
    }
    s->bytes += c->accumulator_bytes;
    return BEAM_OK;
}

static beam_status know(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    bm_state_cell *cell = &row->cells[slot->index];
    if (BM_LIKELY(cell->known)) return BEAM_OK;
    bm_writer bytes = { 0 }, next = { 0 };
    beam_status status = bm_state_read(s, slot, row, SIZE_MAX, &bytes, &next);
    if (status == BEAM_OK) {
        cell->known = true;
        cell->stored = bytes.len > 0;
        status = merge_all(s, slot, &cell->as.acc,
                           bm_span_copy(&s->accumulators, bm_written(&bytes)));
        if (cell->as.acc.n_stored > MANY_STORED) cell->changed = true;
    }
    bm_writer_free(&bytes);
    bm_writer_free(&next);
    return status;
}

beam_value bm_acc_read(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    if (know(s, slot, row) != BEAM_OK) return beam_null();
    const bm_acc_cell *cell = &row->cells[slot->index].as.acc;
    beam_ctx *c = enter(s, slot);
    const beam_combine *fn = slot->spec->combine;
    /* The result may point into the accumulator, which may go on to change. */
    beam_value result = fn->extract(c, cell->acc ? cell->acc : new_acc(s, slot, c)), copy;
    return bm_value_copy_as(slot->result_coder, s->ctx->arena, result, &copy) == BEAM_OK
               ? copy
               : result;
}

static bool takes(const beam_type *type, beam_value v)
{
    return type->kind == v.kind || type->kind == BEAM_KIND_ANY
           || type->kind == BEAM_KIND_NULLABLE;
}

static beam_status refuse(bm_user_state *s, const bm_state_slot *slot, beam_value v)
{
    bm_arena texts;
    bm_arena_init(&texts, 0);
    const beam_combine *fn = slot->spec->combine;
    beam_status status = beam_fail(
        s->ctx, BEAM_ETYPE, "state '%s' takes %s, as CombineFn '%s' does, not %s, value %s",
        slot->spec->tag, bm_coder_text(&texts, bm_coder_of_type(&texts, fn->in)), fn->name,
        bm_value_type_text(&texts, v), bm_value_text(&texts, v, 100));
    bm_arena_free(&texts);
    return status;
}

beam_status bm_acc_add(bm_user_state *s, const bm_state_slot *slot, bm_row *row, beam_value v)
{
    bm_state_cell *cell = &row->cells[slot->index];
    const beam_combine *fn = slot->spec->combine;
    beam_ctx *c = enter(s, slot);
    if (BM_UNLIKELY(!takes(fn->in, v))) return refuse(s, slot, v);
    if (!cell->as.acc.acc) cell->as.acc.acc = new_acc(s, slot, c);
    fn->add(c, cell->as.acc.acc, v);
    s->bytes += c->accumulator_bytes;
    cell->changed = true;
    return c->node->plan->error.status;
}

static bool acc_is_empty(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    const bm_acc_cell *cell = &row->cells[slot->index].as.acc;
    return !cell->acc && (know(s, slot, row) != BEAM_OK || !cell->acc);
}

static beam_status acc_clear(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    (void)s;
    bm_state_cell *cell = &row->cells[slot->index];
    cell->as.acc = (bm_acc_cell){ 0 };
    cell->known = cell->changed = true;
    return BEAM_OK;
}

static beam_status acc_flush(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    bm_state_cell *cell = &row->cells[slot->index];
    if (!cell->known && bm_state_compacts(s)) BEAM_TRY(know(s, slot, row));
    beam_span bytes = { NULL, 0 };
    bool clear = cell->known && cell->stored;
    if (!cell->as.acc.acc) return bm_state_write(s, slot, row, clear, bytes);
    bm_arena *scratch = &s->node->plan->scratch;
    bm_mark mark = bm_arena_mark(scratch);
    beam_ctx *c = enter(s, slot);
    c->arena = scratch;
    beam_status status = bm_state_encode(s, slot, slot->coder,
                                         save(slot, c, cell->as.acc.acc), &bytes);
    if (status == BEAM_OK) status = bm_state_write(s, slot, row, clear, bytes);
    bm_rewind(scratch, mark);
    return status;
}

/* Accumulators change in place. */
static beam_status acc_save(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                            bm_saved_state *saved)
{
    (void)row;
    void *acc = saved->cell.as.acc.acc;
    if (!acc) return BEAM_OK;
    bm_arena *scratch = &s->node->plan->scratch;
    bm_mark mark = bm_arena_mark(scratch);
    beam_ctx *c = enter(s, slot);
    c->arena = scratch;
    beam_span bytes;
    beam_status status = bm_state_encode(s, slot, slot->coder, save(slot, c, acc), &bytes);
    if (status == BEAM_OK) status = s->node->plan->error.status; /* of save() */
    if (status == BEAM_OK) bm_write_bytes(&saved->bytes, bytes.ptr, bytes.len);
    bm_rewind(scratch, mark);
    return status;
}

static beam_status acc_restore(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                               const bm_saved_state *saved)
{
    bm_acc_cell *cell = &row->cells[slot->index].as.acc;
    if (!cell->acc) return BEAM_OK;
    cell->acc = NULL;
    beam_status status = merge_all(s, slot, cell,
                                   bm_span_copy(&s->accumulators, bm_written(&saved->bytes)));
    cell->n_stored = saved->cell.as.acc.n_stored;
    return status;
}

const bm_state_ops bm_acc_ops = {
    .is_empty = acc_is_empty,
    .clear = acc_clear,
    .flush = acc_flush,
    .save = acc_save,
    .restore = acc_restore,
};
