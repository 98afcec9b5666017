/* SPDX-License-Identifier: Apache-2.0 */
#include "schema_proto.h"

#include <stdlib.h>

/* One field of a message. */
typedef struct entry {
    unsigned number;
    uint64_t n;      /* varint */
    beam_span bytes; /* length-delimited */
} entry;

static bool next(bm_reader *in, entry *out)
{
    uint64_t tag;
    if (!bm_left(in) || bm_read_varint(in, &tag) != BEAM_OK) return false;
    out->number = (unsigned)(tag >> 3);
    switch (tag & 7) {
    case 0: return bm_read_varint(in, &out->n) == BEAM_OK;
    case 2: return bm_read_prefixed(in, &out->bytes) == BEAM_OK;
    default: return false;
    }
}

static beam_span member(beam_span message, unsigned number)
{
    bm_reader in = bm_reader_of(message);
    for (entry e; next(&in, &e);)
        if (e.number == number) return e.bytes;
    return (beam_span){ NULL, 0 };
}

static const beam_schema *schema_of(bm_arena *arena, beam_span message);
static void fill_type(bm_arena *arena, beam_span message, beam_field *field);

static const beam_field *type_of(bm_arena *arena, beam_span message)
{
    beam_field *field = BM_NEW(arena, beam_field);
    fill_type(arena, message, field);
    return field;
}

/* FieldValue.atomic_value.int32 */
static int64_t argument_of(beam_span message)
{
    bm_reader in = bm_reader_of(member(message, 1));
    for (entry e; next(&in, &e);)
        if (e.number == 3) return (int64_t)e.n;
    return 0;
}

static void fill_logical(bm_arena *arena, beam_span message, beam_field *field)
{
    field->kind = BEAM_FIELD_LOGICAL;
    field->logical = bm_cstr(arena, member(message, 1));
    field->of = type_of(arena, member(message, 3));
    field->logical_argument = argument_of(member(message, 5));
}

static void fill_type(bm_arena *arena, beam_span message, beam_field *field)
{
    bm_reader in = bm_reader_of(message);
    for (entry e; next(&in, &e);) {
        switch (e.number) {
        case 1: field->nullable = e.n; break;
        case 2: field->kind = (beam_field_kind)e.n; break;
        case 3:
        case 4:
            field->kind = e.number == 3 ? BEAM_FIELD_ARRAY : BEAM_FIELD_ITERABLE;
            field->of = type_of(arena, member(e.bytes, 1));
            break;
        case 5:
            field->kind = BEAM_FIELD_MAP;
            field->key = type_of(arena, member(e.bytes, 1));
            field->of = type_of(arena, member(e.bytes, 2));
            break;
        case 6:
            field->kind = BEAM_FIELD_ROW;
            field->row = schema_of(arena, member(e.bytes, 1));
            break;
        case 7: fill_logical(arena, e.bytes, field); break;
        default: abort();
        }
    }
}

static void fill_field(bm_arena *arena, beam_span message, beam_field *field,
                       int32_t *position)
{
    bm_reader in = bm_reader_of(message);
    for (entry e; next(&in, &e);) {
        if (e.number == 1) field->name = bm_cstr(arena, e.bytes);
        if (e.number == 3) fill_type(arena, e.bytes, field);
        if (e.number == 5) *position = (int32_t)e.n;
    }
}

static const beam_schema *schema_of(bm_arena *arena, beam_span message)
{
    enum { MAX = 16 };
    beam_schema *schema = BM_NEW(arena, beam_schema);
    beam_field *fields = BM_NEW_ARRAY(arena, beam_field, MAX);
    int32_t *positions = BM_NEW_ARRAY(arena, int32_t, MAX);
    size_t n = 0;
    bool explicit_positions = false;
    bm_reader in = bm_reader_of(message);
    for (entry e; next(&in, &e);) {
        if (e.number == 1 && n < MAX) {
            fill_field(arena, e.bytes, &fields[n], &positions[n]);
            explicit_positions |= positions[n] != 0;
            n++;
        }
        if (e.number == 4 && e.n) explicit_positions = true;
    }
    schema->fields.at = fields;
    schema->fields.n = n;
    if (explicit_positions) schema->encoding_positions = positions;
    return schema;
}

beam_status schema_from_proto(void *self, bm_arena *arena, beam_span payload,
                              const beam_schema **out, beam_error *err)
{
    (void)self;
    (void)err;
    *out = schema_of(arena, payload);
    return BEAM_OK;
}
