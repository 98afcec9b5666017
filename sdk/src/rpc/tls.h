/* SPDX-License-Identifier: Apache-2.0 */
/* rpc/tls.h - credentials of addresses with TLS, "grpcs://host:port". Any thread. */
#ifndef BM_TLS_H
#define BM_TLS_H

#include <grpc/grpc_security.h>

#include "beam/status.h"

/* Verifies servers by the authorities in the file that SSL_CERT_FILE names in the environment,
 * or else the system's. NULL, with the reason, when that cannot be read, and in a build without
 * TLS. */
grpc_channel_credentials *bm_tls_client(beam_error *err);
/* Shows the certificate in the file of BEAM_RPC_CERT_FILE, with the key in BEAM_RPC_KEY_FILE's.
 * NULL likewise. */
grpc_server_credentials *bm_tls_server(beam_error *err);

#endif
