/* SPDX-License-Identifier: Apache-2.0 */
/* base/thread.h - threads that may run user code. Any thread. */
#ifndef BM_BASE_THREAD_H
#define BM_BASE_THREAD_H

#include <pthread.h>

/* Starts fn(arg) on a thread of that name (15 bytes at most) with 2 MiB of stack, of which the
 * system commits what is touched. User code that uses it up is told of like other crashes: the
 * signal handler has a stack of its own. Returns what pthread_create() does. */
int bm_thread_start(pthread_t *id, const char *name, void *(*fn)(void *arg), void *arg);

#endif
