/* SPDX-License-Identifier: Apache-2.0 */
/* staged_files.h - files that a job's environment names as its dependencies, fetched from
 * the runner's ArtifactRetrievalService into a folder. */
#ifndef BM_STAGED_FILES_H
#define BM_STAGED_FILES_H

#include "base/log.h"
#include "model/beam_provision_api.upb.h"
#include "rpc/rpc.h"

typedef struct bm_staging_opts {
    const char *endpoint; /* NULL: an error if there is something to fetch */
    const char *worker_id;
    const char *semi_persist_dir; /* files go to its folder `staged`; NULL: see below */
    const bm_log *log;
} bm_staging_opts;

/* Fetches the dependencies whose role is staging_to and sets *dir, or leaves it NULL when
 * there are none. Files that are there already, with the right sha256, are kept. Without a
 * semi_persist_dir the folder is a temporary one, removed when the arena is freed. Blocks,
 * for 5 minutes at most; not on the rpc thread. */
beam_status bm_staged_files_fetch(bm_rpc *rpc, const pb_ProvisionInfo *info,
                                  const bm_staging_opts *opts, bm_arena *arena,
                                  const char **dir, beam_error *err);

#endif
