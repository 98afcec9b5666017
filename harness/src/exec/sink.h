/* SPDX-License-Identifier: Apache-2.0 */
/* exec/sink.h - the short way of what a DoFn emits to a sink right behind it: plain elements
 * are encoded as they are emitted, without being made. Bundle thread. */
#ifndef BM_SINK_H
#define BM_SINK_H

#include "coders/plain_element.h"
#include "exec/node.h"

/* What a sink's node begins with. */
typedef struct bm_sink {
    bm_node node;
    bm_pcoll *in;
    bm_plain_coder plain;
    bm_writer out;
    size_t short_end; /* length of `out` from which on the short way is none */
    bool *same_coder; /* by source port + 1: its elements' bytes are valid here */
} bm_sink;

/* What is left at short_end, both in the buffer and until it is handed over. */
enum { BM_SINK_ROOM = BM_PLAIN_ROOM + 2 * BM_SHORT };

/* The collection's only consumer, if that is a sink; otherwise NULL. */
bm_sink *bm_sink_behind(const bm_pcoll *pcoll);

/* The short way is for what is sent while this is true. What it refuses must go by bm_send().
 * With `is_short` it refuses what is longer than BM_SHORT, and so needs no call. */
static inline bool bm_sink_is_open(const bm_sink *sink)
{
    return BM_LIKELY(sink->out.len < sink->short_end && !bm_failed(sink->node.plan));
}

/* Has it room for so many bytes that are longer than BM_SHORT? */
static inline bool bm_sink_has_room(const bm_sink *sink, size_t n)
{
    return n < sink->short_end - sink->out.len;
}

/* Sends what has been written at the end of `out`, up to `end`, unless that is NULL. */
static inline __attribute__((always_inline)) bool bm_sink_send(bm_sink *sink, size_t windows,
                                                               const uint8_t *end)
{
    if (!end) return false;
    int64_t count = bm_count_get(&sink->in->count) + (int64_t)windows;
    if (BM_UNLIKELY(count >= sink->in->next_sample)) return false;
    bm_count_set(&sink->in->count, count);
    sink->out.len = (size_t)(end - sink->out.data);
    return true;
}

/* Sends the value, or with another one the pair of them, as an element like another one to
 * the collection in front of the sink; false: refused. */
static inline __attribute__((always_inline)) bool
bm_sink_put(bm_sink *sink, const bm_element *like, const beam_value *value,
            const beam_value *other, bool is_short)
{
    if (!is_short
        && !bm_sink_has_room(sink, bm_plain_text(value) + (other ? bm_plain_text(other) : 0)))
        return false;
    uint8_t *at = sink->out.data + sink->out.len;
    at = bm_put_plain_element(at, &sink->plain, like, value, other, is_short,
                              sink->node.plan->passing.wide);
    return bm_sink_send(sink, 1, at);
}

/* The same for the very element that a source is pushing, whose bytes can be copied. */
static inline __attribute__((always_inline)) bool
bm_sink_pass(bm_sink *sink, const bm_element *element, bool is_short)
{
    const struct bm_passing *passing = &sink->node.plan->passing;
    beam_span bytes = passing->bytes;
    if (passing->element != element || !sink->same_coder[passing->source + 1]
        || (is_short ? bytes.len > BM_SHORT : !bm_sink_has_room(sink, bytes.len)))
        return false;
    uint8_t *at = sink->out.data + sink->out.len;
    if (is_short) bm_copy_inline(at, bytes.ptr, bytes.len);
    else memcpy(at, bytes.ptr, bytes.len);
    return bm_sink_send(sink, element->windows->n, at + bytes.len);
}

#endif
