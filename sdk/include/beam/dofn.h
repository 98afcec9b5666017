/* SPDX-License-Identifier: Apache-2.0 */
/* beam/dofn.h - user code: DoFns, CombineFns, and what they may ask for.
 *
 * A DoFn is a constant struct of callbacks. One instance runs one bundle at a time, on one
 * thread from start_bundle to finish_bundle; different instances run at once on different
 * threads, so a DoFn keeps its state in beam_self(), never in globals. The thread has 2 MiB of
 * stack and is the worker's, which may use it for the streams to the runner in between: a
 * callback leaves its signal mask, priority and CPU affinity as they were.
 *
 * A C++ exception must not leave a callback: it ends the process. */
#ifndef BEAM_DOFN_H
#define BEAM_DOFN_H

#include "beam/coder.h"
#include "beam/row.h"
#include "beam/status.h"
#include "beam/value.h"
BEAM_C_BEGIN

/* Valid only inside the callback that received it, only on its thread. */
typedef struct beam_ctx beam_ctx;

/* An interval [start, end) of event time. The global window is
 * [BEAM_MIN_TIMESTAMP, BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP + 1). `custom` holds the encoded
 * window of a WindowFn that is not interval based. */
typedef struct beam_window {
    beam_millis start, end;
    beam_span custom;
} beam_window;

static inline beam_millis beam_window_max_timestamp(beam_window w) { return w.end - 1; }

typedef enum beam_pane_timing {
    BEAM_PANE_EARLY,
    BEAM_PANE_ON_TIME,
    BEAM_PANE_LATE,
    BEAM_PANE_UNKNOWN /* not from a trigger firing */
} beam_pane_timing;

typedef struct beam_pane {
    bool is_first, is_last;
    beam_pane_timing timing;
    int64_t index;          /* of the firing, from 0 */
    int64_t on_time_index;  /* of the firing among on-time and late ones; -1 when early */
    /* Travels with the pane, as it does between runners and SDKs: what was said about the
     * element, see beam_element_metadata(). .ptr NULL: nothing. */
    beam_span metadata;
} beam_pane;

/* What kind of change an element is, in a stream of changes (Elements.ValueKind). */
typedef enum beam_value_kind {
    BEAM_VALUE_KIND_UNSPECIFIED,
    BEAM_VALUE_INSERT,
    BEAM_VALUE_UPDATE_BEFORE,
    BEAM_VALUE_UPDATE_AFTER,
    BEAM_VALUE_DELETE
} beam_value_kind;

/* Elements.ElementMetadata of the Fn API. */
typedef struct beam_metadata {
    bool is_draining;                   /* the pipeline is being drained */
    beam_span traceparent, tracestate;  /* W3C trace context; empty: none */
    beam_value_kind value_kind;
} beam_metadata;

typedef struct beam_output_spec {
    const char *tag;
    const beam_type *type; /* BEAM_ANY: same as the input, or given at the step */
} beam_output_spec;

/* Flags of a DoFn. */
enum {
    /* process() is called once per window of the element. Without it a DoFn must not ask
     * for the window. DoFns with state, timers or side inputs are always called so. */
    BEAM_OBSERVES_WINDOW = 1u << 0,
    /* Elements of a key come in the order of their timestamps (@RequiresTimeSortedInput);
     * needs a state or timer. Late ones are dropped. */
    BEAM_TIME_SORTED_INPUT = 1u << 1,
    /* A retry sees the very same elements (@RequiresStableInput). */
    BEAM_STABLE_INPUT = 1u << 2,
    /* May call beam_on_finalize(). */
    BEAM_FINALIZES = 1u << 3
};

/* -- what a DoFn declares ---------------------------------------------------------
 * Tables at file scope, best indexed by an enum whose members are then used at every
 * access:
 *     enum { SEEN };
 *     static const beam_state_spec states[] = { [SEEN] = BEAM_VALUE_STATE("seen", BEAM_INT64) };
 *     ... .states = BEAM_TABLE(states), ...  beam_state_write(c, SEEN, beam_int64(1)); */
typedef struct beam_combine beam_combine;

typedef enum beam_state_kind {
    BEAM_STATE_VALUE = 1,
    BEAM_STATE_BAG,
    BEAM_STATE_COMBINING,
    BEAM_STATE_SET,
    BEAM_STATE_MAP,
    BEAM_STATE_MULTIMAP,
    BEAM_STATE_ORDERED_LIST
} beam_state_kind;

/* StateSpec of beam_runner_api.proto: state per key and window. BEAM_ANY as a type is that
 * of the input's values (for .key: of its keys). */
typedef struct beam_state_spec {
    const char *tag; /* unique among the DoFn's states */
    beam_state_kind kind;
    const beam_type *type;       /* of the values; COMBINING: NULL */
    const beam_type *key;        /* MAP, MULTIMAP: of the keys, deterministic */
    const beam_combine *combine; /* COMBINING; it needs no registration beyond this */
} beam_state_spec;
#define BEAM_VALUE_STATE(tag, type) { (tag), BEAM_STATE_VALUE, (type), NULL, NULL }
#define BEAM_BAG_STATE(tag, type) { (tag), BEAM_STATE_BAG, (type), NULL, NULL }
#define BEAM_COMBINING_STATE(tag, combine) \
    { (tag), BEAM_STATE_COMBINING, NULL, NULL, (combine) }
#define BEAM_SET_STATE(tag, type) { (tag), BEAM_STATE_SET, (type), NULL, NULL }
#define BEAM_MAP_STATE(tag, key, type) { (tag), BEAM_STATE_MAP, (type), (key), NULL }
#define BEAM_MULTIMAP_STATE(tag, key, type) { (tag), BEAM_STATE_MULTIMAP, (type), (key), NULL }
/* Values ordered by a millisecond number, mostly their time. */
#define BEAM_ORDERED_LIST_STATE(tag, type) \
    { (tag), BEAM_STATE_ORDERED_LIST, (type), NULL, NULL }

typedef enum beam_time_domain { BEAM_EVENT_TIME = 1, BEAM_PROCESSING_TIME } beam_time_domain;

/* TimerFamilySpec: timers per key and window, told apart by a tag if there are several. */
typedef struct beam_timer_spec {
    const char *family; /* unique among the DoFn's timers */
    beam_time_domain domain;
} beam_timer_spec;

/* A timer that fires. */
typedef struct beam_timer {
    int timer;     /* index in .timers */
    beam_span tag; /* as given to beam_timer_set_with(); empty: none was */
    beam_value key;
    beam_millis fire_at;          /* in the timer's domain */
    beam_millis output_timestamp; /* of what on_timer emits with beam_emit() */
} beam_timer;

typedef enum beam_side_kind {
    BEAM_SIDE_SINGLETON = 1, /* one element, or .initial */
    BEAM_SIDE_ITERABLE,      /* elements in no order, read as they are iterated */
    BEAM_SIDE_LIST,          /* the same with random access: held in memory */
    BEAM_SIDE_MAP,           /* KV<K, V>, one value for a key */
    BEAM_SIDE_MULTIMAP       /* KV<K, V>, any number of values for a key */
} beam_side_kind;

/* Which window of the side input belongs to one of the main input. */
typedef struct beam_window_mapping {
    const char *name; /* unique in the program, found by way of the DoFns */
    beam_window (*map)(beam_window main);
} beam_window_mapping;

/* SideInput of beam_runner_api.proto. The collections are given at the step, with
 * .sides of beam_par_do_opts. */
typedef struct beam_side_spec {
    const char *tag; /* unique among the DoFn's side inputs */
    beam_side_kind kind;
    const beam_type *type;     /* of the collection's elements; BEAM_ANY takes all */
    const beam_value *initial; /* SINGLETON: for a window without an element; NULL: that
                                  fails the bundle */
    const beam_window_mapping *mapping; /* NULL: the side input's window that holds the end
                                           of the main input's; of several, the first */
} beam_side_spec;

/* `name` goes over the wire and must be unique in the program. Mandatory: name, in, and
 * exactly one of process, map, keep, timestamp, partition, rpc and http. A zeroed field
 * means "not used". */
typedef struct beam_dofn {
    const char *name;
    const beam_type *in;  /* checked against the input collection; BEAM_ANY takes all */
    const beam_type *out; /* main output; NULL: none; BEAM_ANY: as the input, or as given
                             with .out at the step */
    unsigned flags;
    size_t self_size; /* zeroed memory per instance, see beam_self() */
    struct {
        const beam_output_spec *at;
        size_t n;
    } outputs; /* extra outputs; the index is used with beam_emit_to() */
    struct {
        const beam_state_spec *at;
        size_t n;
    } states; /* needs KVs as input, with a deterministic key */
    struct {
        const beam_timer_spec *at;
        size_t n;
    } timers; /* as states; with on_timer */
    struct {
        const beam_side_spec *at;
        size_t n;
    } sides;
    const struct beam_sdf *sdf; /* beam/splittable.h: `process` is of a splittable DoFn */
    const struct beam_rpc_fn *rpc; /* beam/rpc.h: a service is asked about each element, */
    const struct beam_http_fn *http; /* beam/http.h: by HTTP */

    /* Lifecycle, DoFn.Setup ... DoFn.Teardown. Any status but BEAM_OK from setup,
     * start_bundle, process or finish_bundle fails the bundle, which the runner retries or
     * gives up; the instance is then torn down and not used again. teardown is also called
     * after a setup that failed. */
    beam_status (*setup)(beam_ctx *c);
    beam_status (*start_bundle)(beam_ctx *c);
    beam_status (*process)(beam_ctx *c, beam_value in);
    /* One to one: the returned value is emitted. After beam_fail() it is ignored. */
    beam_value (*map)(beam_ctx *c, beam_value in);
    /* Filter: the element passes on unchanged if true. `out` is then as `in`. */
    bool (*keep)(beam_ctx *c, beam_value in);
    /* WithTimestamps: the element passes on with the event time returned. `out` is then as
     * `in`. */
    beam_millis (*timestamp)(beam_ctx *c, beam_value in);
    /* Partition: the element passes on to output number 0 ... n - 1, see beam_partition(). */
    int (*partition)(beam_ctx *c, beam_value in, int n);
    beam_status (*on_timer)(beam_ctx *c, const beam_timer *timer);
    /* A window in which the key had elements is over: last chance to use its state. What is
     * emitted has the timestamp of the window's last millisecond. Needs a state. */
    beam_status (*on_window_expiration)(beam_ctx *c, beam_value key);
    beam_status (*finish_bundle)(beam_ctx *c);
    void (*teardown)(beam_ctx *c);
} beam_dofn;

/* -- in every callback ------------------------------------------------------ */
/* The instance's self_size bytes, zeroed before setup, 16-byte aligned; NULL when self_size is
 * 0. */
BEAM_API void *beam_self(beam_ctx *c);
/* The bytes given to the step (beam_par_do(), beam_combine_per_key()) as .config. */
BEAM_API beam_span beam_config(beam_ctx *c);
/* Scratch memory, 16-byte aligned, never NULL, freed for you: after the element when taken
 * in process, after the bundle when taken in start_bundle or finish_bundle, after teardown
 * when taken in setup. */
BEAM_API void *beam_alloc(beam_ctx *c, size_t n);
/* A printf into such memory, NUL-terminated (the NUL is not in the span). */
BEAM_API beam_span beam_format(beam_ctx *c, const char *format, ...) BEAM_PRINTF(2, 3);
/* A copy in such memory, NUL-terminated. */
BEAM_API char *beam_cstr(beam_ctx *c, beam_span s);

/* Makes the bundle fail with this reason and returns `status`; only the first call counts.
 * The message reaches the runner together with the transform's name and the element. */
BEAM_API beam_status beam_fail(beam_ctx *c, beam_status status, const char *format, ...)
    BEAM_PRINTF(3, 4);

/* -- in process, map, keep, start_bundle, finish_bundle ----------------------- */
/* Emits to the main output with the input's timestamp, windows and pane. What `v` points
 * at may be on the caller's stack: it is used before the call returns. The status is that
 * of the steps downstream; a DoFn may ignore it, since a failed context ignores further
 * emits and fails the bundle anyway. In start_bundle and finish_bundle, where there is no
 * input, use beam_emit_windowed(). */
static inline beam_status beam_emit(beam_ctx *c, beam_value v);
static inline beam_status beam_emit_kv(beam_ctx *c, beam_value key, beam_value value);
/* The same for values that are not passed on by copy, which takes as long as the rest. */
BEAM_API beam_status beam_emit_ref(beam_ctx *c, const beam_value *v);
BEAM_API beam_status beam_emit_kv_ref(beam_ctx *c, const beam_value *key,
                                      const beam_value *value);
static inline beam_status beam_emit(beam_ctx *c, beam_value v)
{
    return beam_emit_ref(c, &v);
}
static inline beam_status beam_emit_kv(beam_ctx *c, beam_value key, beam_value value)
{
    return beam_emit_kv_ref(c, &key, &value);
}
/* With another event timestamp. One that is earlier than the input's fails the bundle: it may
 * be behind the watermark, and the element then be dropped as late. Who wants that all the
 * same takes beam_emit_windowed(). */
BEAM_API beam_status beam_emit_at(beam_ctx *c, beam_value v, beam_millis timestamp);
/* To extra output number `output` of .outputs. */
BEAM_API beam_status beam_emit_to(beam_ctx *c, int output, beam_value v);
/* To main (-1) or extra output, with everything given; a NULL window is that of the input.
 * Where elements are in the global window, no other goes. */
BEAM_API beam_status beam_emit_windowed(beam_ctx *c, int output, beam_value v,
                                        beam_millis timestamp, const beam_window *window);

/* Of the current element. */
BEAM_API beam_millis beam_timestamp(beam_ctx *c);
/* Needs BEAM_OBSERVES_WINDOW, or state, timers or side inputs. */
BEAM_API beam_window beam_element_window(beam_ctx *c);
BEAM_API beam_pane beam_element_pane(beam_ctx *c);
/* What the runner or another SDK said about the element; all zero when nothing. It goes on
 * with what is emitted for the element. Spans are valid as long as the input. */
BEAM_API beam_metadata beam_element_metadata(beam_ctx *c);

/* The worker's clock. On the local runner it is that runner's processing time, which a
 * TestStream puts forward, as do tests that wait for nothing but the clock; a TestStream of
 * another runner does not change it. */
BEAM_API beam_millis beam_now(beam_ctx *c);

/* -- state: in process, on_timer and on_window_expiration ---------------------------------
 * `state` is the index in .states; of the current key and window. What is read lives as
 * scratch memory of the callback does and sees earlier writes. Writes are kept in the worker
 * and go to the runner when the bundle ends. A call that does not fit the state's kind or
 * type, or stands where there is no key, fails the bundle with the DoFn's and the state's
 * name; it then gives an empty result. */
BEAM_API beam_value beam_state_read(beam_ctx *c, int state); /* VALUE: NONE if there is none;
                                                                COMBINING: the result */
BEAM_API beam_status beam_state_write(beam_ctx *c, int state, beam_value v);  /* VALUE */
BEAM_API beam_status beam_state_add(beam_ctx *c, int state, beam_value v); /* BAG, COMBINING,
                                                                              SET */
BEAM_API beam_status beam_state_clear(beam_ctx *c, int state); /* every kind */
BEAM_API bool beam_state_is_empty(beam_ctx *c, int state);     /* every kind */
/* BAG and SET: the values; MAP and MULTIMAP: KVs; ORDERED_LIST: KV<INT64, V> in order. Later
 * writes do not change what an iterator gives. */
BEAM_API beam_iter *beam_state_iter(beam_ctx *c, int state);
BEAM_API bool beam_state_contains(beam_ctx *c, int state, beam_value key); /* SET, MAP,
                                                                              MULTIMAP */
BEAM_API beam_value beam_state_get(beam_ctx *c, int state, beam_value key); /* MAP; NONE */
BEAM_API beam_iter *beam_state_lookup(beam_ctx *c, int state, beam_value key); /* MULTIMAP */
BEAM_API beam_iter *beam_state_keys(beam_ctx *c, int state); /* MAP, MULTIMAP; no order */
/* MAP: replaces; MULTIMAP: adds. */
BEAM_API beam_status beam_state_put(beam_ctx *c, int state, beam_value key, beam_value v);
BEAM_API beam_status beam_state_remove(beam_ctx *c, int state, beam_value key); /* SET, MAP,
                                                                                   MULTIMAP */
/* ORDERED_LIST; ranges are [from, to). */
BEAM_API beam_status beam_state_insert(beam_ctx *c, int state, beam_millis at, beam_value v);
BEAM_API beam_iter *beam_state_range(beam_ctx *c, int state, beam_millis from, beam_millis to);
BEAM_API beam_status beam_state_clear_range(beam_ctx *c, int state, beam_millis from,
                                            beam_millis to);

/* -- timers: where state can be used ---------------------------------------------------- */
typedef struct beam_timer_opts {
    beam_span tag; /* several timers of one family */
    /* Event time of what on_timer will emit: it holds the watermark until then. Zero (not
     * set): for an event-time timer its own time, for others the element's timestamp. */
    bool has_output_timestamp;
    beam_millis output_timestamp;
    bool no_output_timestamp; /* nothing will be emitted: the watermark is not held */
} beam_timer_opts;
/* Sets, or sets anew, a timer of the current key and window. An event-time timer may not be
 * after the window's end (plus allowed lateness). */
BEAM_API beam_status beam_timer_set(beam_ctx *c, int timer, beam_millis at);
BEAM_API beam_status beam_timer_set_with(beam_ctx *c, int timer, beam_millis at,
                                         const beam_timer_opts *opts);
BEAM_API beam_status beam_timer_clear(beam_ctx *c, int timer, beam_span tag);

/* -- side inputs: in process and on_timer ---------------------------------------------------
 * `side` is the index in .sides. Values are read from the runner when they are asked for,
 * kept for the bundle (and longer if the runner allows it), and live as long as the
 * callback. Misuse fails the bundle like that of a state. */
BEAM_API beam_value beam_side(beam_ctx *c, int side);       /* SINGLETON */
BEAM_API beam_iter *beam_side_iter(beam_ctx *c, int side);  /* every kind; of KVs for maps */
BEAM_API size_t beam_side_size(beam_ctx *c, int side);      /* LIST */
BEAM_API beam_value beam_side_at(beam_ctx *c, int side, size_t i);          /* LIST; NONE */
BEAM_API beam_value beam_side_get(beam_ctx *c, int side, beam_value key);    /* MAP; NONE */
BEAM_API beam_iter *beam_side_lookup(beam_ctx *c, int side, beam_value key); /* MULTIMAP */
BEAM_API beam_iter *beam_side_keys(beam_ctx *c, int side); /* MAP, MULTIMAP */

/* -- bundle finalization ---------------------------------------------------------------------
 * Calls `callback` with a copy of `data` once the runner has made the bundle's results
 * durable, on any thread, at most once; not at all after `expires_after_ms` or if the runner
 * never tells. For acknowledgements to outside systems. Needs BEAM_FINALIZES. */
BEAM_API beam_status beam_on_finalize(beam_ctx *c, int64_t expires_after_ms,
                                      beam_status (*callback)(beam_span data), beam_span data);

/* -- metrics and logs ---------------------------------------------------------
 * Names are any text; the namespace is the DoFn's name. Attempted values; the runner adds
 * them up over bundles and workers. No locks: cheap enough to use per element. */
BEAM_API void beam_counter_add(beam_ctx *c, const char *name, int64_t by);
BEAM_API void beam_distribution_add(beam_ctx *c, const char *name, int64_t value);
BEAM_API void beam_gauge_set(beam_ctx *c, const char *name, int64_t value);
/* The same with doubles (user:sum_double and so on); under a name of whole numbers they are
 * metrics of their own. Flink leaves them out. */
BEAM_API void beam_counter_add_double(beam_ctx *c, const char *name, double by);
BEAM_API void beam_distribution_add_double(beam_ctx *c, const char *name, double value);
BEAM_API void beam_gauge_set_double(beam_ctx *c, const char *name, double value);
/* The different texts that were added (user:set_string), up to 1 MB of them in a bundle. */
BEAM_API void beam_string_set_add(beam_ctx *c, const char *name, beam_span text);
/* Paths of which a bounded number is kept (100): of the largest branches, only their common
 * beginning (user:bounded_trie). */
BEAM_API void beam_bounded_trie_add(beam_ctx *c, const char *name, const char *const *path,
                                    size_t n);
/* How many values lie in each of the buckets that grow by the square root of 2
 * (user:histogram_int64); the first one is for all below. */
BEAM_API void beam_histogram_add(beam_ctx *c, const char *name, int64_t value);
/* The 10 largest values, or the 10 smallest (user:top_n_int64 and so on); NaN is none. */
BEAM_API void beam_top_n_add(beam_ctx *c, const char *name, int64_t value);
BEAM_API void beam_top_n_add_double(beam_ctx *c, const char *name, double value);
BEAM_API void beam_bottom_n_add(beam_ctx *c, const char *name, int64_t value);
BEAM_API void beam_bottom_n_add_double(beam_ctx *c, const char *name, double value);

/* LogEntry.Severity of beam_fn_api.proto. */
typedef enum beam_severity {
    BEAM_LOG_TRACE = 1,
    BEAM_LOG_DEBUG,
    BEAM_LOG_INFO,
    BEAM_LOG_NOTICE,
    BEAM_LOG_WARN,
    BEAM_LOG_ERROR,
    BEAM_LOG_CRITICAL
} beam_severity;

/* Goes to the runner's log with the instruction's and transform's ids. Never blocks: when
 * the log stream is behind, entries are dropped and counted. */
BEAM_API void beam_log(beam_ctx *c, beam_severity severity, const char *format, ...)
    BEAM_PRINTF(3, 4);

/* The same with fields beside the text, for programs that read logs (LogEntry.custom_data); on
 * stderr they follow it as " name=value". Names are of [a-zA-Z_-], values STRING, INT64, DOUBLE
 * or BOOL; other fields, and those after the first 32, are left out. Texts are cut to 16 KiB;
 * numbers that a JSON number cannot hold are sent as text.
 *     const beam_log_field fields[] = { { "bytes", beam_int64(n) }, { "file", name } };
 *     beam_log_with(c, BEAM_LOG_INFO, fields, BEAM_COUNT(fields), "read"); */
typedef struct beam_log_field {
    const char *name;
    beam_value value;
} beam_log_field;
BEAM_API void beam_log_with(beam_ctx *c, beam_severity severity,
                            const beam_log_field *fields, size_t n_fields,
                            const char *format, ...) BEAM_PRINTF(5, 6);

/* -- WindowFns ---------------------------------------------------------------------
 * How elements get windows (WindowFn). Windows are intervals; with .custom_windows each may
 * carry bytes beside them, `custom`, and two are the same only if these are too. */
typedef struct beam_custom_windows {
    const char *name; /* unique in the program */
    bool custom_windows;
    /* Calls beam_assign_window() once for each window of the element; without a call the
     * element is dropped. For side inputs it is asked with a NONE as element. */
    beam_status (*assign)(beam_ctx *c, beam_value element, beam_millis timestamp);
    /* A merging WindowFn: calls beam_merge_windows() for those that become one. `windows`
     * are all of a key, in order of their starts. */
    beam_status (*merge)(beam_ctx *c, const beam_window *windows, size_t n);
    bool observes_element; /* assign looks at the element, not at the timestamp alone; then
                              these windows cannot be used for side inputs */
} beam_custom_windows;
BEAM_API beam_status beam_assign_window(beam_ctx *c, beam_window window);
/* Windows from[0] ... from[n - 1] become `into`. */
BEAM_API beam_status beam_merge_windows(beam_ctx *c, const beam_window *from, size_t n,
                                        beam_window into);

/* -- combiners -------------------------------------------------------------------
 * A CombineFn over accumulators of acc_size bytes. Runs lifted: add() on the side of the
 * data, merge() after the shuffle. Accumulators are moved and copied as plain bytes, so
 * they may point to nothing but what beam_acc_alloc() gave them. */
struct beam_combine {
    const char *name; /* unique in the program */
    const beam_type *in, *acc, *out; /* BEAM_ANY: as the input's values */
    size_t acc_size;
    void (*create)(beam_ctx *c, void *acc); /* NULL: zeroed memory is the start */
    void (*add)(beam_ctx *c, void *acc, beam_value in);
    void (*merge)(beam_ctx *c, void *acc, const void *other);
    /* The result. What it points to may be in the accumulator or from beam_alloc(). */
    beam_value (*extract)(beam_ctx *c, const void *acc);
    /* The accumulator as a value of type `acc`, and back; this is what crosses the wire.
     * NULL for both: the accumulator is one int64 (or double) and `acc` says so. */
    beam_value (*save)(beam_ctx *c, const void *acc);
    void (*load)(beam_ctx *c, void *acc, beam_value saved);
};

/* Memory that lives as long as the accumulators of the bundle. In combiner callbacks only. */
BEAM_API void *beam_acc_alloc(beam_ctx *c, size_t n);
/* A deep copy of a value in such memory: what an accumulator that keeps elements needs. */
BEAM_API beam_value beam_acc_copy(beam_ctx *c, beam_value v);

/* Built in. INT64 or DOUBLE in and out; sums of int64 wrap; means are DOUBLE, NaN of nothing,
 * and of int64 the double nearest to the exact mean; count takes any type and gives INT64.
 * The n largest or smallest: beam_top_per_key(). */
extern BEAM_API const beam_combine
    beam_sum_int64, beam_sum_double, beam_min_int64, beam_min_double, beam_max_int64,
    beam_max_double, beam_mean_int64, beam_mean_double, beam_count;

/* -- the functions of a program --------------------------------------------------
 * What a worker can be asked for by name, besides what is built in. Window mappings and the
 * CombineFns of states are found by way of the DoFns that declare them. */
typedef struct beam_functions {
    struct {
        const beam_dofn *const *at;
        size_t n;
    } dofns;
    struct {
        const beam_combine *const *at;
        size_t n;
    } combines;
    struct {
        const beam_custom_windows *const *at;
        size_t n;
    } window_fns;
} beam_functions;

BEAM_C_END
#endif
