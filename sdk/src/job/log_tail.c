/* SPDX-License-Identifier: Apache-2.0 */
/* See log_tail.h. */
#include "job/log_tail.h"

#include <string.h>

void bm_log_tail_open(bm_log_tail *tail, const char *path)
{
    *tail = (bm_log_tail){ .log = path ? fopen(path, "re") : NULL };
}

void bm_log_tail_close(bm_log_tail *tail)
{
    if (tail->log) fclose(tail->log);
    tail->log = NULL;
}

/* False: there is none yet. One that is being written is read when it is whole. */
static bool next_line(bm_log_tail *tail, char *line, int size)
{
    for (;;) {
        clearerr(tail->log);
        long start = ftell(tail->log);
        if (!fgets(line, size, tail->log)) return false;
        size_t n = strlen(line);
        bool ends = n && line[n - 1] == '\n';
        if (!ends && n + 1 < (size_t)size) {
            fseek(tail->log, start, SEEK_SET);
            return false;
        }
        bool is_rest = tail->amid_line;
        tail->amid_line = !ends;
        line[strcspn(line, "\r\n")] = '\0';
        if (!is_rest) return true;
    }
}

static bool is_of_trace(const char *line)
{
    return *line == '\t' || *line == ' ' || !strncmp(line, "Caused by: ", 11);
}

/* "java.lang.IllegalStateException: text" -> "text" */
static const char *text_of(const char *exception)
{
    const char *colon = strstr(exception, ": ");
    bool is_class = colon && !memchr(exception, ' ', (size_t)(colon - exception));
    return is_class ? text_of(colon + 2) : exception;
}

static bool take(bm_log_tail *tail, char *text, size_t size)
{
    bool same = !*tail->cause || strstr(tail->failure, tail->cause);
    snprintf(text, size, "%s%s%s", tail->failure, same ? "" : ": ",
             same ? "" : tail->cause);
    tail->in_trace = false;
    return true;
}

bool bm_log_tail_failure(bm_log_tail *tail, char *text, size_t size)
{
    static const char mark[] = "Exception while trying to handle InstructionRequest ";
    char line[1024];
    bool any = false;
    while (tail->log && next_line(tail, line, sizeof line)) {
        any = true;
        const char *at = strstr(line, mark);
        if (tail->in_trace && !at) {
            if (!is_of_trace(line)) return take(tail, text, size);
            if (*line == 'C')
                snprintf(tail->cause, sizeof tail->cause, "%.299s", text_of(line + 11));
            continue;
        }
        if (!at) continue;
        bool was_in_trace = tail->in_trace && take(tail, text, size);
        at += sizeof mark - 1;
        at += strcspn(at, " "); /* the number of the instruction */
        snprintf(tail->failure, sizeof tail->failure, "%.299s",
                 text_of(at + strspn(at, " ")));
        tail->cause[0] = '\0';
        tail->in_trace = true;
        if (was_in_trace) return true;
    }
    return tail->in_trace && !any && take(tail, text, size);
}
