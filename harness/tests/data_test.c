/* SPDX-License-Identifier: Apache-2.0 */
/* The data plane: elements cut at any place, data early, late, wrong and too much. */
#include <arpa/inet.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "test_bundle.h"
#include "test_fns.h"

static const beam_span nothing = { "", 0 };

static const test_bundle texts = { .fn = "test.fail",
                                   .in = "string_utf8",
                                   .out = "string_utf8" };
static const test_bundle gated = { .fn = "test.gate",
                                   .in = "string_utf8",
                                   .out = "string_utf8" };
static const test_bundle gated_bytes = { .fn = "test.gate", .in = "bytes", .out = NULL };
static const test_bundle fan = { .fn = "test.fan",
                                 .in = "string_utf8",
                                 .out = "string_utf8",
                                 .extra_tag = "more",
                                 .extra = "string_utf8" };
static const test_bundle repeat = {
    .fn = "test.repeat", .config = "300", .in = "string_utf8", .out = "string_utf8"
};

static fake_runner *start_with(const char *capability, const char *experiment)
{
    fake_runner *r = fake_runner_new();
    if (capability) fake_add_capability(r, capability);
    if (experiment) fake_add_experiment(r, experiment);
    test_add_descriptor(r, "texts", &texts);
    test_add_descriptor(r, "gated", &gated);
    test_add_descriptor(r, "gated-bytes", &gated_bytes);
    test_add_descriptor(r, "fan", &fan);
    test_add_descriptor(r, "repeat", &repeat);
    fake_connect(r, &test_opts);
    return r;
}

static fake_runner *start(void)
{
    return start_with(NULL, NULL);
}

static const char *output(fake_runner *r, const char *bundle, const char *sink)
{
    return test_texts(fake_arena(r), fake_await_output(r, bundle, sink).data);
}

/* Runs a bundle, so that the data stream is open afterwards. */
static void warm_up(fake_runner *r)
{
    static int n;
    char id[20];
    snprintf(id, sizeof id, "warm-up-%d", n++);
    fake_process_bundle(r, id, "texts");
    fake_send_data(r, id, "source", nothing, true);
    fake_expect_ok(r, id);
}

/* Encoded texts "a", "a" with a b, and so on: "a" to n letters. */
static void put_texts(bm_writer *w, int n)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    for (int i = 1; i <= n; i++) test_put_bytes(w, (beam_span){ letters, (size_t)i });
}

START_TEST(one_message_with_data_and_end)
{
    fake_runner *r = start();
    bm_writer w = { 0 };
    put_texts(&w, 3);
    fake_process_bundle(r, "b1", "texts");
    fake_send_data(r, "b1", "source", bm_written(&w), true);
    fake_expect_ok(r, "b1");
    ck_assert_str_eq(output(r, "b1", "sink"), "a ab abc");
    ck_assert_uint_eq(fake_await_output(r, "b1", "sink").n_last, 1);
    bm_writer_free(&w);
    fake_runner_free(r);
}
END_TEST

START_TEST(elements_may_be_cut_at_every_byte)
{
    fake_runner *r = start();
    bm_writer w = { 0 };
    put_texts(&w, 3);
    char id[20];
    for (size_t cut = 0; cut <= w.len; cut++) {
        snprintf(id, sizeof id, "b%zu", cut);
        beam_span all = bm_written(&w);
        fake_process_bundle(r, id, "texts");
        fake_send_data(r, id, "source", (beam_span){ all.ptr, cut }, false);
        fake_send_data(r, id, "source", (beam_span){ all.ptr + cut, all.len - cut },
                       false);
        fake_send_data(r, id, "source", nothing, true);
    }
    for (size_t cut = 0; cut <= w.len; cut++) {
        snprintf(id, sizeof id, "b%zu", cut);
        fake_expect_ok(r, id);
        ck_assert_str_eq(output(r, id, "sink"), "a ab abc");
    }
    bm_writer_free(&w);
    fake_runner_free(r);
}
END_TEST

START_TEST(elements_may_come_byte_by_byte)
{
    fake_runner *r = start();
    bm_writer w = { 0 };
    put_texts(&w, 4);
    fake_process_bundle(r, "b1", "texts");
    for (size_t i = 0; i < w.len; i++)
        fake_send_data(r, "b1", "source", (beam_span){ (const char *)w.data + i, 1 },
                       i + 1 == w.len);
    fake_expect_ok(r, "b1");
    ck_assert_str_eq(output(r, "b1", "sink"), "a ab abc abcd");
    bm_writer_free(&w);
    fake_runner_free(r);
}
END_TEST

START_TEST(an_element_that_ends_early_fails_the_bundle)
{
    fake_runner *r = start();
    bm_writer w = { 0 };
    put_texts(&w, 2);
    fake_process_bundle(r, "b1", "texts");
    fake_send_data(r, "b1", "source", (beam_span){ (const char *)w.data, w.len - 1 },
                   true);
    ck_assert_str_ne(fake_await_error(r, "b1"), "");
    warm_up(r);
    bm_writer_free(&w);
    fake_runner_free(r);
}
END_TEST

START_TEST(empty_outputs_end_too)
{
    fake_runner *r = start();
    fake_process_bundle(r, "b1", "fan");
    fake_send_data(r, "b1", "source", nothing, true);
    fake_expect_ok(r, "b1");
    ck_assert_uint_eq(fake_await_output(r, "b1", "sink").data.len, 0);
    ck_assert_uint_eq(fake_await_output(r, "b1", "extra").data.len, 0);
    fake_runner_free(r);
}
END_TEST

START_TEST(every_sink_gets_its_own)
{
    fake_runner *r = start();
    bm_writer w = { 0 };
    put_texts(&w, 2);
    fake_process_bundle(r, "b1", "fan");
    fake_send_data(r, "b1", "source", bm_written(&w), true);
    fake_expect_ok(r, "b1");
    ck_assert_str_eq(output(r, "b1", "sink"), "a ab");
    ck_assert_str_eq(output(r, "b1", "extra"), "more more");
    bm_writer_free(&w);
    fake_runner_free(r);
}
END_TEST

START_TEST(one_message_may_serve_many_bundles)
{
    fake_runner *r = start();
    bm_writer a = { 0 }, b = { 0 }, message = { 0 };
    test_put_text(&a, "for-b1");
    test_put_text(&b, "for-b2");
    beam_span parts[] = { fake_elements(r, "b1", "source", bm_written(&a), false),
                          fake_elements(r, "b2", "source", bm_written(&b), true),
                          fake_elements(r, "b1", "source", bm_written(&a), true) };
    for (size_t i = 0; i < BEAM_COUNT(parts); i++)
        bm_write_bytes(&message, parts[i].ptr, parts[i].len);
    fake_process_bundle(r, "b1", "texts");
    fake_process_bundle(r, "b2", "texts");
    fake_send_bytes(r, FAKE_DATA, bm_written(&message));
    fake_expect_ok(r, "b1");
    fake_expect_ok(r, "b2");
    ck_assert_str_eq(output(r, "b1", "sink"), "for-b1 for-b1");
    ck_assert_str_eq(output(r, "b2", "sink"), "for-b2");
    bm_writer_free(&a);
    bm_writer_free(&b);
    bm_writer_free(&message);
    fake_runner_free(r);
}
END_TEST

START_TEST(two_hundred_bundles_at_once)
{
    enum { BUNDLES = 200 };
    fake_runner *r = start();
    char id[20];
    for (int i = 0; i < BUNDLES; i++) {
        snprintf(id, sizeof id, "b%d", i);
        fake_process_bundle(r, id, "gated");
    }
    for (int part = 0; part < 2; part++)
        for (int i = 0; i < BUNDLES; i++) {
            bm_writer w = { 0 };
            snprintf(id, sizeof id, "b%d", i);
            test_put_text(&w, id);
            fake_send_data(r, id, "source", bm_written(&w), part == 1);
            bm_writer_free(&w);
        }
    test_await_at_gate(BUNDLES);
    test_open_gate();
    for (int i = 0; i < BUNDLES; i++) {
        char both[40];
        snprintf(id, sizeof id, "b%d", i);
        snprintf(both, sizeof both, "%s %s", id, id);
        fake_expect_ok(r, id);
        ck_assert_str_eq(output(r, id, "sink"), both);
    }
    fake_runner_free(r);
}
END_TEST

START_TEST(data_may_come_before_its_request)
{
    fake_runner *r = start();
    bm_writer w = { 0 };
    put_texts(&w, 2);
    warm_up(r);
    fake_send_data(r, "b1", "source", bm_written(&w), false);
    fake_send_data(r, "b1", "source", nothing, true);
    bm_sleep_ms(50); /* the streams are not ordered among each other */
    fake_process_bundle(r, "b1", "texts");
    fake_expect_ok(r, "b1");
    ck_assert_str_eq(output(r, "b1", "sink"), "a ab");
    bm_writer_free(&w);
    fake_runner_free(r);
}
END_TEST

/* CP-14, CP-15: of a bundle of which there is only data yet. */
START_TEST(cp_14_questions_before_the_request)
{
    fake_runner *r = start();
    bm_writer w = { 0 };
    put_texts(&w, 1);
    warm_up(r);
    fake_send_data(r, "b1", "source", bm_written(&w), true);
    bm_sleep_ms(100); /* the streams are not ordered among each other */
    fake_progress(r, "p1", "b1");
    fake_expect_ok(r, "p1");
    fake_split(r, "s1", "b1", "source", 0, 1);
    fake_expect_ok(r, "s1");
    size_t n;
    pb_ProcessBundleSplitResponse_channel_splits(
        pb_InstructionResponse_process_bundle_split(fake_await(r, "s1")), &n);
    ck_assert_uint_eq(n, 0);
    fake_finalize(r, "f1", "b1");
    fake_expect_error(r, "f1", "does not wait to be finalized");
    fake_process_bundle(r, "b1", "texts");
    fake_expect_ok(r, "b1");
    ck_assert_str_eq(output(r, "b1", "sink"), "a");
    bm_writer_free(&w);
    fake_runner_free(r);
}
END_TEST

START_TEST(data_of_ended_bundles_is_dropped)
{
    fake_runner *r = start();
    bm_writer w = { 0 };
    test_put_text(&w, "bad");
    fake_process_bundle(r, "b1", "texts");
    fake_send_data(r, "b1", "source", bm_written(&w), false);
    fake_expect_error(r, "b1", "this text is bad");
    /* More than may wait for any bundle: would stop the stream if it were kept. */
    char *much = calloc(1, 1 << 20);
    for (int i = 0; i < 8; i++)
        fake_send_data(r, "b1", "source", (beam_span){ much, 1 << 20 }, false);
    fake_send_data(r, "b1", "source", nothing, true);
    warm_up(r);
    free(much);
    bm_writer_free(&w);
    fake_runner_free(r);
}
END_TEST

/* One message with the ends of n bundles "early-..." that nobody has asked for. */
static void send_early(fake_runner *r, int first, int n)
{
    bm_writer message = { 0 };
    char id[20];
    for (int i = first; i < first + n; i++) {
        snprintf(id, sizeof id, "early-%d", i);
        beam_span part = fake_elements(r, id, "source", nothing, true);
        bm_write_bytes(&message, part.ptr, part.len);
    }
    fake_send_bytes(r, FAKE_DATA, bm_written(&message));
    bm_writer_free(&message);
}

START_TEST(dp_03_a_bundle_whose_data_was_dropped_fails)
{
    fake_runner *r = start();
    warm_up(r);
    send_early(r, 0, 10000);
    send_early(r, 10000, 2);
    ck_assert_int_eq(fake_await_log(r, "data for more than 10000 bundles").severity,
                     BEAM_LOG_WARN);
    fake_process_bundle(r, "early-10000", "texts");
    fake_expect_error(r, "early-10000", "The data of bundle 'early-10000' came before its");
    fake_process_bundle(r, "asked", "texts");
    fake_progress(r, "p1", "asked");
    fake_expect_ok(r, "p1"); /* its request is known: its data is not parked */
    send_early(r, 10002, 1);
    fake_send_data(r, "asked", "source", nothing, true);
    fake_expect_ok(r, "asked");
    fake_process_bundle(r, "early-10002", "texts");
    fake_expect_error(r, "early-10002", "was dropped");
    fake_process_bundle(r, "early-0", "texts");
    fake_expect_ok(r, "early-0");
    ck_assert_uint_eq(fake_logs(r), 1); /* the warning */
    send_early(r, 10003, 30000);
    fake_await_log(r, "brings data for bundles without end");
    fake_await_no_stream(r, FAKE_DATA);
    fake_runner_free(r);
}
END_TEST

START_TEST(data_after_the_end_fails_the_bundle)
{
    fake_runner *r = start();
    bm_writer w = { 0 };
    put_texts(&w, 1);
    warm_up(r);
    fake_send_data(r, "b1", "source", bm_written(&w), true);
    fake_send_data(r, "b1", "source", bm_written(&w), true);
    bm_sleep_ms(50);
    fake_process_bundle(r, "b1", "texts");
    fake_expect_error(r, "b1", "after the end");
    bm_writer_free(&w);
    fake_runner_free(r);
}
END_TEST

START_TEST(data_for_unknown_transforms_fails_the_bundle)
{
    fake_runner *r = start();
    warm_up(r);
    fake_process_bundle(r, "b1", "texts");
    fake_send_data(r, "b1", "nowhere", beam_span_of("x"), false);
    fake_expect_error(r, "b1", "nowhere");
    fake_send_data(r, "b2", "nowhere", beam_span_of("x"), true); /* before its request */
    bm_sleep_ms(50);
    fake_process_bundle(r, "b2", "texts");
    fake_expect_error(r, "b2", "nowhere");
    fake_runner_free(r);
}
END_TEST

/* -- back-pressure ------------------------------------------------------------------------- */
enum { PIECE = 64 * 1024, PIECES = 1024 }; /* 64 MiB */

typedef struct feeder {
    fake_runner *r;
    atomic_int sent;
} feeder;

static void *feed(void *arg)
{
    feeder *f = arg;
    char *piece = calloc(1, PIECE);
    bm_writer w = { 0 };
    test_put_bytes(&w, (beam_span){ piece, PIECE });
    for (int i = 0; i < PIECES; i++) {
        fake_send_data(f->r, "slow", "source", bm_written(&w), i + 1 == PIECES);
        f->sent++;
    }
    free(piece);
    bm_writer_free(&w);
    return NULL;
}

/* Waits until it has not moved for a while; how far it came. */
static int await_rest(const atomic_int *number)
{
    int last = -1;
    while (last != *number) {
        last = *number;
        bm_sleep_ms(300);
    }
    return last;
}

START_TEST(a_slow_fn_holds_back_the_runner)
{
    fake_runner *r = start();
    feeder f = { .r = r };
    pthread_t thread;
    fake_process_bundle(r, "slow", "gated-bytes");
    ck_assert(!pthread_create(&thread, NULL, feed, &f));
    test_await_at_gate(1);
    /* Queues of ours and gRPC's windows take some. */
    ck_assert_int_lt(await_rest(&f.sent), (16 << 20) / PIECE);
    fake_progress(r, "p1", "slow"); /* the control stream is not held up */
    fake_expect_ok(r, "p1");
    test_open_gate();
    fake_expect_ok(r, "slow");
    ck_assert_int_eq(test_n_elements(), PIECES);
    pthread_join(thread, NULL);
    fake_runner_free(r);
}
END_TEST

START_TEST(a_bundle_that_fails_lets_the_stream_go)
{
    fake_runner *r = start();
    bm_writer w = { 0 };
    char *piece = calloc(1, 1 << 20);
    fake_process_bundle(r, "b1", "texts");
    test_put_text(&w, "bad");
    fake_send_data(r, "b1", "source", bm_written(&w), false);
    for (int i = 0; i < 8; i++)
        fake_send_data(r, "b1", "source", (beam_span){ piece, 1 << 20 }, false);
    fake_expect_error(r, "b1", "bad");
    warm_up(r);
    free(piece);
    bm_writer_free(&w);
    fake_runner_free(r);
}
END_TEST

START_TEST(a_slow_runner_holds_back_the_fn)
{
    enum { TEXT = 1 << 20 };
    fake_runner *r = start();
    bm_writer w = { 0 };
    char *text = malloc(TEXT);
    memset(text, 'x', TEXT);
    warm_up(r);
    fake_pause_stream(r, FAKE_DATA);
    test_put_bytes(&w, (beam_span){ text, TEXT });
    fake_process_bundle(r, "b1", "repeat"); /* 300 MiB of output */
    fake_send_data(r, "b1", "source", bm_written(&w), true);
    bm_sleep_ms(500);
    ck_assert(!fake_responded(r, "b1"));
    fake_drop_stream(r, FAKE_DATA); /* and whoever waits for room fails */
    fake_expect_error(r, "b1", "cannot be sent");
    warm_up(r);
    free(text);
    bm_writer_free(&w);
    fake_runner_free(r);
}
END_TEST

/* -- streams that break ---------------------------------------------------------------------- */
START_TEST(output_waits_no_longer_than_told)
{
    fake_runner *r = start_with(NULL, "data_buffer_time_limit_ms=30");
    bm_writer w = { 0 };
    put_texts(&w, 1);
    fake_process_bundle(r, "b1", "texts");
    for (size_t sent = 1; sent <= 2; sent++) { /* the second after a pause of output */
        fake_send_data(r, "b1", "source", bm_written(&w), false);
        for (int ms = 0; fake_output_now(r, "b1", "sink").data.len < sent * w.len; ms++) {
            ck_assert_int_lt(ms, FAKE_PATIENCE_MS);
            bm_sleep_ms(1);
        }
    }
    ck_assert(!fake_responded(r, "b1"));
    fake_send_data(r, "b1", "source", nothing, true);
    fake_expect_ok(r, "b1");
    ck_assert_str_eq(output(r, "b1", "sink"), "a a");
    bm_writer_free(&w);
    fake_runner_free(r);
}
END_TEST

START_TEST(buffers_are_as_large_as_told)
{
    fake_runner *r = start_with(NULL, "data_buffer_size_limit=100");
    bm_writer w = { 0 };
    put_texts(&w, 1);
    fake_process_bundle(r, "b1", "repeat");
    fake_send_data(r, "b1", "source", bm_written(&w), true);
    fake_expect_ok(r, "b1");
    fake_output sink = fake_await_output(r, "b1", "sink");
    ck_assert_uint_eq(sink.data.len, 300 * w.len);
    ck_assert_uint_ge(sink.n_entries, 300 * w.len / (100 + w.len));
    bm_writer_free(&w);
    fake_runner_free(r);
}
END_TEST

START_TEST(a_lost_data_stream_fails_its_bundles_only)
{
    fake_runner *r = start();
    bm_writer w = { 0 };
    put_texts(&w, 1);
    fake_process_bundle(r, "b1", "texts");
    fake_send_data(r, "b1", "source", bm_written(&w), false);
    fake_drop_stream(r, FAKE_DATA);
    fake_expect_error(r, "b1", "the runner has gone");
    warm_up(r); /* on a new stream */
    ck_assert_uint_eq(fake_streams(r, FAKE_DATA), 2);
    ck_assert_uint_eq(fake_streams(r, FAKE_CONTROL), 1);
    bm_writer_free(&w);
    fake_runner_free(r);
}
END_TEST

/* A socket with an address of its own, at which nobody listens. */
static int take_address(char *url, size_t size)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert(!bind(fd, (struct sockaddr *)&at, len));
    ck_assert(!getsockname(fd, (struct sockaddr *)&at, &len));
    snprintf(url, size, "127.0.0.1:%d", ntohs(at.sin_port));
    return fd;
}

START_TEST(dp_06_output_for_nobody_fails_the_bundle)
{
    fake_runner *r = start();
    char url[40], error[100];
    int fd = take_address(url, sizeof url);
    const test_bundle lost = { .fn = "test.fail", .in = "string_utf8", .out = "string_utf8",
                               .sink_url = url };
    test_add_descriptor(r, "lost", &lost);
    bm_writer w = { 0 };
    put_texts(&w, 1);
    snprintf(error, sizeof error, "Output of 'sink' cannot be sent: the stream to %s", url);
    static const char *const ids[] = { "b1", "b2" };
    for (size_t i = 0; i < 2; i++) { /* at once, and on a stream that was lost */
        fake_process_bundle(r, ids[i], "lost");
        fake_send_data(r, ids[i], "source", bm_written(&w), true);
        fake_expect_error(r, ids[i], error);
    }
    warm_up(r);
    close(fd);
    bm_writer_free(&w);
    fake_runner_free(r);
}
END_TEST

START_TEST(dp_06_a_bundle_does_not_wait_for_its_output_to_be_read)
{
    fake_runner *r = start();
    bm_writer w = { 0 };
    put_texts(&w, 3);
    warm_up(r);
    fake_pause_stream(r, FAKE_DATA);
    fake_process_bundle(r, "b1", "texts");
    fake_send_data(r, "b1", "source", bm_written(&w), true);
    fake_expect_ok(r, "b1");
    fake_resume_stream(r, FAKE_DATA);
    ck_assert_str_eq(output(r, "b1", "sink"), "a ab abc");
    bm_writer_free(&w);
    fake_runner_free(r);
}
END_TEST

START_TEST(a_data_stream_that_the_runner_ends_is_opened_again)
{
    fake_runner *r = start();
    warm_up(r);
    fake_end_stream(r, FAKE_DATA);
    fake_await_no_stream(r, FAKE_DATA);
    bm_sleep_ms(50);
    fake_process_bundle(r, "b1", "texts");
    fake_send_data(r, "b1", "source", nothing, true);
    fake_expect_ok(r, "b1");
    ck_assert_uint_eq(fake_streams(r, FAKE_DATA), 2);
    fake_runner_free(r);
}
END_TEST

START_TEST(noise_on_the_data_stream_ends_it)
{
    fake_runner *r = start();
    fake_process_bundle(r, "b1", "texts");
    fake_send_data(r, "b1", "source", nothing, false);
    fake_send_bytes(r, FAKE_DATA, beam_span_of("\x0a\xff\xff\xff\xff\x0f noise"));
    ck_assert_str_ne(fake_await_error(r, "b1"), "");
    fake_await_log(r, "no Elements");
    fake_await_no_stream(r, FAKE_DATA);
    warm_up(r);
    fake_runner_free(r);
}
END_TEST

/* -- elements inside of instructions ------------------------------------------------------------ */
static void process_with(fake_runner *r, const char *bundle, const char *descriptor,
                         beam_span elements)
{
    pb_InstructionRequest *request = fake_request(r, bundle);
    pb_ProcessBundleRequest *process =
        pb_InstructionRequest_mutable_process_bundle(request, fake_arena(r));
    pb_ProcessBundleRequest_set_process_bundle_descriptor_id(process,
                                                             fake_view(descriptor));
    pb_ProcessBundleRequest_set_elements(process,
                                         pb_Elements_parse(elements.ptr, elements.len,
                                                           fake_arena(r)));
    fake_send(r, request);
}

START_TEST(elements_in_the_request)
{
    fake_runner *r = start();
    bm_writer w = { 0 };
    put_texts(&w, 2);
    process_with(r, "b1", "texts",
                 fake_elements(r, "b1", "source", bm_written(&w), true));
    fake_expect_ok(r, "b1");
    ck_assert_str_eq(output(r, "b1", "sink"), "a ab");
    ck_assert_uint_eq(fake_await_output(r, "b1", "sink").n_embedded, 0);
    bm_writer_free(&w);
    fake_runner_free(r);
}
END_TEST

START_TEST(elements_in_request_and_response)
{
    fake_runner *r = start_with("beam:protocol:control_response_elements_embedding:v1", NULL);
    bm_writer w = { 0 };
    put_texts(&w, 2);
    process_with(r, "b1", "fan", fake_elements(r, "b1", "source", bm_written(&w), true));
    fake_expect_ok(r, "b1");
    ck_assert_str_eq(output(r, "b1", "sink"), "a ab");
    ck_assert_str_eq(output(r, "b1", "extra"), "more more");
    fake_output sink = fake_await_output(r, "b1", "sink");
    ck_assert_uint_eq(sink.n_embedded, sink.n_entries);
    ck_assert_uint_eq(sink.n_last, 1);
    bm_writer_free(&w);
    fake_runner_free(r);
}
END_TEST

START_TEST(large_outputs_are_not_embedded)
{
    enum { TEXT = 10000 };
    fake_runner *r = start_with("beam:protocol:control_response_elements_embedding:v1", NULL);
    bm_writer w = { 0 };
    char *text = malloc(TEXT);
    memset(text, 'x', TEXT);
    test_put_bytes(&w, (beam_span){ text, TEXT });
    process_with(r, "b1", "repeat",
                 fake_elements(r, "b1", "source", bm_written(&w), true));
    fake_expect_ok(r, "b1");
    fake_output sink = fake_await_output(r, "b1", "sink");
    ck_assert_uint_eq(sink.n_embedded, 0);
    ck_assert_uint_eq(sink.n_last, 1);
    ck_assert_uint_eq(sink.data.len, 300 * w.len);
    free(text);
    bm_writer_free(&w);
    fake_runner_free(r);
}
END_TEST

START_TEST(elements_in_the_request_must_be_all)
{
    fake_runner *r = start();
    bm_writer w = { 0 };
    put_texts(&w, 2);
    process_with(r, "b1", "texts",
                 fake_elements(r, "b1", "source", bm_written(&w), false));
    fake_expect_error(r, "b1", "not the end of all");
    bm_writer_free(&w);
    fake_runner_free(r);
}
END_TEST

/* A text of the global window with ElementMetadata. */
static void put_with_metadata(bm_writer *out, const char *text, beam_span metadata)
{
    test_put_header(out);
    out->data[out->len - 1] |= 0x80; /* of the pane: metadata follows */
    bm_write_prefixed(out, metadata);
    bm_write_prefixed(out, beam_span_of(text));
}

/* drain DRAINING, traceparent "tp", tracestate "ts", value_kind DELETE, and a field that is
 * not known yet. */
static const beam_span metadata = { "\x08\x02\x12\x02tp\x1a\x02ts\x20\x04\x7a\x01z", 15 };

static void expect_metadata_on(fake_runner *r, const char *descriptor, const char *sink,
                               const char *text)
{
    bm_writer in = { 0 }, want = { 0 };
    put_with_metadata(&in, "a", metadata);
    fake_process_bundle(r, sink, descriptor);
    fake_send_data(r, sink, "source", bm_written(&in), true);
    fake_expect_ok(r, sink);
    put_with_metadata(&want, text, metadata);
    ck_assert(beam_span_equal(fake_await_output(r, sink, sink).data, bm_written(&want)));
    bm_writer_free(&in);
    bm_writer_free(&want);
}

START_TEST(dp_11_metadata_goes_on_with_what_is_emitted)
{
    fake_runner *r = start();
    expect_metadata_on(r, "texts", "sink", "a");
    expect_metadata_on(r, "fan", "extra", "more");
    fake_runner_free(r);
}
END_TEST

START_TEST(dp_11_a_fn_reads_the_metadata)
{
    static const test_bundle said = { .fn = "test.said",
                                      .in = "string_utf8",
                                      .out = "string_utf8" };
    fake_runner *r = start();
    test_add_descriptor(r, "said", &said);
    expect_metadata_on(r, "said", "sink", "draining tp ts 4");
    bm_writer in = { 0 };
    test_put_text(&in, "a");
    fake_process_bundle(r, "b2", "said");
    fake_send_data(r, "b2", "source", bm_written(&in), true);
    fake_expect_ok(r, "b2");
    ck_assert_str_eq(output(r, "b2", "sink"), "-   0");
    bm_writer_free(&in);
    fake_runner_free(r);
}
END_TEST

/* CP-11: a bundle's data goes over the stream that the request names. */
START_TEST(cp_11_named_data_streams)
{
    fake_runner *r = start();
    bm_writer w = { 0 };
    put_texts(&w, 1);
    static const char *const names[] = { "one", "two", "", "one" };
    for (size_t i = 0; i < BEAM_COUNT(names); i++) {
        char id[20];
        snprintf(id, sizeof id, "b%zu", i);
        fake_process_bundle_on(r, names[i], id, "texts");
        fake_send_data_on(r, names[i], id, "source", bm_written(&w), true);
        fake_expect_ok(r, id);
        ck_assert_str_eq(output(r, id, "sink"), "a");
        ck_assert_str_eq(fake_await_output(r, id, "sink").stream, names[i]);
    }
    ck_assert_uint_eq(fake_streams(r, FAKE_DATA), 3);
    bm_writer_free(&w);
    fake_runner_free(r);
}
END_TEST

/* What the streams are for: one that nobody reads does not hold up the others. */
START_TEST(cp_11_named_streams_do_not_hold_up_each_other)
{
    fake_runner *r = start();
    bm_writer w = { 0 };
    char *large = calloc(1, 1 << 20);
    test_put_bytes(&w, (beam_span){ large, 1 << 20 });
    fake_process_bundle_on(r, "slow", "b1", "gated-bytes");
    for (int i = 0; i < 4; i++)
        fake_send_data_on(r, "slow", "b1", "source", bm_written(&w), i == 3);
    test_await_at_gate(1);
    w.len = 0;
    put_texts(&w, 1);
    fake_process_bundle_on(r, "quick", "b2", "texts");
    fake_send_data_on(r, "quick", "b2", "source", bm_written(&w), true);
    fake_expect_ok(r, "b2");
    ck_assert(!fake_responded(r, "b1"));
    test_open_gate();
    fake_expect_ok(r, "b1");
    free(large);
    bm_writer_free(&w);
    fake_runner_free(r);
}
END_TEST

START_TEST(cp_11_a_stream_name_that_cannot_be_sent_fails_the_bundle)
{
    fake_runner *r = start();
    fake_process_bundle_on(r, "a\nb", "b1", "texts");
    fake_expect_error(r, "b1", "data_stream_id");
    bm_writer w = { 0 };
    put_texts(&w, 1);
    fake_process_bundle(r, "b2", "texts");
    fake_send_data(r, "b2", "source", bm_written(&w), true);
    fake_expect_ok(r, "b2");
    bm_writer_free(&w);
    fake_runner_free(r);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        one_message_with_data_and_end,
        elements_may_be_cut_at_every_byte,
        elements_may_come_byte_by_byte,
        an_element_that_ends_early_fails_the_bundle,
        empty_outputs_end_too,
        every_sink_gets_its_own,
        one_message_may_serve_many_bundles,
        two_hundred_bundles_at_once,
        data_may_come_before_its_request,
        cp_14_questions_before_the_request,
        data_of_ended_bundles_is_dropped,
        dp_03_a_bundle_whose_data_was_dropped_fails,
        data_after_the_end_fails_the_bundle,
        data_for_unknown_transforms_fails_the_bundle,
        a_slow_fn_holds_back_the_runner,
        a_bundle_that_fails_lets_the_stream_go,
        a_slow_runner_holds_back_the_fn,
        output_waits_no_longer_than_told,
        buffers_are_as_large_as_told,
        a_lost_data_stream_fails_its_bundles_only,
        dp_06_output_for_nobody_fails_the_bundle,
        dp_06_a_bundle_does_not_wait_for_its_output_to_be_read,
        a_data_stream_that_the_runner_ends_is_opened_again,
        noise_on_the_data_stream_ends_it,
        elements_in_the_request,
        elements_in_request_and_response,
        large_outputs_are_not_embedded,
        elements_in_the_request_must_be_all,
        dp_11_metadata_goes_on_with_what_is_emitted,
        dp_11_a_fn_reads_the_metadata,
        cp_11_named_data_streams,
        cp_11_named_streams_do_not_hold_up_each_other,
        cp_11_a_stream_name_that_cannot_be_sent_fails_the_bundle,
    };
    return fake_run_tests("data", tests, BEAM_COUNT(tests));
}
