/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>

#include "../base/run_tests.h"
#include "rpc/rpc.h"

static bm_arena arena;

static void setup(void)
{
    bm_arena_init(&arena, 0);
}

static void teardown(void)
{
    bm_arena_free(&arena);
}

START_TEST(an_empty_message_is_flat)
{
    bm_message *message = bm_message_new();
    ck_assert_uint_eq(bm_message_size(message), 0);
    ck_assert_uint_eq(bm_message_flat(message, &arena).len, 0);
    bm_message_add(message, bm_slice_copy((beam_span){ NULL, 0 }));
    bm_message_add(message, bm_slice_take(NULL, 0));
    ck_assert_uint_eq(bm_message_slices(message), 2);
    ck_assert_uint_eq(bm_message_flat(message, &arena).len, 0);
    bm_message_free(message);
    bm_message_free(NULL);
}
END_TEST

START_TEST(many_slices_are_joined_in_order)
{
    bm_message *message = bm_message_new();
    for (char c = 'a'; c <= 'z'; c++)
        bm_message_add(message, bm_slice_copy((beam_span){ &c, 1 }));
    ck_assert_uint_eq(bm_message_slices(message), 26);
    beam_span flat = bm_message_flat(message, &arena);
    ck_assert(beam_span_equal(flat, beam_span_of("abcdefghijklmnopqrstuvwxyz")));
    bm_message_free(message);
}
END_TEST

START_TEST(one_slice_is_not_copied)
{
    bm_message *message = bm_message_new();
    char *bytes = malloc(100000);
    bm_message_add(message, bm_slice_take(bytes, 100000));
    ck_assert_ptr_eq(bm_message_flat(message, &arena).ptr, bytes);
    bm_message_free(message);
}
END_TEST

START_TEST(a_slice_outlives_its_message)
{
    bm_message *message = bm_message_new();
    bm_message_add(message,
                   bm_slice_copy(beam_span_of("still here, and longer than inline")));
    bm_slice *slice = bm_slice_ref(bm_message_slice(message, 0));
    bm_message_free(message);
    ck_assert(beam_span_equal(bm_slice_span(slice),
                              beam_span_of("still here, and longer than inline")));
    bm_slice_unref(slice);
    bm_slice_unref(NULL);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("message");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, an_empty_message_is_flat);
    tcase_add_test(tcase, many_slices_are_joined_in_order);
    tcase_add_test(tcase, one_slice_is_not_copied);
    tcase_add_test(tcase, a_slice_outlives_its_message);
    return run_case("rpc/message", tcase);
}
