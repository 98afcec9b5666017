/* SPDX-License-Identifier: Apache-2.0 */
/* BEAM_TIME_SORTED_INPUT by means of state and timers. Bundle thread.
 *
 * Elements of a key and window are kept in a bag until event time has passed them, as timers
 * tell: one for the earliest element, which holds the watermark at it, and one for the latest,
 * so that a watermark that jumps ahead, as it does at the end of bounded input, takes one
 * reading of the bag and not one for each time in it. What was kept up to a timer's moment is
 * then processed in order, with the timers that the bundle has set for moments in between; an
 * element that comes for a moment before that is dropped. */
#include <stdlib.h>

#include "exec/timers.h"

/* What is known of the bag without reading it. */
typedef struct times {
    beam_millis until;           /* earlier elements were processed, or are dropped */
    beam_millis earliest, latest; /* of what is kept; earliest > latest: nothing is */
} times;

static const times no_times = { BEAM_MIN_TIMESTAMP, BEAM_MAX_TIMESTAMP, BEAM_MIN_TIMESTAMP };

static times read_times(bm_user_state *s, bm_row *row)
{
    beam_value v = bm_value_read(s, s->sorted_times, row);
    if (beam_is_null(v)) return no_times;
    beam_value range = beam_val(v);
    return (times){ beam_as_int64(beam_key(v)), beam_as_int64(beam_key(range)),
                    beam_as_int64(beam_val(range)) };
}

static beam_status write_times(bm_user_state *s, bm_row *row, times t)
{
    const beam_value range[] = { beam_int64(t.earliest), beam_int64(t.latest) };
    const beam_value all[] = { beam_int64(t.until), beam_kv(range) };
    const beam_value v = beam_kv(all);
    return bm_value_write(s, s->sorted_times, row, &v);
}

/* Puts the element into the bag and into the times, and sets the timers that changes. */
static beam_status keep(bm_par_do *p, bm_row *row, const bm_element *valued, times *t)
{
    bm_user_state *s = p->ctx.state;
    beam_value v = { BEAM_KIND_WINDOWED, { false } };
    v.as.ptr = valued;
    BEAM_TRY(bm_bag_add(s, s->sorted, row, &v));
    beam_millis at = valued->timestamp;
    if (at < t->earliest) {
        t->earliest = at;
        BEAM_TRY(bm_timers_set_sorted(p->ctx.timers, "", at, at));
    }
    if (at > t->latest) {
        t->latest = at;
        BEAM_TRY(bm_timers_set_sorted(p->ctx.timers, "latest", at, BEAM_MAX_TIMESTAMP + 1));
    }
    return BEAM_OK;
}

beam_status bm_sorter_keep(bm_par_do *p, const bm_element *element)
{
    bm_user_state *s = p->ctx.state;
    bm_arena *scratch = &p->node.plan->scratch;
    bm_mark mark = bm_arena_mark(scratch);
    p->ctx.element = element;
    bm_row *row = bm_user_state_row(s);
    times t = row ? read_times(s, row) : no_times;
    beam_status status = p->node.plan->error.status;
    if (status == BEAM_OK && element->timestamp < t.until) {
        beam_counter_add(&p->ctx, "dropped_late", 1);
    } else if (status == BEAM_OK) {
        bm_element valued = *element;
        valued.value = element->value.as.kv[1];
        times before = t;
        status = keep(p, row, &valued, &t);
        if (status == BEAM_OK && memcmp(&before, &t, sizeof t) != 0)
            status = write_times(s, row, t);
    }
    p->ctx.element = NULL;
    bm_rewind(scratch, mark);
    return status;
}

/* -- taking out --------------------------------------------------------------------------- */
typedef struct kept {
    bm_element element;
    size_t order; /* in which they came */
} kept;

static int by_time(const void *a, const void *b)
{
    const kept *x = a, *y = b;
    if (x->element.timestamp != y->element.timestamp)
        return x->element.timestamp < y->element.timestamp ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

/* All that is in the bag, in order, in scratch memory. */
static beam_status take_all(bm_user_state *s, bm_row *row, kept **out, size_t *n)
{
    bm_arena *arena = &s->node->plan->scratch;
    size_t cap = 0;
    *out = NULL;
    *n = 0;
    beam_iter *it = bm_bag_iter(s, s->sorted, row);
    for (beam_value v; beam_next(it, &v); ++*n) {
        if (*n == cap) {
            cap = cap ? cap * 2 : 16;
            kept *grown = bm_alloc(arena, bm_times(cap, sizeof *grown));
            if (*n) memcpy(grown, *out, *n * sizeof *grown);
            *out = grown;
        }
        beam_value copy;
        beam_status status = bm_value_copy_as(s->sorted->coder, arena, v, &copy);
        if (status != BEAM_OK)
            return bm_state_failed(s, s->sorted, status, "could not read",
                                   "an element cannot be copied");
        (*out)[*n] = (kept){ *(const bm_element *)copy.as.ptr, *n };
    }
    if (*n) qsort(*out, *n, sizeof **out, by_time);
    return s->node->plan->error.status;
}

static beam_status keep_rest(bm_par_do *p, bm_row *row, const kept *rest, size_t n, times *t)
{
    bm_user_state *s = p->ctx.state;
    BEAM_TRY(s->sorted->ops->clear(s, s->sorted, row));
    t->earliest = no_times.earliest;
    t->latest = no_times.latest;
    for (size_t i = 0; i < n; i++) BEAM_TRY(keep(p, row, &rest[i].element, t));
    return write_times(s, row, *t);
}

static beam_status process(bm_par_do *p, beam_value key, const kept *due, size_t n)
{
    const char *callback = p->ctx.callback;
    const bm_element *timer = p->ctx.element;
    beam_status status = BEAM_OK;
    for (size_t i = 0; status == BEAM_OK && i < n; i++) {
        const beam_value pair[] = { key, due[i].element.value };
        bm_element element = due[i].element;
        element.value = beam_kv(pair);
        p->ctx.element = timer;
        status = bm_timers_fire_before(p->ctx.timers, element.timestamp);
        if (status != BEAM_OK) break;
        p->ctx.callback = NULL;
        bm_user_state_enter(p->ctx.state);
        status = p->process_keyed(&p->node, &element);
    }
    p->ctx.callback = callback;
    return status;
}

beam_status bm_sorter_process(bm_par_do *p, beam_millis until)
{
    bm_user_state *s = p->ctx.state;
    beam_value key = beam_key(p->ctx.element->value);
    bm_user_state_enter(s);
    bm_row *row = bm_user_state_row(s);
    if (!row) return p->node.plan->error.status;
    bm_arena *scratch = &p->node.plan->scratch;
    bm_mark mark = bm_arena_mark(scratch);
    times t = read_times(s, row);
    beam_status status = BEAM_OK;
    if (t.earliest <= until && t.earliest <= t.latest) {
        kept *all;
        size_t n, n_due = 0;
        status = take_all(s, row, &all, &n);
        while (status == BEAM_OK && n_due < n && all[n_due].element.timestamp <= until) n_due++;
        t.until = until;
        if (status == BEAM_OK) status = keep_rest(p, row, all + n_due, n - n_due, &t);
        if (status == BEAM_OK) status = process(p, key, all, n_due);
    }
    bm_rewind(scratch, mark);
    return status;
}
