/* SPDX-License-Identifier: Apache-2.0 */
/* graph/build.h - what the makers of steps share. Inside of graph/ only. */
#ifndef BM_BUILD_H
#define BM_BUILD_H

#include "graph/graph.h"

/* -- pipeline.c ----------------------------------------------------------------------- */
/* What a call on `c` returns when it fails: never NULL. */
beam_pcoll *bm_nil_of(const beam_pcoll *c);
beam_pcoll *bm_nil(const beam_pipeline *p);
/* Is there a pipeline that has not failed? Says so on stderr when there is none. */
bool bm_pipeline_is_open(const beam_pipeline *p, const char *step_name);
/* "Scope/Name: " and the message, in pipeline.error. */
void bm_step_fail(const bm_step *step, beam_status status, const char *format, ...)
    BEAM_PRINTF(3, 4);

/* -- step.c --------------------------------------------------------------------------- */
/* "ParDo", "GroupByKey", ... */
const char *bm_step_kind_text(bm_step_kind kind);
/* A step that reads `in`. NULL after failing the pipeline, or when it has failed. */
bm_step *bm_step_reading(beam_pcoll *in, bm_step_kind kind, const char *name);
/* Makes `in` an input, or fails the pipeline: NULL, of another pipeline, not a collection.
 * `what` says which one it is: "input", "input 2". */
bool bm_step_read(bm_step *step, const char *tag, beam_pcoll *in, const char *what);
/* Main output, with everything but the type as the first input has it. */
beam_pcoll *bm_step_main(bm_step *step, const beam_type *type);
/* What a DoFn without main output gives: only good for beam_output(). */
beam_pcoll *bm_step_no_output(bm_step *step);
/* Makes the output of a part an output of the composite too. */
void bm_step_share(bm_step *composite, beam_pcoll *c);
/* Later steps are parts of this composite, until its output is handed over. */
void bm_step_open(bm_step *composite);
beam_pcoll *bm_step_close(bm_step *composite, beam_pcoll *out);
/* The step that the program knows: not a part of one of our composites. */
const bm_step *bm_step_shown(const bm_step *step);
/* "Words", "Words.rejects": the collection in messages. Lives as long as the pipeline. */
const char *bm_pcoll_name(const beam_pcoll *c);
/* The same as a reader sees it: inside of one of our composites, which of the parts. */
const char *bm_pcoll_name_for(const bm_step *reader, const beam_pcoll *c);
const char *bm_pcoll_type_text(const beam_pcoll *c);
/* The collection's windowing, the default one where it is not known. */
const bm_windowing *bm_windowing_of(const beam_pcoll *c);

/* -- type.c --------------------------------------------------------------------------- */
const beam_type *bm_type_kv(bm_arena *arena, const beam_type *key,
                            const beam_type *value);
const beam_type *bm_type_iterable(bm_arena *arena, const beam_type *element);
const beam_type *bm_type_nullable(bm_arena *arena, const beam_type *inner);
/* What is wrong with the tree (a KV without value, endless nesting, ...); NULL: nothing. */
const char *bm_type_problem(const beam_type *type);
/* Types are made in blocks of functions, so none is kept by pointer. */
const beam_type *bm_type_copy(bm_arena *arena, const beam_type *type);
bool bm_type_has_any(const beam_type *type);
/* The type with every ANY in it replaced. */
const beam_type *bm_type_with(bm_arena *arena, const beam_type *type,
                              const beam_type *instead_of_any);
/* The first struct coder in the type that the program's tables do not lead to. */
const beam_struct_coder *bm_type_unknown_struct(const beam_pipeline *p,
                                                const beam_type *type);

/* -- par_do.c ------------------------------------------------------------------------- */
/* A ParDo with a built-in DoFn, which is not checked. */
beam_pcoll *bm_built_in(beam_pcoll *in, const char *name, const beam_dofn *fn,
                        beam_span config, const beam_type *out);
/* Fails the step unless `type` is whole, without ANY and known to the registry. */
bool bm_step_takes_type(bm_step *step, const beam_type *type, const char *what);

/* -- side_input.c --------------------------------------------------------------------- */
/* Reads given[i] as side input i of the step's DoFn, after checks; given[n] and more must be
 * NULL. Fails the step. */
bool bm_step_read_sides(bm_step *step, beam_pcoll *const *given, size_t most);
/* Beam's Java runners decode what they serve as a side input, and fail on a null: `side`, which
 * the ParDo of `in` reads, must be sealed. */
bool bm_needs_sealing(const beam_pcoll *in, const beam_pcoll *side);
beam_pcoll *bm_sealed(beam_pcoll *side, const char *name);
/* Will the side inputs be complete one day? Fails the step. */
bool bm_sides_can_end(const bm_step *step);

/* -- calls.c -------------------------------------------------------------------------- */
/* The service that the DoFn calls if it has .rpc or .http. False after failing. */
bool bm_step_calls(bm_step *step, const beam_dofn *fn, const char *target);

/* -- failures.c ----------------------------------------------------------------------- */
/* Gives the ParDo an output of failed elements if it is to have one; false after failing. */
bool bm_step_catch(bm_step *step, beam_pcoll **failures, int attempts);

/* -- splittable.c --------------------------------------------------------------------- */
/* Fails the step if its DoFn is splittable and lacks what that needs. */
bool bm_step_is_splittable(bm_step *step, const beam_dofn *fn);
bool bm_dofn_is_bounded(const beam_dofn *fn); /* NULL: true */
/* Beam's Java runners name what they make of a splittable DoFn after its input, so each must
 * have one that no other reads. */
bool bm_needs_own_input(const beam_pcoll *in, const beam_dofn *fn);
beam_pcoll *bm_own_input(beam_pcoll *in);
/* The outputs of a step whose DoFn may go on for ever are unbounded. */
void bm_step_set_bounded(bm_step *step);

/* -- state.c -------------------------------------------------------------------------- */
/* Fails the step unless the DoFn's states and timers are well declared and fit the input;
 * sets step->state_types and _keys. */
bool bm_step_takes_state(bm_step *step, const beam_dofn *fn);

/* -- combine.c ------------------------------------------------------------------------ */
/* Can the CombineFn combine values of the type? They are the elements of `in`, or the values
 * of its KVs. Fails the step. */
bool bm_combine_is_good(bm_step *step, const beam_combine *fn, const beam_pcoll *in,
                        const beam_type *value);
/* The parts and the output of a COMBINE_PER_KEY step; its CombineFn is checked. */
beam_pcoll *bm_combine_values(bm_step *step, beam_pcoll *in, const beam_combine *fn,
                              beam_span config);

/* -- windowing.c ---------------------------------------------------------------------- */
/* The windowing of what a GroupByKey gives, from its input's; NULL gives NULL. */
const bm_windowing *bm_windowing_after_grouping(bm_arena *arena, const bm_windowing *w);
/* Can elements of both be in one collection? */
bool bm_windowing_compatible(const bm_windowing *a, const bm_windowing *b);
/* "fixed windows of 20 s, trigger repeat(count 3), accumulating" */
const char *bm_windowing_text(bm_arena *arena, const bm_windowing *w);
bool bm_window_is_default_global(const beam_pcoll *c);

/* -- trigger.c ------------------------------------------------------------------------ */
/* What is wrong with the tree; NULL: nothing. */
const char *bm_trigger_problem(bm_arena *arena, const beam_trigger *trigger);
const beam_trigger *bm_trigger_copy(bm_arena *arena, const beam_trigger *trigger);
/* What a trigger becomes for the collections that a GroupByKey gives. */
const beam_trigger *bm_trigger_continuation(bm_arena *arena, const beam_trigger *trigger);
/* May it fire for a last time before the window's end? Then later elements are lost. */
bool bm_trigger_may_finish(const beam_trigger *trigger);
bool bm_trigger_equal(const beam_trigger *a, const beam_trigger *b);
const char *bm_trigger_text(bm_arena *arena, const beam_trigger *trigger);

/* -- group.c -------------------------------------------------------------------------- */
/* Fails the step unless `in` holds KVs with a key type that can be grouped by. */
bool bm_step_needs_keys(bm_step *step, const beam_pcoll *in);
/* Fails the step if grouping `in` would give nothing, or lose elements. */
bool bm_step_can_group(const bm_step *step, const beam_pcoll *in);
beam_pcoll *bm_reshuffle(beam_pcoll *in, const char *name, bool by_key);

/* -- flatten.c ------------------------------------------------------------------------ */
/* Fails the step unless all inputs after the first have its windowing. */
bool bm_step_windowings_agree(bm_step *step);

/* -- combine.c ------------------------------------------------------------------------ */
/* KV<K, ITERABLE<In>> -> KV<K, Out>. */
beam_pcoll *bm_combine_grouped(beam_pcoll *in, const char *name, const beam_combine *fn,
                               beam_span config);

#endif
