/* SPDX-License-Identifier: Apache-2.0 */
/* job/java.h - Beam's Java processes: the job server with its Flink, the expansion service
 * and the workers that its transforms run in. The jars are those of scripts/get-jars.
 * Blocks; the thread of the session. */
#ifndef BM_JAVA_H
#define BM_JAVA_H

#include "job/child.h"
#include "job/session.h"

typedef struct bm_service {
    bm_child *child;
    const char *what; /* "the Flink job server" */
    int port;
    const char *address; /* "localhost:PORT" */
    const char *log_path;
} bm_service;

typedef struct bm_java_opts {
    const char
        *flink_master; /* job server: NULL or "[local]": Flink in the same process */
    const char *pool_address; /* expansion: who starts workers of its transforms */
    bool use_deprecated_read; /* expansion */
} bm_java_opts;

/* Whether a job server with this flink_master runs jobs in its own process. */
bool bm_flink_is_embedded(const char *flink_master);

/* Start, and return before they take connections. */
beam_status bm_job_server_start(bm_session *session, const bm_java_opts *opts,
                                bm_service *out, beam_error *err);
beam_status bm_expansion_service_start(bm_session *session, const bm_java_opts *opts,
                                       bm_service *out, beam_error *err);
/* Waits until it takes connections; stops it when it does not. BEAM_ECANCELLED when the
 * session is cancelled meanwhile. */
beam_status bm_service_wait(bm_session *session, bm_service *service, beam_error *err);
/* NULL child is fine. */
void bm_service_stop(bm_service *service);

/* argv of a Java worker; checks that there is what it needs. */
beam_status bm_java_worker_argv(bm_session *session, bm_arena *arena, const char *id,
                                const char *provision_endpoint, const char *const **argv,
                                beam_error *err);
/* Of one that waits for the file `handover` (process_pool.h). */
beam_status bm_java_spare_argv(bm_session *session, bm_arena *arena, const char *handover,
                               const char *const **argv, beam_error *err);
/* "The job server ended (exit status 1): <last words>; its log: <path>". */
void bm_service_epitaph(const bm_service *service, beam_error *err);

#endif
