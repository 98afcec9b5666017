/* SPDX-License-Identifier: Apache-2.0 */
/* http_server.h - an HTTP/1.1 server in the test's process: a thread for each connection. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What it answers, by path:
 *     /shout/word       WORD
 *     /echo/...         the request as it came
 *     /none/...         404
 *     /status/N         that one, with a body of 3 MiB
 *     /large/N          N bytes; /chunked/N in chunks
 *     /header/N         a header of N bytes
 *     /trailer          behind chunks, what looks like another answer
 *     /die/N            N bytes less than it says, and the end of the connection
 *     /drop             the end of the connection; /cut amidst a body
 *     /moved/N/path     N: a redirect to /path of this server
 *     /away             a redirect to another one
 *     /seeother         303 to /echo/other */
typedef struct http_server {
    int listening, port;
    char url[64]; /* "http://localhost:port" */
    /* Set by the test. */
    atomic_int refused;    /* so many requests get refusal */
    const char *refusal;   /* "503 Busy\r\nRetry-After: 1" */
    atomic_int delay_ms;   /* of each answer */
    atomic_int held_until; /* no answers before so many requests were under way, for 8 s at most */
    /* What it saw. */
    atomic_int requests, connections, now, most_at_once;
    _Atomic int64_t came_at[1000]; /* ms, by request */
} http_server;

extern http_server http;

void http_server_start(int port); /* 0: any */
void http_server_stop(void);
int64_t http_now_ms(void);

#endif
