/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as data of DoFns with state, timers and restrictions: a failed element is a row, and
 * leaves nothing else but what a splittable DoFn had claimed. */
#include <string.h>

#include "shared.h"

#define PAIR BEAM_KV(BEAM_STRING, BEAM_INT64)

/* Elements and failures as one collection of text; without the restriction, which a runner may
 * have split. */
static beam_status describe_failure(beam_ctx *c, beam_value row)
{
    char *error = beam_cstr(c, beam_as_span(beam_list_at(row, 4)));
    char *restriction = strstr(error, "; restriction ");
    if (restriction) *restriction = '\0';
    return beam_emit(
        c, beam_string(beam_format(c, BEAM_SPAN_FMT " of %zu bytes failed: %s (%d)",
                                   BEAM_SPAN_ARG(beam_as_span(beam_list_at(row, 3))),
                                   beam_as_span(beam_list_at(row, 2)).len, error,
                                   (int)beam_as_int64(beam_list_at(row, 6)))));
}
static const beam_dofn describe_fn = { .name = "model.failures.describe", .in = BEAM_FAILURE,
                                       .out = BEAM_STRING, .process = describe_failure };

static beam_pcoll *with_failures(beam_pcoll *good, beam_pcoll *bad)
{
    beam_pcoll *both[] = { good, beam_par_do(bad, "Describe", &describe_fn) };
    return beam_flatten(beam_pcoll_pipeline(good), "Both", both, 2);
}

static beam_pcoll *events(beam_pipeline *p)
{
    static const char *const keys[] = { "a", "a", "a", "b" };
    static const int64_t numbers[] = { 1, 2, 3, 4 };
    return create_timed(p, "Create", keys, numbers, BEAM_COUNT(keys));
}

/* -- state: odd numbers are kept, then even ones fail ----------------------------------- */
enum { SUM, SEEN, NAMES };
static const beam_state_spec states[] = { [SUM] = BEAM_COMBINING_STATE("sum", &beam_sum_int64),
                                          [SEEN] = BEAM_BAG_STATE("seen", BEAM_INT64),
                                          [NAMES] = BEAM_SET_STATE("names", BEAM_INT64) };
enum { END };
static const beam_timer_spec timers[] = { [END] = { "end", BEAM_EVENT_TIME } };

static beam_status keep_odd(beam_ctx *c, beam_value in)
{
    int64_t n = beam_as_int64(beam_val(in));
    BEAM_TRY(beam_state_add(c, SUM, beam_val(in)));
    BEAM_TRY(beam_state_add(c, SEEN, beam_val(in)));
    BEAM_TRY(beam_state_add(c, NAMES, beam_val(in)));
    BEAM_TRY(beam_timer_set(c, END, beam_timestamp(c) + 1000 * n));
    if (n % 2) return BEAM_OK;
    return beam_fail(c, BEAM_EINVAL, "%lld is even", (long long)n);
}

static int64_t count_of(beam_iter *it)
{
    int64_t n = 0;
    for (beam_value v; beam_next(it, &v);) n++;
    return n;
}

static beam_status tell(beam_ctx *c, const beam_timer *timer)
{
    return beam_emit(c, beam_string(beam_format(
                            c, BEAM_SPAN_FMT ": sum %lld, %lld seen, %lld names",
                            BEAM_SPAN_ARG(beam_as_span(timer->key)),
                            (long long)beam_as_int64(beam_state_read(c, SUM)),
                            (long long)count_of(beam_state_iter(c, SEEN)),
                            (long long)count_of(beam_state_iter(c, NAMES)))));
}
static const beam_dofn odd_fn = {
    .name = "model.failures.odd", .in = PAIR, .out = BEAM_STRING,
    .states = BEAM_TABLE(states), .timers = BEAM_TABLE(timers),
    .process = keep_odd, .on_timer = tell,
};

static beam_pcoll *of_state(beam_pipeline *p)
{
    beam_pcoll *bad, *good = beam_par_do(events(p), "Odd", &odd_fn, .failures = &bad,
                                         .attempts = 2);
    return with_failures(good, bad);
}

/* -- timers: that of "b" fails ------------------------------------------------------------ */
static beam_status wait_for_end(beam_ctx *c, beam_value in)
{
    BEAM_TRY(beam_state_add(c, SUM, beam_val(in)));
    return beam_timer_set(c, END, 10000);
}

static beam_status end_of_a(beam_ctx *c, const beam_timer *timer)
{
    BEAM_TRY(tell(c, timer));
    if (beam_as_span(timer->key).ptr[0] == 'a') return BEAM_OK;
    return beam_fail(c, BEAM_EINVAL, "no end");
}
static const beam_dofn end_fn = {
    .name = "model.failures.end", .in = PAIR, .out = BEAM_STRING,
    .states = BEAM_TABLE(states), .timers = BEAM_TABLE(timers),
    .process = wait_for_end, .on_timer = end_of_a,
};

static beam_pcoll *of_timers(beam_pipeline *p)
{
    beam_pcoll *bad, *good = beam_par_do(events(p), "End", &end_fn, .failures = &bad);
    return with_failures(good, bad);
}

/* -- restrictions: 3 fails after two of its claims ------------------------------------------ */
static beam_value up_to(beam_ctx *c, beam_value n)
{
    return beam_offsets(c, 0, beam_as_int64(n));
}
static beam_status count_up(beam_ctx *c, beam_value n)
{
    for (int64_t i = beam_offset_from(beam_restriction(c)); beam_claim_offset(c, i); i++) {
        BEAM_TRY(beam_emit(c, beam_string(beam_format(c, "%lld of %lld", (long long)i,
                                                      (long long)beam_as_int64(n)))));
        if (beam_as_int64(n) == 3 && i == 1) return beam_fail(c, BEAM_EUSER, "too much");
    }
    return BEAM_OK;
}
static const beam_sdf count_sdf = { .tracker = &beam_offset_tracker, .initial = up_to };
static const beam_dofn count_fn = { .name = "model.failures.count", .in = BEAM_INT64,
                                    .out = BEAM_STRING, .process = count_up, .sdf = &count_sdf };

static beam_pcoll *of_restrictions(beam_pipeline *p)
{
    static const int64_t numbers[] = { 3, 2 };
    beam_pcoll *in = create_ints(p, "Create", numbers, BEAM_COUNT(numbers));
    beam_pcoll *bad, *good = beam_par_do(in, "Count", &count_fn, .failures = &bad);
    return with_failures(good, bad);
}

static const model_test tests[] = {
    { "failures_of_state", of_state,
      "KV{\"a\", 2} of 3 bytes failed: 2 is even (2)\nKV{\"b\", 4} of 3 bytes failed: 4 is even (2)\n"
      "a: sum 4, 2 seen, 2 names\n" },
    { "failures_of_timers", of_timers,
      "\"b\" of 1 bytes failed: timer 'end': no end (1)\na: sum 6, 0 seen, 0 names\n" },
    { "failures_of_restrictions", of_restrictions,
      "0 of 2\n0 of 3\n1 of 2\n1 of 3\n3 of 1 bytes failed: too much (1)\n" },
};

static const beam_dofn *const dofns[] = { &describe_fn, &odd_fn, &end_fn, &count_fn };

const model_suite failures_suite = { tests, BEAM_COUNT(tests), dofns, BEAM_COUNT(dofns), NULL, 0 };
