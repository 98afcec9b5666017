/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines of Beam's Java processes, and waiting until they answer. */
#include "job/java.h"

#include <dirent.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "http/request.h"
#include "job/probe.h"

enum { READY_TIMEOUT_MS = 90000, MAX_ARGS = 32 };

typedef struct command {
    bm_arena *arena;
    const char *argv[MAX_ARGS + 1];
    size_t n;
} command;

static void add(command *c, const char *arg)
{
    if (c->n < MAX_ARGS) c->argv[c->n++] = arg;
}

/* -- what has to be there --------------------------------------------------------------- */
static beam_status find_java(bm_arena *arena, const char **java, beam_error *err)
{
    const char *home = getenv("JAVA_HOME");
    if (home && *home) {
        *java = bm_format(arena, "%s/bin/java", home);
        if (!access(*java, X_OK)) return BEAM_OK;
        return bm_error(err, BEAM_EIO, "JAVA_HOME is %s, but there is no bin/java in it",
                        home);
    }
    const char *path = getenv("PATH");
    for (const char *at = path ? path : ""; *at; at += strspn(at, ":")) {
        size_t n = strcspn(at, ":");
        *java = bm_format(arena, "%.*s/java", (int)n, at);
        if (!access(*java, X_OK)) return BEAM_OK;
        at += n;
    }
    return bm_error(err, BEAM_EIO,
                    "java is not installed, and Beam's Java services need it: run "
                    "'apt-get install openjdk-17-jre-headless', or set JAVA_HOME");
}

static bool has_jars(const char *dir)
{
    bool found = false;
    DIR *folder = opendir(dir);
    for (struct dirent *entry; folder && (entry = readdir(folder)) && !found;) {
        size_t n = strlen(entry->d_name);
        found = n > 4 && !strcmp(entry->d_name + n - 4, ".jar");
    }
    if (folder) closedir(folder);
    return found;
}

static beam_status need_jars(const bm_session *session, bm_arena *arena,
                             const char *const *sets, const char *what, beam_error *err)
{
    for (; *sets; sets++) {
        const char *dir = bm_format(arena, "%s/%s", session->java_dir, *sets);
        if (has_jars(dir)) continue;
        return bm_error(
            err, BEAM_EIO,
            "%s needs the jars in %s, which are not there: run scripts/get-jars (of an "
            "installed SDK: share/beam-c/scripts/get-jars)", what, dir);
    }
    return BEAM_OK;
}

/* -- command lines --------------------------------------------------------------------------- */
/* java, its own options and the class path `cp` (no shell: java expands the stars). */
static beam_status java_command(bm_session *session, command *c, const char *cds,
                                bool runs_long, const char *const *options,
                                const char *cp, beam_error *err)
{
    const char *java = NULL;
    BEAM_TRY(find_java(c->arena, &java, err));
    add(c, java);
    for (; *options; options++) add(c, *options);
    add(c, "-XX:+UseSerialGC");
    /* The quick compiler alone starts fastest; what runs long earns the other one too. */
    if (!runs_long) add(c, "-XX:TieredStopAtLevel=1");
    add(c, bm_format(c->arena, "-XX:SharedArchiveFile=%s/cds/%s.jsa", session->java_dir,
                     cds));
    add(c, "-Xlog:disable");
    add(c, "-Xlog:all=off");
    add(c, "-cp");
    add(c, cp);
    return BEAM_OK;
}

bool bm_flink_is_embedded(const char *flink_master)
{
    return !flink_master || flink_master[0] == '[';
}

/* The cluster of our own scripts has Beam's jars in its class path and says so; nothing has
 * to be uploaded to it. */
static bool cluster_has_jars(bm_arena *arena, const char *flink_master)
{
    beam_span config;
    const char *url = bm_format(arena, "http://%s/jobmanager/config", flink_master);
    if (bm_http_get(url, 5000, arena, &config, NULL)) return false;
    const char *key = strstr(bm_cstr(arena, config), "\"beam.c.jars\"");
    const char *end = key ? strchr(key, '}') : NULL;
    const char *version = key ? strstr(key, "\"" BM_JAVA_BEAM_VERSION "\"") : NULL;
    return version && end && version < end;
}

static beam_status check_cluster(const char *flink_master, beam_error *err)
{
    switch (bm_probe_address(flink_master)) {
    case BM_PROBE_FLINK: return BEAM_OK;
    case BM_PROBE_NOBODY:
        return bm_error(
            err, BEAM_ERPC,
            "no Flink cluster answers at %s (--flink_master): start it (scripts/"
            "start-env.sh -f), or leave --flink_master out to run on an embedded Flink",
            flink_master);
    default: break;
    }
    return bm_error(
        err, BEAM_ERPC,
        "%s (--flink_master) is not Flink's REST API, whose port is 8081 by default",
        flink_master);
}

/* -- waiting --------------------------------------------------------------------------------------- */
static bool accepts_connections(int port)
{
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
    if (getaddrinfo("localhost", service, &hints, &found)) return false;
    bool ok = false;
    for (struct addrinfo *at = found; at && !ok; at = at->ai_next) {
        int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ok = fd >= 0 && !connect(fd, at->ai_addr, at->ai_addrlen);
        if (fd >= 0) close(fd);
    }
    freeaddrinfo(found);
    return ok;
}

void bm_service_epitaph(const bm_service *service, beam_error *err)
{
    char words[400];
    bm_log_last_words(service->log_path, words, sizeof words);
    bm_error(err, BEAM_ERPC, "%s ended (%s)%s%s; its log is %s", service->what,
             bm_child_end_text(service->child), *words ? ": " : "", words,
             service->log_path);
}

static beam_status wait_ready(bm_session *session, bm_service *service, beam_error *err)
{
    int64_t until = bm_monotonic_ms() + READY_TIMEOUT_MS;
    while (!accepts_connections(service->port)) {
        if (atomic_load(&session->cancelled))
            return bm_error(err, BEAM_ECANCELLED, "cancelled");
        if (bm_child_wait(service->child, 20)) {
            bm_service_epitaph(service, err);
            return BEAM_ERPC;
        }
        if (bm_monotonic_ms() > until)
            return bm_error(err, BEAM_ETIMEOUT,
                            "%s does not answer after %d s; its log is %s", service->what,
                            READY_TIMEOUT_MS / 1000, service->log_path);
    }
    return BEAM_OK;
}

beam_status bm_service_wait(bm_session *session, bm_service *service, beam_error *err)
{
    beam_status status = wait_ready(session, service, err);
    if (status) bm_service_stop(service);
    return status;
}

static beam_status start(bm_session *session, command *c, const char *name,
                         const char *what, int port, bm_service *out, beam_error *err)
{
    *out = (bm_service){ .what = what, .port = port };
    BEAM_TRY(bm_session_log_path(session, &session->arena, name, &out->log_path, err));
    bm_child_opts opts = { .argv = c->argv, .log_path = out->log_path };
    out->address = bm_format(&session->arena, "localhost:%d", port);
    return bm_child_start(&opts, &out->child, err);
}

void bm_service_stop(bm_service *service)
{
    bm_child_free(service->child);
    service->child = NULL;
}

/* -- the three processes ------------------------------------------------------------------------------ */
beam_status bm_job_server_start(bm_session *session, const bm_java_opts *opts,
                                bm_service *out, beam_error *err)
{
    bm_arena *arena = &session->arena;
    command c = { .arena = arena };
    const char *dir = session->java_dir, *artifacts, *tmp;
    bool embedded = bm_flink_is_embedded(opts->flink_master);
    if (!embedded) BEAM_TRY(check_cluster(opts->flink_master, err));
    const char *sets[] = { "jobserver", "shims/nostage", NULL };
    BEAM_TRY(need_jars(session, arena, sets, "the Flink job server", err));
    BEAM_TRY(bm_session_scratch(session, "artifacts", &artifacts, err));
    BEAM_TRY(bm_session_scratch(session, "tmp", &tmp, err));

    const char *cp = bm_format(arena, "%s/jobserver/*", dir);
    if (embedded || cluster_has_jars(arena, opts->flink_master))
        cp = bm_format(arena, "%s/shims/nostage/*:%s", dir, cp);
    /* With its heap full Flink would go on, at the pace of its garbage collector. And it copies
     * what a streaming job sends to its side inputs with Kryo, which looks into java.util. */
    const char *options[] = { "-Xmx1g", "-XX:+ExitOnOutOfMemoryError",
                              bm_format(arena, "-Djava.io.tmpdir=%s", tmp),
                              "--add-opens=java.base/java.util=ALL-UNNAMED", NULL };
    BEAM_TRY(
        java_command(session, &c, "jobserver", session->streaming, options, cp, err));
    add(&c, "org.apache.beam.runners.flink.FlinkJobServerDriver");
    int ports[3];
    for (int i = 0; i < 3; i++) BEAM_TRY(bm_free_port(&ports[i], err));
    add(&c, "--job-host=localhost");
    add(&c, bm_format(arena, "--job-port=%d", ports[0]));
    add(&c, bm_format(arena, "--artifact-port=%d", ports[1]));
    add(&c, bm_format(arena, "--expansion-port=%d", ports[2]));
    add(&c, bm_format(arena, "--flink-master=%s",
                      opts->flink_master ? opts->flink_master : "[local]"));
    add(&c, "--artifacts-dir"); /* apart: its parser wants no space in what has a "=" */
    add(&c, artifacts);
    return start(session, &c, "jobserver", "the Flink job server", ports[0], out, err);
}

beam_status bm_expansion_service_start(bm_session *session, const bm_java_opts *opts,
                                       bm_service *out, beam_error *err)
{
    bm_arena *arena = &session->arena;
    command c = { .arena = arena };
    const char *dir = session->java_dir;
    const char *sets[] = { "expansion", "shims/boot", NULL };
    BEAM_TRY(need_jars(session, arena, sets, "the Java expansion service", err));
    const char *cp = bm_format(arena, "%s/expansion/*", dir);
    const char *options[] = { "-Xmx256m", NULL };
    BEAM_TRY(java_command(session, &c, "expansion", false, options, cp, err));
    int port;
    BEAM_TRY(bm_free_port(&port, err));
    add(&c, "org.apache.beam.sdk.expansion.service.ExpansionService");
    add(&c, bm_format(arena, "%d", port));
    add(&c, "--defaultEnvironmentType=EXTERNAL");
    add(&c, bm_format(arena, "--defaultEnvironmentConfig=%s", opts->pool_address));
    /* Without it every jar is hashed for every transform. */
    add(&c, bm_format(arena, "--filesToStage=%s/shims/boot/boot.jar", dir));
    if (opts->use_deprecated_read) add(&c, "--experiments=use_deprecated_read");
    return start(session, &c, "expansion", "the Java expansion service", port, out, err);
}

/* With at most two arguments after the class. */
static beam_status worker_argv(bm_session *session, bm_arena *arena, const char *arg0,
                               const char *arg1, const char *const **argv,
                               beam_error *err)
{
    command c = { .arena = arena };
    const char *dir = session->java_dir;
    const char *sets[] = { "expansion", "shims/boot", NULL };
    BEAM_TRY(need_jars(session, arena, sets, "the Java worker", err));
    const char *cp = bm_format(arena, "%s/shims/boot/*:%s/expansion/*", dir, dir);
    const char *options[] = { "-Xmx512m", NULL };
    BEAM_TRY(java_command(session, &c, "worker", session->streaming, options, cp, err));
    add(&c, "beamc.WorkerBoot");
    add(&c, arg0);
    if (arg1) add(&c, arg1);
    const char **copy = BM_NEW_ARRAY(arena, const char *, c.n + 1);
    memcpy(copy, c.argv, c.n * sizeof *copy);
    *argv = copy;
    return BEAM_OK;
}

beam_status bm_java_worker_argv(bm_session *session, bm_arena *arena, const char *id,
                                const char *provision_endpoint, const char *const **argv,
                                beam_error *err)
{
    return worker_argv(session, arena, bm_format(arena, "--id=%s", id),
                       bm_format(arena, "--provision_endpoint=%s", provision_endpoint),
                       argv, err);
}

beam_status bm_java_spare_argv(bm_session *session, bm_arena *arena, const char *handover,
                               const char *const **argv, beam_error *err)
{
    return worker_argv(session, arena, bm_format(arena, "--handover=%s", handover), NULL,
                       argv, err);
}
