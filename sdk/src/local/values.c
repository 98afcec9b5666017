/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks that double up to a size that is still a good page. One thread at a time. */
#include "local/values.h"

#include <stdlib.h>

enum { FIRST_CHUNK = 32, LARGEST_CHUNK = 64 * 1024 };

typedef struct chunk {
    bm_value_chunk seen; /* first: a chunk is what its reader sees, and more */
    size_t cap;
    char bytes[];
} chunk;

static chunk *add_chunk(bm_values *values, size_t n_bytes)
{
    chunk *last = (chunk *)values->last;
    size_t cap = last ? 2 * last->cap : FIRST_CHUNK;
    if (cap > LARGEST_CHUNK) cap = LARGEST_CHUNK;
    if (cap < n_bytes) cap = n_bytes;
    chunk *added = bm_xmalloc(sizeof *added + cap);
    added->seen = (bm_value_chunk){ .bytes = added->bytes };
    added->cap = cap;
    if (last)
        last->seen.next = &added->seen;
    else
        values->first = &added->seen;
    values->last = &added->seen;
    return added;
}

void bm_values_add(bm_values *values, beam_span value)
{
    chunk *to = (chunk *)values->last;
    if (!to || value.len > to->cap - to->seen.n_bytes) to = add_chunk(values, value.len);
    if (value.len) memcpy(to->bytes + to->seen.n_bytes, value.ptr, value.len);
    to->seen.n_bytes += value.len;
    to->seen.n_values++;
    values->n++;
    values->n_bytes += value.len;
}

void bm_values_move(bm_values *to, bm_values *from)
{
    if (!from->first) return;
    if (to->last)
        to->last->next = from->first;
    else
        to->first = from->first;
    to->last = from->last;
    to->n += from->n;
    to->n_bytes += from->n_bytes;
    *from = (bm_values){ 0 };
}

void bm_values_free(bm_values *values)
{
    const bm_value_chunk *next;
    for (const bm_value_chunk *at = values->first; at; at = next) {
        next = at->next;
        free((void *)(uintptr_t)at);
    }
    *values = (bm_values){ 0 };
}
