/* SPDX-License-Identifier: Apache-2.0 */
/* Moving past encoded values without building them. As strict as decoding. Any thread. */
#include <stdlib.h>

#include "coders/coder_impl.h"

static beam_status skip_bytes(bm_reader *in, size_t n)
{
    beam_span ignored;
    return bm_read_view(in, n, &ignored);
}

static beam_status skip_span(bool nested, bm_reader *in)
{
    beam_span ignored;
    return bm_decode_span(nested, in, &ignored);
}

static beam_status skip_nullable(const bm_coder *coder, bool nested, bm_reader *in)
{
    bool present;
    BEAM_TRY(beam_read_bool(in, &present));
    return present ? bm_skip_value(coder->arg[0], nested, in) : BEAM_OK;
}

static beam_status skip_length_prefix(const bm_coder *coder, bm_reader *in)
{
    beam_span bytes;
    BEAM_TRY(bm_read_prefixed(in, &bytes));
    if (coder->arg[0]->kind == BM_CODER_OPAQUE) return BEAM_OK;
    bm_reader inner = bm_reader_of(bytes);
    return bm_outer_status(bm_skip_value(coder->arg[0], false, &inner), &inner);
}

/* Only the user's decoder knows where the struct ends. */
static beam_status skip_struct(const beam_struct_coder *coder, bm_reader *in)
{
    _Alignas(16) char small[256];
    bool fits = coder->size <= sizeof small;
    void *object = fits ? memset(small, 0, coder->size) : bm_xcalloc(1, coder->size);
    beam_status status = coder->decode(object, in);
    if (!fits) free(object);
    return status;
}

beam_status bm_skip_value(const bm_coder *coder, bool nested, bm_reader *in)
{
    uint64_t number;
    bool flag;
    switch (coder->kind) {
    case BM_CODER_BYTES:
    case BM_CODER_STRING: return skip_span(nested, in);
    case BM_CODER_BOOL: return beam_read_bool(in, &flag);
    case BM_CODER_VARINT: return bm_read_varint(in, &number);
    case BM_CODER_DOUBLE: return skip_bytes(in, 8);
    case BM_CODER_KV:
        BEAM_TRY(bm_skip_value(coder->arg[0], true, in));
        return bm_skip_value(coder->arg[1], nested, in);
    case BM_CODER_ITERABLE:
    case BM_CODER_STATE_BACKED_ITERABLE: return bm_iterable_skip(coder, in);
    case BM_CODER_LENGTH_PREFIX: return skip_length_prefix(coder, in);
    case BM_CODER_NULLABLE: return skip_nullable(coder, nested, in);
    case BM_CODER_INTERVAL_WINDOW:
    case BM_CODER_GLOBAL_WINDOW:
    case BM_CODER_CUSTOM_WINDOW: return bm_window_skip(coder, in);
    case BM_CODER_WINDOWED_VALUE:
    case BM_CODER_PARAM_WINDOWED_VALUE: return bm_windowed_skip(coder, nested, in);
    case BM_CODER_TIMER: return bm_timer_skip(coder, in);
    case BM_CODER_SHARDED_KEY:
        BEAM_TRY(skip_span(true, in));
        return bm_skip_value(coder->arg[0], true, in);
    case BM_CODER_ROW: return bm_row_skip(coder, nested, in);
    case BM_CODER_STRUCT: return skip_struct(coder->struct_coder, in);
    case BM_CODER_OPAQUE: return BEAM_EUNSUPPORTED;
    default: return bm_field_skip(coder, in);
    }
}

beam_status bm_skip(const bm_coder *coder, bool nested, bm_reader *in)
{
    beam_status status = bm_skip_value(coder, nested, in);
    return nested ? status : bm_outer_status(status, in);
}
