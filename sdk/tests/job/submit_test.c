/* SPDX-License-Identifier: Apache-2.0 */
/* What can be said of a job without a runner: root causes, and endpoints that are none. */
#include "job/submit.h"

#include <arpa/inet.h>
#include <check.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct {
    const char *text, *cause;
} causes[] = {
    { "java.lang.RuntimeException: Error received from SDK harness for instruction 3: Words: "
      "DoFn 'words' failed",
      "Words: DoFn 'words' failed" },
    { "java.util.concurrent.ExecutionException: java.lang.IllegalStateException: no such topic",
      "no such topic" },
    { "a.B: outer\n\tat a.B.c(B.java:1)\nCaused by: d.E: inner\n\tat x\nCaused by: f.G: root\n\tat y",
      "root" },
    { "plain text: with a colon", "plain text: with a colon" },
    { "java.lang.NullPointerException", "java.lang.NullPointerException" },
    { "", "" },
};

START_TEST(root_causes)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    ck_assert_str_eq(bm_job_root_cause(&arena, causes[_i].text), causes[_i].cause);
    bm_arena_free(&arena);
}
END_TEST

/* Answers whoever comes with `self`, a body, as HTTP/1; until the socket is shut down. */
static int listening;
static void *answer(void *self)
{
    const char *body = self;
    char request[1000], response[1000];
    int n =
        snprintf(response, sizeof response,
                 "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                 strlen(body), body);
    for (int fd; (fd = accept(listening, NULL, NULL)) >= 0;) {
        if (read(fd, request, sizeof request) > 0) send(fd, response, (size_t)n, MSG_NOSIGNAL);
        close(fd);
    }
    return NULL;
}

static beam_status check(const char *address, beam_error *err)
{
    bm_rpc *rpc = bm_rpc_new();
    beam_status status = bm_job_check_endpoint(rpc, address, err);
    bm_rpc_free(rpc);
    return status;
}

static beam_status check_against(const char *body, beam_error *err)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof address;
    listening = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(listening, (struct sockaddr *)&address, n), 0);
    ck_assert_int_eq(listen(listening, 5), 0);
    getsockname(listening, (struct sockaddr *)&address, &n);
    pthread_t thread;
    pthread_create(&thread, NULL, answer, (void *)(uintptr_t)body);
    char text[40];
    snprintf(text, sizeof text, "127.0.0.1:%d", ntohs(address.sin_port));
    beam_status status = check(text, err);
    shutdown(listening, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listening);
    return status;
}

START_TEST(flinks_rest_port_is_recognised)
{
    beam_error err;
    ck_assert_int_eq(check_against("{\"flink-version\":\"1.19.3\"}", &err), BEAM_ERPC);
    ck_assert_ptr_nonnull(
        strstr(err.message, "is Flink's REST port, not a Beam job service"));
    ck_assert_ptr_nonnull(strstr(err.message, "use --flink_master=127.0.0.1:"));
}
END_TEST

START_TEST(a_web_server_is_no_job_service)
{
    beam_error err;
    ck_assert_int_eq(check_against("hello", &err), BEAM_ERPC);
    ck_assert_ptr_nonnull(
        strstr(err.message, "answers HTTP/1, so it is no Beam job service"));
}
END_TEST

START_TEST(a_grpc_server_will_do)
{
    static const bm_method none[] = { { .name = "/none" } };
    beam_error err;
    bm_rpc *rpc = bm_rpc_new();
    bm_server *server = bm_server_new(rpc, "127.0.0.1:0", none, 1, NULL, &err);
    ck_assert_ptr_nonnull(server);
    char text[40];
    snprintf(text, sizeof text, "127.0.0.1:%d", bm_server_port(server));
    ck_assert_int_eq(bm_job_check_endpoint(rpc, text, &err), BEAM_OK);
    /* libcurl takes 7 MB. A process that valgrind slows down does not connect at once, and asks
     * by HTTP too. */
    if (!getenv("CK_TIMEOUT_MULTIPLIER"))
        ck_assert_ptr_null(dlopen("libcurl.so.4", RTLD_NOW | RTLD_NOLOAD));
    bm_server_free(server);
    bm_rpc_free(rpc);
}
END_TEST

START_TEST(nobody_there)
{
    beam_error err;
    ck_assert_int_eq(check("localhost:1", &err), BEAM_ERPC);
    ck_assert_ptr_nonnull(
        strstr(err.message, "no Beam job service answers at localhost:1"));
}
END_TEST

START_TEST(states)
{
    ck_assert_str_eq(bm_job_state_text(BM_JOB_CANCELLING), "CANCELLING");
    ck_assert_str_eq(bm_job_state_text((bm_job_state)99), "UNKNOWN");
    ck_assert(bm_job_state_is_final(BM_JOB_FAILED));
    ck_assert(!bm_job_state_is_final(BM_JOB_CANCELLING));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("submit");
    tcase_add_loop_test(tests, root_causes, 0, (int)BEAM_COUNT(causes));
    tcase_add_test(tests, flinks_rest_port_is_recognised);
    tcase_add_test(tests, a_web_server_is_no_job_service);
    tcase_add_test(tests, a_grpc_server_will_do);
    tcase_add_test(tests, nobody_there);
    tcase_add_test(tests, states);
    Suite *suite = suite_create("job/submit");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
