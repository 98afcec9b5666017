/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/builder.h"
#include "proto_test.h"

static bm_arena arena;
static beam_pipeline *p;
static bm_builder b;
static beam_error err;

static void set_up(void)
{
    bm_arena_init(&arena, 0);
    p = beam_pipeline_new();
    err = (beam_error){ BEAM_OK, "" };
    bm_builder_init(&b, &arena, p, NULL, &err);
}

static void tear_down(void)
{
    beam_pipeline_free(p);
    bm_arena_free(&arena);
}

static const char *id_of(const beam_type *type)
{
    const char *id = NULL;
    ck_assert_int_eq(bm_coder_id(&b, type, "Step", &id), BEAM_OK);
    return id;
}

static const bm_pb_coder *coder(const char *id)
{
    return bm_map_get(&b.coders.by_id, beam_span_of(id));
}

START_TEST(ids_read_like_types)
{
    ck_assert_str_eq(
        id_of(BEAM_KV(BEAM_STRING, BEAM_ITERABLE(BEAM_NULLABLE(BEAM_BYTES)))),
        "kv<string,iterable<nullable<bytes>>>");
    ck_assert_str_eq(coder("nullable<bytes>")->spec->urn, "beam:coder:nullable:v1");
    ck_assert_str_eq(coder("nullable<bytes>")->component_coder_ids[0], "bytes");
    ck_assert_str_eq(id_of(BEAM_KV(BEAM_DOUBLE, BEAM_BOOL)), "kv<double,bool>");
    size_t n = b.coders.entries.n;
    id_of(BEAM_KV(BEAM_DOUBLE, BEAM_BOOL));
    ck_assert_uint_eq(b.coders.entries.n, n);
}
END_TEST

START_TEST(any_has_no_coder)
{
    const char *id;
    ck_assert_int_eq(bm_coder_id(&b, BEAM_KV(BEAM_STRING, BEAM_ANY), "Scope/Step", &id),
                     BEAM_ETYPE);
    ck_contains(err.message, "Scope/Step");
    ck_contains(err.message, ".out");
}
END_TEST

static void encode_point(const void *object, beam_writer *out)
{
    (void)object;
    (void)out;
}
static beam_status decode_point(void *object, beam_reader *in)
{
    (void)object;
    (void)in;
    return BEAM_OK;
}
static const beam_struct_coder point = { "point", 16, encode_point, decode_point };

START_TEST(struct_coder_is_known_by_name)
{
    const char *id = id_of(BEAM_STRUCT(&point));
    ck_assert_str_eq(id, "struct:point");
    ck_assert_str_eq(coder(id)->spec->urn, BM_URN_STRUCT_CODER);
    ck_assert(
        beam_span_equal(bm_pb_span(coder(id)->spec->payload), beam_span_of("point")));
    ck_assert(bm_coder_matches(&arena, &b.coders.by_id, id, BEAM_STRUCT(&point)));
}
END_TEST

START_TEST(sealed_coder_is_its_component)
{
    const char *inner = id_of(BEAM_NULLABLE(BEAM_INT64));
    const char *id = bm_sealed_coder_id(&b, inner);
    ck_assert_str_eq(id, "sealed<nullable<varint>>");
    ck_assert_str_eq(coder(id)->spec->urn, BM_URN_SEALED_CODER);
    ck_assert_uint_eq(coder(id)->n_component_coder_ids, 1);
    ck_assert_str_eq(coder(id)->component_coder_ids[0], inner);
}
END_TEST

/* -- rows --------------------------------------------------------------------------- */
static const beam_field text_field = { .kind = BEAM_FIELD_STRING };
static const beam_field inner_fields[] = { { .name = "x", .kind = BEAM_FIELD_FLOAT } };
static const beam_schema inner = { .id = "inner", .fields = BEAM_TABLE(inner_fields) };
static const int32_t positions[] = { 1, 0, 2, 3, 4 };
static const beam_field fields[] = {
    { .name = "id", .kind = BEAM_FIELD_INT64 },
    { .name = "name", .kind = BEAM_FIELD_STRING, .nullable = true },
    { .name = "tags", .kind = BEAM_FIELD_MAP, .key = &text_field, .of = &text_field },
    { .name = "inner", .kind = BEAM_FIELD_ROW, .row = &inner },
    { .name = "code",
      .kind = BEAM_FIELD_LOGICAL,
      .logical = BEAM_LOGICAL_FIXED_CHAR,
      .logical_argument = 8 },
};
static const beam_schema schema = { .id = "visit",
                                    .fields = BEAM_TABLE(fields),
                                    .encoding_positions = positions };

static const bm_pb_schema *schema_of(const char *id)
{
    const bm_pb_schema *pb = (const bm_pb_schema *)bm_pb_unpack(
        &arena, &pb__schema__descriptor, bm_pb_span(coder(id)->spec->payload), 64);
    ck_assert_ptr_nonnull(pb);
    return pb;
}

START_TEST(row_carries_its_schema)
{
    const char *id = id_of(BEAM_ROW(&schema));
    ck_assert_str_eq(id, "row:visit");
    ck_assert_str_eq(coder(id)->spec->urn, "beam:coder:row:v1");
    const bm_pb_schema *pb = schema_of(id);
    ck_assert_uint_eq(pb->n_fields, 5);
    ck_assert_str_eq(pb->fields[0]->name, "id");
    ck_assert_int_eq(pb->fields[0]->type->atomic_type, PB__ATOMIC_TYPE__INT64);
    ck_assert(pb->encoding_positions_set);
    ck_assert_int_eq(pb->fields[0]->encoding_position, 1);
    ck_assert(pb->fields[1]->type->nullable);
    ck_assert_int_eq(pb->fields[2]->type->map_type->value_type->atomic_type,
                     PB__ATOMIC_TYPE__STRING);
    ck_assert_str_eq(pb->fields[3]->type->row_type->schema->fields[0]->name, "x");
    const bm_pb_logical_type *logical = pb->fields[4]->type->logical_type;
    ck_assert_str_eq(logical->urn, "beam:logical_type:fixed_char:v1");
    ck_assert_int_eq(logical->representation->atomic_type, PB__ATOMIC_TYPE__STRING);
    ck_assert_int_eq(logical->argument_type->atomic_type, PB__ATOMIC_TYPE__INT32);
    ck_assert_int_eq(logical->argument->atomic_value->int32, 8);
    ck_assert(bm_coder_matches(&arena, &b.coders.by_id, id, BEAM_ROW(&schema)));
}
END_TEST

/* Java caches coders by the UUID. */
START_TEST(schemas_that_differ_have_other_uuids)
{
    beam_schema other = { .id = "visit", .fields = { fields, 4 } };
    const char *first = id_of(BEAM_ROW(&schema)), *second = id_of(BEAM_ROW(&other));
    ck_assert_str_eq(second, "row:visit (2)");
    ck_assert_uint_eq(strlen(schema_of(first)->id), 36);
    ck_assert_str_ne(schema_of(first)->id, schema_of(second)->id);
    ck_assert(!bm_coder_matches(&arena, &b.coders.by_id, second, BEAM_ROW(&schema)));
    beam_schema named = { .id = "5f819890-7d46-4af2-956b-15334e48d5db",
                          .fields = { fields, 1 } };
    ck_assert_str_eq(schema_of(id_of(BEAM_ROW(&named)))->id, named.id);
}
END_TEST

START_TEST(schemas_match_by_name_type_and_null)
{
    static const beam_field one[] = { { .name = "a", .kind = BEAM_FIELD_INT64 } };
    static const beam_field name[] = { { .name = "b", .kind = BEAM_FIELD_INT64 } };
    static const beam_field kind[] = { { .name = "a", .kind = BEAM_FIELD_INT32 } };
    static const beam_field null[] = {
        { .name = "a", .kind = BEAM_FIELD_INT64, .nullable = true }
    };
    const beam_schema s = { .id = "s", .fields = BEAM_TABLE(one) };
    const bm_pb_schema *pb = bm_schema_proto(&arena, &s);
    ck_assert(bm_schema_matches(pb, &s));
    const beam_field *const others[] = { name, kind, null };
    for (size_t i = 0; i < 3; i++)
        ck_assert(!bm_schema_matches(
            pb, &(beam_schema){ .id = "s", .fields = { others[i], 1 } }));
}
END_TEST

START_TEST(returned_coders_match_through_length_prefixes)
{
    const beam_type *type = BEAM_KV(BEAM_BYTES, BEAM_STRING);
    id_of(type);
    bm_pb_coder *prefix = bm_pb_coder_new(&arena);
    prefix->spec = bm_pb_spec(&arena, "beam:coder:length_prefix:v1",
                              (beam_span){ NULL, 0 });
    char *component[] = { bm_pb_text("kv<bytes,string>") };
    prefix->n_component_coder_ids = 1;
    prefix->component_coder_ids = component;
    bm_add_coder(&b, "prefixed", prefix);
    const bm_map *coders = &b.coders.by_id;
    ck_assert(bm_coder_matches(&arena, coders, "prefixed", type));
    ck_assert(bm_coder_matches(&arena, coders, "prefixed", BEAM_ANY));
    ck_assert(
        !bm_coder_matches(&arena, coders, "prefixed", BEAM_KV(BEAM_BYTES, BEAM_BYTES)));
    ck_assert(!bm_coder_matches(&arena, coders, "none", BEAM_BYTES));
    ck_assert_str_eq(bm_returned_coder_text(&arena, coders, "prefixed"),
                     "KV<BYTES, STRING>");
    component[0] = bm_pb_text("prefixed");
    ck_assert(!bm_coder_matches(&arena, coders, "prefixed", type));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("coder_proto");
    TCase *tests = tcase_create("coder_proto");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, ids_read_like_types);
    tcase_add_test(tests, any_has_no_coder);
    tcase_add_test(tests, struct_coder_is_known_by_name);
    tcase_add_test(tests, sealed_coder_is_its_component);
    tcase_add_test(tests, row_carries_its_schema);
    tcase_add_test(tests, schemas_that_differ_have_other_uuids);
    tcase_add_test(tests, schemas_match_by_name_type_and_null);
    tcase_add_test(tests, returned_coders_match_through_length_prefixes);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
