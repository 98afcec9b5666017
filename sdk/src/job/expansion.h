/* SPDX-License-Identifier: Apache-2.0 */
/* job/expansion.h - the bm_expander: a client of expansion services, with one started when
 * the pipeline needs it and none is named, and the workers that run Java's transforms.
 * The thread of the session; blocks. */
#ifndef BM_EXPANSION_H
#define BM_EXPANSION_H

#include "job/artifacts.h"
#include "job/java.h"
#include "proto/to_proto.h"

typedef struct bm_expansion_opts {
    const char *default_address; /* --expansion_service; NULL: start one */
    bool use_deprecated_read;    /* for the one that is started */
    /* Where transforms of other SDKs run: an environment URN and payload, NULL: Java's in
     * processes of ours, others as their expansion service says. */
    const char *environment_urn;
    beam_span environment_payload;
} bm_expansion_opts;

typedef struct bm_expansion bm_expansion;
/* Starts nothing yet. The session and the strings in opts must outlive it. */
bm_expansion *bm_expansion_new(bm_session *session, const bm_expansion_opts *opts);
void bm_expansion_expander(bm_expansion *expansion, bm_expander *out);
const bm_artifacts *bm_expansion_artifacts(const bm_expansion *expansion);
/* Do transforms run in processes of ours (so that we have to stay)? */
bool bm_expansion_has_workers(const bm_expansion *expansion);
/* The expansion service is of no use once the job is submitted and staged. */
void bm_expansion_stop_service(bm_expansion *expansion);
/* Stops all that it started. NULL is fine. */
void bm_expansion_free(bm_expansion *expansion);

#endif
