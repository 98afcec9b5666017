/* SPDX-License-Identifier: Apache-2.0 */
/* Channels and servers with TLS, in a build with BEAM_TLS. Any thread. */
#include "rpc/tls.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"

#ifdef BEAM_TLS
#include <errno.h>
#include <stdio.h>

enum { MOST_BYTES = 1 << 20 };

/* The file that the variable names, malloc'd and with a NUL. */
static char *read_file_of(const char *variable, beam_error *err)
{
    const char *path = getenv(variable);
    FILE *file = path ? fopen(path, "re") : NULL;
    char *text = bm_xmalloc(MOST_BYTES + 1);
    size_t n = file ? fread(text, 1, MOST_BYTES + 1, file) : 0;
    bool is_good = file && n && n <= MOST_BYTES && !ferror(file);
    if (!is_good)
        bm_error(err, BEAM_EIO, "%s must name a PEM file, and '%s' cannot be read: %s", variable,
                 path ? path : "", file ? "it is empty or too large" : strerror(errno));
    if (file) fclose(file);
    if (is_good) {
        text[n] = '\0';
        return text;
    }
    free(text);
    return NULL;
}

grpc_channel_credentials *bm_tls_client(beam_error *err)
{
    if (!getenv("SSL_CERT_FILE")) return grpc_ssl_credentials_create(NULL, NULL, NULL, NULL);
    char *roots = read_file_of("SSL_CERT_FILE", err);
    if (!roots) return NULL;
    grpc_channel_credentials *credentials = grpc_ssl_credentials_create(roots, NULL, NULL, NULL);
    free(roots);
    return credentials;
}

grpc_server_credentials *bm_tls_server(beam_error *err)
{
    char *certificate = read_file_of("BEAM_RPC_CERT_FILE", err);
    char *key = certificate ? read_file_of("BEAM_RPC_KEY_FILE", err) : NULL;
    grpc_server_credentials *credentials = NULL;
    if (key) {
        grpc_ssl_pem_key_cert_pair pair = { key, certificate };
        credentials = grpc_ssl_server_credentials_create_ex(
            NULL, &pair, 1, GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE, NULL);
    }
    free(certificate);
    free(key);
    return credentials;
}

#else

static void fail(beam_error *err)
{
    bm_error(err, BEAM_EUNSUPPORTED,
             "this program was built without TLS for gRPC; build it with -DBEAM_TLS=ON");
}

grpc_channel_credentials *bm_tls_client(beam_error *err)
{
    fail(err);
    return NULL;
}

grpc_server_credentials *bm_tls_server(beam_error *err)
{
    fail(err);
    return NULL;
}

#endif
