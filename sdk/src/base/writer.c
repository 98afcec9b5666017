/* SPDX-License-Identifier: Apache-2.0 */
/* The buffer's out-of-line parts, and its public face for users' coders. Any thread. */
#include "base/writer.h"

#include <stdlib.h>

#include "base/arena.h"

void bm_writer_grow(bm_writer *w, size_t more)
{
    size_t need = w->len + more;
    size_t cap = w->cap ? w->cap : 64;
    while (cap < need) cap *= 2;
    w->data = bm_xrealloc(w->data, cap);
    w->cap = cap;
}

void bm_writer_free(bm_writer *w)
{
    free(w->data);
    *w = (bm_writer){ 0 };
}

void bm_writer_shrink(bm_writer *w, size_t most)
{
    if (w->cap > most) bm_writer_free(w);
}

uint8_t *bm_writer_take(bm_writer *w, size_t *len)
{
    uint8_t *data = w->data;
    *len = w->len;
    *w = (bm_writer){ 0 };
    return data;
}

void beam_write_int64(beam_writer *out, int64_t value)
{
    bm_write_varint(out, (uint64_t)value);
}

void beam_write_double(beam_writer *out, double value)
{
    uint64_t raw;
    memcpy(&raw, &value, sizeof raw);
    bm_write_be64(out, raw);
}

void beam_write_bool(beam_writer *out, bool value)
{
    bm_write_u8(out, value);
}

void beam_write_span(beam_writer *out, beam_span value)
{
    bm_write_prefixed(out, value);
}

void beam_write_raw(beam_writer *out, const void *bytes, size_t n)
{
    bm_write_bytes(out, bytes, n);
}
