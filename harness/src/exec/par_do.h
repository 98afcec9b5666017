/* SPDX-License-Identifier: Apache-2.0 */
/* exec/par_do.h - a node that runs a DoFn, as the kinds of it share it: ParDo itself, and
 * the parts of a splittable DoFn. Bundle thread. */
#ifndef BM_PAR_DO_H
#define BM_PAR_DO_H

#include "exec/ctx_impl.h"

typedef struct bm_par_do {
    bm_node node;
    beam_ctx ctx;
    const beam_dofn *fn;
    const bm_tagged *input; /* the main one */
    bm_process process_one; /* of an element in one window, or in any number of them */
    bm_process process_keyed; /* with state: what process_one goes on to */
    struct bm_calls *calls;  /* of a DoFn with .rpc or .http; otherwise NULL */
    struct bm_catch *caught; /* failed elements are an output; NULL: they fail the bundle */
} bm_par_do;

/* Makes the node, whose outputs and process function are set, give its failed elements to
 * the output tagged BM_FAILURES_TAG after so many attempts (catch.c). */
void bm_par_do_catch(bm_par_do *p, const bm_transform *t, unsigned attempts);
void bm_catch_free(struct bm_catch *caught); /* NULL is fine */
/* All attempts of a callback at an element, or at a timer of that name's key; `run` sends to
 * the node's outputs. */
typedef beam_status (*bm_attempt)(void *self, const bm_element *element);
beam_status bm_catch_all(struct bm_catch *caught, const bm_element *element, const char *timer,
                         bm_attempt run, void *self);
/* Of a splittable DoFn's process(), whose outputs are sent as they come: the one attempt is
 * followed by bm_catch_failed() if it has failed. */
void bm_sdf_catch(bm_par_do *p, const bm_transform *t, const bm_coder *element_coder);
/* Before that: more for the row's error. */
void bm_catch_add_detail(struct bm_catch *caught, const char *detail);
beam_status bm_catch_failed(struct bm_catch *caught, const bm_element *element,
                            beam_status status);
/* Tries `process`, which sends to the node's outputs, for the element; `attempt` from 1.
 * *again: it has failed, and there is an attempt left. */
beam_status bm_catch_try(struct bm_catch *caught, const bm_element *element, unsigned attempt,
                         bm_process process, bool *again);

/* A DoFn with .rpc or .http (calls.c). */
static inline bool bm_makes_calls(const beam_dofn *fn)
{
    return fn->rpc || fn->http;
}
beam_status bm_calls_new(bm_par_do *p, const bm_transform *t, beam_error *err);
beam_status bm_calls_process(bm_node *node, const bm_element *element);
beam_status bm_calls_settle(struct bm_calls *calls); /* waits for all answers */
void bm_calls_free(struct bm_calls *calls); /* NULL is fine; drops what is pending */

/* The element's callback has ended: its scratch memory is free again. */
static inline __attribute__((always_inline)) beam_status
bm_par_do_after(bm_par_do *p, bm_mark mark, bm_node *outer, beam_status status)
{
    bm_plan *plan = p->node.plan;
    status = bm_element_ended(&p->ctx, plan, status);
    p->ctx.element = NULL;
    bm_leave(&p->node, outer);
    bm_rewind(&plan->scratch, mark);
    return status;
}

/* Makes the node, of `size` zeroed bytes that begin with a bm_par_do: finds the DoFn and
 * fills its context, but for its outputs. */
beam_status bm_par_do_make(bm_plan *plan, const bm_transform *t, const bm_node_ops *ops,
                           size_t size, bm_par_do **out, beam_error *err);
/* Outputs as the DoFn declares them. */
void bm_par_do_set_outputs(bm_par_do *p, const bm_transform *t);
/* The callback of a DoFn that has `process`, with the element's scratch memory. */
beam_status bm_par_do_process(bm_node *node, const bm_element *element);

/* Parts of a bm_node_ops. */
beam_status bm_par_do_setup(bm_node *node);
beam_status bm_par_do_start(bm_node *node);
beam_status bm_par_do_finish(bm_node *node);
void bm_par_do_teardown(bm_node *node);

#endif
