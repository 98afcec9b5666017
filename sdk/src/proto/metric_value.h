/* SPDX-License-Identifier: Apache-2.0 */
/* proto/metric_value.h - payloads of MonitoringInfos (MonitoringInfoTypeUrns of
 * metrics.proto), read, added up and written. Any thread. */
#ifndef BM_METRIC_VALUE_H
#define BM_METRIC_VALUE_H

#include "base/extremes.h"
#include "base/reader.h"
#include "base/trie.h"
#include "base/writer.h"

typedef enum bm_metric_kind {
    BM_COUNTER,
    BM_DISTRIBUTION,
    BM_GAUGE,
    BM_STRING_SET,
    BM_BOUNDED_TRIE,
    BM_HISTOGRAM,
    BM_TOP_N,
    BM_BOTTOM_N
} bm_metric_kind;

/* HistogramValue.BucketOptions: bucket i > 0 begins at start + i * width, or, exponential,
 * at 2 ^ (i / 2 ^ scale). */
typedef struct bm_histogram {
    bool exponential;
    int32_t scale;
    double start, width;
    int64_t *counts;
    size_t n; /* buckets */
} bm_histogram;

typedef struct bm_metric_value {
    bm_metric_kind kind;
    bool is_double;                   /* the numbers are in real..., else in whole... */
    int64_t count;                    /* DISTRIBUTION, HISTOGRAM: values */
    int64_t whole, sum, min, max;     /* COUNTER, GAUGE: whole */
    double real, real_sum, real_min, real_max;
    int64_t time_ms;                  /* GAUGE */
    bm_map texts;                     /* STRING_SET: keys */
    bm_trie trie;                     /* BOUNDED_TRIE */
    bm_histogram histogram;
    bm_extremes extremes; /* TOP_N, BOTTOM_N */
} bm_metric_value;

/* BEAM_EUNSUPPORTED for a type that is not listed above; views into `payload`. */
beam_status bm_metric_read(bm_arena *arena, const char *type, beam_span payload,
                           bm_metric_value *out);
/* Adds `more`, a value of the same type, to `sum`. BEAM_EINVAL: they do not fit together (as
 * histograms with different buckets). */
beam_status bm_metric_add(bm_arena *arena, bm_metric_value *sum, const bm_metric_value *more);
void bm_metric_write(bm_arena *arena, const bm_metric_value *value, bm_writer *out);
/* Where bucket i begins; i may be the number of buckets. */
double bm_histogram_bound(const bm_histogram *h, size_t i);
/* The bucket that holds the value at `rank` (0 ... 1); its upper bound. */
double bm_histogram_quantile(const bm_histogram *h, double rank);

#endif
