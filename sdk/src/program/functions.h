/* SPDX-License-Identifier: Apache-2.0 */
/* program/functions.h - the functions that a pipeline uses, found by walking it. The thread
 * of the pipeline. */
#ifndef BM_FUNCTIONS_H
#define BM_FUNCTIONS_H

#include "graph/graph.h"

/* Every DoFn, CombineFn and WindowFn of the steps, once each; tables in the arena. */
beam_functions bm_pipeline_functions(const beam_pipeline *p, bm_arena *arena);

#endif
