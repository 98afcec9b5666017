/* SPDX-License-Identifier: Apache-2.0 */
/* exec/sdf.h - the parts that a runner makes of a splittable DoFn, and what they share.
 *
 *   pair      E                                    -> KV<E, KV<R, W>>
 *   split     KV<E, KV<R, W>>                      -> KV<KV<E, KV<R, W>>, DOUBLE>, any number
 *   truncate  KV<KV<E, KV<R, W>>, DOUBLE>          -> the same, or nothing
 *   process   KV<KV<E, KV<R, W>>, DOUBLE>          -> what process() emits
 *
 * R is the restriction, W the state of its watermark: milliseconds as INT64, 0 when the
 * DoFn reports none. The DOUBLE is the size. */
#ifndef BM_SDF_H
#define BM_SDF_H

#include "exec/owner_lock.h"
#include "exec/par_do.h"

/* -- elements (sdf.c) ------------------------------------------------------------------ */
typedef struct bm_pair {
    beam_value element, restriction;
    beam_millis watermark;
} bm_pair;

/* Room for the KVs of a pair with its size. */
typedef struct bm_sized_pair {
    beam_value sized[2], pair[2], restriction[2];
} bm_sized_pair;

/* KV<E, KV<R, W>>, and the same in KV<..., DOUBLE>; fails the node when it is no such. */
beam_status bm_read_pair(bm_node *node, const bm_element *in, bm_pair *out);
beam_status bm_read_sized(bm_node *node, const bm_element *in, bm_pair *out);
beam_value bm_pair_value(bm_sized_pair *room, const bm_pair *pair);
beam_value bm_sized_value(bm_sized_pair *room, const bm_pair *pair, double size);

/* What the DoFn says of a restriction; c->sdf_element is its element. Not a number when that
 * has failed. */
double bm_restriction_size(beam_ctx *c, beam_value restriction);
/* Is a value of the restriction's kind? Fails otherwise. */
bool bm_is_restriction(beam_ctx *c, beam_value v, const char *who);
const beam_type *bm_restriction_type(const beam_sdf *sdf);

/* Makes a node that begins with a bm_par_do whose DoFn is splittable. */
beam_status bm_sdf_make(bm_plan *plan, const bm_transform *t, const bm_node_ops *ops,
                        size_t size, bm_par_do **out, beam_error *err);
/* The parts but the last: their one output, and `each` as process, which gets elements in one
 * window when the DoFn looks at windows, else in any number of them. */
void bm_sdf_set_output(bm_par_do *p, const bm_transform *t);
void bm_sdf_set_process(bm_par_do *p, bm_process each);

/* Around callbacks that get an element. */
typedef struct bm_call {
    bm_mark scratch;
    bm_node *outer;
} bm_call;
bm_call bm_call_begin(bm_par_do *p, const bm_element *in, const beam_value *element);
beam_status bm_call_end(bm_par_do *p, bm_call call, beam_status status);

/* -- processing (sdf_process.c, sdf_claim.c: bundle thread; sdf_roots.c: any) ------------- */
/* The restriction under way. The bundle thread owns the lock, which guards all but what is
 * marked; it holds it in the tracker's callbacks and between elements. */
typedef struct bm_tracking {
    bm_owner_lock lock;
    const beam_sdf *sdf;
    const beam_tracker *tracker;
    void *self;       /* the tracker's */
    beam_ctx ctx;     /* of callbacks of the tracker and of sizes */
    bm_arena arena;   /* of that */
    beam_error error; /* first failure in those callbacks: fails the bundle */
    bool under_way;   /* process() runs */
    bool has_claimed;
    bool given_away;         /* all of it, of a tracker that cannot be split */
    const bm_element *whole; /* with all its windows */
    bm_pair pair;            /* as it came; its element can be read beside process() */
    const bm_windows *windows; /* that process() runs in now */
    /* The number of that window, and the first that is not ours; 0 and 1 when the DoFn does
     * not look at windows. */
    size_t window, end_window;
    bm_count watermark;
    /* Bundle thread only: */
    bool resume;
    int64_t delay_ms;
    bool has_rest; /* process() has failed, and this is what it had not claimed */
    beam_value rest;
    beam_kind position; /* of claims */
} bm_tracking;

typedef struct bm_sdf_process {
    bm_par_do par_do;
    bm_tracking tracking;
    beam_value element;            /* that process() gets; its thread only */
    const bm_coder *root_coder;    /* windowed, of the input */
    const bm_coder *iterable_coder; /* of an element that has iterables, else NULL */
    const char **outputs;          /* local names */
    size_t n_outputs;
} bm_sdf_process;

/* With the lock. Takes away the unclaimed rest of the restriction under way; false: there is
 * none, or that has failed (tracking.error). */
bool bm_sdf_split_restriction(bm_sdf_process *s, double fraction, beam_value *primary,
                              bool *has_primary, beam_value *residual);
/* With the lock. An application of the node to a part of the element under way; false:
 * tracking.error says why. */
bool bm_sdf_root(bm_sdf_process *s, beam_value restriction, beam_millis watermark,
                 const bm_windows *windows, bm_arena *arena, bm_root *out);
beam_millis bm_sdf_watermark(bm_tracking *t);
/* bm_node_ops.progress and .split. */
bool bm_sdf_progress(bm_node *node, beam_progress *out);
bool bm_sdf_split(bm_node *node, double fraction, bm_arena *arena, bm_split *out);

#endif
