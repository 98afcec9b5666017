/* SPDX-License-Identifier: Apache-2.0 */
/* graph/resource_hints.h - what a runner is asked to give the workers of a pipeline or of a
 * step (StandardResourceHints). Any thread. */
#ifndef BM_RESOURCE_HINTS_H
#define BM_RESOURCE_HINTS_H

#include "base/arena.h"
#include "beam/status.h"

typedef enum bm_resource_hint {
    BM_HINT_ACCELERATOR,
    BM_HINT_MIN_RAM,
    BM_HINT_CPU_COUNT,
    BM_HINT_MAX_BUNDLES,
    BM_N_HINTS
} bm_resource_hint;

/* Values as the model's payloads: numbers in decimal, RAM in bytes. NULL: not given. */
typedef struct bm_resource_hints {
    const char *values[BM_N_HINTS];
} bm_resource_hints;

/* Takes "min_ram=4GB" and its like; of one that is given again the last counts. The message is
 * a sentence that begins with `where`. */
beam_status bm_resource_hint_take(bm_arena *arena, const char *text, const char *where,
                                  bm_resource_hints *hints, beam_error *err);
/* What holds for a step in a pipeline: the larger RAM and number of CPUs, the smaller number of
 * bundles, the step's accelerator. */
bm_resource_hints bm_resource_hints_merge(const bm_resource_hints *pipeline,
                                          const bm_resource_hints *step);

#endif
