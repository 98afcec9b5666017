/* SPDX-License-Identifier: Apache-2.0 */
/* proto/to_proto.h - the one place where the graph meets protobuf: a pipeline as the bytes
 * of RunnerApi.Pipeline, external transforms spliced in. One thread. */
#ifndef BM_TO_PROTO_H
#define BM_TO_PROTO_H

#include "graph/graph.h"

/* An artifact of an environment (ArtifactInformation), neutral. */
typedef struct bm_artifact {
    const char *type_urn; /* beam:artifact:type:file:v1, ... */
    beam_span type_payload;
    const char *role_urn; /* beam:artifact:role:staging_to:v1, ... */
    beam_span role_payload;
} bm_artifact;

typedef struct bm_environment {
    const char *urn; /* beam:env:external:v1, :process:v1, :docker:v1 */
    beam_span payload;
    const bm_artifact *artifacts;
    size_t n_artifacts;
} bm_environment;

/* Payloads of the environments that workers can run in. */
beam_span bm_external_payload(bm_arena *arena, const char *pool_address);
beam_span bm_docker_payload(bm_arena *arena, const char *image);
beam_span bm_process_payload(bm_arena *arena, const char *command, const char *const *env,
                             size_t n_env /* {key, value} pairs */);

/* How external transforms get expanded: implemented by job/. Request and response are the
 * bytes of ExpansionRequest and ExpansionResponse. `address` may be NULL: the default. */
typedef struct bm_expander {
    void *self;
    beam_status (*expand)(void *self, const char *address, beam_span request, bm_arena *arena,
                          beam_span *response, beam_error *err);
    /* What becomes of an environment of an expanded transform (Java's, say). Changes *env
     * in place, artifacts included; called once per environment. */
    beam_status (*environment)(void *self, const char *address, bm_arena *arena,
                               bm_environment *env, beam_error *err);
} bm_expander;

/* What this SDK's worker can do: listed in its environment, each of them tested. */
extern const char *const bm_capabilities[];
extern const size_t bm_capabilities_count;

/* Fails with the pipeline's own first error, or the reason why an expansion failed. */
beam_status bm_pipeline_to_proto(beam_pipeline *p, const bm_environment *environment,
                                 const bm_expander *expander, bm_arena *arena,
                                 beam_span *pipeline_bytes, beam_error *err);

#endif
