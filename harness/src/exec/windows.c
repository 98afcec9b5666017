/* SPDX-License-Identifier: Apache-2.0 */
/* The standard window functions: which windows an event time is in. Any thread. */
#include "exec/node.h"

static beam_millis floor_mod(beam_millis a, beam_millis n)
{
    beam_millis rest = a % n;
    return rest < 0 ? rest + n : rest;
}

/* An interval window does not reach beyond the global one. */
static beam_window window_at(beam_millis start, beam_millis size)
{
    const beam_millis end_of_time = BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP + 1;
    beam_window window = { start, end_of_time, { NULL, 0 } };
    if (size < end_of_time - start) window.end = start + size;
    return window;
}

static bm_windows *new_windows(bm_arena *arena, size_t n)
{
    bm_windows *windows = bm_alloc(arena, sizeof *windows + n * sizeof windows->at[0]);
    windows->n = n;
    return windows;
}

static const bm_windows *one_window(bm_arena *arena, beam_window window)
{
    bm_windows *windows = new_windows(arena, 1);
    windows->at[0] = window;
    return windows;
}

/* Latest first. */
static const bm_windows *sliding(const bm_window_fn *fn, beam_millis t, bm_arena *arena)
{
    beam_millis last = t - floor_mod(t - fn->offset, fn->period);
    beam_millis reach = fn->size - (t - last); /* how far the last window goes past t */
    size_t n = reach <= 0 ? 0 : (size_t)((reach + fn->period - 1) / fn->period);
    bm_windows *windows = new_windows(arena, n);
    for (size_t i = 0; i < n; i++)
        windows->at[i] = window_at(last - (beam_millis)i * fn->period, fn->size);
    return windows;
}

const bm_windows *bm_window_fn_assign(const bm_window_fn *fn, beam_millis t, bm_arena *arena)
{
    switch (fn->kind) {
    case BM_WINDOW_FN_FIXED:
        return one_window(arena,
                          window_at(t - floor_mod(t - fn->offset, fn->size), fn->size));
    case BM_WINDOW_FN_SLIDING: return sliding(fn, t, arena);
    case BM_WINDOW_FN_SESSIONS: return one_window(arena, window_at(t, fn->size));
    default: return &bm_global_windows;
    }
}

const beam_window *bm_first_window(const bm_windows *windows)
{
    const beam_window *first = &windows->at[0];
    for (const beam_window *w = first + 1; w < windows->at + windows->n; w++)
        if (w->start < first->start || (w->start == first->start && w->end < first->end))
            first = w;
    return first;
}
