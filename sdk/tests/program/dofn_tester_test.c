/* SPDX-License-Identifier: Apache-2.0 */
/* One DoFn without a runner: elements, outputs, state, timers, side inputs, failures. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "beam/testing.h"
#include "fns/builtin.h"

static beam_dofn_tester *t;

static void teardown(void)
{
    beam_dofn_tester_free(t);
    t = NULL;
}

static beam_value text(const char *s)
{
    return beam_string(beam_span_of(s));
}

static void run(void)
{
    beam_status status = beam_tester_run(t);
    ck_assert_msg(status == BEAM_OK, "%s", beam_tester_error(t));
}

/* -- plain ---------------------------------------------------------------------------------- */
enum { ODD };
static const beam_output_spec extra[] = { [ODD] = { "odd", BEAM_INT64 } };

static beam_status sort_numbers(beam_ctx *c, beam_value in)
{
    int64_t n = beam_as_int64(in);
    beam_counter_add(c, "numbers", 1);
    if (n < 0) return beam_fail(c, BEAM_EUSER, "%lld is negative", (long long)n);
    return n % 2 ? beam_emit_to(c, ODD, in) : beam_emit(c, in);
}
static const beam_dofn sort_fn = { .name = "test.sort",
                                   .in = BEAM_INT64,
                                   .out = BEAM_INT64,
                                   .outputs = BEAM_TABLE(extra),
                                   .process = sort_numbers };

START_TEST(outputs_and_counters)
{
    t = beam_dofn_tester_new(&sort_fn);
    for (int64_t i = 1; i <= 4; i++) beam_tester_add(t, beam_int64(i), i * 10);
    run();
    ck_assert_str_eq(beam_tester_lines(t, -1), "2 @20\n4 @40\n");
    ck_assert_str_eq(beam_tester_lines(t, ODD), "1 @10\n3 @30\n");
    ck_assert_uint_eq(beam_tester_count(t, ODD), 2);
    ck_assert_int_eq(beam_as_int64(beam_tester_at(t, ODD, 1).value), 3);
    ck_assert_int_eq(beam_tester_at(t, ODD, 1).timestamp, 30);
    ck_assert_int_eq(beam_tester_counter(t, "numbers"), 4);
    ck_assert_int_eq(beam_tester_counter(t, "others"), 0);

    beam_tester_clear(t);
    beam_tester_add(t, beam_int64(6), 0);
    run();
    ck_assert_str_eq(beam_tester_lines(t, -1), "6 @0\n");
    ck_assert_int_eq(beam_tester_counter(t, "numbers"), 5);
}
END_TEST

START_TEST(a_failed_bundle_leaves_nothing)
{
    t = beam_dofn_tester_new(&sort_fn);
    beam_tester_add(t, beam_int64(2), 0);
    beam_tester_add(t, beam_int64(-1), 0);
    ck_assert_int_eq(beam_tester_run(t), BEAM_EUSER);
    ck_assert_ptr_nonnull(strstr(beam_tester_error(t), "-1 is negative"));
    ck_assert_uint_eq(beam_tester_count(t, -1), 0);
    ck_assert_int_eq(beam_tester_counter(t, "numbers"), 0);
    beam_tester_add(t, beam_int64(8), 0);
    run();
    ck_assert_str_eq(beam_tester_error(t), "");
    ck_assert_str_eq(beam_tester_lines(t, -1), "8 @0\n");
}
END_TEST

START_TEST(a_wrong_element_is_told)
{
    t = beam_dofn_tester_new(&sort_fn);
    beam_tester_add(t, text("x"), 0);
    ck_assert_int_eq(beam_tester_run(t), BEAM_ETYPE);
    ck_assert_ptr_nonnull(
        strstr(beam_tester_error(t), "reads INT64, and the element \"x\" is none"));
}
END_TEST

enum { NAME, PRICE, N_FIELDS };
static const beam_field fields[N_FIELDS] = {
    [NAME] = { "name", BEAM_FIELD_STRING, .nullable = true },
    [PRICE] = { "price", BEAM_FIELD_LOGICAL, .logical = BEAM_LOGICAL_DECIMAL },
};
static const beam_schema sale = { "sale", BEAM_TABLE(fields), NULL };

/* A price as text; none, and one field too many. */
static beam_status sell(beam_ctx *c, beam_value in)
{
    beam_value row[N_FIELDS + 1] = { beam_null(), in, in };
    if (!beam_as_span(in).len) row[PRICE] = beam_null();
    bool more = beam_span_equal(beam_as_span(in), beam_span_of("more"));
    return beam_emit_kv(c, in, beam_row(row, more ? N_FIELDS + 1 : N_FIELDS));
}
static const beam_dofn sell_fn = { .name = "test.sell", .in = BEAM_STRING,
                                   .out = BEAM_KV(BEAM_STRING, BEAM_ROW(&sale)),
                                   .process = sell };

START_TEST(a_wrong_field_is_told)
{
    static const char *const wrong[][2] = {
        { "12.5.0", "which takes KV<STRING, ROW>: its field 'price' does not take \"12.5.0\"" },
        { "", "which takes KV<STRING, ROW>: its field 'price' does not take null" },
        { "more", "which takes KV<STRING, ROW>: that has 2 fields" },
    };
    t = beam_dofn_tester_new(&sell_fn);
    beam_tester_add(t, text("12.50"), 0);
    run();
    for (size_t i = 0; i < BEAM_COUNT(wrong); i++) {
        beam_tester_add(t, text(wrong[i][0]), 0);
        ck_assert_int_eq(beam_tester_run(t), BEAM_ETYPE);
        ck_assert_msg(strstr(beam_tester_error(t), wrong[i][1]), "%s", beam_tester_error(t));
    }
}
END_TEST

START_TEST(a_wrong_dofn_is_told)
{
    static const beam_dofn nothing = { .name = "test.nothing", .in = BEAM_INT64 };
    t = beam_dofn_tester_new(&nothing);
    beam_tester_add(t, beam_int64(1), 0);
    ck_assert_int_ne(beam_tester_run(t), BEAM_OK);
    ck_assert_ptr_nonnull(strstr(beam_tester_error(t), "has no callback"));
}
END_TEST

/* -- lifecycle and windows ------------------------------------------------------------------ */
typedef struct batch {
    int64_t n;
} batch;

static beam_status count_one(beam_ctx *c, beam_value in)
{
    batch *b = beam_self(c);
    b->n += beam_as_int64(in);
    beam_window w = beam_element_window(c);
    return beam_emit_kv(c, beam_int64(w.start), beam_int64(w.end));
}

static beam_status start_count(beam_ctx *c)
{
    ((batch *)beam_self(c))->n = 0;
    return BEAM_OK;
}

static beam_status finish_count(beam_ctx *c)
{
    const beam_window w = { 0, 10, { NULL, 0 } };
    const beam_value pair[] = { beam_int64(-1), beam_int64(((batch *)beam_self(c))->n) };
    return beam_emit_windowed(c, -1, beam_kv(pair), 9, &w);
}
static const beam_dofn count_fn = { .name = "test.count",
                                    .in = BEAM_INT64,
                                    .out = BEAM_KV(BEAM_INT64, BEAM_INT64),
                                    .flags = BEAM_OBSERVES_WINDOW,
                                    .self_size = sizeof(batch),
                                    .start_bundle = start_count,
                                    .process = count_one,
                                    .finish_bundle = finish_count };

START_TEST(windows_and_bundles)
{
    t = beam_dofn_tester_new(&count_fn, .windows = beam_sliding(10, 5));
    beam_tester_add(t, beam_int64(3), 7);
    run();
    ck_assert_str_eq(beam_tester_lines(t, -1), "5: 15 @7\n0: 10 @7\n-1: 6 @9\n");
    ck_assert_int_eq(beam_tester_at(t, -1, 0).window.start, 5);
    beam_tester_clear(t);
    run(); /* a bundle without elements */
    ck_assert_str_eq(beam_tester_lines(t, -1), "-1: 0 @9\n");
}
END_TEST

static beam_status show_pane(beam_ctx *c, beam_value in)
{
    (void)in;
    return beam_emit(c, beam_int64(beam_element_pane(c).index));
}
static const beam_dofn pane_fn = {
    .name = "test.pane", .in = BEAM_ANY, .out = BEAM_INT64, .process = show_pane
};

START_TEST(panes)
{
    const beam_pane second = { .timing = BEAM_PANE_LATE, .index = 1, .on_time_index = 1 };
    t = beam_dofn_tester_new(&pane_fn, .in = BEAM_STRING);
    beam_tester_add_pane(t, text("x"), 0, second);
    run();
    ck_assert_str_eq(beam_tester_lines(t, -1), "1 @0\n");
    ck_assert_int_eq(beam_tester_at(t, -1, 0).pane.timing, BEAM_PANE_LATE);
}
END_TEST

/* -- side inputs ---------------------------------------------------------------------------- */
enum { RATES, OFFSET_SIDE };
static const beam_side_spec sides[] = {
    [RATES] = { "rates", BEAM_SIDE_MULTIMAP, BEAM_KV(BEAM_STRING, BEAM_INT64), NULL,
                NULL },
    [OFFSET_SIDE] = { "offset", BEAM_SIDE_SINGLETON, BEAM_INT64, NULL, NULL }
};

static beam_status look_up(beam_ctx *c, beam_value in)
{
    int64_t offset = beam_as_int64(beam_side(c, OFFSET_SIDE));
    beam_iter *it = beam_side_lookup(c, RATES, in);
    for (beam_value v; beam_next(it, &v);)
        BEAM_TRY(beam_emit(c, beam_int64(offset + beam_as_int64(v))));
    return BEAM_OK;
}
static const beam_dofn look_up_fn = { .name = "test.look_up",
                                      .in = BEAM_STRING,
                                      .out = BEAM_INT64,
                                      .sides = BEAM_TABLE(sides),
                                      .process = look_up };

START_TEST(side_inputs)
{
    const beam_value pairs[][2] = { { text("a"), beam_int64(1) },
                                    { text("b"), beam_int64(2) },
                                    { text("a"), beam_int64(3) } };
    const beam_value rates[] = { beam_kv(pairs[0]), beam_kv(pairs[1]),
                                 beam_kv(pairs[2]) };
    const beam_value offset = beam_int64(100);
    t = beam_dofn_tester_new(
        &look_up_fn, .sides = { [RATES] = { rates, 3 }, [OFFSET_SIDE] = { &offset, 1 } });
    beam_tester_add(t, text("a"), 0);
    beam_tester_add(t, text("c"), 0);
    run();
    ck_assert_str_eq(beam_tester_lines(t, -1), "101 @0\n103 @0\n");
}
END_TEST

/* -- state and timers ------------------------------------------------------------------------ */
enum { SUM };
static const beam_state_spec states[] = { [SUM] = BEAM_VALUE_STATE("sum", BEAM_INT64) };
enum { FLUSH, ALARM };
static const beam_timer_spec timers[] = {
    [FLUSH] = { "flush", BEAM_EVENT_TIME }, [ALARM] = { "alarm", BEAM_PROCESSING_TIME }
};

static beam_status add_up(beam_ctx *c, beam_value in)
{
    int64_t sum = beam_as_int64(beam_state_read(c, SUM)) + beam_as_int64(beam_val(in));
    if (sum > 100) return beam_fail(c, BEAM_EUSER, "too much");
    BEAM_TRY(beam_state_write(c, SUM, beam_int64(sum)));
    BEAM_TRY(beam_timer_set(c, FLUSH, 1000));
    return beam_timer_set(c, ALARM, beam_now(c) + 50);
}

static beam_status flush(beam_ctx *c, const beam_timer *timer)
{
    if (timer->timer == ALARM)
        return beam_emit_kv(c, timer->key, beam_int64(-(int64_t)beam_now(c)));
    int64_t sum = beam_as_int64(beam_state_read(c, SUM));
    BEAM_TRY(beam_emit_kv(c, timer->key, beam_int64(sum)));
    BEAM_TRY(beam_state_clear(c, SUM));
    return timer->fire_at < 2000 ? beam_timer_set(c, FLUSH, 2000) : BEAM_OK;
}
static const beam_dofn sum_fn = { .name = "test.sum",
                                  .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                  .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                  .states = BEAM_TABLE(states),
                                  .timers = BEAM_TABLE(timers),
                                  .process = add_up,
                                  .on_timer = flush };

static void add_pair(const char *key, int64_t n)
{
    const beam_value pair[] = { text(key), beam_int64(n) };
    beam_tester_add(t, beam_kv(pair), 10);
}

START_TEST(state_lives_from_bundle_to_bundle)
{
    t = beam_dofn_tester_new(&sum_fn, .now = 7000);
    add_pair("a", 1);
    add_pair("b", 5);
    run();
    add_pair("a", 2);
    run();
    ck_assert_uint_eq(beam_tester_timers(t), 4);
    ck_assert_int_eq(beam_tester_watermark(t, 999), BEAM_OK);
    ck_assert_uint_eq(beam_tester_count(t, -1), 0);
    ck_assert_int_eq(beam_tester_watermark(t, 1500), BEAM_OK);
    ck_assert_uint_eq(beam_tester_count(t, -1), 2);
    const char *lines = beam_tester_lines(t, -1);
    ck_assert_msg(strstr(lines, "a: 3 @1000\n") && strstr(lines, "b: 5 @1000\n"), "%s",
                  lines);
    beam_tester_clear(t);
    ck_assert_int_eq(beam_tester_watermark(t, 5000), BEAM_OK); /* set by the first */
    ck_assert_uint_eq(beam_tester_count(t, -1), 2);
    ck_assert_uint_eq(beam_tester_timers(t), 2);
}
END_TEST

START_TEST(the_clock_is_the_tests)
{
    t = beam_dofn_tester_new(&sum_fn, .now = 7000);
    add_pair("a", 1);
    run();
    ck_assert_int_eq(beam_tester_processing_time(t, 49), BEAM_OK);
    ck_assert_uint_eq(beam_tester_count(t, -1), 0);
    ck_assert_int_eq(beam_tester_processing_time(t, 10), BEAM_OK);
    ck_assert_str_eq(beam_tester_lines(t, -1), "a: -7050 @10\n");
}
END_TEST

START_TEST(a_failed_bundle_changes_no_state)
{
    t = beam_dofn_tester_new(&sum_fn);
    add_pair("a", 60);
    run();
    add_pair("a", 30);
    add_pair("a", 30);
    ck_assert_int_eq(beam_tester_run(t), BEAM_EUSER);
    ck_assert_uint_eq(beam_tester_timers(t), 2);
    add_pair("a", 1);
    run();
    ck_assert_int_eq(beam_tester_watermark(t, 1000), BEAM_OK);
    ck_assert_str_eq(beam_tester_lines(t, -1), "a: 61 @1000\n");
}
END_TEST

/* Keeps 4 MB of each key. */
static const beam_state_spec large_states[] = { BEAM_VALUE_STATE("large", BEAM_BYTES) };
static beam_status keep_much(beam_ctx *c, beam_value in)
{
    enum { MUCH = 4000000 };
    if (beam_as_int64(beam_val(in)) < 0) return beam_fail(c, BEAM_EUSER, "not more");
    bool is_new = beam_state_is_empty(c, 0);
    BEAM_TRY(beam_state_write(
        c, 0, beam_bytes((beam_span){ memset(beam_alloc(c, MUCH), 1, MUCH), MUCH })));
    return beam_emit_kv(c, beam_key(in), beam_bool(is_new));
}
static const beam_dofn keep_much_fn = { .name = "test.keep_much",
                                        .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                        .out = BEAM_KV(BEAM_STRING, BEAM_BOOL),
                                        .states = BEAM_TABLE(large_states),
                                        .process = keep_much };

/* So much that the worker writes state back before the bundle ends. */
START_TEST(a_large_failed_bundle_changes_no_state)
{
    static const char *const keys[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j" };
    t = beam_dofn_tester_new(&keep_much_fn);
    add_pair("b", 1);
    run();
    for (size_t i = 0; i < BEAM_COUNT(keys); i++) add_pair(keys[i], 1);
    add_pair("a", -1);
    ck_assert_int_eq(beam_tester_run(t), BEAM_EUSER);
    beam_tester_clear(t);
    add_pair("a", 1);
    add_pair("b", 1);
    run();
    ck_assert_str_eq(beam_tester_lines(t, -1), "a: true @10\nb: false @10\n");
}
END_TEST

/* -- input sorted by time, and the end of windows ---------------------------------------- */
static const beam_state_spec text_states[] = { BEAM_VALUE_STATE("text", BEAM_STRING) };
static const beam_timer_spec soon_timers[] = { { "soon", BEAM_PROCESSING_TIME } };

static beam_status append(beam_ctx *c, beam_value in)
{
    beam_span before = beam_as_span(beam_state_read(c, 0));
    BEAM_TRY(beam_timer_set(c, 0, 50));
    return beam_state_write(c, 0,
                            beam_string(
                                beam_format(c, "%.*s%lld ", (int)before.len, before.ptr,
                                            (long long)beam_as_int64(beam_val(in)))));
}

static beam_status emit_key(beam_ctx *c, const beam_timer *timer)
{
    return beam_emit(c, timer->key);
}

static beam_status emit_all(beam_ctx *c, beam_value key)
{
    (void)key;
    return beam_emit(c, beam_state_read(c, 0));
}

static const beam_dofn append_fn = { .name = "test.append",
                                     .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                     .out = BEAM_STRING,
                                     .flags = BEAM_TIME_SORTED_INPUT,
                                     .states = BEAM_TABLE(text_states),
                                     .timers = BEAM_TABLE(soon_timers),
                                     .process = append,
                                     .on_timer = emit_key,
                                     .on_window_expiration = emit_all };

static void add_timed(const char *key, int64_t v)
{
    const beam_value pair[] = { beam_string(beam_span_of(key)), beam_int64(v) };
    beam_tester_add(t, beam_kv(pair), v);
}

START_TEST(a_window_ends_after_its_sorted_elements)
{
    t = beam_dofn_tester_new(&append_fn, .windows = beam_fixed(100));
    add_timed("a", 70);
    add_timed("a", 20);
    add_timed("a", 60);
    run();
    ck_assert_int_eq(beam_tester_watermark(t, 65), BEAM_OK);
    add_timed("a", 30); /* late */
    run();
    ck_assert_int_eq(beam_tester_watermark(t, 1000), BEAM_OK);
    ck_assert_str_eq(beam_tester_lines(t, -1), "20 60 70  @99\n");
    ck_assert_int_eq(beam_tester_counter(t, "dropped_late"), 1);
}
END_TEST

START_TEST(equal_timers_fire_in_the_order_they_were_set)
{
    t = beam_dofn_tester_new(&append_fn, .windows = beam_fixed(100));
    add_timed("b", 10);
    run();
    add_timed("a", 10);
    run();
    ck_assert_uint_eq(beam_tester_timers(t), 0); /* none of the DoFn's own */
    ck_assert_int_eq(beam_tester_watermark(t, 11), BEAM_OK);
    ck_assert_uint_eq(beam_tester_timers(t), 2);
    ck_assert_int_eq(beam_tester_processing_time(t, 50), BEAM_OK);
    ck_assert_str_eq(beam_tester_lines(t, -1), "b @10\na @10\n");
}
END_TEST

/* GroupIntoBatches with a limit of time: nothing is left to wait for, which would hold the
 * watermark, once the window's end has given out the batch. */
START_TEST(a_batch_waits_no_longer_than_its_window)
{
    const char size_10_wait_1000[] = { 10, 0, (char)0xe8, 7 };
    t = beam_dofn_tester_new(&bm_batch_fn, .windows = beam_fixed(100),
                             .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                             .out = BEAM_KV(BEAM_STRING, BEAM_ITERABLE(BEAM_INT64)),
                             .config = { size_10_wait_1000, sizeof size_10_wait_1000 });
    add_timed("a", 70);
    run();
    ck_assert_uint_eq(beam_tester_timers(t), 2);
    ck_assert_int_eq(beam_tester_watermark(t, 100), BEAM_OK);
    ck_assert_str_eq(beam_tester_lines(t, -1), "a: [70] @99\n");
    ck_assert_uint_eq(beam_tester_timers(t), 0);
}
END_TEST

/* Distinct takes a window's pane 0, also from a runner that does not call it the first. */
START_TEST(distinct_takes_pane_0)
{
    t = beam_dofn_tester_new(&bm_first_pane_fn, .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                             .out = BEAM_STRING);
    const beam_value pairs[][2] = { { text("a"), beam_int64(1) }, { text("b"), beam_int64(1) } };
    beam_tester_add_pane(t, beam_kv(pairs[0]), 5, (beam_pane){ .index = 0 });
    beam_tester_add_pane(t, beam_kv(pairs[1]), 5, (beam_pane){ .index = 1 });
    run();
    ck_assert_str_eq(beam_tester_lines(t, -1), "a @5\n");
}
END_TEST

/* -- state, timers and side inputs where there are none ------------------------------------- */
typedef struct misuse {
    const char *callback, *what, *message;
} misuse;
static const misuse *misused;
static beam_ctx *kept; /* the context that process() got */

#define NO_KEY "there is no key here; "
#define STATE_IS "state is for process, on_timer and on_window_expiration"
#define TIMERS_ARE "timers are for process, on_timer and on_window_expiration"
#define SIDE_NEEDS "needs an element or a timer, whose window says what to read"
/* The callback, what is called in it, and what is said. `kept`: process's context, in
 * finish_bundle. */
static const misuse misuses[] = {
#define IN_EACH(what, message)                                     \
    { "setup", what, message }, { "start_bundle", what, message }, \
        { "finish_bundle", what, message },                        \
    {                                                              \
        "kept", what, message                                      \
    }
    IN_EACH("read", "beam_state_read() of state 'sum': " NO_KEY STATE_IS),
    IN_EACH("write", "beam_state_write() of state 'sum': " NO_KEY STATE_IS),
    IN_EACH("set", "beam_timer_set() of timer 'alarm': " NO_KEY TIMERS_ARE),
    IN_EACH("clear", "beam_timer_clear() of timer 'alarm': " NO_KEY TIMERS_ARE),
    IN_EACH("side", "beam_side() of side input 'rate' " SIDE_NEEDS),
    IN_EACH("lookup", "beam_side_lookup() of side input 'rates' " SIDE_NEEDS),
    { "process", "state 1",
      "beam_state_read() of state 1: the DoFn declares 1 in .states" },
    { "process", "timer 2",
      "beam_timer_set() of timer 2: the DoFn declares 2 in .timers" },
    { "process", "timer -1",
      "beam_timer_clear() of timer -1: the DoFn declares 2 in .timers" },
    { "process", "side 2", "beam_side() asks for side input 2, but the DoFn declares 2" },
    { "process", "value", "state 'sum' takes INT64, not STRING, value \"x\"" },
    { "process", "kind",
      "beam_state_add() does not go with state 'sum', which is of kind VALUE" },
    { "process", "side kind",
      "beam_side_at() does not fit side input 'rate', which is declared as SINGLETON" },
    { "on_timer", "state 1",
      "beam_state_read() of state 1: the DoFn declares 1 in .states" },
    { "on_timer", "timer 2",
      "beam_timer_set() of timer 2: the DoFn declares 2 in .timers" },
};

static void do_misuse(beam_ctx *c)
{
    const char *what = misused->what;
    if (!strcmp(what, "read")) ck_assert(beam_is_null(beam_state_read(c, SUM)));
    if (!strcmp(what, "write")) beam_state_write(c, SUM, beam_int64(1));
    if (!strcmp(what, "set")) beam_timer_set(c, ALARM, 5);
    if (!strcmp(what, "clear")) beam_timer_clear(c, ALARM, beam_span_of(""));
    if (!strcmp(what, "side")) ck_assert(beam_is_null(beam_side(c, 0)));
    if (!strcmp(what, "lookup")) ck_assert_ptr_null(beam_side_lookup(c, 1, text("a")));
    if (!strcmp(what, "state 1")) beam_state_read(c, 1);
    if (!strcmp(what, "timer 2")) beam_timer_set(c, 2, 5);
    if (!strcmp(what, "timer -1")) beam_timer_clear(c, -1, beam_span_of(""));
    if (!strcmp(what, "side 2")) beam_side(c, 2);
    if (!strcmp(what, "value")) beam_state_write(c, SUM, text("x"));
    if (!strcmp(what, "kind")) beam_state_add(c, SUM, beam_int64(1));
    if (!strcmp(what, "side kind")) beam_side_at(c, 0, 0);
}

static beam_status misuse_in(beam_ctx *c, const char *callback)
{
    if (!strcmp(misused->callback, callback)) do_misuse(c);
    return BEAM_OK;
}
static beam_status misuse_setup(beam_ctx *c)
{
    return misuse_in(c, "setup");
}
static beam_status misuse_start(beam_ctx *c)
{
    return misuse_in(c, "start_bundle");
}
static beam_status misuse_process(beam_ctx *c, beam_value in)
{
    (void)in;
    kept = c;
    BEAM_TRY(beam_timer_set(c, FLUSH, 10));
    return misuse_in(c, "process");
}
static beam_status misuse_timer(beam_ctx *c, const beam_timer *timer)
{
    (void)timer;
    return misuse_in(c, "on_timer");
}
static beam_status misuse_finish(beam_ctx *c)
{
    BEAM_TRY(misuse_in(c, "finish_bundle"));
    return misuse_in(kept, "kept");
}
static const beam_side_spec misused_sides[] = {
    { "rate", BEAM_SIDE_SINGLETON, BEAM_INT64, NULL, NULL },
    { "rates", BEAM_SIDE_MULTIMAP, BEAM_KV(BEAM_STRING, BEAM_INT64), NULL, NULL },
};
static const beam_dofn misuse_fn = { .name = "test.misuse",
                                     .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                     .states = BEAM_TABLE(states),
                                     .timers = BEAM_TABLE(timers),
                                     .sides = BEAM_TABLE(misused_sides),
                                     .setup = misuse_setup,
                                     .start_bundle = misuse_start,
                                     .process = misuse_process,
                                     .on_timer = misuse_timer,
                                     .finish_bundle = misuse_finish };

/* The failure names the DoFn, the callback, and what was declared. */
START_TEST(misuse_is_told)
{
    misused = &misuses[_i];
    const beam_value rate = beam_int64(1), pair[] = { text("a"), beam_int64(2) };
    const beam_value rates = beam_kv(pair);
    t = beam_dofn_tester_new(&misuse_fn, .sides = { { &rate, 1 }, { &rates, 1 } });
    add_pair("a", 1);
    beam_status status = beam_tester_run(t);
    if (!strcmp(misused->callback, "on_timer")) {
        ck_assert_msg(status == BEAM_OK, "%s", beam_tester_error(t));
        status = beam_tester_watermark(t, 1000);
    }
    const char *error = beam_tester_error(t);
    ck_assert_msg(status == (!strcmp(misused->what, "value") ? BEAM_ETYPE : BEAM_ESTATE),
                  "%s", error);
    bool in_process = !strcmp(misused->callback, "process");
    bool is_kept = !strcmp(misused->callback, "kept");
    ck_assert_msg(strstr(error, "(DoFn 'test.misuse')") &&
                      strstr(error, misused->message),
                  "%s", error);
    ck_assert_msg(strstr(error, in_process ? "failed on element"
                                : is_kept  ? "finish_bundle"
                                           : misused->callback),
                  "%s", error);
}
END_TEST

/* -- values that are taken for what they are not ------------------------------------------- */
enum { ID, COUNT, NOTE, N_VISIT };
static const beam_field visit_fields[N_VISIT] = {
    [ID] = { "id", .kind = BEAM_FIELD_STRING },
    [COUNT] = { "count", .kind = BEAM_FIELD_INT64 },
    [NOTE] = { "note", .kind = BEAM_FIELD_STRING, .nullable = true },
};
static const beam_schema visit = { "visit", BEAM_TABLE(visit_fields), NULL };
static const char *misread_what;

static bool misread_is(const char *what)
{
    return !strcmp(misread_what, what);
}

/* What is fine: nulls, a field that the row's maker left out, beyond the end of a list. */
static void read_rightly(beam_value row)
{
    ck_assert_int_eq(beam_as_int64(beam_null()), 0);
    ck_assert_uint_eq(beam_as_span(beam_list_at(row, NOTE)).len, 0);
    ck_assert(beam_is_null(beam_list_at(beam_list(NULL, 0), 0)));
}

static beam_status misread(beam_ctx *c, beam_value in)
{
    beam_value row = beam_val(in), id = beam_list_at(row, ID);
    read_rightly(row);
    if (misread_is("name"))
        beam_list_at(row, (size_t)beam_schema_index(&visit, "ident"));
    if (misread_is("index")) beam_list_at(row, N_VISIT);
    if (misread_is("int64")) ck_assert_int_eq(beam_as_int64(id), 0);
    if (misread_is("double")) ck_assert(beam_as_double(beam_list_at(row, COUNT)) == 0);
    if (misread_is("bool")) ck_assert(!beam_as_bool(id));
    if (misread_is("struct")) ck_assert_ptr_null(beam_as_struct(id));
    if (misread_is("span")) ck_assert_uint_eq(beam_as_span(row).len, 0);
    if (misread_is("key")) ck_assert(beam_is_null(beam_key(id)));
    if (misread_is("item")) beam_list_at(id, 0);
    if (misread_is("made")) beam_as_span(beam_int64(7));
    return beam_emit(c, in);
}
static beam_status misread_finish(beam_ctx *c)
{
    (void)c;
    if (misread_is("finish")) beam_as_bool(beam_string(beam_span_of("yes")));
    return BEAM_OK;
}
static const beam_dofn misread_fn = { .name = "test.misread",
                                      .in = BEAM_KV(BEAM_STRING, BEAM_ROW(&visit)),
                                      .out = BEAM_KV(BEAM_STRING, BEAM_ROW(&visit)),
                                      .process = misread,
                                      .finish_bundle = misread_finish };

static const char *const misreads[][2] = {
    { "name", "beam_list_at() of field -1 of a row with 3 fields: 'id', 'count', 'note'; "
              "beam_schema_index() gives -1 for a name that is no field's" },
    { "index", "beam_list_at() of field 3 of a row with 3 fields: 'id', 'count', 'note'" },
    { "int64", "beam_as_int64() of field 'id', which is STRING: \"x\"" },
    { "double", "beam_as_double() of field 'count', which is INT64: 5" },
    { "bool", "beam_as_bool() of field 'id', which is STRING: \"x\"" },
    { "struct", "beam_as_struct() of field 'id', which is STRING: \"x\"" },
    { "span", "beam_as_span() of a value that is ROW of 3 fields: Row{\"x\", 5, null}" },
    { "key", "beam_key() of field 'id', which is STRING: \"x\"" },
    { "item", "beam_list_at() of field 'id', which is STRING: \"x\"" },
    { "made", "beam_as_span() of a value that is INT64: 7" },
    { "finish", "failed in finish_bundle: beam_as_bool() of a value that is STRING" },
};

START_TEST(a_misread_value_is_told)
{
    const beam_value row[] = { text("x"), beam_int64(5), beam_null() };
    const beam_value pair[] = { text("k"), beam_row(row, N_VISIT) };
    misread_what = misreads[_i][0];
    t = beam_dofn_tester_new(&misread_fn);
    beam_tester_add(t, beam_kv(pair), 0);
    ck_assert_int_eq(beam_tester_run(t), BEAM_ETYPE);
    const char *error = beam_tester_error(t);
    ck_assert_msg(strstr(error, "(DoFn 'test.misread')") && strstr(error, misreads[_i][1]),
                  "%s", error);
}
END_TEST

START_TEST(nulls_and_rows_without_their_last_fields_are_fine)
{
    const beam_value row[] = { text("x"), beam_int64(5) };
    const beam_value pair[] = { text("k"), beam_row(row, BEAM_COUNT(row)) };
    misread_what = "nothing";
    t = beam_dofn_tester_new(&misread_fn);
    beam_tester_add(t, beam_kv(pair), 0);
    run();
    ck_assert_int_eq(beam_as_int64(text("not in a callback")), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("program/dofn_tester");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_add_test(tests, outputs_and_counters);
    tcase_add_test(tests, a_failed_bundle_leaves_nothing);
    tcase_add_test(tests, a_wrong_element_is_told);
    tcase_add_test(tests, a_wrong_field_is_told);
    tcase_add_test(tests, a_wrong_dofn_is_told);
    tcase_add_test(tests, windows_and_bundles);
    tcase_add_test(tests, panes);
    tcase_add_test(tests, side_inputs);
    tcase_add_test(tests, state_lives_from_bundle_to_bundle);
    tcase_add_test(tests, the_clock_is_the_tests);
    tcase_add_test(tests, a_failed_bundle_changes_no_state);
    tcase_add_test(tests, a_large_failed_bundle_changes_no_state);
    tcase_add_test(tests, a_window_ends_after_its_sorted_elements);
    tcase_add_test(tests, equal_timers_fire_in_the_order_they_were_set);
    tcase_add_test(tests, a_batch_waits_no_longer_than_its_window);
    tcase_add_test(tests, distinct_takes_pane_0);
    tcase_add_loop_test(tests, misuse_is_told, 0, BEAM_COUNT(misuses));
    tcase_add_loop_test(tests, a_misread_value_is_told, 0, BEAM_COUNT(misreads));
    tcase_add_test(tests, nulls_and_rows_without_their_last_fields_are_fine);
    suite_add_tcase(s, tests);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
