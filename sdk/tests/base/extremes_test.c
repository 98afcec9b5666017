/* SPDX-License-Identifier: Apache-2.0 */
/* The largest and the smallest of many. */
#include "base/extremes.h"

#include <math.h>

#include "run_tests.h"

START_TEST(whole_numbers)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    for (int smallest = 0; smallest < 2; smallest++) {
        bm_extremes e = { .are_smallest = smallest };
        bm_extremes_init(&e, &arena, 3);
        static const int64_t values[] = { 4, -7, 9, 4, INT64_MIN, 5 };
        for (size_t i = 0; i < BEAM_COUNT(values); i++)
            bm_extremes_add(&e, (bm_extreme){ .whole = values[i] });
        static const int64_t expected[][3] = { { 9, 5, 4 }, { INT64_MIN, -7, 4 } };
        ck_assert_uint_eq(e.n, 3);
        for (size_t i = 0; i < 3; i++)
            ck_assert_int_eq(e.at[i].whole, expected[smallest][i]);
    }
    bm_arena_free(&arena);
}
END_TEST

START_TEST(real_numbers)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    bm_extremes e = { .is_double = true };
    bm_extremes_init(&e, &arena, 2);
    bm_extremes_add(&e, (bm_extreme){ .real = NAN });
    ck_assert_uint_eq(e.n, 0);
    bm_extremes_add(&e, (bm_extreme){ .real = -0.5 });
    bm_extremes_add(&e, (bm_extreme){ .real = -INFINITY });
    bm_extremes_add(&e, (bm_extreme){ .real = 0.25 });
    ck_assert_uint_eq(e.n, 2);
    ck_assert_double_eq(e.at[0].real, 0.25);
    ck_assert_double_eq(e.at[1].real, -0.5);
    bm_extremes none = { 0 };
    bm_extremes_init(&none, &arena, 0);
    bm_extremes_add(&none, (bm_extreme){ .whole = 1 });
    ck_assert_uint_eq(none.n, 0);
    bm_arena_free(&arena);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { whole_numbers, real_numbers };
    return RUN_TESTS("extremes", tests);
}
