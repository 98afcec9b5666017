/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: the input is a coder and then bytes for it. Whatever the bytes are, decoding
 * and skipping must agree and end; what could be decoded must be the same after it was
 * encoded and decoded again. Pages of states come from their tokens. */
#include <stdlib.h>

#include "coders/element.h"
#include "coders/plain_element.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) \
    if (!(condition)) abort()

typedef struct shape {
    bm_arena *arena;
    bm_reader in;
    bool pads;     /* decoded values may be shorter than what is encoded from them */
    bool requires; /* nulls may be decoded that cannot be encoded */
    bool has_timer;
} shape;

static unsigned pick(shape *s, unsigned n)
{
    uint8_t byte = 0;
    bm_read_u8(&s->in, &byte);
    return byte % n;
}

static const beam_field *make_field(shape *s, int depth);
static const beam_schema *make_schema(shape *s, int depth);

static void make_logical(shape *s, beam_field *field, int depth)
{
    static const char *const urns[] = {
        BEAM_LOGICAL_MILLIS_INSTANT,  BEAM_LOGICAL_MICROS_INSTANT,
        BEAM_LOGICAL_DECIMAL,         BEAM_LOGICAL_DATE,
        BEAM_LOGICAL_FIXED_BYTES,     BEAM_LOGICAL_VAR_BYTES,
        BEAM_LOGICAL_FIXED_CHAR,      BEAM_LOGICAL_VAR_CHAR,
        BEAM_LOGICAL_PYTHON_CALLABLE, "beam:logical_type:unknown"
    };
    unsigned i = pick(s, BEAM_COUNT(urns));
    field->logical = urns[i];
    field->logical_argument = pick(s, 9);
    s->pads |= i == 4 || i == 6;
    if (i == BEAM_COUNT(urns) - 1) field->of = make_field(s, depth - 1);
}

static void fill_field(shape *s, beam_field *field, int depth)
{
    field->kind = (beam_field_kind)(BEAM_FIELD_BYTE + pick(s, depth ? 14 : 9));
    field->nullable = pick(s, 2);
    s->requires |= !field->nullable;
    switch (field->kind) {
    case BEAM_FIELD_MAP: field->key = make_field(s, depth - 1); /* fall through */
    case BEAM_FIELD_ARRAY:
    case BEAM_FIELD_ITERABLE: field->of = make_field(s, depth - 1); break;
    case BEAM_FIELD_ROW: field->row = make_schema(s, depth - 1); break;
    case BEAM_FIELD_LOGICAL: make_logical(s, field, depth); break;
    default: break;
    }
}

static const beam_field *make_field(shape *s, int depth)
{
    beam_field *field = BM_NEW(s->arena, beam_field);
    fill_field(s, field, depth);
    return field;
}

static const beam_schema *make_schema(shape *s, int depth)
{
    beam_schema *schema = BM_NEW(s->arena, beam_schema);
    size_t n = pick(s, 5);
    beam_field *fields = BM_NEW_ARRAY(s->arena, beam_field, n);
    int32_t *positions = BM_NEW_ARRAY(s->arena, int32_t, n);
    for (size_t i = 0; i < n; i++) {
        fill_field(s, &fields[i], depth);
        positions[i] = (int32_t)(n - 1 - i);
    }
    schema->fields.at = fields;
    schema->fields.n = n;
    if (pick(s, 2)) schema->encoding_positions = positions;
    return schema;
}

static const bm_coder *make_window(shape *s);

static const bm_coder *make(shape *s, int depth)
{
    bm_coder_kind kind = (bm_coder_kind)pick(s, BM_CODER_OPAQUE + 1);
    if (depth == 0) kind = (bm_coder_kind)((unsigned)kind % (BM_CODER_DOUBLE + 1));
    const bm_coder *arg[2] = { NULL, NULL };
    switch (kind) {
    case BM_CODER_KV:
        arg[0] = make(s, depth - 1);
        arg[1] = make(s, depth - 1);
        break;
    case BM_CODER_ITERABLE:
    case BM_CODER_STATE_BACKED_ITERABLE:
    case BM_CODER_LENGTH_PREFIX:
    case BM_CODER_NULLABLE:
    case BM_CODER_SHARDED_KEY:
    case BM_CODER_CUSTOM_WINDOW: arg[0] = make(s, depth - 1); break;
    case BM_CODER_TIMER:
    case BM_CODER_WINDOWED_VALUE:
        s->has_timer |= kind == BM_CODER_TIMER;
        arg[0] = make(s, depth - 1);
        arg[1] = make_window(s);
        break;
    case BM_CODER_ROW: return bm_coder_of_schema(s->arena, make_schema(s, depth - 1));
    case BM_CODER_PARAM_WINDOWED_VALUE:
    case BM_CODER_STRUCT: kind = BM_CODER_VARINT; break;
    default: break;
    }
    return bm_coder_new(s->arena, kind, arg[0], arg[1]);
}

static const bm_coder *make_window(shape *s)
{
    static const bm_coder_kind kinds[] = { BM_CODER_GLOBAL_WINDOW,
                                           BM_CODER_INTERVAL_WINDOW,
                                           BM_CODER_CUSTOM_WINDOW,
                                           BM_CODER_LENGTH_PREFIX };
    bm_coder_kind kind = kinds[pick(s, 4)];
    const bm_coder *inner = NULL;
    if (kind == BM_CODER_CUSTOM_WINDOW) inner = make(s, 1);
    if (kind == BM_CODER_LENGTH_PREFIX)
        inner = bm_coder_new(s->arena,
                             pick(s, 2) ? BM_CODER_INTERVAL_WINDOW : BM_CODER_OPAQUE,
                             NULL, NULL);
    return bm_coder_new(s->arena, kind, inner, NULL);
}

static beam_status page(void *self, beam_span state_token, beam_span continuation,
                        bm_writer *out, bm_writer *next)
{
    enum { SIZE = 3 };
    (void)self;
    size_t at = 0;
    if (continuation.len) memcpy(&at, continuation.ptr, sizeof at);
    size_t n = state_token.len - at < SIZE ? state_token.len - at : SIZE;
    bm_write_bytes(out, state_token.ptr + at, n);
    at += n;
    if (at < state_token.len) bm_write_bytes(next, &at, sizeof at);
    return BEAM_OK;
}

static void check_again(const shape *s, const bm_coder *coder, bool nested,
                        beam_value value, const bm_decoding *decoding)
{
    bm_writer first = { 0 }, second = { 0 };
    beam_status status = bm_encode(coder, nested, value, &first);
    /* a page of a state may be malformed, and is looked at only now */
    bool pages_failed = decoding->failed && *decoding->failed != BEAM_OK;
    CHECK(status == BEAM_OK || pages_failed || (status == BEAM_ETYPE && s->requires) ||
          status == BEAM_EUNSUPPORTED);
    if (status == BEAM_OK) {
        bm_reader in = bm_reader_of(bm_written(&first));
        beam_value again;
        CHECK(bm_decode_with(coder, nested, &in, decoding, &again) == BEAM_OK);
        CHECK(!bm_left(&in));
        if (!s->pads && !s->has_timer) CHECK(bm_value_compare(value, again) == 0);
        CHECK(bm_encode(coder, nested, again, &second) == BEAM_OK);
        /* the pages of a state may come in batches where they are passed on */
        CHECK(beam_span_equal(bm_written(&first), bm_written(&second)));
    }
    bm_writer_free(&first);
    bm_writer_free(&second);
}

static void check_value(const shape *s, const bm_coder *coder, bool nested,
                        beam_span bytes)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    bm_pager pager = { NULL, page };
    beam_status failed = BEAM_OK;
    bm_decoding decoding = { &arena, &pager, &failed };
    bm_reader in = bm_reader_of(bytes), skipped = in;
    beam_value value, copy;
    beam_status status = bm_decode_with(coder, nested, &in, &decoding, &value);
    /* which of several faults is found first may differ */
    CHECK((bm_skip(coder, nested, &skipped) == BEAM_OK) == (status == BEAM_OK));
    if (status == BEAM_OK) {
        CHECK(in.at == skipped.at);
        check_again(s, coder, nested, value, &decoding);
        bm_value_text(&arena, value, 50);
        status = bm_value_copy(&arena, value, &copy);
        CHECK(status == BEAM_OK || failed != BEAM_OK);
        if (status == BEAM_OK && !s->has_timer) CHECK(bm_value_compare(value, copy) == 0);
    } else {
        CHECK(nested || status != BEAM_ESHORT);
    }
    bm_arena_free(&arena);
}

/* What the short way takes, the long way must decode as the same. */
static void check_plain(const bm_coder *coder, const bm_header *header, bm_reader from,
                        const bm_reader *after, const bm_element *element)
{
    const bm_plain_coder plain = bm_plain_coder_of(coder);
    beam_value pair[2];
    bm_element taken = { .value = { BEAM_KIND_KV, { .kv = pair } } };
    if (!bm_take_plain_element(&plain, header, &from, pair, &taken)) return;
    CHECK(element && from.at == after->at);
    CHECK(taken.timestamp == element->timestamp && taken.windows == element->windows &&
          taken.pane == element->pane);
    CHECK(bm_value_compare(taken.value, element->value) == 0);
}

static void check_stream(const bm_coder *coder, beam_span bytes)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    bm_decoding decoding = { .arena = &arena };
    bm_element_decoder decoder;
    bm_element_decoder_init(&decoder, coder);
    bm_reader in = bm_reader_of(bytes);
    bm_element element;
    for (int i = 0; i < 100 && bm_left(&in); i++) {
        const bm_reader start = in;
        bm_reader after = in;
        const bm_header *header = decoder.last;
        bool skipped = bm_skip(coder, true, &after) == BEAM_OK;
        bool decoded = bm_element_decode(&decoder, &in, &decoding, &element) == BEAM_OK;
        CHECK(decoded == skipped);
        check_plain(coder, header, start, &after, decoded ? &element : NULL);
        if (!decoded) break;
        CHECK(in.at == after.at);
    }
    bm_element_decoder_free(&decoder);
    bm_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    shape s = { .arena = &arena, .in = { data, data + size, 0 } };
    const bm_coder *coder = make(&s, 3);
    beam_span bytes = bm_rest(&s.in);
    check_value(&s, coder, true, bytes);
    check_value(&s, coder, false, bytes);
    if (coder->kind == BM_CODER_WINDOWED_VALUE) check_stream(coder, bytes);
    bm_arena_free(&arena);
    return 0;
}
