/* SPDX-License-Identifier: Apache-2.0 */
/* Coders and values in words, and what the engine asks about a coder's shape. Any thread. */
#include "exec/node.h"

size_t bm_name_depth(const char *name)
{
    size_t n = 0;
    for (const char *at = name; (at = strchr(at, '/')); at++) n++;
    return n;
}

beam_span bm_name_of_scope(const char *name, size_t i)
{
    const char *end = strchr(name, '/');
    while (i--) end = strchr(end + 1, '/');
    return (beam_span){ name, (size_t)(end - name) };
}

static const char *kind_name(bm_coder_kind kind)
{
    switch (kind) {
    case BM_CODER_BYTES: return "BYTES";
    case BM_CODER_STRING: return "STRING";
    case BM_CODER_BOOL: return "BOOL";
    case BM_CODER_VARINT: return "INT64";
    case BM_CODER_DOUBLE: return "DOUBLE";
    case BM_CODER_KV: return "KV";
    case BM_CODER_ITERABLE:
    case BM_CODER_STATE_BACKED_ITERABLE: return "ITERABLE";
    case BM_CODER_NULLABLE: return "NULLABLE";
    case BM_CODER_INTERVAL_WINDOW:
    case BM_CODER_GLOBAL_WINDOW:
    case BM_CODER_CUSTOM_WINDOW: return "WINDOW";
    case BM_CODER_WINDOWED_VALUE:
    case BM_CODER_PARAM_WINDOWED_VALUE: return "WINDOWED";
    case BM_CODER_TIMER: return "TIMER";
    case BM_CODER_SHARDED_KEY: return "SHARDED_KEY";
    case BM_CODER_ROW: return "ROW";
    case BM_CODER_STRUCT: return "STRUCT";
    default: return "any type";
    }
}

const char *bm_coder_text(bm_arena *arena, const bm_coder *coder)
{
    if (!coder) return "an unknown type";
    switch (coder->kind) {
    case BM_CODER_LENGTH_PREFIX: return bm_coder_text(arena, coder->arg[0]);
    case BM_CODER_KV:
        return bm_format(arena, "KV<%s, %s>", bm_coder_text(arena, coder->arg[0]),
                         bm_coder_text(arena, coder->arg[1]));
    case BM_CODER_ITERABLE:
    case BM_CODER_STATE_BACKED_ITERABLE:
    case BM_CODER_NULLABLE:
    case BM_CODER_SHARDED_KEY:
        return bm_format(arena, "%s<%s>", kind_name(coder->kind),
                         bm_coder_text(arena, coder->arg[0]));
    case BM_CODER_STRUCT:
        return bm_format(arena, "STRUCT<%s>", coder->struct_coder->name);
    default: return kind_name(coder->kind);
    }
}

const char *bm_value_type_text(bm_arena *arena, beam_value value)
{
    switch (value.kind) {
    case BEAM_KIND_NONE: return "a null";
    case BEAM_KIND_BYTES: return "BYTES";
    case BEAM_KIND_STRING: return "STRING";
    case BEAM_KIND_BOOL: return "BOOL";
    case BEAM_KIND_INT64: return "INT64";
    case BEAM_KIND_DOUBLE: return "DOUBLE";
    case BEAM_KIND_KV:
        return bm_format(arena, "KV<%s, %s>", bm_value_type_text(arena, value.as.kv[0]),
                         bm_value_type_text(arena, value.as.kv[1]));
    case BEAM_KIND_ITERABLE: return "ITERABLE";
    case BEAM_KIND_ROW:
        return bm_format(arena, "ROW of %zu field%s", value.as.list.n,
                         value.as.list.n == 1 ? "" : "s");
    case BEAM_KIND_LIST: return "LIST";
    case BEAM_KIND_MAP: return "MAP";
    case BEAM_KIND_STRUCT: return "STRUCT";
    case BEAM_KIND_WINDOW: return "WINDOW";
    case BEAM_KIND_WINDOWED: return "WINDOWED";
    case BEAM_KIND_TIMER: return "TIMER";
    case BEAM_KIND_SHARDED_KEY: return "SHARDED_KEY";
    default: return "a value of no known kind";
    }
}

static bool same_schema(const beam_schema *a, const beam_schema *b);

static bool same_field(const beam_field *a, const beam_field *b)
{
    if (a == b) return true;
    if (!a || !b || a->kind != b->kind || a->nullable != b->nullable) return false;
    if (a->kind == BEAM_FIELD_LOGICAL
        && (strcmp(a->logical, b->logical) != 0
            || a->logical_argument != b->logical_argument))
        return false;
    return same_field(a->of, b->of) && same_field(a->key, b->key)
           && (a->row == b->row || (a->row && b->row && same_schema(a->row, b->row)));
}

static bool same_schema(const beam_schema *a, const beam_schema *b)
{
    if (a == b) return true;
    if (a->fields.n != b->fields.n) return false;
    for (size_t i = 0; i < a->fields.n; i++) {
        if (!same_field(&a->fields.at[i], &b->fields.at[i])) return false;
        int32_t at_a = a->encoding_positions ? a->encoding_positions[i] : (int32_t)i;
        int32_t at_b = b->encoding_positions ? b->encoding_positions[i] : (int32_t)i;
        if (at_a != at_b) return false;
    }
    return true;
}

/* Do both give the same bytes for every value? May say no where they do. */
bool bm_coder_same(const bm_coder *a, const bm_coder *b)
{
    if (a == b) return true;
    if (!a || !b || a->kind != b->kind || a->struct_coder != b->struct_coder) return false;
    if (a->kind == BM_CODER_OPAQUE || a->kind == BM_CODER_PARAM_WINDOWED_VALUE) return false;
    if (a->kind == BM_CODER_ROW && !same_schema(a->schema, b->schema)) return false;
    return bm_coder_same(a->arg[0], b->arg[0]) && bm_coder_same(a->arg[1], b->arg[1]);
}

bool bm_coder_has(const bm_coder *coder, bm_coder_kind kind)
{
    if (!coder) return false;
    return coder->kind == kind || bm_coder_has(coder->arg[0], kind)
           || bm_coder_has(coder->arg[1], kind);
}

beam_kind bm_coder_value_kind(const bm_coder *coder, bool *nullable)
{
    *nullable = false;
    while (coder
           && (coder->kind == BM_CODER_LENGTH_PREFIX || coder->kind == BM_CODER_NULLABLE)) {
        *nullable |= coder->kind == BM_CODER_NULLABLE;
        if (coder->kind == BM_CODER_LENGTH_PREFIX && coder->arg[0]->kind == BM_CODER_OPAQUE)
            return BEAM_KIND_BYTES;
        coder = coder->arg[0];
    }
    switch (coder ? coder->kind : BM_CODER_OPAQUE) {
    case BM_CODER_BYTES: return BEAM_KIND_BYTES;
    case BM_CODER_STRING: return BEAM_KIND_STRING;
    case BM_CODER_BOOL: return BEAM_KIND_BOOL;
    case BM_CODER_VARINT: return BEAM_KIND_INT64;
    case BM_CODER_DOUBLE: return BEAM_KIND_DOUBLE;
    case BM_CODER_KV: return BEAM_KIND_KV;
    case BM_CODER_ROW: return BEAM_KIND_ROW;
    case BM_CODER_STRUCT: return BEAM_KIND_STRUCT;
    case BM_CODER_SHARDED_KEY: return BEAM_KIND_SHARDED_KEY;
    default: return BEAM_KIND_ANY;
    }
}

static const bm_coder *unprefixed(const bm_coder *coder)
{
    while (coder && coder->kind == BM_CODER_LENGTH_PREFIX) coder = coder->arg[0];
    return coder;
}

static bool is_like(const bm_coder *coder, beam_value v)
{
    coder = unprefixed(coder);
    if (coder->kind == BM_CODER_NULLABLE)
        return v.kind == BEAM_KIND_NONE || is_like(coder->arg[0], v);
    bool nullable;
    switch (v.kind) {
    case BEAM_KIND_NONE: return false;
    case BEAM_KIND_KV:
        return coder->kind == BM_CODER_KV && is_like(coder->arg[0], v.as.kv[0])
               && is_like(coder->arg[1], v.as.kv[1]);
    case BEAM_KIND_ITERABLE:
        return coder->kind == BM_CODER_ITERABLE
               || coder->kind == BM_CODER_STATE_BACKED_ITERABLE;
    default: return bm_coder_value_kind(coder, &nullable) == v.kind;
    }
}

/* False: there are different ones. */
static bool find_like(const bm_coder *coder, beam_value v, const bm_coder **found)
{
    coder = unprefixed(coder);
    if (!coder) return true;
    if (!is_like(coder, v))
        return find_like(coder->arg[0], v, found) && find_like(coder->arg[1], v, found);
    if (*found && !bm_coder_same(*found, coder)) return false;
    *found = coder;
    return true;
}

const bm_coder *bm_coder_of_part(const bm_coder *coder, beam_value v)
{
    const bm_coder *found = NULL;
    return find_like(coder, v, &found) ? found : NULL;
}

const char *bm_refused_text(bm_arena *arena, const bm_coder *coder, beam_value v)
{
    while (coder->kind == BM_CODER_LENGTH_PREFIX || coder->kind == BM_CODER_NULLABLE)
        coder = coder->arg[0];
    if (coder->kind == BM_CODER_KV && v.kind == BEAM_KIND_KV) {
        const char *text = bm_refused_text(arena, coder->arg[0], v.as.kv[0]);
        return *text ? text : bm_refused_text(arena, coder->arg[1], v.as.kv[1]);
    }
    if (coder->kind != BM_CODER_ROW || v.kind != BEAM_KIND_ROW) return "";
    if (v.as.list.n > coder->schema->fields.n)
        return bm_format(arena, ": that has %zu field%s", coder->schema->fields.n,
                         coder->schema->fields.n == 1 ? "" : "s");
    int i = bm_row_refused(coder, v);
    if (i < 0) return "";
    return bm_format(arena, ": its field '%s' does not take %s", coder->schema->fields.at[i].name,
                     bm_value_text(arena, beam_list_at(v, (size_t)i), 100));
}

/* -- values that were taken for what they are not ----------------------------------------- */
enum { VALUE_TEXT = 100, NAMES_TEXT = 200 };

static const char *names(bm_arena *arena, const beam_schema *schema)
{
    const char *text = "";
    for (size_t i = 0; i < schema->fields.n && strlen(text) < NAMES_TEXT; i++)
        text = bm_format(arena, "%s%s'%s'", text, i ? ", " : ": ", schema->fields.at[i].name);
    return text;
}

static const char *no_field_text(bm_arena *arena, const bm_misread *what,
                                 const beam_schema *schema)
{
    size_t n = schema ? schema->fields.n : what->value.as.list.n;
    if (what->index < n) return NULL;
    return bm_format(arena, "beam_list_at() of field %lld of a row with %zu field%s%s%s",
                     (long long)what->index, n, n == 1 ? "" : "s",
                     schema ? names(arena, schema) : "",
                     what->index == (size_t)-1
                         ? "; beam_schema_index() gives -1 for a name that is no field's"
                         : "");
}

const char *bm_misread_text(bm_arena *arena, const bm_misread *what, const bm_coder *coder,
                            const beam_value *element)
{
    bm_misread_place at = bm_misread_find(what, coder, element);
    beam_value v = what->value;
    if (what->is_index && v.kind == BEAM_KIND_ROW) return no_field_text(arena, what, at.schema);
    const char *of = at.field ? bm_format(arena, "field '%s', which", at.field->name)
                              : "a value that";
    return bm_format(arena, "%s() of %s is %s: %s", what->call, of,
                     bm_value_type_text(arena, v), bm_value_text(arena, v, VALUE_TEXT));
}
