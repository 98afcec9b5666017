/* SPDX-License-Identifier: Apache-2.0 */
/* The text of --help, made from the same tables that the command line is read with. */
#include <stdio.h>

#include "program/flags.h"

enum { HELP_COLUMN = 36 };

static void add(bm_writer *out, const char *text)
{
    bm_write_bytes(out, text, strlen(text));
}

static const char *placeholder(beam_flag_kind kind)
{
    switch (kind) {
    case BEAM_FLAG_INT: return "=INT";
    case BEAM_FLAG_DOUBLE: return "=NUMBER";
    case BEAM_FLAG_BOOL: return "";
    case BEAM_FLAG_TEXT: return "=TEXT";
    default: return "=TEXT,...";
    }
}

static bool shows_default(const beam_flag *flag)
{
    if (!flag->initial || !*flag->initial) return false;
    return flag->kind != BEAM_FLAG_BOOL || strcmp(flag->initial, "false");
}

static void add_flag(bm_writer *out, const beam_flag *flag)
{
    char left[128];
    int n = snprintf(left, sizeof left, "  --%s%s", flag->name, placeholder(flag->kind));
    add(out, left);
    if (n >= HELP_COLUMN - 1) {
        add(out, "\n");
        n = 0;
    }
    for (; n < HELP_COLUMN; n++) add(out, " ");
    add(out, flag->help ? flag->help : "");
    if (shows_default(flag)) {
        add(out, " (default ");
        add(out, flag->initial);
        add(out, ")");
    }
    add(out, "\n");
}

void bm_flags_help(const bm_flags *flags, const char *name, const char *summary,
                   bm_writer *out)
{
    add(out, name);
    if (summary && *summary) {
        add(out, " - ");
        add(out, summary);
    }
    add(out, "\n\nUsage: ");
    add(out, name);
    add(out, " [--flag=value ...]\n");
    for (size_t g = 0; g < flags->n_groups; g++) {
        if (!flags->groups[g].n) continue;
        add(out, "\n");
        add(out, flags->groups[g].title);
        add(out, ":\n");
        for (size_t i = 0; i < flags->groups[g].n; i++)
            add_flag(out, &flags->groups[g].flags[i]);
    }
    add(out, "\nOther flags go to the runner as pipeline options: --object_reuse=true\n"
             "Exit status: 0 done, 1 failed, 2 wrong usage, 3 cancelled, 70 user code did not return.\n");
}
