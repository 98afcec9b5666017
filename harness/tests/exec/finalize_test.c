/* SPDX-License-Identifier: Apache-2.0 */
/* beam_on_finalize(): what a bundle leaves to be called. */
#include <time.h>

#include "fixture.h"

static char called[64];
static beam_span passed;

static beam_status note(beam_span data)
{
    memcpy(called, data.ptr, data.len);
    called[data.len] = '\0';
    return beam_span_equal(data, beam_span_of("fails")) ? BEAM_EIO : BEAM_OK;
}

static beam_status process(beam_ctx *c, beam_value in)
{
    char text[16];
    passed = beam_as_span(in);
    memcpy(text, passed.ptr, passed.len); /* gone when it is called */
    BEAM_TRY(beam_on_finalize(c, 1000, note, (beam_span){ text, passed.len }));
    memset(text, 'x', sizeof text);
    return beam_span_equal(passed, beam_span_of("bundle")) ? BEAM_EUSER : beam_emit(c, in);
}
static beam_status finish(beam_ctx *c)
{
    return beam_on_finalize(c, INT64_MAX, note, beam_span_of("finish"));
}
static const beam_dofn final_fn = { .name = "test.final", .in = BEAM_STRING,
                                    .out = BEAM_STRING, .flags = BEAM_FINALIZES,
                                    .process = process, .finish_bundle = finish };
static const beam_dofn undeclared_fn = { .name = "test.undeclared", .in = BEAM_STRING,
                                         .out = BEAM_STRING, .process = process };
static beam_status ask_null(beam_ctx *c, beam_value in)
{
    (void)in;
    return beam_on_finalize(c, 1, NULL, beam_span_of(""));
}
static const beam_dofn null_fn = { .name = "test.null", .in = BEAM_STRING,
                                   .flags = BEAM_FINALIZES, .process = ask_null };
static beam_status in_setup(beam_ctx *c)
{
    return beam_on_finalize(c, 1, note, beam_span_of(""));
}
static const beam_dofn setup_fn = { .name = "test.setup", .in = BEAM_STRING,
                                    .flags = BEAM_FINALIZES, .process = ask_null,
                                    .setup = in_setup };
static const beam_dofn *const dofns[] = { &final_fn, &undeclared_fn, &null_fn, &setup_fn };

static fixture f;
static bm_bundle_result result;

static void begin(const char *fn)
{
    fixture_init(&f, dofns, BEAM_COUNT(dofns), NULL, 0);
    fixture_pcoll(&f, "p1", "string_utf8");
    fixture_pcoll(&f, "p2", "string_utf8");
    fixture_source(&f, "a", "p1", "string_utf8", "global_window");
    fixture_par_do(&f, "b", fn, "", "in=p1", "out=p2");
    fixture_sink(&f, "z", "p2", "string_utf8", "global_window");
    fixture_build(&f);
}

static void release(void)
{
    for (size_t i = 0; i < result.n_finalizers; i++)
        result.finalizers[i].release(result.finalizers[i].self);
}

START_TEST(callbacks_outlive_the_plan)
{
    begin("test.final");
    fixture_put(&f, 0, text_value("one"));
    fixture_put(&f, 0, text_value("fails"));
    int64_t before = (int64_t)time(NULL) * 1000 - 1000;
    fixture_run(&f);
    ck_assert_str_eq(called, "");
    bm_plan_take_result(f.plan, &result);
    ck_assert_uint_eq(result.n_finalizers, 3);
    bm_finalizer list[3];
    memcpy(list, result.finalizers, sizeof list);
    result.finalizers = list;
    fixture_free(&f);

    beam_error err = { 0 };
    ck_assert_int_gt(list[0].expires_ms, before + 1000);
    ck_assert_int_lt(list[0].expires_ms, before + 60000);
    ck_assert(list[2].expires_ms == INT64_MAX);
    ck_assert_int_eq(list[0].run(list[0].self, &err), BEAM_OK);
    ck_assert_str_eq(called, "one");
    ck_assert_int_eq(list[1].run(list[1].self, &err), BEAM_EIO);
    ck_assert_str_eq(err.message, "Transform 'Scope/b' (DoFn 'test.final'): local input or "
                                  "output failed");
    ck_assert_int_eq(list[2].run(list[2].self, &err), BEAM_OK);
    ck_assert_str_eq(called, "finish");
    release();
}
END_TEST

START_TEST(failed_bundles_leave_none)
{
    begin("test.final");
    fixture_put(&f, 0, text_value("one"));
    fixture_put(&f, 0, text_value("bundle"));
    ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_EUSER);
    fixture_free(&f); /* a leak would show */
    ck_assert_str_eq(called, "");
}
END_TEST

static void refused(const char *fn, const char *message)
{
    begin(fn);
    fixture_put(&f, 0, text_value("one"));
    ck_assert_int_eq(fixture_run_in(&f, 0), BEAM_ESTATE);
    expect_error(&f, message);
    fixture_free(&f);
}

START_TEST(it_must_be_declared_and_in_a_bundle)
{
    refused("test.undeclared", "beam_on_finalize() needs .flags = BEAM_FINALIZES in the DoFn");
    refused("test.null", "beam_on_finalize() needs a callback, not NULL");
    refused("test.setup", "beam_on_finalize() needs a bundle, and there is none here");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { callbacks_outlive_the_plan, failed_bundles_leave_none,
                                   it_must_be_declared_and_in_a_bundle };
    return run_tests("exec/finalize", tests, BEAM_COUNT(tests));
}
