/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as data: rows of failed elements, attempts, what was emitted before, and what is
 * not caught. */
#include "beam_urns.h"
#include "sdf_fixture.h"

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

/* -- splittable DoFns ------------------------------------------------------------------- */
static int64_t fails_at;

static void fail_at(beam_ctx *c, int64_t offset)
{
    if (offset == fails_at) beam_fail(c, BEAM_EUSER, "no offset %lld", (long long)offset);
}

/* Claims all; its watermark is where the element says. */
static beam_value up_to(beam_ctx *c, beam_value n)
{
    return beam_offsets(c, 0, beam_as_int64(n));
}
static beam_status late(beam_ctx *c, beam_value n)
{
    beam_claim_offset(c, beam_as_int64(n));
    BEAM_TRY(beam_watermark_set(c, beam_as_int64(n)));
    return beam_fail(c, BEAM_EUSER, "too late");
}
static const beam_sdf late_sdf = { .tracker = &beam_offset_tracker,
                                   .initial = up_to,
                                   .watermark = BEAM_WATERMARK_MANUAL };
static const beam_dofn late_fn = { .name = "test.late",
                                   .in = BEAM_INT64,
                                   .out = BEAM_INT64,
                                   .process = late,
                                   .sdf = &late_sdf };

static void sdf_init(fixture *f, const char *fn, const char *next)
{
    fails_at = 3;
    on_claim = fail_at;
    bad = NULL;
    static const beam_dofn *more[] = { &small_fn, &text_fn, &late_fn };
    static const beam_dofn *all[32];
    size_t n = sdf_functions.dofns.n;
    for (size_t i = 0; i < n; i++) all[i] = sdf_functions.dofns.at[i];
    for (size_t i = 0; i < BEAM_COUNT(more); i++) all[n++] = more[i];
    fixture_init(f, all, n, NULL, 0);
    fixture_pcoll(f, "p1", SIZED);
    fixture_pcoll(f, "p2", "varint");
    fixture_pcoll(f, "p3", "varint");
    fixture_pcoll(f, "bad", "failure");
    fixture_pcoll(f, "text", "string_utf8");
    fixture_source(f, "a", "p1", SIZED, "interval_window");
    fixture_transform(f, "b",
                      BEAM_URN_TRANSFORM_SDF_PROCESS_SIZED_ELEMENT_AND_RESTRICTIONS,
                      fixture_catching_payload(f, fn, 1), "in=p1",
                      "beam.failures=bad out=p2");
    if (next) fixture_par_do(f, "c", next, "", "in=p2", "out=p3");
    fixture_sink(f, "d", next ? "p3" : "p2", "varint", "interval_window");
    fixture_par_do(f, "e", "test.text", "", "in=bad", "out=text");
    fixture_sink(f, "f", "text", "string_utf8", "interval_window");
    fixture_build(f);
}

static void put_sized(fixture *f, int64_t n, int64_t from, size_t windows)
{
    static const beam_window at[] = { { 0, 10, { NULL, 0 } }, { 5, 15, { NULL, 0 } } };
    fixture_put_in(f, 0, sdf_sized(f, n, from, n), 6, at, windows);
}

/* What it has emitted goes on; the rest of the restriction is named, and given up. */
START_TEST(splittable)
{
    fixture f;
    sdf_init(&f, "test.count", NULL);
    put_sized(&f, 2, 0, 1);
    put_sized(&f, 6, 2, 1);
    put_sized(&f, 1, 0, 1);
    for (int round = 0; round < 2; round++) {
        fixture_run(&f);
        expect_output(&f, 0,
                      "200 @6 [0, 10)\n201 @6 [0, 10)\n602 @6 [0, 10)\n100 @6 [0, 10)\n");
        expect_output(&f, 1,
                      "\"Scope/b|Scope|1 bytes|6|no offset 3; restriction KV{2, 6}, of "
                      "which KV{4, 6} was not claimed|-9|1\" @6 [0, 10)\n");
    }
    ck_assert_str_eq(sdf_residuals(&f), "");
    fixture_free(&f);
}
END_TEST

START_TEST(splittable_in_each_window)
{
    fixture f;
    sdf_init(&f, "test.watch", NULL);
    put_sized(&f, 4, 3, 2);
    fixture_run(&f);
    expect_output(&f, 0, "");
    expect_output(&f, 1,
                  "\"Scope/b|Scope|1 bytes|4|no offset 3; restriction KV{3, 4}|-9|1\" @6 "
                  "[0, 10)\n\"Scope/b|Scope|1 bytes|4|no offset 3; restriction KV{3, 4}|"
                  "-9|1\" @6 [5, 15)\n");
    fixture_free(&f);
}
END_TEST

/* The row is not behind the watermark, and stays in its window. */
START_TEST(splittable_after_its_watermark)
{
    fixture f;
    sdf_init(&f, "test.late", NULL);
    put_sized(&f, 8, 0, 1);
    put_sized(&f, 12, 0, 1);
    fixture_run(&f);
    expect_output(&f, 0, "");
    expect_output(&f, 1,
                  "\"Scope/b|Scope|1 bytes|8|too late; restriction KV{0, 8}|-9|1\" @8 "
                  "[0, 10)\n\"Scope/b|Scope|1 bytes|12|too late; restriction KV{0, 12}|"
                  "-9|1\" @9 [0, 10)\n");
    fixture_free(&f);
}
END_TEST

START_TEST(splittable_failures_downstream)
{
    fixture f;
    sdf_init(&f, "test.count", "test.small");
    put_sized(&f, 1, 0, 1);
    ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_EUSER);
    expect_error(&f, "(DoFn 'test.small') failed on element 100: too large");
    fixture_free(&f);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        failed_elements_are_rows,           attempts,
        failures_downstream_are_not_caught, map_too,
        a_lost_runner_is_not_caught,        splittable,
        splittable_in_each_window,          splittable_after_its_watermark,
        splittable_failures_downstream
    };
    return run_tests("catch", tests, BEAM_COUNT(tests));
}
