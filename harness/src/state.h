/* SPDX-License-Identifier: Apache-2.0 */
/* state.h - the Fn API's state requests: reads wait for their answer, writes do not, and
 * are waited for together before the bundle is answered. */
#ifndef BM_STATE_H
#define BM_STATE_H

#include "base/error.h"
#include "exec/plan.h"
#include "links.h"

enum {
    BM_STATE_BUCKETS = 1024,
    BM_STATE_MOST_WRITES = 500, /* of a bundle that wait for their answer */
    BM_STATE_MOST_BYTES = 4 << 20
};

typedef struct bm_state_request bm_state_request;

typedef struct bm_state_client {
    bm_links links;
    pthread_mutex_t lock; /* guards all requests and sessions */
    bm_state_request *buckets[BM_STATE_BUCKETS];
    uint64_t last_id;
} bm_state_client;

void bm_state_init(bm_state_client *client, bm_rpc *rpc, const char *worker_id);
/* All sessions must have ended. Not on the rpc thread. */
void bm_state_free(bm_state_client *client);

/* State access of one bundle; its thread only. */
typedef struct bm_state_session {
    bm_state_client *client;
    bm_link *link; /* NULL: the descriptor names no state service */
    const char *instruction_id;
    pthread_cond_t written;
    size_t n_pending, pending_bytes; /* writes under way; under the lock, as what follows */
    size_t wake_at;    /* so few writes under way are waited for */
    beam_error failed; /* first failure of a write */
    struct bm_state_asked *first, *last; /* reads under way; the bundle's thread */
    size_t n_asked;
} bm_state_session;

/* `url` "" is no state service: requests then fail. */
void bm_state_begin(bm_state_session *session, bm_state_client *client, const char *url,
                    const char *instruction_id);
/* Waits for what is under way, and gives the link back. */
beam_status bm_state_end(bm_state_session *session, beam_error *err);

/* One page, appended to `data`; the token of the next is appended to `next`, if there is
 * one. */
beam_status bm_state_get(bm_state_session *session, const bm_state_key *key, beam_span token,
                         bm_writer *data, bm_writer *next, beam_error *err);
/* Begins to read the first page; NULL: there is no state service. Freed by taking it, or by
 * bm_state_end(). */
typedef struct bm_state_asked bm_state_asked;
bm_state_asked *bm_state_ask(bm_state_session *session, const bm_state_key *key);
/* Waits for its answer, which is appended as by bm_state_get(); data NULL: it is not wanted. */
beam_status bm_state_take_asked(bm_state_session *session, bm_state_asked *asked, bm_writer *data,
                                bm_writer *next, beam_error *err);
/* Writes go on without waiting for their answers as long as few are under way. */
beam_status bm_state_append(bm_state_session *session, const bm_state_key *key, beam_span data,
                            beam_error *err);
beam_status bm_state_clear(bm_state_session *session, const bm_state_key *key,
                           beam_error *err);

#endif
