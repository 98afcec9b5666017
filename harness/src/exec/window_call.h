/* SPDX-License-Identifier: Apache-2.0 */
/* exec/window_call.h - asking a WindowFn of the program. Bundle thread. */
#ifndef BM_WINDOW_CALL_H
#define BM_WINDOW_CALL_H

#include "exec/node.h"

typedef struct bm_window_call bm_window_call;

/* Windows that become one. */
typedef struct bm_window_merge_set {
    beam_window into;
    const beam_window *from;
    size_t n;
} bm_window_merge_set;

/* For a WindowFn of kind CUSTOM; its failures are the node's. Lives as long as the plan. */
bm_window_call *bm_window_call_new(bm_node *node, const bm_window_fn *fn);
/* The windows of an element, in `arena`; NULL after failing the bundle. */
const bm_windows *bm_window_call_assign(bm_window_call *call, beam_value value,
                                        beam_millis timestamp, bm_arena *arena);
/* Which of the windows, in order of their starts, become one; no window is in two sets. */
beam_status bm_window_call_merge(bm_window_call *call, const beam_window *windows, size_t n,
                                 bm_arena *arena, const bm_window_merge_set **sets,
                                 size_t *n_sets);

#endif
