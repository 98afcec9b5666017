/* SPDX-License-Identifier: Apache-2.0 */
/* job/log_tail.h - what a growing log of a runner says of bundles that failed in Java's workers,
 * long before the runner ends the job. One thread. */
#ifndef BM_LOG_TAIL_H
#define BM_LOG_TAIL_H

#include <stdbool.h>
#include <stdio.h>

typedef struct bm_log_tail {
    FILE *log;      /* NULL: there is none */
    bool amid_line; /* a long one, which comes in parts */
    bool in_trace;  /* what follows a failure */
    char failure[300], cause[300];
} bm_log_tail;

void bm_log_tail_open(bm_log_tail *tail, const char *path); /* NULL: no log */
void bm_log_tail_close(bm_log_tail *tail);
/* Reads what has come. True: `text` is the next failure, with its deepest cause. Does not wait. */
bool bm_log_tail_failure(bm_log_tail *tail, char *text, size_t size);

#endif
