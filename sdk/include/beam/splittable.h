/* SPDX-License-Identifier: Apache-2.0 */
/* beam/splittable.h - splittable DoFns: sources, and work that a runner can split.
 *
 * A splittable DoFn (SDF) processes pairs of an element and a restriction, which says what
 * part of the element's work to do. Its process() claims positions one by one; the runner
 * may take the unclaimed rest away at any time, and process() may give it back itself, to
 * go on later:
 *
 *     static beam_value whole(beam_ctx *c, beam_value n)
 *     {
 *         return beam_offsets(c, 0, beam_as_int64(n));
 *     }
 *     static beam_status read_numbers(beam_ctx *c, beam_value n)
 *     {
 *         for (int64_t i = beam_offset_from(beam_restriction(c)); beam_claim_offset(c, i); i++)
 *             BEAM_TRY(beam_emit(c, beam_int64(i)));
 *         return BEAM_OK;
 *     }
 *     static const beam_sdf numbers = { .tracker = &beam_offset_tracker, .initial = whole };
 *     static const beam_dofn numbers_fn = { ..., .process = read_numbers, .sdf = &numbers };
 *
 * process() goes on until a claim is refused, and has nothing more to emit then. It may not
 * have state or timers.
 *
 * Threads: callbacks run on the bundle's thread. Those of the tracker, and `size` and
 * `estimate_end`, also run on another thread while process() does, when the runner asks for
 * progress or a split; never two of them at a time for one restriction. They see the element
 * and the restriction; their beam_ctx is good for memory (which lives as long as the
 * restriction is processed), beam_config() and beam_fail(), and for nothing else. */
#ifndef BEAM_SPLITTABLE_H
#define BEAM_SPLITTABLE_H

#include "beam/dofn.h"
BEAM_C_BEGIN

typedef struct beam_progress {
    double completed, remaining; /* in a unit of work of the tracker's choice */
} beam_progress;

/* RestrictionTracker: which part of a restriction is claimed. `self` is `size` zeroed
 * bytes; the restriction given to start() may be kept as long as it lives, values returned
 * may point into it or into beam_alloc() memory and are copied. beam_fail() in any of them
 * fails the bundle. */
typedef struct beam_tracker {
    const char *name;             /* for messages */
    const beam_type *restriction; /* of the restriction; NULL: the SDF says it */
    const beam_type *position;    /* of what is claimed */
    size_t size;
    beam_status (*start)(beam_ctx *c, void *self, beam_value restriction);
    /* False: the position is not ours (any more), process() is to return. `position` lives
     * for this call only. */
    bool (*claim)(beam_ctx *c, void *self, beam_value position);
    /* Gives away the part after `fraction` (0 ... 1) of what is left: changes itself to the
     * primary, and returns both as restrictions. False: nothing to give away. 0: as much as
     * can be (a checkpoint). NULL: cannot be split, only given back as a whole before its
     * first claim. */
    bool (*split)(beam_ctx *c, void *self, double fraction, beam_value *primary,
                  beam_value *residual);
    /* After process(): is all of it claimed? Else beam_fail() with what is missing. */
    beam_status (*check_done)(beam_ctx *c, const void *self);
    beam_progress (*progress)(beam_ctx *c, const void *self); /* NULL: not known */
} beam_tracker;

/* Offsets [from, to), restriction KV<INT64, INT64>, positions INT64, claimed in rising
 * order; not every offset needs to be claimed, but the last one or one beyond it. */
extern BEAM_API const beam_tracker beam_offset_tracker;
/* The same with `to` = INT64_MAX as an end that is not known yet: asks sdf->estimate_end. */
extern BEAM_API const beam_tracker beam_growable_offset_tracker;
/* Of one indivisible piece of work: restriction BOOL (done), its only position true. */
extern BEAM_API const beam_tracker beam_unsplittable_tracker;

BEAM_API int64_t beam_offset_from(beam_value restriction);
BEAM_API int64_t beam_offset_to(beam_value restriction);
/* In memory of beam_alloc(). */
BEAM_API beam_value beam_offsets(beam_ctx *c, int64_t from, int64_t to);

typedef enum beam_watermark_kind {
    BEAM_WATERMARK_NONE,      /* of the input */
    BEAM_WATERMARK_MANUAL,    /* what beam_watermark_set() says */
    BEAM_WATERMARK_WALL_TIME, /* the clock */
    BEAM_WATERMARK_OBSERVED   /* the latest timestamp emitted; elements must be in order */
} beam_watermark_kind;

typedef struct beam_sdf {
    const beam_tracker *tracker;
    const beam_type *restriction; /* when the tracker leaves it open */
    /* The restriction for a new element. Mandatory. */
    beam_value (*initial)(beam_ctx *c, beam_value element);
    /* Calls beam_emit_restriction() for each part to begin with; NULL: the whole. */
    beam_status (*split)(beam_ctx *c, beam_value element, beam_value restriction);
    /* How much work it is, 0 or more; NULL: from the tracker's progress, else 1. */
    double (*size)(beam_ctx *c, beam_value element, beam_value restriction);
    /* What is still to be done when the pipeline drains: a restriction, or NONE for nothing.
     * NULL: bounded ones go on, unbounded ones end. */
    beam_value (*truncate)(beam_ctx *c, beam_value element, beam_value restriction);
    int64_t (*estimate_end)(beam_ctx *c, beam_value element); /* of the growable tracker */
    beam_watermark_kind watermark;
    /* Of a new restriction: where its watermark begins; NULL: at the element's timestamp. */
    beam_millis (*initial_watermark)(beam_ctx *c, beam_value element, beam_value restriction);
    bool unbounded; /* may give restrictions back for ever: its outputs are unbounded */
} beam_sdf;

/* -- in process ------------------------------------------------------------------------------ */
/* The restriction that this call is to work on, as it was at its start. */
BEAM_API beam_value beam_restriction(beam_ctx *c);
/* A few nanoseconds; waits only while a split or a look at the progress is under way. */
BEAM_API bool beam_claim(beam_ctx *c, beam_value position);
BEAM_API bool beam_claim_offset(beam_ctx *c, int64_t offset);
/* Self-checkpoint: process() is to return after it (no claim succeeds any more); the
 * unclaimed rest goes back to the runner, which comes again with it after `delay_ms` at the
 * earliest (ProcessContinuation resume). */
BEAM_API beam_status beam_resume_later(beam_ctx *c, int64_t delay_ms);
/* BEAM_WATERMARK_MANUAL: no later output of this element will be earlier. Going back fails
 * the bundle. */
BEAM_API beam_status beam_watermark_set(beam_ctx *c, beam_millis watermark);
BEAM_API beam_millis beam_watermark(beam_ctx *c);
/* -- in split ----------------------------------------------------------------------------------- */
BEAM_API beam_status beam_emit_restriction(beam_ctx *c, beam_value restriction);
/* -- in a tracker ------------------------------------------------------------------------------- */
/* What sdf->estimate_end says of the element. */
BEAM_API int64_t beam_estimate_end(beam_ctx *c);

BEAM_C_END
#endif
