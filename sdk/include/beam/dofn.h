/* SPDX-License-Identifier: Apache-2.0 */
/* beam/dofn.h - user code: DoFns, CombineFns, and what they may ask for.
 *
 * A DoFn is a constant struct of callbacks. One instance runs one bundle at a time, on one
 * thread from start_bundle to finish_bundle; different instances run at once on different
 * threads, so a DoFn keeps its state in beam_self(), never in globals. */
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
} beam_pane;

typedef struct beam_output_spec {
    const char *tag;
    const beam_type *type; /* BEAM_ANY: same as the input, or given at the step */
} beam_output_spec;

/* Flags of a DoFn. */
enum {
    /* process() is called once per window of the element. Without it a DoFn must not ask
     * for the window. */
    BEAM_OBSERVES_WINDOW = 1u << 0
};

/* `name` goes over the wire and must be unique in the program. Mandatory: name, in, and
 * exactly one of process, map, keep, timestamp and partition. A zeroed field means "not
 * used". */
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

    /* Lifecycle, DoFn.Setup ... DoFn.Teardown. Any status but BEAM_OK from setup,
     * start_bundle, process or finish_bundle fails the bundle, which the runner retries or
     * gives up; the instance is then torn down and not used again. */
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
    beam_status (*finish_bundle)(beam_ctx *c);
    void (*teardown)(beam_ctx *c);
} beam_dofn;

/* -- in every callback ------------------------------------------------------ */
/* The instance's self_size bytes, zeroed before setup; NULL when self_size is 0. */
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
BEAM_API beam_status beam_emit(beam_ctx *c, beam_value v);
BEAM_API beam_status beam_emit_kv(beam_ctx *c, beam_value key, beam_value value);
/* With another event timestamp. One that is earlier than the input's may be behind the
 * watermark: the element is then late, and is dropped by a grouping whose windowing does
 * not allow for so much lateness. */
BEAM_API beam_status beam_emit_at(beam_ctx *c, beam_value v, beam_millis timestamp);
/* To extra output number `output` of .outputs. */
BEAM_API beam_status beam_emit_to(beam_ctx *c, int output, beam_value v);
/* To main (-1) or extra output, with everything given. */
BEAM_API beam_status beam_emit_windowed(beam_ctx *c, int output, beam_value v,
                                        beam_millis timestamp, const beam_window *window);

/* Of the current element. */
BEAM_API beam_millis beam_timestamp(beam_ctx *c);
BEAM_API beam_window beam_element_window(beam_ctx *c); /* needs BEAM_OBSERVES_WINDOW */
BEAM_API beam_pane beam_element_pane(beam_ctx *c);

/* -- metrics and logs ---------------------------------------------------------
 * Names are any text; the namespace is the DoFn's name. Attempted values; the runner adds
 * them up over bundles and workers. No locks: cheap enough to use per element. */
BEAM_API void beam_counter_add(beam_ctx *c, const char *name, int64_t by);
BEAM_API void beam_distribution_add(beam_ctx *c, const char *name, int64_t value);
BEAM_API void beam_gauge_set(beam_ctx *c, const char *name, int64_t value);

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

/* -- combiners -------------------------------------------------------------------
 * A CombineFn over accumulators of acc_size bytes. Runs lifted: add() on the side of the
 * data, merge() after the shuffle. Accumulators are moved and copied as plain bytes, so
 * they may point to nothing but what beam_acc_alloc() gave them. */
typedef struct beam_combine {
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
} beam_combine;

/* Memory that lives as long as the accumulators of the bundle. In combiner callbacks only. */
BEAM_API void *beam_acc_alloc(beam_ctx *c, size_t n);
/* A deep copy of a value in such memory: what an accumulator that keeps elements needs. */
BEAM_API beam_value beam_acc_copy(beam_ctx *c, beam_value v);

/* Built in. INT64 or DOUBLE in and out; sums of int64 wrap; means are DOUBLE, NaN of nothing;
 * count takes any type and gives INT64. The n largest or smallest: beam_top_per_key(). */
extern BEAM_API const beam_combine
    beam_sum_int64, beam_sum_double, beam_min_int64, beam_min_double, beam_max_int64,
    beam_max_double, beam_mean_int64, beam_mean_double, beam_count;

BEAM_C_END
#endif
