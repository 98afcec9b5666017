/* SPDX-License-Identifier: Apache-2.0 */
/* Reading ahead: a state that has to be waited for is asked for together with those of the
 * elements behind it in the segment, so that one wait serves many keys. Of the states that
 * a DoFn declares, those are asked for that it has read of most keys so far. Bundle thread. */
#include "exec/user_state.h"

enum {
    MOST_BYTES = 4 << 20, /* that they bring, if they are like those before; of new rows */
    FIRST_ASKED = 16,     /* rows, while nothing is known of their size */
    MOST_PEEKED = 4096    /* elements, whose keys may all be known */
};

static bool is_wanted(const bm_user_state *s, const bm_state_slot *slot)
{
    return slot->info->protocol == BM_PROTOCOL_BAG && 2 * slot->rows_read >= s->rows_visited;
}

static bool ask(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    bm_state_cell *cell = &row->cells[slot->index];
    if (cell->known || cell->asked || bm_state_is_cached(s, slot, row)) return false;
    const bm_bundle_io *io = s->node->plan->io;
    bm_state_key key = bm_state_key_of(s, slot, row, BM_STATE_BAG_USER_STATE);
    cell->asked = io->state_ask(io->self, &key);
    return cell->asked;
}

static void ask_row(bm_user_state *s, bm_row *row)
{
    bool any = false;
    for (size_t i = 0; i < s->n; i++)
        any |= is_wanted(s, &s->slots[i]) && ask(s, &s->slots[i], row);
    if (any) s->asked[s->n_asked++] = row;
}

void bm_state_drop(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    const bm_bundle_io *io = s->node->plan->io;
    bm_state_cell *cell = &row->cells[slot->index];
    if (cell->asked) io->state_take(io->self, cell->asked, NULL, NULL, NULL);
    cell->asked = NULL;
}

static void drop_row(bm_user_state *s, bm_row *row)
{
    for (size_t i = 0; i < s->n; i++) bm_state_drop(s, &s->slots[i], row);
}

void bm_state_drop_asked(bm_user_state *s)
{
    while (s->n_asked) drop_row(s, s->asked[--s->n_asked]);
}

/* Elements that have come and gone did not want the rest. */
static void drop_visited(bm_user_state *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->n_asked; i++) {
        bm_row *row = s->asked[i];
        if (row->visited) drop_row(s, row);
        else s->asked[kept++] = row;
    }
    s->n_asked = kept;
}

static size_t most_asked(const bm_user_state *s)
{
    if (!s->pages_read) return FIRST_ASKED;
    uint64_t rows = MOST_BYTES / (s->bytes_read / s->pages_read + 1);
    return rows < BM_MOST_ASKED ? rows : BM_MOST_ASKED;
}

void bm_state_ahead(bm_user_state *s, const bm_state_slot *slot, bm_row *row)
{
    bm_plan *plan = s->node->plan;
    if (row->cells[slot->index].asked || !plan->io->state_ask || !s->source || s->writing_back
        || !is_wanted(s, slot))
        return;
    size_t most = most_asked(s);
    if (s->n_asked >= most) drop_visited(s);
    if (s->n_asked >= most) return;
    ask_row(s, row);
    size_t most_bytes = s->bytes + MOST_BYTES;
    bm_mark mark = bm_scratch_mark(&plan->scratch);
    bm_element next;
    for (int i = 0; i < MOST_PEEKED && s->n_asked < most && s->bytes < most_bytes
                    && bm_source_peek(s->source, &next);
         i++) {
        bm_row *ahead = next.windows->n == 1 ? bm_user_state_row_of(s, &next) : NULL;
        if (ahead) ask_row(s, ahead);
        bm_rewind(&plan->scratch, mark);
    }
    bm_rewind(&plan->scratch, mark);
}

beam_status bm_state_take(bm_user_state *s, const bm_state_slot *slot, bm_row *row,
                          bm_writer *out, bm_writer *next)
{
    const bm_bundle_io *io = s->node->plan->io;
    bm_state_cell *cell = &row->cells[slot->index];
    void *asked = cell->asked;
    cell->asked = NULL;
    beam_error err = { 0 };
    beam_status status = io->state_take(io->self, asked, out, next, &err);
    if (status != BEAM_OK)
        return bm_state_failed(s, slot, status, "could not read", err.message);
    return BEAM_OK;
}
