/* SPDX-License-Identifier: Apache-2.0 */
/* Processing time: the wall clock, and what it has been put forward. The worker sets its
 * timers by the wall clock, so that ours may only be ahead of it. Runner's thread. */
#include <time.h>

#include "local/local_impl.h"

static int64_t read_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

beam_millis bm_local_now(const bm_local *l)
{
    return read_ms(CLOCK_REALTIME) + l->clock_offset;
}

int64_t bm_local_ticks(void)
{
    return read_ms(CLOCK_MONOTONIC);
}

void bm_local_jump(bm_local *l, beam_millis by)
{
    if (by > 0) l->clock_offset += by;
}
