/* SPDX-License-Identifier: Apache-2.0 */
/* Java's ParDoTest: state. Tests that a coder is inferred are made with a type of the
 * program's own (BEAM_STRUCT), or with a type left open (BEAM_ANY). */
#include "java.h"

/* -- values --------------------------------------------------------------------------------- */
enum { FOO };
static const beam_state_spec value_states[] = { [FOO] = BEAM_VALUE_STATE("foo", BEAM_INT64) };

static beam_status emit_and_count(beam_ctx *c, beam_value in)
{
    (void)in;
    int64_t now = beam_as_int64(beam_state_read(c, FOO));
    BEAM_TRY(beam_emit(c, beam_int64(now)));
    return beam_state_write(c, FOO, beam_int64(now + 1));
}
static const beam_dofn emit_and_count_fn = { .name = "java.emit_and_count",
                                             .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                             .out = BEAM_INT64,
                                             .states = BEAM_TABLE(value_states),
                                             .process = emit_and_count };

static beam_pcoll *three_of_hello(beam_pipeline *p)
{
    return STRING_INTS(p, "In", { "hello", 42 }, { "hello", 97 }, { "hello", 84 });
}

static void value_simple(beam_pipeline *p)
{
    beam_assert_that(beam_par_do(three_of_hello(p), "Count", &emit_and_count_fn), "Out",
                     .lines = "0\n1\n2");
}

/* State of one step does not reach another with the same tag. */
static beam_status swap_and_count(beam_ctx *c, beam_value in)
{
    int64_t now = beam_as_int64(beam_state_read(c, FOO));
    BEAM_TRY(beam_emit_kv(c, beam_string(beam_span_of("sizzle")),
                          beam_int64(now + beam_as_int64(beam_val(in)) * 0)));
    return beam_state_write(c, FOO, beam_int64(now + 1));
}
static const beam_dofn swap_and_count_fn = { .name = "java.swap_and_count",
                                             .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                             .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                             .states = BEAM_TABLE(value_states),
                                             .process = swap_and_count };
static beam_status emit_from_13(beam_ctx *c, beam_value in)
{
    (void)in;
    beam_value read = beam_state_read(c, FOO);
    int64_t now = beam_is_null(read) ? 13 : beam_as_int64(read);
    BEAM_TRY(beam_emit(c, beam_int64(now)));
    return beam_state_write(c, FOO, beam_int64(now + 13));
}
static const beam_dofn emit_from_13_fn = { .name = "java.emit_from_13",
                                           .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                           .out = BEAM_INT64,
                                           .states = BEAM_TABLE(value_states),
                                           .process = emit_from_13 };

static void value_same_id(beam_pipeline *p)
{
    beam_pcoll *first = beam_par_do(three_of_hello(p), "First", &swap_and_count_fn);
    beam_assert_that(first, "First out", .lines = "sizzle: 0\nsizzle: 1\nsizzle: 2");
    beam_assert_that(beam_par_do(first, "Second", &emit_from_13_fn), "Second out",
                     .lines = "13\n26\n39");
}

/* Once per key and window. */
static void value_fixed_windows(beam_pipeline *p)
{
    beam_pcoll *in = TIMED_PAIRS(p, "In", { "hello", 7, 1 }, { "hello", 42, 2 },
                                 { "hello", 14, 11 }, { "hello", 5, 12 });
    in = beam_window_into(in, "Windows", beam_fixed(10));
    beam_pcoll *out = beam_par_do(in, "Count", &emit_and_count_fn);
    beam_assert_that(out, "Out", .lines = "[0, 10) 0\n[0, 10) 1\n[10, 20) 0\n[10, 20) 1",
                     .show = BEAM_SHOW_WINDOW);
}

enum { ODD };
static const beam_output_spec odd[] = { [ODD] = { "odd", BEAM_INT64 } };
static beam_status count_by_parity(beam_ctx *c, beam_value in)
{
    (void)in;
    int64_t now = beam_as_int64(beam_state_read(c, FOO));
    BEAM_TRY(now % 2 ? beam_emit_to(c, ODD, beam_int64(now)) : beam_emit(c, beam_int64(now)));
    return beam_state_write(c, FOO, beam_int64(now + 1));
}
static const beam_dofn count_by_parity_fn = { .name = "java.count_by_parity",
                                              .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                              .out = BEAM_INT64,
                                              .outputs = BEAM_TABLE(odd),
                                              .states = BEAM_TABLE(value_states),
                                              .process = count_by_parity };

static void value_tagged_output(beam_pipeline *p)
{
    beam_pcoll *in = STRING_INTS(p, "In", { "hello", 42 }, { "hello", 97 }, { "hello", 84 },
                                 { "goodbye", 33 }, { "hello", 859 }, { "goodbye", 83945 });
    beam_pcoll *out = beam_par_do(in, "Count", &count_by_parity_fn);
    beam_assert_that(out, "Even", .lines = "0\n2\n0");
    beam_assert_that(beam_output(out, ODD), "Odd", .lines = "1\n3\n1");
}

static const beam_state_spec seen_states[] = { [FOO] = BEAM_VALUE_STATE("seen", BEAM_INT64) };
static beam_status emit_first_seen(beam_ctx *c, beam_value in)
{
    if (beam_as_int64(beam_state_read(c, FOO))) return BEAM_OK;
    BEAM_TRY(beam_state_write(c, FOO, beam_int64(1)));
    return beam_emit(c, beam_key(in));
}
static const beam_dofn emit_first_seen_fn = { .name = "java.emit_first_seen",
                                              .in = BEAM_KV(BEAM_INT64, BEAM_INT64),
                                              .out = BEAM_INT64,
                                              .states = BEAM_TABLE(seen_states),
                                              .process = emit_first_seen };
static beam_status key_by_mod(beam_ctx *c, beam_value in)
{
    return beam_emit_kv(c, beam_int64(beam_as_int64(in) % 20), in);
}
static const beam_dofn key_by_mod_fn = { .name = "java.key_by_mod",
                                         .in = BEAM_INT64,
                                         .out = BEAM_KV(BEAM_INT64, BEAM_INT64),
                                         .process = key_by_mod };

static beam_pcoll *many(beam_pipeline *p, int64_t n)
{
    int64_t ints[1000];
    for (int64_t i = 0; i < n; i++) ints[i] = i;
    return create_ints(p, "Many", ints, (size_t)n);
}

static void value_dedup(beam_pipeline *p)
{
    beam_pcoll *in = beam_par_do(many(p, 200), "Key", &key_by_mod_fn);
    beam_pcoll *out = beam_par_do(in, "Dedup", &emit_first_seen_fn);
    beam_assert_that(out, "Out", .lines = "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n"
                                          "15\n16\n17\n18\n19");
}

/* -- a type of the program ----------------------------------------------------------------------- */
static const beam_state_spec my_states[] = { [FOO] = BEAM_VALUE_STATE("foo", MY_INTEGER) };

static beam_status count_my_integers(beam_ctx *c, beam_value in)
{
    (void)in;
    const my_integer *read = beam_as_struct(beam_state_read(c, FOO));
    my_integer now = { read ? read->value : 0 }, next = { now.value + 1 };
    BEAM_TRY(beam_emit(c, beam_int64(now.value)));
    return beam_state_write(c, FOO, beam_struct(&next));
}
static const beam_dofn count_my_integers_fn = { .name = "java.count_my_integers",
                                                .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                                .out = BEAM_INT64,
                                                .states = BEAM_TABLE(my_states),
                                                .process = count_my_integers };

static void value_coder_inference(beam_pipeline *p)
{
    beam_assert_that(beam_par_do(three_of_hello(p), "Count", &count_my_integers_fn), "Out",
                     .lines = "0\n1\n2");
}

/* The state's type is that of the input's values. */
static const beam_state_spec any_states[] = { [FOO] = BEAM_VALUE_STATE("foo", BEAM_ANY) };
static beam_status emit_previous(beam_ctx *c, beam_value in)
{
    beam_value before = beam_state_read(c, FOO);
    BEAM_TRY(beam_emit(c, beam_bool(beam_is_null(before))));
    return beam_state_write(c, FOO, beam_val(in));
}
static const beam_dofn emit_previous_fn = { .name = "java.emit_previous",
                                            .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                            .out = BEAM_BOOL,
                                            .states = BEAM_TABLE(any_states),
                                            .process = emit_previous };

static void value_coder_from_input(beam_pipeline *p)
{
    beam_assert_that(beam_par_do(three_of_hello(p), "Previous", &emit_previous_fn), "Out",
                     .lines = "true\nfalse\nfalse");
}

/* -- bags -------------------------------------------------------------------------------------- */
static const beam_state_spec bag_states[] = { [FOO] = BEAM_BAG_STATE("foo", BEAM_INT64) };
static beam_status emit_when_four(beam_ctx *c, beam_value in)
{
    size_t n;
    BEAM_TRY(beam_state_add(c, FOO, beam_val(in)));
    int64_t *ints = sorted_ints(c, beam_state_iter(c, FOO), &n);
    return n < 4 ? BEAM_OK : beam_emit(c, text_of_ints(c, ints, n));
}
static const beam_dofn emit_when_four_fn = { .name = "java.emit_when_four",
                                             .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                             .out = BEAM_STRING,
                                             .states = BEAM_TABLE(bag_states),
                                             .process = emit_when_four };

static beam_pcoll *four_of_hello(beam_pipeline *p)
{
    return STRING_INTS(p, "In", { "hello", 97 }, { "hello", 42 }, { "hello", 84 },
                       { "hello", 12 });
}

static void bag(beam_pipeline *p)
{
    beam_assert_that(beam_par_do(four_of_hello(p), "Bag", &emit_when_four_fn), "Out",
                     .lines = "[12, 42, 84, 97]");
}

static const beam_state_spec my_bag_states[] = { [FOO] = BEAM_BAG_STATE("foo", MY_INTEGER) };
static beam_status sum_my_bag(beam_ctx *c, beam_value in)
{
    my_integer mine = { beam_as_int64(beam_val(in)) };
    BEAM_TRY(beam_state_add(c, FOO, beam_struct(&mine)));
    int64_t n = 0, sum = 0;
    beam_iter *it = beam_state_iter(c, FOO);
    for (beam_value v; beam_next(it, &v); n++)
        sum += ((const my_integer *)beam_as_struct(v))->value;
    return n < 4 ? BEAM_OK : beam_emit(c, beam_int64(sum));
}
static const beam_dofn sum_my_bag_fn = { .name = "java.sum_my_bag",
                                         .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                         .out = BEAM_INT64,
                                         .states = BEAM_TABLE(my_bag_states),
                                         .process = sum_my_bag };

static void bag_coder_inference(beam_pipeline *p)
{
    beam_assert_that(beam_par_do(four_of_hello(p), "Bag", &sum_my_bag_fn), "Out",
                     .lines = "235");
}

enum { SIDE };
static const beam_side_spec list_side[] = { [SIDE] = { "list", BEAM_SIDE_LIST, BEAM_INT64,
                                                       NULL, NULL } };
static beam_status emit_bag_and_side(beam_ctx *c, beam_value in)
{
    size_t n, m;
    BEAM_TRY(beam_state_add(c, FOO, beam_val(in)));
    int64_t *ints = sorted_ints(c, beam_state_iter(c, FOO), &n);
    if (n < 4) return BEAM_OK;
    int64_t *side = sorted_ints(c, beam_side_iter(c, SIDE), &m);
    BEAM_TRY(beam_emit(c, text_of_ints(c, ints, n)));
    return beam_emit(c, text_of_ints(c, side, m));
}
static const beam_dofn emit_bag_and_side_fn = { .name = "java.emit_bag_and_side",
                                                .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                                .out = BEAM_STRING,
                                                .states = BEAM_TABLE(bag_states),
                                                .sides = BEAM_TABLE(list_side),
                                                .process = emit_bag_and_side };

static void bag_side_input(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(four_of_hello(p), "Bag", &emit_bag_and_side_fn,
                                  .sides = { [SIDE] = INTS(p, "Side", 2, 1, 0) });
    beam_assert_that(out, "Out", .lines = "[12, 42, 84, 97]\n[0, 1, 2]");
}

static const beam_side_spec one_side[] = { [SIDE] = { "tag1", BEAM_SIDE_SINGLETON, BEAM_INT64,
                                                      NULL, NULL } };
static beam_status keep_side(beam_ctx *c, beam_value in)
{
    (void)in;
    beam_value side = beam_side(c, SIDE);
    my_integer mine = { beam_as_int64(side) };
    BEAM_TRY(beam_state_add(c, FOO, beam_struct(&mine)));
    return beam_emit(c, side);
}
static const beam_dofn keep_side_fn = { .name = "java.keep_side",
                                        .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                        .out = BEAM_INT64,
                                        .states = BEAM_TABLE(my_bag_states),
                                        .sides = BEAM_TABLE(one_side),
                                        .process = keep_side };

static void state_side_input(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(STRING_INTS(p, "In", { "1", 2 }), "Keep", &keep_side_fn,
                                  .sides = { [SIDE] = INTS(p, "Side", 2) });
    beam_assert_that(out, "Out", .lines = "2");
}

/* -- combining -------------------------------------------------------------------------------- */
static const beam_state_spec mean_states[] = {
    [FOO] = BEAM_COMBINING_STATE("foo", &beam_mean_double)
};
static beam_status emit_if_half(beam_ctx *c, beam_value in)
{
    BEAM_TRY(beam_state_add(c, FOO, beam_val(in)));
    double off = beam_as_double(beam_state_read(c, FOO)) - 0.5;
    if (off > 0.0001 || off < -0.0001) return BEAM_OK;
    return beam_emit(c, beam_string(beam_span_of("right on")));
}
static const beam_dofn emit_if_half_fn = { .name = "java.emit_if_half",
                                           .in = BEAM_KV(BEAM_STRING, BEAM_DOUBLE),
                                           .out = BEAM_STRING,
                                           .states = BEAM_TABLE(mean_states),
                                           .process = emit_if_half };

static void combining(beam_pipeline *p)
{
    static const double numbers[] = { 0.3, 0.6, 0.6 };
    beam_value pairs[3][2], kvs[3];
    for (int i = 0; i < 3; i++) {
        pairs[i][0] = beam_string(beam_span_of("hello"));
        pairs[i][1] = beam_double(numbers[i]);
        kvs[i] = beam_kv(pairs[i]);
    }
    beam_pcoll *in = beam_create(p, "In", BEAM_KV(BEAM_STRING, BEAM_DOUBLE), kvs, 3);
    beam_assert_that(beam_par_do(in, "Mean", &emit_if_half_fn), "Out", .lines = "right on");
}

/* The sum is what `config` says once. */
static const beam_state_spec sum_states[] = {
    [FOO] = BEAM_COMBINING_STATE("foo", &beam_sum_int64)
};
static beam_status emit_at_sum(beam_ctx *c, beam_value in)
{
    BEAM_TRY(beam_state_add(c, FOO, beam_val(in)));
    beam_span sum = beam_format(c, "%lld", (long long)beam_as_int64(beam_state_read(c, FOO)));
    if (!beam_span_equal(sum, beam_config(c))) return BEAM_OK;
    return beam_emit(c, beam_string(beam_span_of("right on")));
}
static const beam_dofn emit_at_sum_fn = { .name = "java.emit_at_sum",
                                          .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                          .out = BEAM_STRING,
                                          .states = BEAM_TABLE(sum_states),
                                          .process = emit_at_sum };

static void combining_superclass(beam_pipeline *p)
{
    beam_pcoll *in = STRING_INTS(p, "In", { "123", 4 }, { "123", 7 }, { "123", -3 });
    beam_assert_that(beam_par_do(in, "Sum", &emit_at_sum_fn, .config = beam_span_of("8")),
                     "Out", .lines = "right on");
}

/* A CombineFn of the program, with an accumulator of its own type. */
static void add_mine(beam_ctx *c, void *acc, beam_value in)
{
    (void)c;
    ((my_integer *)acc)->value += beam_as_int64(in);
}
static void merge_mine(beam_ctx *c, void *acc, const void *other)
{
    (void)c;
    ((my_integer *)acc)->value += ((const my_integer *)other)->value;
}
static beam_value extract_mine(beam_ctx *c, const void *acc)
{
    (void)c;
    return beam_int64(((const my_integer *)acc)->value);
}
static beam_value save_mine(beam_ctx *c, const void *acc)
{
    (void)c;
    return beam_struct(acc);
}
static void load_mine(beam_ctx *c, void *acc, beam_value saved)
{
    (void)c;
    *(my_integer *)acc = *(const my_integer *)beam_as_struct(saved);
}
static const beam_combine sum_mine = { .name = "java.sum_mine",
                                       .in = BEAM_INT64,
                                       .acc = MY_INTEGER,
                                       .out = BEAM_INT64,
                                       .acc_size = sizeof(my_integer),
                                       .add = add_mine,
                                       .merge = merge_mine,
                                       .extract = extract_mine,
                                       .save = save_mine,
                                       .load = load_mine };
static const beam_state_spec my_sum_states[] = { [FOO] = BEAM_COMBINING_STATE("foo",
                                                                              &sum_mine) };
static const beam_dofn emit_at_my_sum_fn = { .name = "java.emit_at_my_sum",
                                             .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                             .out = BEAM_STRING,
                                             .states = BEAM_TABLE(my_sum_states),
                                             .process = emit_at_sum };

static void combining_coder_inference(beam_pipeline *p)
{
    beam_pcoll *in = STRING_INTS(p, "In", { "hello", 3 }, { "hello", 6 }, { "hello", 7 });
    beam_assert_that(beam_par_do(in, "Sum", &emit_at_my_sum_fn, .config = beam_span_of("16")),
                     "Out", .lines = "right on");
}

/* -- input in order of time ------------------------------------------------------------------ */
enum { LAST };
static const beam_state_spec last_states[] = { [LAST] = BEAM_VALUE_STATE("last", BEAM_INT64) };
static beam_status emit_step(beam_ctx *c, beam_value in)
{
    int64_t now = beam_as_int64(beam_val(in));
    beam_value read = beam_state_read(c, LAST);
    int64_t last = beam_is_null(read) ? now - 1 : beam_as_int64(read);
    BEAM_TRY(beam_state_write(c, LAST, beam_int64(now)));
    return beam_emit(c, beam_int64(now - last));
}
static const beam_dofn emit_step_fn = { .name = "java.emit_step",
                                        .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                        .out = BEAM_INT64,
                                        .flags = BEAM_TIME_SORTED_INPUT,
                                        .states = BEAM_TABLE(last_states),
                                        .process = emit_step };
static beam_status key_with_nothing(beam_ctx *c, beam_value in)
{
    return beam_emit_kv(c, beam_string(beam_span_of("")), in);
}
static const beam_dofn key_with_nothing_fn = { .name = "java.key_with_nothing",
                                               .in = BEAM_INT64,
                                               .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                               .process = key_with_nothing };
static beam_millis value_as_time(beam_ctx *c, beam_value in)
{
    (void)c;
    return beam_as_int64(in);
}
static const beam_dofn sorted_time_fn = { .name = "java.sorted_time",
                                          .in = BEAM_INT64,
                                          .timestamp = value_as_time };

enum { SORTED = 1000 };
static beam_status expect_ones(beam_ctx *c, beam_value in)
{
    size_t n;
    int64_t *steps = sorted_ints(c, beam_as_iter(in), &n);
    if (n != SORTED) return beam_fail(c, BEAM_EUSER, "%zu steps", n);
    if (steps[0] != 1 || steps[n - 1] != 1)
        return beam_fail(c, BEAM_EUSER, "steps of %lld to %lld, expected 1",
                         (long long)steps[0], (long long)steps[n - 1]);
    return BEAM_OK;
}
static const beam_dofn expect_ones_fn = { .name = "java.expect_ones",
                                          .in = BEAM_ITERABLE(BEAM_INT64),
                                          .process = expect_ones };
/* Each element is one more than that before it, though they come the other way around. */
static void assert_sorted(beam_pcoll *timed)
{
    beam_pcoll *keyed = beam_par_do(timed, "Key", &key_with_nothing_fn);
    beam_assert_that(beam_par_do(keyed, "Steps", &emit_step_fn), "Ones",
                     .matcher = &expect_ones_fn);
}

static void time_sorted(beam_pipeline *p)
{
    int64_t ints[SORTED];
    for (int64_t i = 0; i < SORTED; i++) ints[i] = SORTED - i;
    beam_pcoll *in = create_ints(p, "In", ints, SORTED);
    assert_sorted(beam_with_timestamps(in, "Time", &sorted_time_fn));
}

static void time_sorted_test_stream(beam_pipeline *p)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_INT64);
    for (int64_t i = 0; i < SORTED; i++) beam_test_stream_add(ts, beam_int64(SORTED - i), 0);
    beam_pcoll *in = beam_test_stream_end(ts);
    assert_sorted(beam_with_timestamps(in, "Time", &sorted_time_fn));
}

/* The last hundred are late. */
static beam_pcoll *hundred_late(beam_pipeline *p)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_INT64);
    for (int64_t i = SORTED; i > 0; i--) {
        beam_test_stream_add(ts, beam_int64(i), i);
        if (i == 100) beam_test_stream_watermark(ts, i);
    }
    return beam_test_stream_end(ts);
}
static void time_sorted_late_allowed(beam_pipeline *p)
{
    assert_sorted(beam_window_into(hundred_late(p), "Late", beam_global(),
                                   .allowed_lateness = 5000));
}

/* Which ones are dropped is the runner's choice: at least one, and only late ones. */
static beam_status expect_most(beam_ctx *c, beam_value in)
{
    size_t n;
    int64_t *steps = sorted_ints(c, beam_as_iter(in), &n);
    if (n < SORTED - 100 || n >= SORTED) return beam_fail(c, BEAM_EUSER, "%zu steps", n);
    if (steps[0] < 0) return beam_fail(c, BEAM_EUSER, "an element came after a later one");
    return BEAM_OK;
}
static const beam_dofn expect_most_fn = { .name = "java.expect_most",
                                          .in = BEAM_ITERABLE(BEAM_INT64),
                                          .process = expect_most };
static void assert_most(beam_pcoll *timed)
{
    beam_pcoll *keyed = beam_par_do(timed, "Key", &key_with_nothing_fn);
    beam_assert_that(beam_par_do(keyed, "Steps", &emit_step_fn), "Most",
                     .matcher = &expect_most_fn);
}
static void time_sorted_late(beam_pipeline *p)
{
    assert_most(hundred_late(p));
}
/* What one such step gives is sorted already: the next one drops nothing more. */
static void time_sorted_late_twice(beam_pipeline *p)
{
    beam_pcoll *keyed = beam_par_do(hundred_late(p), "FirstKey", &key_with_nothing_fn);
    assert_most(beam_par_do(keyed, "First", &emit_step_fn));
}

#define P(name) "ParDoTest." name
#define STATE "UsesStatefulParDo"
#define SORTED_CATEGORY STATE ",UsesRequiresTimeSortedInput,UsesStrictTimerOrdering"
static const suite_test tests[] = {
    TEST(P("testValueStateSimple"), STATE, value_simple, .needs = NEEDS_STATE),
    TEST(P("testValueStateDedup"), STATE, value_dedup, .needs = NEEDS_STATE),
    TEST(P("testValueStateFixedWindows"), STATE, value_fixed_windows, .needs = NEEDS_STATE),
    TEST(P("testValueStateSameId"), STATE, value_same_id, .needs = NEEDS_STATE),
    TEST(P("testValueStateTaggedOutput"), STATE, value_tagged_output, .needs = NEEDS_STATE),
    TEST(P("testValueStateCoderInference"), STATE, value_coder_inference,
         .needs = NEEDS_STATE),
    TEST(P("testValueStateCoderInferenceFromInputCoder"), STATE, value_coder_from_input,
         .needs = NEEDS_STATE),
    TEST(P("testBagState"), STATE, bag, .needs = NEEDS_STATE),
    TEST(P("testBagStateCoderInference"), STATE, bag_coder_inference, .needs = NEEDS_STATE),
    TEST(P("testBagStateSideInput"), STATE ",UsesSideInputs", bag_side_input,
         .needs = NEEDS_STATE),
    TEST(P("testStateSideInput"), STATE ",UsesSideInputs", state_side_input,
         .needs = NEEDS_STATE),
    TEST(P("testCombiningState"), STATE, combining, .needs = NEEDS_STATE),
    TEST(P("testCombiningStateParameterSuperclass"), STATE, combining_superclass,
         .needs = NEEDS_STATE),
    TEST(P("testCombiningStateCoderInference"), STATE, combining_coder_inference,
         .needs = NEEDS_STATE),
    TEST(P("testRequiresTimeSortedInput"), SORTED_CATEGORY, time_sorted,
         .needs = NEEDS_STATE),
    TEST(P("testRequiresTimeSortedInputWithTestStream"), SORTED_CATEGORY ",UsesTestStream",
         time_sorted_test_stream, .needs = NEEDS_STATE | NEEDS_TEST_STREAM),
    TEST(P("testRequiresTimeSortedInputWithLateDataAndAllowedLateness"),
         SORTED_CATEGORY ",UsesTestStream", time_sorted_late_allowed,
         .needs = NEEDS_STATE | NEEDS_TEST_STREAM),
    TEST(P("testRequiresTimeSortedInputWithLateData"), SORTED_CATEGORY ",UsesTestStream",
         time_sorted_late, .needs = NEEDS_STATE | NEEDS_TEST_STREAM),
    TEST(P("testTwoRequiresTimeSortedInputWithLateData"), SORTED_CATEGORY ",UsesTestStream",
         time_sorted_late_twice, .needs = NEEDS_STATE | NEEDS_TEST_STREAM),
};
SUITE_TABLE(java_state, "java", tests);
