/* SPDX-License-Identifier: Apache-2.0 */
/* program/modes.h - what a program can be: the submitter, a worker, a worker pool. Each
 * returns the exit status of the process. */
#ifndef BM_MODES_H
#define BM_MODES_H

#include "program/standard.h"

enum { BM_EXIT_DONE, BM_EXIT_FAILED, BM_EXIT_USAGE, BM_EXIT_CANCELLED };

/* One command line, read. */
typedef struct bm_invocation {
    const beam_program *program;
    const void *values; /* the program's own flags */
    const bm_flags *flags;
    const bm_standard *standard;
    bm_arena *arena;
} bm_invocation;

/* The tables of the program, for a registry or a worker. */
static inline beam_functions bm_program_functions(const beam_program *program)
{
    const beam_functions functions = {
        .dofns = { program->dofns.at, program->dofns.n },
        .combines = { program->combines.at, program->combines.n },
        .window_fns = { program->window_fns.at, program->window_fns.n },
    };
    return functions;
}

int bm_run_pipeline(const bm_invocation *invocation);
int bm_run_worker(const bm_invocation *invocation);
int bm_run_worker_pool(const bm_invocation *invocation);

/* Print to stdout, and return the exit status: failed where that is full or closed. */
int bm_show(const bm_invocation *invocation, const bm_writer *text);
int bm_show_line(const bm_invocation *invocation, const char *line);

/* Prints "NAME: message" and returns the exit status that goes with the error. */
int bm_report(const bm_invocation *invocation, const beam_error *err);

#endif
