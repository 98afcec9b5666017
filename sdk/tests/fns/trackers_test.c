/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in trackers: claims, splits, ends that grow. */
#include "beam/splittable.h"

#include "fake_ctx.h"

static beam_ctx c;
static int64_t estimate;
static char self[64];

int64_t beam_estimate_end(beam_ctx *ctx)
{
    (void)ctx;
    return estimate;
}

static void start(const beam_tracker *tracker, int64_t from, int64_t to)
{
    memset(self, 0, sizeof self);
    ck_assert_uint_le(tracker->size, sizeof self);
    ck_assert_int_eq(tracker->start(&c, self, beam_offsets(&c, from, to)), BEAM_OK);
}

static bool claim(const beam_tracker *tracker, int64_t at)
{
    return tracker->claim(&c, self, beam_int64(at));
}

/* "[0, 4) [4, 9)", or "none". */
static const char *split(const beam_tracker *tracker, double fraction)
{
    beam_value primary, residual;
    if (!tracker->split(&c, self, fraction, &primary, &residual)) return "none";
    return bm_format(&c.kept, "[%lld, %lld) [%lld, %lld)",
                     (long long)beam_offset_from(primary), (long long)beam_offset_to(primary),
                     (long long)beam_offset_from(residual),
                     (long long)beam_offset_to(residual));
}

#define expect_split(tracker, fraction, text) \
    ck_assert_str_eq(split((tracker), (fraction)), (text))

START_TEST(offsets_are_claimed_in_order)
{
    const beam_tracker *t = &beam_offset_tracker;
    start(t, 3, 6);
    ck_assert(claim(t, 3));
    ck_assert(claim(t, 5)); /* with a gap */
    ck_assert_int_eq(t->check_done(&c, self), BEAM_OK);
    ck_assert(!claim(t, 6));
    ck_assert_int_eq(c.status, BEAM_OK);
    ck_assert(!claim(t, 6));
    ck_assert_str_eq(c.message, "offset 6 was claimed after 6: claim offsets in rising order");
}
END_TEST

START_TEST(what_was_not_claimed_is_told)
{
    const beam_tracker *t = &beam_offset_tracker;
    start(t, 0, 3);
    ck_assert(claim(t, 0));
    ck_assert_int_ne(t->check_done(&c, self), BEAM_OK);
    ck_assert_str_eq(c.message, "process() returned after its claim of 0, but its restriction "
                                "is [0, 3): go on until a claim is refused, or call "
                                "beam_resume_later()");
}
END_TEST

START_TEST(a_restriction_does_not_end_before_it_begins)
{
    const beam_tracker *t = &beam_offset_tracker;
    ck_assert_int_eq(t->start(&c, self, beam_offsets(&c, 2, 1)), BEAM_EINVAL);
    ck_assert_str_eq(c.message, "the restriction [2, 1) ends before it begins");
}
END_TEST

START_TEST(nothing_claimed)
{
    const beam_tracker *t = &beam_offset_tracker;
    start(t, 0, 10);
    expect_split(t, 1, "none");
    expect_split(t, 0.5, "[0, 4) [4, 10)");
    expect_split(t, 0, "[0, 0) [0, 4)");
    ck_assert_int_eq(t->check_done(&c, self), BEAM_OK);
    expect_split(t, 0, "none");
    ck_assert(!claim(t, 0));
    ck_assert_int_eq(c.status, BEAM_OK);
}
END_TEST

START_TEST(some_claimed)
{
    const beam_tracker *t = &beam_offset_tracker;
    start(t, 0, 10);
    ck_assert(claim(t, 4));
    expect_split(t, 0.9, "[0, 9) [9, 10)");
    expect_split(t, 0.01, "[0, 5) [5, 9)");
    expect_split(t, 0, "none");
    ck_assert(!claim(t, 5));
    ck_assert_int_eq(t->check_done(&c, self), BEAM_OK);
    expect_split(t, 0, "none");
}
END_TEST

START_TEST(large_numbers_do_not_overflow)
{
    const beam_tracker *t = &beam_offset_tracker;
    start(t, INT64_MIN, INT64_MAX);
    expect_split(t, 1, "none");
    const char *half = split(t, 0.5);
    ck_assert_ptr_nonnull(strstr(half, "[-9223372036854775808, "));
    beam_progress p = t->progress(&c, self);
    ck_assert_double_eq(p.completed, 0);
    ck_assert_double_gt(p.remaining, 9.2e18);
    ck_assert_double_lt(p.remaining, 9.3e18);
}
END_TEST

START_TEST(progress_counts_what_is_under_way_as_left)
{
    const beam_tracker *t = &beam_offset_tracker;
    start(t, 10, 20);
    ck_assert_double_eq(t->progress(&c, self).remaining, 10);
    claim(t, 14);
    ck_assert_double_eq(t->progress(&c, self).completed, 4);
    ck_assert_double_eq(t->progress(&c, self).remaining, 6);
    claim(t, 99);
    ck_assert_double_eq(t->progress(&c, self).completed, 10);
    ck_assert_double_eq(t->progress(&c, self).remaining, 0);
}
END_TEST

START_TEST(an_end_grows)
{
    const beam_tracker *t = &beam_growable_offset_tracker;
    start(t, 0, INT64_MAX);
    estimate = 10;
    ck_assert_double_eq(t->progress(&c, self).remaining, 10);
    ck_assert(claim(t, 1));
    estimate = 21;
    ck_assert_double_eq(t->progress(&c, self).remaining, 20);
    expect_split(t, 0.5, "[0, 11) [11, 9223372036854775807)");
    /* From here on it is like another. */
    estimate = 1000;
    ck_assert_double_eq(t->progress(&c, self).remaining, 10);
    expect_split(t, 0, "[0, 2) [2, 11)");
}
END_TEST

START_TEST(an_end_behind_what_was_read_is_the_next_offset)
{
    const beam_tracker *t = &beam_growable_offset_tracker;
    start(t, 0, INT64_MAX);
    estimate = 3;
    ck_assert(claim(t, 7));
    ck_assert_double_eq(t->progress(&c, self).remaining, 1);
    expect_split(t, 0.5, "[0, 8) [8, 9223372036854775807)");
    ck_assert_int_eq(t->check_done(&c, self), BEAM_OK);
    start(t, 5, INT64_MAX);
    expect_split(t, 0, "[5, 5) [5, 9223372036854775807)");
}
END_TEST

START_TEST(one_piece)
{
    const beam_tracker *t = &beam_unsplittable_tracker;
    memset(self, 0, sizeof self);
    ck_assert_int_eq(t->start(&c, self, beam_bool(false)), BEAM_OK);
    ck_assert_ptr_null(t->split);
    ck_assert_double_eq(t->progress(&c, self).remaining, 1);
    ck_assert(t->claim(&c, self, beam_bool(true)));
    ck_assert_int_eq(t->check_done(&c, self), BEAM_OK);
    ck_assert(!t->claim(&c, self, beam_bool(true)));
    ck_assert_int_eq(t->start(&c, self, beam_bool(true)), BEAM_OK);
    ck_assert(!t->claim(&c, self, beam_bool(true)));
    t->start(&c, self, beam_bool(false));
    ck_assert_int_ne(t->check_done(&c, self), BEAM_OK);
}
END_TEST

static void set_up(void)
{
    fake_init(&c);
}

static void tear_down(void)
{
    fake_free(&c);
}

int main(void)
{
    TCase *all = tcase_create("trackers");
    tcase_add_checked_fixture(all, set_up, tear_down);
    const TTest *const tests[] = {
        offsets_are_claimed_in_order, what_was_not_claimed_is_told,
        a_restriction_does_not_end_before_it_begins, nothing_claimed, some_claimed,
        large_numbers_do_not_overflow, progress_counts_what_is_under_way_as_left,
        an_end_grows, an_end_behind_what_was_read_is_the_next_offset, one_piece,
    };
    for (size_t i = 0; i < BEAM_COUNT(tests); i++) tcase_add_test(all, tests[i]);
    Suite *suite = suite_create("fns/trackers");
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
