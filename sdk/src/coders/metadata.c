/* SPDX-License-Identifier: Apache-2.0 */
/* Elements.ElementMetadata, a small protobuf message, read by hand: this layer knows no
 * protobuf, and fields that are not known here must go on unchanged. Any thread. */
#include "base/reader.h"
#include "coders/element.h"

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };
enum { DRAIN = 1, TRACEPARENT = 2, TRACESTATE = 3, VALUE_KIND = 4 }; /* field numbers */
enum { DRAINING = 2 };                                             /* DrainMode.Enum */

static beam_status read_number(bm_reader *in, uint64_t field, beam_metadata *out)
{
    uint64_t value;
    BEAM_TRY(bm_read_varint(in, &value));
    if (field == DRAIN) out->is_draining = value == DRAINING;
    if (field == VALUE_KIND && value <= BEAM_VALUE_DELETE)
        out->value_kind = (beam_value_kind)value;
    return BEAM_OK;
}

static beam_status read_text(bm_reader *in, uint64_t field, beam_metadata *out)
{
    beam_span text;
    BEAM_TRY(bm_read_prefixed(in, &text));
    if (field == TRACEPARENT) out->traceparent = text;
    if (field == TRACESTATE) out->tracestate = text;
    return BEAM_OK;
}

static beam_status read_field(bm_reader *in, beam_metadata *out)
{
    uint64_t tag;
    beam_span skipped;
    BEAM_TRY(bm_read_varint(in, &tag));
    switch (tag & 7) {
    case WIRE_VARINT: return read_number(in, tag >> 3, out);
    case WIRE_BYTES: return read_text(in, tag >> 3, out);
    case WIRE_FIXED64: return bm_read_view(in, 8, &skipped);
    case WIRE_FIXED32: return bm_read_view(in, 4, &skipped);
    default: return BEAM_ECODER;
    }
}

beam_metadata bm_metadata_decode(beam_span bytes)
{
    beam_metadata out = { .value_kind = BEAM_VALUE_KIND_UNSPECIFIED };
    bm_reader in = bm_reader_of(bytes);
    while (bm_left(&in))
        if (read_field(&in, &out) != BEAM_OK) break;
    return out;
}
