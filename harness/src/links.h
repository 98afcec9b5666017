/* SPDX-License-Identifier: Apache-2.0 */
/* links.h - the worker's data and state streams: one per address and name, shared by all bundles,
 * opened when a bundle first needs it and again after it was lost. */
#ifndef BM_LINKS_H
#define BM_LINKS_H

#include <pthread.h>
#include <stdatomic.h>

#include "rpc/rpc.h"

typedef struct bm_links bm_links;

/* A stream to one address. Never comes back once it is lost. */
typedef struct bm_link {
    bm_links *owner;
    struct bm_link *next;
    bm_channel *channel;
    bm_stream *stream;
    size_t refs;         /* guarded by the owner's lock */
    bool lost;           /* guarded by the owner's lock; then `reason` says why, and */
    bool broken;         /* that it was not ended in order */
    char reason[256];
    atomic_bool connected; /* it was, at some time */
    bool opened;         /* rpc thread only: `stream` is known to be set */
    void *data;          /* the user's, see on_open */
    size_t n_holders;    /* the user's: inboxes that hold up reading */
    const char *stream_id; /* "": the one without a name; after the url */
    char url[];
} bm_link;

/* Called on the rpc thread, but on_open and on_close on the thread that opened or freed. */
typedef struct bm_link_handler {
    void (*on_open)(void *self, bm_link *link);                          /* may be NULL */
    void (*on_message)(void *self, bm_link *link, bm_message *message);  /* takes it over */
    void (*on_lost)(void *self, bm_link *link, const char *reason);
    void (*on_close)(void *self, bm_link *link);                         /* may be NULL */
} bm_link_handler;

struct bm_links {
    bm_rpc *rpc;
    const char *method, *worker_id;
    const bm_link_handler *handler;
    void *self;
    pthread_mutex_t lock;
    bm_link *all;
    bool closed;
};

void bm_links_init(bm_links *links, bm_rpc *rpc, const char *method, const char *worker_id,
                   const bm_link_handler *handler, void *self);
/* The stream of that name ("": without one) to `url`, opened if need be; to be given back by
 * bm_link_release. The name goes along as metadata "data_stream_id". NULL once closed. Not
 * on the rpc thread. */
bm_link *bm_links_get(bm_links *links, const char *url, const char *stream_id);
void bm_link_release(bm_link *link);
/* False when the link is lost; `reason` (256 bytes) is filled in then. Any thread. */
bool bm_link_alive(bm_link *link, char *reason);
/* Waits for the connection, half a minute at most; not for what was written to be read, since
 * the peer may first wait for something else from the caller. False when there is none, or
 * the link broke: to end it in order is the peer's right. `reason` (256 bytes) is filled in
 * then. Not on the rpc thread. */
bool bm_link_reached(bm_link *link, char *reason);
/* Cancels all streams; on_lost is called for each. Any thread. */
void bm_links_cancel(bm_links *links);
/* Ends our side of all streams in order. Any thread. */
void bm_links_half_close(bm_links *links);
/* All links must have been released. Not on the rpc thread. */
void bm_links_free(bm_links *links);

#endif
