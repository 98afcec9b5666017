/* SPDX-License-Identifier: Apache-2.0 */
/* CombinePerKey with fanout: a key's values in parts, then the parts. One thread, as its
 * pipeline. */
#include "fns/builtin.h"
#include "fns/fn_spec.h"
#include "graph/build.h"

enum { MAX_FANOUT = 1 << 20 };

/* The built-in CombineFn with the types of the one that it wraps. */
static const beam_combine *typed(bm_arena *arena, const beam_combine *fn, const beam_type *in,
                                 const beam_type *acc, const beam_type *out)
{
    beam_combine *copy = BM_NEW(arena, beam_combine);
    *copy = *fn;
    copy->in = in;
    copy->acc = acc;
    copy->out = out;
    return copy;
}

static beam_pcoll *combined(beam_pcoll *in, const char *name, const beam_combine *fn,
                            beam_span config)
{
    bm_step *step = bm_step_reading(in, BM_STEP_COMBINE_PER_KEY, name);
    return step ? bm_combine_values(step, in, fn, config) : bm_nil_of(in);
}

/* Panes of the parts that repeat earlier ones would be counted twice. */
static const bm_windowing *discarding(bm_arena *arena, const bm_windowing *windowing)
{
    if (!windowing || windowing->opts.accumulation == BEAM_DISCARDING) return windowing;
    bm_windowing *copy = BM_NEW(arena, bm_windowing);
    *copy = *windowing;
    copy->opts.accumulation = BEAM_DISCARDING;
    return copy;
}

static beam_pcoll *in_parts(beam_pcoll *in, int fanout)
{
    bm_arena *arena = &in->pipeline->arena;
    bm_writer config = { 0 };
    bm_write_varint(&config, (uint64_t)fanout);
    const beam_type *key = bm_type_kv(arena, in->type->arg[0], BEAM_INT64);
    beam_pcoll *parts = bm_built_in(in, "Spread", &bm_fanout_spread_fn,
                                    bm_span_copy(arena, bm_written(&config)),
                                    bm_type_kv(arena, key, in->type->arg[1]));
    bm_writer_free(&config);
    if (parts->producer) parts->windowing = discarding(arena, in->windowing);
    return parts;
}

/* As before the first combine: windows that merge do so once more. */
static beam_pcoll *together(beam_pcoll *parts, const beam_pcoll *in, const beam_type *acc)
{
    beam_pcoll *out = bm_built_in(parts, "Gather", &bm_fanout_gather_fn, (beam_span){ NULL, 0 },
                                  bm_type_kv(&in->pipeline->arena, in->type->arg[0], acc));
    if (out->producer) out->windowing = in->windowing;
    return out;
}

beam_pcoll *beam_combine_per_key_with_fanout(beam_pcoll *in, const char *name,
                                             const beam_combine *fn, int fanout)
{
    bm_step *step = bm_step_reading(in, BM_STEP_COMPOSITE, name);
    if (!step || !bm_step_needs_keys(step, in) ||
        !bm_combine_is_good(step, fn, in, in->type->arg[1]))
        return bm_nil_of(in);
    if (fanout < 1 || fanout > MAX_FANOUT) {
        bm_step_fail(step, BEAM_EINVAL, "its fanout is %d: it must be from 1 to %d", fanout,
                     MAX_FANOUT);
        return bm_nil_of(in);
    }
    bm_arena *arena = &step->pipeline->arena;
    const beam_type *value = in->type->arg[1];
    const beam_type *acc = bm_type_with(arena, fn->acc, value);
    const beam_type *out = bm_type_with(arena, fn->out, value);
    bm_writer config = { 0 };
    bm_fn_spec_encode(&(bm_fn_spec){ .name = beam_span_of(fn->name) }, &config);
    step->combine = fn; /* found there by who collects the pipeline's functions */
    bm_step_open(step);
    beam_pcoll *parts = combined(in_parts(in, fanout), "Parts",
                                 typed(arena, &bm_fanout_parts_combine, value, acc, acc),
                                 bm_written(&config));
    beam_pcoll *whole = combined(together(parts, in, acc), "Whole",
                                 typed(arena, &bm_fanout_whole_combine, acc, acc, out),
                                 bm_written(&config));
    bm_writer_free(&config);
    return bm_step_close(step, whole);
}
