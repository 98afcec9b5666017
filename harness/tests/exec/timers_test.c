/* SPDX-License-Identifier: Apache-2.0 */
/* Timers: what goes to the runner, what its timers do, and what is refused. */
#include "fns/fn_spec.h"
#include "keyed.h"

START_TEST(timers_are_sent_when_the_bundle_ends)
{
    keyed k;
    keyed_init(&k, false);
    keyed_put_at(&k, "a", "e=50 p=700 e=60,x", 5);
    keyed_put_at(&k, "b", "e=3 h=90,40", 5);
    keyed_put_at(&k, "c", "n=80", 5);
    keyed_run(&k);
    ck_assert_str_eq(keyed_timers(&k), "e a at 50, hold 50\n"
                                       "e a x at 60, hold 60\n"
                                       "e b at 90, hold 40\n"
                                       "e c at 80, no hold\n"
                                       "p a at 700, hold 5\n");
    keyed_run(&k);
    ck_assert_str_eq(keyed_timers(&k), "");
    keyed_free(&k);
}
END_TEST

START_TEST(the_last_word_about_a_timer_counts)
{
    keyed k;
    keyed_init(&k, false);
    keyed_put(&k, "a", "e=50 e=40,x e- e=30,y");
    keyed_put(&k, "a", "e=70,x e-y");
    keyed_run(&k);
    ck_assert_str_eq(keyed_timers(&k), "e a clear\ne a x at 70, hold 70\ne a y clear\n");
    keyed_free(&k);
}
END_TEST

START_TEST(timers_fire_in_their_key_with_its_state)
{
    keyed k;
    keyed_init(&k, false);
    keyed_put(&k, "a", "v=1");
    keyed_put(&k, "b", "v=2");
    keyed_run(&k);
    keyed_fire(&k, "e", "b", "v?_v=3", 50, 40);
    keyed_fire(&k, "e", "a", "v?_b+x", 60, 60);
    keyed_fire(&k, "p", "b", "v?", 1000, 45);
    keyed_run(&k);
    expect_keyed(&k, "\"b e(v?_v=3) at 50, out 40\" @40\n\"b v? 2\" @40\n"
                     "\"a e(v?_b+x) at 60, out 60\" @60\n\"a v? 1\" @60\n"
                     "\"b p(v?) at 1000, out 45\" @45\n\"b v? 3\" @45\n");
    keyed_free(&k);
}
END_TEST

/* A timer that fires may set itself again, and others: their default hold is its own. */
START_TEST(timers_set_timers)
{
    keyed k;
    keyed_init(&k, false);
    keyed_fire(&k, "e", "a", "e=60,x_p=99", 50, 45);
    keyed_run(&k);
    ck_assert_str_eq(keyed_timers(&k), "e a x at 60, hold 60\np a at 99, hold 45\n");
    keyed_fire(&k, "e", "a", "p=99", 50, 45);
    keyed_run(&k);
    ck_assert_str_eq(keyed_timers(&k), "p a at 99, hold 45\n");
    keyed_free(&k);
}
END_TEST

START_TEST(a_timer_that_was_set_anew_or_cleared_does_not_fire)
{
    keyed k;
    keyed_init(&k, false);
    keyed_put(&k, "a", "e=90 e-x");
    keyed_fire(&k, "e", "a", "", 50, 50);
    keyed_fire(&k, "e", "a", "x", 51, 51);
    keyed_fire(&k, "e", "b", "x", 52, 52);
    keyed_run(&k);
    expect_keyed(&k, "\"b e(x) at 52, out 52\" @52\n");
    ck_assert_str_eq(keyed_timers(&k), "e a at 90, hold 90\ne a x clear\n");
    keyed_free(&k);
}
END_TEST

/* The runner's time is past 50, so timers for 20 and 30 are due before its own. */
START_TEST(timers_of_the_bundle_fire_in_order_with_those_of_the_runner)
{
    keyed k;
    keyed_init(&k, false);
    keyed_put(&k, "a", "e=30,late e=20,e=25,early e=70,not");
    keyed_put(&k, "b", "e=20,other");
    keyed_fire(&k, "e", "a", "runner's", 50, 50);
    keyed_run(&k);
    expect_keyed(&k, "\"a e(e=25,early) at 20, out 20\" @20\n"
                     "\"a e(early) at 25, out 25\" @25\n"
                     "\"a e(late) at 30, out 30\" @30\n"
                     "\"a e(runner's) at 50, out 50\" @50\n");
    ck_assert_str_eq(keyed_timers(&k), "e a late clear\ne a e=25,early clear\n"
                                       "e a not at 70, hold 70\ne a early clear\n"
                                       "e b other at 20, hold 20\n");
    keyed_free(&k);
}
END_TEST

START_TEST(windows_have_timers_of_their_own)
{
    keyed k;
    keyed_init_in_windows(&k, 5);
    keyed_put_at(&k, "a", "e=9", 3);
    keyed_put_at(&k, "a", "e=24", 13);
    keyed_run(&k);
    ck_assert_str_eq(keyed_timers(&k),
                     "e a [0, 10) at 9, hold 9\ne a [10, 20) at 24, hold 24\n"
                     "beam.window_expiration a [0, 10) at 14, hold 9\n"
                     "beam.window_expiration a [10, 20) at 24, hold 19\n");
    keyed_free(&k);
}
END_TEST

START_TEST(the_end_of_a_window_is_told_to_each_key)
{
    keyed k;
    keyed_init_in_windows(&k, 0);
    keyed_put_at(&k, "a", "b+x", 3);
    keyed_put_at(&k, "b", "!", 3); /* looks at no state */
    keyed_run(&k);
    ck_assert_str_eq(keyed_timers(&k), "beam.window_expiration a [0, 10) at 9, hold 9\n"
                                       "beam.window_expiration b [0, 10) at 9, hold 9\n");
    keyed_fire(&k, BM_EXPIRATION_FAMILY, "a", "", 9, 9);
    keyed_run(&k);
    expect_keyed(&k, "\"a ends [x] at 9\" @9 [0, 10)\n");
    ck_assert_str_eq(keyed_timers(&k), "");
    keyed_free(&k);
}
END_TEST

/* -- failures that are caught -------------------------------------------------------------- */
START_TEST(a_failed_element_sets_and_clears_nothing)
{
    keyed k;
    keyed_init_catching(&k, false, 2);
    keyed_put(&k, "a", "e=50");
    keyed_put(&k, "a", "e=60 p=7 e- fail");
    keyed_put(&k, "a", "e=40,x");
    keyed_put(&k, "a", "e-x e=30,x p=8 fail");
    keyed_put(&k, "b", "e=9 fail");
    keyed_run(&k);
    ck_assert_str_eq(keyed_timers(&k), "e a at 50, hold 50\ne a x at 40, hold 40\n");
    keyed_put(&k, "b", "e=9 fail");
    keyed_put(&k, "b", "e=8");
    keyed_run(&k);
    ck_assert_str_eq(keyed_timers(&k), "e b at 8, hold 8\n");
    keyed_free(&k);
}
END_TEST

START_TEST(a_timer_that_fails_leaves_nothing)
{
    keyed k;
    keyed_init_catching(&k, false, 1);
    keyed_put(&k, "a", "v=1 b+x");
    keyed_run(&k);
    keyed_fire(&k, "e", "a", "v=3_b+y_e=90_fail", 50, 50);
    keyed_fire(&k, "p", "a", "v?_b?_e=70", 60, 55);
    keyed_run(&k);
    expect_keyed(&k, "\"a p(v?_b?_e=70) at 60, out 55\" @55\n"
                     "\"a v? 1\" @55\n\"a b? [x]\" @55\n");
    ck_assert_str_eq(keyed_timers(&k), "e a at 70, hold 70\n");
    keyed_free(&k);
}
END_TEST

/* A timer of the runner's fires though the bundle has set it anew, in an attempt that failed. */
START_TEST(a_failed_attempt_overrules_no_timer)
{
    keyed k;
    keyed_init_catching(&k, false, 1);
    keyed_put(&k, "a", "e=80 fail");
    keyed_fire(&k, "e", "a", "", 50, 50);
    keyed_run(&k);
    expect_keyed(&k, "\"a e() at 50, out 50\" @50\n");
    ck_assert_str_eq(keyed_timers(&k), "");
    keyed_free(&k);
}
END_TEST

/* -- mistakes ---------------------------------------------------------------------------- */
static void expect_refusal(keyed *k, const char *commands, const char *message)
{
    keyed_put_at(k, "k", commands, 5);
    ck_assert_int_eq(keyed_try(k), BEAM_EINVAL);
    expect_error(&k->f, message);
    keyed_free(k);
}

START_TEST(times_that_make_no_sense_are_refused)
{
    keyed k;
    keyed_init_in_windows(&k, 5);
    expect_refusal(&k, "e=15", "(DoFn 'test.expiring') failed on element KV{\"k\", \"e=15\"}: "
                               "timer 'e': event time 15 is after the end of its window, 14 with "
                               "allowed lateness: it would never fire");
    keyed_init(&k, false);
    expect_refusal(&k, "h=20,4", "timer 'e': output timestamp 4 is before that of the element, 5");
    keyed_init(&k, false);
    expect_refusal(&k, "h=20,21",
                   "timer 'e': output timestamp 21 is after the time at which it fires, 20");
    keyed_init(&k, false);
    expect_refusal(&k, "p=9223372036854776", "time 9223372036854776 is outside of what Beam can");
}
END_TEST

START_TEST(broken_timers_fail_the_bundle)
{
    keyed k;
    keyed_init(&k, false);
    keyed_fire(&k, "e", "a", "", 50, 50);
    k.timers_in[0].len -= 3;
    ck_assert_int_eq(keyed_try(&k), BEAM_ECODER);
    expect_error(&k.f, "got a bad timer: the input of family 'e' ends in the middle of a timer");
    keyed_free(&k);
    keyed_init(&k, false);
    bm_write_bytes(&k.timers_in[0], "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12);
    ck_assert_int_eq(keyed_try(&k), BEAM_ECODER);
    expect_error(&k.f, "got a bad timer: family 'e' has bytes that are not what its coder");
    keyed_free(&k);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        timers_are_sent_when_the_bundle_ends,
        the_last_word_about_a_timer_counts,
        timers_fire_in_their_key_with_its_state,
        timers_set_timers,
        a_timer_that_was_set_anew_or_cleared_does_not_fire,
        timers_of_the_bundle_fire_in_order_with_those_of_the_runner,
        windows_have_timers_of_their_own,
        the_end_of_a_window_is_told_to_each_key,
        a_failed_element_sets_and_clears_nothing,
        a_timer_that_fails_leaves_nothing,
        a_failed_attempt_overrules_no_timer,
        times_that_make_no_sense_are_refused,
        broken_timers_fail_the_bundle,
    };
    return run_tests("exec/timers", tests, BEAM_COUNT(tests));
}
