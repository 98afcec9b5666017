/* SPDX-License-Identifier: Apache-2.0 */
/* exec/plan.h - the execution engine as the rest of the worker sees it.
 *
 * A bm_plan is one instance of a ProcessBundleDescriptor: nodes wired from its sources to
 * its sinks. It runs one bundle at a time, on the thread that calls bm_plan_run (the
 * *bundle thread*), and is reused for later bundles unless one failed. The engine knows no
 * gRPC; it reads and writes through a bm_bundle_io, which the harness implements over the
 * Fn API and tests implement in memory. */
#ifndef BM_PLAN_H
#define BM_PLAN_H

#include "base/log.h"
#include "beam/dofn.h"
#include "coders/element.h"
#include "fns/registry.h"

typedef struct bm_plan bm_plan;

/* Parses a serialized ProcessBundleDescriptor and builds its nodes; user code does not run
 * yet (setup runs before the first bundle). Fails with a sentence that names the transform:
 * unknown DoFn (lists the known ones), unknown URN, bad coder, cycle. Any thread. */
beam_status bm_plan_new(beam_span descriptor, const bm_registry *registry, const bm_log *log,
                        bm_plan **out, beam_error *err);
/* Runs teardown on every DoFn instance that was set up. */
void bm_plan_free(bm_plan *plan);

/* Before a run: the size at which a sink's buffer is handed over. 0: 256 KiB. */
void bm_plan_hand_over_at(bm_plan *plan, size_t bytes);

/* One beam:runner:source:v1 or :sink:v1 (RemoteGrpcPort). Ports are numbered from 0. */
typedef struct bm_port {
    const char *transform_id;
    const char *endpoint_url;
} bm_port;
const bm_port *bm_plan_sources(const bm_plan *plan, size_t *n);
const bm_port *bm_plan_sinks(const bm_plan *plan, size_t *n);
/* One timer family of a transform (ParDoPayload.timer_family_specs), numbered from 0. Each
 * is an input and an output of every bundle, like a source and a sink. */
typedef struct bm_timer_port {
    const char *transform_id, *family;
    const char *endpoint_url; /* ProcessBundleDescriptor.timer_api_service_descriptor, or "" */
} bm_timer_port;
const bm_timer_port *bm_plan_timers(const bm_plan *plan, size_t *n);
/* ProcessBundleDescriptor.state_api_service_descriptor, or "". */
const char *bm_plan_state_url(const bm_plan *plan);

/* StateKey of beam_fn_api.proto, neutral. */
typedef enum bm_state_kind {
    BM_STATE_RUNNER, /* key */
    BM_STATE_ITERABLE_SIDE_INPUT,
    BM_STATE_MULTIMAP_SIDE_INPUT,
    BM_STATE_MULTIMAP_KEYS_SIDE_INPUT,
    BM_STATE_MULTIMAP_KEYS_VALUES_SIDE_INPUT,
    BM_STATE_BAG_USER_STATE,
    BM_STATE_MULTIMAP_KEYS_USER_STATE,
    BM_STATE_MULTIMAP_ENTRIES_USER_STATE,
    BM_STATE_MULTIMAP_USER_STATE,
    BM_STATE_ORDERED_LIST_USER_STATE
} bm_state_kind;

typedef struct bm_state_key {
    bm_state_kind kind;
    const char *transform_id, *id; /* id: side input or user state */
    beam_span window, key, map_key;
    int64_t range_start, range_end; /* ordered list */
} bm_state_key;

/* ProcessBundleRequest.cache_tokens: what is cached under the token is what the runner has. */
typedef struct bm_cache_token {
    const char *transform_id, *side_input_id; /* NULL: the token of all user state */
    beam_span token;
} bm_cache_token;
typedef struct bm_state_cache bm_state_cache; /* exec/state_cache.h */
typedef struct bm_services bm_services;       /* exec/services.h */
typedef struct bm_data_sampler bm_data_sampler; /* exec/data_sampler.h */

/* A piece of input, valid until the next read. */
typedef struct bm_segment {
    int source;               /* port number; -1: timers, or all ports have ended */
    const char *timer_family; /* not NULL: encoded timers of that family of transform_id */
    int timer_port;           /* then its number; a timer may go on in a later segment */
    const char *transform_id;
    beam_span data;
    bool idle; /* no input this time: sinks are to hand over what they have; source is -1 */
} bm_segment;

typedef struct bm_call_result {
    void *tag; /* as given to start */
    beam_status status;
    beam_span text; /* the answer, or why there is none; lives until the next result */
    bool transient; /* it failed, and may succeed when it is made again, */
    int wait_ms;    /* but not before */
    const char
        *outcome; /* "ok", "unavailable": for metrics; lives until the next result */
} bm_call_result;

/* A way of calling services, for DoFns that have it. Requests and answers are bytes to the
 * engine, which links no client. Bundle thread. */
typedef struct bm_caller {
    /* fn's request about an element, in scratch memory; .ptr NULL: there is none. */
    beam_span (*ask)(const beam_dofn *fn, beam_ctx *c, beam_value in);
    /* Gives fn the answer. */
    beam_status (*tell)(const beam_dofn *fn, beam_ctx *c, beam_value in, beam_span answer);
    void *(*open)(const beam_dofn *fn, const char *target, beam_error *err);
    void (*close)(void *channel); /* drops what is pending */
    /* The request lives until its result has been taken. */
    void (*start)(void *channel, beam_span request, int timeout_ms, void *tag);
    /* wait_ms < 0: until one has come; 0: not at all. */
    bool (*next)(void *channel, int wait_ms, bm_call_result *out);
    /* For metrics: what is called there, and which function of it a request is for. */
    const char *(*service)(const beam_dofn *fn, const char *target, bm_arena *arena);
    const char *(*method)(const beam_dofn *fn, beam_span request);
} bm_caller;
typedef struct bm_callers {
    const bm_caller *rpc, *http;
} bm_callers;

/* All functions run on the bundle thread and may block. A failure fails the bundle; the
 * reason is in *err. */
typedef struct bm_bundle_io {
    void *self;
    beam_status (*read)(void *self, bm_segment *out, beam_error *err);
    /* Hands over the encoded elements in `data`, which is left empty. `last`: the sink has
     * ended; called exactly once per sink with it, also with no data. */
    beam_status (*write)(void *self, int sink, bm_writer *data, bool last, beam_error *err);
    /* The same for encoded timers; each family ends once, also with none. */
    beam_status (*write_timers)(void *self, int timer_port, bm_writer *data, bool last,
                                beam_error *err);
    /* Appends one page to `data` and the continuation token (empty: the end) to `next`. */
    beam_status (*state_get)(void *self, const bm_state_key *key, beam_span token,
                             bm_writer *data, bm_writer *next, beam_error *err);
    /* Begins to read the first page; NULL: it cannot be read ahead, or the whole function is
     * NULL. What is asked for is taken once, or freed when the bundle has ended. */
    void *(*state_ask)(void *self, const bm_state_key *key);
    /* state_get() for what was asked for; frees it. With data NULL nobody wants it any more. */
    beam_status (*state_take)(void *self, void *asked, bm_writer *data, bm_writer *next,
                              beam_error *err);
    beam_status (*state_append)(void *self, const bm_state_key *key, beam_span data,
                                beam_error *err);
    beam_status (*state_clear)(void *self, const bm_state_key *key, beam_error *err);
    beam_millis (*now)(void *self); /* for beam_now(); NULL: the machine's clock */
    bool (*is_over)(void *self); /* the bundle is to fail soon; NULL: it never is */
    const bm_callers *callers;   /* live for ever; NULL: calls cannot be made */
    bm_services *services;       /* of the worker; there where callers are */
    bm_state_cache *state_cache; /* of the worker; NULL: there is none */
    const bm_cache_token *cache_tokens; /* of this bundle; what has none is not cached */
    size_t n_cache_tokens;
    bool serves_keys_values;   /* the runner answers MULTIMAP_KEYS_VALUES_SIDE_INPUT */
    bm_data_sampler *sampler;  /* of the worker; NULL: elements are not sampled */
    bool has_no_state;         /* ProcessBundleRequest: the runner has no user state yet */
    bool only_bundle_for_keys; /* ...: nobody will read what user state the bundle leaves */
} bm_bundle_io;

/* Runs one bundle from setup (first time only) and start_bundle to finish_bundle. On
 * failure err->message names the transform, the element (cut) and the reason; the plan is
 * then broken and only good for bm_plan_free. */
beam_status bm_plan_run(bm_plan *plan, const char *instruction_id, const bm_bundle_io *io,
                        beam_error *err);

/* After a run that failed: the id of the transform that is to blame; NULL: none is. Then
 * `trace` has the names of the composites that it is in, outermost first, and its own, one
 * a line. The id lives as long as the plan, the trace is in the arena. */
const char *bm_plan_blame(const bm_plan *plan, bm_arena *arena, const char **trace);

/* BundleApplication and DelayedBundleApplication, neutral: an element to be run again. */
typedef struct bm_output_watermark {
    const char *output; /* local name */
    beam_millis watermark;
} bm_output_watermark;
typedef struct bm_root {
    const char *transform_id, *input_id; /* input_id: local name */
    beam_span element;                   /* encoded as the input's windowed value */
    const bm_output_watermark *watermarks;
    size_t n_watermarks;
    bool is_bounded;
    int64_t delay_ms; /* of a residual: when it should run; 0: as soon as possible */
} bm_root;
typedef struct bm_roots {
    bm_root *at;
    size_t n;
} bm_roots;

/* To be called once the runner has what the bundle gave (FinalizeBundleRequest). It may be
 * called while the plan runs other bundles or is gone, and so must not refer to it. */
typedef struct bm_finalizer {
    void *self;
    beam_status (*run)(void *self, beam_error *err); /* at most once, any thread */
    void (*release)(void *self);                     /* exactly once, in the end */
    int64_t expires_ms; /* milliseconds since 1970; not run after it */
} bm_finalizer;

/* What a bundle that succeeded leaves to do. */
typedef struct bm_bundle_result {
    bm_roots residuals; /* valid until the next run */
    bm_finalizer *finalizers; /* the list is valid until the next run */
    size_t n_finalizers;
} bm_bundle_result;
/* After bm_plan_run has succeeded, on its thread, at most once. The caller releases the
 * finalizers. */
void bm_plan_take_result(bm_plan *plan, bm_bundle_result *out);

/* MonitoringInfo, neutral. Everything lives until the next call with the same arena. */
typedef struct bm_monitoring_label {
    const char *key, *value; /* "PTRANSFORM", "PCOLLECTION", "NAMESPACE", "NAME"... */
} bm_monitoring_label;
typedef struct bm_monitoring_info {
    const char *urn, *type;
    bm_monitoring_label labels[6];
    size_t n_labels;
    beam_span payload;
    uint32_t index; /* the same info of the same plan always has the same index */
} bm_monitoring_info;

/* Snapshot of the current or last bundle's metrics. Any thread but the rpc thread, also while
 * a bundle runs (then counts may be a moment old). Zero counters are left out. */
size_t bm_plan_metrics(bm_plan *plan, bm_arena *arena, bm_monitoring_info **out);

/* Books `elapsed_ms` on the transform whose user code runs at this moment, if any. To be
 * called about every 200 ms, by one thread that watches all running plans: execution times
 * in bm_plan_metrics() come from nothing else. */
void bm_plan_sample_time(bm_plan *plan, int64_t elapsed_ms);
/* Transform id of the user code that runs at this moment, or NULL. Any thread; the text
 * lives as long as the plan. */
const char *bm_plan_current_transform(bm_plan *plan);

/* Changes whenever an element moves on: user code that runs while it stays the same is
 * stuck, or slow. Any thread. */
uint64_t bm_plan_pulse(const bm_plan *plan);

/* ProcessBundleSplitRequest.DesiredSplit for a source. */
typedef struct bm_split_wish {
    double fraction_of_remainder;
    int64_t estimated_elements;
    const int64_t *allowed; /* NULL: every point */
    size_t n_allowed;
} bm_split_wish;
/* Where it was split. Roots only when an element of a splittable DoFn was: then
 * last_primary + 1 < first_residual. */
typedef struct bm_split {
    int64_t last_primary, first_residual; /* element indexes */
    bm_roots primaries, residuals;        /* in the arena of the call */
} bm_split;
/* Tries to give up the rest of a running bundle's channel; false when it cannot. Any thread
 * but the rpc thread: user code may be asked, and may make it wait. One at a time a plan. */
bool bm_plan_split(bm_plan *plan, int source, const bm_split_wish *wish, bm_arena *arena,
                   bm_split *out);

#endif
