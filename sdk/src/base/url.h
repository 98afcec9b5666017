/* SPDX-License-Identifier: Apache-2.0 */
/* base/url.h - the address of an HTTP service: "http[s]://host[:port][/path]". Any thread. */
#ifndef BM_URL_H
#define BM_URL_H

#include "beam/value.h"

typedef struct bm_url {
    bool tls;
    beam_span host; /* of IPv6 without the brackets */
    int port;
    size_t origin; /* so many bytes are scheme, host and port */
    size_t length; /* of all, without slashes at the end */
} bm_url;

/* The port that the digits up to `end` are, 1 to 65535; 0: they are none. */
int bm_port_read(const char *text, const char *end);
/* The "host:port" of a gRPC address with TLS, "grpcs://host:port"; NULL: it is another. */
const char *bm_grpcs_address(const char *address);
/* False: it is none. Names, queries and fragments are refused: an address has no secrets. */
bool bm_url_read(const char *text, bm_url *out);
/* Whether `text`, which may have a query, is at the same scheme, host and port. */
bool bm_url_is_at(const bm_url *url, const char *text);

#endif
