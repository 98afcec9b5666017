/* SPDX-License-Identifier: Apache-2.0 */
/* start.h - a worker on an rpc thread that its process has already. */
#ifndef BM_START_H
#define BM_START_H

#include "beam/harness.h"
#include "rpc/rpc.h"

/* beam_harness_start() with the caller's rpc, which must outlive the worker (NULL: its own). One rpc thread
 * serves any number of streams; two would hand gRPC's polling to one another. */
beam_status bm_harness_start(const beam_harness_opts *opts, bm_rpc *rpc, beam_harness **out,
                             beam_error *err);

#endif
