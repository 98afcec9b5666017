/* SPDX-License-Identifier: Apache-2.0 */
/* Building coders, alone or from types. Any thread, one at a time per arena. */
#include "coders/coder_impl.h"

/* A schema whose rows nest deeper than this is taken for one that contains itself. */
enum { MAX_DEPTH = 64 };

/* Coders without arguments are shared. Indexed by kind. */
static const bm_coder leaves[] = {
    [BM_CODER_BYTES] = { .kind = BM_CODER_BYTES },
    [BM_CODER_STRING] = { .kind = BM_CODER_STRING },
    [BM_CODER_BOOL] = { .kind = BM_CODER_BOOL, .fixed_size = 1 },
    [BM_CODER_VARINT] = { .kind = BM_CODER_VARINT },
    [BM_CODER_DOUBLE] = { .kind = BM_CODER_DOUBLE, .fixed_size = 8 },
    [BM_CODER_INTERVAL_WINDOW] = { .kind = BM_CODER_INTERVAL_WINDOW },
    [BM_CODER_GLOBAL_WINDOW] = { .kind = BM_CODER_GLOBAL_WINDOW, .is_empty = true },
    [BM_CODER_OPAQUE] = { .kind = BM_CODER_OPAQUE, .urn = "" },
    [BM_CODER_BYTE] = { .kind = BM_CODER_BYTE, .fixed_size = 1 },
    [BM_CODER_INT16] = { .kind = BM_CODER_INT16, .fixed_size = 2 },
    [BM_CODER_INT32] = { .kind = BM_CODER_INT32 },
    [BM_CODER_FLOAT] = { .kind = BM_CODER_FLOAT, .fixed_size = 4 },
    [BM_CODER_MILLIS_INSTANT] = { .kind = BM_CODER_MILLIS_INSTANT, .fixed_size = 8 },
    [BM_CODER_MICROS_INSTANT] = { .kind = BM_CODER_MICROS_INSTANT },
    [BM_CODER_DECIMAL] = { .kind = BM_CODER_DECIMAL },
};

static bool is_leaf(bm_coder_kind kind)
{
    return (size_t)kind < BEAM_COUNT(leaves) && leaves[kind].kind == kind;
}

const bm_coder *bm_coder_new(bm_arena *arena, bm_coder_kind kind, const bm_coder *arg0,
                             const bm_coder *arg1)
{
    if (is_leaf(kind)) return &leaves[kind];
    bm_coder *coder = BM_NEW(arena, bm_coder);
    coder->kind = kind;
    coder->arg[0] = arg0;
    coder->arg[1] = arg1;
    coder->n_within = (arg0 ? 1 + arg0->n_within : 0) + (arg1 ? 1 + arg1->n_within : 0);
    if (kind == BM_CODER_KV) {
        bool key_is_sized = arg0->is_empty || arg0->fixed_size;
        bool value_is_sized = arg1->is_empty || arg1->fixed_size;
        coder->is_empty = arg0->is_empty && arg1->is_empty;
        if (key_is_sized && value_is_sized)
            coder->fixed_size = arg0->fixed_size + arg1->fixed_size;
    }
    return coder;
}

static const bm_coder *of_struct(bm_arena *arena, const beam_struct_coder *struct_coder)
{
    bm_coder *coder = BM_NEW(arena, bm_coder);
    coder->kind = BM_CODER_STRUCT;
    coder->struct_coder = struct_coder;
    return coder;
}

const bm_coder *bm_coder_of_type(bm_arena *arena, const beam_type *type)
{
    const bm_coder *arg[2] = { NULL, NULL };
    for (int i = 0; i < 2; i++)
        if (type->arg[i]) arg[i] = bm_coder_of_type(arena, type->arg[i]);
    switch (type->kind) {
    case BEAM_KIND_BYTES: return &leaves[BM_CODER_BYTES];
    case BEAM_KIND_STRING: return &leaves[BM_CODER_STRING];
    case BEAM_KIND_BOOL: return &leaves[BM_CODER_BOOL];
    case BEAM_KIND_INT64: return &leaves[BM_CODER_VARINT];
    case BEAM_KIND_DOUBLE: return &leaves[BM_CODER_DOUBLE];
    case BEAM_KIND_KV: return bm_coder_new(arena, BM_CODER_KV, arg[0], arg[1]);
    case BEAM_KIND_ITERABLE: return bm_coder_new(arena, BM_CODER_ITERABLE, arg[0], NULL);
    case BEAM_KIND_NULLABLE: return bm_coder_new(arena, BM_CODER_NULLABLE, arg[0], NULL);
    case BEAM_KIND_SHARDED_KEY:
        return bm_coder_new(arena, BM_CODER_SHARDED_KEY, arg[0], NULL);
    case BEAM_KIND_ROW: return bm_coder_of_schema(arena, type->schema);
    case BEAM_KIND_STRUCT: return of_struct(arena, type->struct_coder);
    default: return &leaves[BM_CODER_OPAQUE];
    }
}

const bm_coder *bm_coder_of_schema(bm_arena *arena, const beam_schema *schema)
{
    return bm_row_coder(arena, schema, MAX_DEPTH);
}
