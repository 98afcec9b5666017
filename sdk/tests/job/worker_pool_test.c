/* SPDX-License-Identifier: Apache-2.0 */
/* StartWorker and StopWorker over a real connection, with child processes as workers. */
#include "job/worker_pool.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "job/process_pool.h"
#include "model/beam_fn_api.pb-c.h"
#include "proto/model.h"

#define SERVICE "/org.apache.beam.model.fn_execution.v1.BeamFnExternalWorkerPool/"

static bm_arena arena;
static bm_rpc *rpc;
static bm_process_pool *processes;
static bm_worker_pool *pool;
static bm_channel *channel;
static char logged[1000];
static atomic_int n_logged;

static void keep_log(void *self, const bm_log_entry *entry)
{
    (void)self;
    snprintf(logged, sizeof logged, "%s", entry->message);
    atomic_fetch_add(&n_logged, 1);
}
static const bm_log log_sink = { keep_log, NULL, BEAM_LOG_WARN };

/* The id says what the worker does: "sleep", or an exit status. */
static beam_status command(void *self, bm_arena *a, const bm_worker_request *request,
                           const char *const **argv, const char **log_path,
                           beam_error *err)
{
    (void)self;
    (void)log_path;
    if (!request->provision_endpoint)
        return bm_error(err, BEAM_EINVAL, "no provision endpoint");
    const char **list = BM_NEW_ARRAY(a, const char *, 4);
    list[0] = "sh";
    list[1] = "-c";
    list[2] = strncmp(request->id, "sleep", 5) ? bm_format(a, "exit %s", request->id)
                                               : "exec sleep 100";
    *argv = list;
    return BEAM_OK;
}

static void set_up_processes(void)
{
    bm_arena_init(&arena, 0);
    atomic_store(&n_logged, 0);
    rpc = bm_rpc_new();
    processes = bm_process_pool_new(&log_sink, "test worker", command, NULL);
}

static void open_pool(void)
{
    beam_error err;
    pool = bm_worker_pool_new(rpc, "localhost", 0, &bm_process_pool_ops, processes, &err);
    ck_assert_msg(pool != NULL, "%s", err.message);
    channel = bm_channel_new(rpc, bm_worker_pool_address(pool), NULL);
}

static void setup(void)
{
    set_up_processes();
    open_pool();
}

static void teardown(void)
{
    bm_channel_free(channel);
    bm_worker_pool_free(pool);
    bm_process_pool_free(processes);
    bm_rpc_free(rpc);
    bm_arena_free(&arena);
}

/* The error text of the response. */
static const char *call(const char *method, const ProtobufCMessage *request)
{
    beam_span bytes;
    beam_error err;
    ck_assert_msg(!bm_call(channel, method, bm_pb_pack(&arena, request), 10000, &arena,
                           &bytes, &err),
                  "%s", err.message);
    Pb__StartWorkerResponse *response =
        (Pb__StartWorkerResponse *)bm_pb_unpack(&arena,
                                                &pb__start_worker_response__descriptor,
                                                bytes, BM_PB_MAX_DEPTH);
    return response->error;
}

static const char *start(const char *id)
{
    Pb__ApiServiceDescriptor endpoint = PB__API_SERVICE_DESCRIPTOR__INIT;
    endpoint.url = bm_pb_text("localhost:1234");
    Pb__StartWorkerRequest request = PB__START_WORKER_REQUEST__INIT;
    request.worker_id = bm_pb_text(id);
    request.provision_endpoint = &endpoint;
    return call(SERVICE "StartWorker", &request.base);
}

static const char *stop(const char *id)
{
    Pb__StopWorkerRequest request = PB__STOP_WORKER_REQUEST__INIT;
    request.worker_id = bm_pb_text(id);
    return call(SERVICE "StopWorker", &request.base);
}

START_TEST(starts_and_stops)
{
    ck_assert_str_eq(start("sleep-1"), "");
    ck_assert_str_eq(start("sleep-2"), "");
    ck_assert_str_eq(stop("sleep-1"), "");
    ck_assert_str_eq(stop("sleep-1"), "");
    ck_assert_int_eq(atomic_load(&n_logged), 0);
}
END_TEST

START_TEST(an_id_runs_once)
{
    ck_assert_str_eq(start("sleep"), "");
    ck_assert_str_eq(start("sleep"), "a test worker with id sleep runs already");
    ck_assert_str_eq(stop("sleep"), "");
    ck_assert_str_eq(start("sleep"), "");
}
END_TEST

START_TEST(a_worker_that_dies_is_told)
{
    ck_assert_str_eq(start("3"), "");
    for (int i = 0; i < 500 && !atomic_load(&n_logged); i++) usleep(10000);
    ck_assert_ptr_nonnull(strstr(logged, "test worker 3 (pid "));
    ck_assert_ptr_nonnull(strstr(logged, ") ended by itself: exit status 3"));
}
END_TEST

START_TEST(a_worker_that_is_done_is_not)
{
    ck_assert_str_eq(start("0"), "");
    usleep(300000);
    ck_assert_int_eq(atomic_load(&n_logged), 0);
    ck_assert_str_eq(start("0"), "");
}
END_TEST

/* Waits for its request, keeps it in FILE.taken and then sleeps. */
static bm_spare_worker spare_worker(const char *file)
{
    const char **argv = BM_NEW_ARRAY(&arena, const char *, 5);
    argv[0] = "sh";
    argv[1] = "-c";
    argv[2] = "until [ -f $0 ]; do sleep 0.02; done; mv $0 $0.taken; exec sleep 100";
    argv[3] = file;
    return (bm_spare_worker){ argv, NULL, file };
}

START_TEST(a_spare_worker_takes_the_first_request)
{
    char folder[] = "/tmp/spare-XXXXXX", text[200] = "";
    ck_assert_ptr_nonnull(mkdtemp(folder));
    const char *file = bm_format(&arena, "%s/handover", folder);
    const char *taken = bm_format(&arena, "%s.taken", file);
    bm_spare_worker spare = spare_worker(file);
    bm_process_pool_spare(processes, &spare);
    open_pool();
    ck_assert_str_eq(start("sleep-1"), "");
    ck_assert_str_eq(start("sleep-1"), "a test worker with id sleep-1 runs already");
    ck_assert_str_eq(start("sleep-2"), ""); /* by its command */
    FILE *f = NULL;
    for (int i = 0; i < 500 && !(f = fopen(taken, "r")); i++) usleep(10000);
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_gt(fread(text, 1, sizeof text - 1, f), 0);
    fclose(f);
    ck_assert_str_eq(text, "--id=sleep-1\n--provision_endpoint=localhost:1234\n");
    ck_assert_str_eq(stop("sleep-1"), "");
    ck_assert_int_eq(atomic_load(&n_logged), 0);
    unlink(taken);
    rmdir(folder);
}
END_TEST

START_TEST(a_spare_worker_that_dies_is_not_missed)
{
    const char *argv[] = { "false", NULL };
    bm_spare_worker spare = { argv, NULL, "/nowhere/handover" };
    bm_process_pool_spare(processes, &spare);
    open_pool();
    usleep(200000);
    ck_assert_str_eq(start("sleep"), "");
    ck_assert_int_eq(atomic_load(&n_logged), 0);
}
END_TEST

START_TEST(failures_reach_the_caller)
{
    Pb__StartWorkerRequest request = PB__START_WORKER_REQUEST__INIT;
    request.worker_id = bm_pb_text("1");
    ck_assert_str_eq(call(SERVICE "StartWorker", &request.base), "no provision endpoint");
}
END_TEST

START_TEST(a_request_without_id_is_refused)
{
    beam_span bytes;
    beam_error err;
    Pb__StartWorkerRequest request = PB__START_WORKER_REQUEST__INIT;
    ck_assert_int_ne(bm_call(channel, SERVICE "StartWorker",
                             bm_pb_pack(&arena, &request.base), 10000, &arena, &bytes,
                             &err),
                     BEAM_OK);
    ck_assert_ptr_nonnull(strstr(err.message, "no worker_id"));
    beam_span junk = { "\xff\xff\xff", 3 };
    ck_assert_int_ne(bm_call(channel, SERVICE "StopWorker", junk, 10000, &arena, &bytes,
                             &err),
                     BEAM_OK);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("worker_pool");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, starts_and_stops);
    tcase_add_test(tests, an_id_runs_once);
    tcase_add_test(tests, a_worker_that_dies_is_told);
    tcase_add_test(tests, a_worker_that_is_done_is_not);
    tcase_add_test(tests, failures_reach_the_caller);
    tcase_add_test(tests, a_request_without_id_is_refused);
    TCase *spares = tcase_create("spare workers");
    tcase_add_checked_fixture(spares, set_up_processes, teardown);
    tcase_add_test(spares, a_spare_worker_takes_the_first_request);
    tcase_add_test(spares, a_spare_worker_that_dies_is_not_missed);
    Suite *suite = suite_create("job/worker_pool");
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, spares);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
