/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as data: rows of failed elements, attempts, what was emitted before, and what is
 * not caught. */
#include "fixture.h"

/* Emits n and 10 n; fails on odd numbers between the two, on 8 only at the first attempt. */
static beam_status halves(beam_ctx *c, beam_value in)
{
    int64_t n = beam_as_int64(in);
    bool *tried = beam_self(c);
    beam_counter_add(c, "attempts", 1);
    BEAM_TRY(beam_emit(c, in));
    if (n % 2) return beam_fail(c, BEAM_EINVAL, "%lld is odd", (long long)n);
    if (n == 8 && !*tried) {
        *tried = true;
        return BEAM_EUSER;
    }
    return beam_emit_at(c, beam_int64(10 * n), beam_timestamp(c));
}
static beam_status two(beam_ctx *c)
{
    beam_window window = { 0, 10, { NULL, 0 } };
    return beam_emit_windowed(c, -1, beam_int64(222), 5, &window);
}
static const beam_dofn halves_fn = { .name = "test.halves",
                                     .in = BEAM_INT64,
                                     .out = BEAM_INT64,
                                     .self_size = sizeof(bool),
                                     .process = halves,
                                     .finish_bundle = two };

static beam_value only_small(beam_ctx *c, beam_value in)
{
    if (beam_as_int64(in) > 4) beam_fail(c, BEAM_EUSER, "too large");
    return in;
}
static const beam_dofn small_fn = { .name = "test.small", .in = BEAM_INT64,
                                    .out = BEAM_INT64, .map = only_small };

static beam_status text_of_row(beam_ctx *c, beam_value in)
{
    beam_value names = beam_list_at(in, 1);
    return beam_emit(c, beam_string(beam_format(
        c, "%s|%s|%zu bytes|%s|%s|%d|%d", beam_cstr(c, beam_as_span(beam_list_at(in, 0))),
        beam_cstr(c, beam_as_span(beam_list_at(names, 0))),
        beam_as_span(beam_list_at(in, 2)).len,
        beam_cstr(c, beam_as_span(beam_list_at(in, 3))),
        beam_cstr(c, beam_as_span(beam_list_at(in, 4))),
        (int)beam_as_int64(beam_list_at(in, 5)), (int)beam_as_int64(beam_list_at(in, 6)))));
}
static const beam_dofn text_fn = { .name = "test.text", .in = BEAM_ANY, .out = BEAM_STRING,
                                   .process = text_of_row };

static beam_status sum_up(beam_ctx *c, beam_value in)
{
    int64_t sum = 0;
    beam_iter *it = beam_as_iter(in);
    for (beam_value v; beam_next(it, &v);) sum += beam_as_int64(v);
    return beam_emit(c, beam_int64(sum));
}
static const beam_dofn sum_fn = { .name = "test.sum", .in = BEAM_ITERABLE(BEAM_INT64),
                                  .out = BEAM_INT64, .process = sum_up };

static const beam_dofn *const fns[] = { &halves_fn, &small_fn, &text_fn, &sum_fn };

/* in -> b -> [next ->] sink 0; failures of b as text -> sink 1 */
static void init(fixture *f, const char *fn, unsigned attempts, const char *next)
{
    fixture_init(f, fns, BEAM_COUNT(fns), NULL, 0);
    fixture_pcoll(f, "p1", "varint");
    fixture_pcoll(f, "p2", "varint");
    fixture_pcoll(f, "p3", "varint");
    fixture_pcoll(f, "bad", "failure");
    fixture_pcoll(f, "text", "string_utf8");
    fixture_source(f, "a", "p1", "varint", "interval_window");
    fixture_catching_par_do(f, "b", fn, attempts, "in=p1", "beam.failures=bad out=p2");
    if (next) fixture_par_do(f, "c", next, "", "in=p2", "out=p3");
    fixture_sink(f, "d", next ? "p3" : "p2", "varint", "interval_window");
    fixture_par_do(f, "e", "test.text", "", "in=bad", "out=text");
    fixture_sink(f, "f", "text", "string_utf8", "interval_window");
    fixture_build(f);
}

static void put(fixture *f, int64_t n)
{
    static const beam_window window = { 0, 10, { NULL, 0 } };
    fixture_put_in(f, 0, beam_int64(n), 3, &window, 1);
}

START_TEST(failed_elements_are_rows)
{
    fixture f;
    init(&f, "test.halves", 1, NULL);
    put(&f, 2);
    put(&f, 300001);
    put(&f, 4);
    for (int round = 0; round < 2; round++) {
        fixture_run(&f);
        expect_output(&f, 0, "2 @3 [0, 10)\n20 @3 [0, 10)\n4 @3 [0, 10)\n40 @3 [0, 10)\n"
                             "222 @5 [0, 10)\n");
        expect_output(&f, 1, "\"Scope/b|Scope|3 bytes|300001|300001 is odd|-1|1\" @3 [0, 10)\n");
    }
    fixture_free(&f);
}
END_TEST

START_TEST(attempts)
{
    fixture f;
    init(&f, "test.halves", 3, NULL);
    put(&f, 8);
    put(&f, 5);
    fixture_run(&f);
    expect_output(&f, 0, "8 @3 [0, 10)\n80 @3 [0, 10)\n222 @5 [0, 10)\n");
    expect_output(&f, 1, "\"Scope/b|Scope|1 bytes|5|5 is odd|-1|3\" @3 [0, 10)\n");
    ck_assert_ptr_nonnull(strstr(fixture_metrics(&f), "attempts 5\n"));
    fixture_free(&f);
}
END_TEST

/* A step downstream fails on what a caught step has emitted. */
START_TEST(failures_downstream_are_not_caught)
{
    fixture f;
    init(&f, "test.halves", 2, "test.small");
    put(&f, 2);
    ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_EUSER);
    expect_error(&f, "(DoFn 'test.small') failed on element 20: too large");
    fixture_free(&f);
}
END_TEST

START_TEST(map_too)
{
    fixture f;
    init(&f, "test.small", 1, NULL);
    put(&f, 3);
    put(&f, 7);
    fixture_run(&f);
    expect_output(&f, 0, "3 @3 [0, 10)\n");
    expect_output(&f, 1, "\"Scope/b|Scope|1 bytes|7|too large|-9|1\" @3 [0, 10)\n");
    fixture_free(&f);
}
END_TEST

/* That the runner does not give the rest of an iterable is not the element's fault. */
START_TEST(a_lost_runner_is_not_caught)
{
    fixture f;
    fixture_init(&f, fns, BEAM_COUNT(fns), NULL, 0);
    fixture_pcoll(&f, "p1", "state_backed_iterable<varint>");
    fixture_pcoll(&f, "p2", "varint");
    fixture_pcoll(&f, "bad", "failure");
    fixture_source(&f, "a", "p1", "state_backed_iterable<varint>", "global_window");
    fixture_catching_par_do(&f, "b", "test.sum", 5, "in=p1", "beam.failures=bad out=p2");
    fixture_sink(&f, "c", "p2", "varint", "global_window");
    fixture_build(&f);
    /* header, then the iterable: -1, one value, then the rest by state token */
    const char bytes[] = "\x80\0\0\0\0\0\0\0\0\0\0\1\x0f"
                         "\xff\xff\xff\xff\1\7\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\5token";
    bm_write_bytes(&f.in[0], bytes, sizeof bytes - 1);
    f.io.gets_fail = true;
    ck_assert_int_ne(fixture_run_in(&f, 0), BEAM_OK);
    expect_error(&f, "could not read more of an iterable");
    ck_assert_int_eq(f.io.gets, 1);
    fixture_free(&f);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { failed_elements_are_rows, attempts,
                                   failures_downstream_are_not_caught, map_too,
                                   a_lost_runner_is_not_caught };
    return run_tests("catch", tests, BEAM_COUNT(tests));
}
