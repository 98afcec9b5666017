/* SPDX-License-Identifier: Apache-2.0 */
/* A GroupByKey as a stage: elements in, panes out. Runner's thread. */
#include "local/local_impl.h"

typedef struct sink_of {
    bm_local *l;
    bm_stage *stage;
} sink_of;

/* KV<key, iterable>, the values' encodings behind their number. */
static void write_value(bm_writer *out, const bm_fired_pane *pane)
{
    bm_write_bytes(out, pane->key.ptr, pane->key.len);
    bm_write_be32(out, (uint32_t)pane->n_values);
    for (const bm_value_chunk *c = pane->values; c; c = c->next)
        bm_write_bytes(out, c->bytes, c->n_bytes);
}

static beam_status on_pane(void *user, const bm_fired_pane *pane, beam_error *err)
{
    const sink_of *sink = user;
    bm_stage *stage = sink->stage;
    bm_coll *out = stage->outputs[0];
    if (pane->n_values > INT32_MAX)
        return bm_error(err, BEAM_EUNSUPPORTED, "%s: more than 2^31 values of one key",
                        stage->name);
    bm_writer header = { 0 }, value = { 0 };
    beam_status status = bm_local_item_header(out, pane->timestamp, &pane->window,
                                              &pane->info, &header);
    if (status) {
        bm_writer_free(&header);
        return bm_error(err, status, "%s: a window cannot be encoded", stage->name);
    }
    write_value(&value, pane);
    bm_items items = { 0 };
    bm_local_items_add(&items, bm_local_item_new(pane->timestamp, bm_written(&header),
                                                 bm_written(&value)));
    bm_writer_free(&header);
    bm_writer_free(&value);
    return bm_local_deliver(sink->l, out, &items);
}

static beam_status ask_merge(void *user, const beam_window *windows, size_t n,
                             bm_arena *arena, const bm_window_merge **merges,
                             size_t *n_merges, beam_error *err)
{
    (void)err; /* the same */
    const sink_of *sink = user;
    return bm_local_ask_merge(sink->l, sink->stage->merging, windows, n, arena, merges,
                              n_merges);
}

beam_status bm_local_group_init(bm_local *l, bm_stage *stage)
{
    if (stage->n_inputs != 1 || stage->inputs[0]->value->kind != BM_CODER_KV)
        return bm_error(l->err, BEAM_EINVAL, "%s: a GroupByKey needs one input of KVs",
                        stage->name);
    BEAM_TRY(bm_local_windowing(l, stage->name, stage->inputs[0]->windowing,
                                &stage->group_windowing));
    sink_of *sink = BM_NEW(&l->arena, sink_of);
    *sink = (sink_of){ l, stage };
    if (stage->group_windowing.merging == BM_MERGE_CUSTOM) {
        BEAM_TRY(bm_local_merge_call(l, stage->name, stage->inputs[0]->windowing,
                                     &stage->merging));
        stage->group_windowing.merge_windows = ask_merge;
        stage->group_windowing.merge_user = sink;
    }
    beam_error why;
    beam_status status = bm_grouping_new(&stage->group_windowing, on_pane, sink,
                                         &stage->grouping, &why);
    if (status) return bm_error(l->err, status, "%s: %s", stage->name, why.message);
    return BEAM_OK;
}

beam_status bm_local_group_add(bm_local *l, bm_stage *stage, bm_coll *coll,
                               const bm_item *item)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    beam_span key, value;
    const bm_windows *windows;
    beam_status status = bm_local_item_kv(coll, bm_local_item_value(item), &key, &value);
    if (!status) status = bm_local_item_windows(coll, item, &arena, &windows);
    if (status)
        bm_error(l->err, status, "%s: an element of '%s' cannot be read", stage->name,
                 coll->id);
    else
        status = bm_grouping_add(stage->grouping, key, value, item->timestamp,
                                 windows->at, windows->n, l->err);
    bm_arena_free(&arena);
    return status;
}

beam_status bm_local_group_set_clocks(bm_local *l, bm_stage *stage)
{
    return bm_grouping_processing_time(stage->grouping, bm_local_now(l), l->synchronized,
                                       l->err);
}

beam_status bm_local_group_advance(bm_local *l, bm_stage *stage)
{
    BEAM_TRY(bm_local_group_set_clocks(l, stage));
    return bm_grouping_input_watermark(stage->grouping, stage->input, l->err);
}
