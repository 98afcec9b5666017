/* SPDX-License-Identifier: Apache-2.0 */
/* What bundles share about services, by the clock of the test. */
#include <pthread.h>

#include "exec/services.h"
#include "fixture.h"

enum { MS = 1000000, MINUTE_MS = 60000 };
static bm_services *services;
static bm_service *service;

static void set_up(void)
{
    services = bm_services_new(NULL);
    service = bm_services_of(services, "a");
}

START_TEST(one_for_each_step)
{
    set_up();
    char again[] = "a";
    ck_assert_ptr_eq(bm_services_of(services, again), service);
    ck_assert_ptr_ne(bm_services_of(services, "b"), service);
    again[0] = 'b';
    ck_assert_ptr_eq(bm_services_of(services, "a"), service);
    bm_services_free(services);
}
END_TEST

/* One in 100 ms, from some moment on. */
START_TEST(turns)
{
    set_up();
    int64_t now = 5000LL * MS;
    ck_assert_int_eq(bm_service_take_turn(service, 100 * MS, now), 0);
    ck_assert_int_eq(bm_service_take_turn(service, 100 * MS, now), 90 * MS);
    ck_assert_int_eq(bm_service_take_turn(service, 100 * MS, now + 90 * MS), 0);
    ck_assert_int_eq(bm_service_take_turn(service, 100 * MS, now + 91 * MS), 99 * MS);
    bm_services_free(services);
}
END_TEST

/* One in 2 ms: who comes late catches up, but not on more than 10 ms. */
START_TEST(late)
{
    set_up();
    int64_t now = 5000LL * MS;
    for (int second = 0; second < 3; second++, now += 1000LL * MS) {
        for (int i = 0; i < 6; i++)
            ck_assert_int_eq(bm_service_take_turn(service, 2 * MS, now), 0);
        ck_assert_int_eq(bm_service_take_turn(service, 2 * MS, now), 2 * MS);
    }
    bm_services_free(services);
}
END_TEST

static void *take_all(void *taken)
{
    for (int64_t now = 0; now < 1000LL * MS; now += MS / 10)
        while (!bm_service_take_turn(service, MS, now + 5000LL * MS)) ++*(int *)taken;
    return NULL;
}

START_TEST(several_threads_share_them)
{
    set_up();
    pthread_t threads[4];
    int taken[4] = { 0 }, n = 0;
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, take_all, &taken[i]);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL), n += taken[i];
    ck_assert_int_eq(n, 1010);
    bm_services_free(services);
}
END_TEST

START_TEST(told_once_a_minute)
{
    set_up();
    ck_assert_uint_eq(bm_service_retries(service, 7), 1);
    for (int i = 0; i < 100; i++) ck_assert_uint_eq(bm_service_retries(service, 8), 0);
    ck_assert_uint_eq(bm_service_retries(bm_services_of(services, "b"), 8), 1);
    ck_assert_uint_eq(bm_service_retries(service, 6 + MINUTE_MS), 0);
    ck_assert_uint_eq(bm_service_retries(service, 7 + MINUTE_MS), 102);
    ck_assert_uint_eq(bm_service_retries(service, 8 + MINUTE_MS), 0);
    bm_services_free(services);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { one_for_each_step, turns, late,
                                   several_threads_share_them, told_once_a_minute };
    return run_tests("services", tests, BEAM_COUNT(tests));
}
