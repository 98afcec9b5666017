/* SPDX-License-Identifier: Apache-2.0 */
/* TestStream: what happens, in order, as events of one step. One thread, as its pipeline. */
#include "beam/testing.h"
#include "fns/builtin.h"
#include "fns/create.h"
#include "graph/build.h"

struct beam_test_stream {
    beam_pipeline *pipeline;
    bm_step *composite; /* NULL: the pipeline has failed */
    const beam_type *type;
    const bm_coder *coder;
    bool as_bytes; /* the stream is one of BYTES, and a step behind it decodes them */
    bm_test_event *first, *last;
    beam_millis watermark;
    bool has_ended;
};

/* Runners give such elements out as they get them. Others they would have to wrap, and each
 * does that in its own way. */
static bool is_plain(const beam_type *type)
{
    switch (type->kind) {
    case BEAM_KIND_BYTES:
    case BEAM_KIND_STRING:
    case BEAM_KIND_BOOL:
    case BEAM_KIND_INT64:
    case BEAM_KIND_DOUBLE: return true;
    case BEAM_KIND_KV: return is_plain(type->arg[0]) && is_plain(type->arg[1]);
    default: return false;
    }
}

beam_test_stream *beam_test_stream_begin(beam_pipeline *p, const char *name,
                                         const beam_type *type)
{
    static const beam_test_stream orphan; /* never written to */
    bm_step *composite = bm_step_new(p, BM_STEP_COMPOSITE, name);
    if (!p) return (beam_test_stream *)(uintptr_t)&orphan;
    beam_test_stream *ts = BM_NEW(&p->arena, beam_test_stream);
    ts->pipeline = p;
    ts->watermark = BEAM_MIN_TIMESTAMP;
    if (!composite || !bm_step_takes_type(composite, type, "the type of its elements"))
        return ts;
    ts->composite = composite;
    ts->type = bm_type_copy(&p->arena, type);
    ts->coder = bm_coder_of_type(&p->arena, ts->type);
    ts->as_bytes = !is_plain(ts->type);
    if (ts->as_bytes) ts->coder = bm_coder_settled(&p->arena, ts->coder);
    return ts;
}

static bool is_open(beam_test_stream *ts)
{
    if (!ts || !ts->composite || ts->pipeline->error.status != BEAM_OK) return false;
    if (ts->has_ended)
        bm_step_fail(ts->composite, BEAM_ESTATE,
                     "the stream has ended: nothing can be added to it, and it ends once");
    return !ts->has_ended;
}

/* A further event; NULL when the pipeline has failed. */
static bm_test_event *new_event(beam_test_stream *ts)
{
    if (!is_open(ts)) return NULL;
    bm_test_event *event = BM_NEW(&ts->pipeline->arena, bm_test_event);
    if (ts->last)
        ts->last->next = event;
    else
        ts->first = event;
    ts->last = event;
    return event;
}

static bool encode(beam_test_stream *ts, beam_value v, beam_span *out)
{
    bm_arena *arena = &ts->pipeline->arena;
    bm_writer w = { 0 };
    beam_status status = bm_encode(ts->coder, ts->as_bytes, v, &w);
    *out = bm_span_copy(arena, bm_written(&w));
    bm_writer_free(&w);
    if (status != BEAM_OK)
        bm_step_fail(ts->composite, status, "the element %s cannot be encoded as %s: %s",
                     bm_value_text(arena, v, 100), bm_type_text(arena, ts->type),
                     beam_status_text(status));
    return status == BEAM_OK;
}

static bool is_timestamp(const beam_test_stream *ts, beam_millis t)
{
    if (t >= BEAM_MIN_TIMESTAMP && t <= BEAM_MAX_TIMESTAMP) return true;
    bm_step_fail(ts->composite, BEAM_EINVAL, "%lld is not a timestamp that Beam can hold",
                 (long long)t);
    return false;
}

void beam_test_stream_add_all(beam_test_stream *ts, const beam_timestamped *elements,
                              size_t n)
{
    bm_test_event *event = new_event(ts);
    if (!event) return;
    struct bm_test_element *copies = BM_NEW_ARRAY(&ts->pipeline->arena,
                                                  struct bm_test_element, n);
    for (size_t i = 0; i < n; i++) {
        copies[i].timestamp = elements[i].timestamp;
        if (!is_timestamp(ts, elements[i].timestamp) ||
            !encode(ts, elements[i].value, &copies[i].bytes))
            return;
    }
    event->kind = BM_TEST_ELEMENTS;
    event->elements = copies;
    event->n = n;
}

void beam_test_stream_add(beam_test_stream *ts, beam_value v, beam_millis timestamp)
{
    const beam_timestamped element = { v, timestamp };
    beam_test_stream_add_all(ts, &element, 1);
}

void beam_test_stream_watermark(beam_test_stream *ts, beam_millis to)
{
    bm_test_event *event = new_event(ts);
    if (!event || !is_timestamp(ts, to)) return;
    if (to < ts->watermark)
        bm_step_fail(ts->composite, BEAM_EINVAL,
                     "the watermark cannot go back from %lld to %lld",
                     (long long)ts->watermark, (long long)to);
    event->kind = BM_TEST_WATERMARK;
    event->time = ts->watermark = to;
}

void beam_test_stream_processing_time(beam_test_stream *ts, beam_millis by)
{
    bm_test_event *event = new_event(ts);
    if (!event) return;
    if (by < 0)
        bm_step_fail(ts->composite, BEAM_EINVAL, "the clock cannot go back by %lld ms",
                     (long long)-by);
    event->kind = BM_TEST_PROCESSING_TIME;
    event->time = by;
}

beam_pcoll *beam_test_stream_end(beam_test_stream *ts)
{
    beam_pipeline *p = ts ? ts->pipeline : NULL;
    if (!bm_pipeline_is_open(p, "beam_test_stream_end()") || !is_open(ts)) return bm_nil(p);
    if (ts->watermark < BEAM_MAX_TIMESTAMP)
        beam_test_stream_watermark(ts, BEAM_MAX_TIMESTAMP);
    ts->has_ended = true;
    bm_step_open(ts->composite);
    bm_step *step = bm_step_new(p, BM_STEP_TEST_STREAM, "Events");
    step->test_events = ts->first;
    beam_pcoll *out = bm_step_output(step, BM_MAIN_TAG,
                                     ts->as_bytes ? BEAM_BYTES : ts->type,
                                     &bm_default_windowing, false);
    if (ts->as_bytes)
        out = bm_built_in(out, "Decode", &bm_decode_fn, (beam_span){ NULL, 0 }, ts->type);
    return bm_step_close(ts->composite, out);
}
