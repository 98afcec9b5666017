/* SPDX-License-Identifier: Apache-2.0 */
/* fns/periodic.h - PeriodicImpulse's config. */
#ifndef BM_PERIODIC_H
#define BM_PERIODIC_H

#include "base/writer.h"

typedef struct bm_periodic {
    beam_millis start, period;
    int64_t n; /* elements */
} bm_periodic;

void bm_periodic_encode(const bm_periodic *periodic, bm_writer *out);

#endif
