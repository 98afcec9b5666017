/* SPDX-License-Identifier: Apache-2.0 */
/* program/signals.h - SIGINT, SIGTERM and SIGHUP as calls on a thread of ours. */
#ifndef BM_SIGNALS_H
#define BM_SIGNALS_H

#include "beam/status.h"

typedef struct bm_signals bm_signals;
/* The first signal calls on_first(self) on the signal thread; the second ends the process
 * with exit_status (children go with it, see job/child.h). To be called before any other
 * thread starts, since those that start later inherit the signal mask. */
beam_status bm_signals_start(void (*on_first)(void *self), void *self, int exit_status,
                             bm_signals **out, beam_error *err);
/* Signals are as before. NULL is fine. */
void bm_signals_free(bm_signals *signals);

#endif
