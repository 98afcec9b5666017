/* SPDX-License-Identifier: Apache-2.0 */
/* program/signals.h - SIGINT, SIGTERM and SIGHUP, and crashes, as calls on a thread of ours. */
#ifndef BM_SIGNALS_H
#define BM_SIGNALS_H

#include "beam/status.h"

typedef struct bm_signals bm_signals;
/* All on the signal thread. */
typedef struct bm_signal_handler {
    void (*on_first)(void *self);
    /* Before a fatal signal ends the process; NULL: nothing is to be said then. The thread
     * that crashes holds whatever locks it has; `trace`: its calls, a line each. */
    void (*on_crash)(void *self, int signal, int thread, const char *trace);
    void *self;
} bm_signal_handler;

/* The first signal calls on_first; the second ends the process with exit_status (children go
 * with it, see job/child.h). To be called before any other thread starts, since those that
 * start later inherit the signal mask. */
beam_status bm_signals_start(const bm_signal_handler *handler, int exit_status,
                             bm_signals **out, beam_error *err);
/* Signals are as before. NULL is fine. */
void bm_signals_free(bm_signals *signals);

#endif
