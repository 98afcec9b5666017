/* SPDX-License-Identifier: Apache-2.0 */
/* Text files in and out. The DoFns run on bundle threads. */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beam/text.h"
#include "transforms.h"

/* -- read: glob pattern -> lines ----------------------------------------------- */

/* Room for text in which each byte has become U+FFFD. */
typedef struct mended {
    char *text;
    size_t capacity;
} mended;

/* Bytes of the character that begins at i; 0: none does. */
static size_t character_at(beam_span line, size_t i)
{
    for (size_t n = 1; n <= 4 && n <= line.len - i; n++)
        if (beam_is_utf8((beam_span){ line.ptr + i, n })) return n;
    return 0;
}

/* The line with U+FFFD for each byte of no UTF-8 character, as Java's TextIO reads it. */
static beam_span mend(mended *m, beam_span line)
{
    static const char replacement[] = "\xef\xbf\xbd";
    if (m->capacity < 3 * line.len) {
        m->capacity = 3 * line.len;
        free(m->text);
        m->text = malloc(m->capacity);
        if (!m->text) abort();
    }
    char *to = m->text;
    for (size_t i = 0; i < line.len;) {
        size_t n = character_at(line, i);
        memcpy(to, n ? line.ptr + i : replacement, n ? n : 3);
        to += n ? n : 3;
        i += n ? n : 1;
    }
    return (beam_span){ m->text, (size_t)(to - m->text) };
}

static beam_status emit_line(beam_ctx *c, beam_span line, mended *m)
{
    if (beam_is_utf8(line)) return beam_emit(c, beam_string(line));
    beam_counter_add(c, "lines_not_utf8", 1);
    return beam_emit(c, beam_string(mend(m, line)));
}

static beam_status emit_lines(beam_ctx *c, const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return beam_fail(c, BEAM_EIO, "cannot read '%s': %s", path, strerror(errno));
    char *line = NULL;
    mended m = { NULL, 0 };
    size_t capacity = 0;
    ssize_t length;
    beam_status status = BEAM_OK;
    while (status == BEAM_OK && (length = getline(&line, &capacity, file)) >= 0) {
        size_t n = (size_t)length;
        if (n && line[n - 1] == '\n') n--;
        if (n && line[n - 1] == '\r') n--;
        status = emit_line(c, (beam_span){ line, n }, &m);
    }
    if (status == BEAM_OK && !feof(file)) /* also where a line does not go into memory */
        status = beam_fail(c, BEAM_EIO, "cannot read '%s': %s", path, strerror(errno));
    free(line);
    free(m.text);
    fclose(file);
    return status;
}

static beam_status read_files(beam_ctx *c, beam_value in)
{
    const char *pattern = beam_cstr(c, beam_as_span(in));
    glob_t found;
    if (glob(pattern, GLOB_MARK, NULL, &found))
        return beam_fail(c, BEAM_EIO, "no file matches '%s'", pattern);
    beam_status status = BEAM_OK;
    for (size_t i = 0; i < found.gl_pathc && status == BEAM_OK; i++)
        status = emit_lines(c, found.gl_pathv[i]);
    globfree(&found);
    return status;
}

const beam_dofn bm_text_read_fn = {
    .name = "beam.text_read",
    .in = BEAM_STRING,
    .out = BEAM_STRING,
    .process = read_files,
};

beam_pcoll *beam_text_read(beam_pipeline *p, const char *name, const char *pattern)
{
    if (!pattern || !*pattern)
        beam_pipeline_fail(p, BEAM_EINVAL, "%s: give the file or glob pattern to read",
                           name);
    beam_scope_begin(p, name);
    beam_pcoll *patterns = beam_create_strings(p, "Pattern", &pattern, 1);
    beam_pcoll *lines = beam_par_do(patterns, "Lines", &bm_text_read_fn);
    beam_scope_end(p);
    return lines;
}

/* -- write: lines -> one file ------------------------------------------------------ */

/* All have one key. `false` is no line, and there so that no lines make a file too. (A null would
 * do but for Flink, whose streaming mode ends the job at one in a grouping.) */
#define MAYBE_LINE BEAM_KV(BEAM_BOOL, BEAM_STRING)
#define KEYED_LINE BEAM_KV(BEAM_INT64, MAYBE_LINE)

static beam_value keyed_line(beam_ctx *c, bool is_line, beam_value line)
{
    beam_value *pairs = beam_alloc(c, 4 * sizeof *pairs);
    pairs[2] = beam_bool(is_line);
    pairs[3] = line;
    pairs[0] = beam_int64(0);
    pairs[1] = beam_kv(&pairs[2]);
    return beam_kv(pairs);
}

static beam_value one_line(beam_ctx *c, beam_value line)
{
    return keyed_line(c, true, line);
}

const beam_dofn bm_text_key_fn = {
    .name = "beam.text_key",
    .in = BEAM_STRING,
    .out = KEYED_LINE,
    .map = one_line,
};

static beam_value no_line(beam_ctx *c, beam_value impulse)
{
    (void)impulse;
    return keyed_line(c, false, beam_string(beam_span_of("")));
}

const beam_dofn bm_text_no_line_fn = {
    .name = "beam.text_no_line",
    .in = BEAM_BYTES,
    .out = KEYED_LINE,
    .map = no_line,
};

static beam_status write_failed(beam_ctx *c, const char *path)
{
    return beam_fail(c, BEAM_EIO, "cannot write '%s': %s", path, strerror(errno));
}

static bool write_lines(const char *path, beam_iter *lines)
{
    FILE *file = fopen(path, "w");
    if (!file) return false;
    bool good = true;
    for (beam_value line; good && beam_next(lines, &line);) {
        if (!beam_as_bool(beam_key(line))) continue;
        beam_span text = beam_as_span(beam_val(line));
        good = (!text.len || fwrite(text.ptr, text.len, 1, file) == 1) &&
               putc('\n', file) >= 0;
    }
    return !fclose(file) && good;
}

/* Something else than a file: a pipe, /dev/stdout. */
static bool is_special(const char *path)
{
    struct stat info;
    return !stat(path, &info) && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

static beam_status write_file(beam_ctx *c, beam_value in)
{
    const char *path = beam_cstr(c, beam_config(c));
    beam_iter *lines = beam_as_iter(beam_val(in));
    if (is_special(path))
        return write_lines(path, lines) ? BEAM_OK : write_failed(c, path);
    char *linked = realpath(path, NULL);
    const char *file = linked ? linked : path;
    const char *draft = beam_format(c, "%s.%d.%p", file, (int)getpid(), (void *)c).ptr;
    beam_status status = BEAM_OK;
    if (!write_lines(draft, lines) || rename(draft, file)) {
        status = write_failed(c, path);
        unlink(draft);
    }
    free(linked);
    return status;
}

const beam_dofn bm_text_write_fn = {
    .name = "beam.text_write",
    .in = BEAM_KV(BEAM_INT64, BEAM_ITERABLE(MAYBE_LINE)),
    .process = write_file,
};

/* The trigger is what the default one comes to in one window, but goes with unbounded
 * collections too, whose end may come. */
static beam_pcoll *in_all_windows(beam_pcoll *in, const char *name)
{
    return beam_window_into(in, name, beam_global(),
                            .trigger = BEAM_AFTER_END_OF_WINDOW(NULL, NULL));
}

void beam_text_write(beam_pcoll *in, const char *name, const char *path)
{
    beam_pipeline *p = beam_pcoll_pipeline(in);
    if (!path || !*path)
        beam_pipeline_fail(p, BEAM_EINVAL, "%s: give the file to write", name);
    if (p && !beam_type_equal(beam_pcoll_type(in), BEAM_STRING))
        beam_pipeline_fail(p, BEAM_ETYPE, "%s: a text file is made of STRING elements, and these "
                           "are others: make lines of them first", name);
    beam_scope_begin(p, name);
    if (path && !is_special(path))
        beam_scope_claim(p, beam_pipeline_format(p, "the file '%s'", path));
    beam_pcoll *lines = beam_map(in_all_windows(in, "AllWindows"), "Key", &bm_text_key_fn);
    beam_pcoll *none = beam_map(beam_impulse(p, "Impulse"), "NoLine", &bm_text_no_line_fn);
    beam_pcoll *both[] = { lines, in_all_windows(none, "OneWindow") };
    beam_pcoll *grouped = beam_group_by_key(beam_flatten(p, "Flatten", both, 2), "Group");
    beam_par_do(grouped, "Write", &bm_text_write_fn, .config = beam_span_of(path));
    beam_scope_end(p);
}

/* -- words ------------------------------------------------------------------------------ */

static beam_status extract_words(beam_ctx *c, beam_value in)
{
    beam_words words = beam_words_of(beam_as_span(in));
    for (beam_span word; beam_next_word(&words, &word);)
        BEAM_TRY(beam_emit(c, beam_string(word)));
    return BEAM_OK;
}

const beam_dofn bm_extract_words_fn = {
    .name = "beam.extract_words",
    .in = BEAM_STRING,
    .out = BEAM_STRING,
    .process = extract_words,
};

beam_pcoll *beam_extract_words(beam_pcoll *in, const char *name)
{
    return beam_par_do(in, name, &bm_extract_words_fn);
}
