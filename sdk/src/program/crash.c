/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of fatal signals: on whatever thread crashes, so they call nothing but what
 * signal-safety(7) allows, and backtrace(3), which takes no lock and no memory once it was
 * called. It reads the stack, which may be what is broken: should that crash too, the rest
 * is told without it. */
#include "program/crash.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PATIENCE_MS = 3000 };
enum { OWN_FRAMES = 2 }; /* the handler's, and the kernel's call of it */

static const int fatal[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
enum { FATAL = sizeof fatal / sizeof *fatal };

/* Handlers get no argument of ours. Written before they are set. */
static int said[2], told[2];
static atomic_bool is_told;
static atomic_int crashing; /* the first thread that does; 0: none yet */

static void on_fatal(int signal_number)
{
    struct pollfd answer = { .fd = told[0], .events = POLLIN };
    int self = (int)syscall(SYS_gettid), first = 0;
    bm_crash crash = { .signal = signal_number, .thread = self };
    bool is_first = atomic_compare_exchange_strong(&crashing, &first, self);
    if (is_first) crash.n_frames = backtrace(crash.frames, BM_CRASH_FRAMES);
    if ((!is_first && first != self) || atomic_exchange(&is_told, true))
        poll(NULL, 0, PATIENCE_MS); /* another thread has crashed before */
    else if (write(said[1], &crash, sizeof crash) == sizeof crash)
        poll(&answer, 1, PATIENCE_MS);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void set(int signal_number, void (*from)(int), void (*to)(int))
{
    struct sigaction action;
    if (sigaction(signal_number, NULL, &action)) return;
    if (action.sa_flags & SA_SIGINFO || action.sa_handler != from) return;
    action = (struct sigaction){ .sa_handler = to, .sa_flags = SA_NODEFER | SA_ONSTACK };
    sigemptyset(&action.sa_mask);
    sigaction(signal_number, &action, NULL);
}

int bm_crash_watch(void)
{
    if (pipe2(said, O_CLOEXEC)) return -1;
    if (pipe2(told, O_CLOEXEC)) {
        close(said[0]);
        close(said[1]);
        return -1;
    }
    atomic_store(&is_told, false);
    atomic_store(&crashing, 0);
    void *frame;
    backtrace(&frame, 1); /* loads what it needs */
    for (size_t i = 0; i < FATAL; i++) set(fatal[i], SIG_DFL, on_fatal);
    return said[0];
}

void bm_crash_told(void)
{
    while (write(told[1], "", 1) != 1) continue;
}

static int write_frame(const char *address, char *text, size_t size)
{
    Dl_info in;
    if (!dladdr(address, &in)) return snprintf(text, size, "%p\n", (const void *)address);
    size_t offset = (size_t)(address - (const char *)in.dli_fbase);
    if (!in.dli_sname) return snprintf(text, size, "%s+0x%zx\n", in.dli_fname, offset);
    return snprintf(text, size, "%s+0x%zx (%s+0x%zx)\n", in.dli_sname,
                    (size_t)(address - (const char *)in.dli_saddr), in.dli_fname, offset);
}

void bm_crash_trace(const bm_crash *crash, char *text, size_t size)
{
    *text = '\0';
    for (int i = OWN_FRAMES; i < crash->n_frames; i++) {
        int n = write_frame(crash->frames[i], text, size);
        if (n < 0 || (size_t)n >= size) break;
        text += n;
        size -= (size_t)n;
    }
    *text = '\0'; /* in place of a line that did not fit */
}

void bm_crash_unwatch(void)
{
    for (size_t i = 0; i < FATAL; i++) set(fatal[i], on_fatal, SIG_DFL);
    for (size_t i = 0; i < 2; i++) {
        close(said[i]);
        close(told[i]);
    }
}
