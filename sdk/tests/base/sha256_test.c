/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256: the examples of FIPS 180-4, and sums in pieces. */
#include "base/sha256.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *text, *hex;
} examples[] = {
    { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
    { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};

static void sum(const char *bytes, size_t n, size_t piece, char hex[65])
{
    bm_sha256 sha;
    bm_sha256_init(&sha);
    for (size_t at = 0; at < n; at += piece)
        bm_sha256_add(&sha, bytes + at, n - at < piece ? n - at : piece);
    bm_sha256_hex(&sha, hex);
}

START_TEST(sums_the_examples)
{
    char hex[65];
    sum(examples[_i].text, strlen(examples[_i].text), 64, hex);
    ck_assert_str_eq(hex, examples[_i].hex);
}
END_TEST

START_TEST(pieces_do_not_matter)
{
    char bytes[1000], whole[65], pieces[65];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(i * 7);
    for (size_t n = 0; n < 200; n++) {
        sum(bytes, n, 1000, whole);
        sum(bytes, n, 1 + n % 67, pieces);
        ck_assert_str_eq(whole, pieces);
    }
}
END_TEST

START_TEST(a_million_letters)
{
    char *text = malloc(1000000), hex[65];
    memset(text, 'a', 1000000);
    sum(text, 1000000, 777, hex);
    free(text);
    ck_assert_str_eq(hex,
                     "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
END_TEST

START_TEST(files)
{
    char path[] = "/tmp/sha256-test-XXXXXX", hex[65];
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    FILE *file = fdopen(fd, "w");
    fputs("abc", file);
    fclose(file);
    beam_error err;
    ck_assert_int_eq(bm_sha256_file(path, hex, &err), BEAM_OK);
    ck_assert_str_eq(hex, examples[1].hex);
    remove(path);
    ck_assert_int_eq(bm_sha256_file(path, hex, &err), BEAM_EIO);
    ck_assert_ptr_nonnull(strstr(err.message, path));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("sha256");
    tcase_add_loop_test(tests, sums_the_examples, 0, (int)BEAM_COUNT(examples));
    tcase_add_test(tests, pieces_do_not_matter);
    tcase_add_test(tests, a_million_letters);
    tcase_add_test(tests, files);
    Suite *suite = suite_create("base/sha256");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
