/* SPDX-License-Identifier: Apache-2.0 */
/* Processing time: the wall clock, and what it has been put forward. The worker sets its
 * timers by the wall clock, so that ours may only be ahead of it. Runner's thread. */
#include "base/clock.h"
#include "local/local_impl.h"

beam_millis bm_local_now(const bm_local *l)
{
    return bm_wall_ms() + l->clock_offset;
}

int64_t bm_local_ticks(void)
{
    return bm_monotonic_ms();
}

void bm_local_jump(bm_local *l, beam_millis by)
{
    if (by > 0) l->clock_offset += by;
}
