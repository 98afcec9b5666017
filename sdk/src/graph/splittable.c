/* SPDX-License-Identifier: Apache-2.0 */
/* Splittable DoFns: what they must and must not have. One thread, as its pipeline. */
#include "beam/splittable.h"

#include "graph/build.h"

static const char *tracker_problem(const beam_tracker *tracker)
{
    return !tracker               ? "has no .tracker: use beam_offset_tracker, say"
           : !tracker->start      ? "has a tracker without .start"
           : !tracker->claim      ? "has a tracker without .claim"
           : !tracker->check_done ? "has a tracker without .check_done"
           : !tracker->position   ? "has a tracker without .position: say what is claimed"
                                  : NULL;
}

static const char *sdf_problem(const beam_sdf *sdf)
{
    const char *problem = tracker_problem(sdf->tracker);
    if (problem) return problem;
    if (!sdf->initial) return "has no .initial: say which restriction an element has";
    if (!sdf->restriction && !sdf->tracker->restriction)
        return "has no .restriction, and its tracker says none either";
    if (sdf->restriction && sdf->tracker->restriction
        && !beam_type_equal(sdf->restriction, sdf->tracker->restriction))
        return "has a .restriction that is not its tracker's: leave it away";
    if (sdf->tracker == &beam_growable_offset_tracker && !sdf->estimate_end)
        return "has no .estimate_end, which beam_growable_offset_tracker asks";
    if (sdf->watermark == BEAM_WATERMARK_NONE && sdf->initial_watermark)
        return "has .initial_watermark, but no .watermark: say of which kind it is";
    return NULL;
}

static const char *dofn_problem(const beam_dofn *fn)
{
    return !fn->process         ? "is splittable, and has no .process"
           : fn->states.n       ? "is splittable, so it cannot have state: put that into a "
                                  "step after it"
           : fn->timers.n       ? "is splittable, so it cannot have timers: give the rest of "
                                  "the restriction back with beam_resume_later()"
           : fn->flags & BEAM_TIME_SORTED_INPUT
               ? "is splittable, so it cannot have BEAM_TIME_SORTED_INPUT"
               : NULL;
}

const beam_type *bm_sdf_restriction(const beam_sdf *sdf)
{
    return sdf->tracker->restriction ? sdf->tracker->restriction : sdf->restriction;
}

bool bm_step_is_splittable(bm_step *step, const beam_dofn *fn)
{
    if (!fn->sdf) return true;
    const char *problem = dofn_problem(fn);
    if (problem) {
        bm_step_fail(step, BEAM_EINVAL, "DoFn '%s' %s", fn->name, problem);
        return false;
    }
    problem = sdf_problem(fn->sdf);
    if (problem) {
        bm_step_fail(step, BEAM_EINVAL, "the .sdf of DoFn '%s' %s", fn->name, problem);
        return false;
    }
    const char *what =
        bm_format(&step->pipeline->arena, "the restriction of DoFn '%s'", fn->name);
    return bm_step_takes_type(step, bm_sdf_restriction(fn->sdf), what);
}

bool bm_dofn_is_bounded(const beam_dofn *fn)
{
    return !fn || !fn->sdf || !fn->sdf->unbounded;
}

void bm_step_set_bounded(bm_step *step)
{
    if (bm_dofn_is_bounded(step->dofn)) return;
    for (size_t i = 0; i < step->n_outputs; i++) step->outputs[i]->bounded = false;
}

/* -- two of them on one collection ---------------------------------------------------------- */
static bool feeds_splittable(const beam_pcoll *c)
{
    for (const bm_step *s = c->pipeline->first; s; s = s->next)
        if (s->dofn && s->dofn->sdf && s->n_inputs && s->inputs[0] == c) return true;
    return false;
}

bool bm_needs_own_input(const beam_pcoll *in, const beam_dofn *fn)
{
    return fn && fn->sdf && in && in->pipeline && feeds_splittable(in);
}

beam_pcoll *bm_own_input(beam_pcoll *in)
{
    bm_step *copy = bm_step_reading(in, BM_STEP_FLATTEN, "Input");
    return copy ? bm_step_main(copy, in->type) : bm_nil_of(in);
}
