/* SPDX-License-Identifier: Apache-2.0 */
/* Seeds. Any thread. */
#include "fns/random.h"

#include <sys/random.h>
#include <time.h>

uint64_t bm_random_seed(void)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) == (ssize_t)sizeof seed) return seed;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    seed = (uint64_t)now.tv_nsec << 32 ^ (uint64_t)now.tv_sec ^ (uint64_t)(uintptr_t)&seed;
    return bm_random_next(&seed);
}
