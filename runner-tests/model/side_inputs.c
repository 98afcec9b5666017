/* SPDX-License-Identifier: Apache-2.0 */
/* Side inputs: the kinds of them, and which of their windows is read. */
#include "model.h"

#include <stdlib.h>
#include <string.h>

static const char *const no_pairs[] = { NULL };
static const char *const rates[] = { "eur", "100", "usd", "90", NULL };
static const char *const tags[] = { "a", "x", "a", "y", "b", "z", NULL };
static const char *const letters[] = { "a", "b", "c" };

static beam_pcoll *main_input(beam_pipeline *p)
{
    return beam_create_strings(p, "Main", letters, 3);
}

/* -- one value -------------------------------------------------------------------- */
static const beam_value minus_one = { BEAM_KIND_INT64, { .int64 = -1 } };
static const beam_side_spec number[] = {
    { "number", BEAM_SIDE_SINGLETON, BEAM_INT64, &minus_one, NULL },
};

static beam_value append_number(beam_ctx *c, beam_value in)
{
    return beam_string(beam_format(c, BEAM_SPAN_FMT "%lld", BEAM_SPAN_ARG(beam_as_span(in)),
                                   (long long)beam_as_int64(beam_side(c, 0))));
}
static const beam_dofn append_number_fn = { .name = "model.side_number", .in = BEAM_STRING,
                                            .out = BEAM_STRING, .map = append_number,
                                            .sides = BEAM_TABLE(number) };

static beam_pcoll *singleton(beam_pipeline *p)
{
    const int64_t values[] = { 3, 4 };
    beam_pcoll *sum = beam_combine_globally(create_ints(p, "Side", values, 2), "Sum",
                                            &beam_sum_int64);
    return beam_par_do(main_input(p), "Read", &append_number_fn, .sides = { sum });
}

static beam_pcoll *singleton_initial(beam_pipeline *p)
{
    beam_pcoll *nothing = create_ints(p, "Side", NULL, 0);
    return beam_par_do(main_input(p), "Read", &append_number_fn, .sides = { nothing });
}

/* -- many values -------------------------------------------------------------------- */
static const beam_side_spec numbers[] = {
    { "numbers", BEAM_SIDE_ITERABLE, BEAM_INT64, NULL, NULL },
    { "texts", BEAM_SIDE_LIST, BEAM_STRING, NULL, NULL },
};

/* Sum and count of the numbers, read twice; and the texts, in a fixed order. */
static beam_value read_numbers(beam_ctx *c, beam_value in)
{
    int64_t sum = 0, n = 0;
    for (int round = 0; round < 2; round++) {
        beam_iter *iter = beam_side_iter(c, 0);
        for (beam_value v; beam_next(iter, &v); n++) sum += beam_as_int64(v);
    }
    bool found[26] = { false };
    size_t size = beam_side_size(c, 1);
    for (size_t i = 0; i < size; i++) found[beam_as_span(beam_side_at(c, 1, i)).ptr[0] - 'a'] = true;
    return beam_string(beam_format(c, BEAM_SPAN_FMT " %lld/%lld %zu%s%s%s",
                                   BEAM_SPAN_ARG(beam_as_span(in)), (long long)sum, (long long)n,
                                   size, found[0] ? "a" : "", found[1] ? "b" : "",
                                   beam_is_null(beam_side_at(c, 1, size)) ? "." : "!"));
}
static const beam_dofn read_numbers_fn = { .name = "model.side_numbers", .in = BEAM_STRING,
                                           .out = BEAM_STRING, .map = read_numbers,
                                           .sides = BEAM_TABLE(numbers) };

static beam_pcoll *iterable_and_list(beam_pipeline *p)
{
    const int64_t values[] = { 1, 10, 100 };
    beam_pcoll *texts = beam_create_strings(p, "Texts", letters, 2);
    return beam_par_do(main_input(p), "Read", &read_numbers_fn,
                       .sides = { create_ints(p, "Numbers", values, 3), texts });
}

static beam_pcoll *empty_iterable(beam_pipeline *p)
{
    beam_pcoll *texts = beam_create_strings(p, "Texts", NULL, 0);
    return beam_par_do(main_input(p), "Read", &read_numbers_fn,
                       .sides = { create_ints(p, "Numbers", NULL, 0), texts });
}

static beam_status many(beam_ctx *c, beam_value in)
{
    char padding[1024];
    memset(padding, 'x', sizeof padding);
    for (int i = 0; i < 4000; i++) {
        beam_value text = beam_string((beam_span){ padding, sizeof padding });
        BEAM_TRY(beam_emit(c, text));
    }
    (void)in;
    return BEAM_OK;
}
static const beam_dofn many_fn = { .name = "model.side_many", .in = BEAM_BYTES,
                                   .out = BEAM_STRING, .process = many };

static const beam_side_spec large[] = {
    { "large", BEAM_SIDE_ITERABLE, BEAM_STRING, NULL, NULL },
};
static beam_value count_large(beam_ctx *c, beam_value in)
{
    int64_t n = 0, bytes = 0;
    beam_iter *iter = beam_side_iter(c, 0);
    for (beam_value v; beam_next(iter, &v); n++) bytes += (int64_t)beam_as_span(v).len;
    return beam_string(beam_format(c, BEAM_SPAN_FMT " %lld %lld", BEAM_SPAN_ARG(beam_as_span(in)),
                                   (long long)n, (long long)bytes));
}
static const beam_dofn count_large_fn = { .name = "model.side_large", .in = BEAM_STRING,
                                          .out = BEAM_STRING, .map = count_large,
                                          .sides = BEAM_TABLE(large) };

/* 4 MB: more than one answer of the runner. */
static beam_pcoll *large_iterable(beam_pipeline *p)
{
    beam_pcoll *side = beam_par_do(beam_impulse(p, "Impulse"), "Many", &many_fn);
    return beam_par_do(main_input(p), "Read", &count_large_fn, .sides = { side });
}

/* -- maps ---------------------------------------------------------------------------- */
static const beam_side_spec rate[] = {
    { "rates", BEAM_SIDE_MAP, BEAM_KV(BEAM_STRING, BEAM_STRING), NULL, NULL },
};
static beam_value look_up(beam_ctx *c, beam_value in)
{
    beam_value found = beam_side_get(c, 0, in);
    const char *text = beam_is_null(found) ? "none" : beam_cstr(c, beam_as_span(found));
    return beam_string(beam_format(c, BEAM_SPAN_FMT " %s", BEAM_SPAN_ARG(beam_as_span(in)), text));
}
static const beam_dofn look_up_fn = { .name = "model.side_map", .in = BEAM_STRING,
                                      .out = BEAM_STRING, .map = look_up,
                                      .sides = BEAM_TABLE(rate) };

static const char *const currencies[] = { "eur", "usd", "chf", "eur" };

static beam_pcoll *map(beam_pipeline *p)
{
    return beam_par_do(beam_create_strings(p, "Main", currencies, 4), "Read", &look_up_fn,
                       .sides = { create_pairs(p, "Side", rates) });
}

static const beam_side_spec tag[] = {
    { "tags", BEAM_SIDE_MULTIMAP, BEAM_KV(BEAM_STRING, BEAM_STRING), NULL, NULL },
};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Up to ten texts, sorted. */
static const char *sorted_texts(beam_ctx *c, const char **texts, size_t n)
{
    const char *all = "";
    qsort(texts, n, sizeof *texts, by_text);
    for (size_t i = 0; i < n; i++) all = beam_format(c, "%s %s", all, texts[i]).ptr;
    return all;
}

static beam_value look_up_all(beam_ctx *c, beam_value in)
{
    const char *texts[10];
    size_t n = 0;
    beam_iter *iter = beam_side_lookup(c, 0, in);
    for (beam_value v; n < 10 && beam_next(iter, &v);)
        texts[n++] = beam_cstr(c, beam_as_span(v));
    return beam_string(beam_format(c, BEAM_SPAN_FMT ":%s", BEAM_SPAN_ARG(beam_as_span(in)),
                                   sorted_texts(c, texts, n)));
}
static const beam_dofn look_up_all_fn = { .name = "model.side_multimap", .in = BEAM_STRING,
                                          .out = BEAM_STRING, .map = look_up_all,
                                          .sides = BEAM_TABLE(tag) };

static beam_pcoll *multimap(beam_pipeline *p)
{
    return beam_par_do(main_input(p), "Read", &look_up_all_fn,
                       .sides = { create_pairs(p, "Side", tags) });
}

static beam_pcoll *empty_multimap(beam_pipeline *p)
{
    return beam_par_do(main_input(p), "Read", &look_up_all_fn,
                       .sides = { create_pairs(p, "Side", no_pairs) });
}

static beam_value all_entries(beam_ctx *c, beam_value in)
{
    const char *keys[10], *entries[10];
    size_t n_keys = 0, n = 0;
    beam_iter *iter = beam_side_keys(c, 0);
    for (beam_value v; n_keys < 10 && beam_next(iter, &v);)
        keys[n_keys++] = beam_cstr(c, beam_as_span(v));
    iter = beam_side_iter(c, 0);
    for (beam_value v; n < 10 && beam_next(iter, &v);)
        entries[n++] = beam_format(c, BEAM_SPAN_FMT "=" BEAM_SPAN_FMT,
                                   BEAM_SPAN_ARG(beam_as_span(beam_key(v))),
                                   BEAM_SPAN_ARG(beam_as_span(beam_val(v)))).ptr;
    return beam_string(beam_format(c, BEAM_SPAN_FMT ":%s |%s", BEAM_SPAN_ARG(beam_as_span(in)),
                                   sorted_texts(c, keys, n_keys), sorted_texts(c, entries, n)));
}
static const beam_dofn all_entries_fn = { .name = "model.side_entries", .in = BEAM_STRING,
                                          .out = BEAM_STRING, .map = all_entries,
                                          .sides = BEAM_TABLE(tag) };

static beam_pcoll *multimap_entries(beam_pipeline *p)
{
    return beam_par_do(main_input(p), "Read", &all_entries_fn,
                       .sides = { create_pairs(p, "Side", tags) });
}

/* -- windows ---------------------------------------------------------------------------- */
static const char *const keys[] = { "a", "b", "c", "d" };
static const int64_t seconds[] = { 1, 2, 11, 21 };

static beam_pcoll *timed(beam_pipeline *p, const char *name, beam_window_fn fn)
{
    beam_scope_begin(p, name);
    beam_pcoll *c = beam_window_into(create_timed(p, "Timed", keys, seconds, 4), "Windows", fn);
    beam_scope_end(p);
    return c;
}

static beam_value with_side(beam_ctx *c, beam_value in)
{
    const char *texts[10];
    size_t n = 0;
    beam_iter *iter = beam_side_iter(c, 0);
    for (beam_value v; n < 10 && beam_next(iter, &v);)
        texts[n++] = beam_cstr(c, beam_as_span(beam_key(v)));
    return beam_string(beam_format(c, BEAM_SPAN_FMT ":%s",
                                   BEAM_SPAN_ARG(beam_as_span(beam_key(in))),
                                   sorted_texts(c, texts, n)));
}
static const beam_side_spec in_window[] = {
    { "around", BEAM_SIDE_ITERABLE, BEAM_KV(BEAM_STRING, BEAM_INT64), NULL, NULL },
};
static const beam_dofn with_side_fn = { .name = "model.side_windowed",
                                        .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                        .out = BEAM_STRING, .map = with_side,
                                        .sides = BEAM_TABLE(in_window) };

static beam_pcoll *global(beam_pcoll *in)
{
    return beam_window_into(in, "Global", beam_global());
}

static beam_pcoll *same_windows(beam_pipeline *p)
{
    beam_pcoll *main = timed(p, "Main", beam_fixed(beam_seconds(10)));
    beam_pcoll *side = timed(p, "Side", beam_fixed(beam_seconds(10)));
    return global(beam_par_do(main, "Read", &with_side_fn, .sides = { side }));
}

static beam_pcoll *larger_windows(beam_pipeline *p)
{
    beam_pcoll *main = timed(p, "Main", beam_fixed(beam_seconds(10)));
    beam_pcoll *side = timed(p, "Side", beam_fixed(beam_seconds(20)));
    return global(beam_par_do(main, "Read", &with_side_fn, .sides = { side }));
}

static beam_pcoll *windowed_main_global_side(beam_pipeline *p)
{
    beam_pcoll *main = timed(p, "Main", beam_fixed(beam_seconds(10)));
    beam_pcoll *side = timed(p, "Side", beam_global());
    return global(beam_par_do(main, "Read", &with_side_fn, .sides = { side }));
}

/* The 10 s before the main window. */
static beam_window window_before(beam_window main)
{
    beam_millis size = beam_seconds(10);
    return (beam_window){ main.start - size, main.start, { NULL, 0 } };
}
static const beam_window_mapping before = { "model.window_before", window_before };
static const beam_side_spec in_window_before[] = {
    { "before", BEAM_SIDE_ITERABLE, BEAM_KV(BEAM_STRING, BEAM_INT64), NULL, &before },
};
static const beam_dofn with_side_before_fn = { .name = "model.side_mapped",
                                               .in = BEAM_KV(BEAM_STRING, BEAM_INT64),
                                               .out = BEAM_STRING, .map = with_side,
                                               .sides = BEAM_TABLE(in_window_before) };

static beam_pcoll *mapped_windows(beam_pipeline *p)
{
    beam_pcoll *main = timed(p, "Main", beam_fixed(beam_seconds(10)));
    beam_pcoll *side = timed(p, "Side", beam_fixed(beam_seconds(10)));
    return global(beam_par_do(main, "Read", &with_side_before_fn, .sides = { side }));
}

/* -- the suite ---------------------------------------------------------------------------- */
static const beam_dofn *const dofns[] = { &append_number_fn, &read_numbers_fn, &many_fn,
                                          &count_large_fn,   &look_up_fn,      &look_up_all_fn,
                                          &all_entries_fn,   &with_side_fn,
                                          &with_side_before_fn };

static const model_test tests[] = {
    { "side_singleton", singleton, "a7\nb7\nc7\n" },
    { "side_singleton_initial", singleton_initial, "a-1\nb-1\nc-1\n" },
    { "side_iterable_and_list", iterable_and_list,
      "a 222/6 2ab.\nb 222/6 2ab.\nc 222/6 2ab.\n" },
    { "side_empty_iterable", empty_iterable, "a 0/0 0.\nb 0/0 0.\nc 0/0 0.\n" },
    { "side_large_iterable", large_iterable,
      "a 4000 4096000\nb 4000 4096000\nc 4000 4096000\n" },
    { "side_map", map, "chf none\neur 100\neur 100\nusd 90\n" },
    { "side_multimap", multimap, "a: x y\nb: z\nc:\n" },
    { "side_empty_multimap", empty_multimap, "a:\nb:\nc:\n" },
    { "side_multimap_entries", multimap_entries,
      "a: a b | a=x a=y b=z\nb: a b | a=x a=y b=z\nc: a b | a=x a=y b=z\n" },
    { "side_same_windows", same_windows, "a: a b\nb: a b\nc: c\nd: d\n" },
    { "side_larger_windows", larger_windows, "a: a b c\nb: a b c\nc: a b c\nd: d\n" },
    { "side_global_for_windows", windowed_main_global_side,
      "a: a b c d\nb: a b c d\nc: a b c d\nd: a b c d\n" },
    { "side_mapped_windows", mapped_windows, "a:\nb:\nc: a b\nd: c\n" },
};

const model_suite side_input_suite = { tests, BEAM_COUNT(tests), dofns, BEAM_COUNT(dofns),
                                       NULL, 0 };
