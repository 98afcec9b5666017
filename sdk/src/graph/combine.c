/* SPDX-License-Identifier: Apache-2.0 */
/* Combines: per key, globally, counts, top. One thread, as its pipeline. */
#include "fns/builtin.h"
#include "fns/registry.h"
#include "graph/build.h"

static const beam_span no_config;

/* -- checking a CombineFn ------------------------------------------------------------- */
static bool fn_is_complete(bm_step *step, const beam_combine *fn)
{
    if (!fn) {
        bm_step_fail(step, BEAM_EINVAL, "its CombineFn is NULL");
        return false;
    }
    const char *name = fn->name && *fn->name ? fn->name : "(no name)";
    bool is_plain = fn->acc && (fn->acc->kind == BEAM_KIND_INT64 ||
                                fn->acc->kind == BEAM_KIND_DOUBLE);
    const char *problem =
        name != fn->name ? "has no name: give it one, unique in the program"
        : !fn->in || !fn->acc || !fn->out ? "needs all of .in, .acc and .out"
        : !fn->add || !fn->merge || !fn->extract
            ? "needs all of .add, .merge and .extract"
        : !fn->save != !fn->load ? "has one of .save and .load: set both or none"
        : !fn->save && !is_plain ? "has no .save and .load, so its .acc must be "
                                   "BEAM_INT64 or BEAM_DOUBLE"
        : !fn->save && fn->acc_size != sizeof(int64_t)
            ? "has no .save and .load, so its .acc_size must be 8"
            : NULL;
    if (problem) bm_step_fail(step, BEAM_EINVAL, "CombineFn '%s' %s", name, problem);
    return !problem;
}

static bool fn_is_registered(bm_step *step, const beam_combine *fn)
{
    const bm_registry *registry = step->pipeline->registry;
    if (!registry) return true;
    const beam_combine *known = bm_registry_combine(registry, beam_span_of(fn->name));
    if (known == fn) return true;
    if (known)
        bm_step_fail(
            step, BEAM_EINVAL,
            "another CombineFn '%s' is in beam_program.combines: give each a name "
            "of its own",
            fn->name);
    else
        bm_step_fail(step, BEAM_EINVAL,
                     "CombineFn '%s' is not in beam_program.combines: add it", fn->name);
    return false;
}

static bool types_are_good(bm_step *step, const beam_combine *fn)
{
    const beam_type *types[] = { fn->in, fn->acc, fn->out };
    static const char *const fields[] = { ".in", ".acc", ".out" };
    for (size_t i = 0; i < BEAM_COUNT(types); i++) {
        const char *problem = bm_type_problem(types[i]);
        if (!problem) continue;
        bm_step_fail(step, BEAM_ETYPE, "CombineFn '%s' declares %s with %s", fn->name,
                     fields[i], problem);
        return false;
    }
    return true;
}

/* `value` is the type of what is combined: the elements of `in`, or their values. */
static bool fn_reads(bm_step *step, const beam_combine *fn, const beam_pcoll *in,
                     const beam_type *value)
{
    if (beam_type_equal(fn->in, value)) return true;
    bool per_key = value != in->type;
    bm_step_fail(step, BEAM_ETYPE,
                 "CombineFn '%s' reads %s, but '%s' holds %s: make %s %s, "
                 "or use another CombineFn",
                 fn->name, bm_type_text(&step->pipeline->arena, fn->in),
                 bm_pcoll_name(in), bm_pcoll_type_text(in),
                 per_key ? "the values" : "the elements",
                 bm_type_text(&step->pipeline->arena, fn->in));
    return false;
}

static bool types_are_known(bm_step *step, const beam_combine *fn, const beam_type *value)
{
    bm_arena *arena = &step->pipeline->arena;
    const char *name = fn->name;
    return bm_step_takes_type(step, bm_type_with(arena, fn->acc, value),
                              bm_format(arena, ".acc of CombineFn '%s'", name)) &&
           bm_step_takes_type(step, bm_type_with(arena, fn->out, value),
                              bm_format(arena, ".out of CombineFn '%s'", name));
}

bool bm_combine_is_good(bm_step *step, const beam_combine *fn, const beam_pcoll *in,
                        const beam_type *value)
{
    return fn_is_complete(step, fn) && types_are_good(step, fn) &&
           fn_reads(step, fn, in, value) && fn_is_registered(step, fn) &&
           types_are_known(step, fn, value);
}

/* -- per key -------------------------------------------------------------------------- */
static void set_fn(bm_step *step, const beam_combine *fn, beam_span config,
                   const beam_type *value)
{
    bm_arena *arena = &step->pipeline->arena;
    step->combine = fn;
    step->acc = bm_type_with(arena, fn->acc, value);
    step->config = bm_span_copy(arena, config);
}

beam_pcoll *bm_combine_grouped(beam_pcoll *in, const char *name, const beam_combine *fn,
                               beam_span config)
{
    bm_step *step = bm_step_reading(in, BM_STEP_COMBINE_GROUPED_VALUES, name);
    if (!step) return bm_nil_of(in);
    const beam_type *value = in->type->arg[1]->arg[0];
    bm_arena *arena = &step->pipeline->arena;
    set_fn(step, fn, config, value);
    return bm_step_main(step, bm_type_kv(arena, in->type->arg[0],
                                         bm_type_with(arena, fn->out, value)));
}

beam_pcoll *bm_combine_values(bm_step *step, beam_pcoll *in, const beam_combine *fn,
                              beam_span config)
{
    set_fn(step, fn, config, in->type->arg[1]);
    bm_step_open(step);
    beam_pcoll *grouped = beam_group_by_key(in, "GroupByKey");
    beam_pcoll *out = bm_nil_of(in);
    if (!beam_pipeline_error(step->pipeline))
        out = bm_combine_grouped(grouped, "Combine.GroupedValues", fn, step->config);
    return bm_step_close(step, out);
}

beam_pcoll *beam_combine_per_key_with(beam_pcoll *in, const char *name,
                                      const beam_combine_opts *opts)
{
    bm_step *step = bm_step_reading(in, BM_STEP_COMBINE_PER_KEY, name);
    const beam_combine *fn = opts ? opts->fn : NULL;
    if (!step || !bm_step_needs_keys(step, in) ||
        !bm_combine_is_good(step, fn, in, in->type->arg[1]))
        return bm_nil_of(in);
    return bm_combine_values(step, in, fn, opts->config);
}

/* -- globally ------------------------------------------------------------------------- */
/* KV<BYTES, T> from each element, all under one key. */
static beam_pcoll *one_key(beam_pcoll *in)
{
    return bm_built_in(in, "PairWithVoid", &bm_pair_with_void_fn, no_config,
                       bm_type_kv(&in->pipeline->arena, BEAM_BYTES, in->type));
}

static beam_pcoll *mark(beam_pcoll *in, const char *name, bool is_default)
{
    bm_arena *arena = &in->pipeline->arena;
    const beam_type *marked = bm_type_kv(arena, BEAM_BOOL, in->type->arg[1]);
    beam_span config = is_default ? beam_span_of("1") : no_config;
    return bm_built_in(in, name, &bm_mark_fn, config,
                       bm_type_kv(arena, BEAM_BYTES, marked));
}

/* What the CombineFn makes of nothing, as KV<BYTES, Out>: it combines a group without
 * values. */
static beam_pcoll *combined_nothing(beam_pipeline *p, const beam_type *in,
                                    const beam_combine *fn, beam_span config)
{
    beam_pcoll *impulse = beam_impulse(p, "Impulse");
    const beam_type *group = bm_type_kv(&p->arena, BEAM_BYTES,
                                        bm_type_iterable(&p->arena, in));
    beam_pcoll *empty = bm_built_in(impulse, "EmptyGroup", &bm_empty_group_fn, no_config,
                                    group);
    return beam_pipeline_error(p)
               ? p->nil
               : bm_combine_grouped(empty, "CombineNothing", fn, config);
}

/* `combined` if it has an element, else what the CombineFn makes of nothing. */
static beam_pcoll *or_default(beam_pcoll *combined, const beam_type *in,
                              const beam_combine *fn, beam_span config)
{
    beam_pipeline *p = combined->pipeline;
    beam_pcoll *nothing = combined_nothing(p, in, fn, config);
    if (beam_pipeline_error(p)) return p->nil;
    beam_pcoll *both[] = { mark(combined, "MarkResult", false),
                           mark(nothing, "MarkDefault", true) };
    beam_pcoll *together = beam_flatten(p, "Flatten", both, BEAM_COUNT(both));
    beam_pcoll *grouped = beam_group_by_key(together, "GroupByKey");
    return bm_built_in(grouped, "Choose", &bm_choose_fn, no_config,
                       combined->type->arg[1]);
}

beam_pcoll *beam_combine_globally_with(beam_pcoll *in, const char *name,
                                       const beam_combine_opts *opts)
{
    bm_step *step = bm_step_reading(in, BM_STEP_COMPOSITE, name);
    const beam_combine *fn = opts ? opts->fn : NULL;
    if (!step || !bm_combine_is_good(step, fn, in, in->type)) return bm_nil_of(in);
    bm_step_open(step);
    beam_pcoll *combined = bm_nil_of(in), *keyed = one_key(in);
    bm_step *per_key = bm_step_reading(keyed, BM_STEP_COMBINE_PER_KEY, "CombinePerKey");
    if (per_key) combined = bm_combine_values(per_key, keyed, fn, opts->config);
    if (beam_pipeline_error(step->pipeline)) return bm_step_close(step, NULL);
    return bm_step_close(step, bm_window_is_default_global(in)
                                   ? or_default(combined, in->type, fn, opts->config)
                                   : beam_values(combined, "Values"));
}

/* -- counts and top ------------------------------------------------------------------- */
beam_pcoll *beam_count_per_element(beam_pcoll *in, const char *name)
{
    bm_step *step = bm_step_reading(in, BM_STEP_COMPOSITE, name);
    if (!step) return bm_nil_of(in);
    const char *why;
    if (!bm_type_is_deterministic(in->type, &why)) {
        bm_step_fail(
            step, BEAM_ETYPE,
            "elements are counted by their encoding, but those of '%s', %s, hold %s",
            bm_pcoll_name(in), bm_pcoll_type_text(in), why);
        return bm_nil_of(in);
    }
    bm_step_open(step);
    beam_pcoll *ones = bm_built_in(in, "PairWithOne", &bm_pair_with_one_fn, no_config,
                                   bm_type_kv(&step->pipeline->arena, in->type,
                                              BEAM_INT64));
    return bm_step_close(step, beam_combine_per_key(ones, "Sum", &beam_sum_int64));
}

static bool has_natural_order(const beam_type *type)
{
    switch (type->kind) {
    case BEAM_KIND_INT64:
    case BEAM_KIND_DOUBLE:
    case BEAM_KIND_STRING:
    case BEAM_KIND_BYTES: return true;
    case BEAM_KIND_KV:
        return has_natural_order(type->arg[0]) && has_natural_order(type->arg[1]);
    default: return false;
    }
}

beam_pcoll *beam_count_globally(beam_pcoll *in, const char *name)
{
    return beam_combine_globally(in, name, &beam_count);
}

static bool top_is_good(bm_step *step, const char *function, const beam_pcoll *in,
                        const beam_type *value, int n, beam_order order)
{
    if (n < 1)
        bm_step_fail(step, BEAM_EINVAL, "%s must keep one value or more", function);
    else if (order != BEAM_LARGEST && order != BEAM_SMALLEST)
        bm_step_fail(step, BEAM_EINVAL, "order is neither BEAM_LARGEST nor BEAM_SMALLEST");
    else if (!has_natural_order(value))
        bm_step_fail(
            step, BEAM_ETYPE,
            "%s orders INT64, DOUBLE, STRING, BYTES and KVs of "
            "these, but the values of '%s' are %s: put what to order by in front, "
            "as the key of a KV",
            function, bm_pcoll_name(in), bm_type_text(&step->pipeline->arena, value));
    else
        return true;
    return false;
}

static void write_top(bm_writer *config, int n, beam_order order)
{
    bm_write_varint(config, (uint64_t)n);
    bm_write_varint(config, (uint64_t)order);
}

beam_pcoll *beam_top_per_key(beam_pcoll *in, const char *name, int n, beam_order order)
{
    bm_step *step = bm_step_reading(in, BM_STEP_COMBINE_PER_KEY, name);
    if (!step || !bm_step_needs_keys(step, in) ||
        !top_is_good(step, "beam_top_per_key()", in, in->type->arg[1], n, order))
        return bm_nil_of(in);
    bm_writer config = { 0 };
    write_top(&config, n, order);
    beam_pcoll *out = bm_combine_values(step, in, &bm_top_combine, bm_written(&config));
    bm_writer_free(&config);
    return out;
}

beam_pcoll *beam_top(beam_pcoll *in, const char *name, int n, beam_order order)
{
    bm_step *step = bm_step_reading(in, BM_STEP_COMPOSITE, name);
    if (!step || !top_is_good(step, "beam_top()", in, in->type, n, order))
        return bm_nil_of(in);
    bm_writer config = { 0 };
    write_top(&config, n, order);
    const beam_combine_opts opts = { .fn = &bm_top_combine, .config = bm_written(&config) };
    bm_step_open(step);
    beam_pcoll *out = beam_combine_globally_with(in, "Combine", &opts);
    bm_writer_free(&config);
    return bm_step_close(step, out);
}
