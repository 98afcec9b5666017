/* SPDX-License-Identifier: Apache-2.0 */
/* Narrow numbers, collections and logical types of fields. */
#include "codec.h"

START_TEST(ranges)
{
    static const struct {
        bm_coder_kind kind;
        int64_t min, max;
    } cases[] = { { BM_CODER_BYTE, INT8_MIN, INT8_MAX },
                  { BM_CODER_INT16, INT16_MIN, INT16_MAX },
                  { BM_CODER_INT32, INT32_MIN, INT32_MAX } };
    for (size_t i = 0; i < BEAM_COUNT(cases); i++) {
        const bm_coder *coder = leaf(cases[i].kind);
        const int64_t inside[] = { cases[i].min, cases[i].max, -1, 0, 1 };
        for (size_t k = 0; k < BEAM_COUNT(inside); k++) {
            bm_writer out = { 0 };
            ck_assert_int_eq(bm_encode(coder, true, beam_int64(inside[k]), &out),
                             BEAM_OK);
            ck_assert_int_eq(beam_as_int64(decoded(coder, bm_written(&out))), inside[k]);
            bm_writer_free(&out);
        }
        ck_assert_int_eq(encode_status(coder, beam_int64(cases[i].max + 1)), BEAM_ETYPE);
        ck_assert_int_eq(encode_status(coder, beam_int64(cases[i].min - 1)), BEAM_ETYPE);
    }
}
END_TEST

START_TEST(int32_varints)
{
    const bm_coder *coder = leaf(BM_CODER_INT32);
    expect_round_trip(coder, beam_int64(-2), BYTES("\xfe\xff\xff\xff\x0f"));
    beam_span extended = BYTES("\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    ck_assert_int_eq(beam_as_int64(decoded(coder, extended)), -2);
    ck_assert_int_eq(decode_status(coder, true, BYTES("\x80\x80\x80\x80\x10")),
                     BEAM_ECODER);
}
END_TEST

static const bm_coder *logical(const char *urn, int64_t argument, const beam_field *of)
{
    beam_field *field = BM_NEW(&test_arena, beam_field);
    beam_schema *schema = BM_NEW(&test_arena, beam_schema);
    *field = (beam_field){ .name = "f",
                           .kind = BEAM_FIELD_LOGICAL,
                           .logical = urn,
                           .logical_argument = argument,
                           .of = of };
    schema->fields.at = field;
    schema->fields.n = 1;
    return bm_coder_of_schema(&test_arena, schema);
}

static void expect_field(const bm_coder *coder, beam_value value, beam_span bytes)
{
    expect_round_trip(coder, beam_row(&value, 1), bytes);
}

static beam_status field_status(const bm_coder *coder, beam_value value)
{
    return encode_status(coder, beam_row(&value, 1));
}

START_TEST(instants)
{
    const bm_coder *millis = logical(BEAM_LOGICAL_MILLIS_INSTANT, 0, NULL);
    expect_field(millis, beam_int64(0), BYTES("\x01\0\x80\0\0\0\0\0\0\0"));
    expect_field(millis, beam_int64(-1), BYTES("\x01\0\x7f\xff\xff\xff\xff\xff\xff\xff"));
    expect_field(millis, beam_int64(INT64_MIN), BYTES("\x01\0\0\0\0\0\0\0\0\0"));
    const bm_coder *micros = logical(BEAM_LOGICAL_MICROS_INSTANT, 0, NULL);
    expect_field(micros, beam_int64(1000002), BYTES("\x01\0\x02\0\x01\x02"));
    expect_field(micros, beam_int64(-1),
                 BYTES(
                     "\x01\0\x02\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\xbf\x84\x3d"));
    ck_assert_int_eq(decode_status(micros, true, BYTES("\x01\0\x03\0\x01\x02\x03")),
                     BEAM_ECODER);
    ck_assert_int_eq(decode_status(micros, true, BYTES("\x01\0\x02\x01\x01\x02")),
                     BEAM_ECODER);
    beam_span overflow = BYTES("\x01\0\x02\0\xff\xff\xff\xff\xff\xff\xff\xff\x7f\0");
    ck_assert_int_eq(decode_status(micros, true, overflow), BEAM_ECODER);
}
END_TEST

START_TEST(extreme_micros)
{
    const bm_coder *coder = logical(BEAM_LOGICAL_MICROS_INSTANT, 0, NULL);
    const int64_t extremes[] = { INT64_MAX, INT64_MIN + 1000000, -999999, -1000000 };
    for (size_t i = 0; i < BEAM_COUNT(extremes); i++) {
        beam_value field = beam_int64(extremes[i]);
        bm_writer out = { 0 };
        ck_assert_int_eq(bm_encode(coder, true, beam_row(&field, 1), &out), BEAM_OK);
        ck_assert_int_eq(beam_as_int64(beam_list_at(decoded(coder, bm_written(&out)), 0)),
                         extremes[i]);
        bm_writer_free(&out);
    }
}
END_TEST

START_TEST(dates_and_callables)
{
    expect_field(logical(BEAM_LOGICAL_DATE, 0, NULL), beam_int64(300),
                 BYTES("\x01\0\xac\x02"));
    expect_field(logical(BEAM_LOGICAL_PYTHON_CALLABLE, 0, NULL), beam_string(BYTES("f")),
                 BYTES("\x01\0\x01"
                       "f"));
}
END_TEST

START_TEST(fixed_lengths)
{
    const bm_coder *bytes = logical(BEAM_LOGICAL_FIXED_BYTES, 3, NULL);
    beam_value a = beam_bytes(BYTES("a"));
    expect_encoded(bytes, true, beam_row(&a, 1),
                   BYTES("\x01\0\x03"
                         "a\0\0"));
    expect_field(bytes, beam_bytes(BYTES("abc")),
                 BYTES("\x01\0\x03"
                       "abc"));
    ck_assert_int_eq(field_status(bytes, beam_bytes(BYTES("abcd"))), BEAM_ETYPE);
    ck_assert_int_eq(field_status(bytes, beam_string(BYTES("abc"))), BEAM_ETYPE);
    ck_assert_int_eq(decode_status(bytes, true,
                                   BYTES("\x01\0\x04"
                                         "abcd")),
                     BEAM_ECODER);
    const bm_coder *text = logical(BEAM_LOGICAL_FIXED_CHAR, 3, NULL);
    beam_value umlaut = beam_string(BYTES("\xc3\xa4"));
    expect_encoded(text, true, beam_row(&umlaut, 1), BYTES("\x01\0\x04\xc3\xa4  "));
    expect_field(text, beam_string(BYTES("\xc3\xa4\xc3\xa4\xc3\xa4")),
                 BYTES("\x01\0\x06\xc3\xa4\xc3\xa4\xc3\xa4"));
}
END_TEST

START_TEST(limited_lengths)
{
    const bm_coder *bytes = logical(BEAM_LOGICAL_VAR_BYTES, 2, NULL);
    expect_field(bytes, beam_bytes(BYTES("a")),
                 BYTES("\x01\0\x01"
                       "a"));
    ck_assert_int_eq(field_status(bytes, beam_bytes(BYTES("abc"))), BEAM_ETYPE);
    const bm_coder *text = logical(BEAM_LOGICAL_VAR_CHAR, 2, NULL);
    expect_field(text, beam_string(BYTES("")), BYTES("\x01\0\0"));
    ck_assert_int_eq(field_status(text, beam_string(BYTES("abc"))), BEAM_ETYPE);
    ck_assert_int_eq(decode_status(text, true,
                                   BYTES("\x01\0\x03"
                                         "abc")),
                     BEAM_ECODER);
    expect_field(logical(BEAM_LOGICAL_VAR_CHAR, 0, NULL),
                 beam_string(BYTES("any length")),
                 BYTES("\x01\0\x0a"
                       "any length"));
}
END_TEST

START_TEST(unknown_logical_types)
{
    static const beam_field number = { .kind = BEAM_FIELD_INT16 };
    expect_field(logical("beam:logical_type:unknown:v1", 0, &number), beam_int64(1),
                 BYTES("\x01\0\0\x01"));
    static const beam_field inner = { .kind = BEAM_FIELD_LOGICAL,
                                      .logical = BEAM_LOGICAL_MILLIS_INSTANT };
    expect_field(logical("x", 0, &inner), beam_int64(0),
                 BYTES("\x01\0\x80\0\0\0\0\0\0\0"));
    ck_assert_int_eq(field_status(logical("x", 0, NULL), beam_int64(1)),
                     BEAM_EUNSUPPORTED);
}
END_TEST

START_TEST(lists)
{
    const bm_coder *list = bm_coder_new(&test_arena, BM_CODER_LIST, of_type(BEAM_INT64),
                                        NULL);
    beam_value items[] = { beam_int64(1), beam_int64(2), beam_int64(3) };
    expect_round_trip(list, beam_list(items, 3), BYTES("\0\0\0\x03\x01\x02\x03"));
    beam_value v = decoded(list, BYTES("\xff\xff\xff\xff\x02\x01\x02\x01\x03\0"));
    ck_assert_int_eq(bm_value_compare(v, beam_list(items, 3)), 0);
    ck_assert_int_eq(decode_status(list, true, BYTES("\x7f\xff\xff\xff\0")), BEAM_ESHORT);
    ck_assert_int_eq(decode_status(list, true, BYTES("\x80\0\0\0")), BEAM_ECODER);
    ck_assert_int_eq(decode_status(list, true, BYTES("\xff\xff\xff\xff\xff\xff\x7f\0")),
                     BEAM_ESHORT);
    beam_span rest_in_state = BYTES("\xff\xff\xff\xff"
                                    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                                    "\0");
    ck_assert_int_eq(decode_status(list, true, rest_in_state), BEAM_ECODER);
    ck_assert_int_eq(encode_status(list, beam_map_of(items, 3)), BEAM_ETYPE);
}
END_TEST

START_TEST(maps)
{
    const bm_coder *map = bm_coder_new(&test_arena, BM_CODER_MAP, of_type(BEAM_INT64),
                                       of_type(BEAM_STRING));
    beam_value pair[] = { beam_int64(1), beam_string(BYTES("a")) };
    beam_value items[] = { beam_kv(pair) };
    expect_round_trip(map, beam_map_of(items, 1),
                      BYTES("\0\0\0\x01\x01\x01"
                            "a"));
    expect_round_trip(map, beam_map_of(NULL, 0), BYTES("\0\0\0\0"));
    ck_assert_int_eq(decode_status(map, true, BYTES("\x7f\xff\xff\xff\0")), BEAM_ESHORT);
    ck_assert_int_eq(decode_status(map, true, BYTES("\xff\xff\xff\xff\0")), BEAM_ECODER);
    ck_assert_int_eq(encode_status(map, beam_list(items, 1)), BEAM_ETYPE);
    ck_assert_int_eq(encode_status(map, beam_map_of(pair, 1)), BEAM_ETYPE);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { ranges,
                                   int32_varints,
                                   instants,
                                   extreme_micros,
                                   dates_and_callables,
                                   fixed_lengths,
                                   limited_lengths,
                                   unknown_logical_types,
                                   lists,
                                   maps };
    return RUN_TESTS("field", tests);
}
