/* SPDX-License-Identifier: Apache-2.0 */
/* Timers: what the runner fires, what callbacks set. Bundle thread. */
#include "exec/timers.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"

enum { HAND_OVER_BYTES = 1 << 20, EXPIRATION = -1, SORTED = -2 };

typedef struct family {
    const char *name;
    int timer; /* index in .timers, EXPIRATION or SORTED */
    int port;
    beam_time_domain domain;
    const bm_coder *coder;
    const char *callback; /* for messages */
    bm_writer tail;       /* a timer of which only a part has come */
    bm_writer out;
} family;

/* A timer that the bundle has set or cleared. */
typedef struct set_timer {
    struct set_timer *next; /* of its row */
    const family *of;
    beam_span tag;
    bool clear;
    beam_millis fire, hold;
    bool unset; /* not by the bundle: an attempt that did so was undone */
} set_timer;

/* Those of one key and window. */
typedef struct bm_timer_row {
    struct bm_timer_row *next;
    beam_span key, window; /* encoded */
    set_timer *first, *last;
    size_t n_to_fire;
} bm_timer_row;

/* A change of the attempt under way. */
typedef struct change {
    bm_timer_row *row;
    set_timer *set, before;
} change;

struct bm_timers {
    bm_node *node;
    beam_ctx *ctx;
    const beam_dofn *fn;
    bm_user_state *state;
    beam_millis allowed_lateness;
    family *families;
    size_t n;
    bm_par_do *par_do;
    family *expiration;   /* NULL: there is no on_window_expiration */
    family *sorted;       /* NULL: the input is not sorted here */
    bool sets_expiration; /* it is not the runner that sets its timers */

    bm_arena arena;    /* of what the bundle sets */
    bm_map rows, sets; /* by encoded key and window; by row, family and tag */
    bm_timer_row *first, *last;
    bm_writer id;

    bool attempting;
    change *changes;
    size_t n_changes, cap_changes;
};

/* -- the bundle's own timers ------------------------------------------------------------------ */
static bm_timer_row *row_of(bm_timers *t)
{
    bm_row *row = bm_user_state_row(t->state);
    if (!row) return NULL;
    if (row->timers) return row->timers;
    beam_span both = { row->key.ptr, row->key.len + row->window.len };
    bool is_new;
    void **slot = bm_map_slot(&t->rows, both, &is_new);
    if (is_new) {
        bm_timer_row *made = BM_NEW(&t->arena, bm_timer_row);
        beam_span copy = bm_span_copy(&t->arena, both);
        made->key = (beam_span){ copy.ptr, row->key.len };
        made->window = (beam_span){ copy.ptr + row->key.len, row->window.len };
        t->rows.entries[t->rows.n - 1].key = copy;
        *slot = made;
        if (t->last)
            t->last->next = made;
        else
            t->first = made;
        t->last = made;
    }
    return row->timers = *slot;
}

static beam_span id_of(bm_timers *t, const bm_timer_row *row, const family *of, beam_span tag)
{
    t->id.len = 0;
    bm_write_bytes(&t->id, &row, sizeof row);
    bm_write_bytes(&t->id, &of, sizeof of);
    bm_write_bytes(&t->id, tag.ptr, tag.len);
    return bm_written(&t->id);
}

static set_timer *find_set(bm_timers *t, const bm_timer_row *row, const family *of,
                           beam_span tag)
{
    set_timer *set = row->first ? bm_map_get(&t->sets, id_of(t, row, of, tag)) : NULL;
    return set && !set->unset ? set : NULL;
}

/* The record of a timer that is set or cleared now. */
static set_timer *record(bm_timers *t, bm_timer_row *row, const family *of, beam_span tag)
{
    bool is_new;
    void **slot = bm_map_slot(&t->sets, id_of(t, row, of, tag), &is_new);
    set_timer *set = *slot;
    if (is_new) {
        t->sets.entries[t->sets.n - 1].key = bm_span_copy(&t->arena, bm_written(&t->id));
        *slot = set = BM_NEW(&t->arena, set_timer);
        set->of = of;
        set->tag = bm_span_copy(&t->arena, tag);
        set->clear = set->unset = true;
        if (row->last)
            row->last->next = set;
        else
            row->first = set;
        row->last = set;
    }
    return set;
}

static void put(bm_timer_row *row, set_timer *set, bool clear, beam_millis fire,
                beam_millis hold)
{
    row->n_to_fire += (size_t)set->clear - (size_t)clear;
    set->clear = clear;
    set->fire = fire;
    set->hold = hold;
    set->unset = false;
}

/* put() by a callback whose attempt may be undone. */
static void change_timer(bm_timers *t, bm_timer_row *row, set_timer *set, bool clear,
                         beam_millis fire, beam_millis hold)
{
    if (t->attempting) {
        if (t->n_changes == t->cap_changes) {
            t->cap_changes = t->cap_changes ? t->cap_changes * 2 : 8;
            t->changes = bm_xrealloc(t->changes, bm_times(t->cap_changes, sizeof *t->changes));
        }
        t->changes[t->n_changes++] = (change){ row, set, *set };
    }
    put(row, set, clear, fire, hold);
}

void bm_timers_attempt(bm_timers *t)
{
    t->attempting = true;
    t->n_changes = 0;
}

void bm_timers_keep(bm_timers *t)
{
    t->attempting = false;
}

void bm_timers_undo(bm_timers *t)
{
    t->attempting = false;
    while (t->n_changes) {
        const change *last = &t->changes[--t->n_changes];
        put(last->row, last->set, last->before.clear, last->before.fire, last->before.hold);
        last->set->unset = last->before.unset;
    }
}

static set_timer *next_before(const bm_timer_row *row, beam_time_domain domain,
                              beam_millis before)
{
    set_timer *next = NULL;
    for (set_timer *set = row->first; set; set = set->next)
        if (!set->clear && set->of->domain == domain && set->fire < before
            && set->of->timer != SORTED /* was taken care of */
            && (!next || set->fire < next->fire))
            next = set;
    return next;
}

/* -- firing --------------------------------------------------------------------------------------- */
/* The moment that the last word about a key in a window may be said. */
static beam_millis expiry_of(const bm_timers *t, const beam_window *w)
{
    beam_millis last = beam_window_max_timestamp(*w);
    beam_millis most = BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP;
    if (last >= most) return most;
    return t->allowed_lateness > most - last ? most : last + t->allowed_lateness;
}

static beam_status call(bm_timers *t, const family *of, const beam_timer *timer)
{
    const beam_dofn *fn = t->fn;
    if (of->timer == EXPIRATION) return fn->on_window_expiration(t->ctx, timer->key);
    return fn->on_timer(t->ctx, timer);
}

typedef struct firing {
    bm_timers *t;
    const family *of;
    beam_timer timer;
} firing;

/* Runs the callback in the context's key and window. */
static beam_status run_callback(void *self, const bm_element *element)
{
    (void)element;
    const firing *f = self;
    bm_timers *t = f->t;
    beam_ctx *c = t->ctx;
    bm_arena *scratch = &t->node->plan->scratch;
    bm_mark mark = bm_scratch_mark(scratch);
    bm_node *outer = bm_enter(t->node);
    bm_user_state_enter(t->state);
    c->callback = f->of->callback;
    beam_status status = bm_callback_ended(c, call(t, f->of, &f->timer));
    c->callback = NULL;
    bm_leave(t->node, outer);
    bm_rewind(scratch, mark);
    return status;
}

static beam_status fire(bm_timers *t, const family *of, beam_span tag, beam_millis at,
                        beam_millis hold)
{
    beam_ctx *c = t->ctx;
    bm_element *element = (bm_element *)(uintptr_t)c->element;
    beam_millis last = beam_window_max_timestamp(element->windows->at[0]);
    bool holds = hold <= BEAM_MAX_TIMESTAMP;
    element->timestamp = holds                                            ? hold
                         : of->domain == BEAM_EVENT_TIME && at < last ? at
                                                                      : last;
    firing f = { t, of, { .timer = of->timer,
                          .tag = tag,
                          .key = beam_key(element->value),
                          .fire_at = at,
                          .output_timestamp = element->timestamp } };
    struct bm_catch *caught = t->par_do->caught;
    return caught ? bm_catch_all(caught, element, of->name, run_callback, &f)
                  : run_callback(&f, element);
}

/* The context's row; reading it is the first thing that a callback does. */
static bm_timer_row *touched_row(bm_timers *t)
{
    if (!t->first) return NULL;
    bm_user_state_enter(t->state);
    return row_of(t);
}

/* Elements that were kept up to the moment come first. Looking for them is not an element's
 * process(): it does not ask for another end of the window, or the end would never come. */
static beam_status process_sorted(bm_timers *t, const family *of, beam_millis now)
{
    const beam_window *w = &t->ctx->element->windows->at[0];
    bool is_over = now >= expiry_of(t, w);
    bool is_first = now < BEAM_MIN_TIMESTAMP + t->allowed_lateness;
    t->ctx->callback = of->callback;
    beam_status status = bm_sorter_process(t->par_do,
                                           is_over    ? BEAM_MAX_TIMESTAMP
                                           : is_first ? BEAM_MIN_TIMESTAMP
                                                      : now - t->allowed_lateness);
    t->ctx->callback = NULL;
    return status;
}

/* Timers that the bundle has set for a moment before `before`. */
static beam_status fire_own(bm_timers *t, beam_time_domain domain, beam_millis before)
{
    bm_timer_row *row = touched_row(t);
    if (!row) return t->node->plan->error.status;
    for (set_timer *set; row->n_to_fire && (set = next_before(row, domain, before));) {
        beam_millis at = set->fire, hold = set->hold;
        put(row, set, true, 0, 0);
        BEAM_TRY(fire(t, set->of, set->tag, at, hold));
    }
    return BEAM_OK;
}

beam_status bm_timers_fire_before(bm_timers *t, beam_millis timestamp)
{
    if (!t->fn->timers.n) return BEAM_OK;
    beam_millis before;
    if (__builtin_add_overflow(timestamp, t->allowed_lateness, &before)) before = INT64_MAX;
    return fire_own(t, BEAM_EVENT_TIME, before);
}

static beam_status fire_one(bm_timers *t, const family *of, const bm_timer *timer,
                            const beam_window *window)
{
    const beam_value pair[2] = { timer->key, beam_null() };
    bm_one_window one;
    bm_element element = { beam_kv(pair), timer->hold, bm_one_window_set(&one, window),
                           timer->pane };
    t->ctx->element = &element;
    beam_status status = BEAM_OK;
    if (t->sorted && of->domain == BEAM_EVENT_TIME) status = process_sorted(t, of, timer->fire);
    t->ctx->element = &element;
    if (status == BEAM_OK) status = fire_own(t, of->domain, timer->fire);
    if (status == BEAM_OK && of->timer != SORTED) {
        bm_timer_row *row = touched_row(t);
        bool overruled = row && find_set(t, row, of, timer->tag);
        status = overruled ? t->node->plan->error.status
                           : fire(t, of, timer->tag, timer->fire, timer->hold);
    }
    t->ctx->element = NULL;
    return status;
}

static beam_status fire_timer(bm_timers *t, const family *of, const bm_timer *timer)
{
    if (timer->clear)
        return bm_fail(t->node, BEAM_ECODER, "got a bad timer", "the runner sent a cleared timer "
                       "of family '%s'", of->name);
    for (size_t i = 0; i < timer->windows->n; i++)
        BEAM_TRY(fire_one(t, of, timer, &timer->windows->at[i]));
    return BEAM_OK;
}

/* Fires the whole timers; bytes of a cut one are left in `in`. */
static beam_status fire_all(bm_timers *t, const family *of, bm_reader *in)
{
    bm_arena *scratch = &t->node->plan->scratch;
    while (bm_left(in)) {
        bm_mark mark = bm_scratch_mark(scratch);
        const uint8_t *start = in->at;
        bm_timer timer;
        beam_status status = bm_timer_decode(of->coder, in, scratch, &timer);
        if (status == BEAM_ESHORT) {
            in->at = start;
            bm_rewind(scratch, mark);
            return BEAM_OK;
        }
        if (status != BEAM_OK)
            return bm_fail(t->node, status, "got a bad timer", "family '%s' has bytes that are "
                           "not what its coder %s says", of->name,
                           bm_coder_text(scratch, of->coder->arg[0]));
        BEAM_TRY(fire_timer(t, of, &timer));
        bm_rewind(scratch, mark);
    }
    return BEAM_OK;
}

static family *family_at(bm_timers *t, int port)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->families[i].port == port) return &t->families[i];
    return NULL;
}

beam_status bm_timers_fire(bm_timers *t, int port, beam_span data)
{
    family *of = family_at(t, port);
    bool in_tail = of->tail.len > 0;
    if (in_tail) bm_write_bytes(&of->tail, data.ptr, data.len);
    bm_reader in = bm_reader_of(in_tail ? bm_written(&of->tail) : data);
    BEAM_TRY(fire_all(t, of, &in));
    size_t left = bm_left(&in);
    if (in_tail && left) memmove(of->tail.data, in.at, left);
    if (in_tail) of->tail.len = left;
    if (!in_tail && left) bm_write_bytes(&of->tail, in.at, left);
    return BEAM_OK;
}

/* -- sending ---------------------------------------------------------------------------------------- */
static beam_status hand_over(bm_timers *t, family *of, bool last)
{
    const bm_bundle_io *io = t->node->plan->io;
    beam_error err = { 0 };
    beam_status status = io->write_timers(io->self, of->port, &of->out, last, &err);
    if (status == BEAM_OK) return BEAM_OK;
    return bm_fail(t->node, status, "could not send its timers", "%s", err.message);
}

static beam_status send_row(bm_timers *t, const bm_timer_row *row)
{
    bm_arena *scratch = &t->node->plan->scratch;
    bm_mark mark = bm_arena_mark(scratch);
    bm_timer timer = { .pane = &bm_no_firing };
    bm_reader key = bm_reader_of(row->key), window = bm_reader_of(row->window);
    bm_one_window one;
    one.one.n = 1;
    beam_status status = bm_decode(t->state->key_coder, true, &key, scratch, &timer.key);
    if (status == BEAM_OK)
        status = bm_window_decode(t->state->window_coder, &window, scratch, &one.one.at);
    timer.windows = &one.windows;
    for (const set_timer *set = row->first; status == BEAM_OK && set; set = set->next) {
        if (set->unset) continue;
        family *of = (family *)(uintptr_t)set->of;
        timer.tag = set->tag;
        timer.clear = set->clear;
        timer.fire = set->fire;
        timer.hold = set->hold;
        status = bm_timer_encode(of->coder, &timer, &of->out);
        if (status == BEAM_OK && of->out.len >= HAND_OVER_BYTES)
            status = hand_over(t, of, false);
    }
    bm_rewind(scratch, mark);
    if (status == BEAM_OK || bm_failed(t->node->plan)) return status;
    return bm_fail(t->node, status, "could not send its timers", "a key or window cannot be "
                   "encoded (%s)", beam_status_text(status));
}

beam_status bm_timers_finish(bm_timers *t)
{
    for (const bm_timer_row *row = t->first; row; row = row->next) BEAM_TRY(send_row(t, row));
    for (size_t i = 0; i < t->n; i++) {
        if (t->families[i].tail.len)
            return bm_fail(t->node, BEAM_ECODER, "got a bad timer", "the input of family '%s' "
                           "ends in the middle of a timer", t->families[i].name);
        BEAM_TRY(hand_over(t, &t->families[i], true));
    }
    return BEAM_OK;
}

/* -- setting ------------------------------------------------------------------------------------------ */
static const family *family_of(beam_ctx *c, int timer, const char *call)
{
    const bm_timers *t = c->timers;
    if (bm_failed(c->node->plan)) return NULL;
    size_t declared = t ? t->fn->timers.n : 0;
    if (timer < 0 || (size_t)timer >= declared) {
        beam_fail(c, BEAM_ESTATE, "%s() of timer %d: the DoFn declares %zu in .timers",
                  call, timer, declared);
        return NULL;
    }
    const family *of = &t->families[timer];
    if (c->element) return of;
    beam_fail(c, BEAM_ESTATE,
              "%s() of timer '%s': there is no key here; timers are for process, "
              "on_timer and on_window_expiration",
              call, of->name);
    return NULL;
}

/* One sentence about what is wrong with the times, or NULL. */
static const char *time_problem(const bm_timers *t, const family *of, beam_millis at,
                                beam_millis hold, bool holds, char *text, size_t size)
{
    const bm_element *element = t->ctx->element;
    const beam_window *w = &element->windows->at[0];
    beam_millis expiry = expiry_of(t, w);
    if (of->domain == BEAM_EVENT_TIME && at > expiry)
        snprintf(text, size, "event time %lld is after the end of its window, %lld with allowed "
                 "lateness: it would never fire", (long long)at, (long long)expiry);
    else if (at < BEAM_MIN_TIMESTAMP || at > BEAM_MAX_TIMESTAMP)
        snprintf(text, size, "time %lld is outside of what Beam can hold", (long long)at);
    else if (holds && hold < element->timestamp)
        snprintf(text, size, "output timestamp %lld is before that of the %s, %lld",
                 (long long)hold, t->ctx->callback ? "timer that fires" : "element",
                 (long long)element->timestamp);
    else if (holds && of->domain == BEAM_EVENT_TIME && hold > at)
        snprintf(text, size, "output timestamp %lld is after the time at which it fires, %lld",
                 (long long)hold, (long long)at);
    else if (holds && hold > expiry)
        snprintf(text, size, "output timestamp %lld is after the end of its window, %lld with "
                 "allowed lateness", (long long)hold, (long long)expiry);
    else
        return NULL;
    return text;
}

static beam_status set(beam_ctx *c, const family *of, beam_millis at, const beam_timer_opts *opts)
{
    bm_timers *t = c->timers;
    beam_millis now = c->element->timestamp;
    /* A time that is gone by is as good as now; emitting earlier than now is not allowed. */
    beam_millis hold = opts->has_output_timestamp                ? opts->output_timestamp
                       : of->domain == BEAM_EVENT_TIME && at > now ? at
                                                                   : now;
    bool holds = !opts->no_output_timestamp;
    bool given = opts->has_output_timestamp && holds;
    char text[192];
    const char *problem = time_problem(t, of, at, hold, given, text, sizeof text);
    if (problem) return beam_fail(c, BEAM_EINVAL, "timer '%s': %s", of->name, problem);
    if (!holds) hold = BEAM_MAX_TIMESTAMP + 1;
    bm_timer_row *row = row_of(t);
    if (!row) return c->node->plan->error.status;
    change_timer(t, row, record(t, row, of, opts->tag), false, at, hold);
    return BEAM_OK;
}

static const beam_timer_opts no_opts;

beam_status beam_timer_set_with(beam_ctx *c, int timer, beam_millis at,
                                const beam_timer_opts *opts)
{
    const family *of = family_of(c, timer, __func__);
    return of ? set(c, of, at, opts ? opts : &no_opts) : c->node->plan->error.status;
}

beam_status beam_timer_set(beam_ctx *c, int timer, beam_millis at)
{
    const family *of = family_of(c, timer, __func__);
    return of ? set(c, of, at, &no_opts) : c->node->plan->error.status;
}

beam_status beam_timer_clear(beam_ctx *c, int timer, beam_span tag)
{
    const family *of = family_of(c, timer, __func__);
    bm_timer_row *row = of ? row_of(c->timers) : NULL;
    if (!row) return c->node->plan->error.status;
    change_timer(c->timers, row, record(c->timers, row, of, tag), true, 0, 0);
    return BEAM_OK;
}

beam_millis beam_now(beam_ctx *c)
{
    const bm_bundle_io *io = c->node->plan->io;
    if (io && io->now) return io->now(io->self);
    return bm_wall_ms();
}

beam_status bm_timers_expire(bm_timers *t)
{
    if (!t->sets_expiration) return BEAM_OK;
    bm_timer_row *row = row_of(t);
    if (!row) return t->node->plan->error.status;
    const beam_window *w = &t->ctx->element->windows->at[0];
    set_timer *set = record(t, row, t->expiration, (beam_span){ "", 0 });
    if (set->clear) put(row, set, false, expiry_of(t, w), beam_window_max_timestamp(*w));
    return BEAM_OK;
}

beam_status bm_timers_set_sorted(bm_timers *t, const char *tag, beam_millis at,
                                 beam_millis hold)
{
    bm_timer_row *row = row_of(t);
    if (!row) return t->node->plan->error.status;
    beam_millis expiry = expiry_of(t, &t->ctx->element->windows->at[0]);
    at = at > expiry - t->allowed_lateness ? expiry : at + t->allowed_lateness;
    put(row, record(t, row, t->sorted, beam_span_of(tag)), false, at, hold);
    return BEAM_OK;
}

/* -- life --------------------------------------------------------------------------------------------- */
static const bm_timer_info *find_info(const bm_transform *t, const char *name)
{
    for (size_t i = 0; i < t->n_timers; i++)
        if (strcmp(t->timers[i].family, name) == 0) return &t->timers[i];
    return NULL;
}

static beam_status add_family(bm_timers *t, const bm_transform *transform, const char *name,
                              int timer, beam_time_domain domain, beam_error *err)
{
    const bm_timer_info *info = find_info(transform, name);
    const char *problem =
        !info                    ? "the pipeline does not have it; was it made by another "
                                   "version of the program?"
        : info->domain != domain ? "the pipeline has it in another time domain; was it made by "
                                   "another version of the program?"
                                 : NULL;
    if (problem)
        return bm_error(err, BEAM_EINVAL, "Transform '%s' (DoFn '%s'), timer '%s': %s",
                        transform->name, t->fn->name, name, problem);
    bm_plan *plan = t->node->plan;
    family *of = &t->families[t->n++];
    *of = (family){ .name = info->family,
                    .timer = timer,
                    .domain = domain,
                    .coder = info->coder,
                    .port = bm_plan_add_timers(plan, t->node, info->family),
                    .callback = timer == EXPIRATION
                                    ? "on_window_expiration"
                                    : bm_format(&plan->arena, "on_timer of '%s'", name) };
    return BEAM_OK;
}

static void forget(bm_timers *t)
{
    bm_arena_reset(&t->arena);
    bm_map_init(&t->rows, &t->arena);
    bm_map_init(&t->sets, &t->arena);
    t->first = t->last = NULL;
}

beam_status bm_timers_new(bm_par_do *p, const bm_transform *transform, beam_error *err)
{
    bm_arena *arena = &p->node.plan->arena;
    const beam_dofn *fn = p->fn;
    bm_timers *t = p->ctx.timers = BM_NEW(arena, bm_timers);
    t->node = &p->node;
    t->ctx = &p->ctx;
    t->fn = fn;
    t->state = p->ctx.state;
    t->allowed_lateness = p->input->pcoll->allowed_lateness;
    t->par_do = p;
    t->families = BM_NEW_ARRAY(arena, family, fn->timers.n + 2);
    bm_arena_init(&t->arena, 0);
    forget(t);
    for (size_t i = 0; i < fn->timers.n; i++) {
        if (!fn->on_timer)
            return bm_error(err, BEAM_EINVAL, "DoFn '%s' has timers but no .on_timer", fn->name);
        BEAM_TRY(add_family(t, transform, fn->timers.at[i].family, (int)i,
                            fn->timers.at[i].domain, err));
    }
    if (p->ctx.state->sorted) {
        BEAM_TRY(add_family(t, transform, BM_SORTED_FAMILY, SORTED, BEAM_EVENT_TIME, err));
        t->sorted = &t->families[t->n - 1];
    }
    if (!fn->on_window_expiration) return BEAM_OK;
    const char *name = transform->expiration_family;
    t->sets_expiration = !name;
    BEAM_TRY(add_family(t, transform, name ? name : BM_EXPIRATION_FAMILY, EXPIRATION,
                        BEAM_EVENT_TIME, err));
    t->expiration = &t->families[t->n - 1];
    return BEAM_OK;
}

void bm_timers_start(bm_timers *t)
{
    forget(t);
    t->attempting = false;
    for (size_t i = 0; i < t->n; i++) t->families[i].tail.len = t->families[i].out.len = 0;
}

void bm_timers_free(bm_timers *t)
{
    bm_arena_free(&t->arena);
    bm_writer_free(&t->id);
    free(t->changes);
    for (size_t i = 0; i < t->n; i++) {
        bm_writer_free(&t->families[i].tail);
        bm_writer_free(&t->families[i].out);
    }
}
