/* SPDX-License-Identifier: Apache-2.0 */
/* What is UTF-8 and what is not. Any thread. */
#include "utf8.h"

#include <string.h>

size_t bm_utf8_length(const char *text, size_t left)
{
    const unsigned char *s = (const unsigned char *)text;
    if (s[0] < 0x80) return 1;
    size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || n > left) return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if (s[0] == 0xe0 && s[1] < 0xa0) return 0; /* overlong */
    if (s[0] == 0xed && s[1] > 0x9f) return 0; /* surrogates */
    if (s[0] == 0xf0 && s[1] < 0x90) return 0; /* overlong */
    if (s[0] == 0xf4 && s[1] > 0x8f) return 0; /* over U+10FFFF */
    return n;
}

void bm_utf8_mend(char *text)
{
    for (size_t left = strlen(text); left;) {
        size_t n = bm_utf8_length(text, left);
        if (!n) *text = '?';
        text += n ? n : 1;
        left -= n ? n : 1;
    }
}
