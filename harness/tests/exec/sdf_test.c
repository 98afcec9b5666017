/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a splittable DoFn; what process() claims, gives back, and must not do. */
#include <time.h>

#include "beam_urns.h"
#include "sdf_fixture.h"

#define PAIR_URN BEAM_URN_TRANSFORM_SDF_PAIR_WITH_RESTRICTION
#define SPLIT_URN BEAM_URN_TRANSFORM_SDF_SPLIT_AND_SIZE_RESTRICTIONS
#define TRUNCATE_URN BEAM_URN_TRANSFORM_SDF_TRUNCATE_SIZED_RESTRICTIONS

static fixture f;

static void begin(void)
{
    bad = NULL;
    on_claim = NULL;
}

static void end(void)
{
    fixture_free(&f);
}

/* -- pair ------------------------------------------------------------------------------- */
START_TEST(elements_get_their_restriction)
{
    sdf_build(&f, PAIR_URN, "test.count", "varint", PAIR, "global_window");
    fixture_put_in(&f, 0, beam_int64(3), 5, bm_global_windows.at, 1);
    fixture_run(&f);
    expect_output(&f, 0, "KV{3, KV{KV{0, 3}, 0}} @5\n");
    end();
}
END_TEST

START_TEST(a_watermark_begins_where_the_dofn_says)
{
    sdf_build(&f, PAIR_URN, "test.manual", "varint", PAIR, "global_window");
    fixture_put_in(&f, 0, beam_int64(3), 5, bm_global_windows.at, 1);
    fixture_run(&f);
    expect_output(&f, 0, "KV{3, KV{KV{0, 3}, 7}} @5\n");
    end();
}
END_TEST

/* -- split ------------------------------------------------------------------------------ */
START_TEST(a_restriction_is_sized_and_not_split_by_default)
{
    sdf_build(&f, SPLIT_URN, "test.count", PAIR, SIZED, "global_window");
    fixture_put(&f, 0, sdf_pair(&f, 3, 1, 9));
    fixture_run(&f);
    expect_output(&f, 0, "KV{KV{3, KV{KV{1, 9}, 0}}, 8}\n");
    end();
}
END_TEST

START_TEST(a_growable_restriction_is_sized_by_its_estimate)
{
    sdf_build(&f, SPLIT_URN, "test.endless", PAIR, SIZED, "global_window");
    fixture_put(&f, 0, sdf_pair(&f, 3, 4, INT64_MAX));
    fixture_run(&f);
    expect_output(&f, 0, "KV{KV{3, KV{KV{4, 9223372036854775807}, 0}}, 6}\n");
    end();
}
END_TEST

START_TEST(a_restriction_is_split_and_sized_as_the_dofn_says)
{
    sdf_build(&f, SPLIT_URN, "test.pieces", PAIR, SIZED, "global_window");
    fixture_put(&f, 0, sdf_pair(&f, 4, 0, 4));
    fixture_run(&f);
    expect_output(&f, 0, "KV{KV{4, KV{KV{0, 2}, 0}}, 14}\nKV{KV{4, KV{KV{2, 4}, 0}}, 14}\n");
    end();
}
END_TEST

START_TEST(a_part_without_tracker_progress_has_size_one)
{
    sdf_build(&f, SPLIT_URN, "test.once", "kv<varint,kv<bool,varint>>",
              "kv<kv<varint,kv<bool,varint>>,double>", "global_window");
    beam_value pair = fixture_kv(&f, beam_int64(1),
                                 fixture_kv(&f, beam_bool(false), beam_int64(0)));
    fixture_put(&f, 0, pair);
    fixture_run(&f);
    expect_output(&f, 0, "KV{KV{1, KV{false, 0}}, 1}\n");
    end();
}
END_TEST

/* -- truncate ----------------------------------------------------------------------------- */
static void truncate_one(const char *fn, const char *expected)
{
    sdf_build(&f, TRUNCATE_URN, fn, SIZED, SIZED, "global_window");
    fixture_put(&f, 0, sdf_sized(&f, 4, 2, 6));
    fixture_run(&f);
    expect_output(&f, 0, expected);
    end();
}

START_TEST(draining_keeps_what_is_bounded)
{
    truncate_one("test.count", "KV{KV{4, KV{KV{2, 6}, 0}}, 4}\n");
    truncate_one("test.endless", "");
    truncate_one("test.pieces", "KV{KV{4, KV{KV{2, 3}, 0}}, 7}\n");
}
END_TEST

/* -- process ---------------------------------------------------------------------------------- */
START_TEST(process_claims_to_the_end)
{
    sdf_build_process(&f, "test.count");
    fixture_put(&f, 0, sdf_sized(&f, 1, 0, 2));
    fixture_put(&f, 0, sdf_sized(&f, 2, 5, 5));
    fixture_put(&f, 0, sdf_sized(&f, 3, 7, 9));
    fixture_run(&f);
    expect_output(&f, 0, "100\n101\n307\n308\n");
    ck_assert_str_eq(sdf_residuals(&f), "");
    end();
}
END_TEST

START_TEST(windows_are_processed_one_by_one)
{
    const beam_window windows[] = { { 0, 10, { 0 } }, { 5, 15, { 0 } } };
    sdf_build(&f, BEAM_URN_TRANSFORM_SDF_PROCESS_SIZED_ELEMENT_AND_RESTRICTIONS,
              "test.watch", SIZED, "varint", "interval_window");
    fixture_put_in(&f, 0, sdf_sized(&f, 1, 0, 2), 6, windows, 2);
    fixture_run(&f);
    expect_output(&f, 0, "100 @6 [0, 10)\n101 @6 [0, 10)\n100 @6 [5, 15)\n101 @6 [5, 15)\n");
    end();
    sdf_build(&f, BEAM_URN_TRANSFORM_SDF_PROCESS_SIZED_ELEMENT_AND_RESTRICTIONS,
              "test.count", SIZED, "varint", "interval_window");
    fixture_put_in(&f, 0, sdf_sized(&f, 1, 0, 1), 6, windows, 2);
    fixture_run(&f);
    expect_output(&f, 0, "100 @6 [0, 10) [5, 15)\n");
    end();
}
END_TEST

/* -- giving back --------------------------------------------------------------------------------- */
START_TEST(the_rest_is_given_back)
{
    sdf_build_process(&f, "test.endless");
    fixture_put_in(&f, 0, sdf_sized(&f, 1, 4, INT64_MAX), 20, bm_global_windows.at, 1);
    fixture_run(&f);
    expect_output(&f, 0, "104 @20\n105 @20\n106 @20\n");
    ck_assert_str_eq(sdf_residuals(&f), "KV{KV{1, KV{KV{7, 9223372036854775807}, 0}}, 3} @20 "
                                        "unbounded 0 out=20\n");
    /* The next bundle starts afresh. */
    f.in[0].len = 0;
    fixture_put(&f, 0, sdf_sized(&f, 1, 4, 5));
    fixture_run(&f);
    ck_assert_str_eq(sdf_residuals(&f), "");
    end();
}
END_TEST

START_TEST(nothing_is_given_back_when_all_is_claimed)
{
    sdf_build_process(&f, "test.endless");
    fixture_put(&f, 0, sdf_sized(&f, 1, 4, 7));
    fixture_run(&f);
    ck_assert_str_eq(sdf_residuals(&f), "");
    end();
}
END_TEST

START_TEST(each_window_gives_back_its_rest)
{
    const beam_window windows[] = { { 0, 10, { 0 } }, { 5, 15, { 0 } } };
    sdf_build(&f, BEAM_URN_TRANSFORM_SDF_PROCESS_SIZED_ELEMENT_AND_RESTRICTIONS,
              "test.endless", SIZED, "varint", "interval_window");
    fixture_put_in(&f, 0, sdf_sized(&f, 1, 0, INT64_MAX), 6, windows, 2);
    fixture_run(&f);
    ck_assert_str_eq(sdf_residuals(&f),
                     "KV{KV{1, KV{KV{3, 9223372036854775807}, 0}}, 7} @6 [0, 10) [5, 15) "
                     "unbounded 0 out=6\n");
    end();
}
END_TEST

START_TEST(what_cannot_be_split_is_given_back_whole)
{
    sdf_build(&f, BEAM_URN_TRANSFORM_SDF_PROCESS_SIZED_ELEMENT_AND_RESTRICTIONS, "test.once",
              "kv<kv<varint,kv<bool,varint>>,double>", "varint", "global_window");
    beam_value pair = fixture_kv(&f, beam_int64(1),
                                 fixture_kv(&f, beam_bool(false), beam_int64(0)));
    fixture_put(&f, 0, fixture_kv(&f, pair, beam_double(1)));
    bad = "resume";
    fixture_run(&f);
    expect_output(&f, 0, "");
    ck_assert_str_eq(sdf_residuals(&f), "KV{KV{1, KV{false, 0}}, 1} bounded 0 "
                                        "out=-9223372036854775\n");
    bad = NULL;
    fixture_run(&f);
    expect_output(&f, 0, "1\n");
    ck_assert_str_eq(sdf_residuals(&f), "");
    end();
}
END_TEST

/* -- watermarks --------------------------------------------------------------------------------------- */
START_TEST(a_manual_watermark_travels)
{
    sdf_build_process(&f, "test.manual");
    fixture_put(&f, 0, sdf_sized(&f, 1, 0, 9));
    bad = "set";
    fixture_run(&f);
    expect_output(&f, 0, "0 @0\n1 @1\n2 @2\n");
    ck_assert_str_eq(sdf_residuals(&f), "KV{KV{1, KV{KV{3, 9}, 3}}, 6} bounded 50 out=3\n");
    end();
}
END_TEST

START_TEST(a_watermark_goes_on_from_where_it_was)
{
    sdf_build_process(&f, "test.manual");
    beam_value pair =
        fixture_kv(&f, beam_int64(1),
                   fixture_kv(&f, fixture_kv(&f, beam_int64(0), beam_int64(9)), beam_int64(2)));
    fixture_put(&f, 0, fixture_kv(&f, pair, beam_double(1)));
    fixture_run(&f);
    ck_assert_str_eq(sdf_residuals(&f), "KV{KV{1, KV{KV{3, 9}, 2}}, 6} bounded 50 out=2\n");
    bad = "set";
    ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_EINVAL);
    expect_error(&f, "the watermark would go back from 2 to 1");
    end();
}
END_TEST

START_TEST(the_latest_timestamp_is_observed)
{
    sdf_build_process(&f, "test.observed");
    fixture_put(&f, 0, sdf_sized(&f, 1, 4, 9));
    fixture_run(&f);
    ck_assert_str_eq(sdf_residuals(&f), "KV{KV{1, KV{KV{7, 9}, 6}}, 2} bounded 50 out=6\n");
    end();
}
END_TEST

START_TEST(the_clock_is_a_watermark)
{
    sdf_build_process(&f, "test.wall");
    fixture_put(&f, 0, sdf_sized(&f, 1, 4, 9));
    beam_millis before = (beam_millis)time(NULL) * 1000 - 1000;
    fixture_run(&f);
    bm_bundle_result result;
    bm_plan_take_result(f.plan, &result);
    ck_assert_uint_eq(result.residuals.n, 1);
    beam_millis at = result.residuals.at[0].watermarks[0].watermark;
    ck_assert_int_gt(at, before);
    ck_assert_int_lt(at, before + 60000);
    end();
}
END_TEST

/* -- mistakes ---------------------------------------------------------------------------------------------- */
static void fails(const char *how, const char *urn, const char *message)
{
    bad = how;
    bool pairs = strstr(urn, "sdf_pair"), splits = strstr(urn, "sdf_split");
    bool cuts = strstr(urn, "sdf_truncate");
    sdf_build(&f, urn, "test.bad", pairs ? "varint" : splits ? PAIR : SIZED,
              pairs ? PAIR : splits || cuts ? SIZED : "varint", "global_window");
    fixture_put(&f, 0, pairs ? beam_int64(1)
                       : splits ? sdf_pair(&f, 1, 0, 4) : sdf_sized(&f, 1, 0, 4));
    ck_assert_int_ne(fixture_run_in(&f, 0), BEAM_OK);
    expect_error(&f, message);
    expect_error(&f, "Transform 'Scope/b' (DoFn 'test.bad') failed on element");
    end();
}

START_TEST(bad_restrictions_fail)
{
    fails("initial", PAIR_URN, "initial() gave a restriction that is INT64");
    fails("initial emits", PAIR_URN, "only process() emits elements");
    fails("watermark", PAIR_URN, "initial_watermark() returned 9223372036854776");
    fails("split", SPLIT_URN, "split() gave a restriction that is");
    fails("status", SPLIT_URN, "local input or output failed (status -5");
    fails("size", SPLIT_URN, "the size of a restriction is -1: it must be 0 or more");
    fails("nan", SPLIT_URN, "the size of a restriction is nan");
    fails("truncate", TRUNCATE_URN, "truncate() gave a restriction that is BOOL");
    fails("truncate fails", TRUNCATE_URN, "the list is gone");
}
END_TEST

START_TEST(bad_claims_fail)
{
    const char *urn = BEAM_URN_TRANSFORM_SDF_PROCESS_SIZED_ELEMENT_AND_RESTRICTIONS;
    fails("no claim", urn, "process() returned without a claim in [0, 4): go on until a claim "
                           "is refused, or call beam_resume_later() (tracker 'offsets')");
    fails("half", urn, "process() returned after its claim of 1, but its restriction is [0, 4)");
    fails("type", urn, "a position of tracker 'offsets' is of another type than what was "
                      "claimed: BOOL");
    fails("below", urn, "offset -1 was claimed, which is before its restriction [0, 4)");
    fails("order", urn, "offset 2 was claimed after 2: claim offsets in rising order");
    fails("emit restriction", urn, "beam_emit_restriction() is for the split callback");
    fails("estimate", urn, "beam_estimate_end() is for trackers");
    fails("back", urn, "the watermark would go back from 10 to 9");
    fails("late", urn, "the watermark 9223372036854776 is no timestamp");
}
END_TEST

START_TEST(no_claim_succeeds_after_giving_back)
{
    bad = "after resume";
    sdf_build_process(&f, "test.bad");
    fixture_put(&f, 0, sdf_sized(&f, 1, 0, 4));
    fixture_run(&f);
    ck_assert_str_eq(sdf_residuals(&f), "KV{KV{1, KV{KV{0, 4}, 0}}, 1} bounded 0 out=0\n");
    end();
}
END_TEST

START_TEST(other_elements_are_refused)
{
    sdf_build(&f, SPLIT_URN, "test.count", "kv<varint,varint>", SIZED, "global_window");
    fixture_put(&f, 0, fixture_kv(&f, beam_int64(1), beam_int64(2)));
    ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_ETYPE);
    expect_error(&f, "it is not the KV<element, KV<restriction, watermark>> that");
    end();
    sdf_build(&f, BEAM_URN_TRANSFORM_SDF_PROCESS_SIZED_ELEMENT_AND_RESTRICTIONS, "test.count",
              "varint", "varint", "global_window");
    fixture_put(&f, 0, beam_int64(1));
    ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_ETYPE);
    end();
}
END_TEST

START_TEST(the_dofn_must_be_splittable)
{
    fixture_init_with(&f, &sdf_functions);
    fixture_pcoll(&f, "p1", "varint");
    fixture_source(&f, "a", "p1", "varint", "global_window");
    fixture_transform(&f, "b", PAIR_URN, fixture_fn_payload(&f, "beam:dofn:c:v1", "test.plain", ""),
                      "in=p1", "");
    ck_assert_int_eq(fixture_try_build(&f), BEAM_EINVAL);
    expect_error(&f, "Transform 'Scope/b' is a part of a splittable DoFn, but DoFn "
                     "'test.plain' of this program has no .sdf and .process");
    end();
}
END_TEST

START_TEST(only_splittable_dofns_have_restrictions)
{
    fixture_init_with(&f, &sdf_functions);
    fixture_pcoll(&f, "p1", "varint");
    fixture_source(&f, "a", "p1", "varint", "global_window");
    fixture_par_do(&f, "b", "test.plain", "", "in=p1", "");
    fixture_build(&f);
    fixture_put(&f, 0, beam_int64(1));
    ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_ESTATE);
    expect_error(&f, "beam_restriction() is for process() of a splittable DoFn");
    end();
}
END_TEST

int main(void)
{
    begin();
    const TTest *const tests[] = {
        elements_get_their_restriction,
        a_watermark_begins_where_the_dofn_says,
        a_restriction_is_sized_and_not_split_by_default,
        a_growable_restriction_is_sized_by_its_estimate,
        a_restriction_is_split_and_sized_as_the_dofn_says,
        a_part_without_tracker_progress_has_size_one,
        draining_keeps_what_is_bounded,
        process_claims_to_the_end,
        windows_are_processed_one_by_one,
        the_rest_is_given_back,
        nothing_is_given_back_when_all_is_claimed,
        each_window_gives_back_its_rest,
        what_cannot_be_split_is_given_back_whole,
        a_manual_watermark_travels,
        a_watermark_goes_on_from_where_it_was,
        the_latest_timestamp_is_observed,
        the_clock_is_a_watermark,
        bad_restrictions_fail,
        bad_claims_fail,
        no_claim_succeeds_after_giving_back,
        other_elements_are_refused,
        the_dofn_must_be_splittable,
        only_splittable_dofns_have_restrictions,
    };
    return run_tests("exec/sdf", tests, BEAM_COUNT(tests));
}
