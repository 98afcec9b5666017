/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads of FunctionSpecs, whole and damaged. */
#include <check.h>
#include <stdlib.h>

#include "fns/fn_spec.h"

static const beam_span none = { NULL, 0 };

START_TEST(there_and_back)
{
    char config[300];
    memset(config, 'c', sizeof config);
    for (size_t n = 0; n <= sizeof config; n += 50) {
        bm_fn_spec in = { .name = beam_span_of("wc.words"), .config = { config, n } }, out;
        bm_writer w = { 0 };
        bm_fn_spec_encode(&in, &w);
        ck_assert_int_eq(bm_fn_spec_decode(bm_written(&w), &out, NULL), BEAM_OK);
        ck_assert(beam_span_equal(out.name, in.name));
        ck_assert(beam_span_equal(out.config, in.config));
        bm_writer_free(&w);
    }
}
END_TEST

START_TEST(bytes)
{
    bm_writer w = { 0 };
    bm_fn_spec_encode(&(bm_fn_spec){ .name = beam_span_of("ab"), .config = beam_span_of("xyz") }, &w);
    ck_assert_uint_eq(w.len, 8);
    ck_assert_mem_eq(w.data,
                     "\x01\x02"
                     "ab\x03xyz",
                     8);
    bm_writer_free(&w);
}
END_TEST

/* Each prefix in a block of its own size, so that a read past it is seen. */
START_TEST(cut_short)
{
    bm_writer w = { 0 };
    bm_fn_spec_encode(&(bm_fn_spec){ .name = beam_span_of("words"), .config = beam_span_of("config") }, &w);
    for (size_t n = 0; n < w.len; n++) {
        char *cut = malloc(n ? n : 1);
        memcpy(cut, w.data, n);
        bm_fn_spec out;
        beam_error err = { 0 };
        ck_assert_int_eq(bm_fn_spec_decode((beam_span){ cut, n }, &out, &err),
                         BEAM_ECODER);
        ck_assert_str_eq(err.message, n ? "the payload of a function is damaged"
                                        : "the payload of a function is empty");
        free(cut);
    }
    bm_writer_free(&w);
}
END_TEST

START_TEST(attempts)
{
    for (unsigned n = 0; n <= BM_MAX_ATTEMPTS; n += 250) {
        bm_fn_spec in = { beam_span_of("a"), none, n, none }, out;
        bm_writer w = { 0 };
        bm_fn_spec_encode(&in, &w);
        ck_assert_int_eq(bm_fn_spec_decode(bm_written(&w), &out, NULL), BEAM_OK);
        ck_assert_uint_eq(out.attempts, n);
        ck_assert_uint_eq(out.target.len, 0);
        in.target = beam_span_of("localhost:1");
        w.len = 0;
        bm_fn_spec_encode(&in, &w);
        ck_assert_int_eq(bm_fn_spec_decode(bm_written(&w), &out, NULL), BEAM_OK);
        ck_assert_uint_eq(out.attempts, n);
        ck_assert(beam_span_equal(out.target, in.target));
        bm_writer_free(&w);
    }
}
END_TEST

START_TEST(damaged)
{
    static const char *const payloads[] = { "\x01\x01"
                                            "a\x01"
                                            "b\x03z", /* more after the attempts */
                                            "\x01\x01"
                                            "a\x01"
                                            "b\xe9\x07", /* 1001 attempts */
                                            "\x01\xff\xff\xff\xff\x7f"
                                            "a",
                                            "\x01\x05"
                                            "ab" };
    for (size_t i = 0; i < BEAM_COUNT(payloads); i++) {
        bm_fn_spec out;
        ck_assert_int_eq(bm_fn_spec_decode(beam_span_of(payloads[i]), &out, NULL),
                         BEAM_ECODER);
    }
    bm_fn_spec out;
    ck_assert_int_eq(bm_fn_spec_decode((beam_span){ "\x01\x00\x00", 3 }, &out, NULL),
                     BEAM_ECODER); /* no name */
    ck_assert_int_eq(bm_fn_spec_decode(none, &out, NULL), BEAM_ECODER);
}
END_TEST

START_TEST(another_version)
{
    bm_fn_spec out;
    beam_error err;
    ck_assert_int_eq(bm_fn_spec_decode(beam_span_of("\x02\x01"
                                                    "a"),
                                       &out, &err),
                     BEAM_ECODER);
    ck_assert_str_eq(
        err.message,
        "the payload of a function has format 2, and this worker reads format 1: "
        "run workers of the version that submitted the pipeline");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fn_spec");
    TCase *cases = tcase_create("fn_spec");
    tcase_add_test(cases, there_and_back);
    tcase_add_test(cases, bytes);
    tcase_add_test(cases, cut_short);
    tcase_add_test(cases, attempts);
    tcase_add_test(cases, damaged);
    tcase_add_test(cases, another_version);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
