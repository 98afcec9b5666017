/* SPDX-License-Identifier: Apache-2.0 */
/* Elements go from a collection to all that read it. Runner's thread. */
#include "local/local_impl.h"

static bm_items copy_all(const bm_items *items)
{
    bm_items copies = { 0 };
    for (const bm_item *i = items->first; i; i = i->next)
        bm_local_items_add(&copies, bm_local_item_copy(i));
    return copies;
}

static beam_status group(bm_local *l, bm_stage *stage, bm_coll *coll, bm_items *items)
{
    beam_status status = bm_local_group_set_clocks(l, stage);
    for (const bm_item *i = items->first; i && !status; i = i->next)
        status = bm_local_group_add(l, stage, coll, i);
    bm_local_items_free(items);
    return status;
}

static beam_status hand_over(bm_local *l, const bm_edge *edge, bm_coll *coll,
                             bm_items *items)
{
    if (edge->side) return bm_local_side_add(l, edge->side, items);
    switch (edge->stage->kind) {
    case BM_STAGE_GROUP: return group(l, edge->stage, coll, items);
    case BM_STAGE_FORWARD: return bm_local_deliver(l, edge->stage->outputs[0], items);
    case BM_STAGE_WORKER: return bm_local_stage_add(l, edge->stage, items);
    default: bm_local_items_free(items); return BEAM_OK;
    }
}

beam_status bm_local_deliver(bm_local *l, bm_coll *coll, bm_items *items)
{
    beam_status status = BEAM_OK;
    for (const bm_edge *edge = coll->readers; edge && !status; edge = edge->next) {
        if (!edge->next) return hand_over(l, edge, coll, items);
        bm_items copies = copy_all(items);
        status = hand_over(l, edge, coll, &copies);
    }
    bm_local_items_free(items);
    return status;
}
