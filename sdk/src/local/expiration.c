/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a window for a user key: on_window_expiration, then its state is forgotten.
 * Elements that come later are dropped. Runner's thread.
 *
 * An expiration is a timer of the runner's, kept like those of the worker. It waits for the
 * key's processing-time timers, which may yet use the state. */
#include "coders/coder_impl.h"
#include "local/local_impl.h"

enum { TIMESTAMP_SIZE = 8 };

static beam_millis expiry_of(const bm_stage *stage, const beam_window *window)
{
    beam_millis last = window->end - 1,
                lateness = stage->inputs[0]->windowing->allowed_lateness;
    return last > BEAM_MAX_TIMESTAMP - lateness ? BEAM_MAX_TIMESTAMP : last + lateness;
}

static bool is_over(const bm_stage *stage, const beam_window *window)
{
    beam_millis expiry = expiry_of(stage, window);
    return stage->input > expiry ||
           (expiry == BEAM_MAX_TIMESTAMP && stage->input >= BEAM_MAX_TIMESTAMP);
}

/* As the worker reads timers: key, tag, windows, not cleared, fire, hold, pane. */
static void write_timer(const bm_user_key *key, beam_span windows, beam_millis fire,
                        beam_millis hold, bm_writer *out)
{
    bm_write_bytes(out, key->key.ptr, key->key.len);
    bm_write_varint(out, 0);
    bm_write_bytes(out, windows.ptr, windows.len);
    bm_write_u8(out, 0);
    bm_write_timestamp(out, fire);
    bm_write_timestamp(out, hold);
    bm_pane_encode(&bm_no_firing, out);
}

/* Windows on the wire: their number and one window. */
static beam_status write_windows(const bm_stage *stage, const beam_window *window,
                                 bm_writer *out)
{
    bm_write_be32(out, 1);
    return bm_window_encode(stage->inputs[0]->window, window, out);
}

static beam_status watch_window(bm_local *l, bm_stage *stage, bm_user_key *key,
                                const beam_window *window)
{
    bm_writer windows = { 0 }, bytes = { 0 };
    beam_status status = write_windows(stage, window, &windows);
    beam_millis fire = expiry_of(stage, window);
    /* Only what may give something out holds the watermark. */
    beam_millis hold = stage->expiration.id ? window->end - 1 : BEAM_MAX_TIMESTAMP;
    if (hold > BEAM_MAX_TIMESTAMP) hold = BEAM_MAX_TIMESTAMP;
    if (!status) {
        write_timer(key, bm_written(&windows), fire, hold, &bytes);
        bm_local_timers_watch(l, stage, key, bm_written(&windows), bm_written(&bytes),
                              fire, hold);
    }
    bm_writer_free(&windows);
    bm_writer_free(&bytes);
    return status;
}

beam_status bm_local_expiration_watch(bm_local *l, bm_stage *stage, bm_user_key *key,
                                      const bm_item *item)
{
    if (!stage->has_state && !stage->expiration.id) return BEAM_OK; /* nothing to forget */
    bm_arena arena;
    bm_arena_init(&arena, 0);
    const bm_windows *windows;
    beam_status status = bm_local_item_windows(stage->inputs[0], item, &arena, &windows);
    for (size_t i = 0; !status && i < windows->n; i++)
        status = watch_window(l, stage, key, &windows->at[i]);
    bm_arena_free(&arena);
    if (status)
        bm_error(l->err, status, "%s: the windows of an element cannot be read",
                 stage->name);
    return status;
}

/* Leaves out the windows that are over; NULL when all are. */
static bm_item *keep_windows(const bm_stage *stage, bm_item *item,
                             const bm_windows *windows, size_t n_over)
{
    if (!n_over) return item;
    bm_writer header = { 0 };
    bm_item *kept = NULL;
    bm_reader in = bm_reader_of(bm_local_item_span(item));
    in.at += TIMESTAMP_SIZE;
    if (n_over < windows->n && !bm_windows_skip(stage->inputs[0]->window, &in)) {
        bm_write_timestamp(&header, item->timestamp);
        bm_write_be32(&header, (uint32_t)(windows->n - n_over));
        for (size_t i = 0; i < windows->n; i++)
            if (!is_over(stage, &windows->at[i]))
                (void)bm_window_encode(stage->inputs[0]->window, &windows->at[i],
                                       &header);
        bm_write_bytes(&header, in.at, item->value_at - (size_t)(in.at - item->bytes));
        kept = bm_local_item_new(item->timestamp, bm_written(&header),
                                 bm_local_item_value(item));
    }
    bm_writer_free(&header);
    free(item);
    return kept;
}

beam_status bm_local_drop_late(bm_local *l, const bm_stage *stage, bm_item **item)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    const bm_windows *windows;
    beam_status status = bm_local_item_windows(stage->inputs[0], *item, &arena, &windows);
    size_t n_over = 0;
    for (size_t i = 0; !status && i < windows->n; i++)
        n_over += is_over(stage, &windows->at[i]);
    if (!status) {
        l->result->n_dropped_late += n_over;
        *item = keep_windows(stage, *item, windows, n_over);
    } else {
        bm_error(l->err, status, "%s: the windows of an element cannot be read",
                 stage->name);
    }
    bm_arena_free(&arena);
    return status;
}
