/* SPDX-License-Identifier: Apache-2.0 */
/* Functions, window mappings and struct coders by name. Filled on one thread, then read from any. */
#include "fns/registry.h"

#include "base/error.h"
#include "base/writer.h"
#include "beam/splittable.h"
#include "fns/builtin.h"

enum { MAX_DEPTH = 32, MAX_NAMES = 40 };

static const char *const builtin_prefix = "beam.";

/* -- filling -------------------------------------------------------------------------- */
static beam_status add(bm_map *map, const char *kind, const char *name, const void *item,
                       beam_error *err)
{
    if (!name || !*name)
        return bm_error(err, BEAM_EINVAL,
                        "a %s has no name: give it one, unique in the program", kind);
    bool is_new;
    void **slot = bm_map_slot(map, beam_span_of(name), &is_new);
    if (!is_new && *slot != item)
        return bm_error(
            err, BEAM_EINVAL,
            "two %ss are named '%s': names go over the wire, so give each its own", kind,
            name);
    *slot = (void *)(uintptr_t)item;
    return BEAM_OK;
}

static beam_status add_structs_at(bm_registry *registry, const beam_type *type, int depth,
                                  beam_error *err)
{
    if (!type || depth > MAX_DEPTH) return BEAM_OK;
    if (type->kind == BEAM_KIND_STRUCT && type->struct_coder)
        BEAM_TRY(add(&registry->struct_coders, "struct coder", type->struct_coder->name,
                     type->struct_coder, err));
    for (size_t i = 0; i < BEAM_COUNT(type->arg); i++)
        BEAM_TRY(add_structs_at(registry, type->arg[i], depth + 1, err));
    return BEAM_OK;
}

static beam_status add_structs(bm_registry *registry, const beam_type *type,
                               beam_error *err)
{
    return add_structs_at(registry, type, 0, err);
}

static beam_status add_combine(bm_registry *registry, const beam_combine *fn,
                               beam_error *err)
{
    if (!fn) return bm_error(err, BEAM_EINVAL, "the table of CombineFns holds a NULL");
    BEAM_TRY(add(&registry->combines, "CombineFn", fn->name, fn, err));
    BEAM_TRY(add_structs(registry, fn->in, err));
    BEAM_TRY(add_structs(registry, fn->acc, err));
    return add_structs(registry, fn->out, err);
}

static beam_status add_side(bm_registry *registry, const beam_side_spec *side,
                            beam_error *err)
{
    BEAM_TRY(add_structs(registry, side->type, err));
    if (!side->mapping) return BEAM_OK;
    return add(&registry->window_mappings, "window mapping", side->mapping->name,
               side->mapping, err);
}

static beam_status add_state(bm_registry *registry, const beam_state_spec *state,
                             beam_error *err)
{
    BEAM_TRY(add_structs(registry, state->type, err));
    BEAM_TRY(add_structs(registry, state->key, err));
    return state->combine ? add_combine(registry, state->combine, err) : BEAM_OK;
}

static beam_status add_restriction(bm_registry *registry, const beam_sdf *sdf,
                                   beam_error *err)
{
    if (sdf->tracker) BEAM_TRY(add_structs(registry, sdf->tracker->restriction, err));
    return add_structs(registry, sdf->restriction, err);
}

static beam_status add_dofn(bm_registry *registry, const beam_dofn *fn, beam_error *err)
{
    if (!fn) return bm_error(err, BEAM_EINVAL, "the table of DoFns holds a NULL");
    BEAM_TRY(add(&registry->dofns, "DoFn", fn->name, fn, err));
    BEAM_TRY(add_structs(registry, fn->in, err));
    BEAM_TRY(add_structs(registry, fn->out, err));
    if (fn->sdf) BEAM_TRY(add_restriction(registry, fn->sdf, err));
    for (size_t i = 0; fn->outputs.at && i < fn->outputs.n; i++)
        BEAM_TRY(add_structs(registry, fn->outputs.at[i].type, err));
    for (size_t i = 0; fn->sides.at && i < fn->sides.n; i++)
        BEAM_TRY(add_side(registry, &fn->sides.at[i], err));
    for (size_t i = 0; fn->states.at && i < fn->states.n; i++)
        BEAM_TRY(add_state(registry, &fn->states.at[i], err));
    return BEAM_OK;
}

static beam_status add_window_fn(bm_registry *registry, const beam_custom_windows *fn,
                                 beam_error *err)
{
    if (!fn) return bm_error(err, BEAM_EINVAL, "the table of WindowFns holds a NULL");
    if (!fn->assign)
        return bm_error(err, BEAM_EINVAL, "WindowFn '%s' has no .assign",
                        fn->name ? fn->name : "(no name)");
    return add(&registry->window_fns, "WindowFn", fn->name, fn, err);
}

static beam_status add_all(bm_registry *registry, const beam_functions *functions,
                           beam_error *err)
{
    for (size_t i = 0; i < functions->dofns.n; i++)
        BEAM_TRY(add_dofn(registry, functions->dofns.at[i], err));
    for (size_t i = 0; i < functions->combines.n; i++)
        BEAM_TRY(add_combine(registry, functions->combines.at[i], err));
    for (size_t i = 0; i < functions->window_fns.n; i++)
        BEAM_TRY(add_window_fn(registry, functions->window_fns.at[i], err));
    return BEAM_OK;
}

static void make_empty(bm_registry *registry)
{
    bm_map *maps[] = { &registry->dofns, &registry->combines, &registry->window_fns,
                       &registry->window_mappings, &registry->struct_coders };
    for (size_t i = 0; i < BEAM_COUNT(maps); i++) bm_map_init(maps[i], &registry->arena);
}

beam_status bm_registry_init(bm_registry *registry, const beam_functions *functions,
                             beam_error *err)
{
    const beam_functions built_in = {
        .dofns = { bm_builtin_dofns, bm_builtin_dofns_count },
        .combines = { bm_builtin_combines, bm_builtin_combines_count },
    };
    bm_arena_init(&registry->arena, 0);
    make_empty(registry);
    beam_status status = add_all(registry, &built_in, err);
    if (status == BEAM_OK && functions) status = add_all(registry, functions, err);
    if (status != BEAM_OK) bm_registry_free(registry);
    return status;
}

void bm_registry_free(bm_registry *registry)
{
    bm_arena_free(&registry->arena);
    make_empty(registry);
}

/* -- reading -------------------------------------------------------------------------- */
const beam_dofn *bm_registry_dofn(const bm_registry *registry, beam_span name)
{
    return bm_map_get(&registry->dofns, name);
}

const beam_combine *bm_registry_combine(const bm_registry *registry, beam_span name)
{
    return bm_map_get(&registry->combines, name);
}

const beam_custom_windows *bm_registry_window_fn(const bm_registry *registry,
                                                 beam_span name)
{
    return bm_map_get(&registry->window_fns, name);
}

const beam_window_mapping *bm_registry_window_mapping(const bm_registry *registry,
                                                      beam_span name)
{
    return bm_map_get(&registry->window_mappings, name);
}

const beam_struct_coder *bm_registry_struct_coder(const bm_registry *registry,
                                                  beam_span name)
{
    return bm_map_get(&registry->struct_coders, name);
}

static bool is_builtin(beam_span name)
{
    size_t n = strlen(builtin_prefix);
    return name.len >= n && !memcmp(name.ptr, builtin_prefix, n);
}

char *bm_registry_names(const bm_map *map, bm_arena *arena)
{
    bm_writer text = { 0 };
    size_t n = 0, left_out = 0;
    BM_MAP_EACH(map, entry)
    {
        if (is_builtin(entry->key)) continue;
        if (n == MAX_NAMES) {
            left_out++;
            continue;
        }
        if (n++) bm_write_bytes(&text, ", ", 2);
        bm_write_bytes(&text, entry->key.ptr, entry->key.len);
    }
    char *names = n ? bm_cstr(arena, bm_written(&text)) : bm_strdup(arena, "none");
    bm_writer_free(&text);
    return left_out ? bm_format(arena, "%s and %zu more", names, left_out) : names;
}
