/* SPDX-License-Identifier: Apache-2.0 */
/* http_pardo: enriches the words of text files with the answers of an HTTP service.
 *
 *     http_service --port=8880 &
 *     http_pardo --runner=local --input=README.md --output=lengths.txt
 *
 * GET /words/stream is answered by {"word": "stream", "length": 6}, or by 404 where the service
 * does not know the word. */
#include <jansson.h>

#include "beam/beam.h"

struct flags {
    const char *input, *output, *http_service;
};

/* word -> "word: length": what the service is asked about each word, and what becomes of the
 * answer. Many requests are under way at once, and a word is asked for once. */
static beam_http_request ask_word(beam_ctx *c, beam_value word)
{
    beam_span name = beam_http_escape(c, beam_as_span(word));
    return (beam_http_request){
        .path = beam_format(c, "/words/" BEAM_SPAN_FMT, BEAM_SPAN_ARG(name)),
    };
}

static beam_status take_word(beam_ctx *c, beam_value word, const beam_http_answer *answer)
{
    beam_span text = beam_as_span(word);
    if (answer->status == 404) {
        beam_counter_add(c, "unknown_words", 1);
        return beam_emit(c, beam_string(beam_format(c, BEAM_SPAN_FMT ": unknown",
                                                    BEAM_SPAN_ARG(text))));
    }
    json_int_t length;
    json_t *json = json_loadb(answer->body.ptr, answer->body.len, 0, NULL);
    bool good = json && json_unpack(json, "{s:I}", "length", &length) == 0;
    json_decref(json);
    if (!good) return beam_fail(c, BEAM_ERPC, "the service's answer has no length");
    return beam_emit(c, beam_string(beam_format(c, BEAM_SPAN_FMT ": %lld",
                                                BEAM_SPAN_ARG(text), (long long)length)));
}

static const beam_http_fn word_http = {
    .request = ask_word,
    .response = take_word,
    .accept = { 404 },
    .cache_entries = 10000,
};

static const beam_dofn look_up_fn = {
    .name = "http_pardo.look_up",
    .in = BEAM_STRING,
    .out = BEAM_STRING,
    .http = &word_http,
};

static void build(beam_pipeline *p, const void *flags)
{
    const struct flags *f = flags;

    beam_pcoll *lines = beam_text_read(p, "Read", f->input);
    beam_pcoll *words = beam_extract_words(lines, "Words");
    beam_pcoll *lengths = beam_par_do(words, "LookUp", &look_up_fn,
                                      .target = f->http_service);
    beam_text_write(lengths, "Write", f->output);
}

static const beam_dofn *const dofns[] = { &look_up_fn };
static const beam_flag flags[] = {
    BEAM_TEXT_FLAG(struct flags, input, "README.md",
                   "text file to read, or a glob pattern"),
    BEAM_TEXT_FLAG(struct flags, output, "lengths.txt", "file to write, one word a line"),
    BEAM_TEXT_FLAG(struct flags, http_service, "http://localhost:8880",
                   "where words are known"),
};
static const beam_program program = {
    .name = "http_pardo",
    .summary = "enriches words by HTTP requests",
    .flags = BEAM_TABLE(flags),
    .flags_size = sizeof(struct flags),
    .dofns = BEAM_TABLE(dofns),
    .build = build,
};

int main(int argc, char **argv)
{
    return beam_main(&program, argc, argv);
}
