/* SPDX-License-Identifier: Apache-2.0 */
/* beam_log_with(), by way of the log stream and the local runner to stderr. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/run_tests.h"
#include "beam/beam.h"
#include "beam/testing.h"

static beam_status log_fields(beam_ctx *c, beam_value in)
{
    beam_log_field many[40];
    for (int i = 0; i < 40; i++) many[i] = (beam_log_field){ "n", beam_int64(1) };
    many[31] = (beam_log_field){ "last", beam_int64(2) };
    many[32] = (beam_log_field){ "late", beam_int64(3) };
    const beam_log_field fields[] = {
        { "bytes", in },
        { "file", beam_string(beam_span_of("a b")) },
        { "rate", beam_double(0.5) },
        { "done", beam_bool(true) },
        { "bad name", in },
        { "n2", in },
        { "", in },
        { NULL, in },
        { "raw", beam_bytes(beam_span_of("x")) },
        { "null", beam_null() },
    };
    beam_log_with(c, BEAM_LOG_INFO, fields, BEAM_COUNT(fields), "read %d of %d", 1, 2);
    beam_log_with(c, BEAM_LOG_INFO, many, BEAM_COUNT(many), "many");
    beam_log_with(c, BEAM_LOG_INFO, NULL, 0, "no fields");
    beam_log_with(c, BEAM_LOG_DEBUG, fields, 1, "unwanted");
    return BEAM_OK;
}
static const beam_dofn log_fn = { .name = "test.log",
                                  .in = BEAM_INT64,
                                  .process = log_fields };

static char captured[4096];

static void run_captured(beam_pipeline *p)
{
    FILE *file = tmpfile();
    int before = dup(2);
    fflush(stderr);
    dup2(fileno(file), 2);
    beam_error err = { 0 };
    beam_status status = beam_test_run(p, .local = true, .log_level = BEAM_LOG_INFO,
                                       .err = &err);
    fflush(stderr);
    dup2(before, 2);
    close(before);
    ssize_t n = pread(fileno(file), captured, sizeof captured - 1, 0);
    captured[n > 0 ? n : 0] = '\0';
    fclose(file);
    ck_assert_msg(status == BEAM_OK, "%s", err.message);
}

static void expect_line(const char *text, bool is_there)
{
    ck_assert_msg((strstr(captured, text) != NULL) == is_there, "'%s' in\n%s", text,
                  captured);
}

/* A Struct has no order. */
START_TEST(fields_follow_the_text)
{
    beam_pipeline *p = beam_pipeline_new();
    const beam_value one = beam_int64(17);
    beam_par_do(beam_create(p, "In", BEAM_INT64, &one, 1), "Log", &log_fn);
    run_captured(p);
    beam_pipeline_free(p);
    expect_line("INFO  [Log] read 1 of 2 ", true);
    expect_line(" bytes=17", true);
    expect_line(" file=\"a b\"", true);
    expect_line(" rate=0.5", true);
    expect_line(" done=true", true);
    static const char *const left_out[] = { "bad name", "n2",   " =",      "raw",
                                            "null",     "late", "unwanted" };
    for (size_t i = 0; i < BEAM_COUNT(left_out); i++) expect_line(left_out[i], false);
    expect_line(" last=2", true);
    expect_line("INFO  [Log] no fields\n", true);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { fields_follow_the_text };
    return RUN_TESTS("program/log_fields", tests);
}
