/* SPDX-License-Identifier: Apache-2.0 */
/* Equality of types, schemas. */
#include "codec.h"

static const beam_field fields[] = { { "a", .kind = BEAM_FIELD_INT64 },
                                     { "b", .kind = BEAM_FIELD_STRING } };
static const beam_field same_fields[] = { { "a", .kind = BEAM_FIELD_INT64 },
                                          { "b", .kind = BEAM_FIELD_STRING } };
static const beam_field nullable[] = { { "a", .kind = BEAM_FIELD_INT64,
                                         .nullable = true },
                                       { "b", .kind = BEAM_FIELD_STRING } };
static const int32_t in_order[] = { 0, 1 }, swapped[] = { 1, 0 };
static const beam_schema schema = { "one", BEAM_TABLE(fields), NULL };
static const beam_schema same = { "two", BEAM_TABLE(same_fields), in_order };
static const beam_schema moved = { "three", BEAM_TABLE(same_fields), swapped };
static const beam_schema with_null = { "four", BEAM_TABLE(nullable), NULL };
static const beam_struct_coder one = { .name = "one" }, one_again = { .name = "one" },
                               other = { .name = "other" };

START_TEST(equal_types)
{
    ck_assert(beam_type_equal(BEAM_INT64, BEAM_INT64));
    ck_assert(beam_type_equal(BEAM_KV(BEAM_STRING, BEAM_INT64),
                              BEAM_KV(BEAM_STRING, BEAM_INT64)));
    ck_assert(beam_type_equal(BEAM_ITERABLE(BEAM_ANY), BEAM_ITERABLE(BEAM_BOOL)));
    ck_assert(beam_type_equal(BEAM_ANY, BEAM_STRUCT(&one)));
    ck_assert(beam_type_equal(BEAM_ROW(&schema), BEAM_ROW(&same)));
    ck_assert(beam_type_equal(BEAM_STRUCT(&one), BEAM_STRUCT(&one_again)));
}
END_TEST

START_TEST(different_types)
{
    ck_assert(!beam_type_equal(BEAM_INT64, BEAM_STRING));
    ck_assert(!beam_type_equal(BEAM_STRING, BEAM_BYTES));
    ck_assert(!beam_type_equal(BEAM_INT64, NULL));
    ck_assert(!beam_type_equal(BEAM_KV(BEAM_STRING, BEAM_INT64),
                               BEAM_KV(BEAM_STRING, BEAM_BOOL)));
    ck_assert(!beam_type_equal(BEAM_NULLABLE(BEAM_STRING), BEAM_STRING));
    ck_assert(!beam_type_equal(BEAM_ROW(&schema), BEAM_ROW(&moved)));
    ck_assert(!beam_type_equal(BEAM_ROW(&schema), BEAM_ROW(&with_null)));
    ck_assert(!beam_type_equal(BEAM_STRUCT(&one), BEAM_STRUCT(&other)));
}
END_TEST

START_TEST(field_names)
{
    ck_assert_int_eq(beam_schema_index(&schema, "b"), 1);
    ck_assert_int_eq(beam_schema_index(&schema, "c"), -1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { equal_types, different_types, field_names };
    return RUN_TESTS("type", tests);
}
