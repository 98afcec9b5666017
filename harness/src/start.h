/* SPDX-License-Identifier: Apache-2.0 */
/* start.h - a worker on an rpc thread that its process has already, and its last words. */
#ifndef BM_START_H
#define BM_START_H

#include <stdatomic.h>

#include "beam/harness.h"
#include "rpc/rpc.h"

/* beam_harness_start() with the caller's rpc, which must outlive the worker (NULL: its own). One rpc thread
 * serves any number of streams; two would hand gRPC's polling to one another. `clock_ahead`:
 * by how many ms beam_now() is ahead of the machine's clock; NULL: it is not. */
beam_status bm_harness_start(const beam_harness_opts *opts, bm_rpc *rpc,
                             const atomic_llong *clock_ahead, beam_harness **out,
                             beam_error *err);

/* The process gets a fatal signal on that thread: says in which bundle and transform, on
 * stderr and to the runner, with all log entries that wait. `trace`: the calls that led
 * there, a line each. Another thread; a few seconds at most. */
void bm_harness_tell_crash(beam_harness *worker, int signal, int thread,
                           const char *trace);
/* The same, but false and silent when the thread runs no bundle of the worker. */
bool bm_harness_tell_crash_of_bundle(beam_harness *worker, int signal, int thread,
                                     const char *trace);

#endif
