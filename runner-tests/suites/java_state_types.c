/* SPDX-License-Identifier: Apache-2.0 */
/* Java's ParDoTest: coders of state that are inferred. Here the state holds a type of the
 * program's own. */
#include "java.h"

enum { FOO, COUNT };
#define COUNTED(table, foo)                                                   \
    static const beam_state_spec table[] = {                                  \
        [FOO] = foo, [COUNT] = BEAM_COMBINING_STATE("count", &beam_sum_int64) \
    }
static bool is_fourth(beam_ctx *c)
{
    beam_state_add(c, COUNT, beam_int64(1));
    return beam_as_int64(beam_state_read(c, COUNT)) >= 4;
}
static int64_t number(beam_value v)
{
    const my_integer *mine = beam_as_struct(v);
    return mine ? mine->value : 0;
}

/* -- a value that is a list of them -------------------------------------------------- */
static const beam_state_spec list_state[] = {
    [FOO] = BEAM_VALUE_STATE("foo", BEAM_ITERABLE(MY_INTEGER))
};
static beam_status append(beam_ctx *c, beam_value in)
{
    enum { MOST = 4 };
    my_integer numbers[MOST];
    beam_value list[MOST];
    int64_t ints[MOST];
    size_t n = 0;
    beam_iter *it = beam_as_iter(beam_state_read(c, FOO));
    for (beam_value v; n + 1 < MOST && beam_next(it, &v); n++)
        numbers[n].value = number(v);
    numbers[n++].value = beam_as_int64(beam_val(in));
    for (size_t i = 0; i < n; i++) {
        list[i] = beam_struct(&numbers[i]);
        ints[i] = numbers[i].value;
    }
    BEAM_TRY(beam_emit(c, text_of_ints(c, ints, n)));
    return beam_state_write(c, FOO, beam_list(list, n));
}
static const beam_dofn append_fn = { .name = "java.append_to_list",
                                     .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                     .out = BEAM_STRING,
                                     .states = BEAM_TABLE(list_state),
                                     .process = append };
static void of_list(beam_pipeline *p)
{
    beam_pcoll *in = STRING_INTS(p, "In", { "hello", 42 }, { "hello", 97 },
                                 { "hello", 84 });
    beam_assert_that(beam_par_do(in, "List", &append_fn), "Out",
                     .lines = "[42]\n[42, 97]\n[42, 97, 84]");
}

/* -- a set --------------------------------------------------------------------------- */
COUNTED(set_states, BEAM_SET_STATE("foo", MY_INTEGER));
static beam_status collect_set(beam_ctx *c, beam_value in)
{
    const my_integer mine = { beam_as_int64(beam_val(in)) };
    BEAM_TRY(beam_state_add(c, FOO, beam_struct(&mine)));
    if (!is_fourth(c)) return BEAM_OK;
    beam_iter *it = beam_state_iter(c, FOO);
    for (beam_value v; beam_next(it, &v);) BEAM_TRY(beam_emit(c, beam_int64(number(v))));
    return BEAM_OK;
}
static const beam_dofn collect_set_fn = { .name = "java.collect_my_set",
                                          .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                          .out = BEAM_INT64,
                                          .states = BEAM_TABLE(set_states),
                                          .process = collect_set };
static void set(beam_pipeline *p)
{
    beam_pcoll *in = STRING_INTS(p, "In", { "hello", 97 }, { "hello", 42 },
                                 { "hello", 42 }, { "hello", 12 });
    beam_assert_that(beam_par_do(in, "Set", &collect_set_fn), "Out",
                     .lines = "97\n42\n12");
}

/* -- maps: the input's value is the key and the number ------------------------------- */
#define STRING_INT BEAM_KV(BEAM_STRING, BEAM_INT64)
COUNTED(map_states, BEAM_MAP_STATE("foo", BEAM_STRING, MY_INTEGER));
COUNTED(multimap_states, BEAM_MULTIMAP_STATE("foo:", BEAM_STRING, MY_INTEGER));

static beam_status put(beam_ctx *c, beam_value in)
{
    const my_integer mine = { beam_as_int64(beam_val(beam_val(in))) };
    return beam_state_put(c, FOO, beam_key(beam_val(in)), beam_struct(&mine));
}
static beam_status emit_all(beam_ctx *c, beam_iter *it)
{
    for (beam_value v; beam_next(it, &v);)
        BEAM_TRY(beam_emit_kv(c, beam_key(v), beam_int64(number(beam_val(v)))));
    return BEAM_OK;
}
static beam_status collect_map(beam_ctx *c, beam_value in)
{
    BEAM_TRY(put(c, in));
    return is_fourth(c) ? emit_all(c, beam_state_iter(c, FOO)) : BEAM_OK;
}
static int64_t count_entries(beam_ctx *c)
{
    int64_t n = 0;
    beam_iter *it = beam_state_iter(c, FOO);
    for (beam_value v; beam_next(it, &v);) n++;
    return n;
}
/* An iterator gives what there was when it was made. */
static beam_status collect_multimap(beam_ctx *c, beam_value in)
{
    const my_integer bad = { -1 };
    BEAM_TRY(put(c, in));
    if (!is_fourth(c)) return BEAM_OK;
    beam_iter *before = beam_state_iter(c, FOO);
    BEAM_TRY(
        beam_state_put(c, FOO, beam_string(beam_span_of("BadKey")), beam_struct(&bad)));
    if (count_entries(c) != 5)
        return beam_fail(c, BEAM_EUSER, "there are not five entries");
    return emit_all(c, before);
}
#define COLLECTING(dofn, fn_name, table, function)                          \
    static const beam_dofn dofn = { .name = (fn_name),                      \
                                    .in = BEAM_KV(BEAM_STRING, STRING_INT), \
                                    .out = STRING_INT,                      \
                                    .states = BEAM_TABLE(table),            \
                                    .process = (function) }
COLLECTING(collect_map_fn, "java.collect_my_map", map_states, collect_map);
COLLECTING(collect_multimap_fn, "java.collect_my_multimap", multimap_states,
           collect_multimap);

static beam_pcoll *four_entries(beam_pipeline *p, const string_int entries[4])
{
    beam_value inner[4][2], outer[4][2], in[4];
    for (int i = 0; i < 4; i++) {
        inner[i][0] = beam_string(beam_span_of(entries[i].key));
        inner[i][1] = beam_int64(entries[i].value);
        outer[i][0] = beam_string(beam_span_of("hello"));
        outer[i][1] = beam_kv(inner[i]);
        in[i] = beam_kv(outer[i]);
    }
    return beam_create(p, "In", BEAM_KV(BEAM_STRING, STRING_INT), in, 4);
}
static void map(beam_pipeline *p)
{
    static const string_int entries[] = {
        { "a", 97 }, { "b", 42 }, { "b", 42 }, { "c", 12 }
    };
    beam_assert_that(beam_par_do(four_entries(p, entries), "Map", &collect_map_fn), "Out",
                     .lines = "a: 97\nb: 42\nc: 12");
}
static void multimap(beam_pipeline *p)
{
    static const string_int entries[] = {
        { "a", 97 }, { "a", 97 }, { "a", 98 }, { "b", 33 }
    };
    beam_assert_that(beam_par_do(four_entries(p, entries), "Map", &collect_multimap_fn),
                     "Out", .lines = "a: 97\na: 97\na: 98\nb: 33");
}

#define P(name) "ParDoTest." name
#define STATE "UsesStatefulParDo"
static const suite_test tests[] = {
    TEST(P("testCoderInferenceOfList"), STATE, of_list, .needs = NEEDS_STATE),
    TEST(P("testSetStateCoderInference"), STATE ",UsesSetState", set,
         .needs = NEEDS_STATE),
    TEST(P("testMapStateCoderInference"), STATE ",UsesMapState", map,
         .needs = NEEDS_STATE),
    TEST(P("testMultimapStateCoderInference"), STATE ",UsesMultimapState", multimap,
         .needs = NEEDS_STATE),
};
SUITE_TABLE(java_state_types, "java", tests);
