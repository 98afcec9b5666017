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
    bm_plain_coder plain;
    bm_writer out;
    size_t hand_over_bytes;
    bool *same_coder; /* by source port: its elements' bytes are valid here */
} bm_sink;

/* The collection's only consumer, if that is a sink; otherwise NULL. */
bm_sink *bm_sink_behind(const bm_pcoll *pcoll);
beam_status bm_sink_hand_over(bm_sink *sink);

/* Sends the value, or with another one the pair of them, to the collection in front of the
 * sink, as one element like another one; false: it must go by bm_send(). */
static inline __attribute__((always_inline)) bool
bm_sink_put(bm_sink *sink, bm_pcoll *pcoll, const beam_value *value, const beam_value *other,
            const bm_element *like, beam_status *status)
{
    int64_t count = bm_count_get(&pcoll->count) + 1;
    if (BM_UNLIKELY(count >= pcoll->next_sample)
        || !bm_plain_element_put(&sink->plain, value, other, like, &sink->out))
        return false;
    bm_count_set(&pcoll->count, count);
    *status = BM_LIKELY(sink->out.len < sink->hand_over_bytes) ? BEAM_OK
                                                                : bm_sink_hand_over(sink);
    return true;
}

/* Sends the element to the collection in front of the sink, if it is the very one that a
 * source is pushing, whose bytes can be copied; false: it must go by bm_send(). */
static inline __attribute__((always_inline)) bool
bm_sink_pass(bm_sink *sink, bm_pcoll *pcoll, const bm_element *element, beam_status *status)
{
    const struct bm_passing *passing = &sink->node.plan->passing;
    int64_t count = bm_count_get(&pcoll->count) + (int64_t)element->windows->n;
    if (passing->element != element || passing->source < 0
        || !sink->same_coder[passing->source] || BM_UNLIKELY(count >= pcoll->next_sample)
        || sink->out.cap - sink->out.len < passing->bytes.len)
        return false;
    bm_count_set(&pcoll->count, count);
    bm_copy_short(sink->out.data + sink->out.len, passing->bytes.ptr, passing->bytes.len);
    sink->out.len += passing->bytes.len;
    *status = BM_LIKELY(sink->out.len < sink->hand_over_bytes) ? BEAM_OK
                                                                : bm_sink_hand_over(sink);
    return true;
}

#endif
