/* SPDX-License-Identifier: Apache-2.0 */
/* finalizers.h - callbacks of bundles that have been answered, until the runner has their
 * results for good (FinalizeBundleRequest) or they expire. Any thread but the rpc thread. */
#ifndef BM_FINALIZERS_H
#define BM_FINALIZERS_H

#include <pthread.h>

#include "exec/plan.h"

enum { BM_FINALIZER_BUCKETS = 256 };

typedef struct bm_finalizers {
    pthread_mutex_t lock; /* guards the rest */
    struct bm_final_bundle *buckets[BM_FINALIZER_BUCKETS];
    int64_t swept_ms; /* when expired ones were last looked for */
} bm_finalizers;

void bm_finalizers_init(bm_finalizers *all);
/* Releases what was not run. */
void bm_finalizers_free(bm_finalizers *all);

/* Before the bundle is answered; takes the finalizers over. */
void bm_finalizers_add(bm_finalizers *all, beam_span instruction_id, const bm_finalizer *list,
                       size_t n);
/* Runs what the bundle left, each once; the first failure is told when all have run. Fails
 * for a bundle that left nothing; does nothing when it was called for this one before. */
beam_status bm_finalizers_run(bm_finalizers *all, beam_span instruction_id, beam_error *err);

#endif
