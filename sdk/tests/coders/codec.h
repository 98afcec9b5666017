/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of coders share: bytes as literals, checked decoding and encoding. */
#ifndef BM_TEST_CODEC_H
#define BM_TEST_CODEC_H

#include <check.h>

#include "coders/element.h"

/* The bytes of a string literal, which may hold NULs. */
#define BYTES(literal) ((beam_span){ "" literal, sizeof(literal) - 1 })

/* Freed before each test. */
extern bm_arena test_arena;

/* Decodes all of the bytes, nested. */
beam_value decoded(const bm_coder *coder, beam_span bytes);
/* The status of decoding and of skipping, which must be the same. */
beam_status decode_status(const bm_coder *coder, bool nested, beam_span bytes);
void expect_bytes(beam_span got, beam_span want);
void expect_encoded(const bm_coder *coder, bool nested, beam_value value, beam_span want);
beam_status encode_status(const bm_coder *coder, beam_value value);
/* Both ways, nested. */
void expect_round_trip(const bm_coder *coder, beam_value value, beam_span bytes);
const bm_coder *leaf(bm_coder_kind kind);
const bm_coder *of_type(const beam_type *type);

/* A main() of a test program. */
int run_tests(const char *name, const TTest *const *tests, size_t n);
#define RUN_TESTS(name, tests) \
    run_tests((name), (tests), sizeof(tests) / sizeof((tests)[0]))

#endif
