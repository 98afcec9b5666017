/* SPDX-License-Identifier: Apache-2.0 */
/* proto/returned_coder.c - comparing the coders that an expansion service chose with the
 * types that the program declared. One thread. */
#include "beam_urns.h"
#include "proto/builder.h"

/* The coder without length prefixes around it, which readers see through. NULL: unknown,
 * or without a URN. */
static const bm_pb_coder *coder_of(const bm_map *coders, const char *id)
{
    for (int depth = 0; depth < BM_PB_MAX_DEPTH; depth++) {
        const bm_pb_coder *coder = bm_map_get(coders, beam_span_of(id));
        if (!coder || !coder->spec) return NULL;
        if (strcmp(coder->spec->urn, BEAM_URN_CODER_LENGTH_PREFIX) != 0) return coder;
        if (coder->n_component_coder_ids != 1) return NULL;
        id = coder->component_coder_ids[0];
    }
    return NULL;
}

static bool is_plain(const bm_pb_coder *coder, const char *urn)
{
    return !strcmp(coder->spec->urn, urn);
}

static bool is_of(bm_arena *arena, const bm_map *coders, const bm_pb_coder *coder,
                  const char *urn, const beam_type *type, size_t n)
{
    if (!is_plain(coder, urn) || coder->n_component_coder_ids != n) return false;
    for (size_t i = 0; i < n; i++)
        if (!bm_coder_matches(arena, coders, coder->component_coder_ids[i], type->arg[i]))
            return false;
    return true;
}

static bool is_row(bm_arena *arena, const bm_pb_coder *coder, const beam_schema *schema)
{
    if (!is_plain(coder, BEAM_URN_CODER_ROW)) return false;
    const bm_pb_schema *pb = (const bm_pb_schema *)bm_pb_unpack(
        arena, &pb__schema__descriptor, bm_pb_span(coder->spec->payload),
        BM_PB_MAX_DEPTH);
    return pb && bm_schema_matches(pb, schema);
}

bool bm_coder_matches(bm_arena *arena, const bm_map *coders, const char *id,
                      const beam_type *type)
{
    if (!type || type->kind == BEAM_KIND_ANY) return true;
    const bm_pb_coder *coder = coder_of(coders, id);
    if (!coder) return false;
    switch (type->kind) {
    case BEAM_KIND_BYTES: return is_plain(coder, BEAM_URN_CODER_BYTES);
    case BEAM_KIND_STRING: return is_plain(coder, BEAM_URN_CODER_STRING_UTF8);
    case BEAM_KIND_BOOL: return is_plain(coder, BEAM_URN_CODER_BOOL);
    case BEAM_KIND_INT64: return is_plain(coder, BEAM_URN_CODER_VARINT);
    case BEAM_KIND_DOUBLE: return is_plain(coder, BEAM_URN_CODER_DOUBLE);
    case BEAM_KIND_KV: return is_of(arena, coders, coder, BEAM_URN_CODER_KV, type, 2);
    case BEAM_KIND_ITERABLE:
        return is_of(arena, coders, coder, BEAM_URN_CODER_ITERABLE, type, 1);
    case BEAM_KIND_NULLABLE:
        return is_of(arena, coders, coder, BEAM_URN_CODER_NULLABLE, type, 1);
    case BEAM_KIND_SHARDED_KEY:
        return is_of(arena, coders, coder, BEAM_URN_CODER_SHARDED_KEY, type, 1);
    case BEAM_KIND_ROW: return is_row(arena, coder, type->schema);
    case BEAM_KIND_STRUCT:
        return is_plain(coder, BM_URN_STRUCT_CODER) &&
               beam_span_equal(bm_pb_span(coder->spec->payload),
                               beam_span_of(type->struct_coder->name));
    default: return false;
    }
}

static const char *text_of(bm_arena *arena, const bm_map *coders, const char *id,
                           int depth);

static const char *text_with_args(bm_arena *arena, const bm_map *coders, const char *name,
                                  const bm_pb_coder *coder, int depth)
{
    if (!coder->n_component_coder_ids) return name;
    char *const *ids = coder->component_coder_ids;
    char *text = bm_format(arena, "%s<%s", name, text_of(arena, coders, ids[0], depth));
    if (coder->n_component_coder_ids > 1)
        text = bm_format(arena, "%s, %s", text, text_of(arena, coders, ids[1], depth));
    return bm_format(arena, "%s>", text);
}

static const char *text_of(bm_arena *arena, const bm_map *coders, const char *id,
                           int depth)
{
    static const struct {
        const char *urn, *name;
    } names[] = {
        { BEAM_URN_CODER_BYTES, "BYTES" },
        { BEAM_URN_CODER_STRING_UTF8, "STRING" },
        { BEAM_URN_CODER_BOOL, "BOOL" },
        { BEAM_URN_CODER_VARINT, "INT64" },
        { BEAM_URN_CODER_DOUBLE, "DOUBLE" },
        { BEAM_URN_CODER_KV, "KV" },
        { BEAM_URN_CODER_ITERABLE, "ITERABLE" },
        { BEAM_URN_CODER_NULLABLE, "NULLABLE" },
        { BEAM_URN_CODER_SHARDED_KEY, "SHARDED_KEY" },
        { BEAM_URN_CODER_ROW, "ROW" },
    };
    const bm_pb_coder *coder = coder_of(coders, id);
    if (!coder) return "?";
    if (depth <= 0) return "...";
    const char *name = coder->spec->urn;
    for (size_t i = 0; i < BEAM_COUNT(names); i++)
        if (!strcmp(names[i].urn, name)) name = names[i].name;
    return text_with_args(arena, coders, name, coder, depth - 1);
}

const char *bm_returned_coder_text(bm_arena *arena, const bm_map *coders, const char *id)
{
    return text_of(arena, coders, id, 6);
}
