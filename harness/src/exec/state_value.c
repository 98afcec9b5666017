/* SPDX-License-Identifier: Apache-2.0 */
/* VALUE states: a bag of the runner's with at most one item. Bundle thread. */
#include "exec/user_state.h"

static void store(bm_user_state *s, bm_value_cell *value, beam_span bytes)
{
    if (value->as.bytes.cap < bytes.len || !value->as.bytes.at) {
        value->as.bytes.cap = bytes.len < 16 ? 16 : bytes.len + bytes.len / 2;
        value->as.bytes.at = bm_alloc(&s->arena, value->as.bytes.cap);
        s->bytes += value->as.bytes.cap;
    }
    bm_copy_short(value->as.bytes.at, bytes.ptr, bytes.len);
    value->as.bytes.len = bytes.len;
    value->exists = true;
}

/* An empty page is no value, unless every value is encoded in no bytes: the runner cannot
 * tell such a one from none either. */
static beam_status take(bm_user_state *s, const bm_state_slot *slot, bm_state_cell *cell,
                        beam_span bytes)
{
    cell->known = true;
    cell->stored = bytes.len > 0;
    if (!bytes.len) return BEAM_OK;
    if (slot->scalar == BEAM_KIND_ANY) {
        store(s, &cell->as.value, bytes);
        return BEAM_OK;
    }
    cell->as.value.as.scalar = bm_state_decode(s, slot, slot->coder, bytes);
    cell->as.value.exists = true;
    return s->node->plan->error.status;
}

static __attribute__((noinline)) beam_status read_value(bm_user_state *s,
                                                        const bm_state_slot *slot, bm_row *row)
{
    bm_writer bytes = { 0 }, next = { 0 };
    beam_status status = bm_state_read(s, slot, row, SIZE_MAX, &bytes, &next);
    if (status == BEAM_OK) status = take(s, slot, &row->cells[slot->index], bm_written(&bytes));
    bm_writer_free(&bytes);
    bm_writer_free(&next);
    return status;
}

static inline beam_status know(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    return BM_LIKELY(row->cells[slot->index].known) ? BEAM_OK : read_value(s, slot, row);
}

beam_value bm_value_read_any(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    if (know(s, slot, row) != BEAM_OK) return beam_null();
    const bm_value_cell *value = &row->cells[slot->index].as.value;
    if (!value->exists) return beam_null();
    if (slot->scalar != BEAM_KIND_ANY) return value->as.scalar;
    return bm_state_decode(s, slot, slot->coder,
                           (beam_span){ (const char *)value->as.bytes.at, value->as.bytes.len });
}

beam_status bm_value_write_any(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                               const beam_value *v)
{
    bm_state_cell *cell = &row->cells[slot->index];
    beam_span bytes;
    BEAM_TRY(bm_state_encode(s, slot, slot->coder, *v, &bytes));
    store(s, &cell->as.value, bytes);
    cell->known = cell->changed = true;
    return BEAM_OK;
}

static bool value_is_empty(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    return know(s, slot, row) != BEAM_OK || !row->cells[slot->index].as.value.exists;
}

static beam_status value_clear(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    (void)s;
    bm_state_cell *cell = &row->cells[slot->index];
    cell->as.value.exists = false;
    cell->known = cell->changed = true;
    return BEAM_OK;
}

static beam_status value_flush(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    const bm_state_cell *cell = &row->cells[slot->index];
    const bm_value_cell *value = &cell->as.value;
    beam_span bytes = { NULL, 0 };
    if (value->exists && slot->scalar != BEAM_KIND_ANY)
        BEAM_TRY(bm_state_encode(s, slot, slot->coder, value->as.scalar, &bytes));
    else if (value->exists)
        bytes = (beam_span){ (const char *)value->as.bytes.at, value->as.bytes.len };
    return bm_state_write(s, slot, row, cell->stored, bytes);
}

/* Scalars are in the cell. */
static beam_status value_save(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                              bm_saved_state *saved)
{
    (void)s, (void)row;
    const bm_value_cell *value = &saved->cell.as.value;
    if (value->exists && slot->scalar == BEAM_KIND_ANY)
        bm_write_bytes(&saved->bytes, value->as.bytes.at, value->as.bytes.len);
    return BEAM_OK;
}

static beam_status value_restore(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                                 const bm_saved_state *saved)
{
    bm_value_cell *value = &row->cells[slot->index].as.value;
    if (value->exists && slot->scalar == BEAM_KIND_ANY) store(s, value, bm_written(&saved->bytes));
    return BEAM_OK;
}

const bm_state_ops bm_value_ops = {
    .is_empty = value_is_empty,
    .clear = value_clear,
    .flush = value_flush,
    .save = value_save,
    .restore = value_restore,
};
