/* SPDX-License-Identifier: Apache-2.0 */
/* See answers.h: a hash table with chains, its entries also in the order of their use. */
#include "exec/answers.h"

#include <stdlib.h>

#include "base/map.h"

enum { LARGEST = 64 << 10 }; /* request and answer */

typedef struct entry {
    struct entry *next;          /* in its chain */
    struct entry *newer, *older; /* a ring with bm_answers.ends */
    uint64_t hash;
    int64_t at_ms;
    size_t n_request, n_answer; /* bytes behind the entry */
} entry;

struct bm_answers {
    size_t most, n;
    int64_t ttl_ms;
    entry ends; /* .newer: the oldest, .older: the newest */
    entry **chains;
    size_t n_chains; /* a power of two */
};

static char *request_of(entry *e)
{
    return (char *)(e + 1);
}

static char *answer_of(entry *e)
{
    return request_of(e) + e->n_request;
}

bm_answers *bm_answers_new(size_t most, int64_t ttl_ms)
{
    bm_answers *a = bm_xcalloc(1, sizeof *a);
    a->most = most;
    a->ttl_ms = ttl_ms;
    a->ends.newer = a->ends.older = &a->ends;
    a->n_chains = 16;
    while (a->n_chains < most) a->n_chains *= 2;
    a->chains = bm_xcalloc(a->n_chains, sizeof *a->chains);
    return a;
}

void bm_answers_free(bm_answers *a)
{
    if (!a) return;
    for (entry *e = a->ends.newer, *next; e != &a->ends; e = next) {
        next = e->newer;
        free(e);
    }
    free(a->chains);
    free(a);
}

static void leave_ring(entry *e)
{
    e->newer->older = e->older;
    e->older->newer = e->newer;
}

static void be_newest(bm_answers *a, entry *e)
{
    e->newer = &a->ends;
    e->older = a->ends.older;
    e->older->newer = a->ends.older = e;
}

/* Where the chain points to the entry, or to NULL. */
static entry **place_of(bm_answers *a, beam_span request, uint64_t hash)
{
    entry **at = &a->chains[hash & (a->n_chains - 1)];
    while (*at && !((*at)->hash == hash && (*at)->n_request == request.len &&
                    !memcmp(request_of(*at), request.ptr, request.len)))
        at = &(*at)->next;
    return at;
}

static void drop(bm_answers *a, entry **at)
{
    entry *e = *at;
    *at = e->next;
    leave_ring(e);
    free(e);
    a->n--;
}

static void drop_oldest(bm_answers *a)
{
    entry *oldest = a->ends.newer, **at = &a->chains[oldest->hash & (a->n_chains - 1)];
    while (*at != oldest) at = &(*at)->next;
    drop(a, at);
}

bool bm_answers_find(bm_answers *a, beam_span request, int64_t now_ms, beam_span *answer)
{
    entry **at = place_of(a, request, bm_hash(request.ptr, request.len)), *e = *at;
    if (!e) return false;
    if (a->ttl_ms && now_ms - e->at_ms >= a->ttl_ms) {
        drop(a, at);
        return false;
    }
    leave_ring(e);
    be_newest(a, e);
    *answer = (beam_span){ answer_of(e), e->n_answer };
    return true;
}

void bm_answers_keep(bm_answers *a, beam_span request, beam_span answer, int64_t now_ms)
{
    if (answer.len > LARGEST || request.len > LARGEST - answer.len) return;
    uint64_t hash = bm_hash(request.ptr, request.len);
    entry **at = place_of(a, request, hash);
    if (*at) drop(a, at);
    if (a->n == a->most) drop_oldest(a);
    entry *e = bm_xmalloc(sizeof *e + request.len + answer.len),
          **chain = &a->chains[hash & (a->n_chains - 1)];
    *e = (entry){ .next = *chain,
                  .hash = hash,
                  .at_ms = now_ms,
                  .n_request = request.len,
                  .n_answer = answer.len };
    memcpy(request_of(e), request.ptr, request.len);
    if (answer.len) memcpy(answer_of(e), answer.ptr, answer.len);
    *chain = e;
    be_newest(a, e);
    a->n++;
}
