/* SPDX-License-Identifier: Apache-2.0 */
/* program/crash.h - a last word before a fatal signal ends the process. What is to be known
 * of a crash is known to other threads than the one that crashes, so it only tells one of
 * them and waits a moment. */
#ifndef BM_CRASH_H
#define BM_CRASH_H

#include <stddef.h>

enum { BM_CRASH_FRAMES = 32 };
typedef struct bm_crash {
    int signal, thread; /* thread: its kernel's id */
    int n_frames;
    void *frames[BM_CRASH_FRAMES]; /* return addresses, innermost first */
} bm_crash;

/* From now on a fatal signal is first written to the descriptor that is returned, as a
 * bm_crash; the process ends when bm_crash_told() was called, or after some seconds. -1: not
 * possible. Signals that something else handles already, such as a sanitizer, are left to
 * it. Once in a process at a time. */
int bm_crash_watch(void);
void bm_crash_told(void);
/* The frames as text, a line each: "function+0x1f (file+0x2e10)", the second of which is
 * for addr2line -e file. Does not allocate. */
void bm_crash_trace(const bm_crash *crash, char *text, size_t size);
void bm_crash_unwatch(void);

#endif
