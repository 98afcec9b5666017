/* SPDX-License-Identifier: Apache-2.0 */
/* What waits for finalization, and roots as messages: without gRPC. */
#include "finalizers.h"

#include <time.h>

#include "base/error.h"
#include "fake_runner.h"
#include "google/protobuf/duration.upb.h"
#include "google/protobuf/timestamp.upb.h"
#include "model/beam_runner_api.upb.h"
#include "roots.h"

typedef struct callback {
    int runs, releases;
    bool fails;
} callback;

static beam_status run(void *self, beam_error *err)
{
    callback *c = self;
    c->runs++;
    return c->fails ? bm_error(err, BEAM_EUSER, "not acknowledged") : BEAM_OK;
}

static void release(void *self)
{
    ((callback *)self)->releases++;
}

static void add(bm_finalizers *all, const char *id, callback *callbacks, size_t n,
                int64_t expires_after_ms)
{
    bm_finalizer list[8];
    for (size_t i = 0; i < n; i++)
        list[i] = (bm_finalizer){ &callbacks[i], run, release,
                                  (int64_t)time(NULL) * 1000 + expires_after_ms };
    bm_finalizers_add(all, beam_span_of(id), list, n);
}

START_TEST(cp_13_callbacks_run_once)
{
    bm_finalizers all;
    bm_finalizers_init(&all);
    beam_error err = { .status = BEAM_OK };
    callback of_b1[2] = { { 0 } }, of_b2[1] = { { 0 } };
    add(&all, "b1", of_b1, 2, 60000);
    add(&all, "b2", of_b2, 1, 60000);
    ck_assert_int_eq(bm_finalizers_run(&all, beam_span_of("b1"), &err), BEAM_OK);
    ck_assert_int_eq(bm_finalizers_run(&all, beam_span_of("b1"), &err), BEAM_OK);
    ck_assert_int_eq(of_b1[0].runs, 1);
    ck_assert_int_eq(of_b1[1].runs, 1);
    ck_assert_int_eq(of_b1[1].releases, 1);
    ck_assert_int_eq(of_b2[0].runs, 0);
    bm_finalizers_free(&all);
    ck_assert_int_eq(of_b1[0].releases, 1);
    ck_assert_int_eq(of_b2[0].runs, 0);
    ck_assert_int_eq(of_b2[0].releases, 1);
}
END_TEST

START_TEST(cp_13_expired_callbacks_do_not_run)
{
    bm_finalizers all;
    bm_finalizers_init(&all);
    beam_error err = { .status = BEAM_OK };
    callback late = { 0 };
    add(&all, "b1", &late, 1, -2000);
    ck_assert_int_eq(bm_finalizers_run(&all, beam_span_of("b1"), &err), BEAM_OK);
    ck_assert_int_eq(late.runs, 0);
    ck_assert_int_eq(late.releases, 1);
    bm_finalizers_free(&all);
}
END_TEST

START_TEST(cp_13_a_callback_that_fails_does_not_keep_others_from_running)
{
    bm_finalizers all;
    bm_finalizers_init(&all);
    beam_error err = { .status = BEAM_OK };
    callback three[3] = { { .fails = true }, { 0 }, { 0 } };
    add(&all, "b1", three, 3, 60000);
    ck_assert_int_eq(bm_finalizers_run(&all, beam_span_of("b1"), &err), BEAM_EUSER);
    ck_assert_str_eq(err.message, "A finalization callback failed: not acknowledged");
    for (int i = 0; i < 3; i++) ck_assert_int_eq(three[i].runs, 1);
    ck_assert_int_eq(bm_finalizers_run(&all, beam_span_of("other"), &err), BEAM_ERPC);
    bm_finalizers_free(&all);
}
END_TEST

/* -- roots ------------------------------------------------------------------------------- */
START_TEST(cp_12_roots_as_others_read_them)
{
    upb_Arena *upb = upb_Arena_New();
    const bm_output_watermark watermarks[] = { { "out", 1234567 }, { "late", -1 } };
    const bm_root root = { .transform_id = "sdf", .input_id = "i0",
                           .element = beam_span_of("element"),
                           .watermarks = watermarks, .n_watermarks = 2,
                           .is_bounded = true, .delay_ms = 2500 };
    pb_DelayedBundleApplication *delayed = pb_DelayedBundleApplication_new(upb);
    bm_root_write_delayed(&root, delayed, upb);
    const google_protobuf_Duration *delay =
        pb_DelayedBundleApplication_requested_time_delay(delayed);
    ck_assert_int_eq(google_protobuf_Duration_seconds(delay), 2);
    ck_assert_int_eq(google_protobuf_Duration_nanos(delay), 500000000);
    const pb_BundleApplication *out = pb_DelayedBundleApplication_application(delayed);
    ck_assert(upb_StringView_IsEqual(pb_BundleApplication_transform_id(out),
                                     fake_view("sdf")));
    ck_assert(upb_StringView_IsEqual(pb_BundleApplication_input_id(out), fake_view("i0")));
    ck_assert(upb_StringView_IsEqual(pb_BundleApplication_element(out),
                                     fake_view("element")));
    ck_assert_int_eq(pb_BundleApplication_is_bounded(out), pb_IsBounded_BOUNDED);
    struct google_protobuf_Timestamp *at;
    ck_assert(pb_BundleApplication_output_watermarks_get(out, fake_view("out"), &at));
    ck_assert_int_eq(google_protobuf_Timestamp_seconds(at), 1234);
    ck_assert_int_eq(google_protobuf_Timestamp_nanos(at), 567000000);
    ck_assert(pb_BundleApplication_output_watermarks_get(out, fake_view("late"), &at));
    ck_assert_int_eq(google_protobuf_Timestamp_seconds(at), -1);
    ck_assert_int_eq(google_protobuf_Timestamp_nanos(at), 999000000);
    upb_Arena_Free(upb);
}
END_TEST

START_TEST(cp_12_a_root_at_once_has_no_delay)
{
    upb_Arena *upb = upb_Arena_New();
    const bm_root root = { .transform_id = "sdf", .input_id = "i0" };
    pb_DelayedBundleApplication *delayed = pb_DelayedBundleApplication_new(upb);
    bm_root_write_delayed(&root, delayed, upb);
    ck_assert(!pb_DelayedBundleApplication_has_requested_time_delay(delayed));
    ck_assert_int_eq(
        pb_BundleApplication_is_bounded(pb_DelayedBundleApplication_application(delayed)),
        pb_IsBounded_UNBOUNDED);
    upb_Arena_Free(upb);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        cp_13_callbacks_run_once,
        cp_13_expired_callbacks_do_not_run,
        cp_13_a_callback_that_fails_does_not_keep_others_from_running,
        cp_12_roots_as_others_read_them,
        cp_12_a_root_at_once_has_no_delay,
    };
    return fake_run_tests("finalizers", tests, BEAM_COUNT(tests));
}
