/* SPDX-License-Identifier: Apache-2.0 */
/* What is UTF-8. */
#include "base/utf8.h"

#include <check.h>
#include <string.h>

#include "beam/value.h"
#include "run_tests.h"

static const struct {
    const char *text;
    size_t length; /* of its first character */
    bool is_utf8;
} cases[] = {
    { "a", 1, true },
    { "plain text, longer than eight bytes", 1, true },
    { "\xc3\xa9", 2, true },
    { "\xe2\x82\xac and more", 3, true },
    { "\xf0\x9f\x98\x80", 4, true },
    { "\xf4\x8f\xbf\xbf", 4, true },
    { "\x80", 0, false },             /* no first byte */
    { "\xc3", 0, false },             /* cut */
    { "\xc0\xaf", 0, false },         /* overlong */
    { "\xe0\x9f\xbf", 0, false },     /* overlong */
    { "\xf0\x8f\xbf\xbf", 0, false }, /* overlong */
    { "\xed\xa0\x80", 0, false },     /* a surrogate */
    { "\xf4\x90\x80\x80", 0, false }, /* over U+10FFFF */
    { "\xff", 0, false },
    { "eight bytes are good, then \xe9", 1, false },
    { "1234567\xe9", 1, false },
    { "12345678\xe9", 1, false },
};

START_TEST(characters)
{
    for (size_t i = 0; i < BEAM_COUNT(cases); i++) {
        const char *text = cases[i].text;
        ck_assert_msg(bm_utf8_length(text, strlen(text)) == cases[i].length, "case %zu", i);
        ck_assert_msg(beam_is_utf8(beam_span_of(text)) == cases[i].is_utf8, "case %zu", i);
    }
    ck_assert(beam_is_utf8((beam_span){ "", 0 }));
    ck_assert(beam_is_utf8((beam_span){ NULL, 0 }));
    ck_assert(beam_is_utf8((beam_span){ "a\0b", 3 }));
}
END_TEST

START_TEST(mending)
{
    char text[] = "caf\xe9 \xc3\xa9 \xff";
    bm_utf8_mend(text);
    ck_assert_str_eq(text, "caf? \xc3\xa9 ?");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { characters, mending };
    return run_tests("base/utf8", tests, BEAM_COUNT(tests));
}
