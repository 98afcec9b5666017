/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 as FIPS 180-4 describes it. Any thread. */
#include "base/sha256.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

/* Fractional parts of the cube roots of the first 64 primes. */
static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
    0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
    0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
    0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
    0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
    0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
    0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
    0xc67178f2,
};

static uint32_t rotate(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static uint32_t load_be32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void schedule(uint32_t w[64], const uint8_t *block)
{
    for (int i = 0; i < 16; i++) w[i] = load_be32(block + 4 * i);
    for (int i = 16; i < 64; i++) {
        uint32_t a = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t b = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + a + w[i - 7] + b;
    }
}

static void compress(uint32_t state[8], const uint8_t *block)
{
    uint32_t w[64], s[8];
    schedule(w, block);
    memcpy(s, state, sizeof s);
    for (int i = 0; i < 64; i++) {
        uint32_t e = rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25);
        uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
        uint32_t t1 = s[7] + e + choice + constants[i] + w[i];
        uint32_t a = rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22);
        uint32_t majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += t1;
        s[0] = t1 + a + majority;
    }
    for (int i = 0; i < 8; i++) state[i] += s[i];
}

void bm_sha256_init(bm_sha256 *sha)
{
    *sha = (bm_sha256){ .state = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 } };
}

void bm_sha256_add(bm_sha256 *sha, const void *bytes, size_t n)
{
    const uint8_t *at = bytes;
    size_t kept = sha->n_bytes % 64;
    sha->n_bytes += n;
    if (kept) {
        size_t part = n < 64 - kept ? n : 64 - kept;
        memcpy(sha->block + kept, at, part);
        at += part;
        n -= part;
        if (kept + part < 64) return;
        compress(sha->state, sha->block);
    }
    for (; n >= 64; at += 64, n -= 64) compress(sha->state, at);
    if (n) memcpy(sha->block, at, n);
}

void bm_sha256_hex(bm_sha256 *sha, char hex[65])
{
    uint64_t bits = sha->n_bytes * 8;
    static const uint8_t padding[64] = { 0x80 };
    size_t kept = sha->n_bytes % 64;
    bm_sha256_add(sha, padding, (kept < 56 ? 56 : 120) - kept);
    uint8_t length[8];
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)(bits >> (56 - 8 * i));
    bm_sha256_add(sha, length, sizeof length);
    for (size_t i = 0; i < 8; i++) snprintf(hex + 8 * i, 9, "%08x", sha->state[i]);
}

beam_status bm_sha256_file(const char *path, char hex[65], beam_error *err)
{
    FILE *file = fopen(path, "rbe");
    if (!file)
        return bm_error(err, BEAM_EIO, "cannot read %s: %s", path, strerror(errno));
    bm_sha256 sha;
    bm_sha256_init(&sha);
    char buffer[16384];
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, file));)
        bm_sha256_add(&sha, buffer, n);
    bool failed = ferror(file);
    fclose(file);
    if (failed) return bm_error(err, BEAM_EIO, "cannot read %s", path);
    bm_sha256_hex(&sha, hex);
    return BEAM_OK;
}
