/* SPDX-License-Identifier: Apache-2.0 */
/* job/probe.h - looking at an address before trusting it. Blocks; any thread. */
#ifndef BM_PROBE_H
#define BM_PROBE_H

#include "base/arena.h"

typedef enum bm_probe {
    BM_PROBE_NOBODY, /* nobody listens there */
    BM_PROBE_HTTP,   /* it answers HTTP/1 */
    BM_PROBE_FLINK,  /* it is Flink's REST API */
    BM_PROBE_OTHER   /* it accepts connections: gRPC, most likely */
} bm_probe;

/* `address` is "host:port". */
bm_probe bm_probe_address(const char *address);

/* GET url; the body, in the arena. */
beam_status bm_http_get(const char *url, int timeout_ms, bm_arena *arena, beam_span *body,
                        beam_error *err);
/* Another method, such as PATCH, without a body; any status from 200 to 299 is good. */
beam_status bm_http_send(const char *method, const char *url, int timeout_ms,
                         beam_error *err);

#endif
