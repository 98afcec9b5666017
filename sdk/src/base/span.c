/* SPDX-License-Identifier: Apache-2.0 */
/* Views of bytes. Any thread. */
#include <string.h>

#include "beam/value.h"

beam_span beam_span_of(const char *text)
{
    return (beam_span){ text, text ? strlen(text) : 0 };
}

bool beam_span_equal(beam_span a, beam_span b)
{
    return a.len == b.len && (!a.len || !memcmp(a.ptr, b.ptr, a.len));
}
