/* SPDX-License-Identifier: Apache-2.0 */
/* WindowInto, and what windowing becomes after a GroupByKey. */
#include "fns/registry.h"
#include "graph/build.h"
#include "graph_test.h"

static void refuse(beam_window_opts opts, beam_status status, const char *message)
{
    beam_pipeline_free(p);
    p = beam_pipeline_new();
    beam_window_into_with(words(), "Window", &opts);
    expect_error(status, message);
}

START_TEST(windows)
{
    beam_window_fn fns[] = { beam_global(), beam_fixed(1), beam_sliding(10, 20),
                             beam_sessions(5) };
    beam_pcoll *c = words();
    for (size_t i = 0; i < BEAM_COUNT(fns); i++) {
        beam_pcoll *out = beam_window_into(c, beam_pipeline_format(p, "Window %zu", i),
                                           fns[i], .accumulation = BEAM_ACCUMULATING,
                                           .closing = BEAM_CLOSE_ALWAYS);
        expect_no_error();
        ck_assert_int_eq(out->windowing->opts.fn.kind, fns[i].kind);
        ck_assert_ptr_eq(out->producer->windowing, out->windowing);
    }
}
END_TEST

START_TEST(bad_options)
{
    const char *fixed_size = "Window: the size of fixed windows must be 1 ms or more";
    refuse((beam_window_opts){ .fn = beam_fixed(0) }, BEAM_EINVAL, fixed_size);
    refuse((beam_window_opts){ .fn = beam_fixed(-5) }, BEAM_EINVAL, fixed_size);
    refuse((beam_window_opts){ .fn = { .kind = BEAM_WINDOW_FIXED, .size = 10, .offset = 10 } }, BEAM_EINVAL,
           "Window: the offset of fixed windows must be from 0 to less than their size");
    refuse((beam_window_opts){ .fn = beam_sliding(0, 1) }, BEAM_EINVAL,
           "Window: the size of sliding windows must be 1 ms or more");
    refuse((beam_window_opts){ .fn = beam_sliding(1, 0) }, BEAM_EINVAL,
           "Window: the period of sliding windows must be 1 ms or more");
    refuse(
        (beam_window_opts){ .fn = { .kind = BEAM_WINDOW_SLIDING, .size = 10, .period = 5, .offset = -1 } }, BEAM_EINVAL,
        "Window: the offset of sliding windows must be from 0 to less than their period");
    refuse((beam_window_opts){ .fn = beam_sessions(0) }, BEAM_EINVAL,
           "Window: the gap of session windows must be 1 ms or more");
    refuse(
        (beam_window_opts){ .fn = { .kind = (beam_window_kind)9 } }, BEAM_EINVAL,
        "Window: the window function is of no known kind: use beam_global(), beam_fixed(), "
        "beam_sliding(), beam_sessions() or beam_custom()");
    refuse((beam_window_opts){ .fn = beam_fixed(INT64_MAX) }, BEAM_EINVAL,
           "Window: a duration is over BEAM_MAX_TIMESTAMP, the longest one there is");
    refuse((beam_window_opts){ .allowed_lateness = -1 }, BEAM_EINVAL,
           "Window: allowed_lateness must not be negative");
    refuse((beam_window_opts){ .accumulation = (beam_accumulation)3 }, BEAM_EINVAL,
           "Window: accumulation is no beam_accumulation");
    refuse((beam_window_opts){ .accumulation = BEAM_RETRACTING }, BEAM_EUNSUPPORTED,
           "Window: no runner supports BEAM_RETRACTING: use BEAM_DISCARDING or "
           "BEAM_ACCUMULATING");
    refuse((beam_window_opts){ .timestamp_combiner = (beam_timestamp_combiner)-1 },
           BEAM_EINVAL, "Window: timestamp_combiner is no beam_timestamp_combiner");
    refuse((beam_window_opts){ .closing = (beam_closing)2 }, BEAM_EINVAL,
           "Window: closing is no beam_closing");
    refuse((beam_window_opts){ .on_time = (beam_on_time)2 }, BEAM_EINVAL,
           "Window: on_time is no beam_on_time");
    beam_pipeline_free(p);
    p = beam_pipeline_new();
    beam_window_into_with(words(), "Window", NULL);
    expect_error(BEAM_EINVAL, "Window: its options are NULL");
}
END_TEST

START_TEST(bad_triggers)
{
#define REFUSE(t, message) \
    refuse((beam_window_opts){ .trigger = (t) }, BEAM_EINVAL, "Window: " message)
    REFUSE(BEAM_AFTER_COUNT(0),
           "the trigger fires after 0 elements: the count must be 1 or more");
    REFUSE(BEAM_REPEAT(BEAM_AFTER_COUNT(-3)),
           "the trigger fires after -3 elements: the count must be 1 or more");
    REFUSE(BEAM_AFTER_PROCESSING_TIME(-1), "the trigger's delay must not be negative");
    const beam_trigger aligned = { .kind = BEAM_TRIGGER_AFTER_PROCESSING_TIME,
                                   .align_period = -1 };
    REFUSE(&aligned, "the trigger's align_period and align_offset must not be negative");
    REFUSE(BEAM_REPEAT(NULL), "the trigger 'repeat' has nothing to repeat in arg[0]");
    REFUSE(BEAM_OR_FINALLY(BEAM_ALWAYS, NULL),
           "the trigger 'or finally' needs a trigger in arg[0] and one in arg[1]");
    REFUSE(BEAM_AFTER_ALL(NULL), "the trigger 'after all' needs one or more triggers");
    REFUSE(BEAM_AFTER_EACH(BEAM_ALWAYS, NULL, BEAM_NEVER),
           "the trigger 'after each' has NULL in arg[1] before a trigger in arg[2]");
    REFUSE(BEAM_AFTER_ANY(BEAM_AFTER_END_OF_WINDOW(NULL, BEAM_AFTER_COUNT(0))),
           "the trigger fires after 0 elements: the count must be 1 or more");
    const beam_trigger unknown = { .kind = (beam_trigger_kind)99 };
    REFUSE(&unknown, "the trigger is of no known kind");
    beam_trigger loop = { .kind = BEAM_TRIGGER_REPEAT };
    loop.arg[0] = &loop;
    REFUSE(&loop, "the trigger nests too deep");
#undef REFUSE
}
END_TEST

START_TEST(triggers_are_copied)
{
    beam_trigger count = { .kind = BEAM_TRIGGER_ELEMENT_COUNT, .count = 3 };
    beam_trigger repeat = { .kind = BEAM_TRIGGER_REPEAT, .arg = { &count } };
    beam_pcoll *c = beam_window_into(words(), "Window", beam_fixed(1),
                                     .trigger = &repeat);
    memset(&count, 0xff, sizeof count);
    memset(&repeat, 0xff, sizeof repeat);
    ck_assert_str_eq(bm_trigger_text(&p->arena, c->windowing->opts.trigger),
                     "repeat(count 3)");
}
END_TEST

/* -- after a GroupByKey --------------------------------------------------------------- */
START_TEST(nothing_changes)
{
    beam_pcoll *c = beam_window_into(pairs(), "Window", beam_fixed(1000));
    beam_pcoll *grouped = beam_group_by_key(c, "Group");
    ck_assert_ptr_eq(grouped->windowing, c->windowing);
}
END_TEST

START_TEST(sessions_are_merged_once)
{
    beam_pcoll *c = beam_window_into(pairs(), "Sessions", beam_sessions(1000));
    ck_assert(!c->windowing->already_merged);
    beam_pcoll *sums = beam_combine_per_key(c, "Sum", &beam_sum_int64);
    ck_assert(sums->windowing->already_merged);
    ck_assert_int_eq(sums->windowing->opts.fn.gap, 1000);
    beam_pcoll *again = beam_group_by_key(sums, "Group");
    ck_assert_ptr_eq(again->windowing, sums->windowing);
    beam_pcoll *fresh = beam_window_into(sums, "Fresh", beam_sessions(1000));
    ck_assert(!fresh->windowing->already_merged);
    beam_pcoll *both[] = { fresh, sums };
    beam_flatten(p, "Flatten", both, 2);
    ck_assert_ptr_nonnull(beam_pipeline_error(p));
}
END_TEST

static void continues_as(const beam_trigger *trigger, const char *text)
{
    const beam_trigger *next = bm_trigger_continuation(&p->arena, trigger);
    ck_assert_str_eq(bm_trigger_text(&p->arena, next), text);
}

START_TEST(continuations)
{
    const beam_trigger the_default = { .kind = BEAM_TRIGGER_DEFAULT };
    continues_as(&the_default, "default");
    continues_as(BEAM_NEVER, "never");
    continues_as(BEAM_ALWAYS, "always");
    continues_as(BEAM_AFTER_COUNT(9), "count 1");
    continues_as(BEAM_AFTER_PROCESSING_TIME(9), "after synchronized processing time");
    continues_as(BEAM_AFTER_END_OF_WINDOW(NULL, NULL), "after end of window");
    continues_as(BEAM_AFTER_END_OF_WINDOW(NULL, BEAM_AFTER_COUNT(9)),
                 "after end of window(-, count 1)");
    continues_as(BEAM_REPEAT(BEAM_AFTER_COUNT(9)), "repeat(count 1)");
    continues_as(BEAM_AFTER_ALL(BEAM_AFTER_COUNT(9), BEAM_NEVER),
                 "after all(count 1, never)");
    continues_as(BEAM_AFTER_ANY(BEAM_AFTER_COUNT(9)), "after any(count 1)");
    continues_as(BEAM_AFTER_EACH(BEAM_AFTER_COUNT(9), BEAM_ALWAYS),
                 "repeat(after any(count 1, always))");
    continues_as(BEAM_OR_FINALLY(BEAM_REPEAT(BEAM_AFTER_COUNT(9)), BEAM_NEVER),
                 "repeat(or finally(repeat(count 1), never))");
}
END_TEST

START_TEST(triggers_continue_after_grouping)
{
    beam_pcoll *c = beam_window_into(pairs(), "Window", beam_fixed(1000),
                                     .trigger = BEAM_REPEAT(BEAM_AFTER_COUNT(9)),
                                     .allowed_lateness = 7);
    beam_pcoll *grouped = beam_group_by_key(c, "Group");
    ck_assert_str_eq(
        bm_windowing_text(&p->arena, grouped->windowing),
        "fixed windows of 1 s, trigger repeat(count 1), allowed lateness 7 ms");
    ck_assert_str_eq(
        bm_windowing_text(&p->arena, c->windowing),
        "fixed windows of 1 s, trigger repeat(count 9), allowed lateness 7 ms");
}
END_TEST

START_TEST(text)
{
    bm_windowing w = { .opts = { .fn = { .kind = BEAM_WINDOW_FIXED, .size = 1500, .offset = 500 },
                                 .accumulation = BEAM_ACCUMULATING } };
    ck_assert_str_eq(bm_windowing_text(&p->arena, &w),
                     "fixed windows of 1500 ms from 500 ms, accumulating");
    ck_assert_str_eq(bm_windowing_text(&p->arena, &bm_default_windowing),
                     "global window");
}
END_TEST

static beam_status test_assign(beam_ctx *c, beam_value element, beam_millis t)
{
    (void)c, (void)element, (void)t;
    return BEAM_OK;
}
static beam_status test_merge(beam_ctx *c, const beam_window *all, size_t n)
{
    (void)c, (void)all, (void)n;
    return BEAM_OK;
}

START_TEST(windows_of_the_program)
{
    static const beam_custom_windows days = { .name = "test.days", .assign = test_assign };
    static const beam_custom_windows visits = { .name = "test.visits", .assign = test_assign,
                                                .merge = test_merge };
    char config[] = "berlin";
    beam_window_fn fn = beam_custom(&days);
    fn.config = beam_span_of(config);
    beam_pcoll *kvs = pairs();
    beam_pcoll *c = beam_window_into(kvs, "Days", fn);
    config[0] = 'B';
    ck_assert(beam_span_equal(c->windowing->opts.fn.config, beam_span_of("berlin")));
    ck_assert_str_eq(bm_windowing_text(&p->arena, c->windowing), "windows of 'test.days'");
    ck_assert_ptr_eq(beam_group_by_key(c, "By day")->windowing, c->windowing);
    ck_assert(!bm_windowing_compatible(
        c->windowing, beam_window_into(kvs, "Elsewhere", beam_custom(&days))->windowing));

    beam_pcoll *merging = beam_window_into(kvs, "Visits", beam_custom(&visits));
    ck_assert(!merging->windowing->already_merged);
    ck_assert(beam_group_by_key(merging, "By visit")->windowing->already_merged);
    expect_no_error();
}
END_TEST

START_TEST(window_fns_are_named_and_registered)
{
    static const beam_custom_windows days = { .name = "test.days", .assign = test_assign };
    static const beam_custom_windows twin = { .name = "test.days", .assign = test_assign };
    static const beam_custom_windows no_name = { .assign = test_assign };
    static const beam_custom_windows no_assign = { .name = "test.days" };
    refuse((beam_window_opts){ .fn = beam_custom(NULL) }, BEAM_EINVAL,
           "Window: the WindowFn of beam_custom() is NULL");
    refuse((beam_window_opts){ .fn = beam_custom(&no_name) }, BEAM_EINVAL,
           "Window: the WindowFn has no name: give it one, unique in the program");
    refuse((beam_window_opts){ .fn = beam_custom(&no_assign) }, BEAM_EINVAL,
           "Window: the WindowFn has no .assign");
    static const beam_custom_windows *const table[] = { &days };
    const beam_functions functions = { .window_fns = BEAM_TABLE(table) };
    const beam_window_fn fns[] = { beam_custom(&days), beam_custom(&twin) };
    static const char *const messages[] = {
        NULL, "Window: another WindowFn 'test.days' is in beam_program.window_fns: give each a "
              "name of its own"
    };
    for (size_t i = 0; i < 3; i++) {
        bm_registry registry;
        ck_assert_int_eq(bm_registry_init(&registry, i < 2 ? &functions : NULL, NULL), BEAM_OK);
        beam_pipeline_free(p);
        p = beam_pipeline_new();
        p->registry = &registry;
        beam_window_into(words(), "Window", fns[i % 2]);
        if (i == 2)
            expect_error(BEAM_EINVAL, "Window: WindowFn 'test.days' is not in "
                                      "beam_program.window_fns: add it");
        else if (messages[i])
            expect_error(BEAM_EINVAL, messages[i]);
        else
            expect_no_error();
        bm_registry_free(&registry);
    }
}
END_TEST

RUN("windowing", windows, windows_of_the_program, window_fns_are_named_and_registered, bad_options, bad_triggers, triggers_are_copied, nothing_changes,
    sessions_are_merged_once, continuations, triggers_continue_after_grouping, text)
