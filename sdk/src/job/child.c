/* SPDX-License-Identifier: Apache-2.0 */
/* Starting, watching and ending child processes; see child.h for the threads. */
#include "job/child.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"

extern char **environ;

struct bm_child {
    bm_arena arena; /* argv and environment */
    char **argv, **env;
    int log_fd;
    void (*on_end)(void *self, bm_child *child, bool asked);
    void *self;
    pthread_t thread;
    pid_t first_pid; /* as long as the struct lives */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    pid_t pid;       /* 0: not started yet */
    int start_errno; /* why it could not be started */
    bool ended, asked;
    char end_text[64];
};

static char **copy_list(bm_arena *arena, const char *const *list)
{
    size_t n = 0;
    while (list && list[n]) n++;
    char **copy = BM_NEW_ARRAY(arena, char *, n + 1);
    for (size_t i = 0; i < n; i++) copy[i] = bm_strdup(arena, list[i]);
    return copy;
}

static bool sets(const char *entry, const char *const *extra)
{
    for (size_t i = 0; extra && extra[i]; i += 2) {
        size_t n = strlen(extra[i]);
        if (!strncmp(entry, extra[i], n) && entry[n] == '=') return true;
    }
    return false;
}

static char **merge_env(bm_arena *arena, const char *const *extra)
{
    size_t n = 0, n_extra = 0;
    while (environ && environ[n]) n++;
    while (extra && extra[n_extra]) n_extra += 2;
    char **env = BM_NEW_ARRAY(arena, char *, n + n_extra / 2 + 1);
    size_t at = 0;
    for (size_t i = 0; i < n; i++)
        if (!sets(environ[i], extra)) env[at++] = bm_strdup(arena, environ[i]);
    for (size_t i = 0; i < n_extra; i += 2)
        env[at++] = bm_format(arena, "%s=%s", extra[i], extra[i + 1]);
    return env;
}

/* In the child, between fork and exec: async-signal-safe calls only. */
static void become(const bm_child *child, pid_t parent, int report_fd)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    setsid();
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    int null = open("/dev/null", O_RDONLY);
    if (null >= 0) dup2(null, 0);
    if (child->log_fd >= 0) {
        dup2(child->log_fd, 1);
        dup2(child->log_fd, 2);
    }
    /* All the rest shuts at exec, the report too: that is how success is told. */
    close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    execvpe(child->argv[0], child->argv, child->env);
    int error = errno;
    if (write(report_fd, &error, sizeof error) < 0) _exit(126);
    _exit(127);
}

/* 0, or the errno of why there is no such process. */
static int spawn(bm_child *child, pid_t *pid)
{
    int report[2], error = 0;
    if (pipe2(report, O_CLOEXEC)) return errno;
    pid_t parent = getpid();
    *pid = fork();
    if (*pid == 0) become(child, parent, report[1]);
    if (*pid < 0) error = errno;
    close(report[1]);
    if (*pid > 0 && read(report[0], &error, sizeof error) != sizeof error) error = 0;
    close(report[0]);
    if (*pid > 0 && error) waitpid(*pid, NULL, 0);
    return error;
}

static void describe_end(bm_child *child, int status)
{
    if (WIFSIGNALED(status))
        snprintf(child->end_text, sizeof child->end_text, "signal %d (%s)",
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(child->end_text, sizeof child->end_text, "exit status %d",
                 WEXITSTATUS(status));
}

static void *run(void *arg)
{
    bm_child *child = arg;
    pid_t pid = 0;
    int error = spawn(child, &pid);
    pthread_mutex_lock(&child->lock);
    child->start_errno = error;
    child->pid = child->first_pid = error ? -1 : pid;
    child->ended = error != 0;
    pthread_cond_broadcast(&child->changed);
    pthread_mutex_unlock(&child->lock);
    if (error) return NULL;

    /* Reaped under the lock, so that nobody signals a pid that is somebody else's by then. */
    siginfo_t info;
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) && errno == EINTR) continue;
    pthread_mutex_lock(&child->lock);
    int status = 0;
    waitpid(pid, &status, 0);
    describe_end(child, status);
    bool asked = child->asked;
    child->pid = -1;
    pthread_mutex_unlock(&child->lock);
    if (child->on_end) child->on_end(child->self, child, asked);
    pthread_mutex_lock(&child->lock);
    child->ended = true;
    pthread_cond_broadcast(&child->changed);
    pthread_mutex_unlock(&child->lock);
    return NULL;
}

static void free_child(bm_child *child)
{
    if (child->log_fd >= 0) close(child->log_fd);
    pthread_cond_destroy(&child->changed);
    pthread_mutex_destroy(&child->lock);
    bm_arena_free(&child->arena);
    free(child);
}

static bm_child *new_child(const bm_child_opts *opts)
{
    bm_child *child = bm_xcalloc(1, sizeof *child);
    bm_arena_init(&child->arena, 0);
    child->argv = copy_list(&child->arena, opts->argv);
    child->env = merge_env(&child->arena, opts->env);
    child->log_fd = -1;
    child->on_end = opts->on_end;
    child->self = opts->self;
    pthread_mutex_init(&child->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&child->changed, &attr);
    pthread_condattr_destroy(&attr);
    return child;
}

beam_status bm_child_start(const bm_child_opts *opts, bm_child **out, beam_error *err)
{
    bm_child *child = new_child(opts);
    *out = NULL;
    if (opts->log_path) {
        child->log_fd = open(opts->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                             0644);
        if (child->log_fd < 0) {
            bm_error(err, BEAM_EIO, "cannot write the log %s: %s", opts->log_path,
                     strerror(errno));
            free_child(child);
            return BEAM_EIO;
        }
    }
    int error = pthread_create(&child->thread, NULL, run, child);
    if (error) {
        free_child(child);
        return bm_error(err, BEAM_EIO, "cannot start a thread: %s", strerror(error));
    }
    pthread_mutex_lock(&child->lock);
    while (!child->pid) pthread_cond_wait(&child->changed, &child->lock);
    error = child->start_errno;
    pthread_mutex_unlock(&child->lock);
    if (error) {
        pthread_join(child->thread, NULL);
        bm_error(err, BEAM_EIO, "cannot start %s: %s", child->argv[0], strerror(error));
        free_child(child);
        return BEAM_EIO;
    }
    *out = child;
    return BEAM_OK;
}

int bm_child_pid(const bm_child *child)
{
    return child->first_pid;
}

const char *bm_child_end_text(const bm_child *child)
{
    return child->end_text;
}

bool bm_child_wait(bm_child *child, int timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (timeout_ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&child->lock);
    while (!child->ended &&
           pthread_cond_timedwait(&child->changed, &child->lock, &until) != ETIMEDOUT)
        continue;
    bool ended = child->ended;
    pthread_mutex_unlock(&child->lock);
    return ended;
}

static void send_signal(bm_child *child, int signal)
{
    pthread_mutex_lock(&child->lock);
    child->asked = true;
    if (child->pid > 0) kill(child->pid, signal);
    pthread_mutex_unlock(&child->lock);
}

void bm_child_ask_to_stop(bm_child *child)
{
    send_signal(child, SIGTERM);
}

void bm_child_stop(bm_child *child, int patience_ms)
{
    send_signal(child, SIGTERM);
    if (bm_child_wait(child, patience_ms)) return;
    send_signal(child, SIGKILL);
    while (!bm_child_wait(child, 60000)) continue;
}

void bm_child_free(bm_child *child)
{
    if (!child) return;
    if (!bm_child_wait(child, 0)) bm_child_stop(child, 5000);
    pthread_join(child->thread, NULL);
    free_child(child);
}

static bool is_telling(const char *line)
{
    return strstr(line, "Exception") || strstr(line, "Error") || strstr(line, "SEVERE") ||
           strstr(line, "error");
}

void bm_log_last_words(const char *path, char *text, size_t size)
{
    text[0] = '\0';
    FILE *log = fopen(path, "re");
    if (!log) return;
    fseek(log, 0, SEEK_END);
    long end = ftell(log);
    fseek(log, end > 16384 ? end - 16384 : 0, SEEK_SET);
    char line[1024];
    bool telling = false;
    while (fgets(line, sizeof line, log)) {
        line[strcspn(line, "\r\n")] = '\0';
        const char *from = line + strspn(line, " \t");
        if (!*from || !strncmp(from, "at ", 3) || !strncmp(from, "... ", 4)) continue;
        bool tells = is_telling(from);
        if (telling && !tells) continue;
        telling |= tells;
        snprintf(text, size, "%s", from);
    }
    fclose(log);
}

/* The end of the last line with one of the words, from the word on. */
static void find_last(const char *path, const char *const *words, size_t n_words,
                      char *text, size_t size)
{
    text[0] = '\0';
    FILE *log = fopen(path, "re");
    if (!log) return;
    char line[1024];
    while (fgets(line, sizeof line, log))
        for (size_t i = 0; i < n_words; i++) {
            const char *from = strstr(line, words[i]);
            if (!from) continue;
            size_t n = strcspn(from, "\r\n");
            while (n && from[n - 1] == ' ') n--;
            snprintf(text, size, "%.*s", (int)n, from);
        }
    fclose(log);
}

/* The runner only knows that such a worker has gone. */
void bm_log_end_of_worker(const char *path, char *text, size_t size)
{
    static const char *const words[] = { "The worker crashes", "The worker ends:",
                                         "The process ends, since the worker" };
    find_last(path, words, BEAM_COUNT(words), text, size);
}

/* Flink's job service waits three minutes for a worker that has failed its first bundle
 * already, and then knows of the waiting only. */
void bm_log_failed_bundle(const char *path, char *text, size_t size)
{
    static const char *const words[] = {
        "Exception while trying to handle InstructionRequest"
    };
    find_last(path, words, BEAM_COUNT(words), text, size);
}
