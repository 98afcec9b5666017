/* SPDX-License-Identifier: Apache-2.0 */
/* Pipeline options as google.protobuf.Struct, read back. */
#include "job/options_proto.h"

#include <check.h>

#include "google/protobuf/struct.pb-c.h"
#include "proto/model.h"

static bm_arena arena;

static void setup(void)
{
    bm_arena_init(&arena, 0);
}

static void teardown(void)
{
    bm_arena_free(&arena);
}

static const Google__Protobuf__Value *option(const char *json, const char *key)
{
    json_t *options = json_loads(json, 0, NULL);
    beam_span bytes = bm_options_struct(&arena, options);
    json_decref(options);
    Google__Protobuf__Struct *s =
        (Google__Protobuf__Struct *)bm_pb_unpack(&arena,
                                                 &google__protobuf__struct__descriptor,
                                                 bytes, BM_PB_MAX_DEPTH);
    for (size_t i = 0; i < s->n_fields; i++)
        if (!strcmp(s->fields[i]->key, key)) return s->fields[i]->value;
    ck_abort_msg("no option %s", key);
}

START_TEST(whole_numbers_are_strings)
{
    const Google__Protobuf__Value *v = option("{\"parallelism\": 3}",
                                              "beam:option:parallelism:v1");
    ck_assert_int_eq(v->kind_case, GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE);
    ck_assert_str_eq(v->string_value, "3");
}
END_TEST

START_TEST(other_values_keep_their_type)
{
    const char *json =
        "{\"a\": true, \"b\": 0.5, \"c\": \"x\", \"d\": null, \"e\": false}";
    ck_assert(option(json, "beam:option:a:v1")->bool_value);
    ck_assert(!option(json, "beam:option:e:v1")->bool_value);
    ck_assert_double_eq(option(json, "beam:option:b:v1")->number_value, 0.5);
    ck_assert_str_eq(option(json, "beam:option:c:v1")->string_value, "x");
    ck_assert_int_eq(option(json, "beam:option:d:v1")->kind_case,
                     GOOGLE__PROTOBUF__VALUE__KIND_NULL_VALUE);
}
END_TEST

START_TEST(lists_and_objects)
{
    const char *json = "{\"experiments\": [\"a\", 2], \"labels\": {\"k\": \"v\"}}";
    const Google__Protobuf__ListValue *list =
        option(json, "beam:option:experiments:v1")->list_value;
    ck_assert_uint_eq(list->n_values, 2);
    ck_assert_str_eq(list->values[0]->string_value, "a");
    ck_assert_double_eq(list->values[1]->number_value, 2);
    const Google__Protobuf__Struct *labels =
        option(json, "beam:option:labels:v1")->struct_value;
    ck_assert_str_eq(labels->fields[0]->key, "k");
    ck_assert_str_eq(labels->fields[0]->value->string_value, "v");
}
END_TEST

START_TEST(no_options)
{
    json_t *none = json_object();
    ck_assert_uint_eq(bm_options_struct(&arena, none).len, 0);
    json_decref(none);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("options_proto");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, whole_numbers_are_strings);
    tcase_add_test(tests, other_values_keep_their_type);
    tcase_add_test(tests, lists_and_objects);
    tcase_add_test(tests, no_options);
    Suite *suite = suite_create("job/options_proto");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
