/* SPDX-License-Identifier: Apache-2.0 */
/* log_stream.h - the worker's log entries, sent to the runner over BeamFnLogging. */
#ifndef BM_LOG_STREAM_H
#define BM_LOG_STREAM_H

#include "base/log.h"
#include "rpc/rpc.h"

typedef struct bm_log_stream bm_log_stream;

/* Never fails: while there is no stream, entries wait or go to stderr. */
bm_log_stream *bm_log_stream_new(bm_rpc *rpc, const char *endpoint, const char *worker_id,
                                 beam_severity minimum);
/* The sink; any thread, never blocks. */
const bm_log *bm_log_stream_log(bm_log_stream *stream);
/* Waits until what has been written is sent, at most so long. Not on the rpc thread. */
void bm_log_stream_flush(bm_log_stream *stream, int ms);
/* Sends what is left (at most 2 s) and ends the stream. Not on the rpc thread. */
void bm_log_stream_free(bm_log_stream *stream);

#endif
