/* SPDX-License-Identifier: Apache-2.0 */
/* Signals of a process, in children of the test. */
#include "program/signals.h"

#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program/crash.h"

enum { EXIT_SECOND = 42 };

/* What the child says goes into a pipe. */
static int words;

static void say(const char *text)
{
    if (write(words, text, strlen(text)) < 0) _exit(1);
}

static void on_first(void *self)
{
    say(self);
}

static void on_crash(void *self, int signal_number, int thread, const char *trace)
{
    char text[60];
    snprintf(text, sizeof text, "%s %d %d\n", (const char *)self, signal_number, thread);
    say(text);
    say(trace);
}

/* Runs the child; what it said is in `said`. Its wait status. */
static int run(void (*child)(void), char *said, size_t size)
{
    int ends[2], status;
    ck_assert(!pipe(ends));
    pid_t pid = fork();
    if (!pid) {
        words = ends[1];
        child();
        _exit(0);
    }
    close(ends[1]);
    ssize_t n = 0;
    for (ssize_t more; (more = read(ends[0], said + n, size - 1 - (size_t)n)) > 0;)
        n += more;
    said[n] = '\0';
    close(ends[0]);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

static void start(bm_signals **signals)
{
    static char self[] = "self";
    const bm_signal_handler handler = { on_first, on_crash, self };
    if (bm_signals_start(&handler, EXIT_SECOND, signals, NULL)) _exit(1);
}

static void *be_aborted(void *arg)
{
    (void)arg;
    char text[30];
    snprintf(text, sizeof text, "in %d: ", (int)gettid());
    say(text);
    abort();
}

static void crash(void)
{
    pthread_t thread;
    bm_signals *signals;
    start(&signals);
    if (pthread_create(&thread, NULL, be_aborted, NULL)) _exit(1);
    pthread_join(thread, NULL);
}

START_TEST(log_03_a_crash_is_told_by_another_thread)
{
    char said[8000], want[200];
    int status = run(crash, said, sizeof said);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGABRT);
    int thread = 0;
    ck_assert_int_eq(sscanf(said, "in %d:", &thread), 1);
    snprintf(want, sizeof want, "in %d: self %d %d\n", thread, SIGABRT, thread);
    ck_assert_msg(!strncmp(said, want, strlen(want)), "%s", said);
    const char *trace = said + strlen(want);
    ck_assert_msg(!strstr(trace, "restore_rt"), "%s", trace);
    ck_assert_msg(strstr(trace, "\nabort+0x"), "%s", trace);
    ck_assert_msg(strstr(trace, "test_sdk_program_signals+0x"), "%s", trace);
}
END_TEST

START_TEST(a_trace_is_cut_where_a_line_does_not_fit)
{
    char text[200], all[200];
    int here;
    bm_crash crash = { .n_frames = 4 };
    crash.frames[2] = &here; /* of no file */
    crash.frames[3] = &here;
    bm_crash_trace(&crash, all, sizeof all);
    size_t line = strcspn(all, "\n") + 1;
    ck_assert_uint_eq(strlen(all), 2 * line);
    for (size_t size = 1; size <= 2 * line + 1; size++) {
        memset(text, '!', sizeof text);
        bm_crash_trace(&crash, text, size);
        ck_assert_uint_eq(strlen(text), (size - 1) / line * line);
        ck_assert_int_eq(text[size], '!');
    }
}
END_TEST

static void crash_when_over(void)
{
    bm_signals *signals;
    start(&signals);
    bm_signals_free(signals);
    abort();
}

START_TEST(afterwards_crashes_are_as_before)
{
    char said[200];
    int status = run(crash_when_over, said, sizeof said);
    ck_assert_int_eq(WTERMSIG(status), SIGABRT);
    ck_assert_str_eq(said, "");
}
END_TEST

static void terminate(void)
{
    bm_signals *signals;
    start(&signals);
    kill(getpid(), SIGTERM);
    usleep(400 * 1000);
    kill(getpid(), SIGINT);
    usleep(10 * 1000 * 1000);
}

START_TEST(the_second_signal_ends_the_process)
{
    char said[200];
    int status = run(terminate, said, sizeof said);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), EXIT_SECOND);
    ck_assert_str_eq(said, "self");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("signals");
    TCase *tests = tcase_create("signals");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, log_03_a_crash_is_told_by_another_thread);
    tcase_add_test(tests, a_trace_is_cut_where_a_line_does_not_fit);
    tcase_add_test(tests, afterwards_crashes_are_as_before);
    tcase_add_test(tests, the_second_signal_ends_the_process);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
