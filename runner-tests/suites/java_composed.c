/* SPDX-License-Identifier: Apache-2.0 */
/* Java's CombineFnsTest: two CombineFns in one, the largest number and all letters. */
#include "java.h"

#include <string.h>

enum { ROOM = 32 };
typedef struct both {
    int64_t max;
    char text[ROOM];
} both;

static void start(beam_ctx *c, void *acc)
{
    (void)c;
    *(both *)acc = (both){ .max = INT64_MIN };
}
static void keep(both *all, beam_span more)
{
    for (size_t i = 0; i < more.len; i++) {
        size_t n = strlen(all->text), at = 0;
        if (n + 1 >= ROOM) return;
        while (at < n && all->text[at] <= more.ptr[i]) at++;
        memmove(all->text + at + 1, all->text + at, n - at + 1);
        all->text[at] = more.ptr[i];
    }
}
static void add_both(beam_ctx *c, void *acc, beam_value in)
{
    (void)c;
    both *all = acc;
    if (beam_as_int64(beam_key(in)) > all->max) all->max = beam_as_int64(beam_key(in));
    keep(all, beam_as_span(beam_val(in)));
}
static void merge_both(beam_ctx *c, void *acc, const void *other)
{
    (void)c;
    const both *more = other;
    if (more->max > ((both *)acc)->max) ((both *)acc)->max = more->max;
    keep(acc, beam_span_of(more->text));
}
static beam_value pair(beam_ctx *c, beam_value number, beam_value text)
{
    beam_value *kv = beam_alloc(c, 2 * sizeof *kv);
    kv[0] = number;
    kv[1] = text;
    return beam_kv(kv);
}
static beam_value extract_both(beam_ctx *c, const void *acc)
{
    const both *all = acc;
    return pair(c, beam_int64(all->max), beam_string(beam_span_of(all->text)));
}
static void load_both(beam_ctx *c, void *acc, beam_value saved)
{
    start(c, acc);
    add_both(c, acc, saved);
}
/* The text is a null, whatever it was made of. */
static beam_value extract_null(beam_ctx *c, const void *acc)
{
    return pair(c, beam_int64(((const both *)acc)->max), beam_null());
}
static beam_value save_null(beam_ctx *c, const void *acc)
{
    const both *all = acc;
    return pair(c, beam_int64(all->max),
                *all->text ? beam_string(beam_span_of(all->text)) : beam_null());
}
#define NUMBER_AND(text) BEAM_KV(BEAM_INT64, text)
#define NULLABLE NUMBER_AND(BEAM_NULLABLE(BEAM_STRING))
static const beam_combine both_fn = { .name = "java.both",
                                      .in = NUMBER_AND(BEAM_STRING),
                                      .acc = NUMBER_AND(BEAM_STRING),
                                      .out = NUMBER_AND(BEAM_STRING),
                                      .acc_size = sizeof(both),
                                      .create = start,
                                      .add = add_both,
                                      .merge = merge_both,
                                      .extract = extract_both,
                                      .save = extract_both,
                                      .load = load_both };
static const beam_combine both_or_null_fn = { .name = "java.both_or_null",
                                              .in = NULLABLE,
                                              .acc = NULLABLE,
                                              .out = NULLABLE,
                                              .acc_size = sizeof(both),
                                              .create = start,
                                              .add = add_both,
                                              .merge = merge_both,
                                              .extract = extract_null,
                                              .save = save_null,
                                              .load = load_both };

static beam_pcoll *five(beam_pipeline *p, const beam_type *value)
{
    static const struct {
        const char *key, *text;
        int64_t number;
        beam_millis at;
    } in[] = { { "a", "1", 1, 0 },
               { "a", "1", 1, 4 },
               { "a", "4", 4, 7 },
               { "b", "1", 1, 10 },
               { "b", "13", 13, 16 } };
    enum { N = BEAM_COUNT(in) };
    beam_value values[N][2], pairs[N][2];
    beam_timestamped elements[N];
    for (size_t i = 0; i < N; i++) {
        values[i][0] = beam_int64(in[i].number);
        values[i][1] = beam_string(beam_span_of(in[i].text));
        pairs[i][0] = beam_string(beam_span_of(in[i].key));
        pairs[i][1] = beam_kv(values[i]);
        elements[i] = (beam_timestamped){ beam_kv(pairs[i]), in[i].at };
    }
    return create_at_times(p, "In", BEAM_KV(BEAM_STRING, value), elements, N);
}

static void composed(beam_pipeline *p)
{
    beam_pcoll *in = five(p, NUMBER_AND(BEAM_STRING));
    beam_assert_that(beam_combine_globally(beam_values(in, "Values"), "All", &both_fn),
                     "OfAll", .lines = "13: 111134");
    beam_assert_that(beam_combine_per_key(in, "PerKey", &both_fn), "OfKey",
                     .lines = "a: 4: 114\nb: 13: 113");
}
static void composed_null(beam_pipeline *p)
{
    beam_pcoll *out = beam_combine_per_key(five(p, NULLABLE), "PerKey", &both_or_null_fn);
    beam_assert_that(out, "OfKey", .lines = "a: 4: null\nb: 13: null");
}

static const suite_test tests[] = {
    TEST("CombineFnsTest.testComposedCombine", "UsesSideInputs", composed),
    TEST("CombineFnsTest.testComposedCombineNullValues", "-", composed_null),
};
SUITE_TABLE(java_composed, "java", tests);
