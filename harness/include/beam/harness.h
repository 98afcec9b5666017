/* SPDX-License-Identifier: Apache-2.0 */
/* beam/harness.h - the worker: serves the Fn API for a runner. beam_main() uses it; a
 * program of another shape may call it directly. */
#ifndef BEAM_HARNESS_H
#define BEAM_HARNESS_H

#include "beam/dofn.h"
BEAM_C_BEGIN

typedef struct beam_harness_opts {
    beam_functions functions; /* that a runner may ask for */
    const char *id;                 /* worker id, sent as metadata with every call */
    const char *control_endpoint;   /* host:port; NULL with provision_endpoint */
    const char *logging_endpoint;   /* NULL: log to stderr */
    const char *provision_endpoint; /* NULL, or asked for what is missing above */
    const char *artifact_endpoint;  /* NULL: staged files are not fetched */
    const char *semi_persist_dir;   /* where staged files go; NULL: a temporary folder */
    beam_severity log_level;        /* 0: INFO */
    /* The runner shows the worker's log on this process's stderr: what fails is told there once,
     * by the runner. */
    bool runner_shares_stderr;
} beam_harness_opts;

typedef struct beam_harness beam_harness;

/* Connects and starts serving; returns at once after the control stream is open. */
BEAM_API beam_status beam_harness_start(const beam_harness_opts *opts, beam_harness **out,
                                        beam_error *err);
/* Blocks until the runner has ended the control stream and all bundles are over. BEAM_OK
 * when it ended in order. User code that has not returned after some 20 s more would keep the
 * process for good: its transform is logged, and the process ends with EX_SOFTWARE (70). */
BEAM_API beam_status beam_harness_wait(beam_harness *harness, beam_error *err);
/* Calls `each` for every user counter (beam_counter_add) with its sum over the bundles that
 * have succeeded so far. Any thread; `each` must not call the harness. */
BEAM_API void beam_harness_counters(beam_harness *harness,
                                    void (*each)(void *self, const char *name, int64_t sum),
                                    void *self);
/* Ends the streams as if the runner had; running bundles fail. Any thread. */
BEAM_API void beam_harness_stop(beam_harness *harness);
/* Stops if need be, waits, frees. */
BEAM_API void beam_harness_free(beam_harness *harness);

BEAM_C_END
#endif
