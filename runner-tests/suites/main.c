/* SPDX-License-Identifier: Apache-2.0 */
/* beam-suites: runs Beam's own tests, written anew in C, on a runner; --help says how. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batches.h"

static const char help[] =
    "beam-suites - Beam's own tests, written anew in C\n\n"
    "Usage: beam-suites --runner=RUNNER [--flag=value ...]\n\n"
    "  --runner=RUNNER    flink-batch, flink-streaming, prism or local; it is started and\n"
    "                     stopped\n"
    "  --endpoint=ADDR    host:port of such a runner's job service that runs already\n"
    "  --suite=NAME       go, python or java (default: all)\n"
    "  --test=PATTERN     tests by name: TestCoGBK, 'TestTrigger*'\n"
    "  --skips=FILE       tests not to run: suite TAB test TAB reason\n"
    "                     (default: runner-tests/skips/RUNNER.txt of the sources)\n"
    "  --no-skips         run those too\n"
    "  --results=FILE     suite, test, Java category, runner, result, reason; tabs between\n"
    "  --batch=N          tests of a job (default 20)\n"
    "  --jobs=N           jobs side by side (default 2)\n"
    "  --timeout=SECONDS  of a job (default 120)\n"
    "  --prism=PATH       Prism's program (default: that of scripts/get-prism)\n"
    "  --verbose          show what workers say\n"
    "  --list             list the tests: suite, name, Java category, needs\n\n"
    "Ends with the line \"N passed, N failed, N skipped\"; exit status 0 if none failed.\n";

typedef struct flags {
    const char *runner, *endpoint, *suite, *test, *skips, *results, *batch, *jobs,
        *timeout, *prism;
    bool no_skips, list, verbose;
} flags;

/* The text after "--name=", or NULL. */
static bool take(const char *arg, const char *name, const char **value)
{
    size_t n = strlen(name);
    if (strncmp(arg, name, n) != 0 || arg[n] != '=') return false;
    *value = arg + n + 1;
    return true;
}

static bool read_flag(flags *f, const char *arg)
{
    if (!strcmp(arg, "--no-skips")) return f->no_skips = true;
    if (!strcmp(arg, "--list")) return f->list = true;
    if (!strcmp(arg, "--verbose")) return f->verbose = true;
    return take(arg, "--runner", &f->runner) || take(arg, "--endpoint", &f->endpoint) ||
           take(arg, "--suite", &f->suite) || take(arg, "--test", &f->test) ||
           take(arg, "--skips", &f->skips) || take(arg, "--results", &f->results) ||
           take(arg, "--batch", &f->batch) || take(arg, "--jobs", &f->jobs) ||
           take(arg, "--timeout", &f->timeout) || take(arg, "--prism", &f->prism);
}

static bool read_skips(selection *all, const flags *f)
{
    char path[1024];
    snprintf(path, sizeof path, SUITES_SOURCE_DIR "/runner-tests/skips/%s.txt",
             f->runner);
    return f->no_skips || skip_tests(all, f->skips ? f->skips : path);
}

static size_t number(const char *text, size_t initial)
{
    long n = text ? strtol(text, NULL, 10) : 0;
    return n > 0 ? (size_t)n : initial;
}

static int count(const selection *all)
{
    size_t n[4] = { 0 };
    for (size_t i = 0; i < all->n; i++) n[all->at[i].result]++;
    printf("%zu passed, %zu failed, %zu skipped\n", n[PASSED], n[FAILED] + n[NOT_RUN],
           n[SKIPPED]);
    return n[FAILED] || n[NOT_RUN] || !n[PASSED];
}

static int run_on(const runner_kind *kind, selection *all, const flags *f)
{
    service s = { 0 };
    if (!read_skips(all, f)) return 2;
    if (!f->endpoint && !start_service(kind, f->prism, &s)) return 1;
    const batch_opts opts = {
        .runner = kind,
        .endpoint = f->endpoint   ? f->endpoint
                    : *s.endpoint ? s.endpoint
                                  : NULL,
        .batch_size = number(f->batch, 20),
        .side_by_side = number(f->jobs, 2),
        .timeout_s = (int)number(f->timeout, 120),
        .verbose = f->verbose,
    };
    run_tests(all, &opts);
    stop_service(&s);
    if (f->results && !save_results(all, kind->name, f->results)) return 1;
    return count(all);
}

int main(int argc, char **argv)
{
    flags f = { 0 };
    for (int i = 1; i < argc; i++) {
        if (read_flag(&f, argv[i])) continue;
        bool asked = !strcmp(argv[i], "--help");
        if (!asked) fprintf(stderr, "beam-suites: '%s' is no flag\n", argv[i]);
        fputs(help, asked ? stdout : stderr);
        return asked ? 0 : 2;
    }
    selection all = select_tests(f.suite, f.test);
    const runner_kind *kind = f.runner ? find_runner(f.runner) : NULL;
    int status = 0;
    if (f.list) {
        list_tests(&all);
    } else if (!kind || !all.n) {
        fprintf(stderr, "beam-suites: %s; see --help\n",
                kind ? "there is no such test" : "give --runner=");
        status = 2;
    } else {
        status = run_on(kind, &all, &f);
    }
    free_selection(&all);
    return status;
}
