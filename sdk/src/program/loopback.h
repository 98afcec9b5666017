/* SPDX-License-Identifier: Apache-2.0 */
/* program/loopback.h - LOOPBACK: a worker pool whose workers run in this process. */
#ifndef BM_LOOPBACK_H
#define BM_LOOPBACK_H

#include "beam/program.h"
#include "job/session.h"

typedef struct bm_loopback bm_loopback;
beam_status bm_loopback_start(const beam_program *program, bm_session *session,
                              beam_severity log_level, bm_loopback **out,
                              beam_error *err);
const char *bm_loopback_address(const bm_loopback *loopback);
/* Calls `each` for the user counters of each worker; a name may come several times. Any
 * thread; NULL has none. */
void bm_loopback_counters(bm_loopback *loopback,
                          void (*each)(void *self, const char *name, int64_t sum), void *self);
/* This process gets a fatal signal on that thread: says so if it runs a bundle of one of the
 * workers. Another thread; NULL has none. */
void bm_loopback_tell_crash(bm_loopback *loopback, int signal, int thread,
                            const char *trace);
/* Ends the workers. NULL is fine. */
void bm_loopback_free(bm_loopback *loopback);

#endif
