/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as data: which steps have an output of failed elements, and where these go. One
 * thread, as its pipeline. */
#include "fns/builtin.h"
#include "fns/fn_spec.h"
#include "graph/build.h"

/* The SDK's own DoFns do not fail on an element, but for those that are meant to. */
static bool is_ours(const beam_dofn *fn)
{
    return strncmp(fn->name, "beam.", 5) == 0;
}

static beam_pcoll *add_output(bm_step *step, int attempts)
{
    const beam_pcoll *in = step->inputs[0];
    step->attempts = attempts ? (unsigned)attempts : 1;
    return bm_step_output(step, BM_FAILURES_TAG,
                          bm_type_copy(&step->pipeline->arena, BEAM_FAILURE), in->windowing,
                          in->bounded);
}

/* For the whole pipeline's handler. */
static void collect(beam_pipeline *p, beam_pcoll *failures)
{
    beam_pcoll **more = BM_NEW_ARRAY(&p->arena, beam_pcoll *, p->n_failures + 1);
    if (p->n_failures) memcpy(more, p->failures, p->n_failures * sizeof *more);
    more[p->n_failures++] = failures;
    p->failures = more;
}

bool bm_step_catch(bm_step *step, beam_pcoll **failures, int attempts)
{
    beam_pipeline *p = step->pipeline;
    if (attempts < 0 || attempts > BM_MAX_ATTEMPTS) {
        bm_step_fail(step, BEAM_EINVAL, ".attempts is %d: it must be from 0 to %d", attempts,
                     BM_MAX_ATTEMPTS);
        return false;
    }
    if (attempts > 1 && step->dofn->sdf) {
        bm_step_fail(step, BEAM_EINVAL,
                     "DoFn '%s' is splittable, and what it has claimed and emitted for a failed "
                     "element stands: it cannot have more than one of .attempts",
                     step->dofn->name);
        return false;
    }
    if (attempts > 1 && !failures && !p->failures_name) {
        bm_step_fail(step, BEAM_EINVAL, ".attempts is for steps with .failures");
        return false;
    }
    if (failures) *failures = add_output(step, attempts);
    else if (p->failures_name && !is_ours(step->dofn)) collect(p, add_output(step, attempts));
    return true;
}

/* -- the pipeline's handler -------------------------------------------------------------- */
void beam_failures_begin(beam_pipeline *p, const char *name)
{
    if (!bm_pipeline_is_open(p, name)) return;
    if (!name || !*name)
        beam_pipeline_fail(p, BEAM_EINVAL, "beam_failures_begin() needs a name");
    else if (p->failures_name)
        beam_pipeline_fail(p, BEAM_ESTATE,
                           "beam_failures_begin('%s'): '%s' is still open, and they do not "
                           "nest: call beam_failures_end() first", name, p->failures_name);
    else
        p->failures_name = bm_strdup(&p->arena, name);
}

/* Collections of different windowings can only be one in the global window. */
static beam_pcoll *in_global_window(beam_pipeline *p, beam_pcoll *c, size_t i)
{
    return beam_window_into(c, beam_pipeline_format(p, "Window %zu", i), beam_global());
}

beam_pcoll *beam_failures_end(beam_pipeline *p)
{
    if (!bm_pipeline_is_open(p, "beam_failures_end()")) return bm_nil(p);
    const char *name = p->failures_name;
    size_t n = p->n_failures;
    p->failures_name = NULL;
    p->n_failures = 0;
    if (!name) {
        beam_pipeline_fail(p, BEAM_ESTATE, "beam_failures_end() without "
                           "beam_failures_begin() before it");
        return bm_nil(p);
    }
    if (!n) return beam_create(p, name, BEAM_FAILURE, NULL, 0);
    beam_scope_begin(p, name);
    beam_pcoll **windowed = BM_NEW_ARRAY(&p->arena, beam_pcoll *, n);
    for (size_t i = 0; i < n; i++) windowed[i] = in_global_window(p, p->failures[i], i);
    beam_pcoll *all = beam_flatten(p, "Flatten", windowed, n);
    beam_scope_end(p);
    return all;
}

/* -- the threshold ------------------------------------------------------------------------ */
void beam_failures_threshold(beam_pcoll *failures, const char *name, beam_pcoll *all,
                             double most)
{
    beam_pipeline *p = beam_pcoll_pipeline(failures);
    if (!bm_pipeline_is_open(p, name)) return;
    if (!(most >= 0 && most <= 1)) {
        beam_pipeline_fail(p, BEAM_EINVAL, "%s: the share of elements that may fail is %g, "
                           "not from 0 to 1", name ? name : "", most);
        return;
    }
    beam_scope_begin(p, name);
    beam_pcoll *failed = beam_par_do(failures, "Failed", &bm_count_failed_fn);
    beam_pcoll *any = beam_par_do(all, "All", &bm_count_any_fn);
    const bm_windowing *windowing = bm_windowing_of(all);
    if (beam_pipeline_error(p)) return;
    failed = beam_window_into_with(failed, "Window", &windowing->opts);
    beam_pcoll *counts =
        beam_flatten(p, "Flatten", (beam_pcoll *const[]){ failed, any }, 2);
    counts = beam_combine_globally(counts, "Count", &bm_count_pairs);
    char share[sizeof most];
    memcpy(share, &most, sizeof most);
    beam_par_do(counts, "Check", &bm_check_failures_fn,
                .config = (beam_span){ share, sizeof share });
    beam_scope_end(p);
}
