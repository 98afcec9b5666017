/* SPDX-License-Identifier: Apache-2.0 */
/* TestStream: its events come one by one, each when nothing else can go on. Runner's
 * thread. */
#include "beam_urns.h"
#include "coders/coder_impl.h"
#include "local/local_impl.h"

static bm_coll *output_of(const bm_stage *stage, const bm_leaf *leaf, const char *tag)
{
    for (size_t i = 0; i < leaf->pb->n_outputs; i++)
        if (!strcmp(leaf->pb->outputs[i]->key, tag) || leaf->pb->n_outputs == 1)
            return stage->outputs[i];
    return NULL;
}

beam_status bm_local_test_stream_init(bm_local *l, bm_stage *stage, const bm_leaf *leaf)
{
    stage->test_stream = (Pb__TestStreamPayload *)
        bm_pb_unpack(&l->arena, &pb__test_stream_payload__descriptor,
                     bm_pb_span(leaf->pb->spec->payload), BM_PB_MAX_DEPTH);
    if (!stage->test_stream)
        return bm_error(l->err, BEAM_EINVAL, "%s: its payload is not a TestStreamPayload",
                        stage->name);
    l->skips_waiting = true;
    return BEAM_OK;
}

/* The last step ends event time. */
bool bm_local_test_stream_has_more(const bm_stage *stage)
{
    return stage->output < BEAM_MAX_TIMESTAMP;
}

/* Elements are encoded in the outer context; what the runner does not know gets the length
 * that it has on the wire. */
static beam_status encode_nested(const bm_coder *coder, beam_span element,
                                 bm_arena *arena, bm_writer *out)
{
    if (coder->kind == BM_CODER_LENGTH_PREFIX && coder->arg[0]->kind == BM_CODER_OPAQUE) {
        bm_write_prefixed(out, element);
        return BEAM_OK;
    }
    bm_reader in = bm_reader_of(element);
    beam_value value;
    BEAM_TRY(bm_decode(coder, false, &in, arena, &value));
    return bm_encode(coder, true, value, out);
}

static beam_status add_element(bm_coll *out,
                               const Pb__TestStreamPayload__TimestampedElement *pb,
                               bm_arena *arena, bm_items *items)
{
    bm_writer header = { 0 }, value = { 0 };
    beam_status status = bm_local_item_header(out, pb->timestamp,
                                              &bm_global_windows.at[0], &bm_no_firing,
                                              &header);
    if (!status)
        status = encode_nested(out->value, bm_pb_span(pb->encoded_element), arena,
                               &value);
    if (!status)
        bm_local_items_add(items, bm_local_item_new(pb->timestamp, bm_written(&header),
                                                    bm_written(&value)));
    bm_writer_free(&header);
    bm_writer_free(&value);
    return status;
}

static beam_status add_elements(bm_local *l, bm_stage *stage, bm_coll *out,
                                const Pb__TestStreamPayload__Event__AddElements *pb)
{
    bm_arena arena;
    bm_arena_init(&arena, 0);
    bm_items items = { 0 };
    beam_status status = BEAM_OK;
    for (size_t i = 0; i < pb->n_elements && !status; i++)
        status = add_element(out, pb->elements[i], &arena, &items);
    bm_arena_free(&arena);
    if (!status) return bm_local_deliver(l, out, &items);
    bm_local_items_free(&items);
    return bm_error(l->err, status,
                    "%s: an element cannot be decoded with the coder of "
                    "its output",
                    stage->name);
}

static void set_watermarks(bm_stage *stage)
{
    stage->output = BEAM_MAX_TIMESTAMP;
    for (size_t i = 0; i < stage->n_outputs; i++)
        if (stage->outputs[i]->watermark < stage->output)
            stage->output = stage->outputs[i]->watermark;
    stage->input = stage->output;
}

static beam_status play(bm_local *l, bm_stage *stage,
                        const Pb__TestStreamPayload__Event *e)
{
    const bm_leaf *leaf = stage->leaves[0];
    const char *tag = "";
    if (e->event_case == PB__TEST_STREAM_PAYLOAD__EVENT__EVENT_PROCESSING_TIME_EVENT) {
        bm_local_jump(l, e->processing_time_event->advance_duration);
        return BEAM_OK;
    }
    if (e->event_case == PB__TEST_STREAM_PAYLOAD__EVENT__EVENT_WATERMARK_EVENT)
        tag = e->watermark_event->tag;
    else if (e->event_case == PB__TEST_STREAM_PAYLOAD__EVENT__EVENT_ELEMENT_EVENT)
        tag = e->element_event->tag;
    bm_coll *out = output_of(stage, leaf, tag);
    if (!out)
        return bm_error(l->err, BEAM_EINVAL,
                        "%s: an event is for output '%s', which there "
                        "is not",
                        stage->name, tag);
    if (e->event_case == PB__TEST_STREAM_PAYLOAD__EVENT__EVENT_ELEMENT_EVENT)
        return add_elements(l, stage, out, e->element_event);
    if (e->event_case != PB__TEST_STREAM_PAYLOAD__EVENT__EVENT_WATERMARK_EVENT)
        return BEAM_OK;
    beam_millis t = e->watermark_event->new_watermark;
    if (t > BEAM_MAX_TIMESTAMP) t = BEAM_MAX_TIMESTAMP;
    if (t > out->watermark) out->watermark = t;
    set_watermarks(stage);
    return BEAM_OK;
}

beam_status bm_local_test_stream_step(bm_local *l, bm_stage *stage)
{
    if (stage->next_event < stage->test_stream->n_events)
        return play(l, stage, stage->test_stream->events[stage->next_event++]);
    for (size_t i = 0; i < stage->n_outputs; i++)
        stage->outputs[i]->watermark = BEAM_MAX_TIMESTAMP;
    set_watermarks(stage);
    return BEAM_OK;
}
