/* SPDX-License-Identifier: Apache-2.0 */
/* Failures in a log that grows. */
#include "job/log_tail.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/run_tests.h"

#define MARK "SEVERE: Exception while trying to handle InstructionRequest "
static char path[40], text[500];
static FILE *log_file;
static bm_log_tail tail;

static void begin(void)
{
    strcpy(path, "/tmp/log-tail-test-XXXXXX");
    log_file = fdopen(mkstemp(path), "w");
    bm_log_tail_open(&tail, path);
}

static void end(void)
{
    bm_log_tail_close(&tail);
    fclose(log_file);
    remove(path);
}

static void append(const char *lines)
{
    fputs(lines, log_file);
    fflush(log_file);
}

static void nothing(void)
{
    ck_assert(!bm_log_tail_failure(&tail, text, sizeof text));
}

static void says(const char *expected)
{
    ck_assert(bm_log_tail_failure(&tail, text, sizeof text));
    ck_assert_str_eq(text, expected);
}

START_TEST(with_its_deepest_cause)
{
    begin();
    nothing();
    append("INFO: well\n" MARK "1 a.b.UserCodeException: a.KafkaException: no producer\n"
           "\tat a.b(C.java:1)\n\tSuppressed: a.E: other\n"
           "Caused by: a.KafkaException: no client\n\tat a.b(C.java:1)\n"
           "Caused by: a.IllegalArgumentException: no JAAS entry: is there any?\n"
           "\t... 2 more\nINFO: go on\n");
    says("no producer: no JAAS entry: is there any?");
    nothing();
    append(MARK "2 a.E: one\n" MARK "22 a.E: two\nCaused by: a.E: two\nINFO: go on\n");
    says("one");
    says("two");
    nothing();
    end();
}
END_TEST

/* A line, or a trace, that is not whole yet. */
START_TEST(parts)
{
    begin();
    append("SEVERE: Exception while trying to handle Inst");
    nothing();
    append("ructionRequest 7 a.E: first");
    nothing();
    append("\n");
    nothing(); /* more may come */
    append("Caused by: a.E: deep");
    says("first");
    append("er\n" MARK "8 a.E: second\n");
    nothing();
    append("Caused by: a.E: deep\n");
    nothing();
    says("second: deep");
    nothing();
    end();
}
END_TEST

START_TEST(long_lines)
{
    begin();
    char line[5000];
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    append(line);
    nothing();
    append("\n" MARK "1 a.E: short\nCaused by: a.E: ");
    append(line);
    append("\nINFO: go on\n");
    ck_assert(bm_log_tail_failure(&tail, text, sizeof text));
    ck_assert(strlen(text) < 400 && !strncmp(text, "short: xxx", 10));
    append(MARK "1 ");
    append(line);
    append(MARK "2\n" MARK "\n");
    ck_assert(bm_log_tail_failure(&tail, text, sizeof text));
    says("");
    nothing();
    end();
}
END_TEST

START_TEST(no_log)
{
    bm_log_tail_open(&tail, NULL);
    nothing();
    bm_log_tail_close(&tail);
    bm_log_tail_open(&tail, "/nowhere/log");
    nothing();
    bm_log_tail_close(&tail);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { with_its_deepest_cause, parts, long_lines, no_log };
    return RUN_TESTS("log_tail", tests);
}
