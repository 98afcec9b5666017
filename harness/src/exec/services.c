/* SPDX-License-Identifier: Apache-2.0 */
/* See services.h. */
#include "exec/services.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/map.h"

enum { LATE_NS = 10000000, TELL_MS = 60000 };

struct bm_service {
    _Atomic int64_t next_ns; /* not before then */
    pthread_mutex_t lock;    /* guards what follows */
    int64_t told_ms;
    bool was_told;
    uint64_t untold;
};

struct bm_services {
    const bm_log *people;
    bm_arena arena;
    pthread_mutex_t lock; /* guards the map */
    bm_map all;
};

bm_services *bm_services_new(const bm_log *people)
{
    bm_services *s = bm_xcalloc(1, sizeof *s);
    s->people = people;
    bm_arena_init(&s->arena, 0);
    bm_map_init(&s->all, &s->arena);
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void bm_services_free(bm_services *s)
{
    if (!s) return;
    BM_MAP_EACH(&s->all, entry)
    pthread_mutex_destroy(&((bm_service *)entry->value)->lock);
    pthread_mutex_destroy(&s->lock);
    bm_arena_free(&s->arena);
    free(s);
}

const bm_log *bm_services_people(const bm_services *s)
{
    return s->people;
}

bm_service *bm_services_of(bm_services *s, const char *transform_id)
{
    beam_span key = beam_span_of(transform_id);
    pthread_mutex_lock(&s->lock);
    bm_service *service = bm_map_get(&s->all, key);
    if (!service) {
        service = BM_NEW(&s->arena, bm_service);
        pthread_mutex_init(&service->lock, NULL);
        bm_map_put_copy(&s->all, key, service);
    }
    pthread_mutex_unlock(&s->lock);
    return service;
}

int64_t bm_service_take_turn(bm_service *s, int64_t interval_ns, int64_t now_ns)
{
    int64_t next = atomic_load(&s->next_ns), turn;
    do {
        turn = next < now_ns - LATE_NS ? now_ns - LATE_NS : next;
        if (turn > now_ns) return turn - now_ns;
    } while (!atomic_compare_exchange_weak(&s->next_ns, &next, turn + interval_ns));
    return 0;
}

uint64_t bm_service_retries(bm_service *s, int64_t now_ms)
{
    pthread_mutex_lock(&s->lock);
    uint64_t n = ++s->untold;
    if (s->was_told && now_ms - s->told_ms < TELL_MS) {
        n = 0;
    } else {
        s->was_told = true;
        s->told_ms = now_ms;
        s->untold = 0;
    }
    pthread_mutex_unlock(&s->lock);
    return n;
}
