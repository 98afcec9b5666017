/* SPDX-License-Identifier: Apache-2.0 */
/* See url.h. Any thread. */
#include "base/url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

int bm_port_read(const char *text, const char *end)
{
    char *after;
    if (*text < '0' || *text > '9') return 0;
    long port = strtol(text, &after, 10);
    return after == end && port >= 1 && port <= 65535 ? (int)port : 0;
}

const char *bm_grpcs_address(const char *address)
{
    static const char scheme[] = "grpcs://";
    size_t n = sizeof scheme - 1;
    return strncmp(address, scheme, n) ? NULL : address + n;
}

/* Host and port of what begins at `at`; where they end, or NULL. */
static const char *read_authority(const char *at, bm_url *out)
{
    const char *end = at + strcspn(at, "/"), *host = at, *host_end;
    if (*at == '[') {
        host = at + 1;
        host_end = memchr(at, ']', (size_t)(end - at));
        if (!host_end) return NULL;
        at = host_end + 1;
    } else {
        at = host_end = at + strcspn(at, ":/");
    }
    if (host_end == host) return NULL;
    out->host = (beam_span){ host, (size_t)(host_end - host) };
    if (at == end) return end;
    out->port = *at == ':' ? bm_port_read(at + 1, end) : 0;
    return out->port ? end : NULL;
}

bool bm_url_read(const char *text, bm_url *out)
{
    for (const char *at = text; *at; at++)
        if (*at <= ' ' || *at >= 0x7f || strchr("@?#\\", *at)) return false;
    bool tls = !strncasecmp(text, "https://", 8);
    if (!tls && strncasecmp(text, "http://", 7) != 0) return false;
    *out = (bm_url){ .tls = tls, .port = tls ? 443 : 80 };
    const char *rest = read_authority(text + (tls ? 8 : 7), out);
    if (!rest) return false;
    out->origin = (size_t)(rest - text);
    out->length = strlen(text);
    while (out->length > out->origin && text[out->length - 1] == '/') out->length--;
    return true;
}

bool bm_url_is_at(const bm_url *url, const char *text)
{
    char origin[512];
    bm_url other;
    const char *host = strstr(text, "://");
    size_t n = host ? (size_t)(host - text) + 3 : 0;
    n += strcspn(text + n, "/?#");
    if (n >= sizeof origin) return false;
    memcpy(origin, text, n);
    origin[n] = '\0';
    return bm_url_read(origin, &other) && other.tls == url->tls &&
           other.port == url->port && other.host.len == url->host.len &&
           !strncasecmp(other.host.ptr, url->host.ptr, url->host.len);
}
