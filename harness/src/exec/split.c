/* SPDX-License-Identifier: Apache-2.0 */
/* Giving up the rest of a source's channel (ProcessBundleSplitRequest). Any thread. */
#include <stdlib.h>

#include "exec/node.h"

/* The allowed split point that is nearest to `wanted` and after `index`; -1: none. */
static int64_t nearest_allowed(int64_t wanted, int64_t index, const int64_t *allowed,
                               size_t n)
{
    int64_t best = -1;
    for (size_t i = 0; i < n; i++) {
        if (allowed[i] <= index) continue;
        int64_t far = llabs(allowed[i] - wanted);
        int64_t best_far = llabs(best - wanted);
        if (best < 0 || far < best_far || (far == best_far && allowed[i] < best))
            best = allowed[i];
    }
    return best;
}

/* Where to stop: the first element that is given away. The element at `index` is taken to
 * be half done, and the (absent) one before the first to be done. */
static int64_t wanted_stop(int64_t index, int64_t total, double fraction)
{
    double done = index < 0 ? 1 : 0.5;
    double keep = ((double)total - (double)index - done) * fraction;
    if (keep < 0) keep = 0;
    int64_t ahead = (int64_t)(done + keep + 0.5);
    return index + (ahead > 1 ? ahead : 1);
}

static bool split(bm_node *source, const bm_split_wish *wish, double fraction, bm_split *out)
{
    int64_t index = bm_source_index(source);
    int64_t end = bm_source_stop(source);
    int64_t total = wish->estimated_elements;
    if (total > end) total = end;
    if (total <= index) total = index + 1;
    int64_t stop = wanted_stop(index, total, fraction);
    if (wish->allowed) stop = nearest_allowed(stop, index, wish->allowed, wish->n_allowed);
    if (stop < 0 || stop >= end) return false;
    if (!bm_source_set_stop(source, stop)) return false;
    *out = (bm_split){ .last_primary = stop - 1, .first_residual = stop };
    return true;
}

bool bm_plan_split(bm_plan *plan, int source, const bm_split_wish *wish, bm_arena *arena,
                   bm_split *out)
{
    (void)arena;
    if (source < 0 || (size_t)source >= plan->n_sources) return false;
    double fraction = wish->fraction_of_remainder;
    if (!(fraction >= 0)) fraction = 0;
    if (fraction > 1) fraction = 1;
    pthread_mutex_lock(&plan->split_lock);
    bool done = plan->splittable && split(plan->source_nodes[source], wish, fraction, out);
    pthread_mutex_unlock(&plan->split_lock);
    return done;
}
