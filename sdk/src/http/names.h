/* SPDX-License-Identifier: Apache-2.0 */
/* http/names.h - addresses of a host. libcurl would start a thread for each request that needs
 * them: here they are looked up for all, by the thread that makes the requests, which waits. */
#ifndef BM_HTTP_NAMES_H
#define BM_HTTP_NAMES_H

#include "base/arena.h"
#include "base/url.h"

/* "host:port:address,address", as CURLOPT_RESOLVE has it, in the arena; NULL: they cannot be
 * found, and *why says it. */
char *bm_http_resolve(const bm_url *url, bm_arena *arena, const char **why);

/* Is the host a name whose addresses are asked for here? Not an address, nor one that a proxy
 * of the environment may look up. */
bool bm_http_is_name(const bm_url *url);
/* This machine: no proxy is asked. */
bool bm_http_is_local(const bm_url *url);

#endif
