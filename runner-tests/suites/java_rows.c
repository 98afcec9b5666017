/* SPDX-License-Identifier: Apache-2.0 */
/* Java's ParDoSchemaTest and PCollectionRowTupleTest: elements that are rows. */
#include "java.h"

/* -- schemas ------------------------------------------------------------------------- */
enum { TEXT, NUMBER };
#define TEXT_AND_NUMBER(schema, schema_id, text_name, number_name)      \
    static const beam_field schema##_fields[] = {                       \
        [TEXT] = { .name = (text_name), .kind = BEAM_FIELD_STRING },    \
        [NUMBER] = { .name = (number_name), .kind = BEAM_FIELD_INT32 }, \
    };                                                                  \
    static const beam_schema schema = { .id = (schema_id),              \
                                        .fields = BEAM_TABLE(schema##_fields) }
TEXT_AND_NUMBER(first_schema, "java.row_1", "string_field", "integer_field");
TEXT_AND_NUMBER(second_schema, "java.row_2", "string2_field", "integer2_field");
TEXT_AND_NUMBER(third_schema, "java.row_3", "string3_field", "integer3_field");
#define FIRST BEAM_ROW(&first_schema)
#define SECOND BEAM_ROW(&second_schema)
#define THIRD BEAM_ROW(&third_schema)

static beam_pcoll *three_rows(beam_pipeline *p)
{
    static const char *const texts[] = { "a", "b", "c" };
    beam_value fields[3][2], rows[3];
    for (int i = 0; i < 3; i++) {
        fields[i][TEXT] = beam_string(beam_span_of(texts[i]));
        fields[i][NUMBER] = beam_int64(i + 1);
        rows[i] = beam_row(fields[i], 2);
    }
    return beam_create(p, "In", FIRST, rows, 3);
}

/* -- rows in, text out --------------------------------------------------------------- */
static beam_value text_of(beam_ctx *c, beam_value row)
{
    return beam_string(beam_format(c, BEAM_SPAN_FMT ":%lld",
                                   BEAM_SPAN_ARG(beam_as_span(beam_list_at(row, TEXT))),
                                   (long long)beam_as_int64(beam_list_at(row, NUMBER))));
}
#define TEXTING(dofn, fn_name, type, function)                               \
    static const beam_dofn dofn = {                                          \
        .name = (fn_name), .in = type, .out = BEAM_STRING, .map = (function) \
    }
TEXTING(text_of_first_fn, "java.text_of_row_1", FIRST, text_of);
TEXTING(text_of_second_fn, "java.text_of_row_2", SECOND, text_of);
TEXTING(text_of_third_fn, "java.text_of_row_3", THIRD, text_of);

static beam_value text_by_name(beam_ctx *c, beam_value row)
{
    int text = beam_schema_index(&first_schema, "string_field");
    int number = beam_schema_index(&first_schema, "integer_field");
    const beam_value fields[] = { beam_list_at(row, (size_t)text),
                                  beam_list_at(row, (size_t)number) };
    return text_of(c, beam_row(fields, 2));
}
TEXTING(text_by_name_fn, "java.text_of_row_by_name", FIRST, text_by_name);

static void assert_texts(beam_pcoll *rows, const char *name, const beam_dofn *fn)
{
    beam_assert_that(beam_map(rows,
                              beam_pipeline_format(beam_pcoll_pipeline(rows), "%sText",
                                                   name),
                              fn),
                     name, .lines = "a:1\nb:2\nc:3");
}
static void simple(beam_pipeline *p)
{
    assert_texts(three_rows(p), "Out", &text_of_first_fn);
}
static void by_name(beam_pipeline *p)
{
    assert_texts(three_rows(p), "Out", &text_by_name_fn);
}

/* -- rows in, rows of another schema out --------------------------------------------- */
enum { TO_SECOND, TO_THIRD };
static const beam_output_spec two_schemas[] = {
    [TO_SECOND] = { "first", SECOND }, [TO_THIRD] = { "second", THIRD }
};
static beam_value rename_fields(beam_ctx *c, beam_value row)
{
    (void)c;
    return row;
}
static const beam_dofn rename_fn = {
    .name = "java.rename_fields", .in = FIRST, .out = SECOND, .map = rename_fields
};
static beam_status rename_twice(beam_ctx *c, beam_value row)
{
    BEAM_TRY(beam_emit_to(c, TO_SECOND, row));
    return beam_emit_to(c, TO_THIRD, row);
}
static const beam_dofn rename_twice_fn = { .name = "java.rename_fields_twice",
                                           .in = FIRST,
                                           .outputs = BEAM_TABLE(two_schemas),
                                           .process = rename_twice };
static void read_and_write(beam_pipeline *p)
{
    assert_texts(beam_map(three_rows(p), "First", &rename_fn), "Out", &text_of_second_fn);
}
static void read_and_write_multi_output(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(three_rows(p), "First", &rename_twice_fn);
    assert_texts(beam_output(out, TO_SECOND), "Second", &text_of_second_fn);
    assert_texts(beam_output(out, TO_THIRD), "Third", &text_of_third_fn);
}

static bool always(beam_ctx *c, beam_value in)
{
    (void)c, (void)in;
    return true;
}
static const beam_dofn always_fn = { .name = "java.keep_rows",
                                     .in = FIRST,
                                     .keep = always };
static void passed_through(beam_pipeline *p)
{
    beam_pcoll *out = beam_filter(three_rows(p), "Keep", &always_fn);
    if (!beam_type_equal(beam_pcoll_type(out), FIRST))
        beam_pipeline_fail(p, BEAM_EUSER, "the rows have lost their schema");
    beam_assert_that(out, "Out", .lines = "{a, 1}\n{b, 2}\n{c, 3}");
}

/* -- rows in rows, and lists in rows ------------------------------------------------- */
static const beam_field int32_field = { .kind = BEAM_FIELD_INT32 };
static const beam_field extraction_fields[] = {
    { .name = "integerField", .kind = BEAM_FIELD_INT32 },
    { .name = "stringField", .kind = BEAM_FIELD_STRING },
    { .name = "ints", .kind = BEAM_FIELD_ARRAY, .of = &int32_field },
};
static const beam_schema extraction_schema = { .id = "java.for_extraction",
                                               .fields = BEAM_TABLE(extraction_fields) };
static const beam_field outer_fields[] = {
    { .name = "number", .kind = BEAM_FIELD_INT64 },
    { .name = "inner", .kind = BEAM_FIELD_ROW, .row = &extraction_schema },
};
static const beam_schema outer_schema = { .id = "java.outer",
                                          .fields = BEAM_TABLE(outer_fields) };
#define EXTRACTION BEAM_ROW(&extraction_schema)
#define OUTER BEAM_ROW(&outer_schema)

/* 1, "a", [1, 2] and so on; each in a row of its own with `nested`. */
static beam_pcoll *rows_with_lists(beam_pipeline *p, bool nested)
{
    static const char *const texts[] = { "a", "b", "c" };
    beam_value ints[3][2], fields[3][3], outer[3][2], rows[3];
    for (int i = 0; i < 3; i++) {
        ints[i][0] = beam_int64(i + 1);
        ints[i][1] = beam_int64(i + 2);
        fields[i][0] = beam_int64(i + 1);
        fields[i][1] = beam_string(beam_span_of(texts[i]));
        fields[i][2] = beam_list(ints[i], 2);
        outer[i][0] = beam_int64(i);
        outer[i][1] = beam_row(fields[i], 3);
        rows[i] = nested ? beam_row(outer[i], 2) : outer[i][1];
    }
    return beam_create(p, "In", nested ? OUTER : EXTRACTION, rows, 3);
}
static beam_value field(const beam_schema *schema, beam_value row, const char *name)
{
    return beam_list_at(row, (size_t)beam_schema_index(schema, name));
}
static beam_value text_of_extraction(beam_ctx *c, beam_value row)
{
    beam_value ints = field(&extraction_schema, row, "ints");
    beam_span text = beam_as_span(field(&extraction_schema, row, "stringField"));
    return beam_string(
        beam_format(c, BEAM_SPAN_FMT ":%lld:%zu of %lld, %lld", BEAM_SPAN_ARG(text),
                    (long long)beam_as_int64(
                        field(&extraction_schema, row, "integerField")),
                    beam_list_size(ints), (long long)beam_as_int64(beam_list_at(ints, 0)),
                    (long long)beam_as_int64(beam_list_at(ints, 1))));
}
static beam_value text_of_inner(beam_ctx *c, beam_value row)
{
    return text_of_extraction(c, field(&outer_schema, row, "inner"));
}
TEXTING(text_of_extraction_fn, "java.text_of_extraction", EXTRACTION, text_of_extraction);
TEXTING(text_of_inner_fn, "java.text_of_inner", OUTER, text_of_inner);
#define EXTRACTED "a:1:2 of 1, 2\nb:2:2 of 2, 3\nc:3:2 of 3, 4"

static void unboxing(beam_pipeline *p)
{
    beam_assert_that(beam_map(rows_with_lists(p, false), "Text", &text_of_extraction_fn),
                     "Out", .lines = EXTRACTED);
}
static void selection_nested(beam_pipeline *p)
{
    beam_assert_that(beam_map(rows_with_lists(p, true), "Text", &text_of_inner_fn), "Out",
                     .lines = EXTRACTED);
}

static beam_status key_with_foo(beam_ctx *c, beam_value in)
{
    return beam_emit_kv(c, beam_string(beam_span_of("foo")), in);
}
static const beam_dofn key_outer_fn = { .name = "java.key_outer_rows",
                                        .in = OUTER,
                                        .out = BEAM_KV(BEAM_STRING, OUTER),
                                        .process = key_with_foo };
static void nested(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(rows_with_lists(p, true), "Key", &key_outer_fn);
    out = beam_values(beam_reshuffle(out, "Reshuffle"), "Values");
    beam_assert_that(beam_map(out, "Text", &text_of_inner_fn), "Out", .lines = EXTRACTED);
}

/* -- a map state from rows to rows --------------------------------------------------- */
enum { MAP, COUNT };
static const beam_state_spec row_states[] = {
    [MAP] = BEAM_MAP_STATE("foo", FIRST, SECOND),
    [COUNT] = BEAM_COMBINING_STATE("count", &beam_sum_int64),
};
static beam_status collect_rows(beam_ctx *c, beam_value in)
{
    BEAM_TRY(beam_state_put(c, MAP, beam_val(in), beam_val(in)));
    BEAM_TRY(beam_state_add(c, COUNT, beam_int64(1)));
    if (beam_as_int64(beam_state_read(c, COUNT)) < 3) return BEAM_OK;
    beam_iter *it = beam_state_iter(c, MAP);
    for (beam_value v; beam_next(it, &v);) BEAM_TRY(beam_emit(c, v));
    return BEAM_OK;
}
static const beam_dofn collect_rows_fn = { .name = "java.collect_rows",
                                           .in = BEAM_KV(BEAM_STRING, FIRST),
                                           .out = BEAM_KV(FIRST, SECOND),
                                           .states = BEAM_TABLE(row_states),
                                           .process = collect_rows };
static const beam_dofn key_rows_fn = { .name = "java.key_rows",
                                       .in = FIRST,
                                       .out = BEAM_KV(BEAM_STRING, FIRST),
                                       .process = key_with_foo };
static void map_state(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(beam_par_do(three_rows(p), "Key", &key_rows_fn),
                                  "Collect", &collect_rows_fn);
    beam_assert_that(out, "Out",
                     .lines = "{a, 1}: {a, 1}\n{b, 2}: {b, 2}\n{c, 3}: {c, 3}");
}

/* -- several collections of rows ----------------------------------------------------- */
static const beam_field number_fields[] = { { .name = "int", .kind = BEAM_FIELD_INT32 } };
static const beam_schema number_schema = { .id = "java.one_number",
                                           .fields = BEAM_TABLE(number_fields) };
static void compose_tuple(beam_pipeline *p)
{
    const beam_value ints[] = { beam_int64(3), beam_int64(-42), beam_int64(77) };
    const beam_value rows[] = { beam_row(&ints[0], 1), beam_row(&ints[1], 1),
                                beam_row(&ints[2], 1) };
    beam_pcoll *all[] = { beam_create(p, "Main", BEAM_ROW(&number_schema), rows, 3),
                          beam_create(p, "Second", BEAM_ROW(&number_schema), rows, 3) };
    beam_assert_that(all[0], "OfMain", .values = rows, .n = 3);
    beam_assert_that(all[1], "OfSecond", .values = rows, .n = 3);
}

#define S(name) "ParDoSchemaTest." name
static const suite_test tests[] = {
    TEST(S("testSimpleSchemaPipeline"), "-", simple),
    TEST(S("testFieldAccessSchemaPipeline"), "-", by_name),
    TEST(S("testReadAndWrite"), "-", read_and_write),
    TEST(S("testReadAndWriteMultiOutput"), "-", read_and_write_multi_output),
    TEST(S("testSchemasPassedThrough"), "-", passed_through),
    TEST(S("testNestedSchema"), "-", nested),
    TEST(S("testSchemaFieldSelectionUnboxing"), "-", unboxing),
    TEST(S("testSchemaFieldSelectionNested"), "-", selection_nested),
    TEST(S("testMapStateSchemaInference"), "UsesStatefulParDo,UsesMapState", map_state,
         .needs = NEEDS_STATE),
    TEST("PCollectionRowTupleTest.testComposePCollectionRowTuple", "-", compose_tuple),
};
SUITE_TABLE(java_rows, "java", tests);
