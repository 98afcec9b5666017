/* SPDX-License-Identifier: Apache-2.0 */
/* A server with odd methods, and a stream handler that remembers what happened. */
#ifndef PEER_H
#define PEER_H

#include <check.h>
#include <pthread.h>

#include "rpc/rpc.h"

/* What a stream's handler saw. */
typedef struct seen_log {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t messages, bytes, half_closes, ends;
    size_t out_of_order; /* messages whose first 8 bytes are not their number */
    bool pause_each;     /* pause in on_message */
    beam_status status;
    char text[256];
} seen_log;

void seen_init(seen_log *seen);
void seen_destroy(seen_log *seen);
/* Waits until so many messages or ends were seen; fails the test after 20 s. */
void seen_wait_messages(seen_log *seen, size_t n);
void seen_wait_end(seen_log *seen);
size_t seen_messages(seen_log *seen);
/* Waits for the first, at most 20 s. */
size_t seen_half_closes(seen_log *seen);
extern const bm_stream_handler seen_handler;

/* Methods: /t.T/Echo, Count (sends messages as metadata "count" and "size" say, then ends),
 * Sink (reads when told), Refuse, Broken (ends with an error), Hold (never answers by
 * itself), FinishOnHalfClose; unary: Upper, Fail, Later, Whoami. */
typedef struct test_peer {
    bm_rpc *rpc;
    bm_server *server;
    char address[64];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bm_stream *sink; /* the stream of the last call of Sink or Hold */
    seen_log sink_seen;
    bm_incoming *later; /* the last call of Later */
    unsigned open;      /* streams whose on_end has not come */
} test_peer;

void peer_start(test_peer *peer);
void peer_stop(test_peer *peer);
bm_stream *peer_wait_sink(test_peer *peer);
bm_incoming *peer_wait_later(test_peer *peer);

/* "localhost:PORT" where nobody listens, until the test ends. */
const char *nowhere_address(void);

/* A message of `size` bytes that begins with its number. */
bm_message *numbered(uint64_t number, size_t size);

#endif
