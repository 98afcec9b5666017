/* SPDX-License-Identifier: Apache-2.0 */
/* job/blocking_stream.h - a gRPC stream for callers that would rather wait: messages arrive
 * on the rpc thread and are queued for one reading thread. */
#ifndef BM_BLOCKING_STREAM_H
#define BM_BLOCKING_STREAM_H

#include "rpc/rpc.h"

typedef struct bm_blocking_stream bm_blocking_stream;

typedef enum bm_arrival { BM_ARRIVED, BM_NOTHING_YET, BM_STREAM_OVER } bm_arrival;

bm_blocking_stream *bm_blocking_stream_open(bm_channel *channel, const char *method);
/* Copies the message; waits while much is queued. False: the stream is over. */
bool bm_blocking_stream_send(bm_blocking_stream *stream, beam_span message);
void bm_blocking_stream_half_close(bm_blocking_stream *stream);
/* The next message, in the arena; waits for at most timeout_ms. */
bm_arrival bm_blocking_stream_next(bm_blocking_stream *stream, int timeout_ms,
                                   bm_arena *arena, beam_span *message);
/* How it ended, once it is over. */
beam_status bm_blocking_stream_status(bm_blocking_stream *stream, beam_error *err);
void bm_blocking_stream_free(bm_blocking_stream *stream); /* cancels; NULL is fine */

#endif
