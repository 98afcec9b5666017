/* SPDX-License-Identifier: Apache-2.0 */
/* State and timers of ParDo. */
#include <stdlib.h>
#include <string.h>

#include "shared.h"

#define PAIR BEAM_KV(BEAM_STRING, BEAM_INT64)

static const char *const keys[] = { "a", "b", "a", "b", "a", "c" };
static const int64_t times[] = { 1, 2, 3, 14, 15, 6 };

static beam_pcoll *events(beam_pipeline *p)
{
    return create_timed(p, "Create", keys, times, BEAM_COUNT(keys));
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* "1 3 15" */
static const char *sorted(beam_ctx *c, beam_iter *it)
{
    int64_t numbers[64];
    size_t n = 0;
    for (beam_value v; n < 64 && beam_next(it, &v); n++) numbers[n] = beam_as_int64(v);
    qsort(numbers, n, sizeof *numbers, by_number);
    const char *text = "";
    for (size_t i = 0; i < n; i++)
        text = beam_format(c, "%s%s%lld", text, i ? " " : "", (long long)numbers[i]).ptr;
    return text;
}

static beam_status emit_text(beam_ctx *c, beam_value key, const char *what, const char *text)
{
    return beam_emit(c, beam_string(beam_format(c, BEAM_SPAN_FMT " %s %s",
                                                BEAM_SPAN_ARG(beam_as_span(key)), what, text)));
}

/* -- VALUE ------------------------------------------------------------------------- */
enum { COUNT };
static const beam_state_spec counter[] = { [COUNT] = BEAM_VALUE_STATE("count", BEAM_INT64) };

static beam_status count_per_key(beam_ctx *c, beam_value in)
{
    int64_t n = beam_as_int64(beam_state_read(c, COUNT)) + 1;
    BEAM_TRY(beam_state_write(c, COUNT, beam_int64(n)));
    return emit_text(c, beam_key(in), "number", beam_format(c, "%lld", (long long)n).ptr);
}
static const beam_dofn count_fn = {
    .name = "model.state.count",
    .in = PAIR,
    .out = BEAM_STRING,
    .states = BEAM_TABLE(counter),
    .process = count_per_key,
};

static beam_pcoll *value_state(beam_pipeline *p)
{
    return beam_par_do(events(p), "Count", &count_fn);
}

/* -- BAG and an event-time timer at the window's end --------------------------------- */
enum { SEEN, SUM };
enum { END };
static const beam_state_spec buffers[] = { [SEEN] = BEAM_BAG_STATE("seen", BEAM_INT64),
                                           [SUM] = BEAM_COMBINING_STATE("sum", &beam_sum_int64) };
static const beam_timer_spec ends[] = { [END] = { "end", BEAM_EVENT_TIME } };

static beam_status buffer(beam_ctx *c, beam_value in)
{
    beam_window w = beam_element_window(c);
    BEAM_TRY(beam_state_add(c, SEEN, beam_val(in)));
    BEAM_TRY(beam_state_add(c, SUM, beam_val(in)));
    return beam_timer_set(c, END, beam_window_max_timestamp(w));
}

static beam_status emit_buffer(beam_ctx *c, const beam_timer *timer)
{
    beam_window w = beam_element_window(c);
    bool is_global = w.start == BEAM_MIN_TIMESTAMP;
    const char *text = beam_format(c, "%s, sum %lld%s", sorted(c, beam_state_iter(c, SEEN)),
                                   (long long)beam_as_int64(beam_state_read(c, SUM)),
                                   is_global ? "" : beam_format(c, ", until %lld",
                                                                (long long)w.end).ptr).ptr;
    BEAM_TRY(beam_state_clear(c, SEEN));
    BEAM_TRY(beam_state_clear(c, SUM));
    return emit_text(c, timer->key, "had", text);
}

static const beam_dofn buffer_fn = {
    .name = "model.state.buffer",
    .in = PAIR,
    .out = BEAM_STRING,
    .states = BEAM_TABLE(buffers),
    .timers = BEAM_TABLE(ends),
    .process = buffer,
    .on_timer = emit_buffer,
};

static beam_pcoll *bag_and_timer(beam_pipeline *p)
{
    return beam_par_do(events(p), "Buffer", &buffer_fn);
}

static beam_pcoll *bag_per_window(beam_pipeline *p)
{
    beam_pcoll *windows = beam_window_into(events(p), "Windows", beam_fixed(beam_seconds(10)));
    return beam_window_into(beam_par_do(windows, "Buffer", &buffer_fn), "Global", beam_global());
}

/* -- a looping timer --------------------------------------------------------------------- */
enum { TICKS };
enum { TICK };
static const beam_state_spec tick_states[] = { [TICKS] = BEAM_VALUE_STATE("ticks", BEAM_INT64) };
static const beam_timer_spec ticks[] = { [TICK] = { "tick", BEAM_EVENT_TIME } };

static beam_status start_ticking(beam_ctx *c, beam_value in)
{
    (void)in;
    if (!beam_state_is_empty(c, TICKS)) return BEAM_OK;
    BEAM_TRY(beam_state_write(c, TICKS, beam_int64(0)));
    return beam_timer_set(c, TICK, beam_seconds(20));
}

static beam_status tick(beam_ctx *c, const beam_timer *timer)
{
    int64_t n = beam_as_int64(beam_state_read(c, TICKS)) + 1;
    BEAM_TRY(beam_state_write(c, TICKS, beam_int64(n)));
    if (n < 3) BEAM_TRY(beam_timer_set(c, TICK, timer->fire_at + beam_seconds(10)));
    return emit_text(c, timer->key, "tick",
                     beam_format(c, "%lld at %lld", (long long)n,
                                 (long long)beam_timestamp(c) / 1000).ptr);
}

static const beam_dofn tick_fn = {
    .name = "model.state.tick",
    .in = PAIR,
    .out = BEAM_STRING,
    .states = BEAM_TABLE(tick_states),
    .timers = BEAM_TABLE(ticks),
    .process = start_ticking,
    .on_timer = tick,
};

static beam_pcoll *looping_timer(beam_pipeline *p)
{
    return beam_par_do(events(p), "Tick", &tick_fn);
}

/* -- timers told apart by tags, set anew and cleared ------------------------------------------ */
static const beam_timer_spec tagged[] = { { "tagged", BEAM_EVENT_TIME } };

static beam_status set_tagged(beam_ctx *c, beam_value in)
{
    beam_timer_opts first = { .tag = beam_span_of("first") };
    beam_timer_opts second = { .tag = beam_span_of("second") };
    beam_timer_opts never = { .tag = beam_span_of("never") };
    beam_millis at = beam_seconds(30);
    (void)in;
    BEAM_TRY(beam_timer_set_with(c, 0, at, &second));
    BEAM_TRY(beam_timer_set_with(c, 0, at, &never));
    BEAM_TRY(beam_timer_set_with(c, 0, at + 1000, &first));
    BEAM_TRY(beam_timer_set_with(c, 0, at + 2000, &second));
    return beam_timer_clear(c, 0, never.tag);
}

static beam_status on_tagged(beam_ctx *c, const beam_timer *timer)
{
    return emit_text(c, timer->key, beam_cstr(c, timer->tag),
                     beam_format(c, "at %lld", (long long)timer->fire_at / 1000).ptr);
}

static const beam_dofn tagged_fn = {
    .name = "model.state.tagged",
    .in = PAIR,
    .out = BEAM_STRING,
    .timers = BEAM_TABLE(tagged),
    .process = set_tagged,
    .on_timer = on_tagged,
};

static beam_pcoll *tagged_timers(beam_pipeline *p)
{
    return beam_par_do(events(p), "Tagged", &tagged_fn);
}

/* -- processing time ------------------------------------------------------------------------------ */
static const beam_timer_spec soon[] = { { "soon", BEAM_PROCESSING_TIME } };

static beam_status set_soon(beam_ctx *c, beam_value in)
{
    BEAM_TRY(beam_state_add(c, SEEN, beam_val(in)));
    return beam_timer_set(c, 0, beam_now(c) + 100);
}

static beam_status on_soon(beam_ctx *c, const beam_timer *timer)
{
    int64_t sum = 0;
    beam_iter *it = beam_state_iter(c, SEEN);
    for (beam_value v; beam_next(it, &v);) sum += beam_as_int64(v);
    BEAM_TRY(beam_state_clear(c, SEEN));
    return beam_emit_kv(c, timer->key, beam_int64(sum));
}

static const beam_dofn soon_fn = {
    .name = "model.state.soon",
    .in = PAIR,
    .out = PAIR,
    .states = BEAM_TABLE(buffers),
    .timers = BEAM_TABLE(soon),
    .process = set_soon,
    .on_timer = on_soon,
};

/* The timer may fire between elements, so only the sums are certain. */
static beam_pcoll *processing_time(beam_pipeline *p)
{
    beam_pcoll *sums = beam_par_do(events(p), "Soon", &soon_fn);
    return as_text(beam_combine_per_key(sums, "Sum", &beam_sum_int64), "Text");
}

/* -- the end of a window ------------------------------------------------------------------------------ */
static beam_status remember(beam_ctx *c, beam_value in)
{
    return beam_state_add(c, SEEN, beam_val(in));
}

static beam_status at_the_end(beam_ctx *c, beam_value key)
{
    return emit_text(c, key, "ends with", sorted(c, beam_state_iter(c, SEEN)));
}

static const beam_dofn end_fn = {
    .name = "model.state.end",
    .in = PAIR,
    .out = BEAM_STRING,
    .states = BEAM_TABLE(buffers),
    .process = remember,
    .on_window_expiration = at_the_end,
};

static beam_pcoll *window_expiration(beam_pipeline *p)
{
    beam_pcoll *windows = beam_window_into(events(p), "Windows", beam_fixed(beam_seconds(10)));
    return beam_window_into(beam_par_do(windows, "End", &end_fn), "Global", beam_global());
}

/* -- SET, MAP, MULTIMAP and ORDERED_LIST ------------------------------------------------------------- */
enum { MEMBERS, LATEST, BY_PARITY, IN_ORDER };
static const beam_state_spec collections[] = {
    [MEMBERS] = BEAM_SET_STATE("members", BEAM_INT64),
    [LATEST] = BEAM_MAP_STATE("latest", BEAM_STRING, BEAM_INT64),
    [BY_PARITY] = BEAM_MULTIMAP_STATE("by_parity", BEAM_BOOL, BEAM_ANY),
    [IN_ORDER] = BEAM_ORDERED_LIST_STATE("in_order", BEAM_INT64),
};

static beam_status collect(beam_ctx *c, beam_value in)
{
    int64_t n = beam_as_int64(beam_val(in));
    beam_value large = beam_string(beam_span_of(n > 2 ? "large" : "small"));
    BEAM_TRY(beam_state_add(c, MEMBERS, beam_int64(n % 10)));
    if (!beam_state_contains(c, LATEST, large) || beam_as_int64(beam_state_get(c, LATEST, large)) < n)
        BEAM_TRY(beam_state_put(c, LATEST, large, beam_int64(n)));
    BEAM_TRY(beam_state_put(c, BY_PARITY, beam_bool(n % 2), beam_val(in)));
    BEAM_TRY(beam_state_insert(c, IN_ORDER, -n, beam_val(in)));
    return beam_timer_set(c, END, beam_seconds(100));
}

static const char *latest(beam_ctx *c, const char *size)
{
    beam_value n = beam_state_get(c, LATEST, beam_string(beam_span_of(size)));
    return beam_is_null(n) ? "none" : beam_format(c, "%lld", (long long)beam_as_int64(n)).ptr;
}

static beam_status emit_collections(beam_ctx *c, const beam_timer *timer)
{
    const char *in_order = "";
    beam_iter *it = beam_state_range(c, IN_ORDER, -20, -1);
    for (beam_value v; beam_next(it, &v);)
        in_order = beam_format(c, "%s %lld", in_order, (long long)beam_as_int64(beam_val(v))).ptr;
    return emit_text(c, timer->key, "has",
                     beam_format(c, "{%s} small %s large %s odd {%s} from 20 to 2{%s }",
                                 sorted(c, beam_state_iter(c, MEMBERS)), latest(c, "small"),
                                 latest(c, "large"),
                                 sorted(c, beam_state_lookup(c, BY_PARITY, beam_bool(true))),
                                 in_order).ptr);
}

static const beam_dofn collect_fn = {
    .name = "model.state.collect",
    .in = PAIR,
    .out = BEAM_STRING,
    .states = BEAM_TABLE(collections),
    .timers = BEAM_TABLE(ends),
    .process = collect,
    .on_timer = emit_collections,
};

static beam_pcoll *collection_states(beam_pipeline *p)
{
    return beam_par_do(events(p), "Collect", &collect_fn);
}

/* -- time-sorted input --------------------------------------------------------------------------------- */
static const beam_state_spec last_state[] = { BEAM_VALUE_STATE("last", BEAM_STRING) };

static beam_status chain(beam_ctx *c, beam_value in)
{
    const char *before = beam_cstr(c, beam_as_span(beam_state_read(c, 0)));
    const char *text = beam_format(c, "%s>%lld", before, (long long)beam_as_int64(beam_val(in))).ptr;
    BEAM_TRY(beam_state_write(c, 0, beam_string(beam_span_of(text))));
    return emit_text(c, beam_key(in), "chain", text);
}

static const beam_dofn chain_fn = {
    .name = "model.state.chain",
    .in = PAIR,
    .out = BEAM_STRING,
    .flags = BEAM_TIME_SORTED_INPUT,
    .states = BEAM_TABLE(last_state),
    .process = chain,
};

static beam_pcoll *time_sorted(beam_pipeline *p)
{
    static const char *const unsorted_keys[] = { "a", "a", "b", "a", "b", "a" };
    static const int64_t unsorted[] = { 30, 10, 5, 40, 2, 20 };
    beam_pcoll *in = create_timed(p, "Create", unsorted_keys, unsorted, BEAM_COUNT(unsorted));
    return beam_par_do(in, "Chain", &chain_fn);
}

/* The last elements are in order before the end of their window. */
static beam_status chain_on(beam_ctx *c, beam_value in)
{
    const char *before = beam_cstr(c, beam_as_span(beam_state_read(c, 0)));
    beam_span text = beam_format(c, "%s>%lld", before, (long long)beam_as_int64(beam_val(in)));
    return beam_state_write(c, 0, beam_string(text));
}

static beam_status chain_ends(beam_ctx *c, beam_value key)
{
    return emit_text(c, key, "ends with", beam_cstr(c, beam_as_span(beam_state_read(c, 0))));
}

static const beam_dofn chain_end_fn = {
    .name = "model.state.chain_end",
    .in = PAIR,
    .out = BEAM_STRING,
    .flags = BEAM_TIME_SORTED_INPUT,
    .states = BEAM_TABLE(last_state),
    .process = chain_on,
    .on_window_expiration = chain_ends,
};

static beam_pcoll *time_sorted_to_the_end(beam_pipeline *p)
{
    beam_pcoll *windows = beam_window_into(events(p), "Windows", beam_fixed(beam_seconds(10)));
    return beam_window_into(beam_par_do(windows, "ChainEnd", &chain_end_fn), "Global", beam_global());
}

static const model_test tests[] = {
    { "state_value", value_state,
      "a number 1\na number 2\na number 3\nb number 1\nb number 2\nc number 1\n" },
    { "state_bag_and_timer", bag_and_timer,
      "a had 1 3 15, sum 19\nb had 2 14, sum 16\nc had 6, sum 6\n" },
    { "state_per_window", bag_per_window,
      "a had 1 3, sum 4, until 10000\na had 15, sum 15, until 20000\n"
      "b had 14, sum 14, until 20000\nb had 2, sum 2, until 10000\n"
      "c had 6, sum 6, until 10000\n" },
    { "state_looping_timer", looping_timer,
      "a tick 1 at 20\na tick 2 at 30\na tick 3 at 40\nb tick 1 at 20\nb tick 2 at 30\n"
      "b tick 3 at 40\nc tick 1 at 20\nc tick 2 at 30\nc tick 3 at 40\n" },
    { "state_tagged_timers", tagged_timers,
      "a first at 31\na second at 32\nb first at 31\nb second at 32\nc first at 31\n"
      "c second at 32\n" },
    /* With --streaming, Flink waits for ever for the timers that are left when bounded input
     * ends: its clock has stopped by then. */
    { .name = "state_processing_time", .build = processing_time,
      .expected = "a: 19\nb: 16\nc: 6\n", .is_batch = true },
    { "state_collections", collection_states,
      "a has {1 3 5} small 1 large 15 odd {1 3 15} from 20 to 2{ 15 3 }\n"
      "b has {2 4} small 2 large 14 odd {} from 20 to 2{ 14 2 }\n"
      "c has {6} small none large 6 odd {} from 20 to 2{ 6 }\n" },
    { "state_time_sorted", time_sorted,
      "a chain >10\na chain >10>20\na chain >10>20>30\na chain >10>20>30>40\n"
      "b chain >2\nb chain >2>5\n" },
    { "state_time_sorted_to_the_end", time_sorted_to_the_end,
      "a ends with >15\na ends with >1>3\nb ends with >14\nb ends with >2\nc ends with >6\n" },
    { "state_window_expiration", window_expiration,
      "a ends with 1 3\na ends with 15\nb ends with 14\nb ends with 2\nc ends with 6\n" },
};

static const beam_dofn *const dofns[] = { &count_fn, &buffer_fn, &tick_fn, &tagged_fn, &soon_fn,
                                          &end_fn, &collect_fn, &chain_fn, &chain_end_fn };

const model_suite state_suite = { tests, BEAM_COUNT(tests), dofns, BEAM_COUNT(dofns), NULL, 0 };
