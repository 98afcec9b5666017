/* SPDX-License-Identifier: Apache-2.0 */
/* local/trigger.h - a trigger as a state machine: one tree for a GroupByKey, and for every
 * window one state a node. The tree is constant once made; one thread at a time per state.
 *
 * A node is finished when it will not fire again. When windows merge, what was finished may
 * start anew, so in merging windows all parts of a sequence see every element. */
#ifndef BM_LOCAL_TRIGGER_H
#define BM_LOCAL_TRIGGER_H

#include "local/windowing.h"

typedef struct bm_trigger_node {
    beam_trigger_kind kind;
    size_t end; /* index after the node's subtree; children follow their parent */
    int64_t count;
    const bm_time_transform *transforms;
    size_t n_transforms;
} bm_trigger_node;

typedef struct bm_trigger_tree {
    bm_trigger_node *nodes; /* parents before children; [0] is the root */
    size_t n;
    bool merging;    /* windows may merge */
    bool uses_clock; /* some node waits for a clock */
} bm_trigger_tree;

/* What a node knows of one window. */
typedef struct bm_trigger_state {
    int64_t value; /* elements so far, or the clock that is waited for */
    bool is_set;   /* value, of those that wait */
    bool finished;
} bm_trigger_state;

/* A window and the clocks. */
typedef struct bm_trigger_view {
    const bm_trigger_tree *tree;
    bm_trigger_state *states; /* tree->n; zeroed at first */
    bool at_end;              /* the watermark has passed the end of the window */
    beam_millis now, synchronized;
} bm_trigger_view;

/* Checks and copies a trigger; NULL is the default trigger. */
beam_status bm_trigger_tree_make(bm_arena *arena, const bm_trigger_spec *spec, bool merging,
                                 bm_trigger_tree *out, beam_error *err);
/* The default trigger needs no state: it fires when view->at_end. */
static inline bool bm_trigger_is_default(const bm_trigger_tree *tree)
{
    return tree->nodes[0].kind == BEAM_TRIGGER_DEFAULT;
}

void bm_trigger_on_element(const bm_trigger_view *view);
bool bm_trigger_should_fire(const bm_trigger_view *view);
/* To be called only if it should fire. */
void bm_trigger_on_fire(const bm_trigger_view *view);
static inline bool bm_trigger_is_finished(const bm_trigger_view *view)
{
    return view->states[0].finished;
}
/* Forgets all but what has finished. */
void bm_trigger_clear(const bm_trigger_view *view);
/* view->states become those of a window that `n` others, one or more, were merged into;
 * they are its own if it was one of them, or zeroed, and not among from[]. */
void bm_trigger_on_merge(const bm_trigger_view *view, bm_trigger_state *const from[],
                         size_t n);
/* The next times of the two clocks at which it may fire; INT64_MAX: none. */
void bm_trigger_next_times(const bm_trigger_view *view, beam_millis *now,
                           beam_millis *synchronized);

#endif
