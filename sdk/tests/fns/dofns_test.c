/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in DoFns: KVs, Create, Reshuffle, CoGroupByKey, the choice of a default. */
#include "beam/pipeline.h"
#include "fake_ctx.h"
#include "fns/create.h"

static beam_ctx ctx;

static void set_up(void)
{
    fake_init(&ctx);
}

static void tear_down(void)
{
    fake_free(&ctx);
}

static beam_value text(const char *s)
{
    return beam_string(beam_span_of(s));
}

static beam_value kv(beam_value key, beam_value value)
{
    beam_value *pair = bm_alloc(&ctx.kept, 2 * sizeof *pair);
    pair[0] = key;
    pair[1] = value;
    return beam_kv(pair);
}

static void emits(const beam_dofn *fn, beam_value in, const char *lines)
{
    ck_assert_int_eq(fake_process(&ctx, fn, in), BEAM_OK);
    expect_emitted(&ctx, lines);
}

START_TEST(kvs)
{
    beam_value in = kv(text("k"), beam_int64(2));
    emits(&bm_keys_fn, in, "\"k\" @5 [0, 10)\n");
    emits(&bm_values_fn, in, "2 @5 [0, 10)\n");
    emits(&bm_swap_fn, in, "KV{2, \"k\"} @5 [0, 10)\n");
    emits(&bm_pair_with_one_fn, text("x"), "KV{\"x\", 1} @5 [0, 10)\n");
    emits(&bm_pair_with_void_fn, text("x"), "KV{\"\", \"x\"} @5 [0, 10)\n");
}
END_TEST

/* -- create --------------------------------------------------------------------------- */
static void write_rest(const void *object, beam_writer *out)
{
    beam_write_raw(out, object, 3);
}

/* Takes all bytes there are, so that it works with a length only. */
static beam_status read_rest(void *object, beam_reader *in)
{
    const char *bytes;
    size_t n = bm_left(in);
    BEAM_TRY(beam_read_raw(in, n, &bytes));
    if (n != 3) return BEAM_ECODER;
    memcpy(object, bytes, 3);
    return BEAM_OK;
}

static const beam_struct_coder triple = { "test.triple", 3, write_rest, read_rest };

static void set_created(const beam_type *type, const beam_value *values, size_t n)
{
    bm_writer w = { 0 };
    size_t failed;
    ck_assert_int_eq(bm_create_encode(&ctx.kept, type, values, n, &w, &failed), BEAM_OK);
    ctx.config = bm_span_copy(&ctx.kept, bm_written(&w));
    ctx.output_coder = bm_coder_of_type(&ctx.kept, type);
    bm_writer_free(&w);
}

START_TEST(create)
{
    beam_value values[] = { kv(text("a"), beam_int64(1)), kv(text(""), beam_int64(-1)) };
    set_created(BEAM_KV(BEAM_STRING, BEAM_INT64), values, 2);
    emits(&bm_create_fn, beam_bytes(beam_span_of("")),
          "KV{\"a\", 1} @5 [0, 10)\nKV{\"\", -1} @5 [0, 10)\n");
    set_created(BEAM_BYTES, NULL, 0);
    emits(&bm_create_fn, beam_null(), "");
}
END_TEST

static char structs_seen[16];

static void see_struct(beam_ctx *c, beam_value v)
{
    (void)c;
    strncat(structs_seen, beam_as_struct(beam_key(v)), 3);
}

/* The runner puts length prefixes where it likes; the config does not depend on them. */
START_TEST(create_with_prefixes)
{
    beam_value values[] = { kv(beam_struct("abc"), beam_int64(1)),
                            kv(beam_struct("xyz"), beam_int64(2)) };
    set_created(BEAM_KV(BEAM_STRUCT(&triple), BEAM_INT64), values, 2);
    const bm_coder *plain = bm_coder_settled(&ctx.kept, ctx.output_coder)->arg[0]->arg[0];
    ck_assert_int_eq(plain->kind, BM_CODER_STRUCT);
    const bm_coder *number = ctx.output_coder->arg[1];
    const bm_coder *prefixed = bm_coder_new(&ctx.kept, BM_CODER_LENGTH_PREFIX, number,
                                            NULL);
    const bm_coder *coders[] = {
        ctx.output_coder,
        bm_coder_new(&ctx.kept, BM_CODER_KV, plain, number),
        bm_coder_new(&ctx.kept, BM_CODER_LENGTH_PREFIX,
                     bm_coder_new(&ctx.kept, BM_CODER_KV, plain, prefixed), NULL),
    };
    ctx.on_emit = see_struct;
    for (size_t i = 0; i < BEAM_COUNT(coders); i++) {
        structs_seen[0] = '\0';
        ctx.output_coder = coders[i];
        ck_assert_int_eq(fake_process(&ctx, &bm_create_fn, beam_null()), BEAM_OK);
        ck_assert_str_eq(structs_seen, "abcxyz");
    }
}
END_TEST

START_TEST(create_of_another_type)
{
    beam_value values[] = { beam_int64(1), beam_double(2) };
    bm_writer w = { 0 };
    size_t failed;
    ck_assert_int_eq(bm_create_encode(&ctx.kept, BEAM_INT64, values, 2, &w, &failed),
                     BEAM_ETYPE);
    ck_assert_uint_eq(failed, 1);
    bm_writer_free(&w);
}
END_TEST

START_TEST(create_damaged)
{
    beam_value values[] = { text("abc") };
    set_created(BEAM_STRING, values, 1);
    while (ctx.config.len) {
        ctx.config.len--;
        ctx.status = BEAM_OK;
        ck_assert_int_eq(fake_process(&ctx, &bm_create_fn, beam_null()), BEAM_ECODER);
        ck_assert_int_eq(ctx.status, BEAM_ECODER);
    }
    ck_assert_str_eq(ctx.message, "the elements of the Create are missing");
}
END_TEST

/* -- reshuffle ------------------------------------------------------------------------ */
/* Sends one element through both halves. */
static void reshuffle(const beam_dofn *before, const beam_dofn *after, beam_value in,
                      const char *line)
{
    ck_assert_int_eq(fake_process(&ctx, before, in), BEAM_OK);
    ctx.emitted.len = 0;
    beam_value reified = beam_val(ctx.last);
    beam_value group = kv(beam_key(ctx.last), iterable_of(&ctx.kept, &reified, 1));
    beam_window window = ctx.window;
    ctx.window = (beam_window){ BEAM_MIN_TIMESTAMP,
                                BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP + 1,
                                { NULL, 0 } };
    ctx.timestamp += 1000;
    emits(after, group, line);
    ctx.window = window;
    ctx.timestamp -= 1000;
}

START_TEST(reshuffle_keeps_time_and_window)
{
    beam_value in = kv(text("k"), text("v"));
    reshuffle(&bm_reshuffle_by_key_fn, &bm_reshuffle_from_key_fn, in,
              "KV{\"k\", \"v\"} @5 [0, 10)\n");
    ctx.window = (beam_window){ -20, -10, { "custom", 6 } };
    ctx.timestamp = -15;
    reshuffle(&bm_reshuffle_by_key_fn, &bm_reshuffle_from_key_fn, in,
              "KV{\"k\", \"v\"} @-15 [-20, -10)custom\n");
    ctx.window = (beam_window){ BEAM_MIN_TIMESTAMP,
                                BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP + 1,
                                { NULL, 0 } };
    ctx.timestamp = BEAM_MIN_TIMESTAMP;
    reshuffle(
        &bm_reshuffle_by_key_fn, &bm_reshuffle_from_key_fn, in,
        "KV{\"k\", \"v\"} @-9223372036854775 [-9223372036854775, 9223371950454776)\n");
}
END_TEST

START_TEST(reshuffle_spreads)
{
    uint64_t self = 0;
    ctx.self = &self;
    ck_assert_uint_eq(bm_reshuffle_spread_fn.self_size, sizeof self);
    ck_assert_int_eq(bm_reshuffle_spread_fn.setup(&ctx), BEAM_OK);
    reshuffle(&bm_reshuffle_spread_fn, &bm_reshuffle_unspread_fn, text("v"),
              "\"v\" @5 [0, 10)\n");
    int64_t first = beam_as_int64(beam_key(ctx.last));
    int other = 0;
    for (int i = 0; i < 100; i++) {
        fake_process(&ctx, &bm_reshuffle_spread_fn, text("v"));
        int64_t key = beam_as_int64(beam_key(ctx.last));
        ck_assert(key >= 0 && key < 1 << 14);
        other += key != first;
    }
    ck_assert_int_gt(other, 90);
}
END_TEST

START_TEST(reshuffle_damaged)
{
    ctx.window.custom = (beam_span){ NULL, 0 };
    fake_process(&ctx, &bm_reshuffle_by_key_fn, kv(text("k"), text("v")));
    beam_span whole = beam_as_span(beam_key(beam_val(ctx.last)));
    ck_assert_uint_eq(whole.len, 25);
    for (size_t n = 0; n <= whole.len + 1; n++) {
        if (n == whole.len) continue;
        char *bytes = calloc(n + 1, 1);
        memcpy(bytes, whole.ptr, n < whole.len ? n : whole.len);
        beam_value reified = kv(beam_bytes((beam_span){ bytes, n }), text("v"));
        ctx.status = BEAM_OK;
        beam_value group = kv(text("k"), iterable_of(&ctx.kept, &reified, 1));
        ck_assert_int_eq(fake_process(&ctx, &bm_reshuffle_from_key_fn, group),
                         BEAM_ECODER);
        ck_assert_str_eq(ctx.message, "an element came out of the shuffle damaged");
        free(bytes);
    }
}
END_TEST

/* -- CoGroupByKey --------------------------------------------------------------------- */
#define CO_VALUES                                                  \
    BEAM_KV(BEAM_INT64, BEAM_KV(BEAM_NULLABLE(BEAM_STRING),        \
                                BEAM_KV(BEAM_NULLABLE(BEAM_INT64), \
                                        BEAM_NULLABLE(BEAM_NULLABLE(BEAM_STRING)))))

static beam_value tagged(char input, beam_value value)
{
    char config[] = { input, 3 };
    ctx.config = (beam_span){ config, 2 };
    ck_assert_int_eq(fake_process(&ctx, &bm_co_tag_fn, kv(text("k"), value)), BEAM_OK);
    ctx.emitted.len = 0;
    return beam_val(ctx.last);
}

/* The group as the engine gives it: decoded while it is iterated. */
static beam_value group_of(const beam_value *values, size_t n)
{
    const beam_type *type = BEAM_KV(BEAM_STRING, BEAM_ITERABLE(CO_VALUES));
    ctx.config = (beam_span){ "\x00\x03", 2 };
    ctx.input_coder = bm_coder_of_type(&ctx.kept, type);
    bm_writer w = { 0 };
    beam_value group = kv(text("k"), iterable_of(&ctx.kept, values, n));
    ck_assert_int_eq(bm_encode(ctx.input_coder, true, group, &w), BEAM_OK);
    bm_reader in = bm_reader_of(bm_span_copy(&ctx.kept, bm_written(&w)));
    ck_assert_int_eq(bm_decode(ctx.input_coder, true, &in, &ctx.kept, &group), BEAM_OK);
    bm_writer_free(&w);
    return group;
}

START_TEST(co_group)
{
    beam_value a = tagged(0, text("a"));
    ck_assert_str_eq(value_text(&ctx.kept, a), "KV{0, KV{\"a\", KV{null, null}}}");
    beam_value values[] = { a, tagged(2, beam_null()), tagged(1, beam_int64(7)),
                            tagged(0, text("b")), tagged(2, text("z")) };
    emits(&bm_co_untag_fn, group_of(values, 5),
          "KV{\"k\", KV{[\"a\", \"b\"], KV{[7], [null, \"z\"]}}} @5 [0, 10)\n");
    emits(&bm_co_untag_fn, group_of(values, 1),
          "KV{\"k\", KV{[\"a\"], KV{[], []}}} @5 [0, 10)\n");
}
END_TEST

enum { MANY = 3000 };

/* Nested loops over two inputs, each more than once, in no order: what a join does. */
static void join(beam_ctx *c, beam_value v)
{
    (void)c;
    ck_assert_ptr_null(beam_co_values(v, -1));
    ck_assert_ptr_null(beam_co_values(v, 3));
    int pairs = 0, strings = 0;
    beam_iter *sevens = beam_co_values(v, 2);
    for (beam_value seven; beam_next(sevens, &seven);) {
        ck_assert_str_eq(bm_cstr(&ctx.kept, beam_as_span(seven)), "seven");
        int64_t expected = 0;
        beam_iter *numbers = beam_co_values(v, 1);
        for (beam_value number; beam_next(numbers, &number); pairs++)
            ck_assert_int_eq(beam_as_int64(number), expected++);
        ck_assert_str_eq(bm_cstr(&ctx.kept, beam_as_span(seven)),
                         "seven"); /* still there */
    }
    ck_assert_int_eq(pairs, 2 * (MANY - 3));
    beam_iter *words = beam_co_values(v, 0);
    for (beam_value word; beam_next(words, &word);) strings++;
    ck_assert_int_eq(strings, 1);
    bm_write_u8(&ctx.emitted, '!');
}

START_TEST(co_group_large)
{
    beam_value *values = calloc(MANY, sizeof *values);
    size_t n = 0;
    values[n++] = tagged(2, text("seven"));
    for (int i = 0; i < MANY - 3; i++) {
        values[n++] = tagged(1, beam_int64(i));
        if (i == 2000) values[n++] = tagged(2, text("seven"));
    }
    values[n++] = tagged(0, text("last"));
    beam_value group = group_of(values, n);
    free(values);
    ctx.on_emit = join;
    ck_assert_int_eq(fake_process(&ctx, &bm_co_untag_fn, group), BEAM_OK);
    expect_emitted(&ctx, "!");
}
END_TEST

START_TEST(co_group_damaged)
{
    beam_value values[] = { tagged(0, text("a")) };
    beam_value group = group_of(values, 1);
    static const beam_span configs[] = {
        { "", 0 }, { "\x00", 1 }, { "\x00\x01", 2 }, { "\x00\x09", 2 }, { "\x03\x03", 2 }
    };
    for (size_t i = 0; i < BEAM_COUNT(configs); i++) {
        ctx.config = configs[i];
        ctx.status = BEAM_OK;
        ck_assert_int_eq(fake_process(&ctx, &bm_co_untag_fn, group), BEAM_ECODER);
        ck_assert_str_eq(ctx.message, "the configuration of the CoGroupByKey is damaged");
    }
    ctx.config = (beam_span){ "\x00\x03", 2 };
    ctx.status = BEAM_OK;
    ctx.input_coder = bm_coder_of_type(&ctx.kept, BEAM_STRING);
    ck_assert_int_eq(fake_process(&ctx, &bm_co_untag_fn, group), BEAM_ECODER);

    beam_value wrong = kv(beam_int64(9), beam_val(values[0]));
    beam_value wrong_group = group_of(&wrong, 1);
    ctx.status = BEAM_OK;
    ck_assert_int_eq(fake_process(&ctx, &bm_co_untag_fn, wrong_group), BEAM_ECODER);
    ck_assert_str_eq(ctx.message, "a value came out of the shuffle damaged");
}
END_TEST

/* -- the choice of a default ---------------------------------------------------------- */
START_TEST(choose)
{
    emits(&bm_empty_group_fn, beam_null(), "KV{\"\", []} @5 [0, 10)\n");
    beam_value keyed = kv(beam_bytes(beam_span_of("")), beam_int64(3));
    emits(&bm_mark_fn, keyed, "KV{\"\", KV{false, 3}} @5 [0, 10)\n");
    ctx.config = beam_span_of("1");
    emits(&bm_mark_fn, keyed, "KV{\"\", KV{true, 3}} @5 [0, 10)\n");

    beam_value a_default = kv(beam_bool(true), beam_int64(0));
    beam_value result = kv(beam_bool(false), beam_int64(3));
    beam_value both[] = { a_default, result };
    emits(&bm_choose_fn, kv(text(""), iterable_of(&ctx.kept, both, 2)), "3 @5 [0, 10)\n");
    emits(&bm_choose_fn, kv(text(""), iterable_of(&ctx.kept, &result, 1)),
          "3 @5 [0, 10)\n");
    emits(&bm_choose_fn, kv(text(""), iterable_of(&ctx.kept, both, 1)), "0 @5 [0, 10)\n");
    emits(&bm_choose_fn, kv(text(""), iterable_of(&ctx.kept, NULL, 0)), "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dofns");
    TCase *cases = tcase_create("dofns");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, kvs);
    tcase_add_test(cases, create);
    tcase_add_test(cases, create_with_prefixes);
    tcase_add_test(cases, create_of_another_type);
    tcase_add_test(cases, create_damaged);
    tcase_add_test(cases, reshuffle_keeps_time_and_window);
    tcase_add_test(cases, reshuffle_spreads);
    tcase_add_test(cases, reshuffle_damaged);
    tcase_add_test(cases, co_group);
    tcase_add_test(cases, co_group_large);
    tcase_add_test(cases, co_group_damaged);
    tcase_add_test(cases, choose);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
