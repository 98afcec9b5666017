/* SPDX-License-Identifier: Apache-2.0 */
/* exec/ctx_impl.h - what is behind a beam_ctx, and how nodes run user code. Bundle thread. */
#ifndef BM_CTX_IMPL_H
#define BM_CTX_IMPL_H

#include "beam/splittable.h"
#include "exec/sink.h"
#include "fns/ctx.h"

typedef struct bm_output {
    const char *tag;
    bm_pcoll *pcoll;     /* NULL: nobody reads it */
    beam_kind kind;      /* of its values; ANY: not checked here */
    bool nullable;
    bool undeclared;     /* the DoFn says that it has none */
} bm_output;

struct beam_ctx {
    bm_node *node;
    const char *callback;      /* for messages: "start_bundle", ...; NULL in process */
    bm_arena *arena;           /* of beam_alloc() */
    const bm_element *element; /* NULL outside of process */
    void *self;
    beam_span config;
    const bm_coder *input_coder;
    bm_output *outputs; /* [0]: main, then the extra ones */
    size_t n_outputs;   /* 1 + extra ones */
    bm_sink *sink;      /* the only reader of the main one, when bundles run; or NULL */
    bool may_emit, observes_window;
    struct bm_window_call *window_call; /* of a WindowFn; otherwise NULL */
    struct bm_sides *sides; /* side inputs; NULL: none are declared */
    struct bm_user_state *state; /* NULL: the DoFn has neither state nor timers */
    struct bm_timers *timers;
    /* Combiners: memory of accumulators, and how much of it was taken. */
    bm_arena *accumulators;
    size_t accumulator_bytes;
    const bm_coder *value_coder; /* of what is added; NULL: not known */
    const bm_coder *acc_coder;   /* of a state's accumulators */
    bool finalizes; /* BEAM_FINALIZES */
    /* Splittable DoFns. */
    beam_error *aside; /* where beam_fail() goes: not to the bundle; NULL: to the bundle */
    const beam_sdf *sdf;
    const beam_value *sdf_element; /* without its restriction */
    struct bm_tracking *tracking;  /* in process */
    struct bm_parts *parts;        /* in split */
    bm_count *latest;              /* timestamp emitted; NULL: nobody wants it */
};

void bm_output_init(bm_output *output, const char *tag, bm_pcoll *pcoll);
/* Sends a value to an output after a look at its kind. */
beam_status bm_emit(beam_ctx *c, size_t output, const bm_element *element);
/* The status of a callback: a failure without a reason gets one. */
beam_status bm_callback_ended(beam_ctx *c, beam_status status);
/* The same, without a call for the usual outcome. */
static inline beam_status bm_element_ended(beam_ctx *c, const bm_plan *plan,
                                           beam_status status)
{
    if (BM_LIKELY(status == BEAM_OK && plan->error.status == BEAM_OK
                  && plan->read_failed == BEAM_OK))
        return BEAM_OK;
    return bm_callback_ended(c, status);
}

/* User code is running between these two. */
static inline bm_node *bm_enter(bm_node *node)
{
    _Atomic(bm_node *) *current = &node->plan->current;
    bm_node *outer = atomic_load_explicit(current, memory_order_relaxed);
    atomic_store_explicit(current, node, memory_order_relaxed);
    return outer;
}
static inline void bm_leave(bm_node *node, bm_node *outer)
{
    atomic_store_explicit(&node->plan->current, outer, memory_order_relaxed);
}

/* Runs start_bundle or the like: what it allocates lives in `arena`. */
#define BM_CALLBACK(c, name, memory, time, call)                                          \
    do {                                                                                  \
        bm_node *node_ = (c)->node, *outer_ = bm_enter(node_);                            \
        bm_arena *arena_ = (c)->arena;                                                    \
        (c)->callback = (name);                                                           \
        (c)->arena = (memory);                                                            \
        atomic_store_explicit(&node_->phase, (time), memory_order_relaxed);               \
        call;                                                                             \
        atomic_store_explicit(&node_->phase, BM_TIME_PROCESS, memory_order_relaxed);      \
        (c)->arena = arena_;                                                              \
        (c)->callback = NULL;                                                             \
        bm_leave(node_, outer_);                                                          \
    } while (0)

#endif
