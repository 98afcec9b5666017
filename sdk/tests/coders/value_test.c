/* SPDX-License-Identifier: Apache-2.0 */
/* Copies, order and text of values. */
#include "codec.h"

#include <math.h>

static beam_value iterable(const beam_value *items, size_t n)
{
    beam_value v = { .kind = BEAM_KIND_ITERABLE };
    v.as.iter = bm_iter_of_values(&test_arena, items, n);
    return v;
}

START_TEST(order)
{
    beam_value a1[] = { beam_string(BYTES("a")), beam_int64(1) };
    beam_value a2[] = { beam_string(BYTES("a")), beam_int64(2) };
    const beam_value ascending[] = { beam_null(),
                                     beam_bytes(BYTES("")),
                                     beam_bytes(BYTES("\0")),
                                     beam_bytes(BYTES("a")),
                                     beam_bytes(BYTES("ab")),
                                     beam_bytes(BYTES("b")),
                                     beam_bytes(BYTES("\xff")),
                                     beam_string(BYTES("a")),
                                     beam_bool(false),
                                     beam_bool(true),
                                     beam_int64(INT64_MIN),
                                     beam_int64(-1),
                                     beam_int64(0),
                                     beam_int64(INT64_MAX),
                                     beam_double((double)-INFINITY),
                                     beam_double(-1),
                                     beam_double(-0.0),
                                     beam_double(0.0),
                                     beam_double(1),
                                     beam_double((double)INFINITY),
                                     beam_double((double)NAN),
                                     beam_kv(a1),
                                     beam_kv(a2),
                                     iterable(NULL, 0),
                                     iterable(a1, 1),
                                     iterable(a1, 2),
                                     iterable(a2, 2),
                                     beam_row(a1, 2),
                                     beam_row(a2, 2),
                                     beam_list(a1, 1),
                                     beam_list(a1, 2) };
    for (size_t i = 0; i < BEAM_COUNT(ascending); i++) {
        for (size_t k = 0; k < BEAM_COUNT(ascending); k++) {
            int got = bm_value_compare(ascending[i], ascending[k]);
            ck_assert_int_eq((got > 0) - (got < 0), (i > k) - (i < k));
        }
    }
}
END_TEST

START_TEST(copies)
{
    char text[] = "text";
    beam_value items[] = { beam_string((beam_span){ text, 4 }), beam_int64(3) };
    beam_value pair[] = { beam_row(items, 2), iterable(items, 2) }, copy;
    ck_assert_int_eq(bm_value_copy(&test_arena, beam_kv(pair), &copy), BEAM_OK);
    ck_assert_int_eq(bm_value_compare(copy, beam_kv(pair)), 0);
    text[0] = 'T';
    items[1] = beam_null();
    ck_assert_int_ne(bm_value_compare(copy, beam_kv(pair)), 0);
    expect_bytes(beam_as_span(beam_list_at(beam_key(copy), 0)), BYTES("text"));
    beam_value item;
    beam_iter *iter = beam_as_iter(beam_val(copy));
    ck_assert(beam_next(iter, &item) && beam_next(iter, &item));
    ck_assert_int_eq(beam_as_int64(item), 3);
}
END_TEST

static void expect_text(beam_value v, size_t max, const char *want)
{
    ck_assert_str_eq(bm_value_text(&test_arena, v, max), want);
}

START_TEST(texts)
{
    beam_value pair[] = { beam_string(BYTES("a\"\xc3\xa4\n")), beam_int64(3) };
    expect_text(beam_kv(pair), 100, "KV{\"a\\\"\xc3\xa4\\x0a\", 3}");
    expect_text(beam_bytes(BYTES("a\xff\0")), 100, "\"a\\xff\\x00\"");
    expect_text(beam_null(), 100, "null");
    expect_text(beam_bool(true), 100, "true");
    expect_text(beam_double(0.5), 100, "0.5");
    beam_value row[] = { beam_null(), beam_list(pair, 0) };
    expect_text(beam_row(row, 2), 100, "Row{null, []}");
    expect_text(iterable(pair, 2), 100, "iterable of 2");
    bm_element element = { beam_int64(1), 5, &bm_global_windows, &bm_no_firing };
    beam_value v = { .kind = BEAM_KIND_WINDOWED };
    v.as.ptr = &element;
    expect_text(v, 100, "1 at 5");
    v.kind = BEAM_KIND_WINDOW;
    v.as.ptr = &bm_global_windows.at[0];
    expect_text(v, 100, "global window");
}
END_TEST

START_TEST(cut_texts)
{
    beam_value ten = beam_bytes(BYTES("0123456789"));
    expect_text(ten, 12, "\"0123456789\"");
    expect_text(ten, 11, "\"0123456...");
    expect_text(ten, 2, "\"0");
    expect_text(ten, 0, "");
    /* a character is not cut in two */
    expect_text(beam_string(BYTES("ab\xc3\xa4\xc3\xa4")), 7, "\"ab...");
    expect_text(beam_string(BYTES("ab\xc3\xa4\xc3\xa4\xc3\xa4")), 8, "\"ab\xc3\xa4...");
    beam_value deep[100];
    deep[0] = beam_int64(1);
    for (int i = 1; i < 100; i++) deep[i] = beam_list(&deep[i - 1], 1);
    expect_text(deep[99], 10, "[[[[[[[...");
}
END_TEST

START_TEST(units_of_time)
{
    ck_assert_int_eq(beam_seconds(-2), -2000);
    ck_assert_int_eq(beam_minutes(2), 120000);
    ck_assert_int_eq(beam_hours(2), 7200000);
    ck_assert_int_eq(beam_seconds(INT64_MAX / 1000), INT64_MAX / 1000 * 1000);
    ck_assert_int_eq(beam_seconds(INT64_MAX / 1000 + 1), INT64_MAX);
    ck_assert_int_eq(beam_hours(INT64_MAX), INT64_MAX);
    ck_assert_int_eq(beam_minutes(INT64_MIN), INT64_MIN);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { order, copies, texts, cut_texts, units_of_time };
    return RUN_TESTS("value", tests);
}
