/* SPDX-License-Identifier: Apache-2.0 */
/* proto/side_input_proto.c - side inputs of a ParDo: how the worker reads each, and from
 * which window. The collections are inputs of the transform under the same tags. One thread. */
#include "beam_urns.h"
#include "fns/fn_spec.h"
#include "proto/builder.h"

static bm_pb_function_spec *named(bm_arena *arena, const char *urn, const char *name)
{
    bm_writer w = { 0 };
    bm_fn_spec_encode(&(bm_fn_spec){ .name = beam_span_of(name) }, &w);
    bm_pb_function_spec *spec = bm_pb_spec(arena, urn, bm_span_copy(arena, bm_written(&w)));
    bm_writer_free(&w);
    return spec;
}

static const char *access_urn(const beam_side_spec *spec)
{
    bool has_keys = spec->kind == BEAM_SIDE_MAP || spec->kind == BEAM_SIDE_MULTIMAP;
    return has_keys ? BEAM_URN_SIDE_INPUT_MULTIMAP : BEAM_URN_SIDE_INPUT_ITERABLE;
}

/* What the worker makes of it; it is in the DoFn too, so nobody reads it. */
static const char *view_name(const beam_side_spec *spec)
{
    static const char *const names[] = { [BEAM_SIDE_SINGLETON] = "singleton",
                                         [BEAM_SIDE_ITERABLE] = "iterable",
                                         [BEAM_SIDE_LIST] = "list",
                                         [BEAM_SIDE_MAP] = "map",
                                         [BEAM_SIDE_MULTIMAP] = "multimap" };
    return names[spec->kind];
}

/* Without a mapping of the program it is the side input's WindowFn, of the end of the main
 * window. Where only an expansion knows that, the default: the worker asks the descriptor. */
static beam_status mapping_proto(bm_builder *b, const bm_step *step, size_t i,
                                 bm_pb_function_spec **out)
{
    const beam_window_mapping *mapping = step->dofn->sides.at[i].mapping;
    const bm_built_pcoll *in;
    BEAM_TRY(bm_built_input(b, step, i + 1, &in));
    if (mapping) {
        *out = named(b->arena, BM_URN_WINDOW_MAPPING, mapping->name);
        return BEAM_OK;
    }
    const bm_windowing *known = bm_windowing_source(step->inputs[i + 1])->windowing;
    if (known) return bm_window_fn_proto(b, known->opts.fn, step->unique_name, out);
    const bm_pb_windowing *windowing =
        bm_map_get(&b->windowings.by_id, beam_span_of(in->pb->windowing_strategy_id));
    *out = windowing ? windowing->window_fn : named(b->arena, BM_URN_WINDOW_MAPPING, "default");
    return BEAM_OK;
}

beam_status bm_add_side_inputs(bm_builder *b, const bm_step *step, bm_pb_par_do *payload)
{
    const beam_dofn *fn = step->dofn;
    bm_list entries = { 0 };
    for (size_t i = 0; i < fn->sides.n; i++) {
        const beam_side_spec *spec = &fn->sides.at[i];
        bm_pb_side_input *side = bm_pb_side_input_new(b->arena);
        side->access_pattern = bm_pb_spec(b->arena, access_urn(spec), (beam_span){ NULL, 0 });
        side->view_fn = named(b->arena, BM_URN_VIEW_FN, view_name(spec));
        BEAM_TRY(mapping_proto(b, step, i, &side->window_mapping_fn));
        bm_pb_side_input_entry *entry = bm_pb_side_input_entry_new(b->arena);
        entry->key = bm_pb_text(spec->tag);
        entry->value = side;
        bm_list_add(b->arena, &entries, entry);
    }
    BM_PB_REPEATED(payload, side_inputs, &entries);
    return BEAM_OK;
}
