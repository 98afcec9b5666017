/* SPDX-License-Identifier: Apache-2.0 */
/* Side inputs of a ParDo: what its DoFn declares against what it is given. One thread, as
 * its pipeline. */
#include "fns/builtin.h"
#include "graph/build.h"

static bool fail(const bm_step *step, const beam_side_spec *spec, beam_status status,
                 const char *problem)
{
    bm_step_fail(step, status, "side input '%s' of DoFn '%s' %s", spec->tag,
                 step->dofn->name, problem);
    return false;
}

static bool has_keys(const beam_side_spec *spec)
{
    return spec->kind == BEAM_SIDE_MAP || spec->kind == BEAM_SIDE_MULTIMAP;
}

/* -- the declaration ------------------------------------------------------------------ */
static bool tag_is_free(bm_step *step, size_t i)
{
    const beam_side_spec *specs = step->dofn->sides.at;
    const char *tag = specs[i].tag;
    if (!tag || !*tag) {
        bm_step_fail(step, BEAM_EINVAL, "side input %zu of DoFn '%s' has no tag", i,
                     step->dofn->name);
        return false;
    }
    if (!strcmp(tag, BM_INPUT_TAG))
        return fail(step, &specs[i], BEAM_EINVAL,
                    "has the tag of the main input: rename it");
    for (size_t k = 0; k < i; k++)
        if (!strcmp(specs[k].tag, tag))
            return fail(step, &specs[i], BEAM_EINVAL,
                        "has the tag of another one: rename it");
    return true;
}

static bool is_well_declared(bm_step *step, const beam_side_spec *spec)
{
    if (spec->kind < BEAM_SIDE_SINGLETON || spec->kind > BEAM_SIDE_MULTIMAP)
        return fail(step, spec, BEAM_EINVAL,
                    "has no kind: give it BEAM_SIDE_SINGLETON, _ITERABLE, _LIST, _MAP or "
                    "_MULTIMAP");
    const char *problem = spec->type ? bm_type_problem(spec->type) : "no type";
    if (problem)
        return fail(step, spec, BEAM_ETYPE,
                    bm_format(&step->pipeline->arena, "is declared with %s", problem));
    if (spec->mapping && (!spec->mapping->name || !*spec->mapping->name))
        return fail(step, spec, BEAM_EINVAL,
                    "has a window mapping without a name: give it one, unique in the program");
    if (spec->mapping && !spec->mapping->map)
        return fail(step, spec, BEAM_EINVAL, "has a window mapping without .map");
    if (spec->initial && spec->kind != BEAM_SIDE_SINGLETON)
        return fail(step, spec, BEAM_EINVAL,
                    "has an .initial, which only a BEAM_SIDE_SINGLETON can have");
    return true;
}

/* -- the collection ------------------------------------------------------------------- */
static bool has_its_type(bm_step *step, const beam_side_spec *spec, const beam_pcoll *in)
{
    bm_arena *arena = &step->pipeline->arena;
    if (!beam_type_equal(spec->type, in->type))
        return fail(step, spec, BEAM_ETYPE,
                    bm_format(arena, "is of %s, but '%s' holds %s",
                              bm_type_text(arena, spec->type), bm_pcoll_name(in),
                              bm_pcoll_type_text(in)));
    if (!has_keys(spec)) return true;
    if (in->type->kind != BEAM_KIND_KV)
        return fail(step, spec, BEAM_ETYPE,
                    bm_format(arena, "is a map, which is made of KVs, but '%s' holds %s",
                              bm_pcoll_name(in), bm_pcoll_type_text(in)));
    const char *why;
    if (bm_type_is_deterministic(in->type->arg[0], &why)) return true;
    return fail(step, spec, BEAM_ETYPE,
                bm_format(arena, "is a map, but the keys of '%s' cannot be looked up: %s",
                          bm_pcoll_name(in), why));
}

/* Which of its windows belongs to one of the main input must follow from that alone. */
static bool has_windows_to_find(bm_step *step, const beam_side_spec *spec,
                                const beam_pcoll *in)
{
    const beam_window_fn *fn = &bm_windowing_of(in)->opts.fn;
    const beam_custom_windows *custom = fn->kind == BEAM_WINDOW_CUSTOM ? fn->custom : NULL;
    const char *problem =
        bm_windows_merge(fn)
            ? "has windows that merge, so none belongs to one of the main input"
        : custom && custom->observes_element && !spec->mapping
            ? "has windows that depend on its elements, so none belongs to one of the main "
              "input"
            : NULL;
    if (!problem) return true;
    return fail(step, spec, BEAM_EINVAL,
                bm_format(&step->pipeline->arena,
                          "%s: put '%s' into other windows with beam_window_into()",
                          problem, bm_pcoll_name(in)));
}

static bool can_end(const bm_step *step, const beam_side_spec *spec, const beam_pcoll *in)
{
    if (in->bounded || !bm_window_is_default_global(in)) return true;
    return fail(step, spec, BEAM_EINVAL,
                bm_format(&step->pipeline->arena,
                          "would never be complete: '%s' is unbounded and in the global "
                          "window with the default trigger; put a beam_window_into() with "
                          "windows or a trigger before this step",
                          bm_pcoll_name(in)));
}

bool bm_needs_sealing(const beam_pcoll *in, const beam_pcoll *side)
{
    return in && side && side->pipeline && side->pipeline == in->pipeline && side->type &&
           side->type->kind == BEAM_KIND_NULLABLE && !side->sealed;
}

beam_pcoll *bm_sealed(beam_pcoll *side, const char *name)
{
    beam_pcoll *sealed =
        bm_built_in(side, name, &bm_pass_fn, (beam_span){ NULL, 0 }, side->type);
    if (sealed->producer) sealed->sealed = true; /* not of the pipeline's nil */
    return sealed;
}

bool bm_sides_can_end(const bm_step *step)
{
    const beam_dofn *fn = step->dofn;
    for (size_t i = 0; i < fn->sides.n && i + 1 < step->n_inputs; i++)
        if (!can_end(step, &fn->sides.at[i], step->inputs[i + 1])) return false;
    return true;
}

static bool read_side(bm_step *step, size_t i, beam_pcoll *in)
{
    const beam_side_spec *spec = &step->dofn->sides.at[i];
    bm_arena *arena = &step->pipeline->arena;
    if (!tag_is_free(step, i) || !is_well_declared(step, spec)) return false;
    if (!in)
        return fail(step, spec, BEAM_EINVAL,
                    bm_format(arena, "is not given: add .sides = { [%zu] = ... } to the "
                              "beam_par_do()", i));
    const char *what = bm_format(arena, "side input '%s' (of DoFn '%s')", spec->tag,
                                 step->dofn->name);
    return bm_step_read(step, spec->tag, in, what) && has_its_type(step, spec, in) &&
           has_windows_to_find(step, spec, in) && can_end(step, spec, in);
}

bool bm_step_read_sides(bm_step *step, beam_pcoll *const *given, size_t most)
{
    const beam_dofn *fn = step->dofn;
    if (fn->sides.n > most) {
        bm_step_fail(step, BEAM_EINVAL,
                     "DoFn '%s' declares %zu side inputs, and there can be %zu", fn->name,
                     fn->sides.n, most);
        return false;
    }
    for (size_t i = 0; i < fn->sides.n; i++)
        if (!read_side(step, i, given[i])) return false;
    for (size_t i = fn->sides.n; i < most; i++) {
        if (!given[i]) continue;
        bm_step_fail(step, BEAM_EINVAL,
                     ".sides[%zu] is given, but DoFn '%s' declares %zu side input%s", i,
                     fn->name, fn->sides.n, fn->sides.n == 1 ? "" : "s");
        return false;
    }
    return true;
}
