/* SPDX-License-Identifier: Apache-2.0 */
/* The pool of bundle threads. */
#include "threads.h"

#include <check.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "fake_runner.h"

static atomic_int n_running, n_done, most;
static atomic_bool go;

static void count(void *arg)
{
    (void)arg;
    n_done++;
}

static void wait_for_go(void *arg)
{
    (void)arg;
    int now = ++n_running;
    for (int before = most;
         before < now && !atomic_compare_exchange_weak(&most, &before, now);)
        ;
    while (!go) bm_sleep_ms(1);
    n_running--;
    n_done++;
}

START_TEST(every_job_has_a_thread)
{
    enum { JOBS = 100 };
    bm_threads *threads = bm_threads_new(1000);
    for (int i = 0; i < JOBS; i++) ck_assert(bm_threads_run(threads, wait_for_go, NULL));
    while (n_running < JOBS) bm_sleep_ms(1); /* or the test times out */
    ck_assert(!bm_threads_drain(threads, 10));
    go = true;
    ck_assert(bm_threads_drain(threads, -1));
    ck_assert_int_eq(n_done, JOBS);
    ck_assert_int_eq(most, JOBS);
    bm_threads_free(threads);
}
END_TEST

static atomic_bool has_signal_stack;

static void look_for_signal_stack(void *arg)
{
    (void)arg;
    stack_t found;
    has_signal_stack = !sigaltstack(NULL, &found) && !(found.ss_flags & SS_DISABLE) &&
                       found.ss_size >= (size_t)sysconf(_SC_MINSIGSTKSZ);
}

/* For the handler of a crash whose cause is that the job's own stack is used up. */
START_TEST(a_job_has_a_stack_for_signals)
{
    bm_threads *threads = bm_threads_new(1000);
    ck_assert(bm_threads_run(threads, look_for_signal_stack, NULL));
    ck_assert(bm_threads_drain(threads, -1));
    bm_threads_free(threads);
    ck_assert(has_signal_stack);
}
END_TEST

static pthread_t last_thread;
static int n_threads; /* that ran tell_thread, one after the other */

static void tell_thread(void *arg)
{
    (void)arg;
    if (!n_threads || !pthread_equal(last_thread, pthread_self())) n_threads++;
    last_thread = pthread_self();
}

START_TEST(idle_threads_are_used_again)
{
    bm_threads *threads = bm_threads_new(10000);
    for (int i = 0; i < 100; i++) {
        bm_threads_run(threads, tell_thread, NULL);
        ck_assert(bm_threads_drain(threads, -1));
    }
    ck_assert_int_eq(n_threads, 1);
    bm_threads_free(threads);
}
END_TEST

START_TEST(threads_that_have_nothing_to_do_end)
{
    bm_threads *threads = bm_threads_new(1);
    for (int i = 0; i < 20; i++) {
        ck_assert(bm_threads_run(threads, count, NULL));
        bm_sleep_ms(i % 4); /* about when the thread gives up */
    }
    ck_assert(bm_threads_drain(threads, -1));
    ck_assert_int_eq(n_done, 20);
    bm_threads_free(threads);
}
END_TEST

/* Not a sanitizer's allocator, nor valgrind's. */
static bool is_glibc(void)
{
    size_t before = mallinfo2().uordblks;
    void *volatile some = malloc(4000);
    bool is = mallinfo2().uordblks >= before + 4000;
    free(some);
    return is;
}

static long resident_pages(void)
{
    long all, resident;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_int_eq(fscanf(file, "%ld %ld", &all, &resident), 2);
    fclose(file);
    return resident;
}

/* Frees all but the last piece, below which nothing goes back by itself. */
static void use_memory(void *last)
{
    enum { PIECES = 1000, BYTES = 50000 };
    void **pieces = malloc(PIECES * sizeof *pieces);
    for (int i = 0; i < PIECES; i++) pieces[i] = memset(malloc(BYTES), 1, BYTES);
    for (int i = 0; i < PIECES - 1; i++) free(pieces[i]);
    *(void **)last = pieces[PIECES - 1];
    free(pieces);
}

START_TEST(memory_goes_back_when_there_is_nothing_to_do)
{
    if (!is_glibc()) return;
    void *last;
    long before = resident_pages();
    bm_threads *threads = bm_threads_new(200);
    bm_threads_run(threads, use_memory, &last);
    ck_assert(bm_threads_drain(threads, -1));
    long kept = resident_pages() - before;
    ck_assert_int_gt(kept, 5000);
    while (resident_pages() - before > kept / 2) bm_sleep_ms(10); /* or the test times out */
    free(last);
    bm_threads_free(threads);
}
END_TEST

static void start_another(void *arg)
{
    bm_threads *threads = arg;
    if (++n_done < 10) bm_threads_run(threads, start_another, threads);
}

START_TEST(jobs_start_jobs)
{
    bm_threads *threads = bm_threads_new(100);
    bm_threads_run(threads, start_another, threads);
    ck_assert(bm_threads_drain(threads, -1));
    ck_assert_int_eq(n_done, 10);
    bm_threads_free(threads);
}
END_TEST

START_TEST(freeing_waits_for_jobs)
{
    bm_threads *threads = bm_threads_new(10000);
    go = true;
    for (int i = 0; i < 10; i++) bm_threads_run(threads, wait_for_go, NULL);
    bm_threads_free(threads);
    ck_assert_int_eq(n_done, 10);
    bm_threads_free(bm_threads_new(100));
    bm_threads_free(NULL);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_job_has_a_stack_for_signals,
        every_job_has_a_thread,
        idle_threads_are_used_again,
        threads_that_have_nothing_to_do_end,
        memory_goes_back_when_there_is_nothing_to_do,
        jobs_start_jobs,
        freeing_waits_for_jobs,
    };
    return fake_run_tests("threads", tests, BEAM_COUNT(tests));
}
