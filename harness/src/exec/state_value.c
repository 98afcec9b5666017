/* SPDX-License-Identifier: Apache-2.0 */
/* VALUE states: a bag of the runner's with at most one item. Bundle thread. */
#include "exec/user_state.h"

static void store(bm_user_state *s, bm_value_cell *value, beam_span bytes)
{
    if (value->cap < bytes.len || !value->at) {
        value->cap = bytes.len < 16 ? 16 : bytes.len + bytes.len / 2;
        value->at = bm_alloc(&s->arena, value->cap);
        s->bytes += value->cap;
    }
    bm_copy_short(value->at, bytes.ptr, bytes.len);
    value->len = bytes.len;
    value->exists = true;
}

/* An empty page is no value, unless every value is encoded in no bytes: the runner cannot
 * tell such a one from none either. */
static beam_status know(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    bm_state_cell *cell = &row->cells[slot->index];
    if (BM_LIKELY(cell->known)) return BEAM_OK;
    bm_writer bytes = { 0 }, next = { 0 };
    beam_status status = bm_state_read(s, slot, row, SIZE_MAX, &bytes, &next);
    cell->known = status == BEAM_OK;
    cell->stored = bytes.len > 0;
    if (cell->known && bytes.len) store(s, &cell->as.value, bm_written(&bytes));
    bm_writer_free(&bytes);
    bm_writer_free(&next);
    return status;
}

beam_value bm_value_read(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    if (know(s, slot, row) != BEAM_OK) return beam_null();
    const bm_value_cell *value = &row->cells[slot->index].as.value;
    if (!value->exists) return beam_null();
    return bm_state_decode(s, slot, slot->coder,
                           (beam_span){ (const char *)value->at, value->len });
}

beam_status bm_value_write(bm_user_state *s, const bm_state_slot *slot, bm_row *row, beam_value v)
{
    beam_span bytes;
    BEAM_TRY(bm_state_encode(s, slot, slot->coder, v, &bytes));
    bm_state_cell *cell = &row->cells[slot->index];
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
    beam_span bytes = { (const char *)value->at, value->exists ? value->len : 0 };
    return bm_state_write(s, slot, row, cell->stored, bytes);
}

const bm_state_ops bm_value_ops = { value_is_empty, value_clear, value_flush };
