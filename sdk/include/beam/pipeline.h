/* SPDX-License-Identifier: Apache-2.0 */
/* beam/pipeline.h - building a pipeline.
 *
 *     beam_pcoll *lines = beam_create(p, "Lines", BEAM_STRING, values, n);
 *     beam_pcoll *words = beam_par_do(lines, "Words", &words_fn);
 *     beam_pcoll *counts = beam_combine_per_key(words, "Count", &beam_sum_int64);
 *
 * Ownership: the pipeline owns every node, name and collection made from it, and nothing
 * is freed one by one. Strings, values, types, triggers and option structs are copied;
 * constants (beam_dofn, beam_combine, beam_schema, beam_struct_coder) are kept by pointer
 * and must outlive the pipeline.
 *
 * Errors: nothing here returns NULL and nothing needs checking. The pipeline keeps its
 * first failure, and every later call does nothing; running the pipeline reports it. The
 * message names the step, its input and both types. (A NULL for the only input of a step is
 * a failure of the pipeline that this thread has made last; without one, a line on stderr.)
 *
 * Names: each step has one, unique within its scope; the runner's UI, metrics and
 * savepoints use it. A pipeline is built by one thread. */
#ifndef BEAM_PIPELINE_H
#define BEAM_PIPELINE_H

#include "beam/dofn.h"
BEAM_C_BEGIN

typedef struct beam_pipeline beam_pipeline;
typedef struct beam_pcoll beam_pcoll; /* a PCollection */

BEAM_API beam_pipeline *beam_pipeline_new(void);
BEAM_API void beam_pipeline_free(beam_pipeline *p); /* NULL is fine */
/* The first failure, or NULL. Owned by the pipeline. */
BEAM_API const beam_error *beam_pipeline_error(const beam_pipeline *p);
/* For transforms written outside: fails the pipeline unless it has failed already. */
BEAM_API void beam_pipeline_fail(beam_pipeline *p, beam_status status, const char *format, ...)
    BEAM_PRINTF(3, 4);

/* The same as --experiments=NAME on the command line. */
BEAM_API void beam_pipeline_experiment(beam_pipeline *p, const char *experiment);
/* The same as --resource_hints=NAME=VALUE, which goes before it: what workers are to have, for
 * runners that look at it. "min_ram=4GB" (or GiB, MB...), "cpu_count=2",
 * "max_active_bundles_per_worker=1", "accelerator=type:nvidia-tesla-t4;count:1". */
BEAM_API void beam_pipeline_resource_hint(beam_pipeline *p, const char *hint);

BEAM_API beam_pipeline *beam_pcoll_pipeline(const beam_pcoll *c);
BEAM_API const beam_type *beam_pcoll_type(const beam_pcoll *c);
/* A string with the pipeline's life. */
BEAM_API const char *beam_pipeline_format(beam_pipeline *p, const char *format, ...)
    BEAM_PRINTF(2, 3);

/* -- scopes: composites, which the runner's UI shows as a tree ---------------------------
 * Steps made between the two calls are parts of the composite `name`. Nests. */
BEAM_API void beam_scope_begin(beam_pipeline *p, const char *name);
BEAM_API void beam_scope_end(beam_pipeline *p);
/* The innermost open scope alone is to have `what`, such as "the file 'x'". If another has
 * claimed the same text, the pipeline fails with both names. */
BEAM_API void beam_scope_claim(beam_pipeline *p, const char *what);

/* -- sources -------------------------------------------------------------------------------- */
/* One empty BYTES element in the global window (beam:transform:impulse:v1). */
BEAM_API beam_pcoll *beam_impulse(beam_pipeline *p, const char *name);
/* INT64 0, 1, 2, ...: one each `period`, from `start` (its timestamp) up to and without
 * `end`, BEAM_MAX_TIMESTAMP for no end; those of the past at once (PeriodicImpulse).
 * Unbounded: for jobs that run as streaming ones. */
BEAM_API beam_pcoll *beam_periodic_impulse(beam_pipeline *p, const char *name,
                                           beam_millis start, beam_millis end,
                                           beam_millis period);
/* The given values, at BEAM_MIN_TIMESTAMP; copied. `n` may be 0. */
BEAM_API beam_pcoll *beam_create(beam_pipeline *p, const char *name, const beam_type *type,
                                 const beam_value *values, size_t n);
BEAM_API beam_pcoll *beam_create_strings(beam_pipeline *p, const char *name,
                                         const char *const *texts, size_t n);

/* -- ParDo -------------------------------------------------------------------------------------- */
typedef struct beam_display {
    const char *key, *value;
} beam_display;

typedef struct beam_par_do_opts {
    const beam_dofn *fn;
    beam_span config;       /* bytes for beam_config() */
    const beam_type *out;   /* main output's type where fn->out is BEAM_ANY */
    beam_pcoll *sides[8];   /* collections of fn->sides, same index */
    const char *target;     /* the service: "[grpcs://]host:port" of fn->rpc, "http[s]://..." of
                               fn->http */
    /* Errors as data: elements that fail go to *failures (BEAM_FAILURE, see beam_failures())
     * instead of failing the bundle; what they emitted before is dropped, and what they did
     * to state and timers is undone. The same for timers that fail: `element` and
     * `element_text` are then of the key, and `error` names the timer. Of splittable DoFns the outputs
     * go on as they come and stand; the unclaimed rest of the restriction is given up, and
     * `error` names both. What .initial, .split, .size and .truncate fail on fails the
     * bundle. */
    beam_pcoll **failures;
    int attempts;             /* with failures: tries of an element; 0: 1. Splittable: 1 */
    beam_display display[8]; /* display data beside the DoFn's name */
    /* As for beam_pipeline_resource_hint(), for this step; of both, the larger RAM and number of
     * CPUs, the smaller number of bundles, this accelerator. The step then has an environment
     * of its own, and is not fused with others. */
    const char *resource_hints[4];
} beam_par_do_opts;

/* beam:transform:pardo:v1. Returns the main output; see beam_output() for the others.
 *     beam_par_do(lines, "Words", &words_fn, .config = beam_span_of("{...}")) */
BEAM_API beam_pcoll *beam_par_do_with(beam_pcoll *in, const char *name,
                                      const beam_par_do_opts *opts);
#define beam_par_do(in, name, ...) \
    beam_par_do_with((in), (name), &(const beam_par_do_opts){ .fn = __VA_ARGS__ })
/* Extra output number `output` of the ParDo that made `main_output`. */
BEAM_API beam_pcoll *beam_output(beam_pcoll *main_output, int output);

/* -- errors as data ----------------------------------------------------------------------
 * A failed element: row with `transform` STRING (unique name of the step), `transforms`
 * list of STRING (its enclosing composites, outermost first), `element` BYTES, `element_text`
 * STRING, `error` STRING, `status` INT64 and `attempts` INT64. `element` is the element encoded
 * with its coder: of a STRING or BYTES element its very bytes. `element_text` is for people:
 * text is quoted and escaped, and all of it is cut at 500 bytes. */
extern BEAM_API const beam_schema beam_failure_schema;
#define BEAM_FAILURE BEAM_ROW(&beam_failure_schema)
/* Between the two calls every ParDo of this program that has no .failures of its own sends
 * its failed elements to one collection, which end() returns. Does not nest. */
BEAM_API void beam_failures_begin(beam_pipeline *p, const char *name);
BEAM_API beam_pcoll *beam_failures_end(beam_pipeline *p);
/* Fails the job when, in a window, `failures` are more than `most` (0 ... 1) of `all`
 * elements. */
BEAM_API void beam_failures_threshold(beam_pcoll *failures, const char *name, beam_pcoll *all,
                                      double most);

/* -- grouping ------------------------------------------------------------------------------------- */
/* KV<K, V> -> KV<K, ITERABLE<V>> (beam:transform:group_by_key:v1). */
BEAM_API beam_pcoll *beam_group_by_key(beam_pcoll *in, const char *name);
/* KV<K, A>, KV<K, B>, ... -> one element per key and window. With two to eight inputs of
 * the same key type; read input i of an element with beam_co_values(element, i). */
BEAM_API beam_pcoll *beam_co_group_by_key(beam_pipeline *p, const char *name,
                                          beam_pcoll *const inputs[], size_t n);
BEAM_API beam_iter *beam_co_values(beam_value element, int input);
/* Type of that element, for a DoFn's .in: BEAM_KV(K, BEAM_CO2(A, B)). */
#define BEAM_CO2(a, b) BEAM_KV(BEAM_ITERABLE(a), BEAM_ITERABLE(b))
#define BEAM_CO3(a, b, c) BEAM_KV(BEAM_ITERABLE(a), BEAM_CO2(b, c))

typedef struct beam_combine_opts {
    const beam_combine *fn;
    beam_span config;
} beam_combine_opts;
/* KV<K, In> -> KV<K, Out> (beam:transform:combine_per_key:v1); runners lift it. */
BEAM_API beam_pcoll *beam_combine_per_key_with(beam_pcoll *in, const char *name,
                                               const beam_combine_opts *opts);
#define beam_combine_per_key(in, name, ...) \
    beam_combine_per_key_with((in), (name), &(const beam_combine_opts){ .fn = __VA_ARGS__ })
/* In -> Out, one per window. In the global window (with the default trigger) there is one
 * output even for no input; in others only windows with elements have one. */
BEAM_API beam_pcoll *beam_combine_globally_with(beam_pcoll *in, const char *name,
                                                const beam_combine_opts *opts);
#define beam_combine_globally(in, name, ...) \
    beam_combine_globally_with((in), (name), &(const beam_combine_opts){ .fn = __VA_ARGS__ })
/* V -> KV<V, INT64>: how often each element occurs. */
BEAM_API beam_pcoll *beam_count_per_element(beam_pcoll *in, const char *name);
/* KV<K, V> -> KV<K, ITERABLE<V>>: the n largest (or smallest) values, best first. V is
 * INT64, DOUBLE, STRING, BYTES, or KVs of these, in their natural order. */
typedef enum beam_order { BEAM_LARGEST, BEAM_SMALLEST } beam_order;
BEAM_API beam_pcoll *beam_top_per_key(beam_pcoll *in, const char *name, int n, beam_order order);

/* Hot keys: the values of a key are first combined in `fanout` parts (Combine.PerKey with
 * hot key fan-out). */
BEAM_API beam_pcoll *beam_combine_per_key_with_fanout(beam_pcoll *in, const char *name,
                                                      const beam_combine *fn, int fanout);
/* The n largest or smallest of each window, as one ITERABLE<T>. */
BEAM_API beam_pcoll *beam_top(beam_pcoll *in, const char *name, int n, beam_order order);
/* T -> T: each different element once per window. */
BEAM_API beam_pcoll *beam_distinct(beam_pcoll *in, const char *name);
/* KV<K, V> -> KV<K, V>: of each key the element with the latest timestamp; T -> T the same
 * of all, per window. */
BEAM_API beam_pcoll *beam_latest_per_key(beam_pcoll *in, const char *name);
BEAM_API beam_pcoll *beam_latest(beam_pcoll *in, const char *name);
/* n elements chosen evenly at random (fewer if there are fewer): T -> ITERABLE<T>, and
 * KV<K, V> -> KV<K, ITERABLE<V>>. */
BEAM_API beam_pcoll *beam_sample(beam_pcoll *in, const char *name, int n);
BEAM_API beam_pcoll *beam_sample_per_key(beam_pcoll *in, const char *name, int n);
/* Any n elements, T -> T (Sample.any). */
BEAM_API beam_pcoll *beam_any(beam_pcoll *in, const char *name, int n);
/* The smallest, n - 2 evenly spaced quantiles and the largest, each with a rank error of at
 * most 1/n: T -> ITERABLE<T>, and per key (ApproximateQuantiles). T: INT64, DOUBLE, STRING
 * or BYTES. */
BEAM_API beam_pcoll *beam_quantiles(beam_pcoll *in, const char *name, int n);
BEAM_API beam_pcoll *beam_quantiles_per_key(beam_pcoll *in, const char *name, int n);
/* T -> INT64, one per window; 0 in an empty global window. */
BEAM_API beam_pcoll *beam_count_globally(beam_pcoll *in, const char *name);

typedef struct beam_batch_opts {
    int64_t size;             /* elements of a batch at most; 0: no limit */
    int64_t bytes;            /* encoded size of a batch's values at about most; 0: no limit */
    beam_millis buffering_ms; /* longest wait of an element, processing time; 0: none */
    bool sharded;             /* the key is KV<K, BYTES shard>: a hot key is batched in parts
                                 (GroupIntoBatches.withShardedKey) */
} beam_batch_opts;
/* KV<K, V> -> KV<K, ITERABLE<V>>: batches of a key within a window (GroupIntoBatches). At
 * least one limit of size and bytes. */
BEAM_API beam_pcoll *beam_group_into_batches_with(beam_pcoll *in, const char *name,
                                                  const beam_batch_opts *opts);
#define beam_group_into_batches(in, name, ...) \
    beam_group_into_batches_with((in), (name), &(const beam_batch_opts){ __VA_ARGS__ })

/* -- shape ---------------------------------------------------------------------------------------------- */
BEAM_API beam_pcoll *beam_flatten(beam_pipeline *p, const char *name,
                                  beam_pcoll *const inputs[], size_t n);
/* The same elements, redistributed over workers; breaks fusion
 * (beam:transform:reshuffle:v1). Of KVs by key, of others evenly. */
BEAM_API beam_pcoll *beam_reshuffle(beam_pcoll *in, const char *name);
/* Sorts elements into n collections, out[0] ... out[n - 1], by fn->partition (a result out
 * of range fails the bundle). */
BEAM_API void beam_partition(beam_pcoll *in, const char *name, const beam_dofn *fn, int n,
                             beam_pcoll *out[]);
/* Each element passes on unchanged if fn->keep says so. */
BEAM_API beam_pcoll *beam_filter(beam_pcoll *in, const char *name, const beam_dofn *fn);
/* Each element becomes what fn->map returns for it. */
BEAM_API beam_pcoll *beam_map(beam_pcoll *in, const char *name, const beam_dofn *fn);
/* Gives each element the event time that fn->timestamp returns for it. */
BEAM_API beam_pcoll *beam_with_timestamps(beam_pcoll *in, const char *name, const beam_dofn *fn);
/* The elements of `in`, each not before its window of `signal` is over (Wait.on). */
BEAM_API beam_pcoll *beam_wait_on(beam_pcoll *in, const char *name, beam_pcoll *signal);
BEAM_API beam_pcoll *beam_keys(beam_pcoll *in, const char *name);   /* KV<K, V> -> K */
BEAM_API beam_pcoll *beam_values(beam_pcoll *in, const char *name); /* KV<K, V> -> V */
BEAM_API beam_pcoll *beam_swap(beam_pcoll *in, const char *name);   /* KV<K, V> -> KV<V, K> */

/* -- windows and triggers ---------------------------------------------------------------------------------- */
typedef enum beam_window_kind {
    BEAM_WINDOW_GLOBAL,
    BEAM_WINDOW_FIXED,
    BEAM_WINDOW_SLIDING,
    BEAM_WINDOW_SESSIONS,
    BEAM_WINDOW_CUSTOM
} beam_window_kind;

typedef struct beam_window_fn {
    beam_window_kind kind;
    beam_millis size, period, offset, gap;
    const beam_custom_windows *custom;
    beam_span config; /* of a custom one, for beam_config() */
} beam_window_fn;

static inline beam_window_fn beam_global(void)
{
    beam_window_fn fn = { BEAM_WINDOW_GLOBAL, 0, 0, 0, 0, NULL, { NULL, 0 } };
    return fn;
}
static inline beam_window_fn beam_fixed(beam_millis size)
{
    beam_window_fn fn = { BEAM_WINDOW_FIXED, size, 0, 0, 0, NULL, { NULL, 0 } };
    return fn;
}
static inline beam_window_fn beam_sliding(beam_millis size, beam_millis period)
{
    beam_window_fn fn = { BEAM_WINDOW_SLIDING, size, period, 0, 0, NULL, { NULL, 0 } };
    return fn;
}
static inline beam_window_fn beam_sessions(beam_millis gap)
{
    beam_window_fn fn = { BEAM_WINDOW_SESSIONS, 0, 0, 0, gap, NULL, { NULL, 0 } };
    return fn;
}

/* A WindowFn of the program: .window_fns of beam_program names it. */
static inline beam_window_fn beam_custom(const beam_custom_windows *fn)
{
    beam_window_fn custom = { BEAM_WINDOW_CUSTOM, 0, 0, 0, 0, fn, { NULL, 0 } };
    return custom;
}

/* Trigger of beam_runner_api.proto, as a constant tree. */
typedef enum beam_trigger_kind {
    BEAM_TRIGGER_DEFAULT,
    BEAM_TRIGGER_AFTER_END_OF_WINDOW, /* arg[0]: early, arg[1]: late; both may be NULL */
    BEAM_TRIGGER_AFTER_PROCESSING_TIME, /* delay, align: ms */
    BEAM_TRIGGER_AFTER_SYNCHRONIZED_PROCESSING_TIME,
    BEAM_TRIGGER_ELEMENT_COUNT,
    BEAM_TRIGGER_ALWAYS,
    BEAM_TRIGGER_NEVER,
    BEAM_TRIGGER_REPEAT,     /* arg[0] */
    BEAM_TRIGGER_OR_FINALLY, /* arg[0] main, arg[1] finally */
    BEAM_TRIGGER_AFTER_ALL,  /* args */
    BEAM_TRIGGER_AFTER_ANY,  /* args */
    BEAM_TRIGGER_AFTER_EACH  /* args */
} beam_trigger_kind;

typedef struct beam_trigger beam_trigger;
struct beam_trigger {
    beam_trigger_kind kind;
    const beam_trigger *arg[6]; /* up to the first NULL for AFTER_ALL, _ANY, _EACH */
    int64_t count;              /* ELEMENT_COUNT */
    beam_millis delay;          /* AFTER_PROCESSING_TIME: after the pane's first element */
    beam_millis align_period, align_offset; /* ... then rounded up; 0: not */
};

#ifndef __cplusplus
#define BEAM_AFTER_END_OF_WINDOW(early, late) \
    (&(const beam_trigger){ .kind = BEAM_TRIGGER_AFTER_END_OF_WINDOW, .arg = { (early), (late) } })
#define BEAM_AFTER_PROCESSING_TIME(delay_ms) \
    (&(const beam_trigger){ .kind = BEAM_TRIGGER_AFTER_PROCESSING_TIME, .delay = (delay_ms) })
#define BEAM_AFTER_COUNT(n) \
    (&(const beam_trigger){ .kind = BEAM_TRIGGER_ELEMENT_COUNT, .count = (n) })
#define BEAM_REPEAT(trigger) \
    (&(const beam_trigger){ .kind = BEAM_TRIGGER_REPEAT, .arg = { (trigger) } })
#define BEAM_OR_FINALLY(trigger, finally) \
    (&(const beam_trigger){ .kind = BEAM_TRIGGER_OR_FINALLY, .arg = { (trigger), (finally) } })
#define BEAM_AFTER_ALL(...) \
    (&(const beam_trigger){ .kind = BEAM_TRIGGER_AFTER_ALL, .arg = { __VA_ARGS__ } })
#define BEAM_AFTER_ANY(...) \
    (&(const beam_trigger){ .kind = BEAM_TRIGGER_AFTER_ANY, .arg = { __VA_ARGS__ } })
#define BEAM_AFTER_EACH(...) \
    (&(const beam_trigger){ .kind = BEAM_TRIGGER_AFTER_EACH, .arg = { __VA_ARGS__ } })
#define BEAM_ALWAYS (&(const beam_trigger){ .kind = BEAM_TRIGGER_ALWAYS })
#define BEAM_NEVER (&(const beam_trigger){ .kind = BEAM_TRIGGER_NEVER })
#endif

/* AccumulationMode, OutputTime, ClosingBehavior, OnTimeBehavior of beam_runner_api.proto;
 * zero is Beam's default. */
typedef enum { BEAM_DISCARDING, BEAM_ACCUMULATING, BEAM_RETRACTING } beam_accumulation;
typedef enum { BEAM_AT_END_OF_WINDOW, BEAM_AT_LATEST, BEAM_AT_EARLIEST } beam_timestamp_combiner;
typedef enum { BEAM_CLOSE_IF_NONEMPTY, BEAM_CLOSE_ALWAYS } beam_closing;
typedef enum { BEAM_ON_TIME_ALWAYS, BEAM_ON_TIME_IF_NONEMPTY } beam_on_time;

typedef struct beam_window_opts {
    beam_window_fn fn;
    const beam_trigger *trigger; /* NULL: default */
    beam_accumulation accumulation;
    beam_millis allowed_lateness;
    beam_timestamp_combiner timestamp_combiner;
    beam_closing closing;
    beam_on_time on_time;
} beam_window_opts;

/* beam:transform:window_into:v1.
 *     beam_window_into(hits, "Minutes", beam_fixed(beam_minutes(1)),
 *                      .allowed_lateness = beam_seconds(30)) */
BEAM_API beam_pcoll *beam_window_into_with(beam_pcoll *in, const char *name,
                                           const beam_window_opts *opts);
#define beam_window_into(in, name, ...) \
    beam_window_into_with((in), (name), &(const beam_window_opts){ .fn = __VA_ARGS__ })

/* -- cross-language --------------------------------------------------------------------------------------------- */
/* A transform that an expansion service offers. `payload_schema` and `payload` are the
 * ExternalConfigurationPayload's row (external_transforms.proto); with `java_class`, the
 * row holds the constructor's arguments and java_class_lookup is used
 * (constructor_method may be NULL for `new`). */
typedef struct beam_external_opts {
    const char *urn;
    const beam_schema *payload_schema;
    beam_value payload;
    const char *java_class, *java_constructor_method;
    const char *expansion_service; /* host:port; NULL: --expansion_service, or one is started */
    beam_pcoll *inputs[8];
    const char *input_tags[8];
    const char *output_tags[8];
    const beam_type *output_types[8]; /* checked against the coders that come back */
    /* A ParDo of the expansion, the one whose name ends so, that a DoFn of this program stands
     * in for where its input is read by the runner itself: it takes that input's BYTES, coded as
     * the other language does, and saves them a way through that language's worker. */
    const char *own_step;
    const beam_dofn *own_dofn;
    /* "host:port,host:port" that its workers connect to. A warning when a job is submitted says
     * so where none of them answers. NULL: nothing is asked. */
    const char *servers;
} beam_external_opts;
/* Outputs are written to out[], as many as output_tags. */
BEAM_API void beam_external(beam_pipeline *p, const char *name, const beam_external_opts *opts,
                            beam_pcoll *out[]);

BEAM_C_END
#endif
