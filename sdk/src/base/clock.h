/* SPDX-License-Identifier: Apache-2.0 */
/* base/clock.h - what time it is, in milliseconds. Any thread. */
#ifndef BM_BASE_CLOCK_H
#define BM_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t bm_clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* For durations: since some moment, never back. */
static inline int64_t bm_monotonic_ms(void)
{
    return bm_clock_ms(CLOCK_MONOTONIC);
}

static inline int64_t bm_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* For people and for Beam's timestamps: since 1970; may be set. */
static inline int64_t bm_wall_ms(void)
{
    return bm_clock_ms(CLOCK_REALTIME);
}

/* The same, some milliseconds late, for a fraction of what it costs. */
static inline int64_t bm_wall_coarse_ms(void)
{
    return bm_clock_ms(CLOCK_REALTIME_COARSE);
}

#endif
