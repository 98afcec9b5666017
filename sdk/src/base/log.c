/* SPDX-License-Identifier: Apache-2.0 */
/* Severities and the stderr sink. Any thread. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
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

static void write_stderr(void *self, const bm_log_entry *entry)
{
    (void)self;
    char at[16];
    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &parts);
    strftime(at, sizeof at, "%H:%M:%S", &parts);
    fprintf(stderr, "%s.%03ld %-5s %s%s%s%s\n", at, now.tv_nsec / 1000000,
            bm_severity_text(entry->severity), entry->transform_id ? "[" : "",
            entry->transform_id ? entry->transform_id : "", entry->transform_id ? "] " : "",
            entry->message);
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
    log->write(log->self, &(bm_log_entry){ severity, message, NULL, NULL, location });
}
