/* SPDX-License-Identifier: Apache-2.0 */
/* exec/metric_sets.h - the metrics that hold more than a number: string sets, bounded tries,
 * histograms, the largest and the smallest values. The bundle thread writes, any thread may read: each has a lock. */
#ifndef BM_METRIC_SETS_H
#define BM_METRIC_SETS_H

#include "base/extremes.h"
#include "base/writer.h"
#include "exec/metrics.h"

typedef struct bm_metric_set bm_metric_set;

bm_metric_set *bm_metric_set_new(bm_cell_kind kind);
void bm_metric_set_free(bm_metric_set *set); /* NULL is fine */
void bm_metric_set_reset(bm_metric_set *set);

/* False: full (1 MB of text), the text is left out. */
bool bm_metric_set_add_text(bm_metric_set *set, beam_span text);
void bm_metric_set_add_path(bm_metric_set *set, const char *const *path, size_t n);
void bm_metric_set_add_value(bm_metric_set *set, int64_t value);
void bm_metric_set_add_extreme(bm_metric_set *set, bm_extreme value);

/* The payload of the MonitoringInfo; false: there is nothing in it. */
bool bm_metric_set_payload(bm_metric_set *set, bm_writer *out);

#endif
