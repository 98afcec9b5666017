/* SPDX-License-Identifier: Apache-2.0 */
/* Words of a text: 64 bytes at a time become a bit each, and words are runs of bits. Without
 * a branch per byte, since text is hard to foresee. Any thread. */
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "beam/text.h"

enum { BLOCK = 64, PART = 16 };

/* Bit i: byte i of the part is one of [A-Za-z']. */
static inline uint64_t part_bits(const char *part)
{
#ifdef __SSE2__
    __m128i bytes = _mm_loadu_si128((const __m128i *)part);
    /* Letters are the 26 that follow -128, as signed bytes. */
    __m128i letter = _mm_add_epi8(_mm_or_si128(bytes, _mm_set1_epi8(0x20)),
                                  _mm_set1_epi8((char)(-128 - 'a')));
    __m128i is_word = _mm_or_si128(_mm_cmplt_epi8(letter, _mm_set1_epi8(-128 + 26)),
                                   _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\'')));
    return (unsigned)_mm_movemask_epi8(is_word);
#else
    uint64_t bits = 0;
    for (int i = 0; i < PART; i++) {
        unsigned char c = (unsigned char)part[i];
        bits |= (uint64_t)((unsigned char)((c | 0x20) - 'a') < 26 || c == '\'') << i;
    }
    return bits;
#endif
}

/* Of a block, or of what is left of the text: its last bytes may be looked at twice. */
static uint64_t bits_at(const char *at, const char *end)
{
    size_t n = end - at < BLOCK ? (size_t)(end - at) : BLOCK;
    if (n < PART) {
        char padded[PART] = { 0 };
        memcpy(padded, at, n);
        return part_bits(padded);
    }
    uint64_t bits = part_bits(at + n - PART) << (n - PART);
    for (size_t i = 0; i + PART < n; i += PART) bits |= part_bits(at + i) << i;
    return bits;
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

static __attribute__((noinline)) bool word_of_later_block(beam_words *words, beam_span *out)
{
    while (!words->bits)
        if (!next_block(words)) return false;
    return beam_next_word(words, out);
}

/* A word that reaches the end of its block goes on with the first bits of the next. */
static __attribute__((noinline)) bool long_word(beam_words *words, const char *word,
                                                beam_span *out)
{
    const char *end = words->end;
    while (next_block(words)) {
        if (!~words->bits) continue;
        int n = __builtin_ctzll(~words->bits);
        words->bits &= ~0ull << n;
        end = words->block + n;
        break;
    }
    *out = (beam_span){ word, (size_t)(end - word) };
    return true;
}

/* What needs calls is apart: words are many. */
bool beam_next_word(beam_words *words, beam_span *out)
{
    if (!words->bits) return word_of_later_block(words, out);
    int start = __builtin_ctzll(words->bits);
    const char *word = words->block + start;
    uint64_t after = words->bits + (1ull << start); /* carries through the word's bits */
    words->bits &= after;
    if (!after) return long_word(words, word, out);
    *out = (beam_span){ word, (size_t)(__builtin_ctzll(after) - start) };
    return true;
}
