/* SPDX-License-Identifier: Apache-2.0 */
/* job/artifacts.h - files that a job's environments need: resolving those that an expansion
 * service names, and handing all of them to the job service (ArtifactStagingService).
 * Blocks; the thread of the session. */
#ifndef BM_ARTIFACTS_H
#define BM_ARTIFACTS_H

#include "job/session.h"
#include "proto/to_proto.h"

/* Where artifacts come from: those of expansions, by type and payload. */
typedef struct bm_artifacts {
    bm_arena *arena;
    bm_map
        sources; /* (type URN, payload) -> const char *, address of an expansion service */
    size_t n_staged; /* artifacts that the pipeline's environments name */
} bm_artifacts;

void bm_artifacts_init(bm_artifacts *artifacts, bm_arena *arena);

/* A file of ours, with its sha256, to be staged under `staged_name`. */
beam_status bm_artifact_of_file(bm_arena *arena, const char *path,
                                const char *staged_name, bm_artifact *out,
                                beam_error *err);

/* Asks the expansion service at `address` what the environment's artifacts really are, and
 * remembers that they come from there. Changes env->artifacts. */
beam_status bm_artifacts_resolve(bm_artifacts *artifacts, bm_channel *channel,
                                 const char *address, bm_environment *env,
                                 beam_error *err);

/* Answers the staging service's questions until it has all it wants. */
beam_status bm_artifacts_stage(const bm_artifacts *artifacts, bm_session *session,
                               const char *endpoint, const char *token, beam_error *err);

#endif
