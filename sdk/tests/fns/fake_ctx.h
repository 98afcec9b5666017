/* SPDX-License-Identifier: Apache-2.0 */
/* A beam_ctx for tests of the built-in functions: what they emit is kept as text. */
#ifndef FAKE_CTX_H
#define FAKE_CTX_H

#include <check.h>
#include <stdlib.h>

#include "fns/builtin.h"
#include "fns/ctx.h"

struct beam_ctx {
    bm_arena scratch, accumulators, kept;
    beam_span config;
    void *self;
    const bm_coder *input_coder, *output_coder;
    beam_window window;
    beam_millis timestamp;
    beam_status status; /* of beam_fail */
    char message[256];
    /* The last emits, one a line: "value @timestamp [start, end)". */
    bm_writer emitted;
    /* Called on each emit if set, while what it points to lives. */
    void (*on_emit)(beam_ctx *c, beam_value v);
    beam_value last; /* copied into `kept` where it can be */
};

void fake_init(beam_ctx *c);
void fake_free(beam_ctx *c);
/* Runs process or map of a DoFn on one element; the scratch memory is freed after it. */
beam_status fake_process(beam_ctx *c, const beam_dofn *fn, beam_value in);
/* What was emitted since the last call is exactly this. */
void expect_emitted(beam_ctx *c, const char *text);
/* Text of a value with iterables read through: "KV{1, [2, 3]}". */
const char *value_text(bm_arena *arena, beam_value v);
beam_value iterable_of(bm_arena *arena, const beam_value *values, size_t n);

#endif
