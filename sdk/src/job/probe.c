/* SPDX-License-Identifier: Apache-2.0 */
/* See probe.h. */
#include "job/probe.h"

#include <string.h>

#include "base/arena.h"
#include "http/request.h"

bm_probe bm_probe_address(const char *address)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    bm_http_reply reply;
    bm_http_ask("GET", bm_format(&arena, "http://%s/config", address), 3000, &reply);
    bm_write_u8(&reply.body, '\0');
    bm_probe probe = BM_PROBE_OTHER;
    if (reply.nobody)
        probe = BM_PROBE_NOBODY;
    else if (reply.status == 200 &&
             strstr((const char *)reply.body.data, "flink-version"))
        probe = BM_PROBE_FLINK;
    else if (reply.status)
        probe = BM_PROBE_HTTP;
    bm_writer_free(&reply.body);
    bm_arena_free(&arena);
    return probe;
}
