/* SPDX-License-Identifier: Apache-2.0 */
/* The beam_ctx functions of beam/dofn.h and fns/ctx.h. Bundle thread. */
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "exec/ctx_impl.h"

/* -- memory and settings ---------------------------------------------------------------- */
void *beam_self(beam_ctx *c)
{
    return c->self;
}

beam_span beam_config(beam_ctx *c)
{
    return c->config;
}

void *beam_alloc(beam_ctx *c, size_t n)
{
    return bm_alloc(c->arena, n);
}

beam_span beam_format(beam_ctx *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = bm_vformat(c->arena, format, args);
    va_end(args);
    return beam_span_of(text);
}

char *beam_cstr(beam_ctx *c, beam_span s)
{
    return bm_cstr(c->arena, s);
}

bm_arena *bm_ctx_arena(beam_ctx *c)
{
    return c->arena;
}

const beam_combine *bm_ctx_combine(beam_ctx *c, beam_span name)
{
    return bm_registry_combine(c->node->plan->registry, name);
}

beam_span bm_ctx_set_config(beam_ctx *c, beam_span config)
{
    beam_span before = c->config;
    c->config = config;
    return before;
}

const bm_coder *bm_ctx_input_coder(beam_ctx *c)
{
    return c->input_coder;
}

const bm_coder *bm_ctx_output_coder(beam_ctx *c, int output)
{
    size_t i = (size_t)output + 1;
    if (output < -1 || i >= c->n_outputs || !c->outputs[i].pcoll) return NULL;
    return c->outputs[i].pcoll->coder;
}

/* -- failing ------------------------------------------------------------------------------ */
static beam_status fail_in(beam_ctx *c, beam_status status, const char *reason)
{
    if (BM_UNLIKELY(c->aside != NULL)) {
        if (c->aside->status == BEAM_OK) bm_error(c->aside, status, "%s", reason);
        return status;
    }
    if (c->callback) {
        char doing[64];
        snprintf(doing, sizeof doing, "failed in %s", c->callback);
        return bm_fail(c->node, status, doing, "%s", reason);
    }
    if (c->element) return bm_fail_on(c->node, status, c->element, "%s", reason);
    return bm_fail(c->node, status, "failed", "%s", reason);
}

beam_status beam_fail(beam_ctx *c, beam_status status, const char *format, ...)
{
    char reason[512];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    if (status == BEAM_OK) status = BEAM_EUSER;
    fail_in(c, status, reason);
    return status;
}

void bm_tell_misread(void *self, const bm_misread *what)
{
    bm_plan *plan = self;
    const bm_node *node = atomic_load_explicit(&plan->current, memory_order_relaxed);
    if (!node || !node->ctx || bm_failed(plan)) return;
    beam_ctx *c = node->ctx;
    bm_arena texts;
    bm_arena_init(&texts, 0);
    const char *text = bm_misread_text(&texts, what, c->input_coder,
                                       c->element ? &c->element->value : NULL);
    if (text) beam_fail(c, BEAM_ETYPE, "%s", text);
    bm_arena_free(&texts);
}

beam_status bm_callback_ended(beam_ctx *c, beam_status status)
{
    bm_plan *plan = c->node->plan;
    if (bm_failed(plan)) return plan->error.status;
    if (BM_UNLIKELY(plan->read_failed != BEAM_OK))
        return bm_fail(c->node, plan->read_failed, "failed reading an iterable of its input",
                       "its items are not what their coder says (%s)",
                       beam_status_text(plan->read_failed));
    if (BM_LIKELY(status == BEAM_OK)) return BEAM_OK;
    char reason[96];
    snprintf(reason, sizeof reason, "%s (status %d, returned without a reason)",
             beam_status_text(status), (int)status);
    return fail_in(c, status, reason);
}

/* -- emitting ------------------------------------------------------------------------------- */
void bm_output_init(bm_output *output, const char *tag, bm_pcoll *pcoll)
{
    *output = (bm_output){ .tag = tag, .pcoll = pcoll, .kind = BEAM_KIND_ANY };
    if (pcoll && pcoll->coder)
        output->kind = bm_coder_value_kind(pcoll->coder, &output->nullable);
}

static bool fits(const bm_output *output, beam_kind kind)
{
    return kind == output->kind || output->kind == BEAM_KIND_ANY
           || (output->nullable && kind == BEAM_KIND_NONE);
}

static inline __attribute__((always_inline)) beam_status
emit(beam_ctx *c, size_t output, const bm_element *element)
{
    const bm_plan *plan = c->node->plan;
    if (bm_failed(plan)) return plan->error.status;
    const bm_output *o = &c->outputs[output];
    if (BM_UNLIKELY(!fits(o, element->value.kind)))
        return bm_fail_type(c->node, o->pcoll, o->tag, o->pcoll->coder, element->value);
    if (BM_UNLIKELY(c->latest != NULL) && element->timestamp > bm_count_get(c->latest))
        bm_count_set(c->latest, element->timestamp);
    if (BM_LIKELY(o->pcoll != NULL)) return bm_send(o->pcoll, element);
    if (!o->undeclared) return BEAM_OK;
    return fail_in(c, BEAM_ESTATE, "it has no main output: set .out in the DoFn");
}

beam_status bm_emit(beam_ctx *c, size_t output, const bm_element *element)
{
    return emit(c, output, element);
}

/* Why the callback cannot emit to the output, or NULL. */
static const char *emit_problem(const beam_ctx *c, int output)
{
    if (!c->may_emit)
        return c->callback ? "beam_emit() is not allowed in this callback"
               : c->sdf    ? "of a splittable DoFn's callbacks only process() emits elements"
                           : "a CombineFn cannot emit elements";
    if (output < -1 || (size_t)(output + 1) >= c->n_outputs)
        return "there is no such extra output: the index is that in .outputs of the DoFn";
    return NULL;
}

/* Does the slow part of refusing to emit. */
static beam_status cannot_emit(beam_ctx *c, int output)
{
    const char *problem = emit_problem(c, output);
    if (!problem)
        problem = "there is no input element here whose timestamp and window could be "
                  "taken: use beam_emit_windowed()";
    return fail_in(c, BEAM_ESTATE, problem);
}

static inline __attribute__((always_inline)) beam_status
emit_like_input(beam_ctx *c, int output, const beam_value *v)
{
    if (BM_UNLIKELY(!c->element || !c->may_emit || (size_t)(output + 1) >= c->n_outputs))
        return cannot_emit(c, output);
    const bm_element *in = c->element;
    const bm_element element = { bm_value_of(v), in->timestamp, in->windows, in->pane };
    return emit(c, (size_t)(output + 1), &element);
}

/* The sink that takes what is emitted now by the short way, or NULL. There is none unless
 * callbacks that have an element may emit. */
static inline __attribute__((always_inline)) bm_sink *open_sink(const beam_ctx *c)
{
    return c->sink && c->element && bm_sink_is_open(c->sink) ? c->sink : NULL;
}

/* Is it the input, which goes on to a sink by a copy of its bytes? */
static inline __attribute__((always_inline)) bool
pass(bm_sink *sink, const bm_element *in, const beam_value *v, bool is_short)
{
    return v->kind == BEAM_KIND_KV && in->value.kind == BEAM_KIND_KV
           && in->value.as.kv == v->as.kv && bm_sink_pass(sink, in, is_short);
}

static inline __attribute__((always_inline)) bool emit_to_sink(beam_ctx *c,
                                                               const beam_value *v,
                                                               bool is_short)
{
    bm_sink *sink = open_sink(c);
    if (!sink) return false;
    return (int)v->kind == sink->plain.one ? bm_sink_put(sink, c->element, v, NULL, is_short)
                                           : pass(sink, c->element, v, is_short);
}

static inline __attribute__((always_inline)) bool
emit_pair_to_sink(beam_ctx *c, const beam_value *key, const beam_value *value, bool is_short)
{
    bm_sink *sink = open_sink(c);
    return sink && bm_sink_put(sink, c->element, key, value, is_short);
}

/* These are apart from what is short, which without calls needs to save no registers; and the
 * way to a next step, on which their frames add up, from that to a sink. */
static __attribute__((noinline)) beam_status emit_main(beam_ctx *c, const beam_value *v)
{
    return emit_like_input(c, -1, v);
}

static __attribute__((noinline)) beam_status emit_one(beam_ctx *c, const beam_value *v)
{
    return emit_to_sink(c, v, false) ? BEAM_OK : emit_main(c, v);
}

beam_status beam_emit_ref(beam_ctx *c, const beam_value *v)
{
    if (!c->sink) return emit_main(c, v);
    return emit_to_sink(c, v, true) ? BEAM_OK : emit_one(c, v);
}

static __attribute__((noinline)) beam_status emit_pair(beam_ctx *c, const beam_value *key,
                                                       const beam_value *value)
{
    if (emit_pair_to_sink(c, key, value, false)) return BEAM_OK;
    const beam_value pair[2] = { bm_value_of(key), bm_value_of(value) }, kv = beam_kv(pair);
    return emit_like_input(c, -1, &kv);
}

beam_status beam_emit_kv_ref(beam_ctx *c, const beam_value *key, const beam_value *value)
{
    return emit_pair_to_sink(c, key, value, true) ? BEAM_OK : emit_pair(c, key, value);
}

beam_status beam_emit_to(beam_ctx *c, int output, beam_value v)
{
    return emit_like_input(c, output, &v);
}

static beam_status bad_timestamp(beam_ctx *c, beam_millis timestamp)
{
    char reason[160];
    snprintf(reason, sizeof reason, "timestamp %lld is outside of what Beam can hold "
             "(%lld to %lld ms)", (long long)timestamp, (long long)BEAM_MIN_TIMESTAMP,
             (long long)BEAM_MAX_TIMESTAMP);
    return fail_in(c, BEAM_EINVAL, reason);
}

static bool is_timestamp(beam_millis t)
{
    return t >= BEAM_MIN_TIMESTAMP && t <= BEAM_MAX_TIMESTAMP;
}

beam_status beam_emit_at(beam_ctx *c, beam_value v, beam_millis timestamp)
{
    if (!c->element || !c->may_emit) return cannot_emit(c, -1);
    if (!is_timestamp(timestamp)) return bad_timestamp(c, timestamp);
    if (timestamp < c->element->timestamp) {
        char reason[160];
        snprintf(reason, sizeof reason, "timestamp %lld is before that of the input, %lld: "
                 "later steps may have moved on already", (long long)timestamp,
                 (long long)c->element->timestamp);
        return fail_in(c, BEAM_EINVAL, reason);
    }
    bm_element element = *c->element;
    element.value = v;
    element.timestamp = timestamp;
    return bm_emit(c, 0, &element);
}

/* A window that cannot be would be told by a later step, or by the runner. */
static const char *window_problem(const bm_pcoll *output, const beam_window *w)
{
    if (w->end <= w->start) return "ends before it begins";
    bool is_global = output && output->window_coder
                     && output->window_coder->kind == BM_CODER_GLOBAL_WINDOW;
    if (!is_global || bm_window_is_global(w)) return NULL;
    return "is none of the output, whose elements are in the global window";
}

static beam_status bad_window(beam_ctx *c, const beam_window *w, const char *problem)
{
    char reason[160];
    snprintf(reason, sizeof reason, "window [%lld, %lld) %s", (long long)w->start,
             (long long)w->end, problem);
    return fail_in(c, BEAM_EINVAL, reason);
}

beam_status beam_emit_windowed(beam_ctx *c, int output, beam_value v, beam_millis timestamp,
                               const beam_window *window)
{
    if (emit_problem(c, output)) return cannot_emit(c, output);
    if (!is_timestamp(timestamp)) return bad_timestamp(c, timestamp);
    if (!window && !c->element)
        return fail_in(c, BEAM_EINVAL, "beam_emit_windowed() needs a window here, where "
                       "there is no input element");
    const char *problem =
        window ? window_problem(c->outputs[output + 1].pcoll, window) : NULL;
    if (problem) return bad_window(c, window, problem);
    bm_one_window one;
    bm_element element = {
        .value = v,
        .timestamp = timestamp,
        .windows = window ? bm_one_window_set(&one, window) : c->element->windows,
        .pane = c->element ? c->element->pane : &bm_no_firing,
    };
    return bm_emit(c, (size_t)(output + 1), &element);
}

/* -- the element ------------------------------------------------------------------------------ */
beam_millis beam_timestamp(beam_ctx *c)
{
    if (c->element) return c->element->timestamp;
    fail_in(c, BEAM_ESTATE, "beam_timestamp() needs an element, and there is none here");
    return BEAM_MIN_TIMESTAMP;
}

beam_window beam_element_window(beam_ctx *c)
{
    static const beam_window global = { BEAM_MIN_TIMESTAMP,
                                        BEAM_GLOBAL_WINDOW_MAX_TIMESTAMP + 1, { NULL, 0 } };
    if (c->element && c->observes_window) return c->element->windows->at[0];
    fail_in(c, BEAM_ESTATE, c->element
            ? "beam_element_window() needs .flags = BEAM_OBSERVES_WINDOW in the DoFn"
            : "beam_element_window() needs an element, and there is none here");
    return global;
}

beam_pane beam_element_pane(beam_ctx *c)
{
    if (c->element) return *c->element->pane;
    fail_in(c, BEAM_ESTATE, "beam_element_pane() needs an element, and there is none here");
    return bm_no_firing;
}

beam_metadata beam_element_metadata(beam_ctx *c)
{
    if (c->element) return bm_metadata_decode(c->element->pane->metadata);
    fail_in(c, BEAM_ESTATE,
            "beam_element_metadata() needs an element, and there is none here");
    return bm_metadata_decode((beam_span){ NULL, 0 });
}

int64_t beam_estimate_end(beam_ctx *c)
{
    if (c->sdf && c->sdf->estimate_end && c->sdf_element)
        return c->sdf->estimate_end(c, *c->sdf_element);
    beam_fail(c, BEAM_ESTATE, "beam_estimate_end() is for trackers of splittable DoFns that "
              "have .estimate_end");
    return 0;
}

/* -- logs -------------------------------------------------------------------------------------- */
enum { MOST_FIELDS = 32 };

static bool is_field(const beam_log_field *f)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-";
    beam_kind kind = f->value.kind;
    return f->name && *f->name && !f->name[strspn(f->name, letters)] &&
           (kind == BEAM_KIND_STRING || kind == BEAM_KIND_INT64 ||
            kind == BEAM_KIND_DOUBLE || kind == BEAM_KIND_BOOL);
}

static void log_text(beam_ctx *c, bm_log_entry *entry, const char *format, va_list args)
{
    const bm_plan *plan = c->node->plan;
    char text[512];
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(text, sizeof text, format, args);
    bm_arena longer;
    bm_arena_init(&longer, 0);
    bool is_long = n >= (int)sizeof text;
    entry->message = is_long ? bm_vformat(&longer, format, again) : text;
    entry->instruction_id = plan->instruction_id;
    entry->transform_id = c->node->id;
    plan->log->write(plan->log->self, entry);
    bm_arena_free(&longer);
    va_end(again);
}

void beam_log(beam_ctx *c, beam_severity severity, const char *format, ...)
{
    if (severity < c->node->plan->log->minimum) return;
    bm_log_entry entry = { .severity = severity };
    va_list args;
    va_start(args, format);
    log_text(c, &entry, format, args);
    va_end(args);
}

void beam_log_with(beam_ctx *c, beam_severity severity, const beam_log_field *fields,
                   size_t n_fields, const char *format, ...)
{
    if (severity < c->node->plan->log->minimum) return;
    beam_log_field good[MOST_FIELDS];
    bm_log_entry entry = { .severity = severity, .fields = good };
    for (size_t i = 0; i < n_fields && entry.n_fields < MOST_FIELDS; i++)
        if (is_field(&fields[i])) good[entry.n_fields++] = fields[i];
    va_list args;
    va_start(args, format);
    log_text(c, &entry, format, args);
    va_end(args);
}

/* -- combiners ------------------------------------------------------------------------------------- */
void *beam_acc_alloc(beam_ctx *c, size_t n)
{
    if (!c->accumulators) {
        fail_in(c, BEAM_ESTATE, "beam_acc_alloc() is for CombineFns");
        return bm_calloc(c->arena, n);
    }
    c->accumulator_bytes += n + 16;
    return bm_alloc(c->accumulators, n);
}

/* About what a copy takes, to bound what is cached. */
static size_t copied_bytes(beam_value v)
{
    size_t bytes = 64;
    if (v.kind == BEAM_KIND_BYTES || v.kind == BEAM_KIND_STRING) return bytes + v.as.span.len;
    if (v.kind == BEAM_KIND_KV)
        return bytes + copied_bytes(v.as.kv[0]) + copied_bytes(v.as.kv[1]);
    for (size_t i = 0; i < beam_list_size(v); i++) bytes += copied_bytes(beam_list_at(v, i));
    return bytes;
}

/* The size of a struct is known to its coder only: that of what is added, or of a part of it,
 * or of an accumulator. */
static beam_status copy_with_structs(beam_ctx *c, bm_arena *arena, beam_value v,
                                     beam_value *copy)
{
    const bm_coder *coder = bm_coder_of_part(c->value_coder, v);
    if (!coder) coder = bm_coder_of_part(c->acc_coder, v);
    return coder ? bm_value_copy_as(coder, arena, v, copy) : BEAM_EUNSUPPORTED;
}

beam_value beam_acc_copy(beam_ctx *c, beam_value v)
{
    beam_value copy = beam_null();
    bm_arena *arena = c->accumulators ? c->accumulators : c->arena;
    if (!c->accumulators) fail_in(c, BEAM_ESTATE, "beam_acc_copy() is for CombineFns");
    beam_status status = bm_value_copy(arena, v, &copy);
    if (status == BEAM_EUNSUPPORTED) status = copy_with_structs(c, arena, v, &copy);
    if (status != BEAM_OK) fail_in(c, status, "a value could not be copied");
    c->accumulator_bytes += copied_bytes(copy);
    return copy;
}
