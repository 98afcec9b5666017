/* SPDX-License-Identifier: Apache-2.0 */
/* beam/rpc.h - calling gRPC services from DoFns, and serving small ones.
 *
 * Messages are bytes: encode and decode them with any protobuf library. A DoFn that asks a
 * service about each of its elements declares how, as a beam_rpc_fn. Others open a channel
 * of their own in setup, close it in teardown, and make unary calls in between. */
#ifndef BEAM_RPC_H
#define BEAM_RPC_H

#include "beam/coder.h"
#include "beam/dofn.h"
#include "beam/status.h"
BEAM_C_BEGIN

/* -- a call for each element -------------------------------------------------------
 * What a DoFn has as .rpc instead of process(). Many calls are under way at once; elements
 * whose answer has not come wait in the worker with their timestamps, windows and panes. A
 * bundle ends when all its answers have come. The address is given at the step:
 *
 *     static const beam_rpc_fn ask_length = {
 *         .method = "/package.Service/Length", .request = request, .response = response,
 *     };
 *     static const beam_dofn length_fn = { .name = "length", ... .rpc = &ask_length };
 *     ...
 *     beam_par_do(words, "Length", &length_fn, .target = "localhost:50051");
 *
 * Both functions run on the bundle's thread, as process() does. Not with state or timers.
 *
 * Each try is counted by its outcome ("ok", "unavailable"...), and how long it took, as metrics
 * of the step: beam:metric:io:api_request_count:v1 and api_request_latencies:v1. */
typedef struct beam_rpc_fn {
    const char *method; /* "/package.Service/Method", a unary one */
    /* The request about an element; it is copied. With .ptr NULL no call is made: what there
     * is to emit has been emitted, or beam_fail() called. */
    beam_span (*request)(beam_ctx *c, beam_value in);
    /* The answer, with the element it is about: emits as process() does. */
    beam_status (*response)(beam_ctx *c, beam_value in, beam_span answer);
    int max_in_flight; /* calls under way in a bundle, up to 100,000; 0: 512 */
    int timeout_ms;    /* of one try; 0: 10000 */
    /* Calls a second, further tries too, of all bundles of the step in a worker together: ten
     * workers make ten times as many. They are evenly spread, and answers are taken meanwhile.
     * Elements whose answer is kept, or that make no call, do not count. 0: no limit; 0.001 is
     * the least. */
    double max_per_second;
    /* Further tries of a call that was not answered in time, or because the service is not
     * there or has too much to do; after 100 ms, 200 ms and so on, 5 s at most. 0: 6 of
     * them, -1: none. The last failure is the element's, and fails the bundle or is caught
     * with it (.failures). */
    int retries;
    /* Answers go on in the order of the elements, not as they come: a slow one holds up
     * those behind it. What the request function emits does not wait. */
    bool in_order;
    /* Answers kept by the instance, the latest used; a request whose very bytes were answered
     * before, or are under way, is not made again. Failures are not kept, nor answers of more
     * than 64 KiB. Up to 10 million; 0: none. */
    int cache_entries;
    int cache_ttl_ms; /* how long an answer is good; 0: as long as it is kept */
} beam_rpc_fn;

/* -- client: a channel is used by one thread at a time ------------------------- */
typedef struct beam_rpc_channel beam_rpc_channel;

/* To "host:port", or with TLS to "grpcs://host:port". Connects on the first call, and again when
 * the connection breaks; the channels of a process to one address without TLS share their
 * connection. Never NULL.
 *
 * TLS is for builds with -DBEAM_TLS=ON; in others such a call is BEAM_EUNSUPPORTED. The server's
 * certificate is verified by the authorities in the file that SSL_CERT_FILE names in the
 * environment, or else the system's. */
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
    bool transient; /* it failed, and may succeed when it is made again */
    beam_span response; /* lives until the next call with this channel */
    int code;           /* gRPC's status code: 0 is OK, 14 UNAVAILABLE */
} beam_rpc_result;

/* Starts a call and returns; `request` is copied. */
BEAM_API void beam_rpc_start(beam_rpc_channel *channel, const char *method, beam_span request,
                             int timeout_ms, void *tag);
/* Waits for the next call to finish, in any order; false when none is pending. */
BEAM_API bool beam_rpc_next(beam_rpc_channel *channel, beam_rpc_result *out);
/* The same, but waits for wait_ms at most (0: not at all), and is then false too. */
BEAM_API bool beam_rpc_poll(beam_rpc_channel *channel, int wait_ms, beam_rpc_result *out);
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

/* Serves on "host:port" (port 0: any free one) until stopped, or with TLS on "grpcs://host:port":
 * with the certificate and key in the PEM files that BEAM_RPC_CERT_FILE and BEAM_RPC_KEY_FILE
 * name in the environment. NULL when the port is taken, or a file cannot be read; err says so. The table and `self` must outlive the server. */
BEAM_API beam_rpc_server *beam_rpc_serve(const char *address, const beam_rpc_method *methods,
                                         size_t n_methods, void *self, beam_error *err);
BEAM_API int beam_rpc_server_port(const beam_rpc_server *server);
/* From now on each answer is held back for so long: a slow service, for tests. */
BEAM_API void beam_rpc_server_delay(beam_rpc_server *server, int delay_ms);
BEAM_API void beam_rpc_server_stop(beam_rpc_server *server);

BEAM_C_END
#endif
