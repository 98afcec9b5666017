/* SPDX-License-Identifier: Apache-2.0 */
/* proto/schema_proto.c - beam_schema as the Schema of schema.proto, and the comparison of
 * the two. One thread. */
#include <inttypes.h>

#include "proto/builder.h"

#define ATOMIC(NAME) PB__ATOMIC_TYPE__##NAME
#define TYPE_IS(NAME) PB__FIELD_TYPE__TYPE_INFO_##NAME

typedef Pb__AtomicType atomic_type;

static bm_pb_field_type *field_type(bm_arena *arena, const beam_field *field);

/* 0: not an atomic kind. */
static atomic_type atomic_of(beam_field_kind kind)
{
    switch (kind) {
    case BEAM_FIELD_BYTE: return ATOMIC(BYTE);
    case BEAM_FIELD_INT16: return ATOMIC(INT16);
    case BEAM_FIELD_INT32: return ATOMIC(INT32);
    case BEAM_FIELD_INT64: return ATOMIC(INT64);
    case BEAM_FIELD_FLOAT: return ATOMIC(FLOAT);
    case BEAM_FIELD_DOUBLE: return ATOMIC(DOUBLE);
    case BEAM_FIELD_STRING: return ATOMIC(STRING);
    case BEAM_FIELD_BOOLEAN: return ATOMIC(BOOLEAN);
    case BEAM_FIELD_BYTES: return ATOMIC(BYTES);
    case BEAM_FIELD_NONE:
    case BEAM_FIELD_ARRAY:
    case BEAM_FIELD_ITERABLE:
    case BEAM_FIELD_MAP:
    case BEAM_FIELD_ROW:
    case BEAM_FIELD_LOGICAL: break;
    }
    return ATOMIC(UNSPECIFIED);
}

/* The standard logical types (LogicalTypes): what represents them, and whether a length
 * is their argument. */
typedef struct logical_info {
    const char *urn;
    beam_field representation;
    bool has_length;
} logical_info;

static const beam_field micros_fields[] = {
    { .name = "seconds", .kind = BEAM_FIELD_INT64 },
    { .name = "micros", .kind = BEAM_FIELD_INT64 },
};
static const beam_schema micros_schema = { "micros_instant", BEAM_TABLE(micros_fields),
                                           NULL };

static const logical_info logicals[] = {
    { BEAM_LOGICAL_MILLIS_INSTANT, { .kind = BEAM_FIELD_INT64 }, false },
    { BEAM_LOGICAL_MICROS_INSTANT,
      { .kind = BEAM_FIELD_ROW, .row = &micros_schema },
      false },
    { BEAM_LOGICAL_DECIMAL, { .kind = BEAM_FIELD_BYTES }, false },
    { BEAM_LOGICAL_DATE, { .kind = BEAM_FIELD_INT64 }, false },
    { BEAM_LOGICAL_FIXED_BYTES, { .kind = BEAM_FIELD_BYTES }, true },
    { BEAM_LOGICAL_VAR_BYTES, { .kind = BEAM_FIELD_BYTES }, true },
    { BEAM_LOGICAL_FIXED_CHAR, { .kind = BEAM_FIELD_STRING }, true },
    { BEAM_LOGICAL_VAR_CHAR, { .kind = BEAM_FIELD_STRING }, true },
    { BEAM_LOGICAL_PYTHON_CALLABLE, { .kind = BEAM_FIELD_STRING }, false },
};

static const logical_info *logical_of(const char *urn)
{
    for (size_t i = 0; urn && i < BEAM_COUNT(logicals); i++)
        if (!strcmp(logicals[i].urn, urn)) return &logicals[i];
    return NULL;
}

static bm_pb_field_value *int32_value(bm_arena *arena, int64_t n)
{
    bm_pb_atomic_value *atomic = bm_pb_atomic_value_new(arena);
    atomic->value_case = PB__ATOMIC_TYPE_VALUE__VALUE_INT32;
    atomic->int32 = (int32_t)n;
    bm_pb_field_value *value = bm_pb_field_value_new(arena);
    value->field_value_case = PB__FIELD_VALUE__FIELD_VALUE_ATOMIC_VALUE;
    value->atomic_value = atomic;
    return value;
}

static bm_pb_logical_type *logical_type(bm_arena *arena, const beam_field *field)
{
    bm_pb_logical_type *type = bm_pb_logical_type_new(arena);
    const logical_info *info = logical_of(field->logical);
    type->urn = bm_pb_text(field->logical);
    if (field->of || info)
        type->representation = field_type(arena,
                                          field->of ? field->of : &info->representation);
    if (field->argument_type) {
        type->argument_type = field_type(arena, field->argument_type);
        if (field->argument.len)
            type->argument = (bm_pb_field_value *)bm_pb_unpack(
                arena, &pb__field_value__descriptor, field->argument, BM_PB_MAX_DEPTH);
    } else if (info && info->has_length) {
        static const beam_field length = { .kind = BEAM_FIELD_INT32 };
        type->argument_type = field_type(arena, &length);
        type->argument = int32_value(arena, field->logical_argument);
    }
    return type;
}

static bm_pb_field_type *field_type(bm_arena *arena, const beam_field *field)
{
    bm_pb_field_type *type = bm_pb_field_type_new(arena);
    type->nullable = field->nullable;
    switch (field->kind) {
    case BEAM_FIELD_ARRAY:
        type->type_info_case = TYPE_IS(ARRAY_TYPE);
        type->array_type = bm_pb_array_type_new(arena);
        type->array_type->element_type = field_type(arena, field->of);
        break;
    case BEAM_FIELD_ITERABLE:
        type->type_info_case = TYPE_IS(ITERABLE_TYPE);
        type->iterable_type = bm_pb_iterable_type_new(arena);
        type->iterable_type->element_type = field_type(arena, field->of);
        break;
    case BEAM_FIELD_MAP:
        type->type_info_case = TYPE_IS(MAP_TYPE);
        type->map_type = bm_pb_map_type_new(arena);
        type->map_type->key_type = field_type(arena, field->key);
        type->map_type->value_type = field_type(arena, field->of);
        break;
    case BEAM_FIELD_ROW:
        type->type_info_case = TYPE_IS(ROW_TYPE);
        type->row_type = bm_pb_row_type_new(arena);
        type->row_type->schema = bm_schema_proto(arena, field->row);
        break;
    case BEAM_FIELD_LOGICAL:
        type->type_info_case = TYPE_IS(LOGICAL_TYPE);
        type->logical_type = logical_type(arena, field);
        break;
    default:
        type->type_info_case = TYPE_IS(ATOMIC_TYPE);
        type->atomic_type = atomic_of(field->kind);
    }
    return type;
}

static bool is_uuid(const char *text)
{
    static const char shape[] = "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh";
    if (!text || strlen(text) != sizeof shape - 1) return false;
    for (size_t i = 0; shape[i]; i++) {
        bool fits = shape[i] == '-' ? text[i] == '-'
                                    : strchr("0123456789abcdefABCDEF", text[i]) != NULL;
        if (!fits) return false;
    }
    return true;
}

/* Java caches row coders by the schema's UUID, so that different schemas must never share
 * one: it is made of the schema's name and fields. */
static const char *derived_uuid(bm_arena *arena, const char *name,
                                const bm_pb_schema *schema)
{
    beam_span packed = BM_PB_PACK(arena, schema);
    uint64_t high = bm_hash(packed.ptr, packed.len);
    char *text = bm_format(arena, "%s\n%016" PRIx64, name ? name : "", high);
    uint64_t low = bm_hash(text, strlen(text));
    return bm_format(arena, "%08x-%04x-8%03x-8%03x-%012" PRIx64, (unsigned)(high >> 32),
                     (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xfff),
                     (unsigned)(low >> 48 & 0xfff), low & 0xffffffffffff);
}

bm_pb_schema *bm_schema_proto(bm_arena *arena, const beam_schema *schema)
{
    bm_pb_schema *pb = bm_pb_schema_new(arena);
    bm_list fields = { 0 };
    for (size_t i = 0; i < schema->fields.n; i++) {
        const beam_field *field = &schema->fields.at[i];
        bm_pb_field *f = bm_pb_field_new(arena);
        f->name = bm_pb_text(field->name);
        f->type = field_type(arena, field);
        if (schema->encoding_positions)
            f->encoding_position = schema->encoding_positions[i];
        bm_list_add(arena, &fields, f);
    }
    BM_PB_REPEATED(pb, fields, &fields);
    pb->encoding_positions_set = schema->encoding_positions != NULL;
    pb->id = bm_pb_text(is_uuid(schema->id) ? schema->id
                                            : derived_uuid(arena, schema->id, pb));
    return pb;
}

static bool type_matches(const bm_pb_field_type *pb, const beam_field *field)
{
    if (!pb || !field || !pb->nullable != !field->nullable) return false;
    switch (pb->type_info_case) {
    case TYPE_IS(ATOMIC_TYPE):
        return pb->atomic_type != ATOMIC(UNSPECIFIED) &&
               pb->atomic_type == atomic_of(field->kind);
    case TYPE_IS(ARRAY_TYPE):
        return field->kind == BEAM_FIELD_ARRAY && pb->array_type &&
               type_matches(pb->array_type->element_type, field->of);
    case TYPE_IS(ITERABLE_TYPE):
        return field->kind == BEAM_FIELD_ITERABLE && pb->iterable_type &&
               type_matches(pb->iterable_type->element_type, field->of);
    case TYPE_IS(MAP_TYPE):
        return field->kind == BEAM_FIELD_MAP && pb->map_type &&
               type_matches(pb->map_type->key_type, field->key) &&
               type_matches(pb->map_type->value_type, field->of);
    case TYPE_IS(ROW_TYPE):
        return field->kind == BEAM_FIELD_ROW && pb->row_type && pb->row_type->schema &&
               bm_schema_matches(pb->row_type->schema, field->row);
    case TYPE_IS(LOGICAL_TYPE):
        return field->kind == BEAM_FIELD_LOGICAL && pb->logical_type && field->logical &&
               !strcmp(pb->logical_type->urn, field->logical);
    default: return false;
    }
}

bool bm_schema_matches(const bm_pb_schema *pb, const beam_schema *schema)
{
    if (!schema || pb->n_fields != schema->fields.n) return false;
    for (size_t i = 0; i < pb->n_fields; i++) {
        const beam_field *field = &schema->fields.at[i];
        if (strcmp(pb->fields[i]->name, field->name ? field->name : "")) return false;
        if (!type_matches(pb->fields[i]->type, field)) return false;
    }
    return true;
}
