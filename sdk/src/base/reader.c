/* SPDX-License-Identifier: Apache-2.0 */
/* The cursor's out-of-line parts, and its public face for users' coders. Any thread. */
#include "base/reader.h"

beam_status bm_read_varint_slow(bm_reader *r, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (r->at == r->end) return BEAM_ESHORT;
        uint8_t byte = *r->at++;
        if (shift == 63 && byte > 1) return BEAM_ECODER;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = value;
            return BEAM_OK;
        }
    }
    return BEAM_ECODER;
}

beam_status beam_read_int64(beam_reader *in, int64_t *value)
{
    uint64_t raw;
    BEAM_TRY(bm_read_varint(in, &raw));
    *value = (int64_t)raw;
    return BEAM_OK;
}

beam_status beam_read_double(beam_reader *in, double *value)
{
    uint64_t raw;
    BEAM_TRY(bm_read_be64(in, &raw));
    memcpy(value, &raw, sizeof raw);
    return BEAM_OK;
}

beam_status beam_read_bool(beam_reader *in, bool *value)
{
    uint8_t byte;
    BEAM_TRY(bm_read_u8(in, &byte));
    if (byte > 1) return BEAM_ECODER;
    *value = byte;
    return BEAM_OK;
}

beam_status beam_read_span(beam_reader *in, beam_span *value)
{
    return bm_read_prefixed(in, value);
}

beam_status beam_read_raw(beam_reader *in, size_t n, const char **bytes)
{
    beam_span view;
    BEAM_TRY(bm_read_view(in, n, &view));
    *bytes = view.ptr;
    return BEAM_OK;
}
