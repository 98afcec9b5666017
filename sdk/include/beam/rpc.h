/* SPDX-License-Identifier: Apache-2.0 */
/* beam/rpc.h - calling gRPC services from a DoFn, and serving small ones.
 *
 * Messages are bytes: encode and decode them with any protobuf library. A DoFn opens its
 * channel in setup, closes it in teardown, and makes unary calls in between, one after the
 * other (beam_rpc_call) or many at once (beam_rpc_start, beam_rpc_next). */
#ifndef BEAM_RPC_H
#define BEAM_RPC_H

#include "beam/coder.h"
#include "beam/status.h"
BEAM_C_BEGIN

/* -- client: a channel is used by one thread at a time ------------------------- */
typedef struct beam_rpc_channel beam_rpc_channel;

/* To "host:port", without TLS. Connects on the first call, and again when the connection
 * breaks. Never NULL. Runs one thread of its own until closed. */
BEAM_API beam_rpc_channel *beam_rpc_open(const char *target);
/* Cancels what is pending. NULL is fine. */
BEAM_API void beam_rpc_close(beam_rpc_channel *channel);

/* One unary call of "/package.Service/Method"; blocks. *response lives until the next call
 * with this channel. timeout_ms 0: none. On failure err (may be NULL) says which service
 * failed and how: BEAM_ETIMEOUT, BEAM_EUNSUPPORTED (no such method) or BEAM_ERPC. */
BEAM_API beam_status beam_rpc_call(beam_rpc_channel *channel, const char *method,
                                   beam_span request, int timeout_ms, beam_span *response,
                                   beam_error *err);

typedef struct beam_rpc_result {
    void *tag; /* as given to beam_rpc_start */
    beam_error error; /* status BEAM_OK: the call succeeded */
    beam_span response; /* lives until the next beam_rpc_next */
} beam_rpc_result;

/* Starts a call and returns; `request` is copied. */
BEAM_API void beam_rpc_start(beam_rpc_channel *channel, const char *method, beam_span request,
                             int timeout_ms, void *tag);
/* Waits for the next call to finish, in any order; false when none is pending. */
BEAM_API bool beam_rpc_next(beam_rpc_channel *channel, beam_rpc_result *out);
/* Calls started whose result has not been taken. */
BEAM_API size_t beam_rpc_pending(const beam_rpc_channel *channel);

/* -- server ------------------------------------------------------------------------ */
typedef struct beam_rpc_server beam_rpc_server;

typedef struct beam_rpc_method {
    const char *name; /* "/package.Service/Method" */
    /* Answers one call by appending the response's bytes; runs on the server's one thread,
     * so it must not block. A failure status reaches the caller with err's message. */
    beam_status (*handle)(void *self, beam_span request, beam_writer *response,
                          beam_error *err);
} beam_rpc_method;

/* Serves on "host:port" (port 0: any free one) until stopped. NULL when the port is taken;
 * err says so. The table and `self` must outlive the server. */
BEAM_API beam_rpc_server *beam_rpc_serve(const char *address, const beam_rpc_method *methods,
                                         size_t n_methods, void *self, beam_error *err);
BEAM_API int beam_rpc_server_port(const beam_rpc_server *server);
BEAM_API void beam_rpc_server_stop(beam_rpc_server *server);

BEAM_C_END
#endif
