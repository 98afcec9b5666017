/* SPDX-License-Identifier: Apache-2.0 */
/* Sources and formats that the suites share. */
#include "shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

beam_pcoll *create_ints(beam_pipeline *p, const char *name, const int64_t *values, size_t n)
{
    beam_value *items = calloc(n + 1, sizeof *items);
    for (size_t i = 0; items && i < n; i++) items[i] = beam_int64(values[i]);
    beam_pcoll *made = beam_create(p, name, BEAM_INT64, items, items ? n : 0);
    free(items);
    return made;
}

beam_pcoll *create_pairs(beam_pipeline *p, const char *name, const char *const *pairs)
{
    beam_value pair[64][2], items[64];
    size_t n = 0;
    for (; pairs[2 * n]; n++) {
        pair[n][0] = beam_string(beam_span_of(pairs[2 * n]));
        pair[n][1] = beam_string(beam_span_of(pairs[2 * n + 1]));
        items[n] = beam_kv(pair[n]);
    }
    return beam_create(p, name, BEAM_KV(BEAM_STRING, BEAM_STRING), items, n);
}

static beam_millis value_seconds(beam_ctx *c, beam_value in)
{
    (void)c;
    return beam_seconds(beam_as_int64(beam_val(in)));
}

const beam_dofn value_seconds_fn = {
    .name = "model.value_seconds",
    .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
    .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
    .timestamp = value_seconds,
};

beam_pcoll *create_timed(beam_pipeline *p, const char *name, const char *const *keys,
                         const int64_t *seconds, size_t n)
{
    beam_value pair[64][2], items[64];
    for (size_t i = 0; i < n; i++) {
        pair[i][0] = beam_string(beam_span_of(keys[i]));
        pair[i][1] = beam_int64(seconds[i]);
        items[i] = beam_kv(pair[i]);
    }
    beam_scope_begin(p, name);
    beam_pcoll *made = beam_create(p, "Create", BEAM_KV(BEAM_STRING, BEAM_INT64), items, n);
    made = beam_with_timestamps(made, "Timestamps", &value_seconds_fn);
    beam_scope_end(p);
    return made;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static const char *text_of(beam_ctx *c, beam_value v);

static const char *text_of_iterable(beam_ctx *c, beam_value v)
{
    const char *items[256];
    size_t n = 0, size = 3;
    beam_iter *it = beam_as_iter(v);
    for (beam_value item; n < 256 && beam_next(it, &item); n++) {
        items[n] = text_of(c, item);
        size += strlen(items[n]) + 1;
    }
    qsort(items, n, sizeof *items, by_text);
    char *text = beam_alloc(c, size);
    strcpy(text, "[");
    for (size_t i = 0; i < n; i++) {
        if (i) strcat(text, " ");
        strcat(text, items[i]);
    }
    return strcat(text, "]");
}

static const char *text_of_list(beam_ctx *c, beam_value v)
{
    const char *text = v.kind == BEAM_KIND_ROW ? "(" : "{";
    for (size_t i = 0; i < beam_list_size(v); i++)
        text = beam_format(c, "%s%s%s", text, i ? " " : "", text_of(c, beam_list_at(v, i))).ptr;
    return beam_format(c, "%s%s", text, v.kind == BEAM_KIND_ROW ? ")" : "}").ptr;
}

static const char *text_of(beam_ctx *c, beam_value v)
{
    switch (v.kind) {
    case BEAM_KIND_BYTES:
    case BEAM_KIND_STRING: return beam_cstr(c, beam_as_span(v));
    case BEAM_KIND_BOOL: return beam_as_bool(v) ? "true" : "false";
    case BEAM_KIND_INT64: return beam_format(c, "%lld", (long long)beam_as_int64(v)).ptr;
    case BEAM_KIND_DOUBLE: return beam_format(c, "%g", beam_as_double(v)).ptr;
    case BEAM_KIND_KV:
        return beam_format(c, "%s: %s", text_of(c, beam_key(v)), text_of(c, beam_val(v))).ptr;
    case BEAM_KIND_ITERABLE: return text_of_iterable(c, v);
    case BEAM_KIND_ROW:
    case BEAM_KIND_LIST:
    case BEAM_KIND_MAP: return text_of_list(c, v);
    case BEAM_KIND_NONE: return "null";
    default: return "?";
    }
}

static beam_value to_text(beam_ctx *c, beam_value in)
{
    return beam_string(beam_span_of(text_of(c, in)));
}

const beam_dofn to_text_fn = {
    .name = "model.to_text",
    .in = BEAM_ANY,
    .out = BEAM_STRING,
    .map = to_text,
};

beam_pcoll *as_text(beam_pcoll *in, const char *name)
{
    return beam_map(in, name, &to_text_fn);
}

static beam_value windowed_text(beam_ctx *c, beam_value in)
{
    beam_window w = beam_element_window(c);
    return beam_string(beam_format(c, "[%lld,%lld) %s", (long long)(w.start / 1000),
                                   (long long)(w.end / 1000), text_of(c, in)));
}

const beam_dofn windowed_text_fn = {
    .name = "model.windowed_text",
    .in = BEAM_ANY,
    .out = BEAM_STRING,
    .flags = BEAM_OBSERVES_WINDOW,
    .map = windowed_text,
};

beam_pcoll *with_window(beam_pcoll *in, const char *name)
{
    beam_pipeline *p = beam_pcoll_pipeline(in);
    beam_scope_begin(p, name);
    beam_pcoll *text = beam_map(in, "Format", &windowed_text_fn);
    text = beam_window_into(text, "Global", beam_global());
    beam_scope_end(p);
    return text;
}
