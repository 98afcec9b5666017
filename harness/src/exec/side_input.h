/* SPDX-License-Identifier: Apache-2.0 */
/* exec/side_input.h - the side inputs of a DoFn's node, behind the beam_side functions.
 * Bundle thread. */
#ifndef BM_SIDE_INPUT_H
#define BM_SIDE_INPUT_H

#include "exec/node.h"

typedef struct bm_sides bm_sides;

/* What the DoFn declares, matched with what the transform has; *out is NULL when it declares
 * none. Lives as long as the plan. */
beam_status bm_sides_new(bm_node *node, const beam_dofn *fn, const bm_transform *t,
                         bm_sides **out, beam_error *err);
/* A bundle begins, or has ended: all that was read is forgotten. NULL is allowed. */
void bm_sides_start(bm_sides *sides);
void bm_sides_end(bm_sides *sides);
/* No callback is running: gives up what was read if it has become much. */
void bm_sides_tidy(bm_sides *sides);

#endif
