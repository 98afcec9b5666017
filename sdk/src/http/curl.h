/* SPDX-License-Identifier: Apache-2.0 */
/* http/curl.h - libcurl, loaded when it is needed: it brings thirty other libraries, and a
 * worker, which mostly makes no HTTP requests, would start later and be larger by half. */
#ifndef BM_CURL_H
#define BM_CURL_H

#include <curl/curl.h>

#include "base/error.h"

#define BM_CURL_FUNCTIONS(X) \
    X(easy_init)             \
    X(easy_setopt)           \
    X(easy_perform)          \
    X(easy_getinfo)          \
    X(easy_cleanup)          \
    X(easy_strerror)         \
    X(multi_init)            \
    X(multi_setopt)          \
    X(multi_add_handle)      \
    X(multi_remove_handle)   \
    X(multi_perform)         \
    X(multi_poll)            \
    X(multi_info_read)       \
    X(multi_cleanup)         \
    X(slist_append)          \
    X(slist_free_all)

/* Its functions, without the "curl_". */
typedef struct bm_curl {
    void *library;
#define BM_CURL_FIELD(name) __typeof__(&curl_##name) name;
    BM_CURL_FUNCTIONS(BM_CURL_FIELD)
#undef BM_CURL_FIELD
} bm_curl;

/* Any thread. BEAM_EUNSUPPORTED when it is not installed. */
beam_status bm_curl_load(bm_curl *curl, beam_error *err);
void bm_curl_unload(bm_curl *curl);

#endif
