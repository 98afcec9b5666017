/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in CombineFns: however the inputs are split, merged and sent over the wire, the
 * result is the same. */
#include <math.h>

#include "fake_ctx.h"

static beam_ctx ctx;

static void set_up(void)
{
    fake_init(&ctx);
}

static void tear_down(void)
{
    fake_free(&ctx);
}

static void create(const beam_combine *fn, void *acc)
{
    memset(acc, 0, fn->acc_size);
    if (fn->create) fn->create(&ctx, acc);
}

/* Through the accumulator's coder and back. */
static void over_the_wire(const beam_combine *fn, void *acc)
{
    if (!fn->save) return; /* the accumulator is a number */
    const beam_type *type = fn == &bm_top_combine ? BEAM_ITERABLE(BEAM_INT64) : fn->acc;
    const bm_coder *coder = bm_coder_of_type(&ctx.kept, type);
    bm_writer w = { 0 };
    ck_assert_int_eq(bm_encode(coder, true, fn->save(&ctx, acc), &w), BEAM_OK);
    bm_reader in = bm_reader_of(bm_span_copy(&ctx.kept, bm_written(&w)));
    beam_value saved;
    ck_assert_int_eq(bm_decode(coder, true, &in, &ctx.kept, &saved), BEAM_OK);
    create(fn, acc);
    fn->load(&ctx, acc, saved);
    bm_writer_free(&w);
}

/* The inputs in `parts` accumulators, merged into one that was empty. */
static const char *result(const beam_combine *fn, const beam_value *in, size_t n,
                          size_t parts)
{
    _Alignas(16) char total[64], acc[64];
    create(fn, total);
    for (size_t part = 0; part < parts; part++) {
        create(fn, acc);
        for (size_t i = part; i < n; i += parts) fn->add(&ctx, acc, in[i]);
        over_the_wire(fn, acc);
        fn->merge(&ctx, total, acc);
        over_the_wire(fn, total);
    }
    return value_text(&ctx.kept, fn->extract(&ctx, total));
}

static void gives(const beam_combine *fn, const beam_value *in, size_t n,
                  const char *text)
{
    for (size_t parts = 1; parts <= 4; parts++)
        ck_assert_str_eq(result(fn, in, n, parts), text);
}

START_TEST(int64)
{
    beam_value in[] = { beam_int64(3), beam_int64(-7), beam_int64(10), beam_int64(4) };
    gives(&beam_sum_int64, in, 4, "10");
    gives(&beam_min_int64, in, 4, "-7");
    gives(&beam_max_int64, in, 4, "10");
    gives(&beam_mean_int64, in, 4, "2.5");
    gives(&beam_count, in, 4, "4");
}
END_TEST

START_TEST(doubles)
{
    beam_value in[] = { beam_double(0.5), beam_double(-2), beam_double(4) };
    gives(&beam_sum_double, in, 3, "2.5");
    gives(&beam_min_double, in, 3, "-2");
    gives(&beam_max_double, in, 3, "4");
    gives(&beam_mean_double, in, 2, "-0.75");
}
END_TEST

START_TEST(nothing)
{
    gives(&beam_sum_int64, NULL, 0, "0");
    gives(&beam_sum_double, NULL, 0, "0");
    gives(&beam_min_int64, NULL, 0, "9223372036854775807");
    gives(&beam_max_int64, NULL, 0, "-9223372036854775808");
    gives(&beam_min_double, NULL, 0, "inf");
    gives(&beam_max_double, NULL, 0, "-inf");
    gives(&beam_count, NULL, 0, "0");
    _Alignas(16) char acc[64];
    create(&beam_mean_int64, acc);
    ck_assert(isnan(beam_as_double(beam_mean_int64.extract(&ctx, acc))));
    create(&beam_mean_double, acc);
    ck_assert(isnan(beam_as_double(beam_mean_double.extract(&ctx, acc))));
}
END_TEST

START_TEST(sums_wrap)
{
    beam_value in[] = { beam_int64(INT64_MAX), beam_int64(1) };
    gives(&beam_sum_int64, in, 2, "-9223372036854775808");
    gives(&beam_mean_int64, in, 2, "4.6116860184273879e+18"); /* means do not */
}
END_TEST

/* Rounded once: what is in between does not count. */
START_TEST(mean_of_int64_is_exact)
{
    const int64_t beyond = (INT64_C(1) << 53) + 1;
    const beam_value max[] = { beam_int64(INT64_MAX), beam_int64(INT64_MAX) },
                     min[] = { beam_int64(INT64_MIN), beam_int64(INT64_MIN) },
                     both[] = { beam_int64(INT64_MIN), beam_int64(INT64_MAX) },
                     odd[] = { beam_int64(beyond), beam_int64(beyond + 2) },
                     negative[] = { beam_int64(-1), beam_int64(-2) },
                     cancel[] = { beam_int64(INT64_MAX), beam_int64(3),
                                  beam_int64(-INT64_MAX) },
                     thirds[] = { beam_int64(1), beam_int64(0), beam_int64(0) };
    gives(&beam_mean_int64, max, 2, "9.2233720368547758e+18");
    gives(&beam_mean_int64, min, 2, "-9.2233720368547758e+18");
    gives(&beam_mean_int64, both, 2, "-0.5");
    gives(&beam_mean_int64, odd, 2, "9007199254740994");
    gives(&beam_mean_int64, negative, 2, "-1.5");
    gives(&beam_mean_int64, cancel, 3, "1");
    gives(&beam_mean_int64, thirds, 3, "0.33333333333333331");
}
END_TEST

/* (2^53 + 1 + 2^53 + 2) / 2 = 2^53 + 1.5, between doubles that are 2 apart. */
START_TEST(mean_of_int64_is_rounded_to_the_nearest)
{
    const int64_t base = INT64_C(1) << 53;
    const beam_value up[] = { beam_int64(base + 1), beam_int64(base + 2) },
                     even[] = { beam_int64(base + 1), beam_int64(base + 1) },
                     down[] = { beam_int64(base), beam_int64(base + 1),
                                beam_int64(base + 1) };
    gives(&beam_mean_int64, up, 2, "9007199254740994");
    gives(&beam_mean_int64, even, 2, "9007199254740992");
    gives(&beam_mean_int64, down, 3, "9007199254740992");
}
END_TEST

START_TEST(nan_wins)
{
    beam_value in[] = { beam_double(1), beam_double((double)NAN), beam_double(-3) };
    const beam_combine *const fns[] = { &beam_min_double, &beam_max_double };
    for (size_t i = 0; i < BEAM_COUNT(fns); i++)
        for (size_t parts = 1; parts <= 3; parts++)
            ck_assert_ptr_nonnull(strstr(result(fns[i], in, 3, parts), "nan"));
}
END_TEST

START_TEST(count_takes_any)
{
    beam_value in[] = { beam_null(), beam_string(beam_span_of("x")) };
    gives(&beam_count, in, 2, "2");
}
END_TEST

/* -- top ------------------------------------------------------------------------------ */
#define LARGEST(n) ((beam_span){ n "\x00", 2 })
#define SMALLEST(n) ((beam_span){ n "\x01", 2 })

START_TEST(top)
{
    beam_value in[] = { beam_int64(5), beam_int64(1),  beam_int64(9),
                        beam_int64(5), beam_int64(-2), beam_int64(7) };
    ctx.config = LARGEST("\x03");
    gives(&bm_top_combine, in, 6, "[9, 7, 5]");
    ctx.config = SMALLEST("\x04");
    gives(&bm_top_combine, in, 6, "[-2, 1, 5, 5]");
    ctx.config = LARGEST("\x64");
    gives(&bm_top_combine, in, 6, "[9, 7, 5, 5, 1, -2]");
    ctx.config = LARGEST("\x01");
    gives(&bm_top_combine, in, 6, "[9]");
    gives(&bm_top_combine, NULL, 0, "[]");
}
END_TEST

START_TEST(top_of_many)
{
    enum { N = 5000, BEST = 100 };
    beam_value in[N];
    uint32_t random = 1;
    int seen[1 << 16] = { 0 };
    for (int i = 0; i < N; i++) {
        random = random * 1664525u + 1013904223u;
        in[i] = beam_int64(random >> 16);
        seen[random >> 16]++;
    }
    ctx.config = LARGEST("\x64");
    _Alignas(16) char acc[64];
    create(&bm_top_combine, acc);
    for (int i = 0; i < N; i++) bm_top_combine.add(&ctx, acc, in[i]);
    beam_iter *it = beam_as_iter(bm_top_combine.extract(&ctx, acc));
    int at = (1 << 16) - 1, n = 0;
    for (beam_value v; beam_next(it, &v); n++) {
        while (!seen[at]) at--;
        ck_assert_int_eq(beam_as_int64(v), at);
        seen[at]--;
    }
    ck_assert_int_eq(n, BEST);
}
END_TEST

START_TEST(top_keeps_its_own_copies)
{
    char text[] = "b";
    ctx.config = LARGEST("\x02");
    _Alignas(16) char acc[64];
    create(&bm_top_combine, acc);
    bm_top_combine.add(&ctx, acc, beam_string(beam_span_of(text)));
    text[0] = 'a';
    bm_top_combine.add(&ctx, acc, beam_string(beam_span_of(text)));
    ck_assert_str_eq(value_text(&ctx.kept, bm_top_combine.extract(&ctx, acc)),
                     "[\"b\", \"a\"]");
}
END_TEST

START_TEST(top_without_config)
{
    _Alignas(16) char acc[64];
    create(&bm_top_combine, acc);
    ck_assert_int_eq(ctx.status, BEAM_ECODER);
    ck_assert_str_eq(ctx.message, "the configuration of the top values is damaged");
    bm_top_combine.add(&ctx, acc, beam_int64(1)); /* no crash */
    ck_assert_str_eq(value_text(&ctx.kept, bm_top_combine.extract(&ctx, acc)), "[]");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("combines");
    TCase *cases = tcase_create("combines");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, int64);
    tcase_add_test(cases, doubles);
    tcase_add_test(cases, nothing);
    tcase_add_test(cases, sums_wrap);
    tcase_add_test(cases, mean_of_int64_is_exact);
    tcase_add_test(cases, mean_of_int64_is_rounded_to_the_nearest);
    tcase_add_test(cases, nan_wins);
    tcase_add_test(cases, count_takes_any);
    tcase_add_test(cases, top);
    tcase_add_test(cases, top_of_many);
    tcase_add_test(cases, top_keeps_its_own_copies);
    tcase_add_test(cases, top_without_config);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
