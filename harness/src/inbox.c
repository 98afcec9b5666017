/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle's input queue. The rpc thread fills it, the bundle thread empties it. */
#include "inbox.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

/* Queued bytes at which the stream is stopped. As much again may be with the reader. */
enum { LIMIT = 1 << 19 };

bm_inbox *bm_inbox_new(void)
{
    bm_inbox *inbox = bm_xcalloc(1, sizeof *inbox);
    bm_cond_init(&inbox->ready);
    bm_arena_init(&inbox->arena, 256);
    return inbox;
}

static void drop_chunks(bm_chunks *chunks, size_t from)
{
    for (size_t i = from; i < chunks->n; i++) bm_slice_unref(chunks->at[i].slice);
    chunks->n = 0;
}

static void let_go(bm_inbox *inbox)
{
    bm_link *link = inbox->holding;
    inbox->holding = NULL;
    if (link && --link->n_holders == 0) bm_stream_resume(link->stream);
}

void bm_inbox_free(bm_inbox *inbox)
{
    if (!inbox) return;
    let_go(inbox);
    drop_chunks(&inbox->arrived, 0);
    drop_chunks(&inbox->reading, inbox->next ? inbox->next - 1 : 0);
    free(inbox->arrived.at);
    free(inbox->reading.at);
    free(inbox->broken);
    bm_arena_free(&inbox->arena);
    pthread_cond_destroy(&inbox->ready);
    free(inbox);
}

static bool text_is(const char *text, beam_span span)
{
    return strlen(text) == span.len && (!span.len || !memcmp(text, span.ptr, span.len));
}

static bm_input *find_input(bm_inbox *inbox, beam_span transform_id, beam_span family)
{
    for (bm_input *in = inbox->inputs; in; in = in->next) {
        if (!in->timer_family != !family.ptr || !text_is(in->transform_id, transform_id))
            continue;
        if (!family.ptr || text_is(in->timer_family, family)) return in;
    }
    return NULL;
}

static bm_input *add_input(bm_inbox *inbox, beam_span transform_id, beam_span family)
{
    bm_input *in = BM_NEW(&inbox->arena, bm_input);
    in->transform_id = bm_cstr(&inbox->arena, transform_id);
    in->timer_family = family.ptr ? bm_cstr(&inbox->arena, family) : NULL;
    in->inlet = -1;
    in->next = inbox->inputs;
    inbox->inputs = in;
    return in;
}

void bm_inbox_break(bm_inbox *inbox, const char *reason)
{
    if (!inbox->broken) inbox->broken = bm_xstrdup(reason);
    pthread_cond_signal(&inbox->ready);
}

static void add_chunk(bm_inbox *inbox, bm_input *input, const bm_piece *piece)
{
    bm_chunks *queue = &inbox->arrived;
    if (queue->n == queue->cap) {
        queue->cap = queue->cap ? queue->cap * 2 : 4;
        queue->at = bm_xrealloc(queue->at, bm_times(queue->cap, sizeof(bm_chunk)));
    }
    queue->at[queue->n++] = (bm_chunk){
        input, piece->slice ? bm_slice_ref(piece->slice) : NULL, piece->bytes
    };
    inbox->bytes += piece->bytes.len;
}

static void hold_up(bm_inbox *inbox, bm_link *link)
{
    if (!link || inbox->holding || inbox->bytes < LIMIT) return;
    inbox->holding = link;
    if (link->n_holders++ == 0) bm_stream_pause(link->stream);
}

/* What is sent to the input. */
static const char *name_input(const bm_input *input, char *text, size_t size)
{
    if (!input->timer_family) return "data";
    snprintf(text, size, "timers of family '%.100s'", input->timer_family);
    return text;
}

static void break_for_input(bm_inbox *inbox, const bm_input *input, const char *what)
{
    char reason[400], name[130];
    snprintf(reason, sizeof reason, "the runner sent %s %s '%.200s'",
             name_input(input, name, sizeof name), what, input->transform_id);
    inbox->violated = true;
    bm_inbox_break(inbox, reason);
}

void bm_inbox_put(bm_inbox *inbox, bm_link *link, const bm_entry *entry)
{
    bm_input *input = find_input(inbox, entry->transform_id, entry->timer_family_id);
    if (!input) {
        input = add_input(inbox, entry->transform_id, entry->timer_family_id);
        if (inbox->bound) {
            break_for_input(inbox, input, "for transform, which takes none such in this bundle:");
            return;
        }
    }
    input->link = link;
    if (input->ended) {
        if (entry->n_pieces) break_for_input(inbox, input, "after the end of transform");
        return;
    }
    for (size_t i = 0; i < entry->n_pieces; i++) add_chunk(inbox, input, &entry->pieces[i]);
    if (entry->is_last) {
        input->ended = true;
        if (inbox->bound) inbox->n_open--;
    }
    hold_up(inbox, link);
    pthread_cond_signal(&inbox->ready);
}

bool bm_inbox_uses(const bm_inbox *inbox, const bm_link *link)
{
    for (const bm_input *in = inbox->inputs; in; in = in->next)
        if (in->link == link) return true;
    return false;
}

static void bind_inlet(bm_inbox *inbox, const bm_inlet *inlet, int number)
{
    char reason[256];
    beam_span id = beam_span_of(inlet->transform_id);
    beam_span family = { NULL, 0 };
    if (inlet->timer_family) family = beam_span_of(inlet->timer_family);
    bm_input *input = find_input(inbox, id, family);
    if (!input) {
        input = add_input(inbox, id, family);
        input->link = inlet->link;
    }
    input->inlet = number;
    if (input->ended) return;
    inbox->n_open++;
    /* Who told inboxes of the loss did not know yet that this one reads from the link. */
    if (inlet->link && !bm_link_alive(inlet->link, reason)) bm_inbox_break(inbox, reason);
}

beam_status bm_inbox_bind(bm_inbox *inbox, pthread_mutex_t *lock, const bm_inlet *inlets,
                          size_t n, beam_error *err)
{
    beam_status status = BEAM_OK;
    char name[130];
    pthread_mutex_lock(lock);
    for (size_t i = 0; i < n; i++) bind_inlet(inbox, &inlets[i], (int)i);
    for (const bm_input *in = inbox->inputs; in; in = in->next) {
        if (in->inlet >= 0) continue;
        status = bm_error(err, BEAM_ERPC,
                          "The runner sent %s for transform '%s', which takes none such in this "
                          "bundle.", name_input(in, name, sizeof name), in->transform_id);
    }
    inbox->bound = true;
    pthread_mutex_unlock(lock);
    return status;
}

/* Waits until there is something to take, to end with or to fail with. */
static bool await_input(bm_inbox *inbox, bm_rpc *rpc, pthread_mutex_t *lock, int wait_ms)
{
    struct timespec until = bm_after_ms(wait_ms < 0 ? 0 : wait_ms);
    while (!inbox->arrived.n && inbox->n_open && !inbox->broken)
        if (bm_rpc_wait(rpc, &inbox->ready, lock, wait_ms < 0 ? NULL : &until, false))
            return inbox->arrived.n || !inbox->n_open || inbox->broken;
    return true;
}

/* Takes all that has arrived in exchange for the list that is read. */
static void swap_lists(bm_inbox *inbox)
{
    bm_chunks emptied = inbox->reading;
    emptied.n = 0;
    inbox->reading = inbox->arrived;
    inbox->arrived = emptied;
    inbox->next = 0;
    inbox->bytes = 0;
    inbox->consuming = true;
    let_go(inbox);
}

beam_status bm_inbox_read(bm_inbox *inbox, bm_rpc *rpc, pthread_mutex_t *lock, int wait_ms,
                          bm_chunk *out, beam_error *err)
{
    if (inbox->next) bm_slice_unref(inbox->reading.at[inbox->next - 1].slice);
    if (inbox->next == inbox->reading.n) {
        inbox->reading.n = inbox->next = 0; /* all given back */
        pthread_mutex_lock(lock);
        bool ready = await_input(inbox, rpc, lock, wait_ms);
        if (inbox->arrived.n) swap_lists(inbox);
        bool ended = !inbox->n_open && !inbox->violated;
        const char *broken = inbox->broken;
        pthread_mutex_unlock(lock);
        if (!ready) return BEAM_ETIMEOUT;
        *out = (bm_chunk){ 0 };
        if (!inbox->reading.n)
            return ended ? BEAM_OK : bm_error(err, BEAM_ERPC, "The input of the bundle ended "
                                              "early: %s.", broken);
    }
    *out = inbox->reading.at[inbox->next++];
    return BEAM_OK;
}
