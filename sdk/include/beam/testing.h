/* SPDX-License-Identifier: Apache-2.0 */
/* beam/testing.h - testing pipelines and DoFns.
 *
 *     static void counts_words(void)
 *     {
 *         beam_pipeline *p = beam_pipeline_new();
 *         beam_pcoll *lines = beam_create_strings(p, "Lines", (const char *[]){ "a b a" }, 1);
 *         beam_assert_that(count_words(lines), "Counts", .lines = "a: 2\nb: 1");
 *         beam_error err;
 *         beam_status status = beam_test_run(p, .err = &err);
 *         ck_assert_msg(status == BEAM_OK, "%s", err.message);
 *         beam_pipeline_free(p);
 *     }
 *
 * An assertion is a part of the pipeline: it fails the job when it does not hold, on any
 * runner. Nothing here needs a test framework. */
#ifndef BEAM_TESTING_H
#define BEAM_TESTING_H

#include "beam/pipeline.h"
BEAM_C_BEGIN

/* -- assertions about collections (PAssert) -------------------------------------------
 * Which panes of a window are looked at. */
typedef enum beam_panes {
    BEAM_PANES_ALL,
    BEAM_PANES_EARLY,
    BEAM_PANES_ON_TIME,
    BEAM_PANES_LATE,
    BEAM_PANES_NOT_LATE, /* early ones and that on time */
    BEAM_PANES_FINAL,    /* the last of the window */
    BEAM_PANES_ONLY      /* as ALL, but more than one pane is a failure */
} beam_panes;

/* What `lines` show beside the element. */
enum {
    BEAM_SHOW_WINDOW = 1u << 0,    /* "[0, 10000) a: 3", "[global] a: 3" */
    BEAM_SHOW_TIMESTAMP = 1u << 1, /* "a: 3 @5000" */
    BEAM_SHOW_PANE = 1u << 2       /* "a: 3 #0 early first": index, timing, first, last */
};

/* One of values, lines, empty, singleton, count and matcher says what must hold. */
typedef struct beam_assert_opts {
    /* These elements, in any order, and no others. */
    const beam_value *values;
    size_t n;
    /* The same with elements as text, one a line, in any order: a KV is "key: value", an
     * iterable or list "[a, b]" with its items sorted as text, a row "{1, x}", a null
     * "null"; a double has as few digits as tell it from others, strings have no quotes,
     * bytes that are not printable are "\xff", a STRUCT is its encoding as such bytes. */
    const char *lines;
    unsigned show; /* BEAM_SHOW_... in `lines` */
    bool empty;
    const beam_value *singleton; /* one element, equal to this */
    int64_t count;               /* so many elements; for 0 use `empty` */
    /* A DoFn that reads all elements at once, .in = BEAM_ITERABLE(T), and calls beam_fail()
     * if it does not like them; see beam_text(). Its outputs are not used. */
    const beam_dofn *matcher;
    beam_span config; /* of the matcher */

    /* Only elements in this window; an element in several windows is looked at in each. */
    const beam_window *window;
    beam_panes panes; /* only elements of these panes */
} beam_assert_opts;

/* Fails the job, with what is missing and what is unexpected, unless the collection holds
 * what `opts` say; also when it holds nothing and should not. All elements go to one worker
 * and into its memory as text. Two values are equal if they are the same as text (`values`
 * are compared with strings quoted), so iterables in them are without order.
 *     beam_assert_that(words, "Words", .values = (beam_value[]){ ... }, .n = 3)
 *     beam_assert_that(sums, "Sums", .lines = "a: 3\nb: 4", .window = &minute) */
BEAM_API void beam_assert_that_with(beam_pcoll *actual, const char *name,
                                    const beam_assert_opts *opts);
#define beam_assert_that(actual, name, ...) \
    beam_assert_that_with((actual), (name), &(const beam_assert_opts){ __VA_ARGS__ })

/* The element as text, as `lines` of an assertion has it; with `quoted`, strings and bytes
 * are in quotes. In memory of beam_alloc(). For matchers. */
BEAM_API beam_span beam_text(beam_ctx *c, beam_value v, bool quoted);

/* -- streams whose time the test tells (TestStream) ------------------------------------
 * An unbounded source of given elements, watermarks and steps of the processing-time clock,
 * given out in this order; each waits until all that follows from the one before is done.
 * It must be the pipeline's only source, beside beam_create() for expectations. The local
 * runner, Prism and Flink (with streaming) have it; Flink may put elements from both sides of
 * a watermark step into one bundle, so what is late there can differ.
 *
 *     beam_test_stream *ts = beam_test_stream_begin(p, "Stream", BEAM_INT64);
 *     beam_test_stream_add(ts, beam_int64(1), 5000);
 *     beam_test_stream_watermark(ts, 10000);
 *     beam_test_stream_add(ts, beam_int64(2), 5000);  // late
 *     beam_pcoll *numbers = beam_test_stream_end(ts); */
typedef struct beam_test_stream beam_test_stream; /* owned by the pipeline */

/* The first failure of the functions below is kept by the pipeline, as for other steps. */
BEAM_API beam_test_stream *beam_test_stream_begin(beam_pipeline *p, const char *name,
                                                  const beam_type *type);
/* One element; copied. */
BEAM_API void beam_test_stream_add(beam_test_stream *ts, beam_value v, beam_millis timestamp);
/* Several at once: a runner may process them as one bundle. */
typedef struct beam_timestamped {
    beam_value value;
    beam_millis timestamp;
} beam_timestamped;
BEAM_API void beam_test_stream_add_all(beam_test_stream *ts, const beam_timestamped *elements,
                                       size_t n);
/* Later elements that are earlier than `to` are late. Only forward. */
BEAM_API void beam_test_stream_watermark(beam_test_stream *ts, beam_millis to);
BEAM_API void beam_test_stream_processing_time(beam_test_stream *ts, beam_millis by);
/* The stream ends: the watermark goes to BEAM_MAX_TIMESTAMP. `ts` is of no use any more. */
BEAM_API beam_pcoll *beam_test_stream_end(beam_test_stream *ts);

/* -- running a pipeline in a test (TestPipeline) -------------------------------------- */
/* How the local runner is unkind to the worker on purpose. Pipelines give the same results
 * with all of them, but for those that drop something: these fail the run. */
typedef struct beam_test_faults {
    bool data_before_request;  /* elements of a bundle come before the bundle is asked for */
    bool last_with_data;       /* is_last comes with the last data, not on its own */
    size_t data_bytes;         /* data is cut every so many bytes, inside of elements too */
    bool embed_elements;       /* elements come in the request for their bundle */
    bool no_response_embedding, no_short_ids; /* the runner lacks these protocols */
    bool cache_tokens;         /* state may be cached across bundles */
    size_t state_page_bytes;   /* state comes in pages of this size */
    size_t reorder_state;      /* answers to state requests come out of order, by so many */
    int progress_every_ms;     /* asks running bundles how far they are */
    int split_every_ms;        /* splits running bundles, at this fraction of what remains */
    double split_fraction;
    bool unknown_instructions; /* asks about bundles that never were */
    bool late_instructions;    /* asks about bundles that have ended, and sends them data */
    uint64_t drop_control_after, drop_data_after, drop_state_after; /* so many bundles */
} beam_test_faults;

typedef struct beam_test_opts {
    /* host:port of a Beam job service. NULL: that of the environment variable
     * BEAM_TEST_ENDPOINT, and without it the local runner, in this process. */
    const char *job_endpoint;
    bool local; /* the local runner, whatever the environment says */
    const char *job_name; /* NULL: "beam-test" */
    bool streaming;
    int64_t timeout_s; /* the job is cancelled after it, and has failed; 0: 120 */
    /* Options for the runner, {"parallelism", "2"}, up to the first NULL. */
    const char *options[16][2];
    beam_severity log_level; /* of what workers and runner say on stderr; 0: ERROR */
    beam_error *err;         /* gets the failure; may be NULL */

    /* Of the local runner only. */
    size_t bundle_size;  /* elements of a bundle; 0: 1000 */
    size_t parallelism;  /* bundles at once; 0: 2 */
    int bundle_retries;  /* of a bundle that failed */
    bool drain;          /* splittable DoFns get their restrictions truncated */
    bool real_time;      /* waits for processing-time timers; otherwise the clock jumps to
                            the next one when nothing else is to do */
    const beam_test_faults *faults;
} beam_test_opts;

/* Runs the pipeline with workers in this process and waits for its end. The functions that
 * it uses are taken from the pipeline itself, so a test needs no tables. Fails with the
 * first mistake of the pipeline, with what the runner says of a failed job, with
 * BEAM_ETIMEOUT, or when one of the pipeline's assertions has not been made. Blocks. */
BEAM_API beam_status beam_test_run_with(beam_pipeline *p, const beam_test_opts *opts);
#define beam_test_run(p, ...) \
    beam_test_run_with((p), &(const beam_test_opts){ __VA_ARGS__ })

/* User metrics of the pipeline's last run, successful or not; a name of several steps is
 * added up. With `step` (a step's whole name, "Scope/Name") only that step's; NULL: all. A
 * splittable DoFn is several steps, which have names of the runner's: take NULL for it.
 * 0 when there is none. Calls of services are counters too, "Method: outcome": "GET: ok",
 * "GET: unavailable". */
BEAM_API int64_t beam_test_counter(const beam_pipeline *p, const char *step,
                                   const char *name);
typedef struct beam_distribution {
    int64_t count, sum, min, max;
} beam_distribution;
BEAM_API beam_distribution beam_test_distribution(const beam_pipeline *p, const char *step,
                                                  const char *name);
BEAM_API int64_t beam_test_gauge(const beam_pipeline *p, const char *step, const char *name);
/* Of doubles (beam_counter_add_double() and so on). */
typedef struct beam_distribution_double {
    int64_t count;
    double sum, min, max;
} beam_distribution_double;
BEAM_API double beam_test_counter_double(const beam_pipeline *p, const char *step,
                                         const char *name);
BEAM_API beam_distribution_double beam_test_distribution_double(const beam_pipeline *p,
                                                                const char *step,
                                                                const char *name);
BEAM_API double beam_test_gauge_double(const beam_pipeline *p, const char *step,
                                       const char *name);

/* -- one DoFn without a runner (DoFnTester) --------------------------------------------
 * Runs the DoFn in the worker's own engine, on the caller's thread, in microseconds: state,
 * timers and side inputs are kept in memory, and both clocks are the test's.
 *
 *     beam_dofn_tester *t = beam_dofn_tester_new(&dedup_fn);
 *     beam_tester_add(t, word, 1000);
 *     beam_tester_add(t, word, 2000);
 *     ck_assert_int_eq(beam_tester_run(t), BEAM_OK);
 *     ck_assert_str_eq(beam_tester_lines(t, -1), "word @1000\n");
 *     beam_dofn_tester_free(t);
 *
 * Splittable DoFns are tested in a pipeline, with beam_test_run(). One thread. */
typedef struct beam_dofn_tester beam_dofn_tester;

typedef struct beam_dofn_tester_opts {
    const beam_dofn *fn;
    const beam_type *in;  /* of the elements; NULL: fn->in, which then has no BEAM_ANY in it */
    const beam_type *out; /* as .out of beam_par_do() */
    beam_span config;
    const char *target;     /* as .target of beam_par_do() */
    beam_window_fn windows; /* which elements are put in; not set: the global window */
    struct {
        const beam_value *at;
        size_t n;
    } sides[8];      /* elements of fn->sides, the same in every window; copied */
    beam_millis now; /* the processing-time clock */
} beam_dofn_tester_opts;

/* Never NULL; what is wrong with the DoFn is the failure of the first run. */
BEAM_API beam_dofn_tester *beam_dofn_tester_new_with(const beam_dofn_tester_opts *opts);
#define beam_dofn_tester_new(...) \
    beam_dofn_tester_new_with(&(const beam_dofn_tester_opts){ .fn = __VA_ARGS__ })
/* Calls teardown. NULL is fine. */
BEAM_API void beam_dofn_tester_free(beam_dofn_tester *t);

/* An element of the next bundle; copied. */
BEAM_API void beam_tester_add(beam_dofn_tester *t, beam_value v, beam_millis timestamp);
/* The same from a firing of a trigger. */
BEAM_API void beam_tester_add_pane(beam_dofn_tester *t, beam_value v, beam_millis timestamp,
                                   beam_pane pane);
/* Runs the elements that were added as one bundle: setup (the first time), start_bundle,
 * process for each, finish_bundle. When it fails, the bundle's outputs, state and timers are
 * dropped and the instance is torn down; the next run has a new one. */
BEAM_API beam_status beam_tester_run(beam_dofn_tester *t);
/* The sentence of the last failure; "" when the last call succeeded. */
BEAM_API const char *beam_tester_error(const beam_dofn_tester *t);

/* Moves a clock on and fires, one by one in order of their times (of equal ones, in the order
 * in which they were set), the timers that are due, also those that are set meanwhile. Elements
 * must have been run. Stops at a failure. */
BEAM_API beam_status beam_tester_watermark(beam_dofn_tester *t, beam_millis to);
BEAM_API beam_status beam_tester_processing_time(beam_dofn_tester *t, beam_millis by);
/* Timers of the DoFn that are set and have not fired. */
BEAM_API size_t beam_tester_timers(const beam_dofn_tester *t);

/* What was emitted so far, in order; `output` is -1 for the main one, or an index of
 * .outputs. Values live until the tester is cleared or freed. */
typedef struct beam_tested {
    beam_value value;
    beam_millis timestamp;
    beam_window window; /* the first of its windows */
    beam_pane pane;
} beam_tested;
BEAM_API size_t beam_tester_count(const beam_dofn_tester *t, int output);
BEAM_API beam_tested beam_tester_at(const beam_dofn_tester *t, int output, size_t i);
/* The same as text, one element a line in the order of emission, as `lines` of an assertion
 * have them, with " @timestamp". Lives as long as the tester. */
BEAM_API const char *beam_tester_lines(beam_dofn_tester *t, int output);
/* Forgets the outputs. */
BEAM_API void beam_tester_clear(beam_dofn_tester *t);
/* Sum of a user counter over the bundles that succeeded. */
BEAM_API int64_t beam_tester_counter(const beam_dofn_tester *t, const char *name);

BEAM_C_END
#endif
