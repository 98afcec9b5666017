/* SPDX-License-Identifier: Apache-2.0 */
/* rpc/internal.h - what the files of this directory share. */
#ifndef BM_RPC_INTERNAL_H
#define BM_RPC_INTERNAL_H

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <pthread.h>
#include <stdatomic.h>

#include "rpc/rpc.h"

/* -- runtime.c, batch.c ----------------------------------------------------------- */
/* What a completion queue's tag points at; `run` is called on the rpc thread. */
typedef struct bm_tag {
    void (*run)(void *self, bool ok);
    void *self;
    /* Orders what was written before the start with the rpc thread. gRPC's own locks do so
     * too, but the thread sanitizer does not see them. */
    atomic_bool started;
    bool failed; /* see bm_start_write() */
} bm_tag;

static inline void *bm_tag_start(bm_tag *tag)
{
    atomic_store_explicit(&tag->started, true, memory_order_release);
    return tag;
}

/* grpc_init(), and the settings that come before it. */
void bm_grpc_start(void);
grpc_completion_queue *bm_rpc_queue(bm_rpc *rpc);
bool bm_rpc_on_thread(const bm_rpc *rpc);
/* Starts a batch; a refusal is a mistake in this directory and ends the process. */
void bm_start_ops(grpc_call *call, const grpc_op *ops, size_t n, void *tag);
void bm_start_batch(grpc_call *call, const grpc_op *ops, size_t n, bm_tag *tag);
/* The same on any thread, for batches that mostly complete at once: true if it has, in which
 * case its tag will not run, and the rpc thread need not be woken for it. *ok is then what
 * `run` would have been given. The call must not go before this returns. */
bool bm_start_write(bm_rpc *rpc, grpc_call *call, const grpc_op *op, bm_tag *tag, bool *ok);
/* Runs on the rpc thread what waits there to run soon. */
void bm_rpc_settle(bm_rpc *rpc);
/* Has the tag run on the rpc thread. The call's, which must not go before. */
void bm_run_on_rpc_thread(grpc_call *call, bm_tag *tag);
/* timeout_ms 0: none. */
gpr_timespec bm_deadline(int timeout_ms);

/* -- message.c ---------------------------------------------------------------------- */
/* Both leave their argument to the caller. */
grpc_byte_buffer *bm_message_to_buffer(const bm_message *message);
/* NULL when the bytes cannot be decompressed. */
bm_message *bm_message_from_buffer(grpc_byte_buffer *buffer);

/* -- status.c ----------------------------------------------------------------------- */
beam_status bm_status_from_grpc(grpc_status_code code);
grpc_status_code bm_status_to_grpc(beam_status status);
/* "detail (UNAVAILABLE)", malloc'd. */
char *bm_status_message(grpc_status_code code, grpc_slice detail);
/* A status text for the wire, cut to what every peer accepts. */
grpc_slice bm_status_detail(const char *text);

/* -- channel.c ------------------------------------------------------------------------ */
/* Metadata of a call: the channel's worker_id and pairs {key, value, ..., NULL}. */
typedef struct bm_metadata {
    grpc_metadata *items;
    size_t count;
} bm_metadata;
bm_metadata bm_metadata_new(const char *worker_id, const char *const pairs[]);
void bm_metadata_free(bm_metadata *metadata);

/* A channel to "host:port" or "unix:" path. `shared`: all of the process that are share a
 * connection. */
grpc_channel *bm_connect(const char *target, bool shared);
bm_rpc *bm_channel_rpc(const bm_channel *channel);
const char *bm_channel_worker_id(const bm_channel *channel);
grpc_call *bm_channel_call(bm_channel *channel, const char *method, int timeout_ms);

/* -- stream.c --------------------------------------------------------------------------- */
/* A stream on a call that the server accepted, which it takes over. on_gone runs on the rpc
 * thread after on_end, when the stream needs the server no more. */
bm_stream *bm_stream_accept(bm_rpc *rpc, grpc_call *call, void (*on_gone)(void *server),
                            void *server);
/* Starts reading, with the handler. NULL: refuses the call and frees the stream. */
void bm_stream_begin(bm_stream *stream, const bm_stream_handler *handler, void *self);

#endif
