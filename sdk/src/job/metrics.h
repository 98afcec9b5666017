/* SPDX-License-Identifier: Apache-2.0 */
/* job/metrics.h - the user metrics of a job, and those of its calls, from MonitoringInfos. Any
 * thread. */
#ifndef BM_METRICS_H
#define BM_METRICS_H

#include "proto/metric_value.h"

typedef struct bm_metric {
    const char *name_space, *name, *step; /* the DoFn, the metric, the transform */
    bm_metric_value value;
    bool committed; /* by bundles that have succeeded, else of attempts */
    /* Of calls: the name is "METHOD: outcome" or, for their times, "METHOD: ms"; the name space
     * is the service. */
    bool is_of_calls;
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
/* A JSON array of {"step", "namespace", "name", "kind", "value"...}; the value of a string
 * set is an array of texts, of top_n and bottom_n one of numbers, of a bounded trie one of paths (null at the end: cut there). */
beam_status bm_metrics_save(bm_metrics metrics, const char *path, beam_error *err);
/* Whether it can be written there, before there is anything to write. */
beam_status bm_metrics_can_save(const char *path, beam_error *err);
/* "bad_lines=3 words=120": the user's counters, added up over steps, in at most `size` bytes. */
void bm_metrics_summary(bm_metrics metrics, char *text, size_t size);

#endif
