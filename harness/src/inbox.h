/* SPDX-License-Identifier: Apache-2.0 */
/* inbox.h - the input of one bundle: what has arrived and not been read yet.
 *
 * The rpc thread puts in, the bundle thread takes out; the lock of the instruction table
 * guards all of it but what is marked otherwise. An inbox over its limit stops the stream
 * that fills it until the bundle thread has taken what is there; a bundle that does not
 * read thus holds up the others on the same stream, as the protocol has it. */
#ifndef BM_INBOX_H
#define BM_INBOX_H

#include "base/error.h"
#include "elements.h"
#include "exec/plan.h"
#include "links.h"

/* One (transform, timer family) that sends data to the bundle. */
typedef struct bm_input {
    struct bm_input *next;
    const char *transform_id, *timer_family; /* timer_family NULL: a source */
    const bm_link *link;                     /* where it comes from; NULL: in the request */
    int inlet;                               /* number; -1: not known (yet) */
    bool ended;
} bm_input;

typedef struct bm_chunk {
    bm_input *input;
    bm_slice *slice; /* a reference; NULL: in the request */
    beam_span bytes;
} bm_chunk;

typedef struct bm_chunks {
    bm_chunk *at;
    size_t n, cap;
} bm_chunks;

typedef struct bm_inbox {
    pthread_cond_t ready;
    bm_arena arena; /* inputs */
    bm_input *inputs;
    bm_chunks arrived;
    size_t bytes;     /* in arrived */
    bm_link *holding; /* the stream that it has stopped */
    bool bound;
    size_t n_open;    /* when bound: inlets that have not ended */
    char *broken;     /* why no more will come */
    bool violated;    /* what came is against the protocol: fails though all have ended */
    bool consuming;   /* something has been read */
    /* Bundle thread only: */
    bm_chunks reading;
    size_t next;
} bm_inbox;

bm_inbox *bm_inbox_new(void);
void bm_inbox_free(bm_inbox *inbox); /* with the lock held, or when it is in no table */
/* Adds one entry of a message; the pieces' slices are referenced. `link` is NULL for what
 * is in the request. With the lock held. */
void bm_inbox_put(bm_inbox *inbox, bm_link *link, const bm_entry *entry);
/* No more will come: reading fails once the rest is read, unless all inlets have ended.
 * With the lock held. */
void bm_inbox_break(bm_inbox *inbox, const char *reason);
bool bm_inbox_uses(const bm_inbox *inbox, const bm_link *link);

/* What a bundle is to be sent: elements for a source, or timers of a family. */
typedef struct bm_inlet {
    const char *transform_id, *timer_family; /* timer_family NULL: a source */
    bm_link *link;                           /* NULL: it is all in the request */
} bm_inlet;

/* Tells what is to come; the bundle has its input when each of them has ended. Bundle
 * thread, takes the lock. */
beam_status bm_inbox_bind(bm_inbox *inbox, pthread_mutex_t *lock, const bm_inlet *inlets,
                          size_t n, beam_error *err);
/* The next piece, valid until the next read; input NULL at the end. Waits at most wait_ms
 * (then BEAM_ETIMEOUT), -1: for ever. Bundle thread, takes the lock. */
beam_status bm_inbox_read(bm_inbox *inbox, bm_rpc *rpc, pthread_mutex_t *lock, int wait_ms,
                          bm_chunk *out, beam_error *err);

#endif
