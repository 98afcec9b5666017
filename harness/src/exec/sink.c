/* SPDX-License-Identifier: Apache-2.0 */
/* beam:runner:sink:v1: elements become bytes, handed over in buffers of about 512 KiB.
 *
 * Java runners (Beam 2.62) take 100 buffers of a bundle and read on only when the bundle has
 * ended: with a 101st both sides would wait for ever. So a bundle that gives much gives it in
 * buffers that grow. Bundle thread. */
#include "base/error.h"
#include "exec/sink.h"

enum { HAND_OVER_BYTES = 1 << 19, MOST_BYTES = 1 << 27, FEW = 48, STEP = 6 };

typedef struct sink {
    bm_sink front;
    int port;
    const bm_coder *coder; /* windowed */
    size_t hand_over_bytes;
    unsigned handed_over;  /* buffers of this bundle */
    size_t expected_bytes; /* in the next buffer, from the last one */
} sink;

/* With what an option says, the user has chosen. */
static void grow(sink *s)
{
    if (++s->handed_over < FEW || s->handed_over % STEP || s->front.node.plan->hand_over_bytes)
        return;
    if (s->hand_over_bytes < MOST_BYTES) s->hand_over_bytes *= 2;
}

/* After a change of the buffer, or of how much of it is handed over. */
static void set_short_end(sink *s)
{
    size_t end = s->front.out.cap < s->hand_over_bytes ? s->front.out.cap : s->hand_over_bytes;
    s->front.short_end = end > BM_SINK_ROOM ? end - BM_SINK_ROOM : 0;
}

static beam_status hand_over(sink *s, bool last)
{
    grow(s);
    bm_plan *plan = s->front.node.plan;
    if (s->front.out.len) s->expected_bytes = s->front.out.len + s->front.out.len / 8;
    beam_error err = { 0 };
    beam_status status = plan->io->write(plan->io->self, s->port, &s->front.out, last, &err);
    set_short_end(s);
    if (status != BEAM_OK)
        return bm_fail(&s->front.node, status, "could not write its output", "%s", err.message);
    return BEAM_OK;
}

/* Is it the element that the source is pushing, unchanged? Values that hold no pointer are
 * cheaper to encode than to compare. */
static inline bool is_passing(const sink *s, const bm_element *e)
{
    const struct bm_passing *passing = &s->front.node.plan->passing;
    if (!s->front.same_coder[passing->source + 1]) return false;
    const bm_element *from = passing->element;
    if (e == from) return true;
    if (e->value.as.ptr != from->value.as.ptr || e->value.kind != from->value.kind ||
        e->timestamp != from->timestamp || e->windows != from->windows ||
        e->pane != from->pane)
        return false;
    switch (e->value.kind) {
    case BEAM_KIND_KV: return e->value.as.kv == from->value.as.kv;
    case BEAM_KIND_BYTES:
    case BEAM_KIND_STRING:
        return e->value.as.span.ptr == from->value.as.span.ptr &&
               e->value.as.span.len == from->value.as.span.len;
    case BEAM_KIND_ROW:
        return e->value.as.list.at == from->value.as.list.at &&
               e->value.as.list.n == from->value.as.list.n;
    default: return false;
    }
}

static __attribute__((noinline)) beam_status
cannot_encode(sink *s, const bm_element *element, beam_status status)
{
    if (status == BEAM_ETYPE)
        return bm_fail_type(&s->front.node, s->front.in, NULL, s->coder->arg[0],
                            element->value);
    return bm_fail_on(&s->front.node, status, element, "it could not be encoded: %s",
                      beam_status_text(status));
}

static inline beam_status written(sink *s)
{
    set_short_end(s);
    return BM_LIKELY(s->front.out.len < s->hand_over_bytes) ? BEAM_OK : hand_over(s, false);
}

static __attribute__((noinline)) beam_status write_passing(sink *s)
{
    beam_span bytes = s->front.node.plan->passing.bytes;
    bm_write_bytes(&s->front.out, bytes.ptr, bytes.len);
    return written(s);
}

static beam_status sink_process(bm_node *node, const bm_element *element)
{
    sink *s = (sink *)node;
    if (BM_UNLIKELY(!s->front.out.cap)) bm_reserve(&s->front.out, s->expected_bytes);
    if (is_passing(s, element)) return write_passing(s);
    beam_status status = bm_element_encode(s->coder, element, &s->front.out);
    return BM_LIKELY(status == BEAM_OK) ? written(s) : cannot_encode(s, element, status);
}

/* A state-backed iterable's token means nothing to the reader of the output. */
static beam_status sink_setup(bm_node *node)
{
    sink *s = (sink *)node;
    bm_plan *plan = node->plan;
    s->front.same_coder = BM_NEW_ARRAY(&plan->arena, bool, plan->n_sources + 1);
    for (size_t i = 0; i < plan->n_sources; i++)
        s->front.same_coder[i + 1] = bm_coder_same(bm_source_coder(plan->source_nodes[i]),
                                                   s->coder) &&
                                     !bm_coder_has(s->coder, BM_CODER_STATE_BACKED_ITERABLE);
    return BEAM_OK;
}

static beam_status sink_start(bm_node *node)
{
    sink *s = (sink *)node;
    size_t limit = node->plan->hand_over_bytes;
    s->hand_over_bytes = limit ? limit : HAND_OVER_BYTES;
    s->handed_over = 0;
    if (s->expected_bytes > 2 * s->hand_over_bytes)
        s->expected_bytes = s->hand_over_bytes + s->hand_over_bytes / 8;
    s->front.out.len = 0;
    set_short_end(s);
    return BEAM_OK;
}

static beam_status sink_idle(bm_node *node)
{
    sink *s = (sink *)node;
    return s->front.out.len ? hand_over(s, false) : BEAM_OK;
}

static beam_status sink_finish(bm_node *node)
{
    return hand_over((sink *)node, true);
}

static void sink_free(bm_node *node)
{
    bm_writer_free(&((sink *)node)->front.out);
}

static const bm_node_ops sink_ops = {
    .process = sink_process,
    .setup = sink_setup,
    .start = sink_start,
    .finish = sink_finish,
    .idle = sink_idle,
    .free = sink_free,
};

bm_sink *bm_sink_behind(const bm_pcoll *pcoll)
{
    bool is_sink = pcoll && pcoll->n_consumers == 1 && pcoll->consumers[0]->ops == &sink_ops;
    return is_sink ? (bm_sink *)pcoll->consumers[0] : NULL;
}

beam_status bm_sink_new(bm_plan *plan, const bm_transform *t, bm_node **out,
                        beam_error *err)
{
    if (t->n_inputs != 1)
        return bm_error(err, BEAM_EINVAL, "Transform '%s' (%s) has %zu inputs, not one",
                        t->name, t->urn, t->n_inputs);
    sink *s = bm_node_make(plan, t, &sink_ops, sizeof *s);
    s->coder = t->coder;
    s->front.plain = bm_plain_coder_of(t->coder);
    s->front.in = t->inputs[0].pcoll;
    s->port = (int)plan->n_sinks;
    plan->sinks[plan->n_sinks++] = (bm_port){ t->id, t->endpoint_url };
    *out = &s->front.node;
    return BEAM_OK;
}
