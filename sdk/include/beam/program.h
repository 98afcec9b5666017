/* SPDX-License-Identifier: Apache-2.0 */
/* beam/program.h - one executable that submits the pipeline and is its worker.
 *
 * beam_main() looks at the command line. Without --worker it builds the pipeline and runs
 * it; LOOPBACK workers then run in this same process. With --worker, --worker_pool or the
 * container contract (--id --provision_endpoint) it never builds the pipeline and serves
 * the program's DoFns instead. --help lists every flag.
 *
 * Exit status: 0 done, 1 failed, 2 wrong usage, 3 cancelled; 70: a worker's process (with
 * LOOPBACK and --runner=local this one) ended itself, since user code did not return. */
#ifndef BEAM_PROGRAM_H
#define BEAM_PROGRAM_H

#include "beam/pipeline.h"
BEAM_C_BEGIN

typedef enum beam_flag_kind {
    BEAM_FLAG_TEXT,  /* const char * */
    BEAM_FLAG_INT,   /* int64_t */
    BEAM_FLAG_DOUBLE, /* double */
    BEAM_FLAG_BOOL   /* bool; --name, --name=true, --noname, --name=false */
} beam_flag_kind;

typedef struct beam_flag {
    const char *name;
    beam_flag_kind kind;
    size_t offset; /* in the program's flags struct */
    const char *initial, *help;
} beam_flag;

#define BEAM_TEXT_FLAG(type, field, initial, help) \
    { #field, BEAM_FLAG_TEXT, offsetof(type, field), (initial), (help) }
#define BEAM_INT_FLAG(type, field, initial, help) \
    { #field, BEAM_FLAG_INT, offsetof(type, field), (initial), (help) }
#define BEAM_DOUBLE_FLAG(type, field, initial, help) \
    { #field, BEAM_FLAG_DOUBLE, offsetof(type, field), (initial), (help) }
#define BEAM_BOOL_FLAG(type, field, initial, help) \
    { #field, BEAM_FLAG_BOOL, offsetof(type, field), (initial), (help) }

typedef struct beam_program {
    const char *name, *summary, *version; /* version may be NULL */
    struct {
        const beam_flag *at;
        size_t n;
    } flags; /* besides the standard ones */
    size_t flags_size;
    struct {
        const beam_dofn *const *at;
        size_t n;
    } dofns; /* every DoFn that build() uses */
    struct {
        const beam_combine *const *at;
        size_t n;
    } combines; /* every CombineFn that is not built in */
    struct {
        const beam_custom_windows *const *at;
        size_t n;
    } window_fns; /* every WindowFn of beam_custom() */
    /* Adds the steps. `flags` is the filled flags struct. Not called in a worker. */
    void (*build)(beam_pipeline *p, const void *flags);
} beam_program;

/* Returns the process's exit status. Blocks until the job or the worker has ended; handles
 * SIGINT and SIGTERM meanwhile (once: cancel the job; twice: leave at once). */
BEAM_API int beam_main(const beam_program *program, int argc, char **argv);

BEAM_C_END
#endif
