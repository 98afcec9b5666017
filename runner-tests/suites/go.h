/* SPDX-License-Identifier: Apache-2.0 */
/* go.h - what the tests of the Go suite share. */
#ifndef SUITES_GO_H
#define SUITES_GO_H

#include "suite.h"

/* INT64 values of an array. */
beam_pcoll *create_ints(beam_pipeline *p, const char *name, const int64_t *values, size_t n);
#define INTS(p, name, ...)                                      \
    create_ints((p), (name), (const int64_t[]){ __VA_ARGS__ },  \
                BEAM_COUNT(((const int64_t[]){ __VA_ARGS__ })))
/* KV<STRING, INT64>. */
typedef struct string_int {
    const char *key;
    int64_t value;
} string_int;
beam_pcoll *create_string_ints(beam_pipeline *p, const char *name, const string_int *pairs,
                               size_t n);
/* KV<STRING, STRING>. */
typedef struct string_pair {
    const char *key, *value;
} string_pair;
beam_pcoll *create_string_pairs(beam_pipeline *p, const char *name, const string_pair *pairs,
                                size_t n);
/* KV<"magic", INT64> at 0.99 s, 1.99 s, ...: each a little before a second's end. */
beam_pcoll *create_timed(beam_pipeline *p, const char *name, const int64_t *values, size_t n);

#endif
