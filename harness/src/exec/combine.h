/* SPDX-License-Identifier: Apache-2.0 */
/* exec/combine.h - what the components of a combine share. Bundle thread. */
#ifndef BM_COMBINE_H
#define BM_COMBINE_H

#include "exec/ctx_impl.h"

typedef struct bm_combiner {
    bm_node node;
    beam_ctx ctx;
    const beam_combine *fn;
    bm_pcoll *out;
    void *acc; /* room for one accumulator */
    bm_arena accumulators;
} bm_combiner;

/* Makes a node that begins with a bm_combiner. */
beam_status bm_combiner_make(bm_plan *plan, const bm_transform *t, const bm_node_ops *ops,
                             size_t size, bm_combiner **out, beam_error *err);
void bm_combiner_free(bm_node *node);

/* acc_size zeroed bytes become an empty accumulator. */
void bm_combiner_create(bm_combiner *c, void *acc);
beam_value bm_combiner_save(bm_combiner *c, const void *acc);
beam_status bm_combiner_load(bm_combiner *c, void *acc, beam_value saved);

/* Around the callbacks for one input element. */
typedef struct bm_combine_call {
    bm_mark scratch, accumulators;
    bm_node *outer;
} bm_combine_call;
bm_combine_call bm_combiner_begin(bm_combiner *c, const bm_element *element);
beam_status bm_combiner_end(bm_combiner *c, bm_combine_call call, beam_status status);

#endif
