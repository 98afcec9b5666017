/* SPDX-License-Identifier: Apache-2.0 */
/* Iterators over the contents of maps and ordered lists: a list of what was there when the
 * iterator was made, which is decoded as it is iterated. Bundle thread. */
#include "exec/user_state.h"

typedef struct pairs_iter {
    beam_iter base;
    bm_user_state *s;
    const bm_state_slot *slot;
    bm_pairs_shape shape;
    const bm_pair *at;
    size_t n, next;
    bm_decoding decoding;
    bm_arena scratch; /* of the last item */
    beam_value kv[2];
} pairs_iter;

static beam_status decode(pairs_iter *it, const bm_coder *coder, beam_span bytes,
                          beam_value *out)
{
    bm_reader in = bm_reader_of(bytes);
    return bm_decode_with(coder, true, &in, &it->decoding, out);
}

static beam_status decode_pair(pairs_iter *it, const bm_pair *pair, beam_value *out)
{
    const bm_state_slot *slot = it->slot;
    switch (it->shape) {
    case BM_PAIRS_KEYS: return decode(it, slot->map_key_coder, pair->key, out);
    case BM_PAIRS_VALUES: return decode(it, slot->coder, pair->value, out);
    case BM_PAIRS_KVS: BEAM_TRY(decode(it, slot->map_key_coder, pair->key, &it->kv[0])); break;
    case BM_PAIRS_TIMED: it->kv[0] = beam_int64(pair->at); break;
    }
    *out = beam_kv(it->kv);
    return decode(it, slot->coder, pair->value, &it->kv[1]);
}

static bool pairs_next(beam_iter *iter, beam_value *out)
{
    pairs_iter *it = (pairs_iter *)iter;
    if (it->next == it->n) return false;
    bm_arena_reset(&it->scratch);
    iter->failed = decode_pair(it, &it->at[it->next++], out);
    if (iter->failed == BEAM_OK) return true;
    bm_state_failed(it->s, it->slot, iter->failed, "could not read",
                    "its items are not what their coder says");
    return false;
}

static void pairs_rewind(beam_iter *iter)
{
    ((pairs_iter *)iter)->next = 0;
}

static void release(void *object)
{
    bm_arena_free(&((pairs_iter *)object)->scratch);
}

beam_iter *bm_pairs_iter(bm_user_state *s, const bm_state_slot *slot, bm_pairs_shape shape,
                         const bm_pair *pairs, size_t n)
{
    static const bm_iter_ops ops = { pairs_next, pairs_rewind };
    pairs_iter *it = BM_NEW(s->ctx->arena, pairs_iter);
    *it = (pairs_iter){ .base = { &ops, (int64_t)n, BEAM_OK },
                        .s = s,
                        .slot = slot,
                        .shape = shape,
                        .at = pairs,
                        .n = n,
                        .decoding = s->node->plan->decoding };
    bm_arena_init(&it->scratch, 1024);
    bm_arena_defer(s->ctx->arena, release, it);
    it->decoding.arena = &it->scratch;
    return &it->base;
}
