/* SPDX-License-Identifier: Apache-2.0 */
/* batches.h - running the chosen tests as jobs, a few at a time. */
#ifndef BATCHES_H
#define BATCHES_H

#include "select.h"
#include "service.h"

typedef struct batch_opts {
    const runner_kind *runner;
    const char *endpoint;
    size_t batch_size; /* tests of a job */
    size_t side_by_side; /* jobs */
    int timeout_s;       /* of a job */
    bool verbose;        /* what workers and runner say goes to stderr */
} batch_opts;

/* Fills in the results of all tests that are not skipped. */
void run_tests(selection *all, const batch_opts *opts);

#endif
