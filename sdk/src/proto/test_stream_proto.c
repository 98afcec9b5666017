/* SPDX-License-Identifier: Apache-2.0 */
/* proto/test_stream_proto.c - the events of a TestStream as TestStreamPayload. One thread. */
#include "proto/builder.h"

static bm_pb_test_elements *elements_proto(bm_arena *arena, const bm_test_event *event)
{
    bm_pb_test_elements *m = bm_pb_test_elements_new(arena);
    bm_list elements = { 0 };
    for (size_t i = 0; i < event->n; i++) {
        bm_pb_test_element *element = bm_pb_test_element_new(arena);
        element->encoded_element = bm_pb_bytes(event->elements[i].bytes);
        element->timestamp = event->elements[i].timestamp;
        bm_list_add(arena, &elements, element);
    }
    BM_PB_REPEATED(m, elements, &elements);
    return m;
}

static bm_pb_test_event *event_proto(bm_arena *arena, const bm_test_event *event)
{
    bm_pb_test_event *m = bm_pb_test_event_new(arena);
    switch (event->kind) {
    case BM_TEST_ELEMENTS:
        m->event_case = PB__TEST_STREAM_PAYLOAD__EVENT__EVENT_ELEMENT_EVENT;
        m->element_event = elements_proto(arena, event);
        break;
    case BM_TEST_WATERMARK:
        m->event_case = PB__TEST_STREAM_PAYLOAD__EVENT__EVENT_WATERMARK_EVENT;
        m->watermark_event = bm_pb_test_watermark_new(arena);
        m->watermark_event->new_watermark = event->time;
        break;
    case BM_TEST_PROCESSING_TIME:
        m->event_case = PB__TEST_STREAM_PAYLOAD__EVENT__EVENT_PROCESSING_TIME_EVENT;
        m->processing_time_event = bm_pb_test_clock_new(arena);
        m->processing_time_event->advance_duration = event->time;
        break;
    }
    return m;
}

beam_status bm_test_stream_payload(bm_builder *b, const bm_step *step, beam_span *out)
{
    const char *coder;
    BEAM_TRY(bm_coder_id(b, step->outputs[0]->type, step->unique_name, &coder));
    bm_pb_test_stream *m = bm_pb_test_stream_new(b->arena);
    m->coder_id = bm_pb_text(coder);
    bm_list events = { 0 };
    for (const bm_test_event *event = step->test_events; event; event = event->next)
        bm_list_add(b->arena, &events, event_proto(b->arena, event));
    BM_PB_REPEATED(m, events, &events);
    *out = BM_PB_PACK(b->arena, m);
    return BEAM_OK;
}
