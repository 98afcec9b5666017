/* SPDX-License-Identifier: Apache-2.0 */
/* The control plane: instructions of all kinds, many at once, failures, the end. */
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "test_bundle.h"
#include "test_fns.h"

static const test_bundle texts = { .fn = "test.fail",
                                   .in = "string_utf8",
                                   .out = "string_utf8" };
static const test_bundle gated = { .fn = "test.gate",
                                   .in = "string_utf8",
                                   .out = "string_utf8" };

static const test_bundle quoted = { .fn = "test.quote",
                                    .in = "string_utf8",
                                    .out = "string_utf8" };

static fake_runner *start(void)
{
    fake_runner *r = fake_runner_new();
    test_add_descriptor(r, "quoted", &quoted);
    test_add_descriptor(r, "texts", &texts);
    test_add_descriptor(r, "gated", &gated);
    fake_connect(r, &test_opts);
    return r;
}

/* All of a bundle's input: one text. */
static void send_text(fake_runner *r, const char *bundle, const char *text)
{
    bm_writer w = { 0 };
    test_put_text(&w, text);
    fake_send_data(r, bundle, "source", bm_written(&w), true);
    bm_writer_free(&w);
}

static const char *output(fake_runner *r, const char *bundle)
{
    return test_texts(fake_arena(r), fake_await_output(r, bundle, "sink").data);
}

static void run(fake_runner *r, const char *bundle, const char *text)
{
    fake_process_bundle(r, bundle, "texts");
    send_text(r, bundle, text);
    fake_expect_ok(r, bundle);
    ck_assert_str_eq(output(r, bundle), text);
}

START_TEST(every_stream_tells_the_worker_id)
{
    fake_runner *r = start();
    run(r, "b1", "a");
    ck_assert_str_eq(fake_await_stream(r, FAKE_CONTROL), "worker-1");
    ck_assert_str_eq(fake_await_stream(r, FAKE_DATA), "worker-1");
    ck_assert_str_eq(fake_await_stream(r, FAKE_STATE), "worker-1");
    ck_assert_str_eq(fake_await_stream(r, FAKE_LOGGING), "worker-1");
    fake_runner_free(r);
}
END_TEST

START_TEST(streams_outlive_bundles)
{
    fake_runner *r = start();
    for (int i = 0; i < 20; i++) {
        char id[20];
        snprintf(id, sizeof id, "b%d", i);
        run(r, id, "a");
    }
    fake_await_stream(r, FAKE_LOGGING); /* it may connect later than the others */
    ck_assert_uint_eq(fake_streams(r, FAKE_CONTROL), 1);
    ck_assert_uint_eq(fake_streams(r, FAKE_DATA), 1);
    ck_assert_uint_eq(fake_streams(r, FAKE_STATE), 1);
    ck_assert_uint_eq(fake_streams(r, FAKE_LOGGING), 1);
    fake_runner_free(r);
}
END_TEST

START_TEST(descriptors_are_fetched_once_and_plans_reused)
{
    fake_runner *r = start();
    for (int i = 0; i < 50; i++) {
        char id[20];
        snprintf(id, sizeof id, "b%d", i);
        run(r, id, "a");
    }
    ck_assert_uint_eq(fake_descriptor_fetches(r, "texts"), 1);
    /* A bundle is answered a moment after its plan was given back, so one does for all. */
    ck_assert_int_eq(test_n_setups(), 1);
    fake_runner_free(r);
    ck_assert_int_eq(test_n_teardowns(), 1);
}
END_TEST

START_TEST(registered_descriptors_are_not_fetched)
{
    fake_runner *r = start();
    upb_Arena *pb = fake_arena(r);
    beam_span bytes = test_descriptor(pb, fake_url(r), &texts);
    pb_ProcessBundleDescriptor *descriptor =
        pb_ProcessBundleDescriptor_parse(bytes.ptr, bytes.len, pb);
    pb_ProcessBundleDescriptor_set_id(descriptor, fake_view("registered"));
    pb_RegisterRequest *list = pb_RegisterRequest_new(pb);
    pb_RegisterRequest_resize_process_bundle_descriptor(list, 1, pb)[0] = descriptor;
    pb_InstructionRequest *request = fake_request(r, "r1");
    pb_InstructionRequest_set_register(request, list);
    fake_send(r, request);
    ck_assert(pb_InstructionResponse_has_register(fake_await(r, "r1")));
    fake_process_bundle(r, "b1", "registered");
    send_text(r, "b1", "a");
    fake_expect_ok(r, "b1");
    fake_runner_free(r);
}
END_TEST

START_TEST(unknown_kinds_of_request_are_errors)
{
    fake_runner *r = start();
    fake_send(r, fake_request(r, "empty"));
    fake_expect_error(r, "empty", "does not know that kind");
    pb_InstructionRequest *request = fake_request(r, "sample");
    pb_InstructionRequest_mutable_sample_data(request, fake_arena(r));
    fake_send(r, request);
    fake_await(r, "sample");
    request = fake_request(r, "finalize");
    pb_InstructionRequest_mutable_finalize_bundle(request, fake_arena(r));
    fake_send(r, request);
    ck_assert_str_ne(fake_await_error(r, "finalize"), "");
    run(r, "b1", "still here");
    fake_runner_free(r);
}
END_TEST

START_TEST(an_unknown_descriptor_fails_the_bundle_only)
{
    fake_runner *r = start();
    fake_process_bundle(r, "b1", "nonsense");
    fake_expect_error(r, "b1", "no such descriptor");
    run(r, "b2", "still here");
    fake_runner_free(r);
}
END_TEST

START_TEST(a_descriptor_of_nonsense_fails_the_bundle_only)
{
    fake_runner *r = start();
    fake_add_descriptor(r, "noise", beam_span_of("\xff\xff\xff nonsense"));
    const test_bundle unknown_fn = { .fn = "test.nobody", .in = "bytes", .out = "bytes" };
    test_add_descriptor(r, "unknown", &unknown_fn);
    fake_process_bundle(r, "b1", "noise");
    ck_assert_str_ne(fake_await_error(r, "b1"), "");
    fake_process_bundle(r, "b2", "unknown");
    fake_expect_error(r, "b2", "test.nobody");
    fake_await_stream(r, FAKE_DATA); /* a runner may wait for it before it looks */
    run(r, "b3", "still here");
    fake_runner_free(r);
}
END_TEST

START_TEST(a_failing_fn_fails_its_bundle_only)
{
    fake_runner *r = start();
    fake_process_bundle(r, "b1", "texts");
    send_text(r, "b1", "bad");
    fake_expect_error(r, "b1", "this text is bad");
    fake_expect_error(r, "b1", "fn"); /* the transform */
    /* The plan that failed is not used again. */
    ck_assert_int_eq(test_n_teardowns(), 1);
    run(r, "b2", "good");
    ck_assert_int_eq(test_n_setups(), 2);
    fake_await_log(r, "this text is bad");
    fake_runner_free(r);
}
END_TEST

/* A runner ends the stream for a string that is not UTF-8; this one would not see it. */
START_TEST(cp_21_errors_are_utf8)
{
    fake_runner *r = start();
    fake_process_bundle(r, "b1", "quoted");
    send_text(r, "b1", "caf\xe9 \xff");
    fake_expect_error(r, "b1", "caf? ?");
    fake_progress(r, "p1", "b1");
    fake_expect_error(r, "p1", "caf? ?");
    char text[1500]; /* cut in the middle of a character, wherever the message begins */
    for (int before = 0; before < 2; before++) {
        char id[20], *at = text;
        for (int i = 0; i < before; i++) *at++ = 'x';
        for (; at + 2 < text + sizeof text; at += 2) memcpy(at, "\xc3\xa4", 2);
        *at = '\0';
        snprintf(id, sizeof id, "long-%d", before);
        fake_process_bundle(r, id, "quoted");
        send_text(r, id, text);
        fake_expect_error(r, id, "\xc3\xa4\xc3\xa4");
    }
    fake_runner_free(r);
}
END_TEST

/* Asks what the ids of the bundle's metrics are; the number of them. */
static size_t ask_metadata(fake_runner *r, const char *instruction, const char *bundle,
                           const char *unknown)
{
    const pb_ProcessBundleResponse *response = pb_InstructionResponse_process_bundle(
        fake_await(r, bundle));
    pb_InstructionRequest *request = fake_request(r, instruction);
    pb_MonitoringInfosMetadataRequest *wanted =
        pb_InstructionRequest_mutable_monitoring_infos(request, fake_arena(r));
    size_t at = kUpb_Map_Begin, n = 0;
    const pb_ProcessBundleResponse_MonitoringDataEntry *entry;
    for (; (entry = pb_ProcessBundleResponse_monitoring_data_next(response, &at)); n++)
        pb_MonitoringInfosMetadataRequest_add_monitoring_info_id(
            wanted, pb_ProcessBundleResponse_MonitoringDataEntry_key(entry),
            fake_arena(r));
    if (unknown)
        pb_MonitoringInfosMetadataRequest_add_monitoring_info_id(
            wanted, upb_StringView_FromString(unknown), fake_arena(r));
    fake_send(r, request);
    return n;
}

/* Names of metrics are strings of the response. */
START_TEST(metric_names_are_utf8)
{
    for (int with_ids = 0; with_ids < 2; with_ids++) {
        fake_runner *r = fake_runner_new();
        if (with_ids) fake_add_capability(r, "beam:protocol:monitoring_info_short_ids:v1");
        test_add_descriptor(r, "quoted", &quoted);
        fake_connect(r, &test_opts);
        fake_process_bundle(r, "b1", "quoted");
        send_text(r, "b1", "count \xff");
        fake_expect_ok(r, "b1");
        size_t given = ask_metadata(r, "m1", "b1", "z");
        fake_expect_ok(r, "m1");
        /* Ids that were not given away are left out. */
        size_t n = pb_MonitoringInfosMetadataResponse_monitoring_info_size(
            pb_InstructionResponse_monitoring_infos(fake_await(r, "m1")));
        ck_assert_int_eq(n > 0, with_ids);
        ck_assert_uint_eq(n, given);
        fake_runner_free(r);
    }
}
END_TEST

START_TEST(an_instruction_id_is_used_once)
{
    fake_runner *r = start();
    fake_process_bundle(r, "b1", "gated");
    send_text(r, "b1", "a");
    test_await_at_gate(1);
    fake_process_bundle(r, "b1", "gated");
    fake_expect_error(r, "b1", "used already");
    test_open_gate();
    ck_assert_str_eq(output(r, "b1"), "a");
    fake_runner_free(r);
}
END_TEST

/* protobuf's empty text has no address. */
START_TEST(an_id_may_be_empty)
{
    fake_runner *r = start();
    run(r, "", "a");
    fake_progress(r, "p1", "");
    fake_expect_ok(r, "p1");
    fake_finalize(r, "f1", "");
    fake_expect_error(r, "f1", "does not wait to be finalized");
    fake_runner_free(r);
}
END_TEST

START_TEST(bundles_that_wait_do_not_hold_up_others)
{
    enum { WAITING = 100 };
    fake_runner *r = start();
    char id[20];
    for (int i = 0; i < WAITING; i++) {
        snprintf(id, sizeof id, "w%d", i);
        fake_process_bundle(r, id, "gated");
        send_text(r, id, id);
    }
    test_await_at_gate(WAITING);
    run(r, "other", "a"); /* is answered before those that came first */
    ck_assert(!fake_responded(r, "w0"));
    test_open_gate();
    for (int i = 0; i < WAITING; i++) {
        snprintf(id, sizeof id, "w%d", i);
        fake_expect_ok(r, id);
        ck_assert_str_eq(output(r, id), id);
    }
    fake_runner_free(r);
}
END_TEST

/* That the latest to come to the gate runs on. */
static const char *thread_at_gate(fake_runner *r)
{
    char path[64], name[32] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/comm", test_gate_thread());
    FILE *f = fopen(path, "r");
    ck_assert(f && fgets(name, sizeof name, f));
    fclose(f);
    name[strcspn(name, "\n")] = 0;
    return memcpy(upb_Arena_Malloc(fake_arena(r), sizeof name), name, sizeof name);
}

START_TEST(a_bundle_alone_needs_no_thread_of_its_own)
{
    fake_runner *r = start();
    run(r, "b1", "a");
    bm_sleep_ms(100); /* it has given back what it ran on */
    fake_process_bundle(r, "b2", "gated");
    send_text(r, "b2", "b");
    test_await_at_gate(1);
    ck_assert_int_eq(strncmp(thread_at_gate(r), "beam-rpc", 8), 0);
    fake_process_bundle(r, "b3", "gated");
    send_text(r, "b3", "c");
    test_await_at_gate(2);
    ck_assert_int_eq(strncmp(thread_at_gate(r), "bundle-", 7), 0);
    test_open_gate();
    fake_expect_ok(r, "b2");
    fake_expect_ok(r, "b3");
    ck_assert_str_eq(output(r, "b2"), "b");
    ck_assert_str_eq(output(r, "b3"), "c");
    fake_runner_free(r);
}
END_TEST

START_TEST(progress_and_split_of_unknown_bundles_are_errors)
{
    fake_runner *r = start();
    fake_progress(r, "p1", "nobody");
    fake_expect_error(r, "p1", "'nobody' is not known");
    fake_split(r, "s1", "nobody", "source", 0.5, 10);
    fake_expect_error(r, "s1", "'nobody' is not known");
    fake_progress(r, "p2", "");
    ck_assert_str_ne(fake_await_error(r, "p2"), "");
    fake_runner_free(r);
}
END_TEST

START_TEST(progress_and_split_of_finished_bundles_are_empty)
{
    fake_runner *r = start();
    run(r, "b1", "a");
    fake_progress(r, "p1", "b1");
    fake_expect_ok(r, "p1");
    ck_assert(pb_InstructionResponse_has_process_bundle_progress(fake_await(r, "p1")));
    fake_split(r, "s1", "b1", "source", 0.5, 10);
    fake_expect_ok(r, "s1");
    size_t n;
    pb_ProcessBundleSplitResponse_channel_splits(
        pb_InstructionResponse_process_bundle_split(fake_await(r, "s1")), &n);
    ck_assert_uint_eq(n, 0);
    fake_runner_free(r);
}
END_TEST

START_TEST(progress_of_failed_bundles_is_their_error)
{
    fake_runner *r = start();
    fake_process_bundle(r, "b1", "texts");
    send_text(r, "b1", "bad");
    fake_expect_error(r, "b1", "this text is bad");
    fake_progress(r, "p1", "b1");
    fake_expect_error(r, "p1", "this text is bad");
    fake_runner_free(r);
}
END_TEST

START_TEST(a_running_bundle_tells_its_progress)
{
    fake_runner *r = start();
    fake_process_bundle(r, "b1", "gated");
    send_text(r, "b1", "a");
    test_await_at_gate(1);
    fake_progress(r, "p1", "b1");
    const pb_InstructionResponse *response = fake_await(r, "p1");
    fake_expect_ok(r, "p1");
    const pb_ProcessBundleProgressResponse *progress =
        pb_InstructionResponse_process_bundle_progress(response);
    ck_assert(pb_ProcessBundleProgressResponse_consuming_received_data(progress));
    ck_assert(!fake_responded(r, "b1"));
    test_open_gate();
    fake_expect_ok(r, "b1");
    fake_runner_free(r);
}
END_TEST

START_TEST(a_bundle_without_data_is_not_consuming)
{
    fake_runner *r = start();
    fake_process_bundle(r, "b1", "gated");
    fake_await_stream(r, FAKE_DATA);
    fake_progress(r, "p1", "b1");
    ck_assert(!pb_ProcessBundleProgressResponse_consuming_received_data(
        pb_InstructionResponse_process_bundle_progress(fake_await(r, "p1"))));
    fake_send_data(r, "b1", "source", (beam_span){ "", 0 }, true);
    fake_expect_ok(r, "b1");
    fake_runner_free(r);
}
END_TEST

START_TEST(a_running_bundle_is_split)
{
    enum { ELEMENTS = 10 };
    fake_runner *r = start();
    bm_writer w = { 0 };
    for (int i = 0; i < ELEMENTS; i++) test_put_text(&w, "x");
    fake_process_bundle(r, "b1", "gated");
    fake_send_data(r, "b1", "source", bm_written(&w), true);
    test_await_at_gate(1);
    fake_split(r, "s1", "b1", "source", 0.5, ELEMENTS);
    size_t n;
    const pb_ProcessBundleSplitResponse_ChannelSplit *const *splits =
        pb_ProcessBundleSplitResponse_channel_splits(
            pb_InstructionResponse_process_bundle_split(fake_await(r, "s1")), &n);
    ck_assert_uint_eq(n, 1);
    upb_StringView id = pb_ProcessBundleSplitResponse_ChannelSplit_transform_id(
        splits[0]);
    ck_assert(upb_StringView_IsEqual(id, fake_view("source")));
    int64_t last = pb_ProcessBundleSplitResponse_ChannelSplit_last_primary_element(
        splits[0]);
    int64_t first = pb_ProcessBundleSplitResponse_ChannelSplit_first_residual_element(
        splits[0]);
    ck_assert_int_eq(first, last + 1);
    ck_assert_int_lt(first, ELEMENTS);
    test_open_gate();
    fake_expect_ok(r, "b1");
    ck_assert_int_eq(test_n_elements(), first); /* the rest is the runner's again */
    bm_writer_free(&w);
    fake_runner_free(r);
}
END_TEST

/* The payload of an info of the response, or NULL. */
static bool find_short_id(const pb_ProcessBundleResponse *response, beam_span id)
{
    size_t at = kUpb_Map_Begin;
    const pb_ProcessBundleResponse_MonitoringDataEntry *entry;
    while ((entry = pb_ProcessBundleResponse_monitoring_data_next(response, &at))) {
        upb_StringView key = pb_ProcessBundleResponse_MonitoringDataEntry_key(entry);
        if (beam_span_equal((beam_span){ key.data, key.size }, id)) return true;
    }
    return false;
}

START_TEST(short_ids_are_explained)
{
    fake_runner *r = fake_runner_new();
    fake_add_capability(r, "beam:protocol:monitoring_info_short_ids:v1");
    test_add_descriptor(r, "texts", &texts);
    fake_connect(r, &test_opts);
    run(r, "b1", "a");
    const pb_ProcessBundleResponse *response = pb_InstructionResponse_process_bundle(
        fake_await(r, "b1"));
    size_t at = kUpb_Map_Begin, n_infos;
    pb_ProcessBundleResponse_monitoring_infos(response, &n_infos);
    ck_assert_uint_eq(n_infos, 0);
    const pb_ProcessBundleResponse_MonitoringDataEntry *entry;
    size_t n = ask_metadata(r, "m1", "b1", NULL);
    ck_assert_uint_gt(n, 0);
    const pb_MonitoringInfosMetadataResponse *infos =
        pb_InstructionResponse_monitoring_infos(fake_await(r, "m1"));
    ck_assert_uint_eq(pb_MonitoringInfosMetadataResponse_monitoring_info_size(infos), n);
    /* The same ids for the next bundle. */
    run(r, "b2", "a");
    const pb_ProcessBundleResponse *second = pb_InstructionResponse_process_bundle(
        fake_await(r, "b2"));
    at = kUpb_Map_Begin;
    while ((entry = pb_ProcessBundleResponse_monitoring_data_next(second, &at))) {
        upb_StringView key = pb_ProcessBundleResponse_MonitoringDataEntry_key(entry);
        ck_assert(find_short_id(response, (beam_span){ key.data, key.size }));
    }
    fake_runner_free(r);
}
END_TEST

static size_t n_metrics(const pb_ProcessBundleResponse *response)
{
    return pb_ProcessBundleResponse_monitoring_data_size(response);
}

/* Prism keeps the ids of all workers of a job in one table. */
START_TEST(short_ids_mean_the_same_in_all_workers)
{
    fake_runner *rs[2];
    const pb_ProcessBundleResponse *responses[2];
    for (int i = 0; i < 2; i++) {
        fake_runner *r = rs[i] = fake_runner_new();
        fake_add_capability(r, "beam:protocol:monitoring_info_short_ids:v1");
        test_add_descriptor(r, "texts", &texts);
        test_add_descriptor(r, "quoted", &quoted);
        fake_connect(r, &test_opts);
        if (i) { /* other metrics come first */
            fake_process_bundle(r, "b0", "quoted");
            send_text(r, "b0", "count a");
            fake_expect_ok(r, "b0");
        }
        run(r, "b1", "a");
        responses[i] = pb_InstructionResponse_process_bundle(fake_await(r, "b1"));
    }
    ck_assert_uint_eq(n_metrics(responses[0]), n_metrics(responses[1]));
    size_t at = kUpb_Map_Begin;
    const pb_ProcessBundleResponse_MonitoringDataEntry *entry;
    while ((entry = pb_ProcessBundleResponse_monitoring_data_next(responses[1], &at))) {
        upb_StringView key = pb_ProcessBundleResponse_MonitoringDataEntry_key(entry);
        ck_assert(find_short_id(responses[0], (beam_span){ key.data, key.size }));
    }
    for (int i = 0; i < 2; i++) fake_runner_free(rs[i]);
}
END_TEST

START_TEST(metrics_are_told_in_full_without_short_ids)
{
    fake_runner *r = start();
    run(r, "b1", "a");
    size_t n;
    pb_ProcessBundleResponse_monitoring_infos(pb_InstructionResponse_process_bundle(
                                                  fake_await(r, "b1")),
                                              &n);
    ck_assert_uint_gt(n, 0);
    fake_runner_free(r);
}
END_TEST

START_TEST(noise_on_the_control_stream_is_logged)
{
    fake_runner *r = start();
    fake_send_bytes(r, FAKE_CONTROL, beam_span_of("\xff\xff\xff noise"));
    fake_await_log(r, "no instruction");
    run(r, "b1", "still here");
    fake_runner_free(r);
}
END_TEST

START_TEST(the_runner_ends_the_worker)
{
    fake_runner *r = start();
    run(r, "b1", "a");
    fake_end_stream(r, FAKE_CONTROL);
    beam_error err = { .status = BEAM_OK };
    ck_assert_msg(fake_wait_worker(r, &err) == BEAM_OK, "%s", err.message);
    fake_await_no_stream(r, FAKE_CONTROL);
    fake_await_no_stream(r, FAKE_DATA);
    fake_await_no_stream(r, FAKE_STATE);
    fake_await_no_stream(r, FAKE_LOGGING);
    ck_assert_int_eq(test_n_teardowns(), 1);
    fake_runner_free(r);
}
END_TEST

START_TEST(the_end_does_not_wait_for_data)
{
    fake_runner *r = start();
    fake_process_bundle(r, "b1", "texts");
    fake_process_bundle(r, "b2", "texts");
    fake_send_data(r, "b2", "source", (beam_span){ "", 0 }, false);
    bm_sleep_ms(100);
    fake_end_stream(r, FAKE_CONTROL);
    ck_assert_int_eq(fake_wait_worker(r, NULL), BEAM_OK);
    fake_runner_free(r);
}
END_TEST

START_TEST(the_end_is_seen_at_once_by_a_bundle_alone)
{
    fake_runner *r = start();
    run(r, "b1", "a");
    bm_sleep_ms(100);
    fake_process_bundle(r, "b2", "texts");
    bm_sleep_ms(100);
    fake_end_stream(r, FAKE_CONTROL);
    bm_sleep_ms(200); /* nothing else happens that might wake it */
    int64_t since_ms = bm_monotonic_ms();
    ck_assert_int_eq(fake_wait_worker(r, NULL), BEAM_OK);
    ck_assert_int_lt(bm_monotonic_ms() - since_ms, 2500); /* not after what user code is given */
    fake_runner_free(r);
}
END_TEST

START_TEST(a_bundle_that_has_its_data_finishes_at_the_end)
{
    fake_runner *r = start();
    fake_process_bundle(r, "b1", "gated");
    send_text(r, "b1", "a");
    test_await_at_gate(1);
    fake_end_stream(r, FAKE_CONTROL);
    bm_sleep_ms(50);
    test_open_gate();
    ck_assert_int_eq(fake_wait_worker(r, NULL), BEAM_OK);
    ck_assert_str_eq(output(r, "b1"), "a");
    fake_runner_free(r);
}
END_TEST

START_TEST(a_broken_control_stream_is_told)
{
    fake_runner *r = start();
    fake_drop_stream(r, FAKE_CONTROL);
    beam_error err = { .status = BEAM_OK };
    ck_assert_int_ne(fake_wait_worker(r, &err), BEAM_OK);
    ck_assert_ptr_nonnull(strstr(err.message, "the runner has gone"));
    fake_runner_free(r);
}
END_TEST

static void *stop_worker(void *arg)
{
    beam_harness_stop(arg);
    return NULL;
}

START_TEST(the_program_stops_the_worker)
{
    fake_runner *r = start();
    fake_process_bundle(r, "b1", "texts"); /* waits for data */
    fake_await_stream(r, FAKE_DATA);
    pthread_t thread;
    ck_assert(!pthread_create(&thread, NULL, stop_worker, fake_worker(r)));
    ck_assert_int_eq(beam_harness_wait(fake_worker(r), NULL), BEAM_OK);
    ck_assert_int_eq(beam_harness_wait(fake_worker(r), NULL), BEAM_OK);
    pthread_join(thread, NULL);
    fake_runner_free(r);
}
END_TEST

/* A service that takes connections and never answers. */
START_TEST(stopping_does_not_wait_for_services)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof address;
    int service = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(service, (struct sockaddr *)&address, n), 0);
    ck_assert_int_eq(listen(service, 5), 0);
    getsockname(service, (struct sockaddr *)&address, &n);
    char target[40];
    snprintf(target, sizeof target, "http://127.0.0.1:%d", ntohs(address.sin_port));
    const test_bundle asking = {
        .fn = "test.ask", .target = target, .in = "string_utf8", .out = "string_utf8"
    };
    fake_runner *r = fake_runner_new();
    test_add_descriptor(r, "asking", &asking);
    fake_connect(r, &test_opts);
    fake_process_bundle(r, "b1", "asking");
    send_text(r, "b1", "a");
    while (!test_n_elements()) bm_sleep_ms(2);
    int64_t before = bm_monotonic_ms();
    beam_harness_stop(fake_worker(r));
    ck_assert_int_eq(beam_harness_wait(fake_worker(r), NULL), BEAM_OK);
    ck_assert_int_lt(bm_monotonic_ms() - before, 10000);
    fake_runner_free(r);
    close(service);
}
END_TEST

/* CP-04, CP-14: whatever moment of a bundle's life a question meets. */
START_TEST(cp_14_questions_at_any_moment)
{
    enum { BUNDLES = 60, EACH = 8 };
    fake_runner *r = start();
    char id[20], question[30];
    run(r, "warm-up", "a");
    for (int i = 0; i < BUNDLES; i++) {
        snprintf(id, sizeof id, "b%d", i);
        fake_process_bundle(r, id, "texts");
        for (int k = 0; k < EACH; k++) {
            snprintf(question, sizeof question, "q%d-%d", i, k);
            if (k == EACH / 2) send_text(r, id, "a");
            if (k % 2)
                fake_progress(r, question, id);
            else
                fake_split(r, question, id, "source", 0.5, 10);
        }
    }
    for (int i = 0; i < BUNDLES; i++) {
        snprintf(id, sizeof id, "b%d", i);
        fake_expect_ok(r, id);
        for (int k = 0; k < EACH; k++) {
            snprintf(question, sizeof question, "q%d-%d", i, k);
            fake_expect_ok(r, question);
        }
    }
    fake_runner_free(r);
}
END_TEST

START_TEST(the_end_does_not_wait_for_descriptors)
{
    fake_runner *r = start();
    fake_hold_descriptors(r);
    fake_process_bundle(r, "b1", "texts");
    while (!fake_descriptor_fetches(r, "texts")) bm_sleep_ms(2);
    int64_t before_ms = bm_monotonic_ms();
    beam_harness_stop(fake_worker(r));
    ck_assert_int_eq(fake_wait_worker(r, NULL), BEAM_OK);
    ck_assert_int_lt(bm_monotonic_ms() - before_ms, 5000);
    fake_runner_free(r);
}
END_TEST

START_TEST(a_worker_without_a_runner_says_so)
{
    beam_harness *worker = NULL;
    beam_error err = { .status = BEAM_OK };
    beam_harness_opts opts = test_opts;
    opts.id = "w";
    ck_assert_int_ne(beam_harness_start(&opts, &worker, &err), BEAM_OK);
    ck_assert_ptr_null(worker);
    ck_assert_ptr_nonnull(strstr(err.message, "endpoint"));
    opts.id = NULL;
    opts.control_endpoint = "localhost:1";
    ck_assert_int_ne(beam_harness_start(&opts, &worker, &err), BEAM_OK);
    ck_assert_ptr_nonnull(strstr(err.message, "id"));
}
END_TEST

/* Prism makes the id of the job's name. gRPC would end the process, the program's with
 * LOOPBACK. */
START_TEST(cp_01_an_id_that_cannot_be_sent_is_refused)
{
    beam_harness_opts opts = test_opts;
    opts.control_endpoint = "localhost:1";
    static const char *const ids[] = { "job-003[z\303\244hlen]_ref_Environment_1", "a\nb" };
    for (size_t i = 0; i < BEAM_COUNT(ids); i++) {
        beam_harness *worker = NULL;
        beam_error err = { .status = BEAM_OK };
        opts.id = ids[i];
        ck_assert_int_eq(beam_harness_start(&opts, &worker, &err), BEAM_EUSAGE);
        ck_assert_ptr_null(worker);
        ck_assert_ptr_nonnull(strstr(err.message, "printable ASCII"));
    }
}
END_TEST

START_TEST(cp_13_bundles_that_need_no_finalization_are_not_finalized)
{
    fake_runner *r = start();
    run(r, "b1", "a");
    ck_assert(!pb_ProcessBundleResponse_requires_finalization(
        pb_InstructionResponse_process_bundle(fake_await(r, "b1"))));
    fake_finalize(r, "f1", "b1");
    fake_expect_error(r, "f1", "Bundle 'b1' does not wait to be finalized");
    fake_finalize(r, "f2", "nobody");
    fake_expect_error(r, "f2", "Bundle 'nobody' does not wait to be finalized");
    fake_runner_free(r);
}
END_TEST

/* SIBLING_WORKERS: one process, several worker ids, each with its own streams. */
START_TEST(siblings_share_the_process)
{
    fake_runner *r = fake_runner_new();
    test_add_descriptor(r, "texts", &texts);
    fake_add_sibling(r, "worker-2");
    fake_add_sibling(r, "worker-3");
    fake_connect(r, &test_opts);
    for (int i = 0; fake_streams(r, FAKE_CONTROL) < 3 && i < 1000; i++) bm_sleep_ms(10);
    static const char *const ids[] = { "worker-1", "worker-2", "worker-3" };
    for (size_t i = 0; i < BEAM_COUNT(ids); i++)
        ck_assert_uint_eq(fake_streams_of(r, FAKE_CONTROL, ids[i]), 1);
    /* The control stream that was opened last takes the bundle. */
    const char *taker = fake_await_stream(r, FAKE_CONTROL);
    run(r, "b1", "a");
    ck_assert_str_eq(fake_await_stream(r, FAKE_DATA), taker);
    fake_runner_free(r);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        every_stream_tells_the_worker_id,
        streams_outlive_bundles,
        descriptors_are_fetched_once_and_plans_reused,
        registered_descriptors_are_not_fetched,
        unknown_kinds_of_request_are_errors,
        an_unknown_descriptor_fails_the_bundle_only,
        a_descriptor_of_nonsense_fails_the_bundle_only,
        a_failing_fn_fails_its_bundle_only,
        cp_21_errors_are_utf8,
        metric_names_are_utf8,
        an_instruction_id_is_used_once,
        an_id_may_be_empty,
        bundles_that_wait_do_not_hold_up_others,
        a_bundle_alone_needs_no_thread_of_its_own,
        progress_and_split_of_unknown_bundles_are_errors,
        progress_and_split_of_finished_bundles_are_empty,
        progress_of_failed_bundles_is_their_error,
        a_running_bundle_tells_its_progress,
        a_bundle_without_data_is_not_consuming,
        a_running_bundle_is_split,
        short_ids_are_explained,
        short_ids_mean_the_same_in_all_workers,
        metrics_are_told_in_full_without_short_ids,
        noise_on_the_control_stream_is_logged,
        the_runner_ends_the_worker,
        the_end_does_not_wait_for_data,
        the_end_is_seen_at_once_by_a_bundle_alone,
        a_bundle_that_has_its_data_finishes_at_the_end,
        a_broken_control_stream_is_told,
        the_program_stops_the_worker,
        stopping_does_not_wait_for_services,
        a_worker_without_a_runner_says_so,
        cp_01_an_id_that_cannot_be_sent_is_refused,
        cp_13_bundles_that_need_no_finalization_are_not_finalized,
        siblings_share_the_process,
        the_end_does_not_wait_for_descriptors,
        cp_14_questions_at_any_moment,
    };
    return fake_run_tests("control", tests, BEAM_COUNT(tests));
}
