/* SPDX-License-Identifier: Apache-2.0 */
/* Counts, user metrics, splits, and other threads that look on or do the same. */
#include <malloc.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "exec/node.h"
#include "fixture.h"

static beam_status measure(beam_ctx *c, beam_value in)
{
    int64_t n = beam_as_int64(in);
    beam_counter_add(c, "seen", 1);
    beam_distribution_add(c, "values", n);
    beam_gauge_set(c, "last", n);
    /* Names in memory that is used again. */
    beam_counter_add(c, beam_format(c, "class %lld", (long long)(n % 2)).ptr, n);
    return beam_emit(c, in);
}
static const beam_dofn measure_fn = { .name = "test.measure", .in = BEAM_INT64,
                                      .out = BEAM_INT64, .process = measure };
static beam_status shout(beam_ctx *c, beam_value in)
{
    return beam_emit(c, beam_string(beam_format(c, "%s!", beam_cstr(c, beam_as_span(in)))));
}
static const beam_dofn shout_fn = { .name = "test.shout", .in = BEAM_STRING,
                                    .out = BEAM_STRING, .process = shout };
static const beam_dofn *const fns[] = { &measure_fn, &shout_fn };

static void init(fixture *f)
{
    fixture_init(f, fns, BEAM_COUNT(fns), NULL, 0);
    fixture_pcoll(f, "p1", "varint");
    fixture_pcoll(f, "p2", "varint");
    fixture_source(f, "a", "p1", "varint", "global_window");
    fixture_par_do(f, "b", "test.measure", "", "in=p1", "out=p2");
    fixture_sink(f, "c", "p2", "varint", "global_window");
    fixture_build(f);
}

static void put_ints(fixture *f, int from, int to)
{
    for (int i = from; i <= to; i++) fixture_put(f, 0, beam_int64(i));
}

static void expect_metric(fixture *f, const char *line)
{
    const char *all = fixture_metrics(f);
    ck_assert_msg(strstr(all, line), "no '%s' in\n%s", line, all);
}

START_TEST(values_of_a_bundle)
{
    fixture f;
    init(&f);
    ck_assert_str_eq(fixture_metrics(&f), "");
    put_ints(&f, 1, 4);
    for (int round = 0; round < 2; round++) {
        fixture_run(&f);
        expect_metric(&f, "beam:metric:element_count:v1 p1 4\n");
        expect_metric(&f, "beam:metric:element_count:v1 p2 4\n");
        expect_metric(&f, "beam:metric:data_channel:read_index:v1 a 4\n");
        expect_metric(&f, "beam:metric:sampled_byte_size:v1 p2 4 4 1 1\n");
        expect_metric(&f, "beam:metric:user:sum_int64:v1 b test.measure seen 4\n");
        expect_metric(&f, "beam:metric:user:distribution_int64:v1 b test.measure values "
                          "4 10 1 4\n");
        expect_metric(&f, "beam:metric:user:sum_int64:v1 b test.measure class 0 6\n");
        expect_metric(&f, "beam:metric:user:sum_int64:v1 b test.measure class 1 4\n");
        const char *gauge = strstr(fixture_metrics(&f),
                                   "beam:metric:user:latest_int64:v1 b test.measure last ");
        long long ms, value;
        ck_assert_ptr_nonnull(gauge);
        ck_assert_int_eq(sscanf(gauge, "%*s %*s %*s %*s %lld %lld", &ms, &value), 2);
        ck_assert_int_eq(value, 4);
        ck_assert_int_gt(ms, 1700000000000);
    }
    f.in[0].len = 0; /* an empty bundle has no metrics */
    fixture_run(&f);
    ck_assert_str_eq(fixture_metrics(&f), "");
    fixture_free(&f);
}
END_TEST

static size_t heap_bytes(void)
{
    struct mallinfo2 heap = mallinfo2();
    return heap.uordblks + heap.hblkhd;
}

/* Plans wait for the next bundle, up to 64 of a descriptor. */
START_TEST(a_large_element_leaves_no_memory_behind)
{
    enum { LARGE = 16 << 20 };
    fixture f;
    fixture_init(&f, fns, BEAM_COUNT(fns), NULL, 0);
    fixture_pcoll(&f, "p1", "string_utf8");
    fixture_pcoll(&f, "p2", "string_utf8");
    fixture_source(&f, "a", "p1", "string_utf8", "global_window");
    fixture_par_do(&f, "b", "test.shout", "", "in=p1", "out=p2");
    fixture_sink(&f, "c", "p2", "string_utf8", "global_window");
    fixture_build(&f);
    char *large = malloc(LARGE);
    memset(large, 'a', LARGE);
    fixture_put(&f, 0, beam_string((beam_span){ large, LARGE }));
    free(large);
    fixture_cut(&f, 0);
    size_t before = heap_bytes();
    ck_assert_int_eq(fixture_run_cut(&f), BEAM_OK);
    bm_writer_free(&f.io.out[0]);
    ck_assert_uint_lt(heap_bytes(), before + LARGE / 2);
    fixture_free(&f);
}
END_TEST

START_TEST(the_same_metric_has_the_same_index)
{
    fixture f;
    init(&f);
    put_ints(&f, 1, 1);
    fixture_run(&f);
    bm_monitoring_info *first, *second;
    size_t n = bm_plan_metrics(f.plan, &f.arena, &first);
    put_ints(&f, 2, 2);
    fixture_run(&f);
    size_t m = bm_plan_metrics(f.plan, &f.arena, &second);
    ck_assert_uint_eq(m, n + 1);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < m; k++) {
            bool same = strcmp(first[i].urn, second[k].urn) == 0
                        && first[i].n_labels == second[k].n_labels;
            for (size_t l = 0; same && l < first[i].n_labels; l++)
                same = strcmp(first[i].labels[l].value, second[k].labels[l].value) == 0;
            ck_assert_int_eq(same, first[i].index == second[k].index);
        }
    fixture_free(&f);
}
END_TEST

static beam_status measure_sets(beam_ctx *c, beam_value in)
{
    static const char *const paths[][2] = { { "db", "t1" }, { "db", "t2" } };
    int64_t n = beam_as_int64(in);
    beam_string_set_add(c, "names", beam_span_of(n % 2 ? "odd" : "even"));
    beam_bounded_trie_add(c, "tables", paths[n % 2], 2);
    beam_histogram_add(c, "sizes", n);
    return beam_emit(c, in);
}
static const beam_dofn sets_fn = { .name = "test.measure", .in = BEAM_INT64,
                                   .out = BEAM_INT64, .process = measure_sets };

/* The payload of the metric of that URN; empty: there is none. */
static beam_span payload_of(fixture *f, const char *urn)
{
    bm_monitoring_info *infos;
    size_t n = bm_plan_metrics(f->plan, &f->arena, &infos);
    for (size_t i = 0; i < n; i++)
        if (strcmp(infos[i].urn, urn) == 0) return infos[i].payload;
    return (beam_span){ NULL, 0 };
}

static void expect_payload(fixture *f, const char *urn, const char *bytes, size_t n)
{
    beam_span got = payload_of(f, urn);
    ck_assert_uint_eq(got.len, n);
    ck_assert_mem_eq(got.ptr, bytes, n);
}
#define EXPECT_PAYLOAD(f, urn, literal) expect_payload((f), (urn), (literal), sizeof(literal) - 1)

START_TEST(sets_tries_and_histograms)
{
    static const beam_dofn *const with_sets[] = { &sets_fn };
    const char *const trie = "beam:metric:user:bounded_trie:v1";
    const char *const histogram = "beam:metric:user:histogram_int64:v1";
    fixture f;
    fixture_init(&f, with_sets, 1, NULL, 0);
    fixture_pcoll(&f, "p1", "varint");
    fixture_source(&f, "a", "p1", "varint", "global_window");
    fixture_par_do(&f, "b", "test.measure", "", "in=p1", "");
    fixture_build(&f);
    put_ints(&f, 0, 4);
    for (int round = 0; round < 2; round++) {
        fixture_run(&f);
        EXPECT_PAYLOAD(&f, "beam:metric:user:set_string:v1", "\0\0\0\2\4even\3odd");
        EXPECT_PAYLOAD(&f, trie, "\x08\x64\x12\x18\x12\x16\x0a\x02"
                                 "db\x12\x10"
                                 "\x12\x06\x0a\x02t1\x12\x00"
                                 "\x12\x06\x0a\x02t2\x12\x00");
        /* 0 and 1; none from 1.4; 2; 3; 4 */
        EXPECT_PAYLOAD(&f, histogram,
                       "\x08\x05\x12\x06\x12\x04\x08\x7e\x10\x01\x1a\x05\2\0\1\1\1");
    }
    f.in[0].len = 0; /* nothing of the last bundle is left */
    fixture_run(&f);
    ck_assert_uint_eq(payload_of(&f, trie).len, 0);
    ck_assert_uint_eq(payload_of(&f, histogram).len, 0);
    fixture_free(&f);
}
END_TEST

static beam_status measure_doubles(beam_ctx *c, beam_value in)
{
    double n = (double)beam_as_int64(in) / 4;
    beam_counter_add_double(c, "cost", n);
    beam_distribution_add_double(c, "load", -n);
    beam_gauge_set_double(c, "level", n);
    beam_counter_add(c, "cost", 1); /* another metric */
    beam_top_n_add(c, "largest", beam_as_int64(in));
    beam_bottom_n_add(c, "largest", beam_as_int64(in));
    beam_top_n_add_double(c, "largest", n);
    beam_bottom_n_add_double(c, "largest", n);
    return BEAM_OK;
}
static const beam_dofn doubles_fn = { .name = "test.measure",
                                      .in = BEAM_INT64,
                                      .process = measure_doubles };

START_TEST(real_numbers)
{
    static const beam_dofn *const with_doubles[] = { &doubles_fn };
    const char *const distribution = "beam:metric:user:distribution_double:v1";
    fixture f;
    fixture_init(&f, with_doubles, 1, NULL, 0);
    fixture_pcoll(&f, "p1", "varint");
    fixture_source(&f, "a", "p1", "varint", "global_window");
    fixture_par_do(&f, "b", "test.measure", "", "in=p1", "");
    fixture_build(&f);
    put_ints(&f, 1, 4);
    for (int round = 0; round < 2; round++) {
        fixture_run(&f);
        EXPECT_PAYLOAD(&f, "beam:metric:user:sum_double:v1",
                       "\x40\4\0\0\0\0\0\0"); /* 2.5 */
        EXPECT_PAYLOAD(&f, "beam:metric:user:sum_int64:v1", "\4");
        /* 4 of them, -2.5, -1, -0.25 */
        EXPECT_PAYLOAD(&f, distribution,
                       "\4\xc0\4\0\0\0\0\0\0\xbf\xf0\0\0\0\0\0\0"
                       "\xbf\xd0\0\0\0\0\0\0");
        EXPECT_PAYLOAD(&f, "beam:metric:user:top_n_int64:v1", "\0\0\0\4\4\3\2\1");
        EXPECT_PAYLOAD(&f, "beam:metric:user:bottom_n_int64:v1", "\0\0\0\4\1\2\3\4");
        beam_span top = payload_of(&f, "beam:metric:user:top_n_double:v1");
        beam_span bottom = payload_of(&f, "beam:metric:user:bottom_n_double:v1");
        ck_assert_uint_eq(top.len, 4 + 4 * 8);
        ck_assert_mem_eq(top.ptr, "\0\0\0\4\x3f\xf0\0\0\0\0\0\0\x3f\xe8", 14);
        ck_assert_mem_eq(bottom.ptr, "\0\0\0\4\x3f\xd0\0\0\0\0\0\0\x3f\xe0", 14);
        beam_span gauge = payload_of(&f, "beam:metric:user:latest_double:v1");
        bm_reader in = bm_reader_of(gauge);
        uint64_t ms, bits;
        ck_assert_int_eq(bm_read_varint(&in, &ms), BEAM_OK);
        ck_assert_int_eq(bm_read_be64(&in, &bits), BEAM_OK);
        ck_assert_uint_gt(ms, 1700000000000);
        ck_assert_uint_eq(bits, 0x3ff0000000000000);
    }
    f.in[0].len = 0;
    fixture_run(&f);
    ck_assert_uint_eq(payload_of(&f, distribution).len, 0);
    fixture_free(&f);
}
END_TEST

/* -- execution times ------------------------------------------------------------------------- */
static void sample(fixture *f, size_t segment)
{
    (void)segment;
    bm_plan_sample_time(f->plan, 200); /* between elements: nobody's time */
    ck_assert_ptr_null(bm_plan_current_transform(f->plan));
}

static fixture *sampled;
static beam_status sample_me(beam_ctx *c, beam_value in)
{
    bm_plan_sample_time(sampled->plan, 200);
    ck_assert_str_eq(bm_plan_current_transform(sampled->plan), "b");
    return beam_emit(c, in);
}
static const beam_dofn sampled_fn = { .name = "test.sampled", .in = BEAM_INT64,
                                      .out = BEAM_INT64, .process = sample_me };

START_TEST(times_are_booked_on_who_runs)
{
    static const beam_dofn *const sampled_fns[] = { &sampled_fn };
    fixture f;
    fixture_init(&f, sampled_fns, 1, NULL, 0);
    sampled = &f;
    fixture_pcoll(&f, "p1", "varint");
    fixture_pcoll(&f, "p2", "varint");
    fixture_source(&f, "a", "p1", "varint", "global_window");
    fixture_par_do(&f, "b", "test.sampled", "", "in=p1", "out=p2");
    fixture_build(&f);
    f.io.before_segment = sample;
    put_ints(&f, 1, 3);
    fixture_run(&f);
    expect_metric(&f, "beam:metric:pardo_execution_time:process_bundle_msecs:v1 b 600\n");
    expect_metric(&f, "beam:metric:ptransform_execution_time:total_msecs:v1 b 600\n");
    ck_assert_ptr_null(strstr(fixture_metrics(&f), "start_bundle"));
    fixture_free(&f);
}
END_TEST

/* -- splitting --------------------------------------------------------------------------------- */
static double split_fraction;
static int64_t split_estimate;
static const int64_t *split_allowed;
static size_t n_split_allowed;
static int64_t split_at; /* segment before which to split: one element is one segment */
static bm_split done;
static bool was_split;

static bool split_plan(fixture *f, int source, double fraction, int64_t estimate,
                       bm_split *out)
{
    const bm_split_wish wish = { fraction, estimate, split_allowed, n_split_allowed };
    bm_arena arena;
    bm_arena_init(&arena, 0);
    bool split = bm_plan_split(f->plan, source, &wish, &arena, out);
    bm_arena_free(&arena);
    return split;
}

static void split_before(fixture *f, size_t segment)
{
    if ((int64_t)segment == split_at)
        was_split = split_plan(f, 0, split_fraction, split_estimate, &done);
}

/* Ten elements; the split comes when `at` of them have been processed. */
static void run_split(fixture *f, int64_t at, double fraction, int64_t estimate)
{
    init(f);
    put_ints(f, 0, 9);
    f->io.before_segment = split_before;
    was_split = false;
    split_at = at;
    split_fraction = fraction;
    split_estimate = estimate;
    was_split = false;
    ck_assert_int_eq(fixture_run_in(f, f->in[0].len / 10), BEAM_OK);
}

static void expect_split(fixture *f, int64_t first_residual)
{
    ck_assert(was_split);
    ck_assert_int_eq(done.first_residual, first_residual);
    ck_assert_int_eq(done.last_primary, first_residual - 1);
    char line[80];
    if (first_residual) {
        snprintf(line, sizeof line, "element_count:v1 p2 %d\n", (int)first_residual);
        expect_metric(f, line);
        snprintf(line, sizeof line, "read_index:v1 a %d\n", (int)first_residual);
        expect_metric(f, line);
    } else {
        ck_assert_str_eq(fixture_metrics(f), "");
    }
    ck_assert_int_eq(f->io.lasts[0], 1);
    fixture_free(f);
}

START_TEST(the_rest_is_given_up_where_wanted)
{
    fixture f;
    split_allowed = NULL;
    run_split(&f, 0, 0, 10); /* before anything: all of it */
    expect_split(&f, 0);
    run_split(&f, 4, 0, 10); /* element 3 is under way */
    expect_split(&f, 4);
    run_split(&f, 1, 0.5, 10); /* half of what is left of 10 */
    expect_split(&f, 5);
    run_split(&f, 4, 0, 0); /* at once needs no estimate */
    expect_split(&f, 4);
}
END_TEST

START_TEST(only_allowed_points_are_taken)
{
    fixture f;
    static const int64_t allowed[] = { 2, 7, 9 };
    split_allowed = allowed;
    n_split_allowed = 3;
    run_split(&f, 4, 0, 10);
    expect_split(&f, 7);
    run_split(&f, 1, 0.1, 10);
    expect_split(&f, 2);
    run_split(&f, 9, 0, 10);
    expect_split(&f, 9);
    n_split_allowed = 1;
    run_split(&f, 4, 0, 10);
    ck_assert(!was_split);
    expect_metric(&f, "element_count:v1 p2 10\n");
    fixture_free(&f);
    split_allowed = NULL;
}
END_TEST

/* Whatever the runner says, the numbers must do. */
START_TEST(estimates_and_points_may_be_any_number)
{
    fixture f;
    static const int64_t estimates[] = { INT64_MAX, INT64_MAX - 1, 0, -1, INT64_MIN };
    static const double fractions[] = { 0, 0.1, 0.99999999, 1, -1, 7, NAN, INFINITY };
    static const int64_t allowed[] = { INT64_MIN, -1, 0, 1, INT64_MAX - 1, INT64_MAX };
    for (size_t i = 0; i < BEAM_COUNT(estimates); i++)
        for (size_t k = 0; k < BEAM_COUNT(fractions); k++)
            for (int limited = 0; limited < 2; limited++) {
                split_allowed = limited ? allowed : NULL;
                n_split_allowed = limited ? BEAM_COUNT(allowed) : 0;
                run_split(&f, 1, fractions[k], estimates[i]);
                ck_assert(!was_split || done.first_residual > 0);
                ck_assert(!was_split || done.last_primary == done.first_residual - 1);
                fixture_free(&f);
            }
    split_allowed = NULL;
}
END_TEST

static void split_twice(fixture *f, size_t segment)
{
    bm_split ignored;
    if (segment != 3) return;
    ck_assert(split_plan(f, 0, 0.5, 10, &done));
    ck_assert_int_eq(done.first_residual, 6);
    ck_assert(!split_plan(f, 0, 1, 10, &ignored)); /* not upwards */
    was_split = split_plan(f, 0, 0.5, 10, &done);
    ck_assert(!split_plan(f, 1, 0, 10, &ignored)); /* no such source */
}

START_TEST(a_second_split_only_takes_more)
{
    fixture f;
    bm_split ignored;
    init(&f);
    put_ints(&f, 0, 9);
    f.io.before_segment = split_twice;
    ck_assert(!split_plan(&f, 0, 0, 10, &ignored)); /* not running yet */
    ck_assert_int_eq(fixture_run_in(&f, f.in[0].len / 10), BEAM_OK);
    ck_assert(!split_plan(&f, 0, 0, 10, &ignored)); /* over */
    expect_split(&f, 4);
}
END_TEST

/* A split that comes between the last element and the end of all input; the moment is too short
 * to be met from outside. */
START_TEST(nothing_is_left_behind_the_last_element)
{
    fixture f;
    bm_split ignored;
    init(&f);
    put_ints(&f, 0, 9);
    ck_assert_int_eq(fixture_run_in(&f, f.in[0].len), BEAM_OK);
    f.plan->splittable = true;
    for (int64_t estimate = 0; estimate < 20; estimate += 5)
        ck_assert(!split_plan(&f, 0, 0.5, estimate, &ignored));
    f.plan->splittable = false;
    fixture_free(&f);
}
END_TEST

/* -- threads ------------------------------------------------------------------------------------ */
typedef struct watcher {
    fixture *f;
    _Atomic(bool) over;
    _Atomic(int) rounds;
    bool split;
    bm_split done;
} watcher;

static void *watch(void *arg)
{
    watcher *w = arg;
    bm_arena arena;
    bm_arena_init(&arena, 0);
    bool tried = false;
    while (!w->over) {
        bm_monitoring_info *infos;
        size_t n = bm_plan_metrics(w->f->plan, &arena, &infos);
        for (size_t i = 0; i < n; i++) ck_assert_uint_gt(infos[i].payload.len, 0);
        bm_plan_sample_time(w->f->plan, 1);
        bm_plan_current_transform(w->f->plan);
        if (w->split && !tried && n > 5) {
            tried = true;
            w->split = split_plan(w->f, 0, 0.1, 100000, &w->done);
        }
        w->rounds++;
        bm_arena_reset(&arena);
    }
    bm_arena_free(&arena);
    return NULL;
}

START_TEST(metrics_may_be_read_and_splits_come_at_any_moment)
{
    for (int round = 0; round < 20; round++) {
        fixture f;
        init(&f);
        put_ints(&f, 0, 99999);
        watcher w = { .f = &f, .split = true };
        pthread_t thread;
        pthread_create(&thread, NULL, watch, &w);
        while (!w.rounds) sched_yield();
        ck_assert_int_eq(fixture_run_in(&f, 10000), BEAM_OK);
        w.over = true;
        pthread_join(thread, NULL);
        char line[80];
        int64_t n = w.done.first_residual ? w.done.first_residual : 100000;
        snprintf(line, sizeof line, "element_count:v1 p2 %lld\n", (long long)n);
        expect_metric(&f, line);
        fixture_free(&f);
    }
}
END_TEST

static void *run_one(void *arg)
{
    fixture *f = arg;
    for (int i = 0; i < 20; i++) {
        fixture_run(f);
        expect_metric(f, "beam:metric:user:sum_int64:v1 b test.measure seen 1000\n");
    }
    return NULL;
}

START_TEST(two_plans_run_at_once)
{
    fixture fs[2];
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        init(&fs[i]);
        put_ints(&fs[i], 1, 1000);
        pthread_create(&threads[i], NULL, run_one, &fs[i]);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        fixture_free(&fs[i]);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        values_of_a_bundle,
        sets_tries_and_histograms,
        a_large_element_leaves_no_memory_behind,
        real_numbers,
        the_same_metric_has_the_same_index,
        times_are_booked_on_who_runs,
        the_rest_is_given_up_where_wanted,
        only_allowed_points_are_taken,
        estimates_and_points_may_be_any_number,
        a_second_split_only_takes_more,
        nothing_is_left_behind_the_last_element,
        metrics_may_be_read_and_splits_come_at_any_moment,
        two_plans_run_at_once,
    };
    return run_tests("exec/metrics", tests, BEAM_COUNT(tests));
}
