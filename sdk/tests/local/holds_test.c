/* SPDX-License-Identifier: Apache-2.0 */
/* Holds: the smallest of a multiset of times, against a plain count. */
#include <check.h>

#include "local/local_impl.h"

enum { N_TIMES = 20, N_STEPS = 20000 };

static bm_holds holds;

static void setup(void)
{
    holds = (bm_holds){ { NULL, 0, 0 }, { NULL, 0, 0 } };
}

static void teardown(void)
{
    bm_local_holds_free(&holds);
}

START_TEST(empty)
{
    ck_assert_int_eq(bm_local_holds_min(&holds), BEAM_MAX_TIMESTAMP);
    bm_local_holds_add(&holds, 5);
    bm_local_holds_release(&holds, 5);
    ck_assert_int_eq(bm_local_holds_min(&holds), BEAM_MAX_TIMESTAMP);
}
END_TEST

START_TEST(equal_times_count)
{
    bm_local_holds_add(&holds, BEAM_MIN_TIMESTAMP);
    bm_local_holds_add(&holds, BEAM_MIN_TIMESTAMP);
    bm_local_holds_add(&holds, 7);
    bm_local_holds_release(&holds, BEAM_MIN_TIMESTAMP);
    ck_assert_int_eq(bm_local_holds_min(&holds), BEAM_MIN_TIMESTAMP);
    bm_local_holds_release(&holds, BEAM_MIN_TIMESTAMP);
    ck_assert_int_eq(bm_local_holds_min(&holds), 7);
}
END_TEST

START_TEST(random_steps)
{
    int counts[N_TIMES] = { 0 };
    srand(1);
    for (int step = 0; step < N_STEPS; step++) {
        int t = rand() % N_TIMES;
        if (counts[t] && rand() % 2) {
            bm_local_holds_release(&holds, t);
            counts[t]--;
        } else {
            bm_local_holds_add(&holds, t);
            counts[t]++;
        }
        int least = 0;
        while (least < N_TIMES && !counts[least]) least++;
        ck_assert_int_eq(bm_local_holds_min(&holds),
                         least < N_TIMES ? least : BEAM_MAX_TIMESTAMP);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("local/holds");
    TCase *tcase = tcase_create("holds");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, empty);
    tcase_add_test(tcase, equal_times_count);
    tcase_add_test(tcase, random_steps);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
