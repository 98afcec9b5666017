/* SPDX-License-Identifier: Apache-2.0 */
/* beam:coder:timer:v1: user key, dynamic tag, windows, and unless the timer is cleared the
 * times to fire and to hold the watermark at, and the pane. Any thread. */
#include "coders/coder_impl.h"

beam_status bm_timer_decode_with(const bm_coder *coder, bm_reader *in,
                                 const bm_decoding *decoding, bm_timer *out)
{
    bm_arena *arena = decoding->arena;
    *out = (bm_timer){ .pane = &bm_no_firing };
    BEAM_TRY(bm_decode_inline(coder->arg[0], true, in, decoding, &out->key));
    BEAM_TRY(bm_read_prefixed(in, &out->tag));
    BEAM_TRY(bm_windows_decode(coder->arg[1], in, arena, &out->windows));
    BEAM_TRY(beam_read_bool(in, &out->clear));
    if (out->clear) return BEAM_OK;
    beam_pane *pane = bm_alloc(arena, sizeof *pane);
    bool ignored;
    out->pane = pane;
    BEAM_TRY(bm_read_timestamp(in, &out->fire));
    BEAM_TRY(bm_read_timestamp(in, &out->hold));
    return bm_pane_decode(in, pane, &ignored);
}

beam_status bm_timer_decode(const bm_coder *coder, bm_reader *in, bm_arena *arena,
                            bm_timer *out)
{
    return bm_timer_decode_with(coder, in, &(bm_decoding){ .arena = arena }, out);
}

static beam_status encode(const bm_coder *coder, const bm_timer *timer, bm_writer *out)
{
    BEAM_TRY(bm_encode_inline(coder->arg[0], true, &timer->key, out));
    bm_write_prefixed(out, timer->tag);
    BEAM_TRY(bm_windows_encode(coder->arg[1], timer->windows, out));
    bm_write_u8(out, timer->clear);
    if (timer->clear) return BEAM_OK;
    bm_write_timestamp(out, timer->fire);
    bm_write_timestamp(out, timer->hold);
    bm_pane_encode(timer->pane, out);
    return BEAM_OK;
}

beam_status bm_timer_encode(const bm_coder *coder, const bm_timer *timer, bm_writer *out)
{
    size_t start = out->len;
    beam_status status = encode(coder, timer, out);
    if (status != BEAM_OK) out->len = start;
    return status;
}

beam_status bm_timer_skip(const bm_coder *coder, bm_reader *in)
{
    beam_span tag;
    bool clear, ignored;
    beam_millis time;
    beam_pane pane;
    BEAM_TRY(bm_skip_value(coder->arg[0], true, in));
    BEAM_TRY(bm_read_prefixed(in, &tag));
    BEAM_TRY(bm_windows_skip(coder->arg[1], in));
    BEAM_TRY(beam_read_bool(in, &clear));
    if (clear) return BEAM_OK;
    BEAM_TRY(bm_read_timestamp(in, &time));
    BEAM_TRY(bm_read_timestamp(in, &time));
    return bm_pane_decode(in, &pane, &ignored);
}
