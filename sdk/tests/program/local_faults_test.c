/* SPDX-License-Identifier: Apache-2.0 */
/* The local runner is unkind to the worker: results stay the same. */
#include <time.h>

#include "local_fixture.h"

enum { N_NUMBERS = 200, N_KEYS = 5 };

/* -- functions ---------------------------------------------------------------------------- */
enum { ALL };
static const beam_side_spec sides[] = { [ALL] = { .tag = "all", .kind = BEAM_SIDE_ITERABLE,
                                                  .type = BEAM_INT64 } };

/* n -> KV<n % N_KEYS, n + how many there are> */
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

enum { SEEN };
static const beam_state_spec states[] = { [SEEN] = BEAM_BAG_STATE("seen", BEAM_INT64) };
enum { END };
static const beam_timer_spec timers[] = { [END] = { "end", BEAM_EVENT_TIME } };

static beam_status keep(beam_ctx *c, beam_value in)
{
    BEAM_TRY(beam_state_add(c, SEEN, beam_val(in)));
    return beam_timer_set(c, END, 1000);
}

/* KV<how many, sum> of the key */
static beam_status at_end(beam_ctx *c, const beam_timer *timer)
{
    (void)timer;
    int64_t n = 0, sum = 0;
    beam_iter *it = beam_state_iter(c, SEEN);
    for (beam_value v; beam_next(it, &v); n++) sum += beam_as_int64(v);
    BEAM_TRY(beam_state_clear(c, SEEN));
    return beam_emit_kv(c, beam_int64(n), beam_int64(sum));
}

static const beam_dofn keep_fn = { .name = "test.keep",
                                   .in = BEAM_KV(BEAM_INT64, BEAM_INT64),
                                   .out = BEAM_KV(BEAM_INT64, BEAM_INT64),
                                   .states = BEAM_TABLE(states),
                                   .timers = BEAM_TABLE(timers),
                                   .process = keep,
                                   .on_timer = at_end };

/* Numbers with a side input, kept by key in state until a timer, then grouped by how many. */
static void build(void)
{
    static beam_value numbers[N_NUMBERS];
    for (size_t i = 0; i < N_NUMBERS; i++) numbers[i] = beam_int64((int64_t)i);
    beam_pcoll *in = beam_create(p, "Numbers", BEAM_INT64, numbers, N_NUMBERS);
    beam_pcoll *keyed = beam_par_do(in, "ByKey", &by_key_fn, .sides = { [ALL] = in });
    beam_pcoll *kept = beam_par_do(keyed, "Keep", &keep_fn);
    beam_par_do(beam_group_by_key(kept, "Group"), "Collect", &collect_fn);
    beam_par_do(kept, "CollectKept", &collect_fn);
}

/* Key k has 40 numbers k, k + 5, ...: their sum is 40 * (k + 97.5), plus 40 * 200. */
#define EXPECTED                                                             \
    "KV{40, 11900} KV{40, 11940} KV{40, 11980} KV{40, 12020} KV{40, 12060} " \
    "KV{40, iterable of 5}"

/* -- kinds of unkindness -------------------------------------------------------------------- */
static const bm_local_faults harmless[] = {
    { .data_before_request = true },
    { .last_with_data = true },
    { .data_bytes = 1 },
    { .data_bytes = 7, .last_with_data = true, .data_before_request = true },
    { .embed_elements = true },
    { .no_response_embedding = true, .no_short_ids = true },
    { .cache_tokens = true },
    { .state_page_bytes = 1 },
    { .reorder_state = 3, .state_page_bytes = 5 },
    { .progress_every_ms = 1 },
    { .split_every_ms = 1 },
    { .split_every_ms = 1, .split_fraction = 0.5, .cache_tokens = true },
    { .unknown_instructions = true },
    { .late_instructions = true },
};

START_TEST(same_results)
{
    faults = harmless[_i];
    job.opts.max_bundle_elements = 30;
    job.opts.timeout_ms = 20000;
    job.log_level = BEAM_LOG_CRITICAL;
    build();
    expect_done();
    expect_collected(EXPECTED);
}
END_TEST

START_TEST(many_bundles_at_once)
{
    job.opts.parallelism = 64;
    job.opts.max_bundle_elements = 2;
    build();
    expect_done();
    expect_collected(EXPECTED);
}
END_TEST

static beam_status pass_slowly(beam_ctx *c, beam_value in)
{
    nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    return beam_emit(c, in);
}

static const beam_dofn slow_fn = {
    .name = "test.slow", .in = BEAM_INT64, .out = BEAM_INT64, .process = pass_slowly
};

/* What is split off is processed once, by another bundle. */
START_TEST(splits)
{
    static const double fractions[] = { 0, 0.3, 0.9 };
    beam_value numbers[N_NUMBERS];
    for (size_t i = 0; i < N_NUMBERS; i++) numbers[i] = beam_int64(1000 + (int64_t)i);
    faults.split_every_ms = 3;
    faults.split_fraction = fractions[_i];
    beam_pcoll *in = beam_create(p, "Numbers", BEAM_INT64, numbers, N_NUMBERS);
    beam_par_do(beam_par_do(in, "Slow", &slow_fn), "Collect", &collect_fn);
    expect_done();
    ck_assert_uint_gt(result.n_splits, 5);
    ck_assert_uint_gt(result.n_bundles, 5);
    const char *text = collected();
    for (int i = 0; i < N_NUMBERS; i++, text += 5)
        ck_assert_msg(atoi(text) == 1000 + i, "%d: %s", i, text);
    ck_assert_str_eq(text - 1, "");
}
END_TEST

static const bm_local_faults breaking[] = {
    { .drop_control_after = 4 },
    { .drop_data_after = 4 },
    { .drop_state_after = 4 },
};

/* Only that a lost stream ends in a second try and the right result, or is told. */
START_TEST(lost_streams_are_survived)
{
    faults = breaking[_i];
    job.opts.max_bundle_elements = 30;
    job.opts.bundle_retries = 3;
    job.opts.timeout_ms = 20000;
    job.log_level = BEAM_LOG_CRITICAL;
    build();
    expect_done();
    expect_collected(EXPECTED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("local_faults");
    TCase *tcase = tcase_create("local_faults");
    tcase_add_checked_fixture(tcase, setup_local, teardown_local);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, same_results, 0, BEAM_COUNT(harmless));
    tcase_add_test(tcase, many_bundles_at_once);
    tcase_add_loop_test(tcase, splits, 0, 3);
    tcase_add_loop_test(tcase, lost_streams_are_survived, 0, BEAM_COUNT(breaking));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
