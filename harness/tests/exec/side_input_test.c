/* SPDX-License-Identifier: Apache-2.0 */
/* Side inputs: what DoFns read, what the runner is asked for, and misuse. */
#include <stdio.h>

#include "beam_urns.h"
#include "exec/side_data.h"
#include "fixture.h"

/* -- a runner's state ---------------------------------------------------------------------
 * Entries by "kind window key" (a window by its start in seconds, "g" for the global one),
 * each of up to three pages. What is not there is empty. */
typedef struct entry {
    const char *name;
    beam_span pages[3];
} entry;

static const entry *entries;
static size_t n_entries;
static char asked[4096]; /* names in order; " +" for a page but the first */
static const char *refused; /* this name fails */
static int endless; /* pages of that many strings "abcdef..." of 1 KiB, then the end */

static const char *kind_text(bm_state_kind kind)
{
    switch (kind) {
    case BM_STATE_ITERABLE_SIDE_INPUT: return "all";
    case BM_STATE_MULTIMAP_SIDE_INPUT: return "at";
    case BM_STATE_MULTIMAP_KEYS_SIDE_INPUT: return "keys";
    case BM_STATE_MULTIMAP_KEYS_VALUES_SIDE_INPUT: return "both";
    default: return "?";
    }
}

static const char *name_of(bm_arena *arena, const bm_state_key *key)
{
    static const bm_coder interval = { .kind = BM_CODER_INTERVAL_WINDOW };
    const char *window = "g";
    beam_window w;
    bm_reader in = bm_reader_of(key->window);
    if (key->window.len) {
        ck_assert_int_eq(bm_window_decode(&interval, &in, arena, &w), BEAM_OK);
        window = bm_format(arena, "%lld", (long long)(w.start / 1000));
    }
    if (key->kind != BM_STATE_MULTIMAP_SIDE_INPUT)
        return bm_format(arena, "%s %s", kind_text(key->kind), window);
    ck_assert_uint_eq(key->key.len, (size_t)key->key.ptr[0] + 1); /* a nested string */
    return bm_format(arena, "%s %s %.*s", kind_text(key->kind), window, (int)key->key.len - 1,
                     key->key.ptr + 1);
}

static void big_page(bm_writer *data)
{
    for (int i = 0; i < 1024; i++) {
        bm_write_varint(data, 1021);
        memset(bm_reserve(data, 1021), 'a' + i % 26, 1021);
        data->len += 1021;
    }
}

static beam_status serve(void *self, const bm_state_key *key, beam_span token, bm_writer *data,
                         bm_writer *next, beam_error *err)
{
    fixture *f = self;
    const char *name = name_of(&f->arena, key);
    ck_assert_str_eq(key->transform_id, "b");
    f->io.gets++;
    if (strlen(asked) < sizeof asked - 64)
        sprintf(asked + strlen(asked), "%s%s,", token.len ? "+" : "", name);
    if (refused && !strcmp(refused, name)) {
        strcpy(err->message, "no such thing");
        return BEAM_ERPC;
    }
    size_t page = token.len ? (size_t)(uint8_t)token.ptr[0] : 0;
    if (endless) {
        big_page(data);
        if ((int)page + 1 < endless) bm_write_u8(next, (uint8_t)(page + 1));
        return BEAM_OK;
    }
    for (size_t i = 0; i < n_entries; i++) {
        if (strcmp(entries[i].name, name)) continue;
        const beam_span *pages = entries[i].pages;
        bm_write_bytes(data, pages[page].ptr, pages[page].len);
        if (page < 2 && pages[page + 1].ptr) bm_write_u8(next, (uint8_t)(page + 1));
    }
    return BEAM_OK;
}

#define PAGE(text) { text, sizeof text - 1 }

/* -- the pipeline: source of strings -> DoFn -> sink of strings ----------------------------- */
static const beam_dofn *fn;

static void init(fixture *f, const beam_dofn *dofn, const char *coder, const char *pattern)
{
    const beam_dofn *const dofns[] = { dofn };
    const beam_functions functions = { .dofns = BEAM_TABLE(dofns) };
    fn = dofn;
    asked[0] = '\0';
    entries = NULL;
    n_entries = 0;
    refused = NULL;
    endless = 0;
    fixture_init_with(f, &functions);
    f->io.state_get = serve;
    fixture_pcoll(f, "p1", "string_utf8");
    fixture_pcoll(f, "p2", "string_utf8");
    fixture_pcoll(f, "p3", coder);
    fixture_windowing(f, "p3", (test_window_fn){ BEAM_URN_WINDOW_FN_GLOBAL_WINDOWS, 0, 0, 0 },
                      "global_window");
    fixture_par_do_with_sides(f, "b", dofn->name, "in=p1 side=p3", "out=p2",
                              bm_format(&f->arena, "side=%s", pattern));
}

static void connect_ports(fixture *f, const char *window)
{
    fixture_source(f, "a", "p1", "string_utf8", window);
    fixture_sink(f, "c", "p2", "string_utf8", window);
    fixture_build(f);
}

static void start(fixture *f, const beam_dofn *dofn, const char *coder, const char *pattern,
                  const entry *table, size_t n)
{
    init(f, dofn, coder, pattern);
    entries = table;
    n_entries = n;
    connect_ports(f, "global_window");
}

static void put_texts(fixture *f, const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) fixture_put(f, 0, text_value(texts[i]));
}

static const char *const two[] = { "m", "n" };

/* -- singletons --------------------------------------------------------------------------------- */
static beam_value show(beam_ctx *c, beam_value v)
{
    bm_arena texts;
    bm_arena_init(&texts, 0);
    beam_value text = beam_string(beam_format(c, "%s", bm_value_text(&texts, v, 100)));
    bm_arena_free(&texts);
    return text;
}

static beam_value read_one(beam_ctx *c, beam_value in)
{
    (void)in;
    return show(c, beam_side(c, 0));
}
static const beam_value seven = { BEAM_KIND_INT64, { .int64 = 7 } };
static const beam_side_spec one_spec[] = {
    { "side", BEAM_SIDE_SINGLETON, BEAM_INT64, &seven, NULL }
};
static const beam_dofn one_fn = { .name = "test.one", .in = BEAM_STRING, .out = BEAM_STRING,
                                  .map = read_one, .sides = BEAM_TABLE(one_spec) };
static const beam_side_spec must_spec[] = {
    { "side", BEAM_SIDE_SINGLETON, BEAM_INT64, NULL, NULL }
};
static const beam_dofn must_fn = { .name = "test.must", .in = BEAM_STRING, .out = BEAM_STRING,
                                   .map = read_one, .sides = BEAM_TABLE(must_spec) };

START_TEST(a_singleton_is_read_once_a_bundle)
{
    static const entry table[] = { { "all g", { PAGE("\5") } } };
    fixture f;
    start(&f, &one_fn, "varint", "iterable", table, 1);
    put_texts(&f, two, 2);
    fixture_run(&f);
    expect_output(&f, 0, "\"5\"\n\"5\"\n");
    ck_assert_str_eq(asked, "all g,");
    fixture_run(&f);
    expect_output(&f, 0, "\"5\"\n\"5\"\n");
    ck_assert_str_eq(asked, "all g,all g,");
    fixture_free(&f);
}
END_TEST

START_TEST(an_empty_singleton_has_its_initial_value)
{
    fixture f;
    start(&f, &one_fn, "varint", "iterable", NULL, 0);
    put_texts(&f, two, 2);
    fixture_run(&f);
    expect_output(&f, 0, "\"7\"\n\"7\"\n");
    fixture_free(&f);
}
END_TEST

START_TEST(an_empty_singleton_fails_without_one)
{
    fixture f;
    start(&f, &must_fn, "varint", "iterable", NULL, 0);
    put_texts(&f, two, 2);
    ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_EINVAL);
    ck_assert_str_eq(f.err.message,
                     "Transform 'Scope/b' (DoFn 'test.must') failed on element \"m\": side input "
                     "'side' is declared as SINGLETON without .initial, but it holds no element "
                     "in this window");
    fixture_free(&f);
}
END_TEST

START_TEST(a_second_element_fails_a_singleton)
{
    /* On the same page, on the next, and behind an empty one. */
    static const entry tables[][1] = { { { "all g", { PAGE("\5\6") } } },
                                       { { "all g", { PAGE("\5"), PAGE("\6") } } },
                                       { { "all g", { PAGE("\5"), PAGE(""), PAGE("\6") } } } };
    fixture f;
    start(&f, &one_fn, "varint", "iterable", tables[_i], 1);
    put_texts(&f, two, 2);
    ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_EINVAL);
    expect_error(&f, "side input 'side' is declared as SINGLETON, but it holds more than one "
                     "element in this window");
    fixture_free(&f);
}
END_TEST

/* -- iterables ------------------------------------------------------------------------------------ */
static beam_value read_all(beam_ctx *c, beam_value in)
{
    beam_span text = beam_format(c, BEAM_SPAN_FMT, BEAM_SPAN_ARG(beam_as_span(in)));
    beam_iter *again = beam_side_iter(c, 0);
    beam_value first;
    bool some = beam_next(again, &first);
    beam_iter *iter = beam_side_iter(c, 0);
    for (beam_value v; beam_next(iter, &v);)
        text = beam_format(c, BEAM_SPAN_FMT " " BEAM_SPAN_FMT, BEAM_SPAN_ARG(text),
                           BEAM_SPAN_ARG(beam_as_span(v)));
    /* The first one still is what it was. */
    if (some) text = beam_format(c, BEAM_SPAN_FMT " (" BEAM_SPAN_FMT ")", BEAM_SPAN_ARG(text),
                                 BEAM_SPAN_ARG(beam_as_span(first)));
    return beam_string(text);
}
static const beam_side_spec all_spec[] = {
    { "side", BEAM_SIDE_ITERABLE, BEAM_STRING, NULL, NULL }
};
static const beam_dofn all_fn = { .name = "test.all", .in = BEAM_STRING, .out = BEAM_STRING,
                                  .map = read_all, .sides = BEAM_TABLE(all_spec) };

START_TEST(pages_may_cut_elements_anywhere)
{
    static const entry table[] = {
        { "all g", { PAGE("\2aa\3b"), PAGE("b"), PAGE("b\1c") } }
    };
    fixture f;
    start(&f, &all_fn, "string_utf8", "iterable", table, 1);
    put_texts(&f, two, 2);
    fixture_run(&f);
    expect_output(&f, 0, "\"m aa bbb c (aa)\"\n\"n aa bbb c (aa)\"\n");
    ck_assert_str_eq(asked, "all g,+all g,+all g,");
    fixture_free(&f);
}
END_TEST

START_TEST(damaged_pages_fail_the_bundle)
{
    static const entry tables[][1] = { { { "all g", { PAGE("\2aa\3b"), PAGE("b") } } },
                                       { { "all g", { PAGE("\xff\xff\xff\xff\xff\xff\xff\xff"
                                                           "\xff\xff\xff") } } } };
    fixture f;
    start(&f, &all_fn, "string_utf8", "iterable", tables[_i], 1);
    put_texts(&f, two, 2);
    ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_ECODER);
    expect_error(&f, "Transform 'Scope/b' (DoFn 'test.all') failed reading side input 'side': "
                     "its elements are not what their coder says");
    fixture_free(&f);
}
END_TEST

START_TEST(a_refused_read_fails_the_bundle)
{
    fixture f;
    start(&f, &all_fn, "string_utf8", "iterable", NULL, 0);
    refused = "all g";
    put_texts(&f, two, 2);
    ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_ERPC);
    ck_assert_str_eq(f.err.message, "Transform 'Scope/b' (DoFn 'test.all') could not read side "
                                    "input 'side': no such thing");
    fixture_free(&f);
}
END_TEST

static beam_value count_all(beam_ctx *c, beam_value in)
{
    long long n = 0, bytes = 0, different = 0;
    char last = 0;
    beam_iter *iter = beam_side_iter(c, 0);
    for (beam_value v; beam_next(iter, &v); n++) {
        beam_span s = beam_as_span(v);
        bytes += (long long)s.len;
        different += s.ptr[0] != last && s.ptr[s.len - 1] == s.ptr[0];
        last = s.ptr[0];
    }
    (void)in;
    return beam_string(beam_format(c, "%lld %lld %lld", n, bytes, different));
}
static const beam_dofn count_fn = { .name = "test.count", .in = BEAM_STRING, .out = BEAM_STRING,
                                    .map = count_all, .sides = BEAM_TABLE(all_spec) };

START_TEST(what_is_too_large_is_read_anew)
{
    fixture f;
    start(&f, &count_fn, "string_utf8", "iterable", NULL, 0);
    endless = 20; /* MiB */
    put_texts(&f, two, 2);
    fixture_run(&f);
    expect_output(&f, 0, "\"20480 20910080 20480\"\n\"20480 20910080 20480\"\n");
    /* What follows the kept pages is asked for twice. */
    int kept = BM_SIDE_KEEP / 2 / (1 << 20) + 1;
    ck_assert_int_eq(f.io.gets, kept + 2 * (20 - kept));
    fixture_free(&f);
}
END_TEST

/* -- lists ---------------------------------------------------------------------------------------- */
static beam_value read_list(beam_ctx *c, beam_value in)
{
    size_t n = beam_side_size(c, 0), iterated = 0;
    beam_iter *iter = beam_side_iter(c, 0);
    for (beam_value v; beam_next(iter, &v);) iterated++;
    (void)in;
    return beam_string(beam_format(c, "%zu %zu " BEAM_SPAN_FMT " " BEAM_SPAN_FMT " %d", n,
                                   iterated, BEAM_SPAN_ARG(beam_as_span(beam_side_at(c, 0, 2))),
                                   BEAM_SPAN_ARG(beam_as_span(beam_side_at(c, 0, 0))),
                                   beam_is_null(beam_side_at(c, 0, 3))));
}
static const beam_side_spec list_spec[] = {
    { "side", BEAM_SIDE_LIST, BEAM_STRING, NULL, NULL }
};
static const beam_dofn list_fn = { .name = "test.list", .in = BEAM_STRING, .out = BEAM_STRING,
                                   .map = read_list, .sides = BEAM_TABLE(list_spec) };

START_TEST(a_list_has_random_access)
{
    static const entry table[] = { { "all g", { PAGE("\2aa\3b"), PAGE("bb"), PAGE("\1c") } } };
    fixture f;
    start(&f, &list_fn, "string_utf8", "iterable", table, 1);
    put_texts(&f, two, 2);
    fixture_run(&f);
    expect_output(&f, 0, "\"3 3 c aa 1\"\n\"3 3 c aa 1\"\n");
    ck_assert_int_eq(f.io.gets, 3);
    fixture_free(&f);
}
END_TEST

/* -- maps ----------------------------------------------------------------------------------------- */
static beam_value get(beam_ctx *c, beam_value in)
{
    return show(c, beam_side_get(c, 0, in));
}
static const beam_side_spec map_spec[] = {
    { "side", BEAM_SIDE_MAP, BEAM_KV(BEAM_STRING, BEAM_INT64), NULL, NULL }
};
static const beam_dofn map_fn = { .name = "test.map", .in = BEAM_STRING, .out = BEAM_STRING,
                                  .map = get, .sides = BEAM_TABLE(map_spec) };
#define KV "kv<string_utf8,varint>"

START_TEST(a_map_is_asked_for_each_key_once)
{
    static const entry table[] = { { "at g m", { PAGE("\5") } } };
    static const char *const keys[] = { "m", "n", "m", "n" };
    fixture f;
    start(&f, &map_fn, KV, "multimap", table, 1);
    put_texts(&f, keys, 4);
    fixture_run(&f);
    expect_output(&f, 0, "\"5\"\n\"null\"\n\"5\"\n\"null\"\n");
    ck_assert_str_eq(asked, "at g m,at g n,");
    fixture_free(&f);
}
END_TEST

START_TEST(a_second_value_fails_a_map)
{
    static const entry table[] = { { "at g m", { PAGE("\5\6") } } };
    fixture f;
    start(&f, &map_fn, KV, "multimap", table, 1);
    put_texts(&f, two, 2);
    ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_EINVAL);
    expect_error(&f, "side input 'side' is declared as MAP, but it holds more than one value for "
                     "a key");
    fixture_free(&f);
}
END_TEST

static beam_span sum_of(beam_ctx *c, beam_iter *iter, beam_span text)
{
    for (beam_value v; beam_next(iter, &v);)
        text = beam_format(c, BEAM_SPAN_FMT " " BEAM_SPAN_FMT, BEAM_SPAN_ARG(text),
                           BEAM_SPAN_ARG(beam_as_span(show(c, v))));
    return text;
}

static beam_value read_multimap(beam_ctx *c, beam_value in)
{
    beam_span text = sum_of(c, beam_side_lookup(c, 0, in), beam_span_of(""));
    text = sum_of(c, beam_side_keys(c, 0), beam_format(c, BEAM_SPAN_FMT " |", BEAM_SPAN_ARG(text)));
    text = sum_of(c, beam_side_iter(c, 0), beam_format(c, BEAM_SPAN_FMT " |", BEAM_SPAN_ARG(text)));
    return beam_string(text);
}
static const beam_side_spec multi_spec[] = {
    { "side", BEAM_SIDE_MULTIMAP, BEAM_KV(BEAM_STRING, BEAM_INT64), NULL, NULL }
};
static const beam_dofn multi_fn = { .name = "test.multi", .in = BEAM_STRING,
                                    .out = BEAM_STRING, .map = read_multimap,
                                    .sides = BEAM_TABLE(multi_spec) };

static const entry multi_table[] = {
    { "at g m", { PAGE("\5"), PAGE("\6") } },
    { "at g k", { PAGE("\7") } },
    { "keys g", { PAGE("\1k\1"), PAGE("m") } },
    { "both g", { PAGE("\1k" "\0\0\0\1" "\7" "\1m" "\0\0"), PAGE("\0\2" "\5\6") } },
};
#define ENTRIES                                                                       \
    " | \\\"k\\\" \\\"m\\\" | KV{\\\"k\\\", 7} KV{\\\"m\\\", 5} KV{\\\"m\\\", 6}\"\n"
#define MULTI_OUTPUT "\" 5 6" ENTRIES "\"" ENTRIES

START_TEST(entries_of_a_multimap_come_in_one_answer)
{
    fixture f;
    start(&f, &multi_fn, KV, "multimap", multi_table, 4);
    f.io.serves_keys_values = true;
    put_texts(&f, two, 2);
    fixture_run(&f);
    expect_output(&f, 0, MULTI_OUTPUT);
    ck_assert_str_eq(asked, "at g m,+at g m,keys g,+keys g,both g,+both g,at g n,");
    fixture_free(&f);
}
END_TEST

/* Values in batches, of none for one key; the page ends inside of a count. */
START_TEST(values_of_a_key_come_part_by_part)
{
    static const entry table[] = {
        { "at g m", { PAGE("\5"), PAGE("\6") } },
        { "keys g", { PAGE("\1k\1"), PAGE("m") } },
        { "both g", { PAGE("\1k" "\377\377\377\377" "\1\7\0" "\1e" "\0\0\0\0" "\1m" "\377"),
                      PAGE("\377\377\377" "\1\5\1"), PAGE("\6\0") } },
    };
    fixture f;
    start(&f, &multi_fn, KV, "multimap", table, BEAM_COUNT(table));
    f.io.serves_keys_values = true;
    put_texts(&f, two, 2);
    fixture_run(&f);
    expect_output(&f, 0, MULTI_OUTPUT);
    fixture_free(&f);
}
END_TEST

START_TEST(values_that_are_missing_fail_the_bundle)
{
    static const beam_span cut[] = { PAGE("\1k" "\0\0\0\2" "\7"), PAGE("\1k" "\0\0"),
                                     PAGE("\1k" "\377\377\377\377" "\1\7"), PAGE("\2k"),
                                     PAGE("\1k" "\377\377\377\377" "\377\377\377\377\377"
                                          "\377\377\377\377\1") };
    const entry table[] = { { "both g", { cut[_i], { NULL, 0 }, { NULL, 0 } } } };
    fixture f;
    start(&f, &multi_fn, KV, "multimap", table, 1);
    f.io.serves_keys_values = true;
    put_texts(&f, two, 1);
    ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_ECODER);
    expect_error(&f, "side input 'side'");
    fixture_free(&f);
}
END_TEST

START_TEST(or_key_by_key)
{
    fixture f;
    start(&f, &multi_fn, KV, "multimap", multi_table, 4);
    f.io.serves_keys_values = _i == 1;
    if (_i == 1) refused = "both g";
    put_texts(&f, two, 2);
    fixture_run(&f);
    expect_output(&f, 0, MULTI_OUTPUT);
    ck_assert_str_eq(asked, _i == 1 ? "at g m,+at g m,keys g,+keys g,both g,at g k,at g n,"
                                    : "at g m,+at g m,keys g,+keys g,at g k,at g n,");
    fixture_free(&f);
}
END_TEST

/* -- windows -------------------------------------------------------------------------------------- */
static const beam_window ten[] = { { 0, 10000, { NULL, 0 } }, { 10000, 20000, { NULL, 0 } } };

static void put_in(fixture *f, const char *text, const beam_window *windows, size_t n)
{
    fixture_put_in(f, 0, text_value(text), windows[0].start, windows, n);
}

START_TEST(the_side_window_holds_the_end_of_the_main_one)
{
    static const test_window_fn fns[] = {
        { BEAM_URN_WINDOW_FN_FIXED_WINDOWS, 20000, 0, 0 },
        { BEAM_URN_WINDOW_FN_SLIDING_WINDOWS, 20000, 0, 5000 }, /* the first of them */
    };
    static const char *const expected[] = { "all 0,", "all -10,all 0," };
    fixture f;
    init(&f, &all_fn, "string_utf8", "iterable");
    fixture_windowing(&f, "p3", fns[_i], "interval_window");
    connect_ports(&f, "interval_window");
    put_in(&f, "m", ten, 2); /* once for each window */
    put_in(&f, "n", ten, 1);
    fixture_run(&f);
    expect_output(&f, 0, "\"m\" @0 [0, 10000)\n\"m\" @0 [10000, 20000)\n\"n\" @0 [0, 10000)\n");
    ck_assert_str_eq(asked, expected[_i]);
    fixture_free(&f);
}
END_TEST

static beam_window next_window(beam_window main)
{
    return (beam_window){ main.end, main.end + 10000, { NULL, 0 } };
}
static const beam_window_mapping next_mapping = { "test.next", next_window };
static const beam_side_spec next_spec[] = {
    { "side", BEAM_SIDE_ITERABLE, BEAM_STRING, NULL, &next_mapping }
};
static const beam_dofn next_fn = { .name = "test.next", .in = BEAM_STRING, .out = BEAM_STRING,
                                   .map = read_all, .sides = BEAM_TABLE(next_spec) };

START_TEST(a_mapping_of_the_program)
{
    static const entry table[] = { { "all 10", { PAGE("\1x") } } };
    fixture f;
    init(&f, &next_fn, "string_utf8", "iterable");
    fixture_windowing(&f, "p3",
                      (test_window_fn){ BEAM_URN_WINDOW_FN_FIXED_WINDOWS, 10000, 0, 0 },
                      "interval_window");
    connect_ports(&f, "interval_window");
    entries = table;
    n_entries = 1;
    put_in(&f, "m", ten, 2);
    fixture_run(&f);
    expect_output(&f, 0, "\"m x (x)\" @0 [0, 10000)\n\"m\" @0 [10000, 20000)\n");
    ck_assert_str_eq(asked, "all 10,all 20,");
    fixture_free(&f);
}
END_TEST

START_TEST(the_global_window_has_no_fixed_one)
{
    fixture f;
    init(&f, &all_fn, "string_utf8", "iterable");
    fixture_windowing(&f, "p3",
                      (test_window_fn){ BEAM_URN_WINDOW_FN_FIXED_WINDOWS, 10000, 0, 0 },
                      "interval_window");
    connect_ports(&f, "global_window");
    put_texts(&f, two, 2);
    ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_EINVAL);
    expect_error(&f, "its window is the global one, which has no window of side input 'side'");
    fixture_free(&f);
}
END_TEST

/* -- caching beyond the bundle ------------------------------------------------------------------------ */
START_TEST(tokens_keep_contents_for_later_bundles)
{
    static const entry table[] = { { "all g", { PAGE("\2aa\3b"), PAGE("b"), PAGE("b\1c") } } };
    const bm_cache_token tokens[] = { { NULL, NULL, { "user", 4 } },
                                      { "other", "side", { "no", 2 } },
                                      { "b", "side", { "one", 3 } } };
    const bm_cache_token newer[] = { { "b", "side", { "two", 3 } } };
    fixture f;
    start(&f, &all_fn, "string_utf8", "iterable", table, 1);
    f.io.cache = bm_state_cache_new(1 << 20);
    f.io.cache_tokens = tokens;
    f.io.n_cache_tokens = 3;
    put_texts(&f, two, 2);
    fixture_run(&f);
    fixture_run(&f);
    expect_output(&f, 0, "\"m aa bbb c (aa)\"\n\"n aa bbb c (aa)\"\n");
    ck_assert_int_eq(f.io.gets, 3);
    f.io.cache_tokens = newer;
    f.io.n_cache_tokens = 1;
    fixture_run(&f);
    ck_assert_int_eq(f.io.gets, 6);
    bm_plan_free(f.plan);
    f.plan = NULL;
    bm_state_cache_free(f.io.cache);
    fixture_free(&f);
}
END_TEST

/* -- misuse -------------------------------------------------------------------------------------------- */
static int misuse;

static beam_status misused(beam_ctx *c, beam_value in)
{
    bool none = true;
    switch (misuse) {
    case 0: none = beam_is_null(beam_side(c, 0)); break;
    case 1: none = beam_is_null(beam_side_get(c, 0, in)); break;
    case 2: none = !beam_side_lookup(c, 0, in); break;
    case 3: none = !beam_side_keys(c, 0); break;
    case 4: none = !beam_side_size(c, 0); break;
    case 5: none = !beam_side_iter(c, 1); break;
    case 6: none = !beam_side_iter(c, -1); break;
    }
    ck_assert(none);
    return BEAM_OK;
}
static const beam_dofn misused_fn = { .name = "test.misused", .in = BEAM_STRING,
                                      .out = BEAM_STRING, .process = misused,
                                      .sides = BEAM_TABLE(all_spec) };

START_TEST(what_does_not_fit_fails)
{
    static const char *const messages[] = {
        "beam_side() does not fit side input 'side', which is declared as ITERABLE",
        "beam_side_get() does not fit side input 'side', which is declared as ITERABLE",
        "beam_side_lookup() does not fit side input 'side', which is declared as ITERABLE",
        "beam_side_keys() does not fit side input 'side', which is declared as ITERABLE",
        "beam_side_size() does not fit side input 'side', which is declared as ITERABLE",
        "beam_side_iter() asks for side input 1, but the DoFn declares 1 (numbered from 0)",
        "beam_side_iter() asks for side input -1, but the DoFn declares 1 (numbered from 0)",
    };
    fixture f;
    misuse = _i;
    start(&f, &misused_fn, "string_utf8", "iterable", NULL, 0);
    put_texts(&f, two, 2);
    ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_ESTATE);
    expect_error(&f, messages[_i]);
    expect_error(&f, "Transform 'Scope/b' (DoFn 'test.misused') failed on element \"m\"");
    ck_assert_int_eq(f.io.gets, 0);
    fixture_free(&f);
}
END_TEST

static beam_value wrong_key(beam_ctx *c, beam_value in)
{
    (void)in;
    return show(c, beam_side_get(c, 0, beam_int64(3)));
}
static const beam_dofn wrong_key_fn = { .name = "test.wrong_key", .in = BEAM_STRING,
                                        .out = BEAM_STRING, .map = wrong_key,
                                        .sides = BEAM_TABLE(map_spec) };

START_TEST(a_key_of_another_type_fails)
{
    fixture f;
    start(&f, &wrong_key_fn, KV, "multimap", NULL, 0);
    put_texts(&f, two, 2);
    ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_ETYPE);
    expect_error(&f, "side input 'side' is asked for a key that is INT64, but its keys are of "
                     "STRING");
    fixture_free(&f);
}
END_TEST

static beam_status read_at_start(beam_ctx *c)
{
    beam_side_iter(c, 0);
    return BEAM_OK;
}
static const beam_dofn early_fn = { .name = "test.early", .in = BEAM_STRING,
                                    .out = BEAM_STRING, .map = read_all,
                                    .start_bundle = read_at_start,
                                    .sides = BEAM_TABLE(all_spec) };

START_TEST(without_an_element_there_is_no_window)
{
    fixture f;
    start(&f, &early_fn, "string_utf8", "iterable", NULL, 0);
    put_texts(&f, two, 2);
    ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_ESTATE);
    expect_error(&f, "failed in start_bundle: beam_side_iter() of side input 'side' needs an "
                     "element or a timer");
    fixture_free(&f);
}
END_TEST

/* -- descriptors ----------------------------------------------------------------------------------------- */
static void expect_no_plan(const beam_dofn *dofn, const char *coder, const char *inputs,
                           const char *sides, const char *message)
{
    fixture f;
    init(&f, dofn, coder, "iterable");
    fixture_par_do_with_sides(&f, "b", dofn->name, inputs, "out=p2", sides);
    fixture_source(&f, "a", "p1", "string_utf8", "global_window");
    fixture_sink(&f, "c", "p2", "string_utf8", "global_window");
    ck_assert_int_ne(fixture_try_build(&f), BEAM_OK);
    expect_error(&f, message);
    fixture_free(&f);
}

START_TEST(descriptors_that_do_not_fit)
{
    expect_no_plan(&all_fn, "string_utf8", "in=p1 other=p3", "other=iterable",
                   "(DoFn 'test.all') lacks the side input 'side' that its DoFn declares");
    expect_no_plan(&all_fn, "string_utf8", "in=p1", "side=iterable",
                   "Transform 'Scope/b' has the side input 'side', but no input of that name");
    expect_no_plan(&all_fn, "string_utf8", "in=p1 side=p3", "side=odd",
                   "side input 'side' has the access pattern 'beam:side_input:odd:v1'");
    expect_no_plan(&all_fn, "string_utf8", "in=p1 side=p3", "side=multimap",
                   "side input 'side' is a ITERABLE, but the pipeline has it as multimap");
    expect_no_plan(&map_fn, "string_utf8", "in=p1 side=p3", "side=multimap",
                   "side input 'side' is a MAP, but its elements are of STRING, not KVs");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_singleton_is_read_once_a_bundle,
        an_empty_singleton_has_its_initial_value,
        an_empty_singleton_fails_without_one,
        pages_may_cut_elements_anywhere,
        a_refused_read_fails_the_bundle,
        what_is_too_large_is_read_anew,
        a_list_has_random_access,
        a_map_is_asked_for_each_key_once,
        a_second_value_fails_a_map,
        entries_of_a_multimap_come_in_one_answer,
        values_of_a_key_come_part_by_part,
        a_mapping_of_the_program,
        the_global_window_has_no_fixed_one,
        tokens_keep_contents_for_later_bundles,
        a_key_of_another_type_fails,
        without_an_element_there_is_no_window,
        descriptors_that_do_not_fit,
    };
    int failed = run_tests("exec/side_input", tests, BEAM_COUNT(tests));
    failed |= run_loop_test("second element", a_second_element_fails_a_singleton, 3);
    failed |= run_loop_test("damage", damaged_pages_fail_the_bundle, 2);
    failed |= run_loop_test("missing", values_that_are_missing_fail_the_bundle, 5);
    failed |= run_loop_test("key by key", or_key_by_key, 2);
    failed |= run_loop_test("windows", the_side_window_holds_the_end_of_the_main_one, 2);
    failed |= run_loop_test("misuse", what_does_not_fit_fails, 7);
    return failed;
}
