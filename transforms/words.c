/* SPDX-License-Identifier: Apache-2.0 */
/* Words of a text: 64 bytes at a time become a bit each, and words are runs of bits. Without
 * a branch per byte, since text is hard to foresee. Any thread. */
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "beam/text.h"

enum { BLOCK = 64 };

/* Bit i: byte i of the block is one of [A-Za-z']. */
static inline uint64_t word_bits(const char *block)
{
    uint64_t bits = 0;
#ifdef __SSE2__
    for (int i = 0; i < BLOCK; i += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(block + i));
        /* Letters are the 26 that follow -128, as signed bytes. */
        __m128i letter = _mm_add_epi8(_mm_or_si128(bytes, _mm_set1_epi8(0x20)),
                                      _mm_set1_epi8((char)(-128 - 'a')));
        __m128i is_word = _mm_or_si128(_mm_cmplt_epi8(letter, _mm_set1_epi8(-128 + 26)),
                                       _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\'')));
        bits |= (uint64_t)(unsigned)_mm_movemask_epi8(is_word) << i;
    }
#else
    for (int i = 0; i < BLOCK; i++) {
        unsigned char c = (unsigned char)block[i];
        bits |= (uint64_t)((unsigned char)((c | 0x20) - 'a') < 26 || c == '\'') << i;
    }
#endif
    return bits;
}

static uint64_t bits_at(const char *at, const char *end)
{
    if (end - at >= BLOCK) return word_bits(at);
    char padded[BLOCK] = { 0 };
    if (end > at) memcpy(padded, at, (size_t)(end - at));
    return word_bits(padded);
}

beam_words beam_words_of(beam_span text)
{
    beam_words words = { text.ptr, text.ptr + text.len, 0 };
    if (text.len) words.bits = bits_at(words.block, words.end);
    return words;
}

/* Moves on to the next block; false at the end. */
static bool next_block(beam_words *words)
{
    if (words->end - words->block <= BLOCK) {
        words->bits = 0;
        return false;
    }
    words->block += BLOCK;
    words->bits = bits_at(words->block, words->end);
    return true;
}

/* A word that reaches the end of its block goes on with the first bits of the next. */
static const char *end_of_long_word(beam_words *words)
{
    while (next_block(words)) {
        if (!~words->bits) continue;
        int n = __builtin_ctzll(~words->bits);
        words->bits &= ~0ull << n;
        return words->block + n;
    }
    return words->end;
}

bool beam_next_word(beam_words *words, beam_span *out)
{
    while (!words->bits)
        if (!next_block(words)) return false;
    int start = __builtin_ctzll(words->bits);
    const char *word = words->block + start;
    uint64_t after = words->bits + (1ull << start); /* carries through the word's bits */
    words->bits &= after;
    const char *end = after ? words->block + __builtin_ctzll(after) : end_of_long_word(words);
    *out = (beam_span){ word, (size_t)(end - word) };
    return true;
}
