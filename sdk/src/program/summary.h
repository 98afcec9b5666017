/* SPDX-License-Identifier: Apache-2.0 */
/* program/summary.h - what a job leaves to see: its metrics. The main thread. */
#ifndef BM_SUMMARY_H
#define BM_SUMMARY_H

#include "base/arena.h"
#include "base/log.h"
#include "program/standard.h"

/* Before the job: can the file of --metrics_json be written? Leaves what is there as it is. */
beam_status bm_metrics_file_check(const bm_standard *standard, beam_error *err);

/* After it: `response` is a GetJobMetricsResponse. On stderr, and in that file; BEAM_EIO
 * after logging why it is not. */
beam_status bm_show_metrics(const bm_standard *standard, const bm_log *log, bm_arena *arena,
                            beam_span response);

#endif
