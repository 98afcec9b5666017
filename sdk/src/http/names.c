/* SPDX-License-Identifier: Apache-2.0 */
/* See names.h. The thread that makes the requests. */
#include "http/names.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>

char *bm_http_resolve(const bm_url *url, bm_arena *arena, const char **why)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    int code = getaddrinfo(bm_cstr(arena, url->host), NULL, &hints, &found);
    *why = code ? gai_strerror(code) : "it has no address";
    if (code) return NULL;
    char *list = bm_format(arena, BEAM_SPAN_FMT ":%d:", BEAM_SPAN_ARG(url->host),
                           url->port);
    const char *comma = "";
    for (const struct addrinfo *at = found; at; at = at->ai_next) {
        char address[NI_MAXHOST];
        if (getnameinfo(at->ai_addr, at->ai_addrlen, address, sizeof address, NULL, 0,
                        NI_NUMERICHOST))
            continue;
        list = bm_format(arena, "%s%s%s", list, comma, address);
        comma = ",";
    }
    freeaddrinfo(found);
    return *comma ? list : NULL;
}

bool bm_http_is_local(const bm_url *url)
{
    beam_span host = url->host;
    return (host.len == 9 && !strncasecmp(host.ptr, "localhost", 9)) ||
           (host.len > 4 && !strncmp(host.ptr, "127.", 4)) ||
           (host.len == 3 && !strncmp(host.ptr, "::1", 3));
}

static bool has_proxy(const bm_url *url)
{
    if (getenv("all_proxy") || getenv("ALL_PROXY")) return true;
    return url->tls ? getenv("https_proxy") || getenv("HTTPS_PROXY")
                    : getenv("http_proxy") != NULL;
}

bool bm_http_is_name(const bm_url *url)
{
    char host[64];
    unsigned char address[16];
    snprintf(host, sizeof host, BEAM_SPAN_FMT, BEAM_SPAN_ARG(url->host));
    bool is_address = memchr(url->host.ptr, ':', url->host.len) ||
                      inet_pton(AF_INET, host, address) == 1;
    return !is_address && (bm_http_is_local(url) || !has_proxy(url));
}
