/* SPDX-License-Identifier: Apache-2.0 */
/* The Go SDK's tests of values, bags and combining state: what a DoFn finds for each word,
 * and what it leaves. */
#include "go_state.h"

#include <stdlib.h>

static const char *const few_words[] = { "apple", "pear",  "peach",
                                         "apple", "apple", "pear" };

static beam_status pair(beam_ctx *c, beam_value in)
{
    return beam_emit_kv(c, in, beam_int64(1));
}
static const beam_dofn pair_fn = { .name = "go.state_pair",
                                   .in = BEAM_STRING,
                                   .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                   .process = pair };

beam_pcoll *state_words(beam_pipeline *p, const char *const *texts, size_t n)
{
    return beam_par_do(beam_create_strings(p, "Words", texts, n), "Pair", &pair_fn);
}

void expect_state(beam_pipeline *p, const beam_dofn *fn, const char *lines)
{
    beam_pcoll *in = state_words(p, few_words, BEAM_COUNT(few_words));
    beam_assert_that(beam_par_do(in, "Count", fn), "Texts", .lines = lines);
}

beam_status emit_state_text(beam_ctx *c, beam_value in, beam_span text)
{
    return beam_emit(c, beam_string(beam_format(c, BEAM_SPAN_FMT ": " BEAM_SPAN_FMT,
                                                BEAM_SPAN_ARG(beam_as_span(beam_key(in))),
                                                BEAM_SPAN_ARG(text))));
}

/* -- values --------------------------------------------------------------------------- */
enum { NUMBER, STROKES };
static const beam_state_spec value_states[] = {
    [NUMBER] = BEAM_VALUE_STATE("key1", BEAM_INT64),
    [STROKES] = BEAM_VALUE_STATE("key2", BEAM_STRING)
};

static beam_status count_with_values(beam_ctx *c, beam_value in)
{
    beam_value number = beam_state_read(c, NUMBER), strokes = beam_state_read(c, STROKES);
    int64_t n = beam_is_null(number) ? 1 : beam_as_int64(number);
    beam_span text = beam_is_null(strokes) ? beam_span_of("I") : beam_as_span(strokes);
    BEAM_TRY(beam_state_write(c, NUMBER, beam_int64(n + 1)));
    beam_span longer = beam_format(c, BEAM_SPAN_FMT "I", BEAM_SPAN_ARG(text));
    BEAM_TRY(beam_state_write(c, STROKES, beam_string(longer)));
    return emit_state_text(c, in,
                           beam_format(c, "%lld, " BEAM_SPAN_FMT, (long long)n,
                                       BEAM_SPAN_ARG(text)));
}
STATE_DOFN(value_fn, "go.value_state", value_states, count_with_values);

static void value_state(beam_pipeline *p)
{
    expect_state(
        p, &value_fn,
        "apple: 1, I\npear: 1, I\npeach: 1, I\napple: 2, II\napple: 3, III\npear: 2, II");
}

static void value_state_windowed(beam_pipeline *p)
{
    static const int64_t values[] = { 1, 1, 1, 2, 2, 3, 4, 4, 4, 4 };
    beam_pcoll *in = create_timed(p, "Timed", values, BEAM_COUNT(values));
    in = beam_window_into(in, "Windows", beam_fixed(beam_seconds(3)));
    beam_pcoll *counts = beam_par_do(in, "Count", &value_fn);
    beam_assert_that(beam_window_into(counts, "Global", beam_global()), "Texts",
                     .lines = "magic: 1, I\nmagic: 2, II\nmagic: 3, III\nmagic: 1, I\n"
                              "magic: 2, II\nmagic: 3, III\nmagic: 1, I\nmagic: 2, II\n"
                              "magic: 3, III\nmagic: 1, I");
}

static beam_status write_or_clear(beam_ctx *c, beam_value in)
{
    beam_value number = beam_state_read(c, NUMBER);
    bool found = !beam_is_null(number);
    if (found)
        BEAM_TRY(beam_state_clear(c, NUMBER));
    else
        BEAM_TRY(beam_state_write(c, NUMBER, beam_int64(1)));
    return emit_state_text(c, in,
                           beam_format(c, "%lld,%s", (long long)beam_as_int64(number),
                                       found ? "true" : "false"));
}
STATE_DOFN(value_clear_fn, "go.value_state_clear", value_states, write_or_clear);

static void value_state_clear(beam_pipeline *p)
{
    static const char *const texts[] = { "apple", "pear", "peach", "apple",
                                         "apple", "pear", "pear",  "apple" };
    beam_pcoll *in = state_words(p, texts, BEAM_COUNT(texts));
    beam_assert_that(beam_par_do(in, "Count", &value_clear_fn), "Texts",
                     .lines = "apple: 0,false\npear: 0,false\npeach: 0,false\n"
                              "apple: 1,true\napple: 0,false\npear: 1,true\n"
                              "pear: 0,false\napple: 1,true");
}

/* -- bags --------------------------------------------------------------------------------- */
static const beam_state_spec bag_states[] = {
    [NUMBER] = BEAM_BAG_STATE("key1", BEAM_INT64),
    [STROKES] = BEAM_BAG_STATE("key2", BEAM_STRING)
};

static int64_t bag_sum(beam_ctx *c)
{
    int64_t sum = 0;
    beam_iter *it = beam_state_iter(c, NUMBER);
    for (beam_value v; beam_next(it, &v);) sum += beam_as_int64(v);
    return sum;
}

static beam_status count_with_bags(beam_ctx *c, beam_value in)
{
    int64_t sum = bag_sum(c);
    beam_span joined = beam_span_of("");
    beam_iter *it = beam_state_iter(c, STROKES);
    for (beam_value v; beam_next(it, &v);)
        joined = beam_format(c, BEAM_SPAN_FMT "%s" BEAM_SPAN_FMT, BEAM_SPAN_ARG(joined),
                             joined.len ? "," : "", BEAM_SPAN_ARG(beam_as_span(v)));
    BEAM_TRY(beam_state_add(c, NUMBER, beam_int64(1)));
    BEAM_TRY(beam_state_add(c, STROKES, beam_string(beam_span_of("I"))));
    return emit_state_text(c, in,
                           beam_format(c, "%lld, " BEAM_SPAN_FMT, (long long)sum,
                                       BEAM_SPAN_ARG(joined)));
}
STATE_DOFN(bag_fn, "go.bag_state", bag_states, count_with_bags);

static void bag_state(beam_pipeline *p)
{
    expect_state(
        p, &bag_fn,
        "apple: 0, \npear: 0, \npeach: 0, \napple: 1, I\napple: 2, I,I\npear: 1, I");
}

static beam_status emit_sum(beam_ctx *c, beam_value in, int64_t sum)
{
    return emit_state_text(c, in, beam_format(c, "%lld", (long long)sum));
}

static beam_status add_and_clear(beam_ctx *c, beam_value in)
{
    int64_t sum = bag_sum(c);
    BEAM_TRY(beam_state_add(c, NUMBER, beam_int64(1)));
    if (sum == 3) BEAM_TRY(beam_state_clear(c, NUMBER));
    return emit_sum(c, in, sum);
}
STATE_DOFN(bag_clear_fn, "go.bag_state_clear", bag_states, add_and_clear);

static void bag_state_clear(beam_pipeline *p)
{
    static const char *const texts[] = { "apple", "pear",  "apple", "apple",
                                         "pear",  "apple", "apple", "pear",
                                         "pear",  "pear",  "apple", "pear" };
    beam_pcoll *in = state_words(p, texts, BEAM_COUNT(texts));
    beam_assert_that(beam_par_do(in, "Count", &bag_clear_fn), "Texts",
                     .lines = "apple: 0\npear: 0\napple: 1\napple: 2\npear: 1\napple: 3\n"
                              "apple: 0\npear: 2\npear: 3\npear: 0\napple: 1\npear: 1");
}

/* Adds without having read, and once more after. */
static beam_status add_blindly(beam_ctx *c, beam_value in)
{
    BEAM_TRY(beam_state_add(c, NUMBER, beam_int64(1)));
    int64_t sum = bag_sum(c);
    BEAM_TRY(beam_state_add(c, NUMBER, beam_int64(1)));
    return emit_sum(c, in, sum);
}
STATE_DOFN(bag_blind_fn, "go.bag_state_blind", bag_states, add_blindly);

static void bag_state_blind_write(beam_pipeline *p)
{
    expect_state(p, &bag_blind_fn,
                 "apple: 1\npear: 1\npeach: 1\napple: 3\napple: 5\npear: 3");
}

/* -- combining: accumulators of several types ------------------------------------------------ */
/* A sum whose accumulator goes over the wire as decimal digits. */
static void add_digits(beam_ctx *c, void *acc, beam_value in)
{
    *(int64_t *)acc += strtoll(beam_cstr(c, beam_as_span(in)), NULL, 10);
}

static void merge_sums(beam_ctx *c, void *acc, const void *other)
{
    (void)c;
    *(int64_t *)acc += *(const int64_t *)other;
}

static beam_value extract_sum(beam_ctx *c, const void *acc)
{
    (void)c;
    return beam_int64(*(const int64_t *)acc);
}

static beam_value save_digits(beam_ctx *c, const void *acc)
{
    return beam_string(beam_format(c, "%lld", (long long)*(const int64_t *)acc));
}

static void load_digits(beam_ctx *c, void *acc, beam_value saved)
{
    *(int64_t *)acc = strtoll(beam_cstr(c, beam_as_span(saved)), NULL, 10);
}

static void start_at_zero(beam_ctx *c, void *acc)
{
    (void)c;
    *(int64_t *)acc = 0;
}

#define DIGITS(variable, combine_name, creator)                         \
    static const beam_combine variable = { .name = (combine_name),      \
                                           .in = BEAM_STRING,           \
                                           .acc = BEAM_STRING,          \
                                           .out = BEAM_INT64,           \
                                           .acc_size = sizeof(int64_t), \
                                           .create = (creator),         \
                                           .add = add_digits,           \
                                           .merge = merge_sums,         \
                                           .extract = extract_sum,      \
                                           .save = save_digits,         \
                                           .load = load_digits }
DIGITS(digits, "go.digits", NULL);
DIGITS(created_digits, "go.created_digits", start_at_zero);

static void add_number(beam_ctx *c, void *acc, beam_value in)
{
    (void)c;
    *(int64_t *)acc += beam_as_int64(in);
}
static const beam_combine plain_sum = { .name = "go.plain_sum",
                                        .in = BEAM_INT64,
                                        .acc = BEAM_INT64,
                                        .out = BEAM_INT64,
                                        .acc_size = sizeof(int64_t),
                                        .add = add_number,
                                        .merge = merge_sums,
                                        .extract = extract_sum };

enum { BUILT_IN, PLAIN, DIGITS_SUM, CREATED, LARGEST, N_COMBINING };
static const beam_state_spec combining_states[] = {
    [BUILT_IN] = BEAM_COMBINING_STATE("key0", &beam_sum_int64),
    [PLAIN] = BEAM_COMBINING_STATE("key1", &plain_sum),
    [DIGITS_SUM] = BEAM_COMBINING_STATE("key2", &digits),
    [CREATED] = BEAM_COMBINING_STATE("key3", &created_digits),
    [LARGEST] = BEAM_COMBINING_STATE("key4", &beam_sum_int64)
};

static beam_status count_with_combining(beam_ctx *c, beam_value in)
{
    beam_span text = beam_span_of("");
    for (int i = 0; i < N_COMBINING; i++) {
        beam_value one = i == DIGITS_SUM || i == CREATED ? beam_string(beam_span_of("1"))
                                                         : beam_int64(1);
        int64_t sum = beam_as_int64(beam_state_read(c, i));
        text = beam_format(c, BEAM_SPAN_FMT "%s%lld", BEAM_SPAN_ARG(text), i ? " " : "",
                           (long long)sum);
        BEAM_TRY(beam_state_add(c, i, one));
    }
    return emit_state_text(c, in, text);
}
STATE_DOFN(combining_fn, "go.combining_state", combining_states, count_with_combining);

static void combining_state(beam_pipeline *p)
{
    expect_state(p, &combining_fn,
                 "apple: 0 0 0 0 0\npear: 0 0 0 0 0\npeach: 0 0 0 0 0\napple: 1 1 1 1 1\n"
                 "apple: 2 2 2 2 2\npear: 1 1 1 1 1");
}

static const suite_test tests[] = {
    STATE_TEST("TestValueState", "UsesStatefulParDo", value_state),
    STATE_TEST("TestValueStateWindowed", "UsesStatefulParDo", value_state_windowed),
    STATE_TEST("TestValueStateClear", "UsesStatefulParDo", value_state_clear),
    STATE_TEST("TestBagState", "UsesStatefulParDo", bag_state),
    STATE_TEST("TestBagStateClear", "UsesStatefulParDo", bag_state_clear),
    STATE_TEST("TestBagStateBlindWrite", "UsesStatefulParDo", bag_state_blind_write),
    STATE_TEST("TestCombiningState", "UsesStatefulParDo", combining_state),
};
SUITE_TABLE(go_state, "go", tests);
