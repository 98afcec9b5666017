/* SPDX-License-Identifier: Apache-2.0 */
/* What can go wrong in a bundle or in a descriptor, and what the message says then. */
#include <stdio.h>

#include "beam_urns.h"
#include "fixture.h"

/* -- functions that fail where the config says ------------------------------------------------ */
static bool wants(beam_ctx *c, const char *where)
{
    return beam_span_equal(beam_config(c), beam_span_of(where));
}
static int n_teardowns, n_calls;

static beam_status bad_setup(beam_ctx *c)
{
    if (wants(c, "setup emits")) beam_emit(c, beam_int64(1));
    return wants(c, "setup") ? beam_fail(c, BEAM_EIO, "no disk") : BEAM_OK;
}
static beam_status bad_start(beam_ctx *c)
{
    if (wants(c, "start emits")) return beam_emit(c, beam_int64(1));
    return wants(c, "start") ? beam_fail(c, BEAM_EIO, "no %s", "tea") : BEAM_OK;
}
static beam_status bad_process(beam_ctx *c, beam_value in)
{
    static const beam_window window = { 0, 10, { NULL, 0 } };
    n_calls++;
    if (wants(c, "process")) return beam_fail(c, BEAM_EIO, "bad %lld", 7LL);
    if (wants(c, "status only")) return BEAM_ECODER;
    if (wants(c, "reason only")) beam_fail(c, BEAM_EIO, "forgotten status");
    if (wants(c, "twice")) {
        beam_fail(c, BEAM_EIO, "the first");
        return beam_fail(c, BEAM_EINVAL, "the second");
    }
    if (wants(c, "window")) beam_element_window(c);
    if (wants(c, "output")) return beam_emit_to(c, 1, in);
    if (wants(c, "wrong type")) return beam_emit(c, beam_string(beam_span_of("x")));
    if (wants(c, "early")) return beam_emit_at(c, in, BEAM_MIN_TIMESTAMP);
    if (wants(c, "far")) return beam_emit_windowed(c, -1, in, INT64_MAX, &window);
    if (wants(c, "backwards"))
        return beam_emit_windowed(c, -1, in, 7, &(beam_window){ .start = 10, .end = 5 });
    if (wants(c, "elsewhere")) return beam_emit_windowed(c, -1, in, 7, &window);
    if (wants(c, "accumulator")) beam_acc_alloc(c, 1);
    if (wants(c, "ignores")) {
        for (int i = 0; i < 100; i++) beam_emit(c, in);
        return BEAM_OK;
    }
    return beam_emit(c, in);
}
static beam_status bad_finish(beam_ctx *c)
{
    if (wants(c, "finish emits")) return beam_emit(c, beam_int64(1));
    if (wants(c, "finish timestamp")) beam_timestamp(c);
    if (wants(c, "finish no window"))
        return beam_emit_windowed(c, -1, beam_int64(1), 0, NULL);
    return wants(c, "finish") ? BEAM_EUSER : BEAM_OK;
}
static void bad_teardown(beam_ctx *c)
{
    (void)c;
    n_teardowns++;
}
static const beam_output_spec outputs[] = { { "extra", BEAM_INT64 } };
static const beam_dofn bad_fn = {
    .name = "test.bad", .in = BEAM_INT64, .out = BEAM_INT64, .outputs = BEAM_TABLE(outputs),
    .setup = bad_setup, .start_bundle = bad_start, .process = bad_process,
    .finish_bundle = bad_finish, .teardown = bad_teardown,
};

static beam_status deep_type(beam_ctx *c, beam_value in)
{
    return beam_emit_kv(c, in, beam_double(1));
}
static const beam_dofn deep_fn = { .name = "test.deep", .in = BEAM_INT64, .out = BEAM_ANY,
                                   .process = deep_type };

static beam_status no_output(beam_ctx *c, beam_value in)
{
    return beam_emit(c, in);
}
static const beam_dofn none_fn = { .name = "test.none", .in = BEAM_INT64,
                                   .process = no_output };

static beam_value bad_map(beam_ctx *c, beam_value in)
{
    beam_fail(c, BEAM_EUSER, "cannot map");
    return in;
}
static const beam_dofn map_fn = { .name = "test.map", .in = BEAM_INT64, .out = BEAM_INT64,
                                  .map = bad_map };

static const beam_dofn *const fns[] = { &bad_fn, &deep_fn, &none_fn, &map_fn };

static void init(fixture *f)
{
    fixture_init(f, fns, BEAM_COUNT(fns), NULL, 0);
}

/* source -> outer -> inner -> sink of int64; inner of `out`. */
static void init_two(fixture *f, const char *outer, const char *inner, const char *fn,
                     const char *out)
{
    init(f);
    fixture_pcoll(f, "p1", "varint");
    fixture_pcoll(f, "p2", "varint");
    fixture_pcoll(f, "p3", out);
    fixture_source(f, "a", "p1", "varint", "global_window");
    fixture_par_do(f, "outer", "test.bad", outer, "in=p1", "out=p2");
    fixture_par_do(f, "inner", fn, inner, "in=p2", "out=p3");
    fixture_sink(f, "z", "p3", out, "global_window");
    fixture_window_coder(f, "global_window");
    fixture_build(f);
}

/* Who the message names. */
static void expect_blame(const fixture *f)
{
    char name[40], want[60];
    bm_arena arena;
    bm_arena_init(&arena, 0);
    const char *trace, *id = bm_plan_blame(f->plan, &arena, &trace);
    if (sscanf(f->err.message, "Transform 'Scope/%39[^']", name) == 1) {
        snprintf(want, sizeof want, "Scope\nScope/%s", name);
        ck_assert_pstr_eq(id, name);
        ck_assert_pstr_eq(trace, want);
    } else {
        ck_assert_ptr_null(id);
        ck_assert_ptr_null(trace);
    }
    bm_arena_free(&arena);
}

static void put_and_fail(fixture *f, const char *message)
{
    for (int i = 0; i < 3; i++) fixture_put_in(f, 0, beam_int64(i), 5, bm_global_windows.at, 1);
    ck_assert_int_ne(fixture_run_in(f, 0), BEAM_OK);
    ck_assert_str_eq(f->err.message, message);
    expect_blame(f);
    ck_assert_int_eq(f->io.lasts[0], 0);
    /* A broken plan stays broken. */
    ck_assert_int_eq(fixture_run_in(f, 0), BEAM_ESTATE);
    expect_error(f, "cannot run again");
    fixture_free(f);
}

/* -- in a DoFn ------------------------------------------------------------------------------------ */
#define INNER "Transform 'Scope/inner' (DoFn 'test.bad') "
static const struct {
    const char *config, *message;
} failures[] = {
    { "setup", INNER "failed in setup: no disk" },
    { "setup emits", INNER "failed in setup: beam_emit() is not allowed in this callback" },
    { "start", INNER "failed in start_bundle: no tea" },
    { "start emits", INNER "failed in start_bundle: there is no input element here whose "
                           "timestamp and window could be taken: use beam_emit_windowed()" },
    { "process", INNER "failed on element 0: bad 7" },
    { "status only", INNER "failed on element 0: malformed encoded bytes (status -3, returned "
                           "without a reason)" },
    { "reason only", INNER "failed on element 0: forgotten status" },
    { "twice", INNER "failed on element 0: the first" },
    { "window", INNER "failed on element 0: beam_element_window() needs .flags = "
                      "BEAM_OBSERVES_WINDOW in the DoFn" },
    { "output", INNER "failed on element 0: there is no such extra output: the index is that "
                      "in .outputs of the DoFn" },
    { "wrong type", INNER "emitted a value of the wrong type: STRING, value \"x\", to output "
                          "'main', which takes INT64" },
    { "early", INNER "failed on element 0: timestamp -9223372036854775 is before that of the "
                     "input, 5: later steps may have moved on already" },
    { "far", INNER "failed on element 0: timestamp 9223372036854775807 is outside of what Beam "
                   "can hold (-9223372036854775 to 9223372036854775 ms)" },
    { "backwards", INNER "failed on element 0: window [10, 5) ends before it begins" },
    { "elsewhere", INNER "failed on element 0: window [0, 10) is none of the output, whose "
                         "elements are in the global window" },
    { "accumulator", INNER "failed on element 0: beam_acc_alloc() is for CombineFns" },
    { "finish", INNER "failed in finish_bundle: user function failed (status -9, returned "
                      "without a reason)" },
    { "finish emits", INNER "failed in finish_bundle: there is no input element here whose "
                            "timestamp and window could be taken: use beam_emit_windowed()" },
    { "finish timestamp", INNER "failed in finish_bundle: beam_timestamp() needs an element, "
                                "and there is none here" },
    { "finish no window", INNER "failed in finish_bundle: beam_emit_windowed() needs a window "
                                "here, where there is no input element" },
};

START_TEST(every_callback_may_fail)
{
    fixture f;
    init_two(&f, "", failures[_i].config, "test.bad", "varint");
    put_and_fail(&f, failures[_i].message);
}
END_TEST

START_TEST(a_failure_below_names_the_step_below)
{
    fixture f;
    init_two(&f, "ignores", "process", "test.bad", "varint");
    n_calls = 0;
    put_and_fail(&f, INNER "failed on element 0: bad 7");
    ck_assert_int_eq(n_calls, 2); /* outer once, inner once: later emits do nothing */
}
END_TEST

START_TEST(what_setup_was_called_for_is_torn_down)
{
    static const struct {
        const char *outer, *inner;
        int teardowns;
    } cases[] = { { "", "setup", 2 }, { "setup", "", 1 }, { "", "process", 2 } };
    for (size_t i = 0; i < BEAM_COUNT(cases); i++) {
        fixture f;
        init_two(&f, cases[i].outer, cases[i].inner, "test.bad", "varint");
        fixture_put(&f, 0, beam_int64(1));
        n_teardowns = 0;
        ck_assert_int_ne(fixture_run_in(&f, 0), BEAM_OK);
        fixture_free(&f);
        ck_assert_int_eq(n_teardowns, cases[i].teardowns);
    }
}
END_TEST

START_TEST(a_wrong_type_inside_a_kv_is_found)
{
    fixture f;
    init_two(&f, "", "", "test.deep", "kv<varint,string_utf8>");
    put_and_fail(&f, "Transform 'Scope/inner' (DoFn 'test.deep') emitted a value of the wrong "
                     "type: KV<INT64, DOUBLE>, value KV{0, 1}, to output 'p3', which takes "
                     "KV<INT64, STRING>");
}
END_TEST

START_TEST(without_a_main_output_nothing_can_be_emitted)
{
    fixture f;
    init(&f);
    fixture_pcoll(&f, "p1", "varint");
    fixture_source(&f, "a", "p1", "varint", "global_window");
    fixture_par_do(&f, "b", "test.none", "", "in=p1", "");
    fixture_build(&f);
    put_and_fail(&f, "Transform 'Scope/b' (DoFn 'test.none') failed on element 0: it has no "
                     "main output: set .out in the DoFn");
}
END_TEST

START_TEST(what_a_failed_map_returns_is_ignored)
{
    fixture f;
    init_two(&f, "", "", "test.map", "varint");
    put_and_fail(&f, "Transform 'Scope/inner' (DoFn 'test.map') failed on element 0: cannot "
                     "map");
}
END_TEST

START_TEST(long_elements_are_cut)
{
    fixture f;
    init(&f);
    fixture_pcoll(&f, "p1", "string_utf8");
    fixture_source(&f, "a", "p1", "string_utf8", "global_window");
    fixture_par_do(&f, "b", "test.bad", "process", "in=p1", "");
    fixture_build(&f);
    char text[5000];
    memset(text, 'y', sizeof text);
    fixture_put(&f, 0, beam_string((beam_span){ text, sizeof text }));
    ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_EIO);
    ck_assert_uint_lt(strlen(f.err.message), 350);
    expect_error(&f, "yyy...: bad 7");
    fixture_free(&f);
}
END_TEST

/* -- around the DoFns -------------------------------------------------------------------------------- */
START_TEST(bad_bytes_are_named)
{
    fixture f;
    init_two(&f, "", "", "test.bad", "varint");
    bm_write_bytes(&f.in[0], "\x80\0\0\0\0\0\0\0\0\0\0\1\x0f\5\x80\0\0\0", 18);
    ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_ECODER);
    ck_assert_str_eq(f.err.message, "Transform 'Scope/a' read bad data: the input ends in the "
                                    "middle of element 1, after 4 bytes of it");
    fixture_free(&f);

    init_two(&f, "", "", "test.bad", "varint");
    bm_write_bytes(&f.in[0], "\x80\0\0\0\0\0\0\0\0\0\0\1\x0f"
                             "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 24);
    ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_ECODER);
    expect_error(&f, "Transform 'Scope/a' read bad data: element 0 is not what its coder INT64 "
                     "says (malformed encoded bytes");
    fixture_free(&f);
}
END_TEST

START_TEST(failing_io_fails_the_bundle)
{
    fixture f;
    init_two(&f, "", "", "test.bad", "varint");
    f.io.reads_fail = true;
    put_and_fail(&f, "Could not read the bundle's input: the stream broke");
    init_two(&f, "", "", "test.bad", "varint");
    f.io.writes_fail = true;
    put_and_fail(&f, "Transform 'Scope/z' could not write its output: nobody listens");
}
END_TEST

/* -- descriptors -------------------------------------------------------------------------------------- */
static void expect_refused(fixture *f, beam_status status, const char *message)
{
    ck_assert_int_eq(fixture_try_build(f), status);
    ck_assert_ptr_null(f->plan);
    expect_error(f, message);
    fixture_free(f);
}

START_TEST(bad_descriptors_are_refused)
{
    fixture f;
    init(&f);
    fixture_pcoll(&f, "p1", "varint");
    fixture_par_do(&f, "b", "test.nobody", "", "in=p1", "");
    expect_refused(&f, BEAM_EINVAL, "Transform 'Scope/b' needs DoFn 'test.nobody', which this "
                                    "program does not have");
    init(&f);
    fixture_transform(&f, "b", "beam:transform:magic:v1", beam_span_of(""), "", "");
    expect_refused(&f, BEAM_EUNSUPPORTED, "Transform 'Scope/b' has the URN "
                   "'beam:transform:magic:v1', which this worker does not know");
    init(&f);
    fixture_transform(&f, "b", "beam:transform:sdf_unheard_of:v1", beam_span_of(""),
                      "", "");
    expect_refused(&f, BEAM_EUNSUPPORTED, "is a part of a splittable DoFn");
    init(&f);
    fixture_pcoll(&f, "p1", "varint");
    fixture_transform(&f, "b", BEAM_URN_TRANSFORM_PARDO,
                      fixture_fn_payload(&f, "beam:dofn:python:v1", "x", ""), "in=p1", "");
    expect_refused(&f, BEAM_EUNSUPPORTED, "function of kind 'beam:dofn:python:v1'");
    init(&f);
    fixture_transform(&f, "b", BEAM_URN_TRANSFORM_PARDO, beam_span_of("\xff"), "", "");
    expect_refused(&f, BEAM_EINVAL, "its payload cannot be parsed");
    init(&f);
    fixture_par_do(&f, "b", "test.bad", "", "in=nowhere", "");
    expect_refused(&f, BEAM_EINVAL, "names PCollection 'nowhere', which the descriptor does "
                                    "not have");
    init(&f);
    fixture_par_do(&f, "b", "test.bad", "", "", "");
    expect_refused(&f, BEAM_EINVAL, "has 0 inputs, not one");
}
END_TEST

START_TEST(cycles_are_refused)
{
    fixture f;
    init(&f);
    fixture_pcoll(&f, "p1", "varint");
    fixture_pcoll(&f, "p2", "varint");
    fixture_par_do(&f, "b", "test.bad", "", "in=p1", "out=p2");
    fixture_par_do(&f, "c", "test.bad", "", "in=p2", "out=p1");
    expect_refused(&f, BEAM_EINVAL, "cycle that goes through transform 'Scope/b'");
}
END_TEST

START_TEST(bad_coders_are_refused)
{
    fixture f;
    init(&f);
    fixture_pcoll(&f, "p1", "other");
    fixture_source(&f, "a", "p1", "other", "global_window");
    expect_refused(&f, BEAM_EUNSUPPORTED, "its coder needs 'beam:coder:other:v1', which this "
                                          "worker does not know");
    init(&f);
    fixture_pcoll(&f, "p1", "kv<varint>");
    expect_refused(&f, BEAM_ECODER, "PCollection 'p1': bad coder: ");
}
END_TEST

START_TEST(unknown_coders_pass_when_length_prefixed)
{
    fixture f;
    init(&f);
    fixture_pcoll(&f, "p1", "length_prefix<other>");
    fixture_source(&f, "a", "p1", "length_prefix<other>", "global_window");
    fixture_sink(&f, "b", "p1", "length_prefix<other>", "global_window");
    fixture_build(&f);
    fixture_put(&f, 0, beam_bytes(beam_span_of("??")));
    fixture_run(&f);
    expect_output(&f, 0, "\"??\"\n");
    fixture_free(&f);
}
END_TEST

START_TEST(garbage_is_not_a_descriptor)
{
    fixture f;
    init(&f);
    bm_plan *plan;
    ck_assert_int_eq(bm_plan_new(beam_span_of("\xff\xff\xff"), &f.registry, &bm_log_stderr,
                                 &plan, &f.err), BEAM_EINVAL);
    ck_assert_ptr_null(plan);
    expect_error(&f, "cannot be parsed");
    fixture_free(&f);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_failure_below_names_the_step_below,
        what_setup_was_called_for_is_torn_down,
        a_wrong_type_inside_a_kv_is_found,
        without_a_main_output_nothing_can_be_emitted,
        what_a_failed_map_returns_is_ignored,
        long_elements_are_cut,
        bad_bytes_are_named,
        failing_io_fails_the_bundle,
        bad_descriptors_are_refused,
        cycles_are_refused,
        bad_coders_are_refused,
        unknown_coders_pass_when_length_prefixed,
        garbage_is_not_a_descriptor,
    };
    const TTest *const each_failure[] = { every_callback_may_fail };
    return run_tests("exec/failure", tests, BEAM_COUNT(tests))
           | run_loop_test("exec/failure", each_failure[0], BEAM_COUNT(failures));
}
