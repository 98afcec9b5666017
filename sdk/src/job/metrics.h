/* SPDX-License-Identifier: Apache-2.0 */
/* job/metrics.h - the user metrics of a job, from MonitoringInfos. Any thread. */
#ifndef BM_METRICS_H
#define BM_METRICS_H

#include "base/arena.h"
#include "base/writer.h"

typedef enum bm_metric_kind { BM_COUNTER, BM_DISTRIBUTION, BM_GAUGE } bm_metric_kind;

typedef struct bm_metric {
    bm_metric_kind kind;
    const char *name_space, *name, *step; /* the DoFn, the metric, the transform */
    bool is_double;                       /* the values are in `real`, else in `whole` */
    int64_t count;                        /* DISTRIBUTION */
    int64_t whole, sum, min, max;         /* COUNTER, GAUGE: whole */
    double real, real_sum, real_min, real_max;
} bm_metric;

typedef struct bm_metrics {
    const bm_metric *at;
    size_t n;
} bm_metrics;

/* From the bytes of GetJobMetricsResponse; sorted by step and name. What cannot be read is
 * left out. */
bm_metrics bm_metrics_parse(bm_arena *arena, beam_span response);
/* A table for people; nothing when there are none. */
void bm_metrics_print(bm_metrics metrics, bm_writer *out);
/* A JSON array of {"step", "namespace", "name", "kind", "value"...}. */
beam_status bm_metrics_save(bm_metrics metrics, const char *path, beam_error *err);
/* "bad_lines=3 words=120": the counters, added up over steps, in at most `size` bytes. */
void bm_metrics_summary(bm_metrics metrics, char *text, size_t size);

#endif
