/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a program, and reading from /proc what it and its children have used. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fnbench.h"

enum { MOST_PROCESSES = 256, STOP_PATIENCE_MS = 5000 };

typedef struct process {
    pid_t pid, parent;
    unsigned long ticks;
} process;

static bool read_stat(pid_t pid, process *out)
{
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    if (!f) return false;
    size_t n = fread(line, 1, sizeof line - 1, f);
    fclose(f);
    line[n] = '\0';
    const char *rest = strrchr(line, ')');
    unsigned long user, system, children_user, children_system;
    int parent;
    if (!rest
        || sscanf(rest + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu",
                  &parent, &user, &system, &children_user, &children_system) != 5)
        return false;
    *out = (process){ pid, parent, user + system + children_user + children_system };
    return true;
}

/* The process and all below it. */
static size_t tree(pid_t root, process *out)
{
    process all[4096];
    size_t n_all = 0, n = 0;
    DIR *dir = opendir("/proc");
    for (struct dirent *e; dir && (e = readdir(dir)) && n_all < BEAM_COUNT(all);) {
        pid_t pid = (pid_t)atoi(e->d_name);
        if (pid > 0 && read_stat(pid, &all[n_all])) n_all++;
    }
    if (dir) closedir(dir);
    for (size_t i = 0; i < n_all && n < MOST_PROCESSES; i++)
        if (all[i].pid == root) out[n++] = all[i];
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n_all && n < MOST_PROCESSES; j++)
            if (all[j].parent == out[i].pid) out[n++] = all[j];
    return n;
}

static size_t peak_of(pid_t pid)
{
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "r");
    unsigned long kib = 0;
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %lu", &kib) == 1) break;
    if (f) fclose(f);
    return (size_t)kib << 10;
}

process_use process_use_of(pid_t pid)
{
    process list[MOST_PROCESSES];
    size_t n = tree(pid, list);
    process_use use = { 0, 0 };
    for (size_t i = 0; i < n; i++) {
        use.cpu_s += (double)list[i].ticks / (double)sysconf(_SC_CLK_TCK);
        use.peak_rss_bytes += peak_of(list[i].pid);
    }
    return use;
}

void process_reset_peak(pid_t pid)
{
    process list[MOST_PROCESSES];
    size_t n = tree(pid, list);
    for (size_t i = 0; i < n; i++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/clear_refs", (int)list[i].pid);
        FILE *f = fopen(path, "w");
        if (!f) continue;
        fputs("5", f);
        fclose(f);
    }
}

pid_t process_start(const char *command)
{
    char *line = malloc(strlen(command) + 8);
    sprintf(line, "exec %s", command);
    pid_t pid = fork();
    if (pid < 0) fatal("cannot start a process: %s", strerror(errno));
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        dup2(STDERR_FILENO, STDOUT_FILENO);
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    free(line);
    return pid;
}

bool process_ended(pid_t pid)
{
    return waitpid(pid, NULL, WNOHANG) != 0;
}

void process_stop(pid_t pid)
{
    static const int signals[] = { 0, SIGTERM, SIGKILL };
    for (size_t i = 0; i < BEAM_COUNT(signals); i++) {
        if (signals[i]) kill(pid, signals[i]);
        for (int ms = 0; ms < STOP_PATIENCE_MS; ms += 10) {
            if (process_ended(pid)) return;
            nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
        }
    }
}
