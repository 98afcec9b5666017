/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing tests, skip lists and results. */
#include "select.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const needs_names[] = {
    "streaming", "test_stream",     "state",   "timers", "sdf",    "finalization",
    "unbounded", "processing_time", "metrics", "drain",  "splits",
};

static bool name_matches(const char *wanted, const char *name)
{
    return !wanted || !*wanted || !fnmatch(wanted, name, 0);
}

selection select_tests(const char *suite, const char *name)
{
    selection all = { NULL, 0 };
    for (size_t t = 0; t < n_suite_tables; t++) {
        const suite_table *table = suite_tables[t];
        for (size_t i = 0; i < table->n; i++) {
            if (!name_matches(suite, table->suite)) continue;
            if (!name_matches(name, table->at[i].name)) continue;
            all.at = realloc(all.at, (all.n + 1) * sizeof *all.at);
            if (!all.at) abort();
            all.at[all.n++] = (chosen_test){ .suite = table->suite,
                                             .test = &table->at[i] };
        }
    }
    return all;
}

void free_selection(selection *all)
{
    for (size_t i = 0; i < all->n; i++) free((void *)(uintptr_t)all->at[i].reason);
    free(all->at);
}

/* -- skip lists ----------------------------------------------------------------------------- */
/* The bit of "needs:NAME"; 0: there is none. */
static unsigned needs_bit(const char *name)
{
    for (unsigned i = 0; i < BEAM_COUNT(needs_names); i++)
        if (!strcmp(name, needs_names[i])) return 1u << i;
    return 0;
}

static bool exists(const char *suite, const char *name, unsigned needs)
{
    for (size_t t = 0; t < n_suite_tables; t++)
        for (size_t i = 0; i < suite_tables[t]->n; i++)
            if (!strcmp(suite_tables[t]->suite, suite) &&
                (needs ? (suite_tables[t]->at[i].needs & needs) != 0
                       : !strcmp(suite_tables[t]->at[i].name, name)))
                return true;
    return false;
}

static bool skip(selection *all, const char *suite, const char *name, const char *reason)
{
    unsigned needs = !strncmp(name, "needs:", 6) ? needs_bit(name + 6) : 0;
    bool any_suite = !strcmp(suite, "*") && needs;
    if (!any_suite && !exists(suite, name, needs)) return false;
    for (size_t i = 0; i < all->n; i++) {
        chosen_test *c = &all->at[i];
        if (!any_suite && strcmp(c->suite, suite) != 0) continue;
        if (needs ? !(c->test->needs & needs) : strcmp(c->test->name, name) != 0)
            continue;
        if (c->result == SKIPPED) continue;
        c->result = SKIPPED;
        c->reason = strdup(reason);
    }
    return true;
}

/* Cuts the line at its tabs; false unless it has three parts. */
static bool split(char *line, char *parts[3])
{
    line[strcspn(line, "\r\n")] = '\0';
    for (int i = 0; i < 3; i++) {
        parts[i] = line;
        if (!*line) return false;
        if (i == 2) break;
        line = strchr(line, '\t');
        if (!line) return false;
        *line++ = '\0';
    }
    return true;
}

bool skip_tests(selection *all, const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        fprintf(stderr, "beam-suites: the skip list %s cannot be read\n", path);
        return false;
    }
    char *line = NULL, *parts[3];
    size_t capacity = 0;
    bool good = true;
    for (int number = 1; getline(&line, &capacity, file) >= 0; number++) {
        if (line[0] == '#' || line[0] == '\n') continue;
        const char *problem = !split(line, parts) ? "is not suite TAB test TAB reason"
                              : !skip(all, parts[0], parts[1], parts[2])
                                  ? "names a test that does not exist"
                                  : NULL;
        if (!problem) continue;
        fprintf(stderr, "beam-suites: line %d of %s %s\n", number, path, problem);
        good = false;
    }
    free(line);
    fclose(file);
    return good;
}

/* -- results -------------------------------------------------------------------------------- */
void list_tests(const selection *all)
{
    for (size_t i = 0; i < all->n; i++) {
        const suite_test *test = all->at[i].test;
        printf("%s\t%s\t%s\t", all->at[i].suite, test->name, test->category);
        const char *separator = "";
        for (unsigned bit = 0; bit < BEAM_COUNT(needs_names); bit++)
            if (test->needs & 1u << bit) {
                printf("%s%s", separator, needs_names[bit]);
                separator = ",";
            }
        putchar('\n');
    }
}

/* A reason is one field of one line. */
static void put_field(FILE *file, const char *text)
{
    for (; text && *text; text++)
        putc(*text == '\t' || *text == '\n' ? ' ' : *text, file);
}

bool save_results(const selection *all, const char *runner, const char *path)
{
    static const char *const words[] = { "not run", "pass", "fail", "skip" };
    FILE *file = fopen(path, "w");
    if (!file) {
        fprintf(stderr, "beam-suites: %s cannot be written\n", path);
        return false;
    }
    for (size_t i = 0; i < all->n; i++) {
        const chosen_test *c = &all->at[i];
        fprintf(file, "%s\t%s\t%s\t%s\t%s\t", c->suite, c->test->name, c->test->category,
                runner, words[c->result]);
        put_field(file, c->reason);
        putc('\n', file);
    }
    return !fclose(file);
}
