/* SPDX-License-Identifier: Apache-2.0 */
/* http_service: the HTTP service that http_pardo asks.
 *
 *     http_service --port=8880
 *
 * GET /words/WORD gives {"word": "WORD", "length": N}; 404 for what is no word of letters. One
 * thread; a client sends its next request when it has the answer to the one before. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_BYTES = 16 << 10, EVENTS = 64 };

typedef struct connection {
    struct connection
        *next; /* of those whose answer is held back, which all are equally long */
    int fd;
    bool waits;
    int64_t due_ms;
    size_t n_in, n_out;
    char in[MOST_BYTES + 1], out[512];
} connection;

struct service {
    int listening, epoll, delay_ms;
    connection *first, **last; /* held back */
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* -- requests ------------------------------------------------------------------------------- */
static void answer(connection *c)
{
    char word[65] = "", json[160];
    bool is_get = sscanf(c->in, "GET /words/%64[A-Za-z] HTTP/1.", word) == 1 &&
                  c->in[strlen("GET /words/") + strlen(word)] == ' ';
    snprintf(json, sizeof json, "{\"word\": \"%s\", \"length\": %zu}\n", word,
             strlen(word));
    if (!is_get) json[0] = '\0';
    c->n_out = (size_t)snprintf(c->out, sizeof c->out,
                                "HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
                                "Content-Length: %zu\r\n\r\n%s",
                                is_get ? "200 OK" : "404 Not Found", strlen(json), json);
}

/* False: the connection is over. */
static bool send_answer(connection *c)
{
    c->waits = false;
    c->n_in = 0;
    return send(c->fd, c->out, c->n_out, MSG_NOSIGNAL) == (ssize_t)c->n_out;
}

/* The same for reading; a request is whole when its headers are: it has no body. */
static bool take(struct service *s, connection *c)
{
    ssize_t n = recv(c->fd, c->in + c->n_in, MOST_BYTES - c->n_in, 0);
    if (n <= 0 || c->waits) return n < 0 && errno == EAGAIN;
    c->n_in += (size_t)n;
    c->in[c->n_in] = '\0';
    if (!strstr(c->in, "\r\n\r\n")) return c->n_in < MOST_BYTES;
    answer(c);
    if (!s->delay_ms) return send_answer(c);
    c->waits = true;
    c->due_ms = now_ms() + s->delay_ms;
    c->next = NULL;
    *s->last = c;
    s->last = &c->next;
    return true;
}

/* -- connections ---------------------------------------------------------------------------- */
static void accept_one(const struct service *s)
{
    int fd = accept4(s->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    connection *c = fd < 0 ? NULL : calloc(1, sizeof *c);
    if (!c) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    c->fd = fd;
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
    epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event);
}

static void drop(struct service *s, connection *c)
{
    for (connection **at = &s->first; *at; at = &(*at)->next) {
        if (*at != c) continue;
        *at = c->next;
        if (s->last == &c->next) s->last = at;
        break;
    }
    close(c->fd);
    free(c);
}

/* Sends what has been held back long enough, and says how long the next one is; -1: none is. */
static int send_due(struct service *s)
{
    while (s->first) {
        connection *c = s->first;
        int64_t left = c->due_ms - now_ms();
        if (left > 0) return (int)left;
        s->first = c->next;
        if (!s->first) s->last = &s->first;
        if (!send_answer(c)) drop(s, c);
    }
    return -1;
}

static void serve(struct service *s)
{
    struct epoll_event events[EVENTS];
    for (;;) {
        int n = epoll_wait(s->epoll, events, EVENTS, send_due(s));
        for (int i = 0; i < n; i++) {
            connection *c = events[i].data.ptr;
            if (!c)
                accept_one(s);
            else if (!take(s, c))
                drop(s, c);
        }
    }
}

static bool listen_on(struct service *s, int port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    s->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(s->listening, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
    if (bind(s->listening, (struct sockaddr *)&address, size) ||
        listen(s->listening, 1024) ||
        getsockname(s->listening, (struct sockaddr *)&address, &size))
        return false;
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = { .events = EPOLLIN };
    epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->listening, &event);
    printf("http_service listens on http://localhost:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return true;
}

static int usage(void)
{
    fputs("http_service - an HTTP service that knows the lengths of words\n\n"
          "Usage: http_service [--port=N] [--delay_ms=N]\n\n"
          "  --port=N      port of localhost; 0: any free one (default 8880)\n"
          "  --delay_ms=N  hold each answer back for so long (default 0)\n"
          "  --help        this text\n\n"
          "Serves until it is ended.\n",
          stdout);
    return 0;
}

static int is_wrong(const char *argument)
{
    fprintf(stderr, "http_service: '%s' is wrong; see --help\n", argument);
    return 2;
}

/* 0 to 65535. */
static bool read_number(const char *text, int *out)
{
    char *rest;
    long n = strtol(text, &rest, 10);
    *out = (int)n;
    return rest != text && !*rest && n >= 0 && n <= 65535;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "port", required_argument, NULL, 'p' },
        { "delay_ms", required_argument, NULL, 'd' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    struct service s = { 0 };
    s.last = &s.first;
    int port = 8880;
    for (int o; (o = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        if (o == 'h') return usage();
        if (o == 'p' && read_number(optarg, &port)) continue;
        if (o == 'd' && read_number(optarg, &s.delay_ms)) continue;
        return is_wrong(argv[optind - 1]);
    }
    if (optind < argc) return is_wrong(argv[optind]);
    if (!listen_on(&s, port)) {
        fprintf(stderr, "http_service: port %d: %s\n", port, strerror(errno));
        return 1;
    }
    serve(&s);
}
