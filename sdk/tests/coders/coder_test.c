/* SPDX-License-Identifier: Apache-2.0 */
/* Simple coders: contexts, limits, malformed bytes, values of the wrong type. */
#include "codec.h"

#include <math.h>

START_TEST(varints)
{
    const bm_coder *coder = of_type(BEAM_INT64);
    expect_round_trip(coder, beam_int64(0), BYTES("\0"));
    expect_round_trip(coder, beam_int64(127), BYTES("\x7f"));
    expect_round_trip(coder, beam_int64(128), BYTES("\x80\x01"));
    expect_round_trip(coder, beam_int64(INT64_MAX),
                      BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\x7f"));
    expect_round_trip(coder, beam_int64(INT64_MIN),
                      BYTES("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"));
}
END_TEST

START_TEST(odd_varints)
{
    const bm_coder *coder = of_type(BEAM_INT64);
    /* longer than needed is allowed, more than 64 bits are not */
    ck_assert_int_eq(beam_as_int64(decoded(coder, BYTES("\x81\x80\x00"))), 1);
    beam_span too_large = BYTES("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02");
    ck_assert_int_eq(decode_status(coder, true, too_large), BEAM_ECODER);
    beam_span too_long = BYTES("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01");
    ck_assert_int_eq(decode_status(coder, true, too_long), BEAM_ECODER);
}
END_TEST

START_TEST(doubles)
{
    const bm_coder *coder = of_type(BEAM_DOUBLE);
    expect_round_trip(coder, beam_double(-0.0), BYTES("\x80\0\0\0\0\0\0\0"));
    expect_round_trip(coder, beam_double(1.5), BYTES("\x3f\xf8\0\0\0\0\0\0"));
    expect_round_trip(coder, beam_double((double)-INFINITY),
                      BYTES("\xff\xf0\0\0\0\0\0\0"));
    beam_span quiet_nan = BYTES("\x7f\xf8\0\0\0\0\x12\x34");
    expect_round_trip(coder, decoded(coder, quiet_nan), quiet_nan);
    ck_assert(isnan(beam_as_double(decoded(coder, quiet_nan))));
}
END_TEST

START_TEST(bools)
{
    const bm_coder *coder = of_type(BEAM_BOOL);
    expect_round_trip(coder, beam_bool(true), BYTES("\x01"));
    ck_assert_int_eq(decode_status(coder, true, BYTES("\x02")), BEAM_ECODER);
}
END_TEST

START_TEST(contexts)
{
    const bm_coder *bytes = of_type(BEAM_BYTES);
    expect_encoded(bytes, false, beam_bytes(BYTES("a\0b")), BYTES("a\0b"));
    expect_encoded(bytes, true, beam_bytes(BYTES("a\0b")),
                   BYTES("\x03"
                         "a\0b"));
    const bm_coder *kv = of_type(BEAM_KV(BEAM_STRING, BEAM_STRING));
    beam_value pair[] = { beam_string(BYTES("k")), beam_string(BYTES("value")) };
    expect_encoded(kv, false, beam_kv(pair), BYTES("\x01kvalue"));
    expect_encoded(kv, true, beam_kv(pair), BYTES("\x01k\x05value"));
    const bm_coder *nullable = of_type(BEAM_NULLABLE(BEAM_STRING));
    expect_encoded(nullable, false, pair[0], BYTES("\x01k"));
    expect_encoded(nullable, false, beam_null(), BYTES("\0"));
}
END_TEST

START_TEST(outer_bytes_must_be_used_up)
{
    ck_assert_int_eq(decode_status(of_type(BEAM_INT64), false, BYTES("\x01\x01")),
                     BEAM_ECODER);
    ck_assert_int_eq(decode_status(of_type(BEAM_INT64), false, BYTES("\x81")),
                     BEAM_ECODER);
    ck_assert_int_eq(decode_status(of_type(BEAM_INT64), false, BYTES("")), BEAM_ECODER);
    ck_assert_int_eq(decode_status(of_type(BEAM_BYTES), false, BYTES("")), BEAM_OK);
}
END_TEST

START_TEST(text_passes_as_it_is)
{
    expect_round_trip(of_type(BEAM_STRING), beam_string(BYTES("\xff\xc3")),
                      BYTES("\x02\xff\xc3"));
}
END_TEST

START_TEST(lengths_are_checked)
{
    const bm_coder *bytes = of_type(BEAM_BYTES);
    ck_assert_int_eq(decode_status(bytes, true, BYTES("\xff\xff\xff\xff\x07")),
                     BEAM_ESHORT);
    ck_assert_int_eq(decode_status(bytes, true, BYTES("\x80\x80\x80\x80\x08")),
                     BEAM_ECODER);
    beam_span minus_one = BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    ck_assert_int_eq(decode_status(bytes, true, minus_one), BEAM_ECODER);
}
END_TEST

static const bm_coder *prefixed(const bm_coder *coder)
{
    return bm_coder_new(&test_arena, BM_CODER_LENGTH_PREFIX, coder, NULL);
}

START_TEST(length_prefixes)
{
    beam_value text = beam_string(BYTES("abc"));
    expect_round_trip(prefixed(of_type(BEAM_STRING)), text,
                      BYTES("\x03"
                            "abc"));
    expect_encoded(prefixed(of_type(BEAM_STRING)), false, text,
                   BYTES("\x03"
                         "abc"));
    expect_round_trip(prefixed(of_type(BEAM_INT64)), beam_int64(300),
                      BYTES("\x02\xac\x02"));
    beam_value pair[] = { beam_int64(1), text };
    expect_round_trip(prefixed(of_type(BEAM_KV(BEAM_INT64, BEAM_STRING))), beam_kv(pair),
                      BYTES("\x04\x01"
                            "abc"));
    /* what is inside must fill it */
    ck_assert_int_eq(decode_status(prefixed(of_type(BEAM_INT64)), true,
                                   BYTES("\x02\x01\x01")),
                     BEAM_ECODER);
    ck_assert_int_eq(decode_status(prefixed(of_type(BEAM_INT64)), true,
                                   BYTES("\x01\x81")),
                     BEAM_ECODER);
}
END_TEST

START_TEST(long_length_prefixes)
{
    char bytes[20000];
    memset(bytes, 'x', sizeof bytes);
    beam_value pair[] = { beam_int64(1), beam_bytes((beam_span){ bytes, sizeof bytes }) };
    const bm_coder *coder = prefixed(of_type(BEAM_KV(BEAM_INT64, BEAM_BYTES)));
    for (size_t n = 0; n < sizeof bytes; n += 1 + n / 2) {
        pair[1].as.span.len = n;
        bm_writer out = { 0 };
        bm_write_u8(&out, 9);
        ck_assert_int_eq(bm_encode(coder, true, beam_kv(pair), &out), BEAM_OK);
        bm_reader in = bm_reader_of(bm_written(&out));
        in.at++;
        ck_assert_int_eq(bm_value_compare(decoded(coder, bm_rest(&in)), beam_kv(pair)),
                         0);
        bm_writer_free(&out);
    }
}
END_TEST

START_TEST(opaque_only_in_length_prefix)
{
    const bm_coder *opaque = of_type(BEAM_ANY);
    ck_assert_int_eq(opaque->kind, BM_CODER_OPAQUE);
    ck_assert_int_eq(decode_status(opaque, true, BYTES("a")), BEAM_EUNSUPPORTED);
    ck_assert_int_eq(encode_status(opaque, beam_int64(1)), BEAM_EUNSUPPORTED);
    expect_round_trip(prefixed(opaque), beam_bytes(BYTES("\x01\x02")),
                      BYTES("\x02\x01\x02"));
    ck_assert_int_eq(encode_status(prefixed(opaque), beam_int64(1)), BEAM_EUNSUPPORTED);
}
END_TEST

START_TEST(values_of_the_wrong_type)
{
    static const bm_coder_kind kinds[] = {
        BM_CODER_BYTES,         BM_CODER_STRING,         BM_CODER_BOOL,
        BM_CODER_VARINT,        BM_CODER_DOUBLE,         BM_CODER_BYTE,
        BM_CODER_INT16,         BM_CODER_INT32,          BM_CODER_FLOAT,
        BM_CODER_DECIMAL,       BM_CODER_MILLIS_INSTANT, BM_CODER_MICROS_INSTANT,
        BM_CODER_GLOBAL_WINDOW, BM_CODER_INTERVAL_WINDOW
    };
    for (size_t i = 0; i < BEAM_COUNT(kinds); i++)
        ck_assert_int_eq(encode_status(leaf(kinds[i]), beam_null()), BEAM_ETYPE);
    ck_assert_int_eq(encode_status(of_type(BEAM_BYTES), beam_string(BYTES("a"))),
                     BEAM_ETYPE);
    ck_assert_int_eq(encode_status(of_type(BEAM_STRING), beam_bytes(BYTES("a"))),
                     BEAM_ETYPE);
    ck_assert_int_eq(encode_status(of_type(BEAM_KV(BEAM_INT64, BEAM_INT64)),
                                   beam_int64(1)),
                     BEAM_ETYPE);
    beam_value pair[] = { beam_int64(1), beam_null() };
    ck_assert_int_eq(encode_status(of_type(BEAM_KV(BEAM_INT64, BEAM_INT64)),
                                   beam_kv(pair)),
                     BEAM_ETYPE);
    ck_assert_int_eq(encode_status(of_type(BEAM_ITERABLE(BEAM_INT64)), beam_int64(1)),
                     BEAM_ETYPE);
}
END_TEST

START_TEST(sizes)
{
    const bm_coder *global = leaf(BM_CODER_GLOBAL_WINDOW);
    const bm_coder *flag = of_type(BEAM_BOOL), *number = of_type(BEAM_DOUBLE);
    ck_assert(bm_coder_new(&test_arena, BM_CODER_KV, global, global)->is_empty);
    const bm_coder *kv = bm_coder_new(&test_arena, BM_CODER_KV, global, flag);
    ck_assert(!kv->is_empty);
    ck_assert_uint_eq(kv->fixed_size, 1);
    ck_assert_uint_eq(bm_coder_new(&test_arena, BM_CODER_KV, flag, number)->fixed_size,
                      9);
    ck_assert_uint_eq(of_type(BEAM_KV(BEAM_BOOL, BEAM_STRING))->fixed_size, 0);
}
END_TEST

/* -- structs ------------------------------------------------------------------------------ */
typedef struct point {
    int64_t x;
    beam_span name;
} point;

static void encode_point(const void *object, beam_writer *out)
{
    const point *p = object;
    beam_write_int64(out, p->x);
    beam_write_span(out, p->name);
}

static beam_status decode_point(void *object, beam_reader *in)
{
    point *p = object;
    ck_assert_int_eq(p->x, 0);
    ck_assert_ptr_null(p->name.ptr);
    BEAM_TRY(beam_read_int64(in, &p->x));
    if (p->x < 0) return BEAM_EUSER;
    return beam_read_span(in, &p->name);
}

static const beam_struct_coder point_coder = { "point", sizeof(point), encode_point,
                                               decode_point };

START_TEST(structs)
{
    const bm_coder *coder = of_type(BEAM_STRUCT(&point_coder));
    point p = { 3, BYTES("ab") };
    expect_encoded(coder, true, beam_struct(&p),
                   BYTES("\x03\x02"
                         "ab"));
    const point *got = beam_as_struct(decoded(coder, BYTES("\x03\x02"
                                                           "ab")));
    ck_assert_int_eq(got->x, 3);
    expect_bytes(got->name, BYTES("ab"));
    ck_assert_int_eq(decode_status(coder, true,
                                   BYTES("\x03\x02"
                                         "a")),
                     BEAM_ESHORT);
    ck_assert_int_eq(decode_status(coder, true,
                                   BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")),
                     BEAM_EUSER);
    ck_assert_int_eq(encode_status(coder, beam_int64(1)), BEAM_ETYPE);
}
END_TEST

START_TEST(copies_of_structs)
{
    const bm_coder *coder = of_type(BEAM_KV(BEAM_STRING, BEAM_STRUCT(&point_coder)));
    point p = { 3, BYTES("ab") };
    beam_value pair[] = { beam_string(BYTES("k")), beam_struct(&p) }, copy;
    ck_assert_int_eq(bm_value_copy(&test_arena, beam_kv(pair), &copy), BEAM_EUNSUPPORTED);
    ck_assert_int_eq(bm_value_copy_as(coder, &test_arena, beam_kv(pair), &copy), BEAM_OK);
    const point *got = beam_as_struct(beam_val(copy));
    ck_assert_ptr_ne(got, &p);
    ck_assert_int_eq(got->x, 3);
    expect_bytes(got->name, p.name);
    expect_bytes(beam_as_span(beam_key(copy)), BYTES("k"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { varints,
                                   odd_varints,
                                   doubles,
                                   bools,
                                   contexts,
                                   outer_bytes_must_be_used_up,
                                   text_passes_as_it_is,
                                   lengths_are_checked,
                                   length_prefixes,
                                   long_length_prefixes,
                                   opaque_only_in_length_prefix,
                                   values_of_the_wrong_type,
                                   sizes,
                                   structs,
                                   copies_of_structs };
    return RUN_TESTS("coder", tests);
}
