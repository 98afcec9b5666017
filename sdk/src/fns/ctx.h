/* SPDX-License-Identifier: Apache-2.0 */
/* fns/ctx.h - what built-in DoFns may ask of a beam_ctx beyond the public API; implemented
 * by the execution engine. Same rules: inside a callback, on its thread. */
#ifndef BM_CTX_H
#define BM_CTX_H

#include "coders/coder.h"

/* Coder of the element that process() receives, and of main (-1) or extra output. */
const bm_coder *bm_ctx_input_coder(beam_ctx *c);
const bm_coder *bm_ctx_output_coder(beam_ctx *c, int output);
/* The arena that beam_alloc() uses now. */
bm_arena *bm_ctx_arena(beam_ctx *c);
/* The program's CombineFn of that name, or a built-in one; NULL: there is none. */
const beam_combine *bm_ctx_combine(beam_ctx *c, beam_span name);
/* What beam_config() gives from now on; returns what it gave. */
beam_span bm_ctx_set_config(beam_ctx *c, beam_span config);

#endif
