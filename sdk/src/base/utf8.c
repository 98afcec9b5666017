/* SPDX-License-Identifier: Apache-2.0 */
/* What is UTF-8 and what is not. Any thread. */
#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

#include "beam/value.h"

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

/* Most text is ASCII for the most part. */
static size_t ascii_length(const char *text, size_t n)
{
    size_t i = 0;
    for (uint64_t eight; n - i >= sizeof eight; i += sizeof eight) {
        memcpy(&eight, text + i, sizeof eight);
        if (eight & 0x8080808080808080) break;
    }
    while (i < n && !(text[i] & 0x80)) i++;
    return i;
}

bool beam_is_utf8(beam_span text)
{
    for (size_t i = 0; (i += ascii_length(text.ptr + i, text.len - i)) < text.len;) {
        size_t n = bm_utf8_length(text.ptr + i, text.len - i);
        if (!n) return false;
        i += n;
    }
    return true;
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
