/* SPDX-License-Identifier: Apache-2.0 */
/* Rings of samples by PCollection. Any thread; everything under the lock. */
#include "exec/data_sampler.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"

enum {
    KEPT = 10,          /* of each PCollection, and as many that failed */
    EVERY_MS = 1000,    /* once there are so many */
    LARGEST = 256 * 1024 /* element that is kept */
};

typedef struct ring {
    bm_data_sample at[KEPT]; /* each one block, to which its texts point */
    size_t n, next;
} ring;

typedef struct pcoll {
    const char *id;
    ring samples, failures;
} pcoll;

struct bm_data_sampler {
    pthread_mutex_t lock;
    bm_arena arena; /* of the map */
    bm_map pcolls;
};

bm_data_sampler *bm_data_sampler_new(void)
{
    bm_data_sampler *sampler = bm_xcalloc(1, sizeof *sampler);
    pthread_mutex_init(&sampler->lock, NULL);
    bm_arena_init(&sampler->arena, 0);
    bm_map_init(&sampler->pcolls, &sampler->arena);
    return sampler;
}

static void empty(ring *r)
{
    for (size_t i = 0; i < r->n; i++) free((void *)(uintptr_t)r->at[i].element.ptr);
    r->n = r->next = 0;
}

void bm_data_sampler_free(bm_data_sampler *sampler)
{
    if (!sampler) return;
    BM_MAP_EACH(&sampler->pcolls, entry)
    {
        empty(&((pcoll *)entry->value)->samples);
        empty(&((pcoll *)entry->value)->failures);
    }
    bm_arena_free(&sampler->arena);
    pthread_mutex_destroy(&sampler->lock);
    free(sampler);
}

bool bm_data_sampler_wants(bm_data_sampler *sampler, const char *pcoll_id)
{
    pthread_mutex_lock(&sampler->lock);
    const pcoll *one = bm_map_get(&sampler->pcolls, beam_span_of(pcoll_id));
    bool wants = !one || one->samples.n < KEPT;
    if (!wants) {
        size_t newest = (one->samples.next + KEPT - 1) % KEPT;
        wants = bm_wall_ms() - one->samples.at[newest].taken_ms >= EVERY_MS;
    }
    pthread_mutex_unlock(&sampler->lock);
    return wants;
}

static const char *append(char **at, const char *text)
{
    if (!text) return NULL;
    const char *start = *at;
    size_t n = strlen(text) + 1;
    memcpy(*at, text, n);
    *at += n;
    return start;
}

static size_t room(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static bm_data_sample copy(const bm_data_sample *from)
{
    bm_data_sample one = *from;
    char *at = bm_xmalloc(from->element.len + 1 + room(from->instruction_id)
                          + room(from->transform_id) + room(from->error));
    one.element.ptr = at;
    if (one.element.len) memcpy(at, from->element.ptr, one.element.len);
    at += one.element.len;
    one.instruction_id = append(&at, from->instruction_id);
    one.transform_id = append(&at, from->transform_id);
    one.error = append(&at, from->error);
    one.taken_ms = bm_wall_ms();
    return one;
}

static void put(ring *r, const bm_data_sample *sample)
{
    if (r->n == KEPT)
        free((void *)(uintptr_t)r->at[r->next].element.ptr);
    else
        r->n++;
    r->at[r->next] = copy(sample);
    r->next = (r->next + 1) % KEPT;
}

static pcoll *pcoll_of(bm_data_sampler *sampler, const char *id)
{
    pcoll *one = bm_map_get(&sampler->pcolls, beam_span_of(id));
    if (one) return one;
    one = BM_NEW(&sampler->arena, pcoll);
    one->id = bm_strdup(&sampler->arena, id);
    bm_map_put(&sampler->pcolls, beam_span_of(one->id), one);
    return one;
}

void bm_data_sampler_add(bm_data_sampler *sampler, const char *pcoll_id,
                         const bm_data_sample *sample)
{
    if (sample->element.len > LARGEST) return;
    pthread_mutex_lock(&sampler->lock);
    pcoll *one = pcoll_of(sampler, pcoll_id);
    put(sample->error ? &one->failures : &one->samples, sample);
    pthread_mutex_unlock(&sampler->lock);
}

static size_t move(ring *r, bm_arena *arena, bm_data_sample *out)
{
    size_t n = r->n;
    for (size_t i = 0; i < n; i++) {
        const bm_data_sample *from = &r->at[(r->next + KEPT - n + i) % KEPT];
        out[i] = *from;
        out[i].element = bm_span_copy(arena, from->element);
        if (!from->error) continue;
        out[i].instruction_id = bm_strdup(arena, from->instruction_id);
        out[i].transform_id = bm_strdup(arena, from->transform_id);
        out[i].error = bm_strdup(arena, from->error);
    }
    empty(r);
    return n;
}

size_t bm_data_sampler_take(bm_data_sampler *sampler, const char *pcoll_id, bm_arena *arena,
                            bm_data_sample **out)
{
    size_t n = 0;
    pthread_mutex_lock(&sampler->lock);
    pcoll *one = bm_map_get(&sampler->pcolls, beam_span_of(pcoll_id));
    *out = BM_NEW_ARRAY(arena, bm_data_sample, one ? one->samples.n + one->failures.n : 0);
    if (one) n = move(&one->samples, arena, *out);
    if (one) n += move(&one->failures, arena, *out + n);
    pthread_mutex_unlock(&sampler->lock);
    return n;
}

size_t bm_data_sampler_pcolls(bm_data_sampler *sampler, bm_arena *arena, const char ***out)
{
    pthread_mutex_lock(&sampler->lock);
    size_t n = 0;
    *out = BM_NEW_ARRAY(arena, const char *, sampler->pcolls.n);
    BM_MAP_EACH(&sampler->pcolls, entry)
    (*out)[n++] = bm_strdup(arena, ((pcoll *)entry->value)->id);
    pthread_mutex_unlock(&sampler->lock);
    return n;
}
