/* SPDX-License-Identifier: Apache-2.0 */
/* See probe.h. */
#include "job/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/request.h"

bm_probe bm_probe_address(const char *address)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    bm_http_reply reply;
    bm_http_ask("GET", bm_format(&arena, "http://%s/config", address), 3000, &reply);
    bm_write_u8(&reply.body, '\0');
    bm_probe probe = BM_PROBE_OTHER;
    if (reply.nobody)
        probe = BM_PROBE_NOBODY;
    else if (reply.status == 200 &&
             strstr((const char *)reply.body.data, "flink-version"))
        probe = BM_PROBE_FLINK;
    else if (reply.status)
        probe = BM_PROBE_HTTP;
    bm_writer_free(&reply.body);
    bm_arena_free(&arena);
    return probe;
}

/* -- servers of any kind ------------------------------------------------------------------ */
enum { MOST_SOCKETS = 32 };

typedef struct attempts {
    struct pollfd at[MOST_SOCKETS];
    const char *server[MOST_SOCKETS];
    size_t n;
    bool connected;
    bm_arena *arena;
    const char *why;
} attempts;

static void failed(attempts *a, const char *server, const char *why)
{
    a->why = bm_format(a->arena, "%s: %s", server, why);
}

static void start_connecting(attempts *a, const char *server, const struct addrinfo *to)
{
    int fd = a->n < MOST_SOCKETS
                 ? socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
                 : -1;
    if (fd < 0) return;
    a->connected |= !connect(fd, to->ai_addr, to->ai_addrlen);
    if (!a->connected && errno != EINPROGRESS) {
        failed(a, server, strerror(errno));
        close(fd);
        return;
    }
    a->server[a->n] = server;
    a->at[a->n++] = (struct pollfd){ .fd = fd, .events = POLLOUT };
}

/* "host:port", "PROTOCOL://host:port", "[::1]:port" */
static void start_server(attempts *a, const char *text)
{
    const char *server = bm_strdup(a->arena, text), *scheme = strstr(server, "://");
    char *host = bm_strdup(a->arena, scheme ? scheme + 3 : server);
    char *port = strrchr(host, ':');
    if (!port) {
        failed(a, server, "it has no port");
        return;
    }
    *port++ = '\0';
    if (*host == '[' && port[-2] == ']') port[-2] = '\0', host++;
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    int code = getaddrinfo(host, port, &hints, &found);
    if (code) {
        failed(a, server, gai_strerror(code));
        return;
    }
    for (const struct addrinfo *at = found; at && !a->connected; at = at->ai_next)
        start_connecting(a, server, at);
    freeaddrinfo(found);
}

/* True: all have ended, or one is connected. */
static bool look_at_sockets(attempts *a)
{
    bool pending = false;
    for (size_t i = 0; i < a->n; i++) {
        int error = 0;
        socklen_t size = sizeof error;
        pending |= a->at[i].fd >= 0 && !a->at[i].revents;
        if (a->at[i].fd < 0 || !a->at[i].revents) continue;
        getsockopt(a->at[i].fd, SOL_SOCKET, SO_ERROR, &error, &size);
        a->connected |= !error;
        if (error) failed(a, a->server[i], strerror(error));
        close(a->at[i].fd);
        a->at[i].fd = -1;
    }
    return a->connected || !pending;
}

static void wait_for_one(attempts *a, int timeout_ms)
{
    int64_t until = bm_monotonic_ms() + timeout_ms, left = timeout_ms;
    while (left > 0 && !a->connected) {
        if (poll(a->at, a->n, (int)left) > 0 && look_at_sockets(a)) return;
        left = until - bm_monotonic_ms();
    }
    if (!a->connected && a->n) failed(a, a->server[0], "it does not answer");
}

bool bm_probe_servers(const char *servers, int timeout_ms, bm_arena *arena,
                      const char **why)
{
    attempts a = { .arena = arena, .why = "there is no server" };
    char *list = bm_strdup(arena, servers), *rest = NULL;
    for (char *one = strtok_r(list, ", \t", &rest); one && !a.connected;
         one = strtok_r(NULL, ", \t", &rest))
        start_server(&a, one);
    if (!a.connected && a.n) wait_for_one(&a, timeout_ms);
    for (size_t i = 0; i < a.n; i++)
        if (a.at[i].fd >= 0) close(a.at[i].fd);
    *why = a.why;
    return a.connected;
}
