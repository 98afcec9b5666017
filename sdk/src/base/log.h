/* SPDX-License-Identifier: Apache-2.0 */
/* base/log.h - where messages of the library go. Any thread. */
#ifndef BM_LOG_H
#define BM_LOG_H

#include "base/writer.h"
#include "beam/dofn.h"

typedef struct bm_log_entry {
    beam_severity severity;
    const char *message;
    const char *instruction_id, *transform_id; /* may be NULL */
    const char *location;                      /* "file.c:123", may be NULL */
    const beam_log_field *fields;              /* as beam_log_with() takes them */
    size_t n_fields;
    const char *trace; /* where it happened, a line a step; may be NULL */
} bm_log_entry;

/* A sink; `write` may be called from any thread at once and must not block for long. */
typedef struct bm_log {
    void (*write)(void *self, const bm_log_entry *entry);
    void *self;
    beam_severity minimum;
} bm_log;

/* To stderr, one line each; those of a trace follow. */
extern const bm_log bm_log_stderr;

/* " name=value" for each of the fields; text that has more than a word is in quotes. */
void bm_log_fields_text(const bm_log_entry *entry, bm_writer *out);

void bm_log_at(const bm_log *log, beam_severity severity, const char *location,
               const char *format, ...) BEAM_PRINTF(4, 5);

#define BM_STRINGIFY_(x) #x
#define BM_STRINGIFY(x) BM_STRINGIFY_(x)
#define bm_log_write(log, severity, ...) \
    bm_log_at((log), (severity), __FILE_NAME__ ":" BM_STRINGIFY(__LINE__), __VA_ARGS__)

const char *bm_severity_text(beam_severity severity);
/* "INFO", "debug", ...; false when it is none. */
bool bm_severity_parse(const char *text, beam_severity *out);

#endif
