/* SPDX-License-Identifier: Apache-2.0 */
/* model.h - tests of the Beam model on a real runner.
 *
 * A test builds a branch of one shared pipeline that ends in STRING elements. The program
 * runs all branches as one job and compares, for each, the sorted lines with `expected`. */
#ifndef MODEL_H
#define MODEL_H

#include "beam/beam.h"

typedef struct model_test {
    const char *name;
    beam_pcoll *(*build)(beam_pipeline *p);
    const char *expected; /* sorted lines, each with its newline */
    bool is_unbounded;    /* only runs with --streaming */
    bool is_batch;        /* only runs without it */
} model_test;

typedef struct model_suite {
    const model_test *tests;
    size_t n;
    const beam_dofn *const *dofns;
    size_t n_dofns;
    const beam_combine *const *combines;
    size_t n_combines;
} model_suite;

extern const model_suite par_do_suite, grouping_suite, combine_suite, windowing_suite,
    side_input_suite, splittable_suite, state_suite, custom_windows_suite,
    derived_suite, failures_suite;
/* What few runners can: tests named "rare_...", which run only when --test asks for them. */
extern const model_suite rare_suite;
extern const beam_custom_windows *const model_window_fns[];
extern const size_t n_model_window_fns;

/* Sources and formats that suites share; their DoFns are known to the program. */
beam_pcoll *create_ints(beam_pipeline *p, const char *name, const int64_t *values, size_t n);
/* {key, value, key, value, ..., NULL} -> KV<STRING, STRING> */
beam_pcoll *create_pairs(beam_pipeline *p, const char *name, const char *const *pairs);
/* KV<STRING, INT64>; the value is also the event time, in seconds. */
beam_pcoll *create_timed(beam_pipeline *p, const char *name, const char *const *keys,
                         const int64_t *seconds, size_t n);
/* Any type -> STRING: as text, with an iterable's items sorted. */
beam_pcoll *as_text(beam_pcoll *in, const char *name);
/* KV<STRING, ...> -> STRING, with the window in seconds: "[0,10) a: 3". */
beam_pcoll *with_window(beam_pcoll *in, const char *name);

#endif
