/* SPDX-License-Identifier: Apache-2.0 */
/* wordcount: counts the words of text files.
 *
 *     wordcount --runner=local --input=README.md --output=counts.txt
 *
 * Without --runner a Flink is started for the job and stopped after it; the DoFns
 * run in this process. */
#include "beam/beam.h"

struct flags {
    const char *input, *output;
};

static beam_value format_count(beam_ctx *c, beam_value in)
{
    beam_span word = beam_as_span(beam_key(in));
    return beam_string(beam_format(c, BEAM_SPAN_FMT ": %lld", BEAM_SPAN_ARG(word),
                                   (long long)beam_as_int64(beam_val(in))));
}

static const beam_dofn format_fn = {
    .name = "wordcount.format",
    .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
    .out = BEAM_STRING,
    .map = format_count,
};

static void build(beam_pipeline *p, const void *flags)
{
    const struct flags *f = flags;

    beam_pcoll *lines = beam_text_read(p, "Read", f->input);
    beam_pcoll *words = beam_extract_words(lines, "Words");
    beam_pcoll *counts = beam_count_per_element(words, "Count");
    beam_pcoll *report = beam_map(counts, "Format", &format_fn);
    beam_text_write(report, "Write", f->output);
}

static const beam_dofn *const dofns[] = { &format_fn };
static const beam_flag flags[] = {
    BEAM_TEXT_FLAG(struct flags, input, "README.md", "text file to read, or a glob pattern"),
    BEAM_TEXT_FLAG(struct flags, output, "counts.txt", "file to write, one 'word: count' a line"),
};
static const beam_program program = {
    .name = "wordcount",
    .summary = "counts the words of text files",
    .flags = BEAM_TABLE(flags),
    .flags_size = sizeof(struct flags),
    .dofns = BEAM_TABLE(dofns),
    .build = build,
};

int main(int argc, char **argv)
{
    return beam_main(&program, argc, argv);
}
