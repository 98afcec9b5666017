/* SPDX-License-Identifier: Apache-2.0 */
/* Giving up the rest of a source's channel, and of the element under way
 * (ProcessBundleSplitRequest). Any thread. */
#include <stdlib.h>

#include "exec/node.h"

/* The allowed split point that is nearest to `wanted`, after `index` and before `end`; -1:
 * none. */
static int64_t nearest_allowed(int64_t wanted, int64_t index, int64_t end,
                               const bm_split_wish *wish)
{
    int64_t best = -1, best_far = INT64_MAX;
    for (size_t i = 0; i < wish->n_allowed; i++) {
        int64_t point = wish->allowed[i];
        if (point < 0 || point <= index || point >= end) continue;
        int64_t far = llabs(point - wanted);
        if (best >= 0 && (far > best_far || (far == best_far && point > best))) continue;
        best = point;
        best_far = far;
    }
    return best;
}

double bm_done_part(beam_progress progress)
{
    if (!(progress.remaining > 0)) return 1;
    return progress.completed / (progress.completed + progress.remaining);
}

bm_cut bm_cut_work(int64_t index, int64_t total, double done, double fraction)
{
    double keep = ((double)total - (double)index - done) * fraction;
    if (keep < 0) keep = 0;
    double wanted = done + keep + 0.5;
    int64_t most = total - index;
    int64_t ahead = wanted < (double)most ? (int64_t)wanted : most;
    bool is_inside = done < 1 && keep < 1 - done;
    return (bm_cut){ is_inside ? keep / (1 - done) : -1, index + (ahead > 1 ? ahead : 1) };
}

bm_node *bm_splitter_of(const bm_pcoll *pcoll)
{
    if (!pcoll || pcoll->n_consumers != 1) return NULL;
    bm_node *next = pcoll->consumers[0];
    return next->ops->splitter ? next->ops->splitter(next) : NULL;
}

static bool is_allowed(const bm_split_wish *wish, int64_t point)
{
    for (size_t i = 0; i < wish->n_allowed; i++)
        if (wish->allowed[i] == point) return true;
    return !wish->allowed;
}

/* How much of the element at `index` is done; -1 when that is not known. */
static double element_done(bm_node *splitter)
{
    beam_progress progress;
    if (!splitter || !splitter->ops->progress(splitter, &progress)) return -1;
    return bm_done_part(progress);
}

/* The element at `index` itself. The source is stopped behind it first, so that it is the one
 * under way, or none is. */
static bool split_element(bm_node *source, bm_node *splitter, int64_t index, double inside,
                          const bm_split_wish *wish, bm_arena *arena, bm_split *out)
{
    int64_t before = bm_source_stop(source);
    if (!is_allowed(wish, index) || !is_allowed(wish, index + 1)) return false;
    if (!bm_source_set_stop(source, index + 1)) return false;
    *out = (bm_split){ .last_primary = index - 1, .first_residual = index + 1 };
    if (splitter->ops->split(splitter, inside, arena, out)) return true;
    bm_source_set_stop(source, before);
    return false;
}

static bool split(bm_node *source, const bm_split_wish *wish, double fraction,
                  bm_arena *arena, bm_split *out)
{
    bm_node *splitter = bm_splitter_of(bm_source_output(source));
    int64_t index = bm_source_index(source);
    int64_t end = bm_source_stop(source);
    int64_t total = wish->estimated_elements;
    if (total > end) total = end;
    if (total > INT64_MAX / 2) total = INT64_MAX / 2; /* so that it can be reckoned with */
    if (total <= index) total = index + 1;
    double known = index < 0 ? 1 : element_done(splitter);
    /* An element whose progress is not known is taken to be half done. */
    bm_cut cut = bm_cut_work(index, total, known < 0 ? 0.5 : known, fraction);
    if (index >= 0 && known >= 0 && cut.inside >= 0
        && split_element(source, splitter, index, cut.inside, wish, arena, out))
        return true;
    if (wish->allowed)
        cut.stop = nearest_allowed(cut.stop, index, end, wish);
    if (cut.stop < 0 || cut.stop >= end) return false;
    if (!bm_source_set_stop(source, cut.stop)) return false;
    *out = (bm_split){ .last_primary = cut.stop - 1, .first_residual = cut.stop };
    return true;
}

bool bm_plan_split(bm_plan *plan, int source, const bm_split_wish *wish, bm_arena *arena,
                   bm_split *out)
{
    if (source < 0 || (size_t)source >= plan->n_sources) return false;
    double fraction = wish->fraction_of_remainder;
    if (!(fraction >= 0)) fraction = 0;
    if (fraction > 1) fraction = 1;
    pthread_mutex_lock(&plan->split_lock);
    bool done = plan->splittable && split(plan->source_nodes[source], wish, fraction, arena, out);
    pthread_mutex_unlock(&plan->split_lock);
    return done;
}
