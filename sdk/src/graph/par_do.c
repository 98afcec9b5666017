/* SPDX-License-Identifier: Apache-2.0 */
/* ParDo and the steps that are one: Map, Filter, WithTimestamps, Partition, Keys, Values,
 * Swap. One thread, as its pipeline. */
#include "fns/builtin.h"
#include "fns/registry.h"
#include "graph/build.h"

enum { MAX_PARTITIONS = 65536 };

/* -- checking a DoFn ------------------------------------------------------------------ */
static const char *fn_name(const beam_dofn *fn)
{
    return fn->name && *fn->name ? fn->name : "(no name)";
}

static int callback_count(const beam_dofn *fn)
{
    return !!fn->process + !!fn->map + !!fn->keep + !!fn->timestamp + !!fn->partition +
           !!fn->rpc + !!fn->http;
}

static bool fn_is_complete(bm_step *step, const beam_dofn *fn)
{
    if (!fn) {
        bm_step_fail(step, BEAM_EINVAL, "its DoFn is NULL");
        return false;
    }
    const char *problem =
        !fn->name || !*fn->name   ? "has no name: give it one, unique in the program"
        : !fn->in                 ? "has no .in: say which type it reads"
        : callback_count(fn) == 0 ? "has no callback: set exactly one of .process, "
                                    ".map, .keep, .timestamp, .partition, .rpc and "
                                    ".http"
        : callback_count(fn) > 1  ? "has more than one callback: set exactly one of "
                                    ".process, .map, .keep, .timestamp, .partition, "
                                    ".rpc and .http"
        : fn->map && !fn->out     ? "has .map but no .out: say which type it returns"
        : fn->outputs.n && !fn->outputs.at ? "counts extra outputs but has no .outputs.at"
        : fn->sides.n && !fn->sides.at     ? "counts side inputs but has no .sides.at"
                                           : NULL;
    if (problem) bm_step_fail(step, BEAM_EINVAL, "DoFn '%s' %s", fn_name(fn), problem);
    return !problem;
}

static bool fn_is_registered(bm_step *step, const beam_dofn *fn)
{
    const bm_registry *registry = step->pipeline->registry;
    if (!registry) return true;
    const beam_dofn *known = bm_registry_dofn(registry, beam_span_of(fn->name));
    if (known == fn) return true;
    if (known)
        bm_step_fail(
            step, BEAM_EINVAL,
            "another DoFn '%s' is in beam_program.dofns: give each a name of its own",
            fn->name);
    else
        bm_step_fail(step, BEAM_EINVAL, "DoFn '%s' is not in beam_program.dofns: add it",
                     fn->name);
    return false;
}

static bool declares(bm_step *step, const beam_dofn *fn, const char *field,
                     const beam_type *type)
{
    const char *problem = bm_type_problem(type);
    if (problem)
        bm_step_fail(step, BEAM_ETYPE, "DoFn '%s' declares %s with %s", fn->name, field,
                     problem);
    return !problem;
}

static bool reads(bm_step *step, const beam_dofn *fn)
{
    const beam_pcoll *in = step->inputs[0];
    if (!declares(step, fn, ".in", fn->in)) return false;
    if (beam_type_equal(fn->in, in->type)) return true;
    bool is_nullable = in->type->kind == BEAM_KIND_NULLABLE &&
                       beam_type_equal(fn->in, in->type->arg[0]);
    const char *wanted = bm_type_text(&step->pipeline->arena, fn->in);
    bm_step_fail(step, BEAM_ETYPE, "DoFn '%s' reads %s, but '%s' holds %s: %s", fn->name,
                 wanted, bm_pcoll_name(in), bm_pcoll_type_text(in),
                 is_nullable ? "declare that as its .in and test with beam_is_null()"
                             : "change its .in, or put a step between them");
    return false;
}

bool bm_step_takes_type(bm_step *step, const beam_type *type, const char *what)
{
    const char *problem = !type                   ? "NULL"
                          : bm_type_problem(type) ? bm_type_problem(type)
                          : bm_type_has_any(type)
                              ? "a type with ANY in it, but must be known here"
                              : NULL;
    if (problem) {
        bm_step_fail(step, BEAM_ETYPE, "%s is %s", what, problem);
        return false;
    }
    const beam_struct_coder *unknown = bm_type_unknown_struct(step->pipeline, type);
    if (unknown)
        bm_step_fail(step, BEAM_ETYPE,
                     "%s holds STRUCT<%s>, which no DoFn or CombineFn of the program's "
                     "tables has in its types: name it in one of them",
                     what, unknown->name);
    return !unknown;
}

/* -- outputs -------------------------------------------------------------------------- */
/* What BEAM_ANY stands for in the DoFn's main output. NULL after failing. */
static const beam_type *main_type(bm_step *step, const beam_dofn *fn,
                                  const beam_type *given)
{
    bm_arena *arena = &step->pipeline->arena;
    const beam_type *in = step->inputs[0]->type;
    if (given) {
        if (!bm_step_takes_type(step, given, ".out")) return NULL;
        if (beam_type_equal(fn->out, given)) return bm_type_copy(arena, given);
        bm_step_fail(step, BEAM_ETYPE, ".out is %s, but DoFn '%s' gives %s",
                     bm_type_text(arena, given), fn->name, bm_type_text(arena, fn->out));
        return NULL;
    }
    const beam_type *out = fn->out->kind == BEAM_KIND_ANY ? in : fn->out;
    if (!bm_type_has_any(out)) return out;
    bm_step_fail(
        step, BEAM_ETYPE,
        "DoFn '%s' gives %s, so its output's type is not known: give it with .out",
        fn->name, bm_type_text(arena, out));
    return NULL;
}

/* keep, timestamp and partition pass elements on: .out may only say the same. */
static bool passes_on(bm_step *step, const beam_dofn *fn)
{
    const beam_pcoll *in = step->inputs[0];
    if (!fn->out) return true;
    if (!declares(step, fn, ".out", fn->out)) return false;
    if (beam_type_equal(fn->out, in->type)) return true;
    bm_step_fail(
        step, BEAM_ETYPE,
        "DoFn '%s' passes elements on unchanged, so it gives %s, not its .out, %s: "
        "leave .out away",
        fn->name, bm_pcoll_type_text(in), bm_type_text(&step->pipeline->arena, fn->out));
    return false;
}

static beam_pcoll *add_main(bm_step *step, const beam_dofn *fn, const beam_type *given)
{
    if (fn->keep || fn->timestamp)
        return passes_on(step, fn) ? bm_step_main(step, step->inputs[0]->type) : NULL;
    if (!fn->out) {
        if (!given) return bm_step_no_output(step);
        bm_step_fail(step, BEAM_ETYPE, ".out is given, but DoFn '%s' has no main output",
                     fn->name);
        return NULL;
    }
    if (!declares(step, fn, ".out", fn->out)) return NULL;
    const beam_type *type = main_type(step, fn, given);
    return type ? bm_step_main(step, type) : NULL;
}

static bool tag_is_taken(const bm_step *step, const char *tag)
{
    if (!strcmp(tag, BM_MAIN_TAG)) return true;
    for (size_t i = 0; i < step->n_outputs; i++)
        if (!strcmp(step->outputs[i]->tag, tag)) return true;
    return false;
}

static bool add_extra(bm_step *step, const beam_dofn *fn, size_t i)
{
    const beam_output_spec *spec = &fn->outputs.at[i];
    const beam_pcoll *in = step->inputs[0];
    if (!spec->tag || !*spec->tag || !spec->type) {
        bm_step_fail(step, BEAM_EINVAL, "extra output %zu of DoFn '%s' has no %s", i,
                     fn->name, spec->type ? "tag" : "type");
        return false;
    }
    if (tag_is_taken(step, spec->tag)) {
        bm_step_fail(step, BEAM_EINVAL,
                     "extra output %zu of DoFn '%s' has the tag '%s' of another output: "
                     "rename it ('" BM_MAIN_TAG "' is the main one)",
                     i, fn->name, spec->tag);
        return false;
    }
    if (!declares(step, fn, "an extra output", spec->type)) return false;
    const beam_type *type = spec->type->kind == BEAM_KIND_ANY ? in->type : spec->type;
    if (bm_type_has_any(type)) {
        bm_step_fail(step, BEAM_ETYPE,
                     "the type of extra output '%s' of DoFn '%s' is not known: it is %s",
                     spec->tag, fn->name, bm_type_text(&step->pipeline->arena, type));
        return false;
    }
    bm_step_output(step, spec->tag, type, in->windowing, in->bounded);
    return true;
}

static void take_hints(bm_step *step, const beam_par_do_opts *opts)
{
    beam_pipeline *p = step->pipeline;
    for (size_t i = 0; i < BEAM_COUNT(opts->resource_hints) && !p->error.status; i++)
        if (opts->resource_hints[i])
            bm_resource_hint_take(&p->arena, opts->resource_hints[i], step->unique_name,
                                  &step->hints, &p->error);
}

static void copy_display(bm_step *step, const beam_display *display, size_t n)
{
    bm_arena *arena = &step->pipeline->arena;
    beam_display *copy = BM_NEW_ARRAY(arena, beam_display, n);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (!display[i].key) continue;
        copy[kept].key = bm_strdup(arena, display[i].key);
        copy[kept++].value = bm_strdup(arena, display[i].value);
    }
    step->display = copy;
    step->n_display = kept;
}

/* A ParDo step with a checked DoFn and no outputs yet. */
static bm_step *par_do_step(beam_pcoll *in, const char *name, const beam_dofn *fn)
{
    bm_step *step = bm_step_reading(in, BM_STEP_PAR_DO, name);
    if (!step || !fn_is_complete(step, fn) || !reads(step, fn) ||
        !fn_is_registered(step, fn) || !bm_step_is_splittable(step, fn))
        return NULL;
    step->dofn = fn;
    return bm_step_takes_state(step, fn) ? step : NULL;
}

static bool needs_other_inputs(const beam_pcoll *in, const beam_par_do_opts *opts)
{
    for (size_t i = 0; i < BEAM_COUNT(opts->sides); i++)
        if (bm_needs_sealing(in, opts->sides[i])) return true;
    return bm_needs_own_input(in, opts->fn);
}

/* The ParDo and what makes its inputs, as a composite. */
static beam_pcoll *with_other_inputs(beam_pcoll *in, const char *name,
                                     const beam_par_do_opts *opts)
{
    bm_step *whole = bm_step_reading(in, BM_STEP_COMPOSITE, name);
    if (!whole) return bm_nil_of(in);
    bm_step_open(whole);
    beam_par_do_opts others = *opts;
    for (size_t i = 0; i < BEAM_COUNT(opts->sides); i++)
        if (bm_needs_sealing(in, opts->sides[i]))
            others.sides[i] = bm_sealed(opts->sides[i],
                                        bm_format(&whole->pipeline->arena, "Side%zu", i));
    beam_pcoll *own = bm_needs_own_input(in, opts->fn) ? bm_own_input(in) : in;
    beam_pcoll *out = beam_par_do_with(own, "Process", &others);
    if (out->producer)
        for (size_t i = 0; i < out->producer->n_outputs; i++)
            bm_step_share(whole, out->producer->outputs[i]);
    bm_step_close(whole, NULL);
    return out;
}

beam_pcoll *beam_par_do_with(beam_pcoll *in, const char *name,
                             const beam_par_do_opts *opts)
{
    static const beam_par_do_opts nothing;
    if (!opts) opts = &nothing;
    if (needs_other_inputs(in, opts)) return with_other_inputs(in, name, opts);
    if (opts->failures) *opts->failures = bm_nil_of(in);
    bm_step *step = par_do_step(in, name, opts->fn);
    if (!step) return bm_nil_of(in);
    const beam_dofn *fn = opts->fn;
    if (fn->partition) {
        bm_step_fail(step, BEAM_EINVAL, "DoFn '%s' has .partition: use beam_partition()",
                     fn->name);
        return bm_nil_of(in);
    }
    if (!bm_step_read_sides(step, opts->sides, BEAM_COUNT(opts->sides))) return bm_nil_of(in);
    if (!bm_step_calls(step, fn, opts->target)) return bm_nil_of(in);
    step->config = bm_span_copy(&step->pipeline->arena, opts->config);
    copy_display(step, opts->display, BEAM_COUNT(opts->display));
    take_hints(step, opts);
    beam_pcoll *main_output = add_main(step, fn, opts->out);
    if (!main_output) return bm_nil_of(in);
    if (!bm_step_catch(step, opts->failures, opts->attempts)) return bm_nil_of(in);
    for (size_t i = 0; i < fn->outputs.n; i++)
        if (!add_extra(step, fn, i)) return bm_nil_of(in);
    bm_step_set_bounded(step);
    return main_output;
}

beam_pcoll *beam_output(beam_pcoll *main_output, int output)
{
    beam_pipeline *p = beam_pcoll_pipeline(main_output);
    if (!bm_pipeline_is_open(p, "beam_output()")) return bm_nil(p);
    bm_step *step = main_output->producer;
    if (step->kind != BM_STEP_PAR_DO || strcmp(main_output->tag, BM_MAIN_TAG) != 0) {
        bm_step_fail(step, BEAM_EINVAL,
                     "beam_output() takes what beam_par_do() returned, and '%s' is not",
                     bm_pcoll_name(main_output));
        return bm_nil(p);
    }
    size_t n = step->dofn->outputs.n;
    if (output < 0 || (size_t)output >= n) {
        bm_step_fail(
            step, BEAM_EINVAL,
            "beam_output() asks for output %d, but DoFn '%s' has %zu extra output%s "
            "(numbered from 0)",
            output, step->dofn->name, n, n == 1 ? "" : "s");
        return bm_nil(p);
    }
    return step->outputs[step->n_outputs - n + (size_t)output];
}

/* -- steps for one callback ----------------------------------------------------------- */
static beam_pcoll *with_callback(beam_pcoll *in, const char *name, const beam_dofn *fn,
                                 bool has_it, const char *function, const char *field)
{
    if (!fn || has_it) return beam_par_do(in, name, fn);
    bm_step *step = bm_step_reading(in, BM_STEP_PAR_DO, name);
    if (step)
        bm_step_fail(step, BEAM_EINVAL, "%s needs a DoFn with %s, and '%s' has none",
                     function, field, fn_name(fn));
    return bm_nil_of(in);
}

beam_pcoll *beam_map(beam_pcoll *in, const char *name, const beam_dofn *fn)
{
    return with_callback(in, name, fn, fn && fn->map, "beam_map()", ".map");
}

beam_pcoll *beam_filter(beam_pcoll *in, const char *name, const beam_dofn *fn)
{
    return with_callback(in, name, fn, fn && fn->keep, "beam_filter()", ".keep");
}

beam_pcoll *beam_with_timestamps(beam_pcoll *in, const char *name, const beam_dofn *fn)
{
    return with_callback(in, name, fn, fn && fn->timestamp, "beam_with_timestamps()",
                         ".timestamp");
}

static bool can_partition(bm_step *step, const beam_dofn *fn, int n,
                          beam_pcoll *const *out)
{
    if (!fn->partition)
        bm_step_fail(step, BEAM_EINVAL,
                     "beam_partition() needs a DoFn with .partition, and '%s' has none",
                     fn->name);
    else if (n < 1 || n > MAX_PARTITIONS)
        bm_step_fail(step, BEAM_EINVAL,
                     "it partitions into %d collections: the number must be from 1 to %d",
                     n, MAX_PARTITIONS);
    else if (!out)
        bm_step_fail(step, BEAM_EINVAL, "out is NULL: pass an array of %d collections",
                     n);
    else if (fn->outputs.n)
        bm_step_fail(step, BEAM_EINVAL,
                     "DoFn '%s' has .partition, so it cannot have extra outputs",
                     fn->name);
    else if (fn->sides.n)
        bm_step_fail(step, BEAM_EINVAL,
                     "DoFn '%s' has .partition, so it cannot have side inputs", fn->name);
    else
        return passes_on(step, fn);
    return false;
}

void beam_partition(beam_pcoll *in, const char *name, const beam_dofn *fn, int n,
                    beam_pcoll *out[])
{
    for (int i = 0; out && i < n && n <= MAX_PARTITIONS; i++) out[i] = bm_nil_of(in);
    bm_step *step = par_do_step(in, name, fn);
    if (!step || !can_partition(step, fn, n, out) || !bm_step_catch(step, NULL, 0)) return;
    const beam_pcoll *from = step->inputs[0];
    for (int i = 0; i < n; i++) {
        const char *tag = bm_format(&step->pipeline->arena, "%d", i);
        out[i] = bm_step_output(step, tag, from->type, from->windowing, from->bounded);
    }
}

/* -- KVs ------------------------------------------------------------------------------ */
beam_pcoll *bm_built_in(beam_pcoll *in, const char *name, const beam_dofn *fn,
                        beam_span config, const beam_type *out)
{
    bm_step *step = bm_step_reading(in, BM_STEP_PAR_DO, name);
    if (!step) return bm_nil_of(in);
    step->dofn = fn;
    step->config = config;
    if (!bm_step_takes_state(step, fn)) return bm_nil_of(in);
    beam_pcoll *made = bm_step_main(step, out);
    bm_step_set_bounded(step);
    return made;
}

/* A ParDo over KVs; NULL after failing. */
static bm_step *kv_step(beam_pcoll *in, const char *name, const beam_dofn *fn,
                        const char *what)
{
    bm_step *step = bm_step_reading(in, BM_STEP_PAR_DO, name);
    if (!step) return NULL;
    step->dofn = fn;
    if (in->type->kind == BEAM_KIND_KV) return step;
    bm_step_fail(
        step, BEAM_ETYPE,
        "%s reads KV<ANY, ANY>, but '%s' holds %s: make KVs of its elements first", what,
        bm_pcoll_name(in), bm_pcoll_type_text(in));
    return NULL;
}

beam_pcoll *beam_keys(beam_pcoll *in, const char *name)
{
    bm_step *step = kv_step(in, name, &bm_keys_fn, "beam_keys()");
    return step ? bm_step_main(step, in->type->arg[0]) : bm_nil_of(in);
}

beam_pcoll *beam_values(beam_pcoll *in, const char *name)
{
    bm_step *step = kv_step(in, name, &bm_values_fn, "beam_values()");
    return step ? bm_step_main(step, in->type->arg[1]) : bm_nil_of(in);
}

beam_pcoll *beam_swap(beam_pcoll *in, const char *name)
{
    bm_step *step = kv_step(in, name, &bm_swap_fn, "beam_swap()");
    if (!step) return bm_nil_of(in);
    const beam_type *type = in->type;
    return bm_step_main(step,
                        bm_type_kv(&step->pipeline->arena, type->arg[1], type->arg[0]));
}
