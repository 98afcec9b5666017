/* SPDX-License-Identifier: Apache-2.0 */
/* count_lines: counts the lines of files, with a source of its own: a splittable DoFn that
 * reads a file by byte offsets, so that a large one is read by many workers at once.
 *
 *     count_lines --input='*.md' --output=lines.txt
 *
 * docs/splittable.md explains it. */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "beam/beam.h"

struct flags {
    const char *input, *output;
};

enum { PART_BYTES = 64 << 20 };

/* -- the source: path -> KV<path, line> ----------------------------------------------- */

/* All there is to do for a path: its bytes. */
static beam_value whole_file(beam_ctx *c, beam_value path)
{
    const char *name = beam_cstr(c, beam_as_span(path));
    struct stat status;
    bool found = stat(name, &status) == 0;
    if (found && S_ISREG(status.st_mode)) return beam_offsets(c, 0, status.st_size);
    beam_fail(c, BEAM_EIO, "'%s' cannot be read: %s", name,
              found ? "it is no file" : strerror(errno));
    return beam_null();
}

/* What the runner distributes to begin with. */
static beam_status in_parts(beam_ctx *c, beam_value path, beam_value whole)
{
    (void)path;
    int64_t end = beam_offset_to(whole);
    for (int64_t from = beam_offset_from(whole); from < end; from += PART_BYTES) {
        int64_t to = end - from > PART_BYTES ? from + PART_BYTES : end;
        BEAM_TRY(beam_emit_restriction(c, beam_offsets(c, from, to)));
    }
    return BEAM_OK;
}

/* A line belongs to the part that its first byte is in: where the first one of this part
 * begins. -1: the file cannot be read there. */
static int64_t first_line(FILE *file, int64_t from)
{
    if (from == 0) return 0;
    if (fseeko(file, from - 1, SEEK_SET) != 0) return -1;
    for (int c = getc(file); c != EOF; from++, c = getc(file))
        if (c == '\n') break;
    return from;
}

static beam_status read_part(beam_ctx *c, beam_value path, FILE *file)
{
    char *line = NULL;
    size_t size = 0;
    beam_status status = BEAM_OK;
    int64_t at = first_line(file, beam_offset_from(beam_restriction(c)));
    if (at < 0) return beam_fail(c, BEAM_EIO, "the file cannot be read from its middle");
    while (status == BEAM_OK && beam_claim_offset(c, at)) {
        ssize_t n = getline(&line, &size, file);
        if (n < 0) {
            status = beam_fail(c, BEAM_EIO, "the file has become shorter");
            break;
        }
        at += n;
        if (line[n - 1] == '\n') n--;
        status = beam_emit_kv(c, path, beam_string((beam_span){ line, (size_t)n }));
    }
    free(line);
    return status;
}

static beam_status read_lines(beam_ctx *c, beam_value path)
{
    const char *name = beam_cstr(c, beam_as_span(path));
    FILE *file = fopen(name, "r");
    if (!file)
        return beam_fail(c, BEAM_EIO, "'%s' cannot be read: %s", name, strerror(errno));
    beam_status status = read_part(c, path, file);
    fclose(file);
    return status;
}

static const beam_sdf file_sdf = {
    .tracker = &beam_offset_tracker,
    .initial = whole_file,
    .split = in_parts,
};
static const beam_dofn read_fn = {
    .name = "count_lines.read",
    .in = BEAM_STRING,
    .out = BEAM_KV(BEAM_STRING, BEAM_STRING),
    .process = read_lines,
    .sdf = &file_sdf,
};

/* -- the pipeline --------------------------------------------------------------------------- */

static beam_value format_count(beam_ctx *c, beam_value in)
{
    return beam_string(beam_format(c, BEAM_SPAN_FMT ": %lld",
                                   BEAM_SPAN_ARG(beam_as_span(beam_key(in))),
                                   (long long)beam_as_int64(beam_val(in))));
}
static const beam_dofn format_fn = {
    .name = "count_lines.format",
    .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
    .out = BEAM_STRING,
    .map = format_count,
};

static void build(beam_pipeline *p, const void *flags)
{
    const struct flags *f = flags;
    glob_t found = { 0 };
    if (glob(f->input, 0, NULL, &found) != 0)
        beam_pipeline_fail(p, BEAM_EINVAL, "--input=%s: there is no such file", f->input);
    beam_pcoll *paths = beam_create_strings(p, "Paths", (const char *const *)found.gl_pathv,
                                            found.gl_pathc);
    globfree(&found);
    beam_pcoll *lines = beam_par_do(paths, "Read", &read_fn);
    beam_pcoll *counts = beam_count_per_element(beam_keys(lines, "File"), "Count");
    beam_text_write(beam_map(counts, "Format", &format_fn), "Write", f->output);
}

static const beam_dofn *const dofns[] = { &read_fn, &format_fn };
static const beam_flag flags[] = {
    BEAM_TEXT_FLAG(struct flags, input, "README.md", "files to read, a glob pattern"),
    BEAM_TEXT_FLAG(struct flags, output, "lines.txt", "file to write, one 'path: count' a line"),
};
static const beam_program program = {
    .name = "count_lines",
    .summary = "counts the lines of files, large ones in parts",
    .flags = BEAM_TABLE(flags),
    .flags_size = sizeof(struct flags),
    .dofns = BEAM_TABLE(dofns),
    .build = build,
};

int main(int argc, char **argv)
{
    return beam_main(&program, argc, argv);
}
