/* SPDX-License-Identifier: Apache-2.0 */
/* See caller.h. Bundle thread. */
#include "caller.h"

static bool next(beam_rpc_channel *channel, int wait_ms, beam_rpc_result *out)
{
    return wait_ms < 0 ? beam_rpc_next(channel, out)
                       : beam_rpc_poll(channel, wait_ms, out);
}

const bm_caller bm_caller_grpc = {
    .open = beam_rpc_open,
    .close = beam_rpc_close,
    .start = beam_rpc_start,
    .next = next,
};
