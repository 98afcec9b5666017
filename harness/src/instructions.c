/* SPDX-License-Identifier: Apache-2.0 */
/* The table of instructions: a hash map with chains. The rpc thread adds, bundle threads
 * end what they ran. */
#include "instructions.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"

/* Ended bundles of which is known how they ended; of so many older ones only that they did,
 * so that their late data is not kept for a request that never comes. */
enum { REMEMBERED = 1000, TOMBS = 1 << 14 };
/* Instructions that are known to have lost data. */
enum { MOST_DROPPED = 20000 };

void bm_instructions_init(bm_instructions *table)
{
    *table = (bm_instructions){ .n_buckets = 64 };
    pthread_mutex_init(&table->lock, NULL);
    bm_cond_init(&table->watcher);
    bm_cond_init(&table->released);
    table->buckets = bm_xcalloc(table->n_buckets, sizeof(bm_instruction *));
    table->last_ended = &table->ended;
}

static void free_instruction(bm_instruction *one)
{
    bm_inbox_free(one->inbox);
    free(one->error);
    free(one);
}

void bm_instructions_free(bm_instructions *table)
{
    for (size_t i = 0; i < table->n_buckets; i++) {
        for (bm_instruction *one = table->buckets[i], *next; one; one = next) {
            next = one->next_in_bucket;
            free_instruction(one);
        }
    }
    free(table->buckets);
    free(table->tombs);
    free(table->closed);
    pthread_cond_destroy(&table->watcher);
    pthread_cond_destroy(&table->released);
    pthread_mutex_destroy(&table->lock);
}

static bm_instruction **bucket_of(bm_instructions *table, uint64_t hash)
{
    return &table->buckets[hash & (table->n_buckets - 1)];
}

bm_instruction *bm_instructions_find(bm_instructions *table, beam_span id)
{
    uint64_t hash = bm_hash(id.ptr, id.len);
    bm_instruction *one = *bucket_of(table, hash);
    while (one && (one->hash != hash || one->id_len != id.len ||
                   (id.len && memcmp(one->id, id.ptr, id.len))))
        one = one->next_in_bucket;
    return one;
}

static void grow(bm_instructions *table)
{
    size_t n_old = table->n_buckets;
    bm_instruction **old = table->buckets;
    table->n_buckets *= 2;
    table->buckets = bm_xcalloc(table->n_buckets, sizeof *old);
    for (size_t i = 0; i < n_old; i++) {
        for (bm_instruction *one = old[i], *next; one; one = next) {
            next = one->next_in_bucket;
            bm_instruction **bucket = bucket_of(table, one->hash);
            one->next_in_bucket = *bucket;
            *bucket = one;
        }
    }
    free(old);
}

static bm_instruction *add(bm_instructions *table, beam_span id, bm_instruction_state state)
{
    if (table->n++ == table->n_buckets) grow(table);
    bm_instruction *one = bm_xcalloc(1, sizeof *one + id.len + 1);
    one->hash = bm_hash(id.ptr, id.len);
    one->id_len = id.len;
    if (id.len) memcpy(one->id, id.ptr, id.len);
    one->state = state;
    if (state != BM_DROPPED) one->inbox = bm_inbox_new();
    bm_instruction **bucket = bucket_of(table, one->hash);
    one->next_in_bucket = *bucket;
    *bucket = one;
    return one;
}

static void forget(bm_instructions *table, bm_instruction *one)
{
    bm_instruction **link = bucket_of(table, one->hash);
    while (*link != one) link = &(*link)->next_in_bucket;
    *link = one->next_in_bucket;
    table->n--;
    free_instruction(one);
}

static bool is_buried(const bm_instructions *table, beam_span id)
{
    uint64_t hash = bm_hash(id.ptr, id.len);
    return table->tombs && table->tombs[hash % TOMBS] == hash;
}

static void forget_oldest(bm_instructions *table)
{
    bm_instruction *oldest = table->ended;
    table->ended = oldest->next_ended;
    if (!table->ended) table->last_ended = &table->ended;
    table->n_ended--;
    if (!table->tombs) table->tombs = bm_xcalloc(TOMBS, sizeof *table->tombs);
    table->tombs[oldest->hash % TOMBS] = oldest->hash; /* in place of an older one */
    forget(table, oldest);
}

/* Takes `error` over; NULL: it succeeded. */
static void bury(bm_instructions *table, bm_instruction *one, char *error)
{
    one->state = error ? BM_FAILED : BM_FINISHED;
    one->error = error;
    bm_inbox_free(one->inbox);
    one->inbox = NULL;
    *table->last_ended = one;
    table->last_ended = &one->next_ended;
    if (++table->n_ended > REMEMBERED) forget_oldest(table);
}

static void refuse_dropped(bm_instructions *table, bm_instruction *one, beam_error *err)
{
    bm_error(err, BEAM_ERPC, "The data of bundle '%.200s' came before its request and was "
             "dropped, since that of %d others was waiting for theirs: the bundle is to be "
             "tried again.", one->id, BM_MOST_PARKED);
    table->n_dropped--;
    bury(table, one, bm_xstrdup(err->message));
}

bm_instruction *bm_instructions_begin(bm_instructions *table, beam_span id, beam_error *err)
{
    pthread_mutex_lock(&table->lock);
    bm_instruction *one = bm_instructions_find(table, id);
    if (table->closed) {
        bm_error(err, BEAM_ECANCELLED, "The worker is ending: %s.", table->closed);
        one = NULL;
    } else if (one && one->state == BM_DROPPED) {
        refuse_dropped(table, one, err);
        one = NULL;
    } else if (one && one->state != BM_PARKED) {
        bm_error(err, BEAM_ERPC, "Instruction id '%s' was used already.", one->id);
        one = NULL;
    } else {
        if (one)
            table->n_parked--;
        else
            one = add(table, id, BM_RUNNING);
        one->state = BM_RUNNING;
        one->since_ms = bm_monotonic_ms();
        table->n_running++;
        if (table->watcher_sleeps) {
            table->watcher_sleeps = false;
            pthread_cond_signal(&table->watcher);
        }
    }
    pthread_mutex_unlock(&table->lock);
    return one;
}

void bm_instructions_run(bm_instructions *table, bm_instruction *one, int thread)
{
    pthread_mutex_lock(&table->lock);
    one->thread = thread;
    pthread_mutex_unlock(&table->lock);
}

void bm_instructions_end(bm_instructions *table, bm_instruction *one, const char *error)
{
    char *kept = bm_xstrdup(error);
    pthread_mutex_lock(&table->lock);
    table->n_running--;
    bury(table, one, kept);
    pthread_mutex_unlock(&table->lock);
}

void bm_instructions_show(bm_instructions *table, bm_instruction *one,
                          struct bm_plan_slot *slot)
{
    pthread_mutex_lock(&table->lock);
    one->slot = slot;
    while (!slot && one->n_holders) pthread_cond_wait(&table->released, &table->lock);
    pthread_mutex_unlock(&table->lock);
}

void bm_instruction_hold(bm_instruction *one)
{
    one->n_holders++;
}

void bm_instructions_let_go(bm_instructions *table, bm_instruction *one)
{
    pthread_mutex_lock(&table->lock);
    if (--one->n_holders == 0) pthread_cond_broadcast(&table->released);
    pthread_mutex_unlock(&table->lock);
}

void bm_instructions_begin_split(bm_instructions *table, bm_instruction *one)
{
    pthread_mutex_lock(&table->lock);
    while (one->in_split) pthread_cond_wait(&table->released, &table->lock);
    one->in_split = true;
    pthread_mutex_unlock(&table->lock);
}

void bm_instructions_end_split(bm_instructions *table, bm_instruction *one)
{
    pthread_mutex_lock(&table->lock);
    one->in_split = false;
    pthread_cond_broadcast(&table->released);
    pthread_mutex_unlock(&table->lock);
}

/* A bundle whose request has not come; NULL: there are too many. */
static bm_instruction *add_early(bm_instructions *table, beam_span id)
{
    bool parks = table->n_parked < BM_MOST_PARKED;
    if (!parks && table->n_dropped == MOST_DROPPED) return NULL;
    *(parks ? &table->n_parked : &table->n_dropped) += 1;
    return add(table, id, parks ? BM_PARKED : BM_DROPPED);
}

bool bm_instructions_deliver(bm_instructions *table, bm_link *link, const bm_entry *entry)
{
    bm_instruction *one = bm_instructions_find(table, entry->instruction_id);
    if (!one) {
        if (table->closed || is_buried(table, entry->instruction_id)) return true;
        one = add_early(table, entry->instruction_id);
        if (!one) return false;
    }
    if (one->inbox) bm_inbox_put(one->inbox, link, entry);
    return true;
}

void bm_instructions_link_lost(bm_instructions *table, bm_link *link, const char *reason)
{
    pthread_mutex_lock(&table->lock);
    for (size_t i = 0; i < table->n_buckets; i++) {
        for (bm_instruction *one = table->buckets[i]; one; one = one->next_in_bucket) {
            if (!one->inbox || !bm_inbox_uses(one->inbox, link)) continue;
            if (one->inbox->holding == link) one->inbox->holding = NULL;
            bm_inbox_break(one->inbox, reason);
        }
    }
    link->n_holders = 0;
    pthread_mutex_unlock(&table->lock);
}

void bm_instructions_close(bm_instructions *table, const char *reason)
{
    pthread_mutex_lock(&table->lock);
    if (!table->closed) table->closed = bm_xstrdup(reason);
    for (size_t i = 0; i < table->n_buckets; i++)
        for (bm_instruction *one = table->buckets[i]; one; one = one->next_in_bucket)
            if (one->inbox) bm_inbox_break(one->inbox, reason);
    pthread_cond_signal(&table->watcher);
    pthread_mutex_unlock(&table->lock);
}
