/* SPDX-License-Identifier: Apache-2.0 */
/* The state plane: iterables that go on behind a state token, page by page. */
#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"
#include "state.h"
#include "test_bundle.h"
#include "test_fns.h"

/* The coder of the port differs from the collection's, as a runner has it. */
static const test_bundle grouped = {
    .fn = "test.twice",
    .in = "kv<string_utf8,iterable<string_utf8>>",
    .in_port = "kv<string_utf8,state_backed_iterable<string_utf8>>",
    .out = "string_utf8"
};

static fake_runner *start(void)
{
    fake_runner *r = fake_runner_new();
    test_add_descriptor(r, "grouped", &grouped);
    fake_connect(r, &test_opts);
    return r;
}

/* A page of texts, one a letter. */
static void add_page(fake_runner *r, const char *token, const char *letters)
{
    bm_writer page = { 0 };
    for (; *letters; letters++) bm_write_prefixed(&page, (beam_span){ letters, 1 });
    fake_add_page(r, fake_runner_key(r, beam_span_of(token)), bm_written(&page));
    bm_writer_free(&page);
}

static void send(fake_runner *r, const char *bundle, const char *key, const char *token)
{
    bm_writer w = { 0 };
    test_put_state_backed(&w, key, token);
    fake_process_bundle(r, bundle, "grouped");
    fake_send_data(r, bundle, "source", bm_written(&w), true);
    bm_writer_free(&w);
}

static const char *output(fake_runner *r, const char *bundle)
{
    return test_texts(fake_arena(r), fake_await_output(r, bundle, "sink").data);
}

START_TEST(an_iterable_is_read_page_by_page)
{
    fake_runner *r = start();
    add_page(r, "t", "ab");
    add_page(r, "t", "c");
    add_page(r, "t", "");
    add_page(r, "t", "de");
    send(r, "b1", "k", "t");
    fake_expect_ok(r, "b1");
    ck_assert_str_eq(output(r, "b1"), "k: a b c d e | a b c d e");
    /* Twice four pages, or less if pages are kept; the first without a token. */
    size_t n = fake_state_requests(r);
    ck_assert_uint_ge(n, 4);
    ck_assert_uint_le(n, 8);
    for (size_t i = 0; i < n; i++) {
        fake_state_request request = fake_state_request_at(r, i);
        ck_assert_int_eq(request.what, 'g');
        ck_assert_str_eq(request.bundle, "b1");
        ck_assert(beam_span_equal(request.key, fake_runner_key(r, beam_span_of("t"))));
        for (size_t j = 0; j < i; j++) /* ids are used once */
            ck_assert_str_ne(request.id, fake_state_request_at(r, j).id);
    }
    ck_assert_uint_eq(fake_state_request_at(r, 0).data.len, 0);
    ck_assert(beam_span_equal(fake_state_request_at(r, 1).data, beam_span_of("1")));
    fake_runner_free(r);
}
END_TEST

START_TEST(an_iterable_of_nothing)
{
    fake_runner *r = start();
    send(r, "b1", "k", "empty");
    fake_expect_ok(r, "b1");
    ck_assert_str_eq(output(r, "b1"), "k: |");
    fake_runner_free(r);
}
END_TEST

START_TEST(a_page_may_end_inside_of_an_element)
{
    fake_runner *r = start();
    beam_span key = fake_runner_key(r, beam_span_of("t"));
    fake_add_page(r, key, (beam_span){ "\5hel", 4 });
    fake_add_page(r, key, (beam_span){ "lo\1", 3 });
    fake_add_page(r, key, (beam_span){ "x", 1 });
    send(r, "b1", "k", "t");
    const char *error = fake_await_error(r, "b1");
    if (!*error) ck_assert_str_eq(output(r, "b1"), "k: hello x | hello x");
    ck_assert_msg(!*error, "%s", error);
    fake_runner_free(r);
}
END_TEST

START_TEST(answers_may_come_out_of_order)
{
    enum { BUNDLES = 8 };
    fake_runner *r = start();
    char id[20], want[60];
    for (int i = 0; i < BUNDLES; i++) {
        snprintf(id, sizeof id, "t%d", i);
        add_page(r, id, (const char[]){ (char)('a' + i), '\0' });
    }
    fake_hold_state(r, BUNDLES);
    for (int i = 0; i < BUNDLES; i++) {
        snprintf(id, sizeof id, "t%d", i);
        send(r, id, "k", id);
    }
    for (int i = 0; i < BUNDLES; i++) {
        char c = (char)('a' + i);
        snprintf(id, sizeof id, "t%d", i);
        snprintf(want, sizeof want, "k: %c | %c", c, c);
        fake_expect_ok(r, id);
        ck_assert_str_eq(output(r, id), want);
    }
    fake_runner_free(r);
}
END_TEST

START_TEST(a_refused_read_fails_the_bundle)
{
    fake_runner *r = start();
    fake_fail_state(r, fake_runner_key(r, beam_span_of("t")), "the state has gone");
    send(r, "b1", "k", "t");
    fake_expect_error(r, "b1", "the state has gone");
    send(r, "b2", "k", "empty");
    fake_expect_ok(r, "b2");
    fake_runner_free(r);
}
END_TEST

START_TEST(a_page_of_noise_fails_the_bundle)
{
    fake_runner *r = start();
    fake_add_page(r, fake_runner_key(r, beam_span_of("t")),
                  beam_span_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"));
    send(r, "b1", "k", "t");
    ck_assert_str_ne(fake_await_error(r, "b1"), "");
    fake_runner_free(r);
}
END_TEST

START_TEST(a_lost_state_stream_fails_its_bundles_only)
{
    fake_runner *r = start();
    fake_hold_state(r, 2); /* the one request is never answered */
    send(r, "b1", "k", "t");
    fake_await_state_requests(r, 1);
    fake_drop_stream(r, FAKE_STATE);
    fake_expect_error(r, "b1", "State cannot be reached");
    fake_hold_state(r, 1);
    add_page(r, "t2", "a");
    send(r, "b2", "k", "t2");
    fake_expect_ok(r, "b2");
    ck_assert_uint_eq(fake_streams(r, FAKE_STATE), 2);
    fake_runner_free(r);
}
END_TEST

START_TEST(answers_that_nobody_asked_for_are_ignored)
{
    fake_runner *r = start();
    pb_StateResponse *response = pb_StateResponse_new(fake_arena(r));
    static const char *const ids[] = { "", "0", "12345", "no number at all, but long" };
    add_page(r, "t", "a");
    fake_await_stream(r, FAKE_CONTROL);
    send(r, "b1", "k", "t");
    fake_expect_ok(r, "b1");
    for (size_t i = 0; i < BEAM_COUNT(ids); i++) {
        beam_span bytes;
        pb_StateResponse_set_id(response, fake_view(ids[i]));
        bytes.ptr = pb_StateResponse_serialize(response, fake_arena(r), &bytes.len);
        fake_send_bytes(r, FAKE_STATE, bytes);
    }
    send(r, "b2", "k", "t");
    fake_expect_ok(r, "b2");
    fake_runner_free(r);
}
END_TEST

START_TEST(st_13_an_id_that_only_begins_as_ours_is_not_ours)
{
    fake_runner *r = start();
    add_page(r, "t", "a");
    fake_hold_state(r, 2);
    send(r, "b1", "k", "t");
    fake_await_state_requests(r, 1);
    char id[40];
    snprintf(id, sizeof id, "%s-1", fake_state_request_at(r, 0).id);
    pb_StateResponse *response = pb_StateResponse_new(fake_arena(r));
    pb_StateResponse_set_id(response, fake_view(id));
    pb_StateResponse_set_error(response, fake_view("of another worker"));
    beam_span bytes;
    bytes.ptr = pb_StateResponse_serialize(response, fake_arena(r), &bytes.len);
    fake_send_bytes(r, FAKE_STATE, bytes);
    send(r, "b2", "k", "t"); /* both are answered */
    fake_expect_ok(r, "b1");
    fake_expect_ok(r, "b2");
    fake_runner_free(r);
}
END_TEST

START_TEST(noise_instead_of_an_answer_fails_the_bundle)
{
    fake_runner *r = start();
    fake_hold_state(r, 2);
    send(r, "b1", "k", "t");
    fake_await_state_requests(r, 1);
    fake_send_bytes(r, FAKE_STATE, beam_span_of("\xff\xff\xff noise"));
    fake_expect_error(r, "b1", "State cannot be reached");
    fake_await_no_stream(r, FAKE_STATE);
    fake_runner_free(r);
}
END_TEST

START_TEST(stopping_does_not_wait_for_answers)
{
    fake_runner *r = start();
    fake_hold_state(r, 2);
    send(r, "b1", "k", "t");
    fake_await_state_requests(r, 1);
    beam_harness_stop(fake_worker(r));
    ck_assert_int_eq(fake_wait_worker(r, NULL), BEAM_OK);
    fake_runner_free(r);
}
END_TEST

static void *wait_for_end(void *arg)
{
    beam_harness_wait(arg, NULL);
    return NULL;
}

START_TEST(stopping_helps_when_the_end_waits_for_answers)
{
    fake_runner *r = start();
    pthread_t thread;
    fake_hold_state(r, 2);
    send(r, "b1", "k", "t");
    fake_await_state_requests(r, 1);
    fake_end_stream(r, FAKE_CONTROL);
    ck_assert(!pthread_create(&thread, NULL, wait_for_end, fake_worker(r)));
    bm_sleep_ms(100);
    beam_harness_stop(fake_worker(r));
    pthread_join(thread, NULL);
    fake_runner_free(r);
}
END_TEST

START_TEST(the_end_does_not_wait_for_answers_for_ever)
{
    fake_runner *r = start();
    fake_hold_state(r, 2);
    send(r, "b1", "k", "t");
    fake_await_state_requests(r, 1);
    fake_end_stream(r, FAKE_CONTROL);
    bm_sleep_ms(100);
    fake_end_stream(r, FAKE_STATE); /* the runner goes */
    ck_assert_int_eq(fake_wait_worker(r, NULL), BEAM_OK);
    fake_runner_free(r);
}
END_TEST

/* -- reads that are waited for later -------------------------------------------------------- */
enum { ASKED = 8 };

typedef struct reader {
    bm_rpc *rpc;
    bm_state_client client;
    bm_state_session session;
    bm_state_asked *asked[ASKED];
} reader;

/* Asks for "k0", "k1", ... of a state. */
static void start_reading(reader *c, fake_runner *r)
{
    *c = (reader){ .rpc = bm_rpc_new() };
    bm_state_init(&c->client, c->rpc, "worker");
    bm_state_begin(&c->session, &c->client, fake_url(r), "b1");
    for (int i = 0; i < ASKED; i++) {
        const char name[] = { 'k', (char)('0' + i), '\0' };
        bm_state_key key = { .kind = BM_STATE_RUNNER, .key = beam_span_of(name) };
        c->asked[i] = bm_state_ask(&c->session, &key);
        ck_assert_ptr_nonnull(c->asked[i]);
    }
}

static beam_status end_reading(reader *c)
{
    beam_status status = bm_state_end(&c->session, NULL);
    bm_state_free(&c->client);
    bm_rpc_free(c->rpc);
    return status;
}

static beam_status take_one(reader *c, int i, const char *expected, beam_error *err)
{
    bm_writer data = { 0 }, next = { 0 };
    beam_status status = bm_state_take_asked(&c->session, c->asked[i], &data, &next, err);
    if (status == BEAM_OK) ck_assert(beam_span_equal(bm_written(&data), beam_span_of(expected)));
    bm_writer_free(&data);
    bm_writer_free(&next);
    return status;
}

static fake_runner *start_with_pages(void)
{
    fake_runner *r = start();
    for (int i = 0; i < ASKED; i++) {
        const char name[] = { 'k', (char)('0' + i), '\0' }, page[] = { 'p', (char)('0' + i), '\0' };
        fake_add_page(r, fake_runner_key(r, beam_span_of(name)), beam_span_of(page));
    }
    fake_hold_state(r, ASKED); /* answers the last one first */
    return r;
}

START_TEST(reads_that_are_asked_for_together_are_taken_in_any_order)
{
    static const int order[ASKED] = { 3, 0, 1, 7, 2, 6, 5, 4 };
    fake_runner *r = start_with_pages();
    reader c;
    start_reading(&c, r);
    for (int i = 0; i < ASKED; i++) {
        const char page[] = { 'p', (char)('0' + order[i]), '\0' };
        ck_assert_int_eq(take_one(&c, order[i], page, NULL), BEAM_OK);
    }
    ck_assert_int_eq(end_reading(&c), BEAM_OK);
    fake_runner_free(r);
}
END_TEST

START_TEST(what_is_asked_for_and_not_taken_is_waited_for_at_the_end)
{
    fake_runner *r = start_with_pages();
    reader c;
    start_reading(&c, r);
    ck_assert_int_eq(take_one(&c, 5, "p5", NULL), BEAM_OK);
    bm_state_take_asked(&c.session, c.asked[2], NULL, NULL, NULL);
    ck_assert_int_eq(end_reading(&c), BEAM_OK);
    fake_runner_free(r);
}
END_TEST

START_TEST(a_read_that_is_refused_says_so_when_it_is_taken)
{
    fake_runner *r = start_with_pages();
    beam_error err = { 0 };
    reader c;
    fake_fail_state(r, fake_runner_key(r, beam_span_of("k4")), "the state has gone");
    start_reading(&c, r);
    ck_assert_int_eq(take_one(&c, 3, "p3", NULL), BEAM_OK);
    ck_assert_int_eq(take_one(&c, 4, "", &err), BEAM_ERPC);
    ck_assert_ptr_nonnull(strstr(err.message, "the state has gone"));
    ck_assert_int_eq(end_reading(&c), BEAM_OK);
    fake_runner_free(r);
}
END_TEST

START_TEST(a_lost_stream_fails_what_is_asked_for)
{
    fake_runner *r = start();
    beam_error err = { 0 };
    reader c;
    fake_hold_state(r, ASKED + 1); /* never answered */
    start_reading(&c, r);
    bm_stream_flush(c.session.link->stream);
    fake_await_state_requests(r, ASKED);
    fake_drop_stream(r, FAKE_STATE);
    ck_assert_int_eq(take_one(&c, 0, "", &err), BEAM_ERPC);
    ck_assert_ptr_nonnull(strstr(err.message, "State cannot be reached"));
    ck_assert_int_eq(end_reading(&c), BEAM_OK);
    fake_runner_free(r);
}
END_TEST

/* -- writes ------------------------------------------------------------------------------ */
typedef struct writer {
    bm_rpc *rpc;
    bm_state_client client;
    bm_state_session session;
    size_t n;
    beam_status status;
    pthread_t thread;
} writer;

static void *write_many(void *arg)
{
    writer *w = arg;
    bm_state_key key = { .kind = BM_STATE_BAG_USER_STATE, .transform_id = "t", .id = "s" };
    for (size_t i = 0; i < w->n; i++)
        bm_state_append(&w->session, &key, beam_span_of("x"), NULL);
    w->status = bm_state_end(&w->session, NULL);
    return NULL;
}

static void start_writing(writer *w, fake_runner *r, size_t n)
{
    *w = (writer){ .rpc = bm_rpc_new(), .n = n };
    bm_state_init(&w->client, w->rpc, "worker");
    bm_state_begin(&w->session, &w->client, fake_url(r), "b1");
    ck_assert(!pthread_create(&w->thread, NULL, write_many, w));
}

static beam_status end_writing(writer *w)
{
    pthread_join(w->thread, NULL);
    bm_state_free(&w->client);
    bm_rpc_free(w->rpc);
    return w->status;
}

START_TEST(writes_that_are_not_answered_are_few)
{
    enum { MOST = BM_STATE_MOST_WRITES };
    fake_runner *r = start();
    writer w;
    fake_hold_state(r, MOST + 1);
    start_writing(&w, r, 10 * MOST);
    fake_await_state_requests(r, MOST);
    bm_sleep_ms(100);
    ck_assert_uint_eq(fake_state_requests(r), MOST);
    fake_drop_stream(r, FAKE_STATE);
    ck_assert_int_eq(end_writing(&w), BEAM_ERPC);
    fake_runner_free(r);
}
END_TEST

START_TEST(many_writes)
{
    enum { MOST = BM_STATE_MOST_WRITES };
    fake_runner *r = start();
    writer w;
    fake_hold_state(r, MOST / 2);
    start_writing(&w, r, 100 * MOST);
    ck_assert_int_eq(end_writing(&w), BEAM_OK);
    ck_assert_uint_eq(fake_state_requests(r), 100 * MOST);
    fake_runner_free(r);
}
END_TEST

START_TEST(cp_20_the_end_waits_for_no_other_stream)
{
    fake_runner *r = start();
    fake_hold_state(r, 2);
    send(r, "b1", "k", "t");
    fake_await_state_requests(r, 1);
    fake_end_stream(r, FAKE_CONTROL); /* and no more */
    ck_assert_int_eq(fake_wait_worker(r, NULL), BEAM_OK);
    fake_runner_free(r);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_iterable_is_read_page_by_page,
        an_iterable_of_nothing,
        a_page_may_end_inside_of_an_element,
        answers_may_come_out_of_order,
        a_refused_read_fails_the_bundle,
        a_page_of_noise_fails_the_bundle,
        a_lost_state_stream_fails_its_bundles_only,
        answers_that_nobody_asked_for_are_ignored,
        st_13_an_id_that_only_begins_as_ours_is_not_ours,
        noise_instead_of_an_answer_fails_the_bundle,
        stopping_does_not_wait_for_answers,
        stopping_helps_when_the_end_waits_for_answers,
        the_end_does_not_wait_for_answers_for_ever,
        reads_that_are_asked_for_together_are_taken_in_any_order,
        what_is_asked_for_and_not_taken_is_waited_for_at_the_end,
        a_read_that_is_refused_says_so_when_it_is_taken,
        a_lost_stream_fails_what_is_asked_for,
        writes_that_are_not_answered_are_few,
        many_writes,
        cp_20_the_end_waits_for_no_other_stream,
    };
    return fake_run_tests("state", tests, BEAM_COUNT(tests));
}
