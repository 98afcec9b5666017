/* SPDX-License-Identifier: Apache-2.0 */
/* exec/node.h - the engine's parts as they see each other: nodes that call the next node
 * for each element, the collections between them, and the plan that holds both.
 *
 * Everything here belongs to the bundle thread except what is marked as atomic. Elements
 * are pushed: a node's process() runs inside its producer's, so what an element points to
 * may be on the producer's stack or in scratch memory that is rewound when it returns. */
#ifndef BM_NODE_H
#define BM_NODE_H

#include <pthread.h>

#include "beam/splittable.h"
#include "coders/misread.h"
#include "exec/metrics.h"
#include "exec/plan.h"
#include "fns/fn_spec.h"

#define BM_LIKELY(x) __builtin_expect(!!(x), 1)
#define BM_UNLIKELY(x) __builtin_expect(!!(x), 0)

typedef struct bm_node bm_node;

/* -- window functions ----------------------------------------------------------------- */
typedef enum bm_window_fn_kind {
    BM_WINDOW_FN_OTHER, /* not one that this worker computes */
    BM_WINDOW_FN_GLOBAL,
    BM_WINDOW_FN_FIXED,
    BM_WINDOW_FN_SLIDING,
    BM_WINDOW_FN_SESSIONS,
    BM_WINDOW_FN_CUSTOM /* of the program; see window_call.h */
} bm_window_fn_kind;

typedef struct bm_window_fn {
    bm_window_fn_kind kind;
    beam_millis size, offset, period; /* sessions: size is the gap */
    const beam_custom_windows *custom;
    beam_span config;
} bm_window_fn;

/* The windows of an event time, by a WindowFn of a kind but OTHER and CUSTOM; in `arena` unless shared. */
const bm_windows *bm_window_fn_assign(const bm_window_fn *fn, beam_millis timestamp,
                                      bm_arena *arena);
/* Of several windows, that which begins first: the default for side inputs. */
const beam_window *bm_first_window(const bm_windows *windows);
/* WindowingStrategy.output_time. */
typedef enum bm_output_time {
    BM_AT_END_OF_WINDOW,
    BM_AT_LATEST,
    BM_AT_EARLIEST
} bm_output_time;

/* -- collections ---------------------------------------------------------------------- */
typedef struct bm_pcoll {
    const char *id;
    const bm_coder *coder; /* of the values, without windows */
    bm_output_time output_time;
    const bm_coder *window_coder; /* NULL: not given, or not one that is known here */
    bm_window_fn window_fn;       /* OTHER: likewise */
    beam_millis allowed_lateness;
    bm_node *producer;
    bm_node **consumers;
    size_t n_consumers, n_producers;
    struct bm_reader_link *readers, **last_reader; /* while building */
    bool has_iterable; /* in its values: too costly to encode for a size */
    bm_count count; /* elements, once per window */
    int64_t next_sample; /* count at which the size is looked at next */
    int64_t seen;        /* by this plan's earlier bundles */
    bm_distribution bytes;
} bm_pcoll;

/* -- nodes ------------------------------------------------------------------------------ */
typedef beam_status (*bm_process)(bm_node *node, const bm_element *element);

/* All but process may be NULL. Each returns BEAM_OK or the status of bm_fail(). */
typedef struct bm_node_ops {
    bm_process process;
    beam_status (*setup)(bm_node *node);
    beam_status (*start)(bm_node *node);
    beam_status (*finish)(bm_node *node);
    beam_status (*idle)(bm_node *node); /* hand over what is buffered: input may be long */
    /* Encoded timers of a family that it has added by bm_plan_add_timers; the last of them
     * may be cut. */
    beam_status (*timers)(bm_node *node, int timer_port, beam_span data);
    /* Of an element that takes long. Any thread; false: there is none under way. */
    bool (*progress)(bm_node *node, beam_progress *out);
    /* The node that the element which this one is given can be split in, or NULL. */
    bm_node *(*splitter)(bm_node *node);
    /* Gives away a part of the element under way, after `fraction` of what is left of it:
     * fills the roots of *out. Any thread. */
    bool (*split)(bm_node *node, double fraction, bm_arena *arena, bm_split *out);
    void (*teardown)(bm_node *node); /* after a setup, also one that failed */
    void (*free)(bm_node *node);     /* what is not in the plan's arena */
} bm_node_ops;

/* Where a node's user code spends its time; the first three are also what it does now. */
typedef enum bm_time {
    BM_TIME_START,
    BM_TIME_PROCESS,
    BM_TIME_FINISH,
    BM_TIME_TOTAL,
    BM_N_TIMES
} bm_time;

struct bm_node {
    bm_process process;
    const bm_node_ops *ops;
    bm_plan *plan;
    const char *id, *name; /* transform id, PTransform.unique_name */
    const char *what;      /* "DoFn 'x'", or NULL */
    const char *name_space; /* of its user metrics */
    beam_ctx *ctx;          /* of its user code; NULL: it has none, or takes no elements */
    bool set_up;
    bm_cells cells;
    _Atomic(int) phase; /* BM_TIME_START, _PROCESS or _FINISH */
    bm_count times_ms[BM_N_TIMES]; /* added up by the thread that samples */
};

/* What to do with a name that a transform uses for one of its collections. */
typedef struct bm_tagged {
    const char *tag;
    bm_pcoll *pcoll;
} bm_tagged;

/* A side input: a collection that is read by way of the State API. */
typedef struct bm_side_input {
    const char *tag;
    bm_pcoll *pcoll;
    bool is_multimap; /* its access pattern; otherwise iterable */
    bm_window_fn window_fn; /* which of its windows belongs to one of the main input */
} bm_side_input;

/* ParDoPayload.state_specs and .timer_family_specs. */
typedef enum bm_state_protocol {
    BM_PROTOCOL_BAG,
    BM_PROTOCOL_MULTIMAP,
    BM_PROTOCOL_ORDERED_LIST,
    BM_PROTOCOL_OTHER
} bm_state_protocol;
typedef struct bm_state_info {
    const char *id;
    bm_state_protocol protocol;
    const bm_coder *coder;     /* of the elements, the accumulators or the map's values */
    const bm_coder *key_coder; /* multimap: of its keys */
} bm_state_info;
typedef struct bm_timer_info {
    const char *family;
    beam_time_domain domain;
    const bm_coder *coder; /* TIMER */
} bm_timer_info;

/* A transform of the descriptor as the constructors of nodes see it: no protobuf. */
typedef struct bm_transform {
    const char *id, *name, *urn;
    bm_tagged *inputs, *outputs; /* sorted by tag; without side inputs */
    size_t n_inputs, n_outputs;
    bm_side_input *sides; /* sorted by tag */
    size_t n_sides;
    /* From the payload, as far as the URN has it. */
    const char *fn_urn;
    bm_fn_spec fn;
    bm_state_info *states;
    bm_timer_info *timers;
    size_t n_states, n_timers;
    const char *expiration_family; /* of timers that the runner sets at the end of windows */
    const char *unsupported; /* a part of the payload that is not implemented */
    const bm_coder *coder;   /* port: windowed; combine: of the accumulator */
    const char *endpoint_url;
    bm_window_fn window_fn;
    const char *window_fn_urn;
    const beam_window_mapping *window_mapping; /* map_windows, by the program; or NULL */
    size_t waits_for; /* transforms upstream that are not in order yet */
    bm_node *node;
} bm_transform;

typedef struct bm_reader_link {
    bm_transform *transform;
    struct bm_reader_link *next;
} bm_reader_link;

/* Constructors: one per kind of transform, found by URN in build.c. */
typedef beam_status (*bm_node_new)(bm_plan *plan, const bm_transform *t, bm_node **out,
                                   beam_error *err);
beam_status bm_source_new(bm_plan *, const bm_transform *, bm_node **, beam_error *);
beam_status bm_sink_new(bm_plan *, const bm_transform *, bm_node **, beam_error *);
beam_status bm_par_do_new(bm_plan *, const bm_transform *, bm_node **, beam_error *);
beam_status bm_sdf_pair_new(bm_plan *, const bm_transform *, bm_node **, beam_error *);
beam_status bm_sdf_split_new(bm_plan *, const bm_transform *, bm_node **, beam_error *);
beam_status bm_sdf_truncate_new(bm_plan *, const bm_transform *, bm_node **, beam_error *);
beam_status bm_sdf_process_new(bm_plan *, const bm_transform *, bm_node **, beam_error *);
beam_status bm_flatten_new(bm_plan *, const bm_transform *, bm_node **, beam_error *);
beam_status bm_to_string_new(bm_plan *, const bm_transform *, bm_node **, beam_error *);
beam_status bm_window_into_new(bm_plan *, const bm_transform *, bm_node **, beam_error *);
beam_status bm_map_windows_new(bm_plan *, const bm_transform *, bm_node **, beam_error *);
beam_status bm_merge_windows_new(bm_plan *, const bm_transform *, bm_node **, beam_error *);
beam_status bm_combine_lift_new(bm_plan *, const bm_transform *, bm_node **, beam_error *);
beam_status bm_combine_merge_new(bm_plan *, const bm_transform *, bm_node **, beam_error *);
beam_status bm_combine_extract_new(bm_plan *, const bm_transform *, bm_node **, beam_error *);
beam_status bm_combine_convert_new(bm_plan *, const bm_transform *, bm_node **, beam_error *);
beam_status bm_combine_grouped_new(bm_plan *, const bm_transform *, bm_node **, beam_error *);

/* Fills the common part of a node whose struct begins with it. `size` zeroed bytes. */
void *bm_node_make(bm_plan *plan, const bm_transform *t, const bm_node_ops *ops, size_t size);
/* Its only output, which may be missing (NULL): then elements are dropped. */
bm_pcoll *bm_only_output(const bm_transform *t);
beam_status bm_need_fn(const bm_transform *t, const char *fn_urn, beam_error *err);

/* -- the plan --------------------------------------------------------------------------- */
typedef enum bm_plan_state { BM_PLAN_NEW, BM_PLAN_READY, BM_PLAN_RUNNING, BM_PLAN_BROKEN } bm_plan_state;

struct bm_plan {
    bm_arena arena;   /* the plan's own life */
    bm_arena scratch; /* of the elements under way: rewound like a stack */
    bm_arena bundle;  /* of start_bundle and finish_bundle */
    struct bm_results {
        bm_arena arena; /* its own, since it outlives the run */
        bm_bundle_result list;
        size_t cap_residuals, cap_finalizers;
    } results;
    const bm_registry *registry;
    const bm_log *log;
    const char *state_url;
    bm_plan_state state;
    bm_node **nodes; /* upstream first */
    size_t n_nodes;
    bm_pcoll **pcolls;
    size_t n_pcolls;
    bm_port *sources, *sinks;
    bm_node **source_nodes;
    size_t n_sources, n_sinks;
    bm_timer_port *timers;
    bm_node **timer_nodes; /* by port */
    size_t n_timers, cap_timers;
    const char *timer_url;
    uint32_t next_index; /* of a metric */
    size_t hand_over_bytes;

    /* The bundle under way. */
    const char *instruction_id;
    const bm_bundle_io *io;
    beam_error error; /* first failure */
    char reason[512]; /* of it, without the names around it */
    const bm_node *culprit; /* of it; NULL: no transform is to blame */
    bool lost_runner; /* it is the runner that failed: no element is to blame */
    bm_decoding decoding;
    beam_status read_failed; /* by an iterable while it was iterated */
    bm_pager pager;
    bm_writer sizing; /* scratch for sampled sizes */
    /* The element that a source is pushing, so that a sink which gets it back unchanged
     * copies its bytes; source -1: none. */
    struct bm_passing {
        int source;
        const bm_element *element;
        beam_span bytes; /* header and value */
        beam_span wide;  /* of its segment, where BM_WIDE bytes can be read; empty while no
                            source pushes */
    } passing;

    _Atomic(bm_node *) current; /* whose user code runs; NULL: none */
    pthread_mutex_t split_lock; /* guards `splittable` and every source's stop */
    bool splittable;            /* a bundle is reading its sources */
};

bm_plan *bm_plan_make(const bm_registry *registry, const bm_log *log);
/* While the plan is built: the number of the node's port for a timer family, whose timers
 * its `timers` gets and which it must end in `finish` (bm_bundle_io.write_timers). */
int bm_plan_add_timers(bm_plan *plan, bm_node *node, const char *family);
/* Starts a bundle's counts at zero. */
void bm_plan_reset_metrics(bm_plan *plan);
/* The smaller index numbers belong to the system's metrics. */
uint32_t bm_plan_first_cell_index(const bm_plan *plan);

/* bm_arena_mark() through general registers: see bm_value_of(). */
static inline bm_mark bm_scratch_mark(const bm_arena *arena)
{
    char *at = arena->at;
    __asm__("" : "+r"(at));
    return (bm_mark){ arena->current, at, arena->cleanups };
}
/* Rewinds scratch memory in a few instructions when only its last block was used since. */
static inline __attribute__((always_inline)) void bm_rewind(bm_arena *arena, bm_mark mark)
{
    if (BM_LIKELY(arena->current == mark.block && arena->cleanups == mark.cleanups))
        arena->at = mark.at;
    else
        bm_arena_rewind(arena, (bm_mark){ mark.block, mark.at, mark.cleanups });
}

/* -- what a bundle leaves to do (results.c): its thread, while it runs ------------------ */
/* Copies. A bundle that fails leaves none. */
void bm_plan_add_residual(bm_plan *plan, const bm_root *root);
/* Takes over; it is released without being run when the bundle fails. */
void bm_plan_add_finalizer(bm_plan *plan, const bm_finalizer *finalizer);
/* Copies the root and what it points to. */
bm_root bm_root_copy(bm_arena *arena, const bm_root *root);
void bm_results_init(struct bm_results *results);
void bm_results_reset(struct bm_results *results); /* releases finalizers not taken */
void bm_results_free(struct bm_results *results);

/* -- failing: only the first failure of a bundle counts ----------------------------------- */
static inline bool bm_failed(const bm_plan *plan)
{
    return BM_UNLIKELY(plan->error.status != BEAM_OK);
}
/* "Transform 'Scope/Parse' (DoFn 'x') <doing>: <reason>" */
beam_status bm_fail(bm_node *node, beam_status status, const char *doing, const char *format,
                    ...) BEAM_PRINTF(4, 5);
/* The same, doing "failed on element <element>". */
beam_status bm_fail_on(bm_node *node, beam_status status, const bm_element *element,
                       const char *format, ...) BEAM_PRINTF(4, 5);
/* A value that does not fit the collection's coder; the producer gets the blame. */
beam_status bm_fail_type(bm_node *node, const bm_pcoll *pcoll, const char *tag,
                         const bm_coder *coder, beam_value value);
/* A bm_misread_listener's, for a plan: user code has taken a value for what it is not. */
void bm_tell_misread(void *plan, const bm_misread *what);

/* -- texts and comparisons (describe.c) ----------------------------------------------------- */
/* A transform "A/B/C" is in two composites: "A", the outermost, is number 0, "A/B" 1. */
size_t bm_name_depth(const char *name);
beam_span bm_name_of_scope(const char *name, size_t i);
/* "KV<STRING, INT64>": of a coder, and of a value as far as it shows. */
const char *bm_coder_text(bm_arena *arena, const bm_coder *coder);
const char *bm_value_type_text(bm_arena *arena, beam_value value);
/* Of a value that the coder refuses, which field of a row is why: ": its field 'x' does not
 * take 3"; empty when it is none. */
const char *bm_refused_text(bm_arena *arena, const bm_coder *coder, beam_value v);
/* What is wrong with a misread; NULL: nothing, since a row may lack the last fields of its
 * schema. Field names come from `element`, of that coder; both may be NULL. */
const char *bm_misread_text(bm_arena *arena, const bm_misread *what, const bm_coder *coder,
                            const beam_value *element);
bool bm_coder_same(const bm_coder *a, const bm_coder *b);
bool bm_coder_has(const bm_coder *coder, bm_coder_kind kind);
/* Of a coder and all its parts, that of values like this one; NULL: none, or different ones. */
const bm_coder *bm_coder_of_part(const bm_coder *coder, beam_value v);
/* Kind of the values of a coder; BEAM_KIND_ANY when they are not restricted. */
beam_kind bm_coder_value_kind(const bm_coder *coder, bool *nullable);

/* A copy by way of general registers. A value has mostly just been written part by part; a
 * vector load over several parts would have to wait until they are in the cache. */
static inline beam_value bm_value_of(const beam_value *from)
{
    const char *first = from->as.span.ptr;
    size_t second = from->as.span.len;
    __asm__("" : "+r"(first), "+r"(second));
    beam_value copy;
    copy.kind = from->kind;
    copy.as.span.ptr = first;
    copy.as.span.len = second;
    return copy;
}

/* -- moving elements -------------------------------------------------------------------------- */
beam_status bm_send_to_all(bm_pcoll *pcoll, const bm_element *element);
/* The element that made the node fail, to the worker's samples if it takes any. */
void bm_sample_failure(bm_node *node, const bm_element *element);
/* Takes a size sample, and checks the value against the coder on the way. */
beam_status bm_sample(bm_pcoll *pcoll, const bm_element *element, int64_t count);

static inline beam_status bm_send(bm_pcoll *pcoll, const bm_element *element)
{
    int64_t count = bm_count_add(&pcoll->count, (int64_t)element->windows->n);
    if (BM_UNLIKELY(count >= pcoll->next_sample))
        BEAM_TRY(bm_sample(pcoll, element, count));
    if (BM_LIKELY(pcoll->n_consumers == 1)) {
        bm_node *next = pcoll->consumers[0];
        return next->process(next, element);
    }
    return bm_send_to_all(pcoll, element);
}

/* One window with room for itself: a bm_windows that fits on the stack. */
typedef union bm_one_window {
    bm_windows windows;
    struct {
        size_t n;
        beam_window at;
    } one;
} bm_one_window;

static inline const bm_windows *bm_one_window_set(bm_one_window *w, const beam_window *window)
{
    w->one.n = 1;
    w->one.at = *window;
    return &w->windows;
}

/* -- sources (source.c) -------------------------------------------------------------------------- */
beam_status bm_source_segment(bm_node *source, beam_span data);
/* All segments have come. */
beam_status bm_source_end(bm_node *source);
bool bm_is_source(const bm_node *node); /* NULL is none */
const bm_coder *bm_source_coder(const bm_node *source);
int64_t bm_source_index(const bm_node *source);
int64_t bm_source_stop(const bm_node *source);
/* Moves the stop if no element at or after it has been taken. Under the split lock. */
bool bm_source_set_stop(bm_node *source, int64_t stop);
const bm_pcoll *bm_source_output(const bm_node *source);
/* The next element behind those that are under way or were peeked at, if its segment has one
 * that is whole; in scratch memory. While an element is pushed. */
bool bm_source_peek(bm_node *source, bm_element *out);
/* Peeks from the element under way on again. */
void bm_source_peek_again(bm_node *source);

/* -- splitting (split.c) ------------------------------------------------------------------------- */
/* The node that elements of a collection can be split in, or NULL. */
bm_node *bm_splitter_of(const bm_pcoll *pcoll);
/* Where to divide pieces of work that are numbered from 0 to `total`, of which the one at
 * `index` is done by `done` (0 ... 1): at `stop`, or `inside` (0 ... 1, else less than 0)
 * of what is left of that one. */
typedef struct bm_cut {
    double inside;
    int64_t stop;
} bm_cut;
bm_cut bm_cut_work(int64_t index, int64_t total, double done, double fraction);
double bm_done_part(beam_progress progress);

#endif
