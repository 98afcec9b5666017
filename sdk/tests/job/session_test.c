/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of a run: where they are, that they go, that strays and old logs go too. */
#include "job/session.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char home[] = "/tmp/session-test-XXXXXX";
static bm_session session;
static beam_error err;

static void setup(void)
{
    ck_assert_ptr_nonnull(mkdtemp(home));
    setenv("BEAM_C_STATE", home, 1);
    setenv("BEAM_C_CACHE", "/cache", 1);
    session = (bm_session){ 0 };
    ck_assert_int_eq(bm_session_init(&session, "my prog", &bm_log_stderr, &err), BEAM_OK);
}

static void teardown(void)
{
    bm_session_free(&session);
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", home);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(folders)
{
    const char *path;
    ck_assert_str_eq(session.java_dir, "/cache/java/beam-" BM_JAVA_BEAM_VERSION);
    ck_assert_int_eq(bm_session_log_path(&session, &session.arena, "java-worker-job[x]/1",
                                         &path, &err),
                     BEAM_OK);
    ck_assert_ptr_nonnull(strstr(path, "/logs/jobs/my_prog-"));
    ck_assert_str_eq(strrchr(path, '/'), "/java-worker-job_x__1.log");
    ck_assert_int_eq(access(session.logs_dir, F_OK), 0);
}
END_TEST

START_TEST(scratch_goes_with_the_session)
{
    const char *path;
    char file[4096], kept[4096];
    ck_assert_int_eq(bm_session_scratch(&session, "tmp/deep", &path, &err), BEAM_OK);
    snprintf(file, sizeof file, "%s/file", path);
    fclose(fopen(file, "w"));
    snprintf(kept, sizeof kept, "%s", session.scratch_dir);
    bm_session_free(&session);
    ck_assert_int_ne(access(kept, F_OK), 0);
    session = (bm_session){ 0 };
}
END_TEST

START_TEST(strays_of_killed_runs_go)
{
    const char *path;
    char stray[4096], live[4096];
    pid_t pid = fork();
    if (!pid) _exit(0);
    waitpid(pid, NULL, 0);
    snprintf(stray, sizeof stray, "%s/run", home);
    mkdir(stray, 0755);
    snprintf(stray, sizeof stray, "%s/run/prog-1-2-%d", home, (int)pid);
    snprintf(live, sizeof live, "%s/run/prog-1-2-%d", home, (int)getppid());
    mkdir(stray, 0755);
    mkdir(live, 0755);
    ck_assert_int_eq(bm_session_scratch(&session, "tmp", &path, &err), BEAM_OK);
    ck_assert_int_ne(access(stray, F_OK), 0);
    ck_assert_int_eq(access(live, F_OK), 0);
}
END_TEST

START_TEST(old_logs_go)
{
    const char *path;
    char command[500];
    snprintf(
        command, sizeof command,
        "mkdir -p %s/logs/jobs && cd %s/logs/jobs && for i in $(seq 10 60); do mkdir "
        "z-20250101-0000$i-1; done",
        home, home);
    ck_assert_int_eq(system(command), 0);
    ck_assert_int_eq(bm_session_log_path(&session, &session.arena, "x", &path, &err),
                     BEAM_OK);
    snprintf(command, sizeof command, "%s/logs/jobs/z-20250101-000010-1", home);
    ck_assert_int_ne(access(command, F_OK), 0);
    snprintf(command, sizeof command, "%s/logs/jobs/z-20250101-000060-1", home);
    ck_assert_int_eq(access(command, F_OK), 0);
    ck_assert_int_eq(access(session.logs_dir, F_OK), 0);
}
END_TEST

START_TEST(a_folder_that_cannot_be_made)
{
    const char *path;
    session.logs_dir = "/proc/nothing/here";
    ck_assert_int_eq(bm_session_log_path(&session, &session.arena, "x", &path, &err),
                     BEAM_EIO);
    ck_assert_ptr_nonnull(strstr(err.message, "cannot make the folder /proc/nothing"));
}
END_TEST

START_TEST(free_ports_differ)
{
    int a, b;
    ck_assert_int_eq(bm_free_port(&a, &err), BEAM_OK);
    ck_assert_int_eq(bm_free_port(&b, &err), BEAM_OK);
    ck_assert_int_gt(a, 0);
    ck_assert_int_gt(b, 0);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("session");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, folders);
    tcase_add_test(tests, scratch_goes_with_the_session);
    tcase_add_test(tests, strays_of_killed_runs_go);
    tcase_add_test(tests, old_logs_go);
    tcase_add_test(tests, a_folder_that_cannot_be_made);
    tcase_add_test(tests, free_ports_differ);
    Suite *suite = suite_create("job/session");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
