/* SPDX-License-Identifier: Apache-2.0 */
/* Processing time: the wall clock, and what it has been put forward. The worker, which sets
 * its timers by this clock, reads how far that is. Runner's thread. */
#include "base/clock.h"
#include "local/local_impl.h"

beam_millis bm_local_now(const bm_local *l)
{
    return bm_wall_ms() + atomic_load(&l->clock_ahead);
}

int64_t bm_local_ticks(void)
{
    return bm_monotonic_ms();
}

void bm_local_jump(bm_local *l, beam_millis by)
{
    if (by > 0) atomic_fetch_add(&l->clock_ahead, by);
}
