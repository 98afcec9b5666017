/* SPDX-License-Identifier: Apache-2.0 */
/* The table of what waits for finalization. Callbacks run without the lock. */
#include "finalizers.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/map.h"

enum {
    SWEEP_EVERY_MS = 10000,
    /* How long a bundle is known after its callbacks have run or expired: a runner may ask
     * again, which is no failure then. */
    REMEMBERED_MS = 600000
};

typedef struct bm_final_bundle {
    struct bm_final_bundle *next;
    uint64_t hash;
    int64_t forget_ms; /* since 1970 */
    bm_finalizer *list;
    size_t n;
    size_t id_len;
    char id[];
} final_bundle;

static void release(bm_finalizer *list, size_t n)
{
    for (size_t i = 0; i < n; i++) list[i].release(list[i].self);
    free(list);
}

static void free_bundle(final_bundle *one)
{
    release(one->list, one->n);
    free(one);
}

void bm_finalizers_init(bm_finalizers *all)
{
    *all = (bm_finalizers){ .swept_ms = bm_monotonic_ms() };
    pthread_mutex_init(&all->lock, NULL);
}

void bm_finalizers_free(bm_finalizers *all)
{
    for (size_t i = 0; i < BM_FINALIZER_BUCKETS; i++) {
        for (final_bundle *one = all->buckets[i], *next; one; one = next) {
            next = one->next;
            free_bundle(one);
        }
    }
    pthread_mutex_destroy(&all->lock);
}

/* Takes the bundles off the table that nobody may ask for any more; with the lock held. */
static final_bundle *take_old(bm_finalizers *all)
{
    final_bundle *old = NULL;
    int64_t now_ms = bm_wall_ms();
    for (size_t i = 0; i < BM_FINALIZER_BUCKETS; i++) {
        for (final_bundle **at = &all->buckets[i]; *at;) {
            final_bundle *one = *at;
            if (one->forget_ms > now_ms) {
                at = &one->next;
                continue;
            }
            *at = one->next;
            one->next = old;
            old = one;
        }
    }
    return old;
}

static final_bundle *new_bundle(beam_span id, const bm_finalizer *list, size_t n)
{
    final_bundle *one = bm_xcalloc(1, sizeof *one + id.len);
    one->hash = bm_hash(id.ptr, id.len);
    one->id_len = id.len;
    memcpy(one->id, id.ptr, id.len);
    one->list = bm_xmalloc(bm_times(n, sizeof *list));
    memcpy(one->list, list, n * sizeof *list);
    one->n = n;
    int64_t last_ms = bm_wall_ms();
    for (size_t i = 0; i < n; i++)
        if (list[i].expires_ms > last_ms) last_ms = list[i].expires_ms;
    one->forget_ms = last_ms < INT64_MAX - REMEMBERED_MS ? last_ms + REMEMBERED_MS : INT64_MAX;
    return one;
}

void bm_finalizers_add(bm_finalizers *all, beam_span id, const bm_finalizer *list, size_t n)
{
    final_bundle *one = new_bundle(id, list, n), *old = NULL;
    pthread_mutex_lock(&all->lock);
    if (bm_monotonic_ms() - all->swept_ms >= SWEEP_EVERY_MS) {
        all->swept_ms = bm_monotonic_ms();
        old = take_old(all);
    }
    final_bundle **bucket = &all->buckets[one->hash % BM_FINALIZER_BUCKETS];
    one->next = *bucket;
    *bucket = one;
    pthread_mutex_unlock(&all->lock);
    for (final_bundle *next; old; old = next) {
        next = old->next;
        free_bundle(old);
    }
}

static final_bundle *find(bm_finalizers *all, beam_span id)
{
    uint64_t hash = bm_hash(id.ptr, id.len);
    final_bundle *one = all->buckets[hash % BM_FINALIZER_BUCKETS];
    while (one && (one->hash != hash || one->id_len != id.len
                   || (id.len && memcmp(one->id, id.ptr, id.len) != 0)))
        one = one->next;
    return one;
}

static beam_status run(bm_finalizer *list, size_t n, beam_error *err)
{
    beam_status status = BEAM_OK;
    for (size_t i = 0; i < n; i++) {
        beam_error why = { .status = BEAM_OK };
        if (list[i].expires_ms < bm_wall_ms()) continue;
        beam_status one = list[i].run(list[i].self, &why);
        if (one == BEAM_OK || status != BEAM_OK) continue;
        status = bm_error(err, one, "A finalization callback failed: %s",
                          why.message[0] ? why.message : beam_status_text(one));
    }
    return status;
}

beam_status bm_finalizers_run(bm_finalizers *all, beam_span id, beam_error *err)
{
    pthread_mutex_lock(&all->lock);
    final_bundle *one = find(all, id);
    bm_finalizer *list = one ? one->list : NULL;
    size_t n = one ? one->n : 0;
    if (one) {
        one->list = NULL;
        one->n = 0;
        one->forget_ms = bm_wall_ms() + REMEMBERED_MS;
    }
    pthread_mutex_unlock(&all->lock);
    if (!one)
        return bm_error(err, BEAM_ERPC, "Bundle '%.*s' does not wait to be finalized.",
                        (int)(id.len < 200 ? id.len : 200), id.ptr);
    beam_status status = run(list, n, err);
    release(list, n);
    return status;
}
