/* SPDX-License-Identifier: Apache-2.0 */
/* local_impl.h - what the files of the local runner share. All of it belongs to the thread
 * that runs the pipeline, but for the inbox and the descriptors, which are constant when the
 * worker starts. */
#ifndef BM_LOCAL_IMPL_H
#define BM_LOCAL_IMPL_H

#include <pthread.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/map.h"
#include "coders/element.h"
#include "local/group.h"
#include "local/local.h"
#include "model/beam_fn_api.pb-c.h"
#include "proto/model.h"

typedef struct bm_local bm_local;
typedef struct bm_stage bm_stage;
typedef struct bm_coll bm_coll;
typedef struct bm_side bm_side;
typedef struct bm_bundle bm_bundle;
typedef struct bm_user_key bm_user_key;
typedef struct bm_window_call bm_window_call; /* window_call.c */

/* -- holds.c: a multiset of times ------------------------------------------------------- */
typedef struct bm_heap {
    beam_millis *at;
    size_t n, cap;
} bm_heap;
typedef struct bm_holds {
    bm_heap held, released;
} bm_holds;
void bm_local_holds_add(bm_holds *holds, beam_millis t);
void bm_local_holds_release(bm_holds *holds, beam_millis t); /* one that was added */
beam_millis bm_local_holds_min(bm_holds *holds);             /* BEAM_MAX_TIMESTAMP: empty */
void bm_local_holds_free(bm_holds *holds);

/* -- item.c: elements as they travel ---------------------------------------------------- */
/* One encoded windowed value; malloc'd. */
typedef struct bm_item bm_item;
struct bm_item {
    bm_item *next;
    beam_millis timestamp;
    beam_millis hold;       /* what it holds watermarks at: mostly its timestamp */
    beam_millis not_before; /* processing time */
    size_t n_attempts;   /* bundles with it that failed */
    size_t n, value_at;  /* size, and where the value begins */
    uint8_t bytes[];
};
typedef struct bm_items {
    bm_item *first, *last;
    size_t n;
} bm_items;

void bm_local_items_add(bm_items *list, bm_item *item);
bm_item *bm_local_items_take(bm_items *list); /* the first, NULL: none */
void bm_local_items_append(bm_items *list, bm_items *more); /* `more` is empty afterwards */
void bm_local_items_prepend(bm_items *list, bm_items *more);
/* By timestamp; of equal ones the order stays. */
void bm_local_items_sort(bm_items *list);
void bm_local_items_free(bm_items *list);
bm_item *bm_local_item_copy(const bm_item *item);
/* Makes one of encoded parts. */
bm_item *bm_local_item_new(beam_millis timestamp, beam_span header, beam_span value);
static inline beam_span bm_local_item_span(const bm_item *item)
{
    return (beam_span){ (const char *)item->bytes, item->n };
}
static inline beam_span bm_local_item_value(const bm_item *item)
{
    return (beam_span){ (const char *)item->bytes + item->value_at, item->n - item->value_at };
}
/* The next windowed value of the collection; BEAM_ESHORT, BEAM_ECODER as decoders do. */
beam_status bm_local_item_read(const bm_coll *coll, bm_reader *in, bm_item **out);
/* Splits an encoded KV: two views. */
beam_status bm_local_item_kv(const bm_coll *coll, beam_span value, beam_span *key, beam_span *val);
beam_status bm_local_item_windows(const bm_coll *coll, const bm_item *item, bm_arena *arena,
                            const bm_windows **out);
/* timestamp, one window, pane. */
beam_status bm_local_item_header(const bm_coll *coll, beam_millis timestamp,
                           const beam_window *window, const beam_pane *pane, bm_writer *out);

/* -- collections and who reads them ----------------------------------------------------- */
typedef struct bm_edge bm_edge;
struct bm_edge {
    bm_edge *next;
    bm_stage *stage;
    bm_side *side; /* NULL: the main input */
};

struct bm_coll {
    const char *id;
    bm_pb_pcoll *pb;
    bm_pb_windowing *windowing;
    const bm_coder *value, *window; /* as the runner reads them */
    const char *port_coder;         /* id of the windowed coder in descriptors */
    bm_stage *producer;
    beam_millis watermark;
    bm_edge *readers, **last_reader;
};

/* A side input of a transform: what has come so far, by window. */
struct bm_side {
    bm_side *next;
    const char *transform_id, *tag;
    bm_coll *coll;
    bool multimap;
    uint64_t version; /* goes up when something is added */
    bm_group_windowing windowing;
    bm_grouping *grouping;   /* of its trigger; NULL: the default one */
    bm_window_call *mapping; /* NULL: windows are mapped here */
    bm_arena arena;
    bm_map windows; /* encoded window -> what is in it */
    bm_map mapped;  /* encoded main window -> beam_window, as the worker said */
};

/* -- leaves of the pipeline (preprocess.c) ------------------------------------------------ */
typedef struct bm_leaf {
    const char *id, *urn;
    bm_pb_transform *pb;
    Pb__ParDoPayload *par_do; /* NULL: is none */
    const char *main_input;   /* collection id; NULL: a root */
} bm_leaf;

/* -- stages --------------------------------------------------------------------------------- */
typedef enum bm_stage_kind {
    BM_STAGE_IMPULSE,
    BM_STAGE_TEST_STREAM,
    BM_STAGE_FORWARD, /* flatten, reshuffle: what comes goes on */
    BM_STAGE_GROUP,
    BM_STAGE_WORKER
} bm_stage_kind;

typedef struct bm_sink {
    const char *id; /* of its transform in the descriptor */
    bm_coll *coll;
} bm_sink;

typedef struct bm_timer_family {
    size_t index;
    const char *transform_id, *id;
    bool processing_time;
    bool is_expiration; /* set by the runner: fires when a window expires */
    const bm_coder *coder;
} bm_timer_family;

/* A timer that is set: identity is (key, family, window, tag). */
typedef enum bm_timer_state { BM_TIMER_OFF, BM_TIMER_SET, BM_TIMER_DUE, BM_TIMER_RUNNING }
    bm_timer_state;
typedef struct bm_user_timer bm_user_timer;
struct bm_user_timer {
    bm_user_timer *next; /* in a list of due or of running ones */
    bm_user_key *key;
    const bm_timer_family *family;
    bm_timer_state state;
    beam_millis fire, hold;
    uint64_t serial; /* the setting of it that a heap entry means */
    size_t n_attempts; /* bundles with it that failed */
    uint8_t *bytes;  /* malloc'd: as it came and goes */
    size_t n_bytes;
};
typedef struct bm_timer_entry {
    beam_millis fire;
    uint64_t serial;
    bm_user_timer *timer;
} bm_timer_entry;
typedef struct bm_timer_heap {
    bm_timer_entry *at;
    size_t n, cap;
} bm_timer_heap;

/* What a stateful stage keeps of a user key. */
struct bm_user_key {
    bm_user_key *next_ready;
    bm_stage *stage;
    beam_span key; /* encoded */
    bm_items waiting;
    bm_user_timer *due, *last_due; /* in the order in which they fire */
    bool is_ready; /* in the list of ready keys */
    bool is_busy;  /* a bundle has it */
    size_t n_processing; /* processing-time timers that are not off */
    bm_user_timer *expiring; /* expirations that wait for these */
    bm_map timers; /* family, window, tag -> bm_user_timer */
    bm_map cells;  /* state key -> bm_cell */
};

struct bm_stage {
    size_t index;
    bm_stage_kind kind;
    const char *name; /* of its first transform, for messages */
    bm_coll **inputs, **outputs;
    size_t n_inputs, n_outputs;
    bm_leaf **leaves;
    size_t n_leaves;

    /* watermarks */
    beam_millis upstream, input, output;
    bm_holds pending;     /* elements that wait or are being processed */
    bm_holds timer_holds; /* timers that are set, due or running */

    /* WORKER */
    const char *descriptor_id;
    beam_span descriptor;
    const char *source_id;
    bm_sink *sinks;
    size_t n_sinks;
    bm_side *sides;
    bm_timer_family *families;
    size_t n_families;
    bm_timer_family expiration; /* is_expiration; id NULL: the worker need not know */
    bool is_keyed; /* state or timers: a key is in one bundle at a time */
    bool has_state;
    bool is_time_sorted;
    bm_items waiting;  /* not keyed: can be processed at once */
    bm_items delayed;  /* until a processing time */
    bm_items blocked;  /* until side inputs are ready, or in order of time */
    uint64_t blocked_by; /* what they waited for when they were looked at last */
    bm_arena key_arena;
    bm_map keys; /* encoded key -> bm_user_key */
    bm_user_key *ready, **last_ready;
    bm_timer_heap event_timers, processing_timers;
    size_t n_fired;   /* timers of the worker's that are due or running */
    size_t n_running; /* bundles */

    /* GROUP */
    bm_group_windowing group_windowing;
    bm_grouping *grouping;
    bm_window_call *merging;

    /* TEST_STREAM */
    Pb__TestStreamPayload *test_stream;
    size_t next_event;
};

/* -- bundles ---------------------------------------------------------------------------------- */
typedef struct bm_output {
    bm_writer data;
    bool has_ended;
} bm_output;

struct bm_bundle {
    bm_bundle *next;
    const char *id;
    bm_stage *stage;
    bm_arena arena;
    bm_items input;
    bm_user_key **keys;
    size_t n_keys;
    bm_user_timer *timers, *last_timer; /* sent, by next */
    bm_output *outputs;    /* per sink */
    bm_output *timer_outputs; /* per family */
    size_t n_attempts;
    Pb__InstructionResponse *parsed; /* the answer, once it is there */
    struct bm_cell *touched; /* by next_touched */
    bool is_call;            /* of window_call.c: its output is not the pipeline's */
    bm_items residuals;      /* of splits; come back when it has succeeded */
    size_t n_primary;        /* elements of the input that are the bundle's */
    int64_t asked_progress_ms, asked_split_ms; /* bm_local_ticks() */
    bool awaits_progress, awaits_split;        /* the last question has no answer yet */
};

/* -- inbox (inbox.c): from the rpc thread to ours ------------------------------------------ */
typedef enum bm_local_service {
    BM_LOCAL_CONTROL,
    BM_LOCAL_DATA,
    BM_LOCAL_STATE,
    BM_LOCAL_LOGGING,
    BM_LOCAL_SERVICES
} bm_local_service;

typedef struct bm_local_stream bm_local_stream;
struct bm_local_stream {
    bm_local_stream *next;
    bm_local *local;
    bm_local_service service;
    bm_stream *stream;
    char *worker_id;
    bool has_ended; /* as our thread knows */
    bool is_leaving; /* we have ended it */
};

typedef enum bm_event_kind { BM_OPENED, BM_MESSAGE, BM_ENDED } bm_event_kind;
typedef struct bm_local_event bm_local_event;
struct bm_local_event {
    bm_local_event *next;
    bm_event_kind kind;
    bm_local_stream *stream;
    bm_message *message;
    char *text; /* ENDED: why; malloc'd */
};

typedef struct bm_inbox {
    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t arrived;
    bm_local_event *first, **last;
} bm_inbox;

void bm_local_inbox_init(bm_inbox *inbox);
void bm_local_inbox_put(bm_inbox *inbox, bm_local_event *event);
/* Waits for one at most so long; NULL: none. */
bm_local_event *bm_local_inbox_take(bm_inbox *inbox, int64_t timeout_ms);
void bm_local_event_free(bm_local_event *event);
void bm_local_inbox_free(bm_inbox *inbox);

/* -- the whole ------------------------------------------------------------------------------------ */
struct bm_local {
    const bm_local_opts *opts;
    bm_local_faults faults;
    bm_local_result *result;
    beam_error *err;
    bm_arena arena; /* of the whole run */
    bm_rpc *rpc;
    bm_server *server;
    const char *url;
    bm_inbox inbox;

    Pb__Pipeline *pipeline;
    bm_pb_components *components;
    bm_map transforms, pcolls, windowings, coders, environments; /* of the proto, by id */
    bm_map wire_coders;                                          /* id -> id */
    bm_map port_coders;                                          /* name -> id */
    bm_coder_set coder_set;
    bm_list leaves;
    const char *environment_id;
    bm_map colls; /* id -> bm_coll */
    bm_stage **stages; /* in topological order */
    size_t n_stages;
    bm_map descriptors; /* id -> bm_stage */

    bm_local_stream *streams; /* newest first */
    bm_local_stream *live[BM_LOCAL_SERVICES]; /* of the worker; NULL: not open */
    bm_list unsent; /* messages for the data stream that is not open yet */
    bm_local_worker worker;
    bool has_worker;
    size_t n_workers;

    bm_bundle *running;
    size_t n_running;
    bool in_call; /* bundles settle when it is over */
    size_t n_window_calls;
    uint64_t n_bundles, n_instructions, n_serials;
    size_t next_stage; /* whose turn it is */
    atomic_llong clock_ahead; /* workers read it */
    beam_millis synchronized;
    bool skips_waiting;
    int64_t began_ms;
    bm_map metrics;    /* urn, labels -> bm_metric_cell */
    bm_map short_ids;  /* id -> Pb__MonitoringInfo */
    struct held_answer *held; /* state answers, newest first */
    size_t n_held;
    uint64_t state_epoch; /* goes up when state is rolled back */
    size_t n_awaited;  /* answers that the end waits for */
};

/* preprocess.c */
beam_status bm_local_preprocess(bm_local *l, beam_span pipeline);
/* The collection of the id, ready to be read. */
beam_status bm_local_coll(bm_local *l, const char *id, bm_coll **out);
static inline void *bm_local_by_id(const bm_map *map, const char *id)
{
    return id ? bm_map_get(map, beam_span_of(id)) : NULL;
}
/* wire_coders.c */
void bm_local_coders_init(bm_local *l);
/* The id of the coder that goes over the wire: what the runner does not know has a length
 * in front. */
beam_status bm_local_wire_coder(bm_local *l, const char *id, const char **out);
const char *bm_local_add_coder(bm_local *l, const char *id, const char *urn,
                               const char *const *components, size_t n);
/* sdf.c */
beam_status bm_local_expand_sdf(bm_local *l, bm_leaf *leaf, bm_list *out);
/* fuse.c */
beam_status bm_local_fuse(bm_local *l);
/* descriptor.c */
beam_status bm_local_describe(bm_local *l, bm_stage *stage);
/* group_stage.c */
beam_status bm_local_group_init(bm_local *l, bm_stage *stage);
beam_status bm_local_group_add(bm_local *l, bm_stage *stage, bm_coll *coll,
                               const bm_item *item);
/* Tells it the time, from which triggers wait: before elements are added. */
beam_status bm_local_group_set_clocks(bm_local *l, bm_stage *stage);
beam_status bm_local_group_advance(bm_local *l, bm_stage *stage);

/* deliver.c: elements of a collection to all that read it; the items are taken over */
beam_status bm_local_deliver(bm_local *l, bm_coll *coll, bm_items *items);

/* stage.c */
beam_status bm_local_stage_add(bm_local *l, bm_stage *stage, bm_items *items);
/* What waited for time or side inputs and need not any more. */
beam_status bm_local_stage_refresh(bm_local *l, bm_stage *stage);
bool bm_local_stage_is_ready(const bm_stage *stage);
bool bm_local_stage_is_idle(const bm_stage *stage);
/* Takes a bundle's input. */
void bm_local_stage_take(bm_local *l, bm_stage *stage, bm_bundle *bundle);
/* Gives keys back after a bundle. */
void bm_local_stage_release_keys(bm_stage *stage, bm_bundle *bundle);
void bm_local_stage_key_ready(bm_stage *stage, bm_user_key *key);
bm_user_key *bm_local_stage_key(bm_stage *stage, beam_span key);
beam_millis bm_local_stage_next_processing_time(const bm_stage *stage);
void bm_local_stage_free(bm_stage *stage);

/* timers.c */
beam_status bm_local_timers_apply(bm_local *l, bm_bundle *bundle, const bm_timer_family *family,
                            beam_span encoded);
void bm_local_timers_fire_due(bm_local *l, bm_stage *stage);
/* Takes the key's earliest due timers into the bundle. */
size_t bm_local_timers_take(bm_user_key *key, bm_bundle *bundle);
void bm_local_timers_done(bm_bundle *bundle);
void bm_local_timers_give_back(bm_bundle *bundle);
/* What waited for the key's processing-time timers is due, if there are none left. */
void bm_local_timers_go_on_expiring(bm_user_key *key);
beam_millis bm_local_timers_next(bm_timer_heap *heap);
void bm_local_timers_free(bm_stage *stage);

/* Sets an expiration of key and windows, unless it is set. */
void bm_local_timers_watch(bm_local *l, bm_stage *stage, bm_user_key *key, beam_span windows,
                           beam_span bytes, beam_millis fire, beam_millis hold);

/* expiration.c: of a keyed stage */
beam_status bm_local_expiration_watch(bm_local *l, bm_stage *stage, bm_user_key *key,
                                      const bm_item *item);
/* *item without the windows that are over; NULL: all of them are. */
beam_status bm_local_drop_late(bm_local *l, const bm_stage *stage, bm_item **item);

/* side_inputs.c */
beam_status bm_local_side_init(bm_local *l, bm_side *side);
beam_status bm_local_side_add(bm_local *l, bm_side *side, bm_items *items);
beam_status bm_local_side_advance(bm_local *l, bm_side *side);
beam_millis bm_local_side_next_processing_time(const bm_side *side);
/* Can this element be processed as far as side inputs go? */
beam_status bm_local_side_inputs_ready(bm_local *l, const bm_stage *stage, const bm_item *item,
                                 bool *ready);
/* The bytes for a state request; false: the side input is unknown. */
bool bm_local_side_get(bm_stage *stage, const Pb__StateKey *key, beam_span *out);
void bm_local_side_free(bm_side *side);

/* state_store.c */
beam_status bm_local_state_serve(bm_local *l, bm_bundle *bundle, const Pb__StateRequest *request,
                           bm_arena *arena, beam_span *data, const char **error);
void bm_local_state_commit(bm_bundle *bundle);
void bm_local_state_roll_back(bm_bundle *bundle);
/* Forgets the key's state in a window, which is given as in a timer: number, window. */
void bm_local_state_forget(bm_user_key *key, beam_span windows);
void bm_local_state_free(bm_stage *stage);

/* bundle.c */
beam_status bm_local_bundle_start(bm_local *l, bm_stage *stage);
bm_bundle *bm_local_bundle_find(bm_local *l, const char *id);
/* Output of a running bundle, from the data stream or inside of a response. */
void bm_local_bundle_take_data(bm_local *l, beam_span id, beam_span transform, beam_span data,
                         bool is_last);
void bm_local_bundle_take_timers(bm_local *l, beam_span id, beam_span transform, beam_span family,
                           beam_span timers, bool is_last);
/* Commits or fails it when all of it is there. */
beam_status bm_local_bundle_settle(bm_local *l, bm_bundle *bundle);
/* Runs a bundle of one element, which is taken over, and waits for its output. */
beam_status bm_local_bundle_call(bm_local *l, bm_stage *stage, bm_item *item, bm_arena *arena,
                                 beam_span *output);
/* Those that have become complete. */
beam_status bm_local_bundle_settle_all(bm_local *l);
void bm_local_bundle_free(bm_bundle *bundle);
void bm_local_bundle_unlink(bm_local *l, bm_bundle *bundle);
/* Its input waits again. */
void bm_local_bundle_give_back(bm_local *l, bm_bundle *bundle);
/* What is left of the input after splits, and the residuals that may run now. */
beam_status bm_local_residuals_add(bm_local *l, bm_bundle *bundle, bm_items *out,
                             Pb__DelayedBundleApplication *const *roots, size_t n);

/* elements.c: Elements on the wire */
/* ProcessBundleRequest and input. */
void bm_local_send_bundle(bm_local *l, bm_bundle *bundle);
void bm_local_send_late_data(bm_local *l, const bm_bundle *bundle);
beam_status bm_local_take_elements(bm_local *l, beam_span message);
beam_status bm_local_take_embedded(bm_local *l, const Pb__Elements *elements);

/* faults.c */
void bm_local_fault_begin(bm_local *l);                    /* a bundle is to begin */
void bm_local_fault_end(bm_local *l, const bm_bundle *bundle); /* it has ended */
void bm_local_fault_tick(bm_local *l);
int64_t bm_local_fault_patience(const bm_local *l, int64_t wait_ms);
/* An answer to a state request; mostly at once. */
void bm_local_send_state(bm_local *l, bm_local_stream *stream, bm_message *message);
void bm_local_release_state(bm_local *l);
void bm_local_add_cache_tokens(bm_local *l, bm_bundle *bundle,
                               Pb__ProcessBundleRequest *request);

/* control.c: instructions and their answers */
void bm_local_send_process_bundle(bm_local *l, bm_bundle *bundle, Pb__Elements *elements);
void bm_local_send_progress(bm_local *l, const bm_bundle *bundle);
void bm_local_send_split(bm_local *l, const bm_bundle *bundle);
void bm_local_send_finalize(bm_local *l, const char *bundle_id);
void bm_local_ask_short_ids(bm_local *l, char **ids, size_t n);
beam_status bm_local_take_response(bm_local *l, beam_span message);

/* state_service.c */
beam_status bm_local_take_state_request(bm_local *l, bm_local_stream *stream,
                                        beam_span message);

/* window_call.c */
beam_status bm_local_merge_call(bm_local *l, const char *who, const bm_pb_windowing *windowing,
                                bm_window_call **out);
beam_status bm_local_map_call(bm_local *l, const char *who, const bm_pb_function_spec *mapping,
                              const bm_coll *main, const bm_coll *side, bm_window_call **out);
beam_status bm_local_ask_merge(bm_local *l, bm_window_call *call, const beam_window *windows,
                               size_t n, bm_arena *arena, const bm_window_merge **merges,
                               size_t *n_merges);
beam_status bm_local_ask_map(bm_local *l, bm_window_call *call, const beam_window *main,
                             bm_arena *arena, beam_window *side);

/* run.c: handles what comes, at most so long */
beam_status bm_local_handle_events(bm_local *l, int64_t wait_ms);

/* watermarks.c: lets times go on as far as they can */
beam_status bm_local_refresh(bm_local *l);
bool bm_local_is_done(bm_local *l);
beam_millis bm_local_next_processing_time(bm_local *l); /* INT64_MAX: none */
/* What every stage waits for. */
void bm_local_explain(bm_local *l, bm_writer *out);

/* test_stream.c */
beam_status bm_local_test_stream_init(bm_local *l, bm_stage *stage, const bm_leaf *leaf);
bool bm_local_test_stream_has_more(const bm_stage *stage);
beam_status bm_local_test_stream_step(bm_local *l, bm_stage *stage);

/* clock.c */
beam_millis bm_local_now(const bm_local *l); /* processing time */
int64_t bm_local_ticks(void);                /* real, only goes forward */
void bm_local_jump(bm_local *l, beam_millis by);

/* metrics.c */
void bm_local_add_metrics(bm_local *l, const Pb__ProcessBundleResponse *response);
void bm_local_learn_short_ids(bm_local *l, const Pb__MonitoringInfosMetadataResponse *pb);
beam_span bm_local_metrics(bm_local *l, bm_arena *arena);

/* services.c */
beam_status bm_local_listen(bm_local *l);
bm_message *bm_local_message(beam_span bytes);

/* group_windowing.c */
beam_status bm_local_windowing(bm_local *l, const char *who, const bm_pb_windowing *pb,
                               bm_group_windowing *out);
#endif
