/* SPDX-License-Identifier: Apache-2.0 */
/* proto/expansion_request.c - the question to an expansion service: the transform, and of
 * the pipeline so far only what the transform's inputs refer to. One thread. */
#include "beam_urns.h"
#include "proto/builder.h"

#define PUT(arena, table, entry_type, id, message)                                       \
    do {                                                                                 \
        bm_pb_##entry_type *entry_ = bm_pb_##entry_type##_new(arena);                    \
        entry_->key = bm_pb_text(id);                                                    \
        entry_->value = (message);                                                       \
        bm_list_add((arena), &(table)->entries, entry_);                                 \
        bm_map_put(&(table)->by_id, beam_span_of(entry_->key), (message));               \
    } while (0)

static bool has(const bm_table *table, const char *id)
{
    return bm_map_get(&table->by_id, beam_span_of(id)) != NULL;
}

static void put_coder(bm_builder *b, bm_request *request, const char *id)
{
    bm_pb_coder *coder = bm_map_get(&b->coders.by_id, beam_span_of(id));
    if (!coder || has(&request->coders, id)) return;
    PUT(b->arena, &request->coders, coder_entry, id, coder);
    for (size_t i = 0; i < coder->n_component_coder_ids; i++)
        put_coder(b, request, coder->component_coder_ids[i]);
}

/* Our own environment is nobody's business but the runner's. */
static void put_environment(bm_builder *b, bm_request *request, const char *id)
{
    bm_pb_environment *env = bm_map_get(&b->environments.by_id, beam_span_of(id));
    if (!env || has(&request->environments, id)) return;
    if (!strcmp(id, b->environment_id)) {
        env = bm_pb_environment_new(b->arena);
        env->urn = bm_pb_text(BEAM_URN_ENV_DEFAULT);
    }
    PUT(b->arena, &request->environments, environment_entry, id, env);
}

static void put_windowing(bm_builder *b, bm_request *request, const char *id)
{
    bm_pb_windowing *windowing = bm_map_get(&b->windowings.by_id, beam_span_of(id));
    if (!windowing || has(&request->windowings, id)) return;
    PUT(b->arena, &request->windowings, windowing_entry, id, windowing);
    put_coder(b, request, windowing->window_coder_id);
    put_environment(b, request, windowing->environment_id);
}

/* The collection, and an impulse in place of what makes it: services want producers. */
static void put_input(bm_builder *b, bm_request *request, const char *tag,
                      const bm_built_pcoll *in)
{
    if (has(&request->pcolls, in->id)) return;
    PUT(b->arena, &request->pcolls, pcoll_entry, in->id, in->pb);
    put_coder(b, request, in->pb->coder_id);
    put_windowing(b, request, in->pb->windowing_strategy_id);

    const char *id = bm_format(b->arena, "impulse_%s", tag);
    bm_pb_transform *impulse = bm_pb_transform_new(b->arena);
    impulse->unique_name = bm_pb_text(id);
    impulse->spec = bm_pb_spec(b->arena, BEAM_URN_TRANSFORM_IMPULSE,
                               (beam_span){ NULL, 0 });
    bm_list outputs = { 0 };
    bm_add_output(b->arena, impulse, &outputs, "out", in->id);
    PUT(b->arena, &request->transforms, transform_entry, id, impulse);
}

/* The payload's row in bytes. */
static beam_status encode_row(bm_builder *b, const bm_step *step, beam_span *out)
{
    const beam_external_opts *opts = step->external;
    *out = (beam_span){ NULL, 0 };
    if (!opts->payload_schema) return BEAM_OK;
    const bm_coder *coder = bm_coder_of_schema(b->arena, opts->payload_schema);
    bm_writer w = { 0 };
    beam_status status = bm_encode(coder, false, opts->payload, &w);
    if (!status) *out = bm_span_copy(b->arena, bm_written(&w));
    bm_writer_free(&w);
    if (!status) return BEAM_OK;
    return bm_error(
        b->err, status,
        "%s: .payload is not a row of .payload_schema; give one value per field, "
        "of the field's type",
        step->unique_name);
}

static beam_status spec_of(bm_builder *b, const bm_step *step, bm_pb_function_spec **out)
{
    const beam_external_opts *opts = step->external;
    static const beam_schema no_fields = { .id = "empty" };
    const beam_schema *schema = opts->payload_schema ? opts->payload_schema : &no_fields;
    beam_span row;
    BEAM_TRY(encode_row(b, step, &row));
    if (opts->java_class) {
        bm_pb_class_lookup *m = bm_pb_class_lookup_new(b->arena);
        m->class_name = bm_pb_text(opts->java_class);
        m->constructor_method = bm_pb_text(opts->java_constructor_method);
        m->constructor_schema = bm_schema_proto(b->arena, schema);
        m->constructor_payload = bm_pb_bytes(row);
        *out = bm_pb_spec(b->arena, BEAM_URN_EXPANSION_PAYLOAD_JAVA_CLASS_LOOKUP,
                          BM_PB_PACK(b->arena, m));
        return BEAM_OK;
    }
    if (!opts->urn)
        return bm_error(b->err, BEAM_EINVAL,
                        "%s: an external transform needs .urn or .java_class",
                        step->unique_name);
    bm_pb_external_config *m = bm_pb_external_config_new(b->arena);
    m->schema = bm_schema_proto(b->arena, schema);
    m->payload = bm_pb_bytes(row);
    *out = bm_pb_spec(b->arena, opts->urn, BM_PB_PACK(b->arena, m));
    return BEAM_OK;
}

beam_status bm_expansion_request(bm_builder *b, const bm_step *step, bm_request *request,
                                 beam_span *bytes)
{
    bm_table_init(&request->transforms, b->arena);
    bm_table_init(&request->pcolls, b->arena);
    bm_table_init(&request->windowings, b->arena);
    bm_table_init(&request->coders, b->arena);
    bm_table_init(&request->environments, b->arena);
    put_environment(b, request, b->environment_id);

    bm_pb_transform *t = bm_pb_transform_new(b->arena);
    t->unique_name = bm_pb_text(step->unique_name);
    BEAM_TRY(spec_of(b, step, &t->spec));
    bm_list inputs = { 0 };
    for (size_t i = 0; i < step->n_inputs; i++) {
        const bm_built_pcoll *in;
        BEAM_TRY(bm_built_input(b, step, i, &in));
        put_input(b, request, step->input_tags[i], in);
        bm_add_input(b->arena, t, &inputs, step->input_tags[i], in->id);
    }

    bm_pb_expansion_request *m = bm_pb_expansion_request_new(b->arena);
    m->components = bm_components(b->arena, &request->transforms, &request->pcolls,
                                  &request->windowings, &request->coders,
                                  &request->environments);
    m->transform = t;
    m->namespace_ = bm_pb_text(request->name_space);
    *bytes = BM_PB_PACK(b->arena, m);
    return BEAM_OK;
}
