/* SPDX-License-Identifier: Apache-2.0 */
/* Windows on the wire: beam:coder:{interval,global,custom}_window:v1 and lists of them.
 * Any thread.
 *
 * The window coder of another SDK's WindowFn may also come as a length_prefix of something
 * that is opaque here; its windows are kept as their bytes. */
#include "coders/coder_impl.h"

const bm_windows bm_global_windows = {
    1, { { BEAM_MIN_TIMESTAMP, BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP + 1, { NULL, 0 } } }
};

bool bm_window_same_bytes(const beam_window *a, const beam_window *b)
{
    return !a->custom.ptr == !b->custom.ptr && beam_span_equal(a->custom, b->custom);
}

/* The end, and how long it is. */
static beam_status decode_interval(bm_reader *in, beam_window *out)
{
    uint64_t span;
    BEAM_TRY(bm_read_timestamp(in, &out->end));
    BEAM_TRY(bm_read_varint(in, &span));
    out->start = (beam_millis)((uint64_t)out->end - span);
    out->custom = (beam_span){ NULL, 0 };
    return BEAM_OK;
}

static void encode_interval(const beam_window *window, bm_writer *out)
{
    bm_write_timestamp(out, window->end);
    bm_write_varint(out, (uint64_t)window->end - (uint64_t)window->start);
}

/* -- windows of this SDK that carry bytes: KV<interval_window, bytes> ------------------- */
const bm_coder *bm_window_coder(bm_arena *arena)
{
    return bm_coder_new(arena, BM_CODER_KV,
                        bm_coder_new(arena, BM_CODER_INTERVAL_WINDOW, NULL, NULL),
                        bm_coder_new(arena, BM_CODER_BYTES, NULL, NULL));
}

/* Runners put a length in front of coders that they do not know. */
static bool is_own(const bm_coder *inner)
{
    if (inner->kind == BM_CODER_LENGTH_PREFIX) return is_own(inner->arg[0]);
    return inner->kind == BM_CODER_KV && inner->arg[0]->kind == BM_CODER_INTERVAL_WINDOW &&
           inner->arg[1]->kind == BM_CODER_BYTES;
}

static beam_status decode_own(const bm_coder *inner, bm_reader *in, bm_arena *arena,
                              beam_window *out)
{
    beam_span bytes;
    if (inner->kind == BM_CODER_LENGTH_PREFIX) {
        BEAM_TRY(bm_read_prefixed(in, &bytes));
        bm_reader window = bm_reader_of(bytes);
        return bm_outer_status(decode_own(inner->arg[0], &window, arena, out), &window);
    }
    BEAM_TRY(decode_interval(in, out));
    BEAM_TRY(bm_read_prefixed(in, &bytes));
    if (bytes.len) out->custom = bm_span_copy(arena, bytes);
    return BEAM_OK;
}

static void encode_own(const bm_coder *inner, const beam_window *window, bm_writer *out)
{
    if (inner->kind != BM_CODER_LENGTH_PREFIX) {
        encode_interval(window, out);
        bm_write_prefixed(out, window->custom);
        return;
    }
    bm_writer bytes = { 0 };
    encode_own(inner->arg[0], window, &bytes);
    bm_write_prefixed(out, bm_written(&bytes));
    bm_writer_free(&bytes);
}

/* -- of any SDK -------------------------------------------------------------------------- */
/* The maximum timestamp, and the window in its own coder. */
static beam_status decode_custom(const bm_coder *inner, bm_reader *in, bm_arena *arena,
                                 beam_window *out)
{
    beam_millis max_timestamp;
    BEAM_TRY(bm_read_timestamp(in, &max_timestamp));
    if (is_own(inner)) return decode_own(inner, in, arena, out);
    bm_reader start = *in;
    out->start = BEAM_MIN_TIMESTAMP;
    if (inner->kind == BM_CODER_INTERVAL_WINDOW)
        BEAM_TRY(decode_interval(in, out));
    else
        BEAM_TRY(bm_skip_value(inner, true, in));
    out->end = (beam_millis)((uint64_t)max_timestamp + 1);
    out->custom = bm_span_copy(arena, (beam_span){ (const char *)start.at,
                                                   (size_t)(in->at - start.at) });
    return BEAM_OK;
}

static beam_status encode_custom(const bm_coder *inner, const beam_window *window,
                                 bm_writer *out)
{
    if (!is_own(inner) && !window->custom.ptr) return BEAM_ETYPE;
    bm_write_timestamp(out, (beam_millis)((uint64_t)window->end - 1));
    if (is_own(inner))
        encode_own(inner, window, out);
    else
        bm_write_bytes(out, window->custom.ptr, window->custom.len);
    return BEAM_OK;
}

static beam_status decode_prefixed(const bm_coder *inner, bm_reader *in, bm_arena *arena,
                                   beam_window *out)
{
    beam_span bytes;
    BEAM_TRY(bm_read_prefixed(in, &bytes));
    if (inner->kind == BM_CODER_OPAQUE) {
        *out = (beam_window){ BEAM_MIN_TIMESTAMP, BEAM_MAX_TIMESTAMP,
                              bm_span_copy(arena, bytes) };
        return BEAM_OK;
    }
    bm_reader window = bm_reader_of(bytes);
    return bm_outer_status(bm_window_decode(inner, &window, arena, out), &window);
}

static beam_status encode_prefixed(const bm_coder *inner, const beam_window *window,
                                   bm_writer *out)
{
    if (inner->kind == BM_CODER_OPAQUE) {
        bm_write_prefixed(out, window->custom);
        return BEAM_OK;
    }
    bm_writer bytes = { 0 };
    beam_status status = bm_window_encode(inner, window, &bytes);
    if (status == BEAM_OK) bm_write_prefixed(out, bm_written(&bytes));
    bm_writer_free(&bytes);
    return status;
}

beam_status bm_window_decode(const bm_coder *window_coder, bm_reader *in, bm_arena *arena,
                             beam_window *out)
{
    switch (window_coder->kind) {
    case BM_CODER_GLOBAL_WINDOW: *out = bm_global_windows.at[0]; return BEAM_OK;
    case BM_CODER_INTERVAL_WINDOW: return decode_interval(in, out);
    case BM_CODER_CUSTOM_WINDOW:
        return decode_custom(window_coder->arg[0], in, arena, out);
    case BM_CODER_LENGTH_PREFIX:
        return decode_prefixed(window_coder->arg[0], in, arena, out);
    default: return BEAM_EUNSUPPORTED;
    }
}

beam_status bm_window_encode(const bm_coder *window_coder, const beam_window *window,
                             bm_writer *out)
{
    switch (window_coder->kind) {
    case BM_CODER_GLOBAL_WINDOW:
        return bm_window_is_global(window) ? BEAM_OK : BEAM_ETYPE;
    case BM_CODER_INTERVAL_WINDOW: encode_interval(window, out); return BEAM_OK;
    case BM_CODER_CUSTOM_WINDOW:
        return encode_custom(window_coder->arg[0], window, out);
    case BM_CODER_LENGTH_PREFIX:
        return encode_prefixed(window_coder->arg[0], window, out);
    default: return BEAM_EUNSUPPORTED;
    }
}

beam_status bm_window_skip(const bm_coder *window_coder, bm_reader *in)
{
    beam_millis end;
    uint64_t span;
    switch (window_coder->kind) {
    case BM_CODER_GLOBAL_WINDOW: return BEAM_OK;
    case BM_CODER_INTERVAL_WINDOW:
        BEAM_TRY(bm_read_timestamp(in, &end));
        return bm_read_varint(in, &span);
    case BM_CODER_CUSTOM_WINDOW:
        BEAM_TRY(bm_read_timestamp(in, &end));
        return bm_skip_value(window_coder->arg[0], true, in);
    case BM_CODER_LENGTH_PREFIX: return bm_skip_value(window_coder, true, in);
    default: return BEAM_EUNSUPPORTED;
    }
}

/* The count of a list of windows, which is a set: the global window is in it once. */
static beam_status read_count(const bm_coder *window_coder, bm_reader *in, size_t *n)
{
    uint32_t count;
    BEAM_TRY(bm_read_be32(in, &count));
    *n = count;
    if (count > INT32_MAX) return BEAM_ECODER;
    if (window_coder->is_empty) return count > 1 ? BEAM_ECODER : BEAM_OK;
    return count > bm_left(in) ? BEAM_ESHORT : BEAM_OK;
}

beam_status bm_windows_decode(const bm_coder *window_coder, bm_reader *in,
                              bm_arena *arena, const bm_windows **out)
{
    size_t n;
    BEAM_TRY(read_count(window_coder, in, &n));
    if (n == 1 && window_coder->kind == BM_CODER_GLOBAL_WINDOW) {
        *out = &bm_global_windows;
        return BEAM_OK;
    }
    bm_windows *windows = bm_alloc(arena, sizeof *windows + n * sizeof windows->at[0]);
    windows->n = n;
    *out = windows;
    for (size_t i = 0; i < n; i++)
        BEAM_TRY(bm_window_decode(window_coder, in, arena, &windows->at[i]));
    return BEAM_OK;
}

beam_status bm_windows_encode(const bm_coder *window_coder, const bm_windows *windows,
                              bm_writer *out)
{
    bm_write_be32(out, (uint32_t)windows->n);
    for (size_t i = 0; i < windows->n; i++)
        BEAM_TRY(bm_window_encode(window_coder, &windows->at[i], out));
    return BEAM_OK;
}

beam_status bm_windows_skip(const bm_coder *window_coder, bm_reader *in)
{
    size_t n;
    BEAM_TRY(read_count(window_coder, in, &n));
    for (size_t i = 0; i < n; i++) BEAM_TRY(bm_window_skip(window_coder, in));
    return BEAM_OK;
}

const bm_windows *bm_windows_copy(bm_arena *arena, const bm_windows *windows)
{
    if (windows == &bm_global_windows) return windows;
    size_t size = sizeof *windows + windows->n * sizeof windows->at[0];
    bm_windows *copy = bm_alloc(arena, size);
    memcpy(copy, windows, size);
    for (size_t i = 0; i < copy->n; i++)
        if (copy->at[i].custom.ptr)
            copy->at[i].custom = bm_span_copy(arena, copy->at[i].custom);
    return copy;
}
