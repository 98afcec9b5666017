/* SPDX-License-Identifier: Apache-2.0 */
/* Samples are even and without repeats; quantiles keep within their error, however the
 * inputs are split, merged and sent over the wire. */
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

static void *new_acc(const beam_combine *fn)
{
    void *acc = bm_calloc(&ctx.kept, fn->acc_size);
    fn->create(&ctx, acc);
    return acc;
}

static void over_the_wire(const beam_combine *fn, void *acc)
{
    const beam_type *type = BEAM_ITERABLE(BEAM_KV(BEAM_INT64, BEAM_INT64));
    const bm_coder *coder = bm_coder_of_type(&ctx.kept, type);
    bm_writer w = { 0 };
    ck_assert_int_eq(bm_encode(coder, true, fn->save(&ctx, acc), &w), BEAM_OK);
    bm_reader in = bm_reader_of(bm_span_copy(&ctx.kept, bm_written(&w)));
    beam_value saved;
    ck_assert_int_eq(bm_decode(coder, true, &in, &ctx.kept, &saved), BEAM_OK);
    fn->load(&ctx, acc, saved);
    bm_writer_free(&w);
}

/* The values 0 ... n - 1 as `order` has them, in `parts` accumulators, merged. */
static beam_iter *combined(const beam_combine *fn, int config, int64_t n, int64_t parts,
                           int64_t (*order)(int64_t i, int64_t n))
{
    bm_writer w = { 0 };
    bm_write_varint(&w, (uint64_t)config);
    ctx.config = bm_span_copy(&ctx.kept, bm_written(&w));
    bm_writer_free(&w);
    void *total = new_acc(fn);
    for (int64_t part = 0; part < parts; part++) {
        void *acc = new_acc(fn);
        for (int64_t i = part; i < n; i += parts) fn->add(&ctx, acc, beam_int64(order(i, n)));
        over_the_wire(fn, acc);
        fn->merge(&ctx, total, acc);
        over_the_wire(fn, total);
    }
    beam_iter *it = beam_as_iter(fn->extract(&ctx, total));
    ck_assert_int_eq(ctx.status, BEAM_OK);
    return it;
}

static int64_t upward(int64_t i, int64_t n)
{
    (void)n;
    return i;
}

static int64_t downward(int64_t i, int64_t n)
{
    return n - 1 - i;
}

static int64_t mixed(int64_t i, int64_t n)
{
    return i * 7919 % n; /* n is no multiple of this prime */
}

/* -- samples --------------------------------------------------------------------------- */
START_TEST(samples_hold_no_value_twice)
{
    for (int64_t parts = 1; parts < 4; parts++) {
        bool seen[100] = { false };
        int n = 0;
        beam_iter *it = combined(&bm_sample_combine, 10, 100, parts, upward);
        for (beam_value v; beam_next(it, &v); n++) {
            ck_assert(!seen[beam_as_int64(v)]);
            seen[beam_as_int64(v)] = true;
        }
        ck_assert_int_eq(n, 10);
    }
}
END_TEST

START_TEST(fewer_values_than_wanted)
{
    int n = 0;
    beam_iter *it = combined(&bm_sample_combine, 10, 3, 2, upward);
    for (beam_value v; beam_next(it, &v);) n++;
    ck_assert_int_eq(n, 3);
    it = combined(&bm_sample_combine, 10, 0, 1, upward);
    beam_value v;
    ck_assert(!beam_next(it, &v));
}
END_TEST

/* Each of 20 values is to come in half of 400 samples of 10; 140 is six deviations off. */
START_TEST(samples_are_even)
{
    int count[20] = { 0 };
    for (int round = 0; round < 400; round++) {
        beam_iter *it = combined(&bm_sample_combine, 10, 20, 2, upward);
        for (beam_value v; beam_next(it, &v);) count[beam_as_int64(v)]++;
    }
    for (int i = 0; i < 20; i++) ck_assert_msg(count[i] > 140 && count[i] < 260, "%d", count[i]);
}
END_TEST

/* -- quantiles -------------------------------------------------------------------------- */
static void expect_quantiles(int wanted, int64_t n, int64_t parts,
                             int64_t (*order)(int64_t i, int64_t n))
{
    beam_iter *it = combined(&bm_quantiles_combine, wanted, n, parts, order);
    int64_t i = 0;
    double error = (double)n / wanted;
    for (beam_value v; beam_next(it, &v); i++) {
        double exact = (double)(n - 1) * (double)i / (wanted - 1);
        double got = (double)beam_as_int64(v);
        ck_assert_msg(fabs(got - exact) <= error + 1, "quantile %lld of %lld is %g, not %g",
                      (long long)i, (long long)n, got, exact);
        if (i == 0) ck_assert_double_eq(got, 0);
        if (i == wanted - 1) ck_assert_double_eq(got, (double)(n - 1));
    }
    ck_assert_int_eq(i, wanted);
}

START_TEST(quantiles_keep_within_their_error)
{
    int64_t (*const orders[])(int64_t, int64_t) = { upward, downward, mixed };
    for (size_t o = 0; o < BEAM_COUNT(orders); o++) {
        expect_quantiles(2, 1000, 1, orders[o]);
        expect_quantiles(5, 5, 2, orders[o]);
        expect_quantiles(5, 100000, 1, orders[o]);
        expect_quantiles(11, 20000, 7, orders[o]);
    }
    expect_quantiles(101, 200000, 3, mixed);
}
END_TEST

START_TEST(exact_while_there_is_room)
{
    beam_iter *it = combined(&bm_quantiles_combine, 5, 101, 3, mixed);
    ck_assert_str_eq(value_text(&ctx.kept, (beam_value){ BEAM_KIND_ITERABLE, { .iter = it } }),
                     "[0, 25, 50, 75, 100]");
}
END_TEST

START_TEST(of_nothing_and_of_one)
{
    beam_value v;
    ck_assert(!beam_next(combined(&bm_quantiles_combine, 5, 0, 1, upward), &v));
    beam_iter *it = combined(&bm_quantiles_combine, 3, 1, 1, upward);
    ck_assert_str_eq(value_text(&ctx.kept, (beam_value){ BEAM_KIND_ITERABLE, { .iter = it } }),
                     "[0, 0, 0]");
}
END_TEST

START_TEST(a_damaged_summary_fails)
{
    ctx.config = beam_span_of("\5");
    void *acc = new_acc(&bm_quantiles_combine);
    beam_value parts[2] = { beam_int64(48), beam_int64(1) }, pair = beam_kv(parts);
    bm_quantiles_combine.load(&ctx, acc, iterable_of(&ctx.kept, &pair, 1));
    ck_assert_int_eq(ctx.status, BEAM_ECODER);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("sample");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, samples_hold_no_value_twice);
    tcase_add_test(cases, fewer_values_than_wanted);
    tcase_add_test(cases, samples_are_even);
    tcase_add_test(cases, quantiles_keep_within_their_error);
    tcase_add_test(cases, exact_while_there_is_room);
    tcase_add_test(cases, of_nothing_and_of_one);
    tcase_add_test(cases, a_damaged_summary_fails);
    Suite *suite = suite_create("sample");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
