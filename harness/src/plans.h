/* SPDX-License-Identifier: Apache-2.0 */
/* plans.h - descriptors by id, fetched once, and for each a pool of plans that are ready
 * for the next bundle. Any thread but the rpc thread, except where said. */
#ifndef BM_PLANS_H
#define BM_PLANS_H

#include <pthread.h>

#include "base/map.h"
#include "exec/plan.h"
#include "rpc/rpc.h"

/* A plan and the descriptor that it was made from. */
typedef struct bm_plan_slot {
    struct bm_plan_slot *next; /* in its descriptor's pool */
    struct bm_descriptor *descriptor;
    bm_plan *plan;
    const char **short_ids; /* by index of the plan's metrics; see monitoring.h */
    size_t n_short_ids;
} bm_plan_slot;

typedef struct bm_plans {
    bm_channel *control; /* for GetProcessBundleDescriptor */
    const bm_registry *registry;
    const bm_log *log;
    pthread_mutex_t lock;
    bm_arena arena; /* descriptors; under the lock */
    bm_map by_id;   /* under the lock */
} bm_plans;

void bm_plans_init(bm_plans *plans, bm_channel *control, const bm_registry *registry,
                   const bm_log *log);
/* All plans must have been given back. Runs teardown of the DoFns in the pools. */
void bm_plans_free(bm_plans *plans);

/* A descriptor that came with a Register request. Also on the rpc thread. */
void bm_plans_register(bm_plans *plans, beam_span id, beam_span descriptor);
/* A plan of its own for one bundle: from the pool, or newly built. May block on the
 * runner. */
beam_status bm_plans_take(bm_plans *plans, beam_span id, bm_plan_slot **out, beam_error *err);
/* The addresses of the data streams of a descriptor that could not become a plan, as far as
 * they can be read; in the arena. 0 when the descriptor is not known. */
size_t bm_plans_data_urls(bm_plans *plans, beam_span id, bm_arena *arena,
                          const char ***out);
/* Back to the pool; a plan that failed is freed instead. */
void bm_plans_give(bm_plans *plans, bm_plan_slot *slot, bool failed);

#endif
