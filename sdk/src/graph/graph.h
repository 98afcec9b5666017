/* SPDX-License-Identifier: Apache-2.0 */
/* graph/graph.h - the pipeline under construction, as plain structs in one arena.
 *
 * Nothing of protobuf is here: proto/ reads these structs and writes RunnerApi.Pipeline.
 * One thread. */
#ifndef BM_GRAPH_H
#define BM_GRAPH_H

#include "base/map.h"
#include "beam/pipeline.h"
#include "coders/coder.h"
#include "graph/resource_hints.h"

typedef struct bm_step bm_step;

/* WindowingStrategy; equal ones are shared by pointer where they are inherited. */
typedef struct bm_windowing {
    beam_window_opts opts; /* trigger NULL: default */
    bool already_merged;   /* after a GroupByKey with a merging WindowFn: MergeStatus
                              ALREADY_MERGED, a later GroupByKey does not merge again */
} bm_windowing;

/* Keys of a step's inputs and outputs; extra outputs have the tag of their
 * beam_output_spec, those of a partition "0", "1", ... */
#define BM_INPUT_TAG "in"
#define BM_MAIN_TAG "out"

struct beam_pcoll {
    beam_pipeline *pipeline;
    bm_step *producer;
    const char *tag; /* key in the producer's outputs */
    const beam_type *type;
    const bm_windowing *windowing; /* NULL: what the expansion service answers */
    bool bounded;                  /* of an external output: settled on expansion, see
                                   bm_graph_settle */
    const beam_pcoll *first; /* of a Flatten: by way of first inputs, the one that is of none */
    bool sealed; /* its coder is hidden from the runner, for whom the elements are bytes */
    bool sealed_values; /* the same for V of its KV<K, V> or KV<K, ITERABLE<V>> */
    int id;                        /* from 0, in order of making */
};

typedef enum bm_step_kind {
    BM_STEP_COMPOSITE, /* children; no URN unless urn is set. Inputs and outputs are only
                          known after bm_graph_check */
    BM_STEP_IMPULSE,
    BM_STEP_PAR_DO,
    BM_STEP_GROUP_BY_KEY,
    BM_STEP_COMBINE_PER_KEY, /* one primitive to us; runners that do not know it use the
                                sub-transforms GroupByKey and Combine.GroupedValues */
    BM_STEP_FLATTEN,
    BM_STEP_WINDOW_INTO,
    BM_STEP_RESHUFFLE, /* beam:transform:reshuffle:v1, with its expansion as children */
    BM_STEP_COMBINE_GROUPED_VALUES, /* beam:transform:combine_grouped_values:v1 */
    BM_STEP_TEST_STREAM, /* beam:transform:teststream:v1 */
    BM_STEP_EXTERNAL
} bm_step_kind;

/* Event of TestStreamPayload. */
typedef struct bm_test_event bm_test_event;
struct bm_test_event {
    bm_test_event *next;
    enum { BM_TEST_ELEMENTS, BM_TEST_WATERMARK, BM_TEST_PROCESSING_TIME } kind;
    beam_millis time; /* the new watermark; how far the clock goes on */
    const struct bm_test_element {
        beam_span bytes; /* encoded, in the outer context */
        beam_millis timestamp;
    } *elements;
    size_t n;
};

struct bm_step {
    beam_pipeline *pipeline;
    bm_step_kind kind;
    const char *name;        /* within its scope */
    const char *unique_name; /* "Scope/Name": unique in the pipeline */
    const char *urn;         /* of a composite that has one, else NULL */
    bool is_scope;   /* a composite of beam_scope_begin(), not of a transform here */
    bm_step *parent; /* NULL: a root */
    bm_step *first_child, *last_child, *next_sibling;
    bm_step *next; /* all steps in order of making: inputs come before */
    int id;

    beam_pcoll **inputs;
    const char **input_tags;
    size_t n_inputs;
    beam_pcoll **outputs;
    const char **output_tags; /* of a composite not always the producer's */
    size_t n_outputs;

    const beam_dofn *dofn; /* PAR_DO; inputs[0] is the main one, then those of dofn->sides */
    const beam_type **state_types, **state_keys; /* of dofn->states, without ANY */
    const beam_combine *combine; /* of a combine, also of one with fanout */
    const beam_type *acc;        /* of `combine`, without ANY */
    beam_span config;
    const char *target; /* of a DoFn with .rpc or .http */
    unsigned attempts; /* PAR_DO with an output of failed elements; 0: it has none */
    const bm_windowing *windowing;      /* WINDOW_INTO */
    const beam_external_opts *external; /* deep copy */
    const bm_test_event *test_events;   /* TEST_STREAM */
    const beam_display *display;
    size_t n_display;
    bm_resource_hints hints; /* PAR_DO, besides the pipeline's */
};

struct beam_pipeline {
    bm_arena arena;
    beam_error error; /* first failure; BEAM_OK: none */
    beam_pcoll *nil;  /* what failed steps return */
    bm_step *first, *last;
    bm_step *scope; /* innermost open composite */
    int n_steps, n_pcolls;
    bm_map unique_names;
    bm_map claims; /* beam_scope_claim: what -> the scope */
    const char *failures_name;    /* beam_failures_begin: open while not NULL */
    beam_pcoll **failures;        /* of the steps since then */
    size_t n_failures;
    const char *experiments[16]; /* beam_pipeline_experiment */
    size_t n_experiments;
    bm_resource_hints hints; /* beam_pipeline_resource_hint */
    /* The runner serves states by these protocols and not as bags alone; set by the program
     * once it knows the runner. Bags do for every kind of state. */
    bool has_multimap_state, has_ordered_list_state;
    const struct bm_registry *registry;        /* set by the program; NULL: not checked */
    const struct bm_pipeline_options *options; /* set by the program */
    const struct bm_metrics *last_metrics; /* of beam_test_run(), in the arena; NULL: none */
};

/* Do windows of it become one (until a GroupByKey has merged them)? */
bool bm_windows_merge(const beam_window_fn *fn);

/* Does its trigger end before the windows expire, so that a grouping drops what comes then? */
bool bm_windowing_may_lose(const bm_windowing *w);

/* Default windowing: global window, default trigger. */
extern const bm_windowing bm_default_windowing;

/* Makes a step of the innermost scope, or fails the pipeline (name taken, empty or not
 * UTF-8). NULL when the pipeline has failed. Outputs are added with bm_step_output. */
bm_step *bm_step_new(beam_pipeline *p, bm_step_kind kind, const char *name);
void bm_step_input(bm_step *step, const char *tag, beam_pcoll *in);
beam_pcoll *bm_step_output(bm_step *step, const char *tag, const beam_type *type,
                           const bm_windowing *windowing, bool bounded);
/* Of what is known only after expansion (NULL): where it comes from, namely the first
 * collection upstream that has a windowing or is an external step's output. */
const beam_pcoll *bm_windowing_source(const beam_pcoll *c);

/* Of a splittable DoFn that was checked. */
const beam_type *bm_sdf_restriction(const struct beam_sdf *sdf);

/* "KV<STRING, ITERABLE<INT64>>", for messages and --runner=print. */
const char *bm_type_text(bm_arena *arena, const beam_type *type);
/* Can the type be a key: does every part have a deterministic coder (DOUBLE does, maps and
 * iterables have not). `why` gets a static text that says which part has not. */
bool bm_type_is_deterministic(const beam_type *type, const char **why);

/* The pipeline as indented text, and as a Graphviz digraph with composites as clusters. */
void bm_graph_print(const beam_pipeline *p, bm_writer *out);
void bm_graph_dot(const beam_pipeline *p, bm_writer *out);
/* First mistake that only shows in the whole: no steps, open scopes. Then takes out
 * composites without children and gives the others their inputs and outputs. Run before
 * submitting; may run again. */
beam_status bm_graph_check(beam_pipeline *p);
/* After an expansion has set windowing and boundedness of external outputs: carries
 * boundedness downstream, and fails on a GroupByKey of an unbounded collection in the
 * global window without trigger. Part of bm_graph_check. */
beam_status bm_graph_settle(beam_pipeline *p);
/* Every collection is. */
bool bm_graph_is_bounded(const beam_pipeline *p);

#endif
