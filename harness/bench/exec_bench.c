/* SPDX-License-Identifier: Apache-2.0 */
/* exec_bench - what an element costs in the engine alone, without gRPC: decoded, pushed
 * through one transform, encoded.
 *
 *     exec_bench [elements in a bundle [bundles [workload]]]
 *
 * Prints ns of CPU time per element: the median of 15 bundles. One thread. `guard` counts
 * its instructions. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "beam/splittable.h"
#include "beam_urns.h"
#include "fixture.h"
#include "fns/fn_spec.h"
#include "keyed.h"

enum { ROUNDS = 15, MOST_ROUNDS = 100 };

/* -- functions ------------------------------------------------------------------------------ */
static beam_status pass(beam_ctx *c, beam_value in)
{
    return beam_emit(c, in);
}
static const beam_dofn identity_fn = { .name = "bench.identity", .in = BEAM_ANY,
                                       .out = BEAM_ANY, .process = pass };

static beam_status increment(beam_ctx *c, beam_value in)
{
    return beam_emit_kv(c, beam_key(in), beam_int64(beam_as_int64(beam_val(in)) + 1));
}
static const beam_dofn increment_fn = { .name = "bench.increment", .in = BEAM_ANY,
                                        .out = BEAM_ANY, .process = increment };

static bool keep_none(beam_ctx *c, beam_value in)
{
    (void)c, (void)in;
    return false;
}
static const beam_dofn drop_fn = { .name = "bench.drop", .in = BEAM_ANY, .keep = keep_none };

static beam_status tokenize(beam_ctx *c, beam_value in)
{
    beam_span line = beam_as_span(in);
    size_t start = 0;
    for (size_t i = 0; i <= line.len; i++) {
        if (i < line.len && line.ptr[i] != ' ') continue;
        if (i > start)
            beam_emit(c, beam_string((beam_span){ line.ptr + start, i - start }));
        start = i + 1;
    }
    return BEAM_OK;
}
static const beam_dofn tokenize_fn = { .name = "bench.tokenize", .in = BEAM_STRING,
                                       .out = BEAM_STRING, .process = tokenize };

static beam_value no_work(beam_ctx *c, beam_value in)
{
    (void)in;
    return beam_offsets(c, 0, 0);
}
static beam_status claim(beam_ctx *c, beam_value in)
{
    (void)in;
    for (int64_t i = 0; beam_claim_offset(c, i);) i++;
    return BEAM_OK;
}
static const beam_sdf claim_sdf = { .tracker = &beam_offset_tracker, .initial = no_work };
static const beam_dofn claim_fn = { .name = "bench.claim", .in = BEAM_INT64,
                                    .out = BEAM_INT64, .process = claim,
                                    .sdf = &claim_sdf };

/* Counts in a value and adds to a bag, which each hundredth element of a key empties. */
static const beam_state_spec states[] = { BEAM_VALUE_STATE("count", BEAM_INT64),
                                          BEAM_BAG_STATE("bag", BEAM_INT64) };
static beam_status count_in_state(beam_ctx *c, beam_value in)
{
    (void)in;
    int64_t n = beam_as_int64(beam_state_read(c, 0)) + 1, sum = 0;
    BEAM_TRY(beam_state_write(c, 0, beam_int64(n)));
    BEAM_TRY(beam_state_add(c, 1, beam_int64(n)));
    if (n % 100) return BEAM_OK;
    beam_iter *it = beam_state_iter(c, 1);
    for (beam_value v; beam_next(it, &v);) sum += beam_as_int64(v);
    return beam_state_clear(c, sum > 0);
}
static const beam_dofn state_fn = { .name = "bench.state",
                                    .in = BEAM_ANY,
                                    .states = BEAM_TABLE(states),
                                    .process = count_in_state };
static beam_status nothing(beam_ctx *c, beam_value in)
{
    (void)c, (void)in;
    return BEAM_OK;
}
static const beam_dofn nothing_fn = { .name = "bench.nothing", .in = BEAM_ANY,
                                      .process = nothing };

static const beam_dofn *const fns[] = { &state_fn, &nothing_fn, &identity_fn, &increment_fn, &drop_fn,
                                        &tokenize_fn, &claim_fn };

/* -- workloads ------------------------------------------------------------------------------- */
#define PAIRS "kv<string_utf8,varint>"
#define SIZED "kv<kv<varint,kv<kv<varint,varint>,varint>>,double>"

static void put_pairs(fixture *f, int n)
{
    for (int i = 0; i < n; i++) {
        char key[32];
        snprintf(key, sizeof key, "user-%06d", i % 1000);
        fixture_put(f, 0, fixture_kv(f, text_value(key), beam_int64(i)));
    }
}

/* In order of time, about ten of each key, in no order of keys. */
static void put_visits(fixture *f, int n)
{
    unsigned keys = (unsigned)n / 10 + 1;
    for (int i = 0; i < n; i++) {
        char key[32];
        snprintf(key, sizeof key, "k%05u", ((unsigned)i * 2654435761u >> 7) % keys);
        fixture_put_in(f, 0, fixture_kv(f, text_value(key), beam_int64(i)), i / 5,
                       bm_global_windows.at, 1);
    }
}

/* One element with n offsets to claim. */
static void put_offsets(fixture *f, int n)
{
    beam_value offsets = fixture_kv(f, beam_int64(0), beam_int64(n));
    beam_value pair =
        fixture_kv(f, beam_int64(0), fixture_kv(f, offsets, beam_int64(0)));
    fixture_put(f, 0, fixture_kv(f, pair, beam_double(1)));
}

static void put_lines(fixture *f, int n)
{
    for (int i = 0; i < n; i++)
        fixture_put(f, 0, text_value("it was the best of times it was the worst of times"));
}

static const struct workload {
    const char *name, *fn; /* fn NULL: the lifted sum */
    const char *in, *out;
    void (*put)(fixture *f, int n);
    beam_millis window; /* what they are put into before; 0: it stays the global one */
} workloads[] = {
    { "identity", "bench.identity", PAIRS, PAIRS, put_pairs, 0 },
    { "increment", "bench.increment", PAIRS, PAIRS, put_pairs, 0 },
    { "filter", "bench.drop", PAIRS, PAIRS, put_pairs, 0 },
    { "tokenize", "bench.tokenize", "string_utf8", "string_utf8", put_lines, 0 },
    { "claim", "bench.claim", SIZED, PAIRS, put_offsets, 0 },
    { "sum", NULL, PAIRS, PAIRS, put_pairs, 0 },
    { "window_sum", NULL, PAIRS, PAIRS, put_visits, 20000 },
};

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_number(const void *a, const void *b)
{
    double l = *(const double *)a, r = *(const double *)b;
    return (l > r) - (l < r);
}

/* Copying the output is no part of what is measured. */
static beam_status drop(void *self, int sink, bm_writer *data, bool last, beam_error *err)
{
    (void)self, (void)sink, (void)last, (void)err;
    bm_writer_free(data);
    return BEAM_OK;
}
static void drop_output(fixture *f, bm_bundle_io *io)
{
    (void)f;
    io->write = drop;
}

/* The descriptor of a workload. */
static void build(fixture *f, const struct workload *w)
{
    fixture_init(f, fns, BEAM_COUNT(fns), NULL, 0);
    fixture_pcoll(f, "p1", w->in);
    fixture_pcoll(f, "p2", w->out);
    const char *in = w->window ? "in=p1w" : "in=p1";
    fixture_source(f, "a", "p1", w->in, "global_window");
    if (w->window) {
        test_window_fn fn = { BEAM_URN_WINDOW_FN_FIXED_WINDOWS, w->window, 0, 0 };
        fixture_pcoll(f, "p1w", w->in);
        fixture_transform(f, "aw", BEAM_URN_TRANSFORM_WINDOW_INTO, fixture_window_into(f, fn),
                          "in=p1", "out=p1w");
    }
    if (!strcmp(w->name, "claim"))
        fixture_transform(
            f, "b", BEAM_URN_TRANSFORM_SDF_PROCESS_SIZED_ELEMENT_AND_RESTRICTIONS,
            fixture_fn_payload(f, BM_URN_DOFN, w->fn, ""), in, "out=p2");
    else if (w->fn)
        fixture_par_do(f, "b", w->fn, "", in, "out=p2");
    else
        fixture_combine(f, "b", BEAM_URN_TRANSFORM_COMBINE_PER_KEY_PRECOMBINE,
                        "beam.sum_int64", in, "out=p2");
    fixture_sink(f, "c", "p2", w->out, w->window ? "interval_window" : "global_window");
    fixture_build(f);
}

/* Prints how long the bundles of what was put take. */
static void measure(fixture *f, const char *name, int n, int rounds)
{
    double times[MOST_ROUNDS];
    if (!f->io.complete) f->io.complete = drop_output; /* what has state has no output */
    for (int i = 0; i < rounds; i++) {
        fixture_cut(f, 1 << 20);
        double start = cpu_ns();
        if (fixture_run_cut(f) != BEAM_OK) {
            fprintf(stderr, "exec_bench: %s\n", f->err.message);
            exit(1);
        }
        times[i] = (cpu_ns() - start) / n;
    }
    qsort(times, (size_t)rounds, sizeof *times, by_number);
    printf("%-10s %7.1f ns/element  (best %.1f)\n", name, times[rounds / 2], times[0]);
}

static void run(const struct workload *w, int n, int rounds)
{
    fixture f;
    build(&f, w);
    w->put(&f, n);
    measure(&f, w->name, n, rounds);
    fixture_free(&f);
}

/* The same elements of 100 keys, without and with state. */
static void run_state(const char *name, const char *fn, size_t n_states, int n, int rounds)
{
    keyed k = { .native = false };
    keyed_init_fn(&k, fns, BEAM_COUNT(fns), fn, states, n_states);
    k.is_quiet = true;
    for (int i = 0; i < n; i++) {
        char key[32];
        snprintf(key, sizeof key, "user-%06d", i % 100);
        keyed_put(&k, key, "x");
    }
    measure(&k.f, name, n, rounds);
    keyed_free(&k);
}

static int n_elements = 100000, n_rounds = ROUNDS;
static const char *only; /* NULL: all */

/* The fixture reports mistakes through Check, and so needs a test around it. */
START_TEST(all_workloads)
{
    for (size_t i = 0; i < BEAM_COUNT(workloads); i++)
        if (!only || !strcmp(only, workloads[i].name))
            run(&workloads[i], n_elements, n_rounds);
    if (!only || !strcmp(only, "stateless"))
        run_state("stateless", "bench.nothing", 0, n_elements, n_rounds);
    if (!only || !strcmp(only, "state"))
        run_state("state", "bench.state", BEAM_COUNT(states), n_elements, n_rounds);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc > 1) n_elements = atoi(argv[1]);
    if (argc > 2) n_rounds = atoi(argv[2]);
    if (argc > 3) only = argv[3];
    if (n_elements <= 0 || n_rounds <= 0 || n_rounds > MOST_ROUNDS) {
        fprintf(stderr, "usage: exec_bench [elements in a bundle [bundles [workload]]]\n");
        return 2;
    }
    TCase *tcase = tcase_create("exec_bench");
    tcase_add_test(tcase, all_workloads);
    Suite *suite = suite_create("exec_bench");
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
