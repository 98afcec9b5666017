/* SPDX-License-Identifier: Apache-2.0 */
/* See http_server.h. */
#include "http_server.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

http_server http;
static pthread_t acceptor;

enum { MOST = 1 << 16 };

typedef struct request {
    int fd;
    bool is_head; /* no answer has a body */
    char bytes[MOST + 1];
    size_t len;
    char path[4000];
} request;

int64_t http_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void put(int fd, const char *bytes, size_t n)
{
    while (n) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent <= 0) return;
        bytes += sent;
        n -= (size_t)sent;
    }
}

static void answer(const request *r, const char *status, const char *body, size_t n)
{
    int fd = r->fd;
    char head[600];
    int length = snprintf(head, sizeof head,
                          "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nX-Two:  a b \r\n"
                          "Content-Length: %zu\r\n\r\n", status, n);
    put(fd, head, (size_t)length);
    if (!r->is_head) put(fd, body, n);
}

/* So many bytes of "x", less those that are held back. */
static void answer_many(const request *r, const char *status, size_t n, size_t less)
{
    int fd = r->fd;
    char *body = malloc(n + 1);
    memset(body, 'x', n);
    char head[200];
    put(fd, head, (size_t)snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n",
                                   status, n));
    if (!r->is_head) put(fd, body, n - less);
    free(body);
}

static void answer_chunked(int fd, size_t n, bool whole)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    put(fd, head, sizeof head - 1);
    for (size_t i = 0; i < n; i++) put(fd, "1\r\nx\r\n", 6);
    static const char end[] = "0\r\nX-Behind: 1\r\n\r\n";
    if (whole) put(fd, end, sizeof end - 1);
}

/* False: the connection is to end. */
static bool handle(request *r)
{
    char text[400];
    const char *word = strrchr(r->path, '/') + 1;
    size_t n = strtoul(word, NULL, 10);
    if (!strncmp(r->path, "/shout/", 7)) {
        char upper[200];
        size_t len = strcspn(word, "?");
        for (size_t i = 0; i < len; i++) upper[i] = (char)toupper((unsigned char)word[i]);
        answer(r, "200 OK", upper, len);
    } else if (!strncmp(r->path, "/echo", 5)) {
        answer(r, "200 OK", r->bytes, r->len);
    } else if (!strncmp(r->path, "/none/", 6)) {
        answer(r, "404 Not Found", "none", 4);
    } else if (!strncmp(r->path, "/status/", 8)) {
        snprintf(text, sizeof text, "%zu So", n);
        answer_many(r, text, 3 << 20, 0);
    } else if (!strncmp(r->path, "/large/", 7)) {
        answer_many(r, "200 OK", n, 0);
    } else if (!strncmp(r->path, "/chunked/", 9)) {
        answer_chunked(r->fd, n, true);
    } else if (!strcmp(r->path, "/trailer")) {
        static const char whole[] = "HTTP/1.1 200 OK\r\nX-Header: of the answer\r\n"
                                    "Transfer-Encoding: chunked\r\n\r\n3\r\nxxx\r\n"
                                    "0\r\nHTTP/1.1: 200 OK\r\n\r\n";
        put(r->fd, whole, sizeof whole - 1);
    } else if (!strncmp(r->path, "/header/", 8)) {
        put(r->fd, "HTTP/1.1 200 OK\r\nX: ", 20);
        for (size_t i = 0; i < n; i += 100) {
            memset(text, 'x', 100);
            put(r->fd, text, 100);
        }
        put(r->fd, "\r\nContent-Length: 0\r\n\r\n", 23);
    } else if (!strncmp(r->path, "/die/", 5)) {
        answer_many(r, "200 OK", 1000, n);
        return false;
    } else if (!strncmp(r->path, "/moved/", 7)) {
        snprintf(text, sizeof text, "%d Moved\r\nLocation: %s", atoi(r->path + 7), r->path + 10);
        answer(r, text, "", 0);
    } else if (!strcmp(r->path, "/away")) {
        answer(r, "302 Away\r\nLocation: http://127.0.0.2:9/shout/a", "", 0);
    } else if (!strcmp(r->path, "/seeother")) {
        answer(r, "303 See\r\nLocation: /echo/other", "", 0);
    } else {
        if (!strcmp(r->path, "/cut")) answer_chunked(r->fd, 3, false);
        return false;
    }
    return true;
}

/* Reads a request and its body; false at the end. */
static bool read_request(request *r)
{
    r->len = 0;
    char *end = NULL;
    size_t whole = 0;
    while (!end || r->len < whole) {
        ssize_t n = recv(r->fd, r->bytes + r->len, MOST - r->len, 0);
        if (n <= 0) return false;
        r->len += (size_t)n;
        r->bytes[r->len] = '\0';
        if (!end && (end = strstr(r->bytes, "\r\n\r\n"))) {
            const char *length = strcasestr(r->bytes, "\r\nContent-Length:");
            whole = (size_t)(end - r->bytes) + 4 +
                    (length ? strtoul(length + 17, NULL, 10) : 0);
        }
    }
    r->is_head = !strncmp(r->bytes, "HEAD ", 5);
    return sscanf(r->bytes, "%*s %3999s", r->path) == 1;
}

static void count(void)
{
    int i = atomic_fetch_add(&http.requests, 1);
    if (i < 1000) http.came_at[i] = http_now_ms();
    int now = atomic_fetch_add(&http.now, 1) + 1, most = http.most_at_once;
    while (most < now && !atomic_compare_exchange_weak(&http.most_at_once, &most, now)) continue;
}

static void hold(void)
{
    for (int ms = 0; ms < 8000 && http.most_at_once < http.held_until; ms++) usleep(1000);
}

static void *serve(void *self)
{
    request *r = self;
    for (bool more = true; more && read_request(r);) {
        count();
        int delay = http.delay_ms;
        if (delay) usleep((useconds_t)delay * 1000);
        hold();
        atomic_fetch_sub(&http.now, 1);
        if (atomic_fetch_sub(&http.refused, 1) > 0)
            answer(r, http.refusal, "", 0);
        else
            more = handle(r);
    }
    close(r->fd);
    free(r);
    return NULL;
}

static void *accept_all(void *self)
{
    (void)self;
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    for (int fd; (fd = accept(http.listening, NULL, NULL)) >= 0;) {
        atomic_fetch_add(&http.connections, 1);
        request *r = malloc(sizeof *r);
        r->fd = fd;
        pthread_t thread;
        if (pthread_create(&thread, &detached, serve, r)) abort();
    }
    pthread_attr_destroy(&detached);
    return NULL;
}

void http_server_start(int port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof address;
    http.listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(http.listening, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
    if (bind(http.listening, (struct sockaddr *)&address, n) || listen(http.listening, 1000))
        abort();
    getsockname(http.listening, (struct sockaddr *)&address, &n);
    http.port = ntohs(address.sin_port);
    snprintf(http.url, sizeof http.url, "http://localhost:%d", http.port);
    pthread_create(&acceptor, NULL, accept_all, NULL);
}

void http_server_stop(void)
{
    shutdown(http.listening, SHUT_RDWR);
    pthread_join(acceptor, NULL);
    close(http.listening);
}
