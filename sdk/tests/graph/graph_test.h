/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of graph/ share: a pipeline per test, DoFns to put into it, and looks at
 * what came out. */
#ifndef GRAPH_TEST_H
#define GRAPH_TEST_H

#include <check.h>
#include <stdlib.h>

#include "graph/graph.h"

extern beam_pipeline *p; /* made and freed around each test */

/* The pipeline has failed with exactly this message. */
void expect_error(beam_status status, const char *message);
void expect_no_error(void);
/* The whole pipeline as text; checks it first. */
void expect_print(const char *text);
/* What it prints of beam_create(); type as a literal. */
#define CREATED(name, type)                                                              \
    name ": composite -> " type "\n"                                                     \
         "  Impulse: Impulse -> BYTES\n"                                                 \
         "  Values: ParDo 'beam.create' (" name "/Impulse) -> " type "\n"                \
         "  Reshuffle: Reshuffle (" name "/Values) -> " type "\n"                        \
         "    Reify: ParDo 'beam.reshuffle_spread' (" name "/Values) -> "                \
         "KV<INT64, KV<BYTES, " type ">>\n"                                              \
         "    Window: WindowInto [global window, trigger always] (" name                 \
         "/Reshuffle/Reify) -> KV<INT64, KV<BYTES, " type ">>\n"                         \
         "    GroupByKey: GroupByKey (" name                                             \
         "/Reshuffle/Window) -> KV<INT64, ITERABLE<KV<BYTES, " type ">>>\n"              \
         "    Restore: ParDo 'beam.reshuffle_unspread' (" name                           \
         "/Reshuffle/GroupByKey) -> " type "\n"
void expect_type(const beam_pcoll *c, const char *text);

/* "Words" holds STRING, "Pairs" KV<STRING, INT64>. */
beam_pcoll *words(void);
beam_pcoll *pairs(void);
/* A collection of any type, named "Input". */
beam_pcoll *input_of(const beam_type *type);

/* Callbacks that are never called. */
beam_status test_process(beam_ctx *c, beam_value in);
beam_value test_map(beam_ctx *c, beam_value in);
bool test_keep(beam_ctx *c, beam_value in);
beam_millis test_timestamp(beam_ctx *c, beam_value in);
int test_partition(beam_ctx *c, beam_value in, int n);

/* Runs the cases as a suite; the exit status of main(). */
int run_cases(const char *name, const TTest *const *tests, size_t n);
#define RUN(name, ...)                                    \
    int main(void)                                        \
    {                                                     \
        const TTest *const tests[] = { __VA_ARGS__ };     \
        return run_cases(name, tests, BEAM_COUNT(tests)); \
    }

#endif
