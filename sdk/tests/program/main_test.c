/* SPDX-License-Identifier: Apache-2.0 */
/* beam_main() in children of the test: how it ends, and what it says. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/run_tests.h"
#include "beam/beam.h"

static int64_t go_deeper(const volatile int64_t *depth)
{
    volatile int64_t here = *depth + 1;
    return here > 0 ? go_deeper(&here) + here : 0;
}

static beam_status end(beam_ctx *c, beam_value in)
{
    int64_t depth = 0;
    if (beam_as_int64(in) == 2) abort();
    if (beam_as_int64(in) == 3) return beam_emit(c, beam_int64(go_deeper(&depth)));
    return beam_fail(c, BEAM_EUSER, "no luck with %lld", (long long)beam_as_int64(in));
}
static const beam_dofn end_fn = { .name = "test.end",
                                  .in = BEAM_INT64,
                                  .out = BEAM_INT64,
                                  .process = end };
static const beam_dofn *const dofns[] = { &end_fn };

static void end_with(beam_pipeline *p, int64_t number)
{
    const beam_value values[] = { beam_int64(number) };
    beam_par_do(beam_create(p, "In", BEAM_INT64, values, 1), "Ends", &end_fn);
}

static void build_failing(beam_pipeline *p, const void *flags)
{
    (void)flags;
    end_with(p, 1);
}

static void build_crashing(beam_pipeline *p, const void *flags)
{
    (void)flags;
    end_with(p, 2);
}

static void build_recursing(beam_pipeline *p, const void *flags)
{
    (void)flags;
    end_with(p, 3);
}

static void build_fine(beam_pipeline *p, const void *flags)
{
    (void)flags;
    beam_impulse(p, "In");
}

/* Runs a program on the local runner, with one more flag or NULL; its wait status, and in
 * `said` its stderr. */
static int run_with(void (*build)(beam_pipeline *p, const void *flags), const char *flag,
                    char *said, size_t size)
{
    int ends[2], status;
    ck_assert(!pipe(ends));
    pid_t pid = fork();
    if (!pid) {
        char name[] = "test", runner[] = "--runner=local";
        char *argv[] = { name, runner, (char *)(uintptr_t)flag, NULL };
        const beam_program program = { .name = name, .dofns = BEAM_TABLE(dofns), .build = build };
        dup2(ends[1], STDERR_FILENO);
        _exit(beam_main(&program, flag ? 3 : 2, argv));
    }
    close(ends[1]);
    size_t len = 0;
    for (ssize_t n; (n = read(ends[0], said + len, size - 1 - len)) > 0;) len += (size_t)n;
    said[len] = '\0';
    close(ends[0]);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

static int run(void (*build)(beam_pipeline *p, const void *flags), char *said, size_t size)
{
    return run_with(build, NULL, said, size);
}

static int count(const char *text, const char *part)
{
    int n = 0;
    while ((text = strstr(text, part))) n++, text++;
    return n;
}

START_TEST(nothing_to_build)
{
    char said[4000];
    int status = run(NULL, said, sizeof said);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status));
    ck_assert_str_eq(said, "test: the beam_program has no .build, the function that adds the "
                           "steps\n");
}
END_TEST

/* By the job; the bundle says it with --log_level=DEBUG only. */
START_TEST(a_failure_is_told_once)
{
    char said[4000];
    int status = run(build_failing, said, sizeof said);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    ck_assert_msg(count(said, "no luck with 1") == 1, "%s", said);
}
END_TEST

START_TEST(a_worker_without_an_address)
{
    char said[4000];
    int status = run_with(build_failing, "--worker", said, sizeof said);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 2);
    ck_assert_ptr_nonnull(strstr(said, "a worker needs --id"));
}
END_TEST

START_TEST(a_crash_names_the_transform)
{
    char said[12000];
    int status = run(build_crashing, said, sizeof said);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    ck_assert_msg(count(said, "in user code of transform 'Ends'.\n    ") == 1, "%s",
                  said); /* its trace follows */
}
END_TEST

/* Sanitizers tell of it themselves. */
static bool is_handled(int signal_number)
{
    struct sigaction now;
    return !sigaction(signal_number, NULL, &now) && now.sa_handler != SIG_DFL;
}

START_TEST(a_stack_that_is_used_up_names_the_transform)
{
    if (is_handled(SIGSEGV)) return;
    char said[12000];
    int status = run(build_recursing, said, sizeof said);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    ck_assert_msg(count(said, "The worker crashes (Segmentation fault) in bundle '") == 1, "%s",
                  said);
    ck_assert_msg(count(said, "in user code of transform 'Ends'.\n    ") == 1, "%s", said);
    ck_assert_msg(count(said, "test_sdk_program_main+0x") > 10, "%s", said);
}
END_TEST

/* Where it cannot be written, no bundle runs. */
START_TEST(metrics_that_cannot_be_written_are_told_first)
{
    char said[4000];
    int status = run_with(build_failing, "--metrics_json=/no/such/folder/m", said,
                          sizeof said);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 2, "%s", said);
    ck_assert_msg(strstr(said, "--metrics_json: '/no/such/folder/m' cannot be written: No "
                               "such file or directory\n"),
                  "%s", said);
    ck_assert_msg(!strstr(said, "no luck"), "%s", said);
    status = run_with(build_failing, "--metrics_json=/tmp", said, sizeof said);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 2, "%s", said);
    ck_assert_msg(strstr(said, "'/tmp' cannot be written: Is a directory"), "%s", said);
}
END_TEST

START_TEST(metrics_that_could_not_be_written_are_a_failure)
{
    char said[4000];
    int status = run_with(build_fine, "--metrics_json=/dev/full", said, sizeof said);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 1, "%s", said);
    ck_assert_msg(strstr(said, "cannot write the metrics to /dev/full"), "%s", said);
}
END_TEST

START_TEST(metrics_are_written)
{
    char path[] = "/tmp/main-test.XXXXXX", flag[64], said[4000], text[4] = "";
    int fd = mkstemp(path);
    ck_assert_int_eq(write(fd, "old", 3), 3);
    snprintf(flag, sizeof flag, "--metrics_json=%s", path);
    int status = run_with(build_fine, flag, said, sizeof said);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s", said);
    ck_assert_int_ge(pread(fd, text, 1, 0), 1);
    ck_assert_str_eq(text, "[");
    close(fd);
    unlink(path);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { nothing_to_build,
                                   a_failure_is_told_once,
                                   a_worker_without_an_address,
                                   a_crash_names_the_transform,
                                   a_stack_that_is_used_up_names_the_transform,
                                   metrics_that_cannot_be_written_are_told_first,
                                   metrics_that_could_not_be_written_are_a_failure,
                                   metrics_are_written };
    return RUN_TESTS("program/main", tests);
}
