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

/* Does one of "host:port,host:port" accept connections within timeout_ms? Otherwise *why, in the
 * arena, says why the last one does not. What comes before "://" is passed over. */
bool bm_probe_servers(const char *servers, int timeout_ms, bm_arena *arena,
                      const char **why);

#endif
