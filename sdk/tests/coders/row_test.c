/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: every kind of field, nulls, encoding positions, schemas that grew. */
#include "codec.h"

static const beam_field string_item = { .kind = BEAM_FIELD_STRING };
static const beam_field nullable_int = { .kind = BEAM_FIELD_INT64, .nullable = true };
static const beam_field inner_fields[] = { { "x", .kind = BEAM_FIELD_INT16 } };
static const beam_schema inner = { "inner", BEAM_TABLE(inner_fields), NULL };

enum {
    BYTE,
    INT16,
    INT32,
    INT64,
    FLOAT,
    DOUBLE,
    STRING,
    BOOLEAN,
    BYTES_,
    ARRAY,
    ITERABLE,
    MAP,
    ROW,
    N_FIELDS
};

static const beam_field all_fields[N_FIELDS] = {
    [BYTE] = { "byte", .kind = BEAM_FIELD_BYTE },
    [INT16] = { "int16", .kind = BEAM_FIELD_INT16 },
    [INT32] = { "int32", .kind = BEAM_FIELD_INT32 },
    [INT64] = { "int64", .kind = BEAM_FIELD_INT64 },
    [FLOAT] = { "float", .kind = BEAM_FIELD_FLOAT },
    [DOUBLE] = { "double", .kind = BEAM_FIELD_DOUBLE },
    [STRING] = { "string", .kind = BEAM_FIELD_STRING, .nullable = true },
    [BOOLEAN] = { "boolean", .kind = BEAM_FIELD_BOOLEAN },
    [BYTES_] = { "bytes", .kind = BEAM_FIELD_BYTES },
    [ARRAY] = { "array", .kind = BEAM_FIELD_ARRAY, .of = &nullable_int },
    [ITERABLE] = { "iterable", .kind = BEAM_FIELD_ITERABLE, .of = &string_item },
    [MAP] = { "map", .kind = BEAM_FIELD_MAP, .key = &string_item, .of = &nullable_int },
    [ROW] = { "row", .kind = BEAM_FIELD_ROW, .row = &inner, .nullable = true },
};
static const beam_schema all = { "all", BEAM_TABLE(all_fields), NULL };

START_TEST(all_kinds_of_fields)
{
    beam_value numbers[] = { beam_int64(5), beam_null() };
    beam_value words[] = { beam_string(BYTES("w")) };
    beam_value pair[] = { words[0], beam_null() };
    beam_value pairs[] = { beam_kv(pair) };
    beam_value x[] = { beam_int64(-2) };
    beam_value row[N_FIELDS] = {
        [BYTE] = beam_int64(-1),
        [INT16] = beam_int64(0x0102),
        [INT32] = beam_int64(-1),
        [INT64] = beam_int64(-1),
        [FLOAT] = beam_double(1.5),
        [DOUBLE] = beam_double(1.5),
        [STRING] = beam_null(),
        [BOOLEAN] = beam_bool(true),
        [BYTES_] = beam_bytes(BYTES("\0")),
        [ARRAY] = beam_list(numbers, 2),
        [ITERABLE] = beam_list(words, 1),
        [MAP] = beam_map_of(pairs, 1),
        [ROW] = beam_row(x, 1),
    };
    expect_round_trip(of_type(BEAM_ROW(&all)), beam_row(row, N_FIELDS),
                      BYTES("\x0d\x01\x40"
                            "\xff"
                            "\x01\x02"
                            "\xff\xff\xff\xff\x0f"
                            "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                            "\x3f\xc0\0\0"
                            "\x3f\xf8\0\0\0\0\0\0"
                            "\x01"
                            "\x01\0"
                            "\0\0\0\x02\x01\x05\0"
                            "\0\0\0\x01\x01w"
                            "\0\0\0\x01\x01w\0"
                            "\x01\0\xff\xfe"));
}
END_TEST

static const beam_field numbers_fields[] = {
    { "a", .kind = BEAM_FIELD_INT64, .nullable = true },
    { "b", .kind = BEAM_FIELD_INT64, .nullable = true },
    { "c", .kind = BEAM_FIELD_INT64, .nullable = true },
};
static const beam_schema numbers = { "numbers", BEAM_TABLE(numbers_fields), NULL };

START_TEST(missing_values_are_null)
{
    const bm_coder *coder = of_type(BEAM_ROW(&numbers));
    beam_value one[] = { beam_int64(1) };
    expect_encoded(coder, true, beam_row(one, 1), BYTES("\x03\x01\x06\x01"));
    expect_encoded(coder, true, beam_row(NULL, 0), BYTES("\x03\x01\x07"));
    ck_assert_int_eq(encode_status(of_type(BEAM_ROW(&all)), beam_row(one, 1)),
                     BEAM_ETYPE);
    beam_value four[4] = { one[0], one[0], one[0], one[0] };
    ck_assert_int_eq(encode_status(coder, beam_row(four, 4)), BEAM_ETYPE);
    ck_assert_int_eq(bm_row_refused(coder, beam_row(one, 1)), -1);
    ck_assert_int_eq(bm_row_refused(of_type(BEAM_ROW(&all)), beam_row(one, 1)), 1);
    ck_assert_int_eq(encode_status(coder, beam_list(four, 3)), BEAM_ETYPE);
}
END_TEST

static void expect_numbers(beam_value row, const int64_t *want)
{
    ck_assert_uint_eq(beam_list_size(row), 3);
    for (size_t i = 0; i < 3; i++) {
        beam_value field = beam_list_at(row, i);
        ck_assert_int_eq(beam_is_null(field), want[i] == 0);
        ck_assert_int_eq(beam_as_int64(field), want[i]);
    }
}

START_TEST(fewer_fields_were_written)
{
    const bm_coder *coder = of_type(BEAM_ROW(&numbers));
    expect_numbers(decoded(coder, BYTES("\x02\0\x07\x08")), (int64_t[]){ 7, 8, 0 });
    expect_numbers(decoded(coder, BYTES("\x02\x01\x01\x08")), (int64_t[]){ 0, 8, 0 });
    expect_numbers(decoded(coder, BYTES("\0\0")), (int64_t[]){ 0, 0, 0 });
}
END_TEST

START_TEST(more_fields_were_written)
{
    const bm_coder *coder = of_type(BEAM_ROW(&numbers));
    /* null ones can be passed over anywhere */
    expect_numbers(decoded(coder, BYTES("\x05\x01\x18\x07\x08\x09")),
                   (int64_t[]){ 7, 8, 9 });
    /* others only where the row is the whole of its bytes */
    beam_span bytes = BYTES("\x04\0\x07\x08\x09\x0a");
    bm_reader in = bm_reader_of(bytes);
    beam_value row;
    ck_assert_int_eq(bm_decode(coder, false, &in, &test_arena, &row), BEAM_OK);
    expect_numbers(row, (int64_t[]){ 7, 8, 9 });
    ck_assert_int_eq(decode_status(coder, false, bytes), BEAM_OK);
    ck_assert_int_eq(decode_status(coder, true, bytes), BEAM_ECODER);
    beam_span many = BYTES("\xff\xff\xff\xff\x07\0\x07\x08\x09");
    ck_assert_int_eq(decode_status(coder, true, many), BEAM_ECODER);
    beam_span too_many = BYTES("\xff\xff\xff\xff\x0f\0\x07\x08\x09");
    ck_assert_int_eq(decode_status(coder, false, too_many), BEAM_ECODER);
}
END_TEST

START_TEST(encoding_positions)
{
    static const int32_t positions[] = { 2, 0, 1 };
    static const beam_schema moved = { "moved", BEAM_TABLE(numbers_fields), positions };
    beam_value row[] = { beam_int64(1), beam_null(), beam_int64(3) };
    expect_round_trip(of_type(BEAM_ROW(&moved)), beam_row(row, 3),
                      BYTES("\x03\x01\x01\x03\x01"));
    static const int32_t twice[] = { 1, 1, 0 }, outside[] = { 0, 1, 3 },
                         below[] = { -1, 0, 1 };
    const int32_t *const bad[] = { twice, outside, below };
    for (size_t i = 0; i < BEAM_COUNT(bad); i++) {
        beam_schema schema = { "bad", BEAM_TABLE(numbers_fields), bad[i] };
        ck_assert_int_eq(of_type(BEAM_ROW(&schema))->kind, BM_CODER_OPAQUE);
    }
}
END_TEST

START_TEST(no_fields)
{
    static const beam_schema empty = { .id = "empty" };
    expect_round_trip(of_type(BEAM_ROW(&empty)), beam_row(NULL, 0), BYTES("\0\0"));
}
END_TEST

START_TEST(schema_that_contains_itself)
{
    static beam_field fields[] = { { "self", .kind = BEAM_FIELD_ROW, .nullable = true } };
    static const beam_schema endless = { "endless", BEAM_TABLE(fields), NULL };
    fields[0].row = &endless;
    const bm_coder *coder = of_type(BEAM_ROW(&endless));
    expect_round_trip(coder, beam_row((beam_value[]){ beam_null() }, 1),
                      BYTES("\x01\x01\x01"));
    bm_writer deep = { 0 };
    for (int i = 0; i < 1000; i++) bm_write_bytes(&deep, "\x01\0", 2);
    ck_assert_int_eq(decode_status(coder, true, bm_written(&deep)), BEAM_EUNSUPPORTED);
    bm_writer_free(&deep);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { all_kinds_of_fields,        missing_values_are_null,
                                   fewer_fields_were_written,  more_fields_were_written,
                                   encoding_positions,         no_fields,
                                   schema_that_contains_itself };
    return RUN_TESTS("row", tests);
}
