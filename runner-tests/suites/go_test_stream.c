/* SPDX-License-Identifier: Apache-2.0 */
/* The Go SDK's tests of TestStream: elements of each type come out as they went in. */
#include "go.h"

/* Elements of one event, all at one time. */
static void add(beam_test_stream *ts, beam_millis timestamp, const beam_value *values,
                size_t n)
{
    beam_timestamped elements[8];
    for (size_t i = 0; i < n; i++)
        elements[i] = (beam_timestamped){ values[i], timestamp };
    beam_test_stream_add_all(ts, elements, n);
}

/* One sequence of three elements, or two with the watermark between them. */
static void sequences(beam_pipeline *p, const beam_type *type, const beam_value *values,
                      size_t n)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", type);
    add(ts, 100, values, 3);
    if (n > 3) {
        beam_test_stream_watermark(ts, 110);
        add(ts, 120, values + 3, n - 3);
        beam_test_stream_watermark(ts, 130);
    }
    beam_pcoll *out = beam_test_stream_end(ts);
    beam_assert_that(out, "Count", .count = (int64_t)n);
    beam_assert_that(out, "Values", .values = values, .n = n);
}

static void strings(beam_pipeline *p)
{
    const beam_value values[] = { beam_string(beam_span_of("a")),
                                  beam_string(beam_span_of("b")),
                                  beam_string(beam_span_of("c")) };
    sequences(p, BEAM_STRING, values, 3);
}

static void byte_slices(beam_pipeline *p)
{
    const beam_value value = beam_bytes((beam_span){ "\x5b\x5c\x5d", 3 });
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_BYTES);
    beam_test_stream_add(ts, value, 1);
    beam_pcoll *out = beam_test_stream_end(ts);
    beam_assert_that(out, "Count", .count = 1);
    beam_assert_that(out, "Value", .singleton = &value);
}

static void int_sequences(beam_pipeline *p, size_t n)
{
    static const int64_t ints[] = { 91, 92, 93, 96, 97, 98 };
    beam_value values[BEAM_COUNT(ints)];
    for (size_t i = 0; i < n; i++) values[i] = beam_int64(ints[i]);
    sequences(p, BEAM_INT64, values, n);
}

static void int64_sequence(beam_pipeline *p)
{
    int_sequences(p, 3);
}

static void two_int64_sequences(beam_pipeline *p)
{
    int_sequences(p, 6);
}

/* The original's int16 has no coder of the model, so it crosses as a struct of the program's. */
typedef struct small_int {
    int16_t value;
} small_int;

static void encode_small(const void *object, beam_writer *out)
{
    beam_write_int64(out, ((const small_int *)object)->value);
}

static beam_status decode_small(void *object, beam_reader *in)
{
    int64_t value;
    BEAM_TRY(beam_read_int64(in, &value));
    ((small_int *)object)->value = (int16_t)value;
    return BEAM_OK;
}
static const beam_struct_coder small_coder = { "go.int16", sizeof(small_int),
                                               encode_small, decode_small };

static beam_value small_value(beam_ctx *c, beam_value in)
{
    (void)c;
    const small_int *small = beam_as_struct(in);
    return beam_int64(small->value);
}
static const beam_dofn small_value_fn = { .name = "go.small_value",
                                          .in = BEAM_STRUCT(&small_coder),
                                          .out = BEAM_INT64,
                                          .map = small_value };

static void int16_sequence(beam_pipeline *p)
{
    const small_int ints[] = { { 91 }, { 92 }, { -93 } };
    beam_value values[3];
    for (size_t i = 0; i < 3; i++) values[i] = beam_struct(&ints[i]);
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_STRUCT(&small_coder));
    add(ts, 100, values, 3);
    beam_pcoll *out = beam_test_stream_end(ts);
    beam_assert_that(out, "Count", .count = 3);
    beam_assert_that(out, "Structs", .values = values, .n = 3);
    beam_assert_that(beam_map(out, "Value", &small_value_fn), "Values",
                     .lines = "91\n92\n-93");
}

static void float_sequences(beam_pipeline *p, size_t n)
{
    static const double numbers[] = { 91.1, 92.2, 93.3, 96.4, 97.5, 98.6 };
    beam_value values[BEAM_COUNT(numbers)];
    for (size_t i = 0; i < n; i++) values[i] = beam_double(numbers[i]);
    sequences(p, BEAM_DOUBLE, values, n);
}

static void float64_sequence(beam_pipeline *p)
{
    float_sequences(p, 3);
}

static void two_float64_sequences(beam_pipeline *p)
{
    float_sequences(p, 6);
}

static void bool_sequences(beam_pipeline *p, size_t n)
{
    static const bool bools[] = { true, false, true, false, true, false };
    beam_value values[BEAM_COUNT(bools)];
    for (size_t i = 0; i < n; i++) values[i] = beam_bool(bools[i]);
    sequences(p, BEAM_BOOL, values, n);
}

static void bool_sequence(beam_pipeline *p)
{
    bool_sequences(p, 3);
}

static void two_bool_sequences(beam_pipeline *p)
{
    bool_sequences(p, 6);
}

/* -- a type of the user's: a row ------------------------------------------------------------- */
static const beam_field user_fields[] = { { .name = "x", .kind = BEAM_FIELD_INT64 },
                                          { .name = "name", .kind = BEAM_FIELD_STRING } };
static const beam_schema user_schema = { "go.user", BEAM_TABLE(user_fields), NULL };

static beam_value user(beam_value fields[2], int64_t x, const char *name)
{
    fields[0] = beam_int64(x);
    fields[1] = beam_string(beam_span_of(name));
    return beam_row(fields, 2);
}

static void two_user_type_sequences(beam_pipeline *p)
{
    beam_value fields[6][2];
    const beam_value values[] = { user(fields[0], 1, "a"), user(fields[1], 2, "b"),
                                  user(fields[2], 3, "c"), user(fields[3], 4, "d"),
                                  user(fields[4], 5, "e"), user(fields[5], 6, "f") };
    sequences(p, BEAM_ROW(&user_schema), values, 6);
}

/* -- into a GroupByKey ------------------------------------------------------------------------- */
static beam_pcoll *abc_stream(beam_pipeline *p, bool to_infinity)
{
    static const char *const words[] = { "a", "b", "c" };
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_STRING);
    for (size_t i = 0; i < 3; i++)
        beam_test_stream_add(ts, beam_string(beam_span_of(words[i])),
                             100 * (beam_millis)(i + 1));
    if (to_infinity) beam_test_stream_watermark(ts, BEAM_MAX_TIMESTAMP);
    return beam_test_stream_end(ts);
}

static void simple(beam_pipeline *p)
{
    beam_assert_that(abc_stream(p, true), "All", .lines = "a @100\nb @200\nc @300",
                     .show = BEAM_SHOW_TIMESTAMP);
}

static void simple_infinity_default(beam_pipeline *p)
{
    beam_assert_that(abc_stream(p, false), "All", .lines = "a @100\nb @200\nc @300",
                     .show = BEAM_SHOW_TIMESTAMP);
}

static beam_status pair_with_one(beam_ctx *c, beam_value in)
{
    return beam_emit_kv(c, in, beam_int64(1));
}
static const beam_dofn pair_with_one_fn = { .name = "go.pair_with_one",
                                            .in = BEAM_STRING,
                                            .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                            .process = pair_with_one };

static void to_gbk(beam_pipeline *p)
{
    beam_pcoll *pairs = beam_par_do(abc_stream(p, true), "Pair", &pair_with_one_fn);
    pairs = beam_window_into(pairs, "Windows", beam_fixed(beam_seconds(10)));
    beam_assert_that(beam_group_by_key(pairs, "Group"), "Groups",
                     .lines = "a: [1]\nb: [1]\nc: [1]");
}

#define STREAM_TEST(name, build) \
    TEST(name, "UsesTestStream", build, .needs = NEEDS_TEST_STREAM | NEEDS_UNBOUNDED)

static const suite_test tests[] = {
    STREAM_TEST("TestTestStreamStrings", strings),
    STREAM_TEST("TestTestStreamByteSliceSequence", byte_slices),
    STREAM_TEST("TestTestStreamInt64Sequence", int64_sequence),
    STREAM_TEST("TestTestStreamInt16Sequence", int16_sequence),
    STREAM_TEST("TestTestStreamTwoInt64Sequences", two_int64_sequences),
    STREAM_TEST("TestTestStreamFloat64Sequence", float64_sequence),
    STREAM_TEST("TestTestStreamTwoFloat64Sequences", two_float64_sequences),
    STREAM_TEST("TestTestStreamBoolSequence", bool_sequence),
    STREAM_TEST("TestTestStreamTwoBoolSequences", two_bool_sequences),
    STREAM_TEST("TestTestStreamTwoUserTypeSequences", two_user_type_sequences),
    STREAM_TEST("TestTestStreamSimple", simple),
    STREAM_TEST("TestTestStreamSimple_InfinityDefault", simple_infinity_default),
    STREAM_TEST("TestTestStreamToGBK", to_gbk),
};
SUITE_TABLE(go_test_stream, "go", tests);
