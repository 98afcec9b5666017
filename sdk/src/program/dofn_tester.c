/* SPDX-License-Identifier: Apache-2.0 */
/* beam_dofn_tester: bundles through one DoFn, with the runner's side of them in memory. The
 * caller's thread. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/reader.h"
#include "beam/testing.h"
#include "beam_urns.h"
#include "caller.h"
#include "exec/plan.h"
#include "exec/services.h"
#include "fns/text.h"
#include "program/functions.h"
#include "program/tester_descriptor.h"

enum { MAX_SIDES = 8 };

typedef struct input {
    beam_span bytes;
    struct input *next;
} input;

typedef struct output {
    const bm_coder *value, *windowed;
    bm_writer bytes; /* of the bundle that runs */
    beam_tested *at;
    size_t n, cap;
} output;

/* Set and not fired. */
typedef struct set_timer {
    struct set_timer *next;
    int port;
    beam_span id, bytes; /* key, tag and windows; the whole */
    beam_millis fire;
    const beam_timer_spec *spec; /* NULL: of the worker's own, for the end of windows and
                                    for input sorted by time */
} set_timer;

/* Of the state; a bundle that is large writes to it before its end. */
typedef struct cell {
    bm_writer data, before; /* before the bundle that runs, if it has changed it */
    struct cell *next_changed;
    bool changed;
} cell;

struct beam_dofn_tester {
    bm_arena arena; /* of the tester: outputs, state, timers */
    bm_arena texts; /* of messages and the plan's making */
    beam_pipeline *pipeline;
    const beam_dofn *fn;
    bm_registry registry;
    bool has_registry;
    bm_plan *plan; /* NULL: to be made */
    bm_services *services;
    beam_span descriptor;
    beam_error error; /* of the last call */
    beam_status built;

    const bm_coder *in_value, *in_windowed, *timer;
    input *first, *last, *reading;
    output *outputs; /* main first */
    size_t n_outputs;
    const set_timer *firing; /* given to the bundle as its input */
    bm_writer *timer_bytes;  /* by port, of the bundle that runs */
    size_t n_timer_ports;
    set_timer *timers;
    bm_map cells; /* state */
    cell *changed; /* by the bundle that runs */
    struct {
        const bm_coder *coder;
        beam_value *at;
        size_t n;
    } sides[MAX_SIDES];
    bm_map counters; /* int64_t */
    beam_millis watermark, now;
};

/* -- making ----------------------------------------------------------------------------- */
static const bm_coder *window_coder(bm_arena *arena, const beam_pcoll *c)
{
    bool global = !c->windowing || c->windowing->opts.fn.kind == BEAM_WINDOW_GLOBAL;
    return bm_coder_new(arena, global ? BM_CODER_GLOBAL_WINDOW : BM_CODER_INTERVAL_WINDOW,
                        NULL, NULL);
}

static const bm_coder *windowed_coder(bm_arena *arena, const bm_coder *value,
                                      const beam_pcoll *c)
{
    return bm_coder_new(arena, BM_CODER_WINDOWED_VALUE, value, window_coder(arena, c));
}

static void set_output(beam_dofn_tester *t, size_t i, const beam_pcoll *c)
{
    t->outputs[i].value = bm_coder_of_type(&t->arena, c->type);
    t->outputs[i].windowed = windowed_coder(&t->arena, t->outputs[i].value, c);
}

static bool is_custom(const beam_window_fn *fn)
{
    return fn->kind == BEAM_WINDOW_CUSTOM && fn->custom && fn->custom->custom_windows;
}

/* The side inputs as collections; their elements are served by the tester. */
static void make_sides(beam_dofn_tester *t, const beam_dofn_tester_opts *o,
                       beam_par_do_opts *step)
{
    for (size_t i = 0; i < o->fn->sides.n && i < MAX_SIDES; i++) {
        const beam_type *type = o->fn->sides.at[i].type;
        const char *name = bm_format(&t->arena, "Side%zu", i);
        step->sides[i] = beam_create(t->pipeline, name, type, o->sides[i].at,
                                     o->sides[i].n);
        if (t->pipeline->error.status) return;
        t->sides[i].coder = bm_coder_of_type(&t->arena, type);
        t->sides[i].n = o->sides[i].n;
        t->sides[i].at = BM_NEW_ARRAY(&t->arena, beam_value, o->sides[i].n);
        for (size_t k = 0; k < o->sides[i].n; k++)
            bm_value_copy_as(t->sides[i].coder, &t->arena, o->sides[i].at[k],
                             &t->sides[i].at[k]);
    }
}

static const char *refusal(const beam_dofn_tester_opts *o)
{
    if (!o->fn) return "the DoFn to test is NULL";
    if (o->fn->sdf)
        return "a splittable DoFn is tested in a pipeline, with beam_test_run()";
    if (o->fn->partition)
        return "a partition is tested in a pipeline, with beam_test_run()";
    if (is_custom(&o->windows)) return "windows with bytes are tested in a pipeline";
    return NULL;
}

static void set_coders(beam_dofn_tester *t, const beam_pcoll *in,
                       const beam_pcoll *windowed)
{
    t->in_value = bm_coder_of_type(&t->arena, in->type);
    t->in_windowed = windowed_coder(&t->arena, t->in_value, in);
    if (in->type->kind != BEAM_KIND_KV) return;
    t->timer = bm_coder_new(&t->arena, BM_CODER_TIMER,
                            bm_coder_of_type(&t->arena, in->type->arg[0]),
                            window_coder(&t->arena, windowed));
}

/* The pipeline of one step, and its descriptor. */
static beam_status build(beam_dofn_tester *t, const beam_dofn_tester_opts *o)
{
    const char *problem = refusal(o);
    if (problem) return bm_error(&t->error, BEAM_EUNSUPPORTED, "%s", problem);
    beam_pipeline *p = t->pipeline;
    beam_par_do_opts step = {
        .fn = o->fn, .config = o->config, .out = o->out, .target = o->target
    };
    beam_pcoll *in = beam_create(p, "In", o->in ? o->in : o->fn->in, NULL, 0);
    beam_pcoll *windowed = beam_window_into(in, "Windows", o->windows);
    make_sides(t, o, &step);
    beam_pcoll *out = beam_par_do_with(windowed, "Test", &step);
    bm_graph_check(p);
    if (p->error.status) {
        t->error = p->error;
        return p->error.status;
    }
    const bm_step *test = out->producer;
    t->n_outputs = 1 + o->fn->outputs.n;
    t->outputs = BM_NEW_ARRAY(&t->arena, output, t->n_outputs);
    bool has_main = test->n_outputs > o->fn->outputs.n;
    for (size_t i = 0; i < test->n_outputs; i++)
        set_output(t, i + !has_main, test->outputs[i]);
    set_coders(t, in, windowed);
    static const char *const steps[] = { "Windows", "Test" };
    BEAM_TRY(bm_tester_descriptor(p, in, steps, 2, test->outputs, test->n_outputs,
                                  &t->arena, &t->descriptor, &t->error));
    beam_functions functions = bm_pipeline_functions(p, &t->arena);
    t->has_registry = true;
    return bm_registry_init(&t->registry, &functions, &t->error);
}

beam_dofn_tester *beam_dofn_tester_new_with(const beam_dofn_tester_opts *opts)
{
    static const beam_dofn_tester_opts nothing;
    if (!opts) opts = &nothing;
    beam_dofn_tester *t = bm_xcalloc(1, sizeof *t);
    bm_arena_init(&t->arena, 0);
    bm_arena_init(&t->texts, 0);
    bm_map_init(&t->cells, &t->arena);
    bm_map_init(&t->counters, &t->arena);
    t->services = bm_services_new(NULL);
    t->pipeline = beam_pipeline_new();
    t->fn = opts->fn;
    t->now = opts->now;
    t->watermark = BEAM_MIN_TIMESTAMP;
    t->built = build(t, opts);
    return t;
}

void beam_dofn_tester_free(beam_dofn_tester *t)
{
    if (!t) return;
    bm_plan_free(t->plan);
    bm_services_free(t->services);
    for (size_t i = 0; i < t->n_outputs; i++) bm_writer_free(&t->outputs[i].bytes);
    for (size_t i = 0; i < t->n_timer_ports; i++) bm_writer_free(&t->timer_bytes[i]);
    BM_MAP_EACH(&t->cells, entry)
    {
        bm_writer_free(&((cell *)entry->value)->data);
        bm_writer_free(&((cell *)entry->value)->before);
    }
    if (t->has_registry) bm_registry_free(&t->registry);
    beam_pipeline_free(t->pipeline);
    bm_arena_free(&t->texts);
    bm_arena_free(&t->arena);
    free(t);
}

static bool make_plan(beam_dofn_tester *t)
{
    if (t->built || t->plan) return !t->built;
    if (bm_plan_new(t->descriptor, &t->registry, &bm_log_stderr, &t->plan, &t->error))
        return false;
    size_t n;
    bm_plan_timers(t->plan, &n);
    if (n > t->n_timer_ports) {
        t->timer_bytes = BM_NEW_ARRAY(&t->arena, bm_writer, n);
        t->n_timer_ports = n;
    }
    return true;
}

/* -- the runner's side of a bundle ------------------------------------------------------- */
static beam_status io_read(void *self, bm_segment *out, beam_error *err)
{
    beam_dofn_tester *t = self;
    (void)err;
    *out = (bm_segment){ .source = -1 };
    if (t->firing) {
        size_t n;
        const bm_timer_port *port = &bm_plan_timers(t->plan, &n)[t->firing->port];
        *out = (bm_segment){ .source = -1,
                             .timer_family = port->family,
                             .timer_port = t->firing->port,
                             .transform_id = port->transform_id,
                             .data = t->firing->bytes };
        t->firing = NULL;
    } else if (t->reading) {
        *out = (bm_segment){ .source = 0, .data = t->reading->bytes };
        t->reading = t->reading->next;
    }
    return BEAM_OK;
}

/* Sink "sinkN" is output N, one later where there is no main one. */
static beam_status io_write(void *self, int sink, bm_writer *data, bool last,
                            beam_error *err)
{
    beam_dofn_tester *t = self;
    (void)last, (void)err;
    size_t n;
    const bm_port *ports = bm_plan_sinks(t->plan, &n);
    size_t i = strtoul(ports[sink].transform_id + strlen("sink"), NULL, 10) +
               (n < t->n_outputs);
    bm_write_bytes(&t->outputs[i].bytes, data->data, data->len);
    bm_writer_free(data);
    return BEAM_OK;
}

static beam_status io_write_timers(void *self, int port, bm_writer *data, bool last,
                                   beam_error *err)
{
    beam_dofn_tester *t = self;
    (void)last, (void)err;
    bm_write_bytes(&t->timer_bytes[port], data->data, data->len);
    bm_writer_free(data);
    return BEAM_OK;
}

static cell *cell_of(beam_dofn_tester *t, const bm_state_key *key)
{
    bm_writer name = { 0 };
    bm_write_prefixed(&name, beam_span_of(key->id));
    bm_write_prefixed(&name, key->window);
    bm_write_bytes(&name, key->key.ptr, key->key.len);
    bool is_new;
    void **slot = bm_map_slot(&t->cells, bm_span_copy(&t->arena, bm_written(&name)),
                              &is_new);
    if (is_new) *slot = BM_NEW(&t->arena, cell);
    bm_writer_free(&name);
    return *slot;
}

static int side_of(const beam_dofn_tester *t, const char *id)
{
    for (size_t i = 0; i < t->fn->sides.n; i++)
        if (!strcmp(t->fn->sides.at[i].tag, id)) return (int)i;
    return -1;
}

/* All elements; of a multimap the values of a key, or the keys once each. */
static beam_status get_side(beam_dofn_tester *t, const bm_state_key *key, bm_writer *data)
{
    int side = side_of(t, key->id);
    const bm_coder *coder = t->sides[side].coder;
    bm_arena arena;
    bm_arena_init(&arena, 0);
    bm_map seen;
    bm_map_init(&seen, &arena);
    beam_status status = BEAM_OK;
    for (size_t i = 0; i < t->sides[side].n && !status; i++) {
        beam_value v = t->sides[side].at[i];
        if (key->kind == BM_STATE_ITERABLE_SIDE_INPUT) {
            status = bm_encode(coder, true, v, data);
            continue;
        }
        bm_writer bytes = { 0 };
        status = bm_encode(coder->arg[0], true, beam_key(v), &bytes);
        beam_span found = bm_span_copy(&arena, bm_written(&bytes));
        bm_writer_free(&bytes);
        bool is_new = true;
        if (status) break;
        if (key->kind == BM_STATE_MULTIMAP_SIDE_INPUT) {
            if (beam_span_equal(found, key->key))
                status = bm_encode(coder->arg[1], true, beam_val(v), data);
            continue;
        }
        bm_map_slot(&seen, found, &is_new);
        if (is_new) bm_write_bytes(data, found.ptr, found.len);
    }
    bm_arena_free(&arena);
    return status;
}

static beam_status unknown_state(const bm_state_key *key, beam_error *err)
{
    return bm_error(err, BEAM_EUNSUPPORTED,
                    "the tester does not keep state of kind %d ('%s')", (int)key->kind,
                    key->id ? key->id : "");
}

static beam_status io_get(void *self, const bm_state_key *key, beam_span token,
                          bm_writer *data, bm_writer *next, beam_error *err)
{
    beam_dofn_tester *t = self;
    (void)token, (void)next;
    switch (key->kind) {
    case BM_STATE_BAG_USER_STATE: {
        const cell *c = cell_of(t, key);
        bm_write_bytes(data, c->data.data, c->data.len);
        return BEAM_OK;
    }
    case BM_STATE_ITERABLE_SIDE_INPUT:
    case BM_STATE_MULTIMAP_SIDE_INPUT:
    case BM_STATE_MULTIMAP_KEYS_SIDE_INPUT: return get_side(t, key, data);
    default: return unknown_state(key, err);
    }
}

static bm_writer *to_change(beam_dofn_tester *t, const bm_state_key *key)
{
    cell *c = cell_of(t, key);
    if (!c->changed) {
        bm_write_bytes(&c->before, c->data.data, c->data.len);
        c->changed = true;
        c->next_changed = t->changed;
        t->changed = c;
    }
    return &c->data;
}

/* The bundle is over: its changes stay, or are undone. */
static void end_changes(beam_dofn_tester *t, bool stay)
{
    for (cell *c = t->changed; c; c = c->next_changed) {
        if (!stay) {
            c->data.len = 0;
            bm_write_bytes(&c->data, c->before.data, c->before.len);
        }
        c->before.len = 0;
        c->changed = false;
    }
    t->changed = NULL;
}

static beam_status io_append(void *self, const bm_state_key *key, beam_span data,
                             beam_error *err)
{
    if (key->kind != BM_STATE_BAG_USER_STATE) return unknown_state(key, err);
    bm_write_bytes(to_change(self, key), data.ptr, data.len);
    return BEAM_OK;
}

static beam_status io_clear(void *self, const bm_state_key *key, beam_error *err)
{
    if (key->kind != BM_STATE_BAG_USER_STATE) return unknown_state(key, err);
    to_change(self, key)->len = 0;
    return BEAM_OK;
}

static beam_millis io_now(void *self)
{
    return ((const beam_dofn_tester *)self)->now;
}

/* -- after a bundle --------------------------------------------------------------------- */
static void add_tested(beam_dofn_tester *t, output *o, const bm_element *e)
{
    if (o->n == o->cap) {
        size_t cap = o->cap ? 2 * o->cap : 16;
        beam_tested *grown = BM_NEW_ARRAY(&t->arena, beam_tested, cap);
        if (o->n) memcpy(grown, o->at, o->n * sizeof *grown);
        o->at = grown;
        o->cap = cap;
    }
    bm_element around = *e; /* its windows and pane point to what is the decoder's */
    around.value = beam_null();
    bm_element_copy(&t->arena, &around, &around); /* of no value: does not fail */
    o->at[o->n++] = (beam_tested){ e->value, e->timestamp, around.windows->at[0],
                                   *around.pane };
}

static beam_status take_output(beam_dofn_tester *t, output *o)
{
    bm_element_decoder decoder;
    bm_element_decoder_init(&decoder, o->windowed);
    bm_reader in = bm_reader_of(bm_span_copy(&t->arena, bm_written(&o->bytes)));
    const bm_decoding decoding = { .arena = &t->arena };
    beam_status status = BEAM_OK;
    while (bm_left(&in) && !status) {
        bm_element element;
        status = bm_element_decode(&decoder, &in, &decoding, &element);
        if (!status) add_tested(t, o, &element);
    }
    bm_element_decoder_free(&decoder);
    o->bytes.len = 0;
    if (!status) return BEAM_OK;
    return bm_error(&t->error, status, "what the DoFn gave cannot be decoded");
}

static void forget_timer(beam_dofn_tester *t, int port, beam_span id)
{
    for (set_timer **at = &t->timers; *at; at = &(*at)->next)
        if ((*at)->port == port && beam_span_equal((*at)->id, id)) {
            *at = (*at)->next;
            return;
        }
}

static const beam_timer_spec *spec_of(const beam_dofn_tester *t, int port)
{
    size_t n;
    const char *family = bm_plan_timers(t->plan, &n)[port].family;
    for (size_t i = 0; i < t->fn->timers.n; i++)
        if (!strcmp(t->fn->timers.at[i].family, family)) return &t->fn->timers.at[i];
    return NULL;
}

static beam_time_domain domain_of(const set_timer *set)
{
    return set->spec ? set->spec->domain : BEAM_EVENT_TIME;
}

static beam_status take_timer(beam_dofn_tester *t, int port, bm_reader *in)
{
    const char *begin = (const char *)in->at;
    bm_timer timer;
    beam_status status = bm_timer_decode(t->timer, in, &t->arena, &timer);
    if (status) return bm_error(&t->error, status, "a timer cannot be decoded");
    beam_span bytes = { begin, (size_t)((const char *)in->at - begin) };
    bool clear = timer.clear;
    timer.clear = true;
    bm_writer id = { 0 };
    bm_timer_encode(t->timer, &timer, &id);
    forget_timer(t, port, bm_written(&id));
    if (!clear) {
        set_timer *set = BM_NEW(&t->arena, set_timer);
        *set =
            (set_timer){ t->timers, port,       bm_span_copy(&t->arena, bm_written(&id)),
                         bytes,     timer.fire, spec_of(t, port) };
        t->timers = set;
    }
    bm_writer_free(&id);
    return BEAM_OK;
}

static beam_status take_timers(beam_dofn_tester *t, int port)
{
    bm_reader in = bm_reader_of(
        bm_span_copy(&t->arena, bm_written(&t->timer_bytes[port])));
    t->timer_bytes[port].len = 0;
    while (bm_left(&in)) BEAM_TRY(take_timer(t, port, &in));
    return BEAM_OK;
}

static void take_counters(beam_dofn_tester *t)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    bm_monitoring_info *infos;
    size_t n = bm_plan_metrics(t->plan, &arena, &infos);
    for (size_t i = 0; i < n; i++) {
        const bm_monitoring_info *info = &infos[i];
        if (strcmp(info->urn, BEAM_URN_METRIC_USER_SUM_INT64) != 0) continue;
        const char *name = "";
        for (size_t k = 0; k < info->n_labels; k++)
            if (!strcmp(info->labels[k].key, "NAME")) name = info->labels[k].value;
        bm_reader payload = bm_reader_of(info->payload);
        uint64_t value = 0;
        bm_read_varint(&payload, &value);
        bool is_new;
        void **slot = bm_map_slot(&t->counters,
                                  bm_span_copy(&t->arena, beam_span_of(name)), &is_new);
        if (is_new) *slot = BM_NEW(&t->arena, int64_t);
        *(int64_t *)*slot += (int64_t)value;
    }
    bm_arena_free(&arena);
}

static void run_finalizers(beam_dofn_tester *t)
{
    bm_bundle_result result;
    bm_plan_take_result(t->plan, &result);
    for (size_t i = 0; i < result.n_finalizers; i++) {
        result.finalizers[i].run(result.finalizers[i].self, &t->error);
        result.finalizers[i].release(result.finalizers[i].self);
    }
}

static beam_status take_results(beam_dofn_tester *t)
{
    for (size_t i = 0; i < t->n_outputs; i++)
        if (t->outputs[i].windowed) BEAM_TRY(take_output(t, &t->outputs[i]));
    for (size_t i = 0; i < t->n_timer_ports; i++) BEAM_TRY(take_timers(t, (int)i));
    take_counters(t);
    run_finalizers(t);
    return BEAM_OK;
}

static beam_status drop_results(beam_dofn_tester *t)
{
    for (size_t i = 0; i < t->n_outputs; i++) t->outputs[i].bytes.len = 0;
    for (size_t i = 0; i < t->n_timer_ports; i++) t->timer_bytes[i].len = 0;
    bm_plan_free(t->plan);
    t->plan = NULL;
    return t->error.status;
}

static beam_status run_bundle(beam_dofn_tester *t)
{
    if (!make_plan(t)) return t->error.status;
    t->error = (beam_error){ BEAM_OK, "" };
    const bm_bundle_io io = { .self = t,
                              .read = io_read,
                              .write = io_write,
                              .write_timers = io_write_timers,
                              .state_get = io_get,
                              .state_append = io_append,
                              .state_clear = io_clear,
                              .now = io_now,
                              .callers = &bm_callers_all,
                              .services = t->services };
    beam_status status = bm_plan_run(t->plan, "test", &io, &t->error);
    end_changes(t, status == BEAM_OK);
    return status ? drop_results(t) : take_results(t);
}

/* -- for tests -------------------------------------------------------------------------- */
void beam_tester_add_pane(beam_dofn_tester *t, beam_value v, beam_millis timestamp,
                          beam_pane pane)
{
    if (t->built) return;
    bm_writer bytes = { 0 };
    const bm_element element = { v, timestamp, &bm_global_windows, &pane };
    beam_status status = bm_element_encode(t->in_windowed, &element, &bytes);
    if (status) {
        t->built = bm_error(&t->error, status, "DoFn '%s' reads %s, and the element %s is none",
                            t->fn->name, bm_type_text(&t->texts, t->fn->in),
                            bm_value_text(&t->texts, v, 100));
    } else {
        input *in = BM_NEW(&t->arena, input);
        in->bytes = bm_span_copy(&t->arena, bm_written(&bytes));
        if (t->last)
            t->last->next = in;
        else
            t->first = in;
        t->last = in;
    }
    bm_writer_free(&bytes);
}

void beam_tester_add(beam_dofn_tester *t, beam_value v, beam_millis timestamp)
{
    beam_tester_add_pane(t, v, timestamp, bm_no_firing);
}

beam_status beam_tester_run(beam_dofn_tester *t)
{
    t->reading = t->first;
    t->first = t->last = NULL;
    return run_bundle(t);
}

const char *beam_tester_error(const beam_dofn_tester *t)
{
    return t->error.status ? t->error.message : "";
}

/* The timer that is due first, taken out; NULL: none is. */
static const set_timer *take_due(beam_dofn_tester *t, beam_time_domain domain,
                                 beam_millis to)
{
    set_timer **first = NULL;
    for (set_timer **at = &t->timers; *at; at = &(*at)->next)
        if (domain_of(*at) == domain && (*at)->fire <= to &&
            (!first || (*at)->fire <= (*first)->fire)) /* the one set before is behind */
            first = at;
    if (!first) return NULL;
    set_timer *due = *first;
    *first = due->next;
    return due;
}

/* The clock stands at each timer's time while it fires. */
static beam_status fire_until(beam_dofn_tester *t, beam_time_domain domain,
                              beam_millis *clock, beam_millis to)
{
    for (const set_timer *due; (due = take_due(t, domain, to));) {
        if (due->fire > *clock) *clock = due->fire;
        t->firing = due;
        BEAM_TRY(run_bundle(t));
    }
    if (to > *clock) *clock = to;
    return BEAM_OK;
}

beam_status beam_tester_watermark(beam_dofn_tester *t, beam_millis to)
{
    return fire_until(t, BEAM_EVENT_TIME, &t->watermark, to);
}

beam_status beam_tester_processing_time(beam_dofn_tester *t, beam_millis by)
{
    return fire_until(t, BEAM_PROCESSING_TIME, &t->now, t->now + by);
}

size_t beam_tester_timers(const beam_dofn_tester *t)
{
    size_t n = 0;
    for (const set_timer *set = t->timers; set; set = set->next)
        if (set->spec) n++;
    return n;
}

static const output *output_of(const beam_dofn_tester *t, int i)
{
    return i >= -1 && (size_t)(i + 1) < t->n_outputs ? &t->outputs[i + 1] : NULL;
}

size_t beam_tester_count(const beam_dofn_tester *t, int output_number)
{
    const output *o = output_of(t, output_number);
    return o ? o->n : 0;
}

beam_tested beam_tester_at(const beam_dofn_tester *t, int output_number, size_t i)
{
    static const beam_tested nothing;
    const output *o = output_of(t, output_number);
    return o && i < o->n ? o->at[i] : nothing;
}

const char *beam_tester_lines(beam_dofn_tester *t, int output_number)
{
    const output *o = output_of(t, output_number);
    const char *lines = "";
    for (size_t i = 0; o && i < o->n; i++) {
        beam_span text = bm_text(&t->texts, o->value, o->at[i].value, false);
        lines = bm_format(&t->texts, "%s" BEAM_SPAN_FMT " @%lld\n", lines,
                          BEAM_SPAN_ARG(text), (long long)o->at[i].timestamp);
    }
    return lines;
}

void beam_tester_clear(beam_dofn_tester *t)
{
    for (size_t i = 0; i < t->n_outputs; i++) t->outputs[i].n = 0;
}

int64_t beam_tester_counter(const beam_dofn_tester *t, const char *name)
{
    const int64_t *sum = bm_map_get(&t->counters, beam_span_of(name));
    return sum ? *sum : 0;
}
