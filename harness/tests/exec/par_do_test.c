/* SPDX-License-Identifier: Apache-2.0 */
/* Sources, ParDos of every kind, flatten and sinks. */
#include "beam_urns.h"
#include "fixture.h"

/* -- functions ---------------------------------------------------------------------------- */
static beam_status pass(beam_ctx *c, beam_value in)
{
    return beam_emit(c, in);
}
static const beam_dofn pass_fn = { .name = "test.pass", .in = BEAM_ANY, .out = BEAM_ANY,
                                   .process = pass };

static beam_status pair_anew(beam_ctx *c, beam_value in)
{
    return beam_emit_kv(c, beam_key(in), beam_val(in));
}
static const beam_dofn pair_fn = { .name = "test.pair", .in = BEAM_ANY, .out = BEAM_ANY,
                                   .process = pair_anew };

/* All ways to cut a text in two. */
static beam_status cut_in_two(beam_ctx *c, beam_value in)
{
    beam_span text = beam_as_span(in);
    for (size_t i = 0; i <= text.len; i++)
        BEAM_TRY(beam_emit_kv(c, beam_string((beam_span){ text.ptr, i }),
                              beam_string((beam_span){ text.ptr + i, text.len - i })));
    return BEAM_OK;
}
static const beam_dofn cut_fn = { .name = "test.cut",
                                  .in = BEAM_STRING,
                                  .out = BEAM_KV(BEAM_STRING, BEAM_STRING),
                                  .process = cut_in_two };

/* What fails the bundle is told by what is emitted then, and nothing more goes on. */
static beam_status emit_after_failing(beam_ctx *c, beam_value in)
{
    ck_assert_int_eq(beam_emit(c, in), BEAM_OK);
    beam_fail(c, BEAM_EIO, "no more");
    ck_assert_int_eq(beam_emit(c, in), BEAM_EIO);
    ck_assert_int_eq(beam_emit_kv(c, in, in), BEAM_EIO);
    return BEAM_OK;
}
static const beam_dofn fail_fn = { .name = "test.fail", .in = BEAM_ANY, .out = BEAM_ANY,
                                   .process = emit_after_failing };

static beam_value twice(beam_ctx *c, beam_value in)
{
    (void)c;
    return beam_int64(beam_as_int64(in) * 2);
}
static const beam_dofn twice_fn = { .name = "test.twice", .in = BEAM_INT64,
                                    .out = BEAM_INT64, .map = twice };

static bool is_even(beam_ctx *c, beam_value in)
{
    (void)c;
    return beam_as_int64(in) % 2 == 0;
}
static const beam_dofn even_fn = { .name = "test.even", .in = BEAM_INT64, .keep = is_even };

static beam_millis at_value(beam_ctx *c, beam_value in)
{
    (void)c;
    return beam_as_int64(in);
}
static const beam_dofn timestamp_fn = { .name = "test.timestamp", .in = BEAM_INT64,
                                        .timestamp = at_value };

static int modulo(beam_ctx *c, beam_value in, int n)
{
    (void)c;
    return beam_as_int64(in) < 0 ? -1 : (int)(beam_as_int64(in) % n);
}
static const beam_dofn partition_fn = { .name = "test.partition", .in = BEAM_INT64,
                                        .partition = modulo };

enum { ODD, TEXT };
static beam_status sort_out(beam_ctx *c, beam_value in)
{
    if (beam_as_int64(in) % 2 == 0) return beam_emit(c, in);
    beam_emit_to(c, ODD, in);
    return beam_emit_to(c, TEXT, beam_string(beam_format(c, "odd %lld",
                                                         (long long)beam_as_int64(in))));
}
static const beam_output_spec sort_outputs[] = { [ODD] = { "odd", BEAM_INT64 },
                                                 [TEXT] = { "text", BEAM_STRING } };
static const beam_dofn sort_fn = { .name = "test.sort", .in = BEAM_INT64, .out = BEAM_INT64,
                                   .outputs = BEAM_TABLE(sort_outputs), .process = sort_out };

static beam_status tell_window(beam_ctx *c, beam_value in)
{
    beam_window w = beam_element_window(c);
    beam_span text = beam_format(c, "%lld in %lld-%lld at %lld",
                                 (long long)beam_as_int64(in), (long long)w.start,
                                 (long long)w.end, (long long)beam_timestamp(c));
    return beam_emit(c, beam_string(text));
}
static const beam_dofn window_fn = { .name = "test.window", .in = BEAM_INT64,
                                     .out = BEAM_STRING, .flags = BEAM_OBSERVES_WINDOW,
                                     .process = tell_window };

static beam_status count_calls(beam_ctx *c, beam_value in)
{
    beam_counter_add(c, "calls", 1);
    return beam_emit(c, in);
}
static const beam_dofn calls_fn = { .name = "test.calls", .in = BEAM_INT64,
                                    .out = BEAM_INT64, .process = count_calls };

/* Emits the bundle's sum, which finish_bundle knows, after the config's text. */
typedef struct life {
    int64_t setups, starts, sum;
} life;
static int n_teardowns;
static beam_status life_setup(beam_ctx *c)
{
    ((life *)beam_self(c))->setups++;
    beam_alloc(c, 100);
    return BEAM_OK;
}
static beam_status life_start(beam_ctx *c)
{
    life *self = beam_self(c);
    self->starts++;
    self->sum = 0;
    return BEAM_OK;
}
static beam_status life_process(beam_ctx *c, beam_value in)
{
    ((life *)beam_self(c))->sum += beam_as_int64(in);
    return BEAM_OK;
}
static beam_status life_finish(beam_ctx *c)
{
    const life *self = beam_self(c);
    beam_span config = beam_config(c);
    beam_span text = beam_format(c, BEAM_SPAN_FMT " %lld %lld %lld", BEAM_SPAN_ARG(config),
                                 (long long)self->setups, (long long)self->starts,
                                 (long long)self->sum);
    const beam_window window = { 0, 10, { NULL, 0 } };
    return beam_emit_windowed(c, -1, beam_string(text), 9, &window);
}
static void life_teardown(beam_ctx *c)
{
    n_teardowns += ((life *)beam_self(c))->setups == 1;
}
static const beam_dofn life_fn = { .name = "test.life", .in = BEAM_INT64, .out = BEAM_STRING,
                                   .self_size = sizeof(life), .setup = life_setup,
                                   .start_bundle = life_start, .process = life_process,
                                   .finish_bundle = life_finish, .teardown = life_teardown };

static const beam_dofn *const fns[] = { &pass_fn, &twice_fn, &even_fn, &timestamp_fn,
                                        &partition_fn, &sort_fn, &window_fn, &calls_fn,
                                        &life_fn, &pair_fn, &fail_fn, &cut_fn };

static void init(fixture *f)
{
    fixture_init(f, fns, BEAM_COUNT(fns), NULL, 0);
}

/* source -> `fn` -> sink, of the given coders. */
static void init_one(fixture *f, const char *fn, const char *config, const char *in,
                     const char *out, const char *window)
{
    init(f);
    fixture_pcoll(f, "p1", in);
    fixture_pcoll(f, "p2", out);
    fixture_source(f, "a_source", "p1", in, window);
    fixture_par_do(f, "b_fn", fn, config, "in=p1", "out=p2");
    fixture_sink(f, "c_sink", "p2", out, window);
    fixture_build(f);
}

static void put_ints(fixture *f, int source, int from, int to)
{
    for (int i = from; i <= to; i++) fixture_put(f, source, beam_int64(i));
}

/* -- tests ----------------------------------------------------------------------------------- */
START_TEST(identity_passes_elements_on)
{
    fixture f;
    init_one(&f, "test.pass", "", "kv<string_utf8,varint>", "kv<string_utf8,varint>",
             "global_window");
    fixture_put(&f, 0, fixture_kv(&f, text_value("a"), beam_int64(1)));
    fixture_put(&f, 0, fixture_kv(&f, text_value(""), beam_int64(-1)));
    fixture_run(&f);
    expect_output(&f, 0, "KV{\"a\", 1}\nKV{\"\", -1}\n");
    fixture_free(&f);
}
END_TEST

START_TEST(an_empty_bundle_ends_its_output)
{
    fixture f;
    init_one(&f, "test.pass", "", "varint", "varint", "global_window");
    fixture_run(&f);
    expect_output(&f, 0, "");
    fixture_free(&f);
}
END_TEST

START_TEST(every_kind_of_function_runs)
{
    static const struct {
        const char *fn, *out;
    } cases[] = {
        { "test.twice", "-2\n0\n2\n4\n" },
        { "test.even", "0\n2\n" },
    };
    for (size_t i = 0; i < BEAM_COUNT(cases); i++) {
        fixture f;
        init_one(&f, cases[i].fn, "", "varint", "varint", "global_window");
        put_ints(&f, 0, -1, 2);
        fixture_run(&f);
        expect_output(&f, 0, cases[i].out);
        fixture_free(&f);
    }
}
END_TEST

START_TEST(timestamps_move_forward_only)
{
    fixture f;
    init_one(&f, "test.timestamp", "", "varint", "varint", "global_window");
    put_ints(&f, 0, 5, 6);
    fixture_run(&f);
    expect_output(&f, 0, "5 @5\n6 @6\n");
    fixture_put_in(&f, 0, beam_int64(3), 4, bm_global_windows.at, 1);
    ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_EINVAL);
    expect_error(&f, "element 3: timestamp 3 is before that of the input, 4");
    fixture_free(&f);
}
END_TEST

START_TEST(partitions_are_outputs_by_number)
{
    fixture f;
    init(&f);
    fixture_pcoll(&f, "in", "varint");
    fixture_pcoll(&f, "p0", "varint");
    fixture_pcoll(&f, "p1", "varint");
    fixture_source(&f, "a", "in", "varint", "global_window");
    fixture_par_do(&f, "b", "test.partition", "", "in=in", "0=p0 1=p1");
    fixture_sink(&f, "c", "p0", "varint", "global_window");
    fixture_sink(&f, "d", "p1", "varint", "global_window");
    fixture_build(&f);
    put_ints(&f, 0, 0, 4);
    fixture_run(&f);
    expect_output(&f, 0, "0\n2\n4\n");
    expect_output(&f, 1, "1\n3\n");
    fixture_put(&f, 0, beam_int64(-7));
    ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_EINVAL);
    expect_error(&f, "Transform 'Scope/b' (DoFn 'test.partition') failed on element -7: the "
                     "partition function returned -1, but there are 2 partitions");
    fixture_free(&f);
}
END_TEST

START_TEST(extra_outputs_go_their_ways)
{
    fixture f;
    init(&f);
    fixture_pcoll(&f, "in", "varint");
    fixture_pcoll(&f, "even", "varint");
    fixture_pcoll(&f, "text", "string_utf8");
    fixture_source(&f, "a", "in", "varint", "global_window");
    /* Nobody reads "odd", and the runner left it out. */
    fixture_par_do(&f, "b", "test.sort", "", "in=in", "out=even text=text");
    fixture_sink(&f, "c", "even", "varint", "global_window");
    fixture_sink(&f, "d", "text", "string_utf8", "global_window");
    fixture_build(&f);
    put_ints(&f, 0, 1, 4);
    fixture_run(&f);
    expect_output(&f, 0, "2\n4\n");
    expect_output(&f, 1, "\"odd 1\"\n\"odd 3\"\n");
    fixture_free(&f);
}
END_TEST

START_TEST(windows_are_exploded_for_who_looks)
{
    const beam_window windows[] = { { 0, 10, { NULL, 0 } }, { 5, 15, { NULL, 0 } } };
    fixture f;
    init_one(&f, "test.window", "", "varint", "string_utf8", "interval_window");
    fixture_put_in(&f, 0, beam_int64(1), 7, windows, 2);
    fixture_put_in(&f, 0, beam_int64(2), 3, windows, 1);
    fixture_run(&f);
    expect_output(&f, 0, "\"1 in 0-10 at 7\" @7 [0, 10)\n\"1 in 5-15 at 7\" @7 [5, 15)\n"
                         "\"2 in 0-10 at 3\" @3 [0, 10)\n");
    fixture_free(&f);
}
END_TEST

START_TEST(others_see_all_windows_at_once)
{
    const beam_window windows[] = { { 0, 10, { NULL, 0 } }, { 5, 15, { NULL, 0 } } };
    fixture f;
    init_one(&f, "test.calls", "", "varint", "varint", "interval_window");
    fixture_put_in(&f, 0, beam_int64(1), 7, windows, 2);
    fixture_run(&f);
    expect_output(&f, 0, "1 @7 [0, 10) [5, 15)\n");
    ck_assert_ptr_nonnull(strstr(fixture_metrics(&f), "b_fn test.calls calls 1\n"));
    fixture_free(&f);
}
END_TEST

START_TEST(an_instance_lives_as_long_as_its_plan)
{
    fixture f;
    init_one(&f, "test.life", "cfg", "varint", "string_utf8", "interval_window");
    put_ints(&f, 0, 1, 3);
    n_teardowns = 0;
    fixture_run(&f);
    expect_output(&f, 0, "\"cfg 1 1 6\" @9 [0, 10)\n");
    fixture_run(&f);
    expect_output(&f, 0, "\"cfg 1 2 6\" @9 [0, 10)\n");
    ck_assert_int_eq(n_teardowns, 0);
    fixture_free(&f);
    ck_assert_int_eq(n_teardowns, 1);
}
END_TEST

START_TEST(a_plan_that_never_ran_has_nothing_to_tear_down)
{
    fixture f;
    init_one(&f, "test.life", "cfg", "varint", "string_utf8", "interval_window");
    n_teardowns = 0;
    fixture_free(&f);
    ck_assert_int_eq(n_teardowns, 0);
}
END_TEST

START_TEST(several_sources_and_sinks)
{
    fixture f;
    init(&f);
    fixture_pcoll(&f, "x", "varint");
    fixture_pcoll(&f, "y", "varint");
    fixture_pcoll(&f, "both", "varint");
    fixture_pcoll(&f, "twice", "varint");
    fixture_source(&f, "a1", "x", "varint", "global_window");
    fixture_source(&f, "a2", "y", "varint", "global_window");
    fixture_transform(&f, "b", BEAM_URN_TRANSFORM_FLATTEN, beam_span_of(""), "0=x 1=y",
                      "out=both");
    fixture_par_do(&f, "c", "test.twice", "", "in=both", "out=twice");
    fixture_sink(&f, "y_sink", "both", "varint", "global_window");
    fixture_sink(&f, "z_sink", "twice", "varint", "global_window");
    fixture_build(&f);
    size_t n;
    const bm_port *ports = bm_plan_sources(f.plan, &n);
    ck_assert_uint_eq(n, 2);
    ck_assert_str_eq(ports[1].transform_id, "a2");
    ck_assert_str_eq(ports[1].endpoint_url, "localhost:1");
    ck_assert_str_eq(bm_plan_sinks(f.plan, &n)[0].transform_id, "y_sink");
    put_ints(&f, 0, 1, 2);
    put_ints(&f, 1, 10, 11);
    fixture_run(&f);
    expect_output(&f, 0, "1\n2\n10\n11\n");
    expect_output(&f, 1, "2\n4\n20\n22\n");
    fixture_free(&f);
}
END_TEST

START_TEST(one_collection_as_two_inputs_counts_twice)
{
    fixture f;
    init(&f);
    fixture_pcoll(&f, "x", "varint");
    fixture_pcoll(&f, "both", "varint");
    fixture_source(&f, "a", "x", "varint", "global_window");
    fixture_transform(&f, "b", BEAM_URN_TRANSFORM_FLATTEN, beam_span_of(""), "0=x 1=x",
                      "out=both");
    fixture_sink(&f, "c", "both", "varint", "global_window");
    fixture_build(&f);
    put_ints(&f, 0, 1, 2);
    fixture_run(&f);
    expect_output(&f, 0, "1\n1\n2\n2\n");
    fixture_free(&f);
}
END_TEST

START_TEST(to_string_keeps_the_nonce)
{
    fixture f;
    init(&f);
    fixture_pcoll(&f, "x", "kv<bytes,varint>");
    fixture_pcoll(&f, "y", "kv<bytes,string_utf8>");
    fixture_source(&f, "a", "x", "kv<bytes,varint>", "global_window");
    fixture_transform(&f, "b", BEAM_URN_TRANSFORM_TO_STRING, beam_span_of(""), "in=x", "out=y");
    fixture_sink(&f, "c", "y", "kv<bytes,string_utf8>", "global_window");
    fixture_build(&f);
    fixture_put(&f, 0, fixture_kv(&f, beam_bytes(beam_span_of("n")), beam_int64(12)));
    fixture_run(&f);
    expect_output(&f, 0, "KV{\"n\", \"12\"}\n");
    fixture_free(&f);
}
END_TEST

START_TEST(segments_may_end_anywhere)
{
    fixture f;
    init_one(&f, "test.pass", "", "kv<string_utf8,varint>", "kv<string_utf8,varint>",
             "interval_window");
    const beam_window windows[] = { { 0, 1000, { NULL, 0 } }, { 5, 15, { NULL, 0 } } };
    char big[3000];
    memset(big, 'x', sizeof big);
    for (int i = 0; i < 4; i++)
        fixture_put_in(&f, 0, fixture_kv(&f, text_value("key"), beam_int64(300 * i)), i,
                       windows, 2);
    fixture_put_in(&f, 0, fixture_kv(&f, beam_string((beam_span){ big, sizeof big }),
                                     beam_int64(1)), 5, windows, 1);
    fixture_run(&f);
    beam_span whole = bm_span_copy(&f.arena, bm_written(&f.io.out[0]));
    ck_assert_uint_gt(whole.len, sizeof big);
    for (size_t segment = 1; segment < whole.len; segment += segment < 150 ? 1 : 97) {
        ck_assert_msg(fixture_run_in(&f, segment) == BEAM_OK, "%zu: %s", segment,
                      f.err.message);
        ck_assert(beam_span_equal(bm_written(&f.io.out[0]), whole));
    }
    fixture_free(&f);
}
END_TEST

/* Texts in the middle and at the end of segments. */
START_TEST(parts_of_the_input_go_on_from_any_segment)
{
    static const char *const texts[] = { "a text that is longer than a part", "short", "" };
    fixture f;
    init_one(&f, "test.cut", "", "string_utf8", "kv<string_utf8,string_utf8>",
             "global_window");
    bm_writer want = { 0 };
    for (size_t i = 0; i < BEAM_COUNT(texts); i++) {
        fixture_put(&f, 0, text_value(texts[i]));
        for (int n = 0; n <= (int)strlen(texts[i]); n++) {
            const char *line =
                bm_format(&f.arena, "KV{\"%.*s\", \"%s\"}\n", n, texts[i], texts[i] + n);
            bm_write_bytes(&want, line, strlen(line));
        }
    }
    bm_write_u8(&want, 0);
    for (size_t segment = 1; segment < 120; segment++) {
        ck_assert_int_eq(fixture_run_in(&f, segment), BEAM_OK);
        expect_output(&f, 0, (const char *)want.data);
    }
    bm_writer_free(&want);
    fixture_free(&f);
}
END_TEST

START_TEST(an_element_of_many_segments_is_linear_work)
{
    fixture f;
    init_one(&f, "test.pass", "", "iterable<varint>", "iterable<varint>", "global_window");
    enum { N = 2000000 };
    beam_value *values = BM_NEW_ARRAY(&f.arena, beam_value, N);
    for (int i = 0; i < N; i++) values[i] = beam_int64(i % 100);
    beam_value list = { BEAM_KIND_ITERABLE, { false } };
    list.as.iter = bm_iter_of_values(&f.arena, values, N);
    fixture_put(&f, 0, list);
    /* Decoded anew for each segment, this would take a thousand times as long. */
    ck_assert_int_eq(fixture_run_in(&f, 1000), BEAM_OK);
    ck_assert_uint_eq(f.io.out[0].len, f.in[0].len);
    fixture_free(&f);
}
END_TEST

/* By each of the ways to a sink the bytes are those that came. */
static void expect_texts(const char *fn, bool pairs)
{
    static const char text[300] = "a text";
    const char *coder = pairs ? "kv<string_utf8,string_utf8>" : "string_utf8";
    fixture f;
    init_one(&f, fn, "", coder, coder, "global_window");
    for (size_t n = 0; n < sizeof text; n++)
        for (size_t m = 0; m < (pairs ? sizeof text : 1); m += 1 + m / 2) {
            beam_value first = beam_string((beam_span){ text, n }),
                       second = beam_string((beam_span){ text, m });
            fixture_put(&f, 0, pairs ? fixture_kv(&f, first, second) : first);
        }
    fixture_run(&f);
    ck_assert_uint_eq(f.io.out[0].len, f.in[0].len);
    ck_assert_mem_eq(f.io.out[0].data, f.in[0].data, f.in[0].len);
    fixture_free(&f);
}

START_TEST(texts_of_any_length)
{
    expect_texts("test.pass", false);
    expect_texts("test.pass", true);
    expect_texts("test.pair", true);
}
END_TEST

START_TEST(nothing_goes_on_after_a_failure)
{
    fixture f;
    init_one(&f, "test.fail", "", "varint", "varint", "global_window");
    put_ints(&f, 0, 1, 1000);
    ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_EIO);
    expect_error(&f, "no more");
    fixture_free(&f);
}
END_TEST

START_TEST(long_output_is_handed_over_in_parts)
{
    fixture f;
    init_one(&f, "test.pass", "", "bytes", "bytes", "global_window");
    char big[100000] = { 0 };
    for (int i = 0; i < 35; i++)
        fixture_put(&f, 0, beam_bytes((beam_span){ big, sizeof big }));
    fixture_run(&f);
    ck_assert_int_eq(f.io.writes, 6); /* six elements are more than 512 KiB */
    ck_assert_uint_eq(f.io.out[0].len, f.in[0].len);
    fixture_free(&f);
}
END_TEST

/* Each of two bundles, of 80 MB, fits into what a Java runner takes unread. */
START_TEST(much_output_is_handed_over_in_few_parts)
{
    fixture f;
    init_one(&f, "test.pass", "", "bytes", "bytes", "global_window");
    char big[100000] = { 0 };
    for (int i = 0; i < 800; i++)
        fixture_put(&f, 0, beam_bytes((beam_span){ big, sizeof big }));
    for (int bundle = 0; bundle < 2; bundle++) {
        f.io.writes = 0;
        f.io.out[0].len = 0;
        fixture_run(&f);
        ck_assert_int_gt(f.io.writes, 48);
        ck_assert_int_lt(f.io.writes, 90);
        ck_assert_uint_eq(f.io.out[0].len, f.in[0].len);
    }
    fixture_free(&f);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        identity_passes_elements_on,
        an_empty_bundle_ends_its_output,
        every_kind_of_function_runs,
        timestamps_move_forward_only,
        partitions_are_outputs_by_number,
        extra_outputs_go_their_ways,
        windows_are_exploded_for_who_looks,
        others_see_all_windows_at_once,
        an_instance_lives_as_long_as_its_plan,
        a_plan_that_never_ran_has_nothing_to_tear_down,
        several_sources_and_sinks,
        one_collection_as_two_inputs_counts_twice,
        to_string_keeps_the_nonce,
        segments_may_end_anywhere,
        parts_of_the_input_go_on_from_any_segment,
        an_element_of_many_segments_is_linear_work,
        texts_of_any_length,
        nothing_goes_on_after_a_failure,
        long_output_is_handed_over_in_parts,
        much_output_is_handed_over_in_few_parts,
    };
    return run_tests("exec/par_do", tests, BEAM_COUNT(tests));
}
