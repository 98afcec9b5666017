/* SPDX-License-Identifier: Apache-2.0 */
/* Latest, Distinct, and Wait.on. One thread, as its pipeline. */
#include "fns/builtin.h"
#include "graph/build.h"

static const beam_span no_config;

/* KV<BYTES, T>: all under one key. */
static beam_pcoll *one_key(beam_pcoll *in)
{
    return bm_built_in(in, "PairWithVoid", &bm_pair_with_void_fn, no_config,
                       bm_type_kv(&in->pipeline->arena, BEAM_BYTES, in->type));
}

/* -- latest ------------------------------------------------------------------------------ */
/* The value with the largest {timestamp, value} of each key. */
static beam_pcoll *latest_of_keys(beam_pcoll *in)
{
    beam_pipeline *p = in->pipeline;
    const beam_type *type = in->type;
    const beam_type *stamped = bm_type_kv(&p->arena, BEAM_INT64, type->arg[1]);
    beam_pcoll *times = bm_built_in(in, "Stamp", &bm_stamp_fn, no_config,
                                    bm_type_kv(&p->arena, type->arg[0], stamped));
    bm_writer config = { 0 };
    bm_write_varint(&config, 1);
    bm_write_varint(&config, BEAM_LARGEST);
    const beam_combine_opts opts = { .fn = &bm_top_combine, .config = bm_written(&config) };
    beam_pcoll *best = beam_combine_per_key_with(times, "Latest", &opts);
    bm_writer_free(&config);
    return bm_built_in(best, "Unstamp", &bm_unstamp_fn, no_config, type);
}

beam_pcoll *beam_latest_per_key(beam_pcoll *in, const char *name)
{
    bm_step *step = bm_step_reading(in, BM_STEP_COMPOSITE, name);
    if (!step || !bm_step_needs_keys(step, in)) return bm_nil_of(in);
    bm_step_open(step);
    return bm_step_close(step, latest_of_keys(in));
}

beam_pcoll *beam_latest(beam_pcoll *in, const char *name)
{
    bm_step *step = bm_step_reading(in, BM_STEP_COMPOSITE, name);
    if (!step) return bm_nil_of(in);
    bm_step_open(step);
    beam_pcoll *keyed = one_key(in);
    beam_pcoll *latest = beam_pipeline_error(step->pipeline) ? keyed : latest_of_keys(keyed);
    return bm_step_close(step, beam_values(latest, "Values"));
}

/* -- distinct ---------------------------------------------------------------------------- */
beam_pcoll *beam_distinct(beam_pcoll *in, const char *name)
{
    bm_step *step = bm_step_reading(in, BM_STEP_COMPOSITE, name);
    if (!step) return bm_nil_of(in);
    const char *why;
    if (!bm_type_is_deterministic(in->type, &why)) {
        bm_step_fail(step, BEAM_ETYPE,
                     "elements are told apart by their encoding, but those of '%s', %s, hold %s",
                     bm_pcoll_name(in), bm_pcoll_type_text(in), why);
        return bm_nil_of(in);
    }
    bm_step_open(step);
    beam_pcoll *counts = beam_count_per_element(in, "Count");
    return bm_step_close(step, bm_built_in(counts, "Keys", &bm_first_pane_fn, no_config,
                                           in->type));
}

/* -- wait -------------------------------------------------------------------------------- */
/* The windows without the trigger: complete only when they are over. */
static const bm_windowing *without_trigger(bm_arena *arena, const bm_windowing *windowing)
{
    if (!windowing || !windowing->opts.trigger) return windowing;
    bm_windowing *plain = BM_NEW(arena, bm_windowing);
    *plain = *windowing;
    plain->opts.trigger = NULL;
    return plain;
}

/* One number a window, so that the side input is small. */
static beam_pcoll *end_of_windows(beam_pcoll *signal)
{
    beam_pcoll *keyed = one_key(signal);
    beam_pipeline *p = keyed->pipeline;
    if (beam_pipeline_error(p)) return keyed;
    keyed->windowing = without_trigger(&p->arena, keyed->windowing);
    return beam_values(beam_combine_per_key(keyed, "Count", &beam_count), "Counts");
}

beam_pcoll *beam_wait_on(beam_pcoll *in, const char *name, beam_pcoll *signal)
{
    bm_step *step = bm_step_reading(in, BM_STEP_COMPOSITE, name);
    if (!step || !bm_step_read(step, "signal", signal, "signal")) return bm_nil_of(in);
    if (bm_windows_merge(&bm_windowing_of(signal)->opts.fn)) {
        bm_step_fail(step, BEAM_EINVAL,
                     "the windows of its signal, '%s', merge, so none belongs to one of '%s': "
                     "put it into other windows with beam_window_into()",
                     bm_pcoll_name(signal), bm_pcoll_name(in));
        return bm_nil_of(in);
    }
    bm_step_open(step);
    beam_pcoll *ends = end_of_windows(signal);
    bm_step *wait = bm_step_reading(in, BM_STEP_PAR_DO, "Wait");
    if (!wait) return bm_step_close(step, NULL);
    wait->dofn = &bm_wait_fn;
    if (!bm_step_read_sides(wait, &ends, 1)) return bm_step_close(step, NULL);
    return bm_step_close(step, bm_step_main(wait, in->type));
}
