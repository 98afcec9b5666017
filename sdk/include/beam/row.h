/* SPDX-License-Identifier: Apache-2.0 */
/* beam/row.h - rows with a schema (beam:coder:row:v1), the type that crosses languages.
 *
 * A schema is a constant table of fields. A row value holds one beam_value per field, in
 * the schema's order; a null field is NONE:
 *
 *     enum { ID, LAT, N_FIELDS };
 *     static const beam_field fields[N_FIELDS] = {
 *         [ID]  = { "id", BEAM_FIELD_STRING },
 *         [LAT] = { "lat", BEAM_FIELD_DOUBLE, .nullable = true },
 *     };
 *     static const beam_schema visit = { "visit", BEAM_TABLE(fields) };
 *     ... .out = BEAM_ROW(&visit) ...
 *     beam_value row[N_FIELDS] = { [ID] = beam_string(id), [LAT] = beam_null() };
 *     beam_emit(c, beam_row(row, N_FIELDS));
 */
#ifndef BEAM_ROW_H
#define BEAM_ROW_H

#include "beam/value.h"
BEAM_C_BEGIN

/* AtomicType and TypeInfo of schema.proto. */
typedef enum beam_field_kind {
    BEAM_FIELD_NONE,
    BEAM_FIELD_BYTE,
    BEAM_FIELD_INT16,
    BEAM_FIELD_INT32,
    BEAM_FIELD_INT64,
    BEAM_FIELD_FLOAT,
    BEAM_FIELD_DOUBLE,
    BEAM_FIELD_STRING,
    BEAM_FIELD_BOOLEAN,
    BEAM_FIELD_BYTES,
    BEAM_FIELD_ARRAY,    /* of: element */
    BEAM_FIELD_ITERABLE, /* of: element */
    BEAM_FIELD_MAP,      /* key: key, of: value */
    BEAM_FIELD_ROW,      /* row */
    BEAM_FIELD_LOGICAL   /* logical: its URN; of: the representation */
} beam_field_kind;

typedef struct beam_field beam_field;

/* Logical types (LogicalTypes in schema.proto); values are given and taken as:
 *   MILLIS_INSTANT  INT64, milliseconds since the epoch
 *   MICROS_INSTANT  INT64, microseconds since the epoch
 *   DECIMAL         STRING, decimal text such as "-12.50"
 *   DATE            INT64, days since the epoch
 *   FIXED_BYTES, VAR_BYTES   BYTES;  FIXED_CHAR, VAR_CHAR, PYTHON_CALLABLE  STRING
 * A logical type with another URN has the value of its representation. */
#define BEAM_LOGICAL_MILLIS_INSTANT "beam:logical_type:millis_instant:v1"
#define BEAM_LOGICAL_MICROS_INSTANT "beam:logical_type:micros_instant:v1"
#define BEAM_LOGICAL_DECIMAL "beam:logical_type:decimal:v1"
#define BEAM_LOGICAL_DATE "beam:logical_type:date:v1"
#define BEAM_LOGICAL_FIXED_BYTES "beam:logical_type:fixed_bytes:v1"
#define BEAM_LOGICAL_VAR_BYTES "beam:logical_type:var_bytes:v1"
#define BEAM_LOGICAL_FIXED_CHAR "beam:logical_type:fixed_char:v1"
#define BEAM_LOGICAL_VAR_CHAR "beam:logical_type:var_char:v1"
#define BEAM_LOGICAL_PYTHON_CALLABLE "beam:logical_type:python_callable:v1"

struct beam_field {
    const char *name; /* NULL for an element of a collection */
    beam_field_kind kind;
    bool nullable;
    const beam_field *of;         /* ARRAY, ITERABLE, MAP (value), LOGICAL (representation) */
    const beam_field *key;        /* MAP */
    const beam_schema *row;       /* ROW */
    const char *logical;          /* LOGICAL: URN */
    int64_t logical_argument;     /* FIXED_..., VAR_...: length (bytes or characters) */
    const beam_field *argument_type; /* LOGICAL read from a proto: type of its argument */
    beam_span argument;           /* LOGICAL read from a proto: encoded argument, or empty */
};

struct beam_schema {
    const char *id; /* any unique text; becomes the schema's id when it is a UUID */
    struct {
        const beam_field *at;
        size_t n;
    } fields;
    /* NULL, or for field i its position in the encoding (Schema.encoding_position). */
    const int32_t *encoding_positions;
};

/* A row value of `n` fields; borrows the array. */
static inline beam_value beam_row(const beam_value *fields, size_t n)
{
    beam_value v = { BEAM_KIND_ROW, { false } };
    v.as.list.at = fields;
    v.as.list.n = n;
    return v;
}
/* The values of an ARRAY or ITERABLE field, or the KVs of a MAP field; borrows the array. */
static inline beam_value beam_list(const beam_value *items, size_t n)
{
    beam_value v = beam_row(items, n);
    v.kind = BEAM_KIND_LIST;
    return v;
}
static inline beam_value beam_map_of(const beam_value *pairs, size_t n)
{
    beam_value v = beam_row(pairs, n);
    v.kind = BEAM_KIND_MAP;
    return v;
}
/* Index of a field by name, or -1, which beam_list_at() refuses in a callback. */
BEAM_API int beam_schema_index(const beam_schema *schema, const char *field_name);

BEAM_C_END
#endif
