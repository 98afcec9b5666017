/* SPDX-License-Identifier: Apache-2.0 */
/* What a bundle has besides elements: timers, and callbacks that wait for finalization. */
#include "base/clock.h"
#include "beam_urns.h"
#include "test_bundle.h"
#include "test_fns.h"

static const beam_span nothing = { "", 0 };

static const test_bundle timed = { .fn = "test.timer",
                                   .in = "kv<string_utf8,string_utf8>",
                                   .out = "string_utf8",
                                   .timer = "flush" };
static const test_bundle acked = { .fn = "test.ack",
                                   .in = "string_utf8",
                                   .out = "string_utf8",
                                   .finalizes = true };

static fake_runner *start(const char *capability)
{
    fake_runner *r = fake_runner_new();
    if (capability) fake_add_capability(r, capability);
    test_add_descriptor(r, "timed", &timed);
    test_add_descriptor(r, "acked", &acked);
    fake_connect(r, &test_opts);
    return r;
}

static const char *texts(fake_runner *r, const char *bundle)
{
    return test_texts(fake_arena(r), fake_await_output(r, bundle, "sink").data);
}

static void put_pair(bm_writer *out, const char *key, const char *value)
{
    test_put_text(out, key);
    bm_write_prefixed(out, beam_span_of(value));
}

/* -- timers ------------------------------------------------------------------------------- */
/* Runs a bundle that sets a timer of each key; the timers, encoded. */
static beam_span set_timers(fake_runner *r, const char *bundle)
{
    bm_writer in = { 0 };
    put_pair(&in, "k1", "v");
    put_pair(&in, "k2", "v");
    fake_process_bundle(r, bundle, "timed");
    fake_send_data(r, bundle, "source", bm_written(&in), true);
    fake_send_timers(r, bundle, "fn", "flush", nothing, true);
    fake_expect_ok(r, bundle);
    fake_output timers = fake_await_output(r, bundle, "fn/flush");
    ck_assert_uint_gt(timers.data.len, 0);
    ck_assert_uint_eq(timers.n_last, 1);
    bm_writer_free(&in);
    return timers.data;
}

START_TEST(dp_05_timers_come_and_go)
{
    fake_runner *r = start(NULL);
    beam_span timers = set_timers(r, "b1");
    ck_assert_str_eq(texts(r, "b1"), "");
    fake_process_bundle(r, "b2", "timed");
    fake_send_data(r, "b2", "source", nothing, true);
    fake_send_timers(r, "b2", "fn", "flush", timers, true);
    fake_expect_ok(r, "b2");
    ck_assert_str_eq(texts(r, "b2"), "k1:7 k2:7");
    fake_runner_free(r);
}
END_TEST

START_TEST(dp_05_timers_may_be_cut_at_every_byte)
{
    fake_runner *r = start(NULL);
    beam_span timers = set_timers(r, "b1");
    for (size_t cut = 0; cut <= timers.len; cut++) {
        char id[20];
        snprintf(id, sizeof id, "cut-%zu", cut);
        fake_process_bundle(r, id, "timed");
        fake_send_timers(r, id, "fn", "flush", (beam_span){ timers.ptr, cut }, false);
        fake_send_data(r, id, "source", nothing, true);
        fake_send_timers(r, id, "fn", "flush",
                         (beam_span){ timers.ptr + cut, timers.len - cut }, true);
        fake_expect_ok(r, id);
        ck_assert_str_eq(texts(r, id), "k1:7 k2:7");
    }
    fake_runner_free(r);
}
END_TEST

START_TEST(dp_05_a_bundle_waits_for_the_end_of_its_timers)
{
    fake_runner *r = start(NULL);
    fake_process_bundle(r, "b1", "timed");
    fake_send_data(r, "b1", "source", nothing, true);
    bm_sleep_ms(100);
    ck_assert(!fake_responded(r, "b1"));
    fake_send_timers(r, "b1", "fn", "flush", nothing, true);
    fake_expect_ok(r, "b1");
    ck_assert_uint_eq(fake_await_output(r, "b1", "fn/flush").n_last, 1);
    fake_process_bundle(r, "b2", "timed");
    fake_send_timers(r, "b2", "fn", "other", nothing, true);
    fake_expect_error(r, "b2", "sent timers of family 'other' for transform");
    fake_runner_free(r);
}
END_TEST

START_TEST(cp_06_timers_in_the_request_and_cp_07_in_the_response)
{
    fake_runner *r = start(BEAM_URN_PROTOCOL_CONTROL_RESPONSE_ELEMENTS_EMBEDDING);
    upb_Arena *upb = fake_arena(r);
    bm_writer in = { 0 }, both = { 0 };
    put_pair(&in, "k1", "v");
    beam_span data = fake_elements(r, "b1", "source", bm_written(&in), true);
    beam_span timers = fake_timers(r, "b1", "fn", "flush", nothing, true);
    bm_write_bytes(&both, data.ptr, data.len);
    bm_write_bytes(&both, timers.ptr, timers.len);
    pb_InstructionRequest *request = fake_request(r, "b1");
    pb_ProcessBundleRequest *bundle = pb_InstructionRequest_mutable_process_bundle(request, upb);
    pb_ProcessBundleRequest_set_process_bundle_descriptor_id(bundle, fake_view("timed"));
    pb_ProcessBundleRequest_set_elements(
        bundle, pb_Elements_parse((const char *)both.data, both.len, upb));
    fake_send(r, request);
    fake_expect_ok(r, "b1");
    fake_output out = fake_await_output(r, "b1", "fn/flush");
    ck_assert_uint_gt(out.data.len, 0);
    ck_assert_uint_eq(out.n_last, 1);
    ck_assert_uint_eq(out.n_embedded, out.n_entries);
    bm_writer_free(&in);
    bm_writer_free(&both);
    fake_runner_free(r);
}
END_TEST

/* -- finalization -------------------------------------------------------------------------- */
static void run_acked(fake_runner *r, const char *bundle, const char *text)
{
    bm_writer in = { 0 };
    test_put_text(&in, text);
    fake_process_bundle(r, bundle, "acked");
    fake_send_data(r, bundle, "source", bm_written(&in), true);
    fake_expect_ok(r, bundle);
    ck_assert(pb_ProcessBundleResponse_requires_finalization(
        pb_InstructionResponse_process_bundle(fake_await(r, bundle))));
    bm_writer_free(&in);
}

START_TEST(cp_13_a_bundle_is_finalized_once)
{
    fake_runner *r = start(NULL);
    run_acked(r, "b1", "a");
    run_acked(r, "b2", "a");
    ck_assert_int_eq(test_n_acks(), 0);
    fake_finalize(r, "f1", "b1");
    fake_expect_ok(r, "f1");
    ck_assert(pb_InstructionResponse_has_finalize_bundle(fake_await(r, "f1")));
    ck_assert_int_eq(test_n_acks(), 1);
    fake_finalize(r, "f2", "b1");
    fake_expect_ok(r, "f2");
    ck_assert_int_eq(test_n_acks(), 1);
    fake_runner_free(r);
    ck_assert_int_eq(test_n_acks(), 1); /* b2 never was */
}
END_TEST

START_TEST(cp_13_a_callback_that_fails_is_told)
{
    fake_runner *r = start(NULL);
    run_acked(r, "b1", "bad");
    fake_finalize(r, "f1", "b1");
    fake_expect_error(r, "f1", "A finalization callback failed");
    fake_runner_free(r);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        dp_05_timers_come_and_go,
        dp_05_timers_may_be_cut_at_every_byte,
        dp_05_a_bundle_waits_for_the_end_of_its_timers,
        cp_06_timers_in_the_request_and_cp_07_in_the_response,
        cp_13_a_bundle_is_finalized_once,
        cp_13_a_callback_that_fails_is_told,
    };
    return fake_run_tests("bundle", tests, BEAM_COUNT(tests));
}
