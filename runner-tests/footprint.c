/* SPDX-License-Identifier: Apache-2.0 */
/* footprint: what a worker costs before it has done anything.
 *
 *     footprint PROGRAM
 *
 * Plays the runner: starts PROGRAM as a worker some times and prints the time from exec to
 * the open control stream, the resident memory of the idle worker and the binary's size.
 * Fails when no worker connects, or a median is beyond ten times the aim. Main thread, and
 * the rpc thread in on_control. */
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rpc/rpc.h"

extern char **environ;

enum { RUNS = 11, AIM_START_US = 10000, AIM_IDLE_KIB = 10240 };

struct runner {
    pthread_mutex_t lock;
    pthread_cond_t connected;
    int64_t connected_us; /* under lock; 0: not yet */
};

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void drop_message(void *self, bm_stream *stream, bm_message *message)
{
    (void)self;
    (void)stream;
    bm_message_free(message);
}

static void ignore_end(void *self, bm_stream *stream, beam_status status, const char *text)
{
    (void)self;
    (void)stream;
    (void)status;
    (void)text;
}

static const bm_stream_handler quiet = { .on_message = drop_message, .on_end = ignore_end };

/* rpc thread */
static bool on_control(void *self, const bm_incoming *call, bm_stream *stream,
                       const bm_stream_handler **handler, void **handler_self)
{
    (void)call;
    (void)stream;
    struct runner *runner = self;
    pthread_mutex_lock(&runner->lock);
    runner->connected_us = now_us();
    pthread_cond_signal(&runner->connected);
    pthread_mutex_unlock(&runner->lock);
    *handler = &quiet;
    *handler_self = runner;
    return true;
}

/* rpc thread */
static bool on_logging(void *self, const bm_incoming *call, bm_stream *stream,
                       const bm_stream_handler **handler, void **handler_self)
{
    (void)call;
    (void)stream;
    *handler = &quiet;
    *handler_self = self;
    return true;
}

static const bm_method methods[] = {
    { "/org.apache.beam.model.fn_execution.v1.BeamFnControl/Control", NULL, on_control },
    { "/org.apache.beam.model.fn_execution.v1.BeamFnLogging/Logging", NULL, on_logging },
};

static int64_t resident_kib(pid_t pid)
{
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    long long kib = -1;
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmRSS: %lld kB", &kib) == 1) break;
    if (file) fclose(file);
    return kib;
}

/* One worker's life; false when it does not connect within 10 s. */
static bool measure(struct runner *runner, const char *program, int port, int64_t *start_us,
                    int64_t *idle_kib)
{
    char control[64], logging[64];
    snprintf(control, sizeof control, "--control_endpoint=localhost:%d", port);
    snprintf(logging, sizeof logging, "--logging_endpoint=localhost:%d", port);
    char *args[] = { (char *)program, "--worker", "--id=footprint", control, logging, NULL };
    pid_t pid;
    runner->connected_us = 0;
    int64_t began_us = now_us();
    if (posix_spawn(&pid, program, NULL, NULL, args, environ)) return false;
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += 10;
    pthread_mutex_lock(&runner->lock);
    int timed_out = 0;
    while (!runner->connected_us && !timed_out)
        timed_out = pthread_cond_timedwait(&runner->connected, &runner->lock, &deadline);
    *start_us = runner->connected_us - began_us;
    pthread_mutex_unlock(&runner->lock);
    usleep(300000);
    *idle_kib = resident_kib(pid);
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    return !timed_out;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    if (argc != 2 || argv[1][0] == '-') {
        fputs("Usage: footprint PROGRAM - what a Beam C program costs as an idle worker\n", stderr);
        return 2;
    }
    beam_error err;
    struct runner runner = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 };
    bm_rpc *rpc = bm_rpc_new();
    bm_server *server =
        bm_server_new(rpc, "localhost:0", methods, BEAM_COUNT(methods), &runner, &err);
    if (!server) {
        fprintf(stderr, "footprint: %s\n", err.message);
        return 1;
    }
    int64_t start_us[RUNS], idle_kib[RUNS];
    bool good = true;
    for (int i = 0; i < RUNS && good; i++)
        good = measure(&runner, argv[1], bm_server_port(server), &start_us[i], &idle_kib[i]);
    bm_server_free(server);
    bm_rpc_free(rpc);
    if (!good) {
        fprintf(stderr, "footprint: %s did not open a control stream\n", argv[1]);
        return 1;
    }
    qsort(start_us, RUNS, sizeof *start_us, by_value);
    qsort(idle_kib, RUNS, sizeof *idle_kib, by_value);
    struct stat binary = { 0 };
    stat(argv[1], &binary);
    int64_t start = start_us[RUNS / 2], idle = idle_kib[RUNS / 2];
    printf("worker: exec to control stream %.1f ms (min %.1f, max %.1f, n %d; aim 10)\n",
           (double)start / 1000, (double)start_us[0] / 1000, (double)start_us[RUNS - 1] / 1000,
           RUNS);
    printf("worker: idle resident memory %.1f MiB (min %.1f, max %.1f; aim 10)\n",
           (double)idle / 1024, (double)idle_kib[0] / 1024, (double)idle_kib[RUNS - 1] / 1024);
    printf("worker: binary %.2f MB\n", (double)binary.st_size / 1e6);
    return start > 10 * AIM_START_US || idle > 10 * AIM_IDLE_KIB;
}
