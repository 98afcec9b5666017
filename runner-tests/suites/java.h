/* SPDX-License-Identifier: Apache-2.0 */
/* java.h - what the tests of the Java suite share, beside go.h. A test has the name of its Java
 * class and method. */
#ifndef SUITES_JAVA_H
#define SUITES_JAVA_H

#include "go.h"

#define STRINGS(p, name, ...)                                                     \
    beam_create_strings((p), (name), (const char *const[]){ __VA_ARGS__ },         \
                        BEAM_COUNT(((const char *const[]){ __VA_ARGS__ })))
/* KV<STRING, INT64>: STRING_INTS(p, "In", { "a", 1 }, { "b", 2 }). */
#define STRING_INTS(p, name, ...)                                                 \
    create_string_ints((p), (name), (const string_int[]){ __VA_ARGS__ },           \
                       BEAM_COUNT(((const string_int[]){ __VA_ARGS__ })))
#define STRING_PAIRS(p, name, ...)                                                \
    create_string_pairs((p), (name), (const string_pair[]){ __VA_ARGS__ },         \
                        BEAM_COUNT(((const string_pair[]){ __VA_ARGS__ })))

/* -- elements each at a time of its own (Create.timestamped) --------------------------- */
beam_pcoll *create_at_times(beam_pipeline *p, const char *name, const beam_type *type,
                            const beam_timestamped *elements, size_t n);
typedef struct timed_int {
    int64_t value;
    beam_millis at;
} timed_int;
beam_pcoll *create_timed_ints(beam_pipeline *p, const char *name, const timed_int *ints,
                              size_t n);
#define TIMED_INTS(p, name, ...)                                                  \
    create_timed_ints((p), (name), (const timed_int[]){ __VA_ARGS__ },             \
                      BEAM_COUNT(((const timed_int[]){ __VA_ARGS__ })))
typedef struct timed_string {
    const char *value;
    beam_millis at;
} timed_string;
beam_pcoll *create_timed_strings(beam_pipeline *p, const char *name,
                                 const timed_string *strings, size_t n);
#define TIMED_STRINGS(p, name, ...)                                               \
    create_timed_strings((p), (name), (const timed_string[]){ __VA_ARGS__ },       \
                         BEAM_COUNT(((const timed_string[]){ __VA_ARGS__ })))
typedef struct timed_pair {
    const char *key;
    int64_t value;
    beam_millis at;
} timed_pair;
/* KV<STRING, INT64>. */
beam_pcoll *create_timed_pairs(beam_pipeline *p, const char *name, const timed_pair *pairs,
                               size_t n);
#define TIMED_PAIRS(p, name, ...)                                                 \
    create_timed_pairs((p), (name), (const timed_pair[]){ __VA_ARGS__ },           \
                       BEAM_COUNT(((const timed_pair[]){ __VA_ARGS__ })))

/* -- events of a TestStream --------------------------------------------------------------- */
void add_pair(beam_test_stream *ts, const char *key, int64_t value, beam_millis at);
void add_string_pair(beam_test_stream *ts, const char *key, const char *value, beam_millis at);
void add_string(beam_test_stream *ts, const char *value, beam_millis at);

/* -- a type of the program ---------------------------------------------------------------- */
typedef struct my_integer {
    int64_t value;
} my_integer;
extern const beam_struct_coder java_my_integer_coder;
#define MY_INTEGER BEAM_STRUCT(&java_my_integer_coder)

/* -- DoFns of several files ----------------------------------------------------------------- */
/* KV<ANY, ITERABLE<INT64>> -> the number of values and their sum, "key: n, sum" as a KV. */
extern const beam_dofn java_sums_fn;
/* Numbers in scratch memory, in rising order; the count goes to *n. */
int64_t *sorted_ints(beam_ctx *c, beam_iter *it, size_t *n);
/* "[1, 2, 3]" */
beam_value text_of_ints(beam_ctx *c, const int64_t *ints, size_t n);

#endif
