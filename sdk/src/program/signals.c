/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that waits for signals, which all other threads block. */
#include "program/signals.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "program/crash.h"

struct bm_signals {
    bm_signal_handler handler;
    int exit_status, signal_fd, stop_fd, crash_fd; /* crash_fd -1: crashes are not watched */
    sigset_t before;
    pthread_t thread;
};

/* timeout(1) and its like send one signal twice, to the process and to its group. */
enum { SAME_SIGNAL_MS = 300 };

static void take_crash(const bm_signals *s)
{
    bm_crash crash;
    char trace[4096];
    if (read(s->crash_fd, &crash, sizeof crash) != sizeof crash) return;
    bm_crash_trace(&crash, trace, sizeof trace);
    s->handler.on_crash(s->handler.self, crash.signal, crash.thread, trace);
    bm_crash_told();
}

static void *run(void *arg)
{
    bm_signals *s = arg;
    struct pollfd fds[] = { { .fd = s->signal_fd, .events = POLLIN },
                            { .fd = s->stop_fd, .events = POLLIN },
                            { .fd = s->crash_fd, .events = POLLIN } };
    for (int64_t first_ms = 0;;) {
        if (poll(fds, 3, -1) < 0 && errno != EINTR) return NULL;
        if (fds[1].revents) return NULL;
        if (fds[2].revents) take_crash(s);
        struct signalfd_siginfo info;
        if (read(s->signal_fd, &info, sizeof info) != sizeof info) continue;
        if (!first_ms) {
            first_ms = bm_monotonic_ms();
            s->handler.on_first(s->handler.self);
        } else if (bm_monotonic_ms() - first_ms >= SAME_SIGNAL_MS) {
            _exit(s->exit_status);
        }
    }
}

static void close_all(bm_signals *s)
{
    if (s->signal_fd >= 0) close(s->signal_fd);
    if (s->stop_fd >= 0) close(s->stop_fd);
    if (s->crash_fd >= 0) bm_crash_unwatch();
    pthread_sigmask(SIG_SETMASK, &s->before, NULL);
    free(s);
}

beam_status bm_signals_start(const bm_signal_handler *handler, int exit_status,
                             bm_signals **out, beam_error *err)
{
    bm_signals *s = bm_xcalloc(1, sizeof *s);
    s->handler = *handler;
    s->exit_status = exit_status;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, &s->before);
    s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    s->stop_fd = eventfd(0, EFD_CLOEXEC);
    s->crash_fd = handler->on_crash ? bm_crash_watch() : -1;
    int error = s->signal_fd < 0 || s->stop_fd < 0
                    ? errno
                    : pthread_create(&s->thread, NULL, run, s);
    *out = error ? NULL : s;
    if (!error) return BEAM_OK;
    close_all(s);
    return bm_error(err, BEAM_EIO, "cannot watch for signals: %s", strerror(error));
}

void bm_signals_free(bm_signals *s)
{
    if (!s) return;
    uint64_t one = 1;
    if (write(s->stop_fd, &one, sizeof one) == sizeof one) pthread_join(s->thread, NULL);
    close_all(s);
}
