/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptor's coders and schemas for a bm_coder_set. Any thread, one per plan. */
#include <stdlib.h>

#include "base/error.h"
#include "exec/build.h"
#include "model/schema.upb.h"

static bool find_coder(void *self, const char *id, bm_coder_spec *out)
{
    bm_builder *b = self;
    struct pb_Coder *coder;
    if (!pb_ProcessBundleDescriptor_coders_get(b->descriptor, upb_StringView_FromString(id),
                                               &coder))
        return false;
    const pb_FunctionSpec *spec = pb_Coder_spec(coder);
    size_t n;
    upb_StringView const *components = pb_Coder_component_coder_ids(coder, &n);
    const char **ids = BM_NEW_ARRAY(&b->plan->arena, const char *, n);
    for (size_t i = 0; i < n; i++) ids[i] = bm_pb_text(b, components[i]);
    *out = (bm_coder_spec){ .urn = "", .component_ids = ids, .n_components = n };
    if (spec) {
        out->urn = bm_pb_text(b, pb_FunctionSpec_urn(spec));
        out->payload =
            bm_span_copy(&b->plan->arena, bm_pb_span(pb_FunctionSpec_payload(spec)));
    }
    return true;
}

static const beam_struct_coder *find_struct_coder(void *self, beam_span name)
{
    return bm_registry_struct_coder(((bm_builder *)self)->plan->registry, name);
}

/* -- schemas ------------------------------------------------------------------------------ */
static void read_type(bm_arena *arena, upb_Arena *upb, const pb_FieldType *pb,
                      beam_field *out);

static beam_span pb_copy(bm_arena *arena, upb_StringView view)
{
    return bm_span_copy(arena, bm_pb_span(view));
}

static const beam_field *new_type(bm_arena *arena, upb_Arena *upb, const pb_FieldType *pb)
{
    if (!pb) return NULL;
    beam_field *field = BM_NEW(arena, beam_field);
    read_type(arena, upb, pb, field);
    return field;
}

static const beam_schema *read_schema(bm_arena *arena, upb_Arena *upb, const pb_Schema *pb)
{
    beam_schema *schema = BM_NEW(arena, beam_schema);
    size_t n = 0;
    const pb_Field *const *fields = pb ? pb_Schema_fields(pb, &n) : NULL;
    beam_field *at = BM_NEW_ARRAY(arena, beam_field, n);
    bool has_positions = pb && pb_Schema_encoding_positions_set(pb);
    int32_t *positions = has_positions ? BM_NEW_ARRAY(arena, int32_t, n) : NULL;
    schema->id = pb ? pb_copy(arena, pb_Schema_id(pb)).ptr : "";
    for (size_t i = 0; i < n; i++) {
        if (pb_Field_type(fields[i])) read_type(arena, upb, pb_Field_type(fields[i]), &at[i]);
        at[i].name = pb_copy(arena, pb_Field_name(fields[i])).ptr;
        if (positions) positions[i] = pb_Field_encoding_position(fields[i]);
    }
    schema->fields.at = at;
    schema->fields.n = n;
    schema->encoding_positions = positions;
    return schema;
}

static void read_logical(bm_arena *arena, upb_Arena *upb, const pb_LogicalType *pb,
                         beam_field *out)
{
    out->kind = BEAM_FIELD_LOGICAL;
    out->logical = pb_copy(arena, pb_LogicalType_urn(pb)).ptr;
    out->of = new_type(arena, upb, pb_LogicalType_representation(pb));
    out->argument_type = new_type(arena, upb, pb_LogicalType_argument_type(pb));
    const pb_FieldValue *argument = pb_LogicalType_argument(pb);
    if (!argument) return;
    upb_StringView bytes = { NULL, 0 };
    bytes.data = pb_FieldValue_serialize(argument, upb, &bytes.size);
    if (bytes.data) out->argument = pb_copy(arena, bytes);
    const pb_AtomicTypeValue *atomic = pb_FieldValue_atomic_value(argument);
    if (atomic && pb_AtomicTypeValue_has_int32(atomic))
        out->logical_argument = pb_AtomicTypeValue_int32(atomic);
    else if (atomic && pb_AtomicTypeValue_has_int64(atomic))
        out->logical_argument = pb_AtomicTypeValue_int64(atomic);
}

static void read_type(bm_arena *arena, upb_Arena *upb, const pb_FieldType *pb,
                      beam_field *out)
{
    out->nullable = pb_FieldType_nullable(pb);
    switch (pb_FieldType_type_info_case(pb)) {
    case pb_FieldType_type_info_atomic_type: {
        int32_t type = pb_FieldType_atomic_type(pb); /* numbered as beam_field_kind is */
        out->kind = type > 0 && type <= BEAM_FIELD_BYTES ? (beam_field_kind)type
                                                         : BEAM_FIELD_NONE;
        break;
    }
    case pb_FieldType_type_info_array_type:
        out->kind = BEAM_FIELD_ARRAY;
        out->of = new_type(arena, upb, pb_ArrayType_element_type(pb_FieldType_array_type(pb)));
        break;
    case pb_FieldType_type_info_iterable_type:
        out->kind = BEAM_FIELD_ITERABLE;
        out->of = new_type(arena, upb,
                           pb_IterableType_element_type(pb_FieldType_iterable_type(pb)));
        break;
    case pb_FieldType_type_info_map_type: {
        const pb_MapType *map = pb_FieldType_map_type(pb);
        out->kind = BEAM_FIELD_MAP;
        out->key = new_type(arena, upb, pb_MapType_key_type(map));
        out->of = new_type(arena, upb, pb_MapType_value_type(map));
        break;
    }
    case pb_FieldType_type_info_row_type:
        out->kind = BEAM_FIELD_ROW;
        out->row = read_schema(arena, upb, pb_RowType_schema(pb_FieldType_row_type(pb)));
        break;
    case pb_FieldType_type_info_logical_type:
        read_logical(arena, upb, pb_FieldType_logical_type(pb), out);
        break;
    default: out->kind = BEAM_FIELD_NONE;
    }
}

/* Where a type lacks a part, or positions are not a permutation; NULL: nowhere. */
static const char *schema_problem(const beam_schema *schema);

static const char *field_problem(const beam_field *f)
{
    const char *problem = NULL;
    switch (f->kind) {
    case BEAM_FIELD_NONE: return "a field has no known type";
    case BEAM_FIELD_MAP:
        if (!f->key) return "a map has no key type";
        problem = field_problem(f->key);
        break;
    case BEAM_FIELD_ROW: return schema_problem(f->row);
    case BEAM_FIELD_LOGICAL: return f->of ? field_problem(f->of) : NULL;
    case BEAM_FIELD_ARRAY:
    case BEAM_FIELD_ITERABLE: break;
    default: return NULL;
    }
    if (problem) return problem;
    return f->of ? field_problem(f->of) : "a collection has no element type";
}

static const char *schema_problem(const beam_schema *schema)
{
    size_t n = schema->fields.n;
    for (size_t i = 0; i < n; i++) {
        const char *problem = field_problem(&schema->fields.at[i]);
        if (problem) return problem;
    }
    if (!schema->encoding_positions) return NULL;
    bool *taken = bm_xcalloc(n, sizeof *taken);
    bool is_permutation = true;
    for (size_t i = 0; i < n && is_permutation; i++) {
        int32_t at = schema->encoding_positions[i];
        is_permutation = at >= 0 && (size_t)at < n && !taken[at];
        if (is_permutation) taken[at] = true;
    }
    free(taken);
    return is_permutation ? NULL : "its encoding positions are not a permutation";
}

static beam_status parse_schema(void *self, bm_arena *arena, beam_span payload,
                                const beam_schema **out, beam_error *err)
{
    bm_builder *b = self;
    const pb_Schema *pb = pb_Schema_parse_ex(payload.ptr, payload.len, NULL,
                                             kUpb_DecodeOption_AliasString, b->upb);
    if (!pb) return bm_error(err, BEAM_EINVAL, "a row coder's schema cannot be parsed");
    *out = read_schema(arena, b->upb, pb);
    const char *problem = schema_problem(*out);
    if (!problem) return BEAM_OK;
    return bm_error(err, BEAM_EINVAL, "the schema of a row coder is broken: %s", problem);
}

/* -- the set --------------------------------------------------------------------------------- */
void bm_build_coders_init(bm_builder *b)
{
    const bm_coder_source source = { b, find_coder, parse_schema, find_struct_coder };
    bm_coder_set_init(&b->coders, &b->plan->arena, &source);
}

beam_status bm_build_coder(bm_builder *b, const char *who, upb_StringView id,
                           const bm_coder **out)
{
    beam_error why = { 0 };
    beam_status status = bm_coder_set_get(&b->coders, bm_pb_text(b, id), out, &why);
    if (status == BEAM_OK) return BEAM_OK;
    return bm_error(b->err, status, "%.200s: bad coder: %.700s", who, why.message);
}
