/* SPDX-License-Identifier: Apache-2.0 */
/* Values as text that assertions compare: whole, and with iterables sorted. Bundle thread. */
#include "fns/text.h"

#include <stdio.h>
#include <stdlib.h>

#include "beam/testing.h"
#include "fns/ctx.h"

/* Where the text goes, and how. */
typedef struct text {
    bm_writer out;
    bm_arena *arena; /* of what is sorted */
    bool quoted;
} text;

static void put_value(text *t, const bm_coder *coder, beam_value v);

static void put(text *t, const char *s)
{
    bm_write_bytes(&t->out, s, strlen(s));
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

/* A line break would end a line of the expectation, so it is escaped too. */
static void put_bytes(text *t, beam_span s, bool utf8)
{
    if (t->quoted) put(t, "\"");
    for (size_t i = 0; i < s.len; i++) {
        unsigned char b = (unsigned char)s.ptr[i];
        if (t->quoted && (b == '"' || b == '\\')) put(t, "\\");
        if ((b >= 0x20 && b < 0x7f) || (utf8 && b >= 0x80))
            bm_write_u8(&t->out, b);
        else
            put_format(t, "\\x%02x", b);
    }
    if (t->quoted) put(t, "\"");
}

static void put_double(text *t, double number)
{
    char shortest[40];
    for (int digits = 15; digits <= 17; digits++) { /* %g leaves zeros at the end out */
        snprintf(shortest, sizeof shortest, "%.*g", digits, number);
        if (strtod(shortest, NULL) == number) break;
    }
    put(t, number != number ? "nan" : shortest);
}

/* -- parts ------------------------------------------------------------------------------ */
static const bm_coder *unprefixed(const bm_coder *coder)
{
    while (coder && coder->kind == BM_CODER_LENGTH_PREFIX) coder = coder->arg[0];
    return coder;
}

static const bm_coder *part(const bm_coder *coder, int i)
{
    return coder ? unprefixed(coder->arg[i]) : NULL;
}

static void put_items(text *t, const char *open, const bm_coder *coder,
                      const beam_value *at, size_t n, const char *close)
{
    put(t, open);
    for (size_t i = 0; i < n; i++) {
        if (i) put(t, ", ");
        put_value(t, coder, at[i]);
    }
    put(t, close);
}

static void put_kv(text *t, const bm_coder *coder, const beam_value *kv)
{
    put_value(t, part(coder, 0), kv[0]);
    put(t, ": ");
    put_value(t, part(coder, 1), kv[1]);
}

typedef struct lines {
    beam_span *at;
    size_t n, cap;
} lines;

static int by_bytes(const void *left, const void *right)
{
    const beam_span *a = left, *b = right;
    size_t n = a->len < b->len ? a->len : b->len;
    int order = n ? memcmp(a->ptr, b->ptr, n) : 0;
    return order ? order : (a->len > b->len) - (a->len < b->len);
}

static void add_line(bm_arena *arena, lines *l, beam_span line)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 8;
        beam_span *grown = bm_alloc(arena, bm_times(cap, sizeof *grown));
        if (l->n) memcpy(grown, l->at, l->n * sizeof *grown);
        l->at = grown;
        l->cap = cap;
    }
    l->at[l->n++] = bm_span_copy(arena, line);
}

/* The text of one item is made behind what is written, and then taken away again. */
static void add_item(text *t, lines *l, const bm_coder *coder, beam_value v)
{
    size_t begin = t->out.len;
    put_value(t, coder, v);
    add_line(t->arena, l,
             (beam_span){ (const char *)t->out.data + begin, t->out.len - begin });
    t->out.len = begin;
}

static void put_sorted(text *t, lines *l)
{
    if (l->n) qsort(l->at, l->n, sizeof *l->at, by_bytes);
    put(t, "[");
    for (size_t i = 0; i < l->n; i++) {
        if (i) put(t, ", ");
        bm_write_bytes(&t->out, l->at[i].ptr, l->at[i].len);
    }
    put(t, "]");
}

static void put_bag(text *t, const bm_coder *coder, beam_value v)
{
    lines l = { NULL, 0, 0 };
    if (v.kind == BEAM_KIND_ITERABLE) {
        beam_iter *it = beam_as_iter(v);
        for (beam_value item; beam_next(it, &item);) add_item(t, &l, coder, item);
    } else {
        for (size_t i = 0; i < beam_list_size(v); i++)
            add_item(t, &l, coder, beam_list_at(v, i));
    }
    put_sorted(t, &l);
}

static void put_struct(text *t, const bm_coder *coder, beam_value v)
{
    bm_writer bytes = { 0 };
    if (!coder || coder->kind != BM_CODER_STRUCT || bm_encode(coder, false, v, &bytes))
        put(t, "struct");
    else
        put_bytes(t, bm_written(&bytes), false);
    bm_writer_free(&bytes);
}

static void put_window(text *t, const beam_window *w)
{
    if (w->end == BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP + 1)
        put(t, "[global]");
    else
        put_format(t, "[%lld, %lld)", (long long)w->start, (long long)w->end);
    if (w->custom.ptr) put_bytes(t, w->custom, false);
}

/* `coder` is that of the value, or NULL where it is not known. */
static void put_value(text *t, const bm_coder *coder, beam_value v)
{
    while (coder &&
           (coder->kind == BM_CODER_NULLABLE || coder->kind == BM_CODER_LENGTH_PREFIX))
        coder = coder->arg[0];
    switch (v.kind) {
    case BEAM_KIND_BYTES:
    case BEAM_KIND_STRING: put_bytes(t, v.as.span, v.kind == BEAM_KIND_STRING); break;
    case BEAM_KIND_BOOL: put(t, v.as.boolean ? "true" : "false"); break;
    case BEAM_KIND_INT64: put_format(t, "%lld", (long long)v.as.int64); break;
    case BEAM_KIND_DOUBLE: put_double(t, v.as.number); break;
    case BEAM_KIND_KV:
    case BEAM_KIND_SHARDED_KEY: put_kv(t, coder, v.as.kv); break;
    case BEAM_KIND_ROW: put_items(t, "{", NULL, v.as.list.at, v.as.list.n, "}"); break;
    case BEAM_KIND_LIST:
    case BEAM_KIND_MAP:
    case BEAM_KIND_ITERABLE: put_bag(t, part(coder, 0), v); break;
    case BEAM_KIND_STRUCT: put_struct(t, coder, v); break;
    case BEAM_KIND_WINDOW: put_window(t, v.as.ptr); break;
    default: put(t, "null");
    }
}

beam_span bm_text(bm_arena *arena, const bm_coder *coder, beam_value v, bool quoted)
{
    text t = { .arena = arena, .quoted = quoted };
    put_value(&t, unprefixed(coder), v);
    beam_span copy = bm_span_copy(arena, bm_written(&t.out));
    bm_writer_free(&t.out);
    return copy;
}

beam_span beam_text(beam_ctx *c, beam_value v, bool quoted)
{
    return bm_text(bm_ctx_arena(c), bm_ctx_input_coder(c), v, quoted);
}
