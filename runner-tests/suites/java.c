/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the Java suite share. */
#include "java.h"

#include <stdlib.h>

/* -- elements each at a time of its own ---------------------------------------------------- */
static beam_status emit_at_key(beam_ctx *c, beam_value in)
{
    return beam_emit_at(c, beam_val(in), beam_as_int64(beam_key(in)));
}
static const beam_dofn emit_at_key_fn = { .name = "java.emit_at_key",
                                          .in = BEAM_KV(BEAM_INT64, BEAM_ANY),
                                          .out = BEAM_ANY,
                                          .process = emit_at_key };

beam_pcoll *create_at_times(beam_pipeline *p, const char *name, const beam_type *type,
                            const beam_timestamped *elements, size_t n)
{
    beam_value *pairs = calloc(2 * n + 1, sizeof *pairs), *kvs = calloc(n + 1, sizeof *kvs);
    for (size_t i = 0; i < n; i++) {
        pairs[2 * i] = beam_int64(elements[i].timestamp);
        pairs[2 * i + 1] = elements[i].value;
        kvs[i] = beam_kv(&pairs[2 * i]);
    }
    beam_scope_begin(p, name);
    beam_pcoll *created = beam_create(p, "Values", BEAM_KV(BEAM_INT64, type), kvs, n);
    beam_pcoll *timed = beam_par_do(created, "Times", &emit_at_key_fn, .out = type);
    beam_scope_end(p);
    free(kvs);
    free(pairs);
    return timed;
}

beam_pcoll *create_timed_ints(beam_pipeline *p, const char *name, const timed_int *ints,
                              size_t n)
{
    beam_timestamped *elements = calloc(n + 1, sizeof *elements);
    for (size_t i = 0; i < n; i++)
        elements[i] = (beam_timestamped){ beam_int64(ints[i].value), ints[i].at };
    beam_pcoll *created = create_at_times(p, name, BEAM_INT64, elements, n);
    free(elements);
    return created;
}

beam_pcoll *create_timed_strings(beam_pipeline *p, const char *name,
                                 const timed_string *strings, size_t n)
{
    beam_timestamped *elements = calloc(n + 1, sizeof *elements);
    for (size_t i = 0; i < n; i++)
        elements[i] = (beam_timestamped){ beam_string(beam_span_of(strings[i].value)),
                                          strings[i].at };
    beam_pcoll *created = create_at_times(p, name, BEAM_STRING, elements, n);
    free(elements);
    return created;
}

beam_pcoll *create_timed_pairs(beam_pipeline *p, const char *name, const timed_pair *pairs,
                               size_t n)
{
    beam_timestamped *elements = calloc(n + 1, sizeof *elements);
    beam_value *values = calloc(2 * n + 1, sizeof *values);
    for (size_t i = 0; i < n; i++) {
        values[2 * i] = beam_string(beam_span_of(pairs[i].key));
        values[2 * i + 1] = beam_int64(pairs[i].value);
        elements[i] = (beam_timestamped){ beam_kv(&values[2 * i]), pairs[i].at };
    }
    beam_pcoll *created =
        create_at_times(p, name, BEAM_KV(BEAM_STRING, BEAM_INT64), elements, n);
    free(values);
    free(elements);
    return created;
}

/* -- events of a TestStream ------------------------------------------------------------------ */
void add_pair(beam_test_stream *ts, const char *key, int64_t value, beam_millis at)
{
    const beam_value pair[] = { beam_string(beam_span_of(key)), beam_int64(value) };
    beam_test_stream_add(ts, beam_kv(pair), at);
}

void add_string_pair(beam_test_stream *ts, const char *key, const char *value, beam_millis at)
{
    const beam_value pair[] = { beam_string(beam_span_of(key)),
                                beam_string(beam_span_of(value)) };
    beam_test_stream_add(ts, beam_kv(pair), at);
}

void add_string(beam_test_stream *ts, const char *value, beam_millis at)
{
    beam_test_stream_add(ts, beam_string(beam_span_of(value)), at);
}

/* -- a type of the program ------------------------------------------------------------------- */
static void write_my_integer(const void *object, beam_writer *out)
{
    beam_write_int64(out, ((const my_integer *)object)->value);
}
static beam_status read_my_integer(void *object, beam_reader *in)
{
    return beam_read_int64(in, &((my_integer *)object)->value);
}
const beam_struct_coder java_my_integer_coder = { "java.my_integer", sizeof(my_integer),
                                                  write_my_integer, read_my_integer };

/* -- DoFns of several files ------------------------------------------------------------------- */
static beam_status emit_sums(beam_ctx *c, beam_value in)
{
    int64_t n = 0, sum = 0;
    beam_iter *it = beam_as_iter(beam_val(in));
    for (beam_value v; beam_next(it, &v); n++) sum += beam_as_int64(v);
    beam_span text = beam_format(c, "%lld, %lld", (long long)n, (long long)sum);
    return beam_emit_kv(c, beam_key(in), beam_string(text));
}
const beam_dofn java_sums_fn = { .name = "java.sums",
                                 .in = BEAM_KV(BEAM_STRING, BEAM_ITERABLE(BEAM_INT64)),
                                 .out = BEAM_KV(BEAM_STRING, BEAM_STRING),
                                 .process = emit_sums };

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

int64_t *sorted_ints(beam_ctx *c, beam_iter *it, size_t *n)
{
    size_t room = 16;
    int64_t *ints = beam_alloc(c, room * sizeof *ints);
    *n = 0;
    for (beam_value v; beam_next(it, &v);) {
        if (*n == room) {
            int64_t *more = beam_alloc(c, 2 * room * sizeof *more);
            for (size_t i = 0; i < room; i++) more[i] = ints[i];
            ints = more;
            room *= 2;
        }
        ints[(*n)++] = beam_as_int64(v);
    }
    qsort(ints, *n, sizeof *ints, by_size);
    return ints;
}

beam_value text_of_ints(beam_ctx *c, const int64_t *ints, size_t n)
{
    beam_span text = beam_format(c, "[");
    for (size_t i = 0; i < n; i++)
        text = beam_format(c, BEAM_SPAN_FMT "%s%lld", BEAM_SPAN_ARG(text), i ? ", " : "",
                           (long long)ints[i]);
    return beam_string(beam_format(c, BEAM_SPAN_FMT "]", BEAM_SPAN_ARG(text)));
}
