/* SPDX-License-Identifier: Apache-2.0 */
/* See request.h. Any thread. */
#include "http/request.h"

#include <stdio.h>

#include "http/curl.h"

enum { MAX_BODY = 4 << 20 };

static size_t keep(char *bytes, size_t size, size_t n, void *self)
{
    bm_writer *body = self;
    if (body->len + size * n > MAX_BODY) return 0;
    bm_write_bytes(body, bytes, size * n);
    return size * n;
}

static void set_why(bm_http_reply *reply, const char *why)
{
    snprintf(reply->why, sizeof reply->why, "%.255s", why);
}

void bm_http_ask(const char *method, const char *url, int timeout_ms,
                 bm_http_reply *reply)
{
    *reply = (bm_http_reply){ 0 };
    bm_curl curl;
    beam_error err = { 0 };
    CURL *easy = bm_curl_load(&curl, &err) ? NULL : curl.easy_init();
    if (!easy) {
        set_why(reply, err.status ? err.message : "libcurl cannot be started");
        bm_curl_unload(&curl);
        return;
    }
    curl.easy_setopt(easy, CURLOPT_URL, url);
    curl.easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    curl.easy_setopt(easy, CURLOPT_PROXY, "");
    curl.easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl.easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl.easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl.easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms);
    curl.easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
    curl.easy_setopt(easy, CURLOPT_WRITEDATA, &reply->body);
    CURLcode code = curl.easy_perform(easy);
    curl.easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &reply->status);
    reply->whole = code == CURLE_OK;
    reply->nobody = code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
                    code == CURLE_URL_MALFORMAT;
    set_why(reply, curl.easy_strerror(code));
    curl.easy_cleanup(easy);
    bm_curl_unload(&curl);
}

beam_status bm_http_get(const char *url, int timeout_ms, bm_arena *arena, beam_span *out,
                        beam_error *err)
{
    bm_http_reply reply;
    bm_http_ask("GET", url, timeout_ms, &reply);
    *out = bm_span_copy(arena, bm_written(&reply.body));
    bm_writer_free(&reply.body);
    if (!reply.whole) return bm_error(err, BEAM_EIO, "GET %s: %s", url, reply.why);
    if (reply.status != 200)
        return bm_error(err, BEAM_EIO, "GET %s: HTTP status %ld", url, reply.status);
    return BEAM_OK;
}

beam_status bm_http_send(const char *method, const char *url, int timeout_ms,
                         beam_error *err)
{
    bm_http_reply reply;
    bm_http_ask(method, url, timeout_ms, &reply);
    bm_writer_free(&reply.body);
    if (!reply.whole) return bm_error(err, BEAM_EIO, "%s %s: %s", method, url, reply.why);
    if (reply.status < 200 || reply.status > 299)
        return bm_error(err, BEAM_EIO, "%s %s: HTTP status %ld", method, url,
                        reply.status);
    return BEAM_OK;
}
