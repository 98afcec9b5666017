/* SPDX-License-Identifier: Apache-2.0 */
/* Combines: checks of CombineFns, types, structure. */
#include "fns/registry.h"
#include "graph_test.h"

static void add(beam_ctx *c, void *acc, beam_value in)
{
    (void)c;
    (void)acc;
    (void)in;
}
static void merge(beam_ctx *c, void *acc, const void *other)
{
    (void)c;
    (void)acc;
    (void)other;
}
static beam_value extract(beam_ctx *c, const void *acc)
{
    (void)c;
    (void)acc;
    return beam_null();
}
static void load(beam_ctx *c, void *acc, beam_value saved)
{
    (void)c;
    (void)acc;
    (void)saved;
}

static const beam_combine first_fn = { .name = "test.first",
                                       .in = BEAM_ANY,
                                       .acc = BEAM_NULLABLE(BEAM_ANY),
                                       .out = BEAM_KV(BEAM_ANY, BEAM_INT64),
                                       .acc_size = 32,
                                       .add = add,
                                       .merge = merge,
                                       .extract = extract,
                                       .save = extract,
                                       .load = load };

START_TEST(per_key)
{
    beam_pcoll *out = beam_combine_per_key(pairs(), "Sum", &beam_sum_int64);
    ck_assert_ptr_eq(out->producer->combine, &beam_sum_int64);
    expect_print(CREATED(
        "Pairs",
        "KV<STRING, INT64>") "Sum: CombinePerKey 'beam.sum_int64' (Pairs) -> KV<STRING, INT64>\n"
                             "  GroupByKey: GroupByKey (Pairs) -> KV<STRING, ITERABLE<INT64>>\n"
                             "  Combine.GroupedValues: Combine.GroupedValues 'beam.sum_int64' "
                             "(Sum/GroupByKey) -> KV<STRING, INT64>\n");
}
END_TEST

START_TEST(any_is_the_values)
{
    char config[] = "c";
    beam_pcoll *out = beam_combine_per_key(pairs(), "First", &first_fn,
                                           .config = { config, 1 });
    config[0] = 'x';
    expect_type(out, "KV<STRING, KV<INT64, INT64>>");
    const bm_step *step = out->producer->parent;
    ck_assert_str_eq(bm_type_text(&p->arena, step->acc), "NULLABLE<INT64>");
    ck_assert_mem_eq(step->config.ptr, "c", 1);
    ck_assert_mem_eq(out->producer->config.ptr, "c", 1);
}
END_TEST

START_TEST(wrong_values)
{
    beam_combine_per_key(input_of(BEAM_KV(BEAM_STRING, BEAM_STRING)), "Sum",
                         &beam_sum_int64);
    expect_error(BEAM_ETYPE,
                 "Sum: CombineFn 'beam.sum_int64' reads INT64, but 'Input' holds "
                 "KV<STRING, STRING>: make the values INT64, or use another "
                 "CombineFn");
}
END_TEST

START_TEST(wrong_elements)
{
    beam_combine_globally(words(), "Sum", &beam_sum_double);
    expect_error(BEAM_ETYPE,
                 "Sum: CombineFn 'beam.sum_double' reads DOUBLE, but 'Words' holds "
                 "STRING: make the elements DOUBLE, or use another CombineFn");
}
END_TEST

START_TEST(without_keys)
{
    beam_combine_per_key(words(), "Sum", &beam_count);
    expect_error(BEAM_ETYPE,
                 "Sum: CombinePerKey reads KV<K, V>, but 'Words' holds STRING: "
                 "make KVs of its elements first");
}
END_TEST

static void refuse(const beam_combine *fn, beam_status status, const char *message)
{
    beam_pipeline_free(p);
    p = beam_pipeline_new();
    beam_combine_per_key(pairs(), "Step", fn);
    expect_error(status, message);
}

START_TEST(incomplete_combines)
{
    refuse(NULL, BEAM_EINVAL, "Step: its CombineFn is NULL");
    beam_combine fn = first_fn;
    fn.name = "";
    refuse(&fn, BEAM_EINVAL,
           "Step: CombineFn '(no name)' has no name: give it one, unique in the program");
    fn.name = "x";
    fn.acc = NULL;
    refuse(&fn, BEAM_EINVAL, "Step: CombineFn 'x' needs all of .in, .acc and .out");
    fn.acc = BEAM_STRING;
    fn.merge = NULL;
    refuse(&fn, BEAM_EINVAL,
           "Step: CombineFn 'x' needs all of .add, .merge and .extract");
    fn.merge = merge;
    fn.load = NULL;
    refuse(&fn, BEAM_EINVAL,
           "Step: CombineFn 'x' has one of .save and .load: set both or none");
    fn.save = NULL;
    refuse(
        &fn, BEAM_EINVAL,
        "Step: CombineFn 'x' has no .save and .load, so its .acc must be BEAM_INT64 or "
        "BEAM_DOUBLE");
    fn.acc = BEAM_INT64;
    refuse(&fn, BEAM_EINVAL,
           "Step: CombineFn 'x' has no .save and .load, so its .acc_size must be 8");
    fn.acc_size = 8;
    fn.out = &(const beam_type){ .kind = BEAM_KIND_ITERABLE };
    refuse(&fn, BEAM_ETYPE,
           "Step: CombineFn 'x' declares .out with a type without one of its parts");
    beam_pipeline_free(p);
    p = beam_pipeline_new();
    beam_combine_per_key_with(pairs(), "Step", NULL);
    expect_error(BEAM_EINVAL, "Step: its CombineFn is NULL");
}
END_TEST

START_TEST(registered)
{
    bm_registry registry;
    ck_assert_int_eq(bm_registry_init(&registry, NULL, NULL), BEAM_OK);
    p->registry = &registry;
    beam_pcoll *c = pairs();
    beam_combine_per_key(c, "Sum", &beam_sum_int64);
    beam_top_per_key(c, "Top", 3, BEAM_SMALLEST);
    beam_combine_globally(c, "Count", &beam_count);
    expect_no_error();
    beam_combine_per_key(c, "First", &first_fn);
    expect_error(BEAM_EINVAL,
                 "First: CombineFn 'test.first' is not in beam_program.combines: add it");
    bm_registry_free(&registry);
}
END_TEST

/* -- globally ------------------------------------------------------------------------- */
START_TEST(globally_in_the_global_window)
{
    expect_type(beam_combine_globally(words(), "Count", &beam_count), "INT64");
    expect_print(CREATED(
        "Words",
        "STRING") "Count: composite (Words) -> INT64\n"
                  "  PairWithVoid: ParDo 'beam.pair_with_void' (Words) -> KV<BYTES, STRING>\n"
                  "  CombinePerKey: CombinePerKey 'beam.count' (Count/PairWithVoid) -> KV<BYTES, INT64>\n"
                  "    GroupByKey: GroupByKey (Count/PairWithVoid) -> KV<BYTES, ITERABLE<STRING>>\n"
                  "    Combine.GroupedValues: Combine.GroupedValues 'beam.count' "
                  "(Count/CombinePerKey/GroupByKey) -> KV<BYTES, INT64>\n"
                  "  Impulse: Impulse -> BYTES\n"
                  "  EmptyGroup: ParDo 'beam.empty_group' (Count/Impulse) -> "
                  "KV<BYTES, ITERABLE<STRING>>\n"
                  "  CombineNothing: Combine.GroupedValues 'beam.count' (Count/EmptyGroup) -> "
                  "KV<BYTES, INT64>\n"
                  "  MarkResult: ParDo 'beam.mark' (Count/CombinePerKey) -> KV<BYTES, KV<BOOL, INT64>>\n"
                  "  MarkDefault: ParDo 'beam.mark' (Count/CombineNothing) -> "
                  "KV<BYTES, KV<BOOL, INT64>>\n"
                  "  Flatten: Flatten (Count/MarkResult, Count/MarkDefault) -> "
                  "KV<BYTES, KV<BOOL, INT64>>\n"
                  "  GroupByKey: GroupByKey (Count/Flatten) -> "
                  "KV<BYTES, ITERABLE<KV<BOOL, INT64>>>\n"
                  "  Choose: ParDo 'beam.choose' (Count/GroupByKey) -> INT64\n");
}
END_TEST

START_TEST(globally_in_windows)
{
    beam_pcoll *minutes = beam_window_into(words(), "Minutes",
                                           beam_fixed(beam_minutes(1)));
    beam_pcoll *out = beam_combine_globally(minutes, "Count", &beam_count);
    ck_assert_ptr_eq(out->windowing, minutes->windowing);
    const bm_step *step = out->producer->parent;
    ck_assert_str_eq(step->last_child->name, "Values");
    expect_type(out, "INT64");
}
END_TEST

START_TEST(globally_with_a_bad_trigger)
{
    beam_pcoll *once = beam_window_into(words(), "Once", beam_fixed(10),
                                        .trigger = BEAM_AFTER_COUNT(1));
    beam_scope_begin(p, "Scope");
    beam_combine_globally(once, "Count", &beam_count);
    expect_error(
        BEAM_EINVAL,
        "Scope/Count: the trigger of 'Once', count 1, fires for a last time before "
        "its window ends, and later elements would be lost: put it in BEAM_REPEAT()");
}
END_TEST

/* -- counts and top ------------------------------------------------------------------- */
START_TEST(count_per_element)
{
    beam_pcoll *out = beam_count_per_element(words(), "Count");
    expect_type(out, "KV<STRING, INT64>");
    ck_assert_str_eq(out->producer->unique_name, "Count/Sum/Combine.GroupedValues");
    beam_combine_per_key(out, "Again", &beam_sum_double);
    expect_error(BEAM_ETYPE,
                 "Again: CombineFn 'beam.sum_double' reads DOUBLE, but 'Count' "
                 "holds KV<STRING, INT64>: make the values DOUBLE, or use another "
                 "CombineFn");
}
END_TEST

START_TEST(count_what_has_no_key)
{
    beam_count_per_element(input_of(BEAM_ITERABLE(BEAM_STRING)), "Count");
    expect_error(BEAM_ETYPE,
                 "Count: elements are counted by their encoding, but those of 'Input', "
                 "ITERABLE<STRING>, hold an iterable, which has more than one encoding");
}
END_TEST

START_TEST(top)
{
    beam_pcoll *out = beam_top_per_key(pairs(), "Top", 200, BEAM_SMALLEST);
    expect_type(out, "KV<STRING, ITERABLE<INT64>>");
    ck_assert_mem_eq(out->producer->config.ptr, "\xc8\x01\x01", 3);
    ck_assert_str_eq(bm_type_text(&p->arena, out->producer->acc), "ITERABLE<INT64>");
}
END_TEST

START_TEST(bad_tops)
{
    beam_top_per_key(pairs(), "Top", 0, BEAM_LARGEST);
    expect_error(BEAM_EINVAL, "Top: beam_top_per_key() must keep one value or more");
    beam_pipeline_free(p);
    p = beam_pipeline_new();
    beam_top_per_key(pairs(), "Top", 1, (beam_order)7);
    expect_error(BEAM_EINVAL, "Top: order is neither BEAM_LARGEST nor BEAM_SMALLEST");
    beam_pipeline_free(p);
    p = beam_pipeline_new();
    beam_top_per_key(input_of(BEAM_KV(BEAM_STRING, BEAM_BOOL)), "Top", 1, BEAM_LARGEST);
    expect_error(
        BEAM_ETYPE,
        "Top: beam_top_per_key() orders INT64, DOUBLE, STRING, BYTES and KVs of "
        "these, but the values of 'Input' are BOOL: put what to order by in front, as "
        "the key of a KV");
}
END_TEST

RUN("combine", per_key, any_is_the_values, wrong_values, wrong_elements, without_keys,
    incomplete_combines, registered, globally_in_the_global_window, globally_in_windows,
    globally_with_a_bad_trigger, count_per_element, count_what_has_no_key, top, bad_tops)
