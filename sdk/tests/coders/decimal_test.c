/* SPDX-License-Identifier: Apache-2.0 */
/* Decimals: text to bytes and back. */
#include "codec.h"

/* `scale` and integer bytes as Java's BigDecimal has them for the text. */
static const struct {
    const char *text;
    beam_span bytes;
} examples[] = {
    { "0", { "\0\x01\0", 3 } },
    { "0.00", { "\x02\x01\0", 3 } },
    { "1", { "\0\x01\x01", 3 } },
    { "-1", { "\0\x01\xff", 3 } },
    { "127", { "\0\x01\x7f", 3 } },
    { "128", { "\0\x02\0\x80", 4 } },
    { "-128", { "\0\x01\x80", 3 } },
    { "-129", { "\0\x02\xff\x7f", 4 } },
    { "-12.50", { "\x02\x02\xfb\x1e", 4 } },
    { "0.001", { "\x03\x01\x01", 3 } },
    { "-0.001", { "\x03\x01\xff", 3 } },
    { "0.000001", { "\x06\x01\x01", 3 } },
    { "1E-7", { "\x07\x01\x01", 3 } },
    { "1.2E-9", { "\x0a\x01\x0c", 3 } },
    { "1E+3", { "\xfd\xff\xff\xff\x0f\x01\x01", 7 } },
    { "-1.20E+5", { "\xfd\xff\xff\xff\x0f\x01\x88", 7 } },
    { "4294967296", { "\0\x05\x01\0\0\0\0", 7 } },
    { "18446744073709551616", { "\0\x09\x01\0\0\0\0\0\0\0\0", 11 } },
    { "-18446744073709551616", { "\0\x09\xff\0\0\0\0\0\0\0\0", 11 } },
    { "1E-2147483647", { "\xff\xff\xff\xff\x07\x01\x01", 7 } },
    { "1E+2147483648", { "\x80\x80\x80\x80\x08\x01\x01", 7 } },
};

START_TEST(java_examples)
{
    const bm_coder *coder = leaf(BM_CODER_DECIMAL);
    for (size_t i = 0; i < BEAM_COUNT(examples); i++)
        expect_round_trip(coder, beam_string(beam_span_of(examples[i].text)),
                          examples[i].bytes);
}
END_TEST

START_TEST(other_spellings)
{
    static const char *const same[][2] = { { "+1.5", "1.5" },   { "00012", "12" },
                                           { "1e3", "1E+3" },   { ".5", "0.5" },
                                           { "5.", "5" },       { "12.5E1", "125" },
                                           { "-0", "0" },       { "1.5e+1", "15" },
                                           { "100E-2", "1.00" } };
    const bm_coder *coder = leaf(BM_CODER_DECIMAL);
    for (size_t i = 0; i < BEAM_COUNT(same); i++) {
        bm_writer out = { 0 };
        beam_value text = beam_string(beam_span_of(same[i][0]));
        ck_assert_int_eq(bm_encode(coder, true, text, &out), BEAM_OK);
        expect_bytes(beam_as_span(decoded(coder, bm_written(&out))),
                     beam_span_of(same[i][1]));
        bm_writer_free(&out);
    }
}
END_TEST

START_TEST(not_decimals)
{
    static const char *const texts[] = {
        "",    "-",     ".",    "1.2.3",         "1x",
        " 1",  "1 ",    "0x10", "NaN",           "1E",
        "1E+", "1E1.5", "e5",   "1E99999999999", "1E-2147483648"
    };
    for (size_t i = 0; i < BEAM_COUNT(texts); i++)
        ck_assert_msg(encode_status(leaf(BM_CODER_DECIMAL),
                                    beam_string(beam_span_of(texts[i]))) == BEAM_ETYPE,
                      "\"%s\" was taken", texts[i]);
}
END_TEST

START_TEST(malformed)
{
    const bm_coder *coder = leaf(BM_CODER_DECIMAL);
    ck_assert_int_eq(decode_status(coder, true, BYTES("\0\0")), BEAM_ECODER);
    ck_assert_int_eq(decode_status(coder, true, BYTES("\xff\xff\xff\xff\x1f\x01\x01")),
                     BEAM_ECODER);
}
END_TEST

/* n bytes of one value each, as an integer. */
static beam_status status_of(int byte, size_t n, beam_value *out, bm_writer *encoded)
{
    encoded->len = 0;
    bm_write_u8(encoded, 0);
    bm_write_varint(encoded, n);
    memset(bm_reserve(encoded, n), byte, n);
    encoded->len += n;
    encoded->data[encoded->len - n] &= 0xbf; /* as few bytes as its sign needs */
    bm_reader in = bm_reader_of(bm_written(encoded));
    return bm_decode(leaf(BM_CODER_DECIMAL), true, &in, &test_arena, out);
}

START_TEST(large_ones)
{
    bm_writer encoded = { 0 };
    beam_value value;
    for (size_t n = 1; n <= 4096; n += 1 + n / 3) {
        for (int byte = 0x55; byte <= 0xff; byte += 0x55) {
            ck_assert_int_eq(status_of(byte, n, &value, &encoded), BEAM_OK);
            expect_encoded(leaf(BM_CODER_DECIMAL), true, value, bm_written(&encoded));
        }
    }
    ck_assert_int_eq(status_of(0xff, 4096, &value, &encoded), BEAM_OK);
    ck_assert_int_eq(status_of(0xff, 4097, &value, &encoded), BEAM_EUNSUPPORTED);
    bm_writer_free(&encoded);
}
END_TEST

START_TEST(too_many_digits)
{
    char digits[9900];
    memset(digits, '9', sizeof digits);
    for (size_t n = 9850; n < sizeof digits; n++) {
        beam_status status = encode_status(leaf(BM_CODER_DECIMAL),
                                           beam_string((beam_span){ digits, n }));
        ck_assert_int_eq(status, n <= 9863 ? BEAM_OK : BEAM_ETYPE);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { java_examples, other_spellings, not_decimals,
                                   malformed,     large_ones,      too_many_digits };
    return RUN_TESTS("decimal", tests);
}
