/* SPDX-License-Identifier: Apache-2.0 */
/* proto/builder.c - adding to the Components of a pipeline. One thread. */
#include "proto/builder.h"

#include "beam_urns.h"

void bm_table_init(bm_table *table, bm_arena *arena)
{
    *table = (bm_table){ 0 };
    bm_map_init(&table->by_id, arena);
}

void bm_builder_init(bm_builder *b, bm_arena *arena, beam_pipeline *p,
                     const bm_expander *expander, beam_error *err)
{
    *b = (bm_builder){ .arena = arena, .pipeline = p, .expander = expander, .err = err };
    bm_table_init(&b->transforms, arena);
    bm_table_init(&b->pcolls, arena);
    bm_table_init(&b->windowings, arena);
    bm_table_init(&b->coders, arena);
    bm_table_init(&b->environments, arena);
    bm_map_init(&b->transform_names, arena);
    bm_map_init(&b->pcoll_names, arena);
    bm_map_init(&b->coder_ids, arena);
    bm_map_init(&b->windowing_ids, arena);
    bm_map_init(&b->environment_ids, arena);
    bm_map_init(&b->own_environments, arena);
    bm_map_init(&b->namespaces, arena);
    bm_map_init(&b->splittable_coders, arena);
    b->built = BM_NEW_ARRAY(arena, bm_built_pcoll, (size_t)p->n_pcolls + 1);
}

const char *bm_unique(bm_builder *b, bm_map *taken, const char *wanted)
{
    const char *name = wanted;
    for (int i = 2; bm_map_get(taken, beam_span_of(name)); i++)
        name = bm_format(b->arena, "%s (%d)", wanted, i);
    bm_map_put(taken, beam_span_of(name), b);
    return name;
}

#define ADD(b, table, entry_type, id, message)                                           \
    do {                                                                                 \
        bm_pb_##entry_type *entry_ = bm_pb_##entry_type##_new((b)->arena);               \
        entry_->key = bm_pb_text(id);                                                    \
        entry_->value = (message);                                                       \
        bm_list_add((b)->arena, &(b)->table.entries, entry_);                            \
        bm_map_put(&(b)->table.by_id, beam_span_of(id), (message));                      \
    } while (0)

bm_pb_transform *bm_add_transform(bm_builder *b, const char *id, const char *unique_name)
{
    bm_pb_transform *t = bm_pb_transform_new(b->arena);
    t->unique_name = bm_pb_text(bm_unique(b, &b->transform_names, unique_name));
    ADD(b, transforms, transform_entry, id, t);
    return t;
}

bm_pb_pcoll *bm_add_pcoll(bm_builder *b, const char *id, const char *unique_name)
{
    bm_pb_pcoll *c = bm_pb_pcoll_new(b->arena);
    c->unique_name = bm_pb_text(bm_unique(b, &b->pcoll_names, unique_name));
    ADD(b, pcolls, pcoll_entry, id, c);
    return c;
}

void bm_add_windowing(bm_builder *b, const char *id, bm_pb_windowing *windowing)
{
    ADD(b, windowings, windowing_entry, id, windowing);
}

void bm_add_coder(bm_builder *b, const char *id, bm_pb_coder *coder)
{
    ADD(b, coders, coder_entry, id, coder);
}

void bm_add_environment(bm_builder *b, const char *id, bm_pb_environment *environment)
{
    ADD(b, environments, environment_entry, id, environment);
}

void bm_add_requirement(bm_builder *b, const char *urn)
{
    for (size_t i = 0; i < b->requirements.n; i++)
        if (!strcmp(b->requirements.at[i], urn)) return;
    bm_list_add(b->arena, &b->requirements, bm_pb_text(urn));
}

void bm_add_input(bm_arena *arena, bm_pb_transform *t, bm_list *list, const char *tag,
                  const char *pcoll_id)
{
    bm_pb_input_entry *entry = bm_pb_input_entry_new(arena);
    entry->key = bm_pb_text(tag);
    entry->value = bm_pb_text(pcoll_id);
    bm_list_add(arena, list, entry);
    BM_PB_REPEATED(t, inputs, list);
}

void bm_add_output(bm_arena *arena, bm_pb_transform *t, bm_list *list, const char *tag,
                   const char *pcoll_id)
{
    bm_pb_output_entry *entry = bm_pb_output_entry_new(arena);
    entry->key = bm_pb_text(tag);
    entry->value = bm_pb_text(pcoll_id);
    bm_list_add(arena, list, entry);
    BM_PB_REPEATED(t, outputs, list);
}

bm_pb_display_data *bm_labelled(bm_arena *arena, const char *name_space, const char *key,
                                const char *label, const char *value)
{
    bm_pb_labelled *labelled = bm_pb_labelled_new(arena);
    labelled->label = bm_pb_text(label);
    labelled->key = bm_pb_text(key);
    labelled->namespace_ = bm_pb_text(name_space);
    labelled->value_case = PB__LABELLED_PAYLOAD__VALUE_STRING_VALUE;
    labelled->string_value = bm_pb_text(value);
    bm_pb_display_data *data = bm_pb_display_data_new(arena);
    data->urn = bm_pb_text(BEAM_URN_DISPLAY_DATA_LABELLED);
    data->payload = bm_pb_bytes(BM_PB_PACK(arena, labelled));
    return data;
}

bm_pb_components *bm_components(bm_arena *arena, const bm_table *transforms,
                                const bm_table *pcolls, const bm_table *windowings,
                                const bm_table *coders, const bm_table *environments)
{
    bm_pb_components *c = bm_pb_components_new(arena);
    BM_PB_REPEATED(c, transforms, &transforms->entries);
    BM_PB_REPEATED(c, pcollections, &pcolls->entries);
    BM_PB_REPEATED(c, windowing_strategies, &windowings->entries);
    BM_PB_REPEATED(c, coders, &coders->entries);
    BM_PB_REPEATED(c, environments, &environments->entries);
    return c;
}
