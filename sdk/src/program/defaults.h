/* SPDX-License-Identifier: Apache-2.0 */
/* program/defaults.h - pipeline options that a job gets where the person gave none, because
 * the runner's own defaults do it no good. Any thread. */
#ifndef BM_DEFAULTS_H
#define BM_DEFAULTS_H

#include <jansson.h>

#include "job/known_runner.h"

typedef struct bm_job_kind {
    bm_known_runner runner;
    bool is_bounded; /* all inputs of the pipeline end */
    bool checkpoints;
    bool is_embedded; /* its Flink lives in a job service that was started for it */
} bm_job_kind;

/* Sets options that are not there yet; others stay. */
void bm_default_options(json_t *options, const bm_job_kind *kind);
/* Are the checkpoints better kept in files? Then, in a folder that is there: */
bool bm_wants_checkpoint_files(const json_t *options, const bm_job_kind *kind);
void bm_keep_checkpoints_in(json_t *options, const char *folder);

#endif
