/* SPDX-License-Identifier: Apache-2.0 */
/* A ProcessBundleDescriptor written by hand, and bundles through it in memory.
 *
 * Coders are named by text such as "kv<string,varint>", which is also their id; windowed
 * ones are made from it. Elements read as `KV{"a", 1}`, with ` @7` when the timestamp is
 * not the least one and ` [0, 10)` for each window that is not the global one. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <check.h>

#include "exec/plan.h"

enum { MAX_PORTS = 4, MAX_OUTPUT = 4096 };

typedef struct fixture fixture;

typedef struct test_io {
    bm_bundle_io io;
    beam_span segments[MAX_PORTS][MAX_OUTPUT]; /* of the sources */
    size_t n_segments[MAX_PORTS], at;
    bm_writer out[MAX_PORTS];
    int lasts[MAX_PORTS], writes;
    /* Pages of the iterable behind state token "token", and how often one was asked for. */
    beam_span pages[16];
    size_t n_pages;
    int gets;
    bool reads_fail, writes_fail, gets_fail;
    bool idles; /* there is no input before each segment */
    bool idled;
    void (*before_segment)(fixture *f, size_t segment);
    /* Set by a test that serves its own state and caches. */
    beam_status (*state_get)(void *fixture, const bm_state_key *key, beam_span token,
                             bm_writer *data, bm_writer *next, beam_error *err);
    bm_state_cache *cache;
    const bm_cache_token *cache_tokens;
    size_t n_cache_tokens;
    bool serves_keys_values;
    /* For a test that needs more: called before each run. */
    void (*complete)(fixture *f, bm_bundle_io *io);
} test_io;

struct fixture {
    bm_arena arena;
    struct upb_Arena *upb;
    struct pb_ProcessBundleDescriptor *descriptor;
    bm_registry registry;
    bm_plan *plan;
    beam_error err;
    bm_writer in[MAX_PORTS];
    const bm_coder *in_coder[MAX_PORTS], *out_coder[MAX_PORTS];
    int n_sources, n_sinks;
    test_io io;
};

void fixture_init(fixture *f, const beam_dofn *const *dofns, size_t n_dofns,
                  const beam_combine *const *combines, size_t n_combines);
void fixture_init_with(fixture *f, const beam_functions *functions);
void fixture_free(fixture *f);

/* -- the descriptor --------------------------------------------------------------------- */
const bm_coder *fixture_coder(fixture *f, const char *text);
void fixture_pcoll(fixture *f, const char *id, const char *coder);
/* With the windowing strategy's output_time. */
void fixture_pcoll_at(fixture *f, const char *id, const char *coder, int output_time);
/* The window coder of all collections that were added. */
void fixture_window_coder(fixture *f, const char *coder);
/* Inputs and outputs as "tag=pcoll tag=pcoll". */
void fixture_transform(fixture *f, const char *id, const char *urn, beam_span payload,
                       const char *inputs, const char *outputs);
/* Ports are numbered as they are added: give the ids in this order of names. */
void fixture_source(fixture *f, const char *id, const char *pcoll, const char *coder,
                    const char *window);
void fixture_sink(fixture *f, const char *id, const char *pcoll, const char *coder,
                  const char *window);
void fixture_par_do(fixture *f, const char *id, const char *fn, const char *config,
                    const char *inputs, const char *outputs);
/* With failed elements as an output; their coder is "failure". */
void fixture_catching_par_do(fixture *f, const char *id, const char *fn, unsigned attempts,
                             const char *inputs, const char *outputs);
/* The same of a DoFn that calls a service, "test:1". */
void fixture_calling_par_do(fixture *f, const char *id, const char *fn, unsigned attempts,
                            const char *inputs, const char *outputs);
/* `sides` as "tag=iterable tag=multimap". */
void fixture_par_do_with_sides(fixture *f, const char *id, const char *fn, const char *inputs,
                               const char *outputs, const char *sides);
void fixture_combine(fixture *f, const char *id, const char *urn, const char *fn,
                     const char *inputs, const char *outputs);
/* Payloads. */
beam_span fixture_fn_payload(fixture *f, const char *fn_urn, const char *fn,
                             const char *config);
/* Of a DoFn whose failures are caught after so many attempts. */
beam_span fixture_catching_payload(fixture *f, const char *fn, unsigned attempts);
typedef struct test_window_fn {
    const char *urn; /* or the name of one of the program, whose config is then "ten" */
    beam_millis size, offset, period;
} test_window_fn;
beam_span fixture_window_fn(fixture *f, test_window_fn fn);
/* Of a collection that is there: its windows. */
void fixture_windowing(fixture *f, const char *pcoll, test_window_fn fn,
                       const char *window_coder);
/* After fixture_windowing. */
void fixture_lateness(fixture *f, const char *pcoll, beam_millis allowed);
beam_span fixture_window_into(fixture *f, test_window_fn fn);

/* -- bundles ------------------------------------------------------------------------------ */
void fixture_put(fixture *f, int source, beam_value value);
void fixture_put_in(fixture *f, int source, beam_value value, beam_millis timestamp,
                    const beam_window *windows, size_t n);
beam_value fixture_kv(fixture *f, beam_value key, beam_value value);
beam_value fixture_list(fixture *f, const beam_value *values, size_t n);
static inline beam_value text_value(const char *text)
{
    return beam_string(beam_span_of(text));
}

/* Makes the plan; the test fails if that does. */
void fixture_build(fixture *f);
beam_status fixture_try_build(fixture *f);
/* Runs what was put, in segments of at most `segment` bytes (0: one). */
beam_status fixture_run_in(fixture *f, size_t segment);
void fixture_run(fixture *f); /* must succeed */
/* The two halves of fixture_run_in. */
void fixture_cut(fixture *f, size_t segment);
beam_status fixture_run_cut(fixture *f);
/* What a sink got, one element a line. */
const char *fixture_output(fixture *f, int sink);
/* The same of encoded elements from elsewhere. */
const char *fixture_elements(fixture *f, const bm_coder *coder, beam_span bytes);
#define expect_output(f, sink, text) ck_assert_str_eq(fixture_output((f), (sink)), (text))
#define expect_error(f, part) \
    ck_assert_msg(strstr((f)->err.message, (part)), "message: %s", (f)->err.message)

/* "urn name=value ..." of each metric, sorted; payload varints in order. */
const char *fixture_metrics(fixture *f);

/* Runs a suite of one test case. */
int run_tests(const char *name, const TTest *const *tests, size_t n);
/* Runs one test `n` times, with _i from 0. */
int run_loop_test(const char *name, const TTest *test, int n);

#endif
