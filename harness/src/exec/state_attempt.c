/* SPDX-License-Identifier: Apache-2.0 */
/* Undoing what a failed attempt at an element has done to the states of its key and window.
 * Bundle thread.
 *
 * Kinds that can say cheaply what they were do so. The others (maps, lists) are written back
 * before an attempt changes them, so that what the runner has is what they were. */
#include "exec/user_state.h"

void bm_user_state_can_undo(bm_user_state *s)
{
    s->saved = BM_NEW_ARRAY(&s->node->plan->arena, bm_saved_state, s->n);
}

void bm_user_state_free_saved(bm_user_state *s)
{
    for (size_t i = 0; s->saved && i < s->n; i++) bm_writer_free(&s->saved[i].bytes);
}

void bm_user_state_attempt(bm_user_state *s)
{
    bm_user_state_enter(s);
    s->attempting = true;
    for (size_t i = 0; i < s->n; i++) s->saved[i].is_saved = false;
}

void bm_state_forget(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    bm_state_cell *cell = &row->cells[slot->index];
    *cell = (bm_state_cell){
        .known = s->runner_has_none, .stored = !s->runner_has_none, .asked = cell->asked
    };
}

/* Writes are not left out, though nobody else may read them: the state may be read again. */
static beam_status write_back(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    bool spilling = s->spilling;
    s->spilling = true;
    s->runner_has_none = false;
    bm_state_drop(s, slot, row);
    beam_status status = slot->ops->flush(s, slot, row);
    s->spilling = spilling;
    if (status != BEAM_OK) return status;
    if (slot->ops->settle) slot->ops->settle(s, slot, row);
    else bm_state_forget(s, slot, row);
    return BEAM_OK;
}

beam_status bm_state_save(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    bm_saved_state *saved = &s->saved[slot->index];
    if (saved->is_saved) return BEAM_OK;
    saved->cell = row->cells[slot->index];
    saved->bytes.len = 0;
    beam_status status = slot->ops->save       ? slot->ops->save(s, slot, row, saved)
                         : saved->cell.changed ? write_back(s, slot, row)
                                               : BEAM_OK;
    saved->is_saved = status == BEAM_OK; /* otherwise nothing is changed */
    return status;
}

beam_status bm_user_state_undo(bm_user_state *s)
{
    s->attempting = false;
    for (size_t i = 0; i < s->n; i++) {
        const bm_saved_state *saved = &s->saved[i];
        const bm_state_slot *slot = &s->slots[i];
        if (!saved->is_saved) continue;
        if (!slot->ops->restore) {
            bm_state_forget(s, slot, s->row);
            continue;
        }
        void *asked = s->row->cells[i].asked;
        s->row->cells[i] = saved->cell;
        s->row->cells[i].asked = asked;
        BEAM_TRY(slot->ops->restore(s, slot, s->row, saved));
    }
    return BEAM_OK;
}
