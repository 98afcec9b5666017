/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes: start, end, stop, and that none is left behind. */
#include "job/child.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bm_child *start(const char *const *argv, const char *log)
{
    beam_error err;
    bm_child *child;
    ck_assert_int_eq(bm_child_start(&(bm_child_opts){ .argv = argv, .log_path = log },
                                    &child, &err),
                     BEAM_OK);
    return child;
}

START_TEST(tells_how_it_ended)
{
    bm_child *child = start((const char *[]){ "sh", "-c", "exit 3", NULL }, NULL);
    ck_assert(bm_child_wait(child, 10000));
    ck_assert_str_eq(bm_child_end_text(child), "exit status 3");
    bm_child_free(child);
}
END_TEST

START_TEST(a_missing_program_is_an_error)
{
    beam_error err;
    bm_child *child;
    const char *argv[] = { "/nowhere/at-all", NULL };
    ck_assert_int_eq(bm_child_start(&(bm_child_opts){ .argv = argv }, &child, &err),
                     BEAM_EIO);
    ck_assert_ptr_null(child);
    ck_assert_str_eq(err.message,
                     "cannot start /nowhere/at-all: No such file or directory");
}
END_TEST

START_TEST(stop_terminates)
{
    bm_child *child = start((const char *[]){ "sleep", "100", NULL }, NULL);
    ck_assert(!bm_child_wait(child, 20));
    bm_child_stop(child, 5000);
    ck_assert_str_eq(bm_child_end_text(child), "signal 15 (Terminated)");
    bm_child_free(child);
}
END_TEST

START_TEST(stop_kills_what_does_not_listen)
{
    bm_child *child = start((const char *[]){ "sh", "-c",
                                              "trap '' TERM; while :; do sleep 1; done",
                                              NULL },
                            NULL);
    usleep(200000);
    bm_child_stop(child, 100);
    ck_assert_str_eq(bm_child_end_text(child), "signal 9 (Killed)");
    bm_child_free(child);
}
END_TEST

START_TEST(free_leaves_nothing)
{
    bm_child *child = start((const char *[]){ "sleep", "100", NULL }, NULL);
    int pid = bm_child_pid(child);
    bm_child_free(child);
    ck_assert_int_eq(kill(pid, 0), -1);
    ck_assert_int_eq(errno, ESRCH);
}
END_TEST

/* We are killed, so that nothing can clean up after us: the kernel has to. */
START_TEST(dies_with_us)
{
    int report[2];
    ck_assert_int_eq(pipe(report), 0);
    pid_t parent = fork();
    if (!parent) {
        bm_child *child = start((const char *[]){ "sleep", "100", NULL }, NULL);
        int pid = bm_child_pid(child);
        if (write(report[1], &pid, sizeof pid) < 0) _exit(1);
        raise(SIGKILL);
    }
    int pid = 0;
    ck_assert_int_eq(read(report[0], &pid, sizeof pid), sizeof pid);
    waitpid(parent, NULL, 0);
    bool there = true;
    for (int i = 0; i < 200 && there; i++) {
        char path[64], state = 'Z';
        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        FILE *stat = fopen(path, "r");
        if (stat && fscanf(stat, "%*d %*s %c", &state) != 1) state = 'Z';
        if (stat) fclose(stat);
        there = stat && state != 'Z';
        usleep(10000);
    }
    ck_assert(!there);
}
END_TEST

static void remember_end(void *self, bm_child *child, bool asked)
{
    (void)child;
    *(int *)self = asked ? 2 : 1;
}

START_TEST(says_when_it_ends_by_itself)
{
    beam_error err;
    bm_child *child;
    int how = 0;
    const char *argv[] = { "true", NULL };
    bm_child_opts opts = { .argv = argv, .on_end = remember_end, .self = &how };
    ck_assert_int_eq(bm_child_start(&opts, &child, &err), BEAM_OK);
    ck_assert(bm_child_wait(child, 10000));
    ck_assert_int_eq(how, 1);
    bm_child_free(child);
}
END_TEST

START_TEST(environment_and_log)
{
    char log[] = "/tmp/child-test-XXXXXX", text[200];
    close(mkstemp(log));
    const char *argv[] = { "sh", "-c",
                           "echo $GREETING; echo 'Caused by: Exception: no'; echo bye",
                           NULL };
    const char *env[] = { "GREETING", "hello", NULL };
    bm_child *child;
    beam_error err;
    bm_child_opts opts = { .argv = argv, .env = env, .log_path = log };
    ck_assert_int_eq(bm_child_start(&opts, &child, &err), BEAM_OK);
    ck_assert(bm_child_wait(child, 10000));
    bm_child_free(child);
    FILE *file = fopen(log, "r");
    ck_assert_ptr_nonnull(fgets(text, sizeof text, file));
    fclose(file);
    ck_assert_str_eq(text, "hello\n");
    bm_log_last_words(log, text, sizeof text);
    ck_assert_str_eq(text, "Caused by: Exception: no");
    remove(log);
}
END_TEST

START_TEST(end_of_a_worker)
{
    char log[] = "/tmp/child-test-XXXXXX", text[200];
    FILE *file = fdopen(mkstemp(log), "w");
    fputs("INFO: all is well\n", file);
    fflush(file);
    bm_log_end_of_worker(log, text, sizeof text);
    ck_assert_str_eq(text, "");
    fputs("12:00 CRITICAL The worker crashes (Aborted) in bundle '1'.\n"
          "12:01 CRITICAL The worker crashes (Segmentation fault) in bundle '6'. \r\n"
          "SEVERE: Exception: CANCELLED\n"
          "SEVERE: Exception while trying to handle InstructionRequest 1 E: no acks \n"
          "\tat a.b(C.java:1)\n", file);
    fclose(file);
    bm_log_failed_bundle(log, text, sizeof text);
    ck_assert_str_eq(text, "Exception while trying to handle InstructionRequest 1 E: no acks");
    bm_log_end_of_worker(log, text, sizeof text);
    ck_assert_str_eq(text, "The worker crashes (Segmentation fault) in bundle '6'.");
    remove(log);
    bm_log_end_of_worker(log, text, sizeof text);
    ck_assert_str_eq(text, "");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("child");
    tcase_add_test(tests, tells_how_it_ended);
    tcase_add_test(tests, a_missing_program_is_an_error);
    tcase_add_test(tests, stop_terminates);
    tcase_add_test(tests, stop_kills_what_does_not_listen);
    tcase_add_test(tests, free_leaves_nothing);
    tcase_add_test(tests, dies_with_us);
    tcase_add_test(tests, says_when_it_ends_by_itself);
    tcase_add_test(tests, environment_and_log);
    tcase_add_test(tests, end_of_a_worker);
    Suite *suite = suite_create("job/child");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
