/* SPDX-License-Identifier: Apache-2.0 */
/* soak: does a process grow that runs workers for long?
 *
 *     soak [--seconds=N]
 *
 * Runs streaming pipelines with state, timers, a side input and a combine, one after the
 * other, by the local runner and workers in this process; one bundle in ten fails and is
 * tried again. Fails when the resident memory at the end is more than 10 % or 4 MiB above
 * that at 20 % of the time. Main thread; DoFns on bundle threads. */
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "beam/testing.h"

enum { N_ELEMENTS = 400, N_KEYS = 7, SLACK_KIB = 4096, MAX_SECONDS = 1000000 };

static atomic_ulong n_bundles, n_failed;

static beam_status begin(beam_ctx *c)
{
    if (atomic_fetch_add(&n_bundles, 1) % 10 != 9) return BEAM_OK;
    atomic_fetch_add(&n_failed, 1);
    return beam_fail(c, BEAM_ESTATE, "this bundle fails on purpose");
}

enum { ALL };
static const beam_side_spec sides[] = {
    [ALL] = { .tag = "all", .kind = BEAM_SIDE_ITERABLE, .type = BEAM_INT64 }
};

static beam_status by_key(beam_ctx *c, beam_value n)
{
    int64_t many = 0;
    beam_iter *it = beam_side_iter(c, ALL);
    for (beam_value v; beam_next(it, &v);) many++;
    return beam_emit_kv(c, beam_int64(beam_as_int64(n) % N_KEYS), beam_int64(many));
}

static const beam_dofn by_key_fn = { .name = "soak.by_key",
                                     .in = BEAM_INT64,
                                     .out = BEAM_KV(BEAM_INT64, BEAM_INT64),
                                     .sides = BEAM_TABLE(sides),
                                     .start_bundle = begin,
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

static beam_status at_end(beam_ctx *c, const beam_timer *timer)
{
    int64_t sum = 0;
    beam_iter *it = beam_state_iter(c, SEEN);
    for (beam_value v; beam_next(it, &v);) sum += beam_as_int64(v);
    BEAM_TRY(beam_state_clear(c, SEEN));
    return beam_emit_kv(c, timer->key, beam_int64(sum));
}

static const beam_dofn keep_fn = { .name = "soak.keep",
                                   .in = BEAM_KV(BEAM_INT64, BEAM_INT64),
                                   .out = BEAM_KV(BEAM_INT64, BEAM_INT64),
                                   .states = BEAM_TABLE(states),
                                   .timers = BEAM_TABLE(timers),
                                   .process = keep,
                                   .on_timer = at_end };

static bool run_one(beam_error *err)
{
    static beam_value numbers[N_ELEMENTS];
    for (int64_t i = 0; i < N_ELEMENTS; i++) numbers[i] = beam_int64(i);
    beam_pipeline *p = beam_pipeline_new();
    beam_pcoll *in = beam_create(p, "Numbers", BEAM_INT64, numbers, N_ELEMENTS);
    beam_pcoll *keyed = beam_par_do(in, "ByKey", &by_key_fn, .sides = { [ALL] = in });
    beam_pcoll *kept = beam_par_do(keyed, "Keep", &keep_fn);
    beam_assert_that(beam_combine_per_key(kept, "Sum", &beam_sum_int64), "Sums",
                     .count = N_KEYS);
    beam_status status =
        beam_test_run(p, .local = true, .streaming = true, .bundle_size = 4,
                      .bundle_retries = 5, .log_level = BEAM_LOG_CRITICAL, .err = err);
    beam_pipeline_free(p);
    return status == BEAM_OK;
}

static int64_t resident_kib(void)
{
    malloc_trim(0); /* what is free is no leak */
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long long kib = -1;
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmRSS: %lld kB", &kib) == 1) break;
    if (file) fclose(file);
    return kib;
}

static double seconds_since(const struct timespec *from)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - from->tv_sec) + (double)(now.tv_nsec - from->tv_nsec) / 1e9;
}

static int soak(double seconds)
{
    struct timespec began;
    clock_gettime(CLOCK_MONOTONIC, &began);
    int64_t early = 0;
    unsigned long n_runs = 0;
    for (double at; (at = seconds_since(&began)) < seconds; n_runs++) {
        beam_error err;
        if (!early && at >= seconds / 5) early = resident_kib();
        if (run_one(&err)) continue;
        fprintf(stderr, "soak: run %lu failed: %s\n", n_runs, err.message);
        return 1;
    }
    int64_t end = resident_kib(), grown = end - early;
    printf("soak: %.0f s, %lu pipelines, %lu bundles of which %lu failed; resident %.1f MiB "
           "at 20 %%, %.1f MiB at the end (%+.1f MiB)\n",
           seconds, n_runs, atomic_load(&n_bundles), atomic_load(&n_failed),
           (double)early / 1024, (double)end / 1024, (double)grown / 1024);
    if (early <= 0) {
        fputs("soak: too short to measure; give it more --seconds\n", stderr);
        return 1;
    }
    return grown > SLACK_KIB || grown * 10 > early;
}

int main(int argc, char **argv)
{
    long seconds = 600;
    char *end = "";
    for (int i = 1; i < argc; i++) {
        bool is_seconds = !strncmp(argv[i], "--seconds=", 10);
        if (is_seconds) seconds = strtol(argv[i] + 10, &end, 10);
        if (is_seconds && !*end && seconds > 0 && seconds < MAX_SECONDS) continue;
        bool help = !strcmp(argv[i], "--help") || !strcmp(argv[i], "-h");
        fputs("Usage: soak [--seconds=N] - does memory grow in N (600) seconds of bundles, "
              "one in ten of which fails?\n",
              help ? stdout : stderr);
        return help ? 0 : 2;
    }
    return soak((double)seconds);
}
