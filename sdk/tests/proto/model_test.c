/* SPDX-License-Identifier: Apache-2.0 */
#include "proto_test.h"

static bm_arena arena;

static void set_up(void)
{
    bm_arena_init(&arena, 0);
}

static void tear_down(void)
{
    bm_arena_free(&arena);
}

static beam_span nested_triggers(int depth)
{
    bm_pb_trigger *t = bm_pb_trigger_new(&arena);
    for (int i = 0; i < depth; i++) {
        bm_pb_trigger *outer = bm_pb_trigger_new(&arena);
        outer->trigger_case = PB__TRIGGER__TRIGGER_REPEAT;
        outer->repeat = bm_pb_trigger_repeat_new(&arena);
        outer->repeat->subtrigger = t;
        t = outer;
    }
    return BM_PB_PACK(&arena, t);
}

START_TEST(what_is_packed_is_unpacked)
{
    const bm_pb_function_spec *spec = bm_pb_spec(&arena, "a:urn", beam_span_of("payload"));
    const bm_pb_function_spec *back = (const bm_pb_function_spec *)bm_pb_unpack(
        &arena, &pb__function_spec__descriptor, BM_PB_PACK(&arena, spec), 2);
    ck_assert_str_eq(back->urn, "a:urn");
    ck_assert(beam_span_equal(bm_pb_span(back->payload), beam_span_of("payload")));
}
END_TEST

START_TEST(no_bytes_are_an_empty_message)
{
    const bm_pb_function_spec *spec = (const bm_pb_function_spec *)bm_pb_unpack(
        &arena, &pb__function_spec__descriptor, (beam_span){ NULL, 0 }, 1);
    ck_assert_ptr_nonnull(spec);
    ck_assert_str_eq(spec->urn, "");
}
END_TEST

START_TEST(deep_nesting_is_refused)
{
    const ProtobufCMessageDescriptor *type = &pb__trigger__descriptor;
    ck_assert_ptr_nonnull(bm_pb_unpack(&arena, type, nested_triggers(20), 64));
    ck_assert_ptr_null(bm_pb_unpack(&arena, type, nested_triggers(40), 64));
    ck_assert_ptr_null(bm_pb_unpack(&arena, type, nested_triggers(20000), 64));
}
END_TEST

START_TEST(lists_grow)
{
    bm_list list = { 0 };
    static int items[1000];
    for (int i = 0; i < 1000; i++) bm_list_add(&arena, &list, &items[i]);
    ck_assert_uint_eq(list.n, 1000);
    for (int i = 0; i < 1000; i++) ck_assert_ptr_eq(list.at[i], &items[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model");
    TCase *tests = tcase_create("model");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, what_is_packed_is_unpacked);
    tcase_add_test(tests, no_bytes_are_an_empty_message);
    tcase_add_test(tests, deep_nesting_is_refused);
    tcase_add_test(tests, lists_grow);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
