/* SPDX-License-Identifier: Apache-2.0 */
/* A multiset of times that knows its smallest: two heaps, one of what was added, one of what
 * was taken away again. Runner's thread. */
#include "local/local_impl.h"

static void push(bm_heap *heap, beam_millis t)
{
    if (heap->n == heap->cap) {
        heap->cap = heap->cap ? heap->cap * 2 : 16;
        heap->at = bm_xrealloc(heap->at, bm_times(heap->cap, sizeof *heap->at));
    }
    size_t i = heap->n++;
    for (; i && t < heap->at[(i - 1) / 2]; i = (i - 1) / 2)
        heap->at[i] = heap->at[(i - 1) / 2];
    heap->at[i] = t;
}

static void pop(bm_heap *heap)
{
    beam_millis last = heap->at[--heap->n];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < heap->n; i = child) {
        if (child + 1 < heap->n && heap->at[child + 1] < heap->at[child]) child++;
        if (last <= heap->at[child]) break;
        heap->at[i] = heap->at[child];
    }
    heap->at[i] = last;
}

void bm_local_holds_add(bm_holds *holds, beam_millis t)
{
    push(&holds->held, t);
}

void bm_local_holds_release(bm_holds *holds, beam_millis t)
{
    push(&holds->released, t);
}

beam_millis bm_local_holds_min(bm_holds *holds)
{
    while (holds->released.n && holds->released.at[0] == holds->held.at[0]) {
        pop(&holds->held);
        pop(&holds->released);
    }
    return holds->held.n ? holds->held.at[0] : BEAM_MAX_TIMESTAMP;
}

void bm_local_holds_free(bm_holds *holds)
{
    free(holds->held.at);
    free(holds->released.at);
    *holds = (bm_holds){ 0 };
}
