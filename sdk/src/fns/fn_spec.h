/* SPDX-License-Identifier: Apache-2.0 */
/* fns/fn_spec.h - a function as the payload of a FunctionSpec: its name and config. */
#ifndef BM_FN_SPEC_H
#define BM_FN_SPEC_H

#include "base/reader.h"
#include "base/writer.h"

#define BM_URN_DOFN "beam:dofn:c:v1"
#define BM_URN_VIEW_FN "beam:viewfn:c:v1" /* the kind as its name */
#define BM_URN_WINDOW_FN "beam:window_fn:c:v1"
#define BM_URN_WINDOW_MAPPING "beam:windowmapping:c:v1"
#define BM_URN_COMBINE_FN "beam:combinefn:c:v1"

/* Timer family of on_window_expiration, whose timers the worker itself sets. */
#define BM_EXPIRATION_FAMILY "beam.window_expiration"
/* What the worker needs to sort a DoFn's input by time itself: a bag of elements, times that
 * say what is in it (KV<INT64, KV<INT64, INT64>>), and the timers to take them out. */
#define BM_SORTED_STATE "beam.sorted"
#define BM_SORTED_TIMES "beam.sorted_times"
#define BM_SORTED_FAMILY "beam.sorted"

typedef struct bm_fn_spec {
    beam_span name;
    beam_span config;
    unsigned attempts; /* of a DoFn whose failed elements are an output; 0: they fail the
                          bundle */
    beam_span target; /* of a DoFn with .rpc or .http: the service's address */
} bm_fn_spec;

/* Tag of that output. */
#define BM_FAILURES_TAG "beam.failures"
enum { BM_MAX_ATTEMPTS = 1000 };

void bm_fn_spec_encode(const bm_fn_spec *spec, bm_writer *out);
/* Views into `payload`. Refuses another version of the format. */
beam_status bm_fn_spec_decode(beam_span payload, bm_fn_spec *out, beam_error *err);

#endif
