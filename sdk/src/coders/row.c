/* SPDX-License-Identifier: Apache-2.0 */
/* beam:coder:row:v1. Any thread.
 *
 * On the wire: the number of fields, a bitmap of the null ones without trailing zero bytes
 * (so mostly empty), and the other fields, all in order of encoding position. A schema may
 * have grown between writer and reader: fields that were not written are null, and fields
 * not known here are dropped where the end of the row is known. */
#include "coders/coder_impl.h"

static const bm_coder *coder_of_field(bm_arena *arena, const beam_field *field,
                                      int depth);

/* Of the items of a collection, where a null takes a byte of its own. */
static const bm_coder *coder_of_item(bm_arena *arena, const beam_field *field, int depth)
{
    const bm_coder *coder = coder_of_field(arena, field, depth);
    if (!field || !field->nullable) return coder;
    return bm_coder_new(arena, BM_CODER_NULLABLE, coder, NULL);
}

static const bm_coder *sized(bm_arena *arena, bm_coder_kind kind, const beam_field *field)
{
    bm_coder *coder = BM_NEW(arena, bm_coder);
    coder->kind = kind;
    coder->length = field->logical_argument > 0 ? (size_t)field->logical_argument : 0;
    return coder;
}

static const bm_coder *coder_of_logical(bm_arena *arena, const beam_field *field,
                                        int depth)
{
    static const struct {
        const char *urn;
        bm_coder_kind kind;
    } known[] = {
        { BEAM_LOGICAL_MILLIS_INSTANT, BM_CODER_MILLIS_INSTANT },
        { BEAM_LOGICAL_MICROS_INSTANT, BM_CODER_MICROS_INSTANT },
        { BEAM_LOGICAL_DECIMAL, BM_CODER_DECIMAL },
        { BEAM_LOGICAL_FIXED_BYTES, BM_CODER_FIXED_BYTES },
        { BEAM_LOGICAL_VAR_BYTES, BM_CODER_VAR_BYTES },
        { BEAM_LOGICAL_FIXED_CHAR, BM_CODER_FIXED_CHAR },
        { BEAM_LOGICAL_VAR_CHAR, BM_CODER_VAR_CHAR },
        { BEAM_LOGICAL_DATE, BM_CODER_VARINT },
        { BEAM_LOGICAL_PYTHON_CALLABLE, BM_CODER_STRING },
    };
    const char *urn = field->logical ? field->logical : "";
    for (size_t i = 0; i < BEAM_COUNT(known); i++) {
        if (strcmp(urn, known[i].urn)) continue;
        if (known[i].kind >= BM_CODER_FIXED_BYTES)
            return sized(arena, known[i].kind, field);
        return bm_coder_new(arena, known[i].kind, NULL, NULL);
    }
    return coder_of_item(arena, field->of, depth);
}

static const bm_coder *coder_of_field(bm_arena *arena, const beam_field *field, int depth)
{
    static const bm_coder_kind atomic[] = {
        [BEAM_FIELD_NONE] = BM_CODER_OPAQUE,   [BEAM_FIELD_BYTE] = BM_CODER_BYTE,
        [BEAM_FIELD_INT16] = BM_CODER_INT16,   [BEAM_FIELD_INT32] = BM_CODER_INT32,
        [BEAM_FIELD_INT64] = BM_CODER_VARINT,  [BEAM_FIELD_FLOAT] = BM_CODER_FLOAT,
        [BEAM_FIELD_DOUBLE] = BM_CODER_DOUBLE, [BEAM_FIELD_STRING] = BM_CODER_STRING,
        [BEAM_FIELD_BOOLEAN] = BM_CODER_BOOL,  [BEAM_FIELD_BYTES] = BM_CODER_BYTES,
    };
    if (!field || depth == 0) return bm_coder_new(arena, BM_CODER_OPAQUE, NULL, NULL);
    switch (field->kind) {
    case BEAM_FIELD_ARRAY:
    case BEAM_FIELD_ITERABLE:
        return bm_coder_new(arena, BM_CODER_LIST,
                            coder_of_item(arena, field->of, depth - 1), NULL);
    case BEAM_FIELD_MAP:
        return bm_coder_new(arena, BM_CODER_MAP,
                            coder_of_item(arena, field->key, depth - 1),
                            coder_of_item(arena, field->of, depth - 1));
    case BEAM_FIELD_ROW: return bm_row_coder(arena, field->row, depth - 1);
    case BEAM_FIELD_LOGICAL: return coder_of_logical(arena, field, depth - 1);
    default: return bm_coder_new(arena, atomic[field->kind], NULL, NULL);
    }
}

/* False unless the encoding positions are 0 ... n - 1 in some order. */
static bool fill_plan(bm_arena *arena, const beam_schema *schema, bm_row_plan *plan,
                      int depth)
{
    for (size_t i = 0; i < plan->n; i++) {
        const beam_field *field = &schema->fields.at[i];
        size_t at = schema->encoding_positions ? (size_t)schema->encoding_positions[i]
                                               : i;
        if (at >= plan->n || plan->at[at].coder) return false;
        plan->at[at] = (bm_row_field){ coder_of_field(arena, field, depth), i,
                                       field->nullable };
    }
    return true;
}

const bm_coder *bm_row_coder(bm_arena *arena, const beam_schema *schema, int depth)
{
    const bm_coder *opaque = bm_coder_new(arena, BM_CODER_OPAQUE, NULL, NULL);
    if (!schema || depth == 0) return opaque;
    size_t size = bm_times(schema->fields.n, sizeof(bm_row_field));
    bm_row_plan *plan = bm_calloc(arena, sizeof *plan + size);
    plan->n = schema->fields.n;
    if (!fill_plan(arena, schema, plan, depth)) return opaque;
    bm_coder *coder = BM_NEW(arena, bm_coder);
    coder->kind = BM_CODER_ROW;
    coder->schema = schema;
    coder->row = plan;
    return coder;
}

/* -- on the wire ------------------------------------------------------------------------ */
typedef struct row_header {
    uint64_t n; /* fields written */
    beam_span nulls;
} row_header;

static beam_status read_header(bm_reader *in, row_header *out)
{
    BEAM_TRY(bm_read_varint(in, &out->n));
    if (out->n > INT32_MAX) return BEAM_ECODER;
    return bm_read_prefixed(in, &out->nulls);
}

static inline bool is_there(const row_header *header, size_t i)
{
    if (i >= header->n) return false;
    return i / 8 >= header->nulls.len || !(header->nulls.ptr[i / 8] >> (i % 8) & 1);
}

/* Passes over the fields after the `known` first ones. */
static beam_status drop_unknown(const row_header *header, size_t known, bool nested,
                                bm_reader *in)
{
    for (size_t i = known; i < header->n; i++) {
        if (!is_there(header, i)) continue;
        if (nested) return BEAM_ECODER;
        in->at = in->end;
        break;
    }
    return BEAM_OK;
}

beam_status bm_row_decode(const bm_coder *coder, bool nested, bm_reader *in,
                          const bm_decoding *decoding, beam_value *out)
{
    const bm_row_plan *plan = coder->row;
    row_header header;
    BEAM_TRY(read_header(in, &header));
    beam_value *fields = bm_alloc(decoding->arena, plan->n * sizeof *fields);
    out->kind = BEAM_KIND_ROW;
    out->as.list.at = fields;
    out->as.list.n = plan->n;
    for (size_t i = 0; i < plan->n; i++) {
        const bm_row_field *field = &plan->at[i];
        beam_value *value = &fields[field->index];
        if (is_there(&header, i))
            BEAM_TRY(bm_decode_inline(field->coder, true, in, decoding, value));
        else
            value->kind = BEAM_KIND_NONE;
    }
    return drop_unknown(&header, plan->n, nested, in);
}

beam_status bm_row_skip(const bm_coder *coder, bool nested, bm_reader *in)
{
    const bm_row_plan *plan = coder->row;
    row_header header;
    BEAM_TRY(read_header(in, &header));
    for (size_t i = 0; i < plan->n; i++)
        if (is_there(&header, i)) BEAM_TRY(bm_skip_value(plan->at[i].coder, true, in));
    return drop_unknown(&header, plan->n, nested, in);
}

static inline const beam_value *field_of(const bm_row_field *field, const beam_value *row)
{
    static const beam_value null = { BEAM_KIND_NONE, { false } };
    return field->index < row->as.list.n ? &row->as.list.at[field->index] : &null;
}

static beam_status write_nulls(const bm_row_plan *plan, const beam_value *row,
                               bm_writer *out)
{
    size_t n_bytes = 0;
    for (size_t i = 0; i < plan->n; i++) {
        if (field_of(&plan->at[i], row)->kind != BEAM_KIND_NONE) continue;
        if (!plan->at[i].nullable) return BEAM_ETYPE;
        n_bytes = i / 8 + 1;
    }
    bm_write_varint(out, n_bytes);
    if (!n_bytes) return BEAM_OK;
    uint8_t *nulls = memset(bm_reserve(out, n_bytes), 0, n_bytes);
    out->len += n_bytes;
    for (size_t i = 0; i < plan->n; i++)
        if (field_of(&plan->at[i], row)->kind == BEAM_KIND_NONE)
            nulls[i / 8] |= (uint8_t)(1 << i % 8);
    return BEAM_OK;
}

beam_status bm_row_encode(const bm_coder *coder, const beam_value *value, bm_writer *out)
{
    const bm_row_plan *plan = coder->row;
    if (value->kind != BEAM_KIND_ROW || value->as.list.n > plan->n) return BEAM_ETYPE;
    bm_write_varint(out, plan->n);
    BEAM_TRY(write_nulls(plan, value, out));
    for (size_t i = 0; i < plan->n; i++) {
        const beam_value *field = field_of(&plan->at[i], value);
        if (field->kind != BEAM_KIND_NONE)
            BEAM_TRY(bm_encode_inline(plan->at[i].coder, true, field, out));
    }
    return BEAM_OK;
}

int bm_row_refused(const bm_coder *coder, beam_value row)
{
    const bm_row_plan *plan = coder->row;
    bm_writer out = { 0 };
    int refused = -1;
    for (size_t i = 0; i < plan->n && refused < 0; i++) {
        const bm_row_field *field = &plan->at[i];
        const beam_value *value = field_of(field, &row);
        bool fits = value->kind == BEAM_KIND_NONE
                        ? field->nullable
                        : bm_encode_inline(field->coder, true, value, &out) == BEAM_OK;
        if (!fits) refused = (int)field->index;
    }
    bm_writer_free(&out);
    return refused;
}
