/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP requests by libcurl. */
#include "job/probe.h"

#include <curl/curl.h>
#include <string.h>

#include "base/error.h"
#include "base/writer.h"

enum { MAX_BODY = 4 << 20 };

static size_t keep(char *bytes, size_t size, size_t n, void *self)
{
    bm_writer *body = self;
    if (body->len + size * n > MAX_BODY) return 0;
    bm_write_bytes(body, bytes, size * n);
    return size * n;
}

static CURLcode get(const char *url, int timeout_ms, bm_writer *body, long *status)
{
    CURL *curl = curl_easy_init();
    if (!curl) return CURLE_FAILED_INIT;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
    curl_easy_cleanup(curl);
    return code;
}

bm_probe bm_probe_address(const char *address)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    bm_writer body = { 0 };
    long status = 0;
    CURLcode code = get(bm_format(&arena, "http://%s/config", address), 3000, &body, &status);
    bm_write_u8(&body, '\0');
    bm_probe probe = BM_PROBE_OTHER;
    if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
        code == CURLE_URL_MALFORMAT)
        probe = BM_PROBE_NOBODY;
    else if (status == 200 && strstr((const char *)body.data, "flink-version"))
        probe = BM_PROBE_FLINK;
    else if (status)
        probe = BM_PROBE_HTTP;
    bm_writer_free(&body);
    bm_arena_free(&arena);
    return probe;
}

beam_status bm_http_get(const char *url, int timeout_ms, bm_arena *arena, beam_span *out,
                        beam_error *err)
{
    bm_writer body = { 0 };
    long status = 0;
    CURLcode code = get(url, timeout_ms, &body, &status);
    *out = bm_span_copy(arena, bm_written(&body));
    bm_writer_free(&body);
    if (code) return bm_error(err, BEAM_EIO, "GET %s: %s", url, curl_easy_strerror(code));
    if (status != 200) return bm_error(err, BEAM_EIO, "GET %s: HTTP status %ld", url, status);
    return BEAM_OK;
}
