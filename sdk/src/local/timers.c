/* SPDX-License-Identifier: Apache-2.0 */
/* Timers of user keys: set, due, running in a bundle. A timer that is not off holds the
 * stage's output watermark at its hold timestamp. Runner's thread. */
#include "coders/coder_impl.h"
#include "fns/fn_spec.h"
#include "local/local_impl.h"

/* -- by time -------------------------------------------------------------------------------- */
static bool is_before(const bm_timer_entry *a, const bm_timer_entry *b)
{
    return a->fire != b->fire ? a->fire < b->fire : a->serial < b->serial;
}

static void push(bm_timer_heap *heap, bm_timer_entry entry)
{
    if (heap->n == heap->cap) {
        heap->cap = heap->cap ? heap->cap * 2 : 16;
        heap->at = bm_xrealloc(heap->at, bm_times(heap->cap, sizeof *heap->at));
    }
    size_t i = heap->n++;
    for (; i && is_before(&entry, &heap->at[(i - 1) / 2]); i = (i - 1) / 2)
        heap->at[i] = heap->at[(i - 1) / 2];
    heap->at[i] = entry;
}

static void pop(bm_timer_heap *heap)
{
    bm_timer_entry last = heap->at[--heap->n];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < heap->n; i = child) {
        if (child + 1 < heap->n && is_before(&heap->at[child + 1], &heap->at[child]))
            child++;
        if (!is_before(&heap->at[child], &last)) break;
        heap->at[i] = heap->at[child];
    }
    heap->at[i] = last;
}

/* The first entry that still means its timer; NULL: none. */
static const bm_timer_entry *first(bm_timer_heap *heap)
{
    while (heap->n) {
        const bm_timer_entry *entry = &heap->at[0];
        if (entry->timer->state == BM_TIMER_SET && entry->timer->serial == entry->serial)
            return entry;
        pop(heap);
    }
    return NULL;
}

beam_millis bm_local_timers_next(bm_timer_heap *heap)
{
    const bm_timer_entry *entry = first(heap);
    return entry ? entry->fire : INT64_MAX;
}

/* -- due ---------------------------------------------------------------------------------------- */
static bool comes_before(const bm_user_timer *a, const bm_user_timer *b)
{
    if (a->family->processing_time != b->family->processing_time)
        return b->family->processing_time;
    if (a->fire == b->fire && a->family->is_expiration != b->family->is_expiration)
        return b->family->is_expiration;
    return a->fire != b->fire ? a->fire < b->fire : a->serial < b->serial;
}

static void add_due(bm_user_timer *timer)
{
    bm_user_key *key = timer->key;
    bm_user_timer **at = &key->due;
    /* Mostly it is the last. */
    if (key->due && comes_before(key->last_due, timer)) at = &key->last_due->next;
    while (*at && comes_before(*at, timer)) at = &(*at)->next;
    timer->next = *at;
    *at = timer;
    if (!timer->next) key->last_due = timer;
    if (timer->state == BM_TIMER_SET && timer->family->id) timer->key->stage->n_fired++;
    timer->state = BM_TIMER_DUE;
}

static void remove_due(bm_user_timer *timer)
{
    bm_user_timer **at = &timer->key->due, *before = NULL;
    for (; *at != timer; at = &(*at)->next) before = *at;
    *at = timer->next;
    if (!timer->next) timer->key->last_due = before;
}

void bm_local_timers_go_on_expiring(bm_user_key *key)
{
    if (key->n_processing) return;
    bm_user_timer *all = key->expiring;
    key->expiring = NULL;
    for (bm_user_timer *next; all; all = next) {
        next = all->next;
        add_due(all);
    }
}

static void fire(bm_stage *stage, bm_timer_heap *heap, beam_millis until, bool all)
{
    const bm_timer_entry *entry;
    while ((entry = first(heap)) && (all || entry->fire < until)) {
        bm_user_timer *timer = entry->timer;
        bm_user_key *key = timer->key;
        pop(heap);
        if (timer->family->is_expiration && key->n_processing) {
            timer->next = key->expiring;
            key->expiring = timer;
            continue;
        }
        add_due(timer);
        bm_local_stage_key_ready(stage, key);
    }
}

/* Event time has passed a timer when the watermark is later than it. */
void bm_local_timers_fire_due(bm_local *l, bm_stage *stage)
{
    fire(stage, &stage->event_timers, stage->input, stage->input >= BEAM_MAX_TIMESTAMP);
    fire(stage, &stage->processing_timers, bm_local_now(l) + 1, false);
}

static void turn_off(bm_stage *stage, bm_user_timer *timer)
{
    if (timer->state == BM_TIMER_OFF) return;
    if (timer->state == BM_TIMER_DUE) remove_due(timer);
    if (timer->state != BM_TIMER_SET && timer->family->id) stage->n_fired--;
    bm_local_holds_release(&stage->timer_holds, timer->hold);
    timer->state = BM_TIMER_OFF;
    free(timer->bytes);
    timer->bytes = NULL;
    if (timer->family->processing_time) timer->key->n_processing--;
}

/* The windows in a timer's bytes: after key and tag, which is empty here. */
static void forget_state(bm_user_timer *timer)
{
    size_t n = timer->key->key.len + 1;
    bm_local_state_forget(timer->key, (beam_span){ (const char *)timer->bytes + n,
                                                   timer->n_bytes - n });
}

/* -- in bundles --------------------------------------------------------------------------------- */
/* Expirations that the worker need not know of. */
static void expire(bm_stage *stage, bm_user_key *key)
{
    while (key->due && key->due->family == &stage->expiration && !stage->expiration.id) {
        forget_state(key->due);
        turn_off(stage, key->due);
    }
}

static bool is_sorters(const bm_user_timer *timer)
{
    return timer->family->id && !strcmp(timer->family->id, BM_SORTED_FAMILY);
}

/* Those of one moment. The worker that keeps elements in order of time (exec/time_sorted.c)
 * has a timer for the first of them and one for the last, and reads all that it keeps for
 * each timer of the key: its own go along with what comes next, for which it gives out all
 * elements before. */
size_t bm_local_timers_take(bm_user_key *key, bm_bundle *bundle)
{
    expire(bundle->stage, key);
    const bm_user_timer *head = key->due;
    beam_millis fire = head ? head->fire : 0;
    bool goes_on = head && is_sorters(head);
    size_t n = 0;
    while (key->due && (key->due->fire == fire || goes_on) &&
           key->due->family->is_expiration == head->family->is_expiration &&
           key->due->family->processing_time == head->family->processing_time) {
        bm_user_timer *timer = key->due;
        key->due = timer->next;
        fire = timer->fire;
        goes_on = goes_on && is_sorters(timer);
        timer->state = BM_TIMER_RUNNING;
        timer->next = NULL;
        if (bundle->timers)
            bundle->last_timer->next = timer;
        else
            bundle->timers = timer;
        bundle->last_timer = timer;
        n++;
    }
    return n;
}

void bm_local_timers_done(bm_bundle *bundle)
{
    for (bm_user_timer *t = bundle->timers, *next; t; t = next) {
        next = t->next;
        if (t->family->is_expiration) forget_state(t);
        turn_off(bundle->stage, t);
    }
    bundle->timers = NULL;
}

void bm_local_timers_give_back(bm_bundle *bundle)
{
    for (bm_user_timer *t = bundle->timers, *next; t; t = next) {
        next = t->next;
        t->n_attempts++;
        add_due(t);
    }
    bundle->timers = NULL;
}

/* -- set and cleared by the worker ----------------------------------------------------------------- */
typedef struct setting {
    beam_span key, tag, windows, bytes;
    bool clear;
    beam_millis fire, hold;
} setting;

static beam_status read_times(bm_reader *in, setting *out)
{
    beam_pane pane;
    bool has_metadata;
    uint8_t clear;
    BEAM_TRY(bm_read_u8(in, &clear));
    out->clear = clear;
    if (clear) return BEAM_OK;
    BEAM_TRY(bm_read_timestamp(in, &out->fire));
    BEAM_TRY(bm_read_timestamp(in, &out->hold));
    return bm_pane_decode(in, &pane, &has_metadata);
}

static beam_status read_setting(const bm_coder *coder, bm_reader *in, setting *out)
{
    const uint8_t *start = in->at;
    *out = (setting){ .clear = false };
    BEAM_TRY(bm_skip(coder->arg[0], true, in));
    out->key = (beam_span){ (const char *)start, (size_t)(in->at - start) };
    BEAM_TRY(bm_read_prefixed(in, &out->tag));
    const uint8_t *windows = in->at;
    BEAM_TRY(bm_windows_skip(coder->arg[1], in));
    out->windows = (beam_span){ (const char *)windows, (size_t)(in->at - windows) };
    BEAM_TRY(read_times(in, out));
    out->bytes = (beam_span){ (const char *)start, (size_t)(in->at - start) };
    return BEAM_OK;
}

static bm_user_timer *find(bm_stage *stage, bm_user_key *key,
                           const bm_timer_family *family, const setting *s)
{
    bm_writer id = { 0 };
    bm_write_varint(&id, family->index);
    bm_write_bytes(&id, s->windows.ptr, s->windows.len);
    bm_write_bytes(&id, s->tag.ptr, s->tag.len);
    bm_user_timer *timer = bm_map_get(&key->timers, bm_written(&id));
    if (!timer && !s->clear) {
        timer = BM_NEW(&stage->key_arena, bm_user_timer);
        timer->key = key;
        timer->family = family;
        bm_map_put_copy(&key->timers, bm_written(&id), timer);
    }
    bm_writer_free(&id);
    return timer;
}

static void set(bm_local *l, bm_stage *stage, bm_user_timer *timer, const setting *s)
{
    timer->fire = s->fire;
    timer->hold = s->hold;
    timer->serial = ++l->n_serials;
    timer->state = BM_TIMER_SET;
    timer->n_attempts = 0;
    if (timer->family->processing_time) timer->key->n_processing++;
    timer->n_bytes = s->bytes.len;
    timer->bytes = memcpy(bm_xmalloc(s->bytes.len), s->bytes.ptr, s->bytes.len);
    bm_local_holds_add(&stage->timer_holds, s->hold);
    push(timer->family->processing_time ? &stage->processing_timers
                                        : &stage->event_timers,
         (bm_timer_entry){ s->fire, timer->serial, timer });
}

beam_status bm_local_timers_apply(bm_local *l, bm_bundle *bundle,
                                  const bm_timer_family *family, beam_span encoded)
{
    bm_stage *stage = bundle->stage;
    bm_reader in = bm_reader_of(encoded);
    while (bm_left(&in)) {
        setting s;
        if (read_setting(family->coder, &in, &s))
            return bm_error(
                l->err, BEAM_ECODER,
                "%s: the worker sent timers of family '%s' that cannot be read",
                stage->name, family->id);
        bm_user_key *key = bm_map_get(&stage->keys, s.key);
        if (!key || !key->is_busy)
            return bm_error(
                l->err, BEAM_EINVAL,
                "%s: the worker set a timer of a key that its bundle does not "
                "have",
                stage->name);
        bm_user_timer *timer = find(stage, key, family, &s);
        if (timer) turn_off(stage, timer);
        if (!s.clear) set(l, stage, timer, &s);
    }
    return BEAM_OK;
}

void bm_local_timers_watch(bm_local *l, bm_stage *stage, bm_user_key *key,
                           beam_span windows, beam_span bytes, beam_millis fire_at,
                           beam_millis hold)
{
    const setting s = { .key = key->key,
                        .tag = { "", 0 },
                        .windows = windows,
                        .bytes = bytes,
                        .fire = fire_at,
                        .hold = hold };
    bm_user_timer *timer = find(stage, key, &stage->expiration, &s);
    if (timer->state == BM_TIMER_OFF) set(l, stage, timer, &s);
}

void bm_local_timers_free(bm_stage *stage)
{
    BM_MAP_EACH(&stage->keys, k)
    {
        bm_user_key *key = k->value;
        BM_MAP_EACH(&key->timers, t) free(((bm_user_timer *)t->value)->bytes);
    }
    free(stage->event_timers.at);
    free(stage->processing_timers.at);
}
