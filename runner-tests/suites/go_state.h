/* SPDX-License-Identifier: Apache-2.0 */
/* go_state.h - what the tests of state share: words, each with a 1, and texts about them. */
#ifndef SUITES_GO_STATE_H
#define SUITES_GO_STATE_H

#include "go.h"

/* KV<STRING, INT64>, the value is 1. */
beam_pcoll *state_words(beam_pipeline *p, const char *const *texts, size_t n);
/* apple, pear, peach, apple, apple, pear through the DoFn, which is to give these lines. */
void expect_state(beam_pipeline *p, const beam_dofn *fn, const char *lines);
/* "word: text" as output. */
beam_status emit_state_text(beam_ctx *c, beam_value in, beam_span text);

#define STATE_DOFN(variable, dofn_name, state_table, function)                         \
    static const beam_dofn variable = { .name = (dofn_name),                           \
                                        .in = BEAM_KV(BEAM_STRING, BEAM_INT64),        \
                                        .out = BEAM_STRING,                            \
                                        .states = BEAM_TABLE(state_table),             \
                                        .process = (function) }

#define STATE_TEST(name, category, build) TEST(name, category, build, .needs = NEEDS_STATE)

#endif
