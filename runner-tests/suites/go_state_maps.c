/* SPDX-License-Identifier: Apache-2.0 */
/* The Go SDK's tests of maps, sets and ordered lists as state. */
#include <stdlib.h>
#include <string.h>

#include "go_state.h"

/* -- maps and sets ----------------------------------------------------------------------------- */
enum { FOUND };
static const beam_state_spec map_states[] = {
    [FOUND] = BEAM_MAP_STATE("key1", BEAM_STRING, BEAM_INT64)
};
static const beam_state_spec set_states[] = { [FOUND] = BEAM_SET_STATE("key1",
                                                                       BEAM_STRING) };

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "[a b]": the items in order. */
static const char *sorted(beam_ctx *c, beam_iter *it)
{
    enum { MOST = 16 };
    const char *items[MOST];
    size_t n = 0;
    for (beam_value v; n < MOST && beam_next(it, &v);)
        items[n++] = beam_cstr(c, beam_as_span(v));
    qsort(items, n, sizeof *items, by_text);
    const char *text = "[";
    for (size_t i = 0; i < n; i++)
        text = beam_format(c, "%s%s%s", text, i ? " " : "", items[i]).ptr;
    return beam_format(c, "%s]", text).ptr;
}

/* The word with a number behind it. */
static beam_value numbered(beam_ctx *c, beam_value in, int64_t n)
{
    return beam_string(beam_format(c, BEAM_SPAN_FMT "%lld",
                                   BEAM_SPAN_ARG(beam_as_span(beam_key(in))),
                                   (long long)n));
}

static beam_status count_with_map(beam_ctx *c, beam_value in)
{
    beam_value word = beam_key(in);
    int64_t n = beam_as_int64(beam_state_get(c, FOUND, word)) + 1;
    BEAM_TRY(beam_state_put(c, FOUND, word, beam_int64(n)));
    BEAM_TRY(beam_state_put(c, FOUND, numbered(c, in, n), beam_int64(n)));
    if (beam_as_int64(beam_state_get(c, FOUND, word)) != n)
        return beam_fail(c, BEAM_EUSER, "what was put is not what is got");
    return emit_state_text(c, in,
                           beam_format(c, "%lld, keys: %s", (long long)n,
                                       sorted(c, beam_state_keys(c, FOUND))));
}
STATE_DOFN(map_fn, "go.map_state", map_states, count_with_map);

static void map_state(beam_pipeline *p)
{
    expect_state(
        p, &map_fn,
        "apple: 1, keys: [apple apple1]\npear: 1, keys: [pear pear1]\n"
        "peach: 1, keys: [peach peach1]\napple: 2, keys: [apple apple1 apple2]\n"
        "apple: 3, keys: [apple apple1 apple2 apple3]\npear: 2, keys: [pear pear1 pear2]");
}

static beam_status clear_map(beam_ctx *c, beam_value in)
{
    beam_value word = beam_key(in);
    if (!beam_is_null(beam_state_get(c, FOUND, word))) {
        BEAM_TRY(beam_state_remove(c, FOUND, word));
        for (int64_t i = 1; i <= 3; i++)
            BEAM_TRY(beam_state_put(c, FOUND, numbered(c, in, i), beam_int64(1)));
    } else if (!beam_is_null(beam_state_get(c, FOUND, numbered(c, in, 1)))) {
        BEAM_TRY(beam_state_clear(c, FOUND));
    } else {
        BEAM_TRY(beam_state_put(c, FOUND, word, beam_int64(1)));
    }
    beam_iter *keys = beam_state_keys(c, FOUND);
    for (beam_value key; beam_next(keys, &key);)
        if (beam_is_null(beam_state_get(c, FOUND, key)))
            return beam_fail(c, BEAM_EUSER, "a key is not in the map");
    return emit_state_text(c, in, beam_span_of(sorted(c, beam_state_keys(c, FOUND))));
}
STATE_DOFN(map_clear_fn, "go.map_state_clear", map_states, clear_map);

#define CLEARED                                                                     \
    "apple: [apple]\npear: [pear]\npeach: [peach]\napple: [apple1 apple2 apple3]\n" \
    "apple: []\npear: [pear1 pear2 pear3]"

static void map_state_clear(beam_pipeline *p)
{
    expect_state(p, &map_clear_fn, CLEARED);
}

static beam_status count_with_set(beam_ctx *c, beam_value in)
{
    beam_value word = beam_key(in);
    bool found = beam_state_contains(c, FOUND, word);
    BEAM_TRY(beam_state_add(c, FOUND, word));
    if (found) BEAM_TRY(beam_state_add(c, FOUND, numbered(c, in, 1)));
    return emit_state_text(c, in,
                           beam_format(c, "%s, keys: %s", found ? "true" : "false",
                                       sorted(c, beam_state_iter(c, FOUND))));
}
STATE_DOFN(set_fn, "go.set_state", set_states, count_with_set);

static void set_state(beam_pipeline *p)
{
    expect_state(p, &set_fn,
                 "apple: false, keys: [apple]\npear: false, keys: [pear]\n"
                 "peach: false, keys: [peach]\napple: true, keys: [apple apple1]\n"
                 "apple: true, keys: [apple apple1]\npear: true, keys: [pear pear1]");
}

static beam_status clear_set(beam_ctx *c, beam_value in)
{
    beam_value word = beam_key(in);
    if (beam_state_contains(c, FOUND, word)) {
        BEAM_TRY(beam_state_remove(c, FOUND, word));
        for (int64_t i = 1; i <= 3; i++)
            BEAM_TRY(beam_state_add(c, FOUND, numbered(c, in, i)));
    } else if (beam_state_contains(c, FOUND, numbered(c, in, 1))) {
        BEAM_TRY(beam_state_clear(c, FOUND));
    } else {
        BEAM_TRY(beam_state_add(c, FOUND, word));
    }
    beam_iter *items = beam_state_iter(c, FOUND);
    for (beam_value item; beam_next(items, &item);)
        if (!beam_state_contains(c, FOUND, item))
            return beam_fail(c, BEAM_EUSER, "an item is not in the set");
    return emit_state_text(c, in, beam_span_of(sorted(c, beam_state_iter(c, FOUND))));
}
STATE_DOFN(set_clear_fn, "go.set_state_clear", set_states, clear_set);

static void set_state_clear(beam_pipeline *p)
{
    expect_state(p, &set_clear_fn, CLEARED);
}

/* -- ordered lists ---------------------------------------------------------------------------- */
static const beam_state_spec list_states[] = {
    [FOUND] = BEAM_ORDERED_LIST_STATE("key1", BEAM_INT64)
};

static beam_status count_with_list(beam_ctx *c, beam_value in)
{
    const char *text = "[";
    int64_t n = 0;
    beam_iter *it = beam_state_iter(c, FOUND);
    for (beam_value v; beam_next(it, &v); n++)
        text = beam_format(c, "%s%s%lld", text, n ? " " : "",
                           (long long)beam_as_int64(beam_val(v)))
                   .ptr;
    BEAM_TRY(beam_state_insert(c, FOUND, (n + 1) * 100, beam_val(in)));
    return emit_state_text(c, in, beam_format(c, "%s]", text));
}
STATE_DOFN(list_fn, "go.ordered_list_state", list_states, count_with_list);

static void ordered_list_state(beam_pipeline *p)
{
    expect_state(p, &list_fn,
                 "apple: []\npear: []\npeach: []\napple: [1]\napple: [1 1]\npear: [1]");
}

static const suite_test tests[] = {
    STATE_TEST("TestMapState", "UsesStatefulParDo,UsesMapState", map_state),
    STATE_TEST("TestMapStateClear", "UsesStatefulParDo,UsesMapState", map_state_clear),
    STATE_TEST("TestSetState", "UsesStatefulParDo,UsesSetState", set_state),
    STATE_TEST("TestSetStateClear", "UsesStatefulParDo,UsesSetState", set_state_clear),
    STATE_TEST("TestOrderedListState", "UsesStatefulParDo,UsesOrderedListState",
               ordered_list_state),
};
SUITE_TABLE(go_state_maps, "go", tests);
