/* SPDX-License-Identifier: Apache-2.0 */
/* Words of a text, beside a plain way of finding them. */
#include "beam/text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../sdk/tests/base/run_tests.h"

static bool is_word_byte(char b)
{
    return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || b == '\'';
}

static void expect_words_of(const char *text, size_t n)
{
    beam_words words = beam_words_of((beam_span){ text, n });
    beam_span word;
    for (size_t at = 0; at < n;) {
        while (at < n && !is_word_byte(text[at])) at++;
        size_t start = at;
        while (at < n && is_word_byte(text[at])) at++;
        if (at == start) break;
        ck_assert(beam_next_word(&words, &word));
        ck_assert_ptr_eq(word.ptr, text + start);
        ck_assert_uint_eq(word.len, at - start);
    }
    ck_assert(!beam_next_word(&words, &word));
    ck_assert(!beam_next_word(&words, &word));
}

/* The text in memory of its own size, so that reading past its end is seen. */
static void expect_words(const char *text, size_t n)
{
    char *copy = malloc(n ? n : 1);
    if (n) memcpy(copy, text, n);
    expect_words_of(copy, n);
    free(copy);
}

START_TEST(every_byte_is_of_a_word_or_not)
{
    for (int b = 0; b < 256; b++) {
        char text[3] = { 'a', (char)b, 'z' };
        expect_words(text, 3);
        expect_words(text + 1, 1);
    }
}
END_TEST

/* Words and gaps that begin and end anywhere in the blocks that are looked at together. */
START_TEST(words_of_any_length)
{
    char text[400];
    for (size_t from = 0; from < 140; from += 1 + from / 20)
        for (size_t to = from; to <= 300; to++) {
            memset(text, ' ', sizeof text);
            memset(text + from, 'w', to - from);
            expect_words(text, to);
            expect_words(text, to + 1);
            text[to + 1] = 'x';
            expect_words(text, to + 2);
        }
}
END_TEST

START_TEST(random_texts)
{
    unsigned seed = 7;
    char text[400];
    for (int round = 0; round < 5000; round++) {
        size_t n = (size_t)rand_r(&seed) % sizeof text;
        int gaps = 1 + rand_r(&seed) % 12;
        for (size_t i = 0; i < n; i++)
            text[i] = (char)(rand_r(&seed) % gaps ? "azAZ'mM"[rand_r(&seed) % 7]
                                                  : rand_r(&seed) % 256);
        expect_words(text, n);
    }
}
END_TEST

/* Where the memory before and behind cannot be read. */
START_TEST(at_the_ends_of_a_page)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    char *around = mmap(NULL, 3 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(around, MAP_FAILED);
    char *page = around + size;
    ck_assert_int_eq(mprotect(page, size, PROT_READ | PROT_WRITE), 0);
    unsigned seed = 3;
    for (size_t i = 0; i < size; i++) page[i] = rand_r(&seed) % 5 ? 'w' : ' ';
    for (size_t n = 0; n < 200; n++) {
        expect_words_of(page, n);
        expect_words_of(page + size - n, n);
    }
    munmap(around, 3 * size);
}
END_TEST

START_TEST(no_text)
{
    beam_words words = beam_words_of((beam_span){ NULL, 0 });
    beam_span word;
    ck_assert(!beam_next_word(&words, &word));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { every_byte_is_of_a_word_or_not, words_of_any_length,
                                   random_texts, at_the_ends_of_a_page, no_text };
    return RUN_TESTS("words", tests);
}
