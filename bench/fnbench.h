/* SPDX-License-Identifier: Apache-2.0 */
/* fnbench.h - the driver's parts: it is a job service to an SDK's program, a runner to its
 * worker, and checks and measures what the worker does.
 *
 * Mistakes of the peer and of the command line end the program with a sentence: fatal(). */
#ifndef FNBENCH_H
#define FNBENCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/writer.h"
#include "beam/value.h"
#include "model/beam_fn_api.upb.h"
#include "model/beam_runner_api.upb.h"
#include "rpc/rpc.h"

void fatal(const char *format, ...) BEAM_PRINTF(1, 2) __attribute__((noreturn));
void note(const char *format, ...) BEAM_PRINTF(1, 2);
int64_t now_ns(void);

/* -- wire_coder.c: values as a runner reads and writes them ------------------------------- */
typedef enum wire_kind {
    WIRE_BYTES, /* and strings: a length, then bytes */
    WIRE_VARINT,
    WIRE_FIXED, /* size bytes */
    WIRE_INTERVAL,
    WIRE_KV,
    WIRE_ITERABLE,
    WIRE_PREFIXED /* length_prefix of arg[0], which may be NULL: not known here */
} wire_kind;
typedef struct wire_coder wire_coder;
struct wire_coder {
    wire_kind kind;
    size_t size;
    const wire_coder *arg[2];
};
/* The coder of an id, after wire_coder_id(). */
const wire_coder *wire_coder_of(const pb_Components *components, upb_StringView id,
                                upb_Arena *arena);
/* A coder that both sides can frame: model coders stay, others go into a length_prefix. */
upb_StringView wire_coder_id(pb_Components *components, upb_StringView id, upb_Arena *arena);
upb_StringView new_coder(pb_Components *components, const char *urn, const upb_StringView *args,
                         size_t n, upb_Arena *arena);
void wire_encode(const wire_coder *coder, beam_value v, bm_writer *out);
/* The place behind a value, or NULL. */
const uint8_t *wire_skip(const wire_coder *coder, const uint8_t *at, const uint8_t *end);
/* The same for an element's timestamp, windows and pane. */
const uint8_t *wire_skip_header(const wire_coder *window, const uint8_t *at,
                                const uint8_t *end);

/* -- stage.c: the part of a pipeline that is driven ---------------------------------------- */
typedef struct stage {
    char *id;
    beam_span descriptor; /* serialized, malloc'd */
    const wire_coder *in, *out, *out_window;
    char *side_transform,
        *side_tag; /* who reads a side input, and its name; NULL: nobody */
    upb_Arena *arena;
} stage;
#define STAGE_SOURCE "bench_source"
#define STAGE_SINK "bench_sink"
/* The transforms of which a part of the name begins with `match`; false if there is none. */
bool stage_cut(beam_span pipeline, const char *match, const char *data_url,
               const char *state_url, stage *out);
/* The same transforms under another id. */
void stage_copy(const stage *s, size_t number, stage *out);
void stage_free(stage *s);
/* The endpoint of the pipeline's EXTERNAL environment, or NULL; malloc'd. */
char *pipeline_worker_pool(beam_span pipeline);

/* -- workload.c ------------------------------------------------------------------------------ */
typedef struct workload {
    const char *name, *match;
    size_t n;             /* elements in a bundle */
    size_t element_bytes; /* of those with a size that can be chosen */
    size_t keys;          /* of state and sums; entries of the side input */
    /* Element i, and its event time in ms; what it points to is in the arena. */
    beam_value (*input)(const struct workload *w, size_t i, bm_arena *arena);
    int64_t (*time_ms)(size_t i);
    /* Calls emit for each output of n inputs. NULL: only sums can be checked. */
    void (*outputs)(const struct workload *w, size_t n,
                    void (*emit)(void *self, beam_value v), void *self);
    bool sums; /* outputs are accumulators of sums of the values */
    bool is_echo;
    bool whole;   /* CPU time and memory are counted from the start of the process */
    bool varies;  /* later bundles may have other numbers of outputs */
    bool one_key; /* the entries of the side input are all of one key */
} workload;
const workload *workload_find(const char *name);
void workload_names(char *out, size_t size);

/* -- side_table.c ------------------------------------------------------------------------------ */
typedef struct side_table {
    size_t entries, value_bytes;
    bool one_key;
} side_table;
beam_span side_key(size_t i, char text[32]);
/* A page of what is under the key; false: that is no side input. */
bool side_table_get(const side_table *t, const pb_StateKey *key, upb_StringView token,
                    pb_StateGetResponse *out, upb_Arena *upb);

/* -- runner.c: the Fn API from the runner's side --------------------------------------------- */
typedef struct runner runner;
typedef struct runner_opts {
    bool embed;        /* outputs may come in responses */
    bool short_ids;    /* metrics by short ids */
    bool verbose;      /* the worker's log */
    bool cache_tokens; /* what was read in a bundle stays true in the next */
    bool keys_values;  /* keys of a side input with their values in one answer */
    side_table side;
} runner_opts;
runner *runner_new(const runner_opts *opts);
void runner_free(runner *r);
const char *runner_url(const runner *r, const char *service); /* "control", "data", ... */
/* What provisioning tells: a serialized Struct, kept by pointer. */
void runner_set_options(runner *r, beam_span options);
void runner_add_stage(runner *r, const stage *s);
/* Asks the worker pool for a worker, and waits until it is there. */
void runner_start_worker(runner *r, const char *worker_pool_url);
/* Waits until the worker has connected. */
void runner_await_worker(runner *r);

/* A bundle's input: messages that are ready but for the instruction id. */
typedef struct bundle_input {
    bm_slice **chunks; /* encoded elements */
    size_t n_chunks, n, bytes;
} bundle_input;
typedef struct bundle_output {
    size_t n, bytes, messages, response_bytes;
    uint64_t sum;  /* of the elements' hashes, when checked */
    int64_t total; /* of the last varints of the elements, when checked */
} bundle_output;
/* Runs a bundle and waits for its response and the end of its output. Any thread. */
void runner_process(runner *r, const stage *s, const bundle_input *input, bool check,
                    bundle_output *out);
/* How many state requests were answered up to now. */
size_t runner_state_requests(const runner *r);
/* Sends the messages to the echo worker and waits until all of their bytes are back. */
void runner_echo(runner *r, const bundle_input *input, bundle_output *out);
uint64_t hash_bytes(const void *bytes, size_t n);

/* -- services.c: state, logging, provision, artifacts ------------------------------------------ */
typedef struct state_store state_store;
state_store *state_store_new(void);
void state_store_free(state_store *store);
/* The answer to a StateRequest; NULL: it was none. rpc thread. */
bm_message *state_answer(state_store *store, const side_table *side, beam_span request);
size_t state_requests(const state_store *store); /* answered up to now */
void show_log(beam_span entries, bool all);

/* -- job_server.c: takes one pipeline --------------------------------------------------------- */
typedef struct job_server job_server;
job_server *job_server_new(void);
/* Ends the job (DONE) and the server. */
void job_server_finish(job_server *j);
void job_server_free(job_server *j);
const char *job_server_url(const job_server *j);
/* Waits for the pipeline; false when `over` became true before. */
bool job_server_await(job_server *j, bool (*over)(void *self), void *self,
                      beam_span *pipeline, beam_span *options);

/* -- process_use.c: a process and what it needs -------------------------------------------------- */
typedef struct process_use {
    double cpu_s;          /* user and system, of the tree */
    size_t peak_rss_bytes; /* sum of VmHWM */
} process_use;
pid_t process_start(const char *command); /* by the shell, in its place */
bool process_ended(pid_t pid);
void process_stop(pid_t pid);
process_use process_use_of(pid_t pid);
void process_reset_peak(pid_t pid);

/* -- echo_worker.c -------------------------------------------------------------------------------- */
/* Opens a data stream to the address and sends back what comes, until that ends. */
int echo_worker(const char *address);

#endif
