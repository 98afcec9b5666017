/* SPDX-License-Identifier: Apache-2.0 */
/* The cursor: every read at every shortage of bytes. */
#include "base/reader.h"

#include <stdlib.h>

#include "run_tests.h"

static bm_reader reader_of(const char *bytes, size_t n)
{
    return bm_reader_of((beam_span){ bytes, n });
}

START_TEST(varints)
{
    static const struct {
        const char *bytes;
        size_t n;
        uint64_t value;
    } cases[] = {
        { "\0", 1, 0 },
        { "\x7f", 1, 127 },
        { "\x80\x01", 2, 128 },
        { "\xff\xff\xff\xff\x0f", 5, UINT32_MAX },
        { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, UINT64_MAX },
        { "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 10, 0 },
    };
    for (size_t i = 0; i < BEAM_COUNT(cases); i++) {
        uint64_t value;
        bm_reader in = reader_of(cases[i].bytes, cases[i].n);
        ck_assert_int_eq(bm_read_varint(&in, &value), BEAM_OK);
        ck_assert(value == cases[i].value);
        ck_assert_uint_eq(bm_left(&in), 0);
        for (size_t n = 0; n < cases[i].n; n++) {
            in = reader_of(cases[i].bytes, n);
            ck_assert_int_eq(bm_read_varint(&in, &value), BEAM_ESHORT);
        }
    }
}
END_TEST

START_TEST(varints_over_64_bits)
{
    uint64_t value;
    bm_reader in = reader_of("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02", 10);
    ck_assert_int_eq(bm_read_varint(&in, &value), BEAM_ECODER);
    in = reader_of("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80", 10);
    ck_assert_int_eq(bm_read_varint(&in, &value), BEAM_ECODER);
}
END_TEST

START_TEST(fixed_sizes)
{
    uint8_t u8;
    uint32_t u32;
    uint64_t u64;
    const char *bytes = "\x01\x02\x03\x04\x05\x06\x07\x08";
    bm_reader in = reader_of(bytes, 8);
    ck_assert_int_eq(bm_read_be64(&in, &u64), BEAM_OK);
    ck_assert(u64 == 0x0102030405060708u);
    ck_assert_int_eq(bm_read_u8(&in, &u8), BEAM_ESHORT);
    in = reader_of(bytes, 7);
    ck_assert_int_eq(bm_read_be64(&in, &u64), BEAM_ESHORT);
    in = reader_of(bytes, 4);
    ck_assert_int_eq(bm_read_be32(&in, &u32), BEAM_OK);
    ck_assert_uint_eq(u32, 0x01020304);
    in = reader_of(bytes, 3);
    ck_assert_int_eq(bm_read_be32(&in, &u32), BEAM_ESHORT);
    ck_assert_int_eq(bm_read_u8(&in, &u8), BEAM_OK);
    ck_assert_uint_eq(u8, 1);
}
END_TEST

START_TEST(views)
{
    beam_span view;
    bm_reader in = reader_of("\x02"
                             "abc",
                             4);
    ck_assert_int_eq(bm_read_prefixed(&in, &view), BEAM_OK);
    ck_assert(beam_span_equal(view, beam_span_of("ab")));
    ck_assert(beam_span_equal(bm_rest(&in), beam_span_of("c")));
    ck_assert_int_eq(bm_read_view(&in, 2, &view), BEAM_ESHORT);
    in = reader_of("\x80\x80\x80\x80\x08", 5);
    ck_assert_int_eq(bm_read_prefixed(&in, &view), BEAM_ECODER);
    in = reader_of("\xff\xff\xff\xff\x07", 5);
    ck_assert_int_eq(bm_read_prefixed(&in, &view), BEAM_ESHORT);
    in = bm_reader_of((beam_span){ NULL, 0 });
    ck_assert_uint_eq(bm_left(&in), 0);
    ck_assert_int_eq(bm_read_view(&in, 0, &view), BEAM_OK);
}
END_TEST

START_TEST(for_users)
{
    bm_reader in =
        reader_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x3f\xf8\0\0\0\0\0\0\x01\x01"
                  "azz\x02",
                  23);
    int64_t i;
    double d;
    bool b;
    beam_span s;
    const char *raw;
    ck_assert_int_eq(beam_read_int64(&in, &i), BEAM_OK);
    ck_assert_int_eq(i, -1);
    ck_assert_int_eq(beam_read_double(&in, &d), BEAM_OK);
    ck_assert_double_eq(d, 1.5);
    ck_assert_int_eq(beam_read_bool(&in, &b), BEAM_OK);
    ck_assert(b);
    ck_assert_int_eq(beam_read_span(&in, &s), BEAM_OK);
    ck_assert(beam_span_equal(s, beam_span_of("a")));
    ck_assert_int_eq(beam_read_raw(&in, 2, &raw), BEAM_OK);
    ck_assert(!memcmp(raw, "zz", 2));
    ck_assert_int_eq(beam_read_bool(&in, &b), BEAM_ESHORT);
    in = reader_of("\x02", 1);
    ck_assert_int_eq(beam_read_bool(&in, &b), BEAM_ECODER);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { varints, varints_over_64_bits, fixed_sizes, views,
                                   for_users };
    return RUN_TESTS("reader", tests);
}
