/* SPDX-License-Identifier: Apache-2.0 */
/* job/child.h - a child process that cannot outlive us.
 *
 * Threads: each child has one thread of ours, which starts it, waits for it and reaps it.
 * That thread must live as long as the child: the kernel sends the parent-death signal
 * when the *thread* that forked ends. All functions: any thread. */
#ifndef BM_CHILD_H
#define BM_CHILD_H

#include "beam/status.h"

typedef struct bm_child bm_child;

typedef struct bm_child_opts {
    const char *const *argv; /* ends with NULL; argv[0] is looked up in PATH */
    const char *const *env;  /* {key, value, ..., NULL} added to ours; may be NULL */
    const char *log_path;    /* stdout and stderr are appended to it; NULL: ours */
    /* The child has ended, reaped already; on its thread; may be NULL. `asked`: after
     * bm_child_stop. Must not free the child. */
    void (*on_end)(void *self, bm_child *child, bool asked);
    void *self;
} bm_child_opts;

/* It gets a session of its own (a Ctrl-C in the terminal does not reach it), an empty
 * signal mask and no open files but 0 to 2. Fails when the program cannot be started. */
beam_status bm_child_start(const bm_child_opts *opts, bm_child **out, beam_error *err);
int bm_child_pid(const bm_child *child);
/* Waits for its end; false when timeout_ms passed first. 0: just asks. */
bool bm_child_wait(bm_child *child, int timeout_ms);
/* "exit status 1" or "signal 9 (Killed)", once it has ended. */
const char *bm_child_end_text(const bm_child *child);
/* SIGTERM, and SIGKILL when it is still there after patience_ms. Returns when it is gone. */
void bm_child_stop(bm_child *child, int patience_ms);
/* Only the SIGTERM. */
void bm_child_ask_to_stop(bm_child *child);
/* Stops it if need be. NULL is fine. */
void bm_child_free(bm_child *child);

/* The last line of a log that tells the most (of an exception, if there is one), at most
 * `size` - 1 bytes; empty when there is none. */
void bm_log_last_words(const char *path, char *text, size_t size);
/* What the last worker of ours that ended itself said in that log; "" when none did. */
void bm_log_end_of_worker(const char *path, char *text, size_t size);
/* What the last bundle of a Java worker failed with, likewise. */
void bm_log_failed_bundle(const char *path, char *text, size_t size);

#endif
