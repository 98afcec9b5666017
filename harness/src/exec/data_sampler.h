/* SPDX-License-Identifier: Apache-2.0 */
/* exec/data_sampler.h - some elements of each PCollection, and those that made user code
 * fail, for people to look at (SampleDataRequest). One a worker, shared by all its plans;
 * only there when the pipeline asks for it (experiment enable_data_sampling). Any thread. */
#ifndef BM_DATA_SAMPLER_H
#define BM_DATA_SAMPLER_H

#include "exec/plan.h"

typedef struct bm_data_sample {
    beam_span element; /* encoded with the PCollection's coder, nested */
    int64_t taken_ms;  /* since 1970 */
    /* Of one that made a bundle fail, else NULL. */
    const char *instruction_id, *transform_id, *error;
} bm_data_sample;

bm_data_sampler *bm_data_sampler_new(void);
void bm_data_sampler_free(bm_data_sampler *sampler);

/* False while there are enough samples of late. */
bool bm_data_sampler_wants(bm_data_sampler *sampler, const char *pcoll_id);
/* Copies; the oldest makes room. Large elements are left out. */
void bm_data_sampler_add(bm_data_sampler *sampler, const char *pcoll_id,
                         const bm_data_sample *sample);
/* Moves what there is of a PCollection out into the arena. */
size_t bm_data_sampler_take(bm_data_sampler *sampler, const char *pcoll_id, bm_arena *arena,
                            bm_data_sample **out);
/* The ids of the PCollections that have been sampled; in the arena. */
size_t bm_data_sampler_pcolls(bm_data_sampler *sampler, bm_arena *arena, const char ***out);

#endif
