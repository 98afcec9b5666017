/* SPDX-License-Identifier: Apache-2.0 */
/* Values as text for people. Any thread. */
#include <stdarg.h>
#include <stdio.h>

#include "coders/coder_impl.h"

typedef struct text {
    char *at;
    size_t len, max; /* stops growing at max */
} text;

static void put_char(text *t, char c)
{
    if (t->len < t->max) t->at[t->len++] = c;
}

static void put(text *t, const char *s)
{
    while (*s && t->len < t->max) put_char(t, *s++);
}

static void put_format(text *t, const char *format, ...) BEAM_PRINTF(2, 3);
static void put_format(text *t, const char *format, ...)
{
    char small[64];
    va_list args;
    va_start(args, format);
    vsnprintf(small, sizeof small, format, args);
    va_end(args);
    put(t, small);
}

/* Bytes that are not printable ASCII are escaped, save UTF-8 in a STRING. */
static void put_quoted(text *t, beam_span s, bool utf8)
{
    put_char(t, '"');
    for (size_t i = 0; i < s.len && t->len < t->max; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c == '"' || c == '\\') put_char(t, '\\');
        if ((c >= 0x20 && c < 0x7f) || (utf8 && c >= 0x80))
            put_char(t, (char)c);
        else
            put_format(t, "\\x%02x", c);
    }
    put_char(t, '"');
}

static void put_value(text *t, beam_value v);

static void put_items(text *t, const char *open, const beam_value *at, size_t n,
                      const char *close)
{
    put(t, open);
    for (size_t i = 0; i < n && t->len < t->max; i++) {
        if (i) put(t, ", ");
        put_value(t, at[i]);
    }
    put(t, close);
}

/* Does not read it: it may be long, and someone else may be at it. */
static void put_iterable(text *t, const beam_iter *iter)
{
    if (iter && iter->known_size >= 0)
        put_format(t, "iterable of %lld", (long long)iter->known_size);
    else
        put(t, "iterable");
}

static void put_window(text *t, const beam_window *w)
{
    if (w->custom.ptr)
        put_quoted(t, w->custom, false);
    else if (bm_window_is_global(w))
        put(t, "global window");
    else
        put_format(t, "[%lld, %lld)", (long long)w->start, (long long)w->end);
}

static void put_element(text *t, const bm_element *element)
{
    put_value(t, element->value);
    put_format(t, " at %lld", (long long)element->timestamp);
}

static void put_timer(text *t, const bm_timer *timer)
{
    put(t, "timer of ");
    put_value(t, timer->key);
    if (timer->clear)
        put(t, ", cleared");
    else
        put_format(t, " at %lld", (long long)timer->fire);
}

static void put_value(text *t, beam_value v)
{
    switch (v.kind) {
    case BEAM_KIND_BYTES:
    case BEAM_KIND_STRING: put_quoted(t, v.as.span, v.kind == BEAM_KIND_STRING); break;
    case BEAM_KIND_BOOL: put(t, v.as.boolean ? "true" : "false"); break;
    case BEAM_KIND_INT64: put_format(t, "%lld", (long long)v.as.int64); break;
    case BEAM_KIND_DOUBLE: put_format(t, "%.17g", v.as.number); break;
    case BEAM_KIND_KV: put_items(t, "KV{", v.as.kv, 2, "}"); break;
    case BEAM_KIND_SHARDED_KEY: put_items(t, "ShardedKey{", v.as.kv, 2, "}"); break;
    case BEAM_KIND_ROW: put_items(t, "Row{", v.as.list.at, v.as.list.n, "}"); break;
    case BEAM_KIND_LIST: put_items(t, "[", v.as.list.at, v.as.list.n, "]"); break;
    case BEAM_KIND_MAP: put_items(t, "Map{", v.as.list.at, v.as.list.n, "}"); break;
    case BEAM_KIND_ITERABLE: put_iterable(t, v.as.iter); break;
    case BEAM_KIND_WINDOW: put_window(t, v.as.ptr); break;
    case BEAM_KIND_WINDOWED: put_element(t, v.as.ptr); break;
    case BEAM_KIND_TIMER: put_timer(t, v.as.ptr); break;
    case BEAM_KIND_STRUCT: put(t, "struct"); break;
    default: put(t, "null");
    }
}

/* Steps back over a character of UTF-8 that was cut. */
static size_t whole_characters(const char *at, size_t len)
{
    size_t i = len;
    while (i && len - i < 3 && (at[i - 1] & 0xc0) == 0x80) i--;
    if (!i) return len;
    unsigned char lead = (unsigned char)at[i - 1];
    size_t need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    return len - (i - 1) < need ? i - 1 : len;
}

char *bm_value_text(bm_arena *arena, beam_value value, size_t max)
{
    static const char cut[] = "...";
    text t = { bm_alloc(arena, max + sizeof cut), 0, max + 1 };
    put_value(&t, value);
    if (t.len > max) {
        t.len = whole_characters(t.at, max < sizeof cut ? max : max - (sizeof cut - 1));
        if (max >= sizeof cut) t.max = max, put(&t, cut);
    }
    t.at[t.len] = '\0';
    return t.at;
}
