/* SPDX-License-Identifier: Apache-2.0 */
/* http/request.h - one request at a time. Blocks; any thread. */
#ifndef BM_HTTP_REQUEST_H
#define BM_HTTP_REQUEST_H

#include "base/arena.h"
#include "base/error.h"
#include "base/writer.h"

typedef struct bm_http_reply {
    bool nobody; /* nobody listens there */
    bool whole;
    long status; /* 0: it does not speak HTTP */
    bm_writer body;
    char why[256]; /* when it is not whole */
} bm_http_reply;

/* Without a body, and without the environment's proxy. The reply's body is the caller's. */
void bm_http_ask(const char *method, const char *url, int timeout_ms,
                 bm_http_reply *reply);

/* GET url; the body, in the arena. */
beam_status bm_http_get(const char *url, int timeout_ms, bm_arena *arena, beam_span *body,
                        beam_error *err);
/* Another method, such as PATCH, without a body; any status from 200 to 299 is good. */
beam_status bm_http_send(const char *method, const char *url, int timeout_ms,
                         beam_error *err);

#endif
