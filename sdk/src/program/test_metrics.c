/* SPDX-License-Identifier: Apache-2.0 */
/* What tests ask of the metrics of a run. The caller's thread. */
#include <string.h>

#include "beam/testing.h"
#include "graph/graph.h"
#include "job/metrics.h"

typedef struct wanted {
    const beam_pipeline *pipeline;
    bm_metric_kind kind;
    bool is_double;
    const char *step, *name; /* step NULL: any */
} wanted;

static const bm_metric *next_metric(const wanted *w, const bm_metric *after)
{
    const bm_metrics *all = w->pipeline ? w->pipeline->last_metrics : NULL;
    if (!all) return NULL;
    for (const bm_metric *m = after ? after + 1 : all->at; m < all->at + all->n; m++)
        if (m->value.kind == w->kind && m->value.is_double == w->is_double &&
            !strcmp(m->name, w->name) && (!w->step || !strcmp(m->step, w->step)))
            return m;
    return NULL;
}

int64_t beam_test_counter(const beam_pipeline *p, const char *step, const char *name)
{
    const wanted w = { p, BM_COUNTER, false, step, name };
    int64_t sum = 0;
    for (const bm_metric *m = NULL; (m = next_metric(&w, m));) sum += m->value.whole;
    return sum;
}

double beam_test_counter_double(const beam_pipeline *p, const char *step,
                                const char *name)
{
    const wanted w = { p, BM_COUNTER, true, step, name };
    double sum = 0;
    for (const bm_metric *m = NULL; (m = next_metric(&w, m));) sum += m->value.real;
    return sum;
}

beam_distribution beam_test_distribution(const beam_pipeline *p, const char *step,
                                         const char *name)
{
    const wanted w = { p, BM_DISTRIBUTION, false, step, name };
    beam_distribution all = { 0, 0, 0, 0 };
    for (const bm_metric *m = NULL; (m = next_metric(&w, m));) {
        const bm_metric_value *v = &m->value;
        if (!v->count) continue;
        all.min = !all.count || v->min < all.min ? v->min : all.min;
        all.max = !all.count || v->max > all.max ? v->max : all.max;
        all.sum += v->sum;
        all.count += v->count;
    }
    return all;
}

beam_distribution_double beam_test_distribution_double(const beam_pipeline *p,
                                                       const char *step, const char *name)
{
    const wanted w = { p, BM_DISTRIBUTION, true, step, name };
    beam_distribution_double all = { 0, 0, 0, 0 };
    for (const bm_metric *m = NULL; (m = next_metric(&w, m));) {
        const bm_metric_value *v = &m->value;
        if (!v->count) continue;
        all.min = !all.count || v->real_min < all.min ? v->real_min : all.min;
        all.max = !all.count || v->real_max > all.max ? v->real_max : all.max;
        all.sum += v->real_sum;
        all.count += v->count;
    }
    return all;
}

int64_t beam_test_gauge(const beam_pipeline *p, const char *step, const char *name)
{
    const wanted w = { p, BM_GAUGE, false, step, name };
    const bm_metric *m = next_metric(&w, NULL);
    return m ? m->value.whole : 0;
}

double beam_test_gauge_double(const beam_pipeline *p, const char *step, const char *name)
{
    const wanted w = { p, BM_GAUGE, true, step, name };
    const bm_metric *m = next_metric(&w, NULL);
    return m ? m->value.real : 0;
}
