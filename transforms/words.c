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

/* Of up to a block; of less than a part, the part that ends with it can be read. */
static uint64_t bits_at(const char *at, size_t n)
{
    if (n < PART) return part_bits(at + n - PART) >> (PART - n);
    uint64_t bits = part_bits(at + n - PART) << (n - PART); /* some bytes are looked at twice */
    for (size_t i = 0; i + PART < n; i += PART) bits |= part_bits(at + i) << i;
    return bits;
}

static uint64_t bits_of_short(beam_span text)
{
    char padded[PART] = { 0 };
    if (text.len) memcpy(padded, text.ptr, text.len);
    return part_bits(padded);
}

beam_words beam_words_of(beam_span text)
{
    uint64_t bits = text.len < PART ? bits_of_short(text)
                                    : bits_at(text.ptr, text.len < BLOCK ? text.len : BLOCK);
    return (beam_words){ text.ptr, text.len ? text.ptr + text.len : text.ptr, bits };
}

/* Moves on to the next block; false at the end. */
static bool next_block(beam_words *words)
{
    size_t left = (size_t)(words->end - words->block);
    if (left <= BLOCK) {
        words->bits = 0;
        return false;
    }
    words->block += BLOCK;
    left -= BLOCK;
    words->bits = bits_at(words->block, left < BLOCK ? left : BLOCK);
    return true;
}

/* A word that reaches the end of its block goes on with the first bits of the next. */
static bool long_word(beam_words *words, beam_span *out)
{
    const char *word = words->block + __builtin_ctzll(words->bits), *end = words->end;
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

bool beam_next_word_apart(beam_words *words, beam_span *out)
{
    if (words->bits) return long_word(words, out);
    while (next_block(words))
        if (words->bits) return beam_next_word(words, out);
    return false;
}
