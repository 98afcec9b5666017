/* SPDX-License-Identifier: Apache-2.0 */
/* beam/text.h - lines of text files on the worker's file system. */
#ifndef BEAM_TEXT_H
#define BEAM_TEXT_H

#include "beam/pipeline.h"
BEAM_C_BEGIN

/* STRING elements, one per line without its line end, of every file that the glob pattern
 * matches when the job runs. No match, or a file that cannot be read, fails the job. What is not
 * UTF-8 becomes U+FFFD, byte by byte, as in Java's TextIO; the counter lines_not_utf8 tells. */
BEAM_API beam_pcoll *beam_text_read(beam_pipeline *p, const char *name, const char *pattern);
/* Writes bounded STRING elements of all windows, in no particular order, as lines of one file
 * on the file system of one worker. The file appears whole or not at all, also when a bundle
 * is retried. Without elements it is empty. What a link leads to is written; a pipe or a
 * device gets the lines. A file is that of one step: two that write to the same path are
 * refused. */
BEAM_API void beam_text_write(beam_pcoll *in, const char *name, const char *path);
/* STRING -> STRING: the words of a line, by [A-Za-z']+. */
BEAM_API beam_pcoll *beam_extract_words(beam_pcoll *in, const char *name);

/* The words of a text, one by one, without allocating; they point into it. Any thread.
 *
 *     beam_words words = beam_words_of(line);
 *     for (beam_span word; beam_next_word(&words, &word);) ... */
typedef struct beam_words {
    const char *block, *end; /* up to 64 bytes, and the end of the text */
    uint64_t bits;           /* those of the block that belong to words to come */
} beam_words;
BEAM_API beam_words beam_words_of(beam_span text);
/* For what beam_next_word() does not do inline: all but words that end within the block. */
BEAM_API bool beam_next_word_apart(beam_words *words, beam_span *out);
/* false: there are no more. */
static inline bool beam_next_word(beam_words *words, beam_span *out)
{
    uint64_t bits = words->bits;
    if (!bits) return beam_next_word_apart(words, out);
    int start = __builtin_ctzll(bits);
    uint64_t after = bits + (1ull << start); /* carries through the word's bits */
    if (!after) return beam_next_word_apart(words, out);
    words->bits = bits & after;
    out->ptr = words->block + start;
    out->len = (size_t)(__builtin_ctzll(after) - start);
    return true;
}

BEAM_C_END
#endif
