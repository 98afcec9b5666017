/* SPDX-License-Identifier: Apache-2.0 */
/* The growing buffer: what is written is what is read. */
#include "base/writer.h"

#include <stdlib.h>

#include "base/reader.h"
#include "run_tests.h"

START_TEST(bytes_of_any_length)
{
    char bytes[100];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(i + 1);
    for (size_t n = 0; n <= sizeof bytes; n++) {
        bm_writer out = { 0 };
        char *exact = malloc(n ? n : 1); /* so that reading past them is noticed */
        memcpy(exact, bytes, n);
        bm_write_bytes(&out, exact, n);
        bm_write_prefixed(&out, (beam_span){ exact, n });
        free(exact);
        ck_assert_uint_eq(out.len, 2 * n + 1);
        ck_assert(!n || !memcmp(out.data, bytes, n));
        ck_assert_uint_eq(out.data[n], n);
        ck_assert(!n || !memcmp(out.data + n + 1, bytes, n));
        bm_writer_free(&out);
    }
}
END_TEST

/* Any part of bytes in memory of their own size, before and behind which nothing can be read. */
START_TEST(parts_of_bytes_that_are_wide)
{
    enum { MOST = BM_WIDE + 8 };
    for (size_t size = 0; size <= MOST; size++) {
        char *bytes = malloc(size ? size : 1);
        for (size_t i = 0; i < size; i++) bytes[i] = (char)(i + 1);
        beam_span wide = bm_wide_part((beam_span){ bytes, size });
        for (size_t from = 0; from <= size; from++) {
            for (size_t n = 0; from + n <= size; n++) {
                uint8_t *to = malloc(n > BM_WIDE ? n : BM_WIDE);
                bm_copy_wide(to, bytes + from, n, wide);
                ck_assert(!n || !memcmp(to, bytes + from, n));
                free(to);
            }
        }
        free(bytes);
    }
}
END_TEST

START_TEST(varints)
{
    for (unsigned bit = 0; bit < 64; bit++) {
        for (int64_t d = -1; d <= 1; d++) {
            uint64_t value = ((uint64_t)1 << bit) + (uint64_t)d, got;
            bm_writer out = { 0 };
            bm_write_varint(&out, value);
            ck_assert_uint_eq(out.len, bm_varint_size(value));
            bm_reader in = bm_reader_of(bm_written(&out));
            ck_assert_int_eq(bm_read_varint(&in, &got), BEAM_OK);
            ck_assert(got == value);
            bm_writer_free(&out);
        }
    }
}
END_TEST

START_TEST(growing)
{
    bm_writer out = { 0 };
    for (uint32_t i = 0; i < 100000; i++) bm_write_be32(&out, i);
    bm_reader in = bm_reader_of(bm_written(&out));
    for (uint32_t i = 0; i < 100000; i++) {
        uint32_t got;
        ck_assert_int_eq(bm_read_be32(&in, &got), BEAM_OK);
        ck_assert_uint_eq(got, i);
    }
    bm_writer_free(&out);
}
END_TEST

START_TEST(shrinking)
{
    bm_writer out = { 0 };
    bm_write_be64(&out, 1);
    bm_writer_shrink(&out, out.cap);
    ck_assert_uint_eq(out.len, 8);
    bm_writer_shrink(&out, out.cap - 1);
    ck_assert_uint_eq(out.len + out.cap, 0);
    bm_write_u8(&out, 1);
    bm_writer_free(&out);
}
END_TEST

START_TEST(taking_the_bytes)
{
    bm_writer out = { 0 };
    bm_write_u8(&out, 1);
    size_t len;
    uint8_t *data = bm_writer_take(&out, &len);
    ck_assert_uint_eq(len, 1);
    ck_assert_uint_eq(data[0], 1);
    ck_assert_uint_eq(out.len, 0);
    bm_write_be64(&out, 0x0102030405060708u);
    ck_assert_uint_eq(out.data[0], 1);
    free(data);
    bm_writer_free(&out);
    bm_writer_free(&out);
    ck_assert_uint_eq(bm_written(&out).len, 0);
}
END_TEST

START_TEST(for_users)
{
    bm_writer out = { 0 };
    beam_write_int64(&out, -1);
    beam_write_double(&out, 1.5);
    beam_write_bool(&out, true);
    beam_write_span(&out, beam_span_of("a"));
    beam_write_raw(&out, "zz", 2);
    static const char want[] =
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x3f\xf8\0\0\0\0\0\0\x01\x01"
        "azz";
    ck_assert(beam_span_equal(bm_written(&out), (beam_span){ want, sizeof want - 1 }));
    bm_writer_free(&out);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { bytes_of_any_length, parts_of_bytes_that_are_wide,
                                   varints, growing, shrinking, taking_the_bytes, for_users };
    return RUN_TESTS("writer", tests);
}
