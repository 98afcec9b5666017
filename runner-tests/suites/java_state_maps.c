/* SPDX-License-Identifier: Apache-2.0 */
/* Java's ParDoTest: state of sets, maps, multimaps and ordered lists. */
#include "java.h"

enum { FOO, COUNT };

/* Counts the elements of the key; at the last (`config` has one digit: how many) true. */
static bool is_last(beam_ctx *c)
{
    beam_state_add(c, COUNT, beam_int64(1));
    beam_span config = beam_config(c);
    int64_t all = config.len ? config.ptr[0] - '0' : 4;
    return beam_as_int64(beam_state_read(c, COUNT)) >= all;
}
#define COUNTED(table, foo)                                                      \
    static const beam_state_spec table[] = { [FOO] = foo,                         \
                                             [COUNT] = BEAM_COMBINING_STATE("count", \
                                                                            &beam_sum_int64) }

/* -- sets ----------------------------------------------------------------------------------- */
COUNTED(set_states, BEAM_SET_STATE("foo", BEAM_INT64));
static beam_status collect_set(beam_ctx *c, beam_value in)
{
    BEAM_TRY(beam_state_add(c, FOO, beam_val(in)));
    if (!is_last(c)) return BEAM_OK;
    size_t n;
    int64_t *ints = sorted_ints(c, beam_state_iter(c, FOO), &n);
    return beam_emit(c, text_of_ints(c, ints, n));
}
static const beam_dofn collect_set_fn = { .name = "java.collect_set",
                                          .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                          .out = BEAM_STRING,
                                          .states = BEAM_TABLE(set_states),
                                          .process = collect_set };

static void set(beam_pipeline *p)
{
    beam_pcoll *in = STRING_INTS(p, "In", { "hello", 97 }, { "hello", 42 }, { "hello", 42 },
                                 { "hello", 12 });
    beam_assert_that(beam_par_do(in, "Set", &collect_set_fn), "Out", .lines = "[12, 42, 97]");
}

/* What is added without being read is there. */
static beam_status add_if_absent(beam_ctx *c, beam_value in)
{
    (void)in;
    if (!beam_state_contains(c, FOO, beam_int64(97)))
        BEAM_TRY(beam_state_add(c, FOO, beam_int64(97)));
    if (!beam_state_contains(c, FOO, beam_int64(97)))
        return beam_fail(c, BEAM_EUSER, "97 has been added, but is not there");
    if (beam_state_contains(c, FOO, beam_int64(42)))
        return beam_fail(c, BEAM_EUSER, "42 is there, but has not been added");
    size_t n;
    int64_t *ints = sorted_ints(c, beam_state_iter(c, FOO), &n);
    return beam_emit(c, text_of_ints(c, ints, n));
}
static const beam_dofn add_if_absent_fn = { .name = "java.add_if_absent",
                                            .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                            .out = BEAM_STRING,
                                            .states = BEAM_TABLE(set_states),
                                            .process = add_if_absent };

static void set_add_if_absent(beam_pipeline *p)
{
    beam_pcoll *in = STRING_INTS(p, "In", { "hello", 1 }, { "hello", 2 });
    beam_assert_that(beam_par_do(in, "Set", &add_if_absent_fn), "Out", .lines = "[97]\n[97]");
}

/* -- maps ------------------------------------------------------------------------------------ */
/* The value's key is its last digit's letter: 97 has "h". */
static beam_value letter_of(beam_ctx *c, beam_value v)
{
    return beam_string(beam_format(c, "%c", (char)('a' + beam_as_int64(v) % 10)));
}
static beam_status emit_entries(beam_ctx *c)
{
    beam_iter *it = beam_state_iter(c, FOO);
    for (beam_value v; beam_next(it, &v);) BEAM_TRY(beam_emit(c, v));
    return BEAM_OK;
}

#define STRING_INT BEAM_KV(BEAM_STRING, BEAM_INT64)
#define MAP_FN(dofn, fn_name, table, function)                                     \
    static const beam_dofn dofn = { .name = (fn_name), .in = STRING_INT,            \
                                    .out = STRING_INT, .states = BEAM_TABLE(table), \
                                    .process = function }

COUNTED(map_states, BEAM_MAP_STATE("foo", BEAM_STRING, BEAM_INT64));
static beam_status collect_map(beam_ctx *c, beam_value in)
{
    BEAM_TRY(beam_state_put(c, FOO, letter_of(c, beam_val(in)), beam_val(in)));
    return is_last(c) ? emit_entries(c) : BEAM_OK;
}
MAP_FN(collect_map_fn, "java.collect_map", map_states, collect_map);

static void map(beam_pipeline *p)
{
    beam_pcoll *in = STRING_INTS(p, "In", { "hello", 97 }, { "hello", 42 }, { "hello", 12 },
                                 { "hello", 13 });
    /* 12 takes the place of 42 or the other way round: elements have no order */
    beam_pcoll *keys = beam_keys(beam_par_do(in, "Map", &collect_map_fn), "Keys");
    beam_assert_that(keys, "Out", .lines = "c\nd\nh");
}

static beam_status put_if_absent(beam_ctx *c, beam_value in)
{
    beam_value key = beam_string(beam_span_of("a"));
    if (!beam_state_contains(c, FOO, key))
        BEAM_TRY(beam_state_put(c, FOO, key, beam_val(in)));
    if (beam_is_null(beam_state_get(c, FOO, key)))
        return beam_fail(c, BEAM_EUSER, "what has been put is not there");
    if (!beam_is_null(beam_state_get(c, FOO, beam_string(beam_span_of("b")))))
        return beam_fail(c, BEAM_EUSER, "what has not been put is there");
    return emit_entries(c);
}
MAP_FN(put_if_absent_fn, "java.put_if_absent", map_states, put_if_absent);

static void map_put_if_absent(beam_pipeline *p)
{
    beam_pcoll *in = STRING_INTS(p, "In", { "hello", 97 });
    beam_assert_that(beam_par_do(in, "Map", &put_if_absent_fn), "Out", .lines = "a: 97");
}

/* -- multimaps ------------------------------------------------------------------------------- */
COUNTED(multimap_states, BEAM_MULTIMAP_STATE("foo", BEAM_STRING, BEAM_INT64));
static beam_status emit_of(beam_ctx *c, const char *key)
{
    beam_value k = beam_string(beam_span_of(key));
    beam_iter *it = beam_state_lookup(c, FOO, k);
    for (beam_value v; beam_next(it, &v);) BEAM_TRY(beam_emit_kv(c, k, v));
    return BEAM_OK;
}
static beam_status put(beam_ctx *c, beam_value in)
{
    return beam_state_put(c, FOO, letter_of(c, beam_val(in)), beam_val(in));
}
static beam_status multimap_lookup(beam_ctx *c, beam_value in)
{
    BEAM_TRY(put(c, in));
    if (!is_last(c)) return BEAM_OK;
    BEAM_TRY(emit_of(c, "c"));
    BEAM_TRY(emit_of(c, "h"));
    return emit_of(c, "x");
}
static beam_status multimap_entries(beam_ctx *c, beam_value in)
{
    BEAM_TRY(put(c, in));
    return is_last(c) ? emit_entries(c) : BEAM_OK;
}
static beam_status multimap_remove(beam_ctx *c, beam_value in)
{
    BEAM_TRY(put(c, in));
    if (!is_last(c)) return BEAM_OK;
    BEAM_TRY(beam_state_remove(c, FOO, beam_string(beam_span_of("c"))));
    if (beam_state_contains(c, FOO, beam_string(beam_span_of("c"))))
        return beam_fail(c, BEAM_EUSER, "the key is there after it was removed");
    return emit_entries(c);
}
static beam_status expect_empty(beam_ctx *c, beam_value in)
{
    if (!beam_state_is_empty(c, FOO)) return beam_fail(c, BEAM_EUSER, "it is not empty");
    beam_value v;
    if (beam_next(beam_state_keys(c, FOO), &v)) return beam_fail(c, BEAM_EUSER, "it has a key");
    return beam_emit(c, in);
}
static beam_status multimap_remove_all(beam_ctx *c, beam_value in)
{
    if (!beam_state_is_empty(c, FOO)) return beam_fail(c, BEAM_EUSER, "it is not empty");
    BEAM_TRY(put(c, in));
    if (beam_state_is_empty(c, FOO)) return beam_fail(c, BEAM_EUSER, "it is empty");
    BEAM_TRY(beam_state_remove(c, FOO, letter_of(c, beam_val(in))));
    return expect_empty(c, in);
}
static beam_status multimap_clear(beam_ctx *c, beam_value in)
{
    BEAM_TRY(put(c, in));
    if (!is_last(c)) return BEAM_OK;
    BEAM_TRY(beam_state_clear(c, FOO));
    BEAM_TRY(put(c, in));
    BEAM_TRY(beam_state_clear(c, FOO));
    return expect_empty(c, beam_kv((const beam_value[]){ beam_key(in), beam_int64(0) }));
}
MAP_FN(multimap_lookup_fn, "java.multimap_lookup", multimap_states, multimap_lookup);
MAP_FN(multimap_entries_fn, "java.multimap_entries", multimap_states, multimap_entries);
MAP_FN(multimap_remove_fn, "java.multimap_remove", multimap_states, multimap_remove);
MAP_FN(multimap_remove_all_fn, "java.multimap_remove_all", multimap_states,
       multimap_remove_all);
MAP_FN(multimap_clear_fn, "java.multimap_clear", multimap_states, multimap_clear);

static void assert_multimap(beam_pipeline *p, const beam_dofn *fn, const char *lines)
{
    beam_pcoll *in = STRING_INTS(p, "In", { "hello", 97 }, { "hello", 42 }, { "hello", 42 },
                                 { "hello", 12 });
    beam_assert_that(beam_par_do(in, "Multimap", fn), "Out", .lines = lines);
}
static void put_multimap(beam_pipeline *p)
{
    assert_multimap(p, &multimap_lookup_fn, "c: 12\nc: 42\nc: 42\nh: 97");
}
static void entries_of_multimap(beam_pipeline *p)
{
    assert_multimap(p, &multimap_entries_fn, "c: 12\nc: 42\nc: 42\nh: 97");
}
static void remove_of_multimap(beam_pipeline *p)
{
    assert_multimap(p, &multimap_remove_fn, "h: 97");
}
static void remove_all_of_multimap(beam_pipeline *p)
{
    assert_multimap(p, &multimap_remove_all_fn,
                    "hello: 97\nhello: 42\nhello: 42\nhello: 12");
}
static void clear_multimap(beam_pipeline *p)
{
    assert_multimap(p, &multimap_clear_fn, "hello: 0");
}

/* Keys that are bytes: equal if their bytes are. */
COUNTED(bytes_states, BEAM_MULTIMAP_STATE("foo", BEAM_BYTES, BEAM_INT64));
static beam_status multimap_of_bytes(beam_ctx *c, beam_value in)
{
    beam_value key = beam_bytes(beam_as_span(letter_of(c, beam_val(in))));
    BEAM_TRY(beam_state_put(c, FOO, key, beam_val(in)));
    if (!is_last(c)) return BEAM_OK;
    beam_value other = beam_bytes(beam_span_of("c"));
    beam_iter *it = beam_state_lookup(c, FOO, other);
    for (beam_value v; beam_next(it, &v);) BEAM_TRY(beam_emit_kv(c, beam_key(in), v));
    BEAM_TRY(beam_state_remove(c, FOO, other));
    it = beam_state_iter(c, FOO);
    for (beam_value v; beam_next(it, &v);)
        BEAM_TRY(beam_emit_kv(c, beam_string(beam_span_of("rest")), beam_val(v)));
    return BEAM_OK;
}
MAP_FN(multimap_of_bytes_fn, "java.multimap_of_bytes", bytes_states, multimap_of_bytes);
static void structural_value(beam_pipeline *p)
{
    assert_multimap(p, &multimap_of_bytes_fn, "hello: 12\nhello: 42\nhello: 42\nrest: 97");
}

/* -- ordered lists ------------------------------------------------------------------------------ */
static const beam_state_spec ordered_states[] = { [FOO] = BEAM_ORDERED_LIST_STATE(
                                                      "foo", BEAM_STRING) };
enum { TIMER };
static const beam_timer_spec timers[] = { [TIMER] = { "timer", BEAM_EVENT_TIME } };

static beam_status insert(beam_ctx *c, beam_value in)
{
    beam_value word = beam_val(in);
    return beam_state_insert(c, FOO, beam_as_int64(beam_val(word)), beam_key(word));
}
static beam_status emit_list(beam_ctx *c, beam_iter *it)
{
    beam_span text = beam_format(c, "%s", "");
    for (beam_value v; beam_next(it, &v);)
        text = beam_format(c, BEAM_SPAN_FMT " " BEAM_SPAN_FMT "@%lld", BEAM_SPAN_ARG(text),
                           BEAM_SPAN_ARG(beam_as_span(beam_val(v))),
                           (long long)beam_as_int64(beam_key(v)));
    return beam_emit(c, beam_string(beam_format(c, "{" BEAM_SPAN_FMT " }",
                                                BEAM_SPAN_ARG(text))));
}
static beam_status emit_all(beam_ctx *c, beam_value key)
{
    (void)key;
    return emit_list(c, beam_state_iter(c, FOO));
}
static beam_status emit_ranges(beam_ctx *c, beam_value key)
{
    (void)key;
    BEAM_TRY(emit_list(c, beam_state_range(c, FOO, 0, 12)));
    BEAM_TRY(emit_list(c, beam_state_range(c, FOO, 0, 13)));
    BEAM_TRY(emit_list(c, beam_state_range(c, FOO, 13, 53)));
    return emit_list(c, beam_state_range(c, FOO, 52, 98));
}
static beam_status insert_and_set(beam_ctx *c, beam_value in)
{
    BEAM_TRY(insert(c, in));
    return beam_timer_set(c, TIMER, 42);
}
static beam_status clear_to_timer(beam_ctx *c, const beam_timer *timer)
{
    return beam_state_clear_range(c, FOO, 0, timer->fire_at + 1);
}
#define WORD_IN BEAM_KV(BEAM_STRING, STRING_INT)
static const beam_dofn ordered_fn = { .name = "java.ordered_list",
                                      .in = WORD_IN,
                                      .out = BEAM_STRING,
                                      .states = BEAM_TABLE(ordered_states),
                                      .process = insert,
                                      .on_window_expiration = emit_all };
static const beam_dofn ordered_ranges_fn = { .name = "java.ordered_list_ranges",
                                             .in = WORD_IN,
                                             .out = BEAM_STRING,
                                             .states = BEAM_TABLE(ordered_states),
                                             .process = insert,
                                             .on_window_expiration = emit_ranges };
static const beam_dofn ordered_delete_fn = { .name = "java.ordered_list_delete",
                                             .in = WORD_IN,
                                             .out = BEAM_STRING,
                                             .states = BEAM_TABLE(ordered_states),
                                             .timers = BEAM_TABLE(timers),
                                             .process = insert_and_set,
                                             .on_timer = clear_to_timer,
                                             .on_window_expiration = emit_all };

static const string_int words[] = { { "a", 97 }, { "b", 42 }, { "b", 52 }, { "c", 12 } };
static void make_word(size_t i, beam_value word[2], beam_value pair[2])
{
    word[0] = beam_string(beam_span_of(words[i].key));
    word[1] = beam_int64(words[i].value);
    pair[0] = beam_string(beam_span_of("hello"));
    pair[1] = beam_kv(word);
}
static beam_pcoll *created_words(beam_pipeline *p)
{
    beam_value word[4][2], pair[4][2], kvs[4];
    for (size_t i = 0; i < 4; i++) {
        make_word(i, word[i], pair[i]);
        kvs[i] = beam_kv(pair[i]);
    }
    return beam_create(p, "In", WORD_IN, kvs, 4);
}
static beam_pcoll *stream_of_words(beam_pipeline *p)
{
    beam_test_stream *ts = beam_test_stream_begin(p, "Stream", WORD_IN);
    beam_test_stream_watermark(ts, 0);
    for (size_t i = 0; i < 4; i++) {
        beam_value word[2], pair[2];
        make_word(i, word, pair);
        beam_test_stream_add(ts, beam_kv(pair), 0);
    }
    return beam_test_stream_end(ts);
}
static void assert_ordered(beam_pcoll *in, const beam_dofn *fn, const char *lines)
{
    beam_assert_that(beam_par_do(in, "List", fn), "Out", .lines = lines);
}
#define ALL "{ c@12 b@42 b@52 a@97 }"
#define RANGES "{ }\n{ c@12 }\n{ b@42 b@52 }\n{ b@52 a@97 }"
#define REST "{ b@52 a@97 }"
static void ordered_bounded(beam_pipeline *p)
{
    assert_ordered(created_words(p), &ordered_fn, ALL);
}
static void ordered_unbounded(beam_pipeline *p)
{
    assert_ordered(stream_of_words(p), &ordered_fn, ALL);
}
static void ranges_bounded(beam_pipeline *p)
{
    assert_ordered(created_words(p), &ordered_ranges_fn, RANGES);
}
static void ranges_unbounded(beam_pipeline *p)
{
    assert_ordered(stream_of_words(p), &ordered_ranges_fn, RANGES);
}
static void delete_bounded(beam_pipeline *p)
{
    assert_ordered(created_words(p), &ordered_delete_fn, REST);
}
static void delete_unbounded(beam_pipeline *p)
{
    assert_ordered(stream_of_words(p), &ordered_delete_fn, REST);
}

#define STATE(name, category, build) \
    TEST("ParDoTest." name, "UsesStatefulParDo," category, build, .needs = NEEDS_STATE)
#define STREAM(name, category, build)                                               \
    TEST("ParDoTest." name, "UsesStatefulParDo," category ",UsesTestStream", build, \
         .needs = NEEDS_STATE | NEEDS_TEST_STREAM)
#define ORDERED "UsesOrderedListState,UsesOnWindowExpiration"
static const suite_test tests[] = {
    STATE("testSetState", "UsesSetState", set),
    STATE("testSetStateNoReadOnAddIfAbsentInsertsElement", "UsesSetState", set_add_if_absent),
    STATE("testMapState", "UsesMapState", map),
    STATE("testMapStateNoReadOnComputeIfAbsentAndPutIfAbsentInsertsElement", "UsesMapState",
          map_put_if_absent),
    STATE("testMultimapStatePut", "UsesMultimapState", put_multimap),
    STATE("testMultimapStateEntries", "UsesMultimapState", entries_of_multimap),
    STATE("testMultimapStateRemove", "UsesMultimapState", remove_of_multimap),
    STATE("testMultimapStateIsEmptyAfterRemove", "UsesMultimapState", remove_all_of_multimap),
    STATE("testMultimapStateClear", "UsesMultimapState", clear_multimap),
    STATE("testMultimapStateStructuralValue", "UsesMultimapState", structural_value),
    STATE("testOrderedListStateBounded", ORDERED, ordered_bounded),
    STREAM("testOrderedListStateUnbounded", ORDERED, ordered_unbounded),
    STATE("testOrderedListStateRangeFetchBounded", ORDERED, ranges_bounded),
    STREAM("testOrderedListStateRangeFetchUnbounded", ORDERED, ranges_unbounded),
    STATE("testOrderedListStateRangeDeleteBounded", ORDERED, delete_bounded),
    STREAM("testOrderedListStateRangeDeleteUnbounded", ORDERED, delete_unbounded),
};
SUITE_TABLE(java_state_maps, "java", tests);
