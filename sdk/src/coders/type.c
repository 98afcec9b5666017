/* SPDX-License-Identifier: Apache-2.0 */
/* The types of values, and schemas. Any thread. */
#include <string.h>

#include "beam/coder.h"
#include "beam/row.h"

const beam_type beam_type_bytes = { BEAM_KIND_BYTES, { NULL, NULL }, NULL, NULL };
const beam_type beam_type_string = { BEAM_KIND_STRING, { NULL, NULL }, NULL, NULL };
const beam_type beam_type_bool = { BEAM_KIND_BOOL, { NULL, NULL }, NULL, NULL };
const beam_type beam_type_int64 = { BEAM_KIND_INT64, { NULL, NULL }, NULL, NULL };
const beam_type beam_type_double = { BEAM_KIND_DOUBLE, { NULL, NULL }, NULL, NULL };
const beam_type beam_type_any = { BEAM_KIND_ANY, { NULL, NULL }, NULL, NULL };

static bool text_equal(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

static bool schema_equal(const beam_schema *a, const beam_schema *b);

static bool field_equal(const beam_field *a, const beam_field *b)
{
    if (a == b) return true;
    if (!a || !b) return false;
    return text_equal(a->name, b->name) && a->kind == b->kind &&
           a->nullable == b->nullable && text_equal(a->logical, b->logical) &&
           a->logical_argument == b->logical_argument && field_equal(a->of, b->of) &&
           field_equal(a->key, b->key) && schema_equal(a->row, b->row);
}

static int32_t position(const beam_schema *schema, size_t field)
{
    return schema->encoding_positions ? schema->encoding_positions[field]
                                      : (int32_t)field;
}

static bool schema_equal(const beam_schema *a, const beam_schema *b)
{
    if (a == b) return true;
    if (!a || !b || a->fields.n != b->fields.n) return false;
    for (size_t i = 0; i < a->fields.n; i++)
        if (!field_equal(&a->fields.at[i], &b->fields.at[i]) ||
            position(a, i) != position(b, i))
            return false;
    return true;
}

static bool struct_equal(const beam_struct_coder *a, const beam_struct_coder *b)
{
    return a == b || (a && b && text_equal(a->name, b->name));
}

bool beam_type_equal(const beam_type *a, const beam_type *b)
{
    if (a == b) return true;
    if (!a || !b) return false;
    if (a->kind == BEAM_KIND_ANY || b->kind == BEAM_KIND_ANY) return true;
    return a->kind == b->kind && beam_type_equal(a->arg[0], b->arg[0]) &&
           beam_type_equal(a->arg[1], b->arg[1]) && schema_equal(a->schema, b->schema) &&
           struct_equal(a->struct_coder, b->struct_coder);
}

int beam_schema_index(const beam_schema *schema, const char *field_name)
{
    for (size_t i = 0; i < schema->fields.n; i++)
        if (text_equal(schema->fields.at[i].name, field_name)) return (int)i;
    return -1;
}
