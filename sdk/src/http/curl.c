/* SPDX-License-Identifier: Apache-2.0 */
/* See curl.h. Any thread. */
#include "http/curl.h"

#include <dlfcn.h>
#include <string.h>

static bool load_symbol(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol;
}

static bool load_all(bm_curl *curl)
{
#define LOAD(name) \
    if (!load_symbol(curl->library, "curl_" #name, &curl->name)) return false;
    BM_CURL_FUNCTIONS(LOAD)
#undef LOAD
    return true;
}

beam_status bm_curl_load(bm_curl *curl, beam_error *err)
{
    /* It stays in the process: libcurl's own libraries do not all stand being unloaded. */
    curl->library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (curl->library && load_all(curl)) return BEAM_OK;
    bm_curl_unload(curl);
    return bm_error(err, BEAM_EUNSUPPORTED,
                    "libcurl.so.4 cannot be loaded: install libcurl4 (7.66 or newer)");
}

void bm_curl_unload(bm_curl *curl)
{
    if (curl->library) dlclose(curl->library);
    curl->library = NULL;
}
