/* SPDX-License-Identifier: Apache-2.0 */
/* CombinePerKey, CombineGlobally, built-in and user CombineFns. */
#include <stdlib.h>
#include <string.h>

#include "model.h"

static const int64_t numbers[] = { 5, -3, 12, 7, 7, 0 };

static beam_value by_parity(beam_ctx *c, beam_value in)
{
    beam_value *pair = beam_alloc(c, 2 * sizeof *pair);
    pair[0] = beam_string(beam_span_of(beam_as_int64(in) % 2 ? "odd" : "even"));
    pair[1] = in;
    return beam_kv(pair);
}
static const beam_dofn by_parity_fn = { .name = "model.by_parity", .in = BEAM_INT64,
                                        .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                        .map = by_parity };

static beam_value halved(beam_ctx *c, beam_value in)
{
    (void)c;
    return beam_double((double)beam_as_int64(in) / 2);
}
static const beam_dofn halved_fn = { .name = "model.halved", .in = BEAM_INT64,
                                     .out = BEAM_DOUBLE, .map = halved };

/* A CombineFn with a struct accumulator: the spread between largest and smallest. */
struct spread {
    int64_t low, high;
};
static void spread_create(beam_ctx *c, void *acc)
{
    (void)c;
    *(struct spread *)acc = (struct spread){ INT64_MAX, INT64_MIN };
}
static void spread_add(beam_ctx *c, void *acc, beam_value in)
{
    (void)c;
    struct spread *s = acc;
    int64_t v = beam_as_int64(in);
    if (v < s->low) s->low = v;
    if (v > s->high) s->high = v;
}
static void spread_merge(beam_ctx *c, void *acc, const void *other)
{
    const struct spread *o = other;
    if (o->low > o->high) return;
    spread_add(c, acc, beam_int64(o->low));
    spread_add(c, acc, beam_int64(o->high));
}
static beam_value spread_extract(beam_ctx *c, const void *acc)
{
    (void)c;
    const struct spread *s = acc;
    return beam_int64(s->low > s->high ? -1 : s->high - s->low);
}
static beam_value spread_save(beam_ctx *c, const void *acc)
{
    const struct spread *s = acc;
    beam_value *pair = beam_alloc(c, 2 * sizeof *pair);
    pair[0] = beam_int64(s->low);
    pair[1] = beam_int64(s->high);
    return beam_kv(pair);
}
static void spread_load(beam_ctx *c, void *acc, beam_value saved)
{
    (void)c;
    *(struct spread *)acc = (struct spread){ beam_as_int64(beam_key(saved)),
                                             beam_as_int64(beam_val(saved)) };
}
static const beam_combine spread = {
    .name = "model.spread",
    .in = BEAM_INT64,
    .acc = BEAM_KV(BEAM_INT64, BEAM_INT64),
    .out = BEAM_INT64,
    .acc_size = sizeof(struct spread),
    .create = spread_create,
    .add = spread_add,
    .merge = spread_merge,
    .extract = spread_extract,
    .save = spread_save,
    .load = spread_load,
};

static const beam_dofn *const dofns[] = { &by_parity_fn, &halved_fn };
static const beam_combine *const combines[] = { &spread };

static beam_pcoll *keyed(beam_pipeline *p)
{
    return beam_map(create_ints(p, "Ints", numbers, 6), "Key", &by_parity_fn);
}
static beam_pcoll *built_in_per_key(beam_pipeline *p)
{
    beam_pcoll *in = keyed(p);
    beam_pcoll *all[] = {
        as_text(beam_combine_per_key(in, "Sum", &beam_sum_int64), "SumText"),
        as_text(beam_combine_per_key(in, "Min", &beam_min_int64), "MinText"),
        as_text(beam_combine_per_key(in, "Max", &beam_max_int64), "MaxText"),
        as_text(beam_combine_per_key(in, "Mean", &beam_mean_int64), "MeanText"),
        as_text(beam_combine_per_key(in, "Count", &beam_count), "CountText"),
    };
    return beam_flatten(p, "All", all, 5);
}
static beam_pcoll *built_in_globally(beam_pipeline *p)
{
    beam_pcoll *in = beam_map(create_ints(p, "Ints", numbers, 6), "Half", &halved_fn);
    beam_pcoll *all[] = {
        as_text(beam_combine_globally(in, "Sum", &beam_sum_double), "SumText"),
        as_text(beam_combine_globally(in, "Min", &beam_min_double), "MinText"),
        as_text(beam_combine_globally(in, "Max", &beam_max_double), "MaxText"),
        as_text(beam_combine_globally(in, "Mean", &beam_mean_double), "MeanText"),
        as_text(beam_combine_globally(in, "Count", &beam_count), "CountText"),
    };
    return beam_flatten(p, "All", all, 5);
}
static beam_pcoll *globally_empty(beam_pipeline *p)
{
    beam_pcoll *none = create_ints(p, "Ints", NULL, 0);
    beam_pcoll *all[] = {
        as_text(beam_combine_globally(none, "Sum", &beam_sum_int64), "SumText"),
        as_text(beam_combine_globally(none, "Spread", &spread), "SpreadText"),
    };
    return beam_flatten(p, "All", all, 2);
}
static beam_pcoll *user_combine(beam_pipeline *p)
{
    return as_text(beam_combine_per_key(keyed(p), "Spread", &spread), "Text");
}
static beam_pcoll *count_per_element(beam_pipeline *p)
{
    return as_text(beam_count_per_element(create_ints(p, "Ints", numbers, 6), "Count"), "Text");
}
static beam_pcoll *top(beam_pipeline *p)
{
    beam_pcoll *in = keyed(p);
    beam_pcoll *all[] = { as_text(beam_top_per_key(in, "Largest", 2, BEAM_LARGEST), "L"),
                          as_text(beam_top_per_key(in, "Smallest", 1, BEAM_SMALLEST), "S") };
    return beam_flatten(p, "All", all, 2);
}

static const model_test tests[] = {
    { "CombinePerKeyBuiltIn", built_in_per_key,
      "even: 0\neven: 12\neven: 12\neven: 2\neven: 6\n"
      "odd: -3\nodd: 16\nodd: 4\nodd: 4\nodd: 7\n" },
    { "CombineGloballyBuiltIn", built_in_globally, "-1.5\n14\n2.33333\n6\n6\n" },
    { "CombineGloballyEmpty", globally_empty, "-1\n0\n" },
    { "CombineUserFn", user_combine, "even: 12\nodd: 10\n" },
    { "CountPerElement", count_per_element, "-3: 1\n0: 1\n12: 1\n5: 1\n7: 2\n" },
    { "TopPerKey", top, "even: [0 12]\neven: [0]\nodd: [-3]\nodd: [7 7]\n" },
};

const model_suite combine_suite = { tests,  BEAM_COUNT(tests),    dofns, BEAM_COUNT(dofns),
                                    combines, BEAM_COUNT(combines) };
