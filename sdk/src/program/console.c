/* SPDX-License-Identifier: Apache-2.0 */
/* Messages and a status line on stderr. */
#include "program/console.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

void bm_console_init(bm_console *console, const char *name, beam_severity minimum)
{
    *console = (bm_console){ .name = name,
                             .minimum = minimum,
                             .terminal = isatty(STDERR_FILENO) == 1 };
    pthread_mutex_init(&console->lock, NULL);
}

void bm_console_free(bm_console *console)
{
    bm_console_status(console, "");
    pthread_mutex_destroy(&console->lock);
}

static int width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || !size.ws_col) return 79;
    return size.ws_col - 1;
}

static void erase(const bm_console *console)
{
    if (console->terminal && *console->status) fputs("\r\033[K", stderr);
}

/* The cursor goes back to the start of the line, so that what others print (a library of
 * the user's, say) covers it. */
static void draw(const bm_console *console)
{
    if (console->terminal && *console->status)
        fprintf(stderr, "%.*s\r", width(), console->status);
    fflush(stderr);
}

static void write_message(void *self, const bm_log_entry *entry)
{
    bm_console *console = self;
    const char *kind = entry->severity >= BEAM_LOG_ERROR  ? "error: "
                       : entry->severity >= BEAM_LOG_WARN ? "warning: "
                                                          : "";
    bm_writer fields = { 0 };
    bm_log_fields_text(entry, &fields);
    pthread_mutex_lock(&console->lock);
    erase(console);
    fprintf(stderr, "%s: %s%s%.*s\n", console->name, kind, entry->message,
            (int)fields.len, fields.len ? (const char *)fields.data : "");
    draw(console);
    pthread_mutex_unlock(&console->lock);
    bm_writer_free(&fields);
}

bm_log bm_console_log(bm_console *console)
{
    return (bm_log){ write_message, console, console->minimum };
}

void bm_console_status(bm_console *console, const char *text)
{
    if (!console->terminal) return;
    pthread_mutex_lock(&console->lock);
    erase(console);
    snprintf(console->status, sizeof console->status, "%s", text);
    draw(console);
    pthread_mutex_unlock(&console->lock);
}
