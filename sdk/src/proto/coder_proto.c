/* SPDX-License-Identifier: Apache-2.0 */
/* proto/coder_proto.c - element types as RunnerApi.Coder, equal ones written once. The
 * ids read like the types: "kv<string,varint>". One thread. */
#include "proto/builder.h"

#include "beam_urns.h"

/* Adds the coder, or finds its equal. */
static const char *coder_id(bm_builder *b, const char *wanted, const char *urn,
                            beam_span payload, const char *const *components, size_t n)
{
    bm_pb_coder *coder = bm_pb_coder_new(b->arena);
    coder->spec = bm_pb_spec(b->arena, urn, payload);
    bm_list ids = { 0 };
    for (size_t i = 0; i < n; i++)
        bm_list_add(b->arena, &ids, bm_pb_text(components[i]));
    BM_PB_REPEATED(coder, component_coder_ids, &ids);

    beam_span packed = BM_PB_PACK(b->arena, coder);
    const char *id = bm_map_get(&b->coder_ids, packed);
    if (id) return id;
    id = wanted;
    for (int i = 2; bm_map_get(&b->coders.by_id, beam_span_of(id)); i++)
        id = bm_format(b->arena, "%s (%d)", wanted, i);
    bm_map_put(&b->coder_ids, packed, bm_pb_text(id));
    bm_add_coder(b, id, coder);
    return id;
}

const char *bm_plain_coder_id(bm_builder *b, const char *urn, const char *name)
{
    return coder_id(b, name, urn, (beam_span){ NULL, 0 }, NULL, 0);
}

/* The id of a coder is its name and, in <>, those of its components. */
static const char *of_one(bm_builder *b, const char *urn, const char *name, const char *id)
{
    return coder_id(b, bm_format(b->arena, "%s<%s>", name, id), urn, (beam_span){ NULL, 0 }, &id,
                    1);
}

static const char *of_two(bm_builder *b, const char *urn, const char *name, const char *first_id,
                          const char *second_id)
{
    const char *components[] = { first_id, second_id };
    return coder_id(b, bm_format(b->arena, "%s<%s,%s>", name, first_id, second_id), urn,
                    (beam_span){ NULL, 0 }, components, 2);
}

const char *bm_timer_coder_id(bm_builder *b, const char *key_id, const char *window_id)
{
    return of_two(b, BEAM_URN_CODER_TIMER, "timer", key_id, window_id);
}

const char *bm_custom_window_coder_id(bm_builder *b)
{
    const char *inner = bm_plain_coder_id(b, BM_URN_WINDOW_CODER, "c_window");
    return of_one(b, BEAM_URN_CODER_CUSTOM_WINDOW, "custom_window", inner);
}

const char *bm_windowed_coder_id(bm_builder *b, const char *value_id, const char *window_id)
{
    return of_two(b, BEAM_URN_CODER_WINDOWED_VALUE, "windowed", value_id, window_id);
}

const char *bm_prefixed_coder_id(bm_builder *b, const char *value_id)
{
    return of_one(b, BEAM_URN_CODER_LENGTH_PREFIX, "length_prefix", value_id);
}

const char *bm_sealed_coder_id(bm_builder *b, const char *value_id)
{
    return of_one(b, BM_URN_SEALED_CODER, "sealed", value_id);
}

static beam_status wrapper_id(bm_builder *b, const beam_type *type, const char *urn,
                              const char *name, const char *who, const char **id)
{
    const char *arg;
    BEAM_TRY(bm_coder_id(b, type->arg[0], who, &arg));
    *id = of_one(b, urn, name, arg);
    return BEAM_OK;
}

static beam_status kv_id(bm_builder *b, const beam_type *type, const char *who,
                         const char **id)
{
    const char *key, *value;
    BEAM_TRY(bm_coder_id(b, type->arg[0], who, &key));
    BEAM_TRY(bm_coder_id(b, type->arg[1], who, &value));
    *id = of_two(b, BEAM_URN_CODER_KV, "kv", key, value);
    return BEAM_OK;
}

beam_status bm_sealed_values_coder_id(bm_builder *b, const beam_type *type, const char *who,
                                      const char **id)
{
    const char *key, *value;
    bool are_grouped = type->arg[1]->kind == BEAM_KIND_ITERABLE;
    BEAM_TRY(bm_coder_id(b, type->arg[0], who, &key));
    BEAM_TRY(bm_coder_id(b, are_grouped ? type->arg[1]->arg[0] : type->arg[1], who, &value));
    value = bm_sealed_coder_id(b, value);
    if (are_grouped) value = of_one(b, BEAM_URN_CODER_ITERABLE, "iterable", value);
    *id = of_two(b, BEAM_URN_CODER_KV, "kv", key, value);
    return BEAM_OK;
}

static const char *row_id(bm_builder *b, const beam_schema *schema)
{
    bm_pb_schema *pb = bm_schema_proto(b->arena, schema);
    const char *name = schema->id && *schema->id ? schema->id : pb->id;
    return coder_id(b, bm_format(b->arena, "row:%s", name), BEAM_URN_CODER_ROW,
                    BM_PB_PACK(b->arena, pb), NULL, 0);
}

beam_status bm_coder_id(bm_builder *b, const beam_type *type, const char *who,
                        const char **id)
{
    switch (type ? type->kind : BEAM_KIND_NONE) {
    case BEAM_KIND_BYTES:
        *id = bm_plain_coder_id(b, BEAM_URN_CODER_BYTES, "bytes");
        return BEAM_OK;
    case BEAM_KIND_STRING:
        *id = bm_plain_coder_id(b, BEAM_URN_CODER_STRING_UTF8, "string");
        return BEAM_OK;
    case BEAM_KIND_BOOL:
        *id = bm_plain_coder_id(b, BEAM_URN_CODER_BOOL, "bool");
        return BEAM_OK;
    case BEAM_KIND_INT64:
        *id = bm_plain_coder_id(b, BEAM_URN_CODER_VARINT, "varint");
        return BEAM_OK;
    case BEAM_KIND_DOUBLE:
        *id = bm_plain_coder_id(b, BEAM_URN_CODER_DOUBLE, "double");
        return BEAM_OK;
    case BEAM_KIND_KV: return kv_id(b, type, who, id);
    case BEAM_KIND_ITERABLE:
        return wrapper_id(b, type, BEAM_URN_CODER_ITERABLE, "iterable", who, id);
    case BEAM_KIND_NULLABLE:
        return wrapper_id(b, type, BEAM_URN_CODER_NULLABLE, "nullable", who, id);
    case BEAM_KIND_SHARDED_KEY:
        return wrapper_id(b, type, BEAM_URN_CODER_SHARDED_KEY, "sharded_key", who, id);
    case BEAM_KIND_ROW: *id = row_id(b, type->schema); return BEAM_OK;
    case BEAM_KIND_STRUCT:
        *id = coder_id(b, bm_format(b->arena, "struct:%s", type->struct_coder->name),
                       BM_URN_STRUCT_CODER, beam_span_of(type->struct_coder->name), NULL,
                       0);
        return BEAM_OK;
    case BEAM_KIND_NONE:
    case BEAM_KIND_LIST:
    case BEAM_KIND_MAP:
    case BEAM_KIND_WINDOW:
    case BEAM_KIND_WINDOWED:
    case BEAM_KIND_TIMER:
    case BEAM_KIND_ANY: break;
    }
    return bm_error(
        b->err, BEAM_ETYPE,
        "%s: elements of type %s have no coder; give the step a type of output "
        "(.out) that says what they are",
        who, type ? bm_type_text(b->arena, type) : "none");
}
