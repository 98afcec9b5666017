/* SPDX-License-Identifier: Apache-2.0 */
/* The Python SDK's tests of state and timers. */
#include "go.h"

static const string_pair letters[] = { { "A", "a" }, { "A", "b" }, { "A", "c" }, { "B", "z" } };
#define TEXT_PAIRS BEAM_KV(BEAM_STRING, BEAM_STRING)

/* -- state only: a running number per key -------------------------------------------------- */
enum { INDEX };
static const beam_state_spec index_state[] = { [INDEX] = BEAM_COMBINING_STATE("index",
                                                                              &beam_sum_int64) };

static beam_status number(beam_ctx *c, beam_value in)
{
    int64_t index = beam_as_int64(beam_state_read(c, INDEX));
    BEAM_TRY(beam_state_add(c, INDEX, beam_int64(1)));
    return beam_emit_kv(c, beam_key(in), beam_int64(index));
}
static const beam_dofn number_fn = { .name = "py.number",
                                     .in = TEXT_PAIRS,
                                     .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                     .states = BEAM_TABLE(index_state),
                                     .process = number };

static void state_only(beam_pipeline *p)
{
    beam_pcoll *in = create_string_pairs(p, "In", letters, BEAM_COUNT(letters));
    beam_assert_that(beam_par_do(in, "Number", &number_fn), "Out",
                     .lines = "A: 0\nA: 1\nA: 2\nB: 0");
}

/* Keys with a coder of the program's own. */
typedef struct point {
    int64_t x, y;
} point;
static void write_point(const void *object, beam_writer *out)
{
    const point *at = object;
    beam_write_int64(out, at->x);
    beam_write_int64(out, at->y);
}
static beam_status read_point(void *object, beam_reader *in)
{
    point *at = object;
    BEAM_TRY(beam_read_int64(in, &at->x));
    return beam_read_int64(in, &at->y);
}
static const beam_struct_coder point_coder = { "py.point", sizeof(point), write_point,
                                               read_point };

static beam_status to_point(beam_ctx *c, beam_value in)
{
    point at = { beam_as_int64(in) % 2, 7 };
    return beam_emit_kv(c, beam_struct(&at), in);
}
static const beam_dofn to_point_fn = { .name = "py.to_point",
                                       .in = BEAM_INT64,
                                       .out = BEAM_KV(BEAM_STRUCT(&point_coder), BEAM_INT64),
                                       .process = to_point };

static beam_status number_point(beam_ctx *c, beam_value in)
{
    const point *at = beam_as_struct(beam_key(in));
    int64_t index = beam_as_int64(beam_state_read(c, INDEX));
    BEAM_TRY(beam_state_add(c, INDEX, beam_int64(1)));
    return beam_emit_kv(c, beam_int64(at->x), beam_int64(index));
}
static const beam_dofn number_point_fn = {
    .name = "py.number_point",
    .in = BEAM_KV(BEAM_STRUCT(&point_coder), BEAM_INT64),
    .out = BEAM_KV(BEAM_INT64, BEAM_INT64),
    .states = BEAM_TABLE(index_state),
    .process = number_point
};

static void custom_key_coder(beam_pipeline *p)
{
    beam_pcoll *in = beam_par_do(INTS(p, "In", 1, 2, 3), "Point", &to_point_fn);
    beam_assert_that(beam_par_do(in, "Number", &number_point_fn), "Out",
                     .lines = "0: 0\n1: 0\n1: 1");
}

/* -- timers: set for 10 and 20, emit when they fire ----------------------------------------- */
enum { FIRST, SECOND };
static const beam_timer_spec two_timers[] = { [FIRST] = { "first", BEAM_EVENT_TIME },
                                              [SECOND] = { "second", BEAM_EVENT_TIME } };

static beam_status set_two(beam_ctx *c, beam_value in)
{
    beam_millis now = beam_timestamp(c);
    BEAM_TRY(beam_timer_set(c, FIRST, now + 10));
    BEAM_TRY(beam_timer_set(c, SECOND, now + 20));
    return beam_emit(c, beam_val(in));
}

static beam_status tell_fired(beam_ctx *c, const beam_timer *timer)
{
    return beam_emit(c, beam_string(beam_format(c, "fired%d", timer->timer + 1)));
}
static const beam_dofn two_timers_fn = { .name = "py.two_timers",
                                         .in = TEXT_PAIRS,
                                         .out = BEAM_STRING,
                                         .timers = BEAM_TABLE(two_timers),
                                         .process = set_two,
                                         .on_timer = tell_fired };

static beam_millis at_ten(beam_ctx *c, beam_value in)
{
    (void)c, (void)in;
    return 10;
}
static const beam_dofn at_ten_fn = { .name = "py.at_ten", .in = BEAM_ANY, .timestamp = at_ten };

static beam_pcoll *one_at_ten(beam_pipeline *p)
{
    const string_pair one[] = { { "k", "x" } };
    return beam_with_timestamps(create_string_pairs(p, "In", one, 1), "Time", &at_ten_fn);
}

static void timers(beam_pipeline *p)
{
    beam_pcoll *out = beam_par_do(one_at_ten(p), "Timers", &two_timers_fn);
    beam_assert_that(out, "Out", .lines = "fired1 @20\nfired2 @30\nx @10",
                     .show = BEAM_SHOW_TIMESTAMP);
}

static beam_status set_and_clear(beam_ctx *c, beam_value in)
{
    beam_millis now = beam_timestamp(c);
    BEAM_TRY(beam_timer_set(c, FIRST, now + 10));
    BEAM_TRY(beam_timer_set(c, SECOND, now + 20));
    BEAM_TRY(beam_timer_clear(c, FIRST, (beam_span){ NULL, 0 }));
    return beam_emit(c, beam_val(in));
}
static const beam_dofn clear_fn = { .name = "py.clear",
                                    .in = TEXT_PAIRS,
                                    .out = BEAM_STRING,
                                    .timers = BEAM_TABLE(two_timers),
                                    .process = set_and_clear,
                                    .on_timer = tell_fired };

static void timers_clear(beam_pipeline *p)
{
    beam_assert_that(beam_par_do(one_at_ten(p), "Clear", &clear_fn), "Out",
                     .lines = "fired2\nx");
}

/* The first timer clears the second, and maybe sets it anew. */
typedef enum again { NO_RESET_NO_CLEAR, NO_RESET, NO_FIRING } again;

static beam_status clears_the_other(beam_ctx *c, const beam_timer *timer)
{
    again what = (again)*beam_config(c).ptr;
    BEAM_TRY(tell_fired(c, timer));
    if (timer->timer != FIRST) return BEAM_OK;
    if (what != NO_RESET_NO_CLEAR)
        BEAM_TRY(beam_timer_clear(c, SECOND, (beam_span){ NULL, 0 }));
    return what == NO_FIRING ? beam_timer_set(c, SECOND, timer->fire_at + 100) : BEAM_OK;
}
static const beam_dofn other_fn = { .name = "py.clears_the_other",
                                    .in = TEXT_PAIRS,
                                    .out = BEAM_STRING,
                                    .timers = BEAM_TABLE(two_timers),
                                    .process = set_two,
                                    .on_timer = clears_the_other };

static beam_pcoll *clears(beam_pipeline *p, again what)
{
    char config = (char)what;
    return beam_par_do(one_at_ten(p), "Timers", &other_fn, .config = { &config, 1 });
}

static void no_reset_and_no_clear(beam_pipeline *p)
{
    beam_assert_that(clears(p, NO_RESET_NO_CLEAR), "Out", .lines = "fired1\nfired2\nx");
}

static void no_reset(beam_pipeline *p)
{
    beam_assert_that(clears(p, NO_RESET), "Out", .lines = "fired1\nx");
}

static void set_anew(beam_pipeline *p)
{
    beam_assert_that(clears(p, NO_FIRING), "Out", .lines = "fired1 @20\nfired2 @120\nx @10",
                     .show = BEAM_SHOW_TIMESTAMP);
}

/* -- state and timers: what a window has buffered comes out when it is over ---------------- */
enum { BUFFER };
static const beam_state_spec buffer_state[] = { [BUFFER] = BEAM_BAG_STATE("buffer",
                                                                          BEAM_INT64) };
enum { END };
static const beam_timer_spec end_timer[] = { [END] = { "end", BEAM_EVENT_TIME } };

static beam_status buffer(beam_ctx *c, beam_value in)
{
    BEAM_TRY(beam_state_add(c, BUFFER, beam_val(in)));
    return beam_timer_set(c, END, beam_window_max_timestamp(beam_element_window(c)));
}

static beam_status emit_buffer(beam_ctx *c, const beam_timer *timer)
{
    beam_value all = { BEAM_KIND_ITERABLE, { false } };
    all.as.iter = beam_state_iter(c, BUFFER);
    BEAM_TRY(beam_emit_kv(c, timer->key, all));
    return beam_state_clear(c, BUFFER);
}
static const beam_dofn buffer_fn = {
    .name = "py.buffer",
    .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
    .out = BEAM_KV(BEAM_STRING, BEAM_ITERABLE(BEAM_INT64)),
    .flags = BEAM_OBSERVES_WINDOW,
    .states = BEAM_TABLE(buffer_state),
    .timers = BEAM_TABLE(end_timer),
    .process = buffer,
    .on_timer = emit_buffer
};

static const string_int numbers[] = { { "a", 1 }, { "a", 2 }, { "b", 3 }, { "a", 14 } };

static beam_millis at_value(beam_ctx *c, beam_value in)
{
    (void)c;
    return beam_as_int64(beam_val(in));
}
static const beam_dofn at_value_fn = { .name = "py.state.at_value",
                                       .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                       .timestamp = at_value };

static void state_timers(beam_pipeline *p)
{
    beam_pcoll *in = create_string_ints(p, "In", numbers, BEAM_COUNT(numbers));
    beam_assert_that(beam_par_do(in, "Buffer", &buffer_fn), "Out",
                     .lines = "a: [1, 14, 2]\nb: [3]");
}

static void windowed_state_timers(beam_pipeline *p)
{
    beam_pcoll *in = create_string_ints(p, "In", numbers, BEAM_COUNT(numbers));
    in = beam_with_timestamps(in, "Time", &at_value_fn);
    in = beam_window_into(in, "Ten", beam_fixed(10));
    beam_assert_that(beam_par_do(in, "Buffer", &buffer_fn), "Out",
                     .lines = "[0, 10) a: [1, 2]\n[0, 10) b: [3]\n[10, 20) a: [14]",
                     .show = BEAM_SHOW_WINDOW);
}

/* Values of state with a coder of the program's own. */
static const beam_state_spec point_state[] = {
    [BUFFER] = BEAM_BAG_STATE("points", BEAM_STRUCT(&point_coder))
};

static beam_status buffer_point(beam_ctx *c, beam_value in)
{
    point at = { beam_as_int64(beam_val(in)), 1 };
    BEAM_TRY(beam_state_add(c, BUFFER, beam_struct(&at)));
    return beam_timer_set(c, END, beam_window_max_timestamp(beam_element_window(c)));
}

static beam_status sum_points(beam_ctx *c, const beam_timer *timer)
{
    int64_t sum = 0;
    beam_iter *it = beam_state_iter(c, BUFFER);
    for (beam_value v; beam_next(it, &v);) sum += ((const point *)beam_as_struct(v))->x;
    return beam_emit_kv(c, timer->key, beam_int64(sum));
}
static const beam_dofn points_fn = { .name = "py.points",
                                     .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                     .out = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                     .flags = BEAM_OBSERVES_WINDOW,
                                     .states = BEAM_TABLE(point_state),
                                     .timers = BEAM_TABLE(end_timer),
                                     .process = buffer_point,
                                     .on_timer = sum_points };

static void non_standard_coder(beam_pipeline *p)
{
    beam_pcoll *in = create_string_ints(p, "In", numbers, BEAM_COUNT(numbers));
    beam_assert_that(beam_par_do(in, "Points", &points_fn), "Out", .lines = "a: 17\nb: 3");
}

/* -- dynamic timers: a tag for each element --------------------------------------------------- */
static beam_status set_tagged(beam_ctx *c, beam_value in)
{
    int64_t n = beam_as_int64(beam_val(in));
    return beam_timer_set_with(c, END, 100 + n,
                               &(beam_timer_opts){ .tag = beam_format(c, "t%lld",
                                                                      (long long)n) });
}

static beam_status tell_tag(beam_ctx *c, const beam_timer *timer)
{
    return beam_emit_kv(c, timer->key, beam_string(timer->tag));
}
static const beam_dofn tagged_fn = { .name = "py.tagged",
                                     .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                     .out = TEXT_PAIRS,
                                     .timers = BEAM_TABLE(end_timer),
                                     .process = set_tagged,
                                     .on_timer = tell_tag };

static void dynamic_timer(beam_pipeline *p)
{
    beam_pcoll *in = create_string_ints(p, "In", numbers, BEAM_COUNT(numbers));
    beam_assert_that(beam_par_do(in, "Tagged", &tagged_fn), "Out",
                     .lines = "a: t1\na: t14\na: t2\nb: t3");
}

/* -- timers and a TestStream ------------------------------------------------------------------ */
static void test_stream_timers(beam_pipeline *p)
{
    const beam_value pair[] = { beam_string(beam_span_of("k")),
                                beam_string(beam_span_of("x")) };
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", TEXT_PAIRS);
    beam_test_stream_add(ts, beam_kv(pair), 10);
    beam_test_stream_watermark(ts, 25);
    beam_test_stream_watermark(ts, 100);
    beam_pcoll *out = beam_par_do(beam_test_stream_end(ts), "Timers", &two_timers_fn);
    beam_assert_that(out, "Out", .lines = "fired1 @20\nfired2 @30\nx @10",
                     .show = BEAM_SHOW_TIMESTAMP);
}

#define STATE "UsesStatefulParDo"
#define TIMERS "UsesTimersInParDo"
static const suite_test tests[] = {
    TEST("test_pardo_state_only", STATE, state_only, .needs = NEEDS_STATE),
    TEST("test_pardo_state_with_custom_key_coder", STATE, custom_key_coder,
         .needs = NEEDS_STATE),
    TEST("test_pardo_timers", TIMERS, timers, .needs = NEEDS_TIMERS),
    TEST("test_pardo_timers_clear", TIMERS, timers_clear, .needs = NEEDS_TIMERS),
    TEST("test_pardo_et_timer_with_no_reset_and_no_clear", TIMERS, no_reset_and_no_clear,
         .needs = NEEDS_TIMERS),
    TEST("test_pardo_et_timer_with_no_reset", TIMERS, no_reset, .needs = NEEDS_TIMERS),
    TEST("test_pardo_et_timer_with_no_firing", TIMERS, set_anew, .needs = NEEDS_TIMERS),
    TEST("test_pardo_state_timers", STATE "," TIMERS, state_timers,
         .needs = NEEDS_STATE | NEEDS_TIMERS),
    TEST("test_windowed_pardo_state_timers", STATE "," TIMERS, windowed_state_timers,
         .needs = NEEDS_STATE | NEEDS_TIMERS),
    TEST("test_pardo_state_timers_non_standard_coder", STATE "," TIMERS, non_standard_coder,
         .needs = NEEDS_STATE | NEEDS_TIMERS),
    TEST("test_pardo_dynamic_timer", "UsesTimerMap", dynamic_timer, .needs = NEEDS_TIMERS),
    TEST("test_teststream_pardo_timers", "UsesTestStream," TIMERS, test_stream_timers,
         .needs = NEEDS_TEST_STREAM | NEEDS_TIMERS),
};
SUITE_TABLE(py_state, "python", tests);
