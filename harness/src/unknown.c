/* SPDX-License-Identifier: Apache-2.0 */
/* Unknown fields, as the decoder kept them. Any thread. */
#include "unknown.h"

#include "base/reader.h"

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

/* Reads a field's value; only a length-delimited one gives a span. */
static beam_status read_field(bm_reader *in, uint64_t wire_type, beam_span *out)
{
    uint64_t ignored;
    switch (wire_type) {
    case WIRE_VARINT: return bm_read_varint(in, &ignored);
    case WIRE_FIXED64: return bm_read_view(in, 8, out);
    case WIRE_FIXED32: return bm_read_view(in, 4, out);
    case WIRE_BYTES: return bm_read_prefixed(in, out);
    default: return BEAM_ECODER; /* groups: none in Beam's protos */
    }
}

bool bm_unknown_bytes(const upb_Message *message, uint32_t number, beam_span *out)
{
    size_t n;
    const char *bytes = upb_Message_GetUnknown(message, &n);
    bm_reader in = bm_reader_of((beam_span){ bytes, n });
    bool found = false;
    uint64_t tag;
    while (bm_left(&in) && bm_read_varint(&in, &tag) == BEAM_OK) {
        beam_span value = { NULL, 0 };
        if (read_field(&in, tag & 7, &value) != BEAM_OK) break;
        if (tag != ((uint64_t)number << 3 | WIRE_BYTES)) continue;
        *out = value;
        found = true;
    }
    return found;
}
