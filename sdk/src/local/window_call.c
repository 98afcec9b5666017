/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the worker about windows: which of them merge, which one of a side input
 * belongs to one of the main input. Each is a bundle of one element that is waited for.
 * Runner's thread. */
#include "beam_urns.h"
#include "coders/coder_impl.h"
#include "local/local_impl.h"

/* A stage of one transform that is no part of the pipeline. */
struct bm_window_call {
    bm_stage stage;
    bm_coll *in, *out;
    uint64_t n_calls;
};

/* -- making ------------------------------------------------------------------------------- */
static const char *add_windowing(bm_local *l)
{
    static const char id[] = "local/global";
    if (bm_local_by_id(&l->windowings, id)) return id;
    bm_pb_windowing *pb = bm_pb_windowing_new(&l->arena);
    pb->window_fn = bm_pb_spec(&l->arena, BEAM_URN_WINDOW_FN_GLOBAL_WINDOWS,
                               (beam_span){ NULL, 0 });
    pb->window_coder_id = bm_pb_text(bm_local_add_coder(l, "local/global_window",
                                                        "beam:coder:global_window:v1",
                                                        NULL, 0));
    pb->merge_status = PB__MERGE_STATUS__ENUM__NON_MERGING;
    bm_map_put(&l->windowings, beam_span_of(id), pb);
    return id;
}

static beam_status add_coll(bm_local *l, const char *id, const char *coder, bm_coll **out)
{
    bm_pb_pcoll *pb = bm_pb_pcoll_new(&l->arena);
    pb->unique_name = bm_pb_text(id);
    pb->coder_id = bm_pb_text(coder);
    pb->is_bounded = PB__IS_BOUNDED__ENUM__BOUNDED;
    pb->windowing_strategy_id = bm_pb_text(add_windowing(l));
    bm_map_put(&l->pcolls, beam_span_of(id), pb);
    return bm_local_coll(l, id, out);
}

static const char *kv_of(bm_local *l, const char *name, const char *key,
                         const char *value)
{
    const char *parts[] = { key, value };
    return bm_local_add_coder(l, name, "beam:coder:kv:v1", parts, 2);
}

static const char *iterable_of(bm_local *l, const char *name, const char *element)
{
    return bm_local_add_coder(l, name, "beam:coder:iterable:v1", &element, 1);
}

static void add_port(bm_local *l, bm_pb_transform *pb, bool in, const bm_coll *coll)
{
    bm_list list = { 0 };
    if (in) {
        bm_pb_input_entry *entry = bm_pb_input_entry_new(&l->arena);
        entry->key = bm_pb_text("in");
        entry->value = bm_pb_text(coll->id);
        bm_list_add(&l->arena, &list, entry);
        BM_PB_REPEATED(pb, inputs, &list);
    } else {
        bm_pb_output_entry *entry = bm_pb_output_entry_new(&l->arena);
        entry->key = bm_pb_text("out");
        entry->value = bm_pb_text(coll->id);
        bm_list_add(&l->arena, &list, entry);
        BM_PB_REPEATED(pb, outputs, &list);
    }
}

static beam_status make(bm_local *l, const char *name, const char *urn,
                        const bm_pb_function_spec *fn, const char *in, const char *out,
                        bm_window_call **result)
{
    bm_window_call *call = BM_NEW(&l->arena, bm_window_call);
    bm_pb_transform *pb = bm_pb_transform_new(&l->arena);
    bm_leaf *leaf = BM_NEW(&l->arena, bm_leaf);
    bm_stage *stage = &call->stage;
    BEAM_TRY(add_coll(l, bm_format(&l->arena, "%s.in", name), in, &call->in));
    BEAM_TRY(add_coll(l, bm_format(&l->arena, "%s.out", name), out, &call->out));
    pb->unique_name = bm_pb_text(name);
    pb->spec = bm_pb_spec(&l->arena, urn, BM_PB_PACK(&l->arena, fn));
    pb->environment_id = bm_pb_text(l->environment_id);
    add_port(l, pb, true, call->in);
    add_port(l, pb, false, call->out);
    *leaf = (bm_leaf){ .id = name, .urn = urn, .pb = pb, .main_input = call->in->id };

    *stage = (bm_stage){ .index = 1000000 + ++l->n_window_calls,
                         .kind = BM_STAGE_WORKER,
                         .name = name };
    stage->inputs = BM_NEW_ARRAY(&l->arena, bm_coll *, 1);
    stage->inputs[0] = call->in;
    stage->n_inputs = 1;
    stage->leaves = BM_NEW_ARRAY(&l->arena, bm_leaf *, 1);
    stage->leaves[0] = leaf;
    stage->n_leaves = 1;
    stage->sinks = BM_NEW_ARRAY(&l->arena, bm_sink, 1);
    stage->sinks[0] = (bm_sink){ bm_format(&l->arena, "%s/sink", call->out->id),
                                 call->out };
    stage->n_sinks = 1;
    BEAM_TRY(bm_local_describe(l, stage));
    *result = call;
    return BEAM_OK;
}

static const char *bytes_coder(bm_local *l)
{
    return bm_local_add_coder(l, "local/nonce", "beam:coder:bytes:v1", NULL, 0);
}

beam_status bm_local_merge_call(bm_local *l, const char *who,
                                const bm_pb_windowing *windowing, bm_window_call **out)
{
    const char *name = bm_format(&l->arena, "%s/MergeWindows", who);
    const char *window = windowing->window_coder_id, *nonce = bytes_coder(l);
    const char *windows = iterable_of(l, "local/windows", window);
    const char *merged = kv_of(l, "local/merged", window, windows);
    const char *merges = iterable_of(l, "local/merges", merged);
    const char *answer = kv_of(l, "local/merging", windows, merges);
    return make(l, name, BEAM_URN_TRANSFORM_MERGE_WINDOWS, windowing->window_fn,
                kv_of(l, "local/ask_merge", nonce, windows),
                kv_of(l, "local/say_merge", nonce, answer), out);
}

beam_status bm_local_map_call(bm_local *l, const char *who,
                              const bm_pb_function_spec *mapping, const bm_coll *main,
                              const bm_coll *side, bm_window_call **out)
{
    const char *nonce = bytes_coder(l);
    return make(l, bm_format(&l->arena, "%s/MapWindows", who),
                BEAM_URN_TRANSFORM_MAP_WINDOWS, mapping,
                kv_of(l, "local/ask_map", nonce, main->windowing->window_coder_id),
                kv_of(l, "local/say_map", nonce, side->windowing->window_coder_id), out);
}

/* -- asking ---------------------------------------------------------------------------------- */
/* The answer's value, after the nonce, in the arena. */
static beam_status ask(bm_local *l, bm_window_call *call, beam_span question,
                       bm_arena *arena, beam_span *answer)
{
    bm_writer header = { 0 }, value = { 0 };
    BEAM_TRY(bm_local_item_header(call->in, BEAM_MIN_TIMESTAMP, &bm_global_windows.at[0],
                                  &bm_no_firing, &header));
    bm_write_prefixed(&value,
                      beam_span_of(
                          bm_format(arena, "%llu", (unsigned long long)++call->n_calls)));
    bm_write_bytes(&value, question.ptr, question.len);
    bm_item *item = bm_local_item_new(BEAM_MIN_TIMESTAMP, bm_written(&header),
                                      bm_written(&value));
    bm_writer_free(&header);
    bm_writer_free(&value);
    beam_span output, nonce;
    BEAM_TRY(bm_local_bundle_call(l, &call->stage, item, arena, &output));
    bm_reader in = bm_reader_of(output);
    if (bm_local_item_read(call->out, &in, &item))
        return bm_error(l->err, BEAM_ECODER, "%s: the worker's answer cannot be read",
                        call->stage.name);
    beam_span whole = bm_span_copy(arena, bm_local_item_value(item));
    free(item);
    beam_status status = bm_local_item_kv(call->out, whole, &nonce, answer);
    return status ? bm_error(l->err, status, "%s: the worker's answer is no KV",
                             call->stage.name)
                  : BEAM_OK;
}

static bm_window_merge read_merge(const bm_coder *window, beam_value merge,
                                  bm_arena *arena, bool *ok);

static bool to_window(const bm_coder *coder, beam_value v, bm_arena *arena,
                      beam_window *out)
{
    if (v.kind == BEAM_KIND_WINDOW) {
        *out = *(const beam_window *)v.as.ptr;
        out->custom.ptr = out->custom.ptr ? bm_span_copy(arena, out->custom).ptr : NULL;
        return true;
    }
    /* A window coder that is not known here: its bytes, with the length in front. */
    bm_writer w = { 0 };
    bool ok = !bm_encode(coder, true, v, &w);
    bm_reader in = bm_reader_of(bm_span_copy(arena, bm_written(&w)));
    bm_writer_free(&w);
    return ok && !bm_window_decode(coder, &in, arena, out);
}

static bm_window_merge read_merge(const bm_coder *window, beam_value merge,
                                  bm_arena *arena, bool *ok)
{
    bm_window_merge out = { .n = 0 };
    size_t cap = 8;
    beam_window *from = BM_NEW_ARRAY(arena, beam_window, cap);
    *ok = *ok && to_window(window, beam_key(merge), arena, &out.into);
    beam_iter *iter = beam_as_iter(beam_val(merge));
    for (beam_value v; *ok && beam_next(iter, &v); out.n++) {
        if (out.n == cap) {
            beam_window *grown = BM_NEW_ARRAY(arena, beam_window, cap * 2);
            memcpy(grown, from, cap * sizeof *grown);
            from = grown;
            cap *= 2;
        }
        *ok = to_window(window, v, arena, &from[out.n]);
    }
    out.from = from;
    return out;
}

static beam_status read_merges(bm_local *l, const bm_window_call *call, beam_span answer,
                               bm_arena *arena, const bm_window_merge **merges, size_t *n)
{
    const bm_coder *coder = call->out->value->arg[1];
    const bm_coder *window = coder->arg[0]->arg[0];
    bm_reader in = bm_reader_of(answer);
    beam_value value;
    bool ok = !bm_decode(coder, true, &in, arena, &value);
    bm_list list = { 0 };
    beam_iter *iter = ok ? beam_as_iter(beam_val(value)) : NULL;
    for (beam_value v; ok && beam_next(iter, &v);) {
        bm_window_merge *one = BM_NEW(arena, bm_window_merge);
        *one = read_merge(window, v, arena, &ok);
        bm_list_add(arena, &list, one);
    }
    if (!ok)
        return bm_error(l->err, BEAM_ECODER,
                        "%s: the worker's merged windows cannot be read",
                        call->stage.name);
    bm_window_merge *all = BM_NEW_ARRAY(arena, bm_window_merge, list.n);
    for (size_t i = 0; i < list.n; i++) all[i] = *(const bm_window_merge *)list.at[i];
    *merges = all;
    *n = list.n;
    return BEAM_OK;
}

beam_status bm_local_ask_merge(bm_local *l, bm_window_call *call,
                               const beam_window *windows, size_t n, bm_arena *arena,
                               const bm_window_merge **merges, size_t *n_merges)
{
    const bm_coder *window = call->in->value->arg[1]->arg[0];
    bm_writer question = { 0 };
    beam_status status = BEAM_OK;
    bm_write_be32(&question, (uint32_t)n);
    for (size_t i = 0; i < n && !status; i++)
        status = bm_window_encode(window, &windows[i], &question);
    beam_span answer;
    if (status)
        bm_error(l->err, status, "%s: a window cannot be encoded", call->stage.name);
    else
        status = ask(l, call, bm_written(&question), arena, &answer);
    bm_writer_free(&question);
    return status ? status : read_merges(l, call, answer, arena, merges, n_merges);
}

beam_status bm_local_ask_map(bm_local *l, bm_window_call *call, const beam_window *main,
                             bm_arena *arena, beam_window *side)
{
    bm_writer question = { 0 };
    beam_span answer;
    beam_status status = bm_window_encode(call->in->value->arg[1], main, &question);
    if (status)
        bm_error(l->err, status, "%s: a window cannot be encoded", call->stage.name);
    else
        status = ask(l, call, bm_written(&question), arena, &answer);
    bm_writer_free(&question);
    if (status) return status;
    bm_reader in = bm_reader_of(answer);
    if (!bm_window_decode(call->out->value->arg[1], &in, arena, side)) return BEAM_OK;
    return bm_error(l->err, BEAM_ECODER, "%s: the worker's window cannot be read",
                    call->stage.name);
}
