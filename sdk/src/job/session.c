/* SPDX-License-Identifier: Apache-2.0 */
/* Folders, free ports and the clock of a run. */
#include "job/session.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

enum { KEPT_LOG_FOLDERS = 30 };

/* The value of an environment variable, or NULL when it is unset or empty. */
static const char *env(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* Other processes take what is in it as URLs, or from another folder. */
static const char *absolute(bm_arena *arena, const char *path)
{
    char here[4096];
    if (*path == '/' || !getcwd(here, sizeof here)) return path;
    return bm_format(arena, "%s/%s", here, path);
}

static const char *cache_dir(bm_arena *arena)
{
    const char *home = env("HOME");
    const char *own = env("BEAM_C_CACHE");
    return own ? own : bm_format(arena, "%s/.cache/beam-c", home ? home : "/tmp");
}

static const char *state_dir(bm_arena *arena)
{
    const char *own = env("BEAM_C_STATE"), *xdg = env("XDG_STATE_HOME"),
               *home = env("HOME");
    if (own) return own;
    if (xdg) return bm_format(arena, "%s/beam-c", xdg);
    return bm_format(arena, "%s/.local/state/beam-c", home ? home : "/tmp");
}

static char *file_name(bm_arena *arena, const char *text)
{
    char *name = bm_strdup(arena, text);
    for (char *at = name; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("-_.", *at)) *at = '_';
    return name;
}

beam_status bm_session_init(bm_session *session, const char *name, const bm_log *log,
                            beam_error *err)
{
    session->log = *log;
    session->host = "localhost";
    bm_arena_init(&session->arena, 0);
    session->rpc = bm_rpc_new();
    if (!session->rpc) return bm_error(err, BEAM_ERPC, "gRPC cannot be started");

    char at[32];
    time_t now = time(NULL);
    struct tm parts;
    localtime_r(&now, &parts);
    strftime(at, sizeof at, "%Y%m%d-%H%M%S", &parts);
    bm_arena *arena = &session->arena;
    const char *state = absolute(arena, state_dir(arena)), *file = file_name(arena, name);
    session->java_dir = bm_format(arena, "%s/java/beam-" BM_JAVA_BEAM_VERSION,
                                  absolute(arena, cache_dir(arena)));
    session->logs_dir = bm_format(arena, "%s/logs/jobs/%s-%s-%d", state, file, at,
                                  (int)getpid());
    session->scratch_dir = bm_format(arena, "%s/run/%s-%s-%d", state, file, at,
                                     (int)getpid());
    return BEAM_OK;
}

static int remove_entry(const char *path, const struct stat *info, int type,
                        struct FTW *at)
{
    (void)info;
    (void)type;
    (void)at;
    remove(path);
    return 0;
}

static void remove_tree(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void bm_session_free(bm_session *session)
{
    if (session->rpc) bm_rpc_free(session->rpc);
    if (session->scratch_dir) remove_tree(session->scratch_dir);
    bm_arena_free(&session->arena);
}

static beam_status make_folders(const char *path, beam_error *err)
{
    char part[4096];
    size_t n = strlen(path);
    if (n >= sizeof part)
        return bm_error(err, BEAM_EIO, "the path %.100s... is too long", path);
    memcpy(part, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (part[i] != '/' && part[i]) continue;
        part[i] = '\0';
        if (mkdir(part, 0755) && errno != EEXIST)
            return bm_error(err, BEAM_EIO, "cannot make the folder %s: %s", part,
                            strerror(errno));
        part[i] = path[i];
    }
    return BEAM_OK;
}

static void parent_of(const char *path, char *parent, size_t size)
{
    snprintf(parent, size, "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash) *slash = '\0';
}

static int has_folder(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int by_age(const struct dirent **a, const struct dirent **b)
{
    /* The names end in DATE-TIME-PID, so the last three parts sort by age. */
    const char *at[2] = { (*a)->d_name, (*b)->d_name };
    for (int i = 0; i < 2; i++) {
        const char *end = at[i] + strlen(at[i]);
        for (int dashes = 0; end > at[i] && dashes < 3;)
            if (*--end == '-') dashes++;
        at[i] = end;
    }
    return strcmp(at[0], at[1]);
}

/* What a run that was killed has left: its folder ends in the id of a process that is gone. */
static void remove_strays(const char *scratch_dir)
{
    char parent[4096];
    parent_of(scratch_dir, parent, sizeof parent);
    DIR *folder = opendir(parent);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        const char *dash = strrchr(entry->d_name, '-');
        int pid = dash ? atoi(dash + 1) : 0;
        if (pid <= 0 || !kill(pid, 0) || errno != ESRCH) continue;
        char path[sizeof parent + sizeof entry->d_name];
        snprintf(path, sizeof path, "%s/%s", parent, entry->d_name);
        remove_tree(path);
    }
    if (folder) closedir(folder);
}

/* Old runs' logs are of no use to anyone. */
static void forget_old_logs(const char *logs_dir)
{
    char parent[4096];
    parent_of(logs_dir, parent, sizeof parent);
    struct dirent **entries;
    int n = scandir(parent, &entries, has_folder, by_age);
    for (int i = 0; i < n; i++) {
        char path[sizeof parent + sizeof entries[i]->d_name];
        snprintf(path, sizeof path, "%s/%s", parent, entries[i]->d_name);
        if (i < n - KEPT_LOG_FOLDERS) remove_tree(path);
        free(entries[i]);
    }
    if (n >= 0) free(entries);
}

beam_status bm_session_log_path(bm_session *session, bm_arena *arena, const char *name,
                                const char **path, beam_error *err)
{
    if (access(session->logs_dir, F_OK)) {
        BEAM_TRY(make_folders(session->logs_dir, err));
        forget_old_logs(session->logs_dir);
    }
    *path = bm_format(arena, "%s/%s.log", session->logs_dir, file_name(arena, name));
    return BEAM_OK;
}

beam_status bm_session_scratch(bm_session *session, const char *name, const char **path,
                               beam_error *err)
{
    *path = bm_format(&session->arena, "%s/%s", session->scratch_dir, name);
    if (access(session->scratch_dir, F_OK)) remove_strays(session->scratch_dir);
    return make_folders(*path, err);
}

beam_status bm_free_port(int *port, beam_error *err)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof address;
    bool ok = fd >= 0 && !bind(fd, (struct sockaddr *)&address, n) &&
              !getsockname(fd, (struct sockaddr *)&address, &n);
    *port = ntohs(address.sin_port);
    int error = errno;
    if (fd >= 0) close(fd);
    return ok ? BEAM_OK
              : bm_error(err, BEAM_EIO, "no free TCP port: %s", strerror(error));
}
