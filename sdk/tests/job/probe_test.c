/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that answer, and those that do not. */
#include "job/probe.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/run_tests.h"
#include "base/clock.h"

enum { TIMEOUT_MS = 1000 };
static bm_arena arena;
static const char *why;

static bool answers(const char *servers)
{
    return bm_probe_servers(servers, TIMEOUT_MS, &arena, &why);
}

static int listen_locally(int *fd, int backlog)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;
    *fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert(!bind(*fd, (struct sockaddr *)&at, sizeof at) && !listen(*fd, backlog));
    getsockname(*fd, (struct sockaddr *)&at, &size);
    return ntohs(at.sin_port);
}

START_TEST(somebody)
{
    int fd, port = listen_locally(&fd, 16);
    bm_arena_init(&arena, 0);
    static const char *const forms[] = { "localhost:%d", "127.0.0.1:%d",
                                         "PLAINTEXT://localhost:%d",
                                         "localhost:1,localhost:%d",
                                         " nobody.invalid:1 , 127.0.0.1:%d " };
    for (size_t i = 0; i < BEAM_COUNT(forms); i++) {
        char servers[100];
        snprintf(servers, sizeof servers, forms[i], port);
        ck_assert_msg(answers(servers), "%s: %s", servers, why);
    }
    bm_arena_free(&arena);
    close(fd);
}
END_TEST

START_TEST(nobody)
{
    bm_arena_init(&arena, 0);
    ck_assert(!answers("localhost:1,127.0.0.1:2"));
    ck_assert_msg(strstr(why, "Connection refused"), "%s", why);
    ck_assert(!answers("nobody.invalid:9092"));
    ck_assert_msg(strstr(why, "nobody.invalid:9092: "), "%s", why);
    ck_assert(!answers("[::1]:1") && strstr(why, "[::1]:1: "));
    static const char *const none[] = { "",  " , ", "localhost", ":",
                                        "[", "[]:", "://",       "a:x" };
    for (size_t i = 0; i < BEAM_COUNT(none); i++) ck_assert(!answers(none[i]) && *why);
    bm_arena_free(&arena);
}
END_TEST

/* A full backlog: connections are neither taken nor refused. */
START_TEST(no_answer)
{
    int fd, held[8], port = listen_locally(&fd, 0);
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    for (size_t i = 0; i < BEAM_COUNT(held); i++) {
        held[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(held[i], (struct sockaddr *)&at, sizeof at);
    }
    char servers[100];
    snprintf(servers, sizeof servers, "127.0.0.1:%d", port);
    bm_arena_init(&arena, 0);
    int64_t before = bm_monotonic_ms();
    ck_assert(!answers(servers));
    ck_assert_msg(strstr(why, "it does not answer"), "%s", why);
    ck_assert_int_lt(bm_monotonic_ms() - before, 5 * TIMEOUT_MS);
    bm_arena_free(&arena);
    for (size_t i = 0; i < BEAM_COUNT(held); i++) close(held[i]);
    close(fd);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { somebody, nobody, no_answer };
    return RUN_TESTS("probe", tests);
}
