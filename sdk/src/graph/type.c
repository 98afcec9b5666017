/* SPDX-License-Identifier: Apache-2.0 */
/* Element types while building: making, checking and showing them. Any thread, as its
 * arena. */
#include "fns/registry.h"
#include "graph/build.h"

/* Deeper trees are taken for a mistake; it keeps recursion bounded. */
enum { MAX_DEPTH = 32 };

static const beam_type *make(bm_arena *arena, beam_kind kind, const beam_type *arg0,
                             const beam_type *arg1)
{
    beam_type *type = BM_NEW(arena, beam_type);
    type->kind = kind;
    type->arg[0] = arg0;
    type->arg[1] = arg1;
    return type;
}

const beam_type *bm_type_kv(bm_arena *arena, const beam_type *key, const beam_type *value)
{
    return make(arena, BEAM_KIND_KV, key, value);
}

const beam_type *bm_type_iterable(bm_arena *arena, const beam_type *element)
{
    return make(arena, BEAM_KIND_ITERABLE, element, NULL);
}

const beam_type *bm_type_nullable(bm_arena *arena, const beam_type *inner)
{
    if (inner->kind == BEAM_KIND_NULLABLE) return inner;
    return make(arena, BEAM_KIND_NULLABLE, inner, NULL);
}

static int arg_count(const beam_type *type)
{
    switch (type->kind) {
    case BEAM_KIND_KV: return 2;
    case BEAM_KIND_ITERABLE:
    case BEAM_KIND_NULLABLE:
    case BEAM_KIND_SHARDED_KEY: return 1;
    default: return 0;
    }
}

static const char *schema_problem(const beam_schema *schema)
{
    if (!schema) return "a ROW without schema";
    if (schema->fields.n && !schema->fields.at) return "a ROW whose schema has no fields";
    for (size_t i = 0; i < schema->fields.n; i++)
        if (!schema->fields.at[i].name)
            return "a ROW whose schema has a field without name";
    return NULL;
}

static const char *struct_problem(const beam_struct_coder *coder)
{
    if (!coder) return "a STRUCT without coder";
    if (!coder->name || !*coder->name) return "a STRUCT whose coder has no name";
    if (!coder->encode || !coder->decode) return "a STRUCT whose coder lacks a callback";
    return NULL;
}

static const char *problem_at(const beam_type *type, int depth)
{
    if (!type) return "a type without one of its parts";
    if (depth > MAX_DEPTH) return "a type that nests too deep";
    switch (type->kind) {
    case BEAM_KIND_BYTES:
    case BEAM_KIND_STRING:
    case BEAM_KIND_BOOL:
    case BEAM_KIND_INT64:
    case BEAM_KIND_DOUBLE:
    case BEAM_KIND_WINDOW:
    case BEAM_KIND_ANY: return NULL;
    case BEAM_KIND_ROW: return schema_problem(type->schema);
    case BEAM_KIND_STRUCT: return struct_problem(type->struct_coder);
    case BEAM_KIND_KV:
    case BEAM_KIND_ITERABLE:
    case BEAM_KIND_NULLABLE:
    case BEAM_KIND_SHARDED_KEY:
        /* Java's NullableCoder takes the two for one: its bytes are others. */
        if (type->kind == BEAM_KIND_NULLABLE && type->arg[0] &&
            type->arg[0]->kind == BEAM_KIND_NULLABLE)
            return "a NULLABLE of a NULLABLE";
        for (int i = 0; i < arg_count(type); i++) {
            const char *problem = problem_at(type->arg[i], depth + 1);
            if (problem) return problem;
        }
        return NULL;
    case BEAM_KIND_NONE:
    case BEAM_KIND_LIST:
    case BEAM_KIND_MAP:
    case BEAM_KIND_WINDOWED:
    case BEAM_KIND_TIMER: break;
    }
    return "a type that elements cannot have";
}

const char *bm_type_problem(const beam_type *type)
{
    return problem_at(type, 0);
}

const beam_type *bm_type_copy(bm_arena *arena, const beam_type *type)
{
    beam_type *copy = BM_NEW(arena, beam_type);
    *copy = *type;
    for (int i = 0; i < arg_count(type); i++)
        copy->arg[i] = bm_type_copy(arena, type->arg[i]);
    return copy;
}

bool bm_type_has_any(const beam_type *type)
{
    if (type->kind == BEAM_KIND_ANY) return true;
    for (int i = 0; i < arg_count(type); i++)
        if (bm_type_has_any(type->arg[i])) return true;
    return false;
}

const beam_type *bm_type_with(bm_arena *arena, const beam_type *type,
                              const beam_type *instead_of_any)
{
    if (type->kind == BEAM_KIND_ANY) return instead_of_any;
    if (!bm_type_has_any(type)) return type;
    beam_type *copy = BM_NEW(arena, beam_type);
    *copy = *type;
    for (int i = 0; i < arg_count(type); i++)
        copy->arg[i] = bm_type_with(arena, type->arg[i], instead_of_any);
    return copy;
}

const beam_struct_coder *bm_type_unknown_struct(const beam_pipeline *p,
                                                const beam_type *type)
{
    if (!p->registry) return NULL;
    if (type->kind == BEAM_KIND_STRUCT) {
        const beam_struct_coder *coder = type->struct_coder;
        bool known = bm_registry_struct_coder(p->registry, beam_span_of(coder->name)) ==
                     coder;
        return known ? NULL : coder;
    }
    for (int i = 0; i < arg_count(type); i++) {
        const beam_struct_coder *unknown = bm_type_unknown_struct(p, type->arg[i]);
        if (unknown) return unknown;
    }
    return NULL;
}

/* -- text ----------------------------------------------------------------------------- */
static const char *plain_text(beam_kind kind)
{
    switch (kind) {
    case BEAM_KIND_NONE: return "NONE";
    case BEAM_KIND_BYTES: return "BYTES";
    case BEAM_KIND_STRING: return "STRING";
    case BEAM_KIND_BOOL: return "BOOL";
    case BEAM_KIND_INT64: return "INT64";
    case BEAM_KIND_DOUBLE: return "DOUBLE";
    case BEAM_KIND_KV: return "KV";
    case BEAM_KIND_ITERABLE: return "ITERABLE";
    case BEAM_KIND_NULLABLE: return "NULLABLE";
    case BEAM_KIND_ROW: return "ROW";
    case BEAM_KIND_LIST: return "LIST";
    case BEAM_KIND_MAP: return "MAP";
    case BEAM_KIND_STRUCT: return "STRUCT";
    case BEAM_KIND_WINDOW: return "WINDOW";
    case BEAM_KIND_WINDOWED: return "WINDOWED";
    case BEAM_KIND_TIMER: return "TIMER";
    case BEAM_KIND_SHARDED_KEY: return "SHARDED_KEY";
    case BEAM_KIND_ANY: return "ANY";
    }
    return "?";
}

/* What stands between the brackets, or NULL. */
static const char *inner_text(bm_arena *arena, const beam_type *type)
{
    switch (type->kind) {
    case BEAM_KIND_ROW: return type->schema ? type->schema->id : NULL;
    case BEAM_KIND_STRUCT: return type->struct_coder ? type->struct_coder->name : NULL;
    case BEAM_KIND_KV:
        return bm_format(arena, "%s, %s", bm_type_text(arena, type->arg[0]),
                         bm_type_text(arena, type->arg[1]));
    case BEAM_KIND_ITERABLE:
    case BEAM_KIND_NULLABLE:
    case BEAM_KIND_SHARDED_KEY: return bm_type_text(arena, type->arg[0]);
    default: return NULL;
    }
}

const char *bm_type_text(bm_arena *arena, const beam_type *type)
{
    if (!type) return "?";
    const char *inner = inner_text(arena, type);
    const char *outer = plain_text(type->kind);
    return inner ? bm_format(arena, "%s<%s>", outer, inner) : outer;
}

/* -- determinism ---------------------------------------------------------------------- */
static const char *field_problem(const beam_field *field);

static const char *row_problem(const beam_schema *schema)
{
    for (size_t i = 0; i < schema->fields.n; i++) {
        const char *problem = field_problem(&schema->fields.at[i]);
        if (problem) return problem;
    }
    return NULL;
}

static const char *field_problem(const beam_field *field)
{
    switch (field->kind) {
    case BEAM_FIELD_MAP: return "a map, whose order is not fixed";
    case BEAM_FIELD_ARRAY:
    case BEAM_FIELD_ITERABLE:
    case BEAM_FIELD_LOGICAL: return field->of ? field_problem(field->of) : NULL;
    case BEAM_FIELD_ROW: return field->row ? row_problem(field->row) : NULL;
    default: return NULL;
    }
}

static const char *key_problem(const beam_type *type)
{
    switch (type->kind) {
    case BEAM_KIND_ANY: return "a type that is not known here";
    case BEAM_KIND_ITERABLE: return "an iterable, which has more than one encoding";
    case BEAM_KIND_ROW: return row_problem(type->schema);
    default: break;
    }
    for (int i = 0; i < arg_count(type); i++) {
        const char *problem = key_problem(type->arg[i]);
        if (problem) return problem;
    }
    return NULL;
}

bool bm_type_is_deterministic(const beam_type *type, const char **why)
{
    const char *problem = key_problem(type);
    if (why) *why = problem;
    return !problem;
}
