/* SPDX-License-Identifier: Apache-2.0 */
/* model_tests: runs the model tests as one job and compares what they wrote.
 *
 *     model_tests --results=model.tsv [--test=NAME|PREFIX*] [--part=K/N] [--in_pipeline]
 *     [any flag of a Beam program]
 *
 * With --in_pipeline the job compares, by assertions, and fails as a whole: workers need no
 * folder in common with this process.
 *
 * Ends with the line "N passed, N failed"; exit status 0 only if none failed. As a worker
 * (--worker, --id ...) it serves the tests' DoFns like any program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beam/testing.h"

#include "shared.h"

static const model_suite *const suites[] = { &par_do_suite,     &grouping_suite,
                                             &combine_suite,    &windowing_suite,
                                             &side_input_suite, &splittable_suite,
                                             &state_suite,      &custom_windows_suite,
                                             &derived_suite,    &failures_suite,
                                             &rare_suite };

struct flags {
    const char *output_dir, *test, *part, *results;
    bool in_pipeline;
};

/* Set once, at the start. */
static bool is_streaming;
static unsigned part = 1, parts = 1;

/* `at` is the test's place among all. */
static bool is_chosen(const char *chosen, const model_test *test, size_t at)
{
    if (at % parts != part - 1) return false;
    if (test->is_unbounded && !is_streaming) return false;
    if (test->is_batch && is_streaming) return false;
    size_t n = strlen(chosen);
    if (n && chosen[n - 1] == '*') return !strncmp(chosen, test->name, n - 1);
    if (!n) return strncmp(test->name, "rare_", 5) != 0;
    return !strcmp(chosen, test->name);
}

static void finish(beam_pcoll *lines, const model_test *test, const struct flags *f)
{
    beam_pipeline *p = beam_pcoll_pipeline(lines);
    if (!f->in_pipeline)
        beam_text_write(lines, "Write",
                        beam_pipeline_format(p, "%s/%s", f->output_dir, test->name));
    else if (*test->expected)
        beam_assert_that(lines, "Lines", .lines = test->expected);
    else
        beam_assert_that(lines, "Lines", .empty = true);
}

static void build(beam_pipeline *p, const void *flags)
{
    const struct flags *f = flags;
    for (size_t s = 0; s < BEAM_COUNT(suites); s++) {
        for (size_t i = 0; i < suites[s]->n; i++) {
            const model_test *test = &suites[s]->tests[i];
            if (!is_chosen(f->test, test, s + i)) continue;
            beam_scope_begin(p, test->name);
            finish(test->build(p), test, f);
            beam_scope_end(p);
        }
    }
}

/* -- comparing ------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The file's lines, sorted, as one text; NULL when it is not there. */
static char *sorted_lines(const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file) return NULL;
    char **lines = NULL, *line = NULL;
    size_t n = 0, size = 1, capacity = 0;
    while (getline(&line, &capacity, file) >= 0) {
        lines = realloc(lines, (n + 1) * sizeof *lines);
        lines[n++] = line;
        size += strlen(line);
        line = NULL;
        capacity = 0;
    }
    free(line);
    fclose(file);
    if (n) qsort(lines, n, sizeof *lines, by_text);
    char *text = calloc(1, size);
    for (size_t i = 0; i < n; i++) {
        strcat(text, lines[i]);
        free(lines[i]);
    }
    free(lines);
    return text;
}

static bool compare(const char *dir, const model_test *test)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, test->name);
    char *got = sorted_lines(path);
    /* No element at all writes no file. */
    const char *text = got ? got : "";
    bool good = !strcmp(text, test->expected);
    if (!good)
        printf("%s: expected:\n%s  got:\n%s", test->name, test->expected,
               got ? got : "(no output)\n");
    free(got);
    unlink(path);
    return good;
}

static bool report_test(const model_test *test, bool good, FILE *results)
{
    printf("%s %s\n", good ? "ok  " : "FAIL", test->name);
    if (results) fprintf(results, "model\t%s\t%s\n", test->name, good ? "pass" : "fail");
    return good;
}

/* The value of --name=value, or "". */
static const char *flag_value(int argc, char **argv, const char *name)
{
    size_t n = strlen(name);
    for (int i = 1; i < argc; i++)
        if (!strncmp(argv[i], name, n) && argv[i][n] == '=') return argv[i] + n + 1;
    return "";
}

static bool runs_a_job(int argc, char **argv)
{
    static const char *const others[] = { "--worker",       "--id",
                                          "--help",         "--version",
                                          "--runner=print", "--runner=dot",
                                          "--runner=check" };
    for (int i = 1; i < argc; i++)
        for (size_t k = 0; k < BEAM_COUNT(others); k++)
            if (!strncmp(argv[i], others[k], strlen(others[k]))) return false;
    return true;
}

static bool has_flag(int argc, char **argv, const char *flag)
{
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], flag)) return true;
    return false;
}

/* After a job that succeeded. */
static int report(int argc, char **argv, const char *dir)
{
    bool compared = has_flag(argc, argv, "--in_pipeline");
    const char *chosen = flag_value(argc, argv, "--test");
    const char *tsv = flag_value(argc, argv, "--results");
    FILE *results = *tsv ? fopen(tsv, "w") : NULL;
    int passed = 0, failed = 0;
    for (size_t s = 0; s < BEAM_COUNT(suites); s++) {
        for (size_t i = 0; i < suites[s]->n; i++) {
            const model_test *test = &suites[s]->tests[i];
            if (!is_chosen(chosen, test, s + i)) continue;
            if (report_test(test, compared || compare(dir, test), results))
                passed++;
            else
                failed++;
        }
    }
    if (results) fclose(results);
    printf("%d passed, %d failed\n", passed, failed);
    return failed || !passed;
}

static const beam_flag flags[] = {
    BEAM_TEXT_FLAG(struct flags, output_dir, "", "folder for the tests' output"),
    BEAM_TEXT_FLAG(struct flags, test, "", "the test to run, or PREFIX*; empty: all"),
    BEAM_TEXT_FLAG(struct flags, part, "", "K/N: the K-th of N parts of the tests"),
    BEAM_BOOL_FLAG(struct flags, in_pipeline, "false",
                   "the job itself compares, and fails as a whole"),
    BEAM_TEXT_FLAG(struct flags, results, "", "file for the results as TSV"),
};

static const beam_dofn *dofns[256] = { &value_seconds_fn, &to_text_fn,
                                       &windowed_text_fn };
static const beam_combine *combines[64];

int main(int argc, char **argv)
{
    is_streaming = has_flag(argc, argv, "--streaming");
    const char *wanted = flag_value(argc, argv, "--part");
    if (*wanted &&
        (sscanf(wanted, "%u/%u", &part, &parts) != 2 || !part || part > parts)) {
        fprintf(stderr, "model_tests: --part=%s: give it as 2/3, the second of three\n",
                wanted);
        return 2;
    }
    size_t n_dofns = 3, n_combines = 0;
    for (size_t s = 0; s < BEAM_COUNT(suites); s++) {
        for (size_t i = 0; i < suites[s]->n_dofns; i++)
            dofns[n_dofns++] = suites[s]->dofns[i];
        for (size_t i = 0; i < suites[s]->n_combines; i++)
            combines[n_combines++] = suites[s]->combines[i];
    }
    const beam_program program = {
        .name = "model_tests",
        .summary = "tests of the Beam model on a real runner",
        .flags = BEAM_TABLE(flags),
        .flags_size = sizeof(struct flags),
        .dofns = { dofns, n_dofns },
        .combines = { combines, n_combines },
        .window_fns = { model_window_fns, n_model_window_fns },
        .build = build,
    };
    if (!runs_a_job(argc, argv)) return beam_main(&program, argc, argv);

    char dir[] = "/tmp/model_tests.XXXXXX", dir_flag[64];
    if (!mkdtemp(dir)) return 1;
    snprintf(dir_flag, sizeof dir_flag, "--output_dir=%s", dir);
    char **args = calloc((size_t)argc + 2, sizeof *args);
    memcpy(args, argv, (size_t)argc * sizeof *args);
    args[argc] = dir_flag;
    int status = beam_main(&program, argc + 1, args);
    free(args);
    if (status == 0) status = report(argc, argv, dir);
    rmdir(dir);
    return status;
}
