/* SPDX-License-Identifier: Apache-2.0 */
/* A splittable ParDo as the transforms that execute it: pair with restriction, split and
 * size, (truncate,) process. Runner's thread. */
#include "beam_urns.h"
#include "local/local_impl.h"

typedef struct expansion {
    bm_local *l;
    const bm_leaf *whole;
    const char *input_tag; /* of the main input */
    bm_list *out;
} expansion;

static const char *add_coll(expansion *x, const char *name, const char *coder)
{
    bm_local *l = x->l;
    const bm_pb_pcoll *in = bm_local_by_id(&l->pcolls, x->whole->main_input);
    bm_pb_pcoll *pb = bm_pb_pcoll_new(&l->arena);
    const char *id = bm_format(&l->arena, "%s/%s.out", x->whole->id, name);
    pb->unique_name = bm_pb_text(id);
    pb->coder_id = bm_pb_text(coder);
    pb->is_bounded = in->is_bounded;
    pb->windowing_strategy_id = in->windowing_strategy_id;
    bm_map_put(&l->pcolls, beam_span_of(id), pb);
    return id;
}

/* One of the parts: the whole's inputs but for the main one, and its payload. */
static bm_leaf *add_part(expansion *x, const char *name, const char *urn,
                         const char *input)
{
    bm_local *l = x->l;
    const bm_pb_transform *whole = x->whole->pb;
    bm_pb_transform *pb = bm_pb_transform_new(&l->arena);
    bm_list inputs = { 0 };
    for (size_t i = 0; i < whole->n_inputs; i++) {
        bm_pb_input_entry *entry = bm_pb_input_entry_new(&l->arena);
        entry->key = whole->inputs[i]->key;
        entry->value = strcmp(entry->key, x->input_tag) ? whole->inputs[i]->value
                                                        : bm_pb_text(input);
        bm_list_add(&l->arena, &inputs, entry);
    }
    BM_PB_REPEATED(pb, inputs, &inputs);
    pb->spec = bm_pb_spec(&l->arena, urn, bm_pb_span(whole->spec->payload));
    pb->environment_id = whole->environment_id;
    bm_leaf *leaf = BM_NEW(&l->arena, bm_leaf);
    *leaf = (bm_leaf){
        .urn = urn, .pb = pb, .par_do = x->whole->par_do, .main_input = input
    };
    leaf->id = bm_format(&l->arena, "%s/%s", x->whole->id, name);
    pb->unique_name = bm_pb_text(bm_format(&l->arena, "%s/%s", whole->unique_name, name));
    bm_list_add(&l->arena, x->out, leaf);
    return leaf;
}

static void set_output(bm_local *l, bm_leaf *leaf, const char *id)
{
    bm_pb_output_entry *entry = bm_pb_output_entry_new(&l->arena);
    entry->key = bm_pb_text("out");
    entry->value = bm_pb_text(id);
    bm_list outputs = { 0 };
    bm_list_add(&l->arena, &outputs, entry);
    BM_PB_REPEATED(leaf->pb, outputs, &outputs);
}

static const char *input_tag(const bm_leaf *leaf)
{
    for (size_t i = 0; i < leaf->pb->n_inputs; i++)
        if (leaf->pb->inputs[i]->value == leaf->main_input)
            return leaf->pb->inputs[i]->key;
    return "";
}

beam_status bm_local_expand_sdf(bm_local *l, bm_leaf *leaf, bm_list *out)
{
    const bm_pb_pcoll *in = bm_local_by_id(&l->pcolls, leaf->main_input);
    if (!in)
        return bm_error(l->err, BEAM_EINVAL, "%s: it has no input",
                        leaf->pb->unique_name);
    expansion x = { l, leaf, input_tag(leaf), out };
    const char *restriction = leaf->par_do->restriction_coder_id;
    const char *pair[] = { in->coder_id, restriction };
    const char *paired = bm_local_add_coder(l,
                                            bm_format(&l->arena, "%s/paired", leaf->id),
                                            "beam:coder:kv:v1", pair, 2);
    const char *size = bm_local_add_coder(l, bm_format(&l->arena, "%s/size", leaf->id),
                                          "beam:coder:double:v1", NULL, 0);
    const char *sizing[] = { paired, size };
    const char *sized = bm_local_add_coder(l, bm_format(&l->arena, "%s/sized", leaf->id),
                                           "beam:coder:kv:v1", sizing, 2);

    const char *at = add_coll(&x, "Pair", paired);
    set_output(l,
               add_part(&x, "Pair", BEAM_URN_TRANSFORM_SDF_PAIR_WITH_RESTRICTION,
                        leaf->main_input),
               at);
    const char *next = add_coll(&x, "SplitAndSize", sized);
    set_output(l,
               add_part(&x, "SplitAndSize",
                        BEAM_URN_TRANSFORM_SDF_SPLIT_AND_SIZE_RESTRICTIONS, at),
               next);
    at = next;
    if (l->opts->drain) {
        next = add_coll(&x, "Truncate", sized);
        set_output(l,
                   add_part(&x, "Truncate",
                            BEAM_URN_TRANSFORM_SDF_TRUNCATE_SIZED_RESTRICTIONS, at),
                   next);
        at = next;
    }
    bm_leaf *process =
        add_part(&x, "Process",
                 BEAM_URN_TRANSFORM_SDF_PROCESS_SIZED_ELEMENT_AND_RESTRICTIONS, at);
    /* Metrics and messages are of the transform that the user wrote. */
    process->id = leaf->id;
    process->pb->unique_name = leaf->pb->unique_name;
    process->pb->n_outputs = leaf->pb->n_outputs;
    process->pb->outputs = leaf->pb->outputs;
    return BEAM_OK;
}
