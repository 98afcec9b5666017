/* SPDX-License-Identifier: Apache-2.0 */
/* base/clock.h - what time it is, in milliseconds, and waiting by it. Any thread. */
#ifndef BM_BASE_CLOCK_H
#define BM_BASE_CLOCK_H

#include <pthread.h>
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

/* The moment ms from now, for pthread_cond_timedwait with a condition of bm_cond_init. */
static inline struct timespec bm_after_ms(int64_t ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(ms / 1000);
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

static inline void bm_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

static inline void bm_sleep_ms(int ms)
{
    nanosleep(&(struct timespec){ ms / 1000, (long)(ms % 1000) * 1000000 }, NULL);
}

#endif
