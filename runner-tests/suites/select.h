/* SPDX-License-Identifier: Apache-2.0 */
/* select.h - which tests run: all, less those of the skip list. */
#ifndef SELECT_H
#define SELECT_H

#include "suite.h"

typedef enum result { NOT_RUN, PASSED, FAILED, SKIPPED } result;

typedef struct chosen_test {
    const char *suite;
    const suite_test *test;
    result result;
    const char *reason; /* of a failure or a skip; owned */
    double seconds;     /* of its job */
} chosen_test;

typedef struct selection {
    chosen_test *at;
    size_t n;
} selection;

/* The tests of the suite and name, NULL: all; both are patterns, "Test*State". */
selection select_tests(const char *suite, const char *name);
/* Marks what FILE lists (suite TAB test-or-needs:NAME TAB reason; '#' begins a comment).
 * False after saying on stderr which line is wrong: no such test, no reason. */
bool skip_tests(selection *all, const char *path);
void list_tests(const selection *all);
bool save_results(const selection *all, const char *runner, const char *path);
void free_selection(selection *all);

#endif
