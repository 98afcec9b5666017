/* SPDX-License-Identifier: Apache-2.0 */
/* The rpc thread, lent to jobs. Each test has an echoing stream, whose messages are its events. */
#include <errno.h>
#include <string.h>

#include "../base/run_tests.h"
#include "base/clock.h"
#include "peer.h"

enum { PATIENCE_MS = 20000 };

static test_peer server;
static bm_rpc *rpc;
static bm_channel *channel;
static bm_stream *stream;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
/* Guarded by the lock: */
static size_t n_came;
static pthread_t came_on; /* who handled the last */
static bool has_ended;

static void (*on_next)(void); /* called once by the next message, on the rpc thread */

static void set_next(void (*fn)(void))
{
    pthread_mutex_lock(&lock);
    on_next = fn;
    pthread_mutex_unlock(&lock);
}

static void on_message(void *self, bm_stream *from, bm_message *message)
{
    (void)self, (void)from;
    bm_message_free(message);
    pthread_mutex_lock(&lock);
    void (*then)(void) = on_next;
    on_next = NULL;
    pthread_mutex_unlock(&lock);
    if (then) then();
    pthread_mutex_lock(&lock);
    n_came++;
    came_on = pthread_self();
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void on_end(void *self, bm_stream *from, beam_status status, const char *text)
{
    (void)self, (void)from, (void)status, (void)text;
}

static const bm_stream_handler handler = { on_message, NULL, on_end };

static void setup(void)
{
    peer_start(&server);
    rpc = bm_rpc_new();
    channel = bm_channel_new(rpc, server.address, NULL);
    stream = bm_stream_open(channel, "/t.T/Echo", NULL, &handler, NULL);
    bm_cond_init(&changed);
    n_came = 0;
    has_ended = false;
}

static void teardown(void)
{
    bm_stream_free(stream);
    bm_channel_free(channel);
    bm_rpc_free(rpc);
    peer_stop(&server);
    pthread_cond_destroy(&changed);
}

static void send(void)
{
    bm_stream_write(stream, numbered(0, 8));
}

/* Waits as the job or as any other thread; returns who handled the last message. */
static pthread_t await(size_t n)
{
    struct timespec until = bm_after_ms(PATIENCE_MS);
    pthread_mutex_lock(&lock);
    while (n_came < n)
        ck_assert_int_ne(bm_rpc_wait(rpc, &changed, &lock, &until, false), ETIMEDOUT);
    pthread_t by = came_on;
    pthread_mutex_unlock(&lock);
    return by;
}

static void end_job(void)
{
    pthread_mutex_lock(&lock);
    has_ended = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void await_job(void)
{
    pthread_mutex_lock(&lock);
    while (!has_ended) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static void (*job)(void);

static void run_job(void *arg)
{
    (void)arg;
    job();
    end_job();
}

static void lend(void)
{
    if (bm_rpc_lend(rpc, run_job, NULL)) {
        ck_assert(!bm_rpc_lend(rpc, run_job, NULL)); /* to one at a time */
        return;
    }
    set_next(lend); /* the thread is not back yet from the last job */
    send();
}

/* Has the rpc thread run it, which the next message finds there. */
static void run(void (*fn)(void))
{
    job = fn;
    set_next(lend);
    send();
    await_job();
}

static bool is_self(pthread_t thread)
{
    return pthread_equal(thread, pthread_self());
}

static size_t n_own; /* messages that the job handled itself while it waited for them */

static void wait_for_messages(void)
{
    await(1);
    for (size_t i = 2; i < 500; i++) {
        send();
        if (is_self(await(i))) n_own++;
        else return; /* a machine that is busy made it wait for long */
    }
}

static void run_again(void (*fn)(void))
{
    pthread_mutex_lock(&lock);
    n_came = 0;
    has_ended = false;
    pthread_mutex_unlock(&lock);
    run(fn);
}

static void run_until_own(void (*again)(void (*fn)(void)))
{
    n_own = 0;
    again(wait_for_messages);
    for (int i = 0; !n_own && i < 20; i++) run_again(wait_for_messages);
    ck_assert_uint_gt(n_own, 0);
}

START_TEST(a_job_handles_what_it_waits_for)
{
    run_until_own(run);
}
END_TEST

static void be_long(void)
{
    /* Blocked as user code may be: by what no function here knows of. */
    pthread_mutex_lock(&lock);
    while (n_came < 100) {
        pthread_mutex_unlock(&lock);
        send();
        bm_sleep_ms(1);
        pthread_mutex_lock(&lock);
    }
    ck_assert(!is_self(came_on));
    pthread_mutex_unlock(&lock);
    ck_assert(!bm_rpc_serve(rpc, false)); /* its place is taken */
    for (size_t i = 0; i < 10; i++) send();
    await(110);
}

START_TEST(another_thread_stands_in_for_one_that_is_long_away)
{
    run(be_long);
}
END_TEST

static void call_and_time_out(void)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    beam_span response;
    beam_error err;
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(bm_call(channel, "/t.T/Upper", beam_span_of("abc"), 0, &arena, &response,
                                 &err), BEAM_OK);
        ck_assert(response.len == 3 && !memcmp(response.ptr, "ABC", 3));
    }
    bm_arena_free(&arena);
    struct timespec until = bm_after_ms(20);
    pthread_mutex_lock(&lock);
    while (bm_rpc_wait(rpc, &changed, &lock, &until, false) != ETIMEDOUT) continue;
    pthread_mutex_unlock(&lock);
    int64_t late_ms = bm_monotonic_ms() - (until.tv_sec * 1000 + until.tv_nsec / 1000000);
    ck_assert_int_ge(late_ms, 0);
}

static pthread_t ran_on;

static void note_thread(void)
{
    ran_on = pthread_self();
}

START_TEST(all_jobs_run_on_one_thread)
{
    run(note_thread);
    pthread_t thread = ran_on;
    run_again(be_long); /* another stands in, and has the next message */
    run_again(note_thread);
    ck_assert(pthread_equal(ran_on, thread));
}
END_TEST

START_TEST(a_job_may_call_what_blocks)
{
    run(call_and_time_out);
}
END_TEST

static void write_much(void)
{
    for (size_t i = 0; i < 40; i++) {
        bm_stream_write(stream, numbered(i, 1 << 20));
        ck_assert(bm_stream_wait_writable(stream, 1 << 20));
    }
    await(41);
}

START_TEST(a_job_is_held_back_by_a_full_stream)
{
    run(write_much);
}
END_TEST

static void take_together(void)
{
    enum { ROUNDS = 20, MESSAGES = 50 };
    await(1);
    for (size_t r = 0; r < ROUNDS; r++) {
        for (size_t i = 0; i < MESSAGES; i++) send();
        bool serves = true;
        pthread_mutex_lock(&lock);
        while (serves && n_came < 1 + (r + 1) * MESSAGES) {
            pthread_mutex_unlock(&lock);
            serves = bm_rpc_serve(rpc, true);
            pthread_mutex_lock(&lock);
        }
        pthread_mutex_unlock(&lock);
        await(1 + (r + 1) * MESSAGES);
    }
}

START_TEST(many_events_may_be_awaited_together)
{
    run(take_together);
}
END_TEST

static void look_at_what_came(void)
{
    pthread_mutex_lock(&lock);
    ck_assert_uint_ge(n_came, 2);
    pthread_mutex_unlock(&lock);
    await(10);
}

START_TEST(others_are_looked_for_before_a_job_begins)
{
    bm_stream_pause(stream);
    send(); /* one more is read, which was asked for before */
    await(1);
    n_came = 0;
    job = look_at_what_came;
    set_next(lend);
    for (size_t i = 0; i < 10; i++) send();
    bm_sleep_ms(100); /* all are back */
    bm_stream_resume(stream);
    await_job();
}
END_TEST

static void claim(void)
{
    bm_rpc_claim(rpc);
}

static void be_claimed(void)
{
    await(1);
    set_next(claim); /* as when another job is started meanwhile */
    send();
    await(2);
    send();
    await(3); /* by another thread, if this one is late or not */
    ck_assert(!bm_rpc_serve(rpc, false));
}

static void be_refused(void)
{
    ck_assert(!bm_rpc_lend(rpc, run_job, NULL));
}

START_TEST(a_thread_that_others_need_is_not_lent)
{
    run(be_claimed);
    set_next(be_refused);
    send();
    await(4);
    bm_rpc_unclaim(rpc);
    run_until_own(run_again);
}
END_TEST

static void claim_and_lend(void)
{
    lend();
    bm_rpc_claim(rpc);
}

START_TEST(a_claim_counts_for_a_job_that_has_not_begun)
{
    job = be_long;
    set_next(claim_and_lend);
    send();
    await_job();
    bm_rpc_unclaim(rpc);
}
END_TEST

static void lend_twice_away(void)
{
    /* Both threads away would leave nobody to handle events. */
    ck_assert(!bm_rpc_lend(rpc, run_job, NULL));
}

static void be_away(void)
{
    set_next(lend_twice_away);
    be_long();
}

START_TEST(the_thread_that_stands_in_is_not_lent_too)
{
    run(be_away);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("lend");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, a_job_handles_what_it_waits_for, 0, 10);
    tcase_add_loop_test(tcase, another_thread_stands_in_for_one_that_is_long_away, 0, 3);
    tcase_add_loop_test(tcase, all_jobs_run_on_one_thread, 0, 3);
    tcase_add_test(tcase, a_job_may_call_what_blocks);
    tcase_add_test(tcase, a_job_is_held_back_by_a_full_stream);
    tcase_add_test(tcase, many_events_may_be_awaited_together);
    tcase_add_test(tcase, others_are_looked_for_before_a_job_begins);
    tcase_add_test(tcase, a_thread_that_others_need_is_not_lent);
    tcase_add_test(tcase, a_claim_counts_for_a_job_that_has_not_begun);
    tcase_add_test(tcase, the_thread_that_stands_in_is_not_lent_too);
    return run_case("rpc/lend", tcase);
}
