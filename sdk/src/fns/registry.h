/* SPDX-License-Identifier: Apache-2.0 */
/* fns/registry.h - finding functions by the name that went over the wire.
 *
 * Filled once from the program's tables and the built-in functions, immutable afterwards
 * and read from any thread. */
#ifndef BM_REGISTRY_H
#define BM_REGISTRY_H

#include "base/map.h"
#include "beam/dofn.h"

typedef struct bm_registry {
    bm_arena arena;
    bm_map dofns, combines, window_fns, window_mappings, struct_coders;
} bm_registry;

/* Adds the built-in functions, then the program's (NULL: none), and what is found by way of
 * both: struct coders in their types, window mappings of side inputs, CombineFns of states.
 * Fails on two different functions of one name. */
beam_status bm_registry_init(bm_registry *registry, const beam_functions *functions,
                             beam_error *err);
void bm_registry_free(bm_registry *registry);

/* NULL when there is none of that name. */
const beam_dofn *bm_registry_dofn(const bm_registry *registry, beam_span name);
const beam_combine *bm_registry_combine(const bm_registry *registry, beam_span name);
const beam_custom_windows *bm_registry_window_fn(const bm_registry *registry,
                                                 beam_span name);
const beam_window_mapping *bm_registry_window_mapping(const bm_registry *registry,
                                                      beam_span name);
const beam_struct_coder *bm_registry_struct_coder(const bm_registry *registry,
                                                  beam_span name);
/* "a, b, c": the names in one of the maps, for error messages. */
char *bm_registry_names(const bm_map *map, bm_arena *arena);

#endif
