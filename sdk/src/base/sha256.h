/* SPDX-License-Identifier: Apache-2.0 */
/* base/sha256.h - SHA-256 (FIPS 180-4) of bytes and files, for artifacts. Any thread. */
#ifndef BM_SHA256_H
#define BM_SHA256_H

#include "beam/status.h"
#include "beam/value.h"

typedef struct bm_sha256 {
    uint32_t state[8];
    uint64_t n_bytes;
    uint8_t block[64]; /* the n_bytes % 64 bytes that wait for a whole block */
} bm_sha256;

void bm_sha256_init(bm_sha256 *sha);
void bm_sha256_add(bm_sha256 *sha, const void *bytes, size_t n);
/* 64 lower case hexadecimal digits and a NUL; ends the sum. */
void bm_sha256_hex(bm_sha256 *sha, char hex[65]);

beam_status bm_sha256_file(const char *path, char hex[65], beam_error *err);

#endif
