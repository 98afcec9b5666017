/* SPDX-License-Identifier: Apache-2.0 */
/* Splits of the element under way: asked for by process() itself, so that they come at a
 * known place, and by another thread as fast as it can. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "beam_urns.h"
#include "sdf_fixture.h"

#define PROCESS_URN BEAM_URN_TRANSFORM_SDF_PROCESS_SIZED_ELEMENT_AND_RESTRICTIONS

static fixture f;

/* A split that is asked for when `at` is claimed for the `nth` time. */
typedef struct wish {
    int64_t at;
    bm_split_wish split;
    bool done;
    bm_split got;
} wish;
static wish wishes[4];
static size_t n_wishes;

static void ask(beam_ctx *c, int64_t offset)
{
    (void)c;
    for (size_t i = 0; i < n_wishes; i++) {
        wish *w = &wishes[i];
        if (w->at != offset || w->got.last_primary != -9) continue;
        w->done = bm_plan_split(f.plan, 0, &w->split, &f.arena, &w->got);
        if (!w->done) w->got.last_primary = -8;
        return;
    }
}

static void begin(const char *fn)
{
    n_wishes = 0;
    bad = NULL;
    on_claim = ask;
    sdf_build_process(&f, fn);
}

static void end(void)
{
    on_claim = NULL;
    fixture_free(&f);
}

static wish *want(int64_t at, double fraction, int64_t estimated)
{
    wish *w = &wishes[n_wishes++];
    *w = (wish){ .at = at, .split = { fraction, estimated, NULL, 0 }, .got.last_primary = -9 };
    return w;
}

static void expect_split(const wish *w, int64_t last_primary, int64_t first_residual,
                         const char *primaries, const char *residuals)
{
    ck_assert_msg(w->done, "no split");
    ck_assert_int_eq(w->got.last_primary, last_primary);
    ck_assert_int_eq(w->got.first_residual, first_residual);
    ck_assert_str_eq(sdf_roots(&f, w->got.primaries), primaries);
    ck_assert_str_eq(sdf_roots(&f, w->got.residuals), residuals);
}

#define NO_TIME " bounded 0 out=-9223372036854775\n"

/* -- the element ------------------------------------------------------------------------- */
START_TEST(an_element_is_split_in_half)
{
    begin("test.count");
    fixture_put(&f, 0, sdf_sized(&f, 1, 0, 10));
    wish *half = want(3, 0.5, 1);
    fixture_run(&f);
    /* 3 is under way; 7 of 10 are left with it, of which 3.5 are kept. */
    expect_split(half, -1, 1, "KV{KV{1, KV{KV{0, 6}, 0}}, 6}" NO_TIME,
                 "KV{KV{1, KV{KV{6, 10}, 0}}, 4}" NO_TIME);
    expect_output(&f, 0, "100\n101\n102\n103\n104\n105\n");
    ck_assert_str_eq(sdf_residuals(&f), "");
    end();
}
END_TEST

START_TEST(a_checkpoint_keeps_what_is_claimed)
{
    begin("test.count");
    fixture_put(&f, 0, sdf_sized(&f, 1, 0, 10));
    wish *now = want(3, 0, 1);
    fixture_run(&f);
    expect_split(now, -1, 1, "KV{KV{1, KV{KV{0, 4}, 0}}, 4}" NO_TIME,
                 "KV{KV{1, KV{KV{4, 10}, 0}}, 6}" NO_TIME);
    expect_output(&f, 0, "100\n101\n102\n103\n");
    end();
}
END_TEST

START_TEST(later_elements_go_with_the_residual)
{
    begin("test.count");
    fixture_put(&f, 0, sdf_sized(&f, 9, 20, 21));
    fixture_put(&f, 0, sdf_sized(&f, 1, 0, 10));
    fixture_put(&f, 0, sdf_sized(&f, 5, 0, 5));
    wish *now = want(0, 0, 3);
    fixture_run(&f);
    expect_split(now, 0, 2, "KV{KV{1, KV{KV{0, 1}, 0}}, 1}" NO_TIME,
                 "KV{KV{1, KV{KV{1, 10}, 0}}, 9}" NO_TIME);
    expect_output(&f, 0, "920\n100\n");
    end();
}
END_TEST

START_TEST(it_is_split_again_and_again)
{
    begin("test.count");
    fixture_put(&f, 0, sdf_sized(&f, 1, 0, 100));
    fixture_put(&f, 0, sdf_sized(&f, 5, 0, 5));
    wish *first = want(0, 0.25, 2);  /* 25 of 100, and of the other element as much */
    wish *second = want(1, 0.5, 2);
    wish *third = want(2, 0, 2);
    fixture_run(&f);
    expect_split(first, -1, 1, "KV{KV{1, KV{KV{0, 50}, 0}}, 50}" NO_TIME,
                 "KV{KV{1, KV{KV{50, 100}, 0}}, 50}" NO_TIME);
    expect_split(second, -1, 1, "KV{KV{1, KV{KV{0, 25}, 0}}, 25}" NO_TIME,
                 "KV{KV{1, KV{KV{25, 50}, 0}}, 25}" NO_TIME);
    expect_split(third, -1, 1, "KV{KV{1, KV{KV{0, 3}, 0}}, 3}" NO_TIME,
                 "KV{KV{1, KV{KV{3, 25}, 0}}, 22}" NO_TIME);
    expect_output(&f, 0, "100\n101\n102\n");
    end();
}
END_TEST

/* -- or the channel ------------------------------------------------------------------------ */
START_TEST(many_elements_are_split_between_two)
{
    begin("test.count");
    for (int64_t i = 1; i <= 4; i++) fixture_put(&f, 0, sdf_sized(&f, i, 0, 2));
    wish *half = want(0, 0.5, 4);
    fixture_run(&f);
    expect_split(half, 1, 2, "", "");
    expect_output(&f, 0, "100\n101\n200\n201\n");
    end();
}
END_TEST

START_TEST(only_allowed_points_are_split_at)
{
    begin("test.count");
    for (int64_t i = 1; i <= 3; i++) fixture_put(&f, 0, sdf_sized(&f, i, 0, 4));
    static const int64_t points[] = { 0, 2 };
    wish *now = want(0, 0, 3);
    now->split.allowed = points;
    now->split.n_allowed = 2;
    fixture_run(&f);
    expect_split(now, 1, 2, "", ""); /* 0 and 1 would be needed for the element */
    end();

    begin("test.count");
    for (int64_t i = 1; i <= 3; i++) fixture_put(&f, 0, sdf_sized(&f, i, 0, 4));
    static const int64_t both[] = { 0, 1 };
    now = want(0, 0, 3);
    now->split.allowed = both;
    now->split.n_allowed = 2;
    fixture_run(&f);
    expect_split(now, -1, 1, "KV{KV{1, KV{KV{0, 1}, 0}}, 1}" NO_TIME,
                 "KV{KV{1, KV{KV{1, 4}, 0}}, 3}" NO_TIME);
    end();
}
END_TEST

START_TEST(an_element_that_is_claimed_is_not_split)
{
    begin("test.count");
    fixture_put(&f, 0, sdf_sized(&f, 1, 0, 2));
    fixture_put(&f, 0, sdf_sized(&f, 2, 0, 2));
    wish *now = want(1, 0, 2);
    fixture_run(&f);
    expect_split(now, 0, 1, "", "");
    expect_output(&f, 0, "100\n101\n");
    end();

    begin("test.count");
    fixture_put(&f, 0, sdf_sized(&f, 1, 0, 2));
    now = want(1, 0, 1);
    fixture_run(&f);
    ck_assert(now->done); /* of the channel: behind its last element */
    ck_assert_uint_eq(now->got.residuals.n, 0);
    expect_output(&f, 0, "100\n101\n");
    end();
}
END_TEST

/* -- windows ------------------------------------------------------------------------------------ */
static wish *in_windows(int64_t at, double fraction)
{
    n_wishes = 0;
    bad = NULL;
    on_claim = ask;
    sdf_build(&f, PROCESS_URN, "test.watch", SIZED, "varint", "interval_window");
    const beam_window windows[] = { { 0, 10, { 0 } }, { 5, 15, { 0 } }, { 10, 20, { 0 } } };
    fixture_put_in(&f, 0, sdf_sized(&f, 1, 0, 4), 6, windows, 3);
    wish *w = want(at, fraction, 1);
    fixture_run(&f);
    return w;
}

START_TEST(windows_are_given_away_whole)
{
    wish *half = in_windows(0, 0.6);
    expect_split(half, -1, 1, "KV{KV{1, KV{KV{0, 4}, 0}}, 4} @6 [0, 10) [5, 15) bounded 0 out=6\n",
                 "KV{KV{1, KV{KV{0, 4}, 0}}, 4} @6 [10, 20) bounded 0 out=6\n");
    expect_output(&f, 0, "100 @6 [0, 10)\n101 @6 [0, 10)\n102 @6 [0, 10)\n103 @6 [0, 10)\n"
                         "100 @6 [5, 15)\n101 @6 [5, 15)\n102 @6 [5, 15)\n103 @6 [5, 15)\n");
    end();
}
END_TEST

static int seen;
static void ask_in_second_window(beam_ctx *c, int64_t offset)
{
    if (++seen > 4) ask(c, offset);
}

START_TEST(a_window_is_split_and_later_ones_go_with_it)
{
    n_wishes = 0;
    seen = 0;
    on_claim = ask_in_second_window;
    sdf_build(&f, PROCESS_URN, "test.watch", SIZED, "varint", "interval_window");
    const beam_window windows[] = { { 0, 10, { 0 } }, { 5, 15, { 0 } }, { 10, 20, { 0 } } };
    fixture_put_in(&f, 0, sdf_sized(&f, 1, 0, 4), 6, windows, 3);
    wish *now = want(1, 0, 1);
    fixture_run(&f);
    expect_split(now, -1, 1,
                 "KV{KV{1, KV{KV{0, 2}, 0}}, 2} @6 [5, 15) bounded 0 out=6\n"
                 "KV{KV{1, KV{KV{0, 4}, 0}}, 4} @6 [0, 10) bounded 0 out=6\n",
                 "KV{KV{1, KV{KV{2, 4}, 0}}, 2} @6 [5, 15) bounded 0 out=6\n"
                 "KV{KV{1, KV{KV{0, 4}, 0}}, 4} @6 [10, 20) bounded 0 out=6\n");
    expect_output(&f, 0, "100 @6 [0, 10)\n101 @6 [0, 10)\n102 @6 [0, 10)\n103 @6 [0, 10)\n"
                         "100 @6 [5, 15)\n101 @6 [5, 15)\n");
    end();
}
END_TEST

START_TEST(windows_nobody_looks_at_stay_together)
{
    n_wishes = 0;
    on_claim = ask;
    sdf_build(&f, PROCESS_URN, "test.count", SIZED, "varint", "interval_window");
    const beam_window windows[] = { { 0, 10, { 0 } }, { 5, 15, { 0 } } };
    fixture_put_in(&f, 0, sdf_sized(&f, 1, 0, 4), 6, windows, 2);
    wish *now = want(0, 0, 1);
    fixture_run(&f);
    expect_split(now, -1, 1,
                 "KV{KV{1, KV{KV{0, 1}, 0}}, 1} @6 [0, 10) [5, 15) bounded 0 out=6\n",
                 "KV{KV{1, KV{KV{1, 4}, 0}}, 3} @6 [0, 10) [5, 15) bounded 0 out=6\n");
    end();
}
END_TEST

/* -- trackers ------------------------------------------------------------------------------------- */
START_TEST(an_end_that_grows_is_asked_for)
{
    begin("test.endless");
    fixture_put(&f, 0, sdf_sized(&f, 1, 0, INT64_MAX));
    wish *half = want(1, 0.5, 1);
    fixture_run(&f);
    expect_split(half, -1, 1,
                 "KV{KV{1, KV{KV{0, 5}, 0}}, 5} unbounded 0 out=-9223372036854775\n",
                 "KV{KV{1, KV{KV{5, 9223372036854775807}, 0}}, 5} unbounded 0 "
                 "out=-9223372036854775\n");
    expect_output(&f, 0, "100\n101\n102\n");
    ck_assert_str_eq(sdf_residuals(&f), "KV{KV{1, KV{KV{3, 5}, 0}}, 2} unbounded 0 "
                                        "out=-9223372036854775\n");
    end();
}
END_TEST

START_TEST(what_cannot_be_split_can_be_given_away_unclaimed)
{
    for (int claimed = 0; claimed < 2; claimed++) {
        n_wishes = 0;
        on_claim = ask;
        sdf_build(&f, PROCESS_URN, "test.once", "kv<kv<varint,kv<bool,varint>>,double>",
                  "varint", "global_window");
        beam_value pair = fixture_kv(&f, beam_int64(1),
                                     fixture_kv(&f, beam_bool(false), beam_int64(0)));
        fixture_put(&f, 0, fixture_kv(&f, pair, beam_double(1)));
        wish *now = want(claimed - 1, 0, 1);
        fixture_run(&f);
        if (!claimed) expect_split(now, -1, 1, "", "KV{KV{1, KV{false, 0}}, 1}" NO_TIME);
        ck_assert_uint_eq(now->got.residuals.n, !claimed);
        expect_output(&f, 0, claimed ? "1\n" : "");
        end();
    }
}
END_TEST

START_TEST(elements_with_iterables_are_copied_for_splits)
{
    n_wishes = 0;
    on_claim = ask;
    sdf_build(&f, PROCESS_URN, "test.lists",
              "kv<kv<iterable<varint>,kv<kv<varint,varint>,varint>>,double>", "varint",
              "global_window");
    beam_value list = fixture_list(&f, (beam_value[]){ beam_int64(7), beam_int64(8) }, 2);
    beam_value sized = sdf_sized(&f, 0, 0, 4);
    beam_value pair = fixture_kv(&f, list, beam_val(beam_key(sized)));
    fixture_put(&f, 0, fixture_kv(&f, pair, beam_double(1)));
    wish *now = want(0, 0, 1); /* after it has read one item */
    fixture_run(&f);
    expect_split(now, -1, 1, "KV{KV{[7, 8], KV{KV{0, 1}, 0}}, 1}" NO_TIME,
                 "KV{KV{[7, 8], KV{KV{1, 4}, 0}}, 3}" NO_TIME);
    expect_output(&f, 0, "7\n8\n");
    end();
}
END_TEST

START_TEST(a_tracker_that_fails_to_split_fails_the_bundle)
{
    static const char *const hows[][2] = {
        { "split fails", "the tracker is broken (tracker 'broken')" },
        { "split type", "split() of its tracker gave a restriction that is BOOL" },
        { "split size", "the size of a restriction is -1" },
        { "progress fails", "no progress can be seen" },
    };
    for (size_t i = 0; i < BEAM_COUNT(hows); i++) {
        begin("test.broken");
        bad = hows[i][0];
        fixture_put(&f, 0, sdf_sized(&f, 1, 0, 10));
        wish *now = want(3, 0, 1);
        ck_assert_int_ne(fixture_run_in(&f, 0), BEAM_OK);
        expect_error(&f, hows[i][1]);
        ck_assert_uint_eq(now->got.residuals.n, 0);
        end();
    }
}
END_TEST

/* -- drain: truncate before process ----------------------------------------------------------------- */
START_TEST(what_truncate_left_is_split)
{
    n_wishes = 0;
    bad = NULL;
    on_claim = ask;
    fixture_init_with(&f, &sdf_functions);
    fixture_pcoll(&f, "p0", SIZED);
    fixture_pcoll(&f, "p1", SIZED);
    fixture_pcoll(&f, "p2", "varint");
    fixture_source(&f, "a", "p0", SIZED, "global_window");
    beam_span payload = fixture_fn_payload(&f, "beam:dofn:c:v1", "test.count", "");
    fixture_transform(&f, "t", BEAM_URN_TRANSFORM_SDF_TRUNCATE_SIZED_RESTRICTIONS, payload,
                      "in=p0", "out=p1");
    fixture_transform(&f, "b", PROCESS_URN, payload, "in=p1", "out=p2");
    fixture_sink(&f, "z", "p2", "varint", "global_window");
    fixture_window_coder(&f, "global_window");
    fixture_build(&f);
    fixture_put(&f, 0, sdf_sized(&f, 1, 0, 10));
    wish *now = want(0, 0, 1);
    fixture_run(&f);
    expect_split(now, -1, 1, "KV{KV{1, KV{KV{0, 1}, 0}}, 1}" NO_TIME,
                 "KV{KV{1, KV{KV{1, 10}, 0}}, 9}" NO_TIME);
    end();
}
END_TEST

/* -- progress ----------------------------------------------------------------------------------------- */
static double completed, remaining;

static void look(beam_ctx *c, int64_t offset)
{
    (void)c;
    if (offset != 3) return;
    bm_arena arena;
    bm_arena_init(&arena, 0);
    bm_monitoring_info *infos;
    size_t n = bm_plan_metrics(f.plan, &arena, &infos);
    for (size_t i = 0; i < n; i++) {
        if (!strstr(infos[i].urn, "ptransform_progress")) continue;
        ck_assert_str_eq(infos[i].type, BEAM_URN_METRICS_PROGRESS);
        ck_assert_str_eq(infos[i].labels[0].value, "b");
        bm_reader in = bm_reader_of(infos[i].payload);
        uint32_t count;
        uint64_t bits;
        ck_assert_int_eq(bm_read_be32(&in, &count), BEAM_OK);
        ck_assert_uint_eq(count, 1);
        ck_assert_int_eq(bm_read_be64(&in, &bits), BEAM_OK);
        ck_assert_uint_eq(bm_left(&in), 0);
        memcpy(strstr(infos[i].urn, "remaining") ? &remaining : &completed, &bits, 8);
    }
    bm_arena_free(&arena);
}

START_TEST(progress_is_seen_while_an_element_is_under_way)
{
    begin("test.count");
    on_claim = look;
    completed = remaining = -1;
    fixture_put(&f, 0, sdf_sized(&f, 1, 0, 10));
    fixture_run(&f);
    ck_assert_double_eq(completed, 3);
    ck_assert_double_eq(remaining, 7);
    ck_assert_ptr_null(strstr(fixture_metrics(&f), "ptransform_progress"));
    end();
}
END_TEST

/* -- another thread ------------------------------------------------------------------------------------- */
enum { OFFSETS_OF_RACE = 40000 };
static _Atomic(bool) race_over;
static unsigned char times_done[OFFSETS_OF_RACE];
static _Atomic(int) n_race_splits;

/* Does not get far without the other thread. */
static void note(beam_ctx *c, int64_t offset)
{
    (void)c;
    times_done[offset]++;
    while (offset % 1000 == 0 && atomic_load(&n_race_splits) <= offset / 1000 && offset < 20000)
        sched_yield();
}

/* The residual of a split counts as done by somebody else. */
static void note_residual(const bm_root *root)
{
    bm_element_decoder decoder;
    bm_element_decoder_init(&decoder, f.in_coder[0]);
    bm_arena arena;
    bm_arena_init(&arena, 0);
    bm_decoding decoding = { .arena = &arena };
    bm_reader in = bm_reader_of(root->element);
    bm_element e;
    ck_assert_int_eq(bm_element_decode(&decoder, &in, &decoding, &e), BEAM_OK);
    beam_value offsets = beam_key(beam_val(beam_key(e.value)));
    for (int64_t i = beam_offset_from(offsets); i < beam_offset_to(offsets); i++)
        times_done[i] += 16;
    bm_arena_free(&arena);
    bm_element_decoder_free(&decoder);
}

static void *split_and_look(void *unused)
{
    (void)unused;
    while (!atomic_load(&race_over)) {
        bm_arena arena;
        bm_arena_init(&arena, 0);
        bm_monitoring_info *infos;
        bm_plan_metrics(f.plan, &arena, &infos);
        const bm_split_wish most = { 0.999, 1, NULL, 0 };
        bm_split split = { 0 };
        if (bm_plan_split(f.plan, 0, &most, &arena, &split))
            for (size_t i = 0; i < split.residuals.n; i++) {
                note_residual(&split.residuals.at[i]);
                atomic_fetch_add(&n_race_splits, 1);
            }
        bm_arena_free(&arena);
    }
    return NULL;
}

START_TEST(claims_and_splits_race)
{
    begin("test.count");
    on_claim = note;
    atomic_store(&race_over, false);
    atomic_store(&n_race_splits, 0);
    memset(times_done, 0, sizeof times_done);
    fixture_put(&f, 0, sdf_sized(&f, 1, 0, OFFSETS_OF_RACE));
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, split_and_look, NULL), 0);
    fixture_run(&f);
    atomic_store(&race_over, true);
    pthread_join(thread, NULL);
    for (int64_t i = 0; i < OFFSETS_OF_RACE; i++)
        ck_assert_msg(times_done[i] == 1 || times_done[i] == 16, "offset %lld: %d",
                      (long long)i, times_done[i]);
    end();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_element_is_split_in_half,
        a_checkpoint_keeps_what_is_claimed,
        later_elements_go_with_the_residual,
        it_is_split_again_and_again,
        many_elements_are_split_between_two,
        only_allowed_points_are_split_at,
        an_element_that_is_claimed_is_not_split,
        windows_are_given_away_whole,
        a_window_is_split_and_later_ones_go_with_it,
        windows_nobody_looks_at_stay_together,
        an_end_that_grows_is_asked_for,
        what_cannot_be_split_can_be_given_away_unclaimed,
        elements_with_iterables_are_copied_for_splits,
        a_tracker_that_fails_to_split_fails_the_bundle,
        what_truncate_left_is_split,
        progress_is_seen_while_an_element_is_under_way,
    };
    int failed = run_tests("exec/sdf_split", tests, BEAM_COUNT(tests));
    return run_loop_test("exec/sdf_split races", claims_and_splits_race, 10) | failed;
}
