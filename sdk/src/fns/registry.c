/* SPDX-License-Identifier: Apache-2.0 */
/* Functions and struct coders by name. Filled on one thread, then read from any. */
#include "fns/registry.h"

#include "base/error.h"
#include "base/writer.h"
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

static beam_status add_dofn(bm_registry *registry, const beam_dofn *fn, beam_error *err)
{
    if (!fn) return bm_error(err, BEAM_EINVAL, "the table of DoFns holds a NULL");
    BEAM_TRY(add(&registry->dofns, "DoFn", fn->name, fn, err));
    BEAM_TRY(add_structs(registry, fn->in, err));
    BEAM_TRY(add_structs(registry, fn->out, err));
    for (size_t i = 0; fn->outputs.at && i < fn->outputs.n; i++)
        BEAM_TRY(add_structs(registry, fn->outputs.at[i].type, err));
    return BEAM_OK;
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

static beam_status add_all(bm_registry *registry, const beam_dofn *const *dofns,
                           size_t n_dofns, const beam_combine *const *combines,
                           size_t n_combines, beam_error *err)
{
    for (size_t i = 0; i < n_dofns; i++) BEAM_TRY(add_dofn(registry, dofns[i], err));
    for (size_t i = 0; i < n_combines; i++)
        BEAM_TRY(add_combine(registry, combines[i], err));
    return BEAM_OK;
}

beam_status bm_registry_init(bm_registry *registry, const beam_dofn *const *dofns,
                             size_t n_dofns, const beam_combine *const *combines,
                             size_t n_combines, beam_error *err)
{
    bm_arena_init(&registry->arena, 0);
    bm_map_init(&registry->dofns, &registry->arena);
    bm_map_init(&registry->combines, &registry->arena);
    bm_map_init(&registry->struct_coders, &registry->arena);
    beam_status status = add_all(registry, bm_builtin_dofns, bm_builtin_dofns_count,
                                 bm_builtin_combines, bm_builtin_combines_count, err);
    if (status == BEAM_OK)
        status = add_all(registry, dofns, n_dofns, combines, n_combines, err);
    if (status != BEAM_OK) bm_registry_free(registry);
    return status;
}

void bm_registry_free(bm_registry *registry)
{
    bm_arena_free(&registry->arena);
    bm_map_init(&registry->dofns, &registry->arena);
    bm_map_init(&registry->combines, &registry->arena);
    bm_map_init(&registry->struct_coders, &registry->arena);
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
