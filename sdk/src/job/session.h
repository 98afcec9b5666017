/* SPDX-License-Identifier: Apache-2.0 */
/* job/session.h - what the parts of one run of a program share: its rpc, its folders and
 * where its messages go. Made and freed by one thread; read by any. */
#ifndef BM_SESSION_H
#define BM_SESSION_H

#include <stdatomic.h>

#include "base/clock.h"
#include "base/log.h"
#include "rpc/rpc.h"

typedef struct bm_session {
    bm_arena arena; /* of the thread that made it */
    bm_rpc *rpc;
    bm_log log;            /* messages for the person at the terminal */
    const char *host;      /* where others reach us: "localhost" unless told */
    atomic_bool cancelled; /* the person wants it to end; set by any thread */
    bool streaming; /* the job runs long: Java's slow-starting, fast compiler pays */

    /* Folders. Cache: $BEAM_C_CACHE or ~/.cache/beam-c. State: $BEAM_C_STATE or
     * $XDG_STATE_HOME/beam-c or ~/.local/state/beam-c. */
    const char *java_dir; /* cache/java/beam-VERSION, see scripts/get-jars */
    const char *logs_dir; /* state/logs/jobs/NAME-DATE-TIME-PID; made when first used */
    const char *scratch_dir; /* state/run/NAME-DATE-TIME-PID; made when first used */
} bm_session;

#define BM_JAVA_BEAM_VERSION "2.62.0"

/* `session` is zeroed, but for what is set already (cancelled, by a signal); `name` is the
 * program's. */
beam_status bm_session_init(bm_session *session, const char *name, const bm_log *log,
                            beam_error *err);
/* Frees it and removes its scratch folder. */
void bm_session_free(bm_session *session);

/* logs_dir/NAME.log, folder made; characters of `name` that have no place in a file name
 * become '_'. */
beam_status bm_session_log_path(bm_session *session, bm_arena *arena, const char *name,
                                const char **path, beam_error *err);
/* scratch_dir/NAME, made. */
beam_status bm_session_scratch(bm_session *session, const char *name, const char **path,
                               beam_error *err);
/* A TCP port of localhost that is free now. */
beam_status bm_free_port(int *port, beam_error *err);

#endif
