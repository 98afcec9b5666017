/* SPDX-License-Identifier: Apache-2.0 */
/* fns/random.h - numbers that need not be secret: SplitMix64, a state per user. */
#ifndef BM_RANDOM_H
#define BM_RANDOM_H

#include <stdint.h>

/* Somewhere else at each call. */
uint64_t bm_random_seed(void);

static inline uint64_t bm_random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

#endif
