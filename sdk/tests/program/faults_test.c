/* SPDX-License-Identifier: Apache-2.0 */
/* One pipeline with all that makes a worker talk to its runner (a splittable DoFn, a side
 * input, state, a timer, a combine) gives the same results whatever the runner does: each
 * fault alone, and several at once. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "beam/splittable.h"
#include "beam/testing.h"

enum { N_NUMBERS = 20, N_OFFSETS = 10, N_KEYS = 5 };

static beam_pipeline *p;
static beam_error err;

static void setup(void)
{
    p = beam_pipeline_new();
}

static void teardown(void)
{
    beam_pipeline_free(p);
}

/* -- n -> n * 10, n * 10 + 1, ... n * 10 + 9 -------------------------------------------- */
static beam_value whole(beam_ctx *c, beam_value n)
{
    (void)n;
    return beam_offsets(c, 0, N_OFFSETS);
}

static beam_status spread(beam_ctx *c, beam_value n)
{
    int64_t at = beam_offset_from(beam_restriction(c));
    for (; beam_claim_offset(c, at); at++) {
        nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL); /* there is time to split */
        BEAM_TRY(beam_emit(c, beam_int64(beam_as_int64(n) * N_OFFSETS + at)));
    }
    return BEAM_OK;
}

static const beam_sdf spread_sdf = { .tracker = &beam_offset_tracker, .initial = whole };
static const beam_dofn spread_fn = { .name = "test.spread",
                                     .in = BEAM_INT64,
                                     .out = BEAM_INT64,
                                     .process = spread,
                                     .sdf = &spread_sdf };

/* -- n -> KV<n % N_KEYS, n + how many elements the side input has> ------------------------- */
enum { ALL };
static const beam_side_spec sides[] = {
    [ALL] = { .tag = "all", .kind = BEAM_SIDE_ITERABLE, .type = BEAM_INT64 }
};

static beam_status by_key(beam_ctx *c, beam_value n)
{
    int64_t many = 0;
    beam_iter *it = beam_side_iter(c, ALL);
    for (beam_value v; beam_next(it, &v);) many++;
    return beam_emit_kv(c, beam_int64(beam_as_int64(n) % N_KEYS),
                        beam_int64(beam_as_int64(n) + many));
}

static const beam_dofn by_key_fn = { .name = "test.by_key",
                                     .in = BEAM_INT64,
                                     .out = BEAM_KV(BEAM_INT64, BEAM_INT64),
                                     .sides = BEAM_TABLE(sides),
                                     .process = by_key };

/* -- the sum of a key, from state, when its timer fires ------------------------------------ */
enum { SEEN, MANY };
static const beam_state_spec states[] = { [SEEN] = BEAM_BAG_STATE("seen", BEAM_INT64),
                                          [MANY] = BEAM_VALUE_STATE("many", BEAM_INT64) };
enum { END };
static const beam_timer_spec timers[] = { [END] = { "end", BEAM_EVENT_TIME } };

static beam_status keep(beam_ctx *c, beam_value in)
{
    beam_value many = beam_state_read(c, MANY);
    int64_t n = many.kind == BEAM_KIND_INT64 ? beam_as_int64(many) : 0;
    BEAM_TRY(beam_state_write(c, MANY, beam_int64(n + 1)));
    BEAM_TRY(beam_state_add(c, SEEN, beam_val(in)));
    return beam_timer_set(c, END, 1000);
}

static beam_status at_end(beam_ctx *c, const beam_timer *timer)
{
    int64_t n = 0, sum = 0;
    beam_iter *it = beam_state_iter(c, SEEN);
    for (beam_value v; beam_next(it, &v); n++) sum += beam_as_int64(v);
    if (n != beam_as_int64(beam_state_read(c, MANY)))
        return beam_fail(c, BEAM_ESTATE, "two states of a key do not agree");
    BEAM_TRY(beam_state_clear(c, SEEN));
    BEAM_TRY(beam_state_clear(c, MANY));
    return beam_emit_kv(c, timer->key, beam_int64(sum));
}

static const beam_dofn keep_fn = { .name = "test.keep",
                                   .in = BEAM_KV(BEAM_INT64, BEAM_INT64),
                                   .out = BEAM_KV(BEAM_INT64, BEAM_INT64),
                                   .states = BEAM_TABLE(states),
                                   .timers = BEAM_TABLE(timers),
                                   .process = keep,
                                   .on_timer = at_end };

/* Key k has the 40 numbers k, k + 5, ..., each with 20 added. */
#define SUMS "0: 4700\n1: 4740\n2: 4780\n3: 4820\n4: 4860"

static void build(void)
{
    beam_value numbers[N_NUMBERS];
    for (int64_t i = 0; i < N_NUMBERS; i++) numbers[i] = beam_int64(i);
    beam_pcoll *in = beam_create(p, "Numbers", BEAM_INT64, numbers, N_NUMBERS);
    beam_pcoll *all = beam_par_do(in, "Spread", &spread_fn);
    beam_pcoll *keyed = beam_par_do(all, "ByKey", &by_key_fn, .sides = { [ALL] = in });
    beam_assert_that(all, "All", .count = N_NUMBERS * N_OFFSETS);
    beam_assert_that(beam_combine_per_key(keyed, "Sum", &beam_sum_int64), "Sums",
                     .lines = SUMS);
    beam_assert_that(beam_par_do(keyed, "Keep", &keep_fn), "Kept", .lines = SUMS);
}

static void expect_sums(const beam_test_opts *opts)
{
    build();
    beam_status status = beam_test_run_with(p, opts);
    ck_assert_msg(status == BEAM_OK, "%s", err.message);
}

/* As Check's own limits, for slow machines such as valgrind's. */
static int patience_s(void)
{
    const char *times = getenv("CK_TIMEOUT_MULTIPLIER");
    return 40 * (times && atoi(times) > 0 ? atoi(times) : 1);
}

/* -- faults ---------------------------------------------------------------------------------- */
static const beam_test_faults harmless[] = {
    { .data_before_request = true },
    { .last_with_data = true },
    { .data_bytes = 1 },
    { .data_bytes = 64 },
    { .embed_elements = true },
    { .no_response_embedding = true },
    { .no_short_ids = true },
    { .cache_tokens = true },
    { .state_page_bytes = 1 },
    { .reorder_state = 3 },
    { .progress_every_ms = 1 },
    { .split_every_ms = 1 },
    { .split_every_ms = 1, .split_fraction = 0.5 },
    { .unknown_instructions = true },
    { .late_instructions = true },
    /* Several at once. */
    { .data_before_request = true, .last_with_data = true, .data_bytes = 3 },
    { .embed_elements = true, .no_response_embedding = true, .cache_tokens = true },
    { .state_page_bytes = 2, .reorder_state = 2, .cache_tokens = true },
    { .split_every_ms = 1, .split_fraction = 0.5, .progress_every_ms = 1, .data_bytes = 5 },
    { .unknown_instructions = true, .late_instructions = true, .split_every_ms = 2 },
    { .data_before_request = true, .last_with_data = true, .data_bytes = 7,
      .no_response_embedding = true, .no_short_ids = true, .cache_tokens = true,
      .state_page_bytes = 3, .reorder_state = 2, .progress_every_ms = 1,
      .split_every_ms = 2, .split_fraction = 0.3, .unknown_instructions = true,
      .late_instructions = true },
};

START_TEST(results_stay_the_same)
{
    expect_sums(&(beam_test_opts){ .local = true,
                                   .err = &err,
                                   .timeout_s = patience_s(),
                                   .bundle_size = 7,
                                   .parallelism = 4,
                                   .log_level = BEAM_LOG_CRITICAL,
                                   .faults = &harmless[_i] });
}
END_TEST

/* Names of metrics that a lost worker was still asked for are lost with it, and with them
 * perhaps the count of an assertion: metrics have their names. */
static const beam_test_faults dropping[] = {
    { .drop_control_after = 5, .no_short_ids = true },
    { .drop_control_after = 9, .no_short_ids = true, .cache_tokens = true },
    { .drop_data_after = 5 },
    { .drop_state_after = 5 },
    { .drop_data_after = 7, .data_bytes = 3, .last_with_data = true },
    { .drop_state_after = 7, .state_page_bytes = 1, .cache_tokens = true },
};

/* What a lost stream fails is tried again, with the state as it was. */
START_TEST(lost_streams_are_survived)
{
    expect_sums(&(beam_test_opts){ .local = true,
                                   .err = &err,
                                   .timeout_s = patience_s(),
                                   .bundle_size = 7,
                                   .parallelism = 4,
                                   .bundle_retries = 3,
                                   .log_level = BEAM_LOG_CRITICAL,
                                   .faults = &dropping[_i] });
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("faults");
    TCase *tcase = tcase_create("faults");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, results_stay_the_same, 0, BEAM_COUNT(harmless));
    tcase_add_loop_test(tcase, lost_streams_are_survived, 0, BEAM_COUNT(dropping));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
