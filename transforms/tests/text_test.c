/* SPDX-License-Identifier: Apache-2.0 */
/* Text files on the local runner. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beam/beam.h"
#include "beam/testing.h"

#include "../../sdk/tests/base/run_tests.h"

static char folder[] = "/tmp/beam-text-XXXXXX", in_path[64], out_path[64];

static void setup(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(in_path, sizeof in_path, "%s/in", folder);
    snprintf(out_path, sizeof out_path, "%s/out", folder);
}

static void teardown(void)
{
    unlink(in_path);
    unlink(out_path);
    rmdir(folder);
}

static void put(const char *path, const char *bytes, size_t n)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, n, file), n);
    fclose(file);
}

static void get_output(char got[200])
{
    FILE *file = fopen(out_path, "r");
    ck_assert_ptr_nonnull(file);
    got[fread(got, 1, 199, file)] = '\0';
    fclose(file);
}

static void run(beam_pipeline *p)
{
    beam_error err = { 0 };
    ck_assert_msg(!beam_test_run(p, .local = true, .err = &err), "%s", err.message);
}

/* -- read -------------------------------------------------------------------------------------- */
START_TEST(lines)
{
    setup();
    static const char bytes[] = "one\r\n\ncaf\xe9 \xc3\xa9\nlast";
    put(in_path, bytes, sizeof bytes - 1);
    beam_pipeline *p = beam_pipeline_new();
    beam_pcoll *read = beam_text_read(p, "Read", in_path);
    beam_assert_that(read, "Lines", .lines = "\ncaf\xef\xbf\xbd \xc3\xa9\nlast\none");
    run(p);
    ck_assert_int_eq(beam_test_counter(p, "Read/Lines", "lines_not_utf8"), 1);
    beam_pipeline_free(p);
    teardown();
}
END_TEST

/* -- write ------------------------------------------------------------------------------------- */
static beam_status stamp(beam_ctx *c, beam_value line)
{
    return beam_emit_at(c, line, (beam_millis)beam_as_span(line).len * 1000);
}
static const beam_dofn stamp_fn = { .name = "test.stamp", .in = BEAM_STRING,
                                    .out = BEAM_STRING, .process = stamp };

START_TEST(all_windows_are_one_file)
{
    setup();
    static const char *const texts[] = { "a" };
    beam_pipeline *p = beam_pipeline_new();
    beam_pcoll *in = beam_create_strings(p, "Texts", texts, 1);
    beam_pcoll *late = beam_par_do(beam_create_strings(p, "More", (const char *[]){ "three" }, 1),
                                   "Stamp", &stamp_fn);
    beam_pcoll *both[] = { in, late };
    beam_pcoll *all = beam_flatten(p, "All", both, 2);
    beam_text_write(beam_window_into(all, "Seconds", beam_fixed(beam_seconds(1))), "Write",
                    out_path);
    run(p);
    char got[200];
    get_output(got);
    ck_assert_msg(!strcmp(got, "a\nthree\n") || !strcmp(got, "three\na\n"), "%s", got);
    beam_pipeline_free(p);
    teardown();
}
END_TEST

START_TEST(nothing_makes_an_empty_file)
{
    setup();
    put(in_path, "", 0);
    put(out_path, "stale\n", 6);
    beam_pipeline *p = beam_pipeline_new();
    beam_text_write(beam_text_read(p, "Read", in_path), "Write", out_path);
    run(p);
    char got[200];
    get_output(got);
    ck_assert_str_eq(got, "");
    beam_pipeline_free(p);
    teardown();
}
END_TEST

static void write_one(void)
{
    static const char *const texts[] = { "a" };
    beam_pipeline *p = beam_pipeline_new();
    beam_text_write(beam_create_strings(p, "Texts", texts, 1), "Write", out_path);
    run(p);
    beam_pipeline_free(p);
}

/* Nothing takes the place of what is no file: of a pipe, of /dev/null. */
START_TEST(a_pipe_is_written_to)
{
    setup();
    ck_assert_int_eq(mkfifo(out_path, 0600), 0);
    int reader = open(out_path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    write_one();
    char got[10] = "";
    ck_assert_int_eq(read(reader, got, sizeof got), 2);
    ck_assert_str_eq(got, "a\n");
    close(reader);
    teardown();
}
END_TEST

START_TEST(a_link_stays_one)
{
    setup();
    put(in_path, "stale\n", 6);
    ck_assert_int_eq(symlink(in_path, out_path), 0);
    write_one();
    char got[200], target[64] = "";
    ck_assert_int_gt(readlink(out_path, target, sizeof target - 1), 0);
    ck_assert_str_eq(target, in_path);
    get_output(got);
    ck_assert_str_eq(got, "a\n");
    teardown();
}
END_TEST

static beam_pipeline *write_twice(const char *one, const char *other)
{
    static const char *const texts[] = { "a" };
    beam_pipeline *p = beam_pipeline_new();
    beam_pcoll *in = beam_create_strings(p, "Texts", texts, 1);
    beam_scope_begin(p, "Good");
    beam_text_write(in, "Write", one);
    beam_scope_end(p);
    beam_text_write(in, "WriteBad", other);
    return p;
}

START_TEST(a_file_is_that_of_one_step)
{
    beam_pipeline *p = write_twice("out.txt", "out.txt");
    const beam_error *failure = beam_pipeline_error(p);
    ck_assert_ptr_nonnull(failure);
    ck_assert_str_eq(failure->message, "WriteBad: the file 'out.txt' is that of 'Good/Write' "
                                       "already: choose another");
    beam_pipeline_free(p);
    p = write_twice("out.txt", "other.txt");
    ck_assert_ptr_null(beam_pipeline_error(p));
    beam_pipeline_free(p);
    p = write_twice("/dev/null", "/dev/null");
    ck_assert_ptr_null(beam_pipeline_error(p));
    beam_pipeline_free(p);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { lines,
                                   all_windows_are_one_file,
                                   nothing_makes_an_empty_file,
                                   a_pipe_is_written_to,
                                   a_link_stays_one,
                                   a_file_is_that_of_one_step };
    return RUN_TESTS("transforms/text", tests);
}
