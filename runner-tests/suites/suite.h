/* SPDX-License-Identifier: Apache-2.0 */
/* suite.h - Beam's own tests, written anew: what a test is, and the tables of them.
 *
 * A test adds its steps and its assertions (beam_assert_that()) to a pipeline. Several run as
 * one job, each in a scope of its own name; when that job fails, each runs as a job alone. */
#ifndef SUITE_H
#define SUITE_H

#include "beam/beam.h"
#include "beam/testing.h"

/* What a test needs of its runner; a line "needs:NAME" of a skip list stands for all that
 * need it. NAMES in select.c. */
enum {
    NEEDS_STREAMING = 1u << 0,  /* a streaming job */
    NEEDS_TEST_STREAM = 1u << 1, /* and so on its own: some runners take one at most */
    NEEDS_STATE = 1u << 2,
    NEEDS_TIMERS = 1u << 3,
    NEEDS_SDF = 1u << 4,
    NEEDS_FINALIZATION = 1u << 5,
    NEEDS_UNBOUNDED = 1u << 6,
    NEEDS_PROCESSING_TIME = 1u << 7, /* timers or triggers of the runner's clock */
    NEEDS_METRICS = 1u << 8,
    NEEDS_DRAIN = 1u << 9,       /* the job is drained; and so on its own */
    NEEDS_SPLITS = 1u << 10,     /* bundles are split at the test's wish; on its own */
    RUNS_ALONE = 1u << 16 /* as a job of its own, for another reason */
};

typedef struct suite_test {
    const char *name;     /* the original's */
    const char *category; /* of Java's ValidatesRunner, "UsesTestStream,UsesTimersInParDo" */
    void (*build)(beam_pipeline *p);
    unsigned needs;
    const char *fails; /* the job is to fail, and to say this; such a test runs alone */
    /* After a job that ended as it should; NULL: nothing more to look at. Returns what is
     * wrong, or NULL. `scope` is "NAME/". */
    const char *(*check)(beam_pipeline *p, const char *scope);
    const beam_test_faults *faults; /* of the local runner, for a test that runs alone */
} suite_test;

typedef struct suite_table {
    const char *suite; /* "go", "python", "java": whose test it is */
    const suite_test *at;
    size_t n;
} suite_table;

/* Each file of tests has a table, which the build finds by its SUITE_TABLE(). */
extern const suite_table *const suite_tables[];
extern const size_t n_suite_tables;

/* TEST("TestX", "-", x), TEST("TestY", "UsesTestStream", y, .needs = NEEDS_TEST_STREAM) */
#define TEST(test_name, java_category, builder, ...) \
    { .name = (test_name), .category = (java_category), .build = (builder), __VA_ARGS__ }
#define SUITE_TABLE(table, suite_name, tests)  \
    extern const suite_table table;            \
    const suite_table table = { suite_name, tests, BEAM_COUNT(tests) }

#endif
