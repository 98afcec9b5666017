/* SPDX-License-Identifier: Apache-2.0 */
/* Java's CreateTest, ImpulseTest, KeysTest, KvSwapTest, PipelineTest, tuples of collections,
 * WithTimestampsTest, DistinctTest. */
#include "java.h"

/* -- Create and Impulse --------------------------------------------------------------------- */
static void create(beam_pipeline *p)
{
    beam_assert_that(STRINGS(p, "In", "test", "pipeline"), "Out", .lines = "test\npipeline");
}

static void create_empty(beam_pipeline *p)
{
    beam_assert_that(beam_create(p, "None", BEAM_STRING, NULL, 0), "Out", .empty = true);
}

static void create_with_nulls(beam_pipeline *p)
{
    const beam_value values[] = { beam_null(), beam_string(beam_span_of("test1")), beam_null(),
                                  beam_string(beam_span_of("test2")), beam_null() };
    beam_pcoll *out = beam_create(p, "In", BEAM_NULLABLE(BEAM_STRING), values,
                                  BEAM_COUNT(values));
    beam_assert_that(out, "Out", .values = values, .n = BEAM_COUNT(values));
}

static void create_with_void(beam_pipeline *p)
{
    const beam_value values[] = { beam_null(), beam_null() };
    beam_pcoll *out = beam_create(p, "In", BEAM_NULLABLE(BEAM_BYTES), values, 2);
    beam_assert_that(out, "Out", .lines = "null\nnull");
}

static void create_with_kv_void(beam_pipeline *p)
{
    const beam_value pair[] = { beam_null(), beam_null() };
    const beam_value values[] = { beam_kv(pair), beam_kv(pair) };
    beam_pcoll *out = beam_create(
        p, "In", BEAM_KV(BEAM_NULLABLE(BEAM_BYTES), BEAM_NULLABLE(BEAM_BYTES)), values, 2);
    beam_assert_that(out, "Out", .lines = "null: null\nnull: null");
}

static void impulse(beam_pipeline *p)
{
    const beam_value empty = beam_bytes((beam_span){ "", 0 });
    beam_assert_that(beam_impulse(p, "Impulse"), "Out", .singleton = &empty);
}

/* -- parts of KVs ------------------------------------------------------------------------------ */
static beam_pcoll *four_pairs(beam_pipeline *p)
{
    return STRING_INTS(p, "In", { "one", 1 }, { "two", 2 }, { "three", 3 }, { "dup", 4 },
                       { "dup", 5 });
}
static beam_pcoll *no_pairs(beam_pipeline *p)
{
    return beam_create(p, "None", BEAM_KV(BEAM_STRING, BEAM_INT64), NULL, 0);
}

static void keys(beam_pipeline *p)
{
    beam_assert_that(beam_keys(four_pairs(p), "Keys"), "Out",
                     .lines = "one\ntwo\nthree\ndup\ndup");
}
static void keys_empty(beam_pipeline *p)
{
    beam_assert_that(beam_keys(no_pairs(p), "Keys"), "Out", .empty = true);
}
static void values_of_pairs(beam_pipeline *p)
{
    beam_assert_that(beam_values(four_pairs(p), "Values"), "Out", .lines = "1\n2\n3\n4\n5");
}
static void values_empty(beam_pipeline *p)
{
    beam_assert_that(beam_values(no_pairs(p), "Values"), "Out", .empty = true);
}
static void swap(beam_pipeline *p)
{
    beam_assert_that(beam_swap(four_pairs(p), "Swap"), "Out",
                     .lines = "1: one\n2: two\n3: three\n4: dup\n5: dup");
}
static void swap_empty(beam_pipeline *p)
{
    beam_assert_that(beam_swap(no_pairs(p), "Swap"), "Out", .empty = true);
}

/* -- transforms made of others ----------------------------------------------------------------- */
static beam_status add_suffix(beam_ctx *c, beam_value in)
{
    beam_span s = beam_as_span(in), suffix = beam_config(c);
    return beam_emit(c, beam_string(beam_format(c, BEAM_SPAN_FMT BEAM_SPAN_FMT,
                                                BEAM_SPAN_ARG(s), BEAM_SPAN_ARG(suffix))));
}
static const beam_dofn add_suffix_fn = { .name = "java.add_suffix",
                                         .in = BEAM_STRING,
                                         .out = BEAM_STRING,
                                         .process = add_suffix };

/* The same transform twice, each time a step of its own. */
static void multiple_apply(beam_pipeline *p)
{
    beam_pcoll *in = STRINGS(p, "In", "a", "b");
    beam_pcoll *first = beam_par_do(in, "First", &add_suffix_fn,
                                    .config = beam_span_of("+"));
    beam_pcoll *second = beam_par_do(in, "Second", &add_suffix_fn,
                                     .config = beam_span_of("+"));
    beam_pcoll *both = beam_flatten(p, "Both", (beam_pcoll *[]){ first, second }, 2);
    beam_assert_that(both, "Out", .lines = "a+\nb+\na+\nb+");
}

static beam_pcoll *identity(beam_pcoll *in)
{
    beam_scope_begin(beam_pcoll_pipeline(in), "Identity");
    beam_scope_end(beam_pcoll_pipeline(in));
    return in;
}

static void identity_transform(beam_pipeline *p)
{
    beam_assert_that(identity(INTS(p, "In", 1, 2, 3, 4)), "Out", .lines = "1\n2\n3\n4");
}

typedef struct tuple {
    beam_pcoll *at[2];
} tuple;

static void tuple_projection(beam_pipeline *p)
{
    tuple t = { { INTS(p, "In", 1, 2, 3, 4), INTS(p, "Other", 5) } };
    beam_scope_begin(p, "Projection");
    beam_pcoll *first = t.at[0];
    beam_scope_end(p);
    beam_assert_that(first, "Out", .lines = "1\n2\n3\n4");
}

static void tuple_injection(beam_pipeline *p)
{
    beam_pcoll *in = INTS(p, "In", 1, 2, 3, 4);
    beam_scope_begin(p, "Injection");
    tuple t = { { in, in } };
    beam_scope_end(p);
    beam_assert_that(t.at[0], "First", .lines = "1\n2\n3\n4");
    beam_assert_that(t.at[1], "Second", .lines = "1\n2\n3\n4");
}

/* A composite with no output. */
static void empty_transform(beam_pipeline *p)
{
    beam_scope_begin(p, "Empty");
    beam_scope_end(p);
    beam_create(p, "Unused", BEAM_INT64, NULL, 0);
}

enum { EVENS, ODDS };
static const beam_output_spec parity[] = { [EVENS] = { "evens", BEAM_INT64 },
                                           [ODDS] = { "odds", BEAM_INT64 } };
static beam_status emit_by_parity(beam_ctx *c, beam_value in)
{
    BEAM_TRY(beam_emit(c, in));
    return beam_emit_to(c, beam_as_int64(in) % 2 ? ODDS : EVENS, in);
}
static const beam_dofn emit_by_parity_fn = { .name = "java.emit_by_parity",
                                             .in = BEAM_INT64,
                                             .out = BEAM_INT64,
                                             .outputs = BEAM_TABLE(parity),
                                             .process = emit_by_parity };

static void compose_tuple(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(INTS(p, "In", 3, -42, 666), "Parity", &emit_by_parity_fn);
    beam_assert_that(out, "Main", .lines = "3\n-42\n666");
    beam_assert_that(beam_output(out, EVENS), "Evens", .lines = "-42\n666");
    beam_assert_that(beam_output(out, ODDS), "Odds", .lines = "3");
}

/* -- timestamps ------------------------------------------------------------------------------- */
static beam_millis value_as_time(beam_ctx *c, beam_value in)
{
    (void)c;
    return beam_as_int64(in);
}
static const beam_dofn value_as_time_fn = { .name = "java.value_as_time",
                                            .in = BEAM_INT64,
                                            .timestamp = value_as_time };
static beam_millis constant_time(beam_ctx *c, beam_value in)
{
    (void)c, (void)in;
    return 1234;
}
static const beam_dofn constant_time_fn = { .name = "java.constant_time",
                                            .in = BEAM_INT64,
                                            .timestamp = constant_time };

static void with_timestamps(beam_pipeline *p)
{
    beam_pcoll *in = INTS(p, "In", 0, 42, -9223372036854775, 9223371950454775);
    beam_assert_that(beam_with_timestamps(in, "Time", &value_as_time_fn), "Out",
                     .lines = "0 @0\n42 @42\n-9223372036854775 @-9223372036854775\n"
                              "9223371950454775 @9223371950454775",
                     .show = BEAM_SHOW_TIMESTAMP);
}

static void with_timestamps_twice(beam_pipeline *p)
{
    beam_pcoll *in = beam_with_timestamps(INTS(p, "In", 0, 42), "Zero", &value_as_time_fn);
    beam_assert_that(beam_with_timestamps(in, "Time", &constant_time_fn), "Out",
                     .lines = "0 @1234\n42 @1234", .show = BEAM_SHOW_TIMESTAMP);
}

static beam_status emit_time(beam_ctx *c, beam_value in)
{
    return beam_emit_kv(c, in, beam_int64(beam_timestamp(c)));
}
static const beam_dofn emit_time_fn = { .name = "java.emit_time",
                                        .in = BEAM_INT64,
                                        .out = BEAM_KV(BEAM_INT64, BEAM_INT64),
                                        .process = emit_time };

static void reify_timestamps(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_INTS(p, "In", { 0, 0 }, { 1, 1 }, { 2, 2 });
    beam_assert_that(beam_par_do(in, "Reify", &emit_time_fn), "Out", .lines = "0: 0\n1: 1\n2: 2");
}

static beam_status emit_at_value(beam_ctx *c, beam_value in)
{
    return beam_emit_at(c, beam_key(in), beam_as_int64(beam_val(in)));
}
static const beam_dofn emit_at_value_fn = { .name = "java.emit_key_at_value",
                                            .in = BEAM_KV(BEAM_INT64, BEAM_INT64),
                                            .out = BEAM_INT64,
                                            .process = emit_at_value };

static void extract_timestamps(beam_pipeline *p)
{
    beam_value pairs[3][2], kvs[3];
    for (int i = 0; i < 3; i++) {
        pairs[i][0] = beam_int64(i);
        pairs[i][1] = beam_int64(10 * i);
        kvs[i] = beam_kv(pairs[i]);
    }
    beam_pcoll *in = beam_create(p, "In", BEAM_KV(BEAM_INT64, BEAM_INT64), kvs, 3);
    beam_assert_that(beam_par_do(in, "Extract", &emit_at_value_fn), "Out",
                     .lines = "0 @0\n1 @10\n2 @20", .show = BEAM_SHOW_TIMESTAMP);
}

/* The time in the value is earlier than that of the element. */
static beam_status emit_earlier(beam_ctx *c, beam_value in)
{
    return beam_emit_windowed(c, -1, beam_key(in), beam_as_int64(beam_val(in)), NULL);
}
static const beam_dofn emit_earlier_fn = { .name = "java.emit_key_earlier",
                                           .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                           .out = BEAM_STRING,
                                           .process = emit_earlier };
static void extract_earlier_timestamps(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_PAIRS(p, "In", { "foo", 0, 100 }, { "foo", 1, 101 },
                                 { "bar", 2, 102 }, { "baz", 3, 103 });
    beam_assert_that(beam_par_do(in, "Extract", &emit_earlier_fn), "Out",
                     .lines = "foo @0\nfoo @1\nbar @2\nbaz @3", .show = BEAM_SHOW_TIMESTAMP);
}

static const suite_test tests[] = {
    TEST("CreateTest.testCreate", "-", create),
    TEST("CreateTest.testCreateEmpty", "-", create_empty),
    TEST("CreateTest.testCreateWithNullsAndValues", "-", create_with_nulls),
    TEST("CreateTest.testCreateWithVoidType", "-", create_with_void),
    TEST("CreateTest.testCreateWithKVVoidType", "-", create_with_kv_void),
    TEST("ImpulseTest.testImpulse", "UsesImpulse", impulse),
    TEST("KeysTest.testKeys", "-", keys),
    TEST("KeysTest.testKeysEmpty", "-", keys_empty),
    TEST("ValuesTest.testValues", "-", values_of_pairs),
    TEST("ValuesTest.testValuesEmpty", "-", values_empty),
    TEST("KvSwapTest.testKvSwap", "-", swap),
    TEST("KvSwapTest.testKvSwapEmpty", "-", swap_empty),
    TEST("PipelineTest.testMultipleApply", "-", multiple_apply),
    TEST("PipelineTest.testIdentityTransform", "-", identity_transform),
    TEST("PipelineTest.testTupleProjectionTransform", "-", tuple_projection),
    TEST("PipelineTest.testTupleInjectionTransform", "-", tuple_injection),
    TEST("PDoneTest.testEmptyTransform", "-", empty_transform),
    TEST("PCollectionTupleTest.testComposePCollectionTuple", "-", compose_tuple),
    TEST("WithTimestampsTest.withTimestampsShouldApplyTimestamps", "-", with_timestamps),
    TEST("WithTimestampsTest.withTimestampsLambdaShouldApplyTimestamps", "-",
         with_timestamps_twice),
    TEST("ReifyTimestampsTest.inValuesSucceeds", "-", reify_timestamps),
    TEST("ReifyTimestampsTest.extractFromValuesSucceeds", "-", extract_timestamps),
    TEST("ReifyTimestampsTest.extractFromValuesWhenValueTimestampedLaterSucceeds", "-",
         extract_earlier_timestamps),
};
SUITE_TABLE(java_create, "java", tests);
