/* SPDX-License-Identifier: Apache-2.0 */
#include "codec.h"

#include <stdio.h>
#include <stdlib.h>

bm_arena test_arena;

static void start(void)
{
    bm_arena_init(&test_arena, 0);
}

static void stop(void)
{
    bm_arena_free(&test_arena);
}

beam_value decoded(const bm_coder *coder, beam_span bytes)
{
    bm_reader in = bm_reader_of(bytes);
    beam_value value;
    ck_assert_int_eq(bm_decode(coder, true, &in, &test_arena, &value), BEAM_OK);
    ck_assert_uint_eq(bm_left(&in), 0);
    return value;
}

beam_status decode_status(const bm_coder *coder, bool nested, beam_span bytes)
{
    /* bytes of their own, so that reading past them is noticed */
    char *block = malloc(bytes.len ? bytes.len : 1);
    if (bytes.len) memcpy(block, bytes.ptr, bytes.len);
    bm_reader in = bm_reader_of((beam_span){ block, bytes.len }), skipped = in;
    beam_value value;
    beam_status status = bm_decode(coder, nested, &in, &test_arena, &value);
    ck_assert_int_eq(bm_skip(coder, nested, &skipped), status);
    free(block);
    return status;
}

void expect_bytes(beam_span got, beam_span want)
{
    bm_writer text = { 0 };
    for (size_t i = 0; i < got.len; i++) {
        char hex[4];
        snprintf(hex, sizeof hex, "%02x ", (unsigned char)got.ptr[i]);
        bm_write_bytes(&text, hex, 3);
    }
    bm_write_u8(&text, 0);
    ck_assert_msg(beam_span_equal(got, want), "unexpected bytes: %s", (char *)text.data);
    bm_writer_free(&text);
}

void expect_encoded(const bm_coder *coder, bool nested, beam_value value, beam_span want)
{
    bm_writer out = { 0 };
    ck_assert_int_eq(bm_encode(coder, nested, value, &out), BEAM_OK);
    expect_bytes(bm_written(&out), want);
    bm_writer_free(&out);
}

beam_status encode_status(const bm_coder *coder, beam_value value)
{
    bm_writer out = { 0 };
    bm_write_u8(&out, 7);
    beam_status status = bm_encode(coder, true, value, &out);
    if (status != BEAM_OK) expect_bytes(bm_written(&out), BYTES("\x07"));
    bm_writer_free(&out);
    return status;
}

void expect_round_trip(const bm_coder *coder, beam_value value, beam_span bytes)
{
    expect_encoded(coder, true, value, bytes);
    ck_assert_int_eq(bm_value_compare(decoded(coder, bytes), value), 0);
    for (size_t n = 0; n < bytes.len; n++) {
        beam_status status = decode_status(coder, true, (beam_span){ bytes.ptr, n });
        ck_assert(status == BEAM_ESHORT || status == BEAM_ECODER);
    }
}

const bm_coder *leaf(bm_coder_kind kind)
{
    return bm_coder_new(&test_arena, kind, NULL, NULL);
}

const bm_coder *of_type(const beam_type *type)
{
    return bm_coder_of_type(&test_arena, type);
}

int run_tests(const char *name, const TTest *const *tests, size_t n)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, start, stop);
    for (size_t i = 0; i < n; i++) tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
