/* SPDX-License-Identifier: Apache-2.0 */
/* GroupByKey, CoGroupByKey, and groups that are read more than once. */
#include <stdlib.h>
#include <string.h>

#include "model.h"

static const char *const fruit[] = { "a", "apple", "b", "banana", "a", "avocado", NULL };
static const char *const colour[] = { "a", "green", "c", "blue", NULL };

/* KV<K, KV<iterable, iterable>> -> text, reading each input twice. */
static beam_status join(beam_ctx *c, beam_value in)
{
    beam_iter *left = beam_co_values(in, 0), *right = beam_co_values(in, 1);
    int n_left = 0, n_right = 0;
    for (beam_value v; beam_next(left, &v);) n_left++;
    for (beam_value v; beam_next(right, &v);) n_right++;
    left = beam_co_values(in, 0);
    for (beam_value v; beam_next(left, &v);) n_left += 10;
    return beam_emit(c, beam_string(beam_format(c, BEAM_SPAN_FMT " %d %d",
                                                BEAM_SPAN_ARG(beam_as_span(beam_key(in))),
                                                n_left, n_right)));
}
static const beam_dofn join_fn = {
    .name = "model.join",
    .in = BEAM_KV(BEAM_STRING, BEAM_CO2(BEAM_STRING, BEAM_STRING)),
    .out = BEAM_STRING,
    .process = join,
};

/* One key, many values: the sum of three passes over the group. */
enum { MANY = 20000 };
static beam_status many_values(beam_ctx *c, beam_value in)
{
    (void)in;
    for (int64_t i = 0; i < MANY; i++)
        BEAM_TRY(beam_emit_kv(c, beam_string(beam_span_of("k")), beam_int64(i)));
    return BEAM_OK;
}
static const beam_dofn many_values_fn = { .name = "model.many_values", .in = BEAM_BYTES,
                                          .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                          .process = many_values };
static beam_status three_passes(beam_ctx *c, beam_value in)
{
    int64_t sum = 0;
    for (int pass = 0; pass < 3; pass++) {
        beam_iter *it = beam_as_iter(beam_val(in));
        int64_t limit = pass == 1 ? 10 : MANY; /* the second pass stops early */
        for (beam_value v; limit-- > 0 && beam_next(it, &v);) sum += beam_as_int64(v);
    }
    return beam_emit(c, beam_string(beam_format(c, "%lld", (long long)sum)));
}
static const beam_dofn three_passes_fn = {
    .name = "model.three_passes",
    .in = BEAM_KV(BEAM_STRING, BEAM_ITERABLE(BEAM_INT64)),
    .out = BEAM_STRING,
    .process = three_passes,
};

static const beam_dofn *const dofns[] = { &join_fn, &many_values_fn, &three_passes_fn };

static beam_pcoll *group_by_key(beam_pipeline *p)
{
    return as_text(beam_group_by_key(create_pairs(p, "Pairs", fruit), "Group"), "Text");
}
static beam_pcoll *group_empty(beam_pipeline *p)
{
    static const char *const none[] = { NULL };
    return as_text(beam_group_by_key(create_pairs(p, "Pairs", none), "Group"), "Text");
}
static beam_pcoll *co_group_by_key(beam_pipeline *p)
{
    beam_pcoll *inputs[] = { create_pairs(p, "Fruit", fruit), create_pairs(p, "Colour", colour) };
    return beam_par_do(beam_co_group_by_key(p, "Join", inputs, 2), "Format", &join_fn);
}
static beam_pcoll *create_nulls(beam_pipeline *p)
{
    beam_value pairs[][2] = { { beam_string(beam_span_of("a")), beam_int64(5) },
                              { beam_string(beam_span_of("a")), beam_null() },
                              { beam_string(beam_span_of("b")), beam_null() } };
    beam_value elements[] = { beam_kv(pairs[0]), beam_kv(pairs[1]), beam_kv(pairs[2]) };
    return beam_create(p, "Nulls", BEAM_KV(BEAM_STRING, BEAM_NULLABLE(BEAM_INT64)), elements,
                       BEAM_COUNT(elements));
}
static beam_pcoll *group_nulls(beam_pipeline *p)
{
    return as_text(beam_group_by_key(create_nulls(p), "Group"), "Text");
}
/* Counting triggers must see every value, nulls too: they are combined after the shuffle. */
static beam_pcoll *count_nulls(beam_pipeline *p)
{
    const beam_trigger *early = BEAM_AFTER_END_OF_WINDOW(BEAM_AFTER_COUNT(1000), NULL);
    beam_pcoll *in = beam_window_into(create_nulls(p), "Window", beam_global(), .trigger = early);
    return as_text(beam_combine_per_key(in, "Count", &beam_count), "Text");
}
/* The slot of a value that may be null is no other one. */
static beam_pcoll *co_group_nullable(beam_pipeline *p)
{
    beam_pcoll *in = create_nulls(p);
    beam_pcoll *inputs[] = { in, in };
    return as_text(beam_co_group_by_key(p, "Join", inputs, 2), "Text");
}
static beam_pcoll *iterate_again(beam_pipeline *p)
{
    beam_pcoll *many = beam_par_do(beam_impulse(p, "Impulse"), "Many", &many_values_fn);
    return beam_par_do(beam_group_by_key(many, "Group"), "Passes", &three_passes_fn);
}
static beam_pcoll *flatten_and_group(beam_pipeline *p)
{
    beam_pcoll *inputs[] = { create_pairs(p, "Fruit", fruit), create_pairs(p, "Colour", colour) };
    return as_text(beam_group_by_key(beam_flatten(p, "Both", inputs, 2), "Group"), "Text");
}

static const model_test tests[] = {
    { "GroupByKey", group_by_key, "a: [apple avocado]\nb: [banana]\n" },
    { "GroupByKeyEmpty", group_empty, "" },
    { "GroupByKeyOfNulls", group_nulls, "a: [5 null]\nb: [null]\n" },
    { "CombineNulls", count_nulls, "a: 2\nb: 1\n" },
    { "CoGroupByKey", co_group_by_key, "a 22 1\nb 11 0\nc 0 1\n" },
    { "CoGroupByKeyOfNulls", co_group_nullable,
      "a: [5 null]: [5 null]\nb: [null]: [null]\n" },
    { "IterateGroupAgain", iterate_again, "399980045\n" },
    { "FlattenAndGroup", flatten_and_group,
      "a: [apple avocado green]\nb: [banana]\nc: [blue]\n" },
};

const model_suite grouping_suite = { tests, BEAM_COUNT(tests), dofns, BEAM_COUNT(dofns), NULL, 0 };
