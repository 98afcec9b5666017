/* SPDX-License-Identifier: Apache-2.0 */
/* Severities and the stderr sink. Any thread. */
#include "base/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static const char *const names[] = { "UNSPECIFIED", "TRACE", "DEBUG", "INFO",
                                     "NOTICE",      "WARN",  "ERROR", "CRITICAL" };

const char *bm_severity_text(beam_severity severity)
{
    return severity >= 0 && (size_t)severity < BEAM_COUNT(names) ? names[severity] : "?";
}

bool bm_severity_parse(const char *text, beam_severity *out)
{
    for (size_t i = 1; i < BEAM_COUNT(names); i++) {
        if (strcasecmp(text, names[i])) continue;
        *out = (beam_severity)i;
        return true;
    }
    return false;
}

static void write_text(const char *text, bm_writer *out)
{
    bm_write_bytes(out, text, strlen(text));
}

static bool is_word(beam_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] <= ' ' || strchr("\"\\=", text.ptr[i]))
            return false;
    return text.len > 0;
}

static void write_quoted(beam_span text, bm_writer *out)
{
    bm_write_u8(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '"' || c == '\\') bm_write_u8(out, '\\');
        bm_write_u8(out, (uint8_t)((unsigned char)c < ' ' ? ' ' : c));
    }
    bm_write_u8(out, '"');
}

static void write_value(beam_value v, bm_writer *out)
{
    char number[32] = "";
    if (v.kind == BEAM_KIND_STRING && is_word(v.as.span))
        bm_write_bytes(out, v.as.span.ptr, v.as.span.len);
    else if (v.kind == BEAM_KIND_STRING)
        write_quoted(v.as.span, out);
    else if (v.kind == BEAM_KIND_BOOL)
        write_text(v.as.boolean ? "true" : "false", out);
    else if (v.kind == BEAM_KIND_INT64)
        snprintf(number, sizeof number, "%" PRId64, v.as.int64);
    else
        snprintf(number, sizeof number, "%.15g", v.as.number);
    write_text(number, out);
}

void bm_log_fields_text(const bm_log_entry *entry, bm_writer *out)
{
    for (size_t i = 0; i < entry->n_fields; i++) {
        bm_write_u8(out, ' ');
        write_text(entry->fields[i].name, out);
        bm_write_u8(out, '=');
        write_value(entry->fields[i].value, out);
    }
}

/* Each line of it. */
static void write_trace(const char *trace, bm_writer *out)
{
    while (*trace) {
        size_t n = strcspn(trace, "\n");
        write_text("\n    ", out);
        bm_write_bytes(out, trace, n);
        trace += n + (trace[n] == '\n');
    }
}

static void write_stderr(void *self, const bm_log_entry *entry)
{
    (void)self;
    char at[16];
    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &parts);
    strftime(at, sizeof at, "%H:%M:%S", &parts);
    bm_writer more = { 0 };
    bm_log_fields_text(entry, &more);
    if (entry->trace) write_trace(entry->trace, &more);
    fprintf(stderr, "%s.%03ld %-5s %s%s%s%s%.*s\n", at, now.tv_nsec / 1000000,
            bm_severity_text(entry->severity), entry->transform_id ? "[" : "",
            entry->transform_id ? entry->transform_id : "",
            entry->transform_id ? "] " : "", entry->message, (int)more.len,
            more.len ? (const char *)more.data : "");
    bm_writer_free(&more);
}

const bm_log bm_log_stderr = { write_stderr, NULL, BEAM_LOG_INFO };

void bm_log_at(const bm_log *log, beam_severity severity, const char *location,
               const char *format, ...)
{
    if (!log || !log->write || severity < log->minimum) return;
    char message[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    log->write(log->self, &(bm_log_entry){ .severity = severity,
                                           .message = message,
                                           .location = location });
}
