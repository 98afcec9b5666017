/* SPDX-License-Identifier: Apache-2.0 */
/* See extremes.h. */
#include "base/extremes.h"

void bm_extremes_init(bm_extremes *e, bm_arena *arena, size_t most)
{
    e->at = BM_NEW_ARRAY(arena, bm_extreme, most);
    e->most = most;
    e->n = 0;
}

static bool comes_before(const bm_extremes *e, bm_extreme a, bm_extreme b)
{
    if (e->is_double) return e->are_smallest ? a.real < b.real : a.real > b.real;
    return e->are_smallest ? a.whole < b.whole : a.whole > b.whole;
}

void bm_extremes_add(bm_extremes *e, bm_extreme value)
{
    if (e->is_double && value.real != value.real) return;
    size_t i = e->n;
    while (i && comes_before(e, value, e->at[i - 1])) i--;
    if (i == e->most) return;
    if (e->n < e->most) e->n++;
    memmove(&e->at[i + 1], &e->at[i], (e->n - 1 - i) * sizeof *e->at);
    e->at[i] = value;
}

void bm_extremes_write(const bm_extremes *e, bm_writer *out)
{
    bm_write_be32(out, (uint32_t)e->n);
    for (size_t i = 0; i < e->n; i++) {
        uint64_t bits;
        memcpy(&bits, &e->at[i], sizeof bits);
        if (e->is_double)
            bm_write_be64(out, bits);
        else
            bm_write_varint(out, bits);
    }
}
