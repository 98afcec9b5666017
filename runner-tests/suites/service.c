/* SPDX-License-Identifier: Apache-2.0 */
/* Starting and stopping runners. The process that starts tests knows no gRPC, so that it can
 * fork: Flink's job server is looked after by a process between. */
#include "service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "job/java.h"

static const runner_kind kinds[] = {
    { "flink-batch", false, RUNNER_FLINK },
    { "flink-streaming", true, RUNNER_FLINK },
    { "prism", false, RUNNER_PRISM },
    { "local", false, RUNNER_LOCAL },
};

const runner_kind *find_runner(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i].name, name)) return &kinds[i];
    return NULL;
}

/* -- Flink -------------------------------------------------------------------------------- */
static volatile sig_atomic_t told_to_end;

static void end(int signal)
{
    (void)signal;
    told_to_end = 1;
}

static void keep_job_server(int tell)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGTERM, end);
    signal(SIGINT, SIG_IGN); /* the one who started it says when */
    bm_session session = { 0 };
    bm_service server = { 0 };
    bm_java_opts opts = { 0 };
    beam_error err;
    /* Another process may take the port that was free a moment ago. */
    enum { TRIES = 3 };
    bool has_session = !bm_session_init(&session, "beam-suites", &bm_log_stderr, &err);
    bool started = false;
    for (int i = 0; i < TRIES && has_session && !started; i++)
        started = !bm_job_server_start(&session, &opts, &server, &err) &&
                  !bm_service_wait(&session, &server, &err);
    if (started)
        dprintf(tell, "%s\n", server.address);
    else
        fprintf(stderr, "beam-suites: %s\n", err.message);
    close(tell);
    while (started && !told_to_end) usleep(100000);
    bm_service_stop(&server);
    bm_session_free(&session);
    _exit(!started);
}

/* -- Prism -------------------------------------------------------------------------------- */
static int free_port(void)
{
    int s = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t n = sizeof at;
    bool good = s >= 0 && !bind(s, (struct sockaddr *)&at, n) &&
                !getsockname(s, (struct sockaddr *)&at, &n);
    if (s >= 0) close(s);
    return good ? ntohs(at.sin_port) : 0;
}

static bool answers(int port)
{
    int s = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr = { htonl(INADDR_LOOPBACK) } };
    bool good = s >= 0 && !connect(s, (struct sockaddr *)&to, sizeof to);
    if (s >= 0) close(s);
    return good;
}

static void be_prism(const char *program, int tell)
{
    enum { WAIT_MS = 20000 };
    int port = free_port();
    pid_t parent = getpid(), watcher = fork();
    if (watcher == 0) { /* tells when it answers; ends with it */
        for (int ms = 0; ms < WAIT_MS && getppid() == parent; ms += 50) {
            if (answers(port)) {
                dprintf(tell, "localhost:%d\n", port);
                break;
            }
            usleep(50000);
        }
        _exit(0);
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    char port_flag[32];
    snprintf(port_flag, sizeof port_flag, "--job_port=%d", port);
    close(tell);
    if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
        _exit(1);
    execl(program, program, port_flag, "--serve_http=false", (char *)NULL);
    _exit(127);
}

static const char *prism_path(const char *given, char *path, size_t size)
{
    const char *cache = getenv("BEAM_C_CACHE"), *home = getenv("HOME");
    if (given) return given;
    if (cache)
        snprintf(path, size, "%s/prism/prism", cache);
    else
        snprintf(path, size, "%s/.cache/beam-c/prism/prism", home ? home : "");
    return path;
}

/* -- the whole ----------------------------------------------------------------------------- */
bool start_service(const runner_kind *kind, const char *prism, service *out)
{
    *out = (service){ 0 };
    if (kind->what == RUNNER_LOCAL) return true;
    char path[512];
    prism = prism_path(prism, path, sizeof path);
    if (kind->what == RUNNER_PRISM && access(prism, X_OK)) {
        fprintf(stderr, "beam-suites: there is no Prism at %s: run scripts/get-prism\n",
                prism);
        return false;
    }
    int tell[2];
    if (pipe(tell)) return false;
    fflush(NULL);
    out->pid = fork();
    if (out->pid == 0) {
        close(tell[0]);
        if (kind->what == RUNNER_FLINK)
            keep_job_server(tell[1]);
        else
            be_prism(prism, tell[1]);
    }
    close(tell[1]);
    FILE *told = fdopen(tell[0], "r");
    bool good = told && fgets(out->endpoint, sizeof out->endpoint, told);
    if (told) fclose(told);
    out->endpoint[strcspn(out->endpoint, "\n")] = '\0';
    if (!good) stop_service(out);
    if (!good) fprintf(stderr, "beam-suites: the runner did not start\n");
    return good;
}

void stop_service(service *s)
{
    if (s->pid <= 0) return;
    kill(s->pid, SIGTERM);
    while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR) continue;
    s->pid = 0;
}
