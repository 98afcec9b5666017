/* SPDX-License-Identifier: Apache-2.0 */
/* The clocks: which one, in which unit. */
#include "base/clock.h"

#include "run_tests.h"

START_TEST(wall_clocks_are_in_milliseconds_since_1970)
{
    int64_t before = (int64_t)time(NULL) * 1000;
    int64_t wall = bm_wall_ms(), coarse = bm_wall_coarse_ms();
    ck_assert_int_ge(wall, before - 1000);
    ck_assert_int_le(wall, before + 60000);
    ck_assert_int_le(coarse, bm_wall_ms());
    ck_assert_int_ge(coarse, wall - 1000);
}
END_TEST

START_TEST(the_monotonic_clock_measures_milliseconds)
{
    int64_t start = bm_monotonic_ms();
    nanosleep(&(struct timespec){ 0, 30000000 }, NULL);
    int64_t took = bm_monotonic_ms() - start;
    ck_assert_int_ge(took, 29);
    ck_assert_int_lt(took, 30000);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t off = bm_monotonic_ms() - (int64_t)now.tv_sec * 1000;
    ck_assert(off >= 0 && off < 30000); /* not the wall's */
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { wall_clocks_are_in_milliseconds_since_1970,
                                   the_monotonic_clock_measures_milliseconds };
    return RUN_TESTS("clock", tests);
}
