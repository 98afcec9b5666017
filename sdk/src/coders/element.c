/* SPDX-License-Identifier: Apache-2.0 */
/* Elements in streams: beam:coder:windowed_value:v1 and :param_windowed_value:v1. One
 * thread per decoder, any thread otherwise.
 *
 * On the wire: timestamp, windows, pane, metadata if the pane says so, value. Neighbours
 * mostly have the same windows and pane, so what lies between timestamp and value is
 * compared as bytes with what was seen before, and decoded only when it is new. */
#include "coders/coder_impl.h"
#include "coders/plain_element.h"

enum {
    TIMESTAMP_SIZE = 8,
    COUNT_SIZE = 4,
    MAX_COMMON_HEADER = 2 * TIMESTAMP_SIZE + COUNT_SIZE + BM_VARINT_MAX
};

static void set_words(bm_header *header)
{
    uint8_t words[sizeof header->words] = { 0 }, masks[sizeof header->masks] = { 0 };
    size_t n = header->bytes.len;
    if (n > sizeof words) return;
    memcpy(words, header->bytes.ptr, n);
    memset(masks, 0xff, n);
    memcpy(header->words, words, sizeof words);
    memcpy(header->masks, masks, sizeof masks);
    header->n_words = (n + 7) / 8;
}

/* What is expected of the first element: the header of most elements in the global window;
 * of others nothing. */
static void expect_first(bm_element_decoder *decoder)
{
    bm_header *first = BM_NEW(&decoder->header_arena, bm_header);
    const bm_coder *coder = decoder->coder;
    if (coder->kind == BM_CODER_WINDOWED_VALUE && coder->arg[1]->kind == BM_CODER_GLOBAL_WINDOW) {
        first->bytes = (beam_span){ (const char *)bm_global_header, sizeof bm_global_header };
        first->windows = &bm_global_windows;
        first->pane = &bm_no_firing;
        set_words(first);
    }
    decoder->last = first;
}

void bm_element_decoder_init(bm_element_decoder *decoder, const bm_coder *coder)
{
    *decoder = (bm_element_decoder){ .coder = coder };
    bm_arena_init(&decoder->header_arena, 0);
    bm_map_init(&decoder->headers, &decoder->header_arena);
    expect_first(decoder);
}

void bm_element_decoder_free(bm_element_decoder *decoder)
{
    bm_arena_free(&decoder->header_arena);
    *decoder = (bm_element_decoder){ .coder = decoder->coder };
}

void bm_element_decoder_reset(bm_element_decoder *decoder)
{
    bm_arena_reset(&decoder->header_arena);
    bm_map_init(&decoder->headers, &decoder->header_arena);
    expect_first(decoder);
}

static beam_status decode_header(bm_element_decoder *decoder, beam_span bytes,
                                 bm_header **out)
{
    bm_arena *arena = &decoder->header_arena;
    bm_header *made = BM_NEW(arena, bm_header);
    made->bytes = bm_span_copy(arena, bytes); /* to which the pane's metadata points */
    bm_reader in = bm_reader_of(made->bytes);
    BEAM_TRY(bm_windows_decode(decoder->coder->arg[1], &in, arena, &made->windows));
    if (bm_left(&in) == 1 && *in.at == BM_NO_FIRING_BYTE) {
        made->pane = &bm_no_firing;
    } else {
        beam_pane *pane = BM_NEW(arena, beam_pane);
        BEAM_TRY(bm_element_pane_decode(&in, pane));
        made->pane = pane;
    }
    set_words(made);
    *out = made;
    return BEAM_OK;
}

/* Reads windows and pane that are not those of the last element. */
static beam_status find_header(bm_element_decoder *decoder, bm_reader *in)
{
    const uint8_t *start = in->at;
    beam_pane ignored;
    BEAM_TRY(bm_windows_skip(decoder->coder->arg[1], in));
    BEAM_TRY(bm_element_pane_decode(in, &ignored));
    beam_span bytes = { (const char *)start, (size_t)(in->at - start) };
    bm_header *found = bm_map_get(&decoder->headers, bytes);
    if (!found) {
        BEAM_TRY(decode_header(decoder, bytes, &found));
        bm_map_put(&decoder->headers, found->bytes, found);
    }
    decoder->last = found;
    return BEAM_OK;
}

static inline bool starts_with(const bm_reader *in, beam_span bytes)
{
    return bytes.len && bm_left(in) >= bytes.len && !memcmp(in->at, bytes.ptr, bytes.len);
}

/* A header that is new, long, or near the end of the bytes. */
static __attribute__((noinline)) beam_status take_header(bm_element_decoder *decoder,
                                                         bm_reader *in, bm_element *out)
{
    const bm_coder *coder = decoder->coder;
    if (coder->kind == BM_CODER_PARAM_WINDOWED_VALUE) {
        *out = *coder->param;
        return BEAM_OK;
    }
    BEAM_TRY(bm_read_timestamp(in, &out->timestamp));
    if (starts_with(in, decoder->last->bytes))
        in->at += decoder->last->bytes.len;
    else
        BEAM_TRY(find_header(decoder, in));
    out->windows = decoder->last->windows;
    out->pane = decoder->last->pane;
    return BEAM_OK;
}

beam_status bm_element_decode(bm_element_decoder *decoder, bm_reader *in,
                              const bm_decoding *decoding, bm_element *out)
{
    const uint8_t *value = bm_header_end(decoder->last, in, out);
    if (value) in->at = value;
    else BEAM_TRY(take_header(decoder, in, out));
    const bm_coder *coder = decoder->coder->arg[0];
    if (coder->kind == BM_CODER_KV)
        return bm_decode_pair(coder, true, in, decoding, &out->value);
    return bm_decode_inline(coder, true, in, decoding, &out->value);
}

/* Most elements are in the global window, or in one interval. */
static __attribute__((noinline)) beam_status encode_header_in_windows(
    const bm_coder *window, const bm_element *element, bm_writer *out)
{
    const bm_windows *windows = element->windows;
    if (window->kind == BM_CODER_INTERVAL_WINDOW && windows->n == 1) {
        const beam_window *w = &windows->at[0];
        uint8_t *start = bm_reserve(out, MAX_COMMON_HEADER);
        uint8_t *at = bm_put_timestamp(start, element->timestamp);
        memcpy(at, bm_global_header, COUNT_SIZE);
        at = bm_put_timestamp(at + COUNT_SIZE, w->end);
        at = bm_put_varint(at, (uint64_t)w->end - (uint64_t)w->start);
        out->len += (size_t)(at - start);
    } else {
        bm_write_timestamp(out, element->timestamp);
        BEAM_TRY(bm_windows_encode(window, windows, out));
    }
    bm_element_pane_encode(element->pane, out);
    return BEAM_OK;
}

static inline beam_status encode_header(const bm_coder *window, const bm_element *element,
                                        bm_writer *out)
{
    if (window->kind != BM_CODER_GLOBAL_WINDOW ||
        element->windows != &bm_global_windows || element->pane != &bm_no_firing)
        return encode_header_in_windows(window, element, out);
    uint8_t *at = bm_reserve(out, TIMESTAMP_SIZE + sizeof bm_global_header);
    memcpy(bm_put_timestamp(at, element->timestamp), bm_global_header, sizeof bm_global_header);
    out->len += TIMESTAMP_SIZE + sizeof bm_global_header;
    return BEAM_OK;
}

static inline __attribute__((always_inline)) beam_status encode_windowed(
    const bm_coder *coder, bool nested, const bm_element *element, bm_writer *out)
{
    if (coder->kind != BM_CODER_PARAM_WINDOWED_VALUE)
        BEAM_TRY(encode_header(coder->arg[1], element, out));
    return bm_encode_inline(coder->arg[0], nested, &element->value, out);
}

beam_status bm_windowed_encode(const bm_coder *coder, bool nested,
                               const bm_element *element, bm_writer *out)
{
    return encode_windowed(coder, nested, element, out);
}

/* Pairs apart from the rest: the code for either alone needs fewer registers. */
static __attribute__((noinline)) beam_status encode_pair_element(
    const bm_coder *coder, const bm_element *element, bm_writer *out)
{
    size_t start = out->len;
    beam_status status = encode_header(coder->arg[1], element, out);
    if (status == BEAM_OK)
        status = bm_encode_pair(coder->arg[0], true, &element->value, out);
    if (status != BEAM_OK) out->len = start;
    return status;
}

beam_status bm_element_encode(const bm_coder *coder, const bm_element *element,
                              bm_writer *out)
{
    if (coder->kind == BM_CODER_WINDOWED_VALUE && coder->arg[0]->kind == BM_CODER_KV)
        return encode_pair_element(coder, element, out);
    size_t start = out->len;
    beam_status status = encode_windowed(coder, true, element, out);
    if (status != BEAM_OK) out->len = start;
    return status;
}

static int plain_kind(const bm_coder *coder)
{
    return coder->kind == BM_CODER_STRING   ? (int)BEAM_KIND_STRING
           : coder->kind == BM_CODER_BYTES  ? (int)BEAM_KIND_BYTES
           : coder->kind == BM_CODER_VARINT ? (int)BEAM_KIND_INT64
                                            : -1;
}

bm_plain_coder bm_plain_coder_of(const bm_coder *windowed)
{
    bm_plain_coder plain = { NULL, -1, { -1, -1 }, 0 };
    if (windowed->kind != BM_CODER_WINDOWED_VALUE) return plain;
    const bm_coder *value = windowed->arg[0];
    bm_coder_kind window = windowed->arg[1]->kind;
    if (window == BM_CODER_GLOBAL_WINDOW) plain.windows = &bm_global_windows;
    else if (window != BM_CODER_INTERVAL_WINDOW) return plain;
    plain.one = plain_kind(value);
    plain.n = plain.one >= 0;
    if (value->kind != BM_CODER_KV) return plain;
    for (int i = 0; i < 2; i++) plain.pair[i] = plain_kind(value->arg[i]);
    if (plain.pair[0] >= 0 && plain.pair[1] >= 0) plain.n = 2;
    return plain;
}

beam_status bm_windowed_header_decode(const bm_coder *window_coder, bm_reader *in,
                                      bm_arena *arena, bm_element *out)
{
    beam_pane *pane = bm_alloc(arena, sizeof *pane);
    out->pane = pane;
    BEAM_TRY(bm_read_timestamp(in, &out->timestamp));
    BEAM_TRY(bm_windows_decode(window_coder, in, arena, &out->windows));
    return bm_element_pane_decode(in, pane);
}

beam_status bm_windowed_decode(const bm_coder *coder, bool nested, bm_reader *in,
                               const bm_decoding *decoding, bm_element *out)
{
    if (coder->kind == BM_CODER_PARAM_WINDOWED_VALUE)
        *out = *coder->param;
    else
        BEAM_TRY(bm_windowed_header_decode(coder->arg[1], in, decoding->arena, out));
    return bm_decode_inline(coder->arg[0], nested, in, decoding, &out->value);
}

beam_status bm_windowed_skip(const bm_coder *coder, bool nested, bm_reader *in)
{
    if (coder->kind == BM_CODER_WINDOWED_VALUE) {
        beam_millis timestamp;
        beam_pane pane;
        BEAM_TRY(bm_read_timestamp(in, &timestamp));
        BEAM_TRY(bm_windows_skip(coder->arg[1], in));
        BEAM_TRY(bm_element_pane_decode(in, &pane));
    }
    return bm_skip_value(coder->arg[0], nested, in);
}

beam_status bm_element_copy(bm_arena *arena, const bm_element *element, bm_element *out)
{
    beam_value value;
    BEAM_TRY(bm_value_copy(arena, element->value, &value));
    *out = (bm_element){ value, element->timestamp,
                         bm_windows_copy(arena, element->windows),
                         bm_pane_copy(arena, element->pane) };
    return BEAM_OK;
}
