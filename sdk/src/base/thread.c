/* SPDX-License-Identifier: Apache-2.0 */
/* Threads with a stack for signal handlers. Any thread. */
#include "base/thread.h"

#include <signal.h>
#include <stdlib.h>

#include "base/arena.h"

enum { STACK_BYTES = 2 << 20, SIGNAL_STACK_BYTES = 64 << 10 };

typedef struct beginning {
    void *(*fn)(void *arg);
    void *arg;
} beginning;

/* A sanitizer that has given the thread a stack already takes it back itself. */
static void use_signal_stack(char *at)
{
    stack_t now, ours = { .ss_sp = at, .ss_size = SIGNAL_STACK_BYTES };
    if (!sigaltstack(NULL, &now) && now.ss_flags & SS_DISABLE) sigaltstack(&ours, NULL);
}

static void leave_signal_stack(const char *at)
{
    stack_t now, none = { .ss_flags = SS_DISABLE };
    if (!sigaltstack(NULL, &now) && now.ss_sp == at) sigaltstack(&none, NULL);
}

static void *begin(void *arg)
{
    beginning b = *(beginning *)arg;
    free(arg);
    char signal_stack[SIGNAL_STACK_BYTES];
    use_signal_stack(signal_stack);
    void *result = b.fn(b.arg);
    leave_signal_stack(signal_stack);
    return result;
}

int bm_thread_start(pthread_t *id, const char *name, void *(*fn)(void *arg), void *arg)
{
    beginning *b = bm_xmalloc(sizeof *b);
    *b = (beginning){ fn, arg };
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    int rc = pthread_create(id, &attr, begin, b);
    pthread_attr_destroy(&attr);
    if (rc) free(b);
    else pthread_setname_np(*id, name);
    return rc;
}
