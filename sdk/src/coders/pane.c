/* SPDX-License-Identifier: Apache-2.0 */
/* Panes of trigger firings on the wire. Any thread.
 *
 * One byte: bit 0 first, bit 1 last, bits 2 and 3 the timing, and in bits 4 to 6 how many
 * indexes follow as varints: none (both are 0), one (they are the same, or the pane is
 * early and has no on-time index), or two. Bit 7: the pane's element has metadata
 * (Elements.ElementMetadata); only SDKs that say they know of it are sent any. */
#include "coders/coder_impl.h"

const beam_pane bm_no_firing = { .is_first = true, .is_last = true,
                                 .timing = BEAM_PANE_UNKNOWN };

enum { NO_INDEX, ONE_INDEX, TWO_INDEXES };
enum { HAS_METADATA = 0x80 };

beam_status bm_pane_decode(bm_reader *in, beam_pane *out, bool *has_metadata)
{
    uint8_t byte;
    BEAM_TRY(bm_read_u8(in, &byte));
    out->is_first = byte & 1;
    out->is_last = byte & 2;
    out->timing = (beam_pane_timing)(byte >> 2 & 3);
    out->index = 0;
    out->on_time_index = 0;
    out->metadata = (beam_span){ NULL, 0 };
    *has_metadata = byte & HAS_METADATA;
    unsigned n = byte >> 4 & 7;
    if (n > TWO_INDEXES) return BEAM_ECODER;
    if (n >= ONE_INDEX) BEAM_TRY(bm_decode_int64(in, &out->index));
    out->on_time_index = out->timing == BEAM_PANE_EARLY ? -1 : out->index;
    if (n == TWO_INDEXES) BEAM_TRY(bm_decode_int64(in, &out->on_time_index));
    return BEAM_OK;
}

static unsigned indexes_needed(const beam_pane *pane)
{
    if (pane->timing == BEAM_PANE_UNKNOWN) return NO_INDEX;
    if (pane->timing == BEAM_PANE_EARLY) return ONE_INDEX;
    if (pane->index != pane->on_time_index) return TWO_INDEXES;
    return pane->index ? ONE_INDEX : NO_INDEX;
}

void bm_pane_encode(const beam_pane *pane, bm_writer *out)
{
    unsigned n = indexes_needed(pane);
    bm_write_u8(out, (uint8_t)((unsigned)pane->is_first | (unsigned)pane->is_last << 1 |
                               (unsigned)pane->timing << 2 | n << 4));
    if (n >= ONE_INDEX) bm_write_varint(out, (uint64_t)pane->index);
    if (n == TWO_INDEXES) bm_write_varint(out, (uint64_t)pane->on_time_index);
}

beam_status bm_element_pane_decode(bm_reader *in, beam_pane *out)
{
    bool has_metadata;
    BEAM_TRY(bm_pane_decode(in, out, &has_metadata));
    return has_metadata ? bm_read_prefixed(in, &out->metadata) : BEAM_OK;
}

void bm_element_pane_encode(const beam_pane *pane, bm_writer *out)
{
    size_t start = out->len;
    bm_pane_encode(pane, out);
    if (!pane->metadata.ptr) return;
    out->data[start] |= HAS_METADATA;
    bm_write_prefixed(out, pane->metadata);
}

const beam_pane *bm_pane_copy(bm_arena *arena, const beam_pane *pane)
{
    if (pane == &bm_no_firing) return pane;
    beam_pane *copy = bm_alloc(arena, sizeof *copy);
    *copy = *pane;
    if (copy->metadata.ptr) copy->metadata = bm_span_copy(arena, pane->metadata);
    return copy;
}
