/* SPDX-License-Identifier: Apache-2.0 */
/* Samples and quantiles: combines whose number of results is a parameter. One thread, as its
 * pipeline. */
#include "fns/builtin.h"
#include "graph/build.h"

enum { MAX_QUANTILES = 100000 };

/* Fails the step unless the number is good. */
static bool takes_number(bm_step *step, const char *function, int n, int least, int most)
{
    if (n >= least && n <= most) return true;
    bm_step_fail(step, BEAM_EINVAL, "%s was asked for %d values: it must be from %d to %d",
                 function, n, least, most);
    return false;
}

static bool takes_order(bm_step *step, const beam_pcoll *in, const beam_type *type)
{
    if (type->kind == BEAM_KIND_INT64 || type->kind == BEAM_KIND_DOUBLE
        || type->kind == BEAM_KIND_STRING || type->kind == BEAM_KIND_BYTES)
        return true;
    bm_step_fail(step, BEAM_ETYPE,
                 "quantiles are of INT64, DOUBLE, STRING or BYTES, but '%s' holds %s: map its "
                 "elements to what they are to be ordered by",
                 bm_pcoll_name(in), bm_pcoll_type_text(in));
    return false;
}

/* A composite of the combine with n as its config. */
static beam_pcoll *combined(beam_pcoll *in, bm_step *step, const beam_combine *fn, int n,
                            bool per_key)
{
    bm_writer config = { 0 };
    bm_write_varint(&config, (uint64_t)n);
    const beam_combine_opts opts = { .fn = fn, .config = bm_written(&config) };
    bm_step_open(step);
    beam_pcoll *out = per_key ? beam_combine_per_key_with(in, "Combine", &opts)
                              : beam_combine_globally_with(in, "Combine", &opts);
    bm_writer_free(&config);
    return bm_step_close(step, out);
}

/* -- samples -------------------------------------------------------------------------- */
beam_pcoll *beam_sample(beam_pcoll *in, const char *name, int n)
{
    bm_step *step = bm_step_reading(in, BM_STEP_COMPOSITE, name);
    if (!step || !takes_number(step, "beam_sample()", n, 1, INT32_MAX)) return bm_nil_of(in);
    return combined(in, step, &bm_sample_combine, n, false);
}

beam_pcoll *beam_sample_per_key(beam_pcoll *in, const char *name, int n)
{
    bm_step *step = bm_step_reading(in, BM_STEP_COMPOSITE, name);
    if (!step || !bm_step_needs_keys(step, in)
        || !takes_number(step, "beam_sample_per_key()", n, 1, INT32_MAX))
        return bm_nil_of(in);
    return combined(in, step, &bm_sample_combine, n, true);
}

beam_pcoll *beam_any(beam_pcoll *in, const char *name, int n)
{
    bm_step *step = bm_step_reading(in, BM_STEP_COMPOSITE, name);
    if (!step || !takes_number(step, "beam_any()", n, 1, INT32_MAX)) return bm_nil_of(in);
    bm_step_open(step);
    beam_pcoll *sample = beam_sample(in, "Sample", n);
    if (beam_pipeline_error(step->pipeline)) return bm_step_close(step, NULL);
    return bm_step_close(step, bm_built_in(sample, "Values", &bm_explode_fn,
                                           (beam_span){ NULL, 0 }, in->type));
}

/* -- quantiles ------------------------------------------------------------------------ */
beam_pcoll *beam_quantiles(beam_pcoll *in, const char *name, int n)
{
    bm_step *step = bm_step_reading(in, BM_STEP_COMPOSITE, name);
    if (!step || !takes_number(step, "beam_quantiles()", n, 2, MAX_QUANTILES)
        || !takes_order(step, in, in->type))
        return bm_nil_of(in);
    return combined(in, step, &bm_quantiles_combine, n, false);
}

beam_pcoll *beam_quantiles_per_key(beam_pcoll *in, const char *name, int n)
{
    bm_step *step = bm_step_reading(in, BM_STEP_COMPOSITE, name);
    if (!step || !bm_step_needs_keys(step, in)
        || !takes_number(step, "beam_quantiles_per_key()", n, 2, MAX_QUANTILES)
        || !takes_order(step, in, in->type->arg[1]))
        return bm_nil_of(in);
    return combined(in, step, &bm_quantiles_combine, n, true);
}
