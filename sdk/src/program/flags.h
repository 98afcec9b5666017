/* SPDX-License-Identifier: Apache-2.0 */
/* program/flags.h - command lines: tables of flags, parsing, and the text of --help.
 * The main thread. */
#ifndef BM_FLAGS_H
#define BM_FLAGS_H

#include <jansson.h>

#include "base/arena.h"
#include "base/writer.h"
#include "beam/program.h"

/* Beside the kinds of beam_flag_kind: texts, given several times or with commas between
 * them, into a bm_texts. */
#define BM_FLAG_TEXTS ((beam_flag_kind)100)

typedef struct bm_texts {
    const char **at;
    size_t n;
} bm_texts;

/* A heading of --help and its flags, which fill the struct at `values`. */
typedef struct bm_flag_group {
    const char *title;
    const beam_flag *flags;
    size_t n;
    void *values;
} bm_flag_group;

enum { BM_MAX_FLAG_GROUPS = 8 };

typedef struct bm_flags {
    bm_arena *arena;
    bm_flag_group groups[BM_MAX_FLAG_GROUPS];
    size_t n_groups;
    json_t *given;   /* {name: value} of the known flags that were given; owned */
    json_t *unknown; /* the others, for the runner; owned */
} bm_flags;

void bm_flags_init(bm_flags *flags, bm_arena *arena);
void bm_flags_free(bm_flags *flags);
/* Adds a group and gives its values their defaults. Fails on a default that does not fit
 * its kind. */
beam_status bm_flags_add(bm_flags *flags, const char *title, const beam_flag *table,
                         size_t n, void *values, beam_error *err);
/* --name=value, --name value, --name and --noname (BOOL). A flag that no table has goes to
 * `unknown`, unless it looks like a misspelt known one. Fails with BEAM_EUSAGE. */
beam_status bm_flags_parse(bm_flags *flags, int argc, char **argv, beam_error *err);
/* Was the flag on the command line? */
bool bm_flags_was_given(const bm_flags *flags, const char *name);

void bm_flags_help(const bm_flags *flags, const char *name, const char *summary,
                   bm_writer *out);

#endif
