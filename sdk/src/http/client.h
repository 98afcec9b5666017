/* SPDX-License-Identifier: Apache-2.0 */
/* http/client.h - many requests at once to one service. All of it runs on the thread of its
 * caller, which polls: no other is started. */
#ifndef BM_HTTP_CLIENT_H
#define BM_HTTP_CLIENT_H

#include "beam/http.h"

typedef struct bm_http_client bm_http_client;

typedef struct bm_http_result {
    void *tag;          /* as given to bm_http_start */
    beam_status status; /* BEAM_OK: it was answered, by a status that is an answer */
    beam_span
        text; /* the answer, see http/message.h, or why there is none; lives until the
                       next result is asked for */
    bool transient; /* it failed, and may succeed when it is made again */
    int wait_ms;    /* but not before; 0: at any time */
    int http_status; /* 0: there was no answer */
} bm_http_result;

/* `fn` must outlive the client; what it has in the environment is read here. Connects with the
 * first request. NULL when libcurl or a variable is not there. */
bm_http_client *bm_http_open(const beam_http_fn *fn, const char *target, beam_error *err);
/* Drops what is pending. NULL is fine. */
void bm_http_close(bm_http_client *client);
/* Starts what bm_http_request_write() has written; it must live until its result is taken.
 * timeout_ms: from here to the end of the answer. */
void bm_http_start(bm_http_client *client, beam_span request, int timeout_ms, void *tag);
/* Waits for the next result, in any order, for wait_ms at most; 0: not at all, < 0: until there
 * is one, which takes that one is pending. */
bool bm_http_next(bm_http_client *client, int wait_ms, bm_http_result *out);

#endif
