/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of fatal signals: on whatever thread crashes, so they call nothing but what
 * signal-safety(7) allows. */
#include "program/crash.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PATIENCE_MS = 3000 };

static const int fatal[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
enum { FATAL = sizeof fatal / sizeof *fatal };

/* Handlers get no argument of ours. Written before they are set. */
static int said[2], told[2];
static atomic_bool is_told;

static void on_fatal(int signal_number)
{
    struct pollfd answer = { .fd = told[0], .events = POLLIN };
    bm_crash crash = { signal_number, (int)syscall(SYS_gettid) };
    if (atomic_exchange(&is_told, true))
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
    action = (struct sigaction){ .sa_handler = to, .sa_flags = SA_NODEFER };
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
    for (size_t i = 0; i < FATAL; i++) set(fatal[i], SIG_DFL, on_fatal);
    return said[0];
}

void bm_crash_told(void)
{
    while (write(told[1], "", 1) != 1) continue;
}

void bm_crash_unwatch(void)
{
    for (size_t i = 0; i < FATAL; i++) set(fatal[i], on_fatal, SIG_DFL);
    for (size_t i = 0; i < 2; i++) {
        close(said[i]);
        close(told[i]);
    }
}
