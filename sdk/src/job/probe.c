/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP requests by libcurl, which is loaded when the first is made: it brings thirty other
 * libraries, and a worker, which makes none, would start later and be larger by half. */
#include "job/probe.h"

#include <curl/curl.h>
#include <dlfcn.h>
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

typedef struct curl_api {
    void *library;
    __typeof__(&curl_easy_init) init;
    __typeof__(&curl_easy_setopt) setopt;
    __typeof__(&curl_easy_perform) perform;
    __typeof__(&curl_easy_getinfo) getinfo;
    __typeof__(&curl_easy_cleanup) cleanup;
    __typeof__(&curl_easy_strerror) strerror;
} curl_api;

static bool load_symbol(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol;
}

/* Never unloaded: libcurl's own libraries do not all stand that. */
static bool load_curl(curl_api *api)
{
    void *lib = api->library = dlopen("libcurl.so.4",
                                      RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    return lib && load_symbol(lib, "curl_easy_init", &api->init) &&
           load_symbol(lib, "curl_easy_setopt", &api->setopt) &&
           load_symbol(lib, "curl_easy_perform", &api->perform) &&
           load_symbol(lib, "curl_easy_getinfo", &api->getinfo) &&
           load_symbol(lib, "curl_easy_cleanup", &api->cleanup) &&
           load_symbol(lib, "curl_easy_strerror", &api->strerror);
}

/* The reason of a failure is in `why` (at least 256 bytes). */
static CURLcode request(const char *method, const char *url, int timeout_ms,
                        bm_writer *body, long *status, char *why)
{
    curl_api api;
    CURL *curl = load_curl(&api) ? api.init() : NULL;
    strcpy(why, "libcurl.so.4 cannot be loaded: install libcurl4");
    if (!curl) return CURLE_FAILED_INIT;
    api.setopt(curl, CURLOPT_URL, url);
    api.setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    api.setopt(curl, CURLOPT_PROXY, "");
    api.setopt(curl, CURLOPT_NOSIGNAL, 1L);
    api.setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    api.setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    api.setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms);
    api.setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    api.setopt(curl, CURLOPT_WRITEDATA, body);
    CURLcode code = api.perform(curl);
    api.getinfo(curl, CURLINFO_RESPONSE_CODE, status);
    strncpy(why, api.strerror(code), 255);
    why[255] = '\0';
    api.cleanup(curl);
    dlclose(api.library);
    return code;
}

bm_probe bm_probe_address(const char *address)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    bm_writer body = { 0 };
    long status = 0;
    char why[256];
    CURLcode code = request("GET", bm_format(&arena, "http://%s/config", address), 3000,
                            &body, &status, why);
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
    char why[256];
    CURLcode code = request("GET", url, timeout_ms, &body, &status, why);
    *out = bm_span_copy(arena, bm_written(&body));
    bm_writer_free(&body);
    if (code) return bm_error(err, BEAM_EIO, "GET %s: %s", url, why);
    if (status != 200)
        return bm_error(err, BEAM_EIO, "GET %s: HTTP status %ld", url, status);
    return BEAM_OK;
}

beam_status bm_http_send(const char *method, const char *url, int timeout_ms,
                         beam_error *err)
{
    bm_writer body = { 0 };
    long status = 0;
    char why[256];
    CURLcode code = request(method, url, timeout_ms, &body, &status, why);
    bm_writer_free(&body);
    if (code) return bm_error(err, BEAM_EIO, "%s %s: %s", method, url, why);
    if (status < 200 || status > 299)
        return bm_error(err, BEAM_EIO, "%s %s: HTTP status %ld", method, url, status);
    return BEAM_OK;
}
