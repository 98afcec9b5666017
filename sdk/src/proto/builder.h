/* SPDX-License-Identifier: Apache-2.0 */
/* proto/builder.h - a RunnerApi.Pipeline while it is being built; inside of proto/ only.
 * One thread, one arena. */
#ifndef BM_BUILDER_H
#define BM_BUILDER_H

#include "base/error.h"
#include "base/map.h"
#include "proto/model.h"
#include "proto/to_proto.h"

/* One map field of Components: entries in order, values by id. */
typedef struct bm_table {
    bm_list entries;
    bm_map by_id;
} bm_table;

/* A collection of the graph as it is in the proto. */
typedef struct bm_built_pcoll {
    const char *id;
    bm_pb_pcoll *pb;
} bm_built_pcoll;

typedef struct bm_builder {
    bm_arena *arena;
    beam_pipeline *pipeline;
    const bm_expander *expander;
    beam_error *err;
    bm_table transforms, pcolls, windowings, coders, environments;
    bm_map transform_names, pcoll_names; /* unique_name: must be unique too */
    bm_map coder_ids;                    /* packed Coder -> id */
    bm_map windowing_ids;                /* packed WindowingStrategy -> id */
    bm_map environment_ids;              /* packed Environment of an expansion -> id */
    bm_map own_environments;             /* packed Environment of this SDK -> id */
    bm_map namespaces;                   /* of expansions */
    bm_map splittable_coders;            /* coder id of a splittable DoFn's input ->
                                            restriction coder id */
    bm_list requirements;
    const char *environment_id; /* of this SDK's own transforms */
    const bm_environment *environment;
    bm_built_pcoll *built;      /* by beam_pcoll.id */
} bm_builder;

/* -- builder.c ---------------------------------------------------------------------- */
void bm_table_init(bm_table *table, bm_arena *arena);
void bm_builder_init(bm_builder *b, bm_arena *arena, beam_pipeline *p,
                     const bm_expander *expander, beam_error *err);
/* `wanted`, or with " (2)", " (3)" ... when the map has it; put into the map. */
const char *bm_unique(bm_builder *b, bm_map *taken, const char *wanted);
/* A new transform; its unique_name is made unique. The caller fills the rest. */
bm_pb_transform *bm_add_transform(bm_builder *b, const char *id, const char *unique_name);
bm_pb_pcoll *bm_add_pcoll(bm_builder *b, const char *id, const char *unique_name);
void bm_add_windowing(bm_builder *b, const char *id, bm_pb_windowing *windowing);
void bm_add_coder(bm_builder *b, const char *id, bm_pb_coder *coder);
void bm_add_environment(bm_builder *b, const char *id, bm_pb_environment *environment);
void bm_add_requirement(bm_builder *b, const char *urn);
void bm_add_input(bm_arena *arena, bm_pb_transform *t, bm_list *list, const char *tag,
                  const char *pcoll_id);
void bm_add_output(bm_arena *arena, bm_pb_transform *t, bm_list *list, const char *tag,
                   const char *pcoll_id);
/* LabelledPayload with a string value. */
bm_pb_display_data *bm_labelled(bm_arena *arena, const char *name_space, const char *key,
                                const char *label, const char *value);
/* The tables as one message. */
bm_pb_components *bm_components(bm_arena *arena, const bm_table *transforms,
                                const bm_table *pcolls, const bm_table *windowings,
                                const bm_table *coders, const bm_table *environments);

/* -- to_proto.c --------------------------------------------------------------------- */
/* Input `i` of the step, which is built before the step is. */
beam_status bm_built_input(bm_builder *b, const bm_step *step, size_t i,
                           const bm_built_pcoll **out);
/* The pipeline's own first error as the result. */
beam_status bm_pipeline_failure(const beam_pipeline *p, beam_error *err);
/* Adds an output of the step. */
beam_status bm_build_output(bm_builder *b, const bm_step *step, const beam_pcoll *c,
                            const bm_built_pcoll **out);

/* -- coder_proto.c ------------------------------------------------------------------ */
/* The id of the coder of a type; equal coders have one id. `who` names the step in the
 * message when the type has none (ANY). */
beam_status bm_coder_id(bm_builder *b, const beam_type *type, const char *who,
                        const char **id);
/* beam:coder:timer:v1 of a key and a window coder. */
const char *bm_timer_coder_id(bm_builder *b, const char *key_id, const char *window_id);
/* beam:coder:windowed_value:v1. */
const char *bm_windowed_coder_id(bm_builder *b, const char *value_id, const char *window_id);
/* beam:coder:length_prefix:v1. */
const char *bm_prefixed_coder_id(bm_builder *b, const char *value_id);
/* BM_URN_SEALED_CODER. */
const char *bm_sealed_coder_id(bm_builder *b, const char *value_id);
/* Of KV<K, V> or KV<K, ITERABLE<V>>: that V is sealed. */
beam_status bm_sealed_values_coder_id(bm_builder *b, const beam_type *type, const char *who,
                                      const char **id);
/* The id of a coder without payload, "beam:coder:global_window:v1" and its like. */
const char *bm_plain_coder_id(bm_builder *b, const char *urn, const char *name);
/* Of windows that carry bytes. */
const char *bm_custom_window_coder_id(bm_builder *b);

/* -- schema_proto.c ----------------------------------------------------------------- */
bm_pb_schema *bm_schema_proto(bm_arena *arena, const beam_schema *schema);
/* The schema's fields have the same names and types (nullability included). */
bool bm_schema_matches(const bm_pb_schema *pb, const beam_schema *schema);

/* -- splittable_proto.c -------------------------------------------------------------- */
/* Of the step's DoFn: its restriction's coder, and finalization; with requirements. */
beam_status bm_add_splitting(bm_builder *b, const bm_step *step, bm_pb_par_do *payload);

/* -- windowing_proto.c -------------------------------------------------------------- */
beam_status bm_windowing_id(bm_builder *b, const bm_windowing *windowing, const char *who,
                            const char **id);
beam_status bm_window_fn_proto(bm_builder *b, beam_window_fn fn, const char *who,
                               bm_pb_function_spec **out);
/* May elements be combined before this trigger sees them? */
bool bm_trigger_allows_lifting(const bm_pb_trigger *trigger);

/* -- side_input_proto.c ------------------------------------------------------------- */
/* ParDoPayload.side_inputs: those of the step's DoFn. */
beam_status bm_add_side_inputs(bm_builder *b, const bm_step *step, bm_pb_par_do *payload);

/* The id of the environment that the step runs in, which is made if it is new. */
const char *bm_environment_of(bm_builder *b, const bm_step *step);

/* -- environment.c ------------------------------------------------------------------ */
/* This SDK's, with its capabilities. */
bm_pb_environment *bm_environment_proto(bm_arena *arena, const bm_environment *env);
void bm_set_resource_hints(bm_arena *arena, bm_pb_environment *m,
                           const bm_resource_hints *hints);
void bm_set_artifacts(bm_arena *arena, bm_pb_environment *m, const bm_environment *env);

/* -- par_do_proto.c ----------------------------------------------------------------- */
/* The step's ParDoPayload, packed; adds to the pipeline's requirements. */
beam_status bm_par_do_payload(bm_builder *b, const bm_step *step, beam_span *out);
/* Of a DoFn with nothing but its callbacks. */
beam_span bm_plain_par_do_payload(bm_arena *arena, const beam_dofn *fn);

/* -- combine_proto.c ---------------------------------------------------------------- */
/* The step and the sub-transforms made for it. */
beam_status bm_add_combine(bm_builder *b, const bm_step *step);
/* Combine.GroupedValues, and the ParDo in it. */
beam_status bm_add_grouped_values(bm_builder *b, const bm_step *step);

/* -- test_stream_proto.c ------------------------------------------------------------ */
beam_status bm_test_stream_payload(bm_builder *b, const bm_step *step, beam_span *out);

/* -- external.c --------------------------------------------------------------------- */
/* Expands the step and splices the answer in; its outputs become `built`. */
beam_status bm_add_external(bm_builder *b, const bm_step *step);

/* What an ExpansionRequest carries: the inputs and all that they refer to. Ids in these
 * tables mean the same in the answer. */
typedef struct bm_request {
    const char *name_space; /* of ids that the service makes */
    bm_table transforms, pcolls, windowings, coders, environments;
} bm_request;

/* -- expansion_request.c ------------------------------------------------------------ */
beam_status bm_expansion_request(bm_builder *b, const bm_step *step, bm_request *request,
                                 beam_span *bytes);

/* -- expansion_response.c ----------------------------------------------------------- */
beam_status bm_splice(bm_builder *b, const bm_step *step, const bm_request *request,
                      beam_span response);

/* -- own_step.c ----------------------------------------------------------------------- */
/* Has this program run the ParDo that the spliced step names, if the runner makes its
 * input. */
void bm_take_own_step(bm_builder *b, const bm_step *step);

/* -- returned_coder.c --------------------------------------------------------------- */
/* Can elements of the type be read and written with a coder of another SDK? */
bool bm_coder_matches(bm_arena *arena, const bm_map *coders, const char *id,
                      const beam_type *type);
/* "KV<NULLABLE<BYTES>, ROW>" of such a coder, for messages. `coders`: Coder by id. */
const char *bm_returned_coder_text(bm_arena *arena, const bm_map *coders, const char *id);

#endif
