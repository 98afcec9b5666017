/* SPDX-License-Identifier: Apache-2.0 */
/* log_entry.h - a log entry that waits for the log stream: a copy of what was written, with
 * its time and thread. */
#ifndef BM_LOG_ENTRY_H
#define BM_LOG_ENTRY_H

#include <time.h>

#include "base/log.h"
#include "model/beam_fn_api.upb.h"

typedef struct bm_kept_entry {
    struct bm_kept_entry *next;
    size_t size;
    beam_severity severity;
    struct timespec at;
    /* Behind the fields; NULL or "": none. */
    const char *message, *instruction_id, *transform_id, *location, *thread, *trace;
    size_t n_fields;
    beam_log_field fields[];
} bm_kept_entry;

/* Text is cut to what runners take; what is no UTF-8 becomes '?', as a runner breaks the stream
 * for it. For free(). Any thread, whose name it takes. */
bm_kept_entry *bm_kept_entry_new(const bm_log_entry *from);
void bm_kept_entry_encode(const bm_kept_entry *entry, pb_LogEntry *out, upb_Arena *pb);
void bm_kept_entry_print(const bm_kept_entry *entry); /* to stderr */

#endif
