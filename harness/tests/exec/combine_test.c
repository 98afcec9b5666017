/* SPDX-License-Identifier: Apache-2.0 */
/* The components of a combine, with a built-in function and a user's own. */
#include <stdio.h>

#include "beam_urns.h"
#include "exec/node.h"
#include "fixture.h"
#include "same_hash.h"

/* -- a CombineFn whose accumulator is a text: all inputs, joined ----------------------------- */
typedef struct joined {
    beam_span text;
} joined;

static void join(beam_ctx *c, joined *acc, beam_span more)
{
    size_t n = acc->text.len;
    char *text = beam_acc_alloc(c, n + more.len);
    if (n) memcpy(text, acc->text.ptr, n);
    if (more.len) memcpy(text + n, more.ptr, more.len);
    acc->text = (beam_span){ text, n + more.len };
}
static void join_add(beam_ctx *c, void *acc, beam_value in)
{
    if (beam_span_equal(beam_as_span(in), beam_span_of("bad")))
        beam_fail(c, BEAM_EUSER, "I do not like it");
    beam_counter_add(c, "added", 1);
    join(c, acc, beam_as_span(in));
}
static void join_merge(beam_ctx *c, void *acc, const void *other)
{
    join(c, acc, ((const joined *)other)->text);
}
static beam_value join_extract(beam_ctx *c, const void *acc)
{
    return beam_string(beam_format(c, "<" BEAM_SPAN_FMT ">" BEAM_SPAN_FMT,
                                   BEAM_SPAN_ARG(((const joined *)acc)->text),
                                   BEAM_SPAN_ARG(beam_config(c))));
}
static beam_value join_save(beam_ctx *c, const void *acc)
{
    (void)c;
    return beam_string(((const joined *)acc)->text);
}
static void join_load(beam_ctx *c, void *acc, beam_value saved)
{
    join(c, acc, beam_as_span(saved));
}
static const beam_combine join_fn = {
    .name = "test.join", .in = BEAM_STRING, .acc = BEAM_STRING, .out = BEAM_STRING,
    .acc_size = sizeof(joined), .add = join_add, .merge = join_merge,
    .extract = join_extract, .save = join_save, .load = join_load,
};
static const beam_combine incomplete_fn = { .name = "test.incomplete", .in = BEAM_INT64,
                                            .acc = BEAM_INT64, .out = BEAM_INT64 };
static const beam_combine *const combines[] = { &join_fn, &incomplete_fn };

/* source -> component -> sink. */
static void init(fixture *f, const char *urn, const char *fn, const char *in, const char *out,
                 const char *window)
{
    fixture_init(f, NULL, 0, combines, BEAM_COUNT(combines));
    fixture_pcoll(f, "p1", in);
    fixture_pcoll(f, "p2", out);
    fixture_source(f, "a", "p1", in, window);
    fixture_combine(f, "b", urn, fn, "in=p1", "out=p2");
    fixture_sink(f, "c", "p2", out, window);
}

static void put(fixture *f, const char *key, int64_t n)
{
    fixture_put(f, 0, fixture_kv(f, text_value(key), beam_int64(n)));
}

static void put_text(fixture *f, const char *key, const char *text)
{
    fixture_put(f, 0, fixture_kv(f, text_value(key), text_value(text)));
}

START_TEST(lifted_sums_per_key)
{
    fixture f;
    init(&f, BEAM_URN_TRANSFORM_COMBINE_PER_KEY_PRECOMBINE, "beam.sum_int64",
         "kv<string_utf8,varint>", "kv<string_utf8,varint>", "global_window");
    fixture_build(&f);
    for (int round = 0; round < 2; round++) {
        for (int i = 1; i <= 100; i++) put(&f, i % 2 ? "odd" : "even", i);
        fixture_run(&f);
        expect_output(&f, 0, round ? "KV{\"odd\", 5000} @9223371950454775\n"
                                     "KV{\"even\", 5100} @9223371950454775\n"
                                   : "KV{\"odd\", 2500} @9223371950454775\n"
                                     "KV{\"even\", 2550} @9223371950454775\n");
    }
    fixture_free(&f);
}
END_TEST

/* DP-06: data_buffer_time_limit_ms is for what is added up here, too. */
START_TEST(dp_06_sums_do_not_wait_while_there_is_no_input)
{
    fixture f;
    init(&f, BEAM_URN_TRANSFORM_COMBINE_PER_KEY_PRECOMBINE, "beam.sum_int64",
         "kv<string_utf8,varint>", "kv<string_utf8,varint>", "global_window");
    put(&f, "a", 1);
    put(&f, "a", 2);
    f.io.idles = true;
    fixture_build(&f);
    ck_assert_int_eq(fixture_run_in(&f, f.in[0].len / 2), BEAM_OK);
    expect_output(&f, 0, "KV{\"a\", 1} @9223371950454775\n"
                        "KV{\"a\", 2} @9223371950454775\n");
    ck_assert_int_eq(f.io.writes, 2); /* the first sum, and at the end the second */
    fixture_free(&f);
}
END_TEST

START_TEST(keys_of_any_type)
{
    static const char *const coders[] = { "varint", "bytes", "bool", "nullable<string_utf8>",
                                          "kv<varint,string_utf8>", "length_prefix<varint>" };
    for (size_t i = 0; i < BEAM_COUNT(coders); i++) {
        fixture f;
        const char *coder = NULL;
        char text[64];
        snprintf(text, sizeof text, "kv<%s,varint>", coders[i]);
        coder = text;
        init(&f, BEAM_URN_TRANSFORM_COMBINE_PER_KEY_PRECOMBINE, "beam.sum_int64", coder, coder,
             "global_window");
        fixture_build(&f);
        const beam_value keys[][2] = {
            { beam_int64(-5), beam_int64(300) },
            { beam_bytes((beam_span){ "\0\1", 2 }), beam_bytes((beam_span){ "\0", 1 }) },
            { beam_bool(true), beam_bool(false) },
            { beam_null(), text_value("") },
            { fixture_kv(&f, beam_int64(1), text_value("a")),
              fixture_kv(&f, beam_int64(1), text_value("b")) },
            { beam_int64(1), beam_int64(2) },
        };
        static const char *const expected[] = {
            "KV{-5, 4} @9223371950454775\nKV{300, 2} @9223371950454775\n",
            "KV{\"\\x00\\x01\", 4} @9223371950454775\nKV{\"\\x00\", 2} @9223371950454775\n",
            "KV{true, 4} @9223371950454775\nKV{false, 2} @9223371950454775\n",
            "KV{null, 4} @9223371950454775\nKV{\"\", 2} @9223371950454775\n",
            "KV{KV{1, \"a\"}, 4} @9223371950454775\nKV{KV{1, \"b\"}, 2} @9223371950454775\n",
            "KV{1, 4} @9223371950454775\nKV{2, 2} @9223371950454775\n",
        };
        for (int k = 1; k <= 3; k++)
            fixture_put(&f, 0, fixture_kv(&f, keys[i][k % 2 == 0], beam_int64(k)));
        fixture_run(&f);
        expect_output(&f, 0, expected[i]);
        fixture_free(&f);
    }
}
END_TEST

START_TEST(windows_are_apart)
{
    const beam_window windows[] = { { 0, 10, { NULL, 0 } }, { 5, 15, { NULL, 0 } } };
    fixture f;
    init(&f, BEAM_URN_TRANSFORM_COMBINE_PER_KEY_PRECOMBINE, "beam.sum_int64",
         "kv<string_utf8,varint>", "kv<string_utf8,varint>", "interval_window");
    fixture_build(&f);
    beam_value in = fixture_kv(&f, text_value("k"), beam_int64(1));
    fixture_put_in(&f, 0, in, 7, windows, 2);
    fixture_put_in(&f, 0, in, 3, windows, 1);
    fixture_run(&f);
    expect_output(&f, 0, "KV{\"k\", 2} @9 [0, 10)\nKV{\"k\", 1} @14 [5, 15)\n");
    fixture_free(&f);
}
END_TEST

START_TEST(timestamps_follow_the_strategy)
{
    static const char *const expected[] = { "KV{\"k\", 2} @9 [0, 10)\n",
                                            "KV{\"k\", 2} @9 [0, 10)\n",
                                            "KV{\"k\", 2} @7 [0, 10)\n",
                                            "KV{\"k\", 2} @3 [0, 10)\n" };
    const beam_window window = { 0, 10, { NULL, 0 } };
    for (int output_time = 0; output_time < 4; output_time++) {
        fixture f;
        fixture_init(&f, NULL, 0, NULL, 0);
        fixture_pcoll_at(&f, "p1", "kv<string_utf8,varint>", output_time);
        fixture_pcoll(&f, "p2", "kv<string_utf8,varint>");
        fixture_source(&f, "a", "p1", "kv<string_utf8,varint>", "interval_window");
        fixture_combine(&f, "b", BEAM_URN_TRANSFORM_COMBINE_PER_KEY_PRECOMBINE,
                        "beam.sum_int64", "in=p1", "out=p2");
        fixture_sink(&f, "c", "p2", "kv<string_utf8,varint>", "interval_window");
        fixture_build(&f);
        beam_value in = fixture_kv(&f, text_value("k"), beam_int64(1));
        fixture_put_in(&f, 0, in, 7, &window, 1);
        fixture_put_in(&f, 0, in, 3, &window, 1);
        fixture_run(&f);
        expect_output(&f, 0, expected[output_time]);
        fixture_free(&f);
    }
}
END_TEST

/* How many elements came out, of KV<K, int64>; their sum. */
static int64_t count_output(fixture *f, int64_t *sum)
{
    bm_reader in = bm_reader_of(bm_written(&f->io.out[0]));
    bm_element_decoder decoder;
    bm_element_decoder_init(&decoder, f->out_coder[0]);
    int64_t n = 0;
    *sum = 0;
    for (bm_element e; in.at < in.end; n++) {
        ck_assert_int_eq(bm_element_decode(&decoder, &in,
                                           &(bm_decoding){ &f->arena, NULL, NULL }, &e),
                         BEAM_OK);
        *sum += beam_as_int64(beam_val(e.value));
    }
    bm_element_decoder_free(&decoder);
    return n;
}

/* All keys of 'x' up to a length, and those with one 'y' among them. Returns how many. */
static int put_similar_keys(fixture *f)
{
    enum { LONGEST = 40 };
    char key[LONGEST];
    int n = 0;
    for (size_t len = 0; len <= LONGEST; len++)
        for (size_t other = 0; other <= len; other++, n++) {
            memset(key, 'x', sizeof key);
            if (other < len) key[other] = 'y';
            beam_value text = beam_string((beam_span){ key, len });
            fixture_put(f, 0, fixture_kv(f, text, beam_int64(1)));
        }
    return n;
}

START_TEST(similar_keys_of_any_length_are_apart)
{
    fixture f;
    init(&f, BEAM_URN_TRANSFORM_COMBINE_PER_KEY_PRECOMBINE, "beam.sum_int64",
         "kv<string_utf8,varint>", "kv<string_utf8,varint>", "global_window");
    fixture_build(&f);
    put_similar_keys(&f);
    int64_t keys = put_similar_keys(&f), sum;
    fixture_run(&f);
    ck_assert_int_eq(count_output(&f, &sum), keys);
    ck_assert_int_eq(sum, 2 * keys);
    fixture_free(&f);
}
END_TEST

START_TEST(keys_of_the_same_hash_are_apart)
{
    enum { KEYS = 140 }; /* the table grows from 256 slots, half of them used */
    char keys[KEYS][SAME_HASH_BYTES + 1];
    same_hash_keys(keys, KEYS);
    fixture f;
    init(&f, BEAM_URN_TRANSFORM_COMBINE_PER_KEY_PRECOMBINE, "beam.sum_int64",
         "kv<string_utf8,varint>", "kv<string_utf8,varint>", "global_window");
    fixture_build(&f);
    for (int i = 0; i < KEYS; i++) put(&f, keys[i], i);
    for (int i = KEYS - 1; i >= 0; i--) put(&f, keys[i], 1000);
    fixture_run(&f);
    const char *sums = "";
    for (int i = 0; i < KEYS; i++)
        sums = bm_format(&f.arena, "%sKV{\"%s\", %d} @9223371950454775\n", sums, keys[i],
                         1000 + i);
    ck_assert(strcmp(fixture_output(&f, 0), sums) == 0);
    fixture_free(&f);
}
END_TEST

/* The hash has the end of a window only. */
START_TEST(windows_of_the_same_end_are_apart)
{
    const beam_window windows[] = { { 0, 10, { NULL, 0 } }, { 5, 10, { NULL, 0 } } };
    fixture f;
    init(&f, BEAM_URN_TRANSFORM_COMBINE_PER_KEY_PRECOMBINE, "beam.sum_int64",
         "kv<string_utf8,varint>", "kv<string_utf8,varint>", "interval_window");
    fixture_build(&f);
    beam_value in = fixture_kv(&f, text_value("k"), beam_int64(1));
    fixture_put_in(&f, 0, in, 7, windows, 2);
    fixture_put_in(&f, 0, in, 7, windows, 1);
    fixture_run(&f);
    expect_output(&f, 0, "KV{\"k\", 2} @9 [0, 10)\nKV{\"k\", 1} @9 [5, 10)\n");
    fixture_free(&f);
}
END_TEST

/* More than the table holds. */
START_TEST(one_element_in_many_windows)
{
    enum { WINDOWS = 300000 };
    fixture f;
    init(&f, BEAM_URN_TRANSFORM_COMBINE_PER_KEY_PRECOMBINE, "beam.sum_int64",
         "kv<string_utf8,varint>", "kv<string_utf8,varint>", "interval_window");
    fixture_build(&f);
    beam_window *windows = BM_NEW_ARRAY(&f.arena, beam_window, WINDOWS);
    for (int i = 0; i < WINDOWS; i++) windows[i] = (beam_window){ i, i + 10, { NULL, 0 } };
    beam_value in = fixture_kv(&f, text_value("k"), beam_int64(3));
    fixture_put_in(&f, 0, in, 7, windows, WINDOWS);
    fixture_run(&f);
    int64_t sum;
    ck_assert_int_eq(count_output(&f, &sum), WINDOWS);
    ck_assert_int_eq(sum, 3 * WINDOWS);
    fixture_free(&f);
}
END_TEST

START_TEST(a_full_table_is_emitted_and_goes_on)
{
    fixture f;
    init(&f, BEAM_URN_TRANSFORM_COMBINE_PER_KEY_PRECOMBINE, "beam.sum_int64",
         "kv<varint,varint>", "kv<varint,varint>", "global_window");
    fixture_build(&f);
    enum { KEYS = 200000 };
    for (int i = 0; i < KEYS; i++) {
        fixture_put(&f, 0, fixture_kv(&f, beam_int64(i), beam_int64(1)));
        fixture_put(&f, 0, fixture_kv(&f, beam_int64(i), beam_int64(1)));
    }
    fixture_run(&f);
    /* Keys come in pairs, so at most one per tableful is emitted in two parts. */
    int64_t sum, n = count_output(&f, &sum);
    ck_assert_int_eq(sum, 2 * KEYS);
    ck_assert_int_ge(n, KEYS);
    ck_assert_int_lt(n, KEYS + 10);
    fixture_free(&f);
}
END_TEST

START_TEST(accumulators_with_memory_are_bounded_too)
{
    fixture f;
    init(&f, BEAM_URN_TRANSFORM_COMBINE_PER_KEY_PRECOMBINE, "test.join",
         "kv<string_utf8,string_utf8>", "kv<string_utf8,string_utf8>", "global_window");
    fixture_build(&f);
    char text[1000];
    memset(text, 'x', sizeof text);
    enum { N = 1000 };
    for (int i = 0; i < N; i++)
        fixture_put(&f, 0, fixture_kv(&f, text_value("k"),
                                      beam_string((beam_span){ text, sizeof text })));
    fixture_run(&f);
    ck_assert_uint_gt(f.io.out[0].len, N * sizeof text);
    fixture_free(&f);
}
END_TEST

START_TEST(a_user_function_from_end_to_end)
{
    fixture f;
    init(&f, BEAM_URN_TRANSFORM_COMBINE_PER_KEY_PRECOMBINE, "test.join",
         "kv<string_utf8,string_utf8>", "kv<string_utf8,string_utf8>", "global_window");
    fixture_build(&f);
    put_text(&f, "k", "a");
    put_text(&f, "k", "b");
    put_text(&f, "l", "");
    fixture_run(&f);
    expect_output(&f, 0, "KV{\"k\", \"ab\"} @9223371950454775\n"
                         "KV{\"l\", \"\"} @9223371950454775\n");
    ck_assert_ptr_nonnull(strstr(fixture_metrics(&f), "b test.join added 3\n"));
    fixture_free(&f);

    init(&f, BEAM_URN_TRANSFORM_COMBINE_PER_KEY_MERGE_ACCUMULATORS, "test.join",
         "kv<string_utf8,iterable<string_utf8>>", "kv<string_utf8,string_utf8>",
         "global_window");
    fixture_build(&f);
    const beam_value accs[] = { text_value("ab"), text_value(""), text_value("c") };
    fixture_put(&f, 0, fixture_kv(&f, text_value("k"), fixture_list(&f, accs, 3)));
    fixture_put(&f, 0, fixture_kv(&f, text_value("l"), fixture_list(&f, accs, 0)));
    fixture_run(&f);
    expect_output(&f, 0, "KV{\"k\", \"abc\"}\nKV{\"l\", \"\"}\n");
    fixture_free(&f);

    init(&f, BEAM_URN_TRANSFORM_COMBINE_PER_KEY_EXTRACT_OUTPUTS, "test.join",
         "kv<string_utf8,string_utf8>", "kv<string_utf8,string_utf8>", "global_window");
    fixture_build(&f);
    put_text(&f, "k", "abc");
    fixture_run(&f);
    expect_output(&f, 0, "KV{\"k\", \"<abc>\"}\n");
    fixture_free(&f);

    init(&f, BEAM_URN_TRANSFORM_COMBINE_PER_KEY_CONVERT_TO_ACCUMULATORS, "test.join",
         "kv<string_utf8,string_utf8>", "kv<string_utf8,string_utf8>", "global_window");
    fixture_build(&f);
    put_text(&f, "k", "a");
    put_text(&f, "k", "b");
    fixture_run(&f);
    expect_output(&f, 0, "KV{\"k\", \"a\"}\nKV{\"k\", \"b\"}\n");
    fixture_free(&f);

    init(&f, BEAM_URN_TRANSFORM_COMBINE_GROUPED_VALUES, "test.join",
         "kv<string_utf8,iterable<string_utf8>>", "kv<string_utf8,string_utf8>",
         "global_window");
    fixture_build(&f);
    fixture_put(&f, 0, fixture_kv(&f, text_value("k"), fixture_list(&f, accs, 3)));
    fixture_run(&f);
    expect_output(&f, 0, "KV{\"k\", \"<abc>\"}\n");
    fixture_free(&f);
}
END_TEST

START_TEST(sum_through_each_component)
{
    static const struct {
        const char *urn;
        bool grouped;
        const char *out;
    } cases[] = {
        { BEAM_URN_TRANSFORM_COMBINE_PER_KEY_MERGE_ACCUMULATORS, true, "KV{\"k\", 6}\n" },
        { BEAM_URN_TRANSFORM_COMBINE_GROUPED_VALUES, true, "KV{\"k\", 6}\n" },
        { BEAM_URN_TRANSFORM_COMBINE_PER_KEY_EXTRACT_OUTPUTS, false,
          "KV{\"k\", 1}\nKV{\"k\", 2}\nKV{\"k\", 3}\n" },
        { BEAM_URN_TRANSFORM_COMBINE_PER_KEY_CONVERT_TO_ACCUMULATORS, false,
          "KV{\"k\", 1}\nKV{\"k\", 2}\nKV{\"k\", 3}\n" },
    };
    const beam_value values[] = { beam_int64(1), beam_int64(2), beam_int64(3) };
    for (size_t i = 0; i < BEAM_COUNT(cases); i++) {
        fixture f;
        init(&f, cases[i].urn, "beam.sum_int64",
             cases[i].grouped ? "kv<string_utf8,iterable<varint>>" : "kv<string_utf8,varint>",
             "kv<string_utf8,varint>", "global_window");
        fixture_build(&f);
        if (cases[i].grouped)
            fixture_put(&f, 0, fixture_kv(&f, text_value("k"), fixture_list(&f, values, 3)));
        else
            for (int k = 0; k < 3; k++) put(&f, "k", beam_as_int64(values[k]));
        fixture_run(&f);
        expect_output(&f, 0, cases[i].out);
        fixture_free(&f);
    }
}
END_TEST

START_TEST(a_par_do_of_a_combine_function_combines_groups)
{
    fixture f;
    fixture_init(&f, NULL, 0, combines, BEAM_COUNT(combines));
    fixture_pcoll(&f, "p1", "kv<string_utf8,iterable<string_utf8>>");
    fixture_pcoll(&f, "p2", "kv<string_utf8,string_utf8>");
    fixture_source(&f, "a", "p1", "kv<string_utf8,iterable<string_utf8>>", "global_window");
    fixture_transform(&f, "b", BEAM_URN_TRANSFORM_PARDO,
                      fixture_fn_payload(&f, "beam:combinefn:c:v1", "test.join", "!"),
                      "in=p1", "out=p2");
    fixture_sink(&f, "c", "p2", "kv<string_utf8,string_utf8>", "global_window");
    fixture_build(&f);
    fixture_put(&f, 0, fixture_kv(&f, text_value("k"), fixture_list(&f, NULL, 0)));
    fixture_run(&f);
    expect_output(&f, 0, "KV{\"k\", \"<>!\"}\n");
    fixture_free(&f);
}
END_TEST

START_TEST(a_failing_function_names_itself_and_the_element)
{
    fixture f;
    init(&f, BEAM_URN_TRANSFORM_COMBINE_PER_KEY_PRECOMBINE, "test.join",
         "kv<string_utf8,string_utf8>", "kv<string_utf8,string_utf8>", "global_window");
    fixture_build(&f);
    put_text(&f, "k", "bad");
    ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_EUSER);
    ck_assert_str_eq(f.err.message, "Transform 'Scope/b' (CombineFn 'test.join') failed on "
                                    "element KV{\"k\", \"bad\"}: I do not like it");
    fixture_free(&f);
}
END_TEST

static const beam_struct_coder point_coder = { .name = "test.point" },
                               line_coder = { .name = "test.line" };
#define POINT BEAM_STRUCT(&point_coder)
#define LINE BEAM_STRUCT(&line_coder)

static const beam_struct_coder *coder_of_part(const beam_type *type, beam_value part)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    const bm_coder *coder = bm_coder_of_part(bm_coder_of_type(&arena, type), part);
    while (coder && coder->kind != BM_CODER_STRUCT) coder = coder->arg[1];
    const beam_struct_coder *found = coder ? coder->struct_coder : NULL;
    bm_arena_free(&arena);
    return found;
}

START_TEST(what_a_struct_is_copied_with)
{
    const beam_value point = beam_struct(NULL), null = beam_null();
    const beam_value stamped[] = { beam_int64(1), point }, bare[] = { beam_int64(1), null };
    ck_assert_ptr_eq(coder_of_part(POINT, point), &point_coder);
    ck_assert_ptr_eq(coder_of_part(BEAM_ITERABLE(BEAM_KV(BEAM_INT64, POINT)), point),
                     &point_coder);
    ck_assert_ptr_eq(coder_of_part(BEAM_KV(BEAM_STRING, BEAM_KV(BEAM_INT64, LINE)),
                                   beam_kv(stamped)), &line_coder);
    ck_assert_ptr_null(coder_of_part(BEAM_KV(BEAM_INT64, LINE), beam_kv(bare)));
    ck_assert_ptr_null(coder_of_part(BEAM_KV(POINT, LINE), point)); /* which one? */
    ck_assert_ptr_eq(coder_of_part(BEAM_KV(POINT, POINT), point), &point_coder);
    ck_assert_ptr_null(coder_of_part(BEAM_STRING, point));
}
END_TEST

START_TEST(unusable_functions_are_refused)
{
    static const struct {
        const char *fn, *in, *message;
    } cases[] = {
        { "test.nobody", "kv<varint,varint>", "needs CombineFn 'test.nobody', which this "
                                              "program does not have" },
        { "test.incomplete", "kv<varint,varint>", "needs add, merge and extract" },
        { "beam.sum_int64", "varint", "its input is of type INT64, not a KV" },
    };
    for (size_t i = 0; i < BEAM_COUNT(cases); i++) {
        fixture f;
        init(&f, BEAM_URN_TRANSFORM_COMBINE_PER_KEY_PRECOMBINE, cases[i].fn, cases[i].in,
             "kv<varint,varint>", "global_window");
        ck_assert_int_ne(fixture_try_build(&f), BEAM_OK);
        ck_assert_ptr_null(f.plan);
        expect_error(&f, cases[i].message);
        fixture_free(&f);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        lifted_sums_per_key,
        dp_06_sums_do_not_wait_while_there_is_no_input,
        keys_of_any_type,
        windows_are_apart,
        timestamps_follow_the_strategy,
        similar_keys_of_any_length_are_apart,
        keys_of_the_same_hash_are_apart,
        windows_of_the_same_end_are_apart,
        one_element_in_many_windows,
        a_full_table_is_emitted_and_goes_on,
        accumulators_with_memory_are_bounded_too,
        a_user_function_from_end_to_end,
        sum_through_each_component,
        a_par_do_of_a_combine_function_combines_groups,
        a_failing_function_names_itself_and_the_element,
        what_a_struct_is_copied_with,
        unusable_functions_are_refused,
    };
    return run_tests("exec/combine", tests, BEAM_COUNT(tests));
}
