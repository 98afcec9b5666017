/* SPDX-License-Identifier: Apache-2.0 */
/* Create: what it is made of, and values that are not of its type. */
#include "fns/create.h"
#include "graph_test.h"

START_TEST(strings)
{
    static const char *const texts[] = { "a", "bc", NULL };
    beam_pcoll *c = beam_create_strings(p, "Lines", texts, 3);
    const bm_step *values = c->producer->parent->parent->first_child->next_sibling;
    ck_assert_uint_eq(values->config.len, 7);
    ck_assert_mem_eq(values->config.ptr,
                     "\x03\x01"
                     "a\x02"
                     "bc\x00",
                     7);
    expect_print(
        "Lines: composite -> STRING\n"
        "  Impulse: Impulse -> BYTES\n"
        "  Values: ParDo 'beam.create' (Lines/Impulse) -> STRING\n"
        "  Reshuffle: Reshuffle (Lines/Values) -> STRING\n"
        "    Reify: ParDo 'beam.reshuffle_spread' (Lines/Values) -> "
        "KV<INT64, KV<BYTES, STRING>>\n"
        "    Window: WindowInto [global window, trigger always] (Lines/Reshuffle/Reify) -> "
        "KV<INT64, KV<BYTES, STRING>>\n"
        "    GroupByKey: GroupByKey (Lines/Reshuffle/Window) -> "
        "KV<INT64, ITERABLE<KV<BYTES, STRING>>>\n"
        "    Restore: ParDo 'beam.reshuffle_unspread' (Lines/Reshuffle/GroupByKey) -> "
        "STRING\n");
}
END_TEST

START_TEST(nothing)
{
    beam_pcoll *c = beam_create(p, "None", BEAM_DOUBLE, NULL, 0);
    expect_type(c, "DOUBLE");
    ck_assert_str_eq(c->producer->name, "Restore");
    const bm_step *values = p->first;
    while (values && strcmp(values->name, "Values") != 0) values = values->next;
    ck_assert_ptr_nonnull(values);
    ck_assert_mem_eq(values->config.ptr, "\x00", 1);
}
END_TEST

START_TEST(type_is_copied)
{
    beam_type kv = { BEAM_KIND_KV, { BEAM_STRING, BEAM_INT64 }, NULL, NULL };
    beam_pcoll *c = beam_create(p, "Pairs", &kv, NULL, 0);
    memset(&kv, 0xff, sizeof kv);
    expect_type(c, "KV<STRING, INT64>");
}
END_TEST

/* Keys of KVs may be of any type: elements are spread, not grouped by key. */
START_TEST(kvs_without_a_good_key)
{
    beam_value pair[] = { beam_list(NULL, 0), beam_int64(1) };
    beam_value values[] = { beam_kv(pair), beam_kv(pair) };
    expect_type(beam_create(p, "KVs", BEAM_KV(BEAM_ITERABLE(BEAM_INT64), BEAM_INT64),
                            values, 2),
                "KV<ITERABLE<INT64>, INT64>");
}
END_TEST

START_TEST(value_of_another_type)
{
    beam_value values[] = { beam_int64(1), beam_string(beam_span_of("two")) };
    beam_create(p, "Numbers", BEAM_INT64, values, 2);
    expect_error(BEAM_ETYPE,
                 "Numbers: value 1, \"two\", cannot be encoded as INT64: element "
                 "type does not match");
}
END_TEST

START_TEST(bad_types)
{
    beam_create(p, "Any", BEAM_KV(BEAM_ANY, BEAM_INT64), NULL, 0);
    expect_error(BEAM_ETYPE,
                 "Any: the type of its values is a type with ANY in it, but must "
                 "be known here");
    beam_pipeline_free(p);
    p = beam_pipeline_new();
    beam_create(p, "None", NULL, NULL, 0);
    expect_error(BEAM_ETYPE, "None: the type of its values is NULL");
    beam_pipeline_free(p);
    p = beam_pipeline_new();
    beam_create(p, "Row", BEAM_ROW(NULL), NULL, 0);
    expect_error(BEAM_ETYPE, "Row: the type of its values is a ROW without schema");
}
END_TEST

START_TEST(no_values)
{
    beam_create(p, "Numbers", BEAM_INT64, NULL, 2);
    expect_error(BEAM_EINVAL, "Numbers: its values are NULL, but there are to be 2");
    beam_pipeline_free(p);
    p = beam_pipeline_new();
    beam_create_strings(p, "Strings", NULL, 1);
    expect_error(BEAM_EINVAL, "Strings: its values are NULL, but there are to be 1");
}
END_TEST

START_TEST(many_values)
{
    enum { N = 100000 };
    beam_value *values = calloc(N, sizeof *values);
    for (int i = 0; i < N; i++) values[i] = beam_int64(i);
    beam_pcoll *c = beam_create(p, "Many", BEAM_INT64, values, N);
    free(values);
    expect_type(c, "INT64");
}
END_TEST

RUN("create", strings, nothing, type_is_copied, kvs_without_a_good_key,
    value_of_another_type, bad_types, no_values, many_values)
