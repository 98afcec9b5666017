/* SPDX-License-Identifier: Apache-2.0 */
/* program/console.h - what the person at the terminal sees: messages, and below them one
 * line of status that stays. Any thread. */
#ifndef BM_CONSOLE_H
#define BM_CONSOLE_H

#include <pthread.h>

#include "base/log.h"

typedef struct bm_console {
    const char *name; /* of the program: starts each message */
    beam_severity minimum;
    bool terminal;        /* stderr is one; else there is no status line */
    pthread_mutex_t lock; /* guards the terminal and `status` */
    char status[512];
} bm_console;

void bm_console_init(bm_console *console, const char *name, beam_severity minimum);
void bm_console_free(bm_console *console); /* takes the status line away */
bm_log bm_console_log(bm_console *console);
/* "" takes it away. */
void bm_console_status(bm_console *console, const char *text);

#endif
